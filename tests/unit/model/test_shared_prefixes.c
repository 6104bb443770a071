/*
 * Sequences that share their beginnings, in every causal golden folder: states, gradients and mean states are those of
 * the same sequences apart; in float64 gradients also agree with central differences through the shared rows.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/backward.h"
#include "model/edits/stamp_net.h"
#include "support.h"
#include "tests/unit/model/reals.h"

enum { WIDTH = 8, SEQUENCES = 6, OWN = 13, APART = 30 };

/*
 * Paths 0 abcdef, 1 abcdxy, 2 abcdxyz (behind the whole of 1), 3 abq (behind rows of 0 through nothing else), 4 rs alone,
 * 5 abcdxp (branches off within 1, which itself does within 0).
 */
static const int32_t ids[SEQUENCES][7] = {
    {3, 17, 29, 8, 41, 5}, {3, 17, 29, 8, 11, 12}, {3, 17, 29, 8, 11, 12, 13}, {3, 17, 23}, {7, 9},
    {3, 17, 29, 8, 11, 30}};
static const size_t lengths[SEQUENCES] = {6, 6, 7, 3, 2, 6};
static const size_t parents[SEQUENCES] = {0, 0, 1, 0, 0, 1}, depths[SEQUENCES] = {0, 4, 6, 2, 0, 5};

/* Where each own row stands among the rows of the sequences apart. */
struct forest {
    int32_t own[OWN], apart[APART];
    size_t own_start[SEQUENCES + 1], apart_start[SEQUENCES + 1];
    struct fs_batch shared, separate;
};

static void make_forest(struct forest *forest)
{
    size_t own = 0, apart = 0;
    for (size_t s = 0; s < SEQUENCES; s++) {
        forest->own_start[s] = own;
        forest->apart_start[s] = apart;
        for (size_t p = 0; p < lengths[s]; p++) {
            forest->apart[apart++] = ids[s][p];
            if (p >= depths[s]) {
                forest->own[own++] = ids[s][p];
            }
        }
    }
    forest->own_start[SEQUENCES] = own;
    forest->apart_start[SEQUENCES] = apart;
    forest->shared = (struct fs_batch){SEQUENCES, own, forest->own, forest->own_start, parents, depths};
    forest->separate = (struct fs_batch){SEQUENCES, apart, forest->apart, forest->apart_start, NULL, NULL};
}

/* What one way of laying out the sequences gives. */
struct outcome {
    fs_real *h, *logprob, *gradient, *dx; /* (T,d), (SEQUENCES,V), parameters, (T,d) */
    double *mean;                         /* (SEQUENCES,d) */
    double loss;                          /* sum over sequences of (s + 1) log p of token 19 at the last position */
};

static void outcome_release(struct outcome *o)
{
    free(o->h);
    free(o->logprob);
    free(o->gradient);
    free(o->dx);
    free(o->mean);
}

static double loss_of(const fs_real *logprob, size_t V)
{
    double loss = 0;
    for (size_t s = 0; s < SEQUENCES; s++) {
        loss += (double)(s + 1) * (double)logprob[s * V + 19];
    }
    return loss;
}

