#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/tokenizer/tokenizer_internal.h"

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

static int read_roles(struct fs_settings *settings, const struct fs_json_document *document, const char *source,
                      struct fs_error *err)
{
    for (int role = 0; role < FS_ROLES && document != NULL; role++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(fs_json_root(document), role_keys[role]);
        if (value == NULL || settings->given[role] != NULL) {
            continue;
        }
        settings->given[role] = source;
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

/* Special tokens in a text as text: a setting that transformers has and this program has not. */
static int refuse_split(const struct fs_json_document *config, struct fs_error *err)
{
    int split;
    if (read_flag(config, "split_special_tokens", &split, err) != 0) {
        return -1;
    }
    return split != 1 ? 0
                      : fs_json_wrong(config, "", "split_special_tokens", "true",
                                      "false: special tokens in a text are always their ids here", err);
}

int fs_settings_load(struct fs_settings *settings, const char *folder, struct fs_error *err)
{
    memset(settings, 0, sizeof *settings);
    settings->lower_case = settings->strip_accents = settings->chinese = settings->add_prefix_space = -1;
    settings->basic = -1;
    if (load_optional(folder, "tokenizer_config.json", &settings->config, err) ||
        load_optional(folder, "special_tokens_map.json", &settings->map, err) ||
        load_optional(folder, "added_tokens.json", &settings->added, err) ||
        load_optional(folder, "config.json", &settings->model, err)) {
        return -1;
    }
    const cJSON *added = settings->config == NULL
                             ? NULL
                             : cJSON_GetObjectItemCaseSensitive(fs_json_root(settings->config), "added_tokens_decoder");
    if (added != NULL && !cJSON_IsNull(added)) {
        if (!cJSON_IsObject(added)) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: added_tokens_decoder: found %s, expected an object",
                                fs_json_name(settings->config), fs_json_kind(added));
        }
        settings->added_tokens_decoder = added;
    }
    /* transformers reads the map for folders of older versions alone, and there it comes first. */
    if ((settings->added_tokens_decoder == NULL &&
         read_roles(settings, settings->map, "special_tokens_map.json", err)) ||
        read_roles(settings, settings->config, "tokenizer_config.json", err)) {
        return -1;
    }
    if (settings->config == NULL) {
        return 0;
    }
    return read_flag(settings->config, "do_lower_case", &settings->lower_case, err) ||
                   read_flag(settings->config, "strip_accents", &settings->strip_accents, err) ||
                   read_flag(settings->config, "tokenize_chinese_chars", &settings->chinese, err) ||
                   read_flag(settings->config, "add_prefix_space", &settings->add_prefix_space, err) ||
                   read_flag(settings->config, "do_basic_tokenize", &settings->basic, err) ||
                   refuse_split(settings->config, err)
               ? -1
               : 0;
}

void fs_settings_release(struct fs_settings *settings)
{
    fs_json_destroy(settings->config);
    fs_json_destroy(settings->map);
    fs_json_destroy(settings->added);
    fs_json_destroy(settings->model);
    memset(settings, 0, sizeof *settings);
}

/* Adds a token of added_tokens_decoder, or sets how a token of tokenizer.json is looked for: transformers takes this. */
static int add_or_replace(struct fs_tokenizer *tokenizer, const struct fs_added_token *token, struct fs_error *err)
{
    struct fs_added *added = &tokenizer->added;
    for (size_t i = 0; i < added->count; i++) {
        struct fs_added_token *known = &added->token[i];
        if (known->id == token->id &&
            (known->left_strip != token->left_strip || known->right_strip != token->right_strip ||
             known->single_word != token->single_word || known->normalized != token->normalized)) {
            known->left_strip = token->left_strip;
            known->right_strip = token->right_strip;
            known->single_word = token->single_word;
            known->normalized = token->normalized;
            return fs_explain(&tokenizer->explanation, FS_EXPLAIN_RULE, "tokenizer_config.json: added_tokens_decoder",
                              err, "token %d is looked for as this file says, which overrules tokenizer.json",
                              (int)token->id);
        }
    }
    return fs_added_add(added, token, err);
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
        if (add_or_replace(tokenizer, &token, err)) {
            return -1;
        }
    }
    return 0;
}

