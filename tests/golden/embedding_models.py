"""The folders of make_models.py for families whose embeddings, norms or heads are other than BERT's, GPT-2's and Llama's."""

import json

import torch
from transformers import (AlbertConfig, AlbertForMaskedLM, ElectraConfig, ElectraForMaskedLM, Gemma2Config,
                          Gemma2ForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig, GemmaConfig, GemmaForCausalLM,
                          GraniteConfig, GraniteForCausalLM, ModernBertConfig, ModernBertForMaskedLM, OpenAIGPTConfig,
                          OpenAIGPTLMHeadModel, OPTConfig, OPTForCausalLM, RobertaPreLayerNormConfig,
                          RobertaPreLayerNormForMaskedLM)

from causal_models import of

MODEL_CLASS = {"opt": OPTForCausalLM, "albert": AlbertForMaskedLM, "electra": ElectraForMaskedLM,
               "openai-gpt": OpenAIGPTLMHeadModel, "roberta-prelayernorm": RobertaPreLayerNormForMaskedLM,
               "modernbert": ModernBertForMaskedLM, "gemma": GemmaForCausalLM, "gemma2": Gemma2ForCausalLM,
               "gemma3_text": Gemma3ForCausalLM, "granite": GraniteForCausalLM}
MASKED = {"albert", "electra", "roberta-prelayernorm", "modernbert"}
FIRST_SEED = 801  # from 201 on log probabilities are in float64

F32, F16, BF16 = torch.float32, torch.float16, torch.bfloat16

opt, openai_gpt, granite = of(OPTConfig, -1), of(OpenAIGPTConfig, -1), of(GraniteConfig, -1)
gemma, gemma2, gemma3_text = of(GemmaConfig, -1), of(Gemma2Config, -1), of(Gemma3TextConfig, -1)


def masked(config, **more):
    return lambda n: config(vocab_size=n, **more)


def prelayernorm(special, **more):
    return lambda n: RobertaPreLayerNormConfig(vocab_size=n, type_vocab_size=1, pad_token_id=special.index("<pad>"),
                                               bos_token_id=special.index("<s>"), eos_token_id=special.index("</s>"),
                                               **more)


def change_config(folder, change):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def rope_at_top(sliding, full, others=(), scaling=None):
    """As transformers 4 wrote the bases of two kinds of layers, and what else it had in place of layer_types."""
    def change(config):
        rope = config.pop("rope_parameters")
        config[sliding], config[full] = (rope[k + "_attention"]["rope_theta"] for k in ("sliding", "full"))
        config.pop("layer_types")
        config["torch_dtype"] = config.pop("dtype")
        config["transformers_version"] = "4.57.1"
        config["rope_scaling"] = scaling
        config.update(others)
    return change


def opt_folders(byte_bpe_files, rewrite):
    yield ("opt-f16", lambda f: byte_bpe_files(f, 10),
           lambda n: opt(n, hidden_size=20, num_hidden_layers=2, num_attention_heads=5, ffn_dim=28,
                         word_embed_proj_dim=20, max_position_embeddings=118), F16, None, False, None)
    yield ("opt-projected-bf16", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: opt(n, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, ffn_dim=24,
                         word_embed_proj_dim=12, do_layer_norm_before=False, max_position_embeddings=130),
           BF16, None, True, None)
    yield ("opt-bare-bf16", lambda f: byte_bpe_files(f, 5, json_only=True),
           lambda n: opt(n, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, ffn_dim=40,
                         word_embed_proj_dim=20, activation_function="gelu", enable_bias=False,
                         layer_norm_elementwise_affine=False, max_position_embeddings=120), BF16, None, False,
           lambda f, c: rewrite(f, rename=lambda k: k.removeprefix("model."), header_remainder=3))
    yield ("opt-no-final-norm-bf16", lambda f: byte_bpe_files(f, 5, json_only=True),
           lambda n: opt(n, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, ffn_dim=20,
                         word_embed_proj_dim=12, _remove_final_layer_norm=True, tie_word_embeddings=False,
                         max_position_embeddings=120), BF16, None, False, None)


