#include "io/formats/zip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/little_endian.h"
#include "io/utf8.h"

/* Lengths of the fixed parts of records. */
enum { LOCAL = 30, CENTRAL = 46, END = 22, END64 = 56, LOCATOR64 = 20 };

#define IN_ZIP64 0xffffffffu /* of a field: the value is in the extra field or record of zip64 */
#define MADE_AGAIN "the file is damaged or was not written by torch.save; fetch or save it again"

/* Flags that say nothing of how the bytes are to be read: the compressor's choice, sizes behind the data, UTF-8 names. */
enum { HARMLESS = 0x0002 | 0x0004 | 0x0008 | 0x0800, SIZES_BEHIND = 0x0008, ENCRYPTED = 0x0001 | 0x0040 | 0x2000 };

/* Where the directory is. */
struct directory {
    size_t begin, end, count;
};

/* An entry while the directory is read. */
struct record {
    const unsigned char *header; /* the central one */
    struct fs_zip_entry entry;
    uint64_t size, unpacked, local;
};

static uint64_t number(const unsigned char *record, size_t offset, size_t size)
{
    return fs_little_endian(record + offset, size);
}

static bool begins(const unsigned char *data, const char *signature)
{
    return memcmp(data, signature, 4) == 0;
}

/* The record of the end: the last one of its signature, whose comment must reach to the end of the file. */
static int find_end(const char *path, const unsigned char *data, size_t size, size_t *end, struct fs_error *err)
{
    size_t least = size > END + 0xffff ? size - END - 0xffff : 0;
    for (size_t at = size < END ? 0 : size - END + 1; at > least; at--) {
        if (!begins(data + at - 1, "PK\5\6")) {
            continue;
        }
        *end = at - 1;
        if (number(data + *end, 20, 2) != size - *end - END) {
            return fs_error_set(
                err, FS_EXIT_DATA,
                "%s: found %zu bytes behind the directory of the zip archive, expected %zu; " MADE_AGAIN, path,
                size - *end - END, (size_t)number(data + *end, 20, 2));
        }
        return 0;
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: found no directory at the end of the zip archive: the file is cut short; fetch it again",
                        path);
}

/* What zip64's record says, in `directory`; where its fields begin in `end`. */
static int read_end64(const char *path, const unsigned char *data, size_t *end, struct directory *directory,
                      struct fs_error *err)
{
    const unsigned char *locator = data + *end - LOCATOR64;
    uint64_t at = number(locator, 8, 8);
    if (*end < LOCATOR64 + END64 || at != *end - LOCATOR64 - END64 || number(locator, 4, 4) != 0 ||
        number(locator, 16, 4) > 1 || !begins(data + at, "PK\6\6") || number(data + at, 4, 8) != END64 - 12) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found a locator of zip64 that leads to byte %llu, expected its record directly before "
                            "it; " MADE_AGAIN,
                            path, (unsigned long long)at);
    }
    const unsigned char *record = data + at, *old = data + *end;
    uint64_t count = number(record, 32, 8), size = number(record, 40, 8), begin = number(record, 48, 8);
    uint64_t old_count = number(old, 10, 2), old_size = number(old, 12, 4), old_begin = number(old, 16, 4);
    if (number(record, 16, 4) != 0 || number(record, 20, 4) != 0 || number(record, 24, 8) != count ||
        (old_count != 0xffff && old_count != count) || (old_size != IN_ZIP64 && old_size != size) ||
        (old_begin != IN_ZIP64 && old_begin != begin)) {
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: the records at the end of the zip archive disagree: %llu entries, %llu bytes from byte "
            "%llu, and in zip64's %llu, %llu, %llu; " MADE_AGAIN,
            path, (unsigned long long)old_count, (unsigned long long)old_size, (unsigned long long)old_begin,
            (unsigned long long)count, (unsigned long long)size, (unsigned long long)begin);
    }
    *end = (size_t)at;
    *directory = (struct directory){(size_t)begin, (size_t)size, (size_t)count};
    return 0;
}

