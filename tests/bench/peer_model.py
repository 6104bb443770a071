"""A causal model for peer_stamp.py and peer_trace.py, with PyTorch's best settings."""

import os


def load(folder, threads):
    """Torch, what computes by name and version, tokenizer, model in float32, its blocks. Call it before torch is loaded."""
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    import torch
    import transformers
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa").eval()
    base = model.base_model
    program = f"torch {torch.__version__}, transformers {transformers.__version__}"
    return torch, program, tokenizer, model, base.h if hasattr(base, "h") else base.layers
