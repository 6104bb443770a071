#include "pipeline/commands/parse.h"

#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "io/values.h"
#include "jobs/stage_names.h"
#include "pipeline/commands/commands.h"
#include "pipeline/commands/pages.h"

#define MOST_NAMES 64 /* commands, a command's options or actions: for the nearest name */

static int find_command(const char *name, struct fs_options *options, struct fs_error *err)
{
    const char *known[MOST_NAMES] = {NULL};
    const enum fs_stage renamed = fs_stage_named(name, strlen(name));
    for (size_t i = 0; fs_commands[i] != NULL && i + 1 < MOST_NAMES; i++) {
        known[i] = fs_commands[i]->name;
        if (strcmp(name, known[i]) == 0) {
            options->command = fs_commands[i];
            return 0;
        }
    }
    if (renamed != FS_STAGE_COUNT) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: this command is now called \"%s\"; write that", name,
                            fs_stage_names[renamed]);
    }
    size_t length = strlen(name);
    if (length > 5 && strcmp(name + length - 5, ".json") == 0) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: is no command; to run a job: fairstamp run %s", name, name);
    }
    const char *near = fs_near_name(name, known);
    return near != NULL ? fs_error_set(err, FS_EXIT_USAGE,
                                       "%s: unknown command; did you mean \"%s\"? See fairstamp --help", name, near)
                        : fs_error_set(err, FS_EXIT_USAGE, "%s: unknown command; see fairstamp --help", name);
}

static const struct fs_page *find_page(const char *argument)
{
    if (strcmp(argument, "-h") == 0) {
        argument = fs_option_help.name;
    }
    for (size_t i = 0; fs_pages[i].name != NULL; i++) {
        if (strcmp(argument, fs_pages[i].name) == 0) {
            return &fs_pages[i];
        }
    }
    return NULL;
}

static const struct fs_option *option_named(const struct fs_command *command, const char *name)
{
    for (size_t i = 0; command->options[i] != NULL; i++) {
        if (strcmp(command->options[i]->name, name) == 0) {
            return command->options[i];
        }
    }
    return NULL;
}

static int unknown_option(const struct fs_command *command, const char *name, struct fs_error *err)
{
    const char *known[MOST_NAMES] = {fs_option_help.name};
    const char *now = fs_renamed_name(fs_renamed_options, name);
    if (now != NULL && option_named(command, now) != NULL) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: this option is now called \"%s\"; write that", name, now);
    }
    for (size_t i = 0; command->options[i] != NULL && i + 2 < MOST_NAMES; i++) {
        known[i + 1] = command->options[i]->name;
    }
    const char *near = fs_near_name(name, known);
    if (near == NULL) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: unknown option of %s; see fairstamp %s --help", name,
                            command->name, command->name);
    }
    return fs_error_set(err, FS_EXIT_USAGE, "%s: unknown option of %s; did you mean \"%s\"? See fairstamp %s --help",
                        name, command->name, near, command->name);
}

/* An option and its value as they come. */
struct occurrence {
    const struct fs_option *option;
    const char *value;
};

static int check_value(const struct fs_option *option, const char *value, struct fs_error *err)
{
    if (value[0] == '\0') {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: found an empty text, expected %s", option->name, option->argument);
    }
    if (option->choices != NULL && !fs_is_choice(option->choices, value)) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: found \"%s\", expected %s", option->name, value, option->choices);
    }
    return 0;
}

/* The option at argv[*next], "--name", "--name value" or "--name=value"; `next` moves to its last word. */
static int parse_option(int argc, char **argv, int *next, const struct fs_command *command, struct occurrence *out,
                        struct fs_error *err)
{
    char name[64];
    const char *equals = strchr(argv[*next], '='), *value = equals != NULL ? equals + 1 : NULL;
    size_t length = strcspn(argv[*next], "=");
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), argv[*next]);
    const struct fs_option *option = option_named(command, name);
    if (option == NULL) {
        return unknown_option(command, name, err);
    }
    if (option->argument == NULL && value != NULL) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: takes no value, found \"%s\"", option->name, value);
    }
    if (option->argument != NULL && value == NULL) {
        if (*next + 1 >= argc) {
            return fs_error_set(err, FS_EXIT_USAGE, "%s: %s is missing", option->name, option->argument);
        }
        value = argv[++*next];
    }
    *out = (struct occurrence){option, value != NULL ? value : ""};
    return option->argument != NULL ? check_value(option, value, err) : 0;
}

/* Puts the values of each option together. */
static int group(struct fs_options *options, const struct occurrence *found, size_t count, struct fs_error *err)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (fs_option_given(options, found[i].option)) {
            continue;
        }
        struct fs_given *given = &options->given[options->givens++];
        *given = (struct fs_given){found[i].option, options->text + used, 0};
        for (size_t k = i; k < count; k++) {
            if (found[k].option == given->option) {
                given->value[given->count++] = found[k].value;
            }
        }
        used += given->count;
        if (given->count > 1 && !given->option->repeatable) {
            return fs_error_set(err, FS_EXIT_USAGE, "%s: given twice", given->option->name);
        }
    }
    return 0;
}

/* Takes the first operand as the action's name, where the command has actions. */
static int take_action(struct fs_options *options, struct fs_error *err)
{
    const struct fs_command *command = options->command;
    const char *known[MOST_NAMES] = {NULL}, *name = options->operands > 0 ? options->operand[0] : NULL;
    char all[256];
    if (command->actions == NULL) {
        return 0;
    }
    fs_command_actions(command, NULL, " or ", all, sizeof all);
    if (name == NULL) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: found no operand, expected first %s; see fairstamp %s --help",
                            command->name, all, command->name);
    }
    for (size_t i = 0; command->actions[i].name != NULL && i + 1 < MOST_NAMES; i++) {
        known[i] = command->actions[i].name;
        if (strcmp(known[i], name) == 0) {
            options->action = &command->actions[i];
            options->operands--;
            memmove(options->operand, options->operand + 1, options->operands * sizeof *options->operand);
            return 0;
        }
    }
    return fs_error_set(err, FS_EXIT_USAGE, "%s: found \"%.60s\", expected %s; did you mean \"%s\"?", command->name,
                        name, all, fs_nearest_name(name, known));
}

