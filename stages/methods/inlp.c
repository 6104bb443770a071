/*
 * INLP (Ravfogel et al. 2020, in the form of bias-bench): directions by which linear classifiers tell labelled sentences
 * (labelled.h) are projected out of the last state, one round of classifiers after the other.
 *
 * Features x are mean last states (features.h), at the model's whole length, not scaled, of float32. Of a category's
 * sentences 30 % are for a test, 30 % of the rest for development, drawn by seed; the others are trained on:
 *
 *     X_0 = X;  for i = 1 .. N:
 *         w_c: a classifier of each class against the others (svm.h), on X_(i-1); of two classes one
 *         Q: the rows so far, and each w_c made orthogonal to them; less than 1e-10 of it left: nothing
 *         X_i = X - X Q^T Q
 *     h <- h - Q^T Q h
 *
 * Several categories: one after the other, each on what those before have left. bias-bench takes 80 classifiers of masked
 * models and 10 of causal ones.
 *
 * Steps: batches of sentences, whose features the root keeps until the end; then the rounds. The rows that are trained on
 * lie in float64 on the ranks that train them. What a round leaves: the share of the sentences for development, and for the
 * test, that its classifiers get right.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/values.h"
#include "model/numbers/dense.h"
#include "model/numbers/random.h"
#include "stages/methods/features.h"
#include "stages/methods/labelled.h"
#include "stages/methods/last_state_training.h"
#include "stages/methods/svm.h"

#define STREAM ((uint64_t)1 << 44) /* of the split */
#define HELD 0.3                   /* for the test, and of the rest for development */
#define LEAST_LEFT 1e-10           /* of a classifier, beside those before */
#define SENT ((size_t)2048)        /* rows that travel at a time */

struct options {
    size_t rounds, sentences, batch;
};

static const struct fs_setting rows[] = {
    {.key = "inlp.rounds",
     .kind = FS_SETTING_AUTO,
     .initial = "auto",
     .least = 1,
     .most = 100000,
     .unit = "rounds",
     FS_SETTING_MEMBER(struct options, rounds),
     .meaning =
         "rounds of classifiers of a category, each of which takes a direction for each class, of two classes one; "
         "\"auto\": as published, 80 of masked models and 10 of causal ones, less where they would leave less than "
         "a third of the states' directions"},
    {.key = "inlp.sentences",
     .kind = FS_SETTING_INTEGER,
     .initial = "10000",
     .least = 1,
     .most = 1e9,
     .unit = "sentences a class",
     FS_SETTING_MEMBER(struct options, sentences),
     .meaning = "of edit.text, the most that are taken, drawn by seed; the root holds a state of each"},
    {.key = "inlp.batch",
     .kind = FS_SETTING_INTEGER,
     .initial = "2048",
     .least = 1,
     .most = 1000000,
     .unit = "sentences",
     FS_SETTING_MEMBER(struct options, batch),
     .meaning = "of a step, after which the training can be saved, as it can after each round"},
};
static const struct fs_settings settings = {rows, sizeof rows / sizeof rows[0]};

enum part { TRAIN, DEVELOPMENT, TEST };

/* What is made again of the task. */
struct own {
    struct fs_labelled labelled;
    unsigned char *part;     /* [texts] an enum part */
    size_t rounds;           /* of a category */
    struct fs_svm_rows rows; /* of `category`; zeroed: none yet */
    size_t category;
};

static void release_own(void *pointer)
{
    struct own *own = pointer;
    fs_labelled_release(&own->labelled);
    fs_svm_rows_release(&own->rows);
    free(own->part);
    free(own);
}

/* ---- the split ---- */

struct place {
    uint64_t key;
    size_t text;
};

static int by_key(const void *a, const void *b)
{
    const struct place *one = a, *other = b;
    int by = (one->key > other->key) - (one->key < other->key);
    return by != 0 ? by : (one->text > other->text) - (one->text < other->text);
}

