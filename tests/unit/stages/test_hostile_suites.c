/* Hostile files of the suites on what a model can do: one line each, and no damage does worse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "support.h"

static struct fs_suite_options options_of(enum fs_model_kind kind, size_t most)
{
    return (struct fs_suite_options){.kind = kind, .suite_items = most, .strict = true};
}

static void refused(const char *suite, const char *text, const char *says)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_suite *made = NULL;
    const struct fs_suite_options options = options_of(FS_CAUSAL, 0);
    const char *path = write_text("data.jsonl", text);
    if (fs_suite_open(fs_suite_kind_find(suite), path, &options, &made, &err) != -1) {
        fail_msg("%s is taken, expected \"%s\"", text, says);
    }
    assert_null(made);
    if (err.code != FS_EXIT_DATA || strstr(err.text, says) == NULL || strstr(err.text, "data.jsonl") == NULL ||
        strchr(err.text, '\n') != NULL) {
        fail_msg("found %d \"%s\", expected \"%s\"", (int)err.code, err.text, says);
    }
}

struct hostile {
    const char *text, *says;
};

#define PAIR(good, bad, term, uid)                                                                                     \
    "{\"sentence_good\": " good ", \"sentence_bad\": " bad ", \"linguistics_term\": " term ", \"UID\": " uid "}\n"
#define GOOD_PAIR PAIR("\"It is.\"", "\"It are.\"", "\"t\"", "\"u\"")

static void blimp_refused(void **state)
{
    (void)state;
    static const struct hostile cases[] = {
        {"", "is empty, expected records in JSON"},
        {"[]", "found no record, expected items"},
        {"{\"sentence\": \"It is.\"}\n", "found the keys sentence, expected a record"},
        {GOOD_PAIR "{\"UID\": \"u\"", "line 2"},
        {GOOD_PAIR PAIR("3", "\"It are.\"", "\"t\"", "\"u\""), "line 2: sentence_good: found a number"},
        {GOOD_PAIR PAIR("\"It is.\"", "\" \"", "\"t\"", "\"u\""), "line 2: sentence_bad: found an empty text"},
        {GOOD_PAIR PAIR("\"It is.\"", "\"It is.\"", "\"t\"", "\"u\""),
         "line 2: sentence_bad: found the text of sentence_good"},
        {GOOD_PAIR PAIR("\"It is.\"", "\"It are.\"", "\"t\"", "[\"u\"]"), "line 2: UID: found an array"},
        {GOOD_PAIR PAIR("\"It is.\"", "\"It are.\"", "\"a\\tb\"", "\"u\""),
         "line 2: linguistics_term: found a control character"},
        {GOOD_PAIR PAIR("\"It is.\"", "\"It are.\"", "null", "\"u\""), "line 2: linguistics_term: found nothing"},
        {GOOD_PAIR "3\n", "line 2"},
        {GOOD_PAIR "{\"sentence_good\": \"\xff\"}\n", "UTF-8"},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "found a pointer of Git LFS"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        refused("blimp", cases[i].text, cases[i].says);
    }
    char *many = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&many, &size);
    assert_non_null(out);
    for (size_t i = 0; i <= 1000; i++) {
        (void)fprintf(out, PAIR("\"It is.\"", "\"It are.\"", "\"t\"", "\"%zu.\""), i);
    }
    (void)fclose(out);
    refused("blimp", many, "line 1001: UID: found more than 1000 different ones");
    free(many);
}

#define GOOD_TEXT "{\"text\": \"It is late\"}\n"

static void lambada_refused(void **state)
{
    (void)state;
    static const struct hostile cases[] = {
        {"", "is empty, expected records in JSON"},
        {"{}", "found an empty object, expected a record"},
        {"{\"sentence\": \"It is.\"}\n", "found the keys sentence, expected a record"},
        {GOOD_TEXT "{\"text\": \"word\"}\n", "line 2: text: found one word"},
        {GOOD_TEXT "{\"text\": \" word\"}\n", "line 2: text: found one word"},
        {GOOD_TEXT "{\"text\": \"a word \"}\n", "line 2: text: found a blank at the end"},
        {GOOD_TEXT "{\"text\": \" \"}\n", "line 2: text: found an empty text"},
        {GOOD_TEXT "{\"text\": [\"a b\"]}\n", "line 2: text: found an array"},
        {GOOD_TEXT "{\"text\": \"a b", "line 2"},
        {GOOD_TEXT "{\"text\": \"a \xff\"}\n", "UTF-8"},
        {"<!DOCTYPE html>\n<html></html>\n", "found a web page"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        refused("lambada", cases[i].text, cases[i].says);
    }
}

#define INFO "\"answer_info\": {\"ans0\": [\"x\", \"old\"], \"ans1\": [\"y\", \"nonOld\"], \"ans2\": []}"
#define GROUPS "\"additional_metadata\": {\"stereotyped_groups\": [\"old\"]}"
#define HEAD                                                                                                           \
    "\"category\": \"Age\", \"question_index\": \"1\", \"context_condition\": \"ambig\", \"question_polarity\": "      \
    "\"neg\", \"context\": \"c\", \"question\": \"q\""
#define NAMES "\"ans0\": \"a\", \"ans1\": \"b\", \"ans2\": \"Unknown\", \"label\": 2"
#define GOOD_QUESTION "{" HEAD ", " NAMES ", " INFO ", " GROUPS "}\n"
#define QUESTION(head, names, info, groups) GOOD_QUESTION "{" head ", " names ", " info ", " groups "}\n"

static void bbq_refused(void **state)
{
    (void)state;
    static const struct hostile cases[] = {
        {"", "is empty, expected records in JSON"},
        {"[]", "found no record, expected items"},
        {"{\"context\": \"c\"}\n", "found the keys context, expected a record"},
        {GOOD_QUESTION "{\"ans0\": \"", "line 2"},
        {QUESTION("\"category\": 1", NAMES, INFO, GROUPS), "line 2: category: found a number"},
        {QUESTION("\"category\": \"all\"", NAMES, INFO, GROUPS), "line 2: category: found \"all\""},
        {QUESTION("\"category\": \"Age\"", NAMES, INFO, GROUPS), "line 2: question_index: found nothing"},
        {QUESTION("\"category\": \"Age\", \"question_index\": -1", NAMES, INFO, GROUPS),
         "line 2: question_index: found a number"},
        {QUESTION("\"category\": \"Age\", \"question_index\": 1, \"context_condition\": \"other\"", NAMES, INFO,
                  GROUPS),
         "line 2: context_condition: found another text, expected ambig or disambig"},
        {QUESTION("\"category\": \"Age\", \"question_index\": 1, \"context_condition\": \"ambig\"", NAMES, INFO,
                  GROUPS),
         "line 2: question_polarity: found nothing"},
        {QUESTION(HEAD, "\"ans0\": \"a\", \"ans1\": \"b\", \"ans2\": \"Unknown\", \"label\": 3", INFO, GROUPS),
         "line 2: label: found 3"},
        {QUESTION(HEAD, "\"ans0\": \"a\", \"ans1\": \"b\", \"ans2\": \"c\", \"label\": 2", INFO, GROUPS),
         "line 2: ans2: found a third answer that names somebody"},
        {QUESTION(HEAD, "\"ans0\": \"a\", \"ans1\": \"Unknown\", \"ans2\": \"Not known\", \"label\": 2", INFO, GROUPS),
         "line 2: ans2: found a second answer that it is not known"},
        {QUESTION(HEAD, "\"ans0\": \"a\", \"ans1\": \" \", \"ans2\": \"Unknown\", \"label\": 2", INFO, GROUPS),
         "line 2: ans1: found an empty text"},
        {QUESTION(HEAD, NAMES, "\"answer_info\": []", GROUPS), "line 2: answer_info: found an array"},
        {QUESTION(HEAD, NAMES, "\"answer_info\": {\"ans0\": \"old\"}", GROUPS),
         "line 2: answer_info.ans0: found a string"},
        {QUESTION(HEAD, NAMES, "\"answer_info\": {\"ans0\": [1]}", GROUPS), "line 2: answer_info.ans0: found a number"},
        {QUESTION(HEAD, NAMES, "\"answer_info\": {\"ans0\": [\"\", \"\"]}", GROUPS), "answer_info.ans0: found no text"},
        {QUESTION(HEAD, NAMES, INFO, "\"additional_metadata\": {}"),
         "line 2: additional_metadata.stereotyped_groups: found nothing"},
        {QUESTION(HEAD, NAMES, INFO, "\"additional_metadata\": {\"stereotyped_groups\": [null]}"),
         "line 2: additional_metadata.stereotyped_groups: found null"},
        {GOOD_QUESTION "{\"ans0\": \"\xff\"}\n", "UTF-8"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        refused("bbq", cases[i].text, cases[i].says);
    }
    char *text = NULL, name[700];
    memset(name, 'F', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_true(asprintf(&text, "%s{%s, %s, \"answer_info\": {\"ans0\": [\"%s\"]}, %s}\n", GOOD_QUESTION, HEAD, NAMES,
                         name, GROUPS) > 0);
    refused("bbq", text, "line 2: answer_info.ans0: found a long text");
    free(text);
}

/* A folder with these two files, of which one is damaged. */
static void pararel_refused_as(const char *patterns, const char *facts, int code, const char *says)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_suite *made = NULL;
    const struct fs_suite_options options = options_of(FS_CAUSAL, 0);
    (void)mkdir(path_of("graphs"), 0700);
    (void)mkdir(path_of("trex_lms_vocab"), 0700);
    (void)write_text("graphs/P1.jsonl", patterns);
    (void)remove(path_of("trex_lms_vocab/P1.jsonl"));
    if (facts != NULL) {
        (void)write_text("trex_lms_vocab/P1.jsonl", facts);
    }
    if (fs_suite_open(fs_suite_kind_find("pararel"), folder, &options, &made, &err) != -1) {
        fail_msg("%s %s is taken, expected \"%s\"", patterns, facts, says);
    }
    assert_null(made);
    if ((int)err.code != code || strstr(err.text, says) == NULL || strchr(err.text, '\n') != NULL) {
        fail_msg("found %d \"%s\", expected \"%s\"", (int)err.code, err.text, says);
    }
}

