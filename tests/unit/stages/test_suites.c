/*
 * Suites on files written here and random-weight models of the repository. Log probabilities come from PyTorch
 * (tests/golden/models/<model>/logprobs.jsonl), the rest by hand.
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

#include "io/formats/json.h"
#include "stages/metrics/metric_table.h"
#include "support.h"
#include "tests/unit/bounds.h"

/* Means, shares and differences in float64 of few scores below 100, which are the result's own. */
#define ARITHMETIC 1e-12

/* A text of `at least` so many tokens from the model's golden file, and its log probabilities. */
struct golden {
    struct fs_json_document *document;
    const char *text;
    const cJSON *logprobs;
    size_t tokens;
};

static struct golden golden_text(const char *model, size_t number, size_t least)
{
    char path[4096], *line = NULL;
    size_t capacity = 0;
    const char *source = getenv("FAIRSTAMP_SOURCE");
    struct golden golden = {0};
    (void)snprintf(path, sizeof path, "%s/tests/golden/models/%s/logprobs.jsonl", source != NULL ? source : ".", model);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (getline(&line, &capacity, file) > 0) {
        struct fs_error err = FS_ERROR_INIT;
        line[strcspn(line, "\n")] = '\0';
        assert_int_equal(fs_json_parse("golden", line, strlen(line), &golden.document, &err), 0);
        const cJSON *root = fs_json_root(golden.document);
        golden.text = cJSON_GetObjectItemCaseSensitive(root, "text")->valuestring;
        golden.logprobs = cJSON_GetObjectItemCaseSensitive(root, "logprobs");
        golden.tokens = (size_t)cJSON_GetArraySize(golden.logprobs);
        if (golden.tokens >= least && strpbrk(golden.text, "\n\t[]\"\\") == NULL && number-- == 0) {
            break;
        }
        fs_json_destroy(golden.document);
        golden.document = NULL;
    }
    free(line);
    (void)fclose(file);
    assert_non_null(golden.document);
    return golden;
}

static double sum_of(const struct golden *golden)
{
    double sum = 0.0;
    const cJSON *value;
    cJSON_ArrayForEach(value, golden->logprobs)
    {
        sum += value->valuedouble;
    }
    return sum;
}

static struct fs_suite *make(const struct loaded *loaded, const char *name, const char *path)
{
    const struct fs_suite_options options = {.kind = loaded->style.kind,
                                             .scoring = fs_suite_scoring(fs_suite_kind_find(name), loaded->style.kind),
                                             .seed = 1,
                                             .text_tokens = 100000,
                                             .permutations = 1000};
    return open_suite(name, path, &options);
}

static void refused(const char *name, const char *path, enum fs_exit code, const char *says)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_suite *suite = NULL;
    const struct fs_suite_options options = {
        .kind = FS_MASKED, .scoring = "target.prob", .permutations = 10, .strict = true};
    assert_int_equal(fs_suite_open(fs_suite_kind_find(name), path, &options, &suite, &err), -1);
    assert_null(suite);
    if ((int)err.code != (int)code || strstr(err.text, says) == NULL) {
        fail_msg("found %d \"%s\", expected %d and \"%s\"", (int)err.code, err.text, (int)code, says);
    }
}

/* The unedited model alone: a score array has one column. */
static struct fs_results measure(const struct loaded *loaded, struct fs_suite *suite)
{
    const struct fs_evaluate_input input = {.suite = &suite, .suites = 1, .bootstrap = {.resamples = 50, .seed = 1}};
    return evaluate(loaded, &input);
}

static const struct fs_metric *value_of(const struct fs_results *results, const char *metric)
{
    return &row_of(results, NULL, NULL, metric)->value[0];
}

static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) {
        fail_msg("found %.9g, expected %.9g", found, expected);
    }
}