/* As scikit-learn counts: shares are rounded up. */
static int split_category(const struct fs_method_task *task, struct own *own, size_t category, struct fs_error *err)
{
    const struct fs_labelled *labelled = &own->labelled;
    const struct fs_labelled_part *at = &labelled->part[category];
    size_t n = at[1].text - at->text, tests = (size_t)ceil(HELD * (double)n);
    size_t developments = (size_t)ceil(HELD * (double)(n - tests)), trained[UCHAR_MAX + 1] = {0};
    struct place *place = fs_allocate(n, sizeof *place, "a split of texts", err);
    if (place == NULL) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        struct fs_random random = fs_random_start(task->seed, STREAM + at->text + i);
        place[i] = (struct place){fs_random_next(&random), at->text + i};
    }
    qsort(place, n, sizeof *place, by_key);
    for (size_t i = 0; i < n; i++) {
        own->part[place[i].text] = i < tests ? TEST : i < tests + developments ? DEVELOPMENT : TRAIN;
        trained[labelled->label[place[i].text]] += i >= tests + developments;
    }
    free(place);
    for (size_t c = at->class; c < at[1].class; c++) {
        if (trained[c] == 0) {
            return fs_error_set(
                err, FS_EXIT_DATA,
                "%s: of class %zu of %zu of category %zu no sentence is left to train on, the others are "
                "for the test; name a longer text as edit.text, or leave the category out",
                task->text, c - at->class + 1, at[1].class - at->class, category + 1);
        }
    }
    return 0;
}

/* Classifiers of a round. */
static size_t classifiers_of(const struct fs_labelled *labelled, size_t category)
{
    size_t classes = labelled->part[category + 1].class - labelled->part[category].class;
    return classes > 2 ? classes : 1;
}

/* Where a round of all categories takes `directions`. */
static size_t rounds_of(const struct options *options, const struct fs_spec *spec, size_t directions)
{
    size_t published = spec->kind == FS_MASKED ? 80 : 10, room = fs_spec_state_width(spec) * 2 / 3 / directions;
    size_t rounds = published < room ? published : room;
    return options->rounds != FS_AUTO ? options->rounds : rounds > 0 ? rounds : 1;
}

static int prepare(const struct fs_method_task *task, struct fs_last_state_training *training, struct fs_error *err)
{
    const struct options *options = task->settings;
    struct own *own = fs_allocate(1, sizeof *own, "labelled sentences", err);
    size_t directions = 0;
    training->own = own;
    training->release = release_own;
    if (own == NULL || fs_labelled_make(task, options->sentences, &own->labelled, err) != 0) {
        return -1;
    }
    own->part = fs_allocate(own->labelled.texts.count, 1, "a split of texts", err);
    int status = own->part != NULL ? 0 : -1;
    for (size_t k = 0; status == 0 && k < own->labelled.categories; k++) {
        status = split_category(task, own, k, err);
        directions += classifiers_of(&own->labelled, k);
    }
    own->rounds = rounds_of(options, fs_model_spec(task->model), directions);
    return status;
}

/* ---- the training ---- */

static size_t batches_of(const struct fs_labelled *labelled, size_t batch)
{
    return (labelled->texts.count + batch - 1) / batch;
}

static int measure(const struct fs_method_task *task, const struct fs_last_state_training *training,
                   struct fs_last_state_sizes *sizes, struct fs_error *err)
{
    const struct options *options = task->settings;
    const struct own *own = training->own;
    const struct fs_labelled *labelled = &own->labelled;
    size_t d = fs_spec_state_width(fs_model_spec(task->model)), directions = 0;
    for (size_t k = 0; k < labelled->categories; k++) {
        directions += classifiers_of(labelled, k);
    }
    if (own->rounds >= (d + directions - 1) / directions) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "inlp.rounds: found %zu with %zu directions each, expected at most %zu: states have %zu "
                            "numbers, and a direction must be left",
                            own->rounds, directions, (d - 1) / directions, d);
    }
    *sizes =
        (struct fs_last_state_sizes){.rank = own->rounds * directions,
                                     .steps = batches_of(labelled, options->batch) + own->rounds * labelled->categories,
                                     .works = own->rounds * directions * d,
                                     .keeps = labelled->texts.count * d,
                                     .terms = 2};
    return 0;
}

/* Features of a batch of sentences, into `kept`. */
static int collect(const struct fs_method_task *task, struct fs_last_state_training *training, struct fs_error *err)
{
    const struct options *options = task->settings;
    const struct fs_labelled *labelled = &((const struct own *)training->own)->labelled;
    size_t d = training->edit.size[0], first = training->base.step * options->batch;
    size_t left = labelled->texts.count - first, count = left < options->batch ? left : options->batch;
    bool root = fs_runner_is_root(task->runner);
    double *state = root ? fs_allocate(count, d * sizeof *state, "features of texts", err) : NULL;
    int status = fs_runner_agree(task->runner, root && state == NULL ? -1 : 0, err);
    if (status == 0) {
        status = fs_features(task, SIZE_MAX, &labelled->texts, first, count, state, err);
    }
    for (size_t i = 0; status == 0 && root && i < count * d; i++) {
        training->kept[first * d + i] = (float)state[i];
        if (!isfinite(training->kept[first * d + i])) {
            status = fs_error_set(err, FS_EXIT_DATA, "inlp: the mean state of a sentence is no number: \"%.80s\"",
                                  fs_text(&labelled->texts, first + i / d));
        }
    }
    free(state);
    return fs_runner_agree(task->runner, status, err);
}

