#include "model/edits/stamp_net.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/applied.h"
#include "model/backends/linear.h"
#include "model/edits/edit_file.h"
#include "model/families/spec.h"
#include "model/numbers/kernels.h"
#include "model/numbers/random.h"

size_t fs_stamp_parameters(size_t hidden, size_t width)
{
    return 2 * width * hidden + width + hidden;
}

size_t fs_stamp_offset_key_bias(const struct fs_stamp *stamp)
{
    return stamp->width * stamp->hidden;
}

size_t fs_stamp_offset_value(const struct fs_stamp *stamp)
{
    return stamp->width * stamp->hidden + stamp->width;
}

size_t fs_stamp_offset_value_bias(const struct fs_stamp *stamp)
{
    return 2 * stamp->width * stamp->hidden + stamp->width;
}

int fs_stamp_create(size_t layer, size_t hidden, size_t width, uint64_t seed, struct fs_stamp *stamp,
                    struct fs_error *err)
{
    memset(stamp, 0, sizeof *stamp);
    size_t matrix;
    if (hidden == 0 || width == 0 || fs_multiply(hidden, width, &matrix) != 0 || matrix > SIZE_MAX / 64) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "stamp: found width %zu and hidden size %zu, expected sizes from 1 that "
                            "fit in memory",
                            width, hidden);
    }
    size_t count = fs_stamp_parameters(hidden, width);
    fs_real *parameters = fs_allocate_aligned(count, sizeof *parameters, "a stamp's parameters", err);
    if (parameters == NULL) {
        return -1;
    }
    memset(parameters, 0, count * sizeof *parameters);
    struct fs_random random = fs_random_start(seed, 0);
    double deviation = 1.0 / sqrt((double)hidden);
    for (size_t i = 0; i < matrix; i++) {
        parameters[i] = (fs_real)(deviation * fs_random_normal(&random));
    }
    *stamp = (struct fs_stamp){layer, hidden, width, parameters};
    return 0;
}

void fs_stamp_release(struct fs_stamp *stamp)
{
    free(stamp->parameters);
    memset(stamp, 0, sizeof *stamp);
}

struct fs_edit fs_stamp_edit(const struct fs_stamp *stamp)
{
    return (struct fs_edit){.kind = &fs_edit_stamp,
                            .first_layer = stamp->layer,
                            .size = {stamp->hidden, stamp->width},
                            .number = stamp->parameters,
                            .count = fs_stamp_parameters(stamp->hidden, stamp->width)};
}

struct fs_stamp fs_stamp_of(const struct fs_edit *edit)
{
    return (struct fs_stamp){edit->first_layer, edit->size[0], edit->size[1], edit->number};
}

double fs_flops_stamp(size_t hidden, size_t width, double tokens)
{
    return 4 * tokens * (double)width * (double)hidden;
}

double fs_flops_stamp_backward(size_t hidden, size_t width, double tokens)
{
    return 6 * tokens * (double)width * (double)hidden;
}

/* ---- as an edit ---- */

static int check(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err)
{
    struct fs_stamp stamp = fs_stamp_of(edit);
    if (stamp.hidden != spec->hidden || stamp.layer >= spec->layers || stamp.width > INT_MAX) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "stamp: found layer %zu and hidden size %zu, expected a layer below %zu and hidden size %zu; "
            "use the stamp with the model it was trained for",
            stamp.layer, stamp.hidden, spec->layers, spec->hidden);
    }
    return 0;
}

static size_t inner_size(const struct fs_edit *edit)
{
    return fs_stamp_of(edit).width;
}

/* inner = ReLU(x K'^T + b_K), h += inner V' + b_V */
static void ffn_output(const struct fs_edit *edit, const struct fs_edit_run *run, fs_real *h)
{
    struct fs_stamp stamp = fs_stamp_of(edit);
    if (run->layer != stamp.layer) {
        return;
    }
    const fs_real *p = stamp.parameters;
    size_t T = run->tokens, d = stamp.hidden, C = stamp.width;
    struct fs_linear keys = fs_linear_of(p, p + fs_stamp_offset_key_bias(&stamp), d, C, false);
    struct fs_linear values =
        fs_linear_of(p + fs_stamp_offset_value(&stamp), p + fs_stamp_offset_value_bias(&stamp), C, d, true);
    fs_linear(run->backend, &keys, T, run->x, run->inner, C);
    fs_kernel_activation(FS_RELU, run->inner, NULL, run->inner, T * C);
    fs_linear_residual(run->backend, &values, T, run->inner, h, h);
}

/* With a = ReLU(x K'^T + b_K), y = a V' + b_V:  dV' = a^T dy, da = dy V'^T where a > 0, dK' = da^T x, dx = da K'. */
static void ffn_output_backward(const struct fs_edit *edit, const struct fs_edit_run *run, const fs_real *dy,
                                fs_real *dinner, fs_real *gradient, fs_real *dx)
{
    struct fs_stamp stamp = fs_stamp_of(edit);
    size_t T = run->tokens, d = stamp.hidden, C = stamp.width;
    struct fs_matrix output = fs_matrix_of(dy, T, d, d), input = fs_matrix_of(run->x, T, d, d);
    struct fs_matrix key = fs_matrix_of(stamp.parameters, C, d, d);
    struct fs_matrix value = fs_matrix_of(stamp.parameters + fs_stamp_offset_value(&stamp), C, d, d);
    struct fs_matrix active = fs_matrix_of(run->inner, T, C, C), dactive = fs_matrix_of(dinner, T, C, C);
    fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_B, 1, output, value}, 0, dinner, C);
    fs_kernel_relu_backward(run->inner, dinner, T * C);
    if (gradient != NULL) {
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_A, 1, dactive, input}, 1, gradient, d);
        fs_kernel_add_rows(gradient + fs_stamp_offset_key_bias(&stamp), dinner, T, C);
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_A, 1, active, output}, 1,
                   gradient + fs_stamp_offset_value(&stamp), d);
        fs_kernel_add_rows(gradient + fs_stamp_offset_value_bias(&stamp), dy, T, d);
    }
    if (dx != NULL) {
        fs_product(run->backend, (struct fs_term){FS_TRANSPOSE_NONE, 1, dactive, key}, 0, dx, d);
    }
}

