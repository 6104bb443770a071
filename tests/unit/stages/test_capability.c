/*
 * Suites on what a model can do, against lm-evaluation-harness (causal models) and PyTorch (masked ones):
 * tests/golden/capability, made by make_capability.py.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support.h"

/* Of sums of up to 60 log probabilities, relative: two libraries in float32 (bounds.h), and 9 digits in the files. */
#define SUM_OF_LOGS 1e-5
/* Of means of 0 and 1 in float64. */
#define ARITHMETIC 1e-12
/* Of what the golden files give with 9 digits. */
#define DIGITS 1e-8

enum {
    PARADIGM = 1,
    QUESTION = 4,
    STATEMENTS = 20
}; /* items of a part, as make_capability.py takes them from the shared data */

/* A path of the shared data; NULL where they are not there. */
static const char *from_shared(const char *name)
{
    static char path[4][4096];
    static size_t slot;
    const char *source = getenv("FAIRSTAMP_SOURCE"), *shared = getenv("FAIRSTAMP_SHARED");
    char *out = path[slot++ % 4];
    (void)snprintf(out, sizeof path[0], "%s%s/%s", shared != NULL ? shared : (source != NULL ? source : "."),
                   shared != NULL ? "" : "/../shared", name);
    return access(out, R_OK) == 0 ? out : NULL;
}

static struct fs_suite_options options_of(enum fs_model_kind kind, size_t most)
{
    return (struct fs_suite_options){.kind = kind, .suite_items = most, .strict = true};
}

struct scored {
    struct loaded loaded;
    struct fs_suite *suite;
    struct fs_results results;
};

static struct scored score(const char *model, const char *suite, const char *path, size_t most)
{
    struct scored scored = {.loaded = load(model, 2)};
    const struct fs_suite_options options = options_of(scored.loaded.style.kind, most);
    scored.suite = open_suite(suite, path, &options);
    const struct fs_evaluate_input input = {
        .suite = &scored.suite, .suites = 1, .bootstrap = {.resamples = 20, .seed = 1}};
    scored.results = evaluate(&scored.loaded, &input);
    return scored;
}

static void release(struct scored *scored)
{
    fs_results_release(&scored->results);
    fs_suite_destroy(scored->suite);
    unload(&scored->loaded);
}

static double value_of(const struct scored *scored, const char *metric)
{
    return row_of(&scored->results, NULL, "all", metric)->value[0].value;
}

/* Over all categories. */
static double value_of_all(const struct scored *scored, const char *metric)
{
    return row_of(&scored->results, "all", "all", metric)->value[0].value;
}

static void assert_near(const char *what, double found, double expected, double relative)
{
    if (!(fabs(found - expected) <= relative * fmax(1.0, fabs(expected)))) {
        fail_msg("%s: found %.12g, expected %.12g", what, found, expected);
    }
}

/* The values of a model in a golden file, and the items' scores. */
static const cJSON *golden_of(const struct fs_json_document *document, const char *model, const char *key)
{
    const char *name = strrchr(model, '/') + 1;
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(fs_json_root(document), name);
    found = cJSON_GetObjectItemCaseSensitive(found, key);
    assert_non_null(found);
    return found;
}

/* All candidates of all items; null: the item is skipped. */
static void check_scores(const struct scored *scored, const cJSON *items, size_t candidates)
{
    const cJSON *item = items->child;
    assert_int_equal(cJSON_GetArraySize(items), scored->suite->items);
    for (size_t i = 0; i < scored->suite->items; i++, item = item->next) {
        assert_int_equal(cJSON_IsNull(item), scored->suite->skip[i] != FS_KEPT);
        for (size_t k = 0; !cJSON_IsNull(item) && k < candidates; k++) {
            assert_near(scored->suite->id[i], scored->suite->score[fs_suite_at(scored->suite, i, k, 0)],
                        cJSON_GetArrayItem(item, (int)k)->valuedouble, SUM_OF_LOGS);
        }
    }
}

static double metric_of(const struct fs_json_document *document, const char *model, const char *metric)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(golden_of(document, model, "metrics"), metric);
    assert_non_null(value);
    return value->valuedouble;
}

static const char *const own_models[] = {"tests/golden/models/gpt2-tiny", "tests/golden/models/bert-tiny"};
static const char *const shared_models[] = {"models/books-gpt2-mini", "models/books-bert-mini"};

/* ---- BLiMP ---- */

