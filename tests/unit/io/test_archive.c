/* The archive: what is written is read back, by itself and by plain HDF5. */
#include "support.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/archive/archive.h"
#include "io/digest.h"

static struct fs_error err = FS_ERROR_INIT;

static const float matrix[2][3] = {{1.5f, -2.0f, 0.0f}, {3.25f, 1e-30f, -1e30f}};
static const int64_t numbers[4] = {0, -1, INT64_MAX, INT64_MIN};
static const char *const texts[3] = {"he said", "", "caf\xc3\xa9"};

static struct fs_archive *create(const char *path, const char *format, const char *job)
{
    struct fs_archive *archive;
    check_success(fs_archive_create(path, format, job, &archive, &err), &err);
    return archive;
}

static void fill(struct fs_archive *archive, size_t large)
{
    size_t shape[4] = {2, 3, 0, 0};
    check_success(fs_archive_write(archive, "/trace/matrix", FS_ARCHIVE_F32, 2, shape, matrix, &err), &err);
    shape[0] = 4;
    check_success(fs_archive_write(archive, "/numbers", FS_ARCHIVE_I64, 1, shape, numbers, &err), &err);
    shape[0] = 0;
    check_success(fs_archive_write(archive, "/trace/empty", FS_ARCHIVE_F64, 2, shape, NULL, &err), &err);
    check_success(fs_archive_write_texts(archive, "/trace/texts", 3, texts, &err), &err);
    check_success(fs_archive_write_texts(archive, "/trace/no_texts", 0, NULL, &err), &err);
    check_success(fs_archive_attribute_text(archive, "/trace", "unit", "nats", &err), &err);
    check_success(fs_archive_attribute_text(archive, "/trace/matrix", "empty", "", &err), &err);
    check_success(fs_archive_attribute_number(archive, "/trace/matrix", "scale", 0.1, &err), &err);
    check_success(fs_archive_attribute_integer(archive, "/made/here", "seed", -7, &err), &err);
    double scalar = 0.25;
    check_success(fs_archive_write(archive, "/scalar", FS_ARCHIVE_F64, 0, NULL, &scalar, &err), &err);
    float *values = malloc((large + 1) * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < large; i++) {
        values[i] = (float)i * 0.5f;
    }
    shape[0] = large;
    check_success(fs_archive_write(archive, "/large", FS_ARCHIVE_F32, 1, shape, values, &err), &err);
    free(values);
}

static const char *write_sample(const char *name, const char *job, const char *host)
{
    const char *path = scratch_path(name);
    struct fs_archive *archive = create(path, "trace", job);
    fill(archive, 5000);
    check_success(fs_archive_attribute_text(archive, "/provenance", "host", host, &err), &err);
    check_success(fs_archive_publish(archive, &err), &err);
    return path;
}

