/*
 * What happens where one rank fails alone, or never arrives, for waits_test.sh:
 *
 *     waits_program [store] [FAULT RANK]...
 *
 * goes through a session as a command does, once for each fault: the counter, memory that a node shares. FAULT is a function
 * of those below, which fails on RANK alone; or "stall:" and one of MPI, from which RANK does not return; or "stop:" and
 * one of MPI, in which, or before which, RANK is stopped. From that call on --wait-seconds is 1, before it is long. "apart": each rank is
 * taken for a node of its own, so the counter is a window. "none": no fault. The root prints what the
 * ranks have in common. With "store" before the first fault it is the memory of several models that groups of ranks share.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <mpi.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/console/progress.h"
#include "pipeline/ranks/counter.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/node_store.h"
#include "pipeline/ranks/runner_mpi.h"
#include "pipeline/ranks/watch.h"

#define NUMBERS ((size_t)1 << 20)
#define TAKEN 50

static const char *fault = "";
static bool faulty; /* this rank, from MPI_Init on */
static int own_rank, all_ranks;

static bool fails(const char *name)
{
    return faulty && strcmp(fault, name) == 0;
}

/* All ranks come by here; the call is watched already. */
static void miss(const char *call)
{
    const char *colon = strchr(fault, ':');
    if (colon == NULL || strcmp(colon + 1, call) != 0) {
        return;
    }
    fs_watch_stop();
    fs_watch_start(1);
    fs_watch_place(own_rank, all_ranks);
    if (faulty && fault[2] == 'o') {
        raise(SIGSTOP);
    }
    while (faulty) {
        fs_watch_end(); /* the others shall notice */
        pause();
    }
}

/* ---- what fails on one rank: these stand before the C library's ---- */

#define NEXT(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

int memfd_create(const char *name, unsigned flags)
{
    errno = EMFILE;
    return fails("memfd_create") ? -1 : NEXT(memfd_create)(name, flags);
}

int posix_fallocate(int file, off_t begin, off_t length)
{
    return fails("posix_fallocate") ? ENOSPC : NEXT(posix_fallocate)(file, begin, length);
}

int ftruncate(int file, off_t length)
{
    errno = EFBIG;
    return fails("ftruncate") ? -1 : NEXT(ftruncate)(file, length);
}

int listen(int file, int length)
{
    errno = EACCES;
    return fails("listen") ? -1 : NEXT(listen)(file, length);
}

int connect(int file, const struct sockaddr *address, socklen_t length)
{
    errno = ECONNREFUSED;
    return fails("connect") && address->sa_family == AF_UNIX ? -1 : NEXT(connect)(file, address, length);
}

ssize_t sendmsg(int file, const struct msghdr *message, int flags)
{
    errno = EPERM;
    return fails("sendmsg") && message->msg_controllen > 0 ? -1 : NEXT(sendmsg)(file, message, flags);
}

ssize_t recvmsg(int file, struct msghdr *message, int flags)
{
    errno = EAGAIN;
    return fails("recvmsg") && message->msg_controllen > 0 ? -1 : NEXT(recvmsg)(file, message, flags);
}

void *mmap(void *where, size_t length, int protection, int flags, int file, off_t offset)
{
    static __typeof__(&mmap) next; /* dlsym may map memory itself */
    if (next == NULL) {
        next = NEXT(mmap);
    }
    if (fails("mmap") && (flags & MAP_SHARED) != 0 && file >= 0) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return next(where, length, protection, flags, file, offset);
}

int MPI_Comm_dup(MPI_Comm communicator, MPI_Comm *copy)
{
    miss("MPI_Comm_dup");
    return PMPI_Comm_dup(communicator, copy);
}

int MPI_Comm_split_type(MPI_Comm communicator, int type, int key, MPI_Info info, MPI_Comm *node)
{
    miss("MPI_Comm_split_type");
    if (strcmp(fault, "apart") == 0) {
        int rank;
        PMPI_Comm_rank(communicator, &rank);
        return PMPI_Comm_split(communicator, rank, 0, node);
    }
    return PMPI_Comm_split_type(communicator, type, key, info, node);
}

int MPI_Ibarrier(MPI_Comm communicator, MPI_Request *request)
{
    miss("MPI_Ibarrier");
    return PMPI_Ibarrier(communicator, request);
}

/* ---- a session ---- */

/* All ranks take numbers until there are none: each was given out once. The root answers where messages are sent. */
static int64_t take_all(MPI_Comm communicator, struct fs_counter *counter)
{
    int rank, ranks;
    MPI_Comm_rank(communicator, &rank);
    MPI_Comm_size(communicator, &ranks);
    int64_t sum = 0, all = 0;
    int done = 0;
    MPI_Request request;
    fs_mpi_barrier(communicator);
    for (int64_t number; (number = fs_counter_take(counter, 1)) < TAKEN; sum += number) {
        fs_counter_serve(counter);
    }
    MPI_Iallreduce(&sum, &all, 1, MPI_INT64_T, MPI_SUM, communicator, &request);
    while (MPI_Test(&request, &done, MPI_STATUS_IGNORE), !done) {
        fs_counter_serve(counter);
    }
    return all;
}

#define PIECES 64

