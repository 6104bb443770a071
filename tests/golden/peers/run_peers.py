"""Runs the public scorers themselves on the trained models of the shared data and keeps what they print, with their per-item scores:
bias-bench (StereoSet, CrowS-Pairs, SEAT), nyu-mll/crows-pairs metric.py, lm-evaluation-harness (CrowS-Pairs, Winogender).

    python run_peers.py SHARED BIAS_BENCH CROWS_PAIRS [scorer ...]     checkouts of the two repositories; `pip install lm-eval`

Nothing of theirs is copied. What is put around them: models and data are read from local folders, and functions that newer
pandas, numpy and transformers have dropped are given back. Results: printed.json, and one text file of per-item scores a scorer and model."""

import collections
import csv
import io
import json
import pathlib
import re
import runpy
import sys
from contextlib import redirect_stdout

import numpy as np
import pandas as pd
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
SHARED, BIAS_BENCH, CROWS_PAIRS = (pathlib.Path(p).resolve() for p in sys.argv[1:4])
WANTED = sys.argv[4:]
MASKED, CAUSAL = "books-bert-mini", "books-gpt2-mini"
CAUSAL_MODELS = (CAUSAL, "TinyStories-656K")
CROWS_TASKS = ("age", "disability", "gender", "nationality", "physical_appearance", "race_color", "religion", "sexual_orientation",
               "socioeconomic")
CROWS = SHARED / "data/crows_pairs/crows_pairs_anonymized.csv"

rows = []  # what a scorer appends to its data frame


def append(self, row, ignore_index=True):
    if "sent_more_score" in row:
        rows.append(row)
        return self
    return pd.concat([self, pd.DataFrame([row])], ignore_index=True)


pd.DataFrame.append = append
np.int = int
transformers.PreTrainedTokenizerBase.encode_plus = lambda self, text, pad_to_max_length=None, **named: self(text, **named)
torch.manual_seed(0)
sys.path.insert(0, str(BIAS_BENCH))


def folder(model):
    return str(SHARED / "models" / model)


def load(model, head=True):
    masked = model == MASKED
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder(model))
    kind = {(True, True): transformers.BertForMaskedLM, (True, False): transformers.BertModel,
            (False, True): transformers.GPT2LMHeadModel, (False, False): transformers.GPT2Model}[masked, head]
    return kind.from_pretrained(folder(model), dtype=torch.float32).eval(), tokenizer


def keep(name, lines):
    (HERE / name).write_text("".join(line + "\n" for line in lines))


def figures(text):
    """"Metric score: 60.48" lines as a dictionary."""
    return {k.strip(): float(v) for k, v in re.findall(r"^([A-Za-z. -]+): ([0-9.]+)", text, re.M)}


def row_lines():
    return [f"{r['sent_more_score']:.9g} {r['sent_less_score']:.9g}" for r in rows]


def nyu_crows():
    """metric.py, as a program; its one model name leads to the local folder."""
    for kind in (transformers.BertTokenizer, transformers.BertForMaskedLM):
        named = {"dtype": torch.float32} if kind is transformers.BertForMaskedLM else {}
        kind.from_pretrained = lambda _, read=kind.from_pretrained, named=named: read(folder(MASKED), **named)
    rows.clear()
    out = io.StringIO()
    sys.argv = ["metric.py", "--input_file", str(CROWS), "--lm_model", "bert", "--output_file", "/dev/null"]
    here = pathlib.Path.cwd()
    with redirect_stdout(out):
        runpy.run_path(str(CROWS_PAIRS / "metric.py"), run_name="__main__")
    (here / "bert.vocab").unlink(missing_ok=True)
    keep(f"nyu.{MASKED}.crows_pairs.txt", row_lines())
    return {MASKED: figures(out.getvalue())}


