/*
 * ROME: the closed form, the covariance, target values and whole edits. Built twice, against NumPy and PyTorch in float64
 * (tests/golden/make_rome.py); in float32 also: the same bits on any number of threads and after any stop; what is refused.
 */
#include "tests/unit/stamp/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/formats/json.h"
#include "model/numbers/cholesky.h"
#include "stages/methods/rome.h"
#include "tests/unit/rome/golden_case.h"

extern const struct fs_method fs_method_rome;

static void the_closed_form_is_that_of_numpy(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("rome");
    for (const cJSON *item = get(fs_json_root(document), "kernel")->child; item != NULL; item = item->next) {
        struct fs_error err = FS_ERROR_INIT;
        size_t n = (size_t)cJSON_GetArraySize(get(item, "key")), count, F, d;
        double *factor = numbers_of(get(item, "moment"), &count);
        struct fs_rome_request request = {.n = n, .direction = numbers_of(get(item, "direction"), &F)};
        request.key = numbers_of(get(item, "key"), &F);
        request.residual = numbers_of(get(item, "residual"), &d);
        request.keys = F / n;
        request.hidden = d / n;
        double *wanted = numbers_of(get(item, "change"), &count), *found = calloc(count, sizeof *found);
        double *key = calloc(F, sizeof *key), *residual = calloc(d, sizeof *residual), pivot = 0;
        memcpy(key, request.key, F * sizeof *key);
        memcpy(residual, request.residual, d * sizeof *residual);
        assert_done(fs_cholesky_factorise(request.keys, factor, &pivot, &err), err);
        assert_true(pivot > 0);
        assert_done(fs_rome_solve(factor, &request, &err), err);
        for (size_t a = 0; a < n; a++) {
            for (size_t i = 0; i < count; i++) {
                found[i] += request.residual[a * request.hidden + i / request.keys] *
                            request.direction[a * request.keys + i % request.keys];
            }
        }
        assert_true(apart(wanted, found, count) < 1e-8);
        for (size_t b = 0; b < n; b++) { /* (v* - y) = change K: W' meets v* at K */
            for (size_t i = 0; i < request.hidden; i++) {
                double met = 0;
                for (size_t k = 0; k < request.keys; k++) {
                    met += found[i * request.keys + k] * key[b * request.keys + k];
                }
                assert_true(fabs(met - residual[b * request.hidden + i]) < 1e-10);
            }
        }
        free(factor);
        free(request.direction);
        free(request.key);
        free(request.residual);
        free(wanted);
        free(found);
        free(key);
        free(residual);
    }
    fs_json_destroy(document);
}

/* ---- whole edits ---- */

static struct fs_rome_options options_of(const cJSON *root, const cJSON *item)
{
    struct fs_rome_options options = {.checkpoint_every = 1, .target = target_of(root, item)};
    options.form = (enum fs_rome_form)choice(get(item, "form")->valuestring, "r-rome|rome|p-rome");
    return options;
}

static struct fs_rome_options rome_options;

static void open_rome(struct edited *e, const cJSON *root, const cJSON *item, size_t threads)
{
    rome_options = options_of(root, item);
    open_edited(e, root, item, threads, &rome_options);
}

/* delta [vectors d] of the first pair, by the whole search of one thread. */
static double delta_apart(struct edited *e, const cJSON *step)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_target target;
    struct fs_target_bench bench = {0};
    bool done = false;
    assert_done(fs_target_create(&e->task, &rome_options.target, e->task.layer, NULL, &e->list.item[0], &target, &err),
                err);
    size_t found = fs_target_found_length(&target), length = fs_target_step_length(&target);
    size_t most = found > length ? found : length;
    fs_real *sum = calloc(most, sizeof *sum), *own = calloc(most, sizeof *own);
    assert_true(target.prompts.by_subject && target.prompts.units > 1);
    for (size_t u = 0; u < target.prompts.units; u++) {
        assert_done(fs_target_fill(&target, &bench, u, &err), err);
        fs_target_gather(&target, u, own);
        for (size_t i = 0; i < found; i++) {
            sum[i] += own[i];
        }
    }
    fs_target_begin(&target, sum);
    while (!done) {
        memset(sum, 0, most * sizeof *sum);
        for (size_t u = 0; u < target.prompts.units; u++) {
            assert_done(fs_target_differentiate(&target, &bench, u, own, &err), err);
            for (size_t i = 0; i < length; i++) {
                sum[i] += own[i];
            }
        }
        assert_done(fs_target_advance(&target, sum, &done, &err), err);
    }
    double distance = apart_of(get(step, "delta"), target.delta, target.prompts.vectors * e->m.spec->hidden);
    free(sum);
    free(own);
    fs_target_bench_release(&bench);
    fs_target_release(&target);
    return distance;
}

