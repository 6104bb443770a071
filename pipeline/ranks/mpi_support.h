/*
 * What the MPI files of pipeline/ share: waiting without burning a core, agreeing, making and freeing communicators, the
 * error handler. Every MPI call is made by the main thread of a rank. All calls that wait for other ranks, and what
 * happens where one is missing: docs/ranks.md.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_MPI_SUPPORT_H
#define FAIRSTAMP_PIPELINE_RANKS_MPI_SUPPORT_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/error.h"

/*
 * Waits for a request of `call` (a literal): spins a moment, then sleeps between tests, because on a shared machine the
 * others need the core and a wait can be long (the root hashes a model, another rank computes its last unit).
 */
void fs_mpi_wait(MPI_Request *request, const char *call);
/*
 * What a rank looks after while it waits here, or hands out units (runner_mpi_map.c), beside its own work, such as questions
 * of other ranks: `attend`, which waits for nothing; NULL: nothing. fs_mpi_attend calls it once. Local.
 */
void fs_mpi_attend_by(void (*attend)(void *context), void *context);
void fs_mpi_attend(void);
/*
 * One of many looks at what comes from other ranks in `call`, where there is nothing else to do: returns after a moment
 * that grows with the number of looks in vain. Begins zeroed; fs_mpi_pause_end() after each success.
 */
struct fs_mpi_pause {
    unsigned looks;
    long nanoseconds; /* of the next sleep */
};
void fs_mpi_pause(struct fs_mpi_pause *pause, const char *call);
void fs_mpi_pause_end(struct fs_mpi_pause *pause);
/* MPI_Barrier, MPI_Bcast of any length, waiting as above. Collective. */
void fs_mpi_barrier(MPI_Comm communicator);

/*
 * MPI_Finalize, after a barrier of all ranks: a rank that is missing is noticed there, for Open MPI's mpirun may crash or hang
 * where one ends while others are in MPI_Finalize. Collective. `together`: the ranks arrive at one time and wait for
 * --wait-seconds; otherwise for as long as the root has a command to run.
 */
void fs_mpi_finalize(bool together);
void fs_mpi_broadcast(void *data, size_t bytes, int root, MPI_Comm communicator);
/* MPI_Allreduce of one number, waiting as above. Collective. */
int fs_mpi_reduce(int value, MPI_Op operation, MPI_Comm communicator);
/*
 * 0 where `status` is 0 on all ranks, otherwise -1 with the error of the lowest failing rank in `err` (NULL: dropped), and
 * where it arose. Collective.
 */
int fs_mpi_agree(MPI_Comm communicator, int status, struct fs_error *err);

/* Notes in `err` on which rank and node it arose, where it does not say so yet. Local; takes NULL. */
void fs_mpi_place_error(struct fs_error *err, MPI_Comm communicator);

/*
 * A copy of `communicator` on which a failed MPI call prints "fairstamp: MPI: ..." and ends all ranks with
 * FS_EXIT_SOFTWARE: no collective ending is left then. Collective; the caller frees.
 */
MPI_Comm fs_mpi_duplicate(MPI_Comm communicator);

/*
 * The folder of this node in which the launcher and MPI keep files, into `folder` [size], and the bytes that are free in
 * it; 0: it cannot be written, UINT64_MAX: not known. Open MPI 4.1's mpirun needs 8 MiB there, and waits for ever where
 * it has less. Local; also before MPI_Init.
 */
uint64_t fs_mpi_folder(char *folder, size_t size);
#define FS_MPI_FOLDER_LEAST ((uint64_t)4 << 20) /* with less, its next file does not fit */

/* The ranks of this one's node, on which a failed call returns as on `communicator`. Collective; the caller frees. */
MPI_Comm fs_mpi_node(MPI_Comm communicator);
/* The ranks of `communicator` that give the same `part`, in their order, likewise. Collective; the caller frees. */
MPI_Comm fs_mpi_split(MPI_Comm communicator, int part);
void fs_mpi_free(MPI_Comm *communicator); /* collective */

#define FS_TAG_RESULT 1
#define FS_TAG_TAKE 2
#define FS_TAG_TAKEN 3
#define FS_TAG_ASK 4
#define FS_TAG_ANSWER 5
#define FS_TAG_STOP 6
#define FS_TAG_REDUCE 7
#define FS_TAG_MOVE 8
#define FS_TAG_SLICE 16 /* and the 16384 behind it */

#endif
