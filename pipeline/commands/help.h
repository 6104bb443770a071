/* Help, and the pages that are printed instead of a command; all from the tables of commands and job keys. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_HELP_H
#define FAIRSTAMP_PIPELINE_COMMANDS_HELP_H

#include <stdio.h>

#include "pipeline/commands/options.h"

/* Ends with a row without a name. */
extern const struct fs_page fs_pages[];

/* What `fairstamp COMMAND --help` says, on `stream`. */
void fs_help_command(const struct fs_command *command, FILE *stream);

#endif
