/* The stages of a job, in their order. */
#ifndef FAIRSTAMP_JOBS_STAGE_NAMES_H
#define FAIRSTAMP_JOBS_STAGE_NAMES_H

/* FS_STAGE_LAYERS: stamps at several layers, the check of the trace; run where layers.compare asks for it. */
enum fs_stage { FS_STAGE_TRACE, FS_STAGE_STAMP, FS_STAGE_EVALUATE, FS_STAGE_LAYERS, FS_STAGE_COUNT };
extern const char *const fs_stage_names[FS_STAGE_COUNT]; /* "trace", ...: also the file's name and format */

#endif
