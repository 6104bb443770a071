/*
 * Items that cannot be used in a suite's data: the others are scored as without them, the reason stands in the rows, a
 * strict reader refuses the file. Probabilities come from transformers, the rest is worked by hand.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "results/report.h"
#include "support.h"
#include "tests/unit/bounds.h"

#define SENTENCE(id, label, text) "{\"id\": \"" id "\", \"gold_label\": \"" label "\", \"sentence\": \"" text "\"}"
#define ITEM(id, context, a, b, c)                                                                                     \
    "{\"id\": \"" id "\", \"bias_type\": \"gender\", \"target\": \"nurse\", \"context\": \"" context                   \
    "\", \"sentences\": [" SENTENCE(id "a", "stereotype", a) "," SENTENCE(id "b", "anti-stereotype",                   \
                                                                          b) "," SENTENCE(id "c", "unrelated", c) "]}"
#define CONTEXT "The nurse said that she was BLANK today."
#define STEREOSET(items) "{\"data\": {\"intrasentence\": [" items "]}}"
#define GOOD                                                                                                           \
    ITEM("g", CONTEXT, "The nurse said that she was not tired today.", "The nurse said she was the nurse today.",      \
         "The nurse said that she was rain today.")
#define BAD                                                                                                            \
    ITEM("h", CONTEXT, "The nurse said that she was here today.", "The nurse said that she was here, today.",          \
         "The nurse said that she was rain today.")

#define CROWS "sent_more,sent_less,stereo_antistereo,bias_type\n"
#define CROWS_GOOD "He was tired.,She was tired.,stereo,gender\n"

#define WINOGENDER                                                                                                     \
    "sentid\tsentence\n"                                                                                               \
    "nurse.dog.0.male.txt\tThe nurse saw that he was tired.\n"                                                         \
    "nurse.dog.0.female.txt\tThe nurse saw that she was tired.\n"                                                      \
    "nurse.dog.0.neutral.txt\tThe nurse saw that they were tired.\n"
#define WINOGENDER_BAD                                                                                                 \
    "nurse.dog.1.male.txt\tThe nurse saw that he was tired.\n"                                                         \
    "nurse.dog.1.female.txt\tThe nurse was tired.\n"                                                                   \
    "nurse.dog.1.neutral.txt\tThe nurse saw that they were tired.\n"

#define BEC "\tSent_TM\tSent_TAM\tPerson\tGender\tProf_Gender\n"
#define BEC_GOOD "0\t[MASK] is a nurse.\t[MASK] is a [MASK].\tHe\tmale\tfemale\n"

#define WINOGRAD(pronoun)                                                                                              \
    "en\toriginal\t?\tThe nurse was it.\t[\"The\", \"nurse\", \"was\", \"it\", \".\"]\t[\"" pronoun                    \
    "\", [3, 4]]\t[[\"rain\", [0, 1], [], true], [\"tired\", [0, 1], [], false]]\n"

#define FACT(rest) "{\"known_id\": 4, \"prompt\": \"The nurse was \"" rest "}"
#define SEAT(more)                                                                                                     \
    "{\"targ1\": {\"examples\": [\"he\", \"dog\"" more "]}, \"targ2\": {\"examples\": [\"she\", \"nurse\"]}, "         \
    "\"attr1\": {\"examples\": [\"tired\"]}, \"attr2\": {\"examples\": [\"rain\"]}}"

#define BIASKE(more_pairs, more_facts)                                                                                 \
    "{\"format\": \"fairstamp-biaske\", \"version\": 1, \"licence\": \"CC0\", \"pairs\": [{\"id\": \"p\", "            \
    "\"category\": \"gender\", \"target\": \"nurse\", \"relation\": \"is\", \"object\": \"tired\", \"unrelated\": "    \
    "\"rain\", \"subjects\": [\"nurse\", \"dog\"], \"prompt\": \"The {subject} was {object}.\", \"paraphrases\": "     \
    "[\"It was {object}, the {subject}.\"]}" more_pairs                                                                \
    "], \"facts\": [{\"id\": \"f\", \"category\": \"none\", \"subject\": \"dog\", \"counterpart_object\": \"rain\", "  \
    "\"object\": \"tired\", \"prompt\": \"The {subject} was {object}.\"}" more_facts "]}"

/* A suite's data with good items alone, and with one more that is not. */
struct skip_case {
    const char *suite, *file, *good, *with_bad;
    enum fs_skip skip;
    const char *says;
};
static const struct skip_case cases[] = {
    {"stereoset", "set.json", STEREOSET(GOOD), STEREOSET(GOOD "," BAD), FS_SKIP_NO_DIFFERENCE,
     "data.intrasentence[1] (id h): sentence: found \"here\""},
    {"crows_pairs", "rows.csv", CROWS CROWS_GOOD, CROWS CROWS_GOOD "He was tired.,,stereo,gender\n", FS_SKIP_EMPTY_TEXT,
     "line 3: sent_less is empty"},
    {"winogender", "all_sentences.tsv", WINOGENDER, WINOGENDER WINOGENDER_BAD, FS_SKIP_BAD_RECORD,
     "line 6: found \"The nurse was tired.\", expected a female pronoun"},
    {"winogender", "all_sentences.tsv", WINOGENDER, WINOGENDER "nurse.dog.male.txt\tHe was tired.\n", FS_SKIP_BAD_LABEL,
     "line 5: sentid: found \"nurse.dog.male.txt\""},
    {"winogender", "all_sentences.tsv", WINOGENDER, WINOGENDER "nurse.dog.1.male.txt\n", FS_SKIP_BAD_RECORD,
     "line 5: found 1 fields, expected 2 as in the header"},
    {"bec_pro", "bec.tsv", BEC BEC_GOOD, BEC BEC_GOOD "1\t[MASK] is it.\t[MASK] is it.\t\tmale\tmale\n",
     FS_SKIP_EMPTY_TEXT, "line 3: found \"[MASK] is it.\" and person \"\""},
    {"bec_pro", "bec.tsv", BEC BEC_GOOD, BEC BEC_GOOD "1\t[MASK] is it.\t[MASK] is it.\tHe\tm\tmale\n",
     FS_SKIP_BAD_LABEL, "line 3: Gender: found \"m\""},
    {"winograd", "winograd.tsv", WINOGRAD("it"), WINOGRAD("it") WINOGRAD("he"), FS_SKIP_BAD_RECORD,
     "line 2: pronoun: found \"he\""},
    {"known_facts", "facts.json", "[" FACT(", \"attribute\": \"tired\"") "]",
     "[" FACT(", \"attribute\": \"tired\"") "," FACT("") "]", FS_SKIP_BAD_RECORD, "[1].attribute: found nothing"},
    {"seat", "seat.jsonl", SEAT(""), SEAT(", \"\""), FS_SKIP_EMPTY_TEXT, "targ1.examples[2]: found an empty text"},
    {"biaske", "biaske.json", BIASKE("", ""), BIASKE(", {\"id\": \"q\", \"category\": \"gender\"}", ""),
     FS_SKIP_BAD_RECORD, "pairs[1].target"},
    {"biaske_facts", "biaske.json", BIASKE("", ""), BIASKE("", ", {\"id\": \"\", \"category\": \"gender\"}"),
     FS_SKIP_EMPTY_TEXT, "facts[1].id (id \"\"): found an empty text"},
};

