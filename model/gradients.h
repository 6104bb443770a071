/*
 * Gradients of a read-out through the whole model. For causal tracing: of the state behind a layer, of what its attention
 * adds, and of each neuron of its FFN. For training: of all weights. Local, single-threaded, as engine.h.
 *
 *     fs_gradients_forward -> logprob (R,V) -> the caller turns it into dL/dlogits (R,V)
 *     -> fs_gradients_backward -> `visit` sees each component's values and gradients, from the top layer down
 *     or fs_gradients_weights -> they are added to a vector
 *
 * Only what enters each layer is kept, (layers + 1) T d numbers; the backward pass computes a layer again before it goes
 * through it (Chen et al. 2016, arXiv 1604.06174). So it costs one forward pass more and holds one layer's memory.
 */
#ifndef FAIRSTAMP_MODEL_GRADIENTS_H
#define FAIRSTAMP_MODEL_GRADIENTS_H

#include "model/backends/linear.h"
#include "model/engine.h"

/*
 * Where a matrix of values is read by what follows. A sublayer's output is linear in what its output projection reads, so
 * that gradient x difference is the same sum here as at the output, where a row's contribution to the residual stream is.
 */
enum fs_component {
    FS_COMPONENT_RESIDUAL,  /* (T,d) the state behind a layer */
    FS_COMPONENT_ATTENTION, /* (T,H D) the heads, before the output projection */
    FS_COMPONENT_FFN, /* (T,F) neurons behind the activation; of an expert times its weight, 0 where it is not used */
    FS_COMPONENTS
};

struct fs_component_view {
    enum fs_component component;
    size_t layer;
    size_t part;                     /* of the FFN: the expert, behind all of them their biases; otherwise 0 */
    size_t tokens, width;            /* T, numbers of a row */
    const fs_real *value, *gradient; /* (T,width), valid during the call alone */
};
typedef void fs_component_visit(void *context, const struct fs_component_view *view);

struct fs_gradients;
int fs_gradients_create(const struct fs_model *model, struct fs_gradients **gradients, struct fs_error *err);
void fs_gradients_destroy(struct fs_gradients *gradients);       /* takes NULL */
size_t fs_gradients_bytes(const struct fs_gradients *gradients); /* of numbers that it holds now */
/* Numbers that it holds once it has run `pass` and read `rows` rows. */
size_t fs_gradients_numbers(const struct fs_pass *pass, size_t rows);

/*
 * Runs the whole model on the batch of `pass`, which has no edit, with `noise` as fs_embed takes it. logprob (R,V): the
 * distributions at `rows` rows `row`; FS_EXIT_DATA where one is no number. What `pass` points to must live until the backward call.
 */
int fs_gradients_forward(struct fs_gradients *gradients, const struct fs_pass *pass, const fs_real *noise, size_t rows,
                         const size_t *row, fs_real *logprob, struct fs_error *err);

/*
 * From dlogits (R,V) down. `visit` sees, layer by layer from the top: the residual stream, the parts of the FFN (what no
 * token uses is left out), the attention. Rows that a sequence shares with others have the sum of their gradients.
 */
int fs_gradients_backward(struct fs_gradients *gradients, const fs_real *dlogits, fs_component_visit *visit,
                          void *context, struct fs_error *err);

/*
 * From dlogits (R,V) to the gradients of all weights, which are added. The model of the pass is a copy whose weights lie in
 * one block (trainable.h). Sums of a weight are in the order of tokens, those of its uses from the top of the model down: a
 * tied head and layers that share theirs have one sum of all.
 */
int fs_gradients_weights(struct fs_gradients *gradients, const fs_real *dlogits, const struct fs_weight_sink *sink,
                         struct fs_error *err);

#endif
