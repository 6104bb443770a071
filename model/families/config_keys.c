#include "model/families/config_keys.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/families/activations.h"
#include "model/families/families.h"

/* What changes no number of any model: PretrainedConfig's own keys and those of generation (transformers 4 and 5), how a
 * model was trained or is held in memory, and heads for other tasks. '*': any letters. */
static const char *const harmless[] = {
    /* what the file is */
    "architectures",
    "auto_map",
    "model_type",
    "_name_or_path",
    "name_or_path",
    "_commit_hash",
    "transformers*version",
    "transformers.js_config",
    "tokenizer_class",
    "dtype",
    "torch_dtype",
    "is_llama_config",
    "unsloth_*",
    /* how it is computed: the same function by other means */
    "_attn_implementation*",
    "attn_implementation",
    "_experts_implementation*",
    "_flash_attn_2_enabled",
    "deterministic_flash_attn",
    "reference_compile",
    "attention_softmax_in_fp32",
    "scale_attention_softmax_in_fp32",
    "masked_softmax_fusion",
    "bias_dropout_fusion",
    "reorder_and_upcast_attn",
    "slow_but_exact",
    "pretraining_tp",
    "chunk_size_feed_forward",
    "use_cache",
    "*gradient_checkpointing",
    "torchscript",
    "use_bfloat16",
    "tf_legacy_loss",
    "fp16",
    "return_dict*",
    "output_*",
    "_output_*",
    "init_device",
    "init_config",
    "skip_bias_add*",
    "repad_logits_with_grad",
    "inference_runner",
    "pad_key_length",
    "pre_allocate_kv_cache",
    "validate_runner_input",
    "cache_implementation",
    "max_cache_len",
    /* how it was trained */
    "*dropout*",
    "*pdrop",
    "layerdrop",
    "initializer_*",
    "init_std",
    "router_aux_loss_coef",
    "router_jitter_noise",
    "sparse_prediction",
    "sparse_pred_ignore_index",
    /* left over from the code that it was trained with: transformers has no such thing */
    "n_special",
    "predict_special_tokens",
    "offset_alibi",
    "down_scale_factor",
    "gap_size",
    "layers_to_keep",
    "net_structure_type",
    "num_memory_blocks",
    "tokenizer_name",
    "verbose",
    /* other heads, and tasks */
    "id2label",
    "label2id",
    "num_labels",
    "_num_labels",
    "problem_type",
    "finetuning_task",
    "task_specific_params",
    "pooler_*",
    "summary_*",
    "classifier_pooling",
    "tie_encoder_decoder",
    "cross_attention_hidden_size",
    /* ids, which the tokenizer's files name or the family reads */
    "*_token_id",
    "*_token_ids",
    /* generation */
    "*_length",
    "*max_new_tokens",
    "*min_new_tokens",
    "*no_repeat_ngram_size",
    "*repetition_penalty",
    "*length_penalty",
    "diversity_penalty",
    "penalty_alpha",
    "num_beam*",
    "num_return_sequences",
    "do_sample",
    "early_stopping",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "bad_words_ids",
    "force_words_ids",
    "suppress_tokens",
    "begin_suppress_tokens",
    "remove_invalid_values",
    "renormalize_logits",
    "prefix",
};

