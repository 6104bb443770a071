/*
 * A suite of evaluate: items compiled to the common plan, a score an item and candidate folded back from the values, rows
 * of the result table made of the scores, one group /suites/<name> in the archive.
 *
 * A suite's own struct begins with a struct fs_suite; the function that opens it fills the operations, calls
 * fs_suite_create, and returns it as struct fs_suite *. To add a suite: a file here with that function, and a row of
 * suite_registry.c.
 *
 * Score arrays are [items][candidates][columns]; column 0 is the unedited model, the others are the edits. An item that
 * cannot be scored has its reason in `skip`, and NaN.
 */
#ifndef FAIRSTAMP_STAGES_SUITES_SUITE_H
#define FAIRSTAMP_STAGES_SUITES_SUITE_H

#include <stddef.h>
#include <stdint.h>

#include "io/archive/archive.h"
#include "io/benchmarks/benchmark.h"
#include "stages/metrics/metrics.h"
#include "stages/plan/plan.h"
#include "stages/plan/statement.h"
#include "stages/suites/results.h"

struct fs_suite;
struct fs_suite_rows;

struct fs_suite_operations {
    /* Adds the items' passes, reads and states to the plan, and sets `skip`, which is `unusable`. On every rank;
     * called anew for each evaluation. */
    int (*compile)(struct fs_suite *suite, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                   const struct fs_prompt_style *style, struct fs_error *err);
    /* Room for scores beyond the base's, suite->columns of each; NULL: none. Root. */
    int (*allocate)(struct fs_suite *suite, struct fs_error *err);
    /* Fills the scores of one column. Root. */
    int (*fold)(struct fs_suite *suite, const struct fs_plan_values *values, size_t column, struct fs_error *err);
    /* Adds the suite's rows by the functions below, from the scores of all columns. Root. */
    int (*add_rows)(struct fs_suite *suite, struct fs_suite_rows *rows, struct fs_error *err);
    /* Of a suite whose accuracy is a part of the row "capability" (capability.h): yes [items][columns], 1 where the item is
     * answered rightly, else 0; any number for skipped items. NULL: it is none. Root, behind fold. */
    void (*answers)(const struct fs_suite *suite, double *yes);
    /* Datasets beyond those of every suite, below /suites/<name>; NULL: none. Root. */
    int (*write)(const struct fs_suite *suite, struct fs_archive *archive, struct fs_error *err);
    /* Frees what the suite's own struct owns, not the base, not the struct. */
    void (*release)(struct fs_suite *suite);
};

struct fs_suite {
    const struct fs_suite_operations *operations;
    const char *name;     /* "biaske_facts": group of the archive */
    const char *table;    /* "biaske": suite of the rows; NULL: the name */
    const char *scoring;  /* of the rows */
    const char *unit;     /* of the scores, such as "natural log probability" */
    const bool *held_out; /* [items] where the items are those that are edited, true: left out of the edit; else NULL */
    size_t items, candidates;
    const char *const *candidate; /* [candidates] names */
    const char **id, **category;  /* [items] texts owned by the suite's data; filled where it is opened */
    const char *cluster_kind;     /* what makes items alike, such as "target term"; NULL: nothing is known that does */
    char **cluster;       /* [items] owned: items of one text are resampled together (metrics.h); NULL: by itself */
    uint8_t *unusable;    /* [items] fs_skip, set where the suite is opened: those are not compiled */
    uint8_t *skip;        /* [items] fs_skip of an evaluation: what is unusable, and what the model cannot score */
    bool *first_unscored; /* [items] a candidate's first token is not scored: nothing stands before it (statement.h) */
    struct fs_item_report report; /* of the data's items, where the suite has read them */
    size_t columns;               /* 1 + edits, of the evaluation that runs */
    double *score;                /* [items][candidates][columns] */
    size_t *cluster_number;       /* [items] equal for items of one cluster; made with the scores */
};

/* Allocates id, category, cluster, unusable, skip and first_unscored (zeroed); all other fields but the scores are set. */
int fs_suite_create(struct fs_suite *suite, struct fs_error *err);
/* Takes the failure of reading item `item` of `path` (fs_item_skip in io/benchmarks/skip.h), which is unusable from then
 * on. */
int fs_suite_skip(struct fs_suite *suite, size_t item, const char *path, enum fs_skip reason,
                  const struct fs_error *why, struct fs_error *err);
/* Puts an item into the cluster that `length` bytes of `text` name, whatever their ASCII case; "": by itself. */
int fs_suite_set_cluster(struct fs_suite *suite, size_t item, const char *text, size_t length, struct fs_error *err);
/* Releases all and frees the suite, which was allocated with fs_allocate; takes NULL. */
void fs_suite_destroy(struct fs_suite *suite);

/* Takes note that a statement of the item is without its first token. For compile. */
static inline void fs_suite_note(struct fs_suite *suite, size_t item, const struct fs_statement *statement)
{
    suite->first_unscored[item] = suite->first_unscored[item] || statement->first_unscored;
}

