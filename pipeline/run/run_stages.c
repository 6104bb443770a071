#include "pipeline/run/run_stages.h"

#include <stdlib.h>
#include <string.h>

#include "io/console/log.h"
#include "io/console/progress.h"
#include "jobs/defaults.h"
#include "pipeline/ranks/runner_mpi.h"
#include "pipeline/run/provenance.h"
#include "pipeline/run/stage.h"
#include "pipeline/run/training.h"
#include "results/archive_layout.h"
#include "results/stage_files.h"
#include "stages/evaluate/evaluate.h"
#include "stages/methods/stamp.h"
#include "stages/trace/trace.h"

struct trace_context {
    const struct fs_pair_list *pairs;
    const struct fs_trace_options *options;
    const struct fs_trace_result *result;
};

static int fill_trace(struct fs_archive *archive, const void *context, struct fs_error *err)
{
    const struct trace_context *trace = context;
    return fs_trace_write(archive, trace->pairs, trace->options, trace->result, err);
}

int fs_stage_run_trace(struct fs_job_run *run, struct fs_error *err)
{
    if (fs_stage_begin(run, FS_STAGE_TRACE, err) != 0) {
        return -1;
    }
    struct fs_trace_options options = {
        .seed = fs_job_settings(run->job)->seed,
        .checkpoint = fs_stage_names[FS_STAGE_TRACE],
        .sublayers_checkpoint = FS_TRACE_SUBLAYERS,
    };
    fs_job_fill(run->job, &fs_trace_settings, fs_model_spec(run->session->model)->kind, &options);
    struct fs_trace_result result = {0};
    int status = fs_trace_run(run->session->model, run->session->tokenizer, &run->data.pairs, run->data.attributes,
                              &options, run->session->runner, &result, err);
    if (status == 0) {
        struct trace_context context = {&run->data.pairs, &options, &result};
        status = fs_stage_publish(run, FS_STAGE_TRACE, fill_trace, &context, err);
    }
    fs_trace_result_release(&result);
    return status;
}

/* l*, read by the root from the trace's file. Collective. */
static int read_decisive_layer(struct fs_job_run *run, size_t *layer, struct fs_error *err)
{
    int status = 0;
    if (fs_session_is_root(run->session)) {
        struct fs_archive *archive;
        struct fs_trace_result trace = {0};
        status = fs_stage_open(run->output, FS_STAGE_TRACE, &archive, err);
        if (status == 0) {
            status = fs_trace_read(archive, &trace, err);
            *layer = trace.decisive_layer;
            fs_trace_result_release(&trace);
            fs_archive_close(archive);
        }
    }
    if (fs_session_agree(run->session, status, err) != 0) {
        return -1;
    }
    return fs_runner_broadcast(run->session->runner, layer, sizeof *layer, err);
}

int fs_stage_stamp_options(struct fs_job_run *run, struct fs_stamp_options *options, struct fs_error *err)
{
    const struct fs_job *job = run->job;
    const struct fs_spec *spec = fs_model_spec(run->session->model);
    const char *suite = fs_job_edited_suite(job);
    *options = (struct fs_stamp_options){.seed = fs_job_settings(job)->seed};
    fs_job_fill(job, &fs_stamp_settings, spec->kind, options);
    if (fs_scoring_parse(fs_job_scoring(job, suite, spec->kind), spec->kind, &options->scoring, err) != 0) {
        err->code = FS_EXIT_CONFIG;
        return fs_error_prepend(err, "scoring.%s", suite);
    }
    return options->layer == FS_AUTO ? read_decisive_layer(run, &options->layer, err) : 0;
}

struct stamp_context {
    const struct fs_stamp_options *options;
    const struct fs_stamp_state *state;
};

static int fill_stamp(struct fs_archive *archive, const void *context, struct fs_error *err)
{
    const struct stamp_context *stamp = context;
    return fs_stamp_write(archive, stamp->options, stamp->state, err);
}

int fs_stage_run_stamp(struct fs_job_run *run, struct fs_error *err)
{
    if (fs_stage_begin(run, FS_STAGE_STAMP, err) != 0) {
        return -1;
    }
    struct fs_stamp_options options;
    struct fs_stamp_state state = {0};
    if (fs_stage_stamp_options(run, &options, err) != 0) {
        return -1;
    }
    struct fs_training training = {.run = run, .stage = FS_STAGE_STAMP, .part = ".part.h5", .options = &options};
    int status = fs_training_run(&training, &state, err);
    if (status == 0) {
        struct stamp_context context = {&options, &state};
        status = fs_stage_publish(run, FS_STAGE_STAMP, fill_stamp, &context, err);
    }
    fs_stamp_state_release(&state);
    return status;
}

