/*
 * A matrix of numbers somewhere in memory, row-major; it owns nothing. Activations are always of the engine's own type;
 * weights may be of any type that the backend multiplies by.
 */
#ifndef FAIRSTAMP_MODEL_BACKENDS_MATRIX_H
#define FAIRSTAMP_MODEL_BACKENDS_MATRIX_H

#include <stddef.h>

#include "model/numbers/real.h"

enum fs_matrix_type { FS_MATRIX_F32, FS_MATRIX_F64, FS_MATRIX_TYPES };

#ifdef FS_DOUBLE
#define FS_MATRIX_REAL FS_MATRIX_F64
#else
#define FS_MATRIX_REAL FS_MATRIX_F32
#endif

struct fs_matrix {
    const void *data;
    enum fs_matrix_type type;
    size_t rows, columns;
    size_t stride; /* numbers from a row to the next, at least `columns` */
};

static inline struct fs_matrix fs_matrix_of(const fs_real *data, size_t rows, size_t columns, size_t stride)
{
    return (struct fs_matrix){data, FS_MATRIX_REAL, rows, columns, stride};
}

/* Rows first .. first + count - 1 of a matrix. */
struct fs_matrix fs_matrix_rows(const struct fs_matrix *matrix, size_t first, size_t count);

#endif
