/*
 * A direction v in the residual stream behind one layer, at every position of h (T,d):
 *
 *     added     h <- h + c v
 *     ablated   h <- h - c v v^T h      v of length 1
 *
 * A fresh one is of zeros, and changes no bit.
 */
#ifndef FAIRSTAMP_MODEL_EDITS_DIRECTION_H
#define FAIRSTAMP_MODEL_EDITS_DIRECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"
#include "model/edit.h"
#include "model/families/spec.h"

/* edit->number: v (d), c. A strength multiplies c. */
extern const struct fs_edit_kind fs_edit_direction;

/* `layer` < spec->layers. The caller sets v, edit->number[0] to [d - 1], and releases (fs_edit_release). */
int fs_direction_create(const struct fs_spec *spec, size_t layer, bool ablated, double coefficient,
                        struct fs_edit *edit, struct fs_error *err);

#endif
