"""Writes tests/golden/cda.json: gradients of all weights by PyTorch's autograd, and models trained further on a text whose
attribute words are exchanged, with torch's AdamW, all in float64.

    python make_cda.py

README.md describes the file. Draws are fairstamp's (streams.py)."""

import json
import pathlib

import torch
import transformers

from exact import to_double
from streams import GAMMA, MASK, Random

HERE = pathlib.Path(__file__).resolve().parent
WORDS = {"gender": [["he", "she"], ["man", "woman"], ["him", "her"], ["his", "her"], ["mr.", "mrs."], ["boy", "girl"],
                    ["guy", "girl"]],
         "race": [["black", "white", "asian"], ["africa", "europe", "asia"]]}
LINES = ["He said that the man was late.", "The old house by the river was red.",
         "Her brother asked: \"Is she there?\" A GIRL came in; he knew her!", "Mr. Black met the woman.",
         "In africa, a white boy saw his dog.", "", "They sang all night long."]
SEED, STEPS, BATCH, BLOCK, RATE, CLIP = 7, 3, 3, 24, 1e-3, 0.5
ORDER, MASKS, SWAPS, DROPS = 0x6f72646572000000, 0x6d61736b73000000, 0x776f726473000000, 0x64726f7073000000


def exchange(line, rows, seed, number, fold):
    """The line with its words exchanged, and how many were."""
    random = Random(seed, number)
    partner = [random.uniform() for _ in range(max(map(len, rows)))]
    marked = [(row, mark) for mark in ["", *".,?!;:"] for row in rows]
    out, count = [], 0
    for word in line.split(" "):
        found = None
        for row, mark in marked:  # the last counts
            for column, entry in enumerate(row):
                if (word.lower() if fold else word) == entry + mark:
                    found = (row, mark, column)
        if found is not None:
            row, mark, column = found
            other = int(partner[column] * (len(row) - 1))
            text = row[other + (other >= column)]
            letters = [c for c in word if c.isalpha()]
            if fold and len(letters) > 1 and all(c.isupper() for c in letters):
                text = text.upper()
            elif fold and word[0].isupper():
                text = text[0].upper() + text[1:]
            word, count = text + mark, count + 1
        out.append(word)
    return " ".join(out), count


