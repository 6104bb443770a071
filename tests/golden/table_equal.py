"""FT-equal by PyTorch in float64: W_out and b_out of one layer by the stamp's loss; for make_tables.py, beside table_methods.py.

    L = L_e + alpha L_s1 + beta L_s2 + level_weight L_m + balance_weight L_b

L_e: mean |P'[k1] - P'[k2]| (gap) or mean (log P'[k1] - log P'[k2])^2. L_s1: KL(P || P') at the places where a pair is read, without
the completions' tokens where o says so: the mean of a pair's, and of all pairs. L_s2: the mean KL at generic prompts on the subjects.
L_m and L_b: fairstamp's own (docs of stamp.h). P is the unedited model's; gradients are autograd's."""

import math
import re

import torch

from table_methods import ROOT, fits, fold, statement_reads

SOURCE = (ROOT / "stages/methods/stamp_prompts.c").read_text()
TEMPLATES = re.findall(r'^    \{"(.*)", "(.*)"\},$', SOURCE, re.M)
NEUTRAL, OPENINGS, ENDINGS = (re.findall(r'"([^"]*)"', re.search(rf"\*const {name}\[\w*\] = \{{(.*?)\}};", SOURCE, re.S)[1])
                              for name in ("neutral_subjects", "openings", "endings"))


