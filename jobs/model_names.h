/*
 * What models are called in tables over many jobs.
 *
 * A model's own name is the one it was given; without one the last part of its folder's path, and "org/name" of a Hub
 * cache's folder, models--org--name/snapshots/<revision>. Where several models have one own name they are told apart:
 * those without a given name by the shortest ending of their path that no other one has, such as run-a/checkpoint-500
 * (of a Hub cache: org/name@<revision>), those with one, or of one path, by name@<first digits of a hash over their
 * files' hashes>; a given name that one of them alone has stays. Two models are the same where their own names are the
 * same and so are the hashes of their files, whatever their paths; where the hashes are not known, where their paths
 * are the same. A given name that is an ending of a path is the own name of the same files at that path too.
 *
 * The names depend on the set of models alone, not on the order of adding. Local.
 */
#ifndef FAIRSTAMP_JOBS_MODEL_NAMES_H
#define FAIRSTAMP_JOBS_MODEL_NAMES_H

#include <stddef.h>

#include "io/error.h"

struct fs_model_names;

/* NULL of a member: not known. */
struct fs_model_id {
    const char *name;  /* given by people */
    const char *path;  /* of its folder; "/", "/." at its end and ".." in it count for nothing */
    const char *files; /* lines "model/<file> = <SHA-256>" */
};

/* NULL without memory. */
struct fs_model_names *fs_model_names_create(struct fs_error *err);
void fs_model_names_destroy(struct fs_model_names *names); /* takes NULL */

/* Copies `id`; `*place` is where its name will be, the same for the same `id`. */
int fs_model_names_add(struct fs_model_names *names, const struct fs_model_id *id, size_t *place, struct fs_error *err);
/* Gives all of them their names; nothing is added after it. */
int fs_model_names_resolve(struct fs_model_names *names, struct fs_error *err);

/* The name, and the own name; both are the table's. */
const char *fs_model_names_get(const struct fs_model_names *names, size_t place);
const char *fs_model_names_own(const struct fs_model_names *names, size_t place);

/* Lines for people, "<who>: ...": each given name that several models have, as a warning; names with the same files. */
void fs_model_names_tell(const struct fs_model_names *names, const char *who);

/* The own name of a model without a given one; the caller frees. NULL without memory. */
char *fs_model_own_name(const char *path);

#endif
