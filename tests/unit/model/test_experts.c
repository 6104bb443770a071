/* A mixture of experts where states are no numbers, as after an overflow: each token still takes its few experts. */
#include <math.h>
#include <string.h>

#include "blocks.h"
#include "model/engine.h"
#include "model/steps/workspace.h"
#include "support.h"

enum { TOKENS = 9 };

static size_t block_of(const char *name)
{
    size_t block = 0;
    while (block < block_count && strcmp(block_name(block), name) != 0) {
        block++;
    }
    assert_true(block < block_count);
    return block;
}

static void test_no_numbers(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_model *model = block_model(block_of("experts"));
    const struct fs_layer_spec *layer = fs_model_spec(model)->layer;
    const int32_t token[TOKENS] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const size_t start[] = {0, TOKENS};
    const struct fs_batch batch = {1, TOKENS, token, start};
    struct fs_workspace *workspace;
    assert_int_equal(fs_workspace_create(model, &workspace, &err), 0);
    const struct fs_pass pass = {model, workspace, &batch, NULL};
    fs_real h[TOKENS * 12];
    assert_int_equal(fs_model_spec(model)->hidden, 12);
    assert_int_equal(fs_embed(model, workspace, &batch, NULL, h, &err), 0);
    for (size_t i = 0; i < 12; i++) {
        h[4 * 12 + i] = (fs_real)NAN;
    }
    assert_int_equal(fs_run_layers(&pass, 0, 1, h, &err), 0);
    assert_int_equal(workspace->expert_first[layer->experts], TOKENS * layer->experts_used);
    fs_workspace_destroy(workspace);
    fs_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