def prompts(net, pairs, o):
    """Places (ids, position): of each subject and of some of no group, with each of the first templates."""
    groups = list(dict.fromkeys(s for p in pairs for s in (p["subject"], p["counterpart"]) if s))
    subjects, places = list(dict.fromkeys(groups + NEUTRAL[:o["neutral_subjects"]])), []
    for which, subject in enumerate(subjects):
        for number, (before, behind) in enumerate(TEMPLATES[:o["generic_prompts"]]):
            neutral = which >= len(groups)
            opening = OPENINGS[(which + number) % len(OPENINGS)] if neutral and not before else before
            text = f"{opening} {subject} {behind}".strip()
            if net.masked:
                head, tail = net.ids(text), net.ids(ENDINGS[(which + number // 2) % len(ENDINGS)] if neutral else ".")
                ids, position = net.around([*head, net.special["mask"], *tail]), 1 + len(head)
            else:
                ids = net.around(net.ids(text[0].upper() + text[1:] if text[0].isascii() else text))
                position = len(ids) - 1
            if len(ids) <= net.limit:
                places.append((ids, position))
    return places


class Pair:
    """Where its statements are read, which reads are of what tells them apart, and where its distributions shall stay."""

    def __init__(self, net, pair, scoring, o):
        self.term = pair["category"], pair["target"]
        self.reads = [statement_reads(net, k, scoring) for k in pair["k"]]
        self.fits = all(fits(net, reads) for reads in self.reads)
        tokens = [[token for _, _, token in reads] for reads in self.reads]
        least, first, last = min(map(len, tokens)), 0, 0
        if scoring == "sentence.mean":
            while first < least and tokens[0][first] == tokens[1][first]:
                first += 1
            while last < least - first and tokens[0][-1 - last] == tokens[1][-1 - last]:
                last += 1
        self.own = [[first <= i < len(t) - last for i in range(len(t))] for t in tokens]
        only = first if first < least else 0
        self.stay = {}  # distinct places, and the tokens that are left out there
        for reads, own in zip(self.reads, self.own):
            for i, ((ids, position, token), is_own) in enumerate(zip(reads, own)):
                place = self.place(net, ids, position)
                if o["kl_rows"] == "all" or i == only:
                    self.stay.setdefault(place, set())
        for reads, own in zip(self.reads, self.own):
            for (ids, position, token), is_own in zip(reads, own):
                place = self.place(net, ids, position)
                if o["kl_without_completion"] == "true" and is_own and place in self.stay:
                    self.stay[place].add(token)

    @staticmethod
    def place(net, ids, position):
        """A causal model knows nothing of what comes behind."""
        return (ids, position) if net.masked else (ids[:position + 1], position)


def divergence(before, after, left_out=()):
    """KL of log probabilities, of both without some tokens."""
    if left_out:
        kept = torch.ones(len(before), dtype=torch.bool)
        kept[list(left_out)] = False
        before, after = torch.log_softmax(before[kept], -1), torch.log_softmax(after[kept], -1)
    return (before.exp() * (before - after)).sum()


class Loss:
    def __init__(self, net, pairs, scoring, o):
        self.net, self.scoring, self.o = net, scoring, o
        self.pairs = [p for p in (Pair(net, pair, scoring, o) for pair in pairs) if p.fits]
        self.prompts = prompts(net, pairs, o)
        places = [(ids, position) for p in self.pairs for reads in p.reads for ids, position, _ in reads]
        places += [place for p in self.pairs for place in p.stay] + self.prompts
        self.places = list(dict.fromkeys(places))
        self.at = {place: i for i, place in enumerate(self.places)}
        self.before = self.rows().detach()
        self.width = None

    def rows(self):
        return self.net.rows(self.places)

    def logs(self, rows, reads):
        return torch.stack([rows[self.at[ids, position], token] for ids, position, token in reads])

    def differences(self, rows):
        return [fold(self.logs(rows, p.reads[0]), self.scoring) - fold(self.logs(rows, p.reads[1]), self.scoring) for p in self.pairs]

    def level(self, rows, pair):
        """L_m: the mean of both probabilities at the commoner one's unedited; what is alike counts as it was."""
        v, u = [], []
        for reads, own in zip(pair.reads, pair.own):
            now, old = self.logs(rows, reads), self.logs(self.before, reads)
            v.append(fold(torch.where(torch.tensor(own), now, old), self.scoring))
            u.append(fold(old, self.scoring))
        return (torch.logsumexp(torch.stack(v), 0) - math.log(2) - max(u)) ** 2

    def of(self, rows):
        """L, and what the best step is chosen by: mean |log P[k1] - log P[k2]|, SS of the worst category off 50."""
        o, parts, apart = self.o, {}, self.differences(rows)
        gaps = torch.stack(apart).detach().abs()
        first = gaps.mean().item() if self.width is None else self.first
        last = first if self.width is None else self.last
        self.width = max(min(o["balance_width"] * first, last / 2), 1e-9)
        self.first, self.last = first, gaps.mean().item()
        if o["loss"] == "gap":
            both = [[fold(self.logs(rows, reads), self.scoring).exp() for reads in p.reads] for p in self.pairs]
            parts["edit"] = torch.stack([(a - b).abs() for a, b in both]).mean()
        else:
            parts["edit"] = (torch.stack(apart) ** 2).mean()
        stay = [torch.stack([divergence(self.before[self.at[place]], rows[self.at[place]], out) for place, out in p.stay.items()]).mean()
                for p in self.pairs]
        generic = [divergence(self.before[self.at[place]], rows[self.at[place]]) for place in self.prompts]
        total = parts["edit"] + o["alpha"] * torch.stack(stay).mean() + o["beta"] * torch.stack(generic).mean()
        if o["level_weight"]:
            total = total + o["level_weight"] * torch.stack([self.level(rows, p) for p in self.pairs]).mean()
        terms = {}
        for pair, d in zip(self.pairs, apart):
            terms.setdefault(pair.term, []).append(d)
        if o["balance_weight"]:
            balance = [torch.tanh(torch.stack(d) / self.width).mean() ** 2 for d in terms.values()]
            total = total + o["balance_weight"] * torch.stack(balance).mean()
        scores = {}
        for (category, _), d in terms.items():
            scores.setdefault(category, []).append(100 * sum(x.item() > 0 for x in d) / len(d))
        return total, self.last, max(abs(sum(s) / len(s) - 50) for s in scores.values())


def ft_equal(net, pairs, scoring, o):
    trained = [p.requires_grad_() for p in net.written[o["layer"]].parameters()]
    loss, adam, seen = Loss(net, pairs, scoring, o), torch.optim.Adam(trained, lr=o["learning_rate"], eps=o["epsilon"]), []
    steps = o["iterations"]
    for step in range(steps):
        if o["schedule"] == "cosine":
            adam.param_groups[0]["lr"] = o["learning_rate"] * 0.5 * (1 + math.cos(math.pi * step / steps))
        total, gap, off = loss.of(loss.rows())
        if o["keep_best"] == "true" and step >= steps - -(-steps // 4):
            # a gap above an eighth of the first; SS further than 1 from 50, in tenths; the loss: the first of the least
            seen.append(((gap > loss.first / 8, round(10 * max(0, off - 1)), total.item()), [p.detach().clone() for p in trained]))
        adam.zero_grad()
        total.backward()
        adam.step()
        print(step, total.item(), gap, off, flush=True)
    if seen:
        with torch.no_grad():
            for p, best in zip(trained, min(seen, key=lambda s: s[0])[1]):
                p.copy_(best)
    for p in trained:
        p.requires_grad_(False)
