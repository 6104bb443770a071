#include "model/tokenizer/charsmap.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "io/little_endian.h"
#include "io/utf8.h"
#include "model/tokenizer/unicode.h"

/* No text of `tokenizers` is looked up as a whole that is longer. */
enum { LONGEST_CLUSTER = 5 };

static int damaged(const char *name, const char *what, struct fs_error *err)
{
    return fs_error_set(
        err, FS_EXIT_DATA,
        "%s: %s; expected a character map of SentencePiece: take the file from the model's source again", name, what);
}

int fs_charsmap_read(struct fs_charsmap *map, const char *name, const unsigned char *data, size_t size,
                     struct fs_error *err)
{
    if (size < 4) {
        return damaged(name, "the character map has no size", err);
    }
    size_t bytes = (size_t)fs_little_endian(data, 4);
    if (bytes > size - 4 || bytes % 4 != 0 || bytes == 0) {
        return damaged(name, "the trie of the character map is empty, or longer than the map", err);
    }
    map->units = bytes / 4;
    map->text_size = size - 4 - bytes;
    map->unit = fs_allocate(map->units, sizeof *map->unit, "a character map", err);
    map->text = fs_allocate(map->text_size + 1, 1, "a character map", err);
    if (map->unit == NULL || map->text == NULL) {
        return -1;
    }
    for (size_t i = 0; i < map->units; i++) {
        map->unit[i] = (uint32_t)fs_little_endian(data + 4 + 4 * i, 4);
    }
    memcpy(map->text, data + 4 + bytes, map->text_size);
    if (fs_utf8_invalid(map->text, map->text_size) < map->text_size) {
        return damaged(name, "a text of the character map is not UTF-8", err);
    }
    return 0;
}

int fs_charsmap_read_base64(struct fs_charsmap *map, const char *name, const char *text, struct fs_error *err)
{
    size_t length = strlen(text);
    if (length == 0 || length % 4 != 0 || length > INT_MAX) {
        return damaged(name, "the character map is no base64 text", err);
    }
    unsigned char *data = fs_allocate(length / 4 * 3, 1, "a character map", err);
    if (data == NULL) {
        return -1;
    }
    int bytes = EVP_DecodeBlock(data, (const unsigned char *)text, (int)length);
    size_t padding = (size_t)(text[length - 1] == '=') + (size_t)(text[length - 2] == '=');
    int status = bytes < 0 || (size_t)bytes < padding ? damaged(name, "the character map is no base64 text", err)
                                                      : fs_charsmap_read(map, name, data, (size_t)bytes - padding, err);
    free(data);
    return status;
}

int fs_charsmap_keep(struct fs_charsmap *map, const unsigned char *text, size_t length, struct fs_error *err)
{
    if (fs_grow(&map->kept, &map->kept_capacity, map->kept_count + 1, sizeof *map->kept, "a character map", err) != 0) {
        return -1;
    }
    struct fs_kept_text *kept = &map->kept[map->kept_count];
    kept->text = fs_allocate(length, 1, "a character map", err);
    if (kept->text == NULL) {
        return -1;
    }
    memcpy(kept->text, text, length);
    kept->length = length;
    map->kept_count++;
    return 0;
}

void fs_charsmap_release(struct fs_charsmap *map)
{
    for (size_t i = 0; i < map->kept_count; i++) {
        free(map->kept[i].text);
    }
    free(map->kept);
    free(map->unit);
    free(map->text);
    memset(map, 0, sizeof *map);
}

/* How far it is from a unit to its children (darts.h of Darts-clone, DoubleArrayUnit::offset). */
static size_t offset(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & 1u << 9) >> 6);
}

/* A key of the map that a text begins with. */
struct hit {
    size_t length;
    uint32_t place; /* of its text */
};

