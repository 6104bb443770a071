/* The edit that is another whole model: a published debiased checkpoint of the same tokenizer. */
#ifndef FAIRSTAMP_MODEL_EDITS_CHECKPOINT_H
#define FAIRSTAMP_MODEL_EDITS_CHECKPOINT_H

#include "model/edit.h"

/* edit->model is the other model; no parameters, no hook. */
extern const struct fs_edit_kind fs_edit_checkpoint;

#endif
