/* The command line: every form of an option, actions, operands, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/commands/commands.h"
#include "pipeline/commands/pages.h"
#include "pipeline/commands/parse.h"

static struct fs_error err;

/* Parses "fairstamp" and the words of `line`, parted by single spaces; "" for an empty one. */
static int parse(const char *line, struct fs_options *options)
{
    static char words[512];
    char *argv[32] = {(char *)"fairstamp"};
    int argc = 1;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
    }
    err = (struct fs_error)FS_ERROR_INIT;
    return fs_options_parse(argc, argv, options, &err);
}

static void accept(const char *line, struct fs_options *options)
{
    if (parse(line, options) != 0) {
        fail_msg("%s: %s", line, err.text);
    }
}

static void refuse(const char *line, const char *text)
{
    struct fs_options options;
    assert_int_equal(parse(line, &options), -1);
    assert_int_equal(err.code, FS_EXIT_USAGE);
    if (strstr(err.text, text) == NULL) {
        fail_msg("%s: found \"%s\", expected \"%s\"", line, err.text, text);
    }
    fs_options_release(&options);
}

static const struct fs_option *option_of(const struct fs_command *command, const char *name)
{
    for (size_t i = 0; command->options[i] != NULL; i++) {
        if (strcmp(command->options[i]->name, name) == 0) {
            return command->options[i];
        }
    }
    return NULL;
}

static void every_form_of_an_option(void **state)
{
    (void)state;
    struct fs_options options;
    size_t count;
    accept("run --set seed=1 --force job.json --log-dir=logs --set stamp.layer=2", &options);
    assert_ptr_equal(options.command, &fs_command_run);
    assert_int_equal(options.operands, 1);
    assert_string_equal(options.operand[0], "job.json");
    assert_string_equal(fs_option_value(&options, &fs_option_log_dir), "logs");
    assert_string_equal(fs_option_value(&options, &fs_option_format), "text"); /* the default */
    assert_false(fs_option_given(&options, &fs_option_format));
    assert_true(fs_option_given(&options, &fs_option_force));
    assert_false(fs_option_given(&options, &fs_option_quiet));
    assert_null(fs_option_value(&options, &fs_option_stop_file));
    const char *const *set = fs_option_values(&options, &fs_option_set, &count);
    assert_int_equal(count, 2);
    assert_string_equal(set[0], "seed=1");
    assert_string_equal(set[1], "stamp.layer=2");
    fs_options_release(&options);
    accept("run -- --job", &options);
    assert_string_equal(options.operand[0], "--job");
    (void)fs_option_values(&options, &fs_option_set, &count);
    assert_int_equal(count, 0);
    fs_options_release(&options);
    accept("inspect a.h5 --format json", &options);
    assert_true(fs_options_json(&options));
    fs_options_release(&options);
}

static void options_are_refused(void **state)
{
    (void)state;
    refuse("run job.json --sett seed=1", "--sett: unknown option of run; did you mean \"--set\"");
    refuse("tokenize --modell x", "did you mean \"--model\"");
    refuse("tokenize", "tokenize: --model DIR is missing");
    refuse("tokenize --model", "--model: DIR is missing");
    refuse("tokenize --model ''", "--model: found an empty text, expected DIR");
    refuse("tokenize --model a --model a", "--model: given twice");
    refuse("run job.json --force --force", "--force: given twice");
    refuse("run job.json --force=yes", "--force: takes no value, found \"yes\"");
    refuse("inspect a.h5 --format xml", "--format: found \"xml\", expected text|json");
    refuse("score --variant x", "--variant: this option is now called \"--scoring\"");
    refuse("run job.json --variant x", "--variant: unknown option of run");
}

static void operands(void **state)
{
    (void)state;
    struct fs_options options;
    refuse("run", "run: found 0 operands, expected 1: fairstamp run JOB.json");
    refuse("run a b", "run: found 2 operands, expected 1");
    refuse("verify --equal a.h5", "verify: found 1 operand, expected 2");
    refuse("verify a.h5 b.h5", "verify: found 2 operands, expected 1");
    refuse("doctor a b", "doctor: found 2 operands, expected 0 to 1: fairstamp doctor [JOB.json]");
    refuse("merge -o x", "merge: found 0 operands, expected at least 1");
    accept("verify --equal a.h5 b.h5", &options);
    fs_options_release(&options);
    accept("doctor", &options);
    fs_options_release(&options);
    accept("merge a b c d -o x", &options);
    assert_int_equal(options.operands, 4);
    fs_options_release(&options);
}

static void actions(void **state)
{
    (void)state;
    struct fs_options options;
    accept("sweep plan sweep.json folder --no-estimate", &options);
    assert_string_equal(options.action->name, "plan");
    assert_int_equal(options.operands, 2); /* without the action's name */
    assert_string_equal(options.operand[0], "sweep.json");
    fs_options_release(&options);
    accept("sweep status folder --format json", &options);
    assert_string_equal(fs_option_value(&options, option_of(&fs_command_sweep, "--cells")), "1");
    fs_options_release(&options);
    refuse("sweep", "sweep: found no operand, expected first plan, run, submit, status, resume or merge");
    refuse("sweep stauts folder", "did you mean \"status\"");
    refuse("sweep plan sweep.json", "sweep plan: found 1 operand, expected 2: fairstamp sweep plan SWEEP.json DIR");
    refuse("sweep run folder --limit 2", "sweep run: --limit is an option of submit and resume");
    refuse("sweep status folder --cells 2", "sweep status: --cells is an option of run");
    refuse("benchmark look file", "benchmark: found \"look\", expected check");
}

static void commands_and_pages(void **state)
{
    (void)state;
    struct fs_options options;
    refuse("", "a command is missing");
    refuse("trase job.json", "trase: unknown command; did you mean \"trace\"");
    refuse("--versoin", "unknown command");
    refuse("--version now", "--version: unknown command");
    for (size_t i = 0; fs_pages[i].name != NULL; i++) {
        accept(fs_pages[i].name, &options);
        assert_ptr_equal(options.page, &fs_pages[i]);
        fs_options_release(&options);
    }
    accept("-h", &options);
    assert_string_equal(options.page->name, "--help");
    fs_options_release(&options);
    accept("run --help --nonsense", &options);
    assert_true(options.help);
    assert_null(options.page);
    assert_ptr_equal(options.command, &fs_command_run);
    fs_options_release(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_an_option),
        cmocka_unit_test(options_are_refused),
        cmocka_unit_test(operands),
        cmocka_unit_test(actions),
        cmocka_unit_test(commands_and_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
