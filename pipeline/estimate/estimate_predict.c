#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"
#include "pipeline/estimate/estimate_parts.h"
#include "pipeline/ranks/watch.h"
#include "stages/methods/stamp.h"
#include "stages/trace/trace_attribution.h"

/* Averages over ranks: a rank's neighbours slow it down in a probe as they do in a job. */
static void average(const struct fs_estimator *e, double *value, int count)
{
    fs_watch_patiently("MPI_Allreduce");
    MPI_Allreduce(MPI_IN_PLACE, value, count, MPI_DOUBLE, MPI_SUM, e->session->communicator);
    fs_watch_end();
    for (int i = 0; i < count; i++) {
        value[i] /= (double)e->session->runner->ranks;
    }
}

/* The rates of a stage's works, as they were measured in this job or in one before. Collective. */
static int find_rates(const struct fs_estimator *e, int stage, const struct fs_probe_record *measured,
                      struct fs_error *err)
{
    struct fs_estimate_shape *shape = e->shape;
    if (e->measured) {
        return 0;
    }
    size_t count = measured->rates;
    double *value = fs_allocate(2 * count + 1, sizeof *value, "rates of work", err);
    struct fs_estimate_rate *rate = fs_allocate(count + 1, sizeof *rate, "rates of work", err);
    int status = fs_session_agree(e->session, value == NULL || rate == NULL ? -1 : 0, err);
    if (status == 0) {
        for (size_t i = 0; i < count; i++) {
            value[i] = measured->rate[i].seconds;
            value[count + i] = measured->rate[i].flops;
        }
        average(e, value, (int)(2 * count));
        for (size_t i = 0; i < count; i++) {
            rate[i] = (struct fs_estimate_rate){.seconds = value[i], .flops = value[count + i]};
            memcpy(rate[i].name, measured->rate[i].name, sizeof rate[i].name);
        }
        free(shape->rate[stage]);
        shape->rate[stage] = rate;
        shape->count[stage] = count;
    } else {
        free(rate);
    }
    free(value);
    return status;
}

/* Seconds a FLOP of the works of one name; the rate of all others together where it was not measured. */
static double rate_of(const struct fs_estimate_rate *rate, size_t rates, const char *name)
{
    double all_seconds = 0, all_flops = 0;
    for (size_t i = 0; i < rates; i++) {
        if (strcmp(rate[i].name, name) == 0 && rate[i].flops > 0) {
            return rate[i].seconds / rate[i].flops;
        }
        all_seconds += rate[i].flops > 0 ? rate[i].seconds : 0;
        all_flops += rate[i].flops;
    }
    return all_flops > 0 ? all_seconds / all_flops : 0;
}

/* What a stage's works are, with seconds for each unit. */
struct plan {
    const struct fs_probe_record *record;
    double **second;  /* [works][units] */
    size_t trainings; /* that the stage does one after the other: of what is tried, and of what is chosen */
    size_t *steps;    /* [trainings] real steps a batch */
};

static bool is_training(const struct fs_probe_work *work)
{
    return work->kind == FS_PROBE_SUM && work->cost != NULL;
}

/* Of a batch's steps, those with this sum. */
static double share_of(const struct fs_probe_work *work)
{
    return work->step.number == 0 ? 1 : work->step.share;
}

/* The sum that ends a step; there is one for each batch and kind of step. */
static bool ends_step(const struct fs_probe_work *work)
{
    return is_training(work) && !work->part;
}

static double calls_of(const struct plan *plan, const struct fs_probe_work *work)
{
    return is_training(work) ? share_of(work) * (double)plan->steps[work->training] : (double)work->calls;
}

/* A batch's further versions have units that no step runs beside those of the first. */
static bool claims_another_version(const struct fs_probe_record *record, size_t w)
{
    return w > 0 && record->work[w].kind == FS_PROBE_CLAIM && record->work[w - 1].kind == FS_PROBE_CLAIM;
}

static void see_unit(struct fs_memory_unit *most, const struct fs_cost *cost)
{
    most->tokens = fmax(most->tokens, cost->tokens);
    most->rows = fmax(most->rows, cost->rows);
    most->squares = fmax(most->squares, cost->passes > 0 ? cost->tokens * cost->tokens / cost->passes : 0);
}

