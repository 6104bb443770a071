/*
 * SEAT (May et al. 2019) and WEAT (Caliskan et al. 2017): whether target texts X lie nearer to attribute texts A than
 * target texts Y do.
 *
 *     s(w) = mean over a in A of cos(w, a) - mean over b in B of cos(w, b)
 *     effect size = (mean of s over X - mean of s over Y) / standard deviation of s over X and Y (n - 1)
 *     p = share of the partitions of X and Y into halves with a sum of s over the first half not below that of X
 *
 * as bias-bench computes them (bias_bench/benchmark/seat): a text's embedding is the mean of its top hidden states over
 * all its tokens, [CLS] and [SEP] included; begin-of-text is prepended where a causal family has one of its own. A text
 * that stands twice in a list counts once. Where there are more partitions than `permutations`, that many less one are
 * drawn, and the given one counts as drawn. No p where X and Y differ in size. Intervals: X and Y resampled each.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/folder.h"
#include "io/formats/json.h"
#include "model/numbers/random.h"
#include "stages/metrics/quantile.h"
#include "stages/suites/suite_registry.h"

enum { X, Y, A, B, LISTS };
static const char *const list_keys[LISTS] = {"targ1", "targ2", "attr1", "attr2"};
static const char *const candidates[] = {"s(w)"};
#define PERMUTATION_STREAM ((uint64_t)1 << 41)
#define BOOTSTRAP_STREAM ((uint64_t)1 << 42)

/* One test; its texts are items first[X] .. first[LISTS] - 1, list by list. */
struct test {
    char *name;
    size_t first[LISTS + 1];
};

struct seat {
    struct fs_suite base;
    struct test *test; /* [tests] */
    size_t tests;
    char **text;  /* [items] owned; the ids, "targ1.examples[3]" of one that is unusable */
    uint8_t *bad; /* [items] fs_skip */
    size_t bad_capacity;
    size_t *state; /* [items] of the plan; SIZE_MAX where the text is skipped */
    size_t item_capacity;
    const char *path; /* while it is opened */
    uint64_t seed;
    size_t permutations;
    double *p_value; /* [tests][columns] */
    double *effect;  /* [tests][columns] */
};

static int add_text(struct seat *suite, size_t first, const char *text, enum fs_skip bad, struct fs_error *err)
{
    for (size_t i = first; i < suite->base.items; i++) {
        if (bad == FS_KEPT && suite->bad[i] == FS_KEPT && strcmp(suite->text[i], text) == 0) {
            return 0;
        }
    }
    if (fs_grow(&suite->text, &suite->item_capacity, suite->base.items + 1, sizeof *suite->text, "texts of SEAT",
                err) != 0 ||
        fs_grow(&suite->bad, &suite->bad_capacity, suite->base.items + 1, sizeof *suite->bad, "texts of SEAT", err) !=
            0) {
        return -1;
    }
    char *copy = strdup(text);
    if (copy == NULL) {
        return fs_error_memory(err, strlen(text), "a text of SEAT");
    }
    suite->bad[suite->base.items] = (uint8_t)bad;
    suite->text[suite->base.items++] = copy;
    suite->base.report.items++;
    return 0;
}

/* Why an entry of a list cannot be used: FS_KEPT, or the reason, with `why` set. */
static enum fs_skip check_entry(const struct fs_json_document *document, const cJSON *entry, const char *place,
                                struct fs_error *why)
{
    bool is_text = cJSON_IsString(entry);
    if (is_text && entry->valuestring[0] != '\0') {
        return FS_KEPT;
    }
    (void)fs_error_set(why, FS_EXIT_DATA, "%s: %s: found %s, expected texts", fs_json_name(document), place,
                       is_text ? "an empty text" : fs_json_kind(entry));
    return is_text ? FS_SKIP_EMPTY_TEXT : FS_SKIP_BAD_RECORD;
}

