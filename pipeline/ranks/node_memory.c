#include "pipeline/ranks/node_memory.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "io/console/progress.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/shared_block.h"

struct fs_node_memory {
    MPI_Comm node;
    struct fs_shared_block block; /* without data: private memory */
    void *private_block;
    bool writes;
};

/*
 * Tells of the nodes whose ranks could not share, which is no error: one line, from the root, with the reason on the first
 * of them. `status`, `reason`: of this rank's node.
 */
static void tell_failures(MPI_Comm communicator, MPI_Comm node, size_t bytes, int status, struct fs_error *reason)
{
    int rank, ranks;
    MPI_Comm_rank(node, &rank);
    MPI_Comm_size(node, &ranks);
    int nodes = fs_mpi_reduce(rank == 0 && status != 0, MPI_SUM, communicator);
    int most = fs_mpi_reduce(status != 0 ? ranks : 0, MPI_MAX, communicator);
    if (nodes == 0) {
        return;
    }
    (void)fs_mpi_agree(communicator, status, reason);
    fs_warn("no shared memory of %zu bytes on %d node%s: %s (%s); every rank there converts the weights for itself, so "
            "they take %d times as much",
            bytes, nodes, nodes == 1 ? "" : "s", reason->text, reason->where, most);
}

int fs_node_memory_create(MPI_Comm communicator, size_t bytes, struct fs_node_memory **result, struct fs_error *err)
{
    struct fs_node_memory *memory = fs_allocate(1, sizeof *memory, "shared memory", err);
    *result = NULL;
    if (fs_mpi_agree(communicator, memory != NULL ? 0 : -1, err) != 0) {
        free(memory);
        return -1;
    }
    struct fs_error reason = FS_ERROR_INIT;
    int ranks, status = 0;
    memory->node = fs_mpi_node(communicator);
    *result = memory;
    MPI_Comm_size(memory->node, &ranks);
    if (bytes > 0) {
        status = ranks > 1 ? fs_shared_block_create(memory->node, bytes, false, &memory->block, &reason) : 0;
        tell_failures(communicator, memory->node, bytes, status, &reason);
    }
    if (memory->block.data != NULL) {
        int rank;
        MPI_Comm_rank(memory->node, &rank);
        memory->writes = rank == 0;
        return 0;
    }
    memory->writes = true;
    memory->private_block = fs_allocate_aligned(bytes, 1, "converted weights", err);
    return memory->private_block != NULL ? 0 : -1;
}

void fs_node_memory_destroy(struct fs_node_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    fs_shared_block_destroy(&memory->block);
    fs_mpi_free(&memory->node);
    free(memory->private_block);
    free(memory);
}

void *fs_node_memory_data(const struct fs_node_memory *memory)
{
    return memory->block.data != NULL ? memory->block.data : memory->private_block;
}

bool fs_node_memory_writes(const struct fs_node_memory *memory)
{
    return memory->writes;
}

void fs_node_memory_ready(struct fs_node_memory *memory)
{
    if (memory->block.data != NULL) {
        atomic_thread_fence(memory_order_seq_cst);
        fs_mpi_barrier(memory->node);
        atomic_thread_fence(memory_order_seq_cst);
    }
}
