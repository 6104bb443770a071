/* Handing out work: numbers 0, 1, 2, ... to all ranks, each once. */
#ifndef FAIRSTAMP_PIPELINE_RANKS_COUNTER_H
#define FAIRSTAMP_PIPELINE_RANKS_COUNTER_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include "pipeline/ranks/shared_block.h"

/*
 * On one node it is a number in memory that the ranks share. On several it is a cell of the root's memory that ranks add
 * to one-sidedly (MPI_Fetch_and_op). Where there is neither (Open MPI 4 over plain TCP) the ranks ask the root by message,
 * and the root answers in fs_counter_serve.
 */
struct fs_counter {
    MPI_Comm communicator;
    struct fs_shared_block block; /* its first number; without data: not shared */
    bool one_sided;
    MPI_Win window;
    int64_t *cell;
    int64_t value; /* of the root, where messages are sent */
};
void fs_counter_create(MPI_Comm communicator, struct fs_counter *counter); /* collective */
void fs_counter_destroy(struct fs_counter *counter);                       /* collective */
/* On the root, while no rank takes: back to 0. A broadcast from the root must follow before ranks take again. */
void fs_counter_reset(struct fs_counter *counter);
/* Adds `amount` and returns the value before. */
int64_t fs_counter_take(struct fs_counter *counter, int64_t amount);
/* Whether this rank waits for an answer of the root's each time: then it should take several numbers at once. */
bool fs_counter_asks(const struct fs_counter *counter);
/* On the root, often, while other ranks may take. */
void fs_counter_serve(struct fs_counter *counter);

#endif
