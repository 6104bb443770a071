#include "model/tokenizer/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"

static bool is_own_character(unsigned byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

/* GPT-2's alphabet (encoder.py, bytes_to_unicode): the character that stands for a byte. */
static uint32_t byte_to_character(unsigned char byte)
{
    if (is_own_character(byte)) {
        return byte;
    }
    if (byte <= ' ') {
        return 256u + byte;
    }
    return byte == 0xAD ? 256u + 67 : 256u + 33 + (byte - 0x7Fu);
}

int fs_character_to_byte(uint32_t character)
{
    if (character < 256) {
        return is_own_character(character) ? (int)character : -1;
    }
    if (character <= 256 + ' ') {
        return (int)character - 256;
    }
    if (character == 256 + 67) {
        return 0xAD;
    }
    return character < 256 + 67 ? (int)character - 256 - 33 + 0x7F : -1;
}

int fs_append_byte_characters(struct fs_text *result, const struct fs_text *from, size_t begin, size_t end,
                              struct fs_error *err)
{
    for (size_t at = begin; at < end; at++) {
        if (fs_text_append_character(result, byte_to_character(from->data[at]), from->begin[at], from->end[at], err)) {
            return -1;
        }
    }
    return 0;
}

static size_t merge_slot(const struct fs_bpe *bpe, uint64_t key)
{
    uint64_t value = key * 0x9E3779B97F4A7C15u;
    size_t mask = bpe->merge_slots - 1, slot = (size_t)(value >> 32) & mask;
    while (bpe->merge[slot].key != key && bpe->merge[slot].key != UINT64_MAX) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

static int grow_merges(struct fs_bpe *bpe, struct fs_error *err)
{
    struct fs_bpe_merge *old = bpe->merge;
    size_t old_slots = bpe->merge_slots, slots = old_slots ? 2 * old_slots : 1024;
    struct fs_bpe_merge *merge = fs_allocate(slots, sizeof *merge, "a table of merges", err);
    if (merge == NULL) {
        return -1;
    }
    for (size_t i = 0; i < slots; i++) {
        merge[i].key = UINT64_MAX;
    }
    bpe->merge = merge;
    bpe->merge_slots = slots;
    for (size_t i = 0; i < old_slots; i++) {
        if (old[i].key != UINT64_MAX) {
            merge[merge_slot(bpe, old[i].key)] = old[i];
        }
    }
    free(old);
    return 0;
}

static int unknown_part(const char *name, uint32_t rank, const char *which, struct fs_bpe_part part,
                        struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: merge %u: its %s \"%.*s\" is no token of the vocabulary; take vocabulary and merges from "
                        "the same model",
                        name, rank + 1, which, part.length < 60 ? (int)part.length : 60, (const char *)part.text);
}

int fs_bpe_add_merge(struct fs_bpe *bpe, const char *name, struct fs_bpe_part left, struct fs_bpe_part right,
                     uint32_t rank, struct fs_error *err)
{
    int32_t left_id = fs_vocabulary_find(bpe->vocabulary, left.text, left.length);
    int32_t right_id = fs_vocabulary_find(bpe->vocabulary, right.text, right.length);
    if (left_id < 0) {
        return unknown_part(name, rank, "left part", left, err);
    }
    if (right_id < 0) {
        return unknown_part(name, rank, "right part", right, err);
    }
    char small[256], *joint = small;
    if (bpe->prefix != NULL) { /* the right part's own prefix goes */
        size_t prefix = strlen(bpe->prefix);
        prefix = right.length < prefix ? right.length : prefix;
        right.text = (const char *)right.text + prefix;
        right.length -= prefix;
    }
    size_t length = left.length + right.length;
    if (length > sizeof small && (joint = fs_allocate(length, 1, "a merge", err)) == NULL) {
        return -1;
    }
    memcpy(joint, left.text, left.length);
    memcpy(joint + left.length, right.text, right.length);
    int32_t id = fs_vocabulary_find(bpe->vocabulary, joint, length);
    int status = id < 0 ? unknown_part(name, rank, "result", (struct fs_bpe_part){joint, length}, err) : 0;
    if (joint != small) {
        free(joint);
    }
    if (status || (2 * (bpe->merge_count + 1) > bpe->merge_slots && grow_merges(bpe, err))) {
        return -1;
    }
    uint64_t key = (uint64_t)left_id << 32 | (uint32_t)right_id;
    struct fs_bpe_merge *merge = &bpe->merge[merge_slot(bpe, key)];
    bpe->merge_count += merge->key == UINT64_MAX;
    *merge = (struct fs_bpe_merge){key, rank, id};
    return 0;
}

void fs_bpe_find_bytes(struct fs_bpe *bpe)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        unsigned char text[4];
        bpe->byte_symbol[byte] = bpe->byte_level
                                     ? fs_vocabulary_find(bpe->vocabulary, text,
                                                          fs_utf8_encode(byte_to_character((unsigned char)byte), text))
                                     : fs_vocabulary_find_byte(bpe->vocabulary, (unsigned char)byte);
    }
}

