"""Makes the golden files of this folder: python3 make.py. ../README.md says what they hold."""
import base64
import hashlib
import json
import os
import random
import sys
import unicodedata

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, trainers

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{here}/../../../../scripts")
from charsmap import charsmap

ATOMS = [
    "the nurse", "The Nurse's", "don't", "I'LL", "it's", "U.S.A.", "e-mail", "foo_bar", "__x__", "CamelCase", "a", "A",
    "1987", "3.14", "1,000,000", "12 345", "007", "1st", "x2", "2x", "0x1F", "٣٤٥", "१२३", "๑๒", "²³", "x²", "½", "1¼",
    "Ⅳ", "①②", "一二三", "１２３", "৴", "߁߂", "ภาษาไทย", "น้ำ", "हिन्दी", "क्षत्रिय", "العَرَبِيَّة", "مرحبا", "؟", "،",
    "שָׁלוֹם", "עברית", "தமிழ்", "ខ្មែរ", "中文", "中文。", "「日本」", "、", "カタカナー", "ひらがな", "々", "〇", "〆",
    "한국어", "한글", "ｶﾅ", "ﬁ", "ß", "ẞ", "İ", "ı", "ǅ", "Ωmega", "привет", "ё", "Ελλάδα", "ა", "Ꭰ", "ⓐⒷ", "🅰", "🄰",
    "é", "e\u0301", "a\u0308\u0323", "\u0301", "\u20dd", "n\u0303o", "ñ", "👩\u200d👩\u200d👧", "👍🏽", "🇩🇪🇫🇷",
    "1\ufe0f\u20e3", "❤\ufe0f", "😀😀", "©", "™", "→", "∑", "€5", "$9.99", "£", "+=<>", "^`|~", "...", "…", "—", "--",
    "¿¡", "«»", "“q”", "‘s’", "(a)", "[b]", "{c}", "#tag", "@me", "100%", "a/b\\c", "*", "&amp;", "!?", "!!!", ";:",
    "\u200b", "\u200c", "\u200d", "\u00ad", "\ufeff", "\u180e", "\u2060", "\u00a0", "\u3000", "\u2003", "\u202f",
    "\u2028", "\u2029", "\u0085", "\u1680", "\u000b", "\u000c", "\t", "\t\t", "\n", "\n\n", "\r\n", "\r\n\r\n", "\r",
    "  ", "   ", " " * 17, " \n ", " \t", "<s>", "</s>", "<mask>", "[UNK]", "[MASK]", "<|endoftext|>", "<|end", "<S>",
    "\U00020000", "𝐀𝟏", "𐍈", "ꙮ", "\u0e33", "\u3099", "か\u3099", "\u0670", "ـ", "ﷺ", "\U0001f3fb", "\u2063", "º", "ª",
]


def make_lines():
    draw = random.Random(20)
    lines = list(ATOMS)
    lines += [" " + atom + " " for atom in ATOMS[::2]] + ["", " ", "  \n", "x" * 200, "1" * 50, "!" * 40, " " * 300 + "a"]
    while len(lines) < 700:
        join = draw.choice(["", " ", "", "  ", ""])
        lines.append(join.join(draw.choice(ATOMS) for _ in range(draw.randint(2, 7))))
    return lines


# Of later kinds of parts: clusters around the map's edges, affixes, digits in a row, texts that only tokens make.
MORE = ATOMS + [
    "``", "''", "café", "CAFÉ", "ﬀ", "㎏", "ﬁ\u0301", "e\u0301\u0327", "\u0600a", "\u0600", "©\u200d©", "❤\ufe0f\u200d🔥",
    "क\u094dक\u093c", "क\u094dक\u0301", "한", "\u1112\u1161\u11ab", "\u1161\u0301", "각\u0301", "🇩", "\r\u0301", "\n\u0301",
    "\u200b\u0301", "Å", "½½", "ﷺ\u0301", "<unk>", "[CLS]", "</w>", "##a", "▁", "▁▁a", "ǅ", "ẞß", "Σς", "\U0001fae8", "\u1c89",
    "\U00010d40", "\U00031350", "\U0001e4d0", "\u0897", "\u0cf3a", "\U00011241", "xxxxxxxxxxxxxxxx", "<0x41>",
]