int fs_load_stamp(struct fs_session *session, const char *path, struct fs_stamp *stamp, struct fs_error *err)
{
    struct fs_runner *runner = session->runner;
    int status = 0;
    *stamp = (struct fs_stamp){0};
    if (fs_session_is_root(session)) {
        struct fs_archive *archive;
        status = fs_archive_open(path, fs_stage_names[FS_STAGE_STAMP], &archive, err);
        if (status == 0) {
            status = fs_stamp_read(archive, fs_model_spec(session->model), stamp, err);
            fs_archive_close(archive);
            if (status != 0) {
                fs_error_prepend(err, "%s", path);
            }
        }
    }
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    size_t shape[3] = {stamp->layer, stamp->hidden, stamp->width};
    if (fs_runner_broadcast(runner, shape, sizeof shape, err) != 0) {
        return -1;
    }
    size_t count = fs_stamp_parameters(shape[1], shape[2]);
    if (!fs_session_is_root(session)) {
        *stamp = (struct fs_stamp){.layer = shape[0], .hidden = shape[1], .width = shape[2]};
        stamp->parameters = fs_allocate_aligned(count, sizeof *stamp->parameters, "a stamp", err);
        status = stamp->parameters == NULL ? -1 : 0;
    }
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    return fs_runner_broadcast(runner, stamp->parameters, count * sizeof *stamp->parameters, err);
}

struct evaluate_context {
    const struct fs_evaluate_input *input;
    const struct fs_evaluate_result *result;
};

static int fill_evaluate(struct fs_archive *archive, const void *context, struct fs_error *err)
{
    const struct evaluate_context *evaluate = context;
    return fs_evaluate_write(archive, evaluate->input, evaluate->result, err);
}

int fs_stage_evaluate_input(struct fs_job_run *run, struct fs_evaluate_input *input, struct fs_error *err)
{
    const struct fs_job_settings *settings = fs_job_settings(run->job);
    *input = (struct fs_evaluate_input){
        .pairs_suite = run->data.pairs_suite,
        .pairs = &run->data.pairs,
        .held_out = run->data.held_out,
        .tuning = run->data.tuning,
        .crows = &run->data.crows,
        .facts = &run->data.facts,
        .suite = run->data.suite,
        .suites = run->data.suites,
        .bootstrap = {settings->bootstrap, settings->seed},
    };
    enum fs_model_kind kind = fs_model_spec(run->session->model)->kind;
    const struct {
        const char *suite;
        enum fs_scoring *scoring;
    } scorings[] = {{fs_job_edited_suite(run->job), &input->pair_scoring},
                    {"crows_pairs", &input->crows_scoring},
                    {"biaske", &input->fact_scoring}};
    for (size_t i = 0; i < sizeof scorings / sizeof scorings[0]; i++) {
        const char *name = fs_job_scoring(run->job, scorings[i].suite, kind);
        if (fs_scoring_parse(name, kind, scorings[i].scoring, err) != 0) {
            err->code = FS_EXIT_CONFIG;
            return fs_error_prepend(err, "scoring.%s", scorings[i].suite);
        }
    }
    return 0;
}

int fs_stage_run_evaluate(struct fs_job_run *run, struct fs_error *err)
{
    if (fs_stage_begin(run, FS_STAGE_EVALUATE, err) != 0) {
        return -1;
    }
    struct fs_evaluate_input input;
    char *path = fs_stage_path(run->output, FS_STAGE_STAMP, ".h5", err);
    struct fs_stamp stamp = {0};
    struct fs_evaluate_result result = {0};
    int status = path == NULL ? -1 : fs_stage_evaluate_input(run, &input, err);
    if (fs_session_agree(run->session, status, err) != 0) {
        free(path);
        return -1;
    }
    status = fs_load_stamp(run->session, path, &stamp, err);
    free(path);
    if (status == 0) {
        status = fs_evaluate_run(run->session->model, run->session->tokenizer, &input, &stamp, run->session->runner,
                                 fs_stage_names[FS_STAGE_EVALUATE], &result, err);
    }
    if (status == 0) {
        struct evaluate_context context = {&input, &result};
        status = fs_stage_publish(run, FS_STAGE_EVALUATE, fill_evaluate, &context, err);
    }
    fs_evaluate_result_release(&result);
    fs_stamp_release(&stamp);
    return status;
}
