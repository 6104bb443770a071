#include "io/formats/safetensors_write.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)1 << 16)

/* By width, then by name. */
static int compare(const void *a, const void *b)
{
    const struct fs_tensor *x = a, *y = b;
    size_t wide = fs_dtype_size(x->dtype), other = fs_dtype_size(y->dtype);
    return wide != other ? (wide < other) - (wide > other) : strcmp(x->name, y->name);
}

static bool describe(const struct fs_tensor *tensor, size_t *offset, cJSON *header)
{
    cJSON *entry = cJSON_AddObjectToObject(header, tensor->name);
    cJSON *shape = cJSON_CreateArray(), *place = cJSON_CreateArray();
    bool made = entry != NULL && cJSON_AddStringToObject(entry, "dtype", fs_dtype_name(tensor->dtype)) != NULL;
    for (size_t i = 0; i < tensor->dimensions; i++) {
        made = cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)tensor->shape[i])) && made;
    }
    made = cJSON_AddItemToArray(place, cJSON_CreateNumber((double)*offset)) && made;
    *offset += fs_tensor_bytes(tensor);
    made = cJSON_AddItemToArray(place, cJSON_CreateNumber((double)*offset)) && made;
    made = cJSON_AddItemToObject(entry, "shape", shape) && made;
    return cJSON_AddItemToObject(entry, "data_offsets", place) && made;
}

/* The header's text, which the caller frees with cJSON_free; NULL without memory. */
static char *header_text(const struct fs_tensor *tensors, size_t count, const struct fs_tensor_note *note, size_t notes)
{
    cJSON *header = cJSON_CreateObject();
    cJSON *metadata = cJSON_AddObjectToObject(header, "__metadata__");
    size_t offset = 0;
    bool made = metadata != NULL;
    for (size_t i = 0; i < notes; i++) {
        made = cJSON_AddStringToObject(metadata, note[i].name, note[i].value) != NULL && made;
    }
    for (size_t i = 0; made && i < count; i++) {
        made = describe(&tensors[i], &offset, header);
    }
    char *text = made ? cJSON_PrintUnformatted(header) : NULL;
    cJSON_Delete(header);
    return text;
}

int fs_safetensors_put_header(struct fs_tensor *tensors, size_t count, const struct fs_tensor_note *note, size_t notes,
                              const struct fs_tensor_sink *sink, struct fs_error *err)
{
    static const char blanks[8] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
    unsigned char length[8];
    if (count > 0) {
        qsort(tensors, count, sizeof *tensors, compare);
    }
    char *text = header_text(tensors, count, note, notes);
    if (text == NULL) {
        return fs_error_memory(err, 128 * count, "the header of a safetensors file");
    }
    size_t size = strlen(text), padding = (8 - size % 8) % 8;
    for (size_t i = 0; i < 8; i++) {
        length[i] = (unsigned char)((uint64_t)(size + padding) >> 8 * i & 0xff);
    }
    int status =
        sink->put(sink->context, length, sizeof length, err) == 0 && sink->put(sink->context, text, size, err) == 0
            ? sink->put(sink->context, blanks, padding, err)
            : -1;
    cJSON_free(text);
    return status;
}

/* Element by element, collected in pieces. */
static int put_strided(const struct fs_tensor *tensor, const struct fs_tensor_sink *sink, struct fs_error *err)
{
    unsigned char piece[PIECE];
    size_t size = fs_dtype_size(tensor->dtype), used = 0;
    for (size_t i = 0; i < tensor->elements; i++) {
        memcpy(piece + used, fs_tensor_element(tensor, i), size);
        used += size;
        if (used + size > PIECE && sink->put(sink->context, piece, used, err) != 0) {
            return -1;
        }
        used = used + size > PIECE ? 0 : used;
    }
    return sink->put(sink->context, piece, used, err);
}

int fs_safetensors_put_data(const struct fs_tensor *tensor, const struct fs_tensor_sink *sink, struct fs_error *err)
{
    return tensor->strided ? put_strided(tensor, sink, err)
                           : sink->put(sink->context, tensor->data, fs_tensor_bytes(tensor), err);
}
