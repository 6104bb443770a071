/* query: a table over the results of many jobs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/category.h"
#include "io/console/output.h"
#include "io/console/progress.h"
#include "io/formats/json.h"
#include "io/values.h"
#include "pipeline/commands/commands.h"
#include "pipeline/commands/query_seeds.h"
#include "results/archive_merge.h"
#include "results/job_names.h"
#include "results/report.h"
#include "results/result_table.h"
#include "results/table.h"
#include "stages/metrics/metric_table.h"

static const struct fs_option option_metric = {
    .name = "--metric",
    .argument = "M,...",
    .help = "metrics as the file names them (ss.macro, rs.top1), or the table's SS, LMS, ICAT, PS, DS, RS, CrowS; all "
            "by default"};
static const struct fs_option option_by = {
    .name = "--by",
    .argument = "KEY,...",
    .help = "the first columns, which rows are sorted by: cell, model, categories, suite, category, subset, metric, "
            "scoring; other keys follow where they differ between the rows"};
static const struct fs_option option_where = {.name = "--where",
                                              .argument = "KEY=VALUE,...",
                                              .repeatable = true,
                                              .help = "only rows of these values; may be repeated"};
static const struct fs_option option_seeds = {
    .name = "--over-seeds",
    .help =
        "one row for all jobs that differ in their seed alone: means, standard deviation (sd), least and most over the "
        "seeds"};

/* What people call a metric. */
static const struct {
    const char *label, *metric;
} metric_labels[] = {{"SS", "ss.macro"}, {"LMS", "lms.macro"}, {"ICAT", "icat.macro"},
                     {"PS", "ps"},       {"DS", "ds"},         {"RS", "rs.top1"},
                     {"CrowS", "crows"}, {"gap", "gap"},       {"CrowS diff", "crows.likelihood_diff"}};
#define LABELS (sizeof metric_labels / sizeof metric_labels[0])

struct query {
    struct fs_result_table table;
    struct fs_model_names *models;
    size_t *model; /* [table.rows] place of the row's model in `models` */
    size_t model_room;
    struct fs_job_names *job; /* [jobs] in the order of their rows */
    size_t jobs, job_room;
    size_t *job_of; /* [table.rows] */
    size_t job_of_room;
    char **cell; /* [jobs] their cells without seed, with --over-seeds */
    struct fs_over_seeds over;
    size_t *group; /* [table.rows] of a row that is the first of a group */
    size_t *row;   /* [rows] selected, in the order of printing */
    size_t rows;
    size_t by[FS_RESULT_TEXTS]; /* [sorted] columns to sort by, then those to show as well */
    size_t sorted, shown;
};

static int find_key(const char *option, const char *name, size_t length, size_t *key, struct fs_error *err)
{
    const char *known[FS_RESULT_TEXTS + 1] = {NULL};
    char given[64], all[256] = "";
    snprintf(given, sizeof given, "%.*s", (int)(length < 60 ? length : 60), name);
    for (size_t i = 0; i < FS_RESULT_TEXTS; i++) {
        size_t used = strlen(all);
        known[i] = fs_result_text_names[i];
        snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "", known[i]);
        if (strcmp(known[i], given) == 0) {
            *key = i;
            return 0;
        }
    }
    return fs_error_set(err, FS_EXIT_USAGE, "%s: unknown key \"%s\"; did you mean \"%s\"? There are %s", option, given,
                        fs_nearest_name(given, known), all);
}

/* The name of the folder that `path` lies in; the caller frees. */
static char *folder_of(const char *path, struct fs_error *err)
{
    char *resolved = realpath(path, NULL), *name = NULL;
    char *slash = resolved != NULL ? strrchr(resolved, '/') : NULL;
    if (slash != NULL) {
        *slash = '\0';
        slash = strrchr(resolved, '/');
        name = strdup(slash != NULL ? slash + 1 : "");
    }
    free(resolved);
    if (name == NULL) {
        fs_error_set(err, FS_EXIT_NO_INPUT, "%s: its folder cannot be found", path);
    }
    return name;
}

