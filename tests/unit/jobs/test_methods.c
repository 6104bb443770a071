/* The keys method and methods: every way to write an entry, the columns that follow, and what is refused with which words. */
#include "../io/support.h"

#include <stdio.h>
#include <string.h>

#include "jobs/job.h"
#include "jobs/job_keys.h"
#include "jobs/stage_rules.h"

static struct fs_error err;

static const char *write_job(const char *keys)
{
    char text[1024];
    snprintf(text, sizeof text, "{\"model\": \"m\", \"output\": \"/o\", \"data\": {\"biaske\": \"b\"}%s%s}",
             keys[0] != '\0' ? ", " : "", keys);
    return scratch_write_text("job.json", text);
}

static struct fs_job *load(const char *keys, const char *setting)
{
    struct fs_job *job = NULL;
    check_success(fs_job_load(write_job(keys), &setting, setting != NULL, &job, &err), &err);
    return job;
}

/* Columns of a job, "name=method:path" each, separated by a space. */
static void expect(const char *keys, const char *setting, const char *expected)
{
    struct fs_job *job = load(keys, setting);
    char found[1024] = "";
    size_t methods, used = 0;
    const struct fs_job_method *method = fs_job_methods(job, &methods);
    for (size_t i = 0; i < methods; i++) {
        used += (size_t)snprintf(found + used, sizeof found - used, "%s%s=%s%s%s", i > 0 ? " " : "", method[i].name,
                                 method[i].method->name, method[i].path != NULL ? ":" : "",
                                 method[i].path != NULL ? method[i].path : "");
    }
    assert_string_equal(found, expected);
    fs_job_destroy(job);
}

static void refuse(const char *keys, const char *setting, const char *first, const char *second)
{
    struct fs_job *job = NULL;
    check_error(fs_job_load(write_job(keys), &setting, setting != NULL, &job, &err), &err, FS_EXIT_CONFIG, first,
                second);
    assert_null(job);
}

