#include "pipeline/estimate/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/clock.h"
#include "io/console/progress.h"
#include "io/digest.h"
#include "io/formats/tensor_format.h"
#include "io/publish.h"
#include "io/scratch.h"
#include "jobs/stage_rules.h"
#include "model/families/config.h"
#include "model/flops.h"
#include "model/folder/folder.h"
#include "pipeline/estimate/estimate_parts.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/signals.h"
#include "pipeline/ranks/watch.h"
#include "pipeline/run/stage_table.h"
#include "results/stage_files.h"
#include "stages/trace/trace.h"

#define CUT_LAYERS ((size_t)2)
#define CUT_FLOPS 5e11    /* of a trace's unit from which on it is cut: some seconds of one core */
#define STEPS ((size_t)4) /* of training that the probe does: enough for a step with a checkpoint and two without */
#define CHECKPOINT_EVERY ((size_t)2)
#define ASSUMED_LATENCY 2e-6 /* of a cluster's network, where there is but one rank */
#define ASSUMED_BANDWIDTH 1e10

enum { PROBED_STAGES = FS_STAGE_EVALUATE + 1 };

/* ---- the two runs of a probe ---- */

/* Room for "KEY=<a number>". */
#define SETTING_SIZE 128

/* What cuts a training short, behind the *sets settings that are there; their texts go to `text`. */
static void add_training(const struct fs_estimator *e, enum fs_stage stage, size_t layer, const char **set,
                         size_t *sets, char text[3][SETTING_SIZE])
{
    const struct fs_method *method = fs_stage_method(stage);
    if (method == NULL || fs_job_trained(e->job, stage) == NULL) {
        return;
    }
    const struct fs_trainer *trainer = method->trainer;
    const struct fs_training_size size = fs_estimate_training(e, e->job, stage);
    const struct {
        const char *key;
        size_t value;
    } given[3] = {{trainer->steps_key, size.steps < STEPS ? size.steps : STEPS},
                  {trainer->save_key, size.save_every > 0 ? CHECKPOINT_EVERY : 0},
                  {layer != SIZE_MAX ? trainer->layer_key : NULL, layer}};
    for (size_t i = 0; i < 3; i++) {
        if (given[i].key != NULL) {
            snprintf(text[i], SETTING_SIZE, "%s=%zu", given[i].key, given[i].value);
            set[(*sets)++] = text[i];
        }
    }
}

/* The job with a few steps of training, its output in the scratch folder; `layer` SIZE_MAX: what is trained stays where
 * it is. */
static int load_job(const struct fs_estimator *e, const char *name, size_t layer, struct fs_job **job,
                    struct fs_error *err)
{
    const struct fs_estimate_options *options = e->options;
    size_t sets = options->sets;
    const char **set = fs_allocate(sets + 1 + (size_t)3 * FS_STAGE_COUNT, sizeof *set, "settings", err);
    char *output = NULL, *folder = NULL, text[FS_STAGE_COUNT][3][SETTING_SIZE];
    if (set == NULL) {
        return -1;
    }
    if (asprintf(&output, "output=%s/%s", e->scratch, name) < 0) {
        free(set);
        return fs_error_memory(err, 64, "a path");
    }
    folder = output + strlen("output=");
    for (size_t i = 0; i < sets; i++) {
        set[i] = options->set[i];
    }
    set[sets++] = output;
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        add_training(e, (enum fs_stage)stage, layer, set, &sets, text[stage]);
    }
    int status = fs_make_folder(folder, err) == 0 ? fs_job_load(options->path, set, sets, job, err) : -1;
    free(set);
    free(output);
    return status;
}

static int begin_probing(struct fs_estimator *e, struct fs_probing *probing, const char *name, size_t layer,
                         struct fs_error *err)
{
    probing->session = *e->session;
    if (fs_probe_create(e->session->runner->threads, &probing->session.runner, err) != 0 ||
        load_job(e, name, layer, &probing->job, err) != 0) {
        return -1;
    }
    probing->run.session = &probing->session;
    probing->run.job = probing->job;
    probing->run.output = fs_job_settings(probing->job)->output;
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) { /* nobody reads what the scratch files say of themselves */
        memset(probing->run.fingerprint.digest[stage], '0', FS_DIGEST_SIZE - 1);
        probing->run.fingerprint.settings[stage] = strdup("probe = 1");
        if (probing->run.fingerprint.settings[stage] == NULL) {
            return fs_error_memory(err, 16, "settings");
        }
    }
    return 0;
}

