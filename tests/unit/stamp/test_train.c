/* Training: the same bits on any number of threads and after any stop, the file and back, what is refused, what it
 * reaches. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stages/methods/stamp_keys.h"
#include "stages/metrics/split.h"
#include "tests/unit/bounds.h"

/* Units of about so many tokens: they cut the target terms of the test's pairs. */
#define UNIT_TOKENS 24

static struct fs_stamp_options full_options(const struct fs_spec *spec)
{
    struct fs_stamp_options options = test_options(spec);
    options.kl_rows = FS_KL_ALL_ROWS;
    options.kl_without_completion = options.keep_best = true;
    options.key_bias = -1;
    options.level_weight = 1;
    options.balance_weight = 0.1;
    options.balance_width = 0.05;
    options.text_weight = 1;
    options.text_tokens = 200; /* several units where models have few positions */
    options.schedule = FS_RATE_COSINE;
    options.unit_tokens = UNIT_TOKENS;
    return options;
}

/* Stops a training after some iterations: the second save fails with a code of its own. */
struct stop {
    char path[64]; /* of the file that the state went to */
    const struct fs_stamp_options *options;
};

static int save_and_stop(void *context, const struct fs_stamp_state *state, bool asked, struct fs_error *err)
{
    (void)asked;
    struct stop *stop = context;
    struct fs_archive *archive;
    assert_done(fs_archive_create(stop->path, "part", "job", &archive, err), *err);
    assert_done(fs_stamp_write(archive, stop->options, state, err), *err);
    assert_done(fs_archive_publish(archive, err), *err);
    return fs_error_set(err, FS_EXIT_INTERRUPTED, "stopped here");
}

static void assert_same(const struct fs_stamp_state *a, const struct fs_stamp_state *b)
{
    size_t bytes = a->edit.count * sizeof(fs_real);
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->steps, b->steps);
    assert_int_equal(a->best_step, b->best_step);
    assert_int_equal(a->edit.first_layer, b->edit.first_layer);
    assert_memory_equal(a->edit.number, b->edit.number, bytes);
    assert_memory_equal(a->moment1, b->moment1, bytes);
    assert_memory_equal(a->moment2, b->moment2, bytes);
    assert_memory_equal(a->loss, b->loss, a->steps * 4 * sizeof *a->loss);
    assert_memory_equal(a->extra, b->extra, a->steps * FS_STAMP_EXTRA * sizeof *a->extra);
}

static const char *const models[] = {"bert-tiny", "gpt2-tiny", "llama-grouped"};

/* Nor does how much is kept between the sweeps, and of the unedited model: nothing, some, all; nor one sweep or two. */
static void threads_and_memory_do_not_matter(void **state)
{
    (void)state;
    const size_t threads[] = {1, 3, 1, 3, 3}, memory[] = {1024, 1024, 0, 0, 1};
    for (size_t i = 0; i < 6; i++) {
        struct test_model m;
        struct fs_pair_list list;
        struct fs_stamp_state first, other;
        test_model_open(models[i % 3], &m);
        test_pairs_make(i == 1, &list);
        struct fs_stamp_options options = full_options(m.spec);
        if (i == 1) {
            options.scoring = FS_OBJECT_MEAN;
        }
        options.batch = i == 2 ? 4 : 0; /* three batches of 4, 4, 2 pairs */
        options.balance_weight = i == 3 ? 0 : options.balance_weight;
        options.frames = i >= 4 ? 2 : 0;
        options.key_share = i == 0 ? 0.05 : 0;
        test_train(&m, &list, &options, 1, &first);
        assert_int_equal(first.step, i == 2 ? 18 : 6);
        for (size_t t = 1; t < sizeof threads / sizeof *threads; t++) {
            options.memory = memory[t];
            test_train(&m, &list, &options, threads[t], &other);
            assert_same(&first, &other);
            fs_stamp_state_release(&other);
        }
        fs_stamp_state_release(&first);
        fs_pair_list_release(&list);
        test_model_close(&m);
    }
}

