/*
 * StereoSet and CrowS-Pairs in the layouts that people have them in, brought into the published ones, which the readers
 * of this folder read. Read are StereoSet's own file, the tables of io/formats/csv.h and the records of
 * io/formats/records.h, with the labels as text or as the integers of the dataset cards on the HuggingFace Hub
 * (McGill-NLP/stereoset, nyu-mll/crows_pairs). Private to this folder. Local.
 */
#ifndef FAIRSTAMP_IO_BENCHMARKS_LAYOUTS_H
#define FAIRSTAMP_IO_BENCHMARKS_LAYOUTS_H

#include "io/formats/csv.h"
#include "io/formats/records.h"

/* Items of StereoSet: an array, in each item an array of sentences with their gold_label as text. */
struct fs_stereoset_items {
    struct fs_json_document *document;
    const cJSON *list;
    const char *place;         /* of the list in the published file; NULL where the items are records */
    struct fs_records records; /* owns the document then */
};

enum { FS_ITEM_PLACE = 64 };

/*
 * `config`: "intrasentence" or "intersentence", or NULL for a list of items with synonyms. The caller releases.
 * FS_EXIT_DATA where the layout is another, where records are of two layouts, or of the other config: contexts of
 * intrasentence items hold BLANK.
 */
int fs_stereoset_items_load(const char *path, const char *config, struct fs_stereoset_items *items,
                            struct fs_error *err);
void fs_stereoset_items_release(struct fs_stereoset_items *items); /* takes a zeroed struct */

/* Where an item stands, as `where` of io/formats/json.h: "data.intrasentence[3]", "[3]", or "line 4:". */
const char *fs_stereoset_place(const struct fs_stereoset_items *items, size_t index, char place[FS_ITEM_PLACE]);

/* Columns that may have the pairs' ids: pandas' index without a name, or read as a column. NULL-terminated. */
extern const char *const fs_crows_id_columns[];
/* Whether a bias_type is a number, which is then none of the dataset card's: as text it would become a category. */
bool fs_crows_is_number(const char *category);
/* The table of CrowS-Pairs with sent_more, sent_less, stereo_antistereo and bias_type as text. The caller destroys. */
int fs_crows_table_load(const char *path, struct fs_csv **csv, struct fs_error *err);

#endif
