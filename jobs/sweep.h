/*
 * A sweep: many jobs from one file, models x categories x settings. Its folder:
 *
 *     manifest.json       the cells: id, model, categories, settings, job, its SHA-256, whose trace is taken, estimate
 *     cells.txt           their ids, a line each: line i + 1 is task i of the batch arrays
 *     jobs/<id>.json      one ordinary job file a cell
 *     cells/<id>/         its output folder
 *     logs/<id>.log       what its runs said
 *     slurm.json          what was submitted last
 *     slurm/              the batch scripts of the last submission, which name this folder nowhere
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

#define FS_CELL_LENGTH 200 /* of an id, of [A-Za-z0-9._=+-], not "." or ".." */

struct fs_sweep_cell {
    char *id;
    char *job;                   /* path of its job file */
    char *output;                /* path of its folder */
    char *model;                 /* the model's name */
    char sha256[FS_DIGEST_SIZE]; /* of the job file, as planned */
    size_t trace_of;             /* the cell whose trace this one takes over; itself where it makes its own */
};

struct fs_sweep {
    char *folder;
    size_t cells;
    struct fs_sweep_cell *cell;
};

/*
 * Expands the sweep file at `path` into `folder`. FS_EXIT_CONFIG names the key or the cell that is wrong; a folder that
 * holds another plan is refused (FS_EXIT_OTHER_JOB). The same file gives the same plan; existing files stay. With
 * `check`, models and data must be there (sweep_check.h), and nothing is planned where they are not.
 */
int fs_sweep_plan(const char *path, const char *folder, bool check, size_t *cells, struct fs_error *err);

/* Reads the manifest of `folder`. The caller releases, also on failure. */
int fs_sweep_read(const char *folder, struct fs_sweep *sweep, struct fs_error *err);
void fs_sweep_release(struct fs_sweep *sweep); /* takes a zeroed struct */

#endif
