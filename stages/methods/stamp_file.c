/*
 * Layout of a stamp file ("stamp"; a partial one is a "part"), d hidden size, C width, P = 2 C d + C + d parameters. One of
 * ft_equal has the same of training in /weight, beside its edit (model/edits/weight.h), and neither key_bias nor key_share.
 *
 *   /stamp@layer, hidden, width, step, steps   from 0; iterations done and of the whole run
 *   /stamp@best_step                           -1: none is kept, the training is between two batches
 *   /stamp@loss, scoring, kl_rows, schedule  text
 *   /stamp@alpha, beta, key_bias, key_share, level_weight, balance_weight, balance_width, learning_rate, adam_beta1, adam_beta2,
 *     adam_epsilon
 *   /stamp@kl_without_completion, keep_best        0 or 1
 *   /stamp@text_weight, text_tokens                0: no text was taken
 *   /stamp@generic_prompts, neutral_subjects, frames, iterations, batch, checkpoint_every, seed
 *   /stamp/key (C,d), key_bias (C), value (C,d), value_bias (d)    f32   K', b_K, V', b_V
 *   /stamp/training/moment1, moment2, best     f32 (P)   Adam, and the best parameters so far, in that order
 *   /stamp/training/loss                       f64 (steps, 4)   L, L_e, L_s1, L_s2 before each step; 0 beyond `step`
 *   /stamp/training/extra                      f64 (steps, 6)   L_m, L_b, distance of SS from 50, mean |D|, L_t,
 *                                              version of the statements (stamp_frames.h); of earlier versions (steps, 4),
 *                                              without L_t and version
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/edits/edit_file.h"
#include "stages/methods/stamp.h"

#define FORMER_EXTRA 4
#define MAX_SIZE ((int64_t)1 << 32) /* of a hidden size, a width, a count of steps */

/* Names of what is in an archive; the group is that of the edit's kind. */
struct names {
    char group[32], moment1[64], moment2[64], best[64], loss[64], extra[64];
};

static struct names names_of(const struct fs_edit_kind *kind)
{
    struct names names;
    const struct {
        char *name;
        const char *last;
    } rows[] = {{names.moment1, "moment1"},
                {names.moment2, "moment2"},
                {names.best, "best"},
                {names.loss, "loss"},
                {names.extra, "extra"}};
    snprintf(names.group, sizeof names.group, "/%s", kind->name);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(rows[i].name, sizeof names.loss, "%s/training/%s", names.group, rows[i].last);
    }
    return names;
}

