/*
 * Intersentence items with their contexts as StereoSet's own scorer takes them, against PyTorch (tests/golden/intersentence); one
 * category under two spellings in the rows; what rows on some of the items say of those left out.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/formats/json.h"
#include "results/report.h"
#include "support.h"
#include "tests/unit/bounds.h"

static struct fs_results measure(const struct loaded *loaded, struct fs_suite *suite)
{
    const struct fs_evaluate_input input = {.suite = &suite, .suites = 1};
    return evaluate(loaded, &input);
}

/* ---- intersentence ---- */

static const char *golden(const char *name)
{
    static char path[2][4096];
    static size_t next;
    const char *source = getenv("FAIRSTAMP_SOURCE");
    next = 1 - next;
    (void)snprintf(path[next], sizeof path[next], "%s/tests/golden/intersentence/%s", source != NULL ? source : ".",
                   name);
    return path[next];
}

/* Where the suite has the score of a sentence. */
static size_t place_of(const struct fs_pair_list *pairs, const struct fs_suite *suite, const char *id)
{
    for (size_t i = 0; i < 3 * pairs->count; i++) {
        if (strcmp(pairs->item[i / 3].statement[i % 3].id, id) == 0) {
            return fs_suite_at(suite, i / 3, i % 3, 0);
        }
    }
    fail_msg("no sentence %s", id);
    return 0;
}

/* Lines "sentence id, context closed, context as written". */
static void check_scores(const struct loaded *loaded, const char *path, const char *golden_name)
{
    static const char *const scorings[] = {"object.mean.stop", "object.mean"};
    struct fs_pair_list pairs;
    assert_int_equal(fs_stereoset_read_intersentence(path, NULL, &pairs, NULL), 0);
    for (size_t k = 0; k < 2; k++) {
        const struct fs_suite_options options = {.kind = FS_CAUSAL, .scoring = scorings[k]};
        struct fs_suite *suite = open_suite("stereoset_intersentence", path, &options);
        struct fs_results results = measure(loaded, suite);
        assert_string_equal(row_of(&results, "all", "all", "ss.macro")->scoring, scorings[k]);
        FILE *file = fopen(golden(golden_name), "r");
        assert_non_null(file);
        char id[128];
        double score[2];
        size_t compared = 0;
        for (; fscanf(file, "%127s %lf %lf", id, &score[0], &score[1]) == 3; compared++) {
            double found = suite->score[place_of(&pairs, suite, id)];
            /* a mean of log p; the golden file has nine digits */
            if (!(fabs(found / score[k] - 1.0) <= bound_log_p(fs_model_spec(loaded->model)) + 1e-8)) {
                fail_msg("%s, %s: found %.9g, expected %.9g", scorings[k], id, found, score[k]);
            }
        }
        (void)fclose(file);
        assert_int_equal(compared, 3 * pairs.count);
        fs_results_release(&results);
        fs_suite_destroy(suite);
    }
    fs_pair_list_release(&pairs);
}

static void contexts_of_every_end(void **state)
{
    static const char *const models[] = {"gpt2-tiny", "llama-grouped"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char name[128], scores[128];
        (void)snprintf(name, sizeof name, "tests/golden/models/%s", models[i]);
        (void)snprintf(scores, sizeof scores, "%s.items.txt", models[i]);
        struct loaded loaded = load(name, 1);
        check_scores(&loaded, golden("items.json"), scores);
        unload(&loaded);
    }
}

/* The items of dev.json whose sentences the golden file has, as a file of their own. */
static const char *write_chosen(const char *dev)
{
    struct fs_json_document *document;
    char id[128], *ids = NULL;
    size_t size;
    FILE *all = open_memstream(&ids, &size), *file = fopen(golden("books-gpt2-mini.dev.txt"), "r");
    assert_true(all != NULL && file != NULL);
    while (fscanf(file, "%127s %*f %*f", id) == 1) {
        (void)fprintf(all, "%s\n", id);
    }
    (void)fclose(file);
    (void)fclose(all);
    assert_int_equal(fs_json_load(dev, &document, NULL), 0);
    const cJSON *item, *items = cJSON_GetObjectItemCaseSensitive(
                           cJSON_GetObjectItemCaseSensitive(fs_json_root(document), "data"), "intersentence");
    cJSON *made = cJSON_CreateObject(),
          *list = cJSON_AddArrayToObject(cJSON_AddObjectToObject(made, "data"), "intersentence");
    cJSON_ArrayForEach(item, items)
    {
        const cJSON *first = cJSON_GetObjectItemCaseSensitive(item, "sentences")->child;
        if (strstr(ids, cJSON_GetObjectItemCaseSensitive(first, "id")->valuestring) != NULL) {
            cJSON_AddItemToArray(list, cJSON_Duplicate(item, true));
        }
    }
    assert_int_equal(cJSON_GetArraySize(list), 40);
    char *text = cJSON_Print(made);
    const char *path = write_text("chosen.json", text);
    free(text);
    free(ids);
    cJSON_Delete(made);
    fs_json_destroy(document);
    return path;
}

