/*
 * The measures of the trace against PyTorch with hooks (tests/golden/make_measures.py), in float32 and in float64; their
 * medians and intervals against plain ones; what names the layer; what is left out; the file and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "model/numbers/random.h"
#include "stages/metrics/quantile.h"
#include "tests/unit/trace/prompts.h"

#define RELATIVE                                                                                                       \
    (sizeof(fs_real) == sizeof(double) ? 1e-10 : 2e-5) /* of log P; what two float32 programs may differ by */

static const char *const models[] = {"bert-old-names", "gpt2-no-prefix", "llama-no-prefix"};
#define MODELS (sizeof models / sizeof *models)

static struct fs_trace_options all_measures(void)
{
    struct fs_trace_options options = {.noise_scale = 3, .noise_samples = 3, .bootstrap = 50, .seed = 5, .window = 3};
    for (size_t m = 0; m < FS_TRACE_MEASURES; m++) {
        options.measure[m] = true;
    }
    return options;
}

/* Every measure of one item whose golden changed runs are `golden`. Returns how many numbers were compared. */
static size_t compare_item(const struct fs_trace_result *result, size_t i, const cJSON *item, const cJSON *golden)
{
    const struct fs_trace_shares *shares = &result->shares;
    double biased = number_of(item, "log P"), counterfactual = number_of(item, "log P*");
    double bound = RELATIVE * (fabs(biased) + fabs(counterfactual));
    size_t n = result->items, L = result->layers, compared = 0;
    if (fabs(shares->total_effect[i] - (biased - counterfactual)) > bound) {
        fail_msg("TE: found %.10g, expected %.10g", shares->total_effect[i], biased - counterfactual);
    }
    for (size_t m = 0; m < shares->measures; m++) {
        const struct fs_trace_measure *measure = &fs_trace_measures[shares->measure[m]];
        const cJSON *value, *layers = cJSON_GetObjectItemCaseSensitive(golden, measure->name);
        size_t layer = 0;
        cJSON_ArrayForEach(value, layers)
        {
            double change = shares->share[(m * n + i) * L + layer] * shares->total_effect[i];
            double found = measure->direction == FS_TRACE_REMOVE ? biased - change : counterfactual + change;
            if (!(fabs(found - value->valuedouble) <= bound)) {
                fail_msg("%s at layer %zu: found %.10g, expected %.10g", measure->name, layer, found,
                         value->valuedouble);
            }
            layer++;
        }
        assert_true(layers == NULL || layer == L);
        compared += layer;
    }
    return compared;
}

static void hooks(void **state)
{
    (void)state;
    for (size_t model = 0; model < MODELS; model++) {
        for (int all = 0; all < 2; all++) {
            struct world w;
            struct fs_trace_result result;
            struct fs_trace_options options = all_measures();
            size_t compared = 0;
            options.positions = all ? FS_TRACE_ALL_SUBJECT_TOKENS : FS_TRACE_LAST_SUBJECT_TOKEN;
            world_open(models[model], "trace/measures", &w);
            run_trace(&w, &options, 2, &result);
            assert_int_equal(result.shares.measures, FS_TRACE_MEASURES);
            for (size_t i = 0; i < result.items; i++) {
                const cJSON *item = golden_item(&w, w.pairs.item[result.item[i]].id);
                assert_int_equal(item == NULL, result.noised[i]);
                const cJSON *golden =
                    item != NULL ? cJSON_GetObjectItemCaseSensitive(item, all ? "all" : "last") : NULL;
                compared += golden != NULL ? compare_item(&result, i, item, golden) : 0;
            }
            /* two items at least; of those at the subject alone where all of it is restored */
            assert_true(compared >= (all ? 2 * 12 : 2 * FS_TRACE_MEASURES) * result.layers);
            fs_trace_result_release(&result);
            world_close(&w);
        }
    }
}

/* ---- medians ---- */

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double plain_median(double *value, size_t count)
{
    qsort(value, count, sizeof *value, compare_numbers);
    return value[(count - 1) / 2] / 2 + value[count / 2] / 2;
}

/* Items of category c that count, in order of the terms' names, to member; and where each term begins. */
static size_t members_of(const struct world *w, const struct fs_trace_result *result, size_t c, double least,
                         size_t *member, size_t *first)
{
    static const char *const terms[] = {"he", "nurse", "pa"}; /* by name; all that rows[] has */
    size_t count = 0, found = 0;
    for (size_t t = 0; t < 3; t++) {
        size_t before = count;
        for (size_t i = 0; i < result->items; i++) {
            const struct fs_pair *pair = &w->pairs.item[result->item[i]];
            bool own = c == 0 || strcmp(pair->category, result->category[c]) == 0;
            if (own && strcmp(pair->target, terms[t]) == 0 && fabs(result->shares.total_effect[i]) >= least) {
                member[count++] = i;
            }
        }
        if (count > before) {
            first[found++] = before;
        }
    }
    first[found] = count;
    return found;
}

