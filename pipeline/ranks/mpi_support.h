/*
 * What the MPI files of pipeline/ share: waiting without burning a core, the error handler, the counter that hands out
 * work. Every MPI call is made by the main thread of a rank.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_MPI_SUPPORT_H
#define FAIRSTAMP_PIPELINE_RANKS_MPI_SUPPORT_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/error.h"

/*
 * Waits for a request: spins a moment, then sleeps between tests, because on a shared machine the others need the core
 * and a wait can be long (the root hashes a model, another rank computes its last unit).
 */
void fs_mpi_wait(MPI_Request *request);
/* MPI_Barrier, MPI_Bcast of any length, waiting as above. Collective. */
void fs_mpi_barrier(MPI_Comm communicator);
void fs_mpi_broadcast(void *data, size_t bytes, int root, MPI_Comm communicator);

/* Notes in `err` on which rank and node it arose, where it does not say so yet. Local; takes NULL. */
void fs_mpi_place_error(struct fs_error *err, MPI_Comm communicator);

/*
 * A copy of `communicator` on which a failed MPI call prints "fairstamp: MPI: ..." and ends all ranks with
 * FS_EXIT_SOFTWARE: no collective ending is left then. Collective; the caller frees.
 */
MPI_Comm fs_mpi_duplicate(MPI_Comm communicator);

/*
 * Numbers 0, 1, 2, ... handed out to all ranks, each once: a cell of the root's memory that ranks add to one-sidedly
 * (MPI_Fetch_and_op). Where the transport has no such thing (Open MPI 4 over plain TCP) the ranks ask the root by
 * message, and the root answers in fs_counter_serve.
 */
struct fs_counter {
    MPI_Comm communicator;
    bool one_sided;
    MPI_Win window;
    int64_t *cell;
    int64_t value; /* of the root, where not one_sided */
};
void fs_counter_create(MPI_Comm communicator, struct fs_counter *counter); /* collective */
void fs_counter_destroy(struct fs_counter *counter);                       /* collective */
/* On the root, while no rank takes: back to 0. A broadcast from the root must follow before ranks take again. */
void fs_counter_reset(struct fs_counter *counter);
/* Adds `amount` and returns the value before. */
int64_t fs_counter_take(struct fs_counter *counter, int64_t amount);
/* On the root, often, while other ranks may take. */
void fs_counter_serve(struct fs_counter *counter);

#define FS_TAG_RESULT 1
#define FS_TAG_TAKE 2
#define FS_TAG_TAKEN 3

#endif
