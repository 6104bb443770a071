#include "stages/methods/stamp_step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"
#include "stages/methods/stamp_memory.h"
#include "stages/methods/stamp_sweeps.h"

#define MIB ((double)(1 << 20))

/* step->value: the sums over units, in unit order, from what fs_runner_sum has brought together. */
static void get_values(struct fs_stamp_step *step, const fs_real *vector)
{
    size_t values = fs_stamp_values(step);
    memset(step->value, 0, values * sizeof *step->value);
    for (size_t i = 0; i < step->units.count * 2 * values; i++) {
        step->value[i % (2 * values) / 2] += (double)vector[i];
    }
}

/* ---- the beginning of a batch ---- */

static int list_cut_units(struct fs_stamp_step *step, struct fs_error *err)
{
    const struct fs_stamp_units *units = &step->units;
    step->cut_unit = fs_allocate(units->count, sizeof *step->cut_unit, "the training units", err);
    step->cut_number = fs_allocate(units->count, sizeof *step->cut_number, "the training units", err);
    step->difference = fs_allocate(units->cuts.pairs, sizeof *step->difference, "the terms of a batch", err);
    step->mean = fs_allocate(units->cuts.terms, sizeof *step->mean, "the terms of a batch", err);
    if (step->cut_unit == NULL || step->cut_number == NULL || step->difference == NULL || step->mean == NULL) {
        return -1;
    }
    for (size_t u = 0; u < units->count; u++) {
        const struct fs_loss_unit *loss = &units->unit[u].loss;
        bool cut = false;
        for (size_t g = 0; g < loss->groups; g++) {
            cut = cut || loss->group[g].cut != FS_LOSS_WHOLE;
        }
        step->cut_number[u] = cut ? step->cut_units : SIZE_MAX;
        if (cut) {
            step->cut_unit[step->cut_units++] = u;
        }
    }
    step->two_sweeps = step->cut_units > 0 && step->options->balance_weight > 0;
    return 0;
}

/* ahead [units]: how many cut units the first sweep must have run for unit u and those before it to go back. */
static void count_ahead(const struct fs_stamp_step *step, size_t *last_unit, size_t *ahead)
{
    const struct fs_stamp_units *units = &step->units;
    for (size_t u = 0; u < units->count; u++) {
        const struct fs_loss_unit *loss = &units->unit[u].loss;
        for (size_t g = 0; g < loss->groups; g++) {
            if (loss->group[g].cut != FS_LOSS_WHOLE) {
                last_unit[loss->group[g].cut] = u;
            }
        }
    }
    for (size_t u = 0; u < units->count; u++) {
        const struct fs_loss_unit *loss = &units->unit[u].loss;
        ahead[u] = u > 0 ? ahead[u - 1] : 0;
        for (size_t g = 0; g < loss->groups; g++) {
            size_t last = loss->group[g].cut == FS_LOSS_WHOLE ? 0 : step->cut_number[last_unit[loss->group[g].cut]] + 1;
            ahead[u] = last > ahead[u] ? last : ahead[u];
        }
    }
}

/* Parts in which at most `room` cut units wait between the sweeps, where terms allow; 0: one part. */
static int cut_parts(struct fs_stamp_step *step, size_t room, struct fs_error *err)
{
    size_t count = step->units.count;
    size_t *last_unit = fs_allocate(step->units.cuts.terms, sizeof *last_unit, "the terms of a batch", err);
    size_t *ahead = fs_allocate(count, sizeof *ahead, "the parts of a step", err);
    step->part = fs_allocate(count, sizeof *step->part, "the parts of a step", err);
    int status = last_unit != NULL && ahead != NULL && step->part != NULL ? 0 : -1;
    if (status == 0) {
        count_ahead(step, last_unit, ahead);
        for (size_t begin = 0, behind = 0, end; begin < count; begin = end) { /* behind: cut units before `begin` */
            size_t most = ahead[begin] > behind + room ? ahead[begin] : behind + room;
            for (end = begin; end < count && (room == 0 || ahead[end] <= most); end++) {
                behind += step->cut_number[end] != SIZE_MAX;
            }
            step->part[step->parts++] = (struct fs_stamp_part){end, ahead[end - 1]};
        }
    }
    free(last_unit);
    free(ahead);
    return status;
}

