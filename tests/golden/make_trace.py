"""Writes tests/golden/trace: restorations of the residual stream, of attention and of FFN outputs, by hooks in PyTorch.

    python make_trace.py

The prompts are those of tests/unit/trace/test_details.c whose counterpart has as many tokens."""

import json
import pathlib

import torch

from make_models import MODEL_CLASS, encoder_of, special_ids

HERE = pathlib.Path(__file__).resolve().parent
OUTPUT = HERE / "trace"
# number of the pair in the test, before of k1 up to and with its subject, the rest of it, the counterfactual's, fill, after
PROMPTS = [(0, "they said that he", " was ", "they said that she was ", "home", "."),
           (5, "the nurse", " was ", "the captain was ", "home", "."),
           (6, "is he", " ", "is she ", "home", "?"),
           (7, "they said that pa", " was ", "they said that ma was ", "home", "."),
           (8, "home, said pa", " and ", "home, said ma and ", "ship", " it was.")]
WINDOWS = (1, 3)


def blocks(model, family):
    """The modules whose output is the block's, attention's and the FFN's addition to the residual stream."""
    if family == "bert":
        return [(b, b.attention.output.dense, b.output.dense) for b in model.bert.encoder.layer]
    if family == "gpt2":
        return [(b, b.attn.c_proj, b.mlp.c_proj) for b in model.transformer.h]
    if family == "gptj":
        return [(b, b.attn.out_proj, b.mlp.fc_out) for b in model.transformer.h]
    if family == "gpt_neo":
        return [(b, b.attn.attention.out_proj, b.mlp.c_proj) for b in model.transformer.h]
    return [(b, b.self_attn.o_proj, b.mlp.down_proj) for b in model.model.layers]


def first(output):
    return output[0] if isinstance(output, tuple) else output


class Run:
    def __init__(self, model, family):
        self.model, self.modules = model, blocks(model, family)
        self.layers = len(self.modules)

    @torch.no_grad()
    def __call__(self, ids, read, obj, patches=(), keep=None):
        """P[obj] at `read`; patches: (kind, layer, position, value)."""
        handles = []
        for layer, modules in enumerate(self.modules):
            for kind, module in enumerate(modules):
                def hook(_, __, output, layer=layer, kind=kind):
                    state = first(output)
                    if keep is not None:
                        keep[kind, layer] = state.clone()
                    mine = [p for p in patches if p[0] == kind and p[1] == layer]
                    if not mine:
                        return output
                    state = state.clone()
                    for _, _, position, value in mine:
                        state[..., position, :] = value
                    return (state, *output[1:]) if isinstance(output, tuple) else state
                handles.append(module.register_forward_hook(hook))
        logits = self.model(input_ids=torch.tensor([ids])).logits[0, read]
        for handle in handles:
            handle.remove()
        return torch.softmax(logits.double(), -1)[obj].item()


def encode(family, encoder, special, before, fill, after):
    if family == "bert":
        head = encoder(before)
        return [special["cls"], *head, special["mask"], *encoder(after), special["sep"]], 1 + len(head), encoder(fill)[0]
    whole = encoder(before + fill)
    given = len(encoder(before.rstrip()))
    return [special["begin"], *whole[:given]], given, whole[given]


def window(layer, width, layers):
    return range(max(0, layer - width // 2), min(layers, layer - (-width // 2)))


def item(run, family, encoder, special, prompt):
    number, head, rest, counter, fill, after = prompt
    biased, read, obj = encode(family, encoder, special, head + rest, fill, after)
    other, _, _ = encode(family, encoder, special, counter, fill, after)
    if len(biased) != len(other):
        return None
    last, layers, kept = len(encoder(head)), run.layers, {}  # behind one special token
    result = {"pair": number, "biased": biased, "counterfactual": other, "last": last, "read": read, "object": obj,
              "P": run(biased, read, obj, keep=kept), "P*": run(other, read, obj)}

    def restored(kind, layer, position, width):
        span = [layer] if kind == 0 else window(layer, width, layers)
        return run(other, read, obj, [(kind, at, position, kept[kind, at][..., position, :]) for at in span])

    for kind, name in enumerate(("residual", "attention", "ffn")):
        for width in WINDOWS:
            result[f"{name} {width}"] = [restored(kind, layer, last, width) for layer in range(layers)]
        result[f"heat {name}"] = [[restored(kind, layer, p, 1) for p in range(len(biased))] for layer in range(layers)]
    return result


def main():
    OUTPUT.mkdir(exist_ok=True)
    for name, family in (("bert-tiny", "bert"), ("gpt2-tiny", "gpt2"), ("llama-grouped", "llama"),
                         ("gpt_neo-tiny", "gpt_neo"), ("gptj-part-f16-shards", "gptj")):
        folder = HERE / "models" / name
        model = MODEL_CLASS[family].from_pretrained(folder, dtype=torch.float32).eval()
        encoder, special = encoder_of(folder), special_ids(folder, family)
        run = Run(model, family)
        items = [item(run, family, encoder, special, prompt) for prompt in PROMPTS]
        (OUTPUT / f"{name}.json").write_text(json.dumps([i for i in items if i is not None]) + "\n")
        print(name, [i and i["pair"] for i in items])


if __name__ == "__main__":
    main()