/* The shortest key that `text` begins with, or the longest; length 0: none. */
static struct hit look_up(const struct fs_charsmap *map, const unsigned char *text, size_t length, bool longest)
{
    struct hit hit = {0};
    size_t at = offset(map->unit[0]);
    for (size_t i = 0; i < length && text[i] != 0; i++) {
        at ^= text[i];
        if (at >= map->units || (map->unit[at] & (1u << 31 | 0xFF)) != text[i]) {
            break;
        }
        uint32_t unit = map->unit[at];
        at ^= offset(unit);
        bool whole = i + 1 == length || (text[i + 1] & 0xC0) != 0x80; /* no part of a character */
        if ((unit >> 8 & 1) && at < map->units && (whole || !longest)) {
            hit = (struct hit){i + 1, map->unit[at] & ~(1u << 31)};
            if (!longest) {
                break;
            }
        }
    }
    return hit;
}

/* Bytes [begin, end) of `text` become the map's text at `place`. */
static int append_mapped(const struct fs_charsmap *map, uint32_t place, const struct fs_text *text, size_t begin,
                         size_t end, struct fs_text *result, struct fs_error *err)
{
    if (place > map->text_size || (place < map->text_size && (map->text[place] & 0xC0) == 0x80)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "the tokenizer's character map names text at byte %u of %zu, expected the begin of a "
                            "character; take the tokenizer's files from the model's source again",
                            place, map->text_size);
    }
    size_t length = strnlen((const char *)map->text + place, map->text_size - place);
    return fs_text_append(result, map->text + place, length, text->begin[begin], text->end[end - 1], err);
}

static int apply_cluster(const struct fs_charsmap *map, const struct fs_text *text, size_t begin, size_t end,
                         struct fs_text *result, struct fs_error *err)
{
    if (end - begin <= LONGEST_CLUSTER) {
        struct hit hit = look_up(map, text->data + begin, end - begin, false);
        if (hit.length > 0) {
            return append_mapped(map, hit.place, text, begin, end, result, err);
        }
    }
    for (size_t at = begin; at < end;) {
        size_t next = at + fs_utf8_length(text->data[at]);
        struct hit hit = look_up(map, text->data + at, next - at, false);
        if (hit.length > 0 ? append_mapped(map, hit.place, text, at, next, result, err)
                           : fs_text_append_slice(result, text, at, next, err)) {
            return -1;
        }
        at = next;
    }
    return 0;
}

/* Characters that the map drops in front are forgotten: what is left stands for them, as the start of the text. */
static void take_over(struct fs_text *text, struct fs_text *result)
{
    for (size_t i = 0; i < result->count && (i == 0 || (result->data[i] & 0xC0) == 0x80); i++) {
        result->begin[i] = text->begin[0];
    }
    fs_text_release(text);
    *text = *result;
}

int fs_charsmap_apply(const struct fs_charsmap *map, struct fs_text *text, struct fs_error *err)
{
    struct fs_text result = {0};
    for (size_t begin = 0; begin < text->count;) {
        size_t end = fs_grapheme_end(text->data, begin, text->count);
        if (apply_cluster(map, text, begin, end, &result, err)) {
            fs_text_release(&result);
            return -1;
        }
        begin = end;
    }
    take_over(text, &result);
    return 0;
}

static size_t kept_length(const struct fs_charsmap *map, const unsigned char *text, size_t length)
{
    size_t longest = 0;
    for (size_t i = 0; i < map->kept_count; i++) {
        const struct fs_kept_text *kept = &map->kept[i];
        if (kept->length > longest && kept->length <= length && memcmp(kept->text, text, kept->length) == 0) {
            longest = kept->length;
        }
    }
    return longest;
}

int fs_charsmap_apply_longest(const struct fs_charsmap *map, struct fs_text *text, bool *blank, struct fs_error *err)
{
    struct fs_text result = {0};
    *blank = true;
    for (size_t at = 0; at < text->count;) {
        size_t before = result.count;
        size_t kept = kept_length(map, text->data + at, text->count - at);
        struct hit hit = {0};
        if (kept == 0) {
            hit = look_up(map, text->data + at, text->count - at, true);
        }
        size_t next = at + (kept > 0 ? kept : hit.length > 0 ? hit.length : fs_utf8_length(text->data[at]));
        if (hit.length > 0 ? append_mapped(map, hit.place, text, at, next, &result, err)
                           : fs_text_append_slice(&result, text, at, next, err)) {
            fs_text_release(&result);
            return -1;
        }
        *blank = *blank && result.count == before + 1 && result.data[before] == ' ';
        at = next;
    }
    take_over(text, &result);
    return 0;
}
