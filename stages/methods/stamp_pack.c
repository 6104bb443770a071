#include "stages/methods/stamp_pack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/hash.h"

#define NONE SIZE_MAX
#define LEAST_SHARE 0.75 /* of the least cap, for a round number of units */

/* The tokens of all passes as nodes of a forest: equal beginnings are one path, in passes of at most `length` tokens. */
struct forest {
    size_t *first; /* [passes + 1] of `node` */
    size_t *node;  /* of each token of each pass */
    size_t nodes;
};

static void release_forest(struct forest *forest)
{
    free(forest->first);
    free(forest->node);
}

/* A node is known by the node before it and its token; slots hold a node + 1. */
struct branch {
    size_t before;
    int32_t token;
};

struct branches {
    struct branch *branch; /* [nodes] */
    size_t *slot;          /* [mask + 1] */
    size_t mask;
};

static size_t find_branch(struct branches *all, struct branch wanted, size_t *nodes)
{
    size_t at = (size_t)fs_hash_add(fs_hash_add(0, wanted.before), (uint32_t)wanted.token) & all->mask;
    for (; all->slot[at] != 0; at = (at + 1) & all->mask) {
        const struct branch *known = &all->branch[all->slot[at] - 1];
        if (known->before == wanted.before && known->token == wanted.token) {
            return all->slot[at] - 1;
        }
    }
    all->branch[*nodes] = wanted;
    all->slot[at] = *nodes + 1;
    return (*nodes)++;
}

static int grow_forest(const struct fs_plan *plan, size_t length, struct forest *forest, struct fs_error *err)
{
    size_t passes = fs_plan_passes(plan), tokens = 0, room = 1;
    forest->first = fs_allocate(passes + 1, sizeof *forest->first, "the packing of training units", err);
    for (size_t p = 0; forest->first != NULL && p < passes; p++) {
        tokens += fs_plan_pass_length(plan, p);
        forest->first[p + 1] = tokens;
    }
    while (room <= 2 * tokens) {
        room *= 2;
    }
    struct branches all = {fs_allocate(tokens, sizeof *all.branch, "the packing of training units", err),
                           fs_allocate(room, sizeof *all.slot, "the packing of training units", err), room - 1};
    forest->node = fs_allocate(tokens, sizeof *forest->node, "the packing of training units", err);
    bool done = forest->first != NULL && forest->node != NULL && all.branch != NULL && all.slot != NULL;
    for (size_t p = 0; done && p < passes; p++) {
        const int32_t *id = fs_plan_pass_ids(plan, p);
        size_t count = fs_plan_pass_length(plan, p), before = NONE, *node = forest->node + forest->first[p];
        for (size_t i = 0; i < count; i++) {
            before = node[i] =
                count <= length ? find_branch(&all, (struct branch){before, id[i]}, &forest->nodes) : forest->nodes++;
        }
    }
    free(all.branch);
    free(all.slot);
    return done ? 0 : -1;
}

/* [reads of the plan] the first read at the same node. */
static size_t *same_rows(const struct fs_plan *plan, const struct forest *forest, struct fs_error *err)
{
    size_t *same = fs_allocate(fs_plan_reads(plan), sizeof *same, "the packing of training units", err);
    size_t *first = fs_allocate(forest->nodes, sizeof *first, "the packing of training units", err); /* read + 1 */
    if (same == NULL || first == NULL) {
        free(same);
        free(first);
        return NULL;
    }
    for (size_t r = 0; r < fs_plan_reads(plan); r++) {
        size_t pass, position;
        fs_plan_read_place(plan, r, &pass, &position);
        size_t *known = &first[forest->node[forest->first[pass] + position]];
        *known = *known == 0 ? r + 1 : *known;
        same[r] = *known - 1;
    }
    free(first);
    return same;
}

/* ---- units ---- */

struct packer {
    const struct fs_stamp_items *items;
    const struct fs_stamp_prices *prices;
    size_t most_tokens; /* of a unit */
    struct forest computed, read;
    /* the number of the last unit that a token, and a row, is in */
    size_t *token_unit, *row_unit;
    size_t unit; /* of the open unit; numbers are not used again */
    size_t tokens, rows, held;
    size_t *marked; /* token_unit and row_unit of the item that is being added, to take it back */
    size_t marks, token_marks;
    double pairs_cost, prompts_cost;  /* of all in one unit; of each by itself */
    struct fs_stamp_packing *packing; /* NULL: units are only counted */
};

