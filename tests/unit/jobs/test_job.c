/* Job files: every kind of key, --set, the environment, relative paths, and what is refused with which words. */
#include "../io/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs/defaults.h"
#include "jobs/job.h"
#include "stages/methods/stamp.h"
#include "stages/trace/trace.h"

#define LEAST "\"model\": \"m\", \"output\": \"/o\", \"data\": {\"biaske\": \"b\"}"

static struct fs_error err;

/* The job of this text and of the settings, which end with NULL. The caller destroys. */
static struct fs_job *load(const char *text, const char *const *set)
{
    struct fs_job *job = NULL;
    size_t sets = 0;
    while (set != NULL && set[sets] != NULL) {
        sets++;
    }
    check_success(fs_job_load(scratch_write_text("job.json", text), set, sets, &job, &err), &err);
    return job;
}

static void refuse(const char *text, const char *first, const char *second)
{
    struct fs_job *job = NULL;
    check_error(fs_job_load(scratch_write_text("job.json", text), NULL, 0, &job, &err), &err, FS_EXIT_CONFIG, first,
                second);
    assert_null(job);
}

static void refuse_set(const char *setting, const char *first, const char *second)
{
    struct fs_job *job = NULL;
    const char *path = scratch_write_text("job.json", "{" LEAST "}");
    check_error(fs_job_load(path, &setting, 1, &job, &err), &err, FS_EXIT_CONFIG, first, second);
    assert_null(job);
}

static void every_kind_from_a_file(void **state)
{
    (void)state;
    struct fs_job *job =
        load("{" LEAST ", \"seed\": 7, \"categories\": [\"gender\", \"race\"], \"split\": {\"held_out\": "
             "0.25}, \"stamp\": {\"layer\": 3, \"loss\": \"gap\", \"keep_best\": false, \"width\": 16}, "
             "\"layers\": {\"compare\": \"random\"}}",
             NULL);
    const struct fs_job_settings *settings = fs_job_settings(job);
    struct fs_stamp_options stamp = {.layer = 99, .width = 99};
    fs_job_fill(job, &fs_stamp_settings, FS_CAUSAL, &stamp);
    assert_int_equal(settings->seed, 7);
    assert_string_equal(settings->output, "/o");
    assert_string_equal(settings->categories[0], "gender");
    assert_string_equal(settings->categories[1], "race");
    assert_null(settings->categories[2]);
    assert_true(settings->held_out == 0.25);
    assert_int_equal(settings->compare, FS_COMPARE_RANDOM);
    assert_int_equal(stamp.layer, 3);
    assert_int_equal(fs_job_layer(job, FS_STAGE_STAMP), 3);
    assert_int_equal(stamp.loss, FS_LOSS_GAP);
    assert_false(stamp.keep_best);
    assert_int_equal(stamp.width, 16);
    assert_string_equal(fs_job_text(job, "categories"), "gender,race");
    fs_job_destroy(job);
}

/* Defaults as the method's paper and jobs/README.md give them. */
static void defaults(void **state)
{
    (void)state;
    struct fs_job *job = load("{" LEAST "}", NULL);
    const struct fs_job_settings *settings = fs_job_settings(job);
    struct fs_stamp_options stamp = {0}, masked = {0};
    struct fs_trace_options trace = {0};
    fs_job_fill(job, &fs_stamp_settings, FS_CAUSAL, &stamp);
    fs_job_fill(job, &fs_stamp_settings, FS_MASKED, &masked);
    fs_job_fill(job, &fs_trace_settings, FS_CAUSAL, &trace);
    assert_int_equal(settings->seed, 1);
    assert_null(settings->categories);
    assert_null(settings->reuse);
    assert_int_equal(settings->compare, FS_COMPARE_NONE);
    assert_int_equal(settings->bootstrap, 1000);
    assert_true(settings->checkpoint_seconds == 60 && settings->checkpoint_share == 0.02);
    assert_int_equal(fs_job_layer(job, FS_STAGE_STAMP), FS_AUTO);
    assert_int_equal(stamp.width, 1024);
    assert_int_equal(stamp.loss, FS_LOSS_LOGRATIO);
    assert_int_equal(stamp.kl_rows, FS_KL_ALL_ROWS);
    assert_int_equal(stamp.schedule, FS_RATE_COSINE);
    assert_true(stamp.keep_best && stamp.kl_without_completion);
    assert_true(stamp.alpha == 0.1 && masked.alpha == 1);
    assert_true(stamp.key_bias == -1 && masked.key_bias == -2);
    assert_true(stamp.adam_beta1 == 0.9 && stamp.adam_beta2 == 0.999 && stamp.adam_epsilon == 1e-8);
    assert_int_equal(trace.positions, FS_TRACE_LAST_SUBJECT_TOKEN);
    assert_true(trace.kind[FS_TRACE_RESIDUAL] && !trace.kind[FS_TRACE_ATTENTION] && !trace.kind[FS_TRACE_FFN]);
    assert_false(trace.always_noise);
    assert_true(trace.noise_scale == 3);
    assert_string_equal(fs_job_edited(job)->name, "biaske");
    assert_string_equal(fs_job_scoring(job, fs_suite_kind_find("biaske"), FS_MASKED), "target.prob");
    assert_string_equal(fs_job_scoring(job, fs_suite_kind_find("biaske"), FS_CAUSAL), "object.mean");
    assert_string_equal(fs_job_scoring(job, fs_suite_kind_find("crows_pairs"), FS_CAUSAL), "sentence.sum");
    assert_null(fs_job_scoring(job, fs_suite_kind_find("winobias"), FS_CAUSAL));
    fs_job_destroy(job);
}

