/* What a rank knows of itself. */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io/archive/archive.h"
#include "pipeline/checks/doctor.h"
#include "pipeline/ranks/blas_check.h"
#include "pipeline/ranks/blas_kernels.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/shared_block.h"
#include "pipeline/run/provenance.h"

#define MIB ((uint64_t)1 << 20)

/* The number after `name` in the lines of `path`, "" for the first word of all; UINT64_MAX where there is none. */
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
    facts->kernels = *fs_kernels();
    const char *wrong = fs_blas_check(cblas_sgemm);
    snprintf(facts->wrong, sizeof facts->wrong, "%s", wrong != NULL ? wrong : "");
    facts->threads = (int)threads;
    if (sched_getaffinity(0, sizeof facts->cores, &facts->cores) != 0) {
        CPU_SET(0, &facts->cores);
    }
    facts->memory = memory_left();
    struct statvfs shared;
    facts->shared_memory =
        statvfs("/dev/shm", &shared) == 0 ? (uint64_t)shared.f_bavail * (uint64_t)shared.f_frsize : 0;
    facts->folder_left = fs_mpi_folder(facts->folder, sizeof facts->folder);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    facts->online = online > 0 ? (uint64_t)online : 1;
    facts->allocated = number_of_environment("SLURM_CPUS_ON_NODE");
}

void fs_rank_facts_try_sharing(MPI_Comm communicator, struct fs_rank_facts *facts)
{
    MPI_Comm node = fs_mpi_node(communicator);
    struct fs_shared_block block;
    struct fs_error err = FS_ERROR_INIT;
    if (fs_shared_block_create(node, 1, false, &block, &err) != 0) {
        snprintf(facts->no_sharing, sizeof facts->no_sharing, "%.250s", err.text);
    }
    fs_shared_block_destroy(&block);
    fs_mpi_free(&node);
}

static int write_archive(const char *path, int32_t value, struct fs_error *err)
{
    struct fs_archive *archive;
    size_t one = 1;
    if (fs_archive_create(path, "doctor", "", &archive, err) != 0) {
        return -1;
    }
    if (fs_archive_write(archive, "/value", FS_ARCHIVE_I32, 1, &one, &value, err) != 0) {
        fs_archive_abort(archive);
        return -1;
    }
    return fs_archive_publish(archive, err);
}

static int read_archive(const char *path, int32_t value, struct fs_error *err)
{
    struct fs_archive *archive;
    int32_t found = 0;
    if (fs_archive_open(path, "doctor", &archive, err) != 0) {
        return -1;
    }
    int status = fs_archive_read(archive, "/value", FS_ARCHIVE_I32, 1, &found, err);
    fs_archive_close(archive);
    if (status == 0 && found != value) {
        status = fs_error_set(err, FS_EXIT_DATA, "%s: /value: found %d, expected %d", path, (int)found, (int)value);
    }
    return status;
}

void fs_doctor_archive(struct fs_doctor *doctor, const char *folder)
{
    char path[1100];
    struct fs_error err = FS_ERROR_INIT;
    int32_t value = (int32_t)getpid();
    snprintf(path, sizeof path, "%.1000s/.fairstamp-doctor-%ld.h5", folder, (long)value);
    int status = write_archive(path, value, &err);
    if (status == 0) {
        status = read_archive(path, value, &err);
        unlink(path);
    }
    if (status == 0) {
        fs_doctor_add(doctor, FS_FINDING_OK, "hdf5", NULL, "an archive in %s was written and read back", folder);
    } else {
        fs_doctor_add(doctor, FS_FINDING_FAILED, "hdf5",
                      "another output, or HDF5_USE_FILE_LOCKING=FALSE where its file system has no locks", "%s",
                      err.text);
    }
}
