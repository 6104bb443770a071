/*
 * Bias neurons: the edit is the model without the neurons; in how many pairs a neuron carries the gap, against PyTorch
 * (tests/golden/make_neurons.py); the same on any number of threads; how many are kept; archives that are refused.
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

#include "model/edits/neurons.h"
#include "stages/methods/neuron_gaps.h"
#include "training_support.h"

#define BOUND 1e-4 /* log probabilities of float32 passes */

static const char *const models[] = {"bert-tiny", "gpt2-tiny"}, *const kinds[] = {"fills", "subjects"};
enum { MODELS = 2, KINDS = 2, STEPS = 20 };
static struct loaded loaded[MODELS];
static struct fs_pair_list pairs[KINDS];
static struct fs_json_document *golden;
static const struct fs_method *method;

static int setup(void **state)
{
    assert_int_equal(make_folder(state), 0);
    golden = open_golden("neurons.json");
    for (size_t m = 0; m < MODELS; m++) {
        loaded[m] = load_golden(models[m], 2);
    }
    for (size_t k = 0; k < KINDS; k++) {
        read_golden_pairs(golden, kinds[k], &pairs[k]);
    }
    method = fs_method_find("bias_neurons");
    assert_non_null(method);
    return 0;
}

static int teardown(void **state)
{
    for (size_t m = 0; m < MODELS; m++) {
        unload(&loaded[m]);
        fs_pair_list_release(&pairs[m]);
    }
    fs_json_destroy(golden);
    return remove_folder(state);
}

static const cJSON *golden_of(size_t m)
{
    return cJSON_GetObjectItem(cJSON_GetObjectItem(fs_json_root(golden), "models"), models[m]);
}

/* ---- the edit ---- */

static void neurons_are_switched_off(void **state)
{
    (void)state;
    const cJSON *list = cJSON_GetObjectItem(fs_json_root(golden), "neurons"), *item;
    struct fs_neuron neuron[8];
    size_t count = 0;
    cJSON_ArrayForEach(item, list)
    {
        neuron[count++] = (struct fs_neuron){(size_t)item->child->valuedouble, (size_t)item->child->next->valuedouble};
    }
    for (size_t m = 0; m < MODELS; m++) {
        const struct fs_spec *spec = fs_model_spec(loaded[m].model);
        struct fs_edit edit;
        struct fs_error err = FS_ERROR_INIT;
        assert_int_equal(fs_neurons_create(spec, count + 1, &edit, &err), 0); /* a place stays empty */
        assert_int_equal(edit.count, fs_neurons_parameters(spec, count + 1));
        assert_int_equal(fs_neurons_set(loaded[m].model, neuron, count, &edit, &err), 0);
        assert_int_equal(edit.first_layer, neuron[0].layer);
        assert_int_equal(edit.kind->check(&edit, spec, &err), 0);
        double logprob[64];
        read_text(&loaded[m], cJSON_GetObjectItem(golden_of(m), "ids"), &edit, logprob);
        expect_numbers(models[m], cJSON_GetObjectItem(golden_of(m), "off"), logprob, BOUND);
        edit.number[1] = 2; /* no layer of the model */
        assert_int_equal(edit.kind->check(&edit, spec, &err), -1);
        edit.number[1] = (fs_real)0.5;
        assert_int_equal(edit.kind->check(&edit, spec, &err), -1);
        edit.number[1] = 0;
        edit.number[2] = 10000; /* no neuron */
        assert_int_equal(edit.kind->check(&edit, spec, &err), -1);
        fs_edit_release(&edit);
    }
}

/* ---- gaps ---- */

static struct fs_method_task task_of(const struct loaded *own, const struct fs_pair_list *list,
                                     union fs_method_settings *settings)
{
    fill_settings(method, own->style.kind, settings);
    return (struct fs_method_task){
        .model = own->model, .tokenizer = own->tokenizer, .pairs = list, .runner = own->runner, .settings = settings};
}

