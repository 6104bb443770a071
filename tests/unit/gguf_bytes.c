#include "gguf_bytes.h"

#include <string.h>

void put_number(struct bytes *bytes, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size && bytes->size < sizeof bytes->data; i++) {
        bytes->data[bytes->size++] = (unsigned char)(i < 8 ? value >> (8 * i) : 0);
    }
}

void put_string(struct bytes *bytes, const char *text)
{
    put_number(bytes, strlen(text), 8);
    for (; *text != '\0'; text++) {
        put_number(bytes, (unsigned char)*text, 1);
    }
}

void put_head(struct bytes *bytes, uint32_t version, uint64_t tensors, uint64_t keys)
{
    bytes->size = 0;
    put_number(bytes, 0x46554747, 4);
    put_number(bytes, version, 4);
    put_number(bytes, tensors, 8);
    put_number(bytes, keys, 8);
}

void put_key(struct bytes *bytes, const char *key, uint32_t kind)
{
    put_string(bytes, key);
    put_number(bytes, kind, 4);
}

void put_u32(struct bytes *bytes, const char *key, uint32_t value)
{
    put_key(bytes, key, 4);
    put_number(bytes, value, 4);
}

void put_tensor(struct bytes *bytes, const char *name, size_t rows, size_t columns, uint32_t type, uint64_t offset)
{
    put_string(bytes, name);
    put_number(bytes, 2, 4);
    put_number(bytes, columns, 8);
    put_number(bytes, rows, 8);
    put_number(bytes, type, 4);
    put_number(bytes, offset, 8);
}

void put_padding(struct bytes *bytes, size_t alignment)
{
    while (bytes->size % alignment != 0) {
        put_number(bytes, 0, 1);
    }
}