static void published_items(void **state)
{
    (void)state;
    const char *source = getenv("FAIRSTAMP_SOURCE"), *shared = getenv("FAIRSTAMP_SHARED");
    char dev[4096], model[4096];
    source = source != NULL ? source : ".";
    (void)snprintf(dev, sizeof dev, "%s%s/data/stereoset/dev.json", shared != NULL ? shared : source,
                   shared != NULL ? "" : "/../shared");
    if (access(dev, R_OK) != 0) {
        print_message("skipped: no shared data\n");
        skip();
    }
    (void)snprintf(model, sizeof model, "%.*s/models/books-gpt2-mini",
                   (int)(strlen(dev) - strlen("/data/stereoset/dev.json")), dev);
    struct loaded loaded = load(model, 2);
    check_scores(&loaded, golden("items.json"), "books-gpt2-mini.items.txt");
    char path[4096];
    (void)snprintf(path, sizeof path, "%s", write_chosen(dev));
    check_scores(&loaded, path, "books-gpt2-mini.dev.txt");
    unload(&loaded);
}

static void closing(void **state)
{
    static const char *const cases[][2] = {{"It rained ", "It rained. "},
                                           {"It rained. ", "It rained. "},
                                           {"Did it? ", "Did it? "},
                                           {"It did! ", "It did! "},
                                           {"It rained  ", "It rained . "},
                                           {"\"No.\" ", "\"No.\". "},
                                           {"Il pleut\u2026 ", "Il pleut\u2026. "},
                                           {"\u96e8\u3002 ", "\u96e8\u3002. "},
                                           {" ", " "},
                                           {"", ""},
                                           {"It rained", "It rained."}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *closed = fs_close_context(cases[i][0], NULL);
        assert_non_null(closed);
        assert_string_equal(closed, cases[i][1]);
        free(closed);
    }
}

/* ---- one category ---- */

#define CROWS ",sent_more,sent_less,stereo_antistereo,bias_type\n"

static size_t rows_of_category(const struct fs_results *results, const char *category, const char *metric)
{
    size_t rows = 0;
    for (size_t i = 0; i < results->rows; i++) {
        rows += strcmp(results->row[i].category, category) == 0 && strcmp(results->row[i].metric, metric) == 0;
    }
    return rows;
}

/* Lines of the printed table that begin so. */
static size_t printed_lines(const struct fs_results *results, const char *beginning)
{
    char *text = NULL;
    size_t size, lines = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    assert_int_equal(fs_report_results(results, stream, NULL), 0);
    assert_int_equal(fclose(stream), 0);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        lines += strncmp(line, beginning, strlen(beginning)) == 0;
    }
    free(text);
    return lines;
}

