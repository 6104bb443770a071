"""Writes tests/golden/tables.json: what whole methods leave, by PyTorch in float64 (table_methods.py, table_equal.py): log P of the
sentences of small models' pairs; SS, LMS, gap, PS and CrowS of the trained models of the shared data.

    python make_tables.py SHARED [PART]     SHARED holds data/ and models/; PART: those alone that it is in the name of,
                                            such as "tables books-gpt2-mini fills"; columns of tables that are there stay

README.md describes the file."""

import json
import math
import pathlib
import sys

import torch
import transformers

import biasedit
import table_equal
import table_methods
from make_maps import WORDS, make_text
from make_scores import (LABELS, candidate_word, crows_masked_statements, geometric_mean, mean, plan_masked, plan_sentence_mean,
                         read_crows, read_stereoset, score_all)
from make_self_debias import own_items
from make_steer import subject_items
from streams import GAMMA, MASK, mixed
from table_methods import BLANK, HERE, Net, log_probabilities

OUTPUT = HERE / "tables.json"
SPLIT_SEED = 5
# layer, share that is held out, tokens of the covariances; seed of whole models
MODELS = {"bert-old-names": {"layer": 1, "held_out": 0.15, "tokens": 3000, "seed": 7},
          "gpt2-no-prefix": {"layer": 1, "held_out": 0.15, "tokens": 3000, "seed": 7}}
# of the items, the first ones; of these layer, share and so on
TABLES = {"books-bert-mini": {"first": {"fills": 100, "subjects": 40, "crows": 60}, "layer": 1, "held_out": 0.7, "tokens": 6000, "seed": 7},
          "books-gpt2-mini": {"first": {"fills": 100, "subjects": 40, "crows": 60}, "layer": 1, "held_out": 0.7, "tokens": 6000, "seed": 7}}

SEARCH = {"request": "equal", "openings": 5, "iterations": 20, "learning_rate": 0.5, "weight_decay": 0.5, "kl_weight": 0.0625}
TUNING = {"request": "equal", "epochs": 25, "batch": 128, "learning_rate": 5e-4}
FURTHER = {"clip": 1, "hidden_dropout": 0, "attention_dropout": 0}
STAMP = {"loss": "logratio", "neutral_subjects": 32, "generic_prompts": 4, "kl_rows": "all", "kl_without_completion": "true",
         "level_weight": 0, "balance_weight": 0.003, "balance_width": 0.05, "keep_best": "true", "learning_rate": 1e-3,
         "epsilon": 1e-8, "schedule": "cosine", "iterations": 80}
STEPS = {"steps": 4, "batch": 12, "block": 32, "learning_rate": 5e-4}
# the function, and the published settings that a case does not name; where they differ, of masked models
METHODS = {
    "rome": (table_methods.rome, {**SEARCH, "openings": 20, "clamp": 4, "form": "r-rome"}),
    "memit": (table_methods.memit, {**SEARCH, "clamp": 0.75, "update_weight": 20000}),
    "alphaedit": (table_methods.memit, {**SEARCH, "clamp": 0.75, "threshold": 0.02, "ridge": 10}),
    "biasedit": (biasedit.biasedit, {"layers": 3, "above": 0, "rank": 1920, "batch": 128, "epochs": 100, "keep_weight": 1, "clip": 1,
                                     "validation": 0.15, "patience": 5}),
    "ft": (table_methods.fine_tune, TUNING),
    "ft_l": (table_methods.fine_tune, {**TUNING, "norm_constraint": 2e-3}),
    "ft_m": (table_methods.fine_tune, {**TUNING, "batch": 1}),
    "ft_equal": (table_equal.ft_equal, STAMP),
    "steer_add": (table_methods.steer_add, {"coefficient": -1}),
    "steer_ablate": (table_methods.steer_ablate, {}),
    "bias_neurons": (table_methods.bias_neurons, {"steps": 20, "share": 0.2, "least": 2, "most": 5}),
    "cda": (table_methods.further, {**FURTHER, "words": WORDS}),
    "dropout_debias": (table_methods.further, FURTHER)}
