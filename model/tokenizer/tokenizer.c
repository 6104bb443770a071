#include "model/tokenizer/tokenizer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/folder/folder.h"
#include "model/tokenizer/tokenizer_internal.h"

void fs_tokenizer_destroy(struct fs_tokenizer *tokenizer)
{
    if (tokenizer == NULL) {
        return;
    }
    fs_vocabulary_release(&tokenizer->vocabulary);
    fs_added_release(&tokenizer->added);
    fs_normalizer_release(&tokenizer->normalizer);
    fs_pretokenizer_release(&tokenizer->pretokenizer);
    fs_wordpiece_release(&tokenizer->wordpiece);
    fs_bpe_release(&tokenizer->bpe);
    fs_unigram_release(&tokenizer->unigram);
    fs_decoder_release(&tokenizer->decoder);
    fs_explanation_release(&tokenizer->explanation);
    free(tokenizer);
}

static bool join_path(char *path, size_t size, const char *folder, const char *file)
{
    return (size_t)snprintf(path, size, "%s/%s", folder, file) < size && access(path, F_OK) == 0;
}

/* A model of SentencePiece by any of its names. */
static bool find_pieces(char *path, size_t size, const char *folder)
{
    static const char *const names[] = {"tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (join_path(path, size, folder, names[i])) {
            return true;
        }
    }
    return false;
}

static int load(struct fs_tokenizer *tokenizer, struct fs_settings *settings, const char *folder, struct fs_error *err)
{
    char json[4096], pieces[4096], words[4096], bytes[4096], merges[4096];
    struct fs_tokenizer_files found = {.json = join_path(json, sizeof json, folder, "tokenizer.json"),
                                       .pieces = find_pieces(pieces, sizeof pieces, folder),
                                       .words = join_path(words, sizeof words, folder, "vocab.txt"),
                                       .bytes = join_path(bytes, sizeof bytes, folder, "vocab.json")};
    if (!found.json && !found.pieces && !found.words && !found.bytes) {
        return fs_error_set(err, FS_EXIT_NO_INPUT,
                            "%s: found no tokenizer; expected tokenizer.json, tokenizer.model (or spiece.model, "
                            "sentencepiece.bpe.model, spm.model), vocab.json with merges.txt, or vocab.txt",
                            folder);
    }
    if (fs_settings_choose_class(settings, folder, &found, &tokenizer->explanation, err) != 0) {
        return -1;
    }
    if (found.json) {
        return fs_load_tokenizer_json(tokenizer, settings, json, err);
    }
    switch (settings->class->files) {
    case FS_CLASS_PIECES:
        return fs_load_sentencepiece(tokenizer, settings, pieces, err);
    case FS_CLASS_BYTES:
        return join_path(merges, sizeof merges, folder, "merges.txt")
                   ? fs_load_byte_level(tokenizer, settings, bytes, merges, err)
                   : fs_error_set(err, FS_EXIT_NO_INPUT, "%s: found vocab.json without merges.txt; add that file",
                                  folder);
    default:
        return fs_load_wordpiece(tokenizer, settings, words, err);
    }
}

int fs_tokenizer_open(const char *folder, struct fs_tokenizer **tokenizer, struct fs_error *err)
{
    struct fs_settings settings;
    *tokenizer = NULL;
    struct fs_tokenizer *opened = fs_allocate(1, sizeof *opened, "a tokenizer", err);
    if (opened == NULL) {
        return -1;
    }
    if (fs_model_folder_check(folder, FS_FOLDER_TOKENIZER, err) != 0) {
        fs_tokenizer_destroy(opened);
        return -1;
    }
    char *gguf;
    if (fs_model_gguf_file(folder, &gguf, err) != 0) {
        fs_tokenizer_destroy(opened);
        return -1;
    }
    if (gguf != NULL) {
        int status = fs_load_gguf(opened, gguf, err);
        free(gguf);
        if (status != 0) {
            fs_tokenizer_destroy(opened);
            return -1;
        }
        *tokenizer = opened;
        return 0;
    }
    if (fs_settings_load(&settings, folder, err) || load(opened, &settings, folder, err)) {
        fs_settings_release(&settings);
        fs_tokenizer_destroy(opened);
        return -1;
    }
    fs_settings_release(&settings);
    *tokenizer = opened;
    return 0;
}

const struct fs_special_tokens *fs_tokenizer_special(const struct fs_tokenizer *tokenizer)
{
    return &tokenizer->special;
}

const char *fs_tokenizer_kind(const struct fs_tokenizer *tokenizer)
{
    switch (tokenizer->model) {
    case FS_MODEL_WORDPIECE:
        return "WordPiece";
    case FS_MODEL_UNIGRAM:
        return "Unigram";
    case FS_MODEL_WORD_LEVEL:
        return "whole words";
    default:
        return tokenizer->bpe.byte_level ? "byte-level BPE" : tokenizer->bpe.byte_fallback ? "BPE with bytes" : "BPE";
    }
}

size_t fs_tokenizer_size(const struct fs_tokenizer *tokenizer)
{
    return tokenizer->vocabulary.size;
}

const struct fs_explanation *fs_tokenizer_explanation(const struct fs_tokenizer *tokenizer)
{
    return &tokenizer->explanation;
}

void fs_encoding_release(struct fs_encoding *encoding)
{
    free(encoding->id);
    free(encoding->begin);
    free(encoding->end);
    memset(encoding, 0, sizeof *encoding);
}

/* An encoding while it grows. */
struct builder {
    const struct fs_tokenizer *tokenizer;
    struct fs_encoding encoding;
    size_t capacity;
};

