/*
 * Attribution patching. In float64 against exact restorations under a noise so small that they are its first order; in
 * float64 and float32 its own sums, sharing of beginnings, threads, the file.
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

#include "stages/trace/trace_attribution_map.h"
#include "tests/unit/bounds.h"
#include "tests/unit/trace/world.h"

/* Masked, and causal with learned and with rotary positions, branches side by side, norms behind them, experts. */
static const char *const models[] = {"bert-tiny",  "gpt2-tiny",   "llama-grouped", "gptj-part-f16-shards",
                                     "gemma2-f16", "mixtral-tiny"};

/* category, subject, counterpart ("": noise), before of k1, of k2, completion */
static const char *const rows[][6] = {
    {"gender", "he", "she", "they said that he was ", "they said that she was ", "home"},
    {"gender", "he", "", "they said that he was in the ", "they said that he was in the ", "ship"},
    {"race", "nurse", "captain", "the nurse was ", "the captain was ", "home"},
    {"gender", "pa", "ma", "they said that pa was ", "they said that ma was ", "home"},
    {"gender", "ma", "pa", "home, said pa and ma", "home, said pa and pa", "ship"}, /* read at the subject */
    {"race", "captain", "", "the captain is ", "the captain is ", "kind"},
};
#define ROWS (sizeof rows / sizeof *rows)

static void world_open(const char *name, struct world *w)
{
    world_load(name, ROWS, w);
    for (size_t i = 0; i < ROWS; i++) {
        const char *const *row = rows[i];
        world_pair(w, i, row[1], row[0], row[1], row[2]);
        for (size_t k = 0; k < 2; k++) {
            w->pairs.item[i].statement[k] = statement(row[3 + k], row[5], ".");
        }
    }
}

static struct fs_trace_options options_of(size_t neurons)
{
    return (struct fs_trace_options){.noise_scale = 3,
                                     .noise_samples = 3,
                                     .bootstrap = 20,
                                     .seed = 5,
                                     .window = 1,
                                     .attribution = true,
                                     .neurons = neurons};
}

/* sum (a - b)^2 over sum b^2, as a distance. */
struct distance {
    double difference, norm;
};

static void see(struct distance *distance, double a, double b)
{
    distance->difference += (a - b) * (a - b);
    distance->norm += b * b;
}

static double distance_of(const struct distance *distance)
{
    assert_true(distance->norm > 0);
    return sqrt(distance->difference / distance->norm);
}

/* Effect of an item by an estimated measure, nats. */
static double effect_of(const struct fs_trace_result *result, enum fs_trace_measure_id measure, size_t item,
                        size_t layer)
{
    const struct fs_trace_shares *estimate = &result->attribution.estimate;
    size_t m = 0;
    while (estimate->measure[m] != measure) {
        assert_true(++m < estimate->measures);
    }
    return estimate->share[(m * result->items + item) * result->layers + layer] * estimate->total_effect[item];
}

#ifdef FS_DOUBLE

