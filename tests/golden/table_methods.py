"""Methods that edit or train a model, by PyTorch in float64, from their published definitions: what make_tables.py makes its figures with.

A pair has its subject, its counterpart's (two subjects) or None, and k: two statements (context with one BLANK or more, what stands
for BLANK, the text as it is written). Matrices of W_out are (d,F), whatever way round the model keeps them."""

import pathlib
import re

import numpy
import torch
from transformers import AutoTokenizer

from exact import to_double, widened
from make_models import MODEL_CLASS
from make_scores import Reader
from streams import GAMMA, Random

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OPENINGS = re.findall(r'^ {4}"(.*)",$', (ROOT / "stages/methods/stamp_frames.c").read_text(), re.M)
BLANK = "BLANK"


class Net(Reader):
    """Reads log p of tokens; sees what W_out of each layer reads and puts out, and the block's output (in a post-norm model before
    its norm), and changes them."""

    def __init__(self, folder, masked):
        super().__init__(folder, "bert" if masked else "gpt2")
        self.folder, self.masked, self.tokenizer = folder, masked, AutoTokenizer.from_pretrained(folder)
        self.model = MODEL_CLASS[self.family].from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        to_double(self.model)
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        base = self.model.base_model
        self.blocks = base.encoder.layer if masked else base.h
        self.written = [b.output.dense if masked else b.mlp.c_proj for b in self.blocks]
        self.limit = self.model.config.max_position_embeddings
        self.width, self.now = self.model.config.hidden_size, []
        self.add, self.seen, self.off, self.behind = None, None, {}, {}
        for layer, (block, module) in enumerate(zip(self.blocks, self.written)):
            module.register_forward_pre_hook(lambda m, inputs, layer=layer: self.before_output(layer, inputs[0]))
            module.register_forward_hook(lambda m, inputs, output, layer=layer: self.at_output(layer, inputs[0], output))
            if masked:
                block.output.LayerNorm.register_forward_pre_hook(lambda m, inputs, layer=layer: self.note(layer, "sum", inputs[0]))
            block.register_forward_hook(lambda m, inputs, output, layer=layer: self.at_block(layer, output))

    def note(self, layer, what, value):
        if self.seen is not None:
            for ids, rows in zip(self.now, value.detach().clone()):
                self.seen[ids, layer, what] = rows

    def before_output(self, layer, key):
        if layer in self.off:
            key = key.clone()
            key[..., self.off[layer]] = 0
        return (key,)

    def at_output(self, layer, key, output):
        self.note(layer, "key", key)
        self.note(layer, "output", output)
        if self.add is None or self.add[0] != layer:
            return output
        places = [(i, row, vector) for i, ids in enumerate(self.now) for row, vector in self.add[1].get(ids, [])]
        if not places:
            return output
        batch, row, vector = zip(*places)
        return output.index_put((torch.tensor(batch), torch.tensor(row)), torch.stack(vector), accumulate=True)

    def at_block(self, layer, output):
        h = output[0] if isinstance(output, tuple) else output
        h = self.behind[layer](h) if layer in self.behind else h
        self.note(layer, "behind", h)
        if not self.masked:
            self.note(layer, "sum", h)
        return (h, *output[1:]) if isinstance(output, tuple) else h

    def ids(self, text):
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def around(self, ids):
        return (self.special["cls"], *ids, self.special["sep"]) if self.masked else (self.special["begin"], *ids)

    def top(self, sequences):
        with widened():
            return self.model.base_model(input_ids=torch.tensor(sequences)).last_hidden_state

    def rows(self, places):
        """Log probabilities (places, V) at (ids, position); texts of one length run together."""
        with widened():
            h = {}
            for length in sorted({len(ids) for ids, _ in places}):
                self.now = list(dict.fromkeys(ids for ids, _ in places if len(ids) == length))
                h.update(zip(self.now, self.top(self.now)))
            h = torch.stack([h[ids][position] for ids, position in places])
            return torch.log_softmax(self.model.cls(h) if self.masked else self.model.lm_head(h), -1)

    def log_ps(self, reads):
        places = list(dict.fromkeys((ids, position) for ids, position, _ in reads))
        at = {place: i for i, place in enumerate(places)}
        rows = self.rows(places)
        return torch.stack([rows[at[ids, position], token] for ids, position, token in reads])

    def batch(self, sequences):
        for first in range(0, len(sequences), 32):
            reads = [(ids, *key) for ids in sequences[first:first + 32] for key in self.wanted[ids]]
            for (ids, *key), value in zip(reads, self.log_ps(reads).tolist()):
                self.wanted[ids][tuple(key)] = value

    @torch.no_grad()
    def look(self, sequences):
        """What is seen of each text, by (ids, layer, what)."""
        self.seen = {}
        for length in sorted(set(map(len, sequences))):
            self.now = list(dict.fromkeys(ids for ids in sequences if len(ids) == length))
            self.top(self.now)
        seen, self.seen = self.seen, None
        return seen

    def matrix(self, layer):
        weight = self.written[layer].weight
        return weight if self.masked else weight.T

    def change(self, layer, delta):
        self.matrix(layer).data += torch.as_tensor(delta)


