/* What config.json says of attention: spellings, defaults, and what is refused. */
#include <math.h>
#include <string.h>

#include "model/families/config.h"
#include "support.h"

#define SIZES(type)                                                                                                    \
    "{\"model_type\": \"" type "\", \"hidden_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, "       \
    "\"intermediate_size\": 40, \"max_position_embeddings\": 64, \"vocab_size\": 50"
#define FALCON                                                                                                         \
    "{\"model_type\": \"falcon\", \"hidden_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, "         \
    "\"vocab_size\": 50"
#define MPT(inside)                                                                                                    \
    "{\"model_type\": \"mpt\", \"d_model\": 24, \"n_layers\": 2, \"n_heads\": 4, \"max_seq_len\": 64, "                \
    "\"vocab_size\": 50, \"attn_config\": " inside "}"
#define DEBERTA SIZES("deberta-v2") ", \"relative_attention\": true, \"pos_att_type\": \"p2c|c2p\""

static void test_read(void **state)
{
    (void)state;
    struct fs_spec spec = {0};
    expect_spec("{\"model_type\": \"falcon\", \"hidden_size\": 24, \"n_layer\": 2, \"n_head\": 4, \"n_head_kv\": 2, "
                "\"vocab_size\": 50, \"new_decoder_architecture\": true}",
                &spec);
    assert_true(spec.layers == 2 && spec.heads == 4 && spec.key_value_heads == 2 && spec.max_positions == 2048);
    assert_true(spec.block == FS_PARALLEL_TWO_NORMS && spec.layer[1].ffn == 96 && !spec.layer[1].qkv_bias);
    expect_spec(FALCON "}", &spec);
    assert_true(spec.block == FS_PARALLEL && spec.key_value_heads == 1 && spec.layer[0].rotary.theta == 10000.0);
    expect_spec(FALCON ", \"multi_query\": false, \"parallel_attn\": false, \"alibi\": true, \"num_kv_heads\": 2}",
                &spec);
    assert_true(spec.block == FS_PRE_NORM && spec.key_value_heads == 4 && spec.layer[0].rotary.theta == 0.0);
    assert_int_equal(spec.score_bias, FS_ALIBI_BFLOAT16);
    expect_spec("{\"model_type\": \"bloom\", \"n_embed\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, "
                "\"vocab_size\": 50}",
                &spec);
    assert_true(spec.hidden == 24 && spec.max_positions == 2048 && spec.score_bias == FS_ALIBI);
    expect_spec(MPT("{\"clip_qkv\": 0, \"softmax_scale\": null}"), &spec);
    assert_true(spec.layer[0].clip == 0.0 && fabs(spec.layer[0].attention_scale - 1 / sqrt(6.0)) < 1e-12);
    expect_spec(MPT("null"), &spec);
    expect_spec(DEBERTA ", \"position_buckets\": 16, \"max_relative_positions\": -1}", &spec);
    const struct fs_disentangled *own = &spec.disentangled;
    assert_true(own->span == 16 && own->most_distance == 64 && own->content_to_position && own->position_to_content);
    assert_true(fabs(spec.layer[1].attention_scale - 1 / sqrt(3 * 6.0)) < 1e-12);
    /* Without relative positions their kinds still count in the scale, as in transformers. */
    expect_spec(SIZES("deberta-v2") ", \"pos_att_type\": [\"c2p\"]}", &spec);
    assert_true(spec.disentangled.span == 0 && fabs(spec.layer[0].attention_scale - 1 / sqrt(2 * 6.0)) < 1e-12);
    fs_spec_release(&spec);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } refused[] = {
        {FALCON ", \"new_decoder_architecture\": true, \"parallel_attn\": false}", "parallel_attn: found false"},
        {FALCON ", \"num_ln_in_parallel_attn\": 2}", "num_ln_in_parallel_attn: found 2"},
        {FALCON ", \"new_decoder_architecture\": true, \"num_kv_heads\": 3}", "no multiple of num_kv_heads 3"},
        {FALCON ", \"num_kv_heads\": 0}", "num_kv_heads"},
        {FALCON ", \"ffn_hidden_size\": -1}", "ffn_hidden_size"},
        {MPT("{\"alibi\": false}"), "alibi: found false"},
        {MPT("{\"qk_ln\": true}"), "qk_ln: found true"},
        {MPT("{\"prefix_lm\": true}"), "prefix_lm"},
        {MPT("{\"attn_type\": \"multiquery_attention\"}"), "multiquery_attention"},
        {MPT("{\"clip_qkv\": -1}"), "clip_qkv"},
        {MPT("{\"softmax_scale\": 0}"), "softmax_scale"},
        {MPT("7"), "attn_config"},
        {MPT("{}, \"logit_scale\": 0.5"), "logit_scale"},
        {SIZES("olmo") ", \"clip_qkv\": 0}", "clip_qkv"},
        {SIZES("mpnet") ", \"relative_attention_num_buckets\": 16}", "relative_attention_num_buckets"},
        {DEBERTA ", \"conv_kernel_size\": 4}", "conv_kernel_size"},
        {DEBERTA ", \"conv_kernel_size\": 3, \"conv_groups\": 2}", "conv_groups"},
        {DEBERTA ", \"conv_kernel_size\": 3, \"conv_act\": \"mish\"}", "mish"},
        {DEBERTA ", \"legacy\": false}", "legacy"},
        {DEBERTA ", \"attention_head_size\": 8}", "attention_head_size"},
        {DEBERTA ", \"position_buckets\": 1}", "position_buckets"},
        {DEBERTA ", \"position_buckets\": 64, \"max_relative_positions\": 33}", "position_buckets"},
        {DEBERTA ", \"position_buckets\": 1.5}", "position_buckets"},
        {DEBERTA ", \"max_relative_positions\": 1e9}", "max_relative_positions"},
        {SIZES("deberta-v2") ", \"pos_att_type\": 3}", "pos_att_type"},
        {SIZES("deberta-v2") ", \"pos_att_type\": [\"c2p\", null]}", "pos_att_type"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        expect_no_spec(refused[i].text, refused[i].word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
