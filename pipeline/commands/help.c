#include "pipeline/commands/help.h"

#include <stdlib.h>
#include <string.h>

#include "io/values.h"
#include "jobs/job.h"
#include "pipeline/commands/completion.h"
#include "pipeline/run/provenance.h"

#define WIDTH 100

static const struct {
    int code;
    const char *meaning;
} exit_codes[] = {
    {FS_EXIT_OK, "done"},
    {FS_EXIT_DIFFERENT, "verify: a hash does not hold; verify --equal: the files differ"},
    {FS_EXIT_USAGE, "wrong command line"},
    {FS_EXIT_DATA, "an input file is damaged or of the wrong kind"},
    {FS_EXIT_NO_INPUT, "an input file or folder is missing or unreadable"},
    {FS_EXIT_CHECK_FAILED, "doctor: a check failed"},
    {FS_EXIT_SOFTWARE, "a bug in fairstamp, or MPI or HDF5 refused a call that must not fail"},
    {FS_EXIT_OS, "out of memory or of another resource"},
    {FS_EXIT_CANNOT_CREATE, "an output file or folder cannot be made"},
    {FS_EXIT_IO, "a read or write failed half-way"},
    {FS_EXIT_INTERRUPTED,
     "asked to stop (signal, stop file, --max-seconds), and stopped after a checkpoint: run the same command again"},
    {FS_EXIT_OTHER_JOB, "a result that is there belongs to another job, and is not overwritten"},
    {FS_EXIT_CONFIG, "the job file or a --set is wrong"},
};
#define EXIT_CODES (sizeof exit_codes / sizeof exit_codes[0])

static bool takes_job(enum fs_command_id command)
{
    return command <= FS_COMMAND_ESTIMATE;
}

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

/* "help (default: x)", "help (unit; from a to b; default: x)". */
static void describe_key(const struct fs_job_key *key, char *out, size_t size)
{
    const char *initial = key->initial_words != NULL ? key->initial_words : key->initial;
    snprintf(out, size, "%s (%s%s%s%s%s)", key->help, key->choices != NULL ? key->choices : "",
             key->choices != NULL ? "; " : "", key->unit != NULL ? key->unit : "", key->unit != NULL ? "; " : "",
             key->required ? "required" : (initial != NULL ? "" : "none by default"));
    if (!key->required && initial != NULL) {
        size_t used = strlen(out) - 1;
        snprintf(out + used, size - used, "default: %s)", initial);
    }
}

static void describe_option(const struct fs_option *option, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s%s", option->help, option->required ? " (required)" : "",
             option->initial != NULL ? "; default: " : "", option->initial != NULL ? option->initial : "");
}

static void option_name(const struct fs_option *option, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s", option->name, option->argument != NULL ? " " : "",
             option->argument != NULL ? option->argument : "");
}

static void print_overview(FILE *stream)
{
    fprintf(stream,
            "fairstamp: find, edit out and measure social bias in language models\n\n"
            "usage: fairstamp COMMAND ...          one process\n"
            "       mpirun -n N fairstamp COMMAND ...  on N ranks; the results are the same bits\n\ncommands:\n");
    for (size_t i = 0; i < FS_COMMAND_COUNT; i++) {
        print_entry(stream, fs_commands[i].name, fs_commands[i].summary);
    }
    fprintf(stream, "\nalone:\n");
    for (size_t i = 0; i < FS_PAGE_COUNT; i++) {
        print_entry(stream, fs_pages[i].name, fs_pages[i].help);
    }
    fprintf(stream, "\nexit codes:\n");
    for (size_t i = 0; i < EXIT_CODES; i++) {
        char code[8];
        snprintf(code, sizeof code, "%d", exit_codes[i].code);
        print_entry(stream, code, exit_codes[i].meaning);
    }
}

static void print_command(FILE *stream, enum fs_command_id id)
{
    const struct fs_command *command = &fs_commands[id];
    char name[128], text[1024];
    fprintf(stream, "usage: fairstamp %s %s%s[options]\n\n", command->name, command->operands,
            command->operands[0] != '\0' ? " " : "");
    print_wrapped(stream, command->description, 0, 0);
    fprintf(stream, "\noptions:\n");
    for (size_t i = 0; i < FS_OPTION_COUNT; i++) {
        const struct fs_option *option = &fs_options_table[i];
        if ((option->commands & 1u << id) != 0) {
            option_name(option, name, sizeof name);
            describe_option(option, text, sizeof text);
            print_entry(stream, name, text);
        }
    }
    if (!takes_job(id)) {
        return;
    }
    fprintf(stream, "\nkeys of the job file; \"a.b\" is key b of object a, and --set a.b=VALUE:\n");
    for (size_t i = 0; i < FS_KEY_COUNT; i++) {
        describe_key(&fs_job_keys[i], text, sizeof text);
        print_entry(stream, fs_job_keys[i].name, text);
    }
}

