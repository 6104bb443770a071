/* What config.json may say, and what is refused by name; what the tensors must be. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/formats/tensor_store.h"
#include "model/families/config.h"
#include "support.h"

#define BERT                                                                                                           \
    "\"model_type\": \"bert\", \"hidden_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 3, "            \
    "\"intermediate_size\": 40, \"max_position_embeddings\": 64, \"vocab_size\": 50"
#define OF_TYPE                                                                                                        \
    "\"hidden_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 3, \"intermediate_size\": 40, "           \
    "\"max_position_embeddings\": 64, \"vocab_size\": 50, \"model_type\": "
#define DISTILBERT                                                                                                     \
    "\"model_type\": \"distilbert\", \"dim\": 24, \"n_layers\": 2, \"n_heads\": 3, \"hidden_dim\": 40, "               \
    "\"max_position_embeddings\": 64, \"vocab_size\": 50"
#define GPT2                                                                                                           \
    "\"model_type\": \"gpt2\", \"n_embd\": 24, \"n_layer\": 2, \"n_head\": 3, \"n_positions\": 64, \"vocab_size\": 50"
#define LLAMA                                                                                                          \
    "\"model_type\": \"llama\", \"hidden_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 6, "           \
    "\"intermediate_size\": 40, \"max_position_embeddings\": 64, \"vocab_size\": 50"
#define GPT_NEO                                                                                                        \
    "\"model_type\": \"gpt_neo\", \"hidden_size\": 24, \"num_layers\": 3, \"num_heads\": 3, "                          \
    "\"max_position_embeddings\": 64, \"vocab_size\": 50, \"attention_types\": "
#define LLAMA_LIKE(family)                                                                                             \
    "{\"model_type\": \"" family "\", \"hidden_size\": 64, \"num_hidden_layers\": 3, \"num_attention_heads\": 32, "    \
    "\"intermediate_size\": 40, \"max_position_embeddings\": 64, \"vocab_size\": 50"
#define MISTRAL LLAMA_LIKE("mistral")
#define QWEN2 LLAMA_LIKE("qwen2")
#define QWEN3 LLAMA_LIKE("qwen3")

static void test_defaults(void **state)
{
    (void)state;
    struct fs_spec spec = {0};
    struct fs_error err;
    assert_int_equal(read_spec("{" BERT "}", &spec, &err), 0);
    assert_int_equal(spec.kind, FS_MASKED);
    assert_int_equal(spec.activation, FS_GELU_ERF);
    assert_true(spec.norm_epsilon == 1e-12 && spec.tied_head && spec.token_types == 2 && spec.layer[1].ffn_bias);
    assert_int_equal(spec.begin_of_text, -1);
    assert_int_equal(read_spec("{" DISTILBERT ", \"layer_norm_eps\": 0.1, \"activation\": \"relu\"}", &spec, &err), 0);
    assert_true(spec.norm_epsilon == 1e-12 && spec.tied_head && spec.token_types == 0 && spec.first_position == 0);
    assert_int_equal(spec.layer[1].ffn, 40);
    assert_int_equal(spec.activation, FS_RELU); /* DistilBertForMaskedLM: config.activation */
    assert_int_equal(read_spec("{" GPT2 ", \"n_inner\": null, \"bos_token_id\": 49}", &spec, &err), 0);
    assert_int_equal(spec.layer[0].ffn, 96);
    assert_int_equal(spec.layer[1].ffn, 96);
    assert_int_equal(spec.activation, FS_GELU_TANH);
    assert_int_equal(spec.begin_of_text, 49);
    assert_int_equal(read_spec("{" GPT2 ", \"bos_token_id\": 50256}", &spec, &err), 0);
    assert_int_equal(spec.begin_of_text, -1); /* GPT2Config's default in a small model */
    assert_int_equal(read_spec("{" BERT ", \"layer_norm_eps\": 0}", &spec, &err), 0);
    assert_true(spec.norm_epsilon == 0.0);
    assert_int_equal(read_spec("{" LLAMA "}", &spec, &err), 0);
    assert_int_equal(spec.key_value_heads, 6);
    assert_int_equal(spec.head_size, 4);
    const struct fs_layer_spec *layer = &spec.layer[1];
    assert_true(spec.norm_epsilon == 1e-6 && !spec.tied_head);
    assert_true(!layer->qkv_bias && !layer->output_bias && !layer->ffn_bias && layer->gated && layer->window == 0);
    assert_true(layer->rotary.theta == 10000.0 && layer->rotary.scaling == FS_ROPE_PLAIN);
    fs_spec_release(&spec);
}