/* stamp_memory.h; the parts are the same on all ranks, which ask for as many threads as the root has. */
static int share_memory(struct fs_stamp_step *step, struct fs_error *err)
{
    const struct fs_runner *runner = step->runner;
    double caches = 0, slot = 0, ranks = (double)runner->ranks;
    size_t threads = runner->threads;
    if (fs_runner_broadcast(step->runner, &threads, sizeof threads, err) != 0) {
        return -1;
    }
    for (size_t u = 0; u < step->units.count; u++) {
        const struct fs_stamp_unit *unit = &step->units.unit[u];
        double cache = (double)fs_stamp_cache_bytes(step, unit);
        caches += cache;
        slot = step->cut_number[u] != SIZE_MAX ? fmax(slot, fs_stamp_tape_bytes(step, unit) + cache) : slot;
    }
    const struct fs_stamp_holding holding = {.bound = (double)step->options->memory * MIB,
                                             .caches = caches / ranks,
                                             .slot = step->two_sweeps ? slot : 0,
                                             .units = ceil((double)step->cut_units / ranks),
                                             .ranks = runner->ranks,
                                             .threads = threads};
    step->slots = fs_stamp_slots(&holding);
    step->cache_limit = fs_stamp_cache_limit(&holding);
    step->kept = fs_allocate(step->slots, sizeof *step->kept, "the memory of a step", err);
    step->slot = fs_allocate(step->units.count, sizeof *step->slot, "the memory of a step", err);
    step->home = fs_allocate(step->units.count, sizeof *step->home, "the memory of a step", err);
    bool made = step->kept != NULL && step->slot != NULL && step->home != NULL;
    for (size_t u = 0; made && u < step->units.count; u++) {
        step->home[u] = SIZE_MAX;
    }
    return fs_runner_agree(step->runner, made ? 0 : -1, err);
}

static int compile(struct fs_stamp_step *step, const struct fs_tokenizer *tokenizer, const struct fs_stamp_batch *batch,
                   struct fs_error *err)
{
    struct fs_stamp_units *units = &step->units;
    if (fs_stamp_units_compile(step->spec, tokenizer, batch, step->options, units, err) != 0) {
        return -1;
    }
    if (units->pairs == 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "stamp: none of the %zu pairs of batch %zu can be scored by %s: they are too long or their "
                            "objects have no token; take larger batches or other pairs",
                            batch->count, batch->number, fs_scoring_name(step->options->scoring));
    }
    if (step->options->text_weight > 0 &&
        fs_stamp_text_compile(step->spec, tokenizer, step->options, step->text, units, err) != 0) {
        return -1;
    }
    if (list_cut_units(step, err) != 0) {
        return -1;
    }
    step->length =
        step->parameters + units->count * 2 * fs_stamp_values(step) + (step->two_sweeps ? 0 : 2 * units->cuts.pairs);
    step->mine = fs_allocate(units->count, 1, "the training units", err);
    step->part_mine = fs_allocate(units->count + 1, 1, "the training units", err);
    step->total = fs_allocate_aligned(step->length, sizeof *step->total, "the gradient", err);
    step->pairs_total = fs_allocate(2 * units->cuts.pairs, sizeof *step->pairs_total, "the terms of a batch", err);
    step->value = fs_allocate(fs_stamp_values(step), sizeof *step->value, "the loss", err);
    step->bench = fs_allocate(step->runner->threads, sizeof *step->bench, "workspaces", err);
    return step->mine != NULL && step->part_mine != NULL && step->total != NULL && step->pairs_total != NULL &&
                   step->value != NULL && step->bench != NULL
               ? 0
               : -1;
}

int fs_stamp_step_begin(struct fs_stamp_step *step, const struct fs_tokenizer *tokenizer,
                        const struct fs_stamp_batch *batch, struct fs_error *err)
{
    struct fs_runner *runner = step->runner;
    step->edit = fs_stamp_edit(step->stamp);
    step->parameters = fs_stamp_parameters(step->stamp->hidden, step->stamp->width);
    if (fs_runner_agree(runner, compile(step, tokenizer, batch, err), err) != 0 || share_memory(step, err) != 0) {
        return -1;
    }
    bool parts = step->two_sweeps && !runner->probes;
    if (fs_runner_agree(runner, cut_parts(step, parts ? step->slots * runner->ranks : 0, err), err) != 0) {
        return -1;
    }
    if (step->parts > 1) {
        step->before = fs_allocate_aligned(step->length, sizeof *step->before, "the gradient", err);
    }
    if (fs_runner_agree(runner, step->parts == 1 || step->before != NULL ? 0 : -1, err) != 0) {
        return -1;
    }
    struct fs_work fill = {.name = "stamp: unedited model",
                           .units = step->units.count,
                           .context = step,
                           .run = fs_stamp_fill_unit,
                           .cost = fs_stamp_fill_cost};
    struct fs_work gap = {
        .name = "stamp: unedited gap", .units = step->units.count, .context = step, .run = fs_stamp_measure_unit};
    struct fs_work steps = {.name = "stamp", .units = step->units.count, .context = step, .cost = fs_stamp_whole_cost};
    if (fs_runner_claim(runner, &fill, &steps, step->mine, err) != 0 ||
        fs_runner_sum(runner, &gap, step->mine, step->units.count * 2 * fs_stamp_values(step), step->total, err) != 0) {
        return -1;
    }
    get_values(step, step->total);
    step->gap = step->value[0];
    step->mean_square = step->value[1];
    return 0;
}

