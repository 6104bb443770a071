/*
 * Perplexity of a plain text, exp(- mean log p of its tokens), and its bits a byte, - sum log p / (ln 2 x bytes), which
 * tokenizers do not change (lm-evaluation-harness, bits_per_byte). The text is cut into windows without overlap; as many as
 * `text_tokens` allows, spread evenly over it, are scored. Causal models ("window.causal"): begin-of-text and as many
 * tokens as the model has positions less one, each given those before. Masked models ("window.pll"): pseudo-perplexity
 * (Salazar et al. 2020), each token of a window of at most 126 masked in turn: as many passes as tokens.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file_map.h"
#include "io/formats/file_kind.h"
#include "model/numbers/random.h"
#include "stages/metrics/quantile.h"
#include "stages/suites/suite_registry.h"

enum { LOG_PROBABILITY, TOKENS, CANDIDATES };
static const char *const candidates[CANDIDATES] = {"log probability", "tokens"};
#define MASKED_WINDOW ((size_t)126)

struct text {
    struct fs_suite base;
    char *path, *content;
    size_t length;
    size_t most_tokens;
    size_t *first; /* [items + 1] into read */
    size_t *read;  /* [all tokens scored] reads of the plan */
    size_t *bytes; /* [items] of the text, up to the window behind */
    char (*name)[32];
};

static size_t window_length(const struct fs_prompt_style *style)
{
    if (style->kind == FS_CAUSAL) {
        return style->max_positions - 1;
    }
    return style->max_positions - 2 < MASKED_WINDOW ? style->max_positions - 2 : MASKED_WINDOW;
}

/* Without begin-of-text: the first token is given, and the reads of the others go to read[0] and behind. */
static int add_bare_window(struct fs_plan *plan, const int32_t *id, size_t count, size_t *read, struct fs_error *err)
{
    size_t pass;
    int status = count > 1 ? fs_plan_add_pass(plan, id, count - 1, &pass, err) : 0;
    for (size_t i = 1; status == 0 && i < count; i++) {
        status = fs_plan_add_read(plan, pass, i - 1, id[i], &read[i - 1], err);
    }
    return status;
}

