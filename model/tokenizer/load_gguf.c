/*
 * The tokenizer in the metadata of a GGUF file. tokenizer.ggml.model is the kind of vocabulary: "gpt2" (byte-level BPE:
 * tokens, merges, and by name in tokenizer.ggml.pre the pattern that cuts a text into words) or "llama" (SentencePiece:
 * tokens, scores, types). Ids are those of the tokenizer.json or tokenizer.model that the file was made from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/gguf.h"
#include "io/utf8.h"
#include "model/tokenizer/sentencepiece.h"
#include "model/tokenizer/tokenizer_internal.h"

#define GGML "tokenizer.ggml."
#define TOKEN_MOST 65536 /* bytes */

/* Parts of tokenizer.json. */
#define SPLIT(pattern)                                                                                                 \
    "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"" pattern "\"}, \"behavior\": \"Isolated\", \"invert\": "        \
    "false}, "
#define DIGITS "{\"type\": \"Digits\", \"individual_digits\": true}, "
#define BYTES "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": false}"
#define WORDS "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}"
#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)"
#define LETTERS "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|"
#define REST "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define UPPER "\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}"
#define LOWER "\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}"
#define LEAD "[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?"
#define TEKKEN                                                                                                         \
    LEAD "[" UPPER "]*[" LOWER "]+|" LEAD "[" UPPER "]+[" LOWER "]*|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]" \
         "*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define HAN "[\xe4\xb8\x80-\xe9\xbe\xa5\xe0\xa0\x80-\xe4\xb8\x80\xea\xb0\x80-\xed\x9f\xbf]+" /* and Hangul */

/* What tokenizer.ggml.pre stands for, as the tokenizer.json of the models has it: the parts of a Sequence. */
static const struct pre {
    const char *name, *pretokenizers;
    bool ignore_merges, nfc;
} pres[] = {
    {"gpt-2", WORDS, false, false},
    {"smollm", DIGITS WORDS, false, false},
    {"starcoder", DIGITS WORDS, false, false},
    {"refact", DIGITS WORDS, false, false},
    {"llama-bpe", SPLIT(LETTERS "\\\\p{N}{1,3}" REST) BYTES, true, false},
    {"llama3", SPLIT(LETTERS "\\\\p{N}{1,3}" REST) BYTES, true, false},
    {"llama-v3", SPLIT(LETTERS "\\\\p{N}{1,3}" REST) BYTES, true, false},
    {"qwen2", SPLIT(LETTERS "\\\\p{N}" REST) BYTES, false, true},
    {"tekken", SPLIT(TEKKEN) BYTES, true, false},
    {"deepseek-coder", SPLIT("[\\\\r\\\\n]") SPLIT("\\\\s?\\\\p{L}+") SPLIT("\\\\s?\\\\p{P}+") SPLIT(HAN) DIGITS BYTES,
     false, false},
    /* llama.cpp's own, where the converter knew no better */
    {"default",
     SPLIT("[\\\\p{P}\\\\$\\\\+<=>\\\\^~\\\\|]+") SPLIT(GPT2) SPLIT("\\\\p{N}+") SPLIT("[0-9][0-9][0-9]") BYTES, false,
     false},
};
#define PRES (sizeof pres / sizeof *pres)

/* The metadata while it is read. Types are those of SentencePiece's pieces, for both kinds. */
struct source {
    const struct fs_gguf *gguf;
    const struct fs_gguf_value *tokens, *types, *scores, *merges; /* NULL: not there */
};

static enum fs_piece_type type_of(const struct source *source, size_t id)
{
    return source->types != NULL ? (enum fs_piece_type)fs_gguf_i32(source->types, id) : FS_PIECE_NORMAL;
}

static int wrong_length(const struct source *source, const char *key, size_t found, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: %s: found %zu items, expected %zu, one for each of tokenizer.ggml.tokens",
                        source->gguf->path, key, found, source->tokens->count);
}

static int find_arrays(struct source *source, struct fs_error *err)
{
    const struct fs_gguf *gguf = source->gguf;
    if (fs_gguf_array(gguf, GGML "tokens", FS_GGUF_TEXT, &source->tokens, err) != 0 ||
        fs_gguf_array(gguf, GGML "token_type", FS_GGUF_I32, &source->types, err) != 0 ||
        fs_gguf_array(gguf, GGML "scores", FS_GGUF_F32, &source->scores, err) != 0 ||
        fs_gguf_array(gguf, GGML "merges", FS_GGUF_TEXT, &source->merges, err) != 0) {
        return -1;
    }
    if (source->tokens == NULL) {
        return fs_gguf_wrong(gguf, GGML "tokens", "nothing", "the tokens of a vocabulary", err);
    }
    if (source->types != NULL && source->types->count != source->tokens->count) {
        return wrong_length(source, GGML "token_type", source->types->count, err);
    }
    if (source->scores != NULL && source->scores->count != source->tokens->count) {
        return wrong_length(source, GGML "scores", source->scores->count, err);
    }
    for (size_t id = 0; id < source->tokens->count; id++) {
        int32_t type = (int32_t)type_of(source, id);
        if (type < FS_PIECE_NORMAL || type > FS_PIECE_BYTE) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: " GGML "token_type: token %zu: found type %d, expected 1 to 6",
                                gguf->path, id, (int)type);
        }
    }
    return 0;
}

