"""The folders of make_models.py for the kinds of rotary positions, and for the families that turn otherwise than Llama."""

import json

import torch
from transformers import (CohereConfig, CohereForCausalLM, GPTJConfig, GPTJForCausalLM, GPTNeoXConfig, GPTNeoXForCausalLM,
                          LlamaConfig, MistralConfig, Phi3Config, Phi3ForCausalLM, PhiConfig, PhiForCausalLM, Qwen2Config,
                          Qwen3Config, SmolLM3Config, SmolLM3ForCausalLM, StableLmConfig, StableLmForCausalLM,
                          Starcoder2Config, Starcoder2ForCausalLM)

from causal_models import of

MODEL_CLASS = {"gpt_neox": GPTNeoXForCausalLM, "gptj": GPTJForCausalLM, "phi": PhiForCausalLM, "phi3": Phi3ForCausalLM,
               "stablelm": StableLmForCausalLM, "cohere": CohereForCausalLM, "smollm3": SmolLM3ForCausalLM,
               "starcoder2": Starcoder2ForCausalLM}
FIRST_SEED = 401  # from 201 on log probabilities are in float64

F32, F16, BF16 = torch.float32, torch.float16, torch.bfloat16

llama, mistral, qwen2 = of(LlamaConfig, -1), of(MistralConfig, -1), of(Qwen2Config, -1)
qwen3 = of(Qwen3Config, -1)
gpt_neox, gptj, phi, phi3 = of(GPTNeoXConfig, -1), of(GPTJConfig, -1), of(PhiConfig, -1), of(Phi3Config, -1)
stablelm, cohere, smollm3 = of(StableLmConfig, -1), of(CohereConfig, -1), of(SmolLM3Config, -1)
starcoder2 = of(Starcoder2Config, -1)


