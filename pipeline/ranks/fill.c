#include "pipeline/ranks/fill.h"

#include <time.h>

#include "io/clock.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/watch.h"

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "processes share numbers without a lock");

static void wait_for(struct fs_fill *fill, size_t pieces)
{
    static const struct timespec moment = {0, 1000000};
    fs_watch_patiently("preparing weights");
    while (atomic_load(&fill->done) < (int64_t)pieces) {
        nanosleep(&moment, NULL);
        fs_mpi_attend();
    }
    fs_watch_end();
}

int fs_fill_run(struct fs_fill *fill, size_t pieces, int (*piece)(void *context, size_t piece, struct fs_error *err),
                void *context, struct fs_fill_report *report, struct fs_error *err)
{
    bool took = false;
    *report = (struct fs_fill_report){0};
    for (int64_t next; (next = atomic_fetch_add(&fill->next, 1)) < (int64_t)pieces;) {
        struct fs_error failure = FS_ERROR_INIT;
        if (next == 0) {
            fill->begun = fs_seconds();
        }
        if (!took) {
            atomic_fetch_add(&fill->ranks, 1);
            took = true;
        }
        int none = 0;
        if (piece(context, (size_t)next, &failure) != 0 && atomic_compare_exchange_strong(&fill->failed, &none, 1)) {
            fs_mpi_place_error(&failure, MPI_COMM_WORLD);
            fill->error = failure;
            atomic_store(&fill->failed, 2);
        }
        report->ended = atomic_fetch_add(&fill->done, 1) + 1 == (int64_t)pieces;
    }
    wait_for(fill, pieces);
    report->ranks = atomic_load(&fill->ranks);
    report->seconds = fs_seconds() - fill->begun;
    if (atomic_load(&fill->failed) == 0) {
        return 0;
    }
    *err = fill->error; /* was written before its piece was done */
    return -1;
}
