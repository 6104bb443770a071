/* What models are called: own names of paths, models of one own name, given names that several have, hashes. */
#include "../io/support.h"

#include <stdlib.h>
#include <string.h>

#include "jobs/model_names.h"

#define MOST 8

static struct fs_error err;

struct named {
    const char *name, *path, *files, *expected; /* "@#" at its end: "@" and eight digits */
};

static void check_label(const char *found, const char *expected)
{
    const char *at = strstr(expected, "@#");
    if (at == NULL) {
        assert_string_equal(found, expected);
        return;
    }
    size_t length = (size_t)(at - expected) + 1;
    assert_int_equal(strncmp(found, expected, length), 0);
    assert_int_equal(strlen(found + length), 8);
    assert_int_equal(strspn(found + length, "0123456789abcdef"), 8);
}

/* In the order given, and in the other one: the same names. */
static void expect_names(const struct named *models, size_t count)
{
    for (int backwards = 0; backwards < 2; backwards++) {
        size_t place[MOST], again;
        struct fs_model_names *names = fs_model_names_create(&err);
        assert_non_null(names);
        for (size_t k = 0; k < count; k++) {
            size_t i = backwards ? count - 1 - k : k;
            const struct fs_model_id id = {models[i].name, models[i].path, models[i].files};
            check_success(fs_model_names_add(names, &id, &place[i], &err), &err);
            check_success(fs_model_names_add(names, &id, &again, &err), &err);
            assert_int_equal(place[i], again);
        }
        check_success(fs_model_names_resolve(names, &err), &err);
        for (size_t i = 0; i < count; i++) {
            check_label(fs_model_names_get(names, place[i]), models[i].expected);
            for (size_t k = 0; k < i; k++) { /* hashed names are expected to differ */
                bool same = strcmp(fs_model_names_get(names, place[i]), fs_model_names_get(names, place[k])) == 0;
                assert_int_equal(same, strstr(models[i].expected, "@#") == NULL &&
                                           strcmp(models[i].expected, models[k].expected) == 0);
            }
        }
        fs_model_names_destroy(names);
    }
}
#define EXPECT_NAMES(models) expect_names(models, sizeof(models) / sizeof((models)[0]))

static void own_names(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name;
    } cases[] = {{"/a/b", "b"},
                 {"/a/b///", "b"},
                 {"/a/b/.", "b"},
                 {"/a//./b/c/..", "b"},
                 {"/a/b/../../d", "d"},
                 {"b", "b"},
                 {"./b/", "b"},
                 {"x/../b", "b"},
                 {"../b", "b"},
                 {"/..", ""},
                 {"", ""},
                 {"/c/hub/models--org--tiny-bert/snapshots/0a1b2c3d4e5f", "org/tiny-bert"},
                 {"/c/hub/models--org--tiny-bert/snapshots/0a1b2c3d4e5f/", "org/tiny-bert"},
                 {"/c/hub/models--tiny/snapshots/0a1b", "tiny"},
                 {"/c/hub/models--org--tiny-bert", "org/tiny-bert"},
                 {"/c/models--", "models--"},
                 {"/c/snapshots/0a1b", "0a1b"},
                 {"/c/models--org--tiny/refs/0a1b", "0a1b"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *name = fs_model_own_name(cases[i].path);
        assert_string_equal(name, cases[i].name);
        free(name);
    }
}

static void the_last_part_where_no_other_has_it(void **state)
{
    (void)state;
    static const struct named models[] = {{NULL, "/runs/a/step-9", "model/w = 1\n", "step-9"},
                                          {NULL, "/runs/a/step-10", "model/w = 2\n", "step-10"},
                                          {"mine", "/runs/b/step-11", "model/w = 3\n", "mine"}};
    EXPECT_NAMES(models);
}

