/* Help, man page, JSON schema, list of keys and completion, all from the tables of options.c and job_keys.c. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_HELP_H
#define FAIRSTAMP_PIPELINE_COMMANDS_HELP_H

#include <stdio.h>

#include "pipeline/commands/options.h"

/* The page that `options` asks for, on `stream`. */
int fs_help_page(const struct fs_options *options, FILE *stream, struct fs_error *err);

#endif
