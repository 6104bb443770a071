#include "stages/evaluate_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum subset { EDITED, HELD_OUT, ALL, SUBSETS };
static const char *const subset_names[SUBSETS] = {"edited", "held_out", "all"};

/* Some items of a suite, and room for what is gathered from them. */
struct selection {
    const char *suite, *category, *variant;
    enum subset subset;
    size_t count;
    size_t *item;      /* [items of the suite] those selected */
    double *column[4]; /* [values of the suite] gathered scores, NaN-free where the item is kept */
    size_t *term;      /* [items of the suite] */
    bool *flag;        /* [items of the suite] */
    size_t skipped[FS_SKIP_COUNT];
};

struct table {
    const struct fs_evaluate_input *input;
    struct fs_evaluate_result *result;
    size_t models;
    size_t capacity; /* rows */
};

/* The whole characters of `text` that fit. */
static void copy_name(char *name, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
            length--;
        }
    }
    memcpy(name, text, length);
    name[length] = '\0';
}

/* metric[models] */
static int add_row(struct table *table, const struct selection *selection, const char *name, double ideal,
                   const struct fs_metric *metric, struct fs_error *err)
{
    struct fs_evaluate_result *result = table->result;
    if (result->rows == table->capacity) {
        size_t capacity = table->capacity == 0 ? 64 : 2 * table->capacity;
        struct fs_result_row *row = realloc(result->row, capacity * sizeof *row);
        if (row == NULL) {
            return fs_error_memory(err, capacity * sizeof *row, "the result table");
        }
        result->row = row;
        table->capacity = capacity;
    }
    struct fs_result_row *row = &result->row[result->rows++];
    memset(row, 0, sizeof *row);
    copy_name(row->suite, sizeof row->suite, selection->suite);
    copy_name(row->category, sizeof row->category, selection->category);
    copy_name(row->subset, sizeof row->subset, subset_names[selection->subset]);
    copy_name(row->metric, sizeof row->metric, name);
    copy_name(row->variant, sizeof row->variant, selection->variant);
    row->ideal = ideal;
    row->model[0] = metric[0];
    row->model[1] = table->models == 2 ? metric[1] : (struct fs_metric){NAN, NAN, NAN, 0, 0};
    memcpy(row->skipped, selection->skipped, sizeof row->skipped);
    return 0;
}

static int selection_create(struct selection *selection, size_t items, size_t values, struct fs_error *err)
{
    selection->item = fs_allocate(items, sizeof *selection->item, "the result table", err);
    selection->term = fs_allocate(items, sizeof *selection->term, "the result table", err);
    selection->flag = fs_allocate(items, sizeof *selection->flag, "the result table", err);
    bool complete = selection->item != NULL && selection->term != NULL && selection->flag != NULL;
    for (size_t i = 0; i < 4; i++) {
        selection->column[i] = fs_allocate(values, sizeof(double), "the result table", err);
        complete = complete && selection->column[i] != NULL;
    }
    return complete ? 0 : -1;
}

static void selection_release(struct selection *selection)
{
    free(selection->item);
    free(selection->term);
    free(selection->flag);
    for (size_t i = 0; i < 4; i++) {
        free(selection->column[i]);
    }
}

/* Distinct texts in the order of their first appearance, and the number of each item's. */
struct labels {
    const char **name; /* [count] not owned */
    size_t count;
    size_t *of; /* [items] */
};

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

static void labels_release(struct labels *labels)
{
    free(labels->name);
    free(labels->of);
}