/* Adds the job of the stage at `group`, and its model; `*place` is where the model's name will be. */
static int add_job(struct query *query, const struct fs_archive *archive, const char *group, size_t *place,
                   struct fs_error *err)
{
    if (fs_grow(&query->job, &query->job_room, query->jobs + 1, sizeof *query->job, "jobs of rows", err) != 0) {
        return -1;
    }
    struct fs_job_names *names = &query->job[query->jobs++];
    *names = (struct fs_job_names){0};
    if (fs_job_names_read(archive, group, names, err) != 0) {
        return -1;
    }
    const struct fs_model_id id = fs_job_names_model(names);
    return fs_model_names_add(query->models, &id, place, err);
}

static int make_room(struct query *query, struct fs_error *err)
{
    const size_t rows = query->table.rows + 1;
    return fs_grow(&query->model, &query->model_room, rows, sizeof *query->model, "models of rows", err) == 0
               ? fs_grow(&query->job_of, &query->job_of_room, rows, sizeof *query->job_of, "jobs of rows", err)
               : -1;
}

static int read_evaluate(struct query *query, const struct fs_archive *archive, const char *path, struct fs_error *err)
{
    char *cell = folder_of(path, err);
    size_t place = 0, row = query->table.rows;
    int status = cell != NULL && add_job(query, archive, "", &place, err) == 0
                     ? fs_result_table_add(&query->table, archive, "/results", cell, "",
                                           query->job[query->jobs - 1].categories, err)
                     : -1;
    status = status == 0 ? make_room(query, err) : -1;
    for (; status == 0 && row < query->table.rows; row++) {
        query->model[row] = place;
        query->job_of[row] = query->jobs - 1;
    }
    free(cell);
    return status;
}

/* Rows of a cell follow one another. */
static int read_merged(struct query *query, const struct fs_archive *archive, struct fs_error *err)
{
    size_t first = query->table.rows, place = 0;
    if (fs_result_table_add_merged(&query->table, archive, err) != 0 || make_room(query, err) != 0) {
        return -1;
    }
    const char *const *cell = query->table.text[FS_RESULT_CELL];
    for (size_t row = first; row < query->table.rows; row++) {
        if (row == first || strcmp(cell[row], cell[row - 1]) != 0) {
            char name[512], group[600];
            snprintf(name, sizeof name, "/cells/%.400s", cell[row]);
            (void)fs_job_names_stage(archive, name, group, sizeof group);
            if (add_job(query, archive, group, &place, err) != 0) {
                return -1;
            }
        }
        query->model[row] = place;
        query->job_of[row] = query->jobs - 1;
    }
    return 0;
}

/* One merged file has its names, of which those of former versions may stand for several models; several files have
 * theirs over all of them. */
static int name_models(struct query *query, bool merged, const char *path, struct fs_error *err)
{
    const char **shown = query->table.text[FS_RESULT_MODEL];
    if (fs_model_names_resolve(query->models, err) != 0) {
        return -1;
    }
    if (!merged) {
        fs_model_names_tell(query->models, "query");
    }
    for (size_t row = 0; row < query->table.rows; row++) {
        const char *name = fs_model_names_get(query->models, query->model[row]);
        if (!merged) {
            shown[row] = name;
        } else if (strcmp(shown[row], name) != 0 &&
                   strcmp(shown[row], fs_model_names_own(query->models, query->model[row])) == 0) {
            fs_warn("query: %s: \"%s\" stands for several models, one of them %s; fairstamp merge -o NEW.h5 %s tells "
                    "them apart",
                    path, shown[row], name, path);
            break;
        }
    }
    return 0;
}

