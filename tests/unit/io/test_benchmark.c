/* The readers of benchmarks: hand-made files, odd cases of the real ones, and what they refuse. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/benchmarks/benchmark.h"

static struct fs_error err = FS_ERROR_INIT;
static const char *const gender[] = {"gender", NULL};
static const char *const nothing_such[] = {"gender", "weather", NULL};

#define SENTENCE(id, label, text)                                                                                      \
    "{\"id\": \"" id "\", \"gold_label\": \"" label "\", \"sentence\": \"" text "\", \"labels\": []}"
#define ITEM(id, type, context, sentences)                                                                             \
    "{\"id\": \"" id "\", \"bias_type\": \"" type "\", \"target\": \"nurse\", \"context\": \"" context                 \
    "\", \"sentences\": [" sentences "]}"
#define STEREOSET(items) "{\"version\": \"1.0\", \"data\": {\"intersentence\": [], \"intrasentence\": [" items "]}}"
#define THREE(a, b, c)                                                                                                 \
    SENTENCE("a", "anti-stereotype", a) "," SENTENCE("b", "stereotype", b) "," SENTENCE("c", "unrelated", c)

static const char *write_stereoset(const char *text)
{
    return scratch_write_text("stereoset.json", text);
}

static void check_statement(const struct fs_statement_text *statement, const char *before, const char *completion,
                            const char *after, const char *text, const char *id)
{
    assert_string_equal(statement->before, before);
    assert_string_equal(statement->completion, completion);
    assert_string_equal(statement->after, after);
    assert_string_equal(statement->text, text);
    assert_string_equal(statement->id, id);
}

static void test_stereoset(void **state)
{
    (void)state;
    struct fs_pair_list pairs;
    const char *path = write_stereoset(STEREOSET(
        ITEM("i1", "gender", "The Nurse was very BLANK.",
             THREE("The nurse was very rude.", "The nurse was very kind.",
                   "The nurse was very box.")) "," ITEM("i2", "race", "x BLANK y",
                                                        SENTENCE("d", "unrelated", "x a y") "," SENTENCE(
                                                            "e", "stereotype",
                                                            "x b y") "," SENTENCE("f", "anti-stereotype", "x c y"))));
    check_success(fs_stereoset_read(path, NULL, &pairs, &err), &err);
    assert_int_equal(pairs.count, 2);
    const struct fs_pair *pair = &pairs.item[0];
    assert_string_equal(pair->id, "i1");
    assert_string_equal(pair->category, "gender");
    assert_string_equal(pair->target, "nurse");
    assert_string_equal(pair->subject, "nurse");
    assert_string_equal(pair->counterpart, "");
    assert_false(pair->has_counterpart_unrelated);
    assert_int_equal(pair->paraphrases, 0);
    check_statement(&pair->statement[FS_STEREOTYPE], "The Nurse was very ", "kind", ".", "The nurse was very kind.",
                    "b");
    check_statement(&pair->statement[FS_ANTI_STEREOTYPE], "The Nurse was very ", "rude", ".",
                    "The nurse was very rude.", "a");
    check_statement(&pair->statement[FS_UNRELATED], "The Nurse was very ", "box", ".", "The nurse was very box.", "c");
    assert_string_equal(pairs.item[1].statement[FS_UNRELATED].completion, "a");
    assert_null(pair->statement[FS_STEREOTYPE].gaps);
    fs_pair_list_release(&pairs);
    fs_pair_list_release(&pairs);
    check_success(fs_stereoset_read(path, gender, &pairs, &err), &err);
    assert_int_equal(pairs.count, 1);
    fs_pair_list_release(&pairs);
    check_error(fs_stereoset_read(path, nothing_such, &pairs, &err), &err, FS_EXIT_DATA, "stereoset.json",
                "category \"weather\"");
    assert_int_equal(pairs.count, 0);
}

/* The shapes of contexts that the development set has besides "... BLANK." */
static void test_stereoset_odd(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *before;
        const char *completion;
        const char *after;
    } cases[] = {
        {STEREOSET(ITEM("i", "g", "The old man BLANKed them.",
                        THREE("The old man bit them.", "The old man fed them.", "The old man x them."))),
         "The old man ", "fed", "ed them."},
        {STEREOSET(ITEM("i", "g", "Both sometimes.BLANK",
                        THREE("Both sometimes.a", "Both sometimes.priest", "Both sometimes.b"))),
         "Both sometimes.", "sometimespriest", ""},
        {STEREOSET(ITEM("i", "g", "Someone BLANK.boring now",
                        THREE("Someone a.boring now", "Someone kind.boring now", "Someone b.boring now"))),
         "Someone ", "kindboring", ".boring now"},
        {STEREOSET(ITEM("i", "g", "Very BLANK and about BLANK!",
                        THREE("Very a and about a!", "Very kind and about kind!", "Very b and about b!"))),
         "Very ", "kind", " and about kind!"},
        {STEREOSET(ITEM("i", "g", "BLANK's hat", THREE("A's hat", "Bob's hat", "C's hat"))), "", "Bobs", "'s hat"},
        {STEREOSET(ITEM("i", "g", "two  spaces BLANK",
                        THREE("two  spaces a", "two  spaces \\\"caf\xc3\xa9\\\"", "two  spaces b"))),
         "two  spaces ", "caf\xc3\xa9", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_pair_list pairs;
        check_success(fs_stereoset_read(write_stereoset(cases[i].json), NULL, &pairs, &err), &err);
        const struct fs_statement_text *statement = &pairs.item[0].statement[FS_STEREOTYPE];
        assert_string_equal(statement->before, cases[i].before);
        assert_string_equal(statement->completion, cases[i].completion);
        assert_string_equal(statement->after, cases[i].after);
        fs_pair_list_release(&pairs);
    }
}