/* Positions of RoBERTa's kin begin behind that of their pad token, and their head's activation is gelu. */
static void test_positions_behind_pad(void **state)
{
    (void)state;
    static const char *const types[] = {"\"roberta\"", "\"xlm-roberta\"", "\"camembert\""};
    struct fs_spec spec = {0};
    struct fs_error err;
    char text[512];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        snprintf(text, sizeof text, "{" OF_TYPE "%s, \"hidden_act\": \"relu\"}", types[i]);
        assert_int_equal(read_spec(text, &spec, &err), 0);
        assert_int_equal(spec.first_position, 2); /* RobertaConfig: pad_token_id 1 */
        assert_int_equal(spec.max_positions, 62);
        assert_int_equal(fs_spec_position_rows(&spec), 64);
        assert_int_equal(spec.layer[1].activation, FS_RELU);
        assert_int_equal(spec.activation, FS_GELU_ERF);
        snprintf(text, sizeof text, "{" OF_TYPE "%s, \"pad_token_id\": 0}", types[i]);
        assert_int_equal(read_spec(text, &spec, &err), 0);
        assert_int_equal(spec.first_position, 1);
        assert_int_equal(spec.max_positions, 63);
    }
    fs_spec_release(&spec);
}

static void expect_windows(const char *text, const size_t window[3])
{
    struct fs_spec spec = {0};
    struct fs_error err;
    if (read_spec(text, &spec, &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(spec.layer[i].window, window[i]);
    }
    fs_spec_release(&spec);
}

/* A missing key is what transformers' class says, which is not always what null says. */
static void test_windows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t window[3];
    } cases[] = {
        {"{" GPT_NEO "[[[\"global\"], 3]]}", {0, 0, 0}},
        {"{" GPT_NEO "[[[\"local\", \"global\"], 1], [[\"local\"], 1]]}", {256, 0, 256}},
        {"{" GPT_NEO "[[[\"local\"], 0], [[\"global\", \"local\", \"local\"], 1]], \"window_size\": 9, "
         "\"attention_layers\": [\"global\", \"local\", \"local\"]}",
         {0, 9, 9}},
        {MISTRAL "}", {4096, 4096, 4096}},
        {MISTRAL ", \"sliding_window\": null}", {0, 0, 0}},
        {MISTRAL ", \"sliding_window\": 5}", {5, 5, 5}},
        {QWEN2 ", \"sliding_window\": 7, \"max_window_layers\": 1}", {0, 0, 0}},
        {QWEN2 ", \"use_sliding_window\": true}", {0, 0, 0}},
        {QWEN2 ", \"use_sliding_window\": true, \"max_window_layers\": 2}", {0, 0, 4096}},
        {QWEN2 ", \"use_sliding_window\": true, \"sliding_window\": 7, \"max_window_layers\": 1}", {0, 7, 7}},
        {QWEN2 ", \"use_sliding_window\": true, \"sliding_window\": null, \"max_window_layers\": 0}", {0, 0, 0}},
        {QWEN2 ", \"use_sliding_window\": true, \"sliding_window\": 7, \"layer_types\": [\"sliding_attention\", "
               "\"full_attention\", \"sliding_attention\"]}",
         {7, 0, 7}},
        {QWEN3 ", \"use_sliding_window\": true, \"sliding_window\": 3, \"max_window_layers\": 0}", {3, 3, 3}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_windows(cases[i].text, cases[i].window);
    }
}

