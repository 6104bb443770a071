/*
 * Steering: the edit against numbers worked by hand; directions of pairs of both kinds, and log probabilities behind them, against
 * PyTorch (tests/golden/make_steer.py); the same bits on any number of threads and after a stop; pairs that cannot be learnt from, and
 * archives that are refused.
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

#include "model/edits/direction.h"
#include "training_support.h"

/* States of float32 passes, relative to the largest number of a vector; log probabilities behind them, absolute. */
#define BOUND 1e-4

static const char *const models[] = {"bert-tiny", "gpt2-tiny"};
static const char *const methods[] = {"steer_add", "steer_ablate"}, *const parts[] = {"add", "ablate"};
static const char *const kinds[] = {"fills", "subjects"};
enum { MODELS = 2, METHODS = 2, KINDS = 2 };
static struct loaded loaded[MODELS];
static struct fs_pair_list pairs[KINDS];
static struct fs_json_document *golden;

static int setup(void **state)
{
    assert_int_equal(make_folder(state), 0);
    golden = open_golden("steer.json");
    for (size_t m = 0; m < MODELS; m++) {
        loaded[m] = load_golden(models[m], 2);
    }
    for (size_t k = 0; k < KINDS; k++) {
        read_golden_pairs(golden, kinds[k], &pairs[k]);
    }
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

/* ---- the edit ---- */

/* v = (0.6, 0.8), h = (3, 4) and (4, -3), which are along v and across it. */
static void directions_worked_by_hand(void **state)
{
    (void)state;
    struct fs_layer_spec layers[3] = {{0}};
    const struct fs_spec spec = {.hidden = 2, .layers = 3, .layer = layers};
    const double expected[2][4] = {{3 - 1.2, 4 - 1.6, 4 - 1.2, -3 - 1.6}, {0, 0, 4, -3}};
    for (size_t ablated = 0; ablated < 2; ablated++) {
        struct fs_edit edit;
        struct fs_error err = FS_ERROR_INIT;
        fs_real h[4] = {3, 4, 4, -3};
        assert_int_equal(fs_direction_create(&spec, 1, ablated > 0, ablated > 0 ? 1 : -2, &edit, &err), 0);
        edit.number[0] = (fs_real)0.6;
        edit.number[1] = (fs_real)0.8;
        edit.kind->hidden_state(&edit, 0, 2, h);
        edit.kind->hidden_state(&edit, 2, 2, h);
        assert_true(h[0] == 3 && h[3] == -3); /* at its own layer alone */
        edit.kind->hidden_state(&edit, 1, 2, h);
        for (size_t i = 0; i < 4; i++) {
            assert_true(fabs((double)h[i] - expected[ablated][i]) < 1e-6);
        }
        fs_real half[4] = {3, 4, 4, -3};
        edit.kind->scale(&edit, 0.5);
        edit.kind->hidden_state(&edit, 1, 2, half);
        assert_true(fabs((double)half[0] - (3 + expected[ablated][0]) / 2) < 1e-6);
        assert_int_equal(edit.kind->check(&edit, &spec, &err), 0);
        edit.first_layer = 3;
        assert_int_equal(edit.kind->check(&edit, &spec, &err), -1);
        fs_edit_release(&edit);
    }
}

/* ---- trainings ---- */

static struct fs_method_task task_of(const struct loaded *own, const struct fs_pair_list *list,
                                     union fs_method_settings *settings, const struct fs_method *method)
{
    fill_settings(method, own->style.kind, settings);
    return (struct fs_method_task){.model = own->model,
                                   .tokenizer = own->tokenizer,
                                   .pairs = list,
                                   .runner = own->runner,
                                   .layer = 1,
                                   .settings = settings};
}

static double largest_of(const cJSON *list)
{
    const cJSON *number;
    double largest = 0;
    cJSON_ArrayForEach(number, list)
    {
        largest = fmax(largest, fabs(number->valuedouble));
    }
    return largest;
}

static void directions_are_those_of_pytorch(void **state)
{
    (void)state;
    for (size_t m = 0; m < MODELS; m++) {
        const cJSON *own = cJSON_GetObjectItem(cJSON_GetObjectItem(fs_json_root(golden), "models"), models[m]);
        double logprob[64];
        read_text(&loaded[m], cJSON_GetObjectItem(own, "ids"), NULL, logprob);
        expect_numbers("unedited", cJSON_GetObjectItem(own, "plain"), logprob, BOUND);
        for (size_t k = 0; k < KINDS * METHODS; k++) {
            const struct fs_method *method = fs_method_find(methods[k % METHODS]);
            const cJSON *part = cJSON_GetObjectItem(cJSON_GetObjectItem(own, kinds[k / METHODS]), parts[k % METHODS]);
            const cJSON *direction = cJSON_GetObjectItem(part, "direction");
            char what[64];
            union fs_method_settings settings;
            snprintf(what, sizeof what, "%s, %s, %s", models[m], kinds[k / METHODS], methods[k % METHODS]);
            const struct fs_method_task task = task_of(&loaded[m], &pairs[k / METHODS], &settings, method);
            struct fs_training_state *training = trained(method, &task);
            const struct fs_edit edit = method->trainer->edit(training);
            size_t d = edit.count - 1;
            double *v = calloc(d, sizeof *v), loss[FS_TRAINING_LOSSES];
            assert_non_null(v);
            for (size_t i = 0; i < d; i++) {
                v[i] = (double)edit.number[i];
            }
            assert_int_equal(cJSON_GetArraySize(direction), d);
            expect_numbers(what, direction, v, BOUND * largest_of(direction));
            read_text(&loaded[m], cJSON_GetObjectItem(own, "ids"), &edit, logprob);
            expect_numbers(what, cJSON_GetObjectItem(part, "logprobs"), logprob, BOUND);
            method->trainer->losses(training, loss);
            assert_true(fabs(loss[0] - cJSON_GetObjectItem(part, "left")->valuedouble) <= BOUND);
            free(v);
            method->trainer->destroy(training);
        }
    }
}

static void bits_do_not_depend_on_threads_and_stops(void **state)
{
    (void)state;
    const struct fs_method *method = fs_method_find("steer_ablate");
    struct loaded alone = load_golden("gpt2-tiny", 1);
    union fs_method_settings settings, other;
    const struct fs_method_task one = task_of(&loaded[1], &pairs[0], &settings, method);
    const struct fs_method_task two = task_of(&alone, &pairs[0], &other, method);
    expect_same_bits(method, &one, &two);
    unload(&alone);
}

/* Pairs that are held out, or whose subject is not in their text, give nothing. */
static void pairs_without_states_are_refused(void **state)
{
    (void)state;
    const struct fs_method *method = fs_method_find("steer_add");
    union fs_method_settings settings;
    struct fs_method_task task = task_of(&loaded[1], &pairs[1], &settings, method);
    struct fs_training_state *training = NULL;
    struct fs_error err = FS_ERROR_INIT;
    const bool held_out[] = {true, true, true, false};
    task.held_out = held_out;
    char *subject = pairs[1].item[3].subject, nowhere[] = "H";
    pairs[1].item[3].subject = nowhere; /* a part of a word is none */
    assert_int_equal(method->trainer->create(&task, 0, &training, &err), 0);
    assert_int_equal(method->trainer->train(&task, go_on, NULL, training, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    assert_non_null(strstr(err.text, "none of the 1 edited pairs"));
    method->trainer->destroy(training);
    pairs[1].item[3].subject = subject;
    method->trainer->destroy(trained(method, &task));
}

static void one_form_does_not_go_on_with_the_other(void **state)
{
    (void)state;
    struct fs_training_state *training[METHODS];
    for (size_t k = 0; k < METHODS; k++) {
        union fs_method_settings settings;
        const struct fs_method *method = fs_method_find(methods[k]);
        const struct fs_method_task task = task_of(&loaded[0], &pairs[0], &settings, method);
        training[k] = trained(method, &task);
    }
    const struct fs_trainer *trainer = fs_method_find(methods[0])->trainer;
    assert_true(trainer->is_same(training[0], training[0]));
    assert_false(trainer->is_same(training[0], training[1]));
    trainer->destroy(training[0]);
    trainer->destroy(training[1]);
}

static void damaged_archives_are_refused(void **state)
{
    (void)state;
    const struct fs_method *method = fs_method_find("steer_add");
    static const struct {
        int64_t layer, ablated, step;
        size_t numbers, coefficients, left;
        const char *word; /* NULL: it is read */
    } cases[] = {{1, 0, 1, 4, 1, 1, NULL},          {1, 1, 0, 4, 1, 0, NULL},   {-1, 0, 1, 4, 1, 1, "layer"},
                 {1, 2, 1, 4, 1, 1, "ablated"},     {1, 0, 2, 4, 1, 1, "step"}, {1, 0, 1, 0, 1, 1, "vector"},
                 {1, 0, 1, 4, 2, 1, "coefficient"}, {1, 0, 1, 4, 1, 0, "left"}, {1, 0, 0, 4, 1, 1, "left"}};
    const float numbers[4] = {1, 2, 3, 4};
    const double left[1] = {0.5};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_archive *archive = NULL;
        struct fs_training_state *back = NULL;
        struct fs_error err = FS_ERROR_INIT;
        if (fs_archive_create(path_of("damaged.h5"), "part", "job", &archive, &err) != 0 ||
            fs_archive_write(archive, "/direction/vector", FS_ARCHIVE_F32, 1, &cases[i].numbers, numbers, &err) != 0 ||
            fs_archive_write(archive, "/direction/coefficient", FS_ARCHIVE_F32, 1, &cases[i].coefficients, numbers,
                             &err) != 0 ||
            fs_archive_write(archive, "/direction/left", FS_ARCHIVE_F64, 1, &cases[i].left, left, &err) != 0 ||
            fs_archive_attribute_integer(archive, "/direction", "layer", cases[i].layer, &err) != 0 ||
            fs_archive_attribute_integer(archive, "/direction", "ablated", cases[i].ablated, &err) != 0 ||
            fs_archive_attribute_integer(archive, "/direction", "step", cases[i].step, &err) != 0 ||
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directions_worked_by_hand),
        cmocka_unit_test(directions_are_those_of_pytorch),
        cmocka_unit_test(bits_do_not_depend_on_threads_and_stops),
        cmocka_unit_test(pairs_without_states_are_refused),
        cmocka_unit_test(one_form_does_not_go_on_with_the_other),
        cmocka_unit_test(damaged_archives_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