/* Further BLANKs: filled in `after`, kept in `gaps`. */
static void test_stereoset_gaps(void **state)
{
    (void)state;
    struct fs_pair_list pairs;
    const char *path =
        write_stereoset(STEREOSET(ITEM("i", "g", "Very BLANK, BLANK or BLANK!",
                                       THREE("Very a, a or a!", "Very kind, kind or kind!", "Very b, b or b!"))));
    check_success(fs_stereoset_read(path, NULL, &pairs, &err), &err);
    const struct fs_statement_text *statement = &pairs.item[0].statement[FS_STEREOTYPE];
    check_statement(statement, "Very ", "kind", ", kind or kind!", "Very kind, kind or kind!", "b");
    assert_string_equal(statement->gaps, ", BLANK or BLANK!");
    fs_pair_list_release(&pairs);
}

static void test_stereoset_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *key;
        const char *says;
    } cases[] = {
        {"{\"data\": {}}", "data.intrasentence", "found nothing, expected an array"},
        {STEREOSET(""), "data.intrasentence", "no items"},
        {STEREOSET("7"), "data.intrasentence[0].id", "found nothing"},
        {STEREOSET("{\"id\": 7}"), "data.intrasentence[0].id", "found a number, expected a string"},
        {STEREOSET(ITEM("i", "g", "no gap", THREE("a b", "c d", "e f"))), "context", "no BLANK"},
        {STEREOSET(ITEM("i9", "g", "a b BLANK", THREE("a b c", "a b", "a b d"))), "id i9",
         "found no words for the BLANK of"},
        {STEREOSET(ITEM("i9", "g", "a BLANK", THREE("a b", "a ...", "a c"))), "id i9", "in \"a ...\""},
        {STEREOSET(ITEM("i9", "g", "a BLANK", SENTENCE("x", "related", "a b"))), "gold_label", "found \"related\""},
        {STEREOSET(ITEM("i9", "g", "a BLANK", SENTENCE("x", "unrelated", "a b") "," SENTENCE("y", "unrelated", "a c"))),
         "gold_label", "\"unrelated\" twice"},
        {STEREOSET(
             ITEM("i9", "g", "a BLANK", SENTENCE("x", "unrelated", "a b") "," SENTENCE("y", "stereotype", "a c"))),
         "id i9", "found 2 sentences"},
        {STEREOSET(ITEM("i9", "g", "a BLANK", "{\"id\": \"x\", \"gold_label\": \"unrelated\"}")), "sentence",
         "found nothing"},
        {STEREOSET(ITEM("i", "g", "a BLANK", THREE("a b", "a c", "a d")) "," ITEM("j", "g", "a BLANK",
                                                                                  THREE("a b", "a c", "a d"))),
         "sentence id", "occurs twice"},
    };
    struct fs_pair_list pairs;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *path = write_stereoset(cases[i].json);
        check_error(fs_stereoset_read(path, NULL, &pairs, &err), &err, FS_EXIT_DATA, "stereoset.json", cases[i].says);
        check_error(fs_stereoset_read(path, NULL, &pairs, &err), &err, FS_EXIT_DATA, cases[i].key, cases[i].says);
        assert_int_equal(pairs.count, 0);
    }
    check_error(fs_stereoset_read(scratch_path("none.json"), NULL, &pairs, &err), &err, FS_EXIT_NO_INPUT, "none.json",
                "No such file");
}

