/* Pre-tokenizers: steps that cut a normalized text into the words that the model's algorithm sees one by one. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_PRETOKENIZER_H
#define FAIRSTAMP_MODEL_TOKENIZER_PRETOKENIZER_H

#include "io/formats/json.h"
#include "model/tokenizer/pattern.h"
#include "model/tokenizer/text.h"

/* What becomes of the matches of a Split or a Punctuation. */
enum fs_split { FS_SPLIT_REMOVED, FS_SPLIT_ISOLATED, FS_SPLIT_PREVIOUS, FS_SPLIT_NEXT, FS_SPLIT_CONTIGUOUS };
/* Where a Metaspace puts its sign in front: at every piece, at the start of the source text, nowhere. */
enum fs_prepend { FS_PREPEND_ALWAYS, FS_PREPEND_FIRST, FS_PREPEND_NEVER };

/* The class of a character: FS_CLASS_MATCH is a match by itself, runs of another class are text between matches. */
enum { FS_CLASS_MATCH };
typedef int fs_character_class(uint32_t character);

struct fs_pretokenizer_step {
    enum {
        FS_PRETOKENIZE_CLASS,
        FS_PRETOKENIZE_BYTE_LEVEL,
        FS_PRETOKENIZE_SPLIT,
        FS_PRETOKENIZE_METASPACE,
        FS_PRETOKENIZE_FIXED_LENGTH,
        FS_PRETOKENIZE_SCRIPTS
    } kind;
    bool add_prefix_space, use_regex; /* ByteLevel */
    bool map_bytes;               /* ByteLevel: bytes become characters of GPT-2's alphabet here, not in the model */
    fs_character_class *class_of; /* class */
    struct fs_pattern pattern;    /* Split; ByteLevel: GPT-2's; Metaspace: its sign */
    enum fs_split behavior;       /* class, Split */
    bool invert;                  /* Split */
    enum fs_prepend prepend;      /* Metaspace */
    bool split;                   /* Metaspace */
    size_t length;                /* FixedLength: characters in a piece */
};

/* Without steps the whole text is one word. */
struct fs_pretokenizer {
    struct fs_pretokenizer_step *step;
    size_t count, capacity;
};

int fs_pretokenizer_add_bert(struct fs_pretokenizer *pretokenizer, struct fs_error *err);
int fs_pretokenizer_add_byte_level(struct fs_pretokenizer *pretokenizer, bool add_prefix_space, bool use_regex,
                                   struct fs_error *err);
/* A Split at the matches of an expression, each by itself. */
int fs_pretokenizer_add_split(struct fs_pretokenizer *pretokenizer, const char *pattern, struct fs_error *err);
int fs_pretokenizer_add_white_space_split(struct fs_pretokenizer *pretokenizer, struct fs_error *err);
int fs_pretokenizer_add_punctuation(struct fs_pretokenizer *pretokenizer, struct fs_error *err); /* isolated */
/* Metaspace with U+2581, split at it. */
int fs_pretokenizer_add_metaspace(struct fs_pretokenizer *pretokenizer, enum fs_prepend prepend, struct fs_error *err);
/* Adds the steps of a `pre_tokenizer` object of tokenizer.json (NULL or null: none). */
int fs_pretokenizer_load(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                         const cJSON *object, const char *where, struct fs_error *err);
/* Whether the last step is a ByteLevel that leaves its bytes to the model; any step is a ByteLevel. */
bool fs_pretokenizer_leaves_bytes(const struct fs_pretokenizer *pretokenizer);
bool fs_pretokenizer_is_byte_level(const struct fs_pretokenizer *pretokenizer);
/* For a model that knows characters alone, or a part behind: the last ByteLevel, if it leaves bytes, maps them. */
void fs_pretokenizer_map_bytes(struct fs_pretokenizer *pretokenizer);
/* Cuts `text`, to which steps may add characters, into non-empty `pieces` (zeroed before; the caller releases). */
int fs_pretokenizer_apply(const struct fs_pretokenizer *pretokenizer, struct fs_text *text, struct fs_pieces *pieces,
                          struct fs_error *err);
void fs_pretokenizer_release(struct fs_pretokenizer *pretokenizer); /* zeroes it */

#endif
