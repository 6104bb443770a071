#include "io/lock_record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_LINE "fairstamp lock "
#define FORMAT "1"
#define LAST_LINE "end\n"

/* Copies at most `size` - 1 bytes up to a line's end, without what a terminal would act on; "-" for nothing. */
static void copy_line(char *to, size_t size, const char *from)
{
    size_t length = 0;
    for (; from[length] != '\0' && from[length] != '\n' && length < size - 1; length++) {
        bool plain = from[length] >= 0x20 && from[length] < 0x7f;
        to[length] = '?';
        if (plain) {
            to[length] = from[length];
        }
    }
    to[length] = '\0';
    if (length == 0) {
        snprintf(to, size, "-");
    }
}

static void read_line(const char *path, char *to, size_t size)
{
    char line[256] = "";
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fgets(line, sizeof line, file) == NULL) {
            line[0] = '\0';
        }
        fclose(file);
    }
    copy_line(to, size, line);
}

/* State and start time of process `pid`; false where it cannot be read. */
static bool read_stat(long long pid, char *state, long long *started)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", pid);
    FILE *file = fopen(path, "re");
    size_t length = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file != NULL) {
        fclose(file);
    }
    text[length] = '\0';
    const char *field = strrchr(text, ')'); /* the end of field 2, a name in which anything may stand */
    if (field == NULL || field[1] != ' ') {
        return false;
    }
    *state = field[2];
    field++;
    for (int number = 3; number <= 22; number++) {
        field = strchr(field, ' ');
        if (field == NULL) {
            return false;
        }
        field++;
    }
    /* the loop ends behind the blank before field 22 */
    char *end;
    *started = strtoll(field, &end, 10);
    return end > field;
}

void fs_lock_process_get(struct fs_lock_process *process)
{
    char text[256] = "", state;
    const char *cluster = getenv("SLURM_CLUSTER_NAME"), *job = getenv("SLURM_JOB_ID"),
               *restart = getenv("SLURM_RESTART_COUNT");
    *process = (struct fs_lock_process){.pid = (long long)getpid()};
    if (gethostname(text, sizeof text - 1) != 0) {
        text[0] = '\0';
    }
    copy_line(process->host, sizeof process->host, text);
    read_line("/proc/sys/kernel/random/boot_id", process->boot, sizeof process->boot);
    ssize_t length = readlink("/proc/self/ns/pid", text, sizeof text - 1);
    text[length > 0 ? length : 0] = '\0';
    copy_line(process->space, sizeof process->space, text);
    text[0] = '\0';
    if (job != NULL) {
        snprintf(text, sizeof text, "slurm %.60s %.40s", cluster != NULL ? cluster : "-", job);
    }
    copy_line(process->batch, sizeof process->batch, text);
    process->restart = restart != NULL ? strtoll(restart, NULL, 10) : 0;
    if (!read_stat(process->pid, &state, &process->started)) {
        process->started = -1;
    }
}

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0 && strcmp(a, "-") != 0;
}

/* Of a process of this host, by its process id. */
static enum fs_lock_life local_life(const struct fs_lock_process *other)
{
    char state;
    long long started;
    if (kill((pid_t)other->pid, 0) != 0 && errno == ESRCH) {
        return FS_LOCK_DEAD;
    }
    if (!read_stat(other->pid, &state, &started) || other->started < 0) {
        return FS_LOCK_UNKNOWN; /* another user's, where /proc hides those */
    }
    return started == other->started && state != 'Z' && state != 'X' ? FS_LOCK_ALIVE : FS_LOCK_DEAD;
}

enum fs_lock_life fs_lock_life(const struct fs_lock_process *own, const struct fs_lock_process *other)
{
    enum fs_lock_life life = FS_LOCK_UNKNOWN;
    if (same(own->host, other->host) && same(own->boot, other->boot) && same(own->space, other->space) &&
        other->pid >= 1 && other->pid == (long long)(pid_t)other->pid) {
        life = local_life(other);
    }
    /* last: a shell that was attached to the job does not know how often that was started */
    bool earlier = same(own->batch, other->batch) && other->restart < own->restart;
    return life == FS_LOCK_UNKNOWN && earlier ? FS_LOCK_DEAD : life;
}

size_t fs_lock_write(const struct fs_lock_record *record, char text[FS_LOCK_TEXT_SIZE], size_t *beat)
{
    const struct fs_lock_process *process = &record->process;
    char command[sizeof record->command];
    copy_line(command, sizeof command, record->command);
    int length = snprintf(text, FS_LOCK_TEXT_SIZE,
                          FIRST_LINE FORMAT "\ntoken %s\nhost %s\npid %lld\nstarted %lld\nboot %s\nspace %s\nbatch %s\n"
                                            "restart %lld\nsince %s\njob %s\ncommand %s\nbeat ",
                          record->token, process->host, process->pid, process->started, process->boot, process->space,
                          process->batch, process->restart, record->since, record->job, command);
    *beat = (size_t)length;
    length += snprintf(text + length, FS_LOCK_TEXT_SIZE - (size_t)length, "%0*llu\n" LAST_LINE, FS_LOCK_BEAT_DIGITS,
                       record->beat);
    return (size_t)length;
}

/* The value of the next line, which is "<name> <value>", into `to`; moves `*text` behind it. */
static bool take(const char **text, const char *name, char *to, size_t size)
{
    size_t length = strlen(name);
    const char *line = *text, *end = strchr(line, '\n');
    if (end == NULL || strncmp(line, name, length) != 0 || line[length] != ' ') {
        return false;
    }
    copy_line(to, size, line + length + 1);
    *text = end + 1;
    return true;
}

