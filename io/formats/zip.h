/*
 * The directory of a zip archive in memory (APPNOTE.TXT 6.3, with zip64). libzip gives copies of entries, but not where
 * they are in the file; weights are mapped and not copied, so their place is needed.
 *
 * Checked on opening: one directory that ends where the file ends; counts, sizes and places that agree between its records,
 * zip64's, and the local headers; every entry inside the file and before the directory, none overlapping another or with
 * a hole behind it, no name twice; names of valid UTF-8 without NUL that lead nowhere else. Encrypted entries and archives of several parts are
 * refused. Local.
 */
#ifndef FAIRSTAMP_IO_FORMATS_ZIP_H
#define FAIRSTAMP_IO_FORMATS_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "io/error.h"

#define FS_ZIP_STORED 0

struct fs_zip_entry {
    const char *name; /* [name_length], in the archive: no NUL behind it */
    size_t name_length;
    const unsigned char *data; /* [size] bytes as they stand in the archive */
    size_t size;
    size_t unpacked; /* what the directory says of the unpacked size: equal to `size` where stored */
    unsigned method; /* FS_ZIP_STORED: not compressed */
    uint32_t crc;    /* of the unpacked bytes, as the directory has it */
};

struct fs_zip {
    const char *path;
    size_t count;
    struct fs_zip_entry *entry; /* [count], by name */
};

/* `data` of `size` bytes is the archive `path`; both must outlive it. FS_EXIT_DATA where it is damaged. The caller
 * releases. */
int fs_zip_open(const char *path, const unsigned char *data, size_t size, struct fs_zip *zip, struct fs_error *err);
void fs_zip_release(struct fs_zip *zip); /* takes a zeroed struct; zeroes it */

/* NULL where there is no entry of this name. */
const struct fs_zip_entry *fs_zip_find(const struct fs_zip *zip, const char *name);

/* That the bytes of a stored entry have the CRC-32 of the directory. */
int fs_zip_check_crc(const struct fs_zip *zip, const struct fs_zip_entry *entry, struct fs_error *err);

#endif
