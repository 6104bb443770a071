/*
 * Whole models trained further on a text. Built twice, against PyTorch in float64 (tests/golden/make_cda.py): which words are
 * exchanged, losses and all weights; in float32 also: the same bits on any number of threads and after any stop; what is
 * refused.
 */
#include "tests/unit/stamp/support.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/trainable.h"
#include "stages/methods/corpus.h"
#include "stages/methods/further.h"
#include "tests/unit/model/reals.h"
#include "tests/unit/scratch.h"

extern const struct fs_method fs_method_cda;
static struct fs_json_document *document;
static char text_path[1024];
static struct fs_attribute_table *words;
static const struct fs_further_form forms[] = {{.name = "dropout_debias"}, {.name = "cda", .exchanges = true}};

static size_t size_of(const char *key)
{
    return (size_t)number_of(fs_json_root(document), key);
}

static int setup(void **state)
{
    struct fs_error err = FS_ERROR_INIT;
    if (scratch_make(state) != 0) {
        return -1;
    }
    document = open_golden("cda");
    const char *text = get(fs_json_root(document), "text")->valuestring;
    char *json = cJSON_Print(get(fs_json_root(document), "words"));
    snprintf(text_path, sizeof text_path, "%s", scratch_write_text("text.txt", text));
    assert_done(fs_attribute_table_read(scratch_write_text("words.json", json), &words, &err), err);
    cJSON_free(json);
    return 0;
}

static int teardown(void **state)
{
    fs_attribute_table_destroy(words);
    fs_json_destroy(document);
    return scratch_remove(state);
}

static struct fs_further_options options_of(bool fold)
{
    return (struct fs_further_options){.steps = size_of("steps"),
                                       .batch = size_of("batch"),
                                       .block = size_of("block"),
                                       .learning_rate = number_of(fs_json_root(document), "learning_rate"),
                                       .clip = number_of(fs_json_root(document), "clip"),
                                       .letters = fold ? FS_CASE_FOLD : FS_CASE_EXACT,
                                       .checkpoint_every = 1};
}

static struct fs_method_task task_of(const struct test_model *m, const struct fs_further_options *options,
                                     struct fs_runner *runner)
{
    return (struct fs_method_task){.model = m->model,
                                   .tokenizer = m->tokenizer,
                                   .text = text_path,
                                   .words = words,
                                   .runner = runner,
                                   .seed = size_of("seed"),
                                   .settings = options};
}

/* ---- PyTorch ---- */

/* The lines that count, one category after the other. */
static void check_texts(const cJSON *expected)
{
    struct fs_error err = FS_ERROR_INIT;
    const enum fs_word_case letters = cJSON_IsTrue(get(expected, "fold")) ? FS_CASE_FOLD : FS_CASE_EXACT;
    char text[4096];
    struct fs_growing_text out = {0};
    const cJSON *wanted = get(expected, "texts")->child;
    uint64_t number = 0;
    snprintf(text, sizeof text, "%s", get(fs_json_root(document), "text")->valuestring);
    for (char *rest = NULL, *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        for (size_t i = 0; fs_attribute_category(words, i) != NULL; i++) {
            struct fs_word_swap swap;
            size_t exchanged;
            uint64_t seed = (size_of("seed") ^ 0x776f726473000000u) + i;
            assert_done(fs_word_swap_make(words, fs_attribute_category(words, i), letters, seed, &swap, &err), err);
            assert_done(fs_word_swap_line(&swap, line, strlen(line), number, &out, &exchanged, &err), err);
            if (exchanged > 0) {
                assert_non_null(wanted);
                assert_int_equal(out.used, strlen(wanted->valuestring));
                assert_memory_equal(out.bytes, wanted->valuestring, out.used);
                wanted = wanted->next;
            } else {
                assert_int_equal(out.used, strlen(line));
                assert_memory_equal(out.bytes, line, out.used);
            }
            fs_word_swap_release(&swap);
        }
        number++;
    }
    assert_null(wanted);
    free(out.bytes);
}

/* Each tensor's product with cosines and its norm, against the file's: the largest difference relative to the largest norm.
 * `*whole`: the relative difference of the norm of all. */
