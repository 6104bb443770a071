/* Activations by their names in config.json. Private to model/families/. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_ACTIVATIONS_H
#define FAIRSTAMP_MODEL_FAMILIES_ACTIVATIONS_H

#include "io/formats/json.h"
#include "model/families/spec.h"

/* The activation that transformers calls so, under `key`; `name` where the key is missing. */
int fs_activation_read(const struct fs_json_document *config, const char *key, const char *name,
                       enum fs_activation *activation, struct fs_error *err);

/* The first of transformers' names of it. */
const char *fs_activation_name(enum fs_activation activation);

#endif
