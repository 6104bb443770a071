/* The table of families. Private to model/. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_FAMILIES_H
#define FAIRSTAMP_MODEL_FAMILIES_FAMILIES_H

#include "model/families/family.h"

extern const struct fs_family *const fs_families[];
extern const size_t fs_family_count;

/* NULL where there is no such family. */
const struct fs_family *fs_family_find(const char *name);

/* "a, b or c": the names of all families, for an error; cut off where `size` is too small. */
void fs_family_names(char *text, size_t size);

#endif
