/* A file of two items for each suite, the first of a category of 300 bytes where the file names categories. */
#ifndef FAIRSTAMP_TESTS_UNIT_STAGES_SUITE_SAMPLES_H
#define FAIRSTAMP_TESTS_UNIT_STAGES_SUITE_SAMPLES_H

#include "stages/suites/suite_registry.h"

enum { LONG_NAME = 300 };
extern char long_name[LONG_NAME + 1]; /* filled by the test */

struct sample {
    const char *suite;
    const char *(*write)(void); /* its path */
    size_t items, scored;
    enum { NO_CATEGORY, CATEGORY, LONG_CATEGORY } category; /* the first item's is another than the second's */
};
const struct sample *sample_of(const struct fs_suite_kind *kind); /* fails where there is none */

#endif
