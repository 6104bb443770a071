/*
 * What a report page shows: the published stages of one job, read from the files of its output folder. Local.
 */
#ifndef FAIRSTAMP_RESULTS_PAGE_PAGE_DATA_H
#define FAIRSTAMP_RESULTS_PAGE_PAGE_DATA_H

#include <stdio.h>

#include "results/method_differences.h"
#include "results/time_check.h"
#include "stages/evaluate/layer_sweep.h"
#include "stages/evaluate/tries.h"
#include "stages/methods/stamp.h"
#include "stages/suites/results.h"
#include "stages/trace/trace.h"

/* The pairs of one target term and one side of the split; arrays have a number for each column of the result
 * table. */
struct fs_page_term {
    const char *category, *target;
    bool held_out;
    size_t pairs;
    double *ss;  /* [columns] 100 x share(stereotype > anti-stereotype) */
    double *gap; /* [columns] mean |log ratio| */
};

/* One pair: log P[k1] - log P[k2] in each column. */
struct fs_page_item {
    const char *id, *category, *target;
    bool held_out;
    double *ratio; /* [columns] */
};

/* What made a column; "" and NaN of the unedited model, and where a former file does not say it. */
struct fs_page_column {
    char *method;
    double strength; /* of a trained edit, as a multiple of what it adds; otherwise 1 */
};

#define FS_PAGE_PROVENANCE 16
struct fs_page_data {
    bool has[FS_STAGE_COUNT];
    char *path[FS_STAGE_COUNT]; /* of the files read */
    struct fs_trace_result trace;
    struct fs_training_history training;
    struct fs_tries tries[FS_STAGE_COUNT]; /* before a training; zeroed where nothing was tried */
    struct fs_results result;
    struct fs_page_column *column;    /* [result.columns]; NULL without results */
    struct fs_differences difference; /* of the methods from one of them; rows 0: none */
    struct fs_layer_comparison layers;
    struct fs_estimate_check time[FS_STAGE_COUNT]; /* of the stages that are there */
    size_t terms, items;
    struct fs_page_term *term; /* [terms] by category and term */
    struct fs_page_item *item; /* [items] scored pairs, the most changed first */
    char *model;               /* its name */
    size_t provenances;
    struct {
        const char *name;
        char *value;
    } provenance[FS_PAGE_PROVENANCE];
    char **id, **category, **target; /* of the pairs, one block each */
    double *number;                  /* [3 x pairs][columns] ratios of the items, ss and gap of the terms */
};

/*
 * Reads the stage's file at `path`, and of its folder the other stages' files that belong to the same job (one's digest
 * stands in the other's settings). `against`: the column that methods are compared with; NULL: the first method. The
 * caller releases, also on failure.
 */
int fs_page_read(const char *path, const char *against, struct fs_page_data *data, struct fs_error *err);
void fs_page_release(struct fs_page_data *data); /* takes a zeroed struct */

/* The first row of these names; NULL: none. */
const struct fs_result_row *fs_page_row(const struct fs_page_data *data, const char *category, const char *metric,
                                        const char *subset);

/* Writes `text` with & < > " as entities. */
void fs_page_escape(FILE *stream, const char *text);

#endif