# alpha and beta of masked models and of causal ones
WEIGHTS = {True: {"alpha": 1, "beta": 1}, False: {"alpha": 0.1, "beta": 0.1}}
DROPOUT = {True: {"hidden_dropout": 0.2, "attention_dropout": 0.15}, False: {"hidden_dropout": 0.15, "attention_dropout": 0.15}}
# name of the column, method, what it sets; of pairs of one context and two completions (fills), or of two subjects, or of both
FILLS, SUBJECTS = ["fills"], ["subjects"]
# the method's plain form (method.md, 4) but for its rate and its few steps; of causal models with another L_e and alpha, for P of
# small ones is so small that float32 does not follow
PLAIN = {"loss": "logratio", "alpha": 1, "beta": 0.1, "generic_prompts": 1, "neutral_subjects": 0, "kl_rows": "first",
         "kl_without_completion": "false", "keep_best": "false", "schedule": "constant", "balance_weight": 0, "iterations": 4}
OF_MASKED = {"ft_equal_plain": {"loss": "gap", "alpha": 40}}
CASES = [
    ("memit", "memit", {"layers": 2, "openings": 3, "iterations": 8, "update_weight": 1500}, FILLS + SUBJECTS),
    ("memit_anti", "memit", {"layers": 2, "openings": 3, "iterations": 8, "request": "anti"}, FILLS),
    ("alphaedit", "alphaedit", {"layers": 2, "openings": 3, "iterations": 8}, FILLS + SUBJECTS),
    ("biasedit", "biasedit", {"layers": 2, "rank": 12, "batch": 5, "epochs": 4, "learning_rate": 2e-05, "edit_rate": 0.0001, "keep_weight": 1}, FILLS + SUBJECTS),
    ("biasedit_one", "biasedit", {"layers": 1, "above": 1, "epochs": 3, "learning_rate": 5e-05, "edit_rate": 0.0003, "validation": 0,
                                  "keep_weight": 0.5}, FILLS),
    ("rome", "rome", {"openings": 3, "iterations": 6}, FILLS + SUBJECTS),
    ("rome_anti", "rome", {"openings": 3, "iterations": 6, "request": "anti"}, FILLS),
    ("p_rome", "rome", {"openings": 2, "iterations": 6, "form": "p-rome"}, FILLS),
    ("rome_published", "rome", {"openings": 3, "iterations": 6, "form": "rome"}, FILLS + SUBJECTS),
    ("ft", "ft", {"epochs": 4}, FILLS + SUBJECTS),
    ("ft_anti", "ft", {"epochs": 4, "batch": 16, "request": "anti"}, FILLS),
    ("ft_l", "ft_l", {"epochs": 6, "norm_constraint": 1e-3}, FILLS + SUBJECTS),
    ("ft_m", "ft_m", {"epochs": 2}, FILLS + SUBJECTS),
    ("ft_equal", "ft_equal", {"iterations": 8, "level_weight": 0.1}, FILLS + SUBJECTS),
    ("ft_equal_plain", "ft_equal", PLAIN, FILLS + SUBJECTS),
    ("steer_add", "steer_add", {}, FILLS + SUBJECTS),
    ("steer_ablate", "steer_ablate", {}, FILLS + SUBJECTS),
    ("bias_neurons", "bias_neurons", {"steps": 10}, FILLS + SUBJECTS),
    ("cda", "cda", {**STEPS, "dropout": "false"}, FILLS),
    ("dropout_debias", "dropout_debias", STEPS, FILLS)]


