/* From the passes and reads of a plan to its units. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/plan/plan_parts.h"

size_t fs_unit_tokens(double tokens, double flops)
{
    double least = fmax(FS_LEAST_TOKENS, flops > 0 ? FS_UNIT_FLOPS / flops : INFINITY);
    return (size_t)fmin(fmax(ceil(tokens / FS_UNITS), ceil(least)), (double)FS_UNIT_TOKENS);
}

/* A plan on its way into units. */
struct packing {
    struct fs_plan *plan;
    const struct fs_plan_limits *limits;
    size_t unit_tokens;
    size_t longest; /* tokens of a pass */
    size_t *common; /* [passes] tokens that the pass at this place of the order shares with the one before it */
    size_t *unit;   /* [passes] by pass */
    size_t *place;  /* [passes] of each pass in the order */
    size_t *owner;  /* [longest] the sequence that has the row of each position of the path so far */
};

static int compare_numbers(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static bool shares(const struct packing *packing, const struct fs_plan_pass *pass)
{
    return pass->count <= packing->limits->shared_length;
}

size_t fs_common_ids(const int32_t *a, size_t count_a, const int32_t *b, size_t count_b)
{
    size_t n = count_a < count_b ? count_a : count_b, i = 0;
    while (i < n && a[i] == b[i]) {
        i++;
    }
    return i;
}

static size_t common_beginning(const struct fs_plan *plan, const struct fs_plan_pass *a, const struct fs_plan_pass *b)
{
    return fs_common_ids(plan->id + a->offset, a->count, plan->id + b->offset, b->count);
}

/* Those that share by their ids, then the others by length; equal ones by index. */
static int compare_passes(const void *a, const void *b, void *context)
{
    const struct packing *packing = context;
    const struct fs_plan *plan = packing->plan;
    size_t first = *(const size_t *)a, second = *(const size_t *)b;
    const struct fs_plan_pass *one = &plan->pass[first], *other = &plan->pass[second];
    if (shares(packing, one) && shares(packing, other)) {
        size_t common = common_beginning(plan, one, other);
        if (common < one->count && common < other->count) {
            return plan->id[one->offset + common] < plan->id[other->offset + common] ? -1 : 1;
        }
    } else if (shares(packing, one) != shares(packing, other)) {
        return shares(packing, one) ? -1 : 1;
    }
    int length = compare_numbers(one->count, other->count);
    return length != 0 ? length : compare_numbers(first, second);
}

static int check_lengths(const struct packing *packing, const struct fs_plan_pass *longest, struct fs_error *err)
{
    const struct fs_plan *plan = packing->plan;
    if (longest == NULL || longest->count <= packing->limits->max_positions) {
        return 0;
    }
    char ids[160];
    size_t used = 0;
    for (size_t i = 0; i < longest->count && used + 16 < sizeof ids; i++) {
        used +=
            (size_t)snprintf(ids + used, sizeof ids - used, "%s%d", i > 0 ? " " : "", plan->id[longest->offset + i]);
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "a text has %zu tokens (ids %s ...), the model takes at most %zu; shorten the text",
                        longest->count, ids, packing->limits->max_positions);
}

/* The order of the passes, what neighbours share, and how many tokens a unit has. */
static int order_passes(struct packing *packing, struct fs_error *err)
{
    struct fs_plan *plan = packing->plan;
    const struct fs_plan_pass *longest = NULL;
    size_t tokens = 0;
    for (size_t i = 0; i < plan->passes; i++) {
        plan->order[i] = i;
        longest = longest == NULL || plan->pass[i].count > longest->count ? &plan->pass[i] : longest;
    }
    if (check_lengths(packing, longest, err) != 0) {
        return -1;
    }
    packing->longest = longest != NULL ? longest->count : 0;
    qsort_r(plan->order, plan->passes, sizeof *plan->order, compare_passes, packing);
    for (size_t i = 0; i < plan->passes; i++) {
        const struct fs_plan_pass *pass = &plan->pass[plan->order[i]];
        packing->place[plan->order[i]] = i;
        packing->common[i] =
            i > 0 && shares(packing, pass) ? common_beginning(plan, &plan->pass[plan->order[i - 1]], pass) : 0;
        tokens += pass->count - packing->common[i];
    }
    const struct fs_plan_limits *limits = packing->limits;
    size_t smaller = limits->token_flops > 0 ? fs_unit_tokens((double)tokens, limits->token_flops) : SIZE_MAX;
    packing->unit_tokens = smaller < limits->unit_tokens ? smaller : limits->unit_tokens;
    return 0;
}

/*
 * Where the unit that begins at `first` of the order ends: as late as its tokens allow, or before that, in its second
 * half, where the next pass shares least with it.
 */
static size_t unit_end(const struct packing *packing, size_t first)
{
    const struct fs_plan *plan = packing->plan;
    size_t end = first + 1, tokens = plan->pass[plan->order[first]].count, best = 0, least = SIZE_MAX;
    for (; end < plan->passes; end++) {
        size_t own = plan->pass[plan->order[end]].count - packing->common[end];
        bool second_half = tokens >= packing->unit_tokens / 2;
        if (second_half && packing->common[end] <= least) {
            least = packing->common[end];
            best = end;
        }
        if (tokens >= packing->unit_tokens || own > packing->unit_tokens - tokens) {
            break;
        }
        tokens += own;
    }
    return end == plan->passes || best == 0 ? end : best;
}

/* Lays out the passes first .. end - 1 of the order as a unit. */
static void pack_unit(struct packing *packing, size_t first, size_t end)
{
    struct fs_plan *plan = packing->plan;
    struct fs_plan_cut *unit = &plan->unit[plan->units];
    size_t *start = plan->start + first + plan->units;
    *unit = (struct fs_plan_cut){.sequence = first, .sequences = end - first, .token = plan->tokens};
    for (size_t i = first; i < end; i++) {
        const struct fs_plan_pass *pass = &plan->pass[plan->order[i]];
        size_t depth = i > first ? packing->common[i] : 0, own = pass->count - depth;
        if (plan->depth != NULL) {
            plan->depth[i] = depth;
            plan->parent[i] = depth > 0 ? packing->owner[depth - 1] : 0;
        }
        for (size_t position = depth; position < pass->count; position++) {
            packing->owner[position] = i - first;
        }
        memcpy(plan->token + plan->tokens, plan->id + pass->offset + depth, own * sizeof *plan->token);
        plan->tokens += own;
        unit->tokens += own;
        unit->states += pass->state != 0;
        start[i - first + 1] = unit->tokens;
        packing->unit[plan->order[i]] = plan->units;
    }
    plan->units++;
}

static int pack_passes(struct packing *packing, struct fs_error *err)
{
    struct fs_plan *plan = packing->plan;
    bool any = false;
    for (size_t i = 0; i < plan->passes; i++) {
        any = any || packing->common[i] > 0;
    }
    plan->unit = fs_allocate(plan->passes, sizeof *plan->unit, "units of a plan", err);
    plan->token = fs_allocate(plan->ids, sizeof *plan->token, "units of a plan", err);
    plan->start = fs_allocate(2 * plan->passes, sizeof *plan->start, "units of a plan", err);
    packing->owner = fs_allocate(packing->longest, sizeof *packing->owner, "units of a plan", err);
    if (plan->unit == NULL || plan->token == NULL || plan->start == NULL || packing->owner == NULL) {
        return -1;
    }
    if (any) {
        plan->parent = fs_allocate(plan->passes, sizeof *plan->parent, "units of a plan", err);
        plan->depth = fs_allocate(plan->passes, sizeof *plan->depth, "units of a plan", err);
        if (plan->parent == NULL || plan->depth == NULL) {
            return -1;
        }
    }
    for (size_t first = 0, end; first < plan->passes; first = end) {
        end = unit_end(packing, first);
        pack_unit(packing, first, end);
    }
    return 0;
}

/* A read on its way to its unit. */
struct placed {
    size_t unit, row, read;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *one = a, *other = b;
    int by = compare_numbers(one->unit, other->unit);
    by = by != 0 ? by : compare_numbers(one->row, other->row);
    return by != 0 ? by : compare_numbers(one->read, other->read);
}

static struct placed place_read(const struct packing *packing, size_t index)
{
    const struct fs_plan *plan = packing->plan;
    const struct fs_plan_read *read = &plan->read[index];
    struct fs_plan_unit unit;
    size_t number = packing->unit[read->pass];
    fs_plan_get_unit(plan, number, &unit);
    size_t sequence = packing->place[read->pass] - plan->unit[number].sequence;
    return (struct placed){number, fs_batch_row(&unit.batch, sequence, read->position), index};
}

/* Sorts the reads into units and rows. */
static int pack_reads(const struct packing *packing, struct placed *placed, struct fs_error *err)
{
    struct fs_plan *plan = packing->plan;
    plan->row = fs_allocate(plan->reads, sizeof *plan->row, "reads of a plan", err);
    plan->first = fs_allocate(plan->reads + plan->units, sizeof *plan->first, "reads of a plan", err);
    plan->read_token = fs_allocate(plan->reads, sizeof *plan->read_token, "reads of a plan", err);
    plan->read_index = fs_allocate(plan->reads, sizeof *plan->read_index, "reads of a plan", err);
    if (plan->row == NULL || plan->first == NULL || plan->read_token == NULL || plan->read_index == NULL) {
        return -1;
    }
    for (size_t i = 0; i < plan->reads; i++) {
        placed[i] = place_read(packing, i);
    }
    qsort(placed, plan->reads, sizeof *placed, compare_placed);

    size_t next = 0, row = 0;
    for (size_t u = 0; u < plan->units; u++) {
        struct fs_plan_cut *unit = &plan->unit[u];
        unit->row = row;
        unit->read = next;
        size_t *first = plan->first + row + u;
        for (; next < plan->reads && placed[next].unit == u; next++) {
            if (unit->rows == 0 || plan->row[row - 1] != placed[next].row) {
                plan->row[row++] = placed[next].row;
                unit->rows++;
            }
            plan->read_index[next] = placed[next].read;
            plan->read_token[next] = plan->read[placed[next].read].token;
            first[unit->rows] = ++unit->reads;
        }
    }
    return 0;
}

static void *fitted(void *block, size_t count, size_t size)
{
    void *less = realloc(block, (count > 0 ? count : 1) * size);
    return less != NULL ? less : block;
}

/* Gives back what the plan has room for and does not need. */
static void fit(struct fs_plan *plan)
{
    size_t rows = plan->units > 0 ? plan->unit[plan->units - 1].row + plan->unit[plan->units - 1].rows : 0;
    plan->unit = fitted(plan->unit, plan->units, sizeof *plan->unit);
    plan->id = fitted(plan->id, plan->ids, sizeof *plan->id);
    plan->pass = fitted(plan->pass, plan->passes, sizeof *plan->pass);
    plan->read = fitted(plan->read, plan->reads, sizeof *plan->read);
    plan->token = fitted(plan->token, plan->tokens, sizeof *plan->token);
    plan->start = fitted(plan->start, plan->passes + plan->units, sizeof *plan->start);
    plan->row = fitted(plan->row, rows, sizeof *plan->row);
    plan->first = fitted(plan->first, rows + plan->units, sizeof *plan->first);
}

int fs_plan_seal(struct fs_plan *plan, struct fs_plan_limits limits, struct fs_error *err)
{
    if (plan->sealed) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "plan: sealed twice");
    }
    plan->sealed = true;
    free(plan->pass_table.slot); /* nothing is looked for any more */
    free(plan->read_table.slot);
    plan->pass_table = plan->read_table = (struct fs_plan_table){0};
    struct packing packing = {.plan = plan, .limits = &limits};
    plan->order = fs_allocate(plan->passes, sizeof *plan->order, "the order of a plan", err);
    packing.common = fs_allocate(plan->passes, sizeof *packing.common, "the order of a plan", err);
    packing.unit = fs_allocate(plan->passes, sizeof *packing.unit, "the order of a plan", err);
    packing.place = fs_allocate(plan->passes, sizeof *packing.place, "the order of a plan", err);
    struct placed *placed = fs_allocate(plan->reads, sizeof *placed, "reads of a plan", err);
    int status = -1;
    if (plan->order != NULL && packing.common != NULL && packing.unit != NULL && packing.place != NULL &&
        placed != NULL && order_passes(&packing, err) == 0 && pack_passes(&packing, err) == 0) {
        status = pack_reads(&packing, placed, err);
        if (status == 0) {
            fit(plan);
            status = fs_plan_pack_prefixed(plan, &limits, packing.unit_tokens, err);
        }
    }
    free(packing.common);
    free(packing.unit);
    free(packing.place);
    free(packing.owner);
    free(placed);
    return status;
}

void fs_plan_get_unit(const struct fs_plan *plan, size_t unit, struct fs_plan_unit *out)
{
    const struct fs_plan_cut *u = &plan->unit[unit];
    *out = (struct fs_plan_unit){
        .batch = {u->sequences, u->tokens, plan->token + u->token, plan->start + u->sequence + unit,
                  plan->parent != NULL ? plan->parent + u->sequence : NULL,
                  plan->depth != NULL ? plan->depth + u->sequence : NULL},
        .reads = {u->rows, plan->row + u->row, plan->first + u->row + unit, plan->read_token + u->read, NULL},
        .read_index = plan->read_index + u->read,
        .pass_index = plan->order + u->sequence,
        .states = u->states,
    };
}
