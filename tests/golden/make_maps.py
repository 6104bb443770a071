"""Writes tests/golden/maps.json: StereoSet's scores of trained models behind maps of the last state, by PyTorch and numpy from the
methods' definitions: SentenceDebias, LEACE and INLP of a text that is made here and written too.

    python make_maps.py SHARED        SHARED holds data/ and models/

Needs scikit-learn beside PyTorch. Draws, clips and the split are those of the program's generator, made again here.
"""

import json
import math
import pathlib
import sys

import numpy
import torch
import transformers
from transformers import BertTokenizer

from make_inlp import classifiers
from make_scores import (LABELS, Reader, candidate_word, geometric_mean, mean, mean_probability, plan_sentence_mean, plan_target,
                         read_stereoset, score_all)
from streams import Random

HERE = pathlib.Path(__file__).resolve().parent
MODELS = {"books-bert-mini": "bert", "books-gpt2-mini": "gpt2"}
WORDS = [["man", "woman"], ["he", "she"], ["his", "her"], ["him", "her"], ["father", "mother"], ["boy", "girl"], ["king", "queen"]]
SEED, ROUNDS = 3, 5

SUBJECTS = ["the man", "she", "the old house", "he", "a woman", "the dog", "my father", "her mother", "nobody", "the boy",
            "a girl of ten", "the whole town", "the king", "the queen", "some horse"]
VERBS = ["was seen near", "had gone away from", "thought of", "never spoke about", "came back to", "looked for"]
PLACES = ["the garden", "a river", "the church door", "his hat", "the long road", "her letters", "an open window", "the sea"]
ENDS = ["in the evening.", "and laughed.", "a year before.", "for nothing at all.", "once more, it was said."]


def make_text():
    """Each line a sentence; no two alike."""
    return [f"{s} {v} {p} {ENDS[(i + 2 * j + 3 * k) % len(ENDS)]}" for i, s in enumerate(SUBJECTS) for j, v in enumerate(VERBS)
            for k, p in enumerate(PLACES) if (i + j + k) % 2 == 0]


def labelled(text):
    """Clipped sentences and their classes: words of the first column alone, of the second alone, none."""
    table, texts, labels = [w for row in WORDS for w in row], [], []
    for i, sentence in enumerate(text):
        words = sentence.split(" ")
        found = [place for place, word in enumerate(table) if word in words]
        first, second = any(p % 2 == 0 for p in found), any(p % 2 == 1 for p in found)
        if first and second:
            continue
        random = Random(SEED, (1 << 43) + i)
        random.next()  # by which more than are wanted would be drawn
        start = words.index(table[found[-1]]) if found else 0
        keep = start + random.below(len(words) - start + 1) + 1 if found else 4 + random.below(len(words) - 3)
        texts.append(" ".join(words[:keep]))
        labels.append(0 if first else 1 if second else 2)
    return texts, numpy.array(labels)


def trained_on(count):
    order = sorted(range(count), key=lambda i: (Random(SEED, (1 << 44) + i).next(), i))
    tests = math.ceil(0.3 * count)
    return sorted(order[tests + math.ceil(0.3 * (count - tests)):])


class Mapped(Reader):
    """A reader whose last states go through h - left^T right (h - centre)."""

    def __init__(self, folder, family):
        super().__init__(folder, family)
        if family == "bert":
            self.tokenizer = BertTokenizer.from_pretrained(folder)

    def use(self, centre, left, right):
        self.map = [torch.tensor(x, dtype=torch.float32) for x in (centre, left, right)]
        self.wanted = {}

    @torch.inference_mode()
    def features(self, texts):
        """Means of the last states; texts of one length run together, so that none is padded."""
        ids = [self.tokenizer.encode(text) if self.family == "bert" else self.encode(text) for text in texts]
        rows = [None] * len(ids)
        for length in sorted(set(map(len, ids))):
            places = [i for i, sequence in enumerate(ids) if len(sequence) == length]
            for first in range(0, len(places), 256):
                part = places[first:first + 256]
                state = self.model.base_model(input_ids=torch.tensor([ids[i] for i in part])).last_hidden_state
                for i, mean_state in zip(part, state.double().mean(1).numpy()):
                    rows[i] = mean_state
        return numpy.array(rows)

    def batch(self, sequences):
        centre, left, right = self.map
        reads = [(row, *key) for row, ids in enumerate(sequences) for key in self.wanted[ids]]
        row, position, token = map(torch.tensor, zip(*reads))
        h = self.model.base_model(input_ids=torch.tensor(sequences)).last_hidden_state[row, position]
        h = h - (h - centre) @ right.T @ left
        logits = self.model.cls(h) if self.family == "bert" else self.model.lm_head(h)
        values = torch.log_softmax(logits, -1)[torch.arange(len(reads)), token].double().tolist()
        for (r, p, t), value in zip(reads, values):
            self.wanted[sequences[r]][(p, t)] = value


