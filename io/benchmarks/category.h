/*
 * Names of bias categories. A spelling that the program takes for another's is a row of the one table in category.c:
 * readers give items the one name, so rows, selections and tables know no other. Local.
 */
#ifndef FAIRSTAMP_IO_BENCHMARKS_CATEGORY_H
#define FAIRSTAMP_IO_BENCHMARKS_CATEGORY_H

#include <stdbool.h>

/* The name of the category that a file or a user spells so: "race" for CrowS-Pairs' "race-color". A spelling that is no
 * other's is its own name, and returned as it is. */
const char *fs_category_name(const char *spelling);
/* What keeps a text from being the name of a category, for error texts: "a control character"; NULL where nothing does. */
const char *fs_category_fault(const char *spelling);
/* Whether two spellings are of one category. */
bool fs_same_category(const char *one, const char *other);

#endif
