/* SHA-256 against the examples of FIPS 180-4 (NIST's example values), and the files behind it. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/digest_cache.h"
#include "io/file_map.h"

static const char empty_digest[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char abc_digest[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void test_vectors(void **state)
{
    (void)state;
    char hex[FS_DIGEST_SIZE];
    fs_digest_bytes("", 0, hex);
    assert_string_equal(hex, empty_digest);
    fs_digest_bytes("abc", 3, hex);
    assert_string_equal(hex, abc_digest);
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    fs_digest_bytes(two_blocks, strlen(two_blocks), hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_running(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_digest *digest;
    char hex[FS_DIGEST_SIZE];
    check_success(fs_digest_begin(&digest, &err), &err);
    for (int i = 0; i < 1000000; i++) {
        fs_digest_add(digest, "a", 1);
    }
    fs_digest_end(digest, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void text_digest(const char *first, const char *second, char hex[FS_DIGEST_SIZE])
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_digest *digest;
    check_success(fs_digest_begin(&digest, &err), &err);
    fs_digest_add_text(digest, first);
    fs_digest_add_text(digest, second);
    fs_digest_end(digest, hex);
}

static void test_texts_keep_their_borders(void **state)
{
    (void)state;
    char a[FS_DIGEST_SIZE];
    char b[FS_DIGEST_SIZE];
    text_digest("ab", "c", a);
    text_digest("a", "bc", b);
    assert_string_not_equal(a, b);
    text_digest("ab", "c", b);
    assert_string_equal(a, b);
}

static void test_files(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    char hex[FS_DIGEST_SIZE];
    check_success(fs_digest_file(scratch_write_text("abc", "abc"), hex, &err), &err);
    assert_string_equal(hex, abc_digest);
    check_success(fs_digest_file(scratch_write_text("empty", ""), hex, &err), &err);
    assert_string_equal(hex, empty_digest);
    check_error(fs_digest_file(scratch_path("missing"), hex, &err), &err, FS_EXIT_NO_INPUT, "missing", "No such file");
    check_error(fs_digest_file(scratch_path("."), hex, &err), &err, FS_EXIT_NO_INPUT, "/.", "regular file");
}

/* A file is read once; one that was just written may be written again within a tick of the clock, and is read again. */
static void test_once(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_file_identity identity;
    char hex[FS_DIGEST_SIZE], path[512];
    check_success(fs_digest_once(scratch_write_text("new", "abc"), hex, &err), &err);
    assert_string_equal(hex, abc_digest);
    assert_false(fs_digest_known(scratch_path("new")));
    check_success(fs_digest_once(scratch_write_text("new", "abd"), hex, &err), &err);
    assert_string_not_equal(hex, abc_digest);
    snprintf(path, sizeof path, "%s/tests/golden/models/bert-tiny/vocab.txt", getenv("FAIRSTAMP_SOURCE"));
    assert_false(fs_digest_known(path));
    assert_true(fs_file_identity_get(path, &identity));
    fs_digest_remember(&identity, abc_digest); /* what it is not: it is not read */
    assert_true(fs_digest_known(path));
    check_success(fs_digest_once(path, hex, &err), &err);
    assert_string_equal(hex, abc_digest);
    assert_false(fs_file_identity_get(scratch_path("."), &identity));
    check_error(fs_digest_once(scratch_path("missing"), hex, &err), &err, FS_EXIT_NO_INPUT, "missing", "No such file");
}

static void test_maps(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_file_map map;
    check_success(fs_file_map_open(scratch_write("bytes", "a\0b", 3), &map, &err), &err);
    assert_int_equal(map.size, 3);
    assert_memory_equal(map.data, "a\0b", 3);
    fs_file_map_close(&map);
    assert_null(map.data);
    fs_file_map_close(&map);
    check_success(fs_file_map_open(scratch_write_text("empty", ""), &map, &err), &err);
    assert_int_equal(map.size, 0);
    assert_non_null(map.data);
    fs_file_map_close(&map);
    check_error(fs_file_map_open(scratch_path("missing"), &map, &err), &err, FS_EXIT_NO_INPUT, "missing",
                "No such file");
    check_error(fs_file_map_open(scratch_path("."), &map, &err), &err, FS_EXIT_NO_INPUT, "/.", "a folder");
    assert_int_equal(symlink("nowhere/at all", scratch_path("dangling")), 0);
    check_error(fs_file_map_open(scratch_path("dangling"), &map, &err), &err, FS_EXIT_NO_INPUT, "dangling",
                "is a link to nowhere/at all, which is not there");
    check_error(fs_file_map_open("~/data.csv", &map, &err), &err, FS_EXIT_NO_INPUT, "~/data.csv", "in a shell alone");
    assert_int_equal(symlink("round", scratch_path("round")), 0);
    check_error(fs_file_map_open(scratch_path("round"), &map, &err), &err, FS_EXIT_NO_INPUT, "round", "symbolic links");
    check_error(fs_file_map_open("/dev/null", &map, &err), &err, FS_EXIT_NO_INPUT, "/dev/null", "regular file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_running), cmocka_unit_test(test_texts_keep_their_borders),
        cmocka_unit_test(test_files),   cmocka_unit_test(test_once),    cmocka_unit_test(test_maps),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