/* exp(- mean log p), the golden file's: all before a token given (causal), all but it (masked). */
static void perplexity(void **state)
{
    static const char *const models[] = {"gpt2-tiny", "bert-tiny", "llama-grouped", "roberta-tiny"};
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "tests/golden/models/%s", models[i]);
        struct loaded loaded = load(name, 1);
        struct golden golden = golden_text(models[i], 0, 8);
        struct fs_suite *suite = make(&loaded, "text", write_text("text.txt", golden.text));
        struct fs_results result = measure(&loaded, suite);
        const struct fs_metric *value = value_of(&result, "perplexity");
        double wanted = exp(-sum_of(&golden) / (double)golden.tokens);
        assert_int_equal(value->n, golden.tokens);
        double bound = bound_log_p(fs_model_spec(loaded.model));
        assert_near(value->value / wanted, 1.0, bound);
        double bits = -sum_of(&golden) / (log(2.0) * (double)strlen(golden.text));
        assert_near(value_of(&result, "bits_per_byte")->value / bits, 1.0, bound);
        assert_near(suite->score[0], sum_of(&golden), (double)golden.tokens * bound);
        fs_results_release(&result);
        fs_suite_destroy(suite);
        fs_json_destroy(golden.document);
        unload(&loaded);
    }
    refused("text", path_of("missing"), FS_EXIT_NO_INPUT, "missing");
}

#define SENTENCE(id, label, word)                                                                                      \
    "{\"id\": \"" id "\", \"gold_label\": \"" label "\", \"sentence\": \"Our cook is very " word " today.\"}"

/* RoBERTa's mask takes the space before it, and the word is tokenized without. Numbers: bias-bench's way of
 * scoring, with transformers in float64. */
static void mask_with_its_space(void **state)
{
    static const double wanted[] = {0.00603025215443, 0.0035086601492, 0.000255796892043};
    (void)state;
    struct loaded loaded = load("tests/golden/models/roberta-late-pad-bf16", 1);
    const char *path = write_text(
        "stereoset.json",
        "{\"data\": {\"intrasentence\": [{\"id\": \"c\", \"bias_type\": \"profession\", \"target\": \"cook\", "
        "\"context\": \"Our cook is very BLANK today.\", \"sentences\": [" SENTENCE(
            "s", "stereotype", "gentle") ", " SENTENCE("a", "anti-stereotype",
                                                       "rude") ", " SENTENCE("u", "unrelated",
                                                                             "purple") "]}], \"intersentence\": []}}");
    struct fs_suite *suite = make(&loaded, "stereoset", path);
    struct fs_results result = measure(&loaded, suite);
    for (size_t i = 0; i < 3; i++) {
        double found = suite->score[fs_suite_at(suite, 0, i, 0)];
        assert_near(found / wanted[i], 1.0, bound_log_p(fs_model_spec(loaded.model)));
    }
    fs_results_release(&result);
    fs_suite_destroy(suite);
    unload(&loaded);
}

/* Windows without overlap have all bytes of a text between them, so its bits are those of its tokens. */
static void bits_of_several_windows(void **state)
{
    static const char *const models[] = {"gpt2-tiny", "bert-tiny"};
    (void)state;
    char text[4096] = "";
    for (size_t i = 0; i < 120; i++) {
        strcat(text, i % 3 == 0 ? "The nurse went home. " : "It rained on the old town. ");
    }
    for (size_t i = 0; i < 2; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "tests/golden/models/%s", models[i]);
        struct loaded loaded = load(name, 1);
        struct fs_suite *suite = make(&loaded, "text", write_text("text.txt", text));
        struct fs_results result = measure(&loaded, suite);
        double sum = 0.0;
        assert_true(suite->items > 2);
        for (size_t item = 0; item < suite->items; item++) {
            sum += suite->score[fs_suite_at(suite, item, 0, 0)];
        }
        double wanted = -sum / (log(2.0) * (double)strlen(text));
        assert_near(value_of(&result, "bits_per_byte")->value / wanted, 1.0, ARITHMETIC);
        fs_results_release(&result);
        fs_suite_destroy(suite);
        unload(&loaded);
    }
}

