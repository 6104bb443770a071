"""Writes tests/golden/gguf: small random-weight GGUF files, transformers' log probabilities for what is in them, and blocks of
every quantised type.

    python make_gguf.py [OUTPUT]            by default beside this file

Files are written and dequantised by the package gguf; what it reads back, quantised types rounded to float16, goes into the
model of transformers, in float64. Ids: sentencepiece, and tokenizers with the pipelines of the models that the names of
tokenizer.ggml.pre stand for. See README.md.
"""

import hashlib
import json
import pathlib
import sys

import numpy
import sentencepiece
import torch
from gguf import GGMLQuantizationType as Q, GGUFReader, GGUFWriter, dequantize, quantize
from gguf.constants import GGML_QUANT_SIZES
from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, MixtralConfig, MixtralForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

from exact import implementation, to_double
from golden_text import LINES

HERE = pathlib.Path(__file__).resolve().parent
QUANTISED = [Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1, Q.Q8_0, Q.Q2_K, Q.Q3_K, Q.Q4_K, Q.Q5_K, Q.Q6_K]
# Where the scales in F16 stand in a block that no quantiser of the package makes.
SCALES = {Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q8_0: [0],
          Q.Q2_K: [80, 82], Q.Q3_K: [108], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208]}
NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
         "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
         "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
         "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate": "ffn_gate_inp"}
ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


# ---------------------------------------------------------------- tensors


def file_of(state, config):
    """The state of a model under the names of the file; experts of one kind in one tensor."""
    file = {}
    for name, value in state.items():
        value = value.numpy() if isinstance(value, torch.Tensor) else value
        if name.endswith("mlp.experts.gate_up_proj"):
            layer = name.split(".")[2]
            file[f"blk.{layer}.ffn_gate_exps.weight"] = value[:, :config.intermediate_size]
            file[f"blk.{layer}.ffn_up_exps.weight"] = value[:, config.intermediate_size:]
        elif name.endswith("mlp.experts.down_proj"):
            file[f"blk.{name.split('.')[2]}.ffn_down_exps.weight"] = value
        elif name != "lm_head.weight" or not config.tie_word_embeddings:
            file[own_name(name)] = value
    return file


def state_of(file, names, config):
    """The other way round, of the names of a state."""
    state = {}
    for name in names:
        layer = f"blk.{name.split('.')[2]}" if name.startswith("model.layers.") else ""
        if name.endswith("mlp.experts.gate_up_proj"):
            state[name] = numpy.concatenate([file[f"{layer}.ffn_gate_exps.weight"], file[f"{layer}.ffn_up_exps.weight"]], 1)
        elif name.endswith("mlp.experts.down_proj"):
            state[name] = file[f"{layer}.ffn_down_exps.weight"]
        elif name == "lm_head.weight" and config.tie_word_embeddings:
            state[name] = file["token_embd.weight"]
        else:
            state[name] = file[own_name(name)]
    return state


def own_name(name):
    stem, end = name.rsplit(".", 1)
    if stem.startswith("model.layers."):
        _, _, layer, stem = stem.split(".", 3)
        return f"blk.{layer}.{NAMES[stem]}.{end}"
    return f"{NAMES[stem]}.{end}"


