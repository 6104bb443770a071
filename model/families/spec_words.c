#include "model/families/spec_words.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/families/activations.h"
#include "model/families/family.h"

/* A line while it is written; cut off at its end. */
struct words {
    size_t used;
    char text[768];
};

static void add(struct words *words, const char *format, ...) FS_PRINTF(2, 3);

static void add(struct words *words, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(words->text + words->used, sizeof words->text - words->used, format, arguments);
    va_end(arguments);
    words->used += length > 0 ? (size_t)length : 0;
    words->used = words->used < sizeof words->text ? words->used : sizeof words->text - 1;
}

/* What stands between two parts of a line. */
static void add_part(struct words *words, const char *separator)
{
    if (words->used > 0) {
        add(words, "%s", separator);
    }
}

/* The name of a value of an enumeration. */
#define NAME_OF(names, value) name_of(names, sizeof(names) / sizeof *(names), (size_t)(value))

static const char *name_of(const char *const *names, size_t count, size_t value)
{
    return value < count && names[value] != NULL ? names[value] : "another kind";
}

typedef bool layer_test(const struct fs_spec *spec, const struct fs_layer_spec *layer);

static size_t count_layers(const struct fs_spec *spec, layer_test *test)
{
    size_t count = 0;
    for (size_t i = 0; i < spec->layers; i++) {
        count += test(spec, &spec->layer[i]) ? 1 : 0;
    }
    return count;
}

/* " in layers 0, 2-5 of 12", where not all layers pass the test. */
static void add_layers(struct words *words, const struct fs_spec *spec, layer_test *test)
{
    const size_t most = 12; /* ranges of layers that are named */
    size_t count = count_layers(spec, test), ranges = 0;
    if (count == spec->layers) {
        return;
    }
    add(words, count == 1 ? " in layer " : " in layers ");
    for (size_t i = 0; i < spec->layers && ranges <= most; i++) {
        if (!test(spec, &spec->layer[i])) {
            continue;
        }
        size_t last = i;
        while (last + 1 < spec->layers && test(spec, &spec->layer[last + 1])) {
            last++;
        }
        if (ranges++ == most) {
            add(words, ", ...");
        } else {
            add(words, last > i ? "%s%zu-%zu" : "%s%zu", ranges > 1 ? ", " : "", i, last);
        }
        i = last;
    }
    add(words, " of %zu", spec->layers);
}

/* A number of a layer. */
typedef size_t layer_size(const struct fs_layer_spec *layer);

static size_t ffn_of(const struct fs_layer_spec *layer)
{
    return layer->ffn;
}

static size_t window_of(const struct fs_layer_spec *layer)
{
    return layer->window;
}

/* "1536", or "1024 to 4096" where layers differ; those of 0 are left out. */
static void add_size(struct words *words, const struct fs_spec *spec, layer_size *size)
{
    size_t least = SIZE_MAX, most = 0;
    for (size_t i = 0; i < spec->layers; i++) {
        size_t own = size(&spec->layer[i]);
        least = own > 0 && own < least ? own : least;
        most = own > most ? own : most;
    }
    add(words, least < most ? "%zu to %zu" : "%zu", least, most);
}

static bool turns(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    (void)spec;
    return layer->rotary.theta > 0;
}

/* The first layer's that has them. */
static const struct fs_rotary *first_rotary(const struct fs_spec *spec)
{
    size_t i = 0;
    while (i + 1 < spec->layers && !turns(spec, &spec->layer[i])) {
        i++;
    }
    return &spec->layer[i].rotary;
}

static bool turns_as_first(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    return turns(spec, layer) && fs_rotary_is_same(first_rotary(spec), &layer->rotary);
}

static bool turns_otherwise(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    return turns(spec, layer) && !turns_as_first(spec, layer);
}

static bool has_window(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    (void)spec;
    return layer->window > 0;
}

static bool has_own_scale(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    return layer->attention_scale != 1.0 / sqrt((double)spec->head_size);
}

static bool has_head_norm(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    (void)spec;
    return layer->head_norm;
}

static bool has_cap(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    (void)spec;
    return layer->score_cap > 0;
}

