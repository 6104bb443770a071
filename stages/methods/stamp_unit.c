#include "stages/methods/stamp_unit.h"

#include <stdlib.h>
#include <string.h>

#include "model/flops.h"
#include "stages/methods/stamp_form.h"
#include "stages/methods/stamp_pack.h"
#include "stages/methods/stamp_prompts.h"

#define UNIT_NUMBERS ((size_t)16 << 20) /* logits of a unit, reads x V */

/* What compiling a batch works with. */
struct builder {
    const struct fs_spec *spec;
    const struct fs_tokenizer *tokenizer;
    const struct fs_stamp_options *options;
    struct fs_prompt_style style;
    struct fs_stamp_subjects subjects;
    struct fs_stamp_units *units;

    const struct fs_pair **of_term; /* [units->terms] a pair of each target term */
    size_t *term_pairs;             /* [units->terms] */

    struct fs_plan *all;            /* of the whole batch; never sealed */
    struct fs_statement *statement; /* [2 x pairs] k1, k2 of each pair that can be scored; reads of `all` */
    size_t *term;                   /* [pairs] */
    size_t pairs;
    size_t *prompt; /* [prompts] the read of each generic prompt */
    size_t prompts;

    size_t *unit_row;  /* [reads of `all`] of the first of the same row: its row in the unit that is being made */
    size_t *local;     /* [reads of `all`] the unit's read */
    size_t *cut_place; /* [pairs] FS_LOSS_WHOLE, or the pair's place among those of cut terms */
    size_t *term_cut;  /* [units->terms] FS_LOSS_WHOLE, or the term's number among the cut ones */
    struct fs_stamp_packing packing;
};

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

/* A pair of which both statements can be scored; of others only passes stay, which no unit asks for. */
static int add_pair(struct builder *builder, const struct fs_stamp_batch *batch, const struct fs_pair *pair,
                    struct fs_error *err)
{
    const struct fs_stamp_options *options = builder->options;
    bool framed = batch->version > 0;
    const struct fs_framing framing = {
        .plan = builder->all,
        .tokenizer = builder->tokenizer,
        .style = &builder->style,
        .scoring = options->scoring,
        .seed = options->seed,
        .version = batch->version,
        .donor = framed && options->swap_subjects ? fs_stamp_donor(batch, options->seed, pair) : NULL,
        .host = framed && options->swap_statements ? fs_stamp_host(batch, options->seed, pair) : NULL};
    struct fs_statement *k = builder->statement + 2 * builder->pairs;
    if (fs_stamp_pair_compile(&framing, pair, k, err) != 0) {
        return -1;
    }
    if (k[0].skip == FS_KEPT) {
        builder->term[builder->pairs++] = number_term(builder, pair);
    }
    return 0;
}

/* All templates of a subject side by side, for they begin alike. A prompt that is too long for the model is left out. */
static int add_prompts(struct builder *builder, size_t version, struct fs_error *err)
{
    const struct fs_stamp_subjects *subjects = &builder->subjects;
    size_t count = builder->options->generic_prompts, first = builder->options->vary_prompts ? version * count : 0;
    for (size_t subject = 0; subject < subjects->count; subject++) {
        for (size_t i = 0; i < count; i++) {
            size_t template = (first + i) % FS_GENERIC_TEMPLATES;
            size_t *read = &builder->prompt[builder->prompts];
            if (fs_stamp_prompt_add(builder->all, builder->tokenizer, &builder->style, subjects,
                                    template * subjects->count + subject, read, err) != 0) {
                return -1;
            }
            builder->prompts += *read != SIZE_MAX;
        }
    }
    return 0;
}

/* unit->source and place[the unit's read]. */
static int place_reads(struct builder *builder, struct fs_stamp_unit *unit, const size_t *origin,
                       struct fs_loss_read *place, struct fs_error *err)
{
    struct fs_plan_unit view;
    fs_plan_get_unit(unit->plan, 0, &view);
    unit->source = fs_allocate(view.reads.rows, sizeof *unit->source, "a training unit", err);
    if (unit->source == NULL) {
        return -1;
    }
    for (size_t r = 0; r < view.reads.rows; r++) {
        for (size_t i = view.reads.first[r]; i < view.reads.first[r + 1]; i++) {
            builder->unit_row[builder->packing.same[origin[view.read_index[i]]]] = SIZE_MAX;
        }
    }
    for (size_t r = 0; r < view.reads.rows; r++) {
        for (size_t i = view.reads.first[r]; i < view.reads.first[r + 1]; i++) {
            size_t *row = &builder->unit_row[builder->packing.same[origin[view.read_index[i]]]];
            if (*row == SIZE_MAX) {
                unit->source[unit->loss.rows] = view.reads.row[r];
                *row = unit->loss.rows++;
            }
            place[view.read_index[i]] = (struct fs_loss_read){.row = *row, .token = view.reads.token[i]};
        }
    }
    return 0;
}

