/* What the engine's tests share: golden folders, log-probability files, packed batches. */
#ifndef FAIRSTAMP_TESTS_MODEL_SUPPORT_H
#define FAIRSTAMP_TESTS_MODEL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/engine.h"
#include "tests/unit/scratch.h"

/* <source>/tests/golden/<rest>, in a static buffer of its own for each of the last four calls. */
const char *golden_path(const char *rest);
/* <shared data>/<rest>, or NULL where there is none: the caller prints 'skipped: no shared data' and skips. */
const char *shared_path(const char *rest);
/* Names of the folders under tests/golden/models, sorted; the caller frees each and the list. */
char **golden_models(size_t *count);
void free_names(char **names, size_t count);

/* Loads a model or fails the test with the error's text. */
struct fs_model *load_model(const char *folder);

/* Reads `text` as the config.json of the scratch folder. Takes a spec that is zeroed or was read before. */
int read_spec(const char *text, struct fs_spec *spec, struct fs_error *err);
void expect_spec(const char *text, struct fs_spec *spec); /* it must be read */
void expect_no_spec(const char *text, const char *word);  /* it must be refused, as data, by a text with `word` */

/* A growing list of sequences and of what is read in each: one read-out a read. */
struct texts {
    size_t sequences, tokens, reads, sequence_capacity, token_capacity, read_capacity;
    int32_t *token;
    size_t *start;       /* [sequences + 1] */
    size_t *read_row;    /* [reads] row of the packed matrix */
    int32_t *read_token; /* [reads] */
    double *expected;    /* [reads] */
};
void texts_add_sequence(struct texts *texts, const int32_t *token, size_t count);
void texts_add_read(struct texts *texts, size_t position, int32_t token, double expected); /* in the last sequence */
void texts_release(struct texts *texts);

/* All lines of a logprobs.jsonl as the golden README describes them; special tokens are those of the folder's
 * tokenizer, which must give the lines' ids. */
void texts_load(const char *jsonl, const char *folder, const struct fs_spec *spec, struct texts *texts);

/* Runs all sequences in batches of about `batch_tokens`; logprob [reads]. */
void texts_run(const struct fs_model *model, const struct texts *texts, size_t batch_tokens, fs_real *logprob);

/* Uniform in [-1, 1], from a fixed seed. */
double noise(uint64_t *state);

#endif