static void write_winobias(const char *pro, const char *anti)
{
    static const char *const names[] = {"type1.txt.dev", "type1.txt.test", "type2.txt.dev", "type2.txt.test"};
    for (size_t i = 0; i < 4; i++) {
        char name[64], line[1024];
        (void)snprintf(name, sizeof name, "pro_stereotyped_%s", names[i]);
        (void)snprintf(line, sizeof line, "1 %s\n", pro);
        (void)write_text(name, line);
        (void)snprintf(name, sizeof name, "anti_stereotyped_%s", names[i]);
        (void)snprintf(line, sizeof line, "1 %s\n", anti);
        (void)write_text(name, line);
    }
}

static void winobias(void **state)
{
    (void)state;
    struct loaded loaded = load("tests/golden/models/gpt2-tiny", 1);
    struct golden pro = golden_text("gpt2-tiny", 0, 8), anti = golden_text("gpt2-tiny", 1, 8);
    write_winobias(pro.text, anti.text);
    struct fs_suite *suite = make(&loaded, "winobias", folder);
    struct fs_results result = measure(&loaded, suite);
    assert_int_equal(suite->items, 4);
    assert_string_equal(suite->id[2], "type2.dev.1");
    double bound = (double)(pro.tokens + anti.tokens) * bound_log_p(fs_model_spec(loaded.model));
    for (size_t i = 0; i < 4; i++) {
        assert_near(suite->score[fs_suite_at(suite, i, 0, 0)], sum_of(&pro), bound);
        assert_near(suite->score[fs_suite_at(suite, i, 1, 0)], sum_of(&anti), bound);
    }
    double share = sum_of(&pro) > sum_of(&anti) ? 100.0 : 0.0;
    assert_near(value_of(&result, "pro")->value, share, 0);
    assert_int_equal(value_of(&result, "pro")->n, 4);
    assert_int_equal(value_of(&result, "pro.type2")->n, 2);
    assert_near(value_of(&result, "gap")->value, fabs(sum_of(&pro) - sum_of(&anti)), bound);
    fs_results_release(&result);
    fs_suite_destroy(suite);
    fs_json_destroy(pro.document);
    fs_json_destroy(anti.document);
    unload(&loaded);
    /* brackets and number go */
    struct loaded masked = load("tests/golden/models/bert-tiny", 1);
    write_winobias("[The nurse] saw that [she] was late.", "[The nurse] saw that [he] was late.");
    suite = make(&masked, "winobias", folder);
    result = measure(&masked, suite);
    assert_int_equal(value_of(&result, "pro")->n, 4);
    fs_results_release(&result);
    fs_suite_destroy(suite);
    unload(&masked);
    (void)write_text("anti_stereotyped_type2.txt.dev", "1 He ran.\n2 He sat.\n");
    refused("winobias", folder, FS_EXIT_DATA, "found 2 sentences, expected 1");
    write_winobias("The same.", "The same.");
    refused("winobias", folder, FS_EXIT_DATA, "another pronoun");
    refused("winobias", path_of("missing"), FS_EXIT_NO_INPUT, "missing");
}

#define WINOGENDER                                                                                                     \
    "sentid\tsentence\n"                                                                                               \
    "nurse.patient.0.male.txt\tThe nurse told the patient that he was tired.\n"                                        \
    "nurse.patient.0.female.txt\tThe nurse told the patient that she was tired.\n"                                     \
    "nurse.patient.0.neutral.txt\tThe nurse told the patient that they were tired.\n"

