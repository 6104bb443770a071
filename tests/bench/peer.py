"""Forward speed of PyTorch with transformers on the sentences that fairstamp's benchmark runs.

    python peer.py MODEL STEREOSET [--threads N] [--sentences N] [--batch 32] [--repeats 3] [--attention sdpa|eager]

MODEL is a HuggingFace folder (make_bench_models.py), STEREOSET the data set's json file. Sentences: the first N of the
intrasentence part in file order (all by default), equal ones once, with [CLS] and [SEP] for masked models and nothing
added for causal ones, sorted by length, in padded batches. Prints one JSON object:

    tokens          real tokens computed, special ones included, padding not
    padded_tokens   tokens computed with padding
    hidden          {"seconds", "tokens_per_second"}: hidden states of the last layer, no output head
    full            the same for the full forward pass, head at every position, log probability of every token
                    (masked: of the token at its own place, unmasked; causal: given those before), with their sum

Seconds are the median of the repeats, after one that is not timed."""

import argparse
import json
import os
import statistics
import time


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--sentences", type=int, default=None)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa")
    return parser.parse_args()


options = arguments()
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(options.threads)  # before torch is loaded

import torch  # noqa: E402
import transformers  # noqa: E402
from transformers import AutoConfig, AutoTokenizer, BertForMaskedLM, GPT2LMHeadModel, LlamaForCausalLM  # noqa: E402

MODEL_CLASS = {"bert": BertForMaskedLM, "gpt2": GPT2LMHeadModel, "llama": LlamaForCausalLM}


def read_batches(family):
    with open(options.data, encoding="utf-8") as file:
        items = json.load(file)["data"]["intrasentence"]
    sentences = [s["sentence"] for item in items for s in item["sentences"]][:options.sentences]
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    rows = [tokenizer.encode(s, add_special_tokens=family == "bert") for s in sentences]
    rows = sorted(map(list, dict.fromkeys(map(tuple, rows))), key=len)
    batches = []
    for start in range(0, len(rows), options.batch):
        part = rows[start:start + options.batch]
        width = max(map(len, part))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in part])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in part])
        # A batch without padding needs no mask, which lets the attention kernel do less.
        batches.append((ids, mask, {} if bool(mask.all()) else {"attention_mask": mask}))
    return rows, batches


def hidden(model, family, batches):
    if family != "bert":
        batches = [(ids, mask, {**extra, "use_cache": False}) for ids, mask, extra in batches]
    for ids, _, extra in batches:
        model.base_model(input_ids=ids, **extra)


def full(model, family, batches):
    total = 0.0
    for ids, mask, extra in batches:
        if family == "bert":
            logits, target, counted = model(input_ids=ids, **extra).logits, ids, mask
        else:
            logits = model(input_ids=ids, use_cache=False, **extra).logits
            target, counted = ids.roll(-1, 1), mask.roll(-1, 1)
            counted[:, -1] = 0
        value = torch.log_softmax(logits, -1).gather(2, target[..., None])[..., 0]
        total += float((value * counted).double().sum())
    return total


def main():
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(options.threads)
    family = AutoConfig.from_pretrained(options.model).model_type
    model = MODEL_CLASS[family].from_pretrained(options.model, dtype=torch.float32,
                                                attn_implementation=options.attention).eval()
    rows, batches = read_batches(family)
    report = {"program": f"torch {torch.__version__}, transformers {transformers.__version__}", "model": options.model,
              "threads": options.threads, "attention": options.attention, "batch": options.batch, "sequences": len(rows),
              "tokens": sum(map(len, rows)), "padded_tokens": sum(b[0].numel() for b in batches)}
    with torch.inference_mode():
        for name, work in (("hidden", hidden), ("full", full)):
            seconds, result = [], None
            for repeat in range(options.repeats + 1):
                start = time.perf_counter()
                result = work(model, family, batches)
                if repeat:
                    seconds.append(time.perf_counter() - start)
            median = statistics.median(seconds)
            report[name] = {"seconds": median, "best_seconds": min(seconds),
                            "tokens_per_second": report["tokens"] / median}
            if result is not None:
                report[name]["sum"] = result
    print(json.dumps(report))


main()
