#include "pipeline/ranks/node_memory.h"

#include <stdint.h>
#include <stdlib.h>

#include "io/console/progress.h"
#include "pipeline/ranks/mpi_support.h"

#define ALIGNMENT ((size_t)64)

struct fs_node_memory {
    MPI_Comm node;
    MPI_Win window; /* MPI_WIN_NULL: private memory */
    void *private_block;
    void *data;
    bool writes;
};

static int all_true(bool value, MPI_Comm communicator)
{
    int result = value;
    MPI_Allreduce(MPI_IN_PLACE, &result, 1, MPI_INT, MPI_LAND, communicator);
    return result;
}

/* False where the node has no shared memory to give. */
static bool share(struct fs_node_memory *memory, size_t bytes)
{
    int rank;
    void *own;
    MPI_Comm_rank(memory->node, &rank);
    MPI_Comm_set_errhandler(memory->node, MPI_ERRORS_RETURN); /* no memory is no reason to end here */
    MPI_Aint size = rank == 0 ? (MPI_Aint)(bytes + ALIGNMENT) : 0;
    int made = MPI_Win_allocate_shared(size, 1, MPI_INFO_NULL, memory->node, &own, &memory->window);
    if (!all_true(made == MPI_SUCCESS, memory->node)) {
        if (made == MPI_SUCCESS) {
            MPI_Win_free(&memory->window);
        }
        memory->window = MPI_WIN_NULL;
        return false;
    }
    int unit;
    void *base;
    MPI_Win_shared_query(memory->window, 0, &size, &unit, &base);
    MPI_Win_lock_all(MPI_MODE_NOCHECK, memory->window);
    /* pages are aligned in every process, so all ranks skip the same bytes */
    memory->data = (unsigned char *)base + (ALIGNMENT - (uintptr_t)base % ALIGNMENT) % ALIGNMENT;
    memory->writes = rank == 0;
    return true;
}

int fs_node_memory_create(MPI_Comm communicator, size_t bytes, struct fs_node_memory **result, struct fs_error *err)
{
    struct fs_node_memory *memory = fs_allocate(1, sizeof *memory, "shared memory", err);
    *result = NULL;
    if (!all_true(memory != NULL, communicator)) {
        free(memory);
        return memory != NULL ? fs_error_memory(err, sizeof *memory, "shared memory on another rank") : -1;
    }
    memory->window = MPI_WIN_NULL;
    MPI_Comm_split_type(communicator, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &memory->node);
    int ranks;
    MPI_Comm_size(memory->node, &ranks);
    if (ranks > 1 && bytes > 0 && share(memory, bytes)) {
        *result = memory;
        return 0;
    }
    if (ranks > 1 && bytes > 0) {
        fs_warn("no shared memory of %zu bytes on this node: every rank converts the weights for itself", bytes);
    }
    memory->writes = true;
    memory->data = memory->private_block = fs_allocate_aligned(bytes, 1, "converted weights", err);
    *result = memory;
    return memory->data != NULL ? 0 : -1;
}

void fs_node_memory_destroy(struct fs_node_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    if (memory->window != MPI_WIN_NULL) {
        MPI_Win_unlock_all(memory->window);
        MPI_Win_free(&memory->window);
    }
    MPI_Comm_free(&memory->node);
    free(memory->private_block);
    free(memory);
}

void *fs_node_memory_data(const struct fs_node_memory *memory)
{
    return memory->data;
}

bool fs_node_memory_writes(const struct fs_node_memory *memory)
{
    return memory->writes;
}

void fs_node_memory_ready(struct fs_node_memory *memory)
{
    if (memory->window != MPI_WIN_NULL) {
        MPI_Win_sync(memory->window);
        fs_mpi_barrier(memory->node);
        MPI_Win_sync(memory->window);
    }
}
