"""Writes tests/golden/models: small random-weight HuggingFace folders and transformers' log probabilities for them.

    python make_models.py [OUTPUT]          models and logprobs.jsonl, by default beside this file
    python make_models.py --only START [OUTPUT]     those models alone whose names begin with START
    python make_models.py --shared FOLDER   shared/*.jsonl for the trained models in FOLDER

See README.md for versions and for what each folder is there to show.
"""

import json
import math
import pathlib
import shutil
import struct
import sys
import unicodedata

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
import tokenizers
import torch
import transformers
from safetensors import safe_open
from tokenizers import decoders, models, pre_tokenizers, processors, trainers
from transformers import (AutoTokenizer, BertConfig, BertForMaskedLM, CamembertConfig, CamembertForMaskedLM, DistilBertConfig,
                          DistilBertForMaskedLM, ErnieConfig, ErnieForMaskedLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, RobertaConfig,
                          RobertaForMaskedLM, XLMRobertaConfig, XLMRobertaForMaskedLM)

import causal_models
import expert_models
from exact import implementation, to_double
from golden_text import CORPUS, LINES, PAD_LINES, SENTENCES

HERE = pathlib.Path(__file__).resolve().parent
MODEL_CLASS = {"bert": BertForMaskedLM, "gpt2": GPT2LMHeadModel, "llama": LlamaForCausalLM, "roberta": RobertaForMaskedLM,
               "xlm-roberta": XLMRobertaForMaskedLM, "camembert": CamembertForMaskedLM, "ernie": ErnieForMaskedLM,
               "distilbert": DistilBertForMaskedLM, **causal_models.MODEL_CLASS, **expert_models.MODEL_CLASS}
MASKED = {"bert", "roberta", "xlm-roberta", "camembert", "ernie", "distilbert"}


def family_of(name):
    """The family of a folder: the longest that its name begins with."""
    return max((f for f in MODEL_CLASS if name.startswith(f + "-")), key=len)


# ---------------------------------------------------------------- tokenizer files


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def wordpiece_files(folder, lower_case, words):
    """vocab.txt: letters, their continuations, and the most frequent words and endings of the corpus."""
    text = " ".join(CORPUS)
    if lower_case:
        text = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    letters = sorted({c for c in text if c.isalnum()} | set("abcdefghijklmnopqrstuvwxyz0123456789"))
    count = {}
    for word in text.split():
        word = "".join(c for c in word if c.isalpha())
        if len(word) > 1:
            count[word] = count.get(word, 0) + 1
    frequent = sorted(count, key=lambda w: (-count[w], w))[:words]
    endings = ["##ed", "##er", "##ing", "##ly", "##s", "##ve", "##th", "##on", "##our"]
    marks = list("!\"$%'(),-.:;?")
    vocabulary = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + marks + letters
    vocabulary += ["##" + c for c in letters] + [e for e in endings if len(e) > 3] + frequent
    vocabulary = list(dict.fromkeys(vocabulary))
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    write_json(folder / "tokenizer_config.json",
               {"do_lower_case": lower_case, "tokenizer_class": "BertTokenizer", "model_max_length": 128})
    return len(vocabulary)


