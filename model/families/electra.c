/* ELECTRA (Clark et al. 2020): its generator, BERT with embeddings of another size. Discriminators predict no tokens. */
#include "model/families/bert_parts.h"

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    spec->embedding = 128;
    if (fs_bert_read_layers(config, spec, err) != 0 ||
        fs_json_size_optional(config, fs_json_root(config), "", "embedding_size", (struct fs_size_range){1, 1 << 16},
                              &spec->embedding, err) != 0) {
        return -1;
    }
    spec->projection = spec->embedding != spec->hidden ? FS_PROJECT_NORMED : FS_NO_PROJECTION;
    spec->projection_bias = true;
    spec->activation = FS_GELU_ERF; /* of the head, whatever that of the layers is */
    return 0;
}

extern const struct fs_family fs_family_electra;
const struct fs_family fs_family_electra = {
    .name = "electra",
    .about = "Clark et al. 2020, its generators: BERT with word embeddings of another size, and gelu in its head",
    .architectures = {"ElectraForMaskedLM"},
    .kind = FS_MASKED,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_POST_NORM,
    .tied_default = true,
    .default_activation = "gelu",
    .default_epsilon = 1e-12,
    .key = FS_BERT_KEYS,
    .read_layers = read_layers,
    .prefix = "electra.",
    .body = {FS_BERT_EMBEDDINGS, FS_BERT_MATRICES, FS_BERT_NORMS, .embedding_projection = "embeddings_project"},
    .head = {"generator_predictions.dense", "generator_predictions.LayerNorm", "generator_lm_head",
             "generator_lm_head.bias"},
};