/* An option of another action would silently do nothing. */
static int check_action_options(const struct fs_options *options, struct fs_error *err)
{
    char actions[256];
    for (size_t i = 0; options->action != NULL && i < options->givens; i++) {
        const struct fs_option *option = options->given[i].option;
        fs_command_actions(options->command, option, " and ", actions, sizeof actions);
        if (actions[0] != '\0' && !fs_option_listed(options->action->options, option)) {
            return fs_error_set(err, FS_EXIT_USAGE, "%s %s: %s is an option of %s", options->command->name,
                                options->action->name, option->name, actions);
        }
    }
    return 0;
}

/* " --model DIR": the options that a command cannot do without, for its usage; " --set KEY=VALUE" where one is meant. */
static void write_missing_options(const struct fs_options *options, char *text, size_t size)
{
    const struct fs_option *const *option = options->command->options;
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; option[i] != NULL && used < size; i++) {
        bool set = option[i] == &fs_option_set && options->operands > 0 &&
                   strchr(options->operand[options->operands - 1], '=') != NULL;
        if (option[i]->required || set) {
            used += (size_t)snprintf(text + used, size - used, " %s %s", option[i]->name, option[i]->argument);
        }
    }
}

static int check_operands(const struct fs_options *options, struct fs_error *err)
{
    const struct fs_command *command = options->command;
    const struct fs_action *action = options->action;
    char name[64], expected[64], operands[256];
    size_t least = action != NULL ? action->least : command->least;
    size_t most = action != NULL ? action->most : command->most;
    for (size_t i = 0; i < options->givens; i++) {
        least += options->given[i].option->operands;
        most += most == FS_ANY_NUMBER ? 0 : options->given[i].option->operands;
    }
    if (options->operands >= least && options->operands <= most) {
        return 0;
    }
    if (action != NULL) {
        snprintf(name, sizeof name, "%s %s", command->name, action->name);
        snprintf(operands, sizeof operands, "%s", action->operands);
    } else {
        snprintf(name, sizeof name, "%s", command->name);
        fs_command_operands(command, operands, sizeof operands);
    }
    if (most == least) {
        snprintf(expected, sizeof expected, "%zu", least);
    } else if (most == FS_ANY_NUMBER) {
        snprintf(expected, sizeof expected, "at least %zu", least);
    } else {
        snprintf(expected, sizeof expected, "%zu to %zu", least, most);
    }
    char given[256];
    write_missing_options(options, given, sizeof given);
    return fs_error_set(err, FS_EXIT_USAGE, "%s: found %zu operand%s, expected %s: fairstamp %s%s%s%s", name,
                        options->operands, options->operands == 1 ? "" : "s", expected, name,
                        operands[0] != '\0' ? " " : "", operands, given);
}

static int check_required(const struct fs_options *options, struct fs_error *err)
{
    const struct fs_command *command = options->command;
    for (size_t i = 0; command->options[i] != NULL; i++) {
        const struct fs_option *option = command->options[i];
        if (option->required && !fs_option_given(options, option)) {
            return fs_error_set(err, FS_EXIT_USAGE, "%s: %s %s is missing; see fairstamp %s --help", command->name,
                                option->name, option->argument, command->name);
        }
    }
    return 0;
}

/* The words after the command. Stops at --help. */
static int parse_words(int argc, char **argv, struct fs_options *options, struct occurrence *found,
                       struct fs_error *err)
{
    bool only_operands = false;
    size_t count = 0;
    for (int next = 2; next < argc; next++) {
        const char *argument = argv[next];
        if (only_operands || argument[0] != '-') {
            options->operand[options->operands++] = argument;
        } else if (strcmp(argument, "--") == 0) {
            only_operands = true;
        } else if (strcmp(argument, fs_option_help.name) == 0 || strcmp(argument, "-h") == 0) {
            options->help = true;
            return 0;
        } else if (parse_option(argc, argv, &next, options->command, &found[count++], err) != 0) {
            return -1;
        }
    }
    return group(options, found, count, err);
}

int fs_options_parse(int argc, char **argv, struct fs_options *options, struct fs_error *err)
{
    *options = (struct fs_options){0};
    if (argc < 2) {
        return fs_error_set(err, FS_EXIT_USAGE, "a command is missing; see fairstamp --help");
    }
    options->page = argc == 2 ? find_page(argv[1]) : NULL;
    if (options->page != NULL) {
        return 0;
    }
    if (find_command(argv[1], options, err) != 0) {
        return -1;
    }
    size_t words = (size_t)argc;
    struct occurrence *found = fs_allocate(words, sizeof *found, "the command line", err);
    options->text = fs_allocate(words, sizeof *options->text, "the command line", err);
    options->given = fs_allocate(words, sizeof *options->given, "the command line", err);
    options->operand = fs_allocate(words, sizeof *options->operand, "the command line", err);
    bool allocated = found != NULL && options->text != NULL && options->given != NULL && options->operand != NULL;
    int status = allocated ? parse_words(argc, argv, options, found, err) : -1;
    free(found);
    if (status != 0 || options->help) {
        return status;
    }
    return take_action(options, err) == 0 && check_action_options(options, err) == 0 &&
                   check_operands(options, err) == 0
               ? check_required(options, err)
               : -1;
}