def make_more():
    draw = random.Random(21)
    lines = [" " + atom for atom in MORE] + [atom + " " + atom for atom in MORE] + ["x" * 300, "!" * 41, "ab" * 90]
    while len(lines) < 700:
        join = draw.choice(["", " ", "", "  ", ""])
        lines.append(join.join(draw.choice(MORE) for _ in range(draw.randint(2, 8))))
    return lines


def make_newer():
    """Ranges [first, last, step] of the characters that Unicode 3.2 has not, assigned or not; few of long runs."""
    sparse = [(0x3400, 0x4DC0, 97), (0x4E00, 0xA000, 97), (0xAC00, 0xD7A4, 97), (0xE000, 0xF900, 97), (0x17000, 0x18CFF, 53),
              (0x13460, 0x14400, 31), (0x14400, 0x16100, 31), (0x18D09, 0x1AFF0, 97), (0x1B2FC, 0x1BC00, 53), (0x20000, 0x323B0, 97),
              (0x323B0, 0xE0000, 1999), (0xE0000, 0xE0200, 1), (0xE0200, 0x110000, 3989)]
    old = unicodedata.ucd_3_2_0
    ranges, code = [], 0x80
    while code < 0x110000:
        step = next((step for low, high, step in sparse if low <= code < high), 1)
        if 0xD800 <= code < 0xE000 or (step == 1 and old.category(chr(code)) != "Cn"):
            code += 1
        elif ranges and ranges[-1][2] == step and ranges[-1][1] == code - step:
            ranges[-1][1] = code
            code += step
        else:
            ranges.append([code, code, step])
            code += step
    return ranges


def make_characters():
    """Ranges of what Unicode 3.2 assigned: no table of any library is older than that. Ideographs: the ends alone."""
    alike = [(0x3400, 0x4DB5), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0x20000, 0x2A6D6)]
    ranges = []
    for code in range(1, 0x110000):
        if 0xD800 <= code < 0xF900 or code >= 0xF0000 or unicodedata.ucd_3_2_0.category(chr(code)) == "Cn":
            continue
        if any(low + 8 < code < high - 8 for low, high in alike):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def train_bytes(lines):
    """Merges across everything, so that each cut shows in the ids."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.train_from_iterator([line for line in lines if len(line) < 100 and "<" not in line], trainers.BpeTrainer(
        vocab_size=900, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    model = json.loads(tokenizer.to_str())["model"]
    return {"type": "BPE", "vocab": model["vocab"], "merges": [" ".join(pair) for pair in model["merges"]]}


WORDS = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
         "vocab": {token: i for i, token in enumerate(["[UNK]", "a", "1", ".", " ", "##a", "##1", "##.", "## "])}}
def train(model, trainer, lines, pre_tokenizer=None, normalizer=None):
    tokenizer = tokenizers.Tokenizer(model)
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator([line for line in lines if len(line) < 100 and "<" not in line], trainer)
    return json.loads(tokenizer.to_str())["model"]


def train_more(lines):
    """Models of the later kinds, by name."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    unigram = train(models.Unigram(), trainers.UnigramTrainer(
        vocab_size=420, show_progress=False, unk_token="<unk>", special_tokens=["<unk>"], initial_alphabet=[]), lines,
        pre_tokenizers.Metaspace(), normalizers.NFKC())
    unigram["vocab"] = [piece for piece in unigram["vocab"] if len(piece[0]) > 1 or ord(piece[0]) < 0x3000]
    unigram["unk_id"] = [piece for piece, _ in unigram["vocab"]].index("<unk>")
    repeated = unigram["vocab"][:60] + [[piece, score - 1] for piece, score in unigram["vocab"][20:40]]
    suffix, prefix = {"end_of_word_suffix": "</w>"}, {"continuing_subword_prefix": "##"}

    def bpe(unknown, affixes, pre_tokenizer, fuse=False, **more):
        model = train(models.BPE(unk_token=unknown, fuse_unk=fuse, **affixes), trainers.BpeTrainer(
            vocab_size=500, show_progress=False, special_tokens=[unknown], **affixes, **more), lines, pre_tokenizer)
        return {**model, "merges": [" ".join(pair) for pair in model["merges"]]}
    return {
        "unigram": unigram,
        "unigram-bytes": {**unigram, "byte_fallback": True,
                          "vocab": unigram["vocab"] + [[f"<0x{byte:02X}>", 0.0] for byte in range(256)]},
        "unigram-repeated": {**unigram, "vocab": repeated},
        "suffix": bpe("<unk>", suffix, pre_tokenizers.BertPreTokenizer(), limit_alphabet=120),
        "suffix-fused": bpe("<unk>", suffix, pre_tokenizers.BertPreTokenizer(), True, limit_alphabet=60),
        "prefix": bpe("[UNK]", prefix, pre_tokenizers.Whitespace(), limit_alphabet=120),
        "affixes": bpe("[UNK]", {**prefix, **suffix}, pre_tokenizers.Whitespace(), limit_alphabet=120),
        "clip": bpe("<|endoftext|>", suffix, pre_tokenizers.ByteLevel(add_prefix_space=False), initial_alphabet=alphabet),
        "word-level": train(models.WordLevel(unk_token="[UNK]"), trainers.WordLevelTrainer(
            special_tokens=["[UNK]"], vocab_size=300, show_progress=False), lines, pre_tokenizers.Whitespace()),
    }


