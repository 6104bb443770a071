#include "stages/work/probe.h"

#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/hash.h"

struct probe {
    struct fs_runner base; /* first, so that a pointer to it is a pointer to this */
    struct fs_probe_record record;
    double seconds; /* for each name */
    size_t training;
    double last_call; /* when the last sum of the last work ended */
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static struct probe *probe_of(struct fs_runner *runner)
{
    return (struct probe *)runner;
}

static void forget(struct fs_probe_record *record)
{
    for (size_t i = 0; i < record->works; i++) {
        free(record->work[i].cost);
    }
    free(record->work);
    free(record->rate);
    *record = (struct fs_probe_record){0};
}

static struct fs_probe_rate *rate_of(struct probe *probe, const char *name, struct fs_error *err)
{
    struct fs_probe_record *record = &probe->record;
    for (size_t i = 0; i < record->rates; i++) {
        if (strcmp(record->rate[i].name, name) == 0) {
            return &record->rate[i];
        }
    }
    if (fs_grow(&record->rate, &record->rate_capacity, record->rates + 1, sizeof *record->rate, "the record of a probe",
                err) != 0) {
        return NULL;
    }
    struct fs_probe_rate *rate = &record->rate[record->rates++];
    *rate = (struct fs_probe_rate){0};
    snprintf(rate->name, sizeof rate->name, "%s", name);
    return rate;
}

/* The sum of the same units, in the step before. */
static struct fs_probe_work *same_sum(const struct probe *probe, const struct fs_work *work, size_t length)
{
    const struct fs_probe_record *record = &probe->record;
    for (size_t w = record->works; w > 0 && record->work[w - 1].kind == FS_PROBE_SUM; w--) {
        struct fs_probe_work *known = &record->work[w - 1];
        if (strcmp(known->name, work->name) == 0 && known->units == work->units && known->length == length &&
            known->step.number == work->step.number && known->training == probe->training) {
            return known;
        }
    }
    return NULL;
}

static int note_work(struct probe *probe, const struct fs_work *work, enum fs_probe_kind kind, size_t length,
                     struct fs_error *err)
{
    struct fs_probe_record *record = &probe->record;
    struct fs_probe_work *known = kind == FS_PROBE_SUM ? same_sum(probe, work, length) : NULL;
    if (known != NULL) {
        double gap = now() - probe->last_call;
        known->least_gap = known->gaps == 0 || gap < known->least_gap ? gap : known->least_gap;
        known->most_gap = gap > known->most_gap ? gap : known->most_gap;
        known->gaps++;
        known->calls++;
        return 0;
    }
    if (fs_grow(&record->work, &record->work_capacity, record->works + 1, sizeof *record->work, "the record of a probe",
                err) != 0) {
        return -1;
    }
    struct fs_probe_work *noted = &record->work[record->works];
    *noted = (struct fs_probe_work){.kind = kind,
                                    .calls = 1,
                                    .units = work->units,
                                    .length = length,
                                    .part = work->part,
                                    .step = work->step,
                                    .held = work->held,
                                    .training = probe->training};
    snprintf(noted->name, sizeof noted->name, "%s", work->name);
    if (work->cost != NULL) {
        noted->cost = fs_allocate(work->units, sizeof *noted->cost, "the costs of units", err);
        if (noted->cost == NULL) {
            return -1;
        }
        for (size_t unit = 0; unit < work->units; unit++) {
            work->cost(work->context, unit, &noted->cost[unit]);
        }
    }
    for (size_t unit = 0; kind == FS_PROBE_MAP && work->result_bytes != NULL && unit < work->units; unit++) {
        noted->result_bytes += (double)work->result_bytes(work->context, unit);
    }
    record->works++;
    return 0;
}

/* The k-th place of a sequence that spreads evenly over [0, 1) wherever it ends (van der Corput). */
static double spread(size_t k)
{
    double place = 0, digit = 0.5;
    for (k++; k > 0; k >>= 1, digit /= 2) {
        place += (double)(k & 1) * digit;
    }
    return place;
}

/* Units to be run at the same time, [at most threads]; 0: all that may run have run. `next` goes on between calls. */
static size_t choose(const struct probe *probe, size_t units, const unsigned char *among, unsigned char *ran,
                     size_t *next, size_t *chosen)
{
    size_t count = 0;
    for (; *next < 4 * units && count < probe->base.threads; ++*next) {
        size_t unit = (size_t)(spread(*next) * (double)units);
        unit = *next < 2 * units ? unit : *next % units; /* what the sequence has left out */
        if (ran[unit] || (among != NULL && !among[unit])) {
            continue;
        }
        ran[unit] = 1;
        chosen[count++] = unit;
    }
    return count;
}

struct sample {
    const struct fs_work *work;
    const unsigned char *among; /* [units] those that may run; NULL: all */
    unsigned char *ran;         /* [units] out */
    void *(*place)(void *context, size_t unit, size_t slot);
    int (*take)(void *context, size_t unit, size_t slot); /* NULL: nothing is done with results */
    void *context;
};

/* One round; its units' seconds and FLOPs are added to `rate`. */
static int run_round(const struct sample *sample, const size_t *chosen, size_t count, struct fs_probe_rate *rate,
                     struct fs_error *err)
{
    int status = 0;
#pragma omp parallel for schedule(static, 1) num_threads((int)count)
    for (size_t i = 0; i < count; i++) {
        struct fs_error mistake = FS_ERROR_INIT;
        struct fs_cost cost = {0};
        void *result = sample->place != NULL ? sample->place(sample->context, chosen[i], i) : NULL;
        const struct fs_work *work = sample->work;
        size_t thread = (size_t)omp_get_thread_num();
        int ran = work->prepare != NULL ? work->prepare(work->context, thread, chosen[i], &mistake) : 0;
        double begin = now();
        ran = ran == 0 ? work->run(work->context, thread, chosen[i], result, &mistake) : ran;
        double took = now() - begin;
        if (sample->work->cost != NULL) {
            sample->work->cost(sample->work->context, chosen[i], &cost);
        }
#pragma omp critical(fs_probe)
        {
            rate->units++;
            rate->seconds += took;
            rate->flops += cost.flops;
            if (ran != 0) {
                status = -1;
                if (err != NULL) {
                    *err = mistake;
                }
            }
        }
    }
    for (size_t i = 0; status == 0 && sample->take != NULL && i < count; i++) {
        status = sample->take(sample->context, chosen[i], i);
    }
    return status;
}

/*
 * Runs units until the name's time is spent. The first round also pays for memory that is touched for the first time:
 * another one takes its place where there is one.
 */
static int run_sample(struct probe *probe, const struct sample *sample, struct fs_error *err)
{
    struct fs_probe_rate *rate = rate_of(probe, sample->work->name, err);
    size_t *chosen = fs_allocate(probe->base.threads, sizeof *chosen, "a probe", err);
    int status = rate != NULL && chosen != NULL ? 0 : -1;
    size_t next = 0;
    while (status == 0 && rate->spent < probe->seconds) {
        size_t count = choose(probe, sample->work->units, sample->among, sample->ran, &next, chosen);
        if (count == 0) {
            break;
        }
        if (rate->rounds == 1) {
            rate->units = 0, rate->seconds = rate->flops = 0;
        }
        double begin = now();
        status = run_round(sample, chosen, count, rate, err);
        rate->spent += now() - begin;
        rate->rounds++;
    }
    free(chosen);
    return status;
}

/* ---- the operations ---- */

struct result_places {
    unsigned char *results;
    size_t *offset; /* [units + 1] */
};

static void *place_result(void *context, size_t unit, size_t slot)
{
    const struct result_places *places = context;
    (void)slot;
    return places->results + places->offset[unit];
}

/* Numbers such as log probabilities: what is written of them takes about the room of real ones. */
static void make_up_results(unsigned char *results, size_t bytes)
{
    for (size_t at = 0; at + sizeof(double) <= bytes; at += sizeof(double)) {
        double number = -1 - (double)(fs_hash_add(0, at) >> 11) * 0x1p-50;
        memcpy(results + at, &number, sizeof number);
    }
}

/* Results of units that did not run: those of the ones that did, over and over. */
static int repeat_results(const struct fs_work *work, const unsigned char *ran, const struct result_places *places,
                          struct fs_error *err)
{
    size_t have = 0, all = places->offset[work->units];
    unsigned char *known = fs_allocate(all, 1, "results of a probe", err);
    if (known == NULL) {
        return -1;
    }
    for (size_t unit = 0; unit < work->units; unit++) {
        size_t bytes = places->offset[unit + 1] - places->offset[unit];
        if (ran[unit]) {
            memcpy(known + have, places->results + places->offset[unit], bytes);
            have += bytes;
        }
    }
    if (have == 0) {
        make_up_results(places->results, all);
    }
    for (size_t unit = 0; unit < work->units; unit++) {
        unsigned char *to = places->results + places->offset[unit];
        size_t bytes = places->offset[unit + 1] - places->offset[unit];
        for (size_t at = 0; !ran[unit] && have > 0 && at < bytes; at += have) {
            memcpy(to + at, known, bytes - at < have ? bytes - at : have);
        }
    }
    free(known);
    return 0;
}

static int map_units(struct probe *probe, const struct fs_work *work, unsigned char *results, struct fs_error *err)
{
    struct result_places places = {results, fs_allocate(work->units + 1, sizeof(size_t), "offsets of results", err)};
    unsigned char *ran = fs_allocate(work->units, 1, "a probe", err);
    int status = places.offset != NULL && ran != NULL ? note_work(probe, work, FS_PROBE_MAP, 0, err) : -1;
    for (size_t unit = 0; status == 0 && unit < work->units; unit++) {
        places.offset[unit + 1] =
            places.offset[unit] + (work->result_bytes != NULL ? work->result_bytes(work->context, unit) : 0);
    }
    if (status == 0 && results != NULL) {
        memset(results, 0, places.offset[work->units]);
    }
    struct sample sample = {work, NULL, ran, work->result_bytes != NULL ? place_result : NULL, NULL, &places};
    status = status == 0 ? run_sample(probe, &sample, err) : -1;
    if (status == 0 && work->result_bytes != NULL) {
        status = repeat_results(work, ran, &places, err);
    }
    free(places.offset);
    free(ran);
    return status;
}

static int map(struct fs_runner *runner, const struct fs_work *work, const char *checkpoint, unsigned char *results,
               struct fs_error *err)
{
    double begin = now();
    (void)checkpoint;
    int status = map_units(probe_of(runner), work, results, err);
    probe_of(runner)->record.inside += now() - begin;
    return status;
}

static int claim(struct fs_runner *runner, const struct fs_work *work, const struct fs_work *sums, unsigned char *mine,
                 struct fs_error *err)
{
    (void)sums;
    double begin = now();
    struct probe *probe = probe_of(runner);
    memset(mine, 0, work->units);
    struct sample sample = {work, NULL, mine, NULL, NULL, NULL};
    int status = note_work(probe, work, FS_PROBE_CLAIM, 0, err);
    status = status == 0 ? run_sample(probe, &sample, err) : -1;
    probe->record.inside += now() - begin;
    return status;
}

struct vector_places {
    unsigned char *vector; /* [threads] vectors */
    void *total;
    struct fs_sum_shape shape;
};

static void *place_vector(void *context, size_t unit, size_t slot)
{
    const struct vector_places *places = context;
    (void)unit;
    return places->vector + slot * places->shape.length * places->shape.size;
}

static int take_vector(void *context, size_t unit, size_t slot)
{
    const struct vector_places *places = context;
    fs_runner_add(places->shape.size, places->total, place_vector(context, unit, slot), places->shape.length, false);
    return 0;
}

/* The sum over the units that ran. */
static int sum(struct fs_runner *runner, const struct fs_work *work, const unsigned char *mine,
               struct fs_sum_shape shape, void *total, struct fs_error *err)
{
    double begin = now();
    struct probe *probe = probe_of(runner);
    size_t numbers = 0;
    shape.length += shape.tail; /* the share is all */
    memset(total, 0, shape.length * shape.size);
    struct vector_places places = {NULL, total, shape};
    unsigned char *ran = fs_allocate(work->units, 1, "a probe", err);
    int status = ran != NULL ? note_work(probe, work, FS_PROBE_SUM, shape.length, err) : -1;
    if (status == 0 && fs_multiply(probe->base.threads, shape.length, &numbers) != 0) {
        status = fs_error_memory(err, SIZE_MAX, "vectors to be summed");
    }
    if (status == 0) {
        places.vector = fs_allocate_aligned(numbers, shape.size, "vectors to be summed", err);
        status = places.vector != NULL ? 0 : -1;
    }
    struct sample sample = {work, mine, ran, place_vector, take_vector, &places};
    status = status == 0 ? run_sample(probe, &sample, err) : -1;
    free(places.vector);
    free(ran);
    probe->last_call = now();
    probe->record.inside += probe->last_call - begin;
    return status;
}

static int broadcast(struct fs_runner *runner, void *data, size_t bytes, struct fs_error *err)
{
    (void)data, (void)err;
    probe_of(runner)->record.broadcasts++;
    probe_of(runner)->record.broadcast_bytes += (double)bytes;
    return 0;
}

static int agree(struct fs_runner *runner, int status, struct fs_error *err)
{
    (void)err;
    probe_of(runner)->record.agreements++;
    return status == 0 ? 0 : -1;
}

static bool stop_requested(struct fs_runner *runner)
{
    probe_of(runner)->record.agreements++;
    return false;
}

int fs_probe_create(size_t threads, struct fs_runner **runner, struct fs_error *err)
{
    static const struct fs_runner_operations operations = {map,   claim,          sum,  broadcast,
                                                           agree, stop_requested, NULL, NULL};
    struct probe *probe = fs_allocate(1, sizeof *probe, "a probe", err);
    if (probe == NULL) {
        return -1;
    }
    probe->base =
        (struct fs_runner){.operations = &operations, .ranks = 1, .threads = threads > 0 ? threads : 1, .probes = true};
    *runner = &probe->base;
    return 0;
}

void fs_probe_destroy(struct fs_runner *runner)
{
    if (runner == NULL) {
        return;
    }
    forget(&probe_of(runner)->record);
    free(runner);
}

void fs_probe_begin(struct fs_runner *runner, double seconds)
{
    forget(&probe_of(runner)->record);
    probe_of(runner)->seconds = seconds;
    probe_of(runner)->training = 0;
}

void fs_probe_training(struct fs_runner *runner, size_t training)
{
    if (runner->probes) {
        probe_of(runner)->training = training;
    }
}

const struct fs_probe_record *fs_probe_get(const struct fs_runner *runner)
{
    return &((const struct probe *)runner)->record;
}

const struct fs_probe_rate *fs_probe_find_rate(const struct fs_probe_record *record, const char *name)
{
    for (size_t i = 0; i < record->rates; i++) {
        if (strcmp(record->rate[i].name, name) == 0 && record->rate[i].seconds > 0) {
            return &record->rate[i];
        }
    }
    return NULL;
}
