/* config.json of the families whose embeddings, norms or heads are other than BERT's, GPT-2's and Llama's. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/families/config.h"
#include "model/families/family.h"
#include "support.h"

#define OF(type, heads)                                                                                                \
    "{\"model_type\": \"" type "\", \"hidden_size\": 24, \"num_hidden_layers\": 3, \"num_attention_heads\": " heads    \
    ", \"max_position_embeddings\": 64, \"vocab_size\": 50"
#define OPT OF("opt", "6") ", \"ffn_dim\": 40"
#define FFN ", \"intermediate_size\": 40"
#define ALBERT OF("albert", "6") FFN
#define ELECTRA OF("electra", "6") FFN
#define MODERNBERT OF("modernbert", "6") FFN
#define GEMMA OF("gemma", "8") FFN ", \"num_key_value_heads\": 4"
#define GEMMA2 OF("gemma2", "4") FFN
#define GEMMA3 OF("gemma3_text", "4") FFN
#define GRANITE OF("granite", "6") FFN
#define OPENAI_GPT                                                                                                     \
    "{\"model_type\": \"openai-gpt\", \"n_embd\": 24, \"n_layer\": 2, \"n_head\": 3, \"n_positions\": 64, "            \
    "\"vocab_size\": 50"

static void test_opt(void **state)
{
    (void)state;
    struct fs_spec spec = {0};
    expect_spec(OPT "}", &spec);
    assert_true(spec.block == FS_PRE_NORM && fs_spec_has_final_norm(&spec) && spec.tied_head);
    assert_true(spec.projection == FS_NO_PROJECTION && !spec.output_projection && fs_spec_embedding(&spec) == 24);
    assert_true(spec.layer[2].activation == FS_RELU && spec.layer[2].qkv_bias && spec.norm_epsilon == 1e-5);
    assert_int_equal(fs_spec_position_rows(&spec), 66);
    assert_int_equal(spec.max_positions, 64);
    expect_spec(OPT ", \"word_embed_proj_dim\": 8, \"do_layer_norm_before\": false, \"enable_bias\": false, "
                    "\"layer_norm_elementwise_affine\": false}",
                &spec);
    assert_true(spec.block == FS_POST_NORM && !fs_spec_has_final_norm(&spec) && !spec.layer[0].ffn_bias);
    assert_true(spec.projection == FS_PROJECT_WORDS && spec.output_projection && !spec.projection_bias);
    assert_true(fs_spec_embedding(&spec) == 8 && fs_spec_added_width(&spec) == 24 && fs_spec_state_width(&spec) == 8);
    assert_true(spec.norm_parameters == FS_NO_PARAMETERS && !spec.layer[0].qkv_bias && !spec.layer[0].output_bias);
    expect_spec(OPT ", \"_remove_final_layer_norm\": true}", &spec);
    assert_true(spec.block == FS_PRE_NORM && !fs_spec_has_final_norm(&spec));
    fs_spec_release(&spec);
}

static void test_encoders(void **state)
{
    (void)state;
    struct fs_spec spec = {0};
    expect_spec(ALBERT "}", &spec);
    assert_true(fs_spec_embedding(&spec) == 128 && spec.projection == FS_PROJECT_NORMED && spec.projection_bias);
    assert_true(fs_spec_embedding_norm_width(&spec) == 128 && fs_spec_state_width(&spec) == 24);
    assert_true(spec.layers == 3 && fs_spec_first_like(&spec, 2) == 0 && spec.layer[2].activation == FS_GELU_TANH);
    expect_spec(ALBERT ", \"inner_group_num\": 4, \"embedding_size\": 24, \"gap_size\": 0}", &spec);
    assert_true(spec.layers == 12 && fs_spec_first_like(&spec, 11) == 3 && spec.projection == FS_PROJECT_NORMED);
    expect_spec(ELECTRA ", \"hidden_act\": \"relu\"}", &spec);
    assert_true(fs_spec_embedding(&spec) == 128 && spec.projection == FS_PROJECT_NORMED);
    assert_true(spec.layer[0].activation == FS_RELU && spec.activation == FS_GELU_ERF);
    expect_spec(ELECTRA ", \"embedding_size\": 24}", &spec);
    assert_true(spec.projection == FS_NO_PROJECTION);
    expect_spec(MODERNBERT "}", &spec);
    assert_true(spec.layer[0].window == 0 && spec.layer[1].window == 65 && spec.layer[2].window == 65);
    assert_true(spec.layer[0].rotary.theta == 160000.0 && spec.layer[2].rotary.theta == 10000.0);
    assert_true(spec.layer[0].no_attention_norm && !spec.layer[1].no_attention_norm && spec.layer[1].gated);
    assert_true(spec.norm_parameters == FS_GAIN_ALONE && spec.no_transform_bias && fs_spec_head_bias(&spec));
    expect_spec(MODERNBERT ", \"local_attention\": 9, \"global_attn_every_n_layers\": 2, \"norm_bias\": true, "
                           "\"decoder_bias\": false, \"classifier_bias\": true, \"classifier_activation\": \"silu\", "
                           "\"local_rope_theta\": 7, \"layer_norm_eps\": 1e-5, \"position_embedding_type\": "
                           "\"absolute\"}",
                &spec);
    assert_true(spec.layer[1].window == 5 && spec.layer[2].window == 0 && spec.layer[1].rotary.theta == 7.0);
    assert_true(fs_spec_norm_bias(&spec) && !fs_spec_head_bias(&spec) && !spec.no_transform_bias);
    assert_true(spec.activation == FS_SILU && spec.layer[0].activation == FS_GELU_ERF);
    fs_spec_release(&spec);
}

static void test_causal(void **state)
{
    (void)state;
    struct fs_spec spec = {0};
    expect_spec(OPENAI_GPT "}", &spec);
    assert_true(spec.layer[1].activation == FS_GELU_TANH && spec.layer[1].ffn == 96 && spec.block == FS_POST_NORM);
    expect_spec(OPENAI_GPT ", \"afn\": \"swish\", \"n_ctx\": 64, \"n_special\": 0}", &spec);
    assert_true(spec.layer[1].activation == FS_SILU);
    expect_spec(GRANITE "}", &spec);
    assert_true(spec.layer[0].attention_scale == 1.0 && spec.logit_scale == 1.0 && spec.key_value_heads == 6);
    expect_spec(GRANITE ", \"attention_multiplier\": 0.5, \"embedding_multiplier\": 12, \"residual_multiplier\": 0.25, "
                        "\"logits_scaling\": 8, \"attention_bias\": true}",
                &spec);
    assert_true(spec.layer[0].attention_scale == 0.5 && spec.embedding_scale == 12.0 && spec.residual_scale == 0.25);
    assert_true(spec.logit_scale == 0.125 && spec.layer[0].output_bias && !spec.layer[0].ffn_bias && !spec.tied_head);
    expect_spec(GEMMA ", \"hidden_activation\": \"relu\"}", &spec);
    assert_true(spec.head_size == 256 && spec.key_value_heads == 4 && spec.layer[0].attention_scale == 1.0 / 16.0);
    assert_true(spec.embedding_scale == sqrt(24.0) && spec.norm_kind == FS_RMS_NORM_PLUS_ONE && spec.tied_head);
    assert_true(spec.layer[0].activation == FS_GELU_TANH);
    expect_spec(GEMMA2 "}", &spec);
    assert_true(spec.layer[0].score_cap == 50.0 && spec.logit_cap == 30.0 && spec.key_value_heads == 4);
    assert_true(spec.layer[0].window == 4096 && spec.layer[1].window == 0 && spec.layer[2].window == 4096);
    expect_spec(GEMMA2 ", \"attn_logit_softcapping\": null, \"final_logit_softcapping\": null, \"sliding_window\": "
                       "null, \"query_pre_attn_scalar\": 16, \"hidden_act\": \"relu\"}",
                &spec);
    assert_true(spec.layer[0].score_cap == 0.0 && spec.logit_cap == 0.0 && spec.layer[2].window == 0);
    assert_true(spec.layer[0].attention_scale == 0.25 && spec.layer[0].activation == FS_GELU_TANH);
    expect_spec(GEMMA3 ", \"sliding_window\": 9, \"sliding_window_pattern\": 2, \"rope_scaling\": {\"rope_type\": "
                       "\"linear\", \"factor\": 8}}",
                &spec);
    assert_true(spec.layer[0].window == 9 && spec.layer[1].window == 0 && spec.layer[2].window == 9);
    assert_true(spec.layer[0].rotary.theta == 10000.0 && spec.layer[1].rotary.theta == 1e6);
    assert_true(spec.layer[0].rotary.scaling == FS_ROPE_PLAIN && spec.layer[1].rotary.scaling == FS_ROPE_LINEAR);
    assert_true(spec.layer[0].head_norm == FS_HEAD_NORM_SHARED && spec.logit_cap == 0.0);
    fs_spec_release(&spec);
}

static const struct {
    const char *text, *word;
} refused[] = {
    {OF("opt", "6") "}", "ffn_dim"},
    {OPT ", \"word_embed_proj_dim\": 0}", "word_embed_proj_dim"},
    {OPT ", \"word_embed_proj_dim\": 1e9}", "word_embed_proj_dim"},
    {OPT ", \"enable_bias\": 1}", "enable_bias"},
    {OPT ", \"embedding_size\": 12}", "embedding_size"},
    {ALBERT ", \"embedding_size\": 0}", "embedding_size"},
    {ALBERT ", \"inner_group_num\": 0}", "inner_group_num"},
    {ALBERT ", \"num_hidden_groups\": 4097}", "num_hidden_groups"},
    {ALBERT ", \"inner_group_num\": 4096}", "layers in all"},
    {ELECTRA ", \"embedding_size\": -1}", "embedding_size"},
    {ELECTRA ", \"architectures\": [\"ElectraForPreTraining\"]}", "predicts no tokens"},
    {MODERNBERT ", \"local_attention\": 0}", "local_attention"},
    {MODERNBERT ", \"global_attn_every_n_layers\": 0}", "global_attn_every_n_layers"},
    {MODERNBERT ", \"layer_types\": [\"full_attention\"]}", "layer_types"},
    {MODERNBERT ", \"layer_types\": [\"full_attention\", \"chunked_attention\", \"full_attention\"]}", "layer_types"},
    {MODERNBERT ", \"classifier_activation\": \"mish\"}", "classifier_activation"},
    {OF("modernbert", "8") FFN "}", "odd"},
    {OPENAI_GPT ", \"afn\": \"tanh\"}", "afn"},
    {GEMMA ", \"head_dim\": 5}", "odd"},
    {OF("gemma", "8") FFN "}", "num_key_value_heads 16"}, /* of Gemma's class */
    {GEMMA ", \"use_bidirectional_attention\": true}", "use_bidirectional_attention"},
    {GEMMA ", \"final_logit_softcapping\": 30}", "final_logit_softcapping"},
    {GEMMA2 ", \"attn_logit_softcapping\": 0}", "attn_logit_softcapping"},
    {GEMMA2 ", \"final_logit_softcapping\": -30}", "final_logit_softcapping"},
    {GEMMA2 ", \"final_logit_softcapping\": \"30\"}", "final_logit_softcapping"},
    {GEMMA2 ", \"query_pre_attn_scalar\": 0}", "query_pre_attn_scalar"},
    {GEMMA2 ", \"sliding_window\": 0}", "sliding_window"},
    {GEMMA2 ", \"sliding_window\": null, \"layer_types\": [\"full_attention\", \"sliding_attention\", "
            "\"full_attention\"]}",
     "layer_types"},
    {GEMMA3 ", \"sliding_window_pattern\": 0}", "sliding_window_pattern"},
    {GEMMA3 ", \"attn_logit_softcapping\": 50}", "attn_logit_softcapping"},
    {GEMMA3 ", \"use_bidirectional_attention\": true}", "use_bidirectional_attention"},
    {GEMMA3 ", \"rope_parameters\": {\"full_attention\": 3}}", "full_attention"},
    {"{\"model_type\": \"gemma3\", \"text_config\": {\"model_type\": \"gemma3_text\"}}", "of model_type gemma3_text"},
    {"{\"model_type\": \"gemma3\", \"text_config\": {\"model_type\": 3}}", "expected bert, "},
    {"{\"model_type\": \"gemma3\", \"text_config\": []}", "expected bert, "},
    {GRANITE ", \"logits_scaling\": 0}", "logits_scaling"},
    {GRANITE ", \"embedding_multiplier\": -1}", "embedding_multiplier"},
    {GRANITE ", \"residual_multiplier\": 1e9}", "residual_multiplier"},
    {GRANITE ", \"attention_multiplier\": true}", "attention_multiplier"},
};

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
        cmocka_unit_test(test_opt),
        cmocka_unit_test(test_encoders),
        cmocka_unit_test(test_causal),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
