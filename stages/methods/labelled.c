#include "stages/methods/labelled.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/random.h"
#include "stages/methods/word_lookup.h"

#define LEAST_WORDS 5
#define STREAM ((uint64_t)1 << 43)

/* A sentence that may be taken. */
struct candidate {
    const char *sentence;
    size_t index; /* in the text */
    uint64_t key; /* the smaller ones are taken */
    size_t label; /* in its category */
    size_t words; /* that are kept */
    bool biased, twice;
};

/* The candidates of a category. */
struct draw {
    struct candidate *candidate; /* [count] */
    size_t count, capacity;
};

static size_t count_words(const char *sentence)
{
    size_t words = 1;
    for (; *sentence != '\0'; sentence++) {
        words += *sentence == ' ' ? 1 : 0;
    }
    return words;
}

/* The number of the first word of the sentence that is `word`. */
static size_t place_of(const char *sentence, const char *word)
{
    size_t place = 0;
    for (size_t length = strcspn(sentence, " "); !fs_is_word(word, sentence, length) && sentence[length] != '\0';
         length = strcspn(sentence, " ")) {
        sentence += length + 1;
        place++;
    }
    return place;
}

/* Whether each row has two words. */
static bool has_columns(const struct fs_word_lookup *lookup)
{
    for (size_t row = 0; row < lookup->rows.rows; row++) {
        if (lookup->rows.first[row + 1] - lookup->rows.first[row] != 2) {
            return false;
        }
    }
    return true;
}

/* The class of the sentence that was looked at; SIZE_MAX: of none. `*last`: its last attribute word, SIZE_MAX: none. */
static size_t class_of(const struct fs_word_lookup *lookup, bool columns, size_t *last)
{
    bool first = false, second = false;
    *last = SIZE_MAX;
    for (size_t i = 0; i < lookup->words; i++) { /* rows of pairs: even places are the first column */
        if (lookup->found[i]) {
            *last = i;
            first = first || i % 2 == 0;
            second = second || i % 2 == 1;
        }
    }
    if (!columns) {
        return *last != SIZE_MAX ? 0 : 1;
    }
    return first && second ? SIZE_MAX : first ? 0 : second ? 1 : 2;
}

static int add_candidate(struct draw *draw, const struct candidate *candidate, struct fs_error *err)
{
    if (fs_grow(&draw->candidate, &draw->capacity, draw->count + 1, sizeof *draw->candidate, "labelled sentences",
                err) != 0) {
        return -1;
    }
    draw->candidate[draw->count++] = *candidate;
    return 0;
}

