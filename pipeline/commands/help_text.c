#include "pipeline/commands/help_text.h"

#include <stdio.h>

#include "model/families/spec.h"

const struct fs_exit_meaning fs_exit_meanings[] = {
    {FS_EXIT_OK, "done"},
    {FS_EXIT_DIFFERENT,
     "verify: a hash does not hold; verify --equal: the files differ; sweep: cells are not complete"},
    {FS_EXIT_USAGE, "wrong command line"},
    {FS_EXIT_DATA, "an input file is damaged or of the wrong kind"},
    {FS_EXIT_NO_INPUT, "an input file or folder is missing or unreadable"},
    {FS_EXIT_NO_ANSWER, "a rank has waited --wait-seconds for the others in vain, or a node does not answer any more"},
    {FS_EXIT_CHECK_FAILED, "doctor: a check failed"},
    {FS_EXIT_SOFTWARE, "a bug in fairstamp, or MPI or HDF5 refused a call that must not fail"},
    {FS_EXIT_OS, "out of memory or of another resource"},
    {FS_EXIT_CANNOT_CREATE, "an output file or folder cannot be created"},
    {FS_EXIT_IO, "a read or write failed half-way"},
    {FS_EXIT_INTERRUPTED,
     "asked to stop (signal, stop file, --max-seconds), and stopped after a checkpoint: run the same command again"},
    {FS_EXIT_OTHER_JOB,
     "the output folder is another job's: results, saved progress, or a process at work; nothing is overwritten"},
    {FS_EXIT_CONFIG, "the job file, sweep file or a --set is wrong"},
    {0, NULL},
};

void fs_describe_default(const struct fs_setting *setting, char *out, size_t size)
{
    const char *const *by_kind = setting->initial_by_variant;
    const char *plain = setting->initial_words != NULL ? setting->initial_words : setting->initial;
    if (plain == NULL && by_kind[FS_MASKED] != NULL) {
        snprintf(out, size, "%s (masked models), %s (causal)", by_kind[FS_MASKED], by_kind[FS_CAUSAL]);
    } else {
        snprintf(out, size, "%s", plain != NULL ? plain : "");
    }
}

void fs_describe_key(const struct fs_setting *setting, char *out, size_t size)
{
    const char *choices = fs_setting_choices(setting), *unit = setting->unit;
    char initial[256];
    fs_describe_default(setting, initial, sizeof initial);
    const char *none = setting->required ? "required" : "none by default";
    snprintf(out, size, "%s (%s%s%s%s%s%s)", setting->meaning, choices != NULL ? choices : "",
             choices != NULL ? "; " : "", unit != NULL ? unit : "", unit != NULL ? "; " : "",
             initial[0] != '\0' ? "default: " : "", initial[0] != '\0' ? initial : none);
}

void fs_describe_option(const struct fs_option *option, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s%s", option->help, option->required ? " (required)" : "",
             option->initial != NULL ? "; default: " : "", option->initial != NULL ? option->initial : "");
}

void fs_describe_usage(const struct fs_option *option, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s", option->name, option->argument != NULL ? " " : "",
             option->argument != NULL ? option->argument : "");
}
