#include "pipeline/commands/man_page.h"

#include "jobs/job_keys.h"
#include "pipeline/commands/commands.h"
#include "pipeline/commands/help_text.h"

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

static void print_commands(FILE *stream)
{
    char name[512], text[FS_HELP_SIZE];
    for (size_t id = 0; fs_commands[id] != NULL; id++) {
        const struct fs_command *command = fs_commands[id];
        fs_command_operands(command, text, sizeof text);
        snprintf(name, sizeof name, "fairstamp %s %.400s", command->name, text);
        fprintf(stream, ".SS ");
        roff(stream, name);
        fputc('\n', stream);
        fs_command_description(command, text, sizeof text);
        roff(stream, text);
        fputc('\n', stream);
        for (size_t i = 0; command->options[i] != NULL; i++) {
            fs_describe_usage(command->options[i], name, sizeof name);
            fs_describe_option(command->options[i], text, sizeof text);
            roff_entry(stream, name, text);
        }
    }
}

static void print_job_file(FILE *stream)
{
    char text[FS_HELP_SIZE];
    fprintf(stream, ".SH JOB FILE\n");
    roff(stream,
         "JSON. A key \"a.b\" below is key b of object a. Relative paths count from the job file's folder, those of "
         "--set from the working directory. ${NAME} is replaced by the environment's variable.\n");
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        fs_describe_key(key[i].setting, text, sizeof text);
        roff_entry(stream, key[i].setting->key, text);
    }
}

static void print_exit_status(FILE *stream)
{
    char code[16];
    fprintf(stream, ".SH EXIT STATUS\n");
    for (size_t i = 0; fs_exit_meanings[i].meaning != NULL; i++) {
        snprintf(code, sizeof code, "%d", fs_exit_meanings[i].code);
        roff_entry(stream, code, fs_exit_meanings[i].meaning);
    }
}

int fs_man_page(const struct fs_page *pages, FILE *stream, struct fs_error *err)
{
    (void)err;
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
    print_commands(stream);
    fprintf(stream, ".SS Alone\n");
    for (size_t i = 0; pages[i].name != NULL; i++) {
        roff_entry(stream, pages[i].name, pages[i].help);
    }
    print_job_file(stream);
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
               "forces OpenBLAS's kernels, which change speed and last bits; unset, the program takes the fastest "
               "whose products are right");
    print_exit_status(stream);
    fprintf(stream, ".SH EXAMPLES\n");
    roff_entry(stream, "mpirun -n 4 fairstamp run job.json --set seed=7", "the whole method on four ranks");
    roff_entry(stream, "fairstamp verify --equal a/stamp.h5 b/stamp.h5", "whether two runs have the same bits");
    return 0;
}
