/* sweep: many jobs from one file. Each action is a row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/output.h"
#include "io/console/progress.h"
#include "io/formats/json.h"
#include "io/values.h"
#include "jobs/fingerprint.h"
#include "jobs/sweep.h"
#include "pipeline/commands/commands.h"
#include "pipeline/commands/job_stages.h"
#include "pipeline/commands/options_common.h"
#include "pipeline/ranks/launch.h"
#include "pipeline/sweeps/sweep_estimate.h"
#include "pipeline/sweeps/sweep_groups.h"
#include "pipeline/sweeps/sweep_run.h"
#include "results/report.h"
#include "results/sweep_status.h"
#include "results/table.h"
#include "slurm/slurm_queue.h"
#include "slurm/slurm_submit.h"

static const struct fs_option option_no_estimate = {
    .name = "--no-estimate", .help = "plan: without the estimate of each cell, which takes seconds"};
static const struct fs_option option_no_check = {
    .name = "--no-check", .help = "plan: without a look at models and data, where they are not at hand"};
static const struct fs_option option_cells = {
    .name = "--cells", .argument = "N", .initial = "1", .help = "run: so many cells at once"};
static const struct fs_option option_launcher = {
    .name = "--launcher",
    .argument = "COMMAND",
    .help = "run: what starts the ranks of a cell, such as \"mpirun -n 4\"; by default one process"};
static const struct fs_option option_group = {.name = "--group",
                                              .argument = "N",
                                              .help = "run: in this MPI job, as of \"mpirun -n 64 fairstamp sweep run "
                                                      "DIR --group 8\", in groups of N ranks, each at a "
                                                      "cell of its own; ranks left over make groups of one more"};
static const struct fs_option option_part = {
    .name = "--part",
    .argument = "I/N",
    .help = "run --group: part I, counted from 0, of N equal parts of the cells, the others are left to other jobs"};
static const struct fs_option option_limit = {
    .name = "--limit", .argument = "N", .help = "submit: at most so many tasks of an array at once"};
static const struct fs_option option_sbatch = {
    .name = "--sbatch",
    .argument = "OPTIONS",
    .help = "submit: for every sbatch, such as \"--partition=long --ntasks=64\""};
static const struct fs_option option_scripts = {
    .name = "--scripts", .argument = "DIR", .help = "submit: folder of the batch scripts; by default as installed"};
static const struct fs_option option_site = {
    .name = "--site",
    .argument = "FILE",
    .help = "submit: settings of your own, read after site.sh of the batch scripts; for example modules to load"};

static const char *const state_words[] = {[FS_CELL_MISSING] = "-",
                                          [FS_CELL_PART] = "part",
                                          [FS_CELL_DAMAGED] = "damaged",
                                          [FS_CELL_DONE] = "done",
                                          [FS_CELL_UNASKED] = "not asked"};

/* What a stage's file says, or, without a usable one, what Slurm says of its job. */
static const char *word_of(enum fs_cell_state state, const char *slurm)
{
    bool open = state == FS_CELL_MISSING || state == FS_CELL_PART;
    return open && slurm[0] != '\0' && strcmp(slurm, "COMPLETED") != 0 ? slurm : state_words[state];
}

/* Which stages are shown: methods where a cell has them, all others. Looks at all cells. */
static int look(const struct fs_sweep *sweep, struct fs_cell_progress *progress, bool shown[FS_STAGE_COUNT],
                struct fs_error *err)
{
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        shown[stage] = fs_stage_method((enum fs_stage)stage) == NULL;
    }
    for (size_t i = 0; i < sweep->cells; i++) {
        if (fs_sweep_look(&sweep->cell[i], &progress[i], err) != 0) {
            return -1;
        }
        for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
            shown[stage] = shown[stage] || progress[i].stage[stage] != FS_CELL_UNASKED;
        }
    }
    return 0;
}

/* The head of the table, for as long as it lasts. */
struct head {
    char text[FS_STAGE_COUNT][64];
    const char *name[FS_STAGE_COUNT + 2];
    size_t columns;
};

static void fill_head(const bool shown[FS_STAGE_COUNT], struct head *head)
{
    head->columns = 0;
    head->name[head->columns++] = "<cell";
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        if (shown[stage]) {
            snprintf(head->text[stage], sizeof head->text[stage], "<%s", fs_stage_names[stage]);
            head->name[head->columns++] = head->text[stage];
        }
    }
    head->name[head->columns++] = "<";
}

