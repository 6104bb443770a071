/*
 * Tokenizers, read from a HuggingFace folder as it is.
 *
 *   WordPiece          vocab.txt, or tokenizer.json with model.type WordPiece
 *   byte-level BPE     vocab.json + merges.txt, or tokenizer.json with model.type BPE and a ByteLevel part
 *   GGUF               a GGUF file's vocabulary, byte-level BPE or Llama BPE
 *   Llama BPE          tokenizer.model (SentencePiece, BPE), or tokenizer.json with model.type BPE and byte_fallback
 *   Unigram            spiece.model, sentencepiece.bpe.model, spm.model, tokenizer.model (SentencePiece, Unigram), or
 *                      tokenizer.json with model.type Unigram
 *   whole words        tokenizer.json with model.type WordLevel
 *
 * Ids equal those of transformers' tokenizers for the same folder.
 */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_TOKENIZER_H
#define FAIRSTAMP_MODEL_TOKENIZER_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#include "io/error.h"
#include "model/tokenizer/explain.h"

struct fs_tokenizer;

/* The token ids of one text, and the bytes of the text that each stands for. */
struct fs_encoding {
    size_t count;
    int32_t *id;   /* [count] */
    size_t *begin; /* [count] first byte of the source text; WordPiece: of the whole word the piece belongs to */
    size_t *end;   /* [count] one after the last byte */
};

/* Ids that a model's family uses; -1 where the folder names none. */
struct fs_special_tokens {
    int32_t begin_of_text; /* GPT-2 <|endoftext|>, Llama <s> */
    int32_t end_of_text;
    int32_t cls;  /* BERT [CLS] */
    int32_t sep;  /* BERT [SEP] */
    int32_t mask; /* BERT [MASK] */
    int32_t unknown;
    int32_t pad;
};

/*
 * Opens the tokenizer of `folder`, or of a GGUF file. Local. Errors: FS_EXIT_NO_INPUT where the folder has no tokenizer file,
 * FS_EXIT_DATA where one is damaged. The caller destroys.
 */
int fs_tokenizer_open(const char *folder, struct fs_tokenizer **tokenizer, struct fs_error *err);
void fs_tokenizer_destroy(struct fs_tokenizer *tokenizer); /* takes NULL */

/*
 * Encodes `length` bytes of `text` without adding special tokens; special and added tokens in the text
 * (such as "[MASK]") become their ids, as in transformers. Invalid UTF-8 is read as U+FFFD, one for each maximal
 * ill-formed subpart. The caller releases `encoding`. Local; safe from several threads on one tokenizer.
 */
int fs_tokenizer_encode(const struct fs_tokenizer *tokenizer, const char *text, size_t length,
                        struct fs_encoding *encoding, struct fs_error *err);
void fs_encoding_release(
    struct fs_encoding *encoding); /* frees the arrays and zeroes the struct; takes zeroed structs */

/*
 * The text of `count` ids, as transformers' decode() gives it with clean_up_tokenization_spaces off. The caller frees.
 */
int fs_tokenizer_decode(const struct fs_tokenizer *tokenizer, const int32_t *id, size_t count, char **text,
                        struct fs_error *err);

const struct fs_special_tokens *fs_tokenizer_special(const struct fs_tokenizer *tokenizer);
const char *fs_tokenizer_kind(const struct fs_tokenizer *tokenizer); /* for people: "WordPiece", "byte-level BPE" */
size_t fs_tokenizer_size(const struct fs_tokenizer *tokenizer);      /* largest id + 1 */
/* What it was read from, and the rules that decided; owned by the tokenizer. */
const struct fs_explanation *fs_tokenizer_explanation(const struct fs_tokenizer *tokenizer);

#endif