/* Keys that say what is computed, with the value that changes nothing: a family that has them asks for them. */
static const struct neutral {
    const char *key;
    enum {
        NEUTRAL_FALSE,
        NEUTRAL_TRUE,
        NEUTRAL_ONE,
        NEUTRAL_EMPTY,
        NEUTRAL_ABSOLUTE,
        NEUTRAL_FULL,
        NEUTRAL_ONES,
        NEUTRAL_ACTIVATION, /* the model's own, by another family's name */
        NEUTRAL_EPSILON,
        NEUTRAL_LAYERS, /* from here on a size of the model's, likewise */
        NEUTRAL_HIDDEN,
        NEUTRAL_HEADS,
        NEUTRAL_HEAD_SIZE,
        NEUTRAL_KEY_HEADS,
        NEUTRAL_FFN,
        NEUTRAL_POSITIONS
    } value;
} neutrals[] = {
    {"is_decoder", NEUTRAL_FALSE},
    {"is_encoder_decoder", NEUTRAL_FALSE},
    {"add_cross_attention", NEUTRAL_FALSE},
    {"scale_attn_by_inverse_layer_idx", NEUTRAL_FALSE},
    {"scale_attn_weights", NEUTRAL_TRUE},
    {"position_embedding_type", NEUTRAL_ABSOLUTE},
    {"partial_rotary_factor", NEUTRAL_ONE},
    {"rotary", NEUTRAL_TRUE},
    {"rope_interleaved", NEUTRAL_FALSE},
    {"use_mrope", NEUTRAL_FALSE},
    {"no_rope_layers", NEUTRAL_ONES},
    {"sliding_window", NEUTRAL_FALSE},
    {"use_sliding_window", NEUTRAL_FALSE},
    {"layer_types", NEUTRAL_FULL},
    {"use_bidirectional_attention", NEUTRAL_FALSE},
    {"attn_logit_softcapping", NEUTRAL_FALSE},
    {"final_logit_softcapping", NEUTRAL_FALSE},
    {"query_pre_attn_scalar", NEUTRAL_HEAD_SIZE},
    {"embedding_multiplier", NEUTRAL_ONE},
    {"residual_multiplier", NEUTRAL_ONE},
    {"logits_scaling", NEUTRAL_ONE},
    {"logit_scale", NEUTRAL_ONE},
    {"attention_multiplier", NEUTRAL_FALSE},
    {"clip_qkv", NEUTRAL_FALSE},
    {"activation", NEUTRAL_ACTIVATION},
    {"activation_function", NEUTRAL_ACTIVATION},
    {"hidden_act", NEUTRAL_ACTIVATION},
    {"hidden_activation", NEUTRAL_ACTIVATION},
    {"layer_norm_eps", NEUTRAL_EPSILON},
    {"layer_norm_epsilon", NEUTRAL_EPSILON},
    {"norm_eps", NEUTRAL_EPSILON},
    {"norm_epsilon", NEUTRAL_EPSILON},
    {"rms_norm_eps", NEUTRAL_EPSILON},
    {"num_hidden_layers", NEUTRAL_LAYERS},
    {"num_layers", NEUTRAL_LAYERS},
    {"n_layers", NEUTRAL_LAYERS},
    {"n_layer", NEUTRAL_LAYERS},
    {"hidden_size", NEUTRAL_HIDDEN},
    {"embedding_size", NEUTRAL_HIDDEN},
    {"word_embed_proj_dim", NEUTRAL_HIDDEN},
    {"d_model", NEUTRAL_HIDDEN},
    {"n_embd", NEUTRAL_HIDDEN},
    {"n_embed", NEUTRAL_HIDDEN},
    {"num_attention_heads", NEUTRAL_HEADS},
    {"num_heads", NEUTRAL_HEADS},
    {"n_heads", NEUTRAL_HEADS},
    {"n_head", NEUTRAL_HEADS},
    {"head_dim", NEUTRAL_HEAD_SIZE},
    {"attention_head_size", NEUTRAL_HEAD_SIZE},
    {"num_key_value_heads", NEUTRAL_KEY_HEADS},
    {"intermediate_size", NEUTRAL_FFN},
    {"n_inner", NEUTRAL_FFN},
    {"max_position_embeddings", NEUTRAL_POSITIONS},
    {"n_positions", NEUTRAL_POSITIONS},
    {"num_local_experts", NEUTRAL_FALSE},
    {"num_experts", NEUTRAL_FALSE},
    {"pruned_heads", NEUTRAL_EMPTY},
    {"quantization_config", NEUTRAL_FALSE},
    {"quantization", NEUTRAL_FALSE},
    {"use_task_id", NEUTRAL_FALSE},
};

