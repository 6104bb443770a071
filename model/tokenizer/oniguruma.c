#include "model/tokenizer/oniguruma.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "model/tokenizer/unicode_table.h"

enum { MOST_NESTED = 16 };

/* White_Space; PCRE2's \s under UCP also takes U+180E, which left it in Unicode 6.3. */
#define SPACE                                                                                                          \
    "\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}"                                 \
    "\\x{202F}\\x{205F}\\x{3000}"
/* Alphabetic (letters in circles and squares are symbols), Mark, Decimal_Number, Connector_Punctuation. */
#define WORD                                                                                                           \
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24B6}-\\x{24E9}\\x{1F130}-\\x{1F149}\\x{1F150}-\\x{1F169}"                   \
    "\\x{1F170}-\\x{1F189}"
/* Outside [...], Oniguruma asks another table for characters below 256: superscript digits and fractions are words. */
#define LONE_WORD WORD "\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}"
#define HEXADECIMAL "0-9A-Fa-f"

/* Of the characters of fs_unicode_newer: categories or their first letters; =script; +a, +l, +u, the table's flags. */
#define WORD_KEY "L M Nd Nl Pc"

static const struct {
    char letter; /* its capital is the complement */
    const char *in_set, *alone, *key;
} letters[] = {{'s', SPACE, SPACE, NULL},
               {'w', WORD, LONE_WORD, WORD_KEY},
               {'d', "\\p{Nd}", "\\p{Nd}", "Nd"},
               {'h', HEXADECIMAL, HEXADECIMAL, NULL}};

/* Unicode 16's; PCRE2 may know an older one. */
#define ALPHABETIC "\\x{363}-\\x{36F}\\x{C04}\\x{F82}\\x{F83}\\x{1DD3}-\\x{1DE6}\\x{11080}\\x{11081}\\p{Alphabetic}"
#define LOWERCASE "\\x{10FC}\\x{A7F2}-\\x{A7F4}\\x{AB69}\\p{Lowercase}"

/* A general category by its long name, which PCRE2 has not. */
#define CATEGORY(name, short)                                                                                          \
    {                                                                                                                  \
        name, NULL, "\\p{" short "}", "\\p{" short "}", short, NULL                                                    \
    }

static const struct {
    const char *name, *in_brackets, *in_set, *alone; /* [[:name:]], [\p{name}], \p{name} */
    const char *key, *key_in_brackets;               /* NULL: no character is newer; as in sets */
} names[] = {
    {"alnum", ALPHABETIC "\\p{Nd}", ALPHABETIC "\\p{Nd}", ALPHABETIC "\\p{Nd}", "+a Nd", NULL},
    {"alpha", ALPHABETIC, ALPHABETIC, ALPHABETIC, "+a", NULL},
    {"alphabetic", NULL, ALPHABETIC, ALPHABETIC, "+a", NULL},
    {"ascii", "\\x{0}-\\x{7F}", "\\x{0}-\\x{7F}", "\\x{0}-\\x{7F}", NULL, NULL},
    {"blank", "\\x{9}\\p{Zs}", "\\x{9}\\p{Zs}", "\\x{9}\\p{Zs}", "Zs", NULL},
    {"cntrl", "\\p{Cc}", "\\p{Cc}", "\\p{Cc}", "Cc", NULL},
    {"digit", "\\p{Nd}", "\\p{Nd}", "\\p{Nd}", "Nd", NULL},
    {"lower", LOWERCASE, LOWERCASE, LOWERCASE, "+l", NULL},
    {"lowercase", NULL, LOWERCASE, LOWERCASE, "+l", NULL},
    {"punct", "\\p{P}\\p{S}", "\\p{P}", "\\p{P}", "P", "P S"},
    {"space", SPACE, SPACE, SPACE, NULL, NULL},
    {"upper", "\\p{Uppercase}", "\\p{Uppercase}", "\\p{Uppercase}", "+u", NULL},
    {"uppercase", NULL, "\\p{Uppercase}", "\\p{Uppercase}", "+u", NULL},
    {"word", WORD, WORD, LONE_WORD, WORD_KEY, NULL},
    {"xdigit", HEXADECIMAL, HEXADECIMAL, HEXADECIMAL, NULL, NULL},
    CATEGORY("letter", "L"),
    CATEGORY("uppercase_letter", "Lu"),
    CATEGORY("lowercase_letter", "Ll"),
    CATEGORY("titlecase_letter", "Lt"),
    CATEGORY("modifier_letter", "Lm"),
    CATEGORY("other_letter", "Lo"),
    CATEGORY("mark", "M"),
    CATEGORY("nonspacing_mark", "Mn"),
    CATEGORY("spacing_mark", "Mc"),
    CATEGORY("enclosing_mark", "Me"),
    CATEGORY("number", "N"),
    CATEGORY("decimal_number", "Nd"),
    CATEGORY("letter_number", "Nl"),
    CATEGORY("other_number", "No"),
    CATEGORY("punctuation", "P"),
    CATEGORY("connector_punctuation", "Pc"),
    CATEGORY("dash_punctuation", "Pd"),
    CATEGORY("open_punctuation", "Ps"),
    CATEGORY("close_punctuation", "Pe"),
    CATEGORY("initial_punctuation", "Pi"),
    CATEGORY("final_punctuation", "Pf"),
    CATEGORY("other_punctuation", "Po"),
    CATEGORY("symbol", "S"),
    CATEGORY("math_symbol", "Sm"),
    CATEGORY("currency_symbol", "Sc"),
    CATEGORY("modifier_symbol", "Sk"),
    CATEGORY("other_symbol", "So"),
    CATEGORY("separator", "Z"),
    CATEGORY("space_separator", "Zs"),
    CATEGORY("line_separator", "Zl"),
    CATEGORY("paragraph_separator", "Zp"),
    CATEGORY("other", "C"),
    CATEGORY("control", "Cc"),
    CATEGORY("format", "Cf"),
    CATEGORY("private_use", "Co"),
    CATEGORY("unassigned", "Cn"),
};

