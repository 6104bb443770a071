/*
 * LEACE's map against its published formula by numpy (tests/golden/make_last_state.py), and what needs no number from
 * outside: the mean stays, the classes' means become one, P P = P. Labels and clips of sentences; a training whose map
 * erases what its own features tell, with the same bits on any number of threads and after stops.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/numbers/dense.h"
#include "stages/methods/features.h"
#include "stages/methods/labelled.h"
#include "stages/methods/leace_map.h"
#include "training_support.h"

static struct fs_json_document *golden;
static const struct fs_method *method;

static int setup(void **state)
{
    assert_int_equal(make_folder(state), 0);
    golden = open_golden("last_state.json");
    method = fs_method_find("leace");
    assert_non_null(method);
    return 0;
}

static int teardown(void **state)
{
    fs_json_destroy(golden);
    return remove_folder(state);
}

/* ---- the map ---- */

static double *read_numbers(const cJSON *list, size_t count)
{
    double *number = calloc(count, sizeof *number);
    size_t at = 0;
    const cJSON *row, *item;
    assert_non_null(number);
    cJSON_ArrayForEach(row, list)
    {
        if (cJSON_IsNumber(row)) {
            assert_true(at < count);
            number[at++] = row->valuedouble;
        }
        cJSON_ArrayForEach(item, row)
        {
            assert_true(at < count);
            number[at++] = item->valuedouble;
        }
    }
    assert_int_equal(at, count);
    return number;
}

struct problem {
    size_t n, d, k;
    double *x, *label;
    struct fs_leace_sums sums;
    double *centre, *left, *right, *p; /* P (d,d) */
    double correlation;
};

static void solve(const cJSON *given, struct problem *problem)
{
    const cJSON *features = cJSON_GetObjectItem(given, "features");
    size_t n = (size_t)cJSON_GetArraySize(features), d = (size_t)cJSON_GetArraySize(features->child);
    size_t k = (size_t)cJSON_GetObjectItem(given, "classes")->valuedouble;
    struct fs_error err = FS_ERROR_INIT;
    *problem = (struct problem){.n = n, .d = d, .k = k};
    problem->x = read_numbers(features, n * d);
    problem->label = read_numbers(cJSON_GetObjectItem(given, "label"), n);
    double *room = calloc(d * d + k * d + k + d + 2 * (k - 1) * d + d * d, sizeof *room);
    assert_non_null(room);
    problem->sums = (struct fs_leace_sums){d, k, room, room + d * d, room + d * d + k * d};
    problem->centre = room + d * d + k * d + k;
    problem->left = problem->centre + d;
    problem->right = problem->left + (k - 1) * d;
    problem->p = problem->right + (k - 1) * d;
    fs_dense_add_square(n, d, problem->x, problem->sums.square);
    for (size_t t = 0; t < n; t++) {
        size_t label = (size_t)problem->label[t];
        problem->sums.count[label] += 1;
        for (size_t i = 0; i < d; i++) {
            problem->sums.sum[label * d + i] += problem->x[t * d + i];
        }
    }
    if (fs_leace_map(&problem->sums, problem->centre, problem->left, problem->right, &problem->correlation, &err) !=
        0) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j < d; j++) {
            problem->p[i * d + j] = i == j ? 1 : 0;
            for (size_t m = 0; m + 1 < k; m++) {
                problem->p[i * d + j] -= problem->left[m * d + i] * problem->right[m * d + j];
            }
        }
    }
}

static void release(struct problem *problem)
{
    free(problem->x);
    free(problem->label);
    free(problem->sums.square);
}

static void the_map_is_that_of_numpy(void **state)
{
    (void)state;
    const cJSON *given;
    cJSON_ArrayForEach(given, cJSON_GetObjectItem(fs_json_root(golden), "leace"))
    {
        struct problem problem;
        solve(given, &problem);
        size_t d = problem.d;
        double *mean = read_numbers(cJSON_GetObjectItem(given, "mean"), d);
        double *map = read_numbers(cJSON_GetObjectItem(given, "map"), d * d);
        double correlation = cJSON_GetObjectItem(given, "correlation")->valuedouble;
        for (size_t i = 0; i < d; i++) {
            assert_true(fabs(problem.centre[i] - mean[i]) < 1e-12 * (1 + fabs(mean[i])));
        }
        for (size_t i = 0; i < d * d; i++) {
            if (!(fabs(problem.p[i] - map[i]) < 1e-8 * (1 + fabs(map[i])))) {
                fail_msg("P[%zu]: %.12g, expected %.12g", i, problem.p[i], map[i]);
            }
        }
        assert_true(fabs(problem.correlation - correlation) < 1e-8);
        free(mean);
        free(map);
        release(&problem);
    }
}