def bert_folders(wordpiece_files, roberta_json_files, rewrite):
    yield ("albert-tiny", lambda f: wordpiece_files(f, True, 25),
           masked(AlbertConfig, embedding_size=12, hidden_size=20, num_hidden_layers=3, num_attention_heads=5,
                  intermediate_size=36, max_position_embeddings=116), F32, None, False, None)
    yield ("albert-groups-bf16", lambda f: wordpiece_files(f, False, 15),
           masked(AlbertConfig, embedding_size=20, hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
                  intermediate_size=24, num_hidden_groups=2, inner_group_num=2, hidden_act="relu",
                  layer_norm_eps=1e-5, type_vocab_size=3, tie_word_embeddings=False, max_position_embeddings=112),
           BF16, None, True, lambda f, c: rewrite(f, header_remainder=5))
    yield ("electra-tiny", lambda f: wordpiece_files(f, True, 20),
           masked(ElectraConfig, embedding_size=12, hidden_size=16, num_hidden_layers=2, num_attention_heads=4,
                  intermediate_size=40, hidden_act="gelu_new", max_position_embeddings=114), F32, None, False, None)
    yield ("electra-one-size-f16-shards", lambda f: wordpiece_files(f, False, 20),
           masked(ElectraConfig, embedding_size=20, hidden_size=20, num_hidden_layers=2, num_attention_heads=2,
                  intermediate_size=28, hidden_act="relu", type_vocab_size=1, tie_word_embeddings=False,
                  layer_norm_eps=1e-6, max_position_embeddings=120), F16, "12KB", True, None)
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    yield ("roberta-prelayernorm-f16", lambda f: roberta_json_files(f, 10, special, True),
           prelayernorm(special, hidden_size=20, num_hidden_layers=2, num_attention_heads=4, intermediate_size=28,
                        hidden_act="relu", max_position_embeddings=124), F16, None, False, None)
    yield ("roberta-prelayernorm-own-head-bf16", lambda f: roberta_json_files(f, 20, special, True),
           prelayernorm(special, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=36,
                        layer_norm_eps=1e-5, tie_word_embeddings=False, max_position_embeddings=126),
           BF16, None, True,
           lambda f, c: rewrite(f, rename=lambda k: k.removeprefix("roberta_prelayernorm."), header_remainder=2))
    yield ("modernbert-f16", lambda f: roberta_json_files(f, 10, special, True),
           masked(ModernBertConfig, hidden_size=20, intermediate_size=28, num_hidden_layers=4, num_attention_heads=5,
                  local_attention=7, global_attn_every_n_layers=3, max_position_embeddings=140, pad_token_id=1,
                  bos_token_id=0, cls_token_id=0, eos_token_id=2, sep_token_id=2), F16, None, False, None)
    yield ("modernbert-biases-bf16", lambda f: roberta_json_files(f, 20, special, True),
           masked(ModernBertConfig, hidden_size=16, intermediate_size=20, num_hidden_layers=3, num_attention_heads=2,
                  local_attention=4, global_attn_every_n_layers=2, hidden_activation="gelu_new", norm_bias=True,
                  attention_bias=True, mlp_bias=True, classifier_bias=True, decoder_bias=False,
                  classifier_activation="silu", tie_word_embeddings=False, norm_eps=1e-6, pad_token_id=1,
                  bos_token_id=0, cls_token_id=0, eos_token_id=2, sep_token_id=2, max_position_embeddings=120,
                  rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 3000.0},
                                   "sliding_attention": {"rope_type": "default", "rope_theta": 70.0}}),
           BF16, None, False,
           lambda f, c: change_config(f, rope_at_top("local_rope_theta", "global_rope_theta",
                                                     {"global_attn_every_n_layers": 2})))


def openai_gpt_folders(byte_bpe_files, rewrite):
    yield ("openai-gpt-f16", lambda f: byte_bpe_files(f, 20),
           lambda n: openai_gpt(n, n_embd=20, n_layer=2, n_head=5, n_positions=128), F16, None, False, None)
    yield ("openai-gpt-no-prefix-bf16", lambda f: byte_bpe_files(f, 5, json_only=True),
           lambda n: openai_gpt(n, n_embd=16, n_layer=3, n_head=2, n_positions=122, afn="silu",
                                layer_norm_epsilon=1e-6), BF16, None, True,
           lambda f, c: rewrite(f, rename=lambda k: k.removeprefix("transformer."), header_remainder=7))


