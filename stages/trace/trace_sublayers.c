/* Further kinds of restoration, and the heat map over every position; see trace.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"
#include "stages/trace/trace_parts.h"

#define SUBJECT SIZE_MAX /* position of a restoration: where trace.positions says */

/* One restoration of an item: what, at which layer, where. */
struct restoration {
    enum fs_trace_kind kind;
    size_t layer, position;
};

/* Some copies of one item; a copy is a restoration of one sample, number restoration x samples + sample. */
struct unit {
    size_t item, first, copies;
};

struct sublayers {
    struct trace *trace;
    size_t kinds;
    enum fs_trace_kind kind[FS_TRACE_KINDS];
    bool heat_map;
    size_t *positions; /* [items] of the heat map */
    size_t units;
    struct unit *unit; /* [units] */
    size_t *first;     /* [items + 1] copies of the items before */
};

const char *fs_trace_kind_name(enum fs_trace_kind kind)
{
    static const char *const names[FS_TRACE_KINDS] = {"residual", "attention", "ffn"};
    return names[kind];
}

const char *fs_trace_role_name(enum fs_trace_role role)
{
    static const char *const names[FS_TRACE_ROLES] = {
        "before subject", "subject first", "subject middle", "subject last", "after first", "after", "last"};
    return names[role];
}

static enum fs_trace_role role_of(const struct fs_trace_item *item, size_t position)
{
    if (position == item->read) {
        return FS_ROLE_READ;
    }
    if (position < item->subject_begin) {
        return FS_ROLE_BEFORE_SUBJECT;
    }
    if (position >= item->subject_end) {
        return position == item->subject_end ? FS_ROLE_AFTER_FIRST : FS_ROLE_AFTER;
    }
    if (position + 1 == item->subject_end) {
        return FS_ROLE_SUBJECT_LAST;
    }
    return position == item->subject_begin ? FS_ROLE_SUBJECT_FIRST : FS_ROLE_SUBJECT_MIDDLE;
}

/* Restorations of an item: the further kinds at the subject, then the heat map kind by kind, layer by layer. */
static size_t restorations_of(const struct sublayers *sublayers, size_t item)
{
    size_t layers = sublayers->trace->spec->layers;
    return (sublayers->kinds - 1) * layers + sublayers->kinds * layers * sublayers->positions[item];
}

static struct restoration restoration_at(const struct sublayers *sublayers, size_t item, size_t number)
{
    size_t layers = sublayers->trace->spec->layers, positions = sublayers->positions[item];
    size_t subject = (sublayers->kinds - 1) * layers;
    if (number < subject) {
        return (struct restoration){sublayers->kind[1 + number / layers], number % layers, SUBJECT};
    }
    number -= subject;
    return (struct restoration){sublayers->kind[number / (layers * positions)], number / positions % layers,
                                number % positions};
}

/* ROME's window: range(max(0, l - w // 2), min(L, l + (w + 1) // 2)). */
static size_t window_begin(const struct sublayers *sublayers, size_t layer)
{
    size_t half = sublayers->trace->options->window / 2;
    return layer > half ? layer - half : 0;
}

static size_t window_end(const struct sublayers *sublayers, size_t layer)
{
    size_t end = layer + (sublayers->trace->options->window + 1) / 2, layers = sublayers->trace->spec->layers;
    return end < layers ? end : layers;
}

/* The first layer that a copy does not share with the corrupted run. */
static size_t join_layer(const struct sublayers *sublayers, const struct restoration *restoration)
{
    return restoration->kind == FS_TRACE_RESIDUAL ? restoration->layer + 1
                                                  : window_begin(sublayers, restoration->layer);
}

