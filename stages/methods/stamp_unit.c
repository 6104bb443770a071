#include "stages/methods/stamp_unit.h"

#include <stdlib.h>
#include <string.h>

#include "stages/methods/stamp_prompts.h"

#define UNIT_NUMBERS ((size_t)16 << 20) /* logits of a unit, reads x V */

/* What compiling a batch works with, and the unit that is growing. */
struct builder {
    const struct fs_spec *spec;
    const struct fs_tokenizer *tokenizer;
    const struct fs_stamp_options *options;
    struct fs_prompt_style style;
    struct fs_stamp_subjects subjects;
    struct fs_stamp_units *units;

    const struct fs_pair **of_term; /* [units->terms] a pair of each target term */
    size_t *term_pairs;             /* [units->terms] */

    struct fs_plan *plan;           /* NULL: no unit is open */
    struct fs_statement *statement; /* [2 x pairs] k1, k2 of the open unit's pairs */
    size_t *term;                   /* [pairs] */
    size_t pairs;
    size_t *prompt; /* [prompts] the plan's read of each generic prompt */
    size_t prompts;
};

static void drop_open_unit(struct builder *builder)
{
    for (size_t s = 0; s < 2 * builder->pairs; s++) {
        fs_statement_release(&builder->statement[s]);
    }
    builder->pairs = builder->prompts = 0;
    fs_plan_destroy(builder->plan);
    builder->plan = NULL;
}

static bool same_term(const struct fs_pair *a, const struct fs_pair *b)
{
    return strcmp(a->target, b->target) == 0 && strcmp(a->category, b->category) == 0;
}

static size_t number_term(struct builder *builder, const struct fs_pair *pair)
{
    size_t term = 0;
    while (term < builder->units->terms && !same_term(builder->of_term[term], pair)) {
        term++;
    }
    if (term == builder->units->terms) {
        builder->of_term[builder->units->terms++] = pair;
    }
    builder->term_pairs[term]++;
    return term;
}

/* A pair of which both statements can be scored; others leave the open unit as it was, but for their passes. */
static int add_pair(struct builder *builder, const struct fs_pair *pair, struct fs_error *err)
{
    struct fs_statement *k = builder->statement + 2 * builder->pairs;
    memset(k, 0, 2 * sizeof *k);
    int status = 0;
    for (int s = 0; status == 0 && s < 2; s++) {
        status = fs_statement_compile(builder->plan, builder->tokenizer, &builder->style, builder->options->scoring,
                                      &pair->statement[s == 0 ? FS_STEREOTYPE : FS_ANTI_STEREOTYPE], &k[s], err);
    }
    if (status == 0 && k[0].skip == FS_KEPT && k[1].skip == FS_KEPT) {
        builder->term[builder->pairs++] = number_term(builder, pair);
        return 0;
    }
    fs_statement_release(&k[0]);
    fs_statement_release(&k[1]);
    return status == 0 ? 0 : fs_error_prepend(err, "pair %s", pair->id);
}

/* A prompt that is too long for the model is left out. */
static int add_prompt(struct builder *builder, size_t number, struct fs_error *err)
{
    size_t *read = &builder->prompt[builder->prompts];
    if (fs_stamp_prompt_add(builder->plan, builder->tokenizer, &builder->style, &builder->subjects, number, read,
                            err) != 0) {
        return -1;
    }
    builder->prompts += *read != SIZE_MAX;
    return 0;
}

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
    if (of_row == NULL || unit->source == NULL) {
        free(of_row);
        return -1;
    }
    for (size_t r = 0; r < rows; r++) {
        size_t row = view.reads.row[r], same = unit->loss.rows;
        while (row >= view.batch.start[sequence + 1]) {
            sequence++;
        }
        if (builder->style.kind == FS_CAUSAL) {
            for (same = 0; same < unit->loss.rows; same++) {
                if (same_beginning(&view.batch, unit->source[same], of_row[same], row, sequence)) {
                    break;
                }
            }
        }
        if (same == unit->loss.rows) {
            unit->source[same] = row;
            of_row[same] = sequence;
            unit->loss.rows++;
        }
        for (size_t i = view.reads.first[r]; i < view.reads.first[r + 1]; i++) {
            place[view.read_index[i]] = (struct fs_loss_read){.row = same, .token = view.reads.token[i]};
        }
    }
    free(of_row);
    return 0;
}

