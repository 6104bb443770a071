/* Keys of config.json that a family does not read: harmless ones, those of other families, unknown ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/families/config.h"
#include "model/families/families.h"
#include "support.h"

static int read_text(const char *text, struct fs_notes *notes, struct fs_error *err)
{
    struct fs_spec spec = {0};
    scratch_write_text("config.json", text);
    *notes = (struct fs_notes){0};
    *err = (struct fs_error)FS_ERROR_INIT;
    int status = fs_spec_read(scratch_folder(), &spec, notes, err);
    fs_spec_release(&spec);
    return status;
}

#define BERT_SIZES                                                                                                     \
    "\"hidden_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"intermediate_size\": 40, "           \
    "\"max_position_embeddings\": 64, \"vocab_size\": 50, \"hidden_act\": \"gelu\""
#define LLAMA_SIZES                                                                                                    \
    "\"hidden_size\": 24, \"num_hidden_layers\": 4, \"num_attention_heads\": 4, \"intermediate_size\": 40, "           \
    "\"max_position_embeddings\": 64, \"vocab_size\": 50, \"hidden_act\": \"silu\", \"rms_norm_eps\": 1e-6, "          \
    "\"initializer_range\": 0.02, \"bos_token_id\": 1, \"eos_token_id\": 2, \"use_cache\": true"
#define LLAMA_LIKE_SIZES                                                                                               \
    "\"hidden_size\": 32, \"num_hidden_layers\": 4, \"num_attention_heads\": 4, \"intermediate_size\": 40, "           \
    "\"max_position_embeddings\": 64, \"vocab_size\": 50"
#define LLAMA "\"model_type\": \"llama\", " LLAMA_SIZES
#define BERT "\"model_type\": \"bert\", " BERT_SIZES
#define GPT2_SIZES "\"n_embd\": 24, \"n_layer\": 2, \"n_head\": 4, \"n_positions\": 64, \"vocab_size\": 50"

/* Keys and values as published models have them, with other sizes: nothing is to be said of them. */
static const char *const published[] = {
    /* bert-base-uncased, bert-base-multilingual-cased */
    "{" BERT ", \"architectures\": [\"BertForMaskedLM\"], \"attention_probs_dropout_prob\": 0.1, "
    "\"gradient_checkpointing\": false, \"hidden_dropout_prob\": 0.1, \"initializer_range\": 0.02, "
    "\"layer_norm_eps\": 1e-12, \"pad_token_id\": 0, \"position_embedding_type\": \"absolute\", "
    "\"transformers_version\": \"4.6.0.dev0\", \"type_vocab_size\": 2, \"use_cache\": true}",
    "{" BERT ", \"directionality\": \"bidi\", \"pooler_fc_size\": 768, \"pooler_num_attention_heads\": 12, "
    "\"pooler_num_fc_layers\": 3, \"pooler_size_per_head\": 128, \"pooler_type\": \"first_token_transform\"}",
    /* models of 2019 and 2020 */
    "{" BERT ", \"finetuning_task\": null, \"id2label\": {\"0\": \"LABEL_0\"}, \"is_decoder\": false, "
    "\"label2id\": {\"LABEL_0\": 0}, \"num_labels\": 2, \"output_attentions\": false, \"output_hidden_states\": false, "
    "\"output_past\": true, \"pruned_heads\": {}, \"torchscript\": false, \"use_bfloat16\": false, \"num_beams\": 1, "
    "\"length_penalty\": 1.0, \"eos_token_ids\": 0, \"do_sample\": false, \"top_k\": 50, \"top_p\": 1.0, "
    "\"repetition_penalty\": 1.0, \"temperature\": 1.0, \"max_length\": 20, \"num_return_sequences\": 1}",
    /* roberta-base, xlm-roberta-base, camembert-base */
    "{\"model_type\": \"roberta\", " BERT_SIZES ", \"bos_token_id\": 0, \"eos_token_id\": 2, \"pad_token_id\": 1, "
    "\"layer_norm_eps\": 1e-05, \"type_vocab_size\": 1}",
    "{\"model_type\": \"xlm-roberta\", " BERT_SIZES ", \"output_past\": true, \"type_vocab_size\": 1, "
    "\"torch_dtype\": \"float32\"}",
    /* distilbert-base-uncased */
    "{\"model_type\": \"distilbert\", \"activation\": \"gelu\", \"attention_dropout\": 0.1, \"dim\": 24, \"dropout\": "
    "0.1, "
    "\"hidden_dim\": 40, \"initializer_range\": 0.02, \"max_position_embeddings\": 64, \"n_heads\": 3, \"n_layers\": "
    "2, "
    "\"pad_token_id\": 0, \"qa_dropout\": 0.1, \"seq_classif_dropout\": 0.2, \"sinusoidal_pos_embds\": false, "
    "\"tie_weights_\": true, \"vocab_size\": 50}",
    /* gpt2, stanford-crfm's */
    "{\"model_type\": \"gpt2\", " GPT2_SIZES ", \"activation_function\": \"gelu_new\", \"attn_pdrop\": 0.1, "
    "\"bos_token_id\": 49, \"embd_pdrop\": 0.1, \"eos_token_id\": 49, \"initializer_range\": 0.02, "
    "\"layer_norm_epsilon\": 1e-05, \"n_ctx\": 64, \"resid_pdrop\": 0.1, \"summary_activation\": null, "
    "\"summary_first_dropout\": 0.1, \"summary_proj_to_labels\": true, \"summary_type\": \"cls_index\", "
    "\"summary_use_proj\": true, \"task_specific_params\": {\"text-generation\": {\"do_sample\": true, "
    "\"max_length\": 50}}}",
    "{\"model_type\": \"gpt2\", " GPT2_SIZES ", \"reorder_and_upcast_attn\": true, "
    "\"scale_attn_by_inverse_layer_idx\": true, \"scale_attn_weights\": true, \"gradient_checkpointing\": false, "
    "\"n_inner\": null, \"use_cache\": false}",
    /* gpt2-medium, distilgpt2 */
    "{\"model_type\": \"gpt2\", " GPT2_SIZES ", \"n_ctx\": 64, \"n_special\": 0, \"predict_special_tokens\": true, "
    "\"_num_labels\": 1, \"id2label\": {\"0\": \"LABEL_0\"}, \"label2id\": {\"LABEL_0\": 0}, \"output_past\": true}",
    /* EleutherAI/gpt-neo-125m */
    "{\"model_type\": \"gpt_neo\", \"hidden_size\": 24, \"num_layers\": 2, \"num_heads\": 4, \"num_key_value_heads\": "
    "4, \"vocab_size\": 50, "
    "\"max_position_embeddings\": 64, \"attention_types\": [[[\"global\", \"local\"], 1]], "
    "\"attention_layers\": [\"global\", \"local\"], \"attention_dropout\": 0, \"embed_dropout\": 0, "
    "\"resid_dropout\": 0, \"summary_type\": \"cls_index\", \"window_size\": 16, \"intermediate_size\": null}",
    /* huggyllama, Llama-2, Llama-3.2, SmolLM2 */
    "{" LLAMA ", \"max_sequence_length\": 2048, \"pad_token_id\": 0, \"torch_dtype\": \"float16\"}",
    "{" LLAMA ", \"pretraining_tp\": 1, \"rope_scaling\": null, \"attention_bias\": false, \"_name_or_path\": \"x\"}",
    "{" LLAMA ", \"head_dim\": 6, \"mlp_bias\": false, \"rope_theta\": 500000.0, \"attention_dropout\": 0.0, "
    "\"rope_scaling\": {\"factor\": 32.0, \"high_freq_factor\": 4.0, \"low_freq_factor\": 1.0, "
    "\"original_max_position_embeddings\": 32, \"rope_type\": \"llama3\"}}",
    "{" LLAMA
    ", \"is_llama_config\": true, \"rope_interleaved\": false, \"transformers.js_config\": {\"kv_cache\": 1}}",
    /* Mistral-7B-v0.1, Qwen2.5, Qwen3 */
    "{\"model_type\": \"mistral\", " LLAMA_SIZES ", \"num_key_value_heads\": 2, \"sliding_window\": 32}",
    "{\"model_type\": \"qwen2\", " LLAMA_SIZES ", \"num_key_value_heads\": 2, \"max_window_layers\": 21, "
    "\"rope_theta\": 1000000.0, \"sliding_window\": 32768, \"use_mrope\": false, \"use_sliding_window\": false}",
    "{\"model_type\": \"qwen3\", " LLAMA_SIZES ", \"num_key_value_heads\": 2, \"max_window_layers\": 28, "
    "\"head_dim\": 128, \"attention_bias\": false, \"sliding_window\": null, \"use_sliding_window\": false}",
};

