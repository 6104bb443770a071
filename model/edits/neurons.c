#include "model/edits/neurons.h"

#include <stdlib.h>
#include <string.h>

#include "model/edits/edit_file.h"
#include "model/engine.h"
#include "model/numbers/kernels.h"

enum { HIDDEN, PLACES };                /* of fs_edit.size */
enum { LAYER, NEURON, WIDTH, NUMBERS }; /* of a place */

/* The parts of the block. */
static fs_real *place_of(const struct fs_edit *edit, size_t place)
{
    return edit->number + 1 + NUMBERS * place;
}

static fs_real *column_of(const struct fs_edit *edit, size_t place)
{
    return edit->number + 1 + NUMBERS * edit->size[PLACES] + edit->size[HIDDEN] * place;
}

size_t fs_neurons_parameters(const struct fs_spec *spec, size_t places)
{
    return 1 + places * (NUMBERS + spec->hidden);
}

static int refuse_experts(const struct fs_spec *spec, struct fs_error *err)
{
    size_t layer = 0;
    while (layer < spec->layers && spec->layer[layer].experts == 0) {
        layer++;
    }
    return layer == spec->layers ? 0
                                 : fs_error_set(err, FS_EXIT_DATA,
                                                "neurons: layer %zu has %zu experts, expected a model with one FFN a "
                                                "layer; take another method",
                                                layer, spec->layer[layer].experts);
}

static int create(size_t hidden, size_t places, struct fs_edit *edit, struct fs_error *err)
{
    size_t columns;
    *edit = (struct fs_edit){.kind = &fs_edit_neurons, .size = {[HIDDEN] = hidden, [PLACES] = places}};
    if (hidden == 0 || hidden > SIZE_MAX / 64 || fs_multiply(hidden + NUMBERS, places, &columns) != 0 ||
        columns > SIZE_MAX / 64) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "neurons: found %zu columns of %zu numbers, expected sizes from 1 that fit in memory",
                            places, hidden);
    }
    edit->count = 1 + columns;
    edit->number = fs_allocate_aligned(edit->count, sizeof *edit->number, "columns of neurons", err);
    if (edit->number == NULL) {
        return -1;
    }
    memset(edit->number, 0, edit->count * sizeof *edit->number);
    return 0;
}

int fs_neurons_create(const struct fs_spec *spec, size_t places, struct fs_edit *edit, struct fs_error *err)
{
    *edit = (struct fs_edit){0};
    if (refuse_experts(spec, err) != 0 || create(spec->hidden, places, edit, err) != 0) {
        return -1;
    }
    edit->number[0] = 1;
    for (size_t place = 0; place < places; place++) {
        place_of(edit, place)[WIDTH] = (fs_real)spec->layer[0].ffn;
    }
    return 0;
}

struct fs_neuron fs_neurons_get(const struct fs_edit *edit, size_t place)
{
    const fs_real *own = place_of(edit, place);
    return (struct fs_neuron){(size_t)own[LAYER], (size_t)own[NEURON]};
}

int fs_neurons_set(const struct fs_model *model, const struct fs_neuron *neuron, size_t count, struct fs_edit *edit,
                   struct fs_error *err)
{
    const struct fs_spec *spec = fs_model_spec(model);
    size_t most = 0;
    for (size_t layer = 0; layer < spec->layers; layer++) {
        most = spec->layer[layer].ffn > most ? spec->layer[layer].ffn : most;
    }
    fs_real *key = fs_allocate(most, sizeof *key, "columns of neurons", err);
    if (key == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) { /* a column is what W_out makes of a unit vector */
        fs_real *place = place_of(edit, i);
        place[LAYER] = (fs_real)neuron[i].layer;
        place[NEURON] = (fs_real)neuron[i].neuron;
        place[WIDTH] = (fs_real)spec->layer[neuron[i].layer].ffn;
        key[neuron[i].neuron] = 1;
        fs_ffn_write(model, neuron[i].layer, 1, key, column_of(edit, i));
        key[neuron[i].neuron] = 0;
    }
    edit->first_layer = count > 0 ? neuron[0].layer : 0;
    free(key);
    return 0;
}

static bool is_whole(fs_real number, double most)
{
    double value = (double)number;
    return value >= 0 && value <= most && value == (double)(int64_t)value;
}

