/* Completion for bash, from the tables of commands and job keys. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_COMPLETION_H
#define FAIRSTAMP_PIPELINE_COMMANDS_COMPLETION_H

#include <stdio.h>

#include "io/error.h"

/* The script, on `stream`. */
int fs_completion_bash(FILE *stream, struct fs_error *err);

#endif