/* Common tokens at the beginning, and then at the end, of the two statements' reads. */
static void common_ends(const struct fs_plan *plan, const struct fs_statement *k, size_t *prefix, size_t *suffix)
{
    size_t least = k[0].count < k[1].count ? k[0].count : k[1].count;
    *prefix = *suffix = 0;
    while (*prefix < least &&
           fs_plan_read_token(plan, k[0].read[*prefix]) == fs_plan_read_token(plan, k[1].read[*prefix])) {
        ++*prefix;
    }
    while (*suffix < least - *prefix && fs_plan_read_token(plan, k[0].read[k[0].count - 1 - *suffix]) ==
                                            fs_plan_read_token(plan, k[1].read[k[1].count - 1 - *suffix])) {
        ++*suffix;
    }
}

/* Memory for the lists of a unit's loss; each is as long as it can become. */
static int reserve_loss(const struct builder *builder, struct fs_stamp_range pairs, size_t prompts,
                        struct fs_loss_unit *loss, struct fs_error *err)
{
    size_t reads = 0, most, count = pairs.end - pairs.begin;
    for (size_t s = 2 * pairs.begin; s < 2 * pairs.end; s++) {
        reads += builder->statement[s].count;
    }
    most = reads + prompts;
    loss->vocabulary = builder->spec->vocabulary;
    loss->read = fs_allocate(reads, sizeof *loss->read, "a training unit", err);
    loss->pair = fs_allocate(count, sizeof *loss->pair, "a training unit", err);
    loss->group = fs_allocate(count, sizeof *loss->group, "a training unit", err);
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

static void add_loss_pair(const struct builder *builder, size_t p, bool begins, const struct fs_loss_read *place,
                          struct fs_loss_unit *loss)
{
    const struct fs_statement *k = builder->statement + 2 * p;
    size_t prefix, suffix, term = builder->term[p];
    common_ends(builder->all, k, &prefix, &suffix);
    bool whole = builder->options->scoring != FS_SENTENCE_MEAN; /* the other scorings read nothing but the fill */
    struct fs_loss_pair *pair = &loss->pair[loss->pairs++];
    *pair = (struct fs_loss_pair){
        .first = loss->reads, .count = {k[0].count, k[1].count}, .term = term, .place = builder->cut_place[p]};
    for (int s = 0; s < 2; s++) {
        for (size_t i = 0; i < k[s].count; i++) {
            struct fs_loss_read *read = &loss->read[loss->reads++];
            *read = place[builder->local[k[s].read[i]]];
            read->completion = whole || (i >= prefix && i < k[s].count - suffix);
        }
    }
    size_t least = k[0].count < k[1].count ? k[0].count : k[1].count;
    size_t only = whole || prefix == least ? 0 : prefix;
    keep_pair(builder, pair, builder->options->kl_rows == FS_KL_ALL_ROWS ? SIZE_MAX : only, loss);
    if (begins || term != builder->term[p - 1]) {
        loss->group[loss->groups++] = (struct fs_loss_group){
            .first = loss->pairs - 1, .pairs = builder->term_pairs[term], .cut = builder->term_cut[term]};
    }
    loss->group[loss->groups - 1].count++;
}

static int fill_loss(const struct builder *builder, struct fs_stamp_range pairs, struct fs_stamp_range prompts,
                     const struct fs_loss_read *place, struct fs_loss_unit *loss, struct fs_error *err)
{
    if (reserve_loss(builder, pairs, prompts.end - prompts.begin, loss, err) != 0) {
        return -1;
    }
    for (size_t p = pairs.begin; p < pairs.end; p++) {
        add_loss_pair(builder, p, p == pairs.begin, place, loss);
    }
    for (size_t i = prompts.begin; i < prompts.end; i++) {
        add_kl_row(loss, place[builder->local[builder->prompt[i]]].row, FS_TERM_GENERIC, 1);
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

/* A read of the whole batch as one of the unit's plan. */
static int copy_read(struct builder *builder, size_t read, struct fs_plan *plan, size_t *origin, struct fs_error *err)
{
    size_t from, pass, position;
    fs_plan_read_place(builder->all, read, &from, &position);
    if (fs_plan_add_pass(plan, fs_plan_pass_ids(builder->all, from), fs_plan_pass_length(builder->all, from), &pass,
                         err) != 0 ||
        fs_plan_add_read(plan, pass, position, fs_plan_read_token(builder->all, read), &builder->local[read], err) !=
            0) {
        return -1;
    }
    origin[builder->local[read]] = read;
    return 0;
}

static int fill_plan(struct builder *builder, struct fs_stamp_range pairs, struct fs_stamp_range prompts,
                     struct fs_plan *plan, size_t *origin, struct fs_error *err)
{
    for (size_t s = 2 * pairs.begin; s < 2 * pairs.end; s++) {
        for (size_t i = 0; i < builder->statement[s].count; i++) {
            if (copy_read(builder, builder->statement[s].read[i], plan, origin, err) != 0) {
                return -1;
            }
        }
    }
    for (size_t i = prompts.begin; i < prompts.end; i++) {
        if (copy_read(builder, builder->prompt[i], plan, origin, err) != 0) {
            return -1;
        }
    }
    return fs_plan_seal(plan, fs_plan_limits_of(builder->spec, SIZE_MAX), err);
}

static int make_unit(struct builder *builder, struct fs_stamp_range pairs, struct fs_stamp_range prompts,
                     struct fs_error *err)
{
    struct fs_stamp_units *units = builder->units;
    struct fs_stamp_unit *unit = &units->unit[units->count++];
    size_t reads = prompts.end - prompts.begin;
    for (size_t k = 2 * pairs.begin; k < 2 * pairs.end; k++) {
        reads += builder->statement[k].count;
    }
    /* of the unit's reads: that of the batch, and the row */
    size_t *origin = fs_allocate(reads, sizeof *origin, "a training unit", err);
    struct fs_loss_read *place = fs_allocate(reads, sizeof *place, "a training unit", err);
    int status = -1;
    if (origin != NULL && place != NULL && fs_plan_create(&unit->plan, err) == 0 &&
        fill_plan(builder, pairs, prompts, unit->plan, origin, err) == 0 &&
        place_reads(builder, unit, origin, place, err) == 0 &&
        fill_loss(builder, pairs, prompts, place, &unit->loss, err) == 0 && set_batch(builder, unit, err) == 0) {
        status = 0;
        size_t tokens = fs_plan_tokens(unit->plan);
        units->most_tokens = tokens > units->most_tokens ? tokens : units->most_tokens;
        units->most_rows = unit->loss.rows > units->most_rows ? unit->loss.rows : units->most_rows;
    }
    free(origin);
    free(place);
    return status;
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
        loss->term_weight = units->cuts.term_weight;
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

/* FLOPs of a step, for each token that runs and each row that is read. */
static struct fs_stamp_prices prices_of(const struct builder *builder)
{
    const struct fs_spec *spec = builder->spec;
    const struct fs_stamp_options *options = builder->options;
    size_t layer = options->layer, reads = UNIT_NUMBERS / spec->vocabulary;
    double edit = options->form->flops(options, spec, 1) + options->form->flops_backward(options, spec, 1);
    bool top = layer + 1 >= spec->layers;
    double above = top ? 0
                       : fs_flops_layers(spec, layer + 1, spec->layers, 1, 1) +
                             fs_flops_layers_backward(spec, layer + 1, spec->layers, 1, 1) + edit;
    return (struct fs_stamp_prices){.shared_length = fs_spec_shared_length(spec),
                                    .read_length = spec->kind == FS_CAUSAL ? fs_spec_usual_positions(spec) : 0,
                                    .token = above,
                                    .row = 2 * fs_flops_head(spec, 1) + (top ? edit : 0),
                                    .unit_rows = reads > 0 ? reads : 1,
                                    .unit_tokens = options->unit_tokens};
}

static int pack(struct builder *builder, struct fs_error *err)
{
    size_t count = builder->pairs + builder->prompts, reads = builder->prompts, next = 0;
    for (size_t s = 0; s < 2 * builder->pairs; s++) {
        reads += builder->statement[s].count;
    }
    size_t *first = fs_allocate(count + 1, sizeof *first, "the training units", err);
    size_t *read = fs_allocate(reads, sizeof *read, "the training units", err);
    int status = -1;
    if (first != NULL && read != NULL) {
        for (size_t i = 0; i < count; i++) {
            for (size_t s = 2 * i; i < builder->pairs && s < 2 * i + 2; s++) {
                const struct fs_statement *k = &builder->statement[s];
                memcpy(read + next, k->read, k->count * sizeof *read);
                next += k->count;
            }
            if (i >= builder->pairs) {
                read[next++] = builder->prompt[i - builder->pairs];
            }
            first[i + 1] = next;
        }
        const struct fs_stamp_items items = {builder->all, builder->pairs, builder->prompts, first, read};
        const struct fs_stamp_prices prices = prices_of(builder);
        status = fs_stamp_pack(&items, &prices, &builder->packing, err);
    }
    free(first);
    free(read);
    return status;
}

/* Which terms stand in several units, and the places of their pairs; pairs of a term stand side by side. */
static int find_cuts(struct builder *builder, struct fs_error *err)
{
    struct fs_loss_cuts *cuts = &builder->units->cuts;
    size_t reads = fs_plan_reads(builder->all), terms = builder->units->terms;
    builder->cut_place = fs_allocate(builder->pairs, sizeof *builder->cut_place, "the terms of a batch", err);
    builder->term_cut = fs_allocate(terms, sizeof *builder->term_cut, "the terms of a batch", err);
    cuts->first = fs_allocate(terms + 1, sizeof *cuts->first, "the terms of a batch", err);
    builder->unit_row = fs_allocate(reads, sizeof *builder->unit_row, "the training units", err);
    builder->local = fs_allocate(reads, sizeof *builder->local, "the training units", err);
    if (builder->cut_place == NULL || builder->term_cut == NULL || cuts->first == NULL || builder->unit_row == NULL ||
        builder->local == NULL) {
        return -1;
    }
    cuts->term_weight = terms > 0 ? 1.0 / (double)terms : 0;
    for (size_t t = 0; t < terms; t++) {
        builder->term_cut[t] = FS_LOSS_WHOLE;
    }
    for (size_t u = 0, p = 0; u < builder->packing.units; u++) {
        size_t end = builder->packing.pair_end[u];
        bool goes_on = end > 0 && end < builder->pairs && builder->term[end - 1] == builder->term[end];
        if (goes_on && end > p && builder->term_cut[builder->term[end]] == FS_LOSS_WHOLE) {
            builder->term_cut[builder->term[end]] = cuts->terms++;
        }
        p = end;
    }
    for (size_t p = 0; p < builder->pairs; p++) {
        size_t cut = builder->term_cut[builder->term[p]];
        builder->cut_place[p] = cut == FS_LOSS_WHOLE ? FS_LOSS_WHOLE : cuts->pairs++;
        if (cut != FS_LOSS_WHOLE) {
            cuts->first[cut + 1] = cuts->pairs;
        }
    }
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
    if (builder->prompt == NULL || fs_plan_create(&builder->all, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (add_pair(builder, batch, &batch->list->item[batch->pair[i]], err) != 0) {
            return -1;
        }
    }
    if (add_prompts(builder, batch->version, err) != 0 || pack(builder, err) != 0 || find_cuts(builder, err) != 0) {
        return -1;
    }
    const struct fs_stamp_packing *packing = &builder->packing;
    units->unit = fs_allocate(packing->units, sizeof *units->unit, "the training units", err);
    if (units->unit == NULL) {
        return -1;
    }
    units->pairs = builder->pairs;
    units->prompts = builder->prompts;
    for (size_t u = 0; u < packing->units; u++) {
        struct fs_stamp_range pairs = {u > 0 ? packing->pair_end[u - 1] : 0, packing->pair_end[u]};
        struct fs_stamp_range generic = {u > 0 ? packing->prompt_end[u - 1] : 0, packing->prompt_end[u]};
        if (make_unit(builder, pairs, generic, err) != 0) {
            return -1;
        }
    }
    return set_weights(builder, err);
}

static void release_builder(struct builder *builder)
{
    for (size_t s = 0; s < 2 * builder->pairs; s++) {
        fs_statement_release(&builder->statement[s]);
    }
    fs_plan_destroy(builder->all);
    fs_stamp_packing_release(&builder->packing);
    free(builder->subjects.name);
    free(builder->statement);
    free(builder->prompt);
    free(builder->term);
    free(builder->of_term);
    free(builder->term_pairs);
    free(builder->unit_row);
    free(builder->local);
    free(builder->cut_place);
    free(builder->term_cut);
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
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s: %zu generic prompts and %zu neutral subjects; there are %d and %d",
                            options->form->name, options->generic_prompts, options->neutral_subjects,
                            FS_GENERIC_TEMPLATES, FS_NEUTRAL_SUBJECTS);
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
    release_builder(&builder);
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
        free(unit->share);
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
    free(units->cuts.first);
    *units = (struct fs_stamp_units){0};
}
