/*
 * The ranking of a sweep's methods over a common block, with bootstrap intervals over tiles of model and category; beside it
 * the methods that are not in the block, each on its own tiles.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/random.h"
#include "results/page/survey_data.h"

enum { RESAMPLES = 2000 };

struct ranking {
    struct fs_survey_data *data;
    size_t all;    /* models x categories */
    double *value; /* [all] of a method, tile by tile; NaN: none */
    double *drawn; /* [RESAMPLES] */
};

static double measured(const struct fs_survey_data *data, size_t at, size_t method, size_t measure)
{
    return measure < FS_SURVEY_MEASURES ? data->tile[at * data->methods + method].value[measure].value : NAN;
}

static bool is_in(const struct fs_survey_data *data, size_t at, size_t method)
{
    return data->tile[at * data->methods + method].in;
}

static bool has_any(const struct fs_survey_data *data, size_t at)
{
    bool any = false;
    for (size_t i = 0; i < data->methods; i++) {
        any = any || is_in(data, at, i);
    }
    return any;
}

/* ---- the common block ---- */

/* The methods that are in all of the block's tiles. */
static void close_block(const struct fs_survey_data *data, struct fs_survey_block *block)
{
    size_t all = data->models * data->categories;
    block->tiles = block->methods = 0;
    for (size_t at = 0; at < all; at++) {
        block->tile[at] = block->tile[at] && has_any(data, at);
        block->tiles += block->tile[at] ? 1 : 0;
    }
    for (size_t i = 0; i < data->methods; i++) {
        bool in = block->tiles > 0;
        for (size_t at = 0; in && at < all; at++) {
            in = !block->tile[at] || is_in(data, at, i);
        }
        block->method[i] = in;
        block->methods += in ? 1 : 0;
    }
}

/* Of a model's tiles, data->models: of all, those that both methods are in. */
static void take(const struct fs_survey_data *data, size_t model, const size_t pair[2], struct fs_survey_block *block)
{
    for (size_t at = 0; at < data->models * data->categories; at++) {
        block->tile[at] = (model == data->models || at / data->categories == model) &&
                          (pair == NULL || (is_in(data, at, pair[0]) && is_in(data, at, pair[1])));
    }
    close_block(data, block);
}

static size_t present(const struct fs_survey_data *data, const struct fs_survey_block *block)
{
    size_t count = 0;
    for (size_t i = 0; i < data->methods; i++) {
        bool in = false;
        for (size_t at = 0; !in && at < data->models * data->categories; at++) {
            in = block->tile[at] && is_in(data, at, i);
        }
        count += in ? 1 : 0;
    }
    return count;
}

int fs_survey_block_find(const struct fs_survey_data *data, size_t model, struct fs_survey_block *block,
                         struct fs_error *err)
{
    size_t most = 0, tiles = 0, best[2] = {0, 1};
    *block = (struct fs_survey_block){0};
    block->tile = fs_allocate(data->models * data->categories, sizeof *block->tile, "a ranking", err);
    block->method = fs_allocate(data->methods, sizeof *block->method, "a ranking", err);
    if (block->tile == NULL || block->method == NULL) {
        return -1;
    }
    take(data, model, NULL, block);
    block->of = block->tiles;
    if (block->methods > 1 || present(data, block) < 2) {
        return 0;
    }
    for (size_t one = 0; one < data->methods; one++) {
        for (size_t other = one + 1; other < data->methods; other++) {
            take(data, model, (const size_t[]){one, other}, block);
            size_t numbers = block->methods * block->tiles;
            if (numbers > most || (numbers == most && block->tiles > tiles)) {
                most = numbers;
                tiles = block->tiles;
                best[0] = one;
                best[1] = other;
            }
        }
    }
    take(data, model, best, block);
    return 0;
}

void fs_survey_block_release(struct fs_survey_block *block)
{
    free(block->tile);
    free(block->method);
    *block = (struct fs_survey_block){0};
}

/* ---- places ---- */

/*
 * How many of the other methods in a tile are better by one measure, with half of those that are as good; *others: how many
 * there are. `ranked`: of those of the block alone.
 */
static double better_by(const struct fs_survey_data *data, size_t at, size_t method, size_t measure, bool ranked,
                        size_t *others)
{
    double own = measured(data, at, method, measure), better = 0;
    *others = 0;
    for (size_t i = 0; i < data->methods; i++) {
        double other = measured(data, at, i, measure);
        if (i != method && is_in(data, at, i) && (!ranked || data->block.method[i])) {
            bool wins = fs_survey_measures[measure].bias ? other < own : other > own;
            better += wins ? 1 : other == own ? 0.5 : 0;
            ++*others;
        }
    }
    return better;
}

