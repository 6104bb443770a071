#include "model/families/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "model/families/activations.h"
#include "model/families/architectures.h"
#include "model/families/config_keys.h"
#include "model/folder/folder.h"
#include "model/gguf/architecture.h"

/* The one of two spellings of a key that stands in the config; the first where neither does. `second` may be NULL. */
static const char *spelling(const struct fs_json_document *config, const char *first, const char *second)
{
    const cJSON *root = fs_json_root(config);
    bool is_second =
        second != NULL && fs_json_member(config, root, first) == NULL && fs_json_member(config, root, second) != NULL;
    return is_second ? second : first;
}

static int read_sizes(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    const struct fs_family *family = spec->family;
    const char *hidden = spelling(config, family->key.hidden, family->other_key.hidden);
    const char *layers = spelling(config, family->key.layers, family->other_key.layers);
    const char *heads = spelling(config, family->key.heads, family->other_key.heads);
    if (fs_json_size(config, root, "", "vocab_size", (struct fs_size_range){1, (size_t)1 << 24}, &spec->vocabulary,
                     err) != 0 ||
        fs_json_size(config, root, "", hidden, (struct fs_size_range){1, 1 << 16}, &spec->hidden, err) != 0 ||
        fs_json_size(config, root, "", layers, (struct fs_size_range){1, 1 << 12}, &spec->layers, err) != 0 ||
        fs_json_size(config, root, "", heads, (struct fs_size_range){1, 1 << 12}, &spec->heads, err) != 0 ||
        (family->key.positions != NULL &&
         fs_json_size(config, root, "", family->key.positions, (struct fs_size_range){1, (size_t)1 << 24},
                      &spec->max_positions, err) != 0) ||
        (spec->token_types > 0 &&
         fs_json_size_optional(config, root, "", "type_vocab_size", (struct fs_size_range){1, (size_t)1 << 24},
                               &spec->token_types, err) != 0)) {
        return -1;
    }
    if (spec->hidden % spec->heads != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s %zu is no multiple of %s %zu", fs_json_name(config), hidden,
                            spec->hidden, heads, spec->heads);
    }
    spec->key_value_heads = spec->heads;
    spec->head_size = spec->hidden / spec->heads;
    spec->layer = fs_allocate(spec->layers, sizeof *spec->layer, "the layers of a model", err);
    return spec->layer == NULL ? -1 : 0;
}

static int read_options(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    size_t begin = SIZE_MAX;
    spec->norm_epsilon = spec->family->default_epsilon;
    spec->tied_head = spec->family->tied_default;
    if ((spec->family->key.epsilon != NULL &&
         fs_json_number_optional(config, root, "", spec->family->key.epsilon, (struct fs_number_range){0.0, 1.0},
                                 &spec->norm_epsilon, err) != 0) ||
        fs_json_bool_optional(config, root, "", "tie_word_embeddings", &spec->tied_head, err) != 0 ||
        fs_json_size_optional(config, root, "", "bos_token_id", (struct fs_size_range){0, INT32_MAX}, &begin, err) !=
            0) {
        return -1;
    }
    spec->begin_of_text = begin >= spec->vocabulary ? -1 : (int32_t)begin;
    return fs_activation_read(config, spec->family->key.activation, spec->family->default_activation, &spec->activation,
                              err);
}

/* A fs_family_reader. */
static int read_family(const struct fs_json_document *config, const struct fs_family *family, struct fs_spec *spec,
                       struct fs_error *err)
{
    spec->family = family;
    spec->family_name = family->name;
    spec->kind = family->kind;
    spec->norm_kind = family->norm_kind;
    spec->block = family->block;
    spec->token_types = family->body.token_type != NULL ? 2 : 0; /* transformers' default */
    return read_sizes(config, spec, err) == 0 && read_options(config, spec, err) == 0 &&
                   family->read_layers(config, spec, err) == 0
               ? 0
               : -1;
}

static int load_metadata(const char *path, struct fs_json_document **config, struct fs_error *err)
{
    struct fs_gguf gguf = {0};
    int result = fs_gguf_open(path, &gguf, err) == 0 ? fs_gguf_config(&gguf, config, err) : -1;
    fs_gguf_close(&gguf);
    return result;
}

/* A class's default that was never meant for this model. */
static void note_begin(const struct fs_json_document *config, const struct fs_spec *spec, struct fs_notes *notes)
{
    const cJSON *begin = fs_json_member(config, fs_json_root(config), "bos_token_id");
    if (cJSON_IsNumber(begin) && spec->begin_of_text < 0) {
        fs_notes_add(notes, false, "bos_token_id %.0f is outside the vocabulary of %zu; taken as none",
                     begin->valuedouble, spec->vocabulary);
    }
}

/* Of the first of the keys that the file has, a share from 0 to below 1. */
static double dropout_of(const struct fs_json_document *config, const char *const *key, size_t keys)
{
    for (size_t i = 0; i < keys; i++) {
        const cJSON *member = fs_json_member(config, fs_json_root(config), key[i]);
        if (member != NULL && !cJSON_IsNull(member)) {
            return cJSON_IsNumber(member) && member->valuedouble >= 0 && member->valuedouble < 1 ? member->valuedouble
                                                                                                 : NAN;
        }
    }
    return 0;
}

static void read_dropout(const struct fs_json_document *config, struct fs_spec *spec)
{
    static const char *const hidden[] = {"hidden_dropout_prob", "resid_pdrop", "resid_dropout", "residual_dropout",
                                         "hidden_dropout",      "dropout",     "mlp_dropout"};
    static const char *const attention[] = {"attention_probs_dropout_prob", "attn_pdrop", "attention_dropout"};
    spec->hidden_dropout = dropout_of(config, hidden, sizeof hidden / sizeof *hidden);
    spec->attention_dropout = dropout_of(config, attention, sizeof attention / sizeof *attention);
}

static int read_config(struct fs_json_document *config, struct fs_spec *spec, struct fs_notes *notes,
                       struct fs_error *err)
{
    const struct fs_family *family;
    if (fs_architecture_find(config, read_family, &family, spec->saved_from, notes, err) != 0) {
        return -1;
    }
    bool *asked = fs_allocate(fs_json_members(config), sizeof *asked, "the keys of config.json", err);
    if (asked == NULL) {
        return -1;
    }
    fs_json_note_asked(config, asked);
    int status = read_family(config, family, spec, err);
    if (status == 0) {
        note_begin(config, spec, notes);
        status = fs_config_keys_check(config, spec, asked, read_family, notes, err);
        read_dropout(config, spec);
    }
    free(asked);
    return status;
}

int fs_spec_read(const char *folder, struct fs_spec *spec, struct fs_notes *notes, struct fs_error *err)
{
    size_t length = strlen(folder) + sizeof "/config.json";
    char *path = fs_allocate(length, 1, "a path", err);
    memset(spec, 0, sizeof *spec);
    if (path == NULL) {
        return -1;
    }
    snprintf(path, length, "%s/config.json", folder);
    struct fs_json_document *config = NULL;
    char *gguf;
    int result = fs_model_gguf_file(folder, &gguf, err);
    if (result == 0) {
        result = gguf != NULL ? load_metadata(gguf, &config, err) : fs_json_load(path, &config, err);
    }
    free(gguf);
    free(path);
    if (result == 0) {
        result = read_config(config, spec, notes, err);
    }
    fs_json_destroy(config);
    if (result != 0) {
        fs_spec_release(spec);
    }
    return result;
}
