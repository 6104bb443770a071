/*
 * Layout of a trace file ("trace"), n items, L layers, c categories:
 *
 *   /trace@positions            "last" or "all"
 *   /trace@noise_scale, noise_samples, bootstrap, seed
 *   /trace@decisive_layer       l*, from 0
 *   /trace@skipped.<reason>     items left out, for each reason of fs_skip_name
 *   /trace/pair         i64 (n)    index into the pairs of the job
 *   /trace/id           text (n)   the pair's id
 *   /trace/pair_category text (n)
 *   /trace/noised       u8  (n)    1: noise stood in for a counterpart
 *   /trace/biased       f64 (n)    P[o]
 *   /trace/counterfactual f64 (n)  P*[o]
 *   /trace/indirect_effect f64 (n, L)
 *   /trace/category     text (c)   "all" first
 *   /trace/aie, aie_low, aie_high  f64 (c, L)   mean indirect effect and its 95 % interval
 *   /trace/argmax_count i64 (c, L) items whose largest indirect effect is at this layer
 *
 * Where further kinds or the heat map were asked for, k kinds, R roles, P positions of all items together:
 *
 *   /trace@window
 *   /trace/kind         text (k)   the residual stream first
 *   /trace/kind_indirect_effect    f64 (k, n, L)
 *   /trace/kind_aie, kind_low, kind_high  f64 (k, c, L)
 *   /trace/role         text (R); role_aie f64 (k, c, R, L), NaN where no item has it; role_count i64 (c, R)
 *   /trace/position_first i64 (n + 1), position_token text (P), position_effect f64 (k, L, P)
 *
 * The total effect of an item is biased - counterfactual. Attribution patching: trace_attribution_file.c. Measures:
 * trace_shares_file.c, with
 *
 *   /trace/measures@select       what names l*
 *   /trace/measures@least_effect nats
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/category.h"
#include "stages/trace/trace.h"
#include "stages/trace/trace_numbers.h"

static int write_options(struct fs_archive *archive, const struct fs_trace_options *options,
                         const struct fs_trace_result *result, struct fs_error *err)
{
    const char *positions = options->positions == FS_TRACE_ALL_SUBJECT_TOKENS ? "all" : "last";
    if (fs_archive_attribute_text(archive, "/trace", "positions", positions, err) != 0 ||
        fs_archive_attribute_number(archive, "/trace", "noise_scale", options->noise_scale, err) != 0 ||
        fs_archive_attribute_integer(archive, "/trace", "noise_samples", (int64_t)options->noise_samples, err) != 0 ||
        fs_archive_attribute_integer(archive, "/trace", "bootstrap", (int64_t)options->bootstrap, err) != 0 ||
        fs_archive_attribute_integer(archive, "/trace", "seed", (int64_t)options->seed, err) != 0 ||
        fs_archive_attribute_integer(archive, "/trace", "decisive_layer", (int64_t)result->decisive_layer, err) != 0) {
        return -1;
    }
    for (int skip = FS_KEPT + 1; skip < FS_SKIP_COUNT; skip++) {
        char name[64];
        snprintf(name, sizeof name, "skipped.%s", fs_skip_name((enum fs_skip)skip));
        if (fs_archive_attribute_integer(archive, "/trace", name, (int64_t)result->skipped[skip], err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int write_texts(struct fs_archive *archive, const struct fs_pair_list *pairs,
                       const struct fs_trace_result *result, struct fs_error *err)
{
    const char **text = fs_allocate(result->items, sizeof *text, "the names of traced items", err);
    if (text == NULL) {
        return -1;
    }
    for (size_t i = 0; i < result->items; i++) {
        text[i] = pairs->item[result->item[i]].id;
    }
    int status = fs_archive_write_texts(archive, "/trace/id", result->items, text, err);
    for (size_t i = 0; i < result->items; i++) {
        text[i] = pairs->item[result->item[i]].category;
    }
    if (status == 0) {
        status = fs_archive_write_texts(archive, "/trace/pair_category", result->items, text, err);
    }
    free(text);
    if (status == 0) {
        status = fs_archive_write_texts(archive, "/trace/category", result->categories,
                                        (const char *const *)result->category, err);
    }
    return status;
}

static int write_heat_map(struct fs_archive *archive, const struct fs_trace_result *result, struct fs_error *err)
{
    const struct fs_trace_sublayers *sublayers = &result->sublayers;
    size_t k = sublayers->kinds, L = result->layers, c = result->categories, P = sublayers->positions;
    size_t roles[] = {k, c, FS_TRACE_ROLES, L}, counts[] = {c, FS_TRACE_ROLES}, effects[] = {k, L, P};
    size_t items = result->items + 1;
    const char *names[FS_TRACE_ROLES];
    for (int role = 0; role < FS_TRACE_ROLES; role++) {
        names[role] = fs_trace_role_name((enum fs_trace_role)role);
    }
    if (fs_archive_write_texts(archive, "/trace/role", FS_TRACE_ROLES, names, err) != 0 ||
        fs_archive_write(archive, "/trace/role_aie", FS_ARCHIVE_F64, 4, roles, sublayers->role_aie, err) != 0 ||
        fs_trace_write_sizes(archive, "/trace/role_count", 2, counts, sublayers->role_count, err) != 0 ||
        fs_trace_write_sizes(archive, "/trace/position_first", 1, &items, sublayers->first, err) != 0 ||
        fs_archive_write_texts(archive, "/trace/position_token", P, (const char *const *)sublayers->token, err) != 0) {
        return -1;
    }
    return fs_archive_write(archive, "/trace/position_effect", FS_ARCHIVE_F64, 3, effects, sublayers->position_effect,
                            err);
}

static int write_sublayers(struct fs_archive *archive, const struct fs_trace_options *options,
                           const struct fs_trace_result *result, struct fs_error *err)
{
    const struct fs_trace_sublayers *sublayers = &result->sublayers;
    size_t k = sublayers->kinds, L = result->layers;
    size_t by_item[] = {k, result->items, L}, by_category[] = {k, result->categories, L};
    const char *names[FS_TRACE_KINDS];
    for (size_t i = 0; i < k; i++) {
        names[i] = fs_trace_kind_name(sublayers->kind[i]);
    }
    if (fs_archive_attribute_integer(archive, "/trace", "window", (int64_t)options->window, err) != 0 ||
        fs_archive_write_texts(archive, "/trace/kind", k, names, err) != 0 ||
        fs_archive_write(archive, "/trace/kind_indirect_effect", FS_ARCHIVE_F64, 3, by_item, sublayers->indirect_effect,
                         err) != 0 ||
        fs_archive_write(archive, "/trace/kind_aie", FS_ARCHIVE_F64, 3, by_category, sublayers->aie, err) != 0 ||
        fs_archive_write(archive, "/trace/kind_low", FS_ARCHIVE_F64, 3, by_category, sublayers->low, err) != 0 ||
        fs_archive_write(archive, "/trace/kind_high", FS_ARCHIVE_F64, 3, by_category, sublayers->high, err) != 0) {
        return -1;
    }
    return sublayers->positions > 0 ? write_heat_map(archive, result, err) : 0;
}

static int write_measures(struct fs_archive *archive, const struct fs_trace_options *options,
                          const struct fs_trace_result *result, struct fs_error *err)
{
    const struct fs_trace_sizes sizes = {result->items, result->categories, result->layers};
    const char *choice = fs_trace_select_choices;
    for (unsigned i = 0; i < options->select; i++) {
        choice = strchr(choice, '|') + 1;
    }
    char *select = strndup(choice, strcspn(choice, "|"));
    if (select == NULL) {
        return fs_error_memory(err, strlen(choice), "a setting");
    }
    int status = fs_trace_shares_write(archive, "/trace/measures", &sizes, &result->shares, err);
    if (status == 0) {
        status = fs_archive_attribute_text(archive, "/trace/measures", "select", select, err);
    }
    if (status == 0) {
        status = fs_archive_attribute_number(archive, "/trace/measures", "least_effect", options->least_effect, err);
    }
    free(select);
    return status;
}

int fs_trace_write(struct fs_archive *archive, const struct fs_pair_list *pairs, const struct fs_trace_options *options,
                   const struct fs_trace_result *result, struct fs_error *err)
{
    size_t n = result->items, by_item[] = {n, result->layers}, by_category[] = {result->categories, result->layers};
    if (write_options(archive, options, result, err) != 0 || write_texts(archive, pairs, result, err) != 0 ||
        fs_trace_write_sizes(archive, "/trace/pair", 1, by_item, result->item, err) != 0 ||
        fs_archive_write(archive, "/trace/noised", FS_ARCHIVE_U8, 1, by_item, result->noised, err) != 0 ||
        fs_archive_write(archive, "/trace/biased", FS_ARCHIVE_F64, 1, by_item, result->biased, err) != 0 ||
        fs_archive_write(archive, "/trace/counterfactual", FS_ARCHIVE_F64, 1, by_item, result->counterfactual, err) !=
            0 ||
        fs_archive_write(archive, "/trace/indirect_effect", FS_ARCHIVE_F64, 2, by_item, result->indirect_effect, err) !=
            0 ||
        fs_archive_write(archive, "/trace/aie", FS_ARCHIVE_F64, 2, by_category, result->aie, err) != 0 ||
        fs_archive_write(archive, "/trace/aie_low", FS_ARCHIVE_F64, 2, by_category, result->aie_low, err) != 0 ||
        fs_archive_write(archive, "/trace/aie_high", FS_ARCHIVE_F64, 2, by_category, result->aie_high, err) != 0) {
        return -1;
    }
    if (fs_trace_write_sizes(archive, "/trace/argmax_count", 2, by_category, result->argmax_count, err) != 0) {
        return -1;
    }
    if (write_measures(archive, options, result, err) != 0) {
        return -1;
    }
    const struct fs_trace_sizes sizes = {n, result->categories, result->layers};
    if (result->attribution.estimate.measures > 0 &&
        fs_trace_attribution_write(archive, &sizes, &result->attribution, err) != 0) {
        return -1;
    }
    return result->sublayers.kinds > 0 ? write_sublayers(archive, options, result, err) : 0;
}

static int read_shapes(const struct fs_archive *archive, struct fs_trace_result *result, struct fs_error *err)
{
    size_t dimensions, items[4], categories[4], cells;
    if (fs_archive_shape(archive, "/trace/indirect_effect", &dimensions, items, err) != 0) {
        return -1;
    }
    bool two = dimensions == 2;
    if (fs_archive_shape(archive, "/trace/aie", &dimensions, categories, err) != 0) {
        return -1;
    }
    if (!two || dimensions != 2 || items[1] != categories[1] || items[1] == 0 || categories[0] == 0 ||
        fs_multiply(items[0], items[1], &cells) != 0 || fs_multiply(categories[0], categories[1], &cells) != 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "/trace: indirect_effect and aie must be tables with one column a layer; trace again");
    }
    result->items = items[0];
    result->layers = items[1];
    result->categories = categories[0];
    return 0;
}

/* How many items a reason left out; one reason had another name in former files, which lack those behind the fourth. */
static int read_skipped(const struct fs_archive *archive, enum fs_skip skip, int64_t *count, struct fs_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "skipped.%s", fs_skip_name(skip));
    if (skip == FS_SKIP_EMPTY_COMPLETION &&
        fs_archive_read_attribute_integer(archive, "/trace", "skipped.empty_fill", count, NULL) == 0) {
        return 0;
    }
    if (skip > FS_SKIP_SUBJECT_MISSING &&
        fs_archive_read_attribute_integer(archive, "/trace", name, count, NULL) != 0) {
        *count = 0;
        return 0;
    }
    return fs_archive_read_attribute_integer(archive, "/trace", name, count, err);
}

