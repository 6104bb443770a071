/*
 * The lock of a folder: who holds it, who is taken for dead and when, and that there is never more than one holder.
 * Hosts are made up by the process that a lock is opened with, time by the `now` of an attempt; link(2) is ours, so that
 * file systems and servers can be made up too.
 */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/lock.h"
#include "io/lock_record.h"
#include "io/publish.h"

static struct fs_error err = FS_ERROR_INIT;
static char folder[256];

/* How link(2) behaves. */
static enum { LINKS, NO_LINKS, LOST_ANSWER } links;
static void (*before_claim)(void); /* called before the next link to a claim */

int link(const char *from, const char *to) // NOLINT(readability-inconsistent-declaration-parameter-name)
{
    if (links == NO_LINKS) {
        errno = EPERM;
        return -1;
    }
    if (before_claim != NULL && strstr(to, FS_LOCK_FILE ".") != NULL) {
        void (*call)(void) = before_claim;
        before_claim = NULL;
        call();
    }
    int status = linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
    if (links == LOST_ANSWER && status == 0) {
        errno = EEXIST;
        return -1;
    }
    return status;
}

static bool sticky; /* whether another owner's files cannot be replaced or removed */

int rename(const char *from, const char *to) // NOLINT(readability-inconsistent-declaration-parameter-name)
{
    errno = EPERM;
    return sticky ? -1 : renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlink(const char *path) // NOLINT(readability-inconsistent-declaration-parameter-name)
{
    bool others = strcmp(strrchr(path, '/') + 1, FS_LOCK_FILE) == 0;
    errno = EPERM;
    return sticky && others ? -1 : unlinkat(AT_FDCWD, path, 0);
}

/* A fresh folder in each test. */
static int begin(void **state)
{
    static int number;
    char name[32];
    (void)state;
    links = LINKS;
    before_claim = NULL;
    sticky = false;
    snprintf(name, sizeof name, "folder%d", number++);
    snprintf(folder, sizeof folder, "%s", scratch_path(name));
    return mkdir(folder, 0777);
}

static const char *path_of(const char *suffix)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/" FS_LOCK_FILE "%s", folder, suffix);
    return path;
}

static size_t files(void)
{
    size_t count = 0;
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}

static struct fs_lock_process process_of(const char *host)
{
    struct fs_lock_process process;
    fs_lock_process_get(&process);
    if (host != NULL) {
        snprintf(process.host, sizeof process.host, "%s", host);
    }
    return process;
}

static struct fs_lock *open_as(const struct fs_lock_process *process, const char *job)
{
    struct fs_lock *lock;
    check_success(fs_lock_open(folder, process, job, "fairstamp run job.json", &lock, &err), &err);
    return lock;
}

/* `host` NULL: this one. */
static struct fs_lock *open_on(const char *host)
{
    const struct fs_lock_process process = process_of(host);
    return open_as(&process, "trace=aa stamp=bb");
}

static bool try_at(struct fs_lock *lock, double now)
{
    bool held = false;
    check_success(fs_lock_try(lock, now, &held, &err), &err);
    return held;
}

static void expect_ours(const struct fs_lock *lock)
{
    check_success(fs_lock_check(lock, &err), &err);
}

static void expect_lost(const struct fs_lock *lock, const char *to)
{
    check_error(fs_lock_check(lock, &err), &err, FS_EXIT_OTHER_JOB, folder, to);
}

static void test_one_holder(void **state)
{
    (void)state;
    char text[512];
    struct fs_lock *first = open_on(NULL), *second = open_on(NULL);
    assert_true(try_at(first, 0));
    assert_false(try_at(second, 0));
    assert_false(try_at(second, 1000)); /* its process is there: no silence matters */
    assert_true(fs_lock_holder_lives(second));
    fs_lock_describe(fs_lock_holder(second), text, sizeof text);
    assert_non_null(strstr(text, "`fairstamp run job.json`"));
    snprintf(text, sizeof text, "%lld", fs_lock_holder(second)->process.pid);
    assert_int_equal(strtol(text, NULL, 10), getpid());
    expect_ours(first);
    assert_int_equal(files(), 1);
    fs_lock_close(first);
    assert_int_equal(files(), 0);
    assert_true(try_at(second, 1001));
    expect_ours(second);
    fs_lock_close(second);
    assert_int_equal(files(), 0);
    fs_lock_close(NULL);
}

