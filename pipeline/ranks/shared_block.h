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
    bool reserved; /* by fs_shared_block_reserve; then the memory is `file` */
    int file;
};

/*
 * `bytes` > 0 is the same on all ranks of `node`, whose ranks are on one node. The first rank may write, the others where
 * `all_write`. Collective; 0 on all ranks, or -1 on all with the error of the lowest failing rank: FS_EXIT_OS.
 */
int fs_shared_block_create(MPI_Comm node, size_t bytes, bool all_write, struct fs_shared_block *block,
                           struct fs_error *err);
/*
 * The same, where all may write, of which the first `taken` bytes have their pages now; the others get theirs by
 * fs_shared_block_take, local: FS_EXIT_OS where the node has none, or the rank may not. fs_shared_block_drop gives them back
 * once no rank reads them; then they are zeros. `offset`: a multiple of FS_SHARED_PAGE.
 */
#define FS_SHARED_PAGE ((size_t)1 << 16) /* of the largest pages of Linux on any processor */
int fs_shared_block_reserve(MPI_Comm node, size_t taken, size_t bytes, struct fs_shared_block *block,
                            struct fs_error *err);
int fs_shared_block_take(const struct fs_shared_block *block, size_t offset, size_t bytes, struct fs_error *err);
void fs_shared_block_drop(const struct fs_shared_block *block, size_t offset, size_t bytes);
void fs_shared_block_destroy(struct fs_shared_block *block); /* local; takes a zeroed struct */

#endif