/* V' and b_V. */
static void scale(struct fs_edit *edit, double strength)
{
    struct fs_stamp stamp = fs_stamp_of(edit);
    for (size_t i = fs_stamp_offset_value(&stamp); i < edit->count; i++) {
        edit->number[i] = (fs_real)(strength * (double)edit->number[i]);
    }
}

static double flops(const struct fs_edit *edit, double tokens)
{
    struct fs_stamp stamp = fs_stamp_of(edit);
    return fs_flops_stamp(stamp.hidden, stamp.width, tokens);
}

/* ---- in an archive ---- */

#define GROUP "/stamp"
#define MOST ((int64_t)1 << 32) /* of a layer, a hidden size, a width */

static int write_stamp(const struct fs_edit *edit, struct fs_archive *archive, struct fs_error *err)
{
    struct fs_stamp stamp = fs_stamp_of(edit);
    const fs_real *p = stamp.parameters;
    const size_t d = stamp.hidden, C = stamp.width, matrix[] = {C, d};
    return fs_edit_write_reals(archive, GROUP "/key", 2, matrix, p, err) == 0 &&
                   fs_edit_write_reals(archive, GROUP "/key_bias", 1, &C, p + fs_stamp_offset_key_bias(&stamp), err) ==
                       0 &&
                   fs_edit_write_reals(archive, GROUP "/value", 2, matrix, p + fs_stamp_offset_value(&stamp), err) ==
                       0 &&
                   fs_edit_write_reals(archive, GROUP "/value_bias", 1, &d, p + fs_stamp_offset_value_bias(&stamp),
                                       err) == 0 &&
                   fs_archive_attribute_integer(archive, GROUP, "layer", (int64_t)stamp.layer, err) == 0 &&
                   fs_archive_attribute_integer(archive, GROUP, "hidden", (int64_t)d, err) == 0
               ? fs_archive_attribute_integer(archive, GROUP, "width", (int64_t)C, err)
               : -1;
}

/* The size of /stamp/key must agree before memory is asked for. */
static int read_stamp(const struct fs_archive *archive, struct fs_edit *edit, struct fs_error *err)
{
    struct fs_stamp stamp;
    size_t layer = 0, d = 0, C = 0, dimensions = 0, shape[4];
    if (fs_edit_read_size(archive, GROUP, "layer", 0, MOST, &layer, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "hidden", 1, MOST, &d, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "width", 1, MOST, &C, err) != 0 ||
        fs_archive_shape(archive, GROUP "/key", &dimensions, shape, err) != 0) {
        return -1;
    }
    if (dimensions != 2 || shape[0] != C || shape[1] != d) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s/key: its shape is not width %zu x hidden %zu as the attributes say; train again", GROUP,
                            C, d);
    }
    if (fs_stamp_create(layer, d, C, 0, &stamp, err) != 0) {
        return -1;
    }
    fs_real *p = stamp.parameters;
    if (fs_edit_read_reals(archive, GROUP "/key", C * d, p, err) != 0 ||
        fs_edit_read_reals(archive, GROUP "/key_bias", C, p + fs_stamp_offset_key_bias(&stamp), err) != 0 ||
        fs_edit_read_reals(archive, GROUP "/value", C * d, p + fs_stamp_offset_value(&stamp), err) != 0 ||
        fs_edit_read_reals(archive, GROUP "/value_bias", d, p + fs_stamp_offset_value_bias(&stamp), err) != 0) {
        fs_stamp_release(&stamp);
        return -1;
    }
    *edit = fs_stamp_edit(&stamp);
    return 0;
}

/* ---- outside of this program ---- */

static int apply(const struct fs_edit *edit, struct fs_applied *applied, struct fs_error *err)
{
    struct fs_stamp stamp = fs_stamp_of(edit);
    const fs_real *p = stamp.parameters;
    return fs_applied_note_ffn(applied, stamp.layer, err) == 0 &&
                   fs_applied_add(applied, "key", stamp.width, stamp.hidden, p, err) == 0 &&
                   fs_applied_add(applied, "key_bias", stamp.width, 0, p + fs_stamp_offset_key_bias(&stamp), err) ==
                       0 &&
                   fs_applied_add(applied, "value", stamp.width, stamp.hidden, p + fs_stamp_offset_value(&stamp),
                                  err) == 0
               ? fs_applied_add(applied, "value_bias", stamp.hidden, 0, p + fs_stamp_offset_value_bias(&stamp), err)
               : -1;
}

const struct fs_edit_kind fs_edit_stamp = {.name = "stamp",
                                           .check = check,
                                           .ffn_output = ffn_output,
                                           .inner_size = inner_size,
                                           .ffn_output_backward = ffn_output_backward,
                                           .scale = scale,
                                           .flops = flops,
                                           .write = write_stamp,
                                           .read = read_stamp,
                                           .apply = apply};
