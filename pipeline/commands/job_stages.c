#include "pipeline/commands/job_stages.h"

#include <math.h>
#include <stdlib.h>

#include "io/console/output.h"
#include "io/console/progress.h"
#include "io/publish.h"
#include "jobs/stage_rules.h"
#include "pipeline/commands/options_common.h"
#include "pipeline/estimate/estimate_file.h"
#include "pipeline/run/input_hashes.h"
#include "pipeline/run/job_lock.h"
#include "pipeline/run/run_stages.h"
#include "pipeline/run/stage_table.h"
#include "results/report.h"
#include "results/stage_files.h"
#include "results/time_check.h"

/* Which stages a command runs, which it only needs, and which are finished. */
struct assignment {
    const struct fs_job_request *request;
    bool wanted[FS_STAGE_COUNT], needed[FS_STAGE_COUNT], finished[FS_STAGE_COUNT];
};

static void assign(const struct fs_job_request *request, const struct fs_job *job, struct assignment *assignment)
{
    unsigned stages = request->stages, needed = 0;
    *assignment = (struct assignment){.request = request};
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        const struct fs_stage_rule *rule = fs_stage_rule((enum fs_stage)stage);
        bool named = (stages & 1u << stage) != 0, asked = fs_stage_is_asked(job, (enum fs_stage)stage);
        assignment->wanted[stage] = stages == 0 ? asked : named && (rule->unasked == NULL || asked);
        needed |= stages != 0 && assignment->wanted[stage] ? rule->reads(job, (enum fs_stage)stage) : 0;
    }
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        assignment->needed[stage] = (needed & 1u << stage) != 0;
    }
}

static enum fs_stage_policy policy_of(const struct assignment *assignment, int stage)
{
    bool force = assignment->request->force;
    return !assignment->wanted[stage] ? FS_STAGE_NEEDED : (force ? FS_STAGE_FORCED : FS_STAGE_WANTED);
}

static void say_done(const struct fs_job_run *run, int stage)
{
    fs_say("%s: done before, %s/%s.h5 is whole and of this job", fs_stage_names[stage], run->output,
           fs_stage_names[stage]);
}

/* Root, with the lock: looks at the existing files before any work begins. */
static int inspect_files(struct fs_job_run *run, struct assignment *assignment, struct fs_error *err)
{
    bool force = assignment->request->force;
    fs_stage_remove_temporaries(run->output);
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        if (!assignment->wanted[stage] && !assignment->needed[stage]) {
            continue;
        }
        enum fs_stage_policy policy = policy_of(assignment, stage);
        const struct fs_stage_rule *rule = fs_stage_rule((enum fs_stage)stage);
        const char *from = rule->reused != NULL && !force ? rule->reused(run->job) : NULL;
        if (from != NULL && fs_stage_reuse(from, run->output, (enum fs_stage)stage, &run->fingerprint, err) != 0) {
            return -1;
        }
        if (fs_stage_check(run->output, (enum fs_stage)stage, &run->fingerprint, policy, &assignment->finished[stage],
                           err) != 0) {
            return -1;
        }
        if (!assignment->wanted[stage]) {
            continue;
        }
        if (assignment->finished[stage]) { /* a kill between publishing and removing leaves partial files */
            fs_stage_remove_own_part(run->output, (enum fs_stage)stage, &run->fingerprint);
            say_done(run, stage);
        } else if (fs_stage_check_parts(run->output, (enum fs_stage)stage, &run->fingerprint, policy, err) != 0) {
            return -1;
        }
    }
    return 0;
}

struct question {
    struct fs_job_run *run;
    struct assignment *assignment;
};

/* Root: whether every wanted stage is finished, and this command therefore only reports. Changes no file. */
static bool all_is_done(void *context)
{
    const struct question *question = context;
    struct fs_job_run *run = question->run;
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        if (question->assignment->wanted[stage] &&
            !fs_stage_is_there(run->output, (enum fs_stage)stage, &run->fingerprint)) {
            return false;
        }
    }
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        if (question->assignment->wanted[stage]) {
            question->assignment->finished[stage] = true;
            say_done(run, stage);
        }
    }
    return true;
}

/* The hashes of the inputs that are not known yet, by all ranks. */
static int hash_files(struct fs_job_run *run, struct fs_error *err)
{
    struct fs_folder files = {0};
    struct fs_input_file *input = NULL;
    struct fs_error ignored = FS_ERROR_INIT;
    size_t models;
    bool root = fs_session_is_root(run->session);
    if (root && fs_fingerprint_files(run->job, &files, &models, &ignored) == 0) { /* else open_folder has the error */
        input = fs_allocate(files.count, sizeof *input, "input files", &ignored);
    }
    size_t count = input != NULL ? files.count : 0;
    for (size_t i = 0; i < count; i++) {
        input[i].path = files.path[i];
    }
    int status = fs_hash_inputs(run->session, input, count, err);
    free(input);
    fs_folder_release(&files);
    return status;
}

/* Root: the job's digests, which hash the inputs, and its folder. */
static int open_folder(struct fs_job_run *run, struct fs_error *err)
{
    return fs_fingerprint_make(run->job, &run->fingerprint, err) == 0 ? fs_make_folder(run->output, err) : -1;
}

