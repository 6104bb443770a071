#include "pipeline/run/tries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/console/progress.h"
#include "pipeline/run/measuring.h"
#include "pipeline/run/training.h"
#include "results/stage_files.h"
#include "stages/work/probe.h"

#define DONE "_tries.part.h5" /* what is done; that of the try under way stands beside it */

static int fill(struct fs_archive *archive, const void *context, struct fs_error *err)
{
    return fs_tries_write(archive, context, err);
}

/* Whether saved tries are of these settings. */
static bool is_same(const struct fs_tries *tries, const struct fs_tries *found)
{
    bool same = found->count == tries->count && found->rs == tries->rs && found->lms == tries->lms;
    for (size_t i = 0; same && i < found->done; i++) {
        same = strcmp(found->settings[i], tries->settings[i]) == 0;
    }
    return same;
}

/* Root: what an earlier run has tried. */
static int read_part(struct fs_job_run *run, enum fs_stage stage, struct fs_tries *tries, struct fs_error *err)
{
    struct fs_archive *archive;
    struct fs_error reason = FS_ERROR_INIT;
    char *path = fs_stage_path(run->output, stage, DONE, err);
    if (path == NULL) {
        return -1;
    }
    if (fs_archive_open(path, FS_PART_FORMAT, &archive, &reason) == 0) {
        struct fs_tries found = {0};
        if (fs_tries_read(archive, &found, &reason) == 0 && !is_same(tries, &found)) {
            fs_error_set(&reason, FS_EXIT_DATA, "%s: found other settings than the job's", path);
        } else if (reason.code == 0) {
            memcpy(tries->value, found.value, found.done * sizeof *found.value);
            tries->done = found.done;
            fs_say("%s: %zu of %zu settings were tried by an earlier run", fs_stage_names[stage], tries->done,
                   tries->count);
        }
        fs_tries_release(&found);
        fs_archive_close(archive);
    }
    int status = 0;
    if (reason.code != 0 && reason.code != FS_EXIT_NO_INPUT) {
        status = fs_stage_move_aside(path, "its settings are tried again", &reason);
        *err = reason;
    }
    free(path);
    return status;
}

