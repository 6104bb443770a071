/* UTF-8 after RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. Local. */
#ifndef FAIRSTAMP_IO_UTF8_H
#define FAIRSTAMP_IO_UTF8_H

#include <stddef.h>

/* Length in bytes (1 to 4) of the character at `text`, of which `length` bytes may be read; 0 where it is not valid. */
size_t fs_utf8_character(const unsigned char *text, size_t length);

/* Offset of the first byte of `text` that is not valid UTF-8, or `length` where all of it is. */
size_t fs_utf8_invalid(const unsigned char *text, size_t length);

#endif
