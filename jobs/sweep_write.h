/* A sweep's plan as files: manifest, ids, job files. Local. */
#ifndef FAIRSTAMP_JOBS_SWEEP_WRITE_H
#define FAIRSTAMP_JOBS_SWEEP_WRITE_H

#include <cjson/cJSON.h>

#include "io/error.h"

/*
 * Writes `cells`, the manifest's list, and `jobs`, an object of ids and texts of job files, into `folder`, and reads
 * every job file as a run does. FS_EXIT_OTHER_JOB where the folder holds another plan; existing job files stay. A
 * plan that fails leaves no job file. `checked`: the sweep file's path, where what the jobs name is to be looked at
 * (sweep_check.h); NULL: it is not.
 */
int fs_sweep_write(const char *folder, const cJSON *cells, const cJSON *jobs, const char *checked,
                   struct fs_error *err);

#endif
