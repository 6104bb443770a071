/* The log of a cell, which is also its lock among the sweep runs of a machine. Local. */
#ifndef FAIRSTAMP_PIPELINE_SWEEPS_CELL_LOG_H
#define FAIRSTAMP_PIPELINE_SWEEPS_CELL_LOG_H

#include <stdbool.h>

#include "jobs/sweep.h"

/* <folder>/logs/<id>.log, made where it is not there, to be written at its end. The caller closes; -1: failed. */
int fs_cell_log_open(const struct fs_sweep *sweep, const char *id, struct fs_error *err);

/*
 * One attempt; whether nobody else holds the log, which is then locked until it is closed here and in all processes that have
 * inherited it. True where the file system has no locks; the cell waits for the lock of its own folder (job_lock.h).
 */
bool fs_cell_log_lock(int log);

/*
 * Whether `cell` waits for a trace: it takes over that of another one, `runs`[cells] tells which are under way, and the trace
 * is not there yet.
 */
bool fs_cell_waits(const struct fs_sweep *sweep, const bool *runs, size_t cell);

#endif
