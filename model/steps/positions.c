/* Rotary positions: query and key heads of qkv are turned by angles that grow with the position. */
#include <math.h>

#include "model/steps/layer.h"

/* Llama 3's: high frequencies stay, low ones are divided, those between become something between. */
static fs_real llama3(const struct fs_rotary *rotary, fs_real inverse)
{
    const double turn = 6.283185307179586;
    double wavelength = turn / (double)inverse, original = (double)rotary->original_positions;
    if (wavelength > original / rotary->low_frequency) {
        return inverse / (fs_real)rotary->factor;
    }
    if (wavelength >= original / rotary->high_frequency) {
        double smooth =
            (original / wavelength - rotary->low_frequency) / (rotary->high_frequency - rotary->low_frequency);
        return (fs_real)((1.0 - smooth) * (double)inverse / rotary->factor + smooth * (double)inverse);
    }
    return inverse;
}

/* YaRN (Peng et al. 2023): the same by the number of the pair, along a ramp. `power` is 1 / the frequency. */
static fs_real yarn(const struct fs_rotary *rotary, size_t pair, fs_real power)
{
    fs_real along = ((fs_real)pair - (fs_real)rotary->ramp_low) / (fs_real)(rotary->ramp_high - rotary->ramp_low);
    along = along < 0 ? 0 : along > 1 ? 1 : along;
    fs_real keep = 1 - along;
    return (fs_real)1 / ((fs_real)rotary->factor * power) * (1 - keep) + (fs_real)1 / power * keep;
}

/*
 * Inverse frequency of a pair as transformers computes it: in the engine's own precision, for the angles of far positions
 * feel each rounding. `sequence`: of a sequence beyond original_positions, its length; else 0.
 */
static fs_real inverse_frequency(const struct fs_spec *spec, const struct fs_rotary *rotary, size_t pair,
                                 size_t sequence)
{
    size_t dims = rotary->dims > 0 ? rotary->dims : spec->head_size;
    double theta = rotary->theta;
    if (rotary->scaling == FS_ROPE_DYNAMIC && sequence > 0) {
        double times = (double)sequence / (double)rotary->original_positions;
        theta *= pow(rotary->factor * times - (rotary->factor - 1.0), (double)dims / (double)(dims - 2));
    }
    fs_real exponent = (fs_real)(2 * pair) / (fs_real)dims;
    fs_real power = (fs_real)pow(theta, (double)exponent);
    switch (rotary->scaling) {
    case FS_ROPE_LINEAR:
        return (fs_real)1 / power / (fs_real)rotary->factor;
    case FS_ROPE_LLAMA3:
        return llama3(rotary, (fs_real)1 / power);
    case FS_ROPE_YARN:
        return yarn(rotary, pair, power);
    case FS_ROPE_LONGROPE:
        return (fs_real)1 / ((fs_real)spec->divisor[rotary->divisors + (sequence > 0 ? dims / 2 : 0) + pair] * power);
    default:
        return (fs_real)1 / power;
    }
}

/* NULL where there is none yet. */
static struct fs_rotary_table *find_table(const struct fs_workspace *workspace, const struct fs_rotary *rotary)
{
    for (size_t i = 0; i < workspace->rotaries; i++) {
        if (fs_rotary_is_same(&workspace->rotary[i].rotary, rotary)) {
            return &workspace->rotary[i];
        }
    }
    return NULL;
}

/* Room for them is there. `sequence`: as in inverse_frequency. */
static void fill(const struct fs_spec *spec, const struct fs_rotary *rotary, size_t length, size_t sequence,
                 struct fs_angles *angles)
{
    size_t width = fs_rotary_width(spec, rotary), half = width / 2;
    double scale = rotary->attention_factor > 0 ? rotary->attention_factor : 1.0;
    for (size_t pair = 0; pair < half; pair++) {
        fs_real inverse = inverse_frequency(spec, rotary, pair, sequence);
        for (size_t position = 0; position < length; position++) {
            double angle = (double)((fs_real)position * inverse);
            fs_real *row = angles->angle.data + position * width;
            row[pair] = (fs_real)(scale * cos(angle));
            row[half + pair] = (fs_real)(scale * sin(angle));
        }
    }
    angles->sequence = sequence;
}

