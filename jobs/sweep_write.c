#include "jobs/sweep_write.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/formats/json.h"
#include "io/publish.h"
#include "jobs/job.h"
#include "jobs/sweep.h"
#include "jobs/sweep_check.h"

static int publish(const char *folder, const char *name, const char *text, struct fs_error *err)
{
    char *path = NULL;
    int status = asprintf(&path, "%s/%s", folder, name) >= 0 ? fs_publish_text(path, text, strlen(text), err)
                                                             : fs_error_memory(err, 64, "a path");
    free(path);
    return status;
}

/* The manifest without what is added to it later. */
static char *without_estimates(const cJSON *manifest)
{
    cJSON *copy = cJSON_Duplicate(manifest, true), *entry;
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(copy, "cells"))
    {
        cJSON_DeleteItemFromObjectCaseSensitive(entry, "estimate");
    }
    char *text = cJSON_Print(copy);
    cJSON_Delete(copy);
    return text;
}

static const cJSON *find_cell(const cJSON *cells, const char *id)
{
    const cJSON *cell;
    cJSON_ArrayForEach(cell, cells)
    {
        const char *found = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cell, "id"));
        if (found != NULL && strcmp(found, id) == 0) {
            return cell;
        }
    }
    return NULL;
}

/* The first cell that two plans do not have in common, in words. */
static void find_difference(const cJSON *planned, const cJSON *found, char *text, size_t size)
{
    const cJSON *cell;
    snprintf(text, size, "the order of the cells differs");
    cJSON_ArrayForEach(cell, planned)
    {
        const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cell, "id"));
        const cJSON *other = find_cell(found, id);
        if (other == NULL || !cJSON_Compare(cJSON_GetObjectItemCaseSensitive(cell, "sha256"),
                                            cJSON_GetObjectItemCaseSensitive(other, "sha256"), true)) {
            snprintf(text, size, other == NULL ? "it has no cell %s" : "the job of cell %s is another one", id);
            return;
        }
    }
    cJSON_ArrayForEach(cell, found)
    {
        const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cell, "id"));
        if (id == NULL || find_cell(planned, id) == NULL) {
            snprintf(text, size, "the new one has no cell %.200s", id != NULL ? id : "");
            return;
        }
    }
}

/* The caller frees by cJSON_free; NULL without memory. */
static char *manifest_text(const cJSON *cells)
{
    cJSON *manifest = cJSON_CreateObject();
    cJSON_AddStringToObject(manifest, "format", "fairstamp-sweep");
    cJSON_AddNumberToObject(manifest, "version", 1);
    cJSON_AddItemToObject(manifest, "cells", cJSON_Duplicate(cells, true));
    char *text = cJSON_Print(manifest);
    cJSON_Delete(manifest);
    return text;
}

/* Likewise as former versions planned the cells: names of models were in the manifest alone. */
static char *former_text(const cJSON *cells, const cJSON *jobs)
{
    cJSON *former = cJSON_Duplicate(cells, true), *cell;
    cJSON_ArrayForEach(cell, former)
    {
        const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cell, "id"));
        cJSON *job = cJSON_Parse(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(jobs, id)));
        cJSON_DeleteItemFromObjectCaseSensitive(job, "model_name");
        char sha256[FS_DIGEST_SIZE], *text = cJSON_Print(job);
        if (text != NULL) {
            fs_digest_bytes(text, strlen(text), sha256);
            cJSON_SetValuestring(cJSON_GetObjectItemCaseSensitive(cell, "sha256"), sha256);
        }
        cJSON_free(text);
        cJSON_Delete(job);
    }
    char *text = manifest_text(former);
    cJSON_Delete(former);
    return text;
}

/* Whether `found` is the manifest `text` of `cells`, or a former version's of them. */
static bool is_plan(const char *found, const char *text, const cJSON *cells, const cJSON *jobs)
{
    if (found == NULL || strcmp(found, text) == 0) {
        return found != NULL;
    }
    char *former = former_text(cells, jobs);
    bool same = former != NULL && strcmp(found, former) == 0;
    cJSON_free(former);
    return same;
}