/* Takes the lock; the caller ends it. */
static int prepare(struct fs_job_run *run, struct assignment *assignment, struct fs_error *err)
{
    struct question question = {run, assignment};
    struct fs_job_lock_request request = {
        .folder = run->output, .fingerprint = &run->fingerprint, .needless = all_is_done, .context = &question};
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        request.stages[stage] = assignment->wanted[stage] || assignment->needed[stage];
    }
    bool locked = false;
    if (fs_job_lock_take(run->session, &request, &locked, err) != 0) {
        return -1;
    }
    int status = fs_session_is_root(run->session) && locked ? inspect_files(run, assignment, err) : 0;
    if (fs_session_agree(run->session, status, err) != 0) {
        return -1;
    }
    struct fs_runner *runner = run->session->runner;
    if (fs_runner_broadcast(runner, run->fingerprint.digest, sizeof run->fingerprint.digest, err) != 0) {
        return -1;
    }
    return fs_runner_broadcast(runner, assignment->finished, sizeof assignment->finished, err);
}

static int run_stages(struct fs_job_run *run, const struct assignment *assignment, struct fs_error *err)
{
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        if (!assignment->wanted[stage] || assignment->finished[stage]) {
            continue;
        }
        if (fs_runner_stop_requested(run->session->runner)) {
            return fs_error_set(err, FS_EXIT_INTERRUPTED, "interrupted before %s; run the same command again to go on",
                                fs_stage_names[stage]);
        }
        if (fs_stage_row((enum fs_stage)stage)->run(run, (enum fs_stage)stage, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Whether the stage took as long as it was said to. */
static void compare_time(const char *output, enum fs_stage stage, const struct fs_archive *archive)
{
    struct fs_estimate_check check;
    fs_estimate_check(output, stage, archive, &check);
    if (isfinite(check.predicted) && isfinite(check.measured)) {
        fs_say("%s: %.1f s, predicted %.1f s (%+.0f %%)", fs_stage_names[stage], check.measured, check.predicted,
               100 * (check.predicted / check.measured - 1));
    }
}

/* One stage's report from its file: into `json` (NULL: as text on stdout). */
static int report_stage(const char *output, enum fs_stage stage, cJSON *json, struct fs_error *err)
{
    struct fs_archive *archive;
    if (fs_stage_open(output, stage, &archive, err) != 0) {
        return -1;
    }
    cJSON *part = NULL;
    const struct fs_stage_row *row = fs_stage_row(stage);
    compare_time(output, stage, archive);
    int status = row->report(archive, json != NULL ? &part : NULL, err);
    if (part != NULL) {
        cJSON_AddItemToObject(json, row->json_name != NULL ? row->json_name : fs_stage_names[stage], part);
    }
    fs_archive_close(archive);
    return status;
}

/* Root. */
static int report(const struct fs_job_run *run, const struct assignment *assignment, struct fs_error *err)
{
    cJSON *json = assignment->request->json ? cJSON_CreateObject() : NULL;
    bool first = true;
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        if (!assignment->wanted[stage]) {
            continue;
        }
        if (json == NULL && !first) {
            printf("\n");
        }
        first = false;
        if (report_stage(run->output, (enum fs_stage)stage, json, err) != 0) {
            cJSON_Delete(json);
            return -1;
        }
    }
    int status = json != NULL ? fs_report_print_json(json, stdout, err) : 0;
    return status == 0 ? fs_finish_output(err) : -1;
}

/* A stage that is named alone must be one that the job asks for. */
static int judge_request(const struct fs_job_request *request, const struct assignment *assignment,
                         struct fs_error *err)
{
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        if (request->stages == 1u << stage && !assignment->wanted[stage]) {
            return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s", request->path,
                                fs_stage_rule((enum fs_stage)stage)->unasked);
        }
    }
    return 0;
}

int fs_run_job(struct fs_session *session, const struct fs_job_request *request, struct fs_error *err)
{
    struct fs_job *job = NULL;
    struct fs_job_run run = {.session = session};
    struct assignment assignment;
    int status = fs_job_load(request->path, request->set, request->sets, &job, err);
    if (fs_session_agree(session, status, err) != 0) {
        fs_job_destroy(job);
        return -1;
    }
    run.job = job;
    run.output = fs_job_settings(job)->output;
    assign(request, job, &assignment);
    status = judge_request(request, &assignment, err);
    if (status == 0) {
        status = hash_files(&run, err);
    }
    if (status == 0) {
        status = fs_session_agree(session, fs_session_is_root(session) ? open_folder(&run, err) : 0, err);
    }
    if (status == 0) {
        status = prepare(&run, &assignment, err) == 0 ? run_stages(&run, &assignment, err) : -1;
        status = fs_job_lock_end(session, status, err);
    }
    if (status == 0) {
        status = fs_session_is_root(session) ? report(&run, &assignment, err) : 0;
        status = fs_session_agree(session, status, err);
    }
    fs_data_release(&run.data);
    fs_fingerprint_release(&run.fingerprint);
    fs_job_destroy(job);
    return status;
}

int fs_run_stages(struct fs_session *session, unsigned stages, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    struct fs_job_request request = {.path = options->operand[0],
                                     .stages = stages,
                                     .force = fs_option_given(options, &fs_option_force),
                                     .json = fs_options_json(options)};
    const char **set = fs_options_settings(options, &request.sets, err);
    request.set = set;
    int status = fs_session_agree(session, set != NULL ? 0 : -1, err);
    if (status == 0) {
        status = fs_run_job(session, &request, err);
    }
    free(set);
    return status;
}
