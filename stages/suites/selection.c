#include "stages/suites/selection.h"

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

int fs_labels_create(const void *list, size_t items, const char *(*text_of)(const void *list, size_t item),
                     struct fs_labels *labels, struct fs_error *err)
{
    struct labelled *sorted = fs_allocate(items, sizeof *sorted, "the categories", err);
    *labels = (struct fs_labels){fs_allocate(items, sizeof *labels->name, "the categories", err), 0,
                                 fs_allocate(items, sizeof *labels->of, "the categories", err)};
    if (sorted == NULL || labels->name == NULL || labels->of == NULL) {
        free(sorted);
        return -1;
    }
    for (size_t i = 0; i < items; i++) {
        sorted[i] = (struct labelled){text_of(list, i), i};
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
            labels->name[labels->count] = text_of(list, i);
            labels->of[i] = labels->count++;
        } else {
            labels->of[i] = labels->of[labels->of[i]];
        }
    }
    free(sorted);
    return 0;
}

int fs_selection_create(struct fs_selection *selection, size_t items, size_t values, struct fs_error *err)
{
    selection->item = fs_allocate(items, sizeof *selection->item, "the result table", err);
    selection->term = fs_allocate(items, sizeof *selection->term, "the result table", err);
    selection->flag = fs_allocate(items, sizeof *selection->flag, "the result table", err);
    bool complete = selection->item != NULL && selection->term != NULL && selection->flag != NULL;
    for (size_t i = 0; i < 2 * FS_SELECTION_COLUMNS; i++) {
        double **column = &selection->column[i / FS_SELECTION_COLUMNS][i % FS_SELECTION_COLUMNS];
        *column = fs_allocate(values, sizeof(double), "the result table", err);
        complete = complete && *column != NULL;
    }
    return complete ? 0 : -1;
}

void fs_selection_release(struct fs_selection *selection)
{
    free(selection->item);
    free(selection->term);
    free(selection->flag);
    for (size_t i = 0; i < 2 * FS_SELECTION_COLUMNS; i++) {
        free(selection->column[i / FS_SELECTION_COLUMNS][i % FS_SELECTION_COLUMNS]);
    }
    *selection = (struct fs_selection){0};
}

void fs_select(struct fs_selection *selection, const struct fs_labels *labels, size_t category, size_t items,
               enum fs_subset subset, const bool *held_out, const uint8_t *skip)
{
    selection->count = 0;
    memset(selection->skipped, 0, sizeof selection->skipped);
    for (size_t i = 0; i < items; i++) {
        bool in_subset = subset == FS_ALL_ITEMS || (held_out[i] == (subset == FS_HELD_OUT));
        if (in_subset && (category == labels->count || labels->of[i] == category)) {
            selection->item[selection->count++] = i;
            if (skip[i] != FS_KEPT) {
                selection->skipped[skip[i]]++;
            }
        }
    }
}

size_t fs_gather(struct fs_selection *selection, const double *array, size_t candidates, const uint8_t *skip,
                 size_t models)
{
    size_t kept = 0;
    for (size_t i = 0; i < selection->count; i++) {
        size_t item = selection->item[i];
        if (skip[item] != FS_KEPT) {
            continue;
        }
        for (size_t k = 0; k < candidates * models; k++) {
            size_t candidate = k / models, model = k % models;
            selection->column[model][candidate][kept] = array[(item * candidates + candidate) * 2 + model];
        }
        kept++;
    }
    return kept;
}
