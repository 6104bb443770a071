/*
 * Gradient x difference against what the engine's own restorations give, in float64. Two runs differ by a step of the
 * embedding of one token, so small that the effect of setting a component of one run to its value in the other is its
 * first order: a finite difference at every layer, position and component, through the same sources, for every family.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "model/gradients.h"
#include "model/numbers/kernels.h"
#include "support.h"
#include "tests/unit/model/reals.h"

enum { LENGTH = 5, CHANGED = 1, READ = 3, RUNS = 2, OBJECT = 17 };

/* Relative to the first order: the second is about the step, times curvature. */
#define STEP 1e-5
#define BOUND 1e-3

/* A run and one that starts a step beside it; what is restored, each in a copy of the second. */
struct scene {
    struct fs_model *model;
    struct fs_workspace *workspace;
    size_t layers, copies, tokens;
    size_t *start;
    int32_t *token;
    fs_real *noise, *h;
    struct fs_batch batch;
    double *exact, *estimate; /* [components][layers][LENGTH] */
};

/* Of exact and estimate, and of the copies; positions of a sequence. */
static size_t cell(const struct scene *scene, size_t component, size_t layer, size_t position)
{
    return (component * scene->layers + layer) * LENGTH + position;
}

static void scene_open(struct scene *scene, struct fs_model *model)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_spec *spec = fs_model_spec(model);
    size_t E = fs_spec_embedding(spec);
    *scene = (struct scene){.model = model, .layers = spec->layers};
    scene->copies = FS_COMPONENTS * spec->layers * LENGTH;
    size_t sequences = RUNS + scene->copies;
    scene->tokens = sequences * LENGTH;
    scene->start = calloc(sequences + 1, sizeof *scene->start);
    scene->token = calloc(scene->tokens, sizeof *scene->token);
    scene->exact = calloc(scene->copies, sizeof *scene->exact);
    scene->estimate = calloc(scene->copies, sizeof *scene->estimate);
    assert_true(scene->start != NULL && scene->token != NULL && scene->exact != NULL && scene->estimate != NULL);
    scene->noise = numbers(scene->tokens * E);
    scene->h = numbers(scene->tokens * spec->hidden);
    for (size_t s = 0; s < sequences; s++) {
        uint64_t seed = 4;
        scene->start[s + 1] = scene->start[s] + LENGTH;
        for (size_t t = 0; t < LENGTH; t++) {
            scene->token[s * LENGTH + t] = (int32_t)(29 * t + 7) % 100;
        }
        for (size_t c = 0; s > 0 && c < E; c++) {
            scene->noise[(s * LENGTH + CHANGED) * E + c] = (fs_real)(STEP * noise(&seed));
        }
    }
    scene->batch = (struct fs_batch){sequences, scene->tokens, scene->token, scene->start, NULL, NULL};
    expect(fs_workspace_create(model, &scene->workspace, &err), &err);
}

static void scene_close(struct scene *scene)
{
    free(scene->start);
    free(scene->token);
    free(scene->noise);
    free(scene->h);
    free(scene->exact);
    free(scene->estimate);
    fs_workspace_destroy(scene->workspace);
    fs_model_destroy(scene->model);
}

/* Restorations of one component of a layer: its rows of the first run into the copies that are of it. */
static struct fs_row_copies rows_of(const struct scene *scene, enum fs_component component, size_t layer,
                                    size_t from[LENGTH], size_t to[LENGTH])
{
    for (size_t position = 0; position < LENGTH; position++) {
        from[position] = position;
        to[position] = (RUNS + cell(scene, component, layer, position)) * LENGTH + position;
    }
    return (struct fs_row_copies){LENGTH, from, to};
}

