/* Submits a sweep to Slurm, and asks Slurm how it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/json.h"
#include "io/publish.h"
#include "pipeline/child.h"
#include "pipeline/identity.h"
#include "pipeline/progress.h"
#include "pipeline/sweep.h"

#define ARRAYS 3            /* trace, stamp, evaluate with layers */
#define JOB_ID 32           /* bytes of a job's number as text */
#define USUAL_ARRAY 1001    /* MaxArraySize where Slurm does not say */
#define MOST_SUBMITTED 4096 /* parts that are looked after at once */

/*
 * What was submitted, and may be under way: slurm.json. A part is some cells, those from `first` on, in an array a
 * stage: task i of it is cell first + i. The parts that were submitted together have one merge behind them.
 */
struct part {
    size_t first;
    char array[ARRAYS][JOB_ID], merge[JOB_ID];
    bool live[ARRAYS], merge_live; /* something of it is in the queue */
};

struct queue {
    struct part *part; /* [parts], the latest last; MOST_SUBMITTED are allocated */
    size_t parts;
    char (*state)[FS_SLURM_STATE]; /* [cells][FS_STAGE_COUNT]; "": not known */
    bool *live;                    /* [cells]: a task of it is in the queue */
};

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

/* The "name" of a part in slurm.json; false where it is no job's number. */
static bool read_id(const cJSON *entry, const char *name, char id[JOB_ID])
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(entry, name);
    const char *text = cJSON_IsString(value) ? value->valuestring : NULL;
    id[0] = '\0';
    if (text == NULL || strlen(text) >= JOB_ID || text[strspn(text, "0123456789")] != '\0') {
        return false;
    }
    snprintf(id, JOB_ID, "%s", text);
    return true;
}

static int read_parts(const struct fs_sweep *sweep, const char *path, struct queue *queue, struct fs_error *err)
{
    struct fs_json_document *document = NULL;
    const cJSON *parts = NULL, *entry;
    int status = fs_json_load(path, &document, err);
    status = status == 0 ? fs_json_array(document, fs_json_root(document), "", "parts", &parts, err) : -1;
    cJSON_ArrayForEach(entry, parts)
    {
        struct part *part = &queue->part[queue->parts];
        bool good = status == 0 && queue->parts < MOST_SUBMITTED &&
                    fs_json_size(document, entry, "parts", "first", 0, sweep->cells, &part->first, err) == 0 &&
                    read_id(entry, "merge", part->merge);
        for (size_t stage = 0; good && stage < ARRAYS; stage++) {
            good = read_id(entry, fs_stage_names[stage], part->array[stage]);
        }
        if (!good) {
            status =
                fs_error_set(err, FS_EXIT_DATA,
                             "%s: found no list of submitted arrays; remove the file: what is in the queue is then "
                             "not known any more",
                             path);
            break;
        }
        queue->parts++;
    }
    fs_json_destroy(document);
    return status;
}

