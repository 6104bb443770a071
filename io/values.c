#include "io/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool fs_is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *choice = choices; length > 0; choice += strcspn(choice, "|") + 1) {
        if (strncmp(choice, value, length) == 0 && (choice[length] == '|' || choice[length] == '\0')) {
            return true;
        }
        if (choice[strcspn(choice, "|")] == '\0') {
            break;
        }
    }
    return false;
}

static bool read_number(const char *text, double minimum, double maximum, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && strspn(text, "+-0123456789.eE") == strlen(text) && *value >= minimum &&
           *value <= maximum;
}

int fs_parse_integer(const char *name, const char *text, double minimum, double maximum, double *value,
                     struct fs_error *err)
{
    if (!read_number(text, minimum, maximum, value) || *value != floor(*value)) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: found \"%s\", expected a whole number from %.0f to %.0f", name,
                            text, minimum, maximum);
    }
    return 0;
}

int fs_parse_number(const char *name, const char *text, double minimum, double maximum, double *value,
                    struct fs_error *err)
{
    if (!read_number(text, minimum, maximum, value)) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: found \"%s\", expected a number from %g to %g", name, text,
                            minimum, maximum);
    }
    return 0;
}

void fs_number_text(double number, char text[FS_NUMBER_SIZE])
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, FS_NUMBER_SIZE, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            return;
        }
    }
}

int fs_split_list(const char *name, const char *text, char ***list, struct fs_error *err)
{
    *list = NULL;
    if (text == NULL) {
        return 0;
    }
    size_t entries = 1, length = strlen(text);
    for (const char *c = text; *c != '\0'; c++) {
        entries += *c == ',';
    }
    size_t pointers = (entries + 1) * sizeof(char *);
    char **split = fs_allocate(1, pointers + length + 1, "a list", err);
    if (split == NULL) {
        return -1;
    }
    char *copy = (char *)split + pointers;
    memcpy(copy, text, length + 1);
    for (size_t i = 0; i < entries; i++) {
        char *entry = strsep(&copy, ",");
        if (*entry == '\0') {
            free(split);
            return fs_error_set(err, FS_EXIT_USAGE, "%s: found an empty entry in \"%s\"; write a,b,c", name, text);
        }
        split[i] = entry;
    }
    *list = split;
    return 0;
}

const char *fs_renamed_name(const struct fs_renamed *table, const char *old)
{
    for (size_t i = 0; table[i].old != NULL; i++) {
        if (strcmp(table[i].old, old) == 0) {
            return table[i].now;
        }
    }
    return NULL;
}