# ---------------------------------------------------------------- statements

def masked_reads(net, context, completion):
    """One input for each sub-token: those before it filled in, it masked, those after left out."""
    ids, reads = net.ids(completion), []
    for i, token in enumerate(ids):
        sequence = tuple(net.tokenizer.encode(context.replace(BLANK, net.tokenizer.decode(ids[:i]) + net.tokenizer.mask_token)))
        reads.append((sequence, sequence.index(net.special["mask"]), token))
    return reads


def behind(net, before, completion, begin):
    """The completion's tokens given those before them: of both together, behind what they share with `before` alone."""
    given, ids = net.ids(before.rstrip(" ")), net.ids(before + completion)
    common = next((i for i in range(len(ids)) if i >= len(given) or ids[i] != given[i]), len(ids))
    ids, common = (net.around(ids), common + 1) if begin else (tuple(ids), common)
    return [(ids, i - 1, ids[i]) for i in range(common, len(ids))]


def whole_reads(net, text):
    """sentence.mean: the first token given begin-of-text alone, the others in a text without it."""
    ids = tuple(net.ids(text))
    return [((net.special["begin"],), 0, ids[0])] + [(ids, i - 1, ids[i]) for i in range(1, len(ids))]


def fits(net, reads):
    """The last token of a causal text need not be run."""
    return reads and all(len(ids) - (not net.masked) <= net.limit for ids, _, _ in reads)


def statement_reads(net, statement, scoring, opening=None):
    context, completion, text = statement
    if opening is not None:
        context, text = f"{opening} {context}", f"{opening} {text}"
    if net.masked:
        return masked_reads(net, context, completion)
    if scoring == "object.mean":
        return behind(net, context[:context.index(BLANK)], completion, True)
    if opening is None:
        return whole_reads(net, text)
    ids = tuple(net.ids(text))
    return [(ids, i - 1, ids[i]) for i in range(len(net.ids(opening)), len(ids))]


def fold(logs, scoring):
    return torch.logsumexp(logs, 0) - numpy.log(len(logs)) if scoring == "target.prob" else logs.mean()


@torch.no_grad()
def log_probabilities(net, statements, scoring):
    """log P of each; distinct texts run once, those of one length together."""
    reads = [[net.want(ids, position, token) for ids, position, token in statement_reads(net, k, scoring)] for k in statements]
    net.run()
    return [fold(torch.tensor([net.fetch(read) for read in of]), scoring).item() for of in reads]


# ---------------------------------------------------------------- where a text is looked up

def last_end(text, word, size):
    """Behind the last occurrence, within the first `size` letters, of the word as one of its own, in any case, with or without a
    plural's ending."""
    word = rf"(?<![A-Za-z0-9\x80-\U0010ffff])(?={re.escape(word)}((?:s|es)?)(?![A-Za-z0-9\x80-\U0010ffff]))"
    return max((m.end(1) for m in re.finditer(word, text, re.I) if m.end(1) <= size), default=None)