/* The lists of further special tokens; transformers 5 has a name for each too: an object. */
enum { ADDITIONAL_TOKENS, EXTRA_TOKENS, SPECIAL_LISTS };
static const char *const special_lists[SPECIAL_LISTS] = {
    [ADDITIONAL_TOKENS] = "additional_special_tokens", [EXTRA_TOKENS] = "extra_special_tokens"};

static const cJSON *special_list(const struct fs_json_document *document, int which)
{
    return document == NULL ? NULL : cJSON_GetObjectItemCaseSensitive(fs_json_root(document), special_lists[which]);
}

static bool lists_special(const struct fs_json_document *document, const char *content)
{
    const cJSON *item;
    for (int i = 0; i < SPECIAL_LISTS; i++) {
        cJSON_ArrayForEach(item, special_list(document, i))
        {
            const cJSON *text = cJSON_IsObject(item) ? cJSON_GetObjectItemCaseSensitive(item, "content") : item;
            if (cJSON_IsString(text) && strcmp(text->valuestring, content) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* What transformers does and we do not: it gives such a token an id behind the last one, where no row belongs to it. */
static int explain_missing(struct fs_tokenizer *tokenizer, const char *what, const char *source, const char *content,
                           struct fs_error *err)
{
    return fs_explain(&tokenizer->explanation, FS_EXPLAIN_VERSION, source, err,
                      "%s \"%.60s\" is not in the vocabulary: transformers adds it behind the last id, here it is text",
                      what, content);
}

/* Tokens of the lists that the vocabulary has are special: looked for in the source text. */
static int apply_special_list(const struct fs_json_document *document, const char *source,
                              struct fs_tokenizer *tokenizer, struct fs_error *err)
{
    const cJSON *item;
    for (int i = 0; i < SPECIAL_LISTS; i++) {
        const cJSON *list = special_list(document, i);
        if (list != NULL && !cJSON_IsNull(list) && !cJSON_IsArray(list) && !cJSON_IsObject(list)) {
            return fs_json_wrong(document, "", special_lists[i], fs_json_kind(list), "an array or an object", err);
        }
        if (i == EXTRA_TOKENS && cJSON_IsArray(list) && list->child != NULL &&
            fs_explain(&tokenizer->explanation, FS_EXPLAIN_VERSION, source, err,
                       "transformers 4 cannot read a list of extra_special_tokens")) {
            return -1;
        }
        cJSON_ArrayForEach(item, list)
        {
            struct fs_added_token token;
            if (fs_added_read(&token, document, item, special_lists[i], err)) {
                return -1;
            }
            if (cJSON_IsObject(item) && cJSON_GetObjectItemCaseSensitive(item, "normalized") == NULL) {
                token.normalized = false;
            }
            token.id = fs_vocabulary_find_any(&tokenizer->vocabulary, token.content, strlen(token.content));
            if (token.id >= 0 ? fs_added_add(&tokenizer->added, &token, err)
                              : explain_missing(tokenizer, special_lists[i], source, token.content, err)) {
                return -1;
            }
        }
    }
    return 0;
}

static const char *role_content(const struct fs_settings *settings, const char *const *fallback, int role)
{
    return settings->given[role] != NULL ? settings->role[role].content : fallback[role];
}

/* Which of the tokenizer's other files count. */
static int explain_files(const struct fs_settings *settings, struct fs_tokenizer *tokenizer, struct fs_error *err)
{
    const struct {
        const struct fs_json_document *document;
        const char *file;
    } others[] = {{settings->config, "tokenizer_config.json"},
                  {settings->map, "special_tokens_map.json"},
                  {settings->added, "added_tokens.json"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        bool read = settings->added_tokens_decoder == NULL || others[i].document == settings->config;
        if (others[i].document != NULL &&
            fs_explain(&tokenizer->explanation, FS_EXPLAIN_FILE, "", err, "%s%s", others[i].file,
                       read ? "" : " is not read: tokenizer_config.json has added_tokens_decoder")) {
            return -1;
        }
    }
    return 0;
}

static int explain_added(struct fs_tokenizer *tokenizer, struct fs_error *err)
{
    size_t normalized = 0;
    for (size_t i = 0; i < tokenizer->added.count; i++) {
        normalized += tokenizer->added.token[i].normalized;
    }
    return fs_explain(&tokenizer->explanation, FS_EXPLAIN_TOKEN, "", err,
                      "%zu special and added tokens are looked for in texts, %zu of them in normalized text",
                      tokenizer->added.count, normalized);
}

/*
 * added_tokens.json of folders saved before added_tokens_decoder was (transformers 4.34), {token: id}: special tokens
 * are looked for in the source text, others in the normalized one.
 */
static int apply_added_file(const struct fs_settings *settings, const char *const *fallback,
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
        if (fs_json_exact_size(item, &id) != 0 || id >= (size_t)FS_VOCABULARY_LIMIT) {
            return fs_json_wrong(settings->added, "", item->string,
                                 cJSON_IsNumber(item) ? "a number that is no id" : fs_json_kind(item),
                                 "an id: an integer from 0", err);
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
            const char *content = role_content(settings, fallback, i);
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

/* Loaders that have no folder leave the class out: then none of its rules counts. */
static const struct fs_tokenizer_class *class_of(const struct fs_settings *settings)
{
    return settings->class != NULL ? settings->class : fs_tokenizer_class_of_files(FS_CLASS_JSON);
}

/* The special token of a role: which id it has, who says so, and that it is looked for in texts. */
static int apply_role(const struct fs_settings *settings, struct fs_tokenizer *tokenizer, int role,
                      const char *const *fallback, int32_t *id, struct fs_error *err)
{
    const struct fs_tokenizer_class *class = class_of(settings);
    struct fs_added_token token = settings->role[role];
    const char *source = settings->given[role];
    char class_source[128];
    bool guessed = source == NULL && class->roles == NULL;
    *id = -1;
    if (source == NULL) {
        snprintf(class_source, sizeof class_source, "%s%s",
                 guessed ? "a guess: the vocabulary has it, and no file or class names one" : "default of ",
                 guessed ? "" : class->name);
        source = class_source;
        token.content = (char *)(uintptr_t)fallback[role]; /* copied by fs_added_add */
        token.left_strip = role == FS_ROLE_MASK && !guessed && class->mask != FS_MASK_PLAIN;
    }
    if (token.content == NULL) {
        return 0;
    }
    token.id = fs_vocabulary_find_any(&tokenizer->vocabulary, token.content, strlen(token.content));
    if (token.id < 0) {
        return guessed ? 0 : explain_missing(tokenizer, role_keys[role], source, token.content, err);
    }
    *id = token.id;
    if (token.left_strip && settings->given[role] == NULL && class->mask == FS_MASK_STRIPS_IN_4 &&
        !fs_added_has(&tokenizer->added, token.id) &&
        fs_explain(&tokenizer->explanation, FS_EXPLAIN_VERSION, source, err,
                   "%s takes the white space before it, as in transformers 4; in transformers 5 it does not",
                   token.content)) {
        return -1;
    }
    if (!guessed && fs_added_add(&tokenizer->added, &token, err)) {
        return -1;
    }
    return fs_explain(&tokenizer->explanation, FS_EXPLAIN_TOKEN, source, err, "%s %s = %d", role_keys[role],
                      token.content, (int)token.id);
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
    const char *const *fallback = class_of(settings)->roles != NULL ? class_of(settings)->roles : defaults;
    if (explain_files(settings, tokenizer, err) || apply_added_tokens(settings, tokenizer, err) ||
        apply_added_file(settings, fallback, tokenizer, err) ||
        fs_vocabulary_complete(&tokenizer->vocabulary, name, err)) {
        return -1;
    }
    for (int role = 0; role < FS_ROLES; role++) {
        if (apply_role(settings, tokenizer, role, fallback, slot[role], err)) {
            return -1;
        }
    }
    if ((settings->added_tokens_decoder == NULL &&
         apply_special_list(settings->map, "special_tokens_map.json", tokenizer, err)) ||
        apply_special_list(settings->config, "tokenizer_config.json", tokenizer, err) ||
        explain_added(tokenizer, err)) {
        return -1;
    }
    return fs_added_prepare(&tokenizer->added, &tokenizer->normalizer, err);
}
