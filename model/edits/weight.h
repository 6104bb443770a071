/*
 * A change of the matrix by which one layer's FFN writes, and of its bias where it has one, or of several layers in a row:
 *
 *     FFN'(x) = FFN(x) + Delta a(x) + delta b      Delta (d,F), or A B^T with A (d,r), B (F,r)      delta b (d)
 *
 * a(x) (F): what W_out reads, the activations behind up (and gate) projection. So the edit is the model whose weights are
 * W_out + Delta and b_out + delta b. A fresh one is all zeros, and changes no bit. A mixture of experts has many W_out, and
 * is refused.
 */
#ifndef FAIRSTAMP_MODEL_EDITS_WEIGHT_H
#define FAIRSTAMP_MODEL_EDITS_WEIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"
#include "model/edit.h"
#include "model/numbers/real.h"

/* The parts of an edit of this kind at one of its layers; they borrow its numbers. */
struct fs_weight {
    size_t layer;          /* 0-based */
    size_t layers;         /* of the whole edit */
    size_t hidden, ffn;    /* d, F */
    size_t rank;           /* r; 0: Delta is dense */
    fs_real *delta;        /* (d,F); NULL where there are factors */
    fs_real *left, *right; /* A (d,r), B (F,r); NULL where Delta is dense */
    fs_real *bias;         /* (d); NULL: b_out is none */
};

extern const struct fs_edit_kind fs_edit_weight;

/* A fresh edit of `layer` < spec->layers; FS_EXIT_DATA where that has experts. The caller releases it (fs_edit_release). */
int fs_weight_create(const struct fs_spec *spec, size_t layer, size_t rank, struct fs_edit *edit, struct fs_error *err);
/* Of `layers` layers from `first` on, all below spec->layers; FS_EXIT_DATA also where their FFNs have other sizes or biases. */
int fs_weight_create_layers(const struct fs_spec *spec, size_t first, size_t layers, size_t rank, struct fs_edit *edit,
                            struct fs_error *err);
struct fs_weight fs_weight_of(const struct fs_edit *edit);                /* at its first layer */
struct fs_weight fs_weight_at(const struct fs_edit *edit, size_t number); /* at layer edit->first_layer + number */
/* Numbers of a dense one: d F, and d where there is a bias. */
size_t fs_weight_parameters(const struct fs_spec *spec, size_t layer);

#endif
