/* The forward pass against transformers' log probabilities (golden folders: test_families.c), and what holds between its
 * calls. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/edits/stamp_net.h"
#include "support.h"
#include "tests/unit/bounds.h"

static void compare(const char *name, const char *folder, const char *jsonl)
{
    struct fs_model *model = load_model(folder);
    struct texts texts;
    texts_load(jsonl, folder, fs_model_spec(model), &texts);
    fs_real *logprob = malloc(texts.reads * sizeof *logprob);
    assert_non_null(logprob);
    texts_run(model, &texts, 512, logprob);
    double worst = 0.0;
    for (size_t i = 0; i < texts.reads; i++) {
        double difference = fabs((double)logprob[i] - texts.expected[i]);
        worst = difference <= worst ? worst : difference; /* NaN becomes the worst */
    }
    double bound = bound_log_p(fs_model_spec(model));
    print_message("%-22s %5zu log probabilities, worst difference %.1e of %.1e\n", name, texts.reads, worst, bound);
    assert_true(worst <= bound);
    free(logprob);
    texts_release(&texts);
    fs_model_destroy(model);
}

static void test_shared_models(void **state)
{
    (void)state;
    static const char *const names[] = {"books-bert-mini", "books-gpt2-mini", "stories260K-hf", "TinyStories-656K"};
    if (shared_path("models") == NULL) {
        print_message("skipped: no shared data\n");
        skip();
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char folder[4096], jsonl[4096];
        snprintf(folder, sizeof folder, "%s/%s", shared_path("models"), names[i]);
        snprintf(jsonl, sizeof jsonl, "%s/%s.jsonl", golden_path("shared"), names[i]);
        compare(names[i], folder, jsonl);
    }
}

/*
 * Products in BF16 of folders in BF16 against the same numbers. What a product multiplies by is rounded by up to 2^-8 of it:
 * 2^-8 of a logit, up to 8 in these models, for one product, and as random signs let the layers' add up, four times that.
 * Not float32 by mistake: some number differs by more than float32's bound. No experts: a router near a tie chooses another.
 */
static void test_bf16_products(void **state)
{
    (void)state;
    static const char *const names[] = {"bert-own-head-bf16", "gpt2-own-head-bf16", "llama-biases-bf16",
                                        "cohere-norms-bf16", "deberta-v2-convolution-bf16"};
    const struct fs_compute compute = {FS_COMPUTE_BF16, NULL};
    const struct fs_backend *backend = fs_backend_choose(&compute);
    const char *why = fs_backend_unusable(backend);
    if (why != NULL) {
        print_message("skipped: %s\n", why);
        skip();
    }
    double worst = 0.0;
    for (size_t m = 0; m < sizeof names / sizeof *names; m++) {
        char folder[4096], jsonl[4096];
        snprintf(folder, sizeof folder, "%s/%s", golden_path("models"), names[m]);
        snprintf(jsonl, sizeof jsonl, "%s/%s/logprobs.jsonl", golden_path("models"), names[m]);
        struct fs_model *model = load_model(folder);
        struct fs_error err = FS_ERROR_INIT;
        assert_int_equal(fs_model_compute(model, &compute, &err), 0);
        struct texts texts;
        texts_load(jsonl, folder, fs_model_spec(model), &texts);
        fs_real *logprob = malloc(texts.reads * sizeof *logprob), *again = malloc(texts.reads * sizeof *again);
        assert_true(logprob != NULL && again != NULL);
        texts_run(model, &texts, 512, logprob);
        texts_run(model, &texts, 512, again);
        assert_memory_equal(logprob, again, texts.reads * sizeof *again);
        double own = 0.0;
        for (size_t i = 0; i < texts.reads; i++) {
            double difference = fabs((double)logprob[i] - texts.expected[i]);
            own = difference <= own ? own : difference;
        }
        print_message("%-28s worst difference %.1e\n", names[m], own);
        assert_true(own > bound_log_p(fs_model_spec(model)));
        worst = own <= worst ? worst : own;
        free(logprob);
        free(again);
        texts_release(&texts);
        fs_model_destroy(model);
    }
    assert_true(worst <= 4.0 * 8.0 * 0x1p-8);
}

