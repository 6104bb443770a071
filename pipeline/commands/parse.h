/* The parser of the command line. Local; it speaks to nobody. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_PARSE_H
#define FAIRSTAMP_PIPELINE_COMMANDS_PARSE_H

#include "pipeline/commands/options.h"

/* The texts stay argv's. FS_EXIT_USAGE with the nearest known name. The caller releases, also on failure. */
int fs_options_parse(int argc, char **argv, struct fs_options *options, struct fs_error *err);

#endif