static void end_probing(struct fs_estimator *e, struct fs_probing *probing)
{
    if (probing->session.runner != e->session->runner) {
        fs_probe_destroy(probing->session.runner);
    }
    fs_fingerprint_release(&probing->run.fingerprint);
    fs_job_destroy(probing->job);
}

/* ---- the model ---- */

static double hash_seconds_a_byte(void)
{
    const size_t bytes = (size_t)16 << 20;
    char digest[FS_DIGEST_SIZE];
    void *block = calloc(bytes, 1);
    if (block == NULL) {
        return 0;
    }
    fs_digest_bytes(block, bytes, digest);
    double begin = fs_seconds();
    fs_digest_bytes(block, bytes, digest);
    double took = fs_seconds() - begin;
    free(block);
    return took / (double)bytes;
}

static int load_random_model(struct fs_estimator *e, const char *folder, struct fs_error *err)
{
    struct fs_spec spec = {0};
    struct fs_notes notes = {0};
    if (e->session->model != NULL) {
        return 0;
    }
    int status = fs_model_folder_check(folder, FS_FOLDER_CONFIG, err);
    status = status == 0 ? fs_spec_read(folder, &spec, &notes, err) : -1;
    status = status == 0 ? fs_tokenizer_open(folder, &e->session->tokenizer, err) : -1;
    status = status == 0 ? fs_model_random(&spec, &e->session->model, err) : -1;
    fs_spec_release(&spec);
    if (fs_session_agree(e->session, status, err) != 0) {
        return -1;
    }
    fs_notes_say(&notes, folder);
    fs_warn("%s: no weights; the time is estimated with random ones of the shape in config.json", folder);
    return 0;
}

/* Hashes of the inputs, model, data: what a run does before its first stage, and how long it takes. */
static int load(struct fs_estimator *e, struct fs_error *err)
{
    struct fs_estimate *estimate = e->estimate;
    const char *folder = fs_job_settings(e->job)->model;
    double begin = fs_seconds();
    char *gguf;
    int status = fs_model_gguf_file(folder, &gguf, err);
    estimate->random_model = status == 0 && gguf == NULL && fs_tensor_format_in(folder) == NULL;
    free(gguf);
    if (status == 0 && fs_session_is_root(e->session) && !estimate->random_model) {
        status = fs_fingerprint_make(e->job, &e->fingerprint, err);
        memcpy(e->digest, e->fingerprint.digest, sizeof e->digest);
    }
    status = fs_session_agree(e->session, status, err);
    if (status == 0) {
        status = estimate->random_model
                     ? load_random_model(e, folder, err)
                     : fs_session_load_model(e->session, folder, &fs_job_settings(e->job)->compute, err);
    }
    if (status == 0) {
        status = fs_session_agree(e->session, fs_scratch_make(NULL, &e->scratch, err), err);
    }
    if (status != 0) {
        return -1;
    }
    double loading = fs_seconds() - begin;
    const struct fs_spec *spec = fs_model_spec(e->session->model);
    e->spec = *spec; /* its layers are the model's */
    e->shape = fs_estimate_rates_find(e->options->rates, e->job, spec, err);
    if (fs_session_agree(e->session, e->shape == NULL ? -1 : 0, err) != 0) {
        return -1;
    }
    e->measured = e->shape->whole;
    estimate->weights = fs_spec_numbers(spec);
    fs_memory_add_model(e->session->model, &e->memory);
    if (fs_session_agree(e->session, fs_memory_add_methods(e->job, &e->memory, err), err) != 0) {
        return -1;
    }
    estimate->cut =
        spec->layers > CUT_LAYERS && fs_flops_layers(spec, 0, spec->layers, 4 * FS_UNIT_TOKENS, 0) > CUT_FLOPS;
    fs_progress_mute(e->measured);
    status = fs_session_agree(e->session, begin_probing(e, &e->whole, "whole", SIZE_MAX, err), err) == 0 &&
                     fs_session_agree(e->session, fs_job_run_load(&e->whole.run, err), err) == 0
                 ? 0
                 : -1;
    fs_progress_mute(false);
    if (status != 0) {
        return -1;
    }
    struct fs_estimate_rates *rates = e->options->rates;
    rates->begin = fmax(rates->begin, loading); /* further jobs find the model loaded */
    estimate->begin = fs_seconds() - begin - loading + rates->begin;
    if (estimate->random_model) {
        estimate->begin += estimate->weights * (double)sizeof(fs_real) * hash_seconds_a_byte();
    }
    return 0;
}