/* As the trace makes them, with every resample written out. */
static void medians(void **state)
{
    (void)state;
    enum { RESAMPLES = 50 };
    struct world w;
    struct fs_trace_result result;
    struct fs_trace_options options = all_measures();
    options.least_effect = 0.02;
    world_open("bert-old-names", "trace/measures", &w);
    run_trace(&w, &options, 1, &result);
    const struct fs_trace_shares *shares = &result.shares;
    size_t n = result.items, L = result.layers, member[ROWS], first[4], counted = 0;
    for (size_t c = 0; c < result.categories; c++) {
        size_t terms = members_of(&w, &result, c, options.least_effect, member, first);
        assert_int_equal(shares->counted[c], first[terms]);
        counted += c == 0 ? 0 : first[terms];
        for (size_t cell = 0; cell < shares->measures * L; cell++) {
            const double *share = shares->share + cell / L * n * L + cell % L;
            double value[ROWS * ROWS], drawn[RESAMPLES], low, high;
            struct fs_random random = fs_random_start(options.seed, (UINT64_C(3) << 62) + c);
            for (size_t r = 0; r <= RESAMPLES; r++) { /* the last one is the sample itself */
                size_t count = 0;
                for (size_t t = 0; t < terms; t++) {
                    size_t term = r < RESAMPLES ? fs_random_below(&random, terms) : t;
                    for (size_t i = first[term]; i < first[term + 1]; i++) {
                        value[count++] = share[member[i] * L];
                    }
                }
                double median = plain_median(value, count);
                if (r < RESAMPLES) {
                    drawn[r] = median;
                } else {
                    assert_true(median == shares->median[(cell / L * result.categories + c) * L + cell % L]);
                }
            }
            fs_quantile_interval(drawn, RESAMPLES, FS_QUANTILE_LINEAR, &low, &high);
            assert_true(low == shares->low[(cell / L * result.categories + c) * L + cell % L]);
            assert_true(high == shares->high[(cell / L * result.categories + c) * L + cell % L]);
        }
    }
    assert_int_equal(counted, shares->counted[0]);
    assert_true(counted < n); /* one has too small an effect */
    fs_trace_result_release(&result);

    w.pairs.count = 1; /* one term: a median without an interval */
    run_trace(&w, &options, 1, &result);
    assert_true(isfinite(result.shares.median[0]) && isnan(result.shares.low[0]) && isnan(result.shares.high[0]));
    fs_trace_result_release(&result);
    w.pairs.count = ROWS;
    world_close(&w);
}

/* By hand: the last layer of all is above the others, but acts in one of three items; of the rest 1 has the largest median. */
static void layer_of_the_largest_median(void **state)
{
    (void)state;
    const double share[] = {-0.4, -0.1, 0, 9, 9, 9, -0.2, -0.1, 0, -0.3, -0.2, 0.3}, median[] = {-0.3, -0.1, 0};
    const size_t member[] = {0, 2, 3};
    assert_int_equal(fs_trace_shares_layer(median, share, member, 3, 3), 1);
    assert_int_equal(fs_trace_shares_layer(median, share, member + 2, 1, 3), 2);
    assert_int_equal(fs_trace_shares_layer(median, share, member, 0, 3), 0);
}

static void selects(void **state)
{
    (void)state;
    struct world w;
    world_open("gpt2-no-prefix", "trace/measures", &w);
    for (unsigned select = 0; select < FS_SELECT_MEASURE + FS_TRACE_MEASURES; select++) {
        struct fs_trace_options options = {
            .noise_scale = 3, .noise_samples = 2, .seed = 5, .window = 2, .select = select};
        struct fs_trace_result result;
        run_trace(&w, &options, 1, &result);
        const struct fs_trace_shares *shares = &result.shares;
        size_t L = result.layers;
        assert_int_equal(L, 4);
        /* the residual stream is always taken, and what selects */
        assert_int_equal(shares->measures, select > FS_SELECT_MEASURE ? 2 : 1);
        if (select == FS_SELECT_AIE) {
            assert_int_equal(result.decisive_layer,
                             fs_trace_decisive(result.aie, result.indirect_effect, result.items, L));
        } else if (select < FS_SELECT_MEASURE) {
            assert_int_equal(result.decisive_layer, select == FS_SELECT_LAST ? 3 : 2);
        } else {
            size_t m = select > FS_SELECT_MEASURE ? 1 : 0;
            assert_int_equal(shares->measure[m], select - FS_SELECT_MEASURE);
            assert_int_equal(result.decisive_layer, shares->decisive[m * result.categories]);
            for (size_t layer = 0; layer < L; layer++) {
                const double *median = shares->median + m * result.categories * L;
                assert_true(median[layer] <= median[result.decisive_layer] || median[layer] == 0);
            }
        }
        fs_trace_result_release(&result);
    }
    world_close(&w);
}

