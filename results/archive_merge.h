/*
 * Many jobs' archives in one file, and their result tables in one table.
 *
 * A cell is one job's results: a folder with trace.h5, stamp.h5, evaluate.h5, layer_sweep.h5, as far as they are there. A
 * merged file, format "merged":
 *
 *     /cells/<id>/<stage>/...   the stage's file: its datasets and attributes, with /provenance
 *     /cells_index/id                               texts [cells], sorted by bytes
 *     /cells_index/model, categories                texts [cells]: jobs/model_names.h; "all" or "gender,race"
 *     /cells_index/trace, stamp, evaluate, layer_sweep   texts [cells]: digest of the stage's job, "" where it is not there
 *     /results/cell, model, categories, suite, category, subset, metric, scoring, edit
 *                                                   texts [rows], by cell, then as evaluate has it, then by edit
 *     /results/ideal, before, before_low, before_high, after, after_low, after_high, difference, difference_low,
 *     difference_high, p_value                      f64 [rows]; NaN where there is none
 *     /results/n, n_after, ties, ties_after, gained, lost, skipped
 *                                                   i64 [rows]; -1 where there is none
 *     /results@ideal.<metric>, unit.<metric>
 *
 * The bytes of a merged file depend on the set of its cells alone: the order of merging, its grouping, and merging
 * twice change nothing. Of equal results made twice, the /provenance with the smaller SHA-256 is kept, and the given
 * name of the model that comes first by bytes. Models of one name are told apart; of given names, fs_warn says so.
 *
 * Memory: the largest dataset three times, 300 bytes a dataset or attribute, 300 bytes a row; the file grows on disk.
 * Local: one process.
 */
#ifndef FAIRSTAMP_RESULTS_ARCHIVE_MERGE_H
#define FAIRSTAMP_RESULTS_ARCHIVE_MERGE_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"
#include "jobs/sweep.h" /* FS_CELL_LENGTH */

#define FS_MERGED_FORMAT "merged"

struct fs_merge_input {
    const char *path;       /* a job's folder, or a merged file */
    const char *cell;       /* id of a folder's cell; NULL: the folder's name */
    const char *model_name; /* of a folder's model, where its files do not say one; NULL: none */
};

/*
 * Merges into `output`, atomically: every input is verified first, what was written is read back and verified, then put
 * in place of what stood there; inputs are only read, and `output` may be one of them. Leaves out Adam's moments and
 * best parameters of stamps. FS_EXIT_OTHER_JOB names the dataset where two inputs have different results for one cell, or
 * stages of different jobs; FS_EXIT_DATA: a damaged input.
 */
int fs_merge(const char *output, const struct fs_merge_input *input, size_t inputs, struct fs_error *err);

/* The same; with `training`, moments and best parameters are kept where an input has them. */
int fs_merge_with_training(const char *output, const struct fs_merge_input *input, size_t inputs, bool training,
                           struct fs_error *err);

#endif
