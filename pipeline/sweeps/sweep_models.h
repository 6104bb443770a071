/*
 * What the cells of a sweep have in common, made ready once for all groups of ranks: hashes of models and data, by all ranks,
 * and the models that their nodes share. Collective over all ranks.
 */
#ifndef FAIRSTAMP_PIPELINE_SWEEPS_SWEEP_MODELS_H
#define FAIRSTAMP_PIPELINE_SWEEPS_SWEEP_MODELS_H

#include "pipeline/ranks/session.h"
#include "pipeline/sweeps/cell_list.h"

struct fs_sweep_models {
    char *text;          /* the folders, one behind the other */
    const char **folder; /* [shared.count] */
    struct fs_shared_models shared;
};

/*
 * Finds the models and data of the cells that are not `complete`[cells], hashes them, and makes room for the models. `list`:
 * the root's cells, which it creates; complete ones are over. What is wrong with a single cell is left to its own run. The
 * caller releases both, also on failure.
 */
int fs_sweep_models_open(struct fs_session *world, const struct fs_sweep *sweep, const unsigned char *complete,
                         struct fs_sweep_models *models, struct fs_cell_list *list, struct fs_error *err);
void fs_sweep_models_close(struct fs_sweep_models *models); /* takes a zeroed struct */

#endif