static bool has_clip(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    (void)spec;
    return layer->clip > 0;
}

static bool has_no_attention_norm(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    (void)spec;
    return layer->no_attention_norm;
}

static bool is_gated(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    (void)spec;
    return layer->gated;
}

static bool has_experts(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    (void)spec;
    return layer->experts > 0;
}

static bool has_qkv_bias(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    (void)spec;
    return layer->qkv_bias;
}

static bool has_output_bias(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    (void)spec;
    return layer->output_bias;
}

static bool has_ffn_bias(const struct fs_spec *spec, const struct fs_layer_spec *layer)
{
    (void)spec;
    return layer->ffn_bias;
}

/* "windows of 256 in layers 1, 3": `text`, where a layer passes the test. */
static void add_where(struct words *words, const struct fs_spec *spec, layer_test *test, const char *text)
{
    if (count_layers(spec, test) > 0) {
        add_part(words, "; ");
        add(words, "%s", text);
        add_layers(words, spec, test);
    }
}

static void describe_embedding(const struct fs_spec *spec, struct words *words)
{
    static const char *const places[] = {
        [FS_PROJECT_WORDS] = "before positions are added",
        [FS_PROJECT_SUM] = "once positions are added",
        [FS_PROJECT_NORMED] = "behind the norm",
    };
    const struct fs_body_names *body = fs_spec_body(spec);
    if (spec->projection != FS_NO_PROJECTION) {
        add(words, "%zu numbers a word, of which a matrix makes %zu %s", fs_spec_embedding(spec), spec->hidden,
            NAME_OF(places, spec->projection));
    }
    if (spec->embedding_scale != 0.0 && spec->embedding_scale != 1.0) {
        add_part(words, "; ");
        add(words, "words times %.6g", spec->embedding_scale);
    }
    if (spec->token_types > 0) {
        add_part(words, "; ");
        add(words, spec->token_types == 1 ? "1 token type" : "%zu token types, of which the first is used",
            spec->token_types);
    }
    if (body->embedding_norm != NULL) {
        add_part(words, "; ");
        add(words, "a norm behind the embedding");
    }
}

static void describe_block(const struct fs_spec *spec, struct words *words)
{
    static const char *const names[] = {
        [FS_PRE_NORM] = "pre-norm: a norm before attention, a norm before the FFN",
        [FS_POST_NORM] = "post-norm: a norm behind the sum with attention, a norm behind the sum with the FFN",
        [FS_PARALLEL] = "parallel: attention and FFN read the same norm",
        [FS_PARALLEL_TWO_NORMS] = "parallel: attention and FFN read a norm each of the same state",
        [FS_SANDWICH_NORM] = "sandwich-norm: norms before and behind attention, before and behind the FFN",
        [FS_BRANCH_NORM] = "branch-norm: a norm behind attention, a norm behind the FFN, each before the sum",
    };
    add(words, "%s", NAME_OF(names, spec->block));
    if (spec->residual_scale != 0.0 && spec->residual_scale != 1.0) {
        add(words, "; what attention and FFN add is scaled by %.6g", spec->residual_scale);
    }
    if (spec->residual_from_norm) {
        add(words, "; sums begin with the norms");
    }
    add_where(words, spec, has_no_attention_norm, "no norm before attention");
    if (spec->convolution.kernel > 0) {
        add(words, "; behind layer 0 a convolution of its input over %zu positions, and a norm",
            spec->convolution.kernel);
    }
    if (spec->layer_groups > 0) {
        add(words, "; the layers share the weights of %zu group%s of %zu", spec->layer_groups,
            spec->layer_groups == 1 ? "" : "s", spec->group_layers);
    }
}

static void describe_norm(const struct fs_spec *spec, struct words *words)
{
    static const char *const names[] = {
        [FS_LAYER_NORM] = "LayerNorm", [FS_RMS_NORM] = "RMSNorm", [FS_RMS_NORM_PLUS_ONE] = "RMSNorm times 1 + gain"};
    add(words, "%s, epsilon %.6g", NAME_OF(names, spec->norm_kind), spec->norm_epsilon);
    if (spec->norm_parameters != FS_GAIN_AND_BIAS) {
        add(words, spec->norm_parameters == FS_GAIN_ALONE ? ", no bias" : ", no gain and no bias");
    }
}

