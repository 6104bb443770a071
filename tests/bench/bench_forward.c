/*
 * Forward speed on StereoSet sentences, and the share of OpenBLAS's own SGEMM rate that it reaches.
 *
 *     bench_forward MODEL_FOLDER STEREOSET_JSON THREADS REPEATS SENTENCES
 *
 * SENTENCES: the first so many of the file; equal ones are computed once. 0: all.
 *
 * One JSON object on stdout: tokens, median seconds and tokens/s for (hidden) all layers without head and (full) with
 * the head at every position and the log probability of every token; and the same products alone (gemm_*): each layer's
 * and the head's matrix shapes, on the weights' own sizes, as single-threaded SGEMM calls running on THREADS threads at
 * once.
 */
#include <cblas.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/benchmarks/benchmark.h"
#include "model/engine.h"
#include "model/tokenizer/tokenizer.h"
#include "stages/plan/plan.h"

struct bench {
    struct fs_model *model;
    const struct fs_spec *spec;
    struct fs_tokenizer *tokenizer;
    struct fs_plan *plan;
    size_t threads, repeats;
    struct fs_workspace **workspace; /* [threads] */
    float *weights;                  /* as many numbers as all matrices of the model */
    struct fs_error err;
};

static void fail(const struct bench *bench)
{
    fprintf(stderr, "bench_forward: %s\n", bench->err.text);
    exit(bench->err.code == 0 ? FS_EXIT_SOFTWARE : bench->err.code);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Every token of every sentence is read: masked models at its own position, causal ones at the position before. */
static void add_sentence(struct bench *bench, const char *text)
{
    struct fs_encoding encoding;
    if (fs_tokenizer_encode(bench->tokenizer, text, strlen(text), &encoding, &bench->err) != 0) {
        fail(bench);
    }
    const struct fs_special_tokens *special = fs_tokenizer_special(bench->tokenizer);
    bool masked = bench->spec->kind == FS_MASKED;
    int32_t *id = fs_allocate(encoding.count + 2, sizeof *id, "ids", &bench->err);
    if (id == NULL) {
        fail(bench);
    }
    size_t count = 0;
    if (masked) {
        id[count++] = special->cls;
    }
    memcpy(id + count, encoding.id, encoding.count * sizeof *id);
    count += encoding.count;
    if (masked) {
        id[count++] = special->sep;
    }
    size_t pass, read;
    if (fs_plan_add_pass(bench->plan, id, count, &pass, &bench->err) != 0) {
        fail(bench);
    }
    for (size_t position = 0; position < count; position++) {
        size_t next = masked ? position : position + 1;
        int32_t token = next < count ? id[next] : id[position];
        if (fs_plan_add_read(bench->plan, pass, position, token, &read, &bench->err) != 0) {
            fail(bench);
        }
    }
    free(id);
    fs_encoding_release(&encoding);
}

/* Seconds for one sweep over all units. */
static double forward(struct bench *bench, bool head)
{
    size_t units = fs_plan_units(bench->plan);
    bool failed = false;
    double begin = now();
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)bench->threads)
    for (size_t index = 0; index < units; index++) {
        struct fs_plan_unit unit;
        fs_plan_get_unit(bench->plan, index, &unit);
        struct fs_workspace *workspace = bench->workspace[omp_get_thread_num()];
        const struct fs_pass pass = {bench->model, workspace, &unit.batch, NULL};
        size_t reads = unit.reads.first[unit.reads.rows];
        float *h = fs_allocate_aligned(unit.batch.tokens * bench->spec->hidden, sizeof *h, "h", NULL);
        float *logprob = fs_allocate_aligned(reads, sizeof *logprob, "logprob", NULL);
        struct fs_error err = FS_ERROR_INIT;
        if (h == NULL || logprob == NULL || fs_embed(bench->model, workspace, &unit.batch, NULL, h, &err) != 0 ||
            fs_run_layers(&pass, 0, bench->spec->layers, h, &err) != 0 ||
            (head && fs_read_logprobs(bench->model, workspace, h, &unit.reads, logprob, NULL, &err) != 0)) {
#pragma omp critical
            {
                failed = true;
                bench->err = err;
            }
        }
        free(h);
        free(logprob);
    }
    double seconds = now() - begin;
    if (failed) {
        fail(bench);
    }
    return seconds;
}

