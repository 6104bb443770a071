/* What engine.c, head.c and backward.c share. Private to model/. */
#ifndef FAIRSTAMP_MODEL_ENGINE_PARTS_H
#define FAIRSTAMP_MODEL_ENGINE_PARTS_H

#include "model/engine.h"
#include "model/model_internal.h"

/* Makes room in the workspace for the batch, and sets `activations` to it. */
int fs_layer_prepare(const struct fs_pass *pass, struct fs_activations *activations, struct fs_error *err);
/* Where FFN(x) goes: h itself, or room in the workspace where it is apart (fs_layer_prepare makes it). */
fs_real *fs_layer_branch(const struct fs_pass *pass, fs_real *h);
/* Copies `base` to h and fs_layer_branch, which it returns; NULL on failure. */
fs_real *fs_layer_take_base(const struct fs_pass *pass, const fs_real *base, fs_real *h, struct fs_error *err);
/* h (T,d), the layer's input, becomes residual + FFN(x), or the residual alone where y (T,d), which receives FFN(x), is
 * another matrix than h; x (T,d) is what the FFN received. */
void fs_layer_to_ffn(const struct fs_pass *pass, size_t layer, const struct fs_activations *activations, fs_real *h,
                     fs_real *y, fs_real *x);
/* A layer of the model at work; the caller sets the streams or gradients that its steps use. */
struct fs_layer_run fs_layer_begin(const struct fs_pass *pass, size_t layer, const struct fs_activations *activations);
/* Room in `inner` for what the edit (NULL: none) keeps; checks that it fits the model. */
int fs_edit_prepare(const struct fs_pass *pass, struct fs_scratch *inner, struct fs_error *err);
/* Numbers a token that the edit keeps for its backward. */
size_t fs_edit_inner_size(const struct fs_edit *edit);
/* What an edit has at the seam of a layer. */
struct fs_seam {
    const fs_real *x;   /* (T,d) what the FFN received */
    const fs_real *key; /* (T,F) what W_out read; not read where no edit that reads_keys acts */
    fs_real *inner;     /* (T, inner_size) receives what the edit keeps; not read where none acts */
};
/* h (T,d), with y as fs_layer_to_ffn left them, becomes the layer's output. `norm_in` (T,d) receives what a norm behind
 * the edit reads; NULL: not wanted. */
void fs_layer_join(const struct fs_pass *pass, size_t layer, const struct fs_seam *seam, fs_real *norm_in, fs_real *h,
                   fs_real *y);
/* Whether the pass has an edit that reads keys at `layer`. */
bool fs_layer_needs_keys(const struct fs_pass *pass, size_t layer);
/* The keys of `layer` again, from x (T,d) to activations->active; `activations` are of fs_layer_prepare, but for that. */
void fs_layer_keys(const struct fs_pass *pass, size_t layer, const struct fs_activations *activations,
                   const fs_real *x);

/* Numbers that the backward pass of a layer needs of the forward one. */
size_t fs_layer_kept_numbers(const struct fs_pass *pass, size_t layer);
/* Sets `activations` to so many numbers from *place on, which moves on behind them, and ->active to `active`. */
void fs_layer_lay_out(const struct fs_pass *pass, size_t layer, fs_real *active, fs_real **place,
                      struct fs_activations *activations);
/* What the norm behind the seam reads. A post-norm layer has no norm of the FFN's output alone. */
fs_real *fs_layer_norm_behind(const struct fs_activations *activations);
/* Room in the workspace, beside that of fs_layer_prepare, for the gradients inside a layer. */
int fs_layer_prepare_backward(const struct fs_pass *pass, struct fs_error *err);
/* A layer with the gradients of its streams: h's own where a stream carries the residual, else that of a branch; no two
 * branches are under way at once. */
struct fs_layer_run fs_layer_begin_backward(const struct fs_pass *pass, size_t layer,
                                            const struct fs_activations *activations, fs_real *dh);

/* What a backward pass needs of the head's inputs: the rows of h (R,d), and the transform before its activation (R,E). */
struct fs_head_kept {
    fs_real *gathered, *dense;
};
/*
 * (R,E): what the head multiplies, from `count` rows `row` of h (NULL: rows 0, 1, ..); in the workspace, NULL on failure.
 * `kept`: receives what it names; NULL: not wanted.
 */
const fs_real *fs_head_inputs(const struct fs_model *model, struct fs_workspace *workspace, const fs_real *h,
                              size_t count, const size_t *row, const struct fs_head_kept *kept, struct fs_error *err);
/*
 * (R,d): the gradient of the rows of h that fs_head_inputs read, from dlogits (R,V); in the workspace, NULL on failure.
 * `kept` is as that call left it. Gradients of weights are added where there is a sink.
 */
const fs_real *fs_head_backward(const struct fs_model *model, struct fs_workspace *workspace,
                                const struct fs_head_kept *kept, size_t count, const fs_real *dlogits,
                                const struct fs_weight_sink *sink, struct fs_error *err);
/* From dh (T,d), the gradient of what fs_embed gave, overwritten, to those of the embeddings' weights. */
int fs_embed_backward(const struct fs_pass *pass, fs_real *dh, const struct fs_weight_sink *sink, struct fs_error *err);
/* logprob (R,V) from what fs_head_inputs gave. */
void fs_head_distributions(const struct fs_model *model, const fs_real *rows, size_t count, fs_real *logprob);
/* FS_EXIT_DATA where one of `count` log probabilities is no number. */
int fs_head_check(const fs_real *logprob, size_t count, struct fs_error *err);

#endif
