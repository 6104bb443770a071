#include "stages/suites/pair_rows.h"

#include <math.h>
#include <stdlib.h>

#include "stages/suites/selection.h"

enum { CANDIDATES = 4 };

/* What the parts share. */
struct pair_table {
    struct fs_selection selection;
    struct fs_labels categories, terms;
    const char **category, **target;                     /* [pairs] */
    size_t *first_paraphrase;                            /* [pairs] */
    struct fs_stereoset_metrics *metrics;                /* [columns] */
    struct fs_metric (*difference)[FS_STEREOSET_VALUES]; /* [columns - 1] */
};

/* One category and subset of the pairs. */
struct part {
    struct fs_suite_rows *rows;
    const struct fs_scored_pairs *scored;
    const char *category, *subset;
    struct pair_table *table;
};

/* Whether any of the kept items has the fourth candidate. */
static bool has_fourth(const struct part *part)
{
    const struct fs_scored_pairs *scored = part->scored;
    const struct fs_selection *selection = &part->table->selection;
    for (size_t i = 0; i < selection->count; i++) {
        size_t item = selection->item[i];
        if (scored->skip[item] == FS_KEPT && scored->pairs->item[item].has_counterpart_unrelated) {
            return true;
        }
    }
    return false;
}

static struct fs_stereoset_columns columns_of(const struct fs_selection *selection, size_t column, bool counterpart)
{
    return (struct fs_stereoset_columns){fs_selected(selection, column, FS_STEREOTYPE),
                                         fs_selected(selection, column, FS_ANTI_STEREOTYPE),
                                         fs_selected(selection, column, FS_UNRELATED),
                                         counterpart ? fs_selected(selection, column, FS_UNRELATED_COUNTERPART) : NULL};
}

/* The metrics of every column, and their differences from those of rows->against. */
static int measure_stereoset(const struct part *part, size_t n, bool counterpart, struct fs_error *err)
{
    struct pair_table *table = part->table;
    struct fs_selection *selection = &table->selection;
    double ideal;
    const struct fs_bootstrap of_values = fs_value_bootstrap(part->rows, part->rows->bootstrap),
                              paired = fs_change_bootstrap(part->rows, "ss", part->rows->bootstrap, &ideal);
    for (size_t column = 0; column < selection->columns; column++) {
        double *third = fs_selected(selection, column, FS_UNRELATED);
        double *fourth = fs_selected(selection, column, FS_UNRELATED_COUNTERPART);
        for (size_t i = 0; counterpart && i < n; i++) { /* an item without the fourth candidate ranks both above the
                                                           third */
            fourth[i] = isnan(fourth[i]) ? third[i] : fourth[i];
        }
    }
    for (size_t column = 0; column < selection->columns; column++) {
        const struct fs_stereoset_columns of[2] = {columns_of(selection, part->rows->against, counterpart),
                                                   columns_of(selection, column, counterpart)};
        if (fs_metrics_stereoset(n, &of[1], selection->cluster, &of_values, &table->metrics[column], err) != 0 ||
            (column > 0 && fs_metrics_stereoset_difference(n, of, selection->cluster, &paired,
                                                           table->difference[column - 1], err) != 0)) {
            return -1;
        }
    }
    return 0;
}

/* McNemar's cells of stereo > anti: those of SS, whether macro or micro. */
static int count_answers(const struct part *part, size_t n, size_t column, struct fs_paired *answers,
                         struct fs_error *err)
{
    const struct fs_selection *selection = &part->table->selection;
    const struct fs_bootstrap none = {0};
    const size_t against = part->rows->against;
    const double *const stereo[2] = {fs_selected(selection, against, FS_STEREOTYPE),
                                     fs_selected(selection, column, FS_STEREOTYPE)};
    const double *const anti[2] = {fs_selected(selection, against, FS_ANTI_STEREOTYPE),
                                   fs_selected(selection, column, FS_ANTI_STEREOTYPE)};
    return fs_paired_share(n, stereo, anti, false, &none, answers, err);
}