/* The passes and reads of the tokens id[count], of which the first read goes to read[0]. */
static int add_window(struct fs_plan *plan, const struct fs_prompt_style *style, const int32_t *id, size_t count,
                      int32_t *scratch, size_t *read, struct fs_error *err)
{
    bool masked = style->kind == FS_MASKED;
    size_t pass;
    scratch[0] = masked ? style->special.cls : style->special.begin_of_text;
    memcpy(scratch + 1, id, count * sizeof *id);
    scratch[count + 1] = style->special.sep;
    if (!masked && fs_plan_add_pass(plan, scratch, fs_prompt_tokens_run(style, count + 1), &pass, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (masked) {
            scratch[i + 1] = style->special.mask;
            if (fs_plan_add_pass(plan, scratch, count + 2, &pass, err) != 0) {
                return -1;
            }
            scratch[i + 1] = id[i];
        }
        if (fs_plan_add_read(plan, pass, masked ? i + 1 : i, id[i], &read[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* An earlier evaluation may have made them. */
static void release_windows(struct text *suite)
{
    free(suite->first);
    free(suite->read);
    free(suite->bytes);
    free(suite->name);
    free(suite->base.id);
    free(suite->base.category);
    free(suite->base.cluster);
    free(suite->base.unusable);
    free(suite->base.skip);
    free(suite->base.first_unscored);
    suite->base.id = suite->base.category = NULL;
    suite->base.cluster = NULL;
    suite->base.first_unscored = NULL;
    suite->base.unusable = suite->base.skip = NULL;
}

/* Windows of the text, and the base's arrays for them. */
static int create_windows(struct text *suite, size_t windows, size_t tokens, struct fs_error *err)
{
    release_windows(suite);
    suite->base.items = windows;
    suite->first = fs_allocate(windows + 1, sizeof *suite->first, "windows of a text", err);
    suite->read = fs_allocate(tokens, sizeof *suite->read, "windows of a text", err);
    suite->bytes = fs_allocate(windows, sizeof *suite->bytes, "windows of a text", err);
    suite->name = fs_allocate(windows, sizeof *suite->name, "windows of a text", err);
    if (suite->first == NULL || suite->read == NULL || suite->bytes == NULL || suite->name == NULL ||
        fs_suite_create(&suite->base, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < windows; i++) {
        snprintf(suite->name[i], sizeof suite->name[i], "window %zu", i);
        suite->base.id[i] = suite->name[i];
        suite->base.category[i] = "none";
    }
    return 0;
}

static int compile(struct fs_suite *base, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                   const struct fs_prompt_style *style, struct fs_error *err)
{
    struct text *suite = (struct text *)base;
    struct fs_encoding encoding = {0};
    size_t length = window_length(style);
    if (fs_tokenizer_encode(tokenizer, suite->content, suite->length, &encoding, err) != 0) {
        return -1;
    }
    size_t all = (encoding.count + length - 1) / length, windows = suite->most_tokens / length;
    windows = windows == 0 ? 1 : windows;
    windows = windows < all ? windows : all;
    int32_t *scratch = fs_allocate(length + 2, sizeof *scratch, "a window of a text", err);
    int status = scratch != NULL ? create_windows(suite, windows, windows * length, err) : -1;
    if (status == 0 && encoding.count == 0) {
        status = fs_error_set(err, FS_EXIT_DATA, "%s: found no token, expected a text", suite->path);
    }
    bool bare = style->kind == FS_CAUSAL && style->special.begin_of_text < 0;
    for (size_t i = 0; status == 0 && i < windows; i++) {
        size_t window = i * all / windows, begin = window * length;
        size_t count = encoding.count - begin < length ? encoding.count - begin : length;
        count = count < suite->most_tokens ? count : suite->most_tokens;
        size_t *read = suite->read + suite->first[i];
        status = fs_suite_begin_item(base, i, plan, err) != 0 ? -1
                 : bare ? add_bare_window(plan, encoding.id + begin, count, read, err)
                        : add_window(plan, style, encoding.id + begin, count, scratch, read, err);
        suite->first[i + 1] = suite->first[i] + count - bare;
        suite->bytes[i] = (begin + count < encoding.count ? encoding.begin[begin + count] : suite->length) -
                          (bare ? encoding.end[begin] : encoding.begin[begin]);
        base->first_unscored[i] = bare;
    }
    free(scratch);
    fs_encoding_release(&encoding);
    return status;
}

static int fold(struct fs_suite *base, const struct fs_plan_values *values, size_t column, struct fs_error *err)
{
    struct text *suite = (struct text *)base;
    (void)err;
    for (size_t i = 0; i < base->items; i++) {
        double sum = 0.0;
        for (size_t k = suite->first[i]; k < suite->first[i + 1]; k++) {
            sum += fs_values_logprob(values, column, suite->read[k]);
        }
        base->score[fs_suite_at(base, i, LOG_PROBABILITY, column)] = sum;
        base->score[fs_suite_at(base, i, TOKENS, column)] = (double)(suite->first[i + 1] - suite->first[i]);
    }
    return 0;
}

enum { PERPLEXITY, BITS_PER_BYTE, MEASURES };
static const char *const measures[MEASURES] = {"perplexity", "bits_per_byte"};

/* Over all windows, or over as many drawn by `random`. */
static void measure(const struct text *suite, size_t column, struct fs_random *random, double value[MEASURES])
{
    const struct fs_suite *base = &suite->base;
    double sum = 0.0, tokens = 0.0, bytes = 0.0;
    for (size_t i = 0; i < base->items; i++) {
        size_t item = random != NULL ? fs_random_below(random, base->items) : i;
        sum += base->score[fs_suite_at(base, item, LOG_PROBABILITY, column)];
        tokens += base->score[fs_suite_at(base, item, TOKENS, column)];
        bytes += (double)suite->bytes[item];
    }
    value[PERPLEXITY] = exp(-sum / tokens);
    value[BITS_PER_BYTE] = -sum / (log(2.0) * bytes);
}

/* The measures of one column with their intervals: metric[MEASURES][columns]; drawn [MEASURES][resamples] is scratch. */
static void measure_column(const struct text *suite, const struct fs_bootstrap *bootstrap, size_t column, double *drawn,
                           struct fs_metric *metric)
{
    const struct fs_suite *base = &suite->base;
    double value[MEASURES], resampled[MEASURES];
    measure(suite, column, NULL, value);
    for (size_t r = 0; r < bootstrap->resamples; r++) {
        struct fs_random random = fs_random_start(bootstrap->seed, r);
        measure(suite, column, &random, resampled);
        for (size_t m = 0; m < MEASURES; m++) {
            drawn[m * bootstrap->resamples + r] = resampled[m];
        }
    }
    for (size_t m = 0; m < MEASURES; m++) {
        struct fs_metric *out = &metric[m * base->columns + column];
        *out = (struct fs_metric){value[m], NAN, NAN, suite->first[base->items], 0};
        if (bootstrap->resamples > 0) {
            fs_quantile_interval(drawn + m * bootstrap->resamples, bootstrap->resamples, FS_QUANTILE_OUTER, &out->low,
                                 &out->high);
        }
    }
}

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    const struct fs_bootstrap *bootstrap = fs_suite_bootstrap(rows);
    double *drawn = fs_allocate(MEASURES * bootstrap->resamples, sizeof *drawn, "a bootstrap", err);
    struct fs_metric *metric = fs_allocate(MEASURES * base->columns, sizeof *metric, "a bootstrap", err);
    int status = drawn != NULL && metric != NULL ? 0 : -1;
    for (size_t column = 0; status == 0 && column < base->columns; column++) {
        measure_column((const struct text *)base, bootstrap, column, drawn, metric);
    }
    for (size_t m = 0; status == 0 && m < MEASURES; m++) {
        status = fs_suite_add_row(rows, base, "none", measures[m], metric + m * base->columns, err);
    }
    free(drawn);
    free(metric);
    return status;
}

static void release(struct fs_suite *base)
{
    struct text *suite = (struct text *)base;
    free(suite->path);
    free(suite->content);
    free(suite->first);
    free(suite->read);
    free(suite->bytes);
    free(suite->name);
}

static const struct fs_suite_operations operations = {
    .compile = compile, .fold = fold, .add_rows = add_rows, .release = release};

static int open_text(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                     struct fs_error *err)
{
    struct fs_file_map map;
    *result = NULL;
    if (fs_file_map_open(path, &map, err) != 0) {
        return -1;
    }
    if (fs_check_text_file(path, map.data, map.size, err) != 0) {
        fs_file_map_close(&map);
        return -1;
    }
    struct text *suite = fs_allocate(1, sizeof *suite, "a text", err);
    char *content = fs_allocate(map.size + 1, 1, "a text", err), *name = strdup(path);
    int status = suite != NULL && content != NULL ? 0 : -1;
    if (status == 0 && name == NULL) {
        status = fs_error_memory(err, strlen(path), "a path");
    }
    if (status == 0) {
        memcpy(content, map.data, map.size);
        suite->path = name;
        suite->content = content;
        suite->length = map.size;
        suite->most_tokens = options->text_tokens;
        suite->base = (struct fs_suite){.operations = &operations,
                                        .name = "text",
                                        .scoring = options->kind == FS_MASKED ? "window.pll" : "window.causal",
                                        .unit = "natural log probability of a window",
                                        .candidates = CANDIDATES,
                                        .candidate = candidates};
        *result = &suite->base;
    } else {
        free(suite);
        free(content);
        free(name);
    }
    fs_file_map_close(&map);
    return status;
}

const struct fs_suite_kind fs_suite_text = {.name = "text",
                                            .key = "text",
                                            .about = "how well any text is predicted; lower is better",
                                            .data =
                                                "plain text: perplexity (causal models) or pseudo-perplexity (masked)",
                                            .open = open_text};
