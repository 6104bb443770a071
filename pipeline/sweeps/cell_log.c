#include "pipeline/sweeps/cell_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "io/publish.h"
#include "results/stage_files.h"

int fs_cell_log_open(const struct fs_sweep *sweep, const char *id, struct fs_error *err)
{
    char *folder = NULL, *path = NULL;
    if (asprintf(&folder, "%s/logs", sweep->folder) < 0) {
        return fs_error_memory(err, 64, "a path");
    }
    int file = -1, status = fs_make_folder(folder, err);
    if (status == 0 && asprintf(&path, "%s/%s.log", folder, id) >= 0) {
        file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (file < 0) {
            fs_error_set(err, FS_EXIT_CANNOT_CREATE, "%s: %s", path, strerror(errno));
        }
    }
    free(folder);
    free(path);
    return file;
}

bool fs_cell_log_lock(int log)
{
    return flock(log, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

bool fs_cell_waits(const struct fs_sweep *sweep, const bool *runs, size_t cell)
{
    size_t from = sweep->cell[cell].trace_of;
    struct fs_error ignored = FS_ERROR_INIT;
    if (from == cell || !runs[from]) {
        return false;
    }
    char *trace = fs_stage_path(sweep->cell[from].output, FS_STAGE_TRACE, ".h5", &ignored);
    bool is_there = trace != NULL && access(trace, F_OK) == 0;
    free(trace);
    return !is_there;
}
