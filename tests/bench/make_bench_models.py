"""Writes two random-weight HuggingFace folders (F32) for the benchmark: OUTPUT/bert-base and OUTPUT/gpt2-small.

    python make_bench_models.py OUTPUT TOKENIZERS

TOKENIZERS holds bert/vocab.txt and gpt2/vocab.json, gpt2/merges.txt, which are copied beside the weights. About 900 MB."""

import json
import pathlib
import shutil
import sys

import torch
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel


def main(output, tokenizers):
    torch.manual_seed(1)
    parts = (("bert-base", BertForMaskedLM(BertConfig()), "bert", ["vocab.txt"],
              {"tokenizer_class": "BertTokenizer", "do_lower_case": True}),
             ("gpt2-small", GPT2LMHeadModel(GPT2Config()), "gpt2", ["vocab.json", "merges.txt"],
              {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, "bos_token": "<|endoftext|>",
               "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}))
    for name, model, source, files, config in parts:
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(folder)
        for file in files:
            shutil.copyfile(tokenizers / source / file, folder / file)
        (folder / "tokenizer_config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
