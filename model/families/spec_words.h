/* What a model is, in words: from the spec and the names of its tensors alone, whatever the family is called. Local. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_SPEC_WORDS_H
#define FAIRSTAMP_MODEL_FAMILIES_SPEC_WORDS_H

#include "model/families/spec.h"

/* A line of the description: "attention", "all earlier positions; windows of 256 in layers 1, 3". */
typedef void fs_spec_line(void *context, const char *label, const char *text);

/* Calls `line` for each feature, always in the same order; a feature that the model lacks has no line. */
void fs_spec_describe(const struct fs_spec *spec, fs_spec_line *line, void *context);

/* "30 layers, hidden size 576, 9 heads of 64 (3 of keys and values), FFN 1536, vocabulary 49152, 2048 positions" */
#define FS_SPEC_SIZES 256
void fs_spec_sizes(const struct fs_spec *spec, char text[FS_SPEC_SIZES]);

const char *fs_model_kind_name(enum fs_model_kind kind); /* "masked", "causal" */

#endif
