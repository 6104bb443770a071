#include "stages/methods/biasedit_texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/kernels.h"

int fs_biasedit_check(enum fs_scoring scoring, struct fs_error *err)
{
    if (scoring != FS_TARGET_PROB && scoring != FS_TARGET_LOGPROB && scoring != FS_SENTENCE_MEAN &&
        scoring != FS_OBJECT_MEAN) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "biasedit: scoring %s cannot be trained on; expected target.prob or target.logprob "
                            "(masked), sentence.mean or object.mean (causal)",
                            fs_scoring_name(scoring));
    }
    return 0;
}

struct fs_batch fs_biasedit_batch(const struct fs_biasedit_unit *unit)
{
    return (struct fs_batch){unit->sequences, unit->tokens, unit->token, unit->start, NULL, NULL};
}

/* ---- compiling ---- */

/* Reads of `k`, of the plan `from`, as reads of `to`; read [k->count] their indices there. */
static int copy_reads(const struct fs_plan *from, const struct fs_statement *k, struct fs_plan *to, size_t *read,
                      struct fs_error *err)
{
    for (size_t i = 0; i < k->count; i++) {
        size_t old, position, pass;
        fs_plan_read_place(from, k->read[i], &old, &position);
        if (fs_plan_add_pass(to, fs_plan_pass_ids(from, old), fs_plan_pass_length(from, old), &pass, err) != 0 ||
            fs_plan_add_read(to, pass, position, fs_plan_read_token(from, k->read[i]), &read[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* A pair's own plan, sealed as one unit, and the places of its reads in it. */
struct pair_plan {
    struct fs_plan *plan;
    size_t count[FS_BIASEDIT_STATEMENTS], reads;
    size_t *read; /* [reads] indices in the plan */
    bool scored;
};

static int plan_statements(const struct fs_biasedit_form *form, const struct fs_prompt_style *style,
                           const struct fs_pair *pair, struct pair_plan *made, struct fs_error *err)
{
    size_t capacity = 0, statements = !form->unrelated ? 2 : pair->has_counterpart_unrelated ? 4 : 3;
    made->scored = true;
    for (size_t s = 0; s < statements && made->scored; s++) {
        struct fs_statement k = {0};
        struct fs_plan *plan = NULL;
        if (pair->statement[s].text == NULL) {
            continue;
        }
        int status = fs_plan_create(&plan, err);
        if (status == 0) {
            status = fs_statement_compile(plan, form->tokenizer, style, form->scoring, &pair->statement[s], &k, err);
        }
        if (status == 0 && k.skip == FS_KEPT) {
            status = fs_grow(&made->read, &capacity, made->reads + k.count, sizeof *made->read, "texts", err);
            status = status == 0 ? copy_reads(plan, &k, made->plan, made->read + made->reads, err) : -1;
            made->count[s] = k.count;
            made->reads += k.count;
        }
        made->scored = made->scored && (s >= 2 || made->count[s] > 0);
        fs_statement_release(&k);
        fs_plan_destroy(plan);
        if (status != 0) {
            return -1;
        }
    }
    return 0;
}

/* The unit that is open, or a new one behind those that are closed. */
static struct fs_biasedit_unit *open_unit(const struct fs_biasedit_form *form, struct fs_biasedit_texts *texts,
                                          struct fs_error *err)
{
    size_t most_reads = ((size_t)16 << 20) / form->spec->vocabulary; /* logits of a unit */
    if (texts->units > 0) {
        struct fs_biasedit_unit *unit = &texts->unit[texts->units - 1];
        if (unit->tokens < form->unit_tokens && unit->reads < most_reads) {
            return unit;
        }
    }
    if (fs_grow(&texts->unit, &texts->capacity, texts->units + 1, sizeof *texts->unit, "texts", err) != 0) {
        return NULL;
    }
    struct fs_biasedit_unit *unit = &texts->unit[texts->units++];
    *unit = (struct fs_biasedit_unit){0};
    return unit;
}

static int make_room(struct fs_biasedit_unit *unit, const struct fs_plan_unit *view, size_t reads, struct fs_error *err)
{
    const struct fs_batch *batch = &view->batch;
    return fs_grow(&unit->token, &unit->token_capacity, unit->tokens + batch->tokens, sizeof *unit->token, "texts",
                   err) == 0 &&
                   fs_grow(&unit->start, &unit->start_capacity, unit->sequences + batch->sequences + 1,
                           sizeof *unit->start, "texts", err) == 0 &&
                   fs_grow(&unit->row, &unit->row_capacity, unit->rows + view->reads.rows, sizeof *unit->row, "texts",
                           err) == 0 &&
                   fs_grow(&unit->read_row, &unit->read_row_capacity, unit->reads + reads, sizeof *unit->read_row,
                           "texts", err) == 0 &&
                   fs_grow(&unit->read, &unit->read_capacity, unit->reads + reads, sizeof *unit->read, "texts", err) ==
                       0 &&
                   fs_grow(&unit->pair, &unit->pair_capacity, unit->pairs + 1, sizeof *unit->pair, "texts", err) == 0
               ? 0
               : -1;
}

/* The pair's texts behind those of the unit. */
static int append(const struct pair_plan *made, struct fs_biasedit_unit *unit, struct fs_error *err)
{
    struct fs_plan_unit view;
    fs_plan_get_unit(made->plan, 0, &view);
    const struct fs_batch *batch = &view.batch;
    if (make_room(unit, &view, made->reads, err) != 0) {
        return -1;
    }
    memcpy(unit->token + unit->tokens, batch->token, batch->tokens * sizeof *unit->token);
    for (size_t s = 0; s <= batch->sequences; s++) {
        unit->start[unit->sequences + s] = unit->tokens + batch->start[s];
    }
    for (size_t r = 0; r < view.reads.rows; r++) {
        unit->row[unit->rows + r] = unit->tokens + view.reads.row[r];
        for (size_t i = view.reads.first[r]; i < view.reads.first[r + 1]; i++) {
            for (size_t k = 0; k < made->reads; k++) { /* equal reads of two statements are one in the plan */
                if (made->read[k] == view.read_index[i]) {
                    unit->read_row[unit->reads + k] = unit->rows + r;
                    unit->read[unit->reads + k] = view.reads.token[i];
                }
            }
        }
    }
    struct fs_biasedit_pair *pair = &unit->pair[unit->pairs++];
    *pair = (struct fs_biasedit_pair){.first = unit->reads};
    memcpy(pair->count, made->count, sizeof pair->count);
    unit->tokens += batch->tokens;
    unit->sequences += batch->sequences;
    unit->rows += view.reads.rows;
    unit->reads += made->reads;
    return 0;
}

static int add_pair(const struct fs_biasedit_form *form, const struct fs_prompt_style *style,
                    const struct fs_pair *pair, struct fs_biasedit_texts *texts, struct fs_error *err)
{
    struct pair_plan made = {0};
    int status = fs_plan_create(&made.plan, err) == 0 ? plan_statements(form, style, pair, &made, err) : -1;
    if (status == 0 && made.scored) {
        struct fs_plan_limits limits = fs_plan_limits_of(form->spec, SIZE_MAX);
        limits.shared_length = 0;
        struct fs_biasedit_unit *unit = NULL;
        status = fs_plan_seal(made.plan, limits, err);
        unit = status == 0 ? open_unit(form, texts, err) : NULL;
        status = unit != NULL ? append(&made, unit, err) : -1;
        texts->pairs++;
        if (status == 0) {
            texts->most_tokens = unit->tokens > texts->most_tokens ? unit->tokens : texts->most_tokens;
            texts->most_rows = unit->rows > texts->most_rows ? unit->rows : texts->most_rows;
        }
    }
    free(made.read);
    fs_plan_destroy(made.plan);
    return status;
}

int fs_biasedit_compile(const struct fs_biasedit_form *form, const struct fs_pair_list *list, const size_t *pair,
                        size_t count, struct fs_biasedit_texts *texts, struct fs_error *err)
{
    struct fs_prompt_style style;
    *texts = (struct fs_biasedit_texts){0};
    if (fs_prompt_style_of(form->spec, form->tokenizer, &style, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (add_pair(form, &style, &list->item[pair[i]], texts, err) != 0) {
            return -1;
        }
    }
    return 0;
}

void fs_biasedit_texts_release(struct fs_biasedit_texts *texts)
{
    for (size_t u = 0; u < texts->units; u++) {
        struct fs_biasedit_unit *unit = &texts->unit[u];
        free(unit->token);
        free(unit->start);
        free(unit->row);
        free(unit->read_row);
        free(unit->read);
        free(unit->pair);
        free(unit->x);
        free(unit->base);
    }
    free(texts->unit);
    *texts = (struct fs_biasedit_texts){0};
}

/* ---- the losses ---- */

/* Of a statement's reads. */
struct means {
    double a, l;
};

static struct means means_of(const double *logprob, size_t count)
{
    struct means means = {0, 0};
    for (size_t i = 0; i < count; i++) {
        means.a += exp(logprob[i]) / (double)count;
        means.l += logprob[i] / (double)count;
    }
    return means;
}

/* Adds the slopes of a function of a statement's means by its log probabilities. */
static void add_slopes(const double *logprob, size_t count, double by_a, double by_l, double *slope)
{
    for (size_t i = 0; i < count; i++) {
        slope[i] += (by_a * exp(logprob[i]) + by_l) / (double)count;
    }
}

static void read_values(const struct fs_biasedit_unit *unit, size_t vocabulary, const fs_real *logprob, double *value)
{
    for (size_t i = 0; i < unit->reads; i++) {
        value[i] = (double)logprob[unit->read_row[i] * vocabulary + (size_t)unit->read[i]];
    }
}

void fs_biasedit_keep(struct fs_biasedit_unit *unit, size_t vocabulary, const fs_real *logprob)
{
    for (size_t p = 0; p < unit->pairs; p++) {
        struct fs_biasedit_pair *pair = &unit->pair[p];
        size_t at = pair->first + pair->count[0] + pair->count[1];
        for (size_t s = 2; s < FS_BIASEDIT_STATEMENTS; s++) {
            double a = 0;
            for (size_t i = at; i < at + pair->count[s]; i++) {
                a += exp((double)logprob[unit->read_row[i] * vocabulary + (size_t)unit->read[i]]);
            }
            pair->kept[s] = pair->count[s] > 0 ? a / (double)pair->count[s] : 0;
            at += pair->count[s];
        }
    }
}

/* L_d of a pair, whose log probabilities and slopes begin at `logprob` and `slope`. */
static double differ(const struct fs_biasedit_pair *pair, const double *logprob, double *slope)
{
    size_t n = pair->count[0];
    struct means s = means_of(logprob, n), a = means_of(logprob + n, pair->count[1]);
    add_slopes(logprob, n, log(s.a) + 1 - a.l, -a.a, slope);
    add_slopes(logprob + n, pair->count[1], log(a.a) + 1 - s.l, -s.a, slope + n);
    return s.a * (log(s.a) - a.l) + a.a * (log(a.a) - s.l);
}

/* L_r of a pair. */
static double stay(const struct fs_biasedit_pair *pair, const double *logprob, double weight, double *slope)
{
    double statements = (pair->count[2] > 0) + (pair->count[3] > 0), loss = 0;
    size_t at = pair->count[0] + pair->count[1];
    for (size_t s = 2; s < FS_BIASEDIT_STATEMENTS; s++) {
        if (pair->count[s] > 0) {
            double a0 = pair->kept[s];
            loss += a0 * (log(a0) - means_of(logprob + at, pair->count[s]).l) / statements;
            add_slopes(logprob + at, pair->count[s], 0, -weight * a0 / statements, slope + at);
        }
        at += pair->count[s];
    }
    return loss;
}

/* d log p_i/dlogit_v = 1[v = token i] - p'_v */
void fs_biasedit_evaluate(const struct fs_biasedit_unit *unit, size_t vocabulary, double weight, double keep_weight,
                          fs_real *logprob, double *scratch, double value[2])
{
    double *log_p = scratch, *slope = scratch + unit->reads;
    value[0] = value[1] = 0;
    read_values(unit, vocabulary, logprob, log_p);
    memset(slope, 0, unit->reads * sizeof *slope);
    for (size_t p = 0; p < unit->pairs; p++) {
        size_t first = unit->pair[p].first;
        value[0] += weight * differ(&unit->pair[p], log_p + first, slope + first);
        value[1] += weight * stay(&unit->pair[p], log_p + first, keep_weight, slope + first);
    }
    for (size_t r = 0; r < unit->rows; r++) {
        double sum = 0;
        for (size_t i = 0; i < unit->reads; i++) {
            sum += unit->read_row[i] == r ? weight * slope[i] : 0;
        }
        fs_distribution_gradient(logprob + r * vocabulary, NULL, vocabulary, (fs_real)-sum, 0);
    }
    for (size_t i = 0; i < unit->reads; i++) {
        fs_real *at = logprob + unit->read_row[i] * vocabulary + (size_t)unit->read[i];
        *at = (fs_real)((double)*at + weight * slope[i]);
    }
}
