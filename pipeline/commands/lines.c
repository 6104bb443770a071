#include "pipeline/commands/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/file_kind.h"
#include "io/utf8.h"

/* The bytes 0x80 to 0x9F are control characters in Latin-1, which no text has, and letters and quotes in Windows-1252. */
static bool is_windows(const unsigned char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] >= 0x80 && text[i] < 0xa0) {
            return true;
        }
    }
    return false;
}

/* `bad`: the byte of the line that is no UTF-8, or NUL. */
static void refuse(const struct fs_lines *lines, size_t bad, struct fs_error *err)
{
    const unsigned char *text = (const unsigned char *)lines->text;
    char found[96];
    snprintf(found, sizeof found, "standard input: line %zu, byte %zu (%zu of the input): found 0x%02X", lines->number,
             bad + 1, lines->offset + (size_t)(lines->text - lines->buffer) + bad + 1, text[bad]);
    char fix[FS_KIND_FIX];
    const char *kind = lines->number > 1 ? NULL : fs_file_kind("FILE", text, lines->length, FS_PLACE_INPUT, fix);
    if (kind != NULL || text[bad] == '\0') {
        fs_error_set(err, FS_EXIT_DATA, "%s, expected UTF-8 text%s%s%s%s", found,
                     kind != NULL ? "; this is " : " without NUL", kind != NULL ? kind : "", kind != NULL ? "; " : "",
                     kind != NULL ? fix : "");
        return;
    }
    bool cut = lines->length - bad < fs_utf8_length(text[bad]) && text[bad] >= 0xc2 && feof(stdin);
    bool windows = is_windows(text, lines->length);
    if (cut) {
        fs_error_set(err, FS_EXIT_DATA, "%s, expected UTF-8 text; the input ends within a character, was it cut off?",
                     found);
        return;
    }
    fs_error_set(err, FS_EXIT_DATA, "%s, which is no UTF-8; if the text is %s, put it through iconv -f %s -t UTF-8",
                 found, windows ? "Windows-1252" : "Latin-1 (or Windows-1252)", windows ? "WINDOWS-1252" : "LATIN1");
}

/* The first byte that a line must not have; its length where there is none. */
static size_t find_bad(const struct fs_lines *lines)
{
    size_t bad = fs_utf8_invalid((const unsigned char *)lines->text, lines->length);
    const char *nul = memchr(lines->text, '\0', lines->length);
    return nul != NULL && (size_t)(nul - lines->text) < bad ? (size_t)(nul - lines->text) : bad;
}

bool fs_next_line(struct fs_lines *lines, struct fs_error *err)
{
    ssize_t count = getline(&lines->buffer, &lines->capacity, stdin);
    if (count < 0) {
        if (ferror(stdin) || !feof(stdin)) {
            fs_error_set(err, FS_EXIT_IO, "standard input: a line cannot be read");
        }
        return false;
    }
    lines->number++;
    lines->text = lines->buffer;
    lines->length = (size_t)count;
    bool ended = count > 0 && lines->buffer[count - 1] == '\n';
    lines->length -= ended ? 1 : 0;
    if (ended && lines->length > 0 && lines->text[lines->length - 1] == '\r') {
        lines->length--; /* a line end as Windows writes it */
    }
    if (lines->number == 1 && lines->length >= 3 && memcmp(lines->text, "\xef\xbb\xbf", 3) == 0) {
        lines->text += 3;
        lines->length -= 3;
    }
    size_t bad = find_bad(lines);
    if (bad < lines->length) {
        refuse(lines, bad, err);
        return false;
    }
    lines->offset += (size_t)count;
    return true;
}

void fs_lines_release(struct fs_lines *lines)
{
    free(lines->buffer);
    *lines = (struct fs_lines){0};
}

void fs_print_ids(const int32_t *id, size_t count)
{
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        printf(i == 0 ? "%d" : ", %d", (int)id[i]);
    }
    putchar(']');
}
