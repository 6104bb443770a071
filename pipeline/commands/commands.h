/*
 * The commands. Data goes to stdout, from the root alone; the caller prints the error. Those with a session are
 * collective.
 */
#ifndef FAIRSTAMP_PIPELINE_COMMANDS_COMMANDS_H
#define FAIRSTAMP_PIPELINE_COMMANDS_COMMANDS_H

#include "pipeline/commands/options.h"
#include "pipeline/ranks/session.h"

int fs_command_job(struct fs_session *session, struct fs_error *err); /* run, trace, stamp, evaluate */
int fs_command_doctor(struct fs_session *session, struct fs_error *err);
int fs_command_estimate(struct fs_session *session, struct fs_error *err);
int fs_command_score(struct fs_session *session, struct fs_error *err);
int fs_command_logprobs(struct fs_session *session, struct fs_error *err);

/* Local: no ranks needed. */
int fs_command_metrics(const struct fs_options *options, struct fs_error *err);
int fs_command_tokenize(const struct fs_options *options, struct fs_error *err);
int fs_command_inspect(const struct fs_options *options, struct fs_error *err);
int fs_command_verify(const struct fs_options *options, struct fs_error *err);
int fs_command_benchmark(const struct fs_options *options, struct fs_error *err);
int fs_command_report(const struct fs_options *options, struct fs_error *err);
int fs_command_sweep(const struct fs_options *options, struct fs_error *err);
int fs_command_merge(const struct fs_options *options, struct fs_error *err);
int fs_command_query(const struct fs_options *options, struct fs_error *err);
int fs_command_export(const struct fs_options *options, struct fs_error *err);

/* Everything from the command line to the exit code, in words on stderr; for main(). */
int fs_command_main(int argc, char **argv);

#endif
