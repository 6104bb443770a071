/*
 * How groups of ranks get the cells of a sweep: the first rank of each asks the root of all, which answers whenever it waits
 * for other ranks or hands out units (fs_mpi_attend). Who is asked to stop tells the root, and the root all groups.
 */
#ifndef FAIRSTAMP_PIPELINE_SWEEPS_HAND_OUT_H
#define FAIRSTAMP_PIPELINE_SWEEPS_HAND_OUT_H

#include <mpi.h>

#include "pipeline/sweeps/cell_list.h"

/* On the first rank of each group. */
struct fs_hand_out {
    MPI_Comm world;
    size_t group, groups, models;
    const int *first;          /* [groups] ranks of `world` */
    struct fs_cell_list *list; /* the root's; elsewhere NULL */
    bool stopped;              /* nothing more is begun */
    unsigned char *message;    /* room for an answer */
};

/* `hand_out` is set but for stopped and message. From then on it is attended to, until fs_hand_out_end. Local. */
int fs_hand_out_begin(struct fs_hand_out *hand_out, struct fs_error *err);
void fs_hand_out_end(struct fs_hand_out *hand_out); /* local; takes what has not begun */

/*
 * Tells that `cell` (FS_CELL_NONE: none) ended with `code`, and returns the next one, or FS_CELL_NONE; `needed`[models]:
 * fs_cell_list_needed. `model`: which one is open. Waits while others may still leave something to do. By each first rank.
 */
size_t fs_hand_out_next(struct fs_hand_out *hand_out, size_t cell, int code, size_t model, unsigned char *needed);

#endif
