/*
 * Causal tracing against a naive one, made here from separate whole runs with the restored rows patched in; what counts
 * as a subject and as its counterfactual; threads; the file and back.
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
#include <sys/stat.h>
#include <unistd.h>

#include "model/numbers/random.h"
#include "stages/metrics/quantile.h"
#include "stages/trace/trace.h"
#include "stages/trace/trace_item.h"
#include "tests/unit/bounds.h"
#include "tests/unit/trace/world.h"

/* category, subject, counterpart ("": StereoSet), before of k1, before of k2, completions, after */
static const char *const rows[][8] = {
    {"gender", "he", "", "they said that he was ", NULL, "home", "ship", "."},       /* table, same length */
    {"gender", "captain", "", "the captain is ", NULL, "kind", "old", "."},          /* no counterpart: noise */
    {"gender", "nurse", "", "and he was the ", NULL, "at", "home", " in the ship."}, /* an attribute word instead */
    {"gender", "she", "", "the ", NULL, "nurse", "ship", " that she was at."},       /* behind the completion */
    {"race", "farmer", "", "one ", NULL, "two", "three", "."},                       /* nowhere */
    {"race", "nurse", "captain", "the nurse was ", "the captain was ", "home", NULL, "."}, /* the pair's own */
    {"race", "he", "she", "is he ", "is she ", "home", NULL, "?"}, /* the same in one token each */
    {"gender", "pa", "", "they said that pa was ", NULL, "home", "ship",
     "."}, /* two tokens in every model, as is "ma" */
    {"race", "captain", "nurse", "the captains were ", "the nurses were ", "at", NULL, " home."},
};
#define PAIRS (sizeof rows / sizeof *rows)

static void world_open(const char *name, struct world *w)
{
    struct fs_error err = FS_ERROR_INIT;
    char path[] = "/tmp/fairstamp-words-XXXXXX";
    world_load(name, PAIRS, w);
    int file = mkstemp(path);
    assert_true(file >= 0);
    const char words[] = "{\"gender\": [[\"he\", \"she\"], [\"boys\", \"girls\"], [\"pa\", \"ma\"]]}";
    assert_true(write(file, words, strlen(words)) == (ssize_t)strlen(words));
    close(file);
    assert_done(fs_attribute_table_read(path, &w->attributes, &err), err);
    unlink(path);
    for (size_t i = 0; i < PAIRS; i++) {
        const char *const *row = rows[i];
        struct fs_pair *pair = &w->pairs.item[i];
        char id[32];
        snprintf(id, sizeof id, "p%zu", i);
        world_pair(w, i, id, row[0], row[1], row[2]);
        pair->statement[FS_STEREOTYPE] = statement(row[3], row[5], row[7]);
        pair->statement[FS_ANTI_STEREOTYPE] =
            statement(row[4] != NULL ? row[4] : row[3], row[6] != NULL ? row[6] : row[5], row[7]);
    }
}

/*
 * One whole run of one sequence: P[object]; the state after `layer` gets the rows [begin, end) of `patch` (NULL: none),
 * and all states after each layer go to `states` (layers, n, d) where it is not NULL.
 */
static double run_once(const struct world *w, const int32_t *token, const struct fs_trace_item *item,
                       const fs_real *noise, size_t layer, size_t begin, const fs_real *patch, fs_real *states)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_workspace *workspace;
    size_t n = item->length, d = w->spec->hidden, start[2] = {0, n}, first[2] = {0, 1};
    fs_real *h = calloc(n * d, sizeof *h), logprob;
    struct fs_batch batch = {1, n, token, start, NULL, NULL};
    assert_done(fs_workspace_create(w->model, &workspace, &err), err);
    assert_done(fs_embed(w->model, workspace, &batch, noise, h, &err), err);
    const struct fs_pass pass = {w->model, workspace, &batch, NULL};
    for (size_t l = 0; l < w->spec->layers; l++) {
        assert_done(fs_run_layers(&pass, l, l + 1, h, &err), err);
        if (states != NULL) {
            memcpy(states + l * n * d, h, n * d * sizeof *h);
        }
        if (patch != NULL && l == layer) {
            memcpy(h + begin * d, patch + (l * n + begin) * d, (item->subject_end - begin) * d * sizeof *h);
        }
    }
    struct fs_reads reads = {1, &item->read, first, &item->object, NULL};
    assert_done(fs_read_logprobs(w->model, workspace, h, &reads, &logprob, NULL, &err), err);
    fs_workspace_destroy(workspace);
    free(h);
    return exp((double)logprob);
}

