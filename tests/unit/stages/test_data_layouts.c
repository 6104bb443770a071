/*
 * The same data in the layouts in which suites read it: facts as ROME, EasyEdit and KnowEdit keep them, tables with other
 * separators and as JSON. ROME's rules are those of its dsets/counterfact.py and experiments/py/eval_utils_counterfact.py:
 * prompt.format(subject), and the true answer at the neighbours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stages/suites/fact_layouts.h"
#include "support.h"

static struct fs_error err = FS_ERROR_INIT;

#define ROME_REST(prompt, paraphrases, neighbours)                                                                     \
    "\"requested_rewrite\": {\"prompt\": \"" prompt "\", \"subject\": \"The mill\", \"relation_id\": \"P1\", "         \
    "\"target_new\": {\"str\": \"Oslo\", \"id\": \"Q1\"}, \"target_true\": {\"str\": \"Bern\", \"id\": \"Q2\"}}, "     \
    "\"paraphrase_prompts\": " paraphrases ", \"neighborhood_prompts\": " neighbours ", \"generation_prompts\": []}"
#define ROME(prompt, paraphrases, neighbours)                                                                          \
    "{\"case_id\": 3, \"pararel_idx\": 1, " ROME_REST(prompt, paraphrases, neighbours)
#define BOTH ROME("{} stands in", "[\"So the mill is in\", \"Other\"]", "[\"The inn stands in\", \"Other\"]")
#define EDIT                                                                                                           \
    "\"prompt\": \"The mill stands in\", \"subject\": \"The mill\", \"rephrase_prompt\": \"So the mill is in\", "
#define FLAT(true_answer, new_answer, near)                                                                            \
    "{\"case_id\": 3, " EDIT "\"ground_truth\": " true_answer ", \"target_new\": " new_answer ", " near "}"
#define NEAR "\"locality_prompt\": \"The inn stands in\", \"locality_ground_truth\": \"Bern\""
#define NEWER "\"locality\": {\"neighborhood\": {\"prompt\": \"The inn stands in\", \"ground_truth\": \"Bern\"}}"
#define LISTS "\"locality\": {\"neighborhood\": {\"prompt\": [\"The inn stands in\"], \"ground_truth\": [[\"Bern\"]]}}"

static void counterfact(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[" FLAT("\"Bern\"", "\"Oslo\"", NEAR) "]",
        "[" FLAT("[\"Bern\", \"Berne\"]", "[\"Oslo\"]", NEAR) "]",
        "[" FLAT("[[\"Bern\"]]", "\"Oslo\"", NEWER) "]",
        FLAT("\"Bern\"", "\"Oslo\"", LISTS) "\n",
        "[" BOTH "]",
        BOTH "\n",
        "{\"case_id\": [3], \"requested_rewrite\": [{\"prompt\": \"{} stands in\", \"subject\": \"The mill\", "
        "\"target_new\": {\"str\": \"Oslo\"}, \"target_true\": {\"str\": \"Bern\"}}], \"paraphrase_prompts\": [[\"So "
        "the "
        "mill is in\"]], \"neighborhood_prompts\": [[\"The inn stands in\"]]}",
    };
    static const char *const prompts[] = {"The mill stands in", "The mill stands in", "So the mill is in",
                                          "So the mill is in", "The inn stands in"};
    static const char *const answers[] = {"Bern", "Oslo", "Bern", "Oslo", "Bern"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fs_fact_file file;
        struct fs_fact_record fact;
        if (fs_fact_file_open(write_text("facts.json", texts[i]), "counterfact", &file, &err) != 0 ||
            fs_fact_record_read(&file, file.records.list->child, 0, &fact, &err) != 0) {
            fail_msg("%s", err.text);
        }
        assert_int_equal(file.records.count, 1);
        assert_int_equal(file.candidates, FS_FACT_CANDIDATES);
        assert_string_equal(fact.id, "3");
        for (size_t k = 0; k < FS_FACT_CANDIDATES; k++) {
            assert_string_equal(fact.prompt[k], prompts[k]);
            assert_string_equal(fact.answer[k], answers[k]);
        }
        fs_fact_record_release(&fact);
        fs_fact_file_close(&file);
    }
}

static void refused(const char *suite, const char *path, const char *says)
{
    struct fs_suite *opened = NULL;
    const struct fs_suite_options options = {.kind = FS_CAUSAL, .scoring = "sentence.mean", .permutations = 10};
    err = (struct fs_error)FS_ERROR_INIT;
    assert_int_equal(fs_suite_kind_find(suite)->open(path, &options, &opened, &err), -1);
    assert_null(opened);
    if (err.code != FS_EXIT_DATA || strstr(err.text, says) == NULL) {
        fail_msg("found %d \"%s\", expected %d and \"%s\"", err.code, err.text, FS_EXIT_DATA, says);
    }
}

static void counterfact_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"[{\"subject\": \"a\", \"src\": \"b?\", \"alt\": \"c\", \"answers\": [\"d\"], \"loc\": \"e\"}]",
         "[0] found zsRE"},
        {"[{\"subject\": \"a\", \"prompt\": \"b\", \"target_new\": \"c\", \"ground_truth\": [\"d\"], \"portability\": "
         "{}, "
         "\"locality\": {\"Relation_Specificity\": []}}]",
         "[0] found KnowEdit, "},
        {"[{\"subject\": \"a\", \"prompt\": \"b\", \"target_new\": \"c\", \"portability\": {}}]",
         "[0] found KnowEdit, "},
        {"[{\"concept\": \"a\", \"text\": \"b\", \"labels\": \"c\", \"locality\": {}}]",
         "[0] found KnowEdit (WikiBio)"},
        {"{\"case_id\": 1, \"requested_rewrite\": [], \"questions\": [], \"answer\": \"a\"}", "line 1: found MQuAKE"},
        {"[{\"prompt\": \"a\", \"target_true\": \"b\", \"target_false\": \"c\"}]", "[0] found counterfact-tracing"},
        {"[{\"known_id\": 0, \"prompt\": \"a\", \"attribute\": \"b\"}]",
         "[0] found ROME's known facts, expected CounterFact in the layout of ROME and MEMIT, or CounterFact in "
         "EasyEdit"},
        {"[{\"prompt\": \"a\", \"answer\": \"b\"}]", "[0] found the keys prompt, answer, expected CounterFact in"},
        {"[{\"question\": \"a\"}]", "[0] found the keys question, expected a record with \"case_id\", "},
        {"[" BOTH ", " FLAT("\"a\"", "\"b\"", NEAR) "]", "[1] found CounterFact in EasyEdit's layout, expected "
                                                         "CounterFact in the layout of ROME and MEMIT as in the first"},
        {ROME("no place", "[\"a\"]", "[\"b\"]"), "line 1: requested_rewrite.prompt: found no {}, expected one {}"},
        {ROME("{} and {}", "[\"a\"]", "[\"b\"]"), "requested_rewrite.prompt: found {} twice"},
        {ROME("{} is", "[]", "[\"b\"]"), "line 1: paraphrase_prompts: found an empty array, expected a string"},
        {ROME("{} is", "[\"a\"]", "[{\"prompt\": \"b\"}]"), "neighborhood_prompts: found an object, expected a string"},
        {"[" FLAT("[]", "\"b\"", NEAR) "]", "[0].ground_truth: found an empty array"},
        {"[" FLAT("[[[\"a\"]]]", "\"b\"", NEAR) "]", "[0].ground_truth: found an array, expected a string"},
        {"[" FLAT("NaN", "\"b\"", NEAR) "]", "[0].ground_truth: found NaN, expected a number"},
        {"[{\"case_id\": 0.5, " EDIT NEAR "}]", "[0].case_id: found 0.5, expected an integer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        refused("counterfact", write_text("facts.json", cases[i][0]), cases[i][1]);
    }
    refused("known_facts", write_text("facts.json", "[" BOTH "]"),
            "[0] found CounterFact in the layout of ROME and MEMIT, expected ROME's known facts");
}

/* Facts without an id are numbered by their place; an id may be text. */
static void ids(void **state)
{
    (void)state;
    static const char text[] = "{" ROME_REST("{} is", "[\"a\"]", "[\"b\"]") "\n{\"case_id\": \"x7\", " ROME_REST(
        "{} is", "[\"a\"]", "[\"b\"]") "\n{\"case_id\": null, " ROME_REST("{} is", "[\"a\"]", "[\"b\"]");
    const struct fs_suite_options options = {.kind = FS_CAUSAL, .scoring = "sentence.mean"};
    struct fs_suite *suite = open_suite("counterfact", write_text("facts.jsonl", text), &options);
    assert_int_equal(suite->items, 3);
    assert_string_equal(suite->id[0], "0");
    assert_string_equal(suite->id[1], "x7");
    assert_string_equal(suite->id[2], "2");
    fs_suite_destroy(suite);
}

