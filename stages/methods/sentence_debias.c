/*
 * SentenceDebias (Liang et al. 2020, in the form of bias-bench): the directions in which sentences differ that differ in
 * one attribute word are projected out of the last state.
 *
 * Of each sentence of the text, and each attribute word in it, row by row: one example, the sentence with all occurrences
 * of the word replaced by each of the row's words. A sentence with several of them gives several examples. Words are
 * what stands between blanks, in lower case: "he," is none. With e the unit vectors of the features (features.h, at most
 * 128 tokens) and m their mean in an example, over all examples of a category
 *
 *     S = sum (e - m) (e - m)^T (d,d)         Q (k,d): its leading eigenvectors
 *     h <- h - Q^T Q h
 *
 * which is the principal components of the differences; columns' means are 0 of themselves. Several categories: one
 * after the other, each one's directions made orthogonal to those before. bias-bench leaves out the last examples, fewer
 * than 32; here all count.
 *
 * A step is a batch of examples of one category. S is summed in the order of the examples, in float64, on the root. What
 * a step leaves: the share of S's trace that is not along its directions.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/values.h"
#include "model/numbers/dense.h"
#include "stages/methods/features.h"
#include "stages/methods/last_state_training.h"
#include "stages/methods/word_lookup.h"

struct options {
    size_t components, batch, tokens;
};

static const struct fs_setting rows[] = {
    {.key = "sentence_debias.components",
     .kind = FS_SETTING_INTEGER,
     .initial = "1",
     .least = 1,
     .most = 1000,
     .unit = "directions a category",
     FS_SETTING_MEMBER(struct options, components),
     .meaning = "how many principal components are projected out"},
    {.key = "sentence_debias.tokens",
     .kind = FS_SETTING_INTEGER,
     .initial = "128",
     .least = 3,
     .most = 1000000,
     .unit = "tokens",
     FS_SETTING_MEMBER(struct options, tokens),
     .meaning = "of a sentence of edit.text, the most, with special tokens; what is behind them is left out"},
    {.key = "sentence_debias.batch",
     .kind = FS_SETTING_INTEGER,
     .initial = "2048",
     .least = 1,
     .most = 1000000,
     .unit = "examples",
     FS_SETTING_MEMBER(struct options, batch),
     .meaning = "of a step, after which the training can be saved; the root holds two or three states of each"},
};
static const struct fs_settings settings = {rows, sizeof rows / sizeof rows[0]};

/* The examples, in the order of the steps. */
struct examples {
    struct fs_text_list texts;
    size_t *first; /* [count + 1] texts of example i: first[i] .. first[i + 1] - 1 */
    size_t count, capacity;
    size_t *category; /* [categories + 1] the examples of each */
    size_t categories;
};

static void release_examples(void *own)
{
    struct examples *examples = own;
    fs_text_list_release(&examples->texts);
    free(examples->first);
    free(examples->category);
    free(examples);
}

/* The sentence with `word` replaced by `other`, as a text. */
static int add_replaced(struct fs_text_list *texts, const char *sentence, const char *word, const char *other,
                        struct fs_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    for (const char *next = sentence; stream != NULL;) {
        size_t length = strcspn(next, " ");
        if (fs_is_word(word, next, length)) {
            fputs(other, stream);
        } else {
            fwrite(next, 1, length, stream);
        }
        if (next[length] == '\0') {
            break;
        }
        fputc(' ', stream);
        next += length + 1;
    }
    int status = stream != NULL && fclose(stream) == 0 ? fs_text_list_add(texts, text, size, err)
                                                       : fs_error_memory(err, strlen(sentence), "an example");
    free(text);
    return status;
}

static int add_example(struct examples *examples, const struct fs_word_lookup *lookup, size_t row, size_t word,
                       const char *sentence, struct fs_error *err)
{
    const struct fs_attribute_rows *table = &lookup->rows;
    if (fs_grow(&examples->first, &examples->capacity, examples->count + 2, sizeof *examples->first, "examples", err) !=
        0) {
        return -1;
    }
    examples->first[examples->count++] = examples->texts.count;
    for (size_t i = table->first[row]; i < table->first[row + 1]; i++) {
        if (add_replaced(&examples->texts, sentence, table->word[word], table->word[i], err) != 0) {
            return -1;
        }
    }
    examples->first[examples->count] = examples->texts.count;
    return 0;
}

