/*
 * A matrix of numbers somewhere in memory, row-major; it owns nothing. Activations are always of the engine's own type;
 * weights may be of any type that the backend multiplies by. Local.
 */
#ifndef FAIRSTAMP_MODEL_BACKENDS_MATRIX_H
#define FAIRSTAMP_MODEL_BACKENDS_MATRIX_H

#include <stdbool.h>
#include <stddef.h>

#include "model/numbers/real.h"

/* F16: IEEE binary16. BF16: the upper half of a float32. Both are widened exactly. */
enum fs_matrix_type { FS_MATRIX_F32, FS_MATRIX_F64, FS_MATRIX_F16, FS_MATRIX_BF16, FS_MATRIX_TYPES };

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

size_t fs_matrix_number_bytes(enum fs_matrix_type type);
/* Rows first .. first + count - 1 of a matrix. */
struct fs_matrix fs_matrix_rows(const struct fs_matrix *matrix, size_t first, size_t count);
/* `rows` by `columns` numbers of a matrix from (row, column) on. */
struct fs_matrix fs_matrix_part(const struct fs_matrix *matrix, size_t row, size_t column, size_t rows, size_t columns);
/* out (rows, columns; stride) = the numbers of a matrix of 16 bits, or of the engine's type. */
void fs_matrix_widen(const struct fs_matrix *matrix, fs_real *out, size_t stride);
/* Whether the `count` numbers at `data` are finite; of 16 bits, or of the engine's type. */
bool fs_numbers_finite(enum fs_matrix_type type, const void *data, size_t count);

#endif
