/* A sweep's plan: the product of models, categories and settings, what is left out and included, whose trace is taken. */
#include "../io/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/publish.h"
#include "jobs/sweep.h"

#define JOB "\"job\": {\"data\": {\"biaske\": \"b\"}, \"stamp\": {\"width\": 8}}"

static struct fs_error err;

/* Plans a sweep file of these members into the scratch folder `name`, and reads it. The caller releases. */
static void plan(const char *name, const char *members, struct fs_sweep *sweep)
{
    char text[2048];
    size_t cells;
    snprintf(text, sizeof text, "{" JOB ", %s}", members);
    const char *folder = scratch_path(name);
    check_success(fs_sweep_plan(scratch_write_text("sweep.json", text), folder, false, &cells, &err), &err);
    check_success(fs_sweep_read(folder, sweep, &err), &err);
    assert_int_equal(cells, sweep->cells);
}

static void refuse(const char *members, enum fs_exit code, const char *first, const char *second)
{
    char text[2048];
    size_t cells;
    snprintf(text, sizeof text, "{%s}", members);
    check_error(fs_sweep_plan(scratch_write_text("sweep.json", text), scratch_path("wrong"), false, &cells, &err), &err,
                code, first, second);
    assert_int_equal(cells, 0);
}

static void expect_ids(const struct fs_sweep *sweep, const char *const *id, size_t ids)
{
    assert_int_equal(sweep->cells, ids);
    for (size_t i = 0; i < ids; i++) {
        assert_string_equal(sweep->cell[i].id, id[i]);
    }
}

static void product(void **state)
{
    (void)state;
    struct fs_sweep sweep;
    static const char *const ids[] = {"m.gender.seed=1",      "m.gender.seed=2",     "m.gender+race.seed=1",
                                      "m.gender+race.seed=2", "n.gender.seed=1",     "n.gender.seed=2",
                                      "n.gender+race.seed=1", "n.gender+race.seed=2"};
    plan("product",
         "\"models\": [\"x/m\", {\"name\": \"n\", \"path\": \"y\"}], \"categories\": [\"gender\", [\"gender\", "
         "\"race\"]], \"settings\": {\"seed\": [1, 2]}",
         &sweep);
    expect_ids(&sweep, ids, 8);
    fs_sweep_release(&sweep);
}

static void exclude_and_include(void **state)
{
    (void)state;
    struct fs_sweep sweep;
    static const char *const ids[] = {"m.gender.seed=1", "m.gender.seed=2", "n.gender.seed=1", "m.all.stamp.layer=0"};
    plan("excluded",
         "\"models\": [\"m\", \"n\"], \"categories\": [\"gender\", \"all\"], \"settings\": {\"seed\": [1, 2]}, "
         "\"exclude\": [{\"categories\": \"all\"}, {\"model\": \"n\", \"seed\": 2}], "
         "\"include\": [{\"model\": \"m\", \"settings\": {\"stamp.layer\": 0}}]",
         &sweep);
    expect_ids(&sweep, ids, 4);
    fs_sweep_release(&sweep);
}

/* What comes after the trace does not part it; seed and categories do. */
static void traces_are_shared(void **state)
{
    (void)state;
    struct fs_sweep sweep;
    struct fs_job *job = NULL;
    static const size_t of[] = {0, 0, 2, 2};
    plan("shared", "\"models\": [\"m\"], \"settings\": {\"seed\": [1, 2], \"stamp.width\": [8, 16]}", &sweep);
    assert_int_equal(sweep.cells, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(sweep.cell[i].trace_of, of[i]);
    }
    check_success(fs_job_load(sweep.cell[1].job, NULL, 0, &job, &err), &err);
    assert_non_null(strstr(fs_job_settings(job)->reuse, "cells/m.all.seed=1.stamp.width=8"));
    assert_non_null(strstr(fs_job_settings(job)->output, "cells/m.all.seed=1.stamp.width=16"));
    fs_job_destroy(job);
    fs_sweep_release(&sweep);
    plan("chosen", "\"models\": [\"m\"], \"settings\": {\"stamp.width\": [8, 16], \"trace.reuse\": [\"/elsewhere\"]}",
         &sweep);
    assert_int_equal(sweep.cell[1].trace_of, 1);
    check_success(fs_job_load(sweep.cell[1].job, NULL, 0, &job, &err), &err);
    assert_string_equal(fs_job_settings(job)->reuse, "/elsewhere"); /* the sweep file's choice stays */
    fs_job_destroy(job);
    fs_sweep_release(&sweep);
}

static void paths_count_from_the_sweep_file(void **state)
{
    (void)state;
    struct fs_sweep sweep;
    struct fs_job *job = NULL;
    plan("paths", "\"models\": [\"m\"]", &sweep);
    check_success(fs_job_load(sweep.cell[0].job, NULL, 0, &job, &err), &err);
    assert_string_equal(fs_job_settings(job)->model, scratch_path("m"));
    assert_string_equal(fs_job_data(job, "biaske"), scratch_path("b"));
    fs_job_destroy(job);
    fs_sweep_release(&sweep);
}

