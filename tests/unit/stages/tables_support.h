/* What the tests of whole methods share: the columns of tests/golden/tables.json (make_tables.py), trained by its settings. */
#ifndef TESTS_UNIT_STAGES_TABLES_SUPPORT_H
#define TESTS_UNIT_STAGES_TABLES_SUPPORT_H

#include "training_support.h"

/* A model, and pairs of one kind, of which some are held out. */
struct table_world {
    struct loaded loaded;
    const char *kind; /* "fills": one context, two completions; "subjects" */
    struct fs_pair_list pairs;
    bool *held_out; /* [pairs.count] */
    const char *scoring;
    const cJSON *settings; /* layer, share that is held out, tokens of covariances, seed */
    const char *text;      /* a file */
    const struct fs_attribute_table *words;
};
/* Splits the pairs, which the caller has read. Frees all but text and words. */
void table_world_begin(struct table_world *world, const struct fs_json_document *golden);
void table_world_end(struct table_world *world);

enum { TABLE_COLUMNS = 24 };
struct table_columns {
    size_t count; /* of edits */
    const char *name[TABLE_COLUMNS];
    const struct fs_method *method[TABLE_COLUMNS];
    struct fs_training_state *training[TABLE_COLUMNS];
    struct fs_edit edit[TABLE_COLUMNS]; /* borrowed of the trainings */
};
/* Trains every case that is on pairs of the world's kind. The caller releases. */
void table_columns_train(struct table_columns *columns, const cJSON *cases, const struct table_world *world);
void table_columns_release(struct table_columns *columns);

/* The suite of the edited pairs. The caller destroys. */
struct fs_suite *table_suite(const struct table_world *world);
/* Columns of the suites, in the bootstrap's least effort. The caller releases. */
struct fs_results table_evaluate(const struct table_world *world, const struct table_columns *columns,
                                 struct fs_suite *const *suite, size_t suites);

const cJSON *member(const cJSON *object, const char *key);

#endif
