/*
 * MEMIT and AlphaEdit: the closed forms and whole edits. Built twice, against NumPy and PyTorch in float64
 * (tests/golden/make_memit.py); in float32 also: the same bits on any number of threads and after any stop; what is refused.
 */
#include "tests/unit/rome/golden_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stages/methods/memit.h"

extern const struct fs_method fs_method_memit;

static bool is_memit(const cJSON *item)
{
    return strcmp(get(item, "method")->valuestring, "memit") == 0;
}

static struct fs_memit_options options_of(const cJSON *root, const cJSON *item)
{
    struct fs_memit_options options = {.layers = (size_t)number_of(root, "layers"), .batch = 1, .checkpoint_every = 1};
    options.update_weight = number_of(root, "update_weight");
    if (!is_memit(item)) {
        options.threshold = number_of(root, "threshold");
        options.ridge = number_of(root, "ridge");
    }
    return options;
}

static void the_closed_forms_are_those_of_numpy(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("memit");
    const cJSON *root = fs_json_root(document);
    for (const cJSON *item = get(root, "kernel")->child; item != NULL; item = item->next) {
        struct fs_error err = FS_ERROR_INIT;
        const struct fs_memit_options options = options_of(root, item);
        size_t n = (size_t)cJSON_GetArraySize(get(item, "key")), F, d, count;
        struct fs_covariance covariance = {.sum = numbers_of(get(item, "moment"), &count), .tokens = 1};
        double *key = numbers_of(get(item, "key"), &F), *residual = numbers_of(get(item, "residual"), &d);
        double *wanted = numbers_of(get(item, "change"), &count), *found = calloc(count, sizeof *found);
        covariance.size = F /= n;
        d /= n;
        fs_covariance_mean(&covariance, options.ridge > 0 ? 0 : FS_COVARIANCE_RIDGE);
        assert_done(fs_memit_solve(&options, F, covariance.sum, n, key, &err), err);
        for (size_t a = 0; a < n; a++) {
            for (size_t i = 0; i < count; i++) {
                found[i] += residual[a * d + i / F] * key[a * F + i % F];
            }
        }
        assert_true(apart(wanted, found, count) < 1e-8);
        fs_covariance_release(&covariance);
        free(key);
        free(residual);
        free(wanted);
        free(found);
    }
    fs_json_destroy(document);
}

/* Where nothing holds the weights, keys that are no more than their numbers are met exactly. */
static void without_weight_it_is_exact(void **unused)
{
    (void)unused;
    struct fs_error err = FS_ERROR_INIT;
    enum { F = 6, N = 3 };
    const struct fs_memit_options options = {.update_weight = 1e-10};
    double c[F * F] = {0}, key[N * F], solved[N * F];
    for (size_t i = 0; i < F; i++) {
        c[i * F + i] = 1;
    }
    for (size_t i = 0; i < N * F; i++) {
        solved[i] = key[i] = sin((double)(1 + i * i));
    }
    assert_done(fs_memit_solve(&options, F, c, N, solved, &err), err);
    for (size_t a = 0; a < N; a++) {
        for (size_t b = 0; b < N; b++) {
            double product = 0;
            for (size_t i = 0; i < F; i++) {
                product += solved[a * F + i] * key[b * F + i];
            }
            assert_true(fabs(product - (a == b)) < 1e-6);
        }
    }
}

/* ---- whole edits ---- */

static struct fs_memit_options memit_options;

static void open_memit(struct edited *e, const cJSON *root, const cJSON *item, size_t threads)
{
    memit_options = options_of(root, item);
    memit_options.target = target_of(root, item);
    open_edited(e, root, item, threads, &memit_options);
}

