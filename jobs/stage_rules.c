#include "jobs/stage_rules.h"

static enum fs_stage nothing(const struct fs_job *job)
{
    (void)job;
    return FS_STAGE_COUNT;
}

static bool trains(const struct fs_job *job)
{
    return fs_job_trained(job) != NULL;
}

static enum fs_stage training(const struct fs_job *job)
{
    return trains(job) ? FS_STAGE_STAMP : FS_STAGE_COUNT;
}

/* A layer that the job names needs no trace. */
static enum fs_stage trace_of_layer(const struct fs_job *job)
{
    return trains(job) && fs_job_layer(job) == FS_AUTO ? FS_STAGE_TRACE : FS_STAGE_COUNT;
}

static const char *reused_trace(const struct fs_job *job)
{
    return fs_job_settings(job)->reuse;
}

static bool compares_layers(const struct fs_job *job)
{
    return trains(job) && fs_job_settings(job)->compare != FS_COMPARE_NONE;
}

const struct fs_stage_rule fs_stage_rules[FS_STAGE_COUNT] = {
    [FS_STAGE_TRACE] = {.keys = 1u << FS_STAGE_TRACE,
                        .follows = nothing,
                        .reads = nothing,
                        .reused = reused_trace,
                        .is_asked = trains},
    [FS_STAGE_STAMP] = {.keys = 1u << FS_STAGE_STAMP,
                        .follows = trace_of_layer,
                        .reads = trace_of_layer,
                        .is_asked = trains,
                        .unasked = "none of the job's methods trains; add \"stamp\" to methods"},
    [FS_STAGE_EVALUATE] = {.keys = 1u << FS_STAGE_EVALUATE, .follows = training, .reads = training},
    /* the layers' stamps are evaluated as the job's own */
    [FS_STAGE_LAYER_SWEEP] =
        {.keys = 1u << FS_STAGE_LAYER_SWEEP | 1u << FS_STAGE_EVALUATE,
         .follows = training,
         .reads = trace_of_layer,
         .is_asked = compares_layers,
         .unasked = "layers.compare is \"none\" or no method trains; expected random or all, and a method that trains"},
};

bool fs_stage_is_asked(const struct fs_job *job, enum fs_stage stage)
{
    return fs_stage_rules[stage].is_asked == NULL || fs_stage_rules[stage].is_asked(job);
}
