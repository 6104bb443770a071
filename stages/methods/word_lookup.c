#include "stages/methods/word_lookup.h"

#include <stdlib.h>
#include <string.h>

struct fs_word_entry {
    const char *word;
    size_t index; /* in the table's order */
};

static int compare_entries(const void *a, const void *b)
{
    const struct fs_word_entry *one = a, *other = b;
    int by = strcmp(one->word, other->word);
    return by != 0 ? by : (one->index > other->index) - (one->index < other->index);
}

void fs_word_lookup_release(struct fs_word_lookup *lookup)
{
    fs_attribute_rows_release(&lookup->rows);
    free(lookup->found);
    free(lookup->sorted);
    *lookup = (struct fs_word_lookup){0};
}

int fs_word_lookup_make(const struct fs_attribute_table *table, const char *category, struct fs_word_lookup *lookup,
                        struct fs_error *err)
{
    *lookup = (struct fs_word_lookup){0};
    if (fs_attribute_rows_make(table, category, &lookup->rows, err) != 0) {
        return -1;
    }
    lookup->words = lookup->rows.first[lookup->rows.rows];
    lookup->sorted = fs_allocate(lookup->words, sizeof *lookup->sorted, "attribute words", err);
    lookup->found = fs_allocate(lookup->words, sizeof *lookup->found, "attribute words", err);
    if (lookup->sorted == NULL || lookup->found == NULL) {
        return -1;
    }
    for (size_t i = 0; i < lookup->words; i++) {
        lookup->sorted[i] = (struct fs_word_entry){lookup->rows.word[i], i};
    }
    qsort(lookup->sorted, lookup->words, sizeof *lookup->sorted, compare_entries);
    return 0;
}

bool fs_is_word(const char *word, const char *text, size_t length)
{
    return strncmp(word, text, length) == 0 && word[length] == '\0';
}

/* The first entry that is not before the `length` bytes of `text`. */
static size_t first_entry(const struct fs_word_lookup *lookup, const char *text, size_t length)
{
    size_t low = 0, high = lookup->words;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strncmp(lookup->sorted[middle].word, text, length) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool fs_word_lookup_in(struct fs_word_lookup *lookup, const char *sentence, size_t length)
{
    bool any = false;
    if (lookup->words > 0) {
        memset(lookup->found, 0, lookup->words * sizeof *lookup->found);
    }
    for (size_t begin = 0; begin < length; begin++) {
        size_t end = begin;
        while (end < length && sentence[end] != ' ') {
            end++;
        }
        for (size_t i = end > begin ? first_entry(lookup, sentence + begin, end - begin) : lookup->words;
             i < lookup->words && strncmp(lookup->sorted[i].word, sentence + begin, end - begin) == 0; i++) {
            if (fs_is_word(lookup->sorted[i].word, sentence + begin, end - begin)) {
                lookup->found[lookup->sorted[i].index] = any = true;
            }
        }
        begin = end;
    }
    return any;
}

int fs_list_categories(const struct fs_method_task *task, const char ***name, size_t *count, struct fs_error *err)
{
    size_t own = 0, all = 0;
    while (task->categories != NULL && task->categories[own] != NULL) {
        own++;
    }
    while (fs_attribute_category(task->words, all) != NULL) {
        all++;
    }
    *count = task->categories != NULL ? own : all;
    *name = fs_allocate(*count, sizeof **name, "categories", err);
    for (size_t i = 0; *name != NULL && i < *count; i++) {
        (*name)[i] = task->categories != NULL ? task->categories[i] : fs_attribute_category(task->words, i);
    }
    return *name != NULL ? 0 : -1;
}