/* The mean of the places by both measures, or that by bias: from 0, the first. */
static double place_of(const struct fs_survey_data *data, size_t at, size_t method, bool ranked, size_t *others)
{
    double by_bias = better_by(data, at, method, data->bias, ranked, others);
    return isfinite(measured(data, at, method, data->kept))
               ? (by_bias + better_by(data, at, method, data->kept, ranked, others)) / 2
               : by_bias;
}

/* From 0, the first, to 1, the last, of the methods of a tile; NaN: the method is alone there, or not there. */
static double place_there(const struct fs_survey_data *data, size_t at, size_t method)
{
    size_t others = 0;
    double place = is_in(data, at, method) ? place_of(data, at, method, false, &others) : NAN;
    return others > 0 ? place / (double)others : NAN;
}

/* ---- means ---- */

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The interval that holds 95 % of the `count` finite of `drawn`. */
static void set_interval(double *drawn, struct fs_survey_mean *mean)
{
    size_t count = 0;
    for (size_t i = 0; i < RESAMPLES; i++) {
        if (isfinite(drawn[i])) {
            drawn[count++] = drawn[i];
        }
    }
    if (count > 0) {
        qsort(drawn, count, sizeof *drawn, compare_numbers);
        mean->low = drawn[(size_t)(0.025 * (double)count)];
        mean->high = drawn[count - 1 - (size_t)(0.025 * (double)count)];
    }
}

/*
 * The mean of value[0 .. tiles - 1], without NaN, and, of two or more, its interval; the same draws for all methods over the
 * same tiles.
 */
static struct fs_survey_mean mean_of(struct ranking *ranking, size_t tiles)
{
    struct fs_survey_mean mean = {NAN, NAN, NAN};
    double sum = 0;
    size_t own = 0; /* a single one says nothing of how tiles vary */
    for (size_t i = 0; i < tiles; i++) {
        if (isfinite(ranking->value[i])) {
            sum += ranking->value[i];
            own++;
        }
    }
    mean.value = own > 0 ? sum / (double)own : NAN;
    for (size_t k = 0; own > 1 && k < RESAMPLES; k++) {
        struct fs_random random = fs_random_start(1, k);
        double drawn = 0, count = 0;
        for (size_t i = 0; i < tiles; i++) {
            double value = ranking->value[fs_random_below(&random, tiles)];
            if (isfinite(value)) {
                drawn += value;
                count++;
            }
        }
        ranking->drawn[k] = count > 0 ? drawn / count : NAN;
    }
    if (own > 1) {
        set_interval(ranking->drawn, &mean);
    }
    return mean;
}

/* Whether a method is averaged over a tile: of those in the block its tiles, of the others their own. */
static bool counts(const struct fs_survey_data *data, const struct fs_survey_rank *rank, size_t at)
{
    return rank->ranked ? data->block.tile[at] : is_in(data, at, rank->method);
}

/* Of a measure; over a single tile that tile's own interval. */
static struct fs_survey_mean measure_mean(struct ranking *ranking, const struct fs_survey_rank *rank, size_t measure)
{
    const struct fs_survey_data *data = ranking->data;
    size_t tiles = 0, last = 0;
    for (size_t at = 0; at < ranking->all; at++) {
        if (counts(data, rank, at)) {
            ranking->value[tiles++] = measured(data, at, rank->method, measure);
            last = at;
        }
    }
    struct fs_survey_mean mean = mean_of(ranking, tiles);
    if (tiles == 1 && measure < FS_SURVEY_MEASURES) {
        const struct fs_survey_value *own = &data->tile[last * data->methods + rank->method].value[measure];
        mean.low = own->low;
        mean.high = own->high;
    }
    return mean;
}

/* A method's place less that of `first`, SIZE_MAX: the place itself. */
static struct fs_survey_mean place_mean(struct ranking *ranking, const struct fs_survey_rank *rank, size_t first)
{
    const struct fs_survey_data *data = ranking->data;
    size_t tiles = 0, others;
    for (size_t at = 0; at < ranking->all; at++) {
        if (!counts(data, rank, at)) {
            continue;
        }
        double own =
            rank->ranked ? 1 + place_of(data, at, rank->method, true, &others) : place_there(data, at, rank->method);
        double other = first == SIZE_MAX ? 0
                       : rank->ranked    ? 1 + place_of(data, at, first, true, &others)
                                         : place_there(data, at, first);
        ranking->value[tiles++] = own - other;
    }
    return mean_of(ranking, tiles);
}

/* ---- the order ---- */

