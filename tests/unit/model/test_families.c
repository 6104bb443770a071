/* The table of families: each runs its golden folders; and models whose layers differ. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/families/families.h"
#include "model/model_internal.h"
#include "support.h"

static bool begins(const struct fs_family *family, const char *folder)
{
    size_t length = strlen(family->name);
    return strncmp(folder, family->name, length) == 0 && folder[length] == '-';
}

/* Golden folders of a family are called "<family>-...", the longest such name. */
static bool is_of(const struct fs_family *family, const char *folder)
{
    for (size_t f = 0; f < fs_family_count; f++) {
        if (strlen(fs_families[f]->name) > strlen(family->name) && begins(fs_families[f], folder)) {
            return false;
        }
    }
    return begins(family, folder);
}

static double worst_of(const struct fs_model *model, const char *folder)
{
    char jsonl[4352];
    struct texts texts;
    double worst = 0.0;
    snprintf(jsonl, sizeof jsonl, "%s/logprobs.jsonl", folder);
    texts_load(jsonl, folder, fs_model_spec(model), &texts);
    fs_real *logprob = malloc(texts.reads * sizeof *logprob);
    assert_non_null(logprob);
    texts_run(model, &texts, 512, logprob);
    for (size_t i = 0; i < texts.reads; i++) {
        double difference = fabs((double)logprob[i] - texts.expected[i]);
        worst = difference <= worst ? worst : difference; /* NaN becomes the worst */
    }
    free(logprob);
    texts_release(&texts);
    return worst;
}

static void test_golden(void **state)
{
    (void)state;
    size_t count, used = 0;
    char **names = golden_models(&count);
    for (size_t f = 0; f < fs_family_count; f++) {
        size_t folders = 0;
        for (size_t i = 0; i < count; i++) {
            if (!is_of(fs_families[f], names[i])) {
                continue;
            }
            char folder[4096];
            snprintf(folder, sizeof folder, "%s/%s", golden_path("models"), names[i]);
            struct fs_model *model = load_model(folder);
            assert_ptr_equal(fs_model_spec(model)->family, fs_families[f]);
            assert_int_equal(fs_model_notes(model)->count, 0); /* plain folders: nothing is to be said */
            double worst = worst_of(model, folder);
            print_message("%-22s worst difference %.1e\n", names[i], worst);
            if (!(worst <= 1e-4)) { /* float32 through a few layers */
                fail_msg("%s: worst difference %.1e", names[i], worst);
            }
            fs_model_destroy(model);
            folders++;
        }
        if (folders < 2) { /* other shapes, types and heads */
            fail_msg("%zu golden folders of family %s, expected at least 2", folders, fs_families[f]->name);
        }
        used += folders;
    }
    assert_int_equal(used, count); /* no folder without a family */
    free_names(names, count);
}

/* A row's own parts: what it says must go together. */
static void test_rows(void **state)
{
    (void)state;
    char names[1024], cut[8];
    fs_family_names(names, sizeof names);
    for (size_t f = 0; f < fs_family_count; f++) {
        const struct fs_family *family = fs_families[f];
        assert_ptr_equal(fs_family_find(family->name), family);
        assert_non_null(strstr(names, family->name));
        assert_non_null(family->read_layers);
        assert_non_null(family->architectures[0]);
        if (family->about == NULL || strchr(family->about, '|') != NULL || strstr(family->about, "  ") != NULL) {
            fail_msg("%s: its row has no `about` for the table of docs/models.md", family->name);
        }
        assert_non_null(strstr(family->body.attention_output, "%zu")); /* by it a wrapper's prefix is found */
        for (size_t i = 0; i < FS_ARCHITECTURES && family->architectures[i] != NULL; i++) {
            for (size_t g = 0; g < f; g++) {
                for (size_t j = 0; j < FS_ARCHITECTURES && fs_families[g]->architectures[j] != NULL; j++) {
                    assert_string_not_equal(family->architectures[i], fs_families[g]->architectures[j]);
                }
            }
        }
        assert_true((family->body.final_norm != NULL) == (family->block != FS_POST_NORM));
        assert_true((family->body.query_norm != NULL) == (family->body.key_norm != NULL));
        assert_true((family->head.transform != NULL) == (family->head.transform_norm != NULL));
        assert_true((family->body.projections[1] != NULL) == (family->body.projections[2] != NULL));
    }
    assert_null(fs_family_find("t5"));
    fs_family_names(cut, sizeof cut);
    assert_true(strlen(cut) < sizeof cut);
}

/* Windows, rotary bases and FFN sizes of each layer's own: a changed token reaches as far as the windows let it. */
static void test_layers_differ(void **state)
{
    (void)state;
    enum { TOKENS = 12, REACH = 3 };
    struct fs_error err = FS_ERROR_INIT;
    struct fs_model *golden = load_model(golden_path("models/llama-grouped")), *model;
    struct fs_spec spec;
    assert_int_equal(fs_spec_copy(fs_model_spec(golden), &spec, &err), 0);
    fs_model_destroy(golden);
    spec.layer[0].window = REACH;
    for (size_t l = 1; l < spec.layers; l++) {
        spec.layer[l].window = 1; /* itself alone */
        spec.layer[l].rotary.theta = 500.0;
        spec.layer[l].ffn += 5;
    }
    assert_int_equal(fs_model_random(&spec, &model, &err), 0);
    assert_true(spec.layers > 1 && model->layer[0].up.weight.data != model->layer[1].up.weight.data);
    struct fs_workspace *workspace;
    assert_int_equal(fs_workspace_create(model, &workspace, &err), 0);
    int32_t token[TOKENS];
    static const size_t start[] = {0, TOKENS};
    const struct fs_batch batch = {1, TOKENS, token, start, NULL, NULL};
    const struct fs_pass pass = {model, workspace, &batch, NULL};
    size_t d = spec.hidden;
    fs_real *state_of[2] = {malloc(TOKENS * d * sizeof(fs_real)), malloc(TOKENS * d * sizeof(fs_real))};
    for (int changed = 0; changed < 2; changed++) {
        for (int32_t t = 0; t < TOKENS; t++) {
            token[t] = 3 + t + (t == 2 ? changed : 0);
        }
        assert_non_null(state_of[changed]);
        assert_int_equal(fs_embed(model, workspace, &batch, NULL, state_of[changed], &err), 0);
        assert_int_equal(fs_run_layers(&pass, 0, spec.layers, state_of[changed], &err), 0);
    }
    for (size_t t = 0; t < TOKENS; t++) {
        bool reached = t >= 2 && t < 2 + REACH;
        assert_int_equal(memcmp(state_of[0] + t * d, state_of[1] + t * d, d * sizeof(fs_real)) != 0, reached);
    }
    free(state_of[0]);
    free(state_of[1]);
    fs_workspace_destroy(workspace);
    fs_model_destroy(model);
    fs_spec_release(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_layers_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