static void two_spellings_are_one_row(void **state)
{
    static const char *const wishes[][3] = {{NULL}, {"race", NULL}, {"race-color", NULL}, {"race-color", "race", NULL}};
    (void)state;
    struct loaded loaded = load("tests/golden/models/gpt2-tiny", 1);
    const char *path = write_text("both.csv", CROWS "0,The tall man ran.,The short man ran.,stereo,race\n"
                                                    "1,She is tired.,He is tired.,stereo,gender\n"
                                                    "2,They sat here.,They sat there.,antistereo,race-color\n"
                                                    "3,A cat ate.,A dog ate.,stereo,race\n");
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        const struct fs_suite_options options = {
            .kind = FS_CAUSAL, .scoring = "sentence.sum", .categories = wishes[i][0] != NULL ? wishes[i] : NULL};
        struct fs_suite *suite = open_suite("crows_pairs", path, &options);
        struct fs_results results = measure(&loaded, suite);
        assert_int_equal(suite->items, i == 0 ? 4 : 3);
        assert_int_equal(rows_of_category(&results, "race", "crows"), 1);
        assert_int_equal(rows_of_category(&results, "race", "crows.likelihood_diff"), 1);
        assert_int_equal(rows_of_category(&results, "race-color", "crows"), 0);
        assert_int_equal(row_of(&results, "race", NULL, "crows")->value[0].n, 3);
        assert_int_equal(row_of(&results, "race", NULL, "crows.antistereo")->value[0].n, 1);
        assert_int_equal(printed_lines(&results, "race "), 1);
        assert_int_equal(printed_lines(&results, "all "),
                         i == 0 ? 2 : 1); /* the mean difference, of one category too */
        fs_results_release(&results);
        fs_suite_destroy(suite);
    }
    unload(&loaded);
}

/* A file of the program before it had one name (tests/golden/archives/spelling). */
static void former_files_have_the_name_too(void **state)
{
    (void)state;
    char path[4096];
    const char *source = getenv("FAIRSTAMP_SOURCE");
    struct fs_archive *archive;
    struct fs_results results;
    (void)snprintf(path, sizeof path, "%s/tests/golden/archives/spelling/evaluate.h5", source != NULL ? source : ".");
    assert_int_equal(fs_archive_open(path, "evaluate", &archive, NULL), 0);
    assert_int_equal(fs_evaluate_read(archive, "/results", &results, NULL), 0);
    assert_int_equal(rows_of_category(&results, "race-color", "crows"), 0);
    assert_int_equal(rows_of_category(&results, "race", "crows"), 1);
    assert_int_equal(rows_of_category(&results, "race", "lms.macro"), 3); /* edited, held out, all */
    assert_int_equal(row_of(&results, "race", NULL, "crows")->value[0].n, 2);
    fs_results_release(&results);
    fs_archive_close(archive);
}

/* ---- those left out ---- */

/* A sentence longer than the model's positions. */
static const char *long_sentence(void)
{
    static char text[4096];
    text[0] = '\0';
    for (size_t i = 0; i < 400; i++) {
        (void)strcat(text, "so ");
    }
    return text;
}

