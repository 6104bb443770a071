/* The reads of a plan in texts behind a prefix: which prefix a category has, and the prefixed texts of each unit. */
#include <stdlib.h>
#include <string.h>

#include "stages/plan/plan_parts.h"

#define PURPOSE "prefixed texts of a plan"

void fs_plan_release_prefixes(struct fs_plan *plan)
{
    struct fs_plan_prefixed_parts *parts = &plan->prefixed;
    for (size_t i = 0; i < plan->prefix_count; i++) {
        free(plan->prefix[i].id);
    }
    for (size_t i = 0; i < plan->categories; i++) {
        free(plan->category[i].name);
    }
    free(plan->prefix);
    free(plan->category);
    free(parts->cut);
    free(parts->token);
    free(parts->start);
    free(parts->parent);
    free(parts->depth);
    free(parts->row);
    free(parts->plain);
    free(parts->first);
    free(parts->read);
}

int fs_plan_set_prefixes(struct fs_plan *plan, const struct fs_plan_prefixes *prefixes, struct fs_error *err)
{
    if (plan->reads > 0) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "plan: prefixes are set behind its first read");
    }
    plan->prefixes = *prefixes;
    return 0;
}

/* The index of the prefix `id`, which the plan takes over. */
static int add_prefix(struct fs_plan *plan, int32_t *id, size_t count, size_t *prefix, struct fs_error *err)
{
    *prefix = 0;
    while (*prefix < plan->prefix_count &&
           (plan->prefix[*prefix].count != count || memcmp(plan->prefix[*prefix].id, id, count * sizeof *id) != 0)) {
        (*prefix)++;
    }
    if (*prefix < plan->prefix_count) {
        free(id);
        return 0;
    }
    if (fs_grow(&plan->prefix, &plan->prefix_capacity, *prefix + 1, sizeof *plan->prefix, PURPOSE, err) != 0) {
        free(id);
        return -1;
    }
    plan->prefix[plan->prefix_count++] = (struct fs_plan_prefix){id, count};
    return 0;
}

int fs_plan_begin_item(struct fs_plan *plan, const char *category, struct fs_error *err)
{
    if (plan->prefixes.encode == NULL) {
        return 0;
    }
    for (size_t i = 0; i < plan->categories; i++) {
        if (strcmp(plan->category[i].name, category) == 0) {
            plan->current = plan->category[i].prefix + 1;
            return 0;
        }
    }
    int32_t *id = NULL;
    size_t count, prefix;
    if (fs_grow(&plan->category, &plan->category_capacity, plan->categories + 1, sizeof *plan->category, PURPOSE,
                err) != 0 ||
        plan->prefixes.encode(plan->prefixes.context, category, &id, &count, err) != 0 ||
        add_prefix(plan, id, count, &prefix, err) != 0) {
        return -1;
    }
    char *name = strdup(category);
    if (name == NULL) {
        return fs_error_memory(err, strlen(category), PURPOSE);
    }
    plan->category[plan->categories++] = (struct fs_plan_category){name, prefix};
    plan->current = prefix + 1;
    return 0;
}

/* A text behind its prefix, on its way into a batch. */
struct text {
    size_t prefix, pass;  /* the prefix's index */
    size_t begin;         /* of the pass's own tokens, those behind `first`: where the part that is read begins */
    size_t offset, count; /* in packing.id */
};

/* A read of the unit, on its way. */
struct place {
    size_t text, position; /* in the text */
    size_t row, plain;     /* of the prefixed batch, of the unit's */
    size_t read;           /* index among the unit's */
    size_t batch;          /* of the unit's */
};