static void test_round_trip(void **state)
{
    (void)state;
    const char *path = write_sample("round.h5", "job-1", "here");
    struct fs_archive *archive;
    check_success(fs_archive_open(path, "trace", &archive, &err), &err);
    assert_string_equal(fs_archive_format(archive), "trace");
    assert_string_equal(fs_archive_job(archive), "job-1");
    assert_true(fs_archive_has(archive, "/trace/matrix"));
    assert_true(fs_archive_has(archive, "/trace"));
    assert_true(fs_archive_has(archive, "/"));
    assert_false(fs_archive_has(archive, "/trace/none"));
    assert_false(fs_archive_has(archive, "/trace/matrix/below"));
    assert_false(fs_archive_has(archive, "trace"));
    float got[6];
    check_success(fs_archive_read(archive, "/trace/matrix", FS_ARCHIVE_F32, 6, got, &err), &err);
    assert_memory_equal(got, matrix, sizeof matrix);
    int64_t integers[4];
    check_success(fs_archive_read(archive, "/numbers", FS_ARCHIVE_I64, 4, integers, &err), &err);
    assert_memory_equal(integers, numbers, sizeof numbers);
    size_t dimensions;
    size_t shape[4];
    check_success(fs_archive_shape(archive, "/trace/empty", &dimensions, shape, &err), &err);
    assert_int_equal(dimensions, 2);
    assert_int_equal(shape[0], 0);
    assert_int_equal(shape[1], 3);
    check_success(fs_archive_read(archive, "/trace/empty", FS_ARCHIVE_F64, 0, NULL, &err), &err);
    double scalar;
    check_success(fs_archive_read(archive, "/scalar", FS_ARCHIVE_F64, 1, &scalar, &err), &err);
    assert_true(scalar == 0.25);
    float *large = malloc(5000 * sizeof *large);
    assert_non_null(large);
    check_success(fs_archive_read(archive, "/large", FS_ARCHIVE_F32, 5000, large, &err), &err);
    assert_true(large[4999] == 2499.5f);
    free(large);
    size_t count;
    char **read;
    check_success(fs_archive_read_texts(archive, "/trace/texts", &count, &read, &err), &err);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(read[i], texts[i]);
    }
    free(read);
    check_success(fs_archive_read_texts(archive, "/trace/no_texts", &count, &read, &err), &err);
    assert_int_equal(count, 0);
    free(read);
    char *text;
    check_success(fs_archive_read_attribute_text(archive, "/trace", "unit", &text, &err), &err);
    assert_string_equal(text, "nats");
    free(text);
    check_success(fs_archive_read_attribute_text(archive, "/trace/matrix", "empty", &text, &err), &err);
    assert_string_equal(text, "");
    free(text);
    double number;
    int64_t integer;
    check_success(fs_archive_read_attribute_number(archive, "/trace/matrix", "scale", &number, &err), &err);
    assert_true(number == 0.1);
    check_success(fs_archive_read_attribute_integer(archive, "/made/here", "seed", &integer, &err), &err);
    assert_int_equal(integer, -7);
    check_success(fs_archive_verify(archive, &err), &err);

    check_error(fs_archive_read(archive, "/none", FS_ARCHIVE_F32, 6, got, &err), &err, FS_EXIT_DATA, "round.h5",
                "/none");
    check_error(fs_archive_read(archive, "/trace", FS_ARCHIVE_F32, 6, got, &err), &err, FS_EXIT_DATA, "round.h5",
                "/trace");
    check_error(fs_archive_read(archive, "/trace/matrix", FS_ARCHIVE_F32, 5, got, &err), &err, FS_EXIT_DATA,
                "/trace/matrix", "found 6 elements of f32, expected 5");
    check_error(fs_archive_read(archive, "/trace/matrix", FS_ARCHIVE_I32, 6, got, &err), &err, FS_EXIT_DATA,
                "/trace/matrix", "expected 6 of i32");
    check_error(fs_archive_read(archive, "/trace/texts", FS_ARCHIVE_F32, 3, got, &err), &err, FS_EXIT_DATA,
                "/trace/texts", "of text");
    check_error(fs_archive_read_texts(archive, "/numbers", &count, &read, &err), &err, FS_EXIT_DATA, "/numbers",
                "expected a list of texts");
    check_error(fs_archive_read_attribute_text(archive, "/trace/matrix", "scale", &text, &err), &err, FS_EXIT_DATA,
                "/trace/matrix@scale", "expected a text");
    check_error(fs_archive_read_attribute_number(archive, "/trace", "unit", &number, &err), &err, FS_EXIT_DATA,
                "/trace@unit", "found a text");
    check_error(fs_archive_read_attribute_integer(archive, "/trace", "none", &integer, &err), &err, FS_EXIT_DATA,
                "/trace@none", "no such attribute");
    check_error(fs_archive_shape(archive, "/../x", &dimensions, shape, &err), &err, FS_EXIT_DATA, "round.h5", "/../x");
    fs_archive_close(archive);
    check_error(fs_archive_open(path, "stamp", &archive, &err), &err, FS_EXIT_DATA, "round.h5: /@format",
                "expected \"stamp\"");
    check_success(fs_archive_open(path, NULL, &archive, &err), &err);
    fs_archive_close(archive);
    fs_archive_close(NULL);
    fs_archive_abort(NULL);
}