static void leaves_out(void **state)
{
    (void)state;
    struct world w;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_runner *runner;
    struct fs_trace_result result;
    struct fs_trace_options options = {.noise_scale = 3, .noise_samples = 2, .seed = 5, .window = 1};
    options.least_effect = 50;
    world_open("bert-old-names", "trace/measures", &w);
    run_trace(&w, &options, 1, &result);
    for (size_t i = 0; i < result.items * result.layers; i++) {
        assert_true(isnan(result.shares.share[i]));
    }
    assert_int_equal(result.shares.counted[0], 0);
    assert_true(isnan(result.shares.median[0]) && isnan(result.shares.low[0]));
    fs_trace_result_release(&result);

    options.select = FS_SELECT_MEASURE + FS_MEASURE_FFN_READ_REMOVE;
    assert_done(fs_runner_serial_create(1, &runner, &err), err);
    const struct fs_trace_input input = {&w.pairs, NULL};
    assert_int_equal(fs_trace_run(w.model, w.tokenizer, &input, &options, runner, &result, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    assert_non_null(strstr(err.text, "ffn.read.remove"));
    options.least_effect = -1;
    assert_int_equal(fs_trace_run(w.model, w.tokenizer, &input, &options, runner, &result, &err), -1);
    assert_int_equal(err.code, FS_EXIT_CONFIG);
    free(runner);
    world_close(&w);
}

/* ---- bits and files ---- */

static void assert_shares_equal(const struct fs_trace_result *a, const struct fs_trace_result *b)
{
    const struct fs_trace_shares *one = &a->shares, *other = &b->shares;
    size_t m = one->measures, n = a->items, c = a->categories, L = a->layers;
    assert_int_equal(m, other->measures);
    assert_memory_equal(one->measure, other->measure, m * sizeof *one->measure);
    assert_memory_equal(one->total_effect, other->total_effect, n * sizeof(double));
    assert_memory_equal(one->share, other->share, m * n * L * sizeof(double));
    assert_memory_equal(one->median, other->median, m * c * L * sizeof(double));
    assert_memory_equal(one->low, other->low, m * c * L * sizeof(double));
    assert_memory_equal(one->high, other->high, m * c * L * sizeof(double));
    assert_memory_equal(one->decisive, other->decisive, m * c * sizeof(size_t));
    assert_memory_equal(one->counted, other->counted, c * sizeof(size_t));
}

/* What changes nothing is exactly 0, in whatever unit it is. */
static void assert_nothing_at_the_top(const struct fs_trace_result *result)
{
    const struct fs_trace_shares *shares = &result->shares;
    size_t n = result->items, L = result->layers;
    for (size_t m = 0; m < shares->measures; m++) {
        const struct fs_trace_measure *measure = &fs_trace_measures[shares->measure[m]];
        for (size_t i = 0; i < n && measure->span == FS_SPAN_SUBJECT && measure->width == FS_TRACE_ONE; i++) {
            assert_true(shares->share[(m * n + i) * L + L - 1] == 0);
        }
    }
}

static void file_and_threads(void **state)
{
    (void)state;
    struct world w;
    struct fs_trace_result one, three, read;
    struct fs_error err = FS_ERROR_INIT;
    char *select;
    struct fs_trace_options options = all_measures();
    options.always_noise = true;
    options.select = FS_SELECT_LAST;
    world_open("bert-old-names", "trace/measures", &w);
    run_trace(&w, &options, 1, &one);
    run_trace(&w, &options, 3, &three);
    assert_shares_equal(&one, &three);
    assert_nothing_at_the_top(&one);
    assert_done(write_and_read(&w, &options, &one, &select, &read, &err), err);
    assert_shares_equal(&one, &read);
    assert_int_equal(read.decisive_layer, one.layers - 1);
    assert_string_equal(select, "last");
    free(select);
    fs_trace_result_release(&three);
    fs_trace_result_release(&read);

    one.shares.counted[0] = one.items + 1;
    assert_int_equal(write_and_read(&w, &options, &one, &select, &read, &err), -1);
    assert_non_null(strstr(err.text, "counted"));
    free(select);
    one.shares.decisive[1] = one.layers;
    assert_int_equal(write_and_read(&w, &options, &one, &select, &read, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    assert_non_null(strstr(err.text, "decisive"));
    free(select);
    fs_trace_result_release(&one);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hooks),      cmocka_unit_test(medians),
                                       cmocka_unit_test(selects),    cmocka_unit_test(layer_of_the_largest_median),
                                       cmocka_unit_test(leaves_out), cmocka_unit_test(file_and_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