static int write_options(struct fs_archive *archive, const char *group, const struct fs_stamp_options *o,
                         struct fs_error *err)
{
    const struct {
        const char *name, *value;
    } texts[] = {
        {"loss", o->loss == FS_LOSS_GAP ? "gap" : "logratio"},
        {"scoring", fs_scoring_name(o->scoring)},
        {"kl_rows", o->kl_rows == FS_KL_FIRST_ROWS ? "first" : "all"},
        {"schedule", o->schedule == FS_RATE_CONSTANT ? "constant" : "cosine"},
    };
    const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"alpha", o->alpha},
        {"beta", o->beta},
        {"level_weight", o->level_weight},
        {"balance_weight", o->balance_weight},
        {"balance_width", o->balance_width},
        {"text_weight", o->text_weight},
        {"learning_rate", o->learning_rate},
        {"adam_beta1", o->adam_beta1},
        {"adam_beta2", o->adam_beta2},
        {"adam_epsilon", o->adam_epsilon},
    };
    const struct {
        const char *name;
        int64_t value;
    } integers[] = {
        {"kl_without_completion", o->kl_without_completion},
        {"keep_best", o->keep_best},
        {"generic_prompts", (int64_t)o->generic_prompts},
        {"neutral_subjects", (int64_t)o->neutral_subjects},
        {"frames", (int64_t)o->frames},
        {"swap_subjects", o->swap_subjects},
        {"swap_statements", o->swap_statements},
        {"vary_prompts", o->vary_prompts},
        {"text_tokens", (int64_t)(o->text_weight > 0 || o->key_share > 0 ? o->text_tokens : 0)},
        {"iterations", (int64_t)o->iterations},
        {"batch", (int64_t)o->batch},
        {"checkpoint_every", (int64_t)o->checkpoint_every},
        {"seed", (int64_t)o->seed},
    };
    if (o->form->has_keys && (fs_archive_attribute_number(archive, group, "key_bias", o->key_bias, err) != 0 ||
                              fs_archive_attribute_number(archive, group, "key_share", o->key_share, err) != 0)) {
        return -1;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (fs_archive_attribute_text(archive, group, texts[i].name, texts[i].value, err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (fs_archive_attribute_number(archive, group, numbers[i].name, numbers[i].value, err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        if (fs_archive_attribute_integer(archive, group, integers[i].name, integers[i].value, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int write_sizes(struct fs_archive *archive, const char *group, const struct fs_stamp_state *state,
                       struct fs_error *err)
{
    const struct {
        const char *name;
        size_t value;
    } sizes[] = {
        {"step", state->step},
        {"steps", state->steps},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (fs_archive_attribute_integer(archive, group, sizes[i].name, (int64_t)sizes[i].value, err) != 0) {
            return -1;
        }
    }
    int64_t best = state->best_step == SIZE_MAX ? -1 : (int64_t)state->best_step;
    return fs_archive_attribute_integer(archive, group, "best_step", best, err);
}

int fs_stamp_write(struct fs_archive *archive, const struct fs_stamp_options *options,
                   const struct fs_stamp_state *state, struct fs_error *err)
{
    const struct fs_edit *edit = &state->edit;
    const struct names names = names_of(edit->kind);
    size_t count = edit->count, loss[] = {state->steps, 4}, extra[] = {state->steps, FS_STAMP_EXTRA};
    if (write_options(archive, names.group, options, err) != 0 || write_sizes(archive, names.group, state, err) != 0 ||
        edit->kind->write(edit, archive, err) != 0 ||
        fs_edit_write_reals(archive, names.moment1, 1, &count, state->moment1, err) != 0 ||
        fs_edit_write_reals(archive, names.moment2, 1, &count, state->moment2, err) != 0 ||
        fs_edit_write_reals(archive, names.best, 1, &count, state->best, err) != 0 ||
        fs_archive_write(archive, names.loss, FS_ARCHIVE_F64, 2, loss, state->loss, err) != 0) {
        return -1;
    }
    return fs_archive_write(archive, names.extra, FS_ARCHIVE_F64, 2, extra, state->extra, err);
}

/* Archives of earlier versions have fewer columns. */
static int read_extra(const struct fs_archive *archive, const char *name, struct fs_stamp_state *state,
                      struct fs_error *err)
{
    size_t dimensions, shape[4];
    if (fs_archive_shape(archive, name, &dimensions, shape, err) != 0) {
        return -1;
    }
    size_t columns = dimensions == 2 && shape[0] == state->steps ? shape[1] : 0;
    if (columns != FS_STAMP_EXTRA && columns != FORMER_EXTRA) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: its shape is not steps %zu x %d; train again", name, state->steps,
                            FS_STAMP_EXTRA);
    }
    if (fs_archive_read(archive, name, FS_ARCHIVE_F64, state->steps * columns, state->extra, err) != 0) {
        return -1;
    }
    for (size_t i = state->steps; columns == FORMER_EXTRA && i > 0; i--) { /* from the end: rows move up */
        double *to = state->extra + FS_STAMP_EXTRA * (i - 1);
        memmove(to, state->extra + FORMER_EXTRA * (i - 1), FORMER_EXTRA * sizeof *to);
        memset(to + FORMER_EXTRA, 0, (FS_STAMP_EXTRA - FORMER_EXTRA) * sizeof *to);
    }
    return 0;
}

static int read_sizes(const struct fs_archive *archive, const struct names *names, struct fs_stamp_state *state,
                      struct fs_error *err)
{
    size_t dimensions, shape[4];
    int64_t best;
    if (fs_edit_read_size(archive, names->group, "steps", 1, MAX_SIZE, &state->steps, err) != 0 ||
        fs_edit_read_size(archive, names->group, "step", 0, (int64_t)state->steps, &state->step, err) != 0 ||
        fs_archive_read_attribute_integer(archive, names->group, "best_step", &best, err) != 0 ||
        fs_archive_shape(archive, names->loss, &dimensions, shape, err) != 0) {
        return -1;
    }
    if (best < -1 || best >= (int64_t)state->step) {
        return fs_error_set(err, FS_EXIT_DATA, "%s@best_step: found %lld, expected -1 to %zu; train again",
                            names->group, (long long)best, state->step);
    }
    if (dimensions != 2 || shape[0] != state->steps || shape[1] != 4) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: its shape is not steps %zu x 4; train again", names->loss,
                            state->steps);
    }
    state->best_step = best < 0 ? SIZE_MAX : (size_t)best;
    return 0;
}

/* Without `whole` moments and best parameters are zeros. */
static int read_training(const struct fs_archive *archive, const struct names *names, bool whole,
                         struct fs_stamp_state *state, struct fs_error *err)
{
    size_t count = state->edit.count;
    if (read_sizes(archive, names, state, err) != 0) {
        return -1;
    }
    state->moment1 = fs_allocate(count, sizeof *state->moment1, "Adam's moments", err);
    state->moment2 = fs_allocate(count, sizeof *state->moment2, "Adam's moments", err);
    state->best = fs_allocate(count, sizeof *state->best, "the best parameters", err);
    state->loss = fs_allocate(state->steps, 4 * sizeof *state->loss, "the history of losses", err);
    state->extra = fs_allocate(state->steps, FS_STAMP_EXTRA * sizeof *state->extra, "the history of losses", err);
    if (state->moment1 == NULL || state->moment2 == NULL || state->best == NULL || state->loss == NULL ||
        state->extra == NULL ||
        (whole && (fs_edit_read_reals(archive, names->moment1, count, state->moment1, err) != 0 ||
                   fs_edit_read_reals(archive, names->moment2, count, state->moment2, err) != 0 ||
                   fs_edit_read_reals(archive, names->best, count, state->best, err) != 0)) ||
        fs_archive_read(archive, names->loss, FS_ARCHIVE_F64, state->steps * 4, state->loss, err) != 0) {
        return -1;
    }
    return read_extra(archive, names->extra, state, err);
}

static int read_state(const struct fs_archive *archive, const struct fs_edit_kind *kind, bool whole,
                      struct fs_stamp_state *state, struct fs_error *err)
{
    const struct names names = names_of(kind);
    *state = (struct fs_stamp_state){0};
    if (kind->read(archive, &state->edit, err) == 0 && read_training(archive, &names, whole, state, err) == 0) {
        return 0;
    }
    fs_stamp_state_release(state);
    return -1;
}

int fs_stamp_read_state(const struct fs_archive *archive, const struct fs_edit_kind *kind, struct fs_stamp_state *state,
                        struct fs_error *err)
{
    return read_state(archive, kind, true, state, err);
}

int fs_stamp_read_done(const struct fs_archive *archive, const struct fs_edit_kind *kind, struct fs_stamp_state *state,
                       struct fs_error *err)
{
    return read_state(archive, kind, false, state, err);
}
