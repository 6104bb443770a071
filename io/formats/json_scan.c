#include "io/formats/json_scan.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"

/* cJSON copies a number into a buffer of 64 bytes. */
#define MAX_NUMBER 63

/* An object or array that the cursor is in: the key, as it stands in the text, or the index of the member. */
struct level {
    bool object;
    size_t key, key_length;
    size_t index;
};

struct scan {
    const char *name;
    const unsigned char *text;
    size_t length;
    size_t at;
    size_t depth;
    struct level level[FS_JSON_MAX_DEPTH];
    bool nul; /* \u0000 is let through */
    struct fs_error *err;
};

static int fail_because(const struct scan *scan, const char *found, const char *because)
{
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < scan->at && i < scan->length; i++) {
        column++;
        if (scan->text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return fs_error_set(scan->err, FS_EXIT_DATA, "%s: line %zu, column %zu: %s%s", scan->name, line, column, found,
                        because);
}

static int fail(const struct scan *scan, const char *found)
{
    return fail_because(scan, found, "; the file is damaged or no JSON");
}

/* "data.items[3].score: " in `place`: where the cursor is; empty at the root. */
static void write_place(const struct scan *scan, char *place, size_t room)
{
    size_t used = 0;
    place[0] = '\0';
    for (size_t i = 0; i < scan->depth && used < room; i++) {
        const struct level *level = &scan->level[i];
        int length = level->key_length < 60 ? (int)level->key_length : 60;
        int written = level->object ? snprintf(place + used, room - used, "%s%.*s", i == 0 ? "" : ".", length,
                                               (const char *)scan->text + level->key)
                                    : snprintf(place + used, room - used, "[%zu]", level->index);
        used += (size_t)written;
    }
    if (used > 0) {
        used = used + 3 <= room ? used : room - 3;
        snprintf(place + used, room - used, ": ");
    }
}

/* Whether the cursor is at a number that is none, as Python's json module and others write it; then -1 in *status. */
static bool refuse_no_number(const struct scan *scan, int *status)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity", "-NaN", "nan", "-nan", "inf", "-inf"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i]);
        if (scan->length - scan->at >= length && memcmp(scan->text + scan->at, words[i], length) == 0) {
            char place[512], found[600];
            write_place(scan, place, sizeof place);
            snprintf(found, sizeof found, "%sfound %s, expected a number", place, words[i]);
            *status = fail_because(scan, found, ": what made this file overflowed, or had no value there");
            return true;
        }
    }
    return false;
}

/* The byte at the cursor, or -1 at the end. */
static int peek(const struct scan *scan)
{
    return scan->at < scan->length ? scan->text[scan->at] : -1;
}

static void skip_space(struct scan *scan)
{
    int byte = peek(scan);
    while (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
        scan->at++;
        byte = peek(scan);
    }
}

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

/* Four hexadecimal digits at the cursor, or -1. */
static long hexadecimal(struct scan *scan)
{
    long value = 0;
    for (int i = 0; i < 4; i++) {
        int byte = peek(scan);
        int digit = is_digit(byte)               ? byte - '0'
                    : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                    : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                                 : -1;
        if (digit < 0) {
            return -1;
        }
        value = 16 * value + digit;
        scan->at++;
    }
    return value;
}

/* Behind "\u". */
static int scan_unicode_escape(struct scan *scan)
{
    long value = hexadecimal(scan);
    if (value < 0) {
        return fail(scan, "found \\u without four hexadecimal digits");
    }
    if (value == 0 && !scan->nul) {
        return fail(scan, "found \\u0000, expected text without NUL");
    }
    if (value >= 0xdc00 && value <= 0xdfff) {
        return fail(scan, "found a lone low surrogate");
    }
    if (value >= 0xd800 && value <= 0xdbff) {
        bool escape = peek(scan) == '\\';
        scan->at += escape ? 1 : 0;
        bool unicode = escape && peek(scan) == 'u';
        scan->at += unicode ? 1 : 0;
        long low = unicode ? hexadecimal(scan) : -1;
        if (low < 0xdc00 || low > 0xdfff) {
            return fail(scan, "found a lone high surrogate");
        }
    }
    return 0;
}

/* At the opening quote. */
static int scan_string(struct scan *scan)
{
    scan->at++;
    for (;;) {
        int byte = peek(scan);
        if (byte < 0) {
            return fail(scan, "found the end of the file inside a string");
        }
        if (byte == '"') {
            scan->at++;
            return 0;
        }
        if (byte < 0x20) {
            return fail(scan, "found a control character inside a string");
        }
        if (byte == '\\') {
            scan->at++;
            int escape = peek(scan);
            if (escape <= 0 || strchr("\"\\/bfnrtu", escape) == NULL) {
                return fail(scan, "found an unknown escape in a string");
            }
            scan->at++;
            if (escape == 'u' && scan_unicode_escape(scan) != 0) {
                return -1;
            }
            continue;
        }
        size_t size = fs_utf8_character(scan->text + scan->at, scan->length - scan->at, NULL);
        if (size == 0) {
            return fail(scan, "found bytes that are not UTF-8");
        }
        scan->at += size;
    }
}

