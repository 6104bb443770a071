/*
 * The Fairness Stamp's side network (arXiv 2405.09341, step 2): a key-value memory beside the FFN of one layer,
 *
 *     FFN'(x) = FFN(x) + ReLU(x K'^T + b_K) V' + b_V        x (T,d)   K' (C,d)  b_K (C)  V' (C,d)  b_V (d)
 *
 * x is what the FFN itself receives. V' and b_V start at zero, K' at N(0, 1/d), b_K at zero, or where the
 * training puts it before its first step: a fresh stamp changes no bit.
 */
#ifndef FAIRSTAMP_MODEL_EDITS_STAMP_NET_H
#define FAIRSTAMP_MODEL_EDITS_STAMP_NET_H

#include <stddef.h>
#include <stdint.h>

#include "io/error.h"
#include "model/edit.h"
#include "model/numbers/real.h"

struct fs_stamp {
    size_t layer;        /* 0-based */
    size_t hidden;       /* d */
    size_t width;        /* C */
    fs_real *parameters; /* one block: K' (C,d), b_K (C), V' (C,d), b_V (d) */
};

/* 2 C d + C + d: length of the block, and of a gradient in the same layout. */
size_t fs_stamp_parameters(size_t hidden, size_t width);
size_t fs_stamp_offset_key_bias(const struct fs_stamp *stamp);
size_t fs_stamp_offset_value(const struct fs_stamp *stamp);
size_t fs_stamp_offset_value_bias(const struct fs_stamp *stamp);

/* A fresh stamp, from `seed` alone (the same bits on every machine). The caller releases. */
int fs_stamp_create(size_t layer, size_t hidden, size_t width, uint64_t seed, struct fs_stamp *stamp,
                    struct fs_error *err);
void fs_stamp_release(struct fs_stamp *stamp); /* takes a zeroed struct */

/* The edit of this kind; it borrows the stamp's parameters, and is not to be released. */
struct fs_edit fs_stamp_edit(const struct fs_stamp *stamp);
/* The stamp of such an edit; it borrows likewise. */
struct fs_stamp fs_stamp_of(const struct fs_edit *edit);
extern const struct fs_edit_kind fs_edit_stamp;

/* Floating point operations of a stamp's products on T tokens, 4 T C d; of their backward, gradients of the parameters
 * alone, 6 T C d. */
double fs_flops_stamp(size_t hidden, size_t width, double tokens);
double fs_flops_stamp_backward(size_t hidden, size_t width, double tokens);

#endif
