#include "pipeline/run/training.h"

#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "io/console/log.h"
#include "io/console/progress.h"
#include "jobs/defaults.h"
#include "pipeline/ranks/runner_mpi.h"
#include "results/stage_files.h"
#include "stages/trace/trace.h"

/*
 * Where the ranks share a state out, all have a part in the root's writing of it: the root tells the others to begin once it
 * comes to their shares, and when the file is done, or is not to be.
 */
enum { DONE, BEGIN };

static int tell(const struct fs_training *training, unsigned char what, struct fs_error *err)
{
    return training->method->trainer->write_shares == NULL
               ? 0
               : fs_runner_broadcast(training->task.runner, &what, sizeof what, err);
}

/* Not the root: does what it tells, until it is done. What fails, the root knows. */
static void follow(const struct fs_training *training)
{
    struct fs_error ignored = FS_ERROR_INIT;
    for (unsigned char what = BEGIN; training->method->trainer->write_shares != NULL;) {
        (void)fs_runner_broadcast(training->task.runner, &what, sizeof what, &ignored);
        if (what == DONE) {
            break;
        }
        (void)training->method->trainer->write_shares(&training->task, training->state, NULL, &ignored);
    }
}

int fs_training_fill(struct fs_archive *archive, const void *context, struct fs_error *err)
{
    const struct fs_training *training = context;
    const struct fs_trainer *trainer = training->method->trainer;
    if (trainer->write(&training->task, training->state, archive, err) != 0) {
        return -1;
    }
    return trainer->write_shares != NULL && tell(training, BEGIN, err) == 0
               ? trainer->write_shares(&training->task, training->state, archive, err)
               : 0;
}

static bool is_large(const struct fs_training *training)
{
    return training->method->trainer->bytes(training->state) > FS_TRAINING_IN_MEMORY;
}

/* Root: whether a save is due that nobody asked for. */
static bool is_due(const struct fs_training *training)
{
    const struct fs_save_clock *clock = fs_runner_mpi_clock(training->run->session->runner);
    const struct fs_training_state *state = training->state;
    double now = fs_seconds();
    bool last = state->step == state->steps;
    if (last && !training->keep_end) {
        return false; /* it is published now */
    }
    return (last || state->step - training->saved >= training->size.save_every || fs_save_waited(clock, now)) &&
           fs_save_affordable(clock, fs_save_guess(training->method->trainer->bytes(state)), now);
}

/* Root. */
static int write_part(struct fs_training *training, bool stop, struct fs_error *err)
{
    const struct fs_training_state *state = training->state;
    struct fs_save_clock *clock = fs_runner_mpi_clock(training->run->session->runner);
    const struct fs_stage_file file = {training->stage, training->part, FS_PART_FORMAT, is_large(training)};
    double begin = fs_seconds(), loss[FS_TRAINING_LOSSES];
    int status = fs_stage_write(training->run, &file, fs_training_fill, training, err);
    fs_save_note(clock, begin, fs_seconds());
    training->saved = state->step;
    training->method->trainer->losses(state, loss);
    if (status == 0) {
        fs_say("%s: step %zu/%zu, loss %.6g, saved", fs_stage_names[training->stage], state->step, state->steps,
               loss[0]);
    } else if (!stop) {
        fs_warn("the training cannot be saved, the work goes on: %s", err->text);
        *err = (struct fs_error)FS_ERROR_INIT;
        status = 0;
    }
    return status;
}

/* Called by the trainer on all ranks, after each step. */
static int save(void *context, const struct fs_training_state *state, bool stop, struct fs_error *err)
{
    struct fs_training *training = context;
    struct fs_session *session = training->run->session;
    int status = 0;
    (void)state;
    if (!fs_session_is_root(session)) {
        follow(training);
    } else {
        status = stop || is_due(training) ? write_part(training, stop, err) : 0;
        (void)tell(training, DONE, err);
    }
    return fs_session_agree(session, status, err);
}

int fs_training_publish(struct fs_training *training, fs_stage_fill *fill, const void *context, struct fs_error *err)
{
    struct fs_session *session = training->run->session;
    int status = 0;
    if (!fs_session_is_root(session)) {
        follow(training);
    } else {
        status = fs_stage_write_results(training->run, training->stage, is_large(training), fill, context, err);
        (void)tell(training, DONE, err);
    }
    fs_log_memory("once the stage is published");
    return fs_session_agree(session, status, err);
}

/* "layer 3" and what is behind it; "" where the method knows no layer. */
#define PLACE_SIZE 64
static const char *place_of(const struct fs_training *training, const char *behind, char place[PLACE_SIZE])
{
    place[0] = '\0';
    if (training->method->trainer->layer_key != NULL) {
        snprintf(place, PLACE_SIZE, "layer %zu%s", training->task.layer, behind);
    }
    return place;
}

/* Root: an earlier run's state in the place of the fresh one, where there is one of this training; then *archive is its
 * file, which the caller closes. */
