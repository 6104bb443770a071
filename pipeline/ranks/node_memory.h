/*
 * Memory that ranks of a node share: weights that must be converted are held once a node, and each tensor is converted, or
 * checked where it is used as it is stored, by one of them. Where the ranks of a node cannot share, each gets its own, with a
 * warning.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_NODE_MEMORY_H
#define FAIRSTAMP_PIPELINE_RANKS_NODE_MEMORY_H

#include <mpi.h>
#include <stddef.h>

#include "io/error.h"
#include "pipeline/ranks/fill.h"

struct fs_node_memory;

/*
 * Of the ranks of `communicator` on each node (shared_block.h). `bytes` is the same on all ranks; 0 allowed. The caller
 * agrees on the status over all ranks, and destroys on all ranks where `memory` was set, also after a failure. Collective.
 */
int fs_node_memory_create(MPI_Comm communicator, size_t bytes, struct fs_node_memory **memory, struct fs_error *err);
/* Collective over the ranks of fs_node_memory_create; of a store (node_store.h) local. Takes NULL. */
void fs_node_memory_destroy(struct fs_node_memory *memory);

void *fs_node_memory_data(const struct fs_node_memory *memory); /* aligned to 64 bytes */
/*
 * Fills it by fs_fill_run, with the other ranks that share it or, where none can, alone; from then on it can only be read.
 * The caller agrees on the status.
 */
int fs_node_memory_fill(struct fs_node_memory *memory, size_t pieces,
                        int (*piece)(void *context, size_t piece, struct fs_error *err), void *context,
                        struct fs_fill_report *report, struct fs_error *err);

#endif
