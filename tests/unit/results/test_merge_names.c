/*
 * The names of models in merged files: of cells that a sweep of a former version computed, whose names stand in its
 * manifest alone, beside cells with a name and without one, in any order and grouping.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../io/support.h"
#include "io/publish.h"
#include "results/archive_merge.h"
#include "results/sweep_status.h"

static struct fs_error err;
static char golden_path[4096];

static const char *golden(const char *name)
{
    const char *source = getenv("FAIRSTAMP_SOURCE");
    (void)snprintf(golden_path, sizeof golden_path, "%s/tests/golden/archives/v2/%s", source != NULL ? source : ".",
                   name);
    return golden_path;
}

/* A folder with the golden evaluate.h5, whose model is /srv/biaske/model. */
static void make_cell(const char *name)
{
    char path[256];
    size_t size;
    unsigned char *data = slurp(golden("biaske/evaluate.h5"), &size);
    check_success(fs_make_folder(scratch_path(name), &err), &err);
    (void)snprintf(path, sizeof path, "%s/evaluate.h5", name);
    scratch_write(path, data, size);
    free(data);
}

static void expect_models(const char *path, const char *const *name, size_t cells)
{
    struct fs_archive *archive;
    char **index, **row, **cell;
    size_t count;
    check_success(fs_archive_open(path, FS_MERGED_FORMAT, &archive, &err), &err);
    check_success(fs_archive_read_texts(archive, "/cells_index/model", &count, &index, &err), &err);
    assert_int_equal(count, cells);
    for (size_t i = 0; i < cells; i++) {
        assert_string_equal(index[i], name[i]);
    }
    check_success(fs_archive_read_texts(archive, "/results/model", &count, &row, &err), &err);
    check_success(fs_archive_read_texts(archive, "/results/cell", &count, &cell, &err), &err);
    for (size_t i = 0, at = 0; i < count; i++) { /* rows stand by cell */
        at += i > 0 && strcmp(cell[i], cell[i - 1]) != 0;
        assert_string_equal(row[i], name[at]);
    }
    free(index);
    free(row);
    free(cell);
    fs_archive_close(archive);
}

static void same_bytes(const char *one, const char *other)
{
    size_t first, second;
    unsigned char *a = slurp(one, &first), *b = slurp(other, &second);
    assert_int_equal(first, second);
    assert_memory_equal(a, b, first);
    free(a);
    free(b);
}

static void given_and_own_names(void **state)
{
    (void)state;
    static const char *const names[] = {"given", "model"}, *const given[] = {"given"};
    char one[4096], two[4096], both[4096], again[4096], folder[2][4096];
    make_cell("first");
    make_cell("second");
    (void)snprintf(folder[0], sizeof folder[0], "%s", scratch_path("first"));
    (void)snprintf(folder[1], sizeof folder[1], "%s", scratch_path("second"));
    (void)snprintf(one, sizeof one, "%s", scratch_path("one.h5"));
    (void)snprintf(two, sizeof two, "%s", scratch_path("two.h5"));
    (void)snprintf(both, sizeof both, "%s", scratch_path("both.h5"));
    (void)snprintf(again, sizeof again, "%s", scratch_path("again.h5"));
    const struct fs_merge_input named[] = {{.path = folder[0], .model_name = "given"}, {.path = folder[1]}};
    check_success(fs_merge(both, named, 2, &err), &err);
    expect_models(both, names, 2);

    /* by steps, and once more with what has no name: the name stays */
    check_success(fs_merge(one, named, 1, &err), &err);
    expect_models(one, given, 1);
    const struct fs_merge_input steps[] = {{.path = folder[1]}, {.path = one}, {.path = folder[0]}};
    check_success(fs_merge(again, steps, 3, &err), &err);
    same_bytes(both, again);

    /* two names for one result: the first by bytes, whichever comes first */
    const struct fs_merge_input other[] = {{.path = folder[0], .model_name = "a name"}, {.path = one}};
    const struct fs_merge_input turned[] = {other[1], other[0]};
    static const char *const first[] = {"a name"};
    check_success(fs_merge(two, other, 2, &err), &err);
    expect_models(two, first, 1);
    check_success(fs_merge(again, turned, 2, &err), &err);
    same_bytes(two, again);
}

static void names_of_a_former_manifest(void **state)
{
    (void)state;
    static const char manifest[] =
        "{\"format\": \"fairstamp-sweep\", \"version\": 1, \"cells\": ["
        "{\"id\": \"debiased.all\", \"model\": \"debiased\", \"job\": \"jobs/debiased.all.json\", \"sha256\": \"0\"},"
        "{\"id\": \"model.all\", \"model\": \"model\", \"job\": \"jobs/model.all.json\", \"sha256\": \"0\"}]}";
    static const char job[] = "{\"model\": \"/srv/biaske/model\", \"output\": \"o\", \"data\": {\"biaske\": \"b\"}}";
    static const char *const names[] = {"debiased", "model"};
    struct fs_sweep sweep;
    size_t missing;
    check_success(fs_make_folder(scratch_path("sweep/jobs"), &err), &err);
    make_cell("sweep/cells/debiased.all");
    make_cell("sweep/cells/model.all");
    (void)scratch_write_text("sweep/manifest.json", manifest);
    (void)scratch_write_text("sweep/jobs/debiased.all.json", job);
    (void)scratch_write_text("sweep/jobs/model.all.json", job);
    check_success(fs_sweep_read(scratch_path("sweep"), &sweep, &err), &err);
    check_success(fs_sweep_merge(&sweep, &missing, &err), &err);
    assert_int_equal(missing, 2); /* no trace and no stamp are there */
    fs_sweep_release(&sweep);
    expect_models(scratch_path("sweep/archive.h5"), names, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_and_own_names),
        cmocka_unit_test(names_of_a_former_manifest),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
