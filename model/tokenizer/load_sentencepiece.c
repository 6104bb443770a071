/* Models of SentencePiece, encoded as the sentencepiece library encodes. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file_map.h"
#include "model/tokenizer/piece_classes.h"
#include "model/tokenizer/sentencepiece.h"
#include "model/tokenizer/tokenizer_internal.h"

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

/* The id of the one piece of type UNKNOWN; all pieces become tokens. */
static int add_pieces(struct fs_tokenizer *tokenizer, const struct fs_sentencepiece *model, const char *path,
                      int32_t *unknown, struct fs_error *err)
{
    *unknown = -1;
    for (size_t id = 0; id < model->count; id++) {
        const struct fs_piece *piece = &model->piece[id];
        if (fs_vocabulary_add(&tokenizer->vocabulary, path, piece->text, piece->length, (int64_t)id,
                              model->filled && piece->type == FS_PIECE_UNUSED, err)) {
            return -1;
        }
        if (piece->type == FS_PIECE_UNUSED && !model->unigram && !model->filled) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: piece %zu has type UNUSED, which is not supported in BPE", path,
                                id);
        }
        if (piece->type != FS_PIECE_UNKNOWN) {
            continue;
        }
        if (*unknown >= 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: pieces %d and %zu are both unknown, expected one", path,
                                (int)*unknown, id);
        }
        *unknown = (int32_t)id;
    }
    if (*unknown < 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: no piece has type UNKNOWN, expected one", path);
    }
    return 0;
}

static int check_bytes(const int32_t byte_symbol[256], const char *path, struct fs_error *err)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        if (byte_symbol[byte] < 0) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: byte_fallback is set, but there is no piece <0x%02X>", path,
                                byte);
        }
    }
    return 0;
}

static int use_bpe(struct fs_tokenizer *tokenizer, const struct fs_sentencepiece *model, const char *path,
                   int32_t unknown, struct fs_error *err)
{
    struct fs_bpe *bpe = &tokenizer->bpe;
    tokenizer->model = FS_MODEL_BPE;
    bpe->vocabulary = &tokenizer->vocabulary;
    bpe->unknown = unknown;
    bpe->byte_fallback = model->byte_fallback;
    fs_bpe_find_bytes(bpe);
    if (bpe->byte_fallback && check_bytes(bpe->byte_symbol, path, err)) {
        return -1;
    }
    return rank_pieces(bpe, model, err);
}

/* unigram_model.cc: normal pieces have their score, user-defined ones what always wins, others no place in the text. */
static int use_unigram(struct fs_tokenizer *tokenizer, const struct fs_sentencepiece *model, const char *path,
                       int32_t unknown, struct fs_error *err)
{
    struct fs_unigram *unigram = &tokenizer->unigram;
    float least = FLT_MAX, most = FLT_MIN;
    double *score = fs_allocate(model->count, sizeof *score, "the pieces' scores", err);
    if (score == NULL) {
        return -1;
    }
    tokenizer->model = FS_MODEL_UNIGRAM;
    for (size_t id = 0; id < model->count; id++) {
        const struct fs_piece *piece = &model->piece[id];
        score[id] = piece->type == FS_PIECE_NORMAL ? (double)piece->score : NAN;
        if (piece->type == FS_PIECE_NORMAL) {
            least = piece->score < least ? piece->score : least;
            most = piece->score > most ? piece->score : most;
        }
    }
    for (size_t id = 0; id < model->count; id++) {
        if (model->piece[id].type == FS_PIECE_USER_DEFINED) {
            score[id] = (double)((float)model->piece[id].length * most) - 0.1;
        }
    }
    unigram->sentencepiece = true;
    unigram->unknown = unknown;
    unigram->unknown_score = (double)(least - 10.0F);
    unigram->byte_fallback = model->byte_fallback;
    if (fs_unigram_init(unigram, &tokenizer->vocabulary, score, err)) {
        return -1;
    }
    return unigram->byte_fallback ? check_bytes(unigram->byte_symbol, path, err) : 0;
}

static int read_charsmap(struct fs_charsmap *map, const struct fs_sentencepiece *model, const char *path,
                         struct fs_error *err)
{
    if (model->charsmap_size == 0) {
        return 0;
    }
    if (fs_charsmap_read(map, path, model->charsmap, model->charsmap_size, err)) {
        return -1;
    }
    for (size_t id = 0; id < model->count; id++) { /* user-defined pieces are not rewritten */
        const struct fs_piece *piece = &model->piece[id];
        if (piece->type == FS_PIECE_USER_DEFINED && fs_charsmap_keep(map, piece->text, piece->length, err)) {
            return -1;
        }
    }
    return 0;
}