#define GOOD_PATTERN "{\"pattern\": \"[X] is [Y] .\"}\n"
#define GOOD_FACT "{\"sub_label\": \"s\", \"obj_label\": \"o\"}\n"

static void pararel_refused(void **state)
{
    (void)state;
    static const struct hostile patterns[] = {
        {"", "graphs/P1.jsonl: is empty, expected records in JSON"},
        {"[]", "graphs/P1.jsonl: found no record"},
        {"{\"lemma\": \"is\"}\n", "found the keys lemma, expected a record"},
        {GOOD_PATTERN "{\"pattern\": 1}\n", "graphs/P1.jsonl: line 2: pattern: found a number"},
        {GOOD_PATTERN "{\"pattern\": \"\"}\n", "line 2: pattern: found an empty text"},
        {GOOD_PATTERN "{\"pattern\": \"[X] is.\"}\n",
         "line 2: pattern: found \"[X] is.\", expected a sentence with [X]"},
        {GOOD_PATTERN "{\"pattern\": \"[Y] is.\"}\n", "line 2: pattern: found \"[Y] is.\""},
        {GOOD_PATTERN "{\"pattern\": \"[X] [X] is [Y].\"}\n", "line 2: pattern: found \"[X] [X] is [Y].\""},
        {GOOD_PATTERN "{\"pattern\": \"[X] is [Y] [Y].\"}\n", "line 2: pattern: found \"[X] is [Y] [Y].\""},
        {"{\"pattern\": \"[Y] is [X].\"}\n", "found no pattern that ends in [Y]"},
        {GOOD_PATTERN "{\"pattern\": \"\xff\"}\n", "UTF-8"}};
    static const struct hostile facts[] = {
        {"", "trex_lms_vocab/P1.jsonl: is empty, expected records in JSON"},
        {"{\"uuid\": \"a\"}\n", "found the keys uuid, expected a record"},
        {GOOD_FACT "{\"sub_label\": \"s\"}\n", "line 2: obj_label: found nothing"},
        {GOOD_FACT "{\"sub_label\": [], \"obj_label\": \"o\"}\n", "line 2: sub_label: found an array"},
        {GOOD_FACT "{\"sub_label\": \"s\", \"obj_label\": \" \"}\n", "line 2: obj_label: found an empty text"},
        {GOOD_FACT "{\"sub_label\": \"s\", \"obj_lab", "line 2"},
        {"<!DOCTYPE html>\n<html></html>\n", "found a web page"}};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        pararel_refused_as(patterns[i].text, GOOD_FACT, FS_EXIT_DATA, patterns[i].says);
    }
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        pararel_refused_as(GOOD_PATTERN, facts[i].text, FS_EXIT_DATA, facts[i].says);
    }
    pararel_refused_as(GOOD_PATTERN, NULL, FS_EXIT_NO_INPUT, "trex_lms_vocab/P1.jsonl: No such file");
    char *many = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&many, &size);
    assert_non_null(out);
    for (size_t i = 0; i <= 5000; i++) {
        (void)fprintf(out, "{\"sub_label\": \"s\", \"obj_label\": \"%zu\"}\n", i);
    }
    (void)fclose(out);
    pararel_refused_as(GOOD_PATTERN, many, FS_EXIT_DATA, "line 5001: obj_label: found more than 5000 different ones");
    free(many);
    (void)remove(path_of("graphs/P1.jsonl"));
    pararel_refused_as(GOOD_PATTERN, GOOD_FACT "\n{}\n", FS_EXIT_DATA, "line 3");
    struct fs_error err = FS_ERROR_INIT;
    struct fs_suite *made = NULL;
    const struct fs_suite_options options = options_of(FS_CAUSAL, 0);
    assert_int_equal(fs_suite_open(fs_suite_kind_find("pararel"), path_of("graphs"), &options, &made, &err), -1);
    assert_int_equal(err.code, FS_EXIT_NO_INPUT);
    assert_non_null(strstr(err.text, "found neither the folder graphs nor"));
}

