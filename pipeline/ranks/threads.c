#include "pipeline/ranks/threads.h"

#include <sched.h>
#include <stdlib.h>

#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/watch.h"

size_t fs_cores_of_rank(MPI_Comm communicator)
{
    MPI_Comm node = fs_mpi_node(communicator);
    int ranks;
    cpu_set_t own;
    MPI_Comm_size(node, &ranks);
    CPU_ZERO(&own);
    if (sched_getaffinity(0, sizeof own, &own) != 0) {
        CPU_SET(0, &own);
    }
    cpu_set_t *all = calloc((size_t)ranks, sizeof *all);
    size_t cores = 1;
    if (fs_mpi_agree(node, all != NULL ? 0 : -1, NULL) == 0) {
        fs_watch_limit("MPI_Allgather");
        MPI_Allgather(&own, sizeof own, MPI_BYTE, all, sizeof own, MPI_BYTE, node);
        fs_watch_end();
        size_t sharing = 0;
        for (int rank = 0; rank < ranks; rank++) {
            sharing += CPU_EQUAL(&own, &all[rank]) != 0;
        }
        cores = (size_t)CPU_COUNT(&own) / sharing;
    }
    free(all);
    fs_mpi_free(&node);
    return cores > 0 ? cores : 1;
}

size_t fs_default_threads(MPI_Comm communicator)
{
    size_t cores = fs_cores_of_rank(communicator); /* collective, so also where the variable is set */
    const char *text = getenv("OMP_NUM_THREADS");
    long number = text != NULL ? strtol(text, NULL, 10) : 0;
    return number >= 1 && number <= 1024 ? (size_t)number : cores;
}
