/*
 * The settings that a job tries on a validation split before it trains (keys search.*): of each method that trains as many,
 * and the job's own besides. Local.
 */
#ifndef FAIRSTAMP_JOBS_SEARCH_H
#define FAIRSTAMP_JOBS_SEARCH_H

#include "io/error.h"
#include "io/settings/settings.h"
#include "jobs/methods.h"

/*
 * An entry of search.settings: "ft.learning_rate=0.001 ft.epochs=10", keys of one method and their values, or an object
 * {"ft.learning_rate": 0.001, "ft.epochs": 10}. It is kept as text, and its values are those that a job can have.
 */
extern const struct fs_setting_entry fs_tried_entry;

/* The method whose keys an entry has; NULL: it is no entry. */
const struct fs_method *fs_tried_method(const char *entry);

/* Entries (NULL-terminated) of methods that the job does not train, or not as many of one method as of another, are
 * FS_EXIT_CONFIG. */
int fs_tried_check(const char *const *entry, const struct fs_job_method *method, size_t methods, struct fs_error *err);

/* Copies the next "key=value" of an entry to `text`, "" behind the last, and returns what follows it. */
#define FS_SEARCH_SETTING_SIZE 512
const char *fs_tried_next(const char *entry, char text[FS_SEARCH_SETTING_SIZE]);

#endif
