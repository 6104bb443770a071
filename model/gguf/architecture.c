#include "model/gguf/architecture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One row an architecture. */
static const struct fs_gguf_architecture architectures[] = {
    {"llama", "llama", "LlamaForCausalLM", true, "attention_bias", "mlp_bias"},
    {"qwen2", "qwen2", "Qwen2ForCausalLM", false, NULL, NULL},
    {"qwen3", "qwen3", "Qwen3ForCausalLM", false, "attention_bias", NULL},
};
#define ARCHITECTURES (sizeof architectures / sizeof *architectures)

enum paired { PAIRED_NONE, PAIRED_QUERY, PAIRED_KEY };

/* Names of tensors without ".weight" and ".bias"; in layers behind "blk.N." and "model.layers.N.". */
static const struct name {
    const char *own, *transformers;
    enum paired paired;
} names[] = {{"token_embd", "model.embed_tokens", PAIRED_NONE},
             {"output_norm", "model.norm", PAIRED_NONE},
             {"output", "lm_head", PAIRED_NONE},
             {"rope_freqs", "model.rotary_emb.inv_freq", PAIRED_NONE}},
  layer_names[] = {
      {"attn_norm", "input_layernorm", PAIRED_NONE},    {"attn_q", "self_attn.q_proj", PAIRED_QUERY},
      {"attn_k", "self_attn.k_proj", PAIRED_KEY},       {"attn_v", "self_attn.v_proj", PAIRED_NONE},
      {"attn_output", "self_attn.o_proj", PAIRED_NONE}, {"attn_q_norm", "self_attn.q_norm", PAIRED_NONE},
      {"attn_k_norm", "self_attn.k_norm", PAIRED_NONE}, {"ffn_norm", "post_attention_layernorm", PAIRED_NONE},
      {"ffn_gate", "mlp.gate_proj", PAIRED_NONE},       {"ffn_up", "mlp.up_proj", PAIRED_NONE},
      {"ffn_down", "mlp.down_proj", PAIRED_NONE}};

const char *fs_gguf_key(const char *architecture, const char *suffix, char key[FS_GGUF_KEY])
{
    snprintf(key, FS_GGUF_KEY, "%s.%s", architecture, suffix);
    return key;
}

/* Files of other things in the same format. */
static int check_whole(const struct fs_gguf *gguf, struct fs_error *err)
{
    const char *type = "model";
    size_t pieces = 1;
    if (fs_gguf_text(gguf, "general.type", &type, err) != 0 || fs_gguf_size(gguf, "split.count", &pieces, err) != 0) {
        return -1;
    }
    if (pieces > 1) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: is one of %zu pieces of a model (split.count); join them: llama-gguf-split --merge "
                            "FIRST-PIECE MODEL.gguf",
                            gguf->path, pieces);
    }
    if (strcmp(type, "model") != 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: general.type: found \"%.60s\", expected \"model\"; give the file "
                            "of the language model itself",
                            gguf->path, type);
    }
    return 0;
}

int fs_gguf_architecture_find(const struct fs_gguf *gguf, const struct fs_gguf_architecture **architecture,
                              struct fs_error *err)
{
    const char *name = NULL;
    char known[256] = "";
    size_t used = 0;
    if (check_whole(gguf, err) != 0 || fs_gguf_text(gguf, "general.architecture", &name, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < ARCHITECTURES; i++) {
        if (name != NULL && strcmp(architectures[i].name, name) == 0) {
            *architecture = &architectures[i];
            return 0;
        }
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s",
                                 i == 0                   ? ""
                                 : i + 1 == ARCHITECTURES ? " or "
                                                          : ", ",
                                 architectures[i].name);
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: general.architecture: found %s%.60s%s, expected %s; take the HuggingFace folder that the "
                        "file was made from",
                        gguf->path, name != NULL ? "\"" : "nothing", name != NULL ? name : "", name != NULL ? "\"" : "",
                        known);
}

/* What translating needs to know. */
struct translation {
    const struct fs_gguf_architecture *architecture;
    size_t heads, key_value_heads;
};

static const struct name *find_name(const struct name *rows, size_t count, const char *own, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(rows[i].own) == length && strncmp(rows[i].own, own, length) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* Names that are not known stay, and are told as tensors that nothing reads. */
static int translate(const void *context, struct fs_tensor *tensor, struct fs_error *err)
{
    const struct translation *translation = context;
    const char *stem = tensor->name, *end = strrchr(tensor->name, '.');
    char layer[32] = "", *renamed;
    if (strncmp(stem, "blk.", 4) == 0) {
        size_t digits = strspn(stem + 4, "0123456789");
        if (digits == 0 || digits > 8 || stem[4 + digits] != '.') {
            return 0;
        }
        snprintf(layer, sizeof layer, "model.layers.%.*s.", (int)digits, stem + 4);
        stem += 4 + digits + 1;
    }
    if (end == NULL || end < stem) {
        return 0;
    }
    const struct name *name =
        layer[0] != '\0' ? find_name(layer_names, sizeof layer_names / sizeof *layer_names, stem, (size_t)(end - stem))
                         : find_name(names, sizeof names / sizeof *names, stem, (size_t)(end - stem));
    if (name == NULL) {
        return 0;
    }
    bool frequencies = strcmp(name->own, "rope_freqs") == 0; /* read before; it has no ".weight" there */
    if (asprintf(&renamed, "%s%s%s", layer, name->transformers, frequencies ? "" : end) < 0) {
        return fs_error_memory(err, strlen(tensor->name), "the name of a tensor");
    }
    free((void *)(uintptr_t)tensor->name);
    tensor->name = renamed;
    if (translation->architecture->paired) {
        tensor->paired_heads = name->paired == PAIRED_QUERY ? translation->heads
                               : name->paired == PAIRED_KEY ? translation->key_value_heads
                                                            : 0;
    }
    return 0;
}

int fs_gguf_weights_open(const char *path, struct fs_tensor_store **store, struct fs_error *err)
{
    struct fs_gguf gguf = {0};
    struct translation translation = {0};
    char key[FS_GGUF_KEY];
    *store = NULL;
    int status = fs_gguf_open(path, &gguf, err);
    status = status == 0 ? fs_gguf_architecture_find(&gguf, &translation.architecture, err) : -1;
    if (status == 0) {
        const char *name = translation.architecture->name;
        status = fs_gguf_size(&gguf, fs_gguf_key(name, "attention.head_count", key), &translation.heads, err);
        translation.key_value_heads = translation.heads;
        status = status == 0 ? fs_gguf_size(&gguf, fs_gguf_key(name, "attention.head_count_kv", key),
                                            &translation.key_value_heads, err)
                             : -1;
    }
    fs_gguf_close(&gguf);
    status = status == 0 ? fs_tensor_store_open(path, store, err) : -1;
    status = status == 0 ? fs_tensor_store_translate(*store, translate, &translation, err) : -1;
    if (status != 0) {
        fs_tensor_store_destroy(*store);
        *store = NULL;
    }
    return status;
}
