#include "stages/methods/biasedit_run.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"

#define MIB ((double)(1 << 20))

/* ---- the edit that makes the change at the first layer, and sees keys and gradients at all changed ones ---- */

struct watch {
    struct fs_edit edit;          /* first */
    const struct fs_edit *change; /* NULL: the unedited model */
    size_t layers, rows;
    fs_real *row; /* (layers,rows,n) receives what is seen; NULL: gradients of the change are wanted */
};

static int fits(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err)
{
    return edit->first_layer < spec->layers ? 0 : fs_error_set(err, FS_EXIT_SOFTWARE, "a watch at no layer");
}

static void add_change(const struct fs_edit *edit, const struct fs_edit_run *run, fs_real *h)
{
    const struct watch *watch = (const struct watch *)edit;
    if (watch->change != NULL) {
        fs_edit_weight.ffn_output(watch->change, run, h);
    }
}

static void see(const struct fs_edit *edit, const struct fs_edit_run *run, const fs_real *dy, fs_real *dinner,
                fs_real *gradient, fs_real *dx)
{
    const struct watch *watch = (const struct watch *)edit;
    size_t number = run->layer - edit->first_layer, F = edit->size[0], d = edit->size[1], n = F + d;
    if (number >= watch->layers) {
        return;
    }
    if (watch->row == NULL) {
        fs_edit_weight.ffn_output_backward(watch->change, run, dy, dinner, gradient, dx);
        return;
    }
    for (size_t t = 0; t < run->tokens; t++) {
        fs_real *row = watch->row + (number * watch->rows + t) * n;
        memcpy(row, run->key + t * F, F * sizeof *row);
        memcpy(row + F, dy + t * d, d * sizeof *row);
    }
}

static const struct fs_edit_kind watch_kind = {.name = "watch",
                                               .reads_keys = true,
                                               .sees_upper_layers = true,
                                               .check = fits,
                                               .ffn_output = add_change,
                                               .ffn_output_backward = see};

static struct watch watch_of(const struct fs_biasedit_run *run, const struct fs_edit *change)
{
    return (struct watch){.edit = {.kind = &watch_kind,
                                   .first_layer = run->state->edit.first_layer,
                                   .size = {run->editor.ffn, run->editor.hidden}},
                          .change = change,
                          .layers = run->editor.layers};
}

/* ---- texts ---- */

struct fs_biasedit_bench *fs_biasedit_bench_of(struct fs_biasedit_run *run, size_t thread, struct fs_error *err)
{
    struct fs_biasedit_bench *bench = &run->bench[thread];
    size_t row_bytes = run->spec->hidden * sizeof(fs_real), logit_bytes = run->spec->vocabulary * sizeof(fs_real);
    if (bench->tape != NULL) {
        return bench;
    }
    bench->h = fs_allocate_aligned(run->most_tokens, row_bytes, "hidden states", err);
    bench->dh = fs_allocate_aligned(run->most_tokens, row_bytes, "gradients of hidden states", err);
    bench->logprob = fs_allocate_aligned(run->most_rows, logit_bytes, "logits", err);
    bench->scratch = fs_allocate_aligned(fs_editor_scratch(&run->editor, run->block), sizeof(fs_real),
                                         "the editor's rows; lower biasedit.rank", err);
    return bench->h != NULL && bench->dh != NULL && bench->logprob != NULL && bench->scratch != NULL &&
                   fs_workspace_create(run->task->model, &bench->workspace, err) == 0 &&
                   fs_tape_create(run->task->model, &bench->tape, err) == 0
               ? bench
               : NULL;
}

void fs_biasedit_release_benches(struct fs_biasedit_run *run)
{
    for (size_t i = 0; run->bench != NULL && i < run->task->runner->threads; i++) {
        struct fs_biasedit_bench *bench = &run->bench[i];
        fs_workspace_destroy(bench->workspace);
        fs_tape_destroy(bench->tape);
        free(bench->h);
        free(bench->dh);
        free(bench->logprob);
        free(bench->scratch);
    }
    free(run->bench);
}

static size_t cache_bytes(const struct fs_biasedit_run *run, const struct fs_biasedit_unit *unit)
{
    return sizeof(fs_real) * (1 + fs_base_matrices(run->spec)) * unit->tokens * run->spec->hidden;
}

