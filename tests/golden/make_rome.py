"""Writes tests/golden/rome.json: ROME, r-ROME and p-ROME by NumPy and PyTorch in float64 (kmeng01/rome's rules, written anew).

    python make_rome.py

README.md describes the file. The pairs are those of tests/unit/stamp/support.c, the openings the first of stamp_frames.c."""

import json
import pathlib

import numpy
import torch
import transformers

from exact import to_double

HERE = pathlib.Path(__file__).resolve().parent
# subject, counterpart, before and behind the subject, two completions, what follows
ROWS = [
    ("nurse", "captain", "the ", " was at ", "home", "the river", "."),
    ("farmer", "singer", "that ", " was ", "poor", "rich", "."),
]
PAIRS = [0, 5]  # of support.c
OPENINGS = ["It rained during the night.", "The train was late this morning.", "The gate to the park was open."]
TEXT = ["The old nurse was at the river and the captain of the ship went to town.", "",
        "My father works in the kitchen. The farmer has land, and the baker is tired of bread and wine.",
        "He said that the singer was late on monday; she likes the church by the sea."]
LAYER, ITERATIONS, RATE, DECAY, KL, RIDGE = 0, 5, 0.1, 0.5, 0.0625, 1e-6
CASES = [dict(zip(("model", "subjects", "request", "scoring", "form", "clamp", "enough"), row)) for row in (
    ("bert-tiny", False, "anti", "target.prob", "r-rome", 4, 0.05),
    ("bert-tiny", True, "equal", "target.prob", "r-rome", 4, 0.05),
    ("bert-tiny", False, "equal", "target.prob", "rome", 0.2, 0.05),
    ("gpt2-tiny", False, "anti", "object.mean", "r-rome", 4, 0.05),
    ("gpt2-tiny", True, "equal", "object.mean", "r-rome", 4, 0.05),
    ("gpt2-tiny", False, "equal", "sentence.mean", "r-rome", 4, 0),
    ("gpt2-tiny", False, "crossed", "sentence.mean", "p-rome", 4, 0.05),
    ("bert-tiny", False, "crossed", "target.prob", "p-rome", 0.5, 0.05),
    ("gpt2-tiny", True, "crossed", "object.mean", "p-rome", 0.5, 0.05),
    ("llama-grouped", True, "anti", "object.mean", "rome", 0.2, 0.05),
    ("llama-grouped", False, "equal", "object.mean", "r-rome", 4, 0.05))]


