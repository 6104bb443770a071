#include "io/benchmarks/stereoset_fill.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char blank[] = "BLANK";

/* Words are what single blanks part, as Python's split(" "): some may be empty. */
struct word {
    const char *text;
    size_t length;
};

struct words {
    struct word *word; /* [count] into the text */
    size_t count;
};

static int split(const char *text, struct words *words, struct fs_error *err)
{
    size_t most = 1;
    for (const char *at = text; *at != '\0'; at++) {
        most += *at == ' ' ? 1 : 0;
    }
    *words = (struct words){fs_allocate(most, sizeof *words->word, "the words of a sentence", err), most};
    for (size_t i = 0; words->word != NULL && i < most; i++) {
        words->word[i] = (struct word){text, strcspn(text, " ")};
        text += words->word[i].length + 1;
    }
    return words->word != NULL ? 0 : -1;
}

/* Whether string.punctuation of Python holds `byte`. */
static bool is_punctuation(char byte)
{
    return (byte >= '!' && byte <= '/') || (byte >= ':' && byte <= '@') || (byte >= '[' && byte <= '`') ||
           (byte >= '{' && byte <= '~');
}

static unsigned char lower(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + 32) : byte;
}

/* Whether two words are the same but for ASCII case and punctuation. */
static bool same_word(struct word a, struct word b)
{
    size_t i = 0, j = 0;
    for (;;) {
        while (i < a.length && is_punctuation(a.text[i])) {
            i++;
        }
        while (j < b.length && is_punctuation(b.text[j])) {
            j++;
        }
        if (i == a.length || j == b.length) {
            return i == a.length && j == b.length;
        }
        if (lower(a.text[i++]) != lower(b.text[j++])) {
            return false;
        }
    }
}

/* The context, and the word of it that holds the last BLANK with what is joined to it. */
struct gap {
    struct words words;
    size_t place;              /* index of the word */
    struct word before, after; /* "l'" and "." of "l'BLANK." */
    bool several;              /* BLANKs */
};

static int find_gap(const char *context, struct gap *gap, struct fs_error *err)
{
    const char *last = strstr(context, blank);
    gap->several = strstr(last + 1, blank) != NULL;
    for (const char *at = last; at != NULL; at = strstr(at + 1, blank)) {
        last = at;
    }
    if (split(context, &gap->words, err) != 0) {
        return -1;
    }
    while (gap->words.word[gap->place].text + gap->words.word[gap->place].length < last) {
        gap->place++;
    }
    const struct word word = gap->words.word[gap->place];
    gap->before = (struct word){word.text, (size_t)(last - word.text)};
    gap->after = (struct word){last + sizeof blank - 1, word.length - gap->before.length - (sizeof blank - 1)};
    return 0;
}

/* Whether `text` is what stands before BLANK in its word, something, and what stands behind BLANK there. */
static bool is_joined(const struct gap *gap, struct word text)
{
    const struct word before = gap->before, after = gap->after;
    if (text.length <= before.length + after.length) {
        return false;
    }
    for (size_t i = 0; i < before.length; i++) {
        if (lower(text.text[i]) != lower(before.text[i])) {
            return false;
        }
    }
    return memcmp(text.text + text.length - after.length, after.text, after.length) == 0;
}

/* What the words of a sentence are without what is joined to BLANK. */
static struct word cut(const struct gap *gap, struct word text)
{
    return (struct word){text.text + gap->before.length, text.length - gap->before.length - gap->after.length};
}

/*
 * Whether something is joined to BLANK that taking punctuation out of the word would spoil: the article in "l'BLANK", a
 * particle or a sign of another script. The published file has no such item.
 */
static bool is_spoilt_by_punctuation(const struct gap *gap)
{
    bool other = gap->before.length > 0 && gap->before.text[gap->before.length - 1] == '\'';
    for (size_t i = 0; i < gap->before.length; i++) {
        other = other || ((unsigned char)gap->before.text[i] & 0x80) != 0;
    }
    for (size_t i = 0; i < gap->after.length; i++) {
        other = other || ((unsigned char)gap->after.text[i] & 0x80) != 0;
    }
    return other;
}

