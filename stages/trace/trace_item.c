#include "stages/trace/trace_item.h"

#include <stdlib.h>
#include <string.h>

/*
 * A prompt as tokens. Byte offsets count in before + one separating byte + after, so that a place in the text has one
 * number; special tokens cover no byte.
 */
struct prompt {
    size_t count;
    int32_t *id;   /* [count] */
    size_t *begin; /* [count] first byte */
    size_t *end;   /* [count] one behind the last byte */
    size_t read;
    int32_t object;
    enum fs_skip skip;
};

static void prompt_release(struct prompt *prompt)
{
    free(prompt->id);
    free(prompt->begin);
    free(prompt->end);
    *prompt = (struct prompt){0};
}

static int prompt_reserve(struct prompt *prompt, size_t capacity, struct fs_error *err)
{
    prompt->id = fs_allocate(capacity, sizeof *prompt->id, "the ids of a prompt", err);
    prompt->begin = fs_allocate(capacity, sizeof *prompt->begin, "the offsets of a prompt", err);
    prompt->end = fs_allocate(capacity, sizeof *prompt->end, "the offsets of a prompt", err);
    return prompt->id != NULL && prompt->begin != NULL && prompt->end != NULL ? 0 : -1;
}

static void prompt_append(struct prompt *prompt, int32_t id, size_t begin, size_t end)
{
    prompt->id[prompt->count] = id;
    prompt->begin[prompt->count] = begin;
    prompt->end[prompt->count] = end;
    prompt->count++;
}

static void prompt_append_encoding(struct prompt *prompt, const struct fs_encoding *encoding, size_t count,
                                   size_t offset)
{
    for (size_t i = 0; i < count; i++) {
        prompt_append(prompt, encoding->id[i], encoding->begin[i] + offset, encoding->end[i] + offset);
    }
}

/* [CLS] before [MASK] after [SEP], read at the mask. */
static int masked_prompt(const struct fs_tokenizer *tokenizer, const struct fs_prompt_style *style, const char *before,
                         const char *completion, const char *after, struct prompt *prompt, struct fs_error *err)
{
    struct fs_encoding head = {0}, word = {0}, tail = {0};
    int status = fs_tokenizer_encode(tokenizer, before, strlen(before), &head, err);
    if (status == 0) {
        status = fs_tokenizer_encode(tokenizer, completion, strlen(completion), &word, err);
    }
    if (status == 0) {
        status = fs_tokenizer_encode(tokenizer, after, strlen(after), &tail, err);
    }
    if (status == 0) {
        status = prompt_reserve(prompt, head.count + tail.count + 3, err);
    }
    if (status == 0) {
        size_t middle = strlen(before);
        prompt_append(prompt, style->special.cls, 0, 0);
        prompt_append_encoding(prompt, &head, head.count, 0);
        prompt->read = prompt->count;
        prompt_append(prompt, style->special.mask, middle, middle);
        prompt_append_encoding(prompt, &tail, tail.count, middle + 1);
        prompt_append(prompt, style->special.sep, middle, middle);
        if (word.count == 0) {
            prompt->skip = FS_SKIP_EMPTY_COMPLETION;
        } else {
            prompt->object = word.id[0];
        }
    }
    fs_encoding_release(&head);
    fs_encoding_release(&word);
    fs_encoding_release(&tail);
    return status;
}

/*
 * Begin-of-text and the tokens that stand before the completion, read at the last one. before + completion are encoded as one text,
 * because the completion's first token takes the space before it along.
 */
static int causal_prompt(const struct fs_tokenizer *tokenizer, const struct fs_prompt_style *style, const char *before,
                         const char *completion, struct prompt *prompt, struct fs_error *err)
{
    size_t n_before = strlen(before), n_completion = strlen(completion);
    char *text = fs_allocate(n_before + n_completion + 1, 1, "a prompt", err);
    if (text == NULL) {
        return -1;
    }
    memcpy(text, before, n_before);
    memcpy(text + n_before, completion, n_completion);
    struct fs_encoding whole = {0};
    int status = fs_tokenizer_encode(tokenizer, text, n_before + n_completion, &whole, err);
    free(text);
    if (status == 0) {
        status = prompt_reserve(prompt, whole.count + 1, err);
    }
    if (status == 0) {
        size_t first = 0;
        while (first < whole.count && whole.end[first] <= n_before) {
            first++;
        }
        if (style->special.begin_of_text >= 0) {
            prompt_append(prompt, style->special.begin_of_text, 0, 0);
        }
        prompt_append_encoding(prompt, &whole, first, 0);
        if (first == whole.count) {
            prompt->skip = FS_SKIP_EMPTY_COMPLETION;
        } else if (prompt->count == 0) {
            prompt->skip = FS_SKIP_SUBJECT_MISSING;
        } else {
            prompt->object = whole.id[first];
            prompt->read = prompt->count - 1;
        }
    }
    fs_encoding_release(&whole);
    return status;
}