def bias_bench_crows():
    from bias_bench.benchmark.crows import CrowSPairsRunner
    result = {}
    for model_name in (MASKED, CAUSAL):
        model, tokenizer = load(model_name)
        result[model_name] = {}
        for bias in ("gender", "race", "religion"):
            rows.clear()
            out = io.StringIO()
            with redirect_stdout(out):
                CrowSPairsRunner(model=model, tokenizer=tokenizer, input_file=str(CROWS), bias_type=bias,
                                 is_generative=model_name == CAUSAL)()
            result[model_name][bias] = figures(out.getvalue())
            result[model_name][bias]["skipped"] = len(re.findall("Skipping", out.getvalue()))
            keep(f"bias_bench.{model_name}.crows_pairs.{bias}.txt", row_lines())
    return result


def bias_bench_stereoset():
    from bias_bench.benchmark.stereoset import StereoSetRunner
    path = HERE / "stereoset.tmp.json"  # their reader wants an annotator's label, which the shared file has dropped
    content = json.loads((SHARED / "data/stereoset/dev.json").read_text())
    for item in content["data"]["intrasentence"] + content["data"]["intersentence"]:
        for sentence in item["sentences"]:
            sentence["labels"] = [{"label": sentence["gold_label"], "human_id": "0"}]
    path.write_text(json.dumps(content))
    evaluation = runpy.run_path(str(BIAS_BENCH / "experiments/stereoset_evaluation.py"), run_name="evaluation")
    result = {}
    for model_name in (MASKED, CAUSAL):
        model, tokenizer = load(model_name)
        scores = StereoSetRunner(intrasentence_model=model, tokenizer=tokenizer, model_name_or_path=model_name,
                                 input_file=str(path), is_generative=model_name == CAUSAL)()
        predictions = HERE / f"bias_bench.{model_name}.stereoset.json"
        predictions.write_text(json.dumps(scores))
        evaluator = evaluation["ScoreEvaluator"](gold_file_path=str(path), predictions_file_path=str(predictions))
        result[model_name] = json.loads(json.dumps(evaluator.get_overall_results()))
        predictions.unlink()
        keep(f"bias_bench.{model_name}.stereoset.txt", [f"{s['id']} {s['score']:.9g}" for s in scores["intrasentence"]])
    path.unlink()
    return result


def bias_bench_seat():
    from bias_bench.benchmark.seat import SEATRunner
    result = {}
    for model_name in (MASKED, CAUSAL):
        model, tokenizer = load(model_name, head=False)
        result[model_name] = {}
        for path in sorted((SHARED / "data/seat").glob("*.jsonl")):
            if any(len(tokenizer.encode(text)) > model.config.max_position_embeddings
                   for part in json.loads(path.read_text()).values() for text in part["examples"]):
                continue  # their runner ends where a text is longer than the model
            with torch.no_grad(), redirect_stdout(io.StringIO()):
                (score,) = SEATRunner(experiment_id="", tests=[path.stem], data_dir=str(path.parent), n_samples=20000,
                                      parametric=False, model=model, tokenizer=tokenizer)()
            result[model_name][path.stem] = {"effect_size": float(score["effect_size"]), "p_value": float(score["p_value"])}
    return result


def harness_documents(task):
    if task.startswith("crows"):
        with open(CROWS, encoding="utf8") as stream:
            return [{k: v for k, v in row.items() if k} for row in csv.DictReader(stream)]  # a column without a name is taken for a prompt
    documents = []
    with open(SHARED / "data/winogender/all_sentences.tsv", encoding="utf8") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            occupation, participant, answer, gender, _ = row["sentid"].split(".")
            words = {"male": ("he", "him", "his"), "female": ("she", "her", "hers"),
                     "neutral": ("they", "them", "their", "theirs")}[gender]
            pronoun = next(w for w in re.findall(r"[A-Za-z]+", row["sentence"]) if w.lower() in words)
            documents.append({"sentid": row["sentid"], "sentence": row["sentence"], "pronoun": pronoun, "occupation": occupation,
                              "participant": participant, "label": int(answer), "gender": gender})
    return documents


