#include "stages/methods/stamp_sweeps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"

void fs_stamp_bench_release(struct fs_stamp_bench *bench)
{
    fs_workspace_destroy(bench->workspace);
    fs_tape_destroy(bench->tape);
    free(bench->h);
    free(bench->dh);
    free(bench->logprob);
    free(bench->inner);
    *bench = (struct fs_stamp_bench){0};
}

static struct fs_stamp_bench *bench_of(struct fs_stamp_step *step, size_t thread, struct fs_error *err)
{
    struct fs_stamp_bench *bench = &step->bench[thread];
    if (bench->tape != NULL) {
        return bench;
    }
    const struct fs_stamp_units *units = &step->now->units;
    size_t row_bytes = step->spec->hidden * sizeof(fs_real), logit_bytes = step->spec->vocabulary * sizeof(fs_real);
    bench->h = fs_allocate_aligned(units->most_tokens, row_bytes, "hidden states", err);
    bench->dh = fs_allocate_aligned(units->most_tokens, row_bytes, "gradients of hidden states", err);
    bench->logprob = fs_allocate_aligned(units->most_rows, logit_bytes, "logits", err);
    return bench->h != NULL && bench->dh != NULL && bench->logprob != NULL &&
                   fs_workspace_create(step->model, &bench->workspace, err) == 0 &&
                   fs_tape_create(step->model, &bench->tape, err) == 0
               ? bench
               : NULL;
}

/* Two numbers a value, itself and the remainder: float32 carries 48 bits so. */
static void put_pairs(const double *value, size_t count, fs_real *vector)
{
    for (size_t i = 0; i < count; i++) {
        vector[2 * i] = (fs_real)value[i];
        vector[2 * i + 1] = (fs_real)(value[i] - (double)vector[2 * i]);
    }
}

/* Every unit has a place of its own. */
static void put_values(const struct fs_stamp_step *step, size_t unit, const double *value, fs_real *vector)
{
    size_t values = fs_stamp_values(step);
    memset(vector, 0, step->now->units.count * 2 * values * sizeof *vector);
    put_pairs(value, values, vector + unit * 2 * values);
}

/* ---- the unedited model ---- */

size_t fs_stamp_cache_bytes(const struct fs_stamp_step *step, const struct fs_stamp_unit *unit)
{
    if (unit->of_text) {
        size_t input = fs_stamp_form_input(step->options->form, step->spec, step->options->layer);
        return sizeof(fs_real) * unit->batch.tokens * (input + 1);
    }
    return sizeof(fs_real) * ((1 + fs_base_matrices(step->spec)) * unit->batch.tokens * step->spec->hidden +
                              unit->loss.distributions * step->spec->vocabulary);
}

double fs_stamp_tape_bytes(const struct fs_stamp_step *step, const struct fs_stamp_unit *unit)
{
    const struct fs_pass pass = {step->model, NULL, &unit->batch, &step->edit};
    return (double)sizeof(fs_real) *
           ((double)fs_tape_numbers(&pass, unit->loss.rows) + (double)unit->loss.rows * (double)step->spec->vocabulary);
}

/* The text is the same in all versions: the plain version's unit, where this rank keeps it; NULL otherwise. */
static const struct fs_stamp_unit *same_text(const struct fs_stamp_step *step, const struct fs_stamp_unit *unit)
{
    const struct fs_stamp_units *now = &step->now->units, *plain = &step->version[0].units;
    const struct fs_stamp_unit *same = &plain->unit[plain->count - (size_t)(now->unit + now->count - unit)];
    return same != unit && same->x != NULL ? same : NULL;
}

static int fill(const struct fs_stamp_step *step, const struct fs_stamp_bench *bench, struct fs_stamp_unit *unit,
                struct fs_error *err)
{
    if (!unit->of_text) {
        return fs_stamp_unit_fill(step->model, bench->workspace, step->options, unit, err);
    }
    const struct fs_stamp_unit *same = same_text(step, unit);
    return same != NULL ? fs_stamp_text_copy(step->spec, step->options, same, unit, err)
                        : fs_stamp_text_fill(step->model, bench->workspace, step->options, unit, err);
}

int fs_stamp_fill_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct fs_stamp_step *step = context;
    struct fs_stamp_unit *u = &step->now->units.unit[unit];
    struct fs_stamp_bench *bench = bench_of(step, thread, err);
    (void)result;
    if (bench == NULL || fill(step, bench, u, err) != 0) {
        return -1;
    }
    u->square = 0;
    for (size_t i = 0; !u->of_text && i < u->batch.tokens * step->spec->hidden; i++) {
        u->square += (double)u->x[i] * (double)u->x[i];
    }
    size_t bytes = fs_stamp_cache_bytes(step, u), before = atomic_fetch_add(&step->cached, bytes);
    u->stays = (double)(before + bytes) <= step->cache_limit;
    if (!u->stays) {
        atomic_fetch_sub(&step->cached, bytes);
        fs_stamp_unit_empty(u);
    }
    return 0;
}

