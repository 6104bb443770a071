/* What the unedited model gives to a training unit. */
#include <stdlib.h>
#include <string.h>

#include "stages/methods/stamp_unit.h"

/* Memory that fs_stamp_unit_fill needs for a while. */
struct fill {
    fs_real *h, *x, *base; /* (T,d) of the plan's batch; base as model/engine.h has it */
    fs_real *logprob;      /* (R,V) */
};

static int fill(const struct fs_model *model, struct fs_workspace *workspace, const struct fs_stamp_options *options,
                struct fs_stamp_unit *unit, struct fill *fill, struct fs_error *err)
{
    size_t d = fs_model_spec(model)->hidden, layers = fs_model_spec(model)->layers, layer = options->layer;
    struct fs_plan_unit view;
    fs_plan_get_unit(unit->plan, 0, &view);
    const struct fs_pass plan_pass = {model, workspace, &view.batch, NULL};
    const struct fs_pass unit_pass = {model, workspace, &unit->batch, NULL};
    size_t T = view.batch.tokens, row_bytes = d * sizeof(fs_real), matrices = fs_base_matrices(fs_model_spec(model));
    struct fs_loss_unit *loss = &unit->loss;
    fill->h = fs_allocate_aligned(T, row_bytes, "the states of a training unit", err);
    fill->x = fs_allocate_aligned(T, row_bytes, "the states of a training unit", err);
    fill->base = fs_allocate_aligned(matrices * T, row_bytes, "the states of a training unit", err);
    unit->x = fs_allocate_aligned(unit->batch.tokens, row_bytes, "a training unit's FFN inputs", err);
    unit->base = fs_allocate_aligned(matrices * unit->batch.tokens, row_bytes, "a training unit's FFN outputs", err);
    if (fill->h == NULL || fill->x == NULL || fill->base == NULL || unit->x == NULL || unit->base == NULL) {
        return -1;
    }
    if (fs_batch_check(model, &view.batch, err) != 0 ||
        fs_embed(model, workspace, &view.batch, NULL, fill->h, err) != 0 ||
        fs_run_layers(&plan_pass, 0, layer, fill->h, err) != 0 ||
        fs_run_to_ffn(&plan_pass, layer, fill->h, fill->x, fill->base, err) != 0) {
        return -1;
    }
    bool rows_alone = unit->start != NULL;
    for (size_t t = 0; t < unit->batch.tokens; t++) {
        size_t from = rows_alone ? unit->source[t] : t;
        memcpy(unit->x + t * d, fill->x + from * d, row_bytes);
        for (size_t m = 0; m < matrices; m++) {
            memcpy(unit->base + (m * unit->batch.tokens + t) * d, fill->base + (m * T + from) * d, row_bytes);
        }
    }
    /* P: the unedited model goes on from here */
    if (fs_join_ffn(&unit_pass, layer, unit->x, unit->base, fill->h, err) != 0 ||
        fs_run_layers(&unit_pass, layer + 1, layers, fill->h, err) != 0) {
        return -1;
    }
    size_t V_bytes = loss->vocabulary * sizeof(fs_real);
    loss->probability = fs_allocate_aligned(loss->distributions, V_bytes, "the unedited model's distributions", err);
    fill->logprob = fs_allocate_aligned(loss->rows, V_bytes, "the unedited model's distributions", err);
    if (loss->probability == NULL || fill->logprob == NULL ||
        fs_read_distributions(model, workspace, fill->h, loss->rows, unit->row, fill->logprob, err) != 0) {
        return -1;
    }
    return fs_loss_keep(loss, options->scoring, fill->logprob, err);
}

int fs_stamp_unit_fill(const struct fs_model *model, struct fs_workspace *workspace,
                       const struct fs_stamp_options *options, struct fs_stamp_unit *unit, struct fs_error *err)
{
    struct fill memory = {0};
    int status = fill(model, workspace, options, unit, &memory, err);
    free(memory.h);
    free(memory.x);
    free(memory.base);
    free(memory.logprob);
    return status;
}

void fs_stamp_unit_empty(struct fs_stamp_unit *unit)
{
    free(unit->x);
    free(unit->base);
    free(unit->share);
    free(unit->loss.probability);
    unit->x = unit->base = unit->share = unit->loss.probability = NULL;
}