/* Common tokens at the beginning, and then at the end, of the two statements' reads. */
static void common_ends(const struct fs_statement *k, const struct fs_loss_read *place, size_t *prefix, size_t *suffix)
{
    size_t least = k[0].count < k[1].count ? k[0].count : k[1].count;
    *prefix = *suffix = 0;
    while (*prefix < least && place[k[0].read[*prefix]].token == place[k[1].read[*prefix]].token) {
        ++*prefix;
    }
    while (*suffix < least - *prefix &&
           place[k[0].read[k[0].count - 1 - *suffix]].token == place[k[1].read[k[1].count - 1 - *suffix]].token) {
        ++*suffix;
    }
}

/* Memory for the lists of a unit's loss; each is as long as it can become. */
static int reserve_loss(const struct builder *builder, struct fs_loss_unit *loss, struct fs_error *err)
{
    size_t reads = 0, most;
    for (size_t s = 0; s < 2 * builder->pairs; s++) {
        reads += builder->statement[s].count;
    }
    most = reads + builder->prompts;
    loss->vocabulary = builder->spec->vocabulary;
    loss->read = fs_allocate(reads, sizeof *loss->read, "a training unit", err);
    loss->pair = fs_allocate(builder->pairs, sizeof *loss->pair, "a training unit", err);
    loss->group = fs_allocate(builder->pairs, sizeof *loss->group, "a training unit", err);
    loss->kl_row = fs_allocate(most, sizeof *loss->kl_row, "a training unit", err);
    loss->excluded = fs_allocate(reads, sizeof *loss->excluded, "a training unit", err);
    loss->distribution_row = fs_allocate(loss->rows, sizeof *loss->distribution_row, "a training unit", err);
    loss->entropy = fs_allocate(loss->rows, sizeof *loss->entropy, "a training unit", err);
    return loss->read != NULL && loss->pair != NULL && loss->group != NULL && loss->kl_row != NULL &&
                   loss->excluded != NULL && loss->distribution_row != NULL && loss->entropy != NULL
               ? 0
               : -1;
}

static struct fs_kl_row *add_kl_row(struct fs_loss_unit *loss, size_t row, enum fs_loss_term term, double weight)
{
    size_t distribution = 0;
    while (distribution < loss->distributions && loss->distribution_row[distribution] != row) {
        distribution++;
    }
    if (distribution == loss->distributions) {
        loss->distribution_row[loss->distributions++] = row;
    }
    struct fs_kl_row *kl_row = &loss->kl_row[loss->kl_rows++];
    *kl_row = (struct fs_kl_row){.term = term,
                                 .weight = weight,
                                 .row = row,
                                 .distribution = distribution,
                                 .excluded_first = loss->excluded_tokens};
    return kl_row;
}

/* L_s1 of one pair: all distinct rows of its reads, or those of the reads number `only` (SIZE_MAX: all). */
static void keep_pair(const struct builder *builder, const struct fs_loss_pair *pair, size_t only,
                      struct fs_loss_unit *loss)
{
    size_t first_kl_row = loss->kl_rows, last_read = pair->first + pair->count[0] + pair->count[1];
    for (size_t i = pair->first; i < last_read; i++) {
        size_t number = i < pair->first + pair->count[0] ? i - pair->first : i - pair->first - pair->count[0];
        size_t row = loss->read[i].row, known = first_kl_row;
        while (known < loss->kl_rows && loss->kl_row[known].row != row) {
            known++;
        }
        if (known < loss->kl_rows || (only != SIZE_MAX && number != only)) {
            continue;
        }
        struct fs_kl_row *kl_row = add_kl_row(loss, row, FS_TERM_CONTEXT, 1);
        for (size_t j = pair->first; builder->options->kl_without_completion && j < last_read; j++) {
            const struct fs_loss_read *read = &loss->read[j];
            size_t x = kl_row->excluded_first;
            while (x < loss->excluded_tokens && loss->excluded[x] != read->token) {
                x++;
            }
            if (read->row == row && read->completion && x == loss->excluded_tokens) {
                loss->excluded[loss->excluded_tokens++] = read->token;
                kl_row->excluded++;
            }
        }
    }
    for (size_t i = first_kl_row; i < loss->kl_rows; i++) {
        loss->kl_row[i].weight /= (double)(loss->kl_rows - first_kl_row);
    }
}

