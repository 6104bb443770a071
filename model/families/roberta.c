/* RoBERTa (Liu et al. 2019), with its head for masked tokens. */
#include "model/families/roberta_parts.h"

int fs_roberta_read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    size_t pad = 1; /* transformers' default; with null it computes no positions */
    if (cJSON_IsNull(fs_json_member(config, fs_json_root(config), "pad_token_id"))) {
        return fs_json_wrong(config, "", "pad_token_id", "null", "the id of <pad>, behind which positions count", err);
    }
    if (fs_bert_read_layers(config, spec, err) != 0 ||
        fs_json_size_optional(config, fs_json_root(config), "", "pad_token_id",
                              (struct fs_size_range){0, spec->vocabulary - 1}, &pad, err) != 0) {
        return -1;
    }
    spec->activation = FS_GELU_ERF;
    spec->first_position = pad + 1;
    if (spec->max_positions <= spec->first_position) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s: found %zu, expected more than pad_token_id + 1 = %zu, from which positions count",
                            fs_json_name(config), spec->family->key.positions, spec->max_positions,
                            spec->first_position);
    }
    spec->max_positions -= spec->first_position;
    return 0;
}

extern const struct fs_family fs_family_roberta;
const struct fs_family fs_family_roberta = {
    .name = "roberta",
    .about = "Liu et al. 2019: BERT with positions behind the pad token's, and gelu in its head",
    .architectures = {"RobertaForMaskedLM", "RobertaModel"},
    FS_ROBERTA_ROW,
};
