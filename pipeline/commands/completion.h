/* Completion for bash, from the tables of commands and job keys. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_COMPLETION_H
#define FAIRSTAMP_PIPELINE_COMMANDS_COMPLETION_H

#include "pipeline/commands/command.h"

/* The script, on `stream`. */
int fs_completion_bash(const struct fs_page *pages, FILE *stream, struct fs_error *err);

#endif