static void add_loss_pair(const struct builder *builder, size_t p, const struct fs_loss_read *place,
                          struct fs_loss_unit *loss)
{
    const struct fs_statement *k = builder->statement + 2 * p;
    size_t prefix, suffix;
    common_ends(k, place, &prefix, &suffix);
    bool whole = builder->options->scoring != FS_SENTENCE_MEAN; /* the other scorings read nothing but the fill */
    struct fs_loss_pair *pair = &loss->pair[loss->pairs++];
    *pair = (struct fs_loss_pair){.first = loss->reads, .count = {k[0].count, k[1].count}, .term = builder->term[p]};
    for (int s = 0; s < 2; s++) {
        for (size_t i = 0; i < k[s].count; i++) {
            struct fs_loss_read *read = &loss->read[loss->reads++];
            *read = place[k[s].read[i]];
            read->completion = whole || (i >= prefix && i < k[s].count - suffix);
        }
    }
    size_t least = k[0].count < k[1].count ? k[0].count : k[1].count;
    size_t only = whole || prefix == least ? 0 : prefix;
    keep_pair(builder, pair, builder->options->kl_rows == FS_KL_ALL_ROWS ? SIZE_MAX : only, loss);
    if (p == 0 || builder->term[p] != builder->term[p - 1]) {
        loss->group[loss->groups++].first = p;
    }
    loss->group[loss->groups - 1].count++;
}

static int fill_loss(const struct builder *builder, const struct fs_loss_read *place, struct fs_loss_unit *loss,
                     struct fs_error *err)
{
    if (reserve_loss(builder, loss, err) != 0) {
        return -1;
    }
    for (size_t p = 0; p < builder->pairs; p++) {
        add_loss_pair(builder, p, place, loss);
    }
    for (size_t i = 0; i < builder->prompts; i++) {
        add_kl_row(loss, place[builder->prompt[i]].row, FS_TERM_GENERIC, 1);
    }
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
    if (unit->row == NULL) {
        return -1;
    }
    for (size_t r = 0; r < rows; r++) {
        unit->row[r] = top ? r : unit->source[r];
    }
    if (!top) {
        return 0;
    }
    unit->start = fs_allocate(rows + 1, sizeof *unit->start, "a training unit", err);
    if (unit->start == NULL) {
        return -1;
    }
    for (size_t r = 0; r <= rows; r++) {
        unit->start[r] = r;
    }
    /* `rows` ids of the vocabulary: no layer looks at them any more */
    unit->batch = (struct fs_batch){rows, rows, view.batch.token, unit->start, NULL, NULL};
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
    int status = fs_plan_seal(unit->plan, fs_plan_limits_of(builder->spec, SIZE_MAX), err);
    struct fs_loss_read *place = fs_allocate(fs_plan_reads(unit->plan), sizeof *place, "a training unit", err);
    if (status != 0 || place == NULL || place_reads(builder, unit, place, err) != 0 ||
        fill_loss(builder, place, &unit->loss, err) != 0 || set_batch(builder, unit, err) != 0) {
        status = -1;
    }
    free(place);
    units->pairs += builder->pairs;
    units->prompts += builder->prompts;
    units->groups += unit->loss.groups;
    size_t tokens = fs_plan_tokens(unit->plan);
    units->most_tokens = tokens > units->most_tokens ? tokens : units->most_tokens;
    units->most_rows = unit->loss.rows > units->most_rows ? unit->loss.rows : units->most_rows;
    drop_open_unit(builder);
    return status;
}

static int open_unit(struct builder *builder, struct fs_error *err)
{
    return builder->plan != NULL ? 0 : fs_plan_create(&builder->plan, err);
}

/* `last`: the pair that has been added is the last one of its term. */
static int close_full_unit(struct builder *builder, bool last, struct fs_error *err)
{
    size_t tokens = fs_plan_tokens(builder->plan), reads = fs_plan_reads(builder->plan);
    bool full = (last && tokens >= FS_UNIT_TOKENS / 2) || tokens >= 4 * FS_UNIT_TOKENS ||
                reads >= UNIT_NUMBERS / builder->spec->vocabulary;
    return full ? close_unit(builder, err) : 0;
}

