/* What the tests of methods that train share: settings, trainings, stops; pairs and log probabilities of golden files. */
#ifndef TESTS_UNIT_STAGES_TRAINING_SUPPORT_H
#define TESTS_UNIT_STAGES_TRAINING_SUPPORT_H

#include "io/formats/json.h"
#include "stages/methods/method.h"
#include "support.h"

/* The defaults of a method's settings. */
void fill_settings(const struct fs_method *method, enum fs_model_kind kind, union fs_method_settings *settings);
/* One of them, by its key, as in a job. */
void change_setting(const struct fs_method *method, const char *key, const char *value,
                    union fs_method_settings *settings);

/* A save that does nothing. */
int go_on(void *context, const struct fs_training_state *state, bool stop, struct fs_error *err);
/* A whole training; the caller destroys. Fails the test where there is none. */
struct fs_training_state *trained(const struct fs_method *method, const struct fs_method_task *task);
/*
 * Trains by both tasks, which differ in threads alone, and by the first one with a stop and an archive (path_of("part.h5"))
 * after each step: all edits must have the same bits. Returns the number of steps.
 */
size_t expect_same_bits(const struct fs_method *method, const struct fs_method_task *task,
                        const struct fs_method_task *threads);

/* What methods learn of a text from. */
struct text_scene {
    struct loaded loaded;
    struct fs_attribute_table *words;
    char text[512];
    union fs_method_settings settings;
    struct fs_method_task task;
};
/* `model` of tests/golden/models; words and text are written to files; `categories` outlives the scene. */
void open_text_scene(struct text_scene *scene, const struct fs_method *method, const char *model, size_t threads,
                     const char *words, const char *text, const char *const *categories);
void close_text_scene(struct text_scene *scene);

/* The golden file's pairs, of StereoSet's form ("fills") and of BiasKE's ("subjects"); the caller releases. */
void read_golden_pairs(const struct fs_json_document *golden, const char *name, struct fs_pair_list *pairs);

/* The words of a golden file, which the caller destroys, and the path of a file of its sentences, a line each. */
struct fs_attribute_table *read_golden_words(const struct fs_json_document *golden);
const char *write_golden_text(const struct fs_json_document *golden);

/* Log p of each id of the golden file's text, at most 60, with the edit (NULL: none): masked in turn, or given those before. */
void read_text(const struct loaded *own, const cJSON *ids, const struct fs_edit *edit, double *logprob);

/* Within `bound` of each expected number. */
void expect_numbers(const char *what, const cJSON *expected, const double *found, double bound);

#endif
