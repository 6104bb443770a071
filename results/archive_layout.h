/*
 * What the archives' datasets mean, for readers that know nothing of fairstamp: names of dimensions
 * (io/archive/archive.h makes HDF5 dimension scales of them), units, ideals, as attributes. One table for all stages.
 * Local.
 */
#ifndef FAIRSTAMP_RESULTS_ARCHIVE_LAYOUT_H
#define FAIRSTAMP_RESULTS_ARCHIVE_LAYOUT_H

#include "io/archive/archive.h"

/*
 * Writes the attributes "dimensions", "units", and "_Encoding" of texts, of every dataset of `archive` that the table
 * knows; texts that name an index, such as /results/model; on the groups of result
 * tables, "ideal.<metric>" and "unit.<metric>". `archive` is being written.
 */
int fs_layout_describe(struct fs_archive *archive, struct fs_error *err);

#endif
