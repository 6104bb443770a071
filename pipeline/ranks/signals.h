/*
 * SIGTERM, SIGINT and SIGUSR1 ask the program to stop: units in flight are finished, a checkpoint is written, and the
 * exit code is FS_EXIT_INTERRUPTED. A second SIGINT within two seconds ends at once. Local.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_SIGNALS_H
#define FAIRSTAMP_PIPELINE_RANKS_SIGNALS_H

#include <stdbool.h>

/* Call after MPI_Init_thread: Open MPI installs handlers of its own there. */
void fs_signals_install(void);
/* True once this process was asked to stop. */
bool fs_signals_stop(void);

#endif