static void columns_follow_from_the_keys(void **state)
{
    (void)state;
    char beside[512];
    snprintf(beside, sizeof beside, "stamp=stamp mabel=checkpoint:%s", scratch_path("runs/mabel/"));
    expect("", NULL, "stamp=stamp");
    expect("\"method\": \"stamp\"", NULL, "stamp=stamp");
    expect("\"method\": \"checkpoint:/a/b-c\"", NULL, "b-c=checkpoint:/a/b-c");
    expect("\"method\": {\"checkpoint\": \"/a/b\", \"name\": \"c\"}", NULL, "c=checkpoint:/a/b");
    expect("\"methods\": [\"stamp\", {\"checkpoint\": \"/a/b\"}, \"d=checkpoint:/c:e=f\"]", NULL,
           "stamp=stamp b=checkpoint:/a/b d=checkpoint:/c:e=f");
    expect("", "methods=mine=stamp,checkpoint:/a b/ü", "mine=stamp --=checkpoint:/a b/ü");
    expect("", "methods=[\"checkpoint:/a\"]", "a=checkpoint:/a");
    expect("\"method\": \"checkpoint:/a\"", "method=stamp", "stamp=stamp");
    expect("\"methods\": [\"stamp\", \"stamp:0.5\", {\"stamp\": 0.25}, {\"stamp\": 2, \"name\": \"twice\"}]", NULL,
           "stamp=stamp stamp-0.5=stamp stamp-0.25=stamp twice=stamp");
    /* relative to the file */
    expect("\"methods\": [\"stamp\", {\"checkpoint\": \"runs/mabel/\"}]", NULL, beside);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    refuse("\"method\": \"stmp\"", NULL, "method: found \"stmp\"", "checkpoint:DIR");
    refuse("\"method\": \"sentence_debias\"", NULL, "sentence_debias learns from a text and attribute words",
           "edit.text");
    refuse("\"methods\": [\"stamp\", \"sentence_debias\"], \"edit\": {\"text\": \"/t\"}", NULL,
           "sentence_debias learns", "data.attribute_words");
    refuse("\"methods\": [\"a=sentence_debias\", \"b=sentence_debias\"]", NULL, "found \"a\" and \"b\"",
           "one column twice");
    refuse("\"method\": \"checkpoint\"", NULL, "without a folder", "checkpoint:DIR");
    refuse("\"method\": \"stamp:/a\"", NULL, "found \"stamp:/a\"", "stamp alone");
    refuse("\"method\": \"stamp:0\"", NULL, "found \"stamp:0\"", "above 0");
    refuse("\"method\": \"stamp:\"", NULL, "found \"stamp:\"", "above 0");
    refuse("\"method\": {\"stamp\": 11}", NULL, "found \"stamp:11\"", "up to 10");
    refuse("\"method\": {\"stamp\": 0.5, \"name\": 1}", NULL, "name: found", "a text");
    refuse("\"methods\": [\"a=stamp:0.5\", \"b=stamp:0.50\"]", NULL, "found \"a\" and \"b\"", "several strengths");
    refuse("\"method\": [\"stamp\"]", NULL, "method: found", "expected a name");
    refuse("\"method\": 1", NULL, "method: found", "expected a name");
    refuse("\"method\": {\"name\": \"a\"}", NULL, "an object without a method", "\"checkpoint\"");
    refuse("\"method\": {\"checkpoint\": \"/a\", \"other\": \"b\"}", NULL, "\"checkpoint\" and \"other\"",
           "one method");
    refuse("\"method\": {\"checkpoint\": 1}", NULL, "checkpoint: found", "a text");
    refuse("\"method\": {\"checkpoint\": \"/a,b\"}", NULL, "checkpoint: found", "without commas");
    refuse("", "method=stamp,checkpoint:/a", "method: found", "one entry");
    refuse("\"methods\": []", NULL, "methods: found", "not empty");
    refuse("\"methods\": \"stamp\"", NULL, "methods: found", "a list");
    refuse("\"methods\": [\"stamp\"], \"method\": \"stamp\"", NULL, "both method and methods", "leave one of them out");
    refuse("\"methods\": [\"checkpoint:/a/x\", \"checkpoint:/b/x\"]", NULL, "two columns", "\"x\"");
    refuse("\"methods\": [\"a=stamp\", \"b=stamp\"]", NULL, "found \"a\" and \"b\"", "one column twice");
    refuse("\"method\": \"unedited=checkpoint:/a\"", NULL, "the name \"unedited\"", "letters");
    refuse("\"method\": \"a b=checkpoint:/a\"", NULL, "the name \"a b\"", "letters");
    refuse("\"method\": \"=checkpoint:/a\"", NULL, "the name \"\"", "letters");
    refuse("\"method\": \"checkpoint:/\"", NULL, "the name \"\"", "letters");
    refuse("\"method\": \"a0123456789012345678901234567890123456789012345678901234567890123=stamp\"", NULL, "the name",
           "1 to 63");
}

/* Without a method that trains there is nothing to trace for. */
static void stages_follow_from_the_methods(void **state)
{
    (void)state;
    struct fs_job *with = load("\"layers\": {\"compare\": \"all\"}, \"methods\": [\"checkpoint:/a\", \"stamp\"]", NULL);
    struct fs_job *without = load("\"layers\": {\"compare\": \"all\"}, \"method\": \"checkpoint:/a\"", NULL);
    const unsigned stamp = 1u << FS_STAGE_STAMP;
    struct fs_training_size size;
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        bool other = fs_stage_method((enum fs_stage)stage) != NULL && stage != FS_STAGE_STAMP;
        assert_int_equal(fs_stage_is_asked(with, (enum fs_stage)stage), !other);
        assert_int_equal(fs_stage_is_asked(without, (enum fs_stage)stage), stage == FS_STAGE_EVALUATE);
    }
    assert_int_equal(fs_stage_rule(FS_STAGE_EVALUATE)->reads(with, FS_STAGE_EVALUATE), stamp);
    assert_int_equal(fs_stage_rule(FS_STAGE_EVALUATE)->reads(without, FS_STAGE_EVALUATE), 0);
    assert_int_equal(fs_stage_rule(FS_STAGE_LAYER_SWEEP)->follows(with, FS_STAGE_LAYER_SWEEP), stamp);
    assert_string_equal(fs_job_trained(with, FS_STAGE_STAMP)->name, "stamp");
    assert_null(fs_job_trained(with, FS_STAGE_TRACE));
    assert_null(fs_job_trained(without, FS_STAGE_STAMP));
    fs_job_training_size(with, FS_STAGE_STAMP, NULL, &size);
    assert_true(size.steps > 0 && size.inner > 0 && size.layer == FS_AUTO);
    fs_job_largest_training(with, NULL, &size);
    assert_true(size.steps > 0 && size.inner > 0 && size.layer == FS_AUTO);
    fs_job_largest_training(without, NULL, &size);
    assert_true(size.steps == 0 && size.parameters == 0);
    fs_job_destroy(with);
    fs_job_destroy(without);
}

