#include "stages/trace/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stages/trace/trace_parts.h"

static void trace_release(struct trace *trace)
{
    for (size_t i = 0; trace->item != NULL && i < trace->items; i++) {
        fs_trace_item_release(&trace->item[i]);
    }
    for (size_t t = 0; trace->workspace != NULL && t < trace->threads; t++) {
        fs_workspace_destroy(trace->workspace[t]);
    }
    free(trace->workspace);
    free(trace->item);
    free(trace->pair);
}

/*
 * The noise is noise_scale times the standard deviation of all numbers in the word embeddings of all subjects' tokens,
 * as ROME takes it (kmeng01/rome, causal_trace.py, collect_embedding_std).
 */
static int measure_noise(struct trace *trace, struct fs_error *err)
{
    size_t E = fs_spec_embedding(trace->spec), count = 0;
    fs_real *row = fs_allocate_aligned(E, sizeof *row, "a word embedding", err);
    if (row == NULL) {
        return -1;
    }
    double mean = 0, squares = 0; /* Welford's recurrence: one pass, no cancellation */
    int status = 0;
    for (size_t i = 0; status == 0 && i < trace->items; i++) {
        const struct fs_trace_item *item = &trace->item[i];
        for (size_t at = item->subject_begin; status == 0 && at < item->subject_end; at++) {
            status = fs_model_word_embedding(trace->model, item->biased[at], row, err);
            for (size_t c = 0; status == 0 && c < E; c++) {
                double delta = (double)row[c] - mean;
                mean += delta / (double)++count;
                squares += delta * ((double)row[c] - mean);
            }
        }
    }
    free(row);
    trace->noise = count > 1 ? trace->options->noise_scale * sqrt(squares / (double)(count - 1)) : 0;
    return status;
}

static int compile_items(struct trace *trace, const struct fs_tokenizer *tokenizer, const struct fs_trace_input *input,
                         struct fs_error *err)
{
    const struct fs_pair_list *pairs = input->pairs;
    struct fs_prompt_style style;
    if (fs_prompt_style_of(trace->spec, tokenizer, &style, err) != 0) {
        return -1;
    }
    trace->item = fs_allocate(pairs->count, sizeof *trace->item, "the traced items", err);
    trace->pair = fs_allocate(pairs->count, sizeof *trace->pair, "the traced items", err);
    if (trace->item == NULL || trace->pair == NULL) {
        return -1;
    }
    for (size_t p = 0; p < pairs->count; p++) {
        struct fs_trace_item item;
        if (fs_trace_item_compile(tokenizer, &style, &pairs->item[p], input->attributes, &item, err) != 0) {
            fs_trace_item_release(&item);
            return -1;
        }
        trace->skipped[item.skip]++;
        if (item.skip == FS_KEPT && trace->options->always_noise && !item.noised) {
            item.noised = true;
            item.differs = item.subject_begin;
            memcpy(item.counterfactual, item.biased, item.length * sizeof *item.biased);
        }
        if (item.skip == FS_KEPT) {
            trace->pair[trace->items] = p;
            trace->item[trace->items++] = item;
        }
    }
    if (trace->items == 0) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "trace: none of %zu pairs can be traced (%zu without their subject before the object, %zu too "
            "long, %zu without an object); check the categories and the attribute words",
            pairs->count, trace->skipped[FS_SKIP_SUBJECT_MISSING], trace->skipped[FS_SKIP_TOO_LONG],
            trace->skipped[FS_SKIP_EMPTY_COMPLETION]);
    }
    return measure_noise(trace, err);
}

