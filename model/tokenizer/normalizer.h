/* Normalizers: steps that rewrite a text before it is cut into words. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_NORMALIZER_H
#define FAIRSTAMP_MODEL_TOKENIZER_NORMALIZER_H

#include "io/formats/json.h"
#include "model/tokenizer/charsmap.h"
#include "model/tokenizer/pattern.h"
#include "model/tokenizer/text.h"

enum fs_normalization { FS_NFC, FS_NFD, FS_NFKC, FS_NFKD };

enum fs_normalizer_kind {
    FS_NORMALIZE_BERT,
    FS_NORMALIZE_PREPEND,
    FS_NORMALIZE_REPLACE,
    FS_NORMALIZE_UNICODE,
    FS_NORMALIZE_LOWERCASE,
    FS_NORMALIZE_STRIP_ACCENTS,
    FS_NORMALIZE_STRIP,
    FS_NORMALIZE_BYTE_LEVEL,
    FS_NORMALIZE_PRECOMPILED,
    FS_NORMALIZE_NMT,
    FS_NORMALIZE_SENTENCEPIECE
};

struct fs_normalizer_step {
    enum fs_normalizer_kind kind;
    struct { /* BERT: clean_text is always looked up; strip_accents null means "as lowercase" */
        bool clean_text, chinese, strip_accents, lowercase;
    } bert;
    struct fs_charsmap charsmap; /* Precompiled; SentencePiece: units 0 where there is none */
    struct {                     /* SentencePiece's NormalizerSpec */
        bool add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces, whitespace_as_suffix;
    } sentencepiece;
    enum fs_normalization form;
    bool strip_left, strip_right; /* Strip: white space at these ends goes */
    char *content;                /* Prepend, Replace */
    struct fs_pattern pattern;
};

struct fs_normalizer {
    struct fs_normalizer_step *step;
    size_t count, capacity;
};

/* Adds a zeroed step and hands it out; NULL with `err` set on failure. The normalizer owns it. */
struct fs_normalizer_step *fs_normalizer_add(struct fs_normalizer *normalizer, struct fs_error *err);
/* Adds the steps of a `normalizer` object of tokenizer.json (NULL or null: none). */
int fs_normalizer_load(struct fs_normalizer *normalizer, const struct fs_json_document *document, const cJSON *object,
                       const char *where, struct fs_error *err);
/* Whether a step writes GPT-2's alphabet. */
bool fs_normalizer_is_byte_level(const struct fs_normalizer *normalizer);
/* Rewrites `text` in place. */
int fs_normalizer_apply(const struct fs_normalizer *normalizer, struct fs_text *text, struct fs_error *err);
void fs_normalizer_release(struct fs_normalizer *normalizer); /* zeroes it */

#endif
