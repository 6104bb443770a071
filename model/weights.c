/* The numbers of a model's tensors: what is not stored as the engine reads it is converted, and all are checked. */
#include <string.h>

#include "model/model_internal.h"

/* F16 to float32: shifted into place, the exponent set right by one product, which also makes subnormals exact. */
static float from_half(uint16_t half)
{
    uint32_t bits = (uint32_t)(half & 0x7fff) << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    value *= 0x1p112f;
    memcpy(&bits, &value, sizeof bits);
    bits |= (half & 0x7fff) >= 0x7c00 ? 0x7f800000u : 0u;
    bits |= (uint32_t)(half & 0x8000) << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void convert(const struct fs_tensor *tensor, fs_real *out)
{
    const unsigned char *data = tensor->data;
    for (size_t i = 0; i < tensor->elements; i++) {
        double wide;
        float single;
        uint32_t bits;
        uint16_t half;
        switch (tensor->dtype) {
        case FS_F64:
            memcpy(&wide, data + 8 * i, 8);
            out[i] = (fs_real)wide;
            break;
        case FS_F32:
            memcpy(&single, data + 4 * i, 4);
            out[i] = single;
            break;
        case FS_F16:
            memcpy(&half, data + 2 * i, 2);
            out[i] = from_half(half);
            break;
        default: /* BF16: the upper half of a float32 */
            memcpy(&half, data + 2 * i, 2);
            bits = (uint32_t)half << 16;
            memcpy(&single, &bits, 4);
            out[i] = single;
            break;
        }
    }
}

/* Element by element: such tensors are rare. */
static void convert_strided(const struct fs_tensor *tensor, fs_real *out)
{
    struct fs_tensor element = *tensor;
    element.elements = 1;
    for (size_t i = 0; i < tensor->elements; i++) {
        element.data = fs_tensor_element(tensor, i);
        convert(&element, out + i);
    }
}

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
    fs_real *number = block;
    for (size_t i = 0; i < model->bindings; i++) {
        const struct fs_binding *binding = &model->binding[i];
        const fs_real *place;
        if (binding->offset == SIZE_MAX) {
            place = (const fs_real *)(const void *)binding->tensor->data;
        } else {
            place = number + binding->offset;
            if (write && binding->is_first && binding->tensor->strided) {
                convert_strided(binding->tensor, number + binding->offset);
            } else if (write && binding->is_first) {
                convert(binding->tensor, number + binding->offset);
            }
        }
        if (write && binding->is_first && !fs_kernel_finite(place, binding->tensor->elements)) {
            return fs_error_set(
                err, FS_EXIT_DATA,
                "%s: tensor %s: found a number that is infinite or not a number, expected finite weights; "
                "the checkpoint is damaged",
                binding->tensor->file, binding->tensor->name);
        }
        place += binding->first;
        memcpy(binding->slot, &place, sizeof place);
    }
    if (model->spec.tied_head) {
        model->head.weight.data = model->word;
    }
    return write ? compare_stored_head(model, err) : 0;
}
