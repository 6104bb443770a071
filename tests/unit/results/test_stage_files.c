/* What the holder of a folder's lock removes of killed processes, and what it leaves alone. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../io/support.h"
#include "io/publish.h"
#include "results/stage_files.h"

static void test_temporaries(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool goes;
    } file[] = {
        {"trace.h5.n1.12.tmp", true},
        {"stamp.part.h5.n1.cluster.example.12.tmp", true},
        {"layer_sweep_scores_3.part.h5.n1.999999.tmp", true},
        {"evaluate.h5.host.h5.7.7.tmp", true},
        {"trace.h5", false},
        {"trace.h5.damaged", false},
        {"trace.h5.tmp", false},
        {"trace.h5.12.tmp", false},
        {"trace.h5..12.tmp", false},
        {"trace.h5.n1.tmp", false},
        {"trace.h5.n1.12x.tmp", false},
        {"trace.h5.n1.12.tmp.gz", false},
        {"mytrace.h5.n1.12.tmp", false},
        {"trace_copy.h5.n1.12.tmp", false},
        {"archive.h5.n1.12.tmp", false},
        {"estimate.json.n1.12.tmp", false},
        {".h5.n1.12.tmp", false},
        {"fairstamp.lock", false},
    };
    struct fs_error err = FS_ERROR_INIT;
    char path[512], folder[256];
    size_t count = sizeof file / sizeof file[0];
    snprintf(folder, sizeof folder, "%s", scratch_path("folder"));
    assert_int_equal(mkdir(folder, 0777), 0);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, file[i].name);
        check_success(fs_publish_text(path, "x", 1, &err), &err);
    }
    snprintf(path, sizeof path, "%s/stamp.h5.n2.1.tmp", folder); /* a folder stays */
    assert_int_equal(mkdir(path, 0777), 0);
    fs_stage_remove_temporaries(folder);
    assert_int_equal(access(path, F_OK), 0);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, file[i].name);
        if ((access(path, F_OK) != 0) != file[i].goes) {
            fail_msg("%s %s", file[i].name, file[i].goes ? "is left" : "was removed");
        }
    }
    fs_stage_remove_temporaries(scratch_path("nowhere"));
}

/* A training of a former revision of its method is not taken: refused, and replaced only where that is asked for. */
static void test_revisions(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_archive *archive;
    struct fs_fingerprint former = {0}, present = {0};
    char folder[256], path[512], settings[2][64] = {"method = rome\n", "method = rome\nrevision of rome = 1\n"};
    enum fs_stage stage = fs_method_stage(fs_method_find("rome"));
    bool there = true;
    former.settings[stage] = settings[0];
    present.settings[stage] = settings[1];
    fs_digest_bytes(settings[0], strlen(settings[0]), former.digest[stage]);
    fs_digest_bytes(settings[1], strlen(settings[1]), present.digest[stage]);
    snprintf(folder, sizeof folder, "%s", scratch_path("revisions"));
    assert_int_equal(mkdir(folder, 0777), 0);
    snprintf(path, sizeof path, "%s/rome.h5", folder);
    check_success(fs_archive_create(path, "rome", former.digest[stage], &archive, &err), &err);
    check_success(fs_archive_attribute_text(archive, "/provenance", "settings", settings[0], &err), &err);
    check_success(fs_archive_publish(archive, &err), &err);
    check_success(fs_stage_check(folder, stage, &former, FS_STAGE_WANTED, &there, &err), &err);
    assert_true(there);
    assert_int_equal(fs_stage_check(folder, stage, &present, FS_STAGE_WANTED, &there, &err), -1);
    assert_int_equal(err.code, FS_EXIT_OTHER_JOB);
    assert_non_null(strstr(err.text, "what differs: revision of rome;"));
    err = (struct fs_error)FS_ERROR_INIT;
    check_success(fs_stage_check(folder, stage, &present, FS_STAGE_FORCED, &there, &err), &err);
    assert_false(there);
}

/* Of one layer without the sweep's own; then all of the stage. */
static void test_parts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool of_layer, of_stage;
    } file[] = {
        {"layer_sweep_scores_3.part.h5", true, true}, {"layer_sweep_training.part.h5", true, true},
        {"layer_sweep.part.h5", false, true},         {"layer_sweep.h5", false, false},
        {"layer_sweeps.part.h5", false, false},       {"stamp.part.h5", false, false},
        {"my_layer_sweep.part.h5", false, false},     {"layer_sweep.part.h5.damaged", false, false},
    };
    struct fs_error err = FS_ERROR_INIT;
    char path[512], folder[256];
    size_t count = sizeof file / sizeof file[0];
    snprintf(folder, sizeof folder, "%s", scratch_path("parts"));
    assert_int_equal(mkdir(folder, 0777), 0);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, file[i].name);
        check_success(fs_publish_text(path, "x", 1, &err), &err);
    }
    for (int stage = 0; stage < 2; stage++) {
        if (stage) {
            fs_stage_remove_part(folder, FS_STAGE_LAYER_SWEEP);
        } else {
            fs_stage_remove_layer(folder);
        }
        for (size_t i = 0; i < count; i++) {
            snprintf(path, sizeof path, "%s/%s", folder, file[i].name);
            if ((access(path, F_OK) != 0) != (stage ? file[i].of_stage : file[i].of_layer)) {
                fail_msg("%s %s", file[i].name, access(path, F_OK) == 0 ? "is left" : "was removed");
            }
        }
    }
    fs_stage_remove_part(folder, FS_STAGE_LAYER_SWEEP);
    fs_stage_remove_part(scratch_path("nowhere"), FS_STAGE_LAYER_SWEEP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_temporaries), cmocka_unit_test(test_revisions),
                                       cmocka_unit_test(test_parts)};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
