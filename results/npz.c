#include "results/npz.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

#define MAGIC "\x93NUMPY\x01" /* and a zero: version 1.0 */
#define HEADER_ROUND 64

/* An array's bytes as a .npy file; the caller frees. */
struct array {
    char *data;
    size_t size;
};

static size_t elements_of(const struct fs_archive_entry *entry)
{
    size_t elements = 1;
    for (size_t i = 0; i < entry->dimensions; i++) {
        elements *= entry->shape[i];
    }
    return elements;
}

/* The longest text, in bytes, at least 1: NumPy knows no texts of length 0. */
static size_t longest(const struct fs_archive_entry *entry, size_t elements)
{
    size_t most = 1;
    for (size_t i = 0; i < elements; i++) {
        size_t length = strlen(((char *const *)entry->data)[i]);
        most = length > most ? length : most;
    }
    return most;
}

/* "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }", blanks and a line end up to a multiple of 64 bytes. */
static size_t write_header(FILE *stream, const struct fs_archive_entry *entry, size_t width)
{
    static const char *const types[] = {[FS_ARCHIVE_F32] = "<f4",
                                        [FS_ARCHIVE_F64] = "<f8",
                                        [FS_ARCHIVE_I32] = "<i4",
                                        [FS_ARCHIVE_I64] = "<i8",
                                        [FS_ARCHIVE_U8] = "|u1"};
    char type[32], shape[128] = "", header[256];
    snprintf(type, sizeof type, "|S%zu", width);
    for (size_t i = 0, used = 0; i < entry->dimensions; i++) {
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%zu,%s", entry->shape[i],
                                 i + 1 < entry->dimensions ? " " : "");
    }
    int length = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                          entry->is_text ? type : types[entry->type], shape);
    size_t before = sizeof MAGIC + 2, all = before + (size_t)length + 1;
    size_t blanks = (HEADER_ROUND - all % HEADER_ROUND) % HEADER_ROUND, said = (size_t)length + blanks + 1;
    fwrite(MAGIC, 1, sizeof MAGIC, stream);
    fputc((int)(said % 256), stream);
    fputc((int)(said / 256), stream);
    fprintf(stream, "%s%*s\n", header, (int)blanks, "");
    return before + said;
}

static int make_array(const struct fs_archive_entry *entry, struct array *array, struct fs_error *err)
{
    static const size_t sizes[] = {
        [FS_ARCHIVE_F32] = 4, [FS_ARCHIVE_F64] = 8, [FS_ARCHIVE_I32] = 4, [FS_ARCHIVE_I64] = 8, [FS_ARCHIVE_U8] = 1};
    size_t elements = elements_of(entry), width = entry->is_text ? longest(entry, elements) : sizes[entry->type];
    *array = (struct array){0};
    FILE *stream = open_memstream(&array->data, &array->size);
    if (stream == NULL) {
        return fs_error_memory(err, elements * width, "an array");
    }
    size_t expected = write_header(stream, entry, width) + elements * width;
    for (size_t i = 0; entry->is_text && i < elements; i++) {
        const char *text = ((char *const *)entry->data)[i];
        size_t length = strlen(text);
        fwrite(text, 1, length, stream);
        for (; length < width; length++) {
            fputc(0, stream);
        }
    }
    if (!entry->is_text && elements > 0) { /* little-endian, as the processors that fairstamp is built for */
        fwrite(entry->data, width, elements, stream);
    }
    if (fclose(stream) != 0 || array->size != expected) {
        free(array->data);
        return fs_error_memory(err, expected, "an array");
    }
    return 0;
}

struct npz {
    zip_t *zip;
};

static int add_entry(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    struct npz *npz = context;
    struct array array;
    char *name = NULL;
    if (make_array(entry, &array, err) != 0) {
        return -1;
    }
    const char *from = entry->name[0] == '/' ? entry->name + 1 : entry->name;
    zip_source_t *source = zip_source_buffer(npz->zip, array.data, array.size, 1); /* it frees the data */
    if (source == NULL || asprintf(&name, "%s.npy", from) < 0) {
        free(source == NULL ? array.data : NULL);
        zip_source_free(source);
        return fs_error_memory(err, array.size, "an array");
    }
    zip_int64_t index = zip_file_add(npz->zip, name, source, ZIP_FL_ENC_UTF_8);
    free(name);
    if (index < 0) {
        zip_source_free(source);
        return fs_error_set(err, FS_EXIT_SOFTWARE, "export: %s: %s", entry->name, zip_strerror(npz->zip));
    }
    /* 1980-01-01, the earliest time that zip knows: no time of today in the bytes */
    if (zip_set_file_compression(npz->zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(npz->zip, (zip_uint64_t)index, 0, 1 << 5 | 1, 0) != 0) {
        return fs_error_set(err, FS_EXIT_SOFTWARE, "export: %s: %s", entry->name, zip_strerror(npz->zip));
    }
    return 0;
}

/* What `source` holds, to `stream`. */
static int copy_out(zip_source_t *source, FILE *stream, struct fs_error *err)
{
    char block[65536];
    zip_int64_t length = -1;
    if (zip_source_open(source) == 0) {
        while ((length = zip_source_read(source, block, sizeof block)) > 0) {
            fwrite(block, 1, (size_t)length, stream); /* the caller asks the stream for its errors */
        }
        zip_source_close(source);
    }
    return length == 0 ? 0 : fs_error_set(err, FS_EXIT_SOFTWARE, "export: the zip archive cannot be read back");
}

int fs_npz_write(const struct fs_archive *archive, FILE *stream, struct fs_error *err)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *buffer = zip_source_buffer_create(NULL, 0, 0, &error);
    struct npz npz = {buffer != NULL ? zip_open_from_source(buffer, ZIP_TRUNCATE, &error) : NULL};
    if (npz.zip == NULL) {
        zip_source_free(buffer);
        return fs_error_memory(err, 65536, "a zip archive");
    }
    zip_source_keep(buffer); /* closing the archive would free it */
    int status = fs_archive_visit(archive, add_entry, &npz, err);
    if (status == 0 && zip_close(npz.zip) != 0) {
        status = fs_error_set(err, FS_EXIT_OS, "export: %s", zip_strerror(npz.zip));
    } else if (status == 0) {
        npz.zip = NULL;
    }
    if (npz.zip != NULL) {
        zip_discard(npz.zip);
    }
    status = status == 0 ? copy_out(buffer, stream, err) : -1;
    zip_source_free(buffer);
    return status;
}
