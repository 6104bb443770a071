#include "slurm/slurm_submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/child.h"
#include "io/console/progress.h"
#include "io/publish.h"
#include "jobs/fingerprint.h"
#include "results/sweep_status.h"
#include "slurm/slurm_queue.h"
#include "slurm/slurm_script.h"

#define USUAL_ARRAY 1001 /* MaxArraySize where Slurm does not say */

/* Where the batch scripts are: as given, beside the installed program, or in the source tree. The caller frees. */
static char *find_scripts(const char *given, struct fs_error *err)
{
    static const char *const places[] = {"../share/fairstamp/slurm", "../../slurm"};
    char program[4096] = "", *path = NULL;
    if (given != NULL) {
        path = realpath(given, NULL);
        if (path == NULL) {
            fs_error_set(err, FS_EXIT_NO_INPUT, "--scripts: %s cannot be read", given);
        }
        return path;
    }
    if (fs_own_path(program, sizeof program, err) != 0) {
        return NULL;
    }
    *strrchr(program, '/') = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char *candidate = NULL, *resolved = NULL;
        if (asprintf(&candidate, "%s/%s/sweep.sbatch", program, places[i]) >= 0 && access(candidate, R_OK) == 0) {
            candidate[strlen(candidate) - strlen("/sweep.sbatch")] = '\0';
            resolved = realpath(candidate, NULL);
        }
        free(candidate);
        if (resolved != NULL) {
            return resolved;
        }
    }
    fs_error_set(err, FS_EXIT_NO_INPUT, "sweep: the batch scripts are not beside %s; name their folder with --scripts",
                 program);
    return NULL;
}

/* The largest array that this Slurm takes. */
static size_t largest_array(void)
{
    struct fs_argv argv = {0};
    struct fs_error ignored = FS_ERROR_INIT;
    char *output = NULL;
    unsigned long size = USUAL_ARRAY;
    if (fs_argv_split(&argv, "scontrol show config", &ignored) == 0) {
        fs_run_program(&argv, true, &output);
    }
    const char *line = output != NULL ? strstr(output, "MaxArraySize") : NULL;
    if (line != NULL && sscanf(line, "MaxArraySize = %lu", &size) != 1) {
        size = USUAL_ARRAY;
    }
    free(output);
    fs_argv_release(&argv);
    return size > 0 ? size : 1;
}

/* "0-2,5": the cells from `first` on that are in `wanted`, counted from `first`. The caller frees. */
static char *list_cells(const bool *wanted, size_t first, size_t end, struct fs_error *err)
{
    char *text = NULL;
    size_t length = 0, run = 0;
    bool in_run = false;
    FILE *stream = open_memstream(&text, &length);
    if (stream == NULL) {
        fs_error_memory(err, 64, "a list of cells");
        return NULL;
    }
    for (size_t i = first; i <= end; i++) {
        bool is_wanted = i < end && wanted[i];
        if (is_wanted && !in_run) {
            run = i - first;
        } else if (!is_wanted && in_run) {
            fprintf(stream, run + 1 < i - first ? "%s%zu-%zu" : "%s%zu", ftell(stream) > 0 ? "," : "", run,
                    i - first - 1);
        }
        in_run = is_wanted;
    }
    fclose(stream);
    return text;
}

/* sbatch's answer, "<id>" or "<id>;<cluster>". */
static int submit(const struct fs_argv *argv, char id[FS_SLURM_ID], struct fs_error *err)
{
    char *output;
    int code = fs_run_program(argv, false, &output);
    size_t length = output != NULL ? strspn(output, "0123456789") : 0;
    int status = 0;
    if (code == -1 && output == NULL) {
        status = fs_error_set(err, FS_EXIT_NO_INPUT,
                              "sweep: sbatch cannot be started; is Slurm here? \"sweep run\" needs none");
    } else if (code != 0 || length == 0 || length >= FS_SLURM_ID) {
        status = fs_error_set(err, FS_EXIT_IO, "sweep: sbatch ended with exit code %d; its message is above", code);
    } else {
        snprintf(id, FS_SLURM_ID, "%.*s", (int)length, output);
    }
    free(output);
    return status;
}

