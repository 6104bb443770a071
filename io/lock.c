#include "io/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/clock.h"

#define MOST_ROUNDS 16 /* of one attempt, where others change the lock meanwhile */
#define MOST_CLAIMS 64 /* claimers that died one after the other */
#define MODE 0644

struct fs_lock {
    char *folder, *path; /* path: of the lock */
    struct fs_lock_record own, holder;
    bool known;    /* holder is whole */
    bool alive;    /* and has been seen to live */
    int file;      /* our file while we hold it, which waiters read; else -1 */
    size_t beat;   /* where its counter stands */
    bool no_links; /* the file system has no hard links */
    struct {
        char whom[FS_LOCK_TOKEN_SIZE]; /* a token, or "torn" */
        unsigned long long beat;
        double silent, looked;
    } watch; /* whom we wait for */
};

/* The end of the chain of claims: whose death would make the lock free. */
struct end {
    enum fs_lock_found found;
    char *path;
    struct fs_lock_record record;
};

static char *join(const char *path, const char *suffix, struct fs_error *err)
{
    char *joined;
    if (asprintf(&joined, "%s%s", path, suffix) < 0) {
        fs_error_memory(err, strlen(path), "a path");
        return NULL;
    }
    return joined;
}

/* The file by which `token` is succeeded. */
static char *claim_path(const struct fs_lock *lock, const char *token, struct fs_error *err)
{
    char suffix[FS_LOCK_TOKEN_SIZE + 1];
    snprintf(suffix, sizeof suffix, ".%s", token);
    return join(lock->path, suffix, err);
}

static int make_token(char token[FS_LOCK_TOKEN_SIZE], struct fs_error *err)
{
    unsigned long long number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
        return fs_error_set(err, FS_EXIT_OS, "no random number for a lock: %s", strerror(errno));
    }
    snprintf(token, FS_LOCK_TOKEN_SIZE, "%016llx", number);
    return 0;
}

int fs_lock_open(const char *folder, const struct fs_lock_process *process, const char *job, const char *command,
                 struct fs_lock **result, struct fs_error *err)
{
    struct fs_lock *lock = fs_allocate(1, sizeof *lock, "a lock", err);
    *result = NULL;
    if (lock == NULL) {
        return -1;
    }
    lock->file = -1;
    lock->own.process = *process;
    snprintf(lock->own.job, sizeof lock->own.job, "%s", job);
    snprintf(lock->own.command, sizeof lock->own.command, "%s", command);
    lock->folder = join(folder, "", err);
    lock->path = join(folder, "/" FS_LOCK_FILE, err);
    if (lock->folder == NULL || lock->path == NULL) {
        fs_lock_close(lock);
        return -1;
    }
    *result = lock;
    return 0;
}

static int write_all(int file, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, text, length);
        if (written < 0 && errno != EINTR) {
            return -1;
        }
        text += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static int cannot_create(const char *path, int failure, struct fs_error *err)
{
    bool full = failure == ENOSPC || failure == EDQUOT;
    return fs_error_set(err, full ? FS_EXIT_IO : FS_EXIT_CANNOT_CREATE,
                        "%s: the lock of the output folder cannot be made: %s; %s", path, strerror(failure),
                        full ? "make room, or choose another output" : "choose another output");
}

/* A new file with our record, open; -1 with an error, or `*gone`: a file of the name is there, or a holder of the moment has
 * cleared ours up. */
static int create(struct fs_lock *lock, const char *path, bool *gone, struct fs_error *err)
{
    char text[FS_LOCK_TEXT_SIZE];
    size_t length = fs_lock_write(&lock->own, text, &lock->beat);
    *gone = false;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
    if (file < 0) {
        *gone = errno == EEXIST;
        return *gone ? -1 : cannot_create(path, errno, err);
    }
    int failure = write_all(file, text, length) == 0 ? 0 : errno;
    if (close(file) != 0 && failure == 0) { /* closed: other hosts see what is on the server */
        failure = errno;
    }
    file = failure == 0 ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (file < 0 && failure == 0 && (errno == ENOENT || errno == ESTALE)) {
        *gone = true;
    } else if (file < 0) {
        failure = failure != 0 ? failure : errno;
        (void)unlink(path);
        return fs_error_set(err, FS_EXIT_IO, "%s: writing the lock of the output folder failed: %s; is the disk full?",
                            path, strerror(failure));
    }
    return file;
}