static void test_scales_and_heads(void **state)
{
    (void)state;
    struct fs_spec spec = {0};
    struct fs_error err;
    assert_int_equal(read_spec("{" GPT2 "}", &spec, &err), 0);
    assert_true(spec.layer[1].attention_scale == 1.0 / sqrt(8.0));
    assert_int_equal(read_spec("{" GPT2 ", \"scale_attn_by_inverse_layer_idx\": true}", &spec, &err), 0);
    assert_true(spec.layer[0].attention_scale == 1.0 / sqrt(8.0));
    assert_true(spec.layer[1].attention_scale == 1.0 / sqrt(8.0) / 2.0);
    assert_int_equal(read_spec("{" GPT2 ", \"scale_attn_weights\": false}", &spec, &err), 0);
    assert_true(spec.layer[1].attention_scale == 1.0);
    assert_int_equal(read_spec("{" GPT_NEO "[[[\"global\"], 3]]}", &spec, &err), 0);
    assert_true(spec.layer[2].attention_scale == 1.0 && spec.layer[2].ffn == 96);
    assert_true(!spec.layer[2].qkv_bias && spec.layer[2].output_bias && spec.layer[2].ffn_bias && spec.tied_head);
    assert_int_equal(read_spec(MISTRAL ", \"head_dim\": 6}", &spec, &err), 0);
    assert_true(spec.key_value_heads == 8 && spec.layer[2].attention_scale == 1.0 / sqrt(6.0));
    assert_int_equal(read_spec(MISTRAL ", \"num_key_value_heads\": null}", &spec, &err), 0);
    assert_true(spec.key_value_heads == 32 && spec.head_size == 2 && !spec.layer[0].qkv_bias);
    assert_int_equal(read_spec(QWEN2 ", \"num_key_value_heads\": 4}", &spec, &err), 0);
    assert_true(spec.key_value_heads == 4 && spec.layer[0].qkv_bias && !spec.layer[0].output_bias);
    assert_int_equal(read_spec(QWEN3 "}", &spec, &err), 0);
    assert_true(spec.head_size == 128 && spec.key_value_heads == 32 && spec.layer[2].head_norm == FS_HEAD_NORM_SHARED);
    assert_true(spec.layer[2].attention_scale == 1.0 / sqrt(128.0) && !spec.layer[2].qkv_bias);
    assert_int_equal(read_spec(QWEN3 ", \"head_dim\": 6, \"attention_bias\": true}", &spec, &err), 0);
    assert_true(spec.head_size == 6 && spec.layer[0].qkv_bias && spec.layer[0].output_bias && !spec.layer[0].ffn_bias);
    fs_spec_release(&spec);
}

static void test_spellings(void **state)
{
    (void)state;
    struct fs_spec old = {0}, new = {0};
    struct fs_error err;
    assert_int_equal(read_spec("{" LLAMA
                               ", \"rope_theta\": 5e5, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}}",
                               &old, &err),
                     0);
    assert_int_equal(read_spec("{" LLAMA ", \"rope_parameters\": {\"rope_type\": \"linear\", \"rope_theta\": 5e5, "
                               "\"factor\": 4.0}}",
                               &new, &err),
                     0);
    const struct fs_rotary *rotary = &old.layer[1].rotary;
    assert_memory_equal(old.layer, new.layer, old.layers * sizeof *old.layer);
    assert_true(rotary->scaling == FS_ROPE_LINEAR && rotary->factor == 4.0 && rotary->theta == 5e5);
    /* Neutral values of options that are refused otherwise. */
    assert_int_equal(read_spec("{" BERT ", \"position_embedding_type\": \"absolute\", \"is_decoder\": false, "
                               "\"pruned_heads\": {}, \"quantization_config\": null}",
                               &new, &err),
                     0);
    assert_int_equal(
        read_spec("{" GPT2 ", \"scale_attn_weights\": true, \"scale_attn_by_inverse_layer_idx\": false}", &new, &err),
        0);
    assert_int_equal(read_spec("{" LLAMA ", \"layer_types\": [\"full_attention\", \"full_attention\"], "
                               "\"sliding_window\": null}",
                               &new, &err),
                     0);
    fs_spec_release(&old);
    fs_spec_release(&new);
}

