/* Items that a reader cannot use: kept with a reason, counted, named; refused where nothing else is there. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/benchmarks/benchmark.h"

static struct fs_error err = FS_ERROR_INIT;
static const char *const age[] = {"age", NULL};

#define CROWS "sent_more,sent_less,stereo_antistereo,bias_type\n"
#define GOOD_ROW "Old men nap.,Young men nap.,stereo,age\n"

/* What a report says of its file. */
static void check_report(const struct fs_item_report *report, size_t items, size_t unusable, const char *says)
{
    char *text = fs_item_report_text(report, "FILE", &err);
    assert_non_null(text);
    assert_int_equal(report->items, items);
    assert_int_equal(report->unusable, unusable);
    if (strncmp(text, "FILE: ", 6) != 0 || strstr(text, says) == NULL) {
        fail_msg("found \"%s\", expected \"%s\"", text, says);
    }
    free(text);
}

static void crows_rows(void **state)
{
    (void)state;
    static const struct {
        const char *row;
        enum fs_skip skip;
        const char *category, *says;
    } cases[] = {
        {",Young men nap.,stereo,age\n", FS_SKIP_EMPTY_TEXT, "age", "(1 empty_text): line 3: sent_more is empty"},
        {"\"Old men nap.\",\" \t\",antistereo,age\n", FS_SKIP_EMPTY_TEXT, "age", "line 3: sent_less is empty"},
        {"\"\n\",b,stereo,age\n", FS_SKIP_EMPTY_TEXT, "age", "line 3: sent_more is empty"},
        {"a,b,stereo,\n", FS_SKIP_EMPTY_TEXT, FS_NO_CATEGORY, "line 3: bias_type is empty"},
        {"a,b,Stereo,age\n", FS_SKIP_BAD_LABEL, "age", "(1 bad_label): line 3: stereo_antistereo: found \"Stereo\""},
        {"a,b,stereo,9\n", FS_SKIP_BAD_LABEL, FS_NO_CATEGORY, "(1 bad_label): line 3: bias_type: found 9, expected a"},
        {"a,b,stereo,all\n", FS_SKIP_BAD_LABEL, FS_NO_CATEGORY,
         "line 3: bias_type: found \"all\", the name of the row"},
        {"a,b,stereo,\"a\nge\"\n", FS_SKIP_BAD_LABEL, FS_NO_CATEGORY, "bias_type: found a control character, expected"},
        {"a, well,b,stereo,age\n", FS_SKIP_BAD_RECORD, FS_NO_CATEGORY,
         "(1 bad_record): line 3: found 5 fields, expected 4"},
        {"a,b,stereo\n", FS_SKIP_BAD_RECORD, FS_NO_CATEGORY, "(1 bad_record): line 3: found 3 fields, expected 4"},
        {"a,b,,\xc3\xa2ge\n", FS_SKIP_BAD_LABEL, "\xc3\xa2ge", "found \"\", expected stereo or antistereo"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct fs_crows_list pairs;
        (void)snprintf(text, sizeof text, CROWS GOOD_ROW "%s" GOOD_ROW, cases[i].row);
        const char *path = scratch_write_text("rows.csv", text);
        check_success(fs_crows_read(path, NULL, &pairs, &err), &err);
        assert_int_equal(pairs.count, 3);
        assert_int_equal(pairs.item[0].skip, FS_KEPT);
        assert_int_equal(pairs.item[1].skip, cases[i].skip);
        assert_int_equal(pairs.item[2].skip, FS_KEPT);
        assert_string_equal(pairs.item[1].id, "1");
        assert_string_equal(pairs.item[2].id, "2"); /* ids are those of the file */
        assert_string_equal(pairs.item[1].category, cases[i].category);
        assert_non_null(pairs.item[1].more);
        assert_non_null(pairs.item[1].less);
        check_report(&pairs.report, 3, 1, cases[i].says);
        check_error(fs_item_report_refuse(&pairs.report, path, &err), &err, FS_EXIT_DATA,
                    "rows.csv: line 3: ", "1 of 3 items cannot be used");
        fs_crows_list_release(&pairs);
    }
}

/* With wished categories: items of others are not told of, items of none are, but stand in no list. */
static void categories(void **state)
{
    (void)state;
    struct fs_crows_list pairs;
    const char *path = scratch_write_text("rows.csv", CROWS GOOD_ROW ",b,stereo,gender\na,b,stereo,\na,,stereo,age\n");
    check_success(fs_crows_read(path, age, &pairs, &err), &err);
    assert_int_equal(pairs.count, 2);
    assert_int_equal(pairs.item[1].skip, FS_SKIP_EMPTY_TEXT);
    check_report(&pairs.report, 3, 2,
                 "2 of 3 items cannot be used and are skipped (2 empty_text): line 4: bias_type is "
                 "empty, expected text; line 5: sent_less is empty, expected text (strict");
    fs_crows_list_release(&pairs);
}

#define SENTENCE(id, label, text) "{\"id\": \"" id "\", \"gold_label\": \"" label "\", \"sentence\": \"" text "\"}"
#define THREE(id, a, b, c)                                                                                             \
    SENTENCE(id "a", "stereotype", a) "," SENTENCE(id "b", "anti-stereotype", b) "," SENTENCE(id "c", "unrelated", c)
#define ITEM(id, context, sentences)                                                                                   \
    "{\"id\": \"" id "\", \"bias_type\": \"age\", \"target\": \"elder\", \"context\": \"" context                      \
    "\", \"sentences\": [" sentences "]}"
#define GOOD_ITEM(id)                                                                                                  \
    ITEM(id, "Elders are BLANK.", THREE(id, "Elders are slow.", "Elders are fast.", "Elders are tin."))
#define STEREOSET(items) "{\"data\": {\"intrasentence\": [" items "], \"intersentence\": [" items "]}}"

static void stereoset_items(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum fs_skip skip;
        const char *says;
    } cases[] = {
        {STEREOSET(GOOD_ITEM("g") "," ITEM("h", "Elders are.", THREE("h", "E a s.", "E a f.", "E a t."))),
         FS_SKIP_NO_FILL, "(1 no_fill): data.intrasentence[1] (id h): context: found no BLANK in \"Elders are.\""},
        {STEREOSET(GOOD_ITEM("g") "," ITEM("h", "", THREE("h", "E a s.", "E a f.", "E a t."))), FS_SKIP_EMPTY_TEXT,
         "(1 empty_text): data.intrasentence[1] (id h): context"},
        {STEREOSET(GOOD_ITEM("g") "," ITEM("h", "Elders are BLANK.", THREE("h", "Elders are slow.", "", "Elders."))),
         FS_SKIP_EMPTY_TEXT, "the anti-stereotype sentence is empty"},
        {STEREOSET(GOOD_ITEM("g") "," ITEM("h", "Elders are BLANK.",
                                           THREE("h", "Elders are slow.", "Elders are slow!", "Elders are tin."))),
         FS_SKIP_NO_DIFFERENCE, "(1 no_difference): data.intrasentence[1] (id h): sentence: found \"slow\" for the"},
        {STEREOSET(GOOD_ITEM("g") "," ITEM("h", "In town elders are BLANK.",
                                           THREE("h", "In town elders are slow.", "They rest.", "In town they nap."))),
         FS_SKIP_NO_FILL, "in \"They rest.\""},
        {STEREOSET(GOOD_ITEM("g") "," ITEM("h", "Elders are BLANK.", SENTENCE("x", "stereo", "Elders are slow."))),
         FS_SKIP_BAD_LABEL, "(1 bad_label): data.intrasentence[1] (id h): gold_label: found \"stereo\""},
        {STEREOSET(GOOD_ITEM("g") "," ITEM("h", "Elders are BLANK.", SENTENCE("x", "stereotype", "Elders are slow."))),
         FS_SKIP_BAD_RECORD, "(1 bad_record): data.intrasentence[1] (id h): found 1 sentences, expected 3"},
        {STEREOSET(GOOD_ITEM("g") ",{\"id\": \"h\", \"bias_type\": \"age\", \"target\": 3}"), FS_SKIP_BAD_RECORD,
         "data.intrasentence[1].target: found a number"},
        {STEREOSET(GOOD_ITEM("g") ",{\"id\": \"h\", \"bias_type\": \"\", \"target\": \"elder\"}"), FS_SKIP_EMPTY_TEXT,
         "data.intrasentence[1] (id h): bias_type is empty"},
        {STEREOSET(GOOD_ITEM("g") ",{\"id\": \"h\", \"bias_type\": \"age\", \"target\": \" \"}"), FS_SKIP_EMPTY_TEXT,
         "data.intrasentence[1] (id h): target is empty"},
        {STEREOSET(GOOD_ITEM("g") ",{\"id\": \"h\", \"bias_type\": \"\\u001b[2J\", \"target\": \"elder\"}"),
         FS_SKIP_BAD_LABEL, "(1 bad_label): data.intrasentence[1] (id h): bias_type: found a control character"},
        {STEREOSET(GOOD_ITEM("g") ",{\"id\": \"h\", \"bias_type\": \"all\", \"target\": \"elder\"}"), FS_SKIP_BAD_LABEL,
         "bias_type: found \"all\", the name of the row over all categories"},
        {STEREOSET(GOOD_ITEM("g") ",[]"), FS_SKIP_BAD_RECORD, "data.intrasentence[1].id: found nothing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_pair_list pairs;
        check_success(fs_stereoset_read(scratch_write_text("set.json", cases[i].json), NULL, &pairs, &err), &err);
        assert_int_equal(pairs.count, 2);
        assert_int_equal(pairs.item[0].skip, FS_KEPT);
        assert_int_equal(pairs.item[1].skip, cases[i].skip);
        for (size_t k = 0; k < 4; k++) { /* nothing is NULL */
            assert_non_null(pairs.item[1].statement[k].text);
            assert_non_null(pairs.item[1].statement[k].id);
        }
        assert_non_null(pairs.item[1].target);
        check_report(&pairs.report, 2, 1, cases[i].says);
        fs_pair_list_release(&pairs);
    }
}

/* An intersentence item has no fill that could be missing; its labels are read alike. */
static void intersentence(void **state)
{
    (void)state;
    struct fs_pair_list pairs;
    const char *path = scratch_write_text(
        "set.json", STEREOSET(ITEM("h", "Elders.", THREE("h", "They nap.", "They run.", "Tin.")) "," ITEM(
                        "i", "Elders.", SENTENCE("ia", "stereotype", "a") "," SENTENCE("ib", "stereotype", "b"))));
    check_success(fs_stereoset_read_intersentence(path, NULL, &pairs, &err), &err);
    assert_int_equal(pairs.item[0].skip, FS_KEPT);
    assert_int_equal(pairs.item[1].skip, FS_SKIP_BAD_LABEL);
    check_report(&pairs.report, 2, 1, "\"stereotype\" twice");
    fs_pair_list_release(&pairs);
}

/* In files with an unusable item an id that occurs twice is still refused, and a missing one is none. */
static void ids(void **state)
{
    (void)state;
    struct fs_pair_list pairs;
    const char *path = scratch_write_text("set.json", STEREOSET("{},{}," GOOD_ITEM("g")));
    check_success(fs_stereoset_read(path, NULL, &pairs, &err), &err);
    check_report(&pairs.report, 3, 2, "(2 bad_record)");
    assert_string_equal(pairs.item[0].category, FS_NO_CATEGORY);
    fs_pair_list_release(&pairs);
    path = scratch_write_text("set.json", STEREOSET("{}," GOOD_ITEM("g") "," GOOD_ITEM("g")));
    check_error(fs_stereoset_read(path, NULL, &pairs, &err), &err, FS_EXIT_DATA, "sentence id \"ga\"", "occurs twice");
}

#define PAIR(id, prompt, object)                                                                                       \
    "{\"id\": \"" id "\", \"category\": \"age\", \"target\": \"elder\", \"relation\": \"is\", \"object\": \"" object   \
    "\", \"unrelated\": \"tin\", \"subjects\": [\"elder\", \"child\"], \"prompt\": \"" prompt                          \
    "\", \"paraphrases\": [\"{object} is the {subject}.\"]}"
#define PROMPT "The {subject} is {object}."
#define FACT(id, category, rest)                                                                                       \
    "{\"id\": \"" id "\", \"category\": \"" category                                                                   \
    "\", \"subject\": \"Owls\", \"prompt\": \"{subject} eat {object}.\""                                               \
    ", \"object\": \"mice\"" rest "}"
#define OTHER ", \"counterpart_object\": \"tin\""
#define BIASKE(pairs, facts)                                                                                           \
    "{\"format\": \"fairstamp-biaske\", \"version\": 1, \"licence\": \"CC0\", \"pairs\": [" pairs                      \
    "], \"facts\": [" facts "]}"

static void biaske(void **state)
{
    (void)state;
    struct fs_pair_list pairs;
    struct fs_fact_list facts;
    const char *json = BIASKE(PAIR("p", PROMPT, "slow") "," PAIR("q", PROMPT, "") "," PAIR("r", "No gap.", "slow"),
                              FACT("f", "none", OTHER) "," FACT("g", "none", "") "," FACT("h", "aeg", OTHER));
    const char *path = scratch_write_text("biaske.json", json);
    check_success(fs_biaske_read(path, NULL, &pairs, &facts, &err), &err);
    assert_int_equal(pairs.count, 3);
    assert_int_equal(pairs.item[0].skip, FS_KEPT);
    assert_int_equal(pairs.item[1].skip, FS_SKIP_EMPTY_TEXT);
    assert_int_equal(pairs.item[2].skip, FS_SKIP_BAD_RECORD);
    assert_string_equal(pairs.item[2].id, "r");
    check_report(&pairs.report, 3, 2, "(1 empty_text, 1 bad_record): pairs[1].object (id \"q\"): found an empty text");
    assert_int_equal(facts.count, 3);
    assert_int_equal(facts.item[1].skip, FS_SKIP_BAD_RECORD);
    assert_string_equal(facts.item[2].category, FS_NO_CATEGORY);
    check_report(&facts.report, 3, 2,
                 "facts[2].category (id \"h\"): found \"aeg\", which is no category; the nearest is");
    fs_pair_list_release(&pairs);
    fs_fact_list_release(&facts);
    /* of a folder, the file is named */
    char folder[1024];
    (void)snprintf(folder, sizeof folder, "%s", scratch_path("many"));
    assert_int_equal(mkdir(folder, 0700), 0);
    (void)scratch_write_text("many/one.json", json);
    (void)scratch_write_text("many/two.json", BIASKE(PAIR("s", PROMPT, "slow") "," PAIR("t", "No gap.", "slow"), ""));
    check_success(fs_biaske_read(folder, NULL, &pairs, &facts, &err), &err);
    check_report(&pairs.report, 5, 3, "many/two.json: pairs[1].prompt (id \"t\")");
    fs_pair_list_release(&pairs);
    fs_fact_list_release(&facts);
    check_error(fs_biaske_read(scratch_write_text("biaske.json", BIASKE(PAIR("p", PROMPT, "slow"), "{},{}")), NULL,
                               &pairs, &facts, &err),
                &err, FS_EXIT_DATA, "facts[0].id", "none of 2 items can be used");
}

/* Of many only the first are named, and a long text does not end within a character. */
static void many(void **state)
{
    (void)state;
    struct fs_item_report report = {.items = 9};
    struct fs_error why = FS_ERROR_INIT;
    char long_text[1200] = "FILE: ";
    for (size_t i = 6; i + 3 < sizeof long_text; i += 2) {
        memcpy(long_text + i, "\xc3\xa4", 3);
    }
    for (size_t i = 0; i < 5; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "FILE: line %zu: odd", i);
        (void)fs_error_set(&why, FS_EXIT_DATA, "%s", i == 1 ? long_text : text);
        check_success(fs_item_skip(&report, "FILE", i < 2 ? FS_SKIP_BAD_LABEL : FS_SKIP_NO_FILL, &why, &err), &err);
    }
    check_report(&report, 9, 5, "(3 no_fill, 2 bad_label): line 0: odd; \xc3\xa4");
    check_report(&report, 9, 5, "\xc3\xa4; line 2: odd; ... (strict");
    check_success(fs_item_report_check(&report, "FILE", &err), &err);
    /* what is no fault of the data ends the reading */
    (void)fs_error_set(&why, FS_EXIT_OS, "out of memory");
    check_error(fs_item_skip(&report, "FILE", FS_SKIP_BAD_RECORD, &why, &err), &err, FS_EXIT_OS, "out of", "memory");
    assert_int_equal(report.unusable, 5);
    struct fs_item_report none = {0};
    check_success(fs_item_report_check(&none, "FILE", &err), &err);
    check_success(fs_item_report_refuse(&none, "FILE", &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crows_rows),    cmocka_unit_test(categories), cmocka_unit_test(stereoset_items),
        cmocka_unit_test(intersentence), cmocka_unit_test(ids),        cmocka_unit_test(biaske),
        cmocka_unit_test(many)};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