static int print_status(const struct fs_options *options, const struct fs_sweep *sweep, struct fs_error *err)
{
    char(*slurm)[FS_SLURM_STATE] = NULL;
    struct fs_table *table = NULL;
    cJSON *json = fs_options_json(options) ? cJSON_CreateArray() : NULL;
    struct fs_cell_progress *cells = fs_allocate(sweep->cells + 1, sizeof *cells, "the cells of a sweep", err);
    bool shown[FS_STAGE_COUNT];
    struct head head;
    size_t complete = 0;
    int status = cells != NULL ? fs_sweep_slurm_states(sweep, &slurm, err) : -1;
    status = status == 0 ? look(sweep, cells, shown, err) : -1;
    if (status == 0) {
        fill_head(shown, &head);
        status = fs_table_create(head.columns, head.name, &table, err);
    }
    for (size_t i = 0; status == 0 && i < sweep->cells; i++) {
        const struct fs_cell_progress progress = cells[i];
        complete += progress.complete;
        cJSON *cell = json != NULL ? cJSON_CreateObject() : NULL;
        fs_table_cell(table, "%s", sweep->cell[i].id);
        cJSON_AddStringToObject(cell, "cell", sweep->cell[i].id);
        for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
            const char *word = word_of(progress.stage[stage], slurm[i * FS_STAGE_COUNT + (size_t)stage]);
            if (shown[stage]) {
                fs_table_cell(table, "%s", word);
                cJSON_AddStringToObject(cell, fs_stage_names[stage], word);
            }
        }
        fs_table_cell(table, "%s", progress.changed ? "the job file was changed" : "");
        cJSON_AddBoolToObject(cell, "complete", progress.complete);
        cJSON_AddBoolToObject(cell, "changed", progress.changed);
        if (json != NULL) {
            cJSON_AddItemToArray(json, cell);
        }
    }
    if (status == 0 && json != NULL) {
        status = fs_report_print_json(json, stdout, err);
        json = NULL;
    } else if (status == 0) {
        status = fs_table_print(table, stdout, err);
        printf("%zu of %zu cells are complete\n", complete, sweep->cells);
    }
    cJSON_Delete(json);
    fs_table_destroy(table);
    free(slurm);
    free(cells);
    return status == 0 ? fs_finish_output(err) : -1;
}

/* Says which cells are left, from their numbers. */
static int judge_cells(const struct fs_sweep *sweep, size_t failed, size_t elsewhere, struct fs_error *err)
{
    if (failed > 0) {
        return fs_error_set(err, FS_EXIT_DIFFERENT, "sweep: %zu cells failed; see fairstamp sweep status %s", failed,
                            sweep->folder);
    }
    if (elsewhere > 0) {
        return fs_error_set(err, FS_EXIT_DIFFERENT, "sweep: %zu cells are left to another sweep run, named above",
                            elsewhere);
    }
    return 0;
}

/* What only an MPI job can do would silently do nothing. */
static int check_group_options(const struct fs_options *options, struct fs_error *err)
{
    static const struct fs_option *const of_group[] = {&option_part,         &fs_option_max_seconds,
                                                       &fs_option_stop_file, &fs_option_log_dir,
                                                       &fs_option_connected, &fs_option_wait_seconds};
    for (size_t i = 0; i < sizeof of_group / sizeof of_group[0]; i++) {
        if (fs_option_given(options, of_group[i])) {
            return fs_error_set(err, FS_EXIT_USAGE, "sweep run: %s is taken with --group only", of_group[i]->name);
        }
    }
    return 0;
}

/* Each rank would run all cells, and the ranks that it starts would not find each other. */
static int check_alone(struct fs_error *err)
{
    struct fs_launch launch;
    if (!fs_launch_is_rank(&launch)) {
        return 0;
    }
    return fs_error_set(err, FS_EXIT_USAGE,
                        "sweep run: %s started %zu process%s of it, each of which would run all cells; add --group N, "
                        "or start it by itself, with --launcher for the ranks of a cell",
                        launch.launcher, launch.tasks, launch.tasks == 1 ? "" : "es");
}

