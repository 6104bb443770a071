/* Findings that follow from the facts of the ranks. */
#include "pipeline/checks/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pipeline/ranks/launch.h"

#define MIB (1024.0 * 1024.0)
#define SCARCE 0.8                  /* share of what is left, beyond which it may not last */
#define SEGMENT ((uint64_t)4 << 20) /* of /dev/shm, that Open MPI takes for a rank */
#define FOLDER ((uint64_t)8 << 20)  /* of its folder, that mpirun takes at its start */
#define SHORT_MINUTES 10

const char *const fs_finding_words[FS_FINDING_STATES] = {"ok", "warning", "failed"};

void fs_doctor_add(struct fs_doctor *doctor, enum fs_finding_state state, const char *name, const char *fix,
                   const char *text, ...)
{
    if (doctor->findings == FS_DOCTOR_MOST) {
        return;
    }
    struct fs_finding *finding = &doctor->finding[doctor->findings++];
    *finding = (struct fs_finding){.state = state};
    doctor->count[state]++;
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(finding->text, sizeof finding->text, text, arguments);
    va_end(arguments);
    snprintf(finding->name, sizeof finding->name, "%s", name);
    snprintf(finding->fix, sizeof finding->fix, "%s", fix != NULL ? fix : "");
}

static bool same_node(const struct fs_rank_facts *a, const struct fs_rank_facts *b)
{
    return strcmp(a->node, b->node) == 0;
}

/* Whether no rank before `rank` is on its node. */
static bool is_first_of_node(const struct fs_rank_facts *fact, size_t rank)
{
    for (size_t other = 0; other < rank; other++) {
        if (same_node(&fact[other], &fact[rank])) {
            return false;
        }
    }
    return true;
}

static size_t count_nodes(const struct fs_rank_facts *fact, size_t ranks)
{
    size_t nodes = 0;
    for (size_t rank = 0; rank < ranks; rank++) {
        nodes += is_first_of_node(fact, rank);
    }
    return nodes;
}

/* The first rank whose text at this place differs from rank 0's; `ranks` where there is none. */
static size_t first_other(const struct fs_rank_facts *fact, size_t ranks,
                          const char *(*text)(const struct fs_rank_facts *))
{
    for (size_t rank = 1; rank < ranks; rank++) {
        if (strcmp(text(&fact[rank]), text(&fact[0])) != 0) {
            return rank;
        }
    }
    return ranks;
}

static const char *libraries_of(const struct fs_rank_facts *fact)
{
    return fact->libraries;
}

static const char *kernels_of(const struct fs_rank_facts *fact)
{
    return fact->kernels.name;
}

void fs_doctor_launch(struct fs_doctor *doctor, const struct fs_rank_facts *fact, size_t ranks)
{
    size_t nodes = count_nodes(fact, ranks), other = first_other(fact, ranks, libraries_of);
    struct fs_launch launch;
    if (fs_launch_is_split(ranks, &launch)) {
        fs_doctor_add(doctor, FS_FINDING_FAILED, "launch", launch.fix,
                      "%s started %zu tasks, this process sees %zu rank%s: launched without PMI?", launch.launcher,
                      launch.tasks, ranks, ranks == 1 ? "" : "s");
    } else {
        fs_doctor_add(doctor, FS_FINDING_OK, "launch", NULL, "%zu rank%s on %zu node%s", ranks, ranks == 1 ? "" : "s",
                      nodes, nodes == 1 ? "" : "s");
    }
    if (other < ranks) {
        fs_doctor_add(doctor, FS_FINDING_FAILED, "versions", "load the same modules on every node",
                      "rank 0 on %s has %s; rank %zu on %s has %s", fact[0].node, fact[0].libraries, other,
                      fact[other].node, fact[other].libraries);
    } else {
        fs_doctor_add(doctor, FS_FINDING_OK, "versions", NULL, "%s", fact[0].libraries);
    }
}

