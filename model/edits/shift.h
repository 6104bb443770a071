/*
 * Vectors that are added to the output of one layer's FFN at some rows of a batch, by which a method finds what the FFN
 * should have put out there (ROME's delta). Rows are of one batch, so it is no edit that is stored or scored.
 *
 *     y[row[i]] += number[vector[i]]       number (vectors,d)
 */
#ifndef FAIRSTAMP_MODEL_EDITS_SHIFT_H
#define FAIRSTAMP_MODEL_EDITS_SHIFT_H

#include <stddef.h>

#include "model/edit.h"

struct fs_shift {
    struct fs_edit edit; /* first; borrows the vectors, and is not to be released */
    size_t hidden;       /* d */
    size_t rows;
    const size_t *row, *vector; /* [rows] of the caller; a row may stand there once */
};

/* An edit of `layer` that adds `vectors` vectors of the caller, number (vectors,d). */
struct fs_shift fs_shift_of(size_t layer, size_t hidden, fs_real *number, size_t vectors);

#endif
