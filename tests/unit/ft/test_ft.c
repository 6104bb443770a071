/*
 * Fine-tuning of W_out. Built twice, against PyTorch in float64 (tests/golden/make_ft.py); in float32 also: the same bits on any
 * number of threads, with any memory, after any stop; when it takes no step and when it ends; what is refused.
 */
#include "tests/unit/stamp/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stages/methods/ft.h"
#include "tests/unit/model/reals.h"

extern const struct fs_method fs_method_ft;

static struct fs_ft_options options_of(size_t batch, size_t epochs)
{
    return (struct fs_ft_options){
        .batch = batch, .epochs = epochs, .learning_rate = 5e-3, .enough = 0.01, .checkpoint_every = 1, .memory = 1024};
}

static struct fs_method_task task_of(const struct test_model *m, const struct fs_pair_list *list,
                                     const struct fs_ft_options *options, struct fs_runner *runner)
{
    return (struct fs_method_task){.model = m->model,
                                   .tokenizer = m->tokenizer,
                                   .pairs = list,
                                   .runner = runner,
                                   .layer = 1,
                                   .scoring = m->spec->kind == FS_MASKED ? FS_TARGET_PROB : FS_OBJECT_MEAN,
                                   .settings = options};
}

static int run(const struct test_model *m, const struct fs_pair_list *list, const struct fs_ft_options *options,
               size_t threads, struct fs_ft_state *state, struct fs_error *err)
{
    struct fs_runner *runner;
    assert_done(fs_runner_serial_create(threads, &runner, err), *err);
    const struct fs_method_task task = task_of(m, list, options, runner);
    assert_done(fs_ft_state_create(options, m->spec, task.layer, list->count, state, err), *err);
    int status = fs_ft_train(&task, NULL, NULL, state, err);
    free(runner);
    return status;
}

/* ---- PyTorch ---- */

/* The distance from the numbers of an array, relative to their norm. */
static double difference(const cJSON *array, const fs_real *found, size_t count)
{
    double norm = 0, apart = 0;
    assert_int_equal(cJSON_GetArraySize(array), count);
    const cJSON *item = array->child;
    for (size_t i = 0; i < count; i++, item = item->next) {
        double wanted = item->valuedouble;
        norm += wanted * wanted;
        apart += (wanted - (double)found[i]) * (wanted - (double)found[i]);
    }
    return sqrt(apart / norm);
}

static void check_case(const cJSON *root, const cJSON *expected)
{
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    struct fs_pair_list list;
    struct fs_ft_state state;
    struct fs_ft_options options = options_of((size_t)number_of(root, "batch"), (size_t)number_of(root, "epochs"));
    const char *model = get(expected, "model")->valuestring, *request = get(expected, "request")->valuestring;
    test_model_open(model, &m);
    test_pairs_make(cJSON_IsTrue(get(expected, "subjects")), &list);
    options.request = strcmp(request, "anti") == 0 ? FS_REQUEST_ANTI : FS_REQUEST_EQUAL;
    options.objective =
        strcmp(get(expected, "objective")->valuestring, "prompt_last") == 0 ? FS_PROMPT_LAST : FS_TARGET_NEW;
    options.norm_constraint = number_of(expected, "norm_constraint");
    options.learning_rate = number_of(root, "learning_rate");
    assert_done(run(&m, &list, &options, 1, &state, &err), err);

    const cJSON *losses = get(expected, "losses"), *rows = get(expected, "rows"), *bias = get(expected, "bias");
    struct fs_weight w = fs_weight_of(&state.edit);
    double worst[4] = {0}, norm = 0;
    assert_int_equal(cJSON_GetArraySize(losses), state.base.step);
    double largest = 0; /* a small loss is the square of a difference of log probabilities that are much larger */
    for (size_t i = 0; i < state.base.step; i++) {
        double wanted = cJSON_GetArrayItem(losses, (int)i)->valuedouble;
        worst[0] = fmax(worst[0], fabs(state.loss[i] - wanted));
        largest = fmax(largest, wanted);
    }
    worst[0] /= largest;
    for (size_t i = 0; i < w.hidden * w.ffn; i++) {
        norm += (double)w.delta[i] * (double)w.delta[i];
    }
    worst[1] = fabs(sqrt(norm) / number_of(expected, "norm") - 1);
    worst[2] = fmax(difference(cJSON_GetArrayItem(rows, 0), w.delta, w.ffn),
                    difference(cJSON_GetArrayItem(rows, 1), w.delta + (w.hidden - 1) * w.ffn, w.ffn));
    if (w.bias != NULL) {
        worst[3] = difference(bias, w.bias, w.hidden);
    } else {
        assert_int_equal(cJSON_GetArraySize(bias), 0);
    }
    print_message("%-14s %-5s %-11s losses %.0e  norm %.0e  W_out %.0e  b_out %.0e\n", model, request,
                  get(expected, "objective")->valuestring, worst[0], worst[1], worst[2], worst[3]);
    /* In float32 losses and norm alone: Adam divides each gradient by its own size, so that a number whose gradient is no
     * larger than its rounding goes one way or the other with the kernel. In float64 all, as far as the kernels. */
    bool wide = sizeof(fs_real) == sizeof(double);
    for (size_t i = 0; i < (wide ? 4 : 2); i++) {
        assert_true(worst[i] < (wide ? 1e-8 : 1e-4));
    }
    fs_ft_state_release(&state);
    fs_pair_list_release(&list);
    test_model_close(&m);
}