static int read_attributes(const struct fs_archive *archive, struct fs_trace_result *result, struct fs_error *err)
{
    int64_t layer;
    if (fs_archive_read_attribute_integer(archive, "/trace", "decisive_layer", &layer, err) != 0) {
        return -1;
    }
    if (layer < 0 || (size_t)layer >= result->layers) {
        return fs_error_set(err, FS_EXIT_DATA, "/trace@decisive_layer: found %lld, expected 0 to %zu; trace again",
                            (long long)layer, result->layers - 1);
    }
    result->decisive_layer = (size_t)layer;
    for (int skip = FS_KEPT + 1; skip < FS_SKIP_COUNT; skip++) {
        int64_t count;
        if (read_skipped(archive, (enum fs_skip)skip, &count, err) != 0) {
            return -1;
        }
        if (count < 0) {
            return fs_error_set(err, FS_EXIT_DATA, "/trace@skipped.%s: found %lld, expected 0 or more; trace again",
                                fs_skip_name((enum fs_skip)skip), (long long)count);
        }
        result->skipped[skip] = (size_t)count;
    }
    result->skipped[FS_KEPT] = result->items;
    return 0;
}

/* The texts come as one block; the result's names are blocks of their own. */
static int read_categories(const struct fs_archive *archive, struct fs_trace_result *result, struct fs_error *err)
{
    size_t count, expected = result->categories;
    char **text = NULL;
    result->categories = 0;
    if (fs_archive_read_texts(archive, "/trace/category", &count, &text, err) != 0) {
        return -1;
    }
    int status = 0;
    if (count != expected) {
        status = fs_error_set(err, FS_EXIT_DATA, "/trace/category: found %zu names, expected %zu; trace again", count,
                              expected);
    }
    if (status == 0) {
        result->category = fs_allocate(count, sizeof *result->category, "trace categories", err);
        status = result->category != NULL ? 0 : -1;
    }
    for (size_t c = 0; status == 0 && c < count; c++) {
        const char *name = fs_category_name(text[c]);
        result->category[c] = fs_allocate(strlen(name) + 1, 1, "trace categories", err);
        if (result->category[c] == NULL) {
            status = -1;
            break;
        }
        memcpy(result->category[c], name, strlen(name));
        result->categories++;
    }
    free(text);
    return status;
}

