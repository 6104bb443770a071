/*
 * A stage's former name (tests/golden/archives/v2 has files of the stage layer_sweep when it was called layers): found,
 * opened, shown and merged under the present name, with the same numbers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../io/support.h"
#include "jobs/stage_names.h"
#include "results/archive_merge.h"
#include "results/page/page_data.h"

static char golden_path[4][4096];

static const char *golden(const char *name)
{
    static size_t next;
    const char *source = getenv("FAIRSTAMP_SOURCE");
    next = (next + 1) % 4;
    (void)snprintf(golden_path[next], sizeof golden_path[next], "%s/tests/golden/archives/v2/%s",
                   source != NULL ? source : ".", name);
    return golden_path[next];
}

static void copy(const char *from, const char *name)
{
    size_t size;
    unsigned char *data = slurp(from, &size);
    scratch_write(name, data, size);
    free(data);
}

static void a_name_is_one_stage(void **state)
{
    (void)state;
    static const char *const none[] = {"", "layer", "layers2", "layer_sweep_", "score", "traces"};
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        const char *name = fs_stage_names[stage];
        assert_int_equal(fs_stage_named(name, strlen(name)), stage);
        assert_int_equal(fs_stage_named(name, strlen(name) - 1), FS_STAGE_COUNT);
    }
    assert_int_equal(fs_stage_named("layers/score", strlen("layers")), FS_STAGE_LAYER_SWEEP);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_int_equal(fs_stage_named(none[i], strlen(none[i])), FS_STAGE_COUNT);
    }
    for (const struct fs_former_stage *former = fs_former_stages; former->name != NULL; former++) {
        assert_string_not_equal(former->name, fs_stage_names[former->stage]);
    }
}

static void files_are_found_and_opened(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_archive *archive;
    const char *folder = scratch_path("");
    char *path = fs_stage_find_file(folder, FS_STAGE_LAYER_SWEEP, &err);
    assert_string_equal(strrchr(path, '/'), "/layer_sweep.h5"); /* none is there: the present name */
    free(path);
    copy(golden("biaske/layers.h5"), "layers.h5");
    path = fs_stage_find_file(folder, FS_STAGE_LAYER_SWEEP, &err);
    assert_string_equal(strrchr(path, '/'), "/layers.h5");
    check_success(fs_stage_open_file(path, FS_STAGE_LAYER_SWEEP, &archive, &err), &err);
    assert_string_equal(fs_archive_format(archive), "layers");
    fs_archive_close(archive);
    check_error(fs_stage_open_file(path, FS_STAGE_TRACE, &archive, &err), &err, FS_EXIT_DATA, "layers.h5",
                "expected \"trace\"");
    free(path);
    copy(golden("biaske/layers.h5"), "layer_sweep.h5"); /* both: the present name */
    path = fs_stage_find_file(folder, FS_STAGE_LAYER_SWEEP, &err);
    assert_string_equal(strrchr(path, '/'), "/layer_sweep.h5");
    free(path);
    (void)unlink(scratch_path("layer_sweep.h5"));
    (void)unlink(scratch_path("layers.h5"));
    check_error(fs_stage_open_file(golden("none.h5"), FS_STAGE_TRACE, &archive, &err), &err, FS_EXIT_NO_INPUT,
                "none.h5", "");
    check_error(fs_stage_open_file(golden("biaske/trace.h5"), FS_STAGE_LAYER_SWEEP, &archive, &err), &err, FS_EXIT_DATA,
                "trace.h5", "expected \"layer_sweep\"");
}