static int make_prompt(const struct fs_tokenizer *tokenizer, const struct fs_prompt_style *style, const char *before,
                       const char *completion, const char *after, struct prompt *prompt, struct fs_error *err)
{
    int status = style->kind == FS_MASKED ? masked_prompt(tokenizer, style, before, completion, after, prompt, err)
                                          : causal_prompt(tokenizer, style, before, completion, prompt, err);
    if (status == 0 && prompt->skip == FS_KEPT && prompt->count > style->max_positions) {
        prompt->skip = FS_SKIP_TOO_LONG;
    }
    return status;
}

/* Where a word stands in a text: bytes begin .. end - 1, of which the last `ending` are a plural ending. */
struct place {
    size_t begin, end, ending;
};

static unsigned char lower(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + 32) : byte;
}

/* Letters, digits, and every byte of a character beyond ASCII. */
static bool in_word(char c)
{
    unsigned char byte = lower(c);
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte >= 0x80;
}

static bool word_at(const char *text, size_t at, const char *word, size_t length, struct place *place)
{
    static const char *const endings[] = {"", "s", "es"};
    if (at > 0 && in_word(text[at - 1])) {
        return false;
    }
    for (size_t i = 0; i < length; i++) { /* stops at the text's NUL, which no byte of a word equals */
        if (lower(text[at + i]) != lower(word[i])) {
            return false;
        }
    }
    for (size_t e = 0; e < sizeof endings / sizeof *endings; e++) {
        size_t n = strlen(endings[e]);
        if (strncmp(text + at + length, endings[e], n) == 0 && !in_word(text[at + length + n])) {
            *place = (struct place){at, at + length + n, n};
            return true;
        }
    }
    return false;
}

/* The last (`last`) or first place of `word` in `text`. */
static bool find_word(const char *text, const char *word, bool last, struct place *place)
{
    size_t length = strlen(word);
    bool found = false;
    for (size_t at = 0; length > 0 && text[at] != '\0' && (last || !found); at++) {
        if (word_at(text, at, word, length, place)) {
            found = true;
        }
    }
    return found;
}

static bool find_attribute(const char *text, const struct fs_attribute_table *attributes, const char *category,
                           bool last, struct place *place)
{
    bool found = false;
    for (size_t at = 0; text[at] != '\0' && (last || !found);) {
        size_t end = at;
        while (in_word(text[end])) {
            end++;
        }
        if (end > at && fs_attribute_counterpart(attributes, category, text + at, end - at) != NULL) {
            *place = (struct place){at, end, 0};
            found = true;
        }
        at = end > at ? end : at + 1;
    }
    return found;
}

/* What an item is compiled from. */
struct source {
    const struct fs_tokenizer *tokenizer;
    const struct fs_prompt_style *style;
    const struct fs_pair *pair;
    const struct fs_attribute_table *attributes; /* NULL: none */
};

/* Where the subject stands in k1. */
struct subject {
    struct place place;
    bool behind; /* in the text after the fill */
};

static bool find_subject(const struct source *source, struct subject *subject)
{
    const struct fs_pair *pair = source->pair;
    const struct fs_attribute_table *attributes = source->attributes;
    const struct fs_statement_text *statement = &pair->statement[FS_STEREOTYPE];
    bool table = attributes != NULL && pair->counterpart[0] == '\0', masked = source->style->kind == FS_MASKED;
    struct place *place = &subject->place;
    subject->behind = false;
    if (find_word(statement->before, pair->subject, true, place)) {
        return true;
    }
    if (masked && find_word(statement->after, pair->subject, false, place)) {
        return subject->behind = true;
    }
    if (table && find_attribute(statement->before, attributes, pair->category, true, place)) {
        return true;
    }
    if (masked && table && find_attribute(statement->after, attributes, pair->category, false, place)) {
        return subject->behind = true;
    }
    return false;
}

/* `text` with the attribute table's counterpart at `place`; NULL in `out` where the table has none. */
static int replace_subject(const struct fs_attribute_table *attributes, const char *category, const char *text,
                           struct place place, char **out, struct fs_error *err)
{
    *out = NULL;
    if (attributes == NULL) {
        return 0;
    }
    size_t ending = 0;
    const char *word = fs_attribute_counterpart(attributes, category, text + place.begin, place.end - place.begin);
    if (word == NULL && place.ending > 0) {
        ending = place.ending;
        word = fs_attribute_counterpart(attributes, category, text + place.begin, place.end - place.begin - ending);
    }
    if (word == NULL) {
        return 0;
    }
    size_t n_word = strlen(word), tail = place.end - ending;
    char *made = fs_allocate(strlen(text) + n_word + 1, 1, "a counterfactual prompt", err);
    if (made == NULL) {
        return -1;
    }
    memcpy(made, text, place.begin);
    memcpy(made + place.begin, word, n_word);
    memcpy(made + place.begin + n_word, text + tail, strlen(text + tail));
    char *initial = made + place.begin;
    if (text[place.begin] >= 'A' && text[place.begin] <= 'Z' && *initial >= 'a' && *initial <= 'z') {
        *initial = (char)(*initial - 32);
    }
    *out = made;
    return 0;
}