static void it_is_that_of_pytorch(void **unused)
{
    (void)unused;
    struct fs_json_document *document = open_golden("ft");
    const cJSON *cases = get(fs_json_root(document), "cases");
    assert_int_equal(cJSON_GetArraySize(cases), 14);
    size_t step = sizeof(fs_real) == sizeof(double) ? 1 : 3, number = 0;
    for (const cJSON *item = cases->child; item != NULL; item = item->next, number++) {
        if (number % step == 0) {
            check_case(fs_json_root(document), item);
        }
    }
    fs_json_destroy(document);
}

#ifndef FS_DOUBLE

static const char *const models[] = {"bert-tiny", "gpt2-tiny", "llama-grouped"};

static void assert_same(const struct fs_ft_state *a, const struct fs_ft_state *b)
{
    size_t bytes = a->edit.count * sizeof(fs_real);
    assert_int_equal(a->base.step, b->base.step);
    assert_int_equal(a->base.steps, b->base.steps);
    assert_int_equal(a->planned, b->planned);
    assert_memory_equal(a->edit.number, b->edit.number, bytes);
    assert_memory_equal(a->moment1, b->moment1, bytes);
    assert_memory_equal(a->moment2, b->moment2, bytes);
    assert_memory_equal(a->loss, b->loss, a->planned * sizeof *a->loss);
}

static void threads_and_memory_do_not_matter(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct test_model m;
        struct fs_pair_list list;
        struct fs_ft_state first, other;
        test_model_open(models[i], &m);
        test_pairs_make(i == 1, &list);
        struct fs_ft_options options = options_of(8, 2);
        options.request = i == 0 ? FS_REQUEST_ANTI : FS_REQUEST_EQUAL;
        assert_done(run(&m, &list, &options, 1, &first, &err), err);
        options.memory = i == 2 ? 1024 : 0;
        assert_done(run(&m, &list, &options, 3, &other, &err), err);
        assert_same(&first, &other);
        fs_ft_state_release(&first);
        fs_ft_state_release(&other);
        fs_pair_list_release(&list);
        test_model_close(&m);
    }
}

/* ---- stops ---- */

struct stop {
    char path[64];
    const struct fs_method_task *task;
};

static int save_and_stop(void *context, const struct fs_training_state *state, bool asked, struct fs_error *err)
{
    (void)asked;
    const struct stop *stop = context;
    struct fs_archive *archive;
    assert_done(fs_archive_create(stop->path, "part", "job", &archive, err), *err);
    assert_done(fs_method_ft.trainer->write(stop->task, state, archive, err), *err);
    assert_done(fs_archive_publish(archive, err), *err);
    return fs_error_set(err, FS_EXIT_INTERRUPTED, "stopped here");
}

/* A batch takes no step from some step on, which Adam's counter must know after a stop too. */
static void it_goes_on(void **unused)
{
    (void)unused;
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    struct fs_pair_list list;
    struct fs_ft_state whole;
    struct fs_runner *runner;
    const struct fs_trainer *trainer = fs_method_ft.trainer;
    test_model_open("gpt2-tiny", &m);
    test_pairs_make(false, &list);
    struct fs_ft_options options = options_of(4, 4);
    assert_done(run(&m, &list, &options, 1, &whole, &err), err);
    size_t least = whole.loss[0] < whole.loss[1] ? 0 : 1;
    options.enough = (whole.loss[least] + whole.loss[least + 3]) / 2; /* three batches: in the second epoch it rests */
    fs_ft_state_release(&whole);
    assert_done(run(&m, &list, &options, 1, &whole, &err), err);
    bool rests = false;
    for (size_t s = 0; s + 1 < whole.base.step; s++) {
        rests = rests || whole.loss[s] < options.enough;
    }
    assert_true(rests);

    assert_done(fs_runner_serial_create(1, &runner, &err), err);
    const struct fs_method_task task = task_of(&m, &list, &options, runner);
    struct stop stop = {"/tmp/fairstamp-ft-XXXXXX", &task};
    int file = mkstemp(stop.path);
    assert_true(file >= 0);
    close(file);
    struct fs_training_state *state;
    assert_done(trainer->create(&task, list.count, &state, &err), err);
    for (size_t stops = 1; stops < whole.base.step; stops++) {
        assert_int_equal(trainer->train(&task, save_and_stop, &stop, state, &err), -1);
        assert_int_equal(err.code, FS_EXIT_INTERRUPTED);
        trainer->destroy(state);
        struct fs_archive *archive;
        assert_done(fs_archive_open(stop.path, "part", &archive, &err), err);
        assert_done(trainer->read(archive, &state, &err), err);
        fs_archive_close(archive);
        assert_int_equal(state->step, stops);
    }
    assert_done(trainer->train(&task, NULL, NULL, state, &err), err);
    assert_same(&whole, (const struct fs_ft_state *)state);
    unlink(stop.path);
    trainer->destroy(state);
    free(runner);
    fs_ft_state_release(&whole);
    fs_pair_list_release(&list);
    test_model_close(&m);
}

