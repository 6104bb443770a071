/* The settings that a job tries: its entries, how many of each method, the job with one of them, fingerprints. */
#include "../io/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/fingerprint.h"
#include "jobs/job.h"

static struct fs_error err;

#define JOB(methods, settings)                                                                                         \
    "{\"model\": \"%s/tests/golden/models/bert-tiny\", \"output\": \"o\", \"data\": {\"biaske\": \"b.json\"}, "        \
    "\"methods\": " methods ", \"ft\": {\"epochs\": 7, \"layer\": 1}, \"search\": {\"settings\": " settings "}}"

static const char *write_job(const char *layout)
{
    char text[2048];
    (void)snprintf(text, sizeof text, layout, getenv("FAIRSTAMP_SOURCE"));
    return scratch_write_text("job.json", text);
}

static struct fs_job *load(const char *layout)
{
    struct fs_job *job = NULL;
    check_success(fs_job_load(write_job(layout), NULL, 0, &job, &err), &err);
    return job;
}

static enum fs_stage stage_of(const char *method)
{
    return fs_method_stage(fs_method_find(method));
}

#define TWO                                                                                                            \
    JOB("[\"ft\", \"ft:0.5\", \"ft_l\"]",                                                                              \
        "[{\"ft.learning_rate\": 0.001, \"ft.epochs\": 9}, \"ft_l.epochs=3\", \"ft.request=anti\", "                   \
        "\"ft_l.layer=0  ft_l.epochs=4\"]")

static void entries(void **state)
{
    (void)state;
    struct fs_job *job = load(TWO), *varied = NULL;
    enum fs_stage ft = stage_of("ft"), ft_l = stage_of("ft_l");
    assert_int_equal(fs_job_tries(job, ft), 3);
    assert_int_equal(fs_job_tries(job, ft_l), 3);
    assert_int_equal(fs_job_tries(job, FS_STAGE_STAMP), 0);
    assert_int_equal(fs_job_tries(job, FS_STAGE_TRACE), 0);
    assert_string_equal(fs_job_try(job, ft, 0), "");
    assert_string_equal(fs_job_try(job, ft, 1), "ft.learning_rate=0.001 ft.epochs=9");
    assert_string_equal(fs_job_try(job, ft, 2), "ft.request=anti");
    assert_string_equal(fs_job_try(job, ft_l, 2), "ft_l.layer=0 ft_l.epochs=4");
    check_success(fs_job_vary(job, fs_job_try(job, ft, 1), 0.25, &varied, &err), &err);
    assert_string_equal(fs_job_text(varied, "ft.epochs"), "9");
    assert_string_equal(fs_job_text(varied, "ft.learning_rate"), "0.001");
    assert_true(fs_job_settings(varied)->validation == 0.25);
    assert_string_equal(fs_job_source(varied), fs_job_source(job));
    fs_job_destroy(varied);
    struct fs_training_size size; /* the job's own epochs, then those that are tried */
    static const size_t epochs[] = {7, 9, 7};
    for (size_t i = 0; i < 3; i++) {
        check_success(fs_job_try_size(job, ft, i, NULL, &size, &err), &err);
        assert_int_equal(size.steps, epochs[i]);
    }
    check_success(fs_job_try_size(job, ft_l, 2, NULL, &size, &err), &err);
    assert_true(size.steps == 4 && size.layer == 0);
    struct fs_job *wide = load(JOB("[\"stamp\"]", "[\"stamp.width=5000\", \"stamp.iterations=777777\"]"));
    fs_job_largest_training(wide, NULL, &size);
    assert_true(size.inner >= 5000 && size.steps == 777777);
    fs_job_destroy(wide);
    check_success(fs_job_vary(job, "", 0, &varied, &err), &err);
    assert_string_equal(fs_job_text(varied, "ft.epochs"), "7");
    assert_true(fs_job_settings(varied)->validation == 0);
    fs_job_destroy(varied);
    fs_job_destroy(job);
}

