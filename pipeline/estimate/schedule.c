#include "pipeline/estimate/schedule.h"

#include <math.h>
#include <stdlib.h>

#include "pipeline/ranks/sharing.h"

double fs_schedule_map(const struct fs_schedule *schedule, struct fs_error *err)
{
    size_t all = schedule->ranks * schedule->threads, thread;
    struct fs_turns turns;
    if (fs_turns_begin(&turns, all < schedule->units ? all : schedule->units, err) != 0) {
        return -1;
    }
    double last = 0;
    for (size_t unit = 0; unit < schedule->units; unit++) {
        last = fmax(last, fs_turns_take(&turns, schedule->second[unit], &thread));
    }
    free(turns.turn);
    return last;
}

/* The own units of each rank one after the other, and the threads of each; freed by release(). */
struct lanes {
    size_t *owner, *threads;
    size_t *unit, *begin; /* [units] by rank; [ranks + 1] */
    double *done;         /* [units] when each is computed */
};

static void release(struct lanes *lanes)
{
    free(lanes->owner);
    free(lanes->threads);
    free(lanes->unit);
    free(lanes->begin);
    free(lanes->done);
}

static int share(const struct fs_schedule *schedule, struct lanes *lanes, struct fs_error *err)
{
    size_t units = schedule->units, ranks = schedule->ranks;
    lanes->owner = fs_allocate(units, sizeof(size_t), "a schedule", err);
    lanes->threads = fs_allocate(ranks, sizeof(size_t), "a schedule", err);
    lanes->unit = fs_allocate(units, sizeof(size_t), "a schedule", err);
    lanes->begin = fs_allocate(ranks + 2, sizeof(size_t), "a schedule", err);
    lanes->done = fs_allocate(units, sizeof(double), "a schedule", err);
    if (lanes->owner == NULL || lanes->threads == NULL || lanes->unit == NULL || lanes->begin == NULL ||
        lanes->done == NULL) {
        return -1;
    }
    for (size_t rank = 0; rank < ranks; rank++) {
        lanes->threads[rank] = schedule->threads;
    }
    if (fs_share_units(schedule->second, units, lanes->threads, ranks, lanes->owner, err) != 0) {
        return -1;
    }
    for (size_t unit = 0; unit < units; unit++) {
        lanes->begin[lanes->owner[unit] + 2]++;
    }
    for (size_t rank = 0; rank < ranks; rank++) {
        lanes->begin[rank + 2] += lanes->begin[rank + 1];
    }
    for (size_t unit = 0; unit < units; unit++) {
        lanes->unit[lanes->begin[lanes->owner[unit] + 1]++] = unit;
    }
    return 0;
}

/* When each unit is computed, its rank waiting for nothing but its own threads; the last of them. */
static double compute(const struct fs_schedule *schedule, const struct lanes *lanes, struct fs_error *err)
{
    double last = 0;
    for (size_t rank = 0; rank < schedule->ranks; rank++) {
        struct fs_turns turns;
        size_t thread;
        if (lanes->begin[rank] == lanes->begin[rank + 1]) {
            continue;
        }
        if (fs_turns_begin(&turns, schedule->threads, err) != 0) {
            return -1;
        }
        for (size_t i = lanes->begin[rank]; i < lanes->begin[rank + 1]; i++) {
            size_t unit = lanes->unit[i];
            lanes->done[unit] = fs_turns_take(&turns, schedule->second[unit], &thread);
            last = fmax(last, lanes->done[unit]);
        }
        free(turns.turn);
    }
    return last;
}

/* What a vector takes to travel from its rank, and its slices to be added, while the ranks compute on. */
static double add_up(const struct fs_schedule *schedule, const struct lanes *lanes, double length, double bytes,
                     const struct fs_machine *machine)
{
    double R = (double)schedule->ranks, others = (R - 1) / R, added = 0;
    double travels =
        schedule->ranks > 1 ? (R - 1) * machine->latency + others * length * bytes / machine->bandwidth : 0;
    for (size_t rank = 0; rank < schedule->ranks; rank++) { /* one vector of a rank after the other */
        double wire = 0;
        for (size_t i = lanes->begin[rank]; i < lanes->begin[rank + 1]; i++) {
            wire = fmax(wire, lanes->done[lanes->unit[i]]) + travels;
            lanes->done[lanes->unit[i]] = wire;
        }
    }
    double arrives = length / R * bytes / machine->bandwidth, wire = 0;
    for (size_t unit = 0; unit < schedule->units; unit++) { /* a slice of every unit comes to every rank, one by one */
        wire = fmax(wire + (schedule->ranks > 1 ? arrives : 0), lanes->done[unit]);
        added = fmax(added, wire) + length / R * machine->addition;
    }
    return added;
}

double fs_schedule_sum(const struct fs_schedule *schedule, double length, double bytes,
                       const struct fs_machine *machine, struct fs_error *err)
{
    struct lanes lanes = {0};
    double R = (double)schedule->ranks, total = -1;
    if (share(schedule, &lanes, err) == 0 && (total = compute(schedule, &lanes, err)) >= 0) {
        total = fmax(total, add_up(schedule, &lanes, length, bytes, machine));
        if (schedule->ranks > 1) {
            total += 3 * fs_schedule_agree(schedule->ranks, machine) + /* owners, memory, failures */
                     fs_schedule_agree(schedule->ranks, machine) + (R - 1) / R * length * bytes / machine->bandwidth;
        }
    }
    release(&lanes);
    return total;
}

double fs_schedule_claim(const struct fs_schedule *schedule, const double *costs, struct fs_error *err)
{
    struct lanes lanes = {0};
    const struct fs_schedule sums = {costs, schedule->units, schedule->ranks, schedule->threads};
    double last = share(&sums, &lanes, err) == 0 ? compute(schedule, &lanes, err) : -1;
    release(&lanes);
    return last;
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
