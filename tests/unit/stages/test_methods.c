/*
 * The table of methods, row by row: settings with their defaults, an edit of no strength that changes no bit, a training
 * that goes through an archive and on. A method that trains needs nothing here; one of another sort, its edit in make_idle.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/edits/weight.h"
#include "model/trainable.h"
#include "training_support.h"

static const char *const folders[] = {"tests/golden/models/bert-tiny", "tests/golden/models/gpt2-tiny"};
enum { MODELS = sizeof folders / sizeof folders[0] };
static struct loaded models[MODELS];
static struct fs_pair_list pairs;
static struct fs_attribute_table *words;
static char text_path[512];

#define SENTENCE(id, label, text) "{\"id\": \"" id "\", \"gold_label\": \"" label "\", \"sentence\": \"" text "\"}"
#define ITEM(id, target, before)                                                                                       \
    "{\"id\": \"" id "\", \"bias_type\": \"gender\", \"target\": \"" target "\", \"context\": \"" before               \
    "BLANK.\", \"sentences\": [" SENTENCE(id "s", "stereotype", before "kind.") ", " SENTENCE(                         \
        id "a", "anti-stereotype", before "old.") ", " SENTENCE(id "u", "unrelated", before "wood.") "]}"

static int setup(void **state)
{
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(make_folder(state), 0);
    for (size_t m = 0; m < MODELS; m++) {
        models[m] = load(folders[m], 2);
    }
    const char *path =
        write_text("pairs.json", "{\"data\": {\"intrasentence\": [" ITEM("p", "she", "She is ") ", " ITEM(
                                     "q", "he", "He is ") ", " ITEM("r", "he", "He was ") "]}}");
    if (fs_stereoset_read(path, NULL, &pairs, &err) != 0 ||
        fs_attribute_table_read(write_text("words.json", "{\"gender\": [[\"he\", \"she\"], [\"man\", \"woman\"]]}"),
                                &words, &err) != 0) {
        fail_msg("%s", err.text);
    }
    snprintf(text_path, sizeof text_path, "%s",
             write_text("text.txt",
                        "She was a woman of the town. The old house was red.\nHe said that the man was late.\n"
                        "A man with a red hat came. The dog was in the garden. He had seen the town before.\n"
                        "She left the house at noon. It rained the whole day. Nobody was in the street.\n"
                        "The woman at the door laughed. Then he went home again. After that she wrote a book.\n"));
    return 0;
}

static int teardown(void **state)
{
    for (size_t m = 0; m < MODELS; m++) {
        unload(&models[m]);
    }
    fs_pair_list_release(&pairs);
    fs_attribute_table_destroy(words);
    return remove_folder(state);
}

static struct fs_method_task task_of(const struct loaded *loaded, const union fs_method_settings *settings)
{
    static const bool held_out[3] = {false, false, true};
    return (struct fs_method_task){.model = loaded->model,
                                   .tokenizer = loaded->tokenizer,
                                   .pairs = &pairs,
                                   .held_out = held_out,
                                   .text = text_path,
                                   .words = words,
                                   .runner = loaded->runner,
                                   .layer = 0,
                                   .scoring = loaded->style.kind == FS_MASKED ? FS_TARGET_PROB : FS_SENTENCE_MEAN,
                                   .seed = 5,
                                   .covariance_tokens = 100,
                                   .settings = settings};
}

static struct fs_training_state *begin(const struct fs_method *method, const struct fs_method_task *task)
{
    struct fs_training_state *state = NULL;
    struct fs_error err = FS_ERROR_INIT;
    if (method->trainer->create(task, 2, &state, &err) != 0) {
        fail_msg("%s: %s", method->name, err.text);
    }
    return state;
}

/* Whether an edit leaves every score of a plan as it is: bit for bit, or, of a decoding rule, which norms the distribution
 * anew, to rounding. */
