/*
 * The settings that were tried before a training, what each left and kept on a validation split, and which one is trained:
 *
 *   kept   RS (top1) of the facts at least `rs` percent, where there are facts, and LMS of the pairs that are not edited no
 *          more than `lms` points below the unedited model's
 *   chosen among those that keep, the smallest gap of the pairs that are not edited; where none does, the one that misses
 *          both bounds by the fewest points together. The first of equal ones
 *
 * Local.
 */
#ifndef FAIRSTAMP_STAGES_EVALUATE_TRIES_H
#define FAIRSTAMP_STAGES_EVALUATE_TRIES_H

#include "io/archive/archive.h"
#include "stages/suites/results.h"

/* Over all categories; NaN where the data have none. Pairs: those that are not edited. */
enum fs_try_value { FS_TRY_GAP_BEFORE, FS_TRY_GAP, FS_TRY_LMS_BEFORE, FS_TRY_LMS, FS_TRY_RS, FS_TRY_VALUES };

struct fs_tries {
    size_t count;                   /* to be tried */
    size_t done;                    /* of them, from the first */
    char **settings;                /* [count] "ft.epochs=10"; "": the job's own */
    double (*value)[FS_TRY_VALUES]; /* [done] */
    double rs, lms;                 /* bounds */
};

/* Room for `count` tries, none done, settings NULL. The caller releases, also on failure. */
int fs_tries_create(size_t count, double rs, double lms, struct fs_tries *tries, struct fs_error *err);
void fs_tries_release(struct fs_tries *tries); /* takes a zeroed struct */
int fs_tries_set(struct fs_tries *tries, size_t which, const char *settings, struct fs_error *err);

/* The values of the next try, from results of one edit. */
void fs_tries_add(struct fs_tries *tries, const struct fs_results *results);
/* The try that is trained; some are done. */
size_t fs_tries_choose(const struct fs_tries *tries);
bool fs_tries_keeps(const struct fs_tries *tries, size_t which);

/* Datasets below /tries (results/README.md); and back. */
#define FS_TRIES_GROUP "/tries"
int fs_tries_write(struct fs_archive *archive, const struct fs_tries *tries, struct fs_error *err);
int fs_tries_read(const struct fs_archive *archive, struct fs_tries *tries, struct fs_error *err);

#endif
