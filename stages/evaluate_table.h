/* From per-item scores to the rows of the result table; private to evaluate. Local. */
#ifndef FAIRSTAMP_STAGES_EVALUATE_TABLE_H
#define FAIRSTAMP_STAGES_EVALUATE_TABLE_H

#include "stages/evaluate.h"

/*
 * Fills result->row from result's per-item arrays, of which those of absent suites are not read. `models`: 1, or 2 with
 * a stamp. `variant` names the pairs' scores; a NULL pair_log leaves out the gap.
 */
int fs_evaluate_make_table(const struct fs_evaluate_input *input, const char *variant, size_t models,
                           struct fs_evaluate_result *result, struct fs_error *err);

#endif
