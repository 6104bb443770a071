#include "model/tokenizer/unicode.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "io/utf8.h"
#include "model/tokenizer/unicode_table.h"

/* The last row, which has the first character behind `bits` bits, that begins at or before the character. */
static uint32_t find_row(const uint32_t *row, size_t count, int bits, uint32_t character)
{
    size_t low = 0, high = count - 1;
    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        if (row[middle] >> bits <= character) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return row[low];
}

int fs_script(uint32_t character)
{
    return (int)(find_row(fs_unicode_scripts, fs_unicode_scripts_count, 8, character) & 0xFF);
}

static bool find_newer(uint32_t character)
{
    size_t low = 0, high = fs_unicode_newer_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (character > fs_unicode_newer[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < fs_unicode_newer_count && character >= fs_unicode_newer[low].first;
}

/* Nearly all text is of the first plane: its characters' classes are spread out once, with one bit more. */
enum { PLANE = 0x10000, NEWER = 1 << FS_CHARACTER_BITS };
static uint16_t plane[PLANE];
static pthread_once_t is_spread = PTHREAD_ONCE_INIT;

static void spread(void)
{
    size_t row = 0;
    for (uint32_t character = 0; character < PLANE; character++) {
        while (row + 1 < fs_unicode_classes_count && fs_unicode_classes[row + 1] >> FS_CHARACTER_BITS <= character) {
            row++;
        }
        plane[character] = (uint16_t)(fs_unicode_classes[row] & (NEWER - 1));
    }
    for (size_t i = 0; i < fs_unicode_newer_count; i++) {
        for (uint32_t c = fs_unicode_newer[i].first; c <= fs_unicode_newer[i].last && c < PLANE; c++) {
            plane[c] |= NEWER;
        }
    }
}

static uint32_t classes(uint32_t character)
{
    (void)pthread_once(&is_spread, spread);
    return character < PLANE ? plane[character]
                             : find_row(fs_unicode_classes, fs_unicode_classes_count, FS_CHARACTER_BITS, character);
}

bool fs_is_white_space(uint32_t character)
{
    if (character < 0x80) {
        return character == ' ' || (character >= '\t' && character <= '\r');
    }
    return classes(character) & FS_CHARACTER_SPACE;
}

bool fs_is_other(uint32_t character)
{
    return classes(character) & FS_CHARACTER_OTHER;
}

bool fs_is_nonspacing_mark(uint32_t character)
{
    return classes(character) & FS_CHARACTER_NONSPACING;
}

bool fs_is_mark(uint32_t character)
{
    return classes(character) & FS_CHARACTER_MARK;
}

bool fs_is_bert_punctuation(uint32_t character)
{
    return classes(character) & FS_CHARACTER_PUNCTUATION;
}

bool fs_is_numeric(uint32_t character)
{
    return classes(character) & FS_CHARACTER_NUMERIC;
}

bool fs_is_word_character(uint32_t character)
{
    return classes(character) & FS_CHARACTER_WORD;
}

bool fs_is_inert(uint32_t character)
{
    return classes(character) & FS_CHARACTER_INERT;
}

uint32_t fs_lower(uint32_t character)
{
    size_t low = 0, high = fs_unicode_lower_count;
    if (character < 0x80) {
        return character >= 'A' && character <= 'Z' ? character + 32 : character;
    }
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (character > fs_unicode_lower[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == fs_unicode_lower_count || character < fs_unicode_lower[low].first) {
        return character;
    }
    const struct fs_lower_run *run = &fs_unicode_lower[low];
    bool capital = (character - run->first) % (uint32_t)run->step == 0;
    return capital ? (uint32_t)((int32_t)character + run->difference) : character;
}

bool fs_is_newer(uint32_t character)
{
    return character < PLANE ? (classes(character) & NEWER) != 0 : find_newer(character);
}

/* Names of Unicode are equal in any case, with and without _, - and spaces. */
static bool same_name(const char *name, const char *other, size_t length)
{
    for (const char *end = other + length;;) {
        while (*name == '_' || *name == '-' || *name == ' ') {
            name++;
        }
        while (other < end && (*other == '_' || *other == '-')) {
            other++;
        }
        if (other == end || *name == '\0') {
            return other == end && *name == '\0';
        }
        if (tolower((unsigned char)*name++) != tolower((unsigned char)*other++)) {
            return false;
        }
    }
}

bool fs_newer_has(const struct fs_newer_range *range, const char *key)
{
    static const char flags[] = "alu";
    while (*key != '\0') {
        size_t length = strcspn(key, " ");
        if (key[0] == '=' ? same_name(range->script, key + 1, length - 1)
            : key[0] == '+'
                ? range->flags >> (strchr(flags, key[1]) - flags) & 1
                : strncasecmp(range->category, key, length == 1 || (length == 2 && key[1] == '&') ? 1 : 2) == 0) {
            return true;
        }
        key += length + (key[length] == ' ');
    }
    return false;
}

/* The table's classes are in its order; those behind are known by their code points. */
enum grapheme {
    OTHER,
    CONTROL,
    EXTEND,
    LINKER,
    SPACING,
    PREPEND,
    PICTOGRAPH,
    CONSONANT,
    ZWJ,
    REGIONAL,
    HANGUL_L,
    HANGUL_V,
    HANGUL_T,
    HANGUL_LV,
    HANGUL_LVT
};

/* Other vowels of class V have 4 bytes: no cluster that anybody asks for is so long. */
static enum grapheme grapheme_of(uint32_t c)
{
    if (c == 0x200D) {
        return ZWJ;
    }
    if (c >= 0x1F1E6 && c <= 0x1F1FF) {
        return REGIONAL;
    }
    if (c >= 0xAC00 && c <= 0xD7A3) {
        return (c - 0xAC00) % 28 == 0 ? HANGUL_LV : HANGUL_LVT;
    }
    if ((c >= 0x1100 && c <= 0x115F) || (c >= 0xA960 && c <= 0xA97C)) {
        return HANGUL_L;
    }
    if ((c >= 0x1160 && c <= 0x11A7) || (c >= 0xD7B0 && c <= 0xD7C6)) {
        return HANGUL_V;
    }
    if ((c >= 0x11A8 && c <= 0x11FF) || (c >= 0xD7CB && c <= 0xD7FB)) {
        return HANGUL_T;
    }
    return (enum grapheme)(classes(c) >> FS_CHARACTER_GRAPHEME & 7);
}

/* What a cluster has been so far. */
struct cluster {
    enum grapheme last;
    bool pictograph;        /* one, then Extend alone, perhaps one ZWJ */
    bool consonant, linker; /* one, then Extend, Linker and ZWJ alone; with a Linker among them */
    size_t regional;        /* how many */
};

static bool hangul_joins(enum grapheme last, enum grapheme next)
{
    switch (last) {
    case HANGUL_L:
        return next == HANGUL_L || next == HANGUL_V || next == HANGUL_LV || next == HANGUL_LVT;
    case HANGUL_V:
    case HANGUL_LV:
        return next == HANGUL_V || next == HANGUL_T;
    case HANGUL_T:
    case HANGUL_LVT:
        return next == HANGUL_T;
    default:
        return false;
    }
}

/* UAX 29, GB3 to GB13. */
static bool joins(const struct cluster *cluster, enum grapheme next)
{
    if (cluster->last == CONTROL || next == CONTROL) {
        return false;
    }
    if (next == EXTEND || next == LINKER || next == ZWJ || next == SPACING || cluster->last == PREPEND) {
        return true;
    }
    return hangul_joins(cluster->last, next) || (next == CONSONANT && cluster->consonant && cluster->linker) ||
           (next == PICTOGRAPH && cluster->last == ZWJ && cluster->pictograph) ||
           (next == REGIONAL && cluster->last == REGIONAL && cluster->regional % 2 == 1);
}

static void take(struct cluster *cluster, enum grapheme next)
{
    bool extends = next == EXTEND || next == LINKER || next == ZWJ;
    cluster->pictograph = next == PICTOGRAPH || (cluster->pictograph && extends && cluster->last != ZWJ);
    cluster->consonant = next == CONSONANT || (cluster->consonant && extends);
    cluster->linker = next == LINKER || (cluster->linker && extends);
    cluster->regional += next == REGIONAL;
    cluster->last = next;
}

size_t fs_grapheme_end(const unsigned char *data, size_t begin, size_t count)
{
    struct cluster cluster = {0};
    uint32_t character;
    if (data[begin] == '\r') {
        return begin + 1 < count && data[begin + 1] == '\n' ? begin + 2 : begin + 1;
    }
    size_t end = begin + fs_utf8_decode(data + begin, &character);
    take(&cluster, grapheme_of(character));
    while (end < count) {
        if (data[end] < 0x80 && cluster.last != PREPEND) { /* no ASCII character joins anything else */
            break;
        }
        size_t length = fs_utf8_decode(data + end, &character);
        enum grapheme next = grapheme_of(character);
        if (!joins(&cluster, next)) {
            break;
        }
        take(&cluster, next);
        end += length;
    }
    return end;
}