/* `loss` alone where `out->gradient` is NULL. */
static void run(struct fs_model *model, const struct fs_batch *batch, const struct fs_stamp *stamp, struct outcome *out)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_workspace *workspace;
    struct fs_tape *tape;
    const struct fs_spec *spec = fs_model_spec(model);
    size_t d = spec->hidden, V = spec->vocabulary, T = batch->tokens, row[SEQUENCES];
    const struct fs_edit edit = fs_stamp_edit(stamp);
    expect(fs_workspace_create(model, &workspace, &err), &err);
    expect(fs_tape_create(model, &tape, &err), &err);
    fs_real *x = numbers(T * d), *base = numbers(fs_base_matrices(spec) * T * d), *dlogits = numbers(SEQUENCES * V);
    fs_real *dh = numbers(T * d);
    *out = (struct outcome){numbers(T * d),
                            numbers(SEQUENCES * V),
                            numbers(fs_stamp_parameters(d, WIDTH)),
                            numbers(T * d),
                            calloc(SEQUENCES * fs_spec_state_width(spec), sizeof(double)),
                            0};
    const struct fs_pass unedited = {model, workspace, batch, NULL}, pass = {model, workspace, batch, &edit};
    expect(fs_batch_check(model, batch, &err), &err);
    expect(fs_embed(model, workspace, batch, NULL, out->h, &err), &err);
    expect(fs_run_layers(&unedited, 0, stamp->layer, out->h, &err), &err);
    expect(fs_run_to_ffn(&unedited, stamp->layer, out->h, x, base, &err), &err);
    expect(fs_upper_forward(&pass, tape, x, base, out->h, &err), &err);
    for (size_t s = 0; s < SEQUENCES; s++) {
        row[s] = fs_batch_row(batch, s, lengths[s] - 1);
    }
    expect(fs_tape_read(tape, out->h, SEQUENCES, row, out->logprob, &err), &err);
    out->loss = loss_of(out->logprob, V);
    for (size_t s = 0; s < SEQUENCES; s++) {
        for (size_t v = 0; v < V; v++) {
            double one = v == 19 ? 1 : 0;
            dlogits[s * V + v] = (fs_real)((double)(s + 1) * (one - exp((double)out->logprob[s * V + v])));
        }
    }
    expect(fs_tape_read_backward(tape, dlogits, dh, &err), &err);
    expect(fs_upper_backward(tape, dh, out->gradient, out->dx, &err), &err);
    expect(fs_read_mean_states(&pass, out->h, out->mean, &err), &err);
    free(x);
    free(base);
    free(dlogits);
    free(dh);
    fs_tape_destroy(tape);
    fs_workspace_destroy(workspace);
}

static double scale_of(const fs_real *x, size_t count)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)x[i]));
    }
    return largest;
}

/* The row that a shared row's sequence has for it apart. */
static void check_rows(const struct forest *forest, const fs_real *shared, const fs_real *apart, size_t d, double bound)
{
    double scale = scale_of(apart, forest->separate.tokens * d);
    for (size_t s = 0; s < SEQUENCES; s++) {
        for (size_t p = 0; p < lengths[s]; p++) {
            const fs_real *one = shared + fs_batch_row(&forest->shared, s, p) * d;
            const fs_real *other = apart + (forest->apart_start[s] + p) * d;
            for (size_t i = 0; i < d; i++) {
                assert_true(fabs((double)one[i] - (double)other[i]) <= bound * scale);
            }
        }
    }
}

static void check_equal(const fs_real *one, const fs_real *other, size_t count, double bound)
{
    double scale = scale_of(other, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(fabs((double)one[i] - (double)other[i]) <= bound * scale);
    }
}

/* Central differences of some parameters of the stamp. */
static void check_differences(struct fs_model *model, const struct fs_batch *batch, struct fs_stamp *stamp,
                              const struct outcome *found)
{
    size_t parameters = fs_stamp_parameters(stamp->hidden, WIDTH), step = parameters / 23 + 1;
    double scale = scale_of(found->gradient, parameters), width = 1e-5;
    for (size_t i = 0; sizeof(fs_real) == sizeof(double) && i < parameters; i += step) {
        fs_real kept = stamp->parameters[i];
        double loss[2];
        for (int side = 0; side < 2; side++) {
            struct outcome outcome;
            stamp->parameters[i] = (fs_real)((double)kept + (side == 0 ? width : -width));
            run(model, batch, stamp, &outcome);
            loss[side] = outcome.loss;
            outcome_release(&outcome);
        }
        stamp->parameters[i] = kept;
        double wanted = (loss[0] - loss[1]) / (2 * width);
        assert_true(fabs((double)found->gradient[i] - wanted) <= 1e-6 * fmax(scale, fabs(wanted)));
    }
}

