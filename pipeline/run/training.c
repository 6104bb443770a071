#include "pipeline/run/training.h"

#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "io/console/log.h"
#include "io/console/progress.h"
#include "pipeline/ranks/runner_mpi.h"
#include "results/stage_files.h"

struct content {
    const struct fs_stamp_options *options;
    const struct fs_stamp_state *state;
};

static int fill(struct fs_archive *archive, const void *context, struct fs_error *err)
{
    const struct content *content = context;
    return fs_stamp_write(archive, content->options, content->state, err);
}

/* Bytes of the parameters, their best, Adam's moments and the losses. */
static size_t bytes_of(const struct fs_stamp_state *state)
{
    return 4 * fs_stamp_parameters(state->stamp.hidden, state->stamp.width) * sizeof(fs_real) +
           (4 + FS_STAMP_EXTRA) * state->steps * sizeof(double);
}

/* Root: whether a save is due that nobody asked for. */
static bool is_due(const struct fs_training *training, const struct fs_stamp_state *state)
{
    const struct fs_save_clock *clock = fs_runner_mpi_clock(training->run->session->runner);
    double now = fs_seconds();
    bool last = state->step == state->steps;
    if (last && !training->keep_end) {
        return false; /* it is published now */
    }
    return (last || state->step - training->saved >= training->options->checkpoint_every ||
            fs_save_waited(clock, now)) &&
           fs_save_affordable(clock, fs_save_guess(bytes_of(state)), now);
}

/* Called by fs_stamp_train on all ranks, after each step. */
static int save(void *context, const struct fs_stamp_state *state, bool stop, struct fs_error *err)
{
    struct fs_training *training = context;
    struct fs_job_run *run = training->run;
    int status = 0;
    if (fs_session_is_root(run->session) && (stop || is_due(training, state))) {
        struct content content = {training->options, state};
        double begin = fs_seconds();
        status = fs_stage_write(run, training->stage, training->part, FS_PART_FORMAT, fill, &content, err);
        fs_save_note(fs_runner_mpi_clock(run->session->runner), begin, fs_seconds());
        training->saved = state->step;
        if (status == 0) {
            fs_say("%s: step %zu/%zu, loss %.6g, saved", fs_stage_names[training->stage], state->step, state->steps,
                   state->loss[4 * (state->step - 1)]);
        } else if (!stop) {
            fs_warn("the training cannot be saved, the work goes on: %s", err->text);
            *err = (struct fs_error)FS_ERROR_INIT;
            status = 0;
        }
    }
    return fs_session_agree(run->session, status, err);
}

/* Root: an earlier run's state in the place of `state`, where there is one of this training. */
static int read_part(const struct fs_training *training, struct fs_stamp_state *state, struct fs_error *err)
{
    struct fs_job_run *run = training->run;
    struct fs_archive *archive;
    struct fs_error reason = FS_ERROR_INIT;
    char *path = fs_stage_path(run->output, training->stage, training->part, err);
    if (path == NULL) {
        return -1;
    }
    if (fs_archive_open(path, FS_PART_FORMAT, &archive, &reason) == 0) {
        struct fs_stamp_state found = {0};
        if (strcmp(fs_archive_job(archive), run->fingerprint.digest[training->stage]) != 0) {
            fs_error_set(&reason, FS_EXIT_OTHER_JOB, "%s: partial results of another job", path);
        } else if (fs_stamp_read_state(archive, &found, &reason) == 0) {
            const struct fs_stamp *a = &state->stamp, *b = &found.stamp;
            if (a->layer != b->layer || a->hidden != b->hidden || a->width != b->width || state->steps != found.steps) {
                fs_error_set(&reason, FS_EXIT_OTHER_JOB, "%s: partial results of another training", path);
            } else {
                struct fs_stamp_state fresh = *state;
                *state = found;
                found = fresh;
                fs_say("%s: layer %zu goes on from step %zu of an earlier run", fs_stage_names[training->stage],
                       state->stamp.layer, state->step);
            }
        }
        fs_stamp_state_release(&found);
        fs_archive_close(archive);
    }
    if (reason.code != 0 && reason.code != FS_EXIT_NO_INPUT) {
        fs_say("%s; it is ignored and will be replaced", reason.text);
    }
    free(path);
    return 0;
}

static int resume(const struct fs_training *training, struct fs_stamp_state *state, struct fs_error *err)
{
    struct fs_session *session = training->run->session;
    int status = fs_session_is_root(session) ? read_part(training, state, err) : 0;
    if (fs_session_agree(session, status, err) != 0) {
        return -1;
    }
    return fs_stamp_state_broadcast(state, session->runner, err);
}

int fs_training_run(struct fs_training *training, struct fs_stamp_state *state, struct fs_error *err)
{
    struct fs_job_run *run = training->run;
    struct fs_session *session = run->session;
    const struct fs_stamp_options *options = training->options;
    size_t edited = 0;
    for (size_t i = 0; i < run->data.pairs.count; i++) {
        edited += !run->data.held_out[i];
    }
    int status = fs_stamp_state_create(options, fs_model_spec(session->model)->hidden, fs_stamp_steps(options, edited),
                                       state, err);
    if (fs_session_agree(session, status, err) != 0 || resume(training, state, err) != 0) {
        return -1;
    }
    training->saved = state->step;
    fs_say("%s: layer %zu, width %zu, %zu edited pairs, %zu steps", fs_stage_names[training->stage], options->layer,
           options->width, edited, state->steps);
    fs_runner_mpi_expect_sums(session->runner, fs_stage_names[FS_STAGE_STAMP], state->step, state->steps);
    return fs_stamp_train(session->model, session->tokenizer, &run->data.pairs, run->data.held_out, options,
                          session->runner, save, training, state, err);
}
