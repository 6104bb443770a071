#include "results/page/page_data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/category.h"
#include "results/job_names.h"
#include "results/stage_files.h"
#include "results/time_check.h"
#include "stages/evaluate/evaluate.h"

/* The stage files that are open while the page is read. */
struct opened {
    struct fs_archive *archive[FS_STAGE_COUNT];
    char *settings[FS_STAGE_COUNT];
};

static int open_one(const char *path, enum fs_stage stage, struct opened *opened, struct fs_error *err)
{
    if (fs_stage_open_file(path, stage, &opened->archive[stage], err) != 0) {
        return -1;
    }
    return fs_archive_read_attribute_text(opened->archive[stage], "/provenance", "settings", &opened->settings[stage],
                                          err);
}

static void close_one(struct opened *opened, int stage)
{
    fs_archive_close(opened->archive[stage]);
    free(opened->settings[stage]);
    opened->archive[stage] = NULL;
    opened->settings[stage] = NULL;
}

/* Whether one of the two was made from the other. */
static bool are_linked(const struct opened *opened, int one, int other)
{
    return strstr(opened->settings[one], fs_archive_job(opened->archive[other])) != NULL ||
           strstr(opened->settings[other], fs_archive_job(opened->archive[one])) != NULL;
}

static int find_stage(const char *path, struct fs_error *err)
{
    struct fs_archive *archive;
    if (fs_archive_open(path, NULL, &archive, err) != 0) {
        return -1;
    }
    const char *format = fs_archive_format(archive);
    int stage = (int)fs_stage_named(format, strlen(format));
    if (stage == FS_STAGE_COUNT) {
        fs_error_set(err, FS_EXIT_DATA,
                     "%s: found format \"%.40s\", expected a stage's file: trace, a method's, evaluate or "
                     "layer_sweep%s",
                     path, format, strcmp(format, "merged") == 0 ? "; fairstamp query reads merged files" : "");
        stage = -1;
    }
    fs_archive_close(archive);
    return stage;
}

/* Opens the file at `path`, and its folder's other files that belong to it. */
static int open_all(const char *path, struct fs_page_data *data, struct opened *opened, struct fs_error *err)
{
    int given = find_stage(path, err);
    if (given < 0 || open_one(path, (enum fs_stage)given, opened, err) != 0) {
        return -1;
    }
    data->has[given] = true;
    data->path[given] = strdup(path);
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL ? strndup(path, (size_t)(slash - path)) : strdup(".");
    if (folder == NULL || data->path[given] == NULL) {
        free(folder);
        return fs_error_memory(err, strlen(path), "a path");
    }
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        struct fs_error ignored = FS_ERROR_INIT; /* a file that is missing or damaged is left out */
        if (stage != given) {
            data->path[stage] = fs_stage_find_file(folder, (enum fs_stage)stage, &ignored);
            if (data->path[stage] != NULL) {
                (void)open_one(data->path[stage], (enum fs_stage)stage, opened, &ignored);
            }
        }
    }
    free(folder);
    for (int round = 0; round < FS_STAGE_COUNT; round++) {
        for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
            for (int other = 0; other < FS_STAGE_COUNT; other++) {
                if (data->has[other] && opened->settings[stage] != NULL && !data->has[stage]) {
                    data->has[stage] = are_linked(opened, stage, other);
                }
            }
        }
    }
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        if (!data->has[stage]) {
            close_one(opened, stage);
        }
    }
    return 0;
}

/* The pairs that were edited, in the group of their suite, or in that of the former layout. */
struct pairs {
    char group[128];
    size_t count, columns;
    double *log; /* [pairs][4][columns] */
    uint8_t *held_out, *skip;
};

static const char *name_in(const struct pairs *pairs, const char *dataset, char name[160])
{
    snprintf(name, 160, "%s/%s", pairs->group, dataset);
    return name;
}

/* Whether there is a group with scored pairs: of the suite of the first rows, which is the edited one. */
static bool find_pairs(const struct fs_archive *archive, const struct fs_results *results, struct pairs *pairs)
{
    char name[160];
    snprintf(pairs->group, sizeof pairs->group, "/pairs");
    if (fs_archive_has(archive, "/pairs/log")) {
        return true;
    }
    if (results->rows == 0) {
        return false;
    }
    snprintf(pairs->group, sizeof pairs->group, "/suites/%.100s", results->row[0].suite);
    return fs_archive_has(archive, name_in(pairs, "log", name)) &&
           fs_archive_has(archive, name_in(pairs, "target", name));
}