/* Those of one category. */
static int add_examples(const struct fs_method_task *task, const struct fs_text_list *sentences, const char *category,
                        struct examples *examples, struct fs_error *err)
{
    struct fs_word_lookup lookup;
    size_t before = examples->count;
    int status = fs_word_lookup_make(task->words, category, &lookup, err);
    for (size_t s = 0; status == 0 && s < sentences->count; s++) {
        const char *sentence = fs_text(sentences, s);
        bool any = fs_word_lookup_in(&lookup, sentence, strlen(sentence));
        for (size_t row = 0; any && status == 0 && row < lookup.rows.rows; row++) {
            for (size_t i = lookup.rows.first[row]; status == 0 && i < lookup.rows.first[row + 1]; i++) {
                if (lookup.found[i]) {
                    status = add_example(examples, &lookup, row, i, sentence, err);
                }
            }
        }
    }
    fs_word_lookup_release(&lookup);
    examples->category[++examples->categories] = examples->count;
    if (status == 0 && examples->count == before) {
        status = fs_error_set(err, FS_EXIT_DATA,
                              "%s: found no sentence with an attribute word of category \"%s\"; name a longer text as "
                              "edit.text, or leave the category out",
                              task->text, category);
    }
    return status;
}

static int make_examples(const struct fs_method_task *task, struct examples *examples, struct fs_error *err)
{
    struct fs_text_list sentences = {0};
    const char **category = NULL;
    size_t categories = 0;
    if (fs_list_categories(task, &category, &categories, err) != 0) {
        return -1;
    }
    examples->category = fs_allocate(categories + 1, sizeof *examples->category, "examples", err);
    int status = examples->category != NULL ? fs_sentences_read(task->text, &sentences, err) : -1;
    for (size_t k = 0; status == 0 && k < categories; k++) {
        status = add_examples(task, &sentences, category[k], examples, err);
    }
    fs_text_list_release(&sentences);
    free(category);
    return status;
}

static int prepare(const struct fs_method_task *task, struct fs_last_state_training *training, struct fs_error *err)
{
    struct examples *examples = fs_allocate(1, sizeof *examples, "examples", err);
    training->own = examples;
    training->release = release_examples;
    return examples != NULL ? make_examples(task, examples, err) : -1;
}

/* ---- the training ---- */

static size_t steps_of(const struct examples *examples, size_t batch)
{
    size_t steps = 0;
    for (size_t k = 0; k < examples->categories; k++) {
        steps += (examples->category[k + 1] - examples->category[k] + batch - 1) / batch;
    }
    return steps;
}

/* The examples of step `step`, and whose they are. */
struct batch {
    size_t category, first, count;
    bool begins; /* the first of its category */
};

static struct batch batch_of(const struct examples *examples, size_t size, size_t step)
{
    struct batch batch = {0};
    size_t steps = (examples->category[1] - examples->category[0] + size - 1) / size;
    while (step >= steps) {
        step -= steps;
        batch.category++;
        steps = (examples->category[batch.category + 1] - examples->category[batch.category] + size - 1) / size;
    }
    size_t left = examples->category[batch.category + 1] - examples->category[batch.category] - step * size;
    batch.first = examples->category[batch.category] + step * size;
    batch.count = left < size ? left : size;
    batch.begins = step == 0;
    return batch;
}

static int measure(const struct fs_method_task *task, const struct fs_last_state_training *training,
                   struct fs_last_state_sizes *sizes, struct fs_error *err)
{
    const struct options *options = task->settings;
    const struct examples *examples = training->own;
    size_t d = fs_spec_state_width(fs_model_spec(task->model)), rank = examples->categories * options->components;
    if (rank > d) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "sentence_debias.components: found %zu for %zu categories, expected at most %zu of each: "
                            "states have %zu numbers",
                            options->components, examples->categories, d / examples->categories, d);
    }
    *sizes = (struct fs_last_state_sizes){
        .rank = rank, .steps = steps_of(examples, options->batch), .works = d * d + rank * d, .terms = 1};
    return 0;
}

/* state (texts,d) of examples: their unit vectors, less the mean of each. `probes`: some are zeros. */
static int centre(const struct examples *examples, struct batch batch, size_t d, bool probes, double *state,
                  struct fs_error *err)
{
    size_t begin = examples->first[batch.first];
    for (size_t i = batch.first; i < batch.first + batch.count; i++) {
        size_t texts = examples->first[i + 1] - examples->first[i];
        double *row = state + (examples->first[i] - begin) * d;
        for (size_t t = 0; t < texts; t++) {
            double square = 0;
            for (size_t k = 0; k < d; k++) {
                square += row[t * d + k] * row[t * d + k];
            }
            if (!(square > 0) && !probes) {
                return fs_error_set(err, FS_EXIT_DATA,
                                    "sentence_debias: the mean state of a sentence is 0 or no number: "
                                    "\"%.80s\"",
                                    fs_text(&examples->texts, examples->first[i] + t));
            }
            for (size_t k = 0; square > 0 && k < d; k++) {
                row[t * d + k] /= sqrt(square);
            }
        }
        for (size_t k = 0; k < d; k++) {
            double mean = 0;
            for (size_t t = 0; t < texts; t++) {
                mean += row[t * d + k];
            }
            mean /= (double)texts;
            for (size_t t = 0; t < texts; t++) {
                row[t * d + k] -= mean;
            }
        }
    }
    return 0;
}