/* Two trainings of one step: the same losses, and the same gradient, which the step leaves in Adam's first moment. */
static void assert_same_step(const char *name, const struct test_model *m, const struct fs_stamp_state *one,
                             const struct fs_stamp_state *other)
{
    double largest = 0, error = 0;
    for (size_t j = 0; j < one->edit.count; j++) {
        largest = fmax(largest, fabs((double)one->moment1[j]));
        error = fmax(error, fabs((double)one->moment1[j] - (double)other->moment1[j]));
    }
    double loss = fabs(other->loss[0] / one->loss[0] - 1), edit = fabs(other->loss[1] / one->loss[1] - 1);
    double balance = fabs(other->extra[1] / one->extra[1] - 1);
    print_message("%s: L %.1e, L_e %.1e, L_b %.1e, gradient %.1e\n", name, loss, edit, balance, error / largest);
    /* forward, and twice as much backward; squares of differences of log probabilities that are some ten times larger */
    double bound = 20 * bound_f32(3.0 * forward_depth(m->spec));
    assert_true(loss < bound);
    assert_true(one->loss[1] > 0 && edit < bound);
    assert_true(one->extra[1] > 0 && balance < bound);
    assert_true(error < bound * largest);
}

/* A batch in one unit and in many. */
static void units_do_not_matter(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct test_model m;
        struct fs_pair_list list;
        struct fs_stamp_state one, many;
        test_model_open(models[i], &m);
        test_pairs_make(false, &list);
        struct fs_stamp_options options = full_options(m.spec);
        options.iterations = 1;
        options.key_bias = 0; /* otherwise a mean over the tokens that are computed, of which units share some */
        options.unit_tokens = ALL_TOKENS;
        test_train(&m, &list, &options, 1, &one);
        options.unit_tokens = 1;
        test_train(&m, &list, &options, 1, &many);
        assert_same_step(models[i], &m, &one, &many);
        fs_stamp_state_release(&one);
        fs_stamp_state_release(&many);
        fs_pair_list_release(&list);
        test_model_close(&m);
    }
}

/* Each prefix once or every text by itself. */
static void sharing_does_not_matter(void **state)
{
    (void)state;
    static const char *const causal[] = {"gpt2-tiny", "llama-grouped", "qwen2-windows", "bloom-six-heads"};
    for (size_t i = 0; i < sizeof causal / sizeof *causal; i++) {
        struct test_model m;
        struct fs_pair_list list;
        struct fs_stamp_state shared, apart;
        test_model_open(causal[i], &m);
        test_pairs_make(i % 2 == 1, &list);
        struct fs_stamp_options options = full_options(m.spec);
        options.iterations = 1;
        options.key_bias = 0; /* as in units_do_not_matter */
        options.unit_tokens = ALL_TOKENS;
        assert_true(fs_spec_shared_length(m.spec) > 0);
        test_train(&m, &list, &options, 1, &shared);
        fs_model_share_prefixes(m.model, false);
        test_train(&m, &list, &options, 1, &apart);
        assert_same_step(causal[i], &m, &apart, &shared);
        fs_stamp_state_release(&shared);
        fs_stamp_state_release(&apart);
        fs_pair_list_release(&list);
        test_model_close(&m);
    }
}