static int run_cells(const struct fs_options *options, const struct fs_sweep *sweep, struct fs_error *err)
{
    double at_once = 1;
    const char *given = fs_option_value(options, &option_cells);
    size_t failed = 0, elsewhere = 0;
    if (check_alone(err) != 0 || check_group_options(options, err) != 0 ||
        fs_parse_integer("--cells", given, 1, 1024, &at_once, err) != 0 ||
        fs_sweep_run(sweep, (size_t)at_once, fs_option_value(options, &option_launcher), &failed, &elsewhere, err) !=
            0) {
        return -1;
    }
    return judge_cells(sweep, failed, elsewhere, err);
}

static int run_cell(struct fs_session *session, const char *job, struct fs_error *err)
{
    const struct fs_job_request request = {.path = job};
    return fs_run_job(session, &request, err);
}

static int read_group(const struct fs_session *session, size_t *group, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    double size = 0;
    static const struct fs_option *const other[] = {&option_cells, &option_launcher};
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        if (fs_option_given(options, other[i])) {
            return fs_error_set(err, FS_EXIT_USAGE,
                                "sweep run: --group runs the cells in this MPI job, and takes no %s", other[i]->name);
        }
    }
    if (fs_parse_integer("--group", fs_option_value(options, &option_group), 1, 1e6, &size, err) != 0) {
        return -1;
    }
    *group = (size_t)size;
    if (*group > session->runner->ranks) {
        return fs_error_set(
            err, FS_EXIT_USAGE,
            "--group %zu: found %zu rank%s, expected at least as many as a group has; start the job with "
            "more, as by mpirun -n %zu",
            *group, session->runner->ranks, session->runner->ranks == 1 ? "" : "s", *group);
    }
    return 0;
}

/* --part, by default all. */
static int read_part(const struct fs_options *options, struct fs_group_request *request, struct fs_error *err)
{
    const char *text = fs_option_value(options, &option_part), *slash = text != NULL ? strchr(text, '/') : NULL;
    double part = 0, parts = 1;
    char first[32] = "";
    if (text != NULL) {
        snprintf(first, sizeof first, "%.*s", slash != NULL ? (int)(slash - text) : 31, text);
        if (slash == NULL || fs_parse_integer("--part", slash + 1, 1, 1e6, &parts, err) != 0 ||
            fs_parse_integer("--part", first, 0, parts - 1, &part, err) != 0) {
            return fs_error_set(err, FS_EXIT_USAGE, "--part: found \"%.60s\", expected such as 0/4, 1/4, 2/4 or 3/4",
                                text);
        }
    }
    request->part = (size_t)part;
    request->parts = (size_t)parts;
    return 0;
}

/* Collective. */
static int run_groups(struct fs_session *session, struct fs_error *err)
{
    struct fs_sweep sweep = {0};
    struct fs_group_request request = {.run = run_cell};
    size_t failed, elsewhere;
    int status = read_group(session, &request.size, err) == 0 ? read_part(session->options, &request, err) : -1;
    if (status == 0) {
        status = fs_session_agree(session, fs_sweep_read(session->options->operand[0], &sweep, err), err);
    }
    if (status == 0) {
        status = fs_sweep_run_groups(session, &sweep, &request, &failed, &elsewhere, err);
    }
    if (status == 0) {
        status = judge_cells(&sweep, failed, elsewhere, err);
    }
    fs_sweep_release(&sweep);
    return status;
}

static int submit(const struct fs_options *options, const struct fs_sweep *sweep, struct fs_error *err)
{
    double limit = 0;
    const char *given = fs_option_value(options, &option_limit);
    struct fs_submission submission = {.scripts = fs_option_value(options, &option_scripts),
                                       .site = fs_option_value(options, &option_site),
                                       .options = fs_option_value(options, &option_sbatch)};
    if (given != NULL && fs_parse_integer("--limit", given, 1, 1e6, &limit, err) != 0) {
        return -1;
    }
    submission.limit = (size_t)limit;
    return fs_sweep_submit(sweep, &submission, err);
}

static int merge(const struct fs_options *options, const struct fs_sweep *sweep, struct fs_error *err)
{
    (void)options;
    size_t missing;
    if (fs_sweep_merge(sweep, &missing, err) != 0) {
        return -1;
    }
    return missing == 0
               ? 0
               : fs_error_set(err, FS_EXIT_DIFFERENT,
                              "sweep: %zu of %zu cells are missing in the archive or not complete; they are named "
                              "above",
                              missing, sweep->cells);
}

