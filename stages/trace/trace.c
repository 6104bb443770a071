#include "stages/trace/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"
#include "model/numbers/random.h"
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
    free(trace->first);
}

/* The biased sequence, and for each sample the corrupted one with a restored copy a layer. */
static size_t wave_tokens(const struct trace *trace, size_t item)
{
    return trace->item[item].length * (1 + fs_trace_samples(trace, item) * (trace->spec->layers + 1));
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
    trace->first = fs_allocate(pairs->count + 1, sizeof *trace->first, "the units of a trace", err);
    if (trace->item == NULL || trace->pair == NULL || trace->first == NULL) {
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
    size_t tokens = 0;
    for (size_t i = 0; i < trace->items; i++) {
        if (i == 0 || tokens + wave_tokens(trace, i) > FS_WAVE_TOKENS) {
            trace->first[trace->units++] = i;
            tokens = 0;
        }
        tokens += wave_tokens(trace, i);
    }
    trace->first[trace->units] = trace->items;
    return measure_noise(trace, err);
}

/*
 * The packed batch of a unit of n items with m samples in all:
 *
 *     [biased: n] [corrupted: m] [restored at layer 0: m] ... [restored at layer L-1: m]
 *
 * All sequences are laid out from the start; those behind the corrupted ones join once their layer has run.
 */
struct wave {
    size_t items, samples, layers;
    size_t sequences, tokens; /* of the whole batch */
    size_t corrupted;         /* first token of the corrupted sequences */
    size_t corrupted_tokens;
    int32_t *token;   /* [tokens] */
    size_t *start;    /* [sequences + 1] */
    size_t *item;     /* [n + m] the item behind each biased and corrupted sequence */
    size_t *row;      /* [sequences] what is read */
    size_t *first;    /* [sequences + 1] */
    int32_t *object;  /* [sequences] */
    fs_real *h;       /* (tokens, d) */
    fs_real *noise;   /* (corrupted + corrupted_tokens, E), NULL: no noised item */
    fs_real *logprob; /* [sequences] */
};

static void wave_release(struct wave *wave)
{
    free(wave->token);
    free(wave->start);
    free(wave->item);
    free(wave->row);
    free(wave->first);
    free(wave->object);
    free(wave->h);
    free(wave->noise);
    free(wave->logprob);
}

static void wave_append(struct wave *wave, const struct fs_trace_item *item, const int32_t *id)
{
    size_t s = wave->sequences++;
    memcpy(wave->token + wave->tokens, id, item->length * sizeof *id);
    wave->row[s] = wave->tokens + item->read;
    wave->first[s + 1] = s + 1;
    wave->object[s] = item->object;
    wave->tokens += item->length;
    wave->start[s + 1] = wave->tokens;
}

static void add_noise(const struct trace *trace, struct wave *wave)
{
    size_t E = fs_spec_embedding(trace->spec), sample = 0;
    for (size_t s = wave->items; s < wave->items + wave->samples; s++) {
        const struct fs_trace_item *item = &trace->item[wave->item[s]];
        sample = s > wave->items && wave->item[s] == wave->item[s - 1] ? sample + 1 : 0;
        if (!item->noised) {
            continue;
        }
        fs_trace_noise(trace, wave->item[s], sample, wave->noise + (wave->start[s] + item->subject_begin) * E);
    }
}

static int wave_create(const struct trace *trace, size_t first, size_t last, struct wave *wave, struct fs_error *err)
{
    size_t tokens = 0, d = trace->spec->hidden;
    bool noised = false;
    *wave = (struct wave){.items = last - first, .layers = trace->spec->layers};
    for (size_t i = first; i < last; i++) {
        wave->samples += fs_trace_samples(trace, i);
        tokens += wave_tokens(trace, i);
        noised = noised || trace->item[i].noised;
    }
    size_t sequences = wave->items + wave->samples * (wave->layers + 1);
    wave->token = fs_allocate(tokens, sizeof *wave->token, "a trace unit", err);
    wave->start = fs_allocate(sequences + 1, sizeof *wave->start, "a trace unit", err);
    wave->item = fs_allocate(sequences, sizeof *wave->item, "a trace unit", err);
    wave->row = fs_allocate(sequences, sizeof *wave->row, "a trace unit", err);
    wave->first = fs_allocate(sequences + 1, sizeof *wave->first, "a trace unit", err);
    wave->object = fs_allocate(sequences, sizeof *wave->object, "a trace unit", err);
    wave->logprob = fs_allocate(sequences, sizeof *wave->logprob, "a trace unit", err);
    wave->h = fs_allocate_aligned(tokens, d * sizeof *wave->h, "the hidden states of a trace unit", err);
    if (wave->token == NULL || wave->start == NULL || wave->item == NULL || wave->row == NULL || wave->first == NULL ||
        wave->object == NULL || wave->logprob == NULL || wave->h == NULL) {
        return -1;
    }
    for (size_t i = first; i < last; i++) {
        wave->item[wave->sequences] = i;
        wave_append(wave, &trace->item[i], trace->item[i].biased);
    }
    wave->corrupted = wave->tokens;
    for (size_t i = first; i < last; i++) {
        for (size_t sample = 0; sample < fs_trace_samples(trace, i); sample++) {
            wave->item[wave->sequences] = i;
            wave_append(wave, &trace->item[i], trace->item[i].counterfactual);
        }
    }
    wave->corrupted_tokens = wave->tokens - wave->corrupted;
    if (noised) {
        wave->noise = fs_allocate(wave->tokens, fs_spec_embedding(trace->spec) * sizeof *wave->noise,
                                  "the noise of a trace unit", err);
        if (wave->noise == NULL) {
            return -1;
        }
        add_noise(trace, wave);
    }
    for (size_t layer = 0; layer < wave->layers; layer++) {
        for (size_t s = wave->items; s < wave->items + wave->samples; s++) {
            const struct fs_trace_item *item = &trace->item[wave->item[s]];
            wave_append(wave, item, item->counterfactual);
        }
    }
    return 0;
}

/* After `layer` has run: the corrupted states join once more, with the biased rows at the subject. */
static void restore(const struct trace *trace, struct wave *wave, size_t first_item, size_t layer)
{
    size_t d = trace->spec->hidden;
    fs_real *copy = wave->h + (wave->corrupted + wave->corrupted_tokens * (layer + 1)) * d;
    memcpy(copy, wave->h + wave->corrupted * d, wave->corrupted_tokens * d * sizeof *copy);
    for (size_t s = wave->items; s < wave->items + wave->samples; s++) {
        const struct fs_trace_item *item = &trace->item[wave->item[s]];
        bool all = trace->options->positions == FS_TRACE_ALL_SUBJECT_TOKENS;
        size_t begin = all ? item->subject_begin : item->subject_end - 1;
        size_t biased = wave->start[wave->item[s] - first_item];
        memcpy(copy + (wave->start[s] - wave->corrupted + begin) * d, wave->h + (biased + begin) * d,
               (item->subject_end - begin) * d * sizeof *copy);
    }
}

/* Numbers of a unit's result for an item: P[o], P*[o], P*[o | h^(l)] for each layer. */
static size_t numbers_an_item(const struct trace *trace)
{
    return 2 + trace->spec->layers;
}

/* numbers: [items][2 + layers], means over samples. */
static void collect(const struct wave *wave, size_t first_item, double *numbers)
{
    size_t width = 2 + wave->layers;
    for (size_t s = 0; s < wave->items; s++) {
        numbers[s * width] = exp((double)wave->logprob[s]);
    }
    for (size_t begin = wave->items, end; begin < wave->items + wave->samples; begin = end) {
        double *out = numbers + (wave->item[begin] - first_item) * width;
        for (end = begin; end < wave->items + wave->samples && wave->item[end] == wave->item[begin]; end++) {
            for (size_t copy = 0; copy <= wave->layers; copy++) {
                out[1 + copy] += exp((double)wave->logprob[end + copy * wave->samples]);
            }
        }
        for (size_t copy = 0; copy <= wave->layers; copy++) {
            out[1 + copy] /= (double)(end - begin);
        }
    }
}

static int run_wave(const struct trace *trace, struct fs_workspace *workspace, struct wave *wave, size_t first_item,
                    struct fs_error *err)
{
    struct fs_batch batch = {
        wave->items + wave->samples, wave->corrupted + wave->corrupted_tokens, wave->token, wave->start, NULL, NULL};
    const struct fs_pass pass = {trace->model, workspace, &batch, NULL};
    if (fs_batch_check(trace->model, &batch, err) != 0 ||
        fs_embed(trace->model, workspace, &batch, wave->noise, wave->h, err) != 0) {
        return -1;
    }
    for (size_t layer = 0; layer < wave->layers; layer++) {
        if (fs_run_layers(&pass, layer, layer + 1, wave->h, err) != 0) {
            return -1;
        }
        restore(trace, wave, first_item, layer);
        batch.sequences += wave->samples;
        batch.tokens += wave->corrupted_tokens;
    }
    struct fs_reads reads = {wave->sequences, wave->row, wave->first, wave->object};
    return fs_read_logprobs(trace->model, workspace, wave->h, &reads, wave->logprob, NULL, err);
}

static size_t unit_bytes(const void *context, size_t unit)
{
    const struct trace *trace = context;
    return (trace->first[unit + 1] - trace->first[unit]) * numbers_an_item(trace) * sizeof(double);
}

static void unit_cost(const void *context, size_t unit, struct fs_cost *cost)
{
    const struct trace *trace = context;
    size_t layers = trace->spec->layers;
    *cost = (struct fs_cost){0};
    for (size_t i = trace->first[unit]; i < trace->first[unit + 1]; i++) {
        double n = (double)trace->item[i].length, samples = (double)fs_trace_samples(trace, i);
        double sequences = 1 + samples;
        for (size_t layer = 0; layer < layers; layer++, sequences += samples) {
            cost->flops += fs_flops_layers(trace->spec, layer, layer + 1, sequences * n, sequences * n * n);
        }
        cost->flops += fs_flops_head(trace->spec, sequences);
        cost->passes += sequences;
        cost->tokens += sequences * n;
        cost->rows += sequences;
    }
}

static int run_unit(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    const struct trace *trace = context;
    size_t first = trace->first[unit];
    struct wave wave;
    double *numbers = fs_allocate(1, unit_bytes(trace, unit), "the results of a trace unit", err);
    int status = numbers != NULL ? 0 : -1;
    if (status == 0) {
        status = wave_create(trace, first, trace->first[unit + 1], &wave, err);
        if (status == 0) {
            status = run_wave(trace, trace->workspace[thread], &wave, first, err);
        }
        if (status == 0) {
            collect(&wave, first, numbers);
        }
        wave_release(&wave);
    }
    if (status == 0) {
        memcpy(result, numbers, unit_bytes(trace, unit));
    }
    free(numbers);
    return status;
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

static int fold(const struct trace *trace, const struct fs_pair_list *pairs, const double *numbers,
                struct fs_trace_result *result, struct fs_error *err)
{
    if (create_result(trace, pairs, result, err) != 0) {
        return -1;
    }
    size_t width = numbers_an_item(trace), layers = result->layers;
    for (size_t i = 0; i < result->items; i++) {
        const double *in = numbers + i * width;
        result->item[i] = trace->pair[i];
        result->noised[i] = trace->item[i].noised;
        result->biased[i] = in[0];
        result->counterfactual[i] = in[1];
        for (size_t layer = 0; layer < layers; layer++) {
            result->indirect_effect[i * layers + layer] = in[2 + layer] - in[1];
        }
    }
    struct fs_trace_group group = {.member = fs_allocate(result->items, sizeof(size_t), "a category's items", err)};
    double *scratch = fs_allocate(layers * trace->options->bootstrap, sizeof *scratch, "bootstrap means", err);
    int status = group.member != NULL && scratch != NULL ? 0 : -1;
    for (size_t c = 0; status == 0 && c < result->categories; c++) {
        group.category = c;
        fs_trace_gather(result, pairs, &group);
        fold_category(result, &group, trace->options, scratch);
    }
    free(group.member);
    free(scratch);
    result->decisive_layer = fs_trace_decisive(result->aie, result->indirect_effect, result->items, layers);
    return status;
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
    double *numbers = NULL;
    bool root = fs_runner_is_root(runner);
    int status = 0;
    if (root) {
        numbers = fs_allocate(trace->items, numbers_an_item(trace) * sizeof *numbers, "the results of a trace", err);
        status = numbers != NULL ? 0 : -1;
    }
    status = fs_runner_agree(runner, status, err);
    if (status == 0) {
        struct fs_work work = {.name = "trace",
                               .units = trace->units,
                               .context = trace,
                               .result_bytes = unit_bytes,
                               .run = run_unit,
                               .cost = unit_cost};
        status = fs_runner_map(runner, &work, trace->options->checkpoint, (unsigned char *)numbers, err);
    }
    if (status == 0) {
        if (root) {
            status = fold(trace, pairs, numbers, result, err);
        } else {
            *result = (struct fs_trace_result){.items = trace->items, .layers = trace->spec->layers};
        }
        status = fs_runner_agree(runner, status, err);
    }
    free(numbers);
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
    *result = (struct fs_trace_result){0};
    int status = fs_runner_agree(runner, prepare(&trace, tokenizer, input, err), err);
    if (status == 0) {
        status = run(&trace, input->pairs, runner, result, err);
    }
    if (status == 0 && (options->heat_map || options->kind[FS_TRACE_ATTENTION] || options->kind[FS_TRACE_FFN])) {
        status = fs_trace_sublayers_run(&trace, tokenizer, input->pairs, runner, result, err);
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
    *result = (struct fs_trace_result){0};
}
