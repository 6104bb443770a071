#include "pipeline/commands/completion.h"

#include <string.h>

#include "jobs/job_keys.h"
#include "pipeline/commands/commands.h"

#define WIDTH 90

static const char replies[] =
    "# Completion of fairstamp for bash, made by `fairstamp --bash-completion`.\n"
    "\n"
    "# Each fills COMPREPLY with what completes $cur; $prefix precedes it in the same word.\n"
    "_fairstamp_words() # \"WORD ...\"\n"
    "{\n"
    "    mapfile -t COMPREPLY < <(compgen -P \"$prefix\" -W \"$1\" -- \"$cur\")\n"
    "}\n"
    "_fairstamp_folders()\n"
    "{\n"
    "    mapfile -t COMPREPLY < <(compgen -P \"$prefix\" -d -- \"$cur\")\n"
    "    compopt -o filenames 2>/dev/null\n"
    "}\n"
    "_fairstamp_files() # ENDING: files whose names have it, and folders; '': all\n"
    "{\n"
    "    mapfile -t COMPREPLY < <(\n"
    "        compgen -P \"$prefix\" -f -X \"!*$1\" -- \"$cur\"\n"
    "        [[ -z $1 ]] || compgen -P \"$prefix\" -d -- \"$cur\"\n"
    "    )\n"
    "    compopt -o filenames 2>/dev/null\n"
    "}\n"
    "_fairstamp_after_equals() # bash splits words at \"=\", unless COMP_WORDBREAKS was changed\n"
    "{\n"
    "    [[ $COMP_WORDBREAKS == *=* ]] || prefix+=${cur%%=*}=\n"
    "    cur=${cur#*=}\n"
    "}\n"
    "_fairstamp_setting() # KEY=VALUE\n"
    "{\n"
    "    local key=${cur%%=*}\n"
    "    if [[ $cur != *=* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -P \"$prefix\" -S = -W \"$_fairstamp_keys\" -- \"$cur\")\n"
    "        compopt -o nospace 2>/dev/null\n"
    "        return\n"
    "    fi\n"
    "    _fairstamp_after_equals\n"
    "    case $key in\n";

static const char words_of_line[] =
    "_fairstamp()\n"
    "{\n"
    "    local IFS=$' \\t\\n' words=() word i cur prefix='' option options='' first='' ending=''\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i <= COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if ((i > 1)) && [[ $word == = || ${COMP_WORDS[i - 1]} == = ]]; then\n"
    "            words[${#words[@]} - 1]+=$word\n"
    "        else\n"
    "            words+=(\"$word\")\n"
    "        fi\n"
    "    done\n"
    "    i=$((${#words[@]} - 1))\n"
    "    cur=${words[i]}\n"
    "    if ((i == 0)); then\n"
    "        _fairstamp_words \"$_fairstamp_commands\"\n"
    "        return\n"
    "    fi\n"
    "    option=${words[i - 1]}\n"
    "    if [[ $cur == -*=* ]]; then\n"
    "        option=${cur%%=*}\n"
    "        _fairstamp_after_equals\n"
    "    fi\n"
    "    case $option in\n";

static const char operand_or_option[] = "    *) return ;;\n"
                                        "    esac\n"
                                        "    if [[ $cur != -* && -n $first ]] && ((i == 1)); then\n"
                                        "        _fairstamp_words \"$first\"\n"
                                        "    elif [[ $cur != -* && -n $ending ]]; then\n"
                                        "        _fairstamp_files \"$ending\"\n"
                                        "    else\n"
                                        "        _fairstamp_words \"$options\"\n"
                                        "    fi\n"
                                        "}\n"
                                        "complete -F _fairstamp fairstamp\n";

/* One word more of a quoted text, broken at WIDTH. `column`: 0 before the first word. */
static void print_word(FILE *stream, const char *word, size_t *column)
{
    if (*column + 1 + strlen(word) > WIDTH) {
        fprintf(stream, "\n   ");
        *column = 3;
    }
    fprintf(stream, "%s%s", *column == 0 ? "" : " ", word);
    *column += 1 + strlen(word);
}

/* "a|b|c" as the words a b c. */
static void print_choices(FILE *stream, const char *choices)
{
    fprintf(stream, "_fairstamp_words \"");
    for (; *choices != '\0'; choices++) {
        fputc(*choices == '|' ? ' ' : *choices, stream);
    }
    fputc('"', stream);
}

