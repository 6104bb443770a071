#include "stages/plan/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/hash.h"

struct pass {
    size_t offset; /* into the pool of ids */
    size_t count;
    uint64_t hash;
    size_t state; /* index + 1; 0: none is asked for */
};

struct read {
    size_t pass, position;
    int32_t token;
};

/* Open addressing: slot holds an index + 1, 0 where it is empty; at most half full. */
struct table {
    size_t *slot;
    size_t capacity; /* a power of two, or 0 */
};

struct unit {
    size_t sequence, sequences; /* first of `order`, and how many */
    size_t token, tokens;       /* first of `token` */
    size_t row, rows;           /* first of `row` */
    size_t read, reads;         /* first of `read_token` and `read_index` */
    size_t states;
};

struct fs_plan {
    int32_t *id;
    size_t ids, id_capacity;
    struct pass *pass;
    size_t passes, pass_capacity;
    struct read *read;
    size_t reads, read_capacity;
    size_t states;
    struct table pass_table, read_table;

    /* From sealing on; everything in the order of units. Unit u has its own 0-based start and first. */
    bool sealed;
    struct unit *unit;
    size_t units;
    size_t *order;       /* [passes] the passes, by length, then index */
    int32_t *token;      /* [ids] */
    size_t *start;       /* [passes + units] */
    size_t *row;         /* [rows] */
    size_t *first;       /* [rows + units] */
    int32_t *read_token; /* [reads] */
    size_t *read_index;  /* [reads] */
};

int fs_plan_create(struct fs_plan **plan, struct fs_error *err)
{
    *plan = fs_allocate(1, sizeof **plan, "a plan", err);
    return *plan != NULL ? 0 : -1;
}

void fs_plan_destroy(struct fs_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    free(plan->id);
    free(plan->pass);
    free(plan->read);
    free(plan->pass_table.slot);
    free(plan->read_table.slot);
    free(plan->unit);
    free(plan->order);
    free(plan->token);
    free(plan->start);
    free(plan->row);
    free(plan->first);
    free(plan->read_token);
    free(plan->read_index);
    free(plan);
}

static uint64_t hash_ids(const int32_t *id, size_t count)
{
    uint64_t hash = count;
    for (size_t i = 0; i < count; i++) {
        hash = fs_hash_add(hash, (uint32_t)id[i]);
    }
    return hash;
}

static uint64_t hash_read(const struct read *read)
{
    return fs_hash_add(fs_hash_add(fs_hash_add(0, read->pass), read->position), (uint32_t)read->token);
}

static uint64_t hash_of_pass(const struct fs_plan *plan, size_t pass)
{
    return plan->pass[pass].hash;
}

static uint64_t hash_of_read(const struct fs_plan *plan, size_t read)
{
    return hash_read(&plan->read[read]);
}

/* Makes room for item number `count`; all items before it are hashed anew where the table grows. */
static int table_reserve(struct table *table, const struct fs_plan *plan, size_t count,
                         uint64_t (*hash_of)(const struct fs_plan *plan, size_t item), struct fs_error *err)
{
    if (count + 1 <= table->capacity / 2) {
        return 0;
    }
    size_t capacity = table->capacity == 0 ? 256 : table->capacity * 2;
    size_t *slot = fs_allocate(capacity, sizeof *slot, "a plan", err);
    if (slot == NULL) {
        return -1;
    }
    for (size_t item = 0; item < count; item++) {
        size_t at = (size_t)hash_of(plan, item) & (capacity - 1);
        while (slot[at] != 0) {
            at = (at + 1) & (capacity - 1);
        }
        slot[at] = item + 1;
    }
    free(table->slot);
    table->slot = slot;
    table->capacity = capacity;
    return 0;
}

int fs_plan_add_pass(struct fs_plan *plan, const int32_t *id, size_t count, size_t *pass, struct fs_error *err)
{
    if (plan->sealed || count == 0) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "plan: %s",
                            plan->sealed ? "a pass is added after sealing" : "a pass without tokens is added");
    }
    if (table_reserve(&plan->pass_table, plan, plan->passes, hash_of_pass, err) != 0) {
        return -1;
    }
    uint64_t hash = hash_ids(id, count);
    size_t at = (size_t)hash & (plan->pass_table.capacity - 1);
    for (; plan->pass_table.slot[at] != 0; at = (at + 1) & (plan->pass_table.capacity - 1)) {
        size_t known = plan->pass_table.slot[at] - 1;
        const struct pass *other = &plan->pass[known];
        if (other->hash == hash && other->count == count &&
            memcmp(plan->id + other->offset, id, count * sizeof *id) == 0) {
            *pass = known;
            return 0;
        }
    }
    if (fs_grow(&plan->pass, &plan->pass_capacity, plan->passes + 1, sizeof *plan->pass, "a plan", err) != 0 ||
        fs_grow(&plan->id, &plan->id_capacity, plan->ids + count, sizeof *plan->id, "a plan", err) != 0) {
        return -1;
    }
    memcpy(plan->id + plan->ids, id, count * sizeof *id);
    plan->pass[plan->passes] = (struct pass){plan->ids, count, hash, 0};
    plan->ids += count;
    *pass = plan->passes++;
    plan->pass_table.slot[at] = *pass + 1;
    return 0;
}

