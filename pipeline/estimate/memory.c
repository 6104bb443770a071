#include "pipeline/estimate/memory.h"

#include <math.h>
#include <sys/stat.h>

#include "model/engine.h"
#include "model/flops.h"
#include "model/numbers/real.h"
#include "model/trainable.h"
#include "pipeline/ranks/sharing.h"
#include "pipeline/run/training.h"
#include "stages/methods/stamp_memory.h"
#include "stages/plan/plan.h"

#define ATTENTION_BLOCK 65536.0 /* attention weights of several heads at once, where a head's are fewer */
#define HEAD_PANEL 512.0        /* rows, and columns, of the logits that are held at once */
#define SCORES_BESIDE                                                                                                  \
    ((size_t)3)               /* of an item, beside those of its candidates, such as whether it is answered rightly */
#define STATEMENT_TOKENS 64.0 /* few statements of any benchmark are longer */

static const double number = (double)sizeof(fs_real);

/* Numbers a token, of a layer: query, key, value and, with `context`, what attention gives. */
static double heads_of(const struct fs_spec *spec, double context)
{
    return ((1 + context) * (double)spec->heads + 2 * (double)spec->key_value_heads) * (double)spec->head_size;
}

/* Numbers a token that the clip, and the norm of query and key heads, keep for the backward pass. */
static double heads_kept_of(const struct fs_spec *spec, size_t layer)
{
    const struct fs_layer_spec *own = &spec->layer[layer];
    return (own->clip > 0 ? (double)fs_spec_qkv_width(spec) : 0) +
           (own->head_norm != FS_NO_HEAD_NORM ? (double)fs_spec_turned_width(spec) : 0);
}

/* Numbers that scores need beside attention's weights, where the longest sequence has n tokens. */
static double scores_of(const struct fs_spec *spec, double n)
{
    double rows = fmin(2 * n, 2 * (double)spec->disentangled.span), capped = 0;
    for (size_t l = 0; l < spec->layers; l++) {
        capped = spec->layer[l].score_cap > 0 ? 1 : capped;
    }
    double unfolded = n * (double)(spec->hidden * spec->convolution.kernel);
    return unfolded + capped * n * n + (spec->score_bias != FS_NO_SCORE_BIAS ? 2 * n * (double)spec->heads : 0) +
           (spec->qkv_layout == FS_QKV_GROUPS ? heads_of(spec, 0) : 0) +
           2 * rows * ((double)(spec->heads * spec->head_size) + n) +
           2 * (double)spec->disentangled.span * (double)spec->hidden;
}

static double inner_of(const struct fs_layer_spec *layer)
{
    return (layer->gated ? 2.0 : 1.0) * (double)fs_layer_inner_width(layer) + (double)layer->experts;
}

/* Matrices of model/engine.h's `base`. */
static double base_of(const struct fs_spec *spec)
{
    return (double)fs_base_matrices(spec);
}

/* Of the layer that needs most. */
static double most_inner(const struct fs_spec *spec)
{
    double experts = (double)fs_spec_most_experts(spec);
    return (fs_spec_gated(spec) ? 2.0 : 1.0) * (double)fs_spec_inner_width(spec) +
           (experts > 0 ? experts + 3 * (double)spec->hidden : 0);
}

/* Numbers a token of a state, or of an embedding before it is one: the most. */
static double widest_state(const struct fs_spec *spec)
{
    return fmax((double)spec->hidden, (double)fs_spec_embedding(spec));
}

/* Numbers of a forward workspace. */
static double forward(const struct fs_spec *spec, const struct fs_memory_unit *unit)
{
    double d = (double)spec->hidden, e = widest_state(spec), n = fmin(unit->tokens, (double)spec->max_positions);
    return unit->tokens * (base_of(spec) * d + e + heads_of(spec, 1) + most_inner(spec)) +
           fmax(ATTENTION_BLOCK, n * n) + n * (double)fs_spec_angle_width(spec) + scores_of(spec, n) +
           HEAD_PANEL * fmin((double)spec->vocabulary, HEAD_PANEL) + 2 * unit->rows * e;
}

double fs_memory_workspace(const struct fs_spec *spec, double tokens, double rows)
{
    return number * forward(spec, &(struct fs_memory_unit){.tokens = tokens, .rows = rows});
}