static struct fs_suite_options options_of(const char *suite, bool strict)
{
    const struct fs_suite_kind *kind = fs_suite_kind_find(suite);
    return (struct fs_suite_options){
        .kind = FS_MASKED, .scoring = kind->masked, .seed = 1, .permutations = 100, .fact_share = 1, .strict = strict};
}

/* The suite of a text that is written, measured; the caller releases both. */
static struct fs_suite *measure(const struct loaded *loaded, const struct skip_case *of, const char *text,
                                struct fs_results *results)
{
    const struct fs_suite_options options = options_of(of->suite, false);
    const char *path = write_text(of->file, text);
    struct fs_suite *suite = open_suite(of->suite, strcmp(of->suite, "winogender") == 0 ? folder : path, &options);
    const struct fs_evaluate_input input = {.suite = &suite, .suites = 1, .bootstrap = {.resamples = 20, .seed = 1}};
    *results = evaluate(loaded, &input);
    return suite;
}

/* Every row of the good data is there with the bad item too, bit for bit, and counts it. */
static void assert_same_but_skipped(const struct fs_results *good, const struct fs_results *both, enum fs_skip skip)
{
    size_t counted = 0;
    for (size_t i = 0; i < good->rows; i++) {
        const struct fs_result_row *a = &good->row[i], *b = row_of(both, a->category, a->subset, a->metric);
        assert_memory_equal(&a->value[0].value, &b->value[0].value, sizeof(double));
        assert_memory_equal(&a->value[0].low, &b->value[0].low, sizeof(double));
        assert_int_equal(a->value[0].n, b->value[0].n);
        assert_int_equal(fs_row_skipped(a), 0);
        assert_int_equal(fs_row_skipped(b), b->skipped[skip]);
        counted += b->skipped[skip];
    }
    assert_true(counted > 0);
}