/* What the units of a batch keep, which are claimed one version after the other. */
static void see_caches(struct fs_memory_load *load, const struct fs_probe_record *record)
{
    double caches = 0, versions = 0;
    for (size_t w = 0; w < record->works; w++) {
        const struct fs_probe_work *work = &record->work[w];
        bool claimed = work->kind == FS_PROBE_CLAIM && work->cost != NULL;
        versions = claimed ? versions + 1 : 0;
        caches = claimed ? caches : 0;
        for (size_t unit = 0; claimed && unit < work->units; unit++) {
            caches += work->cost[unit].stays;
        }
        load->caches = fmax(load->caches, caches);
        load->versions = fmax(load->versions, versions);
    }
}

/* A batch of training, or the first sweep of its steps: what its units are. */
static void see_batch(struct fs_memory_load *load, const struct fs_probe_work *work)
{
    double tapes = 0;
    for (size_t unit = 0; unit < work->units; unit++) {
        tapes += work->cost[unit].waits;
        double *most = work->part ? &load->tape : &load->alone;
        *most = fmax(*most, work->cost[unit].waits);
        load->slot = work->part ? fmax(load->slot, work->cost[unit].waits + work->cost[unit].stays) : load->slot;
    }
    if (work->part) {
        load->cut_units = tapes > 0 ? fmax(load->cut_units, (double)work->units) : load->cut_units;
        load->tapes = fmax(load->tapes, tapes);
    } else {
        load->units = fmax(load->units, (double)work->units);
    }
}

static struct fs_memory_unit *largest_unit(struct fs_memory_load *load, int stage, const struct fs_probe_work *work)
{
    if (strcmp(work->name, FS_ATTRIBUTION_WORK) == 0) {
        return &load->attribution;
    }
    return stage == FS_STAGE_TRACE                         ? &load->trace
           : fs_stage_method((enum fs_stage)stage) != NULL ? &load->training
                                                           : &load->evaluate;
}

static void count_works(struct fs_estimator *e, int stage, const struct plan *plan)
{
    struct fs_estimate_stage *out = &e->estimate->stage[stage];
    double ends = 0;
    see_caches(&e->memory, plan->record);
    for (size_t w = 0; w < plan->record->works; w++) {
        const struct fs_probe_work *work = &plan->record->work[w];
        double calls = calls_of(plan, work);
        out->units += work->kind == FS_PROBE_SUM || claims_another_version(plan->record, w) ? 0 : work->units;
        ends += ends_step(work) ? calls : 0;
        double seen = work->part ? 0 : calls; /* parts of a step are of the same passes */
        for (size_t unit = 0; work->cost != NULL && unit < work->units; unit++) {
            const struct fs_cost *cost = &work->cost[unit];
            out->passes += seen * cost->passes;
            out->tokens += seen * cost->tokens;
            out->flops += calls * cost->flops;
            e->last_flops += stage == FS_STAGE_STAMP && work->training + 1 == plan->trainings ? calls * cost->flops : 0;
            out->longest = fmax(out->longest, plan->second[w][unit]);
            see_unit(largest_unit(&e->memory, stage, work), cost);
            e->kept_tokens += ends_step(work) ? share_of(work) * cost->tokens : 0;
        }
        if (is_training(work)) {
            see_batch(&e->memory, work);
        }
        if (stage == FS_STAGE_EVALUATE) {
            e->memory.items = fmax(e->memory.items, work->held);
            e->memory.gathered = fmax(e->memory.gathered, work->result_bytes);
        }
        if (ends_step(work)) {
            e->estimate->vectored = fmax(e->estimate->vectored, (double)work->units * (double)work->length);
        }
    }
    out->calls += (size_t)llround(ends);
}

/* Seconds of work `w` on some ranks as long as messages take no time. Negative: out of memory. */
static double compute_seconds(const struct plan *plan, size_t w, const struct fs_schedule *schedule,
                              struct fs_error *err)
{
    const struct fs_machine free_of_charge = {0, INFINITY, 0};
    const struct fs_probe_work *work = &plan->record->work[w];
    if (work->kind == FS_PROBE_SUM) {
        return fs_schedule_sum(schedule, (double)work->length, sizeof(fs_real), &free_of_charge, err);
    }
    for (size_t sums = w + 1; work->kind == FS_PROBE_CLAIM && sums < plan->record->works; sums++) {
        if (ends_step(&plan->record->work[sums]) && plan->record->work[sums].units == work->units) {
            return fs_schedule_claim(schedule, plan->second[sums], err);
        }
    }
    return fs_schedule_map(schedule, err);
}

