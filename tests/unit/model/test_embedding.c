/* What comes before the layers and behind them: embeddings of another size, shared layers, states, capped logits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "model/engine_parts.h"
#include "model/families/family.h"
#include "support.h"
#include "tests/unit/model/reals.h"

static struct fs_model *load_golden(const char *name)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/%s", golden_path("models"), name);
    return load_model(folder);
}

/* ---- mean states ---- */

static void check_states(const char *name, const struct fs_batch *batch, const cJSON *expected)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_workspace *workspace;
    struct fs_model *model = load_golden(name);
    const struct fs_spec *spec = fs_model_spec(model);
    size_t width = fs_spec_state_width(spec);
    fs_real *h = numbers(batch->tokens * spec->hidden);
    double *mean = calloc(width, sizeof *mean), worst = 0.0;
    assert_non_null(mean);
    assert_int_equal((size_t)cJSON_GetArraySize(expected), width);
    assert_int_equal(fs_workspace_create(model, &workspace, &err), 0);
    const struct fs_pass pass = {model, workspace, batch, NULL};
    assert_int_equal(fs_embed(model, workspace, batch, NULL, h, &err), 0);
    assert_int_equal(fs_run_layers(&pass, 0, spec->layers, h, &err), 0);
    assert_int_equal(fs_read_mean_states(&pass, h, mean, &err), 0);
    for (size_t i = 0; i < width; i++) {
        double difference = fabs(mean[i] - cJSON_GetArrayItem(expected, (int)i)->valuedouble);
        worst = difference <= worst ? worst : difference;
    }
    print_message("%-26s %zu numbers, worst difference %.1e\n", name, width, worst);
    assert_true(worst <= bound_log_p(spec)); /* states are no larger than logits */
    free(h);
    free(mean);
    fs_workspace_destroy(workspace);
    fs_model_destroy(model);
}

/* transformers' last_hidden_state: behind final norm and output projection, where a model has them. */
static void test_mean_states(void **state)
{
    (void)state;
    enum { MOST = 16 };
    struct fs_error err = FS_ERROR_INIT;
    struct fs_json_document *document;
    int32_t token[MOST];
    assert_int_equal(fs_json_load(golden_path("states.json"), &document, &err), 0);
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(fs_json_root(document), "ids");
    size_t start[2] = {0, (size_t)cJSON_GetArraySize(ids)};
    assert_true(start[1] > 0 && start[1] <= MOST);
    for (size_t i = 0; i < start[1]; i++) {
        token[i] = (int32_t)cJSON_GetArrayItem(ids, (int)i)->valuedouble;
    }
    const struct fs_batch batch = {1, start[1], token, start, NULL, NULL};
    const cJSON *means = cJSON_GetObjectItemCaseSensitive(fs_json_root(document), "mean");
    assert_true(cJSON_GetArraySize(means) > 5);
    for (const cJSON *mean = means->child; mean != NULL; mean = mean->next) {
        check_states(mean->string, &batch, mean);
    }
    fs_json_destroy(document);
}

/* ---- noise ---- */

/* The difference of two words' embeddings as noise makes the one the other, wherever scale, projection and norm are. */
static void test_noise(void **state)
{
    (void)state;
    static const char *const names[] = {"bert-tiny",     "albert-tiny", "albert-groups-bf16", "opt-projected-bf16",
                                        "opt-bare-bf16", "gemma-tiny",  "granite-f16"};
    static const size_t starts[2] = {0, 3};
    for (size_t m = 0; m < sizeof names / sizeof *names; m++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_workspace *workspace;
        struct fs_model *model = load_golden(names[m]);
        size_t d = fs_model_spec(model)->hidden, E = fs_spec_embedding(fs_model_spec(model));
        int32_t token[3] = {7, 11, 7};
        const struct fs_batch batch = {1, 3, token, starts, NULL, NULL};
        fs_real *noise = numbers(3 * E), *other = numbers(E), *noised = numbers(3 * d), *plain = numbers(3 * d);
        assert_int_equal(fs_workspace_create(model, &workspace, &err), 0);
        assert_int_equal(fs_model_word_embedding(model, 30, noise + E, &err), 0);
        assert_int_equal(fs_model_word_embedding(model, token[1], other, &err), 0);
        for (size_t i = 0; i < E; i++) {
            noise[E + i] -= other[i];
        }
        assert_int_equal(fs_embed(model, workspace, &batch, noise, noised, &err), 0);
        token[1] = 30;
        assert_int_equal(fs_embed(model, workspace, &batch, NULL, plain, &err), 0);
        for (size_t i = 0; i < 3 * d; i++) {
            assert_true(fabs((double)(noised[i] - plain[i])) <= 30.0 * bound_f32((double)E));
        }
        assert_memory_equal(noised, plain, d * sizeof *plain); /* where there is no noise */
        free(noise);
        free(other);
        free(noised);
        free(plain);
        fs_workspace_destroy(workspace);
        fs_model_destroy(model);
    }
}

