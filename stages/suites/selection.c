#include "stages/suites/selection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct labelled {
    const char *text;
    size_t index;
};

static int compare_labelled(const void *a, const void *b)
{
    const struct labelled *one = a, *other = b;
    int by = strcmp(one->text, other->text);
    return by != 0 ? by : (one->index > other->index) - (one->index < other->index);
}

void fs_labels_release(struct fs_labels *labels)
{
    free(labels->name);
    free(labels->of);
}

int fs_labels_create(const char *const *text, size_t items, struct fs_labels *labels, struct fs_error *err)
{
    struct labelled *sorted = fs_allocate(items, sizeof *sorted, "the categories", err);
    *labels = (struct fs_labels){fs_allocate(items, sizeof *labels->name, "the categories", err), 0,
                                 fs_allocate(items, sizeof *labels->of, "the categories", err)};
    if (sorted == NULL || labels->name == NULL || labels->of == NULL) {
        free(sorted);
        return -1;
    }
    for (size_t i = 0; i < items; i++) {
        sorted[i] = (struct labelled){text[i], i};
    }
    qsort(sorted, items, sizeof *sorted, compare_labelled);
    /* first the number of the earliest item with the same text, then, in the order of the items, that text's own number
     */
    for (size_t i = 0; i < items; i++) {
        bool same = i > 0 && strcmp(sorted[i].text, sorted[i - 1].text) == 0;
        labels->of[sorted[i].index] = same ? labels->of[sorted[i - 1].index] : sorted[i].index;
    }
    for (size_t i = 0; i < items; i++) {
        if (labels->of[i] == i) {
            labels->name[labels->count] = text[i];
            labels->of[i] = labels->count++;
        } else {
            labels->of[i] = labels->of[labels->of[i]];
        }
    }
    free(sorted);
    return 0;
}

int fs_selection_create(struct fs_selection *selection, size_t items, size_t room, size_t candidates, size_t columns,
                        struct fs_error *err)
{
    size_t scores;
    *selection = (struct fs_selection){.columns = columns, .candidates = candidates, .room = room};
    if (fs_multiply(room, candidates * columns, &scores) != 0) {
        return fs_error_memory(err, SIZE_MAX, "the result table");
    }
    selection->item = fs_allocate(items, sizeof *selection->item, "the result table", err);
    selection->term = fs_allocate(items, sizeof *selection->term, "the result table", err);
    selection->flag = fs_allocate(items, sizeof *selection->flag, "the result table", err);
    selection->score = fs_allocate(scores, sizeof *selection->score, "the result table", err);
    selection->value = fs_allocate(columns, sizeof *selection->value, "the result table", err);
    selection->change = fs_allocate(columns - 1, sizeof *selection->change, "the result table", err);
    return selection->item != NULL && selection->term != NULL && selection->flag != NULL && selection->score != NULL &&
                   selection->value != NULL && selection->change != NULL
               ? 0
               : -1;
}

void fs_selection_release(struct fs_selection *selection)
{
    free(selection->item);
    free(selection->term);
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
        kept++;
    }
    return kept;
}

int fs_add_share_row(struct fs_suite_rows *rows, struct fs_selection *selection, const struct fs_share_row *row,
                     struct fs_error *err)
{
    for (size_t column = 0; row->value == NULL && column < selection->columns; column++) {
        if (fs_metrics_share(row->n, fs_selected(selection, column, row->a), fs_selected(selection, column, row->b),
                             &rows->bootstrap, &selection->value[column], err) != 0) {
            return -1;
        }
    }
    for (size_t column = 1; column < selection->columns; column++) {
        const double *const a[2] = {fs_selected(selection, 0, row->a), fs_selected(selection, column, row->a)};
        const double *const b[2] = {fs_selected(selection, 0, row->b), fs_selected(selection, column, row->b)};
        if (fs_paired_share(row->n, a, b, row->without_ties, &rows->bootstrap, &selection->change[column - 1], err) !=
            0) {
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
    for (size_t column = 0; column < selection->columns; column++) {
        double *a = fs_selected(selection, column, 0);
        const double *b = fs_selected(selection, column, 1);
        if (fs_metrics_gap(n, a, b, &rows->bootstrap, &selection->value[column], err) != 0) {
            return -1;
        }
        for (size_t i = 0; i < n; i++) {
            a[i] = fabs(a[i] - b[i]);
        }
        const struct fs_paired_values gaps = {n, fs_selected(selection, 0, 0), a, 1.0, false};
        if (column > 0 && fs_paired_mean(&gaps, &rows->bootstrap, &selection->change[column - 1], err) != 0) {
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
    for (size_t category = 0; status == 0 && category <= categories.count; category++) {
        const struct fs_select by = {&categories, category, base->items, FS_ALL_ITEMS, NULL, base->skip};
        fs_select(&selection, &by);
        status = add(base, rows, category < categories.count ? categories.name[category] : "all", &selection, err);
    }
    fs_labels_release(&categories);
    fs_selection_release(&selection);
    return status;
}
