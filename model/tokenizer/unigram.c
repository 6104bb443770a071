#include "model/tokenizer/unigram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"

/* A piece while the trie is built. */
struct entry {
    const unsigned char *text;
    size_t length;
    int32_t id;
};

/* In the order of bytes; of one text's ids the last is the piece, so it comes last. */
static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    size_t shared = left->length < right->length ? left->length : right->length;
    int order = memcmp(left->text, right->text, shared);
    if (order != 0) {
        return order;
    }
    if (left->length != right->length) {
        return left->length < right->length ? -1 : 1;
    }
    return (left->id > right->id) - (left->id < right->id);
}

/* The entries that pass through a node, [low, high), while the nodes are made level by level. */
struct range {
    uint32_t low, high;
};

static int add_node(struct fs_unigram *unigram, struct range **ranges, size_t capacity[4], struct range range,
                    unsigned char byte, struct fs_error *err)
{
    size_t need = unigram->nodes + 1;
    if (fs_grow(ranges, &capacity[0], need, sizeof **ranges, "a trie", err) != 0 ||
        fs_grow(&unigram->child, &capacity[1], need + 1, sizeof *unigram->child, "a trie", err) != 0 ||
        fs_grow(&unigram->piece, &capacity[2], need, sizeof *unigram->piece, "a trie", err) != 0 ||
        fs_grow(&unigram->byte, &capacity[3], need, sizeof *unigram->byte, "a trie", err) != 0) {
        return -1;
    }
    (*ranges)[unigram->nodes] = range;
    unigram->piece[unigram->nodes] = -1;
    unigram->byte[unigram->nodes++] = byte;
    return 0;
}

/* The children of one node: its entries lie together, sorted, and share their first `depth` bytes. */
static int add_children(struct fs_unigram *unigram, const struct entry *entry, struct range **ranges,
                        size_t capacity[4], size_t node, size_t depth, struct fs_error *err)
{
    struct range range = (*ranges)[node];
    uint32_t at = range.low;
    unigram->child[node] = (uint32_t)unigram->nodes;
    for (; at < range.high && entry[at].length == depth; at++) {
        unigram->piece[node] = entry[at].id;
    }
    while (at < range.high) {
        uint32_t low = at;
        unsigned char byte = entry[at].text[depth];
        while (at < range.high && entry[at].text[depth] == byte) {
            at++;
        }
        if (add_node(unigram, ranges, capacity, (struct range){low, at}, byte, err)) {
            return -1;
        }
    }
    return 0;
}

static int build(struct fs_unigram *unigram, const struct entry *entry, size_t count, struct fs_error *err)
{
    struct range *ranges = NULL;
    size_t capacity[4] = {0}, depth = 0, level = 1;
    int status = add_node(unigram, &ranges, capacity, (struct range){0, (uint32_t)count}, 0, err);
    for (size_t node = 0; node < unigram->nodes && status == 0; node++) {
        if (node == level) { /* the level before is done */
            level = unigram->nodes;
            depth++;
        }
        status = add_children(unigram, entry, &ranges, capacity, node, depth, err);
    }
    if (status == 0) {
        unigram->child[unigram->nodes] = (uint32_t)unigram->nodes;
        for (uint32_t node = unigram->child[0]; node < unigram->child[1]; node++) {
            unigram->first[unigram->byte[node]] = node;
        }
    }
    free(ranges);
    return status;
}

int fs_unigram_init(struct fs_unigram *unigram, const struct fs_vocabulary *vocabulary, double *score,
                    struct fs_error *err)
{
    unigram->vocabulary = vocabulary;
    unigram->score = score;
    struct entry *entry = fs_allocate(vocabulary->size + 1, sizeof *entry, "a trie", err);
    if (entry == NULL) {
        return -1;
    }
    size_t count = 0;
    for (size_t id = 0; id < vocabulary->size; id++) {
        if (isnan(score[id]) || !vocabulary->entry[id].present) {
            continue;
        }
        entry[count].text = fs_vocabulary_text(vocabulary, (int32_t)id, &entry[count].length);
        entry[count].id = (int32_t)id;
        count += entry[count].length > 0;
    }
    qsort(entry, count, sizeof *entry, compare_entries);
    int status = build(unigram, entry, count, err);
    free(entry);
    for (unsigned byte = 0; byte < 256; byte++) {
        unigram->byte_symbol[byte] =
            unigram->byte_fallback ? fs_vocabulary_find_byte(vocabulary, (unsigned char)byte) : -1;
    }
    return status;
}

void fs_unigram_release(struct fs_unigram *unigram)
{
    free(unigram->score);
    free(unigram->child);
    free(unigram->piece);
    free(unigram->byte);
    memset(unigram, 0, sizeof *unigram);
}

/* The best path to one place in a word. */
struct step {
    double score;
    size_t from; /* SIZE_MAX: none yet */
    int32_t id;
};