static int read_pair_texts(const struct fs_archive *archive, const struct pairs *pairs, const char *dataset,
                           char ***texts, struct fs_error *err)
{
    size_t count;
    char name[160];
    if (fs_archive_read_texts(archive, name_in(pairs, dataset, name), &count, texts, err) != 0) {
        return -1;
    }
    return count == pairs->count ? 0
                                 : fs_error_set(err, FS_EXIT_DATA, "%s: found %zu texts, expected %zu as in %s/log",
                                                name, count, pairs->count, pairs->group);
}

static int read_pairs(const struct fs_archive *archive, struct fs_page_data *data, struct pairs *pairs,
                      struct fs_error *err)
{
    size_t dimensions, shape[4];
    char name[160];
    pairs->columns = data->result.columns;
    if (fs_archive_shape(archive, name_in(pairs, "log", name), &dimensions, shape, err) != 0) {
        return -1;
    }
    if (dimensions != 3 || shape[1] != 4 || shape[2] != pairs->columns) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found another shape than pairs x 4 x %zu columns", name,
                            pairs->columns);
    }
    pairs->count = shape[0];
    pairs->log = fs_allocate(pairs->count, 4 * pairs->columns * sizeof *pairs->log, "pairs", err);
    pairs->held_out = fs_allocate(pairs->count, 1, "pairs", err);
    pairs->skip = fs_allocate(pairs->count, 1, "pairs", err);
    if (pairs->log == NULL || pairs->held_out == NULL || pairs->skip == NULL ||
        read_pair_texts(archive, pairs, "id", &data->id, err) != 0 ||
        read_pair_texts(archive, pairs, "category", &data->category, err) != 0 ||
        read_pair_texts(archive, pairs, "target", &data->target, err) != 0 ||
        fs_archive_read(archive, name_in(pairs, "log", name), FS_ARCHIVE_F64, 4 * pairs->columns * pairs->count,
                        pairs->log, err) != 0 ||
        fs_archive_read(archive, name_in(pairs, "skip", name), FS_ARCHIVE_U8, pairs->count, pairs->skip, err) != 0) {
        return -1;
    }
    return fs_archive_has(archive, name_in(pairs, "held_out", name))
               ? fs_archive_read(archive, name, FS_ARCHIVE_U8, pairs->count, pairs->held_out, err)
               : 0;
}

/* Columns of the table that is sorted; qsort hands nothing on. */
static size_t sorted_columns;

/* The largest change of the pair by an edit. */
static double change_of(const struct fs_page_item *item)
{
    double largest = 0;
    for (size_t c = 1; c < sorted_columns; c++) {
        largest = fmax(largest, fabs(item->ratio[c] - item->ratio[0]));
    }
    return largest;
}

static int compare_changes(const void *a, const void *b)
{
    const struct fs_page_item *one = a, *other = b;
    double x = change_of(one), y = change_of(other);
    return x != y ? (x < y) - (x > y) : strcmp(one->id, other->id);
}

static int compare_terms(const void *a, const void *b)
{
    const struct fs_page_term *one = a, *other = b;
    int by = strcmp(one->category, other->category);
    by = by != 0 ? by : strcmp(one->target, other->target);
    return by != 0 ? by : one->held_out - other->held_out;
}

/* `numbers`: room for those of all terms. */
static struct fs_page_term *term_of(struct fs_page_data *data, const struct fs_page_item *item, double *numbers)
{
    for (size_t i = 0; i < data->terms; i++) {
        struct fs_page_term *term = &data->term[i];
        if (strcmp(term->category, item->category) == 0 && strcmp(term->target, item->target) == 0 &&
            term->held_out == item->held_out) {
            return term;
        }
    }
    struct fs_page_term *term = &data->term[data->terms];
    *term = (struct fs_page_term){.category = item->category, .target = item->target, .held_out = item->held_out};
    term->ss = numbers + 2 * data->terms * data->result.columns;
    term->gap = term->ss + data->result.columns;
    data->terms++;
    return term;
}

static void fold_pair(struct fs_page_data *data, const struct pairs *pairs, size_t i)
{
    size_t columns = pairs->columns;
    const double *log = pairs->log + 4 * columns * i; /* [candidates][columns] */
    struct fs_page_item item = {
        .id = data->id[i],
        .category = fs_category_name(data->category[i]), /* former files keep the spelling of their data */
        .target = data->target[i],
        .held_out = pairs->held_out[i] != 0,
        .ratio = data->number + i * columns};
    for (size_t c = 0; c < columns; c++) {
        item.ratio[c] = log[c] - log[columns + c];
    }
    if (pairs->skip[i] != FS_KEPT || !isfinite(item.ratio[0])) {
        return;
    }
    data->item[data->items++] = item;
    struct fs_page_term *term = term_of(data, &item, data->number + pairs->count * columns);
    term->pairs++;
    for (size_t c = 0; c < columns; c++) {
        term->ss[c] += item.ratio[c] > 0 ? 100.0 : 0.0;
        term->gap[c] += fabs(item.ratio[c]);
    }
}

