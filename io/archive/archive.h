/*
 * The archive: one HDF5 file a stage, made whole or not at all.
 *
 *     bytes 0..511   user block, filled with zeros: "fairstamp archive 1\nsha256 <64 hex digits>\nlength <bytes>\n"
 *     bytes 512..    an ordinary HDF5 file: h5dump, h5py and Julia open the whole as it is
 *
 * sha256 is over the bytes from 512 on, length is that of the whole file.
 *
 * Inside: datasets with fletcher32 (and shuffle + deflate above 4 KiB, but not in format "part"), plain little-endian
 * types, texts of a fixed length in UTF-8, attributes, and the dataset /manifest: one line "<64 hex digits> <name>" for
 * each dataset and each attribute, the SHA-256 of its name, type, shape and content. Root attributes: "format" = kind
 * of the file ("trace", "stamp", "evaluate", "part"), "version" = FS_ARCHIVE_VERSION, "job" = the job's digest. Group
 * /provenance: string attributes. No times are stored: the same content, written in the same order, gives the same
 * bytes.
 *
 * Names are "/part/part" of at most 1024 bytes without "@". A dataset may have 0 dimensions (one element) or 0 rows.
 *
 * Dimension scales: a dataset's text attribute "dimensions" ("pair candidate model") names its dimensions. Publishing
 * makes HDF5 dimension scales of it in the dataset's group: the one-dimensional dataset of that name and length where
 * there is one, otherwise an index 0, 1, ... What HDF5 notes on the datasets for it (CLASS, NAME, DIMENSION_LIST,
 * REFERENCE_LIST) follows from "dimensions"; readers check its type and leave it out, as does /manifest.
 *
 * Writing: the file is made in memory; fs_archive_publish hashes it, writes it under a temporary name, fsyncs, renames.
 * A file made by fs_archive_create_large grows on disk instead, and is read back and verified before it is published.
 * Reading: fs_archive_open checks length and hash before the HDF5 library sees a byte, so that a truncated, flipped or
 * foreign file is one clear error (FS_EXIT_DATA). The hash tells damage, not who wrote the file; what is inside is
 * therefore checked again: links, types, storage, and sizes against what the file can hold, before memory is taken.
 *
 * A failed write is FS_EXIT_IO, a wrong name or one written twice FS_EXIT_SOFTWARE. Local: only the rank that reads or
 * writes calls; serial driver; one thread at a time. Turns HDF5's own printing of errors and its handler at exit off.
 */
#ifndef FAIRSTAMP_IO_ARCHIVE_ARCHIVE_H
#define FAIRSTAMP_IO_ARCHIVE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/digest.h"
#include "io/error.h"

#define FS_ARCHIVE_VERSION 1
#define FS_ARCHIVE_PARTIAL "part" /* the format of partial results, which are not compressed */

enum fs_archive_type { FS_ARCHIVE_F32, FS_ARCHIVE_F64, FS_ARCHIVE_I32, FS_ARCHIVE_I64, FS_ARCHIVE_U8 };

struct fs_archive;

/* `format`: the kind of file; `job`: digest that says which job it belongs to. */
int fs_archive_create(const char *path, const char *format, const char *job, struct fs_archive **archive,
                      struct fs_error *err);
/* The same for a file that memory should not hold: the temporary file is written as it grows. */
int fs_archive_create_large(const char *path, const char *format, const char *job, struct fs_archive **archive,
                            struct fs_error *err);
/* Writes a dataset of `dimensions` <= 4 sizes; groups in `name` ("/scores/stereoset/unedited") are made on the way. */
int fs_archive_write(struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t dimensions,
                     const size_t *shape, const void *data, struct fs_error *err);
/* The same of one dimension, `count` zeros, of which parts are written one after the other. */
int fs_archive_reserve(struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t count,
                       struct fs_error *err);
/* `count` elements of it, from `first` on. Pieces of FS_ARCHIVE_PIECE bytes from the begin on are stored as they come. */
#define FS_ARCHIVE_PIECE ((size_t)1 << 20)
int fs_archive_write_part(struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t first,
                          size_t count, const void *data, struct fs_error *err);
/* A one-dimensional dataset of `count` UTF-8 texts (variable length is avoided: padded to the longest). */
int fs_archive_write_texts(struct fs_archive *archive, const char *name, size_t count, const char *const *texts,
                           struct fs_error *err);
/* An attribute on `object` ("/" for the file, a group, which is made, or a dataset). */
int fs_archive_attribute_text(struct fs_archive *archive, const char *object, const char *name, const char *value,
                              struct fs_error *err);
int fs_archive_attribute_number(struct fs_archive *archive, const char *object, const char *name, double value,
                                struct fs_error *err);
