/*
 * Work that processes of one node do once together, each taking the next piece: what is filled so, and this struct, is
 * memory that they share. They may come at any time; who comes late finds it done. Local.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_FILL_H
#define FAIRSTAMP_PIPELINE_RANKS_FILL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/error.h"

/* All zero at first. */
struct fs_fill {
    _Atomic(int64_t) next, done; /* pieces */
    _Atomic(int64_t) ranks;      /* that took one */
    atomic_int failed;           /* 1: an error is being written, 2: it is there */
    double begun;                /* fs_seconds(), by who took the first */
    struct fs_error error;
};

struct fs_fill_report {
    bool ended; /* this process did the piece that was done last: one of all */
    int64_t ranks;
    double seconds;
};

/*
 * Does pieces by `piece` until none of `pieces` is left, and waits until all are done. 0, or -1 for all with the error of
 * the first piece that failed. Patient (watch.h).
 */
int fs_fill_run(struct fs_fill *fill, size_t pieces, int (*piece)(void *context, size_t piece, struct fs_error *err),
                void *context, struct fs_fill_report *report, struct fs_error *err);

#endif
