/* States that are no numbers, as after an overflow. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "model/engine.h"
#include "model/steps/workspace.h"
#include "support.h"

enum { TOKENS = 9, LOST = 4 }; /* one token's state is no number */

struct scene {
    struct fs_model *model;
    struct fs_workspace *workspace;
    fs_real *h; /* behind the first layer */
};

static size_t block_of(const char *name)
{
    size_t block = 0;
    while (block < block_count && strcmp(block_name(block), name) != 0) {
        block++;
    }
    assert_true(block < block_count);
    return block;
}

static const int32_t all_tokens[TOKENS] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
static const size_t starts[] = {0, TOKENS};
static const struct fs_batch batch = {1, TOKENS, all_tokens, starts, NULL, NULL};

static struct scene begin(const char *block)
{
    struct fs_error err = FS_ERROR_INIT;
    struct scene scene = {.model = block_model(block_of(block))};
    size_t d = fs_model_spec(scene.model)->hidden;
    scene.h = calloc(TOKENS * d, sizeof *scene.h);
    assert_non_null(scene.h);
    assert_int_equal(fs_workspace_create(scene.model, &scene.workspace, &err), 0);
    const struct fs_pass pass = {scene.model, scene.workspace, &batch, NULL};
    assert_int_equal(fs_embed(scene.model, scene.workspace, &batch, NULL, scene.h, &err), 0);
    for (size_t i = 0; i < d; i++) {
        scene.h[LOST * d + i] = (fs_real)NAN;
    }
    assert_int_equal(fs_run_layers(&pass, 0, 1, scene.h, &err), 0);
    return scene;
}

static void end(struct scene *scene)
{
    fs_workspace_destroy(scene->workspace);
    fs_model_destroy(scene->model);
    free(scene->h);
}

static void test_experts(void **state)
{
    (void)state;
    struct scene scene = begin("experts");
    const struct fs_layer_spec *layer = fs_model_spec(scene.model)->layer;
    assert_int_equal(scene.workspace->expert_first[layer->experts], TOKENS * layer->experts_used);
    end(&scene);
}

static void refused(int status, const struct fs_error *err, const char *what)
{
    assert_int_equal(status, -1);
    assert_int_equal(err->code, FS_EXIT_DATA);
    assert_memory_equal(err->text, what, strlen(what));
    assert_non_null(strstr(err->text, "no number"));
}

static void test_read(void **state)
{
    (void)state;
    const size_t row[] = {LOST}, first[] = {0, 1};
    const int32_t token[] = {7};
    const struct fs_reads reads = {1, row, first, token, NULL};
    struct fs_error err = FS_ERROR_INIT;
    struct scene scene = begin("pre-norm");
    const struct fs_spec *spec = fs_model_spec(scene.model);
    fs_real *logprob = calloc(spec->vocabulary, sizeof *logprob);
    double *mean = calloc(fs_spec_state_width(spec), sizeof *mean);
    assert_true(logprob != NULL && mean != NULL);
    int status = fs_read_logprobs(scene.model, scene.workspace, scene.h, &reads, logprob, NULL, &err);
    refused(status, &err, "a log probability");
    status = fs_read_distributions(scene.model, scene.workspace, scene.h, 1, row, logprob, &err);
    refused(status, &err, "a log probability");
    const struct fs_pass pass = {scene.model, scene.workspace, &batch, NULL};
    status = fs_read_mean_states(&pass, scene.h, mean, &err);
    refused(status, &err, "a hidden state");
    free(mean);
    free(logprob);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_experts), cmocka_unit_test(test_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
