/*
 * The lock of a job's output folder (io/lock.h) while its stages run: the root holds it, a thread of it beats, and
 * nothing is published once it is lost. One at a time a process.
 */
#ifndef FAIRSTAMP_PIPELINE_RUN_JOB_LOCK_H
#define FAIRSTAMP_PIPELINE_RUN_JOB_LOCK_H

#include "jobs/fingerprint.h"
#include "pipeline/ranks/session.h"

/*
 * Takes the lock of `folder` for those stages of `fingerprint` that `stages` marks. Where another process holds it that
 * computes one of them with other settings: FS_EXIT_OTHER_JOB. Where it does not: waits until that one has ended, or
 * died, or a stop is asked for (FS_EXIT_INTERRUPTED). `needless`, the root's, is asked before: it returns true where
 * nothing is left to write; then the call ends without the lock, also where the folder cannot be written. Collective;
 * `*locked`: whether it was taken. Then, and after a failure, fs_job_lock_end is called.
 */
struct fs_job_lock_request {
    const char *folder;
    const struct fs_fingerprint *fingerprint;
    bool stages[FS_STAGE_COUNT];
    bool (*needless)(void *context);
    void *context;
};
int fs_job_lock_take(struct fs_session *session, const struct fs_job_lock_request *request, bool *locked,
                     struct fs_error *err);

/*
 * Releases it, where it was taken. `status`, `err`: how the stages ended; where they have failed and the lock was lost,
 * that is the error. Returns the status. Collective.
 */
int fs_job_lock_end(struct fs_session *session, int status, struct fs_error *err);

#endif