static int fold_pairs(struct fs_page_data *data, const struct pairs *pairs, struct fs_error *err)
{
    data->item = fs_allocate(pairs->count, sizeof *data->item, "pairs", err);
    data->term = fs_allocate(pairs->count, sizeof *data->term, "target terms", err);
    data->number = fs_allocate(pairs->count, 3 * pairs->columns * sizeof *data->number, "pairs", err);
    if (data->item == NULL || data->term == NULL || data->number == NULL) {
        return -1;
    }
    for (size_t i = 0; i < pairs->count; i++) {
        fold_pair(data, pairs, i);
    }
    for (size_t i = 0; i < data->terms; i++) {
        for (size_t c = 0; c < pairs->columns; c++) {
            data->term[i].ss[c] /= (double)data->term[i].pairs;
            data->term[i].gap[c] /= (double)data->term[i].pairs;
        }
    }
    sorted_columns = pairs->columns;
    qsort(data->item, data->items, sizeof *data->item, compare_changes);
    qsort(data->term, data->terms, sizeof *data->term, compare_terms);
    return 0;
}

/* The method and strength of a column, of an entry NAME=METHOD[:STRENGTH] of the settings' line "methods". */
static int read_entry(const struct fs_page_data *data, const char *entry, size_t length, struct fs_error *err)
{
    const char *end = entry + length, *equals = memchr(entry, '=', length);
    for (size_t c = 1; equals != NULL && c < data->result.columns; c++) {
        const char *name = data->result.column[c];
        if (strlen(name) == (size_t)(equals - entry) && strncmp(name, entry, strlen(name)) == 0) {
            const char *method = equals + 1, *colon = memchr(method, ':', (size_t)(end - method));
            free(data->column[c].method);
            data->column[c].method = strndup(method, (size_t)((colon != NULL ? colon : end) - method));
            data->column[c].strength = colon != NULL ? strtod(colon + 1, NULL) : 1;
            return data->column[c].method != NULL ? 0 : fs_error_memory(err, length, "a method's name");
        }
    }
    return 0;
}

static int read_columns(const char *settings, struct fs_page_data *data, struct fs_error *err)
{
    data->column = fs_allocate(data->result.columns, sizeof *data->column, "columns", err);
    for (size_t c = 0; data->column != NULL && c < data->result.columns; c++) {
        data->column[c] = (struct fs_page_column){strdup(""), NAN};
        if (data->column[c].method == NULL) {
            return fs_error_memory(err, 1, "a method's name");
        }
    }
    char *methods = fs_job_setting(settings, "methods");
    int status = methods == NULL        ? fs_error_memory(err, strlen(settings), "the methods of a job")
                 : data->column != NULL ? 0
                                        : -1;
    for (const char *at = methods; status == 0 && *at != '\0';) {
        size_t length = strcspn(at, ",");
        status = read_entry(data, at, length, err);
        at += length + (at[length] == ',' ? 1 : 0);
    }
    free(methods);
    return status;
}

static int read_evaluate(const struct fs_archive *archive, const char *settings, struct fs_page_data *data,
                         struct fs_error *err)
{
    struct pairs pairs = {0};
    int status = fs_evaluate_read(archive, "/results", &data->result, err);
    if (status == 0) {
        status = read_columns(settings, data, err);
    }
    if (status == 0 && find_pairs(archive, &data->result, &pairs)) {
        status = read_pairs(archive, data, &pairs, err) == 0 ? fold_pairs(data, &pairs, err) : -1;
    }
    free(pairs.log);
    free(pairs.held_out);
    free(pairs.skip);
    return status;
}