def token_before(net, text, end):
    offsets = net.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return max((i for i, (a, b) in enumerate(offsets) if a < end and b > a), default=None)


def lookup_row(net, ids, statement, subject, opening, whole):
    """The row of the subject's last token in one of the statement's texts."""
    context, completion, text = statement
    frame = opening + " " if opening is not None else ""
    before, after = (frame + context).split(BLANK, 1)
    base = before + net.tokenizer.mask_token + after if net.masked else frame + text if whole else before + completion
    end = last_end(after, subject, len(after)) if net.masked else None
    if end is not None:
        at = token_before(net, base, len(base) - len(after) + end)
        return len(ids) - 1 - (len(net.ids(base)) - at)
    end = last_end(base, subject, len(before)) or len(before.rstrip(" "))
    lead = 1 if net.masked or ids[0] == net.special["begin"] else 0
    at = token_before(net, base, end)
    return lead + at if at is not None else None


# ---------------------------------------------------------------- target values of ROME and MEMIT

class Request:
    """What a pair asks for: its prompts, as they are and behind openings, with the places where vectors are added."""

    def __init__(self, net, pair, kind, scoring, openings):
        self.net, self.kind = net, kind
        k1, k2 = pair["k"]
        two = pair["counterpart"] is not None
        s1, s2 = pair["subject"], pair["counterpart"] if two else pair["subject"]
        self.subjects = [s1, s2] if two and kind == "equal" else [s2]
        mine = scoring if kind == "equal" else "target.logprob" if net.masked else "object.mean"
        self.scoring, self.whole = mine, mine == "sentence.mean"
        sides = [(k1, s1, 0), (k2, s2, len(self.subjects) - 1)] if kind == "equal" else [(k2, s2, 0)]
        self.terms, self.add, self.place = [], {}, {}
        for j, opening in enumerate([None, *openings]):
            reads = [statement_reads(net, k, mine, opening) for k, _, _ in sides]
            if not all(fits(net, r) for r in reads):
                continue
            self.terms.append(reads)
            for (k, subject, v), r in zip(sides, reads):
                for ids in dict.fromkeys(ids for ids, _, _ in r if len(ids) > 1):
                    row = lookup_row(net, ids, k, subject, opening, self.whole)
                    if row is not None and self.add.setdefault(ids, (row, v)) == (row, v):  # one text has one vector
                        self.place.setdefault((j, v), (ids, row))
        self.kept = []
        for v, name in enumerate(self.subjects):
            text = f"{name} is a {net.tokenizer.mask_token} ." if net.masked else f"{name} is a"
            ids = net.ids(text)
            ids, lead = (tuple(ids), 0) if self.whole else (net.around(ids), 1)
            row = lead + token_before(net, text, len(name))
            self.kept.append((ids, row))
            self.add[ids] = (row, v)
        self.is_one = (0, 0) in self.place and (0, len(self.subjects) - 1) in self.place

    def adds(self, layer, delta):
        return layer, {ids: [(row, delta[v])] for ids, (row, v) in self.add.items()}

    def loss(self):
        flat = [read for reads in self.terms for r in reads for read in r]
        logs, at, total = self.net.log_ps(flat), 0, 0
        for reads in self.terms:
            u = []
            for r in reads:
                u.append(fold(logs[at:at + len(r)], self.scoring))
                at += len(r)
            total = total + ((u[0] - u[1]) ** 2 if self.kind == "equal" else -u[0])
        return total / len(self.terms)

    def found(self, layer, what):
        """Key, and what W_out puts out or the block's output, at each place."""
        seen = self.net.look([ids for ids, _ in self.place.values()])
        return {place: (seen[ids, layer, "key"][row].numpy(), seen[ids, layer, what][row].numpy())
                for place, (ids, row) in self.place.items()}