static int write_piece(void *context, size_t piece, struct fs_error *err)
{
    float *number = context;
    (void)err;
    for (size_t i = piece * NUMBERS / PIECES; i < (piece + 1) * NUMBERS / PIECES; i++) {
        number[i] = (float)(i % 97);
    }
    return 0;
}

/* What the ranks of a node wrote together, as each of them sees it. */
static int share(MPI_Comm communicator, double *sum, struct fs_error *err)
{
    struct fs_node_memory *memory = NULL;
    struct fs_fill_report report;
    int status = fs_node_memory_create(communicator, NUMBERS * sizeof(float), &memory, err);
    status = fs_mpi_agree(communicator, status, err);
    if (status == 0) {
        float *number = fs_node_memory_data(memory);
        status = fs_node_memory_fill(memory, PIECES, write_piece, number, &report, err);
        for (size_t i = 0; i < NUMBERS; i++) {
            *sum += (double)number[i];
        }
    }
    fs_node_memory_destroy(memory);
    return fs_mpi_agree(communicator, status, err);
}

/* One model of the store: the sum of its numbers, which ranks write that are there. -1: it cannot be opened. */
static double use(struct fs_node_store *store, size_t model, const char identity[FS_DIGEST_SIZE], struct fs_error *err)
{
    struct fs_node_memory *memory = NULL;
    struct fs_fill_report report;
    double sum = 0;
    if (fs_node_store_open(store, model, NUMBERS * sizeof(float), identity, &memory, err) != 0 || memory == NULL) {
        return -1;
    }
    float *number = fs_node_memory_data(memory);
    int status = fs_node_memory_fill(memory, PIECES, write_piece, number, &report, err);
    for (size_t i = 0; status == 0 && i < NUMBERS; i++) {
        sum += (double)number[i];
    }
    fs_node_memory_destroy(memory);
    return sum;
}

/*
 * Ranks open models at times of their own: each the second model; rank 0 the first one before all others, which find it as it
 * was left, and once more with other files after all of them.
 */
static int share_models(struct fs_error *err)
{
    static const unsigned char needed[2] = {1, 0};
    static const size_t bytes[2] = {NUMBERS * sizeof(float), NUMBERS * sizeof(float)};
    static const char files[FS_DIGEST_SIZE] = "files", others[FS_DIGEST_SIZE] = "other files";
    MPI_Comm communicator = fs_mpi_duplicate(MPI_COMM_WORLD);
    struct fs_node_store *store = NULL;
    int status = fs_node_store_create(communicator, bytes, 2, &store, err);
    if (store != NULL) {
        double before = own_rank == 0 ? use(store, 0, files, err) : 0;
        double second = use(store, 1, files, err);
        fs_mpi_barrier(communicator);
        fs_node_store_trim(store, needed);
        double first = use(store, 0, files, err), again = use(store, 1, files, err);
        fs_mpi_barrier(communicator);
        double other = own_rank == 0 ? use(store, 0, others, err) : first;
        bool alike = second == first && again == first && other == first && (own_rank != 0 || before == first);
        int all = fs_mpi_reduce(alike, MPI_MIN, communicator);
        if (own_rank == 0) {
            printf("%s: sum %.0f%s\n", fault, first, all ? "" : ", not everywhere");
        }
    } else if (own_rank == 0) {
        printf("%s: no store\n", fault);
    }
    fflush(stdout);
    fs_node_store_destroy(store);
    fs_mpi_free(&communicator);
    return status;
}

/* What a session sets up, with the fault of the moment; one line from the root. */
static int go_through(struct fs_error *err)
{
    MPI_Comm communicator = fs_mpi_duplicate(MPI_COMM_WORLD);
    struct fs_counter counter;
    double sum = 0;
    fs_counter_create(communicator, &counter);
    int64_t taken = take_all(communicator, &counter);
    int status = share(communicator, &sum, err);
    bool alike = fs_mpi_reduce((int)sum, MPI_MIN, communicator) == fs_mpi_reduce((int)sum, MPI_MAX, communicator);
    const char *way = counter.one_sided ? "window" : "by message";
    if (own_rank == 0) {
        printf("%s: counter %s, %lld taken, sum %.0f%s\n", fault, counter.block.data != NULL ? "shared" : way,
               (long long)taken, sum, alike ? "" : ", not on all ranks");
        fflush(stdout);
    }
    fs_counter_destroy(&counter);
    fs_mpi_free(&communicator);
    return status;
}

int main(int argc, char **argv)
{
    int provided, status = 0;
    struct fs_error err = FS_ERROR_INIT;
    fs_watch_start(1000);
    fs_watch_limit("MPI_Init");
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    fs_watch_end();
    MPI_Comm_rank(MPI_COMM_WORLD, &own_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &all_ranks);
    fs_watch_place(own_rank, all_ranks);
    fs_progress_setup(own_rank == 0, false);
    bool store = argc > 1 && strcmp(argv[1], "store") == 0;
    for (int i = store ? 2 : 1; status == 0 && i + 1 < argc; i += 2) {
        fault = argv[i];
        faulty = own_rank == (int)strtol(argv[i + 1], NULL, 10);
        status = store ? share_models(&err) : go_through(&err);
    }
    miss("MPI_Finalize");
    fs_mpi_finalize(true);
    fs_watch_stop();
    return status == 0 ? 0 : err.code;
}
