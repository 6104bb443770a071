"""Makes the golden files of this folder: python3 make.py. ../README.md says what they hold."""
import hashlib
import json
import os
import shutil
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import sentencepiece
import transformers

here = os.path.dirname(os.path.abspath(__file__))
with open(f"{here}/../parts/parts.json", encoding="utf-8") as file:
    parts = json.load(file)
LINES = parts["lines"] + parts["more"]

# A part of nmt_nfkc, and what makes the longest and the shortest prefix differ.
RULES = {
    "\t": " ", "\n": " ", "\r": " ", "\u3000": " ", "\u00a0": " ", "\u2003": " ", "\u200b": "", "\u000b": "", "\u00ad": "", "\ufeff": "",
    "ﬁ": "fi", "ﬀ": "ff", "½": "1⁄2", "²": "2", "©": "(c)", "™": "tm", "㎏": "kg", "ﷺ": "صلى الله", "\u212b": "\u00c5", "e\u0301": "\u00e9",
    "e\u0301\u0327": "ȩ́", "a\u0308": "\u00e4", "क\u093c": "\u0958", "각": "\u1100\u1161\u11a8", "１": "1", "２": "2", "３": "3", "ｶ": "カ", "か\u3099": "\u304c", "`": "'",
    "\u1112\u1161": "하", "\u1112\u1161\u11ab": "한", "\u0301": "",
}
MODELS = {
    "classes": {"model_type": "unigram", "control_symbols": "<pad>,[CLS],[SEP],[MASK],<cls>,<sep>,<mask>",
                "user_defined_symbols": "<eop>,€5"},
    "plain": {"model_type": "unigram", "remove_extra_whitespaces": False, "byte_fallback": True, "vocab_size": 620,
              "user_defined_symbols": "ﬁ,nurse,  "},
    "suffix": {"model_type": "unigram", "treat_whitespace_as_suffix": True},
    "bpe": {"model_type": "bpe", "byte_fallback": True, "vocab_size": 620, "user_defined_symbols": "ﬁ,nurse"},
}
CLASSES = [  # file, tokenizer_config.json, config.json
    ("sentencepiece.bpe.model", {"tokenizer_class": "XLMRobertaTokenizer"}, None),
    ("sentencepiece.bpe.model", {"tokenizer_class": "XLMRobertaTokenizerFast", "add_prefix_space": False,
                                 "mask_token": "[MASK]", "pad_token": "<p>"}, None),
    ("sentencepiece.bpe.model", {}, {"model_type": "xlm-roberta"}),
    ("sentencepiece.bpe.model", {"tokenizer_class": "CamembertTokenizer"}, None),
    ("spiece.model", {"tokenizer_class": "T5Tokenizer"}, None),
    ("spiece.model", {"tokenizer_class": "T5TokenizerFast", "extra_ids": 7}, None),
    ("spiece.model", {"tokenizer_class": "AlbertTokenizer"}, None),
    ("spiece.model", {"tokenizer_class": "AlbertTokenizer", "do_lower_case": False, "keep_accents": True}, None),
    ("spiece.model", {"tokenizer_class": "XLNetTokenizer"}, None),
    ("spiece.model", {"tokenizer_class": "XLNetTokenizer", "do_lower_case": True}, None),
    ("spm.model", {"tokenizer_class": "DebertaV2Tokenizer", "unk_token": "<unk>"}, None),
    ("spm.model", {"do_lower_case": True, "split_by_punct": True}, {"model_type": "deberta-v2"}),
    ("spm.model", {"tokenizer_class": "DebertaV2Tokenizer", "add_prefix_space": False, "mask_token": "<new>"}, None),
]


def train(name, options):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # the model holds the paths it was trained with
        with open("lines", "w", encoding="utf-8") as file:
            file.writelines(" ".join(line.split()) + "\n" for line in LINES if line.strip() and len(line) < 100 and "<" not in line)
        with open("rules", "w", encoding="utf-8") as file:
            for key, value in RULES.items():
                file.write("\t".join(" ".join(f"{ord(c):X}" for c in text) for text in (key, value)) + "\n")
        sentencepiece.SentencePieceTrainer.train(**{
            "input": "lines", "model_prefix": "m", "vocab_size": 420, "character_coverage": 0.98, "hard_vocab_limit": False,
            "normalization_rule_tsv": "rules", "num_threads": 1, "minloglevel": 2, **options})
        shutil.copy("m.model", f"{here}/{name}.model")
        os.chdir(here)


def digest(rows):
    return hashlib.sha256("".join(" ".join(map(str, ids)) + "\n" for ids in rows).encode()).hexdigest()


def main():
    rows = []
    for name, options in MODELS.items():
        train(name, options)
    for file, settings, config in CLASSES:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(f"{here}/classes.model", f"{folder}/{file}")
            for document, written in (("tokenizer_config.json", settings), ("config.json", config)):
                if written is not None:
                    with open(f"{folder}/{document}", "w", encoding="utf-8") as out:
                        json.dump(written, out)
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            ids = [tokenizer.encode(line, add_special_tokens=False) for line in LINES]
        rows.append({"model": "classes", "file": file, "settings": settings, "config": config, "ids": digest(ids)})
    for name in MODELS:  # the library spells control pieces, transformers and fairstamp take them for their ids
        encode = sentencepiece.SentencePieceProcessor(model_file=f"{here}/{name}.model").encode
        ids = [encode(line) for line in LINES if "<" not in line and "[" not in line]
        rows.append({"model": name, "file": "tokenizer.model", "settings": {"tokenizer_class": "LlamaTokenizer"},
                     "config": None, "ids": digest(ids)})
    with open(f"{here}/ids.json", "w", encoding="utf-8") as file:
        json.dump({"made with": f"transformers {transformers.__version__}, sentencepiece {sentencepiece.__version__}",
                   "folders": rows}, file, ensure_ascii=False, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
