#include "model/spec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "model/family.h"

static const struct fs_family families[] = {
    {.name = "bert",
     .kind = FS_MASKED,
     .norm_kind = FS_LAYER_NORM,
     .norm_place = FS_POST_NORM,
     .position_kind = FS_LEARNED_POSITIONS,
     .biases = true,
     .tied_default = true,
     .default_activation = "gelu",
     .default_epsilon = 1e-12,
     .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "max_position_embeddings",
             "hidden_act", "layer_norm_eps"},
     .prefix = "bert.",
     .body = {.word = "embeddings.word_embeddings",
              .position = "embeddings.position_embeddings",
              .token_type = "embeddings.token_type_embeddings",
              .embedding_norm = "embeddings.LayerNorm",
              .attention_norm = "encoder.layer.%zu.attention.output.LayerNorm",
              .projections = {"encoder.layer.%zu.attention.self.query", "encoder.layer.%zu.attention.self.key",
                              "encoder.layer.%zu.attention.self.value"},
              .attention_output = "encoder.layer.%zu.attention.output.dense",
              .ffn_norm = "encoder.layer.%zu.output.LayerNorm",
              .up = "encoder.layer.%zu.intermediate.dense",
              .down = "encoder.layer.%zu.output.dense"},
     .head = {"cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.decoder",
              "cls.predictions.bias"}},
    {.name = "gpt2",
     .kind = FS_CAUSAL,
     .norm_kind = FS_LAYER_NORM,
     .norm_place = FS_PRE_NORM,
     .position_kind = FS_LEARNED_POSITIONS,
     .biases = true,
     .inputs_first = true,
     .tied_default = true,
     .default_activation = "gelu_new",
     .default_epsilon = 1e-5,
     .key = {"n_embd", "n_layer", "n_head", "n_inner", "n_positions", "activation_function", "layer_norm_epsilon"},
     .prefix = "transformer.",
     .body = {.word = "wte",
              .position = "wpe",
              .attention_norm = "h.%zu.ln_1",
              .projections = {"h.%zu.attn.c_attn"},
              .attention_output = "h.%zu.attn.c_proj",
              .ffn_norm = "h.%zu.ln_2",
              .up = "h.%zu.mlp.c_fc",
              .down = "h.%zu.mlp.c_proj",
              .final_norm = "ln_f"},
     .head = {.matrix = "lm_head"}},
    {.name = "llama",
     .kind = FS_CAUSAL,
     .norm_kind = FS_RMS_NORM,
     .norm_place = FS_PRE_NORM,
     .position_kind = FS_ROTARY_POSITIONS,
     .gated = true,
     .default_activation = "silu",
     .default_epsilon = 1e-6,
     .key = {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "max_position_embeddings",
             "hidden_act", "rms_norm_eps"},
     .prefix = "model.",
     .body = {.word = "embed_tokens",
              .attention_norm = "layers.%zu.input_layernorm",
              .projections = {"layers.%zu.self_attn.q_proj", "layers.%zu.self_attn.k_proj",
                              "layers.%zu.self_attn.v_proj"},
              .attention_output = "layers.%zu.self_attn.o_proj",
              .ffn_norm = "layers.%zu.post_attention_layernorm",
              .gate = "layers.%zu.mlp.gate_proj",
              .up = "layers.%zu.mlp.up_proj",
              .down = "layers.%zu.mlp.down_proj",
              .final_norm = "norm"},
     .head = {.matrix = "lm_head"}},
};

/* transformers' names; "gelu_new" and its kin are one formula. */
static const struct {
    const char *name;
    enum fs_activation activation;
} activations[] = {
    {"gelu", FS_GELU_ERF},
    {"gelu_python", FS_GELU_ERF},
    {"gelu_new", FS_GELU_TANH},
    {"gelu_fast", FS_GELU_TANH},
    {"gelu_pytorch_tanh", FS_GELU_TANH},
    {"gelu_python_tanh", FS_GELU_TANH},
    {"silu", FS_SILU},
    {"swish", FS_SILU},
    {"relu", FS_RELU},
};