/* Fills the unit again where it did not stay. */
static int need_filled(struct fs_stamp_step *step, const struct fs_stamp_bench *bench, struct fs_stamp_unit *unit,
                       struct fs_error *err)
{
    return unit->x != NULL ? 0 : fill(step, bench, unit, err);
}

/* The unit's parts of the mean gap before training and of the mean square of x, as its first two values. */
int fs_stamp_measure_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    const struct fs_stamp_step *step = context;
    const struct fs_stamp_unit *u = &step->now->units.unit[unit];
    size_t tokens = 0;
    (void)thread;
    for (size_t i = 0; i < step->now->units.count; i++) {
        tokens += step->now->units.unit[i].of_text ? 0 : step->now->units.unit[i].batch.tokens;
    }
    double *value = fs_allocate(fs_stamp_values(step), sizeof *value, "the values of a training unit", err);
    if (value == NULL) {
        return -1;
    }
    for (size_t p = 0; p < u->loss.pairs; p++) {
        const struct fs_loss_pair *pair = &u->loss.pair[p];
        value[0] += u->loss.pair_weight * fabs(pair->reference[0] - pair->reference[1]);
    }
    value[1] = u->of_text ? 0 : u->square / ((double)tokens * (double)step->spec->hidden);
    put_values(step, unit, value, result);
    free(value);
    return 0;
}

/* ---- the sweeps ---- */

/* The stamped model up to the log probabilities. */
static int forward(struct fs_stamp_step *step, const struct fs_stamp_bench *bench, const struct fs_stamp_unit *unit,
                   struct fs_tape *tape, fs_real *logprob, struct fs_error *err)
{
    const struct fs_pass pass = {step->model, bench->workspace, &unit->batch, &step->edit};
    return fs_upper_forward(&pass, tape, unit->x, unit->base, bench->h, err) == 0
               ? fs_tape_read(tape, bench->h, unit->loss.rows, unit->row, logprob, err)
               : -1;
}

/*
 * A free slot for the unit's forward pass, the one that it had last where that is free: so no slot grows to the largest
 * unit where there is one for each. NULL: there is none, or no memory for it.
 */
static struct fs_stamp_kept *take_slot(struct fs_stamp_step *step, size_t unit)
{
    size_t slot = step->now->home[unit];
    if (slot == SIZE_MAX || atomic_exchange(&step->kept[slot].used, true)) {
        slot = 0;
        while (slot < step->slots && atomic_exchange(&step->kept[slot].used, true)) {
            slot++;
        }
    }
    if (slot >= step->slots) {
        return NULL;
    }
    struct fs_stamp_kept *kept = &step->kept[slot];
    step->now->slot[unit] = step->now->home[unit] = slot;
    if (kept->logprob == NULL) {
        kept->logprob =
            fs_allocate_aligned(step->now->units.most_rows, step->spec->vocabulary * sizeof(fs_real), "", NULL);
    }
    if (kept->logprob == NULL || (kept->tape == NULL && fs_tape_create(step->model, &kept->tape, NULL) != 0)) {
        atomic_store(&kept->used, false);
        step->now->slot[unit] = SIZE_MAX;
        return NULL;
    }
    return kept;
}

/* `logprob`: where the unit's log probabilities are to be found afterwards. */
static int run_first(struct fs_stamp_step *step, struct fs_stamp_bench *bench, size_t unit, const fs_real **logprob,
                     struct fs_error *err)
{
    struct fs_stamp_unit *u = &step->now->units.unit[unit];
    if (need_filled(step, bench, u, err) != 0) {
        return -1;
    }
    struct fs_stamp_kept *kept = take_slot(step, unit);
    fs_real *out = kept != NULL ? kept->logprob : bench->logprob;
    *logprob = out;
    return forward(step, bench, u, kept != NULL ? kept->tape : bench->tape, out, err);
}

static void leave_unit(const struct fs_stamp_step *step, size_t unit)
{
    struct fs_stamp_unit *u = &step->now->units.unit[unit];
    if (!u->stays && step->now->slot[unit] == SIZE_MAX) {
        fs_stamp_unit_empty(u);
    }
}

