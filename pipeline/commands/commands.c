#include "pipeline/commands/commands.h"

#include <string.h>

#define POINT(row) &fs_command_##row,
const struct fs_command *const fs_commands[] = {FS_COMMANDS(POINT) NULL};

static void append(char *out, size_t size, const char *separator, const char *text)
{
    size_t used = strlen(out);
    if (text == NULL || text[0] == '\0') {
        return;
    }
    snprintf(out + used, size - used, "%s%s", used > 0 ? separator : "", text);
}

void fs_command_operands(const struct fs_command *command, char *out, size_t size)
{
    out[0] = '\0';
    for (const struct fs_action *action = command->actions; action != NULL && action->name != NULL; action++) {
        append(out, size, "|", action->name);
    }
    append(out, size, " ", command->operands);
}

void fs_command_description(const struct fs_command *command, char *out, size_t size)
{
    out[0] = '\0';
    for (const struct fs_action *action = command->actions; action != NULL && action->name != NULL; action++) {
        append(out, size, " ", action->name);
        append(out, size, " ", action->operands);
        append(out, size, ": ", action->description);
    }
    append(out, size, " ", command->description);
}

void fs_command_actions(const struct fs_command *command, const struct fs_option *option, const char *last, char *out,
                        size_t size)
{
    const char *waiting = NULL; /* a name that is the last one, or not */
    out[0] = '\0';
    for (const struct fs_action *action = command->actions; action != NULL && action->name != NULL; action++) {
        if (option == NULL || fs_option_listed(action->options, option)) {
            append(out, size, ", ", waiting);
            waiting = action->name;
        }
    }
    append(out, size, last, waiting);
}