/* ---- shared layers ---- */

/* 3 passes through 2 groups of 2 layers: the first two passes go through the first group. */
static void test_shared_layers(void **state)
{
    (void)state;
    static const size_t like[6] = {0, 1, 0, 1, 4, 5};
    struct fs_model *model = load_golden("albert-groups-bf16");
    const struct fs_spec *spec = fs_model_spec(model);
    size_t distinct = 0, converted = 0;
    assert_int_equal(spec->layers, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(fs_spec_first_like(spec, i), like[i]);
        for (size_t j = 0; j < 6; j++) {
            assert_true((model->layer[i].up.weight.data == model->layer[j].up.weight.data) == (like[i] == like[j]));
            assert_true((model->layer[i].norm[0].gain == model->layer[j].norm[0].gain) == (like[i] == like[j]));
        }
    }
    for (size_t i = 0; i < model->bindings; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++) {
            seen = model->binding[j].tensor == model->binding[i].tensor;
        }
        const struct fs_binding *binding = &model->binding[i];
        size_t bytes = binding->tensor->elements * (binding->type == FS_MATRIX_REAL ? sizeof(fs_real) : 2);
        distinct += seen ? 0 : 1;
        if (!seen && (binding->type == FS_MATRIX_REAL || (uintptr_t)binding->tensor->data % 2 != 0)) {
            converted += (bytes + 63) / 64 * 64;
        }
    }
    assert_true(distinct < model->bindings);
    assert_int_equal(
        fs_model_converted_bytes(model),
        converted); /* BF16 throughout: each tensor once; matrices as they are, and only where they lie at odd addresses */
    fs_model_destroy(model);
}

