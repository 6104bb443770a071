/*
 * What can be said of a model's folder: each part is read as far as it can be, and says itself what it lacks. Local: one
 * process, without MPI.
 */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_MODEL_PAGE_H
#define FAIRSTAMP_PIPELINE_COMMANDS_MODEL_PAGE_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "io/formats/tensor_store.h"
#include "model/model.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/estimate/memory.h"
#include "stages/plan/statement.h"

/* Tensors of one type. */
struct fs_page_type {
    size_t tensors, numbers;
};

/* log p of the tokens of a text. */
struct fs_page_text {
    const char *text;            /* NULL: none was asked for */
    char skipped[256];           /* why it was not computed, though nothing is wrong; "" */
    struct fs_encoding encoding; /* of the text */
    double *logprob;             /* [encoding.count]; NaN where nothing stands before a first token */
};

struct fs_model_page {
    const char *folder;
    struct fs_error config, weights, tokenizer, text; /* code 0: the part was read */
    struct fs_spec spec;                              /* zeroed where `config` has an error */
    struct fs_notes notes;
    bool listed; /* the files of the weights could be opened: what follows is set */
    size_t tensors, files;
    struct fs_page_type type[FS_DTYPES];
    double disk;                  /* bytes of the weights' files */
    struct fs_memory memory;      /* of an evaluation by one thread; where `weights` has no error */
    double converted;             /* bytes of it */
    struct fs_tokenizer *opened;  /* NULL where `tokenizer` has an error */
    struct fs_prompt_style style; /* where neither `config` nor `tokenizer` nor `text` has an error */
    struct fs_page_text line;
};

/*
 * Reads `folder`, and computes `text` (NULL: nothing) where the converted weights fit into the memory that is left. Takes a
 * zeroed struct; the caller releases it, also on failure. -1 with the error of the first part that has one, in the order of
 * the page; what could be read is set all the same.
 */
int fs_model_page_read(const char *folder, const char *text, struct fs_model_page *page, struct fs_error *err);
void fs_model_page_release(struct fs_model_page *page);

/* A special token: what it is called for people and in JSON, and its id, -1 where there is none. */
#define FS_PAGE_SPECIAL 7
struct fs_page_special {
    const char *label, *key;
    int32_t id;
};
/* Takes a page whose tokenizer was opened; begin-of-text is config.json's where the tokenizer names none. */
void fs_model_page_special(const struct fs_model_page *page, struct fs_page_special special[FS_PAGE_SPECIAL]);
/* The text of one token, for the caller to free; NULL where the tokenizer has none. */
char *fs_model_page_token(const struct fs_model_page *page, int32_t id);

/* For people, and as JSON (NULL: out of memory; the caller deletes). */
int fs_model_page_print(const struct fs_model_page *page, FILE *stream, struct fs_error *err);
cJSON *fs_model_page_json(const struct fs_model_page *page);

#endif
