/*
 * The batch scripts as they are submitted: the file of slurm/ with what it reads (site.sh, launch.sh) and with what it needs of
 * the submission, since a job may get no environment (sbatch --export=NONE) and runs where the folder slurm/ may be missing.
 * Local.
 */
#ifndef FAIRSTAMP_SLURM_SLURM_SCRIPT_H
#define FAIRSTAMP_SLURM_SLURM_SCRIPT_H

#include "jobs/sweep.h"

struct fs_script_source {
    const struct fs_sweep *sweep;
    const char *folder;  /* of the batch scripts */
    const char *site;    /* a file of settings, read after site.sh; NULL: none */
    const char *program; /* as the job starts it */
};

/*
 * Writes <sweep>/slurm/<name> from `name` of source->folder; `*path`: where, which the caller frees. What it takes from the
 * environment is that of the caller: PATH and LD_LIBRARY_PATH, the variables of FAIRSTAMP_, Open MPI, OpenMP, OpenBLAS, HDF5
 * and UCX, and those that the sweep's jobs name. FS_EXIT_NO_INPUT where a file cannot be read.
 */
int fs_slurm_script_write(const struct fs_script_source *source, const char *name, char **path, struct fs_error *err);

#endif
