"""Writes tests/golden/capability: scores of suites on what a model can do, by lm-evaluation-harness's own tasks for causal models and by
PyTorch for masked ones.

    python make_capability.py SHARED        SHARED holds data/ and models/

blimp.jsonl, lambada.jsonl: items written for this project, in the layouts of the data sets. <suite>.json: for each model the
accuracies and the items' log probabilities, in the order of the items that are taken: all of the project's own, and of the shared data the
first of each paradigm of BLiMP, and texts of LAMBADA that fit into the model ("rows": their numbers in the file)."""

import json
import pathlib
import re
import sys

import torch
import lm_eval.tasks
from lm_eval import simple_evaluate
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks._yaml_loader import load_yaml
from transformers import BertForMaskedLM, BertTokenizer

HERE = pathlib.Path(__file__).resolve().parent
OUTPUT = HERE / "capability"
TASKS = pathlib.Path(lm_eval.tasks.__file__).parent
PARADIGM = 1  # items of a paradigm of BLiMP
TEXTS = 30  # of LAMBADA

PAIRS = [("anaphor_gender_agreement", "anaphor_agreement", "The nurse saw herself.", "The nurse saw itself."),
         ("anaphor_gender_agreement", "anaphor_agreement", "My father hurt himself.", "My father hurt herself."),
         ("anaphor_number_agreement", "anaphor_agreement", "The bakers saw themselves.", "The bakers saw himself."),
         ("regular_plural_subject_verb_agreement_1", "subject_verb_agreement", "The dogs run.", "The dogs runs."),
         ("regular_plural_subject_verb_agreement_1", "subject_verb_agreement", "The sea is wet.", "The sea are wet."),
         ("regular_plural_subject_verb_agreement_1", "subject_verb_agreement", "Those men sing.", "Those men sings.")]
TEXT = ["The nurse told the man that the dog had bitten the nurse", "He put the heavy bag on the table, and sat down on the\nchair",
        "\"Who is there?\" asked the old woman. Nobody said a word \u2014 not even the old man", "The cat saw the dog.\n a cat",
        "It was late, and the sea was as black as the  sea"]
BEGINNINGS = ["The nurse said that", "He put the bag on the table and", "The old man and the sea", "My neighbour never", "Nobody had seen",
              "They ran to", "It was late, and the cat", "We sang all day,", "The dog saw the", "A storm came over the sea"]


def texts_with_right_ends():
    """Texts that end with the word that a tiny model finds most probable there: random weights find no other."""
    causal, masked = HFLM(pretrained=str(HERE / "models/gpt2-tiny"), device="cpu", dtype="float32"), Masked(HERE / "models/bert-tiny")
    for beginning in BEGINNINGS:
        with torch.inference_mode():
            best = causal.model(torch.tensor([causal.tok_encode(beginning)])).logits[0, -1].argmax().item()
        ids = [masked.tokenizer.cls_token_id, *masked.encode(beginning), 0, *masked.encode("."), masked.tokenizer.sep_token_id]
        other = masked.logs(ids, [1 + len(masked.encode(beginning))])[0].argmax().item()
        for word in causal.tok_decode([best]), " " + masked.tokenizer.convert_ids_to_tokens(other):
            if re.fullmatch(" [a-z]+", word):
                yield beginning + word


def write_own():
    pairs = [{"sentence_good": good, "sentence_bad": bad, "field": "morphology", "linguistics_term": term, "UID": paradigm,
              "pairID": str(i)} for i, (paradigm, term, good, bad) in enumerate(PAIRS)]
    for name, rows in ("blimp", pairs), ("lambada", [{"text": text} for text in [*TEXT, *texts_with_right_ends()]]):
        write_lines(OUTPUT / f"{name}.jsonl", rows)


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def first_of(paths, part, most):
    rows, count = [], {}
    for path in sorted(paths):
        for row in read_lines(path):
            count[row[part]] = count.get(row[part], 0) + 1
            rows += [row] if count[row[part]] <= most else []
    return rows