static double check_tensors(const struct fs_further_state *state, const cJSON *expected, double *whole)
{
    struct fs_error err = FS_ERROR_INIT;
    size_t count, seen = 0;
    struct fs_trainable_piece *piece = fs_trainable_pieces(state->edit.model, &count, &err);
    double worst = 0, largest = 0, all = 0, wanted = 0;
    assert_non_null(piece);
    for (size_t p = 0; p < count; p++) {
        const cJSON *tensor = cJSON_GetObjectItemCaseSensitive(expected, piece[p].tensor);
        double product = 0, square = 0;
        for (size_t i = 0; i < piece[p].count; i++) {
            double number = (double)state->delta[piece[p].first + i];
            product += number * cos(0.37 * (double)(piece[p].offset + i) + 1);
            square += number * number;
        }
        if (tensor == NULL) {
            fail_msg("%s: is not in the file", piece[p].tensor);
        }
        worst = fmax(worst, fabs(product - cJSON_GetArrayItem(tensor, 0)->valuedouble));
        worst = fmax(worst, fabs(sqrt(square) - cJSON_GetArrayItem(tensor, 1)->valuedouble));
        largest = fmax(largest, sqrt(square));
        all += square;
        wanted += pow(cJSON_GetArrayItem(tensor, 1)->valuedouble, 2);
        seen++;
    }
    assert_int_equal(seen, cJSON_GetArraySize(expected));
    free(piece);
    *whole = fabs(sqrt(all / wanted) - 1);
    return worst / largest;
}

static void check_training(const cJSON *expected)
{
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    struct fs_further_state state;
    struct fs_runner *runner;
    struct fs_further_options options = options_of(cJSON_IsTrue(get(expected, "fold")));
    const struct fs_further_form *form = &forms[cJSON_IsTrue(get(expected, "exchanges"))];
    options.hidden_dropout = number_of(expected, "hidden_dropout");
    options.attention_dropout = number_of(expected, "attention_dropout");
    options.own_dropout = options.attention_dropout == 0.1; /* as the folder has it */
    test_model_open(get(expected, "model")->valuestring, &m);
    assert_done(fs_runner_serial_create(1, &runner, &err), err);
    const struct fs_method_task task = task_of(&m, &options, runner);
    assert_done(fs_further_state_create(form, &task, &state, &err), err);
    assert_done(fs_further_train(form, &task, NULL, NULL, &state, &err), err);
    double worst[3] = {0};
    for (size_t i = 0; i < options.steps; i++) {
        double wanted = cJSON_GetArrayItem(get(expected, "losses"), (int)i)->valuedouble;
        worst[0] = fmax(worst[0], fabs(state.loss[i] / wanted - 1));
    }
    worst[1] = check_tensors(&state, get(expected, "tensors"), &worst[2]);
    print_message("%-12s losses %.0e  tensors %.0e  norm %.0e\n", get(expected, "model")->valuestring, worst[0],
                  worst[1], worst[2]);
    /* In float32 losses and the norm of all: Adam divides each gradient by its own size, so that one that is no larger than
     * its rounding, such as a key's bias has, goes one way or the other with the kernel. In float64 as far as the kernels. */
    bool wide = sizeof(fs_real) == sizeof(double);
    assert_true(worst[0] < (wide ? 1e-8 : 1e-5) && worst[2] < (wide ? 1e-8 : 1e-3) && (!wide || worst[1] < 1e-8));
    assert_int_equal(state.seen, options.steps * options.batch * options.block);
    fs_further_state_release(&state);
    free(runner);
    test_model_close(&m);
}

static void it_is_that_of_pytorch(void **unused)
{
    (void)unused;
    const cJSON *trainings = get(fs_json_root(document), "trainings");
    assert_int_equal(cJSON_GetArraySize(trainings), 5);
    for (const cJSON *item = trainings->child; item != NULL; item = item->next) {
        if (cJSON_IsTrue(get(item, "exchanges"))) {
            check_texts(item);
        }
        check_training(item);
    }
}

/* ---- bits ---- */

struct stopper {
    const struct fs_method_task *task;
    size_t after;
};

/* Writes the state and stops, behind the step `after`. */
static int stop(void *context, const struct fs_training_state *state, bool must, struct fs_error *err)
{
    struct stopper *stopper = context;
    struct fs_archive *archive;
    (void)must;
    if (state->step != stopper->after) {
        return 0;
    }
    assert_done(fs_archive_create(scratch_path("part.h5"), "part", "job", &archive, err), *err);
    assert_done(fs_method_cda.trainer->write(stopper->task, state, archive, err), *err);
    assert_done(fs_method_cda.trainer->write_shares(stopper->task, state, archive, err), *err);
    assert_done(fs_archive_publish(archive, err), *err);
    return fs_error_set(err, FS_EXIT_INTERRUPTED, "stopped");
}

