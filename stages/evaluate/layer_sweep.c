/*
 * Datasets of a layer_sweep file, m layers, r rows:
 *
 *     /layers/layer, place                            i64 [m]
 *     /layers/score                                   f64 [m]
 *     /layers/loss                                    f64 [m][4]: L, L_e, L_s1, L_s2 before the last step
 *     /layers/suite, category, subset, metric         texts [r]
 *     /layers/ideal                                   f64 [r]
 *     /layers/value                                   f64 [m][r][2]: the unedited model, the stamped one
 *     attributes of /layers: traced_layer, random_layer, compared (how many are asked for)
 */
#include "stages/evaluate/layer_sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/numbers/random.h"

#define GROUP "/layers"
#define COLUMNS ((size_t)2) /* the unedited model, the edit */
#define CONTROL_STREAM ((uint64_t)1 << 43)
#define MOST_LAYERS ((int64_t)100000)

int fs_layers_create(size_t capacity, size_t traced, size_t random, struct fs_layer_comparison *comparison,
                     struct fs_error *err)
{
    *comparison = (struct fs_layer_comparison){.capacity = capacity, .traced = traced, .random = random};
    comparison->layer = fs_allocate(capacity, sizeof *comparison->layer, "layers", err);
    comparison->loss = fs_allocate(capacity, 4 * sizeof *comparison->loss, "layers", err);
    comparison->result = fs_allocate(capacity, sizeof *comparison->result, "layers", err);
    comparison->score = fs_allocate(capacity, sizeof *comparison->score, "layers", err);
    comparison->place = fs_allocate(capacity, sizeof *comparison->place, "layers", err);
    return comparison->layer != NULL && comparison->loss != NULL && comparison->score != NULL &&
                   comparison->place != NULL && comparison->result != NULL
               ? 0
               : -1;
}

void fs_layers_release(struct fs_layer_comparison *comparison)
{
    free(comparison->layer);
    free(comparison->loss);
    for (size_t i = 0; comparison->result != NULL && i < comparison->capacity; i++) {
        fs_results_release(&comparison->result[i]);
    }
    free(comparison->result);
    free(comparison->score);
    free(comparison->place);
    *comparison = (struct fs_layer_comparison){0};
}

size_t fs_layers_random(size_t layers, size_t traced, uint64_t seed)
{
    if (layers < 2) {
        return traced;
    }
    struct fs_random random = fs_random_start(seed, CONTROL_STREAM);
    size_t other = fs_random_below(&random, layers - 1);
    return other < traced ? other : other + 1;
}

bool fs_layers_has(const struct fs_layer_comparison *comparison, size_t layer)
{
    for (size_t i = 0; i < comparison->layers; i++) {
        if (comparison->layer[i] == layer) {
            return true;
        }
    }
    return false;
}

static bool is_not_edited(const char *subset)
{
    return strcmp(subset, "held_out") == 0 || strcmp(subset, "validation") == 0;
}

double fs_layers_value(const struct fs_layer_comparison *comparison, size_t i, const char *metric, const char *subset,
                       size_t column)
{
    double value = NAN;
    for (size_t r = 0; r < comparison->result[i].rows; r++) {
        const struct fs_result_row *row = &comparison->result[i].row[r];
        if (strcmp(row->metric, metric) != 0 || strcmp(row->category, "all") != 0) {
            continue;
        }
        if (subset != NULL ? strcmp(row->subset, subset) == 0 : is_not_edited(row->subset)) {
            return row->value[column].value;
        }
        if (subset == NULL && strcmp(row->subset, "all") == 0) {
            value = row->value[column].value;
        }
    }
    return value;
}

static double score_of(const struct fs_layer_comparison *comparison, size_t i)
{
    double gap = fs_layers_value(comparison, i, "gap", NULL, 1) / fs_layers_value(comparison, i, "gap", NULL, 0);
    double lost =
        fs_layers_value(comparison, i, "lms.macro", NULL, 0) - fs_layers_value(comparison, i, "lms.macro", NULL, 1);
    double retained = fs_layers_value(comparison, i, "rs.top1", "all", 1);
    return 1.0 - gap - fmax(0.0, lost) / 100.0 - (isnan(retained) ? 0.0 : (100.0 - retained) / 100.0);
}

static void rank(struct fs_layer_comparison *comparison)
{
    for (size_t i = 0; i < comparison->layers; i++) {
        comparison->score[i] = score_of(comparison, i);
    }
    for (size_t i = 0; i < comparison->layers; i++) {
        comparison->place[i] = 1;
        for (size_t k = 0; k < comparison->layers; k++) {
            comparison->place[i] += comparison->score[k] > comparison->score[i];
        }
    }
}