static void empty(struct fs_biasedit_unit *unit)
{
    free(unit->x);
    free(unit->base);
    unit->x = unit->base = NULL;
}

/* The unedited model up to the FFN of the first layer that is changed, where the unit is not filled. */
static int need_filled(const struct fs_biasedit_run *run, const struct fs_biasedit_bench *bench,
                       struct fs_biasedit_unit *unit, struct fs_error *err)
{
    const struct fs_batch batch = fs_biasedit_batch(unit);
    const struct fs_model *model = run->task->model;
    const struct fs_pass pass = {model, bench->workspace, &batch, NULL};
    size_t row_bytes = run->spec->hidden * sizeof(fs_real), first = run->state->edit.first_layer;
    if (unit->x != NULL) {
        return 0;
    }
    unit->x = fs_allocate_aligned(unit->tokens, row_bytes, "a training unit's FFN inputs", err);
    unit->base = fs_allocate_aligned(fs_base_matrices(run->spec) * unit->tokens, row_bytes,
                                     "a training unit's FFN outputs", err);
    if (unit->x == NULL || unit->base == NULL || fs_batch_check(model, &batch, err) != 0 ||
        fs_embed(model, bench->workspace, &batch, NULL, bench->h, err) != 0 ||
        fs_run_layers(&pass, 0, first, bench->h, err) != 0 ||
        fs_run_to_ffn(&pass, first, bench->h, unit->x, unit->base, err) != 0) {
        empty(unit);
        return -1;
    }
    return 0;
}

/* bench->logprob, of `model`, which has the change at the layers above the first. */
static int read_unit(const struct fs_biasedit_run *run, struct fs_biasedit_bench *bench, const struct fs_pass *pass,
                     struct fs_biasedit_unit *unit, struct fs_error *err)
{
    return need_filled(run, bench, unit, err) == 0 &&
                   fs_upper_forward(pass, bench->tape, unit->x, unit->base, bench->h, err) == 0
               ? fs_tape_read(bench->tape, bench->h, unit->rows, unit->row, bench->logprob, err)
               : -1;
}

static int fill_unit(void *context, size_t thread, size_t number, void *result, struct fs_error *err)
{
    struct fs_biasedit_run *run = context;
    struct fs_biasedit_unit *unit = &run->now->texts.unit[number];
    struct fs_biasedit_bench *bench = fs_biasedit_bench_of(run, thread, err);
    const struct fs_batch batch = fs_biasedit_batch(unit);
    const struct watch watch = watch_of(run, NULL);
    (void)result;
    if (bench == NULL) {
        return -1;
    }
    const struct fs_pass pass = {run->task->model, bench->workspace, &batch, &watch.edit};
    if (read_unit(run, bench, &pass, unit, err) != 0) {
        return -1;
    }
    fs_biasedit_keep(unit, run->spec->vocabulary, bench->logprob);
    size_t bytes = cache_bytes(run, unit), before = atomic_fetch_add(&run->cached, bytes);
    unit->stays = (double)(before + bytes) <= (double)run->options->memory * MIB;
    if (!unit->stays) {
        atomic_fetch_sub(&run->cached, bytes);
        empty(unit);
    }
    return 0;
}

/* Layers from the first changed one up, forward, and backward as often as `backward` says. */
static void upper_cost(const struct fs_biasedit_run *run, const struct fs_biasedit_unit *unit, double backward,
                       struct fs_cost *cost)
{
    const struct fs_batch batch = fs_biasedit_batch(unit);
    size_t first = run->state->edit.first_layer + 1, layers = run->spec->layers;
    double tokens = (double)unit->tokens, rows = (double)unit->rows, squares = fs_batch_squares(&batch);
    *cost = (struct fs_cost){.flops = fs_flops_layers(run->spec, first, layers, tokens, squares) +
                                      backward * fs_flops_layers_backward(run->spec, first, layers, tokens, squares) +
                                      (1 + backward) * fs_flops_head(run->spec, rows),
                             .passes = (double)unit->sequences,
                             .tokens = tokens,
                             .rows = rows};
}

static void add_lower_cost(const struct fs_biasedit_run *run, const struct fs_biasedit_unit *unit, struct fs_cost *cost)
{
    const struct fs_batch batch = fs_biasedit_batch(unit);
    cost->flops +=
        fs_flops_layers(run->spec, 0, run->state->edit.first_layer + 1, (double)unit->tokens, fs_batch_squares(&batch));
}

