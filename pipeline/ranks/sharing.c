#include "pipeline/ranks/sharing.h"

#include <stdlib.h>

int fs_turns_begin(struct fs_turns *turns, size_t threads, struct fs_error *err)
{
    turns->count = threads;
    turns->turn = fs_allocate(threads, sizeof *turns->turn, "a schedule", err);
    for (size_t i = 0; turns->turn != NULL && i < threads; i++) {
        turns->turn[i].thread = i;
    }
    return turns->turn != NULL ? 0 : -1;
}

static int comes_before(const struct fs_turn *a, const struct fs_turn *b)
{
    return a->load != b->load ? a->load < b->load : a->thread < b->thread;
}

double fs_turns_take(struct fs_turns *turns, double load, size_t *thread)
{
    struct fs_turn taken = turns->turn[0];
    taken.load += load;
    size_t at = 0;
    for (;;) {
        size_t least = 2 * at + 1;
        if (least + 1 < turns->count && comes_before(&turns->turn[least + 1], &turns->turn[least])) {
            least++;
        }
        if (least >= turns->count || !comes_before(&turns->turn[least], &taken)) {
            break;
        }
        turns->turn[at] = turns->turn[least];
        at = least;
    }
    turns->turn[at] = taken;
    *thread = taken.thread;
    return taken.load;
}

struct dear {
    double cost;
    size_t unit;
};

static int dearest_first(const void *left, const void *right)
{
    const struct dear *a = left, *b = right;
    return a->cost != b->cost ? (a->cost < b->cost ? 1 : -1) : (a->unit > b->unit) - (a->unit < b->unit);
}

/* The ranks of the threads: the first of each, the second of each ..., so that few units lie on many ranks. */
static void list_ranks(const size_t *threads, size_t ranks, size_t all, size_t *rank_of)
{
    for (size_t nth = 0, at = 0; at < all; nth++) {
        for (size_t rank = 0; rank < ranks; rank++) {
            if (nth < threads[rank]) {
                rank_of[at++] = rank;
            }
        }
    }
}

int fs_share_units(const double *cost, size_t units, const size_t *threads, size_t ranks, size_t *owner,
                   struct fs_error *err)
{
    size_t all = 0;
    struct fs_turns turns = {0};
    for (size_t rank = 0; rank < ranks; rank++) {
        all += threads[rank];
    }
    size_t *rank_of = fs_allocate(all, sizeof *rank_of, "a schedule", err);
    struct dear *round = fs_allocate(all, sizeof *round, "a schedule", err);
    int status = rank_of == NULL || round == NULL || fs_turns_begin(&turns, all, err) != 0 ? -1 : 0;
    if (status == 0) {
        list_ranks(threads, ranks, all, rank_of);
        for (size_t first = 0; first < units; first += all) {
            size_t count = units - first < all ? units - first : all, thread;
            for (size_t i = 0; i < count; i++) {
                round[i] = (struct dear){cost[first + i], first + i};
            }
            qsort(round, count, sizeof *round, dearest_first);
            for (size_t i = 0; i < count; i++) {
                fs_turns_take(&turns, round[i].cost, &thread);
                owner[round[i].unit] = rank_of[thread];
            }
        }
    }
    free(turns.turn);
    free(rank_of);
    free(round);
    return status;
}

size_t fs_sum_held(size_t own, size_t threads, size_t vector_bytes, size_t bytes)
{
    size_t fit = bytes / (vector_bytes > 0 ? vector_bytes : 1), least = threads + 1;
    size_t held = fit < least ? least : fit;
    return own < held ? own : held;
}

size_t fs_sum_ahead(size_t units, size_t ranks, size_t threads, size_t vector_bytes, size_t bytes)
{
    size_t held = vector_bytes > bytes ? 1 : fs_sum_held(units, threads, vector_bytes, bytes);
    return held < units / ranks + 1 ? held * ranks : units;
}
