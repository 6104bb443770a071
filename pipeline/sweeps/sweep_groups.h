/* Runs the cells of a sweep in one MPI job: groups of ranks take them. Collective over all ranks. */
#ifndef FAIRSTAMP_PIPELINE_SWEEPS_SWEEP_GROUPS_H
#define FAIRSTAMP_PIPELINE_SWEEPS_SWEEP_GROUPS_H

#include "jobs/sweep.h"
#include "pipeline/ranks/session.h"

/* Runs the job file `job` by the ranks of `session`; its results go to stdout. Collective over them. */
typedef int fs_cell_function(struct fs_session *session, const char *job, struct fs_error *err);

struct fs_group_request {
    size_t size;        /* ranks of a group; at most all */
    size_t part, parts; /* of the cells, in their order, in equal parts: this one */
    fs_cell_function *run;
};

/*
 * The cells of `sweep`, the same on all ranks, that are not complete: ranks / size groups of `size` ranks or, where some are
 * left over, one more, each a session of its own, begin the next cell as soon as they have ended one. The root of all hands
 * them out while it waits. What a cell says and prints goes to its log. Once any rank is asked to stop, all groups save what
 * they are at: FS_EXIT_INTERRUPTED. `*failed`, `*elsewhere`: as fs_sweep_run, on all ranks.
 */
int fs_sweep_run_groups(struct fs_session *world, const struct fs_sweep *sweep, const struct fs_group_request *request,
                        size_t *failed, size_t *elsewhere, struct fs_error *err);

#endif
