#include "pipeline/sweeps/sweep_groups.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/console/log.h"
#include "io/console/progress.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/stop.h"
#include "pipeline/ranks/watch.h"
#include "pipeline/run/provenance.h"
#include "pipeline/sweeps/cell_log.h"
#include "pipeline/sweeps/hand_out.h"
#include "pipeline/sweeps/sweep_models.h"
#include "results/sweep_status.h"

enum { COMPLETE = 1, CHANGED = 2 };

/* Where the words of a cell go while it runs. */
struct output {
    FILE *log;  /* NULL: as before */
    int stdout; /* what it was */
};

/* One rank of a group. */
struct group {
    const struct fs_sweep *sweep;
    struct fs_session *world;
    struct fs_session session; /* of the group */
    struct fs_hand_out hand_out;
    struct fs_sweep_models models;
    struct fs_cell_list list; /* the root's */
    size_t number, groups;
    int *first;            /* [groups] */
    unsigned char *needed; /* [models] */
    fs_cell_function *run;
};

/* Which cells are complete, each looked at by one rank: every byte of their files is hashed. */
static int look(struct fs_session *world, const struct fs_sweep *sweep, unsigned char *state, struct fs_error *err)
{
    MPI_Request request;
    int status = 0;
    for (size_t i = world->runner->rank; status == 0 && i < sweep->cells; i += world->runner->ranks) {
        struct fs_cell_progress progress;
        status = fs_sweep_look(&sweep->cell[i], &progress, err);
        state[i] = (unsigned char)((progress.complete ? COMPLETE : 0) | (progress.changed ? CHANGED : 0));
    }
    if (fs_session_agree(world, status, err) != 0) {
        return -1;
    }
    MPI_Iallreduce(MPI_IN_PLACE, state, (int)sweep->cells, MPI_BYTE, MPI_BOR, world->communicator, &request);
    fs_mpi_wait(&request, "MPI_Iallreduce");
    size_t before = 0;
    for (size_t i = 0; i < sweep->cells; i++) {
        const struct fs_cell_progress progress = {.changed = (state[i] & CHANGED) != 0};
        fs_sweep_warn_changed(&sweep->cell[i], &progress);
        state[i] &= COMPLETE;
        before += state[i];
    }
    if (before > 0) {
        fs_say("sweep: %zu of %zu cells were complete before", before, sweep->cells);
    }
    return 0;
}

/* The group of this rank: consecutive ranks, whose numbers differ by one at most. */
static int place(struct group *group, size_t size, struct fs_error *err)
{
    size_t rank = group->world->runner->rank, ranks = group->world->runner->ranks;
    group->groups = ranks / size;
    group->first = fs_allocate(group->groups, sizeof *group->first, "the groups of a sweep", err);
    for (size_t i = 0; group->first != NULL && i < group->groups; i++) {
        group->first[i] = (int)(i * ranks / group->groups);
        group->number = (size_t)group->first[i] <= rank ? i : group->number;
    }
    return group->first != NULL ? 0 : -1;
}

/* The group's session, and what its first rank asks by. Collective over all ranks. */
static int begin(struct group *group, struct fs_error *err)
{
    struct fs_session *world = group->world;
    MPI_Comm own = fs_mpi_split(world->communicator, (int)group->number);
    group->session = (struct fs_session){
        .options = world->options, .command_line = world->command_line, .shared = &group->models.shared};
    int status = fs_session_begin(&group->session, own, world->runner->threads, err);
    fs_mpi_free(&own);
    group->needed = fs_allocate(group->models.shared.count, 1, "the models of a sweep", err);
    status = status == 0 && group->needed != NULL ? 0 : -1;
    if (status == 0 && fs_session_is_root(&group->session)) {
        group->hand_out = (struct fs_hand_out){.world = world->communicator,
                                               .group = group->number,
                                               .groups = group->groups,
                                               .models = group->models.shared.count,
                                               .first = group->first,
                                               .list = fs_session_is_root(world) ? &group->list : NULL};
        status = fs_hand_out_begin(&group->hand_out, err);
    }
    if (fs_session_agree(world, status, err) != 0) {
        return -1;
    }
    fs_watch_order((int)group->session.runner->rank);
    return 0;
}

/* The first rank: words and stdout to the log of the cell. */
static int open_output(const struct group *group, const char *id, struct output *output, struct fs_error *err)
{
    int file = fs_cell_log_open(group->sweep, id, err);
    *output = (struct output){.stdout = -1};
    if (file < 0) {
        return -1;
    }
    output->log = fdopen(file, "a");
    fflush(stdout);
    output->stdout = output->log != NULL ? dup(STDOUT_FILENO) : -1;
    if (output->stdout < 0 || dup2(file, STDOUT_FILENO) < 0) {
        fs_error_set(err, FS_EXIT_OS, "the log of cell %s cannot be opened: %s", id, strerror(errno));
        if (output->log == NULL) {
            close(file);
        }
        return -1;
    }
    setvbuf(output->log, NULL, _IOLBF, BUFSIZ);
    fs_progress_to(output->log);
    return 0;
}

