/*
 * Items of data sets that come as records (io/formats/records.h), in one file or in a folder of files, and that are parted:
 * into paradigms, relations, files. Local.
 */
#ifndef FAIRSTAMP_IO_BENCHMARKS_RECORD_ITEMS_H
#define FAIRSTAMP_IO_BENCHMARKS_RECORD_ITEMS_H

#include "io/benchmarks/skip.h"
#include "io/formats/records.h"

/* A record, and where it stands: `place` is `where` of the getters of json.h. */
struct fs_record {
    const struct fs_json_document *document;
    const cJSON *object;
    const char *place;
};

/*
 * What takes the records, one after the other. `take` returns -1 where one cannot be used: with `*reason` set it is a
 * skipped item, without it the file is refused.
 */
struct fs_record_taker {
    const struct fs_record_kind *kind;
    int (*take)(void *context, const struct fs_record *record, enum fs_skip *reason, struct fs_error *err);
    void *context;
};
/*
 * Gives the records of `path`, a file or the folder of *.jsonl files, sorted by name, to the taker; a file's are in
 * memory at a time. The taker counts report->items. Errors: as fs_records_load, fs_folder_list, fs_item_report_check.
 */
int fs_record_items_read(const char *path, const struct fs_record_taker *taker, struct fs_item_report *report,
                         struct fs_error *err);

/* A text of the record that holds more than white space; else -1, with `*reason` set. Not owned. */
int fs_record_text(const struct fs_record *record, const char *key, const char **text, enum fs_skip *reason,
                   struct fs_error *err);
/* A text that can name rows of results (fs_category_fault), likewise. */
int fs_record_name(const struct fs_record *record, const char *key, const char **text, enum fs_skip *reason,
                   struct fs_error *err);

/* Names of parts in the order of their first appearance, and how many items each has. */
enum { FS_MOST_PARTS = 1000 };
struct fs_parts {
    char **name;   /* [count] */
    size_t *items; /* [count] */
    size_t count, room, items_room, last;
};
/* The part of that name, new with 0 items where there was none. FS_EXIT_DATA beyond FS_MOST_PARTS: the text says `key`. */
int fs_parts_find(struct fs_parts *parts, const char *name, const struct fs_record *record, const char *key,
                  size_t *part, struct fs_error *err);
void fs_parts_release(struct fs_parts *parts); /* takes a zeroed struct */

#endif
