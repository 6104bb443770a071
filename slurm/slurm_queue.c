#include "slurm/slurm_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/child.h"
#include "io/formats/json.h"
#include "io/publish.h"
#include "jobs/fingerprint.h"

const char *const fs_sweep_array_names[FS_SWEEP_ARRAYS] = {"trace", "train", "evaluate"};
static const char *const former_names[FS_SWEEP_ARRAYS] = {"trace", "stamp", "evaluate"};

/* The bits 1 << fs_stage of what an array does. */
static unsigned array_stages(size_t array)
{
    return array == 1 ? fs_training_stages() : 1u << (array == 0 ? FS_STAGE_TRACE : FS_STAGE_EVALUATE);
}

/* The "name" of a part in slurm.json; false where it is no job's number. */
static bool read_id(const cJSON *entry, const char *name, char id[FS_SLURM_ID])
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(entry, name);
    const char *text = cJSON_IsString(value) ? value->valuestring : NULL;
    id[0] = '\0';
    if (text == NULL || strlen(text) >= FS_SLURM_ID || text[strspn(text, "0123456789")] != '\0') {
        return false;
    }
    snprintf(id, FS_SLURM_ID, "%s", text);
    return true;
}

static int read_parts(const struct fs_sweep *sweep, const char *path, struct fs_sweep_queue *queue,
                      struct fs_error *err)
{
    struct fs_json_document *document = NULL;
    const cJSON *parts = NULL, *entry;
    int status = fs_json_load(path, &document, err);
    status = status == 0 ? fs_json_array(document, fs_json_root(document), "", "parts", &parts, err) : -1;
    cJSON_ArrayForEach(entry, parts)
    {
        struct fs_sweep_part *part = &queue->part[queue->parts];
        bool good = status == 0 && queue->parts < FS_SWEEP_PARTS &&
                    fs_json_size(document, entry, "parts", "first", (struct fs_size_range){0, sweep->cells},
                                 &part->first, err) == 0 &&
                    read_id(entry, "merge", part->merge);
        for (size_t array = 0; good && array < FS_SWEEP_ARRAYS; array++) {
            good = read_id(entry, fs_sweep_array_names[array], part->array[array]) ||
                   read_id(entry, former_names[array], part->array[array]);
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

/* Notes the state of a cell's stages, told by part `part`. */
static void note_stages(struct fs_sweep_queue *queue, size_t cell, unsigned stages, size_t part, const char *state)
{
    for (size_t stage = 0; stage < FS_STAGE_COUNT; stage++) {
        size_t place = cell * FS_STAGE_COUNT + stage;
        if ((stages & 1u << stage) != 0 && part >= queue->told_by[place]) { /* Slurm tells in any order: the latest part
                                                                               counts */
            snprintf(queue->state[place], FS_SLURM_STATE, "%.*s", (int)strspn(state, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"),
                     state);
            queue->told_by[place] = part;
        }
    }
}

/* Notes the state of array `id`'s task, or of the merge `id`, in all parts where it is. */
static void note_state(const struct fs_sweep *sweep, struct fs_sweep_queue *queue, const char *id, const char *task,
                       const char *state, bool from_queue)
{
    char *end;
    unsigned long index = strtoul(task, &end, 10);
    bool is_task = end != task && *end == '\0';
    for (size_t i = 0; i < queue->parts; i++) {
        struct fs_sweep_part *part = &queue->part[i];
        if (from_queue && strcmp(part->merge, id) == 0) {
            part->merge_live = is_live(state);
        }
        for (size_t array = 0; array < FS_SWEEP_ARRAYS; array++) {
            if (!is_task || strcmp(part->array[array], id) != 0 || part->first + index >= sweep->cells) {
                continue;
            }
            size_t cell = part->first + index;
            note_stages(queue, cell, array_stages(array), i, state);
            if (from_queue && is_live(state)) {
                queue->live[cell] = part->live[array] = true;
            }
        }
    }
}

/* sacct's "<id>_<task>|<state>", squeue's "<id> <task> <state> <restarts>". */
static void note_line(const struct fs_sweep *sweep, struct fs_sweep_queue *queue, const char *line, bool from_queue)
{
    char id[FS_SLURM_ID], task[FS_SLURM_ID], state[FS_SLURM_STATE], restarts[FS_SLURM_ID];
    if (!from_queue && sscanf(line, "%31[0-9]_%31[0-9]|%31s", id, task, state) == 3) {
        note_state(sweep, queue, id, task, state, false);
    } else if (from_queue && sscanf(line, "%31s %31s %31s %31s", id, task, state, restarts) == 4) {
        bool again = strcmp(state, "PENDING") == 0 && strtoul(restarts, NULL, 10) > 0;
        note_state(sweep, queue, id, task, again ? "REQUEUED" : state, true);
    }
}

/* "-j<id>,<id>..." of all that was submitted; the caller frees. */
static char *list_ids(const struct fs_sweep_queue *queue)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    if (stream == NULL) {
        return NULL;
    }
    const char *before = "-j";
    for (size_t i = 0; i < queue->parts; i++) {
        for (size_t stage = 0; stage <= FS_SWEEP_ARRAYS; stage++) {
            const char *id = stage < FS_SWEEP_ARRAYS ? queue->part[i].array[stage] : queue->part[i].merge;
            if (id[0] != '\0') {
                fprintf(stream, "%s%s", before, id);
                before = ",";
            }
        }
    }
    return fclose(stream) == 0 ? text : NULL;
}

static int ask(const struct fs_sweep *sweep, struct fs_sweep_queue *queue, struct fs_error *err)
{
    struct fs_argv sacct = {0}, squeue = {0};
    char *ids = list_ids(queue), *output = NULL, *rest = NULL;
    int status = ids == NULL ? fs_error_memory(err, 64, "a list of jobs") : 0;
    status = status == 0 && fs_argv_split(&sacct, "sacct -nPX -oJobID,State", err) == 0 &&
                     fs_argv_add(&sacct, err, "%s", ids) == 0 &&
                     fs_argv_split(&squeue, "squeue -hr -tall -OArrayJobID:31,ArrayTaskID:31,State:31,RestartCnt:31",
                                   err) == 0 &&
                     fs_argv_add(&squeue, err, "%s", ids) == 0
                 ? 0
                 : -1;
    const struct fs_argv *const asks[] = {&sacct, &squeue}; /* the queue knows better what is going on now */
    for (size_t i = 0; status == 0 && i < 2; i++) {
        fs_run_program(asks[i], true, &output);
        for (char *line = output != NULL ? strtok_r(output, "\n", &rest) : NULL; line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            note_line(sweep, queue, line, i == 1);
        }
        free(output);
    }
    free(ids);
    fs_argv_release(&sacct);
    fs_argv_release(&squeue);
    return status;
}

void fs_sweep_queue_release(struct fs_sweep_queue *queue)
{
    free(queue->part);
    free(queue->state);
    free(queue->told_by);
    free(queue->live);
}

int fs_sweep_queue_read(const struct fs_sweep *sweep, struct fs_sweep_queue *queue, struct fs_error *err)
{
    char *path = NULL;
    *queue = (struct fs_sweep_queue){0};
    queue->part = fs_allocate(FS_SWEEP_PARTS, sizeof *queue->part, "submitted arrays", err);
    queue->state = fs_allocate(sweep->cells * FS_STAGE_COUNT + 1, sizeof *queue->state, "states of jobs", err);
    queue->told_by = fs_allocate(sweep->cells * FS_STAGE_COUNT + 1, sizeof *queue->told_by, "states of jobs", err);
    queue->live = fs_allocate(sweep->cells + 1, sizeof *queue->live, "states of jobs", err);
    if (queue->part == NULL || queue->state == NULL || queue->told_by == NULL || queue->live == NULL) {
        return -1;
    }
    if (asprintf(&path, "%s/slurm.json", sweep->folder) < 0) {
        return fs_error_memory(err, 64, "a path");
    }
    int status = access(path, F_OK) == 0 ? read_parts(sweep, path, queue, err) : 0;
    free(path);
    return status == 0 && queue->parts > 0 ? ask(sweep, queue, err) : status;
}

void fs_sweep_queue_forget(struct fs_sweep_queue *queue)
{
    size_t kept = 0;
    for (size_t i = 0; i < queue->parts; i++) {
        const struct fs_sweep_part *part = &queue->part[i];
        bool live = part->merge_live;
        for (size_t stage = 0; stage < FS_SWEEP_ARRAYS; stage++) {
            live = live || part->live[stage];
        }
        if (live) {
            queue->part[kept++] = queue->part[i];
        }
    }
    queue->parts = kept;
}

int fs_sweep_queue_write(const struct fs_sweep *sweep, const struct fs_sweep_queue *queue, struct fs_error *err)
{
    char *path = NULL;
    cJSON *json = cJSON_CreateObject(), *parts = cJSON_AddArrayToObject(json, "parts");
    for (size_t i = 0; i < queue->parts; i++) {
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddNumberToObject(entry, "first", (double)queue->part[i].first);
        for (size_t array = 0; array < FS_SWEEP_ARRAYS; array++) {
            cJSON_AddStringToObject(entry, fs_sweep_array_names[array], queue->part[i].array[array]);
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

int fs_sweep_slurm_states(const struct fs_sweep *sweep, char (**state)[FS_SLURM_STATE], struct fs_error *err)
{
    struct fs_sweep_queue queue;
    int status = fs_sweep_queue_read(sweep, &queue, err);
    *state = queue.state;
    queue.state = NULL;
    fs_sweep_queue_release(&queue);
    return status;
}
