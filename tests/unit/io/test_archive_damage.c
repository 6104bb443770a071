/* The archive: every damage is one clear error, and a full disk leaves nothing behind. */
#include "support.h"

#include <dirent.h>
#include <hdf5.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "io/archive/archive.h"
#include "io/digest.h"

#ifdef FAIRSTAMP_SANITIZE
/* HDF5 1.10 loses 2 KiB of its own where closing a file fails (test_full_disk). */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5\n";
}
#endif

static struct fs_error err = FS_ERROR_INIT;

static void check_no_leftovers(const char *prefix)
{
    DIR *folder = opendir(scratch_path("."));
    assert_non_null(folder);
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
            fail_msg("%s is left", entry->d_name);
        }
    }
    closedir(folder);
}

/* A limit on the size of files stands for a full disk: one error, nothing half-made, and the next archive works. */
static void test_full_disk(void **state)
{
    (void)state;
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    size_t count = 300000;
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)((i * 2654435761u) % 1000003u);
    }
    size_t size;
    free(slurp(write_archive("room.h5", "/x", FS_ARCHIVE_F32, 1, count, values), &size));
    /* Room for nothing, for a part of the data, and for all but what is written on closing. */
    const size_t rooms[] = {0, 4096, size / 2, size - 2048, size - 1};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        struct rlimit limit = {(rlim_t)rooms[i], old.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        struct fs_archive *archive;
        int result = fs_archive_create(scratch_path("full.h5"), "part", "job", &archive, &err);
        if (result == 0) {
            const size_t shape[2] = {1, count};
            result = fs_archive_write(archive, "/x", FS_ARCHIVE_F32, 2, shape, values, &err);
            if (result == 0) {
                result = fs_archive_publish(archive, &err);
            } else {
                fs_archive_abort(archive);
            }
        }
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(result, -1);
        if (err.code != FS_EXIT_IO && err.code != FS_EXIT_CANNOT_CREATE) {
            fail_msg("code %d, %s", err.code, err.text);
        }
        assert_non_null(strstr(err.text, "full.h5"));
        err = (struct fs_error)FS_ERROR_INIT;
        check_no_leftovers("full.h5");
    }
    signal(SIGXFSZ, handler);
    free(values);
    double value = 1;
    struct fs_archive *archive;
    check_success(fs_archive_open(write_archive("full.h5", "/x", FS_ARCHIVE_F64, 1, 1, &value), NULL, &archive, &err),
                  &err);
    check_success(fs_archive_verify(archive, &err), &err);
    fs_archive_close(archive);
}

/* Every cut at a multiple of 64 bytes, and every byte with one bit turned over. */
static void test_damage(void **state)
{
    (void)state;
    size_t size;
    double value = 2.5;
    unsigned char *bytes = slurp(write_archive("whole.h5", "/x", FS_ARCHIVE_F64, 1, 1, &value), &size);
    struct fs_archive *archive;
    for (size_t cut = 0; cut < size; cut += 64) {
        const char *path = scratch_write("cut.h5", bytes, cut);
        check_error(fs_archive_open(path, NULL, &archive, &err), &err, FS_EXIT_DATA, "cut.h5", "expected");
        assert_null(archive);
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char bit = (unsigned char)(1u << (i % 8));
        bytes[i] ^= bit;
        const char *path = scratch_write("flip.h5", bytes, size);
        check_error(fs_archive_open(path, NULL, &archive, &err), &err, FS_EXIT_DATA, "flip.h5", "expected");
        bytes[i] ^= bit;
    }
    unsigned char *longer = realloc(bytes, size + 1);
    assert_non_null(longer);
    longer[size] = 0;
    check_error(fs_archive_open(scratch_write("long.h5", longer, size + 1), NULL, &archive, &err), &err, FS_EXIT_DATA,
                "long.h5", "cut short or was changed");
    longer[18] = '2';
    check_error(fs_archive_open(scratch_write("newer.h5", longer, size), NULL, &archive, &err), &err, FS_EXIT_DATA,
                "newer.h5", "newer fairstamp");
    free(longer);
    check_error(fs_archive_open(scratch_write_text("foreign.h5", "\211HDF\r\n\032\n"), NULL, &archive, &err), &err,
                FS_EXIT_DATA, "foreign.h5", "no archive of fairstamp");
    check_error(fs_archive_open(scratch_write_text("empty.h5", ""), NULL, &archive, &err), &err, FS_EXIT_DATA,
                "empty.h5", "no archive of fairstamp");
    check_error(fs_archive_open(scratch_path("."), NULL, &archive, &err), &err, FS_EXIT_NO_INPUT, "/.", "a folder");
}

/* Gives the file a user block that fits, as one who knows the format could. */
static void forge(const char *path)
{
    size_t size;
    unsigned char *bytes = slurp(path, &size);
    char hex[FS_DIGEST_SIZE];
    memset(bytes, 0, 512);
    fs_digest_bytes(bytes + 512, size - 512, hex);
    snprintf((char *)bytes, 512, "fairstamp archive 1\nsha256 %s\nlength %zu\n", hex, size);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    free(bytes);
}

/* A file of plain HDF5 with the root attributes of an archive. */
static hid_t forged_file(const char *path)
{
    double value = 1;
    write_archive("base.h5", "/x", FS_ARCHIVE_F64, 1, 1, &value);
    size_t size;
    unsigned char *bytes = slurp(scratch_path("base.h5"), &size);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    free(bytes);
    hid_t id = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(id >= 0);
    return id;
}

