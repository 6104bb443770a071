/*
 * The job file: JSON with the keys of one table, which also makes the help text, the man page, the JSON schema and the
 * list of keys in jobs/README.md. Relative paths of the file count from the file's folder, those of --set from the
 * working directory.
 * ${NAME} in a text is replaced by the environment's variable. Local.
 */
#ifndef FAIRSTAMP_JOBS_JOB_H
#define FAIRSTAMP_JOBS_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

/* FS_STAGE_LAYERS: stamps at several layers, the check of the trace; done where trace.verify asks for it. */
enum fs_stage { FS_STAGE_TRACE, FS_STAGE_STAMP, FS_STAGE_EVALUATE, FS_STAGE_LAYERS, FS_STAGE_COUNT };
extern const char *const fs_stage_names[FS_STAGE_COUNT]; /* "trace", ...: also the file's name and format */

enum fs_key_kind {
    FS_KEY_PATH,    /* a file or folder, absolute once the job is loaded */
    FS_KEY_CHOICE,  /* one of `choices` */
    FS_KEY_LIST,    /* list of texts */
    FS_KEY_INTEGER, /* a whole number */
    FS_KEY_NUMBER,
    FS_KEY_FLAG, /* true or false */
    FS_KEY_LAYER /* "auto" or a whole number */
};

enum fs_key {
    FS_KEY_MODEL,
    FS_KEY_OUTPUT,
    FS_KEY_SEED,
    FS_KEY_CATEGORIES,
    FS_KEY_DATA_STEREOSET,
    FS_KEY_DATA_CROWS_PAIRS,
    FS_KEY_DATA_BIASKE,
    FS_KEY_DATA_ATTRIBUTE_WORDS,
    FS_KEY_DATA_STEREOSET_INTERSENTENCE,
    FS_KEY_DATA_STEREOSET_SYNONYMS,
    FS_KEY_DATA_WINOBIAS,
    FS_KEY_DATA_WINOGENDER,
    FS_KEY_DATA_BEC_PRO,
    FS_KEY_DATA_SEAT,
    FS_KEY_DATA_COUNTERFACT,
    FS_KEY_DATA_KNOWN_FACTS,
    FS_KEY_DATA_TEXT,
    FS_KEY_EDIT_PAIRS,
    FS_KEY_SCORING_STEREOSET,
    FS_KEY_SCORING_CROWS_PAIRS,
    FS_KEY_SCORING_BIASKE,
    FS_KEY_SPLIT_HELD_OUT,
    FS_KEY_SPLIT_VALIDATION,
    FS_KEY_TRACE_POSITIONS,
    FS_KEY_TRACE_KINDS,
    FS_KEY_TRACE_WINDOW,
    FS_KEY_TRACE_HEAT_MAP,
    FS_KEY_TRACE_CORRUPTION,
    FS_KEY_TRACE_NOISE_SCALE,
    FS_KEY_TRACE_NOISE_SAMPLES,
    FS_KEY_TRACE_BOOTSTRAP,
    FS_KEY_TRACE_VERIFY,
    FS_KEY_TRACE_REUSE,
    FS_KEY_STAMP_LAYER,
    FS_KEY_STAMP_WIDTH,
    FS_KEY_STAMP_LOSS,
    FS_KEY_STAMP_ALPHA,
    FS_KEY_STAMP_BETA,
    FS_KEY_STAMP_KEY_BIAS,
    FS_KEY_STAMP_GENERIC_PROMPTS,
    FS_KEY_STAMP_NEUTRAL_SUBJECTS,
    FS_KEY_STAMP_LEVEL_WEIGHT,
    FS_KEY_STAMP_BALANCE_WEIGHT,
    FS_KEY_STAMP_BALANCE_WIDTH,
    FS_KEY_STAMP_KL_ROWS,
    FS_KEY_STAMP_KL_WITHOUT_COMPLETION,
    FS_KEY_STAMP_KEEP_BEST,
    FS_KEY_STAMP_LEARNING_RATE,
    FS_KEY_STAMP_SCHEDULE,
    FS_KEY_STAMP_BETA1,
    FS_KEY_STAMP_BETA2,
    FS_KEY_STAMP_EPSILON,
    FS_KEY_STAMP_ITERATIONS,
    FS_KEY_STAMP_BATCH,
    FS_KEY_STAMP_CHECKPOINT_EVERY,
    FS_KEY_EVALUATE_BOOTSTRAP,
    FS_KEY_EVALUATE_TEXT_TOKENS,
    FS_KEY_EVALUATE_PERMUTATIONS,
    FS_KEY_CHECKPOINT_SECONDS,
    FS_KEY_CHECKPOINT_SHARE,
    FS_KEY_COUNT
};

struct fs_job_key {
    const char *name; /* "stamp.width" */
    enum fs_key_kind kind;
    const char *initial;       /* the default as text; NULL: none */
    const char *initial_words; /* for people, where there is no plain default; NULL: `initial` */
    bool required;
    double minimum, maximum;
    const char *choices;
    const char *unit;
    unsigned stages; /* bits 1 << fs_stage: whose results depend on the value */
    const char *help;
};
extern const struct fs_job_key fs_job_keys[FS_KEY_COUNT];

struct fs_job;

/* Reads `path` and puts the `sets` settings "key=value" over it. FS_EXIT_CONFIG for a wrong key or value,
 * FS_EXIT_NO_INPUT. */
int fs_job_load(const char *path, const char *const *set, size_t sets, struct fs_job **job, struct fs_error *err);
void fs_job_destroy(struct fs_job *job); /* takes NULL */

/* Values; texts are owned by the job. NULL and NaN where the key has neither value nor default. */
const char *fs_job_text(const struct fs_job *job, enum fs_key key);        /* path, choice, layer, "a,b" of a list */
/* The value of key "<group>.<name>"; NULL where there is no such key. */
const char *fs_job_text_of(const struct fs_job *job, const char *group, const char *name);
const char *const *fs_job_list(const struct fs_job *job, enum fs_key key); /* NULL-terminated */
double fs_job_number(const struct fs_job *job, enum fs_key key);           /* integer, number */
bool fs_job_flag(const struct fs_job *job, enum fs_key key);
/* Whether a choice's value is `choice`. */
bool fs_job_chose(const struct fs_job *job, enum fs_key key, const char *choice);
/* The file's own text, for provenance. */
const char *fs_job_source(const struct fs_job *job);

#endif
