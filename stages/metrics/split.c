#include "stages/metrics/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/hash.h"

/* One pair, on its way to the order (category, hash of the term, term). */
struct entry {
    const char *category, *target;
    uint64_t hash;
    size_t index;
    bool usable;
};

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        hash = fs_hash_add(hash, (unsigned char)*c);
    }
    return fs_hash_add(hash, 0); /* the end counts, so that ("ab", "c") and ("a", "bc") differ */
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;
    int by = strcmp(one->category, other->category);
    if (by == 0) {
        by = (one->hash > other->hash) - (one->hash < other->hash);
    }
    return by != 0 ? by : strcmp(one->target, other->target);
}

static bool same_term(const struct entry *a, const struct entry *b)
{
    return strcmp(a->target, b->target) == 0;
}

/* The entries of the term that entry[first] is of end before this one; *usable: whether any of them is. */
static size_t term_end(const struct entry *entry, size_t first, size_t count, bool *usable)
{
    size_t last = first;
    for (*usable = false; last < count && same_term(&entry[last], &entry[first]); last++) {
        *usable = *usable || entry[last].usable;
    }
    return last;
}

/* entry[count]: all pairs of one category, ordered. A term without any usable pair is none. */
static void split_category(const struct entry *entry, size_t count, double fraction, bool *held_out)
{
    size_t terms = 0, term = 0;
    bool usable;
    for (size_t first = 0; first < count;) {
        first = term_end(entry, first, count, &usable);
        terms += usable ? 1 : 0;
    }
    /* What binary fractions leave above a whole number (0.07 x 100) is no further term. */
    double wanted = ceil(fraction * (double)terms - 1e-9);
    size_t most = terms > 0 ? terms - 1 : 0;
    size_t held = wanted > (double)most ? most : (size_t)fmax(wanted, 0.0);
    for (size_t first = 0, last; first < count; first = last) {
        last = term_end(entry, first, count, &usable);
        for (size_t i = first; i < last; i++) {
            held_out[entry[i].index] = usable && term < held;
        }
        term += usable ? 1 : 0;
    }
}

int fs_split_by_target(const struct fs_pair_list *pairs, double fraction, uint64_t seed, bool *held_out,
                       struct fs_error *err)
{
    if (!(fraction >= 0.0 && fraction < 1.0)) {
        return fs_error_set(err, FS_EXIT_CONFIG, "held-out fraction: found %g, expected at least 0 and below 1",
                            fraction);
    }
    struct entry *entry = fs_allocate(pairs->count, sizeof *entry, "the split of the pairs", err);
    if (entry == NULL) {
        return -1;
    }
    for (size_t i = 0; i < pairs->count; i++) {
        const struct fs_pair *pair = &pairs->item[i];
        entry[i] = (struct entry){pair->category, pair->target,
                                  hash_text(hash_text(fs_hash_add(0, seed), pair->category), pair->target), i,
                                  pair->skip == FS_KEPT};
    }
    qsort(entry, pairs->count, sizeof *entry, compare_entries);
    for (size_t first = 0, last; first < pairs->count; first = last) {
        for (last = first; last < pairs->count && strcmp(entry[last].category, entry[first].category) == 0;) {
            last++;
        }
        split_category(entry + first, last - first, fraction, held_out);
    }
    free(entry);
    return 0;
}