static void print_lists(const struct fs_page *pages, FILE *stream)
{
    size_t column = 0;
    fprintf(stream, "_fairstamp_commands=\"");
    for (size_t i = 0; fs_commands[i] != NULL; i++) {
        print_word(stream, fs_commands[i]->name, &column);
    }
    for (size_t i = 0; pages[i].name != NULL; i++) {
        print_word(stream, pages[i].name, &column);
    }
    column = 0;
    fprintf(stream, "\"\n_fairstamp_keys=\"");
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        print_word(stream, key[i].setting->key, &column);
    }
    fprintf(stream, "\"\n\n");
}

static void print_keys(FILE *stream)
{
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        const struct fs_setting *setting = key[i].setting;
        const char *choices = fs_setting_choices(setting);
        if (choices == NULL && setting->kind != FS_SETTING_PATH && setting->kind != FS_SETTING_AUTO) {
            continue;
        }
        fprintf(stream, "    %s) ", setting->key);
        if (choices != NULL) {
            print_choices(stream, choices);
        } else {
            fputs(setting->kind == FS_SETTING_PATH ? "_fairstamp_files ''" : "_fairstamp_words auto", stream);
        }
        fprintf(stream, " ;;\n");
    }
}

/* What completes an argument of this form; where nothing is known of it, nothing is offered. */
static const struct {
    const char *argument, *function;
} completed[] = {{"KEY=VALUE", "_fairstamp_setting; "},
                 {"DIR", "_fairstamp_folders; "},
                 {"DIR,...", "_fairstamp_folders; "},
                 {"FILE", "_fairstamp_files ''; "}};

static void print_option(FILE *stream, const struct fs_option *option)
{
    fprintf(stream, "    %s) ", option->name);
    if (option->choices != NULL) {
        print_choices(stream, option->choices);
        fputs("; ", stream);
    }
    for (size_t i = 0; option->choices == NULL && i < sizeof completed / sizeof completed[0]; i++) {
        if (strcmp(option->argument, completed[i].argument) == 0) {
            fputs(completed[i].function, stream);
        }
    }
    fprintf(stream, "return ;;\n");
}

static bool is_in_earlier_command(size_t command, const struct fs_option *option)
{
    for (size_t i = 0; i < command; i++) {
        if (fs_option_listed(fs_commands[i]->options, option)) {
            return true;
        }
    }
    return false;
}

/* Options that take an argument, each once. */
static void print_options(FILE *stream)
{
    for (size_t id = 0; fs_commands[id] != NULL; id++) {
        for (size_t i = 0; fs_commands[id]->options[i] != NULL; i++) {
            const struct fs_option *option = fs_commands[id]->options[i];
            if (option->argument != NULL && !is_in_earlier_command(id, option)) {
                print_option(stream, option);
            }
        }
    }
}

static void print_command(FILE *stream, const struct fs_command *command)
{
    size_t column = 0;
    fprintf(stream, "    %s) options=\"", command->name);
    for (size_t i = 0; command->options[i] != NULL; i++) {
        print_word(stream, command->options[i]->name, &column);
    }
    print_word(stream, fs_option_help.name, &column);
    fputc('"', stream);
    for (const struct fs_action *action = command->actions; action != NULL && action->name != NULL; action++) {
        fprintf(stream, "%s%s", action == command->actions ? " first=\"" : " ", action->name);
    }
    fputs(command->actions != NULL ? "\"" : "", stream);
    const char *ending = strstr(command->operands, ".json") != NULL ? ".json" : "";
    ending = strstr(command->operands, ".h5") != NULL ? ".h5" : ending;
    if (*ending != '\0') {
        fprintf(stream, " ending=%s", ending);
    }
    fprintf(stream, " ;;\n");
}

int fs_completion_bash(const struct fs_page *pages, FILE *stream, struct fs_error *err)
{
    (void)err;
    fputs(replies, stream);
    print_keys(stream);
    fprintf(stream, "    esac\n}\n\n");
    print_lists(pages, stream);
    fputs(words_of_line, stream);
    print_options(stream);
    fprintf(stream, "    esac\n    case ${words[0]} in\n");
    for (size_t i = 0; fs_commands[i] != NULL; i++) {
        print_command(stream, fs_commands[i]);
    }
    fputs(operand_or_option, stream);
    return 0;
}
