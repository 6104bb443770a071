/*
 * One writer for a folder, on any file system: two processes that share it need not share a host, a clock or advisory
 * locks (NFS and Lustre are often mounted without). The folder's lock is the file "fairstamp.lock", plain text that
 * says who holds it. Its holder is the process whose random token stands in it; all changes of that are single calls
 * that a server does whole:
 *
 * - taking a free one: link(2) of a file of its own to the name (open with O_EXCL where there are no hard links);
 * - taking a dead holder's: link to "fairstamp.lock.<its token>", which one of several waiters can, then, where the
 *   lock still is that holder's, rename over it. A claimer that died on the way is succeeded in the same manner;
 * - release: unlink.
 *
 * A holder is dead at once where it ran on this host since its last boot, in our namespace of process ids, and its
 * process is gone, a zombie, or has another start time; or where it was an earlier start of our own batch job, which
 * the batch system has started again. A process of this host that is there is never dead. Elsewhere a holder is dead
 * once its counter, which it advances every FS_LOCK_BEAT_SECONDS, has not changed for FS_LOCK_SILENCE_SECONDS of the
 * waiter's own clock, where the time between two looks counts as FS_LOCK_LOOK_SECONDS at most: a waiter that was
 * stopped, or whose file system was, has seen nothing meanwhile.
 *
 * A holder that was only stopped (SIGSTOP, a suspended machine, a cut network) and comes back has lost the lock, and
 * must ask fs_lock_check before each rename of a file into the folder. Between that check and the rename it may be
 * stopped again: that moment no file system closes. What dead processes leave the next holder removes; nobody ever has
 * to remove a lock.
 *
 * Local: one process. fs_lock_beat and fs_lock_check may be called by two threads at a time, everything else by one.
 */
#ifndef FAIRSTAMP_IO_LOCK_H
#define FAIRSTAMP_IO_LOCK_H

#include <stdbool.h>

#include "io/error.h"
#include "io/lock_record.h"

#define FS_LOCK_FILE "fairstamp.lock"
#define FS_LOCK_BEAT_SECONDS 5.0
#define FS_LOCK_LOOK_SECONDS 10.0
#define FS_LOCK_SILENCE_SECONDS 60.0

struct fs_lock;

/* Takes nothing yet. `process`: who we are; `job` below 512 bytes. The caller closes. */
int fs_lock_open(const char *folder, const struct fs_lock_process *process, const char *job, const char *command,
                 struct fs_lock **lock, struct fs_error *err);
/*
 * One attempt, which waits for nothing. `*held`: whether the lock is ours now; else fs_lock_holder says whose it is.
 * `now`: seconds on any clock that only goes forward; to wait, call it again every second or so. Errors:
 * FS_EXIT_CANNOT_CREATE where the folder cannot be written or a dead process's lock not replaced, FS_EXIT_IO where it is
 * full, FS_EXIT_DATA where the lock is of a newer format or no lock.
 */
int fs_lock_try(struct fs_lock *lock, double now, bool *held, struct fs_error *err);
/* Of the last attempt that found another holder; NULL where its file could not be read whole. */
const struct fs_lock_record *fs_lock_holder(const struct fs_lock *lock);
/* Whether it has been seen alive: one of this host at once, another with its next beat. False where it is NULL. */
bool fs_lock_holder_lives(const struct fs_lock *lock);
/* The holder says that it lives. Failing to write is no error: the next one may succeed. */
void fs_lock_beat(struct fs_lock *lock);
/*
 * 0 while the lock is ours. Otherwise -1, for good, and an error, FS_EXIT_OTHER_JOB, that names who has it now. A lock
 * that the file system does not let us read is taken for ours.
 */
int fs_lock_check(const struct fs_lock *lock, struct fs_error *err);
/* Releases it where it is ours, and frees; takes NULL. */
void fs_lock_close(struct fs_lock *lock);

#endif
