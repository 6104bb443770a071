/* The ranking of a sweep's methods, with bootstrap intervals over tiles of model and category. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/random.h"
#include "results/page/survey_data.h"

enum { RESAMPLES = 2000, PLACE = 0, BIAS, KEPT, BEHIND, NUMBERS };

/* number[tiles][methods][NUMBERS], of tiles with any method; NaN where a method is not in the tile. */
struct ranking {
    struct fs_survey_data *data;
    size_t tiles, methods;
    double *number;
    size_t *at; /* [tiles] model x categories + category */
};

static double *numbers_at(const struct ranking *ranking, size_t tile, size_t method)
{
    return ranking->number + (tile * ranking->methods + method) * NUMBERS;
}

static double measured(const struct fs_survey_data *data, size_t at, size_t method, size_t measure)
{
    return measure < FS_SURVEY_MEASURES ? data->tile[at * data->methods + method].value[measure].value : NAN;
}

/*
 * A method's place in a tile by one measure, from 1 to the number of methods: how many are better, and half of those that are
 * as good, scaled as if all methods were there.
 */
static double place_by(const struct fs_survey_data *data, size_t at, size_t method, size_t measure)
{
    double own = measured(data, at, method, measure), better = 0, present = 0;
    for (size_t i = 0; i < data->methods; i++) {
        double other = measured(data, at, i, measure);
        if (isfinite(other)) {
            bool wins = fs_survey_measures[measure].bias ? other < own : other > own;
            present++;
            better += i == method ? 0 : wins ? 1 : other == own ? 0.5 : 0;
        }
    }
    return present > 1 ? 1 + better / (present - 1) * (double)(data->methods - 1) : 1;
}

static void fill_tile(struct ranking *ranking, size_t tile)
{
    const struct fs_survey_data *data = ranking->data;
    for (size_t method = 0; method < ranking->methods; method++) {
        size_t at = ranking->at[tile];
        double *number = numbers_at(ranking, tile, method);
        number[BIAS] = measured(data, at, method, data->bias);
        number[KEPT] = measured(data, at, method, data->kept);
        number[PLACE] = number[BEHIND] = NAN;
        if (isfinite(number[BIAS])) {
            double by_bias = place_by(data, at, method, data->bias);
            number[PLACE] = isfinite(number[KEPT]) ? (by_bias + place_by(data, at, method, data->kept)) / 2 : by_bias;
        }
    }
}

/* The mean of a number of a method over the drawn tiles. */
static double mean_of(const struct ranking *ranking, const size_t *draw, size_t method, size_t number)
{
    double sum = 0, count = 0;
    for (size_t i = 0; i < ranking->tiles; i++) {
        double own = numbers_at(ranking, draw[i], method)[number];
        if (isfinite(own)) {
            sum += own;
            count++;
        }
    }
    return count > 0 ? sum / count : NAN;
}

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
    mean->low = mean->high = NAN;
    if (count > 0) {
        qsort(drawn, count, sizeof *drawn, compare_numbers);
        mean->low = drawn[(size_t)(0.025 * (double)count)];
        mean->high = drawn[count - 1 - (size_t)(0.025 * (double)count)];
    }
}

static struct fs_survey_mean *mean_at(struct fs_survey_rank *rank, size_t number)
{
    struct fs_survey_mean *const means[NUMBERS] = {&rank->place, &rank->bias, &rank->kept, &rank->behind};
    return means[number];
}

/* Means over all tiles and, where a method is in several, intervals; the same draws for all. draw [tiles], drawn [RESAMPLES]. */
static void fill_means(const struct ranking *ranking, size_t begin, size_t end, size_t *draw, double *drawn)
{
    struct fs_survey_data *data = ranking->data;
    for (size_t method = 0; method < ranking->methods; method++) {
        for (size_t number = begin; number < end; number++) {
            struct fs_survey_mean *mean = mean_at(&data->rank[method], number);
            size_t own = 0; /* a single one says nothing of how tiles vary */
            for (size_t i = 0; i < ranking->tiles; i++) {
                draw[i] = i;
                own += isfinite(numbers_at(ranking, i, data->rank[method].method)[number]) != 0;
            }
            *mean = (struct fs_survey_mean){mean_of(ranking, draw, data->rank[method].method, number), NAN, NAN};
            for (size_t k = 0; own > 1 && k < RESAMPLES; k++) {
                struct fs_random random = fs_random_start(1, k);
                for (size_t i = 0; i < ranking->tiles; i++) {
                    draw[i] = fs_random_below(&random, ranking->tiles);
                }
                drawn[k] = mean_of(ranking, draw, data->rank[method].method, number);
            }
            if (own > 1) {
                set_interval(drawn, mean);
            }
        }
    }
}

/* Of a single tile: its own intervals. */
static void take_intervals(const struct ranking *ranking)
{
    struct fs_survey_data *data = ranking->data;
    for (size_t method = 0; ranking->tiles == 1 && method < ranking->methods; method++) {
        struct fs_survey_rank *rank = &data->rank[method];
        const struct fs_survey_tile *tile = &data->tile[ranking->at[0] * data->methods + rank->method];
        if (data->bias < FS_SURVEY_MEASURES) {
            rank->bias.low = tile->value[data->bias].low;
            rank->bias.high = tile->value[data->bias].high;
        }
        if (data->kept < FS_SURVEY_MEASURES) {
            rank->kept.low = tile->value[data->kept].low;
            rank->kept.high = tile->value[data->kept].high;
        }
    }
}

