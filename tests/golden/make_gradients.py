"""Writes tests/golden/gradients: loss terms of a stamped model and their gradients, by autograd in float64.

    python make_gradients.py [FAMILY]...     by default all

README.md describes the files."""

import json
import pathlib
import sys

import torch
import transformers

from exact import to_double
from make_models import MODEL_CLASS

HERE = pathlib.Path(__file__).resolve().parent
WIDTH = 8  # d_c


class StampedLayer:
    """FFN'(x) = FFN(x) + relu(x K'^T + b_K) V' + b_V at one layer, with x cut loose from the residual."""

    def __init__(self, model, family, layer, stamp):
        self.stamp, self.active, self.x, self.ffn = stamp, True, None, None
        if family == "bert":
            block = model.bert.encoder.layer[layer]
            entry, leave = block.intermediate, block.output.dense
        elif family == "opt":
            entry, leave = model.model.decoder.layers[layer].fc1, model.model.decoder.layers[layer].fc2
        else:
            body = model.transformer.h if family.startswith("gpt") else model.model.layers
            entry = leave = body[layer].mlp
        entry.register_forward_pre_hook(self.take)
        leave.register_forward_hook(self.add)

    def take(self, module, arguments):
        self.x = arguments[0].detach().requires_grad_()
        return (self.x, *arguments[1:])

    def add(self, module, arguments, output):
        self.ffn = output.detach()
        return output + self.output(self.x) if self.active else output

    def output(self, x):
        s = self.stamp
        return torch.relu(x @ s["key"].T + s["key_bias"]) @ s["value"] + s["value_bias"]


def read(case, rows):
    """P' of every statement."""
    values = []
    for statement in case["statements"]:
        log_p = torch.stack([rows[s][position, token] for s, position, token in statement])
        values.append(log_p.exp().mean() if case["fold"] == "mean_probability" else log_p.mean().exp())
    return values


def term(name, case, rows, unstamped):
    if name == "kl":
        parts = []
        for s, position in case["rows"]:
            p = unstamped[s][position]
            parts.append((p.exp() * (p - rows[s][position])).sum())
        return torch.stack(parts).mean()
    values = read(case, rows)
    if name == "gap":
        return torch.stack([(values[a] - values[b]).abs() for a, b in case["pairs"]]).mean()
    return torch.stack([(values[a].log() - values[b].log()) ** 2 for a, b in case["pairs"]]).mean()


def text_term(layer, case, model):
    """L_t of the tokens of two sequences behind their first: mean ||stamp(x)||^2 / ||FFN(x)||^2."""
    shares = []
    for ids in (case["sequences"][0], case["sequences"][-1]):
        model(input_ids=torch.tensor([ids]))
        x, ffn = (t.reshape(len(ids), -1)[1:] for t in (layer.x.detach(), layer.ffn))
        shares.append((layer.output(x) ** 2).sum(-1) / (ffn ** 2).sum(-1))
    return torch.cat(shares).mean()


def numbers(tensor):
    return tensor.detach().tolist()


