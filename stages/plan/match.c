/*
 * Matching blocks after Ratcliff and Obershelp, in the order and with the ties of Python's difflib.SequenceMatcher: the
 * longest common block, of several the one that begins earliest in a, then in b; then the same left and right of it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stages/plan/statement.h"

#define NONE SIZE_MAX

struct matcher {
    const int32_t *a, *b;
    size_t *first;     /* [n_a] first place in b of a's token; NONE where b has none, or too many (autojunk) */
    size_t *next;      /* [n_b] the next place in b of the same token */
    size_t *length[2]; /* [n_b + 1] of the block that ends at (i - 1, j - 1) and at (i, j - 1) */
};

struct place {
    int32_t id;
    size_t at;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *one = a, *other = b;
    int by_id = (one->id > other->id) - (one->id < other->id);
    return by_id != 0 ? by_id : (one->at > other->at) - (one->at < other->at);
}

/* Where each token of a stands in b. A token in more than 1 + n_b/100 places of a long b starts no block. */
static void chain_places(struct matcher *matcher, size_t n_a, size_t n_b, struct place *sorted)
{
    for (size_t j = 0; j < n_b; j++) {
        sorted[j] = (struct place){matcher->b[j], j};
    }
    qsort(sorted, n_b, sizeof *sorted, compare_places);
    for (size_t j = 0; j < n_b; j++) {
        bool same = j + 1 < n_b && sorted[j + 1].id == sorted[j].id;
        matcher->next[sorted[j].at] = same ? sorted[j + 1].at : NONE;
    }
    for (size_t i = 0; i < n_a; i++) {
        size_t low = 0, high = n_b;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (sorted[middle].id < matcher->a[i]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        size_t end = low;
        while (end < n_b && sorted[end].id == matcher->a[i]) {
            end++;
        }
        bool popular = n_b >= 200 && end - low > 1 + n_b / 100;
        matcher->first[i] = end == low || popular ? NONE : sorted[low].at;
    }
}

struct block {
    size_t a, b, size;
};

struct range {
    size_t a_low, a_high, b_low, b_high;
};

static void clear_row(const struct matcher *matcher, size_t i, size_t *row)
{
    for (size_t j = matcher->first[i]; j != NONE; j = matcher->next[j]) {
        row[j + 1] = 0;
    }
}

static struct block longest_block(const struct matcher *matcher, struct range range)
{
    struct block best = {range.a_low, range.b_low, 0};
    size_t *old = matcher->length[0], *new = matcher->length[1];
    for (size_t i = range.a_low; i < range.a_high; i++) {
        for (size_t j = matcher->first[i]; j != NONE && j < range.b_high; j = matcher->next[j]) {
            if (j < range.b_low) {
                continue;
            }
            new[j + 1] = old[j] + 1;
            if (new[j + 1] > best.size) {
                best = (struct block){i + 1 - new[j + 1], j + 1 - new[j + 1], new[j + 1]};
            }
        }
        if (i > range.a_low) {
            clear_row(matcher, i - 1, old);
        }
        size_t *swap = old;
        old = new;
        new = swap;
    }
    if (range.a_high > range.a_low) {
        clear_row(matcher, range.a_high - 1, old);
    }
    /* Tokens too frequent to start a block still lengthen one. */
    while (best.a > range.a_low && best.b > range.b_low && matcher->a[best.a - 1] == matcher->b[best.b - 1]) {
        best.a--, best.b--, best.size++;
    }
    while (best.a + best.size < range.a_high && best.b + best.size < range.b_high &&
           matcher->a[best.a + best.size] == matcher->b[best.b + best.size]) {
        best.size++;
    }
    return best;
}

int fs_match_tokens(struct fs_token_sequence a, struct fs_token_sequence b, struct fs_shared_tokens *shared,
                    struct fs_error *err)
{
    const size_t n_a = a.count, n_b = b.count;
    struct matcher matcher = {.a = a.id, .b = b.id};
    size_t most = (n_a < n_b ? n_a : n_b) + 1; /* blocks, and ranges that wait: each has a token of its own */
    struct place *sorted = fs_allocate(n_b, sizeof *sorted, "matching tokens", err);
    struct range *waiting = fs_allocate(most, sizeof *waiting, "matching tokens", err);
    bool *in_block = fs_allocate(n_a, sizeof *in_block, "matching tokens", err);
    size_t *partner = fs_allocate(n_a, sizeof *partner, "matching tokens", err);
    matcher.first = fs_allocate(n_a, sizeof(size_t), "matching tokens", err);
    matcher.next = fs_allocate(n_b, sizeof(size_t), "matching tokens", err);
    matcher.length[0] = fs_allocate(n_b + 1, sizeof(size_t), "matching tokens", err);
    matcher.length[1] = fs_allocate(n_b + 1, sizeof(size_t), "matching tokens", err);
    int status = -1;
    if (sorted != NULL && waiting != NULL && in_block != NULL && partner != NULL && matcher.first != NULL &&
        matcher.next != NULL && matcher.length[0] != NULL && matcher.length[1] != NULL) {
        chain_places(&matcher, n_a, n_b, sorted);
        size_t left = 0;
        if (n_a > 0 && n_b > 0) {
            waiting[left++] = (struct range){0, n_a, 0, n_b};
        }
        while (left > 0) {
            struct range range = waiting[--left];
            struct block block = longest_block(&matcher, range);
            if (block.size == 0) {
                continue;
            }
            for (size_t i = 0; i < block.size; i++) {
                in_block[block.a + i] = true;
                partner[block.a + i] = block.b + i;
            }
            if (range.a_low < block.a && range.b_low < block.b) {
                waiting[left++] = (struct range){range.a_low, block.a, range.b_low, block.b};
            }
            if (block.a + block.size < range.a_high && block.b + block.size < range.b_high) {
                waiting[left++] =
                    (struct range){block.a + block.size, range.a_high, block.b + block.size, range.b_high};
            }
        }
        shared->count = 0;
        for (size_t i = 0; i < n_a; i++) {
            if (in_block[i]) {
                shared->a[shared->count] = i;
                shared->b[shared->count++] = partner[i];
            }
        }
        status = 0;
    }
    free(sorted);
    free(waiting);
    free(in_block);
    free(partner);
    free(matcher.first);
    free(matcher.next);
    free(matcher.length[0]);
    free(matcher.length[1]);
    return status;
}
