/* merge: many jobs' archives in one file. */
#include <stdlib.h>

#include "io/console/progress.h"
#include "pipeline/commands/commands.h"
#include "results/archive_merge.h"

static const struct fs_option option_training = {
    .name = "--training", .help = "keep what a training needs to go on: up to three times what it trained"};

static int run(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    const char *output = fs_option_value(options, &fs_option_output);
    struct fs_merge_input *input = fs_allocate(options->operands, sizeof *input, "the inputs of a merge", err);
    if (input == NULL) {
        return -1;
    }
    for (size_t i = 0; i < options->operands; i++) {
        input[i].path = options->operand[i];
    }
    int status =
        fs_merge_with_training(output, input, options->operands, fs_option_given(options, &option_training), err);
    free(input);
    if (status == 0) {
        fs_say("merge: %s: written, read back, whole", output);
    }
    return status;
}

static const struct fs_option *const command_options[] = {&option_training, &fs_option_output, NULL};

const struct fs_command fs_command_merge = {
    .name = "merge",
    .operands = "DIR|FILE.h5...",
    .least = 1,
    .most = FS_ANY_NUMBER,
    .summary = "the results of many jobs in one file",
    .description =
        "Operands are jobs' output folders, each a cell of that name, and files that merge has written. The bytes of "
        "the "
        "merged file depend on its cells alone, not on the order or on the steps of merging. Every input is verified "
        "first, and is not changed; what was written is read back and verified before it is published. Two "
        "different results for one cell are refused (76).",
    .options = command_options,
    .run = run,
};