static void check_case(const cJSON *root, const cJSON *item)
{
    struct fs_error err = FS_ERROR_INIT;
    struct edited e;
    struct fs_memit_state state;
    double worst[3] = {0};
    open_memit(&e, root, item, 1);
    assert_done(fs_memit_state_create(&e.task, 2, &state, &err), err);
    assert_done(fs_memit_train(&e.task, NULL, NULL, &state, &err), err);
    size_t number = 0, d = e.m.spec->hidden, F = e.m.spec->layer[e.task.layer].ffn;
    for (const cJSON *step = get(item, "steps")->child; step != NULL; step = step->next, number++) {
        const double *record = state.record + number * FS_MEMIT_TERMS;
        worst[0] = fmax(worst[0], fabs(record[FS_MEMIT_BEFORE] / number_of(step, "before") - 1));
        worst[0] = fmax(worst[0], fabs(record[FS_MEMIT_AFTER] / number_of(step, "after") - 1));
        assert_true(record[FS_MEMIT_ITERATIONS] == number_of(step, "iterations"));
        assert_true(record[FS_MEMIT_PLACE] == 2);
    }
    number = 0;
    for (const cJSON *left = get(item, "residuals")->child; left != NULL; left = left->next, number++) {
        worst[1] = fmax(worst[1], fabs(state.residual[number] / left->valuedouble - 1));
    }
    assert_int_equal(number, state.layers + 1);
    fs_real *row = calloc(2 * F, sizeof *row);
    number = 0;
    for (const cJSON *rows = get(item, "layers")->child; rows != NULL; rows = rows->next, number++) {
        row_of(&state.edit, number, 0, row);
        row_of(&state.edit, number, d - 1, row + F);
        worst[2] = fmax(worst[2], apart_of(rows, row, 2 * F));
    }
    print_message("%-16s %-6s %-9s losses %.0e  residual %.0e  change %.0e\n", get(item, "model")->valuestring,
                  get(item, "request")->valuestring, get(item, "method")->valuestring, worst[0], worst[1], worst[2]);
    for (size_t i = 0; i < 3; i++) {
        assert_true(worst[i] < (wide ? 1e-8 : 1e-4));
    }
    free(row);
    fs_memit_state_release(&state);
    close_edited(&e);
}

static void it_is_that_of_pytorch(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("memit");
    const cJSON *cases = get(fs_json_root(document), "cases");
    assert_int_equal(cJSON_GetArraySize(cases), 6);
    for (const cJSON *item = cases->child; item != NULL; item = item->next) {
        check_case(fs_json_root(document), item);
    }
    fs_json_destroy(document);
}

#ifndef FS_DOUBLE

static void assert_same(const struct fs_memit_state *a, const struct fs_memit_state *b)
{
    assert_int_equal(a->base.step, b->base.step);
    assert_int_equal(a->edit.count, b->edit.count);
    assert_memory_equal(a->edit.number, b->edit.number, a->edit.count * sizeof(fs_real));
    assert_memory_equal(a->record, b->record, a->pairs * FS_MEMIT_TERMS * sizeof *a->record);
    assert_memory_equal(a->residual, b->residual, (a->layers + 1) * sizeof *a->residual);
}

static void threads_and_batches_do_not_matter(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("memit");
    for (int number = 1; number < 5; number += 2) { /* AlphaEdit, and MEMIT, with two vectors each */
        struct edited e;
        struct fs_memit_state state[2];
        for (size_t i = 0; i < 2; i++) {
            struct fs_error err = FS_ERROR_INIT;
            open_memit(&e, fs_json_root(document), case_of(document, number), i == 0 ? 1 : 3);
            memit_options.batch = i == 0 ? 1 : 2;
            assert_done(fs_memit_state_create(&e.task, 2, &state[i], &err), err);
            assert_done(fs_memit_train(&e.task, NULL, NULL, &state[i], &err), err);
            close_edited(&e);
        }
        state[1].base.step = state[0].base.step; /* other batches are other steps */
        assert_same(&state[0], &state[1]);
        fs_memit_state_release(&state[0]);
        fs_memit_state_release(&state[1]);
    }
    fs_json_destroy(document);
}

struct stop {
    char path[64];
    const struct fs_method_task *task;
};

static int save_and_stop(void *context, const struct fs_training_state *state, bool asked, struct fs_error *err)
{
    const struct stop *stop = context;
    (void)asked;
    write_state(stop->path, fs_method_memit.trainer, stop->task, state);
    return fs_error_set(err, FS_EXIT_INTERRUPTED, "stopped here");
}

