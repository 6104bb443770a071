/* The options and operands of a command line, as parse.h reads them. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_OPTIONS_H
#define FAIRSTAMP_PIPELINE_COMMANDS_OPTIONS_H

#include "pipeline/commands/command.h"

/* An option as it was given: its values in the order of the command line. */
struct fs_given {
    const struct fs_option *option;
    const char **value; /* [count]; "" for a flag */
    size_t count;
};

struct fs_options {
    const struct fs_page *page;       /* NULL: a command was given */
    const struct fs_command *command; /* NULL: a page was given */
    const struct fs_action *action;   /* NULL: the command has none */
    bool help;                        /* of the command */
    const char **operand;             /* [operands] without the action's name */
    size_t operands;
    struct fs_given *given; /* [givens] */
    size_t givens;
    const char **text; /* the storage of all given[].value */
};

void fs_options_release(struct fs_options *options); /* takes a zeroed struct */

/* What was given, otherwise the default; NULL: neither. */
const char *fs_option_value(const struct fs_options *options, const struct fs_option *option);
/* All values of an option that may be repeated, in their order; `count` 0: not given. */
const char *const *fs_option_values(const struct fs_options *options, const struct fs_option *option, size_t *count);
bool fs_option_given(const struct fs_options *options, const struct fs_option *option);

/* Whether the NULL-terminated `list` (NULL: empty) has `option`. */
bool fs_option_listed(const struct fs_option *const *list, const struct fs_option *option);

#endif