/* Relative to the first order, the second is about the noise. */
static void first_order_of_restorations(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        struct world w;
        struct fs_trace_result result;
        struct fs_trace_options options = options_of(0);
        options.noise_scale = 1e-5;
        options.noise_samples = 2;
        options.always_noise = options.heat_map = true;
        memset(options.kind, 1, sizeof options.kind);
        world_open(models[m], &w);
        run_trace(&w, &options, 1, &result);
        const struct fs_trace_attribution *estimate = &result.attribution;
        const struct fs_trace_sublayers *exact = &result.sublayers;
        size_t P = exact->positions, L = result.layers, n = result.items;
        assert_int_equal(P, estimate->positions);
        assert_memory_equal(exact->first, estimate->first, (n + 1) * sizeof *exact->first);
        for (size_t c = 0; c < FS_COMPONENTS; c++) {
            struct distance restore = {0}, remove = {0}, subject = {0};
            assert_int_equal(exact->kind[c], c);
            static const enum fs_trace_measure_id at_subject[] = {FS_MEASURE_RESIDUAL_SUBJECT_RESTORE,
                                                                  FS_MEASURE_ATTENTION_SUBJECT_RESTORE,
                                                                  FS_MEASURE_FFN_SUBJECT_RESTORE};
            for (size_t cell = 0; cell < L * n; cell++) {
                size_t i = cell % n, l = cell / n, at = (c * n + i) * L + l;
                for (size_t p = exact->first[i]; p < exact->first[i + 1]; p++) {
                    double effect = exact->position_effect[(c * L + l) * P + p] / result.counterfactual[i];
                    see(&restore, estimate->position_effect[(c * L + l) * P + p], effect);
                    see(&remove, estimate->position_effect[((FS_COMPONENTS + c) * L + l) * P + p], effect);
                }
                see(&subject, effect_of(&result, at_subject[c], i, l),
                    exact->indirect_effect[at] / result.counterfactual[i]);
            }
            print_message("%-20s %-9s restore %.0e  remove %.0e  subject %.0e\n", models[m],
                          fs_trace_kind_name((enum fs_trace_kind)c), distance_of(&restore), distance_of(&remove),
                          distance_of(&subject));
            assert_true(distance_of(&restore) < 1e-3 && distance_of(&remove) < 1e-3 && distance_of(&subject) < 1e-3);
        }
        fs_trace_result_release(&result);
        world_close(&w);
    }
}

#endif

/* log P in two ways; positions into spans; all neurons of a layer into the FFN's effects. */
static void sums(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        struct world w;
        struct fs_trace_result result;
        struct fs_trace_options options = options_of(100000);
        options.noise_samples = 1; /* several may have effects of either sign */
        world_open(models[m], &w);
        run_trace(&w, &options, 1, &result);
        const struct fs_spec *spec = fs_model_spec(w.model);
        const struct fs_trace_attribution *out = &result.attribution;
        size_t n = result.items, L = result.layers, P = out->positions, k = out->neurons;
        size_t experts = spec->layer[0].experts;
        assert_int_equal(k, spec->layer[0].ffn * (experts > 0 ? experts : 1));
        for (size_t i = 0; i < n; i++) {
            double total = log(result.biased[i]) - log(result.counterfactual[i]);
            assert_true(fabs(out->estimate.total_effect[i] - total) < 2 * bound_log_p(spec));
            for (size_t l = 0; l < L; l++) {
                const double *effect = out->position_effect + (FS_COMPONENT_ATTENTION * L + l) * P;
                double all = 0;
                for (size_t p = out->first[i]; p < out->first[i + 1]; p++) {
                    all += effect[p];
                }
                assert_true(fabs(all - effect_of(&result, FS_MEASURE_ATTENTION_ALL_RESTORE, i, l)) <=
                            1e-12 * fabs(all));
            }
        }
        for (size_t l = 0; l < L; l++) {
            double found = 0, expected = 0, total = 0;
            for (size_t j = 0; j < k; j++) {
                found += out->neuron_share[l * k + j];
                assert_true(j == 0 || out->neuron_share[l * k + j] <= out->neuron_share[l * k + j - 1]);
                assert_true(out->neuron[l * k + j] < k);
            }
            for (size_t i = 0; i < n; i++) {
                double effect = out->estimate.total_effect[i];
                total += fabs(effect);
                expected += (effect > 0 ? 0.5 : -0.5) * (effect_of(&result, FS_MEASURE_FFN_ALL_RESTORE, i, l) +
                                                         effect_of(&result, FS_MEASURE_FFN_ALL_REMOVE, i, l));
            }
            assert_true(fabs(found - expected / total) < bound_f32((double)k) * 8);
        }
        fs_trace_result_release(&result);
        world_close(&w);
    }
}

/* Average ranks of values that are equal. */
static void rank(const double *value, size_t count, double *out)
{
    for (size_t i = 0; i < count; i++) {
        double below = 0, equal = 0;
        for (size_t j = 0; j < count; j++) {
            below += value[j] < value[i];
            equal += value[j] == value[i];
        }
        out[i] = below + (equal - 1) / 2;
    }
}

