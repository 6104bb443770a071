/* The family that a config.json names, by `model_type` and `architectures`. Private to model/. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_ARCHITECTURES_H
#define FAIRSTAMP_MODEL_FAMILIES_ARCHITECTURES_H

#include "io/formats/json.h"
#include "model/families/config_keys.h"
#include "model/families/family.h"
#include "model/folder/notes.h"

/*
 * The family of `model_type`; where there is none (configs of 2019 lack it), the one whose row has the class that
 * `architectures` names, with a note. FS_EXIT_DATA where neither names one, where the class is of another family than
 * `model_type`, or where it has no head that predicts tokens. Another class that no row has is a warning: transformers
 * goes by model_type. Where neither names a family, the error has the one that `read` can read the file as.
 * saved_from: the class, cut off; "" where there is none.
 */
int fs_architecture_find(struct fs_json_document *config, fs_family_reader *read, const struct fs_family **family,
                         char saved_from[96], struct fs_notes *notes, struct fs_error *err);

#endif