static int add_token(struct builder *builder, int32_t id, size_t begin, size_t end, struct fs_error *err)
{
    struct fs_encoding *encoding = &builder->encoding;
    const char *purpose = "the tokens of a text";
    size_t need = encoding->count + 1, ids = builder->capacity, first = ids, last = ids;
    if (fs_grow(&encoding->id, &ids, need, sizeof *encoding->id, purpose, err) != 0 ||
        fs_grow(&encoding->begin, &first, need, sizeof *encoding->begin, purpose, err) != 0 ||
        fs_grow(&encoding->end, &last, need, sizeof *encoding->end, purpose, err) != 0) {
        return -1;
    }
    builder->capacity = ids;
    encoding->id[encoding->count] = id;
    encoding->begin[encoding->count] = begin;
    encoding->end[encoding->count++] = end;
    return 0;
}

static int encode_word(struct builder *builder, const struct fs_text *text, size_t begin, size_t end,
                       struct fs_error *err)
{
    const struct fs_tokenizer *tokenizer = builder->tokenizer;
    size_t count = 0;
    int status = 0;
    if (tokenizer->model == FS_MODEL_WORDPIECE) {
        int32_t *id;
        if (fs_wordpiece_encode(&tokenizer->wordpiece, text->data + begin, end - begin, &id, &count, err)) {
            return -1;
        }
        for (size_t i = 0; i < count && status == 0; i++) {
            status = add_token(builder, id[i], text->begin[begin], text->end[end - 1], err);
        }
        free(id);
        return status;
    }
    if (tokenizer->model == FS_MODEL_WORD_LEVEL) {
        int32_t id = fs_vocabulary_find(&tokenizer->vocabulary, text->data + begin, end - begin);
        return add_token(builder, id < 0 ? tokenizer->unknown_word : id, text->begin[begin], text->end[end - 1], err);
    }
    struct fs_bpe_symbol *symbol;
    if (tokenizer->model == FS_MODEL_UNIGRAM
            ? fs_unigram_encode(&tokenizer->unigram, text, begin, end, &symbol, &count, err)
            : fs_bpe_encode(&tokenizer->bpe, text, begin, end, &symbol, &count, err)) {
        return -1;
    }
    for (size_t i = 0; i < count && status == 0; i++) {
        status = add_token(builder, symbol[i].id, text->begin[symbol[i].begin], text->end[symbol[i].end - 1], err);
    }
    free(symbol);
    return status;
}

/* Text without added tokens, normalized already. */
static int encode_plain(struct builder *builder, struct fs_text *text, struct fs_error *err)
{
    struct fs_pieces words = {0};
    int status = fs_pretokenizer_apply(&builder->tokenizer->pretokenizer, text, &words, err);
    for (size_t i = 0; i < words.count && status == 0; i++) {
        status = encode_word(builder, text, words.begin[i], words.end[i], err);
    }
    fs_pieces_release(&words);
    return status;
}

/*
 * Cuts `text` at the added tokens. In the source text (`normalized` false) what lies between is normalized and cut
 * again; in normalized text it goes to the model.
 */
static int encode_text(struct builder *builder, const struct fs_text *text, bool normalized, struct fs_error *err)
{
    struct fs_pieces pieces = {0};
    int32_t *id = NULL;
    int status = fs_added_split(&builder->tokenizer->added, normalized, text, &pieces, &id, err);
    for (size_t i = 0; i < pieces.count && status == 0; i++) {
        size_t begin = pieces.begin[i], end = pieces.end[i];
        if (id[i] >= 0) {
            status = add_token(builder, id[i], text->begin[begin], text->end[end - 1], err);
            continue;
        }
        struct fs_text part = {0};
        status = fs_text_append_slice(&part, text, begin, end, err);
        if (status == 0 && normalized) {
            status = encode_plain(builder, &part, err);
        } else if (status == 0) {
            status = fs_normalizer_apply(&builder->tokenizer->normalizer, &part, err) ||
                             encode_text(builder, &part, true, err)
                         ? -1
                         : 0;
        }
        fs_text_release(&part);
    }
    free(id);
    fs_pieces_release(&pieces);
    return status;
}

int fs_tokenizer_encode(const struct fs_tokenizer *tokenizer, const char *text, size_t length,
                        struct fs_encoding *encoding, struct fs_error *err)
{
    struct builder builder = {.tokenizer = tokenizer};
    struct fs_text source = {0};
    int status = fs_text_append_source(&source, text, length, err);
    if (status == 0) {
        status = encode_text(&builder, &source, false, err);
    }
    fs_text_release(&source);
    if (status) {
        fs_encoding_release(&builder.encoding);
    }
    *encoding = builder.encoding;
    return status;
}

int fs_tokenizer_decode(const struct fs_tokenizer *tokenizer, const int32_t *id, size_t count, char **text,
                        struct fs_error *err)
{
    struct fs_text tokens = {0};
    struct fs_pieces pieces = {0};
    int status = 0;
    *text = NULL;
    for (size_t i = 0; i < count && status == 0; i++) {
        size_t length, start = tokens.count;
        if (id[i] < 0 || (size_t)id[i] >= tokenizer->vocabulary.size) {
            status = fs_error_set(err, FS_EXIT_DATA, "token %zu has id %d, expected an id from 0 to %zu", i, (int)id[i],
                                  tokenizer->vocabulary.size - 1);
            break;
        }
        const unsigned char *token = fs_vocabulary_text(&tokenizer->vocabulary, id[i], &length);
        status = fs_text_append(&tokens, token, length, 0, 0, err) || fs_pieces_add(&pieces, start, tokens.count, err)
                     ? -1
                     : 0;
    }
    if (status == 0) {
        status = fs_decoder_apply(&tokenizer->decoder, &tokens, &pieces, text, err);
    }
    fs_text_release(&tokens);
    fs_pieces_release(&pieces);
    return status;
}
