#include "results/job_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define MODEL_FILES "model/"

char *fs_job_setting(const char *settings, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = settings; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, key, length) == 0 && strncmp(line + length, " = ", 3) == 0) {
            const char *value = line + length + 3;
            return strndup(value, strcspn(value, "\n"));
        }
    }
    return strdup("");
}

/* The lines that begin with `prefix`; NULL without memory. */
static char *find_lines(const char *settings, const char *prefix)
{
    char *lines = calloc(strlen(settings) + 2, 1);
    size_t used = 0, of_prefix = strlen(prefix);
    for (const char *line = settings; lines != NULL && *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (strncmp(line, prefix, of_prefix) == 0) {
            memcpy(lines + used, line, length);
            used += length;
            lines[used++] = '\n';
        }
        line += length + (line[length] == '\n');
    }
    return lines;
}

/* What the job's text names; NULL without memory. */
static char *model_of_job(const char *text)
{
    cJSON *job = cJSON_Parse(text);
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(job, "model");
    char *path = strdup(cJSON_IsString(model) ? model->valuestring : "");
    cJSON_Delete(job);
    return path;
}

static char *read_text(const struct fs_archive *archive, const char *group, const char *name)
{
    struct fs_error ignored = FS_ERROR_INIT; /* an older file may lack one */
    char *text = NULL;
    return fs_archive_read_attribute_text(archive, group, name, &text, &ignored) == 0 ? text : NULL;
}

int fs_job_names_read(const struct fs_archive *archive, const char *group, struct fs_job_names *names,
                      struct fs_error *err)
{
    char provenance[600];
    snprintf(provenance, sizeof provenance, "%s/provenance", group);
    char *settings = read_text(archive, provenance, "settings");
    *names = (struct fs_job_names){.model_name = read_text(archive, provenance, FS_MODEL_NAME),
                                   .model_path = read_text(archive, provenance, "model")};
    if (names->model_path == NULL) { /* older files have no path but in the job's text */
        char *job = read_text(archive, provenance, "job");
        names->model_path = model_of_job(job != NULL ? job : "");
        free(job);
    }
    names->model_files = find_lines(settings != NULL ? settings : "", MODEL_FILES);
    names->categories = fs_job_setting(settings != NULL ? settings : "", "categories");
    if (names->categories != NULL && names->categories[0] == '\0') {
        free(names->categories);
        names->categories = strdup("all");
    }
    free(settings);
    names->seed = read_text(archive, provenance, "seed");
    names->series = read_text(archive, provenance, "series");
    if (names->seed == NULL || names->series == NULL) { /* no series without both */
        free(names->seed);
        free(names->series);
        names->seed = strdup("");
        names->series = strdup("");
    }
    return names->seed != NULL && names->series != NULL && names->model_path != NULL && names->model_files != NULL &&
                   names->categories != NULL
               ? 0
               : fs_error_memory(err, 64, "the names of a job");
}

void fs_job_names_release(struct fs_job_names *names)
{
    free(names->model_name);
    free(names->model_path);
    free(names->model_files);
    free(names->categories);
    free(names->seed);
    free(names->series);
    *names = (struct fs_job_names){0};
}

struct fs_model_id fs_job_names_model(const struct fs_job_names *names)
{
    return (struct fs_model_id){.name = names->model_name, .path = names->model_path, .files = names->model_files};
}

enum fs_stage fs_job_names_stage(const struct fs_archive *archive, const char *cell, char *group, size_t size)
{
    for (int i = 0; i <= FS_STAGE_COUNT; i++) { /* evaluate, then from the last to the first */
        enum fs_stage stage = i == 0 ? FS_STAGE_EVALUATE : (enum fs_stage)(FS_STAGE_COUNT - i);
        fs_stage_find_group(archive, cell, stage, group, size);
        if (fs_archive_has(archive, group)) {
            return stage;
        }
    }
    return FS_STAGE_COUNT;
}
