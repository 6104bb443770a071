/* Values written as text: numbers, choices, lists. Local. */
#ifndef FAIRSTAMP_IO_VALUES_H
#define FAIRSTAMP_IO_VALUES_H

#include <stdbool.h>

#include "io/error.h"

/* A whole number from `minimum` to `maximum` in `text`, the value of `name`. */
int fs_parse_integer(const char *name, const char *text, double minimum, double maximum, double *value,
                     struct fs_error *err);
/* As above, but any number. */
int fs_parse_number(const char *name, const char *text, double minimum, double maximum, double *value,
                    struct fs_error *err);
/* The shortest of 15 to 17 digits that reads back as `number`. */
#define FS_NUMBER_SIZE 32
void fs_number_text(double number, char text[FS_NUMBER_SIZE]);
/* Whether `value` is one of "a|b|c". */
bool fs_is_choice(const char *choices, const char *value);
/*
 * "a,b,c" as a NULL-terminated list, freed in one free(); FS_EXIT_USAGE for an empty entry. `text` NULL gives a NULL
 * list: no choice made.
 */
int fs_split_list(const char *name, const char *text, char ***list, struct fs_error *err);

/* Names of earlier versions, and what they are now called. */
struct fs_renamed {
    const char *old, *now; /* NULL: the end */
};
/* The new name of `old`; NULL: it never had another one. */
const char *fs_renamed_name(const struct fs_renamed *table, const char *old);

#endif