/* The ranks of one node, the first of which is `first`. */
static bool threads_of_node(struct fs_doctor *doctor, const struct fs_rank_facts *fact, size_t ranks, size_t first)
{
    cpu_set_t all;
    size_t threads = 0, here = 0;
    CPU_ZERO(&all);
    for (size_t rank = first; rank < ranks; rank++) {
        if (same_node(&fact[rank], &fact[first])) {
            CPU_OR(&all, &all, &fact[rank].cores);
            threads += (size_t)fact[rank].threads;
            here++;
        }
    }
    size_t cores = (size_t)CPU_COUNT(&all), allocated = (size_t)fact[first].allocated;
    for (size_t rank = first; rank < ranks; rank++) {
        int own = CPU_COUNT(&fact[rank].cores);
        if (same_node(&fact[rank], &fact[first]) && fact[rank].threads > own) {
            fs_doctor_add(doctor, FS_FINDING_WARNING, "threads",
                          "mpirun --map-by slot:PE=THREADS or --bind-to none, srun --cpus-per-task, or fewer "
                          "OMP_NUM_THREADS",
                          "rank %zu on node %s has %d threads, and is bound to %d core%s", rank, fact[rank].node,
                          fact[rank].threads, own, own == 1 ? "" : "s");
            return true;
        }
    }
    if (allocated > 0 && threads > allocated) {
        fs_doctor_add(doctor, FS_FINDING_WARNING, "threads", "fewer ranks a node, or fewer OMP_NUM_THREADS",
                      "node %s: %zu ranks with %zu threads in all, and Slurm has given %zu cores", fact[first].node,
                      here, threads, allocated);
        return true;
    }
    if (threads > cores) {
        fs_doctor_add(doctor, FS_FINDING_WARNING, "threads", "fewer ranks a node, or fewer OMP_NUM_THREADS",
                      "node %s: %zu ranks with %zu threads in all share %zu cores", fact[first].node, here, threads,
                      cores);
        return true;
    }
    size_t given = allocated > 0 ? allocated : (size_t)fact[first].online;
    if (2 * threads <= given) {
        fs_doctor_add(doctor, FS_FINDING_WARNING, "threads",
                      "more ranks a node, a higher OMP_NUM_THREADS, or mpirun --bind-to none",
                      "node %s: %zu rank%s with %zu thread%s in all leave %zu of %zu cores idle", fact[first].node,
                      here, here == 1 ? "" : "s", threads, threads == 1 ? "" : "s", given - threads, given);
        return true;
    }
    return false;
}

void fs_doctor_threads(struct fs_doctor *doctor, const struct fs_rank_facts *fact, size_t ranks)
{
    for (size_t rank = 0; rank < ranks; rank++) {
        if (is_first_of_node(fact, rank) && threads_of_node(doctor, fact, ranks, rank)) {
            return; /* the first wrong node is enough */
        }
    }
    fs_doctor_add(doctor, FS_FINDING_OK, "threads", NULL, "%d thread%s a rank, on cores of their own", fact[0].threads,
                  fact[0].threads == 1 ? "" : "s");
}

void fs_doctor_kernels(struct fs_doctor *doctor, const struct fs_rank_facts *fact, size_t ranks)
{
    char why[FS_KERNELS_WHY_SIZE];
    size_t other = first_other(fact, ranks, kernels_of);
    if (other < ranks) {
        fs_doctor_add(doctor, FS_FINDING_FAILED, "kernels",
                      "one type of processor for a job (sbatch --constraint): the last bits would depend on who "
                      "computes what",
                      "OpenBLAS uses kernels for %s on node %s, for %s on node %s", fact[0].kernels.name, fact[0].node,
                      fact[other].kernels.name, fact[other].node);
        return;
    }
    for (size_t rank = 0; rank < ranks; rank++) {
        const struct fs_rank_facts *f = &fact[rank];
        const struct fs_kernels *kernels = &f->kernels;
        fs_kernels_why(kernels, why);
        if (f->wrong[0] != '\0') {
            fs_doctor_add(doctor, FS_FINDING_FAILED, "kernels", "another OpenBLAS, or another OPENBLAS_CORETYPE",
                          "OpenBLAS's kernels for %s do not multiply matrices rightly on node %s: %s", kernels->name,
                          f->node, f->wrong);
            return;
        }
        if (kernels->forced[0] != '\0') {
            const char *better = kernels->better;
            fs_doctor_add(doctor, FS_FINDING_WARNING, "kernels", "unset OPENBLAS_CORETYPE",
                          "OPENBLAS_CORETYPE=%s is set on node %s%s kernels for %s%s%s", kernels->forced, f->node,
                          fs_kernels_obey(kernels) ? " and forces" : ", but OpenBLAS takes", kernels->name,
                          better[0] != '\0' ? "; the processor runs faster ones, for " : "", better);
            return;
        }
        if (kernels->better[0] != '\0') {
            fs_doctor_add(doctor, FS_FINDING_WARNING, "kernels", "a newer OpenBLAS",
                          "the processor of node %s runs kernels for %s, but OpenBLAS uses slower ones for %s (%s)",
                          f->node, kernels->better, kernels->name, why);
            return;
        }
    }
    fs_kernels_why(&fact[0].kernels, why);
    fs_doctor_add(doctor, FS_FINDING_OK, "kernels", NULL, "OpenBLAS kernels for %s (%s)", fact[0].kernels.name, why);
}

