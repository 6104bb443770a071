#include "model/backends/matrix.h"

static const size_t bytes_of[FS_MATRIX_TYPES] = {[FS_MATRIX_F32] = 4, [FS_MATRIX_F64] = 8};

struct fs_matrix fs_matrix_rows(const struct fs_matrix *matrix, size_t first, size_t count)
{
    struct fs_matrix part = *matrix;
    part.data = (const unsigned char *)matrix->data + first * matrix->stride * bytes_of[matrix->type];
    part.rows = count;
    return part;
}