static int create_result(const struct trace *trace, const struct fs_pair_list *pairs, struct fs_trace_result *result,
                         struct fs_error *err)
{
    size_t n = trace->items, layers = trace->spec->layers;
    *result = (struct fs_trace_result){.items = n, .layers = layers};
    memcpy(result->skipped, trace->skipped, sizeof result->skipped);
    result->item = fs_allocate(n, sizeof *result->item, "trace results", err);
    result->noised = fs_allocate(n, 1, "trace results", err);
    result->biased = fs_allocate(n, sizeof *result->biased, "trace results", err);
    result->counterfactual = fs_allocate(n, sizeof *result->counterfactual, "trace results", err);
    result->indirect_effect = fs_allocate(n, layers * sizeof *result->indirect_effect, "trace results", err);
    result->category = fs_allocate(n + 1, sizeof *result->category, "trace results", err);
    if (result->item == NULL || result->noised == NULL || result->biased == NULL || result->counterfactual == NULL ||
        result->indirect_effect == NULL || result->category == NULL) {
        return -1;
    }
    for (size_t i = 0; i <= n; i++) { /* name 0 is "all", then the item's categories as they come */
        const char *name = i == 0 ? "all" : pairs->item[trace->pair[i - 1]].category;
        size_t c = 0;
        while (c < result->categories && strcmp(result->category[c], name) != 0) {
            c++;
        }
        if (c < result->categories) {
            continue;
        }
        result->category[c] = fs_allocate(strlen(name) + 1, 1, "trace results", err);
        if (result->category[c] == NULL) {
            return -1;
        }
        memcpy(result->category[c], name, strlen(name));
        result->categories++;
    }
    size_t cells = result->categories * layers;
    result->aie = fs_allocate(cells, sizeof *result->aie, "trace results", err);
    result->aie_low = fs_allocate(cells, sizeof *result->aie_low, "trace results", err);
    result->aie_high = fs_allocate(cells, sizeof *result->aie_high, "trace results", err);
    result->argmax_count = fs_allocate(cells, sizeof *result->argmax_count, "trace results", err);
    return result->aie != NULL && result->aie_low != NULL && result->aie_high != NULL && result->argmax_count != NULL
               ? 0
               : -1;
}

static size_t argmax(const double *value, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        if (value[i] > value[best]) {
            best = i;
        }
    }
    return best;
}

/* Mean, interval and argmax counts of one category. scratch: [layers x resamples]. */
static void fold_category(struct fs_trace_result *result, const struct fs_trace_group *group,
                          const struct fs_trace_options *options, double *scratch)
{
    size_t layers = result->layers, at = group->category * layers;
    const struct fs_trace_mean mean = {result->aie + at, result->aie_low + at, result->aie_high + at};
    fs_trace_average(options, group, result->indirect_effect, layers, scratch, mean);
    for (size_t i = 0; i < group->n; i++) {
        result->argmax_count[at + argmax(result->indirect_effect + group->member[i] * layers, layers)]++;
    }
}

size_t fs_trace_decisive(const double *aie, const double *effect, size_t items, size_t layers)
{
    size_t best = SIZE_MAX;
    for (size_t layer = 0; layer < layers; layer++) {
        size_t changed = 0;
        for (size_t i = 0; i < items; i++) {
            changed += effect[i * layers + layer] != 0;
        }
        bool acts = changed > 0 && changed >= items - changed;
        if (acts && (best == SIZE_MAX || aie[layer] > aie[best])) {
            best = layer;
        }
    }
    return best == SIZE_MAX ? 0 : best;
}

static int fold(const struct fs_trace_map *map, const struct fs_pair_list *pairs, struct fs_trace_result *result,
                struct fs_error *err)
{
    const struct trace *trace = map->trace;
    if (create_result(trace, pairs, result, err) != 0) {
        return -1;
    }
    size_t layers = result->layers;
    for (size_t i = 0; i < result->items; i++) {
        result->item[i] = trace->pair[i];
        result->noised[i] = trace->item[i].noised;
        result->biased[i] = fs_trace_biased(map, i);
        result->counterfactual[i] = fs_trace_counterfactual(map, i);
        for (size_t layer = 0; layer < layers; layer++) {
            result->indirect_effect[i * layers + layer] = fs_trace_effect(map, i, layer);
        }
    }
    struct fs_trace_group group = {.member = fs_allocate(result->items, sizeof(size_t), "a category's items", err)};
    double *scratch = fs_allocate(layers * trace->options->bootstrap, sizeof *scratch, "bootstrap means", err);
    int status = group.member != NULL && scratch != NULL ? 0 : -1;
    for (size_t c = 0; status == 0 && c < result->categories; c++) {
        group.category = c;
        fs_trace_gather(result, pairs, &group);
        status = fs_trace_gather_terms(result, pairs, &group, err);
        if (status == 0) {
            fold_category(result, &group, trace->options, scratch);
        }
    }
    fs_clusters_release(&group.terms);
    free(group.member);
    free(scratch);
    return status == 0 ? fs_trace_shares_fold(map, pairs, result, err) : -1;
}

