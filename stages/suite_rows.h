/* How suites' rows come into the result table; private to evaluate. Local. */
#ifndef FAIRSTAMP_STAGES_SUITE_ROWS_H
#define FAIRSTAMP_STAGES_SUITE_ROWS_H

#include "stages/evaluate.h"

struct fs_suite_rows {
    struct fs_evaluate_result *result; /* rows are appended */
    struct fs_bootstrap bootstrap;
    size_t models;
};

#endif