/* Stopped at every checkpoint, written, read back and gone on from, a training ends with the bits of one in one go. */
static void resumes(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    struct fs_pair_list list;
    test_model_open("bert-tiny", &m);
    test_pairs_make(false, &list);
    struct fs_stamp_options options = full_options(m.spec);
    options.batch = 5;
    options.frames = 2;
    struct fs_stamp_state whole, parts;
    test_train(&m, &list, &options, 1, &whole);

    struct stop stop = {"/tmp/fairstamp-stamp-XXXXXX", &options};
    int file = mkstemp(stop.path);
    assert_true(file >= 0);
    close(file);
    struct fs_runner *runner;
    assert_done(fs_runner_serial_create(2, &runner, &err), err);
    assert_done(fs_stamp_state_create(&options, m.spec, fs_stamp_steps(&options, list.count), &parts, &err), err);
    for (size_t stops = 1; stops < whole.steps; stops++) {
        assert_int_equal(fs_stamp_train(&(const struct fs_stamp_task){.model = m.model,
                                                                      .tokenizer = m.tokenizer,
                                                                      .pairs = &list,
                                                                      .options = &options,
                                                                      .runner = runner,
                                                                      .save = save_and_stop,
                                                                      .save_context = &stop},
                                        &parts, &err),
                         -1);
        assert_int_equal(err.code, FS_EXIT_INTERRUPTED);
        fs_stamp_state_release(&parts);
        struct fs_archive *archive;
        assert_done(fs_archive_open(stop.path, "part", &archive, &err), err);
        assert_done(fs_stamp_read_state(archive, &fs_edit_stamp, &parts, &err), err);
        struct fs_edit alone = {.kind = &fs_edit_stamp};
        assert_done(alone.kind->read(archive, &alone, &err), err);
        assert_done(alone.kind->check(&alone, m.spec, &err), err);
        assert_int_equal(alone.first_layer, parts.edit.first_layer);
        assert_int_equal(alone.count, parts.edit.count);
        assert_memory_equal(alone.number, parts.edit.number, alone.count * sizeof(fs_real));
        struct fs_spec other = *m.spec;
        other.hidden = 8;
        assert_int_equal(alone.kind->check(&alone, &other, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
        fs_edit_release(&alone);
        fs_archive_close(archive);
        assert_int_equal(parts.step, stops);
    }
    assert_done(
        fs_stamp_train(
            &(const struct fs_stamp_task){
                .model = m.model, .tokenizer = m.tokenizer, .pairs = &list, .options = &options, .runner = runner},
            &parts, &err),
        err);
    assert_same(&whole, &parts);
    unlink(stop.path);
    free(runner);
    fs_stamp_state_release(&whole);
    fs_stamp_state_release(&parts);
    fs_pair_list_release(&list);
    test_model_close(&m);
}

/* A pair that cannot be used is as none: at the end, in the middle of the list, and alone of its term. */
static void unusable_pairs_are_left_out(void **state)
{
    (void)state;
    struct test_model m;
    struct fs_pair_list list;
    test_model_open("bert-tiny", &m);
    test_pairs_make(false, &list);
    const struct fs_stamp_options options = full_options(m.spec);
    for (size_t i = 0; i < 3; i++) {
        size_t bad = i == 0 ? list.count - 1 : i == 1 ? list.count / 2 : 0;
        struct fs_pair rest[16];
        struct fs_stamp_state with, without;
        assert_true(list.count <= 16);
        for (size_t k = 0, kept = 0; k < list.count; k++) {
            if (k != bad) {
                rest[kept++] = list.item[k];
            }
        }
        const struct fs_pair_list others = {.count = list.count - 1, .item = rest};
        test_train(&m, &others, &options, 1, &without);
        list.item[bad].skip = FS_SKIP_NO_DIFFERENCE;
        test_train(&m, &list, &options, 1, &with);
        list.item[bad].skip = FS_KEPT;
        assert_same(&with, &without);
        fs_stamp_state_release(&with);
        fs_stamp_state_release(&without);
    }
    fs_pair_list_release(&list);
    test_model_close(&m);
}

/* key_bias -2 is two root mean squares of the FFN input below 0: the products of 4096 fresh keys, normal with that
 * deviation, exceed it at 2.275 % of keys and tokens (the normal distribution's tail). */
static void key_bias_starts_low(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct test_model m;
        struct fs_pair_list list;
        struct fs_stamp_state trained;
        struct fs_stamp_units units;
        struct fs_workspace *workspace;
        test_model_open(models[i], &m);
        test_pairs_make(false, &list);
        struct fs_stamp_options options = test_options(m.spec);
        options.key_bias = -2;
        options.width = 4096;
        options.iterations = 1;
        options.learning_rate = 1e-9; /* what is left is the start */
        test_train(&m, &list, &options, 2, &trained);

        size_t order[16], tokens = 0, fired = 0, d = m.spec->hidden;
        double squares = 0;
        for (size_t p = 0; p < list.count; p++) {
            order[p] = p;
        }
        const struct fs_stamp_batch batch = {.list = &list, .pair = order, .count = list.count};
        assert_done(fs_stamp_units_compile(m.spec, m.tokenizer, &batch, &options, &units, &err), err);
        assert_done(fs_workspace_create(m.model, &workspace, &err), err);
        const struct fs_stamp stamp = fs_stamp_of(&trained.edit);
        const fs_real *key = stamp.parameters, *bias = key + fs_stamp_offset_key_bias(&stamp);
        for (size_t u = 0; u < units.count; u++) {
            struct fs_stamp_unit *unit = &units.unit[u];
            assert_done(fs_stamp_unit_fill(m.model, workspace, &options, unit, &err), err);
            tokens += unit->batch.tokens;
            for (size_t t = 0; t < unit->batch.tokens; t++) {
                const fs_real *x = unit->x + t * d;
                for (size_t j = 0; j < d; j++) {
                    squares += (double)x[j] * (double)x[j];
                }
                for (size_t c = 0; c < options.width; c++) {
                    double product = (double)bias[c];
                    for (size_t j = 0; j < d; j++) {
                        product += (double)key[c * d + j] * (double)x[j];
                    }
                    fired += product > 0;
                }
            }
        }
        double expected = -2 * sqrt(squares / (double)(tokens * d));
        for (size_t c = 0; c < options.width; c++) {
            assert_true(fabs((double)bias[c] - expected) <= bound_f32(forward_depth(m.spec)) * fabs(expected));
        }
        double share = 100 * (double)fired / (double)(tokens * options.width);
        print_message("%s: b_K %.6f, %.3f %% of neurons fire\n", models[i], expected, share);
        assert_true(fabs(share - 2.275) < 0.5); /* two standard errors of 4096 keys on one token */
        fs_workspace_destroy(workspace);
        fs_stamp_units_release(&units);
        fs_stamp_state_release(&trained);
        fs_pair_list_release(&list);
        test_model_close(&m);
    }
}

/* By hand: the m largest are above the threshold, midway to the next. */
static void thresholds(void **state)
{
    (void)state;
    fs_real value[] = {3, 1, 2, 5};
    assert_true(fs_stamp_threshold(value, 4, 0.5) == 2.5);  /* 5 and 3 */
    assert_true(fs_stamp_threshold(value, 4, 0.001) == 4);  /* at least one */
    assert_true(fs_stamp_threshold(value, 4, 0.76) == 1.5); /* 3.04 of 4 */
    assert_true(fs_stamp_threshold(value, 4, 0.999) < 1);   /* all */
}

/* Each of 256 fresh keys fires on 20 of 200 tokens of the text, counted in float64. */
static void keys_fire_on_a_share_of_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct test_model m;
        struct fs_pair_list list;
        struct fs_stamp_state trained;
        struct fs_stamp_units units = {0};
        struct fs_stamp_text text;
        struct fs_workspace *workspace;
        test_model_open(models[i], &m);
        test_pairs_make(false, &list);
        struct fs_stamp_options options = test_options(m.spec);
        options.key_share = 0.1;
        options.text_tokens = 200;
        options.width = 256;
        options.iterations = 1;
        options.learning_rate = 1e-9; /* what is left is the start */
        test_train(&m, &list, &options, 2, &trained);
        assert_done(fs_stamp_text_read(m.tokenizer, &options, &text, &err), err);
        assert_done(fs_stamp_text_compile(m.spec, m.tokenizer, &options, &text, &units, &err), err);
        assert_done(fs_workspace_create(m.model, &workspace, &err), err);
        const struct fs_stamp stamp = fs_stamp_of(&trained.edit);
        const fs_real *key = stamp.parameters, *bias = key + fs_stamp_offset_key_bias(&stamp);
        size_t d = m.spec->hidden, *fired = calloc(options.width, sizeof *fired), other = 0;
        for (size_t u = 0; u < units.count; u++) {
            struct fs_stamp_unit *unit = &units.unit[u];
            assert_done(fs_stamp_text_fill(m.model, workspace, &options, unit, &err), err);
            for (size_t t = 0; t < unit->batch.tokens; t++) {
                for (size_t c = 0; c < options.width; c++) {
                    double product = (double)bias[c];
                    for (size_t j = 0; j < d; j++) {
                        product += (double)key[c * d + j] * (double)unit->x[t * d + j];
                    }
                    fired[c] += product > 0;
                }
            }
        }
        assert_int_equal(units.text_tokens, 200);
        for (size_t c = 0; c < options.width; c++) {
            assert_in_range(fired[c], 19, 21);
            other += fired[c] != 20;
        }
        print_message("%s: %zu of %zu keys fire on other than 20 of 200 tokens\n", models[i], other, options.width);
        assert_true(other <= 2); /* two products may lie closer together than float32 tells apart */
        free(fired);
        fs_workspace_destroy(workspace);
        fs_stamp_text_release(&text);
        fs_stamp_units_release(&units);
        fs_stamp_state_release(&trained);
        fs_pair_list_release(&list);
        test_model_close(&m);
    }
}

