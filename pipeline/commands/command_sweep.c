/* sweep: plan, run, submit, status, resume, merge. No ranks of its own. */
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
#include "pipeline/sweeps/sweep_estimate.h"
#include "pipeline/sweeps/sweep_run.h"
#include "results/report.h"
#include "results/sweep_status.h"
#include "results/table.h"
#include "slurm/slurm_queue.h"
#include "slurm/slurm_submit.h"

static const char *const state_words[] = {[FS_CELL_MISSING] = "-",
                                          [FS_CELL_PART] = "part",
                                          [FS_CELL_DAMAGED] = "damaged",
                                          [FS_CELL_DONE] = "done",
                                          [FS_CELL_UNASKED] = "not asked"};

/* What a stage's file says, or, where there is none that can be used, what Slurm says of its job. */
static const char *word_of(enum fs_cell_state state, const char *slurm)
{
    bool open = state == FS_CELL_MISSING || state == FS_CELL_PART;
    return open && slurm[0] != '\0' && strcmp(slurm, "COMPLETED") != 0 ? slurm : state_words[state];
}

static int print_status(const struct fs_options *options, const struct fs_sweep *sweep, struct fs_error *err)
{
    static const char *const names[] = {"<cell", "<trace", "<stamp", "<evaluate", "<layers", "<"};
    char(*slurm)[FS_SLURM_STATE] = NULL;
    struct fs_table *table = NULL;
    cJSON *json = fs_options_json(options) ? cJSON_CreateArray() : NULL;
    size_t complete = 0;
    int status = fs_sweep_slurm_states(sweep, &slurm, err);
    status = status == 0 ? fs_table_create(sizeof names / sizeof names[0], names, &table, err) : -1;
    for (size_t i = 0; status == 0 && i < sweep->cells; i++) {
        struct fs_cell_progress progress;
        status = fs_sweep_look(&sweep->cell[i], &progress, err);
        if (status != 0) {
            break;
        }
        complete += progress.complete;
        cJSON *cell = json != NULL ? cJSON_CreateObject() : NULL;
        fs_table_cell(table, "%s", sweep->cell[i].id);
        cJSON_AddStringToObject(cell, "cell", sweep->cell[i].id);
        for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
            const char *word = word_of(progress.stage[stage], slurm[i * FS_STAGE_COUNT + (size_t)stage]);
            fs_table_cell(table, "%s", word);
            cJSON_AddStringToObject(cell, fs_stage_names[stage], word);
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
    return status == 0 ? fs_finish_output(err) : -1;
}

static int run(const struct fs_options *options, const struct fs_sweep *sweep, struct fs_error *err)
{
    double at_once = 1;
    const char *given = options->value[FS_OPTION_CELLS];
    size_t failed = 0, elsewhere = 0;
    if (fs_parse_integer("--cells", given, 1, 1024, &at_once, err) != 0 ||
        fs_sweep_run(sweep, (size_t)at_once, options->value[FS_OPTION_LAUNCHER], &failed, &elsewhere, err) != 0) {
        return -1;
    }
    if (failed > 0) {
        return fs_error_set(err, FS_EXIT_DIFFERENT, "sweep: %zu cells did not end well; see fairstamp sweep status %s",
                            failed, sweep->folder);
    }
    if (elsewhere > 0) {
        return fs_error_set(err, FS_EXIT_DIFFERENT, "sweep: %zu cells are left to another sweep run, named above",
                            elsewhere);
    }
    return 0;
}

static int submit(const struct fs_options *options, const struct fs_sweep *sweep, struct fs_error *err)
{
    double limit = 0;
    const struct fs_submission given = {.scripts = options->value[FS_OPTION_SCRIPTS],
                                        .options = options->value[FS_OPTION_SBATCH]};
    struct fs_submission submission = given;
    if (options->value[FS_OPTION_LIMIT] != NULL &&
        fs_parse_integer("--limit", options->value[FS_OPTION_LIMIT], 1, 1e6, &limit, err) != 0) {
        return -1;
    }
    submission.limit = (size_t)limit;
    return fs_sweep_submit(sweep, &submission, err);
}

static int merge(const struct fs_sweep *sweep, struct fs_error *err)
{
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

static int plan(const struct fs_options *options, struct fs_error *err)
{
    size_t cells;
    if (options->operands != 3) {
        return fs_error_set(err, FS_EXIT_USAGE, "sweep plan: found %zu operands, expected SWEEP.json DIR",
                            options->operands - 1);
    }
    if (fs_sweep_plan(options->operand[1], options->operand[2], &cells, err) != 0) {
        return -1;
    }
    fs_say("sweep: %s: %zu cells", options->operand[2], cells);
    if (options->value[FS_OPTION_NO_ESTIMATE] != NULL) {
        return 0;
    }
    return fs_sweep_estimate(options->operand[2], fs_options_json(options), err) == 0 ? fs_finish_output(err) : -1;
}

enum { PLAN, RUN, SUBMIT, STATUS, RESUME, MERGE };
static const char *const actions[] = {"plan", "run", "submit", "status", "resume", "merge", NULL};

/* An option of another action would do nothing, silently. */
static int check_options(const struct fs_options *options, size_t action, struct fs_error *err)
{
    static const struct {
        enum fs_option_id option;
        unsigned actions;
        const char *of;
    } of_actions[] = {{FS_OPTION_NO_ESTIMATE, 1u << PLAN, "plan"},
                      {FS_OPTION_LAUNCHER, 1u << RUN, "run"},
                      {FS_OPTION_LIMIT, 1u << SUBMIT | 1u << RESUME, "submit and resume"},
                      {FS_OPTION_SBATCH, 1u << SUBMIT | 1u << RESUME, "submit and resume"},
                      {FS_OPTION_SCRIPTS, 1u << SUBMIT | 1u << RESUME, "submit and resume"}};
    for (size_t i = 0; i < sizeof of_actions / sizeof of_actions[0]; i++) {
        if (options->value[of_actions[i].option] != NULL && (of_actions[i].actions & 1u << action) == 0) {
            return fs_error_set(err, FS_EXIT_USAGE, "sweep %s: %s is an option of %s", actions[action],
                                fs_options_table[of_actions[i].option].name, of_actions[i].of);
        }
    }
    return 0;
}

int fs_command_sweep(const struct fs_options *options, struct fs_error *err)
{
    const char *action = options->operand[0];
    size_t which = 0;
    while (actions[which] != NULL && strcmp(actions[which], action) != 0) {
        which++;
    }
    if (actions[which] == NULL) {
        return fs_error_set(
            err, FS_EXIT_USAGE,
            "sweep: found \"%.60s\"; did you mean \"%s\"? There are plan, run, submit, status, resume, merge", action,
            fs_nearest_name(action, actions));
    }
    if (check_options(options, which, err) != 0) {
        return -1;
    }
    if (which == PLAN) {
        return plan(options, err);
    }
    if (options->operands != 2) {
        return fs_error_set(err, FS_EXIT_USAGE, "sweep %s: found %zu operands, expected the sweep's folder", action,
                            options->operands - 1);
    }
    struct fs_sweep sweep;
    int status = fs_sweep_read(options->operand[1], &sweep, err);
    if (status == 0) {
        switch (which) {
        case RUN:
            status = run(options, &sweep, err);
            break;
        case STATUS:
            status = print_status(options, &sweep, err);
            break;
        case MERGE:
            status = merge(&sweep, err);
            break;
        default: /* what is complete is never submitted: to resume is to submit again */
            status = submit(options, &sweep, err);
        }
    }
    fs_sweep_release(&sweep);
    return status;
}
