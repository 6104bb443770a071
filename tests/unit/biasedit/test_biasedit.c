/*
 * BiasEdit. Built twice. In float64: the gradient of every part of the editor through the whole loss against central differences. In
 * float32: the same bits on any number of threads, with any memory, after any stop; how pairs are drawn; when it ends; what is
 * refused. Whole trainings against PyTorch: tests/unit/stages/test_tables.c.
 */
#include "tests/unit/stamp/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/numbers/random.h"
#include "stages/methods/biasedit.h"
#include "tests/unit/model/reals.h"

extern const struct fs_method fs_method_biasedit;

static struct fs_biasedit_options options_of(size_t layers, size_t batch, size_t epochs)
{
    return (struct fs_biasedit_options){.layers = layers,
                                        .rank = 6,
                                        .batch = batch,
                                        .epochs = epochs,
                                        .learning_rate = 1e-3,
                                        .edit_rate = 1e-3,
                                        .keep_weight = 0.7,
                                        .clip = 1,
                                        .validation = 0.3,
                                        .patience = 100,
                                        .checkpoint_every = 1,
                                        .memory = 1024};
}

static struct fs_method_task task_of(const struct test_model *m, const struct fs_pair_list *list,
                                     const struct fs_biasedit_options *options, struct fs_runner *runner)
{
    return (struct fs_method_task){.model = m->model,
                                   .tokenizer = m->tokenizer,
                                   .pairs = list,
                                   .runner = runner,
                                   .scoring = m->spec->kind == FS_MASKED ? FS_TARGET_PROB : FS_SENTENCE_MEAN,
                                   .seed = 5,
                                   .settings = options};
}

#ifdef FS_DOUBLE

/* Numbers first .. first + count - 1 of the editor, and how large they are. */
struct part {
    const char *name;
    size_t first, count;
    double scale;
};

static double loss_at(struct fs_biasedit_run *run, size_t number, double value)
{
    struct fs_error err = FS_ERROR_INIT;
    double loss[FS_BIASEDIT_LOSSES], kept = run->state->number[number];
    run->state->number[number] = value;
    assert_done(fs_biasedit_change_group(run, loss, &err), err);
    run->state->number[number] = kept;
    return loss[FS_BIASEDIT_L];
}

/* Central differences are wrong by their step squared, and by the rounding of the loss over the step: of 1e-5, about 1e-10 each. */
enum { CHECKED = 6 }; /* numbers of a part */
static void check_part(struct fs_biasedit_run *run, const struct part *part)
{
    const double width = 1e-5 * part->scale;
    double most = 0, worst = 0;
    for (size_t i = 0; i < part->count; i++) {
        most = fmax(most, fabs(run->gradient[part->first + i]));
    }
    for (size_t k = 0; k < CHECKED && k < part->count; k++) {
        size_t number = part->first + (part->count <= CHECKED ? k : (k * 7919 + 13) % part->count);
        double value = run->state->number[number];
        double found = (loss_at(run, number, value + width) - loss_at(run, number, value - width)) / (2 * width);
        worst = fmax(worst, fabs(found - run->gradient[number]));
    }
    print_message("  %-10s largest %.1e, off by %.0e of it\n", part->name, most, worst / most);
    assert_true(most > 0);
    assert_true(worst < 1e-6 * most);
}

