/*
 * INLP: its classifiers against LIBLINEAR's, polished by numpy (tests/golden/make_inlp.py), by Cholesky and by conjugate
 * gradients; what needs no number from outside: the gradient at the optimum, directions at right angles. A training whose
 * rounds are these, with the same bits on any number of threads and after stops.
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
#include "stages/methods/labelled.h"
#include "stages/methods/svm.h"
#include "training_support.h"

enum { ROUNDS = 3 };
static struct fs_json_document *golden;
static const struct fs_method *method;

static int setup(void **state)
{
    assert_int_equal(make_folder(state), 0);
    golden = open_golden("inlp.json");
    method = fs_method_find("inlp");
    assert_non_null(method);
    return 0;
}

static int teardown(void **state)
{
    fs_json_destroy(golden);
    return remove_folder(state);
}

/* ---- the classifiers ---- */

struct problem {
    size_t n, d, k;
    float *x;
    unsigned char *label;
    struct fs_runner *runner;
    struct fs_svm_rows rows;
};

static size_t size_of(const cJSON *given, const char *name)
{
    return (size_t)cJSON_GetObjectItem(given, name)->valuedouble;
}

/* The features of make_inlp.py, exact in float32. */
static void open_problem(const cJSON *given, size_t threads, struct problem *problem)
{
    struct fs_error err = FS_ERROR_INIT;
    size_t n = size_of(given, "n"), d = size_of(given, "d"), k = size_of(given, "k");
    *problem = (struct problem){n, d, k, calloc(n * d, sizeof(float)), calloc(n, 1), NULL, {0}};
    assert_true(problem->x != NULL && problem->label != NULL);
    assert_int_equal(fs_runner_serial_create(threads, &problem->runner, &err), 0);
    for (size_t i = 0; i < n; i++) {
        problem->label[i] = (unsigned char)(i * 7 % 11 % k);
        for (size_t j = 0; j < d; j++) {
            size_t noise = (i * 7919 + j * 104729 + i * j * 31) % 2048;
            problem->x[i * d + j] = (float)((double)noise / 1024 - 1 + (j % k == problem->label[i] ? 0.75 : 0));
        }
    }
    assert_int_equal(fs_svm_rows_make(problem->runner, n, d, problem->label, &problem->rows, &err), 0);
    for (size_t i = 0; i < n; i++) {
        fs_svm_rows_set(&problem->rows, i, problem->x + i * d);
    }
}

static void close_problem(struct problem *problem)
{
    fs_svm_rows_release(&problem->rows);
    free(problem->runner);
    free(problem->x);
    free(problem->label);
}

