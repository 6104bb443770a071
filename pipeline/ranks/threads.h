/* How many threads a rank computes with. */
#ifndef FAIRSTAMP_PIPELINE_RANKS_THREADS_H
#define FAIRSTAMP_PIPELINE_RANKS_THREADS_H

#include <mpi.h>
#include <stddef.h>

/* Cores this rank may use, shared evenly with the ranks of the node that may use exactly the same ones. Collective. */
size_t fs_cores_of_rank(MPI_Comm communicator);
/* OMP_NUM_THREADS, or else the cores above. Collective. */
size_t fs_default_threads(MPI_Comm communicator);

#endif
