#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/tokenizer/tokenizer_internal.h"

const char *const fs_bert_roles[FS_ROLES] = {[FS_ROLE_CLS] = "[CLS]",
                                             [FS_ROLE_SEP] = "[SEP]",
                                             [FS_ROLE_MASK] = "[MASK]",
                                             [FS_ROLE_UNKNOWN] = "[UNK]",
                                             [FS_ROLE_PAD] = "[PAD]"};
const char *const fs_gpt2_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "<|endoftext|>", [FS_ROLE_END] = "<|endoftext|>", [FS_ROLE_UNKNOWN] = "<|endoftext|>"};
const char *const fs_llama_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "<s>", [FS_ROLE_END] = "</s>", [FS_ROLE_UNKNOWN] = "<unk>"};
const char *const fs_roberta_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "<s>",   [FS_ROLE_END] = "</s>",      [FS_ROLE_CLS] = "<s>",  [FS_ROLE_SEP] = "</s>",
    [FS_ROLE_MASK] = "<mask>", [FS_ROLE_UNKNOWN] = "<unk>", [FS_ROLE_PAD] = "<pad>"};

static const char *const role_keys[FS_ROLES] = {"bos_token",  "eos_token", "cls_token", "sep_token",
                                                "mask_token", "unk_token", "pad_token"};

/* Loads a file of the folder, if it is there; it must be a JSON object. */
static int load_optional(const char *folder, const char *file, struct fs_json_document **document, struct fs_error *err)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, file) >= sizeof path) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%.200s...: the path is too long", folder);
    }
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        return 0;
    }
    if (fs_json_load(path, document, err)) {
        return -1;
    }
    if (!cJSON_IsObject(fs_json_root(*document))) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %s, expected an object", path,
                            fs_json_kind(fs_json_root(*document)));
    }
    return 0;
}

static int read_flag(const struct fs_json_document *document, const char *key, int *flag, struct fs_error *err)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(fs_json_root(document), key);
    bool found = false;
    *flag = -1;
    if (value == NULL || cJSON_IsNull(value)) {
        return 0;
    }
    if (fs_json_bool_optional(document, fs_json_root(document), "", key, &found, err)) {
        return -1;
    }
    *flag = found;
    return 0;
}

static int read_roles(struct fs_settings *settings, const struct fs_json_document *document, struct fs_error *err)
{
    for (int role = 0; role < FS_ROLES && document != NULL; role++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(fs_json_root(document), role_keys[role]);
        if (value == NULL || settings->given[role]) {
            continue;
        }
        settings->given[role] = true;
        if (!cJSON_IsNull(value) && fs_added_read(&settings->role[role], document, value, role_keys[role], err)) {
            return -1;
        }
        /* Special tokens are looked for in the source text unless their entry says otherwise. */
        if (cJSON_IsObject(value) && cJSON_GetObjectItemCaseSensitive(value, "normalized") == NULL) {
            settings->role[role].normalized = false;
        }
    }
    return 0;
}

int fs_settings_load(struct fs_settings *settings, const char *folder, struct fs_error *err)
{
    memset(settings, 0, sizeof *settings);
    settings->lower_case = settings->strip_accents = settings->chinese = settings->add_prefix_space = -1;
    if (load_optional(folder, "tokenizer_config.json", &settings->config, err) ||
        load_optional(folder, "special_tokens_map.json", &settings->map, err) ||
        load_optional(folder, "added_tokens.json", &settings->added, err) ||
        read_roles(settings, settings->config, err) || read_roles(settings, settings->map, err)) {
        return -1;
    }
    if (settings->config == NULL) {
        return 0;
    }
    const cJSON *added = cJSON_GetObjectItemCaseSensitive(fs_json_root(settings->config), "added_tokens_decoder");
    if (added != NULL && !cJSON_IsNull(added)) {
        if (!cJSON_IsObject(added)) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: added_tokens_decoder: found %s, expected an object",
                                fs_json_name(settings->config), fs_json_kind(added));
        }
        settings->added_tokens_decoder = added;
    }
    if (read_flag(settings->config, "do_lower_case", &settings->lower_case, err) ||
        read_flag(settings->config, "strip_accents", &settings->strip_accents, err) ||
        read_flag(settings->config, "tokenize_chinese_chars", &settings->chinese, err) ||
        read_flag(settings->config, "add_prefix_space", &settings->add_prefix_space, err)) {
        return -1;
    }
    return 0;
}

void fs_settings_release(struct fs_settings *settings)
{
    fs_json_destroy(settings->config);
    fs_json_destroy(settings->map);
    fs_json_destroy(settings->added);
    memset(settings, 0, sizeof *settings);
}

