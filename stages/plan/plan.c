#include "stages/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "io/hash.h"
#include "stages/plan/plan_parts.h"

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
    for (size_t i = 0; i < plan->choices; i++) {
        free(plan->choice[i].token);
    }
    free(plan->choice);
    free(plan->parent);
    free(plan->depth);
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
    fs_plan_release_prefixes(plan);
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

static uint64_t hash_read(const struct fs_plan_read *read)
{
    uint64_t hash = fs_hash_add(fs_hash_add(fs_hash_add(0, read->pass), read->position), (uint32_t)read->token);
    return fs_hash_add(fs_hash_add(hash, read->prefix), read->choice);
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
static int table_reserve(struct fs_plan_table *table, const struct fs_plan *plan, size_t count,
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
        const struct fs_plan_pass *other = &plan->pass[known];
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
    plan->pass[plan->passes] = (struct fs_plan_pass){plan->ids, count, hash, 0};
    plan->ids += count;
    *pass = plan->passes++;
    plan->pass_table.slot[at] = *pass + 1;
    return 0;
}

/* `choice`: index + 1; 0: none. */
static int add_read(struct fs_plan *plan, size_t pass, size_t position, int32_t token, size_t choice, size_t *read,
                    struct fs_error *err)
{
    if (plan->sealed || pass >= plan->passes || position >= plan->pass[pass].count) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "plan: a read of pass %zu, position %zu is added %s", pass, position,
                            plan->sealed ? "after sealing" : "that does not exist");
    }
    if (plan->prefixes.encode != NULL && plan->current == 0) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "plan: a read of no item is added to a plan with prefixes");
    }
    if (table_reserve(&plan->read_table, plan, plan->reads, hash_of_read, err) != 0) {
        return -1;
    }
    const struct fs_plan_read wanted = {pass, position, token, plan->current, choice};
    size_t at = (size_t)hash_read(&wanted) & (plan->read_table.capacity - 1);
    for (; plan->read_table.slot[at] != 0; at = (at + 1) & (plan->read_table.capacity - 1)) {
        size_t known = plan->read_table.slot[at] - 1;
        const struct fs_plan_read *other = &plan->read[known];
        if (other->pass == pass && other->position == position && other->token == token &&
            other->prefix == wanted.prefix && other->choice == choice) {
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

int fs_plan_add_read(struct fs_plan *plan, size_t pass, size_t position, int32_t token, size_t *read,
                     struct fs_error *err)
{
    return add_read(plan, pass, position, token, 0, read, err);
}

int fs_plan_add_choosing_read(struct fs_plan *plan, size_t pass, size_t position, int32_t token, size_t choice,
                              size_t *read, struct fs_error *err)
{
    return choice < plan->choices
               ? add_read(plan, pass, position, token, choice + 1, read, err)
               : fs_error_set(err, FS_EXIT_SOFTWARE, "plan: a read of choice %zu, of %zu", choice, plan->choices);
}

int fs_plan_add_choice(struct fs_plan *plan, const int32_t *token, size_t count, size_t *choice, struct fs_error *err)
{
    if (plan->sealed || count == 0) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "plan: a choice %s",
                            plan->sealed ? "is added after sealing" : "without tokens is added");
    }
    if (fs_grow(&plan->choice, &plan->choice_capacity, plan->choices + 1, sizeof *plan->choice, "a plan", err) != 0) {
        return -1;
    }
    struct fs_plan_choice *own = &plan->choice[plan->choices];
    *own = (struct fs_plan_choice){fs_allocate(count, sizeof *own->token, "a plan", err), count};
    if (own->token == NULL) {
        return -1;
    }
    memcpy(own->token, token, count * sizeof *token);
    *choice = plan->choices++;
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

void fs_plan_read_place(const struct fs_plan *plan, size_t read, size_t *pass, size_t *position)
{
    *pass = plan->read[read].pass;
    *position = plan->read[read].position;
}

const int32_t *fs_plan_read_choice(const struct fs_plan *plan, size_t read, size_t *count)
{
    size_t choice = plan->read[read].choice;
    *count = choice > 0 ? plan->choice[choice - 1].count : 0;
    return choice > 0 ? plan->choice[choice - 1].token : NULL;
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
    return plan->tokens;
}

static double bytes_of_prefixed(const struct fs_plan_prefixed_parts *parts)
{
    return (double)(parts->cuts * sizeof *parts->cut + parts->tokens * sizeof *parts->token +
                    (parts->starts + 2 * parts->sequences + 2 * parts->rows + parts->firsts + parts->reads) *
                        sizeof(size_t));
}

double fs_plan_bytes(const struct fs_plan *plan)
{
    size_t rows = 0, choices = 0, shared = plan->parent != NULL ? 2 * plan->passes : 0;
    for (size_t u = 0; u < plan->units; u++) {
        rows += plan->unit[u].rows;
    }
    for (size_t i = 0; i < plan->choices; i++) {
        choices += plan->choice[i].count;
    }
    return (double)(plan->passes * sizeof *plan->pass + plan->reads * (sizeof *plan->read + sizeof(size_t)) +
                    (plan->ids + plan->tokens + plan->reads + choices) * sizeof(int32_t) +
                    plan->units * (sizeof *plan->unit + 2 * sizeof(size_t)) +
                    (2 * plan->passes + shared + 2 * rows) * sizeof(size_t)) +
           bytes_of_prefixed(&plan->prefixed);
}

size_t fs_plan_given_tokens(const struct fs_plan *plan)
{
    return plan->ids;
}
