/* GPT-J (Wang and Komatsuzaki 2021): attention and FFN read the same norm, rotary positions turn neighbours of a part of
 * each head. The stamp's output joins where the FFN's does, beside the attention's. */
#include "model/families/gpt2_parts.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    const cJSON *root = fs_json_root(config), *value = fs_json_member(config, root, "rotary_dim");
    struct fs_layer_spec layer = {.rotary = {.theta = 10000.0, .interleaved = true, .dims = 64},
                                  .activation = spec->activation,
                                  .ffn_bias = true,
                                  .ffn = 4 * spec->hidden};
    if (cJSON_IsNull(value)) { /* transformers then takes the hidden size, which fits no model of several heads */
        return fs_json_wrong(config, "", "rotary_dim", "null", "how many numbers of a head turn", err);
    }
    if (fs_json_size_optional(config, root, "", "n_inner", (struct fs_size_range){1, 1 << 20}, &layer.ffn, err) != 0 ||
        fs_json_size_optional(config, root, "", "rotary_dim", (struct fs_size_range){2, spec->head_size},
                              &layer.rotary.dims, err) != 0) {
        return -1;
    }
    if (layer.rotary.dims % 2 != 0 || layer.rotary.dims > spec->head_size) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: rotary_dim: found %zu (64 where the key is missing), expected an even number up to the "
            "head size %zu",
            fs_json_name(config), layer.rotary.dims, spec->head_size);
    }
    fs_spec_set_layers(spec, &layer);
    return 0;
}

extern const struct fs_family fs_family_gptj;
const struct fs_family fs_family_gptj = {
    .name = "gptj",
    .about = "Wang and Komatsuzaki 2021: attention and FFN read one norm, rotary positions turn neighbours of a part "
             "of each head",
    .architectures = {"GPTJForCausalLM", "GPTJModel"},
    .kind = FS_CAUSAL,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_PARALLEL,
    .default_activation = "gelu_new",
    .default_epsilon = 1e-5,
    .key = FS_GPT2_KEYS,
    .read_layers = read_layers,
    .prefix = "transformer.",
    .body = {.word = "wte",
             .attention_norm = "h.%zu.ln_1",
             .projections = {"h.%zu.attn.q_proj", "h.%zu.attn.k_proj", "h.%zu.attn.v_proj"},
             .attention_output = "h.%zu.attn.out_proj",
             .up = "h.%zu.mlp.fc_in",
             .down = "h.%zu.mlp.fc_out",
             .final_norm = "ln_f"},
    .head = {.matrix = "lm_head", .bias = "lm_head.bias"},
};
