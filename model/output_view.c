#include "model/output_view.h"

#include <stdlib.h>
#include <string.h>

#include "model/model_internal.h"

int fs_output_view_create(const struct fs_model *model, size_t first, size_t layers, struct fs_model **view,
                          struct fs_error *err)
{
    const struct fs_spec *spec = &model->spec;
    size_t d = spec->hidden, F = layers > 0 ? spec->layer[first].ffn : 0;
    struct fs_model *own = fs_allocate(1, sizeof *own, "a model", err);
    *view = own;
    if (own == NULL) {
        return -1;
    }
    *own = *model;
    own->origin = model;
    own->layer = fs_allocate(spec->layers, sizeof *own->layer, "a model's layers", err);
    own->own_block = fs_allocate_aligned(layers * d * F, sizeof(fs_real), "matrices of FFNs", err);
    if (own->layer == NULL || own->own_block == NULL) {
        fs_output_view_destroy(own);
        *view = NULL;
        return -1;
    }
    memcpy(own->layer, model->layer, spec->layers * sizeof *own->layer);
    for (size_t i = 0; i < layers; i++) {
        struct fs_linear *down = &own->layer[first + i].down;
        down->weight = fs_matrix_of((fs_real *)own->own_block + i * d * F, d, F, F);
        down->inputs_first = false;
    }
    fs_output_view_set(own, first, layers, NULL);
    return 0;
}

void fs_output_view_destroy(struct fs_model *view)
{
    if (view != NULL) {
        free(view->layer);
        free(view->own_block);
        free(view);
    }
}

void fs_output_view_set(struct fs_model *view, size_t first, size_t layers, const fs_real *delta)
{
    size_t d = view->spec.hidden;
    for (size_t i = 0; i < layers; i++) {
        const struct fs_linear *from = &view->origin->layer[first + i].down;
        size_t F = from->inputs;
        fs_real *to = (fs_real *)view->own_block + i * d * F, row[1024];
        if (!from->inputs_first) {
            fs_matrix_widen(&from->weight, to, F);
        }
        for (size_t f = 0; from->inputs_first && f < F; f++) { /* (F,d), of which a row is a column here */
            for (size_t k = 0, count; k < d; k += count) {
                count = d - k < 1024 ? d - k : 1024;
                const struct fs_matrix part = fs_matrix_part(&from->weight, f, k, 1, count);
                fs_matrix_widen(&part, row, count);
                for (size_t j = 0; j < count; j++) {
                    to[(k + j) * F + f] = row[j];
                }
            }
        }
        if (delta != NULL) {
            fs_kernel_add(to, delta + i * d * F, d * F);
        }
    }
}
