/* Decoders: steps from tokens back to text. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_DECODER_H
#define FAIRSTAMP_MODEL_TOKENIZER_DECODER_H

#include "io/formats/json.h"
#include "model/tokenizer/pattern.h"
#include "model/tokenizer/text.h"

struct fs_decoder_step {
    enum {
        FS_DECODE_BYTE_LEVEL,
        FS_DECODE_WORDPIECE,
        FS_DECODE_REPLACE,
        FS_DECODE_BYTE_FALLBACK,
        FS_DECODE_FUSE,
        FS_DECODE_STRIP,
        FS_DECODE_METASPACE,
        FS_DECODE_SUFFIX
    } kind;
    struct fs_pattern pattern; /* Replace, Metaspace, BPEDecoder: what is looked for */
    char *content;             /* Replace: what comes instead; WordPiece: prefix; Strip: the character; owned */
    size_t start, stop;        /* Strip: how many at each end at most */
    bool flag;                 /* WordPiece: cleanup; Metaspace: the first sign of the text goes */
};

/* Without steps tokens are joined by spaces. */
struct fs_decoder {
    struct fs_decoder_step *step;
    size_t count, capacity;
};

int fs_decoder_add_byte_level(struct fs_decoder *decoder, struct fs_error *err);
int fs_decoder_add_wordpiece(struct fs_decoder *decoder, const char *prefix, bool cleanup, struct fs_error *err);
/* Metaspace with U+2581; with `first`, the sign before the first token goes. */
int fs_decoder_add_metaspace(struct fs_decoder *decoder, bool first, struct fs_error *err);
/* BPEDecoder: the suffix of words becomes a space, that of the last token nothing. `where`: for errors. */
int fs_decoder_add_suffix(struct fs_decoder *decoder, const char *where, const char *suffix, struct fs_error *err);
/* Llama: Replace U+2581 by a space, ByteFallback, Fuse and, with `strip`, Strip one space in front. */
int fs_decoder_add_llama(struct fs_decoder *decoder, bool strip, struct fs_error *err);
/* Adds the steps of a `decoder` object of tokenizer.json (NULL or null: none). */
int fs_decoder_load(struct fs_decoder *decoder, const struct fs_json_document *document, const cJSON *object,
                    const char *where, struct fs_error *err);
/* The tokens lie in `tokens` as `pieces`; both are rewritten. `*text` is valid UTF-8 that the caller frees. */
int fs_decoder_apply(const struct fs_decoder *decoder, struct fs_text *tokens, struct fs_pieces *pieces, char **text,
                     struct fs_error *err);
void fs_decoder_release(struct fs_decoder *decoder); /* zeroes it */

#endif
