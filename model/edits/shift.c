#include "model/edits/shift.h"

#include "model/families/spec.h"
#include "model/numbers/kernels.h"

static int check(const struct fs_edit *edit, const struct fs_spec *spec, struct fs_error *err)
{
    const struct fs_shift *shift = (const struct fs_shift *)edit;
    return edit->first_layer < spec->layers && shift->hidden == spec->hidden
               ? 0
               : fs_error_set(err, FS_EXIT_SOFTWARE, "a shift of %zu numbers at layer %zu does not fit the model",
                              shift->hidden, edit->first_layer);
}

static void ffn_output(const struct fs_edit *edit, const struct fs_edit_run *run, fs_real *h)
{
    const struct fs_shift *shift = (const struct fs_shift *)edit;
    size_t d = shift->hidden;
    for (size_t i = 0; run->layer == edit->first_layer && i < shift->rows; i++) {
        fs_kernel_add(h + shift->row[i] * d, edit->number + shift->vector[i] * d, d);
    }
}

static void ffn_output_backward(const struct fs_edit *edit, const struct fs_edit_run *run, const fs_real *dy,
                                fs_real *dinner, fs_real *gradient, fs_real *dx)
{
    const struct fs_shift *shift = (const struct fs_shift *)edit;
    size_t d = shift->hidden;
    (void)run, (void)dinner, (void)dx; /* dx is never wanted: what it adds does not depend on x */
    for (size_t i = 0; gradient != NULL && i < shift->rows; i++) {
        fs_kernel_add(gradient + shift->vector[i] * d, dy + shift->row[i] * d, d);
    }
}

static double flops(const struct fs_edit *edit, double tokens)
{
    (void)edit, (void)tokens;
    return 0;
}

static const struct fs_edit_kind kind = {.name = "shift",
                                         .check = check,
                                         .ffn_output = ffn_output,
                                         .ffn_output_backward = ffn_output_backward,
                                         .flops = flops};

struct fs_shift fs_shift_of(size_t layer, size_t hidden, fs_real *number, size_t vectors)
{
    return (struct fs_shift){.edit = {.kind = &kind, .first_layer = layer, .number = number, .count = vectors * hidden},
                             .hidden = hidden};
}
