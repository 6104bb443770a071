/* tokenizer.json of HuggingFace's `tokenizers`: read as it is; a part that we do not have is an error. */
#include <stdlib.h>
#include <string.h>

#include "model/tokenizer/explain_json.h"
#include "model/tokenizer/json_part.h"
#include "model/tokenizer/overrule.h"
#include "model/tokenizer/tokenizer_internal.h"

/* Adds a token as a JSON string has it, NUL and all. */
static int add_token(struct fs_vocabulary *vocabulary, const char *name, const char *text, int64_t id, bool added,
                     struct fs_error *err)
{
    char *bytes = NULL;
    size_t length = strlen(text);
    if (strstr(text, FS_JSON_NUL) == NULL) {
        return fs_vocabulary_add(vocabulary, name, text, length, id, added, err);
    }
    int status = fs_json_bytes(text, &bytes, &length, err) == 0
                     ? fs_vocabulary_add(vocabulary, name, bytes, length, id, added, err)
                     : -1;
    free(bytes);
    return status;
}

/* Sets the id of a token as a JSON string has it, -1: none. */
static int find_token(const struct fs_vocabulary *vocabulary, const char *text, int32_t *id, struct fs_error *err)
{
    char *bytes = NULL;
    size_t length = strlen(text);
    if (strstr(text, FS_JSON_NUL) != NULL && fs_json_bytes(text, &bytes, &length, err) != 0) {
        return -1;
    }
    *id = fs_vocabulary_find_any(vocabulary, bytes != NULL ? bytes : text, length);
    free(bytes);
    return 0;
}

int fs_load_vocabulary_object(struct fs_vocabulary *vocabulary, const struct fs_json_document *document,
                              const cJSON *object, const char *where, struct fs_error *err)
{
    const char *name = fs_json_name(document);
    const cJSON *item;
    if (!cJSON_IsObject(object)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s: found %s, expected an object of tokens and ids", name, where,
                            fs_json_kind(object));
    }
    cJSON_ArrayForEach(item, object)
    {
        /* Out of range as a double is out of range as an id; NaN is no JSON. */
        if (!cJSON_IsNumber(item) || item->valuedouble < -1 || item->valuedouble > (double)FS_VOCABULARY_LIMIT ||
            (double)(int64_t)item->valuedouble != item->valuedouble) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: %s: token \"%.60s\": found %s, expected an id: an integer from 0", name, where,
                                item->string, cJSON_IsNumber(item) ? "a number that is no id" : fs_json_kind(item));
        }
        if (add_token(vocabulary, name, item->string, (int64_t)item->valuedouble, false, err)) {
            return -1;
        }
    }
    return 0;
}

/* Tokens of the added_tokens list: those that the model's vocabulary has too must have the same id there. */
static int load_added_tokens(struct fs_tokenizer *tokenizer, const struct fs_json_document *document, const cJSON *list,
                             struct fs_error *err)
{
    const cJSON *item;
    if (list == NULL || cJSON_IsNull(list)) {
        return 0;
    }
    if (!cJSON_IsArray(list)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: added_tokens: found %s, expected an array", fs_json_name(document),
                            fs_json_kind(list));
    }
    cJSON_ArrayForEach(item, list)
    {
        struct fs_added_token token;
        size_t id;
        if (!cJSON_IsObject(item)) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: added_tokens: found %s, expected objects",
                                fs_json_name(document), fs_json_kind(item));
        }
        if (fs_added_read(&token, document, item, "added_tokens", err) ||
            fs_json_size(document, item, "added_tokens", "id",
                         (struct fs_size_range){0, (size_t)FS_VOCABULARY_LIMIT - 1}, &id, err)) {
            return -1;
        }
        int32_t known = -1;
        if (find_token(&tokenizer->vocabulary, token.content, &known, err)) {
            return -1;
        }
        if (known >= 0 && (size_t)known != id) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: added_tokens: token \"%.60s\" has id %zu, but %d in model.vocab; make them equal",
                                fs_json_name(document), token.content, id, (int)known);
        }
        token.id = (int32_t)id;
        if ((known < 0 &&
             add_token(&tokenizer->vocabulary, fs_json_name(document), token.content, (int64_t)id, true, err)) ||
            fs_added_add(&tokenizer->added, &token, err)) {
            return -1;
        }
    }
    return 0;
}

