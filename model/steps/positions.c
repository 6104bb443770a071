/* Rotary positions: query and key heads of qkv are turned by angles that grow with the position. */
#include <math.h>

#include "model/steps/layer.h"

/*
 * Inverse frequency of a pair, and Llama 3's scaling, as transformers computes them: in the engine's own precision, for
 * the angles of far positions feel each rounding.
 */
static fs_real inverse_frequency(const struct fs_rotary *rotary, size_t head_size, size_t pair)
{
    const double turn = 6.283185307179586;
    fs_real exponent = (fs_real)(2 * pair) / (fs_real)head_size;
    fs_real inverse = (fs_real)1 / (fs_real)pow(rotary->theta, (double)exponent);
    if (rotary->scaling == FS_ROPE_LINEAR) {
        inverse /= (fs_real)rotary->factor;
    } else if (rotary->scaling == FS_ROPE_LLAMA3) {
        double wavelength = turn / (double)inverse, original = (double)rotary->original_positions;
        if (wavelength > original / rotary->low_frequency) {
            inverse /= (fs_real)rotary->factor;
        } else if (wavelength >= original / rotary->high_frequency) {
            double smooth =
                (original / wavelength - rotary->low_frequency) / (rotary->high_frequency - rotary->low_frequency);
            inverse = (fs_real)((1.0 - smooth) * (double)inverse / rotary->factor + smooth * (double)inverse);
        }
    }
    return inverse;
}

static bool is_same(const struct fs_rotary *a, const struct fs_rotary *b)
{
    return a->theta == b->theta && a->scaling == b->scaling && a->factor == b->factor &&
           a->low_frequency == b->low_frequency && a->high_frequency == b->high_frequency &&
           a->original_positions == b->original_positions;
}

/* NULL where there is none yet. */
static struct fs_rotary_table *find_table(const struct fs_workspace *workspace, const struct fs_rotary *rotary)
{
    for (size_t i = 0; i < workspace->rotaries; i++) {
        if (is_same(&workspace->rotary[i].rotary, rotary)) {
            return &workspace->rotary[i];
        }
    }
    return NULL;
}

static int fill_table(struct fs_rotary_table *table, size_t head_size, size_t length, struct fs_error *err)
{
    size_t half = head_size / 2;
    table->length = 0;
    if (fs_scratch_reserve(&table->angle, length * head_size, "rotary positions", err) != 0) {
        return -1;
    }
    for (size_t pair = 0; pair < half; pair++) {
        fs_real inverse = inverse_frequency(&table->rotary, head_size, pair);
        for (size_t position = 0; position < length; position++) {
            double angle = (double)((fs_real)position * inverse);
            fs_real *row = table->angle.data + position * head_size;
            row[pair] = (fs_real)cos(angle);
            row[half + pair] = (fs_real)sin(angle);
        }
    }
    table->length = length;
    return 0;
}

int fs_positions_prepare(const struct fs_spec *spec, struct fs_workspace *workspace, const struct fs_batch *batch,
                         struct fs_error *err)
{
    size_t longest = 0;
    for (size_t s = 0; s < batch->sequences; s++) {
        size_t n = batch->start[s + 1] - batch->start[s];
        longest = n > longest ? n : longest;
    }
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
            table->rotary = *rotary;
        }
        if (longest > table->length && fill_table(table, spec->head_size, longest, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Turns (sign 1) or turns back (-1) the query and key heads of qkv. */
static void turn(const struct fs_layer_run *run, fs_real *qkv, fs_real sign)
{
    const struct fs_spec *spec = run->spec;
    const struct fs_batch *batch = run->batch;
    const fs_real *angle = find_table(run->workspace, &run->layer->spec->rotary)->angle.data;
    size_t half = spec->head_size / 2, turned = spec->heads + spec->key_value_heads, width = fs_spec_qkv_width(spec);
    for (size_t s = 0; s < batch->sequences; s++) {
        for (size_t t = batch->start[s]; t < batch->start[s + 1]; t++) {
            const fs_real *row = angle + (t - batch->start[s]) * spec->head_size;
            fs_kernel_rotate(qkv + t * width, turned, half, row, row + half, sign);
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