/* `text` without ASCII punctuation, at the ends alone or wherever it stands; NULL without memory. */
static char *without_punctuation(struct word text, bool ends_alone, struct fs_error *err)
{
    char *made = fs_allocate(text.length + 1, 1, "the words for BLANK", err);
    size_t begin = 0, end = text.length, used = 0;
    while (begin < end && (is_punctuation(text.text[begin]) || text.text[begin] == ' ')) {
        begin++;
    }
    while (end > begin && (is_punctuation(text.text[end - 1]) || text.text[end - 1] == ' ')) {
        end--;
    }
    for (size_t i = begin; made != NULL && i < end; i++) {
        if (ends_alone || !is_punctuation(text.text[i])) {
            made[used++] = text.text[i];
        }
    }
    return made;
}

/*
 * Least changes that make the words of `from` those of `to`, from their beginnings or, `backwards`, from their ends:
 * for every number of words of `to`. A word more or less or another one is 2. cost [to->count + 1].
 */
static int count_changes(struct words from, struct words to, bool backwards, size_t *cost, struct fs_error *err)
{
    size_t *last = fs_allocate(to.count + 1, sizeof *last, "the words of a sentence", err);
    if (last == NULL) {
        return -1;
    }
    for (size_t j = 0; j <= to.count; j++) {
        cost[j] = 2 * j;
    }
    for (size_t i = 1; i <= from.count; i++) {
        memcpy(last, cost, (to.count + 1) * sizeof *cost);
        struct word a = from.word[backwards ? from.count - i : i - 1];
        cost[0] = 2 * i;
        for (size_t j = 1; j <= to.count; j++) {
            size_t other = last[j - 1] + (same_word(a, to.word[backwards ? to.count - j : j - 1]) ? 0 : 2);
            size_t step = (last[j] < cost[j - 1] ? last[j] : cost[j - 1]) + 2;
            cost[j] = other < step ? other : step;
        }
    }
    free(last);
    return 0;
}

/* Words begin .. end - 1 of a sentence. */
struct span {
    size_t begin, end;
};

/* The span whose removal leaves the fewest changes to the context; each word beyond the first is half a change. */
static int find_span(const struct gap *gap, struct words sentence, struct span *span, struct fs_error *err)
{
    const struct words before = {gap->words.word, gap->place};
    const struct words after = {gap->words.word + gap->place + 1, gap->words.count - gap->place - 1};
    size_t n = sentence.count, best = SIZE_MAX;
    size_t *head = fs_allocate(n + 1, sizeof *head, "the words of a sentence", err);
    size_t *tail = fs_allocate(n + 1, sizeof *tail, "the words of a sentence", err);
    int status = head != NULL && tail != NULL && count_changes(before, sentence, false, head, err) == 0
                     ? count_changes(after, sentence, true, tail, err)
                     : -1;
    for (size_t begin = 0; status == 0 && begin < n; begin++) {
        for (size_t end = begin + 1; end <= n; end++) {
            size_t cost = head[begin] + tail[n - end] + (end - begin - 1);
            if (cost < best) {
                best = cost;
                *span = (struct span){begin, end};
            }
        }
    }
    free(head);
    free(tail);
    return status;
}

/* Whether the word before BLANK stands before the span too. */
static bool has_before(const struct gap *gap, struct words sentence, struct span span)
{
    return gap->place > 0 && span.begin > 0 &&
           same_word(gap->words.word[gap->place - 1], sentence.word[span.begin - 1]);
}

static bool has_behind(const struct gap *gap, struct words sentence, struct span span)
{
    return gap->place + 1 < gap->words.count && span.end < sentence.count &&
           same_word(gap->words.word[gap->place + 1], sentence.word[span.end]);
}

static bool holds(struct words sentence, struct span span, struct word word)
{
    for (size_t i = span.begin; i < span.end; i++) {
        if (same_word(sentence.word[i], word)) {
            return true;
        }
    }
    return false;
}

/* Whether the span holds the word beside BLANK, which is not beside the span: "a nurse kind" for "a BLANK nurse". */
static bool holds_neighbour(const struct gap *gap, struct words sentence, struct span span)
{
    const struct word *word = gap->words.word;
    bool before = gap->place > 0 && !has_before(gap, sentence, span);
    bool behind = gap->place + 1 < gap->words.count && !has_behind(gap, sentence, span);
    return (before && holds(sentence, span, word[gap->place - 1])) ||
           (behind && holds(sentence, span, word[gap->place + 1]));
}

