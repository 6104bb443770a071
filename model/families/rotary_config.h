/* The rotary part of a config.json. Private to model/. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_ROTARY_CONFIG_H
#define FAIRSTAMP_MODEL_FAMILIES_ROTARY_CONFIG_H

#include "io/formats/json.h"
#include "model/families/spec.h"

/* rope_theta and rope_scaling of transformers 4, or rope_parameters of transformers 5. FS_EXIT_DATA for a kind of scaling
 * that the engine does not compute. */
int fs_rotary_config_read(const struct fs_json_document *config, struct fs_rotary *rotary, struct fs_error *err);

#endif
