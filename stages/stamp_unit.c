#include "stages/stamp_unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_NUMBERS ((size_t)8 << 20) /* logits of a unit, reads x V */

/* What compiling a batch works with, and the unit that is growing. */
struct builder {
    const struct fs_spec *spec;
    const struct fs_tokenizer *tokenizer;
    const struct fs_stamp_options *options;
    struct fs_prompt_style style;
    const char **subject;           /* [subjects] distinct, in order of first appearance */
    size_t subjects;
    struct fs_stamp_units *units;

    struct fs_plan *plan;           /* NULL: no unit is open */
    struct fs_statement *statement; /* [2 x pairs] k1, k2 of the open unit's pairs */
    size_t pairs;
    size_t *prompt;                 /* [prompts] the plan's read of each generic prompt */
    size_t prompts;
};

static void drop_open_unit(struct builder *builder)
{
    for (size_t s = 0; s < 2 * builder->pairs; s++)
        fs_statement_release(&builder->statement[s]);
    builder->pairs = builder->prompts = 0;
    fs_plan_destroy(builder->plan);
    builder->plan = NULL;
}

static void add_subject(struct builder *builder, const char *subject)
{
    for (size_t i = 0; i < builder->subjects; i++)
        if (strcmp(builder->subject[i], subject) == 0)
            return;
    if (subject[0] != '\0')
        builder->subject[builder->subjects++] = subject;
}

/* A pair of which both statements can be scored; others leave the open unit as it was, but for their passes. */
static int add_pair(struct builder *builder, const struct fs_pair *pair, struct fs_error *err)
{
    struct fs_statement *k = builder->statement + 2 * builder->pairs;
    memset(k, 0, 2 * sizeof *k);
    int status = 0;
    for (int s = 0; status == 0 && s < 2; s++)
        status = fs_statement_compile(builder->plan, builder->tokenizer, &builder->style, builder->options->variant,
                                      &pair->statement[s == 0 ? FS_STEREOTYPE : FS_ANTI_STEREOTYPE], &k[s], err);
    if (status == 0 && k[0].skip == FS_KEPT && k[1].skip == FS_KEPT) {
        builder->pairs++;
        return 0;
    }
    fs_statement_release(&k[0]);
    fs_statement_release(&k[1]);
    return status == 0 ? 0 : fs_error_prepend(err, "pair %s", pair->id);
}

/* "{subject} is a [MASK]." read at the mask, or "{Subject} is a" read at its end. */
static int add_prompt(struct builder *builder, const char *subject, struct fs_error *err)
{
    const struct fs_prompt_style *style = &builder->style;
    bool masked = style->kind == FS_MASKED;
    struct fs_encoding head = {0}, tail = {0};
    char *text = NULL;
    int32_t *id = NULL;
    int status = asprintf(&text, "%s is a", subject) < 0 ? fs_error_memory(err, strlen(subject), "a prompt") : 0;
    if (status == 0) {
        if (!masked && text[0] >= 'a' && text[0] <= 'z')
            text[0] = (char)(text[0] - 32);
        status = fs_tokenizer_encode(builder->tokenizer, text, strlen(text), &head, err);
        free(text);
    }
    if (status == 0 && masked)
        status = fs_tokenizer_encode(builder->tokenizer, ".", 1, &tail, err);
    if (status == 0) {
        id = fs_allocate(head.count + tail.count + 3, sizeof *id, "a prompt", err);
        status = id ? 0 : -1;
    }
    if (status == 0) {
        size_t count = 0, position;
        id[count++] = masked ? style->special.cls : style->special.begin_of_text;
        memcpy(id + count, head.id, head.count * sizeof *id);
        count += head.count;
        position = count - 1;
        if (masked) {
            position = count;
            id[count++] = style->special.mask;
            memcpy(id + count, tail.id, tail.count * sizeof *id);
            count += tail.count;
            id[count++] = style->special.sep;
        }
        size_t pass;
        if (count <= style->max_positions) {
            status = fs_plan_add_pass(builder->plan, id, count, &pass, err) != 0 ||
                             fs_plan_add_read(builder->plan, pass, position, 0, &builder->prompt[builder->prompts], err) != 0
                         ? -1
                         : 0;
            builder->prompts += status == 0;
        }
    }
    free(id);
    fs_encoding_release(&head);
    fs_encoding_release(&tail);
    return status;
}

/* The place of a read: its row among the unit's distinct rows, and its token. */
static bool same_beginning(const struct fs_batch *batch, size_t row_a, size_t sequence_a, size_t row_b,
                           size_t sequence_b)
{
    size_t begin_a = batch->start[sequence_a], begin_b = batch->start[sequence_b];
    return row_a - begin_a == row_b - begin_b &&
           memcmp(batch->token + begin_a, batch->token + begin_b, (row_a - begin_a + 1) * sizeof *batch->token) == 0;
}

