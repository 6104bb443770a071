/*
 * SentencePiece model files (tokenizer.model, spiece.model, sentencepiece.bpe.model, spm.model): a protocol buffer of
 * google/sentencepiece, sentencepiece_model.proto.
 * Read are pieces (1: piece, score, type), trainer_spec (2: model_type 3, byte_fallback 35, treat_whitespace_as_suffix
 * 24, unk_id 40) and normalizer_spec (3: precompiled_charsmap 2, add_dummy_prefix 3, remove_extra_whitespaces 4,
 * escape_whitespaces 5).
 */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_SENTENCEPIECE_H
#define FAIRSTAMP_MODEL_TOKENIZER_SENTENCEPIECE_H

#include "model/tokenizer/vocabulary.h"

enum fs_piece_type {
    FS_PIECE_NORMAL = 1,
    FS_PIECE_UNKNOWN = 2,
    FS_PIECE_CONTROL = 3,
    FS_PIECE_USER_DEFINED = 4,
    FS_PIECE_UNUSED = 5,
    FS_PIECE_BYTE = 6
};

struct fs_sentencepiece {
    struct fs_piece {
        const unsigned char *text; /* in the file's bytes */
        size_t length;
        float score;
        enum fs_piece_type type;
    } * piece; /* [count], by id */
    size_t count, capacity;
    bool unigram; /* else BPE */
    bool filled;  /* unused pieces only fill the ids up: no text becomes one */
    size_t unk_id;
    const unsigned char *charsmap; /* [charsmap_size] in the file's bytes; none where the size is 0 */
    size_t charsmap_size;
    bool byte_fallback, whitespace_as_suffix;
    bool add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces;
};

/*
 * Reads `size` bytes of the file `name`, which must outlive `model` (zeroed before; the caller releases). Errors: a
 * damaged file, a model that is neither BPE nor Unigram.
 */
int fs_sentencepiece_read(struct fs_sentencepiece *model, const char *name, const unsigned char *data, size_t size,
                          struct fs_error *err);
void fs_sentencepiece_release(struct fs_sentencepiece *model); /* zeroes it */

#endif
