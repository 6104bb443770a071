#include "model/tokenizer/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "io/utf8.h"

static int reserve(struct fs_text *text, size_t more, struct fs_error *err)
{
    size_t need;
    if (__builtin_add_overflow(text->count, more, &need) || need > SIZE_MAX / 32) {
        return fs_error_memory(err, SIZE_MAX, "a text");
    }
    if (need <= text->capacity) {
        return 0;
    }
    size_t data = text->capacity, begin = data, end = data;
    if (fs_grow(&text->data, &data, need, sizeof *text->data, "a text", err) != 0 ||
        fs_grow(&text->begin, &begin, need, sizeof *text->begin, "a text", err) != 0 ||
        fs_grow(&text->end, &end, need, sizeof *text->end, "a text", err) != 0) {
        return -1;
    }
    text->capacity = data;
    return 0;
}

int fs_text_append(struct fs_text *text, const void *bytes, size_t length, size_t begin, size_t end,
                   struct fs_error *err)
{
    if (length == 0) {
        return 0;
    }
    if (reserve(text, length, err)) {
        return -1;
    }
    memcpy(text->data + text->count, bytes, length);
    for (size_t i = 0; i < length; i++) {
        text->begin[text->count + i] = begin;
        text->end[text->count + i] = end;
    }
    text->count += length;
    return 0;
}

int fs_text_append_slice(struct fs_text *text, const struct fs_text *from, size_t begin, size_t end,
                         struct fs_error *err)
{
    size_t length = end - begin;
    if (length == 0) {
        return 0;
    }
    if (reserve(text, length, err)) {
        return -1;
    }
    memcpy(text->data + text->count, from->data + begin, length);
    memcpy(text->begin + text->count, from->begin + begin, length * sizeof *text->begin);
    memcpy(text->end + text->count, from->end + begin, length * sizeof *text->end);
    text->count += length;
    return 0;
}

int fs_text_append_character(struct fs_text *text, uint32_t character, size_t begin, size_t end, struct fs_error *err)
{
    unsigned char bytes[4];
    size_t length = fs_utf8_encode(character, bytes);
    return fs_text_append(text, bytes, length, begin, end, err);
}

int fs_text_append_source(struct fs_text *text, const char *source, size_t length, struct fs_error *err)
{
    const unsigned char *bytes = (const unsigned char *)source;
    for (size_t i = 0; i < length;) {
        size_t bad = 0;
        size_t well = fs_utf8_character(bytes + i, length - i, &bad);
        if (well == 0 && fs_text_append_character(text, 0xFFFD, i, i + bad, err)) {
            return -1;
        }
        if (reserve(text, well, err)) {
            return -1;
        }
        for (size_t k = 0; k < well; k++, text->count++) {
            text->data[text->count] = bytes[i + k];
            text->begin[text->count] = i + k;
            text->end[text->count] = i + k + 1;
        }
        i += well ? well : bad;
    }
    return 0;
}

void fs_text_release(struct fs_text *text)
{
    free(text->data);
    free(text->begin);
    free(text->end);
    memset(text, 0, sizeof *text);
}

int fs_pieces_add(struct fs_pieces *pieces, size_t begin, size_t end, struct fs_error *err)
{
    size_t first = pieces->capacity, last = first;
    if (fs_grow(&pieces->begin, &first, pieces->count + 1, sizeof *pieces->begin, "the pieces of a text", err) != 0 ||
        fs_grow(&pieces->end, &last, pieces->count + 1, sizeof *pieces->end, "the pieces of a text", err) != 0) {
        return -1;
    }
    pieces->capacity = first;
    pieces->begin[pieces->count] = begin;
    pieces->end[pieces->count++] = end;
    return 0;
}

void fs_pieces_release(struct fs_pieces *pieces)
{
    free(pieces->begin);
    free(pieces->end);
    memset(pieces, 0, sizeof *pieces);
}

static utf8proc_category_t category(uint32_t character)
{
    return utf8proc_category((utf8proc_int32_t)character);
}

/* Marks, format characters and punctuation of utf8proc's Unicode that Unicode 8 has not (or has in another category).
 */