/* The standard deviation of all numbers of the subjects' word embeddings, two passes. */
static double deviation(const struct world *w, const struct fs_trace_item *items, size_t count)
{
    struct fs_error err = FS_ERROR_INIT;
    size_t E = fs_spec_embedding(w->spec), n = 0;
    fs_real *row = calloc(E, sizeof *row);
    double sum = 0, squares = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            for (size_t t = items[i].subject_begin; t < items[i].subject_end; t++) {
                assert_done(fs_model_word_embedding(w->model, items[i].biased[t], row, &err), err);
                for (size_t c = 0; c < E; c++) {
                    if (pass == 0) {
                        sum += (double)row[c];
                        n++;
                    } else {
                        squares += pow((double)row[c] - sum / (double)n, 2);
                    }
                }
            }
        }
    }
    free(row);
    return sqrt(squares / (double)(n - 1));
}

/* numbers: P, P*, P*[restored at each layer] of one item. */
static void naive(const struct world *w, const struct fs_trace_options *options, const struct fs_trace_item *item,
                  size_t pair, double sigma, double *numbers)
{
    size_t n = item->length, d = w->spec->hidden, E = fs_spec_embedding(w->spec), layers = w->spec->layers;
    size_t begin = options->positions == FS_TRACE_ALL_SUBJECT_TOKENS ? item->subject_begin : item->subject_end - 1;
    fs_real *biased = calloc(layers * n * d, sizeof *biased), *noise = calloc(n * E, sizeof *noise);
    memset(numbers, 0, (2 + layers) * sizeof *numbers);
    numbers[0] = run_once(w, item->biased, item, NULL, 0, 0, NULL, biased);
    size_t samples = item->noised ? options->noise_samples : 1;
    for (size_t s = 0; s < samples; s++) {
        struct fs_random random = fs_random_start(options->seed, ((uint64_t)pair << 20) + s);
        for (size_t i = item->subject_begin * E; item->noised && i < item->subject_end * E; i++) {
            noise[i] = (fs_real)(options->noise_scale * sigma * fs_random_normal(&random));
        }
        const fs_real *added = item->noised ? noise : NULL;
        numbers[1] += run_once(w, item->counterfactual, item, added, 0, 0, NULL, NULL) / (double)samples;
        for (size_t l = 0; l < layers; l++) {
            numbers[2 + l] += run_once(w, item->counterfactual, item, added, l, begin, biased, NULL) / (double)samples;
        }
    }
    free(biased);
    free(noise);
}

static void check_against_naive(const char *name, enum fs_trace_positions positions)
{
    struct world w;
    world_open(name, &w);
    struct fs_error err = FS_ERROR_INIT;
    struct fs_trace_options options = {
        .positions = positions, .noise_scale = 3, .noise_samples = 4, .bootstrap = 200, .seed = 5};
    struct fs_trace_result result;
    run_trace(&w, &options, 2, &result);
    struct fs_trace_item items[PAIRS];
    size_t traced = 0, pair[PAIRS], noised = 0;
    for (size_t p = 0; p < PAIRS; p++) {
        assert_done(fs_trace_item_compile(w.tokenizer, &w.style, &w.pairs.item[p], w.attributes, &items[traced], &err),
                    err);
        if (items[traced].skip == FS_KEPT) {
            pair[traced++] = p;
        }
    }
    assert_int_equal(result.items, traced);
    assert_int_equal(result.layers, w.spec->layers);
    double sigma = deviation(&w, items, traced), numbers[64], worst = 0, largest = 0;
    for (size_t i = 0; i < traced; i++) {
        naive(&w, &options, &items[i], pair[i], sigma, numbers);
        assert_int_equal(result.item[i], pair[i]);
        assert_int_equal(result.noised[i], items[i].noised);
        noised += items[i].noised;
        worst = fmax(worst, fabs(result.biased[i] / numbers[0] - 1));
        worst = fmax(worst, fabs(result.counterfactual[i] / numbers[1] - 1));
        for (size_t l = 0; l < result.layers; l++) {
            double effect = numbers[2 + l] - numbers[1];
            worst = fmax(worst, fabs(result.indirect_effect[i * result.layers + l] - effect) / numbers[1]);
            largest = fmax(largest, fabs(effect) / numbers[1]);
        }
    }
    print_message("%s: %zu items, %zu noised, relative difference %.1e, largest relative effect %.2f\n", name, traced,
                  noised, worst, largest);
    assert_true(noised > 0 && noised < traced);
    assert_true(largest > 1e-3);
    assert_true(worst < bound_log_p(w.spec)); /* of P */

    /* means, counts and l* */
    assert_string_equal(result.category[0], "all");
    assert_string_equal(result.category[1], "gender");
    assert_string_equal(result.category[2], "race");
    assert_int_equal(result.categories, 3);
    size_t best = 0; /* layer 0 acts in all of these models */
    for (size_t l = 0; l < result.layers; l++) {
        double mean = 0;
        size_t changed = 0;
        for (size_t i = 0; i < traced; i++) {
            mean += result.indirect_effect[i * result.layers + l] / (double)traced;
            changed += result.indirect_effect[i * result.layers + l] != 0;
        }
        assert_true(fabs(mean - result.aie[l]) < bound_f64((double)traced)); /* effects are below 1 */
        assert_true(result.aie_low[l] <= result.aie[l] && result.aie[l] <= result.aie_high[l]);
        if (2 * changed >= traced && result.aie[l] > result.aie[best]) {
            best = l;
        }
    }
    assert_int_equal(best, result.decisive_layer);
    for (size_t c = 0, counted = 0; c < 3; c++) {
        size_t members = 0;
        for (size_t l = 0; l < result.layers; l++) {
            members += result.argmax_count[c * result.layers + l];
        }
        if (c == 0) {
            assert_int_equal(members, traced);
        } else {
            counted += members;
        }
        if (c == 2) {
            assert_int_equal(counted, traced);
        }
    }
    for (size_t i = 0; i < traced; i++) {
        fs_trace_item_release(&items[i]);
    }
    fs_trace_result_release(&result);
    world_close(&w);
}