/* With a text and attribute words. */
static struct fs_job *load_words(const char *keys)
{
    const char *const settings[] = {"edit.text=/t", "data.attribute_words=/w"};
    struct fs_job *job = NULL;
    check_success(fs_job_load(write_job(keys), settings, 2, &job, &err), &err);
    return job;
}

/* Several methods that train: a stage each, which the evaluation follows; one of a text needs no trace. */
static void several_methods_train(void **state)
{
    (void)state;
    const char *const both = "\"methods\": [\"sentence_debias\", \"stamp\", \"stamp:0.5\"]",
                      *const alone = "\"method\": \"sentence_debias\"";
    enum fs_stage stage = fs_method_stage(fs_method_find("sentence_debias"));
    const unsigned own = 1u << stage, stamp = 1u << FS_STAGE_STAMP, trace = 1u << FS_STAGE_TRACE;
    struct fs_job *with = load_words(both), *without = load_words(alone);
    assert_int_equal(fs_stage_rule(FS_STAGE_EVALUATE)->reads(with, FS_STAGE_EVALUATE), own | stamp);
    assert_int_equal(fs_stage_rule(FS_STAGE_EVALUATE)->follows(without, FS_STAGE_EVALUATE), own);
    assert_int_equal(fs_stage_rule(stage)->follows(with, stage), 0);
    assert_int_equal(fs_stage_rule(FS_STAGE_STAMP)->follows(with, FS_STAGE_STAMP), trace);
    assert_true(fs_stage_is_asked(with, stage) && fs_stage_is_asked(with, FS_STAGE_TRACE));
    assert_true(fs_stage_is_asked(without, stage) && !fs_stage_is_asked(without, FS_STAGE_TRACE));
    assert_false(fs_stage_is_asked(without, FS_STAGE_STAMP));
    fs_job_destroy(with);
    fs_job_destroy(without);
}

/* Each method that trains is a stage of its own, which depends on its own keys alone. */
static void each_training_is_a_stage(void **state)
{
    (void)state;
    for (size_t i = 0; i < fs_method_count; i++) {
        const struct fs_method *method = fs_methods[i];
        enum fs_stage stage = fs_method_stage(method);
        assert_int_equal(method->trainer == NULL, stage == FS_STAGE_COUNT);
        if (method->trainer == NULL) {
            continue;
        }
        assert_ptr_equal(fs_stage_method(stage), method);
        assert_string_equal(fs_stage_names[stage], method->name);
        assert_true(stage > FS_STAGE_TRACE && stage < FS_STAGE_EVALUATE);
        assert_true((fs_training_stages() & 1u << stage) != 0);
        for (size_t k = 0; method->settings != NULL && k < method->settings->count; k++) {
            const struct fs_setting *row = &method->settings->row[k];
            assert_int_equal(fs_job_key(row->key)->stages, row->changes_no_result ? 0 : 1u << stage);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_follow_from_the_keys), cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(stages_follow_from_the_methods), cmocka_unit_test(several_methods_train),
        cmocka_unit_test(each_training_is_a_stage)};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