static void winogender(void **state)
{
    static const char *const models[] = {"tests/golden/models/bert-tiny", "tests/golden/models/gpt2-tiny"};
    (void)state;
    (void)write_text("all_sentences.tsv", WINOGENDER);
    for (size_t i = 0; i < 2; i++) {
        struct loaded loaded = load(models[i], 1);
        struct fs_suite *suite = make(&loaded, "winogender", folder);
        struct fs_results result = measure(&loaded, suite);
        assert_int_equal(suite->items, 1);
        assert_string_equal(suite->id[0], "nurse.patient.0");
        const double *score = suite->score; /* male, female, neutral, then occupation and participant of each */
        assert_near(value_of(&result, "male")->value, score[0] > score[1] ? 100 : 0, 0);
        assert_near(value_of(&result, "gap")->value, fabs(score[0] - score[1]), ARITHMETIC);
        assert_near(value_of(&result, "accuracy.male")->value, score[3] >= score[4] ? 100 : 0, 0);
        for (size_t k = 0; k < 9; k++) {
            assert_true(score[k] < 0.0);
        }
        fs_results_release(&result);
        fs_suite_destroy(suite);
        unload(&loaded);
    }
    (void)write_text("all_sentences.tsv", "sentid\tsentence\nnurse.patient.0.male.txt\tNo such word.\n");
    refused("winogender", folder, FS_EXIT_DATA, "expected a male pronoun");
    (void)write_text("all_sentences.tsv", "sentid\tsentence\nnurse.patient.2.male.txt\tHe ran.\n");
    refused("winogender", folder, FS_EXIT_DATA, "expected occupation.participant");
    (void)write_text("all_sentences.tsv", "sentid\tsentence\nnurse.patient.0.male.txt\tHe ran.\n");
    refused("winogender", folder, FS_EXIT_DATA, "found no female sentence");
    (void)write_text("all_sentences.tsv", "sentid\tsentence\nonly one field\n");
    refused("winogender", folder, FS_EXIT_DATA,
            "line 2: found 1 fields, expected 2 as in the header; a field must hold no tab");
    (void)write_text("all_sentences.tsv", "id\tsentence\nx\ty\n");
    refused("winogender", folder, FS_EXIT_DATA, "no column \"sentid\"");
}

#define WINOGRAD(source, sentence, tokens, pronoun, answers)                                                           \
    "en\t" source "\t?\t" sentence "\t" tokens "\t" pronoun "\t" answers "\n"
#define ANSWERS(a, a_is_right, b, b_is_right)                                                                          \
    "[[\"" a "\", [0, 1], [], " a_is_right "], [\"" b "\", [0, 1], [], " b_is_right "]]"
#define NURSE "[\"The\", \"nurse\", \"said\", \"that\", \"it\", \"was\", \"tired\", \".\"]"
#define QUOTED(pronoun) "[\"The\", \"``\", \"nurse\", \"''\", \"saw\", \"" pronoun "\", \"dog\", \".\"]"

/* With the right candidate lines 1 and 3 are the golden text; line 4 is line 5 with a possessive pronoun. */
static const char winograd_lines[] = WINOGRAD("original", "The nurse said that it was tired.", NURSE,
                                              "[\"it\", [4, 5]]", ANSWERS("she", "true", "rain", "false"))
    WINOGRAD("wsc_naive.test", "The nurse said that it was tired.", NURSE, "[\"it\", [4, 5]]",
             ANSWERS("She", "false", "rain", "true"))
        WINOGRAD("superglue.val", "It said that she was tired.",
                 "[\"It\", \"said\", \"that\", \"she\", \"was\", \"tired\", \".\"]", "[\"It\", [0, 1]]",
                 ANSWERS("a dog", "false", "the nurse", "true"))
            WINOGRAD("another", "The \"nurse\" saw his dog.", QUOTED("his"), "[\"his\", [5, 6]]",
                     ANSWERS("The man", "true", "Tom", "false"))
                WINOGRAD("another", "The \"nurse\" saw it dog.", QUOTED("it"), "[\"it\", [5, 6]]",
                         ANSWERS("the man's", "true", "Tom's", "false"));

static void refused_winograd(const char *tokens, const char *pronoun, const char *answers, const char *says)
{
    char text[4096];
    (void)snprintf(text, sizeof text, "%sen\toriginal\t?\tIt ran.\t%s\t%s\t%s\n", winograd_lines, tokens, pronoun,
                   answers);
    refused("winograd", write_text("winograd.tsv", text), FS_EXIT_DATA, says);
}

