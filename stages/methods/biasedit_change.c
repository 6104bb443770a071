#include <stdlib.h>
#include <string.h>

#include "model/output_view.h"
#include "stages/methods/biasedit_run.h"

/* ---- blocks of rows ---- */

static size_t blocks_of(const struct fs_biasedit_run *run)
{
    return run->now->rows == 0 ? 0 : (run->now->rows - 1) / run->block + 1;
}

/* Of unit `number`: layers, each with its blocks. */
struct block {
    size_t layer, first, rows;
};
static struct block block_of(const struct fs_biasedit_run *run, size_t number)
{
    size_t blocks = blocks_of(run), first = number % blocks * run->block, left = run->now->rows - first;
    return (struct block){number / blocks, first, left < run->block ? left : run->block};
}

static struct fs_editor_run editor_run(const struct fs_biasedit_run *run, const struct block *block, fs_real *scratch)
{
    return (struct fs_editor_run){.editor = &run->editor,
                                  .backend = fs_model_backend(run->task->model),
                                  .number = run->number,
                                  .layer = block->layer,
                                  .rows = block->rows,
                                  .row = run->now->row +
                                         (block->layer * run->now->rows + block->first) * fs_biasedit_width(run),
                                  .scratch = scratch};
}

static size_t values_bytes(const void *context, size_t number)
{
    const struct fs_biasedit_run *run = context;
    return block_of(run, number).rows * run->editor.hidden * sizeof(fs_real);
}

static int values_unit(void *context, size_t thread, size_t number, void *result, struct fs_error *err)
{
    struct fs_biasedit_run *run = context;
    const struct block block = block_of(run, number);
    struct fs_biasedit_bench *bench = fs_biasedit_bench_of(run, thread, err);
    if (bench == NULL) {
        return -1;
    }
    const struct fs_editor_run own = editor_run(run, &block, bench->scratch);
    fs_editor_forward(&own, result);
    return 0;
}

/* Products of both blocks. */
static double block_flops(const struct fs_biasedit_run *run, size_t number)
{
    return 4.0 * FS_EDITOR_BLOCKS * (double)block_of(run, number).rows * (double)fs_biasedit_width(run) *
           (double)run->editor.rank;
}

static void values_cost(const void *context, size_t number, struct fs_cost *cost)
{
    *cost = (struct fs_cost){.flops = block_flops(context, number)};
}

static void gradient_cost(const void *context, size_t number, struct fs_cost *cost)
{
    *cost = (struct fs_cost){.flops = 3 * block_flops(context, number)};
}

int fs_biasedit_values(struct fs_biasedit_run *run, struct fs_error *err)
{
    size_t count = run->editor.layers * run->now->rows * run->editor.hidden;
    const struct fs_work work = {.name = "biasedit: editor",
                                 .units = run->editor.layers * blocks_of(run),
                                 .context = run,
                                 .result_bytes = values_bytes,
                                 .run = values_unit,
                                 .cost = values_cost};
    bool root = fs_runner_is_root(run->task->runner);
    return fs_runner_map(run->task->runner, &work, NULL, root ? (unsigned char *)run->value : NULL, err) == 0
               ? fs_runner_broadcast(run->task->runner, run->value, count * sizeof *run->value, err)
               : -1;
}

/* ---- equations: a layer a unit ---- */

static double ridge_of(const struct fs_biasedit_run *run, size_t layer)
{
    return (double)run->number[fs_editor_layout_of(&run->editor).ridge + layer];
}

/* The factor of a layer, where this rank has made none for the change that is at work. */
static int need_system(struct fs_biasedit_run *run, size_t layer, struct fs_error *err)
{
    struct fs_editor_system *system = &run->system[layer];
    size_t rows = run->now->rows;
    const fs_real *row = run->now->row + layer * rows * fs_biasedit_width(run);
    const fs_real *value = run->value + layer * rows * run->editor.hidden;
    if (run->system_of[layer] == run->serial) {
        return 0;
    }
    fs_editor_system_release(system);
    if (fs_editor_system_create(&run->editor, system, err) != 0 || fs_editor_add(system, rows, row, value, err) != 0 ||
        fs_editor_factorise(system, ridge_of(run, layer), err) != 0) {
        return -1;
    }
    run->system_of[layer] = run->serial;
    return 0;
}

static size_t solve_bytes(const void *context, size_t layer)
{
    const struct fs_biasedit_run *run = context;
    (void)layer;
    return run->editor.ffn * run->editor.hidden * sizeof(fs_real);
}

static int solve_unit(void *context, size_t thread, size_t layer, void *result, struct fs_error *err)
{
    struct fs_biasedit_run *run = context;
    (void)thread;
    if (need_system(run, layer, err) != 0) {
        return fs_error_prepend(err, "layer %zu", run->state->edit.first_layer + layer);
    }
    fs_editor_solve(&run->system[layer], result);
    return 0;
}

static void solve_cost(const void *context, size_t layer, struct fs_cost *cost)
{
    const struct fs_biasedit_run *run = context;
    double F = (double)run->editor.ffn, d = (double)run->editor.hidden, T = (double)run->now->rows;
    (void)layer;
    *cost = (struct fs_cost){.flops = T * F * F + F * F * F / 3 + 2 * T * F * d + 2 * F * F * d};
}

