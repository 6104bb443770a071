"""The folders of make_models.py for families whose attention has parts of its own."""

import torch
from transformers import (BloomConfig, BloomForCausalLM, DebertaV2Config, DebertaV2ForMaskedLM, FalconConfig,
                          FalconForCausalLM, GPTBigCodeConfig, GPTBigCodeForCausalLM, MPNetConfig, MPNetForMaskedLM,
                          MptConfig, MptForCausalLM, Olmo2Config, Olmo2ForCausalLM, Olmo3Config, Olmo3ForCausalLM,
                          OlmoConfig, OlmoForCausalLM)

from causal_models import of

MODEL_CLASS = {"gpt_bigcode": GPTBigCodeForCausalLM, "bloom": BloomForCausalLM, "mpt": MptForCausalLM,
               "falcon": FalconForCausalLM, "olmo": OlmoForCausalLM, "olmo2": Olmo2ForCausalLM,
               "olmo3": Olmo3ForCausalLM, "mpnet": MPNetForMaskedLM, "deberta-v2": DebertaV2ForMaskedLM}
MASKED = {"mpnet", "deberta-v2"}
LOADING = {"falcon": {"attn_implementation": "sdpa"}}  # the eager one adds ALiBi twice
FIRST_SEED = 801

F32, F16, BF16 = torch.float32, torch.float16, torch.bfloat16
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]

gpt_bigcode, bloom, mpt, falcon = of(GPTBigCodeConfig, -1), of(BloomConfig, 1), of(MptConfig, -1), of(FalconConfig, -1)
olmo, olmo2, olmo3 = of(OlmoConfig, -1), of(Olmo2Config, -1), of(Olmo3Config, -1)


def mpnet(size, **more):
    return MPNetConfig(vocab_size=size, pad_token_id=1, bos_token_id=0, eos_token_id=2, **more)


def deberta(size, **more):
    return DebertaV2Config(vocab_size=size, relative_attention=True, **more)


