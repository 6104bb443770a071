/* MPNet (Song et al. 2020), with its head for masked tokens: BERT without token types, with positions behind a pad token as
 * RoBERTa's, and a bias on scores by the distance of two tokens. */
#include "model/families/roberta_parts.h"

/* Whatever pad_token_id says. */
enum { PAD = 1 };

/* transformers counts with these whatever relative_attention_num_buckets says, which is the size of the table. */
enum { BUCKETS = 32 };

static int read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    spec->score_bias = FS_BUCKET_BIAS;
    spec->score_buckets = BUCKETS;
    if (fs_bert_read_layers(config, spec, err) != 0 ||
        fs_json_size_optional(config, fs_json_root(config), "", "relative_attention_num_buckets",
                              (struct fs_size_range){BUCKETS, BUCKETS}, &spec->score_buckets, err) != 0) {
        return -1;
    }
    if (spec->max_positions <= PAD + 1) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: max_position_embeddings: found %zu, expected more than 2, from which positions count",
                            fs_json_name(config), spec->max_positions);
    }
    spec->activation = FS_GELU_ERF;
    spec->first_position = PAD + 1;
    spec->max_positions -= PAD + 1;
    return 0;
}

extern const struct fs_family fs_family_mpnet;
const struct fs_family fs_family_mpnet = {
    .name = "mpnet",
    .about = "Song et al. 2020: BERT with positions behind the pad token, and a bias of scores by distance",
    .architectures = {"MPNetForMaskedLM", "MPNetModel"},
    .kind = FS_MASKED,
    .norm_kind = FS_LAYER_NORM,
    .block = FS_POST_NORM,
    .tied_default = true,
    .default_activation = "gelu",
    .default_epsilon = 1e-12,
    .key = FS_BERT_KEYS,
    .read_layers = read_layers,
    .prefix = "mpnet.",
    .body = {.word = "embeddings.word_embeddings",
             .position = "embeddings.position_embeddings",
             .embedding_norm = "embeddings.LayerNorm",
             .attention_norm = "encoder.layer.%zu.attention.LayerNorm",
             .projections = {"encoder.layer.%zu.attention.attn.q", "encoder.layer.%zu.attention.attn.k",
                             "encoder.layer.%zu.attention.attn.v"},
             .score_bias = "encoder.relative_attention_bias",
             .attention_output = "encoder.layer.%zu.attention.attn.o",
             .ffn_norm = "encoder.layer.%zu.output.LayerNorm",
             .up = "encoder.layer.%zu.intermediate.dense",
             .down = "encoder.layer.%zu.output.dense"},
    .head = FS_ROBERTA_HEAD,
    .unused = {".pooler.dense.weight", ".pooler.dense.bias", "embeddings.position_ids", "lm_head.decoder.bias",
               "lm_head.bias"},
};
