/*
 * Tokenizer classes of transformers: one row a class, with its special tokens, what it lets tokenizer_config.json
 * change of tokenizer.json, and how it reads the files of a folder without tokenizer.json. Source: the classes of
 * transformers 4.57.6 and 5.24; where the two differ the row follows the folder's files as written, and says so.
 */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_CLASSES_H
#define FAIRSTAMP_MODEL_TOKENIZER_CLASSES_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

struct fs_tokenizer;
struct fs_settings;

/* What a class reads where there is no tokenizer.json. */
enum fs_class_files {
    FS_CLASS_JSON,   /* nothing: it needs tokenizer.json */
    FS_CLASS_WORDS,  /* vocab.txt */
    FS_CLASS_BYTES,  /* vocab.json and merges.txt */
    FS_CLASS_PIECES, /* a model of SentencePiece */
    FS_CLASS_OTHER   /* what is not read here, with or without tokenizer.json */
};

enum fs_class_mask { FS_MASK_PLAIN, FS_MASK_STRIPS, FS_MASK_STRIPS_IN_4 /* in transformers 4, here too; not in 5 */ };

struct fs_tokenizer_class {
    const char *name;        /* without "Fast" at its end */
    const char *model_types; /* of config.json, a blank between: who has it where no file names a class; or NULL */
    enum fs_class_files files;
    const char *const *roles; /* [FS_ROLES] names of special tokens that no file names; NULL: none */
    enum fs_class_mask mask;  /* whether the mask of `roles` takes the white space before it */
    /* Applies tokenizer_config.json to what tokenizer.json made; NULL: nothing in it changes ids. */
    int (*overrule)(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err);
    /* FS_CLASS_BYTES: NFC before all; the pattern in place of GPT-2's. */
    bool nfc;
    const char *pattern;
    /* FS_CLASS_BYTES: characters in BERT's words, the last of a word with this suffix, instead of bytes; in lower case. */
    const char *suffix;
    bool lower;
    const char *algorithm; /* FS_CLASS_OTHER: what it does */
    const char *rebuilt;   /* the pipeline that transformers 5 makes of a tokenizer.json, whatever that says; or NULL */
};

/* The row of a class's name, with or without "Fast" at its end; NULL: not known. */
const struct fs_tokenizer_class *fs_tokenizer_class_find(const char *name);
/* The row that a model_type of config.json stands for; NULL: none. */
const struct fs_tokenizer_class *fs_tokenizer_class_of_model(const char *model_type);
/* The row for folders that name no class and no model_type. */
const struct fs_tokenizer_class *fs_tokenizer_class_of_files(enum fs_class_files files);

#endif
