/*
 * A sweep: many jobs from one file, models x categories x settings. Its folder:
 *
 *     manifest.json       the cells: id, model, categories, settings, job, its SHA-256, whose trace is taken, estimate
 *     cells.txt           their ids, a line each: line i + 1 is task i of the batch arrays
 *     jobs/<id>.json      one ordinary job file a cell
 *     cells/<id>/         its output folder
 *     logs/<id>.log       what its runs said
 *     slurm.json          what was submitted last
 *     archive.h5          all cells, merged
 *
 * Nothing in it names the folder itself: it may be moved. Local: one process, no ranks.
 */
#ifndef FAIRSTAMP_JOBS_SWEEP_H
#define FAIRSTAMP_JOBS_SWEEP_H

#include <stdbool.h>
#include <stddef.h>

#include "io/digest.h"
#include "io/error.h"
#include "jobs/job.h"
#include "pipeline/commands/options.h"

struct fs_sweep_cell {
    char *id;
    char *job;                   /* path of its job file */
    char *output;                /* path of its folder */
    char sha256[FS_DIGEST_SIZE]; /* of the job file, as planned */
    size_t trace_of;             /* the cell whose trace this one takes over; itself where it makes its own */
};

struct fs_sweep {
    char *folder;
    size_t cells;
    struct fs_sweep_cell *cell;
};

/* Expands the sweep file at `path` into `folder`. FS_EXIT_CONFIG names the key or the cell that is wrong; a folder that
 * holds another plan is refused (FS_EXIT_FOREIGN). The same file gives the same plan; what is there already stays. */
int fs_sweep_plan(const char *path, const char *folder, size_t *cells, struct fs_error *err);

/*
 * Estimates the cells that have no estimate yet by `fairstamp estimate` on this machine, writes them into the manifest
 * and each to estimate.json of its output folder, and prints them, as a table or as JSON. A cell that cannot be
 * estimated is named on standard error and left out.
 */
int fs_sweep_estimate(const char *folder, bool json, struct fs_error *err);

/* Reads the manifest of `folder`. The caller releases, also on failure. */
int fs_sweep_read(const char *folder, struct fs_sweep *sweep, struct fs_error *err);
void fs_sweep_release(struct fs_sweep *sweep); /* takes a zeroed struct */

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
};
/* Looks at the files. An error: a job file that cannot be read. */
int fs_sweep_look(const struct fs_sweep_cell *cell, struct fs_cell_progress *progress, struct fs_error *err);

/* Merges the cells of which a stage is done, and none is damaged, into <folder>/archive.h5; `*missing` cells are not
 * complete, and named on standard error. */
int fs_sweep_merge(const struct fs_sweep *sweep, size_t *missing, struct fs_error *err);

/*
 * Does the cells that are not complete, `at_once` at a time, each by "<launcher> fairstamp run jobs/<id>.json" (without
 * a launcher: one process). SIGINT, SIGTERM and SIGUSR1 are handed on; then nothing more is begun. `*failed`: cells
 * that did not end with 0; `*elsewhere`: cells that another sweep run was at. Several at once have a share of the cores
 * each. A cell that takes another one's trace over waits for it. FS_EXIT_INTERRUPTED after a signal.
 */
int fs_sweep_run(const struct fs_sweep *sweep, size_t at_once, const char *launcher, size_t *failed, size_t *elsewhere,
                 struct fs_error *err);

struct fs_submission {
    const char *scripts; /* folder of the batch scripts; NULL: where they are installed, or in the source tree */
    const char *options; /* for every sbatch, separated by blanks; NULL: none */
    size_t limit;        /* cells at once; 0: no limit */
};
/* Submits arrays over the cells that are not complete, a stage each, and the merge. Says what it submits. */
int fs_sweep_submit(const struct fs_sweep *sweep, const struct fs_submission *submission, struct fs_error *err);

/* What Slurm says of each cell's stages, where it was submitted and is still known; "" otherwise. `state` is
 * [cells][FS_STAGE_COUNT] texts of FS_SLURM_STATE bytes; the caller frees. */
#define FS_SLURM_STATE 32
int fs_sweep_slurm_states(const struct fs_sweep *sweep, char (**state)[FS_SLURM_STATE], struct fs_error *err);

#endif
