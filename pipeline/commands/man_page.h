/* The manual page, roff, from the tables of commands and job keys. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_MAN_PAGE_H
#define FAIRSTAMP_PIPELINE_COMMANDS_MAN_PAGE_H

#include "pipeline/commands/command.h"

int fs_man_page(const struct fs_page *pages, FILE *stream, struct fs_error *err);

#endif