static void settings_override_the_file(void **state)
{
    (void)state;
    const char *const set[] = {"seed=8",
                               "stamp.layer=auto",
                               "stamp.alpha=2.5",
                               "trace.kinds=all",
                               "trace.corruption=noise",
                               "trace.heat_map=true",
                               "categories=[\"race\"]",
                               "trace.positions=all",
                               "scoring.biaske=sentence.sum",
                               "seed=9",
                               NULL};
    struct fs_job *job = load("{" LEAST ", \"seed\": 7, \"stamp\": {\"layer\": 3}}", set);
    struct fs_stamp_options stamp = {0};
    struct fs_trace_options trace = {0};
    fs_job_fill(job, &fs_stamp_settings, FS_MASKED, &stamp);
    fs_job_fill(job, &fs_trace_settings, FS_MASKED, &trace);
    assert_int_equal(fs_job_settings(job)->seed, 9); /* the last one counts */
    assert_int_equal(fs_job_layer(job, FS_STAGE_STAMP), FS_AUTO);
    assert_true(stamp.alpha == 2.5);
    assert_true(trace.kind[FS_TRACE_ATTENTION] && trace.kind[FS_TRACE_FFN]);
    assert_true(trace.always_noise && trace.heat_map);
    assert_int_equal(trace.positions, FS_TRACE_ALL_SUBJECT_TOKENS);
    assert_string_equal(fs_job_settings(job)->categories[0], "race");
    assert_string_equal(fs_job_scoring(job, fs_suite_kind_find("biaske"), FS_CAUSAL), "sentence.sum");
    fs_job_destroy(job);
}

/* A preset sets what the job does not, whatever comes first. */
static void presets(void **state)
{
    (void)state;
    const char *const set[] = {"stamp.alpha=7", "stamp.preset=paper", NULL};
    struct fs_job *job =
        load("{" LEAST ", \"stamp\": {\"preset\": \"keep\", \"width\": 16, \"keep_best\": true}}", set);
    for (size_t kind = FS_MASKED; kind <= FS_CAUSAL; kind++) {
        struct fs_stamp_options stamp = {0};
        fs_job_fill(job, &fs_stamp_settings, kind, &stamp);
        assert_int_equal(stamp.width, 16);
        assert_true(stamp.alpha == 7); /* given */
        assert_true(stamp.keep_best);  /* likewise */
        assert_int_equal(stamp.loss, FS_LOSS_GAP);
        assert_true(stamp.beta == 0.1 && stamp.learning_rate == 0.1 && stamp.key_bias == 0 && stamp.text_weight == 0);
        assert_int_equal(stamp.iterations, 20);
        assert_int_equal(stamp.schedule, FS_RATE_CONSTANT);
        assert_int_equal(stamp.kl_rows, FS_KL_FIRST_ROWS);
        assert_false(stamp.kl_without_completion);
    }
    fs_job_destroy(job);
    job = load("{" LEAST ", \"stamp\": {\"text\": \"t.txt\"}}", NULL);
    struct fs_stamp_options stamp = {0};
    fs_job_fill(job, &fs_stamp_settings, FS_CAUSAL, &stamp);
    assert_string_equal(stamp.text, scratch_path("t.txt")); /* counts from the job file's folder */
    assert_true(stamp.alpha == 0.1);
    fs_job_destroy(job);
    refuse("{" LEAST ", \"stamp\": {\"preset\": \"best\"}}", "stamp.preset", "paper|keep|carry|balanced");
}

