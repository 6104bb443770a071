"""BiasEdit by PyTorch's autograd in float64, from the paper's definitions (arXiv 2503.08588): an editor trained on the edited pairs, and
one change of W_out of all of them. For make_tables.py; a pair is as in table_methods.py."""

import torch

from streams import Random

EPSILON, GROUPS, TERMS, EDITOR = 2.0 ** -23, 0x67726f7570730000, 0x7465726d73000000, 0x656469746f720000


class Texts:
    """A pair's reads of each statement; a text of a causal model ends where it is read last."""

    def __init__(self, net, pair, reads):
        cut = lambda ids, last: ids if net.masked else ids[:last + 1]
        self.reads = []
        for of in reads:
            last = {}
            for ids, position, _ in of:
                last[ids] = max(position, last.get(ids, 0))
            self.reads.append([(cut(ids, last[ids]), position, token) for ids, position, token in of])


class Change:
    """Hooks on W_out of layers in a row: see keys, add a zero whose gradient is wanted, or add key x change."""

    def __init__(self, net, layers):
        self.net, self.seen, self.change = net, {}, None
        self.hooks = [net.written[layer].register_forward_hook(lambda m, inputs, output, number=number: self.at(number, inputs[0], output))
                      for number, layer in enumerate(layers)]

    def at(self, number, key, output):
        if self.change is not None:
            return output + key @ self.change[number]
        zero = torch.zeros_like(output, requires_grad=True)
        for i, ids in enumerate(self.net.now):
            self.seen[number, ids] = key[i].detach(), zero, i
        return output + zero

    def close(self):
        for hook in self.hooks:
            hook.remove()


def means(net, reads):
    """a and l of each statement."""
    logs, out, at = net.log_ps([read for of in reads for read in of]), [], 0
    for of in reads:
        own = logs[at:at + len(of)]
        out.append((own.exp().mean(), own.mean()))
        at += len(of)
    return out


def differ(s, a):
    return s[0] * (s[0].log() - a[1]) + a[0] * (a[0].log() - s[1])


def rows_of(net, hooks, texts, layers, weight):
    """(rows, F + d) of each layer."""
    hooks.seen = {}
    loss = differ(*means(net, texts.reads[:2])) * weight
    sequences = list(dict.fromkeys(ids for of in texts.reads[:2] for ids, _, _ in of))
    zeros = list({id(zero): zero for _, zero, _ in hooks.seen.values()}.values())
    slopes = dict(zip(map(id, zeros), torch.autograd.grad(loss, zeros)))
    out = []
    for number in range(layers):
        rows = []
        for ids in sequences:
            key, zero, i = hooks.seen[number, ids]
            rows.append(torch.cat((key, slopes[id(zero)][i]), -1))
        out.append(torch.cat(rows))
    return out