/* Reads the sweep of the folder that the operand names, and hands it to `act`. */
static int with_sweep(struct fs_session *session,
                      int (*act)(const struct fs_options *options, const struct fs_sweep *sweep, struct fs_error *err),
                      struct fs_error *err)
{
    struct fs_sweep sweep;
    int status = fs_sweep_read(session->options->operand[0], &sweep, err);
    if (status == 0) {
        status = act(session->options, &sweep, err);
    }
    fs_sweep_release(&sweep);
    return status;
}

static int action_plan(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    const char *folder = options->operand[1];
    size_t cells;
    if (fs_sweep_plan(options->operand[0], folder, !fs_option_given(options, &option_no_check), &cells, err) != 0) {
        return -1;
    }
    fs_say("sweep: %s: %zu cells", folder, cells);
    if (fs_option_given(options, &option_no_estimate)) {
        return 0;
    }
    return fs_sweep_estimate(folder, fs_options_json(options), fs_option_given(options, &fs_option_quiet), err) == 0
               ? fs_finish_output(err)
               : -1;
}

static int action_run(struct fs_session *session, struct fs_error *err)
{
    return fs_option_given(session->options, &option_group) ? run_groups(session, err)
                                                            : with_sweep(session, run_cells, err);
}

static int action_submit(struct fs_session *session, struct fs_error *err)
{
    return with_sweep(session, submit, err);
}

static int action_status(struct fs_session *session, struct fs_error *err)
{
    return with_sweep(session, print_status, err);
}

static int action_merge(struct fs_session *session, struct fs_error *err)
{
    return with_sweep(session, merge, err);
}

static const struct fs_option *const plan_options[] = {&option_no_estimate, &option_no_check, NULL};
static const struct fs_option *const run_options[] = {&option_cells,           &option_launcher,
                                                      &option_group,           &option_part,
                                                      &fs_option_max_seconds,  &fs_option_stop_file,
                                                      &fs_option_log_dir,      &fs_option_connected,
                                                      &fs_option_wait_seconds, NULL};
static const struct fs_option *const submit_options[] = {&option_limit, &option_sbatch, &option_scripts, &option_site,
                                                         NULL};
static const struct fs_option *const command_options[] = {
    &option_no_estimate,    &option_no_check,        &option_cells,
    &option_launcher,       &option_group,           &option_part,
    &fs_option_max_seconds, &fs_option_stop_file,    &fs_option_log_dir,
    &fs_option_connected,   &fs_option_wait_seconds, &option_limit,
    &option_sbatch,         &option_scripts,         &option_site,
    &fs_option_format,      &fs_option_quiet,        NULL};

static const struct fs_action actions[] = {
    {.name = "plan",
     .operands = "SWEEP.json DIR",
     .least = 2,
     .most = 2,
     .description = "one job file a cell, and a manifest with an estimate of each, in DIR; before that, whether each "
                    "model's config.json, the trained layer and each data file are good.",
     .options = plan_options,
     .run = action_plan},
    {.name = "run",
     .operands = "DIR",
     .least = 1,
     .most = 1,
     .description = "runs the cells that are not complete on this machine, or, with --group, in this MPI job.",
     .options = run_options,
     .run = action_run},
    {.name = "submit",
     .operands = "DIR",
     .least = 1,
     .most = 1,
     .description = "submits them to Slurm, an array a stage and a merge after them; what is already in the queue is "
                    "left alone. The scripts, DIR/slurm, need no environment.",
     .options = submit_options,
     .run = action_submit},
    {.name = "status",
     .operands = "DIR",
     .least = 1,
     .most = 1,
     .description = "which cells their files prove complete, and what Slurm says of the rest.",
     .run = action_status},
    {.name = "resume",
     .operands = "DIR",
     .least = 1,
     .most = 1,
     .description = "the same as submit, for what is complete is never submitted.",
     .options = submit_options,
     .run = action_submit},
    {.name = "merge",
     .operands = "DIR",
     .least = 1,
     .most = 1,
     .description = "DIR/archive.h5; ends with 1 and names the cells where some are missing.",
     .run = action_merge},
    {0}};

const struct fs_command fs_command_sweep = {
    .name = "sweep",
    .operands = "SWEEP.json|DIR",
    .summary = "many jobs: models x categories x settings",
    .description = "The sweep file: jobs/README.md.",
    .options = command_options,
    .on_ranks = &option_group,
    .actions = actions,
};
