/*
 * Partial results of a map, so that a killed job does not compute them again: an archive of format "part",
 *
 *     /done     U8 [units]   1 where the unit's result is there
 *     /results  U8 [bytes]   the results one after the other in unit order, zeros where a unit is not done
 *     @work, @units, @bytes  what they belong to, with the archive's own job digest
 *     /provenance@settings   the text behind that digest
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

/* A map's results so far, and what they belong to. */
struct fs_partial {
    const char *job; /* digest */
    const char *settings;
    const char *work; /* its name */
    size_t units, bytes;
    unsigned char *done;    /* [units] */
    unsigned char *results; /* [bytes]; NULL where bytes is 0 */
};

int fs_checkpoint_save(const char *path, const struct fs_partial *partial, struct fs_error *err);

/*
 * Fills partial->done and partial->results from `path`; `loaded` says whether there was anything to use. A file that is
 * damaged or belongs to other work is left unused, and `err` tells why (the return value is 0 all the same).
 */
int fs_checkpoint_load(const char *path, const struct fs_partial *partial, bool *loaded, struct fs_error *err);

#endif