/* Plain HDF5 opens the file as it is and finds the numbers, the filters and the user block. */
static void test_plain_hdf5(void **state)
{
    (void)state;
    const char *path = write_sample("plain.h5", "job-1", "here");
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    hid_t creation = H5Fget_create_plist(file);
    hsize_t block;
    assert_true(H5Pget_userblock(creation, &block) >= 0);
    assert_int_equal(block, 512);
    float got[6];
    hid_t dataset = H5Dopen2(file, "/trace/matrix", H5P_DEFAULT);
    assert_true(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, got) >= 0);
    assert_memory_equal(got, matrix, sizeof matrix);
    hid_t properties = H5Dget_create_plist(dataset);
    assert_int_equal(H5Pget_nfilters(properties), 1);
    H5Pclose(properties);
    H5Dclose(dataset);
    dataset = H5Dopen2(file, "/large", H5P_DEFAULT);
    properties = H5Dget_create_plist(dataset);
    assert_int_equal(H5Pget_nfilters(properties), 3);
    assert_true(H5Dget_storage_size(dataset) < 5000 * sizeof(float));
    H5Pclose(properties);
    H5Dclose(dataset);
    H5Pclose(creation);
    H5Fclose(file);

    size_t size;
    unsigned char *bytes = slurp(path, &size);
    char hex[FS_DIGEST_SIZE];
    char expected[512] = "";
    fs_digest_bytes(bytes + 512, size - 512, hex);
    snprintf(expected, sizeof expected, "fairstamp archive 1\nsha256 %s\nlength %zu\n", hex, size);
    assert_memory_equal(bytes, expected, sizeof expected);
    free(bytes);
}

