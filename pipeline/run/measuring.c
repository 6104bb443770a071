#include "pipeline/run/measuring.h"

void fs_stage_evaluate_input(const struct fs_job_run *run, struct fs_evaluate_input *input)
{
    const struct fs_job_settings *settings = fs_job_settings(run->job);
    *input = (struct fs_evaluate_input){
        .suite = run->data.suite,
        .suites = run->data.suites,
        .tuning = run->data.tuning,
        .bootstrap = {.resamples = settings->bootstrap, .seed = settings->seed},
    };
}

struct fs_suite **fs_stage_comparing_suites(const struct fs_job_run *run, size_t *count, struct fs_error *err)
{
    struct fs_suite **suite = fs_allocate(run->data.suites, sizeof(struct fs_suite *), "suites", err);
    *count = 0;
    for (size_t i = 0; suite != NULL && i < run->data.suites; i++) {
        if (run->data.kind[i] == run->data.edited || run->data.kind[i]->compares_layers) {
            suite[(*count)++] = run->data.suite[i];
        }
    }
    return suite;
}