static int make_units(struct sublayers *sublayers, struct fs_error *err)
{
    const struct trace *trace = sublayers->trace;
    size_t units = 0;
    sublayers->positions = fs_allocate(trace->items, sizeof *sublayers->positions, "a heat map", err);
    sublayers->first = fs_allocate(trace->items + 1, sizeof *sublayers->first, "the units of a trace", err);
    if (sublayers->positions == NULL || sublayers->first == NULL) {
        return -1;
    }
    for (int pass = 0; pass < 2; pass++) { /* count, then fill */
        if (pass == 1 &&
            (sublayers->unit = fs_allocate(units, sizeof *sublayers->unit, "the units of a trace", err)) == NULL) {
            return -1;
        }
        units = 0;
        for (size_t i = 0; i < trace->items; i++) {
            const struct fs_trace_item *item = &trace->item[i];
            sublayers->positions[i] = sublayers->heat_map ? item->length : 0;
            size_t samples = fs_trace_samples(trace, i), copies = restorations_of(sublayers, i) * samples;
            size_t room = FS_WAVE_TOKENS / item->length;
            size_t each = room > samples + 1 + samples ? room - samples - 1 : samples;
            sublayers->first[i + 1] = sublayers->first[i] + copies;
            for (size_t at = 0; at < copies; at += each, units++) {
                if (pass == 1) {
                    sublayers->unit[units] = (struct unit){i, at, copies - at < each ? copies - at : each};
                }
            }
        }
    }
    sublayers->units = units;
    return 0;
}

/* One unit at work: [biased] [corrupted: samples] [copies, by the layer at which they join]. */
struct work {
    size_t samples, copies, length, sequences;
    size_t joined;                   /* the first of the copies, which run already */
    struct restoration *restoration; /* [copies] in their order in the batch */
    size_t *sample, *number;         /* [copies] sample; place in the unit */
    int32_t *token;                  /* [sequences x length] */
    size_t *start;                   /* [sequences + 1] */
    size_t *row, *first;             /* [sequences], [sequences + 1] */
    int32_t *object;                 /* [sequences] */
    size_t *from[2], *to[2];         /* [copies x subject tokens] row copies of attention and FFN */
    fs_real *h;                      /* (tokens,d) */
    fs_real *noise;                  /* (tokens,E) of the biased and corrupted sequences */
    fs_real *logprob;                /* [sequences] */
};

static void work_release(struct work *work)
{
    free(work->restoration);
    free(work->sample);
    free(work->number);
    free(work->token);
    free(work->start);
    free(work->row);
    free(work->first);
    free(work->object);
    for (size_t i = 0; i < 2; i++) {
        free(work->from[i]);
        free(work->to[i]);
    }
    free(work->h);
    free(work->noise);
    free(work->logprob);
}

static int work_allocate(const struct sublayers *sublayers, const struct unit *unit, struct work *work,
                         struct fs_error *err)
{
    const struct trace *trace = sublayers->trace;
    const struct fs_trace_item *item = &trace->item[unit->item];
    size_t d = trace->spec->hidden, subject = item->subject_end - item->subject_begin;
    *work =
        (struct work){.samples = fs_trace_samples(trace, unit->item), .copies = unit->copies, .length = item->length};
    work->sequences = 1 + work->samples + work->copies;
    size_t tokens = work->sequences * work->length, S = work->sequences;
    work->restoration = fs_allocate(work->copies, sizeof *work->restoration, "a trace unit", err);
    work->sample = fs_allocate(work->copies, sizeof *work->sample, "a trace unit", err);
    work->number = fs_allocate(work->copies, sizeof *work->number, "a trace unit", err);
    work->token = fs_allocate(tokens, sizeof *work->token, "a trace unit", err);
    work->start = fs_allocate(S + 1, sizeof *work->start, "a trace unit", err);
    work->row = fs_allocate(S, sizeof *work->row, "a trace unit", err);
    work->first = fs_allocate(S + 1, sizeof *work->first, "a trace unit", err);
    work->object = fs_allocate(S, sizeof *work->object, "a trace unit", err);
    work->logprob = fs_allocate(S, sizeof *work->logprob, "a trace unit", err);
    work->h = fs_allocate_aligned(tokens, d * sizeof *work->h, "the hidden states of a trace unit", err);
    bool whole = work->restoration != NULL && work->sample != NULL && work->number != NULL && work->token != NULL &&
                 work->start != NULL && work->row != NULL && work->first != NULL && work->object != NULL &&
                 work->logprob != NULL && work->h != NULL;
    for (size_t i = 0; whole && i < 2; i++) {
        work->from[i] = fs_allocate(work->copies, subject * sizeof(size_t), "a trace unit", err);
        work->to[i] = fs_allocate(work->copies, subject * sizeof(size_t), "a trace unit", err);
        whole = work->from[i] != NULL && work->to[i] != NULL;
    }
    if (whole && item->noised) {
        work->noise = fs_allocate((1 + work->samples) * work->length,
                                  fs_spec_embedding(trace->spec) * sizeof *work->noise, "the noise", err);
        whole = work->noise != NULL;
    }
    return whole ? 0 : -1;
}