/* The page of a folder begins at any of its files. */
static void a_page_shows_them(void **state)
{
    (void)state;
    static const char *const files[] = {"biaske/layers.h5", "biaske/trace.h5", "biaske/evaluate.h5"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_page_data data;
        check_success(fs_page_read(golden(files[i]), NULL, &data, &err), &err);
        for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
            bool other = fs_stage_method((enum fs_stage)stage) != NULL && stage != FS_STAGE_STAMP; /* later methods */
            assert_int_equal(data.has[stage], !other);
        }
        assert_int_equal(data.layers.layers, 2);
        assert_int_equal(data.layers.place[0] + data.layers.place[1], 3);
        assert_true(data.trace.layers == 4);
        fs_page_release(&data);
    }
}

/* That the dataset is the same in both, f64 of `count` numbers. */
static void same_numbers(const struct fs_archive *one, const char *name, const struct fs_archive *other, const char *as,
                         size_t count)
{
    struct fs_error err = FS_ERROR_INIT;
    double *a = calloc(count, sizeof *a), *b = calloc(count, sizeof *b);
    assert_non_null(a);
    assert_non_null(b);
    check_success(fs_archive_read(one, name, FS_ARCHIVE_F64, count, a, &err), &err);
    check_success(fs_archive_read(other, as, FS_ARCHIVE_F64, count, b, &err), &err);
    assert_memory_equal(a, b, count * sizeof *a);
    free(a);
    free(b);
}

static void merged_under_the_present_name(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_archive *merged, *before;
    char **job, output[2][4096], group[256], older[4096];
    size_t cells, first, second;
    for (int i = 0; i < 2; i++) {
        (void)snprintf(output[i], sizeof output[i], "%s", scratch_path(i == 0 ? "once.h5" : "twice.h5"));
    }
    (void)snprintf(older, sizeof older, "%s", golden("merged/layers.h5"));
    const struct fs_merge_input input[] = {{.path = golden("biaske")}, {.path = older}};
    check_success(fs_merge(output[0], input, 2, &err), &err);
    check_success(fs_archive_open(output[0], FS_MERGED_FORMAT, &merged, &err), &err);

    check_success(fs_archive_open(golden("biaske/layers.h5"), "layers", &before, &err), &err);
    same_numbers(before, "/layers/score", merged, "/cells/biaske/layer_sweep/layers/score", 2);
    same_numbers(before, "/layers/loss", merged, "/cells/biaske/layer_sweep/layers/loss", 8);
    fs_archive_close(before);

    check_success(fs_archive_open(older, FS_MERGED_FORMAT, &before, &err), &err);
    same_numbers(before, "/cells/bert.gender/layers/layers/score", merged,
                 "/cells/bert.gender/layer_sweep/layers/score", 2);
    fs_stage_find_group(before, "/cells/bert.gender", FS_STAGE_LAYER_SWEEP, group, sizeof group);
    assert_string_equal(group, "/cells/bert.gender/layers");
    fs_stage_find_group(merged, "/cells/bert.gender", FS_STAGE_LAYER_SWEEP, group, sizeof group);
    assert_string_equal(group, "/cells/bert.gender/layer_sweep");
    fs_archive_close(before);

    assert_false(fs_archive_has(merged, "/cells/bert.gender/layers"));
    assert_false(fs_archive_has(merged, "/cells_index/layers"));
    check_success(fs_archive_read_texts(merged, "/cells_index/layer_sweep", &cells, &job, &err), &err);
    for (size_t i = 0; i < cells; i++) {
        assert_int_equal(strlen(job[i]), FS_DIGEST_SIZE - 1);
    }
    free(job);
    fs_archive_close(merged);

    /* merged again, with what it was made from: the same bytes */
    const struct fs_merge_input again[] = {{.path = older}, {.path = output[0]}};
    check_success(fs_merge(output[1], again, 2, &err), &err);
    unsigned char *one = slurp(output[0], &first), *two = slurp(output[1], &second);
    assert_int_equal(first, second);
    assert_memory_equal(one, two, first);
    free(one);
    free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_one_stage),
        cmocka_unit_test(files_are_found_and_opened),
        cmocka_unit_test(a_page_shows_them),
        cmocka_unit_test(merged_under_the_present_name),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
