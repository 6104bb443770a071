/* The stages of a job, in their order; and what they were called in former versions. */
#ifndef FAIRSTAMP_JOBS_STAGE_NAMES_H
#define FAIRSTAMP_JOBS_STAGE_NAMES_H

#include "io/archive/archive.h"
#include "stages/methods/method.h"
#include "stages/methods/method_rows.h"

/*
 * Each method that trains is a stage, with a file of its own: FS_STAGE_OF_<row>. FS_STAGE_LAYER_SWEEP: stamps at several
 * layers, the check of the trace; run where layers.compare asks for it.
 */
#define FS_STAGE_OF(row) FS_STAGE_OF_##row,
enum fs_stage {
    FS_STAGE_TRACE,
    FS_TRAINED_METHODS(FS_STAGE_OF) /* the comma is the row's */
    FS_STAGE_EVALUATE,
    FS_STAGE_LAYER_SWEEP,
    FS_STAGE_COUNT,
    FS_STAGE_STAMP = FS_STAGE_OF_stamp
};
extern const char *const fs_stage_names[FS_STAGE_COUNT]; /* "trace", ...: also the file's name and format */

/* The method that a stage trains; NULL: none. */
const struct fs_method *fs_stage_method(enum fs_stage stage);
/* The stage that trains a method; FS_STAGE_COUNT: it does not train. */
enum fs_stage fs_method_stage(const struct fs_method *method);
/* The bits 1 << fs_stage of the stages that train. */
unsigned fs_training_stages(void);

/* The name of a stage in files of former versions, which are read and never written; NULL-terminated by `name`. */
struct fs_former_stage {
    const char *name;
    enum fs_stage stage;
};
extern const struct fs_former_stage fs_former_stages[];

/* The stage that the first `length` bytes of `name` call, by its present or a former name; FS_STAGE_COUNT: none. */
enum fs_stage fs_stage_named(const char *name, size_t length);
/* "<folder>/<stage>.h5" where there is such a file by the present name, or by a former one; else the path by the
 * present name. The caller frees; NULL without memory. */
char *fs_stage_find_file(const char *folder, enum fs_stage stage, struct fs_error *err);
/* Likewise of the group of a stage in a merged file: "<parent>/<stage>", cut where `size` bytes do not hold it. */
void fs_stage_find_group(const struct fs_archive *archive, const char *parent, enum fs_stage stage, char *group,
                         size_t size);
/* Opens an archive of the stage, by the present or a former name of its format. Otherwise as fs_archive_open. */
int fs_stage_open_file(const char *path, enum fs_stage stage, struct fs_archive **archive, struct fs_error *err);

#endif