static void check_blimp(const char *model, const char *path, size_t most)
{
    struct fs_json_document *golden = open_golden("capability/blimp.json");
    struct scored scored = score(model, "blimp", path, most);
    check_scores(&scored, golden_of(golden, model, "items"), 2);
    if (scored.loaded.style.kind == FS_CAUSAL) {
        assert_near(model, value_of(&scored, "accuracy"), 100 * metric_of(golden, model, "acc"), ARITHMETIC);
    }
    release(&scored);
    fs_json_destroy(golden);
}

static void blimp(void **state)
{
    (void)state;
    const char *data = from_shared("data/blimp");
    for (size_t i = 0; i < 2; i++) {
        check_blimp(own_models[i], from_source("capability/blimp.jsonl"), 0);
        if (data != NULL) {
            check_blimp(from_shared(shared_models[i]), data, PARADIGM);
        }
    }
    if (data == NULL) {
        print_message("skipped: no shared data\n");
    }
}

/* Of the six pairs of bert-tiny, by paradigm 1 of 2, 0 of 1, 2 of 3 (tests/golden/capability/blimp.json). */
static void blimp_rows(void **state)
{
    (void)state;
    struct scored scored = score(own_models[1], "blimp", from_source("capability/blimp.jsonl"), 0);
    assert_near("all", value_of(&scored, "accuracy"), 50, ARITHMETIC);
    assert_near("macro", value_of(&scored, "accuracy.macro"), (50 + 0 + 200.0 / 3) / 3, ARITHMETIC);
    assert_near("term", value_of(&scored, "accuracy.anaphor_agreement"), 100.0 / 3, ARITHMETIC);
    assert_near("gender", value_of(&scored, "accuracy.anaphor_gender_agreement"), 50, ARITHMETIC);
    assert_int_equal(row_of(&scored.results, "none", "all", "accuracy.anaphor_gender_agreement")->value[0].n, 2);
    assert_string_equal(scored.suite->id[1], "anaphor_gender_agreement/1");
    release(&scored);
    scored = score(own_models[1], "blimp", from_source("capability/blimp.jsonl"), 1);
    assert_int_equal(scored.suite->items, 3);
    assert_near("first of each", value_of(&scored, "accuracy"), value_of(&scored, "accuracy.macro"), ARITHMETIC);
    release(&scored);
}

/* ---- LAMBADA ---- */

/* The lines of `path` that the golden file has scores of, in a file of their own; `rows` NULL: the first `count`. */
static const char *write_rows(const char *path, const cJSON *rows, size_t count)
{
    FILE *from = fopen(path, "r"), *to = fopen(path_of("rows.jsonl"), "w");
    char *line = NULL;
    size_t room = 0, number = 0;
    const cJSON *row = rows != NULL ? rows->child : NULL;
    assert_true(from != NULL && to != NULL);
    for (; (row != NULL || number < count) && getline(&line, &room, from) > 0; number++) {
        if (row == NULL || number == (size_t)row->valueint) {
            (void)fputs(line, to);
            row = row != NULL ? row->next : NULL;
        }
    }
    assert_null(row);
    free(line);
    (void)fclose(from);
    assert_int_equal(fclose(to), 0);
    return path_of("rows.jsonl");
}

static void check_lambada(const char *model, const char *path)
{
    struct fs_json_document *golden = open_golden("capability/lambada.json");
    const cJSON *items = golden_of(golden, model, "items"), *item;
    struct scored scored = score(model, "lambada", write_rows(path, golden_of(golden, model, "rows"), 0), 0);
    double found = 0, sum = 0, count = 0;
    check_scores(&scored, items, 1);
    cJSON_ArrayForEach(item, items)
    {
        if (!cJSON_IsNull(item)) {
            sum += cJSON_GetArrayItem(item, 0)->valuedouble;
            found += cJSON_GetArrayItem(item, 1)->valuedouble;
            count++;
        }
    }
    assert_near(model, value_of(&scored, "accuracy"), 100 * found / count, ARITHMETIC);
    assert_near(model, log(value_of(&scored, "perplexity.word")), -sum / count, SUM_OF_LOGS);
    if (scored.loaded.style.kind == FS_CAUSAL) {
        assert_near(model, value_of(&scored, "accuracy"), 100 * metric_of(golden, model, "acc"), ARITHMETIC);
        assert_near(model, log(value_of(&scored, "perplexity.word")), log(metric_of(golden, model, "perplexity")),
                    SUM_OF_LOGS);
    } else {
        assert_int_equal(row_of(&scored.results, "none", "all", "accuracy")->skipped[FS_SKIP_SEVERAL_TOKENS],
                         cJSON_GetArraySize(items) - (int)count);
    }
    const struct fs_metric *word = row_of(&scored.results, "none", "all", "perplexity.word")->value;
    assert_true(word->low <= word->value && word->value <= word->high);
    release(&scored);
    fs_json_destroy(golden);
}