def search(net, request, layer, what, o):
    """delta of each vector by Adam; the first loss and the last, and how many there were."""
    found = request.found(layer, what)
    delta = [torch.zeros(net.width, requires_grad=True) for _ in request.subjects]
    length = [numpy.linalg.norm(found[0, v][1]) for v in range(len(delta))]
    adam, losses, old = torch.optim.Adam(delta, lr=o["learning_rate"]), [], None
    while True:
        net.add = request.adds(layer, delta)
        loss, now = request.loss(), net.rows(request.kept)
        net.add = None
        old = now.detach() if old is None else old
        loss = loss + o["kl_weight"] * (now.exp() * (now - old)).sum()
        loss = loss + sum(o["weight_decay"] * d.norm() / n ** 2 for d, n in zip(delta, length))
        losses.append(loss.item())
        if len(losses) == o["iterations"] or losses[-1] < 0.05:
            return [d.detach().numpy() for d in delta], losses
        adam.zero_grad()
        loss.backward()
        adam.step()
        with torch.no_grad():
            for d, n in zip(delta, length):
                if d.norm() > o["clamp"] * n:
                    d.mul_(o["clamp"] * n / d.norm())


def second_moment(net, layer, o):
    """Of the unedited model's keys, over the text's first paragraphs that together have as many tokens."""
    if (layer, net.folder) in o["made"]:
        return o["made"][layer, net.folder]
    total, count, most = 0, 0, o["tokens"]
    for line in o["text"].split("\n"):
        line = line.rstrip("\r ")
        if not line or count >= most:
            continue
        ids = tuple(net.ids(line))
        ids = (net.special["cls"], *ids[:net.limit - 2], net.special["sep"]) if net.masked else ids[:net.limit]
        key = net.look([ids])[ids, layer, "key"]
        total, count = total + key.T @ key, count + len(ids)
    return o["made"].setdefault((layer, net.folder), (total / count).numpy())


def with_ridge(moment):
    return moment + 1e-6 * numpy.trace(moment) / len(moment) * numpy.eye(len(moment))


def rome(net, pairs, scoring, o):
    layer = o["layer"]
    moment = with_ridge(second_moment(net, layer, o))
    for pair in pairs:
        request = Request(net, pair, o["request"], scoring, OPENINGS[:o["openings"]])
        if not request.is_one:
            continue
        found = request.found(layer, "output")
        delta, losses = search(net, request, layer, "output", o)
        print(pair["id"], losses[0], losses[-1], len(losses), flush=True)
        K, R, U = [], [], []
        for v, d in enumerate(delta):
            all_keys, all_outs = zip(*(f for (_, of), f in found.items() if of == v))
            key, out = found[0, v]
            mean_key, mean_out = numpy.mean(all_keys, 0), numpy.mean(all_outs, 0)
            U.append(numpy.linalg.solve(moment, key if o["form"] == "p-rome" else mean_key))
            K.append(mean_key if o["form"] == "r-rome" else key)
            R.append(out + d - (mean_out if o["form"] == "r-rome" else out))
        K, R, U = (numpy.array(x).T for x in (K, R, U))
        net.change(layer, R @ numpy.linalg.solve(U.T @ K, U.T))


