"""Makes the golden files of this folder: python3 make.py PYTHON4 PYTHON5. ../README.md says what they hold.

PYTHON4, PYTHON5: commands of a Python with transformers 4 and 5, such as "env PYTHONPATH=/opt/tf4 python3".
"""
import hashlib
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
ROLES = ["bos", "eos", "cls", "sep", "mask", "unk", "pad"]

ATOMS = [
    "the doctor", "The Doctor's", "She said", "HE", "don't", "we'LL", "it's", "O'Neill", "co-op", "snake_case", "iPhone",
    "1969", "2.718", "10,000", "1234567", "3rd", "x1", "٣", "१९", "½", "²", "一九", "Ⅻ", "ภาษา", "น้ำแข็ง", "हिन्दी",
    "क्षमा", "مُدَرِّس", "؟", "שלום", "日本語", "中文。", "「」", "カタカナ", "한국어", "\uac00", "\u1100\u1161", "ﬁn", "Straße", "İstanbul",
    "Ångström", "A\u030angstro\u0308m", "\u212b", "é", "e\u0301", "ñandú", "n\u0303", "Ω", "\u2126", "Привет", "Ёлка", "ΣΊΣΥΦΟΣ", "ǆ", "Ⅷ",
    "👩‍🔬", "👍🏿", "🇫🇷", "😀", "❤️", "™", "→", "€9", "$1.50", "<=>", "^_^", "...", "…", "—", "¡Hola!", "“so”", "(x)",
    "[y]", "{z}", "#1", "@you", "50%", "a/b", "&amp;", "?!", ";", "\u200b", "\u200d", "\u00ad", "\ufeff", "\u00a0",
    "\u3000", "\u2009", "\u2028", "\u0085", "\u000b", "\t", "\t\t\t", "\n", "\n\n", "\r\n", "\r", "  ", "    ", " " * 9,
    " " * 31, " \n ", "\u0001", "\u007f", "�", "<s>", " <s>", "</s>", "<pad>", "<mask>", " <mask>", "  <mask> ", "<unk>",
    "[CLS]", "[SEP]", "[MASK]", " [MASK] ", "[mask]", "[PAD]", "[UNK]", "<|endoftext|>", "<|endoftext|> x",
    "<|padding|>", "<MASK>", "[E1]", "[/E1]", "[e1]", "newword", "NewWord", "newwords", "<extra_0>", "<|im_end|>", "<PERSON>",
]


def make_lines():
    draw = random.Random(31)
    lines = list(ATOMS) + ["a\0b", "\0", "x\0y \0 the", "", " ", "a", "A", "x" * 120, "." * 60, " a", "a ", " the nurse", "the nurse"]
    while len(lines) < 640:
        join = draw.choice(["", " ", " ", "", "  "])
        lines.append(join.join(draw.choice(ATOMS) for _ in range(draw.randint(2, 6))))
    return lines


def specials(*contents, **flags):
    return [{"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
             "special": True, **flags} for content in contents]


BYTE_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>", "<|padding|>", "[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]"]
WORD_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<pad>", "<mask>", "<unk>", "<cls>", "<sep>"]


