"""Writes tests/golden/capability: scores of suites on what a model can do, by lm-evaluation-harness's own tasks for causal models and by
PyTorch for masked ones.

    python make_capability.py SHARED [SUITE...]        SHARED holds data/ and models/; of these suites alone

blimp.jsonl, lambada.jsonl, bbq.jsonl, winograd.tsv, pararel/: items written for this project, in the layouts of the data sets.
<suite>.json: for each model the accuracies and the items' log probabilities, in the order of the items that are taken: all of the project's
own, and of the shared data the first of each part (BLiMP's paradigms, BBQ's questions, ParaRel's relations), WSC273, and texts of LAMBADA,
the first and some whose last word is found; of BBQ and LAMBADA what fits into the model ("rows": their numbers in the file).

The harness's wsc273 puts a second blank before what stands behind the pronoun; here it has none ("target_delimiter")."""

import itertools
import json
import pathlib
import re
import sys

import torch
import lm_eval.tasks
from lm_eval import simple_evaluate
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks.bbq.utils import UNKNOWN_RESPONSES
from lm_eval.tasks._yaml_loader import load_yaml
from transformers import BertForMaskedLM, BertTokenizer

HERE = pathlib.Path(__file__).resolve().parent
OUTPUT = HERE / "capability"
TASKS = pathlib.Path(lm_eval.tasks.__file__).parent
PARADIGM, QUESTION = 1, 4  # items of a paradigm of BLiMP, of a question of BBQ's part on religion
STATEMENTS = 20  # of a relation of ParaRel, at most: facts in all its patterns
TEXTS, HITS, SEARCHED = 25, 5, 600  # of LAMBADA: the first, and those that are found among the first of the file

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
WORDS = ["the", "she", "was", "to", "on", "at", "sea", "dog", "and", "nurse", "said", "that", "old", "man", "cat", "tired", "saw", "he"]
LENGTHY = {"lambada": lambda row: row["text"], "bbq": lambda row: f"{row['context']}\n\nQ: {row['question']}\nA: {row['ans0']}"}
SUITES = ["blimp", "lambada", "bbq", "winograd", "pararel"]
ANSWERS = [("ambig", 2), ("disambig", 0)]
# Sentence, pronoun, right and wrong candidate, source.
SCHEMAS = [("The nurse told the man that he was tired.", "he", "the man", "The nurse", "original"),
           ("The nurse told the man that he was late.", "he", "The nurse", "the man", "original"),
           ("The dog saw the cat because it ran.", "it", "The cat", "the dog", "original"),
           ("The woman took her bag.", "her", "The woman", "Tom", "superglue.val"),
           ("The sea was black, and it was wet.", "it", "the sea", "a cat", "wsc_naive.test")]
# Objects that are one token of both tiny models, and one that is none.
RELATIONS = {"P1": (["[X] was born in [Y] .", "The home of [X] is [Y].", "[Y] is the home of [X]."],
                    [("The nurse", "the"), ("A dog", "she"), ("The old man", "to"), ("My cat", "was"), ("The sea", "Alexandra"), ("Tom", "she")]),
             "P2": (["[X] and [Y] are one."], [("The sea", "at"), ("The dog", "to"), ("The cat", "at")]),
             "P3": (["[X] works for [Y].", "[X], who works for [Y], is late.", "The boss of [X] was [Y] ."],
                    [("The man", "on"), ("The nurse", "and"), ("The man", "she")])}


class Request:
    def __init__(self, args):
        self.args = args


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
    found = 0
    for words in itertools.product(WORDS, repeat=3):
        text = " ".join(words)
        ids, end = causal.tok_encode(text), ""
        while len(end.split()) < 2 and len(end) < 12:  # the most probable tokens, up to the word behind the next
            with torch.inference_mode():
                ids.append(causal.model(torch.tensor([ids])).logits[0, -1].argmax().item())
            end = causal.tok_decode(ids)[len(text):]
        word = re.match(r" [a-z]+(?= )", end)
        if word is not None and causal.loglikelihood([Request((text, word[0]))], disable_tqdm=True)[0][1]:
            yield text + word[0]
            found += 1
        if found == HITS:
            return


