/* The text that the program brings with it, plain_text.txt; docs/methods.md says where it is from. Made by embed.cmake. */
#ifndef FAIRSTAMP_STAGES_METHODS_PLAIN_TEXT_H
#define FAIRSTAMP_STAGES_METHODS_PLAIN_TEXT_H

#include <stddef.h>

extern const unsigned char fs_plain_text[];
extern const size_t fs_plain_text_size;

#endif
