/* What the parts of tokenizer.json have in common: a type, known keys, patterns. */
#ifndef FAIRSTAMP_MODEL_TOKENIZER_JSON_PART_H
#define FAIRSTAMP_MODEL_TOKENIZER_JSON_PART_H

#include "io/formats/json.h"
#include "model/tokenizer/pattern.h"

/* The `type` of a part; an error where the part is no object or has no type. */
int fs_json_part_type(const struct fs_json_document *document, const cJSON *object, const char *where,
                      const char **type, struct fs_error *err);
/* A part with a key that we do not know would be read wrong: an error. `keys` ends with NULL. */
int fs_json_part_keys(const struct fs_json_document *document, const cJSON *object, const char *where,
                      const char *const *keys, struct fs_error *err);
/* The text of `key`, which must be one character. */
int fs_json_part_character(const struct fs_json_document *document, const cJSON *object, const char *where,
                           const char *key, const char **text, struct fs_error *err);
/* The part's `pattern`: {"String": ...} or {"Regex": ...}. The owner of `pattern` releases it. */
int fs_json_part_pattern(struct fs_pattern *pattern, const struct fs_json_document *document, const cJSON *object,
                         const char *where, struct fs_error *err);
/* Sets "FILE: WHERE: type TYPE is not supported; supported: ...". Returns -1. */
int fs_json_part_unsupported(const struct fs_json_document *document, const char *where, const char *type,
                             const char *supported, struct fs_error *err);

#endif
