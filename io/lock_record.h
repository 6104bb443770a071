/* The text of a lock file, and who wrote it (lock.h). Local. */
#ifndef FAIRSTAMP_IO_LOCK_RECORD_H
#define FAIRSTAMP_IO_LOCK_RECORD_H

#include "io/lock.h"

#define FS_LOCK_TEXT_SIZE 2048
#define FS_LOCK_BEAT_DIGITS 20

enum fs_lock_found {
    FS_LOCK_ABSENT,
    FS_LOCK_TORN, /* empty, or cut short: its writer is at it, or has died over it */
    FS_LOCK_WHOLE
};

/* The text of `record`, its length; `*beat`: where the digits of the counter begin. */
size_t fs_lock_write(const struct fs_lock_record *record, char text[FS_LOCK_TEXT_SIZE], size_t *beat);
/* Reads the file at `path`. Errors: FS_EXIT_DATA where it is of a newer format or no lock, FS_EXIT_IO. */
int fs_lock_read(const char *path, struct fs_lock_record *record, enum fs_lock_found *found, struct fs_error *err);

enum fs_lock_life { FS_LOCK_DEAD, FS_LOCK_ALIVE, FS_LOCK_UNKNOWN };
/* What `own` knows at once of another process; FS_LOCK_UNKNOWN: only its silence would tell. */
enum fs_lock_life fs_lock_life(const struct fs_lock_process *own, const struct fs_lock_process *other);

#endif
