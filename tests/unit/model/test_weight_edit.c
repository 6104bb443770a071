/*
 * A change of W_out: the same as other weights, in every family and form of block, in float32 and float64; a fresh one and one
 * of no strength change no bit; its gradient against central differences (float64); its file and back.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "model/backward.h"
#include "model/edits/weight.h"
#include "model/model_internal.h"
#include "support.h"
#include "tests/unit/model/reals.h"

enum { TOKENS = 14, ROWS = 4, RANK = 3 };
static const size_t starts[] = {0, 6, 7, TOKENS};
static const size_t rows[ROWS] = {2, 5, 12, 12};

/* An edited model on one batch. */
struct scene {
    struct fs_model *model;
    const struct fs_spec *spec;
    struct fs_workspace *workspace;
    struct fs_edit edit;
    int32_t token[TOKENS];
    struct fs_batch batch;
    fs_real *x, *base, *h; /* (T,d); base as engine.h has it */
    fs_real *logprob;      /* (ROWS,V) */
};

static struct fs_pass pass_of(const struct scene *scene, bool edited)
{
    return (struct fs_pass){scene->model, scene->workspace, &scene->batch, edited ? &scene->edit : NULL};
}

/* Random numbers, so large that states change by about their own size; no numbers where layers have other shapes. */
static bool randomise_layers(struct scene *scene, size_t first, size_t layers, size_t rank)
{
    struct fs_error err = FS_ERROR_INIT;
    uint64_t seed = 3;
    fs_edit_release(&scene->edit);
    if (fs_weight_create_layers(scene->spec, first, layers, rank, &scene->edit, &err) != 0) {
        assert_int_equal(err.code, FS_EXIT_DATA);
        assert_true(layers > 1 && (strstr(err.text, "of one shape") != NULL || strstr(err.text, "experts") != NULL));
        return false;
    }
    for (size_t i = 0; i < scene->edit.count; i++) {
        scene->edit.number[i] = (fs_real)(0.2 * noise(&seed));
    }
    return true;
}

static void randomise(struct scene *scene, size_t layer, size_t rank)
{
    assert_true(randomise_layers(scene, layer, 1, rank));
}

/* Takes over the model. False where its first layer has experts. */
static bool scene_open(struct scene *scene, struct fs_model *model)
{
    struct fs_error err = FS_ERROR_INIT;
    *scene = (struct scene){.model = model, .spec = fs_model_spec(model)};
    expect(fs_workspace_create(model, &scene->workspace, &err), &err);
    if (fs_weight_create(scene->spec, 0, 0, &scene->edit, &err) != 0) {
        assert_true(scene->spec->layer[0].experts > 0);
        assert_int_equal(err.code, FS_EXIT_DATA);
        assert_non_null(strstr(err.text, "experts"));
        return false;
    }
    for (int32_t t = 0; t < TOKENS; t++) {
        scene->token[t] = (29 * t + 7) % 100;
    }
    scene->batch = (struct fs_batch){3, TOKENS, scene->token, starts, NULL, NULL};
    size_t d = scene->spec->hidden;
    scene->x = numbers(TOKENS * d);
    scene->base = numbers(fs_base_matrices(scene->spec) * TOKENS * d);
    scene->h = numbers(TOKENS * d);
    scene->logprob = numbers(ROWS * scene->spec->vocabulary);
    return true;
}

static void scene_close(struct scene *scene)
{
    free(scene->x);
    free(scene->base);
    free(scene->h);
    free(scene->logprob);
    fs_edit_release(&scene->edit);
    fs_workspace_destroy(scene->workspace);
    fs_model_destroy(scene->model);
}

/* h: the top state, by fs_run_layers alone. */
static void run_through(struct scene *scene, bool edited, fs_real *h)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_pass pass = pass_of(scene, edited);
    expect(fs_embed(scene->model, scene->workspace, &scene->batch, NULL, h, &err), &err);
    expect(fs_run_layers(&pass, 0, scene->spec->layers, h, &err), &err);
}

static void run_to_edit(struct scene *scene)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_pass pass = pass_of(scene, false);
    size_t layer = scene->edit.first_layer;
    expect(fs_embed(scene->model, scene->workspace, &scene->batch, NULL, scene->h, &err), &err);
    expect(fs_run_layers(&pass, 0, layer, scene->h, &err), &err);
    expect(fs_run_to_ffn(&pass, layer, scene->h, scene->x, scene->base, &err), &err);
}

