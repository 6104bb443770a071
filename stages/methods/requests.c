#include "stages/methods/requests.h"

#include <stdlib.h>
#include <string.h>

#include "model/numbers/kernels.h"
#include "stages/methods/stamp_loss.h"

#define UNIT_NUMBERS ((size_t)16 << 20) /* logits of a unit, reads x V */

int fs_request_check(const struct fs_request_form *form, enum fs_model_kind kind, struct fs_error *err)
{
    if (form->target == FS_REQUEST_ANTI && form->objective == FS_PROMPT_LAST && kind == FS_MASKED) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "objective prompt_last: a masked model reads each token at its mask; expected target_new");
    }
    if (form->target == FS_REQUEST_EQUAL && form->scoring != FS_TARGET_PROB && form->scoring != FS_TARGET_LOGPROB &&
        form->scoring != FS_SENTENCE_MEAN && form->scoring != FS_OBJECT_MEAN) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "request equal: scoring %s cannot be trained on; expected target.prob or target.logprob "
                            "(masked), sentence.mean or object.mean (causal)",
                            fs_scoring_name(form->scoring));
    }
    return 0;
}

/* What compiling a batch works with. */
struct builder {
    const struct fs_spec *spec;
    const struct fs_tokenizer *tokenizer;
    const struct fs_request_form *form;
    struct fs_prompt_style style;
    size_t unit_tokens, unit_reads; /* a unit that has as many is closed */
    struct fs_requests *requests;
    size_t request_capacity, read_capacity; /* of the unit that is open */
};

static enum fs_scoring scoring_of(const struct builder *builder)
{
    if (builder->form->target == FS_REQUEST_EQUAL) {
        return builder->form->scoring;
    }
    return builder->spec->kind == FS_MASKED ? FS_TARGET_LOGPROB : FS_OBJECT_MEAN;
}

/* Reads of `from` as reads of the unit's plan; row: their index in that plan, until it is sealed. */
static int copy_reads(struct builder *builder, struct fs_request_unit *unit, const struct fs_plan *from,
                      const struct fs_statement *k, struct fs_error *err)
{
    bool last = builder->form->target == FS_REQUEST_ANTI && builder->form->objective == FS_PROMPT_LAST;
    size_t capacity = builder->read_capacity;
    if (fs_grow(&unit->row, &capacity, unit->reads + k->count, sizeof *unit->row, "requests", err) != 0 ||
        fs_grow(&unit->token, &builder->read_capacity, unit->reads + k->count, sizeof *unit->token, "requests", err) !=
            0) {
        return -1;
    }
    for (size_t i = 0; i < k->count; i++) {
        size_t old, position, pass;
        fs_plan_read_place(from, k->read[last ? 0 : i], &old, &position);
        unit->token[unit->reads] = fs_plan_read_token(from, k->read[i]);
        if (fs_plan_add_pass(unit->plan, fs_plan_pass_ids(from, old), fs_plan_pass_length(from, old), &pass, err) !=
                0 ||
            fs_plan_add_read(unit->plan, pass, position, unit->token[unit->reads], &unit->row[unit->reads], err) != 0) {
            return -1;
        }
        unit->reads++;
    }
    return 0;
}

/* The request's unit: the open one, or a new one behind those that are closed. */
static struct fs_request_unit *open_unit(struct builder *builder, struct fs_error *err)
{
    struct fs_requests *requests = builder->requests;
    if (requests->units > 0) {
        struct fs_request_unit *unit = &requests->unit[requests->units - 1];
        if (fs_plan_given_tokens(unit->plan) < builder->unit_tokens && unit->reads < builder->unit_reads) {
            return unit;
        }
    }
    if (fs_grow(&requests->unit, &requests->capacity, requests->units + 1, sizeof *requests->unit, "requests", err) !=
        0) {
        return NULL;
    }
    struct fs_request_unit *unit = &requests->unit[requests->units++];
    *unit = (struct fs_request_unit){0};
    builder->request_capacity = builder->read_capacity = 0;
    return fs_plan_create(&unit->plan, err) == 0 ? unit : NULL;
}

static int add_request(struct builder *builder, const struct fs_plan *plan, const struct fs_statement *k,
                       size_t statements, struct fs_error *err)
{
    struct fs_request_unit *unit = open_unit(builder, err);
    if (unit == NULL || fs_grow(&unit->request, &builder->request_capacity, unit->requests + 1, sizeof *unit->request,
                                "requests", err) != 0) {
        return -1;
    }
    struct fs_request *request = &unit->request[unit->requests++];
    *request = (struct fs_request){.first = unit->reads};
    for (size_t s = 0; s < statements; s++) {
        request->count[s] = k[s].count;
        if (copy_reads(builder, unit, plan, &k[s], err) != 0) {
            return -1;
        }
    }
    builder->requests->count++;
    return 0;
}

