/*
 * A copy of a model whose weights can be changed: all of them, of the engine's own type, lie in one block, one vector of
 * numbers. A method trains the difference from the model that it began with, in the same layout, so that what a model
 * stores once (a tied head, layers that share their weights) is there once. Local.
 */
#ifndef FAIRSTAMP_MODEL_TRAINABLE_H
#define FAIRSTAMP_MODEL_TRAINABLE_H

#include "model/backends/linear.h"
#include "model/model.h"

/* Numbers of the vector. */
size_t fs_trainable_numbers(const struct fs_spec *spec);

/* The copy computes what `model` does, on its backend. `model` must outlive it; fs_model_destroy frees it. */
int fs_trainable_copy(const struct fs_model *model, struct fs_model **copy, struct fs_error *err);
/* The copy's weights [numbers]. */
fs_real *fs_trainable_weights(const struct fs_model *copy);
/* `count` of the copy's weights, from number `first` on, become its model's + delta [count]; delta NULL: 0. */
void fs_trainable_set(struct fs_model *copy, size_t first, size_t count, const fs_real *delta);
/* Where the gradients of the copy's weights go: `gradient` [numbers]. */
struct fs_weight_sink fs_trainable_sink(const struct fs_model *copy, fs_real *gradient);

/* A stretch of the vector: where its numbers stand in the files of the copy's model. */
struct fs_trainable_piece {
    const char *tensor; /* its name there; "" where the model has no files */
    size_t first;       /* in the vector */
    size_t count;
    size_t offset; /* of its first number in the tensor */
};
/* The pieces in their order, `count` of them; the caller frees, the names are the model's. NULL on failure. */
struct fs_trainable_piece *fs_trainable_pieces(const struct fs_model *copy, size_t *count, struct fs_error *err);

#endif
