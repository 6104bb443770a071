/* Tokenizers of folders without tokenizer.json: vocab.txt, vocab.json with merges.txt, tokenizer.model. */
#include <stdlib.h>
#include <string.h>

#include "io/file_map.h"
#include "io/utf8.h"
#include "model/tokenizer/sentencepiece.h"
#include "model/tokenizer/tokenizer_internal.h"

/* A text file read line by line. */
struct lines {
    const char *name;
    const unsigned char *data;
    size_t size, at, number; /* number of the line last read, from 1 */
};

/* No token of a vocabulary is longer. */
#define LINE_LIMIT 65536

/* 1 and the next line without its end ("\n" or "\r\n"), 0 at the end, -1 with `err`: too long, not UTF-8, NUL. */
static int next_line(struct lines *lines, const unsigned char **line, size_t *length, struct fs_error *err)
{
    if (lines->at >= lines->size) {
        return 0;
    }
    *line = lines->data + lines->at;
    const unsigned char *end = memchr(*line, '\n', lines->size - lines->at);
    *length = end != NULL ? (size_t)(end - *line) : lines->size - lines->at;
    lines->at += *length + (end != NULL);
    lines->number++;
    if (*length > LINE_LIMIT) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: line %zu: found %zu bytes, expected at most %d: is this a vocabulary?", lines->name,
                            lines->number, *length, LINE_LIMIT);
    }
    for (size_t i = 0, bad; i < *length;) {
        size_t well = fs_utf8_character(*line + i, *length - i, &bad);
        if (well == 0 || (*line)[i] == '\0') {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: line %zu: byte 0x%02X at column %zu, expected UTF-8 text; take the file from the "
                                "model's source again",
                                lines->name, lines->number, (*line)[i], i + 1);
        }
        i += well;
    }
    if (*length > 0 && (*line)[*length - 1] == '\r') {
        --*length;
    }
    return 1;
}

static int read_vocab_txt(struct fs_vocabulary *vocabulary, const char *path, struct fs_error *err)
{
    struct fs_file_map map;
    const unsigned char *line;
    size_t length;
    if (fs_file_map_open(path, &map, err)) {
        return -1;
    }
    struct lines lines = {path, map.data, map.size, 0, 0};
    int status;
    while ((status = next_line(&lines, &line, &length, err)) > 0) {
        if (fs_vocabulary_add(vocabulary, path, line, length, (int64_t)lines.number - 1, false, err)) {
            status = -1;
            break;
        }
    }
    fs_file_map_close(&map);
    return status;
}

int fs_load_wordpiece(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *path,
                      struct fs_error *err)
{
    const char *unknown = settings->given[FS_ROLE_UNKNOWN] ? settings->role[FS_ROLE_UNKNOWN].content : "[UNK]";
    tokenizer->model = FS_MODEL_WORDPIECE;
    if (read_vocab_txt(&tokenizer->vocabulary, path, err)) {
        return -1;
    }
    int32_t id = unknown != NULL ? fs_vocabulary_find(&tokenizer->vocabulary, unknown, strlen(unknown)) : -1;
    if (id < 0) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: the unknown token \"%.60s\" is not in the vocabulary; add it, or name the right one as "
            "unk_token in tokenizer_config.json",
            path, unknown != NULL ? unknown : "null");
    }
    if (fs_wordpiece_init(&tokenizer->wordpiece, &tokenizer->vocabulary, "##", 100, id, err)) {
        return -1;
    }
    struct fs_normalizer_step *step = fs_normalizer_add(&tokenizer->normalizer, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_NORMALIZE_BERT;
    step->bert.clean_text = true;
    step->bert.chinese = settings->chinese != 0;
    step->bert.lowercase = settings->lower_case != 0;
    step->bert.strip_accents = settings->strip_accents < 0 ? step->bert.lowercase : settings->strip_accents != 0;
    if (fs_pretokenizer_add_bert(&tokenizer->pretokenizer, err) ||
        fs_decoder_add_wordpiece(&tokenizer->decoder, "##", true, err)) {
        return -1;
    }
    return fs_settings_apply(settings, tokenizer, path, fs_bert_roles, err);
}