def sentence_debias(reader, text):
    texts = []
    for sentence in text:
        words = sentence.split(" ")
        for row in WORDS:
            for word in row:
                if word in words:
                    texts += [" ".join(other if w == word else w for w in words) for other in row]
    e = reader.features(texts)
    e = (e / numpy.linalg.norm(e, axis=1, keepdims=True)).reshape(-1, 2, e.shape[1])
    rows = (e - e.mean(1, keepdims=True)).reshape(-1, e.shape[2])
    v = numpy.linalg.eigh(rows.T @ rows)[1][:, -1:].T
    return numpy.zeros(v.shape[1]), v, v


def leace(reader, text):
    texts, label = labelled(text)
    x, z = reader.features(texts), numpy.eye(3)[label]
    n, d = x.shape
    mu = x.mean(0)
    cross, s = (x - mu).T @ (z - z.mean(0)) / (n - 1), (x - mu).T @ (x - mu) / n
    trace, eps = numpy.trace(s), numpy.finfo(float).eps
    norm = trace ** 2 / d
    alpha = 1 - (trace ** 2 * norm / n + eps) / ((s ** 2).sum() * norm - norm ** 2 + eps)
    assert 0 < alpha < 1
    s = alpha * s + (1 - alpha) * trace / d * numpy.eye(d)
    value, vector = numpy.linalg.eigh(s)
    whiten, widen = (vector @ numpy.diag(value ** power) @ vector.T for power in (-0.5, 0.5))
    u, singular, _ = numpy.linalg.svd(whiten @ cross, full_matrices=False)
    u = u[:, singular > 0.01]
    return mu, (widen @ u).T, (whiten @ u).T


def inlp(reader, text):
    texts, label = labelled(text)
    x = reader.features(texts).astype(numpy.float32).astype(float)
    train = trained_on(len(x))
    x, label, basis = x[train], label[train], []
    for _ in range(ROUNDS):
        q = numpy.array(basis).reshape(-1, x.shape[1])
        for row in classifiers(x - x @ q.T @ q, label):
            for b in 2 * basis:
                row = row - (b @ row) * b
            basis.append(row / numpy.linalg.norm(row))
    return numpy.zeros(x.shape[1]), numpy.array(basis), numpy.array(basis)


def table(reader, items):
    if reader.family == "bert":
        statements = [(reader.tokenizer, item["context"], candidate_word(item["context"], s["sentence"]))
                      for item in items for s in item["sentences"]]
        scores = score_all(reader, statements, plan_target, mean_probability)
    else:
        scores = score_all(reader, [s["sentence"] for item in items for s in item["sentences"]], plan_sentence_mean, geometric_mean)
    terms, near = {}, 0
    for item, triple in zip(items, (scores[i:i + 3] for i in range(0, len(scores), 3))):
        by_label = {s["gold_label"]: v for s, v in zip(item["sentences"], triple)}
        stereo, anti, unrelated = (by_label[label] for label in LABELS)
        near += any(abs(a - b) <= 2e-5 * max(a, b) for a, b in ((stereo, anti), (stereo, unrelated), (anti, unrelated)))
        terms.setdefault(item["target"], []).append((stereo > anti, (stereo > unrelated) + (anti > unrelated)))
    return {"ss.macro": mean([100 * mean([s for s, _ in g]) for g in terms.values()]),
            "lms.macro": mean([50 * mean([r for _, r in g]) for g in terms.values()]), "near_ties": near}


def main(shared):
    items = [i for i in read_stereoset(shared / "data/stereoset/dev.json") if i["bias_type"] == "gender"]
    text, found = make_text(), {}
    for model, family in MODELS.items():
        reader = Mapped(shared / "models" / model, family)
        d = reader.model.config.hidden_size
        found[model] = {}
        for name, make in {"unedited": None, "sentence_debias": sentence_debias, "leace": leace, "inlp": inlp}.items():
            reader.use(*(make(reader, text) if make else (numpy.zeros(d), numpy.zeros((1, d)), numpy.zeros((1, d)))))
            found[model][name] = table(reader, items)
            print(model, name, found[model][name], flush=True)
    (HERE / "maps.json").write_text(json.dumps(
        {"words": {"gender": WORDS}, "text": text, "seed": SEED, "rounds": ROUNDS, "models": found}, indent=0) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    main(pathlib.Path(sys.argv[1]))