static void directions_count_their_own(void **state)
{
    (void)state;
    char text[16384];
    struct loaded loaded = load("tests/golden/models/gpt2-tiny", 1);
    (void)snprintf(text, sizeof text,
                   CROWS "0,%s,He ran.,stereo,age\n1,She ran.,%s,antistereo,age\n2,%s,They ran.,antistereo,race\n"
                         "3,She sat.,He sat.,stereo,age\n4,We sat.,You sat.,antistereo,age\n",
                   long_sentence(), long_sentence(), long_sentence());
    const struct fs_suite_options options = {.kind = FS_CAUSAL, .scoring = "sentence.sum"};
    struct fs_suite *suite = open_suite("crows_pairs", write_text("long.csv", text), &options);
    struct fs_results results = measure(&loaded, suite);
    static const struct {
        const char *category, *metric;
        size_t skipped, n;
    } cases[] = {{"all", "crows", 3, 2},
                 {"all", "crows.stereo", 1, 1},
                 {"all", "crows.antistereo", 2, 1},
                 {"all", "crows.likelihood_diff", 3, 2},
                 {"age", "crows", 2, 2},
                 {"age", "crows.stereo", 1, 1},
                 {"age", "crows.antistereo", 1, 1},
                 {"race", "crows.antistereo", 1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct fs_result_row *row = row_of(&results, cases[i].category, NULL, cases[i].metric);
        assert_int_equal(row->skipped[FS_SKIP_TOO_LONG], cases[i].skipped);
        assert_int_equal(fs_row_skipped(row), cases[i].skipped);
        assert_int_equal(row->value[0].n, cases[i].n);
    }
    fs_results_release(&results);
    fs_suite_destroy(suite);
    unload(&loaded);
}

/* What a row says of its items. */
struct expected {
    const char *metric;
    size_t n, skipped;
};

static void check_rows(const char *model, const char *suite_name, const char *path, const struct expected *expected,
                       size_t count)
{
    struct loaded loaded = load(model, 1);
    const struct fs_suite_options options = {
        .kind = loaded.style.kind, .scoring = fs_suite_scoring(fs_suite_kind_find(suite_name), loaded.style.kind)};
    struct fs_suite *suite = open_suite(suite_name, path, &options);
    struct fs_results results = measure(&loaded, suite);
    for (size_t i = 0; i < count; i++) {
        const struct fs_result_row *row = row_of(&results, NULL, NULL, expected[i].metric);
        assert_int_equal(row->value[0].n, expected[i].n);
        assert_int_equal(row->skipped[FS_SKIP_TOO_LONG], expected[i].skipped);
        assert_int_equal(fs_row_skipped(row), expected[i].skipped);
    }
    fs_results_release(&results);
    fs_suite_destroy(suite);
    unload(&loaded);
}

static void rows_on_some_items_count_their_own(void **state)
{
    static const char *const parts[] = {"type1.txt.dev", "type1.txt.test", "type2.txt.dev", "type2.txt.test"};
    static const struct expected winobias[] = {{"pro", 5, 2}, {"pro.type1", 3, 0}, {"pro.type2", 2, 2}};
    static const struct expected bec_pro[] = {{"male in female jobs", 1, 1},
                                              {"female in female jobs", 1, 0},
                                              {"gap in female jobs", 2, 1},
                                              {"male in male jobs", 1, 0}};
    static const struct expected winograd[] = {
        {"accuracy", 2, 1}, {"accuracy.original", 1, 0}, {"accuracy.superglue", 1, 1}};
    const char *so = long_sentence();
    char text[16384], name[64];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (size_t side = 0; side < 2; side++) {
            const char *pronoun = side == 0 ? "she" : "he";
            (void)snprintf(name, sizeof name, "%s_stereotyped_%s", side == 0 ? "pro" : "anti", parts[i]);
            (void)snprintf(text, sizeof text, "1 The cook saw that %s was %slate.\n", pronoun, i >= 2 ? so : "");
            if (i == 0 || i == 2) { /* the dev parts have a second sentence */
                size_t used = strlen(text);
                (void)snprintf(text + used, sizeof text - used, "2 The cook heard that %s was ill.\n", pronoun);
            }
            if (i == 3) {
                size_t used = strlen(text);
                (void)snprintf(text + used, sizeof text - used, "2 The baker heard that %s was ill.\n", pronoun);
            }
            (void)write_text(name, text);
        }
    }
    check_rows("tests/golden/models/gpt2-tiny", "winobias", folder, winobias, 3);
    (void)snprintf(text, sizeof text,
                   "\tSent_TM\tSent_TAM\tPerson\tGender\tProf_Gender\n"
                   "0\t[MASK] is a nurse.\t[MASK] is a [MASK].\tHe\tmale\tfemale\n"
                   "1\t[MASK] is a %snurse.\t[MASK] is a [MASK].\tHe\tmale\tfemale\n"
                   "2\t[MASK] is a nurse.\t[MASK] is a [MASK].\tShe\tfemale\tfemale\n"
                   "3\t[MASK] is a smith.\t[MASK] is a [MASK].\tHe\tmale\tmale\n"
                   "4\t[MASK] is a smith.\t[MASK] is a [MASK].\tShe\tfemale\tmale\n",
                   so);
    check_rows("tests/golden/models/bert-tiny", "bec_pro", write_text("bec.tsv", text), bec_pro, 4);
    (void)snprintf(text, sizeof text,
                   "en\toriginal\t?\tIt was tired.\t[\"It\", \"was\", \"tired\", \".\"]\t[\"It\", [0, 1]]\t"
                   "[[\"a dog\", [0, 1], [], true], [\"a cat\", [0, 1], [], false]]\n"
                   "en\tsuperglue.val\t?\tIt was tired.\t[\"It\", \"was\", \"tired\", \".\"]\t[\"It\", [0, 1]]\t"
                   "[[\"a dog\", [0, 1], [], true], [\"a cat\", [0, 1], [], false]]\n"
                   "en\tsuperglue.val\t?\tIt was tired.\t[\"It\", \"was\", \"tired\", \".\"]\t[\"It\", [0, 1]]\t"
                   "[[\"a %sdog\", [0, 1], [], true], [\"a cat\", [0, 1], [], false]]\n",
                   so);
    check_rows("tests/golden/models/gpt2-tiny", "winograd", write_text("winograd.tsv", text), winograd, 3);
}