def gemma_folders(byte_bpe_files, rewrite):
    yield ("gemma-tiny", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: gemma(n, hidden_size=20, intermediate_size=28, num_hidden_layers=2, num_attention_heads=4,
                           num_key_value_heads=2, head_dim=6, max_position_embeddings=130), F32, None, False, None)
    yield ("gemma-own-head-bf16", lambda f: byte_bpe_files(f, 5, json_only=True),
           lambda n: gemma(n, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2,
                           num_key_value_heads=1, head_dim=12, hidden_act="gelu", attention_bias=True,
                           tie_word_embeddings=False, rms_norm_eps=1e-5, max_position_embeddings=120,
                           rope_parameters={"rope_type": "default", "rope_theta": 500.0}),
           BF16, None, True, lambda f, c: rewrite(f, keep_f32="norm", header_remainder=1))
    yield ("gemma2-f16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: gemma2(n, hidden_size=20, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
                            num_key_value_heads=2, head_dim=8, query_pre_attn_scalar=11, sliding_window=5,
                            attn_logit_softcapping=1.5, final_logit_softcapping=3.0, max_position_embeddings=130),
           F16, None, False, None)
    yield ("gemma2-no-caps-f16", lambda f: byte_bpe_files(f, 5, json_only=True),
           lambda n: gemma2(n, hidden_size=16, intermediate_size=28, num_hidden_layers=2, num_attention_heads=2,
                            num_key_value_heads=1, head_dim=10, query_pre_attn_scalar=10, sliding_window=7,
                            attn_logit_softcapping=None, final_logit_softcapping=None, tie_word_embeddings=False,
                            hidden_activation="gelu", max_position_embeddings=120), F16, None, True,
           lambda f, c: change_config(f, lambda config: config.pop("layer_types")))
    yield ("gemma3_text-f16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: gemma3_text(n, hidden_size=20, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
                                 num_key_value_heads=1, head_dim=8, query_pre_attn_scalar=6, sliding_window=4,
                                 layer_types=["sliding_attention", "full_attention", "sliding_attention"],
                                 max_position_embeddings=130,
                                 rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 9000.0},
                                                  "sliding_attention": {"rope_type": "default", "rope_theta": 60.0}}),
           F16, None, False, None)
    yield ("gemma3_text-scaled-bf16", lambda f: byte_bpe_files(f, 5, json_only=True),
           lambda n: gemma3_text(n, hidden_size=16, intermediate_size=20, num_hidden_layers=4, num_attention_heads=2,
                                 num_key_value_heads=2, head_dim=6, query_pre_attn_scalar=8, sliding_window=6,
                                 layer_types=["sliding_attention", "sliding_attention", "full_attention",
                                              "sliding_attention"],
                                 final_logit_softcapping=4.0, max_position_embeddings=120,
                                 rope_parameters={"full_attention": {"rope_type": "linear", "rope_theta": 2000.0,
                                                                     "factor": 8.0},
                                                  "sliding_attention": {"rope_type": "default", "rope_theta": 90.0}}),
           BF16, None, False,
           lambda f, c: change_config(f, rope_at_top("rope_local_base_freq", "rope_theta",
                                                     {"sliding_window_pattern": 3},
                                                     {"rope_type": "linear", "factor": 8.0})))


def granite_folders(byte_bpe_files):
    yield ("granite-f16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: granite(n, hidden_size=24, intermediate_size=28, num_hidden_layers=2, num_attention_heads=4,
                             num_key_value_heads=2, attention_multiplier=0.3, embedding_multiplier=3.0,
                             residual_multiplier=0.6, logits_scaling=1.7, max_position_embeddings=130),
           F16, None, False, None)
    yield ("granite-biases-bf16", lambda f: byte_bpe_files(f, 5, json_only=True),
           lambda n: granite(n, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
                             num_key_value_heads=1, attention_multiplier=0.25, embedding_multiplier=0.5,
                             residual_multiplier=1.4, logits_scaling=0.8, attention_bias=True, mlp_bias=True,
                             tie_word_embeddings=True, rms_norm_eps=1e-5, max_position_embeddings=120),
           BF16, None, True, None)


def folders(byte_bpe_files, wordpiece_files, roberta_json_files, rewrite):
    """As folders() of make_models.py."""
    yield from opt_folders(byte_bpe_files, rewrite)
    yield from bert_folders(wordpiece_files, roberta_json_files, rewrite)
    yield from openai_gpt_folders(byte_bpe_files, rewrite)
    yield from gemma_folders(byte_bpe_files, rewrite)
    yield from granite_folders(byte_bpe_files)
