/* What some families do to scores, against the numbers that transformers gives. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/steps/scores.h"
#include "support.h"
#include "tests/unit/model/reals.h"

enum { LONGEST = 700, SHORT = 20 };

/* Two sequences; the second is the one that is looked at. */
struct scene {
    struct fs_spec spec;
    struct fs_layer_spec layer;
    struct fs_score_weights weights;
    struct fs_layer bound;
    struct fs_workspace workspace;
};

static void prepare(struct scene *scene, size_t longest)
{
    struct fs_error err = FS_ERROR_INIT;
    const size_t start[] = {0, 3, 3 + longest};
    const struct fs_batch batch = {2, start[2], NULL, start, NULL, NULL};
    scene->spec.layer = &scene->layer;
    scene->spec.layers = 1;
    scene->bound.spec = &scene->layer;
    expect(fs_scores_prepare(&scene->spec, &scene->weights, &scene->workspace, &batch, &err), &err);
}

/* The biases (n,n) of a head, which the caller frees. */
static fs_real *biases(struct scene *scene, size_t head, size_t n)
{
    const struct fs_layer_run run = {.spec = &scene->spec, .layer = &scene->bound, .workspace = &scene->workspace};
    fs_real *S = calloc(n * n, sizeof *S);
    assert_non_null(S);
    fs_scores_shape(&run, &(struct fs_score_block){head, 1, n, n}, S);
    return S;
}

static struct scene with_bias(enum fs_score_bias bias, size_t heads)
{
    return (struct scene){.spec = {.heads = heads, .key_value_heads = heads, .head_size = 16, .score_bias = bias}};
}

/* Slopes of BLOOM and MPT, which are the same. */
static void test_alibi(void **state)
{
    (void)state;
    static const double slope[2][8] = {{0.25, 0.0625, 0.015625, 0.00390625, 0.5},
                                       {0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625}};
    static const size_t heads[2] = {5, 8};
    for (size_t m = 0; m < 2; m++) {
        struct scene scene = with_bias(FS_ALIBI, heads[m]);
        prepare(&scene, SHORT);
        for (size_t head = 0; head < heads[m]; head++) {
            fs_real *S = biases(&scene, head, SHORT);
            for (size_t i = 0; i < SHORT * SHORT; i++) {
                assert_true((double)S[i] == slope[m][head] * ((double)(i % SHORT) - (double)(i / SHORT)));
            }
            free(S);
        }
        fs_workspace_release(&scene.workspace);
    }
    struct scene scene = with_bias(FS_ALIBI, 12);
    prepare(&scene, SHORT);
    fs_real *S = biases(&scene, 10, SHORT);
    assert_true(fabs((double)S[1] - 0.1767766922712326) <= bound_f32(1) * 0.18);
    free(S);
    fs_workspace_release(&scene.workspace);
}

/* Falcon's biases before the scale, at far positions that bfloat16 itself rounds. */
static void test_bfloat16(void **state)
{
    (void)state;
    static const struct {
        size_t heads, head, position;
        double bias;
    } points[] = {{5, 0, 3, 0.75},    {5, 4, 699, 350.0},   {5, 1, 301, 18.75},    {12, 9, 515, 182.0},
                  {12, 3, 257, 16.0}, {71, 70, 699, 400.0}, {71, 40, 683, 19.625}, {71, 2, 611, 470.0}};
    for (size_t p = 0; p < sizeof points / sizeof *points; p++) {
        struct scene scene = with_bias(FS_ALIBI_BFLOAT16, points[p].heads);
        prepare(&scene, LONGEST);
        fs_real *S = biases(&scene, points[p].head, LONGEST);
        assert_true((double)S[points[p].position] == points[p].bias / 4);         /* 16^-0.5 */
        assert_memory_equal(S, S + (LONGEST - 1) * LONGEST, LONGEST * sizeof *S); /* whatever the query */
        free(S);
        fs_workspace_release(&scene.workspace);
    }
}

