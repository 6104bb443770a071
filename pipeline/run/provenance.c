#include "pipeline/run/provenance.h"

#include <cblas.h>
#include <hdf5.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fairstamp_build_info.h"
#include "io/clock.h"
#include "io/console/progress.h"
#include "io/resident.h"
#include "pipeline/ranks/blas_kernels.h"
#include "pipeline/ranks/runner_mpi.h"

#define GROUP "/provenance"

static void library_versions(char *mpi, char hdf5[64])
{
    int length;
    unsigned major = 0, minor = 0, release = 0;
    MPI_Get_library_version(mpi, &length); /* allowed before MPI_Init */
    mpi[strcspn(mpi, ",\n")] = '\0';
    H5get_libversion(&major, &minor, &release);
    snprintf(hdf5, 64, "HDF5 %u.%u.%u", major, minor, release);
}

char *fs_version_text(void)
{
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING] = "", hdf5[64], *text = NULL;
    library_versions(mpi, hdf5);
    if (asprintf(&text,
                 "fairstamp %s\ngit       %s\ncompiler  %s\nflags     %s\nMPI       %s\nHDF5      %s\nOpenBLAS  %s "
                 "(kernels for %s)\n",
                 FS_BUILD_VERSION, FS_BUILD_GIT, FS_BUILD_COMPILER, FS_BUILD_FLAGS, mpi, hdf5 + strlen("HDF5 "),
                 openblas_get_config(), openblas_get_corename()) < 0) {
        return NULL;
    }
    return text;
}

void fs_libraries_text(char text[FS_LIBRARIES_SIZE])
{
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING] = "", hdf5[64], blas[128];
    library_versions(mpi, hdf5);
    snprintf(blas, sizeof blas, "%s", openblas_get_config()); /* "OpenBLAS 0.3.21 NO_LAPACK ..." */
    char *second = strchr(blas, ' ');
    if (second != NULL) {
        blas[(size_t)(second - blas) + 1 + strcspn(second + 1, " ")] = '\0';
    }
    snprintf(text, FS_LIBRARIES_SIZE, "fairstamp %s, %.80s, %s, %s", FS_BUILD_VERSION, mpi, hdf5, blas);
}

/* The path of the model's folder; ".." behind a link leads elsewhere than it reads. The caller frees. */
static char *model_path(const struct fs_job *job)
{
    const char *path = fs_job_settings(job)->model;
    size_t length = strlen(path);
    bool goes_up = strstr(path, "/../") != NULL || (length >= 3 && strcmp(path + length - 3, "/..") == 0);
    char *resolved = goes_up ? realpath(path, NULL) : NULL;
    return resolved != NULL ? resolved : strdup(path);
}

int fs_provenance_write(struct fs_archive *archive, const struct fs_session *session, const struct fs_job *job,
                        const char *settings, const char *series, double seconds, struct fs_error *err)
{
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING] = "", hdf5[64], host[256] = "", ranks[32], threads[32], now[32];
    library_versions(mpi, hdf5);
    gethostname(host, sizeof host - 1);
    snprintf(ranks, sizeof ranks, "%zu", session->runner->ranks);
    snprintf(threads, sizeof threads, "%zu", session->runner->threads);
    char why[FS_KERNELS_WHY_SIZE];
    fs_kernels_why(fs_kernels(), why);
    fs_time_text(now);
    const struct fs_save_clock *clock = fs_runner_mpi_clock(session->runner);
    char stage_seconds[32], saves[32], save_seconds[32], memory[32], shared[32];
    snprintf(stage_seconds, sizeof stage_seconds, "%.3f", seconds);
    snprintf(saves, sizeof saves, "%zu", clock->saves);
    snprintf(save_seconds, sizeof save_seconds, "%.3f", clock->spent);
    struct fs_resident resident;
    (void)fs_resident_read(&resident);
    snprintf(memory, sizeof memory, "%.0f", resident.most);
    snprintf(shared, sizeof shared, "%.0f", resident.shared);
    const struct fs_backend *backend = fs_model_backend(session->model);
    char *model = model_path(job);
    const struct {
        const char *name, *value;
    } entries[] = {
        {"program", "fairstamp " FS_BUILD_VERSION},
        {"git", FS_BUILD_GIT},
        {"compiler", FS_BUILD_COMPILER},
        {"flags", FS_BUILD_FLAGS},
        {"mpi", mpi},
        {"hdf5", hdf5},
        {"compute_type", fs_compute_type_name(backend->type)},
        {"compute_backend", backend->name},
        {"compute_library", backend->version()},
        {"openblas", openblas_get_config()},
        {"openblas_kernels", session->kernels},
        {"openblas_kernels_choice", why}, /* the root's */
        {"host", host},
        {"ranks", ranks},
        {"threads_a_rank", threads},
        {"command", session->command_line},
        {"job", fs_job_source(job)},
        {"settings", settings},
        {"series", series},
        {"model", model},
        {"model_name", fs_job_settings(job)->model_name}, /* NULL: none */
        {"seed", fs_job_text(job, "seed")},
        {"start", session->start},
        {"end", now},
        {"stage_seconds", stage_seconds},
        {"saves", saves},
        {"save_seconds", save_seconds},
        {"memory_bytes", memory},
        {"shared_memory_bytes", shared},
    };
    int status = model != NULL ? 0 : fs_error_memory(err, 64, "a path");
    for (size_t i = 0; status == 0 && i < sizeof entries / sizeof entries[0]; i++) {
        if (entries[i].value != NULL) {
            status = fs_archive_attribute_text(archive, GROUP, entries[i].name, entries[i].value, err);
        }
    }
    free(model);
    return status;
}
