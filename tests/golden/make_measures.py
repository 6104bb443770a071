"""Writes tests/golden/trace/measures: every measure of stages/trace/trace_measure.h by hooks in PyTorch, in float64.

    python make_measures.py

The prompts are those of make_trace.py whose counterpart has as many tokens. A file holds for each of them log P[o] and
log P*[o], and for each measure log P[o] of the changed run, layer by layer; at the subject's last token and, where it has
more than one, at all of them. Windows are three layers wide."""

import json
import math
import pathlib

import torch

from exact import to_double
from make_models import MODEL_CLASS, encoder_of, special_ids
from make_trace import PROMPTS, Run, encode, window

HERE = pathlib.Path(__file__).resolve().parent
OUTPUT = HERE / "trace" / "measures"
KINDS = {"residual": 0, "attention": 1, "ffn": 2}
WINDOW = 3
RESTORE, REMOVE = "restore", "remove"


def measures():
    """(name, component, positions, direction, layers, severed component)"""
    for direction in (RESTORE, REMOVE):
        for positions in ("subject", "read"):
            yield f"residual.{positions}.{direction}", "residual", positions, direction, 1, None
        for component in ("ffn", "attention"):
            for positions in ("subject", "read", "all"):
                name = f"{component}.{positions}.{direction}"
                yield name, component, positions, direction, 1, None
                yield f"{name}.window", component, positions, direction, WINDOW, None
    for severed in ("ffn", "attention"):
        yield f"residual.subject.restore.without_{severed}", "residual", "subject", RESTORE, 1, severed


class Item:
    def __init__(self, run, family, encoder, special, prompt):
        self.number, head, rest, counter, fill, after = prompt
        self.run = run
        biased, self.read, self.object = encode(family, encoder, special, head + rest, fill, after)
        other, _, _ = encode(family, encoder, special, counter, fill, after)
        self.ids = {RESTORE: other, REMOVE: biased}  # the run that is changed
        self.fits = len(biased) == len(other)
        if not self.fits:
            return
        self.last = len(encoder(head))  # behind one special token
        differing = [i for i, (a, b) in enumerate(zip(biased, other)) if a != b]
        self.subject_tokens = len(encoder(head)) - len(encoder(head.rpartition(" ")[0]))
        assert self.last - self.subject_tokens < differing[0] and differing[-1] <= self.last
        self.kept = {RESTORE: {}, REMOVE: {}}
        self.log_p = {d: math.log(run(self.ids[d], self.read, self.object, keep=self.kept[d])) for d in self.ids}

    def patches(self, kind, layers, positions, values):
        return [(kind, layer, p, values[kind, layer][..., p, :]) for layer in layers for p in positions]

    def changed(self, component, positions, direction, width, severed, subject):
        """log P[o] of the changed run, layer by layer."""
        layers, kind = self.run.layers, KINDS[component]
        where = {"subject": subject, "read": [self.read], "all": range(len(self.ids[RESTORE]))}[positions]
        own, values = self.kept[direction], self.kept[REMOVE if direction == RESTORE else RESTORE]
        result = []
        for layer in range(layers):
            patches = self.patches(kind, window(layer, width, layers) if width > 1 else [layer], where, values)
            if severed is not None:
                patches += self.patches(KINDS[severed], range(layer + 1, layers), where, own)
            result.append(math.log(self.run(self.ids[direction], self.read, self.object, patches)))
        return [float(f"{x:.13g}") for x in result]

    def golden(self):
        result = {"pair": self.number, "log P": self.log_p[REMOVE], "log P*": self.log_p[RESTORE], "last": {}}
        for name, *rest in measures():
            result["last"][name] = self.changed(*rest, [self.last])
        if self.subject_tokens > 1:
            subject = range(self.last - self.subject_tokens + 1, self.last + 1)
            result["all"] = {name: self.changed(*rest, subject) for name, *rest in measures() if rest[1] == "subject"}
        return result


def main():
    OUTPUT.mkdir(exist_ok=True)
    for name, family in (("bert-old-names", "bert"), ("gpt2-no-prefix", "gpt2"), ("llama-no-prefix", "llama")):
        folder = HERE / "models" / name
        model = to_double(MODEL_CLASS[family].from_pretrained(folder).eval())
        encoder, special = encoder_of(folder), special_ids(folder, family)
        items = [Item(Run(model, family), family, encoder, special, prompt) for prompt in PROMPTS]
        golden = [item.golden() for item in items if item.fits]
        (OUTPUT / f"{name}.json").write_text(json.dumps(golden) + "\n")
        print(name, [(i["pair"], len(i["last"]), "all" in i) for i in golden])


if __name__ == "__main__":
    main()