/* The two texts of a merge: "a b" or ["a", "b"]. */
static int merge_parts(const struct fs_json_document *document, const cJSON *item, uint32_t rank,
                       struct fs_bpe_part *left, struct fs_bpe_part *right, struct fs_error *err)
{
    if (cJSON_IsString(item)) {
        const char *space = strchr(item->valuestring, ' ');
        if (space != NULL && strchr(space + 1, ' ') == NULL) {
            *left = (struct fs_bpe_part){item->valuestring, (size_t)(space - item->valuestring)};
            *right = (struct fs_bpe_part){space + 1, strlen(space + 1)};
            return 0;
        }
    } else if (cJSON_IsArray(item) && cJSON_GetArraySize(item) == 2 && cJSON_IsString(item->child) &&
               cJSON_IsString(item->child->next)) {
        const char *first = item->child->valuestring, *second = item->child->next->valuestring;
        *left = (struct fs_bpe_part){first, strlen(first)};
        *right = (struct fs_bpe_part){second, strlen(second)};
        return 0;
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: model.merges: merge %u: found %s, expected \"a b\" with one space or [\"a\", \"b\"]",
                        fs_json_name(document), rank + 1, fs_json_kind(item));
}

/* The id of model.unk_token, -1 where it is null. */
static int load_unknown(struct fs_tokenizer *tokenizer, const struct fs_json_document *document, const cJSON *model,
                        int32_t *unknown, struct fs_error *err)
{
    const char *text = NULL;
    *unknown = -1;
    if (fs_json_text_optional(document, model, "model", "unk_token", &text, err)) {
        return -1;
    }
    if (text == NULL) {
        return 0;
    }
    *unknown = fs_vocabulary_find_any(&tokenizer->vocabulary, text, strlen(text));
    if (*unknown < 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: model.unk_token: \"%.60s\" is not in the vocabulary",
                            fs_json_name(document), text);
    }
    return 0;
}

/* What is written before or behind some of BPE's symbols. With byte_fallback it would become bytes, which no text has.
 */
static int load_affix(const struct fs_json_document *document, const cJSON *model, const char *key, bool byte_fallback,
                      char **affix, struct fs_error *err)
{
    const char *text = "";
    if (fs_json_text_optional(document, model, "model", key, &text, err)) {
        return -1;
    }
    if (text[0] == '\0') {
        return 0;
    }
    if (strlen(text) > FS_BPE_AFFIX || byte_fallback) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: model.%s: \"%.60s\" is not supported, expected %s",
                            fs_json_name(document), key, text,
                            byte_fallback ? "null, as model.byte_fallback is true" : "at most 64 bytes");
    }
    *affix = strdup(text);
    return *affix != NULL ? 0 : fs_error_memory(err, strlen(text), "an affix");
}