static const uint32_t later_than_unicode_8[][2] = {
    {0x61D, 0x61D},     {0x7FD, 0x7FD},     {0x890, 0x89F},     {0x8CA, 0x8E2},     {0x9FD, 0x9FE},
    {0xA76, 0xA76},     {0xAFA, 0xAFF},     {0xB55, 0xB55},     {0xC04, 0xC04},     {0xC3C, 0xC3C},
    {0xC77, 0xC77},     {0xC84, 0xC84},     {0xD00, 0xD00},     {0xD3B, 0xD3C},     {0xD81, 0xD81},
    {0xEBA, 0xEBA},     {0xECE, 0xECE},     {0x180F, 0x180F},   {0x1885, 0x1886},   {0x1ABF, 0x1ACE},
    {0x1B7D, 0x1B7E},   {0x1DF6, 0x1DFB},   {0x2E43, 0x2E4F},   {0x2E52, 0x2E5D},   {0xA82C, 0xA82C},
    {0xA8C5, 0xA8C5},   {0xA8FF, 0xA8FF},   {0xA9BD, 0xA9BD},   {0x10D24, 0x10D27}, {0x10EAB, 0x10EAD},
    {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F55, 0x10F59}, {0x10F82, 0x10F89}, {0x11070, 0x11070},
    {0x11073, 0x11074}, {0x110C2, 0x110CD}, {0x111CF, 0x111CF}, {0x1123E, 0x1123E}, {0x11241, 0x11241},
    {0x1133B, 0x1133B}, {0x11438, 0x1143F}, {0x11442, 0x11444}, {0x11446, 0x11446}, {0x1144B, 0x1144F},
    {0x1145A, 0x1145E}, {0x11660, 0x1166C}, {0x116B9, 0x116B9}, {0x1182F, 0x11837}, {0x11839, 0x1183B},
    {0x1193B, 0x1193C}, {0x1193E, 0x1193E}, {0x11943, 0x11946}, {0x119D4, 0x119DB}, {0x119E0, 0x119E0},
    {0x119E2, 0x119E2}, {0x11A01, 0x11A0A}, {0x11A33, 0x11A38}, {0x11A3B, 0x11A47}, {0x11A51, 0x11A56},
    {0x11A59, 0x11A5B}, {0x11A8A, 0x11A96}, {0x11A98, 0x11A9C}, {0x11A9E, 0x11AA2}, {0x11B00, 0x11B09},
    {0x11C30, 0x11C3D}, {0x11C3F, 0x11C3F}, {0x11C41, 0x11C45}, {0x11C70, 0x11C71}, {0x11C92, 0x11CA7},
    {0x11CAA, 0x11CB0}, {0x11CB2, 0x11CB3}, {0x11CB5, 0x11CB6}, {0x11D31, 0x11D45}, {0x11D47, 0x11D47},
    {0x11D90, 0x11D91}, {0x11D95, 0x11D95}, {0x11D97, 0x11D97}, {0x11EF3, 0x11EF4}, {0x11EF7, 0x11F01},
    {0x11F36, 0x11F3A}, {0x11F40, 0x11F40}, {0x11F42, 0x11F4F}, {0x11FFF, 0x11FFF}, {0x12FF1, 0x12FF2},
    {0x13430, 0x13440}, {0x13447, 0x13455}, {0x16E97, 0x16E9A}, {0x16F4F, 0x16F4F}, {0x16FE2, 0x16FE2},
    {0x16FE4, 0x16FE4}, {0x1CF00, 0x1CF46}, {0x1E000, 0x1E02A}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136},
    {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}, {0x1E944, 0x1E94A}, {0x1E95E, 0x1E95F},
};

static bool is_later(uint32_t character)
{
    size_t low = 0, high = sizeof later_than_unicode_8 / sizeof later_than_unicode_8[0];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (character > later_than_unicode_8[middle][1]) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < sizeof later_than_unicode_8 / sizeof later_than_unicode_8[0] &&
           character >= later_than_unicode_8[low][0];
}

bool fs_is_white_space(uint32_t character)
{
    if (character < 0x80) {
        return character == ' ' || (character >= '\t' && character <= '\r');
    }
    switch (category(character)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return true;
    default:
        return character == 0x85;
    }
}

bool fs_is_other(uint32_t character)
{
    switch (category(character)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO:
        return !is_later(character);
    default:
        return false;
    }
}

bool fs_is_nonspacing_mark(uint32_t character)
{
    if (character == 0x1734 || character == 0x111C9) { /* categories changed after Unicode 8: Mn to Mc, Po to Mn */
        return character == 0x1734;
    }
    return category(character) == UTF8PROC_CATEGORY_MN && !is_later(character);
}

bool fs_is_mark(uint32_t character)
{
    switch (category(character)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return true;
    default:
        return false;
    }
}

bool fs_is_bert_punctuation(uint32_t character)
{
    if (character < 0x80) {
        return character > ' ' && character < 0x7F && !(character >= '0' && character <= '9') &&
               !((character | 0x20) >= 'a' && (character | 0x20) <= 'z');
    }
    if (character == 0x166D || character == 0x111C9) { /* Po in Unicode 8 */
        return true;
    }
    switch (category(character)) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
        return !is_later(character);
    default:
        return false;
    }
}

bool fs_is_numeric(uint32_t character)
{
    switch (category(character)) {
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return true;
    default:
        return false;
    }
}

/* Symbols that are alphabetic: letters in circles and squares. */
static bool is_enclosed_letter(uint32_t c)
{
    return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
           (c >= 0x1F170 && c <= 0x1F189);
}

bool fs_is_word_character(uint32_t character)
{
    switch (category(character)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return true;
    default:
        return fs_is_mark(character) || is_enclosed_letter(character) || character == 0x200C || character == 0x200D;
    }
}