static void add_rotary(struct words *words, const struct fs_rotary *rotary)
{
    add(words, "rotary, base %.9g", rotary->theta);
    if (rotary->dims > 0) {
        add(words, ", %zu numbers of a head", rotary->dims);
    }
    if (rotary->interleaved) {
        add(words, ", neighbours in pairs");
    }
    switch (rotary->scaling) {
    case FS_ROPE_LINEAR:
        add(words, ", linear scaling by %.6g", rotary->factor);
        break;
    case FS_ROPE_LLAMA3:
        add(words, ", Llama 3's scaling by %.6g beyond %zu positions", rotary->factor, rotary->original_positions);
        break;
    case FS_ROPE_DYNAMIC:
        add(words, ", dynamic scaling by up to %.6g beyond %zu positions", rotary->factor, rotary->original_positions);
        break;
    case FS_ROPE_YARN:
        add(words, ", YaRN's scaling by %.6g beyond %zu positions", rotary->factor, rotary->original_positions);
        break;
    case FS_ROPE_LONGROPE:
        add(words, ", LongRoPE with other divisors beyond %zu positions", rotary->original_positions);
        break;
    default:
        break;
    }
}

/* Positions that scores alone know. */
static void add_score_positions(const struct fs_spec *spec, struct words *words)
{
    static const char *const names[] = {[FS_ALIBI] = "ALiBi: scores fall with the distance",
                                        [FS_ALIBI_BFLOAT16] = "ALiBi: scores fall with the distance, in bfloat16",
                                        [FS_BUCKET_BIAS] = "a bias of scores by distance and head"};
    if (spec->score_bias != FS_NO_SCORE_BIAS) {
        add_part(words, "; ");
        add(words, "%s", NAME_OF(names, spec->score_bias));
    }
    if (spec->disentangled.span > 0) {
        add_part(words, "; ");
        add(words, "disentangled: scores of contents with %zu relative positions", 2 * spec->disentangled.span);
    }
}

static void describe_positions(const struct fs_spec *spec, struct words *words)
{
    if (fs_spec_has_positions(spec)) {
        add(words, "learned");
        if (spec->first_position > 0) {
            add(words, ", counted from %zu, behind the pad token", spec->first_position);
        }
    }
    if (count_layers(spec, turns) > 0) {
        add_part(words, "; ");
        add_rotary(words, first_rotary(spec));
        add_layers(words, spec, turns_as_first);
    }
    for (size_t i = 0; i < spec->layers; i++) {
        if (turns_otherwise(spec, &spec->layer[i])) {
            add_part(words, "; ");
            add_rotary(words, &spec->layer[i].rotary);
            add_layers(words, spec, turns_otherwise);
            break;
        }
    }
    add_score_positions(spec, words);
}

/* Of the first layer that has them; all do, in the families there are. */
static void add_attention_extras(const struct fs_spec *spec, struct words *words)
{
    static const char *const norms[] = {
        [FS_HEAD_NORM_SHARED] = "a norm of each query and key head",
        [FS_HEAD_NORM_OWN] = "a norm of each query and key head, each with its own gain",
        [FS_HEAD_NORM_WHOLE] = "a norm of all query heads, and of all key heads, as a whole"};
    struct words clip = {0}, cap = {0};
    const struct fs_layer_spec *layer = &spec->layer[0];
    add(&clip, "queries, keys and values cut off at %.6g", layer->clip);
    add(&cap, "scores capped at %.6g", layer->score_cap);
    add_where(words, spec, has_clip, clip.text);
    add_where(words, spec, has_head_norm, NAME_OF(norms, layer->head_norm));
    add_where(words, spec, has_cap, cap.text);
}

