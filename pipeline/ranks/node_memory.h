/*
 * Memory that all ranks of a node share (shared_block.h): weights that must be converted are held once a node. Where the
 * ranks of a node cannot share, each gets its own, with a warning. Collective.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_NODE_MEMORY_H
#define FAIRSTAMP_PIPELINE_RANKS_NODE_MEMORY_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

struct fs_node_memory;

/*
 * `bytes` is the same on all ranks; 0 allowed. The caller agrees on the status over all ranks, and destroys on all
 * ranks where `memory` was set, also after a failure.
 */
int fs_node_memory_create(MPI_Comm communicator, size_t bytes, struct fs_node_memory **memory, struct fs_error *err);
void fs_node_memory_destroy(struct fs_node_memory *memory); /* collective; takes NULL */

void *fs_node_memory_data(const struct fs_node_memory *memory); /* aligned to 64 bytes */
/* Whether this rank is the one that fills the block it sees; others may not write. */
bool fs_node_memory_writes(const struct fs_node_memory *memory);
/* Call after filling: what was written is visible to the ranks of the node from here on. */
void fs_node_memory_ready(struct fs_node_memory *memory);

#endif
