"""Writes a folder of a Llama with made-up BF16 weights: make_llama.py OUTPUT TOKENIZER.model LAYERS HIDDEN FFN [VOCABULARY]. No modules needed."""

import json
import pathlib
import random
import shutil
import sys


def main(output, tokenizer, layers, hidden, ffn, vocabulary=32000):
    output.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(tokenizer, output / "tokenizer.model")
    heads = hidden // 64
    (output / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden, "intermediate_size": ffn,
        "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": heads, "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-05, "hidden_act": "silu", "rope_theta": 10000.0, "tie_word_embeddings": True, "vocab_size": vocabulary,
        "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "bfloat16"}))
    shapes = {"model.embed_tokens.weight": [vocabulary, hidden], "model.norm.weight": [hidden]}
    for layer in range(layers):
        name = f"model.layers.{layer}."
        shapes |= {f"{name}{norm}_layernorm.weight": [hidden] for norm in ("input", "post_attention")}
        shapes |= {f"{name}self_attn.{part}_proj.weight": [hidden, hidden] for part in "qkvo"}
        shapes |= {f"{name}mlp.{part}_proj.weight": [ffn, hidden] for part in ("gate", "up")}
        shapes[f"{name}mlp.down_proj.weight"] = [hidden, ffn]
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2 * (shape[0] if len(shape) == 1 else shape[0] * shape[1])
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64 + 56)
    draw = random.Random(1)
    small = bytearray(1 << 20)  # of 2^-6 to 2^-5, both signs
    for at in range(0, len(small), 2):
        small[at] = draw.randrange(128)
        small[at + 1] = 0x3C | draw.randrange(2) << 7
    with open(output / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            left = header[name]["data_offsets"][1] - header[name]["data_offsets"][0]
            block = b"\x80\x3f" * (left // 2) if len(shape) == 1 else bytes(small)
            while left > 0:
                file.write(block[:left])
                left -= min(left, len(block))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))
