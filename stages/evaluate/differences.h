/*
 * How the methods of one evaluation differ from one of them: of each row of the table of results, each column less the
 * reference's, over the same items, with the intervals and tests of paired.h. What both share, such as items that every
 * column finds hard, cancels.
 *
 * Rows are made again from the item scores that the file has (stages/suites/stored_suite.h), with the draws of the
 * evaluation: against the unedited model, without ideals, they are the table's changes bit for bit. The file does not
 * change, and any reference can be taken of files of any age. A metric that can lie on both sides of its ideal, such as
 * SS (50), is compared by its distance to it (fs_ideal_is_between). Local.
 */
#ifndef FAIRSTAMP_STAGES_EVALUATE_DIFFERENCES_H
#define FAIRSTAMP_STAGES_EVALUATE_DIFFERENCES_H

#include "io/archive/archive.h"
#include "stages/suites/results.h"

struct fs_differences {
    size_t against;          /* the reference's column */
    size_t rows, columns;    /* those of the table of results; rows 0: nothing is compared */
    struct fs_paired *value; /* [rows][columns] column less reference; none of the reference itself */
    bool *known;             /* [rows] interval and test are made from items; else the values' difference alone */
};

/* Where the evaluation is, and how its intervals were drawn; all owned by the caller. */
struct fs_differences_input {
    const struct fs_archive *archive;
    const char *root; /* what stands before "/suites" */
    const struct fs_results *results;
    struct fs_bootstrap bootstrap;
    size_t against;
    bool values; /* of the values themselves, whatever their ideal */
};

/*
 * A suite whose datasets do not fit the table of results is FS_EXIT_DATA; a row whose numbers do not follow from the item
 * scores is not known. The caller releases, also on failure.
 */
int fs_differences_make(const struct fs_differences_input *input, struct fs_differences *differences,
                        struct fs_error *err);
void fs_differences_release(struct fs_differences *differences); /* takes a zeroed struct */

/* Of a row and column. */
static inline const struct fs_paired *fs_difference_at(const struct fs_differences *differences, size_t row,
                                                       size_t column)
{
    return &differences->value[row * differences->columns + column];
}

#endif
