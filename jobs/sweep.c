/* The folder of a sweep: its manifest. */
#include "jobs/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/formats/json.h"

/* The id becomes a part of paths: nothing but what fs_sweep_plan writes. */
static int check_id(const char *path, const char *id, struct fs_error *err)
{
    size_t length = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._=+-");
    if (length > 0 && id[length] == '\0' && length <= FS_CELL_LENGTH && strcmp(id, ".") != 0 && strcmp(id, "..") != 0) {
        return 0;
    }
    return fs_error_set(err, FS_EXIT_DATA, "%s: \"%.220s\" is no id of a cell; plan the sweep again in another folder",
                        path, id);
}

static int read_cell(const struct fs_json_document *document, const cJSON *entry, struct fs_sweep *sweep,
                     struct fs_error *err)
{
    const char *folder = sweep->folder, *tracer = NULL;
    struct fs_sweep_cell *cell = &sweep->cell[sweep->cells];
    cell->trace_of = sweep->cells++;
    const char *id, *sha256, *model = "";
    if (fs_json_text(document, entry, "cells", "id", &id, err) != 0 ||
        fs_json_text(document, entry, "cells", "sha256", &sha256, err) != 0 ||
        fs_json_text_optional(document, entry, "cells", "trace_of", &tracer, err) != 0 ||
        fs_json_text_optional(document, entry, "cells", "model", &model, err) != 0 ||
        check_id(fs_json_name(document), id, err) != 0) {
        return -1;
    }
    snprintf(cell->sha256, sizeof cell->sha256, "%s", sha256);
    cell->id = strdup(id);
    cell->model = strdup(model);
    bool made = cell->id != NULL && cell->model != NULL && asprintf(&cell->job, "%s/jobs/%s.json", folder, id) >= 0;
    cell->job = made ? cell->job : NULL;
    if (!made || asprintf(&cell->output, "%s/cells/%s", folder, id) < 0) {
        cell->output = NULL;
        return fs_error_memory(err, strlen(id), "the cells of a sweep");
    }
    for (size_t i = 0; tracer != NULL && i + 1 < sweep->cells; i++) {
        cell->trace_of = strcmp(sweep->cell[i].id, tracer) == 0 ? i : cell->trace_of;
    }
    return 0;
}

int fs_sweep_read(const char *folder, struct fs_sweep *sweep, struct fs_error *err)
{
    struct fs_json_document *document = NULL;
    const cJSON *cells = NULL, *entry;
    char *path = NULL;
    const char *format = "";
    *sweep = (struct fs_sweep){0};
    if (asprintf(&path, "%s/manifest.json", folder) < 0) {
        return fs_error_memory(err, 64, "a path");
    }
    struct stat status_of;
    if (stat(folder, &status_of) == 0 && !S_ISDIR(status_of.st_mode)) {
        fs_error_set(err, FS_EXIT_NO_INPUT, "%s: is a file, expected the folder that sweep plan has made", folder);
        free(path);
        return -1;
    }
    if (access(path, F_OK) != 0) {
        fs_error_set(err, FS_EXIT_NO_INPUT, "%s: there is no plan here; create one: fairstamp sweep plan SWEEP.json %s",
                     path, folder);
        free(path);
        return -1;
    }
    sweep->folder = realpath(folder, NULL);
    int status = sweep->folder != NULL ? fs_json_load(path, &document, err)
                                       : fs_error_set(err, FS_EXIT_NO_INPUT, "%s: cannot be read", folder);
    if (status == 0) {
        const cJSON *root = fs_json_root(document);
        status = fs_json_text(document, root, "", "format", &format, err);
        if (status == 0 && strcmp(format, "fairstamp-sweep") != 0) {
            status = fs_error_set(err, FS_EXIT_DATA, "%s: format: found \"%.40s\", expected \"fairstamp-sweep\"", path,
                                  format);
        }
        status = status == 0 ? fs_json_array(document, root, "", "cells", &cells, err) : -1;
    }
    if (status == 0) {
        size_t count = (size_t)cJSON_GetArraySize(cells);
        sweep->cell = fs_allocate(count + 1, sizeof *sweep->cell, "the cells of a sweep", err);
        status = sweep->cell != NULL ? 0 : -1;
        cJSON_ArrayForEach(entry, cells)
        {
            if (status == 0) {
                status = read_cell(document, entry, sweep, err);
            }
        }
    }
    fs_json_destroy(document);
    free(path);
    return status;
}

void fs_sweep_release(struct fs_sweep *sweep)
{
    for (size_t i = 0; i < sweep->cells; i++) {
        free(sweep->cell[i].id);
        free(sweep->cell[i].job);
        free(sweep->cell[i].output);
        free(sweep->cell[i].model);
    }
    free(sweep->cell);
    free(sweep->folder);
    *sweep = (struct fs_sweep){0};
}