void fs_bpe_release(struct fs_bpe *bpe)
{
    free(bpe->merge);
    free(bpe->piece_rank);
    free(bpe->user_defined);
    free(bpe->prefix);
    free(bpe->suffix);
    memset(bpe, 0, sizeof *bpe);
}

/* The symbols of one word, and the heap of merges to try. */
struct word {
    struct fs_bpe_symbol *symbol;
    size_t count, capacity;
    struct attempt {
        uint32_t rank;
        int32_t id;
        size_t left;   /* symbol */
        size_t length; /* of both together: tells whether the pair is still there */
    } * heap;
    size_t heap_count, heap_capacity;
};

static int push_symbol(struct word *word, int32_t id, size_t begin, size_t end, struct fs_error *err)
{
    if (fs_grow(&word->symbol, &word->capacity, word->count + 1, sizeof *word->symbol, "the symbols of a word", err) !=
        0) {
        return -1;
    }
    word->symbol[word->count++] = (struct fs_bpe_symbol){.id = id, .begin = begin, .end = end};
    return 0;
}

static bool is_before(const struct attempt *a, const struct attempt *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->left < b->left;
}

static int push_attempt(struct word *word, struct attempt attempt, struct fs_error *err)
{
    if (fs_grow(&word->heap, &word->heap_capacity, word->heap_count + 1, sizeof *word->heap, "the merges of a word",
                err) != 0) {
        return -1;
    }
    size_t at = word->heap_count++;
    while (at > 0 && is_before(&attempt, &word->heap[(at - 1) / 2])) {
        word->heap[at] = word->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    word->heap[at] = attempt;
    return 0;
}

static struct attempt pop_attempt(struct word *word)
{
    struct attempt top = word->heap[0], last = word->heap[--word->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= word->heap_count) {
            break;
        }
        if (child + 1 < word->heap_count && is_before(&word->heap[child + 1], &word->heap[child])) {
            child++;
        }
        if (!is_before(&word->heap[child], &last)) {
            break;
        }
        word->heap[at] = word->heap[child];
        at = child;
    }
    word->heap[at] = last;
    return top;
}

/* Puts the pair that starts at symbol `left` on the heap, if there is a merge for it. */
static int try_pair(const struct fs_bpe *bpe, const struct fs_text *text, struct word *word, size_t left,
                    struct fs_error *err)
{
    if (left == SIZE_MAX || word->symbol[left].next == SIZE_MAX) {
        return 0;
    }
    const struct fs_bpe_symbol *a = &word->symbol[left], *b = &word->symbol[a->next];
    struct attempt attempt = {.left = left, .length = b->end - a->begin};
    if (bpe->piece_rank != NULL) {
        if (a->frozen || b->frozen) {
            return 0;
        }
        attempt.id = fs_vocabulary_find(bpe->vocabulary, text->data + a->begin, attempt.length);
        if (attempt.id < 0 || bpe->piece_rank[attempt.id] == UINT32_MAX) {
            return 0;
        }
        attempt.rank = bpe->piece_rank[attempt.id];
    } else {
        if (bpe->merge_slots == 0) {
            return 0;
        }
        const struct fs_bpe_merge *merge = &bpe->merge[merge_slot(bpe, (uint64_t)a->id << 32 | (uint32_t)b->id)];
        if (merge->key == UINT64_MAX) {
            return 0;
        }
        attempt.id = merge->id;
        attempt.rank = merge->rank;
    }
    return push_attempt(word, attempt, err);
}

