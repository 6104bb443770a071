/* The text of a lock file (lock.h), who wrote it, and whether that process lives. Local. */
#ifndef FAIRSTAMP_IO_LOCK_RECORD_H
#define FAIRSTAMP_IO_LOCK_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "io/clock.h"
#include "io/error.h"

#define FS_LOCK_TOKEN_SIZE 17
#define FS_LOCK_TEXT_SIZE 2048
#define FS_LOCK_BEAT_DIGITS 20

/* A process, and how others tell whether it lives. */
struct fs_lock_process {
    char host[128];
    char boot[64];          /* /proc/sys/kernel/random/boot_id; "-": unknown, as below */
    char space[64];         /* namespace of process ids */
    char batch[128];        /* "slurm <cluster> <job>", or "-" */
    long long pid, started; /* started: field 22 of /proc/<pid>/stat */
    long long restart;      /* how often the batch system has started the job again */
};
/* This process. */
void fs_lock_process_get(struct fs_lock_process *process);

/* What a lock file says. Texts have no control characters. */
struct fs_lock_record {
    char token[FS_LOCK_TOKEN_SIZE];
    struct fs_lock_process process;
    char since[FS_TIME_TEXT_SIZE];
    char job[512];     /* what is computed: words "<name>=<digest>" */
    char command[256]; /* cut where it is longer */
    unsigned long long beat;
};
/* Whether two jobs give a name different digests, and so cannot both write. */
bool fs_lock_jobs_differ(const char *a, const char *b);
/* "process 12 on n1 (since 2026-..., job 7 of Slurm, `fairstamp run job.json`)", of `size` bytes. */
void fs_lock_describe(const struct fs_lock_record *record, char *text, size_t size);

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
