"""A transformers model in float64 throughout.

`model.double()` alone is not enough: norms, rotary tables and softmax go through float32 whatever the weights are."""

import contextlib

import torch


@contextlib.contextmanager
def widened():
    """Within it, what asks for float32 by name gets float64."""
    names, kept = ("float32", "float"), (torch.float32, torch.Tensor.float, torch.get_default_dtype())
    torch.set_default_dtype(torch.float64)
    for name in names:
        setattr(torch, name, torch.float64)
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        for name in names:
            setattr(torch, name, kept[0])
        torch.Tensor.float = kept[1]
        torch.set_default_dtype(kept[2])


def make_positions(model):
    """Rotary tables anew: as they are before the first text, for "dynamic" ones remember the longest."""
    for module in model.modules():
        if type(module).__name__.endswith("RotaryEmbedding"):
            type(module).__init__(module, model.config)


def to_double(model):
    """In place."""
    model.double()
    for module in model.modules():
        if hasattr(module, "scalar_embed_scale"):  # Gemma's, which a float32 buffer has rounded
            module.embed_scale = torch.tensor(module.scalar_embed_scale, dtype=torch.float64)
    forward = model.forward

    def wide(*arguments, **named):
        with widened():
            make_positions(model)
            return forward(*arguments, **named)
    model.forward = wide
    return model
