/*
 * What a class lets tokenizer_config.json change of the pipeline that tokenizer.json made. Each thing that is changed,
 * or that transformers 5 reads otherwise, is a line of the tokenizer's explanation. Local.
 */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_OVERRULE_H
#define FAIRSTAMP_MODEL_TOKENIZER_OVERRULE_H

#include "io/formats/json.h"

struct fs_tokenizer;
struct fs_settings;

/* What the settings' class does, by its `overrule`; `root` is that of tokenizer.json. */
int fs_overrule(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const cJSON *root,
                struct fs_error *err);

/* The `overrule` of the rows of classes.h. */

/* do_lower_case (default true), strip_accents (as lower case), tokenize_chinese_chars (true) of a BertNormalizer that
 * is the whole normalizer. */
int fs_overrule_bert(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err);
/* add_prefix_space (false) of a ByteLevel that is the whole pre-tokenizer. */
int fs_overrule_byte_level(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err);
/* add_prefix_space, where true, of each ByteLevel. */
int fs_overrule_cohere(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err);
/* add_prefix_space, where false: no sign of a space before the text. */
int fs_overrule_llama(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err);

/* Nothing; says what transformers 4 does otherwise. For classes without an algorithm of their own. */
int fs_overrule_nothing(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err);

#endif
