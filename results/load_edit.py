"""Puts an edit of `fairstamp apply` on a model of transformers: handles = load_edit(model, "DIR/edit.safetensors").
Each handle's remove() takes its part off again. Needs torch and safetensors."""
from safetensors import safe_open


def load_edit(model, path):
    with safe_open(path, "pt") as file:
        about, part = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    if about["family"] != model.config.model_type:
        raise ValueError(f"{path}: is of a {about['family']} model, and this one is {model.config.model_type}")
    return {"stamp": stamp, "last_state": last_state}[about["kind"]](model, about, part)


def find(model, name):
    found = [module for own, module in model.named_modules() if own == name or own.endswith("." + name)]
    if len(found) != 1:
        raise ValueError(f"{name}: {len(found)} modules of the model are called so, expected one")
    return found[0]


def stamp(model, about, part):
    """FFN'(x) = FFN(x) + ReLU(x K^T + b_K) V + b_V"""
    seen = {}

    def change(module, inputs, output):
        k, b, v, c = (part[name].to(output.device) for name in ("key", "key_bias", "value", "value_bias"))
        return output + ((seen["x"].to(k.dtype) @ k.T + b).relu() @ v + c).to(output.dtype)
    return [find(model, about["reads"]).register_forward_pre_hook(lambda module, inputs: seen.update(x=inputs[0])),
            find(model, about["writes"]).register_forward_hook(change)]


def last_state(model, about, part):
    """h - (h - c) right^T left"""
    def change(module, inputs, output):
        h = output[0]
        c, left, right = (part[name].to(h.device) for name in ("centre", "left", "right"))
        h = h - ((h.to(c.dtype) - c) @ right.T @ left).to(h.dtype)
        return (h,) + output[1:] if isinstance(output, tuple) else type(output)({**output, "last_hidden_state": h})
    return [model.base_model.register_forward_hook(change)]