def folders(byte_bpe_files, roberta_json_files, wordpiece_files, rewrite):
    """As folders() of make_models.py; log probabilities in float64."""
    yield ("gpt_bigcode-tiny", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: gpt_bigcode(n, n_embd=18, n_layer=2, n_head=3, n_positions=160), F32, None, False, None)
    yield ("gpt_bigcode-by-head-f16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: gpt_bigcode(n, n_embd=20, n_layer=3, n_head=5, n_positions=150, n_inner=36, multi_query=False,
                                 scale_attn_weights=False, activation_function="gelu", tie_word_embeddings=False,
                                 layer_norm_epsilon=1e-6), F16, None, True, None)

    yield ("bloom-six-heads", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: bloom(n, hidden_size=18, n_layer=2, n_head=6), F32, None, False, None)
    yield ("bloom-residual-bf16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: bloom(n, hidden_size=20, n_layer=3, n_head=5, apply_residual_connection_post_layernorm=True,
                           tie_word_embeddings=False), BF16, None, True,
           lambda f, c: rewrite(f, rename=lambda k: k.removeprefix("transformer."), header_remainder=3))

    yield ("mpt-clip", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: mpt(n, d_model=18, n_layers=2, n_heads=6, max_seq_len=160, expansion_ratio=2,
                         attn_config={"clip_qkv": 0.7, "alibi_bias_max": 16}), F32, None, False, None)
    yield ("mpt-scale-f16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: mpt(n, d_model=20, n_layers=3, n_heads=5, max_seq_len=150, layer_norm_epsilon=1e-6,
                         tie_word_embeddings=False, attn_config={"softmax_scale": 0.25}), F16, None, False, None)

    yield ("falcon-multi-query", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: falcon(n, hidden_size=18, num_hidden_layers=2, num_attention_heads=3, bias=True,
                            max_position_embeddings=160), F32, None, False, None)
    yield ("falcon-alibi-bf16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: falcon(n, hidden_size=20, num_hidden_layers=3, num_attention_heads=5, multi_query=False,
                            parallel_attn=False, alibi=True, ffn_hidden_size=44, tie_word_embeddings=False,
                            max_position_embeddings=150), BF16, None, True, None)
    yield ("falcon-groups-f16-shards", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: falcon(n, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, num_kv_heads=2,
                            new_decoder_architecture=True, max_position_embeddings=150,
                            rope_parameters={"rope_type": "default", "rope_theta": 500.0}), F16, "10KB", True, None)
    yield ("falcon-one-norm", lambda f: byte_bpe_files(f, 5, json_only=True),
           lambda n: falcon(n, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_kv_heads=1,
                            new_decoder_architecture=True, num_ln_in_parallel_attn=1, activation="relu",
                            max_position_embeddings=150), F32, None, False, None)

    yield ("olmo-clip", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: olmo(n, hidden_size=18, intermediate_size=36, num_hidden_layers=2, num_attention_heads=3,
                          num_key_value_heads=1, clip_qkv=0.8, max_position_embeddings=160), F32, None, False, None)
    yield ("olmo-biases-bf16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: olmo(n, hidden_size=20, intermediate_size=28, num_hidden_layers=3, num_attention_heads=5,
                          attention_bias=True, tie_word_embeddings=True, max_position_embeddings=150,
                          rope_parameters={"rope_type": "default", "rope_theta": 500.0}), BF16, None, True, None)
    yield ("olmo2-grouped", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: olmo2(n, hidden_size=16, intermediate_size=36, num_hidden_layers=2, num_attention_heads=4,
                           num_key_value_heads=2, max_position_embeddings=160), F32, None, False, None)
    yield ("olmo2-biases-f16", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: olmo2(n, hidden_size=16, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4,
                           attention_bias=True, tie_word_embeddings=True, rms_norm_eps=1e-6,
                           max_position_embeddings=150), F16, None, True, None)

    yield ("mpnet-tiny", lambda f: roberta_json_files(f, 20, SPECIAL, True),
           lambda n: mpnet(n, hidden_size=18, num_hidden_layers=2, num_attention_heads=3, intermediate_size=36,
                           max_position_embeddings=162), F32, None, False, None)
    yield ("mpnet-own-head-bf16", lambda f: roberta_json_files(f, 10, SPECIAL, True),
           lambda n: mpnet(n, hidden_size=20, num_hidden_layers=3, num_attention_heads=5, intermediate_size=28,
                           hidden_act="relu", tie_word_embeddings=False,
                           layer_norm_eps=1e-5, max_position_embeddings=150), BF16, None, True, None)

    yield ("deberta-v2-shared", lambda f: wordpiece_files(f, True, 20),
           lambda n: deberta(n, hidden_size=18, num_hidden_layers=3, num_attention_heads=3, intermediate_size=36,
                             position_buckets=8, max_relative_positions=20, pos_att_type="p2c|c2p", share_att_key=True,
                             norm_rel_ebd="layer_norm", position_biased_input=False, max_position_embeddings=140),
           F32, None, False, None)
    yield ("deberta-v2-own-bf16", lambda f: wordpiece_files(f, False, 10),
           lambda n: deberta(n, hidden_size=20, num_hidden_layers=2, num_attention_heads=5, intermediate_size=28,
                             max_relative_positions=5, pos_att_type=["c2p", "p2c"], type_vocab_size=3,
                             tie_word_embeddings=False, hidden_act="relu", max_position_embeddings=130),
           BF16, None, True, None)
    yield ("deberta-v2-narrow-f16", lambda f: wordpiece_files(f, True, 10),
           lambda n: deberta(n, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=44,
                             embedding_size=12, pos_att_type=["p2c"], position_buckets=6, max_position_embeddings=130),
           F16, None, False, None)
    yield ("deberta-v2-convolution-bf16", lambda f: wordpiece_files(f, True, 15),
           lambda n: deberta(n, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24,
                             pos_att_type=["c2p"], position_buckets=4, max_relative_positions=12, share_att_key=True,
                             norm_rel_ebd="layer_norm", conv_kernel_size=3, conv_act="gelu",
                             position_biased_input=False, max_position_embeddings=130), BF16, None, False, None)
    yield ("deberta-v2-wide-tanh", lambda f: wordpiece_files(f, True, 5),
           lambda n: deberta(n, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20,
                             pos_att_type=["p2c"], conv_kernel_size=5,
                             max_position_embeddings=130), F32, None, True, None)

    yield ("olmo3-tiny", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: olmo3(n, hidden_size=20, intermediate_size=28, num_hidden_layers=4, num_attention_heads=5,
                           num_key_value_heads=1, sliding_window=5, max_position_embeddings=150,
                           rope_parameters={"full_attention": {"rope_type": "yarn", "rope_theta": 20000.0, "factor": 4.0,
                                                               "original_max_position_embeddings": 40},
                                            "sliding_attention": {"rope_type": "default", "rope_theta": 20000.0}}),
           F32, None, False, None)
    yield ("olmo3-biases-bf16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: olmo3(n, hidden_size=24, intermediate_size=36, num_hidden_layers=3, num_attention_heads=3,
                           attention_bias=True, tie_word_embeddings=True, sliding_window=9, rms_norm_eps=1e-5,
                           layer_types=["full_attention", "sliding_attention", "full_attention"],
                           max_position_embeddings=150), BF16, None, False, None)
