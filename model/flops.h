/*
 * Floating point operations of the engine's matrix products, a multiplication and an addition each counted. What is
 * left out (norms, activations, softmax) is a few in a hundred of it. Letters as in families/spec.h; n: tokens of a sequence,
 * `squares`: the sum of n^2 over a batch's sequences, or of n_own n where sequences share their beginnings. Local.
 *
 *     layer            2 T (d (H + 2 G) D + H D d + 2 d F, 3 d F where gated) + 4 H D squares
 *     its backward     the same products of T, gradients of activations alone, and 8 H D squares
 *     head             2 R d V, and 2 R d^2 where the family has a transform; its backward the same
 */
#ifndef FAIRSTAMP_MODEL_FLOPS_H
#define FAIRSTAMP_MODEL_FLOPS_H

#include "model/engine.h"

/* The layers first .. last - 1 together. */
double fs_flops_layers(const struct fs_spec *spec, size_t first, size_t last, double tokens, double squares);
double fs_flops_layers_backward(const struct fs_spec *spec, size_t first, size_t last, double tokens, double squares);
double fs_flops_head(const struct fs_spec *spec, double rows);

double fs_batch_squares(const struct fs_batch *batch);

/* Numbers of all weights. */
double fs_spec_numbers(const struct fs_spec *spec);

#endif