/* One unit. */
struct packing {
    struct fs_plan *plan;
    const struct fs_plan_limits *limits;
    size_t unit_tokens;
    struct text *text;
    size_t texts, text_capacity;
    int32_t *id;
    size_t ids, id_capacity;
    struct place *place; /* [reads of the unit] */
    size_t places, place_capacity;
    size_t *order;            /* [texts] */
    size_t *batch, *sequence; /* [texts] where each is: batch of the unit's, sequence of that */
    size_t *owner;            /* [tokens of the longest text] the sequence that has the row of each position so far */
    size_t order_capacity, owner_capacity, batch_capacity, sequence_capacity;
};

/* What stands around a text's own tokens. */
struct frame {
    size_t lead, trail; /* tokens, 0 or 1 */
    size_t own;         /* tokens between */
};

static struct frame frame_of(const struct fs_plan *plan, const struct fs_plan_pass *pass)
{
    const int32_t *id = plan->id + pass->offset;
    struct frame frame = {.lead = id[0] == plan->prefixes.first ? 1 : 0};
    frame.trail =
        plan->prefixes.last >= 0 && pass->count > frame.lead && id[pass->count - 1] == plan->prefixes.last ? 1 : 0;
    frame.own = pass->count - frame.lead - frame.trail;
    return frame;
}

/* Tokens of a prefix that are read, its last ones: it leaves a text half of what the model takes. */
static size_t prefix_tokens(const struct packing *packing, size_t prefix)
{
    size_t count = packing->plan->prefix[prefix].count, half = packing->limits->max_positions / 2;
    return count < half ? count : half;
}

/* Appends `count` ids. There is room. */
static void append(struct packing *packing, const int32_t *id, size_t count)
{
    memcpy(packing->id + packing->ids, id, count * sizeof *id);
    packing->ids += count;
}

/* Writes the ids of a text of which `part` of the pass's own tokens are read. */
static int add_text(struct packing *packing, size_t prefix, size_t pass, size_t begin, size_t part,
                    struct fs_error *err)
{
    const struct fs_plan *plan = packing->plan;
    const struct fs_plan_pass *given = &plan->pass[pass];
    const struct fs_plan_prefix *whole = &plan->prefix[prefix];
    const int32_t *id = plan->id + given->offset;
    size_t before = prefix_tokens(packing, prefix);
    struct frame frame = frame_of(plan, given);
    if (fs_grow(&packing->text, &packing->text_capacity, packing->texts + 1, sizeof *packing->text, PURPOSE, err) !=
            0 ||
        fs_grow(&packing->id, &packing->id_capacity, packing->ids + before + part + 2, sizeof *packing->id, PURPOSE,
                err) != 0) {
        return -1;
    }
    struct text *text = &packing->text[packing->texts++];
    *text = (struct text){.prefix = prefix, .pass = pass, .begin = begin, .offset = packing->ids};
    append(packing, id, frame.own + frame.trail > 0 ? frame.lead : 0); /* the prefix replaces a begin-of-text alone */
    append(packing, whole->id + whole->count - before, before);
    append(packing, id + frame.lead + begin, part);
    append(packing, id + given->count - frame.trail, frame.trail);
    text->count = packing->ids - text->offset;
    return 0;
}

/* The text in which read `read` of the unit is read, and where in it. */
static int place_read(struct packing *packing, const struct fs_plan_read *read, struct place *place,
                      struct fs_error *err)
{
    const struct fs_plan *plan = packing->plan;
    struct frame frame = frame_of(plan, &plan->pass[read->pass]);
    const size_t most = packing->limits->max_positions;
    size_t before = prefix_tokens(packing, read->prefix - 1);
    size_t room = most > before + frame.lead + frame.trail ? most - before - frame.lead - frame.trail : 1, begin = 0;
    size_t at = read->position > frame.lead ? read->position - frame.lead : 0; /* among its own */
    if (frame.own > room && at >= room) {
        begin = at < frame.own - room ? at : frame.own - room;
    }
    size_t part = frame.own - begin < room ? frame.own - begin : room, text = 0;
    while (text < packing->texts && (packing->text[text].prefix != read->prefix - 1 ||
                                     packing->text[text].pass != read->pass || packing->text[text].begin != begin)) {
        text++;
    }
    if (text == packing->texts && add_text(packing, read->prefix - 1, read->pass, begin, part, err) != 0) {
        return -1;
    }
    bool replaced = frame.own + frame.trail == 0; /* begin-of-text alone: its own place falls away */
    place->text = text;
    place->position = read->position + before - begin - (replaced ? frame.lead : 0);
    return 0;
}

