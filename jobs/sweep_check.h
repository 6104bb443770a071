/* What the cells of a sweep need, before it is planned; each model folder is looked at once. Local. */
#ifndef FAIRSTAMP_JOBS_SWEEP_CHECK_H
#define FAIRSTAMP_JOBS_SWEEP_CHECK_H

#include "jobs/job.h"

struct fs_sweep_check;

/* NULL without memory. The caller destroys. */
struct fs_sweep_check *fs_sweep_check_create(struct fs_error *err);
void fs_sweep_check_destroy(struct fs_sweep_check *check); /* takes NULL */

/*
 * Looks at what `job`, that of the cell `id`, names: config.json of its models, the trained layer, whether the data can
 * be read. What is wrong is noted, once for all cells; -1: without memory.
 */
int fs_sweep_check_job(struct fs_sweep_check *check, const char *id, const struct fs_job *job, struct fs_error *err);

/* -1 where something is wrong: `err` is the first, with its code; where there are several, fs_warn has told each. */
int fs_sweep_check_end(struct fs_sweep_check *check, const char *path, struct fs_error *err);

#endif
