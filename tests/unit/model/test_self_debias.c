/*
 * The rule of Self-Debias: against numbers worked by hand and against PyTorch's of whole distributions (tests/golden/
 * make_self_debias.py), in float32 and float64; its prefixes; what it makes sums to 1, and lambda 0 changes nothing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "model/edits/self_debias.h"
#include "support.h"

#ifdef FS_DOUBLE
#define BOUND 1e-8 /* the golden file has 12 decimals, of p and q too, whose difference lambda multiplies */
#else
#define BOUND 1e-5 /* log p to a few units of the last place, exp p to one, times lambda */
#endif

static const struct fs_spec spec = {.layers = 4};

static struct fs_edit make(double lambda, double epsilon)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_edit edit;
    assert_int_equal(fs_self_debias_create(&spec, lambda, epsilon, &edit, &err), 0);
    assert_int_equal(edit.kind->check(&edit, &spec, &err), 0);
    assert_int_equal(edit.first_layer, 4);
    return edit;
}

static double sum_of(const fs_real *log_p, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += exp((double)log_p[i]);
    }
    return sum;
}

/* p = (1/2, 1/4, 1/4), q = (1/4, 1/2, 1/4): Delta = (0, 1/4, 0). With lambda = 4 log(2) alpha = (1, 1/2, 1), so
 * p' = (4, 1, 2) / 7; with epsilon = 3/4 alpha = (1, 3/4, 1), so p' = (8, 3, 4) / 15. */
static void a_rule_worked_by_hand(void **state)
{
    (void)state;
    const fs_real p[3] = {(fs_real)log(0.5), (fs_real)log(0.25), (fs_real)log(0.25)};
    const fs_real q[3] = {(fs_real)log(0.25), (fs_real)log(0.5), (fs_real)log(0.25)};
    const double epsilon[2] = {0.01, 0.75}, expected[2][3] = {{4 / 7.0, 1 / 7.0, 2 / 7.0}, {8 / 15.0, 0.2, 4 / 15.0}};
    for (size_t k = 0; k < 2; k++) {
        fs_real out[3];
        struct fs_edit edit = make(4 * log(2), epsilon[k]);
        edit.kind->distribution(&edit, 3, p, q, out);
        for (size_t i = 0; i < 3; i++) {
            assert_true(fabs((double)out[i] - log(expected[k][i])) <= BOUND);
        }
        edit.kind->scale(&edit, 0);
        edit.kind->distribution(&edit, 3, p, q, out);
        for (size_t i = 0; i < 3; i++) {
            assert_true(fabs((double)(out[i] - p[i])) <= BOUND);
        }
        fs_edit_release(&edit);
    }
}

static size_t read_row(const cJSON *list, fs_real **row)
{
    size_t count = (size_t)cJSON_GetArraySize(list), i = 0;
    const cJSON *number;
    *row = calloc(count, sizeof **row);
    assert_non_null(*row);
    cJSON_ArrayForEach(number, list)
    {
        (*row)[i++] = (fs_real)number->valuedouble;
    }
    return count;
}

static void whole_distributions_are_those_of_pytorch(void **state)
{
    (void)state;
    struct fs_json_document *golden;
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(fs_json_load(golden_path("self_debias.json"), &golden, &err), 0);
    const cJSON *root = fs_json_root(golden), *model;
    struct fs_edit edit =
        make(cJSON_GetObjectItem(root, "lambda")->valuedouble, cJSON_GetObjectItem(root, "epsilon")->valuedouble);
    size_t models = 0;
    cJSON_ArrayForEach(model, cJSON_GetObjectItem(root, "models"))
    {
        const cJSON *read = cJSON_GetObjectItem(model, "read");
        fs_real *p, *q, *changed;
        size_t V = read_row(cJSON_GetObjectItem(read, "p"), &p);
        assert_int_equal(read_row(cJSON_GetObjectItem(read, "q"), &q), V);
        assert_int_equal(read_row(cJSON_GetObjectItem(read, "changed"), &changed), V);
        fs_real *out = calloc(V, sizeof *out);
        assert_non_null(out);
        edit.kind->distribution(&edit, V, p, q, out);
        for (size_t v = 0; v < V; v++) {
            if (!(fabs((double)(out[v] - changed[v])) <= BOUND)) {
                fail_msg("%s: token %zu: %.10g, expected %.10g", model->string, v, (double)out[v], (double)changed[v]);
            }
        }
        assert_true(fabs(sum_of(out, V) - 1) <= BOUND);
        free(p);
        free(q);
        free(changed);
        free(out);
        models++;
    }
    assert_int_equal(models, 2);
    fs_edit_release(&edit);
    fs_json_destroy(golden);
}

static void prefixes_are_those_of_bias_bench(void **state)
{
    (void)state;
    const struct {
        const char *category, *end;
    } rows[] = {{"gender", " of their gender: "},
                {"race", " of their race/color: "},
                {"socioeconomic", " of their socioeconomic status/occupation: "},
                {"profession", " of their socioeconomic status/occupation: "},
                {"sexual-orientation", " of their sexual orientiation: "},
                {"physical-appearance", " of their physical appearance: "},
                {"none", " of who they are: "},
                {"caste", " of who they are: "}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = fs_edit_self_debias.prefix(rows[i].category);
        assert_true(strncmp(text, "The following text discriminates against people because", 55) == 0);
        assert_non_null(strstr(text, rows[i].end));
        assert_int_equal(strlen(strstr(text, rows[i].end)), strlen(rows[i].end));
    }
}

static void rules_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const double numbers[][2] = {{-1, 0.01}, {NAN, 0.01}, {50, 0}, {50, 1.5}, {50, NAN}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_edit edit;
        assert_int_equal(fs_self_debias_create(&spec, numbers[i][0], numbers[i][1], &edit, &err), 0);
        assert_int_equal(edit.kind->check(&edit, &spec, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
        fs_edit_release(&edit);
    }
    struct fs_edit edit = make(50, 0.01);
    const struct fs_spec other = {.layers = 5};
    assert_int_equal(edit.kind->check(&edit, &other, NULL), -1);
    fs_edit_release(&edit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_worked_by_hand),
        cmocka_unit_test(whole_distributions_are_those_of_pytorch),
        cmocka_unit_test(prefixes_are_those_of_bias_bench),
        cmocka_unit_test(rules_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