class Drops:
    """In the place of torch's dropout: that of fairstamp, of one block of a unit after the other."""

    def __init__(self, hidden, attention):
        self.hidden, self.attention, self.key, self.block, self.calls = hidden, attention, 0, 0, 0

    def begin_step(self, step):
        self.key = Random(SEED ^ DROPS, step).next()  # all blocks are one unit

    def begin_block(self, block):
        self.block, self.calls = block, 0

    def __call__(self, x, *_, **__):
        # the embeddings, then of each layer the weights, what attention adds, what the FFN adds
        layer, place = ((self.calls - 1) // 3, (self.calls - 1) % 3 + 1) if self.calls > 0 else (0, 0)
        share = self.attention if place == 1 else self.hidden
        self.calls += 1
        if share == 0:
            return x
        state, first = Random(self.key, layer * 4 + place).state, self.block * x.numel()
        keep = []
        for i in range(x.numel()):
            random = Random(0, 0)
            random.state = state + (first + i) * GAMMA & MASK
            keep.append(0.0 if random.uniform() < share else 1 / (1 - share))
        return x * torch.tensor(keep, dtype=x.dtype).reshape(x.shape)


def corpus(tokenizer, masked, exchanges, fold):
    tokens, texts = [], []

    def add(line):
        ids = tokenizer(line, add_special_tokens=False)["input_ids"]
        tokens.extend([tokenizer.cls_token_id, *ids, tokenizer.sep_token_id] if masked
                      else [*ids, tokenizer.eos_token_id])

    for number, line in enumerate(line for line in LINES if line):
        if not exchanges:
            add(line)
            continue
        for i, rows in enumerate(WORDS.values()):
            text, count = exchange(line, rows, (SEED ^ SWAPS) + i, number, fold)
            if count > 0:
                add(text)
                add(line)
                texts.append(text)
    return [tokens[i:i + BLOCK] for i in range(0, len(tokens) - BLOCK + 1, BLOCK)], texts


def blocks_of(step, count):
    order = {}
    for place in range(BATCH):
        number = step * BATCH + place
        if number // count not in order:
            random, order[number // count] = Random(SEED ^ ORDER, number // count), [0] * count
            mine = order[number // count]
            for i in range(count):
                at = random.below(i + 1)
                mine[i] = mine[at]
                mine[at] = i
        yield place, order[number // count][number % count]


def masked_block(tokenizer, block, step, place, words):
    seen, chosen = list(block), []
    for position, token in enumerate(block):
        random = Random(SEED ^ MASKS, (step * BATCH + place) * BLOCK + position)
        if token in tokenizer.all_special_ids or random.uniform() >= 0.15:
            continue
        what = random.uniform()
        chosen.append(position)
        if what < 0.8:
            seen[position] = tokenizer.mask_token_id
        elif what < 0.9:
            seen[position] = random.below(words)
    return seen, chosen


def log_p(model, ids):
    return torch.log_softmax(model(torch.tensor([ids])).logits[0], -1)


def step_loss(model, tokenizer, blocks, step, masked, drops):
    terms = []
    drops.begin_step(step)
    words = min(max(tokenizer.get_vocab().values()) + 1, model.config.vocab_size)
    for place, number in blocks_of(step, len(blocks)):
        block = blocks[number]
        drops.begin_block(place)
        if masked:
            seen, chosen = masked_block(tokenizer, block, step, place, words)
            rows = log_p(model, seen)
            terms += [-rows[i, block[i]] for i in chosen]
        else:
            rows = log_p(model, block)
            terms += [-rows[i, block[i + 1]] for i in range(len(block) - 1)]
    return torch.stack(terms).mean()


def summary(tensor):
    """A product with cosines, and the norm."""
    flat = tensor.detach().reshape(-1)
    return [(flat * torch.cos(0.37 * torch.arange(len(flat), dtype=torch.float64) + 1)).sum().item(),
            flat.norm().item()]


def load(name):
    folder = HERE / "models" / name
    masked = name.startswith("bert")
    kind = transformers.AutoModelForMaskedLM if masked else transformers.AutoModelForCausalLM
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    return to_double(model), transformers.AutoTokenizer.from_pretrained(folder), masked


def gradients(name):
    model = load(name)[0]
    tokens = [(29 * (t % 11) + 7) % 100 for t in range(17)]
    start, rows, V = [0, 7, 8, 17], [0, 3, 6, 7, 12, 15], model.config.vocab_size
    loss = 0
    for s in range(3):
        read = log_p(model, tokens[start[s]:start[s + 1]])
        for r, row in enumerate(rows):
            if start[s] <= row < start[s + 1]:
                loss = loss + (0.5 + r / 6) * read[row - start[s], (31 * r + 5) % (V - 4)]
    loss.backward()
    return {"model": name, "loss": loss.item(),
            "tensors": {n: summary(p.grad) for n, p in model.named_parameters() if p.grad is not None}}


def training(name, exchanges, fold, hidden, attention):
    model, tokenizer, masked = load(name)
    blocks, texts = corpus(tokenizer, masked, exchanges, fold)
    drops = torch.nn.functional.dropout = Drops(hidden, attention)
    start = {n: p.detach().clone() for n, p in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / STEPS)
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = step_loss(model, tokenizer, blocks, step, masked, drops)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP).item())
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    print(name, exchanges, fold, hidden, attention, len(blocks), losses, norms)
    return {"model": name, "exchanges": exchanges, "fold": fold, "hidden_dropout": hidden,
            "attention_dropout": attention, "texts": texts, "losses": losses,
            "tensors": {n: summary(p - start[n]) for n, p in model.named_parameters() if not torch.equal(p, start[n])}}


out = {"seed": SEED, "steps": STEPS, "batch": BATCH, "block": BLOCK, "learning_rate": RATE, "clip": CLIP,
       "words": WORDS, "text": "\n".join(LINES) + "\n",
       "gradients": [gradients(n) for n in ("bert-tiny", "gpt2-tiny", "llama-grouped")],
       "trainings": [training(*case) for case in (("bert-tiny", True, True, 0, 0), ("gpt2-tiny", True, True, 0, 0),
                                                  ("gpt2-tiny", True, False, 0.1, 0.1),
                                                  ("bert-tiny", False, True, 0.2, 0.15),
                                                  ("gpt2-tiny", False, True, 0.15, 0.15))]}
(HERE / "cda.json").write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n")
