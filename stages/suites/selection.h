/* Items of a category and subset, and their scores side by side: what result rows are made of. Local. */
#ifndef FAIRSTAMP_STAGES_SUITES_SELECTION_H
#define FAIRSTAMP_STAGES_SUITES_SELECTION_H

#include "stages/metrics/labels.h"
#include "stages/suites/result_rows.h"
#include "stages/suites/suite.h"

enum fs_subset { FS_EDITED, FS_HELD_OUT, FS_ALL_ITEMS, FS_SUBSETS };

/* Scores of some items, gathered: an array [columns][candidates][room]. */
struct fs_selection {
    size_t columns, candidates, room;
    size_t count;
    size_t *item;             /* [items] those selected */
    double *score;            /* [columns][candidates][room] of the kept items; fs_selected */
    const size_t *number;     /* [items] the cluster of every item; not owned */
    size_t *cluster;          /* [room] of the kept items */
    bool *flag;               /* [items] */
    struct fs_metric *value;  /* [columns] of the row that is made */
    struct fs_paired *change; /* [columns - 1] */
    size_t skipped[FS_SKIP_COUNT];
};
/* Room for `items` items, and `room` >= items values of each candidate. The caller sets `number`, and releases, also on
 * failure. */
int fs_selection_create(struct fs_selection *selection, size_t items, size_t room, size_t candidates, size_t columns,
                        struct fs_error *err);
void fs_selection_release(struct fs_selection *selection); /* takes a zeroed struct */

static inline double *fs_selected(const struct fs_selection *selection, size_t column, size_t candidate)
{
    return selection->score + (column * selection->candidates + candidate) * selection->room;
}

/* The items of a category (labels->count: all) and a subset (held_out may be NULL for all items); skipped ones are
 * counted. */
struct fs_select {
    const struct fs_labels *labels;
    size_t category, items;
    enum fs_subset subset;
    const bool *held_out;
    const uint8_t *skip;
};
void fs_select(struct fs_selection *selection, const struct fs_select *by);
/* How the kept items are resampled: by selection->cluster. */
struct fs_bootstrap fs_selection_bootstrap(const struct fs_selection *selection, const struct fs_suite_rows *rows);
/* Gathers array[items][candidates][columns] of the selected items that are not skipped, and their clusters; returns
 * their number. */
size_t fs_gather(struct fs_selection *selection, const double *array, size_t candidates, const uint8_t *skip);

/*
 * Adds a row of 100 x share(a > b) of n gathered items, with the paired test of each edit: a and b are candidates of the
 * selection. `without_ties`: pairs with a == b are left out of the test (paired.h); `value` [columns] or NULL: values
 * made elsewhere. `text`: what the row is called.
 */
struct fs_share_row {
    const char *text[FS_ROW_TEXTS];
    size_t a, b, n;
    bool without_ties;
    const struct fs_metric *value;
    const size_t *skipped; /* NULL: the selection's */
    const size_t *cluster; /* [n]; NULL: the selection's */
};
int fs_add_share_row(struct fs_suite_rows *rows, struct fs_selection *selection, const struct fs_share_row *row,
                     struct fs_error *err);

/* Adds a row of the mean of |a - b| of n gathered items, with the paired interval of each edit: a and b are candidates 0
 * and 1 of the selection, log probabilities; the gaps take the place of a. */
int fs_add_gap_row(struct fs_suite_rows *rows, struct fs_selection *selection, const char *const text[FS_ROW_TEXTS],
                   size_t n, struct fs_error *err);

/* Adds the rows of each category, and of "all" behind them: `add` is called with the category's items selected. */
typedef int fs_add_category(const struct fs_suite *base, struct fs_suite_rows *rows, const char *category,
                            struct fs_selection *selection, struct fs_error *err);
/* `candidates`: what the selection has room for. */
int fs_add_category_rows(const struct fs_suite *base, size_t candidates, fs_add_category *add,
                         struct fs_suite_rows *rows, struct fs_error *err);

#endif
