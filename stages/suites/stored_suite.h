/*
 * Suites as an evaluate file has them: items and scores, without texts, so that rows of other comparisons can be made of
 * them. Only add_rows, answers and release of their operations may be called. Local.
 */
#ifndef FAIRSTAMP_STAGES_SUITES_STORED_SUITE_H
#define FAIRSTAMP_STAGES_SUITES_STORED_SUITE_H

#include "stages/suites/suite_registry.h"

/* Where the suites of an evaluation are; all owned by the caller. */
struct fs_suite_file {
    const struct fs_archive *archive;
    const char *root; /* what stands before "/suites": "", or a group of a merged file */
    size_t columns;   /* of the table of results */
};

/* Whether the suite has that dataset. */
bool fs_stored_has(const struct fs_suite_file *file, const char *suite, const char *dataset);

/*
 * Fills the items of `base`, whose operations and candidates are set: category, cluster, skip, score, names. Another number
 * of columns or candidates, and a reason that is none, are FS_EXIT_DATA. The caller destroys the suite, also on failure.
 */
int fs_stored_suite_read(const struct fs_suite_file *file, const struct fs_suite_kind *kind, struct fs_suite *base,
                         struct fs_error *err);
/* Reads a dataset of the suite of exactly this shape into memory that the caller frees; NULL with `err` set. */
void *fs_stored_read(const struct fs_suite_file *file, const struct fs_suite *base, const char *dataset,
                     enum fs_archive_type type, const size_t shape[3], struct fs_error *err);
/* Texts of the items, one block that the caller frees; NULL with `err` set. */
char **fs_stored_texts(const struct fs_suite_file *file, struct fs_suite *base, const char *dataset,
                       struct fs_error *err);
/* The length of a dataset of one dimension. */
int fs_stored_count(const struct fs_suite_file *file, const struct fs_suite *base, const char *dataset, size_t *count,
                    struct fs_error *err);
/* FS_EXIT_DATA where one of the reasons skip[count] is none. */
int fs_stored_check_skips(const struct fs_suite_file *file, const struct fs_suite *base, const char *dataset,
                          const uint8_t *skip, size_t count, struct fs_error *err);
/* "answer" as 0 and 1 [items][columns], which the caller frees; NULL with `err` set. */
double *fs_stored_answers(const struct fs_suite_file *file, const struct fs_suite *base, struct fs_error *err);

/* struct fs_suite_kind.restore of suites whose row "accuracy" is made of "answer", or of the order of two candidates. */
int fs_restore_answers(const struct fs_suite_kind *kind, const struct fs_suite_file *file, struct fs_suite **suite,
                       struct fs_error *err);
int fs_restore_orders(const struct fs_suite_kind *kind, const struct fs_suite_file *file, struct fs_suite **suite,
                      struct fs_error *err);
/* Of suites of pairs (stored_pairs.c). */
int fs_restore_pairs(const struct fs_suite_kind *kind, const struct fs_suite_file *file, struct fs_suite **suite,
                     struct fs_error *err);

#endif
