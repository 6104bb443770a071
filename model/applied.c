#include "model/applied.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/families/family.h"
#include "model/model_internal.h"
#include "model/tensor_names.h"

#define NATIVE_DTYPE (sizeof(fs_real) == sizeof(double) ? FS_F64 : FS_F32)

void fs_applied_release(struct fs_applied *applied)
{
    for (size_t i = 0; i < applied->notes; i++) {
        free(applied->note[i].name);
        free(applied->note[i].value);
    }
    free(applied->note);
    free(applied->change);
    fs_tensors_release(&applied->own);
    *applied = (struct fs_applied){0};
}

int fs_applied_make(const struct fs_edit *edit, const struct fs_model *model, struct fs_applied *applied,
                    struct fs_error *err)
{
    *applied = (struct fs_applied){.model = model};
    return fs_applied_note(applied, "kind", edit->kind->name, err) == 0 &&
                   fs_applied_note(applied, "family", fs_model_spec(model)->family_name, err) == 0
               ? edit->kind->apply(edit, applied, err)
               : -1;
}

/* ---- changed weights ---- */

static const struct fs_binding *binding_at(const struct fs_model *model, const void *slot)
{
    for (size_t i = 0; i < model->bindings; i++) {
        if (model->binding[i].slot == slot) {
            return &model->binding[i];
        }
    }
    return NULL;
}

/* Whether the numbers of a binding are those of another one too. */
static bool is_shared(const struct fs_model *model, const struct fs_binding *binding)
{
    for (size_t i = 0; i < model->bindings; i++) {
        const struct fs_binding *other = &model->binding[i];
        if (other != binding && other->tensor == binding->tensor && other->first == binding->first) {
            return true;
        }
    }
    return false;
}

/* The tensor of the matrix by which the FFN of `layer` writes, or of its bias, if it is that layer's alone. */
static const struct fs_tensor *own_tensor(const struct fs_model *model, size_t layer, enum fs_applied_part part,
                                          struct fs_error *err)
{
    const struct fs_linear *down = &model->layer[layer].down;
    const struct fs_binding *binding =
        binding_at(model, part == FS_APPLIED_FFN_WEIGHT ? (const void *)&down->weight.data : (const void *)&down->bias);
    if (binding == NULL) {
        fs_error_set(err, FS_EXIT_DATA,
                     "layer %zu has %zu experts, expected one FFN: what this edit is there has no form outside of "
                     "fairstamp; take an edit of another layer",
                     layer, model->spec.layer[layer].experts);
        return NULL;
    }
    if (is_shared(model, binding)) {
        fs_error_set(
            err, FS_EXIT_DATA,
            "%s: tensor %s: is that of several layers, and the edit changes layer %zu alone: no folder of a %s "
            "model can hold it",
            binding->tensor->file, binding->tensor->name, layer, model->spec.family_name);
        return NULL;
    }
    return binding->tensor;
}

int fs_applied_change_ffn(struct fs_applied *applied, size_t layer, enum fs_applied_part part,
                          const struct fs_weight_change *change, struct fs_error *err)
{
    const struct fs_tensor *tensor = own_tensor(applied->model, layer, part, err);
    if (tensor == NULL || fs_grow(&applied->change, &applied->change_capacity, applied->changes + 1,
                                  sizeof *applied->change, "the changes of a model", err) != 0) {
        return -1;
    }
    applied->change[applied->changes++] = (struct fs_applied_change){*change, tensor};
    return 0;
}

bool fs_applied_is_folder(const struct fs_applied *applied)
{
    return applied->changes > 0;
}

void fs_applied_changed(const struct fs_applied *applied, char *names, size_t size)
{
    names[0] = '\0';
    for (size_t i = 0, used = 0; i < applied->changes && used < size; i++) {
        used += (size_t)snprintf(names + used, size - used, "%s%s", i > 0 ? ", " : "", applied->change[i].tensor->name);
    }
}

/* ---- tensors of its own ---- */

int fs_applied_add(struct fs_applied *applied, const char *name, size_t rows, size_t columns, const fs_real *numbers,
                   struct fs_error *err)
{
    struct fs_tensor *tensor = fs_tensors_add(&applied->own, "", name, err);
    if (tensor == NULL) {
        return -1;
    }
    tensor->dtype = NATIVE_DTYPE;
    tensor->dimensions = columns > 0 ? 2 : 1;
    tensor->shape[0] = rows;
    tensor->shape[1] = columns;
    tensor->elements = columns > 0 ? rows * columns : rows;
    tensor->data = (const unsigned char *)numbers;
    return 0;
}

int fs_applied_note(struct fs_applied *applied, const char *name, const char *value, struct fs_error *err)
{
    if (fs_grow(&applied->note, &applied->note_capacity, applied->notes + 1, sizeof *applied->note, "metadata", err) !=
        0) {
        return -1;
    }
    struct fs_tensor_note *note = &applied->note[applied->notes++];
    *note = (struct fs_tensor_note){strdup(name), strdup(value)};
    return note->name != NULL && note->value != NULL ? 0 : fs_error_memory(err, strlen(value), "metadata");
}

int fs_applied_note_number(struct fs_applied *applied, const char *name, size_t value, struct fs_error *err)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", value);
    return fs_applied_note(applied, name, text, err);
}

int fs_applied_note_ffn(struct fs_applied *applied, size_t layer, struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(applied->model);
    const struct fs_body_names *body = fs_spec_body(spec);
    const char *first = body->gate_up != NULL ? body->gate_up : body->up;
    char reads[FS_TENSOR_NAME], writes[FS_TENSOR_NAME];
    size_t number[2];
    if (own_tensor(applied->model, layer, FS_APPLIED_FFN_WEIGHT, err) == NULL) {
        return -1;
    }
    fs_spec_stored_layer(spec, layer, number);
    fs_tensor_name(reads, "", first, number, "");
    fs_tensor_name(writes, "", body->down, number, "");
    return fs_applied_note_number(applied, "layer", layer, err) == 0 &&
                   fs_applied_note(applied, "reads", reads, err) == 0
               ? fs_applied_note(applied, "writes", writes, err)
               : -1;
}
