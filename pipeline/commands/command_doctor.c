/* doctor: the checks of doctor.h, and of a job: model, data, output. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/console/output.h"
#include "io/console/progress.h"
#include "io/publish.h"
#include "model/families/spec_words.h"
#include "model/tokenizer/tokenizer_compare.h"
#include "pipeline/checks/doctor.h"
#include "pipeline/checks/doctor_site.h"
#include "pipeline/commands/commands.h"
#include "pipeline/estimate/memory.h"
#include "pipeline/ranks/watch.h"
#include "pipeline/run/run_stages.h"
#include "results/report.h"
#include "results/stage_files.h"
#include "stages/plan/statement.h"

#define MIB (1024.0 * 1024.0)
#define FILE_BYTES (64 * MIB) /* trace.h5 and evaluate.h5, generously */
#define EDIT_COPIES 3.0       /* stamp.h5, its partial file, and the one that replaces it */

/* An error of any rank as a finding. Collective; `status` and `error` are each rank's own. */
static bool agree(struct fs_doctor *doctor, struct fs_session *session, const char *name, int status,
                  struct fs_error *error)
{
    if (fs_session_agree(session, status, error) == 0) {
        return true;
    }
    const char *semicolon = strrchr(error->text, ';'); /* "what is wrong; likely fix" */
    size_t length = semicolon != NULL ? (size_t)(semicolon - error->text) : strlen(error->text);
    const char *fix =
        semicolon != NULL ? semicolon + 1 + strspn(semicolon + 1, " ") : "check the path and its permissions";
    fs_doctor_add(doctor, FS_FINDING_FAILED, name, fix, "%.*s (%s)", (int)(length < 480 ? length : 480), error->text,
                  error->where);
    return false;
}

static bool check_job(struct fs_doctor *doctor, struct fs_session *session, struct fs_job **job)
{
    const struct fs_options *options = session->options;
    struct fs_error error = FS_ERROR_INIT;
    size_t sets;
    const char **set = fs_options_settings(options, &sets, &error);
    int status = set != NULL ? fs_job_load(options->operand[0], set, sets, job, &error) : -1;
    free(set);
    if (!agree(doctor, session, "job", status, &error)) {
        return false;
    }
    fs_doctor_add(doctor, FS_FINDING_OK, "job", NULL, "%s", options->operand[0]);
    return true;
}

static int open_model(const char *folder, struct fs_model **model, struct fs_tokenizer **tokenizer,
                      struct fs_error *err)
{
    struct fs_prompt_style style;
    if (fs_model_open(folder, model, err) != 0 || fs_tokenizer_open(folder, tokenizer, err) != 0) {
        return -1;
    }
    return fs_prompt_style_of(fs_model_spec(*model), *tokenizer, &style, err) == 0
               ? 0
               : fs_error_prepend(err, "%s", folder);
}

/* Whether the whole models that methods bring can be read, and fit the job's own. */
static int check_methods(const struct fs_job *job, const struct fs_model *model, const struct fs_tokenizer *tokenizer,
                         struct fs_error *err)
{
    size_t methods;
    const struct fs_job_method *method = fs_job_methods(job, &methods);
    int status = 0;
    for (size_t i = 0; status == 0 && i < methods; i++) {
        struct fs_model *other = NULL;
        struct fs_tokenizer *own = NULL;
        if (method[i].path == NULL) {
            continue;
        }
        if (open_model(method[i].path, &other, &own, err) != 0) {
            status = fs_error_prepend(err, "methods.%s", method[i].name);
        } else {
            const struct fs_edit edit = {.kind = method[i].method->edit, .model = other};
            if (edit.kind->check(&edit, fs_model_spec(model), err) != 0 ||
                fs_tokenizers_compare(tokenizer, own, err) != 0) {
                status = fs_error_prepend(err, "methods.%s: %s", method[i].name, method[i].path);
            }
        }
        fs_model_destroy(other);
        fs_tokenizer_destroy(own);
    }
    return status;
}

