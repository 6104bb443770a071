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
    for (size_t i = 0; i < step->now->units.count * 2 * values; i++) {
        step->value[i % (2 * values) / 2] += (double)vector[i];
    }
}

/* ---- the beginning of a batch ---- */

static int list_cut_units(const struct fs_stamp_step *step, struct fs_stamp_version *version, struct fs_error *err)
{
    const struct fs_stamp_units *units = &version->units;
    version->cut_unit = fs_allocate(units->count, sizeof *version->cut_unit, "the training units", err);
    version->cut_number = fs_allocate(units->count, sizeof *version->cut_number, "the training units", err);
    version->difference = fs_allocate(units->cuts.pairs, sizeof *version->difference, "the terms of a batch", err);
    version->mean = fs_allocate(units->cuts.terms, sizeof *version->mean, "the terms of a batch", err);
    if (version->cut_unit == NULL || version->cut_number == NULL || version->difference == NULL ||
        version->mean == NULL) {
        return -1;
    }
    for (size_t u = 0; u < units->count; u++) {
        const struct fs_loss_unit *loss = &units->unit[u].loss;
        bool cut = false;
        for (size_t g = 0; g < loss->groups; g++) {
            cut = cut || loss->group[g].cut != FS_LOSS_WHOLE;
        }
        version->cut_number[u] = cut ? version->cut_units : SIZE_MAX;
        if (cut) {
            version->cut_unit[version->cut_units++] = u;
        }
    }
    version->two_sweeps = version->cut_units > 0 && step->options->balance_weight > 0;
    return 0;
}

/* ahead [units]: how many cut units the first sweep must have run for unit u and those before it to go back. */
static void count_ahead(const struct fs_stamp_version *version, size_t *last_unit, size_t *ahead)
{
    const struct fs_stamp_units *units = &version->units;
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
            size_t last =
                loss->group[g].cut == FS_LOSS_WHOLE ? 0 : version->cut_number[last_unit[loss->group[g].cut]] + 1;
            ahead[u] = last > ahead[u] ? last : ahead[u];
        }
    }
}

/* Parts in which at most `room` cut units wait between the sweeps, where terms allow; 0: one part. */
static int cut_parts(struct fs_stamp_version *version, size_t room, struct fs_error *err)
{
    size_t count = version->units.count;
    size_t *last_unit = fs_allocate(version->units.cuts.terms, sizeof *last_unit, "the terms of a batch", err);
    size_t *ahead = fs_allocate(count, sizeof *ahead, "the parts of a step", err);
    version->part = fs_allocate(count, sizeof *version->part, "the parts of a step", err);
    int status = last_unit != NULL && ahead != NULL && version->part != NULL ? 0 : -1;
    if (status == 0) {
        count_ahead(version, last_unit, ahead);
        for (size_t begin = 0, behind = 0, end; begin < count; begin = end) { /* behind: cut units before `begin` */
            size_t most = ahead[begin] > behind + room ? ahead[begin] : behind + room;
            for (end = begin; end < count && (room == 0 || ahead[end] <= most); end++) {
                behind += version->cut_number[end] != SIZE_MAX;
            }
            version->part[version->parts++] = (struct fs_stamp_part){end, ahead[end - 1]};
        }
    }
    free(last_unit);
    free(ahead);
    return status;
}

/* stamp_memory.h; all versions share the memory. Parts are the same on all ranks, which ask for as many threads as the root
 * has. */