static int list_candidates(const struct fs_method_task *task, const struct fs_text_list *sentences,
                           struct fs_word_lookup *lookup, struct draw *draw, struct fs_error *err)
{
    bool columns = has_columns(lookup);
    for (size_t i = 0; i < sentences->count; i++) {
        const char *sentence = fs_text(sentences, i);
        size_t words = count_words(sentence), last;
        (void)fs_word_lookup_in(lookup, sentence, strlen(sentence));
        size_t label = class_of(lookup, columns, &last);
        if (words < LEAST_WORDS || label == SIZE_MAX) {
            continue;
        }
        struct fs_random random = fs_random_start(task->seed, STREAM + i);
        struct candidate candidate = {.sentence = sentence,
                                      .index = i,
                                      .key = fs_random_next(&random),
                                      .label = label,
                                      .biased = last != SIZE_MAX};
        if (candidate.biased) {
            size_t from = place_of(sentence, lookup->rows.word[last]);
            candidate.words = from + fs_random_below(&random, words - from + 1) + 1; /* one more than there are: all */
        } else {
            candidate.words = LEAST_WORDS - 1 + fs_random_below(&random, words - LEAST_WORDS + 2);
        }
        if (add_candidate(draw, &candidate, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int by_text(const void *a, const void *b)
{
    const struct candidate *one = a, *other = b;
    int by = strcmp(one->sentence, other->sentence);
    return by != 0 ? by : (one->index > other->index) - (one->index < other->index);
}

static int by_key(const void *a, const void *b)
{
    const struct candidate *one = a, *other = b;
    int by = (one->key > other->key) - (one->key < other->key);
    return by != 0 ? by : (one->index > other->index) - (one->index < other->index);
}

static int by_index(const void *a, const void *b)
{
    const struct candidate *one = a, *other = b;
    return (one->index > other->index) - (one->index < other->index);
}

/* Leaves what is taken, in the order of the text; taken [classes]: how many of each. */
static void choose(struct draw *draw, size_t most, size_t classes, size_t *taken)
{
    size_t kept = 0;
    qsort(draw->candidate, draw->count, sizeof *draw->candidate, by_text);
    for (size_t i = 1; i < draw->count; i++) {
        draw->candidate[i].twice =
            draw->candidate[i].biased && strcmp(draw->candidate[i].sentence, draw->candidate[i - 1].sentence) == 0;
    }
    qsort(draw->candidate, draw->count, sizeof *draw->candidate, by_key);
    memset(taken, 0, classes * sizeof *taken);
    for (size_t i = 0; i < draw->count; i++) {
        const struct candidate candidate = draw->candidate[i];
        if (!candidate.twice && taken[candidate.label] < most) {
            taken[candidate.label]++;
            draw->candidate[kept++] = candidate;
        }
    }
    draw->count = kept;
    qsort(draw->candidate, draw->count, sizeof *draw->candidate, by_index);
}

/* The first `words` words, at most all. */
static size_t clipped_length(const char *sentence, size_t words)
{
    const char *end = sentence;
    while (words > 0 && *end != '\0') {
        end += strcspn(end, " ");
        words--;
        if (words > 0 && *end == ' ') {
            end++;
        }
    }
    return (size_t)(end - sentence);
}

static int add_chosen(struct fs_labelled *labelled, const struct draw *draw, struct fs_error *err)
{
    for (size_t i = 0; i < draw->count; i++) {
        const struct candidate *candidate = &draw->candidate[i];
        if (fs_grow(&labelled->label, &labelled->capacity, labelled->texts.count + 1, 1, "labelled sentences", err) !=
                0 ||
            fs_text_list_add(&labelled->texts, candidate->sentence,
                             clipped_length(candidate->sentence, candidate->words), err) != 0) {
            return -1;
        }
        labelled->label[labelled->texts.count - 1] = (unsigned char)(labelled->classes + candidate->label);
    }
    return 0;
}

static int add_category(const struct fs_method_task *task, const struct fs_text_list *sentences, const char *category,
                        size_t most, struct fs_labelled *labelled, struct fs_error *err)
{
    struct fs_word_lookup lookup;
    struct draw draw = {0};
    size_t taken[3], classes = 0;
    int status = fs_word_lookup_make(task->words, category, &lookup, err);
    if (status == 0) {
        status = list_candidates(task, sentences, &lookup, &draw, err);
        classes = has_columns(&lookup) ? 3 : 2;
    }
    if (status == 0 && draw.count > 0) {
        choose(&draw, most, classes, taken);
        status = add_chosen(labelled, &draw, err);
    }
    for (size_t i = 0; status == 0 && i < classes; i++) {
        if (draw.count == 0 || taken[i] == 0) {
            status =
                fs_error_set(err, FS_EXIT_DATA,
                             "%s: found no sentence of five words and more of class %zu of %zu of category \"%s\"; "
                             "name a longer text as edit.text, or leave the category out",
                             task->text, i + 1, classes, category);
        }
    }
    labelled->classes += classes;
    labelled->part[++labelled->categories] = (struct fs_labelled_part){labelled->texts.count, labelled->classes};
    fs_word_lookup_release(&lookup);
    free(draw.candidate);
    return status;
}

int fs_labelled_make(const struct fs_method_task *task, size_t most, struct fs_labelled *labelled, struct fs_error *err)
{
    struct fs_text_list sentences = {0};
    const char **category = NULL;
    size_t categories = 0;
    *labelled = (struct fs_labelled){0};
    int status = fs_list_categories(task, &category, &categories, err);
    if (status == 0 && categories > UCHAR_MAX / 3) {
        status =
            fs_error_set(err, FS_EXIT_DATA, "found %zu categories, expected at most %d", categories, UCHAR_MAX / 3);
    }
    if (status == 0) {
        labelled->part = fs_allocate(categories + 1, sizeof *labelled->part, "labelled sentences", err);
        status = labelled->part != NULL ? fs_sentences_read(task->text, &sentences, err) : -1;
    }
    for (size_t k = 0; status == 0 && k < categories; k++) {
        status = add_category(task, &sentences, category[k], most, labelled, err);
    }
    fs_text_list_release(&sentences);
    free(category);
    return status;
}

void fs_labelled_release(struct fs_labelled *labelled)
{
    fs_text_list_release(&labelled->texts);
    free(labelled->label);
    free(labelled->part);
    *labelled = (struct fs_labelled){0};
}
