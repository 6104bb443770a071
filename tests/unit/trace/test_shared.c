/*
 * Runs that share their beginnings against runs that are whole, in float32 and in float64; which rows a unit holds, by
 * hand; restorations that are cut into pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/trace/trace_layout.h"
#include "tests/unit/bounds.h"
#include "tests/unit/trace/world.h"

/* category, subject, counterpart ("": noise), before of k1, of k2, completion. Neighbours begin alike. */
static const char *const rows[][6] = {
    {"gender", "he", "she", "they said that he was ", "they said that she was ", "home"},
    {"gender", "he", "she", "they said that he was ", "they said that she was ", "old"}, /* the same prompt */
    {"gender", "he", "she", "they said that he was in the ", "they said that she was in the ", "ship"},
    {"gender", "they", "", "they said that he was in the ", "they said that he was in the ", "ship"},
    {"race", "nurse", "captain", "the nurse was ", "the captain was ", "home"},
    {"race", "captain", "nurse", "the captains were ", "the nurses were ", "at"},
    {"gender", "pa", "ma", "they said that pa was ", "they said that ma was ",
     "home"},                                                                       /* two tokens, the last differs */
    {"gender", "ma", "pa", "home, said pa and ma", "home, said pa and pa", "ship"}, /* read at the subject */
    {"race", "he", "she", "is he ", "is she ", "home"}, /* short enough for any model to share */
    {"race", "captain", "", "the captain is ", "the captain is ", "kind"},
};
#define ROWS (sizeof rows / sizeof *rows)

static void world_open(const char *name, size_t pairs, struct world *w)
{
    world_load(name, pairs, w);
    for (size_t i = 0; i < pairs; i++) {
        const char *const *row = rows[i];
        char id[32];
        snprintf(id, sizeof id, "%zu", i);
        world_pair(w, i, id, row[0], row[1], row[2]);
        for (size_t k = 0; k < 2; k++) {
            w->pairs.item[i].statement[k] = statement(row[3 + k], row[5], ".");
        }
    }
}

static double worst;

/* Effects of item i, relative to its probabilities. */
static void compare(const struct fs_trace_result *one, size_t i, double a, double b)
{
    worst = fmax(worst, fabs(a - b) / (one->biased[i] + one->counterfactual[i]));
}

/* Changes of log P by the measures, whose share is of one total effect: differences of two log probabilities, each of which
 * may be off by the bound. */
static void compare_shares(const struct fs_trace_result *one, const struct fs_trace_result *other)
{
    size_t n = one->items, L = one->layers;
    assert_true(one->shares.measures >= FS_TRACE_MEASURES / 3);
    assert_int_equal(one->shares.measures, other->shares.measures);
    for (size_t at = 0; at < one->shares.measures * n * L; at++) {
        double total = one->shares.total_effect[at / L % n];
        worst = fmax(worst, fabs(one->shares.share[at] - other->shares.share[at]) * fabs(total) / 2);
    }
}

static void compare_results(const struct fs_trace_result *one, const struct fs_trace_result *other)
{
    size_t n = one->items, L = one->layers, kinds = one->sublayers.kinds, P = one->sublayers.positions;
    assert_int_equal(n, other->items);
    assert_int_equal(P, other->sublayers.positions);
    compare_shares(one, other);
    for (size_t i = 0; i < n; i++) {
        compare(one, i, one->biased[i], other->biased[i]);
        compare(one, i, one->counterfactual[i], other->counterfactual[i]);
        for (size_t layer = 0; layer < L; layer++) {
            compare(one, i, one->indirect_effect[i * L + layer], other->indirect_effect[i * L + layer]);
        }
        for (size_t k = 0; k < kinds * L; k++) {
            size_t at = (k / L * n + i) * L + k % L;
            compare(one, i, one->sublayers.indirect_effect[at], other->sublayers.indirect_effect[at]);
            for (size_t p = one->sublayers.first[i]; P > 0 && p < one->sublayers.first[i + 1]; p++) {
                compare(one, i, one->sublayers.position_effect[k * P + p], other->sublayers.position_effect[k * P + p]);
            }
        }
    }
}