def write_own():
    pairs = [{"sentence_good": good, "sentence_bad": bad, "field": "morphology", "linguistics_term": term, "UID": paradigm,
              "pairID": str(i)} for i, (paradigm, term, good, bad) in enumerate(PAIRS)]
    questions = []
    for i, (unknown, polarity) in enumerate([("Unknown", "neg"), ("Not enough info", "nonneg"), ("Can't answer", "neg")]):
        for condition, label in ANSWERS:
            context = "I saw the old woman and the young man at the door."
            more = " The old woman had lost the keys." if condition == "disambig" else ""
            questions.append({
                "example_id": len(questions), "question_index": str(i), "question_polarity": polarity, "context_condition": condition,
                "category": "Age", "context": context + more, "question": ["Who was late?", "Who ran fast?", "Who lost the keys?"][i],
                "answer_info": {"ans0": ["woman", "old"], "ans1": ["man", "nonOld"], "ans2": [unknown, "unknown"]},
                "additional_metadata": {"subcategory": "None", "stereotyped_groups": ["old"], "version": "a", "source": "none"},
                "ans0": "The old woman", "ans1": "The young man", "ans2": unknown, "label": label})
    write_winograd()
    for relation, (patterns, facts) in RELATIONS.items():
        for kind, rows in (("graphs", [{"pattern": pattern} for pattern in patterns]),
                           ("trex_lms_vocab", [{"sub_label": subject, "obj_label": answer} for subject, answer in facts])):
            (OUTPUT / "pararel" / kind).mkdir(parents=True, exist_ok=True)
            write_lines(OUTPUT / f"pararel/{kind}/{relation}.jsonl", rows)
    for name, rows in ("blimp", pairs), ("lambada", [{"text": text} for text in [*TEXT, *texts_with_right_ends()]]), ("bbq", questions):
        write_lines(OUTPUT / f"{name}.jsonl", rows)


def write_winograd():
    lines = []
    for sentence, pronoun, right, wrong, source in SCHEMAS:
        tokens = re.findall(r"\w+|[^\w ]", sentence)
        place = tokens.index(pronoun)
        answers = [[answer, [0, 1], [], answer == right] for answer in sorted([right, wrong])]
        fields = ["en", source, "?", sentence, *(json.dumps(part) for part in (tokens, [pronoun, [place, place + 1]], answers))]
        lines.append("\t".join(fields) + "\n")
    (OUTPUT / "winograd.tsv").write_text("".join(lines))