/* The copies in the order of the layers at which they join, which keeps the batch in one piece. */
static void order_copies(const struct sublayers *sublayers, const struct unit *unit, struct work *work)
{
    size_t next = 0;
    for (size_t layer = 0; layer <= sublayers->trace->spec->layers; layer++) {
        for (size_t c = 0; c < unit->copies; c++) {
            struct restoration restoration = restoration_at(sublayers, unit->item, (unit->first + c) / work->samples);
            if (join_layer(sublayers, &restoration) == layer) {
                work->restoration[next] = restoration;
                work->sample[next] = (unit->first + c) % work->samples;
                work->number[next++] = c;
            }
        }
    }
}

static int work_create(const struct sublayers *sublayers, const struct unit *unit, struct work *work,
                       struct fs_error *err)
{
    const struct trace *trace = sublayers->trace;
    const struct fs_trace_item *item = &trace->item[unit->item];
    if (work_allocate(sublayers, unit, work, err) != 0) {
        return -1;
    }
    order_copies(sublayers, unit, work);
    for (size_t s = 0; s < work->sequences; s++) {
        memcpy(work->token + s * work->length, s == 0 ? item->biased : item->counterfactual,
               work->length * sizeof *work->token);
        work->start[s + 1] = (s + 1) * work->length;
        work->row[s] = s * work->length + item->read;
        work->first[s + 1] = s + 1;
        work->object[s] = item->object;
    }
    for (size_t sample = 0; work->noise != NULL && sample < work->samples; sample++) {
        fs_trace_noise(trace, unit->item, sample,
                       work->noise +
                           ((1 + sample) * work->length + item->subject_begin) * fs_spec_embedding(trace->spec));
    }
    return 0;
}

/* Rows begin .. end-1 that a restoration sets. */
static void rows_of(const struct trace *trace, const struct fs_trace_item *item, const struct restoration *restoration,
                    size_t *begin, size_t *end)
{
    bool all = trace->options->positions == FS_TRACE_ALL_SUBJECT_TOKENS;
    *begin =
        restoration->position != SUBJECT ? restoration->position : (all ? item->subject_begin : item->subject_end - 1);
    *end = restoration->position != SUBJECT ? *begin + 1 : item->subject_end;
}

/* The next copy joins: the corrupted run so far, and for the residual stream the biased rows. */
static void join(const struct trace *trace, const struct fs_trace_item *item, struct work *work)
{
    size_t c = work->joined++, d = trace->spec->hidden, begin, end;
    fs_real *copy = work->h + (1 + work->samples + c) * work->length * d;
    memcpy(copy, work->h + (1 + work->sample[c]) * work->length * d, work->length * d * sizeof *copy);
    if (work->restoration[c].kind == FS_TRACE_RESIDUAL) {
        rows_of(trace, item, &work->restoration[c], &begin, &end);
        memcpy(copy + begin * d, work->h + begin * d, (end - begin) * d * sizeof *copy);
    }
}

/* The row copies of one sublayer at `layer`, of the copies that have joined. */
static struct fs_row_copies list_rows(const struct sublayers *sublayers, const struct fs_trace_item *item,
                                      const struct work *work, enum fs_trace_kind kind, size_t layer)
{
    size_t *from = work->from[kind == FS_TRACE_FFN], *to = work->to[kind == FS_TRACE_FFN];
    size_t count = 0, begin, end;
    for (size_t c = 0; c < work->joined; c++) {
        const struct restoration *restoration = &work->restoration[c];
        if (restoration->kind != kind || layer < window_begin(sublayers, restoration->layer) ||
            layer >= window_end(sublayers, restoration->layer)) {
            continue;
        }
        rows_of(sublayers->trace, item, restoration, &begin, &end);
        for (size_t row = begin; row < end; row++) {
            from[count] = row;
            to[count++] = (1 + work->samples + c) * work->length + row;
        }
    }
    return (struct fs_row_copies){count, from, to};
}