/* merges.txt: after a line "#version ...", one merge a line, best first: two tokens with a space between. */
static int read_merges_txt(struct fs_bpe *bpe, const char *path, struct fs_error *err)
{
    struct fs_file_map map;
    const unsigned char *line;
    size_t length;
    uint32_t rank = 0;
    if (fs_file_map_open(path, &map, err)) {
        return -1;
    }
    struct lines lines = {path, map.data, map.size, 0, 0};
    int status;
    while ((status = next_line(&lines, &line, &length, err)) > 0) {
        if ((lines.number == 1 && length >= 8 && memcmp(line, "#version", 8) == 0) ||
            (length == 0 && lines.at == lines.size)) {
            continue;
        }
        const unsigned char *space = memchr(line, ' ', length);
        size_t left = space != NULL ? (size_t)(space - line) : 0, right = space != NULL ? length - left - 1 : 0;
        if (left == 0 || right == 0 || memchr(space + 1, ' ', right) != NULL) {
            status = fs_error_set(err, FS_EXIT_DATA,
                                  "%s: line %zu: found \"%.*s\", expected two tokens with one space between; take the "
                                  "file from the model's source again",
                                  path, lines.number, length < 60 ? (int)length : 60, (const char *)line);
            break;
        }
        if (fs_bpe_add_merge(bpe, path, (struct fs_bpe_part){line, left}, (struct fs_bpe_part){space + 1, right},
                             rank++, err)) {
            status = -1;
            break;
        }
    }
    fs_file_map_close(&map);
    return status;
}

int fs_load_byte_level(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *vocabulary_path,
                       const char *merges_path, struct fs_error *err)
{
    struct fs_json_document *document;
    tokenizer->model = FS_MODEL_BPE;
    if (fs_json_load(vocabulary_path, &document, err)) {
        return -1;
    }
    int status = fs_load_vocabulary_object(&tokenizer->vocabulary, document, fs_json_root(document), "vocabulary", err);
    fs_json_destroy(document);
    tokenizer->bpe.vocabulary = &tokenizer->vocabulary;
    tokenizer->bpe.byte_level = true;
    tokenizer->bpe.unknown = -1;
    if (status || read_merges_txt(&tokenizer->bpe, merges_path, err) ||
        fs_pretokenizer_add_byte_level(&tokenizer->pretokenizer, settings->add_prefix_space == 1, true, err) ||
        fs_decoder_add_byte_level(&tokenizer->decoder, err)) {
        return -1;
    }
    fs_bpe_find_bytes(&tokenizer->bpe);
    return fs_settings_apply(settings, tokenizer, vocabulary_path, fs_gpt2_roles, err);
}

static int compare_scores(const void *a, const void *b)
{
    float left = (*(const struct fs_piece *const *)a)->score, right = (*(const struct fs_piece *const *)b)->score;
    return (left < right) - (left > right);
}

/* Ranks of the pieces that merges may make: equal scores have equal ranks. */
static int rank_pieces(struct fs_bpe *bpe, const struct fs_sentencepiece *model, struct fs_error *err)
{
    const struct fs_piece **order = fs_allocate(model->count, sizeof *order, "the pieces' order", err);
    bpe->piece_rank = fs_allocate(model->count, sizeof *bpe->piece_rank, "the pieces' ranks", err);
    bpe->user_defined = fs_allocate(model->count, sizeof *bpe->user_defined, "the user-defined pieces", err);
    if (order == NULL || bpe->piece_rank == NULL || bpe->user_defined == NULL) {
        free(order);
        return -1;
    }
    size_t count = 0;
    for (size_t id = 0; id < model->count; id++) {
        const struct fs_piece *piece = &model->piece[id];
        bpe->piece_rank[id] = UINT32_MAX;
        if (piece->type == FS_PIECE_USER_DEFINED) {
            bpe->user_defined[bpe->user_defined_count++] = (int32_t)id;
        }
        if (piece->type == FS_PIECE_NORMAL || piece->type == FS_PIECE_USER_DEFINED) {
            order[count++] = piece;
        }
    }
    qsort(order, count, sizeof *order, compare_scores);
    uint32_t rank = 0;
    for (size_t i = 0; i < count; i++) {
        rank += i > 0 && compare_scores(&order[i - 1], &order[i]) != 0;
        bpe->piece_rank[order[i] - model->piece] = rank;
    }
    free(order);
    return 0;
}