static void lambada(void **state)
{
    (void)state;
    const char *data = from_shared("data/lambada/lambada_test.jsonl");
    for (size_t i = 0; i < 2; i++) {
        check_lambada(own_models[i], from_source("capability/lambada.jsonl"));
        if (data != NULL) {
            check_lambada(from_shared(shared_models[i]), data);
        }
    }
    if (data == NULL) {
        print_message("skipped: no shared data\n");
    }
}

/* ---- Winograd schemas ---- */

/* The harness has the candidates in the file's order, the suite the right one first: which is which the accuracy tells. */
static void check_winograd(const char *model, const char *path)
{
    struct fs_json_document *golden = open_golden("capability/winograd.json");
    const cJSON *items = golden_of(golden, model, "items"), *item = items->child;
    size_t taken = (size_t)cJSON_GetArraySize(items); /* the first of the file: WSC273 */
    struct scored scored = score(model, "winograd", write_rows(path, NULL, taken), 0);
    assert_int_equal(scored.suite->items, taken);
    for (size_t i = 0; i < taken; i++, item = item->next) {
        const double *found = &scored.suite->score[2 * i];
        double a = cJSON_GetArrayItem(item, 0)->valuedouble, b = cJSON_GetArrayItem(item, 1)->valuedouble;
        assert_near(scored.suite->id[i], fmax(found[0], found[1]), fmax(a, b), SUM_OF_LOGS);
        assert_near(scored.suite->id[i], fmin(found[0], found[1]), fmin(a, b), SUM_OF_LOGS);
    }
    assert_near(model, value_of(&scored, "accuracy"), 100 * metric_of(golden, model, "acc"), ARITHMETIC);
    release(&scored);
    fs_json_destroy(golden);
}

static void winograd(void **state)
{
    (void)state;
    const char *data = from_shared("data/winograd/winograd_en.tsv");
    check_winograd(own_models[0], from_source("capability/winograd.tsv"));
    if (data != NULL) {
        check_winograd(from_shared(shared_models[0]), data);
    } else {
        print_message("skipped: no shared data\n");
    }
}

/* ---- BBQ ---- */

static void check_bbq(const char *model, const char *path)
{
    struct fs_json_document *golden = open_golden("capability/bbq.json");
    struct scored scored = score(model, "bbq", write_rows(path, golden_of(golden, model, "rows"), 0), 0);
    bool causal = scored.loaded.style.kind == FS_CAUSAL;
    check_scores(&scored, golden_of(golden, model, "items"), causal ? 12 : 3);
    if (causal) {
        assert_near(model, value_of_all(&scored, "accuracy"), 100 * metric_of(golden, model, "acc"), ARITHMETIC);
        assert_near(model, value_of_all(&scored, "accuracy.ambig"), 100 * metric_of(golden, model, "accuracy_amb"),
                    ARITHMETIC);
        assert_near(model, value_of_all(&scored, "accuracy.disambig"),
                    100 * metric_of(golden, model, "accuracy_disamb"), ARITHMETIC);
        assert_near(model, value_of_all(&scored, "bias.ambig"), 100 * metric_of(golden, model, "amb_bias_score"),
                    ARITHMETIC);
        assert_near(model, value_of_all(&scored, "bias.disambig"), 100 * metric_of(golden, model, "disamb_bias_score"),
                    ARITHMETIC);
    }
    release(&scored);
    fs_json_destroy(golden);
}

static void bbq(void **state)
{
    (void)state;
    const char *data = from_shared("data/bbq/Religion.jsonl");
    for (size_t i = 0; i < 2; i++) {
        check_bbq(own_models[i], from_source("capability/bbq.jsonl"));
        if (data != NULL) {
            check_bbq(from_shared(shared_models[i]), data);
        }
    }
    if (data == NULL) {
        print_message("skipped: no shared data\n");
    }
}

/* Of bert-tiny's scores (tests/golden/capability/bbq.json) the first answer is the highest in all six items: it is right in the three
 * that say who, and fits the stereotype in items 0, 1, 4 and 5, whose question is negative. */
