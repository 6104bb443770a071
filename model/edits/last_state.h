/*
 * An affine map of low rank between the last state and the head, and in the mean state that SEAT reads:
 *
 *     h <- h - M_left M_right^T (h - c)          h (T,d)   M_left, M_right (d,r)   c (d)
 *
 * h is the last state as HuggingFace has it (engine.h, fs_read_mean_states), d its width. A projection onto the
 * complement of orthonormal columns Q is M_left = M_right = Q, c = 0. With M_left = 0 no bit changes.
 */
#ifndef FAIRSTAMP_MODEL_EDITS_LAST_STATE_H
#define FAIRSTAMP_MODEL_EDITS_LAST_STATE_H

#include <stddef.h>

#include "io/error.h"
#include "model/edit.h"
#include "model/families/spec.h"

/* edit->number is one block: c (d), b = -M_right^T c (r), M_left^T (r,d), M_right^T (r,d); edit->size: d, r. */
extern const struct fs_edit_kind fs_edit_last_state;

/* d + r + 2 r d, length of the block. */
size_t fs_last_state_parameters(size_t hidden, size_t rank);

/* Of zeros, for a model of `spec`, which changes nothing. The caller releases (fs_edit_release). */
int fs_last_state_create(const struct fs_spec *spec, size_t rank, struct fs_edit *edit, struct fs_error *err);
/* Sets the map from float64: c (d; NULL: 0), left and right (r,d), which may be the same. */
void fs_last_state_set(struct fs_edit *edit, const double *centre, const double *left, const double *right);

#endif
