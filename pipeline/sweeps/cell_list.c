#include "pipeline/sweeps/cell_list.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/console/progress.h"
#include "pipeline/sweeps/cell_log.h"

#define PATIENCE_SECONDS 5

int fs_cell_list_create(const struct fs_sweep *sweep, size_t models, struct fs_cell_list *list, struct fs_error *err)
{
    static const char purpose[] = "the cells of a sweep";
    size_t cells = sweep->cells;
    *list = (struct fs_cell_list){.sweep = sweep, .models = models};
    list->log = fs_allocate(cells, sizeof *list->log, purpose, err);
    for (size_t i = 0; list->log != NULL && i < cells; i++) {
        list->log[i] = -1;
    }
    list->turn = fs_allocate(cells, sizeof *list->turn, purpose, err);
    list->runs = fs_allocate(cells, sizeof *list->runs, purpose, err);
    list->refused = fs_allocate(cells, sizeof *list->refused, purpose, err);
    list->model = fs_allocate(cells, sizeof *list->model, purpose, err);
    list->uses = fs_allocate(cells, models, purpose, err);
    bool all = list->log != NULL && list->turn != NULL && list->runs != NULL && list->refused != NULL &&
               list->model != NULL && list->uses != NULL;
    return all ? 0 : -1;
}

void fs_cell_list_release(struct fs_cell_list *list)
{
    for (size_t i = 0; list->log != NULL && i < list->sweep->cells; i++) {
        if (list->log[i] >= 0) {
            close(list->log[i]);
        }
    }
    free(list->turn);
    free(list->runs);
    free(list->log);
    free(list->refused);
    free(list->model);
    free(list->uses);
    *list = (struct fs_cell_list){0};
}

static void leave(struct fs_cell_list *list, size_t cell)
{
    fs_announce("sweep: cell %s is under way in another sweep run", list->sweep->cell[cell].id);
    list->turn[cell] = FS_TURN_OVER;
    list->elsewhere++;
}

static void fail(struct fs_cell_list *list, size_t cell, const struct fs_error *err)
{
    fs_announce("sweep: cell %s: %s", list->sweep->cell[cell].id, err->text);
    list->turn[cell] = FS_TURN_OVER;
    list->failed++;
}

/* Whether the cell is ours now. */
static bool take(struct fs_cell_list *list, size_t group, size_t cell)
{
    struct fs_error err = FS_ERROR_INIT;
    int log = fs_cell_log_open(list->sweep, list->sweep->cell[cell].id, &err);
    if (log < 0) {
        fail(list, cell, &err);
        return false;
    }
    if (!fs_cell_log_lock(log)) {
        double now = fs_seconds();
        close(log);
        list->refused[cell] = list->refused[cell] > 0 ? list->refused[cell] : now;
        if (now - list->refused[cell] >= PATIENCE_SECONDS) {
            leave(list, cell);
        }
        return false;
    }
    list->log[cell] = log;
    list->turn[cell] = FS_TURN_UNDER_WAY;
    list->runs[cell] = true;
    fs_announce("sweep: cell %s begins in group %zu", list->sweep->cell[cell].id, group + 1);
    return true;
}

size_t fs_cell_list_begin(struct fs_cell_list *list, size_t group, size_t model)
{
    bool left = false;
    for (int any_model = 0; any_model < 2; any_model++) {
        for (size_t i = 0; i < list->sweep->cells; i++) {
            if (list->turn[i] != FS_TURN_BEFORE || (list->model[i] != model && any_model == 0)) {
                continue;
            }
            if (!fs_cell_waits(list->sweep, list->runs, i) && take(list, group, i)) {
                return i;
            }
            left = left || list->turn[i] == FS_TURN_BEFORE;
        }
    }
    return left ? FS_CELL_NONE_NOW : FS_CELL_NONE;
}

void fs_cell_list_end(struct fs_cell_list *list, size_t cell, int code)
{
    const char *id = list->sweep->cell[cell].id;
    if (code == 0) {
        fs_announce("sweep: cell %s is done", id);
    } else {
        fs_announce("sweep: cell %s ended with exit code %d; see %s/logs/%s.log", id, code, list->sweep->folder, id);
        list->failed++;
    }
    close(list->log[cell]);
    list->log[cell] = -1;
    list->turn[cell] = FS_TURN_OVER;
    list->runs[cell] = false;
}

void fs_cell_list_stop(struct fs_cell_list *list)
{
    for (size_t i = 0; i < list->sweep->cells; i++) {
        list->turn[i] = list->turn[i] == FS_TURN_BEFORE ? FS_TURN_OVER : list->turn[i];
    }
}

void fs_cell_list_needed(const struct fs_cell_list *list, unsigned char *needed)
{
    memset(needed, 0, list->models);
    for (size_t i = 0; i < list->sweep->cells; i++) {
        for (size_t m = 0; list->turn[i] == FS_TURN_BEFORE && m < list->models; m++) {
            needed[m] |= list->uses[i * list->models + m];
        }
    }
}
