/* Reads an architecture from a HuggingFace folder. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_CONFIG_H
#define FAIRSTAMP_MODEL_FAMILIES_CONFIG_H

#include "model/families/spec.h"

/*
 * Reads and checks `folder`/config.json (transformers 4 and 5 spellings). Local. FS_EXIT_DATA for a family, an option
 * or a size that the engine does not compute exactly: nothing is ignored in silence. The caller releases `spec`, which
 * is zeroed on failure.
 */
int fs_spec_read(const char *folder, struct fs_spec *spec, struct fs_error *err);

#endif