static int find_directory(const char *path, const unsigned char *data, size_t size, struct directory *directory,
                          struct fs_error *err)
{
    size_t end = 0;
    if (find_end(path, data, size, &end, err) != 0) {
        return -1;
    }
    const unsigned char *record = data + end;
    if (number(record, 4, 2) != 0 || number(record, 6, 2) != 0 || number(record, 8, 2) != number(record, 10, 2)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: is one of several parts of a zip archive; " MADE_AGAIN, path);
    }
    *directory =
        (struct directory){(size_t)number(record, 16, 4), (size_t)number(record, 12, 4), (size_t)number(record, 10, 2)};
    if (end >= LOCATOR64 && begins(data + end - LOCATOR64, "PK\6\7") &&
        read_end64(path, data, &end, directory, err) != 0) {
        return -1;
    }
    size_t length = directory->end; /* until here it holds the length */
    if (directory->begin > end || length != end - directory->begin || directory->count > length / CENTRAL) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found a directory of %zu entries in %zu bytes from byte %zu, expected it to end at "
                            "byte %zu, where its end "
                            "is recorded; " MADE_AGAIN,
                            path, directory->count, length, directory->begin, end);
    }
    directory->end = end;
    return 0;
}

/* A text of an entry for messages: as much of the name as a line can take. */
#define NAME(entry) (int)((entry)->name_length < 200 ? (entry)->name_length : 200), (entry)->name

static int refuse(const char *path, const struct fs_zip_entry *entry, const char *says, struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_DATA, "%s: entry %.*s of the zip archive: %s; " MADE_AGAIN, path, NAME(entry),
                        says);
}

/* Names are never opened as files; a writer of weights makes none of these all the same. */
static bool leads_elsewhere(const char *name, size_t length)
{
    size_t begin = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && name[i] != '/') {
            if (name[i] == '\\') {
                return true;
            }
            continue;
        }
        if ((i == begin && i < length) || (i - begin == 2 && memcmp(name + begin, "..", 2) == 0)) {
            return true; /* "/a", "a//b", "a/../b" */
        }
        begin = i + 1;
    }
    return false;
}

static int check_name(const char *path, const struct fs_zip_entry *entry, struct fs_error *err)
{
    const unsigned char *name = (const unsigned char *)entry->name;
    if (entry->name_length == 0 || !fs_utf8_is_text(name, entry->name_length)) {
        return refuse(path, entry, "its name is empty, holds a NUL or is not UTF-8", err);
    }
    return leads_elsewhere(entry->name, entry->name_length)
               ? refuse(path, entry, "its name leads outside the archive", err)
               : 0;
}

/* Puts the values in that the extra field of zip64 has in place of 32 bits, in its order. */
static int read_extra64(const char *path, struct record *record, const unsigned char *extra, size_t length,
                        struct fs_error *err)
{
    uint64_t *values[] = {&record->unpacked, &record->size, &record->local};
    bool wanted = record->unpacked == IN_ZIP64 || record->size == IN_ZIP64 || record->local == IN_ZIP64, found = false;
    while (length > 0) {
        size_t field = length < 4 ? 0 : (size_t)number(extra, 2, 2), at = 0;
        if (length < 4 || field > length - 4) {
            return refuse(path, &record->entry, "its extra field is cut short", err);
        }
        bool is_zip64 = number(extra, 0, 2) == 1 && wanted;
        if (is_zip64 && found) {
            return refuse(path, &record->entry, "has two fields of zip64", err);
        }
        for (size_t i = 0; is_zip64 && i < 3; i++) {
            if (*values[i] == IN_ZIP64) {
                if (field - at < 8) {
                    return refuse(path, &record->entry, "its field of zip64 lacks a size or a place", err);
                }
                *values[i] = number(extra + 4, at, 8);
                at += 8;
            }
        }
        found = found || is_zip64;
        extra += 4 + field;
        length -= 4 + field;
    }
    return wanted && !found ? refuse(path, &record->entry, "its sizes are in a field of zip64 that is not there", err)
                            : 0;
}