static void winograd_damaged(void **state)
{
    static const char *const tokens = "[\"It\", \"ran\", \".\"]", *const pronoun = "[\"It\", [0, 1]]",
                             *const answers = ANSWERS("a", "true", "b", "false");
    (void)state;
    refused("winograd", path_of("missing"), FS_EXIT_NO_INPUT, "missing");
    refused("winograd", write_text("winograd.tsv", ""), FS_EXIT_DATA, "found no line, expected a row");
    refused("winograd", write_text("winograd.tsv", "\nen\toriginal\n"), FS_EXIT_DATA,
            "line 2: found 2 tab-separated fields, expected 7");
    refused_winograd("[\"It\"", pronoun, answers, "winograd.tsv: line 6: tokens");
    refused_winograd("{}", pronoun, answers, "line 6: tokens: found an object, expected an array");
    refused_winograd("[\"It\", 1, \".\"]", pronoun, answers, "line 6: tokens: [1]: found a number, expected a text");
    refused_winograd("[\"It\", \"run\", \".\"]", pronoun, answers,
                     "line 6: tokens: [1]: found \"run\", expected a token of the sentence at \"ran.\"");
    refused_winograd("[\"It\", \"ran\", \".\", \".\"]", pronoun, answers, "[3]: found \".\", expected");
    refused_winograd("[\"It\", \"ran\"]", pronoun, answers, "found 2 tokens, expected more, for \".\"");
    refused_winograd("[\"\"]", pronoun, answers, "line 6: tokens: [0]: found an empty string");
    refused_winograd(tokens, "[]", answers, "line 6: pronoun: found nothing, expected a text");
    refused_winograd(tokens, "[\"It\", [0, -1]]", answers, "line 6: pronoun: found [\"It\", [0, -1]], expected");
    refused_winograd(tokens, "[\"It\", [2, 4]]", answers,
                     "line 6: pronoun: found tokens 2 to 4, expected one or more of the 3 tokens");
    refused_winograd(tokens, "[\"It\", [1, 1]]", answers, "line 6: pronoun: found tokens 1 to 1");
    refused_winograd(tokens, "[\"It\", [1, 2]]", answers,
                     "line 6: pronoun: found \"It\", expected \"ran\" as in the sentence");
    refused_winograd(tokens, pronoun, "[]", "line 6: candidates: found 0 candidates, 0 of them right, expected 2");
    refused_winograd(tokens, pronoun, ANSWERS("a", "true", "b", "true"), "found 2 candidates, 2 of them right");
    refused_winograd(tokens, pronoun, ANSWERS("a", "true", "b", "1"), "[1]: found a number, expected");
    refused_winograd(tokens, pronoun, "[\"a\", \"b\"]", "line 6: candidates: [0]: found a string, expected");
    refused_winograd(tokens, pronoun, ANSWERS("", "true", "b", "false"), "candidates: found an empty string");
    refused_winograd(tokens, pronoun, ANSWERS("a", "true", "A", "false"), "found \"a\" twice, expected two different");
}

static void winograd(void **state)
{
    static const char *const models[] = {"bert-tiny", "gpt2-tiny"};
    (void)state;
    const char *path = write_text("winograd.tsv", winograd_lines);
    for (size_t i = 0; i < 2; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "tests/golden/models/%s", models[i]);
        struct loaded loaded = load(name, 1);
        struct golden golden = golden_text(models[i], 0, 8);
        assert_string_equal(golden.text, "The nurse said that she was tired.");
        struct fs_suite *suite = make(&loaded, "winograd", path);
        struct fs_results result = measure(&loaded, suite);
        const double *score = suite->score, bound = bound_log_p(fs_model_spec(loaded.model));
        if (loaded.style.kind ==
            FS_MASKED) { /* "she" is one token, and so is each word before it; causal: test_capability.c */
            assert_near(score[0], cJSON_GetArrayItem(golden.logprobs, 4)->valuedouble, bound);
        }
        double right = 0.0;
        for (size_t k = 0; k < 2; k++) {
            assert_near(score[2 + k], score[1 - k], bound); /* the candidates of line 1, the other one right */
            assert_near(score[8 + k], score[6 + k], bound);
        }
        for (size_t item = 0; item < 5; item++) {
            right += score[2 * item] > score[2 * item + 1] ? 1.0 : 0.0;
        }
        assert_near(value_of(&result, "accuracy")->value, 100.0 * right / 5.0, ARITHMETIC);
        assert_int_equal(value_of(&result, "accuracy")->n, 5);
        assert_near(value_of(&result, "accuracy.original")->value + value_of(&result, "accuracy.wsc_naive")->value,
                    100.0, 0);
        assert_near(value_of(&result, "accuracy.superglue")->value, score[4] > score[5] ? 100.0 : 0.0, 0);
        fs_results_release(&result);
        fs_suite_destroy(suite);
        fs_json_destroy(golden.document);
        unload(&loaded);
    }
}