/* A child that takes the lock and is killed; not reaped where `zombie` is not NULL. */
static void take_and_die(pid_t *zombie)
{
    pid_t child = fork();
    if (child == 0) {
        struct fs_lock *lock = open_on(NULL);
        bool held = false;
        if (fs_lock_try(lock, 0, &held, &err) == 0 && held) {
            raise(SIGKILL);
        }
        _exit(1);
    }
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(info.si_code, CLD_KILLED);
    if (zombie != NULL) {
        *zombie = child;
    } else {
        waitpid(child, NULL, 0);
    }
}

static void test_dead_of_this_host(void **state)
{
    (void)state;
    pid_t zombie;
    for (int waited = 0; waited < 2; waited++) {
        take_and_die(waited ? NULL : &zombie);
        struct fs_lock *next = open_on(NULL);
        assert_true(try_at(next, 0));
        expect_ours(next);
        assert_int_equal(files(), 1);
        fs_lock_close(next);
        assert_int_equal(files(), 0);
    }
    waitpid(zombie, NULL, 0);
    /* the same number, another process */
    struct fs_lock_process earlier = process_of(NULL);
    earlier.started--;
    struct fs_lock *old = open_as(&earlier, "trace=aa"), *next = open_on(NULL);
    assert_true(try_at(old, 0));
    assert_true(try_at(next, 0));
    expect_lost(old, "was taken over by process");
    fs_lock_close(old);
    expect_ours(next);
    fs_lock_close(next);
}

static void test_silence(void **state)
{
    (void)state;
    struct fs_lock *far = open_on("elsewhere"), *next = open_on(NULL);
    double now = 100;
    assert_true(try_at(far, 0));
    /* as long as it beats, it lives */
    for (; now < 1000; now += 5) {
        assert_false(try_at(next, now));
        assert_true(fs_lock_holder_lives(next) == (now > 100));
        fs_lock_beat(far);
    }
    /* a waiter that stood still has seen one silent look, not an hour */
    assert_false(try_at(next, now += 1));
    assert_false(try_at(next, now += 3600));
    double seen = 10;
    for (; seen + 5 < FS_LOCK_SILENCE_SECONDS; seen += 5) {
        assert_false(try_at(next, now += 5));
    }
    expect_ours(far);
    assert_true(try_at(next, now + 5));
    /* the other was only stopped, and comes back: it has lost, changes nothing, and its end leaves ours alone */
    fs_lock_beat(far);
    expect_lost(far, "taken over by process");
    expect_ours(next);
    fs_lock_close(far);
    expect_ours(next);
    assert_int_equal(files(), 1);
    fs_lock_close(next);
    assert_int_equal(files(), 0);
}

static void test_lost_to_one_that_ended(void **state)
{
    (void)state;
    struct fs_lock *far = open_on("elsewhere"), *next = open_on(NULL);
    assert_true(try_at(far, 0));
    for (double now = 0; !try_at(next, now); now += 5) {
        assert_true(now < 100);
    }
    fs_lock_close(next);
    expect_lost(far, "a process that has ended");
    fs_lock_close(far);
    assert_int_equal(files(), 0);
}