/* Where a round stands. */
struct round {
    size_t category, number; /* in its category */
    size_t row;              /* of Q, its first one */
    size_t classifiers;
};

static struct round round_of(const struct options *options, const struct own *own, size_t step)
{
    struct round round = {.number = step - batches_of(&own->labelled, options->batch)};
    for (; round.number >= own->rounds; round.category++) {
        round.row += own->rounds * classifiers_of(&own->labelled, round.category);
        round.number -= own->rounds;
    }
    round.classifiers = classifiers_of(&own->labelled, round.category);
    round.row += round.number * round.classifiers;
    return round;
}

/* Rows of Q from the root to all, and out of the rows that are trained on. */
static int project(const struct fs_method_task *task, struct fs_last_state_training *training, size_t first,
                   size_t count, struct fs_error *err)
{
    struct own *own = training->own;
    size_t d = training->edit.size[0];
    double *basis = training->work + first * d;
    if (count > 0 && fs_runner_broadcast(task->runner, basis, count * d * sizeof *basis, err) != 0) {
        return -1;
    }
    fs_svm_rows_project(&own->rows, count, basis);
    return 0;
}

/* The features of texts `first` .. from the root to all, of which each takes its own. `row`: of the next one. */
static int spread(const struct fs_method_task *task, struct fs_last_state_training *training, size_t first,
                  size_t count, size_t *row, struct fs_error *err)
{
    struct own *own = training->own;
    size_t d = training->edit.size[0];
    bool root = fs_runner_is_root(task->runner);
    float *copy = root ? NULL : fs_allocate(count, d * sizeof *copy, "features of texts", err);
    float *x = root ? training->kept + first * d : copy;
    int status = fs_runner_agree(task->runner, x == NULL ? -1 : 0, err);
    if (status == 0) {
        status = fs_runner_broadcast(task->runner, x, count * d * sizeof *x, err);
    }
    for (size_t i = 0; status == 0 && i < count; i++) {
        if (own->part[first + i] == TRAIN) {
            fs_svm_rows_set(&own->rows, (*row)++, x + i * d);
        }
    }
    free(copy);
    return status;
}

/* The rows of a category, less what the rows of Q so far take out, one after the other: after a restart as before. */
static int place_rows(const struct fs_method_task *task, struct fs_last_state_training *training,
                      const struct round *round, struct fs_error *err)
{
    struct own *own = training->own;
    const struct fs_labelled *labelled = &own->labelled;
    const struct fs_labelled_part *at = &labelled->part[round->category];
    size_t texts = at[1].text - at->text, count = 0, row = 0;
    unsigned char *label = fs_allocate(texts, 1, "labels of texts", err);
    for (size_t i = at->text; label != NULL && i < at[1].text; i++) {
        if (own->part[i] == TRAIN) {
            label[count++] = (unsigned char)(labelled->label[i] - at->class);
        }
    }
    fs_svm_rows_release(&own->rows);
    int status = fs_runner_agree(task->runner, label == NULL ? -1 : 0, err);
    if (status == 0) {
        status = fs_svm_rows_make(task->runner, count, training->edit.size[0], label, &own->rows, err);
    }
    own->category = round->category;
    for (size_t first = 0; status == 0 && first < texts; first += SENT) {
        status = spread(task, training, at->text + first, texts - first < SENT ? texts - first : SENT, &row, err);
    }
    free(label);
    return status == 0 ? project(task, training, 0, round->row, err) : -1;
}

/* Whether the classifiers (count,d) get text `i` right; of two classes the only one is of the second. */
static bool is_right(const struct fs_last_state_training *training, const struct round *round, const double *w,
                     size_t i)
{
    const struct own *own = training->own;
    size_t d = training->edit.size[0], best = 0;
    double most = -INFINITY;
    for (size_t c = 0; c < round->classifiers; c++) {
        double product = 0;
        for (size_t j = 0; j < d; j++) {
            product += (double)training->kept[i * d + j] * w[c * d + j];
        }
        best = product > most ? c : best;
        most = fmax(most, product);
    }
    best = round->classifiers == 1 ? most > 0 : best;
    return own->labelled.label[i] - own->labelled.part[round->category].class == best;
}