static void solve(const struct problem *problem, size_t class, size_t dense, double *w)
{
    struct fs_error err = FS_ERROR_INIT;
    if (fs_svm_solve(problem->runner, &problem->rows, (unsigned char)class, dense, w, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

/* |g| at w, as a share of |g| at 0, of the projected rows. */
static double gradient_left(const struct problem *problem, size_t class, const double *w)
{
    size_t d = problem->d;
    double square = 0, first = 0;
    for (size_t j = 0; j < d; j++) {
        double g = w[j], g0 = 0;
        for (size_t i = 0; i < problem->n; i++) {
            const double *x = problem->rows.block[i / FS_SVM_ROWS] + i % FS_SVM_ROWS * d;
            double y = problem->label[i] == class ? 1 : -1, product = 0;
            for (size_t m = 0; m < d; m++) {
                product += x[m] * w[m];
            }
            g -= 2 * y * fmax(0, 1 - y * product) * x[j];
            g0 -= 2 * y * x[j];
        }
        square += g * g;
        first += g0 * g0;
    }
    return sqrt(square / first);
}

/* Rounds of classifiers; w (directions,d): those of the first round, q likewise: of all rounds, [ROUNDS] times as many. */
static void run_rounds(struct problem *problem, size_t dense, double *w, double *q)
{
    size_t d = problem->d, each = problem->k > 2 ? problem->k : 1;
    for (size_t r = 0; r < ROUNDS; r++) {
        for (size_t c = 0; c < each; c++) {
            double *row = q + (r * each + c) * d;
            solve(problem, each == 1 ? 1 : c, dense, row);
            /* rounding of 64-bit sums over the rows, some 1e-14 */
            assert_true(r > 0 || gradient_left(problem, each == 1 ? 1 : c, row) < 1e-11);
            if (r == 0) {
                memcpy(w + c * d, row, d * sizeof *row);
            }
        }
        for (size_t c = 0; c < each; c++) {
            fs_dense_orthonormalise(d, r * each + c, q, q + (r * each + c) * d);
        }
        fs_svm_rows_project(&problem->rows, each, q + r * each * d);
    }
}

static void expect_near(const char *name, const cJSON *rows, const double *found, size_t d, double bound)
{
    const cJSON *row, *item;
    size_t at = 0;
    double worst = 0, largest = 0;
    cJSON_ArrayForEach(row, rows)
    {
        cJSON_ArrayForEach(item, row)
        {
            largest = fmax(largest, fabs(item->valuedouble));
            worst = fmax(worst, fabs(found[at++] - item->valuedouble));
        }
    }
    assert_true(at > 0 && at % d == 0);
    if (!(worst < bound * largest)) {
        fail_msg("%s: off by %g of %g, expected %g", name, worst, largest, bound);
    }
}

/* A gradient of 1e-12 of what it was, times the condition of the problem, some 1e3; and it grows from round to round. */
static void classifiers_are_those_of_liblinear(void **state)
{
    (void)state;
    const cJSON *given;
    cJSON_ArrayForEach(given, fs_json_root(golden))
    {
        for (size_t how = 0; how < 2; how++) {
            struct problem problem;
            open_problem(given, 1, &problem);
            size_t d = problem.d, directions = ROUNDS * (problem.k > 2 ? problem.k : 1);
            double *w = calloc((directions + problem.k) * d + d * d, sizeof *w), *q = w + problem.k * d;
            double *p = q + directions * d;
            assert_non_null(w);
            run_rounds(&problem, how == 0 ? FS_SVM_DENSE : 0, w, q);
            for (size_t i = 0; i < d; i++) {
                for (size_t j = 0; j < d; j++) {
                    p[i * d + j] = i == j ? 1 : 0;
                    for (size_t r = 0; r < directions; r++) {
                        p[i * d + j] -= q[r * d + i] * q[r * d + j];
                    }
                }
            }
            expect_near("W_1", cJSON_GetObjectItem(given, "first"), w, d, 1e-9);
            expect_near("P", cJSON_GetObjectItem(given, "projection"), p, d, 1e-8);
            for (size_t a = 0; a < directions; a++) { /* so that P P = P */
                for (size_t b = 0; b <= a; b++) {
                    assert_true(fabs(fs_dense_dot(d, q + a * d, q + b * d) - (a == b ? 1 : 0)) < 1e-12);
                }
            }
            free(w);
            close_problem(&problem);
        }
    }
}

static void classifiers_have_the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    double w[3][64];
    const cJSON *given = cJSON_GetArrayItem(fs_json_root(golden), 2); /* three units */
    for (size_t threads = 1; threads <= 3; threads++) {
        struct problem problem;
        open_problem(given, threads, &problem);
        solve(&problem, 0, FS_SVM_DENSE, w[threads - 1]);
        assert_memory_equal(w[threads - 1], w[0], problem.d * sizeof **w);
        close_problem(&problem);
    }
}

static void rows_that_are_no_numbers_are_refused(void **state)
{
    (void)state;
    for (size_t how = 0; how < 2; how++) {
        struct problem problem;
        struct fs_error err = FS_ERROR_INIT;
        double w[64];
        open_problem(cJSON_GetArrayItem(fs_json_root(golden), 0), 2, &problem);
        problem.x[5] = how == 0 ? NAN : 1e38F;
        fs_svm_rows_set(&problem.rows, 0, problem.x);
        problem.rows.block[0][1] *= how == 0 ? 1 : 1e300;
        problem.rows.block[0][1 + problem.d] = how == 0 ? 1 : 1e300;
        assert_int_equal(fs_svm_solve(problem.runner, &problem.rows, 1, FS_SVM_DENSE, w, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
        assert_non_null(strstr(err.text, "are the states numbers?"));
        close_problem(&problem);
    }
}

/* ---- the training ---- */

static const char *const both[] = {"gender", "religion", NULL};

/* 48 sentences of gender, 16 of each class, and with them as many of religion. */
static const char *make_text(size_t count)
{
    static const char *const subject[] = {"the man", "she", "the house", "he", "the woman", "a dog"};
    static const char *const place[] = {"town",          "garden",       "street",   "church",
                                        "rabbi's house", "quran school", "old mill", "field"};
    static char text[8192];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s was seen in the %s %zu days later%s.\n",
                                 subject[i % 6], place[i / 6 % 8], i, i % 7 < 2 ? " with a bible or two" : "");
    }
    return text;
}

static void open_scene(struct text_scene *scene, const char *name, size_t threads, const char *text)
{
    open_text_scene(scene, method, name, threads,
                    "{\"gender\": [[\"man\", \"woman\"], [\"he\", \"she\"]], "
                    "\"religion\": [[\"torah\", \"bible\", \"quran\"]]}",
                    text, both);
    change_setting(method, "inlp.rounds", "2", &scene->settings);
    change_setting(method, "inlp.sentences", "100", &scene->settings);
    change_setting(method, "inlp.batch", "60", &scene->settings);
}

/* Rows at right angles, as many as there are classifiers; float32's rounding. What is right of the held sentences lies
 * between none and all, and the features' classes are told apart better at first than by chance. */
static void a_training_takes_a_direction_a_classifier(void **state)
{
    (void)state;
    static const char *const models[] = {"bert-tiny", "gpt2-tiny"};
    for (size_t m = 0; m < 2; m++) {
        struct text_scene scene;
        double share[FS_TRAINING_LOSSES];
        open_scene(&scene, models[m], 2, make_text(48));
        struct fs_training_state *training = trained(method, &scene.task);
        struct fs_edit edit = method->trainer->edit(training);
        size_t d = edit.size[0], rank = edit.size[1];
        assert_int_equal(rank, 2 * (3 + 1));
        assert_true(training->steps == 2 + 2 * 2 && training->step == training->steps);
        const fs_real *left = edit.number + d + rank, *right = left + rank * d;
        for (size_t a = 0; a < rank; a++) {
            for (size_t b = 0; b <= a; b++) {
                double product = 0;
                for (size_t i = 0; i < d; i++) {
                    product += (double)left[a * d + i] * (double)right[b * d + i];
                }
                assert_true(fabs(product - (a == b ? 1 : 0)) < 1e-6);
            }
        }
        for (size_t i = 0; i < d; i++) {
            assert_true(edit.number[i] == 0); /* no centre */
        }
        method->trainer->losses(training, share);
        assert_true(share[0] >= 0 && share[0] <= 1 && share[1] >= 0 && share[1] <= 1);
        method->trainer->destroy(training);
        close_text_scene(&scene);
    }
}

static void bits_do_not_depend_on_threads_and_stops(void **state)
{
    (void)state;
    struct text_scene scene, threads;
    open_scene(&scene, "bert-tiny", 1, make_text(48));
    open_scene(&threads, "bert-tiny", 3, make_text(48));
    expect_same_bits(method, &scene.task, &threads.task);
    close_text_scene(&scene);
    close_text_scene(&threads);
}

static void what_cannot_be_trained_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t sentences;
        const char *rounds, *word;
    } cases[] = {
        {48, "8", "expected at most 7: states have 32 numbers"},
        {6, "1", "no sentence"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text_scene scene;
        struct fs_training_state *training = NULL;
        struct fs_error err = FS_ERROR_INIT;
        open_scene(&scene, "bert-tiny", 1, make_text(cases[i].sentences));
        change_setting(method, "inlp.rounds", cases[i].rounds, &scene.settings);
        int status = method->trainer->create(&scene.task, 0, &training, &err);
        method->trainer->destroy(training);
        if (status == 0 || strstr(err.text, cases[i].word) == NULL) {
            fail_msg("%s: %s", cases[i].word, status == 0 ? "was taken" : err.text);
        }
        close_text_scene(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classifiers_are_those_of_liblinear),
        cmocka_unit_test(classifiers_have_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(rows_that_are_no_numbers_are_refused),
        cmocka_unit_test(a_training_takes_a_direction_a_classifier),
        cmocka_unit_test(bits_do_not_depend_on_threads_and_stops),
        cmocka_unit_test(what_cannot_be_trained_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
