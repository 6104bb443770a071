#include "stages/evaluate/evaluate_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stages/suites/pair_rows.h"
#include "stages/suites/selection.h"

/* A suite without subsets, and the category whose rows are made. */
struct part {
    struct fs_suite_rows *rows;
    const struct fs_evaluate_input *input;
    const char *suite, *category;
    enum fs_scoring scoring;
    struct fs_selection selection;
};

static int add_row(const struct part *part, const char *metric, double ideal, const struct fs_metric value[2],
                   const struct fs_paired *paired, struct fs_error *err)
{
    const struct fs_row_name name = {part->suite, part->category, "all", metric, fs_scoring_name(part->scoring)};
    return fs_add_row(part->rows, &name, ideal, value, paired, part->selection.skipped, err);
}

static const char *crows_category(const void *list, size_t item)
{
    return ((const struct fs_crows_list *)list)->item[item].category;
}

static const char *fact_category(const void *list, size_t item)
{
    return ((const struct fs_fact_list *)list)->item[item].category;
}

/* The columns of the items whose flag is `wanted`, moved to columns 2 and 3; their number. */
static size_t take_direction(struct fs_selection *selection, size_t n, bool wanted, size_t models)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (selection->flag[i] == wanted) {
            for (size_t model = 0; model < models; model++) {
                selection->column[model][2][kept] = selection->column[model][0][i];
                selection->column[model][3][kept] = selection->column[model][1][i];
            }
            kept++;
        }
    }
    return kept;
}

