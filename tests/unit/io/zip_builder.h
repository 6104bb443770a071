/* Zip archives made byte by byte, for readers to refuse. */
#ifndef FAIRSTAMP_TESTS_IO_ZIP_BUILDER_H
#define FAIRSTAMP_TESTS_IO_ZIP_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of an archive: `data` NULL with a `size`: zeros. */
struct part {
    const char *name;
    const void *data;
    size_t size;
};

/* An archive, and where its parts are, so that a test can break them. */
struct built {
    unsigned char *bytes; /* the caller frees */
    size_t size;
    size_t local[16], data[16], central[16]; /* of each part */
    size_t directory, end64, locator, end;   /* end64, locator: SIZE_MAX where there is no zip64 */
};

enum { ZIP_PLAIN = 0, ZIP_64 = 1, ZIP_NO_CRC = 2 };

/* Stored parts, each with data at a multiple of `alignment` and the flags and extra fields of torch.save. */
struct built build_zip(const struct part *parts, size_t count, size_t alignment, int options);

/* Writes `size` bytes of a number, the lowest first. */
void put_number(unsigned char *bytes, uint64_t number, size_t size);

#endif