static void run_exact(struct scene *scene)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_pass pass = {scene->model, scene->workspace, &scene->batch, NULL};
    size_t d = fs_model_spec(scene->model)->hidden, from[FS_COMPONENTS][LENGTH], to[FS_COMPONENTS][LENGTH];
    size_t reads = RUNS + scene->copies, *row = calloc(reads, sizeof *row), *first = calloc(reads + 1, sizeof *first);
    int32_t *object = calloc(reads, sizeof *object);
    fs_real *logprob = numbers(reads);
    assert_true(row != NULL && first != NULL && object != NULL);
    expect(fs_embed(scene->model, scene->workspace, &scene->batch, scene->noise, scene->h, &err), &err);
    for (size_t l = 0; l < scene->layers; l++) {
        struct fs_row_copies copies[FS_COMPONENTS];
        for (size_t c = 0; c < FS_COMPONENTS; c++) {
            copies[c] = rows_of(scene, (enum fs_component)c, l, from[c], to[c]);
        }
        expect(
            fs_run_layer_patched(&pass, l, &copies[FS_COMPONENT_ATTENTION], &copies[FS_COMPONENT_FFN], scene->h, &err),
            &err);
        for (size_t i = 0; i < LENGTH; i++) {
            size_t at = copies[FS_COMPONENT_RESIDUAL].to[i];
            memcpy(scene->h + at * d, scene->h + i * d, d * sizeof *scene->h);
        }
    }
    for (size_t r = 0; r < reads; r++) {
        row[r] = r * LENGTH + READ;
        first[r + 1] = r + 1;
        object[r] = OBJECT;
    }
    const struct fs_reads all = {reads, row, first, object, NULL};
    expect(fs_read_logprobs(scene->model, scene->workspace, scene->h, &all, logprob, NULL, &err), &err);
    for (size_t i = 0; i < scene->copies; i++) {
        scene->exact[i] = (double)logprob[RUNS + i] - (double)logprob[1];
    }
    free(row);
    free(first);
    free(object);
    free(logprob);
}

/* The gradient of the second run, at which restorations are, times what the first has more. */
static void add_products(void *context, const struct fs_component_view *view)
{
    struct scene *scene = context;
    for (size_t position = 0; position < LENGTH; position++) {
        const fs_real *one = view->value + position * view->width, *other = one + LENGTH * view->width;
        const fs_real *gradient = view->gradient + (LENGTH + position) * view->width;
        for (size_t i = 0; i < view->width; i++) {
            scene->estimate[cell(scene, view->component, view->layer, position)] +=
                (double)gradient[i] * ((double)one[i] - (double)other[i]);
        }
    }
}

static void run_estimate(struct scene *scene)
{
    struct fs_error err = FS_ERROR_INIT;
    size_t V = fs_model_spec(scene->model)->vocabulary;
    const struct fs_batch batch = {RUNS, RUNS * LENGTH, scene->token, scene->start, NULL, NULL};
    const struct fs_pass pass = {scene->model, scene->workspace, &batch, NULL};
    const size_t row[RUNS] = {READ, LENGTH + READ};
    struct fs_gradients *gradients;
    fs_real *logprob = numbers(RUNS * V);
    expect(fs_gradients_create(scene->model, &gradients, &err), &err);
    expect(fs_gradients_forward(gradients, &pass, scene->noise, RUNS, row, logprob, &err), &err);
    for (size_t r = 0; r < RUNS; r++) {
        fs_distribution_gradient(logprob + r * V, NULL, V, -1, 0);
        logprob[r * V + OBJECT] += 1;
    }
    expect(fs_gradients_backward(gradients, logprob, add_products, scene, &err), &err);
    assert_int_equal(fs_gradients_bytes(gradients), fs_gradients_numbers(&pass, RUNS) * sizeof(fs_real));
    fs_gradients_destroy(gradients);
    free(logprob);
}

/* Takes over the model. */
static void check(const char *name, struct fs_model *model)
{
    struct scene scene;
    scene_open(&scene, model);
    run_exact(&scene);
    run_estimate(&scene);
    /* two log probabilities, both up to 8, are subtracted */
    double rounding = 16 * bound_f64(forward_depth(fs_model_spec(model))) * sqrt((double)(scene.layers * LENGTH));
    print_message("%-34s", name);
    for (size_t c = 0; c < FS_COMPONENTS; c++) {
        double difference = 0, norm = 0;
        for (size_t i = cell(&scene, c, 0, 0); i < cell(&scene, c + 1, 0, 0); i++) {
            difference += (scene.estimate[i] - scene.exact[i]) * (scene.estimate[i] - scene.exact[i]);
            norm += scene.exact[i] * scene.exact[i];
        }
        print_message("  %.0e of %.0e", sqrt(difference / norm), BOUND + rounding / sqrt(norm));
        assert_true(sqrt(difference) < BOUND * sqrt(norm) + rounding && sqrt(norm) > 4 * rounding);
    }
    print_message("\n");
    scene_close(&scene);
}

static void first_order_of_every_family(void **state)
{
    (void)state;
    size_t count;
    char **names = golden_models(&count), folder[4096];
    for (size_t i = 0; i < count; i++) {
        snprintf(folder, sizeof folder, "%s/%s", golden_path("models"), names[i]);
        check(names[i], load_model(folder));
    }
    free_names(names, count);
    for (size_t i = 0; i < block_count; i++) {
        check(block_name(i), block_model(i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_order_of_every_family)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