/* Makes `path`, whole, where there is none: lock->file; `*made`: whether we did. */
static int create_whole(struct fs_lock *lock, const char *path, bool *made, struct fs_error *err)
{
    bool gone = false;
    struct stat info;
    *made = false;
    if (lock->no_links) {
        lock->file = create(lock, path, &gone, err);
        *made = lock->file >= 0;
        return *made || gone ? 0 : -1;
    }
    char suffix[FS_LOCK_TOKEN_SIZE + 8];
    snprintf(suffix, sizeof suffix, ".%s.new", lock->own.token);
    char *fresh = join(lock->path, suffix, err);
    int file = fresh != NULL ? create(lock, fresh, &gone, err) : -1;
    if (file < 0) {
        free(fresh);
        return gone ? 0 : -1;
    }
    int linked = link(fresh, path), failure = errno;
    /* a server's answer may be lost, and the second call then finds the first one's link */
    *made = linked == 0 || (stat(fresh, &info) == 0 && info.st_nlink == 2);
    (void)unlink(fresh);
    free(fresh);
    if (*made) {
        lock->file = file;
        return 0;
    }
    close(file);
    if (failure == EEXIST || failure == ENOENT) { /* ENOENT: the holder of a moment cleared up */
        return 0;
    }
    if (failure != EPERM && failure != ENOTSUP && failure != ENOSYS && failure != EMLINK && failure != EACCES) {
        return cannot_create(path, failure, err);
    }
    lock->no_links = true;
    return create_whole(lock, path, made, err);
}

/* end->path is the caller's to free, also on failure. */
static int find_end(const struct fs_lock *lock, struct end *end, struct fs_error *err)
{
    *end = (struct end){.found = FS_LOCK_ABSENT};
    char *path = join(lock->path, "", err);
    size_t claims = 0;
    for (; path != NULL && claims < MOST_CLAIMS; claims++) {
        struct fs_lock_record record;
        enum fs_lock_found found;
        if (fs_lock_read(path, &record, &found, err) != 0) {
            free(path);
            return -1;
        }
        if (found == FS_LOCK_ABSENT) {
            break;
        }
        free(end->path);
        *end = (struct end){found, path, record};
        path = NULL;
        if (found == FS_LOCK_TORN) {
            return 0;
        }
        path = claim_path(lock, record.token, err);
    }
    if (path == NULL) {
        return -1;
    }
    free(path);
    return claims < MOST_CLAIMS ? 0
                                : fs_error_set(err, FS_EXIT_DATA,
                                               "%s: more than %d processes have taken the lock over and died, or its "
                                               "files were changed; remove %s*, or choose another output",
                                               end->path, MOST_CLAIMS, lock->path);
}

/* Whether nothing has changed for so long. */
static bool is_silent(struct fs_lock *lock, const struct end *end, double now)
{
    const char *name = end->found == FS_LOCK_TORN ? "torn" : end->record.token;
    unsigned long long beat = end->found == FS_LOCK_TORN ? 0 : end->record.beat;
    double passed = now - lock->watch.looked;
    lock->watch.looked = now;
    bool same = strcmp(lock->watch.whom, name) == 0;
    if (!same || lock->watch.beat != beat) {
        lock->alive = same;
        snprintf(lock->watch.whom, sizeof lock->watch.whom, "%s", name);
        lock->watch.beat = beat;
        lock->watch.silent = 0;
        return false;
    }
    lock->watch.silent += passed < FS_LOCK_LOOK_SECONDS ? passed : FS_LOCK_LOOK_SECONDS;
    return lock->watch.silent >= FS_LOCK_SILENCE_SECONDS;
}