int fs_biasedit_solve(struct fs_biasedit_run *run, struct fs_error *err)
{
    struct fs_edit *edit = &run->state->edit;
    const struct fs_work work = {.name = "biasedit: solve",
                                 .units = run->editor.layers,
                                 .context = run,
                                 .result_bytes = solve_bytes,
                                 .run = solve_unit,
                                 .cost = solve_cost};
    bool root = fs_runner_is_root(run->task->runner);
    run->serial++;
    if (fs_runner_map(run->task->runner, &work, NULL, root ? (unsigned char *)edit->number : NULL, err) != 0) {
        return -1;
    }
    size_t one = run->editor.ffn * run->editor.hidden;
    if (fs_runner_broadcast(run->task->runner, edit->number, run->editor.layers * one * sizeof *edit->number, err) !=
        0) {
        return -1;
    }
    fs_output_view_set(run->view, edit->first_layer + 1, run->editor.layers - 1, edit->number + one);
    return 0;
}

/* ---- back to the editor ---- */

static size_t back_bytes(const void *context, size_t layer)
{
    const struct fs_biasedit_run *run = context;
    (void)layer;
    return run->now->rows * run->editor.hidden * sizeof(fs_real) + sizeof(double);
}

/* dL/dD of the layer's rows, and dL/dlambda behind. */
static int back_unit(void *context, size_t thread, size_t layer, void *result, struct fs_error *err)
{
    struct fs_biasedit_run *run = context;
    const struct fs_editor *editor = &run->editor;
    size_t one = editor->ffn * editor->hidden, rows = run->now->rows;
    double dridge;
    (void)thread;
    const struct fs_editor_change change = {ridge_of(run, layer), run->state->edit.number + layer * one,
                                            run->total + layer * one};
    fs_real *dvalue = fs_allocate_aligned(rows * editor->hidden, sizeof *dvalue, "gradients of values", err);
    int status = dvalue != NULL ? need_system(run, layer, err) : -1;
    if (status == 0) {
        status = fs_editor_solve_backward(&run->system[layer], &change, rows,
                                          run->now->row + layer * rows * fs_biasedit_width(run), dvalue, &dridge, err);
    }
    if (status == 0) {
        memcpy(result, dvalue, rows * editor->hidden * sizeof *dvalue);
        memcpy((char *)result + rows * editor->hidden * sizeof *dvalue, &dridge, sizeof dridge);
    }
    free(dvalue);
    return status;
}

/* run->value = dL/dD, and lambda's part of run->gradient. */
static int back(struct fs_biasedit_run *run, struct fs_error *err)
{
    size_t layers = run->editor.layers, bytes = back_bytes(run, 0), numbers = run->now->rows * run->editor.hidden;
    unsigned char *results = fs_allocate(layers, bytes, "gradients of values", err);
    const struct fs_work work = {.name = "biasedit: back",
                                 .units = layers,
                                 .context = run,
                                 .result_bytes = back_bytes,
                                 .run = back_unit,
                                 .cost = solve_cost};
    bool root = fs_runner_is_root(run->task->runner);
    int status = fs_runner_agree(run->task->runner, results != NULL ? 0 : -1, err);
    if (status == 0) {
        status = fs_runner_map(run->task->runner, &work, NULL, root ? results : NULL, err) == 0
                     ? fs_runner_broadcast(run->task->runner, results, layers * bytes, err)
                     : -1;
    }
    for (size_t m = 0; status == 0 && m < layers; m++) {
        double dridge;
        memcpy(run->value + m * numbers, results + m * bytes, numbers * sizeof(fs_real));
        memcpy(&dridge, results + (m + 1) * bytes - sizeof dridge, sizeof dridge);
        run->gradient[fs_editor_layout_of(&run->editor).ridge + m] = (fs_real)dridge;
    }
    free(results);
    return status;
}

static int gradient_unit(void *context, size_t thread, size_t number, void *result, struct fs_error *err)
{
    struct fs_biasedit_run *run = context;
    const struct block block = block_of(run, number);
    struct fs_biasedit_bench *bench = fs_biasedit_bench_of(run, thread, err);
    if (bench == NULL) {
        return -1;
    }
    const struct fs_editor_run own = editor_run(run, &block, bench->scratch);
    memset(result, 0, run->state->parameters * sizeof(fs_real));
    fs_editor_backward(&own, run->value + (block.layer * run->now->rows + block.first) * run->editor.hidden, result);
    return 0;
}

static int keep_nothing(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    (void)context, (void)thread, (void)unit, (void)result, (void)err;
    return 0;
}

int fs_biasedit_gradient(struct fs_biasedit_run *run, struct fs_error *err)
{
    size_t units = run->editor.layers * blocks_of(run), ridge = fs_editor_layout_of(&run->editor).ridge;
    struct fs_biasedit_group *group = run->now;
    const struct fs_work work = {
        .name = "biasedit: gradient", .units = units, .context = run, .run = gradient_unit, .cost = gradient_cost};
    if (back(run, err) != 0) {
        return -1;
    }
    if (group->block_mine == NULL) {
        const struct fs_work claim = {.name = "biasedit: blocks", .units = units, .context = run, .run = keep_nothing};
        group->block_mine = fs_allocate(units, 1, "blocks of rows", err);
        if (fs_runner_agree(run->task->runner, group->block_mine != NULL ? 0 : -1, err) != 0 ||
            fs_runner_claim(run->task->runner, &claim, &work, group->block_mine, err) != 0) {
            return -1;
        }
    }
    fs_real *dridge = fs_allocate(run->editor.layers, sizeof *dridge, "gradients of lambda", err);
    if (fs_runner_agree(run->task->runner, dridge != NULL ? 0 : -1, err) != 0) {
        return -1;
    }
    memcpy(dridge, run->gradient + ridge, run->editor.layers * sizeof *dridge);
    int status = fs_runner_sum(run->task->runner, &work, group->block_mine, run->state->parameters, run->gradient, err);
    memcpy(run->gradient + ridge, dridge, run->editor.layers * sizeof *dridge);
    free(dridge);
    return status;
}