int fs_plan_add_read(struct fs_plan *plan, size_t pass, size_t position, int32_t token, size_t *read,
                     struct fs_error *err)
{
    if (plan->sealed || pass >= plan->passes || position >= plan->pass[pass].count) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "plan: a read of pass %zu, position %zu is added %s", pass, position,
                            plan->sealed ? "after sealing" : "that does not exist");
    }
    if (table_reserve(&plan->read_table, plan, plan->reads, hash_of_read, err) != 0) {
        return -1;
    }
    const struct read wanted = {pass, position, token};
    size_t at = (size_t)hash_read(&wanted) & (plan->read_table.capacity - 1);
    for (; plan->read_table.slot[at] != 0; at = (at + 1) & (plan->read_table.capacity - 1)) {
        size_t known = plan->read_table.slot[at] - 1;
        const struct read *other = &plan->read[known];
        if (other->pass == pass && other->position == position && other->token == token) {
            *read = known;
            return 0;
        }
    }
    if (fs_grow(&plan->read, &plan->read_capacity, plan->reads + 1, sizeof *plan->read, "a plan", err) != 0) {
        return -1;
    }
    plan->read[plan->reads] = wanted;
    *read = plan->reads++;
    plan->read_table.slot[at] = *read + 1;
    return 0;
}

int fs_plan_add_state(struct fs_plan *plan, size_t pass, size_t *state, struct fs_error *err)
{
    if (plan->sealed || pass >= plan->passes) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "plan: a state of pass %zu is added %s", pass,
                            plan->sealed ? "after sealing" : "that does not exist");
    }
    if (plan->pass[pass].state == 0) {
        plan->pass[pass].state = ++plan->states;
    }
    *state = plan->pass[pass].state - 1;
    return 0;
}

size_t fs_plan_states(const struct fs_plan *plan)
{
    return plan->states;
}

size_t fs_plan_state_of(const struct fs_plan *plan, size_t pass)
{
    return plan->pass[pass].state - 1; /* 0 wraps to SIZE_MAX */
}

size_t fs_plan_passes(const struct fs_plan *plan)
{
    return plan->passes;
}

size_t fs_plan_reads(const struct fs_plan *plan)
{
    return plan->reads;
}

int32_t fs_plan_read_token(const struct fs_plan *plan, size_t read)
{
    return plan->read[read].token;
}

size_t fs_plan_pass_length(const struct fs_plan *plan, size_t pass)
{
    return plan->pass[pass].count;
}

const int32_t *fs_plan_pass_ids(const struct fs_plan *plan, size_t pass)
{
    return plan->id + plan->pass[pass].offset;
}

size_t fs_plan_units(const struct fs_plan *plan)
{
    return plan->units;
}

size_t fs_plan_tokens(const struct fs_plan *plan)
{
    return plan->ids;
}

