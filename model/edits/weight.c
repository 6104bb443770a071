#include "model/edits/weight.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model/applied.h"
#include "model/backends/linear.h"
#include "model/edits/edit_file.h"
#include "model/families/spec.h"
#include "model/numbers/kernels.h"

enum { HIDDEN, FFN, RANK, BIASED }; /* of fs_edit.size */

/* An edit without numbers; FS_EXIT_DATA where there would be too many to count. */
static int shape(size_t layer, const size_t size[FS_EDIT_SIZES], struct fs_edit *edit, struct fs_error *err)
{
    size_t d = size[HIDDEN], F = size[FFN], r = size[RANK], count;
    if (d > SIZE_MAX / 64 - F || fs_multiply(r > 0 ? d + F : d, r > 0 ? r : F, &count) != 0 || count > SIZE_MAX / 64) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "weight: found hidden size %zu, FFN size %zu, rank %zu, expected sizes "
                            "that fit in memory",
                            d, F, r);
    }
    *edit =
        (struct fs_edit){.kind = &fs_edit_weight, .first_layer = layer, .count = count + (size[BIASED] > 0 ? d : 0)};
    memcpy(edit->size, size, sizeof edit->size);
    return 0;
}

static int refuse_experts(const struct fs_spec *spec, size_t layer, struct fs_error *err)
{
    if (spec->layer[layer].experts == 0) {
        return 0;
    }
    return fs_error_set(
        err, FS_EXIT_DATA,
        "weight: layer %zu has %zu experts, each with a matrix of its own, expected a layer with one FFN; "
        "take the stamp, or another layer",
        layer, spec->layer[layer].experts);
}

int fs_weight_create(const struct fs_spec *spec, size_t layer, size_t rank, struct fs_edit *edit, struct fs_error *err)
{
    const size_t size[FS_EDIT_SIZES] = {spec->hidden, spec->layer[layer].ffn, rank, spec->layer[layer].ffn_bias};
    *edit = (struct fs_edit){0};
    if (refuse_experts(spec, layer, err) != 0 || shape(layer, size, edit, err) != 0) {
        return -1;
    }
    edit->number = fs_allocate_aligned(edit->count, sizeof *edit->number, "the change of a matrix", err);
    if (edit->number == NULL) {
        return -1;
    }
    memset(edit->number, 0, edit->count * sizeof *edit->number);
    return 0;
}

struct fs_weight fs_weight_of(const struct fs_edit *edit)
{
    size_t d = edit->size[HIDDEN], F = edit->size[FFN], r = edit->size[RANK];
    fs_real *first = edit->number;
    return (struct fs_weight){.layer = edit->first_layer,
                              .hidden = d,
                              .ffn = F,
                              .rank = r,
                              .delta = r == 0 ? first : NULL,
                              .left = r > 0 ? first : NULL,
                              .right = r > 0 ? first + d * r : NULL,
                              .bias = edit->size[BIASED] > 0 ? first + (edit->count - d) : NULL};
}

size_t fs_weight_parameters(const struct fs_spec *spec, size_t layer)
{
    const struct fs_layer_spec *own = &spec->layer[layer];
    return spec->hidden * (own->ffn + (own->ffn_bias ? 1 : 0));
}

static int check(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err)
{
    struct fs_weight w = fs_weight_of(edit);
    if (w.layer >= spec->layers || w.hidden != spec->hidden || w.ffn > INT_MAX || w.rank > INT_MAX) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "weight: found layer %zu and hidden size %zu, expected a layer below %zu and hidden size "
                            "%zu; use the edit with the model it was made for",
                            w.layer, w.hidden, spec->layers, spec->hidden);
    }
    const struct fs_layer_spec *own = &spec->layer[w.layer];
    if (refuse_experts(spec, w.layer, err) != 0) {
        return -1;
    }
    if (w.ffn != own->ffn || (w.bias != NULL) != own->ffn_bias) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "weight: found FFN size %zu %s bias, expected %zu %s as layer %zu has; use the edit with the "
            "model it was made for",
            w.ffn, w.bias != NULL ? "with" : "without", own->ffn, own->ffn_bias ? "with" : "without", w.layer);
    }
    return 0;
}

