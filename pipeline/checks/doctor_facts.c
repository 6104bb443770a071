/* What a rank knows of itself, and whether parallel HDF5 works. */
#include <cblas.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "pipeline/checks/doctor.h"
#include "pipeline/ranks/blas_kernels.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/run/provenance.h"

#define MIB ((uint64_t)1 << 20)

/* The number behind `name` in the lines of `path`, "" for the first word of all; UINT64_MAX where there is none. */
static uint64_t read_number(const char *path, const char *name)
{
    char line[512];
    uint64_t number = UINT64_MAX;
    FILE *file = fopen(path, "re");
    while (file != NULL && number == UINT64_MAX && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            char *end;
            const char *begin = line + strlen(name);
            unsigned long long value = strtoull(begin, &end, 10);
            number = end > begin ? value : UINT64_MAX;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return number;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What the control groups of this process leave; UINT64_MAX where they set no limit. */
static uint64_t left_in_group(const char *group, const char *limit_name, const char *used_name)
{
    char folder[512], path[640];
    uint64_t left = UINT64_MAX;
    snprintf(folder, sizeof folder, "%s", group);
    for (;;) {
        snprintf(path, sizeof path, "%s/%s", folder, limit_name);
        uint64_t limit = read_number(path, "");
        snprintf(path, sizeof path, "%s/%s", folder, used_name);
        uint64_t used = read_number(path, "");
        if (limit != UINT64_MAX && used != UINT64_MAX) {
            left = smaller(left, limit > used ? limit - used : 0);
        }
        char *slash = strrchr(folder, '/');
        if (slash == NULL || strcmp(slash, "/cgroup") == 0 || slash == folder) {
            return left;
        }
        *slash = '\0';
    }
}

static uint64_t left_in_groups(void)
{
    char line[512], group[640];
    uint64_t left = UINT64_MAX;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *name = strstr(line, ":memory:"); /* version 1 */
        if (strncmp(line, "0::/", 4) == 0) {   /* version 2 */
            snprintf(group, sizeof group, "/sys/fs/cgroup%s", line + 3);
            left = smaller(left, left_in_group(group, "memory.max", "memory.current"));
        } else if (name != NULL) {
            snprintf(group, sizeof group, "/sys/fs/cgroup/memory%s", name + strlen(":memory:"));
            left = smaller(left, left_in_group(group, "memory.limit_in_bytes", "memory.usage_in_bytes"));
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return left;
}

static uint64_t number_of_environment(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

static uint64_t memory_left(void)
{
    uint64_t kibibytes = read_number("/proc/meminfo", "MemAvailable:");
    uint64_t left = kibibytes != UINT64_MAX ? kibibytes * 1024 : UINT64_MAX;
    left = smaller(left, left_in_groups());
    uint64_t node = number_of_environment("SLURM_MEM_PER_NODE");
    uint64_t core = number_of_environment("SLURM_MEM_PER_CPU") * number_of_environment("SLURM_CPUS_ON_NODE");
    node = node > 0 ? node : core;
    return node > 0 ? smaller(left, node * MIB) : left;
}

void fs_rank_facts_get(size_t threads, struct fs_rank_facts *facts)
{
    memset(facts, 0, sizeof *facts);
    gethostname(facts->node, sizeof facts->node - 1);
    fs_libraries_text(facts->libraries);
    snprintf(facts->kernels, sizeof facts->kernels, "%s", openblas_get_corename());
    const char *forced = getenv("OPENBLAS_CORETYPE");
    snprintf(facts->forced, sizeof facts->forced, "%s", forced != NULL ? forced : "");
    facts->slow_kernels = fs_kernels_are_slow(facts->kernels);
    facts->threads = (int)threads;
    if (sched_getaffinity(0, sizeof facts->cores, &facts->cores) != 0) {
        CPU_SET(0, &facts->cores);
    }
    facts->memory = memory_left();
    struct statvfs shared;
    facts->shared_memory =
        statvfs("/dev/shm", &shared) == 0 ? (uint64_t)shared.f_bavail * (uint64_t)shared.f_frsize : 0;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    facts->online = online > 0 ? (uint64_t)online : 1;
    facts->allocated = number_of_environment("SLURM_CPUS_ON_NODE");
}

/* Each rank writes its number at its place. Collective where the file was made on all ranks. */
static bool write_numbers(struct fs_session *session, hid_t file)
{
    int value = (int)session->runner->rank;
    hsize_t ranks = session->runner->ranks, place = session->runner->rank, one = 1;
    hid_t space = H5Screate_simple(1, &ranks, NULL), own = H5Screate_simple(1, &one, NULL);
    hid_t set = H5Dcreate2(file, "rank", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    bool written = set >= 0 && H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE) >= 0 &&
                   H5Sselect_hyperslab(space, H5S_SELECT_SET, &place, NULL, &one, NULL) >= 0 &&
                   H5Dwrite(set, H5T_NATIVE_INT, own, space, transfer, &value) >= 0;
    if (set >= 0) {
        written = H5Dclose(set) >= 0 && written;
    }
    H5Pclose(transfer);
    H5Sclose(own);
    H5Sclose(space);
    return written;
}

/* Root: whether every rank's number is there. */
static bool read_numbers(const char *path, size_t ranks)
{
    int *number = calloc(ranks, sizeof *number);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = file >= 0 ? H5Dopen2(file, "rank", H5P_DEFAULT) : H5I_INVALID_HID;
    bool whole = number != NULL && set >= 0 && H5Dread(set, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, number) >= 0;
    for (size_t rank = 0; whole && rank < ranks; rank++) {
        whole = number[rank] == (int)rank;
    }
    if (set >= 0) {
        H5Dclose(set);
    }
    if (file >= 0) {
        H5Fclose(file);
    }
    free(number);
    return whole;
}

void fs_doctor_hdf5(struct fs_doctor *doctor, struct fs_session *session, const char *folder)
{
    if (folder == NULL) {
        fs_doctor_add(doctor, FS_FINDING_WARNING, "hdf5", NULL,
                      "parallel HDF5 is not checked: there is no folder to write to");
        return;
    }
    char path[1100];
    struct fs_error err = FS_ERROR_INIT;
    snprintf(path, sizeof path, "%.1000s/.fairstamp-doctor-%ld.h5", folder, (long)getpid());
    fs_mpi_broadcast(path, sizeof path, 0, session->communicator);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_mpio(access, session->communicator, MPI_INFO_NULL);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    int status = file >= 0 ? 0 : fs_error_set(&err, FS_EXIT_IO, "cannot be made");
    bool everywhere = fs_session_agree(session, status, &err) == 0;
    if (everywhere) {
        status = write_numbers(session, file) ? 0 : fs_error_set(&err, FS_EXIT_IO, "cannot be written");
    }
    if (file >= 0 && everywhere) { /* closing is collective; a file that others have not is left to the process' end */
        status = H5Fclose(file) >= 0 ? status : fs_error_set(&err, FS_EXIT_IO, "cannot be closed");
    }
    if (everywhere && fs_session_agree(session, status, &err) == 0 && fs_session_is_root(session) &&
        !read_numbers(path, session->runner->ranks)) {
        fs_error_set(&err, FS_EXIT_IO, "lacks what other ranks have written; is the folder shared by all nodes?");
    }
    if (fs_session_is_root(session)) {
        unlink(path);
        if (err.code == 0) {
            fs_doctor_add(doctor, FS_FINDING_OK, "hdf5", NULL, "a file in %s was written by %zu rank%s in parallel",
                          folder, session->runner->ranks, session->runner->ranks == 1 ? "" : "s");
        } else {
            fs_doctor_add(doctor, FS_FINDING_WARNING, "hdf5",
                          "a parallel file system; a job runs all the same: the first rank alone writes",
                          "a parallel HDF5 file in %s %s%s%s", folder, err.text, err.where[0] != '\0' ? "; " : "",
                          err.where);
        }
    }
}