/* `text_of(list, i)`: the text of item i. */
static int labels_create(const void *list, size_t items, const char *(*text_of)(const void *list, size_t item),
                         struct labels *labels, struct fs_error *err)
{
    struct labelled *sorted = fs_allocate(items, sizeof *sorted, "the categories", err);
    *labels = (struct labels){fs_allocate(items, sizeof *labels->name, "the categories", err), 0,
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

/* Selects the items of a category (labels->count: all) and a subset, and counts the skipped ones among them. */
static void select_items(struct selection *selection, const struct labels *labels, size_t category, size_t items,
                         enum subset subset, const bool *held_out, const uint8_t *skip)
{
    selection->category = category < labels->count ? labels->name[category] : "all";
    selection->subset = subset;
    selection->count = 0;
    memset(selection->skipped, 0, sizeof selection->skipped);
    for (size_t i = 0; i < items; i++) {
        bool in_subset = subset == ALL || (held_out[i] == (subset == HELD_OUT));
        if (in_subset && (category == labels->count || labels->of[i] == category)) {
            selection->item[selection->count++] = i;
            if (skip[i] != FS_KEPT) {
                selection->skipped[skip[i]]++;
            }
        }
    }
}

static const char *pair_category(const void *list, size_t item)
{
    return ((const struct fs_pair_list *)list)->item[item].category;
}

static const char *pair_target(const void *list, size_t item)
{
    return ((const struct fs_pair_list *)list)->item[item].target;
}

static const char *crows_category(const void *list, size_t item)
{
    return ((const struct fs_crows_list *)list)->item[item].category;
}

static const char *fact_category(const void *list, size_t item)
{
    return ((const struct fs_fact_list *)list)->item[item].category;
}

/* Gathers array[item][candidates][2] of the selected kept items into columns; returns their number. */
static size_t gather(struct selection *selection, const double *array, size_t candidates, const uint8_t *skip,
                     size_t model)
{
    size_t kept = 0;
    for (size_t i = 0; i < selection->count; i++) {
        size_t item = selection->item[i];
        if (skip[item] == FS_KEPT) {
            for (size_t candidate = 0; candidate < candidates; candidate++) {
                selection->column[candidate][kept] = array[(item * candidates + candidate) * 2 + model];
            }
            kept++;
        }
    }
    return kept;
}

static int add_stereoset_rows(struct table *table, struct selection *selection, const struct labels *terms,
                              struct fs_error *err)
{
    const struct fs_evaluate_input *input = table->input;
    const struct fs_evaluate_result *result = table->result;
    struct fs_stereoset_metrics metrics[2];
    struct fs_metric gap[2];
    bool counterpart = false;
    size_t kept = 0;
    for (size_t i = 0; i < selection->count; i++) {
        size_t item = selection->item[i];
        if (result->pair_skip[item] == FS_KEPT) {
            selection->term[kept++] = terms->of[item];
            counterpart = counterpart || input->pairs->item[item].has_counterpart_unrelated;
        }
    }
    for (size_t model = 0; model < table->models; model++) {
        size_t n = gather(selection, result->pair_score, 4, result->pair_skip, model);
        for (size_t i = 0; counterpart && i < n;
             i++) { /* a suite without the fourth candidate ranks both above the third */
            double *below = &selection->column[FS_UNRELATED_COUNTERPART][i];
            *below = isnan(*below) ? selection->column[FS_UNRELATED][i] : *below;
        }
        if (fs_metrics_stereoset(n, selection->column[FS_STEREOTYPE], selection->column[FS_ANTI_STEREOTYPE],
                                 selection->column[FS_UNRELATED],
                                 counterpart ? selection->column[FS_UNRELATED_COUNTERPART] : NULL, selection->term,
                                 &input->bootstrap, &metrics[model], err) != 0) {
            return -1;
        }
        if (result->pair_log != NULL) {
            n = gather(selection, result->pair_log, 4, result->pair_skip, model);
            if (fs_metrics_gap(n, selection->column[FS_STEREOTYPE], selection->column[FS_ANTI_STEREOTYPE],
                               &input->bootstrap, &gap[model], err) != 0) {
                return -1;
            }
        }
    }
    const struct {
        const char *name;
        double ideal;
        const struct fs_metric *metric[2];
    } row[] = {
        {"ss.macro", 50, {&metrics[0].ss_macro, &metrics[1].ss_macro}},
        {"ss.micro", 50, {&metrics[0].ss_micro, &metrics[1].ss_micro}},
        {"lms.macro", 100, {&metrics[0].lms_macro, &metrics[1].lms_macro}},
        {"lms.micro", 100, {&metrics[0].lms_micro, &metrics[1].lms_micro}},
        {"icat.macro", 100, {&metrics[0].icat_macro, &metrics[1].icat_macro}},
        {"icat.micro", 100, {&metrics[0].icat_micro, &metrics[1].icat_micro}},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct fs_metric metric[2] = {*row[i].metric[0]};
        if (table->models == 2) {
            metric[1] = *row[i].metric[1];
        }
        if (add_row(table, selection, row[i].name, row[i].ideal, metric, err) != 0) {
            return -1;
        }
    }
    return result->pair_log != NULL ? add_row(table, selection, "gap", 0, gap, err) : 0;
}

/* `first_paraphrase[item]`: index of the item's first paraphrase. */
static int add_paraphrase_row(struct table *table, struct selection *selection, const size_t *first_paraphrase,
                              struct fs_error *err)
{
    const struct fs_evaluate_result *result = table->result;
    struct fs_metric metric[2];
    struct selection paraphrases = *selection; /* the columns are shared, the counts are its own */
    size_t count = 0;
    memset(paraphrases.skipped, 0, sizeof paraphrases.skipped);
    for (size_t model = 0; model < table->models; model++) {
        size_t kept = 0;
        count = 0;
        for (size_t i = 0; i < selection->count; i++) {
            size_t item = selection->item[i];
            for (size_t k = 0; k < table->input->pairs->item[item].paraphrases; k++, count++) {
                size_t index = first_paraphrase[item] + k;
                if (result->paraphrase_skip[index] == FS_KEPT) {
                    paraphrases.column[0][kept] = result->paraphrase_log[index * 4 + model];
                    paraphrases.column[1][kept++] = result->paraphrase_log[index * 4 + 2 + model];
                } else if (model == 0) {
                    paraphrases.skipped[result->paraphrase_skip[index]]++;
                }
            }
        }
        if (fs_metrics_share(kept, paraphrases.column[0], paraphrases.column[1], &table->input->bootstrap,
                             &metric[model], err) != 0) {
            return -1;
        }
    }
    return count > 0 ? add_row(table, &paraphrases, "ps", 50, metric, err) : 0;
}

static int add_pairs(struct table *table, const char *variant, struct fs_error *err)
{
    const struct fs_evaluate_input *input = table->input;
    const struct fs_pair_list *pairs = input->pairs;
    struct selection selection = {.suite = input->pairs_suite, .variant = variant};
    struct labels categories = {0}, terms = {0};
    size_t *first_paraphrase = fs_allocate(pairs->count, sizeof *first_paraphrase, "the result table", err);
    size_t values = 0;
    for (size_t i = 0; first_paraphrase != NULL && i < pairs->count; i++) {
        first_paraphrase[i] = values;
        values += pairs->item[i].paraphrases;
    }
    values = values < pairs->count ? pairs->count : values;
    int status = first_paraphrase != NULL && selection_create(&selection, pairs->count, values, err) == 0 &&
                         labels_create(pairs, pairs->count, pair_category, &categories, err) == 0 &&
                         labels_create(pairs, pairs->count, pair_target, &terms, err) == 0
                     ? 0
                     : -1;
    for (size_t category = 0; status == 0 && category <= categories.count; category++) {
        for (int subset = input->held_out != NULL ? EDITED : ALL; status == 0 && subset < SUBSETS; subset++) {
            select_items(&selection, &categories, category, pairs->count, (enum subset)subset, input->held_out,
                         table->result->pair_skip);
            if (selection.count > 0) {
                status = add_stereoset_rows(table, &selection, &terms, err) == 0
                             ? add_paraphrase_row(table, &selection, first_paraphrase, err)
                             : -1;
            }
        }
    }
    free(first_paraphrase);
    labels_release(&categories);
    labels_release(&terms);
    selection_release(&selection);
    return status;
}

static int add_crows_rows(struct table *table, struct selection *selection, struct fs_error *err)
{
    const struct fs_evaluate_result *result = table->result;
    struct fs_metric all[2], stereo[2], antistereo[2];
    size_t kept = 0, turned = 0;
    for (size_t i = 0; i < selection->count; i++) {
        size_t item = selection->item[i];
        turned += table->input->crows->item[item].antistereo ? 1 : 0;
        if (result->crows_skip[item] == FS_KEPT) {
            selection->flag[kept++] = table->input->crows->item[item].antistereo;
        }
    }
    for (size_t model = 0; model < table->models; model++) {
        struct fs_crows_metrics metrics;
        size_t n = gather(selection, result->crows_score, 2, result->crows_skip, model);
        if (fs_metrics_crows(n, selection->column[0], selection->column[1], selection->flag, &table->input->bootstrap,
                             &metrics, err) != 0) {
            return -1;
        }
        all[model] = metrics.all;
        stereo[model] = metrics.stereo;
        antistereo[model] = metrics.antistereo;
    }
    return add_row(table, selection, "crows", 50, all, err) != 0 ||
                   (turned < selection->count && add_row(table, selection, "crows.stereo", 50, stereo, err) != 0) ||
                   (turned > 0 && add_row(table, selection, "crows.antistereo", 50, antistereo, err) != 0)
               ? -1
               : 0;
}

/* Retention: whether a model answers the kept facts as the unedited one does; by order of the pair, or by top token. */
static size_t retained(struct selection *selection, const struct fs_evaluate_result *result, size_t model, bool by_top)
{
    size_t kept = 0;
    for (size_t i = 0; i < selection->count; i++) {
        size_t item = selection->item[i];
        if (result->fact_skip[item] != FS_KEPT) {
            continue;
        }
        const double *log = &result->fact_log[item * 4]; /* [true, counterpart][model] */
        const int32_t *top = &result->fact_top1[item * 2];
        bool same_order =
            (log[0] > log[2]) == (log[model] > log[2 + model]) && (log[0] < log[2]) == (log[model] < log[2 + model]);
        selection->flag[kept++] = by_top ? top[0] == top[model] : same_order;
    }
    return kept;
}

static int add_fact_rows(struct table *table, struct selection *selection, struct fs_error *err)
{
    const struct fs_evaluate_result *result = table->result;
    const struct fs_bootstrap *bootstrap = &table->input->bootstrap;
    struct fs_metric ds[2], top1[2], pair[2];
    for (size_t model = 0; model < table->models; model++) {
        size_t n = gather(selection, result->fact_log, 2, result->fact_skip, model);
        if (fs_metrics_share(n, selection->column[0], selection->column[1], bootstrap, &ds[model], err) != 0) {
            return -1;
        }
        n = retained(selection, result, model, true);
        if (fs_metrics_flags(n, selection->flag, bootstrap, &top1[model], err) != 0) {
            return -1;
        }
        n = retained(selection, result, model, false);
        if (fs_metrics_flags(n, selection->flag, bootstrap, &pair[model], err) != 0) {
            return -1;
        }
    }
    return add_row(table, selection, "ds", 100, ds, err) != 0 ||
                   add_row(table, selection, "rs.top1", 100, top1, err) != 0 ||
                   add_row(table, selection, "rs.pair", 100, pair, err) != 0
               ? -1
               : 0;
}

/* A suite without subsets: its rows for each category, and for all. */
static int add_suite(struct table *table, const char *suite, enum fs_variant variant, const void *list, size_t items,
                     const char *(*category_of)(const void *list, size_t item), const uint8_t *skip,
                     int (*add_rows)(struct table *table, struct selection *selection, struct fs_error *err),
                     struct fs_error *err)
{
    struct selection selection = {.suite = suite, .variant = fs_variant_name(variant)};
    struct labels categories = {0};
    int status = selection_create(&selection, items, items, err) == 0
                     ? labels_create(list, items, category_of, &categories, err)
                     : -1;
    for (size_t category = 0; status == 0 && category <= categories.count; category++) {
        select_items(&selection, &categories, category, items, ALL, NULL, skip);
        status = add_rows(table, &selection, err);
    }
    labels_release(&categories);
    selection_release(&selection);
    return status;
}

int fs_evaluate_make_table(const struct fs_evaluate_input *input, const char *variant, size_t models,
                           struct fs_evaluate_result *result, struct fs_error *err)
{
    struct table table = {input, result, models, 0};
    int status = 0;
    if (input->pairs != NULL && input->pairs->count > 0) {
        status = add_pairs(&table, variant, err);
    }
    if (status == 0 && input->crows != NULL && input->crows->count > 0) {
        status = add_suite(&table, "crows_pairs", input->crows_variant, input->crows, input->crows->count,
                           crows_category, result->crows_skip, add_crows_rows, err);
    }
    if (status == 0 && input->facts != NULL && input->facts->count > 0) {
        status = add_suite(&table, "biaske", input->fact_variant, input->facts, input->facts->count, fact_category,
                           result->fact_skip, add_fact_rows, err);
    }
    return status;
}
