/* Shared by the parts of io/archive/archive.h. */
#ifndef FAIRSTAMP_IO_ARCHIVE_ARCHIVE_INTERNAL_H
#define FAIRSTAMP_IO_ARCHIVE_ARCHIVE_INTERNAL_H

#include <hdf5.h>

#include "io/archive/archive.h"
#include "io/digest.h"

#define FS_ARCHIVE_USER_BLOCK 512
#define FS_ARCHIVE_MANIFEST "/manifest"
#define FS_ARCHIVE_MAX_NAME 1024
#define FS_ARCHIVE_MAX_DIMENSIONS 4

struct fs_archive {
    char *path;
    char *temporary; /* NULL where opened for reading */
    char *format;
    char *job;
    hid_t file;       /* negative where closed */
    size_t file_size; /* bytes; reading only */
    bool on_disk;     /* made by fs_archive_create_large */
};

/* Little-endian type of the file, which is what a little-endian machine has in memory too: HDF5 converts elsewhere. */
hid_t fs_archive_file_type(enum fs_archive_type type);
hid_t fs_archive_memory_type(enum fs_archive_type type);
size_t fs_archive_type_size(enum fs_archive_type type);
const char *fs_archive_type_name(enum fs_archive_type type);

/* Elements first .. first + count - 1 of a dataset of one dimension; negative where it has fewer. The caller closes it. */
hid_t fs_archive_select(hid_t dataset, size_t first, size_t count);

/* As fs_archive_visit, but data is NULL of a long vector of numbers, which the visitor reads part by part. */
int fs_archive_visit_lazily(const struct fs_archive *archive,
                            int (*visit)(void *context, const struct fs_archive_entry *entry, struct fs_error *err),
                            void *context, struct fs_error *err);

/* A fixed-length UTF-8 type of `size` bytes, NUL padded; negative on failure. The caller closes it with H5Tclose. */
hid_t fs_archive_text_type(size_t size);

/* Turns off HDF5's printing of errors, whose texts come with fs_archive_hdf5_error, and its handler at exit. */
void fs_archive_prepare_hdf5(void);

/* "path: name: <what>: <HDF5's own words>". Returns -1. */
int fs_archive_hdf5_error(const char *path, const char *name, enum fs_exit code, const char *what,
                          struct fs_error *err);

/* Whether `name` is "/", or "/a/b" of at most FS_ARCHIVE_MAX_NAME bytes without empty, "." or ".." parts and "@". */
bool fs_archive_valid_name(const char *name);

/* A dataset or attribute as the file has it, its type, shape and storage checked. */
struct fs_archive_item {
    bool is_text;
    enum fs_archive_type type; /* where not text */
    size_t item_size;          /* bytes of an element in the file */
    size_t dimensions;
    size_t shape[FS_ARCHIVE_MAX_DIMENSIONS];
    size_t elements;
    size_t bytes;
};

/* `id`: an open dataset or attribute. FS_EXIT_DATA where it is of a kind that fairstamp never writes. */
int fs_archive_describe(const struct fs_archive *archive, const char *name, hid_t id, bool is_attribute,
                        struct fs_archive_item *item, struct fs_error *err);

/*
 * Reads what was described, dense: numbers in native order, texts as [elements] fields of item_size bytes, padded. The
 * caller frees; NULL with `err` set.
 */
void *fs_archive_load(const struct fs_archive *archive, const char *name, hid_t id, bool is_attribute,
                      const struct fs_archive_item *item, struct fs_error *err);

/* [elements] texts and the array of pointers to them in one block, checked to be UTF-8; the caller frees. */
char **fs_archive_split_texts(const struct fs_archive *archive, const char *name, const struct fs_archive_item *item,
                              const char *fields, struct fs_error *err);

/* Checks that only hard links, groups, datasets and attributes that fairstamp writes are in a file just opened. */
int fs_archive_check_links(const struct fs_archive *archive, struct fs_error *err);

/* What HDF5 notes on datasets with dimension scales: whether `name` is one of these attributes. */
bool fs_archive_is_scale_note(const char *name);
/* That the attribute `id`, of such a name, has the type that HDF5 gives it. */
int fs_archive_check_scale_note(const struct fs_archive *archive, const char *name, const char *attribute, hid_t id,
                                struct fs_error *err);
/* Makes dimension scales after the attributes "dimensions". */
int fs_archive_write_scales(struct fs_archive *archive, struct fs_error *err);

/* Makes `name` the scale of its own dimension, so that readers see a name there. */
int fs_archive_make_scale(struct fs_archive *archive, const char *name, struct fs_error *err);

/* Opens without a look at the hash: for fs_archive_find_damage alone. */
int fs_archive_open_damaged(const char *path, struct fs_archive **archive, struct fs_error *err);

/* Hashes all there is and writes /manifest. */
int fs_archive_write_manifest(struct fs_archive *archive, struct fs_error *err);

/* A growing list of names; `digest` is used by the manifest alone. */
struct fs_entry_name {
    char *name;
    bool is_dataset;
    char digest[FS_DIGEST_SIZE];
};

struct fs_name_list {
    size_t count;
    size_t room;
    struct fs_entry_name *item;
    const struct fs_archive *archive;
    const char *group; /* in which objects are collected */
    struct fs_error *err;
};

/* Copies the name. -1 with the list's err set. */
int fs_add_name(struct fs_name_list *list, const char *name, bool is_dataset, const char *digest);
void fs_sort_names(struct fs_name_list *list);
void fs_release_names(struct fs_name_list *list); /* takes a zeroed struct */

#endif
