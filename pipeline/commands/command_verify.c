/* verify: whether a result file is whole, or equal to another one. */
#include <stdio.h>
#include <string.h>

#include "io/archive/archive.h"
#include "io/console/output.h"
#include "pipeline/commands/commands.h"
#include "results/report.h"

static const struct fs_option option_equal = {.name = "--equal", .operands = 1, .help = "compare two files"};

/* What the command found out, on stdout; the exit code says the same. */
static int print_verdict(const struct fs_options *options, const char *key, bool value, const char *words,
                         struct fs_error *err)
{
    if (fs_options_json(options)) {
        cJSON *json = cJSON_CreateObject();
        cJSON_AddBoolToObject(json, key, value);
        cJSON_AddStringToObject(json, "reason", words);
        return fs_report_print_json(json, stdout, err) == 0 ? fs_finish_output(err) : -1;
    }
    printf("%s\n", words);
    return fs_finish_output(err);
}

static int verify_equal(const struct fs_options *options, struct fs_error *err)
{
    struct fs_archive *a = NULL, *b = NULL;
    char difference[512] = "", words[2048];
    bool equal = false;
    int status = fs_archive_open(options->operand[0], NULL, &a, err);
    if (status == 0) {
        status = fs_archive_open(options->operand[1], NULL, &b, err);
    }
    if (status == 0) {
        status = fs_archive_equal(a, b, &equal, difference, sizeof difference, err);
    }
    fs_archive_close(a);
    fs_archive_close(b);
    if (status != 0) {
        return -1;
    }
    snprintf(words, sizeof words, "%.600s and %.600s: %s%s", options->operand[0], options->operand[1],
             equal ? "equal" : "they differ in ", equal ? "" : difference);
    if (equal) {
        return print_verdict(options, "equal", true, words, err);
    }
    if (fs_options_json(options) && print_verdict(options, "equal", false, words, err) != 0) {
        return -1;
    }
    return fs_error_set(err, FS_EXIT_DIFFERENT, "%s", words);
}

static int run(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    if (fs_option_given(options, &option_equal)) {
        return verify_equal(options, err);
    }
    struct fs_archive *archive = NULL;
    int status = fs_archive_open(options->operand[0], NULL, &archive, err);
    if (status == 0) {
        status = fs_archive_verify(archive, err);
        fs_archive_close(archive);
    }
    if (status == 0) {
        char words[1024];
        snprintf(words, sizeof words, "%.900s: whole, every hash holds", options->operand[0]);
        return print_verdict(options, "whole", true, words, err);
    }
    if (err->code == FS_EXIT_DATA) {
        char damage[256];
        fs_archive_find_damage(options->operand[0], damage, sizeof damage);
        if (damage[0] != '\0' && strstr(err->text, damage) == NULL) {
            struct fs_error failure = *err;
            fs_error_set(err, FS_EXIT_DIFFERENT, "%s; what is damaged: %s", failure.text, damage);
        }
        err->code = FS_EXIT_DIFFERENT;
        if (fs_options_json(options)) {
            struct fs_error failure = *err;
            status = print_verdict(options, "whole", false, failure.text, err);
            *err = status == 0 ? failure : *err;
        }
    }
    return -1;
}

static const struct fs_option *const command_options[] = {&option_equal, &fs_option_format, NULL};

const struct fs_command fs_command_verify = {
    .name = "verify",
    .operands = "FILE.h5 | --equal A.h5 B.h5",
    .least = 1,
    .most = 1,
    .summary = "whether every checksum and hash holds",
    .description = "Ends with 0 where the file is whole, 1 where it is not. With --equal: 0 where all datasets and "
                   "attributes of two files, provenance apart, are equal bit for bit, 1 where they differ.",
    .options = command_options,
    .run = run,
};
