"""Makes the golden files of this folder: python3 make.py. ../README.md says what they hold."""
import hashlib
import json
import os
import random
import unicodedata

import tokenizers
from tokenizers import models, pre_tokenizers, trainers

here = os.path.dirname(os.path.abspath(__file__))

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


def added(vocabulary):
    return [{"id": vocabulary.get(content, len(vocabulary)), "content": content, "single_word": False, "lstrip": False,
             "rstrip": False, "normalized": False, "special": True}
            for content in ["<mask>"] + ["[UNK]"] * ("[UNK]" in vocabulary)]


def main():
    lines, characters = make_lines(), make_characters()
    model = {"bytes": train_bytes(lines), "words": WORDS}
    rows, parts = [], []
    for name, kind, normalizer, part in pipelines():
        document = {"version": "1.0", "added_tokens": added(model[kind]["vocab"]), "normalizer": normalizer,
                    "pre_tokenizer": part, "model": kind}
        parts.append({"name": name, **document})
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps({**document, "model": model[kind]}))

        def ids(texts):
            return [" ".join(map(str, tokenizer.encode(text, add_special_tokens=False).ids)) + "\n" for text in texts]

        def row(what, first, block):
            rows.append(f"{name} {what} {first} {hashlib.sha256(''.join(block).encode()).hexdigest()}\n")

        found = ids(lines)
        for start in range(0, len(lines), 350):
            row("lines", start, found[start:start + 350])
        if kind == "words":
            for plane in range(0, 0x30000, 0x10000):
                block = [chr(code) for low, high in characters for code in range(low, high + 1)
                         if plane <= code < plane + 0x10000]
                if block:
                    texts = [f"{c}a{c}{c}1 {c}.{c} {c}a " for c in block]
                    row("characters", plane, ids("".join(texts[i:i + 64]) for i in range(0, len(texts), 64)))
    with open(f"{here}/ids.txt", "w", encoding="utf-8") as file:
        file.write(f"# tokenizers {tokenizers.__version__}\n")
        file.writelines(rows)
    with open(f"{here}/parts.json", "w", encoding="utf-8") as file:
        json.dump({"lines": lines, "characters": characters, "models": model, "pipelines": parts}, file,
                  ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
