"""Causal tracing as ROME does it (kmeng01/rome, causal_trace.py), in PyTorch: seconds and CPU seconds for all items.

    python peer_trace.py MODEL ITEMS.json [--threads N] [--samples 10]

ITEMS.json: StereoSet's layout (race.py chooses items in whose context the target term stands before the fill). Of each item a
batch of one clean and `samples` corrupted runs (noise of 3 standard deviations on the subject's word embeddings); and once for
each token and layer the same batch, in which the state behind the layer at that token is set to the clean run's in all corrupted
runs. Read is the probability of the object's first token at the end of the prompt. Causal models. One run of an item is not timed.
Prints one JSON object, with the clean probabilities, which the stage's must equal."""

import argparse
import json
import os
import time

import peer_model

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("items")
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--samples", type=int, default=10)
options = parser.parse_args()
torch, program, tokenizer, model, blocks = peer_model.load(options.model, options.threads)
words = model.get_input_embeddings()


def compile_item(item):
    """Ids of the prompt, first and last + 1 of the subject's tokens, id of the object."""
    prompt = item["context"][:item["context"].index("BLANK")].rstrip()
    sentence = next(s["sentence"] for s in item["sentences"] if s["gold_label"] == "stereotype")
    begin = prompt.lower().index(item["target"].lower())
    end = begin + len(item["target"])
    encoded = tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)
    ids = encoded.input_ids
    object_id = tokenizer(sentence, add_special_tokens=False).input_ids[len(ids)]
    of_subject = [at for at, (a, b) in enumerate(encoded.offset_mapping) if a < end and b > begin]
    return [tokenizer.bos_token_id] + ids, of_subject[0] + 1, of_subject[-1] + 2, object_id


with open(options.items, encoding="utf-8") as file:
    items = [compile_item(item) for item in json.load(file)["data"]["intrasentence"]]
with torch.inference_mode():
    noise = 3 * words(torch.tensor([i for ids, a, b, _ in items for i in ids[a:b]])).std()


def run(ids, subject, target, place=None):
    """Clean probability and mean corrupted one; `place` (token, block): what is restored."""
    def corrupt(_, __, out):
        out[1:, subject[0]:subject[1]] += noise * torch.randn(options.samples, subject[1] - subject[0], out.shape[2])
        return out

    def restore(_, __, out):
        state = out[0] if isinstance(out, tuple) else out
        state[1:, place[0]] = state[0, place[0]]
        return out

    hooks = [words.register_forward_hook(corrupt)]
    if place is not None:
        hooks.append(place[1].register_forward_hook(restore))
    batch = torch.tensor([ids] * (1 + options.samples))
    p = model(input_ids=batch, use_cache=False, logits_to_keep=1).logits[:, -1].softmax(-1)[:, target]
    for hook in hooks:
        hook.remove()
    return float(p[0]), float(p[1:].mean())


def trace(ids, begin, end, target):
    clean, corrupted = run(ids, (begin, end), target)
    effect = [run(ids, (begin, end), target, (at, block))[1] - corrupted for at in range(len(ids)) for block in blocks]
    return clean, effect


with torch.inference_mode():
    run(*items[0][:1], items[0][1:3], items[0][3])
    wall, cpu = time.perf_counter(), time.process_time()
    results = [trace(*item) for item in items]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"program": program, "items": len(items),
                  "runs": sum(len(effect) + 1 for _, effect in results), "threads": options.threads,
                  "clean": [clean for clean, _ in results], "wall": wall, "cpu": cpu}))