def old(folder, theta="rope_theta", partial="partial_rotary_factor", drop=(), **more):
    """config.json as transformers 4 wrote it, with the family's own keys at the top."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["torch_dtype"] = config.pop("dtype")
    rope = config.pop("rope_parameters")
    config[theta] = rope.pop("rope_theta")
    if "partial_rotary_factor" in rope:
        config[partial] = rope.pop("partial_rotary_factor")
    kind = rope.pop("rope_type")
    config["rope_scaling"] = None if kind == "default" else {"type": kind, **rope}
    for key in drop:
        config.pop(key)
    config.update({**more, "transformers_version": "4.41.2"})
    path.write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def masks(stem, layers, positions):
    """The buffers that published checkpoints store."""
    square = torch.tril(torch.ones(positions, positions, dtype=torch.uint8))[None, None]
    stored = {f"{stem}.{i}.bias": square.clone() for i in range(layers)}
    return {**stored, **{k.replace(".bias", ".masked_bias"): torch.tensor(-1e9) for k in stored}}


def kinds(byte_bpe_files, rewrite):
    """Sequences of 7 tokens are long ones, so that tests of few tokens have both."""
    yield ("llama-dynamic-bf16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: llama(n, hidden_size=24, intermediate_size=36, num_hidden_layers=2, num_attention_heads=3,
                           num_key_value_heads=1, max_position_embeddings=6,
                           rope_parameters={"rope_type": "dynamic", "rope_theta": 5000.0, "factor": 20.0}),
           BF16, None, False, None)
    yield ("mistral-yarn-f16", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: mistral(n, hidden_size=24, intermediate_size=28, num_hidden_layers=2, num_attention_heads=2,
                             num_key_value_heads=2, sliding_window=None, max_position_embeddings=160,
                             tie_word_embeddings=True,
                             rope_parameters={"rope_type": "yarn", "rope_theta": 10000.0, "factor": 8.0,
                                              "original_max_position_embeddings": 20, "beta_fast": 4.0,
                                              "beta_slow": 0.5, "mscale": 1.5, "mscale_all_dim": 0.5}),
           F16, None, False, None)
    yield ("qwen3-yarn-old-bf16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: qwen3(n, hidden_size=16, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2,
                           num_key_value_heads=1, head_dim=14, max_position_embeddings=128,
                           tie_word_embeddings=True,
                           rope_parameters={"rope_type": "yarn", "rope_theta": 1000000.0, "factor": 4.0,
                                            "original_max_position_embeddings": 32, "truncate": False}),
           BF16, None, True, None)
    yield ("qwen2-longrope-bf16", lambda f: byte_bpe_files(f, 30, json_only=True),
           lambda n: qwen2(n, hidden_size=32, intermediate_size=36, num_hidden_layers=2, num_attention_heads=4,
                           num_key_value_heads=2, max_position_embeddings=120, tie_word_embeddings=True,
                           rope_parameters={"rope_type": "longrope", "rope_theta": 10000.0, "factor": 20.0,
                                            "original_max_position_embeddings": 6,
                                            "short_factor": [1.0, 1.1, 1.4, 2.0],
                                            "long_factor": [1.5, 3.0, 8.0, 21.0]}), BF16, None, False, None)


def parallel(byte_bpe_files, rewrite):
    """Families whose attention and FFN stand side by side, in some models or in all."""
    yield ("gpt_neox-odd-turn-bf16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: gpt_neox(n, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2,
                              max_position_embeddings=128), BF16, None, False, None)

    def neox_files(f, c):
        stored = masks("gpt_neox.layers", 3, 110)
        rewrite(f, extra={k.replace("bias", "attention.bias").replace("masked_attention.", "attention.masked_"): v
                          for k, v in stored.items()}, header_remainder=3)
        old(f, "rotary_emb_base", "rotary_pct")
    yield ("gpt_neox-sequential-f16", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: GPTNeoXConfig(vocab_size=n + 5, bos_token_id=n - 1, eos_token_id=n - 1, hidden_size=16,
                                   intermediate_size=28, num_hidden_layers=3, num_attention_heads=2,
                                   use_parallel_residual=False, attention_bias=False, tie_word_embeddings=True,
                                   hidden_act="gelu_new", layer_norm_eps=1e-6, max_position_embeddings=110,
                                   rope_parameters={"rope_type": "linear", "rope_theta": 2000.0, "factor": 2.0,
                                                    "partial_rotary_factor": 0.75}), F16, None, False, neox_files)

    yield ("gptj-part-f16-shards", lambda f: byte_bpe_files(f, 60, json_only=True),
           lambda n: gptj(n, n_embd=24, n_layer=2, n_head=3, rotary_dim=6, n_positions=128), F16, "10KB", False, None)
    yield ("gptj-whole-bf16", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: gptj(n, n_embd=20, n_layer=2, n_head=2, rotary_dim=10, n_inner=36, n_positions=112,
                          activation_function="relu", layer_norm_epsilon=1e-6), BF16, None, False,
           lambda f, c: rewrite(f, header_remainder=5, extra={
               k.replace("bias", "attn.bias").replace("masked_attn.", "attn.masked_"): v
               for k, v in masks("transformer.h", 2, 112).items()}))

    yield ("phi-bf16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: phi(n, hidden_size=24, intermediate_size=36, num_hidden_layers=2, num_attention_heads=3,
                         max_position_embeddings=128), BF16, None, False, None)
    yield ("phi-norms-f16", lambda f: byte_bpe_files(f, 30, json_only=True),
           lambda n: phi(n, hidden_size=32, intermediate_size=28, num_hidden_layers=3, num_attention_heads=4,
                         num_key_value_heads=2, qk_layernorm=True, tie_word_embeddings=True, hidden_act="gelu",
                         layer_norm_eps=1e-6, max_position_embeddings=120,
                         rope_parameters={"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.75}),
           F16, None, False, lambda f, c: old(f))

    yield ("stablelm-norms-bf16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: stablelm(n, hidden_size=32, intermediate_size=36, num_hidden_layers=2, num_attention_heads=4,
                              num_key_value_heads=2, qk_layernorm=True, max_position_embeddings=128), BF16, None, False,
           None)
    yield ("stablelm-parallel-f16", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: stablelm(n, hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=2,
                              num_key_value_heads=2, use_parallel_residual=True, use_qkv_bias=True,
                              tie_word_embeddings=True, layer_norm_eps=1e-6, max_position_embeddings=112,
                              rope_parameters={"rope_type": "default", "rope_theta": 700.0,
                                               "partial_rotary_factor": 0.5}), F16, None, False, lambda f, c: old(f))

    yield ("cohere-f16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: cohere(n, hidden_size=24, intermediate_size=36, num_hidden_layers=2, num_attention_heads=3,
                            logit_scale=0.4, max_position_embeddings=128), F16, None, False, None)
    yield ("cohere-norms-bf16", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: cohere(n, hidden_size=24, intermediate_size=20, num_hidden_layers=3, num_attention_heads=4,
                            num_key_value_heads=2, use_qk_norm=True, attention_bias=True, tie_word_embeddings=False,
                            logit_scale=0.25, layer_norm_eps=1e-6, max_position_embeddings=112,
                            rope_parameters={"rope_type": "default", "rope_theta": 9000.0}), BF16, None, False,
           lambda f, c: old(f))


def one_after_the_other(byte_bpe_files, rewrite):
    """Families whose blocks are Llama's."""
    yield ("phi3-longrope-bf16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: phi3(n, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=3,
                          num_key_value_heads=1, max_position_embeddings=120, original_max_position_embeddings=6,
                          pad_token_id=0,
                          rope_parameters={"rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 0.75,
                                           "short_factor": [1.0, 1.2, 1.7], "long_factor": [1.3, 4.0, 17.5]}),
           BF16, None, False, None)

    def su(f, c):
        old(f)
        path = f / "config.json"
        path.write_text(path.read_text().replace('"type": "longrope"', '"type": "su"'))
    yield ("phi3-window-f16", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: phi3(n, hidden_size=16, intermediate_size=40, num_hidden_layers=3, num_attention_heads=2,
                          tie_word_embeddings=True, sliding_window=7, max_position_embeddings=128,
                          original_max_position_embeddings=20, pad_token_id=0,
                          rope_parameters={"rope_type": "longrope", "rope_theta": 10000.0,
                                           "short_factor": [1.0, 1.0, 1.1, 1.2], "long_factor": [1.1, 1.9, 3.0, 6.4]}),
           F16, None, False, su)

    yield ("smollm3-list-bf16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: smollm3(n, hidden_size=24, intermediate_size=28, num_hidden_layers=3, num_attention_heads=3,
                             num_key_value_heads=1, no_rope_layers=[0, 1, 0], use_sliding_window=True, sliding_window=5,
                             layer_types=["full_attention", "sliding_attention", "sliding_attention"],
                             max_position_embeddings=128, pad_token_id=0), BF16, None, False, None)
    yield ("smollm3-interval-f16", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: smollm3(n, hidden_size=24, intermediate_size=20, num_hidden_layers=4, num_attention_heads=6,
                             num_key_value_heads=3, no_rope_layer_interval=2, use_sliding_window=True, sliding_window=9,
                             attention_bias=True, mlp_bias=True, tie_word_embeddings=False, max_position_embeddings=112,
                             pad_token_id=0, rope_parameters={"rope_type": "default", "rope_theta": 3000.0}),
           F16, None, False, lambda f, c: old(f, drop=("no_rope_layers", "layer_types")))

    yield ("starcoder2-f16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: starcoder2(n, hidden_size=24, intermediate_size=36, num_hidden_layers=2, num_attention_heads=3,
                                num_key_value_heads=1, max_position_embeddings=128), F16, None, False, None)
    yield ("starcoder2-window-bf16", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: starcoder2(n, hidden_size=16, intermediate_size=44, num_hidden_layers=3, num_attention_heads=4,
                                num_key_value_heads=2, use_bias=False, sliding_window=6, tie_word_embeddings=False,
                                hidden_act="relu", norm_epsilon=1e-6, max_position_embeddings=112,
                                rope_parameters={"rope_type": "linear", "rope_theta": 8000.0, "factor": 3.0}),
           BF16, None, False, lambda f, c: old(f))


def folders(byte_bpe_files, rewrite):
    """As folders() of make_models.py."""
    yield from kinds(byte_bpe_files, rewrite)
    yield from parallel(byte_bpe_files, rewrite)
    yield from one_after_the_other(byte_bpe_files, rewrite)