/* The counterfactual prompt; `made` false where there is no text for it. */
static int counterfactual_prompt(const struct source *source, const struct subject *subject, struct prompt *prompt,
                                 bool *made, struct fs_error *err)
{
    const struct fs_tokenizer *tokenizer = source->tokenizer;
    const struct fs_prompt_style *style = source->style;
    const struct fs_pair *pair = source->pair;
    const bool behind = subject->behind;
    const struct fs_statement_text *k1 = &pair->statement[FS_STEREOTYPE];
    *made = true;
    if (pair->counterpart[0] != '\0') {
        const struct fs_statement_text *k2 = &pair->statement[FS_ANTI_STEREOTYPE];
        return make_prompt(tokenizer, style, k2->before, k2->completion, k2->after, prompt, err);
    }
    char *text = NULL;
    if (replace_subject(source->attributes, pair->category, behind ? k1->after : k1->before, subject->place, &text,
                        err) != 0) {
        return -1;
    }
    *made = text != NULL;
    int status = 0;
    if (text != NULL) {
        status = make_prompt(tokenizer, style, behind ? k1->before : text, k1->completion, behind ? text : k1->after,
                             prompt, err);
    }
    free(text);
    return status;
}

static bool differs_in_subject_alone(const struct fs_trace_item *item, const struct prompt *biased,
                                     const struct prompt *other)
{
    if (other->skip != FS_KEPT || other->count != biased->count || other->read != biased->read) {
        return false;
    }
    bool differs = false;
    for (size_t i = 0; i < biased->count; i++) {
        bool subject = i >= item->subject_begin && i < item->subject_end;
        if (biased->id[i] != other->id[i] && !subject) {
            return false;
        }
        differs = differs || biased->id[i] != other->id[i];
    }
    return differs;
}

static int compile(const struct source *source, struct prompt *biased, struct prompt *other, struct fs_trace_item *item,
                   struct fs_error *err)
{
    const struct fs_statement_text *k1 = &source->pair->statement[FS_STEREOTYPE];
    if (make_prompt(source->tokenizer, source->style, k1->before, k1->completion, k1->after, biased, err) != 0) {
        return -1;
    }
    item->skip = biased->skip;
    if (item->skip != FS_KEPT) {
        return 0;
    }
    struct subject subject;
    item->skip = FS_SKIP_SUBJECT_MISSING;
    if (!find_subject(source, &subject)) {
        return 0;
    }
    size_t offset = subject.behind ? strlen(k1->before) + 1 : 0;
    size_t begin = subject.place.begin + offset, end = subject.place.end + offset;
    size_t i = 0;
    while (i < biased->count && biased->end[i] <= begin) {
        i++;
    }
    item->subject_begin = i;
    while (i < biased->count && biased->begin[i] < end && biased->end[i] > begin) {
        i++;
    }
    item->subject_end = i;
    if (item->subject_begin == item->subject_end) { /* the tokenizer dropped it */
        return 0;
    }
    item->skip = FS_KEPT;

    bool made;
    if (counterfactual_prompt(source, &subject, other, &made, err) != 0) {
        return -1;
    }
    item->noised = !made || !differs_in_subject_alone(item, biased, other);
    item->length = biased->count;
    item->read = biased->read;
    item->object = biased->object;
    item->biased = fs_allocate(item->length, 2 * sizeof *item->biased, "the tokens of a traced item", err);
    if (item->biased == NULL) {
        return -1;
    }
    memcpy(item->biased, biased->id, item->length * sizeof *item->biased);
    item->counterfactual = item->biased;
    item->differs = item->subject_begin;
    if (!item->noised) {
        item->counterfactual = item->biased + item->length;
        memcpy(item->counterfactual, other->id, item->length * sizeof *item->counterfactual);
        while (item->biased[item->differs] == item->counterfactual[item->differs]) {
            item->differs++;
        }
    }
    return 0;
}

int fs_trace_item_compile(const struct fs_tokenizer *tokenizer, const struct fs_prompt_style *style,
                          const struct fs_pair *pair, const struct fs_attribute_table *attributes,
                          struct fs_trace_item *item, struct fs_error *err)
{
    const struct source source = {tokenizer, style, pair, attributes};
    struct prompt biased = {0}, other = {0};
    *item = (struct fs_trace_item){.skip = pair->skip};
    if (pair->skip != FS_KEPT) {
        return 0;
    }
    int status = compile(&source, &biased, &other, item, err);
    prompt_release(&biased);
    prompt_release(&other);
    return status == 0 ? 0 : fs_error_prepend(err, "pair %s", pair->id);
}

void fs_trace_item_release(struct fs_trace_item *item)
{
    free(item->biased);
    *item = (struct fs_trace_item){0};
}
