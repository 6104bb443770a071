/* BERT (Devlin et al. 2019), with its head for masked tokens. */
#include "model/families/bert_parts.h"

int fs_bert_set_layers(const struct fs_json_document *config, const char *ffn_key, struct fs_spec *spec,
                       struct fs_error *err)
{
    struct fs_layer_spec layer = {
        .activation = spec->activation, .qkv_bias = true, .output_bias = true, .ffn_bias = true};
    if (fs_json_size(config, fs_json_root(config), "", ffn_key, (struct fs_size_range){1, 1 << 20}, &layer.ffn, err) !=
        0) {
        return -1;
    }
    fs_spec_set_layers(spec, &layer);
    return 0;
}

int fs_bert_read_layers(const struct fs_json_document *config, struct fs_spec *spec, struct fs_error *err)
{
    return fs_bert_set_layers(config, "intermediate_size", spec, err);
}

extern const struct fs_family fs_family_bert;
const struct fs_family fs_family_bert = {
    .name = "bert",
    .about = "Devlin et al. 2019: post-norm, learned positions, token types",
    .architectures = {"BertForMaskedLM", "BertForPreTraining", "BertLMHeadModel", "BertModel"},
    FS_BERT_ROW,
    .harmless = {"directionality"}, /* of 2018: always "bidi" */
    .prefix = "bert.",
};
