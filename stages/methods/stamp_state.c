/* How far a training has come. */
#include "stages/methods/stamp.h"

#include <stdlib.h>
#include <string.h>

size_t fs_stamp_steps(const struct fs_stamp_options *options, size_t pairs)
{
    size_t batch = options->batch == 0 ? pairs : options->batch;
    return pairs == 0 ? 0 : ((pairs - 1) / batch + 1) * options->iterations;
}

int fs_stamp_state_create(const struct fs_stamp_options *options, const struct fs_spec *spec, size_t steps,
                          struct fs_stamp_state *state, struct fs_error *err)
{
    *state = (struct fs_stamp_state){.steps = steps};
    if (options->form->create(options, spec, &state->edit, err) != 0) {
        return -1;
    }
    size_t count = state->edit.count;
    state->moment1 = fs_allocate(count, sizeof *state->moment1, "Adam's moments", err);
    state->moment2 = fs_allocate(count, sizeof *state->moment2, "Adam's moments", err);
    state->loss = fs_allocate(steps, 4 * sizeof *state->loss, "the history of losses", err);
    state->extra = fs_allocate(steps, FS_STAMP_EXTRA * sizeof *state->extra, "the history of losses", err);
    state->best = fs_allocate(count, sizeof *state->best, "the best parameters", err);
    state->best_step = SIZE_MAX;
    if (state->moment1 != NULL && state->moment2 != NULL && state->loss != NULL && state->extra != NULL &&
        state->best != NULL) {
        return 0;
    }
    fs_stamp_state_release(state);
    return -1;
}

void fs_stamp_state_release(struct fs_stamp_state *state)
{
    fs_edit_release(&state->edit);
    free(state->moment1);
    free(state->moment2);
    free(state->loss);
    free(state->extra);
    free(state->best);
    *state = (struct fs_stamp_state){0};
}

int fs_stamp_state_broadcast(struct fs_stamp_state *state, struct fs_runner *runner, struct fs_error *err)
{
    size_t bytes = state->edit.count * sizeof(fs_real);
    if (fs_runner_broadcast(runner, &state->step, sizeof state->step, err) != 0 ||
        fs_runner_broadcast(runner, &state->best_step, sizeof state->best_step, err) != 0 ||
        fs_runner_broadcast(runner, state->edit.number, bytes, err) != 0 ||
        fs_runner_broadcast(runner, state->moment1, bytes, err) != 0 ||
        fs_runner_broadcast(runner, state->moment2, bytes, err) != 0 ||
        fs_runner_broadcast(runner, state->best, bytes, err) != 0 ||
        fs_runner_broadcast(runner, state->loss, state->steps * 4 * sizeof *state->loss, err) != 0) {
        return -1;
    }
    return fs_runner_broadcast(runner, state->extra, state->steps * FS_STAMP_EXTRA * sizeof *state->extra, err);
}