struct buffer {
    char *data; /* [count], then a zero byte */
    size_t count, capacity;
};

/* Where we are in the pattern. */
struct reader {
    const char *name, *text, *in;
    int depth;
    struct buffer newer; /* FS_AS_ONIGURUMA: the characters of fs_unicode_newer, as in a set */
};

/* A set without its complement sign: what lies in one pair of brackets, and alternatives beside it. */
struct set {
    struct buffer plain, other; /* of the part behind the last && */
    struct buffer guarded;      /* as plain, but of no newer character */
    struct buffer conditions;   /* of the parts before, as look-aheads */
    bool complement;
};

static int append_bytes(struct buffer *buffer, const char *text, size_t length, struct fs_error *err)
{
    if (fs_grow(&buffer->data, &buffer->capacity, buffer->count + length + 1, 1, "a pattern", err) != 0) {
        return -1;
    }
    memcpy(buffer->data + buffer->count, text, length);
    buffer->count += length;
    buffer->data[buffer->count] = '\0';
    return 0;
}

/* Appends the texts up to a NULL. */
static int append(struct buffer *buffer, struct fs_error *err, const char *const *texts)
{
    for (; *texts != NULL; texts++) {
        if (append_bytes(buffer, *texts, strlen(*texts), err)) {
            return -1;
        }
    }
    return 0;
}
#define APPEND(buffer, err, ...) append(buffer, err, (const char *const[]){__VA_ARGS__, NULL})

static void release(struct set *set)
{
    free(set->plain.data);
    free(set->guarded.data);
    free(set->other.data);
    free(set->conditions.data);
}

static int refuse(const struct reader *reader, const char *what, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_DATA, "%s: pattern \"%.200s\": %s at byte %zu", reader->name, reader->text, what,
                        (size_t)(reader->in - reader->text));
}

static int add_alternative(struct set *set, const char *open, const char *text, const char *close, struct fs_error *err)
{
    return APPEND(&set->other, err, set->other.count > 0 ? "|" : "", open, text, close);
}

/* The newer characters with a key, or without it, as in a set. */
static int append_newer(struct buffer *out, const char *key, bool complement, struct fs_error *err)
{
    for (size_t i = 0; i < fs_unicode_newer_count; i++) {
        const struct fs_newer_range *range = &fs_unicode_newer[i];
        char text[32];
        if (key != NULL && fs_newer_has(range, key) == complement) {
            continue;
        }
        snprintf(text, sizeof text, range->first == range->last ? "\\x{%X}" : "\\x{%X}-\\x{%X}", (unsigned)range->first,
                 (unsigned)range->last);
        if (APPEND(out, err, text)) {
            return -1;
        }
    }
    return 0;
}

/* The expression of one character for the part behind the last &&. Atomic: another alternative that holds the same
 * character is no other way to match, and each would double the steps of a repeated set. */
