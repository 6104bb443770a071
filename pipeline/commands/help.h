/* Help from the tables of commands and job keys. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_HELP_H
#define FAIRSTAMP_PIPELINE_COMMANDS_HELP_H

#include "pipeline/commands/command.h"

int fs_help_overview(const struct fs_page *pages, FILE *stream, struct fs_error *err);

/* What `fairstamp COMMAND --help` says, on `stream`. */
void fs_help_command(const struct fs_command *command, FILE *stream);

#endif
