#include "pipeline/commands/options.h"

#include <stdlib.h>

bool fs_option_listed(const struct fs_option *const *list, const struct fs_option *option)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        if (list[i] == option) {
            return true;
        }
    }
    return false;
}

static const struct fs_given *find_given(const struct fs_options *options, const struct fs_option *option)
{
    for (size_t i = 0; i < options->givens; i++) {
        if (options->given[i].option == option) {
            return &options->given[i];
        }
    }
    return NULL;
}

void fs_options_release(struct fs_options *options)
{
    free(options->text);
    free(options->given);
    free(options->operand);
    *options = (struct fs_options){0};
}

const char *fs_option_value(const struct fs_options *options, const struct fs_option *option)
{
    const struct fs_given *given = find_given(options, option);
    return given != NULL ? given->value[0] : option->initial;
}

const char *const *fs_option_values(const struct fs_options *options, const struct fs_option *option, size_t *count)
{
    const struct fs_given *given = find_given(options, option);
    *count = given != NULL ? given->count : 0;
    return given != NULL ? given->value : NULL;
}

bool fs_option_given(const struct fs_options *options, const struct fs_option *option)
{
    return find_given(options, option) != NULL;
}
