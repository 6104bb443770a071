#include "model/edits/last_state.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model/applied.h"
#include "model/backends/linear.h"
#include "model/edits/edit_file.h"

struct map {
    size_t hidden, rank;
    fs_real *centre, *bias, *left, *right;
};

static struct map map_of(const struct fs_edit *edit)
{
    size_t d = edit->size[0], r = edit->size[1];
    fs_real *number = edit->number;
    return (struct map){d, r, number, number + d, number + d + r, number + d + r + r * d};
}

size_t fs_last_state_parameters(size_t hidden, size_t rank)
{
    return hidden + rank + 2 * rank * hidden;
}

static int create(size_t layers, size_t hidden, size_t rank, struct fs_edit *edit, struct fs_error *err)
{
    size_t matrix;
    *edit = (struct fs_edit){.kind = &fs_edit_last_state, .first_layer = layers, .size = {hidden, rank}};
    if (hidden == 0 || rank == 0 || fs_multiply(hidden, rank, &matrix) != 0 || matrix > SIZE_MAX / 64) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "last_state: found rank %zu and width %zu, expected sizes from 1 that fit in memory", rank,
                            hidden);
    }
    edit->count = fs_last_state_parameters(hidden, rank);
    edit->number = fs_allocate_aligned(edit->count, sizeof *edit->number, "a map of the last state", err);
    if (edit->number == NULL) {
        return -1;
    }
    memset(edit->number, 0, edit->count * sizeof *edit->number);
    return 0;
}

int fs_last_state_create(const struct fs_spec *spec, size_t rank, struct fs_edit *edit, struct fs_error *err)
{
    return create(spec->layers, fs_spec_state_width(spec), rank, edit, err);
}

/* From the numbers as they are stored, so that a map that was read back has the same bits. */
static void set_bias(const struct map *map)
{
    for (size_t k = 0; k < map->rank; k++) {
        double sum = 0;
        for (size_t i = 0; i < map->hidden; i++) {
            sum += (double)map->right[k * map->hidden + i] * (double)map->centre[i];
        }
        map->bias[k] = (fs_real)(0 - sum);
    }
}

void fs_last_state_set(struct fs_edit *edit, const double *centre, const double *left, const double *right)
{
    const struct map map = map_of(edit);
    for (size_t i = 0; i < map.hidden; i++) {
        map.centre[i] = centre != NULL ? (fs_real)centre[i] : 0;
    }
    for (size_t i = 0; i < map.rank * map.hidden; i++) {
        map.left[i] = (fs_real)left[i];
        map.right[i] = (fs_real)right[i];
    }
    set_bias(&map);
}

/* ---- as an edit ---- */

static int check(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err)
{
    if (edit->size[0] != fs_spec_state_width(spec) || edit->first_layer != spec->layers || edit->size[1] > INT_MAX) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "last_state: found a map behind %zu layers of states of %zu numbers, expected %zu and %zu; "
                            "use it with the model it was made for",
                            edit->first_layer, edit->size[0], spec->layers, fs_spec_state_width(spec));
    }
    return 0;
}

static size_t inner_size(const struct fs_edit *edit)
{
    return edit->size[1];
}

/* inner = h M_right + b, h -= inner M_left^T */
static void last_state(const struct fs_edit *edit, const struct fs_backend *backend, size_t rows, fs_real *h,
                       fs_real *inner)
{
    const struct map map = map_of(edit);
    size_t d = map.hidden, r = map.rank;
    struct fs_linear right = fs_linear_of(map.right, map.bias, d, r, false);
    struct fs_matrix part = fs_matrix_of(inner, rows, r, r), left = fs_matrix_of(map.left, r, d, d);
    fs_linear(backend, &right, rows, h, inner, r);
    fs_product(backend, (struct fs_term){FS_TRANSPOSE_NONE, -1, part, left}, 1, h, d);
}

/* M_left */
static void scale(struct fs_edit *edit, double strength)
{
    const struct map map = map_of(edit);
    for (size_t i = 0; i < map.rank * map.hidden; i++) {
        map.left[i] = (fs_real)(strength * (double)map.left[i]);
    }
}

static double flops(const struct fs_edit *edit, double rows)
{
    return 4 * rows * (double)edit->size[0] * (double)edit->size[1];
}

/* ---- in an archive ---- */

#define GROUP "/last_state"

static int write_map(const struct fs_edit *edit, struct fs_archive *archive, struct fs_error *err)
{
    const struct map map = map_of(edit);
    const size_t matrix[] = {map.rank, map.hidden};
    return fs_edit_write_reals(archive, GROUP "/centre", 1, &map.hidden, map.centre, err) == 0 &&
                   fs_edit_write_reals(archive, GROUP "/left", 2, matrix, map.left, err) == 0 &&
                   fs_edit_write_reals(archive, GROUP "/right", 2, matrix, map.right, err) == 0
               ? fs_archive_attribute_integer(archive, GROUP, "layers", (int64_t)edit->first_layer, err)
               : -1;
}

/* The shapes must agree before memory is asked for. */
static int read_map(const struct fs_archive *archive, struct fs_edit *edit, struct fs_error *err)
{
    size_t dimensions = 0, shape[4];
    int64_t layers;
    if (fs_archive_read_attribute_integer(archive, GROUP, "layers", &layers, err) != 0 ||
        fs_archive_shape(archive, GROUP "/left", &dimensions, shape, err) != 0) {
        return -1;
    }
    if (dimensions != 2 || layers < 0 || layers > INT_MAX) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found %zu dimensions of left behind %lld layers, expected a matrix "
                            "behind the layers of a model; train again",
                            GROUP, dimensions, (long long)layers);
    }
    if (create((size_t)layers, shape[1], shape[0], edit, err) != 0) {
        return -1;
    }
    const struct map map = map_of(edit);
    if (fs_edit_read_reals(archive, GROUP "/centre", map.hidden, map.centre, err) != 0 ||
        fs_edit_read_reals(archive, GROUP "/left", map.rank * map.hidden, map.left, err) != 0 ||
        fs_edit_read_reals(archive, GROUP "/right", map.rank * map.hidden, map.right, err) != 0) {
        fs_edit_release(edit);
        return -1;
    }
    set_bias(&map);
    return 0;
}

/* ---- outside of this program ---- */

static int apply(const struct fs_edit *edit, struct fs_applied *applied, struct fs_error *err)
{
    const struct map map = map_of(edit);
    return fs_applied_add(applied, "centre", map.hidden, 0, map.centre, err) == 0 &&
                   fs_applied_add(applied, "left", map.rank, map.hidden, map.left, err) == 0
               ? fs_applied_add(applied, "right", map.rank, map.hidden, map.right, err)
               : -1;
}

const struct fs_edit_kind fs_edit_last_state = {.name = "last_state",
                                                .check = check,
                                                .inner_size = inner_size,
                                                .last_state = last_state,
                                                .scale = scale,
                                                .flops = flops,
                                                .write = write_map,
                                                .read = read_map,
                                                .apply = apply};
