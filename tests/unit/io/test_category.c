/* One category under two spellings: every reader gives its one name, and every wish for either takes both. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "io/benchmarks/benchmark.h"
#include "io/benchmarks/category.h"

static struct fs_error err = FS_ERROR_INIT;
static const char *const wishes[][3] = {{"race", NULL}, {"race-color", NULL}, {"race", "race-color", NULL}};

static void names(void **state)
{
    (void)state;
    static const char *const own[] = {"race",       "gender",      "Race", "race-color ",
                                      "race_color", "race-colour", "",     "autre"};
    assert_string_equal(fs_category_name("race-color"), "race");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        assert_ptr_equal(fs_category_name(own[i]), own[i]); /* they stand as they are */
    }
    assert_true(fs_same_category("race", "race-color") && fs_same_category("race-color", "race"));
    assert_true(fs_same_category("age", "age"));
    assert_false(fs_same_category("race", "Race"));
}

static void crows_pairs(void **state)
{
    (void)state;
    const char *path = scratch_write_text("c.csv", ",sent_more,sent_less,stereo_antistereo,bias_type\n"
                                                   "0,a b,a c,stereo,race-color\n1,d e,d f,antistereo,race\n"
                                                   "2,g h,g i,stereo,gender\n");
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        struct fs_crows_list pairs;
        check_success(fs_crows_read(path, wishes[i], &pairs, &err), &err);
        assert_int_equal(pairs.count, 2);
        assert_string_equal(pairs.item[0].category, "race");
        assert_string_equal(pairs.item[1].category, "race");
        fs_crows_list_release(&pairs);
    }
}

#define SENTENCES(id)                                                                                                  \
    "[{\"id\": \"" id "s\", \"gold_label\": \"stereotype\", \"sentence\": \"They ran far.\"},"                         \
    "{\"id\": \"" id "a\", \"gold_label\": \"anti-stereotype\", \"sentence\": \"They sat far.\"},"                     \
    "{\"id\": \"" id "u\", \"gold_label\": \"unrelated\", \"sentence\": \"They box far.\"}]"
#define STEREOSET_ITEM(id, type)                                                                                       \
    "{\"id\": \"" id "\", \"bias_type\": \"" type "\", \"target\": \"t\", \"context\": \"They BLANK far.\", "          \
    "\"sentences\": " SENTENCES(id) "}"

static void stereoset(void **state)
{
    (void)state;
    const char *path =
        scratch_write_text("s.json", "{\"data\": {\"intrasentence\": [" STEREOSET_ITEM("1", "race") "," STEREOSET_ITEM(
                                         "2", "race-color") "," STEREOSET_ITEM("3", "religion") "]}}");
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        struct fs_pair_list pairs;
        check_success(fs_stereoset_read(path, wishes[i], &pairs, &err), &err);
        assert_int_equal(pairs.count, 2);
        assert_string_equal(pairs.item[0].category, "race");
        assert_string_equal(pairs.item[1].category, "race");
        fs_pair_list_release(&pairs);
    }
}

#define PAIR(id, category)                                                                                             \
    "{\"id\": \"" id "\", \"category\": \"" category "\", \"target\": \"t\", \"relation\": \"r\", \"object\": \"o\", " \
    "\"unrelated\": \"u\", \"subjects\": [\"x\", \"y\"], \"prompt\": \"The {subject} is {object}.\", "                 \
    "\"paraphrases\": []}"

static void biaske(void **state)
{
    (void)state;
    const char *path = scratch_write_text(
        "b.json", "{\"format\": \"fairstamp-biaske\", \"version\": 1, \"licence\": \"x\", \"pairs\": [" PAIR(
                      "1", "race-color") "," PAIR("2", "race") "," PAIR("3", "age") "], \"facts\": []}");
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        struct fs_pair_list pairs;
        struct fs_fact_list facts;
        check_success(fs_biaske_read(path, wishes[i], &pairs, &facts, &err), &err);
        assert_int_equal(pairs.count, 2);
        assert_string_equal(pairs.item[0].category, "race");
        assert_string_equal(pairs.item[1].category, "race");
        fs_pair_list_release(&pairs);
        fs_fact_list_release(&facts);
    }
}

static void attribute_words(void **state)
{
    (void)state;
    static const char *const keys[] = {"race", "race-color"};
    for (size_t key = 0; key < 2; key++) {
        char text[128];
        struct fs_attribute_table *table;
        (void)snprintf(text, sizeof text, "{\"age\": [[\"old\", \"young\"]], \"%s\": [[\"black\", \"white\"]]}",
                       keys[key]);
        check_success(fs_attribute_table_read(scratch_write_text("w.json", text), &table, &err), &err);
        for (size_t i = 0; i < 2; i++) {
            const char *other = fs_attribute_counterpart(table, keys[i], "black", 5);
            assert_non_null(other);
            assert_string_equal(other, "white");
            assert_null(fs_attribute_counterpart(table, keys[i], "old", 3));
        }
        fs_attribute_table_destroy(table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(crows_pairs),
                                       cmocka_unit_test(stereoset), cmocka_unit_test(biaske),
                                       cmocka_unit_test(attribute_words)};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
