/*
 * Time limits for waiting, which MPI has none of: a thread looks at how long the main thread has been in one call.
 *
 * A call that takes milliseconds where all ranks are there (MPI_Init, making and freeing communicators and windows,
 * MPI_Finalize) is waited for `seconds`: then one line names rank, node and call, and the process ends with
 * FS_EXIT_NO_ANSWER, at which the launcher ends the other ranks. A wait in which others may compute or read for long is
 * not limited: the root tells after `seconds`, and each time the wait has doubled; where the root is silent, rank 1 does
 * after ten times as long. The log of a rank has such waits once they are over.
 *
 * Time in which the process is stopped (a suspended job) does not count. Which call is waited for how: docs/ranks.md.
 *
 * Whatever the main thread does, a node that has not answered for a tenth of `seconds` (silence.h) ends the process with
 * FS_EXIT_NO_ANSWER too; the root tells before.
 * Local; begin and end from the main thread, not nested.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_WATCH_H
#define FAIRSTAMP_PIPELINE_RANKS_WATCH_H

#include <stdbool.h>

#define FS_WATCH_SECONDS "300" /* the default of --wait-seconds */

/* Before MPI_Init. 0 seconds: nothing is limited, and nothing told. */
void fs_watch_start(double seconds);
void fs_watch_stop(void); /* takes what was not started */
/* Who waits, once it is known: the launcher's variables name the rank until then. */
void fs_watch_place(int rank, int ranks);

/* `call` is a literal, such as "MPI_Comm_dup". */
void fs_watch_limit(const char *call);
void fs_watch_patiently(const char *call);
void fs_watch_end(void);

/* What fs_watch_start was given. */
double fs_watch_seconds(void);
/* While a node does not answer: this process may be ended soon, by itself or by its launcher. */
bool fs_watch_node_is_silent(void);

#endif