/* Control and unknown pieces in a text are their ids, as in transformers; SentencePiece itself would spell them. */
static int add_control_pieces(struct fs_tokenizer *tokenizer, const struct fs_sentencepiece *model, const char *path,
                              struct fs_error *err)
{
    for (size_t id = 0; id < model->count; id++) {
        const struct fs_piece *piece = &model->piece[id];
        if (piece->type != FS_PIECE_CONTROL && piece->type != FS_PIECE_UNKNOWN) {
            continue;
        }
        struct fs_added_token token = {.id = (int32_t)id};
        token.content = strndup((const char *)piece->text, piece->length);
        if (token.content == NULL) {
            return fs_error_memory(err, piece->length, "a control piece");
        }
        int status = token.content[0]
                         ? fs_added_add(&tokenizer->added, &token, err)
                         : fs_error_set(err, FS_EXIT_DATA, "%s: control piece %zu begins with NUL", path, id);
        free(token.content);
        if (status) {
            return -1;
        }
    }
    return 0;
}

int fs_use_sentencepiece(struct fs_tokenizer *tokenizer, const struct fs_sentencepiece *model, const char *path,
                         struct fs_error *err)
{
    struct fs_bpe *bpe = &tokenizer->bpe;
    tokenizer->model = FS_MODEL_BPE;
    bpe->vocabulary = &tokenizer->vocabulary;
    bpe->unknown = -1;
    bpe->byte_fallback = model->byte_fallback;
    for (size_t id = 0; id < model->count; id++) {
        const struct fs_piece *piece = &model->piece[id];
        if (fs_vocabulary_add(&tokenizer->vocabulary, path, piece->text, piece->length, (int64_t)id, false, err)) {
            return -1;
        }
        if (piece->type != FS_PIECE_UNKNOWN) {
            continue;
        }
        if (bpe->unknown >= 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: pieces %d and %zu are both unknown, expected one", path,
                                (int)bpe->unknown, id);
        }
        bpe->unknown = (int32_t)id;
    }
    if (bpe->unknown < 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: no piece has type UNKNOWN, expected one", path);
    }
    fs_bpe_find_bytes(bpe);
    for (unsigned byte = 0; byte < 256 && bpe->byte_fallback; byte++) {
        if (bpe->byte_symbol[byte] < 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: byte_fallback is set, but there is no piece <0x%02X>", path,
                                byte);
        }
    }
    struct fs_normalizer_step *step = fs_normalizer_add(&tokenizer->normalizer, err);
    if (step == NULL || rank_pieces(bpe, model, err) || add_control_pieces(tokenizer, model, path, err)) {
        return -1;
    }
    step->kind = FS_NORMALIZE_SENTENCEPIECE;
    step->sentencepiece.add_dummy_prefix = model->add_dummy_prefix;
    step->sentencepiece.remove_extra_whitespaces = model->remove_extra_whitespaces;
    step->sentencepiece.escape_whitespaces = model->escape_whitespaces;
    step->sentencepiece.whitespace_as_suffix = model->whitespace_as_suffix;
    return fs_decoder_add_llama(&tokenizer->decoder, model->add_dummy_prefix && !model->whitespace_as_suffix, err);
}

int fs_load_sentencepiece(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *path,
                          struct fs_error *err)
{
    struct fs_file_map map;
    struct fs_sentencepiece model = {0};
    if (fs_file_map_open(path, &map, err)) {
        return -1;
    }
    int status = fs_sentencepiece_read(&model, path, map.data, map.size, err);
    if (status == 0) {
        status = fs_use_sentencepiece(tokenizer, &model, path, err);
    }
    fs_sentencepiece_release(&model);
    fs_file_map_close(&map);
    return status ? -1 : fs_settings_apply(settings, tokenizer, path, fs_llama_roles, err);
}