static void make_dataset(hid_t file, const char *name, hid_t type, int dimensions, const hsize_t *shape,
                         hid_t properties)
{
    hid_t space = H5Screate_simple(dimensions, shape, NULL);
    hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    assert_true(dataset >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
}

static int count_entry(void *context, const struct fs_archive_entry *entry, struct fs_error *error)
{
    (void)entry;
    (void)error;
    (*(size_t *)context)++;
    return 0;
}

/* That a forged file, closed by the caller, is refused on opening or at the latest on reading all. */
static void check_forged(const char *path, const char *name, const char *says)
{
    struct fs_archive *archive;
    size_t entries = 0;
    forge(path);
    int result = fs_archive_open(path, NULL, &archive, &err);
    if (result == 0) {
        result = fs_archive_visit(archive, count_entry, &entries, &err);
        fs_archive_close(archive);
    }
    check_error(result, &err, FS_EXIT_DATA, name, says);
}

static void test_forged(void **state)
{
    (void)state;
    const char *path = scratch_path("forged.h5");
    hsize_t shape[6] = {1000000, 1000000, 1, 1, 1, 1};

    hid_t file = forged_file(path); /* a contiguous dataset of 8 TB that was never written */
    make_dataset(file, "/huge", H5T_IEEE_F64LE, 2, shape, H5P_DEFAULT);
    H5Fclose(file);
    check_forged(path, "/huge", "stored bytes");

    file = forged_file(path); /* the same in chunks */
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[2] = {10, 10};
    H5Pset_chunk(properties, 2, chunk);
    make_dataset(file, "/chunks", H5T_IEEE_F64LE, 2, shape, properties);
    H5Pclose(properties);
    H5Fclose(file);
    check_forged(path, "/chunks", "stored bytes");

    file = forged_file(path);
    shape[0] = shape[1] = 1;
    make_dataset(file, "/six", H5T_IEEE_F64LE, 6, shape, H5P_DEFAULT);
    H5Fclose(file);
    check_forged(path, "/six", "a shape");

    file = forged_file(path);
    make_dataset(file, "/big_endian", H5T_IEEE_F64BE, 1, shape, H5P_DEFAULT);
    H5Fclose(file);
    check_forged(path, "/big_endian", "an element type");

    file = forged_file(path);
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    make_dataset(file, "/variable", type, 1, shape, H5P_DEFAULT);
    H5Tclose(type);
    H5Fclose(file);
    check_forged(path, "/variable", "padded UTF-8");

    file = forged_file(path); /* data that would be read from another file */
    properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(properties, "/etc/hostname", 0, 8);
    make_dataset(file, "/external", H5T_IEEE_F64LE, 1, shape, properties);
    H5Pclose(properties);
    H5Fclose(file);
    check_forged(path, "/external", "a kind of storage");

    file = forged_file(path);
    H5Lcreate_external("/etc/other.h5", "/x", file, "/link", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    check_forged(path, "link", "a link to elsewhere");

    file = forged_file(path);
    H5Lcreate_soft("/x", file, "/soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    check_forged(path, "soft", "a link to elsewhere");

    file = forged_file(path);
    type = H5Tcopy(H5T_IEEE_F64LE);
    H5Tcommit2(file, "/type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(type);
    H5Fclose(file);
    check_forged(path, "/type", "a named type");

    file = forged_file(path);
    H5Adelete(file, "job");
    H5Fclose(file);
    check_forged(path, "/@job", "no such attribute");

    file = forged_file(path); /* a text that is not UTF-8 */
    type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, 2);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(file, "bytes", type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, type, "\xff\xfe");
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
    H5Fclose(file);
    check_forged(path, "/@bytes", "not UTF-8");
}

/* A changed number with a fitting file hash is what /manifest finds. */
static void test_manifest(void **state)
{
    (void)state;
    const char *path = scratch_path("manifest.h5");
    hid_t file = forged_file(path);
    hid_t dataset = H5Dopen2(file, "/x", H5P_DEFAULT);
    double value = 1.0000000001;
    assert_true(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) >= 0);
    H5Dclose(dataset);
    H5Fclose(file);
    forge(path);
    struct fs_archive *archive;
    check_success(fs_archive_open(path, NULL, &archive, &err), &err);
    check_error(fs_archive_verify(archive, &err), &err, FS_EXIT_DATA, "manifest.h5: /x", "SHA-256");
    fs_archive_close(archive);

    file = forged_file(path);
    hsize_t shape[1] = {0};
    make_dataset(file, "/more", H5T_IEEE_F64LE, 1, shape, H5P_DEFAULT);
    H5Fclose(file);
    forge(path);
    check_success(fs_archive_open(path, NULL, &archive, &err), &err);
    check_error(fs_archive_verify(archive, &err), &err, FS_EXIT_DATA, "manifest.h5: /manifest", "/more");
    fs_archive_close(archive);

    file = forged_file(path);
    H5Ldelete(file, "/manifest", H5P_DEFAULT);
    H5Fclose(file);
    forge(path);
    check_success(fs_archive_open(path, NULL, &archive, &err), &err);
    check_error(fs_archive_verify(archive, &err), &err, FS_EXIT_DATA, "manifest.h5", "/manifest");
    fs_archive_close(archive);
}

int main(void)
{
    H5dont_atexit(); /* as the program does, before any other call of HDF5 */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_manifest),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