/* pipeline/estimate/memory.h, with units of the usual size; the layer in the middle where the job names none. */
static void estimate(const struct fs_session *session, const struct fs_job *job, const struct fs_model *model,
                     struct fs_needs *needs)
{
    const struct fs_spec *spec = fs_model_spec(model);
    struct fs_training_size training;
    fs_job_largest_training(job, spec, &training);
    struct fs_memory_load load = {
        .ranks = session->runner->ranks,
        .threads = session->runner->threads,
        .layer = training.layer != FS_AUTO ? training.layer : spec->layers / 2,
        .inner = training.inner,
        .parameters = training.parameters,
        .shared = training.shared,
        .memory = training.memory,
        .two_sweeps = training.two_sweeps,
    };
    double state = fs_memory_training_file(&training);
    struct fs_error ignored = FS_ERROR_INIT;
    struct fs_memory memory;
    load.file = fmax(fs_memory_training_built(&training), FILE_BYTES);
    fs_memory_add_model(model, &load);
    (void)fs_memory_add_methods(job, &load, &ignored); /* check_methods has opened them */
    fs_memory_usual_units(spec, &load);
    fs_memory_of(spec, &load, &memory);
    double rank, thread;
    fs_memory_split(&memory, load.threads, &rank, &thread);
    *needs = (struct fs_needs){
        .node = (uint64_t)memory.weights,
        .shared = (uint64_t)load.converted,
        .rank = (uint64_t)rank,
        .thread = (uint64_t)thread,
        .root = (uint64_t)(fs_memory_root(&memory) + training.root),
        .disk = (uint64_t)(FILE_BYTES + EDIT_COPIES * state),
    };
}

/* `kind` and `needs` are set where it returns true. */
static bool check_model(struct fs_doctor *doctor, struct fs_session *session, const struct fs_job *job,
                        enum fs_model_kind *kind, struct fs_needs *needs)
{
    const char *folder = fs_job_settings(job)->model;
    struct fs_model *model = NULL;
    struct fs_tokenizer *tokenizer = NULL;
    struct fs_error error = FS_ERROR_INIT;
    struct stat info;
    int status = open_model(folder, &model, &tokenizer, &error);
    if (status != 0 && stat(folder, &info) != 0) {
        status = fs_error_prepend(&error, "the model's folder is not here");
    }
    status = status == 0 ? fs_job_check_layer(job, fs_model_spec(model), &error) : -1;
    status = status == 0 ? check_methods(job, model, tokenizer, &error) : -1;
    bool sound = agree(doctor, session, "model", status, &error);
    if (sound) {
        const struct fs_spec *spec = fs_model_spec(model);
        *kind = spec->kind;
        estimate(session, job, model, needs);
        char sizes[FS_SPEC_SIZES];
        fs_spec_sizes(spec, sizes);
        fs_doctor_add(doctor, FS_FINDING_OK, "model", NULL, "%s: %s, %s, %s; every rank can read it", folder,
                      spec->family_name, fs_model_kind_name(spec->kind), sizes);
        const struct fs_notes *notes = fs_model_notes(model);
        for (size_t i = 0; i < notes->count; i++) {
            const struct fs_note *note = &notes->note[i];
            fs_doctor_add(doctor, note->warning ? FS_FINDING_WARNING : FS_FINDING_OK, "model", NULL, "%s", note->text);
        }
    }
    fs_model_destroy(model);
    fs_tokenizer_destroy(tokenizer);
    return sound;
}

/* What the items of the data take beside all else, as if the evaluation needed most. */
static void add_items(const struct fs_job *job, const struct fs_data *data, struct fs_needs *needs)
{
    size_t methods;
    struct fs_memory_load load = {0};
    (void)fs_job_methods(job, &methods);
    fs_memory_usual_items(data, 1 + methods, &load);
    needs->rank += (uint64_t)(fmax(0, load.data - FS_MEMORY_DATA) + load.items);
    needs->root = (uint64_t)fmax((double)needs->root, load.gathered + fmax(load.gathered, load.scores));
}

static void check_data(struct fs_doctor *doctor, struct fs_session *session, const struct fs_job *job,
                       enum fs_model_kind kind, struct fs_needs *needs)
{
    struct fs_data data = {0};
    struct fs_error error = FS_ERROR_INIT;
    int status = fs_data_read(job, kind, &data, &error);
    if (agree(doctor, session, "data", status, &error)) {
        fs_doctor_add(doctor, FS_FINDING_OK, "data", NULL, "%zu %s pairs, %zu suite%s", data.pairs.count,
                      data.edited->name, data.suites, data.suites == 1 ? "" : "s");
        add_items(job, &data, needs);
    }
    fs_data_release(&data);
}

/* The first folder above `path` that exists: where the output will be created. The caller frees; NULL: out of memory. */
static char *deepest_folder(const char *path)
{
    char *folder = strdup(path[0] != '\0' ? path : ".");
    struct stat info;
    while (folder != NULL && stat(folder, &info) != 0 && errno == ENOENT) {
        char *slash = strrchr(folder, '/');
        if (slash == NULL || slash == folder) {
            snprintf(folder, 2, "%s", slash == NULL ? "." : "/"); /* no path is shorter than that */
            break;
        }
        *slash = '\0';
    }
    return folder;
}