static int share_memory(struct fs_stamp_step *step, struct fs_error *err)
{
    const struct fs_runner *runner = step->runner;
    double caches = 0, slot = 0, ranks = (double)runner->ranks;
    size_t threads = runner->threads, cut_units = 0;
    bool made = true;
    if (fs_runner_broadcast(step->runner, &threads, sizeof threads, err) != 0) {
        return -1;
    }
    for (size_t v = 0; v < step->versions; v++) {
        const struct fs_stamp_version *version = &step->version[v];
        for (size_t u = 0; u < version->units.count; u++) {
            const struct fs_stamp_unit *unit = &version->units.unit[u];
            double cache = (double)fs_stamp_cache_bytes(step, unit);
            bool waits = version->two_sweeps && version->cut_number[u] != SIZE_MAX;
            caches += cache;
            slot = waits ? fmax(slot, fs_stamp_tape_bytes(step, unit) + cache) : slot;
        }
        cut_units = version->cut_units > cut_units ? version->cut_units : cut_units;
    }
    const struct fs_stamp_holding holding = {.bound = (double)step->options->memory * MIB,
                                             .caches = caches / ranks,
                                             .slot = slot,
                                             .units = ceil((double)cut_units / ranks),
                                             .ranks = runner->ranks,
                                             .threads = threads};
    step->slots = fs_stamp_slots(&holding);
    step->cache_limit = fs_stamp_cache_limit(&holding);
    step->kept = fs_allocate(step->slots, sizeof *step->kept, "the memory of a step", err);
    for (size_t v = 0; v < step->versions; v++) {
        struct fs_stamp_version *version = &step->version[v];
        version->slot = fs_allocate(version->units.count, sizeof *version->slot, "the memory of a step", err);
        version->home = fs_allocate(version->units.count, sizeof *version->home, "the memory of a step", err);
        made = made && version->slot != NULL && version->home != NULL;
        for (size_t u = 0; made && u < version->units.count; u++) {
            version->home[u] = SIZE_MAX;
        }
    }
    return fs_runner_agree(step->runner, made && step->kept != NULL ? 0 : -1, err);
}

static int compile_version(struct fs_stamp_step *step, const struct fs_tokenizer *tokenizer,
                           const struct fs_stamp_batch *batch, struct fs_error *err)
{
    struct fs_stamp_version *version = &step->version[batch->version];
    struct fs_stamp_units *units = &version->units;
    if (fs_stamp_units_compile(step->spec, tokenizer, batch, step->options, units, err) != 0) {
        return -1;
    }
    if (units->pairs == 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: none of the %zu pairs of batch %zu can be scored by %s: they are too long or their "
                            "objects have no token; take larger batches or other pairs",
                            step->options->form->name, batch->count, batch->number,
                            fs_scoring_name(step->options->scoring));
    }
    if (step->options->text_weight > 0 &&
        fs_stamp_text_compile(step->spec, tokenizer, step->options, step->text, units, err) != 0) {
        return -1;
    }
    if (list_cut_units(step, version, err) != 0) {
        return -1;
    }
    step->now = version;
    version->length =
        step->parameters + units->count * 2 * fs_stamp_values(step) + (version->two_sweeps ? 0 : 2 * units->cuts.pairs);
    version->mine = fs_allocate(units->count, 1, "the training units", err);
    return version->mine != NULL ? 0 : -1;
}

static void raise_to(size_t *most, size_t value)
{
    *most = value > *most ? value : *most;
}

/* What the largest of all versions needs, for the threads' benches are made once. */
static int reserve(struct fs_stamp_step *step, struct fs_error *err)
{
    size_t units = 0, cut_pairs = 0, tokens = 0, rows = 0, text = 0;
    for (size_t v = 0; v < step->versions; v++) {
        const struct fs_stamp_version *version = &step->version[v];
        raise_to(&units, version->units.count);
        raise_to(&cut_pairs, version->units.cuts.pairs);
        raise_to(&tokens, version->units.most_tokens);
        raise_to(&rows, version->units.most_rows);
        raise_to(&text, version->units.most_text);
        raise_to(&step->most_length, version->length);
    }
    for (size_t v = 0; v < step->versions; v++) {
        step->version[v].units.most_tokens = tokens;
        step->version[v].units.most_rows = rows;
        step->version[v].units.most_text = text;
    }
    step->part_mine = fs_allocate(units + 1, 1, "the training units", err);
    step->total = fs_allocate_aligned(step->most_length, sizeof *step->total, "the gradient", err);
    step->pairs_total = fs_allocate(2 * cut_pairs, sizeof *step->pairs_total, "the terms of a batch", err);
    step->value = fs_allocate(fs_stamp_values(step), sizeof *step->value, "the loss", err);
    step->bench = fs_allocate(step->runner->threads, sizeof *step->bench, "workspaces", err);
    return step->part_mine != NULL && step->total != NULL && step->pairs_total != NULL && step->value != NULL &&
                   step->bench != NULL
               ? 0
               : -1;
}

