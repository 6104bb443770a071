/* Which jobs of one model share the rates of their work. */
#include <stdio.h>

#include "../io/support.h"
#include "pipeline/estimate/estimate_rates.h"

#define LEAST "\"model\": \"/m\", \"output\": \"/o\", \"data\": {\"biaske\": \"/b\", \"text\": \"/t\"}"

static struct fs_error err;
static struct fs_estimate_rates rates;

static const struct fs_estimate_shape *shape_of(const char *set)
{
    const struct fs_spec spec = {.layers = 4, .hidden = 32};
    struct fs_job *job = NULL;
    const char *path = scratch_write_text("job.json", "{" LEAST "}");
    check_success(fs_job_load(path, &set, set != NULL, &job, &err), &err);
    const struct fs_estimate_shape *shape = fs_estimate_rates_find(&rates, job, &spec, &err);
    assert_non_null(shape);
    fs_job_destroy(job);
    return shape;
}

static void how_much_is_done_makes_no_shape(void **state)
{
    (void)state;
    static const char *const same[] = {"categories=gender",  "seed=9",           "split.held_out=0.4",
                                       "stamp.iterations=3", "stamp.layer=1",    "evaluate.bootstrap=0",
                                       "output=/elsewhere",  "model_name=other", "trace.reuse=/elsewhere"};
    const struct fs_estimate_shape *first = shape_of(NULL);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_ptr_equal(shape_of(same[i]), first);
    }
    assert_int_equal(rates.shapes, 1);
}

static void what_a_unit_is_does(void **state)
{
    (void)state;
    static const char *const other[] = {"stamp.width=8", "data.text=/u", "scoring.biaske=sentence.sum",
                                        "trace.kinds=all", "method=checkpoint:/c"};
    const struct fs_estimate_shape *first = shape_of(NULL);
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        size_t before = rates.shapes;
        const struct fs_estimate_shape *shape = shape_of(other[i]);
        assert_ptr_not_equal(shape, first);
        assert_int_equal(rates.shapes, before + 1);
        assert_false(shape->whole);
        assert_ptr_equal(shape_of(other[i]), shape);
    }
}

static int release(void **state)
{
    fs_estimate_rates_release(&rates);
    return scratch_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_much_is_done_makes_no_shape),
        cmocka_unit_test(what_a_unit_is_does),
    };
    return cmocka_run_group_tests(tests, scratch_make, release);
}