/* Means over resampled target terms, by the stream of "all", with each resample's sum made anew. */
static void terms_are_resampled(void **state)
{
    (void)state;
    struct world w;
    struct fs_trace_result result;
    const struct fs_trace_options options = {.noise_scale = 3, .noise_samples = 2, .bootstrap = 40, .seed = 5};
    world_open("gpt2-tiny", &w);
    run_trace(&w, &options, 1, &result);
    const char *name[64];
    double mean[64], low, high;
    size_t of[64], terms = 0, L = result.layers;
    assert_in_range(result.items, 4, 64);
    for (size_t i = 0; i < result.items; i++) {
        const char *target = w.pairs.item[result.item[i]].target;
        for (of[i] = 0; of[i] < terms && strcmp(name[of[i]], target) != 0; of[i]++) {
        }
        name[of[i]] = target;
        terms = of[i] == terms ? terms + 1 : terms;
    }
    assert_in_range(terms, 2, result.items - 1); /* some term has several items */
    for (size_t l = 0; l < L; l++) {
        struct fs_random random = fs_random_start(options.seed, UINT64_C(1) << 63);
        for (size_t r = 0; r < options.bootstrap; r++) {
            double sum = 0, drawn = 0;
            for (size_t t = 0; t < terms; t++) {
                size_t term = fs_random_below(&random, terms);
                for (size_t i = 0; i < result.items; i++) {
                    sum += of[i] == term ? result.indirect_effect[i * L + l] : 0;
                    drawn += of[i] == term;
                }
            }
            mean[r] = sum / drawn;
        }
        fs_quantile_interval(mean, options.bootstrap, FS_QUANTILE_LINEAR, &low, &high);
        double bound = bound_f64((double)result.items); /* effects are below 1 */
        assert_true(fabs(result.aie_low[l] - low) < bound && fabs(result.aie_high[l] - high) < bound);
    }
    fs_trace_result_release(&result);
    world_close(&w);
}

static void naive_runs_agree(void **state)
{
    (void)state;
    /* and two whose word embeddings have more, and fewer, numbers than their states */
    const char *const models[] = {"bert-tiny", "gpt2-tiny", "llama-grouped", "albert-groups-bf16",
                                  "opt-projected-bf16"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        check_against_naive(models[i], FS_TRACE_LAST_SUBJECT_TOKEN);
        check_against_naive(models[i], FS_TRACE_ALL_SUBJECT_TOKENS);
    }
}

/*
 * A causal prompt that ends with the subject: the row that is read is the subject's last, so with all of the state
 * before it the same, restoring it at the last layer restores everything: IE = TE.
 */