static void test_crows(void **state)
{
    (void)state;
    static const char *const race[] = {"race", NULL};
    const char *path = scratch_write_text("crows.csv", ",sent_more,sent_less,stereo_antistereo,bias_type,annotations\n"
                                                       "0,\"A, b\",c,stereo,race-color,\"['x']\"\n"
                                                       "1,d,e,antistereo,gender,y\n");
    struct fs_crows_list pairs;
    check_success(fs_crows_read(path, NULL, &pairs, &err), &err);
    assert_int_equal(pairs.count, 2);
    assert_string_equal(pairs.item[0].id, "0");
    assert_string_equal(pairs.item[0].more, "A, b");
    assert_string_equal(pairs.item[0].less, "c");
    assert_string_equal(pairs.item[0].category, "race");
    assert_false(pairs.item[0].antistereo);
    assert_true(pairs.item[1].antistereo);
    fs_crows_list_release(&pairs);
    check_success(fs_crows_read(path, race, &pairs, &err), &err);
    assert_int_equal(pairs.count, 1);
    assert_string_equal(pairs.item[0].category, "race");
    fs_crows_list_release(&pairs);
    check_success(fs_crows_read(path, gender, &pairs, &err), &err);
    assert_string_equal(pairs.item[0].id, "1");
    fs_crows_list_release(&pairs);

    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"sent_more,sent_less,stereo_antistereo\na,b,stereo\n", "no column \"bias_type\""},
        {"sent_more,stereo_antistereo,bias_type\na,stereo,gender\n", "no column \"sent_less\""},
        {"sent_more,sent_less,stereo_antistereo,bias_type\n", "no row"},
        {"sent_more,sent_less,stereo_antistereo,bias_type\na,b,anti,gender\n",
         "line 2: stereo_antistereo: found \"anti\""},
        {"sent_more,sent_less,stereo_antistereo,bias_type\nc, ,stereo,gender\n", "line 2: sent_less is empty"},
        {"sent_more,sent_less,stereo_antistereo,bias_type\n,b,stereo,gender\n", "line 2: sent_more is empty"},
        {"sent_more,sent_less,stereo_antistereo,bias_type\na,b,stereo,\n", "line 2: bias_type is empty"},
        {"sent_more,sent_less,stereo_antistereo,bias_type\na,b,stereo\n", "line 2: found 3 fields"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        path = scratch_write_text("bad.csv", cases[i].text);
        check_error(fs_crows_read(path, NULL, &pairs, &err), &err, FS_EXIT_DATA, "bad.csv", cases[i].says);
        assert_int_equal(pairs.count, 0);
    }
    path = scratch_write_text("bad.csv", "sent_more,sent_less,stereo_antistereo,bias_type\na,b,stereo,gender\n");
    check_error(fs_crows_read(path, nothing_such, &pairs, &err), &err, FS_EXIT_DATA, "bad.csv", "category \"weather\"");
}

