/*
 * How a stage hands out work, without knowing of MPI.
 *
 * A stage is written once and run by all ranks with the same arguments. It cuts its work into units of fixed
 * composition, numbered 0 .. units-1; each unit is computed whole by one thread of one rank, and results are placed by
 * index, so the same bits come out on any number of ranks and threads. pipeline/ranks/runner_mpi.c implements this over
 * MPI, runner_serial.c in one process for tests.
 *
 * All functions here are collective: every rank calls them in the same order; all ranks get the same return value, and
 * on failure the same error. A unit that fails stops all ranks after the units in flight.
 */
#ifndef FAIRSTAMP_STAGES_WORK_RUNNER_H
#define FAIRSTAMP_STAGES_WORK_RUNNER_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"
#include "model/numbers/real.h"

/* What a unit is, for estimates; all counts are of its work from its inputs to its results. */
struct fs_cost {
    double flops;  /* model/flops.h */
    double passes; /* sequences that run */
    double tokens; /* of them; a token that runs through a part of the layers counts whole */
    double rows;   /* that are read */
    double stays;  /* bytes that its rank holds from call to call */
    double waits;  /* bytes of what its forward pass leaves to the backward pass, which another work may do */
};

/* A step of a training may be one of several kinds, which alternate. */
struct fs_step_kind {
    size_t number; /* 0: all steps are of one kind */
    double share;  /* of the steps */
};

struct fs_work {
    const char *name; /* for progress: "trace", "evaluate" */
    size_t units;
    void *context;
    /* Bytes of the result of `unit`; the same on all ranks; 0 allowed. NULL: no results. */
    size_t (*result_bytes)(const void *context, size_t unit);
    /* Computes `unit` into `result`. `thread` < runner->threads tells which workspace to use. Called from many threads.
     */
    int (*run)(void *context, size_t thread, size_t unit, void *result, struct fs_error *err);
    /* Sets `cost` of `unit`; the same on all ranks. NULL: not worth an estimate. */
    void (*cost)(const void *context, size_t unit, struct fs_cost *cost);
    /* A probe, which does not run all units, calls this before it measures `run`: what another work before this one would
     * have done for the unit. NULL: nothing. */
    int (*prepare)(void *context, size_t thread, size_t unit, struct fs_error *err);
    bool part;                /* of a sum: another one ends the same step */
    struct fs_step_kind step; /* of a sum */
    double held;              /* bytes of a rank beside what units compute with, such as a plan; for estimates */
};

/* The part of a vector that a rank keeps where it is shared out. */
struct fs_share {
    size_t first, count;
};

/* The vectors of a sum: numbers of `size` bytes, which are sizeof(float) or sizeof(double). */
struct fs_sum_shape {
    size_t length, size;
    bool shared; /* the sum is shared out: each rank gets its share of `length` numbers, and the last one the tail */
    size_t tail; /* numbers behind `length`; 0 where the sum is not shared out */
};

struct fs_runner;
struct fs_runner_operations {
    int (*map)(struct fs_runner *runner, const struct fs_work *work, const char *checkpoint, unsigned char *results,
               struct fs_error *err);
    int (*claim)(struct fs_runner *runner, const struct fs_work *work, const struct fs_work *sums, unsigned char *mine,
                 struct fs_error *err);
    int (*sum)(struct fs_runner *runner, const struct fs_work *work, const unsigned char *mine,
               struct fs_sum_shape shape, void *total, struct fs_error *err);
    int (*broadcast)(struct fs_runner *runner, void *data, size_t bytes, struct fs_error *err);
    int (*agree)(struct fs_runner *runner, int status, struct fs_error *err);
    bool (*stop_requested)(struct fs_runner *runner);
    /* NULL where there is one rank. */
    /* `data` from rank `from` to rank `to`, which are two and alone call. */
    void (*move)(struct fs_runner *runner, size_t from, size_t to, void *data, size_t bytes);
    /* Of numbers[length], each of `size` bytes, each rank has set its share; all get all. */
    void (*gather)(struct fs_runner *runner, void *numbers, size_t length, size_t size);
};
struct fs_runner {
    const struct fs_runner_operations *operations;
    size_t rank, ranks; /* rank 0 is the root */
    size_t threads;     /* of this rank */
    bool probes;        /* it measures (probe.h): costs are to be those of many ranks */
};