static int check(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err)
{
    if (edit->size[HIDDEN] != spec->hidden || edit->first_layer >= spec->layers) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "neurons: found hidden size %zu and layer %zu, expected %zu and a layer below %zu; use the "
                            "edit with the model it was made for",
                            edit->size[HIDDEN], edit->first_layer, spec->hidden, spec->layers);
    }
    if (refuse_experts(spec, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < edit->size[PLACES]; i++) {
        const fs_real *place = place_of(edit, i);
        bool known = is_whole(place[LAYER], (double)spec->layers - 1);
        size_t ffn = known ? spec->layer[(size_t)place[LAYER]].ffn : 0;
        if (!known || (double)place[WIDTH] != (double)ffn || !is_whole(place[NEURON], (double)ffn - 1)) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "neurons: found neuron %g of %g in layer %g, expected one of this model; use the edit "
                                "with the model it was made for",
                                (double)place[NEURON], (double)place[WIDTH], (double)place[LAYER]);
        }
    }
    return 0;
}

static void ffn_output(const struct fs_edit *edit, const struct fs_edit_run *run, fs_real *h)
{
    size_t d = edit->size[HIDDEN];
    for (size_t i = 0; i < edit->size[PLACES]; i++) {
        const fs_real *place = place_of(edit, i), *column = column_of(edit, i);
        size_t neuron = (size_t)place[NEURON], width = (size_t)place[WIDTH];
        for (size_t t = 0; (size_t)place[LAYER] == run->layer && t < run->tokens; t++) {
            fs_real factor = edit->number[0] * run->key[t * width + neuron], *row = h + t * d;
            for (size_t k = 0; k < d; k++) {
                row[k] -= factor * column[k];
            }
        }
    }
}

static void scale(struct fs_edit *edit, double strength)
{
    edit->number[0] = (fs_real)(strength * (double)edit->number[0]);
}

static double flops(const struct fs_edit *edit, double tokens)
{
    return 2 * tokens * (double)edit->size[HIDDEN] * (double)edit->size[PLACES];
}

/* ---- in an archive ---- */

#define GROUP "/neurons"
#define MOST ((int64_t)1 << 32) /* of a layer */

static int write_neurons(const struct fs_edit *edit, struct fs_archive *archive, struct fs_error *err)
{
    const size_t one = 1, places[] = {edit->size[PLACES], NUMBERS},
                 columns[] = {edit->size[PLACES], edit->size[HIDDEN]};
    return fs_edit_write_reals(archive, GROUP "/coefficient", 1, &one, edit->number, err) == 0 &&
                   fs_edit_write_reals(archive, GROUP "/place", 2, places, place_of(edit, 0), err) == 0 &&
                   fs_edit_write_reals(archive, GROUP "/column", 2, columns, column_of(edit, 0), err) == 0
               ? fs_archive_attribute_integer(archive, GROUP, "first_layer", (int64_t)edit->first_layer, err)
               : -1;
}

/* The shapes must agree before memory is asked for; `check` looks at the numbers of the places. */
static int read_neurons(const struct fs_archive *archive, struct fs_edit *edit, struct fs_error *err)
{
    size_t first_layer, dimensions, shape[4], place[4];
    if (fs_edit_read_size(archive, GROUP, "first_layer", 0, MOST, &first_layer, err) != 0 ||
        fs_archive_shape(archive, GROUP "/column", &dimensions, shape, err) != 0) {
        return -1;
    }
    if (dimensions != 2) {
        return fs_error_set(err, FS_EXIT_DATA, GROUP "/column: found %zu dimensions, expected columns; train again",
                            dimensions);
    }
    if (fs_archive_shape(archive, GROUP "/place", &dimensions, place, err) != 0) {
        return -1;
    }
    if (dimensions != 2 || place[0] != shape[0] || place[1] != NUMBERS) {
        return fs_error_set(err, FS_EXIT_DATA,
                            GROUP "/place: its shape is not that of %zu columns, %d numbers of each; train again",
                            shape[0], NUMBERS);
    }
    if (create(shape[1], shape[0], edit, err) != 0) {
        return -1;
    }
    if (fs_edit_read_reals(archive, GROUP "/coefficient", 1, edit->number, err) != 0 ||
        fs_edit_read_reals(archive, GROUP "/place", NUMBERS * shape[0], place_of(edit, 0), err) != 0 ||
        fs_edit_read_reals(archive, GROUP "/column", shape[0] * shape[1], column_of(edit, 0), err) != 0) {
        fs_edit_release(edit);
        return -1;
    }
    edit->first_layer = first_layer;
    return 0;
}

const struct fs_edit_kind fs_edit_neurons = {.name = "neurons",
                                             .reads_keys = true,
                                             .check = check,
                                             .ffn_output = ffn_output,
                                             .scale = scale,
                                             .flops = flops,
                                             .write = write_neurons,
                                             .read = read_neurons};
