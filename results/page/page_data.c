#include "results/page/page_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/stage_files.h"
#include "results/time_check.h"

/* The stage files that are open while the page is read. */
struct opened {
    struct fs_archive *archive[FS_STAGE_COUNT];
    char *settings[FS_STAGE_COUNT];
};

static int open_one(const char *path, enum fs_stage stage, struct opened *opened, struct fs_error *err)
{
    if (fs_archive_open(path, fs_stage_names[stage], &opened->archive[stage], err) != 0) {
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
    int stage = 0;
    while (stage < FS_STAGE_COUNT && strcmp(fs_stage_names[stage], fs_archive_format(archive)) != 0) {
        stage++;
    }
    if (stage == FS_STAGE_COUNT) {
        fs_error_set(err, FS_EXIT_DATA,
                     "%s: found format \"%.40s\", expected a stage's file: trace, stamp, evaluate or "
                     "layers",
                     path, fs_archive_format(archive));
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
            data->path[stage] = fs_stage_path(folder, (enum fs_stage)stage, ".h5", &ignored);
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

/* The arrays of /pairs. */
struct pairs {
    size_t count;
    double *log;
    uint8_t *held_out, *skip;
};

static int read_pairs(const struct fs_archive *archive, struct fs_page_data *data, struct pairs *pairs,
                      struct fs_error *err)
{
    size_t count;
    if (fs_archive_read_texts(archive, "/pairs/id", &pairs->count, &data->id, err) != 0 ||
        fs_archive_read_texts(archive, "/pairs/category", &count, &data->category, err) != 0 || count != pairs->count ||
        fs_archive_read_texts(archive, "/pairs/target", &count, &data->target, err) != 0 || count != pairs->count) {
        return err->code != 0 ? -1 : fs_error_set(err, FS_EXIT_DATA, "/pairs: lists of different lengths");
    }
    pairs->log = fs_allocate(count, 8 * sizeof *pairs->log, "pairs", err);
    pairs->held_out = fs_allocate(count, 1, "pairs", err);
    pairs->skip = fs_allocate(count, 1, "pairs", err);
    if (pairs->log == NULL || pairs->held_out == NULL || pairs->skip == NULL ||
        fs_archive_read(archive, "/pairs/log", FS_ARCHIVE_F64, 8 * count, pairs->log, err) != 0 ||
        fs_archive_read(archive, "/pairs/skip", FS_ARCHIVE_U8, count, pairs->skip, err) != 0) {
        return -1;
    }
    return fs_archive_has(archive, "/pairs/held_out")
               ? fs_archive_read(archive, "/pairs/held_out", FS_ARCHIVE_U8, count, pairs->held_out, err)
               : 0;
}

static int compare_changes(const void *a, const void *b)
{
    const struct fs_page_item *one = a, *other = b;
    double x = fabs(one->ratio[1] - one->ratio[0]), y = fabs(other->ratio[1] - other->ratio[0]);
    return x != y ? (x < y) - (x > y) : strcmp(one->id, other->id);
}

static int compare_terms(const void *a, const void *b)
{
    const struct fs_page_term *one = a, *other = b;
    int by = strcmp(one->category, other->category);
    by = by != 0 ? by : strcmp(one->target, other->target);
    return by != 0 ? by : one->held_out - other->held_out;
}

static struct fs_page_term *term_of(struct fs_page_data *data, const struct fs_page_item *item)
{
    for (size_t i = 0; i < data->terms; i++) {
        struct fs_page_term *term = &data->term[i];
        if (strcmp(term->category, item->category) == 0 && strcmp(term->target, item->target) == 0 &&
            term->held_out == item->held_out) {
            return term;
        }
    }
    data->term[data->terms] = (struct fs_page_term){item->category, item->target, item->held_out, 0, {0}, {0}};
    return &data->term[data->terms++];
}

static int fold_pairs(struct fs_page_data *data, const struct pairs *pairs, struct fs_error *err)
{
    data->item = fs_allocate(pairs->count, sizeof *data->item, "pairs", err);
    data->term = fs_allocate(pairs->count, sizeof *data->term, "target terms", err);
    if (data->item == NULL || data->term == NULL) {
        return -1;
    }
    for (size_t i = 0; i < pairs->count; i++) {
        const double *log = pairs->log + 8 * i; /* [candidates][2] */
        struct fs_page_item item = {data->id[i],
                                    data->category[i],
                                    data->target[i],
                                    pairs->held_out[i] != 0,
                                    {log[0] - log[2], log[1] - log[3]}};
        if (pairs->skip[i] != FS_KEPT || !isfinite(item.ratio[0])) {
            continue;
        }
        data->item[data->items++] = item;
        struct fs_page_term *term = term_of(data, &item);
        term->pairs++;
        for (size_t model = 0; model < 2; model++) {
            term->ss[model] += item.ratio[model] > 0 ? 100.0 : 0.0;
            term->gap[model] += fabs(item.ratio[model]);
        }
    }
    for (size_t i = 0; i < 2 * data->terms; i++) {
        struct fs_page_term *term = &data->term[i / 2];
        term->ss[i % 2] /= (double)term->pairs;
        term->gap[i % 2] /= (double)term->pairs;
    }
    qsort(data->item, data->items, sizeof *data->item, compare_changes);
    qsort(data->term, data->terms, sizeof *data->term, compare_terms);
    return 0;
}

static int read_evaluate(const struct fs_archive *archive, struct fs_page_data *data, struct fs_error *err)
{
    struct pairs pairs = {0};
    int status = fs_evaluate_read_table(archive, &data->result, err);
    if (status == 0 && fs_archive_has(archive, "/pairs/log")) {
        status = read_pairs(archive, data, &pairs, err) == 0 ? fold_pairs(data, &pairs, err) : -1;
    }
    free(pairs.log);
    free(pairs.held_out);
    free(pairs.skip);
    return status;
}

static void read_provenance(const struct opened *opened, struct fs_page_data *data)
{
    static const char *const names[] = {
        "model",          "program", "git",   "compiler", "mpi",     "hdf5", "openblas_kernels", "host", "ranks",
        "threads_a_rank", "seed",    "start", "end",      "command", "job"};
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
}

int fs_page_read(const char *path, struct fs_page_data *data, struct fs_error *err)
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
            status = fs_stamp_read_state(archive, &data->stamp, err);
            break;
        case FS_STAGE_LAYERS:
            status = fs_layers_read(archive, &data->layers, err);
            break;
        default:
            status = read_evaluate(archive, data, err);
            break;
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
        read_provenance(&opened, data);
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
    }
    fs_trace_result_release(&data->trace);
    fs_stamp_state_release(&data->stamp);
    fs_evaluate_result_release(&data->result);
    fs_layers_release(&data->layers);
    free(data->term);
    free(data->item);
    for (size_t i = 0; i < data->provenances; i++) {
        free(data->provenance[i].value);
    }
    free(data->id);
    free(data->category);
    free(data->target);
    *data = (struct fs_page_data){0};
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
