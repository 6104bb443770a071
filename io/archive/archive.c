#include "io/archive/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/archive/archive_internal.h"
#include "io/digest.h"
#include "io/file_map.h"
#include "io/publish.h"

#define MAGIC "fairstamp archive "
#define MEMORY_STEP ((size_t)1 << 20) /* bytes by which a file in memory grows */

/* Closes and frees; a temporary file is removed. */
static void destroy(struct fs_archive *archive)
{
    if (archive->file >= 0) {
        H5Fclose(archive->file);
        H5Eclear2(H5E_DEFAULT);
    }
    fs_publish_abort(archive->temporary);
    free(archive->temporary);
    free(archive->path);
    free(archive->format);
    free(archive->job);
    free(archive);
}

static struct fs_archive *make(const char *path, struct fs_error *err)
{
    fs_archive_prepare_hdf5();
    struct fs_archive *archive = fs_allocate(1, sizeof *archive, "an archive", err);
    if (archive == NULL) {
        return NULL;
    }
    archive->file = -1;
    archive->path = strdup(path);
    if (archive->path == NULL) {
        fs_error_memory(err, strlen(path), "a path");
        destroy(archive);
        return NULL;
    }
    return archive;
}

/*
 * The serial driver, or memory for a file that is made: where a disk is full HDF5 fails to close the file, keeps its
 * handle, and falls over it at exit. All handles close with the file; no file locks, which network file systems may
 * lack.
 */
static hid_t access_properties(bool in_memory)
{
    hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
    if (properties < 0 ||
        (in_memory ? H5Pset_fapl_core(properties, MEMORY_STEP, 0) : H5Pset_fapl_sec2(properties)) < 0 ||
        H5Pset_fclose_degree(properties, H5F_CLOSE_STRONG) < 0 ||
        H5Pset_libver_bounds(properties, H5F_LIBVER_V18, H5F_LIBVER_V110) < 0) {
        return -1;
    }
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(properties, 0, 1);
#endif
    return properties;
}

static int create_file(struct fs_archive *archive, struct fs_error *err)
{
    hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    hid_t access_list = access_properties(!archive->on_disk);
    /* Without times, the same content gives the same bytes. */
    if (creation >= 0 && access_list >= 0 && H5Pset_userblock(creation, FS_ARCHIVE_USER_BLOCK) >= 0 &&
        H5Pset_obj_track_times(creation, 0) >= 0) {
        archive->file = H5Fcreate(archive->temporary, H5F_ACC_TRUNC, creation, access_list);
    }
    int result = archive->file >= 0
                     ? 0
                     : fs_archive_hdf5_error(archive->temporary, "/", FS_EXIT_CANNOT_CREATE, "cannot be made", err);
    H5Pclose(creation);
    H5Pclose(access_list);
    return result;
}

static int create(const char *path, const char *format, const char *job, bool on_disk, struct fs_archive **archive,
                  struct fs_error *err)
{
    *archive = NULL;
    struct fs_archive *made = make(path, err);
    if (made == NULL) {
        return -1;
    }
    made->on_disk = on_disk;
    made->format = strdup(format);
    made->job = strdup(job);
    if (made->format == NULL || made->job == NULL) {
        fs_error_memory(err, strlen(format) + strlen(job), "an archive");
    } else if (fs_publish_begin(path, &made->temporary, err) == 0 && create_file(made, err) == 0 &&
               fs_archive_attribute_text(made, "/", "format", format, err) == 0 &&
               fs_archive_attribute_integer(made, "/", "version", FS_ARCHIVE_VERSION, err) == 0 &&
               fs_archive_attribute_text(made, "/", "job", job, err) == 0) {
        *archive = made;
        return 0;
    }
    destroy(made);
    return -1;
}

int fs_archive_create(const char *path, const char *format, const char *job, struct fs_archive **archive,
                      struct fs_error *err)
{
    return create(path, format, job, false, archive, err);
}

int fs_archive_create_large(const char *path, const char *format, const char *job, struct fs_archive **archive,
                            struct fs_error *err)
{
    return create(path, format, job, true, archive, err);
}

/* The user block of a file of `size` bytes whose bytes from 512 on have the digest `hex`. */
static void user_block(char block[FS_ARCHIVE_USER_BLOCK], const char *hex, size_t size)
{
    memset(block, 0, FS_ARCHIVE_USER_BLOCK);
    snprintf(block, FS_ARCHIVE_USER_BLOCK, MAGIC "%d\nsha256 %s\nlength %zu\n", FS_ARCHIVE_VERSION, hex, size);
}