class Run:
    """A model whose FFNs are seen at every layer; `state`: what a place has is the block's output, in a post-norm model
    before its norm, in the place of the FFN's own."""

    def __init__(self, case, layer=LAYER, state=False):
        name = case["model"]
        self.case, self.name, self.masked, self.layer, self.state = case, name, name.startswith("bert"), layer, state
        self.looked = layer  # the layer whose keys are noted
        kind = transformers.AutoModelForMaskedLM if self.masked else transformers.AutoModelForCausalLM
        self.model = to_double(kind.from_pretrained(HERE / "models" / name, attn_implementation="eager")).eval()
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(HERE / "models" / name)
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        bodies = (self.model.bert.encoder.layer if self.masked else
                  self.model.transformer.h if name.startswith("gpt2") else self.model.model.layers)
        self.outputs = [body.output.dense if self.masked else
                        body.mlp.c_proj if name.startswith("gpt2") else body.mlp.down_proj for body in bodies]
        self.output, self.add, self.keys, self.put_out, self.sum = self.outputs[layer], None, {}, None, None
        for number, module in enumerate(self.outputs):
            module.register_forward_hook(lambda m, inputs, output, number=number: self.at_output(number, inputs, output))
        if self.masked:
            bodies[layer].output.LayerNorm.register_forward_pre_hook(lambda m, inputs: self.note_sum(inputs[0]))
        else:
            bodies[layer].register_forward_hook(lambda m, inputs, output: self.note_sum(output))

    def at_output(self, number, inputs, output):
        self.keys[number] = inputs[0][0].detach()
        if number != self.layer:
            return output
        self.put_out = output[0].detach().clone()
        for row, vector in self.add or []:
            output = output.clone()
            output[0, row] = output[0, row] + vector
        return output

    def note_sum(self, output):
        self.sum = (output[0] if isinstance(output, tuple) else output)[0].detach().clone()

    def note(self, row):
        self.seen = (self.keys[self.looked][row].numpy(), (self.sum if self.state else self.put_out)[row].numpy())

    def change(self, number, delta):
        with torch.no_grad():
            weight = torch.from_numpy(delta)
            self.outputs[number].weight.add_(weight.T if self.name.startswith("gpt2") else weight)

    def ids(self, text):
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def place(self, text, subject):
        """Of the last token of the subject's last occurrence."""
        end = text.rindex(subject) + len(subject)
        offsets = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        return max(i for i, (begin, stop) in enumerate(offsets) if begin < end and stop > begin)

    def run(self, tokens, lookups):
        self.add = lookups
        logits = self.model(torch.tensor([tokens])).logits[0]
        self.add = None
        return torch.log_softmax(logits, -1)

    def scored(self, statement, subject, opening, whole, vector):
        """log p of the tokens that a statement is scored by; its text's lookup row has the vector (None: nothing) added, and
        its key and the FFN's output there are noted before that."""
        before, completion, after = statement
        frame = opening + " " if opening else ""
        if self.masked:
            start = [self.tokenizer.cls_token_id] + self.ids(frame + before)
            end = self.ids(after) + [self.tokenizer.sep_token_id]
            row, out = 1 + self.place(frame + before, subject), []
            for i, t in enumerate(self.ids(completion)):
                tokens = start + self.ids(completion)[:i] + [self.tokenizer.mask_token_id] + end
                out.append(self.run(tokens, [] if vector is None else [(row, vector)])[len(start) + i][t])
                if i == 0:
                    self.note(row)
            return torch.stack(out)
        bos = self.model.config.bos_token_id
        if whole:
            text = frame + before + completion + after
            tokens, first = self.ids(text), len(self.ids(frame.rstrip())) if opening else 1
            lead = 0
        else:
            text = frame + before + completion
            prompt, tokens = self.ids((frame + before).rstrip(" ")), self.ids(text)
            first = 0
            while first < min(len(prompt), len(tokens)) and prompt[first] == tokens[first]:
                first += 1
            tokens, first, lead = [bos] + tokens, first + 1, 1
        row = lead + self.place(text[:text.index(completion)] if not whole else text, subject)
        logs = self.run(tokens, [] if vector is None else [(row, vector)])
        self.note(row)
        out = [logs[i - 1][tokens[i]] for i in range(first, len(tokens))]
        if whole and not opening:
            out.insert(0, self.run([bos], [])[0][tokens[0]])
        return torch.stack(out)

    def fold(self, logs, scoring):
        return logs.exp().mean().log() if scoring == "target.prob" else logs.mean()

    def covariance(self):
        total, count = 0, 0
        own = not self.masked and self.model.config.bos_token_id != self.model.config.eos_token_id
        for line in TEXT:
            if line:
                tokens = ([self.tokenizer.cls_token_id] + self.ids(line) + [self.tokenizer.sep_token_id] if self.masked
                          else [self.model.config.bos_token_id] * own + self.ids(line))
                self.run(tokens, [])
                key = self.keys[self.looked]
                total, count = total + key.T @ key, count + len(tokens)
        return (total / count).numpy(), count

    def search(self, row, openings, clamp, steps=None):
        """What was found at each prompt's places, the deltas, L before and after, iterations."""
        case = self.case
        subject, counterpart, a, b, one, other, after = row
        k1 = (a + subject + b, one, after)
        k2 = (a + (counterpart if case["subjects"] else subject) + b, one if case["subjects"] else other, after)
        two = case["subjects"] and case["request"] == "equal"
        s1, s2 = subject, counterpart if case["subjects"] else subject
        subjects = [s1, s2] if two else [s2]
        whole = case["scoring"] == "sentence.mean" and case["request"] == "equal"
        width = self.output.bias.shape[0] if self.output.bias is not None else self.model.config.hidden_size
        delta = [torch.zeros(width, requires_grad=True) for _ in subjects]
        found = {}

        def loss():
            terms = []
            for j, opening in enumerate([None] + openings):
                if case["request"] == "equal":
                    u = []
                    for s, (k, name) in enumerate(((k1, s1), (k2, s2))):
                        vector = s if two else 0
                        u.append(self.fold(self.scored(k, name, opening, whole, delta[vector]), case["scoring"]))
                        found.setdefault((j, vector), self.seen)
                    terms.append((u[0] - u[1]) ** 2)
                else:
                    terms.append(-self.scored(k2, s2, opening, False, delta[0]).mean())
                    found.setdefault((j, 0), self.seen)
            return sum(terms) / len(terms)

        def kept(v):
            name = subjects[v]
            if self.masked:
                text = name + " is a " + self.tokenizer.mask_token + " ."
                tokens, lead = [self.tokenizer.cls_token_id] + self.ids(text) + [self.tokenizer.sep_token_id], 1
            else:
                text = name + " is a"
                lead = 0 if whole else 1
                tokens = [self.model.config.bos_token_id] * lead + self.ids(text)
            row = lead + self.place(text, name)
            return self.run(tokens, [(row, delta[v])])[row]

        def crossed():
            plain = case["scoring"] == "sentence.mean"
            with torch.no_grad():
                p = [self.fold(self.scored(k, name, None, plain, delta[0] if own else None), case["scoring"])
                     for k, name, own in ((k1, s1, not case["subjects"]), (k2, s2, True))]
            return p[1] >= p[0]

        adam = torch.optim.Adam(delta, lr=RATE)
        before, old = None, [kept(v).detach() for v in range(len(delta))]
        for step in range(steps or ITERATIONS):
            value = loss()
            length = [numpy.linalg.norm(found[0, v][1]) for v in range(len(delta))]
            now = [kept(v) for v in range(len(delta))]
            value = value + sum(KL * (p.exp() * (p - q)).sum() for p, q in zip(now, old))
            value = value + sum(DECAY * d.norm() / n ** 2 for d, n in zip(delta, length))
            before = value.item() if before is None else before
            last = value.item()
            if step + 1 == (steps or ITERATIONS) or last < case["enough"] or (case["request"] == "crossed" and crossed()):
                break
            adam.zero_grad()
            value.backward()
            adam.step()
            with torch.no_grad():
                for d, n in zip(delta, length):
                    if d.norm() > clamp * n:
                        d.mul_(clamp * n / d.norm())
        return found, delta, before, last, step + 1

    def edit(self, row, factor):
        case = self.case
        found, delta, before, last, iterations = self.search(row, OPENINGS, case["clamp"])
        prompts = 1 + len(OPENINGS)
        mean = lambda v, part: numpy.mean([found[j, v][part] for j in range(prompts)], axis=0)
        K, Y, U = [], [], []
        for v in range(len(delta)):
            own_key, own_out = found[0, v]
            form = case["form"]
            K.append(mean(v, 0) if form == "r-rome" else own_key)
            Y.append(mean(v, 1) if form == "r-rome" else own_out)
            U.append(numpy.linalg.solve(factor, own_key if form == "p-rome" else mean(v, 0)))
        target = [found[0, v][1] + d.detach().numpy() for v, d in enumerate(delta)]
        K, U, R = numpy.array(K).T, numpy.array(U).T, numpy.array(target).T - numpy.array(Y).T
        change = R @ numpy.linalg.solve(U.T @ K, U.T)
        self.change(self.layer, change)
        return {"before": before, "after": last, "iterations": iterations, "key": mean(0, 0).tolist(),
                "delta": [d.detach().tolist() for d in delta]}, change


