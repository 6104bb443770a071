/* The table of commands: every row is complete, and help, man page and completion have it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/values.h"
#include "jobs/job_keys.h"
#include "jobs/stage_names.h"
#include "pipeline/commands/commands.h"
#include "pipeline/commands/help.h"
#include "pipeline/commands/help_text.h"
#include "pipeline/commands/options_common.h"
#include "pipeline/commands/pages.h"
#include "pipeline/commands/parse.h"

static char *printed_page(const char *name)
{
    char *text = NULL;
    size_t size = 0;
    struct fs_error err = FS_ERROR_INIT;
    for (size_t i = 0; fs_pages[i].name != NULL; i++) {
        if (strcmp(fs_pages[i].name, name) == 0) {
            FILE *stream = open_memstream(&text, &size);
            assert_int_equal(fs_pages[i].print(fs_pages, stream, &err), 0);
            fclose(stream);
        }
    }
    assert_non_null(text);
    return text;
}

static char *printed_help(const struct fs_command *command)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    fs_help_command(command, stream);
    fclose(stream);
    return text;
}

static void check_options(const struct fs_command *command)
{
    for (size_t i = 0; command->options[i] != NULL; i++) {
        const struct fs_option *option = command->options[i];
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(option->name, command->options[k]->name);
        }
        assert_ptr_not_equal(option, &fs_option_help);
        assert_true(option->name[0] == '-' && option->help[0] != '\0');
        assert_true(option->argument != NULL || (option->choices == NULL && option->initial == NULL));
        assert_true(option->choices == NULL || option->initial == NULL ||
                    fs_is_choice(option->choices, option->initial));
        assert_false(option->required && option->initial != NULL);
    }
}

static void check_actions(const struct fs_command *command)
{
    for (const struct fs_action *action = command->actions; action != NULL && action->name != NULL; action++) {
        assert_true(action->run != NULL && action->description[0] != '\0' && action->operands != NULL);
        assert_true(action->least <= action->most);
        for (size_t i = 0; action->options != NULL && action->options[i] != NULL; i++) {
            assert_true(fs_option_listed(command->options, action->options[i]));
        }
        for (const struct fs_action *other = command->actions; other != action; other++) {
            assert_string_not_equal(action->name, other->name);
        }
    }
}

static void every_row_is_complete(void **state)
{
    (void)state;
    for (size_t i = 0; fs_commands[i] != NULL; i++) {
        const struct fs_command *command = fs_commands[i];
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(command->name, fs_commands[k]->name);
        }
        assert_true((command->run != NULL) != (command->actions != NULL));
        assert_true(command->least <= command->most);
        assert_true(command->summary[0] != '\0' && command->operands != NULL);
        check_options(command);
        check_actions(command);
        assert_true((command->uses_ranks || command->on_ranks != NULL) ==
                    fs_option_listed(command->options, &fs_option_connected));
        assert_true(command->on_ranks == NULL || fs_option_listed(command->options, command->on_ranks));
    }
}

/* A shared row is the same in all commands, so a name means one thing in the completion. */
static void a_name_is_one_option(void **state)
{
    (void)state;
    for (size_t a = 0; fs_commands[a] != NULL; a++) {
        for (size_t b = 0; b < a; b++) {
            for (size_t i = 0; fs_commands[a]->options[i] != NULL; i++) {
                for (size_t k = 0; fs_commands[b]->options[k] != NULL; k++) {
                    const struct fs_option *one = fs_commands[a]->options[i], *other = fs_commands[b]->options[k];
                    assert_true(one == other || strcmp(one->name, other->name) != 0);
                }
            }
        }
    }
}

