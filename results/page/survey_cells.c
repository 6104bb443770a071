#include "results/page/survey_cells.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/stage_names.h"
#include "jobs/sweep.h"

struct copying {
    struct fs_archive *to;
    size_t prefix; /* of the group's name, which the file does not have */
};

static int copy_entry(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    const struct copying *copying = context;
    const char *rest = entry->name + copying->prefix;
    char name[2048];
    if (strcmp(rest, "@format") == 0 || strcmp(rest, "@version") == 0 || strcmp(rest, "@job") == 0) {
        return 0; /* every file has its own */
    }
    snprintf(name, sizeof name, "%s%s", rest[0] == '@' ? "/" : "", rest); /* the group's attributes are the root's */
    return fs_archive_write_entry(copying->to, name, entry, err);
}

static int write_stage(const struct fs_archive *archive, const char *group, enum fs_stage stage, const char *path,
                       struct fs_error *err)
{
    struct copying copying = {.prefix = strlen(group)};
    char *job = NULL;
    int status = fs_archive_read_attribute_text(archive, group, "job", &job, err) == 0
                     ? fs_archive_create(path, fs_stage_names[stage], job, &copying.to, err)
                     : -1;
    free(job);
    if (status != 0) {
        return -1;
    }
    if (fs_archive_visit_group(archive, group, copy_entry, &copying, err) != 0) {
        fs_archive_abort(copying.to);
        return -1;
    }
    return fs_archive_publish(copying.to, err);
}

int fs_survey_extract(const struct fs_archive *archive, const char *cell, const char *folder, char **file,
                      struct fs_error *err)
{
    int status = 0;
    *file = NULL;
    for (int stage = 0; status == 0 && stage < FS_STAGE_COUNT; stage++) {
        char parent[FS_CELL_LENGTH + 16], group[FS_CELL_LENGTH + 64], *path;
        snprintf(parent, sizeof parent, "/cells/%s", cell);
        fs_stage_find_group(archive, parent, (enum fs_stage)stage, group, sizeof group);
        if (!fs_archive_has(archive, group)) {
            continue;
        }
        if (asprintf(&path, "%s/%s.h5", folder, fs_stage_names[stage]) < 0) {
            return fs_error_memory(err, strlen(folder), "a path");
        }
        status = write_stage(archive, group, (enum fs_stage)stage, path, err);
        if (status == 0 && (*file == NULL || stage == FS_STAGE_EVALUATE)) {
            free(*file);
            *file = path;
        } else {
            free(path);
        }
    }
    return status;
}