static int read_list(struct seat *suite, const struct fs_json_document *document, const char *key, struct fs_error *err)
{
    const cJSON *object, *examples, *entry;
    struct fs_error why = FS_ERROR_INIT;
    size_t first = suite->base.items, index = 0, usable = 0;
    if (fs_json_object(document, fs_json_root(document), "", key, &object, err) != 0 ||
        fs_json_array(document, object, key, "examples", &examples, err) != 0) {
        return -1;
    }
    cJSON_ArrayForEach(entry, examples)
    {
        char place[64];
        snprintf(place, sizeof place, "%s.examples[%zu]", key, index++);
        enum fs_skip bad = check_entry(document, entry, place, &why);
        if ((bad != FS_KEPT && fs_item_skip(&suite->base.report, suite->path, bad, &why, err) != 0) ||
            add_text(suite, first, bad == FS_KEPT ? entry->valuestring : place, bad, err) != 0) {
            return -1;
        }
        usable += bad == FS_KEPT ? 1 : 0;
    }
    if (usable > 0) {
        return 0;
    }
    return index > 0 ? fs_error_set(err, FS_EXIT_DATA, "%s", why.text)
                     : fs_error_set(err, FS_EXIT_DATA, "%s: %s.examples: found none, expected texts",
                                    fs_json_name(document), key);
}

static int read_test(struct seat *suite, const char *path, struct fs_error *err)
{
    struct test *test = &suite->test[suite->tests];
    struct fs_json_document *document;
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    test->name = strndup(name, dot != NULL ? (size_t)(dot - name) : strlen(name));
    if (test->name == NULL) {
        return fs_error_memory(err, strlen(name), "a name");
    }
    suite->tests++;
    if (fs_json_load(path, &document, err) != 0) {
        return -1;
    }
    int status = 0;
    for (size_t list = 0; status == 0 && list < LISTS; list++) {
        test->first[list] = suite->base.items;
        status = read_list(suite, document, list_keys[list], err);
    }
    test->first[LISTS] = suite->base.items;
    fs_json_destroy(document);
    return status;
}

static int compile_text(struct seat *suite, size_t item, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                        const struct fs_prompt_style *style, struct fs_error *err)
{
    const struct fs_special_tokens *special = &style->special;
    bool masked = style->kind == FS_MASKED;
    int32_t leading = masked ? special->cls : -1;
    if (!masked && special->begin_of_text >= 0 && special->begin_of_text != special->end_of_text) {
        leading = special->begin_of_text;
    }
    struct fs_encoding encoding = {0};
    if (fs_tokenizer_encode(tokenizer, suite->text[item], strlen(suite->text[item]), &encoding, err) != 0) {
        return -1;
    }
    size_t count = 0, pass;
    int32_t *id = fs_allocate(encoding.count + 2, sizeof *id, "token ids", err);
    int status = id != NULL ? 0 : -1;
    if (status == 0 && leading >= 0) {
        id[count++] = leading;
    }
    for (size_t i = 0; status == 0 && i < encoding.count; i++) {
        id[count++] = encoding.id[i];
    }
    if (status == 0 && masked) {
        id[count++] = special->sep;
    }
    if (status == 0 && (encoding.count == 0 || count > style->max_positions)) {
        suite->base.skip[item] = encoding.count == 0 ? FS_SKIP_EMPTY_COMPLETION : FS_SKIP_TOO_LONG;
        suite->state[item] = SIZE_MAX;
    } else if (status == 0) {
        status = fs_plan_add_pass(plan, id, count, &pass, err) == 0
                     ? fs_plan_add_state(plan, pass, &suite->state[item], err)
                     : -1;
    }
    free(id);
    fs_encoding_release(&encoding);
    return status;
}

static int compile(struct fs_suite *base, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                   const struct fs_prompt_style *style, struct fs_error *err)
{
    struct seat *suite = (struct seat *)base;
    for (size_t item = 0; item < base->items; item++) {
        if (base->unusable[item] != FS_KEPT) {
            suite->state[item] = SIZE_MAX;
            continue;
        }
        if (compile_text(suite, item, plan, tokenizer, style, err) != 0) {
            return fs_error_prepend(err, "text \"%.80s\"", suite->text[item]);
        }
    }
    return 0;
}

/* The embedding of an item in one column; NULL where it has none. */
static const double *embedding(const struct seat *suite, const struct fs_plan_values *values, size_t item,
                               size_t column)
{
    return suite->state[item] != SIZE_MAX ? fs_values_state(values, column, suite->state[item]) : NULL;
}