/* Writes the temporary file: the user block, then what HDF5 holds in memory. */
static int write_file(const struct fs_archive *archive, struct fs_error *err)
{
    void *handle = NULL;
    bool flushed = H5Fflush(archive->file, H5F_SCOPE_LOCAL) >= 0;
    ssize_t length = flushed ? H5Fget_file_image(archive->file, NULL, 0) : -1; /* without the user block */
    if (length <= 0 || H5Fget_vfd_handle(archive->file, H5P_DEFAULT, &handle) < 0) {
        return fs_archive_hdf5_error(archive->path, "/", FS_EXIT_SOFTWARE, "cannot be finished", err);
    }
    unsigned char *bytes = *(unsigned char **)handle;
    size_t size = FS_ARCHIVE_USER_BLOCK + (size_t)length;
    char hex[FS_DIGEST_SIZE];
    fs_digest_bytes(bytes + FS_ARCHIVE_USER_BLOCK, (size_t)length, hex);
    user_block((char *)bytes, hex, size);
    return fs_publish_write(archive->temporary, bytes, size, err);
}

/* The file is on disk except for its user block; read back and verified, as nothing else has looked at it since. */
static int finish_on_disk(struct fs_archive *archive, struct fs_error *err)
{
    herr_t closed = H5Fclose(archive->file);
    archive->file = -1;
    if (closed < 0) {
        return fs_archive_hdf5_error(archive->path, "/", FS_EXIT_IO, "writing failed; is the disk full?", err);
    }
    struct fs_file_map map;
    if (fs_file_map_open(archive->temporary, &map, err) != 0) {
        return -1;
    }
    char hex[FS_DIGEST_SIZE];
    char block[FS_ARCHIVE_USER_BLOCK];
    fs_digest_bytes(map.data + FS_ARCHIVE_USER_BLOCK, map.size - FS_ARCHIVE_USER_BLOCK, hex);
    user_block(block, hex, map.size);
    fs_file_map_close(&map);
    int descriptor = open(archive->temporary, O_WRONLY | O_CLOEXEC);
    bool written = descriptor >= 0 && pwrite(descriptor, block, sizeof block, 0) == (ssize_t)sizeof block;
    int failure = errno;
    written = (descriptor < 0 || close(descriptor) == 0) && written;
    if (!written) {
        return fs_error_set(err, FS_EXIT_IO, "%s: writing failed: %s; is the disk full?", archive->temporary,
                            strerror(failure));
    }
    struct fs_archive *again;
    if (fs_archive_open(archive->temporary, archive->format, &again, err) != 0) {
        return fs_error_prepend(err, "what was written cannot be read back");
    }
    int result = fs_archive_verify(again, err);
    fs_archive_close(again);
    return result;
}

int fs_archive_publish(struct fs_archive *archive, struct fs_error *err)
{
    int result = -1;
    if (fs_archive_write_scales(archive, err) == 0 && fs_archive_write_manifest(archive, err) == 0) {
        result = archive->on_disk ? finish_on_disk(archive, err) : write_file(archive, err);
    }
    if (result == 0) {
        result = fs_publish_commit(archive->temporary, archive->path, err);
        free(archive->temporary);
        archive->temporary = NULL;
    }
    destroy(archive);
    return result;
}

void fs_archive_abort(struct fs_archive *archive)
{
    if (archive != NULL) {
        destroy(archive);
    }
}

/* A decimal number of at most 18 digits between `label` and a newline; -1 where there is none. */
static long long labelled_number(const char *block, const char *label)
{
    const char *at = strstr(block, label);
    if (at == NULL) {
        return -1;
    }
    at += strlen(label);
    size_t digits = strspn(at, "0123456789");
    return digits >= 1 && digits <= 18 && at[digits] == '\n' ? strtoll(at, NULL, 10) : -1;
}

