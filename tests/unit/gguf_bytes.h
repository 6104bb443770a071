/* GGUF files put together byte by byte. */
#ifndef FAIRSTAMP_TESTS_UNIT_GGUF_BYTES_H
#define FAIRSTAMP_TESTS_UNIT_GGUF_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
    unsigned char data[65536];
    size_t size;
};

void put_number(struct bytes *bytes, uint64_t value, size_t size); /* little endian; zeros from the ninth on */
void put_string(struct bytes *bytes, const char *text);            /* length and bytes */
void put_head(struct bytes *bytes, uint32_t version, uint64_t tensors, uint64_t keys);
void put_key(struct bytes *bytes, const char *key, uint32_t kind); /* its value follows */
void put_u32(struct bytes *bytes, const char *key, uint32_t value);
void put_tensor(struct bytes *bytes, const char *name, size_t rows, size_t columns, uint32_t type, uint64_t offset);
void put_padding(struct bytes *bytes, size_t alignment); /* zeros to the next multiple */

#endif