static int compare_values(double x, double y)
{
    return isfinite(x) != isfinite(y) ? (isfinite(x) ? -1 : 1) : isfinite(x) ? compare_numbers(&x, &y) : 0;
}

/* Methods of the block, then the others; methods in no tile come last. */
static int compare_ranks(const void *a, const void *b)
{
    const struct fs_survey_rank *x = a, *y = b;
    int by = (int)y->ranked - (int)x->ranked;
    by = by != 0 ? by : (int)(y->tiles > 0) - (int)(x->tiles > 0);
    by = by != 0 ? by : compare_values(x->place.value, y->place.value);
    by = by != 0 ? by : compare_values(x->bias.value, y->bias.value);
    return by != 0 ? by : (x->method > y->method) - (x->method < y->method);
}

static bool beats(struct fs_survey_mean bias, struct fs_survey_mean kept, const struct fs_survey_rank *rank)
{
    return bias.value <= rank->bias.value && kept.value >= rank->kept.value &&
           (bias.value < rank->bias.value || kept.value > rank->kept.value);
}

static void find_best(struct fs_survey_data *data)
{
    for (size_t i = 0; i < data->block.methods; i++) {
        struct fs_survey_rank *rank = &data->rank[i];
        rank->best = isfinite(rank->bias.value) && isfinite(rank->kept.value) &&
                     !beats(data->unedited_bias, data->unedited_kept, rank);
        for (size_t k = 0; k < data->block.methods; k++) {
            rank->best = rank->best && !beats(data->rank[k].bias, data->rank[k].kept, rank);
        }
    }
}

/* The unedited model's mean over the block; any method of a tile has its number. */
static struct fs_survey_mean unedited_mean(const struct fs_survey_data *data, size_t measure)
{
    double sum = 0, count = 0;
    for (size_t at = 0; measure < FS_SURVEY_MEASURES && at < data->models * data->categories; at++) {
        size_t method = 0;
        while (method < data->methods && !(is_in(data, at, method) && isfinite(measured(data, at, method, measure)))) {
            method++;
        }
        if (data->block.tile[at] && method < data->methods) {
            sum += data->tile[at * data->methods + method].value[measure].unedited;
            count++;
        }
    }
    return (struct fs_survey_mean){count > 0 ? sum / count : NAN, NAN, NAN};
}

static void rank_all(struct ranking *ranking)
{
    struct fs_survey_data *data = ranking->data;
    for (size_t at = 0; at < ranking->all; at++) {
        data->tiles += has_any(data, at) ? 1 : 0;
    }
    for (size_t method = 0; method < data->methods; method++) {
        struct fs_survey_rank *rank = &data->rank[method];
        *rank = (struct fs_survey_rank){.method = method, .ranked = data->block.method[method]};
        for (size_t at = 0; at < ranking->all; at++) {
            rank->tiles += is_in(data, at, method) ? 1 : 0;
        }
        rank->place = place_mean(ranking, rank, SIZE_MAX);
        rank->bias = measure_mean(ranking, rank, data->bias);
        rank->kept = measure_mean(ranking, rank, data->kept);
    }
    qsort(data->rank, data->methods, sizeof *data->rank, compare_ranks);
    for (size_t i = 0; i < data->methods; i++) {
        bool compared = i > 0 && data->block.methods > 0;
        data->rank[i].behind = compared ? place_mean(ranking, &data->rank[i], data->rank[0].method)
                                        : (struct fs_survey_mean){NAN, NAN, NAN};
    }
    data->unedited_bias = unedited_mean(data, data->bias);
    data->unedited_kept = unedited_mean(data, data->kept);
    find_best(data);
}

int fs_survey_rank(struct fs_survey_data *data, struct fs_error *err)
{
    struct ranking ranking = {.data = data, .all = data->models * data->categories};
    ranking.value = fs_allocate(ranking.all, sizeof *ranking.value, "a ranking", err);
    ranking.drawn = fs_allocate(RESAMPLES, sizeof *ranking.drawn, "a ranking", err);
    data->rank = fs_allocate(data->methods, sizeof *data->rank, "a ranking", err);
    int status = ranking.value != NULL && ranking.drawn != NULL && data->rank != NULL
                     ? fs_survey_block_find(data, data->models, &data->block, err)
                     : -1;
    if (status == 0 && data->methods > 0) {
        rank_all(&ranking);
    }
    free(ranking.value);
    free(ranking.drawn);
    return status;
}

size_t fs_survey_number(const struct fs_survey_data *data, size_t method)
{
    size_t number = 0;
    while (data->rank[number].method != method) {
        number++;
    }
    return number + 1;
}