static double cost_of(const struct packer *packer)
{
    return packer->prices->token * (double)packer->tokens + packer->prices->row * (double)packer->rows;
}

static void mark(struct packer *packer, size_t *unit_of, size_t node, size_t *count)
{
    if (unit_of[node] != packer->unit) {
        unit_of[node] = packer->unit;
        packer->marked[packer->marks++] = node;
        ++*count;
    }
}

/* Adds an item to the open unit where that stays within `cap`, or is empty. */
static bool add_item(struct packer *packer, size_t item, double cap)
{
    const struct fs_stamp_items *items = packer->items;
    size_t tokens = packer->tokens, rows = packer->rows, last = NONE;
    packer->marks = 0;
    for (size_t i = items->first[item]; i < items->first[item + 1]; i++) {
        size_t pass, position;
        fs_plan_read_place(items->plan, items->read[i], &pass, &position);
        for (size_t t = packer->computed.first[pass]; pass != last && t < packer->computed.first[pass + 1]; t++) {
            mark(packer, packer->token_unit, packer->computed.node[t], &packer->tokens);
        }
        last = pass;
    }
    packer->token_marks = packer->marks;
    for (size_t i = items->first[item]; i < items->first[item + 1]; i++) {
        size_t pass, position;
        fs_plan_read_place(items->plan, items->read[i], &pass, &position);
        mark(packer, packer->row_unit, packer->read.node[packer->read.first[pass] + position], &packer->rows);
    }
    if (packer->held == 0 || (cost_of(packer) <= cap && packer->tokens <= packer->most_tokens &&
                              packer->rows <= packer->prices->unit_rows)) {
        packer->held++;
        return true;
    }
    for (size_t m = 0; m < packer->marks; m++) {
        (m < packer->token_marks ? packer->token_unit : packer->row_unit)[packer->marked[m]] = NONE;
    }
    packer->tokens = tokens;
    packer->rows = rows;
    return false;
}

static void open_unit(struct packer *packer)
{
    packer->unit++;
    packer->tokens = packer->rows = packer->held = 0;
}

/* The share of pairs in what the items from `pair` and `prompt` on cost; rather too low, for then pairs come last. */
static double pairs_share(const struct packer *packer, size_t pair, size_t prompt)
{
    const struct fs_stamp_items *items = packer->items;
    if (pair == items->pairs || prompt == items->prompts) {
        return 1;
    }
    double pairs = packer->pairs_cost * (double)(items->pairs - pair) / (double)items->pairs;
    double prompts = packer->prompts_cost * (double)(items->prompts - prompt) / (double)items->prompts;
    return pairs / (pairs + prompts);
}

/*
 * Units that cost at most `cap`: pairs up to their share of it, then prompts as long as they fit; how many there are.
 * So all units have pairs, for both sweeps of a step (stamp_step.h), and the small prompts even out what pairs leave.
 */
static size_t cut(struct packer *packer, double cap)
{
    const struct fs_stamp_items *items = packer->items;
    size_t pair = 0, prompt = 0, units = 0;
    while (pair < items->pairs || prompt < items->prompts) {
        open_unit(packer);
        double pairs_cap = cap * pairs_share(packer, pair, prompt);
        while (pair < items->pairs && add_item(packer, pair, pairs_cap)) {
            pair++;
        }
        while (prompt < items->prompts && add_item(packer, items->pairs + prompt, cap)) {
            prompt++;
        }
        if (packer->packing != NULL) {
            packer->packing->pair_end[units] = pair;
            packer->packing->prompt_end[units] = prompt;
        }
        units++;
    }
    return units;
}

/* The least cap, to a thousandth, from `least` to `most` that makes no more than so many units. */
static double least_cap(struct packer *packer, double least, double most, size_t units)
{
    if (cut(packer, least) <= units) {
        return least;
    }
    while (most - least > 1e-3 * most) {
        double middle = 0.5 * (least + most);
        if (cut(packer, middle) <= units) {
            most = middle;
        } else {
            least = middle;
        }
    }
    return most;
}

