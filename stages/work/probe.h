/*
 * A runner that measures instead of working: of each work's units it runs some, spread evenly, until a time is spent,
 * and notes how long they took and what all of them cost. Stages run on it as they are, so what they compile, fold and
 * write is what a job compiles, folds and writes; results of units that did not run repeat those of units that did
 * (zeros where none did).
 *
 * Local: each rank has its own, is its root, and talks to nobody.
 */
#ifndef FAIRSTAMP_STAGES_WORK_PROBE_H
#define FAIRSTAMP_STAGES_WORK_PROBE_H

#include "stages/work/runner.h"

enum fs_probe_kind { FS_PROBE_MAP, FS_PROBE_CLAIM, FS_PROBE_SUM };

/* One work; sums of the same units, in steps of the same kind, are one, where nothing but sums is between them. */
struct fs_probe_work {
    char name[32];
    enum fs_probe_kind kind;
    size_t calls, units;
    struct fs_cost *cost; /* [units]; NULL where the work names no costs */
    double result_bytes;  /* of a map */
    double held;          /* as in struct fs_work */
    size_t length;        /* of a sum: numbers of a vector */
    bool part;            /* of a sum: another one ends the same step */
    struct fs_step_kind step;
    size_t training; /* fs_probe_training */
    size_t gaps;     /* times between two calls */
    double least_gap, most_gap;
};

/* What the units of one name took. */
struct fs_probe_rate {
    char name[32];
    size_t rounds, units;  /* units measured, as many at a time as there are threads */
    double flops, seconds; /* of them, each counted by itself */
    double spent;          /* by the clock */
};

struct fs_probe_record {
    size_t works, rates;
    struct fs_probe_work *work; /* [works] in the order of the calls */
    struct fs_probe_rate *rate; /* [rates] */
    size_t work_capacity, rate_capacity;
    double inside; /* seconds in the runner's functions; all else is not shared between ranks */
    double broadcasts, broadcast_bytes, agreements;
};

/* `threads` units run at a time. The caller destroys. */
int fs_probe_create(size_t threads, struct fs_runner **runner, struct fs_error *err);
void fs_probe_destroy(struct fs_runner *runner); /* takes NULL */

/* Forgets what was recorded. From here on, units of one name run for about `seconds`, at least one; 0: none runs. */
void fs_probe_begin(struct fs_runner *runner, double seconds);
/* Works from here on are of this training of the stage's several, 0 at first. Nothing where the runner is no probe. */
void fs_probe_training(struct fs_runner *runner, size_t training);
/* Valid until the next fs_probe_begin. */
const struct fs_probe_record *fs_probe_get(const struct fs_runner *runner);
/* NULL where no unit of that name was measured. */
const struct fs_probe_rate *fs_probe_find_rate(const struct fs_probe_record *record, const char *name);

#endif
