/*
 * Steering: the edit against numbers worked by hand; directions of pairs of both kinds, and log probabilities behind them, against
 * PyTorch (tests/golden/make_steer.py); the same bits on any number of threads; pairs that cannot be learnt from, and
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

#include "io/formats/json.h"
#include "model/edits/direction.h"
#include "stages/methods/method.h"
#include "support.h"

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
    char path[1024];
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(make_folder(state), 0);
    snprintf(path, sizeof path, "%s/tests/golden/steer.json", getenv("FAIRSTAMP_SOURCE"));
    if (fs_json_load(path, &golden, &err) != 0) {
        fail_msg("%s", err.text);
    }
    for (size_t m = 0; m < MODELS; m++) {
        snprintf(path, sizeof path, "tests/golden/models/%s", models[m]);
        loaded[m] = load(path, 2);
    }
    for (size_t k = 0; k < KINDS; k++) {
        struct fs_fact_list facts = {0};
        char *text = cJSON_Print(cJSON_GetObjectItem(fs_json_root(golden), kinds[k]));
        const char *file = write_text("pairs.json", text);
        if ((k == 0 ? fs_stereoset_read(file, NULL, &pairs[k], &err)
                    : fs_biaske_read(file, NULL, &pairs[k], &facts, &err)) != 0) {
            fail_msg("%s", err.text);
        }
        fs_fact_list_release(&facts);
        free(text);
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

static int go_on(void *context, const struct fs_training_state *state, bool stop, struct fs_error *err)
{
    (void)context, (void)state, (void)stop, (void)err;
    return 0;
}

static struct fs_method_task task_of(const struct loaded *own, const struct fs_pair_list *list,
                                     union fs_method_settings *settings, const struct fs_method *method)
{
    const struct fs_setting_value none = {0};
    memset(settings, 0, sizeof *settings);
    for (size_t i = 0; i < method->settings->count; i++) {
        fs_setting_fill(&method->settings->row[i], &none, own->style.kind, settings);
    }
    return (struct fs_method_task){.model = own->model,
                                   .tokenizer = own->tokenizer,
                                   .pairs = list,
                                   .runner = own->runner,
                                   .layer = 1,
                                   .settings = settings};
}

static struct fs_training_state *train(const struct fs_method *method, const struct fs_method_task *task)
{
    struct fs_training_state *state = NULL;
    struct fs_error err = FS_ERROR_INIT;
    if (method->trainer->create(task, 0, &state, &err) != 0 ||
        method->trainer->train(task, go_on, NULL, state, &err) != 0) {
        fail_msg("%s: %s", method->name, err.text);
    }
    return state;
}

/* Log p of each id of the golden file's text, with the edit (NULL: none). */
static void read_text(const struct loaded *own, const cJSON *ids, const struct fs_edit *edit, double *logprob)
{
    const bool masked = own->style.kind == FS_MASKED;
    struct fs_plan *plan = NULL;
    struct fs_plan_values values;
    struct fs_error err = FS_ERROR_INIT;
    size_t count = (size_t)cJSON_GetArraySize(ids), pass, read[64];
    int32_t given[64] = {masked ? own->style.special.cls : own->style.special.begin_of_text};
    const struct fs_edit_list list = {edit != NULL ? 1 : 0, edit};
    assert_true(count < 60);
    assert_int_equal(fs_plan_create(&plan, &err), 0);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            given[1 + k] = (int32_t)cJSON_GetArrayItem(ids, (int)k)->valuedouble;
        }
        int32_t token = given[1 + i];
        given[1 + i] = masked ? own->style.special.mask : token;
        given[1 + count] = own->style.special.sep;
        assert_int_equal(fs_plan_add_pass(plan, given, 1 + count + (masked ? 1 : 0), &pass, &err), 0);
        assert_int_equal(fs_plan_add_read(plan, pass, masked ? 1 + i : i, token, &read[i], &err), 0);
    }
    assert_int_equal(fs_plan_seal(plan, fs_plan_limits_of(fs_model_spec(own->model), 64), &err), 0);
    assert_int_equal(fs_plan_execute(plan, own->model, &list, own->runner, NULL, &values, &err), 0);
    for (size_t i = 0; i < count; i++) {
        logprob[i] = fs_values_logprob(&values, list.count, read[i]);
    }
    fs_plan_values_release(&values);
    fs_plan_destroy(plan);
}

static void expect_near(const char *what, const cJSON *expected, const double *found, double bound)
{
    const cJSON *number;
    size_t i = 0;
    cJSON_ArrayForEach(number, expected)
    {
        if (!(fabs(found[i] - number->valuedouble) <= bound)) {
            fail_msg("%s: number %zu: %.9g, expected %.9g", what, i, found[i], number->valuedouble);
        }
        i++;
    }
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
        expect_near("unedited", cJSON_GetObjectItem(own, "plain"), logprob, BOUND);
        for (size_t k = 0; k < KINDS * METHODS; k++) {
            const struct fs_method *method = fs_method_find(methods[k % METHODS]);
            const cJSON *part = cJSON_GetObjectItem(cJSON_GetObjectItem(own, kinds[k / METHODS]), parts[k % METHODS]);
            const cJSON *direction = cJSON_GetObjectItem(part, "direction");
            char what[64];
            union fs_method_settings settings;
            snprintf(what, sizeof what, "%s, %s, %s", models[m], kinds[k / METHODS], methods[k % METHODS]);
            const struct fs_method_task task = task_of(&loaded[m], &pairs[k / METHODS], &settings, method);
            struct fs_training_state *training = train(method, &task);
            const struct fs_edit edit = method->trainer->edit(training);
            size_t d = edit.count - 1;
            double *v = calloc(d, sizeof *v), loss[FS_TRAINING_LOSSES];
            assert_non_null(v);
            for (size_t i = 0; i < d; i++) {
                v[i] = (double)edit.number[i];
            }
            assert_int_equal(cJSON_GetArraySize(direction), d);
            expect_near(what, direction, v, BOUND * largest_of(direction));
            read_text(&loaded[m], cJSON_GetObjectItem(own, "ids"), &edit, logprob);
            expect_near(what, cJSON_GetObjectItem(part, "logprobs"), logprob, BOUND);
            method->trainer->losses(training, loss);
            assert_true(fabs(loss[0] - cJSON_GetObjectItem(part, "left")->valuedouble) <= BOUND);
            free(v);
            method->trainer->destroy(training);
        }
    }
}

static void bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    const struct fs_method *method = fs_method_find("steer_ablate");
    struct loaded alone = load("tests/golden/models/gpt2-tiny", 1);
    union fs_method_settings settings, other;
    const struct fs_method_task one = task_of(&loaded[1], &pairs[0], &settings, method);
    const struct fs_method_task two = task_of(&alone, &pairs[0], &other, method);
    struct fs_training_state *first = train(method, &one), *second = train(method, &two);
    const struct fs_edit a = method->trainer->edit(first), b = method->trainer->edit(second);
    assert_memory_equal(a.number, b.number, a.count * sizeof *a.number);
    method->trainer->destroy(first);
    method->trainer->destroy(second);
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
    method->trainer->destroy(train(method, &task));
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
        cmocka_unit_test(directions_worked_by_hand),     cmocka_unit_test(directions_are_those_of_pytorch),
        cmocka_unit_test(bits_do_not_depend_on_threads), cmocka_unit_test(pairs_without_states_are_refused),
        cmocka_unit_test(damaged_archives_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
