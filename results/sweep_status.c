#include "results/sweep_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/archive/archive.h"
#include "io/console/progress.h"
#include "jobs/model_names.h"
#include "jobs/stage_rules.h"
#include "results/archive_merge.h"
#include "results/stage_files.h"

static enum fs_cell_state look_at(const char *output, enum fs_stage stage)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_archive *archive;
    char *whole = fs_stage_path(output, stage, ".h5", &err), *part = fs_stage_path(output, stage, ".part.h5", &err);
    enum fs_cell_state state = FS_CELL_MISSING;
    if (whole != NULL && access(whole, F_OK) == 0) {
        state = FS_CELL_DAMAGED;
        if (fs_archive_open(whole, fs_stage_names[stage], &archive, &err) == 0) {
            fs_archive_close(archive);
            state = FS_CELL_DONE;
        }
    } else if (part != NULL && access(part, F_OK) == 0) {
        state = FS_CELL_PART;
    }
    free(whole);
    free(part);
    return state;
}

/* Plans of former versions have the name that the sweep gave in the manifest alone, none in the job files. */
static bool is_named(const struct fs_sweep_cell *cell, const struct fs_job *job)
{
    char *planned = fs_model_own_name(cell->model), *own = fs_model_own_name(fs_job_settings(job)->model);
    bool differ = planned != NULL && own != NULL && planned[0] != '\0' && strchr(planned, '$') == NULL &&
                  strcmp(planned, own) != 0;
    free(planned);
    free(own);
    return differ;
}

int fs_sweep_look(const struct fs_sweep_cell *cell, struct fs_cell_progress *progress, struct fs_error *err)
{
    struct fs_job *job = NULL;
    char sha256[FS_DIGEST_SIZE];
    *progress = (struct fs_cell_progress){.complete = true};
    if (fs_job_load(cell->job, NULL, 0, &job, err) != 0 || fs_digest_file(cell->job, sha256, err) != 0) {
        fs_job_destroy(job);
        return -1;
    }
    progress->named = is_named(cell, job);
    progress->changed = strcmp(sha256, cell->sha256) != 0;
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        bool asked = fs_stage_is_asked(job, (enum fs_stage)stage);
        enum fs_cell_state state = look_at(cell->output, (enum fs_stage)stage);
        progress->stage[stage] = !asked && state == FS_CELL_MISSING ? FS_CELL_UNASKED : state;
        progress->complete = progress->complete && (!asked || state == FS_CELL_DONE);
    }
    fs_job_destroy(job);
    return 0;
}

void fs_sweep_warn_changed(const struct fs_sweep_cell *cell, const struct fs_cell_progress *progress)
{
    if (progress->changed) {
        fs_warn("sweep: cell %s: %s was changed after it was planned; it counts as it is", cell->id, cell->job);
    }
}

int fs_sweep_merge(const struct fs_sweep *sweep, size_t *missing, struct fs_error *err)
{
    struct fs_merge_input *input = fs_allocate(sweep->cells + 1, sizeof *input, "the cells of a sweep", err);
    char *output = NULL;
    size_t inputs = 0;
    *missing = 0;
    int status = input == NULL                                           ? -1
                 : asprintf(&output, "%s/archive.h5", sweep->folder) < 0 ? fs_error_memory(err, 64, "a path")
                                                                         : 0;
    for (size_t i = 0; status == 0 && i < sweep->cells; i++) {
        struct fs_cell_progress progress;
        status = fs_sweep_look(&sweep->cell[i], &progress, err);
        if (status == 0) {
            fs_sweep_warn_changed(&sweep->cell[i], &progress);
        }
        bool any = false, damaged = false;
        for (int stage = 0; status == 0 && stage < FS_STAGE_COUNT; stage++) {
            any = any || progress.stage[stage] == FS_CELL_DONE;
            damaged = damaged || progress.stage[stage] == FS_CELL_DAMAGED;
        }
        if (status == 0 && !progress.complete) {
            ++*missing;
            fs_say("sweep: cell %s is not complete%s", sweep->cell[i].id,
                   damaged ? ", and a file of it is damaged" : "");
        }
        if (any && !damaged) {
            input[inputs++] = (struct fs_merge_input){.path = sweep->cell[i].output,
                                                      .cell = sweep->cell[i].id,
                                                      .model_name = progress.named ? sweep->cell[i].model : NULL};
        }
    }
    if (status == 0 && inputs == 0) {
        status = fs_error_set(err, FS_EXIT_NO_INPUT, "%s: no cell has a result yet; run or submit the sweep first",
                              sweep->folder);
    }
    status = status == 0 ? fs_merge(output, input, inputs, err) : -1;
    if (status == 0) {
        fs_say("sweep: %s: %zu of %zu cells are complete", output, sweep->cells - *missing, sweep->cells);
    }
    free(output);
    free(input);
    return status;
}