/* The same of families that may not be there yet. */
static const struct {
    const char *family, *keys;
} more[] = {
    {"gpt_neox",
     LLAMA_LIKE_SIZES ", \"layer_norm_eps\": 1e-05, \"rotary_emb_base\": 10000, \"rotary_pct\": 0.25, "
                      "\"tie_word_embeddings\": false, \"use_parallel_residual\": true, \"hidden_act\": \"gelu\""},
    /* as transformers 4.48 to 4.57 saved it */
    {"gpt_neox",
     LLAMA_LIKE_SIZES ", \"attention_bias\": true, \"layer_norm_eps\": 1e-05, \"partial_rotary_factor\": 0.25, "
                      "\"rope_scaling\": null, \"rope_theta\": 10000, \"rotary_emb_base\": 10000, "
                      "\"rotary_pct\": 0.25, \"use_parallel_residual\": true, \"hidden_act\": \"gelu\""},
    {"gptj", GPT2_SIZES
     ", \"activation_function\": \"gelu_new\", \"gradient_checkpointing\": false, "
     "\"layer_norm_epsilon\": 1e-05, \"rotary\": true, \"rotary_dim\": 4, \"scale_attn_weights\": true, "
     "\"summary_type\": \"cls_index\", \"tie_word_embeddings\": false, \"tokenizer_class\": \"GPT2Tokenizer\""},
    {"opt", "\"hidden_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"ffn_dim\": 40, "
            "\"max_position_embeddings\": 64, \"vocab_size\": 50, \"_remove_final_layer_norm\": false, "
            "\"activation_dropout\": 0.0, \"activation_function\": \"relu\", \"attention_dropout\": 0.0, "
            "\"do_layer_norm_before\": true, \"init_std\": 0.02, \"layerdrop\": 0.0, \"prefix\": \"</s>\", "
            "\"word_embed_proj_dim\": 24, \"pad_token_id\": 1, \"bos_token_id\": 2"},
    {"bloom", "\"apply_residual_connection_post_layernorm\": false, \"attention_dropout\": 0.0, "
              "\"attention_softmax_in_fp32\": true, \"bias_dropout_fusion\": true, \"hidden_dropout\": 0.0, "
              "\"layer_norm_epsilon\": 1e-05, \"masked_softmax_fusion\": true, \"n_embed\": 24, \"n_inner\": null, "
              "\"n_layer\": 2, \"num_attention_heads\": 4, \"offset_alibi\": 100, \"pretraining_tp\": 1, "
              "\"seq_length\": 64, \"skip_bias_add\": true, \"skip_bias_add_qkv\": false, \"unk_token_id\": 0, "
              "\"use_cache\": true, \"vocab_size\": 50"},
    {"falcon", "\"alibi\": false, \"apply_residual_connection_post_layernorm\": false, \"attention_dropout\": 0.0, "
               "\"auto_map\": {\"AutoConfig\": \"x\"}, \"bias\": false, \"hidden_dropout\": 0.0, \"hidden_size\": 24, "
               "\"layer_norm_epsilon\": 1e-05, \"multi_query\": true, \"new_decoder_architecture\": false, "
               "\"num_attention_heads\": 4, \"num_hidden_layers\": 2, \"parallel_attn\": true, \"vocab_size\": 50"},
    {"ernie", BERT_SIZES ", \"layer_norm_eps\": 1e-05, \"layer_norm_epsilon\": 1e-05, \"task_type_vocab_size\": 3, "
                         "\"type_vocab_size\": 4, \"use_task_id\": false"},
    {"stablelm", LLAMA_LIKE_SIZES ", \"layer_norm_eps\": 1e-05, \"norm_eps\": 1e-05, \"num_heads\": 4, "
                                  "\"num_key_value_heads\": 4, \"hidden_act\": \"silu\", "
                                  "\"partial_rotary_factor\": 0.25, \"use_qkv_bias\": true"},
    {"llama", LLAMA_SIZES ", \"activation\": \"swiglu\", \"hidden_activation\": \"swish\", \"n_inner\": 40"},
    {"gpt2", GPT2_SIZES ", \"max_position_embeddings\": 64, \"intermediate_size\": 96, \"hidden_act\": \"gelu_new\""},
    {"smollm3",
     LLAMA_LIKE_SIZES ", \"max_window_layers\": 28, \"no_rope_layer_interval\": 4, \"pretraining_tp\": 2, "
                      "\"no_rope_layers\": [1, 1, 1, 0], \"use_sliding_window\": false, \"sliding_window\": null"},
    {"starcoder2",
     LLAMA_LIKE_SIZES ", \"activation_function\": \"gelu\", \"attention_softmax_in_fp32\": true, "
                      "\"layer_norm_epsilon\": 1e-05, \"mlp_type\": \"default\", \"norm_epsilon\": 1e-05, "
                      "\"norm_type\": \"layer_norm\", \"scale_attention_softmax_in_fp32\": true, "
                      "\"scale_attn_weights\": true, \"sliding_window\": 32, \"use_bias\": true, "
                      "\"num_key_value_heads\": 2, \"hidden_act\": \"gelu_pytorch_tanh\""},
    {"gemma2",
     LLAMA_LIKE_SIZES ", \"attn_logit_softcapping\": 50.0, \"cache_implementation\": \"hybrid\", "
                      "\"final_logit_softcapping\": 30.0, \"head_dim\": 8, \"hidden_act\": \"gelu_pytorch_tanh\", "
                      "\"hidden_activation\": \"gelu_pytorch_tanh\", \"num_key_value_heads\": 2, "
                      "\"query_pre_attn_scalar\": 8, \"sliding_window\": 32"},
    {"openai-gpt", GPT2_SIZES ", \"afn\": \"gelu\", \"n_ctx\": 64, \"n_special\": 0, "
                              "\"predict_special_tokens\": true, \"summary_type\": \"cls_index\""},
    {"albert", BERT_SIZES ", \"classifier_dropout_prob\": 0.1, \"down_scale_factor\": 1, \"embedding_size\": 16, "
                          "\"gap_size\": 0, \"inner_group_num\": 1, \"layers_to_keep\": [], \"net_structure_type\": 0, "
                          "\"num_hidden_groups\": 1, \"num_memory_blocks\": 0, \"type_vocab_size\": 2"},
    {"modernbert", "\"hidden_size\": 24, \"num_hidden_layers\": 4, \"num_attention_heads\": 4, "
                   "\"intermediate_size\": 40, \"max_position_embeddings\": 64, \"vocab_size\": 50, "
                   "\"classifier_activation\": \"gelu\", \"classifier_bias\": false, \"classifier_pooling\": "
                   "\"mean\", \"decoder_bias\": true, \"global_attn_every_n_layers\": 3, "
                   "\"global_rope_theta\": 160000.0, \"hidden_activation\": \"gelu\", "
                   "\"initializer_cutoff_factor\": 2.0, \"layer_norm_eps\": 1e-05, \"local_attention\": 8, "
                   "\"local_rope_theta\": 10000.0, \"mlp_bias\": false, \"norm_bias\": false, \"norm_eps\": 1e-05, "
                   "\"position_embedding_type\": \"sans_pos\", \"sparse_pred_ignore_index\": -100, "
                   "\"sparse_prediction\": false, \"attention_bias\": false, \"pad_token_id\": 0"},
};