#define BIASKE(pairs, facts)                                                                                           \
    "{\"format\": \"fairstamp-biaske\", \"version\": 1, \"licence\": \"CC0\", \"pairs\": [" pairs                      \
    "], \"facts\": [" facts "]}"
#define PAIR(id, rest)                                                                                                 \
    "{\"id\": \"" id                                                                                                   \
    "\", \"category\": \"gender\", \"target\": \"woman\", \"relation\": \"works as\", \"object\": \"nurse\","          \
    " \"unrelated\": \"river\", " rest "}"
#define SUBJECTS "\"subjects\": [\"woman\", \"man\"], "
#define PROMPT "\"prompt\": \"The {subject} is a {object}.\", "
#define FACT(id, rest)                                                                                                 \
    "{\"id\": \"" id "\", \"category\": \"religion\", \"prompt\": \"{object} is kept by {subject}.\", " rest "}"
#define GOOD_PAIR PAIR("p1", SUBJECTS PROMPT "\"paraphrases\": []")

static void test_biaske(void **state)
{
    (void)state;
    const char *path = scratch_write_text(
        "biaske.json",
        BIASKE(PAIR("p1", SUBJECTS PROMPT
                    "\"paraphrases\": [\"{subject} once was {object}\", \"As {object}, the {subject} "
                    "came.\"]") "," PAIR("p2", "\"subjects\": [\"she\", \"he\"], \"prompt\": \"{subject} "
                                               "is a {object}.\", \"paraphrases\": []"),
               FACT("f1", "\"subject\": \"Christians\", \"object\": \"easter\", \"counterpart_subject\": "
                          "\"Muslims\"") ","
                                         "{\"id\": \"f2\", \"category\": \"none\", \"subject\": \"cows\", "
                                         "\"object\": \"grass\", \"counterpart_object\": \"iron\","
                                         " \"counterpart_subject\": null, \"prompt\": \"{subject} eat "
                                         "{object}.\"}"));
    struct fs_pair_list pairs;
    struct fs_fact_list facts;
    check_success(fs_biaske_read(path, NULL, &pairs, &facts, &err), &err);
    assert_int_equal(pairs.count, 2);
    assert_int_equal(facts.count, 2);
    const struct fs_pair *pair = &pairs.item[0];
    assert_string_equal(pair->id, "p1");
    assert_string_equal(pair->target, "woman");
    assert_string_equal(pair->subject, "woman");
    assert_string_equal(pair->counterpart, "man");
    assert_true(pair->has_counterpart_unrelated);
    check_statement(&pair->statement[FS_STEREOTYPE], "The woman is a ", "nurse", ".", "The woman is a nurse.", "");
    check_statement(&pair->statement[FS_ANTI_STEREOTYPE], "The man is a ", "nurse", ".", "The man is a nurse.", "");
    check_statement(&pair->statement[FS_UNRELATED], "The woman is a ", "river", ".", "The woman is a river.", "");
    check_statement(&pair->statement[FS_UNRELATED_COUNTERPART], "The man is a ", "river", ".", "The man is a river.",
                    "");
    assert_int_equal(pair->paraphrases, 2);
    check_statement(&pair->paraphrase[0][FS_STEREOTYPE], "Woman once was ", "nurse", "", "Woman once was nurse", "");
    check_statement(&pair->paraphrase[0][FS_ANTI_STEREOTYPE], "Man once was ", "nurse", "", "Man once was nurse", "");
    check_statement(&pair->paraphrase[1][FS_ANTI_STEREOTYPE], "As ", "nurse", ", the man came.",
                    "As nurse, the man came.", "");
    assert_string_equal(pairs.item[1].subject, "She");
    assert_string_equal(pairs.item[1].counterpart, "He");
    assert_string_equal(pairs.item[1].statement[FS_ANTI_STEREOTYPE].text, "He is a nurse.");
    check_statement(&facts.item[0].statement, "", "Easter", " is kept by Christians.", "Easter is kept by Christians.",
                    "");
    check_statement(&facts.item[0].counterpart, "", "Easter", " is kept by Muslims.", "Easter is kept by Muslims.", "");
    assert_string_equal(facts.item[1].subject, "Cows");
    check_statement(&facts.item[1].counterpart, "Cows eat ", "iron", ".", "Cows eat iron.", "");
    fs_pair_list_release(&pairs);
    fs_fact_list_release(&facts);
    check_success(fs_biaske_read(path, gender, &pairs, &facts, &err), &err);
    assert_int_equal(pairs.count, 2);
    assert_int_equal(facts.count, 1); /* facts on no group go with every category */
    assert_string_equal(facts.item[0].id, "f2");
    fs_pair_list_release(&pairs);
    fs_fact_list_release(&facts);
    check_error(fs_biaske_read(path, nothing_such, &pairs, &facts, &err), &err, FS_EXIT_DATA, "biaske.json",
                "category \"weather\"");
    assert_null(pairs.item);
}