/* To be called for each item before its reads are added: what a decoding rule puts before them, its category says. */
static inline int fs_suite_begin_item(const struct fs_suite *suite, size_t item, struct fs_plan *plan,
                                      struct fs_error *err)
{
    return fs_plan_begin_item(plan, suite->category[item], err);
}

/* Compiles the suite for an evaluation of `columns` columns. On every rank. */
int fs_suite_compile(struct fs_suite *suite, size_t columns, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                     const struct fs_prompt_style *style, struct fs_error *err);
/* Folds all columns of `values` to scores, then adds the rows. Root. */
int fs_suite_fold(struct fs_suite *suite, const struct fs_plan_values *values, struct fs_suite_rows *rows,
                  struct fs_error *err);
/* /suites/<name>/id, category, skip, candidate, score, held_out, first_unscored where any is, cluster with an attribute
 * of that name where there are clusters, answer [items][columns] (1: right) where it does not follow from two scores,
 * attributes scoring and unit, and the suite's own. */
#define FS_SUITE_ANSWER "answer"
int fs_suite_write(const struct fs_suite *suite, struct fs_archive *archive, struct fs_error *err);
/* How many items of the evaluation have a first token that is not scored, of those that are. */
size_t fs_suite_first_unscored(const struct fs_suite *suite);
/* Fills cluster_number from the clusters. */
int fs_suite_number_clusters(struct fs_suite *suite, struct fs_error *err);
/* The full name of a suite's dataset or group ("": the group itself). The caller frees; NULL without memory. */
char *fs_suite_path(const struct fs_suite *suite, const char *dataset, struct fs_error *err);

/* Index of an item's candidate and column in `score`, and in any array of that layout. */
static inline size_t fs_suite_at(const struct fs_suite *suite, size_t item, size_t candidate, size_t column)
{
    return (item * suite->candidates + candidate) * suite->columns + column;
}
/* [count][each][columns] scores, all NaN; the caller frees. `each`: how many a counted thing has. */
double *fs_suite_scores(const struct fs_suite *suite, size_t count, size_t each, struct fs_error *err);

/*
 * Rows, one for each category in order of first appearance and one for "all", subset "all", with intervals that resample
 * clusters, and the paired test of each edit against the unedited model. Items that are skipped are left out and counted by reason; items
 * with a NaN in a column are left out uncounted, and a row on some of the items, `among` of its first column, knows no
 * other. A category without any item left gives no row. `metric`: a name of stages/metrics/metric_table.c.
 */
struct fs_suite_column {
    const double *value; /* of item i and column c: value[i * stride + c] */
    size_t stride;
    const bool *among; /* [items] those that the row is on; NULL: all */
};
/* The scores of one candidate. */
static inline struct fs_suite_column fs_suite_candidate(const struct fs_suite *suite, size_t candidate)
{
    return (struct fs_suite_column){suite->score + suite->columns * candidate, suite->columns * suite->candidates,
                                    NULL};
}
/* An array [items][columns]. */
static inline struct fs_suite_column fs_suite_own(const struct fs_suite *suite, const double *value)
{
    return (struct fs_suite_column){value, suite->columns, NULL};
}
/*
 * What the rows of a metric are made of, from columns a and b:
 *
 *   share  100 x share(a > b)
 *   yes    100 x share of the items with 1 in a, a column of 0 and 1
 *   mean   scale x mean of a; no share, so without McNemar's test
 *   gap    mean of |a - b|: a gap, from log probabilities
 *   ratio  scale x sum of a / sum of b, 0 where both are 0; as a mean
 */
enum fs_question_kind { FS_QUESTION_SHARE, FS_QUESTION_YES, FS_QUESTION_MEAN, FS_QUESTION_GAP, FS_QUESTION_RATIO };
struct fs_suite_question {
    const char *metric;
    enum fs_question_kind kind;
    double scale;                /* of a mean and a ratio */
    struct fs_suite_column a, b; /* b of a share, a gap and a ratio */
};
int fs_suite_add(struct fs_suite_rows *rows, const struct fs_suite *suite, const struct fs_suite_question *question,
                 struct fs_error *err);
int fs_suite_add_share(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *metric,
                       struct fs_suite_column a, struct fs_suite_column b, struct fs_error *err);
int fs_suite_add_yes(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *metric,
                     struct fs_suite_column yes, struct fs_error *err);
int fs_suite_add_mean(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *metric, double scale,
                      struct fs_suite_column value, struct fs_error *err);
int fs_suite_add_gap(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *metric,
                     struct fs_suite_column a, struct fs_suite_column b, struct fs_error *err);
/* One row of values [columns] made by the suite itself; counts the skipped items of the category. */
int fs_suite_add_row(struct fs_suite_rows *rows, const struct fs_suite *suite, const char *category, const char *metric,
                     const struct fs_metric *value, struct fs_error *err);
/* `answers` of a suite whose first candidate is the right one, and is to score higher than the second. */
void fs_suite_first_is_higher(const struct fs_suite *suite, double *yes);
const struct fs_bootstrap *fs_suite_bootstrap(const struct fs_suite_rows *rows);

#endif