static void it_goes_on(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("memit");
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_trainer *trainer = fs_method_memit.trainer;
    struct edited e;
    struct fs_memit_state whole;
    struct fs_training_state *state;
    open_memit(&e, fs_json_root(document), case_of(document, 3), 1);
    assert_done(fs_memit_state_create(&e.task, 2, &whole, &err), err);
    assert_done(fs_memit_train(&e.task, NULL, NULL, &whole, &err), err);
    assert_int_equal(whole.base.step, 4); /* two batches, two layers */
    struct stop stop = {.task = &e.task};
    make_path(stop.path);
    assert_done(trainer->create(&e.task, 2, &state, &err), err);
    for (size_t stops = 1; stops <= 4; stops++) {
        assert_int_equal(trainer->train(&e.task, save_and_stop, &stop, state, &err), -1);
        assert_int_equal(err.code, FS_EXIT_INTERRUPTED);
        trainer->destroy(state);
        assert_done(read_state(stop.path, trainer, &state, &err), err);
        assert_int_equal(state->step, stops);
        assert_true(trainer->is_same(&whole.base, state));
    }
    assert_same(&whole, (const struct fs_memit_state *)state);
    trainer->destroy(state);
    unlink(stop.path);
    fs_memit_state_release(&whole);
    close_edited(&e);
    fs_json_destroy(document);
}

/* States whose parts do not belong together. */
static void hostile_states_are_refused(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("memit");
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_trainer *trainer = fs_method_memit.trainer;
    struct edited e;
    struct fs_memit_state sound;
    char path[64];
    open_memit(&e, fs_json_root(document), case_of(document, 0), 1);
    assert_done(fs_memit_state_create(&e.task, 2, &sound, &err), err);
    make_path(path);
    for (size_t i = 0; i < 8; i++) {
        struct fs_training_state *state;
        struct fs_memit_state bad = sound;
        err = (struct fs_error)FS_ERROR_INIT;
        bad.columns = i == 1 ? 2 : i == 2 ? 0 : 1;
        bad.batch = i == 3 ? 0 : i == 4 ? 7 : sound.batch;
        bad.base.steps += i == 5;
        bad.base.step = i == 6 ? bad.base.steps + 1 : 0;
        bad.pairs = i == 7 || i == 1 ? 1 : 2;
        write_state(path, trainer, &e.task, &bad.base);
        int status = read_state(path, trainer, &state, &err);
        if ((status == 0) != (i == 0) || (i > 0 && err.code != FS_EXIT_DATA)) {
            fail_msg("case %zu: %d \"%s\"", i, err.code, err.text);
        }
        trainer->destroy(state);
    }
    unlink(path);
    fs_memit_state_release(&sound);
    close_edited(&e);
    fs_json_destroy(document);
}

/* Of a family whose FFN is not simply added; a layer that is not there; pairs that are all held out. */
static void what_does_not_fit_is_refused(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("memit");
    struct fs_error err = FS_ERROR_INIT;
    struct edited e;
    struct fs_memit_state state;
    struct test_model apart_model;
    open_memit(&e, fs_json_root(document), case_of(document, 0), 1);
    test_model_open("gemma2-f16", &apart_model);
    struct fs_method_task task = e.task;
    task.model = apart_model.model;
    assert_int_equal(fs_memit_state_create(&task, 2, &state, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    assert_non_null(strstr(err.text, "stands between"));
    test_model_close(&apart_model);
    task = e.task;
    task.layer = e.m.spec->layers;
    assert_int_equal(fs_memit_state_create(&task, 2, &state, &err), -1);
    assert_int_equal(err.code, FS_EXIT_CONFIG);
    memset(e.held_out, true, sizeof e.held_out);
    assert_done(fs_memit_state_create(&e.task, 0, &state, &err), err);
    assert_int_equal(fs_memit_train(&e.task, NULL, NULL, &state, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    assert_non_null(strstr(err.text, "pairs can be scored"));
    fs_memit_state_release(&state);
    close_edited(&e);
    fs_json_destroy(document);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_closed_forms_are_those_of_numpy),
        cmocka_unit_test(without_weight_it_is_exact),
        cmocka_unit_test(it_is_that_of_pytorch),
#ifndef FS_DOUBLE
        cmocka_unit_test(threads_and_batches_do_not_matter),
        cmocka_unit_test(it_goes_on),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(hostile_states_are_refused),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