static int compile(struct fs_stamp_step *step, const struct fs_tokenizer *tokenizer, const struct fs_stamp_batch *batch,
                   struct fs_error *err)
{
    step->versions = 1 + step->options->frames;
    step->version = fs_allocate(step->versions, sizeof *step->version, "the training units", err);
    if (step->version == NULL) {
        return -1;
    }
    for (size_t v = 0; v < step->versions; v++) {
        struct fs_stamp_batch of_version = *batch;
        of_version.version = v;
        if (compile_version(step, tokenizer, &of_version, err) != 0) {
            return -1;
        }
    }
    return reserve(step, err);
}

static int cut_all_parts(struct fs_stamp_step *step, struct fs_error *err)
{
    size_t parts = 1;
    for (size_t v = 0; v < step->versions; v++) {
        bool many = step->version[v].two_sweeps && !step->runner->probes;
        if (cut_parts(&step->version[v], many ? step->slots * step->runner->ranks : 0, err) != 0) {
            return -1;
        }
        raise_to(&parts, step->version[v].parts);
    }
    if (parts > 1) {
        step->before = fs_allocate_aligned(step->most_length, sizeof *step->before, "the gradient", err);
    }
    return parts == 1 || step->before != NULL ? 0 : -1;
}

/* The unedited model on the units of all versions; what has room stays, of the plain one first. */
static int fill(struct fs_stamp_step *step, struct fs_error *err)
{
    for (size_t v = 0; v < step->versions; v++) {
        step->now = &step->version[v];
        struct fs_work work = {.name = step->options->form->unedited,
                               .units = step->now->units.count,
                               .context = step,
                               .run = fs_stamp_fill_unit,
                               .cost = fs_stamp_fill_cost};
        struct fs_work steps = {.name = step->options->form->name,
                                .units = step->now->units.count,
                                .context = step,
                                .cost = fs_stamp_whole_cost};
        if (fs_runner_claim(step->runner, &work, &steps, step->now->mine, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int fs_stamp_step_begin(struct fs_stamp_step *step, const struct fs_tokenizer *tokenizer,
                        const struct fs_stamp_batch *batch, struct fs_error *err)
{
    struct fs_runner *runner = step->runner;
    step->parameters = step->edit.count;
    if (fs_runner_agree(runner, compile(step, tokenizer, batch, err), err) != 0 || share_memory(step, err) != 0 ||
        fs_runner_agree(runner, cut_all_parts(step, err), err) != 0 || fill(step, err) != 0) {
        return -1;
    }
    step->now = &step->version[0];
    struct fs_work gap = {.name = step->options->form->gap,
                          .units = step->now->units.count,
                          .context = step,
                          .run = fs_stamp_measure_unit};
    if (fs_runner_sum(runner, &gap, step->now->mine, step->now->units.count * 2 * fs_stamp_values(step), step->total,
                      err) != 0) {
        return -1;
    }
    get_values(step, step->total);
    step->gap = step->value[0];
    step->mean_square = step->value[1];
    return 0;
}

/* ---- a step ---- */

/* Of the steps of a batch, the plain ones or the framed ones, where there are both (fs_stamp_version_of). */
static struct fs_step_kind kind_of(const struct fs_stamp_step *step)
{
    size_t steps = step->options->iterations, plain = steps / 4 * 2 + (steps % 4 > 0);
    if (step->versions == 1) {
        return (struct fs_step_kind){0};
    }
    bool framed = step->now != step->version;
    return (struct fs_step_kind){framed ? 2 : 1, (double)(framed ? steps - plain : plain) / (double)steps};
}

/* The first sweep from cut unit `first` on to that of the part; sets difference of their pairs. */
static int sweep_first(struct fs_stamp_step *step, const struct fs_stamp_part *part, struct fs_error *err)
{
    size_t count = part->ahead - step->first, numbers = 2 * step->now->units.cuts.pairs;
    struct fs_work work = {.name = step->options->form->terms,
                           .step = kind_of(step),
                           .units = count,
                           .context = step,
                           .run = fs_stamp_first_unit,
                           .cost = fs_stamp_first_cost,
                           .part = true};
    for (size_t i = 0; i < count; i++) {
        step->part_mine[i] = step->now->mine[step->now->cut_unit[step->first + i]];
    }
    if (count > 0 && fs_runner_sum(step->runner, &work, step->part_mine, numbers, step->pairs_total, err) != 0) {
        return -1;
    }
    for (size_t i = 0; count > 0 && i < numbers; i++) { /* each pair is of one unit, and so of one part */
        step->now->difference[i / 2] += (double)step->pairs_total[i];
    }
    return 0;
}

/* The second sweep of a part; of all but the first part, the sum so far comes first. */
static int sweep_second(struct fs_stamp_step *step, const struct fs_stamp_part *part, struct fs_error *err)
{
    size_t carried = step->begin > 0 ? 1 : 0, count = part->end - step->begin;
    struct fs_work work = {.name = step->options->form->name,
                           .step = kind_of(step),
                           .units = carried + count,
                           .context = step,
                           .run = fs_stamp_second_unit,
                           .cost = fs_stamp_second_cost,
                           .prepare = fs_stamp_first_again,
                           .part = part->end < step->now->units.count};
    step->part_mine[0] = fs_runner_is_root(step->runner);
    memcpy(step->part_mine + carried, step->now->mine + step->begin, count);
    if (carried > 0) {
        fs_real *total = step->total;
        step->total = step->before;
        step->before = total;
    }
    return fs_runner_sum(step->runner, &work, step->part_mine, step->now->length, step->total, err);
}

int fs_stamp_step_run(struct fs_stamp_step *step, size_t version, double width, struct fs_error *err)
{
    step->now = &step->version[version > 0 && step->runner->probes ? 1 : version]; /* one stands for all framed ones */
    const struct fs_loss_cuts *cuts = &step->now->units.cuts;
    double cut_balance = 0;
    step->width = width;
    step->first = step->begin = 0;
    memset(step->now->difference, 0, cuts->pairs * sizeof *step->now->difference);
    for (size_t u = 0; u < step->now->units.count; u++) {
        step->now->slot[u] = SIZE_MAX;
    }
    for (size_t i = 0; i < step->slots; i++) { /* a probe leaves some behind */
        atomic_store(&step->kept[i].used, false);
    }
    for (size_t p = 0; p < step->now->parts; p++) {
        const struct fs_stamp_part *part = &step->now->part[p];
        if (step->now->two_sweeps) {
            if (sweep_first(step, part, err) != 0) {
                return -1;
            }
            cut_balance = fs_loss_balance(cuts, step->now->difference, width, step->now->mean);
            step->first = part->ahead;
        }
        if (sweep_second(step, part, err) != 0) {
            return -1;
        }
        step->begin = part->end;
    }
    const fs_real *values = step->total + step->parameters;
    get_values(step, values);
    if (!step->now->two_sweeps) {
        const fs_real *pairs = values + step->now->units.count * 2 * fs_stamp_values(step);
        for (size_t i = 0; i < 2 * cuts->pairs; i++) {
            step->now->difference[i / 2] += (double)pairs[i];
        }
        cut_balance = fs_loss_balance(cuts, step->now->difference, width, step->now->mean);
    }
    step->value[FS_TERM_BALANCE] += cut_balance;
    return 0;
}

static void release_version(struct fs_stamp_version *version)
{
    fs_stamp_units_release(&version->units);
    free(version->mine);
    free(version->cut_unit);
    free(version->cut_number);
    free(version->difference);
    free(version->mean);
    free(version->part);
    free(version->slot);
    free(version->home);
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
    for (size_t v = 0; step->version != NULL && v < step->versions; v++) {
        release_version(&step->version[v]);
    }
    free(step->version);
    free(step->value);
    free(step->total);
    free(step->before);
    free(step->pairs_total);
    free(step->part_mine);
    free(step->kept);
    free(step->bench);
    *step = (struct fs_stamp_step){.model = step->model,
                                   .spec = step->spec,
                                   .options = step->options,
                                   .edit = step->edit,
                                   .text = step->text,
                                   .runner = step->runner};
}