static void last_layer_restores_all(void **state)
{
    (void)state;
    struct world w;
    world_open("gpt2-tiny", &w);
    for (size_t p = 0; p < PAIRS; p++) {
        struct fs_statement_text *k1 = &w.pairs.item[p].statement[FS_STEREOTYPE];
        free(k1->before);
        k1->before = strdup(p % 2 == 0 ? "they said that pa" : "home, said ma");
        free(w.pairs.item[p].subject);
        w.pairs.item[p].subject = strdup(p % 2 == 0 ? "pa" : "ma");
        w.pairs.item[p].counterpart[0] = '\0';
    }
    struct fs_trace_options options = {.noise_scale = 3, .noise_samples = 3, .seed = 1};
    struct fs_trace_result result;
    run_trace(&w, &options, 1, &result);
    assert_int_equal(result.items, PAIRS);
    for (size_t i = 0; i < result.items; i++) {
        double total = result.biased[i] - result.counterfactual[i];
        assert_true(fabs(total) > 1e-3 * result.biased[i]);
        double last = result.indirect_effect[i * result.layers + result.layers - 1];
        assert_true(fabs(last - total) < bound_log_p(w.spec) * (result.biased[i] + result.counterfactual[i]));
        assert_true(isnan(result.aie_low[0])); /* no resamples, no interval */
    }
    fs_trace_result_release(&result);
    world_close(&w);
}

/* Which tokens are the subject, and what stands there in the counterfactual run, word by word. */
static void check_item(const struct world *w, size_t pair, enum fs_skip skip, bool noised, const char *biased,
                       const char *counterfactual)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_trace_item item;
    assert_done(fs_trace_item_compile(w->tokenizer, &w->style, &w->pairs.item[pair], w->attributes, &item, &err), err);
    assert_int_equal(item.skip, skip);
    if (skip == FS_KEPT) {
        char *text[2];
        size_t count = item.subject_end - item.subject_begin;
        assert_int_equal(item.noised, noised);
        assert_done(fs_tokenizer_decode(w->tokenizer, item.biased + item.subject_begin, count, &text[0], &err), err);
        assert_done(fs_tokenizer_decode(w->tokenizer, item.counterfactual + item.subject_begin, count, &text[1], &err),
                    err);
        const char *expected[2] = {biased, counterfactual};
        for (int i = 0; i < 2; i++) {
            assert_string_equal(text[i] + strspn(text[i], " "), expected[i]);
            free(text[i]);
        }
    }
    fs_trace_item_release(&item);
}

static void set_before(struct world *w, size_t pair, const char *subject, const char *before)
{
    struct fs_pair *item = &w->pairs.item[pair];
    free(item->subject);
    free(item->statement[FS_STEREOTYPE].before);
    item->subject = strdup(subject);
    item->statement[FS_STEREOTYPE].before = strdup(before);
}

static void finds_subjects(void **state)
{
    (void)state;
    struct world w;
    world_open("bert-tiny", &w);
    check_item(&w, 0, FS_KEPT, false, "he", "she");
    check_item(&w, 1, FS_KEPT, true, "captain", "captain");
    check_item(&w, 2, FS_KEPT, false, "he", "she");
    check_item(&w, 3, FS_KEPT, false, "she", "he");
    check_item(&w, 4, FS_SKIP_SUBJECT_MISSING, false, NULL, NULL);
    check_item(&w, 5, FS_KEPT, false, "nurse", "captain");
    check_item(&w, 6, FS_KEPT, false, "he", "she");
    /* the nearest one before the completion; parts of words, the completion and later places do not count */
    set_before(&w, 0, "he", "he said he is the she ");
    check_item(&w, 0, FS_KEPT, false, "he", "she");
    set_before(&w, 0, "he", "the she, ache ");
    check_item(&w, 0, FS_KEPT, false, "she", "he");
    /* a possessive ends the word; a plural belongs to it */
    set_before(&w, 1, "nurse", "the nurse's captain is ");
    check_item(&w, 1, FS_KEPT, true, "nurse", "nurse");
    set_before(&w, 1, "boy", "the boys are ");
    check_item(&w, 1, FS_KEPT, true, "boys", "boys"); /* "girls" has another number of tokens */
    set_before(&w, 1, "nurse", "");
    check_item(&w, 1, FS_SKIP_SUBJECT_MISSING, false, NULL, NULL);
    w.pairs.item[2].skip = FS_SKIP_NO_FILL; /* the reader could not use it */
    check_item(&w, 2, FS_SKIP_NO_FILL, false, NULL, NULL);
    struct fs_statement_text *k1 = &w.pairs.item[0].statement[FS_STEREOTYPE];
    k1->completion[0] = '\0';
    check_item(&w, 0, FS_SKIP_EMPTY_COMPLETION, false, NULL, NULL);
    world_close(&w);

    /* byte-level pieces keep the case; what follows the completion cannot be the subject of a causal model */
    world_open("gpt2-tiny", &w);
    check_item(&w, 3, FS_SKIP_SUBJECT_MISSING, false, NULL, NULL);
    w.style.max_positions = 4;
    check_item(&w, 0, FS_SKIP_TOO_LONG, false, NULL, NULL);
    world_close(&w);
}

