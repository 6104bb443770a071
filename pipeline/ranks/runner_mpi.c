#include "pipeline/ranks/runner_mpi.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "pipeline/ranks/runner_mpi_private.h"
#include "pipeline/ranks/sharing.h"
#include "pipeline/ranks/stop.h"
#include "pipeline/ranks/threads.h"
#include "pipeline/ranks/watch.h"

static int broadcast(struct fs_runner *base, void *data, size_t bytes, struct fs_error *err)
{
    (void)err; /* a failing MPI call ends all ranks */
    fs_mpi_broadcast(data, bytes, 0, ((struct runner_mpi *)base)->communicator);
    return 0;
}

static int agree(struct fs_runner *base, int status, struct fs_error *err)
{
    return fs_mpi_agree(((struct runner_mpi *)base)->communicator, status, err);
}

static bool stop_requested(struct fs_runner *base)
{
    return fs_mpi_reduce(fs_stop_asked(), MPI_MAX, ((struct runner_mpi *)base)->communicator) != 0;
}

int fs_runner_mpi_create(MPI_Comm communicator, size_t threads, struct fs_runner **result, struct fs_error *err)
{
    static const struct fs_runner_operations operations = {
        fs_runner_mpi_map, fs_runner_mpi_claim, fs_runner_mpi_sum,   broadcast, agree,
        stop_requested,    fs_runner_mpi_move,  fs_runner_mpi_gather};
    int rank, ranks;
    MPI_Comm_rank(communicator, &rank);
    MPI_Comm_size(communicator, &ranks);
    size_t defaults = fs_default_threads(communicator);
    struct runner_mpi created = {.communicator = communicator, .sum_bytes = FS_SUM_BYTES, .most_gathered = INT_MAX};
    created.base = (struct fs_runner){.operations = &operations,
                                      .rank = (size_t)rank,
                                      .ranks = (size_t)ranks,
                                      .threads = threads > 0 ? threads : defaults};
    struct runner_mpi *runner = fs_allocate(1, sizeof *runner, "a runner", err);
    int status = runner == NULL ? -1 : fs_pool_create(created.base.threads, &created.pool, err);
    created.threads = fs_allocate((size_t)ranks, sizeof *created.threads, "a runner", err);
    created.counts = fs_allocate(2 * (size_t)ranks, sizeof *created.counts, "a runner", err);
    if (agree(&created.base, created.threads == NULL || created.counts == NULL ? -1 : status, err) != 0) {
        fs_pool_destroy(created.pool);
        free(created.threads);
        free(created.counts);
        free(runner);
        return -1;
    }
    fs_watch_limit("MPI_Allgather");
    MPI_Allgather(&created.base.threads, sizeof *created.threads, MPI_BYTE, created.threads, sizeof *created.threads,
                  MPI_BYTE, communicator);
    fs_watch_end();
    *runner = created;
    fs_counter_create(communicator, &runner->counter);
    *result = &runner->base;
    return 0;
}

void fs_runner_mpi_destroy(struct fs_runner *base)
{
    struct runner_mpi *runner = (struct runner_mpi *)base;
    if (runner == NULL) {
        return;
    }
    fs_pool_destroy(runner->pool);
    fs_counter_destroy(&runner->counter);
    fs_runner_mpi_forget_sums(runner);
    free(runner->threads);
    free(runner->counts);
    free(runner->folder);
    free(runner->settings);
    free(runner);
}

static bool is_over_mpi(const struct fs_runner *base)
{
    return base->operations->sum == fs_runner_mpi_sum;
}

int fs_runner_mpi_save_to(struct fs_runner *base, const char *folder, const char *job, const char *settings,
                          double seconds, double share, struct fs_error *err)
{
    struct runner_mpi *runner = (struct runner_mpi *)base;
    if (!is_over_mpi(base)) {
        return 0;
    }
    char *copy = strdup(folder), *text = strdup(settings != NULL ? settings : "");
    if (copy == NULL || text == NULL) {
        free(copy);
        free(text);
        return fs_error_memory(err, strlen(folder), "a path");
    }
    free(runner->folder);
    free(runner->settings);
    runner->folder = copy;
    runner->settings = text;
    snprintf(runner->job, sizeof runner->job, "%s", job);
    fs_save_clock_begin(&runner->clock, seconds, share, fs_seconds());
    return 0;
}

struct fs_save_clock *fs_runner_mpi_clock(struct fs_runner *base)
{
    static struct fs_save_clock never;
    if (!is_over_mpi(base)) {
        fs_save_clock_begin(&never, INFINITY, 1, fs_seconds());
        return &never;
    }
    return &((struct runner_mpi *)base)->clock;
}

void fs_runner_mpi_expect_sums(struct fs_runner *base, const char *name, size_t done, size_t total)
{
    struct runner_mpi *runner = (struct runner_mpi *)base;
    if (!is_over_mpi(base)) {
        return;
    }
    runner->expected_name = name;
    runner->sums = done;
    runner->expected_sums = total;
}

void fs_runner_mpi_bound_sums(struct fs_runner *base, size_t bytes, size_t most)
{
    if (is_over_mpi(base)) {
        ((struct runner_mpi *)base)->sum_bytes = bytes;
        ((struct runner_mpi *)base)->most_gathered = most;
    }
}
