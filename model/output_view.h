/*
 * A model that is another one but for W_out of the FFNs of some layers in a row, W_out + Delta in float32: all else is the
 * other one's, which must outlive it. For trainings that change several W_out at once. Local.
 */
#ifndef FAIRSTAMP_MODEL_OUTPUT_VIEW_H
#define FAIRSTAMP_MODEL_OUTPUT_VIEW_H

#include "model/model.h"

/*
 * Layers first .. first + layers - 1, none of experts, of one F; `layers` 0: none. They begin as the other model's are. Holds
 * layers x d x F numbers. The caller destroys it by fs_output_view_destroy, never by fs_model_destroy.
 */
int fs_output_view_create(const struct fs_model *model, size_t first, size_t layers, struct fs_model **view,
                          struct fs_error *err);
void fs_output_view_destroy(struct fs_model *view); /* takes NULL */
/* Delta (layers,d,F), as model/edits/weight.h has it. Not while a pass runs on the view. */
void fs_output_view_set(struct fs_model *view, size_t first, size_t layers, const fs_real *delta);

#endif