/* A third of the table, by `turn`. */
static void choose_measures(struct fs_trace_options *options, size_t turn)
{
    for (size_t m = 0; m < FS_TRACE_MEASURES; m++) {
        options->measure[m] = m % 3 == turn % 3;
    }
}

/* Both ways; returns the largest indirect effect, relative. */
static double check_both(struct world *w, const struct fs_trace_options *options)
{
    struct fs_trace_result shared, apart;
    double largest = 0;
    fs_model_share_prefixes(w->model, true);
    run_trace(w, options, 1, &shared);
    fs_model_share_prefixes(w->model, false);
    run_trace(w, options, 1, &apart);
    compare_results(&apart, &shared);
    for (size_t i = 0; i < shared.items; i++) {
        largest = fmax(largest, fabs(shared.indirect_effect[i * shared.layers]) / shared.counterfactual[i]);
    }
    fs_trace_result_release(&shared);
    fs_trace_result_release(&apart);
    return largest;
}

/* Without begin-of-text, groups of heads, windows, caps, biases by distance, frequencies that depend on the length. */
static const struct {
    const char *model;
    int ways; /* all, or one of them */
} cases[] = {{"gpt2-tiny", 4},  {"gpt2-no-prefix", 1},    {"llama-grouped", 1},     {"mistral-window", 2},
             {"gemma2-f16", 3}, {"falcon-alibi-bf16", 2}, {"llama-dynamic-bf16", 2}};

static double trace_way(struct world *w, int way)
{
    struct fs_trace_options options = {
        .noise_scale = 3, .noise_samples = 2, .seed = 5, .kind = {true, true, true}, .window = 1};
    options.positions = way % 2 == 0 ? FS_TRACE_LAST_SUBJECT_TOKEN : FS_TRACE_ALL_SUBJECT_TOKENS;
    options.always_noise = way >= 2;
    options.window = way == 1 ? 2 : 1;
    options.heat_map = way == 0;
    choose_measures(&options, (size_t)way);
    return check_both(w, &options);
}

/* All that is restored, of noised and counterfactual runs, at the last and at all tokens of the subject. */
static void shared_and_apart(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof cases / sizeof *cases; m++) {
        struct world w;
        world_open(cases[m].model, ROWS, &w);
        double largest = 0;
        worst = 0;
        for (int way = 0; way < 4; way++) {
            if (cases[m].ways == 4 || cases[m].ways == way) {
                largest = fmax(largest, trace_way(&w, way));
            }
        }
        /* in float64 only an error of the sharing itself could be larger */
        double bound = sizeof(fs_real) == sizeof(double) ? 1e-10 : bound_log_p(fs_model_spec(w.model));
        print_message("%s: effects differ by %.1e of P, largest relative effect %.2f\n", cases[m].model, worst,
                      largest);
        assert_true(largest > 1e-3);
        assert_true(worst < bound);
        world_close(&w);
    }
}

/* A text of so many tokens that the heat map of one corrupted run is many units. */
static void pieces(void **state)
{
    (void)state;
    struct world w;
    world_open("llama-grouped", 1, &w);
    struct fs_trace_options options = {
        .noise_scale = 3, .noise_samples = 1, .seed = 5, .kind = {true, true, true}, .window = 1, .heat_map = true};
    choose_measures(&options, 1);
    for (size_t k = 0; k < 2; k++) {
        struct fs_statement_text *text = &w.pairs.item[0].statement[k];
        free(text->before);
        text->before = strdup(k == 0 ? "they said that he was at home and in the ship and at home and "
                                     : "they said that she was at home and in the ship and at home and ");
    }
    worst = 0;
    check_both(&w, &options);
    print_message("pieces: effects differ by %.1e of P\n", worst);
    assert_true(worst < (sizeof(fs_real) == sizeof(double) ? 1e-10 : bound_log_p(fs_model_spec(w.model))));
    world_close(&w);
}

/* ---- by hand ---- */

static int32_t biased[][6] = {{1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 7, 8}, {1, 9, 3, 4, 5, 0}};
static int32_t counterfactual[][6] = {{1, 2, 8, 4, 5, 6}, {1, 2, 8, 4, 7, 8}, {1, 9, 3, 4, 5, 0}};

