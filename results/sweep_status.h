/* How far the cells of a sweep are, and their merged archive. Local: one process, no ranks. */
#ifndef FAIRSTAMP_RESULTS_SWEEP_STATUS_H
#define FAIRSTAMP_RESULTS_SWEEP_STATUS_H

#include "jobs/sweep.h"

/* What a stage's file is. */
enum fs_cell_state {
    FS_CELL_MISSING,
    FS_CELL_PART,    /* partial results alone */
    FS_CELL_DAMAGED, /* a file that is not whole */
    FS_CELL_DONE,    /* whole, every byte hashed */
    FS_CELL_UNASKED  /* the job has no such stage */
};
struct fs_cell_progress {
    enum fs_cell_state stage[FS_STAGE_COUNT];
    bool changed;  /* the job file is not the planned one */
    bool complete; /* all stages that the job asks for are done */
    bool named;    /* the plan has another name of the model than its path */
};
/* Looks at the files. An error: a job file that cannot be read. */
int fs_sweep_look(const struct fs_sweep_cell *cell, struct fs_cell_progress *progress, struct fs_error *err);
/* Says so where the job file is not the planned one. */
void fs_sweep_warn_changed(const struct fs_sweep_cell *cell, const struct fs_cell_progress *progress);

/* Merges the cells of which a stage is done, and none is damaged, into <folder>/archive.h5; `*missing` cells are not
 * complete, and named on standard error. */
int fs_sweep_merge(const struct fs_sweep *sweep, size_t *missing, struct fs_error *err);

#endif
