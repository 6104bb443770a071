/*
 * What the page of a merged archive shows: models x categories x methods, of each the bias that is left and what was kept,
 * and a ranking of the methods. Local.
 *
 * A method is a column of the jobs' tables; where jobs of a model and category differ in more than their seed, those settings
 * are a part of its name. A category is one of the edited pairs; "all" where a job's rows have no other. Several seeds of one
 * tile: the mean, and the least and most as interval; of one seed the interval is the archive's, over items.
 */
#ifndef FAIRSTAMP_RESULTS_PAGE_SURVEY_DATA_H
#define FAIRSTAMP_RESULTS_PAGE_SURVEY_DATA_H

#include <stdbool.h>
#include <stdio.h>

#include "results/method_differences.h"
#include "results/result_table.h"

/* How a number is made of a row: after / before; |after - ideal|; after - before; after. */
enum fs_survey_form { FS_SURVEY_SHARE, FS_SURVEY_DISTANCE, FS_SURVEY_CHANGE, FS_SURVEY_AFTER };

/* Of bias less is better, of what was kept more. */
struct fs_survey_measure {
    const char *name, *label, *meaning;
    const char *suite; /* of the rows; NULL: any */
    const char *metric;
    bool split; /* of the pairs that were not edited, where there is a split */
    enum fs_survey_form form;
    int decimals;
    bool bias;
};
#define FS_SURVEY_MEASURES 8
extern const struct fs_survey_measure fs_survey_measures[FS_SURVEY_MEASURES];

struct fs_survey_value {
    double value, low, high; /* NaN: none */
    double unedited;
};

struct fs_survey_tile {
    size_t cell; /* the first with this method; SIZE_MAX: none */
    size_t seeds;
    struct fs_survey_value value[FS_SURVEY_MEASURES];
    bool in;         /* the ranked bias is there, and what was kept, where that is of any method of the tile */
    const char *why; /* it is not in; NULL: it is */
};

struct fs_survey_cell {
    const char *id, *model, *categories, *seed, *series;
    char stages[128]; /* "trace, stamp, evaluate" */
    char *variant;    /* what stands in its id beside model, categories and seed */
    bool evaluated;
};

/* A mean over tiles; low and high: 95 % bootstrap over tiles, or of a single tile its own. NaN: none. */
struct fs_survey_mean {
    double value, low, high;
};
/*
 * What methods are compared on: tiles, and the methods that are in all of them, so that no method gains by a tile that it
 * alone has, or lacks. All tiles with any method, where two methods are in all; else the block of the most numbers, tiles
 * times methods, that two methods span; of several the one of more tiles, then of the first methods.
 */
struct fs_survey_block {
    size_t tiles, methods, of; /* of: tiles with any method */
    bool *tile, *method;       /* [models x categories], [methods] */
};
/* Of the block: over its tiles. Of the others: each over its own. */
struct fs_survey_rank {
    size_t method, tiles; /* tiles that the method is in */
    bool ranked;          /* in the block */
    /*
     * Mean of the places by both measures, ties shared. Ranked: among the block's methods, from 1. Others: among all methods
     * of each tile, from 0, the first, to 1, the last; NaN: it is alone in its tiles.
     */
    struct fs_survey_mean place;
    struct fs_survey_mean bias, kept;
    struct fs_survey_mean
        behind; /* the place less the first ranked method's, of others over the tiles of both; NaN: none */
    bool best;  /* of the block no method has less bias and keeps more, on average, nor has the unedited model */
};

/* How a method differs from the reference in a number: over the cells that have both. */
struct fs_survey_difference {
    double mean;                         /* of the cells' differences */
    size_t cells, tested, better, worse; /* with a difference, with an interval, with one that leaves out 0 */
};
struct fs_survey_against {
    char *reference;                /* the caller's, or the first; NULL: no cell has several methods */
    size_t cells, without, methods; /* cells that have the reference and another method, that do not */
    char **method;
    struct fs_survey_difference *value; /* [methods][FS_DIFFERENCE_LINES] */
};