static int load_bpe(struct fs_tokenizer *tokenizer, const struct fs_json_document *document, const cJSON *model,
                    struct fs_error *err)
{
    static const char *const keys[] = {"type",
                                       "dropout",
                                       "unk_token",
                                       "continuing_subword_prefix",
                                       "end_of_word_suffix",
                                       "fuse_unk",
                                       "byte_fallback",
                                       "ignore_merges",
                                       "vocab",
                                       "merges",
                                       NULL};
    struct fs_bpe *bpe = &tokenizer->bpe;
    const cJSON *merges, *item;
    double dropout = 0;
    uint32_t rank = 0;
    tokenizer->model = FS_MODEL_BPE;
    bpe->vocabulary = &tokenizer->vocabulary;
    if (fs_json_part_keys(document, model, "model", keys, err) ||
        fs_json_number_optional(document, model, "model", "dropout", (struct fs_number_range){0, 1}, &dropout, err) ||
        fs_json_bool_optional(document, model, "model", "fuse_unk", &bpe->fuse_unknown, err) ||
        fs_json_bool_optional(document, model, "model", "byte_fallback", &bpe->byte_fallback, err) ||
        load_affix(document, model, "continuing_subword_prefix", bpe->byte_fallback, &bpe->prefix, err) ||
        load_affix(document, model, "end_of_word_suffix", bpe->byte_fallback, &bpe->suffix, err) ||
        fs_json_bool_optional(document, model, "model", "ignore_merges", &bpe->ignore_merges, err) ||
        load_unknown(tokenizer, document, model, &bpe->unknown, err) ||
        fs_json_array(document, model, "model", "merges", &merges, err)) {
        return -1;
    }
    if (dropout > 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: model.dropout: %g is not supported, expected null",
                            fs_json_name(document), dropout);
    }
    /* A character without token becomes bytes, or has an affix: so it must be a character. */
    if (bpe->byte_fallback || bpe->prefix != NULL || bpe->suffix != NULL) {
        fs_pretokenizer_map_bytes(&tokenizer->pretokenizer);
    }
    bpe->byte_level = fs_pretokenizer_leaves_bytes(&tokenizer->pretokenizer);
    cJSON_ArrayForEach(item, merges)
    {
        struct fs_bpe_part left, right;
        if (merge_parts(document, item, rank, &left, &right, err) ||
            fs_bpe_add_merge(bpe, fs_json_name(document), left, right, rank, err)) {
            return -1;
        }
        rank++;
    }
    fs_bpe_find_bytes(bpe);
    return 0;
}

static int load_wordpiece(struct fs_tokenizer *tokenizer, const struct fs_json_document *document, const cJSON *model,
                          struct fs_error *err)
{
    static const char *const keys[] = {"type",  "unk_token", "continuing_subword_prefix", "max_input_chars_per_word",
                                       "vocab", NULL};
    const char *prefix = "##";
    size_t max_characters = 100;
    int32_t unknown;
    tokenizer->model = FS_MODEL_WORDPIECE;
    if (fs_json_part_keys(document, model, "model", keys, err) ||
        fs_json_text_optional(document, model, "model", "continuing_subword_prefix", &prefix, err) ||
        fs_json_size_optional(document, model, "model", "max_input_chars_per_word", (struct fs_size_range){1, 1 << 20},
                              &max_characters, err) ||
        load_unknown(tokenizer, document, model, &unknown, err)) {
        return -1;
    }
    if (unknown < 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: model.unk_token: found nothing, expected a token",
                            fs_json_name(document));
    }
    return fs_wordpiece_init(&tokenizer->wordpiece, &tokenizer->vocabulary, prefix, max_characters, unknown, err);
}

/* A class without names of its own leaves them to the files: where these are silent too, tokens that are there. */
static const char *const *bpe_roles(const struct fs_tokenizer *tokenizer, bool byte_level)
{
    static const enum fs_role needed[] = {FS_ROLE_CLS, FS_ROLE_SEP, FS_ROLE_MASK};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        const char *token = fs_roberta_roles[needed[i]];
        if (fs_vocabulary_find_any(&tokenizer->vocabulary, token, strlen(token)) < 0) {
            return byte_level ? fs_gpt2_roles : fs_llama_roles;
        }
    }
    return fs_roberta_roles;
}

/* Files of the library's first versions have no type: it is told by the other keys. */
static int model_type(const struct fs_json_document *document, const cJSON *model, const char **type,
                      struct fs_error *err)
{
    if (cJSON_GetObjectItemCaseSensitive(model, "type") != NULL) {
        return fs_json_part_type(document, model, "model", type, err);
    }
    *type = cJSON_GetObjectItemCaseSensitive(model, "merges") != NULL                     ? "BPE"
            : cJSON_GetObjectItemCaseSensitive(model, "max_input_chars_per_word") != NULL ? "WordPiece"
            : cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(model, "vocab"))             ? "Unigram"
                                                                                          : "WordLevel";
    return 0;
}