struct submitting {
    const struct fs_sweep *sweep;
    const struct fs_submission *submission;
    char *script, *merge_script;
    char *logs; /* the folder, as sbatch wants it: "%" doubled */
};

static int add_common(struct fs_argv *argv, const struct submitting *to, const char *name, const char *log,
                      struct fs_error *err)
{
    return fs_argv_split(argv, "sbatch --parsable --open-mode=append", err) == 0 &&
                   fs_argv_add(argv, err, "--job-name=fairstamp-%s", name) == 0 &&
                   fs_argv_add(argv, err, "--output=%s/%s", to->logs, log) == 0
               ? fs_argv_split(argv, to->submission->options, err)
               : -1;
}

/* The arrays of one part, `cells` of it. */
static int submit_part(const struct submitting *to, struct fs_sweep_part *part, const char *cells, const char *after,
                       struct fs_error *err)
{
    struct fs_argv argv = {0};
    char limit[32] = "";
    if (to->submission->limit > 0) {
        snprintf(limit, sizeof limit, "%%%zu", to->submission->limit);
    }
    int status = 0;
    for (size_t stage = 0; status == 0 && stage < FS_SWEEP_ARRAYS; stage++) {
        const char *name = fs_sweep_array_names[stage];
        status = add_common(&argv, to, name, "slurm-%x-%A_%a.log", err) == 0
                     ? fs_argv_add(&argv, err, "--array=%s%s", cells, limit)
                     : -1;
        if (status == 0 && stage > 0) {
            status = fs_argv_add(&argv, err, "--dependency=aftercorr:%s", part->array[stage - 1]) == 0
                         ? fs_argv_add(&argv, err, "--kill-on-invalid-dep=yes")
                         : -1;
        } else if (status == 0 && after[0] != '\0') {
            status = fs_argv_add(&argv, err, "--dependency=afterany%s", after);
        }
        status = status == 0 && fs_argv_add(&argv, err, "%s", to->script) == 0 &&
                         fs_argv_add(&argv, err, "%s", to->sweep->folder) == 0 &&
                         fs_argv_add(&argv, err, "%s", name) == 0 && fs_argv_add(&argv, err, "%zu", part->first) == 0
                     ? submit(&argv, part->array[stage], err)
                     : -1;
        fs_argv_release(&argv);
    }
    return status;
}

/* Behind all that is in the queue: arrays from queue->part[new_parts] on, earlier arrays and merges. */
static int submit_merge(const struct submitting *to, struct fs_sweep_queue *queue, size_t new_parts,
                        struct fs_error *err)
{
    struct fs_argv argv = {0};
    char *after = NULL, id[FS_SLURM_ID];
    size_t length = 0;
    FILE *stream = open_memstream(&after, &length);
    for (size_t i = 0; stream != NULL && i < queue->parts; i++) {
        const struct fs_sweep_part *part = &queue->part[i];
        for (size_t stage = 0; stage < FS_SWEEP_ARRAYS; stage++) {
            if (i >= new_parts || part->live[stage]) {
                fprintf(stream, ":%s", part->array[stage]);
            }
        }
        bool told = i > 0 && strcmp(part->merge, queue->part[i - 1].merge) == 0; /* parts share it */
        if (i < new_parts && part->merge_live && !told) {
            fprintf(stream, ":%s", part->merge);
        }
    }
    int status = stream != NULL && fclose(stream) == 0 ? 0 : fs_error_memory(err, 64, "a list of jobs");
    status = status == 0 && add_common(&argv, to, "merge", "slurm-%x-%j.log", err) == 0 &&
                     fs_argv_split(&argv, "--nodes=1 --ntasks=1 --ntasks-per-node=1 --cpus-per-task=1", err) == 0 &&
                     fs_argv_add(&argv, err, "--dependency=afterany%s", after) == 0 &&
                     fs_argv_add(&argv, err, "%s", to->merge_script) == 0 &&
                     fs_argv_add(&argv, err, "%s", to->sweep->folder) == 0
                 ? submit(&argv, id, err)
                 : -1;
    for (size_t i = new_parts; status == 0 && i < queue->parts; i++) {
        snprintf(queue->part[i].merge, FS_SLURM_ID, "%s", id);
    }
    free(after);
    fs_argv_release(&argv);
    return status;
}

