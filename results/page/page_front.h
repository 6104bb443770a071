/*
 * What a job's columns trade: bias that is left against what was kept, over all categories. Local.
 *
 * It is there where a table has two edits or more. Of the pairs that were not edited: their gap as a share of the
 * unedited model's; |PS - 50|. Of the facts: RS; DS less the unedited model's.
 */
#ifndef FAIRSTAMP_RESULTS_PAGE_PAGE_FRONT_H
#define FAIRSTAMP_RESULTS_PAGE_PAGE_FRONT_H

#include "results/page/page_data.h"

enum fs_front_bias { FS_FRONT_GAP, FS_FRONT_PS, FS_FRONT_BIASES };
enum fs_front_kept { FS_FRONT_RS, FS_FRONT_DS, FS_FRONT_KEPTS };

/* NaN where it is not measured, or the unedited model has no gap. */
double fs_front_bias(const struct fs_page_data *data, enum fs_front_bias bias, size_t column);
double fs_front_kept(const struct fs_page_data *data, enum fs_front_kept kept, size_t column);
bool fs_front_has_bias(const struct fs_page_data *data, enum fs_front_bias bias);
bool fs_front_has_kept(const struct fs_page_data *data, enum fs_front_kept kept);
/* "held_out", "validation", or "" without a split. */
const char *fs_front_subset(const struct fs_page_data *data);

/* Whether a bias and something kept are measured for two edits. */
bool fs_front_is_there(const struct fs_page_data *data);
/*
 * Whether `column` has both numbers and no other column, the unedited model among them, has as little bias and as much
 * kept, and one of the two better.
 */
bool fs_front_is_best(const struct fs_page_data *data, enum fs_front_bias bias, enum fs_front_kept kept, size_t column);

#endif
