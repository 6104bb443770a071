/* Rotary positions in config.json: kinds, spellings, families that turn a part of each head or not in all layers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/families/config.h"
#include "model/families/families.h"
#include "model/families/rotary_config.h"
#include "support.h"

#define OF_TYPE                                                                                                        \
    "\"hidden_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 3, \"intermediate_size\": 40, "           \
    "\"max_position_embeddings\": 64, \"vocab_size\": 50, \"model_type\": "
#define GPTJ                                                                                                           \
    "{\"model_type\": \"gptj\", \"n_embd\": 24, \"n_layer\": 2, \"n_head\": 3, \"n_positions\": 64, \"vocab_size\": "  \
    "50"
#define LLAMA                                                                                                          \
    "\"model_type\": \"llama\", \"hidden_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 6, "           \
    "\"intermediate_size\": 40, \"max_position_embeddings\": 64, \"vocab_size\": 50"
#define ROPE(inside) "{" LLAMA ", \"rope_scaling\": {" inside "}}"

/* What transformers' functions give for these keys, worked out by hand. */
static void test_rotary_kinds(void **state)
{
    (void)state;
    struct fs_spec spec = {0}, copy;
    struct fs_error err;
    assert_int_equal(read_spec(ROPE(""), &spec, &err), 0);
    assert_true(spec.layer[0].rotary.scaling == FS_ROPE_PLAIN && fs_spec_usual_positions(&spec) == SIZE_MAX);
    assert_int_equal(fs_spec_angle_width(&spec), 4);
    /* Both spellings at once: rope_scaling goes first. */
    assert_int_equal(read_spec("{" LLAMA ", \"rope_theta\": 7, \"rope_parameters\": {\"rope_theta\": 5}, "
                               "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}}",
                               &spec, &err),
                     0);
    assert_true(spec.layer[0].rotary.theta == 7.0 && spec.layer[0].rotary.scaling == FS_ROPE_LINEAR);
    assert_int_equal(read_spec(ROPE("\"type\": \"dynamic\", \"factor\": 2.5"), &spec, &err), 0);
    assert_true(spec.max_positions == 160 && fs_spec_usual_positions(&spec) == 64);
    assert_int_equal(fs_spec_angle_width(&spec), 8); /* of short and of long sequences */
    assert_int_equal(read_spec(ROPE("\"type\": \"dynamic\", \"factor\": 1e6"), &spec, &err), 0);
    assert_int_equal(spec.max_positions, 1 << 24);
    assert_int_equal(read_spec(ROPE("\"rope_type\": \"yarn\", \"original_max_position_embeddings\": 16"), &spec, &err),
                     0);
    const struct fs_rotary *rotary = &spec.layer[1].rotary;
    assert_true(rotary->factor == 4.0 && rotary->ramp_low == 0.0 && rotary->ramp_high == 1.0);
    assert_true(fabs(rotary->attention_factor - (0.1 * log(4.0) + 1.0)) < 1e-12 && spec.max_positions == 64);
    assert_int_equal(read_spec(ROPE("\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1, "
                                    "\"high_freq_factor\": 4"),
                               &spec, &err),
                     0);
    assert_int_equal(spec.layer[0].rotary.original_positions, 64);
    assert_int_equal(read_spec("{" LLAMA ", \"original_max_position_embeddings\": 4, \"rope_scaling\": "
                               "{\"rope_type\": \"longrope\", \"short_factor\": [1, 2], \"long_factor\": [3, 4.5], "
                               "\"original_max_position_embeddings\": 8}}",
                               &spec, &err),
                     0);
    rotary = &spec.layer[1].rotary;
    assert_true(rotary->original_positions == 4 && rotary->factor == 16.0 && spec.divisors == 4);
    assert_true(fabs(rotary->attention_factor - sqrt(3.0)) < 1e-12); /* 1 + log 16 / log 4 */
    assert_int_equal(fs_spec_copy(&spec, &copy, &err), 0);
    assert_true(copy.divisor != spec.divisor && copy.divisor[1] == 2.0 && copy.divisor[3] == 4.5);
    fs_spec_release(&copy);
    fs_spec_release(&spec);
}

