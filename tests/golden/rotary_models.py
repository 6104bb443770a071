"""The folders of make_models.py for the kinds of rotary positions, and for the families that turn otherwise than Llama."""

import torch
from transformers import LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

from causal_models import of

MODEL_CLASS = {}
FIRST_SEED = 401  # from 201 on log probabilities are in float64

F32, F16, BF16 = torch.float32, torch.float16, torch.bfloat16

llama, mistral, qwen2 = of(LlamaConfig, -1), of(MistralConfig, -1), of(Qwen2Config, -1)
qwen3 = of(Qwen3Config, -1)


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


def folders(byte_bpe_files, rewrite, old_style):
    """As folders() of make_models.py."""
    yield from kinds(byte_bpe_files, rewrite)
