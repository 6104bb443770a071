#include "stages/suites/pair_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stages/suites/selection.h"

/* One category and subset of the pairs. */
struct part {
    struct fs_suite_rows *rows;
    const struct fs_scored_pairs *scored;
    const char *category, *subset;
    struct fs_selection *selection;
};

static int add_row(const struct part *part, const char *metric, double ideal, const struct fs_metric value[2],
                   const struct fs_paired *paired, const size_t *skipped, struct fs_error *err)
{
    const struct fs_row_name name = {part->scored->suite, part->category, part->subset, metric, part->scored->scoring};
    return fs_add_row(part->rows, &name, ideal, value, paired, skipped, err);
}

static const char *pair_category(const void *list, size_t item)
{
    return ((const struct fs_pair_list *)list)->item[item].category;
}

static const char *pair_target(const void *list, size_t item)
{
    return ((const struct fs_pair_list *)list)->item[item].target;
}

/* Target terms of the kept items; whether any has the fourth candidate. */
static bool gather_terms(const struct part *part, const struct fs_labels *terms)
{
    const struct fs_scored_pairs *scored = part->scored;
    bool counterpart = false;
    size_t kept = 0;
    for (size_t i = 0; i < part->selection->count; i++) {
        size_t item = part->selection->item[i];
        if (scored->skip[item] == FS_KEPT) {
            part->selection->term[kept++] = terms->of[item];
            counterpart = counterpart || scored->pairs->item[item].has_counterpart_unrelated;
        }
    }
    return counterpart;
}

/* McNemar's cells of stereo > anti: those of SS, whether macro or micro. */
static int pair_answers(const struct part *part, size_t n, struct fs_paired *paired, struct fs_error *err)
{
    const struct fs_bootstrap none = {0, 0};
    double *const(*column)[FS_SELECTION_COLUMNS] = (double *const(*)[FS_SELECTION_COLUMNS])part->selection->column;
    const double *const stereo[2] = {column[0][FS_STEREOTYPE], column[1][FS_STEREOTYPE]};
    const double *const anti[2] = {column[0][FS_ANTI_STEREOTYPE], column[1][FS_ANTI_STEREOTYPE]};
    return fs_paired_share(n, stereo, anti, false, &none, paired, err);
}