int fs_layers_add(struct fs_layer_comparison *comparison, size_t layer, const double loss[4], struct fs_results *result,
                  struct fs_error *err)
{
    size_t i = comparison->layers;
    if (i == comparison->capacity || result->columns != COLUMNS ||
        (i > 0 && result->rows != comparison->result[0].rows)) {
        fs_error_set(err, FS_EXIT_SOFTWARE, "layer_sweep: %zu rows of layer %zu do not go with those of %zu layers",
                     result->rows, layer, i);
        fs_results_release(result);
        return -1;
    }
    comparison->result[i] = *result;
    *result = (struct fs_results){0};
    memcpy(comparison->loss + 4 * i, loss, 4 * sizeof *loss);
    comparison->layer[i] = layer;
    comparison->layers++;
    rank(comparison);
    return 0;
}

static size_t rows_of(const struct fs_layer_comparison *comparison)
{
    return comparison->layers > 0 ? comparison->result[0].rows : 0;
}

/* The texts of a row that are datasets, in the order of enum fs_row_text. */
#define TEXTS FS_ROW_SCORING
static const char *const text_names[TEXTS] = {"suite", "category", "subset", "metric"};

static int write_names(struct fs_archive *archive, const struct fs_layer_comparison *comparison, struct fs_error *err)
{
    char name[64];
    size_t rows = rows_of(comparison);
    const char **text = fs_allocate(rows, sizeof *text, "layers", err);
    int status = text != NULL ? 0 : -1;
    for (enum fs_row_text k = 0; status == 0 && k < TEXTS; k++) {
        for (size_t r = 0; r < rows; r++) {
            text[r] = fs_row_text(&comparison->result[0].row[r], k);
        }
        snprintf(name, sizeof name, GROUP "/%s", text_names[k]);
        status = fs_archive_write_texts(archive, name, rows, text, err);
    }
    free(text);
    return status;
}

static int write_integers(struct fs_archive *archive, const char *name, const size_t *value, size_t count,
                          struct fs_error *err)
{
    int64_t *number = fs_allocate(count, sizeof *number, "layers", err);
    for (size_t i = 0; number != NULL && i < count; i++) {
        number[i] = (int64_t)value[i];
    }
    int status = number != NULL ? fs_archive_write(archive, name, FS_ARCHIVE_I64, 1, &count, number, err) : -1;
    free(number);
    return status;
}

int fs_layers_write(struct fs_archive *archive, const struct fs_layer_comparison *comparison, struct fs_error *err)
{
    size_t m = comparison->layers, r = rows_of(comparison);
    const size_t four[2] = {m, 4}, values[3] = {m, r, 2};
    double *value = fs_allocate(m * r, 2 * sizeof *value, "layers", err);
    double *ideal = fs_allocate(r, sizeof *ideal, "layers", err);
    int status = value != NULL && ideal != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < 2 * m * r; i++) {
        value[i] = comparison->result[i / (COLUMNS * r)].row[i / COLUMNS % r].value[i % COLUMNS].value;
    }
    for (size_t i = 0; status == 0 && i < r; i++) {
        ideal[i] = comparison->result[0].row[i].ideal;
    }
    if (status == 0) {
        status =
            write_names(archive, comparison, err) == 0 &&
                    write_integers(archive, GROUP "/layer", comparison->layer, m, err) == 0 &&
                    write_integers(archive, GROUP "/place", comparison->place, m, err) == 0 &&
                    fs_archive_write(archive, GROUP "/score", FS_ARCHIVE_F64, 1, &m, comparison->score, err) == 0 &&
                    fs_archive_write(archive, GROUP "/loss", FS_ARCHIVE_F64, 2, four, comparison->loss, err) == 0 &&
                    fs_archive_write(archive, GROUP "/ideal", FS_ARCHIVE_F64, 1, &r, ideal, err) == 0 &&
                    fs_archive_write(archive, GROUP "/value", FS_ARCHIVE_F64, 3, values, value, err) == 0 &&
                    fs_archive_attribute_integer(archive, GROUP, "traced_layer", (int64_t)comparison->traced, err) ==
                        0 &&
                    fs_archive_attribute_integer(archive, GROUP, "random_layer", (int64_t)comparison->random, err) == 0
                ? fs_archive_attribute_integer(archive, GROUP, "compared", (int64_t)comparison->capacity, err)
                : -1;
    }
    free(value);
    free(ideal);
    return status;
}

static int read_size(const struct fs_archive *archive, const char *name, int64_t most, size_t *value,
                     struct fs_error *err)
{
    int64_t number;
    if (fs_archive_read_attribute_integer(archive, GROUP, name, &number, err) != 0) {
        return -1;
    }
    if (number < 0 || number > most) {
        return fs_error_set(err, FS_EXIT_DATA, GROUP "@%s: found %lld, expected 0 to %lld", name, (long long)number,
                            (long long)most);
    }
    *value = (size_t)number;
    return 0;
}