static void test_more_published(void **state)
{
    (void)state;
    struct fs_notes notes;
    struct fs_error err;
    char text[2048];
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        snprintf(text, sizeof text, "{\"model_type\": \"%s\", %s}", more[i].family, more[i].keys);
        if (fs_family_find(more[i].family) != NULL && (read_text(text, &notes, &err) != 0 || notes.count != 0)) {
            print_error("%s: %s%s\n", more[i].family, err.text, notes.count > 0 ? notes.note[0].text : "");
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void test_published(void **state)
{
    (void)state;
    struct fs_notes notes;
    struct fs_error err;
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        if (read_text(published[i], &notes, &err) != 0 || notes.count != 0) {
            fail_msg("%s: %s%s", published[i], err.text, notes.count > 0 ? notes.note[0].text : "");
        }
    }
}

/* Keys of other families or of transformers: the key, what was found, the family, whose it is. */
static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *first, *second;
    } rows[] = {
        {LLAMA ", \"max_window_layers\": 28, \"num_key_value_heads\": 2",
         "max_window_layers: found 28, expected no such key; family llama", "one of qwen2, qwen3"},
        {LLAMA ", \"sliding_window\": 4096", "sliding_window: found 4096, expected false", "mistral"},
        {LLAMA ", \"scale_attn_weights\": false", "scale_attn_weights: found false, expected true", "family llama"},
        {LLAMA ", \"type_vocab_size\": 2", "type_vocab_size: found 2", "bert"},
        {LLAMA ", \"query_pre_attn_scalar\": 256", "query_pre_attn_scalar: found 256, expected 6", "family llama"},
        {LLAMA ", \"final_logit_softcapping\": 30.5", "final_logit_softcapping: found 30.5", "family llama"},
        {LLAMA ", \"embedding_multiplier\": 12.0", "embedding_multiplier: found 12, expected 1", "family llama"},
        {LLAMA ", \"residual_multiplier\": 0.22", "residual_multiplier: found 0.22, expected 1", "family llama"},
        {LLAMA ", \"no_rope_layers\": [1, 1, 1, 0]", "no_rope_layers: found an array, expected 1 everywhere",
         "family llama"},
        {LLAMA ", \"quantization_config\": {\"bits\": 4}", "quantization_config: found an object",
         "option; use a model without it"},
        {BERT ", \"head_dim\": 8", "head_dim: found 8, expected 6; family bert", "llama"},
        {BERT ", \"embedding_size\": 16", "embedding_size: found 16, expected 24", "family bert"},
        {BERT ", \"num_key_value_heads\": 2", "num_key_value_heads: found 2, expected 4", "llama"},
        {BERT ", \"rope_theta\": 10000", "rope_theta: found 10000", "llama"},
        {LLAMA ", \"layer_norm_eps\": 1e-05", "layer_norm_eps: found 1e-05, expected 1e-06", "bert"},
        {LLAMA ", \"activation\": \"gelu\"", "activation: found gelu, expected silu", "falcon"},
        {BERT ", \"activation\": \"swiglu\"", "activation: found swiglu, expected gelu", "falcon"},
        {"\"model_type\": \"bloom\", \"n_embed\": 24, \"n_layer\": 2, \"n_head\": 4, \"vocab_size\": 50, "
         "\"slow_but_exact\": true, \"pretraining_tp\": 2",
         "slow_but_exact: found true, expected false, as pretraining_tp is above 1", "config.json"},
        {LLAMA ", \"n_head\": 8", "n_head: found 8, expected 4", "family llama"},
        {LLAMA ", \"quantization\": {\"bits\": 4}", "quantization: found an object", "family llama"},
    };
    struct fs_notes notes;
    struct fs_error err;
    char text[2048];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, "{%s}", rows[i].keys);
        if (read_text(text, &notes, &err) == 0 || err.code != FS_EXIT_DATA || strstr(err.text, rows[i].first) == NULL ||
            strstr(err.text, rows[i].second) == NULL) {
            fail_msg("%s: \"%s\", expected \"%s\" and \"%s\"", text, err.text, rows[i].first, rows[i].second);
        }
    }
}