/* Buckets of MPNet's 32, as numbers of a table that holds them; a longer batch changes none. */
static void test_buckets(void **state)
{
    (void)state;
    static const int distance[] = {-699, -128, -127, -64, -63, -16, -15, -8, -7,  -1,  0,
                                   1,    7,    8,    15,  16,  23,  63,  64, 127, 128, 699};
    static const int bucket[] = {15, 15, 15, 14, 13, 10, 9, 8, 7, 1, 0, 17, 23, 24, 25, 26, 27, 29, 30, 31, 31, 31};
    fs_real table[32 * 2];
    for (size_t i = 0; i < 64; i++) {
        table[i] = (fs_real)(i / 2) + (fs_real)(i % 2) * 100;
    }
    struct scene scene = with_bias(FS_BUCKET_BIAS, 2);
    scene.spec.score_buckets = 32;
    scene.weights.bias = table;
    prepare(&scene, SHORT);
    fs_real *before = biases(&scene, 1, SHORT);
    prepare(&scene, LONGEST);
    fs_real *after = biases(&scene, 1, SHORT), *all = biases(&scene, 1, LONGEST);
    assert_memory_equal(before, after, SHORT * SHORT * sizeof *before);
    for (size_t i = 0; i < sizeof distance / sizeof *distance; i++) {
        size_t query = distance[i] < 0 ? LONGEST - 1 : 0;
        size_t key = (size_t)((int)query + distance[i]);
        assert_true((double)all[query * LONGEST + key] == 100 + bucket[i]);
    }
    free(before);
    free(after);
    free(all);
    fs_workspace_release(&scene.workspace);
}

/* Rows of DeBERTa's relative embedding: near distances, far ones by the logarithm, and beyond the last. */
static void test_relative_rows(void **state)
{
    (void)state;
    static const int distance[] = {-699, -512, -511, -300, -129, -128, -127, -5,  -1,  0,   1,  4,
                                   5,    6,    19,   20,   128,  129,  130,  300, 511, 512, 699};
    static const struct {
        size_t buckets, most_distance, row[23];
    } models[] = {{256, 512, {0,   0,   1,   49,  127, 128, 129, 251, 255, 256, 257, 260,
                              261, 262, 275, 276, 384, 385, 386, 463, 511, 511, 511}},
                  {8, 20, {0, 0, 0, 0, 0, 0, 0, 3, 7, 8, 9, 12, 13, 13, 15, 15, 15, 15, 15, 15, 15, 15, 15}}};
    fs_real embedding[2 * 256] = {0};
    for (size_t m = 0; m < 2; m++) {
        struct scene scene = {.spec = {.hidden = 1, .heads = 1, .key_value_heads = 1, .head_size = 1}};
        scene.spec.disentangled = (struct fs_disentangled){
            .span = models[m].buckets, .buckets = models[m].buckets, .most_distance = models[m].most_distance};
        scene.weights.relative = embedding;
        prepare(&scene, LONGEST);
        const struct fs_relative *relative = &scene.workspace.relative;
        for (size_t i = 0; i < sizeof distance / sizeof *distance; i++) {
            assert_int_equal(relative->row[distance[i] + LONGEST - 1], models[m].row[i]);
        }
        assert_int_equal(relative->first, 0);
        assert_int_equal(relative->rows, 2 * models[m].buckets);
        prepare(&scene, 3); /* of a short batch only the middle is met */
        assert_int_equal(relative->first, models[m].buckets - 2);
        assert_int_equal(relative->rows, 5);
        fs_workspace_release(&scene.workspace);
    }
}

static void test_clip(void **state)
{
    (void)state;
    const fs_real in[5] = {-3, (fs_real)-0.5, (fs_real)0.25, (fs_real)0.5, 4};
    fs_real x[5], gradient[5] = {1, 2, 3, 4, 5};
    memcpy(x, in, sizeof x);
    fs_kernel_clip(x, 5, (fs_real)0.5);
    fs_kernel_clip_backward(in, gradient, 5, (fs_real)0.5);
    const double clipped[5] = {-0.5, -0.5, 0.25, 0.5, 0.5}, passed[5] = {0, 2, 3, 4, 0};
    for (size_t i = 0; i < 5; i++) {
        assert_true((double)x[i] == clipped[i] && (double)gradient[i] == passed[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alibi),         cmocka_unit_test(test_bfloat16), cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_relative_rows), cmocka_unit_test(test_clip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