static double moment_apart(struct edited *e, const cJSON *item)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_covariance covariance;
    size_t count, layer = e->task.layer, F = e->m.spec->layer[layer].ffn;
    assert_done(fs_covariance_find(&e->task, layer, &covariance, &err), err);
    assert_int_equal(covariance.tokens, (size_t)number_of(item, "tokens"));
    assert_true(covariance.done && covariance.pivot > 0);
    double *wanted = numbers_of(get(item, "moment"), &count), *found = calloc(2 * F, sizeof *found);
    assert_int_equal(count, 2 * F);
    for (size_t i = 0; i < F; i++) {
        found[i] = covariance.sum[i * F] / (double)covariance.tokens;
        found[F + i] = covariance.sum[(F - 1) * F + i] / (double)covariance.tokens;
    }
    double distance = apart(wanted, found, count);
    free(wanted);
    free(found);
    fs_covariance_release(&covariance);
    return distance;
}

static void check_case(const cJSON *root, const cJSON *item)
{
    struct fs_error err = FS_ERROR_INIT;
    struct edited e;
    struct fs_rome_state state;
    double worst[4] = {0};
    open_rome(&e, root, item, 1);
    const cJSON *steps = get(item, "steps");
    worst[0] = moment_apart(&e, item);
    worst[1] = delta_apart(&e, steps->child);
    assert_done(fs_rome_state_create(&e.task, 2, &state, &err), err);
    assert_done(fs_rome_train(&e.task, NULL, NULL, &state, &err), err);
    size_t number = 0;
    for (const cJSON *step = steps->child; step != NULL; step = step->next, number++) {
        const double *record = state.record + number * FS_ROME_TERMS;
        worst[2] = fmax(worst[2], fabs(record[FS_ROME_BEFORE] / number_of(step, "before") - 1));
        worst[2] = fmax(worst[2], fabs(record[FS_ROME_AFTER] / number_of(step, "after") - 1));
        assert_true(record[FS_ROME_ITERATIONS] == number_of(step, "iterations"));
        assert_true(record[FS_ROME_PLACE] == 2);
    }
    size_t d = e.m.spec->hidden, F = e.m.spec->layer[e.task.layer].ffn;
    fs_real *row = calloc(2 * F, sizeof *row);
    row_of(&state.edit, 0, 0, row);
    row_of(&state.edit, 0, d - 1, row + F);
    worst[3] = apart_of(get(item, "rows"), row, 2 * F);
    print_message("%-14s %-8s %-7s moment %.0e  delta %.0e  losses %.0e  change %.0e\n",
                  get(item, "model")->valuestring, get(item, "request")->valuestring, get(item, "form")->valuestring,
                  worst[0], worst[1], worst[2], worst[3]);
    for (size_t i = 0; i < 4; i++) {
        assert_true(worst[i] < (wide ? 1e-8 : 1e-4));
    }
    free(row);
    fs_rome_state_release(&state);
    close_edited(&e);
}

static void it_is_that_of_pytorch(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("rome");
    const cJSON *cases = get(fs_json_root(document), "cases");
    assert_int_equal(cJSON_GetArraySize(cases), 11);
    for (const cJSON *item = cases->child; item != NULL; item = item->next) {
        check_case(fs_json_root(document), item);
    }
    fs_json_destroy(document);
}

#ifndef FS_DOUBLE

static void assert_same(const struct fs_rome_state *a, const struct fs_rome_state *b)
{
    assert_int_equal(a->base.step, b->base.step);
    assert_int_equal(a->edit.count, b->edit.count);
    assert_memory_equal(a->edit.number, b->edit.number, a->edit.count * sizeof(fs_real));
    assert_memory_equal(a->record, b->record, a->base.steps * FS_ROME_TERMS * sizeof *a->record);
}

static void train(struct edited *e, struct fs_rome_state *state)
{
    struct fs_error err = FS_ERROR_INIT;
    assert_done(fs_rome_state_create(&e->task, 2, state, &err), err);
    assert_done(fs_rome_train(&e->task, NULL, NULL, state, &err), err);
}

