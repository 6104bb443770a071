/* The metadata of a GGUF file as a config.json. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/gguf/architecture.h"

/* Keys of an architecture, behind its name. */
static const struct row {
    const char *suffix;
    const char *config; /* key of config.json; NULL: it has none */
    enum {
        SIZE,
        NUMBER,
        EXPERTS,  /* a size of mixtures of experts; elsewhere 0, or missing */
        ELSEWHERE /* read below or in rotary.c, or without meaning for what is computed */
    } kind;
} rows[] = {
    {"embedding_length", "hidden_size", SIZE},
    {"block_count", "num_hidden_layers", SIZE},
    {"feed_forward_length", "intermediate_size", SIZE},
    {"attention.head_count", "num_attention_heads", SIZE},
    {"context_length", "max_position_embeddings", SIZE},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps", NUMBER},
    {"attention.head_count_kv", NULL, ELSEWHERE},
    {"attention.key_length", NULL, ELSEWHERE},
    {"attention.value_length", NULL, ELSEWHERE},
    {"rope.dimension_count", NULL, ELSEWHERE},
    {"rope.freq_base", NULL, ELSEWHERE},
    {"rope.scale_linear", NULL, ELSEWHERE},
    {"rope.scaling.type", NULL, ELSEWHERE},
    {"rope.scaling.factor", NULL, ELSEWHERE},
    {"rope.scaling.attn_factor", NULL, ELSEWHERE},
    {"rope.scaling.original_context_length", NULL, ELSEWHERE}, /* of YaRN */
    {"rope.scaling.finetuned", NULL, ELSEWHERE},
    {"vocab_size", NULL, ELSEWHERE}, /* that of token_embd.weight */
    {"tensor_data_layout", NULL, ELSEWHERE},
    {"expert_count", "num_local_experts", EXPERTS},
    {"expert_used_count", "num_experts_per_tok", EXPERTS},
};
#define ROWS (sizeof rows / sizeof *rows)

double fs_gguf_plain(double value)
{
    char text[40];
    for (int digits = 1; digits < 10; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtof(text, NULL) == (float)value) {
            return strtod(text, NULL);
        }
    }
    return value;
}

/* A key that is not in the table may change what the model computes. */
static int check_keys(const struct fs_gguf *gguf, const char *architecture, struct fs_error *err)
{
    size_t length = strlen(architecture);
    for (size_t i = 0; i < gguf->values; i++) {
        const char *key = gguf->value[i].key;
        bool known = strncmp(key, architecture, length) != 0 || key[length] != '.';
        for (size_t j = 0; j < ROWS && !known; j++) {
            known = strcmp(key + length + 1, rows[j].suffix) == 0;
        }
        if (!known) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: %s: the key is not known and may change what the model computes; take the "
                                "HuggingFace folder that the file was made from",
                                gguf->path, key);
        }
    }
    return 0;
}

static int add_row(const struct fs_gguf *gguf, const char *key, const struct row *row, cJSON *config,
                   struct fs_error *err)
{
    size_t size = 0;
    double number = 0.0;
    if (row->kind == ELSEWHERE) {
        return 0;
    }
    if (row->kind != EXPERTS && fs_gguf_find(gguf, key) == NULL) {
        return fs_gguf_wrong(gguf, key, "nothing", row->kind == SIZE ? "an integer" : "a number", err);
    }
    if ((row->kind == NUMBER ? fs_gguf_number(gguf, key, &number, err) : fs_gguf_size(gguf, key, &size, err)) != 0) {
        return -1;
    }
    if (row->kind != EXPERTS || size > 0) {
        cJSON_AddNumberToObject(config, row->config, row->kind == NUMBER ? fs_gguf_plain(number) : (double)size);
    }
    return 0;
}

