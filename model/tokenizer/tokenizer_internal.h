/* What the loaders of tokenizer files fill and the encoder reads. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_TOKENIZER_INTERNAL_H
#define FAIRSTAMP_MODEL_TOKENIZER_TOKENIZER_INTERNAL_H

#include "model/tokenizer/added.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/classes.h"
#include "model/tokenizer/decoder.h"
#include "model/tokenizer/explain.h"
#include "model/tokenizer/normalizer.h"
#include "model/tokenizer/pretokenizer.h"
#include "model/tokenizer/tokenizer.h"
#include "model/tokenizer/unigram.h"
#include "model/tokenizer/vocabulary.h"
#include "model/tokenizer/wordpiece.h"

struct fs_tokenizer {
    enum { FS_MODEL_WORDPIECE, FS_MODEL_BPE, FS_MODEL_UNIGRAM, FS_MODEL_WORD_LEVEL } model;
    struct fs_vocabulary vocabulary;
    struct fs_added added;
    struct fs_normalizer normalizer;
    struct fs_pretokenizer pretokenizer;
    struct fs_wordpiece wordpiece;
    struct fs_bpe bpe;
    struct fs_unigram unigram;
    int32_t unknown_word; /* WordLevel */
    struct fs_decoder decoder;
    struct fs_special_tokens special;
    struct fs_explanation explanation;
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

/*
 * tokenizer_config.json, special_tokens_map.json, added_tokens.json and config.json; each may be missing. Special tokens
 * are those of tokenizer_config.json; without added_tokens_decoder in it special_tokens_map.json comes first.
 */
struct fs_settings {
    struct fs_json_document *config, *map, *added, *model;
    struct fs_added_token role[FS_ROLES];                     /* content NULL: not named; points into the documents */
    const char *given[FS_ROLES];                              /* the file that names it, or names it null; or NULL */
    const cJSON *added_tokens_decoder;                        /* an object or NULL */
    int lower_case, strip_accents, chinese, add_prefix_space; /* -1: not named, else 0 or 1 */
    int basic;                                                /* do_basic_tokenize, the same */
    const struct fs_tokenizer_class *class;                   /* set by fs_settings_choose_class */
    bool class_named; /* the same; false: the class is that of model_type or files */
};

/* Refuses what is damaged, and split_special_tokens, which changes ids and is not done here. */
int fs_settings_load(struct fs_settings *settings, const char *folder, struct fs_error *err);
void fs_settings_release(struct fs_settings *settings);

/* What a folder has of the files that a class may read. */
struct fs_tokenizer_files {
    bool json, words, bytes, pieces; /* tokenizer.json, vocab.txt, vocab.json, a model of SentencePiece */
};
/*
 * Sets settings->class: tokenizer_class of tokenizer_config.json, of config.json, the class of config.json's model_type,
 * the class that reads what is there. FS_EXIT_DATA, by name: a class that is not read here, or whose files are missing.
 */
int fs_settings_choose_class(struct fs_settings *settings, const char *folder, const struct fs_tokenizer_files *found,
                             struct fs_explanation *explanation, struct fs_error *err);
/*
 * Makes the special and added tokens of the settings known to `tokenizer`, whose vocabulary `name` is complete but for
 * them. A role without entry gets its name from the class; where that has none, from `defaults` [FS_ROLES] (NULL:
 * none), as a guess that is not looked for in texts. A role whose token is not in the vocabulary is -1: no row of the
 * embedding belongs to it.
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
/* Puts the pieces of model.vocab, an array of [piece, score], into the vocabulary: their ids are their places. */
int fs_load_pieces(struct fs_vocabulary *vocabulary, const struct fs_json_document *document, const cJSON *model,
                   struct fs_error *err);
/* The `model` objects; the vocabulary holds all of the file's tokens, and for Unigram fs_load_pieces was called. */
int fs_load_unigram(struct fs_tokenizer *tokenizer, const struct fs_json_document *document, const cJSON *model,
                    struct fs_error *err);
int fs_load_word_level(struct fs_tokenizer *tokenizer, const struct fs_json_document *document, const cJSON *model,
                       struct fs_error *err);

#endif