/* The next token: UTF-8, not empty, no NUL. */
static int next_token(const struct source *source, const unsigned char **at, size_t id, const unsigned char **text,
                      size_t *length, struct fs_error *err)
{
    *text = fs_gguf_next_text(at, length);
    return *length > 0 && *length <= TOKEN_MOST && fs_utf8_is_text(*text, *length)
               ? 0
               : fs_error_set(err, FS_EXIT_DATA,
                              "%s: " GGML "tokens: token %zu: expected 1 to %d bytes of UTF-8 without NUL; the file is "
                              "damaged, fetch it again",
                              source->gguf->path, id, TOKEN_MOST);
}

/* Tokens that no merge makes: those with a meaning of their own are cut out whole, unused ones are never made. */
static int add_token(struct fs_tokenizer *tokenizer, const struct source *source, size_t id, const unsigned char *text,
                     size_t length, struct fs_error *err)
{
    enum fs_piece_type type = type_of(source, id);
    if (fs_vocabulary_add(&tokenizer->vocabulary, source->gguf->path, text, length, (int64_t)id,
                          type == FS_PIECE_UNUSED, err) != 0) {
        return -1;
    }
    if (type == FS_PIECE_NORMAL || type == FS_PIECE_UNUSED || type == FS_PIECE_BYTE) {
        return 0;
    }
    struct fs_added_token token = {.id = (int32_t)id, .content = strndup((const char *)text, length)};
    if (token.content == NULL) {
        return fs_error_memory(err, length, "a token");
    }
    int status = fs_added_add(&tokenizer->added, &token, err);
    free(token.content);
    return status;
}