/* W_out + Delta and b_out + delta b in the place of the layer's own; the caller frees both. */
static void change_weights(struct fs_linear *down, const struct fs_edit *edit, size_t number, fs_real **weight,
                           fs_real **bias)
{
    struct fs_weight w = fs_weight_at(edit, number);
    size_t d = w.hidden, F = w.ffn, columns = down->weight.columns;
    *weight = numbers(d * F);
    *bias = numbers(d);
    fs_matrix_widen(&down->weight, *weight, columns);
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j < F; j++) {
            double delta = w.delta != NULL ? (double)w.delta[i * F + j] : 0;
            for (size_t r = 0; r < w.rank; r++) {
                delta += (double)w.left[i * w.rank + r] * (double)w.right[j * w.rank + r];
            }
            fs_real *own = *weight + (down->inputs_first ? j * d + i : i * F + j);
            *own = (fs_real)((double)*own + delta);
        }
        (*bias)[i] = w.bias != NULL ? down->bias[i] + w.bias[i] : 0;
    }
    down->weight = fs_matrix_of(*weight, down->weight.rows, columns, columns);
    down->bias = down->bias != NULL ? *bias : NULL;
}

/* changed (T,d): the top state of the model whose weights are those with the edit. */
static void run_changed(struct scene *scene, size_t layers, fs_real *changed)
{
    struct fs_linear down[8];
    fs_real *weight[8], *bias[8];
    size_t first = scene->edit.first_layer;
    assert_in_range(layers, 1, 8);
    for (size_t i = 0; i < layers; i++) {
        down[i] = scene->model->layer[first + i].down;
        change_weights(&scene->model->layer[first + i].down, &scene->edit, i, &weight[i], &bias[i]);
    }
    run_through(scene, false, changed);
    for (size_t i = 0; i < layers; i++) {
        scene->model->layer[first + i].down = down[i];
        free(weight[i]);
        free(bias[i]);
    }
}

/* Takes over the model. */
static void check_weights(const char *name, struct fs_model *model)
{
    struct scene scene;
    struct fs_error err = FS_ERROR_INIT;
    if (!scene_open(&scene, model)) {
        scene_close(&scene);
        return;
    }
    size_t d = scene.spec->hidden, layers = scene.spec->layers, bytes = TOKENS * d * sizeof(fs_real);
    fs_real *plain = numbers(TOKENS * d), *edited = numbers(TOKENS * d), *changed = numbers(TOKENS * d);
    run_through(&scene, false, plain);
    for (size_t round = 0; round < 6; round++) { /* the first layer, the last one, all of them; dense, and as factors */
        size_t layer = round % 3 == 1 ? layers - 1 : 0, many = round % 3 == 2 ? layers : 1;
        if (!randomise_layers(&scene, layer, many, round < 3 ? 0 : RANK)) {
            continue;
        }
        run_through(&scene, true, edited);
        run_to_edit(&scene);
        const struct fs_pass pass = pass_of(&scene, true);
        expect(fs_join_ffn(&pass, layer, scene.x, scene.base, scene.h, &err), &err);
        expect(fs_run_layers(&pass, layer + 1, layers, scene.h, &err), &err);
        assert_memory_equal(scene.h, edited, bytes);
        run_changed(&scene, many, changed);
        double difference = 0, moved = 0, size = 0;
        for (size_t i = 0; i < TOKENS * d; i++) {
            difference = fmax(difference, fabs((double)changed[i] - (double)edited[i]));
            moved = fmax(moved, fabs((double)plain[i] - (double)edited[i]));
            size = fmax(size, fabs((double)edited[i]));
        }
        if (difference > 8 * bound_real(forward_depth(scene.spec)) * size) {
            fail_msg("%s, %zu layers from %zu, rank %zu: %g from the changed weights, expected %g at most", name, many,
                     layer, scene.edit.size[2], difference, 8 * bound_real(forward_depth(scene.spec)) * size);
        }
        assert_true(moved > 1e-3 * size);
    }
    free(plain);
    free(edited);
    free(changed);
    scene_close(&scene);
}