static int run_copies(const struct sublayers *sublayers, const struct unit *unit, struct fs_workspace *workspace,
                      struct work *work, struct fs_error *err)
{
    const struct trace *trace = sublayers->trace;
    const struct fs_trace_item *item = &trace->item[unit->item];
    size_t layers = trace->spec->layers;
    struct fs_batch batch = {
        1 + work->samples, (1 + work->samples) * work->length, work->token, work->start, NULL, NULL};
    const struct fs_pass pass = {trace->model, workspace, &batch, NULL};
    if (fs_batch_check(trace->model, &batch, err) != 0 ||
        fs_embed(trace->model, workspace, &batch, work->noise, work->h, err) != 0) {
        return -1;
    }
    for (size_t layer = 0; layer <= layers; layer++) {
        while (work->joined < work->copies && join_layer(sublayers, &work->restoration[work->joined]) == layer) {
            join(trace, item, work);
        }
        batch.sequences = 1 + work->samples + work->joined;
        batch.tokens = batch.sequences * work->length;
        if (layer == layers) {
            break;
        }
        const struct fs_row_copies attention = list_rows(sublayers, item, work, FS_TRACE_ATTENTION, layer);
        const struct fs_row_copies ffn = list_rows(sublayers, item, work, FS_TRACE_FFN, layer);
        if (fs_run_layer_patched(&pass, layer, &attention, &ffn, work->h, err) != 0) {
            return -1;
        }
    }
    struct fs_reads reads = {work->sequences, work->row, work->first, work->object};
    return fs_read_logprobs(trace->model, workspace, work->h, &reads, work->logprob, NULL, err);
}

static size_t unit_bytes(const void *context, size_t unit)
{
    return ((const struct sublayers *)context)->unit[unit].copies * sizeof(double);
}

static void unit_cost(const void *context, size_t number, struct fs_cost *cost)
{
    const struct sublayers *sublayers = context;
    const struct unit *unit = &sublayers->unit[number];
    const struct trace *trace = sublayers->trace;
    size_t samples = fs_trace_samples(trace, unit->item), layers = trace->spec->layers;
    double n = (double)trace->item[unit->item].length, sequences = (double)(1 + samples + unit->copies);
    *cost = (struct fs_cost){fs_flops_head(trace->spec, sequences), sequences, sequences * n, sequences};
    cost->flops += (double)(1 + samples) * fs_flops_layers(trace->spec, 0, layers, n, n * n);
    for (size_t c = 0; c < unit->copies; c++) {
        struct restoration restoration = restoration_at(sublayers, unit->item, (unit->first + c) / samples);
        cost->flops += fs_flops_layers(trace->spec, join_layer(sublayers, &restoration), layers, n, n * n);
    }
}

/* The result: P*[o | restored] of each copy. */
static int run_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    const struct sublayers *sublayers = context;
    struct work work = {0};
    double *probability = fs_allocate(sublayers->unit[unit].copies, sizeof *probability, "a trace unit", err);
    int status = probability != NULL ? work_create(sublayers, &sublayers->unit[unit], &work, err) : -1;
    if (status == 0) {
        status = run_copies(sublayers, &sublayers->unit[unit], sublayers->trace->workspace[thread], &work, err);
    }
    for (size_t c = 0; status == 0 && c < work.copies; c++) {
        probability[work.number[c]] = exp((double)work.logprob[1 + work.samples + c]);
    }
    if (status == 0) {
        memcpy(result, probability, unit_bytes(context, unit));
    }
    work_release(&work);
    free(probability);
    return status;
}