static void loss_falls(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct test_model m;
        struct fs_pair_list list;
        struct fs_stamp_state trained;
        test_model_open(models[i], &m);
        test_pairs_make(false, &list);
        struct fs_stamp_options options = test_options(m.spec);
        options.iterations = 60;
        options.width = 64;
        options.unit_tokens = UNIT_TOKENS;
        test_train(&m, &list, &options, 2, &trained);
        double before = trained.loss[1], after = trained.loss[4 * 59 + 1];
        print_message("%s: L_e %.4g -> %.4g\n", models[i], before, after);
        assert_true(after < before / 25); /* a fifth of the gap, squared */
        fs_stamp_state_release(&trained);
        fs_pair_list_release(&list);
        test_model_close(&m);
    }
}

static void refuses(void **state)
{
    (void)state;
    struct test_model m;
    struct fs_pair_list list;
    test_model_open("bert-tiny", &m);
    test_pairs_make(false, &list);
    struct fs_runner *runner;
    struct fs_error err = FS_ERROR_INIT;
    assert_done(fs_runner_serial_create(1, &runner, &err), err);
    for (int wrong = 0; wrong < 7; wrong++) {
        struct fs_stamp_options options = test_options(m.spec);
        struct fs_stamp_state trained;
        bool held_out[10] = {false};
        int code = FS_EXIT_CONFIG;
        if (wrong == 0) {
            options.scoring = FS_PLL_MODIFIED;
        }
        if (wrong == 1) {
            options.learning_rate = NAN;
        }
        if (wrong == 2) {
            options.balance_weight = 1; /* without a width */
        }
        if (wrong == 3) {
            options.layer = 2;
        }
        if (wrong == 4) {
            memset(held_out, 1, sizeof held_out);
            code = FS_EXIT_DATA;
        }
        if (wrong == 5) {
            options.learning_rate = 3e38; /* the stamp overflows */
            code = FS_EXIT_DATA;
        }
        if (wrong == 6) {
            options.key_bias = NAN;
        }
        assert_done(fs_stamp_state_create(&options, m.spec, fs_stamp_steps(&options, list.count), &trained, &err), err);
        assert_int_equal(fs_stamp_train(&(const struct fs_stamp_task){.model = m.model,
                                                                      .tokenizer = m.tokenizer,
                                                                      .pairs = &list,
                                                                      .held_out = held_out,
                                                                      .options = &options,
                                                                      .runner = runner},
                                        &trained, &err),
                         -1);
        print_message("%s\n", err.text);
        assert_int_equal(err.code, code);
        fs_stamp_state_release(&trained);
    }
    free(runner);
    fs_pair_list_release(&list);
    test_model_close(&m);
}