class Editor:
    def __init__(self, F, d, layers, o):
        n = F + d
        self.F, self.rank = F, min(o["rank"], 3 * n // 8)
        self.blocks = []
        for k in range(2):
            random = Random(o["seed"] ^ EDITOR, k)
            A = torch.tensor([random.normal() for _ in range(n * self.rank)]).reshape(n, self.rank)
            self.blocks.append([A, torch.zeros(self.rank, n), torch.zeros(n), torch.ones(layers, n), torch.zeros(layers, n)])
        self.rate, self.ridge = torch.full((layers,), o["edit_rate"]), torch.zeros(layers)
        self.parameters = [p.requires_grad_() for block in self.blocks for p in block] + [self.rate.requires_grad_(), self.ridge.requires_grad_()]

    def change(self, rows):
        """Of each layer (F,d)."""
        out = []
        for m, own in enumerate(rows):
            y, u = (own - self.mean) / (self.deviation + EPSILON), own[:, :self.F]
            for A, B, b, scale, shift in self.blocks:
                p = y @ A @ B + b
                y = y + scale[m] * torch.where(p >= 0, p, 0) + shift[m]  # slope 1 at 0, where all p begin
            D = -self.rate[m] * (u * y[:, :self.F]).sum(-1, keepdim=True) * y[:, self.F:]
            out.append(torch.linalg.solve(u.T @ u + self.ridge[m].exp() * torch.eye(self.F), u.T @ D))
        return out


def groups_of(pairs, o):
    """Pairs of each training group, and of those for validation."""
    terms = list(dict.fromkeys(p["target"] for p in pairs))
    order, chosen = list(range(len(terms))), set()
    Random(o["seed"] ^ TERMS, 0).shuffle(order)
    for k in order[:-1]:
        if sum(p["target"] in chosen for p in pairs) >= o["validation"] * len(pairs):
            break
        chosen.add(terms[k])
    trained = [i for i, p in enumerate(pairs) if p["target"] not in chosen]
    validation = [i for i, p in enumerate(pairs) if p["target"] in chosen]
    Random(o["seed"] ^ GROUPS, 0).shuffle(trained)

    def cut(numbers):
        count, out, at = -(-len(numbers) // o["batch"]), [], 0
        for g in range(count):
            size = len(numbers) // count + (g < len(numbers) % count)
            out.append(numbers[at:at + size])
            at += size
        return out
    return cut(trained), cut(validation)


def biasedit(net, pairs, scoring, o):
    from table_methods import fits, statement_reads
    last = len(net.blocks) - o["above"]
    layers = list(range(max(last - o["layers"], 0), last))
    hooks, texts, rows = Change(net, layers), {}, {}
    training, validation = groups_of(pairs, o)
    together = max(map(len, training))
    for i, pair in enumerate(pairs):
        reads = [statement_reads(net, k, scoring) for k in pair["all"]]
        if all(fits(net, of) for of in reads[:2]):
            texts[i] = Texts(net, pair, reads[:2] + [of for of in reads[2:] if fits(net, of)])
            rows[i] = rows_of(net, hooks, texts[i], len(layers), 1 / together)
    kept = {i: [a.detach() for a, _ in means(net, t.reads)[2:]] for i, t in texts.items()}
    training, validation = ([[i for i in group if i in texts] for group in of] for of in (training, validation))
    together_rows = lambda numbers: [torch.cat([rows[i][m] for i in numbers]) for m in range(len(layers))]
    d, F = net.matrix(layers[0]).shape
    editor = Editor(F, d, len(layers), o)
    every = torch.cat(together_rows([i for group in training for i in group]))
    editor.mean, editor.deviation = every.mean(0), every.std(0)

    def loss_of(group):
        hooks.change, total = editor.change(together_rows(group)), 0
        for i in group:
            of = means(net, texts[i].reads)
            stay = [a0 * (a0.log() - l) for a0, (_, l) in zip(kept[i], of[2:])]
            total = total + differ(of[0], of[1]) + (o["keep_weight"] * sum(stay) / len(stay) if stay else 0)
        hooks.change = None
        return total / len(group)

    adam, best, since = torch.optim.Adam(editor.parameters, lr=o["learning_rate"]), None, 0
    for epoch in range(o["epochs"]):
        for group in training:
            loss = loss_of(group)
            adam.zero_grad()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(editor.parameters, o["clip"])
            adam.step()
            print("biasedit", epoch, loss.item(), norm.item(), flush=True)
        with torch.no_grad():
            measured = validation or training
            found = sum(loss_of(group).item() * len(group) for group in measured) / sum(map(len, measured))
        if best is None or found < best[0]:
            best, since = (found, [p.detach().clone() for p in editor.parameters]), 0
        else:
            since += 1
        print("biasedit validation", found, flush=True)
        if since >= o["patience"]:
            break
    with torch.no_grad():
        for p, value in zip(editor.parameters, best[1]):
            p.copy_(value)
        change = editor.change(together_rows(range(len(pairs)) if len(texts) == len(pairs) else list(texts)))
    hooks.close()
    for layer, delta in zip(layers, change):
        net.change(layer, delta.T)