/* What --set says holds in the varied job too, under its own. */
static void settings_of_the_command_line_stay(void **state)
{
    (void)state;
    const char *const set[] = {"ft.epochs=5", "seed=3", "search.validation=0.5"};
    struct fs_job *job = NULL, *varied = NULL;
    check_success(fs_job_load(write_job(TWO), set, 3, &job, &err), &err);
    check_success(fs_job_vary(job, "ft.learning_rate=0.1", 0, &varied, &err), &err);
    assert_string_equal(fs_job_text(varied, "ft.epochs"), "5");
    assert_int_equal(fs_job_settings(varied)->seed, 3);
    assert_true(fs_job_settings(job)->search_validation == 0.5);
    fs_job_destroy(varied);
    fs_job_destroy(job);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *says;
    } cases[] = {
        {JOB("[\"ft\"]", "[\"ft.epoch=3\"]"), "search.settings: found \"ft.epoch=3\", expected KEY=VALUE"},
        {JOB("[\"ft\"]", "[\"ft.epochs\"]"), "search.settings: found \"ft.epochs\", expected KEY=VALUE"},
        {JOB("[\"ft\"]", "[\"seed=3\"]"), "found \"seed=3\", expected KEY=VALUE with a key of a method"},
        {JOB("[\"ft\"]", "[\"data.biaske=x\"]"), "found \"data.biaske=x\""},
        {JOB("[\"ft\"]", "[\"search.settings=x\"]"), "found \"search.settings=x\""},
        {JOB("[\"ft\"]", "[\"ft.epochs=0\"]"), "ft.epochs: found"},
        {JOB("[\"ft\"]", "[\"ft.epochs=\"]"), "ft.epochs"},
        {JOB("[\"ft\"]", "[{\"ft.request\": \"neither\"}]"), "ft.request: found \"neither\""},
        {JOB("[\"ft\"]", "[{\"ft.request\": \"anti ft.epochs=3\"}]"), "ft.request: found a string, expected a number"},
        {JOB("[\"ft\"]", "[{\"ft.epochs\": null}]"), "ft.epochs: found null"},
        {JOB("[\"ft\"]", "[{\"ft.epochs\": [3]}]"), "ft.epochs: found an array"},
        {JOB("[\"ft\"]", "[{}]"), "search.settings: found an empty text"},
        {JOB("[\"ft\"]", "[3]"), "search.settings: found"},
        {JOB("[\"ft\"]", "3"), "search.settings: found"},
        {JOB("[\"ft\", \"ft_l\"]", "[\"ft.epochs=3 ft_l.epochs=3\"]"), "found keys of ft and of ft_l in one entry"},
        {JOB("[\"ft\", \"ft_l\"]", "[\"ft.epochs=3\"]"), "found 1 of ft and 0 of ft_l, expected as many of each"},
        {JOB("[\"ft\"]", "[\"ft.epochs=3\", \"ft_l.epochs=3\"]"),
         "found \"ft_l.epochs=3\", and the job has no method ft_l"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_job *job = NULL;
        err = (struct fs_error)FS_ERROR_INIT;
        if (fs_job_load(write_job(cases[i].settings), NULL, 0, &job, &err) != -1) {
            fail_msg("%s is taken", cases[i].settings);
        }
        if (err.code != FS_EXIT_CONFIG || strstr(err.text, cases[i].says) == NULL || strchr(err.text, '\n') != NULL) {
            fail_msg("found %d \"%s\", expected \"%s\"", (int)err.code, err.text, cases[i].says);
        }
    }
}

static void digest(const char *layout, const char *set, char ft[FS_DIGEST_SIZE], char ft_l[FS_DIGEST_SIZE],
                   char trace[FS_DIGEST_SIZE])
{
    struct fs_job *job = NULL;
    struct fs_fingerprint fingerprint;
    check_success(fs_job_load(write_job(layout), &set, set != NULL, &job, &err), &err);
    check_success(fs_fingerprint_make(job, &fingerprint, &err), &err);
    memcpy(ft, fingerprint.digest[stage_of("ft")], FS_DIGEST_SIZE);
    memcpy(ft_l, fingerprint.digest[stage_of("ft_l")], FS_DIGEST_SIZE);
    memcpy(trace, fingerprint.digest[FS_STAGE_TRACE], FS_DIGEST_SIZE);
    fs_fingerprint_release(&fingerprint);
    fs_job_destroy(job);
}

/* What one method tries changes that method alone; without anything to try the bounds change nothing. */
static void fingerprints(void **state)
{
    (void)state;
#define WITH(of_ft) JOB("[\"ft\", \"ft_l\"]", "[\"" of_ft "\", \"ft_l.epochs=3\"]")
    static const char *const none =
        "{\"model\": \"%s/tests/golden/models/bert-tiny\", \"output\": \"o\", \"data\": {\"biaske\": \"b.json\"}, "
        "\"methods\": [\"ft\", \"ft_l\"], \"ft\": {\"epochs\": 7, \"layer\": 1}}";
    char ft[4][FS_DIGEST_SIZE], ft_l[4][FS_DIGEST_SIZE], trace[4][FS_DIGEST_SIZE];
    scratch_write_text("b.json", "pairs");
    digest(WITH("ft.epochs=3"), NULL, ft[0], ft_l[0], trace[0]);
    digest(WITH("ft.epochs=4"), NULL, ft[1], ft_l[1], trace[1]);
    assert_string_not_equal(ft[0], ft[1]);
    assert_string_equal(ft_l[0], ft_l[1]);
    assert_string_equal(trace[0], trace[1]);
    digest(WITH("ft.epochs=3"), "search.rs=90", ft[2], ft_l[2], trace[2]);
    assert_string_not_equal(ft[0], ft[2]);
    digest(none, NULL, ft[2], ft_l[2], trace[2]);
    digest(none, "search.rs=90", ft[3], ft_l[3], trace[3]);
    assert_string_equal(ft[2], ft[3]);
    assert_string_not_equal(ft[0], ft[2]);
    assert_string_equal(trace[0], trace[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(entries), cmocka_unit_test(settings_of_the_command_line_stay),
                                       cmocka_unit_test(refused), cmocka_unit_test(fingerprints)};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