static bool take_number(const char **text, const char *name, long long *value)
{
    char word[32], *end;
    if (!take(text, name, word, sizeof word)) {
        return false;
    }
    errno = 0;
    *value = strtoll(word, &end, 10);
    return errno == 0 && end > word && *end == '\0';
}

static bool is_token(const char *text)
{
    size_t digits = strspn(text, "0123456789abcdef");
    return digits == FS_LOCK_TOKEN_SIZE - 1 && text[digits] == '\0';
}

static bool parse(const char *text, struct fs_lock_record *record)
{
    struct fs_lock_process *process = &record->process;
    char beat[FS_LOCK_BEAT_DIGITS + 2];
    *record = (struct fs_lock_record){0};
    if (!take(&text, "token", record->token, sizeof record->token) || !is_token(record->token) ||
        !take(&text, "host", process->host, sizeof process->host) || !take_number(&text, "pid", &process->pid) ||
        !take_number(&text, "started", &process->started) ||
        !take(&text, "boot", process->boot, sizeof process->boot) ||
        !take(&text, "space", process->space, sizeof process->space) ||
        !take(&text, "batch", process->batch, sizeof process->batch) ||
        !take_number(&text, "restart", &process->restart) ||
        !take(&text, "since", record->since, sizeof record->since) ||
        !take(&text, "job", record->job, sizeof record->job) ||
        !take(&text, "command", record->command, sizeof record->command) || !take(&text, "beat", beat, sizeof beat)) {
        return false;
    }
    record->beat = strtoull(beat, NULL, 10);
    return strcmp(text, LAST_LINE) == 0;
}

/* At most size - 1 bytes of the file, closed with a zero; -1 with errno. */
static ssize_t read_text(const char *path, char *text, size_t size)
{
    struct stat info;
    size_t length = 0;
    ssize_t got = 1;
    /* whatever lies there, opening does not wait; a link to nothing would look like a free lock that nobody can take */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (file < 0) {
        errno = errno == ELOOP ? EISDIR : errno;
        return -1;
    }
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(file);
        errno = EISDIR;
        return -1;
    }
    while (length < size - 1 && (got = read(file, text + length, size - 1 - length)) != 0) {
        if (got < 0 && errno != EINTR) {
            break;
        }
        length += got > 0 ? (size_t)got : 0;
    }
    int failure = errno;
    close(file);
    errno = failure;
    text[length] = '\0';
    return got < 0 ? -1 : (ssize_t)length;
}

int fs_lock_read(const char *path, struct fs_lock_record *record, enum fs_lock_found *found, struct fs_error *err)
{
    static const char first[] = FIRST_LINE FORMAT "\n";
    char text[FS_LOCK_TEXT_SIZE + 64] = "";
    ssize_t length = read_text(path, text, sizeof text);
    *found = FS_LOCK_ABSENT;
    if (length < 0) {
        if (errno == ENOENT || errno == ESTALE || errno == ENOTDIR) {
            return 0;
        }
        return fs_error_set(err, errno == EISDIR ? FS_EXIT_DATA : FS_EXIT_IO,
                            "%s: the lock of this folder cannot be read: %s; expected a file of fairstamp's", path,
                            errno == EISDIR ? "it is no file" : strerror(errno));
    }
    *found = FS_LOCK_TORN;
    size_t bytes = (size_t)length, common = bytes < sizeof first - 1 ? bytes : sizeof first - 1;
    if (memcmp(text, first, common) != 0) {
        bool newer = strncmp(text, FIRST_LINE, strlen(FIRST_LINE)) == 0;
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s; %s", path,
                            newer ? "the lock of a newer version of fairstamp" : "is no lock of fairstamp's",
                            newer ? "use that version, or another output" : "move it away, or choose another output");
    }
    if (strlen(text) == bytes && common == sizeof first - 1 && parse(text + common, record)) {
        *found = FS_LOCK_WHOLE;
    }
    return 0;
}

void fs_lock_describe(const struct fs_lock_record *record, char *text, size_t size)
{
    const struct fs_lock_process *process = &record->process;
    const char *batch = strrchr(process->batch, ' ');
    snprintf(text, size, "process %lld on %s (since %s%s%s, `%.120s`)", process->pid, process->host, record->since,
             batch != NULL ? ", Slurm job " : "", batch != NULL ? batch + 1 : "", record->command);
}

/* The digest that `job` gives the name of the first `length` bytes of `word`; NULL where it does not name it. */
static const char *digest_of(const char *job, const char *word, size_t length)
{
    while (*job != '\0') {
        size_t own = strcspn(job, " ");
        if (own > length && strncmp(job, word, length) == 0 && job[length] == '=') {
            return job + length + 1;
        }
        job += own + strspn(job + own, " ");
    }
    return NULL;
}

bool fs_lock_jobs_differ(const char *a, const char *b)
{
    while (*a != '\0') {
        size_t word = strcspn(a, " "), name = strcspn(a, "= ");
        const char *other = name < word ? digest_of(b, a, name) : NULL;
        size_t length = word - name - 1;
        if (other != NULL && (strcspn(other, " ") != length || strncmp(a + name + 1, other, length) != 0)) {
            return true;
        }
        a += word + strspn(a + word, " ");
    }
    return false;
}
