/* A reader sees the old file or the new one; what dead processes left is removed, what live ones hold is not. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/publish.h"
#include "io/scratch.h"

static struct fs_error err = FS_ERROR_INIT;

static void check_content(const char *path, const char *text)
{
    size_t size;
    unsigned char *bytes = slurp(path, &size);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(bytes, text, size);
    free(bytes);
}

static void test_text(void **state)
{
    (void)state;
    const char *path = scratch_path("out.txt");
    check_success(fs_publish_text(path, "one", 3, &err), &err);
    check_content(path, "one");
    check_success(fs_publish_text(path, "", 0, &err), &err);
    check_content(path, "");
}

static void test_steps(void **state)
{
    (void)state;
    const char *path = scratch_write_text("steps.txt", "old");
    char *temporary;
    check_success(fs_publish_begin(path, &temporary, &err), &err);
    char host[256];
    char expected[4500];
    assert_int_equal(gethostname(host, sizeof host), 0);
    snprintf(expected, sizeof expected, "%s.%s.%ld.tmp", path, host, (long)getpid());
    assert_string_equal(temporary, expected);
    FILE *file = fopen(temporary, "w");
    assert_non_null(file);
    fputs("new", file);
    fclose(file);
    check_content(path, "old");
    check_success(fs_publish_commit(temporary, path, &err), &err);
    check_content(path, "new");
    assert_int_not_equal(access(temporary, F_OK), 0);
    fs_publish_abort(temporary);
    fs_publish_abort(NULL);
    check_error(fs_publish_commit(temporary, path, &err), &err, FS_EXIT_IO, "steps.txt", "No such file");
    check_content(path, "new");
    free(temporary);
}

static pid_t dead_process(void)
{
    pid_t dead = fork();
    assert_true(dead >= 0);
    if (dead == 0) {
        _exit(0);
    }
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    return dead;
}

static void test_stale(void **state)
{
    (void)state;
    char host[256];
    assert_int_equal(gethostname(host, sizeof host), 0);
    pid_t dead = dead_process(), other = dead_process();
    char names[6][400];
    snprintf(names[0], sizeof names[0], "r.h5.%s.%ld.tmp", host, (long)dead);
    snprintf(names[1], sizeof names[1], "r.h5.%s.%ld.tmp", host, (long)getppid());
    snprintf(names[2], sizeof names[2], "r.h5.other-%s.%ld.tmp", host, (long)dead);
    snprintf(names[3], sizeof names[3], "q.h5.%s.%ld.tmp", host, (long)dead);
    snprintf(names[4], sizeof names[4], "r.h5.%s.%ldx.tmp", host, (long)dead);
    snprintf(names[5], sizeof names[5], "r.h5.%s.%ld.tmp.keep", host, (long)dead);
    for (size_t i = 0; i < 6; i++) {
        scratch_write_text(names[i], "half");
    }
    char folder[400], nested[512]; /* of a folder that is published */
    snprintf(folder, sizeof folder, "r.h5.%s.%ld.tmp", host, (long)other);
    snprintf(nested, sizeof nested, "%s/a/b", folder);
    check_success(fs_make_folder(scratch_path(nested), &err), &err);
    snprintf(nested, sizeof nested, "%s/a/file", folder);
    scratch_write_text(nested, "half");
    snprintf(nested, sizeof nested, "%s/a/link", folder);
    assert_int_equal(symlink(scratch_write_text("kept", "kept"), scratch_path(nested)), 0);
    char *temporary;
    check_success(fs_publish_begin(scratch_path("r.h5"), &temporary, &err), &err);
    free(temporary);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(access(scratch_path(names[i]), F_OK) != 0, i == 0); /* the first one alone goes */
    }
    assert_int_not_equal(access(scratch_path(folder), F_OK), 0); /* and the folder */
    check_content(scratch_path("kept"), "kept");
}

