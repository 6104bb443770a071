/*
 * Gradients of all weights, in float64: of every tensor along a random direction against central differences, for every
 * family and form of block; and against what PyTorch's autograd gives for three families. A copy of a model computes what
 * the model does.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "io/formats/json.h"
#include "model/gradients.h"
#include "model/numbers/kernels.h"
#include "model/steps/workspace.h"
#include "model/trainable.h"
#include "support.h"
#include "tests/unit/model/reals.h"

enum { SEQUENCES = 3, TOKENS = 17, ROWS = 6 };
static const size_t start[SEQUENCES + 1] = {0, 7, 8, TOKENS}, row[ROWS] = {0, 3, 6, 7, 12, 15};

/* Relative to the first order: the third is about its square, times curvature. */
#define STEP 1e-6
#define BOUND 1e-5

/* A loss on one batch: the sum of log p of some tokens, each times its weight. */
struct scene {
    const struct fs_model *model; /* with the weights that are in place */
    struct fs_workspace *workspace;
    struct fs_gradients *gradients;
    int32_t token[TOKENS];
    struct fs_batch batch;
    fs_real *logprob; /* (ROWS,V) */
};

static int32_t target_of(const struct scene *scene, size_t r)
{
    return (int32_t)((31 * r + 5) % (fs_model_spec(scene->model)->vocabulary - 4));
}

static double weight_of(size_t r)
{
    return 0.5 + (double)r / ROWS;
}

static void scene_open(struct scene *scene, const struct fs_model *model)
{
    struct fs_error err = FS_ERROR_INIT;
    *scene = (struct scene){.model = model};
    for (size_t t = 0; t < TOKENS; t++) { /* some of them twice */
        scene->token[t] = (int32_t)(29 * (t % 11) + 7) % 100;
    }
    scene->batch = (struct fs_batch){SEQUENCES, TOKENS, scene->token, start, NULL, NULL};
    scene->logprob = numbers(ROWS * fs_model_spec(model)->vocabulary);
    expect(fs_workspace_create(model, &scene->workspace, &err), &err);
    expect(fs_gradients_create(model, &scene->gradients, &err), &err);
}

static void scene_close(struct scene *scene)
{
    fs_gradients_destroy(scene->gradients);
    fs_workspace_destroy(scene->workspace);
    free(scene->logprob);
}

static double loss(struct scene *scene)
{
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_pass pass = {scene->model, scene->workspace, &scene->batch, NULL};
    size_t V = fs_model_spec(scene->model)->vocabulary;
    double sum = 0;
    expect(fs_gradients_forward(scene->gradients, &pass, NULL, ROWS, row, scene->logprob, &err), &err);
    for (size_t r = 0; r < ROWS; r++) {
        sum += weight_of(r) * (double)scene->logprob[r * V + (size_t)target_of(scene, r)];
    }
    return sum;
}

/* gradient [numbers] of the loss that was computed last */
static void differentiate(struct scene *scene, fs_real *gradient)
{
    struct fs_error err = FS_ERROR_INIT;
    size_t V = fs_model_spec(scene->model)->vocabulary;
    const struct fs_weight_sink sink = fs_trainable_sink(scene->model, gradient);
    for (size_t r = 0; r < ROWS; r++) {
        fs_real *logits = scene->logprob + r * V;
        fs_distribution_gradient(logits, NULL, V, (fs_real)-weight_of(r), 0);
        logits[target_of(scene, r)] += (fs_real)weight_of(r);
    }
    expect(fs_gradients_weights(scene->gradients, scene->logprob, &sink, &err), &err);
}

/* Set part by part, which end anywhere in a tensor or a row, the copy has the bits of one set as a whole. */
static void check_parts(struct fs_model *copy, size_t count)
{
    fs_real *delta = numbers(count), *whole = numbers(count);
    uint64_t seed = 6;
    for (size_t i = 0; i < count; i++) {
        delta[i] = (fs_real)noise(&seed);
    }
    fs_trainable_set(copy, 0, count, delta);
    memcpy(whole, fs_trainable_weights(copy), count * sizeof *whole);
    fs_trainable_set(copy, 0, count, NULL);
    for (size_t first = 0, part = 1; first < count; first += part, part = part % 1009 + 7) {
        part = part < count - first ? part : count - first;
        fs_trainable_set(copy, first, part, delta + first);
    }
    assert_memory_equal(fs_trainable_weights(copy), whole, count * sizeof *whole);
    fs_trainable_set(copy, 0, count, NULL);
    free(delta);
    free(whole);
}

