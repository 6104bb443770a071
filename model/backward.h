/*
 * Forward with memory and backward, from read-outs down to the FFN input of one layer. Weights are frozen: gradients
 * are with respect to activations and to the parameters of an edit of FFN outputs alone. Local, single-threaded, as engine.h.
 *
 *     fs_upper_forward -> h -> fs_tape_read -> logprob (R,V) -> the caller turns it into dL/dlogits (R,V)
 *     -> fs_tape_read_backward -> dh -> fs_upper_backward -> gradient of the edit, dx
 *
 * A tape keeps what each layer above computed, from forward to backward (pipeline/estimate/memory.h has the formula).
 */
#ifndef FAIRSTAMP_MODEL_BACKWARD_H
#define FAIRSTAMP_MODEL_BACKWARD_H

#include "model/engine.h"

struct fs_tape;
int fs_tape_create(const struct fs_model *model, struct fs_tape **tape, struct fs_error *err);
void fs_tape_destroy(struct fs_tape *tape); /* takes NULL */
/* Of numbers that it holds now. */
size_t fs_tape_bytes(const struct fs_tape *tape);

/* Numbers that a tape holds once fs_upper_forward has run `pass` and fs_tape_read has read `rows` rows. */
size_t fs_tape_numbers(const struct fs_pass *pass, size_t rows);

/*
 * From the FFN of the edit's first layer to the top: x, base (T,d) as fs_run_to_ffn gives them, h (T,d) out: the top
 * hidden state. The bits of h are those of fs_join_ffn and fs_run_layers. The pass has an edit, which acts on that
 * FFN's output alone and has the hook ffn_output_backward. The tape keeps a copy of `pass` for the calls below; what it
 * points to, and `x`, must live until the backward call.
 */
int fs_upper_forward(const struct fs_pass *pass, struct fs_tape *tape, const fs_real *x, const fs_real *base,
                     fs_real *h, struct fs_error *err);

/* As fs_read_distributions, remembering what its backward needs. One read a forward. */
int fs_tape_read(struct fs_tape *tape, const fs_real *h, size_t rows, const size_t *row, fs_real *logprob,
                 struct fs_error *err);

/* Another thread goes on from here, with a workspace of its own; `edit` and `batch` of the pass must live on. */
void fs_tape_take_over(struct fs_tape *tape, struct fs_workspace *workspace);

/* dh (T,d) is set to the gradient of the top hidden state, given dlogits (R,V) = dL/dlogits of the rows of
 * fs_tape_read. */
int fs_tape_read_backward(struct fs_tape *tape, const fs_real *dlogits, fs_real *dh, struct fs_error *err);

/*
 * In: dh (T,d), gradient of the top hidden state; overwritten. Adds to `gradient` (layout of edit->number; NULL:
 * not wanted) and, where `dx` (T,d) is not NULL, sets it to the gradient of the FFN's input through FFN(x) + edit(x),
 * without the residual branch; FS_EXIT_SOFTWARE where the edit reads keys.
 */
int fs_upper_backward(struct fs_tape *tape, fs_real *dh, fs_real *gradient, fs_real *dx, struct fs_error *err);

#endif