static void test_wrong_places(void **state)
{
    (void)state;
    char *temporary;
    check_error(fs_publish_begin(scratch_path("none/file"), &temporary, &err), &err, FS_EXIT_CANNOT_CREATE, "none",
                "make the folder");
    check_error(fs_publish_begin(scratch_path(""), &temporary, &err), &err, FS_EXIT_CANNOT_CREATE, "/", "is a folder");
    assert_int_equal(mkdir(scratch_path("folder"), 0700), 0);
    check_error(fs_publish_text(scratch_path("folder"), "x", 1, &err), &err, FS_EXIT_CANNOT_CREATE, "folder",
                "cannot be put in place");
    check_success(fs_publish_begin(scratch_path("folder"), &temporary, &err), &err);
    assert_int_not_equal(access(temporary, F_OK), 0);
    free(temporary);
}

static void test_no_link_followed(void **state)
{
    (void)state;
    char *temporary;
    check_success(fs_publish_begin(scratch_path("link.txt"), &temporary, &err), &err);
    const char *target = scratch_write_text("target", "untouched");
    assert_int_equal(symlink(target, temporary), 0);
    free(temporary);
    check_success(fs_publish_text(scratch_path("link.txt"), "text", 4, &err), &err);
    check_content(scratch_path("link.txt"), "text");
    check_content(target, "untouched");
}

static void test_folder(void **state)
{
    (void)state;
    char *temporary, file[4600];
    for (int published = 0; published < 2; published++) {
        check_success(fs_publish_begin(scratch_path("whole"), &temporary, &err), &err);
        snprintf(file, sizeof file, "%s/file", temporary);
        assert_int_equal(mkdir(temporary, 0700), 0);
        check_success(fs_publish_text(file, "text", 4, &err), &err);
        if (published == 1) {
            check_success(fs_publish_commit(temporary, scratch_path("whole"), &err), &err);
        } else {
            fs_publish_abort(temporary);
        }
        assert_int_not_equal(access(temporary, F_OK), 0);
        assert_int_equal(access(scratch_path("whole"), F_OK) == 0, published);
        free(temporary);
    }
    check_content(scratch_path("whole/file"), "text");
}

static void test_scratch(void **state)
{
    (void)state;
    char *one, *two, *inner;
    assert_int_equal(setenv("TMPDIR", scratch_folder(), 1), 0);
    check_success(fs_scratch_make(NULL, &one, &err), &err);
    check_success(fs_scratch_make("", &two, &err), &err);
    assert_string_not_equal(one, two);
    assert_memory_equal(one, scratch_folder(), strlen(scratch_folder()));
    check_success(fs_scratch_make(one, &inner, &err), &err);
    assert_memory_equal(inner, one, strlen(one));
    fs_folder_remove(one);
    assert_int_not_equal(access(one, F_OK), 0);
    assert_int_equal(access(two, F_OK), 0);
    free(one);
    free(two);
    free(inner);
    fs_folder_remove(NULL);
    assert_int_equal(setenv("TMPDIR", scratch_path("nowhere"), 1), 0);
    check_error(fs_scratch_make(NULL, &one, &err), &err, FS_EXIT_CANNOT_CREATE, "nowhere", "set TMPDIR");
    assert_null(one);
    assert_int_equal(unsetenv("TMPDIR"), 0);
}

static void test_make_folder(void **state)
{
    (void)state;
    struct stat status;
    check_success(fs_make_folder(scratch_path("a/b//c/"), &err), &err);
    assert_int_equal(stat(scratch_path("a/b/c"), &status), 0);
    assert_true(S_ISDIR(status.st_mode));
    check_success(fs_make_folder(scratch_path("a/b/c"), &err), &err);
    scratch_write_text("a/file", "x");
    check_error(fs_make_folder(scratch_path("a/file"), &err), &err, FS_EXIT_CANNOT_CREATE, "a/file", "is no folder");
    check_error(fs_make_folder(scratch_path("a/file/d"), &err), &err, FS_EXIT_CANNOT_CREATE, "a/file", "is no folder");
    check_error(fs_make_folder("", &err), &err, FS_EXIT_CANNOT_CREATE, "", "cannot be made");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_wrong_places),
        cmocka_unit_test(test_no_link_followed),
        cmocka_unit_test(test_make_folder),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_scratch),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