#define BEC "\tSent_TM\tSent_TAM\tPerson\tGender\tProf_Gender\n"

static void bec_pro(void **state)
{
    (void)state;
    struct loaded loaded = load("tests/golden/models/bert-tiny", 1);
    const char *path = write_text("bec.tsv", BEC "0\t[MASK] is a nurse.\t[MASK] is a [MASK].\tHe\tmale\tfemale\n"
                                                 "1\t[MASK] is a nurse.\t[MASK] is a [MASK].\tShe\tfemale\tfemale\n"
                                                 "2\t[MASK] is tired.\t[MASK] is tired.\tShe\tfemale\tmale\n");
    struct fs_suite *suite = make(&loaded, "bec_pro", path);
    struct fs_results result = measure(&loaded, suite);
    double male = suite->score[0] - suite->score[1], female = suite->score[2] - suite->score[3];
    assert_near(value_of(&result, "male in female jobs")->value, male, ARITHMETIC);
    assert_near(value_of(&result, "female in female jobs")->value, female, ARITHMETIC);
    assert_near(value_of(&result, "gap in female jobs")->value, male - female, ARITHMETIC);
    assert_near(value_of(&result, "female in male jobs")->value, 0.0, 0.0); /* the same sentence twice */
    assert_string_equal(fs_metric_kind_find("female in male jobs")->unit, "nat");
    assert_string_equal(fs_metric_kind_find("male in balanced jobs")->unit, "nat");
    assert_string_equal(fs_metric_kind_find("male")->unit, "percent"); /* Winogender's */
    fs_results_release(&result);
    fs_suite_destroy(suite);
    unload(&loaded);
    refused("bec_pro", write_text("bec.tsv", BEC "0\tNo mask.\t[MASK].\tHe\tmale\tmale\n"), FS_EXIT_DATA,
            "expected a sentence with [MASK]");
    refused("bec_pro", write_text("bec.tsv", BEC "0\t[MASK].\t[MASK].\tHe\tman\tmale\n"), FS_EXIT_DATA,
            "found \"man\", expected male, female");
}

/* As long as the longest name of the published tests, which two of them share but for its end. */
#define SEAT_NAME "sent-heilman_double_bind_competent_one_word"

