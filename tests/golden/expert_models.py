"""The folders of make_models.py for families with mixtures of experts."""

import torch
from transformers import MixtralConfig, MixtralForCausalLM

from causal_models import of

MODEL_CLASS = {"mixtral": MixtralForCausalLM}
LOADING = {"mixtral": {"experts_implementation": "eager"}}  # the others have no float64
FIRST_SEED = 601

mixtral = of(MixtralConfig, 1)


def folders(llama_json_files):
    """As folders() of make_models.py; log probabilities in float64."""
    yield ("mixtral-tiny", lambda f: llama_json_files(f, 40, False, False),
           lambda n: mixtral(n, hidden_size=20, intermediate_size=24, num_hidden_layers=2, num_attention_heads=5,
                             num_key_value_heads=1, num_local_experts=5, num_experts_per_tok=3,
                             max_position_embeddings=128), torch.float32, None, False, None)
    yield ("mixtral-one-expert-bf16", lambda f: llama_json_files(f, 20, False, True),
           lambda n: mixtral(n, hidden_size=24, intermediate_size=16, num_hidden_layers=3, num_attention_heads=4,
                             num_key_value_heads=2, head_dim=10, num_local_experts=3, num_experts_per_tok=1,
                             sliding_window=6, tie_word_embeddings=True, hidden_act="gelu_pytorch_tanh",
                             max_position_embeddings=128, rms_norm_eps=1e-6,
                             rope_parameters={"rope_type": "default", "rope_theta": 20000.0}),
           torch.bfloat16, None, True, None)
