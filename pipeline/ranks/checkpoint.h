/*
 * Partial results of a map, so that a killed job does not compute them again: an archive of format "part",
 *
 *     /done     U8 [units]   1 where the unit's result is there
 *     /results  U8 [bytes]   the results one behind the other in unit order, zeros where a unit is not done
 *     @work, @units, @bytes  what they belong to, with the archive's own job digest
 *
 * Local: the root alone.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_CHECKPOINT_H
#define FAIRSTAMP_PIPELINE_RANKS_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "io/archive/archive.h"
#include "io/error.h"

#define FS_CHECKPOINT_FORMAT FS_ARCHIVE_PARTIAL

int fs_checkpoint_save(const char *path, const char *job, const char *work, size_t units, size_t bytes,
                       const unsigned char *done, const unsigned char *results, struct fs_error *err);

/*
 * Fills done[units] and results[bytes] from `path`; `loaded` says whether there was anything to use. A file that is
 * damaged or belongs to another job is left unused, and `err` tells why (the return value is 0 all the same).
 */
int fs_checkpoint_load(const char *path, const char *job, const char *work, size_t units, size_t bytes,
                       unsigned char *done, unsigned char *results, bool *loaded, struct fs_error *err);

#endif