/* The cells of `wanted` in arrays as large as Slurm takes them, the traces after the jobs `after`, ":1:2". */
static int submit_cells(const struct submitting *to, const bool *wanted, struct fs_sweep_queue *queue,
                        const char *after, struct fs_error *err)
{
    size_t largest = largest_array();
    for (size_t first = 0; first < to->sweep->cells;) {
        while (first < to->sweep->cells && !wanted[first]) {
            first++;
        }
        size_t end = first + largest < to->sweep->cells ? first + largest : to->sweep->cells;
        char *cells = first < end ? list_cells(wanted, first, end, err) : NULL;
        if (first == end) {
            break;
        }
        int status = cells != NULL ? 0 : -1;
        if (status == 0 && queue->parts == FS_SWEEP_PARTS) {
            status = fs_error_set(err, FS_EXIT_USAGE, "sweep: more than %d arrays in the queue; wait for some to end",
                                  FS_SWEEP_PARTS);
        }
        if (status == 0) {
            struct fs_sweep_part *part = &queue->part[queue->parts++];
            *part = (struct fs_sweep_part){.first = first};
            status = submit_part(to, part, cells, after, err);
        }
        free(cells);
        if (status != 0) {
            return -1;
        }
        first = end;
    }
    return 0;
}

static int submit_all(const struct submitting *to, const bool *wanted, struct fs_sweep_queue *queue,
                      struct fs_error *err)
{
    size_t old = queue->parts, cells = to->sweep->cells, length = 0;
    bool *turn = fs_allocate(cells + 1, sizeof *turn, "the cells of a sweep", err);
    char *after = NULL;
    for (size_t i = 0; turn != NULL && i < cells; i++) {
        turn[i] = wanted[i] && to->sweep->cell[i].trace_of == i;
    }
    int status = turn != NULL ? submit_cells(to, turn, queue, "", err) : -1;
    FILE *stream = status == 0 ? open_memstream(&after, &length) : NULL;
    for (size_t i = 0; stream != NULL && i < queue->parts; i++) {
        if (i >= old || queue->part[i].live[0]) {
            fprintf(stream, ":%s", queue->part[i].array[0]);
        }
    }
    if (status == 0) {
        status = stream != NULL && fclose(stream) == 0 ? 0 : fs_error_memory(err, 64, "a list of jobs");
    }
    for (size_t i = 0; status == 0 && i < cells; i++) { /* those that take another cell's trace over */
        turn[i] = wanted[i] && to->sweep->cell[i].trace_of != i;
    }
    status = status == 0 ? submit_cells(to, turn, queue, after, err) : -1;
    free(after);
    free(turn);
    status = status == 0 ? submit_merge(to, queue, old, err) : -1;
    if (queue->parts > old) { /* what is submitted is noted, even if it is only a part */
        struct fs_error other = FS_ERROR_INIT;
        int written = fs_sweep_queue_write(to->sweep, queue, status == 0 ? err : &other);
        status = status == 0 ? written : -1;
    }
    for (size_t i = old; status == 0 && i < queue->parts; i++) {
        const struct fs_sweep_part *part = &queue->part[i];
        fs_say("sweep: trace %s, train %s, evaluate %s, merge %s", part->array[0], part->array[1], part->array[2],
               part->merge);
    }
    return status;
}

static char *log_folder(const struct fs_sweep *sweep, struct fs_error *err)
{
    char *folder = NULL, *text = NULL;
    size_t length = 0;
    if (asprintf(&folder, "%s/logs", sweep->folder) < 0) {
        fs_error_memory(err, 64, "a path");
        return NULL;
    }
    if (strchr(folder, '\\') != NULL) { /* it keeps "%" from its meaning, and the job ends without a log */
        fs_error_set(err, FS_EXIT_USAGE, "%s: found a backslash, which sbatch takes in no --output; rename the folder",
                     sweep->folder);
        free(folder);
        return NULL;
    }
    FILE *stream = fs_make_folder(folder, err) == 0 ? open_memstream(&text, &length) : NULL;
    for (const char *c = folder; stream != NULL && *c != '\0'; c++) {
        fprintf(stream, *c == '%' ? "%%%%" : "%c", *c);
    }
    if (stream != NULL) {
        fclose(stream);
    }
    free(folder);
    return text;
}

