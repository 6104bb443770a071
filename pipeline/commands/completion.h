/* Completion for bash, from the tables of options.c and job_keys.c. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_COMPLETION_H
#define FAIRSTAMP_PIPELINE_COMMANDS_COMPLETION_H

#include <stdio.h>

/* The script, on `stream`. */
void fs_completion_bash(FILE *stream);

#endif