/* The same keys where they change nothing. */
static void test_neutral(void **state)
{
    (void)state;
    struct fs_notes notes;
    struct fs_error err;
    static const char *const texts[] = {
        "{" LLAMA ", \"max_window_layers\": null, \"use_sliding_window\": false, \"scale_attn_weights\": true, "
        "\"query_pre_attn_scalar\": 6, \"attn_logit_softcapping\": null, \"embedding_multiplier\": 1.0, "
        "\"no_rope_layers\": [1, 1, 1, 1], \"layer_types\": [\"full_attention\", \"full_attention\"]}",
        "{" BERT ", \"head_dim\": 6, \"embedding_size\": 24, \"num_key_value_heads\": 4, \"attention_bias\": false}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (read_text(texts[i], &notes, &err) != 0 || notes.count != 0) {
            fail_msg("%s: %s%s", texts[i], err.text, notes.count > 0 ? notes.note[0].text : "");
        }
    }
}

/* A key that nobody knows is a warning that names it; of many, the first. */
static void test_unknown(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    struct fs_notes notes;
    struct fs_error err;
    assert_int_equal(read_text("{" LLAMA ", \"shiny\": 3}", &notes, &err), 0);
    assert_true(notes.count == 1 && notes.note[0].warning);
    assert_non_null(strstr(notes.note[0].text, "1 key is not known here and passed over: shiny"));
    /* So is one of another family whose other keys are not there: no renamed model. */
    assert_int_equal(read_text("{" LLAMA ", \"window_size\": 256}", &notes, &err), 0);
    assert_true(notes.count == 1 && notes.note[0].warning);
    assert_int_equal(read_text("{" LLAMA ", \"a\\u001b\": 1, \"*\": false, \"[\": null, \"\": [], \"x\": {}, \"y\": 1}",
                               &notes, &err),
                     0);
    assert_true(notes.count == 1);
    assert_non_null(strstr(notes.note[0].text, "5 keys are not known here and passed over: a\\x1b, *, , x ..."));
    char *text = malloc(MANY * 24 + 4096);
    assert_non_null(text);
    size_t used = (size_t)sprintf(text, "{%s", LLAMA);
    for (int i = 0; i < MANY; i++) {
        used += (size_t)sprintf(text + used, ", \"key%d\": 1", i);
    }
    sprintf(text + used, "}");
    assert_int_equal(read_text(text, &notes, &err), 0);
    assert_non_null(strstr(notes.note[0].text, "3000 keys are"));
    free(text);
}