/* A name that a sweep gives, or that parts folders of one name, goes into the job; a path's last part does not. */
static void names_of_models(void **state)
{
    (void)state;
    struct fs_sweep sweep;
    static const char *const ids[] = {"x-m.all", "y-m.all", "n.all", "given.all", "org-m.all"};
    static const char *const names[] = {"x/m", "y/m", NULL, "given", NULL};
    plan("named",
         "\"models\": [\"x/m\", \"y/m/\", \"x/n\", {\"name\": \"given\", \"path\": \"x/o\"}, "
         "\"hub/models--org--m/snapshots/0a1b\"]",
         &sweep);
    expect_ids(&sweep, ids, 5);
    for (size_t i = 0; i < 5; i++) {
        struct fs_job *job = NULL;
        check_success(fs_job_load(sweep.cell[i].job, NULL, 0, &job, &err), &err);
        const char *found = fs_job_settings(job)->model_name;
        assert_true((found == NULL) == (names[i] == NULL));
        assert_true(found == NULL || strcmp(found, names[i]) == 0);
        fs_job_destroy(job);
    }
    assert_string_equal(sweep.cell[0].model, "x/m");
    assert_string_equal(sweep.cell[3].model, "given");
    assert_string_equal(sweep.cell[4].model, "org/m");
    fs_sweep_release(&sweep);
}

static void what_is_refused(void **state)
{
    (void)state;
    refuse(JOB ", \"models\": [\"x/m\", \"x/./m/\"]", FS_EXIT_CONFIG, "\"x/./m/\" stands there twice", "leave one out");
    refuse(JOB ", \"models\": [{\"name\": \"a\", \"path\": \"x\"}, \"y\", {\"name\": \"a\", \"path\": \"z\"}]",
           FS_EXIT_CONFIG, "\"a\" is the name of ", "give each a name of its own");
    refuse(JOB ", \"models\": [\"y\", {\"name\": \"a\", \"path\": \"x\"}], \"include\": [{\"model\": {\"name\": \"a\", "
               "\"path\": \"z\"}}]",
           FS_EXIT_CONFIG, "\"a\" is the name of ", "give each a name of its own");
    refuse(JOB ", \"models\": [{\"name\": \"a b\", \"path\": \"x\"}, {\"name\": \"a-b\", \"path\": \"z\"}]",
           FS_EXIT_CONFIG, "two cells have the id a-b.all", "\"name\"");
    refuse(JOB ", \"models\": [{\"name\": \"a,b\", \"path\": \"x\"}]", FS_EXIT_CONFIG, "model_name: found \"a,b\"",
           "without commas");
    refuse(JOB ", \"models\": [{\"name\": \"\", \"path\": \"x\"}]", FS_EXIT_CONFIG, "name: found an empty text", "");
    refuse(JOB ", \"models\": [\"\"]", FS_EXIT_CONFIG, "models: found an empty text", "expected a folder");
    refuse(JOB ", \"models\": []", FS_EXIT_CONFIG, "models: found an empty list", "at least one model");
    refuse(JOB ", \"models\": [\"m\"], \"categories\": []", FS_EXIT_CONFIG, "categories: found an empty list",
           "at least one category");
    refuse(JOB ", \"models\": [\"m\"], \"include\": [{\"model\": \"m\"}]", FS_EXIT_CONFIG, "two cells have the id",
           "m.all");
    refuse(JOB, FS_EXIT_CONFIG, "found no cell", "\"models\"");
    refuse(JOB ", \"modles\": []", FS_EXIT_CONFIG, "modles", "\"models\"");
    refuse("\"models\": [\"m\"]", FS_EXIT_CONFIG, "job: found", "expected");
    refuse(JOB ", \"models\": [3]", FS_EXIT_CONFIG, "models: found a number", "expected a folder");
    refuse(JOB ", \"models\": [\"m\"], \"settings\": {\"stamp.wdith\": [1]}", FS_EXIT_CONFIG,
           "\"stamp.wdith\" is no setting", "\"stamp.width\"");
    refuse(JOB ", \"models\": [\"m\"], \"settings\": {\"output\": [\"x\"]}", FS_EXIT_CONFIG, "\"output\" is no setting",
           "");
    refuse(JOB ", \"models\": [\"m\"], \"settings\": {\"seed\": 1}", FS_EXIT_CONFIG, "settings.seed",
           "a list of values");
    refuse(JOB ", \"models\": [\"m\"], \"settings\": {\"seed\": [-1]}", FS_EXIT_CONFIG, "seed: found -1", "from 0 to");
    refuse(JOB ", \"models\": [\"m\"], \"exclude\": [{\"modle\": \"x\"}]", FS_EXIT_CONFIG, "exclude", "\"modle\"");
    refuse(JOB ", \"models\": [\"m\"], \"categories\": [[]]", FS_EXIT_CONFIG, "categories: found", "expected");
}

