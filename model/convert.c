#include "model/convert.h"

#include <string.h>

#include "io/formats/quantised.h"

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
static void convert_blocks(enum fs_dtype dtype, const unsigned char *data, size_t count, fs_real *out)
{
    float block[FS_BLOCK_MOST];
    size_t numbers = fs_dtype_block(dtype);
    for (size_t i = 0; i < count; i += numbers, data += fs_dtype_size(dtype)) {
        fs_dtype_dequantise(dtype, data, block);
        for (size_t j = 0; j < numbers; j++) {
            out[i + j] = fs_round_to_half(block[j]);
        }
    }
}

static void convert_run(enum fs_dtype dtype, const unsigned char *data, size_t count, fs_real *out)
{
    (fs_dtype_block(dtype) > 1 ? convert_blocks : convert_plain)(dtype, data, count, out);
}

/* Element by element: such tensors are rare. */
static void convert_strided(const struct fs_tensor *tensor, fs_real *out)
{
    for (size_t i = 0; i < tensor->elements; i++) {
        convert_plain(tensor->dtype, fs_tensor_element(tensor, i), 1, out + i);
    }
}

void fs_tensor_convert(const struct fs_tensor *tensor, fs_real *out)
{
    if (tensor->strided) {
        convert_strided(tensor, out);
        return;
    }
    if (tensor->paired_heads == 0) {
        convert_run(tensor->dtype, tensor->data, tensor->elements, out);
        return;
    }
    size_t rows = tensor->shape[0], columns = tensor->elements / rows;
    size_t size = rows / tensor->paired_heads, bytes = fs_tensor_bytes(tensor) / rows;
    for (size_t i = 0; i < rows; i++) {
        size_t place = i % size, half = size / 2;
        size_t from = i - place + (place < half ? 2 * place : 2 * (place - half) + 1);
        convert_run(tensor->dtype, tensor->data + from * bytes, columns, out + i * columns);
    }
}