/* Text for roff: no line begins with a control character, backslashes and hyphens are literal. */
static void roff(FILE *stream, const char *text)
{
    if (*text == '.' || *text == '\'') {
        fputs("\\&", stream);
    }
    for (; *text != '\0'; text++) {
        if (*text == '\\') {
            fputs("\\e", stream);
        } else if (*text == '-') {
            fputs("\\-", stream);
        } else {
            fputc(*text, stream);
        }
    }
}

static void roff_entry(FILE *stream, const char *name, const char *text)
{
    fprintf(stream, ".TP\n.B ");
    roff(stream, name);
    fputc('\n', stream);
    roff(stream, text);
    fputc('\n', stream);
}

static void print_man_commands(FILE *stream)
{
    char name[128], text[1024];
    for (size_t id = 0; id < FS_COMMAND_COUNT; id++) {
        const struct fs_command *command = &fs_commands[id];
        snprintf(name, sizeof name, "fairstamp %s %s", command->name, command->operands);
        fprintf(stream, ".SS ");
        roff(stream, name);
        fputc('\n', stream);
        roff(stream, command->description);
        fputc('\n', stream);
        for (size_t i = 0; i < FS_OPTION_COUNT; i++) {
            const struct fs_option *option = &fs_options_table[i];
            if ((option->commands & 1u << id) != 0 && i != FS_OPTION_HELP) {
                option_name(option, name, sizeof name);
                describe_option(option, text, sizeof text);
                roff_entry(stream, name, text);
            }
        }
    }
}

static void print_man(FILE *stream)
{
    char text[1024];
    fprintf(stream,
            ".TH FAIRSTAMP 1\n.SH NAME\nfairstamp \\- find, edit out and measure social bias in language models\n"
            ".SH SYNOPSIS\n.B fairstamp\n.I COMMAND\n[options]\n.br\n.B mpirun \\-n\n.I N\n.B fairstamp\n"
            ".I COMMAND\n[options]\n.SH DESCRIPTION\n");
    roff(stream,
         "Traces which layer of a language model carries a bias, trains a Fairness Stamp (a small key-value memory "
         "beside the feed-forward network of that layer), and measures the model before and after. The same job "
         "gives the same bits on any number of ranks and threads, and after any kill and restart. Data goes to "
         "standard output, from the first rank alone; words go to standard error.\n");
    fprintf(stream, ".SH COMMANDS\n");
    print_man_commands(stream);
    fprintf(stream, ".SS Alone\n");
    for (size_t i = 0; i < FS_PAGE_COUNT; i++) {
        roff_entry(stream, fs_pages[i].name, fs_pages[i].help);
    }
    fprintf(stream, ".SH JOB FILE\n");
    roff(stream,
         "JSON. A key \"a.b\" below is key b of object a. Relative paths count from the job file's folder, those of "
         "--set from the working directory. ${NAME} is replaced by the environment's variable.\n");
    for (size_t i = 0; i < FS_KEY_COUNT; i++) {
        describe_key(&fs_job_keys[i], text, sizeof text);
        roff_entry(stream, fs_job_keys[i].name, text);
    }
    fprintf(stream, ".SH FILES\n");
    roff_entry(stream, "OUTPUT/trace.h5, stamp.h5, evaluate.h5", "results, HDF5, published whole, with provenance");
    roff_entry(stream, "OUTPUT/*.part.h5", "partial results of a stage that is not finished");
    roff_entry(stream, "OUTPUT/*.h5.damaged", "a result that was found damaged, moved aside");
    fprintf(stream, ".SH SIGNALS\n");
    roff(stream, "SIGTERM, SIGINT and SIGUSR1: the units in flight are finished, a checkpoint is written, and the exit "
                 "status is 75. A second SIGINT within two seconds ends at once.\n");
    fprintf(stream, ".SH ENVIRONMENT\n");
    roff_entry(stream, "OMP_NUM_THREADS", "threads of a rank; by default the cores that the rank may use");
    roff_entry(stream, "OPENBLAS_CORETYPE",
               "leave it unset: it may choose slower kernels, which also change the last bits");
    fprintf(stream, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < EXIT_CODES; i++) {
        snprintf(text, sizeof text, "%d", exit_codes[i].code);
        roff_entry(stream, text, exit_codes[i].meaning);
    }
    fprintf(stream, ".SH EXAMPLES\n");
    roff_entry(stream, "mpirun -n 4 fairstamp run job.json --set seed=7", "the whole method on four ranks");
    roff_entry(stream, "fairstamp verify --equal a/stamp.h5 b/stamp.h5", "whether two runs have the same bits");
}

static void json_text(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', stream);
        }
        fputc(*text, stream);
    }
    fputc('"', stream);
}