/* No id of a token: a class's default in a small vocabulary. */
static void test_begin(void **state)
{
    (void)state;
    struct fs_notes notes;
    struct fs_error err;
    assert_int_equal(read_text("{\"model_type\": \"gpt2\", " GPT2_SIZES ", \"bos_token_id\": 50256}", &notes, &err), 0);
    assert_true(notes.count == 1 && !notes.note[0].warning);
    assert_string_equal(notes.note[0].text, "bos_token_id 50256 is outside the vocabulary of 50; taken as none");
    assert_int_equal(read_text("{\"model_type\": \"gpt2\", " GPT2_SIZES ", \"bos_token_id\": null}", &notes, &err), 0);
    assert_int_equal(notes.count, 0);
}

/* Without model_type and architectures: the family that the keys fit. */
static void test_guess(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *fix;
    } rows[] = {
        {BERT_SIZES ", \"attention_probs_dropout_prob\": 0.1, \"hidden_dropout_prob\": 0.1, "
                    "\"initializer_range\": 0.02, \"type_vocab_size\": 2",
         "add \"model_type\": \"bert\""},
        {GPT2_SIZES ", \"n_ctx\": 64", "add \"model_type\": \"gpt2\""},
        {GPT2_SIZES ", \"shiny\": 64", "write the one that the model is"},
        {"\"a\": 1", "write the one that the model is"},
    };
    struct fs_notes notes;
    struct fs_error err;
    char text[2048];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, "{%s}", rows[i].keys);
        assert_int_equal(read_text(text, &notes, &err), -1);
        if (strstr(err.text, "model_type: found nothing") == NULL || strstr(err.text, rows[i].fix) == NULL) {
            fail_msg("%s: \"%s\", expected \"%s\"", text, err.text, rows[i].fix);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_published, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_more_published, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_refused, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_neutral, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_unknown, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_begin, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_guess, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
