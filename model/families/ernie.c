/* ERNIE (Sun et al. 2019), with its head for masked tokens: BERT, trained otherwise. */
#include "model/families/bert_parts.h"

extern const struct fs_family fs_family_ernie;
const struct fs_family fs_family_ernie = {
    .name = "ernie",
    .architectures = {"ErnieForMaskedLM", "ErnieForPreTraining", "ErnieModel"},
    .kind = FS_MASKED,
    .norm_kind = FS_LAYER_NORM,
    .norm_place = FS_POST_NORM,
    .tied_default = true,
    .default_activation = "gelu",
    .default_epsilon = 1e-12,
    .key = FS_BERT_KEYS,
    .read_layers = fs_bert_read_layers,
    .prefix = "ernie.",
    .body = FS_BERT_BODY,
    .head = FS_BERT_HEAD,
    .unused = FS_BERT_UNUSED,
};