/* Merges until no pair is left, and closes the gaps. */
static int merge_all(const struct fs_bpe *bpe, const struct fs_text *text, struct word *word, struct fs_error *err)
{
    for (size_t i = 0; i < word->count; i++) {
        word->symbol[i].previous = i == 0 ? SIZE_MAX : i - 1;
        word->symbol[i].next = i + 1 < word->count ? i + 1 : SIZE_MAX;
    }
    for (size_t i = 0; i + 1 < word->count; i++) {
        if (try_pair(bpe, text, word, i, err)) {
            return -1;
        }
    }
    while (word->heap_count > 0) {
        struct attempt attempt = pop_attempt(word);
        struct fs_bpe_symbol *left = &word->symbol[attempt.left];
        if (left->begin == left->end || left->next == SIZE_MAX) {
            continue;
        }
        struct fs_bpe_symbol *right = &word->symbol[left->next];
        if (right->end - left->begin != attempt.length) {
            continue;
        }
        left->id = attempt.id;
        left->end = right->end;
        left->next = right->next;
        right->begin = right->end; /* gone */
        if (left->next != SIZE_MAX) {
            word->symbol[left->next].previous = attempt.left;
        }
        if (try_pair(bpe, text, word, left->previous, err) || try_pair(bpe, text, word, attempt.left, err)) {
            return -1;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < word->count; i++) {
        if (word->symbol[i].begin != word->symbol[i].end) {
            word->symbol[kept++] = word->symbol[i];
        }
    }
    word->count = kept;
    return 0;
}

/* The token of a character with the word's prefix and suffix where they belong, -1 where there is none. */
static int32_t find_affixed(const struct fs_bpe *bpe, const unsigned char *character, size_t length, bool first,
                            bool last)
{
    char text[2 * FS_BPE_AFFIX + 4];
    size_t used = 0;
    if (!first && bpe->prefix != NULL) {
        used = strlen(bpe->prefix);
        memcpy(text, bpe->prefix, used);
    }
    memcpy(text + used, character, length);
    used += length;
    if (last && bpe->suffix != NULL) {
        memcpy(text + used, bpe->suffix, strlen(bpe->suffix));
        used += strlen(bpe->suffix);
    }
    return fs_vocabulary_find(bpe->vocabulary, text, used);
}

/* HuggingFace: characters without token become byte tokens or the unknown token before the merges. */
static int split_symbols(const struct fs_bpe *bpe, const struct fs_text *text, size_t begin, size_t end,
                         struct word *word, struct fs_error *err)
{
    bool affixes = bpe->prefix != NULL || bpe->suffix != NULL;
    size_t unknown_begin = SIZE_MAX, unknown_end = 0; /* a run of unknown characters that is not written yet */
    for (size_t at = begin, length; at < end; at += length) {
        int32_t id;
        length = bpe->byte_level ? 1 : fs_utf8_length(text->data[at]);
        if (bpe->byte_level) {
            id = bpe->byte_symbol[text->data[at]];
        } else if (affixes) {
            id = find_affixed(bpe, text->data + at, length, at == begin, at + length == end);
        } else {
            id = fs_vocabulary_find(bpe->vocabulary, text->data + at, length);
        }
        bool bytes = id < 0 && bpe->byte_fallback;
        for (size_t k = 0; k < length && bytes; k++) {
            bytes = bpe->byte_symbol[text->data[at + k]] >= 0;
        }
        if (bytes) { /* the library leaves a run of unknown characters open here */
            for (size_t k = 0; k < length; k++) {
                if (push_symbol(word, bpe->byte_symbol[text->data[at + k]], at + k, at + k + 1, err)) {
                    return -1;
                }
            }
            continue;
        }
        bool flush = unknown_begin != SIZE_MAX && (id >= 0 || !bpe->fuse_unknown);
        if (flush && push_symbol(word, bpe->unknown, unknown_begin, unknown_end, err)) {
            return -1;
        }
        if (flush) {
            unknown_begin = SIZE_MAX;
        }
        if (id >= 0) {
            if (push_symbol(word, id, at, at + length, err)) {
                return -1;
            }
        } else if (bpe->unknown >= 0) {
            unknown_begin = unknown_begin == SIZE_MAX ? at : unknown_begin;
            unknown_end = at + length;
        }
    }
    return unknown_begin == SIZE_MAX ? 0 : push_symbol(word, bpe->unknown, unknown_begin, unknown_end, err);
}

/* The length of the longest user-defined piece that begins at `at`, 0 where there is none. */
static size_t user_defined_length(const struct fs_bpe *bpe, const struct fs_text *text, size_t at, size_t end,
                                  int32_t *id)
{
    size_t best = 0;
    for (size_t i = 0; i < bpe->user_defined_count; i++) {
        size_t length;
        const unsigned char *piece = fs_vocabulary_text(bpe->vocabulary, bpe->user_defined[i], &length);
        if (length > best && length <= end - at && memcmp(piece, text->data + at, length) == 0) {
            best = length;
            *id = bpe->user_defined[i];
        }
    }
    return best;
}

/* SentencePiece, bpe_model.cc: all characters are symbols; those without piece are looked at after the merges. */
static int sentencepiece_symbols(const struct fs_bpe *bpe, const struct fs_text *text, size_t begin, size_t end,
                                 struct word *word, struct fs_error *err)
{
    for (size_t at = begin; at < end;) {
        int32_t id = -1;
        size_t length = user_defined_length(bpe, text, at, end, &id);
        bool frozen = length > 0;
        if (!frozen) {
            length = fs_utf8_length(text->data[at]);
            id = fs_vocabulary_find(bpe->vocabulary, text->data + at, length);
        }
        if (push_symbol(word, id, at, at + length, err)) {
            return -1;
        }
        word->symbol[word->count - 1].frozen = frozen;
        at += length;
    }
    return 0;
}

static int resolve_unknown(const struct fs_bpe *bpe, const struct fs_text *text, struct word *word,
                           struct fs_error *err)
{
    struct word result = {0};
    bool after_unknown = false;
    for (size_t i = 0; i < word->count; i++) {
        const struct fs_bpe_symbol *symbol = &word->symbol[i];
        bool unknown = symbol->id < 0;
        int status = 0;
        if (unknown && bpe->byte_fallback) {
            for (size_t at = symbol->begin; at < symbol->end && status == 0; at++) {
                status = push_symbol(&result, bpe->byte_symbol[text->data[at]], at, at + 1, err);
            }
        } else if (unknown && after_unknown) {
            result.symbol[result.count - 1].end = symbol->end;
        } else {
            status = push_symbol(&result, unknown ? bpe->unknown : symbol->id, symbol->begin, symbol->end, err);
        }
        if (status) {
            free(result.symbol);
            return -1;
        }
        after_unknown = unknown;
    }
    free(word->symbol);
    word->symbol = result.symbol;
    word->count = result.count;
    return 0;
}

/* The token that the whole word is, -1 where there is none. */
static int32_t whole_word(const struct fs_bpe *bpe, const struct fs_text *text, size_t begin, size_t end)
{
    unsigned char small[256];
    size_t length = 0;
    if (!bpe->byte_level) {
        return fs_vocabulary_find(bpe->vocabulary, text->data + begin, end - begin);
    }
    if (end - begin > sizeof small / 2) { /* two bytes a byte at most; no token is that long */
        return -1;
    }
    for (size_t i = begin; i < end; i++) {
        length += fs_utf8_encode(byte_to_character(text->data[i]), small + length);
    }
    return fs_vocabulary_find(bpe->vocabulary, small, length);
}

int fs_bpe_encode(const struct fs_bpe *bpe, const struct fs_text *text, size_t begin, size_t end,
                  struct fs_bpe_symbol **symbol, size_t *count, struct fs_error *err)
{
    struct word word = {0};
    int status = 0;
    int32_t id = bpe->ignore_merges ? whole_word(bpe, text, begin, end) : -1;
    if (id >= 0) {
        status = push_symbol(&word, id, begin, end, err);
    } else if (bpe->piece_rank != NULL) {
        status = sentencepiece_symbols(bpe, text, begin, end, &word, err) || merge_all(bpe, text, &word, err) ||
                         resolve_unknown(bpe, text, &word, err)
                     ? -1
                     : 0;
    } else {
        status = split_symbols(bpe, text, begin, end, &word, err) || merge_all(bpe, text, &word, err) ? -1 : 0;
    }
    free(word.heap);
    if (status) {
        free(word.symbol);
        return -1;
    }
    *symbol = word.symbol;
    *count = word.count;
    return 0;
}