/* The keys of families that turn a part of each head, in both spellings; and where they begin without them. */
static void test_rotary_families(void **state)
{
    (void)state;
    static const struct {
        const char *family, *former, *latter;
        double theta;
        size_t dims;
    } cases[] = {
        {"gpt_neox", "\"rotary_pct\": 0.5, \"rotary_emb_base\": 25",
         "\"rope_theta\": 25, \"partial_rotary_factor\": 0.5", 25, 4},
        {"gpt_neox", "\"rope_theta\": 7", "\"rope_type\": \"default\"", 1e4, 2}, /* a key that it does not have */
        {"phi", "\"rope_theta\": 9", "\"rope_theta\": 9", 9, 4},
        {"phi", "\"partial_rotary_factor\": 0.9", "\"partial_rotary_factor\": 0.9", 1e4, 7},
        {"stablelm", "\"num_key_value_heads\": 3", "\"rope_theta\": 10000", 1e4, 2},
        {"phi3", "\"partial_rotary_factor\": 0.75", "\"partial_rotary_factor\": 0.75", 1e4, 6},
        {"cohere", "\"rope_theta\": null", "\"rope_type\": \"default\"", 5e5, 0},
        {"smollm3", "\"num_key_value_heads\": 3", "\"rope_type\": \"default\"", 2e6, 0},
        {"starcoder2", "\"rope_theta\": 3", "\"rope_theta\": 3", 3, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fs_spec former = {0}, latter = {0};
        struct fs_error err;
        char text[512];
        const char *more = strstr(cases[i].former, "num_key_value_heads") == NULL ? ", \"num_key_value_heads\": 3" : "";
        snprintf(text, sizeof text, "{" OF_TYPE "\"%s\"%s, %s}", cases[i].family, more, cases[i].former);
        assert_int_equal(read_spec(text, &former, &err), 0);
        snprintf(text, sizeof text, "{" OF_TYPE "\"%s\", \"num_key_value_heads\": 3, \"rope_parameters\": {%s}}",
                 cases[i].family, cases[i].latter);
        assert_int_equal(read_spec(text, &latter, &err), 0);
        assert_memory_equal(former.layer, latter.layer, former.layers * sizeof *former.layer);
        assert_true(former.layer[0].rotary.theta == cases[i].theta && former.layer[0].rotary.dims == cases[i].dims);
        fs_spec_release(&former);
        fs_spec_release(&latter);
    }
}

static void test_blocks_of_families(void **state)
{
    (void)state;
    struct fs_spec spec = {0};
    struct fs_error err;
    assert_int_equal(read_spec("{" OF_TYPE "\"gpt_neox\"}", &spec, &err), 0);
    assert_true(spec.block == FS_PARALLEL_TWO_NORMS && spec.qkv_layout == FS_QKV_GROUPS && !spec.tied_head);
    assert_true(spec.layer[1].qkv_bias && spec.layer[1].output_bias && spec.layer[1].ffn_bias);
    assert_int_equal(read_spec("{" OF_TYPE "\"gpt_neox\", \"use_parallel_residual\": false}", &spec, &err), 0);
    assert_int_equal(spec.block, FS_PRE_NORM);
    assert_int_equal(
        read_spec("{" OF_TYPE "\"stablelm\", \"num_key_value_heads\": 1, \"qk_layernorm\": true}", &spec, &err), 0);
    assert_true(spec.block == FS_PRE_NORM && spec.layer[1].head_norm == FS_HEAD_NORM_OWN && spec.layer[1].gated);
    assert_int_equal(read_spec("{" OF_TYPE "\"cohere\"}", &spec, &err), 0);
    assert_true(spec.block == FS_PARALLEL && spec.logit_scale == 0.0625 && spec.layer[0].rotary.interleaved);
    assert_int_equal(read_spec("{" OF_TYPE "\"smollm3\", \"num_key_value_heads\": 3, \"no_rope_layer_interval\": 2, "
                               "\"use_sliding_window\": true, \"sliding_window\": 7}",
                               &spec, &err),
                     0);
    assert_true(spec.layer[0].rotary.theta == 2e6 && spec.layer[0].window == 0);
    assert_true(spec.layer[1].rotary.theta == 0 && spec.layer[1].window == 7 && spec.tied_head);
    assert_int_equal(read_spec("{\"model_type\": \"gptj\", \"n_embd\": 128, \"n_layer\": 2, \"n_head\": 1, "
                               "\"n_positions\": 64, \"vocab_size\": 50}",
                               &spec, &err),
                     0);
    assert_true(spec.layer[1].rotary.dims == 64 && spec.layer[1].ffn == 512 && !spec.layer[1].qkv_bias);
    fs_spec_release(&spec);
}

/* Gemma 3 and ModernBERT: layers of two types, each with its base; rope_scaling is for one type or for both. */
static void test_rotary_by_type(void **state)
{
    (void)state;
    static const struct fs_rotary_keys global = {"rope_theta", 1e6, .layer_type = "full_attention"},
                                       local = {"rope_local_base_freq", 1e4, .layer_type = "sliding_attention",
                                                .unscaled = true};
    static const struct {
        const char *text;
        double global, local, factor;
        const char *refused;
    } cases[] = {
        {"{}", 1e6, 1e4, 0, NULL},
        {"{\"rope_theta\": 5, \"rope_local_base_freq\": 6, \"rope_scaling\": {\"rope_type\": \"linear\", "
         "\"factor\": 8}}",
         5, 6, 8, NULL},
        {"{\"rope_parameters\": {\"full_attention\": {\"rope_type\": \"linear\", \"factor\": 2, \"rope_theta\": 3}, "
         "\"sliding_attention\": {\"rope_theta\": 4}}}",
         3, 4, 2, NULL},
        {"{\"rope_parameters\": {\"full_attention\": null, \"sliding_attention\": {\"rope_theta\": 4}}}", 1e6, 4, 0,
         NULL},
        {"{\"rope_parameters\": {\"rope_theta\": 3}}", 0, 0, 0, "rope_parameters.rope_theta"},
        {"{\"rope_parameters\": {\"full_attention\": {\"rope_type\": \"odd\"}}}", 0, 0, 0,
         "rope_parameters.full_attention.rope_type"},
        {"{\"rope_parameters\": {\"full_attention\": {}}, \"rope_scaling\": {\"rope_type\": \"linear\"}}", 0, 0, 0,
         "rope_scaling"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fs_spec spec = {.family = fs_family_find("gemma3_text"), .head_size = 8, .max_positions = 32};
        struct fs_rotary full = {0}, sliding = {0};
        struct fs_error err = FS_ERROR_INIT;
        struct fs_json_document *config;
        assert_int_equal(fs_json_parse("config.json", cases[i].text, strlen(cases[i].text), &config, &err), 0);
        int status = fs_rotary_config_read(config, &global, &spec, &full, &err);
        if (cases[i].refused != NULL) {
            assert_true(status != 0 && strstr(err.text, cases[i].refused) != NULL);
        } else {
            assert_int_equal(status, 0);
            assert_int_equal(fs_rotary_config_read(config, &local, &spec, &sliding, &err), 0);
            assert_true(full.theta == cases[i].global && sliding.theta == cases[i].local);
            assert_true(full.factor == cases[i].factor && sliding.scaling == FS_ROPE_PLAIN);
        }
        fs_json_destroy(config);
    }
}

/* A config that must be refused, and a word that its error text must hold. */
static const struct {
    const char *text, *word;
} refused[] = {
    {"{" OF_TYPE "\"gpt_neox\", \"rotary_pct\": 0}", "rotary_pct"},
    {"{" OF_TYPE "\"gpt_neox\", \"rotary_pct\": 1.5}", "rotary_pct"},
    {"{" OF_TYPE "\"gpt_neox\", \"rotary_pct\": 0.1}", "at least one"},
    {"{" OF_TYPE "\"phi\", \"num_key_value_heads\": 2}", "num_key_value_heads"},
    {"{" OF_TYPE "\"phi3\", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}}", "default or longrope"},
    {"{" OF_TYPE "\"phi3\", \"rope_scaling\": {\"type\": \"su\"}}", "short_factor"},
    {"{" OF_TYPE "\"phi3\", \"sliding_window\": 0}", "sliding_window"},
    {"{" OF_TYPE "\"stablelm\"}", "num_key_value_heads"}, /* 32 where the key is missing */
    {"{" OF_TYPE "\"cohere\", \"logit_scale\": 0}", "logit_scale"},
    {"{" OF_TYPE "\"smollm3\", \"num_key_value_heads\": 3, \"no_rope_layers\": [1]}", "no_rope_layers"},
    {"{" OF_TYPE "\"smollm3\", \"num_key_value_heads\": 3, \"no_rope_layers\": [1, 2]}", "no_rope_layers"},
    {"{" OF_TYPE "\"smollm3\", \"num_key_value_heads\": 3, \"no_rope_layers\": 1}", "no_rope_layers"},
    {"{" OF_TYPE "\"smollm3\", \"num_key_value_heads\": 3, \"no_rope_layer_interval\": 0}", "no_rope_layer_interval"},
    {GPTJ "}", "rotary_dim: found 64"},
    {GPTJ ", \"rotary_dim\": null}", "rotary_dim: found null"},
    {GPTJ ", \"rotary_dim\": 3}", "even number"},
    {GPTJ ", \"rotary_dim\": 10}", "rotary_dim"},
    {"{" LLAMA ", \"rope_parameters\": []}", "rope_parameters"},
    {ROPE("\"type\": \"proportional\", \"factor\": 2"), "proportional"},
    {ROPE("\"rope_type\": 3"), "rope_type"},
    {ROPE("\"full_attention\": {\"rope_theta\": 10}"), "full_attention"},
    {ROPE("\"type\": \"dynamic\""), "factor"},
    {"{\"model_type\": \"llama\", \"hidden_size\": 12, \"num_hidden_layers\": 2, \"num_attention_heads\": 6, "
     "\"intermediate_size\": 40, \"max_position_embeddings\": 64, \"vocab_size\": 50, \"rope_scaling\": "
     "{\"rope_type\": \"dynamic\", \"factor\": 2}}",
     "two numbers turn"},
    {ROPE("\"rope_type\": \"yarn\", \"rope_theta\": 1"), "rope_theta 1"},
    {ROPE("\"rope_type\": \"yarn\", \"beta_fast\": -1"), "beta_fast"},
    {ROPE("\"rope_type\": \"yarn\", \"truncate\": 2"), "truncate"},
    {ROPE("\"rope_type\": \"yarn\", \"original_max_position_embeddings\": 0"), "original_max_position_embeddings"},
    {ROPE("\"rope_type\": \"longrope\""), "short_factor"},
    {ROPE("\"rope_type\": \"longrope\", \"short_factor\": [1, 2], \"long_factor\": [1]"), "long_factor"},
    {ROPE("\"rope_type\": \"longrope\", \"short_factor\": [1, 2, 3], \"long_factor\": [1, 2]"), "short_factor"},
    {ROPE("\"rope_type\": \"longrope\", \"short_factor\": [1, 0], \"long_factor\": [1, 2]"), "short_factor"},
    {ROPE("\"rope_type\": \"longrope\", \"short_factor\": [1, \"2\"], \"long_factor\": [1, 2]"), "short_factor"},
    {ROPE("\"rope_type\": \"longrope\", \"short_factor\": [1, 2], \"long_factor\": [1, 2], "
          "\"original_max_position_embeddings\": 1"),
     "original_max_position_embeddings"},
    {ROPE("\"type\": \"linear\""), "factor"},
    {ROPE("\"type\": \"linear\", \"factor\": 0.5"), "factor"},
    {ROPE("\"type\": \"linear\", \"factor\": 2, \"partial_rotary_factor\": 0.25"), "partial_rotary_factor"},
    {ROPE("\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4, \"high_freq_factor\": 4, "
          "\"original_max_position_embeddings\": 32"),
     "high_freq_factor"},
    {ROPE("\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1"), "high_freq_factor"},
};

/* Two layer types that are dynamic, each beyond the same max_position_embeddings. */
static void test_dynamic_by_type(void **state)
{
    (void)state;
    struct fs_spec spec = {0};
    struct fs_error err;
    assert_int_equal(read_spec("{" OF_TYPE "\"modernbert\", \"rope_parameters\": {"
                               "\"full_attention\": {\"rope_type\": \"dynamic\", \"factor\": 3}, "
                               "\"sliding_attention\": {\"rope_type\": \"dynamic\", \"factor\": 2}}}",
                               &spec, &err),
                     0);
    for (size_t i = 0; i < spec.layers; i++) {
        assert_int_equal(spec.layer[i].rotary.original_positions, 64);
    }
    assert_int_equal(spec.max_positions, 3 * 64);
    fs_spec_release(&spec);
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        expect_no_spec(refused[i].text, refused[i].word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rotary_kinds, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_rotary_families, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_blocks_of_families, scratch_make, scratch_remove),
        cmocka_unit_test(test_rotary_by_type),
        cmocka_unit_test_setup_teardown(test_dynamic_by_type, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_refused, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