/* Options that change what a model computes and that the engine does not know, with the value that changes nothing. */
static const struct neutral {
    const char *key;
    enum { NEUTRAL_FALSE, NEUTRAL_TRUE, NEUTRAL_ONE, NEUTRAL_EMPTY, NEUTRAL_ABSOLUTE, NEUTRAL_FULL } value;
} neutrals[] = {
    {"is_decoder", NEUTRAL_FALSE},          {"is_encoder_decoder", NEUTRAL_FALSE},
    {"add_cross_attention", NEUTRAL_FALSE}, {"scale_attn_by_inverse_layer_idx", NEUTRAL_FALSE},
    {"scale_attn_weights", NEUTRAL_TRUE},   {"position_embedding_type", NEUTRAL_ABSOLUTE},
    {"partial_rotary_factor", NEUTRAL_ONE}, {"sliding_window", NEUTRAL_FALSE},
    {"use_sliding_window", NEUTRAL_FALSE},  {"layer_types", NEUTRAL_FULL},
    {"pruned_heads", NEUTRAL_EMPTY},        {"quantization_config", NEUTRAL_FALSE},
};

const struct fs_family *fs_family_find(const char *name)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (strcmp(families[i].name, name) == 0) {
            return &families[i];
        }
    }
    return NULL;
}

static bool is_neutral(const cJSON *value, const struct neutral *neutral)
{
    switch (neutral->value) {
    case NEUTRAL_FALSE:
        return cJSON_IsFalse(value);
    case NEUTRAL_TRUE:
        return cJSON_IsTrue(value);
    case NEUTRAL_ONE:
        return cJSON_IsNumber(value) && value->valuedouble == 1.0;
    case NEUTRAL_EMPTY:
        return (cJSON_IsObject(value) || cJSON_IsArray(value)) && value->child == NULL;
    case NEUTRAL_ABSOLUTE:
        return cJSON_IsString(value) && strcmp(value->valuestring, "absolute") == 0;
    default:
        if (!cJSON_IsArray(value)) {
            return false;
        }
        for (const cJSON *item = value->child; item != NULL; item = item->next) {
            if (!cJSON_IsString(item) || strcmp(item->valuestring, "full_attention") != 0) {
                return false;
            }
        }
        return true;
    }
}

static int refuse_options(const struct fs_json_document *config, struct fs_error *err)
{
    static const char *const expected[] = {"false", "true",         "1",
                                           "empty", "\"absolute\"", "\"full_attention\" everywhere"};
    for (size_t i = 0; i < sizeof neutrals / sizeof *neutrals; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(fs_json_root(config), neutrals[i].key);
        if (value != NULL && !cJSON_IsNull(value) && !is_neutral(value, &neutrals[i])) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: %s: found %s, expected %s; the engine does not compute this option, use a model "
                                "without it",
                                fs_json_name(config), neutrals[i].key,
                                cJSON_IsString(value) ? value->valuestring
                                : cJSON_IsBool(value) ? (cJSON_IsTrue(value) ? "true" : "false")
                                                      : fs_json_kind(value),
                                expected[neutrals[i].value]);
        }
    }
    return 0;
}