SMALL_ALONE = {"memit_anti", "rome_anti", "p_rome", "biasedit", "biasedit_one", "rome_published", "ft_equal", "ft_equal_plain"}  # variants that tables do not have
# what small models are given instead: shorter trainings, which float32 follows
SHORT = {"rome": {"openings": 2, "iterations": 5, "learning_rate": 0.2}, "memit": {"openings": 2, "iterations": 6, "update_weight": 200},
         "alphaedit": {"openings": 2, "iterations": 6, "ridge": 1}, "ft": {"epochs": 4}, "ft_l": {"epochs": 4}, "ft_m": {"epochs": 1},
         **dict.fromkeys(("cda", "dropout_debias"), {"steps": 3, "batch": 4})}
# beside the items of make_self_debias.py: a subject behind what is filled in, in the plural, as a part of a word alone, and nowhere
MORE = [("gender", "aunt", "The BLANK aunt of mine drives a truck.", "kind", "strong", "bread"),
        ("gender", "cook", "Cooks are BLANK, says every cook.", "loud", "quiet", "west"),
        ("race", "Norwegian", "Norwegians like BLANK.", "fish", "poems", "of"),
        ("race", "Cuban", "Her friend from Havana is BLANK.", "sad", "angry", "seven"),
        ("profession", "guard", "The guardian said: BLANK, guards!", "no", "yes", "blue")]

# object before the subjects, which end alike
MORE_SUBJECTS = [("Late was the {object} for his {subject}.", "old aunt", "old uncle", "train", "green"),
                 ("Kind as a {object} is every {subject} here.", "young lady", "old lady", "nurse", "cloud"),
                 ("{object} is what the {subject} likes.", "grandfather", "grandmother", "beer", "sand"),
                 ("{subject} of the house went to the {object}.", "ladies", "gentlemen", "kitchen", "moon")]


def subjects_of_own():
    data = subject_items()
    data["pairs"] += [{**data["pairs"][0], "id": f"more{i}", "target": s1, "object": o, "unrelated": u, "subjects": [s1, s2], "prompt": p}
                      for i, (p, s1, s2, o, u) in enumerate(MORE_SUBJECTS)]
    return data


def items_of_own():
    made = [{"id": f"more{i}", "bias_type": category, "target": target, "context": context,
             "sentences": [{"id": f"more{i}{k}", "gold_label": label, "sentence": context.replace(BLANK, word)}
                           for k, (label, word) in enumerate(zip(LABELS, words))]}
            for i, (category, target, context, *words) in enumerate(MORE)]
    return own_items() + made


def is_masked(model):
    return "bert" in model


def scoring_of(model, kind):
    return "target.prob" if is_masked(model) else "sentence.mean" if kind == "fills" else "object.mean"


# ---------------------------------------------------------------- pairs

def fills_of(items):
    """StereoSet's items; all three statements, the unrelated one last."""
    pairs = []
    for item in items:
        by_label = {s["gold_label"]: s["sentence"] for s in item["sentences"]}
        k = [(item["context"], candidate_word(item["context"], by_label[label]), by_label[label]) for label in LABELS]
        pairs.append({"id": item["id"], "category": item["bias_type"], "target": item["target"], "subject": item["target"],
                      "counterpart": None, "k": k[:2], "all": k, "paraphrases": []})
    return pairs


def filled(prompt, subject, completion):
    context = prompt.replace("{subject}", subject).replace("{object}", BLANK)
    if prompt.startswith("{object}"):
        completion = completion[0].upper() + completion[1:]
    elif prompt.startswith("{"):
        context = context[0].upper() + context[1:]
    return context, completion, context.replace(BLANK, completion)


def subjects_of(pairs):
    """BiasKE's pairs; the object, then the unrelated one, of each subject."""
    made = []
    for pair in pairs:
        k = [filled(pair["prompt"], s, o) for o in (pair["object"], pair["unrelated"]) for s in pair["subjects"]]
        s1, s2 = pair["subjects"]
        made.append({"id": pair["id"], "category": pair["category"], "target": pair["target"], "subject": s1, "counterpart": s2,
                     "k": k[:2], "all": k, "paraphrases": [[filled(p, s, pair["object"]) for s in (s1, s2)] for p in pair["paraphrases"]]})
    return made


