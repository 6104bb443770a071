/* logprobs: of the tokens of the lines of standard input, every line, however long. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/output.h"
#include "pipeline/commands/commands.h"
#include "pipeline/commands/line_plan.h"
#include "pipeline/commands/lines.h"
#include "pipeline/run/run_stages.h"
#include "stages/plan/plan.h"
#include "stages/plan/statement.h"

static const struct fs_option option_edit = {
    .name = "--edit",
    .argument = "FILE",
    .help = "a published file of a method that trains, such as stamp.h5: the log probabilities of the edited model"};

/* A block of lines is tokenized, computed and printed before the next one is read: bounds memory for any input. */
#define BLOCK_LINES ((size_t)4096)
#define BLOCK_PASS_TOKENS ((size_t)4 << 20)

/* Token ids of some lines, the same on all ranks. */
struct block {
    size_t lines, tokens;
    size_t *end; /* [lines] tokens up to and with this line */
    int32_t *id; /* [tokens] */
    size_t id_capacity;
};

static size_t line_begin(const struct block *block, size_t line)
{
    return line == 0 ? 0 : block->end[line - 1];
}

static int append_ids(struct block *block, const struct fs_encoding *encoding, struct fs_error *err)
{
    size_t needed = block->tokens + encoding->count;
    if (fs_grow(&block->id, &block->id_capacity, needed, sizeof *block->id, "token ids", err) != 0) {
        return -1;
    }
    if (encoding->count > 0) {
        memcpy(block->id + block->tokens, encoding->id, encoding->count * sizeof *encoding->id);
    }
    block->tokens = needed;
    block->end[block->lines++] = needed;
    return 0;
}

/* Root: reads lines until the block is full or the input ends. */
static int read_block(const struct fs_session *session, const struct fs_prompt_style *style, struct block *block,
                      struct fs_lines *lines, struct fs_error *err)
{
    size_t cost = 0;
    block->lines = block->tokens = 0;
    while (block->lines < BLOCK_LINES && cost < BLOCK_PASS_TOKENS && fs_next_line(lines, err)) {
        struct fs_encoding encoding = {0};
        if (fs_tokenizer_encode(session->tokenizer, lines->text, lines->length, &encoding, err) != 0) {
            return fs_error_prepend(err, "line %zu", lines->number);
        }
        size_t count = encoding.count;
        int status = append_ids(block, &encoding, err);
        fs_encoding_release(&encoding);
        if (status != 0) {
            return -1;
        }
        size_t longest;
        if (fs_line_longest(style, count, &longest, err) != 0) {
            return fs_error_prepend(err, "line %zu", lines->number);
        }
        cost += style->kind == FS_MASKED ? count * longest : longest;
    }
    return err->code != 0 ? -1 : 0;
}

static int share_block(struct fs_session *session, struct block *block, struct fs_error *err)
{
    struct fs_runner *runner = session->runner;
    size_t counts[2] = {block->lines, block->tokens};
    if (fs_runner_broadcast(runner, counts, sizeof counts, err) != 0) {
        return -1;
    }
    block->lines = counts[0];
    int status = 0;
    if (!fs_session_is_root(session)) {
        free(block->id);
        block->tokens = counts[1];
        block->id = fs_allocate(block->tokens, sizeof *block->id, "token ids", err);
        status = block->id == NULL ? -1 : 0;
    }
    if (fs_session_agree(session, status, err) != 0 ||
        fs_runner_broadcast(runner, block->end, block->lines * sizeof *block->end, err) != 0) {
        return -1;
    }
    return fs_runner_broadcast(runner, block->id, block->tokens * sizeof *block->id, err);
}

/* read[tokens]: the plan's read of each token. */
static int plan_block(const struct block *block, const struct fs_spec *spec, const struct fs_prompt_style *style,
                      struct fs_plan *plan, size_t *read, struct fs_error *err)
{
    int status = 0;
    for (size_t line = 0; status == 0 && line < block->lines; line++) {
        size_t begin = line_begin(block, line), count = block->end[line] - begin;
        status = fs_plan_line(plan, style, block->id + begin, count, read + begin, err);
    }
    return status == 0 ? fs_plan_seal(plan, fs_plan_limits_of(spec, FS_UNIT_TOKENS), err) : -1;
}

