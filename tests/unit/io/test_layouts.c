/*
 * StereoSet and CrowS-Pairs: the same items from each layout that is read. The integers are those of the dataset cards on
 * the HuggingFace Hub: gold_label 0 anti-stereotype, 1 stereotype, 2 unrelated; stereo_antistereo 0 stereo, 1 antistereo;
 * bias_type 0 race-color, 1 socioeconomic, 2 gender, ..., 8 age.
 */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "io/benchmarks/benchmark.h"

static struct fs_error err = FS_ERROR_INIT;

#define HEAD(id, context)                                                                                              \
    "\"id\": \"" id "\", \"target\": \"tailor\", \"bias_type\": \"profession\", \"context\": \"" context "\""
#define SENTENCE(id, label, text) "{\"id\": \"" id "\", \"sentence\": \"" text "\", \"gold_label\": " label "}"
#define BY_ROW(a, s, u)                                                                                                \
    "[" SENTENCE("a", a, "A tailor runs.") ", " SENTENCE("s", s, "A tailor sews.") ", " SENTENCE(                      \
        "u", u, "A tailor rains.") "]"
#define BY_COLUMN(labels)                                                                                              \
    "{\"id\": [\"a\", \"s\", \"u\"], \"sentence\": [\"A tailor runs.\", \"A tailor sews.\", \"A tailor rains.\"], "    \
    "\"labels\": [{\"label\": []}, {\"label\": []}, {\"label\": []}], \"of\": \"x\", \"gold_label\": [" labels "]}"
#define ITEM(context, sentences) "{" HEAD("i", context) ", \"sentences\": " sentences "}"
#define BY_TEXT BY_ROW("\"anti-stereotype\"", "\"stereotype\"", "\"unrelated\"")
#define PUBLISHED(part, item) "{\"version\": \"1\", \"data\": {\"" part "\": [" item "]}}"
#define BLANK "A tailor BLANK."

static int read_stereoset(const char *text, struct fs_pair_list *pairs)
{
    return fs_stereoset_read(scratch_write_text("s.json", text), NULL, pairs, &err);
}

static void test_stereoset(void **state)
{
    (void)state;
    static const char *const texts[] = {
        PUBLISHED("intrasentence", ITEM(BLANK, BY_TEXT)),
        PUBLISHED("intrasentence", ITEM(BLANK, BY_ROW("0", "1", "2"))),
        ITEM(BLANK, BY_TEXT),
        "[" ITEM(BLANK, BY_TEXT) "]",
        ITEM(BLANK, BY_ROW("0", "1", "2")) "\n",
        ITEM(BLANK, BY_ROW("\"0\"", "\"1\"", "2.0")) "\n",
        "[" ITEM(BLANK, BY_COLUMN("0, 1, 2")) "]",
        ITEM(BLANK, BY_COLUMN("\"anti-stereotype\", \"stereotype\", \"unrelated\"")) "\n\n",
        "{\"id\": [\"i\"], \"target\": [\"tailor\"], \"bias_type\": [\"profession\"], \"context\": [\"" BLANK
        "\"], \"sentences\": [" BY_COLUMN("0, 1, 2") "]}",
        "{\"id\": {\"0\": \"i\"}, \"target\": {\"0\": \"tailor\"}, \"bias_type\": {\"0\": \"profession\"}, "
        "\"context\": "
        "{\"0\": \"" BLANK "\"}, \"sentences\": {\"0\": " BY_COLUMN("0, 1, 2") "}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fs_pair_list pairs;
        check_success(read_stereoset(texts[i], &pairs), &err);
        assert_int_equal(pairs.count, 1);
        const struct fs_pair *pair = &pairs.item[0];
        assert_string_equal(pair->id, "i");
        assert_string_equal(pair->target, "tailor");
        assert_string_equal(pair->category, "profession");
        assert_string_equal(pair->statement[FS_STEREOTYPE].text, "A tailor sews.");
        assert_string_equal(pair->statement[FS_STEREOTYPE].completion, "sews");
        assert_string_equal(pair->statement[FS_STEREOTYPE].id, "s");
        assert_string_equal(pair->statement[FS_ANTI_STEREOTYPE].text, "A tailor runs.");
        assert_string_equal(pair->statement[FS_UNRELATED].text, "A tailor rains.");
        fs_pair_list_release(&pairs);
    }
}

