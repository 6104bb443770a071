"""Writes tests/golden/memit.json: MEMIT and AlphaEdit by NumPy and PyTorch in float64 (kmeng01/memit's rules, written anew).

    python make_memit.py

README.md describes the file. Pairs, openings, text and the search are those of make_rome.py."""

import json

import numpy
import torch

from make_rome import DECAY, HERE, ITERATIONS, KL, OPENINGS, PAIRS, RATE, RIDGE, ROWS, TEXT, Run

LAYER, LAYERS, LAMBDA, THRESHOLD, L2, CLAMP = 2, 2, 50, 0.02, 0.1, 0.75
CASES = [dict(zip(("model", "subjects", "request", "scoring", "method"), row)) for row in (
    ("bert-old-names", False, "anti", "target.prob", "memit"),
    ("bert-old-names", True, "equal", "target.prob", "alphaedit"),
    ("gpt2-no-prefix", False, "equal", "sentence.mean", "memit"),
    ("gpt2-no-prefix", True, "equal", "object.mean", "memit"),
    ("llama-no-prefix", True, "anti", "object.mean", "alphaedit"),
    ("llama-no-prefix", False, "equal", "object.mean", "memit"))]


def keys_of(found, vector):
    """Half of the prompt as it is, half of the mean behind openings."""
    return (found[0, vector][0] + numpy.mean([found[j, vector][0] for j in range(1, 1 + len(OPENINGS))], axis=0)) / 2


def solve(method, moment, K, R):
    if method == "memit":
        moment = moment + RIDGE * numpy.trace(moment) / len(moment) * numpy.eye(len(moment))
        return R @ numpy.linalg.solve(LAMBDA * moment + K @ K.T, K).T
    value, vector = numpy.linalg.eigh(moment)
    P = vector[:, value < THRESHOLD] @ vector[:, value < THRESHOLD].T
    return numpy.linalg.solve(P @ K @ K.T + L2 * numpy.eye(len(K)), P @ K @ R.T).T


def run(case):
    case = {"form": "", "clamp": CLAMP, "enough": 0.05, **case}
    r = Run(case, LAYER, True)
    first, targets, places, steps = LAYER + 1 - LAYERS, [], [], []
    moments = []
    for layer in range(first, LAYER + 1):
        r.looked = layer
        moments.append(r.covariance()[0])
    r.looked = LAYER
    for row in ROWS:
        found, delta, before, after, iterations = r.search(row, OPENINGS, CLAMP)
        steps.append({"before": before, "after": after, "iterations": iterations})
        for vector, d in enumerate(delta):
            targets.append(found[0, vector][1] + d.detach().numpy())
            places.append((row, vector))
    residuals, changes = [], []
    for number, layer in enumerate(range(first, LAYER + 2)):
        r.looked = min(layer, LAYER)
        found = [r.search(row, OPENINGS, CLAMP, 1)[0] for row in ROWS]
        K = numpy.array([keys_of(found[ROWS.index(row)], vector) for row, vector in places]).T
        H = numpy.array([found[ROWS.index(row)][0, vector][1] for row, vector in places]).T
        R = numpy.array(targets).T - H
        residuals.append(float(numpy.linalg.norm(R, axis=0).mean()))
        if layer <= LAYER:
            change = solve(case["method"], moments[number], K, R / (LAYERS - number))
            r.change(layer, change)
            changes.append(change)
    return {**case, "steps": steps, "residuals": residuals, "kept": int((numpy.linalg.eigvalsh(moments[0]) < THRESHOLD).sum()),
            "layers": [[change[0].tolist(), change[-1].tolist()] for change in changes]}


def kernel():
    """The closed forms on numbers of their own."""
    random = numpy.random.default_rng(11)
    x, K, R = random.normal(size=(40, 9)) * numpy.array([0.05] * 4 + [1] * 5), random.normal(size=(9, 3)), random.normal(size=(5, 3))
    moment = x.T @ x / 40
    return [{"method": method, "moment": moment.tolist(), "key": K.T.tolist(), "residual": R.T.tolist(),
             "change": solve(method, moment, K, R).tolist()} for method in ("memit", "alphaedit")]


def main():
    torch.set_default_dtype(torch.float64)
    data = {"layer": LAYER, "layers": LAYERS, "update_weight": LAMBDA, "threshold": THRESHOLD, "ridge": L2,
            "iterations": ITERATIONS, "learning_rate": RATE, "weight_decay": DECAY, "kl_weight": KL, "clamp": CLAMP,
            "openings": len(OPENINGS), "pairs": PAIRS, "text": TEXT, "kernel": kernel(),
            "cases": [run(case) for case in CASES]}
    text = json.dumps(data, indent=1)
    (HERE / "memit.json").write_text("\n".join(line.strip() for line in text.split("\n")).replace(",\n", ", ") + "\n")


main()