/*
 * Runs every unit, handed out dynamically. On the root `results` receives the results one behind the other in unit
 * order (sum of result_bytes); elsewhere it is NULL. `checkpoint` (NULL: none) names the partial results: they are
 * saved now and then and on a stop request, and what an earlier run of the same job has saved is not computed again.
 * Returns -1 with FS_EXIT_INTERRUPTED after a stop request, once the units in flight are done and saved.
 */
int fs_runner_map(struct fs_runner *runner, const struct fs_work *work, const char *checkpoint, unsigned char *results,
                  struct fs_error *err);

/*
 * Runs every unit once; results stay where they were computed (`run` keeps them in its context, result is NULL).
 * mine[units] is set to 1 for the units that this rank ran and keeps. `sums` is the work of the sums over them that
 * follow: its costs, FLOPs of the same units, share them out evenly. NULL: they are handed out dynamically.
 */
int fs_runner_claim(struct fs_runner *runner, const struct fs_work *work, const struct fs_work *sums,
                    unsigned char *mine, struct fs_error *err);

/*
 * total[length] on all ranks = sum over units, in unit order, of the vectors that `run` writes (`length` numbers each,
 * all of them set by run; result_bytes is not used). Each rank runs its own units, mine[unit] != 0. The order of
 * additions is ((u0 + u1) + u2) + ... whatever the ranks.
 */
int fs_runner_sum(struct fs_runner *runner, const struct fs_work *work, const unsigned char *mine, size_t length,
                  fs_real *total, struct fs_error *err);
/* The same of vectors of float64. */
int fs_runner_sum_double(struct fs_runner *runner, const struct fs_work *work, const unsigned char *mine, size_t length,
                         double *total, struct fs_error *err);
/*
 * A vector that is shared out: each rank keeps a stretch of it, in the order of ranks, cut by the count of numbers alone.
 * The first length % ranks ranks have one number more than the others; with fewer numbers than ranks some have none.
 */
struct fs_share fs_runner_share(size_t length, size_t rank, size_t ranks);
/*
 * fs_runner_sum of vectors of length + tail numbers, with the same order of additions: own[count of the share] receives this
 * rank's share of the first `length`; on the last rank the sums of the tail stand behind it.
 */
int fs_runner_sum_shared(struct fs_runner *runner, const struct fs_work *work, const unsigned char *mine, size_t length,
                         size_t tail, fs_real *own, struct fs_error *err);
/* numbers[length], of which each rank has set its share: all of them on all ranks. */
void fs_runner_gather(struct fs_runner *runner, fs_real *numbers, size_t length);
/*
 * `value`, as rank 0 has it, goes from rank to rank; each one's `add` adds what it has to it. All get the end: what one rank
 * with all shares would have made of it.
 */
typedef void fs_runner_adder(void *context, void *value);
int fs_runner_fold(struct fs_runner *runner, void *value, size_t bytes, fs_runner_adder *add, void *context,
                   struct fs_error *err);
/*
 * Between the root, which has a vector elsewhere, such as in a file, and the shares own[count of the share] of all ranks: on
 * the root `pass` is called for FS_RUNNER_PIECE numbers after the other, from number `first` on: it takes them
 * (fs_runner_collect), or sets them (fs_runner_distribute). More than these is not held.
 */
#define FS_RUNNER_PIECE ((size_t)1 << 20)
typedef int fs_runner_pass(void *context, size_t first, size_t count, fs_real *number, struct fs_error *err);
int fs_runner_collect(struct fs_runner *runner, const fs_real *own, size_t length, fs_runner_pass *pass, void *context,
                      struct fs_error *err);
int fs_runner_distribute(struct fs_runner *runner, fs_real *own, size_t length, fs_runner_pass *pass, void *context,
                         struct fs_error *err);
/* total += vector, `count` numbers; the first one is taken as it is. For those who implement a runner. */
void fs_runner_add(size_t size, void *total, const void *vector, size_t count, bool is_first);

/* The root's `bytes` bytes to all. */
int fs_runner_broadcast(struct fs_runner *runner, void *data, size_t bytes, struct fs_error *err);

/* 0 where `status` is 0 on all ranks; otherwise -1 on all, with the error of the lowest failing rank. */
int fs_runner_agree(struct fs_runner *runner, int status, struct fs_error *err);

/* True on all ranks once any has been asked to stop (signal). */
bool fs_runner_stop_requested(struct fs_runner *runner);

static inline bool fs_runner_is_root(const struct fs_runner *runner)
{
    return runner->rank == 0;
}

/* One process, `threads` OpenMP threads, no checkpoints, never asked to stop. The caller releases with free(). */
int fs_runner_serial_create(size_t threads, struct fs_runner **runner, struct fs_error *err);

#endif