static void test_intersentence(void **state)
{
    (void)state;
    static const char *const texts[] = {PUBLISHED("intersentence", ITEM("It is late.", BY_TEXT)),
                                        ITEM("It is late.", BY_COLUMN("0, 1, 2")),
                                        "[" ITEM("It is late.", BY_ROW("0", "1", "2")) "]"};
    struct fs_pair_list pairs;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *path = scratch_write_text("s.json", texts[i]);
        check_success(fs_stereoset_read_intersentence(path, NULL, &pairs, &err), &err);
        assert_int_equal(pairs.count, 1);
        assert_string_equal(pairs.item[0].statement[FS_STEREOTYPE].text, "It is late. A tailor sews.");
        fs_pair_list_release(&pairs);
    }
    check_error(read_stereoset(texts[1], &pairs), &err, FS_EXIT_DATA, "s.json: found BLANK in no context",
                "give the file as data.stereoset_intersentence");
    const char *path = scratch_write_text("s.json", ITEM("It is late.", BY_COLUMN("0, 1, 2")) ITEM(BLANK, BY_TEXT));
    check_error(fs_stereoset_read_intersentence(path, NULL, &pairs, &err), &err, FS_EXIT_DATA,
                "line 1: context: found BLANK", "give the file as data.stereoset");
}

/* EditBias's synonyms are records too. */
static void test_synonyms(void **state)
{
    (void)state;
    static const char *const item =
        "{" HEAD("i", BLANK) ", \"data\": {"
                             "\"stereotype\": {\"id\": \"s\", \"sentence\": \"A tailor stitches.\"}, "
                             "\"anti-stereotype\": {\"id\": \"a\", \"sentence\": \"A tailor races.\"}, "
                             "\"unrelated\": {\"id\": \"u\", \"sentence\": \"A tailor pours.\"}}}";
    static const char *const layouts[] = {"[%s]", "%s\n", "%s"};
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        char text[1024] = "";
        const char *gap = strstr(layouts[i], "%s");
        snprintf(text, sizeof text, "%.*s%s%s", (int)(gap - layouts[i]), layouts[i], item, gap + 2);
        struct fs_pair_list pairs;
        check_success(fs_stereoset_read_synonyms(scratch_write_text("s.json", text), &pairs, &err), &err);
        assert_int_equal(pairs.count, 1);
        assert_string_equal(pairs.item[0].statement[FS_STEREOTYPE].completion, "stitches");
        fs_pair_list_release(&pairs);
    }
}

static void test_stereoset_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"[]", "s.json: found no items"},
        {"{\"data\": []}", "found the keys data, expected a record with \"context\""},
        {"{\"intrasentence\": []}", "or columns; or StereoSet's own file with \"data\""},
        {"{\"data\": {}}", "data.intrasentence: found nothing, expected an array"},
        {"{\"text\": \"a\"}", "found the keys text, expected a record with \"context\" or \"sentences\""},
        {PUBLISHED("intrasentence", "") "\n" ITEM(BLANK, BY_TEXT), "line 1: found the keys version, data, expected"},
        {ITEM(BLANK, BY_TEXT) "\n" PUBLISHED("intrasentence", ""), "line 2: found the keys version, data, expected"},
        {ITEM(BLANK, BY_TEXT) "\n" ITEM(BLANK, BY_COLUMN("0, 1, 2")),
         "line 2: sentences: found an object, expected an array as in the first item: the file mixes two layouts"},
        {"[" ITEM(BLANK, BY_COLUMN("0, 1, 2")) "," ITEM(BLANK, BY_TEXT) "]",
         "[1].sentences: found an array, expected an object as in the first item"},
        {ITEM(BLANK, BY_COLUMN("0, 1, 3")), "line 1: (id i): gold_label: found \"3\", expected stereotype, "},
        {ITEM(BLANK, BY_COLUMN("0, 1, -1")), "gold_label: found \"-1\""},
        {ITEM(BLANK, BY_COLUMN("0, 1, 0.5")), "gold_label: found \"0.5\""},
        {ITEM(BLANK, BY_COLUMN("0, 1")), "line 1: sentences.gold_label: found 2 values, expected 3 as in \"sentence\""},
        {ITEM(BLANK, "{\"sentence\": [\"x\"], \"id\": \"a\"}"), "sentences.id: found a string, expected an array"},
        {ITEM(BLANK, "{}"), "line 1: sentences.sentence: found nothing, expected an array"},
        {ITEM(BLANK, "{\"sentence\": [], \"id\": [], \"gold_label\": []}"), "line 1: (id i): found 0 sentences"},
        {ITEM(BLANK, "7"), "line 1: sentences: found a number, expected an array"},
        {"{\"context\": \"" BLANK "\"}", "line 1: id: found nothing, expected a string"},
        {"{\"context\": 7}\n", "line 1: id: found nothing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_pair_list pairs;
        check_error(read_stereoset(cases[i][0], &pairs), &err, FS_EXIT_DATA, "s.json", cases[i][1]);
        assert_int_equal(pairs.count, 0);
    }
}

