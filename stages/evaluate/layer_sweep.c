/*
 * Datasets of a layers file, m layers, r rows:
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

#define CONTROL_STREAM ((uint64_t)1 << 43)
#define MOST_LAYERS ((int64_t)100000)

int fs_layers_create(size_t capacity, size_t traced, size_t random, struct fs_layer_comparison *comparison,
                     struct fs_error *err)
{
    *comparison = (struct fs_layer_comparison){.capacity = capacity, .traced = traced, .random = random};
    comparison->layer = fs_allocate(capacity, sizeof *comparison->layer, "layers", err);
    comparison->loss = fs_allocate(capacity, 4 * sizeof *comparison->loss, "layers", err);
    comparison->score = fs_allocate(capacity, sizeof *comparison->score, "layers", err);
    comparison->place = fs_allocate(capacity, sizeof *comparison->place, "layers", err);
    return comparison->layer != NULL && comparison->loss != NULL && comparison->score != NULL &&
                   comparison->place != NULL
               ? 0
               : -1;
}

void fs_layers_release(struct fs_layer_comparison *comparison)
{
    free(comparison->layer);
    free(comparison->loss);
    free(comparison->row);
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
                       size_t model)
{
    double value = NAN;
    for (size_t r = 0; r < comparison->rows; r++) {
        const struct fs_result_row *row = &comparison->row[i * comparison->rows + r];
        if (strcmp(row->metric, metric) != 0 || strcmp(row->category, "all") != 0) {
            continue;
        }
        if (subset != NULL ? strcmp(row->subset, subset) == 0 : is_not_edited(row->subset)) {
            return row->model[model].value;
        }
        if (subset == NULL && strcmp(row->subset, "all") == 0) {
            value = row->model[model].value;
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

int fs_layers_add(struct fs_layer_comparison *comparison, size_t layer, const double loss[4],
                  const struct fs_evaluate_result *result, struct fs_error *err)
{
    size_t i = comparison->layers;
    if (i == comparison->capacity || (i > 0 && result->rows != comparison->rows)) {
        return fs_error_set(err, FS_EXIT_SOFTWARE,
                            "layers: %zu rows of layer %zu do not go with %zu rows of %zu layers", result->rows, layer,
                            comparison->rows, i);
    }
    size_t room = i * result->rows;
    if (fs_grow(&comparison->row, &room, room + result->rows + 1, sizeof *comparison->row, "layers", err) != 0) {
        return -1;
    }
    comparison->rows = result->rows;
    memcpy(comparison->row + i * result->rows, result->row, result->rows * sizeof *comparison->row);
    memcpy(comparison->loss + 4 * i, loss, 4 * sizeof *loss);
    comparison->layer[i] = layer;
    comparison->layers++;
    rank(comparison);
    return 0;
}

/* The text of a row in the order of the datasets. */
#define TEXTS 4
static const char *const text_names[TEXTS] = {"/layers/suite", "/layers/category", "/layers/subset", "/layers/metric"};

static char *text_of(struct fs_result_row *row, size_t which, size_t *size)
{
    char *const text[TEXTS] = {row->suite, row->category, row->subset, row->metric};
    const size_t sizes[TEXTS] = {sizeof row->suite, sizeof row->category, sizeof row->subset, sizeof row->metric};
    *size = sizes[which];
    return text[which];
}

