/* The end of what a command prints. Local. */
#ifndef FAIRSTAMP_IO_CONSOLE_OUTPUT_H
#define FAIRSTAMP_IO_CONSOLE_OUTPUT_H

#include "io/error.h"

/* Flushes stdout: FS_EXIT_IO where what was printed could not be written. */
int fs_finish_output(struct fs_error *err);

#endif
