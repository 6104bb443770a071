/* Numbers of binary files. Local. */
#ifndef FAIRSTAMP_IO_LITTLE_ENDIAN_H
#define FAIRSTAMP_IO_LITTLE_ENDIAN_H

#include <stddef.h>
#include <stdint.h>

/* The unsigned number in `size` (at most 8) bytes, the lowest first. */
static inline uint64_t fs_little_endian(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

#endif
