/* The pipeline of a tokenizer.json in one line a part, for people. Local. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_EXPLAIN_JSON_H
#define FAIRSTAMP_MODEL_TOKENIZER_EXPLAIN_JSON_H

#include "io/formats/json.h"
#include "model/tokenizer/explain.h"

/* Adds normalizer, pre-tokenizer and model of the root of a tokenizer.json that was read. */
int fs_explain_json(struct fs_explanation *explanation, const cJSON *root, struct fs_error *err);

#endif