static int append_part(const struct reader *reader, const struct set *set, struct buffer *out, struct fs_error *err)
{
    /* [^, [., [: and [= would be more than a bracket. */
    const char *escape = set->plain.count > 0 && strchr("^.:=", set->plain.data[0]) != NULL ? "\\" : "";
    bool plain = set->plain.count > 0, guarded = set->guarded.count > 0, other = set->other.count > 0;
    if (!plain && !guarded && !other) {
        return refuse(reader, "an empty set is not supported", err);
    }
    if (!guarded && !other) {
        return APPEND(out, err, "[", escape, set->plain.data, "]");
    }
    if (APPEND(out, err, "(?>") || (plain && APPEND(out, err, "[", escape, set->plain.data, "]")) ||
        (guarded && APPEND(out, err, plain ? "|(?![" : "(?![", reader->newer.data, "])[", set->guarded.data, "]")) ||
        (other && APPEND(out, err, plain || guarded ? "|" : "", set->other.data))) {
        return -1;
    }
    return APPEND(out, err, ")");
}

static int append_set(const struct reader *reader, const struct set *set, struct buffer *out, struct fs_error *err)
{
    bool single = set->conditions.count == 0 && set->other.count == 0 && set->guarded.count == 0;
    if (single && set->complement && set->plain.count > 0) {
        return APPEND(out, err, "[^", set->plain.data, "]");
    }
    bool simple = set->conditions.count == 0 && !set->complement;
    if (simple) {
        return append_part(reader, set, out, err);
    }
    if (APPEND(out, err, set->complement ? "(?>(?!" : "(?>", set->conditions.count > 0 ? set->conditions.data : "") ||
        append_part(reader, set, out, err)) {
        return -1;
    }
    return APPEND(out, err, set->complement ? ")(?s:.))" : ")");
}

/* A class within a set: `list`, as in a set, and what it holds of the newer characters. */
static int add_class(const struct reader *reader, struct set *set, const char *list, const char *key, bool complement,
                     struct fs_error *err)
{
    bool guards = reader->newer.count > 0 && key != NULL;
    if (guards && append_newer(&set->plain, key, complement, err)) {
        return -1;
    }
    if (!complement) {
        return APPEND(guards ? &set->guarded : &set->plain, err, list);
    }
    return guards ? APPEND(&set->other, err, set->other.count > 0 ? "|(?![" : "(?![", reader->newer.data, "])[^", list,
                           "]")
                  : add_alternative(set, "[^", list, "]", err);
}

/* A class outside sets. */
static int append_class(const struct reader *reader, struct buffer *out, const char *list, const char *key,
                        bool complement, struct fs_error *err)
{
    struct set set = {0};
    if (reader->newer.count == 0 || key == NULL) {
        return APPEND(out, err, complement ? "[^" : "[", list, "]");
    }
    int status = add_class(reader, &set, list, key, complement, err);
    if (status == 0) {
        status = append_part(reader, &set, out, err);
    }
    release(&set);
    return status;
}

/* The row of `names` with a name in any case, -1 where there is none. */
static int row_of(const char *name, size_t length)
{
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++) {
        if (strlen(names[i].name) == length && strncasecmp(names[i].name, name, length) == 0) {
            return i;
        }
    }
    return -1;
}

/* PCRE2 from 10.40 reads \p{Han} as Script_Extensions, Oniguruma as Script. */
static bool is_script(const char *name, size_t length)
{
    char text[64];
    int code;
    PCRE2_SIZE offset;
    if (length < 3 || length > 40 || memchr(name, ':', length) != NULL || memchr(name, '=', length) != NULL) {
        return false;
    }
    snprintf(text, sizeof text, "\\p{sc:%.*s}", (int)length, name);
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &code, &offset, NULL);
    pcre2_code_free(compiled);
    return compiled != NULL;
}

/* A general category or the first letter of some. */
static bool is_category(const char *name, size_t length)
{
    return (length == 1 && strchr("CLMNPSZclmnpsz", name[0]) != NULL) ||
           (length == 2 && strchr("CLMNPSZclmnpsz", name[0]) != NULL && isalpha((unsigned char)name[1]));
}

