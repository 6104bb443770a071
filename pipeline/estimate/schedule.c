#include "pipeline/estimate/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/ranks/window.h"

/* Threads by the time at which they are free, the earliest first, the lowest number first among equals. */
struct heap {
    size_t count;
    struct slot {
        double free_at;
        size_t thread;
    } * slot;
};

static bool comes_before(const struct slot *a, const struct slot *b)
{
    return a->free_at != b->free_at ? a->free_at < b->free_at : a->thread < b->thread;
}

/* The first slot has become later. */
static void sink(struct heap *heap)
{
    size_t at = 0;
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap->count; child++) {
            if (comes_before(&heap->slot[child], &heap->slot[least])) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        struct slot moved = heap->slot[at];
        heap->slot[at] = heap->slot[least];
        heap->slot[least] = moved;
        at = least;
    }
}

double fs_schedule_map(const struct fs_schedule *schedule, size_t *owner, struct fs_error *err)
{
    size_t all = schedule->ranks * schedule->threads;
    struct heap heap = {all < schedule->units ? all : schedule->units, NULL};
    heap.slot = fs_allocate(heap.count, sizeof *heap.slot, "a schedule", err);
    if (heap.slot == NULL) {
        return -1;
    }
    for (size_t i = 0; i < heap.count; i++) { /* ranks take turns, so that few units are spread over many ranks */
        heap.slot[i].thread = i;
    }
    double last = 0;
    for (size_t unit = 0; unit < schedule->units; unit++) {
        struct slot *first = &heap.slot[0];
        first->free_at += schedule->second[unit];
        last = first->free_at > last ? first->free_at : last;
        if (owner != NULL) {
            owner[unit] = first->thread % schedule->ranks;
        }
        sink(&heap);
    }
    free(heap.slot);
    return last;
}

/* Units begin .. end-1 of each rank on its threads: the seconds of the slowest rank; most units of a rank. */
static double run_window(const struct fs_schedule *schedule, size_t begin, size_t end, const size_t *owner, double *own,
                         size_t *most, struct fs_error *err)
{
    double slowest = 0;
    *most = 0;
    for (size_t unit = begin; unit < end; unit++) {
        size_t count = 0;
        bool seen = false;
        for (size_t other = begin; other < end; other++) {
            if (owner[other] == owner[unit]) {
                seen = seen || other < unit;
                own[count++] = schedule->second[other];
            }
        }
        if (!seen) {
            double seconds = fs_schedule_map(&(struct fs_schedule){own, count, 1, schedule->threads}, NULL, err);
            if (seconds < 0) {
                return -1;
            }
            slowest = seconds > slowest ? seconds : slowest;
            *most = count > *most ? count : *most;
        }
    }
    return slowest;
}

double fs_schedule_sum(const struct fs_schedule *schedule, const size_t *owner, double length, double bytes,
                       const struct fs_machine *machine, struct fs_error *err)
{
    size_t units = schedule->units, ranks = schedule->ranks;
    double total = 0, R = (double)ranks, others = (R - 1) / R, blocks = ceil(length / (double)FS_SUM_BLOCK);
    double *own = fs_allocate(units, sizeof *own, "a schedule", err);
    size_t *held = fs_allocate(ranks, sizeof *held, "a schedule", err);
    if (own == NULL || held == NULL) {
        free(own);
        free(held);
        return -1;
    }
    for (size_t begin = 0, end; begin < units; begin = end) {
        size_t most;
        end = fs_sum_window(owner, units, begin, ranks, schedule->threads, held);
        double compute = run_window(schedule, begin, end, owner, own, &most, err);
        if (compute < 0) {
            total = -1;
            break;
        }
        total += compute + (double)(end - begin) * length / R * machine->addition;
        if (ranks > 1) {
            double sent = others * (double)most * length * bytes;
            double received = (double)(end - begin) * length / R * bytes;
            total += fs_schedule_agree(ranks, machine) + blocks * (R - 1) * machine->latency +
                     (sent > received ? sent : received) / machine->bandwidth +
                     (double)most * length * machine->addition; /* packing */
        }
    }
    free(own);
    free(held);
    if (total >= 0 && ranks > 1) {
        total += 3 * fs_schedule_agree(ranks, machine) + blocks * fs_schedule_agree(ranks, machine) +
                 others * length * bytes / machine->bandwidth;
    }
    return total;
}

double fs_schedule_agree(size_t ranks, const struct fs_machine *machine)
{
    return ranks > 1 ? ceil(log2((double)ranks)) * machine->latency : 0;
}

/* Scattered and gathered again: every byte passes each rank's wire twice. */
double fs_schedule_broadcast(double bytes, size_t ranks, const struct fs_machine *machine)
{
    double R = (double)ranks;
    return ranks > 1 ? fs_schedule_agree(ranks, machine) + 2 * (R - 1) / R * bytes / machine->bandwidth : 0;
}