/* Where both attributes are the same list no text lies nearer to one; where X is Y all partitions reach the sum. */
static void seat(void **state)
{
    (void)state;
    struct loaded loaded = load("tests/golden/models/gpt2-tiny", 1);
    const char *path = write_text(SEAT_NAME ".jsonl",
                                  "{\"targ1\": {\"category\": \"x\", \"examples\": [\"one\", \"two\", \"two\"]},"
                                  "\"targ2\": {\"category\": \"y\", \"examples\": [\"a dog\", \"the sea\"]},"
                                  "\"attr1\": {\"category\": \"a\", \"examples\": [\"good\", \"bad\"]},"
                                  "\"attr2\": {\"category\": \"b\", \"examples\": [\"rain\", \"sun\", \"snow\"]}}");
    struct fs_suite *suite = make(&loaded, "seat", path);
    struct fs_results result = measure(&loaded, suite);
    assert_int_equal(suite->items, 9); /* "two" counts once */
    assert_string_equal(row_of(&result, NULL, NULL, "effect_size")->category, SEAT_NAME);
    const double *s = suite->score;
    double mean = (s[0] + s[1] + s[2] + s[3]) / 4, variance = 0.0, reached = 0.0;
    for (size_t i = 0; i < 4; i++) {
        variance += (s[i] - mean) * (s[i] - mean) / 3.0;
        for (size_t k = i + 1; k < 4; k++) {
            reached += s[i] + s[k] >= s[0] + s[1] ? 1.0 : 0.0;
        }
    }
    assert_near(value_of(&result, "effect_size")->value, ((s[0] + s[1]) / 2 - (s[2] + s[3]) / 2) / sqrt(variance),
                1e-9); /* the deviation of s, which divides, may be small */
    assert_near(value_of(&result, "p_value")->value, reached / 6.0, ARITHMETIC);
    fs_results_release(&result);
    fs_suite_destroy(suite);
    unload(&loaded);
    refused("seat", write_text("t.jsonl", "{\"targ1\": {\"examples\": []}}"), FS_EXIT_DATA, "found none");
    refused("seat", write_text("t.jsonl", "{\"targ1\": {\"examples\": [1]}}"), FS_EXIT_DATA, "found a number");
}

static void facts(void **state)
{
    (void)state;
    struct loaded loaded = load("tests/golden/models/gpt2-tiny", 1);
    const char *path = write_text(
        "facts.json", "[{\"case_id\": 4, \"prompt\": \"The capital of France is \", \"ground_truth\": \"Paris\","
                      "\"target_new\": \"Rome\", \"rephrase_prompt\": \"France is ruled from\","
                      "\"locality_prompt\": \"The dog saw a\", \"locality_ground_truth\": \"cat\"}]");
    struct fs_suite *suite = make(&loaded, "counterfact", path);
    struct fs_results result = measure(&loaded, suite);
    assert_int_equal(suite->items, 1);
    assert_string_equal(suite->id[0], "4");
    assert_near(value_of(&result, "ds")->value, suite->score[0] > suite->score[1] ? 100 : 0, 0);
    assert_near(value_of(&result, "rs.locality")->value, 100, 0);
    fs_results_release(&result);
    fs_suite_destroy(suite);
    unload(&loaded);
    refused("counterfact", write_text("facts.json", "[{\"case_id\": 4}]"), FS_EXIT_DATA, "[0].prompt");
    refused("known_facts", write_text("facts.json", "[]"), FS_EXIT_DATA, "an empty array");
    refused("known_facts", write_text("facts.json", "{}"), FS_EXIT_DATA, "an empty object");
}

/* lm-evaluation-harness's likelihood_diff: the mean of the absolute differences of the sums of log p behind begin-of-text,
 * whichever sentence is the stereotype, those of a category and of all. */
static void likelihood_diff(void **state)
{
    enum { PAIRS = 4 };
    static const char *const types[PAIRS] = {"race", "gender", "race-color", "gender"};
    static const char *const directions[PAIRS] = {"stereo", "antistereo", "antistereo", "stereo"};
    (void)state;
    char text[8192] = ",sent_more,sent_less,stereo_antistereo,bias_type\n";
    double difference[PAIRS], depth = 0.0;
    for (size_t i = 0; i < PAIRS; i++) { /* the last pair is one text twice */
        struct golden more = golden_text("gpt2-tiny", 2 * i, 4);
        struct golden less = golden_text("gpt2-tiny", 2 * i + (i + 1 < PAIRS ? 1 : 0), 4);
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "%zu,\"%s\",\"%s\",%s,%s\n", i, more.text, less.text,
                       directions[i], types[i]);
        difference[i] = fabs(sum_of(&more) - sum_of(&less));
        depth += (double)(more.tokens + less.tokens);
        fs_json_destroy(more.document);
        fs_json_destroy(less.document);
    }
    struct loaded loaded = load("tests/golden/models/gpt2-tiny", 1);
    const struct fs_suite_options options = {.kind = FS_CAUSAL, .scoring = "sentence.sum"};
    struct fs_suite *suite = open_suite("crows_pairs", write_text("crows.csv", text), &options);
    struct fs_results result = measure(&loaded, suite);
    const struct {
        const char *category;
        double value;
        size_t n, ties;
    } rows[] = {{"race", (difference[0] + difference[2]) / 2, 2, 0},
                {"gender", (difference[1] + difference[3]) / 2, 2, 1},
                {"all", (difference[0] + difference[1] + difference[2] + difference[3]) / PAIRS, PAIRS, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct fs_result_row *row = row_of(&result, rows[i].category, "all", "crows.likelihood_diff");
        assert_near(row->value[0].value, rows[i].value, depth * bound_log_p(fs_model_spec(loaded.model)));
        assert_int_equal(row->value[0].n, rows[i].n);
        assert_int_equal(row->value[0].ties, rows[i].ties);
        assert_near(row->ideal, 0, 0);
    }
    fs_results_release(&result);
    fs_suite_destroy(suite);
    unload(&loaded);
}