/* Words of squeue and sacct for a job that may still do something. */
static bool is_live(const char *state)
{
    static const char *const words[] = {"PENDING",  "RUNNING",      "CONFIGURING",  "COMPLETING", "SUSPENDED",
                                        "REQUEUED", "REQUEUE_FED",  "REQUEUE_HOLD", "RESIZING",   "SIGNALING",
                                        "STOPPED",  "SPECIAL_EXIT", "STAGE_OUT"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(state, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Notes the state of array `id`'s task, or of the merge `id`, in all parts where it is. */
static void note_state(const struct fs_sweep *sweep, struct queue *queue, const char *id, const char *task,
                       const char *state, bool from_queue)
{
    char *end;
    unsigned long index = strtoul(task, &end, 10);
    bool is_task = end != task && *end == '\0';
    for (size_t i = 0; i < queue->parts; i++) {
        struct part *part = &queue->part[i];
        if (from_queue && strcmp(part->merge, id) == 0) {
            part->merge_live = is_live(state);
        }
        for (size_t stage = 0; stage < ARRAYS; stage++) {
            if (!is_task || strcmp(part->array[stage], id) != 0 || part->first + index >= sweep->cells) {
                continue;
            }
            size_t cell = part->first + index;
            snprintf(queue->state[cell * FS_STAGE_COUNT + stage], FS_SLURM_STATE, "%.*s",
                     (int)strspn(state, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), state);
            if (from_queue && is_live(state)) {
                queue->live[cell] = part->live[stage] = true;
            }
        }
    }
}

/* sacct's "<id>_<task>|<state>", squeue's "<id> <task> <state> <restarts>". */
static void note_line(const struct fs_sweep *sweep, struct queue *queue, const char *line, bool from_queue)
{
    char id[JOB_ID], task[JOB_ID], state[FS_SLURM_STATE], restarts[JOB_ID];
    if (!from_queue && sscanf(line, "%31[0-9]_%31[0-9]|%31s", id, task, state) == 3) {
        note_state(sweep, queue, id, task, state, false);
    } else if (from_queue && sscanf(line, "%31s %31s %31s %31s", id, task, state, restarts) == 4) {
        bool again = strcmp(state, "PENDING") == 0 && strtoul(restarts, NULL, 10) > 0;
        note_state(sweep, queue, id, task, again ? "REQUEUED" : state, true);
    }
}

/* "-j<id>,<id>..." of all that was submitted; the caller frees. */
static char *list_ids(const struct queue *queue)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    if (stream == NULL) {
        return NULL;
    }
    const char *before = "-j";
    for (size_t i = 0; i < queue->parts; i++) {
        for (size_t stage = 0; stage <= ARRAYS; stage++) {
            const char *id = stage < ARRAYS ? queue->part[i].array[stage] : queue->part[i].merge;
            if (id[0] != '\0') {
                fprintf(stream, "%s%s", before, id);
                before = ",";
            }
        }
    }
    return fclose(stream) == 0 ? text : NULL;
}

static int ask(const struct fs_sweep *sweep, struct queue *queue, struct fs_error *err)
{
    struct fs_words sacct = {0}, squeue = {0};
    char *ids = list_ids(queue), *output = NULL, *rest = NULL;
    int status = ids == NULL ? fs_error_memory(err, 64, "a list of jobs") : 0;
    status = status == 0 && fs_words_split(&sacct, "sacct -nPX -oJobID,State", err) == 0 &&
                     fs_words_add(&sacct, err, "%s", ids) == 0 &&
                     fs_words_split(&squeue, "squeue -hr -tall -OArrayJobID:31,ArrayTaskID:31,State:31,RestartCnt:31",
                                    err) == 0 &&
                     fs_words_add(&squeue, err, "%s", ids) == 0
                 ? 0
                 : -1;
    const struct fs_words *const asks[] = {&sacct, &squeue}; /* the queue knows better what is going on now */
    for (size_t i = 0; status == 0 && i < 2; i++) {
        fs_capture(asks[i], true, &output);
        for (char *line = output != NULL ? strtok_r(output, "\n", &rest) : NULL; line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            note_line(sweep, queue, line, i == 1);
        }
        free(output);
    }
    free(ids);
    fs_words_release(&sacct);
    fs_words_release(&squeue);
    return status;
}

static void release_queue(struct queue *queue)
{
    free(queue->part);
    free(queue->state);
    free(queue->live);
}

/* What was submitted and what Slurm says of it. The caller releases, also on failure. */
static int read_queue(const struct fs_sweep *sweep, struct queue *queue, struct fs_error *err)
{
    char *path = NULL;
    *queue = (struct queue){0};
    queue->part = fs_allocate(MOST_SUBMITTED, sizeof *queue->part, "submitted arrays", err);
    queue->state = fs_allocate(sweep->cells * FS_STAGE_COUNT + 1, sizeof *queue->state, "states of jobs", err);
    queue->live = fs_allocate(sweep->cells + 1, sizeof *queue->live, "states of jobs", err);
    if (queue->part == NULL || queue->state == NULL || queue->live == NULL) {
        return -1;
    }
    if (asprintf(&path, "%s/slurm.json", sweep->folder) < 0) {
        return fs_error_memory(err, 64, "a path");
    }
    int status = access(path, F_OK) == 0 ? read_parts(sweep, path, queue, err) : 0;
    free(path);
    return status == 0 && queue->parts > 0 ? ask(sweep, queue, err) : status;
}

/* Forgets parts of which nothing is in the queue any more. */
static void forget_ended(struct queue *queue)
{
    size_t kept = 0;
    for (size_t i = 0; i < queue->parts; i++) {
        const struct part *part = &queue->part[i];
        bool live = part->merge_live;
        for (size_t stage = 0; stage < ARRAYS; stage++) {
            live = live || part->live[stage];
        }
        if (live) {
            queue->part[kept++] = queue->part[i];
        }
    }
    queue->parts = kept;
}

static int write_parts(const struct fs_sweep *sweep, const struct queue *queue, struct fs_error *err)
{
    char *path = NULL;
    cJSON *json = cJSON_CreateObject(), *parts = cJSON_AddArrayToObject(json, "parts");
    for (size_t i = 0; i < queue->parts; i++) {
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddNumberToObject(entry, "first", (double)queue->part[i].first);
        for (size_t stage = 0; stage < ARRAYS; stage++) {
            cJSON_AddStringToObject(entry, fs_stage_names[stage], queue->part[i].array[stage]);
        }
        cJSON_AddStringToObject(entry, "merge", queue->part[i].merge);
        cJSON_AddItemToArray(parts, entry);
    }
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    int status = text != NULL && asprintf(&path, "%s/slurm.json", sweep->folder) >= 0
                     ? fs_publish_text(path, text, strlen(text), err)
                     : fs_error_memory(err, 64, "a submission");
    free(path);
    cJSON_free(text);
    return status;
}

/* The largest array that this Slurm takes. */
static size_t largest_array(void)
{
    struct fs_words words = {0};
    struct fs_error ignored = FS_ERROR_INIT;
    char *output = NULL;
    unsigned long size = USUAL_ARRAY;
    if (fs_words_split(&words, "scontrol show config", &ignored) == 0) {
        fs_capture(&words, true, &output);
    }
    const char *line = output != NULL ? strstr(output, "MaxArraySize") : NULL;
    if (line != NULL && sscanf(line, "MaxArraySize = %lu", &size) != 1) {
        size = USUAL_ARRAY;
    }
    free(output);
    fs_words_release(&words);
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
static int submit(const struct fs_words *words, char id[JOB_ID], struct fs_error *err)
{
    char *output;
    int code = fs_capture(words, false, &output);
    size_t length = output != NULL ? strspn(output, "0123456789") : 0;
    int status = 0;
    if (code == -1 && output == NULL) {
        status = fs_error_set(err, FS_EXIT_NO_INPUT,
                              "sweep: sbatch cannot be started; is Slurm here? \"sweep run\" needs none");
    } else if (code != 0 || length == 0 || length >= JOB_ID) {
        status = fs_error_set(err, FS_EXIT_IO, "sweep: sbatch ended with exit code %d; its words stand above", code);
    } else {
        snprintf(id, JOB_ID, "%.*s", (int)length, output);
    }
    free(output);
    return status;
}

struct submitting {
    const struct fs_sweep *sweep;
    const struct fs_submission *submission;
    const char *scripts;
    char *logs; /* the folder, as sbatch wants it: "%" doubled */
};

static int add_common(struct fs_words *words, const struct submitting *to, const char *name, const char *log,
                      struct fs_error *err)
{
    return fs_words_split(words, "sbatch --parsable --open-mode=append", err) == 0 &&
                   fs_words_add(words, err, "--job-name=fairstamp-%s", name) == 0 &&
                   fs_words_add(words, err, "--output=%s/%s", to->logs, log) == 0
               ? fs_words_split(words, to->submission->options, err)
               : -1;
}

/* The arrays of one part, `cells` of it. */
static int submit_part(const struct submitting *to, struct part *part, const char *cells, const char *behind,
                       struct fs_error *err)
{
    struct fs_words words = {0};
    char limit[32] = "";
    if (to->submission->limit > 0) {
        snprintf(limit, sizeof limit, "%%%zu", to->submission->limit);
    }
    int status = 0;
    for (size_t stage = 0; status == 0 && stage < ARRAYS; stage++) {
        const char *name = fs_stage_names[stage];
        status = add_common(&words, to, name, "slurm-%x-%A_%a.log", err) == 0
                     ? fs_words_add(&words, err, "--array=%s%s", cells, limit)
                     : -1;
        if (status == 0 && stage > 0) {
            status = fs_words_add(&words, err, "--dependency=aftercorr:%s", part->array[stage - 1]) == 0
                         ? fs_words_add(&words, err, "--kill-on-invalid-dep=yes")
                         : -1;
        } else if (status == 0 && behind[0] != '\0') {
            status = fs_words_add(&words, err, "--dependency=afterany%s", behind);
        }
        status = status == 0 && fs_words_add(&words, err, "%s/sweep.sbatch", to->scripts) == 0 &&
                         fs_words_add(&words, err, "%s", to->sweep->folder) == 0 &&
                         fs_words_add(&words, err, "%s", name) == 0 &&
                         fs_words_add(&words, err, "%zu", part->first) == 0
                     ? submit(&words, part->array[stage], err)
                     : -1;
        fs_words_release(&words);
    }
    return status;
}

/* Behind all that is in the queue: arrays from queue->part[new_parts] on, and earlier merges. */
static int submit_merge(const struct submitting *to, struct queue *queue, size_t new_parts, struct fs_error *err)
{
    struct fs_words words = {0};
    char *behind = NULL, id[JOB_ID];
    size_t length = 0;
    FILE *stream = open_memstream(&behind, &length);
    for (size_t i = 0; stream != NULL && i < queue->parts; i++) {
        for (size_t stage = 0; i >= new_parts && stage < ARRAYS; stage++) {
            fprintf(stream, ":%s", queue->part[i].array[stage]);
        }
        if (i < new_parts && queue->part[i].merge_live) {
            fprintf(stream, ":%s", queue->part[i].merge);
        }
    }
    int status = stream != NULL && fclose(stream) == 0 ? 0 : fs_error_memory(err, 64, "a list of jobs");
    status = status == 0 && add_common(&words, to, "merge", "slurm-%x-%j.log", err) == 0 &&
                     fs_words_split(&words, "--nodes=1 --ntasks=1 --ntasks-per-node=1 --cpus-per-task=1", err) == 0 &&
                     fs_words_add(&words, err, "--dependency=afterany%s", behind) == 0 &&
                     fs_words_add(&words, err, "%s/sweep-merge.sbatch", to->scripts) == 0 &&
                     fs_words_add(&words, err, "%s", to->sweep->folder) == 0
                 ? submit(&words, id, err)
                 : -1;
    for (size_t i = new_parts; status == 0 && i < queue->parts; i++) {
        snprintf(queue->part[i].merge, JOB_ID, "%s", id);
    }
    free(behind);
    fs_words_release(&words);
    return status;
}

/* The cells of `wanted` in arrays as large as Slurm takes them, the traces behind the jobs `behind`, ":1:2". */
static int submit_cells(const struct submitting *to, const bool *wanted, struct queue *queue, const char *behind,
                        struct fs_error *err)
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
        if (status == 0 && queue->parts == MOST_SUBMITTED) {
            status = fs_error_set(err, FS_EXIT_USAGE, "sweep: more than %d arrays in the queue; wait for some to end",
                                  MOST_SUBMITTED);
        }
        if (status == 0) {
            struct part *part = &queue->part[queue->parts++];
            *part = (struct part){.first = first};
            status = submit_part(to, part, cells, behind, err);
        }
        free(cells);
        if (status != 0) {
            return -1;
        }
        first = end;
    }
    return 0;
}

static int submit_all(const struct submitting *to, const bool *wanted, struct queue *queue, struct fs_error *err)
{
    size_t old = queue->parts, cells = to->sweep->cells, length = 0;
    bool *turn = fs_allocate(cells + 1, sizeof *turn, "the cells of a sweep", err);
    char *behind = NULL;
    for (size_t i = 0; turn != NULL && i < cells; i++) {
        turn[i] = wanted[i] && to->sweep->cell[i].trace_of == i;
    }
    int status = turn != NULL ? submit_cells(to, turn, queue, "", err) : -1;
    FILE *stream = status == 0 ? open_memstream(&behind, &length) : NULL;
    for (size_t i = 0; stream != NULL && i < queue->parts; i++) {
        if (i >= old || queue->part[i].live[FS_STAGE_TRACE]) {
            fprintf(stream, ":%s", queue->part[i].array[FS_STAGE_TRACE]);
        }
    }
    if (status == 0) {
        status = stream != NULL && fclose(stream) == 0 ? 0 : fs_error_memory(err, 64, "a list of jobs");
    }
    for (size_t i = 0; status == 0 && i < cells; i++) { /* those that take another cell's trace over */
        turn[i] = wanted[i] && to->sweep->cell[i].trace_of != i;
    }
    status = status == 0 ? submit_cells(to, turn, queue, behind, err) : -1;
    free(behind);
    free(turn);
    status = status == 0 ? submit_merge(to, queue, old, err) : -1;
    if (queue->parts > old) { /* what is submitted is noted, be it a part */
        struct fs_error other = FS_ERROR_INIT;
        int written = write_parts(to->sweep, queue, status == 0 ? err : &other);
        status = status == 0 ? written : -1;
    }
    for (size_t i = old; status == 0 && i < queue->parts; i++) {
        const struct part *part = &queue->part[i];
        fs_say("sweep: trace %s, stamp %s, evaluate %s, merge %s", part->array[0], part->array[1], part->array[2],
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
static int choose_cells(const struct fs_sweep *sweep, const struct queue *queue, bool *wanted, size_t *count,
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

int fs_sweep_submit(const struct fs_sweep *sweep, const struct fs_submission *submission, struct fs_error *err)
{
    size_t count = 0, queued = 0;
    struct queue queue;
    char program[4096];
    bool *wanted = fs_allocate(sweep->cells + 1, sizeof *wanted, "the cells of a sweep", err);
    int status = wanted != NULL && fs_own_path(program, sizeof program, err) == 0 ? 0 : -1;
    status = read_queue(sweep, &queue, err) == 0 && status == 0
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
        char *scripts = find_scripts(submission->scripts, err);
        const struct submitting to = {sweep, submission, scripts, scripts != NULL ? log_folder(sweep, err) : NULL};
        status = to.logs != NULL ? 0 : -1;
        forget_ended(&queue);
        if (status == 0) {
            /* by the environment, which sbatch hands on: a path may hold a comma, which parts its --export */
            setenv("FAIRSTAMP_SLURM", scripts, 1);
            setenv("FAIRSTAMP_PROGRAM", program, 1);
            status = submit_all(&to, wanted, &queue, err);
        }
        if (status == 0) {
            fs_say("sweep: submitted %zu of %zu cells", count, sweep->cells);
        }
        free(to.logs);
        free(scripts);
    }
    release_queue(&queue);
    free(wanted);
    return status;
}

int fs_sweep_slurm_states(const struct fs_sweep *sweep, char (**state)[FS_SLURM_STATE], struct fs_error *err)
{
    struct queue queue;
    int status = read_queue(sweep, &queue, err);
    *state = queue.state;
    queue.state = NULL;
    release_queue(&queue);
    return status;
}
