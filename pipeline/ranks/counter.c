#include "pipeline/ranks/counter.h"

#include <stdatomic.h>

#include "io/console/log.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/watch.h"

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && sizeof(_Atomic(int64_t)) == sizeof(int64_t),
               "processes share a number without a lock");

/*
 * The window; false where it cannot be had, which is no error here. On several nodes only: Open MPI's osc/rdma agrees on
 * what fails on one rank, as its osc/sm for a single node does not.
 */
static bool open_window(struct fs_counter *counter, int rank)
{
    MPI_Comm quiet;
    MPI_Aint bytes = rank == 0 ? (MPI_Aint)sizeof(int64_t) : 0;
    fs_watch_limit("MPI_Win_allocate");
    MPI_Comm_dup(counter->communicator, &quiet);
    MPI_Comm_set_errhandler(quiet, MPI_ERRORS_RETURN);
    int made = MPI_Win_allocate(bytes, sizeof(int64_t), MPI_INFO_NULL, quiet, &counter->cell, &counter->window);
    fs_watch_end();
    bool all = fs_mpi_reduce(made == MPI_SUCCESS, MPI_MIN, counter->communicator) != 0;
    if (all) {
        MPI_Win_lock_all(0, counter->window);
    } else if (made == MPI_SUCCESS) {
        fs_watch_limit("MPI_Win_free");
        MPI_Win_free(&counter->window);
        fs_watch_end();
    }
    fs_mpi_free(&quiet);
    return all;
}

void fs_counter_create(MPI_Comm communicator, struct fs_counter *counter)
{
    int rank, ranks, here;
    struct fs_error err = FS_ERROR_INIT;
    MPI_Comm_rank(communicator, &rank);
    MPI_Comm_size(communicator, &ranks);
    *counter = (struct fs_counter){.communicator = communicator};
    if (ranks == 1) {
        return;
    }
    MPI_Comm node = fs_mpi_node(communicator);
    MPI_Comm_size(node, &here);
    if (fs_mpi_reduce(here, MPI_MIN, communicator) < ranks) {
        counter->one_sided = open_window(counter, rank);
    } else if (fs_shared_block_create(node, sizeof(int64_t), true, &counter->block, &err) != 0) {
        fs_log("units are handed out by message: %s (%s)", err.text, err.where);
    }
    fs_mpi_free(&node);
}

void fs_counter_destroy(struct fs_counter *counter)
{
    fs_shared_block_destroy(&counter->block);
    if (counter->one_sided) {
        fs_watch_limit("MPI_Win_free");
        MPI_Win_unlock_all(counter->window);
        MPI_Win_free(&counter->window);
        fs_watch_end();
    }
}

static _Atomic(int64_t) *shared_number(const struct fs_counter *counter)
{
    return counter->block.data;
}

static int64_t one_sided(struct fs_counter *counter, int64_t operand, MPI_Op operation)
{
    int64_t before = 0;
    MPI_Fetch_and_op(&operand, &before, MPI_INT64_T, 0, 0, operation, counter->window);
    MPI_Win_flush(0, counter->window);
    return before;
}

void fs_counter_reset(struct fs_counter *counter)
{
    if (counter->block.data != NULL) {
        atomic_store(shared_number(counter), 0);
    } else if (counter->one_sided) {
        one_sided(counter, 0, MPI_REPLACE);
    } else {
        counter->value = 0;
    }
}

int64_t fs_counter_take(struct fs_counter *counter, int64_t amount)
{
    if (counter->block.data != NULL) {
        return atomic_fetch_add(shared_number(counter), amount);
    }
    if (counter->one_sided) {
        return one_sided(counter, amount, MPI_SUM);
    }
    int rank;
    MPI_Comm_rank(counter->communicator, &rank);
    int64_t before = counter->value;
    if (rank == 0) {
        counter->value += amount;
        return before;
    }
    MPI_Request request;
    MPI_Send(&amount, 1, MPI_INT64_T, 0, FS_TAG_TAKE, counter->communicator);
    MPI_Irecv(&before, 1, MPI_INT64_T, 0, FS_TAG_TAKEN, counter->communicator, &request);
    fs_mpi_wait(&request, "MPI_Irecv");
    return before;
}

bool fs_counter_asks(const struct fs_counter *counter)
{
    int rank;
    MPI_Comm_rank(counter->communicator, &rank);
    return rank > 0 && counter->block.data == NULL && !counter->one_sided;
}

void fs_counter_serve(struct fs_counter *counter)
{
    if (counter->block.data != NULL || counter->one_sided) {
        return;
    }
    for (;;) {
        int there;
        MPI_Status status;
        MPI_Iprobe(MPI_ANY_SOURCE, FS_TAG_TAKE, counter->communicator, &there, &status);
        if (!there) {
            return;
        }
        int64_t amount, before = counter->value;
        MPI_Recv(&amount, 1, MPI_INT64_T, status.MPI_SOURCE, FS_TAG_TAKE, counter->communicator, MPI_STATUS_IGNORE);
        counter->value += amount;
        MPI_Send(&before, 1, MPI_INT64_T, status.MPI_SOURCE, FS_TAG_TAKEN, counter->communicator);
    }
}