def train(lines):
    import tokenizers
    from tokenizers import models, normalizers, pre_tokenizers, trainers
    plain = [line for line in lines if len(line) < 100 and not set("<[") & set(line) and "word" not in line.lower()]
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(plain, trainers.BpeTrainer(
        vocab_size=700, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=BYTE_TOKENS))
    found = json.loads(tokenizer.to_str())["model"]
    bytes_model = {"type": "BPE", "vocab": found["vocab"], "merges": [" ".join(pair) for pair in found["merges"]]}
    words = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.normalizer = normalizers.BertNormalizer(lowercase=False)
    words.train_from_iterator(plain + [line.lower() for line in plain], trainers.WordPieceTrainer(
        vocab_size=600, show_progress=False, special_tokens=WORD_TOKENS))
    found = json.loads(words.to_str())["model"]
    words_model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                   "max_input_chars_per_word": 100, "vocab": found["vocab"]}
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    letters = sorted(set("".join(plain).replace(" ", "\u2581")) & set(map(chr, list(range(0x21, 0x250)) + [0x2581])))
    vocab = {piece: i for i, piece in enumerate(pieces + letters)}
    merges = []
    for pair in ["\u2581 t", "h e", "\u2581t he", "\u2581 \u2581", "\u2581\u2581 \u2581\u2581", "\u2581 d", "i n", "e r"]:
        merges.append(pair)
        vocab[pair.replace(" ", "")] = len(vocab)
    llama_model = {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True, "vocab": vocab,
                   "merges": merges}
    suffixed = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    suffixed.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    suffixed.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    suffixed.train_from_iterator(plain, trainers.BpeTrainer(
        vocab_size=500, show_progress=False, end_of_word_suffix="</w>",
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"]))
    found = json.loads(suffixed.to_str())["model"]
    suffix_model = {**{key: found[key] for key in ("type", "unk_token", "end_of_word_suffix", "vocab")},
                    "merges": [" ".join(pair) for pair in found["merges"]]}
    return {"suffixed": suffix_model, "bytes": bytes_model, "words": words_model, "pieces": llama_model}


def byte_level(prefix=False):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": True}


def bert(lower, accents=None, chinese=True):
    return {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": chinese, "strip_accents": accents,
            "lowercase": lower}


CASED = {"normalizer": bert(False), "pre_tokenizer": {"type": "BertPreTokenizer"}}
LEGACY = {"normalizer": {"type": "Sequence", "normalizers": [
    {"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
    "pre_tokenizer": None, "decoder": {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}}
QWEN2 = {"normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
                                           "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": False},
    {**byte_level(), "use_regex": False}]}}
SPACES = {" " * count: 731 - count for count in range(31, 1, -1)}


# Which version the folder's files are read as, where the two differ: ../README.md has the reasons.
FOLLOWS = {
    **dict.fromkeys(["roberta-files", "roberta-by-model-type", "roberta-files-prefix", "bart-files", "longformer-files",
                     "deberta-files", "json-roberta-no-tokens", "json-gpt2-digits", "json-neox-no-nfc", "json-bert-nfkc",
                     "json-llama", "json-granite-prefix", "json-qwen2-of-gpt2", "json-qwen2-no-nfc"], 4),
    **dict.fromkeys(["json-PreTrainedTokenizerFast-False-True", "json-PreTrainedTokenizerFast-True-False",
                     "json-PreTrainedTokenizerFast-True-None", "json-mpnet-chinese", "json-truncation",
                     "json-llama-no-prefix", "json-extra-named", "json-unknown-class"], 5),
}


def folders():
    """(name, model, files made of it, pipeline of tokenizer.json, other files)"""
    def files(name, model, config, kind=None, added=None, pieces=("vocab.json", "merges.txt"), **more):
        other = {"tokenizer_config.json": config, "config.json": {"model_type": kind}, "added_tokens.json": added, **more}
        if kind is None:
            del other["config.json"]
        return name, model, pieces, None, {key: value for key, value in other.items() if value is not None}

    def document(name, model, pipeline, config, kind=None, tokens=(), **more):
        other = {"tokenizer_config.json": config, "config.json": {"model_type": kind} if kind else None, **more}
        return (name, model, ("tokenizer.json",), {"added_tokens": list(tokens), **pipeline},
                {key: value for key, value in other.items() if value is not None})

    end, roberta = specials("<|endoftext|>"), specials("<s>", "<pad>", "</s>", "<unk>") + specials("<mask>", lstrip=True)
    words = specials(*WORD_TOKENS[:5])
    text = ("vocab.txt",)
    yield files("herbert-files", "suffixed", {"tokenizer_class": "HerbertTokenizer"}, "bert")
    yield files("openai-files", "suffixed", {"tokenizer_class": "OpenAIGPTTokenizer"}, "openai-gpt")
    # Without tokenizer.json.
    yield files("gpt2-files", "bytes", {"tokenizer_class": "GPT2Tokenizer"}, "gpt2")
    yield files("gpt2-files-prefix", "bytes", {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True}, "gpt2")
    yield files("gpt2-files-added", "bytes", {"tokenizer_class": "GPT2Tokenizer", "pad_token": "<PERSON>"}, "gpt2",
                added={"<PERSON>": 700, "newword": 701})
    yield files("gpt2-by-model-type", "bytes", None, "gpt2")
    yield files("qwen2-files", "bytes", {"tokenizer_class": "Qwen2Tokenizer"}, "qwen3")
    yield files("qwen2-by-model-type", "bytes", None, "qwen2")
    yield files("codegen-spaces", "bytes", {"tokenizer_class": "CodeGenTokenizer"}, "phi", added=SPACES)
    yield files("roberta-files", "bytes", {"tokenizer_class": "RobertaTokenizer"}, "roberta")
    yield files("roberta-by-model-type", "bytes", None, "roberta")
    yield files("roberta-files-prefix", "bytes", {"tokenizer_class": "RobertaTokenizerFast", "add_prefix_space": True}, "roberta")
    yield files("bart-files", "bytes", {"tokenizer_class": "BartTokenizer"}, "bart")
    yield files("longformer-files", "bytes", {"tokenizer_class": "LongformerTokenizer"}, "longformer")
    yield files("deberta-files", "bytes", {"tokenizer_class": "DebertaTokenizer"}, "deberta")
    yield files("opt-files", "bytes", {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "bos_token": "</s>",
                                       "eos_token": "</s>", "unk_token": "</s>", "pad_token": "<pad>"}, "opt")
    yield files("opt-map", "bytes", {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True}, "opt", **{
        "special_tokens_map.json": {"bos_token": {**specials("</s>", normalized=True)[0]}, "eos_token": "</s>",
                                    "unk_token": "</s>", "pad_token": "<pad>"}})
    yield files("gpt_neo-by-model-type", "bytes", None, "gpt_neo")
    for kind in ("Bert", "DistilBert", "Electra", "MobileBert", "MPNet", "Funnel", "Lxmert", "ConvBert", "SqueezeBert"):
        yield files(f"{kind.lower()}-words", "words", {"tokenizer_class": f"{kind}Tokenizer"}, None, pieces=text)
    yield files("bert-words-cased", "words", {"tokenizer_class": "BertTokenizer", "do_lower_case": False}, "bert", pieces=text)
    yield files("bert-words-keep-accents", "words", {"tokenizer_class": "BertTokenizer", "strip_accents": False,
                                                    "tokenize_chinese_chars": False}, "bert", pieces=text)
    yield files("mpnet-by-model-type", "words", None, "mpnet", pieces=text)
    yield files("bert-added", "words", {"tokenizer_class": "BertTokenizer", "additional_special_tokens": ["[E1]", "[/E1]"]},
                "bert", added={"[E1]": 600, "[/E1]": 601, "newword": 602}, pieces=text)
    yield files("bert-twice", "words", {"tokenizer_class": "BertTokenizer"}, "bert", pieces=("vocab.txt", "twice"))
    yield files("bert-empty-line", "words", {"tokenizer_class": "BertTokenizer"}, "bert", pieces=("vocab.txt", "empty"))
    # tokenizer.json and tokenizer_config.json.
    for name in ("GPT2Tokenizer", "GPT2TokenizerFast", "CodeGenTokenizer", "PreTrainedTokenizerFast"):
        for written in (False, True):
            for wanted in (False, True, None):
                yield document(f"json-{name}-{written}-{wanted}", "bytes", {"pre_tokenizer": byte_level(written)},
                               {"tokenizer_class": name, **({} if wanted is None else {"add_prefix_space": wanted})},
                               "gpt2", end)
    yield document("json-gpt2-no-class", "bytes", {"pre_tokenizer": byte_level()}, {"add_prefix_space": True}, "gpt2", end)
    yield document("json-gpt2-no-config", "bytes", {"pre_tokenizer": byte_level(True)}, None, "gpt2", end)
    yield document("json-gpt2-added-file", "bytes", {"pre_tokenizer": byte_level()}, {"tokenizer_class": "GPT2Tokenizer"},
                   "gpt2", end, **{"added_tokens.json": {"newword": 700}})
    yield document("json-gpt2-digits", "bytes", {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": True}, byte_level()]}}, {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True},
        "llama", end)
    yield document("json-roberta", "bytes", {"pre_tokenizer": byte_level()}, {"tokenizer_class": "RobertaTokenizer"}, "roberta", roberta)
    yield document("json-roberta-prefix", "bytes", {"pre_tokenizer": byte_level()},
                   {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True}, "roberta", roberta)
    yield document("json-roberta-no-tokens", "bytes", {"pre_tokenizer": byte_level()}, {"tokenizer_class": "RobertaTokenizer"}, "roberta")
    yield document("json-roberta-no-config", "bytes", {"pre_tokenizer": byte_level(True)}, None, "roberta", roberta)
    yield document("json-bart-prefix", "bytes", {"pre_tokenizer": byte_level()}, {"tokenizer_class": "BartTokenizer", "add_prefix_space": True}, "bart", roberta)
    yield document("json-deberta", "bytes", {"pre_tokenizer": byte_level(True)}, {"tokenizer_class": "DebertaTokenizer"}, "deberta",
                   specials("[CLS]", "[SEP]") + specials("[MASK]", lstrip=True))
    yield document("json-neox", "bytes", {"normalizer": {"type": "NFC"}, "pre_tokenizer": byte_level()},
                   {"tokenizer_class": "GPTNeoXTokenizer", "add_prefix_space": True}, "gpt_neox", specials("<|endoftext|>", "<|padding|>"))
    yield document("json-neox-no-config", "bytes", {"normalizer": {"type": "NFC"}, "pre_tokenizer": byte_level(True)},
                   None, "gpt_neox", specials("<|endoftext|>", "<|padding|>"))
    yield document("json-neox-no-nfc", "bytes", {"pre_tokenizer": byte_level()}, {"tokenizer_class": "GPTNeoXTokenizerFast"},
                   "gpt_neox", specials("<|endoftext|>", "<|padding|>"))
    yield document("json-cohere-prefix", "bytes", {"normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": True}, byte_level()]}}, {"tokenizer_class": "CohereTokenizer", "add_prefix_space": True,
        "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}, "cohere", roberta)
    for name in ("BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer",
                 "FunnelTokenizer", "MPNetTokenizer", "LxmertTokenizer", "PreTrainedTokenizerFast"):
        for lower in (False, True, None):
            yield document(f"json-{name}-{lower}", "words", CASED,
                           {"tokenizer_class": name, **({} if lower is None else {"do_lower_case": lower}),
                            **({"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]",
                                "pad_token": "[PAD]"} if name in ("FunnelTokenizer", "MPNetTokenizer") else {})}, None, words)
    yield document("json-bert-chinese", "words", {**CASED, "normalizer": bert(True)},
                   {"tokenizer_class": "BertTokenizer", "tokenize_chinese_chars": False, "strip_accents": False}, "bert", words)
    yield document("json-mpnet-chinese", "words", {**CASED, "normalizer": bert(True)},
                   {"tokenizer_class": "MPNetTokenizer", "tokenize_chinese_chars": False, "strip_accents": False}, "mpnet", specials(*WORD_TOKENS[5:9]))
    yield document("json-bert-accents-written", "words", {**CASED, "normalizer": bert(True, accents=False)},
                   {"tokenizer_class": "BertTokenizer", "do_lower_case": True}, "bert", words)
    yield document("json-bert-no-config", "words", CASED, None, "bert", words)
    yield document("json-electra-no-config", "words", CASED, None, "electra", words)
    yield document("json-modernbert-lower", "words", CASED, {"tokenizer_class": "PreTrainedTokenizerFast", "strip_accents": True}, "modernbert", words)
    yield document("json-nfkc-lower", "words", {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]},
                                                "pre_tokenizer": {"type": "BertPreTokenizer"}},
                   {"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": True}, None, words)
    yield document("json-bert-nfkc", "words", {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}]},
                                               "pre_tokenizer": {"type": "BertPreTokenizer"}},
                   {"tokenizer_class": "BertTokenizer", "do_lower_case": True}, None, words)
    tokens = specials("<unk>", "<s>", "</s>")
    yield document("json-llama", "pieces", LEGACY, {"tokenizer_class": "LlamaTokenizer", "legacy": True}, "llama", tokens)
    yield document("json-llama-no-prefix", "pieces", LEGACY, {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": False}, "llama", tokens)
    yield document("json-llama-generic", "pieces", LEGACY, {"tokenizer_class": "PreTrainedTokenizerFast", "add_prefix_space": False}, "llama", tokens)
    yield document("json-added-decoder", "pieces", LEGACY, {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>",
        "added_tokens_decoder": {"344": specials("<pad>")[0], "345": specials("newword", special=False, normalized=True)[0]}}, "llama", tokens)
    yield document("json-truncation", "bytes", {"pre_tokenizer": byte_level(), "truncation": {
        "direction": "Right", "max_length": 512, "strategy": "LongestFirst", "stride": 0}, "padding": {
        "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 1, "pad_type_id": 0,
        "pad_token": "<pad>"}}, {"tokenizer_class": "GPT2Tokenizer"}, "gpt2", end)
    yield document("json-gap", "bytes", {"pre_tokenizer": byte_level(), "beyond": {"newword": 705}},
                   {"tokenizer_class": "PreTrainedTokenizerFast"}, "llama", end + specials("newword"))
    yield document("json-nul", "words", {**CASED, "beyond": {"\0": 600, "a\0b": 601}}, {"tokenizer_class": "BertTokenizer", "do_lower_case": False}, "bert", words)
    yield document("json-nul-added", "bytes", {"pre_tokenizer": byte_level(), "beyond": {"x\0y": 700}},
                   {"tokenizer_class": "PreTrainedTokenizerFast"}, "llama", end + specials("x\0y"))
    flags = {str(BYTE_TOKENS.index("<mask>")): specials("<mask>", lstrip=True, rstrip=True)[0]}
    yield document("json-decoder-flags", "bytes", {"pre_tokenizer": byte_level()},
                   {"tokenizer_class": "PreTrainedTokenizerFast", "added_tokens_decoder": flags, "mask_token": "<mask>"}, "llama",
                   end + specials("<mask>"))
    yield document("json-map-first", "bytes", {"pre_tokenizer": byte_level()},
                   {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<s>"}, "gpt2", end,
                   **{"special_tokens_map.json": {"bos_token": "</s>", "additional_special_tokens": ["<pad>"]}})
    yield document("json-map-unread", "bytes", {"pre_tokenizer": byte_level()},
                   {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<s>", "added_tokens_decoder": flags}, "gpt2", end,
                   **{"special_tokens_map.json": {"bos_token": "</s>", "additional_special_tokens": ["<pad>"]}})
    yield document("json-extra-named", "bytes", {"pre_tokenizer": byte_level()},
                   {"tokenizer_class": "PreTrainedTokenizerFast", "extra_special_tokens": ["[CLS]", "<pad>"]}, "llama", end)
    yield document("json-mask-object", "bytes", {"pre_tokenizer": byte_level()},
                   {"tokenizer_class": "PreTrainedTokenizerFast", "mask_token": {**specials("<mask>", lstrip=True)[0], "__type": "AddedToken"}},
                   "llama", end)
    yield document("json-granite-prefix", "bytes", {"pre_tokenizer": byte_level()},
                   {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True}, "granite", end)
    # What transformers 5 takes a model_type for, whatever class is named.
    yield document("json-qwen2-of-gpt2", "bytes", {"pre_tokenizer": byte_level()}, {"tokenizer_class": "GPT2Tokenizer"}, "qwen2", end)
    yield document("json-qwen2-no-nfc", "bytes", {"pre_tokenizer": byte_level()}, {"tokenizer_class": "Qwen2Tokenizer"}, "qwen3", end)
    yield document("json-qwen2-as-built", "bytes", QWEN2, {"tokenizer_class": "GPT2Tokenizer"}, "qwen2", end)
    yield document("json-gpt_bigcode-digits", "bytes", {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": True}, byte_level()]}}, {"tokenizer_class": "GPT2Tokenizer"}, "gpt_bigcode", end)
    yield document("json-mistral", "pieces", LEGACY, {"tokenizer_class": "LlamaTokenizer"}, "mistral", tokens)
    yield document("json-llama-no-class", "pieces", LEGACY, {"legacy": True}, "llama", tokens)
    yield document("json-no-type", "words", {**CASED, "untyped": True}, {"tokenizer_class": "BertTokenizer"}, "bert", words)
    yield document("json-unknown-class", "bytes", {"pre_tokenizer": byte_level(True)}, {"tokenizer_class": "SomeTokenizer"}, "llama", end)
    yield document("json-extra-special", "bytes", {"pre_tokenizer": byte_level()},
                   {"tokenizer_class": "GPT2Tokenizer", "additional_special_tokens": ["[CLS]", "[SEP]"]}, "gpt2", end)
    yield document("json-roles-only", "bytes", {"pre_tokenizer": byte_level()},
                   {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "mask_token": "<mask>"}, "llama", end)


def tokenizer_json(models, model, pipeline):
    pipeline, content = dict(pipeline), dict(models[model])
    content["vocab"] = {**content["vocab"], **pipeline.pop("beyond", {})}
    if pipeline.pop("untyped", False):
        del content["type"]
    tokens = [{"id": content["vocab"].get(token["content"], -1), **token} for token in pipeline.pop("added_tokens")]
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens, "normalizer": None,
            "post_processor": None, "decoder": None, **pipeline, "model": content}


def write(folder, models, row):
    name, model, made, pipeline, other = row
    os.makedirs(folder)
    vocab = sorted(models[model]["vocab"], key=models[model]["vocab"].get)
    texts = dict(other)
    if "tokenizer.json" in made:
        texts["tokenizer.json"] = tokenizer_json(models, model, pipeline)
    if "vocab.json" in made:
        texts["vocab.json"] = models[model]["vocab"]
        texts["merges.txt"] = "#version: 0.2\n" + "".join(merge + "\n" for merge in models[model]["merges"])
    if "vocab.txt" in made:
        lines = vocab + (["the", "doctor"] if "twice" in made else []) + ([""] if "empty" in made else [])
        texts["vocab.txt"] = "".join(line + "\n" for line in lines)
    for file, value in texts.items():
        with open(os.path.join(folder, file), "w", encoding="utf-8", newline="") as out:
            out.write(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def encode(root, lines):
    """Run under one version: a JSON line a folder, with its version, roles and ids."""
    import transformers
    transformers.logging.set_verbosity_error()
    for name in sorted(os.listdir(root)):
        result = {"name": name, "version": transformers.__version__}
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(os.path.join(root, name))
            result["ids"] = [tokenizer.encode(line, add_special_tokens=False, truncation=False, padding=False) for line in lines]
            result["class"] = type(tokenizer).__name__
            size = max(len(tokenizer), 1)
            result["roles"] = [getattr(tokenizer, role + "_token_id") for role in ROLES]
            result["size"] = size
        except Exception as error:
            result["error"] = f"{type(error).__name__}: {error}"[:200]
        print(json.dumps(result))


def run(command, root, lines):
    program = "import json, sys; sys.path.insert(0, sys.argv[1]); import make; make.encode(sys.argv[2], json.load(sys.stdin))"
    done = subprocess.run(shlex.split(command) + ["-c", program, here, root], input=json.dumps(lines), text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}


def digest(ids):
    return hashlib.sha256("".join(" ".join(map(str, line)) + "\n" for line in ids).encode()).hexdigest()


def main():
    lines = make_lines()
    models = train(lines)
    rows = list(folders())
    with tempfile.TemporaryDirectory() as root:
        for row in rows:
            write(os.path.join(root, row[0]), models, row)
        found = [run(command, root, lines) for command in sys.argv[1:3]]
    with open(os.path.join(here, "folders.json"), "w", encoding="utf-8") as out:
        out.write('{"lines": ' + json.dumps(lines, ensure_ascii=False) + ',\n"models": {\n' + ",\n".join(
            json.dumps(name) + ": " + json.dumps(model, ensure_ascii=False) for name, model in models.items()) + "},\n" +
            '"folders": [\n' + ",\n".join(json.dumps({**dict(zip(["name", "model", "made", "tokenizer", "files"], row)),
                                                      **({"follows": FOLLOWS[row[0]]} if row[0] in FOLLOWS else {})},
                                                     ensure_ascii=False) for row in rows) + "]}\n")
    with open(os.path.join(here, "ids.txt"), "w", encoding="utf-8") as out:
        for row in rows:
            for results in found:
                result = results[row[0]]
                if "error" in result:
                    print(row[0], result["version"], "fails", "-", file=out)
                    print(row[0], result["version"], result["error"], file=sys.stderr)
                else:
                    print(row[0], result["version"], digest(result["ids"]),
                          ",".join("-" if role is None else str(role) for role in result["roles"]), file=out)


if __name__ == "__main__":
    main()
