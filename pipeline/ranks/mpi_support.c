#include "pipeline/ranks/mpi_support.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "pipeline/ranks/watch.h"

#define SPINS 500
#define SHORTEST_SLEEP_NANOSECONDS 20000L
#define LONGEST_SLEEP_NANOSECONDS 1000000L
#define SLEEP_GROWTH 8 /* a sleep is about such a part of the wait so far: that late an answer is noticed */
#define BROADCAST_PIECE ((size_t)1 << 30) /* MPI counts in int */

static struct {
    void (*attend)(void *context);
    void *context;
} attention;

void fs_mpi_attend_by(void (*attend)(void *context), void *context)
{
    attention.attend = attend;
    attention.context = context;
}

void fs_mpi_attend(void)
{
    if (attention.attend != NULL) {
        attention.attend(attention.context);
    }
}

void fs_mpi_pause(struct fs_mpi_pause *pause, const char *call)
{
    if (pause->looks < SPINS) {
        pause->looks++;
        sched_yield();
        return;
    }
    if (pause->looks == SPINS) {
        fs_watch_patiently(call);
        pause->looks++;
        pause->nanoseconds = SHORTEST_SLEEP_NANOSECONDS;
    }
    nanosleep(&(struct timespec){0, pause->nanoseconds}, NULL);
    fs_mpi_attend();
    pause->nanoseconds += pause->nanoseconds < LONGEST_SLEEP_NANOSECONDS ? pause->nanoseconds / SLEEP_GROWTH : 0;
}

void fs_mpi_pause_end(struct fs_mpi_pause *pause)
{
    if (pause->looks > SPINS) {
        fs_watch_end();
    }
    pause->looks = 0;
}

void fs_mpi_wait(MPI_Request *request, const char *call)
{
    int done = 0;
    struct fs_mpi_pause pause = {0};
    fs_mpi_attend();
    while (MPI_Test(request, &done, MPI_STATUS_IGNORE), !done) {
        fs_mpi_pause(&pause, call);
    }
    fs_mpi_pause_end(&pause);
}

void fs_mpi_barrier(MPI_Comm communicator)
{
    MPI_Request request;
    MPI_Ibarrier(communicator, &request);
    fs_mpi_wait(&request, "MPI_Ibarrier");
}

void fs_mpi_finalize(bool together)
{
    void (*watch)(const char *call) = together ? fs_watch_limit : fs_watch_patiently;
    MPI_Request request;
    int done = 0;
    long nanoseconds = SHORTEST_SLEEP_NANOSECONDS;
    watch("the barrier before MPI_Finalize");
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    while (MPI_Test(&request, &done, MPI_STATUS_IGNORE), !done) {
        nanosleep(&(struct timespec){0, nanoseconds}, NULL);
        nanoseconds += nanoseconds < LONGEST_SLEEP_NANOSECONDS ? nanoseconds / SLEEP_GROWTH : 0;
    }
    fs_watch_end();
    fs_watch_limit("MPI_Finalize");
    MPI_Finalize();
    fs_watch_end();
}

void fs_mpi_broadcast(void *data, size_t bytes, int root, MPI_Comm communicator)
{
    unsigned char *byte = data;
    for (size_t done = 0; done < bytes; done += BROADCAST_PIECE) {
        size_t piece = bytes - done < BROADCAST_PIECE ? bytes - done : BROADCAST_PIECE;
        MPI_Request request;
        MPI_Ibcast(byte + done, (int)piece, MPI_BYTE, root, communicator, &request);
        fs_mpi_wait(&request, "MPI_Ibcast");
    }
}

/*
 * For operations that may count a value twice, by dissemination: ceil(log2 ranks) messages one after the other, half as
 * many as Open MPI's MPI_Iallreduce.
 */