/* The rotary part: rope_theta and rope_scaling of transformers 4, or rope_parameters of transformers 5. */
static int read_rope(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    const char *where = "rope_parameters";
    spec->rope_theta = 10000.0;
    if (fs_json_number_optional(config, root, "", "rope_theta", 1.0, 1e12, &spec->rope_theta, err) != 0) {
        return -1;
    }
    const cJSON *rope = cJSON_GetObjectItemCaseSensitive(root, where);
    if (rope == NULL || cJSON_IsNull(rope)) {
        where = "rope_scaling";
        rope = cJSON_GetObjectItemCaseSensitive(root, where);
    }
    if (rope == NULL || cJSON_IsNull(rope)) {
        return 0;
    }
    if (!cJSON_IsObject(rope)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s: found %s, expected an object", fs_json_name(config), where,
                            fs_json_kind(rope));
    }
    const char *type = NULL;
    double partial = 1.0, attention = 1.0;
    if (fs_json_text_optional(config, rope, where, "type", &type, err) != 0 ||
        fs_json_text_optional(config, rope, where, "rope_type", &type, err) != 0 ||
        fs_json_number_optional(config, rope, where, "rope_theta", 1.0, 1e12, &spec->rope_theta, err) != 0 ||
        fs_json_number_optional(config, rope, where, "partial_rotary_factor", 1.0, 1.0, &partial, err) != 0 ||
        fs_json_number_optional(config, rope, where, "attention_factor", 1.0, 1.0, &attention, err) != 0) {
        return -1;
    }
    if (type == NULL) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s.rope_type: found nothing, expected default, linear or llama3",
                            fs_json_name(config), where);
    }
    if (strcmp(type, "default") == 0) {
        return 0;
    }
    bool llama3 = strcmp(type, "llama3") == 0;
    if (!llama3 && strcmp(type, "linear") != 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s.rope_type: found \"%s\", expected default, linear or llama3; the engine does not "
                            "compute other kinds",
                            fs_json_name(config), where, type);
    }
    spec->rope_scaling = llama3 ? FS_ROPE_LLAMA3 : FS_ROPE_LINEAR;
    if (fs_json_number_optional(config, rope, where, "factor", 1.0, 1e6, &spec->rope_factor, err) != 0) {
        return -1;
    }
    if (llama3 && (fs_json_number_optional(config, rope, where, "low_freq_factor", 1e-6, 1e6, &spec->rope_low_frequency,
                                           err) != 0 ||
                   fs_json_number_optional(config, rope, where, "high_freq_factor", 1e-6, 1e6,
                                           &spec->rope_high_frequency, err) != 0 ||
                   fs_json_size(config, rope, where, "original_max_position_embeddings", 1, (size_t)1 << 24,
                                &spec->rope_original_positions, err) != 0)) {
        return -1;
    }
    if (spec->rope_factor == 0.0 ||
        (llama3 && !(spec->rope_low_frequency > 0.0 && spec->rope_high_frequency > spec->rope_low_frequency))) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s: found factor %g, low_freq_factor %g, high_freq_factor %g (0: missing); expected a "
                            "factor%s",
                            fs_json_name(config), where, spec->rope_factor, spec->rope_low_frequency,
                            spec->rope_high_frequency, llama3 ? " and high_freq_factor above low_freq_factor" : "");
    }
    return 0;
}

static int read_activation(const struct fs_json_document *config, const struct fs_family *family, struct fs_spec *spec,
                           struct fs_error *err)
{
    const char *name = family->default_activation;
    if (fs_json_text_optional(config, fs_json_root(config), "", family->key.activation, &name, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        if (strcmp(activations[i].name, name) == 0) {
            spec->activation = activations[i].activation;
            return 0;
        }
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: %s: found \"%s\", expected gelu, gelu_new, gelu_pytorch_tanh, silu, relu or a synonym",
                        fs_json_name(config), family->key.activation, name);
}

static int read_sizes(const struct fs_json_document *config, const struct fs_family *family, struct fs_spec *spec,
                      struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    const char *file = fs_json_name(config);
    if (fs_json_size(config, root, "", "vocab_size", 1, (size_t)1 << 24, &spec->vocabulary, err) != 0 ||
        fs_json_size(config, root, "", family->key.hidden, 1, 1 << 16, &spec->hidden, err) != 0 ||
        fs_json_size(config, root, "", family->key.layers, 1, 1 << 12, &spec->layers, err) != 0 ||
        fs_json_size(config, root, "", family->key.heads, 1, 1 << 12, &spec->heads, err) != 0 ||
        fs_json_size(config, root, "", family->key.positions, 1, (size_t)1 << 24, &spec->max_positions, err) != 0) {
        return -1;
    }
    if (spec->hidden % spec->heads != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s %zu is no multiple of %s %zu", file, family->key.hidden,
                            spec->hidden, family->key.heads, spec->heads);
    }
    spec->key_value_heads = spec->heads;
    spec->head_size = spec->hidden / spec->heads;
    if (family->position_kind == FS_ROTARY_POSITIONS) {
        if (fs_json_size_optional(config, root, "", "num_key_value_heads", 1, 1 << 12, &spec->key_value_heads, err) !=
                0 ||
            fs_json_size_optional(config, root, "", "head_dim", 1, 1 << 12, &spec->head_size, err) != 0) {
            return -1;
        }
        if (spec->heads % spec->key_value_heads != 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: %s %zu is no multiple of num_key_value_heads %zu", file,
                                family->key.heads, spec->heads, spec->key_value_heads);
        }
        if (spec->head_size % 2 != 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: head size %zu is odd; rotary positions turn pairs", file,
                                spec->head_size);
        }
    }
    /* n_inner is null in most GPT-2 configs: four times the hidden size. The others always write their size. */
    if (strcmp(family->key.ffn, "n_inner") == 0) {
        spec->ffn = 4 * spec->hidden;
        return fs_json_size_optional(config, root, "", "n_inner", 1, 1 << 20, &spec->ffn, err);
    }
    return fs_json_size(config, root, "", family->key.ffn, 1, 1 << 20, &spec->ffn, err);
}

