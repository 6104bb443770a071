#include "stages/methods/sentences.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/file_map.h"
#include "io/formats/file_kind.h"
#include "io/utf8.h"
#include "model/tokenizer/unicode.h"

static const char *const abbreviations[] = {"mr",  "mrs", "ms",  "dr",  "prof", "st",   "jr",   "sr",  "vs",
                                            "etc", "no",  "vol", "fig", "gen",  "col",  "lt",   "sgt", "capt",
                                            "rev", "hon", "inc", "ltd", "co",   "corp", "maj",  "cf",  "al",
                                            "e.g", "i.e", "u.s", "u.k", "a.m",  "p.m",  "dept", "est", "approx"};

/* A paragraph in valid UTF-8. */
struct paragraph {
    const unsigned char *text;
    size_t length;
};

static uint32_t character_at(const struct paragraph *p, size_t at)
{
    uint32_t character = 0;
    if (at < p->length) {
        fs_utf8_decode(p->text + at, &character);
    }
    return character;
}

static size_t after(const struct paragraph *p, size_t at)
{
    return at + fs_utf8_length(p->text[at]);
}

static bool closes(uint32_t character)
{
    static const uint32_t closing[] = {'"', '\'', ')', ']', '}', 0x2019, 0x201D, 0xBB};
    for (size_t i = 0; i < sizeof closing / sizeof closing[0]; i++) {
        if (closing[i] == character) {
            return true;
        }
    }
    return false;
}

/* Whether the word before the full stop at `at` is an initial or an abbreviation. */
static bool is_abbreviation(const struct paragraph *p, size_t at)
{
    size_t begin = at;
    while (begin > 0 && p->text[begin - 1] != ' ' && p->text[begin - 1] != '\t') {
        begin--;
    }
    while (begin < at && (p->text[begin] == '(' || p->text[begin] == '"' || p->text[begin] == '\'')) {
        begin++;
    }
    size_t length = at - begin;
    const unsigned char *word = p->text + begin;
    if (length == 1) {
        return (*word >= 'A' && *word <= 'Z');
    }
    for (size_t i = 0; i < sizeof abbreviations / sizeof abbreviations[0]; i++) {
        if (strlen(abbreviations[i]) == length && strncasecmp(abbreviations[i], (const char *)word, length) == 0) {
            return true;
        }
    }
    return false;
}

/* Where the sentence ends whose last sign is at `at`; 0: none ends there. `*next`: where the next one begins. */
static size_t end_of_sentence(const struct paragraph *p, size_t at, size_t *next)
{
    unsigned char sign = p->text[at];
    if ((sign != '.' && sign != '!' && sign != '?') || (sign == '.' && is_abbreviation(p, at))) {
        return 0;
    }
    size_t end = at + 1;
    while (end < p->length && closes(character_at(p, end))) {
        end = after(p, end);
    }
    size_t begin = end;
    while (begin < p->length && fs_is_white_space(character_at(p, begin))) {
        begin = after(p, begin);
    }
    uint32_t first = character_at(p, begin);
    bool capital = fs_lower(first) != first || (first >= '0' && first <= '9');
    *next = begin;
    return begin > end && begin < p->length && capital ? end : 0;
}

static int add_bytes(struct fs_text_list *list, const char *bytes, size_t count, struct fs_error *err)
{
    if (fs_grow(&list->bytes, &list->bytes_capacity, list->used + count, 1, "the sentences of a text", err) != 0) {
        return -1;
    }
    memcpy(list->bytes + list->used, bytes, count);
    list->used += count;
    return 0;
}

static int add_lower(struct fs_text_list *sentences, uint32_t character, struct fs_error *err)
{
    unsigned char bytes[8];
    size_t count = fs_utf8_encode(character == 0x130 ? 'i' : fs_lower(character), bytes);
    if (character == 0x130) { /* the one capital with two small characters */
        count += fs_utf8_encode(0x307, bytes + count);
    }
    return add_bytes(sentences, (const char *)bytes, count, err);
}

/* Begins a text; its bytes and the 0 behind them follow. */
static int begin_text(struct fs_text_list *list, struct fs_error *err)
{
    if (fs_grow(&list->begin, &list->begin_capacity, list->count + 1, sizeof *list->begin, "the sentences of a text",
                err) != 0) {
        return -1;
    }
    list->begin[list->count++] = list->used;
    return 0;
}

int fs_text_list_add(struct fs_text_list *list, const char *text, size_t length, struct fs_error *err)
{
    return begin_text(list, err) == 0 && add_bytes(list, text, length, err) == 0 ? add_bytes(list, "", 1, err) : -1;
}

void fs_text_list_release(struct fs_text_list *list)
{
    free(list->bytes);
    free(list->begin);
    *list = (struct fs_text_list){0};
}

static int add_sentence(struct fs_text_list *sentences, struct paragraph p, struct fs_error *err)
{
    size_t begin = 0, end = 0;
    while (begin < p.length && fs_is_white_space(character_at(&p, begin))) {
        begin = after(&p, begin);
    }
    for (size_t at = begin; at < p.length; at = after(&p, at)) {
        end = fs_is_white_space(character_at(&p, at)) ? end : after(&p, at);
    }
    if (begin >= end) {
        return 0;
    }
    int status = begin_text(sentences, err);
    for (size_t at = begin; status == 0 && at < end; at = after(&p, at)) {
        status = add_lower(sentences, character_at(&p, at), err);
    }
    return status == 0 ? add_bytes(sentences, "", 1, err) : -1;
}

int fs_sentences_add(struct fs_text_list *sentences, const char *paragraph, size_t length, struct fs_error *err)
{
    const struct paragraph p = {(const unsigned char *)paragraph, length};
    size_t begin = 0, next;
    for (size_t at = 0; at < length; at++) { /* what ends a sentence is ASCII */
        size_t end = end_of_sentence(&p, at, &next);
        if (end > 0) {
            if (add_sentence(sentences, (struct paragraph){p.text + begin, end - begin}, err) != 0) {
                return -1;
            }
            begin = next;
            at = next - 1;
        }
    }
    return add_sentence(sentences, (struct paragraph){p.text + begin, length - begin}, err);
}

int fs_sentences_read(const char *path, struct fs_text_list *sentences, struct fs_error *err)
{
    struct fs_file_map map;
    *sentences = (struct fs_text_list){0};
    if (fs_file_map_open(path, &map, err) != 0) {
        return -1;
    }
    int status = fs_check_text_file(path, map.data, map.size, err);
    const char *text = (const char *)map.data;
    for (size_t begin = fs_byte_order_mark(map.data, map.size); status == 0 && begin < map.size;) {
        const char *line = memchr(text + begin, '\n', map.size - begin);
        size_t length = (line != NULL ? (size_t)(line - text) : map.size) - begin;
        status = fs_sentences_add(sentences, text + begin, length, err);
        begin += length + 1;
    }
    fs_file_map_close(&map);
    if (status == 0 && sentences->count == 0) {
        status = fs_error_set(err, FS_EXIT_DATA, "%s: found no sentence, expected a text, one paragraph a line", path);
    }
    return status;
}