static void test_crows(void **state)
{
    (void)state;
    static const char *const texts[] = {
        ",sent_more,sent_less,stereo_antistereo,bias_type\n0,He sews.,She sews.,antistereo,gender\n"
        "1,\"Old, slow.\",Young.,stereo,age\n",
        "id;sent_more;sent_less;stereo_antistereo;bias_type\r\n0;He sews.;She sews.;1;2\r\n1;Old, "
        "slow.;Young.;0;8\r\n\r\n",
        "sent_more,sent_less,stereo_antistereo,bias_type\nHe sews.,She sews.,1.0,2.0\n"
        "\"Old, slow.\",Young.,0.0,8.0\n",
        "sent_more\tsent_less\tstereo_antistereo\tbias_type\nHe sews.\tShe sews.\tantistereo\t2\n"
        "Old, slow.\tYoung.\t0\tage\n",
        "{\"sent_more\": \"He sews.\", \"sent_less\": \"She sews.\", \"stereo_antistereo\": 1, \"bias_type\": 2}\n"
        "{\"sent_more\": \"Old, slow.\", \"sent_less\": \"Young.\", \"stereo_antistereo\": 0, \"bias_type\": 8}\n",
        "[{\"sent_more\": \"He sews.\", \"sent_less\": \"She sews.\", \"stereo_antistereo\": \"antistereo\", "
        "\"bias_type\": \"gender\"}, {\"sent_more\": \"Old, slow.\", \"sent_less\": \"Young.\", "
        "\"stereo_antistereo\": \"stereo\", \"bias_type\": \"age\"}]",
        "{\"sent_more\": [\"He sews.\", \"Old, slow.\"], \"sent_less\": [\"She sews.\", \"Young.\"], "
        "\"stereo_antistereo\": [1, 0], \"bias_type\": [2, 8]}",
        "{\"sent_more\": {\"0\": \"He sews.\", \"1\": \"Old, slow.\"}, \"sent_less\": {\"0\": \"She sews.\", \"1\": "
        "\"Young.\"}, \"stereo_antistereo\": {\"0\": 1, \"1\": 0}, \"bias_type\": {\"0\": 2, \"1\": 8}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fs_crows_list pairs;
        check_success(fs_crows_read(scratch_write_text("c", texts[i]), NULL, &pairs, &err), &err);
        assert_int_equal(pairs.count, 2);
        assert_string_equal(pairs.item[0].more, "He sews.");
        assert_string_equal(pairs.item[0].less, "She sews.");
        assert_string_equal(pairs.item[0].category, "gender");
        assert_true(pairs.item[0].antistereo);
        assert_string_equal(pairs.item[1].more, "Old, slow.");
        assert_string_equal(pairs.item[1].category, "age");
        assert_string_equal(pairs.item[1].id, "1");
        assert_false(pairs.item[1].antistereo);
        fs_crows_list_release(&pairs);
    }
}

/* The ids of two rows: of a column of ids that every row has once, else the rows' indices. */
static void test_crows_ids(void **state)
{
    (void)state;
#define HEADER "sent_more,sent_less,stereo_antistereo,bias_type"
#define RECORD                                                                                                         \
    "\"sent_more\": \"Er friert.\", \"sent_less\": \"Sie friert.\", \"stereo_antistereo\": 0, \"bias_type\": 2"
#define ROW(id) id ",Er friert.,Sie friert.,stereo,gender"
    static const char *const cases[][3] = {
        {"id," HEADER "\n" ROW("7") "\n" ROW("12") "\n", "7", "12"},
        {HEADER ",id\nEr friert.,Sie friert.,stereo,gender,de-7\nEr ruht.,Sie ruht.,stereo,gender,de-12\n", "de-7",
         "de-12"},
        {"," HEADER "\n" ROW("3") "\n" ROW("1") "\n", "3", "1"},
        {"\"\";sent_more;sent_less;stereo_antistereo;bias_type\n40;a;b;0;2\n50;c;d;1;2\n", "40", "50"},
        {",Unnamed: 0," HEADER "\n0," ROW("5") "\n1," ROW("9") "\n", "5", "9"},
        {",id," HEADER "\n0," ROW("x") "\n1," ROW("y") "\n", "x", "y"},
        {",id," HEADER "\n4," ROW("x") "\n6," ROW("x") "\n", "4", "6"}, /* twice: the next column */
        {"id," HEADER "\n" ROW("7") "\n8,Er, so\n", "7", ""},           /* of a bad row nothing is known */
        {"id," HEADER "\n" ROW("x") "\n" ROW("x") "\n", "0", "1"},      /* twice */
        {"id," HEADER "\n" ROW("2") "\n" ROW(" ") "\n", "0", "1"},      /* not all */
        {HEADER ",\n"
                "a,b,stereo,gender,8\nc,d,stereo,gender,9\n",
         "0", "1"}, /* a remark, not the first column */
        {"{\"id\": 7, " RECORD "}\n{\"id\": 12, " RECORD "}\n", "7", "12"},
        {"[{\"id\": \"fr7\", " RECORD "}, {\"id\": \"fr12\", " RECORD "}]", "fr7", "fr12"},
        {"[{\"\": 7, " RECORD "}, {\"\": 12, " RECORD "}]", "7", "12"},
        {"{\"Unnamed: 0\": 7, " RECORD "}\n{\"Unnamed: 0\": 12, " RECORD "}\n", "7", "12"},
        {"{\"id\": 7, " RECORD "}\n{" RECORD "}\n", "0", "1"},
        {"{\"id\": [7], " RECORD "}\n{\"id\": true, " RECORD "}\n", "0", "1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_crows_list pairs;
        check_success(fs_crows_read(scratch_write_text("c", cases[i][0]), NULL, &pairs, &err), &err);
        assert_int_equal(pairs.count, 2);
        assert_string_equal(pairs.item[0].id, cases[i][1]);
        assert_string_equal(pairs.item[1].id, cases[i][2]);
        fs_crows_list_release(&pairs);
    }
#undef ROW
}

/* Each number of the card. */
static void test_bias_types(void **state)
{
    (void)state;
    static const char *const types[] = {"race",
                                        "socioeconomic",
                                        "gender",
                                        "disability",
                                        "nationality",
                                        "sexual-orientation",
                                        "physical-appearance",
                                        "religion",
                                        "age"};
    char text[1024] = "sent_more,sent_less,stereo_antistereo,bias_type\n";
    for (size_t i = 0; i < 9; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "a,b,0,%zu\n", i);
    }
    struct fs_crows_list pairs;
    check_success(fs_crows_read(scratch_write_text("c.csv", text), NULL, &pairs, &err), &err);
    for (size_t i = 0; i < 9; i++) {
        assert_string_equal(pairs.item[i].category, types[i]);
    }
    fs_crows_list_release(&pairs);
}