static int add_merges(struct fs_tokenizer *tokenizer, const struct source *source, struct fs_error *err)
{
    const char *path = source->gguf->path;
    const unsigned char *at = source->merges->data;
    if (source->merges->count > UINT32_MAX) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: " GGML "merges: found %zu, expected fewer", path,
                            source->merges->count);
    }
    for (size_t i = 0; i < source->merges->count; i++) {
        size_t length;
        const unsigned char *text = fs_gguf_next_text(&at, &length);
        const unsigned char *space = memchr(text, ' ', length);
        size_t left = space != NULL ? (size_t)(space - text) : 0, right = space != NULL ? length - left - 1 : 0;
        if (left == 0 || right == 0 || memchr(space + 1, ' ', right) != NULL) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: " GGML "merges: merge %zu: found \"%.*s\", expected two tokens with one space "
                                "between; the file is damaged, fetch it again",
                                path, i, length < 60 ? (int)length : 60, (const char *)text);
        }
        if (fs_bpe_add_merge(&tokenizer->bpe, path, (struct fs_bpe_part){text, left},
                             (struct fs_bpe_part){space + 1, right}, (uint32_t)i, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int find_pre(const struct fs_gguf *gguf, const struct pre **pre, struct fs_error *err)
{
    const char *name = NULL;
    char known[256] = "", found[80] = "nothing";
    if (fs_gguf_text(gguf, GGML "pre", &name, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < PRES; i++) {
        if (name != NULL && strcmp(pres[i].name, name) == 0) {
            *pre = &pres[i];
            return 0;
        }
        fs_error_add_name(known, sizeof known, i, PRES, pres[i].name);
    }
    if (name != NULL) {
        snprintf(found, sizeof found, "\"%.60s\"", name);
    }
    size_t used = strlen(known);
    snprintf(known + used, sizeof known - used, "; %s",
             name != NULL ? "take the HuggingFace folder that the file was made from"
                          : "the file is of an old converter, convert the model again");
    return fs_gguf_wrong(gguf, GGML "pre", found, known, err);
}

static int load_pipeline(struct fs_tokenizer *tokenizer, const struct fs_gguf *gguf, const struct pre *pre,
                         struct fs_error *err)
{
    struct fs_json_document *document;
    char *text;
    if (asprintf(&text, "{\"normalizer\": %s, \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [%s]}}",
                 pre->nfc ? "{\"type\": \"NFC\"}" : "null", pre->pretokenizers) < 0) {
        return fs_error_memory(err, 2048, "a tokenizer");
    }
    int status = fs_json_parse(gguf->path, text, strlen(text), &document, err);
    free(text);
    if (status != 0) {
        return -1;
    }
    const cJSON *root = fs_json_root(document);
    status = fs_normalizer_load(&tokenizer->normalizer, document, cJSON_GetObjectItemCaseSensitive(root, "normalizer"),
                                "normalizer", err) ||
                     fs_pretokenizer_load(&tokenizer->pretokenizer, document,
                                          cJSON_GetObjectItemCaseSensitive(root, "pre_tokenizer"), "pre_tokenizer", err)
                 ? -1
                 : 0;
    fs_json_destroy(document);
    return status;
}

static int load_byte_level(struct fs_tokenizer *tokenizer, const struct source *source, struct fs_error *err)
{
    const struct pre *pre;
    const unsigned char *at = source->tokens->data, *text;
    size_t length;
    tokenizer->model = FS_MODEL_BPE;
    if (source->merges == NULL) {
        return fs_gguf_wrong(source->gguf, GGML "merges", "nothing", "the merges of a BPE", err);
    }
    if (find_pre(source->gguf, &pre, err) != 0 || load_pipeline(tokenizer, source->gguf, pre, err) != 0) {
        return -1;
    }
    for (size_t id = 0; id < source->tokens->count; id++) {
        if (next_token(source, &at, id, &text, &length, err) != 0 ||
            add_token(tokenizer, source, id, text, length, err) != 0) {
            return -1;
        }
    }
    tokenizer->bpe.vocabulary = &tokenizer->vocabulary;
    tokenizer->bpe.byte_level = true;
    tokenizer->bpe.unknown = -1;
    tokenizer->bpe.ignore_merges = pre->ignore_merges;
    if (add_merges(tokenizer, source, err) != 0 || fs_decoder_add_byte_level(&tokenizer->decoder, err) != 0) {
        return -1;
    }
    fs_bpe_find_bytes(&tokenizer->bpe);
    return 0;
}

/* The pieces of a SentencePiece model, as its file would hold them. */
static int read_pieces(const struct source *source, struct fs_sentencepiece *model, struct fs_error *err)
{
    const unsigned char *at = source->tokens->data;
    model->piece = fs_allocate(source->tokens->count, sizeof *model->piece, "the pieces of a vocabulary", err);
    if (model->piece == NULL) {
        return -1;
    }
    for (size_t id = 0; id < source->tokens->count; id++) {
        struct fs_piece *piece = &model->piece[model->count++];
        piece->type = type_of(source, id);
        piece->score = fs_gguf_f32(source->scores, id);
        if (next_token(source, &at, id, &piece->text, &piece->length, err) != 0) {
            return -1;
        }
        if (!(piece->score - piece->score == 0.0f)) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: " GGML "scores: token %zu: found a score that is not finite",
                                source->gguf->path, id);
        }
        model->byte_fallback = model->byte_fallback || piece->type == FS_PIECE_BYTE;
    }
    return 0;
}

static int load_sentencepiece(struct fs_tokenizer *tokenizer, const struct source *source, struct fs_error *err)
{
    struct fs_sentencepiece model = {.add_dummy_prefix = true, .escape_whitespaces = true, .filled = true};
    const struct fs_gguf *gguf = source->gguf;
    if (source->scores == NULL) {
        return fs_gguf_wrong(gguf, GGML "scores", "nothing", "the scores of SentencePiece's pieces", err);
    }
    int status = fs_gguf_bool(gguf, GGML "add_space_prefix", &model.add_dummy_prefix, err) ||
                         fs_gguf_bool(gguf, GGML "remove_extra_whitespaces", &model.remove_extra_whitespaces, err) ||
                         read_pieces(source, &model, err)
                     ? -1
                     : fs_use_sentencepiece(tokenizer, &model, gguf->path, err);
    fs_sentencepiece_release(&model);
    return status;
}

/* Ids of special tokens by key; what a Llama file leaves out has the id that llama.cpp gives it. */
static const struct {
    const char *key;
    enum fs_role role;
    size_t of_llama; /* SIZE_MAX: none */
} roles[] = {
    {GGML "bos_token_id", FS_ROLE_BEGIN, 1},        {GGML "eos_token_id", FS_ROLE_END, 2},
    {GGML "unknown_token_id", FS_ROLE_UNKNOWN, 0},  {GGML "padding_token_id", FS_ROLE_PAD, SIZE_MAX},
    {GGML "cls_token_id", FS_ROLE_CLS, SIZE_MAX},   {GGML "seperator_token_id", FS_ROLE_SEP, SIZE_MAX},
    {GGML "mask_token_id", FS_ROLE_MASK, SIZE_MAX},
};

/* Fills `settings`, whose contents the caller frees. */
static int read_roles(const struct fs_tokenizer *tokenizer, const struct source *source, bool llama,
                      struct fs_settings *settings, struct fs_error *err)
{
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        size_t id = llama ? roles[i].of_llama : SIZE_MAX, length;
        settings->given[roles[i].role] = roles[i].key;
        if (fs_gguf_size(source->gguf, roles[i].key, &id, err) != 0) {
            return -1;
        }
        if (id == SIZE_MAX || id == UINT32_MAX) { /* -1: the model has none */
            continue;
        }
        if (id >= tokenizer->vocabulary.size) {
            if (fs_gguf_find(source->gguf, roles[i].key) == NULL) {
                continue;
            }
            return fs_error_set(err, FS_EXIT_DATA, "%s: %s: found %zu, expected the id of one of the %zu tokens",
                                source->gguf->path, roles[i].key, id, tokenizer->vocabulary.size);
        }
        const unsigned char *text = fs_vocabulary_text(&tokenizer->vocabulary, (int32_t)id, &length);
        settings->role[roles[i].role].content = strndup((const char *)text, length);
        if (settings->role[roles[i].role].content == NULL) {
            return fs_error_memory(err, length, "a token");
        }
    }
    return 0;
}