/* Zero or more digits; how many. */
static size_t skip_digits(struct scan *scan)
{
    size_t begin = scan->at;
    while (is_digit(peek(scan))) {
        scan->at++;
    }
    return scan->at - begin;
}

static int scan_number(struct scan *scan)
{
    size_t begin = scan->at;
    if (peek(scan) == '-') {
        scan->at++;
    }
    bool leading_zero = peek(scan) == '0';
    size_t digits = skip_digits(scan);
    bool valid = digits == 1 || (digits > 1 && !leading_zero);
    if (valid && peek(scan) == '.') {
        scan->at++;
        valid = skip_digits(scan) > 0;
    }
    if (valid && (peek(scan) == 'e' || peek(scan) == 'E')) {
        scan->at++;
        if (peek(scan) == '+' || peek(scan) == '-') {
            scan->at++;
        }
        valid = skip_digits(scan) > 0;
    }
    if (!valid) {
        return fail(scan, "found a malformed number");
    }
    size_t length = scan->at - begin;
    if (length > MAX_NUMBER) {
        return fail(scan, "found a number of more than 63 characters");
    }
    char copy[MAX_NUMBER + 1];
    memcpy(copy, scan->text + begin, length);
    copy[length] = '\0';
    return isfinite(strtod(copy, NULL)) ? 0 : fail(scan, "found a number beyond the range of double precision");
}

static int scan_word(struct scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i]);
        if (scan->length - scan->at >= length && memcmp(scan->text + scan->at, words[i], length) == 0) {
            scan->at += length;
            return 0;
        }
    }
    return fail(scan, peek(scan) < 0 ? "found the end of the file, expected a value" : "found no JSON value");
}

static int scan_key(struct scan *scan)
{
    struct level *level = &scan->level[scan->depth - 1];
    skip_space(scan);
    if (peek(scan) != '"') {
        return fail(scan, "expected a key in double quotes");
    }
    level->key = scan->at + 1;
    if (scan_string(scan) != 0) {
        return -1;
    }
    level->key_length = scan->at - 1 - level->key;
    skip_space(scan);
    if (peek(scan) != ':') {
        return fail(scan, "expected a colon after the key");
    }
    scan->at++;
    return 0;
}

static int scan_value(struct scan *scan);

/* Behind the opening bracket or brace. */
static int scan_members(struct scan *scan, bool object)
{
    struct level *level = &scan->level[scan->depth++];
    *level = (struct level){.object = object};
    int closing = object ? '}' : ']';
    skip_space(scan);
    while (level->index > 0 || peek(scan) != closing) {
        if ((object && scan_key(scan) != 0) || scan_value(scan) != 0) {
            return -1;
        }
        skip_space(scan);
        int byte = peek(scan);
        if (byte == closing) {
            break;
        }
        if (byte != ',') {
            return fail(scan, object ? "expected a comma or a closing brace" : "expected a comma or a closing bracket");
        }
        scan->at++;
        level->index++;
    }
    scan->at++;
    scan->depth--;
    return 0;
}

static int scan_value(struct scan *scan)
{
    int status = 0;
    skip_space(scan);
    int byte = peek(scan);
    if (byte == '{' || byte == '[') {
        if (scan->depth == FS_JSON_MAX_DEPTH) {
            return fail(scan, "found values nested deeper than 64");
        }
        scan->at++;
        return scan_members(scan, byte == '{');
    }
    if (byte == '"') {
        return scan_string(scan);
    }
    if (!is_digit(byte) && refuse_no_number(scan, &status)) {
        return status;
    }
    return byte == '-' || is_digit(byte) ? scan_number(scan) : scan_word(scan);
}

static int scan_one(struct scan *scan)
{
    int status = scan_value(scan);
    if (status == 0) {
        skip_space(scan);
    }
    return status;
}

int fs_json_scan_next(const char *name, const unsigned char *text, size_t length, size_t *at, struct fs_error *err)
{
    struct scan scan = {.name = name, .text = text, .length = length, .at = *at, .err = err};
    if (scan_one(&scan) != 0) {
        return -1;
    }
    *at = scan.at;
    return 0;
}

int fs_json_scan(const char *name, const unsigned char *text, size_t length, bool nul, struct fs_error *err)
{
    struct scan scan = {.name = name, .text = text, .length = length, .nul = nul, .err = err};
    if (scan_one(&scan) != 0) {
        return -1;
    }
    if (scan.at == length) {
        return 0;
    }
    int byte = peek(&scan);
    return byte == '{' || byte == '['
               ? fail_because(&scan, "found a second value", ", as in JSON lines; expected one value in the file")
               : fail(&scan, "found bytes after the end of the value");
}