struct fs_survey_data {
    struct fs_result_table table;
    char **text[6]; /* the index, a block each */
    size_t cells, models, categories, methods;
    struct fs_survey_cell *cell;
    const char **model, **category; /* in order of the archive */
    char **method;
    size_t *cell_of, *method_of; /* [table.rows] */
    struct fs_survey_tile *tile; /* [models][categories][methods] */
    struct fs_survey_rank *rank; /* [methods] in order: those of the block, then the others */
    struct fs_survey_block block;
    size_t bias, kept;            /* measures of the ranking; FS_SURVEY_MEASURES: none was measured */
    bool has[FS_SURVEY_MEASURES]; /* in any tile */
    size_t tiles;                 /* models x categories with any method */
    struct fs_survey_mean unedited_bias, unedited_kept; /* over the block */
    struct fs_survey_against against;
};

/* Of a merged file; data->against is left to fs_survey_count. The caller releases, also on failure. */
int fs_survey_read(const char *path, struct fs_survey_data *data, struct fs_error *err);
void fs_survey_data_release(struct fs_survey_data *data); /* takes a zeroed struct */

struct fs_survey_tile *fs_survey_tile_at(const struct fs_survey_data *data, size_t model, size_t category,
                                         size_t method);
/* Whether a cell has that method and another. */
bool fs_survey_has_against(const struct fs_survey_data *data, const char *reference);
/*
 * Counts the evaluated cell `id` of a merged file. `of_page`: its differences as its page has them; they are made once more
 * where they are from another method than against->reference, which becomes the first method where it is NULL.
 */
int fs_survey_count(const struct fs_archive *archive, const char *id, const struct fs_results *results,
                    const struct fs_differences *of_page, struct fs_survey_against *against, struct fs_error *err);
void fs_survey_against_release(struct fs_survey_against *against); /* takes a zeroed struct */
/* Fills data->rank and data->block from the tiles. */
int fs_survey_rank(struct fs_survey_data *data, struct fs_error *err);
/* The block among the tiles of one model; data->models: among all. The caller releases, also on failure. */
int fs_survey_block_find(const struct fs_survey_data *data, size_t model, struct fs_survey_block *block,
                         struct fs_error *err);
void fs_survey_block_release(struct fs_survey_block *block); /* takes a zeroed struct */

/* The page, its pictures and tables. `model`: one of them; data->models: the mean of all. */
void fs_survey_html(FILE *stream, const struct fs_survey_data *data);
void fs_survey_front(FILE *stream, const struct fs_survey_data *data, size_t model);
void fs_survey_heat_map(FILE *stream, const struct fs_survey_data *data, size_t model, size_t measure);
void fs_survey_csv(FILE *stream, const struct fs_survey_data *data);             /* a row a tile */
void fs_survey_ranking_csv(FILE *stream, const struct fs_survey_data *data);     /* a row a method */
void fs_survey_differences_csv(FILE *stream, const struct fs_survey_data *data); /* a row a method and number */
void fs_survey_markdown(FILE *stream, const struct fs_survey_data *data);
void fs_survey_latex(FILE *stream, const struct fs_survey_data *data);

struct fs_page_form;
/* The section on the ranking. */
void fs_survey_ranking(FILE *stream, const struct fs_survey_data *data, const struct fs_page_form *form);
/* The section on how methods differ from the reference; nothing where no cell has it and another one. */
void fs_survey_differences(FILE *stream, const struct fs_survey_data *data, const struct fs_page_form *form);

/* "cells/<id>/index.html": where a cell's own page is. */
void fs_survey_link(FILE *stream, const struct fs_survey_data *data, size_t cell);
/* The models and categories with any method that a method is not in: "m: gender, race; n" of a whole model n. */
void fs_survey_not_in(FILE *stream, const struct fs_survey_data *data, size_t method,
                      void (*text)(FILE *stream, const char *words));
/* The method's place among data->rank, from 1. */
size_t fs_survey_number(const struct fs_survey_data *data, size_t method);

#endif
