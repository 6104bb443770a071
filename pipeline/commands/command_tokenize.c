/* tokenize: lines of standard input, every line, however long. */
#include <stdio.h>
#include <stdlib.h>

#include "io/console/output.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/commands/commands.h"
#include "pipeline/commands/lines.h"

static int run(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    struct fs_tokenizer *tokenizer;
    if (fs_tokenizer_open(fs_option_value(options, &fs_option_model), &tokenizer, err) != 0) {
        return -1;
    }
    char *line = NULL;
    size_t capacity = 0, length, number = 0;
    int status = 0;
    while (status == 0 && fs_next_line(&line, &capacity, &length, err)) {
        struct fs_encoding encoding = {0};
        number++;
        status = fs_tokenizer_encode(tokenizer, line, length, &encoding, err);
        if (status == 0) {
            fs_print_ids(encoding.id, encoding.count);
            putchar('\n');
            fs_encoding_release(&encoding);
        } else {
            fs_error_prepend(err, "line %zu", number);
        }
    }
    free(line);
    fs_tokenizer_destroy(tokenizer);
    if (status == 0 && err->code != 0) {
        status = -1;
    }
    return status == 0 ? fs_finish_output(err) : -1;
}

static const struct fs_option *const command_options[] = {&fs_option_model, NULL};

const struct fs_command fs_command_tokenize = {
    .name = "tokenize",
    .operands = "",
    .least = 0,
    .most = 0,
    .summary = "token ids of the lines of standard input",
    .description = "Prints one JSON array of ids for each line, without special tokens.",
    .options = command_options,
    .run = run,
};
