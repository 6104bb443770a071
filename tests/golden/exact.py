"""A transformers model in float64 throughout.

`model.double()` alone is not enough: Llama's norm, rotary table and softmax go through float32 whatever the weights are."""

import math

import torch


def double_norm(module):
    def forward(x):
        return module.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + module.variance_epsilon))
    return forward


def inverse_frequencies(config):
    """Rotary frequencies in float64, by the definitions of the kinds "default", "linear" and "llama3"."""
    rope = config.rope_parameters
    size = config.head_dim
    frequency = rope["rope_theta"] ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    if rope["rope_type"] == "linear":
        return frequency / rope["factor"]
    if rope["rope_type"] == "llama3":
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        turns = rope["original_max_position_embeddings"] * frequency / (2 * math.pi)
        share = ((turns - low) / (high - low)).clamp(0, 1)
        return (1 - share) * frequency / rope["factor"] + share * frequency
    assert rope["rope_type"] == "default"
    return frequency


def double_rotary(config):
    frequency = inverse_frequencies(config)

    def forward(x, position_ids):
        angle = position_ids[..., None].double() * frequency
        angle = torch.cat((angle, angle), -1)
        return angle.cos(), angle.sin()
    return forward


def to_double(model):
    """In place; the model must have been loaded with attn_implementation="sdpa"."""
    model.double()
    if model.config.model_type == "llama":
        for module in model.modules():
            if type(module).__name__ == "LlamaRMSNorm":
                module.forward = double_norm(module)
        model.model.rotary_emb.forward = double_rotary(model.config)
    return model
