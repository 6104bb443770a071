/* How much the trainings of a job are, those that are tried among them. */
#include "jobs/job.h"

void fs_job_training_size(const struct fs_job *job, enum fs_stage stage, const struct fs_spec *spec,
                          struct fs_training_size *size)
{
    const struct fs_job_method *trained = fs_job_trained(job, stage);
    union fs_method_settings settings = {0};
    *size = (struct fs_training_size){0};
    if (trained != NULL) {
        fs_job_fill(job, trained->method->settings, spec != NULL ? spec->kind : FS_MASKED, &settings);
        trained->method->trainer->size(&settings, spec, size);
    }
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

int fs_job_try_size(const struct fs_job *job, enum fs_stage stage, size_t which, const struct fs_spec *spec,
                    struct fs_training_size *size, struct fs_error *err)
{
    struct fs_job *varied;
    if (fs_job_vary(job, fs_job_try(job, stage, which), 0, &varied, err) != 0) {
        return -1;
    }
    fs_job_training_size(varied, stage, spec, size);
    fs_job_destroy(varied);
    return 0;
}

static void take_larger(const struct fs_training_size *size, struct fs_training_size *largest)
{
    largest->inner = larger(largest->inner, size->inner);
    largest->parameters = larger(largest->parameters, size->parameters);
    largest->shared = larger(largest->shared, size->shared);
    largest->steps = larger(largest->steps, size->steps);
    largest->save_every = larger(largest->save_every, size->save_every);
    largest->memory = size->memory > largest->memory ? size->memory : largest->memory;
    largest->root = size->root > largest->root ? size->root : largest->root;
    largest->text = size->text > largest->text ? size->text : largest->text;
    largest->two_sweeps = largest->two_sweeps || size->two_sweeps;
    largest->all_layers = largest->all_layers || size->all_layers;
}

void fs_job_largest_training(const struct fs_job *job, const struct fs_spec *spec, struct fs_training_size *largest)
{
    bool any = false;
    *largest = (struct fs_training_size){0};
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        struct fs_training_size size;
        struct fs_error ignored = FS_ERROR_INIT; /* all tries were read with the job */
        if (fs_job_trained(job, (enum fs_stage)stage) == NULL) {
            continue;
        }
        fs_job_training_size(job, (enum fs_stage)stage, spec, &size);
        largest->layer = any ? largest->layer : size.layer;
        take_larger(&size, largest);
        for (size_t i = 1; i < fs_job_tries(job, (enum fs_stage)stage); i++) {
            if (fs_job_try_size(job, (enum fs_stage)stage, i, spec, &size, &ignored) == 0) {
                take_larger(&size, largest);
            }
        }
        any = true;
    }
}