static int read_options(const struct fs_json_document *config, const struct fs_family *family, struct fs_spec *spec,
                        struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    size_t begin = SIZE_MAX;
    spec->norm_epsilon = family->default_epsilon;
    spec->tied_head = family->tied_default;
    spec->attention_bias = spec->ffn_bias = family->biases;
    if (fs_json_number_optional(config, root, "", family->key.epsilon, 1e-30, 1.0, &spec->norm_epsilon, err) != 0 ||
        fs_json_bool_optional(config, root, "", "tie_word_embeddings", &spec->tied_head, err) != 0 ||
        fs_json_size_optional(config, root, "", "bos_token_id", 0, spec->vocabulary - 1, &begin, err) != 0 ||
        refuse_options(config, err) != 0) {
        return -1;
    }
    spec->begin_of_text = begin == SIZE_MAX ? -1 : (int32_t)begin;
    if (!family->biases &&
        (fs_json_bool_optional(config, root, "", "attention_bias", &spec->attention_bias, err) != 0 ||
         fs_json_bool_optional(config, root, "", "mlp_bias", &spec->ffn_bias, err) != 0)) {
        return -1;
    }
    if (family->position_kind == FS_ROTARY_POSITIONS && read_rope(config, spec, err) != 0) {
        return -1;
    }
    return read_activation(config, family, spec, err);
}

static int read_config(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const char *type = NULL;
    if (fs_json_text(config, fs_json_root(config), "", "model_type", &type, err) != 0) {
        return -1;
    }
    const struct fs_family *family = fs_family_find(type);
    if (family == NULL) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: model_type: found \"%s\", expected bert, gpt2 or llama",
                            fs_json_name(config), type);
    }
    memset(spec, 0, sizeof *spec);
    spec->family = family;
    snprintf(spec->family_name, sizeof spec->family_name, "%s", family->name);
    spec->kind = family->kind;
    spec->norm_kind = family->norm_kind;
    spec->norm_place = family->norm_place;
    spec->position_kind = family->position_kind;
    spec->gated = family->gated;
    spec->token_types = family->body.token_type != NULL;
    if (read_sizes(config, family, spec, err) != 0) {
        return -1;
    }
    return read_options(config, family, spec, err);
}

int fs_spec_read(const char *folder, struct fs_spec *spec, struct fs_error *err)
{
    size_t length = strlen(folder) + sizeof "/config.json";
    char *path = fs_allocate(length, 1, "a path", err);
    if (path == NULL) {
        return -1;
    }
    snprintf(path, length, "%s/config.json", folder);
    struct fs_json_document *config = NULL;
    int result = fs_json_load(path, &config, err);
    free(path);
    if (result == 0) {
        result = read_config(config, spec, err);
    }
    fs_json_destroy(config);
    return result;
}