/*
 * unit->source and place[plan's read]. In a causal model a row whose text so far has been read before is the same row;
 * the search is quadratic in the rows of a unit.
 */
static int place_reads(const struct builder *builder, struct fs_stamp_unit *unit, struct fs_loss_read *place,
                       struct fs_error *err)
{
    struct fs_plan_unit view;
    fs_plan_get_unit(unit->plan, 0, &view);
    size_t rows = view.reads.rows, sequence = 0;
    size_t *of_row = fs_allocate(rows, sizeof *of_row, "a training unit", err); /* sequence of each distinct row */
    unit->source = fs_allocate(rows, sizeof *unit->source, "a training unit", err);
    if (!of_row || !unit->source) {
        free(of_row);
        return -1;
    }
    for (size_t r = 0; r < rows; r++) {
        size_t row = view.reads.row[r], same = unit->loss.rows;
        while (row >= view.batch.start[sequence + 1])
            sequence++;
        if (builder->style.kind == FS_CAUSAL)
            for (same = 0; same < unit->loss.rows; same++)
                if (same_beginning(&view.batch, unit->source[same], of_row[same], row, sequence))
                    break;
        if (same == unit->loss.rows) {
            unit->source[same] = row;
            of_row[same] = sequence;
            unit->loss.rows++;
        }
        for (size_t i = view.reads.first[r]; i < view.reads.first[r + 1]; i++)
            place[view.read_index[i]] = (struct fs_loss_read){same, view.reads.token[i]};
    }
    free(of_row);
    return 0;
}

/* Weight `weight` for the row in `term`; a row appears once. kept_of [rows]: its place + 1, 0: not there yet. */
static void keep_row(struct fs_loss_unit *loss, size_t *kept_of, size_t row, enum fs_loss_term term, double weight)
{
    if (kept_of[row] == 0) {
        loss->kept[loss->kept_rows].row = row;
        kept_of[row] = ++loss->kept_rows;
    }
    loss->kept[kept_of[row] - 1].weight[term] += weight;
}

/* Which read of the two statements stands for the pair's context. */
static size_t context_read(const struct builder *builder, const struct fs_statement *k, const struct fs_loss_read *place)
{
    if (builder->style.kind == FS_MASKED)
        return 0;
    for (size_t i = 0; i < k[0].count && i < k[1].count; i++)
        if (place[k[0].read[i]].token != place[k[1].read[i]].token)
            return i;
    return 0;
}

static int fill_loss(const struct builder *builder, const struct fs_loss_read *place, struct fs_loss_unit *loss,
                     struct fs_error *err)
{
    for (size_t s = 0; s < 2 * builder->pairs; s++)
        loss->reads += builder->statement[s].count;
    loss->vocabulary = builder->spec->vocabulary;
    loss->read = fs_allocate(loss->reads, sizeof *loss->read, "a training unit", err);
    loss->pair = fs_allocate(builder->pairs, sizeof *loss->pair, "a training unit", err);
    loss->kept = fs_allocate(loss->rows, sizeof *loss->kept, "a training unit", err);
    size_t *kept_of = fs_allocate(loss->rows, sizeof *kept_of, "a training unit", err);
    if (!loss->read || !loss->pair || !loss->kept || !kept_of) {
        free(kept_of);
        return -1;
    }
    loss->pairs = builder->pairs;
    size_t read = 0;
    for (size_t p = 0; p < builder->pairs; p++) {
        const struct fs_statement *k = builder->statement + 2 * p;
        loss->pair[p] = (struct fs_loss_pair){read, {k[0].count, k[1].count}};
        for (int s = 0; s < 2; s++)
            for (size_t i = 0; i < k[s].count; i++)
                loss->read[read++] = place[k[s].read[i]];
        size_t context = context_read(builder, k, place);
        size_t row[2] = {place[k[0].read[context]].row, place[k[1].read[context]].row};
        size_t distinct = row[0] == row[1] ? 1 : 2;
        for (size_t i = 0; i < distinct; i++)
            keep_row(loss, kept_of, row[i], FS_TERM_CONTEXT, 1.0 / (double)distinct);
    }
    for (size_t i = 0; i < builder->prompts; i++)
        keep_row(loss, kept_of, place[builder->prompt[i]].row, FS_TERM_GENERIC, 1.0);
    free(kept_of);
    return 0;
}