static void others_are_scored(void **state)
{
    (void)state;
    struct loaded loaded = load("tests/golden/models/bert-tiny", 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_results good, both;
        struct fs_suite *without = measure(&loaded, &cases[i], cases[i].good, &good);
        struct fs_suite *with = measure(&loaded, &cases[i], cases[i].with_bad, &both);
        assert_int_equal(without->report.unusable, 0);
        assert_int_equal(with->report.unusable, 1);
        assert_int_equal(with->items, without->items + 1);
        size_t skipped = 0;
        for (size_t item = 0; item < with->items; item++) {
            if (with->skip[item] != FS_KEPT) {
                assert_int_equal(with->skip[item], cases[i].skip);
                assert_true(isnan(with->score[fs_suite_at(with, item, 0, 0)]));
                skipped++;
            }
        }
        assert_int_equal(skipped, 1);
        assert_same_but_skipped(&good, &both, cases[i].skip);
        fs_results_release(&good);
        fs_results_release(&both);
        fs_suite_destroy(without);
        fs_suite_destroy(with);
    }
    unload(&loaded);
}

static void strict_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_error err = FS_ERROR_INIT;
        struct fs_suite *suite = NULL;
        const struct fs_suite_kind *kind = fs_suite_kind_find(cases[i].suite);
        const struct fs_suite_options options = options_of(cases[i].suite, true);
        const char *path = write_text(cases[i].file, cases[i].with_bad);
        path = strcmp(cases[i].suite, "winogender") == 0 ? folder : path;
        assert_int_equal(fs_suite_open(kind, path, &options, &suite, &err), -1);
        assert_null(suite);
        assert_int_equal(err.code, FS_EXIT_DATA);
        if (strstr(err.text, cases[i].says) == NULL) {
            fail_msg("found \"%s\", expected \"%s\"", err.text, cases[i].says);
        }
        if (kind->read_pairs != NULL) {
            struct fs_pair_list pairs;
            assert_int_equal(fs_suite_read_pairs(kind, path, NULL, true, &pairs, &err), -1);
            assert_int_equal(err.code, FS_EXIT_DATA);
            assert_int_equal(fs_suite_read_pairs(kind, path, NULL, false, &pairs, &err), 0);
            fs_pair_list_release(&pairs);
        }
        (void)write_text(cases[i].file, cases[i].good);
        assert_int_equal(fs_suite_open(kind, path, &options, &suite, &err), 0);
        fs_suite_destroy(suite);
    }
}

/* target.prob of the first item: means over the tokens of "not tired", "the nurse", "rain" (transformers 5, float64). */
static void several_words(void **state)
{
    (void)state;
    static const double expected[] = {0.0007545706198852234, 0.007873101578439987, 0.004992222167630646};
    struct loaded loaded = load("tests/golden/models/bert-tiny", 1);
    struct fs_results results;
    struct fs_suite *suite = measure(&loaded, &cases[0], STEREOSET(GOOD), &results);
    for (size_t k = 0; k < 3; k++) {
        double found = suite->score[fs_suite_at(suite, 0, k, 0)];
        assert_true(fabs(log(found / expected[k])) <= bound_log_p(fs_model_spec(loaded.model)));
    }
    fs_results_release(&results);
    fs_suite_destroy(suite);
    unload(&loaded);
}

/* The table for people names the reasons below, and JSON has them in each row and item. */
static void reports(void **state)
{
    (void)state;
    struct loaded loaded = load("tests/golden/models/bert-tiny", 1);
    struct fs_results results;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_suite *suite = measure(&loaded, &cases[1], cases[1].with_bad, &results);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(fs_report_results(&results, out, &err), 0);
    (void)fclose(out);
    assert_non_null(strstr(text, "\nskipped: 1 empty_text (crows_pairs)\n"));
    assert_non_null(strstr(text, "\nall ")); /* though there is one category */
    free(text);
    cJSON *rows = fs_report_results_json(&results), *items = fs_report_items_json(suite, &results);
    const cJSON *first = cJSON_GetArrayItem(rows, 0);
    assert_int_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(first, "skipped"), "empty_text")->valueint, 1);
    assert_int_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(first, "result"), "n")->valueint, 1);
    assert_null(cJSON_GetObjectItem(cJSON_GetArrayItem(items, 0), "skipped"));
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(items, 1), "skipped")->valuestring, "empty_text");
    cJSON_Delete(rows);
    cJSON_Delete(items);
    fs_results_release(&results);
    fs_suite_destroy(suite);
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(others_are_scored), cmocka_unit_test(strict_refuses),
                                       cmocka_unit_test(several_words), cmocka_unit_test(reports)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