static int read_file(struct query *query, const char *path, bool *merged, struct fs_error *err)
{
    struct fs_archive *archive;
    if (fs_archive_open(path, NULL, &archive, err) != 0) {
        return -1;
    }
    const char *format = fs_archive_format(archive);
    int status;
    if (strcmp(format, FS_MERGED_FORMAT) == 0) {
        status = read_merged(query, archive, err);
        *merged = true;
    } else if (strcmp(format, "evaluate") == 0) {
        status = read_evaluate(query, archive, path, err);
    } else {
        status = fs_error_set(err, FS_EXIT_DATA, "%s: found format \"%s\", expected merged or evaluate", path, format);
    }
    fs_archive_close(archive);
    return status;
}

static bool is_same_metric(const char *wanted, const char *metric)
{
    for (size_t i = 0; i < LABELS; i++) {
        if (strcmp(wanted, metric_labels[i].label) == 0 && strcmp(metric, metric_labels[i].metric) == 0) {
            return true;
        }
    }
    return strcmp(wanted, metric) == 0;
}

static bool is_wanted(size_t key, const char *wanted, const char *found)
{
    return key == FS_RESULT_METRIC     ? is_same_metric(wanted, found)
           : key == FS_RESULT_CATEGORY ? fs_same_category(wanted, found)
                                       : strcmp(wanted, found) == 0;
}

/* Keeps the rows whose `key` is one of `values`, "a,b"; a value that no row of any file has is an error. */
static int keep(struct query *query, const char *option, size_t key, const char *values, struct fs_error *err)
{
    char **value;
    const char *const *found = query->table.text[key];
    if (fs_split_list(option, values, &value, err) != 0) {
        return -1;
    }
    size_t kept = 0;
    int status = 0;
    for (size_t i = 0; status == 0 && value[i] != NULL; i++) {
        bool known = false;
        for (size_t row = 0; row < query->table.rows && !known; row++) {
            known = is_wanted(key, value[i], found[row]);
        }
        if (!known) {
            const char **names = fs_allocate(query->table.rows + 1, sizeof *names, "names", err);
            status = -1;
            if (names != NULL) {
                memcpy(names, found, query->table.rows * sizeof *names);
                fs_error_set(err, FS_EXIT_USAGE, "%s: no result has %s \"%s\"; did you mean \"%s\"?", option,
                             fs_result_text_names[key], value[i], fs_nearest_name(value[i], names));
            }
            free(names);
        }
    }
    for (size_t i = 0; status == 0 && i < query->rows; i++) {
        bool wanted = false;
        for (size_t k = 0; value[k] != NULL && !wanted; k++) {
            wanted = is_wanted(key, value[k], found[query->row[i]]);
        }
        if (wanted) {
            query->row[kept++] = query->row[i];
        }
    }
    query->rows = status == 0 ? kept : query->rows;
    free(value);
    return status;
}

static int select_rows(struct query *query, const struct fs_options *options, struct fs_error *err)
{
    query->row = fs_allocate(query->table.rows + 1, sizeof *query->row, "the rows of a query", err);
    if (query->row == NULL) {
        return -1;
    }
    query->rows = query->table.rows;
    for (size_t i = 0; i < query->rows; i++) {
        query->row[i] = i;
    }
    const char *metric = fs_option_value(options, &option_metric);
    if (query->rows > 0 && metric != NULL && keep(query, "--metric", FS_RESULT_METRIC, metric, err) != 0) {
        return -1;
    }
    size_t conditions;
    const char *const *where = fs_option_values(options, &option_where, &conditions);
    for (size_t i = 0; i < conditions; i++) {
        size_t key, length = strcspn(where[i], "=");
        if (where[i][length] == '\0') {
            return fs_error_set(err, FS_EXIT_USAGE, "--where: found \"%s\", expected KEY=VALUE", where[i]);
        }
        if (find_key("--where", where[i], length, &key, err) != 0 ||
            (query->table.rows > 0 && keep(query, "--where", key, where[i] + length + 1, err) != 0)) {
            return -1;
        }
    }
    return 0;
}

