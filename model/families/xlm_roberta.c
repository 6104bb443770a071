/* XLM-RoBERTa (Conneau et al. 2020). */
#include "model/families/roberta_parts.h"

extern const struct fs_family fs_family_xlm_roberta;
const struct fs_family fs_family_xlm_roberta = {
    .name = "xlm-roberta",
    .about = "Conneau et al. 2020: RoBERTa",
    .architectures = {"XLMRobertaForMaskedLM", "XLMRobertaModel"},
    FS_ROBERTA_ROW,
};