static int load_model(struct fs_tokenizer *tokenizer, const struct fs_settings *settings,
                      const struct fs_json_document *document, const cJSON *root, struct fs_error *err)
{
    const char *name = fs_json_name(document), *type;
    const cJSON *model, *vocab;
    if (fs_json_object(document, root, "", "model", &model, err) || model_type(document, model, &type, err)) {
        return -1;
    }
    bool wordpiece = strcmp(type, "WordPiece") == 0, unigram = strcmp(type, "Unigram") == 0;
    bool word_level = strcmp(type, "WordLevel") == 0;
    if (!wordpiece && !unigram && !word_level && strcmp(type, "BPE") != 0) {
        return fs_json_part_unsupported(document, "model", type, "WordPiece, BPE, Unigram, WordLevel", err);
    }
    if ((unigram ? fs_load_pieces(&tokenizer->vocabulary, document, model, err)
                 : fs_json_object(document, model, "model", "vocab", &vocab, err) ||
                       fs_load_vocabulary_object(&tokenizer->vocabulary, document, vocab, "model.vocab", err)) ||
        load_added_tokens(tokenizer, document, cJSON_GetObjectItemCaseSensitive(root, "added_tokens"), err)) {
        return -1;
    }
    if (wordpiece) {
        fs_pretokenizer_map_bytes(&tokenizer->pretokenizer);
        if (load_wordpiece(tokenizer, document, model, err)) {
            return -1;
        }
        return fs_settings_apply(settings, tokenizer, name, fs_bert_roles, err);
    }
    if (unigram || word_level) {
        fs_pretokenizer_map_bytes(&tokenizer->pretokenizer);
    }
    if (unigram      ? fs_load_unigram(tokenizer, document, model, err)
        : word_level ? fs_load_word_level(tokenizer, document, model, err)
                     : load_bpe(tokenizer, document, model, err)) {
        return -1;
    }
    bool byte_level =
        fs_pretokenizer_is_byte_level(&tokenizer->pretokenizer) || fs_normalizer_is_byte_level(&tokenizer->normalizer);
    return fs_settings_apply(settings, tokenizer, name, bpe_roles(tokenizer, byte_level), err);
}

/* transformers 4 takes the token that tokenizer.json pads with for a special one. */
static int explain_padding(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const cJSON *root,
                           struct fs_error *err)
{
    const cJSON *token =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, "padding"), "pad_token");
    return !cJSON_IsString(token) || settings->given[FS_ROLE_PAD] != NULL
               ? 0
               : fs_explain(
                     &tokenizer->explanation, FS_EXPLAIN_VERSION, "tokenizer.json: padding", err,
                     "transformers 4 takes pad_token %.60s for a special token; here it is one where another key "
                     "says so",
                     token->valuestring);
}

static int load_root(struct fs_tokenizer *tokenizer, const struct fs_settings *settings,
                     const struct fs_json_document *document, struct fs_error *err)
{
    /* Truncation, padding and post_processor act on whole inputs with special tokens, which are not made here. */
    static const char *const keys[] = {"version",       "truncation",     "padding", "added_tokens", "normalizer",
                                       "pre_tokenizer", "post_processor", "decoder", "model",        NULL};
    const cJSON *root = fs_json_root(document);
    if (!cJSON_IsObject(root)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %s, expected an object", fs_json_name(document),
                            fs_json_kind(root));
    }
    if (fs_json_part_keys(document, root, "root", keys, err) ||
        fs_normalizer_load(&tokenizer->normalizer, document, cJSON_GetObjectItemCaseSensitive(root, "normalizer"),
                           "normalizer", err) ||
        fs_pretokenizer_load(&tokenizer->pretokenizer, document,
                             cJSON_GetObjectItemCaseSensitive(root, "pre_tokenizer"), "pre_tokenizer", err) ||
        fs_decoder_load(&tokenizer->decoder, document, cJSON_GetObjectItemCaseSensitive(root, "decoder"), "decoder",
                        err)) {
        return -1;
    }
    /* The class's settings come before the tokens: these are looked for in normalized text. */
    if (fs_explain_json(&tokenizer->explanation, root, err) || explain_padding(tokenizer, settings, root, err) ||
        fs_overrule(tokenizer, settings, root, err)) {
        return -1;
    }
    return load_model(tokenizer, settings, document, root, err);
}

int fs_load_tokenizer_json(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *path,
                           struct fs_error *err)
{
    struct fs_json_document *document;
    if (fs_json_load_with_nul(path, &document, err)) {
        return -1;
    }
    int status = load_root(tokenizer, settings, document, err);
    fs_json_destroy(document);
    return status;
}