/* Indirect effect of restoration `number` of an item: the mean over its samples, less P*. */
static double effect_of(const struct sublayers *sublayers, const struct fs_trace_result *result,
                        const double *probability, size_t item, size_t number)
{
    size_t samples = fs_trace_samples(sublayers->trace, item);
    double mean = 0.0;
    for (size_t sample = 0; sample < samples; sample++) {
        mean += probability[sublayers->first[item] + number * samples + sample];
    }
    return mean / (double)samples - result->counterfactual[item];
}

static int allocate_sublayers(const struct sublayers *sublayers, struct fs_trace_result *result, struct fs_error *err)
{
    struct fs_trace_sublayers *out = &result->sublayers;
    size_t k = sublayers->kinds, n = result->items, L = result->layers, c = result->categories;
    out->kinds = k;
    memcpy(out->kind, sublayers->kind, sizeof out->kind);
    for (size_t i = 0; i < n; i++) {
        out->positions += sublayers->positions[i];
    }
    out->indirect_effect = fs_allocate(k * n, L * sizeof *out->indirect_effect, "trace results", err);
    out->aie = fs_allocate(k * c, L * sizeof *out->aie, "trace results", err);
    out->low = fs_allocate(k * c, L * sizeof *out->low, "trace results", err);
    out->high = fs_allocate(k * c, L * sizeof *out->high, "trace results", err);
    out->first = fs_allocate(n + 1, sizeof *out->first, "trace results", err);
    out->token = fs_allocate(out->positions, sizeof *out->token, "trace results", err);
    out->position_effect =
        fs_allocate(k * L, (out->positions + 1) * sizeof *out->position_effect, "trace results", err);
    out->role_aie = fs_allocate(k * c, FS_TRACE_ROLES * L * sizeof *out->role_aie, "trace results", err);
    out->role_count = fs_allocate(c, FS_TRACE_ROLES * sizeof *out->role_count, "trace results", err);
    return out->indirect_effect != NULL && out->aie != NULL && out->low != NULL && out->high != NULL &&
                   out->first != NULL && out->token != NULL && out->position_effect != NULL && out->role_aie != NULL &&
                   out->role_count != NULL
               ? 0
               : -1;
}

static void fold_effects(const struct sublayers *sublayers, const double *probability, struct fs_trace_result *result)
{
    struct fs_trace_sublayers *out = &result->sublayers;
    size_t n = result->items, L = result->layers;
    memcpy(out->indirect_effect, result->indirect_effect, n * L * sizeof *out->indirect_effect);
    for (size_t i = 0; i < n; i++) {
        size_t positions = sublayers->positions[i], subject = (sublayers->kinds - 1) * L;
        out->first[i + 1] = out->first[i] + positions;
        for (size_t number = 0; number < subject; number++) {
            out->indirect_effect[((1 + number / L) * n + i) * L + number % L] =
                effect_of(sublayers, result, probability, i, number);
        }
        for (size_t number = 0; number < sublayers->kinds * L * positions; number++) {
            out->position_effect[number / positions * out->positions + out->first[i] + number % positions] =
                effect_of(sublayers, result, probability, i, subject + number);
        }
    }
}

/* Mean over the group's items that have the role of the mean over their positions of that role. */
static void fold_role(const struct sublayers *sublayers, struct fs_trace_result *result,
                      const struct fs_trace_group *group, size_t role)
{
    const size_t category = group->category, *member = group->member;
    struct fs_trace_sublayers *out = &result->sublayers;
    size_t L = result->layers, cells = out->kinds * L, counted = 0;
    for (size_t cell = 0; cell < cells; cell++) {
        double sum = 0.0;
        counted = 0;
        for (size_t m = 0; m < group->n; m++) {
            double own = 0.0;
            size_t found = 0;
            for (size_t p = 0; p < sublayers->positions[member[m]]; p++) {
                if ((size_t)role_of(&sublayers->trace->item[member[m]], p) == role) {
                    own += out->position_effect[cell * out->positions + out->first[member[m]] + p];
                    found++;
                }
            }
            sum += found ? own / (double)found : 0.0;
            counted += found > 0;
        }
        out->role_aie[((cell / L * result->categories + category) * FS_TRACE_ROLES + role) * L + cell % L] =
            counted ? sum / (double)counted : NAN;
    }
    out->role_count[category * FS_TRACE_ROLES + role] = counted;
}