static void threads_do_not_matter(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("rome");
    for (int number = 1; number < 6; number += 4) { /* a masked model with two vectors, a causal one with one */
        struct edited e;
        struct fs_rome_state state[2];
        for (size_t i = 0; i < 2; i++) {
            open_rome(&e, fs_json_root(document), case_of(document, number), i == 0 ? 1 : 3);
            train(&e, &state[i]);
            close_edited(&e);
        }
        assert_same(&state[0], &state[1]);
        fs_rome_state_release(&state[0]);
        fs_rome_state_release(&state[1]);
    }
    fs_json_destroy(document);
}

/* ---- stops ---- */

struct stop {
    char path[64];
    struct edited *edited;
    size_t stops, saves;
};

static int save_and_stop(void *context, const struct fs_training_state *state, bool asked, struct fs_error *err)
{
    struct stop *stop = context;
    (void)asked;
    if (state->step == state->steps) {
        return 0;
    }
    stop->stops++;
    write_state(stop->path, fs_method_rome.trainer, &stop->edited->task, state);
    return fs_error_set(err, FS_EXIT_INTERRUPTED, "stopped here");
}

static void it_goes_on(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("rome");
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_trainer *trainer = fs_method_rome.trainer;
    struct edited e;
    struct fs_rome_state whole;
    struct fs_training_state *state;
    open_rome(&e, fs_json_root(document), case_of(document, 4), 1);
    train(&e, &whole);
    struct stop stop = {.edited = &e};
    make_path(stop.path);
    assert_done(trainer->create(&e.task, 2, &state, &err), err);
    assert_int_equal(trainer->train(&e.task, save_and_stop, &stop, state, &err), -1);
    assert_int_equal(err.code, FS_EXIT_INTERRUPTED);
    assert_int_equal(stop.stops, 1);
    assert_false(trainer->is_same(&whole.base, state) && state->step == whole.base.step);
    trainer->destroy(state);
    assert_done(read_state(stop.path, trainer, &state, &err), err);
    assert_true(trainer->is_same(&whole.base, state));
    assert_done(trainer->train(&e.task, NULL, NULL, state, &err), err);
    assert_same(&whole, (const struct fs_rome_state *)state);
    trainer->destroy(state);
    unlink(stop.path);
    fs_rome_state_release(&whole);
    close_edited(&e);
    fs_json_destroy(document);
}

static int read_stored(void *context, struct fs_covariance *covariance, struct fs_error *err)
{
    const struct stop *stop = context;
    struct fs_archive *archive;
    if (stop->saves == 0) {
        return 0;
    }
    assert_done(fs_archive_open(stop->path, "part", &archive, err), *err);
    int status = fs_covariance_read(archive, covariance, err);
    fs_archive_close(archive);
    return status;
}

static int save_covariance(void *context, const struct fs_covariance *covariance, bool asked, struct fs_error *err)
{
    struct stop *stop = context;
    struct fs_archive *archive;
    (void)asked;
    stop->saves++;
    assert_done(fs_archive_create(stop->path, "part", "job", &archive, err), *err);
    assert_done(fs_covariance_write(covariance, archive, err), *err);
    assert_done(fs_archive_publish(archive, err), *err);
    return covariance->done || stop->edited == NULL ? 0 : fs_error_set(err, FS_EXIT_INTERRUPTED, "stopped here");
}

/* Each text of more than half of the tokens of a unit: as many units, and steps, as texts. */
static void a_covariance_goes_on(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("rome");
    struct fs_error err = FS_ERROR_INIT;
    struct edited e;
    struct fs_covariance whole, found;
    open_rome(&e, fs_json_root(document), case_of(document, 0), 2);
    FILE *stream = fopen(e.text, "w");
    for (size_t line = 0; line < 9; line++) {
        for (size_t word = 0; word < 25; word++) {
            fprintf(stream, "%s ", word % (line + 2) == 0 ? "the river" : word % 2 == 0 ? "a nurse and" : "ship");
        }
        fprintf(stream, "\n");
    }
    fclose(stream);
    struct stop stop = {.edited = NULL};
    make_path(stop.path);
    const struct fs_covariance_store store = {&stop, 1, read_stored, save_covariance};
    e.task.covariances = &store;
    assert_done(fs_covariance_find(&e.task, 0, &whole, &err), err);
    size_t steps = stop.saves;
    assert_true(steps > 1);
    stop.saves = 0;
    stop.edited = &e;
    for (size_t run = 1; run < steps; run++) {
        assert_int_equal(fs_covariance_find(&e.task, 0, &found, &err), -1);
        assert_int_equal(err.code, FS_EXIT_INTERRUPTED);
        assert_int_equal(stop.saves, run);
        fs_covariance_release(&found);
    }
    for (size_t run = 0; run < 2; run++) { /* the last step; then none */
        assert_done(fs_covariance_find(&e.task, 0, &found, &err), err);
        assert_int_equal(stop.saves, steps);
        assert_int_equal(found.tokens, whole.tokens);
        assert_true(found.pivot == whole.pivot);
        size_t F = whole.size;
        for (size_t i = 0; i < F; i++) {
            assert_memory_equal(found.sum + i * F, whole.sum + i * F, (i + 1) * sizeof *whole.sum);
        }
        fs_covariance_release(&found);
    }
    fs_covariance_release(&whole);
    unlink(stop.path);
    close_edited(&e);
    fs_json_destroy(document);
}