static int read_provenance(const struct opened *opened, struct fs_page_data *data, struct fs_error *err)
{
    static const char *const names[] = {
        "model_name", "model", "program",        "git",  "compiler", "mpi", "hdf5",    "openblas_kernels",
        "host",       "ranks", "threads_a_rank", "seed", "start",    "end", "command", "job"};
    int stage = FS_STAGE_COUNT - 1;
    while (stage > 0 && !data->has[stage]) {
        stage--;
    }
    if (data->has[FS_STAGE_EVALUATE]) {
        stage = FS_STAGE_EVALUATE;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct fs_error ignored = FS_ERROR_INIT; /* an older file may lack one */
        char *value = NULL;
        if (fs_archive_read_attribute_text(opened->archive[stage], "/provenance", names[i], &value, &ignored) == 0) {
            data->provenance[data->provenances].name = names[i];
            data->provenance[data->provenances++].value = value;
        }
    }
    struct fs_job_names job = {0};
    int status = fs_job_names_read(opened->archive[stage], "", &job, err);
    if (status == 0) {
        data->model = job.model_name != NULL ? strdup(job.model_name) : fs_model_own_name(job.model_path);
        status = data->model != NULL ? 0 : fs_error_memory(err, 64, "a model's name");
    }
    fs_job_names_release(&job);
    return status;
}

int fs_page_read(const char *path, const char *against, struct fs_page_data *data, struct fs_error *err)
{
    struct opened opened = {{NULL}, {NULL}};
    *data = (struct fs_page_data){0};
    int status = open_all(path, data, &opened, err);
    for (int stage = 0; status == 0 && stage < FS_STAGE_COUNT; stage++) {
        const struct fs_archive *archive = opened.archive[stage];
        if (!data->has[stage]) {
            continue;
        }
        switch ((enum fs_stage)stage) {
        case FS_STAGE_TRACE:
            status = fs_trace_read(archive, &data->trace, err);
            break;
        case FS_STAGE_STAMP:
            status = fs_stage_method(FS_STAGE_STAMP)->trainer->read_history(archive, &data->training, err);
            break;
        case FS_STAGE_LAYER_SWEEP:
            status = fs_layers_read(archive, &data->layers, err);
            break;
        case FS_STAGE_EVALUATE:
            status = read_evaluate(archive, opened.settings[stage], data, err) == 0
                         ? fs_differences_read(archive, "", &data->result, against, &data->difference, err)
                         : -1;
            break;
        default: /* of other trainings the page has times alone */
            break;
        }
        if (status == 0 && fs_archive_has(archive, FS_TRIES_GROUP)) {
            status = fs_tries_read(archive, &data->tries[stage], err);
        }
        if (status != 0) {
            fs_error_prepend(err, "%s", data->path[stage]);
        }
        const char *slash = strrchr(data->path[stage], '/');
        char *folder = slash != NULL ? strndup(data->path[stage], (size_t)(slash - data->path[stage])) : strdup(".");
        if (status == 0 && folder == NULL) {
            status = fs_error_memory(err, strlen(data->path[stage]), "a path");
        } else if (status == 0) {
            fs_estimate_check(folder, (enum fs_stage)stage, archive, &data->time[stage]);
        }
        free(folder);
    }
    if (status == 0) {
        status = read_provenance(&opened, data, err);
    }
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        close_one(&opened, stage);
    }
    return status;
}

void fs_page_release(struct fs_page_data *data)
{
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        free(data->path[stage]);
        fs_tries_release(&data->tries[stage]);
    }
    fs_trace_result_release(&data->trace);
    fs_training_history_release(&data->training);
    for (size_t c = 0; data->column != NULL && c < data->result.columns; c++) {
        free(data->column[c].method);
    }
    free(data->column);
    fs_differences_release(&data->difference);
    fs_results_release(&data->result);
    fs_layers_release(&data->layers);
    free(data->term);
    free(data->item);
    for (size_t i = 0; i < data->provenances; i++) {
        free(data->provenance[i].value);
    }
    free(data->model);
    free(data->id);
    free(data->category);
    free(data->target);
    free(data->number);
    *data = (struct fs_page_data){0};
}

const struct fs_result_row *fs_page_row(const struct fs_page_data *data, const char *category, const char *metric,
                                        const char *subset)
{
    for (size_t i = 0; i < data->result.rows; i++) {
        const struct fs_result_row *row = &data->result.row[i];
        if (strcmp(row->category, category) == 0 && strcmp(row->metric, metric) == 0 &&
            strcmp(row->subset, subset) == 0) {
            return row;
        }
    }
    return NULL;
}

void fs_page_escape(FILE *stream, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", stream);
            break;
        case '<':
            fputs("&lt;", stream);
            break;
        case '>':
            fputs("&gt;", stream);
            break;
        case '"':
            fputs("&quot;", stream);
            break;
        default:
            fputc(*text, stream);
            break;
        }
    }
}