static bool is_dead(struct fs_lock *lock, const struct end *end, double now)
{
    enum fs_lock_life life =
        end->found == FS_LOCK_WHOLE ? fs_lock_life(&lock->own.process, &end->record.process) : FS_LOCK_UNKNOWN;
    if (life == FS_LOCK_ALIVE) {
        lock->alive = true;
    } else if (strcmp(lock->watch.whom, end->record.token) != 0) {
        lock->alive = false;
    }
    return life == FS_LOCK_DEAD || (life == FS_LOCK_UNKNOWN && is_silent(lock, end, now));
}

static bool is_ours(const struct fs_lock *lock, const char *path)
{
    struct fs_lock_record record;
    enum fs_lock_found found;
    return fs_lock_read(path, &record, &found, NULL) == 0 && found == FS_LOCK_WHOLE &&
           strcmp(record.token, lock->own.token) == 0;
}

static void forget_file(struct fs_lock *lock)
{
    if (lock->file >= 0) {
        close(lock->file);
        lock->file = -1;
    }
}

/* Whether `name` is that of a claim, or of a file that was to become one or the lock. */
static bool is_leftover(const char *name)
{
    const char *token = name + sizeof FS_LOCK_FILE;
    if (strncmp(name, FS_LOCK_FILE ".", sizeof FS_LOCK_FILE) != 0) {
        return false;
    }
    size_t digits = strspn(token, "0123456789abcdef");
    return digits == FS_LOCK_TOKEN_SIZE - 1 && (token[digits] == '\0' || strcmp(token + digits, ".new") == 0);
}

/* Removes what dead processes left: all but the lock, and a claim on us. */
static void clear_up(const struct fs_lock *lock)
{
    char claim[sizeof FS_LOCK_FILE + FS_LOCK_TOKEN_SIZE + 1];
    snprintf(claim, sizeof claim, FS_LOCK_FILE ".%s", lock->own.token);
    DIR *directory = opendir(lock->folder);
    if (directory == NULL) {
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (is_leftover(entry->d_name) && strcmp(entry->d_name, claim) != 0) {
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
        }
    }
    closedir(directory);
}

/* `failure`: of the call that was to replace or remove what a dead process left. Gone already is no error. */
static int check_replaced(const char *path, int failure, struct fs_error *err)
{
    return failure == 0 || failure == ENOENT || failure == ESTALE
               ? 0
               : fs_error_set(
                     err, FS_EXIT_CANNOT_CREATE,
                     "%s: was left by a process that has ended, and cannot be replaced: %s; may only its owner "
                     "do so (a sticky folder)? Choose another output",
                     path, strerror(failure));
}

/* Succeeds the dead holder at the end of the chain. */
static int take_over(struct fs_lock *lock, const struct end *dead, bool *held, struct fs_error *err)
{
    char *claim = claim_path(lock, dead->record.token, err);
    bool made = false;
    int status = claim != NULL ? create_whole(lock, claim, &made, err) : -1;
    if (made) {
        struct end end;
        status = find_end(lock, &end, err);
        /* the chain may have been another's already when we claimed */
        bool leads_to_us = status == 0 && end.found == FS_LOCK_WHOLE && strcmp(end.record.token, lock->own.token) == 0;
        free(end.path);
        int failure = leads_to_us && rename(claim, lock->path) != 0 ? errno : 0;
        if (failure != 0) {
            status = check_replaced(lock->path, failure, err);
        } else if (leads_to_us) {
            /* a claimer that was slow, not dead, may have renamed after us: what counts is what stands there */
            struct fs_lock_record record;
            enum fs_lock_found found;
            status = fs_lock_read(lock->path, &record, &found, err);
            *held = status == 0 && found == FS_LOCK_WHOLE && strcmp(record.token, lock->own.token) == 0;
        }
        if (!*held) {
            forget_file(lock);
            if (is_ours(lock, claim)) {
                (void)unlink(claim);
            }
        }
    }
    free(claim);
    return status;
}

