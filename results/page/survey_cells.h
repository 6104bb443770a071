/* A cell of a merged file as the files of a job's folder again, for its own page. Local. */
#ifndef FAIRSTAMP_RESULTS_PAGE_SURVEY_CELLS_H
#define FAIRSTAMP_RESULTS_PAGE_SURVEY_CELLS_H

#include "io/archive/archive.h"

/* Writes the stages of `cell` below `folder`, which is there; *file: that of evaluate, or of the first stage there is, which
 * the caller frees; NULL: the cell has none. */
int fs_survey_extract(const struct fs_archive *archive, const char *cell, const char *folder, char **file,
                      struct fs_error *err);

#endif
