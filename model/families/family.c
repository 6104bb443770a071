#include "model/families/family.h"

bool fs_spec_has_positions(const struct fs_spec *spec)
{
    return fs_spec_body(spec)->position != NULL && !spec->no_positions;
}

bool fs_spec_has_final_norm(const struct fs_spec *spec)
{
    return fs_spec_body(spec)->final_norm != NULL && !spec->no_final_norm;
}

bool fs_spec_head_bias(const struct fs_spec *spec)
{
    return spec->family->head.bias != NULL && !spec->no_head_bias;
}

bool fs_spec_norm_bias(const struct fs_spec *spec)
{
    return spec->norm_kind == FS_LAYER_NORM && spec->norm_parameters == FS_GAIN_AND_BIAS;
}