/* Cells are called as their series from here on. */
static int name_cells(struct query *query, struct fs_error *err)
{
    const char **cell = query->table.text[FS_RESULT_CELL];
    query->cell = fs_allocate(query->jobs, sizeof *query->cell, "names of cells", err);
    for (size_t row = 0; query->cell != NULL && row < query->table.rows; row++) {
        const size_t job = query->job_of[row];
        if (query->cell[job] == NULL) {
            query->cell[job] = fs_name_without_seed(cell[row], query->job[job].seed);
        }
        if (query->cell[job] == NULL) {
            return fs_error_memory(err, 64, "names of cells");
        }
        cell[row] = query->cell[job];
    }
    return query->cell != NULL ? 0 : -1;
}

/* Leaves the first row of each group. */
static int join_seeds(struct query *query, struct fs_error *err)
{
    const size_t rows = query->table.rows;
    const char **series = fs_allocate(rows, sizeof *series, "results over seeds", err);
    const char **seed = fs_allocate(rows, sizeof *seed, "results over seeds", err);
    query->group = fs_allocate(rows, sizeof *query->group, "results over seeds", err);
    int status = series != NULL && seed != NULL && query->group != NULL ? name_cells(query, err) : -1;
    size_t alone = 0;
    for (size_t row = 0; status == 0 && row < rows; row++) {
        series[row] = query->job[query->job_of[row]].series;
        seed[row] = query->job[query->job_of[row]].seed;
        alone += series[row][0] == '\0';
    }
    if (status == 0 && alone > 0) {
        fs_warn("query: --over-seeds: %zu of %zu results are of files of former versions, which do not say which jobs "
                "differ in their seed alone; each stays a row of its own",
                alone, rows);
    }
    status =
        status == 0 ? fs_over_seeds_make(&query->table, query->row, query->rows, series, seed, &query->over, err) : -1;
    for (size_t g = 0; status == 0 && g < query->over.groups; g++) {
        query->row[g] = query->over.first[g];
        query->group[query->over.first[g]] = g;
    }
    query->rows = status == 0 ? query->over.groups : query->rows;
    free(series);
    free(seed);
    return status;
}

static bool differs(const struct query *query, size_t key)
{
    const char *const *text = query->table.text[key];
    for (size_t i = 1; i < query->rows; i++) {
        if (strcmp(text[query->row[i]], text[query->row[0]]) != 0) {
            return true;
        }
    }
    return false;
}

static int choose_columns(struct query *query, const char *by, struct fs_error *err)
{
    char **name = NULL;
    bool taken[FS_RESULT_TEXTS] = {false};
    if (fs_split_list("--by", by, &name, err) != 0) {
        return -1;
    }
    for (size_t i = 0; name != NULL && name[i] != NULL; i++) {
        size_t key;
        if (find_key("--by", name[i], strlen(name[i]), &key, err) != 0) {
            free(name);
            return -1;
        }
        if (!taken[key]) {
            query->by[query->shown++] = key;
            taken[key] = true;
        }
    }
    free(name);
    query->sorted = query->shown;
    for (size_t key = 0; key < FS_RESULT_TEXTS; key++) {
        if (!taken[key] && (differs(query, key) || key == FS_RESULT_METRIC)) {
            query->by[query->shown++] = key;
        }
    }
    return 0;
}

static const struct query *sorting; /* qsort has no context */

static int compare_rows(const void *a, const void *b)
{
    size_t one = *(const size_t *)a, other = *(const size_t *)b;
    for (size_t i = 0; i < sorting->sorted; i++) {
        const char *const *text = sorting->table.text[sorting->by[i]];
        int by = strcmp(text[one], text[other]);
        if (by != 0) {
            return by;
        }
    }
    return (one > other) - (one < other);
}