static void bbq_rows(void **state)
{
    (void)state;
    struct scored scored = score(own_models[1], "bbq", from_source("capability/bbq.jsonl"), 0);
    assert_near("accuracy", value_of(&scored, "accuracy"), 50, ARITHMETIC);
    assert_near("ambiguous", value_of(&scored, "accuracy.ambig"), 0, ARITHMETIC);
    assert_near("disambiguated", value_of(&scored, "accuracy.disambig"), 100, ARITHMETIC);
    assert_near("bias", value_of(&scored, "bias.ambig"), 100.0 / 3, ARITHMETIC);
    assert_near("bias", value_of(&scored, "bias.disambig"), 100.0 / 3, ARITHMETIC);
    assert_string_equal(scored.suite->category[0], "age");
    assert_string_equal(scored.suite->cluster[2], "age/1");
    release(&scored);
    static const char *const gender[] = {"gender", NULL};
    struct fs_suite_options options = options_of(FS_MASKED, 0);
    options.categories = gender;
    struct fs_suite *none = NULL;
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(
        fs_suite_open(fs_suite_kind_find("bbq"), from_source("capability/bbq.jsonl"), &options, &none, &err), 0);
    assert_null(none);
}

/* ---- ParaRel ---- */

static double mean_of(const cJSON *items, double (*value)(const cJSON *item))
{
    const cJSON *item;
    double sum = 0, count = 0;
    cJSON_ArrayForEach(item, items)
    {
        double one = cJSON_IsNull(item) ? NAN : value(item);
        sum += isnan(one) ? 0 : one;
        count += isnan(one) ? 0 : 1;
    }
    return 100 * sum / count;
}

static double right_in_first(const cJSON *item)
{
    return cJSON_GetArrayItem(item, 1)->child->valuedouble;
}

static double right_in_all(const cJSON *item)
{
    const cJSON *right;
    double all = 1;
    cJSON_ArrayForEach(right, cJSON_GetArrayItem(item, 1))
    {
        all *= right->valuedouble;
    }
    return all;
}

static double alike(const cJSON *item)
{
    const cJSON *share = cJSON_GetArrayItem(item, 2);
    return cJSON_IsNull(share) ? NAN : share->valuedouble;
}

static void check_pararel(const char *model, const char *path, size_t most)
{
    struct fs_json_document *golden = open_golden("capability/pararel.json");
    const cJSON *items = golden_of(golden, model, "items"), *item = items->child;
    struct scored scored = score(model, "pararel", path, most);
    assert_int_equal(cJSON_GetArraySize(items), scored.suite->items);
    for (size_t i = 0; i < scored.suite->items; i++, item = item->next) {
        assert_int_equal(scored.suite->skip[i], cJSON_IsNull(item) ? FS_SKIP_SEVERAL_TOKENS : FS_KEPT);
        const cJSON *logs = cJSON_IsNull(item) ? NULL : item->child->child;
        for (size_t k = 0; k < scored.suite->candidates; k++) {
            double found = scored.suite->score[fs_suite_at(scored.suite, i, k, 0)];
            assert_int_equal(isnan(found), logs == NULL);
            if (logs != NULL) {
                assert_near(scored.suite->id[i], found, logs->valuedouble, SUM_OF_LOGS);
                logs = logs->next;
            }
        }
    }
    assert_near("accuracy", value_of(&scored, "accuracy"), mean_of(items, right_in_first), ARITHMETIC);
    assert_near("all", value_of(&scored, "accuracy.all"), mean_of(items, right_in_all), ARITHMETIC);
    assert_near("consistency", value_of(&scored, "consistency"), mean_of(items, alike), DIGITS);
    release(&scored);
    fs_json_destroy(golden);
}

static void pararel(void **state)
{
    (void)state;
    const char *data = from_shared("data/pararel");
    for (size_t i = 0; i < 2; i++) {
        check_pararel(own_models[i], from_source("capability/pararel"), 0);
        if (data != NULL) {
            check_pararel(from_shared(shared_models[i]), data, STATEMENTS);
        }
    }
    if (data == NULL) {
        print_message("skipped: no shared data\n");
    }
}

