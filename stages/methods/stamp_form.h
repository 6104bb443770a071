/*
 * What the stamp's loss (stamp.h) trains: the stamp itself; or the matrix by which the layer's FFN writes and its bias
 * (model/edits/weight.h), which is the method ft_equal: does the side network matter, or the loss and the layer? Local.
 */
#ifndef FAIRSTAMP_STAGES_METHODS_STAMP_FORM_H
#define FAIRSTAMP_STAGES_METHODS_STAMP_FORM_H

#include <stdbool.h>

#include "model/edit.h"
#include "model/families/spec.h"
#include "stages/methods/stamp_options.h"

struct fs_stamp_form {
    const char *name;                   /* of the method, of its keys, and of the work that ends a step */
    const char *unedited, *gap, *terms; /* of its other works */
    const struct fs_edit_kind *edit;
    bool has_keys; /* whose thresholds are set before the first step: stamp.key_bias, stamp.key_share */
    /* A fresh edit of options->layer, which changes no bit; the caller releases. */
    int (*create)(const struct fs_stamp_options *options, const struct fs_spec *spec, struct fs_edit *edit,
                  struct fs_error *err);
    size_t (*parameters)(const struct fs_stamp_options *options, const struct fs_spec *spec);
    /* Floating point operations on T tokens, and of their backward, gradients of the parameters alone. */
    double (*flops)(const struct fs_stamp_options *options, const struct fs_spec *spec, double tokens);
    double (*flops_backward)(const struct fs_stamp_options *options, const struct fs_spec *spec, double tokens);
};
extern const struct fs_stamp_form fs_stamp_form, fs_ft_equal_form;

/* Numbers a token of what the edit reads: d of x, or F of the keys. */
static inline size_t fs_stamp_form_input(const struct fs_stamp_form *form, const struct fs_spec *spec, size_t layer)
{
    return form->edit->reads_keys ? spec->layer[layer].ffn : spec->hidden;
}

#endif
