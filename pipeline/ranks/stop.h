/*
 * Requests to stop: a signal to any rank (signals.h), and, seen by the root alone, a stop file and a time limit. Units
 * in flight are finished, what is done is saved, and the exit code is FS_EXIT_INTERRUPTED. Local; the runner carries
 * the request to all ranks, so that all stop at the same unit or step.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_STOP_H
#define FAIRSTAMP_PIPELINE_RANKS_STOP_H

#include <stdbool.h>

/*
 * From here on the root also stops once `file` (NULL: none) is there, or `seconds` (below 0: no limit) after this call.
 * The text outlives the process' work. Call on the root, from the main thread, as the function below.
 */
void fs_stop_watch(const char *file, double seconds);
/* Asks this process to stop, as a signal does; the text, which outlives the process' work, says why. From any thread. */
void fs_stop_because(const char *why);
/* True once this process was asked to stop by something else than fs_stop_because alone: by its user. */
bool fs_stop_by_user(void);
/* What fs_stop_because has asked for is over: it was about one job of several. Main thread. */
void fs_stop_forget(void);
/* True once this process was asked to stop; the first time it says why. */
bool fs_stop_asked(void);

#endif
