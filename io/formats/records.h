/*
 * Records in JSON as data sets come: objects, one for each item, in any of the layouts that HuggingFace datasets, pandas
 * and people write:
 *
 *   JSON lines        {"a": 1, "b": "x"}  {"a": 2, "b": "y"}             one after the other
 *   an array          [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
 *   columns           {"a": [1, 2], "b": ["x", "y"]}
 *   pandas' columns   {"a": {"0": 1, "1": 2}, "b": {"0": "x", "1": "y"}}  DataFrame.to_json
 *   pandas' index     {"0": {"a": 1, "b": "x"}, "1": {"a": 2, "b": "y"}}
 *   pandas' split     {"columns": ["a", "b"], "index": [0, 1], "data": [[1, "x"], [2, "y"]]}
 *   pandas' table     {"schema": {}, "data": [{"index": 0, "a": 1, "b": "x"}, {"index": 1, "a": 2, "b": "y"}]}
 *   one record        {"a": 1, "b": "x"}
 *
 * Local.
 */
#ifndef FAIRSTAMP_IO_FORMATS_RECORDS_H
#define FAIRSTAMP_IO_FORMATS_RECORDS_H

#include <stdbool.h>

#include "io/formats/json.h"

struct fs_records {
    struct fs_json_document *document; /* its root: an array of objects, one for each record */
    const cJSON *list;                 /* the root */
    size_t count;
    bool lines; /* JSON lines: fs_json_line knows where each begins */
};

enum { FS_RECORD_PLACE = 48 };

/* What records are known by. */
struct fs_record_kind {
    const char *const
        *keys;             /* NULL-terminated: a record has at least one, columns and files of another kind have not */
    const char *otherwise; /* for error texts: what else the file may be, "StereoSet's own file"; or NULL */
};

/* The caller releases. FS_EXIT_DATA where the layout is none of the above: the text names the keys that were found. */
int fs_records_load(const char *path, const struct fs_record_kind *kind, struct fs_records *records,
                    struct fs_error *err);
/* The same of a document of fs_json_load_values, which the records own from then on, on failure too. */
int fs_records_take(struct fs_json_document *document, const struct fs_record_kind *kind, struct fs_records *records,
                    struct fs_error *err);
void fs_records_release(struct fs_records *records); /* takes a zeroed struct */

/* Moves the cells of `columns`, an object of arrays or objects that are all of one length, into an array of records; with
 * `keys`, NULL-terminated, those of these columns alone, which are all there. The caller owns it; NULL without memory. */
cJSON *fs_records_turn(cJSON *columns, const char *const *keys, struct fs_error *err);

/* Where record `index` stands, for error texts and as `where` of the getters of json.h: "line 4:", or "[3]". */
const char *fs_records_place(const struct fs_records *records, size_t index, char place[FS_RECORD_PLACE]);

/* "the keys a, b, c" of `object`, or what it is instead: for error texts. */
const char *fs_records_describe(const cJSON *object, char *text, size_t room);

#endif
