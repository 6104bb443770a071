/* Tokenizers of folders without tokenizer.json: vocab.txt, vocab.json with merges.txt. */
#include <stdlib.h>
#include <string.h>

#include "io/file_map.h"
#include "io/utf8.h"
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
        if (fs_vocabulary_put(vocabulary, path, line, length, (int64_t)lines.number - 1, err)) {
            status = -1;
            break;
        }
    }
    fs_file_map_close(&map);
    return status;
}

/* The unknown token of WordPiece: what the files name, or else the class. */
static int find_unknown(const struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *path,
                        int32_t *id, struct fs_error *err)
{
    const char *unknown = settings->given[FS_ROLE_UNKNOWN] != NULL ? settings->role[FS_ROLE_UNKNOWN].content
                          : settings->class->roles != NULL         ? settings->class->roles[FS_ROLE_UNKNOWN]
                                                                   : fs_bert_roles[FS_ROLE_UNKNOWN];
    *id = unknown != NULL ? fs_vocabulary_find(&tokenizer->vocabulary, unknown, strlen(unknown)) : -1;
    return *id >= 0
               ? 0
               : fs_error_set(err, FS_EXIT_DATA,
                              "%s: the unknown token \"%.60s\" is not in the vocabulary; add it, or name the right "
                              "one as unk_token in tokenizer_config.json",
                              path, unknown != NULL ? unknown : "null");
}

static int explain_words(struct fs_tokenizer *tokenizer, const struct fs_settings *settings,
                         const struct fs_normalizer_step *step, struct fs_error *err)
{
    struct fs_explanation *explanation = &tokenizer->explanation;
    size_t moved = tokenizer->vocabulary.moved;
    if (settings->basic == 0 &&
        fs_explain(explanation, FS_EXPLAIN_VERSION, "tokenizer_config.json: do_basic_tokenize", err,
                   "transformers 4 neither lower-cases nor cuts Chinese characters where it "
                   "is false; here, as in transformers 5, it changes nothing") != 0) {
        return -1;
    }
    if (fs_explain(explanation, FS_EXPLAIN_FILE, "", err, "vocab.txt") != 0 ||
        (moved > 0 &&
         fs_explain(explanation, FS_EXPLAIN_RULE, "vocab.txt", err,
                    "%zu lines hold a token that a later line holds too: the last one counts", moved) != 0)) {
        return -1;
    }
    return fs_explain(explanation, FS_EXPLAIN_PIPELINE, "tokenizer_config.json, or the class where it is silent", err,
                      "normalizer: BertNormalizer(do_lower_case %s, strip_accents %s, tokenize_chinese_chars %s)",
                      step->bert.lowercase ? "true" : "false", step->bert.strip_accents ? "true" : "false",
                      step->bert.chinese ? "true" : "false") ||
                   fs_explain(explanation, FS_EXPLAIN_PIPELINE, "the class", err,
                              "pre-tokenizer: BertPreTokenizer; model: WordPiece, %zu ids", tokenizer->vocabulary.size)
               ? -1
               : 0;
}

