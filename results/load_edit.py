"""Puts an edit of `fairstamp apply` on a model of transformers: handles = load_edit(model, "DIR/edit.safetensors").
Each handle's remove() takes its part off again. Needs torch and safetensors."""
from safetensors import safe_open


def load_edit(model, path):
    with safe_open(path, "pt") as file:
        about, part = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    if about["family"] != model.config.model_type:
        raise ValueError(f"{path}: is of a {about['family']} model, and this one is {model.config.model_type}")
    if about["kind"] == "stamp":  # FFN'(x) = FFN(x) + ReLU(x K^T + b_K) V + b_V
        seen = {}
        return [find(model, about["reads"]).register_forward_pre_hook(lambda module, inputs: seen.update(x=inputs[0])),
                change(find(model, about["writes"]), part, lambda y, p: y + (
                    seen["x"].to(y.dtype) @ p["key"].T + p["key_bias"]).relu() @ p["value"] + p["value_bias"])]
    if about["kind"] == "last_state":
        return [change(model.base_model, part, lambda h, p: h - (h - p["centre"]) @ p["right"].T @ p["left"])]
    if about["kind"] == "direction" and about["form"] == "added":
        return [change(find(model, about["module"]), part, lambda h, p: h + p["coefficient"] * p["vector"])]
    return [change(find(model, about["module"]), part, lambda h, p: h - p["coefficient"] * (h @ p["vector"])[..., None] * p["vector"])]


def find(model, name):
    found = [module for own, module in model.named_modules() if own == name or own.endswith("." + name)]
    if len(found) != 1:
        raise ValueError(f"{name}: {len(found)} modules of the model are called so, expected one")
    return found[0]


def change(module, part, function):
    """Puts function(state, tensors of the edit), in the edit's type, in the place of the state that the module gives."""
    def hook(module, inputs, output):
        old = output if hasattr(output, "to") else output[0]
        parts = {name: tensor.to(old.device) for name, tensor in part.items()}
        new = function(old.to(next(iter(parts.values())).dtype), parts).to(old.dtype)
        return new if old is output else (new,) + output[1:] if isinstance(output, tuple) else type(output)({**output, "last_hidden_state": new})
    return module.register_forward_hook(hook)