static void relative_paths(void **state)
{
    (void)state;
    const char *const set[] = {"output=here", NULL};
    struct fs_job *job =
        load("{\"model\": \"m\", \"output\": \"o\", \"data\": {\"biaske\": \"b\", \"text\": \"/t\"}}", set);
    char expected[4200], *working = getcwd(NULL, 0);
    assert_string_equal(fs_job_settings(job)->model, scratch_path("m")); /* the file's folder */
    assert_string_equal(fs_job_data(job, "biaske"), scratch_path("b"));
    assert_string_equal(fs_job_data(job, "text"), "/t");
    assert_null(fs_job_data(job, "seat"));
    snprintf(expected, sizeof expected, "%s/here", working); /* the working directory */
    assert_string_equal(fs_job_settings(job)->output, expected);
    free(working);
    fs_job_destroy(job);
}

static void environment(void **state)
{
    (void)state;
    setenv("FAIRSTAMP_TEST_WORD", "/x", 1);
    unsetenv("FAIRSTAMP_TEST_NONE");
    struct fs_job *job = load("{\"model\": \"${FAIRSTAMP_TEST_WORD}/$y/${FAIRSTAMP_TEST_WORD}\", \"output\": \"/o\", "
                              "\"data\": {\"biaske\": \"b\"}}",
                              NULL);
    assert_string_equal(fs_job_settings(job)->model, "/x/$y//x");
    fs_job_destroy(job);
    refuse_set("model=${FAIRSTAMP_TEST_NONE}", "--set: model:", "no variable FAIRSTAMP_TEST_NONE; export it");
    refuse_set("model=${", "--set: model:", "without a name");
    refuse_set("model=${}", "--set: model:", "without a name");
}

static void unknown_and_renamed_keys(void **state)
{
    (void)state;
    refuse("{" LEAST ", \"stamp\": {\"widht\": 3}}", "stamp.widht: unknown key", "did you mean \"stamp.width\"");
    refuse("{" LEAST ", \"sead\": 3}", "sead: unknown key", "\"seed\"");
    refuse("{" LEAST ", \"crow_pairs\": 3}", "crow_pairs: unknown key", "did you mean \"data.crows_pairs\"");
    refuse("{" LEAST ", \"activation_function\": 3}", "activation_function", "unknown key; see fairstamp run --help");
    refuse("{" LEAST ", \"stamp.width\": {\"x\": 3}}", "stamp.width", "found an object");
    refuse("{\"job\": {}, \"models\": []}", "is a sweep file", "fairstamp sweep plan");
    refuse("{\"model_type\": \"bert\", \"model\": 1}", "config.json of a model", "expected a job file");
    refuse("{" LEAST ", \"trace\": {\"verify\": \"all\"}}", "trace.verify: this key is now called",
           "\"layers.compare\"");
    refuse("{" LEAST ", \"variant\": {\"biaske\": \"target.prob\"}}", "variant.biaske: this key is now called",
           "\"scoring.biaske\"");
    refuse_set("variant.stereoset=target.prob", "--set: variant.stereoset:", "\"scoring.stereoset\"");
    refuse_set("stamp.level=1", "--set: stamp.level:", "\"stamp.level_weight\"");
    refuse_set("seed", "--set: found \"seed\"", "expected KEY=VALUE");
}

