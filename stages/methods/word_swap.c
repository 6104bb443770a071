#include "stages/methods/word_swap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"
#include "model/numbers/random.h"
#include "model/tokenizer/unicode.h"

enum { LONGEST_WORD = 256, MOST_COLUMNS = 64 };

struct fs_word_place {
    const char *key;
    size_t index, row, column; /* index: in the table's order */
};

/* out: the word in small letters, with a 0 behind it; its bytes, SIZE_MAX where they are more than LONGEST_WORD - 8. */
static size_t lower(const char *word, size_t length, char out[LONGEST_WORD])
{
    size_t used = 0;
    for (size_t at = 0; at < length; at += fs_utf8_length((unsigned char)word[at])) {
        uint32_t character;
        if (used > LONGEST_WORD - 8) {
            return SIZE_MAX;
        }
        fs_utf8_decode((const unsigned char *)word + at, &character);
        used += fs_utf8_encode(fs_lower(character), (unsigned char *)out + used);
    }
    out[used] = '\0';
    return used;
}

static int compare(const void *a, const void *b)
{
    const struct fs_word_place *one = a, *other = b;
    int by = strcmp(one->key, other->key);
    return by != 0 ? by : (one->index > other->index) - (one->index < other->index);
}

void fs_word_swap_release(struct fs_word_swap *swap)
{
    fs_attribute_rows_release(&swap->rows);
    free(swap->sorted);
    free(swap->keys);
    *swap = (struct fs_word_swap){0};
}

/* Keys of all words, in `swap->keys`. A word that is too long to be looked up has the key "", which no word is. */
static void fill(struct fs_word_swap *swap)
{
    for (size_t row = 0; row < swap->rows.rows; row++) {
        size_t first = swap->rows.first[row], end = swap->rows.first[row + 1];
        swap->columns = end - first > swap->columns ? end - first : swap->columns;
        for (size_t i = first; i < end; i++) {
            const char *word = swap->rows.word[i];
            char *key = swap->keys + i * LONGEST_WORD;
            size_t length = strlen(word);
            if (length > LONGEST_WORD - 8 || (swap->letters == FS_CASE_FOLD && lower(word, length, key) == SIZE_MAX)) {
                key[0] = '\0';
            } else if (swap->letters == FS_CASE_EXACT) {
                memcpy(key, word, length + 1);
            }
            swap->sorted[i] = (struct fs_word_place){key, i, row, i - first};
        }
    }
    qsort(swap->sorted, swap->words, sizeof *swap->sorted, compare);
}

int fs_word_swap_make(const struct fs_attribute_table *table, const char *category, enum fs_word_case letters,
                      uint64_t seed, struct fs_word_swap *swap, struct fs_error *err)
{
    *swap = (struct fs_word_swap){.letters = letters, .seed = seed};
    if (fs_attribute_rows_make(table, category, &swap->rows, err) != 0) {
        return -1;
    }
    swap->words = swap->rows.first[swap->rows.rows];
    swap->sorted = fs_allocate(swap->words, sizeof *swap->sorted, "attribute words", err);
    swap->keys = fs_allocate(swap->words, LONGEST_WORD, "attribute words", err);
    if (swap->sorted == NULL || swap->keys == NULL) {
        return -1;
    }
    fill(swap);
    if (swap->columns > MOST_COLUMNS) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "data.attribute_words: %s: found a row of %zu words, expected at most %d", category,
                            swap->columns, MOST_COLUMNS);
    }
    return 0;
}

