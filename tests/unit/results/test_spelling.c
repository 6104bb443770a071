/* Files from before categories had one name (tests/golden/archives/spelling, and a merged one made here): their rows are read
 * under the name that new ones have, so that a table over both has one category. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../io/support.h"
#include "results/archive_merge.h"
#include "results/page/page_data.h"
#include "results/result_table.h"

static struct fs_error err = FS_ERROR_INIT;

static const char *golden(void)
{
    static char path[4096];
    const char *source = getenv("FAIRSTAMP_SOURCE");
    (void)snprintf(path, sizeof path, "%s/tests/golden/archives/spelling/evaluate.h5", source != NULL ? source : ".");
    return path;
}

static struct fs_archive *open_file(const char *path, const char *format)
{
    struct fs_archive *archive;
    check_success(fs_archive_open(path, format, &archive, &err), &err);
    return archive;
}

static size_t rows_of(const struct fs_result_table *table, const char *category)
{
    size_t rows = 0;
    for (size_t i = 0; i < table->rows; i++) {
        rows += strcmp(table->text[FS_RESULT_CATEGORY][i], category) == 0;
    }
    return rows;
}

static void evaluate_files(void **state)
{
    (void)state;
    struct fs_archive *archive = open_file(golden(), "evaluate");
    char **raw;
    size_t count, spelt = 0;
    check_success(fs_archive_read_texts(archive, "/results/category", &count, &raw, &err), &err);
    for (size_t i = 0; i < count; i++) {
        spelt += strcmp(raw[i], "race-color") == 0;
    }
    free(raw);
    assert_int_equal(spelt, 3); /* the file itself stays as it is */
    struct fs_result_table table = {0};
    check_success(fs_result_table_add(&table, archive, "/results", "cell", "model", "all", &err), &err);
    assert_int_equal(rows_of(&table, "race-color"), 0);
    assert_int_equal(rows_of(&table, "gender"), rows_of(&table, "race") - 1); /* no antistereo pair of gender */
    fs_result_table_release(&table);
    fs_archive_close(archive);
}

static void merged_files(void **state)
{
    (void)state;
    struct fs_archive *archive = open_file(golden(), "evaluate"), *merged;
    struct fs_result_table table = {0}, back = {0};
    check_success(fs_result_table_add(&table, archive, "/results", "cell", "model", "all", &err), &err);
    fs_archive_close(archive);
    size_t race = rows_of(&table, "race");
    for (size_t i = 0; i < table.rows; i++) { /* as a former program wrote it */
        if (strcmp(table.text[FS_RESULT_CATEGORY][i], "race") == 0 &&
            strncmp(table.text[FS_RESULT_METRIC][i], "crows", 5) == 0) {
            table.text[FS_RESULT_CATEGORY][i] = "race-color";
        }
    }
    assert_int_equal(rows_of(&table, "race-color"), 3);
    const char *path = scratch_path("merged.h5");
    check_success(fs_archive_create(path, FS_MERGED_FORMAT, "job", &merged, &err), &err);
    check_success(fs_result_table_write(&table, merged, &err), &err);
    check_success(fs_archive_publish(merged, &err), &err);
    archive = open_file(path, FS_MERGED_FORMAT);
    check_success(fs_result_table_add_merged(&back, archive, &err), &err);
    assert_int_equal(back.rows, table.rows);
    assert_int_equal(rows_of(&back, "race-color"), 0);
    assert_int_equal(rows_of(&back, "race"), race);
    fs_result_table_release(&back);
    fs_result_table_release(&table);
    fs_archive_close(archive);
}

static void report_pages(void **state)
{
    (void)state;
    struct fs_page_data data;
    check_success(fs_page_read(golden(), NULL, &data, &err), &err);
    for (size_t i = 0; i < data.result.rows; i++) {
        assert_string_not_equal(data.result.row[i].category, "race-color");
    }
    fs_page_release(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(evaluate_files), cmocka_unit_test(merged_files),
                                       cmocka_unit_test(report_pages)};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
