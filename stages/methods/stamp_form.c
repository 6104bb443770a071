#include "stages/methods/stamp_form.h"

#include "model/edits/stamp_net.h"
#include "model/edits/weight.h"

/* ---- the stamp ---- */

static int create_stamp(const struct fs_stamp_options *options, const struct fs_spec *spec, struct fs_edit *edit,
                        struct fs_error *err)
{
    struct fs_stamp stamp;
    if (fs_stamp_create(options->layer, spec->hidden, options->width, options->seed, &stamp, err) != 0) {
        return -1;
    }
    *edit = fs_stamp_edit(&stamp);
    return 0;
}

static size_t stamp_parameters(const struct fs_stamp_options *options, const struct fs_spec *spec)
{
    return fs_stamp_parameters(spec->hidden, options->width);
}

static double stamp_flops(const struct fs_stamp_options *options, const struct fs_spec *spec, double tokens)
{
    return fs_flops_stamp(spec->hidden, options->width, tokens);
}

static double stamp_flops_backward(const struct fs_stamp_options *options, const struct fs_spec *spec, double tokens)
{
    return fs_flops_stamp_backward(spec->hidden, options->width, tokens);
}

const struct fs_stamp_form fs_stamp_form = {.name = "stamp",
                                            .unedited = "stamp: unedited model",
                                            .gap = "stamp: unedited gap",
                                            .terms = "stamp: terms",
                                            .edit = &fs_edit_stamp,
                                            .has_keys = true,
                                            .create = create_stamp,
                                            .parameters = stamp_parameters,
                                            .flops = stamp_flops,
                                            .flops_backward = stamp_flops_backward};

/* ---- W_out and b_out ---- */

static int create_weight(const struct fs_stamp_options *options, const struct fs_spec *spec, struct fs_edit *edit,
                         struct fs_error *err)
{
    return fs_weight_create(spec, options->layer, 0, edit, err);
}

static size_t weight_parameters(const struct fs_stamp_options *options, const struct fs_spec *spec)
{
    return fs_weight_parameters(spec, options->layer < spec->layers ? options->layer : 0);
}

/* One product each way. */
static double weight_flops(const struct fs_stamp_options *options, const struct fs_spec *spec, double tokens)
{
    return 2 * tokens * (double)weight_parameters(options, spec);
}

const struct fs_stamp_form fs_ft_equal_form = {.name = "ft_equal",
                                               .unedited = "ft_equal: unedited model",
                                               .gap = "ft_equal: unedited gap",
                                               .terms = "ft_equal: terms",
                                               .edit = &fs_edit_weight,
                                               .create = create_weight,
                                               .parameters = weight_parameters,
                                               .flops = weight_flops,
                                               .flops_backward = weight_flops};