static void threads_and_stops_change_no_bit(void **unused)
{
    (void)unused;
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_trainer *trainer = fs_method_cda.trainer;
    static const char *const models[] = {"bert-tiny", "gpt2-tiny"};
    for (size_t i = 0; sizeof(fs_real) == sizeof(float) && i < 2; i++) {
        struct test_model m;
        struct fs_runner *runner[2];
        struct fs_training_state *whole, *part, *back;
        struct fs_further_options options = options_of(true);
        struct fs_archive *archive;
        options.batch = 64; /* several units */
        options.hidden_dropout = options.attention_dropout = 0.1;
        test_model_open(models[i], &m);
        for (size_t r = 0; r < 2; r++) {
            assert_done(fs_runner_serial_create(r == 0 ? 1 : 3, &runner[r], &err), err);
        }
        struct fs_method_task task = task_of(&m, &options, runner[0]);
        assert_done(trainer->create(&task, 0, &whole, &err), err);
        assert_done(trainer->train(&task, NULL, NULL, whole, &err), err);
        task.runner = runner[1];
        struct stopper stopper = {&task, 2};
        assert_done(trainer->create(&task, 0, &part, &err), err);
        assert_int_equal(trainer->train(&task, stop, &stopper, part, &err), -1);
        assert_int_equal(err.code, FS_EXIT_INTERRUPTED);
        assert_done(fs_archive_open(scratch_path("part.h5"), "part", &archive, &err), err);
        assert_done(trainer->read(archive, &back, &err), err);
        assert_done(trainer->read_shares(&task, archive, back, &err), err);
        fs_archive_close(archive);
        assert_true(back->step == 2 && trainer->is_same(whole, back));
        assert_done(trainer->train(&task, NULL, NULL, back, &err), err);
        const struct fs_further_state *one = (const void *)whole, *other = (const void *)back;
        assert_memory_equal(one->delta, other->delta, one->edit.count * sizeof *one->delta);
        assert_memory_equal(fs_trainable_weights(trainer->edit(whole).model),
                            fs_trainable_weights(trainer->edit(back).model), one->edit.count * sizeof *one->delta);
        trainer->destroy(whole);
        trainer->destroy(part);
        trainer->destroy(back);
        free(runner[0]);
        free(runner[1]);
        test_model_close(&m);
    }
}

/* ---- what is refused ---- */

static void texts_without_words_and_steps_too_long_are_refused(void **unused)
{
    (void)unused;
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_further_form *form = &forms[1];
    struct fs_further_options options = options_of(true);
    struct test_model m;
    struct fs_further_state state;
    struct fs_runner *runner;
    assert_done(fs_runner_serial_create(1, &runner, &err), err);
    test_model_open("bert-tiny", &m);
    struct fs_method_task task = task_of(&m, &options, runner);
    task.text = scratch_write_text("none.txt", "The old house was red.\n\nIt rained.\n");
    err = (struct fs_error)FS_ERROR_INIT;
    assert_done(fs_further_state_create(form, &task, &state, &err), err);
    assert_int_equal(fs_further_train(form, &task, NULL, NULL, &state, &err), -1);
    assert_true(err.code == FS_EXIT_DATA && strstr(err.text, "found 2 lines and 0 tokens to train on") != NULL);
    fs_further_state_release(&state);

    if (sizeof(fs_real) == sizeof(float)) { /* a step that overflows */
        task.text = text_path;
        options.learning_rate = 1e30;
        err = (struct fs_error)FS_ERROR_INIT;
        assert_done(fs_further_state_create(form, &task, &state, &err), err);
        assert_int_equal(fs_further_train(form, &task, NULL, NULL, &state, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
        fs_further_state_release(&state);
    }
    free(runner);
    test_model_close(&m);
}

/* ---- damaged files ---- */

/* What a file has that is as it should be, but for one thing. */
struct damage {
    const char *says;
    int64_t layers, step, steps, seen;
    size_t rows, columns, losses, moments; /* columns 0: delta is a vector */
    float number;
};

static void write_damaged(const struct damage *damage)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_archive *archive;
    const struct {
        const char *name;
        int64_t value;
    } sizes[] = {{"layers", damage->layers},
                 {"step", damage->step},
                 {"steps", damage->steps},
                 {"seen", damage->seen},
                 {"lines", 1},
                 {"exchanged", 1},
                 {"tokens", 9},
                 {"block", 9}};
    const size_t shape[2] = {damage->rows, damage->columns};
    float number[16] = {0};
    double loss[16] = {0};
    number[3] = damage->number;
    assert_done(fs_archive_create(scratch_path("part.h5"), "part", "job", &archive, &err), err);
    assert_done(fs_archive_write(archive, "/all_weights/delta", FS_ARCHIVE_F32, damage->columns > 0 ? 2 : 1, shape,
                                 number, &err),
                err);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (sizes[i].value != INT64_MIN) { /* left out */
            assert_done(fs_archive_attribute_integer(archive, "/all_weights", sizes[i].name, sizes[i].value, &err),
                        err);
        }
    }
    assert_done(fs_archive_write(archive, "/all_weights/training/loss", FS_ARCHIVE_F64, 1, &damage->losses, loss, &err),
                err);
    number[3] = 0;
    for (size_t i = 0; damage->moments > 0 && i < 2; i++) {
        const char *name = i == 0 ? "/all_weights/training/moment1" : "/all_weights/training/moment2";
        assert_done(fs_archive_write(archive, name, FS_ARCHIVE_F32, 1, &damage->moments, number, &err), err);
    }
    assert_done(fs_archive_publish(archive, &err), err);
}