static void schema_choices(FILE *stream, const char *choices)
{
    fprintf(stream, "\"enum\": [");
    for (const char *choice = choices; *choice != '\0';) {
        size_t length = strcspn(choice, "|");
        fprintf(stream, "%s\"%.*s\"", choice == choices ? "" : ", ", (int)length, choice);
        choice += length + (choice[length] == '|');
    }
    fprintf(stream, "]");
}

static void schema_key(FILE *stream, const struct fs_job_key *key, const char *name)
{
    char text[1024], low[FS_NUMBER_SIZE], high[FS_NUMBER_SIZE];
    describe_key(key, text, sizeof text);
    fprintf(stream, "\"%s\": {\"description\": ", name);
    json_text(stream, text);
    fprintf(stream, ", ");
    switch (key->kind) {
    case FS_KEY_PATH:
        fprintf(stream, "\"type\": \"string\", \"minLength\": 1");
        break;
    case FS_KEY_CHOICE:
        schema_choices(stream, key->choices);
        break;
    case FS_KEY_FLAG:
        fprintf(stream, "\"type\": \"boolean\"");
        break;
    case FS_KEY_LIST:
        fprintf(stream, "\"type\": \"array\", \"minItems\": 1, \"items\": {\"type\": \"string\", \"minLength\": 1}");
        break;
    case FS_KEY_LAYER:
        fprintf(stream,
                "\"anyOf\": [{\"const\": \"auto\"}, {\"type\": \"integer\", \"minimum\": 0, \"maximum\": %.0f}]",
                key->maximum);
        break;
    default:
        fs_number_text(key->minimum, low);
        fs_number_text(key->maximum, high);
        fprintf(stream, "\"type\": \"%s\", \"minimum\": %s, \"maximum\": %s",
                key->kind == FS_KEY_INTEGER ? "integer" : "number", low, high);
        break;
    }
    fprintf(stream, "}");
}

/* Keys of a group stand together in the table. */
static void print_schema(FILE *stream)
{
    char group[64] = "";
    fprintf(stream,
            "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"fairstamp job\",\n"
            "  \"type\": \"object\",\n  \"additionalProperties\": false,\n"
            "  \"required\": [\"model\", \"output\", \"data\"],\n  \"properties\": {");
    for (size_t i = 0; i < FS_KEY_COUNT; i++) {
        const struct fs_job_key *key = &fs_job_keys[i];
        const char *dot = strchr(key->name, '.');
        size_t length = dot != NULL ? (size_t)(dot - key->name) : 0;
        bool same = length > 0 && strncmp(group, key->name, length) == 0 && group[length] == '\0';
        if (group[0] != '\0' && !same) {
            fprintf(stream, "}}");
            group[0] = '\0';
        }
        fprintf(stream, i == 0 ? "\n    " : ",\n    ");
        if (length > 0 && !same) {
            snprintf(group, sizeof group, "%.*s", (int)length, key->name);
            fprintf(stream, "\"%s\": {\"type\": \"object\", \"additionalProperties\": false, \"properties\": {\n    ",
                    group);
        }
        fprintf(stream, "%s", length > 0 ? "  " : "");
        schema_key(stream, key, dot != NULL ? dot + 1 : key->name);
    }
    fprintf(stream, "%s\n  }\n}\n", group[0] != '\0' ? "}}" : "");
}

static void print_keys(FILE *stream)
{
    fprintf(stream, "| key | default | unit or choices | what it is |\n|---|---|---|---|\n");
    for (size_t i = 0; i < FS_KEY_COUNT; i++) {
        const struct fs_job_key *key = &fs_job_keys[i];
        const char *initial = key->initial_words != NULL ? key->initial_words : key->initial;
        fprintf(stream, "| `%s` | %s | ", key->name, key->required ? "required" : (initial != NULL ? initial : "none"));
        for (const char *c = key->choices != NULL ? key->choices : (key->unit != NULL ? key->unit : ""); *c != '\0';
             c++) {
            fprintf(stream, *c == '|' ? ", " : "%c", *c);
        }
        fprintf(stream, " | ");
        for (const char *c = key->help; *c != '\0'; c++) {
            fprintf(stream, *c == '|' ? "\\|" : "%c", *c);
        }
        fprintf(stream, " |\n");
    }
}

int fs_help_page(const struct fs_options *options, FILE *stream, struct fs_error *err)
{
    char *version = NULL;
    switch (options->page) {
    case FS_PAGE_VERSION:
        version = fs_version_text();
        if (version == NULL) {
            return fs_error_memory(err, 4096, "the version");
        }
        fputs(version, stream);
        free(version);
        break;
    case FS_PAGE_MAN:
        print_man(stream);
        break;
    case FS_PAGE_SCHEMA:
        print_schema(stream);
        break;
    case FS_PAGE_KEYS:
        print_keys(stream);
        break;
    case FS_PAGE_COMPLETION:
        fs_completion_bash(stream);
        break;
    default:
        if (options->has_command) {
            print_command(stream, options->command);
        } else {
            print_overview(stream);
        }
        break;
    }
    return 0;
}
