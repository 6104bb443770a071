"""Writes tests/golden/last_state.json: SentenceDebias by numpy and transformers, in float64, of a text and small models;
LEACE's map, by its published formula, of given features.

    python make_last_state.py [OUTPUT]      by default beside this file

The examples are made here once more from the words of the method's definition, so that the program's are compared too.
"""

import json
import pathlib
import sys

import numpy
import torch
import transformers
from transformers import AutoTokenizer

from exact import to_double, widened
from make_models import HERE, MODEL_CLASS, family_of

MODELS = ["bert-tiny", "gpt2-tiny"]
WORDS = {"gender": [["man", "woman"], ["he", "she"], ["him", "her"], ["his", "her"], ["guy", "gal"], ["guy", "girl"]],
         "religion": [["jewish", "christian", "muslim"], ["rabbi", "priest", "imam"]]}
# a paragraph a line; the sentences in it are listed below
TEXT = ["He said that the man was late. The woman who met him was late, too! \"Was she?\" He did not know.",
        "Mr. Brown gave her a book, and she gave him his hat. A guy at the door laughed. 12 people saw her.",
        "The rabbi spoke to the priest.  The house is old. An old Jewish song was sung by a christian choir",
        "he, she and the muslim guests left"]
SENTENCES = ["he said that the man was late.", "the woman who met him was late, too! \"was she?\"", "he did not know.",
             "mr. brown gave her a book, and she gave him his hat.", "a guy at the door laughed.", "12 people saw her.",
             "the rabbi spoke to the priest.", "the house is old.", "an old jewish song was sung by a christian choir",
             "he, she and the muslim guests left"]
TOKENS = 16  # the most of a text, so that one is cut
READ = "the man was late ."


def examples(category):
    for sentence in SENTENCES:
        words = sentence.split(" ")
        for row in WORDS[category]:
            for word in row:
                if word in words:
                    yield [" ".join(other if w == word else w for w in words) for other in row]


@torch.no_grad()
def feature(model, tokenizer, text, masked):
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    ids = [tokenizer.cls_token_id] + ids[:TOKENS - 2] + [tokenizer.sep_token_id] if masked else ids[:TOKENS]
    with widened():
        state = model.base_model(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy().mean(0)
    return state / numpy.linalg.norm(state)


def direction(model, tokenizer, category, masked):
    """The first principal component, S itself, and how far the next one is behind."""
    rows = []
    for example in examples(category):
        e = numpy.stack([feature(model, tokenizer, text, masked) for text in example])
        rows.extend(e - e.mean(0))
    rows = numpy.stack(rows)
    value, vector = numpy.linalg.eigh(rows.T @ rows)
    v = vector[:, -1] * numpy.sign(vector[numpy.abs(vector[:, -1]).argmax(), -1])
    return v, value[-2] / value[-1], 1 - value[-1] / value.sum()


@torch.no_grad()
def logprobs(model, tokenizer, masked, basis):
    """Log p of each token of READ, the last state without its part in the rows of `basis`."""
    q = torch.tensor(numpy.array(basis))

    def project(module, inputs, output):
        state = output[0]
        return (state - state @ q.T @ q,) + tuple(output)[1:] if isinstance(output, tuple) else type(output)(
            last_hidden_state=state - state @ q.T @ q)

    handle = model.base_model.register_forward_hook(project)
    ids = tokenizer(READ, add_special_tokens=False)["input_ids"]
    out = []
    with widened():
        for i in range(len(ids)):
            if masked:
                given = [tokenizer.cls_token_id] + ids[:i] + [tokenizer.mask_token_id] + ids[i + 1:] + [tokenizer.sep_token_id]
                at = i + 1
            else:
                given, at = [tokenizer.bos_token_id] + ids, i
            logits = model(input_ids=torch.tensor([given])).logits[0, at]
            out.append(round(float(torch.log_softmax(logits, -1)[ids[i]]), 10))
    handle.remove()
    return ids, out


def golden(name):
    model = MODEL_CLASS[family_of(name)].from_pretrained(HERE / "models" / name, dtype=torch.float32,
                                                         attn_implementation="eager").eval()
    to_double(model)
    tokenizer, masked = AutoTokenizer.from_pretrained(HERE / "models" / name), name.startswith("bert")
    made, basis = {}, []
    for category in WORDS:
        v, next_value, left = direction(model, tokenizer, category, masked)
        made[category] = {"direction": [round(x, 12) for x in v.tolist()], "left": left, "next": next_value}
        own = v - sum((b * (b @ v) for b in basis), numpy.zeros_like(v))
        basis.append(own / numpy.linalg.norm(own))
    ids, values = logprobs(model, tokenizer, masked, basis)
    return {**made, "ids": ids, "logprobs": values, "plain": logprobs(model, tokenizer, masked, [0 * basis[0]])[1]}


def leace(n, d, k):
    """Features of which each class has a mean of its own, and P with the mean: x -> mu + P (x - mu)."""
    random = numpy.random.default_rng(7)
    label = random.integers(0, k, n)
    x = numpy.round(random.normal(size=(n, d)) @ random.normal(size=(d, d)) + 2 * random.normal(size=(k, d))[label] + 3, 6)
    z = numpy.eye(k)[label]
    mu = x.mean(0)
    cross = (x - mu).T @ (z - z.mean(0)) / (n - 1)
    s = (x - mu).T @ (x - mu) / n
    trace, eps = numpy.trace(s), numpy.finfo(float).eps
    norm = trace ** 2 / d
    alpha = 1 - (trace ** 2 * norm / n + eps) / ((s ** 2).sum() * norm - norm ** 2 + eps)
    assert 0 < alpha < 1
    s = alpha * s + (1 - alpha) * trace / d * numpy.eye(d)
    value, vector = numpy.linalg.eigh(s)
    whiten, widen = (vector @ numpy.diag(value ** power) @ vector.T for power in (-0.5, 0.5))
    u, singular, _ = numpy.linalg.svd(whiten @ cross, full_matrices=False)
    u = u[:, singular > 0.01]
    return {"features": x.tolist(), "label": label.tolist(), "classes": k, "mean": mu.tolist(), "rank": u.shape[1],
            "correlation": singular[0], "map": (numpy.eye(d) - widen @ u @ u.T @ whiten).tolist()}


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else HERE / "last_state.json"
    counts = {c: len(list(examples(c))) for c in WORDS}
    path.write_text(json.dumps({"words": WORDS, "text": TEXT, "sentences": SENTENCES, "tokens": TOKENS, "read": READ,
                                "examples": counts, "first": list(examples("gender"))[:4],
                                "leace": [leace(60, 8, 3), leace(40, 5, 2)],
                                "models": {name: golden(name) for name in MODELS}}, indent=1) + "\n")
