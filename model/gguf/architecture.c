#include "model/gguf/architecture.h"

#include <stdio.h>
#include <string.h>

/* One row an architecture. */
static const struct fs_gguf_architecture architectures[] = {
    {"llama", "llama", "LlamaForCausalLM", true, "attention_bias", "mlp_bias", false},
    {"llama", "mixtral", "MixtralForCausalLM", true, NULL, NULL, true},
    {"qwen2", "qwen2", "Qwen2ForCausalLM", false, NULL, NULL, false},
    {"qwen3", "qwen3", "Qwen3ForCausalLM", false, "attention_bias", NULL, false},
};
#define ARCHITECTURES (sizeof architectures / sizeof *architectures)

const char *fs_gguf_key(const char *architecture, const char *suffix, char key[FS_GGUF_KEY])
{
    snprintf(key, FS_GGUF_KEY, "%s.%s", architecture, suffix);
    return key;
}

/* Files of other things in the same format. */
static int check_whole(const struct fs_gguf *gguf, struct fs_error *err)
{
    const char *type = "model";
    size_t pieces = 1;
    if (fs_gguf_text(gguf, "general.type", &type, err) != 0 || fs_gguf_size(gguf, "split.count", &pieces, err) != 0) {
        return -1;
    }
    if (pieces > 1) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: is one of %zu pieces of a model (split.count); join them: llama-gguf-split --merge "
                            "FIRST-PIECE MODEL.gguf",
                            gguf->path, pieces);
    }
    if (strcmp(type, "model") != 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: general.type: found \"%.60s\", expected \"model\"; give the file "
                            "of the language model itself",
                            gguf->path, type);
    }
    return 0;
}

/* The names of the table, without the second of one name. */
static void write_names(char *text, size_t size)
{
    for (size_t i = 0; i < ARCHITECTURES; i++) {
        if (i == 0 || strcmp(architectures[i - 1].name, architectures[i].name) != 0) {
            fs_error_add_name(text, size, i, ARCHITECTURES, architectures[i].name);
        }
    }
}

int fs_gguf_architecture_find(const struct fs_gguf *gguf, const struct fs_gguf_architecture **architecture,
                              struct fs_error *err)
{
    const char *name = NULL;
    char known[256] = "", found[80] = "nothing", key[FS_GGUF_KEY];
    size_t experts = 0;
    if (check_whole(gguf, err) != 0 || fs_gguf_text(gguf, "general.architecture", &name, err) != 0 ||
        (name != NULL && fs_gguf_size(gguf, fs_gguf_key(name, "expert_count", key), &experts, err) != 0)) {
        return -1;
    }
    for (size_t i = 0; i < ARCHITECTURES; i++) {
        if (name != NULL && strcmp(architectures[i].name, name) == 0 && architectures[i].experts == (experts > 0)) {
            *architecture = &architectures[i];
            return 0;
        }
    }
    if (name != NULL) {
        snprintf(found, sizeof found, "\"%.40s\"%s", name, experts > 0 ? " with experts" : "");
    }
    write_names(known, sizeof known);
    return fs_error_set(
        err, FS_EXIT_DATA,
        "%s: general.architecture: found %s, expected %s; take the HuggingFace folder that the file was "
        "made from",
        gguf->path, found, known);
}
