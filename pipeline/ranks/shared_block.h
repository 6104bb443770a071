/*
 * Memory that the ranks of one node share. It is an anonymous file (memfd_create) of the node's first rank, which hands it
 * to the others over a socket. So it has no name, and nothing is left of it where a process is killed; it is bounded by the
 * node's memory, not by the size of /dev/shm (64 MiB in a container); and all its pages are taken before it is used, so
 * that none is missing later (SIGBUS).
 *
 * Not MPI_Win_allocate_shared: where /dev/shm is too small, Open MPI (osc/sm) returns from it on one rank before it tells
 * the others, which wait for ever. Here each step may fail on one rank alone, and all ranks agree on it before the next.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_SHARED_BLOCK_H
#define FAIRSTAMP_PIPELINE_RANKS_SHARED_BLOCK_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

struct fs_shared_block {
    void *data; /* begins a page; zeros at first; NULL: none */
    size_t bytes;
};

/*
 * `bytes` > 0 is the same on all ranks of `node`, whose ranks are on one node. The first rank may write, the others where
 * `all_write`. Collective; 0 on all ranks, or -1 on all with the error of the lowest failing rank: FS_EXIT_OS.
 */
int fs_shared_block_create(MPI_Comm node, size_t bytes, bool all_write, struct fs_shared_block *block,
                           struct fs_error *err);
void fs_shared_block_destroy(struct fs_shared_block *block); /* local; takes a zeroed struct */

#endif