static void product(size_t rows, size_t in, size_t out, const float *a, const float *w, float *y)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)out, (int)in, 1.0F, a, (int)in, w, (int)in,
                0.0F, y, (int)out);
}

/* The products of one forward sweep and nothing else: seconds; `flops` receives their operations. */
static double products(struct bench *bench, bool head, double *flops)
{
    const struct fs_spec *s = bench->spec;
    size_t units = fs_plan_units(bench->plan);
    size_t d = s->hidden, q = s->heads * s->head_size, kv = s->key_value_heads * s->head_size;
    size_t F = fs_spec_inner_width(s); /* all layers alike */
    size_t widest = 3 * F > q + 2 * kv ? 3 * F : q + 2 * kv;
    size_t ffn_in = fs_spec_gated(s) ? 2 * F : F;
    size_t layer_numbers = d * (q + 2 * kv) + q * d + d * ffn_in + F * d;
    double operations = 0;
    double begin = now();
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)bench->threads) reduction(+ : operations)
    for (size_t index = 0; index < units; index++) {
        struct fs_plan_unit unit;
        fs_plan_get_unit(bench->plan, index, &unit);
        size_t rows = unit.batch.tokens;
        size_t chunk = FS_HEAD_NUMBERS / s->vocabulary;
        size_t out_numbers = rows * widest > FS_HEAD_NUMBERS ? rows * widest : FS_HEAD_NUMBERS;
        static _Thread_local float *a, *y;
        static _Thread_local size_t held;
        if (held < out_numbers) {
            free(a);
            free(y);
            a = fs_allocate_aligned(rows * widest + FS_UNIT_TOKENS * widest, sizeof *a, "a", NULL);
            y = fs_allocate_aligned(out_numbers, sizeof *y, "y", NULL);
            held = out_numbers;
            memset(a, 0, (rows * widest + FS_UNIT_TOKENS * widest) * sizeof *a);
            memset(y, 0, out_numbers * sizeof *y);
        }
        const float *w = bench->weights;
        for (size_t layer = 0; layer < s->layers; layer++, w += layer_numbers) {
            const float *part = w;
            product(rows, d, q + 2 * kv, a, part, y);
            part += d * (q + 2 * kv);
            product(rows, q, d, a, part, y);
            part += q * d;
            product(rows, d, ffn_in, a, part, y);
            part += d * ffn_in;
            product(rows, F, d, a, part, y);
        }
        operations += 2.0 * (double)rows * (double)layer_numbers * (double)s->layers;
        if (head) {
            for (size_t row = 0; row < rows; row += chunk) {
                product(rows - row < chunk ? rows - row : chunk, d, s->vocabulary, a, w, y);
            }
            operations += 2.0 * (double)rows * (double)d * (double)s->vocabulary;
        }
    }
    *flops = operations;
    return now() - begin;
}

static double median_of(double *seconds, size_t count)
{
    qsort(seconds, count, sizeof *seconds, by_value);
    return count % 2 == 1 ? seconds[count / 2] : 0.5 * (seconds[count / 2 - 1] + seconds[count / 2]);
}