/* Each form of block, and of the folders every `step`-th. */
static void each_model(void (*check)(const char *name, struct fs_model *model), size_t step)
{
    size_t count;
    char **names = golden_models(&count), folder[4096];
    for (size_t i = 0; i < count; i += step) {
        snprintf(folder, sizeof folder, "%s/%s", golden_path("models"), names[i]);
        check(names[i], load_model(folder));
    }
    free_names(names, count);
    for (size_t i = 0; i < block_count; i++) {
        check(block_name(i), block_model(i));
    }
}

static void it_is_other_weights(void **state)
{
    (void)state;
    each_model(check_weights, sizeof(fs_real) == sizeof(double) ? 5 : 1);
}

static void open_golden(struct scene *scene, const char *name)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/%s", golden_path("models"), name);
    assert_true(scene_open(scene, load_model(folder)));
}

static void none_changes_no_bit(void **state)
{
    (void)state;
    struct scene scene;
    struct fs_error err = FS_ERROR_INIT;
    static const char *const names[] = {"bert-tiny", "gpt2-tiny", "llama-grouped"};
    for (size_t i = 0; i < 3; i++) {
        open_golden(&scene, names[i]);
        size_t numbers_of_h = TOKENS * scene.spec->hidden, bytes = numbers_of_h * sizeof(fs_real);
        fs_real *plain = numbers(numbers_of_h), *edited = numbers(numbers_of_h);
        run_through(&scene, false, plain);
        for (size_t rank = 0; rank <= RANK; rank += RANK) {
            fs_edit_release(&scene.edit);
            expect(fs_weight_create(scene.spec, 1, rank, &scene.edit, &err), &err);
            run_through(&scene, true, edited);
            assert_memory_equal(plain, edited, bytes);
            randomise(&scene, 1, rank);
            scene.edit.kind->scale(&scene.edit, 0);
            run_through(&scene, true, edited);
            assert_memory_equal(plain, edited, bytes);

            /* half the strength is half of what is added */
            randomise(&scene, 1, rank);
            struct fs_weight whole = fs_weight_of(&scene.edit);
            fs_real bias = whole.bias != NULL ? whole.bias[0] : 0, first = scene.edit.number[0];
            fs_real right = rank > 0 ? whole.right[0] : 0;
            scene.edit.kind->scale(&scene.edit, 0.5);
            assert_true(scene.edit.number[0] == first / 2);
            assert_true(whole.bias == NULL || whole.bias[0] == bias / 2);
            assert_true(rank == 0 || whole.right[0] == right);
        }
        free(plain);
        free(edited);
        scene_close(&scene);
    }
}

/* ---- gradients ---- */

/* The same bits with memory as without. */
static void forward(struct scene *scene, struct fs_tape *tape)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_pass pass = pass_of(scene, true);
    expect(fs_upper_forward(&pass, tape, scene->x, scene->base, scene->h, &err), &err);
    expect(fs_tape_read(tape, scene->h, ROWS, rows, scene->logprob, &err), &err);
}

static void check_tape(const char *name, struct fs_model *model)
{
    struct scene scene;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_tape *tape;
    (void)name;
    if (scene_open(&scene, model)) {
        fs_real *plain = numbers(TOKENS * scene.spec->hidden);
        expect(fs_tape_create(scene.model, &tape, &err), &err);
        randomise(&scene, 0, 0);
        run_through(&scene, true, plain);
        run_to_edit(&scene);
        forward(&scene, tape);
        assert_memory_equal(plain, scene.h, TOKENS * scene.spec->hidden * sizeof *plain);
        const struct fs_pass pass = pass_of(&scene, true);
        assert_true(fs_tape_bytes(tape) >= fs_tape_numbers(&pass, ROWS) * sizeof(fs_real));
        fs_real *dx = numbers(TOKENS * scene.spec->hidden);
        assert_int_equal(fs_upper_backward(tape, plain, NULL, dx, &err), -1);
        assert_int_equal(err.code, FS_EXIT_SOFTWARE);
        free(dx);
        free(plain);
        fs_tape_destroy(tape);
    }
    scene_close(&scene);
}

static void memory_changes_no_bit(void **state)
{
    (void)state;
    each_model(check_tape, 5);
}

#ifdef FS_DOUBLE

static double weighted(struct scene *scene, struct fs_tape *tape, const double *weight)
{
    double sum = 0;
    forward(scene, tape);
    for (size_t i = 0; i < ROWS * scene->spec->vocabulary; i++) {
        sum += weight[i] * scene->logprob[i];
    }
    return sum;
}