static void describe_attention(const struct fs_spec *spec, struct words *words)
{
    struct words window = {0};
    add(words, spec->kind == FS_MASKED ? "to all positions" : "to all earlier positions");
    if (count_layers(spec, has_window) > 0) {
        add(&window, "windows of ");
        add_size(&window, spec, window_of);
        add_where(words, spec, has_window, window.text);
    }
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < spec->layers; i++) {
        double scale = spec->layer[i].attention_scale;
        if (has_own_scale(spec, &spec->layer[i])) {
            least = fmin(least, scale);
            most = fmax(most, scale);
        }
    }
    struct words scale = {0};
    add(&scale, least < most ? "scores times %.6g to %.6g" : "scores times %.6g", most, least);
    add(&scale, " instead of %.6g", 1.0 / sqrt((double)spec->head_size));
    add_where(words, spec, has_own_scale, scale.text);
    add_attention_extras(spec, words);
}

static void describe_ffn(const struct fs_spec *spec, struct words *words)
{
    add_size(words, spec, ffn_of);
    add(words, ", %s", fs_activation_name(spec->layer[0].activation));
    add_where(words, spec, is_gated, "gated");
    for (size_t i = 0; i < spec->layers; i++) {
        if (spec->layer[i].experts > 0) {
            struct words experts = {0};
            add(&experts, "%zu of %zu experts, which a router chooses for each token", spec->layer[i].experts_used,
                spec->layer[i].experts);
            add_where(words, spec, has_experts, experts.text);
            break;
        }
    }
}

static void describe_biases(const struct fs_spec *spec, struct words *words)
{
    add_where(words, spec, has_qkv_bias, "queries, keys and values");
    add_where(words, spec, has_output_bias, "attention output");
    add_where(words, spec, has_ffn_bias, "FFN");
    if (words->used == 0) {
        add(words, "none");
    }
}

static void describe_head(const struct fs_spec *spec, struct words *words)
{
    const struct fs_family *family = spec->family;
    if (fs_spec_has_final_norm(spec)) {
        add(words, "a norm behind the last layer; ");
    }
    if (spec->output_projection) {
        add(words, "a matrix that makes %zu numbers of %zu; ", fs_spec_embedding(spec), spec->hidden);
    }
    if (family->head.transform != NULL) {
        add(words, "a dense layer, %s and a norm; ", fs_activation_name(spec->activation));
    }
    add(words, "%s%s", spec->tied_head ? "the word embedding (tied)" : "a matrix of its own",
        fs_spec_head_bias(spec) ? ", with a bias" : "");
    if (spec->logit_scale != 0.0 && spec->logit_scale != 1.0) {
        add(words, "; logits times %.6g", spec->logit_scale);
    }
    if (spec->logit_cap != 0.0) {
        add(words, "; logits capped at %.6g", spec->logit_cap);
    }
}

void fs_spec_describe(const struct fs_spec *spec, fs_spec_line *line, void *context)
{
    static const struct {
        const char *label;
        void (*describe)(const struct fs_spec *spec, struct words *words);
    } lines[] = {
        {"embedding", describe_embedding}, {"positions", describe_positions}, {"block", describe_block},
        {"norm", describe_norm},           {"attention", describe_attention}, {"ffn", describe_ffn},
        {"biases", describe_biases},       {"head", describe_head},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct words words = {0};
        lines[i].describe(spec, &words);
        if (words.used > 0) {
            line(context, lines[i].label, words.text);
        }
    }
}

void fs_spec_sizes(const struct fs_spec *spec, char text[FS_SPEC_SIZES])
{
    struct words words = {0};
    add(&words, "%zu layer%s, hidden size %zu, %zu head%s of %zu", spec->layers, spec->layers == 1 ? "" : "s",
        spec->hidden, spec->heads, spec->heads == 1 ? "" : "s", spec->head_size);
    if (spec->key_value_heads != spec->heads) {
        add(&words, " (%zu of keys and values)", spec->key_value_heads);
    }
    add(&words, ", FFN ");
    add_size(&words, spec, ffn_of);
    add(&words, ", vocabulary %zu, %zu positions", spec->vocabulary, spec->max_positions);
    snprintf(text, FS_SPEC_SIZES, "%.*s", FS_SPEC_SIZES - 1, words.text);
}

const char *fs_model_kind_name(enum fs_model_kind kind)
{
    return kind == FS_MASKED ? "masked" : "causal";
}
