/* npz: the bytes that numpy.lib.format 1.0 prescribes, written out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zip.h>

#include "io/archive/archive.h"
#include "results/npz.h"

static struct fs_error err = FS_ERROR_INIT;

static void make_archive(const char *path)
{
    const double values[] = {1.5, -2};
    const size_t two = 2, shape[] = {1, 2};
    const char *const texts[] = {"a", "bcd"};
    const unsigned char flags[] = {7, 8};
    struct fs_archive *archive;
    assert_int_equal(fs_archive_create(path, "part", "job", &archive, &err), 0);
    assert_int_equal(fs_archive_write(archive, "/g/x", FS_ARCHIVE_F64, 1, &two, values, &err), 0);
    assert_int_equal(fs_archive_write(archive, "/g/flag", FS_ARCHIVE_U8, 2, shape, flags, &err), 0);
    assert_int_equal(fs_archive_write_texts(archive, "/name", 2, texts, &err), 0);
    assert_int_equal(fs_archive_publish(archive, &err), 0);
}

/* The member `name` of the zip file at `path` is `header`, padded with blanks to 118 bytes and a line end, and `data`.
 */
static void check_member(const char *path, const char *name, const char *header, const char *data, size_t size)
{
    zip_t *zip = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, NULL);
    assert_non_null(zip);
    zip_stat_t stat;
    assert_int_equal(zip_stat(zip, name, 0, &stat), 0);
    assert_int_equal(stat.size, 128 + size);
    assert_int_equal(stat.comp_method, ZIP_CM_STORE);
    char bytes[256], expected[256];
    zip_file_t *file = zip_fopen(zip, name, 0);
    assert_int_equal(zip_fread(file, bytes, sizeof bytes), (zip_int64_t)(128 + size));
    zip_fclose(file);
    zip_discard(zip);
    memcpy(expected, "\x93NUMPY\x01\x00\x76\x00", 10);
    snprintf(expected + 10, sizeof expected - 10, "%-117s\n", header);
    memcpy(expected + 128, data, size);
    assert_memory_equal(bytes, expected, 128 + size);
}

static void arrays_as_numpy_has_them(void **state)
{
    (void)state;
    char folder[] = "/tmp/fs.XXXXXX", archive_path[64], path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(archive_path, sizeof archive_path, "%s/a.h5", folder);
    snprintf(path, sizeof path, "%s/a.npz", folder);
    make_archive(archive_path);
    struct fs_archive *archive;
    assert_int_equal(fs_archive_open(archive_path, NULL, &archive, &err), 0);
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fs_npz_write(archive, stream, &err), 0);
    fclose(stream);
    fs_archive_close(archive);
    check_member(path, "g/x.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }",
                 "\0\0\0\0\0\0\xf8\x3f\0\0\0\0\0\0\0\xc0", 16);
    check_member(path, "g/flag.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2,), }", "\7\10", 2);
    check_member(path, "name.npy", "{'descr': '|S3', 'fortran_order': False, 'shape': (2,), }", "a\0\0bcd", 6);
    check_member(path, "@format.npy", "{'descr': '|S4', 'fortran_order': False, 'shape': (), }", "part", 4);
    remove(path);
    remove(archive_path);
    remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_as_numpy_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
