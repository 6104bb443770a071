/* Keys of a config.json that its family does not ask for: nothing of the file is passed over in silence. Private to model/. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_CONFIG_KEYS_H
#define FAIRSTAMP_MODEL_FAMILIES_CONFIG_KEYS_H

#include "io/formats/json.h"
#include "model/families/family.h"
#include "model/folder/notes.h"

/* Reads `config` as one of `family`, into a zeroed spec that the caller releases, also on failure. */
typedef int fs_family_reader(const struct fs_json_document *config, const struct fs_family *family,
                             struct fs_spec *spec, struct fs_error *err);

/*
 * `read` made `spec` of `config`, and asked for the members of the root that `asked` says (fs_json_note_asked). Of the
 * others, those pass that change nothing: null, what transformers keeps for itself, for training or for generation, and
 * the family's `harmless`. A key that says what is computed, in another family or in transformers, passes with a value that
 * changes nothing, and is FS_EXIT_DATA with another. Which keys other families have is found by having them read the file,
 * as far as it is theirs. A warning names keys that nobody knows. Leaves `config` without notes of what is asked for.
 */
int fs_config_keys_check(struct fs_json_document *config, const struct fs_spec *spec, const bool *asked,
                         fs_family_reader *read, struct fs_notes *notes, struct fs_error *err);

/* The first family that reads `config`, which says no family, and leaves no key that would be refused; NULL: none. */
const struct fs_family *fs_config_keys_guess(struct fs_json_document *config, fs_family_reader *read);

#endif
