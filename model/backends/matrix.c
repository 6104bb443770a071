#include "model/backends/matrix.h"

#include <string.h>

#include "model/numbers/halves.h"
#include "model/numbers/kernels.h"

size_t fs_matrix_number_bytes(enum fs_matrix_type type)
{
    static const size_t bytes_of[FS_MATRIX_TYPES] = {
        [FS_MATRIX_F32] = 4, [FS_MATRIX_F64] = 8, [FS_MATRIX_F16] = 2, [FS_MATRIX_BF16] = 2};
    return bytes_of[type];
}

struct fs_matrix fs_matrix_part(const struct fs_matrix *matrix, size_t row, size_t column, size_t rows, size_t columns)
{
    struct fs_matrix part = *matrix;
    size_t first = row * matrix->stride + column;
    part.data = (const unsigned char *)matrix->data + first * fs_matrix_number_bytes(matrix->type);
    part.rows = rows;
    part.columns = columns;
    return part;
}

struct fs_matrix fs_matrix_rows(const struct fs_matrix *matrix, size_t first, size_t count)
{
    return fs_matrix_part(matrix, first, 0, count, matrix->columns);
}

void fs_matrix_widen(const struct fs_matrix *matrix, fs_real *out, size_t stride)
{
    for (size_t row = 0; row < matrix->rows; row++, out += stride) {
        size_t first = row * matrix->stride;
        if (matrix->type == FS_MATRIX_F16) {
            fs_widen_f16((const uint16_t *)matrix->data + first, out, matrix->columns);
        } else if (matrix->type == FS_MATRIX_BF16) {
            fs_widen_bf16((const uint16_t *)matrix->data + first, out, matrix->columns);
        } else {
            memcpy(out, (const fs_real *)matrix->data + first, matrix->columns * sizeof *out);
        }
    }
}

bool fs_numbers_finite(enum fs_matrix_type type, const void *data, size_t count)
{
    return type == FS_MATRIX_F16    ? fs_f16_finite(data, count)
           : type == FS_MATRIX_BF16 ? fs_bf16_finite(data, count)
                                    : fs_kernel_finite(data, count);
}
