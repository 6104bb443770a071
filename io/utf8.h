/* UTF-8 after RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. Local. */
#ifndef FAIRSTAMP_IO_UTF8_H
#define FAIRSTAMP_IO_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Length in bytes (1 to 4) of the character at `text`, of which `length` >= 1 bytes may be read; 0 where it is ill-formed.
 * Then `*bad` (NULL allowed) is the length of its maximal subpart (Unicode 15, section 3.9), at least 1.
 */
size_t fs_utf8_character(const unsigned char *text, size_t length, size_t *bad);

/* Offset of the first byte of `text` that is not valid UTF-8, or `length` where all of it is. */
size_t fs_utf8_invalid(const unsigned char *text, size_t length);
/* Whether all of it is, and none a NUL. */
bool fs_utf8_is_text(const unsigned char *text, size_t length);

/* In valid UTF-8: the length of the character whose first byte is `lead`; decodes a character, returns its length. */
size_t fs_utf8_length(unsigned char lead);
size_t fs_utf8_decode(const unsigned char *text, uint32_t *character);
size_t fs_utf8_encode(uint32_t character, unsigned char bytes[4]); /* returns the length */

#endif