static void damaged_files_are_refused(void **unused)
{
    (void)unused;
    static const struct damage cases[] = {
        {NULL, 2, 1, 3, 9, 8, 0, 3, 8, 0},
        {"/all_weights@layers: found 0", 0, 1, 3, 9, 8, 0, 3, 8, 0},
        {"layers", INT64_MIN, 1, 3, 9, 8, 0, 3, 8, 0},
        {"/all_weights@step: found 4", 2, 4, 3, 9, 8, 0, 3, 8, 0},
        {"/all_weights@step: found -1", 2, -1, 3, 9, 8, 0, 3, 8, 0},
        {"/all_weights@steps: found 0", 2, 0, 0, 9, 8, 0, 3, 8, 0},
        {"/all_weights@seen: found -9", 2, 1, 3, -9, 8, 0, 3, 8, 0},
        {"seen", 2, 1, 3, INT64_MIN, 8, 0, 3, 8, 0},
        {"/all_weights/delta: expected a vector", 2, 1, 3, 9, 4, 2, 3, 8, 0},
        {"/all_weights/delta: expected a vector", 2, 1, 3, 9, 0, 0, 3, 8, 0},
        {"/all_weights/delta: element 3 is not finite", 2, 1, 3, 9, 8, 0, 3, 8, NAN},
        {"training/loss: its shape is not the steps 3", 2, 1, 3, 9, 8, 0, 2, 8, 0},
        {"moment1", 2, 1, 3, 9, 8, 0, 3, 7, 0},
        {"moment1", 2, 1, 3, 9, 8, 0, 3, 0, 0},
        {NULL, 2, 3, 3, 9, 8, 0, 3, 0, 0}, /* done: without moments */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_archive *archive;
        struct fs_training_state *state;
        write_damaged(&cases[i]);
        assert_done(fs_archive_open(scratch_path("part.h5"), "part", &archive, &err), err);
        int status = fs_method_cda.trainer->read(archive, &state, &err);
        fs_archive_close(archive);
        if (cases[i].says == NULL) {
            assert_done(status, err);
        } else if (status == 0 || err.code != FS_EXIT_DATA || strstr(err.text, cases[i].says) == NULL) {
            fail_msg("case %zu: %s", i, status == 0 ? "was read" : err.text);
        }
        fs_method_cda.trainer->destroy(state);
    }
    struct test_model m; /* of another model */
    struct fs_error err = FS_ERROR_INIT;
    test_model_open("bert-tiny", &m);
    const struct fs_edit edit = {.kind = fs_method_cda.edit, .first_layer = m.spec->layers, .count = 8};
    assert_int_equal(edit.kind->check(&edit, m.spec, &err), -1);
    assert_true(err.code == FS_EXIT_DATA && strstr(err.text, "all_weights: found 8 numbers") != NULL);
    test_model_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_that_of_pytorch),
        cmocka_unit_test(threads_and_stops_change_no_bit),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(texts_without_words_and_steps_too_long_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
