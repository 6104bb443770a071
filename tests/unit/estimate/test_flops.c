/* FLOPs of small shapes, worked by hand; numbers of weights, held against the tensors of golden models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "io/formats/tensor_store.h"
#include "model/edits/stamp_net.h"
#include "model/families/config.h"
#include "model/families/families.h"
#include "model/flops.h"

/* d 8, H 4, G 2, D 2, V 50, F 16 gated: matrices of a layer 8 x (8 + 8) + 8 x 8 + 3 x 8 x 16 = 576. */
static const struct fs_layer_spec gated_layer = {
    .rotary = {.theta = 10000}, .ffn = 16, .activation = FS_SILU, .gated = true};

static struct fs_spec llama_shape(struct fs_layer_spec layer[3])
{
    for (size_t l = 0; l < 3; l++) {
        layer[l] = gated_layer;
    }
    return (struct fs_spec){.family = fs_family_find("llama"),
                            .kind = FS_CAUSAL,
                            .vocabulary = 50,
                            .hidden = 8,
                            .layers = 3,
                            .heads = 4,
                            .key_value_heads = 2,
                            .head_size = 2,
                            .max_positions = 64,
                            .norm_kind = FS_RMS_NORM,
                            .block = FS_PRE_NORM,
                            .norm_epsilon = 1e-5,
                            .layer = layer};
}

static void layers_and_head_by_hand(void **state)
{
    (void)state;
    struct fs_layer_spec layer[3];
    struct fs_spec spec = llama_shape(layer);
    const int32_t token[10] = {0};
    const size_t start[3] = {0, 7, 10};
    const struct fs_batch batch = {2, 10, token, start, NULL, NULL};
    double squares = fs_batch_squares(&batch);
    assert_true(squares == 49 + 9);
    assert_true(fs_flops_layers(&spec, 1, 2, 10, squares) == 2 * 10 * 576 + 4 * 8 * 58);
    assert_true(fs_flops_layers(&spec, 0, 3, 10, squares) == 3 * (2 * 10 * 576 + 4 * 8 * 58));
    assert_true(fs_flops_layers(&spec, 2, 2, 10, squares) == 0);
    assert_true(fs_flops_layers_backward(&spec, 0, 1, 10, squares) == 2 * 10 * 576 + 8 * 8 * 58);
    assert_true(fs_flops_head(&spec, 3) == 2 * 3 * 8 * 50);
    assert_true(fs_flops_stamp(8, 4, 10) == 2 * (2 * 10 * 4 * 8));          /* two products */
    assert_true(fs_flops_stamp_backward(8, 4, 10) == 3 * (2 * 10 * 4 * 8)); /* and three */
    layer[1].gated = false;                                                 /* 128 + 64 + 256 */
    layer[2].ffn = 32;                                                      /* 128 + 64 + 768 */
    assert_true(fs_flops_layers(&spec, 1, 2, 1, 0) == 2 * 448);
    assert_true(fs_flops_layers(&spec, 0, 3, 1, 0) == 2 * (576 + 448 + 960));
    layer[0].score_cap = 50; /* backward has the scores once more */
    assert_true(fs_flops_layers_backward(&spec, 0, 1, 10, squares) == 2 * 10 * 576 + 10 * 8 * 58);
    /* each term: of a token's query, or key, with 2 n positions, or with 2 S; and 3 matrices more in layer 0 */
    spec.disentangled = (struct fs_disentangled){.span = 64, .content_to_position = true, .position_to_content = true};
    assert_true(fs_flops_layers(&spec, 0, 1, 10, squares) == 2 * 10 * 576 + 4 * 8 * 58 + 2 * 2 * 8 * 2 * 58);
    spec.disentangled.span = 2;
    assert_true(fs_flops_layers(&spec, 0, 1, 10, squares) == 2 * 10 * 576 + 4 * 8 * 58 + 2 * 2 * 8 * 4 * 10);
    spec.disentangled.span = 0;
    layer[0].convolved = true;
    spec.convolution.kernel = 3;
    assert_true(fs_flops_layers(&spec, 0, 1, 10, 0) == 2 * 10 * (576 + 3 * 64));
    spec.family = fs_family_find("bert"); /* a transform before the head */
    assert_true(fs_flops_head(&spec, 3) == 2 * 3 * (8 * 50 + 8 * 8));
}