/* A config that must be refused, and a word that its error text must hold. */
static const struct refused {
    const char *text, *word;
} refused[] = {
    {"", ""},
    {"[]", "config.json"},
    {"{}", "model_type"},
    {"{\"model_type\": 3}", "model_type"},
    {"{\"model_type\": \"t5\"}", "\"t5\", an encoder with a decoder"},
    {"{\"model_type\": \"bart\", \"is_encoder_decoder\": true}", "\"bart\", an encoder with a decoder"},
    {"{\"model_type\": \"mamba\", \"is_encoder_decoder\": false}", "expected bert, "},
    {"{\"model_type\": \"bert\"}", "vocab_size"},
    {"{" BERT ", \"is_decoder\": true}", "is_decoder"},
    {"{" BERT ", \"add_cross_attention\": true}", "add_cross_attention"},
    {"{" BERT ", \"position_embedding_type\": \"relative_key\"}", "relative_key"},
    {"{" BERT ", \"hidden_act\": \"mish\"}", "mish"},
    {"{" BERT ", \"hidden_act\": 7}", "hidden_act"},
    {"{" BERT ", \"layer_norm_eps\": -1e-5}", "layer_norm_eps"},
    {"{" BERT ", \"layer_norm_eps\": NaN}", ""},
    {"{" BERT ", \"layer_norm_eps\": 1e999}", ""},
    {"{" BERT ", \"tie_word_embeddings\": \"yes\"}", "tie_word_embeddings"},
    {"{" BERT ", \"pruned_heads\": {\"0\": [1]}}", "pruned_heads"},
    {"{" BERT ", \"quantization_config\": {\"bits\": 4}}", "quantization_config"},
    {"{" BERT ", \"bos_token_id\": -2}", "bos_token_id"},
    {"{" BERT ", \"scale_attn_weights\": false}", "scale_attn_weights"},
    {"{" LLAMA ", \"scale_attn_by_inverse_layer_idx\": true}", "scale_attn_by_inverse_layer_idx"},
    {"{" GPT2 ", \"scale_attn_weights\": 0.5}", "scale_attn_weights"},
    {"{" GPT2 ", \"sliding_window\": 8}", "sliding_window"},
    {"{" GPT_NEO "null}", "attention_types"},
    {"{" GPT_NEO "[]}", "fewer layers"},
    {"{" GPT_NEO "[3]}", "attention_types"},
    {"{" GPT_NEO "[[[], 1000000000]]}", "attention_types"},
    {"{" GPT_NEO "[[[\"global\"]]]}", "attention_types"},
    {"{" GPT_NEO "[[\"global\", 3]]}", "attention_types"},
    {"{" GPT_NEO "[[[\"global\"], -3]]}", "attention_types"},
    {"{" GPT_NEO "[[[\"global\"], 2]]}", "fewer layers"},
    {"{" GPT_NEO "[[[\"global\"], 9007199254740991]]}", "more layers"},
    {"{" GPT_NEO "[[[\"sparse\"], 3]]}", "sparse"},
    {"{" GPT_NEO "[[[null], 3]]}", "attention_types"},
    {"{" GPT_NEO "[[[\"local\"], 3]], \"window_size\": 0}", "window_size"},
    {"{" GPT_NEO "[[[\"local\"], 3]], \"attention_layers\": [\"local\", \"global\", \"local\"]}", "attention_layers"},
    {"{" GPT_NEO "[[[\"local\"], 3]], \"attention_layers\": [\"local\", \"local\"]}", "attention_layers"},
    {MISTRAL ", \"sliding_window\": 0}", "sliding_window"},
    {MISTRAL ", \"use_sliding_window\": true}", "use_sliding_window"},
    {MISTRAL ", \"layer_types\": [\"sliding_attention\", \"full_attention\", \"full_attention\"]}", "layer_types"},
    {MISTRAL ", \"num_key_value_heads\": 5}", "num_key_value_heads"},
    {QWEN3 ", \"head_dim\": 7}", "odd"},
    {QWEN2 ", \"use_sliding_window\": true, \"sliding_window\": 0}", "sliding_window"},
    {QWEN2 ", \"use_sliding_window\": 1}", "use_sliding_window"},
    {QWEN2 ", \"layer_types\": [\"full_attention\"]}", "layer_types"},
    {QWEN2 ", \"layer_types\": \"full_attention\"}", "layer_types"},
    {QWEN2 ", \"layer_types\": [\"full_attention\", \"full_attention\", \"chunked_attention\"]}", "chunked_attention"},
    {QWEN2 ", \"layer_types\": [\"full_attention\", \"full_attention\", \"sliding_attention\"]}", "use_sliding_window"},
    {"{" OF_TYPE "\"roberta\", \"pad_token_id\": 50}", "pad_token_id"},
    {"{" OF_TYPE "\"roberta\", \"pad_token_id\": -1}", "pad_token_id"},
    {"{" OF_TYPE "\"roberta\", \"pad_token_id\": null}", "pad_token_id: found null"},
    {"{" OF_TYPE "\"xlm-roberta\", \"pad_token_id\": null}", "pad_token_id: found null"},
    {"{" BERT ", \"type_vocab_size\": 0}", "type_vocab_size"},
    {"{" OF_TYPE "\"roberta\", \"is_decoder\": true}", "is_decoder"},
    {"{\"model_type\": \"camembert\", \"hidden_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 3, "
     "\"intermediate_size\": 40, \"max_position_embeddings\": 9, \"vocab_size\": 50, \"pad_token_id\": 8}",
     "more than pad_token_id + 1 = 9"},
    {"{" OF_TYPE "\"ernie\", \"use_task_id\": true}", "use_task_id"},
    {"{" DISTILBERT ", \"activation\": \"tanh\"}", "tanh"},
    {"{" DISTILBERT ", \"is_decoder\": true}", "is_decoder"},
    {"{\"model_type\": \"distilbert\", \"vocab_size\": 50, \"hidden_size\": 24}", "dim"},
    {"{" GPT2 ", \"n_inner\": 0}", "n_inner"},
    {"{" GPT2 ", \"n_inner\": 1e18}", "n_inner"},
    {"{" GPT2 ", \"n_embd\": 25}", ""}, /* key twice */
    {"{" LLAMA ", \"num_key_value_heads\": 4}", "num_key_value_heads"},
    {"{" LLAMA ", \"num_key_value_heads\": 0}", "num_key_value_heads"},
    {"{" LLAMA ", \"head_dim\": 5}", "odd"},
    {"{" LLAMA ", \"head_dim\": 4096000}", "head_dim"},
    {"{" LLAMA ", \"sliding_window\": 4096}", "sliding_window"},
    {"{" LLAMA ", \"layer_types\": [\"full_attention\", \"sliding_attention\"]}", "layer_types"},
    {"{" LLAMA ", \"partial_rotary_factor\": 0.5}", "partial_rotary_factor"},
    {"{" LLAMA ", \"rope_theta\": 0}", "rope_theta"},
    {"{" LLAMA ", \"rope_scaling\": 2}", "rope_scaling"},
    {"{\"model_type\": \"gpt2\", \"n_embd\": 24, \"n_layer\": 2, \"n_head\": 5, \"n_positions\": 64, \"vocab_size\": "
     "50}",
     "n_head"},
    {"{\"model_type\": \"gpt2\", \"n_embd\": 24, \"n_layer\": 2, \"n_head\": 0, \"n_positions\": 64, \"vocab_size\": "
     "50}",
     "n_head"},
    {"{\"model_type\": \"gpt2\", \"n_embd\": -24, \"n_layer\": 2, \"n_head\": 3, \"n_positions\": 64, \"vocab_size\": "
     "50}",
     "n_embd"},
    {"{\"model_type\": \"gpt2\", \"n_embd\": 24.5, \"n_layer\": 2, \"n_head\": 3, \"n_positions\": 64, \"vocab_size\": "
     "50}",
     "n_embd"},
    {"{\"model_type\": \"gpt2\", \"n_embd\": 24, \"n_layer\": 99999999999, \"n_head\": 3, \"n_positions\": 64, "
     "\"vocab_size\": 50}",
     "n_layer"},
    {"{\"model_type\": \"gpt2\", \"n_embd\": 24, \"n_layer\": 2, \"n_head\": 3, \"n_positions\": 64, \"vocab_size\": "
     "18446744073709551617}",
     "vocab_size"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        expect_no_spec(refused[i].text, refused[i].word);
    }
    struct fs_spec spec;
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(fs_spec_read("/nonexistent", &spec, NULL, &err), -1);
    assert_int_equal(err.code, FS_EXIT_NO_INPUT);
}