static const struct neutral *find_neutral(const char *key)
{
    for (size_t i = 0; i < sizeof neutrals / sizeof *neutrals; i++) {
        if (strcmp(neutrals[i].key, key) == 0) {
            return &neutrals[i];
        }
    }
    return NULL;
}

static bool is_size(const cJSON *value, size_t size)
{
    return cJSON_IsNumber(value) && value->valuedouble == (double)size;
}

/* Whether `value` is a list of full_attention, or of 1. */
static bool is_list_of(const cJSON *value, bool ones)
{
    for (const cJSON *item = value->child; item != NULL; item = item->next) {
        if (ones ? !is_size(item, 1) : !cJSON_IsString(item) || strcmp(item->valuestring, "full_attention") != 0) {
            return false;
        }
    }
    return cJSON_IsArray(value);
}

/* The size of the model's that a neutral from NEUTRAL_LAYERS on has. */
static size_t size_of(const struct neutral *neutral, const struct fs_spec *spec)
{
    const size_t sizes[] = {spec->layers,          spec->hidden,       spec->heads,        spec->head_size,
                            spec->key_value_heads, spec->layer[0].ffn, spec->max_positions};
    return sizes[neutral->value - NEUTRAL_LAYERS];
}

/* Whether the member `value` names the activation of the layers; "swiglu" is the gate with silu. */
static bool is_activation(const struct fs_json_document *config, const cJSON *value, const struct fs_spec *spec)
{
    struct fs_error ignored = FS_ERROR_INIT;
    enum fs_activation found;
    const struct fs_body_names *body = fs_spec_body(spec);
    if (cJSON_IsString(value) && strcmp(value->valuestring, "swiglu") == 0) {
        return (body->gate != NULL || body->gate_up != NULL) && spec->layer[0].activation == FS_SILU;
    }
    return fs_activation_read(config, value->string, NULL, &found, &ignored) == 0 && found == spec->layer[0].activation;
}

static bool is_neutral(const struct fs_json_document *config, const cJSON *value, const struct neutral *neutral,
                       const struct fs_spec *spec)
{
    switch (neutral->value) {
    case NEUTRAL_FALSE:
        return cJSON_IsFalse(value);
    case NEUTRAL_TRUE:
        return cJSON_IsTrue(value);
    case NEUTRAL_ONE:
        return is_size(value, 1);
    case NEUTRAL_EMPTY:
        return (cJSON_IsObject(value) || cJSON_IsArray(value)) && value->child == NULL;
    case NEUTRAL_ABSOLUTE:
        return cJSON_IsString(value) && strcmp(value->valuestring, "absolute") == 0;
    case NEUTRAL_FULL:
    case NEUTRAL_ONES:
        return is_list_of(value, neutral->value == NEUTRAL_ONES);
    case NEUTRAL_ACTIVATION:
        return is_activation(config, value, spec);
    case NEUTRAL_EPSILON:
        return cJSON_IsNumber(value) && value->valuedouble == spec->norm_epsilon;
    default:
        return is_size(value, size_of(neutral, spec));
    }
}

/* Whether the key is but another name of what the family reads, as people copy them: harmless where nobody reads it. */
static bool is_other_name(const struct neutral *neutral)
{
    return neutral->value == NEUTRAL_ACTIVATION || neutral->value == NEUTRAL_EPSILON || neutral->value >= NEUTRAL_FFN;
}

