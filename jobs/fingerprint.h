/*
 * Which job a result file belongs to. For each stage: a text of all that its results depend on, one "name = value" a
 * line (settings, SHA-256 of the files read, the digest of the stage before), and the SHA-256 of that text. What
 * changes no result (output folder, checkpoint intervals, ranks) is not in it. Local: the root.
 */
#ifndef FAIRSTAMP_JOBS_FINGERPRINT_H
#define FAIRSTAMP_JOBS_FINGERPRINT_H

#include <stdbool.h>

#include "io/digest.h"
#include "io/folder.h"
#include "jobs/job.h"
#include "model/families/spec.h"

struct fs_fingerprint {
    char *settings[FS_STAGE_COUNT];
    char digest[FS_STAGE_COUNT][FS_DIGEST_SIZE];
    char series[FS_STAGE_COUNT]
               [FS_DIGEST_SIZE]; /* the same of all but `seed`: equal for jobs that differ in it alone */
};

/* Reads every input file that this process has not read yet (io/digest_cache.h). The caller releases. */
int fs_fingerprint_make(const struct fs_job *job, struct fs_fingerprint *fingerprint, struct fs_error *err);
/* The files that it reads, those of models first: *models of them. The caller releases; nothing is hashed. */
int fs_fingerprint_files(const struct fs_job *job, struct fs_folder *files, size_t *models, struct fs_error *err);
void fs_fingerprint_release(struct fs_fingerprint *fingerprint); /* takes a zeroed struct */

/*
 * The first file of the model in `folder` that the settings text `found` does not have with the same SHA-256, into
 * `name` of `size` bytes; "" where there is none: the settings are of a result with this model.
 */
int fs_fingerprint_other_model(const char *found, const char *folder, char *name, size_t size, struct fs_error *err);

/* The names whose lines differ between two settings texts, "a, b", into `names` of `size` bytes. */
void fs_fingerprint_difference(const char *found, const char *wanted, char *names, size_t size);

#endif
