/* tokenize: lines of standard input, every line, however long. */
#include <stdio.h>

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
    struct fs_lines lines = {0};
    int status = 0;
    while (status == 0 && fs_next_line(&lines, err)) {
        struct fs_encoding encoding = {0};
        status = fs_tokenizer_encode(tokenizer, lines.text, lines.length, &encoding, err);
        if (status == 0) {
            fs_print_ids(encoding.id, encoding.count);
            putchar('\n');
            fs_encoding_release(&encoding);
        } else {
            fs_error_prepend(err, "line %zu", lines.number);
        }
    }
    fs_lines_release(&lines);
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
    .description = "Prints one JSON array of ids for each line, without special tokens. Lines are UTF-8 "
                   "text, and end with LF or CR LF; a byte order mark before the first is skipped.",
    .options = command_options,
    .run = run,
};