/* The last row's that has it; NULL: none. */
static const struct fs_word_place *find(const struct fs_word_swap *swap, const char *key)
{
    size_t low = 0, high = swap->words;
    while (low < high) { /* the first that is behind it */
        size_t middle = low + (high - low) / 2;
        if (strcmp(swap->sorted[middle].key, key) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && key[0] != '\0' && strcmp(swap->sorted[low - 1].key, key) == 0 ? &swap->sorted[low - 1] : NULL;
}

/* `*marks`: bytes of the mark behind the entry. */
static const struct fs_word_place *look_up(const struct fs_word_swap *swap, const char *word, size_t length,
                                           size_t *marks)
{
    char key[LONGEST_WORD];
    size_t used = length;
    if (length > LONGEST_WORD - 8) {
        return NULL;
    }
    if (swap->letters == FS_CASE_FOLD) {
        used = lower(word, length, key);
    } else {
        memcpy(key, word, length);
        key[length] = '\0';
    }
    if (used == SIZE_MAX || used == 0) {
        return NULL;
    }
    char mark = key[used - 1];
    *marks = 0;
    if (strchr(".,?!;:", mark) != NULL) {
        key[used - 1] = '\0';
        const struct fs_word_place *place = find(swap, key);
        if (place != NULL) {
            *marks = 1;
            return place;
        }
        key[used - 1] = mark;
    }
    return find(swap, key);
}

static int append(struct fs_growing_text *out, const char *bytes, size_t count, struct fs_error *err)
{
    if (fs_grow(&out->bytes, &out->capacity, out->used + count, 1, "a line of a text", err) != 0) {
        return -1;
    }
    memcpy(out->bytes + out->used, bytes, count);
    out->used += count;
    return 0;
}

static bool is_capital(const char *text)
{
    uint32_t character;
    fs_utf8_decode((const unsigned char *)text, &character);
    return fs_lower(character) != character;
}

/* Whether the word has two letters or more, and no small one. */
static bool is_all_capitals(const char *word, size_t length)
{
    size_t letters = 0;
    for (size_t at = 0; at < length; at += fs_utf8_length((unsigned char)word[at])) {
        if (word[at] >= 'a' && word[at] <= 'z') {
            return false;
        }
        letters += is_capital(word + at) ? 1 : 0;
    }
    return letters > 1;
}

/* The first `count` letters of the text get capitals; of those that are not ASCII's none does. */
static void capitalise(char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
    }
}

/* Of each column, a number in [0, 1) that says its partner. */
static void draw(const struct fs_word_swap *swap, uint64_t line, double *partner)
{
    struct fs_random random = fs_random_start(swap->seed, line);
    for (size_t c = 0; c < swap->columns; c++) {
        partner[c] = fs_random_uniform(&random);
    }
}

/* Writes what stands for a word. */
static int exchange(const struct fs_word_swap *swap, const struct fs_word_place *place, const double *partner,
                    const char *word, size_t length, struct fs_growing_text *out, struct fs_error *err)
{
    size_t first = swap->rows.first[place->row], columns = swap->rows.first[place->row + 1] - first;
    size_t other = (size_t)(partner[place->column] * (double)(columns - 1)), begin = out->used;
    other += other >= place->column ? 1 : 0;
    const char *replacement = swap->rows.word[first + other];
    if (append(out, replacement, strlen(replacement), err) != 0) {
        return -1;
    }
    if (swap->letters == FS_CASE_FOLD && is_all_capitals(word, length)) {
        capitalise(out->bytes + begin, out->used - begin);
    } else if (swap->letters == FS_CASE_FOLD && is_capital(word) && out->used > begin) {
        capitalise(out->bytes + begin, 1);
    }
    return 0;
}

/* Where the word, or the white space, ends that begins at `begin`. */
static size_t end_of(const char *text, size_t begin, size_t length, bool space)
{
    size_t at = begin;
    while (at < length) {
        uint32_t character;
        size_t bytes = fs_utf8_decode((const unsigned char *)text + at, &character);
        if (fs_is_white_space(character) != space) {
            break;
        }
        at += bytes;
    }
    return at;
}

int fs_word_swap_line(const struct fs_word_swap *swap, const char *text, size_t length, uint64_t line,
                      struct fs_growing_text *out, size_t *exchanged, struct fs_error *err)
{
    double partner[MOST_COLUMNS];
    out->used = *exchanged = 0;
    draw(swap, line, partner);
    for (size_t at = 0; at < length;) {
        size_t word = end_of(text, at, length, true), end = end_of(text, word, length, false), marks = 0;
        const struct fs_word_place *place = end > word ? look_up(swap, text + word, end - word, &marks) : NULL;
        bool alone = place != NULL && swap->rows.first[place->row + 1] - swap->rows.first[place->row] < 2;
        if (append(out, text + at, word - at, err) != 0) {
            return -1;
        }
        if (place == NULL || alone) {
            if (append(out, text + word, end - word, err) != 0) {
                return -1;
            }
        } else {
            if (exchange(swap, place, partner, text + word, end - word - marks, out, err) != 0 ||
                append(out, text + end - marks, marks, err) != 0) {
                return -1;
            }
            ++*exchanged;
        }
        at = end;
    }
    return 0;
}
