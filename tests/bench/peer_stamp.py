"""A training step of the stamp in PyTorch: seconds and CPU seconds a step.

    python peer_stamp.py MODEL STEREOSET --category gender --layer 0 --steps 3 [--cached] [--threads N] [--batch 16]

The same task as the stage `stamp` with split.held_out=0: all pairs of the category and its generic prompts (the texts of
stages/methods/stamp_prompts.c), L_e = mean (log P'[k1] - log P'[k2])^2 under sentence.mean, L_s1 = KL of the unedited to the
stamped model wherever a statement is read, L_s2 at the end of the generic prompts, Adam on K', b_K, V', b_V. L_b is left out.
Causal models. What is quick in PyTorch: sequences of like length in batches, padded on the right, where a causal model needs no
mask; the output head at the rows that are read alone; autograd from the stamp up; distributions of the unedited model kept.
--cached: also the inputs of the stamp's layer are kept, and only the layers from there up run.
Prints one JSON object, with L_e of the first step, which the stage's must equal."""

import argparse
import json
import os
import pathlib
import re
import time

import peer_model

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("data")
parser.add_argument("--category", default="gender")
parser.add_argument("--layer", type=int, required=True)
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--batch", type=int, default=16, help="pairs; twice as many generic prompts")
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--cached", action="store_true")
options = parser.parse_args()
torch, program, tokenizer, model, blocks = peer_model.load(options.model, options.threads)

WIDTH, KEY_BIAS, ALPHA, BETA, RATE = 1024, -1.0, 0.1, 0.1, 3e-3  # the stage's defaults
TEMPLATES, NEUTRAL = 4, 32

model.requires_grad_(False)
base = model.base_model
last_norm = base.ln_f if hasattr(base, "ln_f") else base.norm


def prompts(subjects):
    """As stamp_prompts.c makes them."""
    source = (pathlib.Path(__file__).parents[2] / "stages/methods/stamp_prompts.c").read_text()
    table = {name: re.findall(r'"([^"]*)"', body)
             for name, body in re.findall(r"\*const (\w+)\[\w*\] = \{(.*?)\};", source, re.S)}
    texts, openings = [], table["openings"]
    for which, subject in enumerate(subjects + table["neutral_subjects"][:NEUTRAL]):
        for number in range(TEMPLATES):
            opening = openings[(which + number) % len(openings)] if which >= len(subjects) else ""
            text = f"{opening} {subject} {table['templates'][number]}".strip()
            texts.append(text[0].upper() + text[1:])
    return texts


class Batch:
    """Sequences, the rows that are read, and what of them never changes."""

    def __init__(self, sequences, read):
        longest = max(map(len, sequences))
        self.ids = torch.tensor([s + [0] * (longest - len(s)) for s in sequences])
        rows = [(i, at) for i, s in enumerate(sequences) for at in read(s)]
        self.owner = torch.tensor([i for i, _ in rows])
        self.row = torch.tensor([i * longest + at for i, at in rows])
        self.next = torch.tensor([sequences[i][at + 1] if at + 1 < len(sequences[i]) else 0 for i, at in rows])
        self.state = self.extra = None
        with torch.no_grad():
            before = self.logprobs(cached=False)
            self.probability = before.exp()
            self.negative_entropy = (self.probability * before).sum()

    def logprobs(self, cached):
        """log p' of all tokens at the rows that are read."""
        if cached and self.state is None:
            def keep(_, given, named):
                self.state, self.extra = given[0] if given else named["hidden_states"], (given[1:], named)
            hook = blocks[options.layer].register_forward_pre_hook(keep, with_kwargs=True)
            with torch.no_grad():
                base(input_ids=self.ids, use_cache=False)
            hook.remove()
        if cached:
            state, (others, named) = self.state, self.extra
            named = {name: value for name, value in named.items() if name != "hidden_states"}
            for block in blocks[options.layer:]:
                state = block(state, *others, **named)
                state = state[0] if isinstance(state, tuple) else state
            state = last_norm(state)
        else:
            state = base(input_ids=self.ids, use_cache=False).last_hidden_state
        return model.lm_head(state.flatten(0, 1)[self.row]).log_softmax(-1)

    def divergence(self, after):
        return self.negative_entropy - (self.probability * after).sum()


with open(options.data, encoding="utf-8") as file:
    items = [item for item in json.load(file)["data"]["intrasentence"] if item["bias_type"] == options.category]
encode = lambda text: tokenizer(text, add_special_tokens=False).input_ids  # noqa: E731
bos = tokenizer.bos_token_id
pairs = []
for item in items:
    text = {s["gold_label"]: s["sentence"] for s in item["sentences"]}
    pairs.append([encode(text["stereotype"]), encode(text["anti-stereotype"])])
pairs.sort(key=lambda p: max(map(len, p)))
generic = sorted(([bos] + encode(text) for text in prompts(sorted({item["target"] for item in items}))), key=len)
rows = sum(len(s) - 1 for p in pairs for s in p)
pair_batches = [Batch([s for p in pairs[k:k + options.batch] for s in p], lambda s: range(len(s) - 1))
                for k in range(0, len(pairs), options.batch)]
generic_batches = [Batch(generic[k:k + 2 * options.batch], lambda s: [len(s) - 1])
                   for k in range(0, len(generic), 2 * options.batch)]
alone = Batch([[bos]], lambda s: [0])  # the first token of a statement is read behind begin-of-text alone

d = model.config.hidden_size
stamp = [torch.nn.Parameter(x) for x in (torch.randn(WIDTH, d) / d ** 0.5, torch.full((WIDTH,), KEY_BIAS),
                                         torch.zeros(WIDTH, d), torch.zeros(d))]
keys, key_bias, values, value_bias = stamp
blocks[options.layer].mlp.register_forward_hook(
    lambda _, x, y: y + torch.relu(torch.nn.functional.linear(x[0], keys, key_bias)) @ values + value_bias)
adam = torch.optim.Adam(stamp, lr=RATE, fused=True)


def step():
    """L_e."""
    adam.zero_grad()
    edit = 0.0
    first_logprobs = alone.logprobs(options.cached)
    first = first_logprobs.detach().requires_grad_()
    for batch in pair_batches:
        after = batch.logprobs(options.cached)
        statements = batch.ids.shape[0]
        lp = after.gather(1, batch.next[:, None])[:, 0]
        length = torch.bincount(batch.owner, minlength=statements) + 1
        score = (first[0, batch.ids[:, 0]].index_add(0, batch.owner, lp)) / length
        l_e = ((score[0::2] - score[1::2]) ** 2).sum() / len(pairs)
        (l_e + ALPHA * batch.divergence(after) / rows).backward()
        edit += l_e.item()
    first_logprobs.backward(first.grad)
    for batch in generic_batches:
        (BETA * batch.divergence(batch.logprobs(options.cached)) / len(generic)).backward()
    adam.step()
    return edit


first_edit = step()  # not timed
begin, cpu = time.perf_counter(), time.process_time()
for _ in range(options.steps):
    last_edit = step()
print(json.dumps({"program": program, "pairs": len(pairs),
                  "prompts": len(generic), "tokens": sum(len(s) for p in pairs for s in p) + sum(map(len, generic)),
                  "threads": options.threads, "first_edit": first_edit, "last_edit": last_edit,
                  "wall": (time.perf_counter() - begin) / options.steps,
                  "cpu": (time.process_time() - cpu) / options.steps}))
