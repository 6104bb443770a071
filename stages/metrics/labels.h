/* Numbers for texts such as categories and target terms. Local. */
#ifndef FAIRSTAMP_STAGES_METRICS_LABELS_H
#define FAIRSTAMP_STAGES_METRICS_LABELS_H

#include <stddef.h>

#include "io/error.h"

/* Distinct texts in the order of their first appearance, and the number of each item's. */
struct fs_labels {
    const char **name; /* [count] not owned */
    size_t count;
    size_t *of; /* [items] */
};
/* text [items]. The caller releases, also on failure. */
int fs_labels_create(const char *const *text, size_t items, struct fs_labels *labels, struct fs_error *err);
void fs_labels_release(struct fs_labels *labels); /* takes a zeroed struct */

#endif
