/*
 * Rows of the command line: commands, actions, options and pages. Each command's row is in its own file, shared options
 * are in options_common.h. Parser, --help, man page and completion walk them.
 */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_COMMAND_H
#define FAIRSTAMP_PIPELINE_COMMANDS_COMMAND_H

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
    const struct fs_option *on_ranks; /* where this option is given, it is as with uses_ranks; NULL: none */
    bool lists_job_keys;              /* --help goes on with the keys of the job file */
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
    int (*print)(const struct fs_page *pages, FILE *stream, struct fs_error *err); /* `pages`: all of them */
};

#endif
