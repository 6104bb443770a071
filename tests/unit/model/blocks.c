#include "blocks.h"

#include "model/families/families.h"
#include "support.h"

static const struct block {
    const char *name;
    enum fs_block block;
    double residual_scale;
    bool residual_from_norm, bare_layer, gated;
    size_t experts, experts_used;
    /* other than 101 words, and RMSNorm with its parameters */
    size_t vocabulary;
    double logit_scale, logit_cap;
    enum fs_norm_kind norm_kind;
    enum fs_norm_parameters norm_parameters;
} blocks[] = {
    {.name = "pre-norm", .bare_layer = true, .gated = true},
    {.name = "scaled residual", .residual_scale = 0.22, .gated = true},
    {.name = "residual from norm", .residual_from_norm = true},
    {.name = "post-norm", .block = FS_POST_NORM},
    {.name = "parallel", .block = FS_PARALLEL},
    {.name = "parallel, two norms", .block = FS_PARALLEL_TWO_NORMS, .gated = true},
    {.name = "sandwich-norm", .block = FS_SANDWICH_NORM, .gated = true},
    {.name = "branch-norm", .block = FS_BRANCH_NORM, .gated = true},
    {.name = "experts", .gated = true, .experts = 5, .experts_used = 2},
    {.name = "experts, plain", .block = FS_SANDWICH_NORM, .experts = 3, .experts_used = 3},
    {.name = "one expert, post-norm", .block = FS_POST_NORM, .gated = true, .experts = 4, .experts_used = 1},
    {.name = "capped logits", .logit_scale = 7, .logit_cap = 0.9, .vocabulary = 1050},
    {.name = "scaled logits", .logit_scale = 0.3},
    {.name = "norms without bias", .norm_kind = FS_LAYER_NORM, .norm_parameters = FS_GAIN_ALONE},
    {.name = "norms without parameters", .norm_kind = FS_LAYER_NORM, .norm_parameters = FS_NO_PARAMETERS},
    {.name = "norms by 1 + gain", .norm_kind = FS_RMS_NORM_PLUS_ONE},
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
                           .vocabulary = block->vocabulary > 0 ? block->vocabulary : 101,
                           .logit_scale = block->logit_scale,
                           .logit_cap = block->logit_cap,
                           .hidden = 12,
                           .layers = 3,
                           .heads = 3,
                           .key_value_heads = 1,
                           .head_size = 4,
                           .max_positions = 32,
                           .norm_kind = block->norm_kind != FS_NO_NORM ? block->norm_kind : FS_RMS_NORM,
                           .norm_parameters = block->norm_parameters,
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