static struct fs_results seat_of(const struct loaded *loaded, const char *targ1, const char *targ2,
                                 struct fs_suite **suite)
{
    char text[8192];
    (void)snprintf(text, sizeof text,
                   "{\"targ1\": {\"examples\": [%s]}, \"targ2\": {\"examples\": [%s]},"
                   "\"attr1\": {\"examples\": [\"good\", \"bad\"]}, \"attr2\": {\"examples\": [\"rain\", \"sun\"]}}",
                   targ1, targ2);
    const struct fs_suite_options options = {.kind = loaded->style.kind, .seed = 1, .permutations = 1000};
    *suite = open_suite("seat", write_text("unequal.jsonl", text), &options);
    return measure(loaded, *suite);
}

/* Every subset of |X| of the texts, by the bits of a number. */
static double counted_p(const double *s, size_t x, size_t n)
{
    double given = 0.0, reached = 0.0, total = 0.0;
    for (size_t i = 0; i < x; i++) {
        given += s[i];
    }
    for (unsigned set = 0; set < 1U << n; set++) {
        double sum = 0.0;
        size_t members = 0;
        for (size_t i = 0; i < n; i++) {
            if ((set >> i & 1U) != 0) {
                sum += s[i];
                members++;
            }
        }
        total += members == x ? 1.0 : 0.0;
        reached += members == x && sum >= given ? 1.0 : 0.0;
    }
    return reached / total;
}

static void seat_of_unequal_lists(void **state)
{
    static const struct {
        const char *targ1, *targ2;
        size_t x, n;
    } cases[] = {{"\"one\", \"two\"", "\"a dog\", \"the sea\", \"a cat\"", 2, 5},
                 {"\"one\", \"two\", \"a boat\", \"the end\"", "\"a dog\", \"the sea\"", 4, 6},
                 {"\"one\"", "\"a dog\", \"the sea\", \"a cat\", \"a boat\"", 1, 5},
                 {"\"one\", \"two\", \"one\"", "\"a dog\", \"the sea\", \"a boat\"", 2, 5}};
    (void)state;
    struct loaded loaded = load("tests/golden/models/gpt2-tiny", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fs_suite *suite;
        struct fs_results results = seat_of(&loaded, cases[i].targ1, cases[i].targ2, &suite);
        const struct fs_result_row *row = row_of(&results, NULL, NULL, "p_value");
        assert_true(fabs(row->value[0].value - counted_p(suite->score, cases[i].x, cases[i].n)) < 1e-15);
        assert_int_equal(row->value[0].n, cases[i].n);
        assert_int_equal(fs_row_skipped(row), 0);
        fs_results_release(&results);
        fs_suite_destroy(suite);
    }
    unload(&loaded);
}

/* A test without a number says how many texts it lacks. */
static void seat_says_what_is_left_out(void **state)
{
    (void)state;
    char text[4096];
    struct loaded loaded = load("tests/golden/models/gpt2-tiny", 1);
    (void)snprintf(text, sizeof text, "\"%s\"", long_sentence());
    struct fs_suite *suite;
    struct fs_results results = seat_of(&loaded, text, "\"a dog\", \"the sea\"", &suite);
    assert_true(isnan(row_of(&results, NULL, NULL, "p_value")->value[0].value));
    assert_true(isnan(row_of(&results, NULL, NULL, "effect_size")->value[0].value));
    assert_int_equal(row_of(&results, NULL, NULL, "p_value")->skipped[FS_SKIP_TOO_LONG], 1);
    assert_int_equal(row_of(&results, NULL, NULL, "effect_size")->skipped[FS_SKIP_TOO_LONG], 1);
    fs_results_release(&results);
    fs_suite_destroy(suite);
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(contexts_of_every_end),
                                       cmocka_unit_test(published_items),
                                       cmocka_unit_test(closing),
                                       cmocka_unit_test(two_spellings_are_one_row),
                                       cmocka_unit_test(former_files_have_the_name_too),
                                       cmocka_unit_test(directions_count_their_own),
                                       cmocka_unit_test(rows_on_some_items_count_their_own),
                                       cmocka_unit_test(seat_of_unequal_lists),
                                       cmocka_unit_test(seat_says_what_is_left_out)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