static void test_same_content_same_bytes(void **state)
{
    (void)state;
    size_t size_a;
    size_t size_b;
    unsigned char *a = slurp(write_sample("same_a.h5", "job-1", "here"), &size_a);
    sleep(1); /* a time stamp of HDF5 counts whole seconds */
    unsigned char *b = slurp(write_sample("same_b.h5", "job-1", "here"), &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(a, b, size_a);
    free(a);
    free(b);
}

static bool equal_files(const char *path_a, const char *path_b, char *difference, size_t size)
{
    struct fs_archive *a;
    struct fs_archive *b;
    bool equal = false;
    check_success(fs_archive_open(path_a, NULL, &a, &err), &err);
    check_success(fs_archive_open(path_b, NULL, &b, &err), &err);
    check_success(fs_archive_equal(a, b, &equal, difference, size, &err), &err);
    fs_archive_close(a);
    fs_archive_close(b);
    return equal;
}

static void test_equal(void **state)
{
    (void)state;
    char difference[256] = "";
    const char *first = write_sample("equal_a.h5", "job-1", "here");
    assert_true(equal_files(first, write_sample("equal_b.h5", "job-1", "elsewhere"), difference, sizeof difference));
    assert_false(equal_files(first, write_sample("equal_c.h5", "job-2", "here"), difference, sizeof difference));
    assert_string_equal(difference, "/@job differs");

    const double plus[2] = {0.0, 1.0};
    const double minus[2] = {-0.0, 1.0};
    const char *one = write_archive("one.h5", "/x", FS_ARCHIVE_F64, 1, 2, plus);
    assert_false(
        equal_files(one, write_archive("two.h5", "/x", FS_ARCHIVE_F64, 1, 2, minus), difference, sizeof difference));
    assert_string_equal(difference, "/x differs");
    assert_false(
        equal_files(one, write_archive("three.h5", "/x", FS_ARCHIVE_F64, 2, 1, plus), difference, sizeof difference));
    assert_string_equal(difference, "/x differs");
    assert_false(
        equal_files(one, write_archive("four.h5", "/x", FS_ARCHIVE_I64, 1, 2, plus), difference, sizeof difference));
    assert_string_equal(difference, "/x differs");
    assert_false(
        equal_files(one, write_archive("five.h5", "/y", FS_ARCHIVE_F64, 1, 2, plus), difference, sizeof difference));
    assert_non_null(strstr(difference, "/x is only in"));
    assert_true(
        equal_files(one, write_archive("six.h5", "/x", FS_ARCHIVE_F64, 1, 2, plus), difference, sizeof difference));
}

struct seen {
    char names[2048];
    size_t stop_after;
    size_t count;
};

static int record(void *context, const struct fs_archive_entry *entry, struct fs_error *error)
{
    struct seen *seen = context;
    size_t used = strlen(seen->names);
    snprintf(seen->names + used, sizeof seen->names - used, "%s%s\n", entry->name, entry->is_text ? " text" : "");
    seen->count++;
    return seen->count == seen->stop_after ? fs_error_set(error, FS_EXIT_IO, "stopped at %s", entry->name) : 0;
}

static void test_visit(void **state)
{
    (void)state;
    struct fs_archive *archive;
    struct seen seen = {"", 0, 0};
    check_success(fs_archive_open(write_sample("visit.h5", "job-1", "here"), NULL, &archive, &err), &err);
    check_success(fs_archive_visit(archive, record, &seen, &err), &err);
    assert_string_equal(seen.names,
                        "/@format text\n/@job text\n/@version\n/large\n/made/here@seed\n/numbers\n"
                        "/provenance@host text\n/scalar\n/trace@unit text\n/trace/empty\n/trace/matrix\n"
                        "/trace/matrix@empty text\n/trace/matrix@scale\n/trace/no_texts text\n/trace/texts text\n");
    struct seen part = {"", 4, 0};
    check_error(fs_archive_visit(archive, record, &part, &err), &err, FS_EXIT_IO, "stopped", "/large");
    fs_archive_close(archive);
}

static void test_large_attribute(void **state)
{
    (void)state;
    size_t length = 300000;
    char *job = malloc(length + 1);
    assert_non_null(job);
    memset(job, 'x', length);
    job[length] = '\0';
    const char *path = scratch_path("attribute.h5");
    struct fs_archive *archive = create(path, "part", "job");
    check_success(fs_archive_attribute_text(archive, "/provenance", "job_text", job, &err), &err);
    check_success(fs_archive_publish(archive, &err), &err);
    check_success(fs_archive_open(path, "part", &archive, &err), &err);
    char *read;
    check_success(fs_archive_read_attribute_text(archive, "/provenance", "job_text", &read, &err), &err);
    assert_string_equal(read, job);
    free(read);
    free(job);
    check_success(fs_archive_verify(archive, &err), &err);
    fs_archive_close(archive);
}

/* Eight bytes that compress a thousandfold are still read back. */
static void test_zeros(void **state)
{
    (void)state;
    size_t count = (size_t)4 << 20;
    float *zeros = calloc(count, sizeof *zeros);
    assert_non_null(zeros);
    const char *path = write_archive("zeros.h5", "/zeros", FS_ARCHIVE_F32, 4, count / 4, zeros);
    struct fs_archive *archive;
    check_success(fs_archive_open(path, "part", &archive, &err), &err);
    zeros[count - 1] = 1.0f;
    check_success(fs_archive_read(archive, "/zeros", FS_ARCHIVE_F32, count, zeros, &err), &err);
    assert_true(zeros[count - 1] == 0.0f);
    fs_archive_close(archive);
    free(zeros);
}

struct manifest {
    size_t lines, met;
    char **line;
};

/* A line of it is the digest of the entry as a whole, however the file was digested. */
static int check_line(void *context, const struct fs_archive_entry *entry, struct fs_error *error)
{
    struct manifest *manifest = context;
    char hex[FS_DIGEST_SIZE], expected[FS_DIGEST_SIZE + 64];
    check_success(fs_archive_entry_digest(entry, entry->name, hex, error), error);
    snprintf(expected, sizeof expected, "%s %s", hex, entry->name);
    for (size_t i = 0; i < manifest->lines; i++) {
        manifest->met += strcmp(manifest->line[i], expected) == 0;
    }
    return 0;
}

/* Written part by part, the bytes are those of one that was written whole; in memory and on disk, packed and not. */
static void test_parts(void **state)
{
    (void)state;
    enum { PARTS = 3, PART = FS_ARCHIVE_PIECE / 4, REST = 1001, COUNT = PARTS * PART + REST };
    static const char *const formats[] = {"trace", FS_ARCHIVE_PARTIAL};
    struct fs_archive *archive;
    const size_t count = COUNT;
    float *number = calloc(COUNT, sizeof *number), *back = calloc(COUNT, sizeof *back);
    for (size_t i = 0; i < COUNT; i++) {
        number[i] = (float)(i % 977) / 3;
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal((i % 2 == 0 ? fs_archive_create : fs_archive_create_large)(
                             scratch_path("parts.h5"), formats[i / 2], "job", &archive, &err),
                         0);
        assert_int_equal(fs_archive_reserve(archive, "/a/parts", FS_ARCHIVE_F32, COUNT, &err), 0);
        for (size_t first = 0; first < COUNT; first += PART) {
            size_t part = COUNT - first < PART ? COUNT - first : PART;
            assert_int_equal(
                fs_archive_write_part(archive, "/a/parts", FS_ARCHIVE_F32, first, part, number + first, &err), 0);
        }
        assert_int_equal(fs_archive_write(archive, "/a/whole", FS_ARCHIVE_F32, 1, &count, number, &err), 0);
        assert_int_equal(fs_archive_write_part(archive, "/a/parts", FS_ARCHIVE_F32, COUNT - 1, 2, number, &err), -1);
        assert_int_equal(err.code, FS_EXIT_IO);
        assert_int_equal(fs_archive_write_part(archive, "/a/none", FS_ARCHIVE_F32, 0, 1, number, &err), -1);
        assert_int_equal(fs_archive_reserve(archive, "/a/parts", FS_ARCHIVE_F32, COUNT, &err), -1);
        assert_int_equal(err.code, FS_EXIT_SOFTWARE);
        err = (struct fs_error)FS_ERROR_INIT;
        assert_int_equal(fs_archive_publish(archive, &err), 0);
        assert_int_equal(fs_archive_open(scratch_path("parts.h5"), NULL, &archive, &err), 0);
        assert_int_equal(fs_archive_verify(archive, &err), 0);
        struct manifest manifest = {0};
        check_success(fs_archive_read_texts(archive, "/manifest", &manifest.lines, &manifest.line, &err), &err);
        check_success(fs_archive_visit(archive, check_line, &manifest, &err), &err);
        assert_int_equal(manifest.met, manifest.lines);
        free(manifest.line);
        assert_int_equal(fs_archive_read(archive, "/a/parts", FS_ARCHIVE_F32, COUNT, back, &err), 0);
        assert_memory_equal(back, number, COUNT * sizeof *number);
        memset(back, 0, COUNT * sizeof *back);
        for (size_t first = 0; first < COUNT; first += PART + 5) { /* parts of any place */
            size_t part = COUNT - first < PART + 5 ? COUNT - first : PART + 5;
            assert_int_equal(fs_archive_read_part(archive, "/a/whole", FS_ARCHIVE_F32, first, part, back + first, &err),
                             0);
        }
        assert_memory_equal(back, number, COUNT * sizeof *number);
        assert_int_equal(fs_archive_read_part(archive, "/a/whole", FS_ARCHIVE_F32, COUNT, 0, back, &err), 0);
        assert_int_equal(fs_archive_read_part(archive, "/a/whole", FS_ARCHIVE_F32, COUNT - 1, 2, back, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
        assert_int_equal(fs_archive_read_part(archive, "/a/whole", FS_ARCHIVE_F32, SIZE_MAX, 2, back, &err), -1);
        assert_int_equal(fs_archive_read_part(archive, "/a/whole", FS_ARCHIVE_F64, 0, 1, back, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
        err = (struct fs_error)FS_ERROR_INIT;
        fs_archive_close(archive);
    }
    free(number);
    free(back);
}

static void test_wrong_use(void **state)
{
    (void)state;
    struct fs_archive *archive;
    check_error(fs_archive_create(scratch_path("none/x.h5"), "part", "job", &archive, &err), &err,
                FS_EXIT_CANNOT_CREATE, "none", "make the folder");
    const char *path = scratch_path("wrong.h5");
    archive = create(path, "part", "job");
    size_t shape[5] = {1, 1, 1, 1, 1};
    double value = 1.0;
    check_success(fs_archive_write(archive, "/a/x", FS_ARCHIVE_F64, 1, shape, &value, &err), &err);
    check_error(fs_archive_write(archive, "/a/x", FS_ARCHIVE_F64, 1, shape, &value, &err), &err, FS_EXIT_SOFTWARE,
                "wrong.h5: /a/x", "written twice");
    check_error(fs_archive_write(archive, "/a/y", FS_ARCHIVE_F64, 5, shape, &value, &err), &err, FS_EXIT_SOFTWARE,
                "/a/y", "5 dimensions");
    static const char *const names[] = {"x", "", "/a//x", "/a/", "/a/../x", "/./x", "/a@x"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        check_error(fs_archive_write(archive, names[i], FS_ARCHIVE_F64, 1, shape, &value, &err), &err, FS_EXIT_SOFTWARE,
                    "wrong.h5", "no name");
    }
    check_error(fs_archive_write(archive, "/a/x/below", FS_ARCHIVE_F64, 1, shape, &value, &err), &err, FS_EXIT_IO,
                "wrong.h5", "/a/x/below");
    check_error(fs_archive_attribute_number(archive, "/a", "p@q", 1, &err), &err, FS_EXIT_SOFTWARE, "/a@p@q",
                "no name");
    check_success(fs_archive_attribute_number(archive, "/a", "p", 1, &err), &err);
    check_error(fs_archive_attribute_number(archive, "/a", "p", 1, &err), &err, FS_EXIT_SOFTWARE, "/a@p",
                "written twice");
    shape[0] = SIZE_MAX;
    shape[1] = 2;
    check_error(fs_archive_write(archive, "/b", FS_ARCHIVE_F64, 2, shape, &value, &err), &err, FS_EXIT_SOFTWARE, "/b",
                "beyond 2^64");
    assert_int_not_equal(access(path, F_OK), 0);
    fs_archive_abort(archive);
    check_error(fs_archive_open(path, NULL, &archive, &err), &err, FS_EXIT_NO_INPUT, "wrong.h5", "No such file");
    check_success(fs_archive_open(write_sample("reading.h5", "j", "h"), NULL, &archive, &err), &err);
    check_error(fs_archive_attribute_number(archive, "/a", "p", 1, &err), &err, FS_EXIT_SOFTWARE, "reading.h5",
                "open for reading");
    fs_archive_close(archive);
}

int main(void)
{
    H5dont_atexit(); /* as the program does, before any other call of HDF5 */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_plain_hdf5),
        cmocka_unit_test(test_same_content_same_bytes),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_visit),
        cmocka_unit_test(test_large_attribute),
        cmocka_unit_test(test_zeros),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_wrong_use),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