/* The texts of the rows, NULL-terminated by nothing: text[TEXTS][rows], each a block that the caller frees. */
static int read_names(const struct fs_archive *archive, size_t rows, char **text[TEXTS], struct fs_error *err)
{
    for (enum fs_row_text k = 0; k < TEXTS; k++) {
        char name[64];
        size_t count = 0;
        snprintf(name, sizeof name, GROUP "/%s", text_names[k]);
        if (fs_archive_read_texts(archive, name, &count, &text[k], err) != 0) {
            return -1;
        }
        if (count != rows) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: found other texts than a table of %zu rows has", name, rows);
        }
    }
    return 0;
}

/* value [rows][2], ideal [rows] */
static int add_layer(char **const text[TEXTS], const double *value, const double *ideal, size_t rows,
                     struct fs_results *result, struct fs_error *err)
{
    static const char *const edit[] = {"stamp"};
    int status = fs_results_create(1, edit, result, err);
    for (size_t r = 0; status == 0 && r < rows; r++) {
        const char *const names[FS_ROW_TEXTS] = {text[FS_ROW_SUITE][r], text[FS_ROW_CATEGORY][r],
                                                 text[FS_ROW_SUBSET][r], text[FS_ROW_METRIC][r], ""};
        struct fs_result_row *row = fs_results_add(result, names, err);
        status = row != NULL ? 0 : -1;
        for (size_t column = 0; row != NULL && column < COLUMNS; column++) {
            row->ideal = ideal[r];
            row->value[column].value = value[COLUMNS * r + column];
        }
    }
    return status;
}

static int read_rows(const struct fs_archive *archive, size_t layers, size_t rows,
                     struct fs_layer_comparison *comparison, struct fs_error *err)
{
    char **text[TEXTS] = {NULL};
    double *value = fs_allocate(layers * rows, COLUMNS * sizeof *value, "layers", err);
    double *ideal = fs_allocate(rows, sizeof *ideal, "layers", err);
    int status =
        value != NULL && ideal != NULL &&
                fs_archive_read(archive, GROUP "/value", FS_ARCHIVE_F64, COLUMNS * layers * rows, value, err) == 0 &&
                fs_archive_read(archive, GROUP "/ideal", FS_ARCHIVE_F64, rows, ideal, err) == 0
            ? read_names(archive, rows, text, err)
            : -1;
    for (size_t i = 0; status == 0 && i < layers; i++) {
        status = add_layer(text, value + COLUMNS * rows * i, ideal, rows, &comparison->result[i], err);
    }
    for (size_t k = 0; k < TEXTS; k++) {
        free(text[k]);
    }
    free(value);
    free(ideal);
    return status;
}

int fs_layers_read(const struct fs_archive *archive, struct fs_layer_comparison *comparison, struct fs_error *err)
{
    size_t dimensions, shape[4], compared = 0, traced = 0, random = 0;
    int64_t *layer = NULL;
    *comparison = (struct fs_layer_comparison){0};
    if (fs_archive_shape(archive, GROUP "/value", &dimensions, shape, err) != 0 ||
        read_size(archive, "compared", MOST_LAYERS, &compared, err) != 0 ||
        read_size(archive, "traced_layer", MOST_LAYERS, &traced, err) != 0 ||
        read_size(archive, "random_layer", MOST_LAYERS, &random, err) != 0) {
        return -1;
    }
    if (dimensions != 3 || shape[2] != 2 || shape[0] > compared) {
        return fs_error_set(err, FS_EXIT_DATA, GROUP "/value: found another shape than layers x rows x 2");
    }
    int status = fs_layers_create(compared, traced, random, comparison, err);
    layer = status == 0 ? fs_allocate(shape[0], sizeof *layer, "layers", err) : NULL;
    if (layer == NULL || fs_archive_read(archive, GROUP "/layer", FS_ARCHIVE_I64, shape[0], layer, err) != 0 ||
        fs_archive_read(archive, GROUP "/loss", FS_ARCHIVE_F64, 4 * shape[0], comparison->loss, err) != 0) {
        status = -1;
    }
    if (status == 0) {
        comparison->layers = shape[0];
        for (size_t i = 0; i < shape[0]; i++) {
            comparison->layer[i] = layer[i] < 0 ? 0 : (size_t)layer[i];
        }
        status = read_rows(archive, shape[0], shape[1], comparison, err);
    }
    if (status == 0) {
        rank(comparison);
    } else {
        fs_layers_release(comparison);
    }
    free(layer);
    return status;
}
