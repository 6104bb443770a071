/* The table of commands. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_COMMANDS_H
#define FAIRSTAMP_PIPELINE_COMMANDS_COMMANDS_H

#include "pipeline/commands/options_common.h"
#include "pipeline/ranks/session.h"

/* One row a command: its struct fs_command is fs_command_<row>, in command_<row>.c. In the order of --help. */
#define FS_COMMANDS(ROW)                                                                                               \
    ROW(run)                                                                                                           \
    ROW(trace)                                                                                                         \
    ROW(train)                                                                                                         \
    ROW(stamp)                                                                                                         \
    ROW(evaluate)                                                                                                      \
    ROW(layer_sweep)                                                                                                   \
    ROW(estimate)                                                                                                      \
    ROW(score)                                                                                                         \
    ROW(metrics)                                                                                                       \
    ROW(tokenize)                                                                                                      \
    ROW(logprobs)                                                                                                      \
    ROW(inspect)                                                                                                       \
    ROW(verify)                                                                                                        \
    ROW(export)                                                                                                        \
    ROW(model)                                                                                                         \
    ROW(benchmark)                                                                                                     \
    ROW(apply)                                                                                                         \
    ROW(report)                                                                                                        \
    ROW(merge)                                                                                                         \
    ROW(query)                                                                                                         \
    ROW(sweep)                                                                                                         \
    ROW(list)                                                                                                          \
    ROW(doctor)

#define FS_DECLARE_COMMAND(row) extern const struct fs_command fs_command_##row;
FS_COMMANDS(FS_DECLARE_COMMAND)

/* NULL-terminated. */
extern const struct fs_command *const fs_commands[];

/* The command's operands for people, "plan|run SWEEP.json|DIR", with the names of its actions. */
void fs_command_operands(const struct fs_command *command, char *out, size_t size);
/* Its actions with their descriptions, and its own description. */
void fs_command_description(const struct fs_command *command, char *out, size_t size);
/* "plan, run and merge" of the actions that take `option` (NULL: of all), with `last`, " and ", before the last one. */
void fs_command_actions(const struct fs_command *command, const struct fs_option *option, const char *last, char *out,
                        size_t size);

#endif
