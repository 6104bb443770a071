/* tokenize: lines of standard input, every line, however long; or, with --explain, the rules by which that is done. */
#include <stdio.h>

#include "io/console/output.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/commands/commands.h"
#include "pipeline/commands/lines.h"
#include "results/report.h"

static const struct fs_option option_explain = {.name = "--explain",
                                                .help = "read no lines: print the files, the class, and the rules that "
                                                        "decide the ids, each with the file and key it is "
                                                        "from, and where versions of transformers differ"};

/* Headings of the page, and what stands below one without lines. */
static const struct {
    const char *heading, *none;
} topics[FS_EXPLAIN_TOPICS] = {
    [FS_EXPLAIN_FILE] = {"Files", "none"},
    [FS_EXPLAIN_CLASS] = {"Class", "none"},
    [FS_EXPLAIN_PIPELINE] = {"Pipeline", "none"},
    [FS_EXPLAIN_RULE] = {"What overrules a file", "nothing: the files agree"},
    [FS_EXPLAIN_TOKEN] = {"Special tokens", "none"},
    [FS_EXPLAIN_VERSION] = {"Where versions of transformers differ", "nowhere that is known"},
};

static void print_page(const char *folder, const struct fs_tokenizer *tokenizer)
{
    const struct fs_explanation *explanation = fs_tokenizer_explanation(tokenizer);
    printf("Tokenizer of %s: ids 0 to %zu\n", folder, fs_tokenizer_size(tokenizer) - 1);
    for (int topic = 0; topic < FS_EXPLAIN_TOPICS; topic++) {
        size_t lines = 0;
        printf("\n%s\n", topics[topic].heading);
        for (size_t i = 0; i < explanation->count; i++) {
            const struct fs_explained *line = &explanation->line[i];
            if (line->topic == (enum fs_explain_topic)topic) {
                bool sourced = line->source[0] != '\0';
                printf("  %s%s%s%s\n", line->text, sourced ? " (" : "", line->source, sourced ? ")" : "");
                lines++;
            }
        }
        if (lines == 0) {
            printf("  %s\n", topics[topic].none);
        }
    }
}

static int print_json(const char *folder, const struct fs_tokenizer *tokenizer, struct fs_error *err)
{
    const struct fs_explanation *explanation = fs_tokenizer_explanation(tokenizer);
    cJSON *json = cJSON_CreateObject(), *list[FS_EXPLAIN_TOPICS];
    cJSON_AddStringToObject(json, "model", folder);
    cJSON_AddNumberToObject(json, "ids", (double)fs_tokenizer_size(tokenizer));
    for (int topic = 0; topic < FS_EXPLAIN_TOPICS; topic++) {
        list[topic] = cJSON_AddArrayToObject(json, fs_explain_topic_name((enum fs_explain_topic)topic));
    }
    for (size_t i = 0; i < explanation->count; i++) {
        const struct fs_explained *line = &explanation->line[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "text", line->text);
        cJSON_AddStringToObject(item, "from", line->source);
        cJSON_AddItemToArray(list[line->topic], item);
    }
    return fs_report_print_json(json, stdout, err);
}

static int explain(const struct fs_options *options, const struct fs_tokenizer *tokenizer, struct fs_error *err)
{
    const char *folder = fs_option_value(options, &fs_option_model);
    if (!fs_options_json(options)) {
        print_page(folder, tokenizer);
    } else if (print_json(folder, tokenizer, err) != 0) {
        return -1;
    }
    return fs_finish_output(err);
}

static int run(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    struct fs_tokenizer *tokenizer;
    if (fs_tokenizer_open(fs_option_value(options, &fs_option_model), &tokenizer, err) != 0) {
        return -1;
    }
    if (fs_option_given(options, &option_explain)) {
        int explained = explain(options, tokenizer, err);
        fs_tokenizer_destroy(tokenizer);
        return explained;
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

static const struct fs_option *const command_options[] = {&fs_option_model, &option_explain, &fs_option_format, NULL};

const struct fs_command fs_command_tokenize = {
    .name = "tokenize",
    .operands = "",
    .least = 0,
    .most = 0,
    .summary = "token ids of the lines of standard input",
    .description = "Prints one JSON array of ids for each line, without special tokens. Lines are UTF-8 "
                   "text, and end with LF or CR LF; a byte order mark before the first is skipped. With --explain "
                   "prints one page, or with --format json one object, on how the folder is read.",
    .options = command_options,
    .run = run,
};
