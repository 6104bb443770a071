#include "pipeline/ranks/threads.h"

#include <sched.h>
#include <stdlib.h>

size_t fs_cores_of_rank(MPI_Comm communicator)
{
    MPI_Comm node;
    int ranks;
    cpu_set_t own;
    MPI_Comm_split_type(communicator, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &ranks);
    CPU_ZERO(&own);
    if (sched_getaffinity(0, sizeof own, &own) != 0) {
        CPU_SET(0, &own);
    }
    cpu_set_t *all = calloc((size_t)ranks, sizeof *all);
    int have = all != NULL;
    MPI_Allreduce(MPI_IN_PLACE, &have, 1, MPI_INT, MPI_LAND, node);
    size_t cores = 1;
    if (have) {
        MPI_Allgather(&own, sizeof own, MPI_BYTE, all, sizeof own, MPI_BYTE, node);
        size_t sharing = 0;
        for (int rank = 0; rank < ranks; rank++) {
            sharing += CPU_EQUAL(&own, &all[rank]) != 0;
        }
        cores = (size_t)CPU_COUNT(&own) / sharing;
    }
    free(all);
    MPI_Comm_free(&node);
    return cores > 0 ? cores : 1;
}

size_t fs_default_threads(MPI_Comm communicator)
{
    size_t cores = fs_cores_of_rank(communicator); /* collective, so also where the variable is set */
    const char *text = getenv("OMP_NUM_THREADS");
    long number = text != NULL ? strtol(text, NULL, 10) : 0;
    return number >= 1 && number <= 1024 ? (size_t)number : cores;
}