/* Whether <folder>/manifest.json exists; it must then be `text`, that of `cells`. */
static int check_folder(const char *folder, const char *text, const cJSON *cells, const cJSON *jobs, bool *there,
                        struct fs_error *err)
{
    char *path = NULL;
    struct fs_json_document *document = NULL;
    if (asprintf(&path, "%s/manifest.json", folder) < 0) {
        return fs_error_memory(err, 64, "a path");
    }
    *there = access(path, F_OK) == 0;
    int status = *there ? fs_json_load(path, &document, err) : 0;
    if (status == 0 && *there) {
        char *found = without_estimates(fs_json_root(document));
        if (!is_plan(found, text, cells, jobs)) {
            char difference[2 * FS_CELL_LENGTH];
            find_difference(cells, cJSON_GetObjectItemCaseSensitive(fs_json_root(document), "cells"), difference,
                            sizeof difference);
            status = fs_error_set(err, FS_EXIT_OTHER_JOB,
                                  "%s: holds the plan of another sweep, or of this one before it was changed: %s; give "
                                  "the new one another folder",
                                  path, difference);
        }
        cJSON_free(found);
    }
    fs_json_destroy(document);
    free(path);
    return status;
}

/* Writes the job files that do not exist, and reads all: their keys and values. `check` NULL: no more than that. */
static int write_jobs(const cJSON *jobs, const char *folder, bool again, struct fs_sweep_check *check,
                      struct fs_error *err)
{
    const cJSON *job;
    cJSON_ArrayForEach(job, jobs)
    {
        char *path = NULL;
        struct fs_job *loaded = NULL;
        if (asprintf(&path, "%s/%s.json", folder, job->string) < 0) {
            return fs_error_memory(err, 64, "a path");
        }
        int status = again && access(path, F_OK) == 0
                         ? 0
                         : fs_publish_text(path, job->valuestring, strlen(job->valuestring), err);
        if (status == 0 && fs_job_load(path, NULL, 0, &loaded, err) != 0) {
            status = fs_error_prepend(err, "cell %s", job->string);
        }
        if (status == 0 && check != NULL) {
            status = fs_sweep_check_job(check, job->string, loaded, err);
        }
        fs_job_destroy(loaded);
        free(path);
        if (status != 0) {
            return -1;
        }
    }
    return 0;
}

/* Of a plan that failed. */
static void remove_jobs(const cJSON *jobs, const char *folder)
{
    const cJSON *job;
    cJSON_ArrayForEach(job, jobs)
    {
        char *path = NULL;
        if (asprintf(&path, "%s/%s.json", folder, job->string) >= 0) {
            (void)unlink(path);
            free(path);
        }
    }
}

/* Line i + 1: cell i, for the batch scripts. */
static int write_ids(const cJSON *jobs, const char *folder, struct fs_error *err)
{
    const cJSON *job;
    char *list = NULL;
    size_t length = 0;
    FILE *ids = open_memstream(&list, &length);
    cJSON_ArrayForEach(job, jobs)
    {
        if (ids != NULL) {
            fprintf(ids, "%s\n", job->string);
        }
    }
    int status = ids != NULL && fclose(ids) == 0 ? publish(folder, "cells.txt", list, err)
                                                 : fs_error_memory(err, 64, "a list of cells");
    free(list);
    return status;
}

static int write_checked(const cJSON *jobs, const char *folder, bool again, const char *checked, struct fs_error *err)
{
    struct fs_sweep_check *check = checked != NULL ? fs_sweep_check_create(err) : NULL;
    int status = checked == NULL || check != NULL ? write_jobs(jobs, folder, again, check, err) : -1;
    status = status == 0 && check != NULL ? fs_sweep_check_end(check, checked, err) : status;
    fs_sweep_check_destroy(check);
    return status;
}

int fs_sweep_write(const char *folder, const cJSON *cells, const cJSON *jobs, const char *checked, struct fs_error *err)
{
    char *text = manifest_text(cells), *job_folder = NULL;
    bool there = false, made = access(folder, F_OK) != 0;
    int status =
        text != NULL && asprintf(&job_folder, "%s/jobs", folder) >= 0 ? 0 : fs_error_memory(err, 4096, "a manifest");
    status = status == 0 ? check_folder(folder, text, cells, jobs, &there, err) : -1;
    status = status == 0 ? fs_make_folder(job_folder, err) : -1;
    if (status == 0) {
        status = write_checked(jobs, job_folder, there, checked, err) == 0 ? write_ids(jobs, folder, err) : -1;
        if (status == 0 && !there) {
            status = publish(folder, "manifest.json", text, err); /* the last: an existing plan is complete */
        }
        if (status != 0 && !there) {
            remove_jobs(jobs, job_folder);
            (void)(rmdir(job_folder) == 0 && made && rmdir(folder)); /* only where nothing else is in it */
        }
    }
    cJSON_free(text);
    free(job_folder);
    return status;
}