static int fold_categories(const struct sublayers *sublayers, const struct fs_pair_list *pairs,
                           struct fs_trace_result *result, struct fs_error *err)
{
    struct fs_trace_sublayers *out = &result->sublayers;
    size_t L = result->layers;
    struct fs_trace_group group = {.member = fs_allocate(result->items, sizeof(size_t), "a category's items", err)};
    double *scratch = fs_allocate(L * sublayers->trace->options->bootstrap, sizeof *scratch, "bootstrap means", err);
    int status = group.member != NULL && scratch != NULL ? 0 : -1;
    for (size_t c = 0; status == 0 && c < result->categories; c++) {
        group.category = c;
        fs_trace_gather(result, pairs, &group);
        for (size_t k = 0; k < out->kinds; k++) {
            size_t at = (k * result->categories + c) * L;
            const double *effect = out->indirect_effect + k * result->items * L;
            const struct fs_trace_mean mean = {out->aie + at, out->low + at, out->high + at};
            fs_trace_average(sublayers->trace->options, &group, effect, L, scratch, mean);
        }
        for (size_t role = 0; out->positions > 0 && role < FS_TRACE_ROLES; role++) {
            fold_role(sublayers, result, &group, role);
        }
    }
    free(group.member);
    free(scratch);
    return status;
}

static int name_tokens(const struct sublayers *sublayers, const struct fs_tokenizer *tokenizer,
                       struct fs_trace_result *result, struct fs_error *err)
{
    struct fs_trace_sublayers *out = &result->sublayers;
    for (size_t i = 0; i < result->items; i++) {
        for (size_t p = 0; p < sublayers->positions[i]; p++) {
            if (fs_tokenizer_decode(tokenizer, &sublayers->trace->item[i].biased[p], 1, &out->token[out->first[i] + p],
                                    err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int prepare(struct sublayers *sublayers, struct fs_error *err)
{
    const struct fs_trace_options *options = sublayers->trace->options;
    if (options->window == 0) {
        return fs_error_set(err, FS_EXIT_CONFIG, "trace: window 0; expected at least 1 layer");
    }
    sublayers->kinds = 1;
    for (int kind = FS_TRACE_ATTENTION; kind < FS_TRACE_KINDS; kind++) {
        if (options->kind[kind]) {
            sublayers->kind[sublayers->kinds++] = (enum fs_trace_kind)kind;
        }
    }
    sublayers->heat_map = options->heat_map;
    return make_units(sublayers, err);
}

int fs_trace_sublayers_run(struct trace *trace, const struct fs_tokenizer *tokenizer, const struct fs_pair_list *pairs,
                           struct fs_runner *runner, struct fs_trace_result *result, struct fs_error *err)
{
    struct sublayers sublayers = {.trace = trace};
    double *probability = NULL;
    bool root = fs_runner_is_root(runner);
    int status = prepare(&sublayers, err);
    if (status == 0 && root) {
        probability = fs_allocate(sublayers.first[trace->items], sizeof *probability, "the results of a trace", err);
        status = probability != NULL ? 0 : -1;
    }
    status = fs_runner_agree(runner, status, err);
    if (status == 0) {
        const struct fs_work work = {.name = "trace sublayers",
                                     .units = sublayers.units,
                                     .context = &sublayers,
                                     .result_bytes = unit_bytes,
                                     .run = run_unit,
                                     .cost = unit_cost};
        status = fs_runner_map(runner, &work, trace->options->sublayers_checkpoint, (unsigned char *)probability, err);
    }
    if (status == 0) {
        if (root) {
            status = allocate_sublayers(&sublayers, result, err);
            if (status == 0) {
                fold_effects(&sublayers, probability, result);
                status = fold_categories(&sublayers, pairs, result, err) == 0
                             ? name_tokens(&sublayers, tokenizer, result, err)
                             : -1;
            }
        }
        status = fs_runner_agree(runner, status, err);
    }
    free(probability);
    free(sublayers.positions);
    free(sublayers.first);
    free(sublayers.unit);
    return status;
}