/* The root's answer, where the job names no layer: that of an earlier trace, or of the probe's own trace. */
static int find_layer(struct fs_estimator *e, const char *folder, enum fs_stage_policy policy, size_t *layer)
{
    struct fs_error ignored = FS_ERROR_INIT;
    struct fs_archive *archive;
    struct fs_trace_result trace = {0};
    bool there = true;
    if (policy == FS_STAGE_NEEDED &&
        (fs_stage_check(folder, FS_STAGE_TRACE, &e->fingerprint, policy, &there, &ignored) != 0 || !there)) {
        return -1;
    }
    if (fs_stage_open(folder, FS_STAGE_TRACE, &archive, &ignored) != 0) {
        return -1;
    }
    int status = fs_trace_read(archive, &trace, &ignored);
    *layer = trace.decisive_layer;
    fs_trace_result_release(&trace);
    fs_archive_close(archive);
    return status;
}

/* The root's answer for all: where the trainings are, as that of `stage` is. */
static int choose_layer(struct fs_estimator *e, enum fs_stage stage, struct fs_error *err)
{
    struct fs_estimate *estimate = e->estimate;
    struct {
        size_t layer;
        int why;
    } chosen = {e->spec.layers / 2, 0};
    static const char *const words[] = {"assumed: the middle", "the job's", "of an earlier trace",
                                        "of the items that the probe traced"};
    if (fs_job_layer(e->job, stage) != FS_AUTO) {
        chosen.layer = fs_job_layer(e->job, stage);
        chosen.why = 1;
    } else if (fs_session_is_root(e->session)) {
        size_t layer;
        if (!estimate->random_model && find_layer(e, fs_job_settings(e->job)->output, FS_STAGE_NEEDED, &layer) == 0) {
            chosen.layer = layer;
            chosen.why = 2;
        } else if (e->measured) { /* the trace of this job's probe is made up */
            chosen.layer = e->shape->layer != FS_AUTO ? e->shape->layer : chosen.layer;
            chosen.why = e->shape->layer != FS_AUTO ? 3 : 0;
        } else if (!estimate->cut && !estimate->random_model &&
                   find_layer(e, e->whole.run.output, FS_STAGE_WANTED, &layer) == 0) {
            chosen.layer = layer;
            chosen.why = 3;
        }
    }
    if (fs_runner_broadcast(e->session->runner, &chosen, sizeof chosen, err) != 0) {
        return -1;
    }
    estimate->layer = chosen.layer;
    e->shape->layer = chosen.why == 3 ? chosen.layer : e->shape->layer;
    e->layer_is_certain = chosen.why == 1 || chosen.why == 2;
    estimate->layer_source = words[chosen.why];
    struct fs_job *job = NULL;
    int status = load_job(e, "whole", chosen.layer, &job, err);
    if (status == 0) {
        fs_job_destroy(e->whole.job);
        e->whole.job = job;
        e->whole.run.job = job;
        e->whole.run.output = fs_job_settings(job)->output;
    }
    return fs_session_agree(e->session, status, err);
}

/* ---- the machine ---- */

static double addition_seconds(void)
{
    const size_t count = (size_t)4 << 20;
    fs_real *total = calloc(count, sizeof *total), *vector = calloc(count, sizeof *vector);
    double best = INFINITY;
    for (int round = 0; total != NULL && vector != NULL && round < 4; round++) {
        double begin = fs_seconds();
        for (size_t i = 0; i < count; i++) {
            total[i] += vector[i];
        }
        __asm__ volatile("" : : "r"(total) : "memory");
        double took = fs_seconds() - begin;
        best = took < best ? took : best;
    }
    free(total);
    free(vector);
    return isfinite(best) ? best / (double)count : 1e-9;
}

/* One way, between the root and the last rank. */
static double message_seconds(MPI_Comm communicator, int bytes, int rounds, unsigned char *block)
{
    int rank, ranks;
    MPI_Comm_rank(communicator, &rank);
    MPI_Comm_size(communicator, &ranks);
    fs_mpi_barrier(communicator);
    fs_watch_patiently("MPI_Recv");
    double begin = fs_seconds();
    for (int round = 0; round < rounds && (rank == 0 || rank == ranks - 1); round++) {
        int other = rank == 0 ? ranks - 1 : 0;
        for (int turn = 0; turn < 2; turn++) {
            if ((rank == 0) == (turn == 0)) {
                MPI_Send(block, bytes, MPI_BYTE, other, 0, communicator);
            } else {
                MPI_Recv(block, bytes, MPI_BYTE, other, 0, communicator, MPI_STATUS_IGNORE);
            }
        }
    }
    double took = (fs_seconds() - begin) / (2.0 * rounds);
    MPI_Bcast(&took, 1, MPI_DOUBLE, 0, communicator);
    fs_watch_end();
    return took;
}