/* The cells that are not complete and of which nothing is in the queue. */
static int choose_cells(const struct fs_sweep *sweep, const struct fs_sweep_queue *queue, bool *wanted, size_t *count,
                        size_t *queued, struct fs_error *err)
{
    *count = *queued = 0;
    for (size_t i = 0; i < sweep->cells; i++) {
        struct fs_cell_progress progress;
        if (fs_sweep_look(&sweep->cell[i], &progress, err) != 0) {
            return -1;
        }
        wanted[i] = !progress.complete && !queue->live[i];
        *count += wanted[i];
        *queued += !progress.complete && queue->live[i];
    }
    return 0;
}

/* The program that jobs start: FAIRSTAMP_PROGRAM, which may be a name in PATH, or this one. The caller frees. */
static char *find_program(struct fs_error *err)
{
    const char *named = getenv("FAIRSTAMP_PROGRAM");
    char own[4096], *path = NULL;
    if (named == NULL || named[0] == '\0') {
        path = fs_own_path(own, sizeof own, err) == 0 ? strdup(own) : NULL;
    } else if (strchr(named, '/') == NULL) {
        path = strdup(named);
    } else if (access(named, X_OK) == 0) {
        path = realpath(named, NULL);
    } else {
        fs_error_set(err, FS_EXIT_NO_INPUT, "sweep: FAIRSTAMP_PROGRAM names %s, which is no program", named);
    }
    return path;
}

/* The scripts that are submitted, and the folder of their logs; to be released also on failure. */
static int make_scripts(struct submitting *to, struct fs_error *err)
{
    char *folder = find_scripts(to->submission->scripts, err), *program = folder != NULL ? find_program(err) : NULL;
    const struct fs_script_source source = {to->sweep, folder, to->submission->site, program};
    int status = program != NULL && fs_slurm_script_write(&source, "sweep.sbatch", &to->script, err) == 0 &&
                         fs_slurm_script_write(&source, "sweep-merge.sbatch", &to->merge_script, err) == 0
                     ? 0
                     : -1;
    to->logs = status == 0 ? log_folder(to->sweep, err) : NULL;
    free(folder);
    free(program);
    return to->logs != NULL ? 0 : -1;
}

static void release_scripts(struct submitting *to)
{
    free(to->script);
    free(to->merge_script);
    free(to->logs);
}

int fs_sweep_submit(const struct fs_sweep *sweep, const struct fs_submission *submission, struct fs_error *err)
{
    size_t count = 0, queued = 0;
    struct fs_sweep_queue queue;
    bool *wanted = fs_allocate(sweep->cells + 1, sizeof *wanted, "the cells of a sweep", err);
    int status = fs_sweep_queue_read(sweep, &queue, err) == 0 && wanted != NULL
                     ? choose_cells(sweep, &queue, wanted, &count, &queued, err)
                     : -1;
    if (status == 0 && queued > 0) {
        fs_say("sweep: %zu cells are in the queue already", queued);
    }
    if (status == 0 && count == 0) {
        fs_say(queued == 0 ? "sweep: all %zu cells are complete; nothing to submit"
                           : "sweep: the others of %zu cells are complete; nothing to submit",
               sweep->cells);
    } else if (status == 0) {
        struct submitting to = {.sweep = sweep, .submission = submission};
        fs_sweep_queue_forget(&queue);
        status = make_scripts(&to, err) == 0 ? submit_all(&to, wanted, &queue, err) : -1;
        if (status == 0) {
            fs_say("sweep: submitted %zu of %zu cells", count, sweep->cells);
        }
        release_scripts(&to);
    }
    fs_sweep_queue_release(&queue);
    free(wanted);
    return status;
}
