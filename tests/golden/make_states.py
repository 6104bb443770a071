"""Writes tests/golden/states.json: means of transformers' last_hidden_state, in float64, of one sequence a model.

    python make_states.py [OUTPUT]      by default beside this file
"""

import json
import pathlib
import sys

import torch
import transformers

from exact import to_double, widened
from make_models import HERE, MODEL_CLASS, family_of

MODELS = ["bert-tiny", "gpt2-tiny", "opt-projected-bf16", "opt-no-final-norm-bf16", "albert-groups-bf16", "electra-tiny",
          "openai-gpt-f16", "roberta-prelayernorm-f16", "modernbert-f16", "gemma2-f16"]
IDS = [5, 9, 40, 77, 13, 60, 21]


@torch.no_grad()
def mean_state(name):
    model = MODEL_CLASS[family_of(name)].from_pretrained(HERE / "models" / name, dtype=torch.float32,
                                                         attn_implementation="eager").eval()
    to_double(model)
    with widened():
        state = model.base_model(input_ids=torch.tensor([IDS])).last_hidden_state
    return [round(v, 10) for v in state[0].mean(0).tolist()]


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else HERE / "states.json"
    path.write_text(json.dumps({"ids": IDS, "mean": {name: mean_state(name) for name in MODELS}}, indent=1) + "\n")