/* The entry whose central header is at *at, which moves behind it. */
static int read_central(const char *path, const unsigned char *data, const struct directory *directory, size_t *at,
                        struct record *record, struct fs_error *err)
{
    const unsigned char *header = data + *at;
    size_t left = directory->end - *at;
    if (left < CENTRAL || !begins(header, "PK\1\2")) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: byte %zu: found no entry of the zip archive's directory, expected one; " MADE_AGAIN,
                            path, *at);
    }
    size_t name = (size_t)number(header, 28, 2), extra = (size_t)number(header, 30, 2);
    size_t comment = (size_t)number(header, 32, 2);
    if (left - CENTRAL < name + extra + comment) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: byte %zu: an entry of the zip archive's directory is cut short; " MADE_AGAIN, path,
                            *at);
    }
    *record = (struct record){
        .header = header,
        .entry = {.name = (const char *)header + CENTRAL,
                  .name_length = name,
                  .method = (unsigned)number(header, 10, 2),
                  .crc = (uint32_t)number(header, 16, 4)},
        .size = number(header, 20, 4),
        .unpacked = number(header, 24, 4),
        .local = number(header, 42, 4),
    };
    *at += CENTRAL + name + extra + comment;
    if (check_name(path, &record->entry, err) != 0 ||
        read_extra64(path, record, header + CENTRAL + name, extra, err) != 0) {
        return -1;
    }
    unsigned flags = (unsigned)number(header, 8, 2);
    if ((flags & ENCRYPTED) != 0) {
        return refuse(path, &record->entry, "is encrypted", err);
    }
    if ((flags & ~(unsigned)HARMLESS) != 0 || number(header, 34, 2) != 0) {
        return refuse(path, &record->entry, "has flags of an archive in several parts or of a patch", err);
    }
    if (record->entry.method == FS_ZIP_STORED && record->size != record->unpacked) {
        return refuse(path, &record->entry, "is stored, but its two sizes differ", err);
    }
    return 0;
}

/* A size of the local header: as the directory has it, or left to it. */
static bool agrees(uint64_t local, uint64_t central, bool behind)
{
    return local == central || local == IN_ZIP64 || (behind && local == 0);
}

/* Goes to the data of an entry by its local header, which must say what the directory says. */
static int read_local(const char *path, const unsigned char *data, const struct directory *directory,
                      struct record *record, struct fs_error *err)
{
    struct fs_zip_entry *entry = &record->entry;
    if (record->local > directory->begin || directory->begin - record->local < LOCAL ||
        !begins(data + record->local, "PK\3\4")) {
        return refuse(path, entry, "the directory gives a place where it does not begin", err);
    }
    const unsigned char *header = data + record->local;
    size_t room = directory->begin - (size_t)record->local - LOCAL;
    size_t name = (size_t)number(header, 26, 2), extra = (size_t)number(header, 28, 2);
    bool behind = (number(header, 6, 2) & SIZES_BEHIND) != 0;
    if (name != entry->name_length || name + extra > room || memcmp(header + LOCAL, entry->name, name) != 0 ||
        number(header, 6, 2) != number(record->header, 8, 2) || number(header, 8, 2) != entry->method ||
        !agrees(number(header, 18, 4), record->size, behind) ||
        !agrees(number(header, 22, 4), record->unpacked, behind)) {
        return refuse(path, entry, "its own header says other things than the directory", err);
    }
    if (record->size > room - name - extra) {
        return refuse(path, entry,
                      "reaches beyond the place of the entries: its size is wrong or the file is cut short", err);
    }
    entry->data = header + LOCAL + name + extra;
    entry->size = (size_t)record->size;
    entry->unpacked = (size_t)record->unpacked;
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    return (x->local > y->local) - (x->local < y->local);
}

static int compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static int by_name(const void *a, const void *b)
{
    const struct fs_zip_entry *x = a, *y = b;
    return compare(x->name, x->name_length, y->name, y->name_length);
}

