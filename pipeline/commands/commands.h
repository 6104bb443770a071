/* The table of commands. Each row is in the command's own file; to add a command is to write that file and to name its
 * row here and in the table. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_COMMANDS_H
#define FAIRSTAMP_PIPELINE_COMMANDS_COMMANDS_H

#include "pipeline/commands/options_common.h"
#include "pipeline/ranks/session.h"

extern const struct fs_command fs_command_run, fs_command_trace, fs_command_stamp, fs_command_evaluate,
    fs_command_layers, fs_command_estimate, fs_command_score, fs_command_metrics, fs_command_tokenize,
    fs_command_logprobs, fs_command_inspect, fs_command_verify, fs_command_export, fs_command_merge, fs_command_query,
    fs_command_sweep, fs_command_report, fs_command_benchmark, fs_command_doctor;

/* In the order of --help; NULL-terminated. */
extern const struct fs_command *const fs_commands[];

/* The command's operands for people, "plan|run SWEEP.json|DIR", with the names of its actions. */
void fs_command_operands(const struct fs_command *command, char *out, size_t size);
/* Its actions with their descriptions, and its own description. */
void fs_command_description(const struct fs_command *command, char *out, size_t size);
/* "plan, run and merge" of the actions that take `option` (NULL: of all), with `last`, " and ", before the last one. */
void fs_command_actions(const struct fs_command *command, const struct fs_option *option, const char *last, char *out,
                        size_t size);

#endif