def harness(model, suite, template, rows, split):
    """The harness's own task on these rows; per row the log probabilities of its requests, and the task's metrics."""
    path = OUTPUT / "rows.tmp.jsonl"
    write_lines(path, rows)
    config = {key: value for key, value in load_yaml(TASKS / template).items() if key not in ("tag", "dataset_name")}
    config |= {"task": suite, "dataset_path": "json", "dataset_kwargs": {"data_files": {split: str(path)}}}
    task = ConfigurableTask(config=config)
    found = simple_evaluate(model=model, tasks=[task], log_samples=True, bootstrap_iters=0, verbosity="ERROR")
    path.unlink()
    samples = sorted(found["samples"][suite], key=lambda sample: sample["doc_id"])
    metrics = {key.split(",")[0]: value for key, value in found["results"][suite].items()
               if isinstance(value, float) and value == value and "stderr" not in key}
    return metrics, [[response[0] for response in sample["filtered_resps"]] if suite != "lambada"
                     else [sample["filtered_resps"][0][0], float(sample["acc"])] for sample in samples]


class Masked:
    def __init__(self, folder):
        self.model = BertForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = BertTokenizer.from_pretrained(folder)

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False)

    @torch.inference_mode()
    def logs(self, ids, positions):
        """log p of ids[p], p masked alone, all else visible, for each p."""
        batch = torch.tensor([ids] * len(positions))
        for row, position in enumerate(positions):
            batch[row, position] = self.tokenizer.mask_token_id
        logits = self.model(input_ids=batch).logits
        return torch.stack([torch.log_softmax(logits[row, position].double(), -1) for row, position in enumerate(positions)])

    def pll(self, before, text):
        """Sum over the tokens of `text` behind `before`."""
        head, body = self.encode(before), self.encode(before + text)
        ids = [self.tokenizer.cls_token_id, *body, self.tokenizer.sep_token_id]
        positions = list(range(1 + len(head), 1 + len(body)))
        logs = self.logs(ids, positions)
        return sum(logs[row, ids[position]].item() for row, position in enumerate(positions))

    def blimp(self, row):
        return [self.pll("", row[key]) for key in ("sentence_good", "sentence_bad")]

    def lambada(self, row):
        """log p of the last word, and whether none is more probable; None where it is of several tokens."""
        before, word = row["text"].rsplit(" ", 1)
        tokens = self.encode(word)
        if len(tokens) != 1:
            return None
        head = self.encode(before)
        ids = [self.tokenizer.cls_token_id, *head, tokens[0], *self.encode("."), self.tokenizer.sep_token_id]
        logs = self.logs(ids, [1 + len(head)])[0]
        return [logs[tokens[0]].item(), float(logs.argmax().item() == tokens[0])]


def causal(folder, data):
    model = HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=8)
    result = {}
    for suite, template, split in ("blimp", "blimp/adjunct_island.yaml", "train"), ("lambada", "lambada/lambada_openai.yaml", "test"):
        rows = data[suite]
        if suite == "lambada":
            rows = [row for row in rows if len(model.tok_encode(row["text"])) <= model.max_length][:TEXTS]
        result[suite] = *harness(model, suite, template, rows, split), rows
    return result


def masked(folder, data):
    model = Masked(folder)
    result = {}
    for suite in ("blimp", "lambada"):
        rows = data[suite]
        if suite == "lambada":
            rows = [row for row in rows if len(model.encode(row["text"])) <= 120][:TEXTS]
        result[suite] = {}, [getattr(model, suite)(row) for row in rows], rows
    return result


def rounded(value):
    return [rounded(v) for v in value] if isinstance(value, list) else None if value is None else float(f"{value:.9g}")


def main():
    shared = pathlib.Path(sys.argv[1])
    OUTPUT.mkdir(exist_ok=True)
    write_own()
    own = {suite: read_lines(OUTPUT / f"{suite}.jsonl") for suite in ("blimp", "lambada")}
    other = {"blimp": first_of((shared / "data/blimp").glob("*.jsonl"), "UID", PARADIGM),
             "lambada": read_lines(shared / "data/lambada/lambada_test.jsonl")[:4 * TEXTS]}
    found = {"gpt2-tiny": causal(HERE / "models/gpt2-tiny", own), "bert-tiny": masked(HERE / "models/bert-tiny", own),
             "books-gpt2-mini": causal(shared / "models/books-gpt2-mini", other),
             "books-bert-mini": masked(shared / "models/books-bert-mini", other)}
    for suite in ("blimp", "lambada"):
        lines = []
        for model, values in found.items():
            metrics, items, rows = values[suite]
            content = {"metrics": metrics, "items": rounded(items)}
            if suite == "lambada":
                content["rows"] = [(own if "tiny" in model else other)[suite].index(row) for row in rows]
            lines.append(f"  {json.dumps(model)}: {json.dumps(content)}")
        (OUTPUT / f"{suite}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