int main(int argc, char **argv)
{
    struct bench bench = {.err = FS_ERROR_INIT};
    if (argc != 6) {
        fprintf(stderr, "usage: bench_forward MODEL_FOLDER STEREOSET_JSON THREADS REPEATS SENTENCES\n");
        return FS_EXIT_USAGE;
    }
    bench.threads = strtoul(argv[3], NULL, 10);
    bench.repeats = strtoul(argv[4], NULL, 10);
    size_t sentences = strtoul(argv[5], NULL, 10);
    struct fs_pair_list pairs = {0};
    if (bench.threads == 0 || bench.repeats == 0 || fs_model_load(argv[1], &bench.model, &bench.err) != 0 ||
        fs_tokenizer_open(argv[1], &bench.tokenizer, &bench.err) != 0 ||
        fs_stereoset_read(argv[2], NULL, &pairs, &bench.err) != 0 || fs_plan_create(&bench.plan, &bench.err) != 0) {
        fail(&bench);
    }
    bench.spec = fs_model_spec(bench.model);
    if (sentences == 0 || sentences > 3 * pairs.count) {
        sentences = 3 * pairs.count;
    }
    for (size_t i = 0; i < sentences; i++) {
        add_sentence(&bench, pairs.item[i / 3].statement[i % 3].text);
    }
    if (fs_plan_seal(bench.plan, fs_plan_limits_of(bench.spec, FS_UNIT_TOKENS), &bench.err) != 0) {
        fail(&bench);
    }
    const struct fs_spec *s = bench.spec;
    size_t numbers =
        s->layers * s->hidden *
            (2 * s->heads * s->head_size + 2 * s->key_value_heads * s->head_size + 3 * fs_spec_inner_width(s)) +
        s->hidden * s->vocabulary;
    bench.weights = fs_allocate_aligned(numbers, sizeof *bench.weights, "weights", &bench.err);
    bench.workspace = fs_allocate(bench.threads, sizeof(struct fs_workspace *), "workspaces", &bench.err);
    if (bench.weights == NULL || bench.workspace == NULL) {
        fail(&bench);
    }
    for (size_t i = 0; i < numbers; i++) {
        bench.weights[i] = (float)(i % 97) * 1e-3F;
    }
    for (size_t thread = 0; thread < bench.threads; thread++) {
        if (fs_workspace_create(bench.model, &bench.workspace[thread], &bench.err) != 0) {
            fail(&bench);
        }
    }

    /* Forward and products alternate, so that a drift of the machine's speed meets both. */
    double *seconds = fs_allocate(4 * bench.repeats, sizeof *seconds, "times", &bench.err);
    if (seconds == NULL) {
        fail(&bench);
    }
    double flops[2] = {0, 0};
    forward(&bench, true);
    for (size_t repeat = 0; repeat < bench.repeats; repeat++) {
        for (int head = 0; head < 2; head++) {
            seconds[(size_t)(2 * head) * bench.repeats + repeat] = forward(&bench, head != 0);
            seconds[(size_t)(2 * head + 1) * bench.repeats + repeat] = products(&bench, head != 0, &flops[head]);
        }
    }
    double tokens = (double)fs_plan_given_tokens(bench.plan);
    printf("{\"tokens\": %.0f, \"threads\": %zu, \"repeats\": %zu, \"core\": \"%s\"", tokens, bench.threads,
           bench.repeats, openblas_get_corename());
    const char *name[2] = {"hidden", "full"};
    for (int head = 0; head < 2; head++) {
        double own = median_of(seconds + (size_t)(2 * head) * bench.repeats, bench.repeats);
        double gemm = median_of(seconds + (size_t)(2 * head + 1) * bench.repeats, bench.repeats);
        printf(
            ", \"%s\": {\"seconds\": %.4f, \"tokens_per_second\": %.1f, \"gemm_seconds\": %.4f, \"gemm_gflops\": %.1f, "
            "\"share_of_gemm_rate\": %.4f}",
            name[head], own, tokens / own, gemm, flops[head] / gemm * 1e-9, gemm / own);
    }
    printf("}\n");

    for (size_t thread = 0; thread < bench.threads; thread++) {
        fs_workspace_destroy(bench.workspace[thread]);
    }
    free(bench.workspace);
    free(bench.weights);
    free(seconds);
    fs_plan_destroy(bench.plan);
    fs_pair_list_release(&pairs);
    fs_tokenizer_destroy(bench.tokenizer);
    fs_model_destroy(bench.model);
    return 0;
}