static void check_gradient(const char *model, bool subjects, size_t layers)
{
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    struct fs_pair_list list;
    struct fs_biasedit_state state;
    struct fs_biasedit_run run;
    struct fs_runner *runner;
    struct fs_biasedit_options options = options_of(layers, 100, 1);
    test_model_open(model, &m);
    test_pairs_make(subjects, &list);
    assert_done(fs_runner_serial_create(1, &runner, &err), err);
    const struct fs_method_task task = task_of(&m, &list, &options, runner);
    assert_done(fs_biasedit_state_create(&task, list.count, &state, &err), err);
    assert_done(fs_biasedit_open(&task, &state, &run, &err), err);
    const struct fs_editor_layout layout = fs_editor_layout_of(&run.editor);
    size_t n = run.editor.ffn + run.editor.hidden, r = run.editor.rank, L = run.editor.layers;
    struct fs_random random = fs_random_start(3, 0);
    for (size_t i = 0; i < layout.count; i++) { /* away from its start, where B, b and t are 0 */
        state.number[i] += 0.1 * fs_random_normal(&random);
    }
    for (size_t l = 0; l < L; l++) {
        state.number[layout.rate + l] = 0.002 * (1 + (double)l);
    }
    double loss[FS_BIASEDIT_LOSSES];
    run.now = &run.group[0];
    run.number = state.number;
    assert_done(fs_biasedit_change_group(&run, loss, &err), err);
    assert_done(fs_biasedit_gradient(&run, &err), err);
    print_message("%s, %zu layers: L_d %g, L_r %g\n", model, L, loss[FS_BIASEDIT_D], loss[FS_BIASEDIT_R]);
    for (int k = 0; k < FS_EDITOR_BLOCKS; k++) {
        const struct fs_editor_block *b = &layout.block[k];
        const struct part parts[] = {{"A", b->a, n * r, 1},
                                     {"B", b->b, r * n, 1},
                                     {"b", b->bias, n, 1},
                                     {"s", b->scale, L * n, 1},
                                     {"t", b->shift, L * n, 1}};
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            check_part(&run, &parts[i]);
        }
    }
    check_part(&run, &(const struct part){"eta", layout.rate, L, 0.01});
    check_part(&run, &(const struct part){"lambda", layout.ridge, L, 1});
    fs_biasedit_close(&run);
    fs_biasedit_state_release(&state);
    fs_pair_list_release(&list);
    free(runner);
    test_model_close(&m);
}

static void gradients_are_those_of_differences(void **unused)
{
    (void)unused;
    check_gradient("bert-tiny", false, 2);
    check_gradient("gpt2-tiny", true, 2);
    check_gradient("llama-grouped", false, 1);
    check_gradient("gemma2-f16", false, 2); /* a norm behind the FFN */
}

#else

static const char *const models[] = {"bert-tiny", "gpt2-tiny", "llama-grouped"};

static int run(const struct test_model *m, const struct fs_pair_list *list, const struct fs_biasedit_options *options,
               size_t threads, struct fs_biasedit_state *state, struct fs_error *err)
{
    struct fs_runner *runner;
    assert_done(fs_runner_serial_create(threads, &runner, err), *err);
    const struct fs_method_task task = task_of(m, list, options, runner);
    assert_done(fs_biasedit_state_create(&task, list->count, state, err), *err);
    int status = fs_biasedit_train(&task, NULL, NULL, state, err);
    free(runner);
    return status;
}

static void assert_same(const struct fs_biasedit_state *a, const struct fs_biasedit_state *b)
{
    assert_int_equal(a->base.step, b->base.step);
    assert_int_equal(a->base.steps, b->base.steps);
    assert_int_equal(a->best_epoch, b->best_epoch);
    assert_memory_equal(a->edit.number, b->edit.number, a->edit.count * sizeof(fs_real));
    assert_memory_equal(a->number, b->number, a->parameters * sizeof(fs_real));
    assert_memory_equal(a->best, b->best, a->parameters * sizeof(fs_real));
    assert_memory_equal(a->loss, b->loss, a->groups * a->epochs * FS_BIASEDIT_LOSSES * sizeof *a->loss);
    assert_memory_equal(a->validation, b->validation, a->epochs * sizeof *a->validation);
}

static void threads_and_memory_do_not_matter(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct test_model m;
        struct fs_pair_list list;
        struct fs_biasedit_state first, other;
        test_model_open(models[i], &m);
        test_pairs_make(i == 1, &list);
        struct fs_biasedit_options options = options_of(3, 4, 2);
        assert_done(run(&m, &list, &options, 1, &first, &err), err);
        options.memory = i == 2 ? 1024 : 0;
        assert_done(run(&m, &list, &options, 3, &other, &err), err);
        assert_same(&first, &other);
        double change = 0;
        for (size_t k = 0; k < first.edit.count; k++) {
            change = fmax(change, fabs((double)first.edit.number[k]));
        }
        assert_true(change > 1e-6);
        fs_biasedit_state_release(&first);
        fs_biasedit_state_release(&other);
        fs_pair_list_release(&list);
        test_model_close(&m);
    }
}

/* ---- stops ---- */