static int write_names(struct fs_archive *archive, const struct fs_layer_comparison *comparison, struct fs_error *err)
{
    size_t size, rows = comparison->rows;
    const char **text = fs_allocate(rows, sizeof *text, "layers", err);
    int status = text != NULL ? 0 : -1;
    for (size_t k = 0; status == 0 && k < TEXTS; k++) {
        for (size_t r = 0; r < rows; r++) {
            text[r] = text_of(&comparison->row[r], k, &size);
        }
        status = fs_archive_write_texts(archive, text_names[k], rows, text, err);
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
    size_t m = comparison->layers, r = comparison->rows;
    const size_t four[2] = {m, 4}, values[3] = {m, r, 2};
    double *value = fs_allocate(m * r, 2 * sizeof *value, "layers", err);
    double *ideal = fs_allocate(r, sizeof *ideal, "layers", err);
    int status = value != NULL && ideal != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < 2 * m * r; i++) {
        value[i] = comparison->row[i / 2].model[i % 2].value;
    }
    for (size_t i = 0; status == 0 && i < r; i++) {
        ideal[i] = comparison->row[i].ideal;
    }
    if (status == 0) {
        status =
            write_names(archive, comparison, err) == 0 &&
                    write_integers(archive, "/layers/layer", comparison->layer, m, err) == 0 &&
                    write_integers(archive, "/layers/place", comparison->place, m, err) == 0 &&
                    fs_archive_write(archive, "/layers/score", FS_ARCHIVE_F64, 1, &m, comparison->score, err) == 0 &&
                    fs_archive_write(archive, "/layers/loss", FS_ARCHIVE_F64, 2, four, comparison->loss, err) == 0 &&
                    fs_archive_write(archive, "/layers/ideal", FS_ARCHIVE_F64, 1, &r, ideal, err) == 0 &&
                    fs_archive_write(archive, "/layers/value", FS_ARCHIVE_F64, 3, values, value, err) == 0 &&
                    fs_archive_attribute_integer(archive, "/layers", "traced_layer", (int64_t)comparison->traced,
                                                 err) == 0 &&
                    fs_archive_attribute_integer(archive, "/layers", "random_layer", (int64_t)comparison->random,
                                                 err) == 0
                ? fs_archive_attribute_integer(archive, "/layers", "compared", (int64_t)comparison->capacity, err)
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
    if (fs_archive_read_attribute_integer(archive, "/layers", name, &number, err) != 0) {
        return -1;
    }
    if (number < 0 || number > most) {
        return fs_error_set(err, FS_EXIT_DATA, "/layers@%s: found %lld, expected 0 to %lld", name, (long long)number,
                            (long long)most);
    }
    *value = (size_t)number;
    return 0;
}

static int read_rows(const struct fs_archive *archive, struct fs_layer_comparison *comparison, struct fs_error *err)
{
    size_t m = comparison->layers, r = comparison->rows;
    double *value = fs_allocate(m * r, 2 * sizeof *value, "layers", err);
    double *ideal = fs_allocate(r, sizeof *ideal, "layers", err);
    comparison->row = fs_allocate(m * r + 1, sizeof *comparison->row, "layers", err);
    int status = value != NULL && ideal != NULL && comparison->row != NULL &&
                         fs_archive_read(archive, "/layers/value", FS_ARCHIVE_F64, 2 * m * r, value, err) == 0
                     ? fs_archive_read(archive, "/layers/ideal", FS_ARCHIVE_F64, r, ideal, err)
                     : -1;
    for (size_t k = 0; status == 0 && k < TEXTS; k++) {
        char **text = NULL;
        size_t count, size;
        status = fs_archive_read_texts(archive, text_names[k], &count, &text, err);
        for (size_t i = 0; status == 0 && i < m * r; i++) {
            char *own = text_of(&comparison->row[i], k, &size);
            if (count != r || strlen(text[i % r]) >= size) {
                status = fs_error_set(err, FS_EXIT_DATA, "%s: found other texts than a table of %zu rows has",
                                      text_names[k], r);
            } else {
                memcpy(own, text[i % r], strlen(text[i % r]) + 1);
            }
        }
        free(text);
    }
    for (size_t i = 0; status == 0 && i < m * r; i++) {
        struct fs_result_row *row = &comparison->row[i];
        row->ideal = ideal[i % r];
        row->paired = fs_paired_none();
        for (size_t model = 0; model < 2; model++) {
            row->model[model] = (struct fs_metric){value[2 * i + model], NAN, NAN, 0, 0};
        }
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
    if (fs_archive_shape(archive, "/layers/value", &dimensions, shape, err) != 0 ||
        read_size(archive, "compared", MOST_LAYERS, &compared, err) != 0 ||
        read_size(archive, "traced_layer", MOST_LAYERS, &traced, err) != 0 ||
        read_size(archive, "random_layer", MOST_LAYERS, &random, err) != 0) {
        return -1;
    }
    if (dimensions != 3 || shape[2] != 2 || shape[0] > compared) {
        return fs_error_set(err, FS_EXIT_DATA, "/layers/value: found another shape than layers x rows x 2");
    }
    int status = fs_layers_create(compared, traced, random, comparison, err);
    layer = status == 0 ? fs_allocate(shape[0], sizeof *layer, "layers", err) : NULL;
    if (layer == NULL || fs_archive_read(archive, "/layers/layer", FS_ARCHIVE_I64, shape[0], layer, err) != 0 ||
        fs_archive_read(archive, "/layers/loss", FS_ARCHIVE_F64, 4 * shape[0], comparison->loss, err) != 0) {
        status = -1;
    }
    if (status == 0) {
        comparison->layers = shape[0];
        comparison->rows = shape[1];
        for (size_t i = 0; i < shape[0]; i++) {
            comparison->layer[i] = layer[i] < 0 ? 0 : (size_t)layer[i];
        }
        status = read_rows(archive, comparison, err);
    }
    if (status == 0) {
        rank(comparison);
    } else {
        fs_layers_release(comparison);
    }
    free(layer);
    return status;
}
