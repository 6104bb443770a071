/* Tensors of a GGUF file under the names of transformers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/gguf/architecture.h"

enum part {
    PART_PLAIN,
    PART_QUERY,
    PART_KEY,
    PART_EXPERTS /* of all experts in one tensor, or in files of 2023 of each in its own, "ffn_gate.3" */
};

/* Names without ".weight" and ".bias"; in layers behind "blk.N." and "model.layers.N.". */
static const struct name {
    const char *own, *transformers; /* with %zu for the expert */
    enum part part;
} names[] =
    {
        {"token_embd", "model.embed_tokens", PART_PLAIN},
        {"output_norm", "model.norm", PART_PLAIN},
        {"output", "lm_head", PART_PLAIN},
        {"rope_freqs", "model.rotary_emb.inv_freq", PART_PLAIN},
},
  layer_names[] = {
      {"attn_norm", "input_layernorm", PART_PLAIN},
      {"attn_q", "self_attn.q_proj", PART_QUERY},
      {"attn_k", "self_attn.k_proj", PART_KEY},
      {"attn_v", "self_attn.v_proj", PART_PLAIN},
      {"attn_output", "self_attn.o_proj", PART_PLAIN},
      {"attn_q_norm", "self_attn.q_norm", PART_PLAIN},
      {"attn_k_norm", "self_attn.k_norm", PART_PLAIN},
      {"ffn_norm", "post_attention_layernorm", PART_PLAIN},
      {"ffn_gate", "mlp.gate_proj", PART_PLAIN},
      {"ffn_up", "mlp.up_proj", PART_PLAIN},
      {"ffn_down", "mlp.down_proj", PART_PLAIN},
      {"ffn_gate_inp", "block_sparse_moe.gate", PART_PLAIN},
      {"ffn_gate_exps", "block_sparse_moe.experts.%zu.w1", PART_EXPERTS},
      {"ffn_up_exps", "block_sparse_moe.experts.%zu.w3", PART_EXPERTS},
      {"ffn_down_exps", "block_sparse_moe.experts.%zu.w2", PART_EXPERTS},
};

/* What translating needs to know. */
struct translation {
    const struct fs_gguf_architecture *architecture;
    size_t heads, key_value_heads, experts;
};

/* A name in its parts: "blk.", layer, stem, expert, end. */
struct parts {
    char layer[32]; /* "model.layers.N.", or "" */
    char stem[64];
    char end[16]; /* ".weight" */
    size_t expert;
    bool has_expert;
};

/* false where the name is not made so. */
static bool take_apart(const char *name, struct parts *parts)
{
    *parts = (struct parts){0};
    if (strncmp(name, "blk.", 4) == 0) {
        size_t digits = strspn(name + 4, "0123456789");
        if (digits == 0 || digits > 8 || name[4 + digits] != '.') {
            return false;
        }
        snprintf(parts->layer, sizeof parts->layer, "model.layers.%.*s.", (int)digits, name + 4);
        name += 4 + digits + 1;
    }
    const char *end = strrchr(name, '.');
    size_t length = end != NULL ? (size_t)(end - name) : 0;
    if (length == 0 || length + sizeof "_exps" > sizeof parts->stem || strlen(end) >= sizeof parts->end) {
        return false;
    }
    snprintf(parts->stem, sizeof parts->stem, "%.*s", (int)length, name);
    snprintf(parts->end, sizeof parts->end, "%s", end);
    char *dot = strchr(parts->stem, '.');
    if (dot != NULL) {
        size_t digits = strspn(dot + 1, "0123456789");
        if (digits == 0 || digits > 4 || dot[1 + digits] != '\0') {
            return false;
        }
        parts->expert = (size_t)strtoul(dot + 1, NULL, 10);
        parts->has_expert = true;
        memcpy(dot, "_exps", sizeof "_exps");
    }
    return true;
}

static const struct name *find_name(const struct parts *parts)
{
    bool of_layer = parts->layer[0] != '\0';
    const struct name *rows = of_layer ? layer_names : names;
    size_t count = of_layer ? sizeof layer_names / sizeof *layer_names : sizeof names / sizeof *names;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].own, parts->stem) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* The name in transformers; NULL: out of memory. */