/* left [2]: of the sentences for development and for the test. The classifiers are orthogonal to Q's rows before them, so
 * that they need no projected states. */
static void count_right(const struct fs_last_state_training *training, const struct round *round, const double *w,
                        double *left)
{
    const struct own *own = training->own;
    const struct fs_labelled_part *at = &own->labelled.part[round->category];
    size_t right[3] = {0}, all[3] = {0};
    for (size_t i = at->text; i < at[1].text; i++) {
        if (own->part[i] != TRAIN) {
            right[own->part[i]] += is_right(training, round, w, i);
            all[own->part[i]]++;
        }
    }
    left[0] = (double)right[DEVELOPMENT] / (double)all[DEVELOPMENT];
    left[1] = (double)right[TEST] / (double)all[TEST];
}

static int train_round(const struct fs_method_task *task, struct fs_last_state_training *training,
                       const struct round *round, double *left, struct fs_error *err)
{
    const struct own *own = training->own;
    size_t d = training->edit.size[0];
    double *w = fs_allocate(round->classifiers, d * sizeof *w, "a classifier", err);
    int status = fs_runner_agree(task->runner, w == NULL ? -1 : 0, err);
    for (size_t c = 0; status == 0 && c < round->classifiers; c++) {
        unsigned char class = (unsigned char)(round->classifiers == 1 ? 1 : c);
        status = fs_svm_solve(task->runner, &own->rows, class, FS_SVM_DENSE, w + c * d, err);
    }
    if (status == 0 && fs_runner_is_root(task->runner)) {
        double *basis = training->work;
        count_right(training, round, w, left);
        for (size_t c = 0; c < round->classifiers; c++) {
            double *row = basis + (round->row + c) * d;
            memcpy(row, w + c * d, d * sizeof *row);
            if (fs_dense_orthonormalise(d, round->row + c, basis, row) < LEAST_LEFT) {
                memset(row, 0, d * sizeof *row);
            }
        }
        fs_last_state_set(&training->edit, NULL, basis, basis);
    }
    free(w);
    return status == 0 ? project(task, training, round->row, round->classifiers, err) : -1;
}

static int do_step(const struct fs_method_task *task, struct fs_last_state_training *training, double *left,
                   struct fs_error *err)
{
    const struct options *options = task->settings;
    const struct own *own = training->own;
    if (training->base.step < batches_of(&own->labelled, options->batch)) {
        left[0] = left[1] = NAN;
        return collect(task, training, err);
    }
    const struct round round = round_of(options, own, training->base.step);
    if ((own->rows.count == 0 || own->category != round.category) && place_rows(task, training, &round, err) != 0) {
        return -1;
    }
    return train_round(task, training, &round, left, err);
}

/* ---- the method ---- */

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
    size_t d = spec != NULL ? fs_spec_state_width(spec) : 0, classes = 3; /* of one category of pairs, the most */
    size_t rounds = spec != NULL ? rounds_of(options, spec, classes) : 1, rank = rounds * classes;
    /* States, which are kept, and those of a batch; H and its sums. */
    double kept = (double)(classes * options->sentences) * (double)d * (double)sizeof(float);
    double features = 3 * (double)options->batch * (double)d, matrices = 2 * (double)d * (double)d;
    *out = (struct fs_training_size){.root = 2 * kept + (features + matrices) * (double)sizeof(double),
                                     .inner = rank,
                                     .parameters = d > 0 ? fs_last_state_parameters(d, rank) : 0,
                                     .steps = rounds, /* and those of the text */
                                     .save_every = 1};
}

static int read_history(const struct fs_archive *archive, struct fs_training_history *history, struct fs_error *err)
{
    static const struct fs_last_state_words words = {
        .name = "INLP",
        .term = {"development", "test"},
        .caption = "development, test: the share of these sentences that the round's classifiers get right; each "
                   "category begins anew."};
    return fs_last_state_history(archive, &words, history, err);
}

static const struct fs_trainer trainer = FS_LAST_STATE_TRAINER;

_Static_assert(sizeof(struct options) <= sizeof(union fs_method_settings), "room for the settings");

extern const struct fs_method fs_method_inlp;
const struct fs_method fs_method_inlp = {
    .name = "inlp",
    .about =
        "INLP: directions by which linear classifiers tell attribute words, one after the other, out of the last state",
    .edit = &fs_edit_last_state,
    .settings = &settings,
    .settings_size = sizeof(struct options),
    .trainer = &trainer,
    .learns = FS_LEARNS_TEXT | FS_LEARNS_WORDS};
