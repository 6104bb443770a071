#include "io/utf8.h"

size_t fs_utf8_character(const unsigned char *text, size_t length)
{
    if (length == 0) {
        return 0;
    }
    unsigned char first = text[0];
    if (first < 0x80) {
        return 1;
    }
    size_t size = first >= 0xc2 && first <= 0xdf   ? 2
                  : first >= 0xe0 && first <= 0xef ? 3
                  : first >= 0xf0 && first <= 0xf4 ? 4
                                                   : 0;
    if (size == 0 || size > length) {
        return 0;
    }
    /* The second byte's range shuts out overlong forms, surrogates and what lies above U+10FFFF. */
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if (text[i] < 0x80 || text[i] > 0xbf) {
            return 0;
        }
    }
    return size;
}

size_t fs_utf8_invalid(const unsigned char *text, size_t length)
{
    size_t offset = 0;
    while (offset < length) {
        size_t size = fs_utf8_character(text + offset, length - offset);
        if (size == 0) {
            return offset;
        }
        offset += size;
    }
    return length;
}