static int add_stereoset(const struct part *part, const struct fs_labels *terms, struct fs_error *err)
{
    static const char *const names[FS_STEREOSET_VALUES] = {"ss.macro",  "ss.micro",   "lms.macro",
                                                           "lms.micro", "icat.macro", "icat.micro"};
    static const double ideals[FS_STEREOSET_VALUES] = {50, 50, 100, 100, 100, 100};
    struct fs_selection *selection = part->selection;
    struct fs_stereoset_columns column[2];
    struct fs_stereoset_metrics metrics[2] = {0};
    struct fs_metric difference[FS_STEREOSET_VALUES];
    struct fs_paired answers = fs_paired_none();
    size_t models = part->rows->models, n = fs_gather(selection, part->scored->score, 4, part->scored->skip, models);
    bool counterpart = gather_terms(part, terms);
    for (size_t model = 0; model < models; model++) {
        double **c = selection->column[model];
        for (size_t i = 0; counterpart && i < n; i++) { /* an item without the fourth candidate ranks both above the
                                                           third */
            c[FS_UNRELATED_COUNTERPART][i] =
                isnan(c[FS_UNRELATED_COUNTERPART][i]) ? c[FS_UNRELATED][i] : c[FS_UNRELATED_COUNTERPART][i];
        }
        column[model] = (struct fs_stereoset_columns){c[FS_STEREOTYPE], c[FS_ANTI_STEREOTYPE], c[FS_UNRELATED],
                                                      counterpart ? c[FS_UNRELATED_COUNTERPART] : NULL};
        if (fs_metrics_stereoset(n, column[model].stereo, column[model].anti, column[model].unrelated,
                                 column[model].unrelated_counterpart, selection->term, &part->rows->bootstrap,
                                 &metrics[model], err) != 0) {
            return -1;
        }
    }
    if (models == 2 &&
        (fs_metrics_stereoset_difference(n, column, selection->term, &part->rows->bootstrap, difference, err) != 0 ||
         pair_answers(part, n, &answers, err) != 0)) {
        return -1;
    }
    for (size_t k = 0; k < FS_STEREOSET_VALUES; k++) {
        struct fs_metric value[2];
        struct fs_paired paired = k < 2 ? answers : fs_paired_none();
        for (size_t model = 0; model < 2; model++) {
            const struct fs_stereoset_metrics *m = &metrics[model];
            const struct fs_metric *const all[FS_STEREOSET_VALUES] = {&m->ss_macro,  &m->ss_micro,   &m->lms_macro,
                                                                      &m->lms_micro, &m->icat_macro, &m->icat_micro};
            value[model] = *all[k];
        }
        if (models == 2) {
            paired.difference = difference[k].value;
            paired.low = difference[k].low;
            paired.high = difference[k].high;
        }
        if (add_row(part, names[k], ideals[k], value, &paired, selection->skipped, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int add_gap(const struct part *part, struct fs_error *err)
{
    struct fs_selection *selection = part->selection;
    struct fs_metric gap[2];
    struct fs_paired paired = fs_paired_none();
    size_t models = part->rows->models, n = fs_gather(selection, part->scored->log, 4, part->scored->skip, models);
    for (size_t model = 0; model < models; model++) {
        double **column = selection->column[model];
        if (fs_metrics_gap(n, column[FS_STEREOTYPE], column[FS_ANTI_STEREOTYPE], &part->rows->bootstrap, &gap[model],
                           err) != 0) {
            return -1;
        }
        for (size_t i = 0; i < n; i++) {
            column[FS_UNRELATED][i] = fabs(column[FS_STEREOTYPE][i] - column[FS_ANTI_STEREOTYPE][i]);
        }
    }
    if (models == 2 && fs_paired_mean(n, selection->column[0][FS_UNRELATED], selection->column[1][FS_UNRELATED], 1.0,
                                      false, &part->rows->bootstrap, &paired, err) != 0) {
        return -1;
    }
    return add_row(part, "gap", 0, gap, &paired, selection->skipped, err);
}

/* `first_paraphrase[item]`: index of the item's first paraphrase. */
static int add_paraphrases(const struct part *part, const size_t *first_paraphrase, struct fs_error *err)
{
    const struct fs_scored_pairs *scored = part->scored;
    struct fs_selection *selection = part->selection;
    struct fs_metric metric[2];
    struct fs_paired paired = fs_paired_none();
    size_t skipped[FS_SKIP_COUNT] = {0}, count = 0, kept = 0, models = part->rows->models;
    for (size_t i = 0; i < selection->count; i++) {
        size_t item = selection->item[i];
        for (size_t k = 0; k < scored->pairs->item[item].paraphrases; k++, count++) {
            size_t index = first_paraphrase[item] + k;
            if (scored->paraphrase_skip[index] != FS_KEPT) {
                skipped[scored->paraphrase_skip[index]]++;
                continue;
            }
            for (size_t model = 0; model < models; model++) {
                selection->column[model][0][kept] = scored->paraphrase_log[index * 4 + model];
                selection->column[model][1][kept] = scored->paraphrase_log[index * 4 + 2 + model];
            }
            kept++;
        }
    }
    if (count == 0) {
        return 0;
    }
    const double *const stereo[2] = {selection->column[0][0], selection->column[1][0]};
    const double *const anti[2] = {selection->column[0][1], selection->column[1][1]};
    for (size_t model = 0; model < models; model++) {
        if (fs_metrics_share(kept, stereo[model], anti[model], &part->rows->bootstrap, &metric[model], err) != 0) {
            return -1;
        }
    }
    if (models == 2 && fs_paired_share(kept, stereo, anti, false, &part->rows->bootstrap, &paired, err) != 0) {
        return -1;
    }
    return add_row(part, "ps", 50, metric, &paired, skipped, err);
}

/* What the parts share. */
struct pair_table {
    struct fs_selection selection;
    struct fs_labels categories, terms;
    size_t *first_paraphrase; /* [pairs] */
};

static int create_table(const struct fs_pair_list *pairs, struct pair_table *table, struct fs_error *err)
{
    size_t values = 0;
    table->first_paraphrase = fs_allocate(pairs->count, sizeof *table->first_paraphrase, "the result table", err);
    if (table->first_paraphrase == NULL) {
        return -1;
    }
    for (size_t i = 0; i < pairs->count; i++) {
        table->first_paraphrase[i] = values;
        values += pairs->item[i].paraphrases;
    }
    values = values < pairs->count ? pairs->count : values;
    return fs_selection_create(&table->selection, pairs->count, values, err) == 0 &&
                   fs_labels_create(pairs, pairs->count, pair_category, &table->categories, err) == 0 &&
                   fs_labels_create(pairs, pairs->count, pair_target, &table->terms, err) == 0
               ? 0
               : -1;
}

static int add_part(struct part *part, struct pair_table *table, size_t category, enum fs_subset subset,
                    struct fs_error *err)
{
    const struct fs_scored_pairs *scored = part->scored;
    const char *const subsets[FS_SUBSETS] = {"edited", part->rows->held_out, "all"};
    fs_select(&table->selection, &table->categories, category, scored->pairs->count, subset, scored->held_out,
              scored->skip);
    part->category = category < table->categories.count ? table->categories.name[category] : "all";
    part->subset = subsets[subset];
    part->selection = &table->selection;
    if (table->selection.count == 0) {
        return 0;
    }
    return add_stereoset(part, &table->terms, err) == 0 && (scored->log == NULL || add_gap(part, err) == 0)
               ? add_paraphrases(part, table->first_paraphrase, err)
               : -1;
}

int fs_add_pair_rows(struct fs_suite_rows *rows, const struct fs_scored_pairs *scored, struct fs_error *err)
{
    struct pair_table table = {0};
    struct part part = {.rows = rows, .scored = scored};
    int status = create_table(scored->pairs, &table, err);
    for (size_t category = 0; status == 0 && category <= table.categories.count; category++) {
        for (int subset = scored->held_out != NULL ? FS_EDITED : FS_ALL_ITEMS; status == 0 && subset < FS_SUBSETS;
             subset++) {
            status = add_part(&part, &table, category, (enum fs_subset)subset, err);
        }
    }
    free(table.first_paraphrase);
    fs_labels_release(&table.categories);
    fs_labels_release(&table.terms);
    fs_selection_release(&table.selection);
    return status;
}