/* \p{...} or \P{...}; `set` is NULL outside sets. */
static int read_property(struct reader *reader, struct buffer *out, struct set *set, struct fs_error *err)
{
    const char *begin = reader->in + 3, *end = strchr(begin, '}');
    bool complement = reader->in[1] == 'P';
    if (end == NULL) {
        return refuse(reader, "found \\p{ without }", err);
    }
    if (*begin == '^') {
        complement = !complement;
        begin++;
    }
    size_t length = (size_t)(end - begin);
    int row = row_of(begin, length);
    reader->in = end + 1;
    if (row >= 0 && set != NULL) {
        return add_class(reader, set, names[row].in_set, names[row].key, complement, err);
    }
    if (row >= 0) {
        return append_class(reader, out, names[row].alone, names[row].key, complement, err);
    }
    char list[64], key[64];
    if (length == 0 || length >= sizeof list - 16) {
        return refuse(reader, "a property that is not supported", err);
    }
    bool script = is_script(begin, length);
    bool known = script || is_category(begin, length);
    snprintf(list, sizeof list, "\\p{%s%.*s}", script ? "sc:" : "", (int)length, begin);
    snprintf(key, sizeof key, "%s%.*s", script ? "=" : "", (int)length, begin);
    if (reader->newer.count == 0 || !known) {
        list[1] = complement ? 'P' : 'p';
        return APPEND(out, err, list);
    }
    return set != NULL ? add_class(reader, set, list, key, complement, err)
                       : append_class(reader, out, list, key, complement, err);
}

/* A backslash and what belongs to it; `set` is NULL outside sets. */
static int read_escape(struct reader *reader, struct buffer *out, struct set *set, struct fs_error *err)
{
    char letter = reader->in[1], lower = (char)tolower((unsigned char)letter);
    if (letter == '\0') {
        return refuse(reader, "found nothing behind \\", err);
    }
    if (lower == 'p' && reader->in[2] == '{') {
        return read_property(reader, out, set, err);
    }
    reader->in += 2;
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        if (letters[i].letter != lower) {
            continue;
        }
        return set == NULL ? append_class(reader, out, letters[i].alone, letters[i].key, lower != letter, err)
                           : add_class(reader, set, letters[i].in_set, letters[i].key, lower != letter, err);
    }
    if (letter == 'v') {
        return APPEND(out, err, "\\x{B}");
    }
    if (letter == 'Q' || letter == 'E') { /* no quotation marks there */
        return append_bytes(out, &letter, 1, err);
    }
    if (lower == 'b' && set == NULL) {
        struct buffer word = {0};
        const char *same = letter == 'b' ? ")(?!" : ")(?=", *unlike = letter == 'b' ? ")(?=" : ")(?!";
        int status = append_class(reader, &word, LONE_WORD, WORD_KEY, false, err);
        if (status == 0) {
            status =
                APPEND(out, err, "(?:(?<=", word.data, same, word.data, ")|(?<!", word.data, unlike, word.data, "))");
        }
        free(word.data);
        return status;
    }
    return append_bytes(out, reader->in - 2, 2, err);
}

