/*
 * The files of a job's output folder: <stage>.h5, published whole; <stage>.part.h5 and <stage>_*.part.h5 while a stage
 * runs; <file>.damaged, one that was found damaged, moved aside. Local: the root.
 */
#ifndef FAIRSTAMP_RESULTS_STAGE_FILES_H
#define FAIRSTAMP_RESULTS_STAGE_FILES_H

#include <stdbool.h>

#include "io/archive/archive.h"
#include "jobs/fingerprint.h"

/* "<folder>/<stage><suffix>", suffix ".h5" or ".part.h5"; the caller frees. */
char *fs_stage_path(const char *folder, enum fs_stage stage, const char *suffix, struct fs_error *err);

/* What to do with a file that cannot be used. */
enum fs_stage_policy {
    FS_STAGE_NEEDED, /* an earlier stage's: anything but a whole file of this job is an error */
    FS_STAGE_WANTED, /* ours: a damaged one is moved aside, another job's is an error */
    FS_STAGE_FORCED  /* ours: as above, but another job's will be replaced */
};
/* Whether the stage's file is there, whole and of this job. FS_EXIT_OTHER_JOB says what differs. */
int fs_stage_check(const char *folder, enum fs_stage stage, const struct fs_fingerprint *fingerprint,
                   enum fs_stage_policy policy, bool *there, struct fs_error *err);

/* The same answer without an error, a word, or a change of any file. */
bool fs_stage_is_there(const char *folder, enum fs_stage stage, const struct fs_fingerprint *fingerprint);

/*
 * As fs_stage_check for saved progress, before any is made: FS_EXIT_OTHER_JOB where a partial file of the stage, which will run,
 * is another job's, unless `policy` is FS_STAGE_FORCED, which removes it; damaged ones are moved aside.
 */
int fs_stage_check_parts(const char *folder, enum fs_stage stage, const struct fs_fingerprint *fingerprint,
                         enum fs_stage_policy policy, struct fs_error *err);

/*
 * Renames `path`, which cannot be used, to "<path>.damaged", and warns with the text of `err`, which is cleared, and
 * `what_next`.
 */
int fs_stage_move_aside(const char *path, const char *what_next, struct fs_error *err);

/*
 * Where `folder` has no file of the stage: takes the one of the output folder `from`, if it is there, whole and of this
 * job. An error: what cannot be written.
 */
int fs_stage_reuse(const char *from, const char *folder, enum fs_stage stage, const struct fs_fingerprint *fingerprint,
                   struct fs_error *err);

/* Opens a stage's published file. */
int fs_stage_open(const char *folder, enum fs_stage stage, struct fs_archive **archive, struct fs_error *err);

/* Partial results of the trace's further kinds, and of attribution patching, stand apart: <this>.part.h5. */
#define FS_TRACE_SUBLAYERS "trace_sublayers"
#define FS_TRACE_ATTRIBUTION "trace_attribution"

/* So do those of the layer under way in the stage layer_sweep: its training, and its scores (a checkpoint's name). */
#define FS_LAYER_TRAINING "_training.part.h5"
#define FS_LAYER_SCORES "layer_sweep_scores_%zu"
/* Removes both: the layer is done. */
void fs_stage_remove_layer(const char *folder);

/* Removes all partial results of a stage: the whole ones are published. */
void fs_stage_remove_part(const char *folder, enum fs_stage stage);
/* The same for a stage that was done before: another job's saved progress stays, and is named. */
void fs_stage_remove_own_part(const char *folder, enum fs_stage stage, const struct fs_fingerprint *fingerprint);
/*
 * Removes what killed processes, of any host, have left half written of all stages' files. For the holder of the folder's
 * lock: a former holder that still writes may not publish (io/lock.h).
 */
void fs_stage_remove_temporaries(const char *folder);

#endif