struct stop {
    char path[64];
    const struct fs_method_task *task;
};

static int save_to(const struct stop *stop, const struct fs_training_state *state, struct fs_error *err)
{
    struct fs_archive *archive;
    assert_done(fs_archive_create(stop->path, "part", "job", &archive, err), *err);
    assert_done(fs_method_biasedit.trainer->write(stop->task, state, archive, err), *err);
    assert_done(fs_archive_publish(archive, err), *err);
    return 0;
}

static int save_and_stop(void *context, const struct fs_training_state *state, bool asked, struct fs_error *err)
{
    (void)asked;
    save_to(context, state, err);
    return fs_error_set(err, FS_EXIT_INTERRUPTED, "stopped here");
}

static struct fs_training_state *read_back(const struct stop *stop)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_training_state *state;
    struct fs_archive *archive;
    assert_done(fs_archive_open(stop->path, "part", &archive, &err), err);
    assert_done(fs_method_biasedit.trainer->read(archive, &state, &err), err);
    fs_archive_close(archive);
    return state;
}

static void it_goes_on(void **unused)
{
    (void)unused;
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    struct fs_pair_list list;
    struct fs_biasedit_state whole;
    struct fs_runner *runner;
    const struct fs_trainer *trainer = fs_method_biasedit.trainer;
    test_model_open("gpt2-tiny", &m);
    test_pairs_make(false, &list);
    struct fs_biasedit_options options = options_of(2, 4, 3);
    assert_done(run(&m, &list, &options, 1, &whole, &err), err);
    assert_int_equal(whole.base.step, 6); /* seven of ten pairs make two groups */

    assert_done(fs_runner_serial_create(1, &runner, &err), err);
    const struct fs_method_task task = task_of(&m, &list, &options, runner);
    struct stop stop = {"/tmp/fairstamp-biasedit-XXXXXX", &task};
    int file = mkstemp(stop.path);
    assert_true(file >= 0);
    close(file);
    struct fs_training_state *state;
    assert_done(trainer->create(&task, list.count, &state, &err), err);
    for (size_t stops = 1; stops < whole.base.step; stops++) {
        assert_int_equal(trainer->train(&task, save_and_stop, &stop, state, &err), -1);
        assert_int_equal(err.code, FS_EXIT_INTERRUPTED);
        trainer->destroy(state);
        state = read_back(&stop);
        assert_int_equal(state->step, stops);
    }
    assert_done(trainer->train(&task, NULL, NULL, state, &err), err);
    assert_same(&whole, (const struct fs_biasedit_state *)state);
    /* a file of a training that is done has the change and the history, and the editor no more */
    save_to(&stop, state, &err);
    struct fs_training_state *done = read_back(&stop);
    const struct fs_biasedit_state *found = (const struct fs_biasedit_state *)done;
    assert_memory_equal(found->edit.number, whole.edit.number, whole.edit.count * sizeof(fs_real));
    assert_true(trainer->is_same(state, done));
    assert_true((double)trainer->bytes(done) < 1.1 * (double)(whole.edit.count * sizeof(float) + 21 * sizeof(double)));
    trainer->destroy(done);
    unlink(stop.path);
    trainer->destroy(state);
    free(runner);
    fs_biasedit_state_release(&whole);
    fs_pair_list_release(&list);
    test_model_close(&m);
}

/* ---- its groups, its end, and what is refused ---- */