int fs_use_sentencepiece(struct fs_tokenizer *tokenizer, const struct fs_sentencepiece *model, const char *path,
                         struct fs_error *err)
{
    int32_t unknown;
    if (add_pieces(tokenizer, model, path, &unknown, err) ||
        (model->unigram ? use_unigram : use_bpe)(tokenizer, model, path, unknown, err)) {
        return -1;
    }
    struct fs_normalizer_step *step = fs_normalizer_add(&tokenizer->normalizer, err);
    if (step == NULL || read_charsmap(&step->charsmap, model, path, err) ||
        add_control_pieces(tokenizer, model, path, err)) {
        return -1;
    }
    step->kind = FS_NORMALIZE_SENTENCEPIECE;
    step->sentencepiece.add_dummy_prefix = model->add_dummy_prefix;
    step->sentencepiece.remove_extra_whitespaces = model->remove_extra_whitespaces;
    step->sentencepiece.escape_whitespaces = model->escape_whitespaces;
    step->sentencepiece.whitespace_as_suffix = model->whitespace_as_suffix;
    return fs_decoder_add_llama(&tokenizer->decoder, model->add_dummy_prefix && !model->whitespace_as_suffix, err);
}

/* What transformers' class does not take over from the file: LlamaTokenizer and GemmaTokenizer of 4.57.6 and 5.24. */
static void name_left_out(const struct fs_settings *settings, const struct fs_sentencepiece *model, char *text,
                          size_t size)
{
    const struct {
        bool left_out;
        const char *name;
    } parts[] = {
        {model->charsmap_size > 0, "its character map (tab, no-break space, combining marks)"},
        {model->remove_extra_whitespaces, "runs of spaces to one"},
        {model->add_dummy_prefix && strcmp(settings->class->name, "GemmaTokenizer") == 0, "the space before a text"},
        {model->whitespace_as_suffix, "spaces behind words"},
    };
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].left_out) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? " and leaves out " : ", ",
                                     parts[i].name);
        }
    }
}

static int explain_pieces(struct fs_tokenizer *tokenizer, const struct fs_settings *settings,
                          const struct fs_sentencepiece *model, const char *file, struct fs_error *err)
{
    struct fs_explanation *explanation = &tokenizer->explanation;
    char left_out[256];
    name_left_out(settings, model, left_out, sizeof left_out);
    return fs_explain(explanation, FS_EXPLAIN_FILE, "", err, "%s", file) ||
                   fs_explain(explanation, FS_EXPLAIN_PIPELINE, "normalizer_spec", err,
                              "a character map: %s; a space before the text: %s; runs of spaces to one: %s",
                              model->charsmap_size > 0 ? "yes" : "no", model->add_dummy_prefix ? "yes" : "no",
                              model->remove_extra_whitespaces ? "yes" : "no") ||
                   fs_explain(explanation, FS_EXPLAIN_PIPELINE, file, err,
                              "model: %s of SentencePiece, %zu ids, as the sentencepiece library encodes",
                              model->unigram ? "Unigram" : "BPE", tokenizer->vocabulary.size) ||
                   fs_explain(explanation, FS_EXPLAIN_VERSION, "", err,
                              "class %s of transformers rebuilds this file%s: texts that begin with a space, and text "
                              "behind a special token, can have other ids there (legacy, transformers 4 and 5)%s",
                              settings->class->name, left_out,
                              model->unigram ? "; transformers 5 encodes by BPE, not Unigram" : "")
               ? -1
               : 0;
}

/* Classes whose ids are those of the file alone. */
static int check_class(const struct fs_settings *settings, const char *path, const char *file, struct fs_error *err)
{
    static const char *const plain[] = {"LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer"};
    bool found = false;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        found = found || strcmp(settings->class->name, plain[i]) == 0;
    }
    if (!found) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: tokenizer class %s is not read from such a file; save the tokenizer with transformers as "
            "a fast one, which writes tokenizer.json",
            path, settings->class->name);
    }
    if (strcmp(file, "sentencepiece.bpe.model") == 0) { /* its models count their ids otherwise than the file */
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: no file names the tokenizer's class, and the ids depend on it; add tokenizer_class to "
                            "tokenizer_config.json: XLMRobertaTokenizer or CamembertTokenizer",
                            path);
    }
    return 0;
}

int fs_load_sentencepiece(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *path,
                          struct fs_error *err)
{
    const struct fs_piece_class *class = fs_piece_class_find(settings->class->name);
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    struct fs_file_map map;
    struct fs_sentencepiece model = {0};
    if ((class == NULL && check_class(settings, path, file, err)) || fs_file_map_open(path, &map, err)) {
        return -1;
    }
    int status = fs_sentencepiece_read(&model, path, map.data, map.size, err);
    if (status == 0 && class != NULL) {
        status = fs_piece_class_use(class, tokenizer, settings, &model, path, err);
    } else if (status == 0) {
        status =
            fs_use_sentencepiece(tokenizer, &model, path, err) || explain_pieces(tokenizer, settings, &model, file, err)
                ? -1
                : 0;
    }
    fs_sentencepiece_release(&model);
    fs_file_map_close(&map);
    return status ? -1 : fs_settings_apply(settings, tokenizer, path, fs_llama_roles, err);
}
