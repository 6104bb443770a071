#include "model/edits/checkpoint.h"

#include "model/model.h"

/* The vocabularies are compared by their tokenizers; here the sizes alone. */
static int check(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err)
{
    const struct fs_spec *other = fs_model_spec(edit->model);
    if (other->kind != spec->kind || other->vocabulary != spec->vocabulary) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "checkpoint: found a %s model with a vocabulary of %zu, expected a %s one of %zu as the job's "
            "model has; take a checkpoint of the same model",
            other->kind == FS_MASKED ? "masked" : "causal", other->vocabulary,
            spec->kind == FS_MASKED ? "masked" : "causal", spec->vocabulary);
    }
    return 0;
}

const struct fs_edit_kind fs_edit_checkpoint = {.name = "checkpoint", .check = check};
