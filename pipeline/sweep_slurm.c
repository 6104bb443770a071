/* Submits a sweep to Slurm, and asks Slurm how it is. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/json.h"
#include "io/publish.h"
#include "pipeline/identity.h"
#include "pipeline/progress.h"
#include "pipeline/sweep.h"

#define WORDS 80
#define SUBMITTED 3 /* arrays: trace, stamp, evaluate with layers */

extern char **environ;

/* The arguments of a command. */
struct words {
    char *word[WORDS + 1];
    size_t count;
};

static int add(struct words *words, struct fs_error *err, const char *format, ...) FS_PRINTF(3, 4);
static int add(struct words *words, struct fs_error *err, const char *format, ...)
{
    va_list arguments;
    if (words->count == WORDS) {
        return fs_error_set(err, FS_EXIT_USAGE, "sweep: more than %d words for sbatch", WORDS);
    }
    va_start(arguments, format);
    int length = vasprintf(&words->word[words->count], format, arguments);
    va_end(arguments);
    if (length < 0) {
        words->word[words->count] = NULL;
        return fs_error_memory(err, 64, "a command");
    }
    words->count++;
    words->word[words->count] = NULL;
    return 0;
}

static void release(struct words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        free(words->word[i]);
    }
    words->count = 0;
}

/* What the command prints, and how it ends; -1: it cannot be started. The caller frees. */
static int capture(const struct words *words, bool quiet, char **output)
{
    int end[2], state = -1;
    size_t length = 0;
    char block[4096];
    ssize_t got;
    posix_spawn_file_actions_t actions;
    pid_t process;
    *output = NULL;
    if (pipe2(end, O_CLOEXEC) != 0) {
        return -1;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, end[1], STDOUT_FILENO);
    if (quiet) {
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    int failed = posix_spawnp(&process, words->word[0], &actions, NULL, words->word, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(end[1]);
    FILE *stream = failed == 0 ? open_memstream(output, &length) : NULL;
    while (failed == 0 && ((got = read(end[0], block, sizeof block)) > 0 || (got < 0 && errno == EINTR))) {
        if (stream != NULL && got > 0) {
            fwrite(block, 1, (size_t)got, stream);
        }
    }
    close(end[0]);
    if (stream != NULL) {
        fclose(stream);
    }
    if (failed == 0) {
        waitpid(process, &state, 0);
    }
    return failed == 0 && *output != NULL && WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

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
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash = length > 0 ? strrchr(program, '/') : NULL;
    if (slash != NULL) {
        *slash = '\0';
    }
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

/* "0-2,5": the cells that are not complete. The caller frees; `*count` of them. */
static char *list_open_cells(const struct fs_sweep *sweep, size_t *count, struct fs_error *err)
{
    char *text = NULL;
    size_t length = 0, first = 0;
    bool in_run = false;
    FILE *stream = open_memstream(&text, &length);
    *count = 0;
    if (stream == NULL) {
        fs_error_memory(err, 64, "a list of cells");
        return NULL;
    }
    for (size_t i = 0; i <= sweep->cells; i++) {
        struct fs_cell_progress progress = {.complete = true};
        if (i < sweep->cells && fs_sweep_look(&sweep->cell[i], &progress, err) != 0) {
            fclose(stream);
            free(text);
            return NULL;
        }
        *count += !progress.complete;
        if (!progress.complete && !in_run) {
            first = i;
        } else if (progress.complete && in_run) {
            fprintf(stream, first + 1 < i ? "%s%zu-%zu" : "%s%zu", ftell(stream) > 0 ? "," : "", first, i - 1);
        }
        in_run = !progress.complete;
    }
    fclose(stream);
    return text;
}

/* sbatch's answer, "<id>" or "<id>;<cluster>". */
static int submit(const struct words *words, char id[32], struct fs_error *err)
{
    char *output;
    int code = capture(words, false, &output);
    size_t length = output != NULL ? strspn(output, "0123456789") : 0;
    int status = 0;
    if (code == -1 && output == NULL) {
        status = fs_error_set(err, FS_EXIT_NO_INPUT,
                              "sweep: sbatch cannot be started; is Slurm here? \"sweep run\" needs none");
    } else if (code != 0 || length == 0 || length >= 32) {
        status = fs_error_set(err, FS_EXIT_IO, "sweep: sbatch ended with exit code %d; its words stand above", code);
    } else {
        snprintf(id, 32, "%.*s", (int)length, output);
    }
    free(output);
    return status;
}

static int add_common(struct words *words, const struct fs_sweep *sweep, const struct fs_submission *submission,
                      const char *scripts, const char *name, const char *log, struct fs_error *err)
{
    char program[4096] = "", *options = submission->options != NULL ? strdup(submission->options) : NULL, *rest = NULL;
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    int status = length > 0 && add(words, err, "sbatch") == 0 && add(words, err, "--parsable") == 0 &&
                         add(words, err, "--job-name=%s", name) == 0 &&
                         add(words, err, "--output=%s/logs/%s", sweep->folder, log) == 0 &&
                         add(words, err, "--open-mode=append") == 0 &&
                         add(words, err, "--export=ALL,FAIRSTAMP_SLURM=%s,FAIRSTAMP_PROGRAM=%s", scripts, program) == 0
                     ? 0
                     : -1;
    for (char *word = options != NULL ? strtok_r(options, " \t", &rest) : NULL; status == 0 && word != NULL;
         word = strtok_r(NULL, " \t", &rest)) {
        status = add(words, err, "%s", word);
    }
    free(options);
    return status;
}

static int write_submission(const struct fs_sweep *sweep, char id[SUBMITTED + 1][32], struct fs_error *err)
{
    char *path = NULL;
    cJSON *json = cJSON_CreateObject();
    for (size_t stage = 0; stage < SUBMITTED; stage++) {
        cJSON_AddStringToObject(json, fs_stage_names[stage], id[stage]);
    }
    cJSON_AddStringToObject(json, "merge", id[SUBMITTED]);
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    int status = text != NULL && asprintf(&path, "%s/slurm.json", sweep->folder) >= 0
                     ? fs_publish_text(path, text, strlen(text), err)
                     : fs_error_memory(err, 64, "a submission");
    free(path);
    cJSON_free(text);
    return status;
}

static int submit_all(const struct fs_sweep *sweep, const struct fs_submission *submission, const char *scripts,
                      const char *cells, char id[SUBMITTED + 1][32], struct fs_error *err)
{
    struct words words = {0};
    char limit[32] = "";
    if (submission->limit > 0) {
        snprintf(limit, sizeof limit, "%%%zu", submission->limit);
    }
    for (size_t stage = 0; stage < SUBMITTED; stage++) {
        char name[32];
        snprintf(name, sizeof name, "fairstamp-%s", fs_stage_names[stage]);
        int status = add_common(&words, sweep, submission, scripts, name, "slurm-%x-%A_%a.log", err) == 0 &&
                             add(&words, err, "--array=%s%s", cells, limit) == 0
                         ? 0
                         : -1;
        if (status == 0 && stage > 0) {
            status = add(&words, err, "--dependency=aftercorr:%s", id[stage - 1]) == 0
                         ? add(&words, err, "--kill-on-invalid-dep=yes")
                         : -1;
        }
        status = status == 0 && add(&words, err, "%s/sweep.sbatch", scripts) == 0 &&
                         add(&words, err, "%s", sweep->folder) == 0 &&
                         add(&words, err, "%s", fs_stage_names[stage]) == 0
                     ? submit(&words, id[stage], err)
                     : -1;
        release(&words);
        if (status != 0) {
            return -1;
        }
    }
    int status = add_common(&words, sweep, submission, scripts, "fairstamp-merge", "slurm-%x-%j.log", err) == 0 &&
                         add(&words, err, "--dependency=afterany:%s:%s:%s", id[0], id[1], id[2]) == 0 &&
                         add(&words, err, "%s/sweep-merge.sbatch", scripts) == 0 &&
                         add(&words, err, "%s", sweep->folder) == 0
                     ? submit(&words, id[SUBMITTED], err)
                     : -1;
    release(&words);
    return status;
}

int fs_sweep_submit(const struct fs_sweep *sweep, const struct fs_submission *submission, struct fs_error *err)
{
    size_t count;
    char id[SUBMITTED + 1][32] = {"", "", "", ""}, *logs = NULL;
    char *cells = list_open_cells(sweep, &count, err), *scripts = NULL;
    int status = cells != NULL ? 0 : -1;
    if (status == 0 && count == 0) {
        fs_say("sweep: all %zu cells are complete; nothing to submit", sweep->cells);
        free(cells);
        return 0;
    }
    scripts = status == 0 ? find_scripts(submission->scripts, err) : NULL;
    status = scripts != NULL && asprintf(&logs, "%s/logs", sweep->folder) >= 0 ? fs_make_folder(logs, err) : -1;
    if (status == 0) {
        status = submit_all(sweep, submission, scripts, cells, id, err);
        if (id[0][0] != '\0') { /* what is submitted is noted, be it a part */
            struct fs_error other = FS_ERROR_INIT;
            int written = write_submission(sweep, id, status == 0 ? err : &other);
            status = status == 0 ? written : -1;
        }
    }
    if (status == 0) {
        fs_say("sweep: submitted %zu of %zu cells: trace %s, stamp %s, evaluate %s, merge %s", count, sweep->cells,
               id[0], id[1], id[2], id[3]);
    }
    free(logs);
    free(scripts);
    free(cells);
    return status;
}

/* "<id>_<task> <state>" or "<id>_<task>|<state>..." of a line. */
static void note_state(const struct fs_sweep *sweep, char (*state)[FS_SLURM_STATE], char ids[SUBMITTED][32],
                       const char *line)
{
    size_t digits = strspn(line, "0123456789");
    char *end;
    for (size_t stage = 0; stage < SUBMITTED; stage++) {
        if (strlen(ids[stage]) != digits || strncmp(ids[stage], line, digits) != 0 || line[digits] != '_') {
            continue;
        }
        unsigned long task = strtoul(line + digits + 1, &end, 10);
        if (end != line + digits + 1 && task < sweep->cells && (*end == ' ' || *end == '|')) {
            snprintf(state[task * FS_STAGE_COUNT + stage], FS_SLURM_STATE, "%.*s",
                     (int)strspn(end + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), end + 1);
        }
    }
}

int fs_sweep_slurm_states(const struct fs_sweep *sweep, char (**state)[FS_SLURM_STATE], struct fs_error *err)
{
    char *path = NULL, ids[SUBMITTED][32], *output = NULL, *rest = NULL;
    struct fs_json_document *document = NULL;
    *state = fs_allocate(sweep->cells * FS_STAGE_COUNT + 1, sizeof **state, "states of jobs", err);
    if (*state == NULL || asprintf(&path, "%s/slurm.json", sweep->folder) < 0) {
        return *state == NULL ? -1 : fs_error_memory(err, 64, "a path");
    }
    if (access(path, F_OK) != 0) {
        free(path);
        return 0;
    }
    int status = fs_json_load(path, &document, err);
    for (size_t stage = 0; status == 0 && stage < SUBMITTED; stage++) {
        const char *id;
        status = fs_json_text(document, fs_json_root(document), "", fs_stage_names[stage], &id, err);
        snprintf(ids[stage], sizeof ids[stage], "%s", status == 0 ? id : "");
    }
    fs_json_destroy(document);
    free(path);
    if (status != 0) {
        return -1;
    }
    struct words sacct = {0}, squeue = {0};
    status = add(&sacct, err, "sacct") == 0 && add(&sacct, err, "-nPX") == 0 &&
                     add(&sacct, err, "-oJobID,State") == 0 &&
                     add(&sacct, err, "-j%s,%s,%s", ids[0], ids[1], ids[2]) == 0 && add(&squeue, err, "squeue") == 0 &&
                     add(&squeue, err, "-hr") == 0 && add(&squeue, err, "-tall") == 0 &&
                     add(&squeue, err, "-o%%i %%T") == 0 && add(&squeue, err, "-j%s,%s,%s", ids[0], ids[1], ids[2]) == 0
                 ? 0
                 : -1;
    const struct words *const asks[] = {&sacct, &squeue}; /* the queue knows better what is going on now */
    for (size_t i = 0; status == 0 && i < 2; i++) {
        capture(asks[i], true, &output);
        for (char *line = output != NULL ? strtok_r(output, "\n", &rest) : NULL; line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            note_state(sweep, *state, ids, line);
        }
        free(output);
        output = NULL;
    }
    release(&sacct);
    release(&squeue);
    return status;
}