static int prepare(struct trace *trace, const struct fs_tokenizer *tokenizer, const struct fs_trace_input *input,
                   struct fs_error *err)
{
    const struct fs_trace_options *options = trace->options;
    if (options->noise_samples == 0 || options->noise_samples >= FS_TRACE_MOST_SAMPLES || !(options->noise_scale > 0)) {
        return fs_error_set(
            err, FS_EXIT_CONFIG,
            "trace: noise_samples %zu and noise_scale %g; expected 1 to %zu samples and a scale above 0",
            options->noise_samples, options->noise_scale, FS_TRACE_MOST_SAMPLES - 1);
    }
    if (!(options->least_effect >= 0)) {
        return fs_error_set(err, FS_EXIT_CONFIG, "trace: least_effect %g; expected 0 nats or more",
                            options->least_effect);
    }
    if (compile_items(trace, tokenizer, input, err) != 0) {
        return -1;
    }
    trace->workspace = fs_allocate(trace->threads, sizeof(struct fs_workspace *), "workspaces", err);
    for (size_t t = 0; trace->workspace != NULL && t < trace->threads; t++) {
        if (fs_workspace_create(trace->model, &trace->workspace[t], err) != 0) {
            return -1;
        }
    }
    return trace->workspace != NULL ? 0 : -1;
}

static int run(struct trace *trace, const struct fs_pair_list *pairs, struct fs_runner *runner,
               struct fs_trace_result *result, struct fs_error *err)
{
    struct fs_trace_map map = {.trace = trace, .name = "trace", .biased = true};
    fs_trace_choose_measures(trace->options, &map);
    int status = fs_runner_agree(runner, fs_trace_map_cut(&map, err), err);
    if (status == 0) {
        status = fs_trace_map_run(&map, runner, trace->options->checkpoint, err);
    }
    if (status == 0) {
        if (fs_runner_is_root(runner)) {
            status = fold(&map, pairs, result, err);
        } else {
            *result = (struct fs_trace_result){.items = trace->items, .layers = trace->spec->layers};
        }
        status = fs_runner_agree(runner, status, err);
    }
    fs_trace_map_release(&map);
    if (status == 0) {
        status = fs_runner_broadcast(runner, &result->decisive_layer, sizeof result->decisive_layer, err);
    }
    return status;
}

int fs_trace_run(const struct fs_model *model, const struct fs_tokenizer *tokenizer, const struct fs_trace_input *input,
                 const struct fs_trace_options *options, struct fs_runner *runner, struct fs_trace_result *result,
                 struct fs_error *err)
{
    struct trace trace = {.model = model, .spec = fs_model_spec(model), .options = options, .threads = runner->threads};
    trace.shared = fs_spec_shared_length(trace.spec);
    *result = (struct fs_trace_result){0};
    int status = fs_runner_agree(runner, prepare(&trace, tokenizer, input, err), err);
    if (status == 0) {
        status = run(&trace, input->pairs, runner, result, err);
    }
    if (status == 0 && (options->heat_map || options->kind[FS_TRACE_ATTENTION] || options->kind[FS_TRACE_FFN])) {
        status = fs_trace_sublayers_run(&trace, tokenizer, input->pairs, runner, result, err);
    }
    if (status == 0 && options->attribution) {
        status = fs_trace_attribution_run(&trace, input->pairs, runner, result, err);
    }
    trace_release(&trace);
    if (status != 0) {
        fs_trace_result_release(result);
    }
    return status;
}

void fs_trace_result_release(struct fs_trace_result *result)
{
    for (size_t c = 0; result->category != NULL && c < result->categories; c++) {
        free(result->category[c]);
    }
    free(result->category);
    free(result->item);
    free(result->noised);
    free(result->biased);
    free(result->counterfactual);
    free(result->indirect_effect);
    free(result->aie);
    free(result->aie_low);
    free(result->aie_high);
    free(result->argmax_count);
    struct fs_trace_sublayers *sublayers = &result->sublayers;
    for (size_t i = 0; sublayers->token != NULL && i < sublayers->positions; i++) {
        free(sublayers->token[i]);
    }
    free(sublayers->indirect_effect);
    free(sublayers->aie);
    free(sublayers->low);
    free(sublayers->high);
    free(sublayers->first);
    free(sublayers->token);
    free(sublayers->position_effect);
    free(sublayers->role_aie);
    free(sublayers->role_count);
    fs_trace_attribution_release(&result->attribution);
    fs_trace_shares_release(&result->shares);
    *result = (struct fs_trace_result){0};
}