static void fill_cost(const void *context, size_t number, struct fs_cost *cost)
{
    const struct fs_biasedit_run *run = context;
    const struct fs_biasedit_unit *unit = &run->now->texts.unit[number];
    upper_cost(run, unit, 0, cost);
    add_lower_cost(run, unit, cost);
    cost->stays = (double)cache_bytes(run, unit);
}

static void loss_cost(const void *context, size_t number, struct fs_cost *cost)
{
    const struct fs_biasedit_run *run = context;
    const struct fs_biasedit_unit *unit = &run->now->texts.unit[number];
    upper_cost(run, unit, 1, cost);
    cost->flops += 2 * run->state->edit.kind->flops(&run->state->edit, (double)unit->tokens);
    cost->stays = (double)cache_bytes(run, unit);
}

int fs_biasedit_fill(struct fs_biasedit_run *run, struct fs_error *err)
{
    for (size_t g = 0; g < run->groups; g++) {
        run->now = &run->group[g];
        size_t units = run->now->texts.units;
        const struct fs_work work = {
            .name = "biasedit: unedited model", .units = units, .context = run, .run = fill_unit, .cost = fill_cost};
        const struct fs_work sums = {.name = "biasedit", .units = units, .context = run, .cost = loss_cost};
        if (units > 0 && fs_runner_claim(run->task->runner, &work, &sums, run->now->mine, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- rows ---- */

static size_t rows_bytes(const void *context, size_t number)
{
    const struct fs_biasedit_run *run = context;
    return run->editor.layers * run->now->edits.unit[number].tokens * fs_biasedit_width(run) * sizeof(fs_real);
}

/* (layers,T,n) of the unit's rows. */
static int rows_unit(void *context, size_t thread, size_t number, void *result, struct fs_error *err)
{
    struct fs_biasedit_run *run = context;
    struct fs_biasedit_unit *unit = &run->now->edits.unit[number];
    struct fs_biasedit_bench *bench = fs_biasedit_bench_of(run, thread, err);
    const struct fs_batch batch = fs_biasedit_batch(unit);
    struct watch watch = watch_of(run, NULL);
    double *scratch = fs_allocate(2 * unit->reads, sizeof *scratch, "a training unit", err), value[2];
    fs_real unused;
    watch.rows = unit->tokens;
    watch.row = result;
    int status = bench != NULL && scratch != NULL ? 0 : -1;
    if (status == 0) {
        const struct fs_pass pass = {run->task->model, bench->workspace, &batch, &watch.edit};
        status = read_unit(run, bench, &pass, unit, err);
        if (status == 0) {
            fs_biasedit_evaluate(unit, run->spec->vocabulary, 1.0 / (double)run->together, 0, bench->logprob, scratch,
                                 value);
            status = fs_tape_read_backward(bench->tape, bench->logprob, bench->dh, err) == 0
                         ? fs_upper_backward(bench->tape, bench->dh, &unused, NULL, err)
                         : -1;
        }
    }
    empty(unit);
    free(scratch);
    return status;
}

static void rows_cost(const void *context, size_t number, struct fs_cost *cost)
{
    const struct fs_biasedit_run *run = context;
    const struct fs_biasedit_unit *unit = &run->now->edits.unit[number];
    upper_cost(run, unit, 1, cost);
    add_lower_cost(run, unit, cost);
}

int fs_biasedit_need_rows(struct fs_biasedit_run *run, struct fs_error *err)
{
    struct fs_biasedit_group *group = run->now;
    size_t n = fs_biasedit_width(run), layers = run->editor.layers, count = layers * group->rows * n, done = 0;
    bool root = fs_runner_is_root(run->task->runner);
    if (group->row != NULL || group->rows == 0) {
        return 0;
    }
    fs_real *found = root ? fs_allocate_aligned(count, sizeof *found, "an editor's rows", err) : NULL;
    group->row = fs_allocate_aligned(count, sizeof *group->row, "an editor's rows; lower biasedit.batch", err);
    const struct fs_work work = {.name = "biasedit: rows",
                                 .units = group->edits.units,
                                 .context = run,
                                 .result_bytes = rows_bytes,
                                 .run = rows_unit,
                                 .cost = rows_cost};
    bool room = group->row != NULL && (!root || found != NULL);
    int status = fs_runner_agree(run->task->runner, room ? 0 : -1, err);
    if (status == 0) {
        status = fs_runner_map(run->task->runner, &work, NULL, (unsigned char *)found, err);
    }
    for (size_t u = 0, at = 0; status == 0 && root && u < group->edits.units; u++) { /* layers together */
        size_t numbers = group->edits.unit[u].tokens * n;
        for (size_t m = 0; m < layers; m++) {
            memcpy(group->row + m * group->rows * n + done, found + at, numbers * sizeof *found);
            at += numbers;
        }
        done += numbers;
    }
    free(found);
    if (status == 0) {
        status = fs_runner_broadcast(run->task->runner, group->row, count * sizeof *group->row, err);
    }
    double bytes = (double)count * sizeof(fs_real);
    if (status == 0 && !group->stays && run->kept + bytes <= (double)run->options->memory * MIB) {
        run->kept += bytes;
        group->stays = true;
    }
    return status;
}

void fs_biasedit_forget(struct fs_biasedit_group *group)
{
    if (!group->stays) {
        free(group->row);
        group->row = NULL;
    }
}

/* ---- the loss ---- */

/* The unit's G, and its losses at its own place behind: each itself and the remainder, so that float32 carries 48 bits. */
static int loss_unit(void *context, size_t thread, size_t number, void *result, struct fs_error *err)
{
    struct fs_biasedit_run *run = context;
    struct fs_biasedit_unit *unit = &run->now->texts.unit[number];
    struct fs_biasedit_bench *bench = fs_biasedit_bench_of(run, thread, err);
    const struct fs_batch batch = fs_biasedit_batch(unit);
    const struct watch watch = watch_of(run, &run->state->edit);
    size_t count = run->state->edit.count, units = run->now->texts.units;
    fs_real *gradient = result, *losses = gradient + count;
    double *scratch = fs_allocate(2 * unit->reads, sizeof *scratch, "a training unit", err), value[2];
    int status = bench != NULL && scratch != NULL ? 0 : -1;
    if (status == 0) {
        const struct fs_pass pass = {run->view, bench->workspace, &batch, &watch.edit};
        status = read_unit(run, bench, &pass, unit, err);
    }
    if (status == 0) {
        fs_biasedit_evaluate(unit, run->spec->vocabulary, 1.0 / (double)run->now->texts.pairs,
                             run->options->keep_weight, bench->logprob, scratch, value);
        memset(gradient, 0, (count + 4 * units) * sizeof *gradient);
        for (size_t i = 0; i < 2; i++) {
            losses[4 * number + 2 * i] = (fs_real)value[i];
            losses[4 * number + 2 * i + 1] = (fs_real)(value[i] - (double)losses[4 * number + 2 * i]);
        }
        status = fs_tape_read_backward(bench->tape, bench->logprob, bench->dh, err) == 0
                     ? fs_upper_backward(bench->tape, bench->dh, gradient, NULL, err)
                     : -1;
    }
    if (!unit->stays) {
        empty(unit);
    }
    free(scratch);
    return status;
}

int fs_biasedit_loss(struct fs_biasedit_run *run, double loss[FS_BIASEDIT_LOSSES], struct fs_error *err)
{
    size_t units = run->now->texts.units, count = run->state->edit.count;
    const struct fs_work work = {
        .name = "biasedit", .units = units, .context = run, .run = loss_unit, .cost = loss_cost};
    if (fs_runner_sum(run->task->runner, &work, run->now->mine, count + 4 * units, run->total, err) != 0) {
        return -1;
    }
    loss[FS_BIASEDIT_D] = loss[FS_BIASEDIT_R] = 0;
    for (size_t u = 0; u < units; u++) {
        const fs_real *own = run->total + count + 4 * u;
        loss[FS_BIASEDIT_D] += (double)own[0] + (double)own[1];
        loss[FS_BIASEDIT_R] += (double)own[2] + (double)own[3];
    }
    loss[FS_BIASEDIT_L] = loss[FS_BIASEDIT_D] + run->options->keep_weight * loss[FS_BIASEDIT_R];
    return 0;
}