static void close_output(struct output *output)
{
    fs_progress_to(NULL);
    if (output->stdout >= 0) {
        fflush(stdout);
        dup2(output->stdout, STDOUT_FILENO);
        close(output->stdout);
    }
    if (output->log != NULL) {
        fclose(output->log);
    }
}

static void tell_failure(struct fs_error *err)
{
    char libraries[FS_LIBRARIES_SIZE];
    fflush(stdout);
    fs_warn("%s", err->text);
    if (err->code != FS_EXIT_INTERRUPTED) {
        fs_libraries_text(libraries);
        fs_mpi_place_error(err, MPI_COMM_WORLD);
        fs_warn("(%s; %s)", err->where, libraries);
    }
}

/* Its exit code. Collective over the group. */
static int run_cell(struct group *group, const struct fs_sweep_cell *cell)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_session *session = &group->session;
    bool root = fs_session_is_root(session);
    struct output output = {.stdout = -1};
    fs_log("cell %s", cell->id);
    fs_time_text(session->start);
    int status = fs_session_agree(session, root ? open_output(group, cell->id, &output, &err) : 0, &err);
    if (status == 0) {
        fs_session_tell(session);
        status = group->run(session, cell->job, &err);
    }
    if (status != 0 && root) {
        tell_failure(&err);
    }
    if (root) {
        close_output(&output);
    }
    fs_stop_forget();
    return status == 0 ? 0 : err.code;
}

/* The cells of this group. */
static void work(struct group *group)
{
    struct fs_session *session = &group->session;
    size_t cell = FS_CELL_NONE, model = SIZE_MAX;
    int code = 0;
    for (;;) {
        if (fs_session_is_root(session)) {
            cell = fs_hand_out_next(&group->hand_out, cell, code, model, group->needed);
        }
        fs_mpi_broadcast(&cell, sizeof cell, 0, session->communicator);
        fs_mpi_broadcast(group->needed, group->models.shared.count, 0, session->communicator);
        if (group->models.shared.store != NULL) {
            fs_node_store_trim(group->models.shared.store, group->needed);
        }
        if (cell == FS_CELL_NONE) {
            return;
        }
        code = run_cell(group, &group->sweep->cell[cell]);
        for (model = 0; session->folder != NULL && model < group->models.shared.count; model++) {
            if (strcmp(group->models.folder[model], session->folder) == 0) {
                break;
            }
        }
    }
}

/* What the root knows, to all. */
static int conclude(struct group *group, size_t *failed, size_t *elsewhere, struct fs_error *err)
{
    size_t counts[3] = {group->list.failed, group->list.elsewhere, group->hand_out.stopped};
    fs_mpi_broadcast(counts, sizeof counts, 0, group->world->communicator);
    *failed = counts[0];
    *elsewhere = counts[1];
    return counts[2] == 0
               ? 0
               : fs_error_set(err, FS_EXIT_INTERRUPTED, "sweep: asked to stop; run the same command again to go on");
}

static int run_groups(struct group *group, size_t *failed, size_t *elsewhere, struct fs_error *err)
{
    struct fs_session *world = group->world;
    int status = begin(group, err);
    if (status == 0) {
        fs_say("sweep: %zu ranks in %zu group%s", world->runner->ranks, group->groups, group->groups == 1 ? "" : "s");
        work(group);
    }
    fs_session_end(&group->session);
    fs_watch_order((int)world->runner->rank);
    fs_mpi_barrier(world->communicator); /* the root hands out until all groups have ended */
    fs_hand_out_end(&group->hand_out);
    return status == 0 ? conclude(group, failed, elsewhere, err) : -1;
}

int fs_sweep_run_groups(struct fs_session *world, const struct fs_sweep *sweep, const struct fs_group_request *request,
                        size_t *failed, size_t *elsewhere, struct fs_error *err)
{
    struct group group = {.sweep = sweep, .world = world, .run = request->run};
    *failed = *elsewhere = 0;
    unsigned char *complete = fs_allocate(sweep->cells, 1, "the cells of a sweep", err);
    int status = complete != NULL ? place(&group, request->size, err) : -1;
    status = fs_session_agree(world, status, err) == 0 ? look(world, sweep, complete, err) : -1;
    for (size_t i = 0; status == 0 && i < sweep->cells; i++) { /* other parts count as complete */
        complete[i] |= i < request->part * sweep->cells / request->parts ||
                       i >= (request->part + 1) * sweep->cells / request->parts;
    }
    if (status == 0) {
        status = fs_sweep_models_open(world, sweep, complete, &group.models, &group.list, err);
    }
    if (status == 0) {
        status = run_groups(&group, failed, elsewhere, err);
    }
    fs_sweep_models_close(&group.models);
    fs_cell_list_release(&group.list);
    free(group.needed);
    free(group.first);
    free(complete);
    return status;
}