static void add_interval(struct fs_table *table, double low, double high, int decimals)
{
    if (isfinite(low) && isfinite(high)) {
        fs_table_cell(table, "%.*f to %.*f", decimals, low, decimals, high);
    } else {
        fs_table_cell(table, "-");
    }
}

/* What no column shows, for it is the same in all rows. */
static void print_same(const struct query *query)
{
    const char *separator = "the same in all rows: ";
    for (size_t key = 0; query->rows > 0 && key < FS_RESULT_TEXTS; key++) {
        bool shown = false;
        for (size_t k = 0; k < query->shown; k++) {
            shown = shown || query->by[k] == key;
        }
        if (!shown) {
            printf("%s%s=%s", separator, fs_result_text_names[key], query->table.text[key][query->row[0]]);
            separator = ", ";
        }
    }
    printf("%s", separator[0] == ',' ? "\n" : "");
}

/* Whether two of the jobs differ in their seed alone. */
static bool has_seeds(const struct query *query)
{
    for (size_t i = 0; i < query->jobs; i++) {
        for (size_t k = 0; k < i && query->job[i].series[0] != '\0'; k++) {
            if (strcmp(query->job[i].series, query->job[k].series) == 0 &&
                strcmp(query->job[i].seed, query->job[k].seed) != 0) {
                return true;
            }
        }
    }
    return false;
}

static int print_seeds(const struct query *query, bool json, struct fs_error *err)
{
    size_t *group = fs_allocate(query->rows, sizeof *group, "results over seeds", err);
    for (size_t i = 0; group != NULL && i < query->rows; i++) {
        group[i] = query->group[query->row[i]];
    }
    const struct fs_query_seeds rows = {&query->table, &query->over, group, query->rows, query->by, query->shown};
    int status = group == NULL ? -1 : json ? fs_query_seeds_json(&rows, err) : fs_query_seeds_text(&rows, err);
    free(group);
    if (status == 0 && !json) {
        print_same(query);
        printf("%zu rows of %zu results; before, after, change: means over the seeds; sd: standard deviation\n",
               query->rows, query->table.rows);
    }
    return status;
}

static int print_text(const struct query *query, struct fs_error *err)
{
    static const char *const numbers[FS_QUERY_NUMBERS] = {">ideal",  ">before", ">95 %",  ">after",  ">95 %",
                                                          ">change", ">p",      ">items", ">skipped"};
    struct fs_query_columns columns;
    struct fs_table *table;
    if (fs_query_table(query->by, query->shown, numbers, &columns, &table, err) != 0) {
        return -1;
    }
    double *const *number = query->table.number;
    for (size_t i = 0; i < query->rows; i++) {
        size_t row = query->row[i];
        int decimals = fs_metric_decimals(query->table.text[FS_RESULT_METRIC][row]);
        for (size_t k = 0; k < query->shown; k++) {
            fs_table_cell(table, "%s", query->table.text[query->by[k]][row]);
        }
        fs_table_number(table, number[FS_RESULT_IDEAL][row], 0);
        fs_table_number(table, number[FS_RESULT_BEFORE][row], decimals);
        add_interval(table, number[FS_RESULT_BEFORE_LOW][row], number[FS_RESULT_BEFORE_HIGH][row], decimals);
        fs_table_number(table, number[FS_RESULT_AFTER][row], decimals);
        add_interval(table, number[FS_RESULT_AFTER_LOW][row], number[FS_RESULT_AFTER_HIGH][row], decimals);
        bool sure = number[FS_RESULT_DIFFERENCE_LOW][row] > 0 || number[FS_RESULT_DIFFERENCE_HIGH][row] < 0;
        if (isfinite(number[FS_RESULT_DIFFERENCE][row])) {
            fs_table_cell(table, "%+.*f%s", decimals, number[FS_RESULT_DIFFERENCE][row], sure ? "*" : " ");
        } else {
            fs_table_cell(table, "-");
        }
        fs_table_number(table, number[FS_RESULT_P_VALUE][row], 3);
        fs_table_cell(table, "%lld", (long long)query->table.count[FS_RESULT_N][row]);
        long long skipped = (long long)query->table.count[FS_RESULT_SKIPPED][row];
        fs_table_cell(table, skipped < 0 ? "-" : "%lld", skipped);
    }
    int status = fs_table_print(table, stdout, err);
    fs_table_destroy(table);
    if (status == 0) {
        print_same(query);
        printf("%zu of %zu results; *: the 95 %% interval of the change leaves out 0%s\n", query->rows,
               query->table.rows, has_seeds(query) ? "; --over-seeds joins seeds" : "");
    }
    return status;
}