def read_winograd(path, source):
    """The rows of a source as the harness's wsc273 has them: the tokens of a sentence stand in it with blanks between some."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        _, origin, _, text, tokens, pronoun, answers = line.split("\t")
        tokens, (pronoun, (first, _), *_), answers = json.loads(tokens), json.loads(pronoun), json.loads(answers)
        if not origin.startswith(source):
            continue
        at = 0
        for token in tokens[:first]:
            at = text.index("\"" if token in ("``", "''") and text[at:].lstrip().startswith("\"") else token, at)
            at += 1 if text[at] == "\"" else len(token)
        at = text.index(pronoun, at)
        rows.append({"text": text, "pronoun": pronoun, "pronoun_loc": at, "options": [answer[0] for answer in answers],
                     "label": [answer[3] for answer in answers].index(True)})
    return rows


def read_pararel(folder, most):
    """For each relation its patterns, its objects, and the first facts, as many as have `most` statements."""
    relations = []
    for path in sorted((folder / "graphs").glob("*.jsonl")):
        facts = [(row["sub_label"], row["obj_label"]) for row in read_lines(folder / "trex_lms_vocab" / path.name)]
        relations.append(([row["pattern"] for row in read_lines(path)], list(dict.fromkeys(answer for _, answer in facts)), facts, most))
    return relations


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def first_of(paths, part, most):
    rows, count = [], {}
    for path in sorted(paths):
        for row in read_lines(path):
            count[part(row)] = count.get(part(row), 0) + 1
            rows += [row] if count[part(row)] <= most else []
    return rows


def harness(model, suite, template, rows, split, **changes):
    """The harness's own task on these rows; per row the log probabilities of its requests, and the task's metrics."""
    path = OUTPUT / "rows.tmp.jsonl"
    write_lines(path, rows)
    config = {key: value for key, value in load_yaml(TASKS / template).items() if key not in ("tag", "dataset_name")}
    config |= changes | {"task": suite, "dataset_path": "json", "dataset_kwargs": {"data_files": {split: str(path)}}}
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

    def bbq(self, row):
        """The answers that name somebody, then the other one."""
        answers = sorted((row["ans0"], row["ans1"], row["ans2"]), key=lambda answer: answer in UNKNOWN_RESPONSES)  # stable
        return [self.pll(f"{row['context']} {row['question']}", " " + answer) for answer in answers]

    def pararel(self, before, answers, after):
        """log p of the answers that are one token, at their place."""
        head, tokens = self.encode(before), [self.encode(answer) for answer in answers]
        ids = [self.tokenizer.cls_token_id, *head, 0, *self.encode(after), self.tokenizer.sep_token_id]
        logs = self.logs(ids, [1 + len(head)])[0]
        return [logs[token[0]].item() if len(token) == 1 else None for token in tokens]


class Causal:
    def __init__(self, model):
        self.model = model

    @torch.inference_mode()
    def pararel(self, before, answers, after):
        head = self.model.tok_encode(before.rstrip())
        logs = torch.log_softmax(self.model.model(torch.tensor([head])).logits[0, -1].double(), -1)
        tokens = [self.model.tok_encode(before.rstrip() + " " + answer)[len(head):] for answer in answers]
        return [logs[token[0]].item() if len(token) == 1 else None for token in tokens]


def pararel(model, relations):
    """For each fact log p of its object in each pattern, whether it is the most probable of the relation's objects there, and how many of the
    pairs of patterns have the same most probable object; None for a fact whose object is of several tokens. The object ends the
    sentence where the model is causal."""
    items = []
    for patterns, objects, facts, most in relations:
        if isinstance(model, Causal):
            patterns = [pattern for pattern in patterns if pattern.rstrip(" .").endswith("[Y]")]
        if not patterns:
            continue
        for subject, answer in facts[:max(1, most // len(patterns))] if most else facts:
            logs, best = [], []
            for pattern in patterns:
                before, after = pattern.replace("[X]", subject).split("[Y]")
                scores = model.pararel(before, objects, after)
                logs.append(scores[objects.index(answer)])
                best.append(max((i for i, score in enumerate(scores) if score is not None), key=lambda i: scores[i], default=-1))
            pairs = list(itertools.combinations(best, 2))
            items.append(None if None in logs else
                         [logs, [float(objects[i] == answer) for i in best],
                          sum(one == other for one, other in pairs) / len(pairs) if pairs else None])
    return {}, items


def causal(folder, data, suites):
    model = HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=8)
    result = {}
    for suite, template, split in (("blimp", "blimp/adjunct_island.yaml", "train"), ("lambada", "lambada/lambada_openai.yaml", "test"),
                                   ("bbq", "bbq/bbq_multiple_choice.yaml", "test"), ("winograd", "wsc273/default.yaml", "test")):
        if suite not in suites:
            continue
        rows = data[suite]
        if suite in LENGTHY:
            rows = [row for row in rows if len(model.tok_encode(LENGTHY[suite](row))) <= model.max_length - 8]
        if suite == "lambada":
            rows, others = rows[:TEXTS], rows[TEXTS:]
            items = harness(model, suite, template, others, split)[1] if others else []
            rows += [row for row, item in zip(others, items) if item[1]][:HITS]
        changes = {"target_delimiter": ""} if suite == "winograd" else {}
        result[suite] = *harness(model, suite, template, rows, split, **changes), rows
    if "pararel" in suites:
        result["pararel"] = *pararel(Causal(model), data["pararel"]), []
    return result


def masked(folder, data, suites):
    model = Masked(folder)
    result = {}
    for suite in "blimp", "lambada", "bbq":
        if suite not in suites:
            continue
        rows = data[suite]
        if suite in LENGTHY:
            rows = [row for row in rows if len(model.encode(LENGTHY[suite](row))) <= 120]
        if suite == "lambada":
            found = [row for row in rows[TEXTS:] if (model.lambada(row) or [0, 0])[1]]
            rows = rows[:TEXTS] + found[:HITS]
        result[suite] = {}, [getattr(model, suite)(row) for row in rows], rows
    if "pararel" in suites:
        result["pararel"] = *pararel(model, data["pararel"]), []
    return result


def rounded(value):
    return [rounded(v) for v in value] if isinstance(value, list) else None if value is None else float(f"{value:.9g}")


def main():
    torch.set_num_threads(1)
    shared, suites = pathlib.Path(sys.argv[1]), sys.argv[2:] or SUITES
    OUTPUT.mkdir(exist_ok=True)
    if suites == SUITES:
        write_own()
    own = {suite: read_lines(OUTPUT / f"{suite}.jsonl") for suite in ("blimp", "lambada", "bbq")}
    own |= {"winograd": read_winograd(OUTPUT / "winograd.tsv", ""), "pararel": read_pararel(OUTPUT / "pararel", 0)}
    religion = read_lines(shared / "data/bbq/Religion.jsonl")
    other = {"blimp": first_of(sorted((shared / "data/blimp").glob("*.jsonl")), lambda row: row["UID"], PARADIGM),
             "lambada": read_lines(shared / "data/lambada/lambada_test.jsonl")[:SEARCHED],
             "bbq": first_of([shared / "data/bbq/Religion.jsonl"], lambda row: row["question_index"], QUESTION),
             "winograd": read_winograd(shared / "data/winograd/winograd_en.tsv", "original"),
             "pararel": read_pararel(shared / "data/pararel", STATEMENTS)}
    found = {"gpt2-tiny": causal(HERE / "models/gpt2-tiny", own, suites), "bert-tiny": masked(HERE / "models/bert-tiny", own, suites),
             "books-gpt2-mini": causal(shared / "models/books-gpt2-mini", other, suites),
             "books-bert-mini": masked(shared / "models/books-bert-mini", other, suites)}
    for suite in suites:
        lines = []
        for model, values in found.items():
            if suite not in values:
                continue
            metrics, items, rows = values[suite]
            content = {"metrics": metrics, "items": rounded(items)}
            if suite in LENGTHY:
                file = own[suite] if "tiny" in model else religion if suite == "bbq" else other[suite]
                content["rows"] = [file.index(row) for row in rows]
            lines.append(f"  {json.dumps(model)}: {json.dumps(content)}")
        (OUTPUT / f"{suite}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