def held_out_of(pairs, share):
    """Whole terms, in each category those of the least hashes of seed, category and term."""
    def add(value, number):
        return mixed(value + GAMMA + number & MASK)

    def hash_of(pair):
        value = add(0, SPLIT_SEED)
        for byte in (pair["category"] + "\0" + pair["target"] + "\0").encode():
            value = add(value, byte)
        return value

    out = set()
    for category in {pair["category"] for pair in pairs}:
        terms = sorted({(hash_of(p), p["target"]) for p in pairs if p["category"] == category})
        held = min(math.ceil(share * len(terms) - 1e-9), len(terms) - 1)
        out |= {(category, term) for _, term in terms[:held]}
    return [(pair["category"], pair["target"]) in out for pair in pairs]


# ---------------------------------------------------------------- an edited model, and what it says

def cases_on(model, kind):
    return [case for case in CASES if kind in case[3] and not (model in TABLES and case[0] in SMALL_ALONE)]


def settings_of(case, model):
    return {**case[2], **(OF_MASKED.get(case[0], {}) if is_masked(model) else {}), **(SHORT.get(case[1], {}) if model in MODELS else {})}


def options_of(case, model, world):
    method, settings = case[1], settings_of(case, model)
    own = {"dropout_debias": DROPOUT, "ft_equal": WEIGHTS}.get(method, {True: {}, False: {}})[is_masked(model)]
    return {**METHODS[method][1], **own, **settings, **{k: world[k] for k in ("layer", "tokens", "seed", "text", "made")}}


def edited(folder, model, case, kind, pairs, held_out, world):
    net = Net(folder, is_masked(model))
    if case is not None:
        learnt = [pair for pair, held in zip(pairs, held_out) if not held]
        METHODS[case[1]][0](net, learnt, scoring_of(model, kind), options_of(case, model, world))
    return net


def near(a, b):
    return abs(a - b) <= 2e-5


def table_of(net, pairs, kind, scoring):
    """Metrics of some pairs; near_ties: comparisons of which float32 may decide otherwise."""
    size = len(pairs[0]["all"])
    logs = log_probabilities(net, [k for pair in pairs for k in pair["all"]], scoring)
    logs = [logs[i:i + size] for i in range(0, len(logs), size)]
    terms, ties = {}, 0
    for pair, log in zip(pairs, logs):
        unrelated = log[2:] if kind == "subjects" else log[2:] * 2
        ties += near(log[0], log[1]) + near(log[0], unrelated[0]) + near(log[1], unrelated[1])
        terms.setdefault(pair["target"], []).append((log[0] > log[1], (log[0] > unrelated[0]) + (log[1] > unrelated[1])))
    flat = sum(terms.values(), [])
    table = {"n": len(pairs), "ss.macro": mean([100 * mean([s for s, _ in g]) for g in terms.values()]),
             "ss.micro": 100 * mean([s for s, _ in flat]),
             "lms.macro": mean([50 * mean([r for _, r in g]) for g in terms.values()]),
             "gap": mean([abs(log[0] - log[1]) for log in logs])}
    said = log_probabilities(net, [k for pair in pairs for both in pair["paraphrases"] for k in both], scoring)
    paraphrases = list(zip(said[::2], said[1::2]))
    if paraphrases:
        table["ps"] = 100 * mean([a > b for a, b in paraphrases])
        ties += sum(near(a, b) for a, b in paraphrases)
    return {**table, "near_ties": ties}