/* The gradient of a shared row is the sum over the sequences that pass through it. */
static void check_inputs(const struct forest *forest, const struct outcome *shared, const struct outcome *apart,
                         size_t d, double bound)
{
    fs_real *sum = numbers(forest->shared.tokens * d);
    for (size_t s = 0; s < SEQUENCES; s++) {
        for (size_t p = 0; p < lengths[s]; p++) {
            for (size_t i = 0; i < d; i++) {
                sum[fs_batch_row(&forest->shared, s, p) * d + i] += apart->dx[(forest->apart_start[s] + p) * d + i];
            }
        }
    }
    check_equal(shared->dx, sum, forest->shared.tokens * d, bound);
    free(sum);
}

/* Takes over the model. */
static void check_model(struct fs_model *model, size_t layer, bool differences)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_spec *spec = fs_model_spec(model);
    struct forest forest;
    struct fs_stamp stamp;
    struct outcome shared, apart;
    size_t d = spec->hidden, V = spec->vocabulary;
    uint64_t seed = 5;
    make_forest(&forest);
    expect(fs_stamp_create(layer, d, WIDTH, 11, &stamp, &err), &err);
    for (size_t i = 0; i < fs_stamp_parameters(d, WIDTH); i++) {
        stamp.parameters[i] += (fs_real)(0.3 * noise(&seed));
    }
    run(model, &forest.shared, &stamp, &shared);
    run(model, &forest.separate, &stamp, &apart);
    /* Both sides are off by their own rounding; backward is three times as deep. */
    double bound = 2 * bound_real(forward_depth(spec)), backward = 2 * bound_real(3 * forward_depth(spec));
    check_rows(&forest, shared.h, apart.h, d, bound);
    check_equal(shared.logprob, apart.logprob, SEQUENCES * V, bound);
    check_equal(shared.gradient, apart.gradient, fs_stamp_parameters(d, WIDTH), backward);
    check_inputs(&forest, &shared, &apart, d, backward);
    for (size_t i = 0; i < SEQUENCES * fs_spec_state_width(spec); i++) {
        assert_true(fabs(shared.mean[i] - apart.mean[i]) <= bound * fmax(1, fabs(apart.mean[i])));
    }
    if (differences) {
        check_differences(model, &forest.shared, &stamp, &shared);
    }
    outcome_release(&shared);
    outcome_release(&apart);
    fs_stamp_release(&stamp);
    fs_model_destroy(model);
}

static struct fs_model *golden_model(const char *name)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/%s", golden_path("models"), name);
    return load_model(folder);
}

/* All families, with their windows, biases, caps, rotary forms, groups of heads. */
static void test_families(void **state)
{
    (void)state;
    size_t count, causal = 0;
    char **names = golden_models(&count);
    for (size_t i = 0; i < count; i++) {
        struct fs_model *model = golden_model(names[i]);
        if (fs_spec_shared_length(fs_model_spec(model)) < 7) {
            fs_model_destroy(model);
            continue;
        }
        causal++;
        check_model(model, 0, true);
    }
    assert_true(causal > 30);
    free_names(names, count);
}

static void test_middle_layer(void **state)
{
    (void)state;
    check_model(golden_model("llama-grouped"), 1, true);
}

/* What the engine refuses: a parent that comes later, more tokens than the parent has, a masked model. */
static void test_refused(void **state)
{
    (void)state;
    struct forest forest;
    size_t wrong_parents[SEQUENCES], wrong_depths[SEQUENCES];
    struct fs_model *model = golden_model("llama-grouped");
    make_forest(&forest);
    assert_int_equal(fs_batch_check(model, &forest.shared, NULL), 0);
    memcpy(wrong_parents, parents, sizeof parents);
    memcpy(wrong_depths, depths, sizeof depths);
    forest.shared.parent = wrong_parents;
    forest.shared.depth = wrong_depths;
    wrong_parents[1] = 1;
    assert_int_equal(fs_batch_check(model, &forest.shared, NULL), -1);
    wrong_parents[1] = 0;
    wrong_depths[1] = 7;
    assert_int_equal(fs_batch_check(model, &forest.shared, NULL), -1);
    wrong_depths[1] = 4;
    assert_int_equal(fs_batch_check(model, &forest.shared, NULL), 0);
    fs_model_destroy(model);
    model = golden_model("bert-tiny");
    assert_int_equal(fs_batch_check(model, &forest.shared, NULL), -1);
    fs_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_middle_layer),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
