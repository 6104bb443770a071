/* Which of several settings is trained, by hand; and their file. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stages/evaluate/tries.h"
#include "support.h"

/* Gap, LMS and RS of an edit; the unedited model has gap 1, LMS 90. */
struct one {
    double gap, lms, rs;
};

static void fill(struct fs_tries *tries, const struct one *one, size_t count)
{
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(fs_tries_create(count, 95, 1, tries, &err), 0);
    for (size_t i = 0; i < count; i++) {
        const double value[FS_TRY_VALUES] = {1, one[i].gap, 90, one[i].lms, one[i].rs};
        char name[32];
        (void)snprintf(name, sizeof name, i == 0 ? "" : "ft.epochs=%zu", i);
        assert_int_equal(fs_tries_set(tries, i, name, &err), 0);
        memcpy(tries->value[i], value, sizeof value);
        tries->done++;
    }
}

static void chooses(void **state)
{
    (void)state;
    static const struct {
        struct one one[3];
        size_t chosen;
    } cases[] = {{{{0.5, 90, 100}, {0.4, 90, 95}, {0.1, 90, 94.9}}, 1}, /* the smallest gap does not keep RS */
                 {{{0.5, 90, 100}, {0.4, 89, 96}, {0.1, 88.9, 99}}, 1}, /* LMS */
                 {{{0.5, 95, 100}, {0.5, 90, 100}, {0.5, 90, 100}}, 0}, /* equal: the first */
                 {{{0.5, 90, 90}, {0.4, 90, 93}, {0.1, 80, 99}}, 1},    /* none keeps: by 5, 2 and 9 points */
                 {{{0.5, 90, 93}, {0.4, 90, 93}, {0.1, 80, 99}}, 1},    /* as few points: the smaller gap */
                 {{{0.5, 90, NAN}, {0.4, 90, NAN}, {0.1, 80, NAN}}, 1}, /* no facts */
                 {{{0.5, NAN, 90}, {0.4, NAN, 97}, {0.3, NAN, 96}}, 2}, /* no unrelated statements */
                 {{{NAN, 90, 99}, {0.4, 90, 97}, {NAN, 90, 97}}, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_tries tries;
        fill(&tries, cases[i].one, 3);
        if (fs_tries_choose(&tries) != cases[i].chosen) {
            fail_msg("case %zu: found %zu, expected %zu", i, fs_tries_choose(&tries), cases[i].chosen);
        }
        fs_tries_release(&tries);
    }
}

static void add(struct fs_results *results, const char *category, const char *subset, const char *metric, double value)
{
    struct fs_error err = FS_ERROR_INIT;
    const char *const names[FS_ROW_TEXTS] = {"biaske", category, subset, metric, ""};
    struct fs_result_row *row = fs_results_add(results, names, &err);
    assert_non_null(row);
    row->value[0].value = value;
    row->value[1].value = value / 2;
}

static void takes_the_pairs_that_are_not_edited(void **state)
{
    (void)state;
    static const char *const edit[] = {"ft"};
    struct fs_error err = FS_ERROR_INIT;
    struct fs_results results;
    struct fs_tries tries;
    assert_int_equal(fs_results_create(1, edit, &results, &err), 0);
    add(&results, "gender", "validation", "gap", 3);
    add(&results, "all", "edited", "gap", 4);
    add(&results, "all", "validation", "gap", 6);
    add(&results, "all", "all", "gap", 5);
    add(&results, "all", "all", "lms.macro", 80);
    add(&results, "all", "all", "rs.top1", 100);
    assert_int_equal(fs_tries_create(1, 95, 1, &tries, &err), 0);
    fs_tries_add(&tries, &results);
    assert_int_equal(tries.done, 1);
    assert_true(tries.value[0][FS_TRY_GAP_BEFORE] == 6 && tries.value[0][FS_TRY_GAP] == 3);
    assert_true(tries.value[0][FS_TRY_LMS_BEFORE] == 80 && tries.value[0][FS_TRY_LMS] == 40);
    assert_true(tries.value[0][FS_TRY_RS] == 50);
    fs_tries_release(&tries);
    fs_results_release(&results);
}

static const char job_digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static int write_and_read(const struct fs_tries *tries, struct fs_tries *found, struct fs_error *err)
{
    struct fs_archive *archive = NULL;
    const char *path = path_of("tries.h5");
    assert_int_equal(fs_archive_create(path, "ft", job_digest, &archive, err), 0);
    assert_int_equal(fs_tries_write(archive, tries, err), 0);
    assert_int_equal(fs_archive_publish(archive, err), 0);
    assert_int_equal(fs_archive_open(path, "ft", &archive, err), 0);
    int status = fs_tries_read(archive, found, err);
    fs_archive_close(archive);
    return status;
}

static void written_and_read(void **state)
{
    (void)state;
    static const struct one one[] = {{0.5, 90, 100}, {0.4, 90, NAN}};
    struct fs_error err = FS_ERROR_INIT;
    struct fs_tries tries, found;
    fill(&tries, one, 2);
    assert_int_equal(write_and_read(&tries, &found, &err), 0);
    assert_int_equal(found.count, 2);
    assert_int_equal(found.done, 2);
    assert_string_equal(found.settings[0], "");
    assert_string_equal(found.settings[1], "ft.epochs=1");
    assert_true(found.value[1][FS_TRY_GAP] == 0.4 && isnan(found.value[1][FS_TRY_RS]) && found.rs == 95);
    fs_tries_release(&found);
    static const size_t counts[] = {1, SIZE_MAX, 0, 1000000000}; /* no file has them */
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        tries.count = counts[i];
        assert_int_equal(write_and_read(&tries, &found, &err), -1);
        assert_int_equal(err.code, FS_EXIT_DATA);
        err = (struct fs_error)FS_ERROR_INIT;
    }
    tries.count = 2;
    fs_tries_release(&tries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(chooses), cmocka_unit_test(takes_the_pairs_that_are_not_edited),
                                       cmocka_unit_test(written_and_read)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