/* No cut of a file and no byte changed does worse than an error. */
static void damage(const char *suite, const char *name)
{
    static const char bytes[] = "\"[}7";
    struct fs_error err = FS_ERROR_INIT;
    const struct fs_suite_options options = {.kind = FS_CAUSAL};
    char text[4096], cut[4096];
    FILE *file = fopen(from_source(name), "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    size = size < 1200 ? size : 1200;
    for (size_t at = 1; at < size; at += 3) {
        struct fs_suite *made = NULL;
        memcpy(cut, text, size);
        cut[at] = bytes[at / 3 % sizeof bytes]; /* the last one: the text cut there */
        cut[size] = '\0';
        if (fs_suite_kind_find(suite)->open(write_text("cut.jsonl", cut), &options, &made, &err) == 0) {
            fs_suite_destroy(made);
        }
        (void)remove(path_of("cut.jsonl"));
    }
}

static void damaged(void **state)
{
    (void)state;
    damage("blimp", "capability/blimp.jsonl");
    damage("lambada", "capability/lambada.jsonl");
    damage("bbq", "capability/bbq.jsonl");
    damage("winograd", "capability/winograd.tsv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(blimp_refused), cmocka_unit_test(lambada_refused),
                                       cmocka_unit_test(bbq_refused), cmocka_unit_test(pararel_refused),
                                       cmocka_unit_test(damaged)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
