/*
 * The edit that changes all weights of a model: the difference from them, one number for each (model/trainable.h). It is
 * another whole model then, which fs_edit_kind.attach makes in memory; it shares no layer with the unedited one.
 *
 *     /all_weights@layers            of the model
 *     /all_weights/delta             f32 (numbers)
 *     /all_weights/tensor            texts (pieces): names in the model's files; what stands once there is there once
 *     /all_weights/piece             i64 (pieces,3): first number in delta, how many, first number in the tensor
 */
#ifndef FAIRSTAMP_MODEL_EDITS_ALL_WEIGHTS_H
#define FAIRSTAMP_MODEL_EDITS_ALL_WEIGHTS_H

#include "model/edit.h"

extern const struct fs_edit_kind fs_edit_all_weights;

/* Of an attached edit, to an archive: all but delta. */
int fs_all_weights_write_places(const struct fs_edit *edit, struct fs_archive *archive, struct fs_error *err);
/* All but the numbers. */
int fs_all_weights_read_size(const struct fs_archive *archive, struct fs_edit *edit, struct fs_error *err);
#define FS_ALL_WEIGHTS_DELTA "/all_weights/delta"

#endif