/* Numbers that the backward pass of a layer needs of the forward one. */
static double layer_of(const struct fs_spec *spec, size_t layer, const struct fs_memory_unit *unit)
{
    const struct fs_layer_spec *own = &spec->layer[layer];
    return unit->tokens * ((double)fs_layer_norm_count(spec, own) * (double)spec->hidden + heads_of(spec, 0) +
                           heads_kept_of(spec, layer) + inner_of(own)) +
           (double)spec->heads * unit->squares;
}

/* Numbers of the gradients inside a layer. */
static double back_of(const struct fs_spec *spec, const struct fs_memory_unit *unit)
{
    return unit->tokens * (3 * (double)spec->hidden + heads_of(spec, 1) + most_inner(spec));
}

/* Of a thread in attribution patching, whose workspace was the trace's before. */
static double attribution_of(const struct fs_spec *spec, const struct fs_memory_load *load)
{
    const struct fs_memory_unit *unit = &load->attribution;
    double d = (double)spec->hidden, E = (double)fs_spec_embedding(spec), layer = 0;
    if (unit->tokens == 0) {
        return 0;
    }
    for (size_t l = 0; l < spec->layers; l++) {
        layer = fmax(layer, layer_of(spec, l, unit));
    }
    return fmax(forward(spec, &load->trace), forward(spec, unit)) + back_of(spec, unit) + layer +
           unit->tokens * (((double)spec->layers + 3) * d + E) + unit->rows * (d + E + (double)spec->vocabulary);
}

/* Numbers of the tape of a unit. */
static double tape_of(const struct fs_spec *spec, const struct fs_memory_load *load)
{
    const struct fs_memory_unit *unit = &load->training;
    double d = (double)spec->hidden, T = unit->tokens, above = 0;
    for (size_t l = load->layer + 1; l < spec->layers; l++) {
        above += layer_of(spec, l, unit);
    }
    double behind = load->layer < spec->layers && spec->layer[load->layer].convolved ? 2 : 1;
    return above + T * (behind * d + (double)load->inner) + unit->rows * (d + (double)fs_spec_embedding(spec));
}

static double logits_of(const struct fs_spec *spec, const struct fs_memory_load *load)
{
    double V = (double)spec->vocabulary;
    return fmin(load->training.rows * V, fmax(FS_MEMORY_LOGITS, V));
}

/* A unit's x, base and distributions. */
static double cache_of(const struct fs_spec *spec, const struct fs_memory_load *load)
{
    return (1 + base_of(spec)) * (double)spec->hidden * load->training.tokens + logits_of(spec, load);
}

static struct fs_stamp_holding holding_of(const struct fs_spec *spec, const struct fs_memory_load *load)
{
    double slot = number * (tape_of(spec, load) + logits_of(spec, load) + cache_of(spec, load));
    double units = isfinite(load->cut_units) ? ceil(load->cut_units / (double)load->ranks)
                                             : (double)(FS_STAMP_SLOTS * load->threads);
    return (struct fs_stamp_holding){.bound = load->memory,
                                     .caches = load->caches / (double)load->ranks,
                                     .slot = !load->two_sweeps ? 0
                                             : load->slot > 0  ? load->slot
                                                               : slot,
                                     .units = units,
                                     .ranks = load->ranks,
                                     .threads = load->threads};
}

/* Bytes a thread of the tapes of units that have no slot; a rank with all the cut units that it may have has few others. */
static double own_tape_of(const struct fs_spec *spec, const struct fs_memory_load *load)
{
    const struct fs_stamp_holding holding = holding_of(spec, load);
    double largest = number * (tape_of(spec, load) + logits_of(spec, load));
    if ((double)fs_stamp_slots(&holding) < holding.units || !isfinite(load->units)) {
        return load->tapes > 0 || load->alone > 0 ? fmax(load->tape, load->alone) : largest;
    }
    double units = fmax(0, ceil(load->units / (double)load->ranks) - holding.units);
    return fmin(1, units / (double)load->threads) * (load->alone > 0 ? load->alone : largest);
}

static double training_of(const struct fs_spec *spec, const struct fs_memory_load *load)
{
    const struct fs_memory_unit *unit = &load->training;
    double back = back_of(spec, unit) + unit->tokens * (double)load->inner;
    return number * (forward(spec, unit) + back) + own_tape_of(spec, load);
}

