#include "io/formats/tensor.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/quantised.h"

static const struct {
    const char *name;
    size_t size, block;
    fs_dequantise *dequantise;
} dtypes[] = {
    [FS_F64] = {"F64", 8, 1, NULL},
    [FS_F32] = {"F32", 4, 1, NULL},
    [FS_F16] = {"F16", 2, 1, NULL},
    [FS_BF16] = {"BF16", 2, 1, NULL},
    [FS_I64] = {"I64", 8, 1, NULL},
    [FS_I32] = {"I32", 4, 1, NULL},
    [FS_I16] = {"I16", 2, 1, NULL},
    [FS_I8] = {"I8", 1, 1, NULL},
    [FS_U8] = {"U8", 1, 1, NULL},
    [FS_BOOL] = {"BOOL", 1, 1, NULL},
    [FS_Q4_0] = {"Q4_0", 18, 32, fs_dequantise_q4_0},
    [FS_Q4_1] = {"Q4_1", 20, 32, fs_dequantise_q4_1},
    [FS_Q5_0] = {"Q5_0", 22, 32, fs_dequantise_q5_0},
    [FS_Q5_1] = {"Q5_1", 24, 32, fs_dequantise_q5_1},
    [FS_Q8_0] = {"Q8_0", 34, 32, fs_dequantise_q8_0},
    [FS_Q2_K] = {"Q2_K", 84, 256, fs_dequantise_q2_k},
    [FS_Q3_K] = {"Q3_K", 110, 256, fs_dequantise_q3_k},
    [FS_Q4_K] = {"Q4_K", 144, 256, fs_dequantise_q4_k},
    [FS_Q5_K] = {"Q5_K", 176, 256, fs_dequantise_q5_k},
    [FS_Q6_K] = {"Q6_K", 210, 256, fs_dequantise_q6_k},
};

const char *fs_dtype_name(enum fs_dtype dtype)
{
    return dtypes[dtype].name;
}

size_t fs_dtype_size(enum fs_dtype dtype)
{
    return dtypes[dtype].size;
}

size_t fs_dtype_block(enum fs_dtype dtype)
{
    return dtypes[dtype].block;
}

bool fs_dtype_is_real(enum fs_dtype dtype)
{
    return dtype <= FS_BF16 || dtypes[dtype].dequantise != NULL;
}

void fs_dtype_dequantise(enum fs_dtype dtype, const unsigned char *data, float *out)
{
    dtypes[dtype].dequantise(data, out);
}

size_t fs_tensor_bytes(const struct fs_tensor *tensor)
{
    return tensor->elements / dtypes[tensor->dtype].block * dtypes[tensor->dtype].size;
}

int fs_dtype_find(const char *name, enum fs_dtype *dtype)
{
    for (size_t i = 0; i < FS_DTYPES; i++) {
        if (dtypes[i].block == 1 && strcmp(dtypes[i].name, name) == 0) {
            *dtype = (enum fs_dtype)i;
            return 0;
        }
    }
    return -1;
}

const unsigned char *fs_tensor_element(const struct fs_tensor *tensor, size_t index)
{
    size_t place = 0;
    if (!tensor->strided) {
        return tensor->data + index * fs_dtype_size(tensor->dtype);
    }
    for (size_t i = tensor->dimensions; i > 0; i--) {
        place += index % tensor->shape[i - 1] * tensor->stride[i - 1];
        index /= tensor->shape[i - 1];
    }
    return tensor->data + place * fs_dtype_size(tensor->dtype);
}

bool fs_tensor_equal(const struct fs_tensor *a, const struct fs_tensor *b)
{
    if (a->dtype != b->dtype || a->elements != b->elements) {
        return false;
    }
    if (!a->strided && !b->strided) {
        return a->data == b->data || memcmp(a->data, b->data, fs_tensor_bytes(a)) == 0;
    }
    size_t size = fs_dtype_size(a->dtype);
    for (size_t i = 0; i < a->elements; i++) {
        if (memcmp(fs_tensor_element(a, i), fs_tensor_element(b, i), size) != 0) {
            return false;
        }
    }
    return true;
}

struct fs_tensor *fs_tensors_add(struct fs_tensors *tensors, const char *file, const char *name, struct fs_error *err)
{
    if (fs_grow(&tensors->tensor, &tensors->capacity, tensors->count + 1, sizeof *tensors->tensor,
                "the list of tensors", err) != 0) {
        return NULL;
    }
    char *copy = strdup(name);
    if (copy == NULL) {
        fs_error_memory(err, strlen(name) + 1, "the name of a tensor");
        return NULL;
    }
    struct fs_tensor *tensor = &tensors->tensor[tensors->count++];
    *tensor = (struct fs_tensor){.name = copy, .file = file};
    return tensor;
}

void fs_tensors_release(struct fs_tensors *tensors)
{
    for (size_t i = 0; i < tensors->count; i++) {
        free((void *)(uintptr_t)tensors->tensor[i].name);
    }
    free(tensors->tensor);
    *tensors = (struct fs_tensors){0};
}
