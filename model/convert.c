#include "model/convert.h"

#include <string.h>

#include "io/formats/quantised.h"

#ifdef FS_DOUBLE
#define NATIVE_DTYPE FS_F64
#else
#define NATIVE_DTYPE FS_F32
#endif

enum fs_matrix_type fs_tensor_matrix_type(const struct fs_tensor *tensor)
{
    bool quantised = fs_dtype_block(tensor->dtype) > 1;
    return quantised || tensor->dtype == FS_F16 ? FS_MATRIX_F16
           : tensor->dtype == FS_BF16           ? FS_MATRIX_BF16
                                                : FS_MATRIX_REAL;
}

bool fs_tensor_lies_as(const struct fs_tensor *tensor, enum fs_matrix_type type)
{
    enum fs_dtype dtype = type == FS_MATRIX_F16 ? FS_F16 : type == FS_MATRIX_BF16 ? FS_BF16 : NATIVE_DTYPE;
    return tensor->dtype == dtype && !tensor->strided && tensor->paired_heads == 0 &&
           (uintptr_t)tensor->data % fs_matrix_number_bytes(type) == 0;
}

static void convert_plain(enum fs_dtype dtype, const unsigned char *data, size_t count, fs_real *out)
{
    for (size_t i = 0; i < count; i++) {
        double wide;
        float single;
        uint32_t bits;
        uint16_t half;
        switch (dtype) {
        case FS_F64:
            memcpy(&wide, data + 8 * i, 8);
            out[i] = (fs_real)wide;
            break;
        case FS_F32:
            memcpy(&single, data + 4 * i, 4);
            out[i] = single;
            break;
        case FS_F16:
            memcpy(&half, data + 2 * i, 2);
            out[i] = fs_from_half(half);
            break;
        default: /* BF16: the upper half of a float32 */
            memcpy(&half, data + 2 * i, 2);
            bits = (uint32_t)half << 16;
            memcpy(&single, &bits, 4);
            out[i] = single;
            break;
        }
    }
}

/* `count`: whole blocks. */
static void convert_blocks(enum fs_dtype dtype, const unsigned char *data, size_t count, enum fs_matrix_type type,
                           void *out)
{
    float block[FS_BLOCK_MOST];
    size_t numbers = fs_dtype_block(dtype);
    for (size_t i = 0; i < count; i += numbers, data += fs_dtype_size(dtype)) {
        fs_dtype_dequantise(dtype, data, block);
        for (size_t j = 0; j < numbers; j++) {
            if (type == FS_MATRIX_F16) {
                ((uint16_t *)out)[i + j] = fs_to_half(block[j]);
            } else {
                ((fs_real *)out)[i + j] = fs_round_to_half(block[j]);
            }
        }
    }
}

static void convert_run(enum fs_dtype dtype, const unsigned char *data, size_t count, enum fs_matrix_type type,
                        void *out)
{
    if (fs_dtype_block(dtype) > 1) {
        convert_blocks(dtype, data, count, type, out);
    } else if (type == FS_MATRIX_REAL) {
        convert_plain(dtype, data, count, out);
    } else { /* stored in this type */
        memcpy(out, data, count * fs_dtype_size(dtype));
    }
}

/* Element by element: such tensors are rare. */
static void convert_strided(const struct fs_tensor *tensor, enum fs_matrix_type type, unsigned char *out)
{
    size_t bytes = fs_matrix_number_bytes(type);
    for (size_t i = 0; i < tensor->elements; i++) {
        convert_run(tensor->dtype, fs_tensor_element(tensor, i), 1, type, out + i * bytes);
    }
}

void fs_tensor_convert(const struct fs_tensor *tensor, enum fs_matrix_type type, void *out)
{
    if (tensor->strided) {
        convert_strided(tensor, type, out);
        return;
    }
    if (tensor->paired_heads == 0) {
        convert_run(tensor->dtype, tensor->data, tensor->elements, type, out);
        return;
    }
    size_t rows = tensor->shape[0], columns = tensor->elements / rows, width = columns * fs_matrix_number_bytes(type);
    size_t size = rows / tensor->paired_heads, bytes = fs_tensor_bytes(tensor) / rows;
    for (size_t i = 0; i < rows; i++) {
        size_t place = i % size, half = size / 2;
        size_t from = i - place + (place < half ? 2 * place : 2 * (place - half) + 1);
        convert_run(tensor->dtype, tensor->data + from * bytes, columns, type, (unsigned char *)out + i * width);
    }
}
