/*
 * Whether the launcher and MPI agree on how many ranks there are. Where they do not know each other (Slurm without the
 * PMI of this MPI, the mpirun of another MPI), every process is rank 0 of 1, and each does the whole job. Local.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_LAUNCH_H
#define FAIRSTAMP_PIPELINE_RANKS_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>

struct fs_launch {
    const char *launcher; /* "Slurm" */
    size_t tasks, task;   /* it has started, at least; which of them this process is */
    const char *fix;
};

/*
 * By the environment: a launcher that has started more tasks than the `ranks` that MPI knows, into `launch`; false where
 * there is none. What a batch script starts is no step of Slurm, and ranks of an mpirun count as that says.
 */
bool fs_launch_is_split(size_t ranks, struct fs_launch *launch);

/*
 * Whether a launcher has started this process as one of several, or mpirun as a rank, be it the only one: a program with MPI
 * that it starts would take itself for that rank, and wait for ever.
 */
bool fs_launch_is_rank(struct fs_launch *launch);

/* Where it is split: one warning for all tasks. Root. */
void fs_launch_warn(size_t ranks);

/*
 * Where this process's parent is an mpirun: kills it, at which all that it can reach ends. Only for a node that does not
 * answer: Open MPI's mpirun has then waited for its daemon there in vain, and would go on for a quarter of an hour after
 * the other ranks have ended. Also from a thread beside the main one.
 */
void fs_launch_end(void);

#endif