static void assert_results_equal(const struct fs_trace_result *a, const struct fs_trace_result *b)
{
    size_t n = a->items, cells = a->categories * a->layers;
    assert_int_equal(a->items, b->items);
    assert_int_equal(a->layers, b->layers);
    assert_int_equal(a->categories, b->categories);
    assert_int_equal(a->decisive_layer, b->decisive_layer);
    assert_memory_equal(a->skipped, b->skipped, sizeof a->skipped);
    assert_memory_equal(a->item, b->item, n * sizeof *a->item);
    assert_memory_equal(a->noised, b->noised, n);
    assert_memory_equal(a->biased, b->biased, n * sizeof *a->biased);
    assert_memory_equal(a->counterfactual, b->counterfactual, n * sizeof *a->counterfactual);
    assert_memory_equal(a->indirect_effect, b->indirect_effect, n * a->layers * sizeof *a->indirect_effect);
    assert_memory_equal(a->aie, b->aie, cells * sizeof *a->aie);
    assert_memory_equal(a->aie_low, b->aie_low, cells * sizeof *a->aie_low);
    assert_memory_equal(a->aie_high, b->aie_high, cells * sizeof *a->aie_high);
    assert_memory_equal(a->argmax_count, b->argmax_count, cells * sizeof *a->argmax_count);
    for (size_t c = 0; c < a->categories; c++) {
        assert_string_equal(a->category[c], b->category[c]);
    }
}

static void threads_and_file(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct world w;
    world_open("bert-tiny", &w);
    /* enough samples that each noised item is a unit of its own */
    struct fs_trace_options options = {.noise_scale = 2, .noise_samples = 100, .bootstrap = 100, .seed = 9};
    struct fs_trace_result one, three, read;
    run_trace(&w, &options, 1, &one);
    run_trace(&w, &options, 3, &three);
    assert_results_equal(&one, &three);
    assert_done(write_and_read(&w, &options, &one, NULL, &read, &err), err);
    assert_results_equal(&one, &read);
    fs_trace_result_release(&one);
    fs_trace_result_release(&three);
    fs_trace_result_release(&read);
    world_close(&w);
}

static void refuses(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct world w;
    world_open("bert-tiny", &w);
    struct fs_runner *runner;
    struct fs_trace_result result;
    assert_done(fs_runner_serial_create(1, &runner, &err), err);
    struct fs_trace_options options = {.noise_scale = 3, .noise_samples = 0};
    struct fs_trace_input input = {&w.pairs, w.attributes};
    assert_int_equal(fs_trace_run(w.model, w.tokenizer, &input, &options, runner, &result, &err), -1);
    assert_int_equal(err.code, FS_EXIT_CONFIG);
    options.noise_samples = 1;
    struct fs_pair_list none = {.count = 1, .item = w.pairs.item + 4};
    input.pairs = &none;
    assert_int_equal(fs_trace_run(w.model, w.tokenizer, &input, &options, runner, &result, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    free(runner);
    world_close(&w);
}

/* By hand: the last layer does nothing, or something in one of three items; of the others 1 has the largest mean,
 * though it is negative. */
static void decides_among_acting_layers(void **state)
{
    (void)state;
    const double effect[] = {-0.4, -0.1, 0, 0.1, -0.1, 0}, aie[] = {-0.15, -0.1, 0};
    assert_int_equal(fs_trace_decisive(aie, effect, 2, 3), 1);
    const double acting[] = {-0.4, -0.1, 0.1, 0.1, -0.1, 0}, mean[] = {-0.15, -0.1, 0.05};
    assert_int_equal(fs_trace_decisive(mean, acting, 2, 3), 2);
    const double seldom[] = {-0.4, -0.1, 0, 0.1, -0.1, 0, -0.3, -0.1, -0.03}, rare[] = {-0.2, -0.1, -0.01};
    assert_int_equal(fs_trace_decisive(rare, seldom, 3, 3), 1);
    const double nothing[] = {0, 0, 0}, zero[] = {0, 0, 0};
    assert_int_equal(fs_trace_decisive(zero, nothing, 1, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_subjects),
        cmocka_unit_test(decides_among_acting_layers),
        cmocka_unit_test(naive_runs_agree),
        cmocka_unit_test(terms_are_resampled),
        cmocka_unit_test(last_layer_restores_all),
        cmocka_unit_test(threads_and_file),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