static void a_map_erases_the_classes(void **state)
{
    (void)state;
    const cJSON *given;
    cJSON_ArrayForEach(given, cJSON_GetObjectItem(fs_json_root(golden), "leace"))
    {
        struct problem problem;
        solve(given, &problem);
        size_t d = problem.d, k = problem.k;
        for (size_t i = 0; i < d; i++) { /* P P = P */
            for (size_t j = 0; j < d; j++) {
                double product = 0;
                for (size_t m = 0; m < d; m++) {
                    product += problem.p[i * d + m] * problem.p[m * d + j];
                }
                assert_true(fabs(product - problem.p[i * d + j]) < 1e-10 * (1 + fabs(product)));
            }
        }
        for (size_t c = 0; c < k; c++) { /* so that the cross-covariance is 0, and the mean stays */
            for (size_t i = 0; i < d; i++) {
                double mapped = problem.centre[i];
                for (size_t j = 0; j < d; j++) {
                    double mean = problem.sums.sum[c * d + j] / problem.sums.count[c];
                    mapped += problem.p[i * d + j] * (mean - problem.centre[j]);
                }
                assert_true(fabs(mapped - problem.centre[i]) < 1e-10 * (1 + fabs(mapped)));
            }
        }
        release(&problem);
    }
}

/* ---- sentences ---- */

static const char *const gender[] = {"gender", NULL};

static void open_scene(struct text_scene *scene, const char *name, size_t threads, const char *text)
{
    open_text_scene(scene, method, name, threads,
                    "{\"gender\": [[\"man\", \"woman\"], [\"he\", \"she\"]], "
                    "\"religion\": [[\"jewish\", \"christian\", \"muslim\"]]}",
                    text, gender);
    change_setting(method, "leace.sentences", "100", &scene->settings);
    change_setting(method, "leace.batch", "4", &scene->settings);
}

#define TEXT                                                                                                           \
    "The old man went home early.\n"                                                                                   \
    "And then she saw the house. The old man went home early.\n"                                                       \
    "Both he and she were late. He is.\n"                                                                              \
    "There was nobody at the door. There was nobody at the door.\n"                                                    \
    "A jewish song and a man, he said he knew it. The woman who was there laughed about it.\n"                         \
    "Some of the houses are old. In the evening he left the town.\n"

static void sentences_are_labelled_and_clipped(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        size_t label, least; /* words that are kept at least */
    } expected[] = {
        {"the old man went home early.", 0, 3},
        {"and then she saw the house.", 1, 3},
        {"there was nobody at the door.", 2, 4},
        {"there was nobody at the door.", 2, 4}, /* of no class: not only once */
        {"a jewish song and a man, he said he knew it.", 0, 7},
        {"the woman who was there laughed about it.", 1, 2},
        {"some of the houses are old.", 2, 4},
        {"in the evening he left the town.", 0, 4},
    };
    enum { EXPECTED = sizeof expected / sizeof expected[0] };
    struct text_scene scene;
    open_scene(&scene, "bert-tiny", 1, TEXT);
    bool whole = false, clipped = false;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct fs_labelled labelled;
        struct fs_error err = FS_ERROR_INIT;
        scene.task.seed = seed;
        assert_int_equal(fs_labelled_make(&scene.task, 100, &labelled, &err), 0);
        assert_int_equal(labelled.classes, 3);
        assert_int_equal(labelled.texts.count, EXPECTED);
        for (size_t i = 0; i < EXPECTED; i++) {
            const char *text = fs_text(&labelled.texts, i);
            size_t length = strlen(text), words = 1;
            for (const char *c = text; *c != '\0'; c++) {
                words += *c == ' ' ? 1 : 0;
            }
            assert_memory_equal(text, expected[i].sentence, length);
            assert_true(expected[i].sentence[length] == '\0' || expected[i].sentence[length] == ' ');
            assert_int_equal(labelled.label[i], expected[i].label);
            assert_true(words >= expected[i].least);
            whole = whole || expected[i].sentence[length] == '\0';
            clipped = clipped || words == expected[i].least;
        }
        fs_labelled_release(&labelled);
        assert_int_equal(fs_labelled_make(&scene.task, 2, &labelled, &err), 0); /* two of each class */
        assert_int_equal(labelled.texts.count, 6);
        fs_labelled_release(&labelled);
    }
    assert_true(whole && clipped);
    const char *const both[] = {"religion", "gender", NULL};
    struct fs_labelled labelled;
    struct fs_error err = FS_ERROR_INIT;
    scene.task.categories = both;
    assert_int_equal(fs_labelled_make(&scene.task, 1, &labelled, &err), 0);
    assert_int_equal(labelled.classes, 5); /* a row of three words: any, none */
    assert_int_equal(labelled.texts.count, 5);
    assert_int_equal(labelled.label[0] + labelled.label[1], 0 + 1);
    fs_labelled_release(&labelled);
    close_text_scene(&scene);
}

