#include "model/edits/weight.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model/applied.h"
#include "model/backends/linear.h"
#include "model/edits/edit_file.h"
#include "model/families/spec.h"
#include "model/numbers/kernels.h"

enum { HIDDEN, FFN, RANK, BIASED, LAYERS, SIZES }; /* of fs_edit.size */
_Static_assert(SIZES <= FS_EDIT_SIZES, "room for the sizes");

/* An edit without numbers; FS_EXIT_DATA where there would be too many to count. */
static int shape(size_t layer, const size_t size[FS_EDIT_SIZES], struct fs_edit *edit, struct fs_error *err)
{
    size_t d = size[HIDDEN], F = size[FFN], r = size[RANK], layers = size[LAYERS], one, count;
    if (d > SIZE_MAX / 64 - F || fs_multiply(r > 0 ? d + F : d, r > 0 ? r : F, &one) != 0 || one > SIZE_MAX / 64 - d ||
        fs_multiply(one + (size[BIASED] > 0 ? d : 0), layers, &count) != 0 || count > SIZE_MAX / 64) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "weight: found hidden size %zu, FFN size %zu, rank %zu of %zu layers, expected sizes "
                            "that fit in memory",
                            d, F, r, layers);
    }
    *edit = (struct fs_edit){.kind = &fs_edit_weight, .first_layer = layer, .count = count};
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

int fs_weight_create_layers(const struct fs_spec *spec, size_t first, size_t layers, size_t rank, struct fs_edit *edit,
                            struct fs_error *err)
{
    const struct fs_layer_spec *own = &spec->layer[first];
    const size_t size[FS_EDIT_SIZES] = {
        [HIDDEN] = spec->hidden, [FFN] = own->ffn, [RANK] = rank, [BIASED] = own->ffn_bias, [LAYERS] = layers};
    *edit = (struct fs_edit){0};
    for (size_t layer = first; layer < first + layers; layer++) {
        if (refuse_experts(spec, layer, err) != 0) {
            return -1;
        }
        if (spec->layer[layer].ffn != own->ffn || spec->layer[layer].ffn_bias != own->ffn_bias) {
            return fs_error_set(
                err, FS_EXIT_DATA,
                "weight: found an FFN of size %zu at layer %zu and of %zu at layer %zu, or a bias at one "
                "alone, expected layers of one shape; take fewer layers",
                own->ffn, first, spec->layer[layer].ffn, layer);
        }
    }
    if (shape(first, size, edit, err) != 0) {
        return -1;
    }
    edit->number = fs_allocate_aligned(edit->count, sizeof *edit->number, "the change of a matrix", err);
    if (edit->number == NULL) {
        return -1;
    }
    memset(edit->number, 0, edit->count * sizeof *edit->number);
    return 0;
}

int fs_weight_create(const struct fs_spec *spec, size_t layer, size_t rank, struct fs_edit *edit, struct fs_error *err)
{
    return fs_weight_create_layers(spec, layer, 1, rank, edit, err);
}

/* The matrices of all layers one behind the other: Delta, or A, then B; then the biases. */
struct fs_weight fs_weight_at(const struct fs_edit *edit, size_t number)
{
    size_t d = edit->size[HIDDEN], F = edit->size[FFN], r = edit->size[RANK], layers = edit->size[LAYERS];
    fs_real *first = edit->number, *right = first + layers * d * r;
    return (struct fs_weight){.layer = edit->first_layer + number,
                              .layers = layers,
                              .hidden = d,
                              .ffn = F,
                              .rank = r,
                              .delta = r == 0 ? first + number * d * F : NULL,
                              .left = r > 0 ? first + number * d * r : NULL,
                              .right = r > 0 ? right + number * F * r : NULL,
                              .bias = edit->size[BIASED] > 0 ? first + (edit->count - (layers - number) * d) : NULL};
}

struct fs_weight fs_weight_of(const struct fs_edit *edit)
{
    return fs_weight_at(edit, 0);
}

