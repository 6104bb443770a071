"""Writes a made-up HuggingFace folder of a 7B Llama's shape in BF16: 13.5 GB of random numbers, for memory and time.

    python make_large_model.py OUTPUT TOKENIZER [LAYERS]

TOKENIZER: a folder whose tokenizer files are copied; at most 32000 ids. A few million random numbers repeat, at another place
in each row; the model's numbers are finite and mean nothing. Needs numpy."""

import json
import pathlib
import shutil
import sys

import numpy

HIDDEN, FFN, LAYERS, HEADS, VOCABULARY, DEVIATION = 4096, 11008, 32, 32, 32000, 0.02
PATTERN = (1 << 24) + 43  # numbers; divides no row's length, so that no two rows of a matrix are the same


def shapes(layers):
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN)
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        for name in "qkvo":
            yield f"{prefix}self_attn.{name}_proj.weight", (HIDDEN, HIDDEN)
        yield f"{prefix}mlp.gate_proj.weight", (FFN, HIDDEN)
        yield f"{prefix}mlp.up_proj.weight", (FFN, HIDDEN)
        yield f"{prefix}mlp.down_proj.weight", (HIDDEN, FFN)
        yield f"{prefix}input_layernorm.weight", (HIDDEN,)
        yield f"{prefix}post_attention_layernorm.weight", (HIDDEN,)
    yield "model.norm.weight", (HIDDEN,)
    yield "lm_head.weight", (VOCABULARY, HIDDEN)


def bf16(numbers):
    bits = numbers.astype(numpy.float32).view(numpy.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(numpy.uint16)


def write_numbers(file, pattern, at, count):
    """`count` numbers of the pattern from `at` on; returns where the next ones begin."""
    while count > 0:
        part = pattern[at:at + count]
        file.write(part.data)
        count -= len(part)
        at = (at + len(part)) % PATTERN
    return at


def main(output, tokenizer, layers):
    output.mkdir(parents=True, exist_ok=True)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN,
              "intermediate_size": FFN, "num_hidden_layers": layers, "num_attention_heads": HEADS,
              "num_key_value_heads": HEADS, "vocab_size": VOCABULARY, "max_position_embeddings": 4096,
              "rms_norm_eps": 1e-5, "hidden_act": "silu", "rope_theta": 10000.0, "tie_word_embeddings": False,
              "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "bfloat16"}
    (output / "config.json").write_text(json.dumps(config, indent=1))
    for name in ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json", "merges.txt"):
        if (tokenizer / name).exists():
            shutil.copyfile(tokenizer / name, output / name)
    header, end = {}, 0
    for name, shape in shapes(layers):
        begin, end = end, end + 2 * int(numpy.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64)
    pattern = bf16(numpy.random.default_rng(1).normal(0, DEVIATION, PATTERN))
    ones, at = bf16(numpy.ones(HIDDEN)), 0
    with open(output / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, shape in shapes(layers):
            if len(shape) == 1:
                file.write(ones.data)
            else:
                at = write_numbers(file, pattern, at, int(numpy.prod(shape)))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else LAYERS)