/* What a key may be: the neutral's value, or, where there is none, not there. */
static void expected_text(const struct neutral *neutral, const struct fs_spec *spec, char text[64])
{
    static const char *const words[] = {
        "false", "true", "1", "empty", "\"absolute\"", "\"full_attention\" everywhere", "1 everywhere"};
    if (neutral == NULL) {
        snprintf(text, 64, "no such key");
    } else if (neutral->value == NEUTRAL_ACTIVATION) {
        snprintf(text, 64, "%s", fs_activation_name(spec->layer[0].activation));
    } else if (neutral->value == NEUTRAL_EPSILON) {
        snprintf(text, 64, "%.9g", spec->norm_epsilon);
    } else if (neutral->value < NEUTRAL_LAYERS) {
        snprintf(text, 64, "%s", words[neutral->value]);
    } else {
        snprintf(text, 64, "%zu", size_of(neutral, spec));
    }
}

static bool is_harmless(const struct fs_family *family, const char *key)
{
    for (size_t i = 0; i < FS_HARMLESS_KEYS && family->harmless[i] != NULL; i++) {
        if (strcmp(family->harmless[i], key) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        if (fnmatch(harmless[i], key, 0) == 0) {
            return true;
        }
    }
    return false;
}

/* Has `family` read the file; the members of the root that it asks for are set in asked [members]. */
static int ask(struct fs_json_document *config, const struct fs_family *family, fs_family_reader *read, bool *asked,
               struct fs_spec *spec)
{
    struct fs_error ignored = FS_ERROR_INIT; /* a family that is not the file's may stop half-way */
    memset(asked, 0, fs_json_members(config) * sizeof *asked);
    fs_json_note_asked(config, asked);
    int status = read(config, family, spec, &ignored);
    fs_json_note_asked(config, NULL);
    return status;
}

/* A member that `family` did not ask for and that no list passes. */
struct unread {
    const cJSON *member;
    size_t index;
    const struct neutral *neutral;
};

/* Sets wanted [members] where a family asks for the member. `asked`: room. */
static void ask_all(struct fs_json_document *config, fs_family_reader *read, bool *asked, bool *wanted)
{
    size_t members = fs_json_members(config);
    for (size_t i = 0; i < fs_family_count; i++) {
        struct fs_spec spec = {0};
        (void)ask(config, fs_families[i], read, asked, &spec);
        fs_spec_release(&spec);
        for (size_t j = 0; j < members; j++) {
            wanted[j] = wanted[j] || asked[j];
        }
    }
}

/* Names of the first families that ask for the member, "qwen2, qwen3"; "" where there is none. `asked`: room. */
static void find_owners(struct fs_json_document *config, const struct unread *unread, fs_family_reader *read,
                        bool *asked, char owners[128])
{
    size_t used = 0;
    owners[0] = '\0';
    for (size_t i = 0; i < fs_family_count && used < 64; i++) {
        struct fs_spec spec = {0};
        (void)ask(config, fs_families[i], read, asked, &spec);
        fs_spec_release(&spec);
        if (asked[unread->index]) {
            used += (size_t)snprintf(owners + used, 128 - used, "%s%.32s", used > 0 ? ", " : "", fs_families[i]->name);
        }
    }
}

static int refuse(const struct fs_json_document *config, const struct unread *unread, const struct fs_spec *spec,
                  const char *owners, struct fs_error *err)
{
    const cJSON *value = unread->member;
    char found[96], expected[64];
    expected_text(unread->neutral, spec, expected);
    if (cJSON_IsNumber(value)) {
        snprintf(found, sizeof found, "%.9g", value->valuedouble);
    } else {
        snprintf(found, sizeof found, "%.90s",
                 cJSON_IsString(value) ? value->valuestring
                 : cJSON_IsBool(value) ? (cJSON_IsTrue(value) ? "true" : "false")
                                       : fs_json_kind(value));
    }
    return fs_error_set(
        err, FS_EXIT_DATA, "%s: %.100s: found %s, expected %s; family %s does not compute this option%s%s%s",
        fs_json_name(config), value->string, found, expected, spec->family_name,
        owners[0] != '\0' ? "; it is one of " : "", owners,
        owners[0] != '\0' ? ": is model_type right? Take the key out if it is not meant" : "; use a model without it");
}

/* The member behind `last` (its member NULL: the first) that must be looked at; member NULL: there is none. */
static struct unread next_unread(const struct fs_json_document *config, const struct fs_spec *spec, const bool *asked,
                                 const struct unread *last)
{
    struct unread unread = {last->member == NULL ? fs_json_root(config)->child : last->member->next,
                            last->member == NULL ? 0 : last->index + 1, NULL};
    for (; unread.member != NULL; unread.member = unread.member->next, unread.index++) {
        if (asked[unread.index] || cJSON_IsNull(unread.member) || is_harmless(spec->family, unread.member->string)) {
            continue;
        }
        unread.neutral = find_neutral(unread.member->string);
        if (unread.neutral == NULL || !is_neutral(config, unread.member, unread.neutral, spec)) {
            break;
        }
    }
    return unread;
}

/* Keys that nobody knows, as they are found. */
struct unknown {
    size_t count, used;
    char names[256];
};

static void add_unknown(struct unknown *unknown, const char *key)
{
    const size_t room = sizeof unknown->names - unknown->used;
    if (unknown->count < 4) {
        unknown->used +=
            (size_t)snprintf(unknown->names + unknown->used, room, "%s%.60s", unknown->count > 0 ? ", " : "", key);
    }
    unknown->count++;
}

/* What is known of a file's members, each [members]. */
struct members {
    const bool *asked; /* by its family */
    bool *wanted;      /* by some family */
    bool *room;        /* for what one of the others asks for */
};

static int check(struct fs_json_document *config, const struct fs_spec *spec, const struct members *members,
                 fs_family_reader *read, struct unknown *unknown, struct fs_error *err)
{
    for (struct unread unread = next_unread(config, spec, members->asked, &(struct unread){0}); unread.member != NULL;
         unread = next_unread(config, spec, members->asked, &unread)) {
        bool strict = unread.neutral != NULL && !is_other_name(unread.neutral);
        if (!strict && !members->wanted[unread.index]) {
            add_unknown(unknown, unread.member->string);
        } else if (strict || !cJSON_IsFalse(unread.member)) {
            char owners[128];
            find_owners(config, &unread, read, members->room, owners);
            return refuse(config, &unread, spec, owners, err);
        }
    }
    return 0;
}

int fs_config_keys_check(struct fs_json_document *config, const struct fs_spec *spec, const bool *asked,
                         fs_family_reader *read, struct fs_notes *notes, struct fs_error *err)
{
    struct unknown unknown = {0};
    size_t count = fs_json_members(config);
    bool *block = fs_allocate(2 * count, sizeof *block, "the keys of config.json", err); /* count < 2^30 */
    if (block == NULL) {
        return -1;
    }
    int status = 0;
    fs_json_note_asked(config, NULL);
    if (next_unread(config, spec, asked, &(struct unread){0}).member != NULL) {
        const struct members members = {asked, block, block + count};
        ask_all(config, read, members.room, members.wanted);
        status = check(config, spec, &members, read, &unknown, err);
    }
    free(block);
    if (status == 0 && unknown.count > 0) {
        fs_notes_add(notes, true, "config.json: %zu key%s not known here and passed over: %s%s", unknown.count,
                     unknown.count == 1 ? " is" : "s are", unknown.names, unknown.count > 4 ? " ..." : "");
    }
    return status;
}

const struct fs_family *fs_config_keys_guess(struct fs_json_document *config, fs_family_reader *read)
{
    const struct fs_family *found = NULL;
    bool *asked = fs_allocate(fs_json_members(config), sizeof *asked, "the keys of config.json", NULL);
    for (size_t i = 0; asked != NULL && found == NULL && i < fs_family_count; i++) {
        struct fs_spec spec = {0};
        if (ask(config, fs_families[i], read, asked, &spec) == 0 &&
            next_unread(config, &spec, asked, &(struct unread){0}).member == NULL) {
            found = fs_families[i];
        }
        fs_spec_release(&spec);
    }
    free(asked);
    return found;
}