static void validation_takes_whole_terms(void **unused)
{
    (void)unused;
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    struct fs_pair_list list;
    struct fs_runner *runner;
    test_model_open("gpt2-tiny", &m);
    test_pairs_make(true, &list);
    assert_done(fs_runner_serial_create(1, &runner, &err), err);
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct fs_biasedit_state state;
        struct fs_biasedit_run own;
        struct fs_biasedit_options options = options_of(1, 3, 1);
        struct fs_method_task task = task_of(&m, &list, &options, runner);
        bool held_out[10] = {[4] = true}, seen[10] = {false};
        task.seed = seed;
        task.held_out = held_out;
        assert_done(fs_biasedit_state_create(&task, 9, &state, &err), err);
        assert_done(fs_biasedit_open(&task, &state, &own, &err), err);
        size_t largest = 0, least = 10, trained = 0;
        for (size_t g = 0; g < own.training; g++) {
            largest = own.group[g].count > largest ? own.group[g].count : largest;
            least = own.group[g].count < least ? own.group[g].count : least;
            trained += own.group[g].count;
        }
        assert_int_equal(own.pairs, 9);
        assert_true(largest <= 3 && largest - least <= 1 && largest == own.together);
        assert_true(trained < 9 && 9 - trained >= 3 && 9 - trained <= 5); /* 0.3 of 9, in terms of 1 to 3 pairs */
        for (size_t i = 0; i < 9; i++) {
            assert_false(held_out[own.pair[i]] || seen[own.pair[i]]);
            seen[own.pair[i]] = true;
            for (size_t j = 0; j < trained && i >= trained; j++) {
                assert_string_not_equal(list.item[own.pair[i]].target, list.item[own.pair[j]].target);
            }
        }
        fs_biasedit_close(&own);
        fs_biasedit_state_release(&state);
    }
    free(runner);
    fs_pair_list_release(&list);
    test_model_close(&m);
}

/* With a step size that spoils the editor, the validation loss rises from some epoch on; the best editor is kept. */
static void patience_ends_it(void **unused)
{
    (void)unused;
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    struct fs_pair_list list;
    struct fs_biasedit_state state;
    test_model_open("bert-tiny", &m);
    test_pairs_make(false, &list);
    struct fs_biasedit_options options = options_of(2, 100, 60);
    options.learning_rate = 0.1;
    options.patience = 2;
    assert_done(run(&m, &list, &options, 1, &state, &err), err);
    size_t epochs = state.base.step;
    assert_int_equal(state.base.steps, epochs);
    assert_true(epochs < 60 && state.best_epoch + 2 == epochs);
    for (size_t e = 0; e < epochs; e++) {
        assert_true(state.validation[e] > state.validation[state.best_epoch - 1] || e + 1 == state.best_epoch ||
                    (e + 1 > state.best_epoch && state.validation[e] >= state.validation[state.best_epoch - 1]));
    }
    assert_true(memcmp(state.best, state.number, state.parameters * sizeof *state.best) != 0);
    fs_biasedit_state_release(&state);
    fs_pair_list_release(&list);
    test_model_close(&m);
}

static void what_does_not_fit_is_refused(void **unused)
{
    (void)unused;
    static const char *const said[] = {"scoring", "can be scored", "biasedit.above", "experts"};
    struct fs_pair_list list;
    test_pairs_make(false, &list);
    for (size_t i = 0; i < 4; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct test_model m;
        struct fs_biasedit_state state = {0};
        struct fs_runner *runner;
        struct fs_biasedit_options options = options_of(2, 4, 1);
        bool held_out[10];
        test_model_open(i == 3 ? "mixtral-tiny" : "bert-tiny", &m);
        memset(held_out, i == 1, sizeof held_out);
        options.above = i == 2 ? m.spec->layers : 0;
        assert_done(fs_runner_serial_create(1, &runner, &err), err);
        struct fs_method_task task = task_of(&m, &list, &options, runner);
        task.held_out = held_out;
        task.scoring = i == 0 ? FS_PLL_GIVEN : task.scoring;
        int status = fs_biasedit_state_create(&task, list.count, &state, &err);
        assert_int_equal(status, i < 2 ? 0 : -1);
        status = status == 0 ? fs_biasedit_train(&task, NULL, NULL, &state, &err) : status;
        assert_int_equal(status, -1);
        assert_int_equal(err.code, i == 1 || i == 3 ? FS_EXIT_DATA : FS_EXIT_CONFIG);
        if (strstr(err.text, said[i]) == NULL) {
            fail_msg("found \"%s\", expected \"%s\" in it", err.text, said[i]);
        }
        fs_biasedit_state_release(&state);
        free(runner);
        test_model_close(&m);
    }
    fs_pair_list_release(&list);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef FS_DOUBLE
        cmocka_unit_test(gradients_are_those_of_differences),
#else
        cmocka_unit_test(threads_and_memory_do_not_matter), cmocka_unit_test(it_goes_on),
        cmocka_unit_test(validation_takes_whole_terms),     cmocka_unit_test(patience_ends_it),
        cmocka_unit_test(what_does_not_fit_is_refused),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