static int explain(struct fs_tokenizer *tokenizer, const struct fs_gguf *gguf, const char *model, struct fs_error *err)
{
    struct fs_explanation *explanation = &tokenizer->explanation;
    const char *slash = strrchr(gguf->path, '/'), *pre = "";
    bool prefix = true;
    if (fs_gguf_text(gguf, GGML "pre", &pre, err) != 0 ||
        fs_gguf_bool(gguf, GGML "add_space_prefix", &prefix, err) != 0 ||
        fs_explain(explanation, FS_EXPLAIN_FILE, "", err, "%s", slash != NULL ? slash + 1 : gguf->path) != 0) {
        return -1;
    }
    return strcmp(model, "llama") == 0
               ? fs_explain(
                     explanation, FS_EXPLAIN_PIPELINE, GGML "model", err,
                     "model: BPE of SentencePiece, %zu ids, as the sentencepiece library encodes; a space before "
                     "the text: %s",
                     tokenizer->vocabulary.size, prefix ? "yes" : "no")
               : fs_explain(explanation, FS_EXPLAIN_PIPELINE, GGML "pre", err,
                            "pre-tokenizer: that of %s; model: byte-level BPE, %zu ids", pre,
                            tokenizer->vocabulary.size);
}

static int load(struct fs_tokenizer *tokenizer, const struct fs_gguf *gguf, struct fs_error *err)
{
    struct source source = {.gguf = gguf};
    struct fs_settings settings = {.class = fs_tokenizer_class_find("PreTrainedTokenizer")};
    static const char *const none[FS_ROLES];
    const char *model = NULL;
    if (fs_gguf_text(gguf, GGML "model", &model, err) != 0) {
        return -1;
    }
    bool llama = model != NULL && strcmp(model, "llama") == 0;
    if (!llama && (model == NULL || strcmp(model, "gpt2") != 0)) {
        char found[80] = "nothing";
        if (model != NULL) {
            snprintf(found, sizeof found, "\"%.60s\"", model);
        }
        return fs_gguf_wrong(gguf, GGML "model", found, "gpt2 or llama; other vocabularies of GGUF files are not read",
                             err);
    }
    const struct fs_gguf_value *map = fs_gguf_find(gguf, GGML "precompiled_charsmap");
    if (map != NULL && map->count > 0) {
        return fs_gguf_wrong(gguf, GGML "precompiled_charsmap", "a character map", "none with this vocabulary", err);
    }
    int status = find_arrays(&source, err) == 0 &&
                         (llama ? load_sentencepiece : load_byte_level)(tokenizer, &source, err) == 0 &&
                         explain(tokenizer, gguf, model, err) == 0 &&
                         read_roles(tokenizer, &source, llama, &settings, err) == 0
                     ? fs_settings_apply(&settings, tokenizer, gguf->path, none, err)
                     : -1;
    for (size_t i = 0; i < FS_ROLES; i++) {
        free(settings.role[i].content);
    }
    return status;
}

int fs_load_gguf(struct fs_tokenizer *tokenizer, const char *path, struct fs_error *err)
{
    struct fs_gguf gguf = {0};
    int status = fs_gguf_open(path, &gguf, err) == 0 ? load(tokenizer, &gguf, err) : -1;
    fs_gguf_close(&gguf);
    return status;
}