/* The reads of a unit, row by row. */
static int place_reads(struct packing *packing, const struct fs_plan_unit *unit, struct fs_error *err)
{
    packing->texts = packing->ids = packing->places = 0;
    size_t reads = unit->reads.first[unit->reads.rows];
    if (fs_grow(&packing->place, &packing->place_capacity, reads, sizeof *packing->place, PURPOSE, err) != 0) {
        return -1;
    }
    for (size_t row = 0; row < unit->reads.rows; row++) {
        for (size_t i = unit->reads.first[row]; i < unit->reads.first[row + 1]; i++) {
            struct place *place = &packing->place[packing->places++];
            *place = (struct place){.plain = unit->reads.row[row], .read = i};
            if (place_read(packing, &packing->plan->read[unit->read_index[i]], place, err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static bool shares(const struct packing *packing, const struct text *text)
{
    return text->count <= packing->limits->shared_length;
}

static int compare_numbers(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static size_t common(const struct packing *packing, const struct text *a, const struct text *b)
{
    return fs_common_ids(packing->id + a->offset, a->count, packing->id + b->offset, b->count);
}

/* As passes are in plan_pack.c. */
static int compare_texts(const void *a, const void *b, void *context)
{
    const struct packing *packing = context;
    size_t first = *(const size_t *)a, second = *(const size_t *)b;
    const struct text *one = &packing->text[first], *other = &packing->text[second];
    if (shares(packing, one) != shares(packing, other)) {
        return shares(packing, one) ? -1 : 1;
    }
    size_t same = common(packing, one, other);
    if (shares(packing, one) && same < one->count && same < other->count) {
        return packing->id[one->offset + same] < packing->id[other->offset + same] ? -1 : 1;
    }
    int length = compare_numbers(one->count, other->count);
    return length != 0 ? length : compare_numbers(first, second);
}

/* Room in the plan's parts for one more text, and for one more batch. */
static int reserve_parts(struct fs_plan_prefixed_parts *parts, size_t tokens, struct fs_error *err)
{
    return fs_grow(&parts->cut, &parts->cut_capacity, parts->cuts + 1, sizeof *parts->cut, PURPOSE, err) == 0 &&
                   fs_grow(&parts->token, &parts->token_capacity, parts->tokens + tokens, sizeof *parts->token, PURPOSE,
                           err) == 0 &&
                   fs_grow(&parts->start, &parts->start_capacity, parts->starts + 2, sizeof *parts->start, PURPOSE,
                           err) == 0 &&
                   fs_grow(&parts->parent, &parts->parent_capacity, parts->sequences + 1, sizeof *parts->parent,
                           PURPOSE, err) == 0
               ? fs_grow(&parts->depth, &parts->depth_capacity, parts->sequences + 1, sizeof *parts->depth, PURPOSE,
                         err)
               : -1;
}

/* Lays out text `index` behind the one before it, of which it shares `depth` tokens, in the last batch. There is room. */
static void lay_out(struct packing *packing, size_t index, size_t depth)
{
    struct fs_plan_prefixed_parts *parts = &packing->plan->prefixed;
    struct fs_plan_prefixed_cut *cut = &parts->cut[parts->cuts - 1];
    const struct text *text = &packing->text[index];
    size_t own = text->count - depth;
    parts->depth[parts->sequences] = depth;
    parts->parent[parts->sequences++] = depth > 0 ? packing->owner[depth - 1] : 0;
    for (size_t position = depth; position < text->count; position++) {
        packing->owner[position] = cut->sequences;
    }
    memcpy(parts->token + parts->tokens, packing->id + text->offset + depth, own * sizeof *parts->token);
    parts->tokens += own;
    cut->tokens += own;
    parts->start[parts->starts++] = cut->tokens;
    cut->sequences++;
}

static void begin_batch(struct fs_plan_prefixed_parts *parts)
{
    parts->cut[parts->cuts++] = (struct fs_plan_prefixed_cut){
        .sequence = parts->sequences, .token = parts->tokens, .row = parts->rows, .read = parts->reads};
    parts->start[parts->starts++] = 0;
}

/* The texts of a unit in batches, in dictionary order; equal ones are one sequence. */
static int pack_texts(struct packing *packing, struct fs_error *err)
{
    struct fs_plan_prefixed_parts *parts = &packing->plan->prefixed;
    size_t texts = packing->texts, longest = 0, first_cut = parts->cuts;
    for (size_t i = 0; i < texts; i++) {
        longest = packing->text[i].count > longest ? packing->text[i].count : longest;
    }
    if (fs_grow(&packing->order, &packing->order_capacity, texts, sizeof *packing->order, PURPOSE, err) != 0 ||
        fs_grow(&packing->batch, &packing->batch_capacity, texts, sizeof *packing->batch, PURPOSE, err) != 0 ||
        fs_grow(&packing->sequence, &packing->sequence_capacity, texts, sizeof *packing->sequence, PURPOSE, err) != 0 ||
        fs_grow(&packing->owner, &packing->owner_capacity, longest, sizeof *packing->owner, PURPOSE, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < texts; i++) {
        packing->order[i] = i;
    }
    qsort_r(packing->order, texts, sizeof *packing->order, compare_texts, packing);
    for (size_t i = 0; i < texts; i++) {
        const struct text *text = &packing->text[packing->order[i]];
        const struct text *before = i > 0 ? &packing->text[packing->order[i - 1]] : NULL;
        size_t same = before != NULL ? common(packing, before, text) : 0;
        if (before == NULL || same < text->count || same < before->count) {
            size_t depth = shares(packing, text) ? same : 0;
            if (reserve_parts(parts, text->count, err) != 0) {
                return -1;
            }
            if (before == NULL || text->count - depth + parts->cut[parts->cuts - 1].tokens > packing->unit_tokens) {
                begin_batch(parts);
                depth = 0;
            }
            lay_out(packing, packing->order[i], depth);
        }
        packing->batch[packing->order[i]] = parts->cuts - 1 - first_cut;
        packing->sequence[packing->order[i]] = parts->cut[parts->cuts - 1].sequences - 1;
    }
    return 0;
}

static struct fs_batch batch_of(const struct fs_plan *plan, size_t cut)
{
    const struct fs_plan_prefixed_parts *parts = &plan->prefixed;
    const struct fs_plan_prefixed_cut *own = &parts->cut[cut];
    return (struct fs_batch){own->sequences,
                             own->tokens,
                             parts->token + own->token,
                             parts->start + own->sequence + cut,
                             parts->parent + own->sequence,
                             parts->depth + own->sequence};
}

static int compare_places(const void *a, const void *b)
{
    const struct place *one = a, *other = b;
    int by = compare_numbers(one->batch, other->batch);
    by = by != 0 ? by : compare_numbers(one->plain, other->plain);
    by = by != 0 ? by : compare_numbers(one->row, other->row);
    return by != 0 ? by : compare_numbers(one->read, other->read);
}

/* The reads of a unit by batch and pair of rows, to the plan. */
static int pack_places(struct packing *packing, size_t first_cut, struct fs_error *err)
{
    struct fs_plan *plan = packing->plan;
    struct fs_plan_prefixed_parts *parts = &plan->prefixed;
    size_t places = packing->places, batches = parts->cuts - first_cut, next = 0;
    for (size_t i = 0; i < places; i++) {
        struct place *place = &packing->place[i];
        place->batch = packing->batch[place->text];
        const struct fs_batch batch = batch_of(plan, first_cut + place->batch);
        place->row = fs_batch_row(&batch, packing->sequence[place->text], place->position);
    }
    qsort(packing->place, places, sizeof *packing->place, compare_places);
    if (fs_grow(&parts->row, &parts->row_capacity, parts->rows + places, sizeof *parts->row, PURPOSE, err) != 0 ||
        fs_grow(&parts->plain, &parts->plain_capacity, parts->rows + places, sizeof *parts->plain, PURPOSE, err) != 0 ||
        fs_grow(&parts->first, &parts->first_capacity, parts->firsts + places + batches, sizeof *parts->first, PURPOSE,
                err) != 0 ||
        fs_grow(&parts->read, &parts->read_capacity, parts->reads + places, sizeof *parts->read, PURPOSE, err) != 0) {
        return -1;
    }
    for (size_t b = 0; b < batches; b++) {
        struct fs_plan_prefixed_cut *cut = &parts->cut[first_cut + b];
        cut->row = parts->rows;
        cut->read = parts->reads;
        parts->first[parts->firsts++] = 0;
        for (; next < places && packing->place[next].batch == b; next++) {
            const struct place *place = &packing->place[next];
            if (cut->rows > 0 && parts->row[parts->rows - 1] == place->row &&
                parts->plain[parts->rows - 1] == place->plain) {
                parts->firsts--;
            } else {
                parts->row[parts->rows] = place->row;
                parts->plain[parts->rows++] = place->plain;
                cut->rows++;
            }
            parts->read[parts->reads++] = place->read;
            parts->first[parts->firsts++] = parts->reads - cut->read;
        }
    }
    return 0;
}

int fs_plan_pack_prefixed(struct fs_plan *plan, const struct fs_plan_limits *limits, size_t unit_tokens,
                          struct fs_error *err)
{
    struct packing packing = {.plan = plan, .limits = limits, .unit_tokens = unit_tokens};
    int status = 0;
    for (size_t u = 0; status == 0 && plan->prefixes.encode != NULL && u < plan->units; u++) {
        struct fs_plan_unit unit;
        size_t first_cut = plan->prefixed.cuts;
        fs_plan_get_unit(plan, u, &unit);
        status = place_reads(&packing, &unit, err) == 0 && pack_texts(&packing, err) == 0
                     ? pack_places(&packing, first_cut, err)
                     : -1;
        plan->unit[u].prefixed = first_cut;
        plan->unit[u].prefixed_batches = plan->prefixed.cuts - first_cut;
    }
    free(packing.text);
    free(packing.id);
    free(packing.place);
    free(packing.order);
    free(packing.owner);
    free(packing.batch);
    free(packing.sequence);
    return status;
}

bool fs_plan_has_prefixes(const struct fs_plan *plan)
{
    return plan->prefixes.encode != NULL;
}

size_t fs_plan_prefixed_batches(const struct fs_plan *plan, size_t unit)
{
    return plan->unit[unit].prefixed_batches;
}

void fs_plan_get_prefixed(const struct fs_plan *plan, size_t unit, size_t batch, struct fs_plan_prefixed *out)
{
    const struct fs_plan_prefixed_parts *parts = &plan->prefixed;
    size_t cut = plan->unit[unit].prefixed + batch;
    const struct fs_plan_prefixed_cut *own = &parts->cut[cut];
    *out = (struct fs_plan_prefixed){.batch = batch_of(plan, cut),
                                     .rows = own->rows,
                                     .row = parts->row + own->row,
                                     .plain = parts->plain + own->row,
                                     .first = parts->first + own->row + cut,
                                     .read = parts->read + own->read};
}