/* dlogits = dlogprob - p sum(dlogprob), a row at a time: through the log-softmax. */
static void gradient_of(struct scene *scene, struct fs_tape *tape, const double *weight, double *gradient)
{
    struct fs_error err = FS_ERROR_INIT;
    size_t V = scene->spec->vocabulary;
    double *dlogits = numbers(ROWS * V), *dh = numbers(TOKENS * scene->spec->hidden);
    forward(scene, tape);
    for (size_t r = 0; r < ROWS; r++) {
        double sum = 0;
        for (size_t v = 0; v < V; v++) {
            sum += weight[r * V + v];
        }
        for (size_t v = 0; v < V; v++) {
            dlogits[r * V + v] = weight[r * V + v] - exp(scene->logprob[r * V + v]) * sum;
        }
    }
    expect(fs_tape_read_backward(tape, dlogits, dh, &err), &err);
    expect(fs_upper_backward(tape, dh, gradient, NULL, &err), &err);
    free(dlogits);
    free(dh);
}

/* A dozen numbers spread over all parts. */
static void check_differences(const char *name, struct fs_model *model)
{
    struct scene scene;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_tape *tape;
    if (!scene_open(&scene, model)) {
        scene_close(&scene);
        return;
    }
    expect(fs_tape_create(scene.model, &tape, &err), &err);
    uint64_t seed = 5;
    double *weight = numbers(ROWS * scene.spec->vocabulary);
    for (size_t i = 0; i < ROWS * scene.spec->vocabulary; i++) {
        weight[i] = noise(&seed);
    }
    for (size_t rank = 0; rank <= RANK; rank += RANK) {
        randomise(&scene, 0, rank);
        run_to_edit(&scene);
        double *gradient = numbers(scene.edit.count), difference = 0, norm = 0;
        gradient_of(&scene, tape, weight, gradient);
        for (size_t i = 0; i < scene.edit.count; i += scene.edit.count / 12) {
            double step = 1e-5, kept = scene.edit.number[i], end[2];
            for (int side = 0; side < 2; side++) {
                scene.edit.number[i] = side == 0 ? kept + step : kept - step;
                end[side] = weighted(&scene, tape, weight);
            }
            scene.edit.number[i] = kept;
            double numeric = (end[0] - end[1]) / (2 * step);
            difference += (numeric - gradient[i]) * (numeric - gradient[i]);
            norm += gradient[i] * gradient[i];
        }
        assert_true(norm > 0);
        /* central differences err by step^2, 1e-10, times the third derivative, and by 1e-16 / step times the sum */
        if (!(sqrt(difference / norm) < 1e-6)) {
            fail_msg("%s, rank %zu: %g from central differences", name, rank, sqrt(difference / norm));
        }
        free(gradient);
    }
    free(weight);
    fs_tape_destroy(tape);
    scene_close(&scene);
}

static void its_gradient_is_that_of_differences(void **state)
{
    (void)state;
    each_model(check_differences, 3);
}

#else

/* ---- its file ---- */

static void write_edit(const struct fs_edit *edit, const char *path)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_archive *archive;
    expect(fs_archive_create(path, "part", "job", &archive, &err), &err);
    expect(edit->kind->write(edit, archive, &err), &err);
    expect(fs_archive_publish(archive, &err), &err);
}

static int read_edit(const char *path, struct fs_edit *edit, struct fs_error *err)
{
    struct fs_archive *archive;
    expect(fs_archive_open(path, "part", &archive, err), err);
    int status = fs_edit_kind_find("weight")->read(archive, edit, err);
    fs_archive_close(archive);
    return status;
}

static void its_file_holds_it(void **state)
{
    (void)state;
    static const char *const names[] = {"gpt2-tiny", "llama-grouped"};
    for (size_t i = 0; i < 8; i++) {
        struct scene scene;
        struct fs_error err = FS_ERROR_INIT;
        size_t first = i < 4 ? 1 : 0;
        open_golden(&scene, names[i % 2]);
        assert_true(randomise_layers(&scene, first, i < 4 ? 1 : 2, i % 4 < 2 ? 0 : RANK));
        const char *path = scratch_path("edit.h5");
        write_edit(&scene.edit, path);
        struct fs_edit found = {0};
        expect(read_edit(path, &found, &err), &err);
        assert_int_equal(found.first_layer, first);
        assert_memory_equal(found.size, scene.edit.size, sizeof found.size);
        assert_int_equal(found.count, scene.edit.count);
        assert_memory_equal(found.number, scene.edit.number, found.count * sizeof *found.number);
        expect(found.kind->check(&found, scene.spec, &err), &err);
        fs_edit_release(&found);
        scene_close(&scene);
    }
}

