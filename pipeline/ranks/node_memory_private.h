/* What node_memory.c and node_store.c share. */
#ifndef FAIRSTAMP_PIPELINE_RANKS_NODE_MEMORY_PRIVATE_H
#define FAIRSTAMP_PIPELINE_RANKS_NODE_MEMORY_PRIVATE_H

#include "pipeline/ranks/node_memory.h"
#include "pipeline/ranks/shared_block.h"

struct fs_node_store;

struct fs_node_memory {
    void *data;
    size_t bytes;
    struct fs_fill *fill; /* in shared memory; NULL: not shared */
    /* of its own: */
    MPI_Comm node;
    struct fs_shared_block block; /* without data: private memory */
    void *private_block;
    /* or of a store: */
    struct fs_node_store *store;
    size_t entry;
};

void fs_node_store_close(struct fs_node_store *store, size_t entry); /* local; node_store.c */

#endif