static int add_stereoset(const struct part *part, struct fs_error *err)
{
    static const char *const names[FS_STEREOSET_VALUES] = {"ss.macro",  "ss.micro",   "lms.macro",
                                                           "lms.micro", "icat.macro", "icat.micro"};
    const struct fs_scored_pairs *scored = part->scored;
    struct pair_table *table = part->table;
    struct fs_selection *selection = &table->selection;
    size_t n = fs_gather(selection, scored->score, CANDIDATES, scored->skip);
    if (measure_stereoset(part, n, has_fourth(part), err) != 0) {
        return -1;
    }
    for (size_t k = 0; k < FS_STEREOSET_VALUES; k++) {
        for (size_t column = 0; column < selection->columns; column++) {
            const struct fs_stereoset_metrics *m = &table->metrics[column];
            const struct fs_metric *const all[FS_STEREOSET_VALUES] = {&m->ss_macro,  &m->ss_micro,   &m->lms_macro,
                                                                      &m->lms_micro, &m->icat_macro, &m->icat_micro};
            selection->value[column] = *all[k];
        }
        for (size_t edit = 0; edit + 1 < selection->columns; edit++) {
            struct fs_paired *change = &selection->change[edit];
            *change = fs_paired_none();
            if (k < 2 && count_answers(part, n, 1 + edit, change, err) != 0) {
                return -1;
            }
            change->difference = table->difference[edit][k].value;
            change->low = table->difference[edit][k].low;
            change->high = table->difference[edit][k].high;
        }
        const struct fs_new_row row = {.text = {scored->suite, part->category, part->subset, names[k], scored->scoring},
                                       .value = selection->value,
                                       .change = selection->change,
                                       .skipped = selection->skipped};
        if (fs_add_row(part->rows, &row, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int add_gap(const struct part *part, struct fs_error *err)
{
    const struct fs_scored_pairs *scored = part->scored;
    struct fs_selection *selection = &part->table->selection;
    const char *const text[FS_ROW_TEXTS] = {scored->suite, part->category, part->subset, "gap", scored->scoring};
    _Static_assert(FS_STEREOTYPE == 0 && FS_ANTI_STEREOTYPE == 1, "a gap is between the first two candidates");
    return fs_add_gap_row(part->rows, selection, text, fs_gather(selection, scored->log, CANDIDATES, scored->skip),
                          err);
}

static int add_paraphrases(const struct part *part, struct fs_error *err)
{
    const struct fs_scored_pairs *scored = part->scored;
    struct fs_selection *selection = &part->table->selection;
    size_t skipped[FS_SKIP_COUNT] = {0}, count = 0, kept = 0, columns = selection->columns;
    for (size_t i = 0; i < selection->count; i++) {
        size_t item = selection->item[i];
        for (size_t k = 0; k < scored->pairs->item[item].paraphrases; k++, count++) {
            size_t index = part->table->first_paraphrase[item] + k;
            if (scored->paraphrase_skip[index] != FS_KEPT) {
                skipped[scored->paraphrase_skip[index]]++;
                continue;
            }
            for (size_t column = 0; column < columns; column++) {
                for (size_t side = 0; side < 2; side++) {
                    fs_selected(selection, column, side)[kept] =
                        scored->paraphrase_log[(index * 2 + side) * columns + column];
                }
            }
            selection->cluster[kept++] = selection->number[item];
        }
    }
    if (count == 0) {
        return 0;
    }
    const struct fs_share_row row = {.text = {scored->suite, part->category, part->subset, "ps", scored->scoring},
                                     .a = 0,
                                     .b = 1,
                                     .n = kept,
                                     .skipped = skipped};
    return fs_add_share_row(part->rows, selection, &row, err);
}

static int create_table(const struct fs_scored_pairs *scored, struct pair_table *table, struct fs_error *err)
{
    const struct fs_pair_list *pairs = scored->pairs;
    size_t room = 0, edits = scored->columns - 1;
    table->first_paraphrase = fs_allocate(pairs->count, sizeof *table->first_paraphrase, "the result table", err);
    table->category = fs_allocate(pairs->count, sizeof *table->category, "the result table", err);
    table->target = fs_allocate(pairs->count, sizeof *table->target, "the result table", err);
    table->metrics = fs_allocate(scored->columns, sizeof *table->metrics, "the result table", err);
    table->difference = fs_allocate(edits, sizeof *table->difference, "the result table", err);
    if (table->first_paraphrase == NULL || table->category == NULL || table->target == NULL || table->metrics == NULL ||
        table->difference == NULL) {
        return -1;
    }
    for (size_t i = 0; i < pairs->count; i++) {
        table->category[i] = pairs->item[i].category;
        table->target[i] = pairs->item[i].target;
        table->first_paraphrase[i] = room;
        room += pairs->item[i].paraphrases;
    }
    room = room < pairs->count ? pairs->count : room;
    if (fs_selection_create(&table->selection, pairs->count, room, CANDIDATES, scored->columns, err) != 0 ||
        fs_labels_create(table->category, pairs->count, &table->categories, err) != 0 ||
        fs_labels_create(table->target, pairs->count, &table->terms, err) != 0) {
        return -1;
    }
    table->selection.number = table->terms.of;
    return 0;
}

static void release_table(struct pair_table *table)
{
    free(table->first_paraphrase);
    free(table->category);
    free(table->target);
    free(table->metrics);
    free(table->difference);
    fs_labels_release(&table->categories);
    fs_labels_release(&table->terms);
    fs_selection_release(&table->selection);
}

static int add_part(struct part *part, size_t category, enum fs_subset subset, struct fs_error *err)
{
    const struct fs_scored_pairs *scored = part->scored;
    const struct fs_labels *categories = &part->table->categories;
    const char *const subsets[FS_SUBSETS] = {"edited", part->rows->held_out, "all"};
    const struct fs_select by = {categories, category, scored->pairs->count, subset, scored->held_out, scored->skip};
    fs_select(&part->table->selection, &by);
    part->category = category < categories->count ? categories->name[category] : "all";
    part->subset = subsets[subset];
    if (part->table->selection.count == 0) {
        return 0;
    }
    return add_stereoset(part, err) == 0 && (scored->log == NULL || add_gap(part, err) == 0)
               ? add_paraphrases(part, err)
               : -1;
}

int fs_add_pair_rows(struct fs_suite_rows *rows, const struct fs_scored_pairs *scored, struct fs_error *err)
{
    struct pair_table table = {0};
    struct part part = {.rows = rows, .scored = scored, .table = &table};
    int status = create_table(scored, &table, err);
    for (size_t category = 0; status == 0 && category <= table.categories.count; category++) {
        for (int subset = scored->held_out != NULL ? FS_EDITED : FS_ALL_ITEMS; status == 0 && subset < FS_SUBSETS;
             subset++) {
            status = add_part(&part, category, (enum fs_subset)subset, err);
        }
    }
    release_table(&table);
    return status;
}

int fs_pair_suite_add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    const struct fs_pair_suite *suite = (const struct fs_pair_suite *)base;
    const struct fs_scored_pairs scored = {.suite = base->name,
                                           .scoring = base->scoring,
                                           .columns = base->columns,
                                           .pairs = suite->pairs,
                                           .held_out = base->held_out,
                                           .score = base->score,
                                           .log = suite->log,
                                           .paraphrase_log = suite->paraphrase_log,
                                           .skip = base->skip,
                                           .paraphrase_skip = suite->paraphrase_skip};
    return fs_add_pair_rows(rows, &scored, err);
}

void fs_pair_suite_release(struct fs_pair_suite *suite)
{
    free(suite->log);
    free(suite->paraphrase_log);
    free(suite->paraphrase_skip);
}
