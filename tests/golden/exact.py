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
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
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


def double_attention(module):
    """GPT-Neo's own, without its way through float32: causal, of the window that module.bias says."""
    def attend(query, key, value, attention_mask=None):
        first, last = key.size(-2) - query.size(-2), key.size(-2)
        scores = query @ key.transpose(-1, -2)
        weights = scores.masked_fill(~module.bias[:, :, first:last, :last], -math.inf).softmax(-1)
        return weights @ value, weights
    return attend


def double_router(module):
    """Mixtral's, whose softmax goes through float32."""
    def forward(x):
        logits = torch.nn.functional.linear(x.reshape(-1, module.hidden_dim), module.weight)
        value, index = torch.topk(logits.softmax(-1), module.top_k, dim=-1)
        return logits, value / value.sum(-1, keepdim=True), index
    return forward


def implementation(family):
    """The attention of transformers that to_double() takes."""
    return "eager" if family == "gpt_neo" else "sdpa"


def to_double(model):
    """In place; the model must have been loaded with attn_implementation=implementation(family)."""
    model.double()
    for module in model.modules():
        if type(module).__name__ == "GPTNeoSelfAttention":
            module._attn = double_attention(module)
        if type(module).__name__ == "MixtralTopKRouter":
            module.forward = double_router(module)
    if getattr(model.config, "rope_parameters", None) is not None:
        for module in model.modules():
            if type(module).__name__.endswith("RMSNorm"):
                module.forward = double_norm(module)
        model.model.rotary_emb.forward = double_rotary(model.config)
    return model
