#include "io/utf8.h"

#include <string.h>

/* Unicode 15, table 3-7: the second byte's range shuts out overlong forms, surrogates and what is above U+10FFFF. */
size_t fs_utf8_character(const unsigned char *text, size_t length, size_t *bad)
{
    unsigned char lead = text[0];
    size_t unused;
    bad = bad != NULL ? bad : &unused;
    *bad = 1;
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xc2 || lead > 0xf4) {
        return 0;
    }
    size_t need = fs_utf8_length(lead);
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    for (size_t i = 1; i < need; i++) {
        if (i >= length || text[i] < low || text[i] > high) {
            *bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return need;
}

size_t fs_utf8_invalid(const unsigned char *text, size_t length)
{
    size_t offset = 0;
    while (offset < length) {
        size_t size = fs_utf8_character(text + offset, length - offset, NULL);
        if (size == 0) {
            return offset;
        }
        offset += size;
    }
    return length;
}

bool fs_utf8_is_text(const unsigned char *text, size_t length)
{
    return memchr(text, '\0', length) == NULL && fs_utf8_invalid(text, length) == length;
}

size_t fs_utf8_length(unsigned char lead)
{
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

size_t fs_utf8_decode(const unsigned char *text, uint32_t *character)
{
    size_t length = fs_utf8_length(text[0]);
    uint32_t value = length == 1 ? text[0] : text[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        value = value << 6 | (text[i] & 0x3fu);
    }
    *character = value;
    return length;
}

size_t fs_utf8_encode(uint32_t character, unsigned char bytes[4])
{
    if (character < 0x80) {
        bytes[0] = (unsigned char)character;
        return 1;
    }
    size_t length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        bytes[i] = (unsigned char)(0x80 | (character & 0x3f));
        character >>= 6;
    }
    bytes[0] = (unsigned char)((0xf00u >> length & 0xffu) | character);
    return length;
}