#define ONE_PAIR(id) BIASKE(PAIR(id, SUBJECTS PROMPT "\"paraphrases\": []"), "")

/* A folder is read as one file; ids are unique over all of it. */
static void test_biaske_folder(void **state)
{
    (void)state;
    struct fs_pair_list pairs;
    struct fs_fact_list facts;
    char folder[512];
    snprintf(folder, sizeof folder, "%s", scratch_path("biaske"));
    assert_true(mkdir(folder, 0777) == 0 || errno == EEXIST);
    check_error(fs_biaske_read(folder, NULL, &pairs, &facts, &err), &err, FS_EXIT_NO_INPUT, "biaske",
                "no file named *.json");
    scratch_write_text("biaske/b.json", ONE_PAIR("p2"));
    scratch_write_text("biaske/a.json", ONE_PAIR("p1"));
    scratch_write_text("biaske/readme.txt", "not JSON");
    check_success(fs_biaske_read(folder, NULL, &pairs, &facts, &err), &err);
    assert_int_equal(pairs.count, 2);
    assert_string_equal(pairs.item[0].id, "p1");
    assert_string_equal(pairs.item[1].id, "p2");
    fs_pair_list_release(&pairs);
    fs_fact_list_release(&facts);
    scratch_write_text("biaske/c.json", ONE_PAIR("p1"));
    check_error(fs_biaske_read(folder, NULL, &pairs, &facts, &err), &err, FS_EXIT_DATA, "biaske",
                "id \"p1\" occurs twice");
}