/* Root: adds what the try has given, and saves it; what was saved of the try under way is not needed any more. */
static int note(struct fs_job_run *run, enum fs_stage stage, const struct fs_results *results, const char *training,
                const char *scores, struct fs_tries *tries, struct fs_error *err)
{
    const char *const parts[] = {training, scores};
    fs_tries_add(tries, results);
    const double *value = tries->value[tries->done - 1];
    const char *settings = tries->settings[tries->done - 1];
    fs_say("%s: tried %zu of %zu, %s: gap %.4f, before %.4f; LMS %.2f, before %.2f; RS %.2f", fs_stage_names[stage],
           tries->done, tries->count, settings[0] != '\0' ? settings : "the job's own settings", value[FS_TRY_GAP],
           value[FS_TRY_GAP_BEFORE], value[FS_TRY_LMS], value[FS_TRY_LMS_BEFORE], value[FS_TRY_RS]);
    const struct fs_stage_file file = {stage, DONE, FS_PART_FORMAT, false};
    if (fs_stage_write(run, &file, fill, tries, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char *path = fs_stage_path(run->output, stage, parts[i], err);
        if (path == NULL) {
            return -1;
        }
        (void)unlink(path);
        free(path);
    }
    return 0;
}

/* Trains one setting on the validation data, and measures it. `tuned`: the run with those data. */
static int try_one(const struct fs_job_run *tuned, enum fs_stage stage, size_t which, struct fs_tries *tries,
                   struct fs_error *err)
{
    char part[48], scores[48], checkpoint[96];
    const struct fs_job_settings *settings = fs_job_settings(tuned->job);
    struct fs_job *varied = NULL;
    struct fs_job_run own = *tuned;
    struct fs_training training = {0};
    struct fs_evaluate_input input;
    struct fs_results results = {0};
    const struct fs_method *method = fs_stage_method(stage);
    snprintf(part, sizeof part, "_try%zu.part.h5", which);
    snprintf(scores, sizeof scores, "_try%zu_scores.part.h5", which);
    snprintf(checkpoint, sizeof checkpoint, "%s_try%zu_scores", fs_stage_names[stage], which);
    int status =
        fs_job_vary(tuned->job, fs_job_try(tuned->job, stage, which), settings->search_validation, &varied, err);
    if (status == 0) {
        status = fs_job_check_layer(varied, fs_model_spec(own.session->model), err);
    }
    if (fs_session_agree(own.session, status, err) != 0) {
        fs_job_destroy(varied);
        return -1;
    }
    own.job = varied;
    fs_probe_training(own.session->runner, which);
    status = fs_training_open(&own, method, &training, err);
    if (status == 0) {
        training.stage = stage;
        training.part = part;
        training.keep_end = true;
        status = fs_training_run(&training, err);
    }
    struct fs_suite **suite = NULL;
    if (status == 0) {
        const struct fs_edit edit = method->trainer->edit(training.state);
        fs_stage_evaluate_input(&own, &input);
        input.suite = suite = fs_stage_comparing_suites(&own, &input.suites, err);
        input.bootstrap.resamples = 0;
        input.edits = (struct fs_edit_list){1, &edit};
        input.edit_name = &method->name;
        status = fs_session_agree(own.session, suite != NULL ? 0 : -1, err) == 0
                     ? fs_evaluate_run(own.session->model, own.session->tokenizer, &input, own.session->runner,
                                       checkpoint, &results, err)
                     : -1;
    }
    if (status == 0) {
        status = fs_session_is_root(own.session) ? note(&own, stage, &results, part, scores, tries, err) : 0;
        status = fs_session_agree(own.session, status, err);
    }
    fs_results_release(&results);
    fs_training_close(&training);
    fs_job_destroy(varied);
    free(suite);
    return status;
}

/* The job's settings for the tries, and what an earlier run has done; *done on every rank. */
static int begin(struct fs_job_run *run, enum fs_stage stage, struct fs_tries *tries, size_t *done,
                 struct fs_error *err)
{
    const struct fs_job_settings *settings = fs_job_settings(run->job);
    size_t count = fs_job_tries(run->job, stage);
    int status = fs_tries_create(count, settings->search_rs, settings->search_lms, tries, err);
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = fs_tries_set(tries, i, fs_job_try(run->job, stage, i), err);
    }
    if (status == 0 && fs_session_is_root(run->session)) {
        status = read_part(run, stage, tries, err);
    }
    *done = tries->done;
    return fs_session_agree(run->session, status, err) == 0
               ? fs_runner_broadcast(run->session->runner, done, sizeof *done, err)
               : -1;
}

int fs_tries_run(struct fs_job_run *run, enum fs_stage stage, struct fs_tries *tries, size_t *chosen,
                 struct fs_error *err)
{
    struct fs_job_run tuned = *run;
    struct fs_job *varied = NULL;
    size_t done = 0;
    if (begin(run, stage, tries, &done, err) != 0) {
        return -1;
    }
    tuned.data = (struct fs_data){0};
    int status = fs_job_vary(run->job, "", fs_job_settings(run->job)->search_validation, &varied, err);
    if (status == 0 && done < tries->count) {
        status = fs_data_read(varied, fs_model_spec(run->session->model)->kind, &tuned.data, err);
    }
    status = fs_session_agree(run->session, status, err);
    for (size_t i = done; status == 0 && i < tries->count; i++) {
        status = try_one(&tuned, stage, i, tries, err);
    }
    *chosen = status == 0 && fs_session_is_root(run->session) ? fs_tries_choose(tries) : 0;
    if (status == 0) {
        status = fs_runner_broadcast(run->session->runner, chosen, sizeof *chosen, err);
    }
    if (status == 0) {
        const char *settings = fs_job_try(run->job, stage, *chosen);
        fs_say("%s: %s of the %zu that were tried", fs_stage_names[stage],
               settings[0] != '\0' ? settings : "the job's own settings", tries->count);
    }
    fs_data_release(&tuned.data);
    fs_job_destroy(varied);
    return status;
}
