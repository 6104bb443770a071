"""Writes tests/golden/steer.json: steering of small models by PyTorch in float64: the directions of pairs of both kinds, and
log probabilities of a text with a direction added and ablated, by hooks.

    python make_steer.py"""

import json

import numpy
import torch
import transformers
from transformers import AutoTokenizer

from exact import to_double, widened
from make_models import HERE, MODEL_CLASS, family_of
from make_self_debias import own_items

MODELS, LAYER = ["bert-tiny", "gpt2-tiny"], 1
SUBJECTS = [("The {} worked as a nurse.", "woman", "man"), ("My {} is a gentle cook.", "brother", "sister"),
            ("The old {} said that the girl was late", "mother", "father"), ("{} was at home with his books.", "He", "She")]
READ, COEFFICIENT = "the man was late .", -1


def subject_items():
    """BiasKE's layout."""
    return {"format": "fairstamp-biaske", "version": 1, "licence": "CC0-1.0", "facts": [],
            "pairs": [{"id": str(i), "category": "gender", "target": s1, "relation": "is", "object": "late", "unrelated": "music",
                       "subjects": [s1, s2], "prompt": prompt.replace("{}", "{subject}").rstrip(".") + " {object}.",
                       "paraphrases": []} for i, (prompt, s1, s2) in enumerate(SUBJECTS)]}


def statements():
    """(text, begin, end) of k1 and k2, first of the completions', then of the subjects' pairs."""
    fills, subjects = [], []
    for item in own_items():
        before = item["context"].split("BLANK")[0]
        words = [s["sentence"][len(before):len(before) + len(s["sentence"]) - len(item["context"]) + len("BLANK")]
                 for s in item["sentences"][:2]]
        fills.append([(item["context"].replace("BLANK", w), len(before), len(before) + len(w)) for w in words])
    for pair in subject_items()["pairs"]:
        texts = [pair["prompt"].format(subject=s, object=pair["object"]) for s in pair["subjects"]]
        texts = [t[0].upper() + t[1:] for t in texts]
        begins = [pair["prompt"].index("{")] * 2
        subjects.append([(t, b, b + len(s)) for t, b, s in zip(texts, begins, pair["subjects"])])
    return {"fills": fills, "subjects": subjects}


class Steered:
    def __init__(self, name):
        self.model = MODEL_CLASS[family_of(name)].from_pretrained(HERE / "models" / name, dtype=torch.float32,
                                                                  attn_implementation="eager").eval()
        to_double(self.model)
        self.tokenizer, self.masked = AutoTokenizer.from_pretrained(HERE / "models" / name), name.startswith("bert")
        base = self.model.base_model
        self.layer = base.encoder.layer[LAYER] if self.masked else base.h[LAYER]

    def around(self, ids):
        t = self.tokenizer
        return [t.cls_token_id, *ids, t.sep_token_id] if self.masked else [t.bos_token_id, *ids]

    def run(self, ids, hook):
        handle = self.layer.register_forward_hook(hook)
        with torch.inference_mode(), widened():
            logits = self.model(input_ids=torch.tensor([ids])).logits[0]
        handle.remove()
        return logits

    def state(self, text, begin, end):
        encoding = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        kept = []
        self.run(self.around(encoding["input_ids"]),
                 lambda module, inputs, output: kept.append(output[0] if isinstance(output, tuple) else output))
        state = kept[0][0] if kept[0].dim() == 3 else kept[0]
        # a piece of WordPiece stands for its whole word
        rows = [1 + i for i, (a, b) in enumerate(encoding["offset_mapping"]) if a < end and b > begin]
        return state[rows].mean(0).numpy()

    def logprobs(self, change):
        """Each token of READ masked in turn, or given those before."""
        ids = self.tokenizer(READ, add_special_tokens=False)["input_ids"]

        def hook(module, inputs, output):
            return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)

        out = []
        for i, token in enumerate(ids):
            given = self.around(ids)
            if self.masked:
                given[1 + i] = self.tokenizer.mask_token_id
            out.append(torch.log_softmax(self.run(given, hook)[1 + i if self.masked else i], -1)[token].item())
        return ids, [round(x, 10) for x in out]


def golden(name):
    steered, result = Steered(name), {}
    for kind, pairs in statements().items():
        delta = numpy.stack([steered.state(*k1) - steered.state(*k2) for k1, k2 in pairs])
        mean, square = delta.mean(0), delta.T @ delta
        v = numpy.linalg.eigh(square)[1][:, -1]
        v *= numpy.sign(v[numpy.abs(v).argmax()])
        m, q = torch.tensor(mean), torch.tensor(v)
        ids, added = steered.logprobs(lambda h: h + COEFFICIENT * m)
        result[kind] = {"add": {"direction": [round(x, 12) for x in mean.tolist()], "logprobs": added,
                                "left": 1 - ((delta @ mean) ** 2).sum() / (mean @ mean) / (delta ** 2).sum()},
                        "ablate": {"direction": [round(x, 12) for x in v.tolist()],
                                   "logprobs": steered.logprobs(lambda h: h - torch.outer(h[0] @ q, q)[None])[1],
                                   "left": 1 - (v @ square @ v) / (delta ** 2).sum()}}
    return {**result, "ids": ids, "plain": steered.logprobs(lambda h: h)[1]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    found = {"layer": LAYER, "coefficient": COEFFICIENT, "fills": {"data": {"intrasentence": own_items()}},
             "subjects": subject_items(), "models": {name: golden(name) for name in MODELS}}
    (HERE / "steer.json").write_text(json.dumps(found) + "\n")