static int check_user_block(const struct fs_file_map *map, const char *path, struct fs_error *err)
{
    char block[FS_ARCHIVE_USER_BLOCK + 1] = "";
    memcpy(block, map->data, map->size < FS_ARCHIVE_USER_BLOCK ? map->size : FS_ARCHIVE_USER_BLOCK);
    if (strncmp(block, MAGIC, strlen(MAGIC)) != 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: is no archive of fairstamp: expected it to begin with \"" MAGIC "%d\"", path,
                            FS_ARCHIVE_VERSION);
    }
    long long version = labelled_number(block, MAGIC);
    if (version > FS_ARCHIVE_VERSION) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found archive version %lld, expected %d; read it with a newer fairstamp", path,
                            version, FS_ARCHIVE_VERSION);
    }
    long long length = labelled_number(block, "\nlength ");
    if (length > 0 && (unsigned long long)length != map->size) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found %zu bytes, expected %lld: the file is cut short or was changed; "
                            "copy it again or run its stage again",
                            path, map->size, length);
    }
    if (map->size <= FS_ARCHIVE_USER_BLOCK) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found %zu bytes, expected more: the file is cut short; copy it again", path,
                            map->size);
    }
    char hex[FS_DIGEST_SIZE];
    char expected[FS_ARCHIVE_USER_BLOCK];
    fs_digest_bytes(map->data + FS_ARCHIVE_USER_BLOCK, map->size - FS_ARCHIVE_USER_BLOCK, hex);
    user_block(expected, hex, map->size);
    if (memcmp(expected, block, sizeof expected) != 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: sha256: found %s, expected what its first 512 bytes say: the file is damaged; "
                            "copy it again or run its stage again",
                            path, hex);
    }
    return 0;
}

/* Before HDF5, whose readers trust their input, sees the file. */
static int check_bytes(struct fs_archive *archive, struct fs_error *err)
{
    struct fs_file_map map;
    if (fs_file_map_open(archive->path, &map, err) != 0) {
        return -1;
    }
    int result = check_user_block(&map, archive->path, err);
    archive->file_size = map.size;
    fs_file_map_close(&map);
    return result;
}

static int open_file(struct fs_archive *archive, struct fs_error *err)
{
    hid_t access_list = access_properties(false);
    if (access_list >= 0) {
        archive->file = H5Fopen(archive->path, H5F_ACC_RDONLY, access_list);
    }
    int result =
        archive->file >= 0 ? 0 : fs_archive_hdf5_error(archive->path, "/", FS_EXIT_DATA, "cannot be opened", err);
    H5Pclose(access_list);
    return result;
}

static int read_identity(struct fs_archive *archive, const char *format, struct fs_error *err)
{
    int64_t version;
    if (fs_archive_read_attribute_text(archive, "/", "format", &archive->format, err) != 0 ||
        fs_archive_read_attribute_text(archive, "/", "job", &archive->job, err) != 0 ||
        fs_archive_read_attribute_integer(archive, "/", "version", &version, err) != 0) {
        return -1;
    }
    if (version != FS_ARCHIVE_VERSION) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: /@version: found %lld, expected %d", archive->path,
                            (long long)version, FS_ARCHIVE_VERSION);
    }
    if (format != NULL && strcmp(format, archive->format) != 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: /@format: found \"%.100s\", expected \"%s\"; give the archive of the right stage",
                            archive->path, archive->format, format);
    }
    return 0;
}

static int open_archive(const char *path, const char *format, bool damaged, struct fs_archive **archive,
                        struct fs_error *err)
{
    *archive = NULL;
    struct fs_archive *made = make(path, err);
    if (made == NULL) {
        return -1;
    }
    /* sizes are still checked against the file's */
    bool read = check_bytes(made, err) == 0 || (damaged && made->file_size > FS_ARCHIVE_USER_BLOCK);
    if (!read || open_file(made, err) != 0 || fs_archive_check_links(made, err) != 0 ||
        read_identity(made, format, err) != 0) {
        destroy(made);
        return -1;
    }
    *archive = made;
    return 0;
}

int fs_archive_open(const char *path, const char *format, struct fs_archive **archive, struct fs_error *err)
{
    return open_archive(path, format, false, archive, err);
}

int fs_archive_open_damaged(const char *path, struct fs_archive **archive, struct fs_error *err)
{
    return open_archive(path, NULL, true, archive, err);
}

void fs_archive_close(struct fs_archive *archive)
{
    fs_archive_abort(archive);
}

const char *fs_archive_job(const struct fs_archive *archive)
{
    return archive->job;
}

const char *fs_archive_format(const struct fs_archive *archive)
{
    return archive->format;
}