size_t fs_weight_parameters(const struct fs_spec *spec, size_t layer)
{
    const struct fs_layer_spec *own = &spec->layer[layer];
    return spec->hidden * (own->ffn + (own->ffn_bias ? 1 : 0));
}

static int check_layer(const struct fs_weight *w, const struct fs_spec *spec, struct fs_error *err)
{
    const struct fs_layer_spec *own = &spec->layer[w->layer];
    if (refuse_experts(spec, w->layer, err) != 0) {
        return -1;
    }
    if (w->ffn != own->ffn || (w->bias != NULL) != own->ffn_bias) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "weight: found FFN size %zu %s bias, expected %zu %s as layer %zu has; use the edit with the "
            "model it was made for",
            w->ffn, w->bias != NULL ? "with" : "without", own->ffn, own->ffn_bias ? "with" : "without", w->layer);
    }
    return 0;
}

static int check(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err)
{
    struct fs_weight w = fs_weight_of(edit);
    if (w.layer >= spec->layers || w.layers > spec->layers - w.layer || w.hidden != spec->hidden || w.ffn > INT_MAX ||
        w.rank > INT_MAX) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "weight: found %zu layers from %zu on and hidden size %zu, expected layers below %zu and hidden "
            "size %zu; use the edit with the model it was made for",
            w.layers, w.layer, w.hidden, spec->layers, spec->hidden);
    }
    for (size_t i = 0; i < w.layers; i++) {
        struct fs_weight own = fs_weight_at(edit, i);
        if (check_layer(&own, spec, err) != 0) {
            return -1;
        }
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
    if (run->layer < edit->first_layer || run->layer - edit->first_layer >= edit->size[LAYERS]) {
        return;
    }
    struct fs_weight w = fs_weight_at(edit, run->layer - edit->first_layer);
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
    struct fs_weight w = fs_weight_at(edit, run->layer - edit->first_layer);
    size_t T = run->tokens, d = w.hidden, F = w.ffn, r = w.rank;
    struct fs_matrix output = fs_matrix_of(dy, T, d, d), key = fs_matrix_of(run->key, T, F, F);
    (void)dx; /* never wanted: edit.h */
    if (gradient == NULL) {
        return;
    }
    if (r == 0) {
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_A, 1, output, key}, 1,
                   gradient + (w.delta - edit->number), F);
    } else {
        struct fs_matrix inner = fs_matrix_of(run->inner, T, r, r), back = fs_matrix_of(dinner, T, r, r);
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_A, 1, output, inner}, 1,
                   gradient + (w.left - edit->number), r);
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_NONE, 1, output, fs_matrix_of(w.left, d, r, r)}, 0,
                   dinner, r);
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_A, 1, key, back}, 1, gradient + (w.right - edit->number),
                   r);
    }
    if (w.bias != NULL) {
        fs_kernel_add_rows(gradient + (w.bias - edit->number), dy, T, d);
    }
}

/* Of the factors, A alone. */
static void scale(struct fs_edit *edit, double strength)
{
    struct fs_weight w = fs_weight_of(edit);
    size_t first = w.layers * w.hidden * w.rank, last = first + w.layers * w.ffn * w.rank; /* B */
    for (size_t i = 0; i < edit->count; i++) {
        if (i < first || i >= last) {
            edit->number[i] = (fs_real)(strength * (double)edit->number[i]);
        }
    }
}

static double flops(const struct fs_edit *edit, double tokens)
{
    double d = (double)edit->size[HIDDEN], F = (double)edit->size[FFN], r = (double)edit->size[RANK];
    return (double)edit->size[LAYERS] * 2 * tokens * (r > 0 ? r * (d + F) : d * F);
}

/* ---- in an archive ---- */

#define GROUP "/weight"
#define MOST ((int64_t)1 << 32) /* of a layer and of each size */

