/* The text of a lock: any bytes, whose process lives, and which jobs differ. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "io/lock_record.h"

static struct fs_error err = FS_ERROR_INIT;

static struct fs_lock_process process_of(const char *host)
{
    struct fs_lock_process process;
    fs_lock_process_get(&process);
    if (host != NULL) {
        snprintf(process.host, sizeof process.host, "%s", host);
    }
    return process;
}

static void test_unknown_processes(void **state)
{
    (void)state;
    /* before the last boot, and in a container of this host: nothing is known at once */
    struct fs_lock_process boot = process_of(NULL), space = process_of(NULL), nothing = process_of(NULL);
    snprintf(boot.boot, sizeof boot.boot, "another");
    snprintf(space.space, sizeof space.space, "pid:[1]");
    snprintf(nothing.boot, sizeof nothing.boot, "-");
    const struct fs_lock_process own = process_of(NULL);
    boot.pid = space.pid = nothing.pid = 1;
    assert_int_equal(fs_lock_life(&own, &own), FS_LOCK_ALIVE);
    assert_int_equal(fs_lock_life(&own, &boot), FS_LOCK_UNKNOWN);
    assert_int_equal(fs_lock_life(&own, &space), FS_LOCK_UNKNOWN);
    assert_int_equal(fs_lock_life(&nothing, &nothing), FS_LOCK_UNKNOWN);
    /* the batch system has started the same job again: its earlier start is over, wherever it was */
    struct fs_lock_process first = process_of("n1"), again = process_of("n2");
    snprintf(first.batch, sizeof first.batch, "slurm c 7");
    again = first;
    snprintf(again.host, sizeof again.host, "n2");
    assert_int_equal(fs_lock_life(&again, &first), FS_LOCK_UNKNOWN);
    again.restart = 1;
    assert_int_equal(fs_lock_life(&again, &first), FS_LOCK_DEAD);
    assert_int_equal(fs_lock_life(&first, &again), FS_LOCK_UNKNOWN);
    struct fs_lock_process here = own, later = own; /* but what is there on this host lives */
    snprintf(here.batch, sizeof here.batch, "slurm c 7");
    snprintf(later.batch, sizeof later.batch, "slurm c 7");
    later.restart = 1;
    assert_int_equal(fs_lock_life(&later, &here), FS_LOCK_ALIVE);
    snprintf(again.batch, sizeof again.batch, "slurm c 8");
    assert_int_equal(fs_lock_life(&again, &first), FS_LOCK_UNKNOWN);
}

static void test_jobs(void **state)
{
    (void)state;
    assert_false(fs_lock_jobs_differ("trace=aa stamp=bb", "trace=aa stamp=bb"));
    assert_false(fs_lock_jobs_differ("trace=aa", "trace=aa stamp=bb"));
    assert_false(fs_lock_jobs_differ("trace=aa", "stamp=bb"));
    assert_false(fs_lock_jobs_differ("", "stamp=bb"));
    assert_true(fs_lock_jobs_differ("trace=aa stamp=bb", "evaluate=cc stamp=bbb"));
    assert_true(fs_lock_jobs_differ("trace=aa stamp=bb", "trace=aaa"));
    assert_true(fs_lock_jobs_differ("trace=ab", "stamp=bb trace=aa"));
    assert_false(fs_lock_jobs_differ("-", "trace=aa"));
}

/* Any byte of a lock changed, or its end cut off: another holder, a torn file or an error, and nothing else. */
static void test_changed_bytes(void **state)
{
    (void)state;
    static const char bytes[] = {'\0', '\n', ' ', '9', '\x80'};
    size_t size, beat;
    char path[512], text[FS_LOCK_TEXT_SIZE];
    struct fs_lock_record whole = {.token = "00000000000000aa", .process = process_of("elsewhere")};
    snprintf(whole.since, sizeof whole.since, "2026");
    snprintf(whole.job, sizeof whole.job, "trace=aa");
    snprintf(whole.command, sizeof whole.command, "x");
    snprintf(path, sizeof path, "%s", scratch_path("lock"));
    size = fs_lock_write(&whole, text, &beat);
    for (size_t at = 0; at < size; at++) {
        for (size_t i = 0; i <= sizeof bytes; i++) {
            struct fs_lock_record record = {0};
            enum fs_lock_found found;
            char old = text[at];
            text[at] = bytes[i % sizeof bytes];
            FILE *file = fopen(path, "w");
            assert_non_null(file);
            assert_int_equal(fwrite(text, 1, i < sizeof bytes ? size : at, file), i < sizeof bytes ? size : at);
            fclose(file);
            text[at] = old;
            int status = fs_lock_read(path, &record, &found, &err);
            assert_true(status == 0 || (err.code == FS_EXIT_DATA && at < sizeof "fairstamp lock 1"));
            assert_true(i < sizeof bytes || found == FS_LOCK_TORN);
            err = (struct fs_error)FS_ERROR_INIT;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_processes),
        cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_changed_bytes),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
