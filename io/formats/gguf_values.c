/* Values by key, and ggml's types of tensors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/gguf_parts.h"
#include "io/little_endian.h"

static const struct {
    const char *name;
    size_t size;
    bool integer, is_signed;
} kinds[FS_GGUF_KINDS] = {
    [FS_GGUF_U8] = {"an integer", 1, true, false},  [FS_GGUF_I8] = {"an integer", 1, true, true},
    [FS_GGUF_U16] = {"an integer", 2, true, false}, [FS_GGUF_I16] = {"an integer", 2, true, true},
    [FS_GGUF_U32] = {"an integer", 4, true, false}, [FS_GGUF_I32] = {"an integer", 4, true, true},
    [FS_GGUF_F32] = {"a number", 4, false, true},   [FS_GGUF_BOOL] = {"a truth value", 1, false, false},
    [FS_GGUF_TEXT] = {"a text", 0, false, false},   [FS_GGUF_ARRAY] = {"an array", 0, false, false},
    [FS_GGUF_U64] = {"an integer", 8, true, false}, [FS_GGUF_I64] = {"an integer", 8, true, true},
    [FS_GGUF_F64] = {"a number", 8, false, true},
};

/* enum ggml_type of ggml.h: the numbers that files hold. */
static const struct {
    unsigned number;
    const char *name;
    int dtype; /* -1: not read */
} types[] = {
    {0, "F32", FS_F32},    {1, "F16", FS_F16},    {2, "Q4_0", FS_Q4_0},  {3, "Q4_1", FS_Q4_1},  {6, "Q5_0", FS_Q5_0},
    {7, "Q5_1", FS_Q5_1},  {8, "Q8_0", FS_Q8_0},  {9, "Q8_1", -1},       {10, "Q2_K", FS_Q2_K}, {11, "Q3_K", FS_Q3_K},
    {12, "Q4_K", FS_Q4_K}, {13, "Q5_K", FS_Q5_K}, {14, "Q6_K", FS_Q6_K}, {15, "Q8_K", -1},      {16, "IQ2_XXS", -1},
    {17, "IQ2_XS", -1},    {18, "IQ3_XXS", -1},   {19, "IQ1_S", -1},     {20, "IQ4_NL", -1},    {21, "IQ3_S", -1},
    {22, "IQ2_S", -1},     {23, "IQ4_XS", -1},    {24, "I8", FS_I8},     {25, "I16", FS_I16},   {26, "I32", FS_I32},
    {27, "I64", FS_I64},   {28, "F64", FS_F64},   {29, "IQ1_M", -1},     {30, "BF16", FS_BF16}, {34, "TQ1_0", -1},
    {35, "TQ2_0", -1},     {39, "MXFP4", -1},     {40, "NVFP4", -1},
};
#define TYPES (sizeof types / sizeof *types)

size_t fs_gguf_kind_size(enum fs_gguf_kind kind)
{
    return kinds[kind].size;
}

const char *fs_gguf_type(uint64_t type, enum fs_dtype *dtype)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (types[i].number == type) {
            *dtype = types[i].dtype < 0 ? FS_F32 : (enum fs_dtype)types[i].dtype;
            return types[i].dtype < 0 ? types[i].name : NULL;
        }
    }
    return "unknown";
}

void fs_gguf_type_names(char *text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < TYPES && used < size; i++) {
        if (types[i].dtype >= 0 && fs_dtype_is_real((enum fs_dtype)types[i].dtype)) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ", types[i].name);
        }
    }
}

const struct fs_gguf_value *fs_gguf_find(const struct fs_gguf *gguf, const char *key)
{
    for (size_t low = 0, high = gguf->values; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(key, gguf->value[middle].key);
        if (order == 0) {
            return &gguf->value[middle];
        }
        low = order > 0 ? middle + 1 : low;
        high = order < 0 ? middle : high;
    }
    return NULL;
}

const struct fs_tensor *fs_gguf_find_tensor(const struct fs_gguf *gguf, const char *name)
{
    for (size_t i = 0; i < gguf->tensors.count; i++) {
        if (strcmp(gguf->tensors.tensor[i].name, name) == 0) {
            return &gguf->tensors.tensor[i];
        }
    }
    return NULL;
}

int fs_gguf_wrong(const struct fs_gguf *gguf, const char *key, const char *found, const char *expected,
                  struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_DATA, "%s: %s: found %s, expected %s", gguf->path, key, found, expected);
}

/* An integer from 0; -1 where it is below. */
static int size_at(const unsigned char *data, enum fs_gguf_kind kind, size_t *value)
{
    uint64_t bits = fs_little_endian(data, kinds[kind].size);
    if (kinds[kind].is_signed && (bits >> (8 * kinds[kind].size - 1)) != 0) {
        return -1;
    }
    *value = (size_t)bits;
    return 0;
}

