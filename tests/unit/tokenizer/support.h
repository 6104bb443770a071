/* What the tests of the tokenizers share. A failing helper fails the test. */
#ifndef FAIRSTAMP_TESTS_UNIT_TOKENIZER_SUPPORT_H
#define FAIRSTAMP_TESTS_UNIT_TOKENIZER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/digest.h"
#include "model/tokenizer/tokenizer.h"

/* A temporary folder, and files in it. */
struct folder {
    char path[256];
};
struct folder make_folder(void);
void remove_folder(const struct folder *folder);
void write_bytes(const struct folder *folder, const char *file, const void *data, size_t size);
void write_text(const struct folder *folder, const char *file, const char *text);

struct fs_tokenizer *open_tokenizer(const char *path);
/* Opening must fail with `code` and a text that holds every `part` (NULL at the end). */
void expect_error(const struct folder *folder, int code, const char *first_part, ...);
/* Whether a line of the topic holds `part`. */
bool explains(const struct fs_tokenizer *tokenizer, enum fs_explain_topic topic, const char *part);
/* `ids` is a list in decimal, such as "1 2 3". */
void expect_ids(const struct fs_tokenizer *tokenizer, const char *text, const char *ids);
void expect_ids_of(const struct fs_tokenizer *tokenizer, const char *text, size_t length, const char *ids);
void expect_decoded(const struct fs_tokenizer *tokenizer, const char *ids, const char *text);
/* Byte ranges, such as "0-3 3-5". */
void expect_ranges(const struct fs_tokenizer *tokenizer, const char *text, const char *ranges);

/* Adds the ids of a text, in decimal, as a line. */
void digest_text(struct fs_digest *digest, const struct fs_tokenizer *tokenizer, const char *text, size_t length);

/* The shared data's folder; NULL, after a line that says so, where there is none. */
const char *shared_folder(void);

/* A message of SentencePiece's protocol buffer while it is put together. */
struct message {
    unsigned char data[65536];
    size_t size;
};
void put_varint(struct message *message, uint64_t value);
void put_flag(struct message *message, unsigned field, uint64_t value);
void put_bytes(struct message *message, unsigned field, const void *data, size_t size);
void put_piece(struct message *model, const char *text, float score, unsigned type);
/* trainer_spec of a BPE model, and normalizer_spec. */
void put_specs(struct message *model, bool byte_fallback, bool add_dummy_prefix, bool remove_extra_whitespaces);

#endif