static double cosine(const double *a, const double *b, size_t n)
{
    double dot = 0.0, aa = 0.0, bb = 0.0;
    for (size_t i = 0; i < n; i++) {
        dot += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return dot / (sqrt(aa) * sqrt(bb));
}

/* Mean cosine of `target` with the texts of one list. */
static double nearness(const struct seat *suite, const struct fs_plan_values *values, const struct test *test,
                       const double *target, size_t list, size_t column)
{
    double sum = 0.0;
    size_t count = 0;
    for (size_t item = test->first[list]; item < test->first[list + 1]; item++) {
        const double *attribute = embedding(suite, values, item, column);
        if (attribute != NULL) {
            sum += cosine(target, attribute, values->hidden);
            count++;
        }
    }
    return sum / (double)count;
}

static int fold(struct fs_suite *base, const struct fs_plan_values *values, size_t column, struct fs_error *err)
{
    struct seat *suite = (struct seat *)base;
    (void)err;
    for (size_t t = 0; t < suite->tests; t++) {
        const struct test *test = &suite->test[t];
        for (size_t item = test->first[X]; item < test->first[A]; item++) {
            const double *target = embedding(suite, values, item, column);
            base->score[fs_suite_at(base, item, 0, column)] =
                target == NULL ? NAN
                               : nearness(suite, values, test, target, A, column) -
                                     nearness(suite, values, test, target, B, column);
        }
    }
    return 0;
}

/* s [x + y]: those of X, then those of Y. */
static double effect_size(const double *s, size_t x, size_t y)
{
    double mean[2] = {0.0, 0.0}, variance = 0.0;
    for (size_t i = 0; i < x + y; i++) {
        mean[i >= x] += s[i] / (double)(i < x ? x : y);
    }
    double all = (mean[0] * (double)x + mean[1] * (double)y) / (double)(x + y);
    for (size_t i = 0; i < x + y; i++) {
        variance += (s[i] - all) * (s[i] - all);
    }
    return (mean[0] - mean[1]) / sqrt(variance / (double)(x + y - 1));
}

/* Sum of s over the first `n` of the indices, in their order. */
static double sum_of(const double *s, const size_t *index, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += s[index[i]];
    }
    return sum;
}

/* The next combination of `n` of 0 .. m-1 in lexicographic order; false behind the last. */
static bool next_combination(size_t *index, size_t n, size_t m)
{
    for (size_t i = n; i-- > 0;) {
        if (index[i] < m - n + i) {
            index[i]++;
            for (size_t j = i + 1; j < n; j++) {
                index[j] = index[j - 1] + 1;
            }
            return true;
        }
    }
    return false;
}

static double permutation_p(const double *s, size_t n, size_t most, struct fs_random *random, size_t *index)
{
    double partitions = 1.0, reached = 0.0, total = 0.0;
    for (size_t i = 1; i <= n; i++) {
        partitions = partitions * (double)(n + i) / (double)i;
    }
    for (size_t i = 0; i < 2 * n; i++) {
        index[i] = i;
    }
    double given = sum_of(s, index, n);
    if (round(partitions) <= (double)most) {
        do {
            reached += sum_of(s, index, n) >= given ? 1.0 : 0.0;
            total += 1.0;
        } while (next_combination(index, n, 2 * n));
        return reached / total;
    }
    for (size_t sample = 1; sample < most; sample++) {
        for (size_t i = 0; i < n; i++) {
            size_t other = i + fs_random_below(random, 2 * n - i), kept = index[i];
            index[i] = index[other];
            index[other] = kept;
        }
        reached += sum_of(s, index, n) >= given ? 1.0 : 0.0;
    }
    return (reached + 1.0) / (double)most;
}

/* What a test works in. */
struct scratch {
    double *s, *resampled;        /* [items] those of X, then those of Y */
    size_t *index;                /* [items] */
    double *effects;              /* [resamples] */
    struct fs_metric *effect, *p; /* [columns] */
};

