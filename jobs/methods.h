/* The methods that a job compares: a column each beside the unedited model. Local. */
#ifndef FAIRSTAMP_JOBS_METHODS_H
#define FAIRSTAMP_JOBS_METHODS_H

#include <stdbool.h>
#include <stddef.h>

#include "io/error.h"
#include "io/settings/settings.h"
#include "model/families/spec.h"
#include "stages/methods/method.h"

#define FS_COLUMN_NAME_SIZE 64

struct fs_job_method {
    const struct fs_method *method;
    char name[FS_COLUMN_NAME_SIZE]; /* of its column */
    const char *path;               /* of the other model; NULL: the method takes none. The job's */
    double
        strength; /* of an edit that is no model, as a multiple of what it adds (struct fs_edit_kind, scale); otherwise 1 */
};

/*
 * An entry of the keys method and methods: "stamp", "stamp:STRENGTH", "checkpoint:DIR", "NAME=checkpoint:DIR", or an
 * object {"checkpoint": "DIR", "name": "NAME"}, {"stamp": 0.5}. It is kept as text, with an absolute path.
 */
extern const struct fs_setting_entry fs_method_entry;

/* The methods of `entry` (NULL-terminated). FS_EXIT_CONFIG where two columns have one name, or one method stands twice at
 * the same strength. The caller frees. */
int fs_methods_read(const char *const *entry, struct fs_job_method **method, size_t *count, struct fs_error *err);

#endif