def memit(net, pairs, scoring, o):
    """AlphaEdit where o has a threshold; both have the same target values."""
    last, first = o["layer"], o["layer"] + 1 - o["layers"]
    moments = [second_moment(net, layer, o) for layer in range(first, last + 1)]
    requests, z = [Request(net, pair, o["request"], scoring, OPENINGS[:o["openings"]]) for pair in pairs], []
    requests = [request for request in requests if request.is_one]
    searched = tuple(o[key] for key in ("request", "openings", "iterations", "learning_rate", "clamp"))
    for number, request in enumerate(requests):
        key = net.folder, last, searched, number
        if key not in o["made"]:
            found = request.found(last, "sum")
            delta, losses = search(net, request, last, "sum", o)
            print(number, losses[0], losses[-1], len(losses), flush=True)
            o["made"][key] = [found[0, v][1] + d for v, d in enumerate(delta)]
        z += o["made"][key]
    for number, layer in enumerate(range(first, last + 1)):
        K, R = [], []
        for request in requests:
            keys, states = request.found(layer, "sum"), request.found(last, "sum")
            for v in range(len(request.subjects)):
                others = [key for (j, of), (key, _) in keys.items() if of == v and j > 0]
                K.append((keys[0, v][0] + numpy.mean(others, 0)) / 2)
                R.append((z[len(R)] - states[0, v][1]) / (last - layer + 1))
        K, R, C = numpy.array(K).T, numpy.array(R).T, moments[number]
        if "threshold" in o:
            value, vector = numpy.linalg.eigh(C)
            P = vector[:, value < o["threshold"]] @ vector[:, value < o["threshold"]].T
            net.change(layer, numpy.linalg.solve(P @ K @ K.T + o["ridge"] * numpy.eye(len(K)), P @ K @ R.T).T)
        else:
            net.change(layer, R @ numpy.linalg.solve(o["update_weight"] * with_ridge(C) + K @ K.T, K).T)


# ---------------------------------------------------------------- fine-tuning of one matrix

def fine_tune(net, pairs, scoring, o):
    module = net.written[o["layer"]]
    trained = [p.requires_grad_() for p in module.parameters()]
    start = [p.detach().clone() for p in trained]
    adam = torch.optim.Adam(trained, lr=o["learning_rate"])
    asked = []
    for pair in pairs:
        if o["request"] == "equal":
            asked.append([statement_reads(net, k, scoring) for k in pair["k"]])
        else:
            asked.append([statement_reads(net, pair["k"][1], "object.mean")])
    batches = [asked[i:i + o["batch"]] for i in range(0, len(asked), o["batch"])]
    batches = [[reads for reads in batch if all(fits(net, r) for r in reads)] for batch in batches]
    for _ in range(o["epochs"]):
        losses = []
        for batch in batches:
            logs, at, total = net.log_ps([read for reads in batch for r in reads for read in r]), 0, 0
            for reads in batch:
                u = []
                for r in reads:
                    part = logs[at:at + len(r)]
                    u.append(fold(part, scoring) if o["request"] == "equal" else part.mean())
                    at += len(r)
                total = total + ((u[0] - u[1]) ** 2 if o["request"] == "equal" else -u[0])
            loss = total / len(batch)
            losses.append((loss.item(), len(batch)))
            if loss.item() >= 0.01:
                adam.zero_grad()
                loss.backward()
                adam.step()
            if "norm_constraint" in o:
                with torch.no_grad():
                    for p, old in zip(trained, start):
                        p.clamp_(old - o["norm_constraint"], old + o["norm_constraint"])
        print(losses[:3], flush=True)
        if sum(x * n for x, n in losses) / sum(n for _, n in losses) < 0.01:
            break
    for p in trained:
        p.requires_grad_(False)


# ---------------------------------------------------------------- steering, bias neurons

def span(pair, side):
    """The statement's text, and where the two differ in it."""
    context, completion, _ = pair["k"][side]
    text, begin = context.replace(BLANK, completion, 1).replace(BLANK, completion), context.index(BLANK)
    if pair["counterpart"] is None:
        return text, begin, begin + len(completion)
    subject = pair["counterpart" if side else "subject"]
    found = list(re.finditer(rf"(?<![A-Za-z0-9]){re.escape(subject)}(?![A-Za-z0-9])", text, re.I))
    return (text, found[-1].start(), found[-1].end()) if found else None


def differences(net, pairs, layer):
    out = []
    for pair in pairs:
        states = []
        for side in (0, 1):
            text, begin, end = span(pair, side)
            encoding = net.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
            ids = net.around(encoding["input_ids"])
            if len(ids) > net.limit:
                break
            rows = [1 + i for i, (a, b) in enumerate(encoding["offset_mapping"]) if a < end and b > begin]
            states.append(net.look([ids])[ids, layer, "behind"][rows].mean(0))
        if len(states) == 2:
            out.append(states[0] - states[1])
    return torch.stack(out)