/* The text of a scratch file, with `old` in it replaced by `now`, is written back. The caller frees the result. */
static char *rewrite(const char *name, const char *old, const char *now)
{
    size_t size;
    char *text = (char *)slurp(scratch_path(name), &size), *changed = NULL;
    text = realloc(text, size + 1);
    assert_non_null(text);
    text[size] = '\0';
    char *at = strstr(text, old);
    assert_non_null(at);
    assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, now, at + strlen(old)) >= 0);
    scratch_write_text(name, changed);
    free(text);
    return changed;
}

/* Planned by a former version, whose job files have no names of models: the same plan. */
static void a_former_plan_stays(void **state)
{
    (void)state;
    struct fs_sweep sweep;
    char sha256[FS_DIGEST_SIZE];
    static const char members[] = "\"models\": [{\"name\": \"given\", \"path\": \"x\"}]";
    plan("former", members, &sweep);
    char *job = rewrite("former/jobs/given.all.json", "\t\"model_name\":\t\"given\",\n", "");
    fs_digest_bytes(job, strlen(job), sha256);
    char *manifest = rewrite("former/manifest.json", sweep.cell[0].sha256, sha256);
    fs_sweep_release(&sweep);
    plan("former", members, &sweep);
    assert_string_equal(sweep.cell[0].sha256, sha256);
    assert_string_equal(sweep.cell[0].model, "given");
    fs_sweep_release(&sweep);
    free(manifest);
    free(job);
}

/* Plans members with the golden models as $GOLDEN, models and data looked at. */
static int plan_checked(const char *members)
{
    char text[2048];
    size_t cells;
    const char *source = getenv("FAIRSTAMP_SOURCE");
    char golden[1024];
    (void)snprintf(golden, sizeof golden, "%s/tests/golden/models", source != NULL ? source : ".");
    setenv("GOLDEN", golden, 1);
    snprintf(text, sizeof text, "{%s}", members);
    return fs_sweep_plan(scratch_write_text("sweep.json", text), scratch_path("checked"), true, &cells, &err);
}

static void models_and_data_are_looked_at(void **state)
{
    (void)state;
    scratch_write_text("b", "[]");
    check_success(fs_make_folder(scratch_path("odd"), &err), &err);
    scratch_write_text("odd/config.json", "{\"model_type\": \"t5\"}");
    check_error(plan_checked(JOB ", \"models\": [\"nowhere\"], \"categories\": [\"gender\", \"race\"]"), &err,
                FS_EXIT_NO_INPUT, "cell nowhere.gender: model: ", "--no-check");
    check_error(plan_checked(JOB ", \"models\": [\"odd\"]"), &err, FS_EXIT_DATA, "cell odd.all: model: ", "t5");
    check_error(plan_checked(JOB ", \"models\": [\"${GOLDEN}/bert-tiny\"], \"settings\": {\"stamp.layer\": [1, 2]}"),
                &err, FS_EXIT_CONFIG, "cell bert-tiny.all.stamp.layer=2: model: ", "from 0 to 1");
    check_error(plan_checked(JOB ", \"models\": [\"${GOLDEN}/bert-tiny\"], \"settings\": {\"data.seat\": [\"none\"]}"),
                &err, FS_EXIT_NO_INPUT, "data.seat: ", "--no-check");
    check_error(plan_checked(JOB ", \"models\": [\"nowhere\", \"odd\"]"), &err, FS_EXIT_NO_INPUT,
                "not planned: the 2 faults", "");
    check_success(plan_checked(JOB ", \"models\": [\"${GOLDEN}/bert-tiny\"], \"settings\": {\"stamp.layer\": [0, 1]}"),
                  &err);
}

static void another_plan_is_refused(void **state)
{
    (void)state;
    struct fs_sweep sweep;
    size_t cells;
    plan("twice", "\"models\": [\"m\"]", &sweep);
    fs_sweep_release(&sweep);
    plan("twice", "\"models\": [\"m\"]", &sweep); /* the same again */
    fs_sweep_release(&sweep);
    const char *path = scratch_write_text("sweep.json", "{" JOB ", \"models\": [\"n\"]}");
    check_error(fs_sweep_plan(path, scratch_path("twice"), false, &cells, &err), &err, FS_EXIT_OTHER_JOB,
                "another sweep", "another folder");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product),
        cmocka_unit_test(exclude_and_include),
        cmocka_unit_test(traces_are_shared),
        cmocka_unit_test(names_of_models),
        cmocka_unit_test(paths_count_from_the_sweep_file),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(models_and_data_are_looked_at),
        cmocka_unit_test(a_former_plan_stays),
        cmocka_unit_test(another_plan_is_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