/* ---- what is refused ---- */

/* States whose parts do not belong together. */
static void hostile_states_are_refused(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("rome");
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_trainer *trainer = fs_method_rome.trainer;
    struct edited e;
    struct fs_rome_state sound;
    char path[64];
    open_rome(&e, fs_json_root(document), case_of(document, 0), 1);
    assert_done(fs_rome_state_create(&e.task, 2, &sound, &err), err);
    make_path(path);
    for (size_t i = 0; i < 6; i++) {
        struct fs_training_state *state;
        struct fs_rome_state bad = sound;
        err = (struct fs_error)FS_ERROR_INIT;
        bad.columns = i == 1 ? 2 : i == 2 ? 0 : i == 3 ? 9 : 1;
        bad.base.steps = i == 4 ? 1 : 2;
        bad.base.step = i == 5 ? 3 : 0;
        write_state(path, trainer, &e.task, &bad.base);
        int status = read_state(path, trainer, &state, &err);
        if ((status == 0) != (i == 0) || (i > 0 && err.code != FS_EXIT_DATA)) {
            fail_msg("case %zu: %d \"%s\"", i, err.code, err.text);
        }
        trainer->destroy(state);
    }
    unlink(path);
    fs_rome_state_release(&sound);
    close_edited(&e);
    fs_json_destroy(document);
}

static void refuse_training(struct edited *e, size_t pairs, int code, const char *words)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_rome_state state;
    int status = fs_rome_state_create(&e->task, pairs, &state, &err);
    if (status == 0) {
        status = fs_rome_train(&e->task, NULL, NULL, &state, &err);
        fs_rome_state_release(&state);
    }
    assert_int_equal(status, -1);
    assert_int_equal(err.code, code);
    if (strstr(err.text, words) == NULL) {
        fail_msg("found \"%s\", expected \"%s\"", err.text, words);
    }
}

static void what_does_not_fit_is_refused(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("rome");
    struct edited e;
    open_rome(&e, fs_json_root(document), case_of(document, 1), 1);
    enum fs_scoring scoring = e.task.scoring;
    e.task.scoring = FS_PLL_GIVEN;
    refuse_training(&e, 2, FS_EXIT_CONFIG, "scoring");
    e.task.scoring = scoring;
    e.task.layer = e.m.spec->layers;
    refuse_training(&e, 2, FS_EXIT_CONFIG, "layers 0 to");
    e.task.layer = 0;
    memset(e.held_out, true, sizeof e.held_out);
    refuse_training(&e, 0, FS_EXIT_DATA, "pairs can be scored");
    refuse_training(&e, 3, FS_EXIT_DATA, "this job 0");
    e.held_out[0] = false;
    FILE *stream = fopen(e.text, "w");
    fprintf(stream, " \n\n");
    fclose(stream);
    refuse_training(&e, 1, FS_EXIT_DATA, "found no token");
    stream = fopen(e.text, "w");
    fprintf(stream, "\xff\xfe");
    fclose(stream);
    refuse_training(&e, 1, FS_EXIT_DATA, e.text);
    unlink(e.text);
    refuse_training(&e, 1, FS_EXIT_NO_INPUT, e.text);
    close_edited(&e);
    fs_json_destroy(document);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_closed_form_is_that_of_numpy),
        cmocka_unit_test(it_is_that_of_pytorch),
#ifndef FS_DOUBLE
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(it_goes_on),
        cmocka_unit_test(a_covariance_goes_on),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(hostile_states_are_refused),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