static void help_says_all(void **state)
{
    (void)state;
    char *overview = printed_page("--help"), name[512];
    for (size_t i = 0; fs_commands[i] != NULL; i++) {
        const struct fs_command *command = fs_commands[i];
        char *help = printed_help(command);
        snprintf(name, sizeof name, "\n  %s ", command->name);
        assert_non_null(strstr(overview, name));
        assert_int_equal(strncmp(help, "usage: fairstamp ", 17), 0);
        assert_non_null(strstr(help, "\n  --help "));
        for (size_t k = 0; command->options[k] != NULL; k++) {
            fs_describe_usage(command->options[k], name, sizeof name);
            assert_non_null(strstr(help, name));
        }
        assert_true(command->lists_job_keys == (strstr(help, "\n  stamp.width ") != NULL));
        free(help);
    }
    free(overview);
}

static void man_page_and_completion_say_all(void **state)
{
    (void)state;
    char *man = printed_page("--man"), *completion = printed_page("--bash-completion"), name[512];
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; fs_commands[i] != NULL; i++) {
        snprintf(name, sizeof name, "\n.SS fairstamp %s ", fs_commands[i]->name);
        assert_non_null(strstr(man, name));
        snprintf(name, sizeof name, "\n    %s) options=\"", fs_commands[i]->name);
        assert_non_null(strstr(completion, name));
        for (size_t k = 0; fs_commands[i]->options[k] != NULL; k++) {
            snprintf(name, sizeof name, "\n    %s) ", fs_commands[i]->options[k]->name);
            assert_true(fs_commands[i]->options[k]->argument == NULL || strstr(completion, name) != NULL);
        }
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "\n.B %s\n", key[i].setting->key);
        assert_non_null(strstr(man, name));
        assert_non_null(strstr(completion, key[i].setting->key));
    }
    assert_non_null(strstr(completion, "first=\"plan run submit status resume merge\" ending=.json"));
    free(man);
    free(completion);
}

static void actions_in_words(void **state)
{
    (void)state;
    char text[256];
    fs_command_operands(&fs_command_sweep, text, sizeof text);
    assert_string_equal(text, "plan|run|submit|status|resume|merge SWEEP.json|DIR");
    fs_command_operands(&fs_command_run, text, sizeof text);
    assert_string_equal(text, "JOB.json");
    fs_command_actions(&fs_command_sweep, NULL, " or ", text, sizeof text);
    assert_string_equal(text, "plan, run, submit, status, resume or merge");
    fs_command_actions(&fs_command_sweep, &fs_option_format, " or ", text, sizeof text);
    assert_string_equal(text, ""); /* of all actions */
}

static void old_names_lead_to_options(void **state)
{
    (void)state;
    for (size_t i = 0; fs_renamed_options[i].old != NULL; i++) {
        bool found = false;
        for (size_t c = 0; fs_commands[c] != NULL; c++) {
            for (size_t k = 0; fs_commands[c]->options[k] != NULL; k++) {
                found = found || strcmp(fs_commands[c]->options[k]->name, fs_renamed_options[i].now) == 0;
                assert_string_not_equal(fs_commands[c]->options[k]->name, fs_renamed_options[i].old);
            }
        }
        assert_true(found);
    }
}

static void a_former_command_names_the_present_one(void **state)
{
    (void)state;
    for (const struct fs_former_stage *former = fs_former_stages; former->name != NULL; former++) {
        char program[] = "fairstamp", name[64], file[] = "job.json", said[128];
        char *words[] = {program, name, file, NULL};
        struct fs_options options;
        struct fs_error err = FS_ERROR_INIT;
        snprintf(name, sizeof name, "%s", former->name);
        snprintf(said, sizeof said, "%s: this command is now called \"%s\"", former->name,
                 fs_stage_names[former->stage]);
        assert_int_equal(fs_options_parse(3, words, &options, &err), -1);
        assert_int_equal(err.code, FS_EXIT_USAGE);
        assert_non_null(strstr(err.text, said));
        fs_options_release(&options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(a_name_is_one_option),
        cmocka_unit_test(help_says_all),
        cmocka_unit_test(man_page_and_completion_say_all),
        cmocka_unit_test(actions_in_words),
        cmocka_unit_test(old_names_lead_to_options),
        cmocka_unit_test(a_former_command_names_the_present_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