/* One node's memory against what the job needs there; FS_FINDING_OK adds nothing. */
static enum fs_finding_state memory_of_node(struct fs_doctor *doctor, const struct fs_rank_facts *fact, size_t ranks,
                                            size_t first, const struct fs_needs *needs)
{
    const struct fs_rank_facts *f = &fact[first];
    size_t here = 0;
    uint64_t need = needs->node + (first == 0 ? needs->root : 0);
    for (size_t rank = first; rank < ranks; rank++) {
        if (same_node(&fact[rank], f)) {
            here++;
            need += needs->rank + (uint64_t)fact[rank].threads * needs->thread;
        }
    }
    bool apart = here > 1 && needs->shared > 0 && f->no_sharing[0] != '\0';
    need += apart ? (here - 1) * needs->shared : 0;
    enum fs_finding_state state = need > f->memory                            ? FS_FINDING_FAILED
                                  : (double)need > SCARCE * (double)f->memory ? FS_FINDING_WARNING
                                                                              : FS_FINDING_OK;
    if (state != FS_FINDING_OK) {
        fs_doctor_add(doctor, state, "memory", "more nodes, fewer ranks a node, or more memory (sbatch --mem)",
                      "node %s has %.0f MiB left, the job needs about %.0f MiB there", f->node, (double)f->memory / MIB,
                      (double)need / MIB);
        return state;
    }
    if (apart) {
        fs_doctor_add(
            doctor, FS_FINDING_WARNING, "memory", "one rank a node, or its ranks in one container",
            "node %s: its ranks cannot share memory (%s): each converts the weights for itself, %zu x %.0f MiB",
            f->node, f->no_sharing, here, (double)needs->shared / MIB);
        return FS_FINDING_WARNING;
    }
    if (here > 1 && f->shared_memory < here * SEGMENT) {
        fs_doctor_add(doctor, FS_FINDING_WARNING, "memory", "a larger /dev/shm (docker --shm-size)",
                      "node %s: /dev/shm has %.0f MiB left; Open MPI takes %.0f MiB for %zu ranks, else their messages "
                      "go by TCP, slower",
                      f->node, (double)f->shared_memory / MIB, (double)(here * SEGMENT) / MIB, here);
        return FS_FINDING_WARNING;
    }
    if (first == 0) {
        char wanted[64] = "";
        if (needs->thread > 0) {
            snprintf(wanted, sizeof wanted, "; the job needs about %.0f MiB", (double)need / MIB);
        }
        fs_doctor_add(doctor, FS_FINDING_OK, "memory", NULL, "node %s has %.0f MiB left, /dev/shm %.0f MiB%s", f->node,
                      (double)f->memory / MIB, (double)f->shared_memory / MIB, wanted);
    }
    return FS_FINDING_OK;
}

void fs_doctor_memory(struct fs_doctor *doctor, const struct fs_rank_facts *fact, size_t ranks,
                      const struct fs_needs *needs)
{
    for (size_t rank = 0; rank < ranks; rank++) {
        if (is_first_of_node(fact, rank) && memory_of_node(doctor, fact, ranks, rank, needs) != FS_FINDING_OK) {
            return;
        }
    }
}

void fs_doctor_folder(struct fs_doctor *doctor, const struct fs_rank_facts *fact, size_t ranks)
{
    for (size_t rank = 0; rank < ranks; rank++) {
        const struct fs_rank_facts *f = &fact[rank];
        if (f->folder_left < FOLDER) {
            fs_doctor_add(doctor, FS_FINDING_WARNING, "tmp", "make room, or set TMPDIR to another folder of the node",
                          "node %s: %s %s %.1f MiB left; mpirun takes %.0f MiB there at its next start, and waits for "
                          "ever where it has less",
                          f->node, f->folder, f->folder_left == 0 ? "cannot be written or has" : "has",
                          (double)f->folder_left / MIB, (double)FOLDER / MIB);
            return; /* the first is enough */
        }
    }
    if (fact[0].folder_left != UINT64_MAX) {
        fs_doctor_add(doctor, FS_FINDING_OK, "tmp", NULL, "%s on node %s has %.0f MiB left for MPI's files",
                      fact[0].folder, fact[0].node, (double)fact[0].folder_left / MIB);
    }
}

void fs_doctor_slurm(struct fs_doctor *doctor)
{
    const char *job = getenv("SLURM_JOB_ID"), *end = getenv("SLURM_JOB_END_TIME");
    if (job == NULL) {
        fs_doctor_add(doctor, FS_FINDING_OK, "slurm", NULL, "not under Slurm");
        return;
    }
    long long left = end != NULL ? strtoll(end, NULL, 10) - (long long)time(NULL) : -1;
    if (end == NULL) {
        fs_doctor_add(doctor, FS_FINDING_OK, "slurm", NULL, "job %s; how much time it has left is not known", job);
    } else if (left < 60 * SHORT_MINUTES) {
        fs_doctor_add(doctor, FS_FINDING_WARNING, "slurm", "a longer sbatch --time", "job %s has %lld s left", job,
                      left);
    } else {
        fs_doctor_add(doctor, FS_FINDING_OK, "slurm", NULL, "job %s has %lld min left", job, left / 60);
    }
}
