/* ERNIE (Sun et al. 2019), with its head for masked tokens: BERT, trained otherwise. */
#include "model/families/bert_parts.h"

extern const struct fs_family fs_family_ernie;
const struct fs_family fs_family_ernie = {
    .name = "ernie",
    .about = "Sun et al. 2019: BERT",
    .architectures = {"ErnieForMaskedLM", "ErnieForPreTraining", "ErnieModel"},
    FS_BERT_ROW,
    .harmless = {"task_type_vocab_size"}, /* of use_task_id */
    .prefix = "ernie.",
};