int fs_gguf_size(const struct fs_gguf *gguf, const char *key, size_t *value, struct fs_error *err)
{
    const struct fs_gguf_value *found = fs_gguf_find(gguf, key);
    if (found == NULL) {
        return 0;
    }
    enum fs_gguf_kind kind = found->kind == FS_GGUF_ARRAY ? found->item : found->kind;
    if (!kinds[kind].integer || found->count == 0) {
        return fs_gguf_wrong(gguf, key, found->count == 0 ? "an empty array" : kinds[found->kind].name, "an integer",
                             err);
    }
    size_t first = 0;
    for (size_t i = 0; i < found->count; i++) {
        if (size_at(found->data + i * kinds[kind].size, kind, value) != 0) {
            return fs_gguf_wrong(gguf, key, "a negative number", "an integer from 0", err);
        }
        if (i > 0 && *value != first) {
            return fs_gguf_wrong(gguf, key, "numbers that differ from layer to layer",
                                 "one for all; the engine does not compute others", err);
        }
        first = *value;
    }
    return 0;
}

int fs_gguf_number(const struct fs_gguf *gguf, const char *key, double *value, struct fs_error *err)
{
    const struct fs_gguf_value *found = fs_gguf_find(gguf, key);
    if (found == NULL) {
        return 0;
    }
    uint64_t bits = found->kind == FS_GGUF_F32 || found->kind == FS_GGUF_F64
                        ? fs_little_endian(found->data, kinds[found->kind].size)
                        : 0;
    if (found->kind == FS_GGUF_F64) {
        memcpy(value, &bits, sizeof *value);
    } else if (found->kind == FS_GGUF_F32) {
        float single;
        uint32_t low = (uint32_t)bits;
        memcpy(&single, &low, sizeof single);
        *value = (double)single;
    } else {
        return fs_gguf_wrong(gguf, key, kinds[found->kind].name, "a number in floating point", err);
    }
    return *value - *value == 0.0
               ? 0
               : fs_gguf_wrong(gguf, key, "a number that is infinite or not a number", "a finite number", err);
}

int fs_gguf_bool(const struct fs_gguf *gguf, const char *key, bool *value, struct fs_error *err)
{
    const struct fs_gguf_value *found = fs_gguf_find(gguf, key);
    if (found != NULL && found->kind != FS_GGUF_BOOL) {
        return fs_gguf_wrong(gguf, key, kinds[found->kind].name, "a truth value", err);
    }
    *value = found != NULL ? found->data[0] == 1 : *value;
    return 0;
}

int fs_gguf_text(const struct fs_gguf *gguf, const char *key, const char **text, struct fs_error *err)
{
    const struct fs_gguf_value *found = fs_gguf_find(gguf, key);
    if (found != NULL && found->text == NULL) {
        return fs_gguf_wrong(
            gguf, key, found->kind == FS_GGUF_TEXT ? "a text that is no UTF-8 or holds a NUL" : kinds[found->kind].name,
            "a text in UTF-8", err);
    }
    *text = found != NULL ? found->text : *text;
    return 0;
}

int fs_gguf_array(const struct fs_gguf *gguf, const char *key, enum fs_gguf_kind item,
                  const struct fs_gguf_value **array, struct fs_error *err)
{
    const struct fs_gguf_value *found = fs_gguf_find(gguf, key);
    if (found == NULL) {
        return 0;
    }
    if (found->kind != FS_GGUF_ARRAY || found->item != item) {
        char expected[64];
        snprintf(expected, sizeof expected, "an array, each item %s of kind %d", kinds[item].name, (int)item);
        return fs_gguf_wrong(gguf, key,
                             found->kind == FS_GGUF_ARRAY ? "an array of another kind" : kinds[found->kind].name,
                             expected, err);
    }
    *array = found;
    return 0;
}

const unsigned char *fs_gguf_next_text(const unsigned char **at, size_t *length)
{
    const unsigned char *text = *at + 8;
    *length = (size_t)fs_little_endian(*at, 8);
    *at = text + *length;
    return text;
}

int32_t fs_gguf_i32(const struct fs_gguf_value *array, size_t index)
{
    int32_t value;
    uint32_t bits = (uint32_t)fs_little_endian(array->data + 4 * index, 4);
    memcpy(&value, &bits, sizeof value);
    return value;
}

float fs_gguf_f32(const struct fs_gguf_value *array, size_t index)
{
    float value;
    uint32_t bits = (uint32_t)fs_little_endian(array->data + 4 * index, 4);
    memcpy(&value, &bits, sizeof value);
    return value;
}