static int apply_added_tokens(const struct fs_settings *settings, struct fs_tokenizer *tokenizer, struct fs_error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, settings->added_tokens_decoder)
    {
        struct fs_added_token token;
        char *end;
        const char *name = fs_json_name(settings->config);
        errno = 0;
        long id = strtol(item->string, &end, 10);
        if (errno || end == item->string || *end || id < 0 || id >= FS_VOCABULARY_LIMIT) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: added_tokens_decoder: key \"%.60s\": expected a token id", name,
                                item->string);
        }
        if (fs_added_read(&token, settings->config, item, "added_tokens_decoder", err)) {
            return -1;
        }
        size_t length = strlen(token.content);
        int32_t known = fs_vocabulary_find_any(&tokenizer->vocabulary, token.content, length);
        if (known >= 0 && known != id) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: added_tokens_decoder: token \"%.60s\" has id %ld, but %d in the vocabulary; take "
                                "both files from the same model",
                                name, token.content, id, (int)known);
        }
        if (known < 0 && fs_vocabulary_add(&tokenizer->vocabulary, name, token.content, length, id, true, err)) {
            return -1;
        }
        token.id = (int32_t)id;
        if (fs_added_add(&tokenizer->added, &token, err)) {
            return -1;
        }
    }
    return 0;
}

static bool lists_special(const struct fs_json_document *document, const char *content)
{
    const cJSON *item, *list = document == NULL ? NULL
                                                : cJSON_GetObjectItemCaseSensitive(fs_json_root(document),
                                                                                   "additional_special_tokens");
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *text = cJSON_IsObject(item) ? cJSON_GetObjectItemCaseSensitive(item, "content") : item;
        if (cJSON_IsString(text) && strcmp(text->valuestring, content) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * added_tokens.json of folders saved before added_tokens_decoder was (transformers 4.34), {token: id}: special tokens
 * are looked for in the source text, others in the normalized one.
 */
static int apply_added_file(const struct fs_settings *settings, const char *const *defaults,
                            struct fs_tokenizer *tokenizer, struct fs_error *err)
{
    const cJSON *item;
    if (settings->added == NULL || settings->added_tokens_decoder != NULL) {
        return 0;
    }
    const char *name = fs_json_name(settings->added);
    cJSON_ArrayForEach(item, fs_json_root(settings->added))
    {
        size_t id, length = strlen(item->string);
        struct fs_added_token token = {.content = item->string};
        bool role = false;
        if (length == 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: found an empty token, expected some text", name);
        }
        if (fs_json_size(settings->added, fs_json_root(settings->added), "", item->string,
                         (struct fs_size_range){0, (size_t)FS_VOCABULARY_LIMIT - 1}, &id, err)) {
            return -1;
        }
        int32_t known = fs_vocabulary_find_any(&tokenizer->vocabulary, item->string, length);
        if (known >= 0 && (size_t)known != id) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: token \"%.60s\" has id %zu, but %d in the vocabulary; take both files from the "
                                "same model",
                                name, item->string, id, (int)known);
        }
        if (known < 0 &&
            fs_vocabulary_add(&tokenizer->vocabulary, name, item->string, length, (int64_t)id, true, err)) {
            return -1;
        }
        for (int i = 0; i < FS_ROLES && !role; i++) {
            const char *content = settings->given[i] ? settings->role[i].content : defaults[i];
            role = content != NULL && strcmp(content, item->string) == 0;
        }
        token.id = (int32_t)id;
        token.normalized =
            !lists_special(settings->config, item->string) && !lists_special(settings->map, item->string);
        if (!role && fs_added_add(&tokenizer->added, &token, err)) { /* a role's own entry says how it is looked for */
            return -1;
        }
    }
    return 0;
}

int fs_settings_apply(const struct fs_settings *settings, struct fs_tokenizer *tokenizer, const char *name,
                      const char *const *defaults, struct fs_error *err)
{
    int32_t *const slot[FS_ROLES] = {&tokenizer->special.begin_of_text,
                                     &tokenizer->special.end_of_text,
                                     &tokenizer->special.cls,
                                     &tokenizer->special.sep,
                                     &tokenizer->special.mask,
                                     &tokenizer->special.unknown,
                                     &tokenizer->special.pad};
    if (apply_added_tokens(settings, tokenizer, err) || apply_added_file(settings, defaults, tokenizer, err) ||
        fs_vocabulary_complete(&tokenizer->vocabulary, name, err)) {
        return -1;
    }
    for (int role = 0; role < FS_ROLES; role++) {
        struct fs_added_token token = settings->role[role];
        *slot[role] = -1;
        if (!settings->given[role]) {
            token.content = (char *)(uintptr_t)defaults[role]; /* copied by fs_added_add */
        }
        if (token.content == NULL) {
            continue;
        }
        token.id = fs_vocabulary_find_any(&tokenizer->vocabulary, token.content, strlen(token.content));
        *slot[role] = token.id;
        if (token.id >= 0 && fs_added_add(&tokenizer->added, &token, err)) {
            return -1;
        }
    }
    return fs_added_prepare(&tokenizer->added, &tokenizer->normalizer, err);
}