static bool changes_nothing(const struct loaded *loaded, const struct fs_edit *edit)
{
    const struct fs_suite_options options = {
        .kind = loaded->style.kind, .scoring = loaded->style.kind == FS_MASKED ? "target.prob" : "sentence.mean"};
    static const char *const name[] = {"edit"};
    struct fs_suite *suite = open_suite("stereoset", path_of("pairs.json"), &options);
    const struct fs_evaluate_input input = {.suite = &suite, .suites = 1, .edits = {1, edit}, .edit_name = name};
    struct fs_results results = evaluate(loaded, &input);
    bool same = true;
    for (size_t i = 0; i < suite->items * suite->candidates; i++) {
        const double *score = &suite->score[2 * i];
        same = same && (memcmp(&score[0], &score[1], sizeof *score) == 0 ||
                        (edit->kind->distribution != NULL && fabs(score[1] / score[0] - 1) < 1e-5));
    }
    fs_results_release(&results);
    fs_suite_destroy(suite);
    return same;
}

static void rows_are_complete(void **state)
{
    (void)state;
    size_t trained = 0;
    for (size_t i = 0; i < fs_method_count; i++) {
        const struct fs_method *method = fs_methods[i];
        assert_true(method->name[0] != '\0' && method->about[0] != '\0');
        assert_ptr_equal(fs_method_find(method->name), method); /* names are unique */
        assert_non_null(method->edit);
        assert_non_null(method->edit->check);
        assert_ptr_equal(fs_edit_kind_find(method->edit->name), method->edit);
        assert_int_equal((method->trainer != NULL) + method->takes_model + (method->make != NULL), 1);
        trained += method->trainer != NULL ? 1 : 0;
        assert_int_equal(method->trainer != NULL, method->learns != 0);
        assert_true(method->settings_size <= sizeof(union fs_method_settings));
        for (size_t k = 0; method->settings != NULL && k < method->settings->count; k++) {
            const struct fs_setting *row = &method->settings->row[k];
            size_t length = strlen(method->name);
            assert_true(strncmp(row->key, method->name, length) == 0 && row->key[length] == '.');
            assert_true(row->offset + row->size <= method->settings_size);
        }
        if (method->trainer != NULL) { /* what it makes goes to a file and back */
            assert_true(method->edit->write != NULL && method->edit->read != NULL && method->edit->scale != NULL);
        }
    }
    assert_true(trained >= 1);
    assert_non_null(fs_methods[0]->trainer); /* the default of a job */
    assert_null(fs_method_find("nothing"));
}

/* Without a step, or with the model's own folder. The caller releases `training`, or the edit where that is NULL. */
static struct fs_edit make_idle(const struct fs_method *method, const struct fs_method_task *task,
                                const char *folder_name, struct fs_training_state **training)
{
    *training = NULL;
    if (method->trainer != NULL) {
        *training = begin(method, task);
        return method->trainer->edit(*training);
    }
    if (method->make != NULL) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_edit edit;
        assert_int_equal(method->make(task->settings, fs_model_spec(task->model), &edit, &err), 0);
        edit.kind->scale(&edit, 0);
        return edit;
    }
    struct loaded again = load(folder_name, 1);
    const struct fs_edit edit = {.kind = method->edit, .model = again.model};
    again.model = NULL;
    unload(&again);
    return edit;
}

static void an_edit_of_no_strength_changes_no_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_method_count; i++) {
        for (size_t m = 0; m < MODELS; m++) {
            const struct fs_method *method = fs_methods[i];
            union fs_method_settings settings;
            struct fs_training_state *training;
            fill_settings(method, models[m].style.kind, &settings);
            const struct fs_method_task task = task_of(&models[m], &settings);
            struct fs_edit edit = make_idle(method, &task, folders[m], &training);
            assert_ptr_equal(edit.kind, method->edit);
            if (!changes_nothing(&models[m], &edit)) {
                fail_msg("%s: an edit of no strength changes scores", method->name);
            }
            if (training != NULL) {
                method->trainer->destroy(training);
            } else {
                fs_edit_release(&edit);
            }
        }
    }
}

struct seen {
    const struct fs_trainer *trainer;
    size_t step;
};

/* Stops a training after the first step that makes something of the edit; others have no measure. */
static int stop(void *context, const struct fs_training_state *state, bool must, struct fs_error *err)
{
    struct seen *seen = context;
    double loss[FS_TRAINING_LOSSES];
    (void)must;
    assert_int_equal(state->step, ++seen->step);
    seen->trainer->losses(state, loss);
    return isnan(loss[0]) ? 0 : fs_error_set(err, FS_EXIT_INTERRUPTED, "stopped");
}

