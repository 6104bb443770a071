/*
 * Neurons of FFNs switched off, in any layers: the columns j of W_out that belong to them become 0,
 *
 *     FFN'(x) = FFN(x) - c sum_j a_j(x) W_out[:, j]      a(x) (F): what W_out reads; c 1
 *
 * An empty place, as all of a fresh edit's, has a column of zeros, which changes no bit. Mixtures of experts are refused.
 */
#ifndef FAIRSTAMP_MODEL_EDITS_NEURONS_H
#define FAIRSTAMP_MODEL_EDITS_NEURONS_H

#include <stddef.h>

#include "io/error.h"
#include "model/edit.h"
#include "model/families/spec.h"

/* edit->number: c, then of each place its layer, neuron and F, then the columns (places,d). A strength multiplies c. */
extern const struct fs_edit_kind fs_edit_neurons;

struct fs_neuron {
    size_t layer, neuron;
};

/* Empty places; FS_EXIT_DATA where the model has experts. The caller releases (fs_edit_release). */
int fs_neurons_create(const struct fs_spec *spec, size_t places, struct fs_edit *edit, struct fs_error *err);
/* Numbers of such an edit. */
size_t fs_neurons_parameters(const struct fs_spec *spec, size_t places);
/* Fills the first `count` places with neurons of the model, by layer, and sets the edit's first layer. Local. */
int fs_neurons_set(const struct fs_model *model, const struct fs_neuron *neuron, size_t count, struct fs_edit *edit,
                   struct fs_error *err);
/* The neuron of a place. */
struct fs_neuron fs_neurons_get(const struct fs_edit *edit, size_t place);

#endif