static char *make_name(const struct name *name, const struct parts *parts, size_t expert, struct fs_error *err)
{
    const char *number = strstr(name->transformers, "%zu");
    bool frequencies = strcmp(name->own, "rope_freqs") == 0; /* read before; it has no ".weight" there */
    char *made;
    int length = number == NULL
                     ? asprintf(&made, "%s%s%s", parts->layer, name->transformers, frequencies ? "" : parts->end)
                     : asprintf(&made, "%s%.*s%zu%s%s", parts->layer, (int)(number - name->transformers),
                                name->transformers, expert, number + 3, parts->end);
    if (length < 0) {
        fs_error_memory(err, sizeof *parts, "the name of a tensor");
        return NULL;
    }
    return made;
}

/* Makes a tensor of each expert of one of three dimensions; it becomes that of the first itself. */
static int split_experts(struct fs_tensors *tensors, size_t index, const struct name *name, const struct parts *parts,
                         struct fs_error *err)
{
    const struct fs_tensor whole = tensors->tensor[index];
    struct fs_tensor one = whole;
    one.dimensions = 2;
    one.shape[0] = whole.shape[1];
    one.shape[1] = whole.shape[2];
    one.elements = whole.shape[1] * whole.shape[2];
    for (size_t expert = 0; expert < whole.shape[0]; expert++) {
        char *made = make_name(name, parts, expert, err);
        struct fs_tensor *to = made == NULL  ? NULL
                               : expert == 0 ? &tensors->tensor[index]
                                             : fs_tensors_add(tensors, whole.file, made, err);
        if (to == NULL) {
            free(made);
            return -1;
        }
        if (expert == 0) {
            free((void *)(uintptr_t)whole.name);
            one.name = made;
        } else {
            free(made);
            one.name = to->name;
        }
        one.data = whole.data + expert * fs_tensor_bytes(&one);
        *to = one;
    }
    return 0;
}

/* Names that are not known stay, and are told as tensors that nothing reads. */
static int translate(const void *context, struct fs_tensors *tensors, size_t index, struct fs_error *err)
{
    const struct translation *translation = context;
    struct fs_tensor *tensor = &tensors->tensor[index];
    struct parts parts;
    const struct name *name = take_apart(tensor->name, &parts) ? find_name(&parts) : NULL;
    if (name == NULL || (parts.has_expert && name->part != PART_EXPERTS)) {
        return 0;
    }
    if (name->part == PART_EXPERTS && !parts.has_expert) {
        return tensor->dimensions == 3 && tensor->shape[0] == translation->experts
                   ? split_experts(tensors, index, name, &parts, err)
                   : 0;
    }
    char *made = make_name(name, &parts, parts.expert, err);
    if (made == NULL) {
        return -1;
    }
    free((void *)(uintptr_t)tensor->name);
    tensor->name = made;
    if (translation->architecture->paired) {
        tensor->paired_heads = name->part == PART_QUERY ? translation->heads
                               : name->part == PART_KEY ? translation->key_value_heads
                                                        : 0;
    }
    if (tensor->paired_heads > 0 && tensor->dimensions == 1 && fs_dtype_block(tensor->dtype) > 1) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: tensor %s: found type %s of a vector, expected F32, as llama.cpp writes them; the file "
            "is damaged, fetch it again",
            tensor->file, tensor->name, fs_dtype_name(tensor->dtype));
    }
    return 0;
}

static int read_translation(const char *path, struct translation *translation, struct fs_error *err)
{
    struct fs_gguf gguf = {0};
    char key[FS_GGUF_KEY];
    int status = fs_gguf_open(path, &gguf, err);
    status = status == 0 ? fs_gguf_architecture_find(&gguf, &translation->architecture, err) : -1;
    if (status == 0) {
        const char *name = translation->architecture->name;
        status = fs_gguf_size(&gguf, fs_gguf_key(name, "attention.head_count", key), &translation->heads, err);
        translation->key_value_heads = translation->heads;
        status = status != 0 ||
                         fs_gguf_size(&gguf, fs_gguf_key(name, "attention.head_count_kv", key),
                                      &translation->key_value_heads, err) != 0 ||
                         fs_gguf_size(&gguf, fs_gguf_key(name, "expert_count", key), &translation->experts, err) != 0
                     ? -1
                     : 0;
    }
    fs_gguf_close(&gguf);
    return status;
}

int fs_gguf_weights_open(const char *path, struct fs_tensor_store **store, struct fs_error *err)
{
    struct translation translation = {0};
    *store = NULL;
    int status = read_translation(path, &translation, err);
    status = status == 0 ? fs_tensor_store_open(path, store, err) : -1;
    status = status == 0 ? fs_tensor_store_translate(*store, translate, &translation, err) : -1;
    if (status != 0) {
        fs_tensor_store_destroy(*store);
        *store = NULL;
    }
    return status;
}