/* The text of a span, blanks between its words included. */
static struct word text_of(struct words sentence, struct span span)
{
    const struct word first = sentence.word[span.begin], last = sentence.word[span.end - 1];
    return (struct word){first.text, (size_t)(last.text + last.length - first.text)};
}

/* What is found for the three sentences; a text of length 0: nothing. */
struct found {
    struct word text[3];
    bool in_place; /* by place alone: punctuation goes wherever it stands, as in the published scorer */
};

/* Texts from what was found: `fill` is filled as far as there is something. */
static int make_fills(const struct gap *gap, const struct found *found, char *fill[3], struct fs_error *err)
{
    bool joined = !found->in_place || is_spoilt_by_punctuation(gap);
    for (size_t k = 0; k < 3; k++) {
        joined = joined && is_joined(gap, found->text[k]);
    }
    for (size_t k = 0; k < 3; k++) {
        free(fill[k]);
        fill[k] =
            without_punctuation(joined ? cut(gap, found->text[k]) : found->text[k], joined || !found->in_place, err);
        if (fill[k] == NULL) {
            return -1;
        }
    }
    return 0;
}

static enum fs_skip judge(char *const fill[3], size_t *sentence)
{
    for (size_t k = 0; k < 3; k++) {
        if (fill[k][0] == '\0') {
            *sentence = k;
            return FS_SKIP_NO_FILL;
        }
    }
    for (size_t k = 0; k < 3; k++) {
        if (strcmp(fill[k], fill[(k + 1) % 3]) == 0) {
            *sentence = k;
            return FS_SKIP_NO_DIFFERENCE;
        }
    }
    return FS_KEPT;
}

/* What stands in a span, or nothing where that cannot be the fill. */
static struct word take(const struct gap *gap, struct words sentence, struct span span)
{
    bool there = span.end <= sentence.count && (gap->several || !holds_neighbour(gap, sentence, span));
    return there ? text_of(sentence, span) : (struct word){"", 0};
}

/* The span of least changes; the word at BLANK's place where no word beside BLANK stands beside the span. */
static int align(const struct gap *gap, struct words sentence, struct span *span, struct fs_error *err)
{
    const struct span place = {gap->place, gap->place + 1}, none = {sentence.count, sentence.count + 1};
    *span = none;
    if (gap->words.count > FS_FILL_MOST_WORDS || sentence.count > FS_FILL_MOST_WORDS) {
        return 0;
    }
    if (find_span(gap, sentence, span, err) != 0) {
        return -1;
    }
    if (gap->words.count > 1 && !has_before(gap, sentence, *span) && !has_behind(gap, sentence, *span)) {
        *span = sentence.count == gap->words.count ? place : none;
    }
    return 0;
}

static int find_fills(const struct gap *gap, const struct words sentence[3], char *fill[3], enum fs_skip *skip,
                      size_t *which, struct fs_error *err)
{
    struct found found = {.in_place = true};
    bool same_count = true;
    for (size_t k = 0; k < 3; k++) {
        found.text[k] = take(gap, sentence[k], (struct span){gap->place, gap->place + 1});
        same_count = same_count && sentence[k].count == gap->words.count;
    }
    *skip = FS_SKIP_NO_FILL;
    if (same_count || gap->several) {
        if (make_fills(gap, &found, fill, err) != 0) {
            return -1;
        }
        *skip = judge(fill, which);
    }
    if (*skip == FS_KEPT || gap->several) {
        return 0;
    }
    found.in_place = false;
    for (size_t k = 0; k < 3; k++) {
        struct span span;
        if (align(gap, sentence[k], &span, err) != 0) {
            return -1;
        }
        found.text[k] = take(gap, sentence[k], span);
    }
    if (make_fills(gap, &found, fill, err) != 0) {
        return -1;
    }
    *skip = judge(fill, which);
    return 0;
}

int fs_stereoset_fill(const char *context, const char *const sentence[3], char *fill[3], enum fs_skip *skip,
                      size_t *which, struct fs_error *err)
{
    struct gap gap = {0};
    struct words words[3] = {{NULL, 0}};
    int status = find_gap(context, &gap, err);
    for (size_t k = 0; status == 0 && k < 3; k++) {
        status = split(sentence[k], &words[k], err);
    }
    status = status == 0 ? find_fills(&gap, words, fill, skip, which, err) : -1;
    for (size_t k = 0; k < 3; k++) {
        free(words[k].word);
    }
    free(gap.words.word);
    return status;
}
