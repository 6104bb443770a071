#include "pipeline/run/run_stages.h"

#include <stdlib.h>
#include <string.h>

#include "io/console/log.h"
#include "io/console/progress.h"
#include "jobs/defaults.h"
#include "pipeline/ranks/runner_mpi.h"
#include "pipeline/run/measuring.h"
#include "pipeline/run/provenance.h"
#include "pipeline/run/stage.h"
#include "pipeline/run/training.h"
#include "pipeline/run/tries.h"
#include "results/archive_layout.h"
#include "results/stage_files.h"
#include "stages/evaluate/evaluate.h"
#include "stages/methods/method.h"
#include "stages/trace/trace.h"
#include "stages/work/probe.h"

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

int fs_stage_run_trace(struct fs_job_run *run, enum fs_stage stage, struct fs_error *err)
{
    if (fs_stage_begin(run, stage, err) != 0) {
        return -1;
    }
    struct fs_trace_options options = {
        .seed = fs_job_settings(run->job)->seed,
        .checkpoint = fs_stage_names[stage],
        .sublayers_checkpoint = FS_TRACE_SUBLAYERS,
        .attribution_checkpoint = FS_TRACE_ATTRIBUTION,
    };
    fs_job_fill(run->job, &fs_trace_settings, fs_model_spec(run->session->model)->kind, &options);
    struct fs_trace_result result = {0};
    const struct fs_trace_input input = {&run->data.pairs, run->data.attributes};
    int status = fs_trace_run(run->session->model, run->session->tokenizer, &input, &options, run->session->runner,
                              &result, err);
    if (status == 0) {
        struct trace_context context = {&run->data.pairs, &options, &result};
        status = fs_stage_publish(run, stage, fill_trace, &context, err);
    }
    fs_trace_result_release(&result);
    return status;
}

/* A training, and what was tried before it. */
struct tried_training {
    const struct fs_training *training;
    const struct fs_tries *tries; /* NULL: nothing */
};

static int fill_training(struct fs_archive *archive, const void *context, struct fs_error *err)
{
    const struct tried_training *tried = context;
    int status = fs_training_fill(archive, tried->training, err);
    return status == 0 && tried->tries != NULL ? fs_tries_write(archive, tried->tries, err) : status;
}

/* Trains with the settings that `run` has, and publishes. */
static int train(struct fs_job_run *run, enum fs_stage stage, const struct fs_tries *tries, struct fs_error *err)
{
    struct fs_training training;
    const struct tried_training tried = {&training, tries};
    int status = fs_training_open(run, fs_stage_method(stage), &training, err);
    if (status == 0) {
        training.stage = stage;
        training.part = ".part.h5";
        status = fs_training_run(&training, err);
    }
    if (status == 0) {
        status = fs_training_publish(&training, fill_training, &tried, err);
    }
    fs_training_close(&training);
    return status;
}

int fs_stage_run_training(struct fs_job_run *run, enum fs_stage stage, struct fs_error *err)
{
    if (fs_stage_begin(run, stage, err) != 0) {
        return -1;
    }
    if (fs_job_tries(run->job, stage) == 0) {
        return train(run, stage, NULL, err);
    }
    struct fs_tries tries = {0};
    struct fs_job *varied = NULL;
    size_t chosen;
    int status = fs_tries_run(run, stage, &tries, &chosen, err);
    if (status == 0) {
        status = fs_session_agree(run->session,
                                  fs_job_vary(run->job, fs_job_try(run->job, stage, chosen), 0, &varied, err), err);
    }
    if (status == 0) {
        struct fs_job_run own = *run;
        own.job = varied;
        fs_probe_training(run->session->runner, tries.count);
        status = train(&own, stage, &tries, err);
    }
    fs_job_destroy(varied);
    fs_tries_release(&tries);
    return status;
}

int fs_load_edit(struct fs_session *session, const char *path, const char *format, const struct fs_edit_kind *kind,
                 struct fs_edit *edit, struct fs_error *err)
{
    struct fs_runner *runner = session->runner;
    int status = 0;
    *edit = (struct fs_edit){0};
    if (fs_session_is_root(session)) {
        struct fs_archive *archive;
        status = fs_archive_open(path, format, &archive, err);
        if (status == 0) {
            status = kind->read(archive, edit, err) == 0 && kind->check(edit, fs_model_spec(session->model), err) == 0
                         ? 0
                         : fs_error_prepend(err, "%s", path);
            fs_archive_close(archive);
        }
    }
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    struct {
        size_t first_layer, size[FS_EDIT_SIZES], count;
    } shape = {.first_layer = edit->first_layer, .count = edit->count};
    memcpy(shape.size, edit->size, sizeof shape.size);
    if (fs_runner_broadcast(runner, &shape, sizeof shape, err) != 0) {
        return -1;
    }
    if (!fs_session_is_root(session)) {
        *edit = (struct fs_edit){.kind = kind, .first_layer = shape.first_layer, .count = shape.count};
        memcpy(edit->size, shape.size, sizeof shape.size);
        edit->number = fs_allocate_aligned(edit->count, sizeof *edit->number, "an edit", err);
        status = edit->number == NULL ? -1 : 0;
    }
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    if (fs_runner_broadcast(runner, edit->number, edit->count * sizeof *edit->number, err) != 0) {
        return -1;
    }
    return kind->attach == NULL ? 0 : fs_session_agree(session, kind->attach(edit, session->model, err), err);
}

