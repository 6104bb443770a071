/* From per-item scores to the rows of the result table; private to evaluate. Local. */
#ifndef FAIRSTAMP_STAGES_EVALUATE_EVALUATE_TABLE_H
#define FAIRSTAMP_STAGES_EVALUATE_EVALUATE_TABLE_H

#include "stages/suites/result_rows.h"

/*
 * Adds the rows of pairs, CrowS-Pairs and facts from the per-item arrays of rows->result, of which those of absent
 * suites are not read. `scoring` names the pairs' scores; a NULL pair_log leaves out the gap.
 */
int fs_evaluate_make_table(const struct fs_evaluate_input *input, const char *scoring, struct fs_suite_rows *rows,
                           struct fs_error *err);

#endif
