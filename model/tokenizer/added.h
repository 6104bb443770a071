/* Added and special tokens: texts that are cut out whole, as ids, before the model's algorithm sees the rest. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_ADDED_H
#define FAIRSTAMP_MODEL_TOKENIZER_ADDED_H

#include "io/formats/json.h"
#include "model/tokenizer/normalizer.h"
#include "model/tokenizer/text.h"

struct fs_added_token {
    char *content; /* owned once in a struct fs_added */
    int32_t id;
    bool left_strip, right_strip; /* takes the white space before, after */
    bool single_word;             /* only between characters that are no word characters */
    bool normalized;              /* looked for in the normalized text, itself normalized; otherwise in the source */
    struct fs_text match;         /* what is looked for */
};

struct fs_added {
    struct fs_added_token *token;
    size_t count, capacity;
    bool leads[2][256]; /* [normalized] the first bytes there are */
};

/* Copies `token` (its content too). A content that is there already is left as it is. */
int fs_added_add(struct fs_added *added, const struct fs_added_token *token, struct fs_error *err);
bool fs_added_has(const struct fs_added *added, int32_t id);
/*
 * Reads an AddedToken: a string, or an object with content, lstrip, rstrip, single_word, normalized (and special).
 * `normalized` is not there in strings: then it is false. content points into the document.
 */
int fs_added_read(struct fs_added_token *token, const struct fs_json_document *document, const cJSON *value,
                  const char *where, struct fs_error *err);
/* Normalizes what is looked for; called once, when all tokens are there. */
int fs_added_prepare(struct fs_added *added, const struct fs_normalizer *normalizer, struct fs_error *err);
/*
 * Cuts `text` at the tokens looked for in source (`normalized` false) or normalized text: `pieces` (zeroed before) in
 * order; `*id` [pieces->count] has the token of each piece or -1 for text. The caller releases and frees both.
 */
int fs_added_split(const struct fs_added *added, bool normalized, const struct fs_text *text, struct fs_pieces *pieces,
                   int32_t **id, struct fs_error *err);
void fs_added_release(struct fs_added *added); /* zeroes it */

#endif