/* [:name:] or [:^name:]; 0 where this is no such class. */
static int read_posix(struct reader *reader, struct set *set, struct fs_error *err)
{
    const char *begin = reader->in + 2, *end = begin;
    bool complement = *begin == '^';
    begin += complement;
    end = begin + strspn(begin, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (reader->in[1] != ':' || end[0] != ':' || end[1] != ']') {
        return 0;
    }
    int row = row_of(begin, (size_t)(end - begin));
    const char *list = row < 0 ? NULL : names[row].in_brackets;
    if (list == NULL) {
        return refuse(reader, "a class [:...:] that is not supported", err);
    }
    reader->in = end + 2;
    const char *key = names[row].key_in_brackets != NULL ? names[row].key_in_brackets : names[row].key;
    return add_class(reader, set, list, key, complement, err) ? -1 : 1;
}

static int read_set(struct reader *reader, struct set *set, struct fs_error *err);

/* A set within `set`: what it holds joins it, where no hyphen could make a range of the two. */
static int read_inner(struct reader *reader, struct set *set, struct fs_error *err)
{
    struct set inner = {0};
    struct buffer text = {0};
    size_t count = set->plain.count;
    if (count > 1 && set->plain.data[count - 1] == '-') {
        return refuse(reader, "a range up to a set is not supported", err);
    }
    bool hyphen = count > 0 && set->plain.data[count - 1] == '-';
    int status = read_set(reader, &inner, err);
    if (status == 0) {
        const struct buffer *plain = &inner.plain;
        hyphen = hyphen || (plain->count > 0 && (plain->data[0] == '-' || plain->data[plain->count - 1] == '-'));
        if (!hyphen && !inner.complement && inner.conditions.count == 0) {
            status = (plain->count > 0 && APPEND(&set->plain, err, plain->data)) ||
                             (inner.guarded.count > 0 && APPEND(&set->guarded, err, inner.guarded.data))
                         ? -1
                         : 0;
            if (status == 0 && inner.other.count > 0) {
                status = add_alternative(set, "", inner.other.data, "", err);
            }
        } else {
            status = append_set(reader, &inner, &text, err);
            if (status == 0) {
                status = add_alternative(set, "", text.data, "", err);
            }
        }
    }
    free(text.data);
    release(&inner);
    return status;
}

/* && : what was read so far becomes a condition. */
static int read_and(struct reader *reader, struct set *set, struct fs_error *err)
{
    if (APPEND(&set->conditions, err, "(?=") || append_part(reader, set, &set->conditions, err) ||
        APPEND(&set->conditions, err, ")")) {
        return -1;
    }
    set->plain.count = set->guarded.count = set->other.count = 0;
    reader->in += 2;
    return 0;
}

/* From [ to the ] that belongs to it. */
static int read_set(struct reader *reader, struct set *set, struct fs_error *err)
{
    int status = 0;
    if (++reader->depth > MOST_NESTED) {
        return refuse(reader, "sets within sets too deep", err);
    }
    reader->in++;
    if (*reader->in == '^') {
        set->complement = true;
        reader->in++;
    }
    if (*reader->in == ']') { /* in front it is a character */
        status = APPEND(&set->plain, err, "\\]");
        reader->in++;
    }
    while (status == 0 && *reader->in != ']') {
        if (*reader->in == '\0') {
            return refuse(reader, "found a set without its ]", err);
        }
        bool class = true;
        if (*reader->in == '\\') {
            class = reader->in[1] != '\0' && strchr("dhpswDHPSW", reader->in[1]) != NULL;
            status = read_escape(reader, &set->plain, set, err);
        } else if (*reader->in == '[') {
            int posix = read_posix(reader, set, err);
            status = posix == 0 ? read_inner(reader, set, err) : posix > 0 ? 0 : -1;
        } else if (reader->in[0] == '&' && reader->in[1] == '&') {
            status = read_and(reader, set, err);
        } else {
            class = false;
            status = append_bytes(&set->plain, reader->in++, 1, err);
        }
        if (status == 0 && class && *reader->in == '-') { /* no range begins with a class */
            status = APPEND(&set->plain, err, "\\-");
            reader->in++;
        }
    }
    reader->in++;
    reader->depth--;
    return status;
}

/* (?imx-imx) or (?imx-imx:...): m is PCRE2's s. 0 where these are no options. */
static int read_options(struct reader *reader, struct buffer *out, struct fs_error *err)
{
    size_t length = strspn(reader->in + 2, "imx-");
    if (reader->in[1] != '?' || length == 0 || (reader->in[2 + length] != ':' && reader->in[2 + length] != ')')) {
        return 0;
    }
    for (size_t i = 0; i < length + 2; i++) {
        if (append_bytes(out, reader->in[i] == 'm' ? "s" : reader->in + i, 1, err)) {
            return -1;
        }
    }
    reader->in += length + 2;
    return 1;
}

/* The next bit of the pattern outside sets. */
static int read_next(struct reader *reader, struct buffer *out, struct fs_error *err)
{
    if (*reader->in == '\\') {
        return read_escape(reader, out, NULL, err);
    }
    if (*reader->in == '[') {
        struct set set = {0};
        int status = read_set(reader, &set, err);
        if (status == 0) {
            status = append_set(reader, &set, out, err);
        }
        release(&set);
        return status;
    }
    if (*reader->in == '(') {
        int options = read_options(reader, out, err);
        if (options != 0) {
            return options > 0 ? 0 : -1;
        }
    }
    if (reader->in[0] == '{' && reader->in[1] == ',' && isdigit((unsigned char)reader->in[2])) {
        reader->in++;
        return APPEND(out, err, "{0");
    }
    return append_bytes(out, reader->in++, 1, err);
}

int fs_oniguruma_spell(const char *name, const char *text, enum fs_properties properties, char **spelled,
                       struct fs_error *err)
{
    struct reader reader = {.name = name, .text = text, .in = text};
    struct buffer out = {0};
    int status = properties == FS_AS_ONIGURUMA ? append_newer(&reader.newer, NULL, false, err) : 0;
    *spelled = NULL;
    while (status == 0 && *reader.in) {
        status = read_next(&reader, &out, err);
    }
    free(reader.newer.data);
    if (status) {
        free(out.data);
        return -1;
    }
    *spelled = out.data;
    return 0;
}