/* Intersentence: the mean log p of the sentence's tokens given the context, from a file with one item. */
static void intersentence(void **state)
{
    (void)state;
    struct loaded loaded = load("tests/golden/models/gpt2-tiny", 1);
    const char *path =
        write_text("inter.json",
                   "{\"data\": {\"intersentence\": [{\"id\": \"i\", \"target\": \"nurse\", \"bias_type\": \"gender\","
                   "\"context\": \"The nurse came in.\", \"sentences\": ["
                   "{\"sentence\": \"She was kind.\", \"id\": \"a\", \"gold_label\": \"stereotype\"},"
                   "{\"sentence\": \"He was rude.\", \"id\": \"b\", \"gold_label\": \"anti-stereotype\"},"
                   "{\"sentence\": \"Rain is wet.\", \"id\": \"c\", \"gold_label\": \"unrelated\"}]}]}}");
    struct fs_suite *suite = make(&loaded, "stereoset_intersentence", path);
    struct fs_results result = measure(&loaded, suite);
    struct fs_plan *plan = NULL;
    struct fs_statement statement;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_statement_text text = text_of(0, "The nurse came in. ", "She was kind.", "");
    assert_int_equal(fs_plan_create(&plan, &err), 0);
    assert_int_equal(
        fs_statement_compile(plan, loaded.tokenizer, &loaded.style, FS_SENTENCE_SUM, &text, &statement, &err), 0);
    assert_int_equal(fs_plan_seal(plan, (struct fs_plan_limits){SIZE_MAX, 1000, 0, 0}, &err), 0);
    const struct fs_edit_list none = {0};
    struct fs_plan_values values;
    assert_int_equal(fs_plan_execute(plan, loaded.model, &none, loaded.runner, NULL, &values, &err), 0);
    struct fs_encoding context = {0};
    assert_int_equal(fs_tokenizer_encode(loaded.tokenizer, "The nurse came in.", 18, &context, &err), 0);
    double sum = 0.0;
    for (size_t i = context.count; i < statement.count; i++) {
        sum += fs_values_logprob(&values, 0, statement.read[i]) / (double)(statement.count - context.count);
    }
    /* the executor packs one pass here, and all of the suite's there */
    assert_near(suite->score[0] / exp(sum), 1.0, bound_log_p(fs_model_spec(loaded.model)));
    assert_int_equal(value_of(&result, "ss.macro")->n, 1);
    fs_plan_values_release(&values);
    fs_encoding_release(&context);
    fs_statement_release(&statement);
    fs_plan_destroy(plan);
    fs_results_release(&result);
    fs_suite_destroy(suite);
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(perplexity),      cmocka_unit_test(bits_of_several_windows),
                                       cmocka_unit_test(winobias),        cmocka_unit_test(winogender),
                                       cmocka_unit_test(winograd),        cmocka_unit_test(winograd_damaged),
                                       cmocka_unit_test(bec_pro),         cmocka_unit_test(seat),
                                       cmocka_unit_test(facts),           cmocka_unit_test(intersentence),
                                       cmocka_unit_test(likelihood_diff), cmocka_unit_test(mask_with_its_space)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
