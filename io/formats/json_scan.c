#include "io/formats/json_scan.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"

/* cJSON copies a number into a buffer of 64 bytes. */
#define MAX_NUMBER 63

struct scan {
    const char *name;
    const unsigned char *text;
    size_t length;
    size_t at;
    struct fs_error *err;
};

static int fail(const struct scan *scan, const char *found)
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
    return fs_error_set(scan->err, FS_EXIT_DATA, "%s: line %zu, column %zu: %s; the file is damaged or no JSON",
                        scan->name, line, column, found);
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
    if (value == 0) {
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
    skip_space(scan);
    if (peek(scan) != '"') {
        return fail(scan, "expected a key in double quotes");
    }
    if (scan_string(scan) != 0) {
        return -1;
    }
    skip_space(scan);
    if (peek(scan) != ':') {
        return fail(scan, "expected a colon after the key");
    }
    scan->at++;
    return 0;
}

static int scan_value(struct scan *scan, size_t depth);

/* Behind the opening bracket or brace. */
static int scan_members(struct scan *scan, bool object, size_t depth)
{
    int closing = object ? '}' : ']';
    skip_space(scan);
    if (peek(scan) == closing) {
        scan->at++;
        return 0;
    }
    for (;;) {
        if ((object && scan_key(scan) != 0) || scan_value(scan, depth) != 0) {
            return -1;
        }
        skip_space(scan);
        int byte = peek(scan);
        if (byte == closing) {
            scan->at++;
            return 0;
        }
        if (byte != ',') {
            return fail(scan, object ? "expected a comma or a closing brace" : "expected a comma or a closing bracket");
        }
        scan->at++;
    }
}

static int scan_value(struct scan *scan, size_t depth)
{
    skip_space(scan);
    int byte = peek(scan);
    if (byte == '{' || byte == '[') {
        if (depth == FS_JSON_MAX_DEPTH) {
            return fail(scan, "found values nested deeper than 64");
        }
        scan->at++;
        return scan_members(scan, byte == '{', depth + 1);
    }
    if (byte == '"') {
        return scan_string(scan);
    }
    return byte == '-' || is_digit(byte) ? scan_number(scan) : scan_word(scan);
}

int fs_json_scan(const char *name, const unsigned char *text, size_t length, struct fs_error *err)
{
    struct scan scan = {.name = name, .text = text, .length = length, .at = 0, .err = err};
    if (scan_value(&scan, 0) != 0) {
        return -1;
    }
    skip_space(&scan);
    return scan.at == length ? 0 : fail(&scan, "found bytes after the end of the value");
}
