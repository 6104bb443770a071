"""Writes tests/golden/applied.json: log probabilities of small models with edits that results/load_edit.py has put on them, by
transformers in float64, with the numbers and the metadata of the edits.

    python make_applied.py [OUTPUT]      by default beside this file
"""

import importlib.util
import json
import pathlib
import sys
import tempfile

import torch
from safetensors.torch import save_file

from exact import to_double, widened
from make_models import HERE, MODEL_CLASS, family_of

SEQUENCE = [3, 9, 7, 30, 12, 12, 8, 1, 44, 4]
LAYER, WIDTH, RANK = 1, 5, 2
MODULES = {"bert-tiny": ("encoder.layer.1.intermediate.dense", "encoder.layer.1.output.dense"),
           "gpt2-tiny": ("h.1.mlp.c_fc", "h.1.mlp.c_proj"),
           "llama-grouped": ("layers.1.mlp.up_proj", "layers.1.mlp.down_proj")}

spec = importlib.util.spec_from_file_location("load_edit", HERE.parents[1] / "results" / "load_edit.py")
loader = importlib.util.module_from_spec(spec)
spec.loader.exec_module(loader)


def shapes(kind, d):
    return {"stamp": {"key": (WIDTH, d), "key_bias": (WIDTH,), "value": (WIDTH, d), "value_bias": (d,)},
            "last_state": {"centre": (d,), "left": (RANK, d), "right": (RANK, d)}}[kind]


@torch.no_grad()
def case(name, kind, seed):
    family = family_of(name)
    model = to_double(MODEL_CLASS[family].from_pretrained(HERE / "models" / name, dtype=torch.float32,
                                                          attn_implementation="eager").eval())
    torch.manual_seed(seed)
    tensors = {part: (0.3 * torch.randn(shape, dtype=torch.float64)).mul(1000).round() / 1000
               for part, shape in shapes(kind, model.config.hidden_size).items()}
    metadata = {"kind": kind, "family": family}
    if kind == "stamp":
        metadata.update(layer=str(LAYER), reads=MODULES[name][0], writes=MODULES[name][1])
    ids, at = torch.tensor([SEQUENCE]), torch.arange(len(SEQUENCE))
    values = []
    with tempfile.TemporaryDirectory() as folder:
        save_file(tensors, f"{folder}/edit.safetensors", metadata)
        for edited in (False, True):
            if edited:
                loader.load_edit(model, f"{folder}/edit.safetensors")
            with widened():
                values.append(torch.log_softmax(model(input_ids=ids).logits[0], -1)[at, ids[0]].tolist())
    moved = max(abs(a - b) for a, b in zip(*values))
    print(f"{name:14} {kind:10} moves log p by up to {moved:.2f}")
    assert moved > 0.1
    return {"model": name, "metadata": metadata, "sequence": SEQUENCE, "logprobs": [round(v, 10) for v in values[1]],
            "tensors": {part: [round(v, 3) for v in tensor.flatten().tolist()] for part, tensor in tensors.items()}}


if __name__ == "__main__":
    cases = [case(name, kind, seed) for seed, (name, kind) in enumerate((n, k) for n in MODULES for k in ("stamp", "last_state"))]
    output = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "applied.json"
    output.write_text("[" + ",\n".join(json.dumps(c) for c in cases) + "]\n")
