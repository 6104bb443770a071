#include "stages/methods/stamp_keys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flops.h"

struct keys {
    const struct fs_stamp_step *step;
    struct fs_stamp_units units;     /* of the text alone */
    struct fs_workspace **workspace; /* [threads] NULL until a thread has a unit */
};

static int falling(const void *a, const void *b)
{
    fs_real x = *(const fs_real *)a, y = *(const fs_real *)b;
    return (x < y) - (x > y);
}

double fs_stamp_threshold(fs_real *value, size_t count, double share)
{
    size_t fire = (size_t)fmax(1, round(share * (double)count));
    qsort(value, count, sizeof *value, falling);
    return fire < count ? ((double)value[fire - 1] + (double)value[fire]) / 2 : (double)value[count - 1] - 1;
}

/* ---- x of the text ---- */

static size_t result_bytes(const void *context, size_t unit)
{
    const struct keys *keys = context;
    return keys->units.unit[unit].batch.tokens * keys->step->spec->hidden * sizeof(fs_real);
}

static int run(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct keys *keys = context;
    const struct fs_stamp_step *step = keys->step;
    struct fs_workspace **workspace = &keys->workspace[thread];
    struct fs_stamp_unit *u = &keys->units.unit[unit];
    int status = *workspace == NULL ? fs_workspace_create(step->model, workspace, err) : 0;
    if (status == 0) {
        status = fs_stamp_text_fill(step->model, *workspace, step->options, u, err);
    }
    if (status == 0) {
        memcpy(result, u->x, result_bytes(context, unit));
    }
    fs_stamp_unit_empty(u);
    return status;
}

static void cost(const void *context, size_t unit, struct fs_cost *out)
{
    const struct keys *keys = context;
    struct fs_plan_unit view;
    fs_plan_get_unit(keys->units.unit[unit].plan, 0, &view);
    double tokens = (double)view.batch.tokens, squares = fs_batch_squares(&view.batch);
    *out =
        (struct fs_cost){.flops = fs_flops_layers(keys->step->spec, 0, keys->step->options->layer + 1, tokens, squares),
                         .passes = (double)view.batch.sequences,
                         .tokens = tokens};
}

/* ---- b_K ---- */

/* On the root, from x (N,d). */
static int set_biases(const struct keys *keys, const fs_real *x, struct fs_stamp *stamp, struct fs_error *err)
{
    const struct fs_stamp_step *step = keys->step;
    size_t N = keys->units.text_tokens, d = stamp->hidden, C = stamp->width;
    fs_real *bias = stamp->parameters + fs_stamp_offset_key_bias(stamp);
    fs_real *product = fs_allocate_aligned(N, FS_STAMP_KEY_PANEL * sizeof *product, "the keys on a text", err);
    if (product == NULL) {
        return -1;
    }
    for (size_t first = 0; first < C; first += FS_STAMP_KEY_PANEL) { /* (panel,N): a key's products side by side */
        size_t rows = C - first < FS_STAMP_KEY_PANEL ? C - first : FS_STAMP_KEY_PANEL;
        const struct fs_matrix key = fs_matrix_of(stamp->parameters + first * d, rows, d, d);
        const struct fs_matrix input = fs_matrix_of(x, N, d, d);
        fs_product(fs_model_backend(step->model), (struct fs_term){FS_TRANSPOSE_B, 1, key, input}, 0, product, N);
        for (size_t c = 0; c < rows; c++) {
            bias[first + c] = (fs_real)-fs_stamp_threshold(product + c * N, N, step->options->key_share);
        }
    }
    free(product);
    return 0;
}

static int collect(struct keys *keys, struct fs_stamp *stamp, struct fs_error *err)
{
    struct fs_runner *runner = keys->step->runner;
    const struct fs_work work = {.name = "stamp: keys",
                                 .units = keys->units.count,
                                 .context = keys,
                                 .result_bytes = result_bytes,
                                 .run = run,
                                 .cost = cost};
    bool root = fs_runner_is_root(runner);
    fs_real *x = NULL;
    int status = 0;
    if (root) {
        x = fs_allocate_aligned(keys->units.text_tokens, keys->step->spec->hidden * sizeof *x, "x of a text", err);
        status = x != NULL ? 0 : -1;
    }
    status = fs_runner_agree(runner, status, err);
    if (status == 0) {
        status = fs_runner_map(runner, &work, NULL, (unsigned char *)x, err);
    }
    if (status == 0) {
        status = fs_runner_agree(runner, root ? set_biases(keys, x, stamp, err) : 0, err);
    }
    free(x);
    return status == 0 ? fs_runner_broadcast(runner, stamp->parameters + fs_stamp_offset_key_bias(stamp),
                                             stamp->width * sizeof(fs_real), err)
                       : -1;
}

int fs_stamp_keys_start(const struct fs_stamp_step *step, const struct fs_tokenizer *tokenizer, struct fs_stamp *stamp,
                        struct fs_error *err)
{
    struct keys keys = {.step = step};
    size_t threads = step->runner->threads;
    keys.workspace = fs_allocate(threads, sizeof(struct fs_workspace *), "workspaces", err);
    int status = keys.workspace != NULL
                     ? fs_stamp_text_compile(step->spec, tokenizer, step->options, step->text, &keys.units, err)
                     : -1;
    status = fs_runner_agree(step->runner, status, err);
    if (status == 0) {
        status = collect(&keys, stamp, err);
    }
    for (size_t t = 0; keys.workspace != NULL && t < threads; t++) {
        fs_workspace_destroy(keys.workspace[t]);
    }
    free(keys.workspace);
    fs_stamp_units_release(&keys.units);
    return status;
}