/* Whether nothing but what the flags announce, the sizes once more, is between the data of an entry and `next`. Otherwise
 * the data may begin elsewhere than its own header says. */
static int check_end(const char *path, const struct record *record, const unsigned char *next, struct fs_error *err)
{
    const struct fs_zip_entry *entry = &record->entry;
    const unsigned char *end = entry->data + entry->size;
    if (next < end) {
        return refuse(path, entry, "overlaps another entry", err);
    }
    size_t left = (size_t)(next - end), size = left == 24 ? 8 : 4;
    bool behind = (number(record->header, 8, 2) & SIZES_BEHIND) != 0;
    if ((!behind && left == 0) ||
        (behind && (left == 16 || left == 24) && begins(end, "PK\7\10") && number(end, 4, 4) == entry->crc &&
         number(end, 8, size) == entry->size && number(end, 8 + size, size) == entry->unpacked)) {
        return 0;
    }
    return refuse(path, entry, "is followed by bytes that belong to no entry", err);
}

static int read_directory(const unsigned char *data, const struct directory *directory, struct record *records,
                          struct fs_zip *zip, struct fs_error *err)
{
    size_t at = directory->begin;
    for (size_t i = 0; i < directory->count; i++) {
        if (read_central(zip->path, data, directory, &at, &records[i], err) != 0 ||
            read_local(zip->path, data, directory, &records[i], err) != 0) {
            return -1;
        }
    }
    if (at != directory->end) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found %zu bytes behind the %zu entries of the zip archive's directory; " MADE_AGAIN,
                            zip->path, directory->end - at, directory->count);
    }
    qsort(records, directory->count, sizeof *records, by_place);
    for (size_t i = 0; i < directory->count; i++) {
        size_t next = i + 1 < directory->count ? (size_t)records[i + 1].local : directory->begin;
        if (check_end(zip->path, &records[i], data + next, err) != 0) {
            return -1;
        }
        zip->entry[i] = records[i].entry;
    }
    zip->count = directory->count;
    qsort(zip->entry, zip->count, sizeof *zip->entry, by_name);
    for (size_t i = 1; i < zip->count; i++) {
        if (by_name(&zip->entry[i - 1], &zip->entry[i]) == 0) {
            return refuse(zip->path, &zip->entry[i], "is there twice", err);
        }
    }
    return 0;
}

int fs_zip_open(const char *path, const unsigned char *data, size_t size, struct fs_zip *zip, struct fs_error *err)
{
    struct directory directory = {0};
    *zip = (struct fs_zip){.path = path};
    if (find_directory(path, data, size, &directory, err) != 0) {
        return -1;
    }
    if (directory.count == 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: the zip archive is empty; " MADE_AGAIN, path);
    }
    struct record *records = fs_allocate(directory.count, sizeof *records, "the entries of a zip archive", err);
    zip->entry =
        records == NULL ? NULL : fs_allocate(directory.count, sizeof *zip->entry, "the entries of a zip archive", err);
    int status = zip->entry == NULL ? -1 : read_directory(data, &directory, records, zip, err);
    free(records);
    if (status != 0) {
        fs_zip_release(zip);
    }
    return status;
}

void fs_zip_release(struct fs_zip *zip)
{
    free(zip->entry);
    *zip = (struct fs_zip){0};
}

const struct fs_zip_entry *fs_zip_find(const struct fs_zip *zip, const char *name)
{
    struct fs_zip_entry wanted = {.name = name, .name_length = strlen(name)};
    return zip->count == 0 ? NULL : bsearch(&wanted, zip->entry, zip->count, sizeof wanted, by_name);
}

int fs_zip_check_crc(const struct fs_zip *zip, const struct fs_zip_entry *entry, struct fs_error *err)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < entry->size; i++) {
        crc ^= entry->data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
        }
    }
    return ~crc == entry->crc ? 0 : refuse(zip->path, entry, "its CRC-32 does not hold", err);
}
