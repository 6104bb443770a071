/* Items of a category and subset, and their scores side by side: what result rows are made of. Local. */
#ifndef FAIRSTAMP_STAGES_SUITES_SELECTION_H
#define FAIRSTAMP_STAGES_SUITES_SELECTION_H

#include "stages/plan/statement.h"

/* Distinct texts in the order of their first appearance, and the number of each item's. */
struct fs_labels {
    const char **name; /* [count] not owned */
    size_t count;
    size_t *of; /* [items] */
};
/* `text_of(list, i)`: the text of item i. The caller releases, also on failure. */
int fs_labels_create(const void *list, size_t items, const char *(*text_of)(const void *list, size_t item),
                     struct fs_labels *labels, struct fs_error *err);
void fs_labels_release(struct fs_labels *labels); /* takes a zeroed struct */

enum fs_subset { FS_EDITED, FS_HELD_OUT, FS_ALL_ITEMS, FS_SUBSETS };

#define FS_SELECTION_COLUMNS 4
struct fs_selection {
    size_t count;
    size_t *item;                            /* [items] those selected */
    double *column[2][FS_SELECTION_COLUMNS]; /* [models][candidates][values] gathered scores of the kept items */
    size_t *term;                            /* [items] */
    bool *flag;                              /* [items] */
    size_t skipped[FS_SKIP_COUNT];
};
/* Room for `items` items and `values` >= items values a column. The caller releases, also on failure. */
int fs_selection_create(struct fs_selection *selection, size_t items, size_t values, struct fs_error *err);
void fs_selection_release(struct fs_selection *selection); /* takes a zeroed struct */

/* The items of a category (labels->count: all) and a subset (held_out may be NULL for all items), skipped ones counted.
 */
void fs_select(struct fs_selection *selection, const struct fs_labels *labels, size_t category, size_t items,
               enum fs_subset subset, const bool *held_out, const uint8_t *skip);
/* Gathers array[item][candidates][2] of the selected kept items of `models` models; returns their number. */
size_t fs_gather(struct fs_selection *selection, const double *array, size_t candidates, const uint8_t *skip,
                 size_t models);

#endif
