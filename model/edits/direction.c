#include "model/edits/direction.h"

#include <stdlib.h>
#include <string.h>

#include "model/edits/edit_file.h"

enum { HIDDEN, ABLATED }; /* of fs_edit.size */

static int create(size_t layer, size_t hidden, bool ablated, struct fs_edit *edit, struct fs_error *err)
{
    *edit = (struct fs_edit){.kind = &fs_edit_direction,
                             .first_layer = layer,
                             .size = {[HIDDEN] = hidden, [ABLATED] = ablated},
                             .count = hidden + 1};
    edit->number = fs_allocate_aligned(edit->count, sizeof *edit->number, "a direction", err);
    if (edit->number == NULL) {
        return -1;
    }
    memset(edit->number, 0, edit->count * sizeof *edit->number);
    return 0;
}

int fs_direction_create(const struct fs_spec *spec, size_t layer, bool ablated, double coefficient,
                        struct fs_edit *edit, struct fs_error *err)
{
    if (create(layer, spec->hidden, ablated, edit, err) != 0) {
        return -1;
    }
    edit->number[spec->hidden] = (fs_real)coefficient;
    return 0;
}

static int check(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err)
{
    if (edit->first_layer >= spec->layers || edit->size[HIDDEN] != spec->hidden) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "direction: found layer %zu and hidden size %zu, expected a layer below %zu and hidden size "
            "%zu; use the edit with the model it was made for",
            edit->first_layer, edit->size[HIDDEN], spec->layers, spec->hidden);
    }
    return 0;
}

static void hidden_state(const struct fs_edit *edit, size_t layer, size_t tokens, fs_real *h)
{
    size_t d = edit->size[HIDDEN];
    const fs_real *v = edit->number, c = edit->number[d];
    for (size_t t = 0; layer == edit->first_layer && t < tokens; t++) {
        fs_real *row = h + t * d, factor = c;
        if (edit->size[ABLATED] > 0) {
            double along = 0;
            for (size_t i = 0; i < d; i++) {
                along += (double)v[i] * (double)row[i];
            }
            factor = (fs_real)(-(double)c * along);
        }
        for (size_t i = 0; i < d; i++) {
            row[i] += factor * v[i];
        }
    }
}

static void scale(struct fs_edit *edit, double strength)
{
    fs_real *c = &edit->number[edit->size[HIDDEN]];
    *c = (fs_real)(strength * (double)*c);
}

static double flops(const struct fs_edit *edit, double tokens)
{
    return (edit->size[ABLATED] > 0 ? 4 : 2) * tokens * (double)edit->size[HIDDEN];
}

/* ---- in an archive ---- */

#define GROUP "/direction"
#define MOST ((int64_t)1 << 32) /* of a layer and of the hidden size */

static int write_direction(const struct fs_edit *edit, struct fs_archive *archive, struct fs_error *err)
{
    const size_t d = edit->size[HIDDEN], one = 1;
    return fs_edit_write_reals(archive, GROUP "/vector", 1, &d, edit->number, err) == 0 &&
                   fs_edit_write_reals(archive, GROUP "/coefficient", 1, &one, edit->number + d, err) == 0 &&
                   fs_archive_attribute_integer(archive, GROUP, "layer", (int64_t)edit->first_layer, err) == 0
               ? fs_archive_attribute_integer(archive, GROUP, "ablated", (int64_t)edit->size[ABLATED], err)
               : -1;
}

/* Shapes are seen before memory is asked for. */
static int read_direction(const struct fs_archive *archive, struct fs_edit *edit, struct fs_error *err)
{
    size_t layer, ablated, dimensions, shape[4];
    if (fs_edit_read_size(archive, GROUP, "layer", 0, MOST, &layer, err) != 0 ||
        fs_edit_read_size(archive, GROUP, "ablated", 0, 1, &ablated, err) != 0 ||
        fs_archive_shape(archive, GROUP "/vector", &dimensions, shape, err) != 0) {
        return -1;
    }
    if (dimensions != 1 || shape[0] == 0 || shape[0] > (size_t)MOST) {
        return fs_error_set(err, FS_EXIT_DATA, GROUP "/vector: found %zu dimensions, expected a vector; train again",
                            dimensions);
    }
    if (create(layer, shape[0], ablated > 0, edit, err) != 0) {
        return -1;
    }
    if (fs_edit_read_reals(archive, GROUP "/vector", shape[0], edit->number, err) != 0 ||
        fs_edit_read_reals(archive, GROUP "/coefficient", 1, edit->number + shape[0], err) != 0) {
        fs_edit_release(edit);
        return -1;
    }
    return 0;
}

const struct fs_edit_kind fs_edit_direction = {.name = "direction",
                                               .check = check,
                                               .hidden_state = hidden_state,
                                               .scale = scale,
                                               .flops = flops,
                                               .write = write_direction,
                                               .read = read_direction};
