"""Makes the golden files of this folder: python3 make.py SHARED_FOLDER. README.md says what they hold."""
import csv
import hashlib
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import sentencepiece
import tokenizers
import transformers

shared = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))


def texts():
    with open(f"{shared}/data/stereoset/dev.json", encoding="utf-8") as file:
        data = json.load(file)["data"]
    for part in ("intrasentence", "intersentence"):
        for item in data[part]:
            yield item["context"]
            for sentence in item["sentences"]:
                yield sentence["sentence"]
    with open(f"{shared}/data/crows_pairs/crows_pairs_anonymized.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row["sent_more"]
            yield row["sent_less"]


def auto(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return lambda text: tokenizer.encode(text, add_special_tokens=False)


def as_written(folder):
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
    return lambda text: tokenizer.encode(text, add_special_tokens=False)


def sentence_piece(folder):
    return sentencepiece.SentencePieceProcessor(model_file=f"{folder}/tokenizer.model").encode


models = {
    "books-bert-mini": auto,
    "books-gpt2-mini": auto,
    "TinyStories-656K": as_written,
    "stories260K-hf": sentence_piece,
}
lines = list(texts())
for model, make in models.items():
    encode = make(f"{shared}/models/{model}")
    rows = [f"{' '.join(map(str, encode(text)))}\n" for text in lines]
    with open(f"{here}/{model}.txt", "w", encoding="ascii") as file:
        file.write(f"# transformers {transformers.__version__}, tokenizers {tokenizers.__version__}, "
                   f"sentencepiece {sentencepiece.__version__}; {make.__name__}\n")
        for start in range(0, len(rows), 100):
            block = rows[start:start + 100]
            file.write(f"{start} {len(block)} {hashlib.sha256(''.join(block).encode()).hexdigest()}\n")
        file.write(f"all {len(rows)} {hashlib.sha256(''.join(rows).encode()).hexdigest()}\n")