#define ATTRIBUTES 4

/* Attributes and matrices that do not belong together, or not to the model. */
static void others_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t size[ATTRIBUTES]; /* that the attributes say: hidden, ffn, rank, biased */
        size_t matrix[2];
        fs_real number;
        const char *says;
    } bad[] = {
        {{0, 4, 0, 0}, {1, 4}, 0, "hidden"},
        {{3, 0, 0, 0}, {3, 1}, 0, "ffn"},
        {{(size_t)1 << 33, 4, 0, 0}, {3, 4}, 0, "hidden"},
        {{(size_t)1 << 32, (size_t)1 << 32, 0, 0}, {3, 4}, 0, "shape"},
        {{3, 4, (size_t)1 << 33, 0}, {3, 4}, 0, "rank"},
        {{3, 4, 0, 2}, {3, 4}, 0, "biased"},
        {{3, 4, 0, 0}, {4, 3}, 0, "shape"},
        {{3, 4, 0, 0}, {2, 4}, 0, "shape"},
        {{2, 4, 0, 0}, {3, 4}, 0, "shape"},
        {{3, 4, 2, 0}, {3, 4}, 0, "left"},
        {{3, 4, 0, 1}, {3, 4}, 0, "bias"},
        {{3, 4, 0, 0}, {3, 4}, INFINITY, "finite"},
        {{3, 4, 0, 0}, {3, 4}, NAN, "finite"},
    };
    static const char *const attribute[ATTRIBUTES] = {"hidden", "ffn", "rank", "biased"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_archive *archive;
        struct fs_edit found = {0};
        const char *path = scratch_path("bad.h5");
        float matrix[12] = {(float)bad[i].number};
        expect(fs_archive_create(path, "part", "job", &archive, &err), &err);
        expect(fs_archive_write(archive, "/weight/delta", FS_ARCHIVE_F32, 2, bad[i].matrix, matrix, &err), &err);
        for (size_t k = 0; k < ATTRIBUTES; k++) {
            expect(fs_archive_attribute_integer(archive, "/weight", attribute[k], (int64_t)bad[i].size[k], &err), &err);
        }
        expect(fs_archive_attribute_integer(archive, "/weight", "layer", 0, &err), &err);
        expect(fs_archive_publish(archive, &err), &err);
        assert_int_equal(read_edit(path, &found, &err), -1);
        assert_null(found.number);
        if (strstr(err.text, bad[i].says) == NULL || err.code != FS_EXIT_DATA) {
            fail_msg("case %zu: found %d \"%s\", expected %d and \"%s\"", i, err.code, err.text, FS_EXIT_DATA,
                     bad[i].says);
        }
    }
}

static void another_model_is_refused(void **state)
{
    (void)state;
    struct scene scene;
    struct fs_error err = FS_ERROR_INIT;
    open_golden(&scene, "gpt2-tiny");
    struct fs_spec other = *scene.spec;
    other.layer = calloc(other.layers, sizeof *other.layer);
    assert_non_null(other.layer);
    for (size_t i = 0; i < 5; i++) {
        memcpy(other.layer, scene.spec->layer, other.layers * sizeof *other.layer);
        other.hidden = scene.spec->hidden + (i == 0);
        other.layers = i == 1 ? 0 : scene.spec->layers;
        other.layer[0].ffn += i == 2;
        other.layer[0].ffn_bias = i != 3;
        other.layer[0].experts = i == 4 ? 2 : 0;
        assert_int_equal(scene.edit.kind->check(&scene.edit, &other, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
    }
    free(other.layer);
    scene_close(&scene);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_other_weights),
        cmocka_unit_test(none_changes_no_bit),
        cmocka_unit_test(memory_changes_no_bit),
#ifdef FS_DOUBLE
        cmocka_unit_test(its_gradient_is_that_of_differences),
#else
        cmocka_unit_test(its_file_holds_it),        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(another_model_is_refused),
#endif
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
