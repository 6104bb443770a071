/*
 * The preflight: what `fairstamp doctor` looks at before a job waits in a queue for hours. Each check is one finding:
 * ok, warning or failed, what was found, and the likely fix. What the checks say of the ranks is worked out by the root
 * from the facts of all. Functions are collective unless they say local.
 */
#ifndef FAIRSTAMP_PIPELINE_CHECKS_DOCTOR_H
#define FAIRSTAMP_PIPELINE_CHECKS_DOCTOR_H

#include <sched.h>
#include <stdint.h>

#include "pipeline/ranks/blas_kernels.h"
#include "pipeline/ranks/session.h"

enum fs_finding_state { FS_FINDING_OK, FS_FINDING_WARNING, FS_FINDING_FAILED, FS_FINDING_STATES };
extern const char *const fs_finding_words[FS_FINDING_STATES]; /* "ok", "warning", "failed" */

struct fs_finding {
    enum fs_finding_state state;
    char name[16]; /* "model" */
    char text[640];
    char fix[256]; /* "" where nothing is to be done */
};

#define FS_DOCTOR_MOST 24
struct fs_doctor {
    struct fs_finding finding[FS_DOCTOR_MOST];
    size_t findings, count[FS_FINDING_STATES];
};

/* Adds a finding, `text` as printf has it; `fix` NULL: none. Local; what is found beyond FS_DOCTOR_MOST is dropped. */
void fs_doctor_add(struct fs_doctor *doctor, enum fs_finding_state state, const char *name, const char *fix,
                   const char *text, ...) FS_PRINTF(5, 6);

/* What one rank knows of itself and of its node. */
struct fs_rank_facts {
    char node[64];
    char libraries[320];    /* fs_libraries_text */
    char wrong[32];         /* what is wrong with the products of its kernels (fs_blas_check); "" where nothing is */
    int threads;            /* it computes with */
    cpu_set_t cores;        /* it may use */
    uint64_t memory;        /* bytes the node has left for this job, by /proc, cgroup and Slurm */
    uint64_t shared_memory; /* bytes free in /dev/shm */
    char no_sharing[256];   /* why the ranks of the node cannot share memory; "" where they can, or are alone */
    char folder[256];       /* where the launcher and MPI keep files (fs_mpi_folder) */
    uint64_t folder_left;   /* bytes free there; 0: it cannot be written; UINT64_MAX: not known */
    uint64_t allocated;     /* cores of the node that Slurm has given; 0: not under Slurm */
    uint64_t online;        /* cores of the node */
    struct fs_kernels kernels;
};
void fs_rank_facts_get(size_t threads, struct fs_rank_facts *facts); /* local */
/* Tries whether the ranks of a node can share memory: `no_sharing`. Collective. */
void fs_rank_facts_try_sharing(MPI_Comm communicator, struct fs_rank_facts *facts);

/*
 * Local, from the facts of all `ranks` ranks: launch (whether they know of each other) and versions, threads and cores,
 * kernels.
 */
void fs_doctor_launch(struct fs_doctor *doctor, const struct fs_rank_facts *fact, size_t ranks);
void fs_doctor_threads(struct fs_doctor *doctor, const struct fs_rank_facts *fact, size_t ranks);
void fs_doctor_kernels(struct fs_doctor *doctor, const struct fs_rank_facts *fact, size_t ranks);

/* What a job needs of a node and of the disk, in bytes (pipeline/estimate/memory.h). */
struct fs_needs {
    uint64_t node;               /* weights, once a node */
    uint64_t shared;             /* of them converted: once a rank where those of a node cannot share memory */
    uint64_t rank, thread, root; /* root: of the first rank besides */
    uint64_t disk;
};
void fs_doctor_memory(struct fs_doctor *doctor, const struct fs_rank_facts *fact, size_t ranks,
                      const struct fs_needs *needs); /* local */
/* Local: the folder of the launcher's files on each node. */
void fs_doctor_folder(struct fs_doctor *doctor, const struct fs_rank_facts *fact, size_t ranks);
void fs_doctor_slurm(struct fs_doctor *doctor); /* local: Slurm's time limit */

/* Local (root, which writes all files of a job): an archive in `folder` is published, read back, and removed. */
void fs_doctor_archive(struct fs_doctor *doctor, const char *folder);

#endif
