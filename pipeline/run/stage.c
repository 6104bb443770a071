#include "pipeline/run/stage.h"

#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "io/console/log.h"
#include "io/console/progress.h"
#include "io/resident.h"
#include "pipeline/ranks/runner_mpi.h"
#include "pipeline/run/provenance.h"
#include "results/archive_layout.h"
#include "results/stage_files.h"

int fs_job_run_load(struct fs_job_run *run, struct fs_error *err)
{
    if (run->loaded) {
        return 0;
    }
    const struct fs_job_settings *settings = fs_job_settings(run->job);
    if (fs_session_load_model(run->session, settings->model, &settings->compute, err) != 0) {
        return -1;
    }
    fs_model_share_prefixes(run->session->model, fs_job_settings(run->job)->share_prefixes);
    int status = fs_data_read(run->job, fs_model_spec(run->session->model)->kind, &run->data, err);
    if (status == 0) { /* before any stage: a trace may take hours */
        status = fs_job_check_layer(run->job, fs_model_spec(run->session->model), err);
    }
    if (fs_session_agree(run->session, status, err) != 0) {
        return -1;
    }
    size_t held_out = 0;
    for (size_t i = 0; i < run->data.pairs.count; i++) {
        held_out += run->data.held_out[i];
    }
    fs_say("data: %zu %s pairs (%zu held out), %zu suite%s", run->data.pairs.count, run->data.edited->name, held_out,
           run->data.suites, run->data.suites == 1 ? "" : "s");
    run->loaded = true;
    return 0;
}

int fs_stage_begin(struct fs_job_run *run, enum fs_stage stage, struct fs_error *err)
{
    if (fs_job_run_load(run, err) != 0) {
        return -1;
    }
    const struct fs_job_settings *settings = fs_job_settings(run->job);
    run->began = fs_seconds();
    fs_resident_begin();
    int status = fs_runner_mpi_save_to(run->session->runner, run->output, run->fingerprint.digest[stage],
                                       run->fingerprint.settings[stage], settings->checkpoint_seconds,
                                       settings->checkpoint_share, err);
    fs_log("stage %s", fs_stage_names[stage]);
    return fs_session_agree(run->session, status, err);
}

int fs_stage_write(struct fs_job_run *run, const struct fs_stage_file *file, fs_stage_fill *fill, const void *context,
                   struct fs_error *err)
{
    enum fs_stage stage = file->stage;
    struct fs_archive *archive;
    char *path = fs_stage_path(run->output, stage, file->suffix, err);
    if (path == NULL) {
        return -1;
    }
    int status = (file->large ? fs_archive_create_large
                              : fs_archive_create)(path, file->format, run->fingerprint.digest[stage], &archive, err);
    if (status == 0) {
        status = fill(archive, context, err);
        if (status == 0 && strcmp(file->format, FS_PART_FORMAT) != 0) {
            status = fs_layout_describe(archive, err);
        }
        if (status == 0) {
            status = fs_provenance_write(archive, run->session, run->job, run->fingerprint.settings[stage],
                                         run->fingerprint.series[stage], fs_seconds() - run->began, err);
        }
        if (status == 0) {
            status = fs_archive_publish(archive, err);
        } else {
            fs_archive_abort(archive);
        }
    }
    free(path);
    return status;
}

/* Root: which has the most of all ranks, for it makes the file. */
static void tell_memory(enum fs_stage stage)
{
    const double mib = 1 << 20;
    struct fs_resident resident;
    if (fs_resident_read(&resident)) {
        fs_say("%s: at most %.0f MiB of memory, %.0f MiB of them mapped or shared", fs_stage_names[stage],
               resident.most / mib, resident.shared / mib);
    }
}

int fs_stage_write_results(struct fs_job_run *run, enum fs_stage stage, bool large, fs_stage_fill *fill,
                           const void *context, struct fs_error *err)
{
    const struct fs_stage_file file = {stage, ".h5", fs_stage_names[stage], large};
    if (fs_stage_write(run, &file, fill, context, err) != 0) {
        return -1;
    }
    fs_stage_remove_part(run->output, stage);
    const struct fs_save_clock *clock = fs_runner_mpi_clock(run->session->runner);
    double seconds = fs_seconds() - clock->begin;
    fs_say("%s: published %s/%s.h5 after %.1f s; %zu save%s took %.3f s, %.2f %%", fs_stage_names[stage], run->output,
           fs_stage_names[stage], seconds, clock->saves, clock->saves == 1 ? "" : "s", clock->spent,
           seconds > 0 ? 100 * clock->spent / seconds : 0);
    tell_memory(stage);
    return 0;
}

int fs_stage_publish(struct fs_job_run *run, enum fs_stage stage, fs_stage_fill *fill, const void *context,
                     struct fs_error *err)
{
    int status = fs_session_is_root(run->session) ? fs_stage_write_results(run, stage, false, fill, context, err) : 0;
    fs_log_memory("once the stage is published");
    return fs_session_agree(run->session, status, err);
}