static void weights_as_stored(void **state)
{
    (void)state;
    /* pooler, masks and a head's second copy are not among the tensors of these */
    static const char *const models[] = {"bert-tiny",
                                         "gpt2-tiny",
                                         "llama-grouped",
                                         "llama-biases-bf16",
                                         "llama-head-size",
                                         "gpt2-own-head-bf16",
                                         "gpt_neo-tiny",
                                         "mistral-window",
                                         "qwen2-windows",
                                         "qwen3-head-size",
                                         "qwen3-biases-bf16",
                                         "distilbert-tiny",
                                         "roberta-tiny",
                                         "ernie-relu",
                                         "bert-cased-f16-shards",
                                         "xlm-roberta-first-pad",
                                         "camembert-no-prefix",
                                         "albert-tiny",
                                         "electra-one-size-f16-shards",
                                         "roberta-prelayernorm-f16",
                                         "modernbert-f16",
                                         "opt-projected-bf16",
                                         "opt-bare-bf16",
                                         "opt-no-final-norm-bf16",
                                         "openai-gpt-f16",
                                         "gemma2-f16",
                                         "gemma3_text-scaled-bf16",
                                         "granite-biases-bf16",
                                         "gpt_bigcode-tiny",
                                         "gpt_bigcode-by-head-f16",
                                         "bloom-six-heads",
                                         "bloom-residual-bf16",
                                         "mpt-clip",
                                         "mpt-scale-f16",
                                         "falcon-multi-query",
                                         "falcon-alibi-bf16",
                                         "falcon-groups-f16-shards",
                                         "falcon-one-norm",
                                         "olmo-clip",
                                         "olmo-biases-bf16",
                                         "olmo2-grouped",
                                         "olmo2-biases-f16",
                                         "mpnet-tiny",
                                         "deberta-v2-shared",
                                         "deberta-v2-narrow-f16",
                                         "deberta-v2-convolution-bf16",
                                         "deberta-v2-wide-tanh"};
    for (size_t m = 0; m < sizeof models / sizeof models[0]; m++) {
        char folder[128];
        struct fs_error err = FS_ERROR_INIT;
        struct fs_spec spec;
        struct fs_tensor_store *store;
        double stored = 0;
        snprintf(folder, sizeof folder, "tests/golden/models/%s", models[m]);
        if (fs_spec_read(folder, &spec, NULL, &err) != 0 || fs_tensor_store_open(folder, &store, &err) != 0) {
            fail_msg("%s", err.text);
        }
        for (size_t i = 0; i < fs_tensor_store_count(store); i++) {
            stored += (double)fs_tensor_store_at(store, i)->elements;
        }
        fs_tensor_store_destroy(store);
        if (stored != fs_spec_numbers(&spec)) {
            fail_msg("%s: %.0f numbers stored, %.0f counted", models[m], stored, fs_spec_numbers(&spec));
        }
        fs_spec_release(&spec);
    }
}

/* Made-up weights of every family run, and a model can be cut down to its first layers. */
static void stand_ins_run(void **state)
{
    (void)state;
    static const char *const models[] = {"bert-tiny",          "gpt2-tiny",
                                         "llama-grouped",      "gpt_neo-tiny",
                                         "qwen3-head-size",    "roberta-late-pad-bf16",
                                         "distilbert-tiny",    "albert-groups-bf16",
                                         "opt-projected-bf16", "modernbert-biases-bf16",
                                         "gemma3_text-f16"};
    for (size_t m = 0; m < sizeof models / sizeof models[0]; m++) {
        char folder[128];
        struct fs_error err = FS_ERROR_INIT;
        struct fs_spec spec;
        struct fs_model *model;
        struct fs_workspace *workspace;
        const int32_t token[5] = {1, 2, 3, 4, 5};
        const size_t start[3] = {0, 3, 5}, row[1] = {4}, first[2] = {0, 1};
        const struct fs_batch batch = {2, 5, token, start, NULL, NULL};
        const struct fs_reads reads = {1, row, first, token, NULL};
        fs_real h[5 * 64], logprob;
        snprintf(folder, sizeof folder, "tests/golden/models/%s", models[m]);
        if (fs_spec_read(folder, &spec, NULL, &err) != 0 || fs_model_random(&spec, &model, &err) != 0 ||
            fs_workspace_create(model, &workspace, &err) != 0) {
            fail_msg("%s", err.text);
        }
        assert_true(spec.hidden <= 64);
        const struct fs_pass pass = {model, workspace, &batch, NULL};
        assert_int_equal(fs_embed(model, workspace, &batch, NULL, h, &err), 0);
        assert_int_equal(fs_run_layers(&pass, 0, spec.layers, h, &err), 0);
        assert_int_equal(fs_read_logprobs(model, workspace, h, &reads, &logprob, NULL, &err), 0);
        assert_true(logprob < 0 && logprob > -20);
        fs_model_limit_layers(model, 1);
        assert_int_equal(fs_run_layers(&pass, 0, 1, h, &err), 0);
        assert_int_not_equal(fs_run_layers(&pass, 0, 2, h, &err), 0);
        fs_workspace_destroy(workspace);
        fs_model_destroy(model);
        fs_spec_release(&spec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(layers_and_head_by_hand), cmocka_unit_test(weights_as_stored),
                                       cmocka_unit_test(stand_ins_run)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