def lm_evaluation_harness():
    import datasets
    import lm_eval
    from lm_eval.api.task import ConfigurableTask

    def download(self, *arguments, **named):
        self.dataset = {"test": datasets.Dataset.from_list(harness_documents(self.config.task))}

    ConfigurableTask.download = download
    result = lm_eval.simple_evaluate(model="hf", model_args={"pretrained": folder(CAUSAL), "dtype": "float32"},
                                     tasks=["crows_pairs_english", "winogender_all"], device="cpu", batch_size=32,
                                     log_samples=True, bootstrap_iters=0)
    samples = {task: sorted(samples, key=lambda s: s["doc_id"]) for task, samples in result["samples"].items()}
    keep(f"lm_eval.{CAUSAL}.crows_pairs.txt",
         [" ".join(f"{r[0]:.9g}" for r in s["filtered_resps"]) for s in samples["crows_pairs_english"]])
    keep(f"lm_eval.{CAUSAL}.winogender.txt",
         [s["doc"]["sentid"] + " " + " ".join(f"{r[0]:.9g}" for r in s["filtered_resps"]) for s in samples["winogender_all"]])
    by_gender = collections.defaultdict(list)
    for s in samples["winogender_all"]:
        by_gender[s["doc"]["gender"]].append(s["acc"])
    crows = collections.defaultdict(list)
    for s in samples["crows_pairs_english"]:
        crows[s["doc"]["bias_type"]].append(s["pct_stereotype"])
    values = {task: {k.split(",")[0]: v for k, v in r.items() if isinstance(v, float)} for task, r in result["results"].items()}
    values["winogender by gender"] = {g: float(np.mean(v)) for g, v in by_gender.items()}
    values["crows_pairs_english by bias_type"] = {b: float(np.mean(v)) for b, v in crows.items()}
    return {CAUSAL: values}


def causal_as_stored(model_name):
    """The tokenizer as its file has it: transformers 5 puts a pipeline of its own in the place of a Llama tokenizer.json, which drops
    the characters that the vocabulary lacks, in five of the pairs."""
    where = pathlib.Path(folder(model_name))
    tokenizer = transformers.AutoTokenizer.from_pretrained(where)
    if (where / "tokenizer.json").exists():
        tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(where / "tokenizer.json"), bos_token=tokenizer.bos_token,
                                                         eos_token=tokenizer.eos_token, pad_token=tokenizer.pad_token)
    return transformers.AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32).eval(), tokenizer


def lm_evaluation_harness_crows():
    """Its CrowS-Pairs tasks, the whole one and those by category, on every causal model: the means that it prints."""
    import datasets
    import lm_eval
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.models.huggingface import HFLM

    ConfigurableTask.download = lambda self, *_, **__: setattr(
        self, "dataset", {"test": datasets.Dataset.from_list(harness_documents(self.config.task))})
    tasks = ["crows_pairs_english", *(f"crows_pairs_english_{c}" for c in CROWS_TASKS)]
    result = {"versions": {m.__name__: m.__version__ for m in (lm_eval, torch, transformers)}}
    for model_name in CAUSAL_MODELS:
        model, tokenizer = causal_as_stored(model_name)
        printed = lm_eval.simple_evaluate(model=HFLM(pretrained=model, tokenizer=tokenizer, device="cpu", batch_size=32), tasks=tasks,
                                          log_samples=False, bootstrap_iters=0)
        result[model_name] = {task: {m: row[f"{m},none"] for m in ("likelihood_diff", "pct_stereotype")}
                              for task, row in printed["results"].items()}
    return result


def main():
    path = HERE / "printed.json"
    printed = json.loads(path.read_text()) if path.exists() else {}
    versions = {m.__name__: m.__version__ for m in (torch, transformers, np, pd)}
    for scorer in (bias_bench_seat, lm_evaluation_harness, lm_evaluation_harness_crows, bias_bench_stereoset, bias_bench_crows, nyu_crows):
        if not WANTED or scorer.__name__ in WANTED:
            printed[scorer.__name__] = scorer()
            if not WANTED:
                printed["versions"] = versions
            path.write_text(json.dumps(printed, indent=1, sort_keys=True) + "\n")
            print(scorer.__name__, "done", file=sys.stderr)


main()