static int read_part(struct fs_training *training, const char *path, struct fs_archive **archive, struct fs_error *err)
{
    const struct fs_trainer *trainer = training->method->trainer;
    struct fs_error reason = FS_ERROR_INIT;
    struct fs_training_state *found = NULL;
    *archive = NULL;
    if (fs_archive_open(path, FS_PART_FORMAT, archive, &reason) == 0 && trainer->read(*archive, &found, &reason) == 0) {
        if (trainer->is_same(training->state, found)) {
            trainer->destroy(training->state);
            training->state = found;
            char place[PLACE_SIZE];
            fs_say("%s: %sgoes on from step %zu of an earlier run", fs_stage_names[training->stage],
                   place_of(training, " ", place), training->state->step);
            return 0;
        }
        fs_say("%s: of another training, which is done; it will be replaced", path);
        trainer->destroy(found);
    }
    fs_archive_close(*archive);
    *archive = NULL;
    int status = 0;
    if (reason.code != 0 && reason.code != FS_EXIT_NO_INPUT) {
        status = fs_stage_move_aside(path, "the training begins anew", &reason);
        *err = reason;
    }
    return status;
}

/* `archive`: of an earlier run, on the root; NULL: none, the state is fresh. */
static int share_state(struct fs_training *training, const struct fs_archive *archive, struct fs_error *err)
{
    struct fs_runner *runner = training->run->session->runner;
    const struct fs_trainer *trainer = training->method->trainer;
    unsigned char found = archive != NULL;
    if (trainer->broadcast(training->state, runner, err) != 0 ||
        fs_runner_broadcast(runner, &found, sizeof found, err) != 0) {
        return -1;
    }
    return found && trainer->read_shares != NULL ? trainer->read_shares(&training->task, archive, training->state, err)
                                                 : 0;
}

static int resume(struct fs_training *training, struct fs_error *err)
{
    struct fs_session *session = training->run->session;
    struct fs_archive *archive = NULL;
    char *path = NULL;
    int status = 0;
    if (fs_session_is_root(session)) {
        path = fs_stage_path(training->run->output, training->stage, training->part, err);
        status = path != NULL ? read_part(training, path, &archive, err) : -1;
    }
    status = fs_session_agree(session, status, err) == 0 ? share_state(training, archive, err) : -1;
    fs_archive_close(archive);
    free(path);
    return status;
}

/* l*, read by the root from the trace's file. */
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

int fs_training_open(struct fs_job_run *run, const struct fs_method *method, struct fs_training *training,
                     struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(run->session->model);
    const struct fs_suite_kind *edited = run->data.edited;
    *training = (struct fs_training){.run = run, .method = method};
    fs_covariances_begin(run, fs_method_stage(method), &training->covariances);
    fs_job_fill(run->job, method->settings, spec->kind, &training->settings);
    method->trainer->size(&training->settings, spec, &training->size);
    training->task = (struct fs_method_task){.model = run->session->model,
                                             .tokenizer = run->session->tokenizer,
                                             .pairs = &run->data.pairs,
                                             .held_out = run->data.held_out,
                                             .text = fs_job_settings(run->job)->edit_text,
                                             .words = run->data.attributes,
                                             .categories = fs_job_settings(run->job)->categories,
                                             .runner = run->session->runner,
                                             .layer = training->size.layer,
                                             .seed = fs_job_settings(run->job)->seed,
                                             .covariance_tokens = fs_job_settings(run->job)->covariance_tokens,
                                             .covariances = &training->covariances.store,
                                             .settings = &training->settings};
    if (fs_scoring_parse(fs_job_scoring(run->job, edited, spec->kind), spec->kind, &training->task.scoring, err) != 0) {
        err->code = FS_EXIT_CONFIG;
        return fs_error_prepend(err, "scoring.%s", edited->scoring_key);
    }
    return training->task.layer == FS_AUTO ? read_decisive_layer(run, &training->task.layer, err) : 0;
}

void fs_training_close(struct fs_training *training)
{
    training->method->trainer->destroy(training->state);
    training->state = NULL;
}

int fs_training_run(struct fs_training *training, struct fs_error *err)
{
    struct fs_job_run *run = training->run;
    struct fs_session *session = run->session;
    const struct fs_trainer *trainer = training->method->trainer;
    size_t edited = 0;
    for (size_t i = 0; i < run->data.pairs.count; i++) {
        edited += !run->data.held_out[i] && run->data.pairs.item[i].skip == FS_KEPT;
    }
    trainer->destroy(training->state);
    training->state = NULL;
    int status = trainer->create(&training->task, edited, &training->state, err);
    if (fs_session_agree(session, status, err) != 0 || resume(training, err) != 0) {
        return -1;
    }
    training->saved = training->state->step;
    char place[PLACE_SIZE], learned[PLACE_SIZE] = "";
    if ((training->method->learns & FS_LEARNS_PAIRS) != 0) {
        snprintf(learned, sizeof learned, "%zu edited pairs, ", edited);
    }
    fs_say("%s: %s%zu parameters, %s%zu steps", fs_stage_names[training->stage], place_of(training, ", ", place),
           training->size.parameters + training->size.shared, learned, training->state->steps);
    fs_runner_mpi_expect_sums(session->runner, fs_stage_names[fs_method_stage(training->method)], training->state->step,
                              training->state->steps);
    return trainer->train(&training->task, save, training, training->state, err);
}
