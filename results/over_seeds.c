#include "results/over_seeds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const enum fs_result_number fs_spread_numbers[FS_SPREADS] = {FS_RESULT_BEFORE, FS_RESULT_AFTER, FS_RESULT_DIFFERENCE};

struct fs_spread fs_spread_of(const double *value, size_t n)
{
    struct fs_spread spread = {0, NAN, NAN, NAN, NAN};
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(value[i])) {
            sum += value[i];
            spread.n++;
            spread.least = fmin(spread.least, value[i]); /* the other one, where one is NaN */
            spread.most = fmax(spread.most, value[i]);
        }
    }
    if (spread.n == 0) {
        return spread;
    }
    spread.mean = sum / (double)spread.n;
    for (size_t i = 0; i < n; i++) {
        squares += isnan(value[i]) ? 0.0 : (value[i] - spread.mean) * (value[i] - spread.mean);
    }
    spread.deviation = spread.n > 1 ? sqrt(squares / (double)(spread.n - 1)) : NAN;
    return spread;
}

/* A wanted row with what it is compared by. */
struct member {
    const struct fs_result_table *table;
    const char *series, *seed;
    size_t row, place; /* in the table; among the rows given */
};

static int compare_groups(const struct member *one, const struct member *other)
{
    int by = strcmp(one->series, other->series);
    for (size_t c = FS_RESULT_SUITE; by == 0 && c < FS_RESULT_TEXTS; c++) {
        by = strcmp(one->table->text[c][one->row], one->table->text[c][other->row]);
    }
    return by;
}

static int compare_members(const void *a, const void *b)
{
    const struct member *one = a, *other = b;
    int by = compare_groups(one, other);
    by = by != 0 ? by : strcmp(one->seed, other->seed);
    return by != 0 ? by : (one->place > other->place) - (one->place < other->place);
}

static bool is_same_group(const struct member *one, const struct member *other)
{
    return one->series[0] != '\0' && compare_groups(one, other) == 0;
}

/* A group's first row and what is made of its members. */
struct group {
    size_t place, row, seeds;
    struct fs_spread spread[FS_SPREADS];
};

static int compare_places(const void *a, const void *b)
{
    const struct group *one = a, *other = b;
    return (one->place > other->place) - (one->place < other->place);
}

/* member[count]: one group's; value [count] is scratch. */
static void make_group(const struct member *member, size_t count, double *value, struct group *group)
{
    *group = (struct group){.place = SIZE_MAX};
    for (size_t i = 0; i < count; i++) {
        if (member[i].place < group->place) {
            group->place = member[i].place;
            group->row = member[i].row;
        }
    }
    for (size_t k = 0; k < FS_SPREADS; k++) {
        group->seeds = 0;
        for (size_t i = 0; i < count; i++) {
            if (i == 0 || strcmp(member[i].seed, member[i - 1].seed) != 0) {
                value[group->seeds++] = member[i].table->number[fs_spread_numbers[k]][member[i].row];
            }
        }
        group->spread[k] = fs_spread_of(value, group->seeds);
    }
}

static void fill(struct group *group, struct fs_over_seeds *over)
{
    qsort(group, over->groups, sizeof *group, compare_places);
    for (size_t g = 0; g < over->groups; g++) {
        over->first[g] = group[g].row;
        over->seeds[g] = group[g].seeds;
        memcpy(over->spread[g], group[g].spread, sizeof group[g].spread);
    }
}

int fs_over_seeds_make(const struct fs_result_table *table, const size_t *row, size_t rows, const char *const *series,
                       const char *const *seed, struct fs_over_seeds *over, struct fs_error *err)
{
    struct member *member = fs_allocate(rows, sizeof *member, "results over seeds", err);
    struct group *group = fs_allocate(rows, sizeof *group, "results over seeds", err);
    double *value = fs_allocate(rows, sizeof *value, "results over seeds", err);
    *over = (struct fs_over_seeds){.first = fs_allocate(rows, sizeof *over->first, "results over seeds", err),
                                   .seeds = fs_allocate(rows, sizeof *over->seeds, "results over seeds", err),
                                   .spread = fs_allocate(rows, sizeof *over->spread, "results over seeds", err)};
    int status = member != NULL && group != NULL && value != NULL && over->first != NULL && over->seeds != NULL &&
                         over->spread != NULL
                     ? 0
                     : -1;
    for (size_t i = 0; status == 0 && i < rows; i++) {
        member[i] = (struct member){table, series[row[i]], seed[row[i]], row[i], i};
    }
    if (status == 0) {
        qsort(member, rows, sizeof *member, compare_members);
        for (size_t first = 0, last; first < rows; first = last) {
            for (last = first + 1; last < rows && is_same_group(&member[first], &member[last]); last++) {
            }
            make_group(member + first, last - first, value, &group[over->groups++]);
        }
        fill(group, over);
    }
    free(member);
    free(group);
    free(value);
    return status;
}

void fs_over_seeds_release(struct fs_over_seeds *over)
{
    free(over->first);
    free(over->seeds);
    free(over->spread);
    *over = (struct fs_over_seeds){0};
}

char *fs_name_without_seed(const char *cell, const char *seed)
{
    char *copy = strdup(cell), *part = NULL;
    if (copy == NULL || asprintf(&part, ".seed=%s", seed) < 0) {
        free(copy);
        return NULL;
    }
    for (char *at = strstr(copy, part); at != NULL; at = strstr(at + 1, part)) {
        char *rest = at + strlen(part);
        if (*rest == '.' || *rest == '\0') {
            memmove(at, rest, strlen(rest) + 1);
            break;
        }
    }
    free(part);
    return copy;
}
