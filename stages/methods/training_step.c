#include "stages/methods/training_step.h"

int fs_training_step_done(struct fs_runner *runner, fs_training_save *save, void *context,
                          const struct fs_training_state *state, struct fs_error *err)
{
    bool stop = state->step < state->steps && fs_runner_stop_requested(runner);
    if (save != NULL && save(context, state, stop, err) != 0) {
        return -1;
    }
    return stop ? fs_error_set(err, FS_EXIT_INTERRUPTED,
                               "stopped after step %zu of %zu; run the same command again to go on", state->step,
                               state->steps)
                : 0;
}

int fs_training_step_failed(fs_training_save *save, void *context, const struct fs_training_state *state,
                            struct fs_error *err)
{
    struct fs_error own = FS_ERROR_INIT;
    if (err != NULL && err->code == FS_EXIT_INTERRUPTED && save != NULL && state->step > 0 &&
        save(context, state, true, &own) != 0) {
        *err = own;
    }
    return -1;
}
