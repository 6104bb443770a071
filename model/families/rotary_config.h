/* The rotary part of a config.json. Private to model/. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_ROTARY_CONFIG_H
#define FAIRSTAMP_MODEL_FAMILIES_ROTARY_CONFIG_H

#include "io/formats/json.h"
#include "model/families/spec.h"

/*
 * Where a family's config.json has what. Within rope_parameters (transformers 5) or rope_scaling (transformers 4) the keys
 * are the same in all, and go before those at the top.
 */
struct fs_rotary_keys {
    const char *theta; /* the base, at the top */
    double default_theta;
    const char *partial; /* the share of a head that turns, at the top; NULL: a whole head, others are refused */
    double default_partial;
    const char *layer_type;    /* whose part of rope_parameters; NULL: all layers are alike */
    bool unscaled;             /* rope_scaling is not for these layers */
    size_t original_positions; /* original_max_position_embeddings at the top, where the key is missing; 0: none */
    bool longrope_alone;       /* Phi-3: "su" and "yarn" are former names of longrope, and only it is known */
};

extern const struct fs_rotary_keys fs_rotary_usual; /* rope_theta 10000, whole heads, all layers alike */

/*
 * Reads `rotary`, zeroed before, for a `spec` that has its head size and max_positions. Where rope is "dynamic",
 * spec->max_positions grows by its factor; longrope's lists are added to spec->divisor. FS_EXIT_DATA for a kind that the
 * engine does not compute. Where layers of several types turn by themselves it is called for each type.
 */
int fs_rotary_config_read(const struct fs_json_document *config, const struct fs_rotary_keys *keys,
                          struct fs_spec *spec, struct fs_rotary *rotary, struct fs_error *err);

#endif