/* A model without matrices of BF16, a backend without the type: the key is named, on processors with BF16 and without. */
static void test_compute_refused(void **state)
{
    (void)state;
    struct fs_model *model = load_model(golden_path("models/gpt2-f16-shards"));
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(fs_model_compute(model, &(struct fs_compute){FS_COMPUTE_BF16, "openblas"}, &err), -1);
    assert_int_equal(err.code, FS_EXIT_CONFIG);
    assert_non_null(strstr(err.text, "compute.backend openblas"));
    assert_int_equal(fs_model_compute(model, &(struct fs_compute){FS_COMPUTE_BF16, "auto"}, &err), -1);
    assert_int_equal(err.code, FS_EXIT_CONFIG);
    assert_non_null(strstr(err.text, "compute.type bf16"));
    assert_non_null(strstr(err.text, ".safetensors: "));              /* where the weights are */
    assert_ptr_equal(fs_model_backend(model), fs_backend_find(NULL)); /* as before */
    assert_int_equal(fs_model_compute(model, &(struct fs_compute){FS_COMPUTE_F32, "openblas"}, &err), 0);
    fs_model_destroy(model);
}

/* The same sequences one by one, and packed. */
static void test_batches_agree(void **state)
{
    (void)state;
    static const char *const names[] = {
        "bert-tiny",         "gpt2-tiny",     "llama-grouped",     "roberta-late-pad-bf16",      "bloom-six-heads",
        "falcon-alibi-bf16", "olmo2-grouped", "deberta-v2-shared", "deberta-v2-convolution-bf16"};
    for (size_t m = 0; m < sizeof names / sizeof *names; m++) {
        char folder[4096], jsonl[4096];
        snprintf(folder, sizeof folder, "%s/%s", golden_path("models"), names[m]);
        snprintf(jsonl, sizeof jsonl, "%s/%s/logprobs.jsonl", golden_path("models"), names[m]);
        struct fs_model *model = load_model(folder);
        struct texts texts;
        texts_load(jsonl, folder, fs_model_spec(model), &texts);
        fs_real *alone = malloc(texts.reads * sizeof *alone), *packed = malloc(texts.reads * sizeof *packed);
        fs_real *again = malloc(texts.reads * sizeof *again);
        assert_true(alone != NULL && packed != NULL && again != NULL);
        texts_run(model, &texts, 1, alone);
        texts_run(model, &texts, 700, packed);
        texts_run(model, &texts, 700, again);
        for (size_t i = 0; i < texts.reads; i++) {
            assert_true(fabs((double)alone[i] - (double)packed[i]) <= bound_log_p(fs_model_spec(model)));
        }
        assert_memory_equal(packed, again, texts.reads * sizeof *again);
        free(alone);
        free(packed);
        free(again);
        texts_release(&texts);
        fs_model_destroy(model);
    }
}

/* ---- one small batch in detail ---- */

enum { TOKENS = 23 };
static const size_t starts[] = {0, 9, 10, 23};

struct small {
    struct fs_model *model;
    struct fs_workspace *workspace;
    struct fs_batch batch;
    int32_t token[TOKENS];
    size_t d, layers;
};

static void small_open(struct small *small, const char *name)
{
    char rest[256];
    snprintf(rest, sizeof rest, "models/%s", name);
    struct fs_error err = FS_ERROR_INIT;
    small->model = load_model(golden_path(rest));
    assert_int_equal(fs_workspace_create(small->model, &small->workspace, &err), 0);
    const struct fs_spec *spec = fs_model_spec(small->model);
    for (size_t t = 0; t < TOKENS; t++) {
        small->token[t] = (int32_t)((37 * t + 11) % spec->vocabulary);
    }
    small->batch = (struct fs_batch){3, TOKENS, small->token, starts, NULL, NULL};
    small->d = spec->hidden;
    small->layers = spec->layers;
}

static void small_close(struct small *small)
{
    fs_workspace_destroy(small->workspace);
    fs_model_destroy(small->model);
}

static fs_real *states(const struct small *small)
{
    fs_real *h = malloc(TOKENS * small->d * sizeof *h);
    assert_non_null(h);
    return h;
}

