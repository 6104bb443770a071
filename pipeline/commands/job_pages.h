/* Pages on the job file, from the table of its keys. Local. */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_JOB_PAGES_H
#define FAIRSTAMP_PIPELINE_COMMANDS_JOB_PAGES_H

#include "pipeline/commands/command.h"

int fs_job_schema_page(const struct fs_page *pages, FILE *stream, struct fs_error *err); /* JSON schema */
int fs_job_keys_page(const struct fs_page *pages, FILE *stream, struct fs_error *err);   /* Markdown table */

#endif
