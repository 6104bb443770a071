/* Runs the cells of a sweep on this machine. Local: one process, no ranks. */
#ifndef FAIRSTAMP_PIPELINE_SWEEPS_SWEEP_RUN_H
#define FAIRSTAMP_PIPELINE_SWEEPS_SWEEP_RUN_H

#include "jobs/sweep.h"

/*
 * Does the cells that are not complete, `at_once` at a time, each by "<launcher> fairstamp run jobs/<id>.json" (without
 * a launcher: one process). SIGINT, SIGTERM and SIGUSR1 are handed on; then nothing more is begun. `*failed`: cells
 * that did not end with 0; `*elsewhere`: cells that another sweep run was at. Several at once have a share of the cores
 * each. A cell that takes another one's trace over waits for it. FS_EXIT_INTERRUPTED after a signal.
 */
int fs_sweep_run(const struct fs_sweep *sweep, size_t at_once, const char *launcher, size_t *failed, size_t *elsewhere,
                 struct fs_error *err);

#endif
