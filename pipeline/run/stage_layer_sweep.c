/*
 * Stage layer_sweep: trains and measures a stamp at each of the layers that layers.compare names. What is done is saved layer
 * by layer, and inside a layer its training and its scores.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "pipeline/run/measuring.h"
#include "pipeline/run/run_stages.h"
#include "pipeline/run/training.h"
#include "results/stage_files.h"
#include "stages/evaluate/layer_sweep.h"

static int fill(struct fs_archive *archive, const void *context, struct fs_error *err)
{
    return fs_layers_write(archive, context, err);
}

/* Root: the layers that an earlier run has done. */
static int read_part(struct fs_job_run *run, struct fs_layer_comparison *comparison, struct fs_error *err)
{
    struct fs_archive *archive;
    struct fs_error reason = FS_ERROR_INIT;
    char *path = fs_stage_path(run->output, FS_STAGE_LAYER_SWEEP, ".part.h5", err);
    if (path == NULL) {
        return -1;
    }
    if (fs_archive_open(path, FS_PART_FORMAT, &archive, &reason) == 0) {
        struct fs_layer_comparison found = {0};
        if (fs_layers_read(archive, &found, &reason) == 0 && found.capacity != comparison->capacity) {
            fs_error_set(&reason, FS_EXIT_DATA, "%s: found %zu layers, expected %zu", path, found.capacity,
                         comparison->capacity);
        } else if (reason.code == 0) {
            struct fs_layer_comparison fresh = *comparison;
            *comparison = found;
            found = fresh;
            fs_say("layer_sweep: %zu of %zu layers were done by an earlier run", comparison->layers,
                   comparison->capacity);
        }
        fs_layers_release(&found);
        fs_archive_close(archive);
    }
    int status = 0;
    if (reason.code != 0 && reason.code != FS_EXIT_NO_INPUT) {
        status = fs_stage_move_aside(path, "its layers are done again", &reason);
        *err = reason;
    }
    free(path);
    return status;
}

/* The done layers of the root, for all ranks: done[layers of the model]. */
static int share_done(struct fs_job_run *run, const struct fs_layer_comparison *comparison, unsigned char *done,
                      size_t layers, struct fs_error *err)
{
    for (size_t layer = 0; fs_session_is_root(run->session) && layer < layers; layer++) {
        done[layer] = fs_layers_has(comparison, layer) ? 1 : 0;
    }
    return fs_runner_broadcast(run->session->runner, done, layers, err);
}

static int do_layer(struct fs_training *training, const struct fs_evaluate_input *input, size_t layer,
                    struct fs_layer_comparison *comparison, struct fs_error *err)
{
    struct fs_job_run *run = training->run;
    struct fs_results results = {0};
    struct fs_evaluate_input measured = *input;
    char scores[64]; /* of this layer: another one's would fit in shape */
    snprintf(scores, sizeof scores, FS_LAYER_SCORES, layer);
    training->task.layer = layer;
    int status = fs_training_run(training, err);
    if (status == 0) {
        const struct fs_edit edit = training->method->trainer->edit(training->state);
        measured.edits = (struct fs_edit_list){1, &edit};
        measured.edit_name = &training->method->name;
        status = fs_evaluate_run(run->session->model, run->session->tokenizer, &measured, run->session->runner, scores,
                                 &results, err);
    }
    if (status == 0 && fs_session_is_root(run->session)) {
        double loss[FS_TRAINING_LOSSES];
        training->method->trainer->losses(training->state, loss);
        status = fs_layers_add(comparison, layer, loss, &results, err);
        if (status == 0) {
            fs_say("layer_sweep: layer %zu done, %zu of %zu", layer, comparison->layers, comparison->capacity);
            const struct fs_stage_file file = {FS_STAGE_LAYER_SWEEP, ".part.h5", FS_PART_FORMAT, false};
            status = fs_stage_write(run, &file, fill, comparison, err);
        }
        if (status == 0) {
            fs_stage_remove_layer(run->output);
        }
    }
    fs_results_release(&results);
    return fs_session_agree(run->session, status, err);
}

static int do_layers(struct fs_training *training, struct fs_layer_comparison *comparison, unsigned char *done,
                     struct fs_error *err)
{
    struct fs_job_run *run = training->run;
    size_t layers = fs_model_spec(run->session->model)->layers;
    bool all = fs_job_settings(run->job)->compare == FS_COMPARE_ALL;
    struct fs_evaluate_input input;
    fs_stage_evaluate_input(run, &input);
    struct fs_suite **suite = fs_stage_comparing_suites(run, &input.suites, err);
    input.suite = suite;
    input.bootstrap.resamples = 0;
    int status = suite == NULL ? -1 : fs_session_is_root(run->session) ? read_part(run, comparison, err) : 0;
    status = fs_session_agree(run->session, status, err) == 0 ? share_done(run, comparison, done, layers, err) : -1;
    for (size_t layer = 0; status == 0 && layer < layers; layer++) {
        if (done[layer] == 0 && (all || layer == comparison->traced || layer == comparison->random)) {
            status = do_layer(training, &input, layer, comparison, err);
        }
    }
    free(suite);
    return status != 0 ? -1 : fs_stage_publish(run, FS_STAGE_LAYER_SWEEP, fill, comparison, err);
}

int fs_stage_run_layer_sweep(struct fs_job_run *run, enum fs_stage stage, struct fs_error *err)
{
    struct fs_training training;
    struct fs_layer_comparison comparison = {0};
    if (fs_stage_begin(run, stage, err) != 0) {
        return -1;
    }
    int status = fs_training_open(run, fs_stage_method(FS_STAGE_STAMP), &training, err);
    unsigned char *done = NULL;
    if (status == 0) {
        const struct fs_job_settings *settings = fs_job_settings(run->job);
        size_t layers = fs_model_spec(run->session->model)->layers, decisive = training.task.layer;
        size_t random = fs_layers_random(layers, decisive, settings->seed);
        size_t compared = settings->compare == FS_COMPARE_ALL ? layers : (random == decisive ? 1 : 2);
        training.stage = stage;
        training.part = FS_LAYER_TRAINING;
        training.keep_end = true;
        done = fs_allocate(layers, 1, "layers", err);
        status = done != NULL ? fs_layers_create(compared, decisive, random, &comparison, err) : -1;
        status = fs_session_agree(run->session, status, err);
    }
    if (status == 0) {
        status = do_layers(&training, &comparison, done, err);
    }
    fs_layers_release(&comparison);
    fs_training_close(&training);
    free(done);
    return status;
}
