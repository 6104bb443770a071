/* Dropout of what attention and FFN add to the residual stream, and of attention's weights: workspace.h. */
#include <string.h>

#include "model/steps/layer.h"

int fs_dropout_prepare(const struct fs_spec *spec, struct fs_workspace *workspace, const struct fs_batch *batch,
                       struct fs_error *err)
{
    size_t longest = fs_batch_longest(batch), states = batch->tokens * spec->hidden;
    size_t numbers = longest * longest > states ? longest * longest : states;
    return workspace->dropout == NULL ? 0 : fs_scratch_reserve(&workspace->dropped, numbers, "dropout", err);
}

/* Its number in the model. */
static size_t number_of(const struct fs_layer_run *run)
{
    return (size_t)(run->layer->spec - run->spec->layer);
}

void fs_layer_drop(const struct fs_layer_run *run, enum fs_dropout_place place, size_t first, fs_real *x, size_t count)
{
    if (run->workspace->dropout != NULL) {
        fs_dropout_apply(run->workspace->dropout, place, number_of(run), first, x, count);
    }
}

const fs_real *fs_layer_drop_backward(const struct fs_layer_run *run, enum fs_dropout_place place, const fs_real *dy)
{
    size_t count = run->tokens * run->spec->hidden;
    fs_real *dropped = run->workspace->dropped.data;
    if (run->workspace->dropout == NULL) {
        return dy;
    }
    memcpy(dropped, dy, count * sizeof *dropped);
    fs_layer_drop(run, place, 0, dropped, count);
    return dropped;
}