static void check_run(const struct fs_trace_layout *layout, size_t run, size_t parent, size_t depth, size_t length)
{
    assert_int_equal(layout->run[run].depth, depth);
    assert_int_equal(layout->run[run].length, length);
    if (depth > 0) {
        assert_int_equal(layout->run[run].parent, parent);
    }
}

/*
 * Three items in a model of two layers. 0: six tokens, the subject is the third; 1: the same four tokens, then others;
 * 2: noise on the tokens 1 and 2 of five, the last one is restored.
 */
static void rows_by_hand(void **state)
{
    (void)state;
    struct world w;
    world_open("gpt2-tiny", 1, &w);
    assert_int_equal(fs_model_spec(w.model)->layers, 2);
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_trace_options options = {.noise_samples = 2};
    struct fs_trace_item items[] = {{.length = 6,
                                     .biased = biased[0],
                                     .counterfactual = counterfactual[0],
                                     .subject_begin = 2,
                                     .subject_end = 3,
                                     .differs = 2,
                                     .read = 5},
                                    {.length = 6,
                                     .biased = biased[1],
                                     .counterfactual = counterfactual[1],
                                     .subject_begin = 2,
                                     .subject_end = 3,
                                     .differs = 2,
                                     .read = 5},
                                    {.noised = true,
                                     .length = 5,
                                     .biased = biased[2],
                                     .counterfactual = counterfactual[2],
                                     .subject_begin = 1,
                                     .subject_end = 3,
                                     .differs = 1,
                                     .read = 4}};
    struct trace trace = {.spec = fs_model_spec(w.model), .options = &options, .items = 3, .item = items, .shared = 6};
    const struct fs_trace_map map = {.trace = &trace, .kinds = 1, .kind = {FS_TRACE_RESIDUAL}, .biased = true};
    const struct fs_trace_block blocks[] = {{0, 0, 0, 1}, {1, 0, 0, 1}, {2, 0, 0, 1}, {2, 1, 0, 1}};
    struct fs_trace_layout layout = {.map = &map};
    for (size_t b = 0; b < 4; b++) {
        assert_done(fs_trace_layout_add(&layout, &blocks[b], &err), err);
    }
    assert_int_equal(layout.runs, 11);
    check_run(&layout, 0, 0, 0, 6); /* biased */
    check_run(&layout, 1, 0, 2, 6); /* corrupted: 8 4 5 6 */
    check_run(&layout, 2, 0, 3, 6); /* restored at layer 0: biased up to the subject, then the corrupted run's rows */
    check_run(&layout, 3, 0, 4, 6); /* item 1: what is behind the first four tokens */
    check_run(&layout, 4, 1, 4, 6); /* ... of the corrupted run too */
    check_run(&layout, 5, 3, 3, 6);
    check_run(&layout, 6, 3, 1, 5); /* item 2 */
    check_run(&layout, 7, 6, 1, 5);
    check_run(&layout, 8, 7, 2, 5); /* one of two noised tokens is restored: the other one is the corrupted run's */
    check_run(&layout, 9, 6, 1, 5); /* the second sample */
    check_run(&layout, 10, 9, 2, 5);
    assert_int_equal(layout.tokens, 6 + 4 + 3 + 2 + 2 + 3 + 4 + 4 + 3 + 4 + 3);
    assert_int_equal(layout.run[2].turn, 2); /* before layer 1 */
    /* P, P*, restored at layer 0, and at layer 1, which nothing reads: P* */
    const size_t values[] = {0, 1, 2, 1, 3, 4, 5, 4, 6, 7, 8, 7, SIZE_MAX, 9, 10, 9};
    assert_int_equal(layout.values, 16);
    assert_memory_equal(layout.value, values, sizeof values);

    /* sequences that the model does not share: whole ones */
    trace.shared = 0;
    fs_trace_layout_clear(&layout);
    for (size_t b = 0; b < 4; b++) {
        assert_done(fs_trace_layout_add(&layout, &blocks[b], &err), err);
    }
    assert_false(layout.shares);
    assert_int_equal(layout.tokens, 2 * 3 * 6 + 5 + 2 * 2 * 5);
    fs_trace_layout_release(&layout);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_by_hand), cmocka_unit_test(shared_and_apart),
                                       cmocka_unit_test(pieces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
