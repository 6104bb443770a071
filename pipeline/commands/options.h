/*
 * The command line: rows of commands, actions and options (each command's in its own file, shared options in
 * options_common.h), and the parser that walks them. The same rows make --help, the man page (help.h) and the
 * completion (completion.h). Local; parsing speaks to nobody.
 */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_OPTIONS_H
#define FAIRSTAMP_PIPELINE_COMMANDS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "io/error.h"

struct fs_session;

struct fs_option {
    const char *name;     /* "--model" */
    const char *argument; /* "DIR"; NULL: a flag */
    const char *choices;  /* "text|json"; NULL: any text */
    const char *initial;  /* the default; NULL: none */
    bool required;
    bool repeatable;
    size_t operands; /* so many operands more are taken where the option is given */
    const char *help;
};

#define FS_ANY_NUMBER SIZE_MAX

/*
 * Computes and prints. Without `uses_ranks`, only `session->options` is set, and one process calls it. Data goes to
 * stdout, from the root alone; the caller prints the error.
 */
typedef int fs_command_function(struct fs_session *session, struct fs_error *err);

/* What a command does is named by its first word, as in `sweep plan`. */
struct fs_action {
    const char *name;
    const char *operands; /* for people: "SWEEP.json DIR" */
    size_t least, most;   /* operands after the action's name */
    const char *description;
    const struct fs_option *const *options; /* NULL-terminated: those of the command's that not all actions take */
    fs_command_function *run;
};

struct fs_command {
    const char *name;
    const char *operands; /* for people: "JOB.json"; those of the actions where there are any */
    size_t least, most;   /* FS_ANY_NUMBER: no limit */
    bool uses_ranks;      /* false: the root computes alone, without MPI where nobody started it under mpirun */
    bool lists_job_keys;  /* --help goes on with the keys of the job file */
    const char *summary;
    const char *description;                /* comes after those of the actions */
    const struct fs_option *const *options; /* NULL-terminated, in the order of --help, which itself is not in it */
    const struct fs_action *actions;        /* ends with a row without a name; NULL: none */
    fs_command_function *run;               /* NULL where there are actions */
};

/* Printed instead of a command. */
struct fs_page {
    const char *name;
    const char *help;
    int (*print)(FILE *stream, struct fs_error *err);
};

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

/* The texts stay argv's. FS_EXIT_USAGE with the nearest known name. The caller releases, also on failure. */
int fs_options_parse(int argc, char **argv, struct fs_options *options, struct fs_error *err);
void fs_options_release(struct fs_options *options); /* takes a zeroed struct */

/* What was given, otherwise the default; NULL: neither. */
const char *fs_option_value(const struct fs_options *options, const struct fs_option *option);
/* All values of an option that may be repeated, in their order; `count` 0: not given. */
const char *const *fs_option_values(const struct fs_options *options, const struct fs_option *option, size_t *count);
bool fs_option_given(const struct fs_options *options, const struct fs_option *option);

/* Whether the NULL-terminated `list` (NULL: empty) has `option`. */
bool fs_option_listed(const struct fs_option *const *list, const struct fs_option *option);

#endif