/* What was read back goes on with its own task, and not at another layer. */
static void check_same(const struct fs_method *method, const struct fs_method_task *task,
                       const struct fs_training_state *back)
{
    struct fs_method_task other = *task;
    for (size_t layer = 0; layer < (method->trainer->layer_key != NULL ? 2 : 1); layer++) {
        other.layer = layer;
        struct fs_training_state *fresh = begin(method, &other);
        if (method->trainer->is_same(fresh, back) != (layer == task->layer)) {
            fail_msg("%s: a training at layer %zu of one at layer %zu", method->name, layer, task->layer);
        }
        method->trainer->destroy(fresh);
    }
}

static int write_all(const struct fs_trainer *trainer, const struct fs_method_task *task,
                     const struct fs_training_state *training, struct fs_archive *archive, struct fs_error *err)
{
    return trainer->write(task, training, archive, err) == 0 && trainer->write_shares != NULL
               ? trainer->write_shares(task, training, archive, err)
               : err->code;
}

static int read_all(const struct fs_trainer *trainer, const struct fs_method_task *task,
                    const struct fs_archive *archive, struct fs_training_state **training, struct fs_error *err)
{
    return trainer->read(archive, training, err) == 0 && trainer->read_shares != NULL
               ? trainer->read_shares(task, archive, *training, err)
               : err->code;
}

static void check_round_trip(const struct fs_method *method, const struct fs_method_task *task,
                             const struct fs_training_state *training)
{
    const struct fs_trainer *trainer = method->trainer;
    struct fs_archive *archive = NULL;
    struct fs_training_state *back = NULL;
    struct fs_training_history history;
    struct fs_edit read = {0};
    struct fs_error err = FS_ERROR_INIT;
    if (fs_archive_create(path_of("training.h5"), "part", "job", &archive, &err) != 0 ||
        write_all(trainer, task, training, archive, &err) != 0 || fs_archive_publish(archive, &err) != 0 ||
        fs_archive_open(path_of("training.h5"), "part", &archive, &err) != 0 ||
        read_all(trainer, task, archive, &back, &err) != 0 || trainer->read_history(archive, &history, &err) != 0 ||
        method->edit->read(archive, &read, &err) != 0) {
        fail_msg("%s: %s", method->name, err.text);
    }
    const struct fs_edit edit = trainer->edit(training), again = trainer->edit(back);
    check_same(method, task, back);
    assert_true(back->step == training->step && back->steps == training->steps);
    assert_int_equal(trainer->bytes(back), trainer->bytes(training));
    assert_int_equal(again.count, edit.count);
    assert_ptr_equal(read.kind, method->edit);
    assert_int_equal(read.first_layer, edit.first_layer);
    if (trainer->write_shares != NULL) { /* numbers that ranks share out: the weights that they make */
        assert_true(edit.number == NULL && method->edit->attach(&read, task->model, &err) == 0);
        const fs_real *weight = fs_trainable_weights(edit.model);
        assert_memory_equal(fs_trainable_weights(again.model), weight, edit.count * sizeof *weight);
        assert_memory_equal(fs_trainable_weights(read.model), weight, edit.count * sizeof *weight);
    } else {
        assert_memory_equal(again.number, edit.number, edit.count * sizeof *edit.number);
        assert_memory_equal(read.number, edit.number, edit.count * sizeof *edit.number);
    }
    assert_int_equal(history.step, training->step);
    assert_true(history.layer == (trainer->layer_key != NULL ? task->layer : FS_AUTO));
    assert_in_range(history.losses, 1, history.terms);
    assert_in_range(history.terms, 1, FS_HISTORY_TERMS);
    double loss[FS_TRAINING_LOSSES];
    trainer->losses(training, loss);
    for (size_t k = 0; k < FS_TRAINING_LOSSES; k++) {
        double last =
            training->step > 0 && k < history.losses ? history.value[(training->step - 1) * history.terms + k] : 0;
        assert_true(loss[k] == last);
    }
    fs_training_history_release(&history);
    fs_edit_release(&read);
    trainer->destroy(back);
    fs_archive_close(archive);
}