static void gaps_are_those_of_pytorch(void **state)
{
    (void)state;
    const struct fs_neuron_options options = {STEPS, cJSON_GetObjectItem(fs_json_root(golden), "share")->valuedouble};
    for (size_t m = 0; m < MODELS; m++) {
        for (size_t k = 0; k < KINDS; k++) {
            const cJSON *expected = cJSON_GetObjectItem(golden_of(m), kinds[k]), *number;
            union fs_method_settings settings;
            const struct fs_method_task task = task_of(&loaded[m], &pairs[k], &settings);
            size_t *count, asked, j = 0;
            struct fs_error err = FS_ERROR_INIT;
            if (fs_neuron_counts(&task, &options, NULL, &count, &asked, &err) != 0) {
                fail_msg("%s", err.text);
            }
            assert_int_equal(asked, cJSON_GetObjectItem(expected, "pairs")->valuedouble);
            cJSON_ArrayForEach(number, cJSON_GetObjectItem(expected, "counts"))
            {
                if (count[j] != (size_t)number->valuedouble) {
                    fail_msg("%s, %s: neuron %zu in %zu pairs, expected %g", models[m], kinds[k], j, count[j],
                             number->valuedouble);
                }
                j++;
            }
            assert_int_equal(j, fs_neurons_of(fs_model_spec(loaded[m].model)));
            free(count);
        }
    }
}

/* ---- the training ---- */

/* As many as asked for at most, each in as many pairs as every neuron that is left out, or more; on any threads the same. */
static void the_most_frequent_are_kept(void **state)
{
    (void)state;
    for (size_t m = 0; m < MODELS; m++) {
        union fs_method_settings settings, other;
        const struct fs_neuron_options options = {STEPS, 0.2};
        struct loaded alone = load_golden(models[m], 1);
        const struct fs_method_task task = task_of(&loaded[m], &pairs[0], &settings);
        const struct fs_method_task again = task_of(&alone, &pairs[0], &other);
        size_t *count, asked, least = SIZE_MAX, kept = 0, F = fs_model_spec(loaded[m].model)->layer[0].ffn;
        struct fs_error err = FS_ERROR_INIT;
        assert_int_equal(fs_neuron_counts(&task, &options, NULL, &count, &asked, &err), 0);
        struct fs_training_state *first = trained(method, &task), *second = trained(method, &again);
        const struct fs_edit edit = method->trainer->edit(first), same = method->trainer->edit(second);
        assert_memory_equal(edit.number, same.number, edit.count * sizeof *edit.number);
        for (size_t place = 0; place < edit.size[1]; place++) {
            const struct fs_neuron neuron = fs_neurons_get(&edit, place);
            const fs_real *column = edit.number + 1 + 3 * edit.size[1] + place * edit.size[0];
            bool empty = true;
            for (size_t i = 0; i < edit.size[0]; i++) {
                empty = empty && column[i] == 0;
            }
            if (!empty) {
                size_t j = neuron.layer * F + neuron.neuron;
                least = count[j] < least ? count[j] : least;
                count[j] = 0;
                kept++;
            }
        }
        assert_in_range(kept, 2, 5);
        for (size_t j = 0; j < fs_neurons_of(fs_model_spec(loaded[m].model)); j++) {
            assert_true(count[j] <= least);
        }
        double loss[FS_TRAINING_LOSSES];
        method->trainer->losses(first, loss);
        assert_true(loss[0] == (double)least / (double)asked);
        free(count);
        method->trainer->destroy(first);
        method->trainer->destroy(second);
        unload(&alone);
    }
}

/* Where its neurons are is found, and is not what tells trainings apart; how many there may be is. */
static void a_training_is_known_by_its_places(void **state)
{
    (void)state;
    union fs_method_settings settings;
    const struct fs_method_task task = task_of(&loaded[0], &pairs[0], &settings);
    struct fs_training_state *fresh[2];
    struct fs_error err = FS_ERROR_INIT;
    change_setting(method, "bias_neurons.share", "0.249", &settings); /* the golden file's */
    change_setting(method, "bias_neurons.least", "1", &settings);
    for (size_t i = 0; i < 2; i++) {
        change_setting(method, "bias_neurons.most", i == 0 ? "2" : "1", &settings);
        assert_int_equal(method->trainer->create(&task, 0, &fresh[i], &err), 0);
    }
    struct fs_training_state *done = trained(method, &task);
    assert_int_equal(method->trainer->edit(done).first_layer, 1); /* by the counts there: number 80 of 64 a layer */
    assert_false(method->trainer->is_same(fresh[0], done));
    assert_true(method->trainer->is_same(fresh[1], done));
    method->trainer->destroy(fresh[0]);
    method->trainer->destroy(fresh[1]);
    method->trainer->destroy(done);
}