def crows_of(net, pairs):
    if net.masked:
        scores = score_all(net, crows_masked_statements(pairs, net.tokenizer, False), plan_masked, mean)
        kept = [(round(a, 3), round(b, 3)) for a, b in zip(scores[::2], scores[1::2]) if not math.isnan(a + b)]
        ties = sum((round(a - 5e-5, 3) > round(b + 5e-5, 3)) != (round(a + 5e-5, 3) > round(b - 5e-5, 3))
                   for a, b in zip(scores[::2], scores[1::2]) if not math.isnan(a + b))
    else:
        scores = score_all(net, [pair[key] for pair in pairs for key in ("sent_more", "sent_less")], plan_sentence_mean, geometric_mean)
        kept = list(zip(scores[::2], scores[1::2]))
        ties = sum(near(math.log(a), math.log(b)) for a, b in kept)
    return {"n": len(kept), "crows": 100 * mean([a > b for a, b in kept]), "near_ties": ties}


def small(model, kind):
    """log P of each statement, edited and held out, by column."""
    world = {**MODELS[model], "text": "\n".join(make_text()), "made": {}}
    pairs = fills_of(items_of_own()) if kind == "fills" else subjects_of(subjects_of_own()["pairs"])
    held_out, columns = held_out_of(pairs, world["held_out"]), {}
    for case in [None, *cases_on(model, kind)]:
        net = edited(HERE / "models" / model, model, case, kind, pairs, held_out, world)
        name = case[0] if case else "unedited"
        columns[name] = [[round(log, 9) for log in log_probabilities(net, pair["all"], scoring_of(model, kind))] for pair in pairs]
        print(model, kind, name, columns[name][0], flush=True)
    return {"held_out": held_out, "columns": columns}


def trained(shared, model, kind, columns, save):
    """Metrics by column, of those that are not there."""
    world = {**TABLES[model], "made": {},
             "text": (shared / "data/wikitext2/wiki.valid.tokens").read_text(encoding="utf-8")}
    if kind == "fills":
        pairs = fills_of(i for i in read_stereoset(shared / "data/stereoset/dev.json") if i["bias_type"] == "gender")
    else:
        pairs = subjects_of(json.loads((table_methods.ROOT / "benchmark/biaske/gender.json").read_text())["pairs"])
    crows = [p for p in read_crows(shared / "data/crows_pairs/crows_pairs_anonymized.csv") if p["bias_type"] == "gender"]
    pairs, crows = pairs[:world["first"][kind]], crows[:world["first"]["crows"]]
    held_out, scoring = held_out_of(pairs, world["held_out"]), scoring_of(model, kind)
    for case in [None, *cases_on(model, kind)]:
        name = case[0] if case else "unedited"
        if name not in columns:
            net = edited(shared / "models" / model, model, case, kind, pairs, held_out, world)
            columns[name] = {subset: table_of(net, [p for p, h in zip(pairs, held_out) if h == held], kind, scoring)
                             for subset, held in (("edited", False), ("held_out", True))}
            if kind == "fills":
                columns[name]["crows"] = crows_of(net, crows)
            print(model, kind, name, columns[name], flush=True)
            save()


def cases_of(model):
    return [{"column": case[0], "method": case[1], "pairs": case[3],
             "settings": {f"{case[1]}.{key}": str(value) for key, value in settings_of(case, model).items()}}
            for case in CASES if any(case in cases_on(model, kind) for kind in case[3])]


def main(shared, part):
    found = json.loads(OUTPUT.read_text()) if OUTPUT.exists() else {"models": {}, "tables": {}}
    found = {"split_seed": SPLIT_SEED, "fills": {"data": {"intrasentence": items_of_own()}}, "subjects": subjects_of_own(),
             "models": found["models"], "tables": found["tables"]}

    def save():
        OUTPUT.write_text(json.dumps(found) + "\n")

    for where, worlds in (("models", MODELS), ("tables", TABLES)):
        for model, world in worlds.items():
            for kind in FILLS + SUBJECTS:
                if part in f"{where} {model} {kind}":
                    of = found[where].setdefault(model, {})
                    of.update({"world": world, "cases": cases_of(model)})
                    if where == "models":
                        of[kind] = small(model, kind)
                    else:
                        trained(shared, model, kind, of.setdefault(kind, {"columns": {}})["columns"], save)
                    save()


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    main(pathlib.Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
