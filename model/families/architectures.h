/* The family that a config.json names, by `model_type` and `architectures`. Private to model/. */
#ifndef FAIRSTAMP_MODEL_FAMILIES_ARCHITECTURES_H
#define FAIRSTAMP_MODEL_FAMILIES_ARCHITECTURES_H

#include "io/formats/json.h"
#include "model/families/family.h"
#include "model/folder/notes.h"

/*
 * The family of `model_type`; where there is none (configs of 2019 lack it), the one whose row has the class that
 * `architectures` names, with a note. FS_EXIT_DATA where neither names one, where the class is of another family than
 * `model_type`, or where it has no head that predicts tokens. Another class that no row has is a warning: transformers
 * goes by model_type.
 */
int fs_architecture_find(const struct fs_json_document *config, const struct fs_family **family, struct fs_notes *notes,
                         struct fs_error *err);

#endif
