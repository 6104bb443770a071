#include "model/tokenizer/text.h"

#include <stdlib.h>
#include <string.h>

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
