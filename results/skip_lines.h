/* What a table of results leaves out, in words. Local. */
#ifndef FAIRSTAMP_RESULTS_SKIP_LINES_H
#define FAIRSTAMP_RESULTS_SKIP_LINES_H

#include <stdio.h>

#include "stages/suites/results.h"

/*
 * Writes `before`, the items that a suite's rows leave out ("1 empty_text, 2 too_long") and `after`; nothing where
 * there are none. Those are the items of category "all", or where the suite has no such row those of all its categories; the
 * most of any metric and subset.
 */
void fs_write_skipped(FILE *stream, const struct fs_results *results, const char *suite, const char *before,
                      const char *after);
/* The same of the items whose first token is not scored ("the first token of 12 items, ..."). */
void fs_write_first_unscored(FILE *stream, const struct fs_result_row *row, const char *before, const char *after);
/* The same of edits without a number in any row of a suite: decoding rules, in a suite on states ("of self_debias: ..."). */
void fs_write_unread(FILE *stream, const struct fs_results *results, const char *suite, const char *before,
                     const char *after);
/* Whether row `i` is the first of its suite. */
bool fs_is_first_of_suite(const struct fs_results *results, size_t i);

#endif