/* Methods in no tile come last. */
static int compare_ranks(const void *a, const void *b)
{
    const struct fs_survey_rank *x = a, *y = b;
    if (isfinite(x->place.value) != isfinite(y->place.value)) {
        return isfinite(x->place.value) ? -1 : 1;
    }
    int by = isfinite(x->place.value) ? compare_numbers(&x->place.value, &y->place.value) : 0;
    by = by != 0 ? by : compare_numbers(&x->bias.value, &y->bias.value);
    return by != 0 ? by : (x->method > y->method) - (x->method < y->method);
}

/* How far a method's place is behind the first one's, tile by tile. */
static void fill_behind(const struct ranking *ranking)
{
    for (size_t tile = 0; tile < ranking->tiles; tile++) {
        double first = numbers_at(ranking, tile, ranking->data->rank[0].method)[PLACE];
        for (size_t method = 0; method < ranking->methods; method++) {
            double *number = numbers_at(ranking, tile, method);
            number[BEHIND] = method == ranking->data->rank[0].method ? NAN : number[PLACE] - first;
        }
    }
}

static bool beats(struct fs_survey_mean bias, struct fs_survey_mean kept, const struct fs_survey_rank *rank)
{
    return bias.value <= rank->bias.value && kept.value >= rank->kept.value &&
           (bias.value < rank->bias.value || kept.value > rank->kept.value);
}

static void find_best(struct fs_survey_data *data)
{
    for (size_t i = 0; i < data->methods; i++) {
        struct fs_survey_rank *rank = &data->rank[i];
        rank->best = isfinite(rank->bias.value) && isfinite(rank->kept.value) &&
                     !beats(data->unedited_bias, data->unedited_kept, rank);
        for (size_t k = 0; k < data->methods; k++) {
            rank->best = rank->best && !beats(data->rank[k].bias, data->rank[k].kept, rank);
        }
    }
}

/* The unedited model's numbers, over the tiles; any method of a tile has them. */
static void fill_unedited(const struct ranking *ranking)
{
    struct fs_survey_data *data = ranking->data;
    double sum[2] = {0, 0}, count[2] = {0, 0};
    for (size_t tile = 0; tile < ranking->tiles; tile++) {
        for (size_t k = 0; k < 2; k++) {
            size_t measure = k == 0 ? data->bias : data->kept, method = 0;
            while (method < data->methods && !isfinite(measured(data, ranking->at[tile], method, measure))) {
                method++;
            }
            if (method < data->methods) {
                sum[k] += data->tile[ranking->at[tile] * data->methods + method].value[measure].unedited;
                count[k]++;
            }
        }
    }
    data->unedited_bias = (struct fs_survey_mean){count[0] > 0 ? sum[0] / count[0] : NAN, NAN, NAN};
    data->unedited_kept = (struct fs_survey_mean){count[1] > 0 ? sum[1] / count[1] : NAN, NAN, NAN};
}

static void find_tiles(struct ranking *ranking)
{
    const struct fs_survey_data *data = ranking->data;
    for (size_t at = 0; at < data->models * data->categories; at++) {
        bool any = false;
        for (size_t method = 0; method < data->methods; method++) {
            any = any || isfinite(measured(data, at, method, data->bias));
        }
        if (any) {
            ranking->at[ranking->tiles++] = at;
        }
    }
}

int fs_survey_rank(struct fs_survey_data *data, struct fs_error *err)
{
    size_t most = data->models * data->categories;
    struct ranking ranking = {.data = data, .methods = data->methods};
    ranking.at = fs_allocate(most, sizeof *ranking.at, "a ranking", err);
    ranking.number = fs_allocate(most * data->methods, NUMBERS * sizeof *ranking.number, "a ranking", err);
    size_t *draw = fs_allocate(most, sizeof *draw, "a ranking", err);
    double *drawn = fs_allocate(RESAMPLES, sizeof *drawn, "a ranking", err);
    data->rank = fs_allocate(data->methods, sizeof *data->rank, "a ranking", err);
    int status =
        ranking.at != NULL && ranking.number != NULL && draw != NULL && drawn != NULL && data->rank != NULL ? 0 : -1;
    if (status == 0 && data->methods > 0) {
        find_tiles(&ranking);
        data->tiles = ranking.tiles;
        for (size_t tile = 0; tile < ranking.tiles; tile++) {
            fill_tile(&ranking, tile);
        }
        for (size_t method = 0; method < data->methods; method++) {
            data->rank[method].method = method;
            for (size_t tile = 0; tile < ranking.tiles; tile++) {
                data->rank[method].tiles += isfinite(numbers_at(&ranking, tile, method)[BIAS]) ? 1 : 0;
            }
        }
        fill_means(&ranking, PLACE, BEHIND, draw, drawn);
        qsort(data->rank, data->methods, sizeof *data->rank, compare_ranks);
        fill_behind(&ranking);
        fill_means(&ranking, BEHIND, NUMBERS, draw, drawn);
        take_intervals(&ranking);
        fill_unedited(&ranking);
        find_best(data);
    }
    free(ranking.at);
    free(ranking.number);
    free(draw);
    free(drawn);
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