/* What was cut short says nothing of its writer, and goes after a silence; what is no lock of ours stays. */
static void test_damaged(void **state)
{
    (void)state;
    static const char *const torn[] = {"", "fairst", "fairstamp lock 1\n",
                                       "fairstamp lock 1\ntoken 0123456789abcdef\nhost n1\npid 1\n"};
    static const char *const foreign[] = {"fairstamp lock 2\n", "fairstamp lock 11\n", "my notes\n",
                                          "\x7f"
                                          "ELF"};
    bool held = true;
    for (size_t i = 0; i < sizeof torn / sizeof torn[0]; i++) {
        struct fs_lock *next = open_on(NULL);
        check_success(fs_publish_text(path_of(""), torn[i], strlen(torn[i]), &err), &err);
        for (double now = 0; now < FS_LOCK_SILENCE_SECONDS; now += 5) {
            assert_false(try_at(next, now));
            assert_null(fs_lock_holder(next));
        }
        assert_true(try_at(next, FS_LOCK_SILENCE_SECONDS));
        fs_lock_close(next);
        assert_int_equal(files(), 0);
    }
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        struct fs_lock *next = open_on(NULL);
        check_success(fs_publish_text(path_of(""), foreign[i], strlen(foreign[i]), &err), &err);
        check_error(fs_lock_try(next, 0, &held, &err), &err, FS_EXIT_DATA, FS_LOCK_FILE,
                    i < 2 ? "a newer version" : "is no lock");
        assert_false(held);
        fs_lock_close(next);
        assert_int_equal(files(), 1);
        unlink(path_of(""));
    }
    /* a link is no lock, wherever it leads: not one that is free, and can be made by nobody */
    struct fs_lock *next = open_on(NULL);
    static const char *const targets[] = {"nothing", FS_LOCK_FILE, "."};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        assert_int_equal(symlink(targets[i], path_of("")), 0);
        check_error(fs_lock_try(next, 0, &held, &err), &err, FS_EXIT_DATA, FS_LOCK_FILE, "no file");
        unlink(path_of(""));
    }
    assert_int_equal(mkdir(path_of(""), 0777), 0);
    check_error(fs_lock_try(next, 0, &held, &err), &err, FS_EXIT_DATA, FS_LOCK_FILE, "no file");
    rmdir(path_of(""));
    assert_int_equal(mkfifo(path_of(""), 0666), 0);
    check_error(fs_lock_try(next, 0, &held, &err), &err, FS_EXIT_DATA, FS_LOCK_FILE, "no file");
    unlink(path_of(""));
    rmdir(folder);
    check_error(fs_lock_try(next, 0, &held, &err), &err, FS_EXIT_CANNOT_CREATE, FS_LOCK_FILE, "cannot be made");
    fs_lock_close(next);
}

/* A waiter that died while it took over a dead holder's lock is succeeded itself; nothing stays. */
static void dead_file(const char *suffix, const char *token, const char *host)
{
    char text[FS_LOCK_TEXT_SIZE];
    size_t beat;
    struct fs_lock_record record = {.process = process_of(host), .since = "2026", .job = "trace=aa", .command = "x"};
    record.process.started--;
    snprintf(record.token, sizeof record.token, "%s", token);
    size_t length = fs_lock_write(&record, text, &beat);
    check_success(fs_publish_text(path_of(suffix), text, length, &err), &err);
}

/* What cannot be taken over is an error: nobody waits for a process that is dead. */
static void test_no_way_to_take_over(void **state)
{
    (void)state;
    bool held = true;
    struct fs_lock *next = open_on(NULL);
    dead_file("", "00000000000000aa", NULL);
    sticky = true;
    check_error(fs_lock_try(next, 0, &held, &err), &err, FS_EXIT_CANNOT_CREATE, FS_LOCK_FILE, "cannot be replaced");
    assert_false(held);
    assert_int_equal(files(), 1);
    sticky = false;
    check_success(fs_publish_text(path_of(""), "fairst", 6, &err), &err);
    sticky = true;
    for (double now = 0; now < FS_LOCK_SILENCE_SECONDS; now += 5) {
        assert_false(try_at(next, now));
    }
    check_error(fs_lock_try(next, FS_LOCK_SILENCE_SECONDS, &held, &err), &err, FS_EXIT_CANNOT_CREATE, FS_LOCK_FILE,
                "cannot be replaced");
    sticky = false;
    /* changed files: a claim on itself, a circle without an end */
    dead_file("", "00000000000000aa", NULL);
    dead_file(".00000000000000aa", "00000000000000aa", NULL);
    check_error(fs_lock_try(next, 0, &held, &err), &err, FS_EXIT_DATA, FS_LOCK_FILE, "remove ");
    unlink(path_of(".00000000000000aa"));
    assert_true(try_at(next, 0));
    fs_lock_close(next);
    assert_int_equal(files(), 0);
}