/* What depends on the whole batch: weights in the means, and shares in the stereotype scores. */
static int set_weights(struct builder *builder, struct fs_error *err)
{
    struct fs_stamp_units *units = builder->units;
    size_t *category = fs_allocate(units->terms, sizeof *category, "the categories of a batch", err);
    size_t *terms = fs_allocate(units->terms, sizeof *terms, "the categories of a batch", err);
    if (category == NULL || terms == NULL) {
        free(category);
        free(terms);
        return -1;
    }
    for (size_t t = 0; t < units->terms; t++) {
        size_t known = 0;
        while (known < t && strcmp(builder->of_term[known]->category, builder->of_term[t]->category) != 0) {
            known++;
        }
        category[t] = known < t ? category[known] : units->categories++;
        terms[category[t]]++;
    }
    for (size_t u = 0; u < units->count; u++) {
        struct fs_loss_unit *loss = &units->unit[u].loss;
        loss->pair_weight = units->pairs > 0 ? 1.0 / (double)units->pairs : 0;
        loss->group_weight = units->groups > 0 ? 1.0 / (double)units->groups : 0;
        for (size_t p = 0; p < loss->pairs; p++) {
            struct fs_loss_pair *pair = &loss->pair[p];
            pair->category = category[pair->term];
            pair->share = 100.0 / ((double)builder->term_pairs[pair->term] * (double)terms[pair->category]);
        }
        for (size_t i = 0; i < loss->kl_rows; i++) {
            loss->kl_row[i].weight /= (double)(loss->kl_row[i].term == FS_TERM_CONTEXT ? units->pairs : units->prompts);
        }
    }
    free(category);
    free(terms);
    return 0;
}