struct evaluate_context {
    const struct fs_evaluate_input *input;
    const struct fs_results *results;
};

static int fill_evaluate(struct fs_archive *archive, const void *context, struct fs_error *err)
{
    const struct evaluate_context *evaluate = context;
    return fs_evaluate_write(archive, evaluate->input, evaluate->results, err);
}

/* The edits of the job, a column each. */
struct columns {
    size_t count;
    struct fs_edit *edit;
    const char **name;
    struct fs_other_model *other; /* of the edits that are whole models */
};

static void close_columns(struct columns *columns)
{
    for (size_t i = 0; i < columns->count; i++) {
        if (columns->other != NULL && columns->other[i].model != NULL) {
            columns->edit[i].model = NULL; /* closed with the session's part of it */
            fs_session_close_other(&columns->other[i]);
        }
        if (columns->edit != NULL) {
            fs_edit_release(&columns->edit[i]);
        }
    }
    free(columns->edit);
    free(columns->name);
    free(columns->other);
}

static int open_column(struct fs_job_run *run, const struct fs_job_method *method, struct columns *columns, size_t i,
                       struct fs_error *err)
{
    struct fs_session *session = run->session;
    struct fs_edit *edit = &columns->edit[i];
    columns->name[i] = method->name;
    if (method->path != NULL) {
        *edit = (struct fs_edit){.kind = method->method->edit};
        if (fs_session_open_other(session, method->path, &columns->other[i], err) != 0) {
            return -1;
        }
        edit->model = columns->other[i].model;
        return fs_session_agree(session, edit->kind->check(edit, fs_model_spec(session->model), err), err) == 0
                   ? 0
                   : fs_error_prepend(err, "%s", method->path);
    }
    char *path = NULL;
    int status;
    if (method->method->make != NULL) {
        union fs_method_settings settings = {0};
        const struct fs_spec *spec = fs_model_spec(session->model);
        fs_job_fill(run->job, method->method->settings, spec->kind, &settings);
        status = fs_session_agree(session, method->method->make(&settings, spec, edit, err), err);
    } else {
        enum fs_stage stage = fs_method_stage(method->method);
        path = fs_stage_path(run->output, stage, ".h5", err);
        status = fs_session_agree(session, path == NULL ? -1 : 0, err) == 0
                     ? fs_load_edit(session, path, fs_stage_names[stage], method->method->edit, edit, err)
                     : -1;
    }
    if (status == 0 && method->strength != 1) {
        edit->kind->scale(edit, method->strength);
    }
    free(path);
    return status;
}

static int open_columns(struct fs_job_run *run, struct columns *columns, struct fs_error *err)
{
    const struct fs_job_method *method = fs_job_methods(run->job, &columns->count);
    columns->edit = fs_allocate(columns->count, sizeof *columns->edit, "the edits", err);
    columns->name = fs_allocate(columns->count, sizeof *columns->name, "the edits", err);
    columns->other = fs_allocate(columns->count, sizeof *columns->other, "the edits", err);
    int status = columns->edit == NULL || columns->name == NULL || columns->other == NULL ? -1 : 0;
    status = fs_session_agree(run->session, status, err);
    for (size_t i = 0; status == 0 && i < columns->count; i++) {
        status = open_column(run, &method[i], columns, i, err);
    }
    return status;
}

int fs_stage_run_evaluate(struct fs_job_run *run, enum fs_stage stage, struct fs_error *err)
{
    if (fs_stage_begin(run, stage, err) != 0) {
        return -1;
    }
    struct fs_evaluate_input input;
    struct columns columns = {0};
    struct fs_results results = {0};
    int status = open_columns(run, &columns, err);
    if (status == 0) {
        fs_stage_evaluate_input(run, &input);
        input.edits = (struct fs_edit_list){columns.count, columns.edit};
        input.edit_name = columns.name;
        status = fs_evaluate_run(run->session->model, run->session->tokenizer, &input, run->session->runner,
                                 fs_stage_names[stage], &results, err);
    }
    if (status == 0) {
        struct evaluate_context context = {&input, &results};
        status = fs_stage_publish(run, stage, fill_evaluate, &context, err);
    }
    fs_results_release(&results);
    close_columns(&columns);
    return status;
}
