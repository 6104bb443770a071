/* benchmark check: a BiasKE file or folder, before it is used or published. */
#include <stdlib.h>

#include "io/console/output.h"
#include "io/values.h"
#include "pipeline/checks/benchmark_check.h"
#include "pipeline/commands/commands.h"
#include "results/table.h"

static const struct fs_option option_tokenizers = {.name = "--tokenizers",
                                                   .argument = "DIR,...",
                                                   .help =
                                                       "folders of tokenizers that must know all subjects and objects"};

static int print_counts(const struct fs_benchmark_report *report, struct fs_error *err)
{
    static const char *const names[] = {"<category", ">pairs", ">target terms", ">paraphrases", ">a pair", ">facts"};
    struct fs_table *table;
    if (fs_table_create(sizeof names / sizeof names[0], names, &table, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < report->categories; i++) {
        const struct fs_benchmark_count *count = &report->count[i];
        fs_table_cell(table, "%s", count->category);
        fs_table_cell(table, "%zu", count->pairs);
        fs_table_cell(table, "%zu", count->targets);
        fs_table_cell(table, "%zu", count->paraphrases);
        if (count->fewest_paraphrases == count->most_paraphrases) {
            fs_table_cell(table, "%zu", count->most_paraphrases);
        } else {
            fs_table_cell(table, "%zu to %zu", count->fewest_paraphrases, count->most_paraphrases);
        }
        fs_table_cell(table, "%zu", count->facts);
    }
    int status = fs_table_print(table, stdout, err);
    fs_table_destroy(table);
    return status;
}

static int print_tokens(const struct fs_benchmark_report *report, struct fs_error *err)
{
    static const char *const names[] = {"<tokenizer", ">subjects, objects", ">one token",
                                        ">longest",   ">unknown",           ">pairs of one length"};
    struct fs_table *table;
    if (report->tokenizers == 0) {
        return 0;
    }
    if (fs_table_create(sizeof names / sizeof names[0], names, &table, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < report->tokenizers; i++) {
        const struct fs_benchmark_tokens *tokens = &report->tokens[i];
        fs_table_cell(table, "%s", tokens->tokenizer);
        fs_table_cell(table, "%zu", tokens->texts);
        fs_table_cell(table, "%zu", tokens->single);
        fs_table_cell(table, "%zu", tokens->most);
        fs_table_cell(table, "%zu", tokens->unknown);
        fs_table_cell(table, "%zu of %zu", tokens->aligned, tokens->pairs);
    }
    putchar('\n');
    int status = fs_table_print(table, stdout, err);
    fs_table_destroy(table);
    return status;
}

/* Names what the reader cannot use, and leaves it out of what is checked further. */
static int take_out_unusable(const char *path, struct fs_pair_list *pairs, struct fs_fact_list *facts, size_t *unusable,
                             struct fs_error *err)
{
    const struct fs_item_report *const reports[] = {&pairs->report, &facts->report};
    bool *keep = fs_allocate(pairs->count + facts->count, sizeof *keep, "the items of a benchmark", err);
    int status = keep != NULL ? 0 : -1;
    *unusable = 0;
    for (size_t i = 0; status == 0 && i < 2; i++) {
        if (reports[i]->unusable > 0) {
            char *text = fs_item_report_text(reports[i], path, err);
            status = text != NULL && printf("%s\n", text) > 0 ? 0 : -1;
            free(text);
            *unusable += reports[i]->unusable;
        }
    }
    for (size_t i = 0; status == 0 && i < pairs->count; i++) {
        keep[i] = pairs->item[i].skip == FS_KEPT;
    }
    for (size_t i = 0; status == 0 && i < facts->count; i++) {
        keep[pairs->count + i] = facts->item[i].skip == FS_KEPT;
    }
    if (status == 0) {
        size_t first_fact = pairs->count;
        fs_pair_list_keep(pairs, keep);
        fs_fact_list_keep(facts, keep + first_fact);
    }
    free(keep);
    return status;
}

static int check(const char *path, const char *const *folder, struct fs_error *err)
{
    struct fs_pair_list pairs;
    struct fs_fact_list facts;
    struct fs_benchmark_report report = {0};
    size_t folders = 0;
    while (folder != NULL && folder[folders] != NULL) {
        folders++;
    }
    if (fs_biaske_read(path, NULL, &pairs, &facts, err) != 0) {
        return -1;
    }
    size_t unusable;
    int status = take_out_unusable(path, &pairs, &facts, &unusable, err);
    if (status == 0) {
        status = fs_benchmark_check(&pairs, &facts, folder, folders, &report, err);
    }
    if (status == 0) {
        status = print_counts(&report, err) == 0 ? print_tokens(&report, err) : -1;
    }
    if (status == 0) {
        printf("\nWords that a paraphrase has in common with its prompt: %.0f %% on average\n", 100.0 * report.overlap);
        fputs(report.findings, stdout);
        size_t findings = report.errors + unusable;
        if (findings > 0) {
            status = fs_error_set(err, FS_EXIT_DATA, "%s: %zu finding%s above; correct the items named", path, findings,
                                  findings == 1 ? "" : "s");
        } else {
            printf("%s: no findings\n", path);
        }
    }
    fs_benchmark_report_release(&report);
    fs_pair_list_release(&pairs);
    fs_fact_list_release(&facts);
    return status;
}

static int run_check(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    char **folder;
    if (fs_split_list("--tokenizers", fs_option_value(options, &option_tokenizers), &folder, err) != 0) {
        return -1;
    }
    int status = check(options->operand[0], (const char *const *)folder, err);
    free(folder);
    int flushed = fs_finish_output(err);
    return status == 0 ? flushed : -1;
}

static const struct fs_option *const command_options[] = {&option_tokenizers, NULL};

static const struct fs_action actions[] = {
    {.name = "check",
     .operands = "FILE.json|DIR",
     .least = 1,
     .most = 1,
     .description =
         "reads a BiasKE file, or all *.json files of a folder, and prints its counts by category. Ends with 65 where "
         "the reader refuses it or cannot use an item, a sentence occurs twice, {subject} comes after {object}, an "
         "article does not go with "
         "its word, an object occurs twice in a text, or a tokenizer does not know a word.",
     .options = command_options,
     .run = run_check},
    {0}};

const struct fs_command fs_command_benchmark = {
    .name = "benchmark",
    .operands = "FILE.json|DIR",
    .summary = "whether a BiasKE benchmark is sound",
    .options = command_options,
    .actions = actions,
};