static void run(struct small *small, size_t first, size_t last, const struct fs_edit *edit, fs_real *h)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_pass pass = {small->model, small->workspace, &small->batch, edit};
    if (fs_run_layers(&pass, first, last, h, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static void embed(struct small *small, const fs_real *added, fs_real *h)
{
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(fs_embed(small->model, small->workspace, &small->batch, added, h, &err), 0);
}

/* A fresh stamp changes no bit; a trained one does; splitting the run changes no bit. */
static void check_stamp(const char *name)
{
    struct small small;
    struct fs_error err = FS_ERROR_INIT;
    small_open(&small, name);
    size_t bytes = TOKENS * small.d * sizeof(fs_real);
    fs_real *entry = states(&small), *plain = states(&small), *stamped = states(&small);
    fs_real *x = states(&small), *base = malloc(fs_base_matrices(fs_model_spec(small.model)) * bytes);
    fs_real *h = states(&small);
    assert_non_null(base);
    embed(&small, NULL, entry);
    memcpy(plain, entry, bytes);
    run(&small, 0, small.layers, NULL, plain);
    for (size_t layer = 0; layer < small.layers; layer++) {
        struct fs_stamp stamp;
        assert_int_equal(fs_stamp_create(layer, small.d, 19, 7, &stamp, &err), 0);
        const struct fs_edit edit = fs_stamp_edit(&stamp);
        const struct fs_pass unedited = {small.model, small.workspace, &small.batch, NULL};
        const struct fs_pass edited = {small.model, small.workspace, &small.batch, &edit};
        for (int trained = 0; trained < 2; trained++) {
            memcpy(stamped, entry, bytes);
            run(&small, 0, small.layers, &edit, stamped);
            assert_int_equal(memcmp(stamped, plain, bytes) != 0, trained);

            memcpy(h, entry, bytes);
            run(&small, 0, layer, NULL, h);
            assert_int_equal(fs_run_to_ffn(&unedited, layer, h, x, base, &err), 0);
            assert_int_equal(fs_join_ffn(&edited, layer, x, base, h, &err), 0);
            run(&small, layer + 1, small.layers, &edit, h);
            assert_memory_equal(h, stamped, bytes);

            assert_int_equal(fs_join_ffn(&unedited, layer, x, base, h, &err), 0);
            run(&small, layer + 1, small.layers, NULL, h);
            assert_memory_equal(h, plain, bytes);

            fs_real *value_bias = stamp.parameters + fs_stamp_offset_value_bias(&stamp);
            for (size_t j = 0; j < small.d; j++) {
                value_bias[j] = (fs_real)(0.01 * (double)(j % 5));
            }
        }
        fs_stamp_release(&stamp);
    }
    free(entry);
    free(plain);
    free(stamped);
    free(x);
    free(base);
    free(h);
    small_close(&small);
}

static void test_stamp(void **state)
{
    (void)state;
    size_t count;
    char **names = golden_models(&count);
    for (size_t i = 0; i < count; i++) {
        check_stamp(names[i]);
    }
    free_names(names, count);
}

/* A row of h set between two layers: rows of other sequences keep their bits, and so do earlier ones where causal. */
static void check_patch(const char *name)
{
    struct small small;
    small_open(&small, name);
    bool causal = fs_model_spec(small.model)->kind == FS_CAUSAL;
    size_t bytes = TOKENS * small.d * sizeof(fs_real), row_bytes = small.d * sizeof(fs_real);
    size_t where = 13; /* position 3 of the third sequence */
    fs_real *added = calloc(TOKENS * small.d, sizeof *added), *h = states(&small), *plain = states(&small);
    fs_real *other = states(&small);
    assert_non_null(added);
    uint64_t seed = 1;
    for (size_t i = 0; i < TOKENS * small.d; i++) {
        added[i] = (fs_real)noise(&seed);
    }
    embed(&small, added, other);
    run(&small, 0, 1, NULL, other);
    embed(&small, NULL, h);
    memcpy(plain, h, bytes);
    assert_memory_not_equal(plain, other, bytes);
    run(&small, 0, small.layers, NULL, plain);
    run(&small, 0, 1, NULL, h);
    memcpy(h + where * small.d, other + where * small.d, row_bytes);
    run(&small, 1, small.layers, NULL, h);
    for (size_t t = 0; t < TOKENS; t++) {
        bool touched = t >= (causal ? where : starts[2]);
        assert_int_equal(memcmp(h + t * small.d, plain + t * small.d, row_bytes) != 0, touched);
    }
    free(added);
    free(h);
    free(plain);
    free(other);
    small_close(&small);
}

static void test_patch(void **state)
{
    (void)state;
    check_patch("bert-tiny");
    check_patch("gpt2-tiny");
    check_patch("llama-grouped");
}

/* Whole distributions: they sum to one, agree with the read-outs, and name the same top token. */
static void check_reads(const char *name)
{
    struct small small;
    struct fs_error err = FS_ERROR_INIT;
    small_open(&small, name);
    size_t V = fs_model_spec(small.model)->vocabulary;
    double bound = bound_log_p(fs_model_spec(small.model));
    fs_real *h = states(&small);
    embed(&small, NULL, h);
    run(&small, 0, small.layers, NULL, h);
    static const size_t row[] = {0, 22, 9, 9, 4};
    static const size_t first[] = {0, 2, 2, 5, 6, 7};
    int32_t token[] = {3, 0, (int32_t)V - 1, 5, 5, 9, 8}, top[5];
    fs_real logprob[7], *whole = malloc(5 * V * sizeof *whole);
    assert_non_null(whole);
    struct fs_reads reads = {5, row, first, token, NULL};
    assert_int_equal(fs_read_logprobs(small.model, small.workspace, h, &reads, logprob, top, &err), 0);
    assert_int_equal(fs_read_distributions(small.model, small.workspace, h, 5, row, whole, &err), 0);
    for (size_t r = 0; r < 5; r++) {
        double sum = 0.0;
        size_t best = 0;
        for (size_t v = 0; v < V; v++) {
            sum += exp((double)whole[r * V + v]);
            best = whole[r * V + v] > whole[r * V + best] ? v : best;
        }
        assert_true(fabs(sum - 1.0) < bound);
        assert_int_equal(top[r], best);
        for (size_t i = first[r]; i < first[r + 1]; i++) {
            assert_true(fabs((double)logprob[i] - (double)whole[r * V + (size_t)token[i]]) < bound);
        }
    }
    token[3] = (int32_t)V;
    assert_int_equal(fs_read_logprobs(small.model, small.workspace, h, &reads, logprob, top, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    free(whole);
    free(h);
    small_close(&small);
}

static void test_reads(void **state)
{
    (void)state;
    check_reads("bert-own-head-bf16");
    check_reads("gpt2-tiny");
    check_reads("llama-f16-shards");
}

static void test_hostile_batches(void **state)
{
    (void)state;
    struct small small;
    small_open(&small, "gpt2-tiny");
    fs_real *h = states(&small);
    size_t V = fs_model_spec(small.model)->vocabulary, longest = fs_model_spec(small.model)->max_positions;
    const int32_t bad[] = {-1, (int32_t)V, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < 4; i++) {
        struct fs_error err = FS_ERROR_INIT;
        int32_t kept = small.token[12];
        small.token[12] = bad[i];
        assert_int_equal(fs_embed(small.model, small.workspace, &small.batch, NULL, h, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
        small.token[12] = kept;
    }
    int32_t *many = calloc(longest + 1, sizeof *many);
    assert_non_null(many);
    const size_t cases[][3] = {{0, longest + 1, longest + 1}, {0, 5, 5}, {1, 2, 3}, {0, 7, 3}};
    for (size_t i = 0; i < 4; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_batch batch = {i == 0 ? 1 : 2, cases[i][i == 0 ? 1 : 2], many, cases[i], NULL, NULL};
        assert_int_equal(fs_batch_check(small.model, &batch, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
    }
    free(many);
    free(h);
    small_close(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_models),   cmocka_unit_test(test_bf16_products),
        cmocka_unit_test(test_compute_refused), cmocka_unit_test(test_batches_agree),
        cmocka_unit_test(test_stamp),           cmocka_unit_test(test_patch),
        cmocka_unit_test(test_reads),           cmocka_unit_test(test_hostile_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