static double correlation(const double *a, const double *b, size_t count)
{
    double sums[5] = {0}, n = (double)count;
    for (size_t i = 0; i < count; i++) {
        sums[0] += a[i];
        sums[1] += b[i];
        sums[2] += a[i] * a[i];
        sums[3] += b[i] * b[i];
        sums[4] += a[i] * b[i];
    }
    return (n * sums[4] - sums[0] * sums[1]) /
           sqrt((n * sums[2] - sums[0] * sums[0]) * (n * sums[3] - sums[1] * sums[1]));
}

/* Effects of all measures, items and layers against the exact ones, for counterparts. By rank: what is estimated to first
 * order need not have the size. Of the random models those that are not far from linear over a whole word, as bert-tiny is
 * (0.62); trained ones: docs/trace.md. */
static void ranks_of_exact_measures(void **state)
{
    (void)state;
    static const char *const near[] = {"gpt2-tiny", "llama-grouped", "gptj-part-f16-shards"};
    for (size_t m = 0; m < sizeof near / sizeof *near; m++) {
        struct world w;
        struct fs_trace_result result;
        struct fs_trace_options options = options_of(0);
        memset(options.measure, 1, sizeof options.measure);
        world_open(near[m], &w);
        run_trace(&w, &options, 1, &result);
        const struct fs_trace_shares *exact = &result.shares;
        size_t n = result.items, L = result.layers, most = result.attribution.estimate.measures * n * L, count = 0;
        double *numbers = calloc(4 * most, sizeof *numbers);
        assert_non_null(numbers);
        for (size_t i = 0; i < exact->measures * n * L; i++) {
            const struct fs_trace_measure *measure = &fs_trace_measures[exact->measure[i / L / n]];
            size_t item = i / L % n;
            if (measure->width == FS_TRACE_ONE && measure->severed == FS_TRACE_RESIDUAL && !result.noised[item]) {
                numbers[count] = exact->share[i] * exact->total_effect[item];
                numbers[most + count++] = effect_of(&result, exact->measure[i / L / n], item, i % L);
            }
        }
        rank(numbers, count, numbers + 2 * most);
        rank(numbers + most, count, numbers + 3 * most);
        double spearman = correlation(numbers + 2 * most, numbers + 3 * most, count);
        print_message("%-20s Spearman %.3f of %zu effects, Pearson %.3f\n", near[m], spearman, count,
                      correlation(numbers, numbers + most, count));
        assert_true(spearman > 0.85);
        free(numbers);
        fs_trace_result_release(&result);
        world_close(&w);
    }
}

static void compare_results(const struct fs_trace_result *one, const struct fs_trace_result *other, double bound)
{
    const struct fs_trace_attribution *a = &one->attribution, *b = &other->attribution;
    struct distance positions = {0}, shares = {0};
    assert_int_equal(a->positions, b->positions);
    for (size_t i = 0; i < FS_ATTRIBUTION_DIRECTIONS * FS_COMPONENTS * one->layers * a->positions; i++) {
        see(&positions, a->position_effect[i], b->position_effect[i]);
    }
    for (size_t i = 0; i < one->layers * a->neurons; i++) {
        see(&shares, a->neuron_share[i], b->neuron_share[i]);
    }
    print_message("  positions %.0e  neurons %.0e of %.0e\n", distance_of(&positions), distance_of(&shares), bound);
    assert_true(distance_of(&positions) <= bound && distance_of(&shares) <= bound);
}

/* A gradient has the forward pass behind it, done twice, and as much backward. Neurons are kept in float32. */
static void shared_beginnings(void **state)
{
    (void)state;
    static const char *const causal[] = {"gpt2-tiny", "mistral-window", "mixtral-tiny"};
    for (size_t m = 0; m < sizeof causal / sizeof *causal; m++) {
        struct world w;
        struct fs_trace_result shared, apart;
        const struct fs_trace_options options = options_of(4);
        world_open(causal[m], &w);
        fs_model_share_prefixes(w.model, true);
        run_trace(&w, &options, 1, &shared);
        fs_model_share_prefixes(w.model, false);
        run_trace(&w, &options, 1, &apart);
        compare_results(&shared, &apart, 16 * bound_f32(3 * forward_depth(fs_model_spec(w.model))));
        fs_trace_result_release(&shared);
        fs_trace_result_release(&apart);
        world_close(&w);
    }
}

