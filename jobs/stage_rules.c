#include "jobs/stage_rules.h"

static unsigned nothing(const struct fs_job *job, enum fs_stage stage)
{
    (void)job, (void)stage;
    return 0;
}

static bool trains(const struct fs_job *job, enum fs_stage stage)
{
    return fs_job_trained(job, stage) != NULL;
}

/* All that the job trains. */
static unsigned trainings(const struct fs_job *job, enum fs_stage stage)
{
    unsigned stages = 0;
    (void)stage;
    for (int other = 0; other < FS_STAGE_COUNT; other++) {
        stages |= trains(job, (enum fs_stage)other) ? 1u << other : 0;
    }
    return stages;
}

/* The stamp, whose layers are compared. */
static unsigned stamp(const struct fs_job *job, enum fs_stage stage)
{
    (void)stage;
    return trains(job, FS_STAGE_STAMP) ? 1u << FS_STAGE_STAMP : 0;
}

/* A layer that the job names needs no trace. */
static unsigned trace_of_layer(const struct fs_job *job, enum fs_stage stage)
{
    return trains(job, stage) && fs_job_layer(job, stage) == FS_AUTO ? 1u << FS_STAGE_TRACE : 0;
}

static unsigned trace_of_stamp(const struct fs_job *job, enum fs_stage stage)
{
    (void)stage;
    return trace_of_layer(job, FS_STAGE_STAMP);
}

/* Where something is trained at a layer. */
static bool has_layer(const struct fs_job *job, enum fs_stage stage)
{
    (void)stage;
    for (int other = 0; other < FS_STAGE_COUNT; other++) {
        const struct fs_job_method *trained = fs_job_trained(job, (enum fs_stage)other);
        if (trained != NULL && trained->method->trainer->layer_key != NULL) {
            return true;
        }
    }
    return false;
}

static const char *reused_trace(const struct fs_job *job)
{
    return fs_job_settings(job)->reuse;
}

static bool compares_layers(const struct fs_job *job, enum fs_stage stage)
{
    (void)stage;
    return trains(job, FS_STAGE_STAMP) && fs_job_settings(job)->compare != FS_COMPARE_NONE;
}

static const struct fs_stage_rule training = {
    .follows = trace_of_layer,
    .reads = trace_of_layer,
    .is_asked = trains,
    .unasked = "none of the job's methods trains in this stage; add \"stamp\" to methods"};
static const struct fs_stage_rule rules[FS_STAGE_COUNT] = {
    [FS_STAGE_TRACE] = {.follows = nothing, .reads = nothing, .reused = reused_trace, .is_asked = has_layer},
    [FS_STAGE_EVALUATE] = {.follows = trainings, .reads = trainings},
    /* the layers' stamps are evaluated as the job's own */
    [FS_STAGE_LAYER_SWEEP] =
        {.keys = 1u << FS_STAGE_EVALUATE,
         .follows = stamp,
         .reads = trace_of_stamp,
         .is_asked = compares_layers,
         .unasked = "layers.compare is \"none\" or no method trains; expected random or all, and a method that trains"},
};

const struct fs_stage_rule *fs_stage_rule(enum fs_stage stage)
{
    return fs_stage_method(stage) != NULL ? &training : &rules[stage];
}

bool fs_stage_is_asked(const struct fs_job *job, enum fs_stage stage)
{
    const struct fs_stage_rule *rule = fs_stage_rule(stage);
    return rule->is_asked == NULL || rule->is_asked(job, stage);
}
