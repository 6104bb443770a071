/* Shared by runner_mpi.c, runner_mpi_map.c (map and claim) and runner_mpi_sum.c. */
#ifndef FAIRSTAMP_PIPELINE_RANKS_RUNNER_MPI_PRIVATE_H
#define FAIRSTAMP_PIPELINE_RANKS_RUNNER_MPI_PRIVATE_H

#include "io/digest.h"
#include "pipeline/ranks/counter.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/pool.h"
#include "pipeline/ranks/runner_mpi.h"

/* Memory of sums, kept from one to the next: pages are dear. */
struct sum_memory {
    unsigned char *vectors, *slices;
    size_t vector_bytes, slice_bytes;
};

struct runner_mpi {
    struct fs_runner base; /* first, so that a pointer to it is a pointer to this */
    MPI_Comm communicator;
    struct fs_counter counter;
    struct fs_pool *pool;
    size_t *threads; /* [ranks] */
    int *counts;     /* [2 ranks] of a gathering */
    struct sum_memory kept;
    size_t sum_bytes;     /* FS_SUM_BYTES */
    size_t most_gathered; /* numbers, by one call: INT_MAX */
    char *folder;         /* NULL: nothing is saved */
    char *settings;
    char job[FS_DIGEST_SIZE];
    struct fs_save_clock clock;
    const char *expected_name; /* of the sums that are shown as progress; NULL: none */
    size_t sums, expected_sums;
};

int fs_runner_mpi_map(struct fs_runner *base, const struct fs_work *work, const char *checkpoint,
                      unsigned char *results, struct fs_error *err);
int fs_runner_mpi_claim(struct fs_runner *base, const struct fs_work *work, const struct fs_work *sums,
                        unsigned char *mine, struct fs_error *err);
int fs_runner_mpi_sum(struct fs_runner *base, const struct fs_work *work, const unsigned char *mine,
                      struct fs_sum_shape shape, void *total, struct fs_error *err);

void fs_runner_mpi_move(struct fs_runner *base, size_t from, size_t to, void *data, size_t bytes);
void fs_runner_mpi_gather(struct fs_runner *base, void *numbers, size_t length, size_t size);

void fs_runner_mpi_forget_sums(struct runner_mpi *runner); /* frees `kept` */

#endif