static void a_training_goes_through_an_archive(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_method_count; i++) {
        for (size_t m = 0; fs_methods[i]->trainer != NULL && m < MODELS; m++) {
            const struct fs_method *method = fs_methods[i];
            union fs_method_settings settings;
            struct fs_error err = FS_ERROR_INIT;
            struct seen seen = {.trainer = method->trainer};
            fill_settings(method, models[m].style.kind, &settings);
            const struct fs_method_task task = task_of(&models[m], &settings);
            struct fs_training_state *training = begin(method, &task);
            assert_int_equal(training->step, 0);
            assert_true(training->steps > 0);
            check_round_trip(method, &task, training);
            assert_int_equal(method->trainer->train(&task, stop, &seen, training, &err), -1);
            assert_int_equal(err.code, FS_EXIT_INTERRUPTED);
            assert_true(seen.step >= 1 && training->step == seen.step);
            check_round_trip(method, &task, training);
            struct fs_edit edit = method->trainer->edit(training);
            size_t layers = fs_model_spec(models[m].model)->layers;
            size_t many = edit.kind == &fs_edit_weight ? fs_weight_of(&edit).layers : 1; /* up to the task's */
            size_t last = edit.first_layer + many - 1;
            bool of_last_state = edit.kind->last_state != NULL; /* else, without a key, of any layers */
            assert_true(method->trainer->layer_key != NULL ? last == task.layer
                        : of_last_state                    ? last == layers
                                                           : last <= layers);
            while (changes_nothing(&models[m], &edit)) { /* some solve for the weights at the end */
                assert_true(training->step < training->steps);
                assert_int_equal(method->trainer->train(&task, stop, &seen, training, &err), -1);
                assert_int_equal(err.code, FS_EXIT_INTERRUPTED);
                check_round_trip(method, &task, training);
                edit = method->trainer->edit(training);
            }
            if (edit.number != NULL) {
                edit.kind->scale(&edit, 0);
                assert_true(changes_nothing(&models[m], &edit));
            }
            method->trainer->destroy(training);
        }
    }
}

static void sizes_are_those_of_what_is_made(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_method_count; i++) {
        for (size_t m = 0; fs_methods[i]->trainer != NULL && m < MODELS; m++) {
            const struct fs_method *method = fs_methods[i];
            union fs_method_settings settings;
            struct fs_training_size size;
            fill_settings(method, models[m].style.kind, &settings);
            const struct fs_method_task task = task_of(&models[m], &settings);
            struct fs_training_state *training = begin(method, &task);
            const struct fs_edit edit = method->trainer->edit(training);
            method->trainer->size(&settings, fs_model_spec(models[m].model), &size);
            size_t keys = edit.kind->reads_keys ? fs_model_spec(models[m].model)->layer[task.layer].ffn : 0;
            size_t inner = keys + (edit.kind->inner_size != NULL ? edit.kind->inner_size(&edit) : 0);
            if (edit.kind == &fs_edit_weight && fs_weight_of(&edit).rank > 0) { /* as many factors as there are pairs */
                assert_in_range(edit.count, 1, size.parameters + size.shared);
                assert_in_range(inner, 1, size.inner);
            } else if (strcmp(method->name, "biasedit") == 0) { /* of what makes the edit: two blocks, eta, lambda */
                size_t n = fs_weight_of(&edit).ffn + fs_weight_of(&edit).hidden, l = fs_weight_of(&edit).layers;
                assert_int_equal(size.parameters + size.shared, 2 * (2 * n * (3 * n / 8) + n + 2 * l * n) + 2 * l);
                assert_int_equal(size.inner, inner);
            } else {
                assert_int_equal(size.parameters + size.shared, edit.count);
                assert_int_equal(size.inner, inner);
            }
            assert_true(size.layer == (method->trainer->layer_key != NULL ? FS_AUTO : 0)); /* the default */
            assert_true(size.steps > 0 && size.save_every > 0);
            method->trainer->destroy(training);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(an_edit_of_no_strength_changes_no_bit),
        cmocka_unit_test(a_training_goes_through_an_archive),
        cmocka_unit_test(sizes_are_those_of_what_is_made),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
