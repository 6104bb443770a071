/*
 * LEACE (leace_map.h) on labelled sentences (labelled.h): features are their mean last states (features.h), classes those
 * of all categories of the job together, and the map acts at every position of the last state. Features at the model's
 * whole length, not scaled.
 *
 * A step is a batch of sentences, whose sums are added in the order of the text, in float64, on the root; the last step
 * makes the map, and knows its measure: the largest singular value of W S_xz, the correlation that is erased.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/values.h"
#include "model/numbers/dense.h"
#include "stages/methods/features.h"
#include "stages/methods/labelled.h"
#include "stages/methods/last_state_training.h"
#include "stages/methods/leace_map.h"

struct options {
    size_t sentences, batch;
};

static const struct fs_setting rows[] = {
    {.key = "leace.sentences",
     .kind = FS_SETTING_INTEGER,
     .initial = "10000",
     .least = 1,
     .most = 1e9,
     .unit = "sentences a class",
     FS_SETTING_MEMBER(struct options, sentences),
     .meaning = "of edit.text, the most that are taken, drawn by seed"},
    {.key = "leace.batch",
     .kind = FS_SETTING_INTEGER,
     .initial = "2048",
     .least = 1,
     .most = 1000000,
     .unit = "sentences",
     FS_SETTING_MEMBER(struct options, batch),
     .meaning = "of a step, after which the training can be saved; the root holds a state of each"},
};
static const struct fs_settings settings = {rows, sizeof rows / sizeof rows[0]};

static void release_labelled(void *own)
{
    fs_labelled_release(own);
    free(own);
}

static int prepare(const struct fs_method_task *task, struct fs_last_state_training *training, struct fs_error *err)
{
    const struct options *options = task->settings;
    struct fs_labelled *labelled = fs_allocate(1, sizeof *labelled, "labelled sentences", err);
    training->own = labelled;
    training->release = release_labelled;
    return labelled != NULL ? fs_labelled_make(task, options->sentences, labelled, err) : -1;
}

/* What a training goes on with: the sums. */
static struct fs_leace_sums sums_of(const struct fs_last_state_training *training, size_t classes)
{
    size_t d = training->edit.size[0];
    return (struct fs_leace_sums){d, classes, training->work, training->work + d * d,
                                  training->work + d * d + classes * d};
}

static int measure(const struct fs_method_task *task, const struct fs_last_state_training *training,
                   struct fs_last_state_sizes *sizes, struct fs_error *err)
{
    const struct options *options = task->settings;
    const struct fs_labelled *labelled = training->own;
    size_t d = fs_spec_state_width(fs_model_spec(task->model)), k = labelled->classes;
    (void)err;
    *sizes = (struct fs_last_state_sizes){.rank = k - 1,
                                          .steps = (labelled->texts.count + options->batch - 1) / options->batch,
                                          .works = d * d + k * d + k,
                                          .terms = 1};
    return 0;
}

static void add_features(const struct fs_labelled *labelled, size_t first, size_t count, const double *state,
                         struct fs_leace_sums *sums)
{
    size_t d = sums->hidden;
    fs_dense_add_square(count, d, state, sums->square);
    for (size_t t = 0; t < count; t++) {
        size_t label = labelled->label[first + t];
        sums->count[label] += 1;
        for (size_t i = 0; i < d; i++) {
            sums->sum[label * d + i] += state[t * d + i];
        }
    }
}

static int make_map(struct fs_last_state_training *training, const struct fs_leace_sums *sums, double *correlation,
                    struct fs_error *err)
{
    size_t d = sums->hidden, numbers = (sums->classes - 1) * d;
    double *centre = fs_allocate(d + 2 * numbers, sizeof *centre, "a map of the last state", err);
    int status = centre != NULL ? fs_leace_map(sums, centre, centre + d, centre + d + numbers, correlation, err) : -1;
    if (status == 0) {
        fs_last_state_set(&training->edit, centre, centre + d, centre + d + numbers);
    }
    free(centre);
    return status;
}

static int do_step(const struct fs_method_task *task, struct fs_last_state_training *training, double *correlation,
                   struct fs_error *err)
{
    const struct options *options = task->settings;
    const struct fs_labelled *labelled = training->own;
    size_t d = training->edit.size[0], first = training->base.step * options->batch;
    size_t left = labelled->texts.count - first, count = left < options->batch ? left : options->batch;
    bool root = fs_runner_is_root(task->runner);
    double *state = root ? fs_allocate(count, d * sizeof *state, "features of texts", err) : NULL;
    int status = fs_runner_agree(task->runner, root && state == NULL ? -1 : 0, err);
    if (status == 0) {
        status = fs_features(task, SIZE_MAX, &labelled->texts, first, count, state, err);
    }
    if (status == 0 && root) {
        struct fs_leace_sums sums = sums_of(training, labelled->classes);
        add_features(labelled, first, count, state, &sums);
        *correlation = NAN;
        if (training->base.step + 1 == training->base.steps) {
            status = make_map(training, &sums, correlation, err);
        }
    }
    free(state);
    return fs_runner_agree(task->runner, status, err);
}

static const struct fs_last_state_method method = {prepare, measure, do_step};

static int create(const struct fs_method_task *task, size_t pairs, struct fs_training_state **state,
                  struct fs_error *err)
{
    (void)pairs;
    return fs_last_state_new(&method, task, state, err);
}

static int train(const struct fs_method_task *task, fs_training_save *save, void *context,
                 struct fs_training_state *state, struct fs_error *err)
{
    return fs_last_state_train(&method, task, save, context, state, err);
}

static void size(const void *own, const struct fs_spec *spec, struct fs_training_size *out)
{
    const struct options *options = own;
    size_t d = spec != NULL ? fs_spec_state_width(spec) : 0, rank = 2; /* of one category of pairs */
    /* Features as they come, in their places, and at work; sums, S, its eigenvectors, and the archive's. */
    double features = 3 * (double)options->batch * (double)d, matrices = 4 * (double)d * (double)d;
    *out = (struct fs_training_size){.root = (features + matrices) * (double)sizeof(double),
                                     .inner = rank,
                                     .parameters = d > 0 ? fs_last_state_parameters(d, rank) : 0,
                                     .steps = 1, /* at least: how many follows from the text */
                                     .save_every = 1};
}

static int read_history(const struct fs_archive *archive, struct fs_training_history *history, struct fs_error *err)
{
    static const struct fs_last_state_words words = {
        .name = "LEACE",
        .term = {"correlation"},
        .caption =
            "correlation: the largest singular value of what is erased between whitened states and classes, known "
            "in the last step."};
    return fs_last_state_history(archive, &words, history, err);
}

static const struct fs_trainer trainer = FS_LAST_STATE_TRAINER;

_Static_assert(sizeof(struct options) <= sizeof(union fs_method_settings), "room for the settings");

extern const struct fs_method fs_method_leace;
const struct fs_method fs_method_leace = {
    .name = "leace",
    .about = "LEACE: the least affine change of the last state behind which no linear classifier finds attribute words",
    .edit = &fs_edit_last_state,
    .settings = &settings,
    .settings_size = sizeof(struct options),
    .trainer = &trainer,
    .learns = FS_LEARNS_TEXT | FS_LEARNS_WORDS};