/* The time on `ranks` ranks without what each does alone. */
static int predict_time(const struct fs_estimator *e, const struct plan *plan, size_t ranks,
                        struct fs_estimate_time *time, struct fs_error *err)
{
    const struct fs_probe_record *record = plan->record;
    const struct fs_machine *machine = &e->estimate->machine;
    *time = (struct fs_estimate_time){.serial_seconds = time->serial_seconds};
    for (size_t w = 0; w < record->works; w++) {
        const struct fs_probe_work *work = &record->work[w];
        const struct fs_schedule schedule = {plan->second[w], work->units, ranks, e->estimate->threads};
        double calls = calls_of(plan, work), ideal = 0, computed = compute_seconds(plan, w, &schedule, err), sent;
        for (size_t unit = 0; unit < work->units; unit++) {
            ideal += plan->second[w][unit] / (double)(ranks * schedule.threads);
        }
        if (work->kind == FS_PROBE_SUM) {
            sent = fs_schedule_sum(&schedule, (double)work->length, sizeof(fs_real), machine, err) - computed;
        } else {
            sent = 4 * fs_schedule_agree(ranks, machine);
        }
        if (computed < 0 || sent < 0) {
            return -1;
        }
        time->computed += calls * ideal;
        time->waited += calls * (computed - ideal);
        time->sent += calls * sent;
    }
    time->sent += record->agreements * fs_schedule_agree(ranks, machine) +
                  record->broadcasts * fs_schedule_agree(ranks, machine) +
                  fs_schedule_broadcast(record->broadcast_bytes, ranks, machine);
    return 0;
}

/* What a rank does alone in a stage. */
struct alone {
    double seconds; /* without saves */
    double saves;   /* seconds of all saves that are due */
};

/* Of all steps and checkpoints, from those of the probe's few. */
static struct alone alone_of(const struct fs_estimator *e, enum fs_stage stage, const struct plan *plan,
                             const struct fs_job *probed, double measured)
{
    double step = INFINITY, slowest = 0, least = 0, most = 0, batches = 0, steps = 0, few = 0, gaps[2];
    for (size_t w = 0; w < plan->record->works; w++) {
        const struct fs_probe_work *work = &plan->record->work[w];
        least += is_training(work) ? work->least_gap : 0; /* of all sums of a step */
        most += is_training(work) ? work->most_gap : 0;
        if (ends_step(work)) {
            batches += share_of(work);
            steps += calls_of(plan, work);
            few += (double)work->calls;
            step = work->gaps > 0 ? fmin(step, least) : step;
            slowest = fmax(slowest, most);
            least = most = 0;
        }
    }
    double every = (double)fs_estimate_training(e, e->job, stage).save_every;
    double every_few = (double)fs_estimate_training(e, probed, stage).save_every;
    gaps[0] = isfinite(step) ? step : 0;
    gaps[1] = isfinite(step) ? slowest - step : 0;
    average(e, gaps, 2);
    if (!(batches > 0)) {
        return (struct alone){measured, 0};
    }
    double saves = every > 0 ? floor((steps - 1) / every) : 0;
    double saves_few = every_few > 0 ? floor((few - 1) / every_few) : 0;
    return (struct alone){fmax(0, measured - saves_few * gaps[1]) + (steps - few) * gaps[0], saves * gaps[1]};
}

/* Saves become rarer where they would take more than their share of the time (save_clock.h). */
static void add_saves(const struct fs_estimator *e, double saves, struct fs_estimate_time *time)
{
    double share = fs_job_settings(e->job)->checkpoint_share;
    if (share < 1) {
        saves = fmin(saves, share / (1 - share) * fs_estimate_seconds(time));
    }
    time->serial_seconds += saves;
}

static int fill_seconds(struct plan *plan, const struct fs_estimate_rate *rate_list, size_t rates, struct fs_error *err)
{
    for (size_t w = 0; w < plan->record->works; w++) {
        const struct fs_probe_work *work = &plan->record->work[w];
        double rate = rate_of(rate_list, rates, work->name);
        plan->second[w] = fs_allocate(work->units, sizeof **plan->second, "a schedule", err);
        if (plan->second[w] == NULL) {
            return -1;
        }
        for (size_t unit = 0; work->cost != NULL && unit < work->units; unit++) {
            plan->second[w][unit] = rate * work->cost[unit].flops;
        }
    }
    return 0;
}