/* An id is kept whole, however long: cut, it would end within a character, or be another item's. */
static void long_ids(void **state)
{
    (void)state;
#define LETTERS "\xd0\xb4\xd0\xb4\xd0\xb4\xd0\xb4\xd0\xb4\xd0\xb4\xd0\xb4\xd0\xb4\xd0\xb4\xd0\xb4"
#define LONG LETTERS LETTERS LETTERS "x"
    static const char fact[] = "{\"case_id\": \"" LONG LONG "\", " ROME_REST("{} is", "[\"a\"]", "[\"b\"]");
    static const char lines[] =
        "sentid\tsentence\n" LONG "1.k.0.male.txt\tHe ran.\n" LONG "1.k.0.female.txt\tShe ran.\n" LONG
        "1.k.0.neutral.txt\tThey ran.\n" LONG "2.k.0.male.txt\tHe sat.\n" LONG "2.k.0.female.txt\tShe sat.\n" LONG
        "2.k.0.neutral.txt\tThey sat.\n";
    const struct fs_suite_options options = {.kind = FS_CAUSAL, .scoring = "sentence.mean"};
    struct fs_suite *suite = open_suite("counterfact", write_text("facts.jsonl", fact), &options);
    assert_string_equal(suite->id[0], LONG LONG);
    fs_suite_destroy(suite);
    suite = open_suite("winogender", write_text("sentences.tsv", lines), &options);
    assert_int_equal(suite->items, 2);
    assert_string_equal(suite->id[0], LONG "1.k.0");
    assert_string_equal(suite->id[1], LONG "2.k.0");
    fs_suite_destroy(suite);
}