/* The next holder clears up what holders leave, and nothing of people. */
static void test_files_of_people(void **state)
{
    (void)state;
    static const char *const kept[] = {
        ".bak", ".notes.txt", ".00000000000000aa.old", ".00000000000000a", ".00000000000000AA", ".new"};
    static const char *const left[] = {".00000000000000bb", ".00000000000000bb.new"};
    size_t count = sizeof kept / sizeof kept[0];
    for (size_t i = 0; i < count; i++) {
        check_success(fs_publish_text(path_of(kept[i]), "x", 1, &err), &err);
    }
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        check_success(fs_publish_text(path_of(left[i]), "x", 1, &err), &err);
    }
    struct fs_lock *lock = open_on(NULL);
    assert_true(try_at(lock, 0));
    assert_int_equal(files(), count + 1);
    fs_lock_close(lock);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(access(path_of(kept[i]), F_OK), 0);
    }
}

/* Whoever put a lock of a newer version, or another file, in the place of ours: it is not ours. */
static void test_lost_to_a_newer_version(void **state)
{
    (void)state;
    static const char *const texts[] = {"fairstamp lock 2\ntoken x\n", "my notes\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fs_lock *lock = open_on(NULL);
        assert_true(try_at(lock, 0));
        check_success(fs_publish_text(path_of(""), texts[i], strlen(texts[i]), &err), &err);
        expect_lost(lock, "is not the lock of this process any more");
        fs_lock_close(lock);
        assert_int_equal(files(), 1);
        unlink(path_of(""));
    }
}

static void test_dead_claimers(void **state)
{
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        links = mode == 0 ? LINKS : NO_LINKS;
        dead_file("", "00000000000000aa", NULL);
        dead_file(".00000000000000aa", "00000000000000bb", NULL);
        dead_file(".00000000000000bb", "00000000000000cc", NULL);
        dead_file(".00000000000000dd.new", "00000000000000dd", NULL);
        struct fs_lock *next = open_on(NULL);
        assert_true(try_at(next, 0));
        assert_int_equal(files(), 1);
        fs_lock_close(next);
        assert_int_equal(files(), 0);
    }
}

/* Somebody else takes over, ends, and a third one begins, while we are about to. */
static struct fs_lock *third;
static void let_third_begin(void)
{
    unlink(path_of(""));
    third = open_on(NULL);
    assert_true(try_at(third, 0));
}

static void test_late_claim(void **state)
{
    (void)state;
    dead_file("", "00000000000000aa", NULL);
    struct fs_lock *late = open_on(NULL);
    before_claim = let_third_begin;
    assert_false(try_at(late, 0));
    expect_ours(third);
    assert_int_equal(files(), 1);
    fs_lock_close(third);
    assert_true(try_at(late, 0));
    fs_lock_close(late);
}

static void test_file_systems(void **state)
{
    (void)state;
    for (int mode = NO_LINKS; mode <= LOST_ANSWER; mode++) {
        links = mode == NO_LINKS ? NO_LINKS : LOST_ANSWER;
        struct fs_lock *first = open_on(NULL), *second = open_on(NULL);
        assert_true(try_at(first, 0));
        assert_false(try_at(second, 0));
        expect_ours(first);
        fs_lock_close(first);
        assert_true(try_at(second, 0));
        fs_lock_close(second);
        take_and_die(NULL);
        struct fs_lock *next = open_on(NULL);
        assert_true(try_at(next, 0));
        assert_int_equal(files(), 1);
        fs_lock_close(next);
        assert_int_equal(files(), 0);
    }
}

/* What a command line may hold cannot break the file. */
static void test_hostile_words(void **state)
{
    (void)state;
    char command[2000] = "run \x1b[2J\nend\ntoken x\n";
    memset(command + strlen(command), 'x', sizeof command - strlen(command) - 1);
    command[sizeof command - 1] = '\0';
    const struct fs_lock_process process = process_of(NULL);
    struct fs_lock *lock, *second = open_on(NULL);
    check_success(fs_lock_open(folder, &process, "trace=aa", command, &lock, &err), &err);
    assert_true(try_at(lock, 0));
    assert_false(try_at(second, 0));
    fs_lock_beat(lock);
    expect_ours(lock);
    fs_lock_close(lock);
    fs_lock_close(second);
}