/* ---- tensors: a golden model with one thing changed in its header or its numbers ---- */

static void copy_golden(const char *name, unsigned char **weights, size_t *size)
{
    char rest[256];
    size_t length;
    snprintf(rest, sizeof rest, "models/%s/config.json", name);
    unsigned char *config = slurp(golden_path(rest), &length);
    scratch_write("config.json", config, length);
    free(config);
    snprintf(rest, sizeof rest, "models/%s/model.safetensors", name);
    *weights = slurp(golden_path(rest), size);
}

static void expect_refused(const char *word)
{
    struct fs_model *model;
    struct fs_error err = FS_ERROR_INIT;
    int result = fs_model_load(scratch_folder(), &model, &err);
    if (result == 0 || err.code != FS_EXIT_DATA || strstr(err.text, word) == NULL) {
        fs_model_destroy(result == 0 ? model : NULL);
        fail_msg("code %d, \"%s\", expected a refusal that names \"%s\"", err.code, err.text, word);
    }
}

/* Replaces the first `from` of the header by `to`, of the same length. */
static void edit(unsigned char *weights, const char *from, const char *to)
{
    char *place = strstr((char *)weights + 8, from);
    assert_non_null(place);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(place, to, strlen(to));
}

static void test_tensors(void **state)
{
    (void)state;
    static const char *const edits[][3] = {
        {"h.1.ln_1.weight", "h.1.ln_1.wrongs", "transformer.h.1.ln_1.weight"},
        {"h.0.attn.c_attn.weight", "h.0.attn.c_attn.weighs", "transformer.h.0.attn.c_attn.weight"},
        {"wpe.weight", "wpf.weight", "wpe.weight"},
        {"[32,96]", "[96,32]", "expected (32, 96)"},
        {"[32,32]", "[1024] ", "expected (32, 32)"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        unsigned char *weights;
        size_t size;
        copy_golden("gpt2-tiny", &weights, &size);
        edit(weights, edits[i][0], edits[i][1]);
        scratch_write("model.safetensors", weights, size);
        free(weights);
        expect_refused(edits[i][2]);
    }
}

static void test_not_finite(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        unsigned char *weights;
        size_t size;
        copy_golden("llama-grouped", &weights, &size);
        memcpy(weights + size - sizeof *bad, &bad[i], sizeof *bad);
        scratch_write("model.safetensors", weights, size);
        free(weights);
        expect_refused("not a number");
    }
}