/* stamp_pack.h says so. */
static size_t wanted_units(size_t units, size_t most)
{
    if (units >= 64) {
        size_t near = (units + 32) / 64 * 64;
        return near < most ? near : most;
    }
    size_t power = 1;
    while (power < units) {
        power *= 2;
    }
    size_t part = power < 4 ? 1 : power / 4;
    return (units + part - 1) / part * part;
}

static double choose_cap(struct packer *packer)
{
    const struct fs_stamp_prices *prices = packer->prices;
    const struct fs_stamp_items *items = packer->items;
    for (size_t i = 0; i < items->prompts; i++) {
        open_unit(packer);
        (void)add_item(packer, items->pairs + i, INFINITY);
        packer->prompts_cost += cost_of(packer);
    }
    open_unit(packer); /* of all items: FLOPs a token */
    for (size_t i = 0; i < items->pairs + items->prompts; i++) {
        packer->held = 0;
        (void)add_item(packer, i, INFINITY);
        packer->pairs_cost = i < items->pairs ? cost_of(packer) : packer->pairs_cost;
    }
    if (packer->tokens == 0) {
        return 0;
    }
    double each = cost_of(packer) / (double)packer->tokens, most = each * (double)packer->most_tokens;
    double few = fmax(each * FS_STAMP_FEW_TOKENS, FS_STAMP_FLOPS), least = each * (double)prices->unit_tokens;
    size_t units = SIZE_MAX;
    if (prices->unit_tokens == 0) {
        least = fmax(FS_UNIT_FLOPS, fmin(each * FS_STAMP_TOKENS, few));
        units = FS_STAMP_UNITS;
    }
    least = fmin(least, most);
    return least_cap(packer, LEAST_SHARE * least, most, wanted_units(cut(packer, least), units));
}

static int prepare(struct packer *packer, struct fs_error *err)
{
    const struct fs_plan *plan = packer->items->plan;
    if (grow_forest(plan, packer->prices->shared_length, &packer->computed, err) != 0 ||
        grow_forest(plan, packer->prices->read_length, &packer->read, err) != 0) {
        return -1;
    }
    size_t nodes = packer->computed.nodes + packer->read.nodes;
    packer->token_unit = fs_allocate(nodes, sizeof *packer->token_unit, "the packing of training units", err);
    packer->marked = fs_allocate(nodes, sizeof *packer->marked, "the packing of training units", err);
    if (packer->token_unit == NULL || packer->marked == NULL) {
        return -1;
    }
    packer->row_unit = packer->token_unit + packer->computed.nodes;
    for (size_t n = 0; n < nodes; n++) {
        packer->token_unit[n] = NONE;
    }
    return 0;
}

int fs_stamp_pack(const struct fs_stamp_items *items, const struct fs_stamp_prices *prices,
                  struct fs_stamp_packing *packing, struct fs_error *err)
{
    size_t most = prices->unit_tokens > FS_UNIT_TOKENS ? prices->unit_tokens : FS_UNIT_TOKENS;
    struct packer packer = {.items = items, .prices = prices, .most_tokens = most};
    *packing = (struct fs_stamp_packing){0};
    int status = prepare(&packer, err);
    if (status == 0) {
        double cap = choose_cap(&packer);
        packing->units = cut(&packer, cap);
        packing->pair_end = fs_allocate(packing->units, sizeof *packing->pair_end, "the training units", err);
        packing->prompt_end = fs_allocate(packing->units, sizeof *packing->prompt_end, "the training units", err);
        packing->same = same_rows(items->plan, &packer.read, err);
        packer.packing = packing;
        status = packing->pair_end != NULL && packing->prompt_end != NULL && packing->same != NULL ? 0 : -1;
        if (status == 0) {
            (void)cut(&packer, cap);
        }
    }
    release_forest(&packer.computed);
    release_forest(&packer.read);
    free(packer.token_unit);
    free(packer.marked);
    return status;
}

void fs_stamp_packing_release(struct fs_stamp_packing *packing)
{
    free(packing->pair_end);
    free(packing->prompt_end);
    free(packing->same);
    *packing = (struct fs_stamp_packing){0};
}
