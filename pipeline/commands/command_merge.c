/* merge: many jobs' archives in one file. No ranks. */
#include <stdlib.h>

#include "io/console/progress.h"
#include "pipeline/commands/commands.h"
#include "results/archive_merge.h"

int fs_command_merge(const struct fs_options *options, struct fs_error *err)
{
    const char *output = options->value[FS_OPTION_OUTPUT];
    struct fs_merge_input *input = fs_allocate(options->operands, sizeof *input, "the inputs of a merge", err);
    if (input == NULL) {
        return -1;
    }
    for (size_t i = 0; i < options->operands; i++) {
        input[i].path = options->operand[i];
    }
    int status =
        fs_merge_with_training(output, input, options->operands, options->value[FS_OPTION_TRAINING] != NULL, err);
    free(input);
    if (status == 0) {
        fs_say("merge: %s: written, read back, whole", output);
    }
    return status;
}