int fs_load_wordpiece(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *path,
                      struct fs_error *err)
{
    int32_t unknown;
    tokenizer->model = FS_MODEL_WORDPIECE;
    if (read_vocab_txt(&tokenizer->vocabulary, path, err) || find_unknown(tokenizer, settings, path, &unknown, err) ||
        fs_wordpiece_init(&tokenizer->wordpiece, &tokenizer->vocabulary, "##", 100, unknown, err)) {
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
    if (explain_words(tokenizer, settings, step, err) || fs_pretokenizer_add_bert(&tokenizer->pretokenizer, err) ||
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

/* The class's pipeline: NFC or nothing, its pattern or GPT-2's, bytes. */
static int add_class_pipeline(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err)
{
    const struct fs_tokenizer_class *class = settings->class;
    bool prefix = settings->add_prefix_space == 1;
    if (class->nfc) {
        struct fs_normalizer_step *step = fs_normalizer_add(&tokenizer->normalizer, err);
        if (step == NULL) {
            return -1;
        }
        step->kind = FS_NORMALIZE_UNICODE;
        step->form = FS_NFC;
    }
    if ((class->pattern != NULL && fs_pretokenizer_add_split(&tokenizer->pretokenizer, class->pattern, err)) ||
        fs_pretokenizer_add_byte_level(&tokenizer->pretokenizer, prefix, class->pattern == NULL, err) ||
        fs_decoder_add_byte_level(&tokenizer->decoder, err)) {
        return -1;
    }
    struct fs_explanation *explanation = &tokenizer->explanation;
    return fs_explain(explanation, FS_EXPLAIN_FILE, "", err, "vocab.json and merges.txt") ||
                   fs_explain(explanation, FS_EXPLAIN_PIPELINE, class->name, err, "normalizer: %s",
                              class->nfc ? "NFC" : "none") ||
                   fs_explain(explanation, FS_EXPLAIN_PIPELINE, class->name, err, "pre-tokenizer: %s, ByteLevel",
                              class->pattern != NULL ? class->pattern : "GPT-2's pattern") ||
                   fs_explain(explanation, FS_EXPLAIN_PIPELINE,
                              settings->add_prefix_space >= 0 ? "tokenizer_config.json: add_prefix_space" : class->name,
                              err, "add_prefix_space %s", prefix ? "true" : "false") ||
                   fs_explain(explanation, FS_EXPLAIN_PIPELINE, class->name, err, "model: byte-level BPE, %zu ids",
                              tokenizer->vocabulary.size)
               ? -1
               : 0;
}

/* The pipeline of a class with a suffix: BERT's words, the last character of each with the suffix. */
static int add_suffix_pipeline(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *path,
                               struct fs_error *err)
{
    const struct fs_tokenizer_class *class = settings->class;
    struct fs_explanation *explanation = &tokenizer->explanation;
    struct fs_normalizer_step *step = fs_normalizer_add(&tokenizer->normalizer, err);
    if (step == NULL || find_unknown(tokenizer, settings, path, &tokenizer->bpe.unknown, err)) {
        return -1;
    }
    step->kind = FS_NORMALIZE_BERT;
    step->bert.clean_text = step->bert.chinese = true;
    step->bert.lowercase = step->bert.strip_accents = class->lower;
    tokenizer->bpe.suffix = strdup(class->suffix);
    if (tokenizer->bpe.suffix == NULL) {
        return fs_error_memory(err, strlen(class->suffix), "a suffix");
    }
    return fs_pretokenizer_add_bert(&tokenizer->pretokenizer, err) ||
                   fs_decoder_add_suffix(&tokenizer->decoder, class->name, class->suffix, err) ||
                   fs_explain(explanation, FS_EXPLAIN_FILE, "", err, "vocab.json and merges.txt") ||
                   fs_explain(explanation, FS_EXPLAIN_PIPELINE, class->name, err,
                              "normalizer: BertNormalizer(lowercase %s); pre-tokenizer: BertPreTokenizer",
                              class->lower ? "true" : "false") ||
                   fs_explain(explanation, FS_EXPLAIN_PIPELINE, class->name, err,
                              "model: BPE of characters, words end in %s, %zu ids", class->suffix,
                              tokenizer->vocabulary.size)
               ? -1
               : 0;
}

int fs_load_byte_level(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *vocabulary_path,
                       const char *merges_path, struct fs_error *err)
{
    struct fs_json_document *document;
    tokenizer->model = FS_MODEL_BPE;
    if (fs_json_load_with_nul(vocabulary_path, &document, err)) {
        return -1;
    }
    int status = fs_load_vocabulary_object(&tokenizer->vocabulary, document, fs_json_root(document), "vocabulary", err);
    fs_json_destroy(document);
    tokenizer->bpe.vocabulary = &tokenizer->vocabulary;
    tokenizer->bpe.unknown = -1;
    if (status || read_merges_txt(&tokenizer->bpe, merges_path, err)) {
        return -1;
    }
    if (settings->class->suffix != NULL) {
        return add_suffix_pipeline(tokenizer, settings, vocabulary_path, err)
                   ? -1
                   : fs_settings_apply(settings, tokenizer, vocabulary_path, fs_gpt2_roles, err);
    }
    tokenizer->bpe.byte_level = true;
    if (add_class_pipeline(tokenizer, settings, err)) {
        return -1;
    }
    fs_bpe_find_bytes(&tokenizer->bpe);
    return fs_settings_apply(settings, tokenizer, vocabulary_path, fs_gpt2_roles, err);
}