/* D of the unit's pairs of cut terms. */
int fs_stamp_first_unit(void *context, size_t thread, size_t number, void *result, struct fs_error *err)
{
    struct fs_stamp_step *step = context;
    size_t unit = step->now->cut_unit[step->first + number], pairs = step->now->units.cuts.pairs;
    struct fs_stamp_bench *bench = bench_of(step, thread, err);
    double *difference = fs_allocate(pairs, sizeof *difference, "the differences of a training unit", err);
    const fs_real *logprob;
    int status = -1;
    if (bench != NULL && difference != NULL && run_first(step, bench, unit, &logprob, err) == 0 &&
        fs_loss_differences(&step->now->units.unit[unit].loss, step->options->scoring, logprob, difference, err) == 0) {
        put_pairs(difference, pairs, result);
        status = 0;
    }
    leave_unit(step, unit);
    free(difference);
    return status;
}

static bool is_carried(const struct fs_stamp_step *step, size_t number)
{
    return step->begin > 0 && number == 0;
}

static size_t unit_of(const struct fs_stamp_step *step, size_t number)
{
    return step->begin > 0 ? step->begin + number - 1 : number;
}

int fs_stamp_first_again(void *context, size_t thread, size_t number, struct fs_error *err)
{
    struct fs_stamp_step *step = context;
    size_t unit = unit_of(step, number);
    struct fs_stamp_bench *bench = bench_of(step, thread, err);
    const fs_real *logprob;
    if (!step->now->two_sweeps || step->now->cut_number[unit] == SIZE_MAX || step->now->slot[unit] != SIZE_MAX ||
        step->slots == 0) {
        return bench != NULL ? 0 : -1;
    }
    return bench != NULL ? run_first(step, bench, unit, &logprob, err) : -1;
}

/* The gradient of L_t, and its value. */
static int differentiate_text(struct fs_stamp_step *step, struct fs_stamp_bench *bench, struct fs_stamp_unit *unit,
                              fs_real *gradient, double *value, struct fs_error *err)
{
    if (bench->inner == NULL) {
        size_t inner = step->edit.kind->inner_size(&step->edit);
        bench->inner = fs_allocate_aligned(2 * step->now->units.most_text, (inner + 1) * sizeof(fs_real),
                                           "an edit on a text", err);
    }
    if (bench->inner == NULL || need_filled(step, bench, unit, err) != 0) {
        return -1;
    }
    const struct fs_stamp_text_room room = {step->spec->hidden, bench->h, bench->inner};
    value[FS_TERM_TEXT] =
        fs_stamp_text_loss(fs_model_backend(step->model), &step->edit, step->options, unit, &room, gradient);
    return 0;
}

/* The unit's gradient, and its values in `value`; D of its pairs of cut terms where there is one sweep. */
static int differentiate_pairs(struct fs_stamp_step *step, struct fs_stamp_bench *bench, size_t unit, fs_real *gradient,
                               double *scratch, struct fs_error *err)
{
    struct fs_stamp_unit *u = &step->now->units.unit[unit];
    struct fs_stamp_kept *kept = step->now->slot[unit] != SIZE_MAX ? &step->kept[step->now->slot[unit]] : NULL;
    struct fs_tape *tape = kept != NULL ? kept->tape : bench->tape;
    fs_real *logprob = kept != NULL ? kept->logprob : bench->logprob;
    double *value = scratch, *difference = scratch + fs_stamp_values(step);
    const struct fs_loss_step loss = {.width = step->width,
                                      .mean = step->now->two_sweeps ? step->now->mean : NULL,
                                      .difference = step->now->two_sweeps ? NULL : difference};
    if (kept != NULL) {
        fs_tape_take_over(tape, bench->workspace);
    } else if (need_filled(step, bench, u, err) != 0 || forward(step, bench, u, tape, logprob, err) != 0) {
        return -1;
    }
    if (fs_loss_evaluate(&u->loss, step->options, &loss, logprob, value, value + FS_VALUE_COUNT, err) != 0 ||
        fs_tape_read_backward(tape, logprob, bench->dh, err) != 0) {
        return -1;
    }
    return fs_upper_backward(tape, bench->dh, gradient, NULL, err);
}

