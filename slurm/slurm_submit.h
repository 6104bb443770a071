/* Submits a sweep to Slurm. Local: one process, no ranks. */
#ifndef FAIRSTAMP_SLURM_SLURM_SUBMIT_H
#define FAIRSTAMP_SLURM_SLURM_SUBMIT_H

#include "jobs/sweep.h"

struct fs_submission {
    const char *scripts; /* folder of the batch scripts; NULL: where they are installed, or in the source tree */
    const char *site;    /* a file of settings, read after the folder's site.sh; NULL: none */
    const char *options; /* for every sbatch, separated by blanks; NULL: none */
    size_t limit;        /* cells at once; 0: no limit */
};
/*
 * Submits arrays over the cells that are not complete, a stage each, and the merge, with scripts that need no environment
 * (slurm_script.h). The program is FAIRSTAMP_PROGRAM, or this one. Says what it submits.
 */
int fs_sweep_submit(const struct fs_sweep *sweep, const struct fs_submission *submission, struct fs_error *err);

#endif