/* Percentile interval of the effect size of scratch->s [x + y]. */
static void effect_interval(struct scratch *scratch, size_t x, size_t y, const struct fs_bootstrap *bootstrap,
                            size_t test, struct fs_metric *metric)
{
    const double *s = scratch->s;
    double *resampled = scratch->resampled, *effects = scratch->effects;
    for (size_t r = 0; r < bootstrap->resamples; r++) {
        struct fs_random random = fs_random_start(bootstrap->seed, BOOTSTRAP_STREAM + (test << 32) + r);
        for (size_t i = 0; i < x + y; i++) {
            resampled[i] = i < x ? s[fs_random_below(&random, x)] : s[x + fs_random_below(&random, y)];
        }
        effects[r] = effect_size(resampled, x, y);
    }
    size_t kept = 0; /* a resample of equal texts has no standard deviation */
    for (size_t r = 0; r < bootstrap->resamples; r++) {
        if (isfinite(effects[r])) {
            effects[kept++] = effects[r];
        }
    }
    if (kept > 0) {
        fs_quantile_interval(effects, kept, FS_QUANTILE_OUTER, &metric->low, &metric->high);
    }
}

static void run_test(struct seat *suite, size_t t, size_t column, const struct fs_bootstrap *bootstrap,
                     struct scratch *scratch, struct fs_metric *effect, struct fs_metric *p)
{
    const struct test *test = &suite->test[t];
    size_t side[2] = {0, 0}, n = 0;
    for (size_t item = test->first[X]; item < test->first[A]; item++) {
        double s = suite->base.score[fs_suite_at(&suite->base, item, 0, column)];
        if (!isnan(s)) {
            scratch->s[n++] = s;
            side[item >= test->first[Y]]++;
        }
    }
    *effect = *p = (struct fs_metric){NAN, NAN, NAN, n, 0};
    if (side[0] > 0 && side[1] > 0) {
        effect->value = effect_size(scratch->s, side[0], side[1]);
        effect_interval(scratch, side[0], side[1], bootstrap, t, effect);
    }
    if (side[0] > 0 && side[0] == side[1]) {
        struct fs_random random = fs_random_start(suite->seed, PERMUTATION_STREAM + t);
        p->value = permutation_p(scratch->s, side[0], suite->permutations, &random, scratch->index);
    }
    suite->effect[suite->base.columns * t + column] = effect->value;
    suite->p_value[suite->base.columns * t + column] = p->value;
}

static int allocate(struct fs_suite *base, struct fs_error *err)
{
    struct seat *suite = (struct seat *)base;
    free(suite->effect);
    free(suite->p_value);
    suite->effect = fs_suite_scores(base, suite->tests, 1, err);
    suite->p_value = fs_suite_scores(base, suite->tests, 1, err);
    return suite->effect != NULL && suite->p_value != NULL ? 0 : -1;
}

static int add_test(struct seat *suite, struct fs_suite_rows *rows, size_t t, struct scratch *scratch,
                    struct fs_error *err)
{
    const struct fs_suite *base = &suite->base;
    for (size_t column = 0; column < base->columns; column++) {
        run_test(suite, t, column, fs_suite_bootstrap(rows), scratch, &scratch->effect[column], &scratch->p[column]);
    }
    const char *name = suite->test[t].name;
    return fs_suite_add_row(rows, base, name, "effect_size", scratch->effect, err) == 0
               ? fs_suite_add_row(rows, base, name, "p_value", scratch->p, err)
               : -1;
}

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    struct seat *suite = (struct seat *)base;
    size_t resamples = fs_suite_bootstrap(rows)->resamples;
    struct scratch scratch = {.s = fs_allocate(base->items, sizeof(double), "SEAT", err),
                              .resampled = fs_allocate(base->items, sizeof(double), "SEAT", err),
                              .index = fs_allocate(base->items, sizeof(size_t), "SEAT", err),
                              .effects = fs_allocate(resamples, sizeof(double), "SEAT", err),
                              .effect = fs_allocate(base->columns, sizeof(struct fs_metric), "SEAT", err),
                              .p = fs_allocate(base->columns, sizeof(struct fs_metric), "SEAT", err)};
    int status = scratch.s != NULL && scratch.resampled != NULL && scratch.index != NULL && scratch.effects != NULL &&
                         scratch.effect != NULL && scratch.p != NULL
                     ? 0
                     : -1;
    for (size_t t = 0; status == 0 && t < suite->tests; t++) {
        status = add_test(suite, rows, t, &scratch, err);
    }
    free(scratch.s);
    free(scratch.resampled);
    free(scratch.index);
    free(scratch.effects);
    free(scratch.effect);
    free(scratch.p);
    return status;
}

