/* What the loaders of tokenizer files fill and the encoder reads. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_TOKENIZER_INTERNAL_H
#define FAIRSTAMP_MODEL_TOKENIZER_TOKENIZER_INTERNAL_H

#include "model/tokenizer/added.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/decoder.h"
#include "model/tokenizer/normalizer.h"
#include "model/tokenizer/pretokenizer.h"
#include "model/tokenizer/tokenizer.h"
#include "model/tokenizer/vocabulary.h"
#include "model/tokenizer/wordpiece.h"

struct fs_tokenizer {
    enum { FS_MODEL_WORDPIECE, FS_MODEL_BPE } model;
    struct fs_vocabulary vocabulary;
    struct fs_added added;
    struct fs_normalizer normalizer;
    struct fs_pretokenizer pretokenizer;
    struct fs_wordpiece wordpiece;
    struct fs_bpe bpe;
    struct fs_decoder decoder;
    struct fs_special_tokens special;
};

enum fs_role {
    FS_ROLE_BEGIN,
    FS_ROLE_END,
    FS_ROLE_CLS,
    FS_ROLE_SEP,
    FS_ROLE_MASK,
    FS_ROLE_UNKNOWN,
    FS_ROLE_PAD,
    FS_ROLES
};

/* tokenizer_config.json, special_tokens_map.json and added_tokens.json; each may be missing. */
struct fs_settings {
    struct fs_json_document *config, *map, *added;
    struct fs_added_token role[FS_ROLES];                     /* content NULL: not named; points into the documents */
    bool given[FS_ROLES];                                     /* named, or named as null: no default applies */
    const cJSON *added_tokens_decoder;                        /* an object or NULL */
    int lower_case, strip_accents, chinese, add_prefix_space; /* -1: not named, else 0 or 1 */
};

int fs_settings_load(struct fs_settings *settings, const char *folder, struct fs_error *err);
void fs_settings_release(struct fs_settings *settings);
/*
 * Makes the special and added tokens of the settings known to `tokenizer`, whose vocabulary `name` is complete but for
 * them. A role without entry gets its name in `defaults` [FS_ROLES] (NULL: none); a role whose token is not in the
 * vocabulary is -1: no row of the embedding belongs to it.
 */
int fs_settings_apply(const struct fs_settings *settings, struct fs_tokenizer *tokenizer, const char *name,
                      const char *const *defaults, struct fs_error *err);
extern const char *const fs_bert_roles[FS_ROLES];
extern const char *const fs_gpt2_roles[FS_ROLES];
extern const char *const fs_llama_roles[FS_ROLES];
extern const char *const fs_roberta_roles[FS_ROLES];

/* The loaders, one for each kind of file. */
int fs_load_tokenizer_json(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *path,
                           struct fs_error *err);
int fs_load_wordpiece(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *path,
                      struct fs_error *err);
int fs_load_byte_level(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *vocabulary_path,
                       const char *merges_path, struct fs_error *err);
int fs_load_sentencepiece(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *path,
                          struct fs_error *err);
/* The vocabulary and metadata of the GGUF file `path` (gguf.h). */
int fs_load_gguf(struct fs_tokenizer *tokenizer, const char *path, struct fs_error *err);
/* Makes the pieces of `model`, from the file `path`, those of `tokenizer`: all but its roles (fs_settings_apply). */
struct fs_sentencepiece;
int fs_use_sentencepiece(struct fs_tokenizer *tokenizer, const struct fs_sentencepiece *model, const char *path,
                         struct fs_error *err);
/* Puts the tokens of a JSON object {token: id} into the vocabulary. */
int fs_load_vocabulary_object(struct fs_vocabulary *vocabulary, const struct fs_json_document *document,
                              const cJSON *object, const char *where, struct fs_error *err);

#endif
