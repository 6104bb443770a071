"""The folders of make_models.py for the causal families beside GPT-2 and Llama, and for GPT-2's scales."""

import torch
from transformers import (GPT2Config, GPT2LMHeadModel, GPTNeoConfig, GPTNeoForCausalLM, MistralConfig,
                          MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

MODEL_CLASS = {"gpt_neo": GPTNeoForCausalLM, "mistral": MistralForCausalLM, "qwen2": Qwen2ForCausalLM,
               "qwen3": Qwen3ForCausalLM}
FIRST_SEED = 101  # those of make_models.py are counted from 1

F32, F16, BF16 = torch.float32, torch.float16, torch.bfloat16


def of(config, begin):
    """A function from a vocabulary's size to a config: `begin` is its begin-of-text token, -1 the last."""
    def make(size, **more):
        token = begin % size
        return config(vocab_size=size, bos_token_id=token, eos_token_id=token, **more)
    return make


gpt2, gpt_neo, mistral, qwen2 = of(GPT2Config, -1), of(GPTNeoConfig, -1), of(MistralConfig, 1), of(Qwen2Config, -1)
qwen3 = of(Qwen3Config, -1)


def masks(model):
    """The buffers that published GPT-Neo checkpoints store."""
    square = torch.tril(torch.ones(model.max_position_embeddings, model.max_position_embeddings, dtype=torch.uint8))
    stored = {f"transformer.h.{i}.attn.attention.bias": square[None, None].clone() for i in range(model.num_layers)}
    return {**stored, **{k.replace(".bias", ".masked_bias"): torch.tensor(-1e9) for k in stored}}


def folders(byte_bpe_files, llama_json_files, rewrite):
    """As folders() of make_models.py."""
    yield ("gpt2-inverse-layer", lambda f: byte_bpe_files(f, 20),
           lambda n: gpt2(n, n_embd=24, n_layer=4, n_head=3, n_positions=128, scale_attn_by_inverse_layer_idx=True),
           F32, None, True, None)
    yield ("gpt2-no-scale-f16", lambda f: byte_bpe_files(f, 10),
           lambda n: gpt2(n, n_embd=20, n_layer=3, n_head=5, n_positions=128, scale_attn_weights=False,
                          scale_attn_by_inverse_layer_idx=True), F16, None, False, None)

    yield ("gpt_neo-tiny", lambda f: byte_bpe_files(f, 60),
           lambda n: gpt_neo(n, hidden_size=24, num_layers=4, num_heads=3, max_position_embeddings=128, window_size=5,
                             attention_types=[[["global", "local"], 2]]), F32, None, False, None)
    yield ("gpt_neo-own-head-bf16", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: gpt_neo(n, hidden_size=20, num_layers=3, num_heads=5, max_position_embeddings=117, window_size=3,
                             intermediate_size=36, activation_function="relu", tie_word_embeddings=False,
                             attention_types=[[["local"], 2], [["global"], 1]]), BF16, None, True,
           lambda f, c: rewrite(f, extra=masks(c), header_remainder=3))

    yield ("mistral-window", lambda f: llama_json_files(f, 40, False, False),
           lambda n: mistral(n, hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=6,
                             num_key_value_heads=2, head_dim=6, sliding_window=7, max_position_embeddings=128),
           F32, None, False, None)
    yield ("mistral-tied-f16", lambda f: llama_json_files(f, 20, False, True),
           lambda n: mistral(n, hidden_size=20, intermediate_size=28, num_hidden_layers=2, num_attention_heads=5,
                             num_key_value_heads=1, sliding_window=None, tie_word_embeddings=True,
                             max_position_embeddings=128,
                             rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}), F16, None, True, None)

    yield ("qwen2-tied-bf16", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: qwen2(n, hidden_size=24, intermediate_size=52, num_hidden_layers=2, num_attention_heads=3,
                           num_key_value_heads=1, tie_word_embeddings=True, max_position_embeddings=160),
           BF16, None, True, None)
    yield ("qwen2-windows", lambda f: byte_bpe_files(f, 10, json_only=True),
           lambda n: qwen2(n, hidden_size=32, intermediate_size=44, num_hidden_layers=4, num_attention_heads=4,
                           num_key_value_heads=4, use_sliding_window=True, sliding_window=6, max_window_layers=2,
                           max_position_embeddings=160), F32, None, False,
           lambda f, c: rewrite(f, header_remainder=1))

    yield ("qwen3-head-size", lambda f: byte_bpe_files(f, 10),
           lambda n: qwen3(n, hidden_size=24, intermediate_size=36, num_hidden_layers=3, num_attention_heads=4,
                           num_key_value_heads=2, head_dim=10, rms_norm_eps=1e-5, max_position_embeddings=160),
           F32, None, False, None)
    yield ("qwen3-biases-bf16", lambda f: byte_bpe_files(f, 20, json_only=True),
           lambda n: qwen3(n, hidden_size=20, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2,
                           num_key_value_heads=1, head_dim=32, attention_bias=True, tie_word_embeddings=True,
                           use_sliding_window=True, sliding_window=5, max_position_embeddings=160,
                           layer_types=["full_attention", "sliding_attention", "full_attention"]),
           BF16, None, True, lambda f, c: rewrite(f, keep_f32="norm"))