def make(family, case, seed):
    generator = torch.Generator().manual_seed(seed)
    model = to_double(MODEL_CLASS[family].from_pretrained(
        HERE / "models" / case["model"], dtype=torch.float32, attn_implementation="eager").eval())
    model.requires_grad_(False)
    d = model.config.hidden_size

    def draw(scale, *shape):
        return (torch.randn(*shape, generator=generator, dtype=torch.float64) * scale).requires_grad_()

    stamp = {"key": draw(0.4, WIDTH, d), "key_bias": draw(0.3, WIDTH), "value": draw(0.3, WIDTH, d),
             "value_bias": draw(0.2, d)}
    layer = StampedLayer(model, family, case["layer"], stamp)

    def forward():
        rows, inputs = [], []
        for ids in case["sequences"]:
            rows.append(torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0], -1))
            inputs.append(layer.x)
        return rows, inputs

    layer.active = False
    unstamped = [r.detach() for r in forward()[0]]
    layer.active = True
    terms = {}
    for name in ("gap", "logratio", "kl"):
        rows, inputs = forward()
        value = term(name, case, rows, unstamped)
        parameters = list(stamp.values())
        gradients = torch.autograd.grad(value, parameters + inputs, allow_unused=True)
        gradients = [torch.zeros_like(p) if g is None else g for g, p in zip(gradients, parameters + inputs)]
        # One direction through all parameters, by central differences.
        step, directions = 1e-6, [torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in parameters]
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                for p, v in zip(parameters, directions):
                    p += sign * step * v
                ends.append(term(name, case, forward()[0], unstamped).item())
                for p, v in zip(parameters, directions):
                    p -= sign * step * v
        numeric = (ends[0] - ends[1]) / (2 * step)
        analytic = sum((g * v).sum().item() for g, v in zip(gradients, directions))
        assert abs(numeric - analytic) < 1e-6 * max(1e-3, abs(analytic)), (family, name, numeric, analytic)
        terms[name] = {"value": value.item(), "key": numbers(gradients[0]), "key_bias": numbers(gradients[1]),
                       "value_matrix": numbers(gradients[2]), "value_bias": numbers(gradients[3]),
                       "x": [numbers(g.reshape(-1, d)) for g in gradients[4:]]}
        print(f"{family:8} {name:9} {value.item():.6f}  |dK| {gradients[0].norm():.2e} |dV| {gradients[2].norm():.2e}"
              f" |dx| {max(g.norm() for g in gradients[4:]):.2e}")
    layer.active = False
    value = text_term(layer, case, model)
    gradients = torch.autograd.grad(value, list(stamp.values()))
    terms["text"] = {"value": value.item(), "key": numbers(gradients[0]), "key_bias": numbers(gradients[1]),
                     "value_matrix": numbers(gradients[2]), "value_bias": numbers(gradients[3])}
    layer.active = True
    record = {**case, "stamp": {k: numbers(v) for k, v in stamp.items()},
              "statement_values": [v.item() for v in read(case, forward()[0])], "terms": terms}
    (HERE / "gradients").mkdir(exist_ok=True)
    (HERE / "gradients" / f"{family}.json").write_text(json.dumps(record) + "\n")


def causal_reads(sequences, s, first):
    """The read-outs of the tokens of sequence s from position `first` on, each at the position before it."""
    ids = sequences[s]
    return [[s, t - 1, ids[t]] for t in range(first, len(ids))]


def cases():
    # bert-tiny: [CLS] 3, [SEP] 4, [MASK] 5; a statement may read several masked inputs and several tokens of one position
    yield "bert", {
        "model": "bert-tiny", "layer": 0, "fold": "mean_probability",
        "sequences": [[3, 101, 5, 66, 48, 4], [3, 17, 5, 30, 110, 5, 25, 90, 12, 4], [3, 5, 4]],
        "statements": [[[0, 2, 40]], [[0, 2, 77], [1, 2, 33]], [[1, 2, 12], [1, 5, 60], [2, 1, 9]], [[1, 5, 61], [2, 1, 10]]],
        "pairs": [[0, 1], [2, 3], [0, 3]],
        "rows": [[0, 2], [1, 2], [1, 5], [2, 1]]}
    for family, name, begin in (("gpt2", "gpt2-tiny", 316), ("llama", "llama-grouped", 1), ("gpt_neo", "gpt_neo-tiny", 316),
                                ("qwen3", "qwen3-head-size", 266), ("opt", "opt-projected-bf16", 276),
                                ("gemma2", "gemma2-f16", 266), ("gptj", "gptj-whole-bf16", 276)):
        sequences = [[begin, 65, 100, 7, 31, 90, 12], [begin, 65, 100, 8, 31, 90, 12, 140, 22, 9], [begin, 77, 5]]
        yield family, {
            "model": name, "layer": 0, "fold": "exp_mean_log_probability",
            "sequences": sequences,
            "statements": [causal_reads(sequences, 0, 1), causal_reads(sequences, 1, 1), causal_reads(sequences, 2, 1),
                           causal_reads(sequences, 0, 3) + [[2, 1, 50]]],
            "pairs": [[0, 1], [2, 3], [1, 3]],
            "rows": [[0, 2], [0, 6], [1, 9], [1, 4], [2, 0]]}


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for seed, (family, case) in enumerate(cases(), start=100):
        if len(sys.argv) == 1 or family in sys.argv[1:]:
            make(family, case, seed)