static int measure_machine(struct fs_estimator *e, struct fs_error *err)
{
    struct fs_estimate *estimate = e->estimate;
    struct fs_machine *machine = &estimate->machine;
    MPI_Comm communicator = e->session->communicator;
    const int bytes = 4 << 20;
    int ranks;
    *machine = (struct fs_machine){ASSUMED_LATENCY, ASSUMED_BANDWIDTH, addition_seconds()};
    if (e->options->network != NULL) {
        machine->latency = e->options->network->latency;
        machine->bandwidth = e->options->network->bandwidth;
    } else if (estimate->ranks > 1) {
        unsigned char *block = fs_allocate((size_t)bytes, 1, "messages", err);
        if (fs_session_agree(e->session, block == NULL ? -1 : 0, err) != 0) {
            free(block);
            return -1;
        }
        (void)message_seconds(communicator, bytes, 2, block);
        machine->latency = message_seconds(communicator, 8, 200, block);
        machine->bandwidth = (double)bytes / message_seconds(communicator, bytes, 8, block);
        estimate->measured_network = true;
        free(block);
    }
    MPI_Comm node = fs_mpi_node(communicator);
    MPI_Comm_size(node, &ranks);
    fs_mpi_free(&node);
    estimate->node_ranks = e->options->node_ranks > 0 ? e->options->node_ranks : (size_t)ranks;
    return fs_runner_broadcast(e->session->runner, estimate, sizeof *estimate, err);
}

/* ---- stage by stage ---- */

/* Seconds that the stage took on the probe outside its units; and its record for rates. */
static int probe_stage(struct fs_estimator *e, int stage, double *serial, struct fs_error *err)
{
    struct fs_model *model = e->session->model;
    struct fs_runner *runner = e->whole.session.runner;
    fs_progress_mute(true);
    fs_probe_begin(runner, e->estimate->cut || e->measured ? 0 : e->options->seconds);
    double begin = fs_seconds();
    int status = fs_stage_row((enum fs_stage)stage)->run(&e->whole.run, (enum fs_stage)stage, err);
    *serial = fs_seconds() - begin - fs_probe_get(runner)->inside;
    if (status == 0 && e->estimate->cut && !e->measured) {
        fs_model_limit_layers(model, CUT_LAYERS);
        fs_probe_begin(e->cut.session.runner, e->options->seconds);
        status = fs_stage_row((enum fs_stage)stage)->run(&e->cut.run, (enum fs_stage)stage, err);
        fs_model_limit_layers(model, e->spec.layers);
    }
    fs_progress_mute(false);
    return fs_session_agree(e->session, status, err);
}

static double file_bytes(const char *folder, enum fs_stage stage)
{
    struct fs_error ignored = FS_ERROR_INIT;
    struct stat status;
    char *path = fs_stage_path(folder, stage, ".h5", &ignored);
    double bytes = path != NULL && stat(path, &status) == 0 ? (double)status.st_size : 0;
    free(path);
    return bytes;
}

static int estimate_stage(struct fs_estimator *e, int stage, struct fs_error *err)
{
    struct fs_estimate_stage *out = &e->estimate->stage[stage];
    struct fs_measured measured = {0};
    if (fs_signals_stop()) {
        fs_error_set(err, FS_EXIT_INTERRUPTED, "interrupted");
    }
    if (fs_session_agree(e->session, fs_signals_stop() ? -1 : 0, err) != 0 ||
        probe_stage(e, stage, &measured.serial_seconds, err) != 0) {
        return -1;
    }
    out->there = true;
    out->output = file_bytes(e->whole.run.output, (enum fs_stage)stage);
    memcpy(out->digest, e->digest[stage], sizeof out->digest);
    if (!e->measured) {
        fs_say("estimate: %s probed", fs_stage_names[stage]);
    }
    return fs_session_agree(e->session, fs_estimate_predict(e, stage, &measured, err), err);
}

/* The layers above the stamp are what a step costs, and a trace of all items may find a lower layer. */
static void estimate_layer0(struct fs_estimator *e)
{
    struct fs_estimate *estimate = e->estimate;
    const struct fs_estimate_stage *stamp = &estimate->stage[FS_STAGE_STAMP];
    double below = fs_flops_layers(&e->spec, 0, estimate->layer, e->kept_tokens, 0) +
                   fs_flops_layers_backward(&e->spec, 0, estimate->layer, e->kept_tokens, 0);
    estimate->layer0_factor = 1;
    if (!e->layer_is_certain && stamp->flops > 0) {
        double steps = (double)fs_estimate_training(e, e->job, FS_STAGE_STAMP).steps;
        estimate->layer0_factor += steps * below / stamp->flops;
    }
}

