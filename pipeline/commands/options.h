/*
 * The command line. One table of commands, one of options and one of pages make parser, --help and man page (help.h)
 * and the completion (completion.h). Local; parsing speaks to nobody.
 */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_OPTIONS_H
#define FAIRSTAMP_PIPELINE_COMMANDS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"

enum fs_command_id {
    FS_COMMAND_RUN,
    FS_COMMAND_TRACE,
    FS_COMMAND_STAMP,
    FS_COMMAND_EVALUATE,
    FS_COMMAND_LAYERS,
    FS_COMMAND_ESTIMATE,
    FS_COMMAND_SCORE,
    FS_COMMAND_METRICS,
    FS_COMMAND_TOKENIZE,
    FS_COMMAND_LOGPROBS,
    FS_COMMAND_INSPECT,
    FS_COMMAND_VERIFY,
    FS_COMMAND_EXPORT,
    FS_COMMAND_BENCHMARK,
    FS_COMMAND_REPORT,
    FS_COMMAND_MERGE,
    FS_COMMAND_QUERY,
    FS_COMMAND_SWEEP,
    FS_COMMAND_DOCTOR,
    FS_COMMAND_COUNT
};

struct fs_command {
    const char *name;
    const char *operands; /* for people: "JOB.json" */
    size_t operand_count; /* `verify --equal` takes one more, merge, query and sweep more */
    bool uses_ranks;      /* false: computed by the root alone, without MPI where nobody started it under mpirun */
    const char *summary;
    const char *description;
};
extern const struct fs_command fs_commands[FS_COMMAND_COUNT];

enum fs_option_id {
    FS_OPTION_SET,
    FS_OPTION_FORCE,
    FS_OPTION_MAX_SECONDS,
    FS_OPTION_STOP_FILE,
    FS_OPTION_LOG_DIR,
    FS_OPTION_SAVE,
    FS_OPTION_SECONDS,
    FS_OPTION_NODE_RANKS,
    FS_OPTION_NETWORK,
    FS_OPTION_MODEL,
    FS_OPTION_SUITE,
    FS_OPTION_DATA,
    FS_OPTION_CATEGORY,
    FS_OPTION_SCORING,
    FS_OPTION_STAMP,
    FS_OPTION_SCORES,
    FS_OPTION_BOOTSTRAP,
    FS_OPTION_SEED,
    FS_OPTION_EQUAL,
    FS_OPTION_TO,
    FS_OPTION_METRIC,
    FS_OPTION_BY,
    FS_OPTION_WHERE,
    FS_OPTION_TRAINING,
    FS_OPTION_NO_ESTIMATE,
    FS_OPTION_CELLS,
    FS_OPTION_LAUNCHER,
    FS_OPTION_LIMIT,
    FS_OPTION_SBATCH,
    FS_OPTION_SCRIPTS,
    FS_OPTION_TOKENIZERS,
    FS_OPTION_OUTPUT,
    FS_OPTION_FORMAT,
    FS_OPTION_QUIET,
    FS_OPTION_HELP,
    FS_OPTION_COUNT
};

struct fs_option {
    const char *name;     /* "--model" */
    const char *argument; /* "DIR"; NULL: a flag */
    const char *choices;  /* "text|json"; NULL: any text */
    const char *initial;  /* the default, NULL: none */
    bool required;
    unsigned commands; /* bits 1 << fs_command_id */
    const char *help;
};
extern const struct fs_option fs_options_table[FS_OPTION_COUNT];

enum fs_page {
    FS_NO_PAGE,
    FS_PAGE_HELP,
    FS_PAGE_VERSION,
    FS_PAGE_MAN,
    FS_PAGE_SCHEMA,
    FS_PAGE_KEYS,
    FS_PAGE_COMPLETION
};

/* What stands alone in the place of a command. */
#define FS_PAGE_COUNT 6
struct fs_page_name {
    const char *name;
    enum fs_page page;
    const char *help;
};
extern const struct fs_page_name fs_pages[FS_PAGE_COUNT];

struct fs_options {
    enum fs_page page; /* FS_PAGE_HELP with has_command: of that command */
    bool has_command;
    enum fs_command_id command;
    const char *value[FS_OPTION_COUNT]; /* default or NULL where not given; "" for a flag that is */
    const char **set;                   /* [sets] of --set, or of query's --where */
    size_t sets;
    const char **operand; /* [operands] */
    size_t operands;
};

/* The texts stay argv's. FS_EXIT_USAGE with the nearest known name. The caller releases, also on failure. */
int fs_options_parse(int argc, char **argv, struct fs_options *options, struct fs_error *err);
void fs_options_release(struct fs_options *options); /* takes a zeroed struct */

bool fs_options_json(const struct fs_options *options); /* --format json */

#endif