/*
 * Processes that take the lock again and again and kill themselves now and then, with it or on the way to it: who holds
 * it writes its number into a file that must not be there but from a dead process.
 */
#define RACERS 60 /* in all */
#define AT_ONCE 6
#define TURNS 3

static void enter_and_leave(bool die)
{
    char inside[300], text[32] = "", stat[64], name[64], letter = 'Z';
    snprintf(inside, sizeof inside, "%s/inside", folder);
    snprintf(text, sizeof text, "%d", (int)getpid());
    if (symlink(text, inside) != 0) { /* its process is dead, not yet waited for perhaps */
        ssize_t length = readlink(inside, text, sizeof text - 1);
        text[length > 0 ? length : 0] = '\0';
        snprintf(stat, sizeof stat, "/proc/%s/stat", text);
        FILE *there = length > 0 ? fopen(stat, "r") : NULL;
        if (there != NULL && fscanf(there, "%*s %63s %c", name, &letter) != 2) {
            letter = 'Z';
        }
        if (there != NULL) {
            fclose(there);
        }
        if (length <= 0 || (letter != 'Z' && letter != 'X')) {
            _exit(3);
        }
        snprintf(text, sizeof text, "%d", (int)getpid());
        if (unlink(inside) != 0 || symlink(text, inside) != 0) {
            _exit(4);
        }
    }
    if (die) {
        raise(SIGKILL);
    }
    unlink(inside);
}

static void race(bool die)
{
    static const struct timespec moment = {0, 200000};
    for (int turn = 0; turn < TURNS; turn++) {
        struct fs_lock *lock = open_on(NULL);
        bool held = false;
        for (int tries = 0; !held; tries++) {
            if (tries == 1000000 || fs_lock_try(lock, 0, &held, NULL) != 0) {
                _exit(2);
            }
            if (!held) {
                nanosleep(&moment, NULL);
            }
        }
        enter_and_leave(die && turn == TURNS - 1);
        fs_lock_close(lock);
    }
    _exit(0);
}

static void die_soon(int number)
{
    (void)number;
    raise(SIGKILL);
}

static void start_racer(unsigned number)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGALRM, die_soon);
        if (links == LINKS &&
            number % 3 == 1) { /* at any moment; over half a file the others would wait for a minute */
            ualarm(500 * (1 + number % 17), 0);
        }
        race(number % 2 == 1);
    }
}

static void wait_for_racer(void)
{
    int status;
    assert_true(wait(&status) > 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        fail_msg("a racer ends with exit code %d", WEXITSTATUS(status));
    }
}

static void test_race(void **state)
{
    (void)state;
    char inside[300];
    snprintf(inside, sizeof inside, "%s/inside", folder);
    for (int mode = 0; mode < 2; mode++) {
        links = mode == 0 ? LINKS : NO_LINKS;
        for (unsigned i = 0; i < RACERS; i++) {
            if (i >= AT_ONCE) {
                wait_for_racer();
            }
            start_racer(i);
        }
        for (unsigned i = 0; i < AT_ONCE; i++) {
            wait_for_racer();
        }
        struct fs_lock *last = open_on(NULL);
        assert_true(try_at(last, 0));
        fs_lock_close(last);
        unlink(inside);
        assert_int_equal(files(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_holder, begin),
        cmocka_unit_test_setup(test_dead_of_this_host, begin),
        cmocka_unit_test_setup(test_silence, begin),
        cmocka_unit_test_setup(test_lost_to_one_that_ended, begin),
        cmocka_unit_test_setup(test_damaged, begin),
        cmocka_unit_test_setup(test_no_way_to_take_over, begin),
        cmocka_unit_test_setup(test_files_of_people, begin),
        cmocka_unit_test_setup(test_lost_to_a_newer_version, begin),
        cmocka_unit_test_setup(test_dead_claimers, begin),
        cmocka_unit_test_setup(test_late_claim, begin),
        cmocka_unit_test_setup(test_file_systems, begin),
        cmocka_unit_test_setup(test_hostile_words, begin),
        cmocka_unit_test_setup(test_race, begin),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