static void test_biaske_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *key;
        const char *says;
    } cases[] = {
        {"[]", "biaske.json", "found an array"},
        {"{\"format\": \"other\"}", "format", "found \"other\""},
        {"{\"version\": \"1.1\", \"data\": {}}", "found the keys version, data", "\"fairstamp-biaske\""},
        {"{\"format\": \"fairstamp-biaske\", \"version\": 2}", "version", "found 2"},
        {"{\"format\": \"fairstamp-biaske\", \"version\": 1}", "licence", "found nothing"},
        {"{\"format\": \"fairstamp-biaske\", \"version\": 1, \"licence\": \"\", \"pair\": []}", "pair",
         "nearest known one is \"pairs\""},
        {"{\"format\": \"fairstamp-biaske\", \"version\": 1, \"licence\": \"\", \"pairs\": []}", "facts",
         "found nothing"},
        {BIASKE("", ""), "pairs, facts", "both empty"},
        {BIASKE("1", ""), "pairs[0].id", "found nothing"},
        {BIASKE(GOOD_PAIR "," GOOD_PAIR, ""), "id \"p1\"", "occurs twice"},
        {BIASKE(GOOD_PAIR, FACT("p1", "\"subject\": \"x\", \"object\": \"y\", \"counterpart_object\": \"z\"")),
         "id \"p1\"", "occurs twice"},
        {BIASKE(PAIR("p", SUBJECTS PROMPT "\"paraphrase\": []"), ""), "pairs[0].paraphrase",
         "nearest known one is \"paraphrases\""},
        {BIASKE(PAIR("p", SUBJECTS PROMPT "\"paraphrases\": 1"), ""), "pairs[0].paraphrases", "expected an array"},
        {BIASKE(PAIR("p", SUBJECTS PROMPT "\"paraphrases\": [1]"), ""), "pairs[0].paraphrases", "expected strings"},
        {BIASKE(PAIR("p", SUBJECTS PROMPT "\"paraphrases\": [\"{subject} is\"]"), ""), "pairs[0].paraphrases",
         "{object} exactly once"},
        {BIASKE(PAIR("p", SUBJECTS PROMPT "\"paraphrases\": [\"The {subject} is a {object}.\"]"), ""),
         "pairs[0].paraphrases", "another text than prompt"},
        {BIASKE(PAIR("p", SUBJECTS "\"paraphrases\": []"), ""), "pairs[0].prompt", "found nothing"},
        {BIASKE(PAIR("p", SUBJECTS "\"prompt\": \"A {object}.\", \"paraphrases\": []"), ""), "pairs[0].prompt",
         "{subject} exactly once"},
        {BIASKE(PAIR("p", SUBJECTS "\"prompt\": \"{subject} {subject} {object}\", \"paraphrases\": []"), ""),
         "pairs[0].prompt", "the placeholder twice"},
        {BIASKE(PAIR("p", SUBJECTS "\"prompt\": \"\", \"paraphrases\": []"), ""), "pairs[0].prompt", "an empty text"},
        {BIASKE(PAIR("p", SUBJECTS "\"prompt\": \" {subject} {object}\", \"paraphrases\": []"), ""), "pairs[0].prompt",
         "white space at an end"},
        {BIASKE(PAIR("p", "\"subjects\": [\"woman\"], " PROMPT "\"paraphrases\": []"), ""), "pairs[0].subjects",
         "two strings"},
        {BIASKE(PAIR("p", "\"subjects\": [\"a\", \"b\", \"c\"], " PROMPT "\"paraphrases\": []"), ""),
         "pairs[0].subjects", "two strings"},
        {BIASKE(PAIR("p", "\"subjects\": [\"woman\", \"Woman\"], " PROMPT "\"paraphrases\": []"), ""),
         "pairs[0].subjects", "another text than the first subject"},
        {BIASKE("{\"id\": \"p\", \"category\": \"gendre\"}", ""), "pairs[0].category", "the nearest is \"gender\""},
        {BIASKE("{\"id\": \"\"}", ""), "pairs[0].id", "an empty text"},
        {BIASKE("{\"id\": \"p\", \"category\": \"gender\", \"target\": \"t\", \"relation\": \"r\", \"object\": \"o\", "
                "\"unrelated\": \"o\"}",
                ""),
         "pairs[0].unrelated", "another text than object"},
        {BIASKE("", FACT("f", "\"subject\": \"x\", \"object\": \"y\"")), "facts[0].counterpart_subject",
         "neither it nor"},
        {BIASKE("", FACT("f", "\"subject\": \"x\", \"object\": \"y\", \"counterpart_object\": \"z\", "
                              "\"counterpart_subject\": \"w\"")),
         "facts[0].counterpart_subject", "exactly one of the two"},
        {BIASKE("", FACT("f", "\"subject\": \"x\", \"object\": \"y\", \"counterpart_subject\": \"X\"")),
         "facts[0].counterpart_subject", "another text than subject"},
        {BIASKE("", FACT("f", "\"subject\": \"x\", \"object\": \"y\", \"counterpart_object\": \"y\"")),
         "facts[0].counterpart_object", "another text than object"},
        {BIASKE("", FACT("f", "\"subject\": \"x\", \"object\": \"y\", \"counterpart_object\": 3")),
         "facts[0].counterpart_object", "found a number"},
        {BIASKE("", FACT("f", "\"subject\": \"x\", \"object\": \"y\", \"counterpart\": \"z\"")), "facts[0].counterpart",
         "unknown key"},
    };
    struct fs_pair_list pairs;
    struct fs_fact_list facts;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *path = scratch_write_text("biaske.json", cases[i].json);
        check_error(fs_biaske_read(path, NULL, &pairs, &facts, &err), &err, FS_EXIT_DATA, "biaske.json", cases[i].says);
        check_error(fs_biaske_read(path, NULL, &pairs, &facts, &err), &err, FS_EXIT_DATA, cases[i].key, cases[i].says);
        assert_null(pairs.item);
        assert_null(facts.item);
    }
}