static int compare_numbers(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare_passes(const void *a, const void *b, void *context)
{
    const struct fs_plan *plan = context;
    const size_t *first = a, *second = b;
    int length = compare_numbers(plan->pass[*first].count, plan->pass[*second].count);
    return length != 0 ? length : compare_numbers(*first, *second);
}

struct read_order {
    const struct fs_plan *plan;
    const size_t *rank; /* [passes] place in the order of units */
};

static int compare_reads(const void *a, const void *b, void *context)
{
    const struct read_order *order = context;
    const size_t *first = a, *second = b;
    const struct read *one = &order->plan->read[*first], *other = &order->plan->read[*second];
    int by = compare_numbers(order->rank[one->pass], order->rank[other->pass]);
    by = by != 0 ? by : compare_numbers(one->position, other->position);
    return by != 0 ? by : compare_numbers(*first, *second);
}

/* The longest pass is the last one. */
static int check_lengths(const struct fs_plan *plan, size_t max_positions, struct fs_error *err)
{
    if (plan->passes == 0) {
        return 0;
    }
    const struct pass *longest = &plan->pass[plan->order[plan->passes - 1]];
    if (longest->count <= max_positions) {
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
                        longest->count, ids, max_positions);
}

/* Cuts the ordered passes into units and lays out their tokens. */
static int pack_passes(struct fs_plan *plan, size_t unit_tokens, struct fs_error *err)
{
    plan->unit = fs_allocate(plan->passes, sizeof *plan->unit, "units of a plan", err);
    plan->token = fs_allocate(plan->ids, sizeof *plan->token, "units of a plan", err);
    plan->start = fs_allocate(2 * plan->passes, sizeof *plan->start, "units of a plan", err);
    if (plan->unit == NULL || plan->token == NULL || plan->start == NULL) {
        return -1;
    }
    size_t token = 0;
    struct unit *unit = NULL;
    for (size_t i = 0; i < plan->passes; i++) {
        const struct pass *pass = &plan->pass[plan->order[i]];
        if (unit == NULL || pass->count > unit_tokens || unit->tokens > unit_tokens - pass->count) {
            unit = &plan->unit[plan->units++];
            *unit = (struct unit){.sequence = i, .token = token};
        }
        memcpy(plan->token + token, plan->id + pass->offset, pass->count * sizeof *plan->token);
        token += pass->count;
        unit->tokens += pass->count;
        unit->sequences++;
        unit->states += pass->state != 0;
        /* unit u's starts stand u places further on: each unit has one more than it has sequences */
        plan->start[unit->sequence + (plan->units - 1) + unit->sequences] = unit->tokens;
    }
    return 0;
}

/* Sorts the reads into units and rows. `rank`: place of each pass in the order. */
static int pack_reads(struct fs_plan *plan, const size_t *rank, struct fs_error *err)
{
    plan->row = fs_allocate(plan->reads, sizeof *plan->row, "reads of a plan", err);
    plan->first = fs_allocate(plan->reads + plan->units, sizeof *plan->first, "reads of a plan", err);
    plan->read_token = fs_allocate(plan->reads, sizeof *plan->read_token, "reads of a plan", err);
    plan->read_index = fs_allocate(plan->reads, sizeof *plan->read_index, "reads of a plan", err);
    if (plan->row == NULL || plan->first == NULL || plan->read_token == NULL || plan->read_index == NULL) {
        return -1;
    }
    for (size_t i = 0; i < plan->reads; i++) {
        plan->read_index[i] = i;
    }
    struct read_order order = {plan, rank};
    qsort_r(plan->read_index, plan->reads, sizeof *plan->read_index, compare_reads, &order);

    size_t next = 0, row = 0;
    for (size_t u = 0; u < plan->units; u++) {
        struct unit *unit = &plan->unit[u];
        const size_t *start = plan->start + unit->sequence + u;
        unit->row = row;
        unit->read = next;
        size_t *first = plan->first + row + u;
        for (; next < plan->reads; next++) {
            const struct read *read = &plan->read[plan->read_index[next]];
            if (rank[read->pass] >= unit->sequence + unit->sequences) {
                break;
            }
            size_t at = start[rank[read->pass] - unit->sequence] + read->position;
            if (unit->rows == 0 || plan->row[row - 1] != at) {
                plan->row[row++] = at;
                unit->rows++;
            }
            plan->read_token[next] = read->token;
            first[unit->rows] = ++unit->reads;
        }
    }
    return 0;
}

int fs_plan_seal(struct fs_plan *plan, size_t unit_tokens, size_t max_positions, struct fs_error *err)
{
    if (plan->sealed) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "plan: sealed twice");
    }
    plan->sealed = true;
    plan->order = fs_allocate(plan->passes, sizeof *plan->order, "the order of a plan", err);
    size_t *rank = fs_allocate(plan->passes, sizeof *rank, "the order of a plan", err);
    int status = -1;
    if (plan->order != NULL && rank != NULL) {
        for (size_t i = 0; i < plan->passes; i++) {
            plan->order[i] = i;
        }
        qsort_r(plan->order, plan->passes, sizeof *plan->order, compare_passes, plan);
        for (size_t i = 0; i < plan->passes; i++) {
            rank[plan->order[i]] = i;
        }
        if (check_lengths(plan, max_positions, err) == 0 && pack_passes(plan, unit_tokens, err) == 0 &&
            pack_reads(plan, rank, err) == 0) {
            status = 0;
        }
    }
    free(rank);
    return status;
}

void fs_plan_get_unit(const struct fs_plan *plan, size_t unit, struct fs_plan_unit *out)
{
    const struct unit *u = &plan->unit[unit];
    *out = (struct fs_plan_unit){
        .batch = {u->sequences, u->tokens, plan->token + u->token, plan->start + u->sequence + unit, NULL, NULL},
        .reads = {u->rows, plan->row + u->row, plan->first + u->row + unit, plan->read_token + u->read},
        .read_index = plan->read_index + u->read,
        .pass_index = plan->order + u->sequence,
        .states = u->states,
    };
}
