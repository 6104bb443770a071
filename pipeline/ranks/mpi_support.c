#include "pipeline/ranks/mpi_support.h"

#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SPINS 500
#define LONGEST_SLEEP_NANOSECONDS 1000000L
#define BROADCAST_PIECE ((size_t)1 << 30) /* MPI counts in int */

void fs_mpi_wait(MPI_Request *request)
{
    int done = 0;
    long nanoseconds = 20000;
    for (unsigned spin = 0; MPI_Test(request, &done, MPI_STATUS_IGNORE), !done; spin++) {
        if (spin < SPINS) {
            sched_yield();
            continue;
        }
        struct timespec pause = {0, nanoseconds};
        nanosleep(&pause, NULL);
        nanoseconds = nanoseconds * 2 < LONGEST_SLEEP_NANOSECONDS ? nanoseconds * 2 : LONGEST_SLEEP_NANOSECONDS;
    }
}

void fs_mpi_barrier(MPI_Comm communicator)
{
    MPI_Request request;
    MPI_Ibarrier(communicator, &request);
    fs_mpi_wait(&request);
}

void fs_mpi_broadcast(void *data, size_t bytes, int root, MPI_Comm communicator)
{
    unsigned char *byte = data;
    for (size_t done = 0; done < bytes; done += BROADCAST_PIECE) {
        size_t piece = bytes - done < BROADCAST_PIECE ? bytes - done : BROADCAST_PIECE;
        MPI_Request request;
        MPI_Ibcast(byte + done, (int)piece, MPI_BYTE, root, communicator, &request);
        fs_mpi_wait(&request);
    }
}

void fs_mpi_place_error(struct fs_error *err, MPI_Comm communicator)
{
    if (err == NULL || err->where[0] != '\0') {
        return;
    }
    int rank, ranks;
    char node[64] = "";
    MPI_Comm_rank(communicator, &rank);
    MPI_Comm_size(communicator, &ranks);
    gethostname(node, sizeof node - 1);
    snprintf(err->where, sizeof err->where, "rank %d of %d on node %s", rank, ranks, node);
}

static void report_and_abort(MPI_Comm *communicator, int *code, ...)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    MPI_Error_string(*code, text, &length);
    struct fs_error err = FS_ERROR_INIT;
    fs_mpi_place_error(&err, *communicator);
    fprintf(stderr, "fairstamp: MPI: %s (%s); see the words of mpirun around this line\n", text, err.where);
    MPI_Abort(*communicator, FS_EXIT_SOFTWARE);
}

MPI_Comm fs_mpi_duplicate(MPI_Comm communicator)
{
    MPI_Comm copy;
    MPI_Errhandler handler;
    MPI_Comm_dup(communicator, &copy);
    MPI_Comm_create_errhandler(report_and_abort, &handler);
    MPI_Comm_set_errhandler(copy, handler);
    MPI_Errhandler_free(&handler);
    return copy;
}

void fs_counter_create(MPI_Comm communicator, struct fs_counter *counter)
{
    int rank;
    MPI_Comm_rank(communicator, &rank);
    *counter = (struct fs_counter){.communicator = communicator};
    MPI_Comm quiet; /* a window that cannot be had is no error here */
    MPI_Comm_dup(communicator, &quiet);
    MPI_Comm_set_errhandler(quiet, MPI_ERRORS_RETURN);
    MPI_Aint bytes = rank == 0 ? (MPI_Aint)sizeof(int64_t) : 0;
    int made = MPI_Win_allocate(bytes, sizeof(int64_t), MPI_INFO_NULL, quiet, &counter->cell, &counter->window);
    int one_sided = made == MPI_SUCCESS;
    MPI_Allreduce(MPI_IN_PLACE, &one_sided, 1, MPI_INT, MPI_LAND, communicator);
    counter->one_sided = one_sided != 0;
    if (counter->one_sided) {
        MPI_Win_lock_all(0, counter->window);
    } else if (made == MPI_SUCCESS) {
        MPI_Win_free(&counter->window);
    }
    MPI_Comm_free(&quiet);
}

void fs_counter_destroy(struct fs_counter *counter)
{
    if (counter->one_sided) {
        MPI_Win_unlock_all(counter->window);
        MPI_Win_free(&counter->window);
    }
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
    if (counter->one_sided) {
        one_sided(counter, 0, MPI_REPLACE);
    } else {
        counter->value = 0;
    }
}

int64_t fs_counter_take(struct fs_counter *counter, int64_t amount)
{
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
    fs_mpi_wait(&request);
    return before;
}

void fs_counter_serve(struct fs_counter *counter)
{
    if (counter->one_sided) {
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
