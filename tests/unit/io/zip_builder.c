#include "zip_builder.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

void put_number(unsigned char *bytes, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(number >> (8 * i));
    }
}

static uint32_t crc_of(const unsigned char *bytes, size_t size)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
        }
    }
    return ~crc;
}

static size_t put_local(struct built *built, size_t at, const struct part *part, size_t alignment)
{
    unsigned char *bytes = built->bytes + at;
    size_t name = strlen(part->name), data = at + 34 + name;
    size_t padding = (alignment - data % alignment) % alignment;
    memcpy(bytes, "PK\3\4", 4);
    put_number(bytes + 6, 0x0808, 2);
    put_number(bytes + 26, name, 2);
    put_number(bytes + 28, 4 + padding, 2);
    memcpy(bytes + 30, part->name, name);
    memcpy(bytes + 30 + name, "FB", 2);
    put_number(bytes + 32 + name, padding, 2);
    memset(bytes + 34 + name, 'Z', padding);
    if (part->data != NULL) {
        memcpy(bytes + 34 + name + padding, part->data, part->size);
    }
    return data + padding;
}

static uint32_t crc_written(const struct built *built, size_t data, size_t size, int options)
{
    return (options & ZIP_NO_CRC) != 0 ? 0 : crc_of(built->bytes + data, size);
}

static size_t put_descriptor(struct built *built, size_t data, size_t size, int options)
{
    size_t at = data + size, width = (options & ZIP_64) != 0 ? 8 : 4;
    memcpy(built->bytes + at, "PK\7\10", 4);
    put_number(built->bytes + at + 4, crc_written(built, data, size, options), 4);
    put_number(built->bytes + at + 8, size, width);
    put_number(built->bytes + at + 8 + width, size, width);
    return at + 8 + 2 * width;
}

static size_t put_central(struct built *built, size_t at, const struct part *part, size_t index, int options)
{
    unsigned char *bytes = built->bytes + at;
    size_t name = strlen(part->name);
    bool large = (options & ZIP_64) != 0;
    memcpy(bytes, "PK\1\2", 4);
    put_number(bytes + 8, 0x0808, 2);
    put_number(bytes + 16, crc_written(built, built->data[index], part->size, options), 4);
    put_number(bytes + 20, large ? UINT32_MAX : part->size, 4);
    put_number(bytes + 24, large ? UINT32_MAX : part->size, 4);
    put_number(bytes + 28, name, 2);
    put_number(bytes + 30, large ? 28 : 0, 2);
    put_number(bytes + 42, large ? UINT32_MAX : built->local[index], 4);
    memcpy(bytes + 46, part->name, name);
    if (!large) {
        return at + 46 + name;
    }
    put_number(bytes + 46 + name, 1, 2);
    put_number(bytes + 48 + name, 24, 2);
    put_number(bytes + 50 + name, part->size, 8);
    put_number(bytes + 58 + name, part->size, 8);
    put_number(bytes + 66 + name, built->local[index], 8);
    return at + 74 + name;
}

static size_t put_end64(struct built *built, size_t at, size_t count)
{
    unsigned char *bytes = built->bytes + at;
    built->end64 = at;
    memcpy(bytes, "PK\6\6", 4);
    put_number(bytes + 4, 44, 8);
    put_number(bytes + 24, count, 8);
    put_number(bytes + 32, count, 8);
    put_number(bytes + 40, at - built->directory, 8);
    put_number(bytes + 48, built->directory, 8);
    built->locator = at + 56;
    bytes += 56;
    memcpy(bytes, "PK\6\7", 4);
    put_number(bytes + 8, at, 8);
    put_number(bytes + 16, 1, 4);
    return at + 76;
}

struct built build_zip(const struct part *parts, size_t count, size_t alignment, int options)
{
    size_t room = 200, at = 0;
    for (size_t i = 0; i < count; i++) {
        room += 200 + 2 * strlen(parts[i].name) + parts[i].size + alignment;
    }
    struct built built = {.bytes = calloc(room, 1), .end64 = SIZE_MAX, .locator = SIZE_MAX};
    assert_non_null(built.bytes);
    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++) {
        built.local[i] = at;
        built.data[i] = put_local(&built, at, &parts[i], alignment);
        at = put_descriptor(&built, built.data[i], parts[i].size, options);
    }
    built.directory = at;
    for (size_t i = 0; i < count; i++) {
        built.central[i] = at;
        at = put_central(&built, at, &parts[i], i, options);
    }
    size_t length = at - built.directory;
    if ((options & ZIP_64) != 0) {
        at = put_end64(&built, at, count);
    }
    bool large = (options & ZIP_64) != 0;
    built.end = at;
    memcpy(built.bytes + at, "PK\5\6", 4);
    put_number(built.bytes + at + 8, large ? 0xffff : count, 2);
    put_number(built.bytes + at + 10, large ? 0xffff : count, 2);
    put_number(built.bytes + at + 12, large ? UINT32_MAX : length, 4);
    put_number(built.bytes + at + 16, large ? UINT32_MAX : built.directory, 4);
    built.size = at + 22;
    return built;
}
