/*
 * Which job a result file belongs to. For each stage: a text of all that its results depend on, one "name = value" a
 * line (settings, SHA-256 of the files read, the digest of the stage before), and the SHA-256 of that text. What
 * changes no result (output folder, checkpoint intervals, ranks) is not in it. Local: the root.
 */
#ifndef FAIRSTAMP_JOBS_FINGERPRINT_H
#define FAIRSTAMP_JOBS_FINGERPRINT_H

#include <stdbool.h>

#include "io/digest.h"
#include "jobs/job.h"
#include "model/spec.h"

struct fs_identity {
    char *settings[FS_STAGE_COUNT];
    char digest[FS_STAGE_COUNT][FS_DIGEST_SIZE];
};

extern const char *const fs_stage_names[FS_STAGE_COUNT]; /* "trace", ...: also the file's name and format */

/* The variant of a suite's key: the job's, or the default of the model's kind. */
const char *fs_job_variant(const struct fs_job *job, enum fs_key key, enum fs_model_kind kind);

/* A number's value, likewise: the weights of the stamp's loss and the start of its key biases have a default for each
 * kind of model. */
double fs_job_model_number(const struct fs_job *job, enum fs_key key, enum fs_model_kind kind);

/* Whether the pairs of StereoSet are edited, otherwise BiasKE's; and the key of the edited pairs' variant. */
bool fs_job_edits_stereoset(const struct fs_job *job);
enum fs_key fs_job_pair_variant_key(const struct fs_job *job);

/* Reads every input file once. The caller releases. */
int fs_identity_make(const struct fs_job *job, struct fs_identity *identity, struct fs_error *err);
void fs_identity_release(struct fs_identity *identity); /* takes a zeroed struct */

/*
 * The first file of the model in `folder` that the settings text `there` does not have with the same SHA-256, into
 * `name` of `size` bytes; "" where there is none: what the settings belong to was made with this model.
 */
int fs_identity_foreign_model(const char *there, const char *folder, char *name, size_t size, struct fs_error *err);

/* The names whose lines differ between two settings texts, "a, b", into `names` of `size` bytes. */
void fs_identity_difference(const char *there, const char *wanted, char *names, size_t size);

#endif