def byte_bpe_files(folder, merges, json_only=False):
    """vocab.json + merges.txt as GPT-2 has them, or the same as one tokenizer.json."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=256 + merges, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    config = {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, "bos_token": "<|endoftext|>",
              "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    if json_only:
        tokenizer.save(str(folder / "tokenizer.json"))
    else:
        state = json.loads(tokenizer.to_str())
        vocabulary = dict(sorted(tokenizer.get_vocab().items(), key=lambda kv: kv[1]))
        (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=True), encoding="utf-8")
        rows = [m if isinstance(m, str) else " ".join(m) for m in state["model"]["merges"]]
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(rows) + "\n", encoding="utf-8")
    write_json(folder / "tokenizer_config.json", config)
    return tokenizer.get_vocab_size()


def roberta_json_files(folder, merges, special, named):
    """tokenizer.json as RoBERTa's: byte-level BPE between special tokens, `special` at the begin and <mask> at the end.

    `named`: tokenizer_config.json names them; roberta-base's does not, and the class's names hold."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=len(special) + 256 + merges, special_tokens=special, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens([tokenizers.AddedToken("<mask>", lstrip=True)])
    ends = [("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>"))]
    tokenizer.post_processor = processors.RobertaProcessing(*ends, trim_offsets=True, add_prefix_space=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "RobertaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>",
              "sep_token": "</s>", "mask_token": "<mask>", "pad_token": "<pad>", "unk_token": "<unk>"}
    write_json(folder / "tokenizer_config.json", {**(config if named else {}), "model_max_length": 128})
    return tokenizer.get_vocab_size()


