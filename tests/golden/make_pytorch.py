"""Writes tests/golden/pytorch: weights of tests/golden/models as torch.save writes them.

    python make_pytorch.py

README.md describes the folders."""

import json
import pathlib
import shutil
from collections import OrderedDict

import torch
from safetensors.torch import load_file

HERE = pathlib.Path(__file__).resolve().parent


def state_dict(tensors):
    """As Module.state_dict() gives it: with the versions of its modules in an attribute."""
    made = OrderedDict(tensors)
    made._metadata = OrderedDict([("", {"version": 1}), ("model", {"version": 2, "assign_to_params_buffers": True})])
    return made


def tied(tensors):
    return state_dict({**tensors, "lm_head.weight": tensors["model.embed_tokens.weight"]})


def parameters(tensors):
    """Parameters with and without attributes of their own, and a tensor with one."""
    made = {k: torch.nn.Parameter(v) for k, v in tensors.items()}
    names = list(made)
    made[names[0]].note = "x"
    made[names[1]] = tensors[names[1]].clone()
    made[names[1]].note = "x"
    return made


def turned(tensors):
    """All in one storage, one after the other, matrices column by column; every other number unused in the first."""
    flat = torch.cat([v.t().flatten() for v in tensors.values()])
    made, at = {}, 0
    for name, v in tensors.items():
        made[name] = flat[at:at + v.numel()].view(*reversed(v.shape)).t()
        at += v.numel()
    first = next(iter(tensors))
    made[first] = torch.stack([tensors[first], torch.zeros_like(tensors[first])], -1)[..., 0]
    return made


def rare(tensors):
    """Tensors without elements or dimensions, a row with an odd stride, and integers."""
    return {**tensors, "rare.none": torch.zeros(3, 0), "rare.scalar": torch.tensor(7), "rare.mask": torch.ones(3, dtype=torch.bool),
            "rare.ids": torch.arange(5).expand(1, -1), "rare.bytes": torch.arange(3, dtype=torch.uint8)}


CASES = [("tied-f16", "mistral-tied-f16", tied, {}, True),
         ("turned-f16", "mistral-tied-f16", turned, {}, True),
         ("parameters-bf16", "ernie-own-head-bf16", parameters, {"pickle_protocol": 4}, True),
         ("early", "bert-no-prefix", rare, {"_disable_byteorder_record": True}, False),
         ("shards-f16", "xlm-roberta-f16-shards", state_dict, {"pickle_protocol": 5}, True)]


def make(name, source, change, options, checksums):
    folder, models = HERE / "pytorch" / name, HERE / "models" / source
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.serialization.set_crc32_options(checksums)
    for path in sorted(models.glob("*.safetensors")):
        file = folder / ("pytorch_" + path.name.replace(".safetensors", ".bin"))
        torch.save(change(load_file(path)), file, **options)
    index = models / "model.safetensors.index.json"
    if index.exists():
        content = json.loads(index.read_text())
        content["weight_map"] = {k: "pytorch_" + v.replace(".safetensors", ".bin") for k, v in content["weight_map"].items()}
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


for case in CASES:
    make(*case)