/* Takes over the model; `dropout` NULL: none. */
static void check_differences(const char *name, struct fs_model *model, const struct fs_dropout *dropout)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_model *copy;
    struct scene scene;
    size_t count = fs_trainable_numbers(fs_model_spec(model)), pieces;
    expect(fs_trainable_copy(model, &copy, &err), &err);
    struct fs_trainable_piece *piece = fs_trainable_pieces(copy, &pieces, &err);
    assert_int_equal(piece[pieces - 1].first + piece[pieces - 1].count, count);
    fs_real *gradient = numbers(count), *delta = numbers(count);
    check_parts(copy, count);
    scene_open(&scene, copy);
    fs_workspace_drop(scene.workspace, dropout);
    double whole = loss(&scene), worst = 0;
    differentiate(&scene, gradient);
    double rounding = bound_f64(3 * forward_depth(fs_model_spec(model))) * fabs(whole) / STEP;
    uint64_t seed = 4;
    for (size_t p = 0; p < pieces; p++) {
        double along = 0, side[2];
        for (size_t i = piece[p].first; i < piece[p].first + piece[p].count; i++) {
            delta[i] = (fs_real)(STEP * noise(&seed));
            along += (double)gradient[i] * (double)delta[i] / STEP;
        }
        for (int s = 0; s < 2; s++) {
            fs_trainable_set(copy, 0, count, delta);
            fs_workspace_forget(scene.workspace);
            side[s] = loss(&scene);
            fs_kernel_scale(delta + piece[p].first, piece[p].count, -1);
        }
        double exact = (side[0] - side[1]) / (2 * STEP), difference = fabs(along - exact);
        if (!(difference <= BOUND * fabs(exact) + rounding)) {
            fail_msg("%s: %s [%zu]: along it %g, differences %g", name, piece[p].tensor, p, along, exact);
        }
        worst = fmax(worst, difference / (BOUND * fabs(exact) + rounding));
        memset(delta + piece[p].first, 0, piece[p].count * sizeof *delta);
    }
    print_message("%-34s  %.0e of its bound in %zu pieces\n", name, worst, pieces);
    scene_close(&scene);
    free(piece);
    free(gradient);
    free(delta);
    fs_model_destroy(copy);
    fs_model_destroy(model);
}

static void along_every_tensor_of_every_family(void **state)
{
    (void)state;
    size_t count;
    char **names = golden_models(&count), folder[4096];
    for (size_t i = 0; i < count; i++) {
        snprintf(folder, sizeof folder, "%s/%s", golden_path("models"), names[i]);
        check_differences(names[i], load_model(folder), NULL);
    }
    free_names(names, count);
    for (size_t i = 0; i < block_count; i++) {
        check_differences(block_name(i), block_model(i), NULL);
    }
}

/* The same numbers are dropped in each run. */
static void so_with_dropout(void **state)
{
    (void)state;
    static const char *const folders[] = {"models/bert-tiny", "models/gpt2-tiny", "models/llama-grouped",
                                          "models/gemma2-f16", "models/electra-tiny"};
    const struct fs_dropout dropout = {.hidden = 0.2, .attention = 0.3, .key = 5};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        check_differences(folders[i], load_model(golden_path(folders[i])), &dropout);
    }
    for (size_t i = 0; i < block_count; i++) {
        check_differences(block_name(i), block_model(i), &dropout);
    }
}

/* ---- PyTorch ---- */

static const cJSON *get(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_non_null(value);
    return value;
}

/* Each tensor's product with cosines and its norm. */
static void check_golden(const cJSON *expected)
{
    struct fs_error err = FS_ERROR_INIT;
    char folder[4096];
    struct scene scene;
    snprintf(folder, sizeof folder, "%s/%s", golden_path("models"), get(expected, "model")->valuestring);
    struct fs_model *model = load_model(folder), *copy;
    size_t pieces;
    expect(fs_trainable_copy(model, &copy, &err), &err);
    struct fs_trainable_piece *piece = fs_trainable_pieces(copy, &pieces, &err);
    fs_real *gradient = numbers(fs_trainable_numbers(fs_model_spec(model)));
    scene_open(&scene, copy);
    double bound = bound_f64(9 * forward_depth(fs_model_spec(model))), wanted = get(expected, "loss")->valuedouble;
    assert_true(fabs(loss(&scene) - wanted) < bound * fabs(wanted));
    differentiate(&scene, gradient);
    assert_int_equal(pieces, cJSON_GetArraySize(get(expected, "tensors")));
    for (size_t p = 0; p < pieces; p++) {
        const cJSON *tensor = get(get(expected, "tensors"), piece[p].tensor);
        double product = 0, square = 0;
        for (size_t i = 0; i < piece[p].count; i++) {
            double number = (double)gradient[piece[p].first + i];
            product += number * cos(0.37 * (double)(piece[p].offset + i) + 1);
            square += number * number;
        }
        /* a product of many numbers of either sign; a key's bias has a gradient of rounding alone */
        double size = sqrt(square) * 8 + 1;
        if (!(fabs(product - cJSON_GetArrayItem(tensor, 0)->valuedouble) < bound * size) ||
            !(fabs(sqrt(square) - cJSON_GetArrayItem(tensor, 1)->valuedouble) < bound * size)) {
            fail_msg("%s: %s: found %.15g and %.15g", get(expected, "model")->valuestring, piece[p].tensor, product,
                     sqrt(square));
        }
    }
    scene_close(&scene);
    free(piece);
    free(gradient);
    fs_model_destroy(copy);
    fs_model_destroy(model);
}

static void those_of_autograd(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_json_document *document;
    expect(fs_json_load(golden_path("cda.json"), &document, &err), &err);
    const cJSON *cases = get(fs_json_root(document), "gradients");
    assert_int_equal(cJSON_GetArraySize(cases), 3);
    for (const cJSON *item = cases->child; item != NULL; item = item->next) {
        check_golden(item);
    }
    fs_json_destroy(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(along_every_tensor_of_every_family),
                                       cmocka_unit_test(so_with_dropout), cmocka_unit_test(those_of_autograd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