int fs_archive_attribute_integer(struct fs_archive *archive, const char *object, const char *name, int64_t value,
                                 struct fs_error *err);
/* Writes dimension scales and /manifest, publishes and destroys the archive, also on failure (the temporary file is
 * removed then). */
int fs_archive_publish(struct fs_archive *archive, struct fs_error *err);
void fs_archive_abort(struct fs_archive *archive); /* drops it unpublished; takes NULL */

/*
 * Opens for reading. `format` NULL: any. FS_EXIT_NO_INPUT where there is no file, FS_EXIT_DATA where it is damaged, no
 * fairstamp archive, of another format or of a newer version.
 */
int fs_archive_open(const char *path, const char *format, struct fs_archive **archive, struct fs_error *err);
void fs_archive_close(struct fs_archive *archive); /* takes NULL */
const char *fs_archive_job(const struct fs_archive *archive);
const char *fs_archive_format(const struct fs_archive *archive);
bool fs_archive_has(const struct fs_archive *archive, const char *name);
/* Shape of a dataset: `dimensions` and up to 4 sizes. */
int fs_archive_shape(const struct fs_archive *archive, const char *name, size_t *dimensions, size_t shape[4],
                     struct fs_error *err);
/* Reads a whole dataset of exactly `elements` elements into `data`; another type or size is FS_EXIT_DATA. */
int fs_archive_read(const struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t elements,
                    void *data, struct fs_error *err);
/* Elements first .. first + count - 1 of a dataset of one dimension; likewise FS_EXIT_DATA where it has fewer. */
int fs_archive_read_part(const struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t first,
                         size_t count, void *data, struct fs_error *err);
/* Allocates and reads; the caller frees `*texts` in one free() (one block). */
int fs_archive_read_texts(const struct fs_archive *archive, const char *name, size_t *count, char ***texts,
                          struct fs_error *err);
int fs_archive_read_attribute_text(const struct fs_archive *archive, const char *object, const char *name, char **value,
                                   struct fs_error *err); /* the caller frees */
int fs_archive_read_attribute_number(const struct fs_archive *archive, const char *object, const char *name,
                                     double *value, struct fs_error *err);
int fs_archive_read_attribute_integer(const struct fs_archive *archive, const char *object, const char *name,
                                      int64_t *value, struct fs_error *err);

/* Every dataset and attribute but /manifest, in a fixed order, for inspect, verify, export. */
struct fs_archive_entry {
    const char *name; /* dataset: "/scores/x"; attribute: "/scores/x@unit" */
    bool is_attribute;
    bool is_text;
    enum fs_archive_type type; /* where not text */
    size_t dimensions;
    size_t shape[4];
    const void *data; /* dense; texts: char *const * of shape[0] (or 1 for an attribute) */
};
/* Calls `visit` for each; it returns 0 to go on, or -1 with `err` set to stop. */
int fs_archive_visit(const struct fs_archive *archive,
                     int (*visit)(void *context, const struct fs_archive_entry *entry, struct fs_error *err),
                     void *context, struct fs_error *err);
/* The same for what lies in the group `group` ("/": all), with the group's own attributes. */
int fs_archive_visit_group(const struct fs_archive *archive, const char *group,
                           int (*visit)(void *context, const struct fs_archive_entry *entry, struct fs_error *err),
                           void *context, struct fs_error *err);
/* SHA-256 of type, shape and content of what is visited, under the name `name`. */
int fs_archive_entry_digest(const struct fs_archive_entry *entry, const char *name, char hex[FS_DIGEST_SIZE],
                            struct fs_error *err);
/* Writes what was visited in another archive under `name` ("/group/x", or "/group/x@attribute"). */
int fs_archive_write_entry(struct fs_archive *archive, const char *name, const struct fs_archive_entry *entry,
                           struct fs_error *err);
/* Checks every hash of /manifest (the file hash was checked on opening). */
int fs_archive_verify(const struct fs_archive *archive, struct fs_error *err);
/*
 * What is damaged in the file at `path`, which fs_archive_open refuses, in words ("/pairs/score: reading failed ...").
 * A process of its own looks, as HDF5 may fall over such a file. Empty where it is not found out.
 */
void fs_archive_find_damage(const char *path, char *words, size_t size);
/*
 * Compares all datasets and attributes outside /provenance and /manifest, bit for bit (by their SHA-256). Sets `equal`;
 * `difference` (of `size` bytes) names the first that differs. `err` is for files that cannot be read.
 */
int fs_archive_equal(const struct fs_archive *a, const struct fs_archive *b, bool *equal, char *difference, size_t size,
                     struct fs_error *err);

#endif