/* Root: publishes a file as a stage does, and removes it. */
static int try_publishing(const char *folder, struct fs_error *err)
{
    struct stat info;
    char *path;
    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return fs_error_set(err, FS_EXIT_CANNOT_CREATE, "%s: %s; choose another output", folder,
                            errno != 0 && stat(folder, &info) != 0 ? strerror(errno) : "is no folder");
    }
    if (asprintf(&path, "%s/.fairstamp-doctor-%ld.txt", folder, (long)getpid()) < 0) {
        return fs_error_memory(err, strlen(folder), "a path");
    }
    int status = fs_publish_text(path, "fairstamp doctor\n", 17, err);
    if (status == 0 && unlink(path) != 0) {
        status = fs_error_set(err, FS_EXIT_IO, "%s: cannot be removed: %s; check the folder's permissions", path,
                              strerror(errno));
    }
    free(path);
    return status;
}

/* Whether the output can be written; `folder`, on all ranks where it can, is the caller's to free. */
static bool check_output(struct fs_doctor *doctor, struct fs_session *session, const char *output, char **folder)
{
    struct fs_error error = FS_ERROR_INIT;
    double begin = fs_seconds();
    *folder = deepest_folder(output);
    int status = *folder == NULL ? fs_error_memory(&error, strlen(output), "a path") : 0;
    if (status == 0 && fs_session_is_root(session)) {
        status = try_publishing(*folder, &error);
    }
    if (!agree(doctor, session, "output", status, &error)) {
        return false;
    }
    fs_doctor_add(doctor, FS_FINDING_OK, "output", NULL, "%s: write, fsync and rename took %.0f ms%s", output,
                  1000 * (fs_seconds() - begin),
                  strcmp(*folder, output) == 0 ? "" : " in the folder above it, for it does not exist yet");
    return true;
}

/* Root. */
static void check_disk(struct fs_doctor *doctor, const char *folder, uint64_t need)
{
    struct statvfs disk;
    if (statvfs(folder, &disk) != 0) {
        fs_doctor_add(doctor, FS_FINDING_WARNING, "disk", NULL, "%s: the free space is not known: %s", folder,
                      strerror(errno));
        return;
    }
    uint64_t free_bytes = (uint64_t)disk.f_bavail * (uint64_t)disk.f_frsize;
    bool enough = free_bytes >= need;
    fs_doctor_add(doctor, enough ? FS_FINDING_OK : FS_FINDING_FAILED, "disk",
                  enough ? NULL : "make room, or choose another output",
                  "%.0f MiB are free, the job writes about %.0f MiB at most", (double)free_bytes / MIB,
                  (double)need / MIB);
}

/* Findings about the job. `needs` stays zero without a sound model. */
static void check_all_of_job(struct fs_doctor *doctor, struct fs_session *session, struct fs_needs *needs)
{
    struct fs_job *job = NULL;
    char *folder = NULL;
    enum fs_model_kind kind;
    if (check_job(doctor, session, &job)) {
        if (check_model(doctor, session, job, &kind, needs)) {
            check_data(doctor, session, job, kind, needs);
        } else {
            fs_doctor_add(doctor, FS_FINDING_WARNING, "data", NULL, "not checked: that needs the model");
        }
        bool writable = check_output(doctor, session, fs_job_settings(job)->output, &folder);
        if (writable && fs_session_is_root(session)) {
            check_disk(doctor, folder, needs->disk > 0 ? needs->disk : (uint64_t)FILE_BYTES);
            fs_doctor_archive(doctor, folder);
        }
    }
    free(folder);
    fs_job_destroy(job);
}

/* Root: all facts, in `fact` [ranks]; NULL elsewhere. */
static int gather(struct fs_session *session, struct fs_rank_facts **fact, struct fs_error *err)
{
    struct fs_rank_facts own;
    bool root = fs_session_is_root(session);
    fs_rank_facts_get(session->runner->threads, &own);
    fs_rank_facts_try_sharing(session->communicator, &own);
    *fact = root ? fs_allocate(session->runner->ranks, sizeof own, "what the ranks know", err) : NULL;
    if (fs_session_agree(session, root && *fact == NULL ? -1 : 0, err) != 0) {
        return -1;
    }
    fs_watch_patiently("MPI_Gather");
    MPI_Gather(&own, sizeof own, MPI_BYTE, *fact, sizeof own, MPI_BYTE, 0, session->communicator);
    fs_watch_end();
    return 0;
}