/* The directions of category `category` from S, the first of `work`, into the basis behind it and the map. `*left`: of S
 * beside them. */
static int find_directions(struct fs_last_state_training *training, size_t category, size_t components, double *left,
                           struct fs_error *err)
{
    size_t d = training->edit.size[0];
    double *s = training->work, *basis = training->work + d * d, trace = 0, along = 0;
    double *copy = fs_allocate(d * d, sizeof *copy, "a matrix of differences", err);
    double *value = fs_allocate(components, sizeof *value, "eigenvalues", err);
    double *own = basis + category * components * d;
    int status = copy != NULL && value != NULL ? 0 : -1;
    if (status == 0) {
        memcpy(copy, s, d * d * sizeof *copy);
        status = fs_dense_eigenvectors(d, components, copy, value, own, err);
    }
    for (size_t i = 0; status == 0 && i < d; i++) {
        trace += s[i * d + i];
    }
    for (size_t k = 0; status == 0 && k < components; k++) {
        along += value[k];
        fs_dense_orthonormalise(d, category * components + k, basis, own + k * d);
    }
    if (status == 0) {
        *left = trace > 0 ? fmax(0, 1 - along / trace) : 1;
        fs_last_state_set(&training->edit, NULL, basis, basis);
    }
    free(copy);
    free(value);
    return status;
}

static int do_step(const struct fs_method_task *task, struct fs_last_state_training *training, double *left,
                   struct fs_error *err)
{
    const struct options *options = task->settings;
    const struct examples *examples = training->own;
    const struct batch batch = batch_of(examples, options->batch, training->base.step);
    size_t d = training->edit.size[0], first = examples->first[batch.first];
    size_t texts = examples->first[batch.first + batch.count] - first;
    bool root = fs_runner_is_root(task->runner);
    double *state = root ? fs_allocate(texts, d * sizeof *state, "features of texts", err) : NULL;
    int status = fs_runner_agree(task->runner, root && state == NULL ? -1 : 0, err);
    if (status == 0) {
        status = fs_features(task, options->tokens, &examples->texts, first, texts, state, err);
    }
    if (status == 0 && root) {
        if (batch.begins) {
            memset(training->work, 0, d * d * sizeof *training->work);
        }
        status = centre(examples, batch, d, task->runner->probes, state, err);
        if (status == 0) {
            fs_dense_add_square(texts, d, state, training->work);
            status = find_directions(training, batch.category, options->components, left, err);
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
    size_t d = spec != NULL ? fs_spec_state_width(spec) : 0;
    /* Features of triples, as they come, in their places, and at work; S, its copy, and the archive's. */
    double features = 3 * 3 * (double)options->batch * (double)d, matrices = 3 * (double)d * (double)d;
    *out = (struct fs_training_size){.root = (features + matrices) * (double)sizeof(double),
                                     .inner = options->components, /* of one category */
                                     .parameters = d > 0 ? fs_last_state_parameters(d, options->components) : 0,
                                     .steps = 1, /* at least: how many follows from the text */
                                     .save_every = 1};
}

static int read_history(const struct fs_archive *archive, struct fs_training_history *history, struct fs_error *err)
{
    static const struct fs_last_state_words words = {
        .name = "SentenceDebias",
        .term = {"left"},
        .caption = "left: the share of the differences between sentences that is not along the directions so far; each "
                   "category begins anew."};
    return fs_last_state_history(archive, &words, history, err);
}

static const struct fs_trainer trainer = FS_LAST_STATE_TRAINER;

_Static_assert(sizeof(struct options) <= sizeof(union fs_method_settings), "room for the settings");

extern const struct fs_method fs_method_sentence_debias;
const struct fs_method fs_method_sentence_debias = {
    .name = "sentence_debias",
    .about =
        "SentenceDebias: directions in which sentences with exchanged attribute words differ, out of the last state",
    .edit = &fs_edit_last_state,
    .settings = &settings,
    .settings_size = sizeof(struct options),
    .trainer = &trainer,
    .learns = FS_LEARNS_TEXT | FS_LEARNS_WORDS};