def to_pairs(value, heads):
    """Rows of a head from two halves to neighbours, as llama.cpp turns them."""
    return value.reshape(heads, 2, value.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(value.shape)


def to_halves(value, heads):
    return value.reshape(heads, value.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(value.shape)


def heads_of(name, config):
    kind = name.split(".")[-2]
    return {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(kind)


def random_blocks(random, kind, blocks, least, most):
    """`blocks` blocks of random bits, the scales between `least` and `most`."""
    size = GGML_QUANT_SIZES[kind][1]
    data = random.integers(0, 256, (blocks, size), dtype=numpy.uint8)
    for at in SCALES[kind]:
        scale = random.uniform(least, most, blocks) * random.choice([-1, 1], blocks)
        data[:, at:at + 2] = scale.astype("<f2").view(numpy.uint8).reshape(blocks, 2)
    return data


def stored(random, kind, value):
    """What the file holds of `value`; the types of 256 hold numbers of their own, of the same size."""
    if kind == Q.BF16 or (kind in QUANTISED and GGML_QUANT_SIZES[kind][0] == 32):
        return quantize(value, kind)
    if kind in QUANTISED:
        blocks = random_blocks(random, kind, value.size // 256, 1e-3, 2e-3)
        typical = numpy.std(dequantize(blocks, kind))
        for at in SCALES[kind]:
            scale = blocks[:, at:at + 2].copy().view("<f2").astype(numpy.float32) * (numpy.std(value) / typical)
            blocks[:, at:at + 2] = scale.astype("<f2").view(numpy.uint8).reshape(-1, 2)
        return blocks.reshape(value.shape[0], -1)
    return value.astype({Q.F32: numpy.float32, Q.F16: numpy.float16}[kind])


def write_tensors(writer, model, kinds, random, paired):
    for name, value in file_of(model.state_dict(), model.config).items():
        heads = heads_of(name, model.config) if paired else None
        value = to_pairs(value, heads) if heads is not None else value
        kind = Q.F32 if value.ndim == 1 else kinds.get(name.split(".")[-2], kinds["else"])
        data = numpy.ascontiguousarray(stored(random, kind, numpy.ascontiguousarray(value)))
        if value.ndim == 3 and name.startswith("blk.0."):  # each expert by itself, as converters of 2023 wrote them
            for i, one in enumerate(data):
                writer.add_tensor(name.replace("_exps", f".{i}"), one, raw_dtype=kind)
        else:
            writer.add_tensor(name, data, raw_dtype=kind)


def read_tensors(path, model, paired):
    """The file's numbers as a state of `model`; what is quantised as a checkpoint in float16 holds it."""
    file = {}
    for tensor in GGUFReader(path).tensors:
        numbers = dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        numbers = numbers.reshape([int(n) for n in reversed(tensor.shape)])
        if tensor.tensor_type in QUANTISED:
            numbers = numbers.astype(numpy.float16).astype(numpy.float32)
        heads = heads_of(tensor.name, model.config) if paired else None
        file[tensor.name] = to_halves(numbers, heads) if heads is not None else numbers
    for kind in ("gate", "up", "down"):
        if f"blk.0.ffn_{kind}.0.weight" in file:
            one = [file[f"blk.0.ffn_{kind}.{i}.weight"] for i in range(model.config.num_local_experts)]
            file[f"blk.0.ffn_{kind}_exps.weight"] = numpy.stack(one)
    state = state_of(file, model.state_dict(), model.config)
    return {name: torch.from_numpy(numpy.ascontiguousarray(value)) for name, value in state.items()}


# ---------------------------------------------------------------- tokenizers


def write_pieces(writer):
    """The SentencePiece model of a golden folder; returns the number of tokens and what encodes."""
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(HERE / "models/llama-f16-shards/tokenizer.model"))
    count = pieces.get_piece_size()

    def kind(i):
        return (2 if pieces.is_unknown(i) else 3 if pieces.is_control(i) else 6 if pieces.is_byte(i) else 1)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([pieces.id_to_piece(i) for i in range(count)] + ["[PAD]"])
    writer.add_token_scores([pieces.get_score(i) for i in range(count)] + [-10000.0])
    writer.add_token_types([kind(i) for i in range(count)] + [5])  # as a converter fills a vocabulary up
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    return count + 1, pieces.encode


def write_bytes(writer, pre, splits, ignore_merges=False, normalizer=None):
    """The byte-level BPE of a golden folder, cut into words as the models do that `pre` names."""
    state = json.loads((HERE / "models/qwen2-tied-bf16/tokenizer.json").read_text(encoding="utf-8"))
    state["model"]["ignore_merges"] = ignore_merges
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(splits)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.add_tokens([AddedToken("<|tool|>", normalized=False)])
    count = tokenizer.get_vocab_size()
    special = tokenizer.token_to_id("<|endoftext|>")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([tokenizer.id_to_token(i) for i in range(count)] + ["[PAD1]", "[PAD2]"])
    writer.add_token_types([3 if i == special else 4 if i == count - 1 else 1 for i in range(count)] + [5, 5])
    writer.add_token_merges([" ".join(merge) for merge in state["model"]["merges"]])
    writer.add_bos_token_id(special)
    writer.add_eos_token_id(special)
    return count + 2, lambda text: tokenizer.encode(text, add_special_tokens=False).ids


BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
WORDS = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


# ---------------------------------------------------------------- models


def write_sizes(writer, config):
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if config.num_key_value_heads != config.num_attention_heads:
        writer.add_head_count_kv(config.num_key_value_heads)
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if size * config.num_attention_heads != config.hidden_size:
        writer.add_key_length(size)
        writer.add_value_length(size)
    if hasattr(config, "num_local_experts"):
        writer.add_expert_count(config.num_local_experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
    return size


def write_rotary(writer, config, size):
    rope = config.rope_parameters
    if rope["rope_type"] == "linear":
        writer.add_string(f"{writer.arch}.rope.scaling.type", "linear")
        writer.add_float32(f"{writer.arch}.rope.scaling.factor", rope["factor"])
    if rope["rope_type"] == "llama3":  # as the converter of llama.cpp does it
        frequency = 1.0 / (rope["rope_theta"] ** (torch.arange(0, size, 2, dtype=torch.float32) / size))
        length = 2 * numpy.pi / frequency.numpy()
        old, low, high = (rope[k] for k in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor"))
        smooth = (old / length - low) / (high - low)
        middle = 1 / ((1 - smooth) / rope["factor"] + smooth)
        factors = numpy.where(length < old / high, 1.0, numpy.where(length > old / low, rope["factor"], middle))
        writer.add_tensor("rope_freqs.weight", factors.astype(numpy.float32))


def make(out, name, arch, model_class, config, kinds, tokens, change=None, alignment=None):
    seed = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
    torch.manual_seed(seed)
    random = numpy.random.default_rng(seed)
    path = out / f"{name}.gguf"
    writer = GGUFWriter(path, arch)
    if alignment is not None:
        writer.add_custom_alignment(alignment)
    count, encode = tokens(writer)
    config = config(count)
    model = model_class(config).eval()
    with torch.no_grad():
        for key, value in model.named_parameters():
            value.normal_(1.0, 0.2) if "norm" in key else value.normal_(0.0, 0.5 / value.shape[-1] ** 0.5 if value.dim() > 1 else 0.1)
    paired = arch == "llama"
    write_rotary(writer, config, write_sizes(writer, config))
    write_tensors(writer, model, kinds, random, paired)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    if change is not None:
        path.write_bytes(change(path.read_bytes()))
    experts = {"experts_implementation": "eager"} if model_class is MixtralForCausalLM else {}  # the others have no float64
    exact = model_class._from_config(config, dtype=torch.float32, attn_implementation=implementation(arch), **experts).eval()
    exact.load_state_dict(read_tensors(path, exact, paired))
    exact = to_double(exact)
    lines = []
    for text in LINES + ["She<|tool|> said<|endoftext|>no  12345", "Cafe\u0301 A\u030angstro\u0308m"]:
        ids = encode(text)
        with torch.no_grad():
            logits = exact(torch.tensor([[config.bos_token_id] + ids])).logits[0].double()
        values = torch.log_softmax(logits, -1)[torch.arange(len(ids)), ids].tolist() if ids else []
        lines.append({"text": text, "ids": ids, "logprobs": [round(v, 10) for v in values]})
    (out / f"{name}.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    print(f"{path.name:24} {path.stat().st_size:7} bytes, log p from {min(min(x['logprobs'], default=0) for x in lines):.2f}")


def write_models(out):
    def llama(config=LlamaConfig, **more):
        return lambda n: config(**{"vocab_size": n, "bos_token_id": 1, "eos_token_id": 2, "max_position_embeddings": 128,
                                        **more})

    def begun(config_class, **more):
        return lambda n: config_class(**{"vocab_size": n, "bos_token_id": 276, "eos_token_id": 276,
                                         "max_position_embeddings": 128, **more})
    make(out, "llama-blocks-of-32", "llama", LlamaForCausalLM,
         llama(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
               rms_norm_eps=1e-5, tie_word_embeddings=True),
         {"token_embd": Q.Q8_0, "attn_q": Q.Q4_1, "attn_k": Q.Q4_0, "attn_v": Q.Q5_1, "ffn_gate": Q.Q5_0, "ffn_up": Q.BF16,
          "else": Q.F16}, write_pieces)
    make(out, "llama-blocks-of-256", "llama", LlamaForCausalLM,
         begun(LlamaConfig, hidden_size=256, intermediate_size=32, num_hidden_layers=1, num_attention_heads=4, head_dim=8,
               num_key_value_heads=1, rms_norm_eps=1e-6, tie_word_embeddings=True,
               rope_parameters={"rope_type": "llama3", "rope_theta": 50.0, "factor": 8.0, "low_freq_factor": 1.0,
                                "high_freq_factor": 4.0, "original_max_position_embeddings": 64}),
         {"token_embd": Q.Q6_K, "attn_q": Q.Q4_K, "attn_k": Q.Q5_K, "attn_v": Q.Q2_K, "ffn_gate": Q.Q3_K, "ffn_up": Q.Q4_K,
          "else": Q.Q8_0},
         lambda w: write_bytes(w, "llama-bpe", [split(ENDINGS + "{1,3}" + REST), BYTES], ignore_merges=True))
    make(out, "llama-own-head-biases", "llama", LlamaForCausalLM,
         begun(LlamaConfig, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=3,
               head_dim=10, attention_bias=True, mlp_bias=True, tie_word_embeddings=False,
               rope_parameters={"rope_type": "linear", "rope_theta": 1000.0, "factor": 2.5}),
         {"else": Q.F32},
         lambda w: write_bytes(w, "smollm", [pre_tokenizers.Digits(individual_digits=True), WORDS]),
         change=lambda data: data[:4] + b"\2" + data[5:], alignment=64)  # version 2
    make(out, "mixtral", "llama", MixtralForCausalLM,
         llama(hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
               num_local_experts=3, num_experts_per_tok=2, rms_norm_eps=1e-5, tie_word_embeddings=False, config=MixtralConfig),
         {"token_embd": Q.Q8_0, "ffn_gate_exps": Q.Q4_0, "ffn_up_exps": Q.Q8_0, "ffn_gate_inp": Q.F32, "else": Q.F16}, write_pieces)
    make(out, "qwen2-f16", "qwen2", Qwen2ForCausalLM,
         begun(Qwen2Config, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
               rms_norm_eps=1e-6, tie_word_embeddings=False), {"else": Q.F16},
         lambda w: write_bytes(w, "qwen2", [split(ENDINGS + REST), BYTES], normalizer=normalizers.NFC()))
    make(out, "qwen3-head-size", "qwen3", Qwen3ForCausalLM,
         begun(Qwen3Config, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
               head_dim=24, rms_norm_eps=1e-6, tie_word_embeddings=True), {"token_embd": Q.Q8_0, "else": Q.BF16},
         lambda w: write_bytes(w, "gpt-2", [WORDS]))


# ---------------------------------------------------------------- blocks


def write_blocks(out):
    """blocks.bin: eight blocks of every quantised type; blocks.txt: name, SHA-256 of their numbers as float32, and of these
    rounded to float16, again as float32."""
    random = numpy.random.default_rng(20261127)
    data, lines = b"", []
    for kind in QUANTISED:
        blocks = random_blocks(random, kind, 8, 0.001, 3.0)
        for at in SCALES[kind]:  # subnormal, zero, large, small
            blocks[:4, at:at + 2] = numpy.array([3e-7, 0.0, -500.0, 1e-4], "<f2").view(numpy.uint8).reshape(4, 2)
        numbers = dequantize(blocks, kind).astype("<f4")
        rounded = numbers.astype("<f2").astype("<f4")
        data += blocks.tobytes()
        lines.append(" ".join([kind.name] + [hashlib.sha256(x.tobytes()).hexdigest() for x in (numbers, rounded)]))
    # Every float16 below 2^16, and what lies halfway to the next, and one step of float32 to each side of it.
    half = numpy.arange(0x7c00, dtype=numpy.uint16).view("<f2").astype("<f4")
    middle = (half[:-1] + half[1:]) / 2
    numbers = numpy.concatenate([half, middle, numpy.nextafter(middle, 0), numpy.nextafter(middle, numpy.inf)]).astype("<f4")
    numbers = numpy.concatenate([numbers, -numbers])
    lines.append("rounding " + hashlib.sha256(numbers.astype("<f2").astype("<f4").tobytes()).hexdigest())
    (out / "blocks.bin").write_bytes(data)
    (out / "blocks.txt").write_text("\n".join(lines) + "\n")


out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "gguf"
out.mkdir(parents=True, exist_ok=True)
write_models(out)
write_blocks(out)