static const struct {
    const char *name;
    int64_t least, most;
} sizes[LAYERS] = {/* how many layers there are, the shapes say */

                   [HIDDEN] = {"hidden", 1, MOST},
                   [FFN] = {"ffn", 1, MOST},
                   [RANK] = {"rank", 0, MOST},
                   [BIASED] = {"biased", 0, 1}};

static int write_weight(const struct fs_edit *edit, struct fs_archive *archive, struct fs_error *err)
{
    struct fs_weight w = fs_weight_of(edit);
    const size_t d = w.layers * w.hidden, F = w.layers * w.ffn;
    const size_t whole[] = {d, w.ffn}, left[] = {d, w.rank}, right[] = {F, w.rank};
    if ((w.rank == 0 && fs_edit_write_reals(archive, GROUP "/delta", 2, whole, w.delta, err) != 0) ||
        (w.rank > 0 && (fs_edit_write_reals(archive, GROUP "/left", 2, left, w.left, err) != 0 ||
                        fs_edit_write_reals(archive, GROUP "/right", 2, right, w.right, err) != 0)) ||
        (w.bias != NULL && fs_edit_write_reals(archive, GROUP "/bias", 1, &d, w.bias, err) != 0)) {
        return -1;
    }
    for (size_t i = 0; i < LAYERS; i++) {
        if (fs_archive_attribute_integer(archive, GROUP, sizes[i].name, (int64_t)edit->size[i], err) != 0) {
            return -1;
        }
    }
    return fs_archive_attribute_integer(archive, GROUP, "layer", (int64_t)w.layer, err);
}

/* `rows` for each layer; *layers 0: as many layers as there are. */
static int check_shape(const struct fs_archive *archive, const char *name, size_t rows, size_t columns, size_t *layers,
                       struct fs_error *err)
{
    size_t dimensions, found[4];
    if (fs_archive_shape(archive, name, &dimensions, found, err) != 0) {
        return -1;
    }
    size_t all = dimensions == 2 ? found[0] / rows : 0;
    if (all == 0 || all * rows != found[0] || found[1] != columns || (*layers > 0 && all != *layers)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: its shape is not %zu x %zu, or as many times as many rows as there are layers, as the "
                            "attributes say; train again",
                            name, rows, columns);
    }
    *layers = all;
    return 0;
}

/* The matrices must have the shapes that the attributes say before memory is asked for. */
static int read_weight(const struct fs_archive *archive, struct fs_edit *edit, struct fs_error *err)
{
    size_t layer = 0, size[FS_EDIT_SIZES] = {0};
    for (size_t i = 0; i < LAYERS; i++) {
        if (fs_edit_read_size(archive, GROUP, sizes[i].name, sizes[i].least, sizes[i].most, &size[i], err) != 0) {
            return -1;
        }
    }
    size_t d = size[HIDDEN], F = size[FFN], r = size[RANK];
    struct fs_edit found;
    if (fs_edit_read_size(archive, GROUP, "layer", 0, MOST, &layer, err) != 0 ||
        check_shape(archive, r > 0 ? GROUP "/left" : GROUP "/delta", d, r > 0 ? r : F, &size[LAYERS], err) != 0 ||
        (r > 0 && check_shape(archive, GROUP "/right", F, r, &size[LAYERS], err) != 0) ||
        shape(layer, size, &found, err) != 0) {
        return -1;
    }
    found.number = fs_allocate_aligned(found.count, sizeof *found.number, "the change of a matrix", err);
    if (found.number == NULL) {
        return -1;
    }
    struct fs_weight w = fs_weight_of(&found);
    d *= w.layers;
    if ((r == 0 && fs_edit_read_reals(archive, GROUP "/delta", d * F, w.delta, err) != 0) ||
        (r > 0 && (fs_edit_read_reals(archive, GROUP "/left", d * r, w.left, err) != 0 ||
                   fs_edit_read_reals(archive, GROUP "/right", w.layers * F * r, w.right, err) != 0)) ||
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