static void the_shortest_ending_that_parts_them(void **state)
{
    (void)state;
    static const struct named two[] = {{NULL, "/x/run-a/step-9", "model/w = 1\n", "run-a/step-9"},
                                       {NULL, "/x/run-b/step-9/", "model/w = 2\n", "run-b/step-9"},
                                       {NULL, "/x/run-b/other", "model/w = 3\n", "other"}};
    static const struct named deep[] = {{NULL, "/x/1/out/last", "model/w = 1\n", "1/out/last"},
                                        {NULL, "/x/2/out/last", "model/w = 2\n", "2/out/last"},
                                        {NULL, "/x/3/last", "model/w = 3\n", "3/last"},
                                        {NULL, "/last", "model/w = 4\n", "/last"}};
    static const struct named unhashed[] = {{NULL, "/x/run-a/step-9", NULL, "run-a/step-9"},
                                            {NULL, "/x/run-a/./step-9", NULL, "run-a/step-9"},
                                            {NULL, "/x/run-b/step-9", "", "run-b/step-9"}};
    static const struct named hub[] = {
        {NULL, "/c/models--org--m/snapshots/0123456789ab", "model/w = 1\n", "org/m@01234567"},
        {NULL, "/c/models--org--m/snapshots/fedcba987654", "model/w = 2\n", "org/m@fedcba98"},
        {NULL, "/d/models--org--m/snapshots/fedcba987654", "model/w = 2\n", "org/m@fedcba98"},
        {NULL, "/c/models--other--m/snapshots/0123456789ab", "model/w = 3\n", "other/m"}};
    EXPECT_NAMES(two);
    EXPECT_NAMES(deep);
    EXPECT_NAMES(unhashed);
    EXPECT_NAMES(hub);
}

/* The same files under one own name are one model, wherever they lie; under two names they are two. */
static void files_say_what_is_the_same(void **state)
{
    (void)state;
    static const struct named copies[] = {{NULL, "/home/u/bert", "model/c = 1\nmodel/w = 1\n", "bert"},
                                          {NULL, "/scratch/bert", "model/c = 1\nmodel/w = 1\n", "bert"},
                                          {"bert", "/z/q", "model/c = 1\nmodel/w = 1\n", "bert"},
                                          {"again", "/home/u/bert", "model/c = 1\nmodel/w = 1\n", "again"}};
    static const struct named more_hashed[] = {{NULL, "/a/bert", "model/c = 1\nmodel/w = 1\n", "bert"},
                                               {NULL, "/b/bert", "model/w = 1\nmodel/t = 1\nmodel/c = 1\n", "bert"}};
    static const struct named alone[] = {{NULL, "/a/bert", "model/w = 1\n", "bert"}};
    static const struct named overwritten[] = {{NULL, "/a/bert", "model/w = 1\n", "bert@#"},
                                               {NULL, "/a/bert", "model/w = 2\n", "bert@#"}};
    EXPECT_NAMES(copies);
    EXPECT_NAMES(more_hashed);
    EXPECT_NAMES(alone);
    EXPECT_NAMES(overwritten);
}

static void given_names(void **state)
{
    (void)state;
    static const struct named twice[] = {{"base", "/a/x", "model/w = 1\n", "base@#"},
                                         {"base", "/a/y", "model/w = 2\n", "base@#"},
                                         {"other", "/a/z", "model/w = 3\n", "other"}};
    static const struct named first[] = {{"step-9", "/a/x", "model/w = 1\n", "step-9"},
                                         {NULL, "/run-b/step-9", "model/w = 2\n", "run-b/step-9"}};
    static const struct named of_an_ending[] = {{"run-a/step-9", "/a/x", "model/w = 1\n", "run-a/step-9"},
                                                {NULL, "/q/run-a/step-9", "model/w = 2\n", "q/run-a/step-9"},
                                                {NULL, "/q/run-b/step-9", "model/w = 3\n", "run-b/step-9"}};
    static const struct named adopted[] = {{"run-a/last", "/x/run-a/last", "model/w = 1\n", "run-a/last"},
                                           {NULL, "/x/run-a/last", "model/w = 1\n", "run-a/last"},
                                           {NULL, "/y/run-a/last", "model/w = 1\n", "run-a/last"},
                                           {NULL, "/x/run-b/last", "model/w = 1\n", "last"}};
    EXPECT_NAMES(adopted);
    EXPECT_NAMES(twice);
    EXPECT_NAMES(first);
    EXPECT_NAMES(of_an_ending);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_names),
        cmocka_unit_test(the_last_part_where_no_other_has_it),
        cmocka_unit_test(the_shortest_ending_that_parts_them),
        cmocka_unit_test(files_say_what_is_the_same),
        cmocka_unit_test(given_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
