/* Reads an architecture from a HuggingFace folder or a GGUF file. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_CONFIG_H
#define FAIRSTAMP_MODEL_FAMILIES_CONFIG_H

#include "model/families/spec.h"
#include "model/folder/notes.h"

/*
 * Reads and checks `folder`/config.json (transformers 4 and 5 spellings), or the metadata of the GGUF file that `folder`
 * is or holds in its place (fs_model_gguf_file), as a config.json says it. Local. FS_EXIT_DATA for a family, an option
 * or a size that the engine does not compute exactly: nothing is ignored in silence. The caller releases `spec`, which
 * is zeroed on failure. What is to be said of it is added to `notes` (NULL allowed). fs_model_folder_check first gives
 * clearer errors of a folder that is no model's.
 */
int fs_spec_read(const char *folder, struct fs_spec *spec, struct fs_notes *notes, struct fs_error *err);

#endif