/* The batch that runs from the stamp up: the plan's, or in the top layer its read rows, each a sequence of its own. */
static int set_batch(const struct builder *builder, struct fs_stamp_unit *unit, struct fs_error *err)
{
    struct fs_plan_unit view;
    fs_plan_get_unit(unit->plan, 0, &view);
    size_t rows = unit->loss.rows;
    bool top = builder->options->layer + 1 == builder->spec->layers;
    unit->batch = view.batch;
    unit->row = fs_allocate(rows, sizeof *unit->row, "a training unit", err);
    if (!unit->row)
        return -1;
    for (size_t r = 0; r < rows; r++)
        unit->row[r] = top ? r : unit->source[r];
    if (!top)
        return 0;
    unit->start = fs_allocate(rows + 1, sizeof *unit->start, "a training unit", err);
    if (!unit->start)
        return -1;
    for (size_t r = 0; r <= rows; r++)
        unit->start[r] = r;
    /* `rows` ids of the vocabulary: no layer looks at them any more */
    unit->batch = (struct fs_batch){rows, rows, view.batch.token, unit->start};
    return 0;
}

static int close_unit(struct builder *builder, struct fs_error *err)
{
    if (builder->pairs + builder->prompts == 0) {
        drop_open_unit(builder);
        return 0;
    }
    struct fs_stamp_units *units = builder->units;
    struct fs_stamp_unit *unit = &units->unit[units->count++];
    unit->plan = builder->plan;
    builder->plan = NULL;
    int status = fs_plan_seal(unit->plan, SIZE_MAX, builder->spec->max_positions, err);
    struct fs_loss_read *place = fs_allocate(fs_plan_reads(unit->plan), sizeof *place, "a training unit", err);
    if (status != 0 || !place || place_reads(builder, unit, place, err) != 0 ||
        fill_loss(builder, place, &unit->loss, err) != 0 || set_batch(builder, unit, err) != 0)
        status = -1;
    free(place);
    units->pairs += builder->pairs;
    units->prompts += builder->prompts;
    size_t tokens = fs_plan_tokens(unit->plan);
    units->most_tokens = tokens > units->most_tokens ? tokens : units->most_tokens;
    units->most_rows = unit->loss.rows > units->most_rows ? unit->loss.rows : units->most_rows;
    drop_open_unit(builder);
    return status;
}

static int open_unit(struct builder *builder, struct fs_error *err)
{
    return builder->plan ? 0 : fs_plan_create(&builder->plan, err);
}

static int close_full_unit(struct builder *builder, struct fs_error *err)
{
    bool full = fs_plan_tokens(builder->plan) >= FS_UNIT_TOKENS ||
                fs_plan_reads(builder->plan) >= UNIT_NUMBERS / builder->spec->vocabulary;
    return full ? close_unit(builder, err) : 0;
}