/* ---- a step ---- */

/* The first sweep from cut unit `first` on to that of the part; sets difference of their pairs. */
static int sweep_first(struct fs_stamp_step *step, const struct fs_stamp_part *part, struct fs_error *err)
{
    size_t count = part->ahead - step->first, numbers = 2 * step->units.cuts.pairs;
    struct fs_work work = {.name = "stamp: terms",
                           .units = count,
                           .context = step,
                           .run = fs_stamp_first_unit,
                           .cost = fs_stamp_first_cost,
                           .part = true};
    for (size_t i = 0; i < count; i++) {
        step->part_mine[i] = step->mine[step->cut_unit[step->first + i]];
    }
    if (count > 0 && fs_runner_sum(step->runner, &work, step->part_mine, numbers, step->pairs_total, err) != 0) {
        return -1;
    }
    for (size_t i = 0; count > 0 && i < numbers; i++) { /* each pair is of one unit, and so of one part */
        step->difference[i / 2] += (double)step->pairs_total[i];
    }
    return 0;
}

/* The second sweep of a part; of all but the first part, the sum so far comes first. */
static int sweep_second(struct fs_stamp_step *step, const struct fs_stamp_part *part, struct fs_error *err)
{
    size_t carried = step->begin > 0 ? 1 : 0, count = part->end - step->begin;
    struct fs_work work = {.name = "stamp",
                           .units = carried + count,
                           .context = step,
                           .run = fs_stamp_second_unit,
                           .cost = fs_stamp_second_cost,
                           .prepare = fs_stamp_first_again,
                           .part = part->end < step->units.count};
    step->part_mine[0] = fs_runner_is_root(step->runner);
    memcpy(step->part_mine + carried, step->mine + step->begin, count);
    if (carried > 0) {
        fs_real *total = step->total;
        step->total = step->before;
        step->before = total;
    }
    return fs_runner_sum(step->runner, &work, step->part_mine, step->length, step->total, err);
}

int fs_stamp_step_run(struct fs_stamp_step *step, double width, struct fs_error *err)
{
    const struct fs_loss_cuts *cuts = &step->units.cuts;
    double cut_balance = 0;
    step->width = width;
    step->first = step->begin = 0;
    memset(step->difference, 0, cuts->pairs * sizeof *step->difference);
    for (size_t u = 0; u < step->units.count; u++) {
        step->slot[u] = SIZE_MAX;
    }
    for (size_t i = 0; i < step->slots; i++) { /* a probe leaves some behind */
        atomic_store(&step->kept[i].used, false);
    }
    for (size_t p = 0; p < step->parts; p++) {
        const struct fs_stamp_part *part = &step->part[p];
        if (step->two_sweeps) {
            if (sweep_first(step, part, err) != 0) {
                return -1;
            }
            cut_balance = fs_loss_balance(cuts, step->difference, width, step->mean);
            step->first = part->ahead;
        }
        if (sweep_second(step, part, err) != 0) {
            return -1;
        }
        step->begin = part->end;
    }
    const fs_real *values = step->total + step->parameters;
    get_values(step, values);
    if (!step->two_sweeps) {
        const fs_real *pairs = values + step->units.count * 2 * fs_stamp_values(step);
        for (size_t i = 0; i < 2 * cuts->pairs; i++) {
            step->difference[i / 2] += (double)pairs[i];
        }
        cut_balance = fs_loss_balance(cuts, step->difference, width, step->mean);
    }
    step->value[FS_TERM_BALANCE] += cut_balance;
    return 0;
}

void fs_stamp_step_end(struct fs_stamp_step *step)
{
    for (size_t t = 0; step->bench != NULL && t < step->runner->threads; t++) {
        fs_stamp_bench_release(&step->bench[t]);
    }
    for (size_t i = 0; step->kept != NULL && i < step->slots; i++) {
        fs_tape_destroy(step->kept[i].tape);
        free(step->kept[i].logprob);
    }
    fs_stamp_units_release(&step->units);
    free(step->mine);
    free(step->value);
    free(step->total);
    free(step->cut_unit);
    free(step->cut_number);
    free(step->difference);
    free(step->mean);
    free(step->part);
    free(step->before);
    free(step->pairs_total);
    free(step->part_mine);
    free(step->kept);
    free(step->slot);
    free(step->home);
    free(step->bench);
    *step = (struct fs_stamp_step){.model = step->model,
                                   .spec = step->spec,
                                   .options = step->options,
                                   .stamp = step->stamp,
                                   .text = step->text,
                                   .runner = step->runner};
}