/* ---- the training ---- */

/* The classes' means of the features become one: 1e-4 of the states' size, which are float32. */
static void a_training_erases_what_its_features_tell(void **state)
{
    (void)state;
    static const char *const models[] = {"bert-tiny", "gpt2-tiny"};
    for (size_t m = 0; m < 2; m++) {
        struct text_scene scene;
        struct fs_labelled labelled;
        struct fs_error err = FS_ERROR_INIT;
        open_scene(&scene, models[m], 2, TEXT);
        struct fs_training_state *training = trained(method, &scene.task);
        assert_int_equal(training->steps, 2); /* batches of 4 */
        struct fs_edit edit = method->trainer->edit(training);
        size_t d = edit.size[0], k = 3, n;
        assert_int_equal(edit.size[1], k - 1);
        assert_int_equal(fs_labelled_make(&scene.task, 100, &labelled, &err), 0);
        n = labelled.texts.count;
        double *feature = calloc(n * d, sizeof *feature), *mean = calloc(k * d, sizeof *mean), before = 0, after = 0;
        fs_real *h = calloc(k * d, sizeof *h), inner[9];
        assert_true(feature != NULL && mean != NULL && h != NULL);
        assert_int_equal(fs_features(&scene.task, SIZE_MAX, &labelled.texts, 0, n, feature, &err), 0);
        const double count[3] = {3, 2, 3};
        for (size_t t = 0; t < n; t++) {
            for (size_t i = 0; i < d; i++) {
                mean[labelled.label[t] * d + i] += feature[t * d + i] / count[labelled.label[t]];
            }
        }
        for (size_t i = 0; i < k * d; i++) {
            h[i] = (fs_real)mean[i];
        }
        edit.kind->last_state(&edit, fs_backend_find("openblas"), k, h, inner);
        for (size_t i = 0; i < d; i++) {
            for (size_t c = 1; c < k; c++) {
                before = fmax(before, fabs(mean[c * d + i] - mean[i]));
                after = fmax(after, fabs((double)h[c * d + i] - (double)h[i]));
            }
        }
        if (!(before > 0.01 && after < 1e-4)) {
            fail_msg("%s: the classes' means differ by %g before, %g after", models[m], before, after);
        }
        free(feature);
        free(mean);
        free(h);
        fs_labelled_release(&labelled);
        method->trainer->destroy(training);
        close_text_scene(&scene);
    }
}

static void bits_do_not_depend_on_threads_and_stops(void **state)
{
    (void)state;
    struct text_scene scene, threads;
    open_scene(&scene, "bert-tiny", 1, TEXT);
    open_scene(&threads, "bert-tiny", 3, TEXT);
    expect_same_bits(method, &scene.task, &threads.task);
    close_text_scene(&scene);
    close_text_scene(&threads);
}

static void a_class_without_sentences_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } texts[] = {
        {"", "found no sentence"},
        {"The old man went home early. Nobody was at the door.\n", "class 2 of 3 of category \"gender\""},
        {"He is. She is. It is.\n", "class 1 of 3"}, /* too short */
        {"The man saw the old house. Then she saw the old house.\n", "class 3 of 3"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct text_scene scene;
        struct fs_training_state *training = NULL;
        struct fs_error err = FS_ERROR_INIT;
        open_scene(&scene, "bert-tiny", 1, texts[i].text);
        int status = method->trainer->create(&scene.task, 0, &training, &err);
        method->trainer->destroy(training);
        if (status == 0 || strstr(err.text, texts[i].word) == NULL) {
            fail_msg("%s: %s", texts[i].word, status == 0 ? "was taken" : err.text);
        }
        close_text_scene(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_map_is_that_of_numpy),
        cmocka_unit_test(a_map_erases_the_classes),
        cmocka_unit_test(sentences_are_labelled_and_clipped),
        cmocka_unit_test(a_training_erases_what_its_features_tell),
        cmocka_unit_test(bits_do_not_depend_on_threads_and_stops),
        cmocka_unit_test(a_class_without_sentences_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
