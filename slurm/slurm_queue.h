/* What was submitted of a sweep, and what Slurm says of it: slurm_submit.c submits, and keeps this. Local. */
#ifndef FAIRSTAMP_SLURM_SLURM_QUEUE_H
#define FAIRSTAMP_SLURM_SLURM_QUEUE_H

#include "jobs/stage_names.h"
#include "jobs/sweep.h"

#define FS_SWEEP_ARRAYS 3   /* trace, train, evaluate with all that is left */
#define FS_SLURM_STATE 32   /* bytes of a state as text */
#define FS_SLURM_ID 32      /* bytes of a job's number as text */
#define FS_SWEEP_PARTS 4096 /* that are looked after at once */

/* The command that an array is called after; the last one does whatever is left of a cell. */
extern const char *const fs_sweep_array_names[FS_SWEEP_ARRAYS];

/*
 * A part is some cells, those from `first` on, in an array a stage: task i of it is cell first + i. The parts that were
 * submitted together are followed by one merge.
 */
struct fs_sweep_part {
    size_t first;
    char array[FS_SWEEP_ARRAYS][FS_SLURM_ID], merge[FS_SLURM_ID];
    bool live[FS_SWEEP_ARRAYS], merge_live; /* something of it is in the queue */
};

struct fs_sweep_queue {
    struct fs_sweep_part *part; /* [parts], the latest last; FS_SWEEP_PARTS are allocated */
    size_t parts;
    char (*state)[FS_SLURM_STATE]; /* [cells][FS_STAGE_COUNT]; "": not known */
    size_t *told_by;               /* [cells][FS_STAGE_COUNT]: the part of that state */
    bool *live;                    /* [cells]: a task of it is in the queue */
};

/* Reads slurm.json of the sweep's folder, and asks Slurm. The caller releases, also on failure. */
int fs_sweep_queue_read(const struct fs_sweep *sweep, struct fs_sweep_queue *queue, struct fs_error *err);
void fs_sweep_queue_release(struct fs_sweep_queue *queue); /* takes a zeroed struct */
/* Forgets parts of which nothing is in the queue any more. */
void fs_sweep_queue_forget(struct fs_sweep_queue *queue);
/* Writes slurm.json. */
int fs_sweep_queue_write(const struct fs_sweep *sweep, const struct fs_sweep_queue *queue, struct fs_error *err);

/* What Slurm says of each cell's stages, where it was submitted and is still known; "" otherwise. `state` is
 * [cells][FS_STAGE_COUNT] texts of FS_SLURM_STATE bytes; the caller frees. */
int fs_sweep_slurm_states(const struct fs_sweep *sweep, char (**state)[FS_SLURM_STATE], struct fs_error *err);

#endif
