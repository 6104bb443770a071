#include "pipeline/commands/help.h"

#include <string.h>

#include "jobs/job_keys.h"
#include "pipeline/commands/commands.h"
#include "pipeline/commands/help_text.h"

#define WIDTH 100

/* Words of `text`, broken at WIDTH, further lines indented; the first line begins at column `column`. */
static void print_wrapped(FILE *stream, const char *text, size_t indent, size_t column)
{
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column > indent && column + 1 + word > WIDTH) {
            fprintf(stream, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', stream);
            column++;
        }
        fprintf(stream, "%.*s", (int)word, text);
        column += word;
        text += word + strspn(text + word, " ");
    }
    fputc('\n', stream);
}

static void print_entry(FILE *stream, const char *name, const char *text)
{
    const size_t indent = 30;
    int written = fprintf(stream, "  %s", name);
    if (written + 1 > (int)indent) {
        fprintf(stream, "\n%*s", (int)indent, "");
    } else {
        fprintf(stream, "%*s", (int)indent - written, "");
    }
    print_wrapped(stream, text, indent, indent);
}

int fs_help_overview(const struct fs_page *pages, FILE *stream, struct fs_error *err)
{
    (void)err;
    fprintf(stream,
            "fairstamp: find, edit out and measure social bias in language models\n\n"
            "usage: fairstamp COMMAND ...          one process\n"
            "       mpirun -n N fairstamp COMMAND ...  on N ranks; the results are the same bits\n\ncommands:\n");
    for (size_t i = 0; fs_commands[i] != NULL; i++) {
        print_entry(stream, fs_commands[i]->name, fs_commands[i]->summary);
    }
    fprintf(stream, "\nalone:\n");
    for (size_t i = 0; pages[i].name != NULL; i++) {
        print_entry(stream, pages[i].name, pages[i].help);
    }
    fprintf(stream, "\nexit codes:\n");
    for (size_t i = 0; fs_exit_meanings[i].meaning != NULL; i++) {
        char code[8];
        snprintf(code, sizeof code, "%d", fs_exit_meanings[i].code);
        print_entry(stream, code, fs_exit_meanings[i].meaning);
    }
    return 0;
}

static void print_option(FILE *stream, const struct fs_option *option)
{
    char name[128], text[FS_HELP_SIZE];
    fs_describe_usage(option, name, sizeof name);
    fs_describe_option(option, text, sizeof text);
    print_entry(stream, name, text);
}

void fs_help_command(const struct fs_command *command, FILE *stream)
{
    char text[FS_HELP_SIZE];
    fs_command_operands(command, text, sizeof text);
    fprintf(stream, "usage: fairstamp %s %s%s[options]\n\n", command->name, text, text[0] != '\0' ? " " : "");
    fs_command_description(command, text, sizeof text);
    print_wrapped(stream, text, 0, 0);
    fprintf(stream, "\noptions:\n");
    for (size_t i = 0; command->options[i] != NULL; i++) {
        print_option(stream, command->options[i]);
    }
    print_option(stream, &fs_option_help);
    if (!command->lists_job_keys) {
        return;
    }
    fprintf(stream, "\nkeys of the job file; \"a.b\" is key b of object a, and --set a.b=VALUE:\n");
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        fs_describe_key(key[i].setting, text, sizeof text);
        print_entry(stream, key[i].setting->key, text);
    }
}