static int read_all(const struct fs_archive *archive, struct fs_trace_result *result, struct fs_error *err)
{
    if (read_shapes(archive, result, err) != 0 || read_attributes(archive, result, err) != 0 ||
        read_categories(archive, result, err) != 0) {
        return -1;
    }
    size_t n = result->items, cells = result->categories * result->layers, number = sizeof(double);
    return (result->item = fs_trace_read_sizes(archive, "/trace/pair", n, SIZE_MAX, err)) != NULL &&
                   (result->noised = fs_trace_read_numbers(archive, "/trace/noised", FS_ARCHIVE_U8, 1, n, err)) !=
                       NULL &&
                   (result->biased = fs_trace_read_numbers(archive, "/trace/biased", FS_ARCHIVE_F64, number, n, err)) !=
                       NULL &&
                   (result->counterfactual = fs_trace_read_numbers(archive, "/trace/counterfactual", FS_ARCHIVE_F64,
                                                                   number, n, err)) != NULL &&
                   (result->indirect_effect = fs_trace_read_numbers(archive, "/trace/indirect_effect", FS_ARCHIVE_F64,
                                                                    number, n * result->layers, err)) != NULL &&
                   (result->aie = fs_trace_read_numbers(archive, "/trace/aie", FS_ARCHIVE_F64, number, cells, err)) !=
                       NULL &&
                   (result->aie_low =
                        fs_trace_read_numbers(archive, "/trace/aie_low", FS_ARCHIVE_F64, number, cells, err)) != NULL &&
                   (result->aie_high = fs_trace_read_numbers(archive, "/trace/aie_high", FS_ARCHIVE_F64, number, cells,
                                                             err)) != NULL &&
                   (result->argmax_count = fs_trace_read_sizes(archive, "/trace/argmax_count", cells, SIZE_MAX, err)) !=
                       NULL
               ? 0
               : -1;
}