static int print_json(const struct query *query, struct fs_error *err)
{
    cJSON *rows = cJSON_CreateArray();
    for (size_t i = 0; i < query->rows; i++) {
        size_t row = query->row[i];
        cJSON *object = cJSON_CreateObject();
        for (size_t c = 0; c < FS_RESULT_TEXTS; c++) {
            cJSON_AddStringToObject(object, fs_result_text_names[c], query->table.text[c][row]);
        }
        for (size_t c = 0; c < FS_RESULT_NUMBERS; c++) {
            double value = query->table.number[c][row];
            cJSON_AddItemToObject(object, fs_result_number_names[c],
                                  isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
        }
        for (size_t c = 0; c < FS_RESULT_COUNTS; c++) {
            cJSON_AddNumberToObject(object, fs_result_count_names[c], (double)query->table.count[c][row]);
        }
        cJSON_AddItemToArray(rows, object);
    }
    return fs_report_print_json(rows, stdout, err);
}

static void release(struct query *query)
{
    for (size_t i = 0; i < query->jobs; i++) {
        fs_job_names_release(&query->job[i]);
        if (query->cell != NULL) {
            free(query->cell[i]);
        }
    }
    free(query->row);
    free(query->model);
    free(query->job);
    free(query->job_of);
    free(query->cell);
    free(query->group);
    fs_over_seeds_release(&query->over);
    fs_model_names_destroy(query->models);
    fs_result_table_release(&query->table);
}

static int run(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    struct query query = {0};
    bool merged = false;
    query.models = fs_model_names_create(err);
    int status = query.models != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < options->operands; i++) {
        status = read_file(&query, options->operand[i], &merged, err);
    }
    status = status == 0 ? name_models(&query, merged && options->operands == 1, options->operand[0], err) : -1;
    const bool seeds = fs_option_given(options, &option_seeds), json = fs_options_json(options);
    if (status == 0) {
        status = select_rows(&query, options, err) == 0 && (!seeds || join_seeds(&query, err) == 0) &&
                         choose_columns(&query, fs_option_value(options, &option_by), err) == 0
                     ? 0
                     : -1;
    }
    if (status == 0 && query.rows == 0) {
        status = fs_error_set(err, FS_EXIT_DATA, "query: none of %zu results is of these values", query.table.rows);
    }
    if (status == 0) {
        sorting = &query;
        qsort(query.row, query.rows, sizeof *query.row, compare_rows);
        status = seeds ? print_seeds(&query, json, err) : json ? print_json(&query, err) : print_text(&query, err);
    }
    release(&query);
    return status == 0 ? fs_finish_output(err) : -1;
}

static const struct fs_option *const command_options[] = {&option_metric, &option_by,        &option_where,
                                                          &option_seeds,  &fs_option_format, NULL};

const struct fs_command fs_command_query = {
    .name = "query",
    .operands = "FILE.h5...",
    .least = 1,
    .most = FS_ANY_NUMBER,
    .summary = "a table over many jobs' results",
    .description =
        "Operands are merged files or evaluate.h5 files, these as cells of their folder's name. Prints one row a "
        "result: before, after, change with its interval, p, items, skipped items.",
    .options = command_options,
    .run = run,
};
