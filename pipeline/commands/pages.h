/* What may be printed instead of a command. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_PAGES_H
#define FAIRSTAMP_PIPELINE_COMMANDS_PAGES_H

#include "pipeline/commands/command.h"

/* Ends with a row without a name. */
extern const struct fs_page fs_pages[];

#endif
