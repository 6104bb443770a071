#include "pipeline/commands/pages.h"

#include <stdlib.h>

#include "pipeline/commands/completion.h"
#include "pipeline/commands/help.h"
#include "pipeline/commands/job_pages.h"
#include "pipeline/commands/man_page.h"
#include "pipeline/run/provenance.h"

static int print_version(const struct fs_page *pages, FILE *stream, struct fs_error *err)
{
    (void)pages;
    char *version = fs_version_text();
    if (version == NULL) {
        return fs_error_memory(err, 4096, "the version");
    }
    fputs(version, stream);
    free(version);
    return 0;
}

const struct fs_page fs_pages[] = {
    {"--help", "this help; after a command: of that command", fs_help_overview},
    {"--version", "version, build and libraries", print_version},
    {"--man", "the manual page, roff", fs_man_page},
    {"--job-schema", "JSON schema of job files", fs_job_schema_page},
    {"--job-keys", "keys of job files as a Markdown table", fs_job_keys_page},
    {"--bash-completion", "the completion script for bash", fs_completion_bash},
    {NULL, NULL, NULL},
};
