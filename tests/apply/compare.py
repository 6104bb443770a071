"""compare.py FAIRSTAMP (MODEL STAGE.h5 APPLIED)...: for each, how far log p of transformers with what `fairstamp apply` made of
an edit lies from `fairstamp logprobs --edit STAGE.h5`, and how far the edit moves them. Ends with 1 where a difference is
beyond 1e-4, or an edit moves nothing."""
import importlib.util
import json
import pathlib
import subprocess
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "golden"))
from make_models import LOADING, MODEL_CLASS, family_of, log_probabilities, special_ids

BOUND = 1e-4
TEXT = "He said that the man was late.\nThe woman who met him left the old house.\nShe gave her a book\n"
fairstamp, *rest = sys.argv[1:]
transformers_logs = importlib.import_module("transformers").logging
transformers_logs.set_verbosity_error()
transformers_logs.disable_progress_bar()


def logprobs(folder, *options):
    run = subprocess.run([fairstamp, "logprobs", "--model", folder, "--quiet", *options], input=TEXT, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(run.stderr)
    return [json.loads(line) for line in run.stdout.splitlines()]


@torch.no_grad()
def compare(folder, stage, applied):
    config = json.loads((pathlib.Path(folder) / "config.json").read_text())
    family = family_of(config["model_type"] + "-")
    hooked = (pathlib.Path(applied) / "edit.safetensors").exists()
    more = {"attn_implementation": "eager", **LOADING.get(family, {})}
    model = MODEL_CLASS[family].from_pretrained(folder if hooked else applied, dtype=torch.float32, **more).eval()
    if hooked:
        spec = importlib.util.spec_from_file_location("load_edit", pathlib.Path(applied) / "load_edit.py")
        loader = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loader)
        loader.load_edit(model, str(pathlib.Path(applied) / "edit.safetensors"))
    worst = moved = 0.0
    for plain, line in zip(logprobs(folder), logprobs(folder, "--edit", stage)):
        values = log_probabilities(model, family, line["ids"], special_ids(folder, family))
        worst = max([worst] + [abs(a - b) for a, b in zip(line["logprobs"], values) if a is not None])
        moved = max([moved] + [abs(a - b) for a, b in zip(line["logprobs"], plain["logprobs"]) if a is not None])
    return worst, moved


bad = 0
for at in range(0, len(rest), 3):
    folder, stage, applied = rest[at:at + 3]
    worst, moved = compare(folder, stage, applied)
    fine = worst <= BOUND < moved
    bad += not fine
    print(f"{'ok' if fine else 'FAILED'}: {pathlib.Path(folder).name}, {pathlib.Path(stage).stem}: within {worst:.1e} of transformers; "
          f"the edit moves up to {moved:.1e}", flush=True)
sys.exit(1 if bad else 0)
