#include "blocks.h"

#include "model/families/families.h"
#include "support.h"

static const struct block {
    const char *name;
    enum fs_block block;
    double residual_scale;
    bool residual_from_norm, bare_layer, gated;
    size_t experts, experts_used;
} blocks[] = {
    {"pre-norm", FS_PRE_NORM, 0, false, true, true, 0, 0},
    {"scaled residual", FS_PRE_NORM, 0.22, false, false, true, 0, 0},
    {"residual from norm", FS_PRE_NORM, 0, true, false, false, 0, 0},
    {"post-norm", FS_POST_NORM, 0, false, false, false, 0, 0},
    {"parallel", FS_PARALLEL, 0, false, false, false, 0, 0},
    {"parallel, two norms", FS_PARALLEL_TWO_NORMS, 0, false, false, true, 0, 0},
    {"sandwich-norm", FS_SANDWICH_NORM, 0, false, false, true, 0, 0},
    {"branch-norm", FS_BRANCH_NORM, 0, false, false, true, 0, 0},
    {"experts", FS_PRE_NORM, 0, false, false, true, 5, 2},
    {"experts, plain", FS_SANDWICH_NORM, 0, false, false, false, 3, 3},
    {"one expert, post-norm", FS_POST_NORM, 0, false, false, true, 4, 1},
};

const size_t block_count = sizeof blocks / sizeof *blocks;

const char *block_name(size_t block)
{
    return blocks[block].name;
}

struct fs_model *block_model(size_t index)
{
    const struct block *block = &blocks[index];
    struct fs_error err = FS_ERROR_INIT;
    struct fs_layer_spec layer[3];
    struct fs_model *model;
    struct fs_spec spec = {.family = fs_family_find("llama"),
                           .family_name = "llama",
                           .kind = FS_CAUSAL,
                           .vocabulary = 101,
                           .hidden = 12,
                           .layers = 3,
                           .heads = 3,
                           .key_value_heads = 1,
                           .head_size = 4,
                           .max_positions = 32,
                           .norm_kind = FS_RMS_NORM,
                           .block = block->block,
                           .residual_scale = block->residual_scale,
                           .residual_from_norm = block->residual_from_norm,
                           .norm_epsilon = 1e-5,
                           .layer = layer};
    fs_spec_set_layers(&spec, &(struct fs_layer_spec){.rotary = {.theta = 100},
                                                      .ffn = 10,
                                                      .activation = FS_SILU,
                                                      .gated = block->gated,
                                                      .experts = block->experts,
                                                      .experts_used = block->experts_used,
                                                      .qkv_bias = true,
                                                      .ffn_bias = true});
    layer[1].no_attention_norm = block->bare_layer;
    if (fs_model_random(&spec, &model, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return model;
}
