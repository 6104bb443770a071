/*
 * The forward pass on packed batches: sequences of any length one after the other, no padding.
 *
 * Every function works on one batch in the calling thread (OpenBLAS runs single-threaded); threads and ranks each take
 * batches of their own. A batch of the same composition gives the same bits whatever runs beside it. All are local.
 * The hidden state h is a plain (T,d) matrix between two layers, so to take or set a state at (layer, position) is to
 * copy a row of h between two calls.
 *
 * A workspace grows to what the largest batch needs (pipeline/estimate/memory.h has the formula). Callers bound their
 * batches.
 */
#ifndef FAIRSTAMP_MODEL_ENGINE_H
#define FAIRSTAMP_MODEL_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "model/edit.h"
#include "model/model.h"
#include "model/steps/batch.h"

struct fs_workspace;
/* One a thread. */
int fs_workspace_create(const struct fs_model *model, struct fs_workspace **workspace, struct fs_error *err);
void fs_workspace_destroy(struct fs_workspace *workspace); /* takes NULL */
/* The model's weights have changed (trainable.h): what was made of them is made anew. */
void fs_workspace_forget(struct fs_workspace *workspace);
/* From here on layers and embeddings drop numbers as `dropout` says, which must live on; NULL: none, as to begin with. */
struct fs_dropout;
void fs_workspace_drop(struct fs_workspace *workspace, const struct fs_dropout *dropout);
/* Bytes that it holds now. */
size_t fs_workspace_bytes(const struct fs_workspace *workspace);

/* Ids inside the vocabulary, no empty sequence, none longer than max_positions; FS_EXIT_DATA otherwise. */
int fs_batch_check(const struct fs_model *model, const struct fs_batch *batch, struct fs_error *err);

/* h (T,d): what enters layer 0. `noise` (T,E) or NULL is added to the word embeddings as they are stored, before any
 * scale, projection or norm (ROME's corruption). */
int fs_embed(const struct fs_model *model, struct fs_workspace *workspace, const struct fs_batch *batch,
             const fs_real *noise, fs_real *h, struct fs_error *err);

/* A batch on its way through a model, whole or edited. Owns nothing; what it points to must outlive the calls. */
struct fs_pass {
    const struct fs_model *model;
    struct fs_workspace *workspace; /* of this model, and of the calling thread */
    const struct fs_batch *batch;
    const struct fs_edit *edit; /* acts on layers from its first on; NULL: none */
};

/* Runs layers first .. last-1 on h (T,d) in place. */
int fs_run_layers(const struct fs_pass *pass, size_t first, size_t last, fs_real *h, struct fs_error *err);

/*
 * Runs one layer, without the pass's edit, on h (T,d) in place. What the attention's, and the FFN's, output projection
 * reads is first copied between rows, so that the sublayer's contribution to the residual stream at row to[i] is that
 * of row from[i] (tracing: ROME's restoration of a sublayer's output). NULL: no copies.
 */
int fs_run_layer_patched(const struct fs_pass *pass, size_t layer, const struct fs_row_copies *attention,
                         const struct fs_row_copies *ffn, fs_real *h, struct fs_error *err);

/*
 * (T,d) matrices of `base`, one after the other: 1, residual + FFN(x); or 2, where something comes between the two
 * (fs_spec_ffn_apart): FFN(x), and the residual. In a model with a convolution (DeBERTa) the first is x + FFN(x), the
 * second the convolution's output in the layer that adds it, and read by nothing in the others.
 */
size_t fs_base_matrices(const struct fs_spec *spec);

/*
 * The part of `layer` before an edit can act. In: h (T,d), the layer's input. Out: x (T,d), what the FFN receives, and
 * base (fs_base_matrices,T,d). h, x, base must not overlap.
 */
int fs_run_to_ffn(const struct fs_pass *pass, size_t layer, const fs_real *h, fs_real *x, fs_real *base,
                  struct fs_error *err);

/* y (T,d) = FFN(x) alone of `layer`, unedited and before any norm or scale behind it; x (T,d) as above. They must not
 * overlap. */
int fs_run_ffn(const struct fs_pass *pass, size_t layer, const fs_real *x, fs_real *y, struct fs_error *err);

/* key (T,F) = what W_out of `layer`'s FFN reads, from x (T,d) as above. FS_EXIT_SOFTWARE in a layer of experts. */
int fs_run_keys(const struct fs_pass *pass, size_t layer, const fs_real *x, fs_real *key, struct fs_error *err);

/*
 * By the matrix with which the FFN of `layer`, one without experts, writes: y (R,d) = W_out key, of key (R,F), without the bias; and back,
 * dkey (R,F) = W_out^T dy of dy (R,d).
 */
void fs_ffn_write(const struct fs_model *model, size_t layer, size_t rows, const fs_real *key, fs_real *y);
void fs_ffn_write_backward(const struct fs_model *model, size_t layer, size_t rows, const fs_real *dy, fs_real *dkey);

/*
 * The rest of `layer`: h (T,d) = base + edit(x), or the first matrix of base + edit(x) and the second brought together;
 * then the norm where the family is post-norm, and what the edit does to the hidden state. After fs_run_to_ffn the bits
 * are those of fs_run_layers.
 */
int fs_join_ffn(const struct fs_pass *pass, size_t layer, const fs_real *x, const fs_real *base, fs_real *h,
                struct fs_error *err);

#define FS_HEAD_NUMBERS ((size_t)16 << 20) /* most logits held at once, rows x V, by fs_read_logprobs */

/*
 * Log probabilities at some rows of the top hidden state h (T,d), through all that comes before the head, and the head.
 * Row r reads h[row[r]]; its tokens are token[first[r] .. first[r+1]-1]. logprob [first[rows]]: natural log.
 * top1 [rows] or NULL: the most probable token, the smallest id on ties. FS_EXIT_DATA where a log probability is no
 * number.
 */
struct fs_reads {
    size_t rows;                /* R */
    const size_t *row;          /* [R] */
    const size_t *first;        /* [R + 1] */
    const int32_t *token;       /* [first[R]] */
    const struct fs_edit *edit; /* what it makes of the last state; NULL: none */
};
int fs_read_logprobs(const struct fs_model *model, struct fs_workspace *workspace, const fs_real *h,
                     const struct fs_reads *reads, fs_real *logprob, int32_t *top1, struct fs_error *err);

/*
 * mean (B,fs_spec_state_width), in float64: for each sequence of the batch the mean over its positions of the top hidden
 * state, through final norm and output projection where the model has them (HuggingFace's last_hidden_state). Positions
 * are added in order. The pass's edit acts on the last state. FS_EXIT_DATA where a state is no number.
 */
int fs_read_mean_states(const struct fs_pass *pass, const fs_real *h, double *mean, struct fs_error *err);

/* The whole distributions: logprob (R,V) at `rows` rows `row` of h. FS_EXIT_DATA as fs_read_logprobs. */
int fs_read_distributions(const struct fs_model *model, struct fs_workspace *workspace, const fs_real *h, size_t rows,
                          const size_t *row, fs_real *logprob, struct fs_error *err);

#endif