/* Pieces of an item's samples: each unit has at most so many rows, and each sample is once in one unit. */
static void units(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct world w;
    world_open("gpt2-tiny", &w);
    struct fs_trace_item item[2] = {
        {.length = 100, .subject_begin = 10, .subject_end = 11, .differs = 10, .noised = true},
        {.length = 20, .subject_begin = 18, .subject_end = 19, .differs = 18}};
    struct fs_trace_options options = options_of(1);
    options.noise_samples = 9;
    const struct trace trace = {.model = w.model,
                                .spec = fs_model_spec(w.model),
                                .options = &options,
                                .items = 2,
                                .item = item,
                                .shared = 1000};
    struct fs_attribution_map map = {.trace = &trace};
    assert_done(fs_attribution_map_cut(&map, &err), err);
    /* 512 tokens: 100 of the biased run, 90 of each sample; behind the last sample 20 and 2 of the other item */
    static const size_t first[] = {0, 4, 8}, last[] = {4, 8, 9};
    assert_int_equal(map.units, 3);
    for (size_t u = 0; u < 3; u++) {
        const struct fs_attribution_piece *piece = &map.piece[map.unit[u].first];
        assert_true(piece->item == 0 && piece->first == first[u] && piece->last == last[u]);
        assert_true(map.unit[u].last == map.unit[u].first + (u < 2 ? 1 : 2));
    }
    assert_true(map.unit[0].cost.tokens == 460 && map.unit[0].cost.rows == 5);
    assert_true(map.unit[2].cost.tokens == 190 + 22 && map.unit[2].cost.rows == 4);
    assert_true(map.unit[2].numbers == 2 * 3 + 6 * trace.spec->layers * (100 + 20));
    fs_attribution_map_release(&map);
    world_close(&w);
}

static void file_and_threads(void **state)
{
    (void)state;
    struct world w;
    struct fs_trace_result one, three, read;
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_trace_options options = options_of(5);
    world_open("bert-tiny", &w);
    run_trace(&w, &options, 1, &one);
    run_trace(&w, &options, 3, &three);
    const struct fs_trace_attribution *from = &one.attribution, *same = &three.attribution;
    size_t cells = FS_ATTRIBUTION_DIRECTIONS * FS_COMPONENTS * one.layers, share = one.layers * from->neurons;
    assert_memory_equal(from->estimate.low, same->estimate.low, one.categories * one.layers * sizeof(double));
    assert_memory_equal(from->position_effect, same->position_effect, cells * from->positions * sizeof(double));
    assert_memory_equal(from->neuron_share, same->neuron_share, share * sizeof(double));
    assert_done(write_and_read(&w, &options, &one, NULL, &read, &err), err);
    const struct fs_trace_attribution *back = &read.attribution;
    size_t measures = from->estimate.measures, shares = measures * one.items * one.layers;
    assert_int_equal(back->estimate.measures, measures);
    assert_int_equal(measures, 16); /* 2 sublayers at 3 places, the residual stream at 2, in 2 directions */
    assert_memory_equal(back->estimate.share, from->estimate.share, shares * sizeof(double));
    assert_memory_equal(back->estimate.median, from->estimate.median,
                        measures * one.categories * one.layers * sizeof(double));
    assert_int_equal(back->neurons, 5);
    assert_memory_equal(back->neuron, from->neuron, share * sizeof *back->neuron);
    assert_memory_equal(back->neuron_share, from->neuron_share, share * sizeof(double));
    fs_trace_result_release(&one);
    fs_trace_result_release(&three);
    fs_trace_result_release(&read);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef FS_DOUBLE
        cmocka_unit_test(first_order_of_restorations),
#endif
        cmocka_unit_test(sums),
        cmocka_unit_test(ranks_of_exact_measures),
        cmocka_unit_test(shared_beginnings),
        cmocka_unit_test(units),
        cmocka_unit_test(file_and_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