#define TABS(a, b, c, d, e) a "\t" b "\t" c "\t" d "\t" e "\n"
#define SEMICOLONS(a, b, c, d, e) a ";" b ";" c ";" d ";" e "\r\n"
#define COMMAS(a, b, c, d, e) "0," a "," b "," c "," d "," e "\n"
#define RECORD(a, b, c, d, e)                                                                                          \
    "{\"Sent_TM\": \"" a "\", \"Sent_TAM\": \"" b "\", \"Person\": \"" c "\", \"Gender\": \"" d                        \
    "\", \"Prof_Gender\": \"" e "\"}\n"
#define BEC_PRO(row)                                                                                                   \
    row("[MASK] is a nurse.", "[MASK] is a [MASK].", "He", "male", "female")                                           \
        row("[MASK] is a nurse.", "[MASK] is a [MASK].", "She", "female", "female")
#define HEADER(row) row("Sent_TM", "Sent_TAM", "Person", "Gender", "Prof_Gender")

/* Opens the suite from each text, and finds the same scores bit for bit. */
static void check_same(const char *name, const char *const *texts, size_t count)
{
    struct loaded loaded = load("tests/golden/models/bert-tiny", 1);
    const struct fs_suite_options options = {.kind = FS_MASKED, .scoring = "target.prob"};
    double first[64] = {0};
    for (size_t i = 0; i < count; i++) {
        struct fs_suite *suite = open_suite(name, write_text("data", texts[i]), &options);
        const struct fs_evaluate_input input = {.suite = &suite, .suites = 1};
        struct fs_results results = evaluate(&loaded, &input);
        size_t scores = suite->items * suite->candidates;
        assert_true(scores > 0 && scores <= 64);
        if (i == 0) {
            memcpy(first, suite->score, scores * sizeof first[0]);
        }
        assert_memory_equal(first, suite->score, scores * sizeof first[0]);
        fs_results_release(&results);
        fs_suite_destroy(suite);
    }
    unload(&loaded);
}