/* A step of several parts carries the sum of those before. */
static double carried_of(const struct fs_spec *spec, const struct fs_memory_load *load)
{
    const struct fs_stamp_holding holding = holding_of(spec, load);
    double slots = (double)fs_stamp_slots(&holding);
    return slots > 0 && slots < holding.units ? 1 : 0;
}

/* Vectors go round while ranks keep step; slices have places of their own. */
static double gradients_of(const struct fs_memory_load *load, double parameters)
{
    size_t units = isfinite(load->units) ? (size_t)load->units : SIZE_MAX / 2, bytes = (size_t)(number * parameters);
    size_t own = units / load->ranks + 1; /* shared out evenly */
    double held = fmin((double)fs_sum_held(own, load->threads, bytes, FS_SUM_BYTES), 2 * (double)load->threads + 2);
    double ahead = (double)fs_sum_ahead(units, load->ranks, load->threads, bytes, FS_SUM_BYTES);
    double others = ((double)load->ranks - 1) / (double)load->ranks;
    return held * parameters + others * ahead * parameters / (double)load->ranks;
}

/* Bytes of a unit's. */
static double own_cache_of(const struct fs_spec *spec, const struct fs_memory_load *load)
{
    return load->caches > 0 ? load->caches / (load->units * fmax(1, load->versions)) : number * cache_of(spec, load);
}

static double caches_of(const struct fs_spec *spec, const struct fs_memory_load *load)
{
    const struct fs_stamp_holding holding = holding_of(spec, load);
    return fmax(own_cache_of(spec, load), fmin(holding.caches, fs_stamp_cache_limit(&holding)));
}

/* Slots hold caches only of units that do not stay; each is as large as its unit where all units have one. */
static double kept_of(const struct fs_spec *spec, const struct fs_memory_load *load)
{
    const struct fs_stamp_holding holding = holding_of(spec, load);
    double slots = (double)fs_stamp_slots(&holding), cache = own_cache_of(spec, load);
    double tape = load->tapes == 0         ? fmax(0, holding.slot - cache)
                  : slots >= holding.units ? load->tapes / load->cut_units
                                           : load->tape;
    return slots * (holding.caches <= fs_stamp_cache_limit(&holding) ? tape : tape + cache);
}

#define NUMBERS_WHOLE                                                                                                  \
    4 /* a parameter in the file of an edit that is being trained, at most: it, its best, two moments */
#define NUMBERS_SHARED 3 /* one of all weights: the difference, two moments */

double fs_memory_training_file(const struct fs_training_size *size)
{
    return number * fmax(NUMBERS_WHOLE * (double)size->parameters, NUMBERS_SHARED * (double)size->shared);
}

static double built(double file)
{
    return file > (double)FS_TRAINING_IN_MEMORY ? 0 : file;
}

double fs_memory_training_built(const struct fs_training_size *size)
{
    double end = number * (double)size->shared, most = fmax(built(NUMBERS_SHARED * end), built(end));
    for (int numbers = 1; numbers <= NUMBERS_WHOLE; numbers++) { /* how many, the method knows */
        most = fmax(most, built(numbers * number * (double)size->parameters));
    }
    return most;
}

/* Numbers of a rank that trains; P and moments, gradient and difference of its share where they are shared out. */
static double optimizer_of(const struct fs_spec *spec, const struct fs_memory_load *load)
{
    double whole = (carried_of(spec, load) + 5) * (double)load->parameters;
    double shared = (1 + 4 / (double)load->ranks) * (double)load->shared;
    return fmax(whole, shared);
}

void fs_memory_usual_units(const struct fs_spec *spec, struct fs_memory_load *load)
{
    double T = (double)FS_UNIT_TOKENS, V = (double)spec->vocabulary;
    load->trace = (struct fs_memory_unit){T, T, STATEMENT_TOKENS * T};
    load->training = (struct fs_memory_unit){T, fmin(T, fmax(1, floor(FS_MEMORY_LOGITS / V))), STATEMENT_TOKENS * T};
    load->evaluate = (struct fs_memory_unit){T, T, STATEMENT_TOKENS * T};
    load->units = load->cut_units = INFINITY;
    load->caches = load->tapes = load->tape = load->slot = load->alone = 0;
}

void fs_memory_add_model(const struct fs_model *model, struct fs_memory_load *load)
{
    size_t files;
    const char *const *file = fs_model_files(model, &files);
    load->converted += (double)fs_model_converted_bytes(model);
    load->panel = fmax(load->panel, (double)fs_model_panel_bytes(model));
    load->mapped += files == 0 ? number * fs_spec_numbers(fs_model_spec(model)) : 0;
    for (size_t i = 0; i < files; i++) {
        struct stat info;
        load->mapped += stat(file[i], &info) == 0 ? (double)info.st_size : 0;
    }
}