/* Root: the findings on standard output. */
static int print(const struct fs_doctor *doctor, bool as_json, struct fs_error *err)
{
    cJSON *json = as_json ? cJSON_CreateObject() : NULL;
    cJSON *checks = cJSON_AddArrayToObject(json, "checks");
    for (size_t i = 0; i < doctor->findings; i++) {
        const struct fs_finding *finding = &doctor->finding[i];
        if (!as_json) {
            printf("%-8s %-9s %s%s%s\n", fs_finding_words[finding->state], finding->name, finding->text,
                   finding->fix[0] != '\0' ? "; fix: " : "", finding->fix);
            continue;
        }
        cJSON *check = cJSON_CreateObject();
        cJSON_AddStringToObject(check, "name", finding->name);
        cJSON_AddStringToObject(check, "state", fs_finding_words[finding->state]);
        cJSON_AddStringToObject(check, "text", finding->text);
        cJSON_AddStringToObject(check, "fix", finding->fix);
        cJSON_AddItemToArray(checks, check);
    }
    if (as_json) {
        cJSON_AddNumberToObject(json, "warnings", (double)doctor->count[FS_FINDING_WARNING]);
        cJSON_AddNumberToObject(json, "failed", (double)doctor->count[FS_FINDING_FAILED]);
        if (fs_report_print_json(json, stdout, err) != 0) {
            return -1;
        }
    }
    return fs_finish_output(err);
}

static int judge(const struct fs_doctor *doctor, struct fs_error *err)
{
    if (doctor->count[FS_FINDING_FAILED] == 0) {
        return 0;
    }
    char names[FS_DOCTOR_MOST * 18] = "";
    for (size_t i = 0; i < doctor->findings; i++) {
        if (doctor->finding[i].state == FS_FINDING_FAILED) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "", doctor->finding[i].name);
        }
    }
    return fs_error_set(err, FS_EXIT_CHECK_FAILED, "doctor: %zu of %zu checks failed: %s",
                        doctor->count[FS_FINDING_FAILED], doctor->findings, names);
}

static int run(struct fs_session *session, struct fs_error *err)
{
    struct fs_doctor doctor = {0};
    struct fs_rank_facts *fact;
    struct fs_needs needs = {0};
    size_t ranks = session->runner->ranks;
    if (gather(session, &fact, err) != 0) {
        return -1;
    }
    if (fact != NULL) {
        struct fs_site_facts site;
        fs_site_facts_get(&site);
        fs_doctor_launch(&doctor, fact, ranks);
        fs_doctor_site(&doctor, &site, fact[0].libraries, ranks);
        fs_doctor_slurm(&doctor);
        fs_doctor_threads(&doctor, fact, ranks);
        fs_doctor_kernels(&doctor, fact, ranks);
        fs_doctor_folder(&doctor, fact, ranks);
    }
    if (session->options->operands > 0) {
        check_all_of_job(&doctor, session, &needs);
    }
    int status = 0;
    if (fact != NULL) {
        fs_doctor_memory(&doctor, fact, ranks, &needs);
        status = print(&doctor, fs_options_json(session->options), err) == 0 ? judge(&doctor, err) : -1;
    }
    free(fact);
    return fs_session_agree(session, status, err);
}

static const struct fs_option *const command_options[] = {&fs_option_set,
                                                          &fs_option_strict,
                                                          &fs_option_connected,
                                                          &fs_option_wait_seconds,
                                                          &fs_option_format,
                                                          &fs_option_quiet,
                                                          NULL};

const struct fs_command fs_command_doctor = {
    .name = "doctor",
    .operands = "[JOB.json]",
    .least = 0,
    .most = 1,
    .uses_ranks = true,
    .summary = "whether this machine, and a job, are fit to run",
    .description =
        "Checks in seconds what would end a job after hours in a queue, one line a check: ok, warning or failed, with "
        "the likely fix. How the ranks were started, their versions, the launchers that are here, threads and cores, "
        "OpenBLAS's kernels, Slurm's time, memory, /dev/shm and room for MPI's files; with a job also its keys, "
        "model and "
        "data as every rank sees them, whether the "
        "output can be written and read back, and the disk. Start it as you will start the job. Ends with 0, warnings "
        "or not, or 69 where a check failed.",
    .options = command_options,
    .run = run,
};
