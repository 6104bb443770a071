/*
 * Which cells of a sweep are to be done, under way and done, where groups of ranks take them. The root's: local, no MPI. Its
 * words go to standard error, whatever cell the root itself is at.
 */
#ifndef FAIRSTAMP_PIPELINE_SWEEPS_CELL_LIST_H
#define FAIRSTAMP_PIPELINE_SWEEPS_CELL_LIST_H

#include <stdbool.h>

#include "jobs/sweep.h"

enum fs_cell_turn { FS_TURN_BEFORE, FS_TURN_UNDER_WAY, FS_TURN_OVER };

struct fs_cell_list {
    const struct fs_sweep *sweep;
    unsigned char *turn; /* [cells] enum fs_cell_turn */
    bool *runs;          /* [cells] under way */
    int *log;            /* [cells] open and locked while under way; else -1 */
    double *refused;     /* [cells] when its log was first found locked; 0: never */
    size_t models;
    size_t *model;       /* [cells] that it works on */
    unsigned char *uses; /* [cells][models] which it opens */
    size_t failed, elsewhere;
};

/* All cells are to be done; `model` and `uses` are zero. The caller releases, also on failure. */
int fs_cell_list_create(const struct fs_sweep *sweep, size_t models, struct fs_cell_list *list, struct fs_error *err);
void fs_cell_list_release(struct fs_cell_list *list); /* takes a zeroed struct */

#define FS_CELL_NONE_NOW ((size_t)-1) /* ask again later */
#define FS_CELL_NONE ((size_t)-2)     /* all are under way or over */
/*
 * The cell that `group` begins now, locked: one of `model` where there is one, otherwise the first. Not one that waits for
 * another's trace, or whose log another sweep run holds; that one is left to it after 5 s, for a launcher's helpers may have it
 * for a moment after their cell has ended.
 */
size_t fs_cell_list_begin(struct fs_cell_list *list, size_t group, size_t model);
/* `code`: the exit code of the cell. */
void fs_cell_list_end(struct fs_cell_list *list, size_t cell, int code);
/* Nothing more is begun. */
void fs_cell_list_stop(struct fs_cell_list *list);
/* Which models cells that are not begun will open, into needed[models]. */
void fs_cell_list_needed(const struct fs_cell_list *list, unsigned char *needed);

#endif