static int build(struct builder *builder, const struct fs_pair_list *list, const size_t *pair, size_t count,
                 struct fs_error *err)
{
    struct fs_stamp_units *units = builder->units;
    if (fs_prompt_style_of(builder->spec, builder->tokenizer, &builder->style, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        add_subject(builder, list->item[pair[i]].subject);
        add_subject(builder, list->item[pair[i]].counterpart);
    }
    units->unit = fs_allocate(count + builder->subjects, sizeof *units->unit, "the training units", err);
    if (!units->unit)
        return -1;
    for (size_t i = 0, next = 0; i < count; i++) {
        if (open_unit(builder, err) != 0 || add_pair(builder, &list->item[pair[i]], err) != 0 ||
            close_full_unit(builder, err) != 0)
            return -1;
        for (; next < (i + 1) * builder->subjects / count; next++)
            if (open_unit(builder, err) != 0 || add_prompt(builder, builder->subject[next], err) != 0 ||
                close_full_unit(builder, err) != 0)
                return -1;
    }
    if (builder->plan && close_unit(builder, err) != 0)
        return -1;
    for (size_t u = 0; u < units->count; u++) {
        struct fs_loss_unit *loss = &units->unit[u].loss;
        loss->pair_weight = units->pairs > 0 ? 1.0 / (double)units->pairs : 0;
        for (size_t i = 0; i < loss->kept_rows; i++) {
            loss->kept[i].weight[FS_TERM_CONTEXT] *= loss->pair_weight;
            loss->kept[i].weight[FS_TERM_GENERIC] /= units->prompts > 0 ? (double)units->prompts : 1.0;
        }
    }
    return 0;
}

int fs_stamp_units_compile(const struct fs_spec *spec, const struct fs_tokenizer *tokenizer,
                           const struct fs_pair_list *list, const size_t *pair, size_t count,
                           const struct fs_stamp_options *options, struct fs_stamp_units *units, struct fs_error *err)
{
    *units = (struct fs_stamp_units){0};
    struct builder builder = {.spec = spec, .tokenizer = tokenizer, .options = options, .units = units};
    builder.subject = fs_allocate(count, 2 * sizeof *builder.subject, "the subjects of a batch", err);
    builder.statement = fs_allocate(count, 2 * sizeof *builder.statement, "the statements of a batch", err);
    builder.prompt = fs_allocate(count, 2 * sizeof *builder.prompt, "the prompts of a batch", err);
    int status = -1;
    if (builder.subject && builder.statement && builder.prompt)
        status = build(&builder, list, pair, count, err);
    drop_open_unit(&builder);
    free(builder.subject);
    free(builder.statement);
    free(builder.prompt);
    return status;
}

/* Memory that fs_stamp_unit_fill needs for a while. */
struct fill {
    fs_real *h, *x, *base; /* (T,d) of the plan's batch */
    fs_real *logprob;      /* (kept rows, V) */
    size_t *row;           /* [kept rows] */
};

static int fill(const struct fs_model *model, struct fs_workspace *workspace, const struct fs_stamp_options *options,
                struct fs_stamp_unit *unit, struct fill *fill, struct fs_error *err)
{
    size_t d = fs_model_spec(model)->hidden, layers = fs_model_spec(model)->layers, layer = options->layer;
    struct fs_plan_unit view;
    fs_plan_get_unit(unit->plan, 0, &view);
    size_t T = view.batch.tokens, row_bytes = d * sizeof(fs_real);
    struct fs_loss_unit *loss = &unit->loss;
    fill->h = fs_allocate_aligned(T, row_bytes, "the states of a training unit", err);
    fill->x = fs_allocate_aligned(T, row_bytes, "the states of a training unit", err);
    fill->base = fs_allocate_aligned(T, row_bytes, "the states of a training unit", err);
    fill->row = fs_allocate(loss->kept_rows, sizeof *fill->row, "the rows of a training unit", err);
    unit->x = fs_allocate_aligned(unit->batch.tokens, row_bytes, "a training unit's FFN inputs", err);
    unit->base = fs_allocate_aligned(unit->batch.tokens, row_bytes, "a training unit's FFN outputs", err);
    if (!fill->h || !fill->x || !fill->base || !fill->row || !unit->x || !unit->base)
        return -1;
    if (fs_batch_check(model, &view.batch, err) != 0 ||
        fs_embed(model, workspace, &view.batch, NULL, fill->h, err) != 0 ||
        fs_run_layers(model, workspace, &view.batch, 0, layer, NULL, fill->h, err) != 0 ||
        fs_run_to_ffn(model, workspace, &view.batch, layer, fill->h, fill->x, fill->base, err) != 0)
        return -1;
    bool rows_alone = unit->start != NULL;
    for (size_t t = 0; t < unit->batch.tokens; t++) {
        size_t from = rows_alone ? unit->source[t] : t;
        memcpy(unit->x + t * d, fill->x + from * d, row_bytes);
        memcpy(unit->base + t * d, fill->base + from * d, row_bytes);
    }
    /* P: the unedited model goes on from here */
    if (fs_join_ffn(model, workspace, unit->batch.tokens, layer, NULL, unit->x, unit->base, fill->h, err) != 0 ||
        fs_run_layers(model, workspace, &unit->batch, layer + 1, layers, NULL, fill->h, err) != 0)
        return -1;
    for (size_t i = 0; i < loss->kept_rows; i++)
        fill->row[i] = unit->row[loss->kept[i].row];
    size_t V_bytes = loss->vocabulary * sizeof(fs_real);
    loss->probability = fs_allocate_aligned(loss->kept_rows, V_bytes, "the unedited model's distributions", err);
    fill->logprob = fs_allocate_aligned(loss->kept_rows, V_bytes, "the unedited model's distributions", err);
    if (!loss->probability || !fill->logprob ||
        fs_read_distributions(model, workspace, fill->h, loss->kept_rows, fill->row, fill->logprob, err) != 0)
        return -1;
    fs_loss_keep(loss, fill->logprob);
    return 0;
}

int fs_stamp_unit_fill(const struct fs_model *model, struct fs_workspace *workspace,
                       const struct fs_stamp_options *options, struct fs_stamp_unit *unit, struct fs_error *err)
{
    struct fill memory = {0};
    int status = fill(model, workspace, options, unit, &memory, err);
    free(memory.h);
    free(memory.x);
    free(memory.base);
    free(memory.logprob);
    free(memory.row);
    return status;
}

void fs_stamp_units_release(struct fs_stamp_units *units)
{
    for (size_t u = 0; u < units->count; u++) {
        struct fs_stamp_unit *unit = &units->unit[u];
        fs_plan_destroy(unit->plan);
        free(unit->start);
        free(unit->row);
        free(unit->source);
        free(unit->x);
        free(unit->base);
        free(unit->loss.read);
        free(unit->loss.pair);
        free(unit->loss.kept);
        free(unit->loss.probability);
    }
    free(units->unit);
    *units = (struct fs_stamp_units){0};
}