/* The child of `node` by a byte, 0 where there is none. */
static uint32_t child_of(const struct fs_unigram *unigram, uint32_t node, unsigned char byte)
{
    if (node == 0) {
        return unigram->first[byte];
    }
    uint32_t low = unigram->child[node], high = unigram->child[node + 1], end = high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (unigram->byte[middle] < byte) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < end && unigram->byte[low] == byte ? low : 0;
}

/* Of equal paths the first is kept. */
static void offer(const struct fs_unigram *unigram, struct step *to, double score, size_t from, int32_t id)
{
    score = unigram->sentencepiece ? (double)(float)score : score;
    if (to->from == SIZE_MAX || score > to->score) {
        to->score = score;
        to->from = from;
        to->id = id;
    }
}

static int find_path(const struct fs_unigram *unigram, const unsigned char *word, size_t length, struct step *step,
                     struct fs_error *err)
{
    for (size_t at = 0; at <= length; at++) {
        step[at] = (struct step){0, SIZE_MAX, -1};
    }
    for (size_t at = 0, character; at < length; at += character) {
        bool single = false;
        uint32_t node = 0;
        double before = step[at].score;
        character = fs_utf8_length(word[at]);
        for (size_t to = at; to < length && (node = child_of(unigram, node, word[to])) != 0;) {
            int32_t id = unigram->piece[node];
            to++;
            if (id >= 0) {
                offer(unigram, &step[to], before + unigram->score[id], at, id);
                single = single || to == at + character;
            }
        }
        if (single) {
            continue;
        }
        if (unigram->unknown < 0) {
            return fs_error_set(
                err, FS_EXIT_DATA,
                "found the character \"%.*s\", which no piece of the tokenizer holds, and the tokenizer "
                "names no unknown token (model.unk_id)",
                (int)character, (const char *)word + at);
        }
        offer(unigram, &step[at + character], before + unigram->unknown_score, at, unigram->unknown);
    }
    return 0;
}

/* Tokens while they are found, from the last to the first. */
struct found {
    struct fs_bpe_symbol *symbol;
    size_t count, capacity;
};

static int push(struct found *found, int32_t id, size_t begin, size_t end, struct fs_error *err)
{
    if (fs_grow(&found->symbol, &found->capacity, found->count + 1, sizeof *found->symbol, "the tokens of a word",
                err) != 0) {
        return -1;
    }
    found->symbol[found->count++] = (struct fs_bpe_symbol){.id = id, .begin = begin, .end = end};
    return 0;
}

/* A run of unknown characters: the piece that it is as a whole, its bytes, or one unknown token. */
static int push_unknown(const struct fs_unigram *unigram, const struct fs_text *text, size_t begin, size_t end,
                        struct found *found, struct fs_error *err)
{
    int32_t id = fs_vocabulary_find(unigram->vocabulary, text->data + begin, end - begin);
    bool bytes = unigram->byte_fallback;
    if (id >= 0 && !unigram->sentencepiece) {
        return push(found, id, begin, end, err);
    }
    for (size_t at = begin; at < end && bytes; at++) {
        bytes = unigram->byte_symbol[text->data[at]] >= 0;
    }
    if (!bytes) {
        return push(found, unigram->unknown, begin, end, err);
    }
    for (size_t at = end; at-- > begin;) {
        if (push(found, unigram->byte_symbol[text->data[at]], at, at + 1, err)) {
            return -1;
        }
    }
    return 0;
}

static int follow_path(const struct fs_unigram *unigram, const struct fs_text *text, size_t begin,
                       const struct step *step, size_t length, struct found *found, struct fs_error *err)
{
    for (size_t at = length; at > 0;) {
        size_t from = step[at].from;
        bool unknown = step[at].id == unigram->unknown;
        while (unknown && from > 0 && step[from].id == unigram->unknown) {
            from = step[from].from;
        }
        int status = unknown ? push_unknown(unigram, text, begin + from, begin + at, found, err)
                             : push(found, step[at].id, begin + from, begin + at, err);
        if (status) {
            return -1;
        }
        at = from;
    }
    for (size_t low = 0, high = found->count; low + 1 < high; low++) {
        struct fs_bpe_symbol symbol = found->symbol[--high];
        found->symbol[high] = found->symbol[low];
        found->symbol[low] = symbol;
    }
    return 0;
}

int fs_unigram_encode(const struct fs_unigram *unigram, const struct fs_text *text, size_t begin, size_t end,
                      struct fs_bpe_symbol **symbol, size_t *count, struct fs_error *err)
{
    struct step small[128], *step = small;
    struct found found = {0};
    size_t length = end - begin;
    if (length >= sizeof small / sizeof small[0] &&
        (step = fs_allocate(length + 1, sizeof *step, "the pieces of a word", err)) == NULL) {
        return -1;
    }
    int status = find_path(unigram, text->data + begin, length, step, err) ||
                         follow_path(unigram, text, begin, step, length, &found, err)
                     ? -1
                     : 0;
    if (step != small) {
        free(step);
    }
    if (status) {
        free(found.symbol);
        return -1;
    }
    *symbol = found.symbol;
    *count = found.count;
    return 0;
}