PRECOMPILED = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap({
    "\t": " ", "\n": " ", "\r\n": "  ", "\u3000": " ", "\u00a0": " ", "\u200b": "", "\u00ad": "", "\u0600": "", "\u000b": "",
    "\u0600a": "b", "ﬁ": "fi", "ﬀ": "ff", "½": "1⁄2", "²": "2", "©": "(c)", "™": "tm", "㎏": "kg", "ﷺ": "صلى الله", "Å": "Å",
    "e\u0301": "é", "e\u0301\u0327": "ȩ́", "a\u0308": "ä", "\u0301": "", "क": "क", "क\u093c": "क़", "\u1161": "ᅡ", "한": "han",
    "각": "각", "１": "1", "２": "2", "３": "3", "ｶ": "カ", "か\u3099": "が", "❤": "<3", "🇩": "D", "`": "'", "ab": "AB", "x": "x",
})).decode()}
METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
PLAIN = {**BYTES, "use_regex": False}
# Split: classes, sets and properties that PCRE2 reads otherwise or not at all.
PATTERNS = [
    r"\w", r"\W", r"[\w]", r"[\W]", r"[^\w\s]", r"[\W\d]", r"[^\W\d]", r"[^\S ]", r"\b\w", r"\w\b", r"\B\w", r"\h", r"\H",
    r"\v", r"\p{Han}", r"\p{^Han}", r"[\p{Hiragana}\p{Katakana}]", r"\P{Arabic}", r"[^\p{Thai}\P{L}]", r"\p{Alnum}",
    r"\p{Word}", r"\P{punct}", r"[[:alpha:]]", r"[[:^alpha:]]", r"[^[:alnum:]]", r"[[:punct:]]", r"[[:space:][:digit:]]",
    r"[[:word:]]", r"[[:upper:]_]", r"[[:lower:]]", r"[[:blank:]]", r"[[:cntrl:]]", r"[[:xdigit:]]", r"[[:^ascii:]]",
    r"[^(\s|[.,!?…。，、।۔،])]", r"[a[^\p{L}]]", r"[\p{L}&&[^\p{Han}]]", r"[^\p{L}&&\p{Latin}]", r"[a-z&&[^aeiou]x]",
    r"[[a-c]&&[b-d]&&[^c]]", r"[^[\p{L}&&[^\p{Latin}]]\s]", r"[a[-.]1]", r"[a[1]-.]", r"[\p{Word}]", r"[\P{Punct}]", r"\p{lower}", r"\p{Alphabetic}", r"[]a]", r"[[]a]1]", r"[[^]a]&&\w]",
    r"^.", r".$", r"(?m:a.)", r"(?i)[A]", r"(?im:A.)", r"a{,1}[.1]", r"[\^a]", r"[[\^1]a]", r"\Qa", r"[\b\s]", r"[[.a.]]",
]
# Patterns of models as published: BLOOM, Kimi-K2's kind, DeepSeek's, one of words.
WHOLE_PATTERNS = [
    r" ?[^(\s|[.,!?…。，、।۔،])]+",
    r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+|\p{N}",
    r"\w+|[^\w\s]+|\s+",
    r"\b\w+\b|\W",
    r"[一-龥぀-ゟ゠-ヿ]+|[^\S\r\n]+|[[:alpha:]]+|(?:\R|.)",
]
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def sequence(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": invert}


def digits(individual):
    return {"type": "Digits", "individual_digits": individual}


def punctuation(behavior):
    return {"type": "Punctuation", "behavior": behavior}


def pipelines():
    """(name, model, normalizer, pre_tokenizer)"""
    for part in [digits(True), digits(False), {"type": "Whitespace"}, {"type": "WhitespaceSplit"}] + \
                [punctuation(behavior) for behavior in BEHAVIORS]:
        name = "-".join(str(value) for value in part.values())
        yield name, "words", None, part
        yield name + "-bytes", "bytes", None, sequence(part, BYTES)
    yield "Punctuation-default", "words", None, {"type": "Punctuation"}
    for left in (True, False):
        for right in (True, False):
            strip = {"type": "Strip", "strip_left": left, "strip_right": right}
            yield f"Strip-{left}-{right}", "bytes", strip, PLAIN
    yield "Strip-words", "words", {"type": "Strip", "strip_left": True, "strip_right": True}, None
    yield "ByteLevel-normalizer", "bytes", {"type": "ByteLevel"}, None
    yield "ByteLevel-normalizer-split", "bytes", {"type": "Sequence", "normalizers": [
        {"type": "NFC"}, {"type": "ByteLevel"}]}, sequence(digits(True), {"type": "Whitespace"})
    yield "ByteLevel-words", "words", None, BYTES
    yield "falcon", "bytes", None, sequence(punctuation("Contiguous"), BYTES, digits(False), split("[0-9][0-9][0-9]"))
    yield "falcon3", "bytes", None, sequence(punctuation("Contiguous"), {**BYTES, "add_prefix_space": True},
                                             digits(True), punctuation("MergedWithPrevious"))
    yield "ByteLevel-twice", "bytes", None, sequence(PLAIN, BYTES)
    yield "ByteLevel-empty", "bytes", None, sequence(BYTES, sequence())
    for pattern in PATTERNS:
        yield f"Split-{pattern.replace(' ', '_')}", "words", None, split(pattern)
    for i, pattern in enumerate(WHOLE_PATTERNS):
        yield f"Split-whole-{i}", "bytes", None, sequence(split(pattern, "Removed", True), PLAIN)
    yield "all-parts", "bytes", None, sequence({"type": "WhitespaceSplit"}, punctuation("MergedWithNext"), digits(False),
                                               {"type": "Whitespace"}, PLAIN)


def replace(pattern, content):
    return {"type": "Replace", "pattern": pattern, "content": content}


def normalizers_of(*parts):
    return {"type": "Sequence", "normalizers": list(parts)}


def later_pipelines():
    """(name, model, normalizer, pre_tokenizer); hashed with the lines of `more`."""
    words, spaces = {"type": "WhitespaceSplit"}, replace({"Regex": " {2,}"}, " ")
    strip = {"type": "Strip", "strip_left": False, "strip_right": True}
    quotes = [replace({"String": "``"}, '"'), replace({"String": "''"}, '"')]
    folds = [{"type": "NFKD"}, {"type": "StripAccents"}]
    bert = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
    yield "t5", "unigram", PRECOMPILED, sequence(words, METASPACE)
    yield "albert", "unigram", normalizers_of(*quotes, *folds, {"type": "Lowercase"}, PRECOMPILED, spaces), METASPACE
    yield "xlnet", "unigram", normalizers_of(*quotes, *folds, PRECOMPILED), sequence(words, METASPACE)
    yield "xlm-roberta", "unigram", normalizers_of(PRECOMPILED, strip, replace({"Regex": " {2,}"}, "▁")), METASPACE
    yield "deberta", "unigram", normalizers_of({**strip, "strip_left": True}, PRECOMPILED, spaces), \
        sequence(punctuation("Isolated"), METASPACE)
    yield "unigram-plain", "unigram", None, None
    yield "unigram-first", "unigram-bytes", PRECOMPILED, {**METASPACE, "prepend_scheme": "first"}
    yield "unigram-never", "unigram-bytes", {"type": "Nmt"}, {**METASPACE, "prepend_scheme": "never", "split": False}
    yield "unigram-bytes", "unigram-bytes", None, BYTES
    yield "unigram-repeated", "unigram-repeated", None, METASPACE
    yield "Precompiled-bpe", "bytes", PRECOMPILED, PLAIN
    yield "Nmt-bpe", "bytes", normalizers_of({"type": "Nmt"}, {"type": "NFKC"}), PLAIN
    for model in ("suffix", "suffix-fused"):
        yield f"openai-{model}", model, bert, {"type": "BertPreTokenizer"}
    yield "prefix", "prefix", None, {"type": "Whitespace"}
    yield "affixes", "affixes", None, {"type": "Whitespace"}
    yield "clip", "clip", normalizers_of({"type": "NFC"}, replace({"Regex": r"\s+"}, " "), {"type": "Lowercase"}), sequence(
        split(r"<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", "Removed", True), BYTES)
    yield "word-level", "word-level", None, {"type": "Whitespace"}
    yield "word-level-split", "word-level", {"type": "Lowercase"}, words
    for delimiter in ("a", "中", " "):
        yield f"CharDelimiterSplit-{delimiter.strip()}", "words", None, {"type": "CharDelimiterSplit", "delimiter": delimiter}
    for length in (1, 3, 5):
        yield f"FixedLength-{length}", "word-level", None, {"type": "FixedLength", "length": length}
    yield "UnicodeScripts", "words", None, {"type": "UnicodeScripts"}
    for pattern in (r"\s*", r"(?=\p{Lu})|\s", r"a*|b", r"\b", r"$", r"(?<=a)", r"a\Kb?"):  # empty matches
        for behavior, invert in zip(BEHAVIORS, (False, True, False, True, False)):
            yield f"Split-{pattern}-{behavior}", "words", None, split(pattern, behavior, invert)
        yield f"Replace-{pattern}", "unigram-bytes", replace({"Regex": pattern}, "-x"), None
    yield "FixedLength-default", "words", None, {"type": "FixedLength"}


# Every other part that has a table of characters, on those that Unicode 3.2 has not.
NEWER_PATTERNS = [r"\p{L}", r"\p{N}", r"\p{S}", r"\p{P}", r"\p{M}", r"\p{Lu}", r"\p{Ll}", r"\p{Lm}", r"\p{Lo}", r"\p{Mn}", r"\p{Cn}",
                  r"\w", r"\W", r"\d", r"\s", r"\b.", r"[[:alpha:]]", r"[[:upper:]]", r"[[:^lower:]]", r"[[:punct:]]", r"\p{Han}",
                  r"\p{Latin}", r"\p{Cyrillic}", r"\p{Arabic}", r"\p{Thai}", r"[^\s\p{L}\p{N}]", r"[\p{L}&&[^\p{Han}]]", r"[\P{L}\d]",
                  r"\p{Uppercase_Letter}", r"[^\p{Letter}\p{Number}]"]


def newer_pipelines():
    """(name, model, normalizer, pre_tokenizer, whether the added token stands alone)"""
    bert = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
    for form in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents"):
        yield f"newer-{form}", "bytes", {"type": form}, PLAIN, False
    yield "newer-bert", "bytes", bert, PLAIN, False
    yield "newer-bert-strip", "bytes", {**bert, "lowercase": False, "strip_accents": True}, PLAIN, False
    yield "newer-precompiled", "bytes", PRECOMPILED, PLAIN, False
    for part in ({"type": "BertPreTokenizer"}, {"type": "Whitespace"}, {"type": "WhitespaceSplit"}, digits(True),
                 {"type": "UnicodeScripts"}):
        yield f"newer-{part['type']}", "words", None, part, False
    yield "newer-alone", "words", None, {"type": "WhitespaceSplit"}, True
    for pattern in NEWER_PATTERNS:
        yield f"newer-Split-{pattern}", "words", None, split(pattern), False
    for i, pattern in enumerate(WHOLE_PATTERNS):
        yield f"newer-whole-{i}", "words", None, split(pattern, "Removed", True), False


def added(vocabulary):
    if not isinstance(vocabulary, dict):
        size, vocabulary = len(vocabulary), {piece: i for i, (piece, _) in enumerate(vocabulary)}
    else:
        size = len(vocabulary)
    return [{"id": vocabulary.get(content, size), "content": content, "single_word": False, "lstrip": False,
             "rstrip": False, "normalized": False, "special": True}
            for content in ["<mask>"] + ["[UNK]"] * ("[UNK]" in vocabulary)]


def blocks(newer):
    """Texts of 64 characters each, beside a mark, a letter, a digit and the added token."""
    codes = [code for low, high, step in newer for code in range(low, high + 1, step)]
    texts = [f"{c}\u0301a{c}1 {c}<mask>" for c in map(chr, codes)]
    return ["".join(texts[i:i + 64]) for i in range(0, len(texts), 64)]


def main():
    lines, characters, more, newer = make_lines(), make_characters(), make_more(), make_newer()
    model = {"bytes": train_bytes(lines), "words": WORDS, **train_more(lines + more)}
    rows, parts = [], []

    def ids(tokenizer, texts):
        return [" ".join(map(str, tokenizer.encode(text, add_special_tokens=False).ids)) + "\n" for text in texts]

    def row(name, what, first, block):
        rows.append(f"{name} {what} {first} {hashlib.sha256(''.join(block).encode()).hexdigest()}\n")

    def use(name, kind, normalizer, part, tokens):
        document = {"version": "1.0", "added_tokens": tokens, "normalizer": normalizer, "pre_tokenizer": part, "model": kind}
        parts.append({"name": name, **document})
        return tokenizers.Tokenizer.from_str(json.dumps({**document, "model": model[kind]}))

    def add(kind):
        return added(model[kind]["vocab"])
    for name, kind, normalizer, part in pipelines():
        tokenizer = use(name, kind, normalizer, part, add(kind))
        found = ids(tokenizer, lines)
        for start in range(0, len(lines), 350):
            row(name, "lines", start, found[start:start + 350])
        if kind == "words":
            for plane in range(0, 0x30000, 0x10000):
                block = [chr(code) for low, high in characters for code in range(low, high + 1)
                         if plane <= code < plane + 0x10000]
                if block:
                    texts = [f"{c}a{c}{c}1 {c}.{c} {c}a " for c in block]
                    row(name, "characters", plane, ids(tokenizer, ("".join(texts[i:i + 64]) for i in range(0, len(texts), 64))))
    for name, kind, normalizer, part in later_pipelines():
        found = ids(use(name, kind, normalizer, part, add(kind)), more)
        for start in range(0, len(more), 350):
            row(name, "more", start, found[start:start + 350])
    texts = blocks(newer)
    for name, kind, normalizer, part, alone in newer_pipelines():
        tokens = [{**token, "single_word": alone} for token in add(kind)]
        row(name, "newer", 0, ids(use(name, kind, normalizer, part, tokens), texts))
    with open(f"{here}/ids.txt", "w", encoding="utf-8") as file:
        file.write(f"# tokenizers {tokenizers.__version__}\n")
        file.writelines(rows)
    with open(f"{here}/parts.json", "w", encoding="utf-8") as file:
        json.dump({"lines": lines, "characters": characters, "more": more, "newer": newer, "models": model,
                   "pipelines": parts}, file, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