static void damaged_archives_are_refused(void **state)
{
    (void)state;
    static const struct {
        int64_t layer, step;
        size_t places, numbers, columns, left;
        const char *word; /* NULL: it is read */
    } cases[] = {{0, 1, 2, 3, 2, 1, NULL},   {1, 0, 2, 3, 2, 0, NULL},    {-1, 1, 2, 3, 2, 1, "first_layer"},
                 {0, 2, 2, 3, 2, 1, "step"}, {0, 1, 1, 3, 2, 1, "place"}, {0, 1, 2, 2, 2, 1, "place"},
                 {0, 1, 2, 3, 2, 0, "kept"}, {0, 0, 2, 3, 2, 1, "kept"}};
    const float numbers[16] = {1, 0, 1};
    const double left[1] = {0.5};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_archive *archive = NULL;
        struct fs_training_state *back = NULL;
        struct fs_error err = FS_ERROR_INIT;
        const size_t one = 1, place[] = {cases[i].places, cases[i].numbers}, column[] = {cases[i].columns, 4};
        if (fs_archive_create(path_of("damaged.h5"), "part", "job", &archive, &err) != 0 ||
            fs_archive_write(archive, "/neurons/coefficient", FS_ARCHIVE_F32, 1, &one, numbers, &err) != 0 ||
            fs_archive_write(archive, "/neurons/place", FS_ARCHIVE_F32, 2, place, numbers, &err) != 0 ||
            fs_archive_write(archive, "/neurons/column", FS_ARCHIVE_F32, 2, column, numbers, &err) != 0 ||
            fs_archive_write(archive, "/neurons/kept", FS_ARCHIVE_F64, 1, &cases[i].left, left, &err) != 0 ||
            fs_archive_attribute_integer(archive, "/neurons", "first_layer", cases[i].layer, &err) != 0 ||
            fs_archive_attribute_integer(archive, "/neurons", "step", cases[i].step, &err) != 0 ||
            fs_archive_publish(archive, &err) != 0 ||
            fs_archive_open(path_of("damaged.h5"), "part", &archive, &err) != 0) {
            fail_msg("%s", err.text);
        }
        int status = method->trainer->read(archive, &back, &err);
        if ((status == 0) != (cases[i].word == NULL) || (status != 0 && strstr(err.text, cases[i].word) == NULL)) {
            fail_msg("case %zu: %s", i, status == 0 ? "was read" : err.text);
        }
        method->trainer->destroy(back);
        fs_archive_close(archive);
    }
}

/* A mixture of experts, and pairs of which none can be asked. */
static void what_cannot_be_searched_is_refused(void **state)
{
    (void)state;
    struct loaded experts = load_golden("mixtral-tiny", 1);
    union fs_method_settings settings;
    struct fs_method_task task = task_of(&experts, &pairs[0], &settings);
    struct fs_training_state *training = NULL;
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(method->trainer->create(&task, 0, &training, &err), -1);
    assert_non_null(strstr(err.text, "experts"));
    method->trainer->destroy(training);
    unload(&experts);
    const bool held_out[] = {true, true, true, true};
    task = task_of(&loaded[1], &pairs[1], &settings);
    task.held_out = held_out;
    err = (struct fs_error)FS_ERROR_INIT;
    assert_int_equal(method->trainer->create(&task, 0, &training, &err), 0);
    assert_int_equal(method->trainer->train(&task, go_on, NULL, training, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    method->trainer->destroy(training);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neurons_are_switched_off),           cmocka_unit_test(gaps_are_those_of_pytorch),
        cmocka_unit_test(the_most_frequent_are_kept),         cmocka_unit_test(damaged_archives_are_refused),
        cmocka_unit_test(what_cannot_be_searched_is_refused), cmocka_unit_test(a_training_is_known_by_its_places),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
