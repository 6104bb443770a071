/*
 * What some families do to attention's scores before the softmax. Private to model/steps/.
 *
 *     S = scale Q K^T  (+ disentangled terms)      S = cap tanh(S / cap)      S += bias
 */
#ifndef FAIRSTAMP_MODEL_STEPS_SCORES_H
#define FAIRSTAMP_MODEL_STEPS_SCORES_H

#include "model/steps/layer.h"

/* The last two, in place on heads first .. first + count - 1: S (count,n,m), the last n rows of sequences of m tokens. No
 * work where the layer has none. */
struct fs_score_block {
    size_t first, count, n, m;
};
void fs_scores_shape(const struct fs_layer_run *run, const struct fs_score_block *block, fs_real *S);
/* From dS, the gradient of what the last one gave, to that of the table of biases, where the layer has one and there is a sink. */
void fs_scores_shape_weights(const struct fs_layer_run *run, const struct fs_score_block *block, const fs_real *dS);

/* Reserves what disentangled attention needs for the batch, and makes its tables. */
int fs_disentangled_prepare(const struct fs_spec *spec, const struct fs_score_weights *weights,
                            struct fs_workspace *workspace, const struct fs_batch *batch, struct fs_error *err);
/* The layer's keys and queries of relative positions, in the workspace; before the two below. */
void fs_disentangled_project(const struct fs_layer_run *run);
/*
 * Gradients of the embedding of relative positions, and of what projects it, where the attention is disentangled. _begin
 * before the backward pass of a batch, _layer behind those of a layer's heads, _end behind the last layer.
 */
int fs_disentangled_begin_weights(const struct fs_spec *spec, struct fs_workspace *workspace, struct fs_error *err);
void fs_disentangled_layer_weights(const struct fs_layer_run *run);
void fs_disentangled_end_weights(const struct fs_spec *spec, const struct fs_score_weights *weights,
                                 struct fs_workspace *workspace, const struct fs_weight_sink *sink);

/*
 * S (n,n) of `head` += scale (q_i . k_rel[c] + k_j . q_rel[c]), c = min(b + S, 2 S - 1), b the bucket of i - j and S the
 * span; DeBERTa, He et al. 2021. query, key (n,D).
 */
void fs_disentangled_scores(const struct fs_layer_run *run, size_t head, struct fs_matrix query, struct fs_matrix key,
                            fs_real *S);
/* Adds to dquery and dkey (n,D; as wide as qkv) what these terms bring, from dS (n,n). */
void fs_disentangled_backward(const struct fs_layer_run *run, size_t head, struct fs_matrix query, struct fs_matrix key,
                              struct fs_matrix dS, fs_real *dquery, fs_real *dkey);

#endif