int fs_memory_add_methods(const struct fs_job *job, struct fs_memory_load *load, struct fs_error *err)
{
    size_t methods;
    const struct fs_job_method *method = fs_job_methods(job, &methods);
    for (size_t i = 0; i < methods; i++) {
        struct fs_model *model;
        load->rules = load->rules || method[i].method->edit->distribution != NULL;
        if (method[i].path == NULL) {
            size_t made = method[i].method->edit->attach != NULL ? 1 : 0;
            load->copies += made;
            load->others += made;
            continue;
        }
        if (fs_model_open(method[i].path, &model, err) != 0) {
            return fs_error_prepend(err, "methods.%s", method[i].name);
        }
        fs_memory_add_model(model, load);
        load->others++;
        fs_model_destroy(model);
    }
    return 0;
}

void fs_memory_of(const struct fs_spec *spec, const struct fs_memory_load *load, struct fs_memory *memory)
{
    double d = (double)spec->hidden, T = load->evaluate.tokens, V = (double)spec->vocabulary;
    double parameters = fmax((double)load->parameters, (double)load->shared);
    *memory = (struct fs_memory){
        .weights = load->mapped + load->converted,
        .program = FS_MEMORY_PROGRAM + fmax(0, load->data - FS_MEMORY_DATA),
        .thread = FS_MEMORY_THREAD + load->panel,
        .optimizer = number * optimizer_of(spec, load) + load->text,
        .columns = load->copies > 0 ? number * 2 * (double)load->copies * (double)fs_trainable_numbers(spec) : 0,
        .gradients = number * gradients_of(load, parameters),
        .caches = load->parameters > 0 ? caches_of(spec, load) : 0,
        .kept = kept_of(spec, load),
        .trace = number * fmax(forward(spec, &load->trace) + (d + (double)fs_spec_embedding(spec)) * load->trace.tokens,
                               attribution_of(spec, load)),
        .training = training_of(spec, load),
        .evaluate = number * ((1 + (double)load->others) * forward(spec, &load->evaluate) +
                              T * ((2 + base_of(spec)) * widest_state(spec) + (double)load->inner) +
                              2 * load->evaluate.rows * d +
                              (load->rules ? T * d + fmax((double)FS_RULE_NUMBERS, 2 * V) + V : 0)),
        .archive = 2 * load->file,
        .items = load->items,
        .results = load->gathered + fmax(load->gathered, load->scores),
    };
}

double fs_memory_root(const struct fs_memory *memory)
{
    return fmax(memory->archive, memory->results);
}

double fs_memory_scores(const struct fs_data *data, size_t columns)
{
    double scores = 0;
    for (size_t i = 0; i < data->suites; i++) {
        scores +=
            (double)data->suite[i]->items * (double)(data->suite[i]->candidates + SCORES_BESIDE) * (double)columns;
    }
    return scores * (double)sizeof(double);
}

void fs_memory_usual_items(const struct fs_data *data, size_t columns, struct fs_memory_load *load)
{
    double statements = 0;
    for (size_t i = 0; i < data->suites; i++) {
        statements += (double)data->suite[i]->items * (double)data->suite[i]->candidates;
    }
    load->data = data->bytes;
    load->items = statements * (48 + 16 + 4 * 2 * 20 + 4 * (52 + 16)); /* memory.h */
    load->gathered = statements * 4 * 16 * (double)columns;
    load->scores = fs_memory_scores(data, columns);
}

void fs_memory_split(const struct fs_memory *memory, size_t threads, double *rank, double *thread)
{
    double stamp = memory->optimizer + memory->gradients + memory->caches + memory->kept;
    double other = fmax(memory->trace, memory->evaluate), columns = memory->columns + memory->items;
    bool trains = stamp + (double)threads * memory->training > columns + (double)threads * other;
    *rank = memory->program + (trains ? stamp : columns);
    *thread = memory->thread + (trains ? memory->training : other);
}

double fs_memory_rank(const struct fs_memory *memory, size_t threads)
{
    double rank, thread;
    fs_memory_split(memory, threads, &rank, &thread);
    return rank + (double)threads * thread;
}