static int spread(int value, MPI_Op operation, MPI_Comm communicator)
{
    int rank, ranks;
    MPI_Comm_rank(communicator, &rank);
    MPI_Comm_size(communicator, &ranks);
    for (int64_t distance = 1; distance < ranks; distance *= 2) {
        int to = (int)((rank + distance) % ranks), from = (int)((rank - distance + ranks) % ranks);
        int own = value, other;
        MPI_Request sending, receiving;
        MPI_Irecv(&other, 1, MPI_INT, from, FS_TAG_REDUCE, communicator, &receiving);
        MPI_Isend(&own, 1, MPI_INT, to, FS_TAG_REDUCE, communicator, &sending);
        fs_mpi_wait(&receiving, "MPI_Irecv");
        fs_mpi_wait(&sending, "MPI_Isend");
        MPI_Reduce_local(&other, &value, 1, MPI_INT, operation);
    }
    return value;
}

int fs_mpi_reduce(int value, MPI_Op operation, MPI_Comm communicator)
{
    if (operation == MPI_MIN || operation == MPI_MAX) {
        return spread(value, operation, communicator);
    }
    int result;
    MPI_Request request;
    MPI_Iallreduce(&value, &result, 1, MPI_INT, operation, communicator, &request);
    fs_mpi_wait(&request, "MPI_Iallreduce");
    return result;
}

int fs_mpi_agree(MPI_Comm communicator, int status, struct fs_error *err)
{
    int rank, ranks;
    MPI_Comm_rank(communicator, &rank);
    MPI_Comm_size(communicator, &ranks);
    int failing = fs_mpi_reduce(status == 0 ? ranks : rank, MPI_MIN, communicator);
    if (failing == ranks) {
        return 0;
    }
    struct fs_error shared = FS_ERROR_INIT;
    if (failing == rank && err != NULL) {
        shared = *err;
        fs_mpi_place_error(&shared, MPI_COMM_WORLD); /* whatever ranks agree here */
    }
    fs_mpi_broadcast(&shared, sizeof shared, failing, communicator);
    if (err != NULL) {
        *err = shared;
    }
    return -1;
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
    MPI_Abort(MPI_COMM_WORLD, FS_EXIT_SOFTWARE); /* the other groups too */
}

MPI_Comm fs_mpi_duplicate(MPI_Comm communicator)
{
    MPI_Comm copy;
    MPI_Errhandler handler;
    fs_watch_limit("MPI_Comm_dup");
    MPI_Comm_dup(communicator, &copy);
    fs_watch_end();
    MPI_Comm_create_errhandler(report_and_abort, &handler);
    MPI_Comm_set_errhandler(copy, handler);
    MPI_Errhandler_free(&handler);
    return copy;
}

uint64_t fs_mpi_folder(char *folder, size_t size)
{
    static const char *const names[] = {"PMIX_SERVER_TMPDIR", "OMPI_MCA_orte_tmpdir_base", "TMPDIR"};
    const char *path = NULL;
    struct statvfs info;
    for (size_t i = 0; path == NULL && i < sizeof names / sizeof names[0]; i++) {
        path = getenv(names[i]);
    }
    snprintf(folder, size, "%s", path != NULL ? path : "/tmp");
    if (access(folder, W_OK | X_OK) != 0) {
        return 0;
    }
    return statvfs(folder, &info) == 0 ? (uint64_t)info.f_bavail * (uint64_t)info.f_frsize : UINT64_MAX;
}

MPI_Comm fs_mpi_node(MPI_Comm communicator)
{
    MPI_Comm node;
    fs_watch_limit("MPI_Comm_split_type");
    MPI_Comm_split_type(communicator, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    fs_watch_end();
    return node;
}

MPI_Comm fs_mpi_split(MPI_Comm communicator, int part)
{
    MPI_Comm own;
    fs_watch_limit("MPI_Comm_split");
    MPI_Comm_split(communicator, part, 0, &own);
    fs_watch_end();
    return own;
}

void fs_mpi_free(MPI_Comm *communicator)
{
    fs_watch_limit("MPI_Comm_free");
    MPI_Comm_free(communicator);
    fs_watch_end();
}