static int build(struct builder *builder, const struct fs_stamp_batch *batch, struct fs_error *err)
{
    struct fs_stamp_units *units = builder->units;
    if (fs_prompt_style_of(builder->spec, builder->tokenizer, &builder->style, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < batch->count; i++) {
        fs_stamp_subjects_add(&builder->subjects, batch->list->item[batch->pair[i]].subject);
        fs_stamp_subjects_add(&builder->subjects, batch->list->item[batch->pair[i]].counterpart);
    }
    fs_stamp_subjects_add_neutral(&builder->subjects, builder->options->neutral_subjects);
    size_t prompts = builder->subjects.count * builder->options->generic_prompts;
    builder->prompt = fs_allocate(prompts, sizeof *builder->prompt, "the prompts of a batch", err);
    units->unit = fs_allocate(batch->count, sizeof *units->unit, "the training units", err);
    if (units->unit == NULL || builder->prompt == NULL) {
        return -1;
    }
    for (size_t i = 0, next = 0; i < batch->count; i++) {
        const struct fs_pair *this = &batch->list->item[batch->pair[i]];
        if (open_unit(builder, err) != 0 || add_pair(builder, this, err) != 0) {
            return -1;
        }
        for (; next < (i + 1) * prompts / batch->count; next++) {
            if (add_prompt(builder, next, err) != 0) {
                return -1;
            }
        }
        if (close_full_unit(builder, i + 1 == batch->count || !same_term(this, &batch->list->item[batch->pair[i + 1]]),
                            err) != 0) {
            return -1;
        }
    }
    if (builder->plan != NULL && close_unit(builder, err) != 0) {
        return -1;
    }
    return set_weights(builder, err);
}

int fs_stamp_units_compile(const struct fs_spec *spec, const struct fs_tokenizer *tokenizer,
                           const struct fs_stamp_batch *batch, const struct fs_stamp_options *options,
                           struct fs_stamp_units *units, struct fs_error *err)
{
    const size_t count = batch->count;
    *units = (struct fs_stamp_units){0};
    struct builder builder = {.spec = spec, .tokenizer = tokenizer, .options = options, .units = units};
    if (options->generic_prompts == 0 || options->generic_prompts > FS_GENERIC_TEMPLATES ||
        options->neutral_subjects > FS_NEUTRAL_SUBJECTS) {
        return fs_error_set(
            err, FS_EXIT_CONFIG, "stamp: %zu generic prompts and %zu neutral subjects; there are %d and %d",
            options->generic_prompts, options->neutral_subjects, FS_GENERIC_TEMPLATES, FS_NEUTRAL_SUBJECTS);
    }
    builder.subjects.name =
        fs_allocate(2 * count + FS_NEUTRAL_SUBJECTS, sizeof(const char *), "the subjects of a batch", err);
    builder.statement = fs_allocate(count, 2 * sizeof *builder.statement, "the statements of a batch", err);
    builder.term = fs_allocate(count, sizeof *builder.term, "the terms of a batch", err);
    builder.of_term = fs_allocate(count, sizeof *builder.of_term, "the terms of a batch", err);
    builder.term_pairs = fs_allocate(count, sizeof *builder.term_pairs, "the terms of a batch", err);
    int status = -1;
    if (builder.subjects.name != NULL && builder.statement != NULL && builder.term != NULL && builder.of_term != NULL &&
        builder.term_pairs != NULL) {
        status = build(&builder, batch, err);
    }
    drop_open_unit(&builder);
    free(builder.subjects.name);
    free(builder.statement);
    free(builder.prompt);
    free(builder.term);
    free(builder.of_term);
    free(builder.term_pairs);
    return status;
}

/* Memory that fs_stamp_unit_fill needs for a while. */
struct fill {
    fs_real *h, *x, *base; /* (T,d) of the plan's batch; base as model/engine.h has it */
    fs_real *logprob;      /* (R,V) */
};

static int fill(const struct fs_model *model, struct fs_workspace *workspace, const struct fs_stamp_options *options,
                struct fs_stamp_unit *unit, struct fill *fill, struct fs_error *err)
{
    size_t d = fs_model_spec(model)->hidden, layers = fs_model_spec(model)->layers, layer = options->layer;
    struct fs_plan_unit view;
    fs_plan_get_unit(unit->plan, 0, &view);
    const struct fs_pass plan_pass = {model, workspace, &view.batch, NULL};
    const struct fs_pass unit_pass = {model, workspace, &unit->batch, NULL};
    size_t T = view.batch.tokens, row_bytes = d * sizeof(fs_real), matrices = fs_base_matrices(fs_model_spec(model));
    struct fs_loss_unit *loss = &unit->loss;
    fill->h = fs_allocate_aligned(T, row_bytes, "the states of a training unit", err);
    fill->x = fs_allocate_aligned(T, row_bytes, "the states of a training unit", err);
    fill->base = fs_allocate_aligned(matrices * T, row_bytes, "the states of a training unit", err);
    unit->x = fs_allocate_aligned(unit->batch.tokens, row_bytes, "a training unit's FFN inputs", err);
    unit->base = fs_allocate_aligned(matrices * unit->batch.tokens, row_bytes, "a training unit's FFN outputs", err);
    if (fill->h == NULL || fill->x == NULL || fill->base == NULL || unit->x == NULL || unit->base == NULL) {
        return -1;
    }
    if (fs_batch_check(model, &view.batch, err) != 0 ||
        fs_embed(model, workspace, &view.batch, NULL, fill->h, err) != 0 ||
        fs_run_layers(&plan_pass, 0, layer, fill->h, err) != 0 ||
        fs_run_to_ffn(&plan_pass, layer, fill->h, fill->x, fill->base, err) != 0) {
        return -1;
    }
    bool rows_alone = unit->start != NULL;
    for (size_t t = 0; t < unit->batch.tokens; t++) {
        size_t from = rows_alone ? unit->source[t] : t;
        memcpy(unit->x + t * d, fill->x + from * d, row_bytes);
        for (size_t m = 0; m < matrices; m++) {
            memcpy(unit->base + (m * unit->batch.tokens + t) * d, fill->base + (m * T + from) * d, row_bytes);
        }
    }
    /* P: the unedited model goes on from here */
    if (fs_join_ffn(&unit_pass, layer, unit->x, unit->base, fill->h, err) != 0 ||
        fs_run_layers(&unit_pass, layer + 1, layers, fill->h, err) != 0) {
        return -1;
    }
    size_t V_bytes = loss->vocabulary * sizeof(fs_real);
    loss->probability = fs_allocate_aligned(loss->distributions, V_bytes, "the unedited model's distributions", err);
    fill->logprob = fs_allocate_aligned(loss->rows, V_bytes, "the unedited model's distributions", err);
    if (loss->probability == NULL || fill->logprob == NULL ||
        fs_read_distributions(model, workspace, fill->h, loss->rows, unit->row, fill->logprob, err) != 0) {
        return -1;
    }
    return fs_loss_keep(loss, options->scoring, fill->logprob, err);
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
        free(unit->loss.group);
        free(unit->loss.kl_row);
        free(unit->loss.excluded);
        free(unit->loss.distribution_row);
        free(unit->loss.probability);
        free(unit->loss.entropy);
    }
    free(units->unit);
    *units = (struct fs_stamp_units){0};
}