static int write_tests(const struct fs_suite *base, struct fs_archive *archive, struct fs_error *err)
{
    const struct seat *suite = (const struct seat *)base;
    const size_t shape[2] = {suite->tests, base->columns};
    const char **name = fs_allocate(suite->tests, sizeof *name, "SEAT", err);
    if (name == NULL) {
        return -1;
    }
    for (size_t t = 0; t < suite->tests; t++) {
        name[t] = suite->test[t].name;
    }
    int status =
        fs_archive_write_texts(archive, "/suites/seat/test", suite->tests, name, err) == 0 &&
                fs_archive_write(archive, "/suites/seat/effect_size", FS_ARCHIVE_F64, 2, shape, suite->effect, err) == 0
            ? fs_archive_write(archive, "/suites/seat/p_value", FS_ARCHIVE_F64, 2, shape, suite->p_value, err)
            : -1;
    free(name);
    return status;
}

static void release(struct fs_suite *base)
{
    struct seat *suite = (struct seat *)base;
    for (size_t i = 0; i < base->items; i++) {
        free(suite->text[i]);
    }
    for (size_t t = 0; t < suite->tests; t++) {
        free(suite->test[t].name);
    }
    free(suite->text);
    free(suite->bad);
    free(suite->test);
    free(suite->state);
    free(suite->effect);
    free(suite->p_value);
}

static const struct fs_suite_operations operations = {.compile = compile,
                                                      .allocate = allocate,
                                                      .fold = fold,
                                                      .add_rows = add_rows,
                                                      .write = write_tests,
                                                      .release = release};

static int create(struct seat *suite, const struct fs_folder *folder, struct fs_error *err)
{
    suite->test = fs_allocate(folder->count, sizeof *suite->test, "SEAT", err);
    if (suite->test == NULL) {
        return -1;
    }
    for (size_t i = 0; i < folder->count; i++) {
        if (read_test(suite, folder->path[i], err) != 0) {
            return -1;
        }
    }
    suite->state = fs_allocate(suite->base.items, sizeof *suite->state, "SEAT", err);
    if (suite->state == NULL || fs_suite_create(&suite->base, err) != 0) {
        return -1;
    }
    for (size_t t = 0; t < suite->tests; t++) {
        for (size_t item = suite->test[t].first[X]; item < suite->test[t].first[LISTS]; item++) {
            suite->base.id[item] = suite->text[item];
            suite->base.category[item] = suite->test[t].name;
            suite->base.unusable[item] = suite->bad[item];
        }
    }
    return 0;
}

static int open_seat(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                     struct fs_error *err)
{
    struct fs_folder folder;
    *result = NULL;
    if (fs_folder_list(path, ".jsonl", &folder, err) != 0) {
        return -1;
    }
    struct seat *suite = fs_allocate(1, sizeof *suite, "SEAT", err);
    int status = suite != NULL ? 0 : -1;
    if (status == 0) {
        suite->path = path;
        suite->seed = options->seed;
        suite->permutations = options->permutations;
        suite->base = (struct fs_suite){.operations = &operations,
                                        .name = "seat",
                                        .scoring = "mean state",
                                        .unit = "difference of mean cosines",
                                        .candidates = 1,
                                        .candidate = candidates};
        status = create(suite, &folder, err);
        if (status != 0) {
            fs_suite_destroy(&suite->base);
        } else {
            *result = &suite->base;
        }
    }
    fs_folder_release(&folder);
    return status;
}

const struct fs_suite_kind fs_suite_seat = {.name = "seat",
                                            .key = "seat",
                                            .about = "whether target texts lie nearer to one list of attributes",
                                            .data = "SEAT or WEAT test, a jsonl file, or a folder of them, measured",
                                            .open = open_seat};