static void replace_config(const char *from, const char *to)
{
    char text[4096];
    size_t size;
    unsigned char *config = slurp(scratch_path("config.json"), &size);
    char *place = strstr((char *)config, from);
    assert_non_null(place);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(place - (char *)config), (char *)config, to, place + strlen(from));
    scratch_write_text("config.json", text);
    free(config);
}

/* The flag and the tensors must agree: an own head that is called tied, a tied one that is called own. */
static void test_tying(void **state)
{
    (void)state;
    unsigned char *weights;
    size_t size;
    copy_golden("bert-own-head-bf16", &weights, &size);
    scratch_write("model.safetensors", weights, size);
    free(weights);
    replace_config("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
    expect_refused("tie_word_embeddings");
    copy_golden("llama-grouped", &weights, &size);
    scratch_write("model.safetensors", weights, size);
    free(weights);
    replace_config("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false");
    expect_refused("lm_head.weight");
}

static void test_files(void **state)
{
    (void)state;
    struct fs_model *model = load_model(golden_path("models/gpt2-f16-shards"));
    size_t count;
    const char *const *files = fs_model_files(model, &count);
    assert_int_equal(count, 8); /* config, index, six shards */
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(access(files[i], R_OK), 0);
    }
    assert_true(fs_model_converted_bytes(model) > 0);
    fs_model_destroy(model);
    model = load_model(golden_path("models/llama-grouped"));
    assert_int_equal(fs_model_converted_bytes(model), 0);
    fs_model_destroy(model);
    fs_model_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_windows, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_scales_and_heads, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_positions_behind_pad, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_spellings, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_refused, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_tensors, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_not_finite, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_tying, scratch_make, scratch_remove),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