static void wrong_types(void **state)
{
    (void)state;
    refuse("{" LEAST ", \"seed\": \"7\"}", "seed: found a string", "expected a number");
    refuse("{" LEAST ", \"stamp\": {\"layer\": true}}", "stamp.layer: found", "expected a number or \"auto\"");
    refuse("{" LEAST ", \"stamp\": {\"loss\": 3}}", "stamp.loss: found a number", "expected a text");
    refuse("{" LEAST ", \"stamp\": {\"keep_best\": \"yes\"}}", "stamp.keep_best: found a string", "true or false");
    refuse("{" LEAST ", \"categories\": \"gender\"}", "categories: found a string", "a list of names, not empty");
    refuse("{" LEAST ", \"categories\": []}", "categories: found", "a list of names, not empty");
    refuse("{" LEAST ", \"categories\": [\"gender\", 3]}", "categories: found a number", "a list of names");
    refuse("{" LEAST ", \"categories\": [\"a,b\"]}", "categories: found a string", "a list of names");
    refuse("{" LEAST ", \"stamp\": 3}", "stamp: found a number", "expected an object");
    refuse("[]", "job.json: found", "expected an object");
    refuse("{" LEAST, "job.json", "");
    refuse_set("seed=many", "--set: seed: found \"many\"", "expected a number");
    refuse_set("seed=0x10", "--set: seed: found \"0x10\"", "expected a number");
    refuse_set("stamp.layer=first", "stamp.layer: found \"first\"", "a number or \"auto\"");
    refuse_set("stamp.loss=hinge", "stamp.loss: found \"hinge\"", "expected gap|logratio");
    refuse_set("trace.heat_map=1", "trace.heat_map: found \"1\"", "expected true|false");
    refuse_set("model=", "--set: model: found an empty text", "expected a value");
    refuse_set("categories=a,,b", "--set", "categories");
    refuse_set("categories=[1]", "--set: categories: found a number", "a list of names");
}

static void out_of_range(void **state)
{
    (void)state;
    refuse("{" LEAST ", \"stamp\": {\"width\": 0}}", "stamp.width: found 0", "a whole number from 1 to 65536");
    refuse("{" LEAST ", \"stamp\": {\"width\": 1.5}}", "stamp.width: found 1.5", "a whole number");
    refuse("{" LEAST ", \"split\": {\"held_out\": 0.91}}", "split.held_out: found 0.91", "a number from 0 to 0.9");
    refuse_set("seed=-1", "seed: found -1", "from 0 to 9007199254740992");
    refuse_set("seed=1e300", "seed: found 1e+300", "a whole number");
    refuse_set("stamp.layer=1.5", "stamp.layer: found 1.5", "or \"auto\"");
}

static void what_is_missing(void **state)
{
    (void)state;
    /* "~/results" would be a folder of that name beside the job file. */
    refuse("{\"model\": \"~/m\", \"output\": \"/o\", \"data\": {\"biaske\": \"b\"}}", "path ~/m", "write ${HOME}/m");
    refuse("{\"model\": \"m\", \"output\": \"~/o\", \"data\": {\"biaske\": \"b\"}}", "path ~/o", "write ${HOME}/o");
    refuse("{\"model\": \"m\", \"output\": \"/o\", \"data\": {\"biaske\": \"~/b\"}}", "path ~/b", "write ${HOME}/b");
    refuse_set("output=~", "path ~", "write ${HOME}");
    refuse("{\"model\": \"m\", \"data\": {\"biaske\": \"b\"}}", "output is missing", "folder of the results");
    refuse("{\"model\": \"m\", \"output\": \"o\"}", "found none of data.stereoset, data.biaske", "at least one");
    refuse("{\"model\": \"m\", \"output\": \"o\", \"data\": {\"biaske\": \"b\", \"stereoset\": \"s\"}}", "edit.pairs",
           "must say whose pairs");
    refuse("{" LEAST ", \"edit\": {\"pairs\": \"stereoset\"}}", "edit.pairs is \"stereoset\"",
           "data.stereoset is missing");
    struct fs_job *job = NULL;
    check_error(fs_job_load(scratch_path("none.json"), NULL, 0, &job, &err), &err, FS_EXIT_NO_INPUT, "none.json", "");
    const char *const set[] = {"edit.pairs=stereoset", "data.stereoset=s", NULL};
    job = load("{" LEAST "}", set);
    assert_string_equal(fs_job_edited(job)->name, "stereoset");
    fs_job_destroy(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_from_a_file),
        cmocka_unit_test(defaults),
        cmocka_unit_test(settings_override_the_file),
        cmocka_unit_test(presets),
        cmocka_unit_test(relative_paths),
        cmocka_unit_test(environment),
        cmocka_unit_test(unknown_and_renamed_keys),
        cmocka_unit_test(wrong_types),
        cmocka_unit_test(out_of_range),
        cmocka_unit_test(what_is_missing),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