static void test_attribute_words(void **state)
{
    (void)state;
    struct fs_attribute_table *table;
    const char *path = scratch_write_text("words.json", "{\"gender\": [[\"man\", \"woman\"], [\"woman\", \"girl\"]],"
                                                        " \"religion\": [[\"jewish\", \"christian\", \"muslim\"]]}");
    check_success(fs_attribute_table_read(path, &table, &err), &err);
    assert_string_equal(fs_attribute_counterpart(table, "gender", "man", 3), "woman");
    assert_string_equal(fs_attribute_counterpart(table, "gender", "Woman!", 5), "man");
    assert_string_equal(fs_attribute_counterpart(table, "gender", "girl", 4), "woman");
    assert_string_equal(fs_attribute_counterpart(table, "religion", "muslim", 6), "jewish");
    assert_string_equal(fs_attribute_counterpart(table, "religion", "JEWISH", 6), "christian");
    assert_null(fs_attribute_counterpart(table, "religion", "man", 3));
    assert_null(fs_attribute_counterpart(table, "Gender", "man", 3));
    assert_null(fs_attribute_counterpart(table, "gender", "mankind", 7));
    assert_null(fs_attribute_counterpart(table, "gender", "ma", 2));
    fs_attribute_table_destroy(table);
    fs_attribute_table_destroy(NULL);
    static const struct {
        const char *json;
        const char *says;
    } cases[] = {
        {"[]", "found an array"},
        {"{}", "no category"},
        {"{\"g\": 1}", "g: found a number"},
        {"{\"g\": [[\"a\", \"b\"], [\"a\"]]}", "g[1]: found fewer words"},
        {"{\"g\": [\"a\"]}", "g[0]: found a string"},
        {"{\"g\": [[\"a\", 1]]}", "g[0]: found a number"},
        {"{\"g\": [[\"a\", \"\"]]}", "g[0]: found an empty word"},
        {"{\"g\": [{\"a\": \"x\", \"b\": \"y\"}]}", "g[0]: found an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        path = scratch_write_text("words.json", cases[i].json);
        check_error(fs_attribute_table_read(path, &table, &err), &err, FS_EXIT_DATA, "words.json", cases[i].says);
        assert_null(table);
    }
}

static void test_scores(void **state)
{
    (void)state;
    struct fs_scores *scores;
    double score = 0;
    const char *path = scratch_write_text(
        "scores.json", "{\"intersentence\": [], \"intrasentence\": [{\"id\": \"b\", \"score\": 1},"
                       " {\"id\": \"a\", \"score\": -2.5, \"more\": null}, {\"id\": \"b\", \"score\": 3}]}");
    check_success(fs_scores_read(path, &scores, &err), &err);
    assert_true(fs_scores_find(scores, "a", &score));
    assert_true(score == -2.5);
    assert_true(fs_scores_find(scores, "b", &score));
    assert_true(score == 3);
    assert_false(fs_scores_find(scores, "c", &score));
    assert_false(fs_scores_find(scores, "", &score));
    fs_scores_destroy(scores);
    fs_scores_destroy(NULL);
    static const struct {
        const char *json;
        const char *says;
    } cases[] = {
        {"{}", "intrasentence: found nothing"},
        {"{\"intrasentence\": []}", "no scores"},
        {"{\"intrasentence\": [{\"score\": 1}]}", "intrasentence[0].id: found nothing"},
        {"{\"intrasentence\": [{\"id\": \"a\", \"score\": 1}, {\"id\": \"a\"}]}",
         "intrasentence[1].score: found nothing"},
        {"{\"intrasentence\": [{\"id\": \"a\", \"score\": \"1\"}]}", "intrasentence[0].score: found a string"},
        {"{\"intrasentence\": [{\"id\": \"a\", \"score\": NaN}]}",
         "intrasentence[0].score: found NaN, expected a number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        path = scratch_write_text("scores.json", cases[i].json);
        check_error(fs_scores_read(path, &scores, &err), &err, FS_EXIT_DATA, "scores.json", cases[i].says);
        assert_null(scores);
    }
}

/* Counts as the data's own authors give them. */
static void test_real_files(void **state)
{
    (void)state;
    static const char *const three[] = {"gender", "race", "religion", NULL};
    const char *path = shared_path("data/stereoset/dev.json");
    if (path == NULL) {
        skip();
    }
    struct fs_pair_list pairs;
    check_success(fs_stereoset_read(path, NULL, &pairs, &err), &err);
    assert_int_equal(pairs.count, 2106);
    fs_pair_list_release(&pairs);
    check_success(fs_stereoset_read(path, three, &pairs, &err), &err);
    assert_int_equal(pairs.count, 255 + 962 + 79);
    fs_pair_list_release(&pairs);
    struct fs_crows_list crows;
    check_success(fs_crows_read(shared_path("data/crows_pairs/crows_pairs_anonymized.csv"), NULL, &crows, &err), &err);
    assert_int_equal(crows.count, 1508);
    size_t antistereo = 0;
    for (size_t i = 0; i < crows.count; i++) {
        char index[24];
        snprintf(index, sizeof index, "%zu", i);
        assert_string_equal(crows.item[i].id, index); /* its first column is the row's index */
        antistereo += crows.item[i].antistereo ? 1 : 0;
    }
    assert_int_equal(antistereo, 218);
    fs_crows_list_release(&crows);
    check_success(fs_crows_read(shared_path("data/crows_pairs/crows_pairs_anonymized.csv"), three, &crows, &err), &err);
    assert_int_equal(crows.count, 262 + 516 + 105);
    fs_crows_list_release(&crows);
    struct fs_attribute_table *table;
    check_success(
        fs_attribute_table_read(shared_path("data/bias_attribute_words/bias_attribute_words.json"), &table, &err),
        &err);
    assert_string_equal(fs_attribute_counterpart(table, "gender", "actor", 5), "actress");
    fs_attribute_table_destroy(table);
    struct fs_scores *scores;
    double score;
    check_success(fs_scores_read(shared_path("golden/stereoset/predictions_gpt2_ModelNSP_GPT2LM.json"), &scores, &err),
                  &err);
    assert_true(fs_scores_find(scores, "107a3b2e248a218017cf1ba6a22f2c76", &score));
    assert_true(score == 0.004033154928487148);
    fs_scores_destroy(scores);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stereoset),       cmocka_unit_test(test_stereoset_odd),
        cmocka_unit_test(test_stereoset_gaps),  cmocka_unit_test(test_stereoset_refused),
        cmocka_unit_test(test_crows),           cmocka_unit_test(test_biaske),
        cmocka_unit_test(test_biaske_folder),   cmocka_unit_test(test_biaske_refused),
        cmocka_unit_test(test_attribute_words), cmocka_unit_test(test_scores),
        cmocka_unit_test(test_real_files),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