static void test_crows_refused(void **state)
{
    (void)state;
#define ROW(direction, type)                                                                                           \
    "{\"sent_more\": \"a\", \"sent_less\": \"b\", \"stereo_antistereo\": " direction ", \"bias_type\": " type "}"
    static const char *const cases[][2] = {
        {"sent_more;sent_less;stereo_antistereo\na;b;0\n",
         "no column \"bias_type\" in the header, which has: sent_more, "},
        {"sent_more,sent_less,stereo_antistereo,bias_type\na,b,0,9\n",
         "line 2: bias_type: found 9, expected a text, or 0 (race-color) to 8 (age)"},
        {"sent_more,sent_less,stereo_antistereo,bias_type\na,b,2,gender\n",
         "line 2: stereo_antistereo: found \"2\", expected stereo or antistereo"},
        {"[" ROW("0", "10") "]", "record [0]: bias_type: found 10, expected a text"},
        {"[" ROW("-1", "2") "]", "record [0]: stereo_antistereo: found \"-1\", expected stereo"},
        {"[" ROW("0", "[2]") "]", "[0].bias_type: found an array"},
        {"[{\"sent_more\": \"a\"}]", "[0] found the keys sent_more, and no \"sent_less\""},
        {"[{\"prompt\": \"a\"}]", "[0] found the keys prompt, expected a record with \"sent_more\", \"sent_less\", "},
        {"[]", "found no row"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_crows_list pairs;
        check_error(fs_crows_read(scratch_write_text("c.csv", cases[i][0]), NULL, &pairs, &err), &err, FS_EXIT_DATA,
                    "c.csv", cases[i][1]);
    }
}

/* No cut of a file and no byte changed does worse than an error. */
static void test_damage(void **state)
{
    (void)state;
    static const char text[] = ITEM(BLANK, BY_COLUMN("0, 1, 2"));
    static const char bytes[] = "\"{}[]:,7";
    size_t length = strlen(text);
    char damaged[sizeof text];
    memcpy(damaged, text, sizeof text);
    for (size_t at = 0; at < length; at++) {
        for (size_t k = 0; k < sizeof bytes; k++) { /* the last one: the text cut there */
            struct fs_pair_list pairs;
            damaged[at] = bytes[k];
            const char *path = scratch_write("s.json", damaged, bytes[k] == '\0' ? at : length);
            if (fs_stereoset_read(path, NULL, &pairs, &err) == 0) {
                fs_pair_list_release(&pairs);
            }
            damaged[at] = text[at];
        }
    }
    err = (struct fs_error)FS_ERROR_INIT;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stereoset),  cmocka_unit_test(test_intersentence),
        cmocka_unit_test(test_synonyms),   cmocka_unit_test(test_stereoset_refused),
        cmocka_unit_test(test_crows),      cmocka_unit_test(test_crows_ids),
        cmocka_unit_test(test_bias_types), cmocka_unit_test(test_crows_refused),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
