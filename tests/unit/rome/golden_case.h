/* What the tests of ROME and MEMIT share: cases of tests/golden/rome.json and memit.json. */
#ifndef FAIRSTAMP_TESTS_ROME_GOLDEN_CASE_H
#define FAIRSTAMP_TESTS_ROME_GOLDEN_CASE_H

#include "tests/unit/stamp/support.h"

#include "model/edits/weight.h"
#include "stages/methods/method.h"
#include "stages/methods/target_value.h"

static const bool wide = sizeof(fs_real) == sizeof(double);

/* Numbers of arrays in arrays, which the caller frees. */
double *numbers_of(const cJSON *array, size_t *count);
/* The distance of `found` from `wanted`, relative to the norm of the latter. */
double apart(const double *wanted, const double *found, size_t count);
double apart_of(const cJSON *array, const fs_real *found, size_t count);
/* The number of a word among "a|b|c". */
size_t choice(const char *word, const char *choices);
struct fs_target_options target_of(const cJSON *root, const cJSON *item);

/* The case of the golden file that is `number` there. */
const cJSON *case_of(const struct fs_json_document *document, int number);

/* A new file in /tmp, which the caller removes. */
void make_path(char path[64]);
/* A state to the archive at `path`, and back: 0, or -1 as the trainer's `read`; the caller destroys `back`. */
void write_state(const char *path, const struct fs_trainer *trainer, const struct fs_method_task *task,
                 const struct fs_training_state *state);
int read_state(const char *path, const struct fs_trainer *trainer, struct fs_training_state **back,
               struct fs_error *err);

/* Row `row` of an edit of weights at its layer `number`, dense. */
void row_of(const struct fs_edit *edit, size_t number, size_t row, fs_real *out);

/* What one edit is made of, but for its settings, the caller's. */
struct edited {
    struct test_model m;
    struct fs_pair_list list;
    bool held_out[10];
    char text[64];
    struct fs_runner *runner;
    struct fs_method_task task;
};
void open_edited(struct edited *e, const cJSON *root, const cJSON *item, size_t threads, const void *settings);
void close_edited(struct edited *e);

#endif
