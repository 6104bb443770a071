#include "model/families/rotary_config.h"

#include <string.h>

int fs_rotary_config_read(const struct fs_json_document *config, struct fs_rotary *rotary, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config);
    const char *where = "rope_parameters";
    rotary->theta = 10000.0;
    if (fs_json_number_optional(config, root, "", "rope_theta", (struct fs_number_range){1.0, 1e12}, &rotary->theta,
                                err) != 0) {
        return -1;
    }
    const cJSON *rope = fs_json_member(config, root, where);
    if (rope == NULL || cJSON_IsNull(rope)) {
        where = "rope_scaling";
        rope = fs_json_member(config, root, where);
    }
    if (rope == NULL || cJSON_IsNull(rope)) {
        return 0;
    }
    if (!cJSON_IsObject(rope)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s: found %s, expected an object", fs_json_name(config), where,
                            fs_json_kind(rope));
    }
    const char *type = NULL;
    double partial = 1.0, attention = 1.0;
    if (fs_json_text_optional(config, rope, where, "type", &type, err) != 0 ||
        fs_json_text_optional(config, rope, where, "rope_type", &type, err) != 0 ||
        fs_json_number_optional(config, rope, where, "rope_theta", (struct fs_number_range){1.0, 1e12}, &rotary->theta,
                                err) != 0 ||
        fs_json_number_optional(config, rope, where, "partial_rotary_factor", (struct fs_number_range){1.0, 1.0},
                                &partial, err) != 0 ||
        fs_json_number_optional(config, rope, where, "attention_factor", (struct fs_number_range){1.0, 1.0}, &attention,
                                err) != 0) {
        return -1;
    }
    if (type == NULL) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s.rope_type: found nothing, expected default, linear or llama3",
                            fs_json_name(config), where);
    }
    if (strcmp(type, "default") == 0) {
        return 0;
    }
    bool llama3 = strcmp(type, "llama3") == 0;
    if (!llama3 && strcmp(type, "linear") != 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s.rope_type: found \"%s\", expected default, linear or llama3; the engine does not "
                            "compute other kinds",
                            fs_json_name(config), where, type);
    }
    rotary->scaling = llama3 ? FS_ROPE_LLAMA3 : FS_ROPE_LINEAR;
    if (fs_json_number_optional(config, rope, where, "factor", (struct fs_number_range){1.0, 1e6}, &rotary->factor,
                                err) != 0) {
        return -1;
    }
    if (llama3 && (fs_json_number_optional(config, rope, where, "low_freq_factor", (struct fs_number_range){1e-6, 1e6},
                                           &rotary->low_frequency, err) != 0 ||
                   fs_json_number_optional(config, rope, where, "high_freq_factor", (struct fs_number_range){1e-6, 1e6},
                                           &rotary->high_frequency, err) != 0 ||
                   fs_json_size(config, rope, where, "original_max_position_embeddings",
                                (struct fs_size_range){1, (size_t)1 << 24}, &rotary->original_positions, err) != 0)) {
        return -1;
    }
    if (rotary->factor == 0.0 ||
        (llama3 && !(rotary->low_frequency > 0.0 && rotary->high_frequency > rotary->low_frequency))) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s: found factor %g, low_freq_factor %g, high_freq_factor %g (0: missing); expected a "
                            "factor%s",
                            fs_json_name(config), where, rotary->factor, rotary->low_frequency, rotary->high_frequency,
                            llama3 ? " and high_freq_factor above low_freq_factor" : "");
    }
    return 0;
}