/* head_dim and num_key_value_heads, which transformers' families leave open in different ways. */
static int add_heads(const struct fs_gguf *gguf, const char *name, size_t *head_size, cJSON *config,
                     struct fs_error *err)
{
    char key[FS_GGUF_KEY];
    size_t hidden = 0, heads = 0, key_value_heads, value_size, turned;
    if (fs_gguf_size(gguf, fs_gguf_key(name, "embedding_length", key), &hidden, err) != 0 ||
        fs_gguf_size(gguf, fs_gguf_key(name, "attention.head_count", key), &heads, err) != 0) {
        return -1;
    }
    key_value_heads = heads;
    *head_size = heads > 0 ? hidden / heads : 0;
    if (fs_gguf_size(gguf, fs_gguf_key(name, "attention.head_count_kv", key), &key_value_heads, err) != 0 ||
        fs_gguf_size(gguf, fs_gguf_key(name, "attention.key_length", key), head_size, err) != 0) {
        return -1;
    }
    value_size = turned = *head_size;
    if (fs_gguf_size(gguf, fs_gguf_key(name, "rope.dimension_count", key), &turned, err) != 0) {
        return -1;
    }
    if (turned != *head_size) {
        return fs_gguf_wrong(gguf, key, "another number than of a head's size",
                             "the whole head to be turned; the engine does not compute part of it", err);
    }
    if (fs_gguf_size(gguf, fs_gguf_key(name, "attention.value_length", key), &value_size, err) != 0) {
        return -1;
    }
    if (value_size != *head_size) {
        return fs_gguf_wrong(gguf, key, "another number than in attention.key_length", "the same", err);
    }
    cJSON_AddNumberToObject(config, "num_key_value_heads", (double)key_value_heads);
    cJSON_AddNumberToObject(config, "head_dim", (double)*head_size);
    return 0;
}

/* What the tensors say. */
static int add_from_tensors(const struct fs_gguf *gguf, const struct fs_gguf_architecture *architecture, cJSON *config,
                            struct fs_error *err)
{
    const struct fs_tensor *word = fs_gguf_find_tensor(gguf, "token_embd.weight");
    if (word == NULL || word->dimensions != 2) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: tensor token_embd.weight: found %s, expected the word embedding; is this a file of "
                            "the whole model?",
                            gguf->path, word == NULL ? "nothing" : "one that is no matrix");
    }
    cJSON_AddNumberToObject(config, "vocab_size", (double)word->shape[0]);
    cJSON_AddBoolToObject(config, "tie_word_embeddings", fs_gguf_find_tensor(gguf, "output.weight") == NULL);
    if (architecture->attention_bias != NULL && fs_gguf_find_tensor(gguf, "blk.0.attn_q.bias") != NULL) {
        cJSON_AddTrueToObject(config, architecture->attention_bias);
    }
    if (architecture->ffn_bias != NULL && fs_gguf_find_tensor(gguf, "blk.0.ffn_up.bias") != NULL) {
        cJSON_AddTrueToObject(config, architecture->ffn_bias);
    }
    return 0;
}

static int add_begin(const struct fs_gguf *gguf, cJSON *config, struct fs_error *err)
{
    size_t begin = SIZE_MAX;
    if (fs_gguf_size(gguf, "tokenizer.ggml.bos_token_id", &begin, err) != 0) {
        return -1;
    }
    if (begin != SIZE_MAX) {
        cJSON_AddNumberToObject(config, "bos_token_id", (double)begin);
    }
    return 0;
}

static int fill(const struct fs_gguf *gguf, cJSON *config, struct fs_error *err)
{
    const struct fs_gguf_architecture *architecture;
    char key[FS_GGUF_KEY];
    size_t head_size;
    if (fs_gguf_architecture_find(gguf, &architecture, err) != 0 || check_keys(gguf, architecture->name, err) != 0) {
        return -1;
    }
    cJSON_AddStringToObject(config, "model_type", architecture->model_type);
    cJSON *classes = cJSON_AddArrayToObject(config, "architectures");
    cJSON_AddItemToArray(classes, cJSON_CreateString(architecture->class_name));
    cJSON_AddStringToObject(config, "hidden_act", "silu");
    for (size_t i = 0; i < ROWS; i++) {
        if (add_row(gguf, fs_gguf_key(architecture->name, rows[i].suffix, key), &rows[i], config, err) != 0) {
            return -1;
        }
    }
    return add_heads(gguf, architecture->name, &head_size, config, err) == 0 &&
                   add_from_tensors(gguf, architecture, config, err) == 0 && add_begin(gguf, config, err) == 0
               ? fs_gguf_add_rotary(gguf, architecture->name, head_size, config, err)
               : -1;
}

int fs_gguf_config(const struct fs_gguf *gguf, struct fs_json_document **config, struct fs_error *err)
{
    char *name;
    *config = NULL;
    if (asprintf(&name, "%s: metadata as config.json", gguf->path) < 0) {
        return fs_error_memory(err, strlen(gguf->path), "a path");
    }
    int status = fs_json_parse(name, "{}", 2, config, err);
    free(name);
    status = status == 0 ? fill(gguf, fs_json_edit(*config), err) : -1;
    if (status != 0) {
        fs_json_destroy(*config);
        *config = NULL;
    }
    return status;
}
