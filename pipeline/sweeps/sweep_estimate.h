/* Estimates of the cells of a sweep. Local: one process, no ranks. */
#ifndef FAIRSTAMP_PIPELINE_SWEEPS_SWEEP_ESTIMATE_H
#define FAIRSTAMP_PIPELINE_SWEEPS_SWEEP_ESTIMATE_H

#include "jobs/sweep.h"

/*
 * Estimates the cells that have no estimate yet by `fairstamp estimate` on this machine, the cells of a model at once,
 * writes them into the manifest and each to estimate.json of its output folder, and prints them, as a table or as JSON.
 * A cell that cannot be estimated is named on standard error and left out.
 */
int fs_sweep_estimate(const char *folder, bool json, bool quiet, struct fs_error *err);

#endif