static size_t inner_size(const struct fs_edit *edit)
{
    return edit->size[RANK];
}

/* h += a Delta^T + delta b; with factors inner = a B, h += inner A^T + delta b */
static void ffn_output(const struct fs_edit *edit, const struct fs_edit_run *run, fs_real *h)
{
    struct fs_weight w = fs_weight_of(edit);
    if (run->layer != w.layer) {
        return;
    }
    size_t T = run->tokens, d = w.hidden, F = w.ffn, r = w.rank;
    if (r == 0) {
        struct fs_linear whole = fs_linear_of(w.delta, w.bias, F, d, false);
        fs_linear_residual(run->backend, &whole, T, run->key, h, h);
        return;
    }
    struct fs_linear right = fs_linear_of(w.right, NULL, F, r, true), left = fs_linear_of(w.left, w.bias, r, d, false);
    fs_linear(run->backend, &right, T, run->key, run->inner, r);
    fs_linear_residual(run->backend, &left, T, run->inner, h, h);
}

/* dDelta = dy^T a; with factors dA = dy^T inner, dinner = dy A, dB = a^T dinner; d(delta b) = the sum of dy's rows. */
static void ffn_output_backward(const struct fs_edit *edit, const struct fs_edit_run *run, const fs_real *dy,
                                fs_real *dinner, fs_real *gradient, fs_real *dx)
{
    struct fs_weight w = fs_weight_of(edit);
    size_t T = run->tokens, d = w.hidden, F = w.ffn, r = w.rank;
    struct fs_matrix output = fs_matrix_of(dy, T, d, d), key = fs_matrix_of(run->key, T, F, F);
    (void)dx; /* never wanted: edit.h */
    if (gradient == NULL) {
        return;
    }
    if (r == 0) {
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_A, 1, output, key}, 1, gradient, F);
    } else {
        struct fs_matrix inner = fs_matrix_of(run->inner, T, r, r), back = fs_matrix_of(dinner, T, r, r);
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_A, 1, output, inner}, 1, gradient, r);
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_NONE, 1, output, fs_matrix_of(w.left, d, r, r)}, 0,
                   dinner, r);
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_A, 1, key, back}, 1, gradient + (w.right - w.left), r);
    }
    if (w.bias != NULL) {
        fs_kernel_add_rows(gradient + (edit->count - d), dy, T, d);
    }
}

/* Of the factors, A alone. */
static void scale(struct fs_edit *edit, double strength)
{
    struct fs_weight w = fs_weight_of(edit);
    for (size_t i = 0; i < edit->count; i++) {
        if (w.rank == 0 || i < w.hidden * w.rank || i >= (w.hidden + w.ffn) * w.rank) {
            edit->number[i] = (fs_real)(strength * (double)edit->number[i]);
        }
    }
}

static double flops(const struct fs_edit *edit, double tokens)
{
    double d = (double)edit->size[HIDDEN], F = (double)edit->size[FFN], r = (double)edit->size[RANK];
    return 2 * tokens * (r > 0 ? r * (d + F) : d * F);
}

/* ---- in an archive ---- */

#define GROUP "/weight"
#define MOST ((int64_t)1 << 32) /* of a layer and of each size */

static const struct {
    const char *name;
    int64_t least, most;
} sizes[FS_EDIT_SIZES] = {
    [HIDDEN] = {"hidden", 1, MOST}, [FFN] = {"ffn", 1, MOST}, [RANK] = {"rank", 0, MOST}, [BIASED] = {"biased", 0, 1}};

static int write_weight(const struct fs_edit *edit, struct fs_archive *archive, struct fs_error *err)
{
    struct fs_weight w = fs_weight_of(edit);
    const size_t d = w.hidden, whole[] = {d, w.ffn}, left[] = {d, w.rank}, right[] = {w.ffn, w.rank};
    if ((w.rank == 0 && fs_edit_write_reals(archive, GROUP "/delta", 2, whole, w.delta, err) != 0) ||
        (w.rank > 0 && (fs_edit_write_reals(archive, GROUP "/left", 2, left, w.left, err) != 0 ||
                        fs_edit_write_reals(archive, GROUP "/right", 2, right, w.right, err) != 0)) ||
        (w.bias != NULL && fs_edit_write_reals(archive, GROUP "/bias", 1, &d, w.bias, err) != 0)) {
        return -1;
    }
    for (size_t i = 0; i < FS_EDIT_SIZES; i++) {
        if (fs_archive_attribute_integer(archive, GROUP, sizes[i].name, (int64_t)edit->size[i], err) != 0) {
            return -1;
        }
    }
    return fs_archive_attribute_integer(archive, GROUP, "layer", (int64_t)w.layer, err);
}