static int add_pair(struct builder *builder, const struct fs_pair *pair, struct fs_error *err)
{
    bool both = builder->form->target == FS_REQUEST_EQUAL;
    const struct fs_statement_text *text[2] = {&pair->statement[both ? FS_STEREOTYPE : FS_ANTI_STEREOTYPE],
                                               &pair->statement[FS_ANTI_STEREOTYPE]};
    size_t statements = both ? 2 : 1;
    struct fs_statement k[2] = {0};
    struct fs_plan *plan = NULL;
    bool scored = true;
    int status = fs_plan_create(&plan, err);
    for (size_t s = 0; status == 0 && s < statements; s++) {
        status =
            fs_statement_compile(plan, builder->tokenizer, &builder->style, scoring_of(builder), text[s], &k[s], err);
        scored = scored && k[s].skip == FS_KEPT;
    }
    if (status == 0 && scored) {
        status = add_request(builder, plan, k, statements, err);
    }
    fs_statement_release(&k[0]);
    fs_statement_release(&k[1]);
    fs_plan_destroy(plan);
    return status;
}

/* From reads of the plan to rows of its one unit. */
static int seal_unit(const struct fs_spec *spec, struct fs_request_unit *unit, struct fs_error *err)
{
    size_t *row_of = fs_allocate(unit->reads, sizeof *row_of, "requests", err);
    if (row_of == NULL || fs_plan_seal(unit->plan, fs_plan_limits_of(spec, SIZE_MAX), err) != 0) {
        free(row_of);
        return -1;
    }
    fs_plan_get_unit(unit->plan, 0, &unit->view);
    for (size_t r = 0; r < unit->view.reads.rows; r++) {
        for (size_t i = unit->view.reads.first[r]; i < unit->view.reads.first[r + 1]; i++) {
            row_of[unit->view.read_index[i]] = r;
        }
    }
    for (size_t i = 0; i < unit->reads; i++) {
        unit->row[i] = row_of[unit->row[i]];
    }
    free(row_of);
    return 0;
}

int fs_requests_compile(const struct fs_spec *spec, const struct fs_tokenizer *tokenizer,
                        const struct fs_request_form *form, const struct fs_request_pairs *pairs, double flops,
                        struct fs_requests *requests, struct fs_error *err)
{
    size_t reads = UNIT_NUMBERS / spec->vocabulary;
    struct builder builder = {.spec = spec,
                              .tokenizer = tokenizer,
                              .form = form,
                              .unit_tokens = fs_unit_tokens(0, flops),
                              .unit_reads = reads > 0 ? reads : 1,
                              .requests = requests};
    *requests = (struct fs_requests){0};
    if (fs_prompt_style_of(spec, tokenizer, &builder.style, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < pairs->count; i++) {
        if (add_pair(&builder, &pairs->list->item[pairs->pair[i]], err) != 0) {
            return -1;
        }
    }
    for (size_t u = 0; u < requests->units; u++) {
        if (seal_unit(spec, &requests->unit[u], err) != 0) {
            return -1;
        }
    }
    return 0;
}

void fs_requests_release(struct fs_requests *requests)
{
    for (size_t u = 0; u < requests->units; u++) {
        struct fs_request_unit *unit = &requests->unit[u];
        fs_plan_destroy(unit->plan);
        free(unit->request);
        free(unit->row);
        free(unit->token);
        free(unit->x);
        free(unit->base);
    }
    free(requests->unit);
    *requests = (struct fs_requests){0};
}

/* The loss of one request, and slope [its reads], the derivatives by the log probabilities. */
static double evaluate(const struct fs_request *request, const struct fs_request_form *form, const double *logprob,
                       double *slope)
{
    if (form->target == FS_REQUEST_ANTI) { /* a mean of log probabilities, as target.logprob has it */
        double mean = fs_loss_fold(FS_TARGET_LOGPROB, logprob, request->count[0], slope);
        for (size_t i = 0; i < request->count[0]; i++) {
            slope[i] = -slope[i];
        }
        return -mean;
    }
    size_t second = request->count[0];
    double difference = fs_loss_fold(form->scoring, logprob, second, slope) -
                        fs_loss_fold(form->scoring, logprob + second, request->count[1], slope + second);
    for (size_t i = 0; i < second + request->count[1]; i++) {
        slope[i] *= i < second ? 2 * difference : -2 * difference;
    }
    return difference * difference;
}

/* d lp_i/dlogit_v = 1[v = token i] - p'_v */
double fs_request_evaluate(const struct fs_request_unit *unit, const struct fs_request_form *form, size_t vocabulary,
                           double weight, fs_real *logprob, double *scratch)
{
    double *value = scratch, *slope = scratch + unit->reads, loss = 0;
    for (size_t i = 0; i < unit->reads; i++) {
        value[i] = (double)logprob[unit->row[i] * vocabulary + (size_t)unit->token[i]];
    }
    for (size_t q = 0; q < unit->requests; q++) {
        size_t first = unit->request[q].first;
        loss += weight * evaluate(&unit->request[q], form, value + first, slope + first);
    }
    for (size_t r = 0; r < unit->view.reads.rows; r++) {
        double sum = 0;
        for (size_t i = 0; i < unit->reads; i++) {
            sum += unit->row[i] == r ? weight * slope[i] : 0;
        }
        fs_distribution_gradient(logprob + r * vocabulary, NULL, vocabulary, (fs_real)-sum, 0);
    }
    for (size_t i = 0; i < unit->reads; i++) {
        fs_real *at = logprob + unit->row[i] * vocabulary + (size_t)unit->token[i];
        *at = (fs_real)((double)*at + weight * slope[i]);
    }
    return loss;
}
