#include "stages/suites/selection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int fs_selection_create(struct fs_selection *selection, size_t items, size_t room, size_t candidates, size_t columns,
                        struct fs_error *err)
{
    size_t scores;
    *selection = (struct fs_selection){.columns = columns, .candidates = candidates, .room = room};
    if (fs_multiply(room, candidates * columns, &scores) != 0) {
        return fs_error_memory(err, SIZE_MAX, "the result table");
    }
    selection->item = fs_allocate(items, sizeof *selection->item, "the result table", err);
    selection->cluster = fs_allocate(room, sizeof *selection->cluster, "the result table", err);
    selection->flag = fs_allocate(items, sizeof *selection->flag, "the result table", err);
    selection->score = fs_allocate(scores, sizeof *selection->score, "the result table", err);
    selection->value = fs_allocate(columns, sizeof *selection->value, "the result table", err);
    selection->change = fs_allocate(columns - 1, sizeof *selection->change, "the result table", err);
    return selection->item != NULL && selection->cluster != NULL && selection->flag != NULL &&
                   selection->score != NULL && selection->value != NULL && selection->change != NULL
               ? 0
               : -1;
}

void fs_selection_release(struct fs_selection *selection)
{
    free(selection->item);
    free(selection->cluster);
    free(selection->flag);
    free(selection->score);
    free(selection->value);
    free(selection->change);
    *selection = (struct fs_selection){0};
}

void fs_select(struct fs_selection *selection, const struct fs_select *by)
{
    selection->count = 0;
    memset(selection->skipped, 0, sizeof selection->skipped);
    for (size_t i = 0; i < by->items; i++) {
        bool in_subset = by->subset == FS_ALL_ITEMS || (by->held_out[i] == (by->subset == FS_HELD_OUT));
        if (in_subset && (by->category == by->labels->count || by->labels->of[i] == by->category)) {
            selection->item[selection->count++] = i;
            if (by->skip[i] != FS_KEPT) {
                selection->skipped[by->skip[i]]++;
            }
        }
    }
}

size_t fs_gather(struct fs_selection *selection, const double *array, size_t candidates, const uint8_t *skip)
{
    size_t kept = 0, columns = selection->columns;
    for (size_t i = 0; i < selection->count; i++) {
        size_t item = selection->item[i];
        if (skip[item] != FS_KEPT) {
            continue;
        }
        for (size_t k = 0; k < candidates * columns; k++) {
            size_t candidate = k / columns, column = k % columns;
            fs_selected(selection, column, candidate)[kept] = array[(item * candidates + candidate) * columns + column];
        }
        selection->cluster[kept++] = selection->number[item];
    }
    return kept;
}

struct fs_bootstrap fs_selection_bootstrap(const struct fs_selection *selection, const struct fs_suite_rows *rows)
{
    return (struct fs_bootstrap){rows->bootstrap.resamples, rows->bootstrap.seed, selection->cluster, NULL};
}

int fs_add_share_row(struct fs_suite_rows *rows, struct fs_selection *selection, const struct fs_share_row *row,
                     struct fs_error *err)
{
    struct fs_bootstrap bootstrap = fs_selection_bootstrap(selection, rows);
    bootstrap.cluster = row->cluster != NULL ? row->cluster : bootstrap.cluster;
    const struct fs_bootstrap of_values = fs_value_bootstrap(rows, bootstrap);
    for (size_t column = 0; row->value == NULL && column < selection->columns; column++) {
        if (fs_metrics_share(row->n, fs_selected(selection, column, row->a), fs_selected(selection, column, row->b),
                             &of_values, &selection->value[column], err) != 0) {
            return -1;
        }
    }
    double ideal;
    const struct fs_bootstrap paired = fs_change_bootstrap(rows, row->text[FS_ROW_METRIC], bootstrap, &ideal);
    for (size_t column = 1; column < selection->columns; column++) {
        const double *const a[2] = {fs_selected(selection, rows->against, row->a),
                                    fs_selected(selection, column, row->a)};
        const double *const b[2] = {fs_selected(selection, rows->against, row->b),
                                    fs_selected(selection, column, row->b)};
        if (fs_paired_share(row->n, a, b, row->without_ties, &paired, &selection->change[column - 1], err) != 0) {
            return -1;
        }
    }
    struct fs_new_row made = {.value = row->value != NULL ? row->value : selection->value,
                              .change = selection->change,
                              .skipped = row->skipped != NULL ? row->skipped : selection->skipped};
    memcpy(made.text, row->text, sizeof made.text);
    return fs_add_row(rows, &made, err);
}

int fs_add_gap_row(struct fs_suite_rows *rows, struct fs_selection *selection, const char *const text[FS_ROW_TEXTS],
                   size_t n, struct fs_error *err)
{
    const struct fs_bootstrap bootstrap = fs_selection_bootstrap(selection, rows),
                              of_values = fs_value_bootstrap(rows, bootstrap);
    for (size_t column = 0; column < selection->columns; column++) {
        double *a = fs_selected(selection, column, 0);
        const double *b = fs_selected(selection, column, 1);
        if (fs_metrics_gap(n, a, b, &of_values, &selection->value[column], err) != 0) {
            return -1;
        }
        for (size_t i = 0; i < n; i++) {
            a[i] = fabs(a[i] - b[i]);
        }
    }
    for (size_t column = 1; column < selection->columns; column++) { /* a gap is its own distance to 0 */
        const struct fs_paired_values gaps = {n, fs_selected(selection, rows->against, 0),
                                              fs_selected(selection, column, 0), 1.0, false};
        if (fs_paired_mean(&gaps, &bootstrap, &selection->change[column - 1], err) != 0) {
            return -1;
        }
    }
    struct fs_new_row made = {.value = selection->value, .change = selection->change, .skipped = selection->skipped};
    memcpy(made.text, text, sizeof made.text);
    return fs_add_row(rows, &made, err);
}

int fs_add_category_rows(const struct fs_suite *base, size_t candidates, fs_add_category *add,
                         struct fs_suite_rows *rows, struct fs_error *err)
{
    struct fs_labels categories = {0};
    struct fs_selection selection = {0};
    int status = fs_selection_create(&selection, base->items, base->items, candidates, base->columns, err) == 0
                     ? fs_labels_create(base->category, base->items, &categories, err)
                     : -1;
    selection.number = base->cluster_number;
    for (size_t category = 0; status == 0 && category <= categories.count; category++) {
        const struct fs_select by = {&categories, category, base->items, FS_ALL_ITEMS, NULL, base->skip};
        fs_select(&selection, &by);
        status = add(base, rows, category < categories.count ? categories.name[category] : "all", &selection, err);
    }
    fs_labels_release(&categories);
    fs_selection_release(&selection);
    return status;
}