/* By hand from the golden items of bert-tiny: P1 has 1 of 5 right, P2 1 of 3, P3 none of 3. */
static void pararel_rows(void **state)
{
    (void)state;
    struct scored scored = score(own_models[1], "pararel", from_source("capability/pararel"), 0);
    assert_near("P2", value_of(&scored, "accuracy.P2"), 100.0 / 3, ARITHMETIC);
    assert_near("macro", value_of(&scored, "accuracy.macro"), (20 + 100.0 / 3) / 3, ARITHMETIC);
    assert_int_equal(row_of(&scored.results, NULL, "all", "consistency.P1")->value[0].n, 5);
    assert_string_equal(scored.suite->id[6], "P2/0");
    assert_string_equal(scored.suite->cluster[8], "the cat");
    release(&scored);
    scored = score(own_models[1], "pararel", from_source("capability/pararel"), 7); /* 2 facts of P1 and P3, 3 of P2 */
    assert_int_equal(scored.suite->items, 7);
    release(&scored);
}

/* ---- the row of them all ---- */

static const struct fs_result_row *row_of_suite(const struct fs_results *results, const char *suite)
{
    for (size_t i = 0; i < results->rows; i++) {
        const struct fs_result_row *row = &results->row[i];
        if (strcmp(row->suite, suite) == 0 && strcmp(row->metric, "accuracy") == 0 &&
            strcmp(row->category, "none") == 0) {
            return row;
        }
    }
    return NULL;
}

/* The mean of the rows of the suites, and McNemar's test of their items together. */
static void capability(void **state)
{
    (void)state;
    static const char *const names[] = {"blimp", "lambada"};
    for (size_t m = 0; m < 2; m++) {
        struct loaded loaded = load(own_models[m], 2);
        struct fs_stamp stamp = make_stamp(&loaded, 1, 7, 1.0);
        const struct fs_edit edit = fs_stamp_edit(&stamp);
        const char *const edit_name = "edit";
        const struct fs_suite_options options = options_of(loaded.style.kind, 0);
        struct fs_suite *suite[2];
        const struct fs_result_row *part[2];
        for (size_t s = 0; s < 2; s++) {
            char path[64];
            (void)snprintf(path, sizeof path, "capability/%s.jsonl", names[s]);
            suite[s] = open_suite(names[s], from_source(path), &options);
        }
        struct fs_evaluate_input input = {.suite = suite,
                                          .suites = 2,
                                          .edits = {1, &edit},
                                          .edit_name = &edit_name,
                                          .bootstrap = {.resamples = 200, .seed = 1}};
        struct fs_results results = evaluate(&loaded, &input);
        const struct fs_result_row *all = row_of_suite(&results, "capability");
        assert_non_null(all);
        assert_ptr_equal(all, &results.row[results.rows - 1]);
        for (size_t s = 0; s < 2; s++) {
            part[s] = row_of_suite(&results, names[s]);
        }
        for (size_t c = 0; c < 2; c++) {
            double mean = (part[0]->value[c].value + part[1]->value[c].value) / 2;
            assert_near("mean", all->value[c].value, mean, ARITHMETIC);
            assert_int_equal(all->value[c].n, part[0]->value[c].n + part[1]->value[c].n);
            assert_true(all->value[c].low <= mean && mean <= all->value[c].high);
        }
        const struct fs_paired *change = all->change;
        assert_near("difference", change->difference, (part[0]->change->difference + part[1]->change->difference) / 2,
                    ARITHMETIC);
        assert_true(change->low <= change->difference && change->difference <= change->high);
        assert_int_equal(change->gained, part[0]->change->gained + part[1]->change->gained);
        assert_int_equal(change->lost, part[0]->change->lost + part[1]->change->lost);
        assert_true(change->gained + change->lost > 0);
        assert_near("p", change->p_value, fs_mcnemar((size_t)change->gained, (size_t)change->lost), ARITHMETIC);
        assert_int_equal(fs_row_skipped(all), fs_row_skipped(part[0]) + fs_row_skipped(part[1]));
        fs_results_release(&results);
        input.suites = 1; /* one suite is its own row */
        results = evaluate(&loaded, &input);
        assert_null(row_of_suite(&results, "capability"));
        fs_results_release(&results);
        fs_suite_destroy(suite[0]);
        fs_suite_destroy(suite[1]);
        fs_stamp_release(&stamp);
        unload(&loaded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blimp),    cmocka_unit_test(blimp_rows),   cmocka_unit_test(lambada),
        cmocka_unit_test(winograd), cmocka_unit_test(bbq),          cmocka_unit_test(bbq_rows),
        cmocka_unit_test(pararel),  cmocka_unit_test(pararel_rows), cmocka_unit_test(capability)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