static int check_shape(const struct fs_archive *archive, const char *name, size_t rows, size_t columns,
                       struct fs_error *err)
{
    size_t dimensions, found[4];
    if (fs_archive_shape(archive, name, &dimensions, found, err) != 0) {
        return -1;
    }
    if (dimensions != 2 || found[0] != rows || found[1] != columns) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: its shape is not %zu x %zu as the attributes say; train again",
                            name, rows, columns);
    }
    return 0;
}

/* The matrices must have the shapes that the attributes say before memory is asked for. */
static int read_weight(const struct fs_archive *archive, struct fs_edit *edit, struct fs_error *err)
{
    size_t layer = 0, size[FS_EDIT_SIZES] = {0};
    for (size_t i = 0; i < FS_EDIT_SIZES; i++) {
        if (fs_edit_read_size(archive, GROUP, sizes[i].name, sizes[i].least, sizes[i].most, &size[i], err) != 0) {
            return -1;
        }
    }
    size_t d = size[HIDDEN], F = size[FFN], r = size[RANK];
    struct fs_edit found;
    if (fs_edit_read_size(archive, GROUP, "layer", 0, MOST, &layer, err) != 0 ||
        check_shape(archive, r > 0 ? GROUP "/left" : GROUP "/delta", d, r > 0 ? r : F, err) != 0 ||
        (r > 0 && check_shape(archive, GROUP "/right", F, r, err) != 0) || shape(layer, size, &found, err) != 0) {
        return -1;
    }
    found.number = fs_allocate_aligned(found.count, sizeof *found.number, "the change of a matrix", err);
    if (found.number == NULL) {
        return -1;
    }
    struct fs_weight w = fs_weight_of(&found);
    if ((r == 0 && fs_edit_read_reals(archive, GROUP "/delta", d * F, w.delta, err) != 0) ||
        (r > 0 && (fs_edit_read_reals(archive, GROUP "/left", d * r, w.left, err) != 0 ||
                   fs_edit_read_reals(archive, GROUP "/right", F * r, w.right, err) != 0)) ||
        (w.bias != NULL && fs_edit_read_reals(archive, GROUP "/bias", d, w.bias, err) != 0)) {
        free(found.number);
        return -1;
    }
    *edit = found;
    return 0;
}

/* ---- outside of this program ---- */

static int apply(const struct fs_edit *edit, struct fs_applied *applied, struct fs_error *err)
{
    struct fs_weight w = fs_weight_of(edit);
    size_t one = (w.rank > 0 ? (w.hidden + w.ffn) * w.rank : w.hidden * w.ffn) + (w.bias != NULL ? w.hidden : 0);
    if (edit->count != one) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "weight: found %zu numbers, expected %zu of one layer", edit->count,
                            one);
    }
    const struct fs_weight_change matrix = {w.hidden, w.ffn, w.delta, w.left, w.right, w.rank};
    const struct fs_weight_change bias = {.outputs = w.hidden, .inputs = 1, .delta = w.bias};
    if (fs_applied_change_ffn(applied, w.layer, FS_APPLIED_FFN_WEIGHT, &matrix, err) != 0) {
        return -1;
    }
    return w.bias != NULL ? fs_applied_change_ffn(applied, w.layer, FS_APPLIED_FFN_BIAS, &bias, err) : 0;
}

const struct fs_edit_kind fs_edit_weight = {.name = "weight",
                                            .reads_keys = true,
                                            .check = check,
                                            .ffn_output = ffn_output,
                                            .inner_size = inner_size,
                                            .ffn_output_backward = ffn_output_backward,
                                            .scale = scale,
                                            .flops = flops,
                                            .write = write_weight,
                                            .read = read_weight,
                                            .apply = apply};