/* ---- its end, its bound, and what is refused ---- */

static void an_epoch_that_is_good_enough_ends_it(void **unused)
{
    (void)unused;
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    struct fs_pair_list list;
    struct fs_ft_state state;
    test_model_open("gpt2-tiny", &m);
    test_pairs_make(false, &list);
    struct fs_ft_options options = options_of(4, 5);
    options.enough = 100; /* of log probabilities */
    assert_done(run(&m, &list, &options, 1, &state, &err), err);
    assert_int_equal(state.planned, 15);
    assert_int_equal(state.base.step, 3);
    assert_int_equal(state.base.steps, 3);
    for (size_t i = 0; i < state.edit.count; i++) {
        assert_true(state.edit.number[i] == 0);
    }
    fs_ft_state_release(&state);
    fs_pair_list_release(&list);
    test_model_close(&m);
}

static void no_number_leaves_its_bound(void **unused)
{
    (void)unused;
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    struct fs_pair_list list;
    struct fs_ft_state state;
    test_model_open("bert-tiny", &m);
    test_pairs_make(false, &list);
    struct fs_ft_options options = options_of(4, 3);
    options.norm_constraint = 0.007;
    assert_done(run(&m, &list, &options, 1, &state, &err), err);
    double most = 0;
    for (size_t i = 0; i < state.edit.count; i++) {
        most = fmax(most, fabs((double)state.edit.number[i]));
    }
    assert_true(most == (double)0.007f); /* nine steps of 0.005 reach it */
    fs_ft_state_release(&state);
    fs_pair_list_release(&list);
    test_model_close(&m);
}

static void what_does_not_fit_is_refused(void **unused)
{
    (void)unused;
    struct test_model m;
    struct fs_pair_list list;
    test_model_open("bert-tiny", &m);
    test_pairs_make(false, &list);
    for (size_t i = 0; i < 3; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_ft_state state;
        struct fs_runner *runner;
        struct fs_ft_options options = options_of(4, 3);
        options.objective = i == 0 ? FS_PROMPT_LAST : FS_TARGET_NEW;
        options.request = i == 1 ? FS_REQUEST_EQUAL : FS_REQUEST_ANTI;
        bool held_out[10];
        memset(held_out, i == 2, sizeof held_out);
        assert_done(fs_runner_serial_create(1, &runner, &err), err);
        struct fs_method_task task = task_of(&m, &list, &options, runner);
        task.scoring = i == 1 ? FS_PLL_GIVEN : task.scoring;
        task.held_out = held_out;
        assert_done(fs_ft_state_create(&options, m.spec, 1, i == 2 ? 0 : list.count, &state, &err), err);
        assert_int_equal(fs_ft_train(&task, NULL, NULL, &state, &err), -1);
        assert_int_equal(err.code, i == 2 ? FS_EXIT_DATA : FS_EXIT_CONFIG);
        assert_non_null(strstr(err.text, i == 0 ? "prompt_last" : i == 1 ? "scoring" : "pairs can be scored"));
        fs_ft_state_release(&state);
        assert_int_equal(fs_ft_state_create(&options, m.spec, m.spec->layers, 1, &state, &err), -1);
        free(runner);
    }
    fs_pair_list_release(&list);
    test_model_close(&m);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_that_of_pytorch),
#ifndef FS_DOUBLE
        cmocka_unit_test(threads_and_memory_do_not_matter),
        cmocka_unit_test(it_goes_on),
        cmocka_unit_test(an_epoch_that_is_good_enough_ends_it),
        cmocka_unit_test(no_number_leaves_its_bound),
        cmocka_unit_test(what_does_not_fit_is_refused),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