def llama_json_files(folder, merges, with_bytes, merges_as_pairs):
    """tokenizer.json: BPE over a text whose spaces became U+2581, with byte fallback; `with_bytes` adds <0x00>...<0xFF>.

    Without them a character outside the vocabulary becomes <unk>."""
    trained = tokenizers.Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always", split=True)
    # Letters of ASCII only, so that accents need the fallback.
    trainer = trainers.BpeTrainer(vocab_size=90 + merges, show_progress=False, limit_alphabet=300)
    trained.train_from_iterator(["".join(c for c in line if c < "\x7f") for line in CORPUS], trainer)
    state = json.loads(trained.to_str())["model"]
    special = ["<unk>", "<s>", "</s>"]
    pieces = special + ([f"<0x{b:02X}>" for b in range(256)] if with_bytes else [])
    pieces += [p for p, _ in sorted(state["vocab"].items(), key=lambda kv: kv[1])]
    rows = [m if isinstance(m, list) else m.split(" ") for m in state["merges"]]
    template = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    write_json(folder / "tokenizer.json", {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": i, "content": s, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for i, s in enumerate(special)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
        "pre_tokenizer": None,
        "post_processor": {"type": "TemplateProcessing", "single": template,
                           "pair": template + [{"Sequence": {"id": "B", "type_id": 1}}],
                           "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": {p: i for i, p in enumerate(pieces)},
                  "merges": rows if merges_as_pairs else [" ".join(r) for r in rows]}})
    write_json(folder / "tokenizer_config.json",
               {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"})
    return len(pieces)


def sentencepiece_files(folder, size):
    """tokenizer.model with the settings of Llama 2: BPE, identity normalisation, dummy prefix, byte fallback."""
    text = folder / "corpus.txt"
    text.write_text("\n".join(CORPUS * 3), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(folder / "tokenizer"), vocab_size=size, model_type="bpe", byte_fallback=True,
        character_coverage=0.98, normalization_rule_name="identity", remove_extra_whitespaces=False,
        split_digits=True, allow_whitespace_only_pieces=True, num_threads=1, minloglevel=2)
    text.unlink()
    (folder / "tokenizer.vocab").unlink()
    model = sentencepiece_model_pb2.ModelProto()  # without the folder's path, so that it comes out the same anywhere
    model.ParseFromString((folder / "tokenizer.model").read_bytes())
    model.trainer_spec.ClearField("input")
    model.trainer_spec.ClearField("model_prefix")
    (folder / "tokenizer.model").write_bytes(model.SerializeToString())
    write_json(folder / "tokenizer_config.json",
               {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"})
    return size


def encoder_of(folder):
    """text -> ids without special tokens, each kind of file read by the library that defines it.

    transformers 5 rebuilds a Llama tokenizer.json with a pipeline of its own when the class is LlamaTokenizer;
    the file itself, which is what transformers 4 follows, is the reference here."""
    folder = pathlib.Path(folder)
    if (folder / "tokenizer.model").exists():
        processor = sentencepiece.SentencePieceProcessor(str(folder / "tokenizer.model"))
        return lambda text: processor.encode(text)
    if (folder / "tokenizer.json").exists():
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    else:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    return lambda text: tokenizer.encode(text, add_special_tokens=False)


# ---------------------------------------------------------------- weights


def randomise(model, seed):
    """Weights large enough that a mistake shows, small enough that float32 still tells one: """
    gain = {"bert": 1.8, "gpt2": 1.8, "gpt_neo": 1.0}.get(model.config.model_type, 1.2)
    if getattr(model.config, "scale_attn_weights", True) is False:
        gain = 1.0
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 2:
                parameter.copy_(noise * (0.35 if "emb" in name or "wte" in name or "wpe" in name or "head" in name
                                         else min(0.45, gain / math.sqrt(parameter.shape[1]))))
            elif "norm" in name.lower() or ".ln_" in name:
                parameter.copy_(noise * 0.25 + (0.0 if name.endswith("bias") else 1.0))
            else:
                parameter.copy_(noise * 0.3)
        # checkpoints hold one bias under two names
        if model.config.model_type in ("bert", "ernie"):
            model.cls.predictions.decoder.bias.copy_(model.cls.predictions.bias)
        elif hasattr(model, "lm_head") and hasattr(model.lm_head, "decoder"):
            model.lm_head.decoder.bias.copy_(model.lm_head.bias)


TYPE_NAME = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.uint8: "U8"}


def write_safetensors(path, tensors, header_remainder):
    """Our own writer, for what the safetensors package never writes: data at an offset not divisible by four."""
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in tensors.items():
        data = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        header[name] = {"dtype": TYPE_NAME[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * ((header_remainder - len(text)) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def rewrite(folder, rename=None, extra=None, keep_f32=None, header_remainder=0):
    """Rewrites model.safetensors under other names, with further tensors, some in F32, or unaligned."""
    path = folder / "model.safetensors"
    with safe_open(path, "pt") as file:
        tensors = {(rename or (lambda n: n))(k): file.get_tensor(k) for k in file.keys()}
    if keep_f32:
        tensors = {k: v.float() if keep_f32 in k else v for k, v in tensors.items()}
    write_safetensors(path, {**(extra or {}), **tensors}, header_remainder)


def old_style(folder):
    """config.json as transformers 4 wrote it."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["torch_dtype"] = config.pop("dtype")
    rope = config.pop("rope_parameters", None)
    if rope is not None:
        config["rope_theta"] = rope.pop("rope_theta")
        kind = rope.pop("rope_type")
        if kind == "linear":
            config["rope_scaling"] = {"type": kind, **rope}
        else:
            config["rope_scaling"] = None if kind == "default" else {"rope_type": kind, **rope}
    config["transformers_version"] = "4.41.2"
    write_json(path, config)


# ---------------------------------------------------------------- log probabilities


@torch.no_grad()
def log_probabilities(model, family, ids, special):
    if not ids:
        return []
    if family in MASKED:
        row = torch.tensor([special["cls"], *ids, special["sep"]])
        batch = row.repeat(len(ids), 1)
        index = torch.arange(len(ids))
        batch[index, index + 1] = special["mask"]
        logits = model(input_ids=batch).logits[index, index + 1]
    else:
        row = torch.tensor([special["begin"], *ids])
        logits = model(input_ids=row[None]).logits[0, :-1]
    return torch.log_softmax(logits, -1).gather(1, torch.tensor(ids)[:, None])[:, 0].tolist()


def special_ids(folder, family):
    if family in MASKED and (pathlib.Path(folder) / "vocab.txt").exists():
        lines = (pathlib.Path(folder) / "vocab.txt").read_text(encoding="utf-8").splitlines()
        return {"cls": lines.index("[CLS]"), "sep": lines.index("[SEP]"), "mask": lines.index("[MASK]")}
    if family in MASKED:
        tokenizer = tokenizers.Tokenizer.from_file(str(pathlib.Path(folder) / "tokenizer.json"))
        return {r: tokenizer.token_to_id(t) for r, t in (("cls", "<s>"), ("sep", "</s>"), ("mask", "<mask>"))}
    return {"begin": json.loads((pathlib.Path(folder) / "config.json").read_text())["bos_token_id"]}


def write_logprobs(folder, family, texts, path, reference=None, double=False):
    """Float32 log probabilities of the folder as transformers loads it, or float64 ones where `double`; returns how far
    the two lie apart."""
    encode, special = encoder_of(folder), special_ids(folder, family)
    more = expert_models.LOADING.get(family, {})
    model = MODEL_CLASS[family].from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", **more).eval()
    if reference is not None:
        for name, value in reference.items():
            assert torch.equal(model.state_dict()[name].float(), value.float()), (folder, name)
    records, distance = [], 0.0
    rows = []
    for text in texts:
        ids = encode(text)
        rows.append(ids)
        records.append({"text": text, "ids": ids,
                        "logprobs": [round(v, 7) for v in log_probabilities(model, family, ids, special)]})
    exact = to_double(MODEL_CLASS[family].from_pretrained(folder, dtype=torch.float32,
                                                           attn_implementation=implementation(family), **more).eval())
    for record in records:
        values = log_probabilities(exact, family, record["ids"], special)
        distance = max([distance] + [abs(a - b) for a, b in zip(record["logprobs"], values)])
        if double:
            record["logprobs"] = [round(v, 10) for v in values]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    values = [v for r in records for v in r["logprobs"]]
    print(f"{pathlib.Path(folder).name:18} longest {max(map(len, rows)):3} tokens, log p {min(values):8.3f} .. {max(values):8.3f},"
          f" float32 against float64 {distance:.1e}")
    return distance


# ---------------------------------------------------------------- the folders

F32, F16, BF16 = torch.float32, torch.float16, torch.bfloat16


def base_extras(config, prefix, generator):
    """What published checkpoints carry besides: position ids, pooler."""
    d = config.hidden_size
    return {f"{prefix}.embeddings.position_ids": torch.arange(config.max_position_embeddings)[None],
            f"{prefix}.pooler.dense.weight": torch.randn(d, d, generator=generator),
            f"{prefix}.pooler.dense.bias": torch.randn(d, generator=generator)}


def bert_base_extras(config):
    """Those of BERT: a next-sentence head too."""
    d, generator = config.hidden_size, torch.Generator().manual_seed(5)
    return {**base_extras(config, "bert", generator),
            "cls.seq_relationship.weight": torch.randn(2, d, generator=generator),
            "cls.seq_relationship.bias": torch.randn(2, generator=generator)}


def gamma_beta(name):
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def masks(layers, positions):
    """The causal masks that older GPT-2 checkpoints store; an odd number of bytes each."""
    square = torch.tril(torch.ones(positions, positions, dtype=torch.uint8))[None, None]
    return {f"transformer.h.{i}.attn.bias": square.clone() for i in range(layers)}


def bert(size, **more):
    return BertConfig(vocab_size=size, **more)


def gpt2(size, **more):
    return GPT2Config(vocab_size=size, bos_token_id=size - 1, eos_token_id=size - 1, **more)


def llama(size, **more):
    return LlamaConfig(vocab_size=size, bos_token_id=1, eos_token_id=2, **more)


ROBERTA_CLASS = {"roberta": RobertaConfig, "xlm-roberta": XLMRobertaConfig, "camembert": CamembertConfig}
ROBERTA_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
FIRST_PAD = ["<pad>", "<s>", "</s>", "<unk>"]
LATE_PAD = ["<s>", "</s>", "<unk>", "<pad>"]


def roberta(family, size, special, **more):
    return ROBERTA_CLASS[family](vocab_size=size, type_vocab_size=1, pad_token_id=special.index("<pad>"),
                                 bos_token_id=special.index("<s>"), eos_token_id=special.index("</s>"), **more)


def masked_folders():
    """As folders(); log probabilities in float64."""
    yield ("roberta-tiny", lambda f: roberta_json_files(f, 40, ROBERTA_SPECIAL, False),
           lambda n: roberta("roberta", n, ROBERTA_SPECIAL, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
                             intermediate_size=56, max_position_embeddings=130), F32, None, False, None)
    yield ("roberta-late-pad-bf16", lambda f: roberta_json_files(f, 90, LATE_PAD, True),
           lambda n: roberta("roberta", n, LATE_PAD, hidden_size=20, num_hidden_layers=3, num_attention_heads=2,
                             intermediate_size=36, hidden_act="relu", tie_word_embeddings=False, layer_norm_eps=1e-5,
                             max_position_embeddings=124), BF16, None, True,
           lambda f, c: rewrite(f, extra=base_extras(c, "roberta", torch.Generator().manual_seed(6)),
                                header_remainder=3))
    yield ("xlm-roberta-f16-shards", lambda f: roberta_json_files(f, 60, ROBERTA_SPECIAL, True),
           lambda n: roberta("xlm-roberta", n, ROBERTA_SPECIAL, hidden_size=16, num_hidden_layers=2,
                             num_attention_heads=4, intermediate_size=40, hidden_act="gelu_new",
                             max_position_embeddings=122), F16, "10KB", True, None)
    yield ("camembert-no-prefix", lambda f: roberta_json_files(f, 20, ROBERTA_SPECIAL, True),
           lambda n: roberta("camembert", n, ROBERTA_SPECIAL, hidden_size=16, num_hidden_layers=2,
                             num_attention_heads=1, intermediate_size=24, max_position_embeddings=140), F32, None, False,
           lambda f, c: rewrite(f, rename=lambda k: k.removeprefix("roberta."), header_remainder=6))
    yield ("ernie-relu", lambda f: wordpiece_files(f, True, 25),
           lambda n: ErnieConfig(vocab_size=n, hidden_size=24, num_hidden_layers=3, num_attention_heads=3,
                                 intermediate_size=44, hidden_act="relu", type_vocab_size=4, layer_norm_eps=1e-5,
                                 max_position_embeddings=110), F32, None, False, None)
    yield ("distilbert-tiny", lambda f: wordpiece_files(f, True, 35),
           lambda n: DistilBertConfig(vocab_size=n, dim=28, n_layers=2, n_heads=7, hidden_dim=52,
                                      max_position_embeddings=90), F32, None, False, None)
    yield ("distilbert-own-head-f16-shards", lambda f: wordpiece_files(f, False, 15),
           lambda n: DistilBertConfig(vocab_size=n + 3, dim=16, n_layers=4, n_heads=2, hidden_dim=64, activation="relu",
                                      tie_word_embeddings=False, sinusoidal_pos_embds=True,
                                      max_position_embeddings=101), F16, "10KB", True,
           None)


    yield ("xlm-roberta-first-pad", lambda f: roberta_json_files(f, 30, FIRST_PAD, True),
           lambda n: roberta("xlm-roberta", n + 5, FIRST_PAD, hidden_size=20, num_hidden_layers=3, num_attention_heads=5,
                             intermediate_size=28, hidden_act="silu", max_position_embeddings=111), F32, None, False, None)
    yield ("camembert-own-head-bf16", lambda f: roberta_json_files(f, 70, ROBERTA_SPECIAL, False),
           lambda n: roberta("camembert", n, ROBERTA_SPECIAL, hidden_size=12, num_hidden_layers=4, num_attention_heads=2,
                             intermediate_size=48, tie_word_embeddings=False, max_position_embeddings=108),
           BF16, None, True, None)
    yield ("ernie-own-head-bf16", lambda f: wordpiece_files(f, False, 50),
           lambda n: ErnieConfig(vocab_size=n, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                                 intermediate_size=60, tie_word_embeddings=False, max_position_embeddings=96),
           BF16, None, True, None)


def folders():
    """(name, tokenizer, config of a vocabulary size, storage type, shard size, old config, change of the files)"""
    yield ("bert-tiny", lambda f: wordpiece_files(f, True, 60),
           lambda n: bert(n, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                          max_position_embeddings=96), F32, None, False, None)
    yield ("bert-cased-f16-shards", lambda f: wordpiece_files(f, False, 40),
           lambda n: bert(n, hidden_size=48, num_hidden_layers=3, num_attention_heads=3, intermediate_size=100,
                          hidden_act="gelu_new", type_vocab_size=1, max_position_embeddings=128), F16, "30KB", True, None)
    yield ("bert-own-head-bf16", lambda f: wordpiece_files(f, True, 20),
           lambda n: bert(n + 7, hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=96,
                          hidden_act="relu", type_vocab_size=3, tie_word_embeddings=False, layer_norm_eps=1e-5,
                          max_position_embeddings=128), BF16, None, False,
           lambda f, c: rewrite(f, header_remainder=5))
    yield ("bert-old-names", lambda f: wordpiece_files(f, True, 30),
           lambda n: bert(n, hidden_size=40, num_hidden_layers=4, num_attention_heads=5, intermediate_size=56,
                          hidden_act="silu", max_position_embeddings=100), F32, None, True,
           lambda f, c: rewrite(f, rename=gamma_beta, extra=bert_base_extras(c)))
    yield ("bert-no-prefix", lambda f: wordpiece_files(f, True, 10),
           lambda n: bert(n, hidden_size=16, num_hidden_layers=2, num_attention_heads=1, intermediate_size=64,
                          max_position_embeddings=112), F32, None, True,
           lambda f, c: rewrite(f, rename=lambda k: k.removeprefix("bert."), header_remainder=2))

    yield ("gpt2-tiny", lambda f: byte_bpe_files(f, 60),
           lambda n: gpt2(n, n_embd=32, n_layer=2, n_head=4, n_positions=128), F32, None, False, None)
    yield ("gpt2-f16-shards", lambda f: byte_bpe_files(f, 100),
           lambda n: gpt2(n, n_embd=48, n_layer=3, n_head=3, n_inner=100, activation_function="gelu",
                          n_positions=128), F16, "30KB", True, None)
    yield ("gpt2-own-head-bf16", lambda f: byte_bpe_files(f, 30),
           lambda n: gpt2(n, n_embd=24, n_layer=2, n_head=2, n_inner=40, activation_function="relu",
                          tie_word_embeddings=False, n_positions=160, layer_norm_epsilon=1e-6), BF16, None, False,
           lambda f, c: rewrite(f, header_remainder=3))
    yield ("gpt2-no-prefix", lambda f: byte_bpe_files(f, 80, json_only=True),
           lambda n: gpt2(n, n_embd=40, n_layer=4, n_head=5, activation_function="gelu_pytorch_tanh",
                          n_positions=128), F32, None, True,
           lambda f, c: rewrite(f, rename=lambda k: k.removeprefix("transformer.")))
    yield ("gpt2-stored-masks", lambda f: byte_bpe_files(f, 120),
           lambda n: gpt2(n, n_embd=16, n_layer=3, n_head=1, activation_function="silu", n_positions=117),
           F32, None, True, lambda f, c: rewrite(f, extra=masks(3, 117)))

    yield ("llama-grouped", lambda f: llama_json_files(f, 60, False, False),
           lambda n: llama(n, hidden_size=32, intermediate_size=72, num_hidden_layers=2, num_attention_heads=4,
                           num_key_value_heads=2, tie_word_embeddings=True, max_position_embeddings=128),
           F32, None, False, None)
    yield ("llama-f16-shards", lambda f: sentencepiece_files(f, 400),
           lambda n: llama(n, hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=6,
                           num_key_value_heads=6, rms_norm_eps=1e-5, max_position_embeddings=256,
                           rope_parameters={"rope_type": "default", "rope_theta": 500000.0}),
           F16, "30KB", True, None)
    yield ("llama-biases-bf16", lambda f: llama_json_files(f, 40, True, True),
           lambda n: llama(n, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=8,
                           num_key_value_heads=1, attention_bias=True, mlp_bias=True, max_position_embeddings=256,
                           rope_parameters={"rope_type": "llama3", "rope_theta": 1000.0, "factor": 8.0,
                                            "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                            "original_max_position_embeddings": 32}),
           BF16, None, False, lambda f, c: rewrite(f, keep_f32="norm"))
    yield ("llama-head-size", lambda f: llama_json_files(f, 50, True, False),
           lambda n: llama(n, hidden_size=40, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
                           num_key_value_heads=2, head_dim=16, hidden_act="gelu_pytorch_tanh", tie_word_embeddings=True,
                           max_position_embeddings=256,
                           rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}),
           F32, None, True, lambda f, c: rewrite(f, header_remainder=1))
    yield ("llama-no-prefix", lambda f: sentencepiece_files(f, 360),
           lambda n: llama(n, hidden_size=24, intermediate_size=40, num_hidden_layers=4, num_attention_heads=2,
                           num_key_value_heads=1, attention_bias=True, tie_word_embeddings=True, hidden_act="relu",
                           max_position_embeddings=200,
                           rope_parameters={"rope_type": "llama3", "rope_theta": 20000.0, "factor": 4.0,
                                            "low_freq_factor": 1.0, "high_freq_factor": 8.0,
                                            "original_max_position_embeddings": 64}),
           F32, None, True, lambda f, c: rewrite(f, rename=lambda k: k.removeprefix("model.")))


def make(output, start=""):
    causal = causal_models.folders(byte_bpe_files, llama_json_files, rewrite)
    all_folders = [*enumerate(folders(), start=1), *enumerate(causal, start=causal_models.FIRST_SEED),
                   *enumerate(masked_folders(), start=201),
                   *enumerate(expert_models.folders(llama_json_files), start=expert_models.FIRST_SEED)]
    for seed, (name, tokenizer, config_of, storage, shard, old, change) in all_folders:
        if not name.startswith(start):
            continue
        family, double = family_of(name), seed > 200
        folder = output / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        config = config_of(tokenizer(folder))
        model = MODEL_CLASS[family](config)
        randomise(model, seed)
        model = model.to(storage)
        model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
        (folder / "generation_config.json").unlink(missing_ok=True)
        assert (len(list(folder.glob("*.safetensors"))) > 1) == bool(shard), name
        if old:
            old_style(folder)
        if change:
            change(folder, config)
        texts = LINES + (PAD_LINES if family in ROBERTA_CLASS else [])
        distance = write_logprobs(folder, family, texts, folder / "logprobs.jsonl", model.state_dict(), double)
        assert distance < 4e-5, f"{name}: float32 itself is too far from float64 for a test at 1e-4"


def make_shared(models_folder):
    for name, family in (("books-bert-mini", "bert"), ("books-gpt2-mini", "gpt2"), ("stories260K-hf", "llama"),
                         ("TinyStories-656K", "llama")):
        write_logprobs(models_folder / name, family, SENTENCES, HERE / "shared" / f"{name}.jsonl")


if __name__ == "__main__":
    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if len(sys.argv) == 3 and sys.argv[1] == "--shared":
        make_shared(pathlib.Path(sys.argv[2]))
    elif len(sys.argv) >= 3 and sys.argv[1] == "--only":
        make(pathlib.Path(sys.argv[3]) if len(sys.argv) == 4 else HERE / "models", sys.argv[2])
    else:
        make(pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else HERE / "models")