def steer_add(net, pairs, scoring, o):
    v = differences(net, pairs, o["layer"]).mean(0)
    net.behind[o["layer"]] = lambda h: h + o["coefficient"] * v


def steer_ablate(net, pairs, scoring, o):
    delta = differences(net, pairs, o["layer"])
    v = torch.linalg.eigh(delta.T @ delta)[1][:, -1]
    net.behind[o["layer"]] = lambda h: h - (h @ v)[..., None] * v


def attributions(net, ids, position, token, steps):
    """Of each neuron: its activation at the position, times the mean slope of P(token) with the layer's activations there scaled."""
    seen, out = net.look([ids]), []
    for layer in range(len(net.blocks)):
        w = seen[ids, layer, "key"][position]
        total = torch.zeros_like(w)
        for i in range(steps):
            less = ((i / steps - 1) * w).requires_grad_(True)  # what is added to the activations
            net.add = layer, {ids: [(position, net.matrix(layer) @ less)]}
            total += torch.autograd.grad(net.rows([(ids, position)])[0, token].exp(), less)[0]
            net.add = None
        out.append(w * total / steps)
    return torch.cat(out)


def bias_neurons(net, pairs, scoring, o):
    counts, of, nearest = 0, 0, 1
    for pair in pairs:
        first = [statement_reads(net, k, "object.mean")[0] for k in pair["k"]]
        if not net.masked:  # what stands behind the position changes nothing
            first = [(ids[:position + 1], position, token) for ids, position, token in first]
        if first[0] == first[1]:
            continue
        gap = attributions(net, *first[0], o["steps"]) - attributions(net, *first[1], o["steps"])
        nearest = min(nearest, (gap / gap.max() - o["share"]).abs().min().item())
        counts, of = counts + (gap >= o["share"] * gap.max()).long(), of + 1
    kept = lambda percent: int((counts >= max(1, -(-of * percent // 100))).sum())
    percent = 70
    while percent > 5 and kept(percent) < o["least"]:
        percent -= 5
    while percent < 100 and kept(percent) > o["most"] and kept(percent + 5) >= o["least"]:
        percent += 5
    least = max(1, -(-of * percent // 100))
    order = sorted((j for j in range(len(counts)) if counts[j] >= least), key=lambda j: (-counts[j].item(), j))[:o["most"]]
    inner = net.matrix(0).shape[1]
    print("bias neurons", sorted((j, counts[j].item()) for j in order), "of", of, "nearest to the threshold", nearest, flush=True)
    for j in order:
        net.off.setdefault(j // inner, []).append(j % inner)


# ---------------------------------------------------------------- whole models trained further

ORDER, MASKS, WORDS, DROPS = 0x6f72646572000000, 0x6d61736b73000000, 0x776f726473000000, 0x64726f7073000000


def exchange(line, rows):
    """The line with its words exchanged, by rows of two, and whether any was; of several rows that have a word the last counts."""
    table = {entry + mark: (row[1 - i], mark) for mark in ("", *".,?!;:") for row in rows for i, entry in enumerate(row)}
    out = []
    for word in line.split(" "):
        other, mark = table.get(word.lower(), (None, None))
        letters = [c for c in word if c.isalpha()]
        if other is None:
            out.append(word)
        elif len(letters) > 1 and all(c.isupper() for c in letters):
            out.append(other.upper() + mark)
        else:
            out.append((other[0].upper() + other[1:] if word[0].isupper() else other) + mark)
    return " ".join(out), out != line.split(" ")


def blocks_of(net, o):
    """The lines, between special tokens or with end-of-text behind each, cut into blocks."""
    tokens = []
    for line in (line.strip(" \t\r") for line in o["text"].split("\n")):
        if len(tokens) >= o["steps"] * o["batch"] * o["block"]:
            break
        texts = [line] if line else []
        if line and "words" in o:
            other, found = exchange(line, o["words"])
            texts = [other, line] if found else []
        for text in texts:
            tokens += net.around(net.ids(text)) if net.masked else [*net.ids(text), net.model.config.eos_token_id]
    return [tokens[i:i + o["block"]] for i in range(0, len(tokens) - o["block"] + 1, o["block"])]


def order_of(count, o, round_):
    random, order = Random(o["seed"] ^ ORDER, round_), [0] * count
    for i in range(count):
        at = random.below(i + 1)
        order[i], order[at] = order[at], i
    return order


class Drops:
    """In the place of torch's dropout, for one block of a unit: the embeddings, then of each layer attention's weights, what
    attention adds and what the FFN adds."""

    def __init__(self, o):
        self.hidden, self.attention, self.calls = o["hidden_dropout"], o["attention_dropout"], 0

    def begin(self, key, block):
        self.key, self.block, self.calls = key, block, 0

    def __call__(self, x, *_, **__):
        layer, place = ((self.calls - 1) // 3, (self.calls - 1) % 3 + 1) if self.calls > 0 else (0, 0)
        share = self.attention if place == 1 else self.hidden
        self.calls += 1
        if share == 0:
            return x
        state = numpy.uint64(Random(self.key, layer * 4 + place).state)
        number = numpy.arange(1, x.numel() + 1, dtype=numpy.uint64) + numpy.uint64(self.block * x.numel())
        draw = (mixed_array(state + number * numpy.uint64(GAMMA)) >> numpy.uint64(11)).astype(float) * 2.0 ** -53
        return x * torch.from_numpy(numpy.where(draw < share, 0, 1 / (1 - share))).reshape(x.shape)


def mixed_array(z):
    z = (z ^ z >> numpy.uint64(30)) * numpy.uint64(0xbf58476d1ce4e5b9)
    z = (z ^ z >> numpy.uint64(27)) * numpy.uint64(0x94d049bb133111eb)
    return z ^ z >> numpy.uint64(31)


def seen_block(net, block, number, o):
    """What the model sees of a block, and [position, token] to be predicted."""
    if not net.masked:
        return block, [(i, block[i + 1]) for i in range(len(block) - 1)]
    seen, chosen = list(block), []
    for position, token in enumerate(block):
        random = Random(o["seed"] ^ MASKS, number * len(block) + position)
        if token in net.tokenizer.all_special_ids or random.uniform() >= 0.15:
            continue
        what = random.uniform()
        chosen.append((position, token))
        if what < 0.9:
            seen[position] = net.special["mask"] if what < 0.8 else random.below(len(net.tokenizer))
    return seen, chosen


def further(net, pairs, scoring, o):
    """CDA where there are words, else the same training on the lines as they are."""
    blocks, kept, drops = blocks_of(net, o), torch.nn.functional.dropout, Drops(o)
    trained = [p.requires_grad_() for p in net.model.parameters()]
    adam = torch.optim.AdamW(trained, lr=o["learning_rate"], betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 - step / o["steps"])
    together = min(max(512 // o["block"], 1), o["batch"])
    units = (o["batch"] - 1) // together + 1
    torch.nn.functional.dropout = drops
    for step in range(o["steps"]):
        terms = []
        for place in range(o["batch"]):
            number = step * o["batch"] + place
            block = blocks[order_of(len(blocks), o, number // len(blocks))[number % len(blocks)]]
            drops.begin(Random(o["seed"] ^ DROPS, step * units + place // together).next(), place % together)
            seen, chosen = seen_block(net, block, number, o)
            if chosen:
                terms.append(-net.log_ps([(tuple(seen), position, token) for position, token in chosen]))
        loss = torch.cat(terms).mean()
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, o["clip"])
        adam.step()
        schedule.step()
        print(len(blocks), loss.item(), flush=True)
    torch.nn.functional.dropout = kept
    for p in trained:
        p.requires_grad_(False)