/* Stamps at further layers, each trained and measured as the job's own. */
static void estimate_layers(struct fs_estimator *e)
{
    struct fs_estimate *estimate = e->estimate;
    const struct fs_estimate_stage *stamp = &estimate->stage[FS_STAGE_STAMP];
    const struct fs_estimate_stage *evaluate = &estimate->stage[FS_STAGE_EVALUATE];
    struct fs_estimate_stage *out = &estimate->stage[FS_STAGE_LAYER_SWEEP];
    bool all = fs_job_settings(e->job)->compare == FS_COMPARE_ALL;
    if (!fs_stage_is_asked(e->job, FS_STAGE_LAYER_SWEEP)) {
        return;
    }
    double times = all ? (double)e->spec.layers : (e->spec.layers > 1 ? 2 : 1);
    double trained = times * (stamp->flops > 0 ? e->last_flops / stamp->flops : 1); /* nothing is tried again */
    *out = (struct fs_estimate_stage){.there = true,
                                      .units = stamp->units + evaluate->units,
                                      .calls = stamp->calls,
                                      .passes = trained * stamp->passes + times * evaluate->passes,
                                      .tokens = trained * stamp->tokens + times * evaluate->tokens,
                                      .flops = trained * stamp->flops + times * evaluate->flops,
                                      .longest = fmax(stamp->longest, evaluate->longest)};
    memcpy(out->digest, e->digest[FS_STAGE_LAYER_SWEEP], sizeof out->digest);
    for (size_t i = 0; i < estimate->rank_count; i++) {
        const struct fs_estimate_time *a = &stamp->time[i], *b = &evaluate->time[i];
        out->time[i] = (struct fs_estimate_time){
            trained * a->serial_seconds + times * b->serial_seconds, trained * a->computed + times * b->computed,
            trained * a->waited + times * b->waited, trained * a->sent + times * b->sent};
    }
}

static void list_ranks(struct fs_estimate *estimate)
{
    bool own = false;
    for (size_t ranks = 1; ranks <= 1024; ranks *= 2) {
        if (!own && estimate->ranks < ranks) {
            estimate->rank[estimate->rank_count++] = estimate->ranks;
        }
        own = own || estimate->ranks <= ranks;
        estimate->rank[estimate->rank_count++] = ranks;
    }
    if (!own) {
        estimate->rank[estimate->rank_count++] = estimate->ranks;
    }
}

static int estimate_all(struct fs_estimator *e, struct fs_error *err)
{
    struct fs_estimate *estimate = e->estimate;
    if (load(e, err) != 0 || measure_machine(e, err) != 0) {
        return -1;
    }
    if (estimate->cut && !e->measured) {
        if (fs_session_agree(e->session, begin_probing(e, &e->cut, "cut", 0, err), err) != 0) {
            return -1;
        }
        e->cut.run.data = e->whole.run.data;
        e->cut.run.loaded = true;
    }
    bool chosen = false;
    for (int stage = 0; stage < PROBED_STAGES; stage++) {
        if (!fs_stage_is_asked(e->job, (enum fs_stage)stage)) {
            continue;
        }
        const struct fs_method *method = fs_stage_method((enum fs_stage)stage);
        if (method != NULL && method->trainer->layer_key != NULL && !chosen) {
            chosen = true;
            if (choose_layer(e, (enum fs_stage)stage, err) != 0) {
                return -1;
            }
        }
        if (estimate_stage(e, stage, err) != 0) {
            return -1;
        }
    }
    e->shape->whole = true;
    estimate_layer0(e);
    estimate_layers(e);
    fs_estimate_memory(e);
    return 0;
}

int fs_estimate_job(struct fs_session *session, const struct fs_job *job, const struct fs_estimate_options *options,
                    struct fs_estimate *estimate, struct fs_error *err)
{
    *estimate = (struct fs_estimate){.ranks = session->runner->ranks, .threads = session->runner->threads};
    struct fs_estimator e = {.session = session, .job = job, .options = options, .estimate = estimate};
    e.whole.session.runner = e.cut.session.runner = session->runner;
    double begin = fs_seconds();
    list_ranks(estimate);
    int status = estimate_all(&e, err);
    fs_data_release(&e.whole.run.data);
    end_probing(&e, &e.whole);
    end_probing(&e, &e.cut);
    fs_fingerprint_release(&e.fingerprint);
    fs_folder_remove(e.scratch);
    free(e.scratch);
    estimate->elapsed = fs_seconds() - begin;
    return status;
}