/* What reports show of the sublayers: averages by kind and role. */
static int read_sublayers(const struct fs_archive *archive, struct fs_trace_result *result, struct fs_error *err)
{
    struct fs_trace_sublayers *sublayers = &result->sublayers;
    size_t count, cells, number = sizeof(double);
    char **name = NULL;
    if (!fs_archive_has(archive, "/trace/kind")) {
        return 0;
    }
    if (fs_archive_read_texts(archive, "/trace/kind", &count, &name, err) != 0) {
        return -1;
    }
    int status =
        count > 0 && count <= FS_TRACE_KINDS
            ? 0
            : fs_error_set(err, FS_EXIT_DATA, "/trace/kind: found %zu kinds, expected 1 to %d", count, FS_TRACE_KINDS);
    for (size_t i = 0; status == 0 && i < count; i++) {
        int kind = 0;
        while (kind < FS_TRACE_KINDS && strcmp(fs_trace_kind_name((enum fs_trace_kind)kind), name[i]) != 0) {
            kind++;
        }
        if (kind == FS_TRACE_KINDS) {
            status = fs_error_set(err, FS_EXIT_DATA, "/trace/kind: found \"%.40s\", which is no kind", name[i]);
        } else {
            sublayers->kind[i] = (enum fs_trace_kind)kind;
        }
    }
    free(name);
    if (status != 0) {
        return -1;
    }
    sublayers->kinds = count;
    cells = count * result->categories * result->layers;
    sublayers->aie = fs_trace_read_numbers(archive, "/trace/kind_aie", FS_ARCHIVE_F64, number, cells, err);
    sublayers->low = fs_trace_read_numbers(archive, "/trace/kind_low", FS_ARCHIVE_F64, number, cells, err);
    sublayers->high = fs_trace_read_numbers(archive, "/trace/kind_high", FS_ARCHIVE_F64, number, cells, err);
    if (sublayers->aie == NULL || sublayers->low == NULL || sublayers->high == NULL) {
        return -1;
    }
    if (!fs_archive_has(archive, "/trace/role_aie")) {
        return 0;
    }
    sublayers->role_aie =
        fs_trace_read_numbers(archive, "/trace/role_aie", FS_ARCHIVE_F64, number, cells * FS_TRACE_ROLES, err);
    sublayers->role_count =
        fs_trace_read_sizes(archive, "/trace/role_count", result->categories * FS_TRACE_ROLES, SIZE_MAX, err);
    return sublayers->role_aie != NULL && sublayers->role_count != NULL ? 0 : -1;
}

int fs_trace_read(const struct fs_archive *archive, struct fs_trace_result *result, struct fs_error *err)
{
    *result = (struct fs_trace_result){0};
    if (read_all(archive, result, err) == 0 && read_sublayers(archive, result, err) == 0) {
        const struct fs_trace_sizes sizes = {result->items, result->categories, result->layers};
        if (fs_trace_shares_read(archive, "/trace/measures", &sizes, &result->shares, err) == 0 &&
            fs_trace_attribution_read(archive, &sizes, &result->attribution, err) == 0) {
            return 0;
        }
    }
    fs_trace_result_release(result);
    return -1;
}