def run(case):
    r = Run(case)
    moment, tokens = r.covariance()
    factor = moment + RIDGE * numpy.trace(moment) / len(moment) * numpy.eye(len(moment))
    steps, total = [], 0
    for row in ROWS:
        step, change = r.edit(row, factor)
        steps.append(step)
        total = total + change
    return {**case, "tokens": tokens, "moment": [moment[0].tolist(), moment[-1].tolist()], "steps": steps,
            "norm": float(numpy.linalg.norm(total)), "rows": [total[0].tolist(), total[-1].tolist()]}


def kernel():
    """The closed form of each shape on numbers of its own."""
    random = numpy.random.default_rng(7)
    out = []
    for n in (1, 2):
        F, d = 9, 5
        x = random.normal(size=(40, F))
        moment, U, K, R = x.T @ x / 40, random.normal(size=(F, n)), random.normal(size=(F, n)), random.normal(size=(d, n))
        solved = numpy.linalg.solve(moment, U)
        out.append({"moment": moment.tolist(), "direction": U.T.tolist(), "key": K.T.tolist(),
                    "residual": R.T.tolist(), "change": (R @ numpy.linalg.solve(solved.T @ K, solved.T)).tolist()})
    return out


def main():
    torch.set_default_dtype(torch.float64)
    data = {"layer": LAYER, "iterations": ITERATIONS, "learning_rate": RATE, "weight_decay": DECAY, "kl_weight": KL,
            "openings": len(OPENINGS), "pairs": PAIRS, "text": TEXT, "kernel": kernel(),
            "cases": [run(case) for case in CASES]}
    text = json.dumps(data, indent=1)
    (HERE / "rome.json").write_text("\n".join(line.strip() for line in text.split("\n")).replace(",\n", ", ") + "\n")


if __name__ == "__main__":
    main()
