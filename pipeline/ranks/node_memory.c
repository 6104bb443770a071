#include "pipeline/ranks/node_memory.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "io/clock.h"
#include "io/console/log.h"
#include "io/console/progress.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/node_memory_private.h"

_Static_assert(sizeof(struct fs_fill) <= FS_SHARED_PAGE, "stands before the weights");

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
    if (bytes == 0) {
        fs_log("no shared memory: %s (%s); every rank there checks the weights for itself", reason->text,
               reason->where);
        return;
    }
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
    memory->bytes = bytes;
    *result = memory;
    MPI_Comm_size(memory->node, &ranks);
    if (ranks > 1) {
        status = fs_shared_block_create(memory->node, FS_SHARED_PAGE + bytes, true, &memory->block, &reason);
    }
    tell_failures(communicator, memory->node, bytes, status, &reason);
    if (memory->block.data != NULL) {
        memory->fill = memory->block.data;
        memory->data = (char *)memory->block.data + FS_SHARED_PAGE;
        return 0;
    }
    memory->private_block = fs_allocate_aligned(bytes, 1, "converted weights", err);
    memory->data = memory->private_block;
    return memory->private_block != NULL ? 0 : -1;
}

void fs_node_memory_destroy(struct fs_node_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    if (memory->store != NULL) {
        fs_node_store_close(memory->store, memory->entry);
    } else {
        fs_shared_block_destroy(&memory->block);
        fs_mpi_free(&memory->node);
        free(memory->private_block);
    }
    free(memory);
}

void *fs_node_memory_data(const struct fs_node_memory *memory)
{
    return memory->data;
}

int fs_node_memory_fill(struct fs_node_memory *memory, size_t pieces,
                        int (*piece)(void *context, size_t piece, struct fs_error *err), void *context,
                        struct fs_fill_report *report, struct fs_error *err)
{
    struct fs_fill *own = memory->fill == NULL ? fs_allocate(1, sizeof *own, "shared memory", err) : NULL;
    struct fs_fill *fill = memory->fill != NULL ? memory->fill : own;
    int status = fill != NULL ? fs_fill_run(fill, pieces, piece, context, report, err) : -1;
    free(own);
    if (memory->fill != NULL && memory->bytes > 0) {
        (void)mprotect(memory->data, memory->bytes, PROT_READ); /* a guard, no need */
    }
    return status;
}
