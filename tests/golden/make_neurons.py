"""Writes tests/golden/neurons.json: bias neurons of small models by PyTorch in float64: the gaps of integrated gradients of
pairs of both kinds, which neurons are each pair's, and log probabilities of a text with some neurons switched off.

    python make_neurons.py"""

import json

import torch
import transformers

from make_models import HERE
from make_steer import Steered, own_items, statements, subject_items
from exact import widened

MODELS, STEPS, OFF = ["bert-tiny", "gpt2-tiny"], 20, [[0, 3], [0, 17], [1, 5]]
SHARES = [0.2 + i / 1000 for i in range(50)]  # one is taken that no gap of a pair is near


class Neurons(Steered):
    def __init__(self, name):
        super().__init__(name)
        base = self.model.base_model
        layers = base.encoder.layer if self.masked else base.h
        self.written = [layer.output.dense if self.masked else layer.mlp.c_proj for layer in layers]
        self.found = []

    def probability(self, ids, row, token, layer=None, factor=None):
        """P(token) at the row; of the layer what W_out reads there times the factor, a tensor that is differentiated."""
        def before(module, inputs):
            key = inputs[0].clone()
            flat = key[0] if key.dim() == 3 else key
            self.found.append(flat[row].detach().clone())
            if layer is not None and module is self.written[layer]:
                flat[row] = factor * flat[row].detach() if factor.dim() == 0 else factor
            return (key,)
        handles = [module.register_forward_pre_hook(before) for module in self.written]
        self.found = []
        with widened():
            logits = self.model(input_ids=torch.tensor([ids])).logits[0, row]
        for handle in handles:
            handle.remove()
        return torch.softmax(logits, -1)[token]

    def attributions(self, ids, row, token):
        with torch.no_grad():
            self.probability(ids, row, token)
        keys, out = list(self.found), []
        for layer, key in enumerate(keys):
            total = torch.zeros_like(key)
            for i in range(STEPS):
                w = (i / STEPS * key).clone().requires_grad_(True)
                total += torch.autograd.grad(self.probability(ids, row, token, layer, w), w)[0]
            out.append(key * total / STEPS)
        return torch.cat(out)

    def question(self, text, begin, end, fill):
        """ids, row, token of the completion's first token."""
        encode = lambda t: self.tokenizer(t, add_special_tokens=False)["input_ids"]
        if self.masked:
            ids = self.around(encode(text[:begin] + self.tokenizer.mask_token + text[end:]))
            return ids, ids.index(self.tokenizer.mask_token_id), encode(text[begin:end])[0]
        whole, given = self.around(encode(text[:end])), self.around(encode(text[:begin].rstrip(" ")))
        common = next(i for i in range(len(whole)) if i >= len(given) or whole[i] != given[i])
        return whole[:common], common - 1, whole[common]

    def gaps(self, kind):
        gaps = []
        for pair in statements()[kind]:
            texts = []
            for text, begin, end in pair:
                if kind == "subjects":  # what is asked for is the object
                    begin = text.rindex("late")
                    end = begin + len("late")
                texts.append(self.question(text, begin, end, kind == "fills"))
            if texts[0] == texts[1]:
                continue
            gaps.append(self.attributions(*texts[0]) - self.attributions(*texts[1]))
        return gaps

    def off(self):
        def before(module, inputs):
            key = inputs[0].clone()
            for layer, neuron in OFF:
                if module is self.written[layer]:
                    key[..., neuron] = 0
            return (key,)
        handles = [module.register_forward_pre_hook(before) for module in self.written]
        ids, found = self.logprobs(lambda h: h)
        for handle in handles:
            handle.remove()
        return ids, found


def golden(name):
    neurons = Neurons(name)
    ids, off = neurons.off()
    return {"ids": ids, "off": off, **{kind: neurons.gaps(kind) for kind in ("fills", "subjects")}}


def nearest(gaps, share):
    """How near a gap is to the threshold, as a share of the pair's largest."""
    return min(abs(gap / g.max().item() - share) for g in gaps for gap in g.tolist())


def counts(gaps, share):
    mine = [[j for j, gap in enumerate(g.tolist()) if gap >= share * g.max().item()] for g in gaps if g.max() > 0]
    return {"pairs": len(gaps), "counts": [sum(j in m for m in mine) for j in range(len(gaps[0]))]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    models = {name: golden(name) for name in MODELS}
    kinds = [(model, kind) for model in models.values() for kind in ("fills", "subjects")]
    share = max(SHARES, key=lambda share: min(nearest(model[kind], share) for model, kind in kinds))
    print(share, [nearest(model[kind], share) for model, kind in kinds])
    for model, kind in kinds:
        model[kind] = counts(model[kind], share)
    found = {"fills": {"data": {"intrasentence": own_items()}}, "subjects": subject_items(), "neurons": OFF, "share": share,
             "models": models}
    (HERE / "neurons.json").write_text(json.dumps(found) + "\n")
