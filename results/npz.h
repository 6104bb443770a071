/* NumPy's .npz: a zip archive of .npy arrays (numpy.lib.format, version 1.0). Local. */
#ifndef FAIRSTAMP_RESULTS_NPZ_H
#define FAIRSTAMP_RESULTS_NPZ_H

#include <stdio.h>

#include "io/archive/archive.h"

/*
 * Writes every dataset of `archive` to `stream` under its name without the first "/", texts as UTF-8 bytes of a fixed
 * length (dtype S), and attributes as arrays of no dimensions, "group/x@name". The same archive gives the same bytes.
 * Memory: the content of the archive twice.
 */
int fs_npz_write(const struct fs_archive *archive, FILE *stream, struct fs_error *err);

#endif
