#include "model/families/activations.h"

#include <string.h>

/* transformers' names; "gelu_new" and its kin are one formula. */
static const struct {
    const char *name;
    enum fs_activation activation;
} activations[] = {
    {"gelu", FS_GELU_ERF},
    {"gelu_python", FS_GELU_ERF},
    {"gelu_new", FS_GELU_TANH},
    {"gelu_fast", FS_GELU_TANH},
    {"gelu_pytorch_tanh", FS_GELU_TANH},
    {"gelu_python_tanh", FS_GELU_TANH},
    {"silu", FS_SILU},
    {"swish", FS_SILU},
    {"relu", FS_RELU},
};

const char *fs_activation_name(enum fs_activation activation)
{
    size_t i = 0;
    while (i + 1 < sizeof activations / sizeof *activations && activations[i].activation != activation) {
        i++;
    }
    return activations[i].name;
}

int fs_activation_read(const struct fs_json_document *config, const char *key, const char *name,
                       enum fs_activation *activation, struct fs_error *err)
{
    if (key != NULL && fs_json_text_optional(config, fs_json_root(config), "", key, &name, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        if (strcmp(activations[i].name, name) == 0) {
            *activation = activations[i].activation;
            return 0;
        }
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: %s: found \"%s\", expected gelu, gelu_new, gelu_pytorch_tanh, silu, relu or a synonym",
                        fs_json_name(config), key, name);
}