/* The trained BERT of the shared data on StereoSet: the edited pairs' gap falls to a fifth. */
static void real_model(void **state)
{
    (void)state;
    const char *shared = test_shared();
    if (shared == NULL) {
        skip();
    }
    char folder[1200], data[1200];
    snprintf(folder, sizeof folder, "%s/models/books-bert-mini", shared);
    snprintf(data, sizeof data, "%s/data/stereoset/dev.json", shared);
    const char *const gender[] = {"gender", NULL};
    struct fs_error err = FS_ERROR_INIT;
    struct test_model m;
    struct fs_pair_list list = {0};
    assert_done(fs_model_load(folder, &m.model, &err), err);
    assert_done(fs_tokenizer_open(folder, &m.tokenizer, &err), err);
    m.spec = fs_model_spec(m.model);
    assert_done(fs_stereoset_read(data, gender, &list, &err), err);
    bool *held_out = calloc(list.count, 1);
    assert_done(fs_split_by_target(&list, 0.2, 1, held_out, &err), err);
    size_t edited = 0;
    for (size_t i = 0; i < list.count; i++) {
        edited += !held_out[i];
    }
    struct fs_stamp_options options = full_options(m.spec);
    options.layer = 3;
    options.width = 512;
    options.alpha = options.beta = 0.1;
    options.learning_rate = 3e-3;
    options.iterations = 30;
    options.unit_tokens = 0;
    struct fs_runner *runner;
    struct fs_stamp_state trained;
    assert_done(fs_runner_serial_create(2, &runner, &err), err);
    assert_done(fs_stamp_state_create(&options, m.spec, fs_stamp_steps(&options, edited), &trained, &err), err);
    assert_done(fs_stamp_train(&(const struct fs_stamp_task){.model = m.model,
                                                             .tokenizer = m.tokenizer,
                                                             .pairs = &list,
                                                             .held_out = held_out,
                                                             .options = &options,
                                                             .runner = runner},
                               &trained, &err),
                err);
    const double *last = trained.extra + FS_STAMP_EXTRA * (options.iterations - 1);
    print_message("gap %.3f -> %.3f, SS %.1f from 50\n", trained.extra[3], last[3], last[2]);
    assert_true(last[3] < trained.extra[3] / 5);
    /* the parameters are those of one of the last quarter's steps: the best, not the last */
    assert_int_equal(trained.best_step, SIZE_MAX);
    free(runner);
    free(held_out);
    fs_stamp_state_release(&trained);
    fs_pair_list_release(&list);
    test_model_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_memory_do_not_matter),
        cmocka_unit_test(units_do_not_matter),
        cmocka_unit_test(sharing_does_not_matter),
        cmocka_unit_test(resumes),
        cmocka_unit_test(unusable_pairs_are_left_out),
        cmocka_unit_test(key_bias_starts_low),
        cmocka_unit_test(thresholds),
        cmocka_unit_test(keys_fire_on_a_share_of_text),
        cmocka_unit_test(loss_falls),
        cmocka_unit_test(refuses),
        cmocka_unit_test(real_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
