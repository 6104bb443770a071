/*
 * Items grouped by what makes them alike, such as a target term: a bootstrap resamples the groups (clusters), each with all
 * of its items, for items of one term are no independent draws (Cameron, Gelbach, Miller 2008). Local.
 */
#ifndef FAIRSTAMP_STAGES_METRICS_CLUSTERS_H
#define FAIRSTAMP_STAGES_METRICS_CLUSTERS_H

#include <stddef.h>

#include "io/error.h"

struct fs_clusters {
    size_t count;  /* clusters that have an item, in the order of first appearance */
    size_t *first; /* [count + 1] into item */
    size_t *item;  /* [n] the items of cluster after cluster, in each ascending */
};

/* number[n]: equal ones are one cluster; NULL: each item is its own. The caller releases, also on failure. */
int fs_clusters_create(size_t n, const size_t *number, struct fs_clusters *clusters, struct fs_error *err);
void fs_clusters_release(struct fs_clusters *clusters); /* takes a zeroed struct */

#endif