struct fs_training_size fs_estimate_training(const struct fs_estimator *e, const struct fs_job *job,
                                             enum fs_stage stage)
{
    struct fs_training_size size;
    fs_job_training_size(job, stage, &e->spec, &size);
    return size;
}

/* Of what is chosen at the end nobody knows the steps: the most. */
static int find_steps(const struct fs_estimator *e, enum fs_stage stage, struct plan *plan, struct fs_error *err)
{
    size_t tries = fs_job_tries(e->job, stage);
    plan->trainings = tries + 1;
    plan->steps = fs_allocate(plan->trainings, sizeof *plan->steps, "a prediction", err);
    if (plan->steps == NULL) {
        return -1;
    }
    plan->steps[tries] = tries > 0 ? 0 : fs_estimate_training(e, e->job, stage).steps;
    for (size_t i = 0; i < tries; i++) {
        struct fs_training_size size;
        if (fs_job_try_size(e->job, stage, i, &e->spec, &size, err) != 0) {
            return -1;
        }
        plan->steps[i] = size.steps;
        plan->steps[tries] = size.steps > plan->steps[tries] ? size.steps : plan->steps[tries];
    }
    return 0;
}

int fs_estimate_predict(struct fs_estimator *e, int stage, const struct fs_measured *own, struct fs_error *err)
{
    struct fs_estimate *estimate = e->estimate;
    struct fs_estimate_stage *out = &estimate->stage[stage];
    struct plan plan = {.record = fs_probe_get(e->whole.session.runner)};
    const struct fs_probe_record *measured =
        estimate->cut && !e->measured ? fs_probe_get(e->cut.session.runner) : fs_probe_get(e->whole.session.runner);
    plan.second = fs_allocate(plan.record->works, sizeof *plan.second, "a prediction", err);
    int status = plan.second != NULL ? find_steps(e, (enum fs_stage)stage, &plan, err) : -1;
    if (fs_session_agree(e->session, status, err) == 0 && find_rates(e, stage, measured, err) == 0) {
        double alone = own->serial_seconds;
        average(e, &alone, 1);
        struct alone serial = alone_of(e, (enum fs_stage)stage, &plan, e->whole.job, alone);
        status = fill_seconds(&plan, e->shape->rate[stage], e->shape->count[stage], err);
        if (status == 0) {
            count_works(e, stage, &plan);
        }
        for (size_t i = 0; status == 0 && i < estimate->rank_count; i++) {
            out->time[i].serial_seconds = serial.seconds;
            status = predict_time(e, &plan, estimate->rank[i], &out->time[i], err);
            add_saves(e, serial.saves, &out->time[i]);
        }
    } else {
        status = -1;
    }
    for (size_t w = 0; plan.second != NULL && w < plan.record->works; w++) {
        free(plan.second[w]);
    }
    free(plan.second);
    free(plan.steps);
    return status;
}

/* memory.h, with the units that the probe has seen. */
void fs_estimate_memory(struct fs_estimator *e)
{
    struct fs_estimate *estimate = e->estimate;
    struct fs_memory_load *load = &e->memory;
    struct fs_memory memory;
    load->ranks = estimate->ranks;
    load->threads = estimate->threads;
    struct fs_training_size training;
    fs_job_largest_training(e->job, &e->spec, &training);
    load->layer = training.all_layers ? 0 : estimate->layer;
    load->inner = training.inner;
    load->parameters = training.parameters;
    load->shared = training.shared;
    load->memory = training.memory;
    load->two_sweeps = training.two_sweeps;
    load->text = training.text;
    load->file = fs_memory_training_built(&training);
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        if (fs_job_trained(e->job, (enum fs_stage)stage) == NULL) {
            load->file = fmax(load->file, estimate->stage[stage].output);
        }
    }
    size_t methods;
    (void)fs_job_methods(e->job, &methods);
    load->data = e->whole.run.data.bytes;
    load->scores = fs_memory_scores(&e->whole.run.data, 1 + methods);
    fs_memory_of(&e->spec, load, &memory);
    estimate->model_bytes = memory.weights;
    estimate->rank_bytes = fs_memory_rank(&memory, load->threads);
    estimate->root_bytes = fs_memory_root(&memory) + training.root;
    if (estimate->stage[FS_STAGE_STAMP].there) {
        estimate->parameters = (double)fs_estimate_training(e, e->job, FS_STAGE_STAMP).parameters;
    }
}
