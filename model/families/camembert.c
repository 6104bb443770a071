/* CamemBERT (Martin et al. 2020). */
#include "model/families/roberta_parts.h"

extern const struct fs_family fs_family_camembert;
const struct fs_family fs_family_camembert = {
    .name = "camembert",
    .about = "Martin et al. 2020: RoBERTa",
    .architectures = {"CamembertForMaskedLM", "CamembertModel"},
    FS_ROBERTA_ROW,
};