static void tables(void **state)
{
    (void)state;
    static const char *const bec_pro[] = {HEADER(TABS) BEC_PRO(TABS), HEADER(SEMICOLONS) BEC_PRO(SEMICOLONS) "\r\n",
                                          HEADER(COMMAS) BEC_PRO(COMMAS), BEC_PRO(RECORD)};
    check_same("bec_pro", bec_pro, sizeof bec_pro / sizeof bec_pro[0]);
    static const char *const winogender[] = {
        "sentid\tsentence\nnurse.man.0.male.txt\tHe \"ran\".\nnurse.man.0.female.txt\tShe \"ran\".\n"
        "nurse.man.0.neutral.txt\tThey \"ran\".\n",
        "sentid,sentence\nnurse.man.0.male.txt,\"He \"\"ran\"\".\"\nnurse.man.0.female.txt,\"She \"\"ran\"\".\"\n"
        "nurse.man.0.neutral.txt,\"They \"\"ran\"\".\"\n",
        "{\"sentid\": [\"nurse.man.0.male.txt\", \"nurse.man.0.female.txt\", \"nurse.man.0.neutral.txt\"], "
        "\"sentence\": "
        "[\"He \\\"ran\\\".\", \"She \\\"ran\\\".\", \"They \\\"ran\\\".\"]}"};
    check_same("winogender", winogender, sizeof winogender / sizeof winogender[0]);
}

/* A table without a row has nothing to measure. */
static void no_rows(void **state)
{
    (void)state;
    static const char *const suites[] = {"bec_pro", "winogender", "crows_pairs"};
    static const char *const headers[] = {HEADER(TABS), "sentid,sentence\r\n\r\n",
                                          "sent_more;sent_less;stereo_antistereo;bias_type\n;;;\n"};
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        refused(suites[i], write_text("data", headers[i]), "data: found no row after the header, expected one");
        refused(suites[i], write_text("data", "[]"), "data: found no row, expected one");
    }
}

/* A row with too few fields is one item's fault. */
static void bad_row(void **state)
{
    (void)state;
    const struct fs_suite_options options = {.kind = FS_MASKED};
    struct fs_suite *suite =
        open_suite("bec_pro", write_text("data", HEADER(TABS) "[MASK] is a nurse.\tHe\n" BEC_PRO(TABS)), &options);
    assert_int_equal(suite->items, 3);
    assert_int_equal(suite->unusable[0], FS_SKIP_BAD_RECORD);
    assert_int_equal(suite->unusable[1], FS_KEPT);
    assert_int_equal(suite->report.skipped[FS_SKIP_BAD_RECORD], 1);
    fs_suite_destroy(suite);
}

/* A text in another encoding would have a perplexity too, of other characters. */
static void text_encoding(void **state)
{
    (void)state;
    refused("text", write_text("data", "Un caf\xe9 noir.\n"),
            "byte 6: found 0xE9, which is not UTF-8; save the file as");
    refused("text", write_text("data", "Cut \xe2\x82"), "byte 4: found 0xE2, which is not UTF-8");
}

/* Files of another kind are named by the suites that read plain text too. */
static void foreign(void **state)
{
    (void)state;
    static const char *const suites[] = {"text",   "winograd",  "bec_pro",     "seat", "counterfact",
                                         "biaske", "stereoset", "crows_pairs", "blimp"};
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        refused(suites[i], write_text("data", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
                "found a pointer of Git LFS");
        refused(suites[i], write_text("data", "<!DOCTYPE html>\n<html></html>\n"), "found a web page");
        refused(suites[i], write_text("data", "\x1f\x8b\x08"), "found a file compressed by gzip");
    }
}

/* No cut of a file and no byte changed does worse than an error. */
static void damage(void **state)
{
    (void)state;
    static const char *const texts[] = {"[" BOTH "]", FLAT("[\"Bern\"]", "\"Oslo\"", LISTS)};
    static const char bytes[] = "\"[}7";
    for (size_t i = 0; i < 2; i++) {
        char *text = strdup(texts[i]);
        assert_non_null(text);
        for (size_t at = 0; at < strlen(texts[i]); at++) {
            for (size_t k = 0; k < sizeof bytes; k++) { /* the last one: the text cut there */
                struct fs_fact_file file;
                struct fs_fact_record fact;
                text[at] = bytes[k];
                (void)remove(path_of("cut.json")); /* cut to nothing instead, it would be synced */
                if (fs_fact_file_open(write_text("cut.json", text), "counterfact", &file, &err) == 0) {
                    (void)fs_fact_record_read(&file, file.records.list->child, 0, &fact, &err);
                    fs_fact_record_release(&fact);
                    fs_fact_file_close(&file);
                }
                text[at] = texts[i][at];
            }
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counterfact),   cmocka_unit_test(counterfact_refused),
        cmocka_unit_test(ids),           cmocka_unit_test(long_ids),
        cmocka_unit_test(no_rows),       cmocka_unit_test(bad_row),
        cmocka_unit_test(text_encoding), cmocka_unit_test(tables),
        cmocka_unit_test(foreign),       cmocka_unit_test(damage),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
