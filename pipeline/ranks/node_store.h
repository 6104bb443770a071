/*
 * Models of which groups of ranks of a node make use at times of their own: the converted weights of each are there once
 * for all of them, made by those that ask first, with nobody waiting for who is elsewhere. One reserved block a node
 * (shared_block.h), made by all ranks at the start; a model takes its pages when the first rank opens it.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_NODE_STORE_H
#define FAIRSTAMP_PIPELINE_RANKS_NODE_STORE_H

#include "io/digest.h"
#include "pipeline/ranks/node_memory.h"

struct fs_node_store;

/*
 * Room for `count` models of bytes[count] each, the same on all ranks. *store: NULL where there is none, or where the ranks of
 * a node cannot share, told in a warning: then each group has its own memory. Collective.
 */
int fs_node_store_create(MPI_Comm communicator, const size_t *bytes, size_t count, struct fs_node_store **store,
                         struct fs_error *err);
void fs_node_store_destroy(struct fs_node_store *store); /* local; all that was opened is closed; takes NULL */

/*
 * The memory of `model`, to be filled by fs_node_memory_fill. `identity` (FS_DIGEST_SIZE) tells its files from others;
 * *memory is NULL where another rank has those of other files open, or `bytes` is not what there is room for. FS_EXIT_OS
 * where the node has no memory left. The caller destroys. Local.
 */
int fs_node_store_open(struct fs_node_store *store, size_t model, size_t bytes, const char identity[FS_DIGEST_SIZE],
                       struct fs_node_memory **memory, struct fs_error *err);

/* Gives back the memory of models that nobody has open and that are not `needed` [count] any more. Local. */
void fs_node_store_trim(struct fs_node_store *store, const unsigned char *needed);

#endif
