/*
 * Further kinds of restoration, windows and the heat map, against PyTorch with hooks (tests/golden/make_trace.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stages/trace/trace.h"
#include "stages/trace/trace_item.h"
#include "tests/unit/bounds.h"
#include "tests/unit/trace/prompts.h"

static const char *const models[] = {"bert-tiny", "gpt2-tiny", "llama-grouped", "gpt_neo-tiny", "gptj-part-f16-shards"};

static size_t compared;

/* Probabilities against float32 ones of another library. */
static void compare(const struct world *w, const char *what, double found, double expected, double scale)
{
    compared++;
    if (!(fabs(found - expected) <= bound_log_p(fs_model_spec(w->model)) * scale)) {
        fail_msg("%s: found %.8g, expected %.8g", what, found, expected);
    }
}

/* P*[o | restored] of one item from the effects, against the golden file's probabilities. */
static void compare_item(const struct world *w, const struct fs_trace_result *result, size_t i, size_t window)
{
    const struct fs_trace_sublayers *sublayers = &result->sublayers;
    const cJSON *golden = golden_item(w, w->pairs.item[result->item[i]].id), *value;
    size_t n = result->items, L = result->layers;
    if (golden == NULL) {
        assert_true(result->noised[i]); /* no counterpart of the same length */
        return;
    }
    assert_false(result->noised[i]);
    double base = number_of(golden, "P*");
    compare(w, "P", result->biased[i], number_of(golden, "P"), number_of(golden, "P"));
    compare(w, "P*", result->counterfactual[i], base, base);
    for (size_t k = 0; k < sublayers->kinds; k++) {
        char key[64];
        const char *name = fs_trace_kind_name(sublayers->kind[k]);
        snprintf(key, sizeof key, "%s %zu", name, window);
        size_t layer = 0;
        cJSON_ArrayForEach(value, cJSON_GetObjectItemCaseSensitive(golden, key))
        {
            compare(w, key, sublayers->indirect_effect[(k * n + i) * L + layer++] + base, value->valuedouble, base);
        }
        assert_int_equal(layer, L);
        if (sublayers->positions == 0 || window != 1) {
            continue;
        }
        snprintf(key, sizeof key, "heat %s", name);
        const cJSON *line;
        layer = 0;
        cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(golden, key))
        {
            size_t p = sublayers->first[i];
            cJSON_ArrayForEach(value, line)
            {
                compare(w, key, sublayers->position_effect[(k * L + layer) * sublayers->positions + p++] + base,
                        value->valuedouble, base);
            }
            assert_int_equal(p, sublayers->first[i + 1]);
            layer++;
        }
    }
}

static void kinds_and_heat_map(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        for (size_t window = 1; window <= 3; window += 2) {
            struct world w;
            struct fs_trace_result result;
            const struct fs_trace_options options = {.noise_scale = 3,
                                                     .noise_samples = 3,
                                                     .bootstrap = 20,
                                                     .seed = 5,
                                                     .kind = {true, true, true},
                                                     .window = window,
                                                     .heat_map = window == 1};
            world_open(models[m], "trace", &w);
            run_trace(&w, &options, 2, &result);
            compared = 0;
            assert_int_equal(result.sublayers.kinds, 3);
            for (size_t i = 0; i < result.items; i++) {
                compare_item(&w, &result, i, window);
            }
            assert_true(compared >= 2 * (2 + 3 * result.layers)); /* two prompts at least */
            fs_trace_result_release(&result);
            world_close(&w);
        }
    }
}

/* Averages by role, and the residual stream at the subject's last token, are those of the positions. */
static void roles(void **state)
{
    (void)state;
    struct world w;
    struct fs_trace_result result;
    const struct fs_trace_options options = {
        .noise_scale = 3, .noise_samples = 2, .seed = 5, .window = 1, .heat_map = true, .always_noise = true};
    world_open("gpt2-tiny", "trace", &w);
    run_trace(&w, &options, 1, &result);
    const struct fs_trace_sublayers *sublayers = &result.sublayers;
    size_t L = result.layers;
    assert_int_equal(sublayers->kinds, 1);
    for (size_t layer = 0; layer < L; layer++) {
        double subject = 0.0, read = 0.0;
        for (size_t i = 0; i < result.items; i++) {
            struct fs_trace_item item;
            struct fs_error err = FS_ERROR_INIT;
            assert_done(fs_trace_item_compile(w.tokenizer, &w.style, &w.pairs.item[result.item[i]], NULL, &item, &err),
                        err);
            assert_true(result.noised[i]);
            const double *effect = sublayers->position_effect + layer * sublayers->positions + sublayers->first[i];
            double bound = bound_log_p(fs_model_spec(w.model)) * (result.biased[i] + result.counterfactual[i]);
            assert_true(fabs(effect[item.subject_end - 1] - result.indirect_effect[i * L + layer]) < bound);
            subject += item.subject_end - 1 != item.read ? effect[item.subject_end - 1] : 0.0;
            read += effect[item.read] / (double)result.items;
            assert_string_equal(sublayers->token[sublayers->first[i]], "<|endoftext|>");
            fs_trace_item_release(&item);
        }
        size_t at = FS_ROLE_READ * L + layer;           /* of category "all" */
        double bound = bound_f64((double)result.items); /* means of effects, which are below 1 */
        assert_true(fabs(sublayers->role_aie[at] - read) < bound);
        if (sublayers->role_count[FS_ROLE_SUBJECT_LAST] > 0) {
            assert_true(fabs(sublayers->role_aie[FS_ROLE_SUBJECT_LAST * L + layer] -
                             subject / (double)sublayers->role_count[FS_ROLE_SUBJECT_LAST]) < bound);
        }
    }
    assert_int_equal(sublayers->role_count[FS_ROLE_READ], result.items);
    fs_trace_result_release(&result);
    world_close(&w);
}

/* The file and back, and the same bits on one thread and on three. */
static void file_and_threads(void **state)
{
    (void)state;
    struct world w;
    struct fs_trace_result one, three, read;
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_trace_options options = {.noise_scale = 3,
                                             .noise_samples = 3,
                                             .bootstrap = 20,
                                             .seed = 5,
                                             .kind = {true, false, true},
                                             .window = 2,
                                             .heat_map = true};
    world_open("bert-tiny", "trace", &w);
    run_trace(&w, &options, 1, &one);
    run_trace(&w, &options, 3, &three);
    size_t effects = one.sublayers.kinds * one.layers * one.sublayers.positions;
    assert_memory_equal(one.sublayers.position_effect, three.sublayers.position_effect, effects * sizeof(double));
    assert_memory_equal(one.sublayers.indirect_effect, three.sublayers.indirect_effect,
                        one.sublayers.kinds * one.items * one.layers * sizeof(double));
    assert_done(write_and_read(&w, &options, &one, NULL, &read, &err), err);
    assert_int_equal(read.sublayers.kinds, 2);
    assert_int_equal(read.sublayers.kind[1], FS_TRACE_FFN);
    size_t cells = 2 * one.categories * one.layers;
    assert_memory_equal(read.sublayers.aie, one.sublayers.aie, cells * sizeof(double));
    assert_memory_equal(read.sublayers.role_aie, one.sublayers.role_aie, cells * FS_TRACE_ROLES * sizeof(double));
    fs_trace_result_release(&one);
    fs_trace_result_release(&three);
    fs_trace_result_release(&read);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kinds_and_heat_map), cmocka_unit_test(roles),
                                       cmocka_unit_test(file_and_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
