/* Rows of the parts of a suite's items, such as the paradigms of BLiMP, and the mean over parts. Local. */
#ifndef FAIRSTAMP_STAGES_SUITES_SUITE_PARTS_H
#define FAIRSTAMP_STAGES_SUITES_SUITE_PARTS_H

#include "stages/suites/suite.h"

/* How items are parted. All owned by the suite. */
struct fs_parting {
    const char *const *name; /* [count] */
    size_t count;
    const size_t *of; /* [items] the part; SIZE_MAX: in none */
};

/* The rows "<metric>.<part>" of one part, or of each part that has an item. `among` of the question is not looked at. */
int fs_suite_add_part(struct fs_suite_rows *rows, const struct fs_suite *suite,
                      const struct fs_suite_question *question, const struct fs_parting *parting, size_t part,
                      struct fs_error *err);
int fs_suite_add_parts(struct fs_suite_rows *rows, const struct fs_suite *suite,
                       const struct fs_suite_question *question, const struct fs_parting *parting,
                       struct fs_error *err);
/* The row "<metric>.macro": the mean over parts of what a share, a yes or a mean is in each. Items that have no answer in
 * some column are in no part. */
int fs_suite_add_macro(struct fs_suite_rows *rows, const struct fs_suite *suite,
                       const struct fs_suite_question *question, const struct fs_parting *parting,
                       struct fs_error *err);

#endif
