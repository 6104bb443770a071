/*
 * JSON files through cJSON, checked before and after: at most 1 GiB, nested at most 64 deep, no trailing bytes, valid
 * UTF-8, no NUL (nor \u0000), no lone surrogate, finite numbers, no key twice in one object. A byte order mark is
 * skipped. Files of another kind, NaN and infinities are refused by name. Always the case-sensitive look-up. Local.
 *
 * The getters name file and key in their error: "job.json: stamp.width: found a string, expected an integer from 1 to
 * 65536".
 */
#ifndef FAIRSTAMP_IO_FORMATS_JSON_H
#define FAIRSTAMP_IO_FORMATS_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/error.h"

struct fs_json_document;

/* The caller destroys. FS_EXIT_NO_INPUT where there is no file, FS_EXIT_DATA where it is no JSON as above. */
int fs_json_load(const char *path, struct fs_json_document **document, struct fs_error *err);
/*
 * The same of a file whose strings may hold \u0000, which cJSON would take for their end: each is FS_JSON_NUL there.
 * fs_json_bytes: the bytes of such a string, `*length` of them, that the caller frees. fs_json_text refuses one.
 */
#define FS_JSON_NUL "\xC0\x80" /* no UTF-8 */
int fs_json_load_with_nul(const char *path, struct fs_json_document **document, struct fs_error *err);
int fs_json_bytes(const char *text, char **bytes, size_t *length, struct fs_error *err);
/* `name` replaces the path in error texts. */
int fs_json_parse(const char *name, const char *text, size_t length, struct fs_json_document **document,
                  struct fs_error *err);
/*
 * A file of several values, one a line mostly (JSON lines), none or one allowed too: the root is an array of them.
 * fs_json_line: the line, from 1, on which value `index` begins, while the root is as it was read.
 */
int fs_json_load_values(const char *path, struct fs_json_document **document, struct fs_error *err);
int fs_json_parse_values(const char *name, const char *text, size_t length, struct fs_json_document **document,
                         struct fs_error *err);
size_t fs_json_line(const struct fs_json_document *document, size_t index);
/* For readers that bring a file into another layout: the root, to be changed in place; another root in its place. */
cJSON *fs_json_edit(struct fs_json_document *document);
void fs_json_replace(struct fs_json_document *document, cJSON *root);
const cJSON *fs_json_root(const struct fs_json_document *document);
const char *fs_json_name(const struct fs_json_document *document);
void fs_json_destroy(struct fs_json_document *document); /* takes NULL */

/* The value of `key`, null too; NULL where it is missing. */
const cJSON *fs_json_member(const struct fs_json_document *document, const cJSON *object, const char *key);
/*
 * For readers that say which keys of a file nobody knows: from here on fs_json_member and the getters below set asked[i]
 * where they are asked for member i of the root. `asked` [fs_json_members], the caller's; NULL: no longer.
 */
void fs_json_note_asked(struct fs_json_document *document, bool *asked);
size_t fs_json_members(const struct fs_json_document *document); /* of the root */

/* What a number may be; both ends are included. */
struct fs_size_range {
    size_t least, most;
};
struct fs_number_range {
    double least, most;
};

/*
 * Getters; a wrong type or range is FS_EXIT_DATA. `where` is the dotted place of `object` in the file ("" for the
 * root; with a colon at the end, as "line 4:", it stands apart), used in error texts alone.
 * *_optional leave `value` as it is where the key is missing, the others fail. A null counts as missing.
 * Strings stay owned by the document.
 */
int fs_json_object(const struct fs_json_document *document, const cJSON *object, const char *where, const char *key,
                   const cJSON **value, struct fs_error *err);
int fs_json_array(const struct fs_json_document *document, const cJSON *object, const char *where, const char *key,
                  const cJSON **value, struct fs_error *err);
int fs_json_text(const struct fs_json_document *document, const cJSON *object, const char *where, const char *key,
                 const char **value, struct fs_error *err);
int fs_json_text_optional(const struct fs_json_document *document, const cJSON *object, const char *where,
                          const char *key, const char **value, struct fs_error *err);
int fs_json_size(const struct fs_json_document *document, const cJSON *object, const char *where, const char *key,
                 struct fs_size_range range, size_t *value, struct fs_error *err);
int fs_json_size_optional(const struct fs_json_document *document, const cJSON *object, const char *where,
                          const char *key, struct fs_size_range range, size_t *value, struct fs_error *err);
int fs_json_number_optional(const struct fs_json_document *document, const cJSON *object, const char *where,
                            const char *key, struct fs_number_range range, double *value, struct fs_error *err);
int fs_json_bool_optional(const struct fs_json_document *document, const cJSON *object, const char *where,
                          const char *key, bool *value, struct fs_error *err);

/* The error of the getters: "FILE: WHERE.KEY: found FOUND, expected EXPECTED". Returns -1. */
int fs_json_wrong(const struct fs_json_document *document, const char *where, const char *key, const char *found,
                  const char *expected, struct fs_error *err);

/* "an object", "a string", ...: for error texts. NULL is "nothing". */
const char *fs_json_kind(const cJSON *value);

/* The number `value` as an integer from 0 to 2^53 - 1, beyond which JSON's doubles are not exact; -1 where it is none.
 */
int fs_json_exact_size(const cJSON *value, size_t *size);

/* Refuses a key of `object` that is not in the NULL-terminated list `known`, and names the nearest one that is. */
int fs_json_refuse_unknown(const struct fs_json_document *document, const cJSON *object, const char *where,
                           const char *const *known, struct fs_error *err);

/* The name of the NULL-terminated, non-empty list `known` that differs from `name` by the fewest edits. */
const char *fs_nearest_name(const char *name, const char *const *known);
/* The same, or NULL where it is not near: more than one edit for each three letters of `name`, and one. */
const char *fs_near_name(const char *name, const char *const *known);

#endif
