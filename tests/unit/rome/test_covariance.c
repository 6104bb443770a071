/* Archives of covariances that are not what they say. */
#include "tests/unit/stamp/support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stages/methods/covariance.h"

/* A covariance whose archive says what does not fit together. */
static void hostile_covariances_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        int64_t layer, size, texts, tokens, done;
        size_t rows, columns;
        const char *words;
    } hostile[] = {
        {1, 4, 1, 9, 1, 4, 4, "layer"},        {0, 5, 1, 9, 1, 4, 4, "size"},    {0, 4, 1, 9, 1, 4, 3, "shape"},
        {0, 4, 1, 9, 1, 3, 4, "shape"},        {0, 4, 1, 0, 1, 4, 4, "nothing"}, {-1, 4, 1, 9, 1, 4, 4, "layer"},
        {0, -4, 1, 9, 1, 4, 4, "size"},        {0, 4, -1, 9, 1, 4, 4, "texts"},  {0, 4, 1, -9, 1, 4, 4, "tokens"},
        {0, 4, 1, 9, 2, 4, 4, "done"},         {0, 0, 1, 9, 1, 4, 4, "size"},    {0, INT64_MAX, 1, 9, 1, 4, 4, "size"},
        {0, 4, INT64_MAX, 9, 1, 4, 4, "texts"}};
    char path[] = "/tmp/fairstamp-covariance-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_archive *archive;
        struct fs_covariance covariance = {.size = 4};
        const double sum[16] = {1};
        const size_t shape[] = {hostile[i].rows, hostile[i].columns};
        assert_done(fs_archive_create(path, FS_COVARIANCE_FORMAT, "job", &archive, &err), err);
        assert_done(fs_archive_write(archive, "/covariance/sum", FS_ARCHIVE_F64, 2, shape, sum, &err), err);
        assert_done(fs_archive_attribute_integer(archive, "/covariance", "layer", hostile[i].layer, &err), err);
        assert_done(fs_archive_attribute_integer(archive, "/covariance", "size", hostile[i].size, &err), err);
        assert_done(fs_archive_attribute_integer(archive, "/covariance", "texts", hostile[i].texts, &err), err);
        assert_done(fs_archive_attribute_integer(archive, "/covariance", "tokens", hostile[i].tokens, &err), err);
        assert_done(fs_archive_attribute_integer(archive, "/covariance", "done", hostile[i].done, &err), err);
        assert_done(fs_archive_attribute_number(archive, "/covariance", "pivot", 1, &err), err);
        assert_done(fs_archive_publish(archive, &err), err);
        assert_done(fs_archive_open(path, FS_COVARIANCE_FORMAT, &archive, &err), err);
        assert_int_equal(fs_covariance_read(archive, &covariance, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
        assert_null(covariance.sum);
        if (strstr(err.text, hostile[i].words) == NULL) {
            fail_msg("found \"%s\", expected \"%s\"", err.text, hostile[i].words);
        }
        fs_archive_close(archive);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hostile_covariances_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