static int reserve(const struct fs_spec *spec, const struct fs_rotary *rotary, size_t length, struct fs_angles *angles,
                   struct fs_error *err)
{
    if (length <= angles->length) {
        return 0;
    }
    angles->length = 0;
    return fs_scratch_reserve(&angles->angle, length * fs_rotary_width(spec, rotary), "rotary positions", err);
}

/* Whether a sequence of n tokens has other frequencies than shorter ones. */
static bool is_beyond(const struct fs_rotary *rotary, size_t n)
{
    return fs_rotary_has_long(rotary) && n > rotary->original_positions;
}

static int prepare_table(const struct fs_spec *spec, const struct fs_batch *batch, struct fs_rotary_table *table,
                         struct fs_error *err)
{
    size_t usual = 0, beyond = 0;
    for (size_t s = 0; s < batch->sequences; s++) {
        size_t n = fs_batch_length(batch, s);
        size_t *longest = is_beyond(&table->rotary, n) ? &beyond : &usual;
        *longest = n > *longest ? n : *longest;
    }
    bool usual_grows = usual > table->usual.length, beyond_grows = beyond > table->beyond.length;
    if (reserve(spec, &table->rotary, usual, &table->usual, err) != 0 ||
        reserve(spec, &table->rotary, beyond, &table->beyond, err) != 0) {
        return -1;
    }
    if (usual_grows) {
        fill(spec, &table->rotary, usual, 0, &table->usual);
        table->usual.length = usual;
    }
    if (beyond_grows) {
        fill(spec, &table->rotary, beyond, beyond, &table->beyond);
        table->beyond.length = beyond;
    }
    return 0;
}

int fs_positions_prepare(const struct fs_spec *spec, struct fs_workspace *workspace, const struct fs_batch *batch,
                         struct fs_error *err)
{
    for (size_t i = 0; i < spec->layers; i++) {
        const struct fs_rotary *rotary = &spec->layer[i].rotary;
        if (rotary->theta == 0) {
            continue;
        }
        struct fs_rotary_table *table = find_table(workspace, rotary);
        if (table == NULL) {
            if (fs_grow(&workspace->rotary, &workspace->rotary_capacity, workspace->rotaries + 1,
                        sizeof *workspace->rotary, "rotary positions", err) != 0) {
                return -1;
            }
            table = &workspace->rotary[workspace->rotaries++];
            *table = (struct fs_rotary_table){.rotary = *rotary};
        }
        if (prepare_table(spec, batch, table, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Those of a sequence of n tokens; dynamic frequencies are made anew where the last sequence had another length. */
static const fs_real *angles_of(const struct fs_spec *spec, struct fs_rotary_table *table, size_t n)
{
    if (!is_beyond(&table->rotary, n)) {
        return table->usual.angle.data;
    }
    if (table->rotary.scaling == FS_ROPE_DYNAMIC && table->beyond.sequence != n) {
        fill(spec, &table->rotary, n, n, &table->beyond);
    }
    return table->beyond.angle.data;
}

/* Turns (sign 1) or turns back (-1) the query and key heads of qkv. */
static void turn(const struct fs_layer_run *run, fs_real *qkv, fs_real sign)
{
    const struct fs_spec *spec = run->spec;
    const struct fs_batch *batch = run->batch;
    const struct fs_rotary *rotary = &run->layer->spec->rotary;
    struct fs_rotary_table *table = find_table(run->workspace, rotary);
    size_t turned = spec->heads + spec->key_value_heads, width = fs_spec_qkv_width(spec);
    size_t angles = fs_rotary_width(spec, rotary), half = angles / 2;
    for (size_t s = 0; s < batch->sequences; s++) {
        const fs_real *row = angles_of(spec, table, fs_batch_length(batch, s)) + fs_batch_depth(batch, s) * angles;
        for (size_t t = batch->start[s]; t < batch->start[s + 1]; t++, row += angles) {
            fs_real *heads = qkv + t * width;
            if (rotary->interleaved) {
                fs_kernel_rotate_neighbours(heads, turned, spec->head_size, half, row, row + half, sign);
            } else {
                fs_kernel_rotate(heads, turned, spec->head_size, half, row, row + half, sign);
            }
        }
    }
}

static void forward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    turn(run, run->activations->qkv, 1);
}

static void backward(const struct fs_step *step, const struct fs_layer_run *run)
{
    (void)step;
    turn(run, run->workspace->dqkv.data, -1);
}

const struct fs_step_kind fs_step_positions = {"positions", forward, backward};
