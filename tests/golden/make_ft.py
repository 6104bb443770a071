"""Writes tests/golden/ft.json: W_out of one layer fine-tuned by PyTorch in float64 (kmeng01/rome's rules, written anew).

    python make_ft.py

README.md describes the file. The pairs are those of tests/unit/stamp/support.c."""

import json
import pathlib

import torch
import transformers

from exact import to_double

HERE = pathlib.Path(__file__).resolve().parent
# subject, counterpart, before and behind the subject, two completions, what follows
ROWS = [
    ("nurse", "captain", "the ", " was at ", "home", "the river", "."),
    ("nurse", "captain", "they said the ", " is ", "kind", "strong", " now."),
    ("captain", "nurse", "a ", " and the ", "dog", "ship", "."),
    ("mother", "father", "my ", " works in ", "the kitchen", "town", "."),
    ("mother", "father", "the ", " is ", "tired", "angry", "."),
    ("farmer", "singer", "that ", " was ", "poor", "rich", "."),
    ("farmer", "singer", "every ", " has ", "land", "debts", " to pay."),
    ("farmer", "singer", "the old ", " likes ", "bread", "wine", "."),
    ("baker", "driver", "one ", " went to ", "jail", "church", " on monday."),
    ("baker", "driver", "is the ", " ", "clean", "late", "?"),
]
LAYER, BATCH, EPOCHS, RATE = 1, 4, 3, 5e-3
CASES = [
    {"model": model, "subjects": subjects, "request": request, "objective": objective, "norm_constraint": bound}
    for model in ("bert-tiny", "gpt2-tiny", "llama-grouped")
    for subjects, request, objective, bound in (
        (False, "anti", "target_new", 0), (True, "anti", "target_new", 0.004), (False, "equal", "target_new", 0),
        (True, "equal", "target_new", 0), (False, "anti", "prompt_last", 0))
    if model != "bert-tiny" or objective == "target_new"]


def statements(row, subjects):
    subject, counterpart, a, b, one, other, after = row
    return ((a + subject + b, one, after),
            (a + (counterpart if subjects else subject) + b, one if subjects else other, after))


def ids(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def read(model, tokens, position):
    return torch.log_softmax(model(torch.tensor([tokens])).logits[0, position], -1)


def log_ps(model, tokenizer, statement, masked, objective):
    """log p of each token of the completion."""
    before, completion, after = statement
    if masked:
        start, piece, end = ([tokenizer.cls_token_id] + ids(tokenizer, before), ids(tokenizer, completion),
                             ids(tokenizer, after) + [tokenizer.sep_token_id])
        return torch.stack([read(model, start + piece[:i] + [tokenizer.mask_token_id] + end, len(start) + i)[t]
                            for i, t in enumerate(piece)])
    prompt, whole = ids(tokenizer, before.rstrip(" ")), ids(tokenizer, before + completion)
    common = 0
    while common < min(len(prompt), len(whole)) and prompt[common] == whole[common]:
        common += 1
    tokens = [model.config.bos_token_id] + whole
    at = lambda i: common if objective == "prompt_last" else i
    return torch.stack([read(model, tokens, at(i))[tokens[i + 1]] for i in range(common, len(whole))])


def loss_of(model, tokenizer, pair, case, masked):
    k1, k2 = pair
    if case["request"] == "anti":
        return -log_ps(model, tokenizer, k2, masked, case["objective"]).mean()
    fold = (lambda lp: lp.exp().mean().log()) if masked else (lambda lp: lp.mean())
    u = [fold(log_ps(model, tokenizer, k, masked, "target_new")) for k in (k1, k2)]
    return (u[0] - u[1]) ** 2


def output_of(model, name):
    if name.startswith("bert"):
        return model.bert.encoder.layer[LAYER].output.dense
    return model.transformer.h[LAYER].mlp.c_proj if name.startswith("gpt2") else model.model.layers[LAYER].mlp.down_proj


def run(case):
    name, masked = case["model"], case["model"].startswith("bert")
    kind = transformers.AutoModelForMaskedLM if masked else transformers.AutoModelForCausalLM
    model = to_double(kind.from_pretrained(HERE / "models" / name, attn_implementation="eager")).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(HERE / "models" / name)
    module = output_of(model, name)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    trained = [parameter.requires_grad_() for parameter in module.parameters()]
    start = [parameter.detach().clone() for parameter in trained]
    adam, losses = torch.optim.Adam(trained, lr=RATE), []
    pairs = [statements(row, case["subjects"]) for row in ROWS]
    for _ in range(EPOCHS):
        for first in range(0, len(pairs), BATCH):
            batch = pairs[first:first + BATCH]
            loss = sum(loss_of(model, tokenizer, pair, case, masked) for pair in batch) / len(batch)
            losses.append(loss.item())
            if loss.item() >= 0.01:
                adam.zero_grad()
                loss.backward()
                adam.step()
            if case["norm_constraint"] > 0:
                with torch.no_grad():
                    for parameter, old in zip(trained, start):
                        parameter.clamp_(old - case["norm_constraint"], old + case["norm_constraint"])
    delta = trained[0].detach() - start[0]
    if name.startswith("gpt2"):
        delta = delta.T
    return {**case, "losses": losses, "norm": delta.norm().item(), "rows": [delta[0].tolist(), delta[-1].tolist()],
            "bias": (trained[1].detach() - start[1]).tolist() if len(trained) > 1 else []}


def main():
    torch.set_default_dtype(torch.float64)
    data = {"layer": LAYER, "batch": BATCH, "epochs": EPOCHS, "learning_rate": RATE,
            "cases": [run(case) for case in CASES]}
    (HERE / "ft.json").write_text(json.dumps(data, indent=1).replace("\n     ", "") + "\n")


main()