static void print_block(const struct block *block, const size_t *read, const struct fs_plan_values *values)
{
    for (size_t line = 0; line < block->lines; line++) {
        size_t begin = line_begin(block, line), count = block->end[line] - begin;
        printf("{\"ids\": ");
        fs_print_ids(block->id + begin, count);
        printf(", \"logprobs\": [");
        for (size_t i = 0; i < count; i++) {
            const char *separator = i == 0 ? "" : ", ";
            if (read[begin + i] == FS_NO_READ) {
                printf("%snull", separator);
            } else {
                printf("%s%.9g", separator, fs_values_logprob(values, values->columns - 1, read[begin + i]));
            }
        }
        printf("]}\n");
    }
}

static int compute_block(struct fs_session *session, const struct fs_prompt_style *style,
                         const struct fs_edit_list *edits, const struct block *block, struct fs_error *err)
{
    struct fs_plan *plan = NULL;
    size_t *read = fs_allocate(block->tokens, sizeof *read, "reads", err);
    struct fs_plan_values values = {0};
    int status = read == NULL ? -1 : fs_plan_create(&plan, err);
    if (status == 0) {
        status = plan_block(block, fs_model_spec(session->model), style, plan, read, err);
    }
    status = fs_session_agree(session, status, err);
    if (status == 0) {
        status = fs_plan_execute(plan, session->model, edits, session->runner, NULL, &values, err);
    }
    if (status == 0 && fs_session_is_root(session)) {
        print_block(block, read, &values);
        status = fs_finish_output(err);
    }
    fs_plan_values_release(&values);
    free(read);
    fs_plan_destroy(plan);
    return fs_session_agree(session, status, err);
}

/* All ranks: the edit of a method's file. */
static int load_edit(struct fs_session *session, const char *path, struct fs_edit *edit, struct fs_error *err)
{
    struct fs_archive *archive;
    const struct fs_method *method = NULL;
    int status = fs_archive_open(path, NULL, &archive, err);
    if (status == 0) {
        const char *format = fs_archive_format(archive);
        enum fs_stage stage = fs_stage_named(format, strlen(format));
        method = stage != FS_STAGE_COUNT ? fs_stage_method(stage) : NULL;
        status = method != NULL ? 0
                                : fs_error_set(err, FS_EXIT_DATA,
                                               "--edit: %s: is of format %s, expected the file of a method that trains",
                                               path, format);
        fs_archive_close(archive);
    }
    return fs_session_agree(session, status, err) == 0
               ? fs_load_edit(session, path, fs_stage_names[fs_method_stage(method)], method->edit, edit, err)
               : -1;
}

static int run(struct fs_session *session, struct fs_error *err)
{
    struct fs_prompt_style style = {0};
    struct fs_edit edit = {0};
    const char *path = fs_option_value(session->options, &option_edit);
    const struct fs_edit_list edits = {path != NULL ? 1 : 0, &edit};
    if (fs_options_load_model(session, err) != 0 || (path != NULL && load_edit(session, path, &edit, err) != 0)) {
        return -1;
    }
    int status = fs_prompt_style_of(fs_model_spec(session->model), session->tokenizer, &style, err);
    struct block block = {.end = fs_allocate(BLOCK_LINES, sizeof *block.end, "lines", err)};
    status = fs_session_agree(session, block.end == NULL ? -1 : status, err);
    struct fs_lines lines = {0};
    bool more = true;
    while (status == 0 && more) {
        status = fs_session_is_root(session) ? read_block(session, &style, &block, &lines, err) : 0;
        status = fs_session_agree(session, status, err);
        if (status == 0) {
            status = share_block(session, &block, err);
        }
        more = block.lines > 0;
        if (status == 0 && more) {
            status = compute_block(session, &style, &edits, &block, err);
        }
    }
    fs_lines_release(&lines);
    fs_edit_release(&edit);
    free(block.id);
    free(block.end);
    return status;
}

static const struct fs_option *const command_options[] = {&option_edit,
                                                          &fs_option_log_dir,
                                                          &fs_option_connected,
                                                          &fs_option_wait_seconds,
                                                          &fs_option_model,
                                                          &fs_option_compute_type,
                                                          &fs_option_compute_backend,
                                                          &fs_option_quiet,
                                                          NULL};

const struct fs_command fs_command_logprobs = {
    .name = "logprobs",
    .operands = "",
    .least = 0,
    .most = 0,
    .uses_ranks = true,
    .summary = "log probabilities of the lines of standard input",
    .description = "Prints {\"ids\": [...], \"logprobs\": [...]} for each line. Causal models: log p of each token "
                   "given those before it (begin-of-text prepended where the family has one, its entry left "
                   "out; null for a first token with nothing before it). Masked models: log p of each token "
                   "with it alone masked. Natural logarithms. Lines are read as by "
                   "tokenize.",
    .options = command_options,
    .run = run,
};
