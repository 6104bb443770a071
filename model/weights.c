/* The numbers of a model's tensors: what is not stored as the engine reads it is converted, and all are checked. */
#include <string.h>

#include "model/convert.h"
#include "model/model_internal.h"

/* A tied head that is stored a second time must hold the same numbers: transformers 4 and 5 treat others differently.
 */
static int compare_stored_head(const struct fs_model *model, struct fs_error *err)
{
    const struct fs_tensor *stored_head = model->stored_head, *word = model->word_tensor;
    if (stored_head == NULL || fs_tensor_equal(stored_head, word)) {
        return 0;
    }
    return fs_error_set(
        err, FS_EXIT_DATA,
        "%s: tensor %s: found numbers other than in %s, expected the same, for config.json says that the "
        "head is tied; set tie_word_embeddings to false if it is not",
        stored_head->file, stored_head->name, word->name);
}

int fs_model_convert(struct fs_model *model, void *block, bool write, struct fs_error *err)
{
    for (size_t i = 0; i < model->bindings; i++) {
        const struct fs_binding *binding = &model->binding[i];
        const unsigned char *place = binding->tensor->data;
        if (binding->offset != SIZE_MAX) {
            place = (unsigned char *)block + binding->offset;
            if (write && binding->is_first) {
                fs_tensor_convert(binding->tensor, binding->type, (unsigned char *)block + binding->offset);
            }
        }
        if (write && binding->is_first && !fs_numbers_finite(binding->type, place, binding->tensor->elements)) {
            return fs_error_set(
                err, FS_EXIT_DATA,
                "%s: tensor %s: found a number that is infinite or not a number, expected finite weights; "
                "the checkpoint is damaged",
                binding->tensor->file, binding->tensor->name);
        }
        place += binding->first * fs_matrix_number_bytes(binding->type);
        memcpy(binding->slot, &place, sizeof place);
    }
    if (model->spec.tied_head) {
        model->head.weight = model->word;
    }
    return write ? compare_stored_head(model, err) : 0;
}