/* The unit's gradient, its values behind it, and behind them the differences where there is one sweep. */
static int differentiate(struct fs_stamp_step *step, struct fs_stamp_bench *bench, size_t unit, fs_real *gradient,
                         double *scratch, struct fs_error *err)
{
    struct fs_stamp_unit *u = &step->now->units.unit[unit];
    memset(gradient, 0, step->parameters * sizeof *gradient);
    int status = u->of_text ? differentiate_text(step, bench, u, gradient, scratch, err)
                            : differentiate_pairs(step, bench, unit, gradient, scratch, err);
    if (status != 0) {
        return -1;
    }
    fs_real *values = gradient + step->parameters;
    put_values(step, unit, scratch, values);
    if (!step->now->two_sweeps) {
        put_pairs(scratch + fs_stamp_values(step), step->now->units.cuts.pairs,
                  values + step->now->units.count * 2 * fs_stamp_values(step));
    }
    return 0;
}

int fs_stamp_second_unit(void *context, size_t thread, size_t number, void *result, struct fs_error *err)
{
    struct fs_stamp_step *step = context;
    if (is_carried(step, number)) {
        memcpy(result, step->before, step->now->length * sizeof(fs_real));
        return 0;
    }
    size_t unit = unit_of(step, number), values = fs_stamp_values(step);
    struct fs_stamp_bench *bench = bench_of(step, thread, err);
    double *scratch =
        fs_allocate(values + step->now->units.cuts.pairs, sizeof *scratch, "the values of a training unit", err);
    int status = bench != NULL && scratch != NULL ? differentiate(step, bench, unit, result, scratch, err) : -1;
    if (step->now->slot[unit] != SIZE_MAX) {
        atomic_store(&step->kept[step->now->slot[unit]].used, false);
        step->now->slot[unit] = SIZE_MAX;
    }
    leave_unit(step, unit);
    free(scratch);
    return status;
}

/* ---- costs ---- */

void fs_stamp_fill_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct fs_stamp_step *step = context;
    const struct fs_stamp_unit *u = &step->now->units.unit[unit];
    struct fs_plan_unit view;
    fs_plan_get_unit(u->plan, 0, &view);
    double tokens = (double)view.batch.tokens, rows = (double)u->loss.rows;
    size_t layers_run = u->of_text ? step->options->layer + 1 : step->spec->layers;
    double layers = fs_flops_layers(step->spec, 0, layers_run, tokens, fs_batch_squares(&view.batch));
    *cost = (struct fs_cost){.flops = layers + fs_flops_head(step->spec, rows),
                             .passes = (double)view.batch.sequences,
                             .tokens = tokens,
                             .rows = rows,
                             .stays = (double)fs_stamp_cache_bytes(step, u)};
}

/* Of the parts of a step that are asked for. */
static void step_cost(const struct fs_stamp_step *step, size_t unit, bool forward_part, bool backward_part,
                      struct fs_cost *cost)
{
    const struct fs_stamp_unit *u = &step->now->units.unit[unit];
    const struct fs_spec *spec = step->spec;
    const struct fs_stamp_form *form = step->options->form;
    size_t first = u->of_text ? spec->layers : step->options->layer + 1;
    double tokens = (double)u->batch.tokens, squares = u->of_text ? 0 : fs_batch_squares(&u->batch),
           rows = (double)u->loss.rows;
    *cost = (struct fs_cost){.passes = (double)u->batch.sequences,
                             .tokens = tokens,
                             .rows = rows,
                             .stays = (double)fs_stamp_cache_bytes(step, u)};
    if (forward_part) {
        cost->flops += fs_flops_layers(spec, first, spec->layers, tokens, squares) + fs_flops_head(spec, rows) +
                       form->flops(step->options, spec, tokens);
    }
    if (backward_part) {
        cost->flops += fs_flops_layers_backward(spec, first, spec->layers, tokens, squares) +
                       fs_flops_head(spec, rows) + form->flops_backward(step->options, spec, tokens);
    }
}

void fs_stamp_first_cost(const void *context, size_t number, struct fs_cost *cost)
{
    const struct fs_stamp_step *step = context;
    size_t unit = step->now->cut_unit[step->first + number];
    step_cost(step, unit, true, false, cost);
    cost->waits = fs_stamp_tape_bytes(step, &step->now->units.unit[unit]);
}

void fs_stamp_second_cost(const void *context, size_t number, struct fs_cost *cost)
{
    const struct fs_stamp_step *step = context;
    if (is_carried(step, number)) {
        *cost = (struct fs_cost){0};
        return;
    }
    size_t unit = unit_of(step, number);
    bool kept = step->now->two_sweeps && step->slots > 0 && step->now->cut_number[unit] != SIZE_MAX;
    step_cost(step, unit, !kept, true, cost);
    cost->waits =
        kept || step->now->units.unit[unit].of_text ? 0 : fs_stamp_tape_bytes(step, &step->now->units.unit[unit]);
}

void fs_stamp_whole_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    step_cost(context, unit, true, true, cost);
}