/* One round of an attempt: `*again` where the lock has changed under our hands. */
static int try_once(struct fs_lock *lock, double now, bool *held, bool *again, struct fs_error *err)
{
    struct end end;
    *again = false;
    if (find_end(lock, &end, err) != 0) {
        free(end.path);
        return -1;
    }
    int status = 0;
    lock->known = end.found == FS_LOCK_WHOLE;
    lock->holder = end.record;
    if (end.found == FS_LOCK_ABSENT) {
        status = create_whole(lock, lock->path, held, err);
        *again = !*held;
    } else if (is_dead(lock, &end, now)) {
        if (end.found == FS_LOCK_TORN) {
            status = check_replaced(end.path, unlink(end.path) != 0 ? errno : 0, err);
            lock->watch.whom[0] = '\0'; /* the next one is watched anew */
        } else {
            status = take_over(lock, &end, held, err);
        }
        *again = !*held;
    }
    free(end.path);
    return status;
}

int fs_lock_try(struct fs_lock *lock, double now, bool *held, struct fs_error *err)
{
    *held = false;
    bool again = true;
    for (int round = 0; again && round < MOST_ROUNDS; round++) {
        lock->own.beat = 0;
        fs_time_text(lock->own.since);
        /* a token of its own for each time, so that a claim on an earlier one means nothing to this */
        if (make_token(lock->own.token, err) != 0 || try_once(lock, now, held, &again, err) != 0) {
            return -1;
        }
    }
    if (*held) {
        clear_up(lock);
    }
    return 0;
}

const struct fs_lock_record *fs_lock_holder(const struct fs_lock *lock)
{
    return lock->known ? &lock->holder : NULL;
}

bool fs_lock_holder_lives(const struct fs_lock *lock)
{
    return lock->known && lock->alive;
}

void fs_lock_beat(struct fs_lock *lock)
{
    char digits[FS_LOCK_BEAT_DIGITS + 1];
    snprintf(digits, sizeof digits, "%0*llu", FS_LOCK_BEAT_DIGITS, ++lock->own.beat);
    if (lock->file >= 0 && pwrite(lock->file, digits, FS_LOCK_BEAT_DIGITS, (off_t)lock->beat) > 0) {
        (void)fsync(lock->file);
    }
}

int fs_lock_check(const struct fs_lock *lock, struct fs_error *err)
{
    struct fs_lock_record record;
    enum fs_lock_found found;
    char who[512];
    struct fs_error unread = FS_ERROR_INIT;
    if (fs_lock_read(lock->path, &record, &found, &unread) != 0 && unread.code != FS_EXIT_DATA) {
        return 0;
    }
    if (found == FS_LOCK_WHOLE && strcmp(record.token, lock->own.token) == 0) {
        return 0;
    }
    if (found != FS_LOCK_WHOLE) {
        return fs_error_set(err, FS_EXIT_OTHER_JOB,
                            "%s: is not the lock of this process any more: removed or moved by hand, perhaps with its "
                            "folder, or taken over by a process that has ended; this one writes nothing more",
                            lock->path);
    }
    fs_lock_describe(&record, who, sizeof who);
    return fs_error_set(err, FS_EXIT_OTHER_JOB,
                        "%s: while this process stood still, the folder was taken over by %s; it writes nothing more",
                        lock->folder, who);
}

void fs_lock_close(struct fs_lock *lock)
{
    if (lock == NULL) {
        return;
    }
    if (lock->file >= 0) {
        forget_file(lock); /* first: NFS keeps an open file under another name */
        if (is_ours(lock, lock->path)) {
            (void)unlink(lock->path);
        }
    }
    free(lock->folder);
    free(lock->path);
    free(lock);
}
