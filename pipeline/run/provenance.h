/*
 * Where a result file comes from: group /provenance, text attributes. Two runs that compute the same differ here alone,
 * and comparisons leave it out. Local: the root.
 */
#ifndef FAIRSTAMP_PIPELINE_RUN_PROVENANCE_H
#define FAIRSTAMP_PIPELINE_RUN_PROVENANCE_H

#include "io/archive/archive.h"
#include "jobs/job.h"
#include "pipeline/ranks/session.h"

/* `settings`, `series`: the stage's of struct fs_fingerprint; `seconds`: since the stage began in this run. */
int fs_provenance_write(struct fs_archive *archive, const struct fs_session *session, const struct fs_job *job,
                        const char *settings, const char *series, double seconds, struct fs_error *err);

/* "fairstamp 0.1.0 (git ...)" and the libraries, for --version; the caller frees. NULL: out of memory. */
char *fs_version_text(void);

/* "fairstamp 0.1.0, Open MPI ..., HDF5 ..., OpenBLAS ...", for errors and logs. */
#define FS_LIBRARIES_SIZE 320
void fs_libraries_text(char text[FS_LIBRARIES_SIZE]);

#endif