static int add_crows(struct part *part, struct fs_error *err)
{
    static const char *const names[] = {"crows", "crows.stereo", "crows.antistereo"};
    struct fs_selection *selection = &part->selection;
    const struct fs_evaluate_result *result = part->rows->result;
    const struct fs_crows_list *crows = part->input->crows;
    struct fs_crows_metrics metrics[2] = {0};
    size_t kept = 0, turned = 0, models = part->rows->models;
    for (size_t i = 0; i < selection->count; i++) {
        size_t item = selection->item[i];
        turned += crows->item[item].antistereo ? 1 : 0;
        if (result->crows_skip[item] == FS_KEPT) {
            selection->flag[kept++] = crows->item[item].antistereo;
        }
    }
    size_t n = fs_gather(selection, result->crows_score, 2, result->crows_skip, models);
    for (size_t model = 0; model < models; model++) {
        if (fs_metrics_crows(n, selection->column[model][0], selection->column[model][1], selection->flag,
                             &part->rows->bootstrap, &metrics[model], err) != 0) {
            return -1;
        }
    }
    for (size_t k = 0; k < 3; k++) {
        struct fs_metric value[2] = {metrics[0].all, metrics[1].all};
        struct fs_paired paired = fs_paired_none();
        size_t first = k == 0 ? 0 : 2, count = k == 0 ? n : take_direction(selection, n, k == 2, models);
        if ((k == 1 && turned == selection->count) || (k == 2 && turned == 0)) {
            continue;
        }
        for (size_t model = 0; k > 0 && model < 2; model++) {
            value[model] = k == 1 ? metrics[model].stereo : metrics[model].antistereo;
        }
        const double *const more[2] = {selection->column[0][first], selection->column[1][first]};
        const double *const less[2] = {selection->column[0][first + 1], selection->column[1][first + 1]};
        if ((models == 2 && fs_paired_share(count, more, less, k > 0, &part->rows->bootstrap, &paired, err) != 0) ||
            add_row(part, names[k], 50, value, &paired, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Retention: whether a model answers the kept facts as the unedited one does, by order of the pair or by top token;
 * 1 or 0 into `answer`, and the metric. */
static int add_retention(struct part *part, bool by_top, struct fs_error *err)
{
    struct fs_selection *selection = &part->selection;
    const struct fs_evaluate_result *result = part->rows->result;
    struct fs_metric metric[2];
    struct fs_paired paired = fs_paired_none();
    size_t n = 0, models = part->rows->models;
    for (size_t model = 0; model < models; model++) {
        n = 0;
        for (size_t i = 0; i < selection->count; i++) {
            size_t item = selection->item[i];
            if (result->fact_skip[item] != FS_KEPT) {
                continue;
            }
            const double *log = &result->fact_log[item * 4]; /* [true, counterpart][model] */
            const int32_t *top = &result->fact_top1[item * 2];
            bool same_order = (log[0] > log[2]) == (log[model] > log[2 + model]) &&
                              (log[0] < log[2]) == (log[model] < log[2 + model]);
            selection->flag[n] = by_top ? top[0] == top[model] : same_order;
            selection->column[model][0][n] = selection->flag[n] ? 1.0 : 0.0;
            n++;
        }
        if (fs_metrics_flags(n, selection->flag, &part->rows->bootstrap, &metric[model], err) != 0) {
            return -1;
        }
    }
    /* the unedited model retains everything by definition, which a test need not ask */
    if (models == 2 && fs_paired_mean(n, selection->column[0][0], selection->column[1][0], 100.0, false,
                                      &part->rows->bootstrap, &paired, err) != 0) {
        return -1;
    }
    return add_row(part, by_top ? "rs.top1" : "rs.pair", 100, metric, &paired, err);
}

static int add_facts(struct part *part, struct fs_error *err)
{
    struct fs_selection *selection = &part->selection;
    const struct fs_evaluate_result *result = part->rows->result;
    struct fs_metric ds[2];
    struct fs_paired paired = fs_paired_none();
    size_t models = part->rows->models, n = fs_gather(selection, result->fact_log, 2, result->fact_skip, models);
    const double *const yes[2] = {selection->column[0][0], selection->column[1][0]};
    const double *const no[2] = {selection->column[0][1], selection->column[1][1]};
    for (size_t model = 0; model < models; model++) {
        if (fs_metrics_share(n, yes[model], no[model], &part->rows->bootstrap, &ds[model], err) != 0) {
            return -1;
        }
    }
    if (models == 2 && fs_paired_share(n, yes, no, false, &part->rows->bootstrap, &paired, err) != 0) {
        return -1;
    }
    return add_row(part, "ds", 100, ds, &paired, err) == 0 && add_retention(part, true, err) == 0
               ? add_retention(part, false, err)
               : -1;
}

/* The rows of a suite without subsets for each category, and for all. */
static int add_suite(struct part *part, const void *list, size_t items,
                     const char *(*category_of)(const void *list, size_t item), const uint8_t *skip,
                     int (*add_rows)(struct part *part, struct fs_error *err), struct fs_error *err)
{
    struct fs_labels categories = {0};
    int status = fs_selection_create(&part->selection, items, items, err) == 0
                     ? fs_labels_create(list, items, category_of, &categories, err)
                     : -1;
    for (size_t category = 0; status == 0 && category <= categories.count; category++) {
        fs_select(&part->selection, &categories, category, items, FS_ALL_ITEMS, NULL, skip);
        part->category = category < categories.count ? categories.name[category] : "all";
        status = add_rows(part, err);
    }
    fs_labels_release(&categories);
    fs_selection_release(&part->selection);
    return status;
}

int fs_evaluate_make_table(const struct fs_evaluate_input *input, const char *scoring, struct fs_suite_rows *rows,
                           struct fs_error *err)
{
    const struct fs_evaluate_result *result = rows->result;
    int status = 0;
    if (input->pairs != NULL && input->pairs->count > 0) {
        const struct fs_scored_pairs scored = {
            input->pairs_suite,     scoring,          input->pairs,           input->held_out,
            result->pair_score,     result->pair_log, result->paraphrase_log, result->pair_skip,
            result->paraphrase_skip};
        status = fs_add_pair_rows(rows, &scored, err);
    }
    if (status == 0 && input->crows != NULL && input->crows->count > 0) {
        struct part part = {.rows = rows, .input = input, .suite = "crows_pairs", .scoring = input->crows_scoring};
        status =
            add_suite(&part, input->crows, input->crows->count, crows_category, result->crows_skip, add_crows, err);
    }
    if (status == 0 && input->facts != NULL && input->facts->count > 0) {
        struct part part = {.rows = rows, .input = input, .suite = "biaske", .scoring = input->fact_scoring};
        status = add_suite(&part, input->facts, input->facts->count, fact_category, result->fact_skip, add_facts, err);
    }
    return status;
}