/* transformers divides in floating point; groups need not divide the passes. */
static void test_layer_groups(void **state)
{
    (void)state;
    static const struct {
        size_t passes, groups, group[12];
    } cases[] = {
        {12, 1, {0}},
        {12, 12, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
        {12, 5, {0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4}},
        {7, 3, {0, 0, 0, 1, 1, 2, 2}},
        {3, 6, {0, 2, 4}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const struct fs_spec spec = {.layers = cases[c].passes, .layer_groups = cases[c].groups, .group_layers = 1};
        for (size_t i = 0; i < cases[c].passes; i++) {
            size_t number[2];
            fs_spec_stored_layer(&spec, i, number);
            assert_int_equal(number[0], cases[c].group[i]);
            assert_int_equal(number[1], 0);
        }
    }
}

/* ---- logits ---- */

/* A vocabulary of several panels: reads of single tokens are those of the whole distributions, which sum to 1. */
static void test_capped_panels(void **state)
{
    (void)state;
    enum { VOCABULARY = 1300, TOKENS = 3, READS = 4 };
    struct fs_error err = FS_ERROR_INIT;
    struct fs_spec spec;
    struct fs_model *golden = load_golden("gemma2-f16"), *model;
    struct fs_workspace *workspace;
    assert_int_equal(fs_spec_copy(fs_model_spec(golden), &spec, &err), 0);
    fs_model_destroy(golden);
    spec.vocabulary = VOCABULARY;
    spec.logit_scale = 8.0;
    spec.logit_cap = 2.0;
    assert_int_equal(fs_model_random(&spec, &model, &err), 0);
    assert_int_equal(fs_workspace_create(model, &workspace, &err), 0);
    static const int32_t token[READS] = {0, 511, 512, VOCABULARY - 1};
    static const size_t row[1] = {1}, first[2] = {0, READS};
    const struct fs_reads reads = {1, row, first, token, NULL};
    fs_real *h = numbers(TOKENS * spec.hidden), *all = numbers(VOCABULARY), read[READS];
    uint64_t seed = 1;
    for (size_t i = 0; i < TOKENS * spec.hidden; i++) {
        h[i] = (fs_real)noise(&seed);
    }
    int32_t top = -1;
    double sum = 0.0, least = 0.0, most = -1e9;
    assert_int_equal(fs_read_logprobs(model, workspace, h, &reads, read, &top, &err), 0);
    assert_int_equal(fs_read_distributions(model, workspace, h, 1, row, all, &err), 0);
    for (size_t v = 0; v < VOCABULARY; v++) {
        sum += exp((double)all[v]);
        least = fmin(least, (double)all[v]);
        most = fmax(most, (double)all[v]);
        assert_true(all[v] <= all[top]);
    }
    assert_true(fabs(sum - 1.0) < bound_f32(VOCABULARY));
    assert_true(most - least > 1.0 && most - least < 4.0); /* the cap acts, and holds */
    for (size_t i = 0; i < READS; i++) {
        assert_true(fabs((double)read[i] - (double)all[token[i]]) < 8.0 * bound_f32(1.0));
    }
    free(h);
    free(all);
    fs_workspace_destroy(workspace);
    fs_model_destroy(model);
    fs_spec_release(&spec);
}

/* More rows than are taken at once: each has the gradient that it has by itself. */
static void test_capped_gradients(void **state)
{
    (void)state;
    enum { VOCABULARY = 1030, ROWS = 515 };
    static const size_t some[] = {0, 511, 512, 514};
    struct fs_error err = FS_ERROR_INIT;
    struct fs_spec spec;
    struct fs_model *golden = load_golden("gemma2-f16"), *model;
    struct fs_workspace *workspace;
    assert_int_equal(fs_spec_copy(fs_model_spec(golden), &spec, &err), 0);
    fs_model_destroy(golden);
    spec.vocabulary = VOCABULARY;
    spec.logit_scale = 8.0;
    assert_int_equal(fs_model_random(&spec, &model, &err), 0);
    assert_int_equal(fs_workspace_create(model, &workspace, &err), 0);
    size_t d = spec.hidden;
    fs_real *h = numbers(ROWS * d), *dlogits = numbers((size_t)ROWS * VOCABULARY), *all = numbers(ROWS * d);
    uint64_t seed = 2;
    for (size_t i = 0; i < ROWS * d; i++) {
        h[i] = (fs_real)noise(&seed);
    }
    for (size_t i = 0; i < (size_t)ROWS * VOCABULARY; i++) {
        dlogits[i] = (fs_real)noise(&seed);
    }
    const struct fs_head_kept kept = {h, NULL};
    const fs_real *found = fs_head_backward(model, workspace, &kept, ROWS, dlogits, NULL, &err);
    assert_non_null(found);
    memcpy(all, found, ROWS * d * sizeof *all);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        const struct fs_head_kept one = {h + some[i] * d, NULL};
        found = fs_head_backward(model, workspace, &one, 1, dlogits + some[i] * VOCABULARY, NULL, &err);
        assert_non_null(found);
        double largest = 0.0;
        for (size_t j = 0; j < d; j++) {
            largest = fmax(largest, fabs((double)found[j]));
            assert_true(fabs((double)found[j] - (double)all[some[i] * d + j]) < 40.0 * bound_f32(VOCABULARY));
        }
        assert_true(largest > 1.0);
    }
    free(h);
    free(dlogits);
    free(all);
    fs_workspace_destroy(workspace);
    fs_model_destroy(model);
    fs_spec_release(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mean_states),   cmocka_unit_test(test_noise),
        cmocka_unit_test(test_shared_layers), cmocka_unit_test(test_layer_groups),
        cmocka_unit_test(test_capped_panels), cmocka_unit_test(test_capped_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
