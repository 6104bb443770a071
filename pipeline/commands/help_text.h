/* Texts that --help and the man page have in common. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_HELP_TEXT_H
#define FAIRSTAMP_PIPELINE_COMMANDS_HELP_TEXT_H

#include "io/settings/settings.h"
#include "pipeline/commands/command.h"

#define FS_HELP_SIZE 2048 /* bytes that hold every text below */

struct fs_exit_meaning {
    int code;
    const char *meaning; /* NULL: the end */
};
extern const struct fs_exit_meaning fs_exit_meanings[];

/* "meaning (default: x)", "meaning (choices; unit; required)". */
void fs_describe_key(const struct fs_setting *setting, char *out, size_t size);
/* The default for people; "": none. */
void fs_describe_default(const struct fs_setting *setting, char *out, size_t size);
/* "help (required)", "help; default: x". */
void fs_describe_option(const struct fs_option *option, char *out, size_t size);
/* "--name ARGUMENT". */
void fs_describe_usage(const struct fs_option *option, char *out, size_t size);

#endif
