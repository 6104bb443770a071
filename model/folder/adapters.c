/* Adapters of PEFT: not computed, and never passed over in silence. */
#include <stdio.h>
#include <string.h>

#include "io/formats/json.h"
#include "model/folder/folder_parts.h"

/* Kinds whose work is no change of weights: nothing can be merged. */
static const char *const not_mergeable[] = {
    "ADAPTION_PROMPT", "CPT", "MULTITASK_PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "PROMPT_TUNING", "XLORA"};

struct adapter {
    char type[64], base[256]; /* "" where its file does not say */
    bool masked;
};

static void copy_text(const cJSON *root, const char *key, char *text, size_t size)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(root, key);
    if (cJSON_IsString(value)) {
        snprintf(text, size, "%s", value->valuestring);
    }
}

/* What adapter_config.json says; a damaged one says nothing. */
static void read_adapter(const char *folder, struct adapter *adapter)
{
    char path[FS_PATH_ROOM], task[64] = "CAUSAL_LM";
    struct fs_json_document *document;
    struct fs_error ignored = FS_ERROR_INIT;
    *adapter = (struct adapter){0};
    if (!fs_join(folder, "adapter_config.json", path) || fs_json_load(path, &document, &ignored) != 0) {
        return;
    }
    copy_text(fs_json_root(document), "peft_type", adapter->type, sizeof adapter->type);
    copy_text(fs_json_root(document), "base_model_name_or_path", adapter->base, sizeof adapter->base);
    copy_text(fs_json_root(document), "task_type", task, sizeof task);
    adapter->masked = strcmp(task, "CAUSAL_LM") != 0;
    fs_json_destroy(document);
}

static bool is_mergeable(const char *type)
{
    for (size_t i = 0; i < sizeof not_mergeable / sizeof *not_mergeable; i++) {
        if (strcmp(type, not_mergeable[i]) == 0) {
            return false;
        }
    }
    return true;
}

/* How to make one model of adapter and base. */
static void write_fix(const struct adapter *adapter, const char *base, const char *own, char *text, size_t size)
{
    if (!is_mergeable(adapter->type)) {
        snprintf(text, size, "%s cannot be merged into weights, so that only its base model can be measured",
                 adapter->type);
        return;
    }
    snprintf(text, size,
             "merge the two with Python: PeftModel.from_pretrained(AutoModelFor%s.from_pretrained(\"%s\"), "
             "\"%s\").merge_and_unload().save_pretrained(\"DIR\"), and put the tokenizer's files beside them",
             adapter->masked ? "MaskedLM" : "CausalLM", base, own);
}

int fs_check_adapter(const char *folder, bool whole, struct fs_error *err)
{
    struct adapter adapter;
    char fix[1024];
    /* Beside a whole model transformers goes by adapter_config.json alone, and so does this. */
    if (!fs_has_file(folder, "adapter_config.json") &&
        (whole || (!fs_has_file(folder, "adapter_model.safetensors") && !fs_has_file(folder, "adapter_model.bin")))) {
        return 0;
    }
    read_adapter(folder, &adapter);
    const char *type = adapter.type[0] != '\0' ? adapter.type : "adapter_config.json does not tell the kind";
    const char *base = adapter.base[0] != '\0' ? adapter.base : "BASE";
    write_fix(&adapter, whole ? folder : base, whole ? "ADAPTER" : folder, fix, sizeof fix);
    if (!whole) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: is a PEFT adapter (%s) of %s, no whole model; %s", folder, type,
                            adapter.base[0] != '\0' ? base : "a model that it does not name", fix);
    }
    return fs_error_set(
        err, FS_EXIT_DATA,
        "%s: holds a whole model and beside it a PEFT adapter (%s), which transformers would apply and "
        "fairstamp would not; move the adapter's files to a folder ADAPTER of their own, and measure the "
        "model without it, or %s",
        folder, type, fix);
}
