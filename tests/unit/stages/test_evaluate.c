/* Evaluate on the embedded model and its BiasKE file: rows, what they are made of, and the way through a file. */
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
#include "stages/metrics/split.h"
#include "support.h"

enum { BIASKE, CROWS, FACTS, SUITES };

static struct loaded model;
static struct fs_pair_list pairs;
static struct fs_fact_list facts;
static bool *held_out;
static struct fs_stamp stamp;
static struct fs_edit edit;
static struct fs_suite *suite[SUITES];
static const char *const edit_names[] = {"stamp"};
enum { CROWS_PAIRS = 3 };

#define CROWS_HEADER ",sent_more,sent_less,stereo_antistereo,bias_type\n"

static const char *biaske_path(void)
{
    static char path[4096];
    const char *source = getenv("FAIRSTAMP_SOURCE");
    (void)snprintf(path, sizeof path, "%s/demo/biaske-gender.json", source != NULL ? source : ".");
    return path;
}

static struct fs_suite *open_pairs(const bool *split)
{
    const struct fs_suite_options options = {
        .kind = FS_CAUSAL, .scoring = "object.mean", .edited = &pairs, .held_out = split};
    return open_suite("biaske", biaske_path(), &options);
}

static struct fs_suite *open_crows(const char *path)
{
    const struct fs_suite_options options = {.kind = FS_CAUSAL, .scoring = "sentence.mean"};
    return open_suite("crows_pairs", path, &options);
}

static struct fs_suite *open_facts(const char *path)
{
    const struct fs_suite_options options = {.kind = FS_CAUSAL, .scoring = "sentence.sum", .fact_share = 1};
    return open_suite("biaske_facts", path, &options);
}

static int setup(void **state)
{
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(make_folder(state), 0);
    model = load("demo/model", 2);
    if (fs_biaske_read(biaske_path(), NULL, &pairs, &facts, &err) != 0) {
        fail_msg("%s", err.text);
    }
    held_out = calloc(pairs.count, sizeof *held_out);
    assert_int_equal(fs_split_by_target(&pairs, 0.3, 1, held_out, &err), 0);
    stamp = make_stamp(&model, 1, 3, 0.2);
    edit = fs_stamp_edit(&stamp);
    suite[BIASKE] = open_pairs(held_out);
    suite[CROWS] = open_crows(write_text("crows.csv", CROWS_HEADER /* category: any text */
                                         "0,The nurse was a woman.,The nurse was a man.,stereo,He is poor.\n"
                                         "1,The nurse was a man.,The nurse was a woman.,antistereo,He is poor.\n"
                                         "2,He is rich.,He is rich.,stereo,The nurse was a woman.\n"));
    suite[FACTS] = open_facts(biaske_path());
    return 0;
}

static int teardown(void **state)
{
    for (size_t i = 0; i < SUITES; i++) {
        fs_suite_destroy(suite[i]);
    }
    free(held_out);
    fs_stamp_release(&stamp);
    fs_pair_list_release(&pairs);
    fs_fact_list_release(&facts);
    unload(&model);
    return remove_folder(state);
}

/* All suites; `edits` 1: and the stamp. */
static struct fs_evaluate_input everything(size_t edits)
{
    return (struct fs_evaluate_input){.suite = suite,
                                      .suites = SUITES,
                                      .edits = {edits, &edit},
                                      .edit_name = edit_names,
                                      .bootstrap = {.resamples = 100, .seed = 7}};
}

/* Writes what was evaluated to a file in the folder, and opens it; the caller closes. */
static struct fs_archive *write_archive(const char *name, const struct fs_evaluate_input *input,
                                        const struct fs_results *results)
{
    struct fs_archive *archive = NULL;
    struct fs_error err = FS_ERROR_INIT;
    if (fs_archive_create(path_of(name), "evaluate", "job", &archive, &err) != 0 ||
        fs_evaluate_write(archive, input, results, &err) != 0 || fs_archive_publish(archive, &err) != 0 ||
        fs_archive_open(path_of(name), "evaluate", &archive, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return archive;
}

static struct fs_results read_table(const struct fs_archive *archive)
{
    struct fs_results results;
    struct fs_error err = FS_ERROR_INIT;
    if (fs_evaluate_read(archive, "/results", &results, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return results;
}

/* A dataset of `count` numbers; the caller frees. */
static void *read_numbers(const struct fs_archive *archive, const char *name, enum fs_archive_type type, size_t count)
{
    struct fs_error err = FS_ERROR_INIT;
    void *number = calloc(count, sizeof(double));
    assert_non_null(number);
    if (fs_archive_read(archive, name, type, count, number, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return number;
}

/* Metrics are float64 arithmetic, here made again from the result's own scores: up to a few hundred terms of 100 at
 * most round by 1e-11; the smallest true step, one item of them, is above 0.1. */
static void is(double found, double expected)
{
    if (!(fabs(found - expected) < 1e-9)) {
        fail_msg("found %.12g, expected %.12g", found, expected);
    }
}

/* The rows of pairs of one column, from the scores [pairs][4][2], their logarithms, and the paraphrases' [..][2][2]. */
static void check_pairs(const struct fs_results *result, size_t column, const double *log_score,
                        const double *paraphrase_log)
{
    static const char *const subsets[] = {"edited", "held_out"};
    for (size_t held = 0; held < 2; held++) {
        size_t n = 0, stereo = 0, related = 0, paraphrase = 0, spoken = 0, paraphrases = 0;
        double gap_sum = 0;
        for (size_t i = 0; i < pairs.count; i++) {
            const double *s = suite[BIASKE]->score + i * 8 + column, *ln = log_score + i * 8 + column;
            for (size_t k = 0; k < pairs.item[i].paraphrases; k++, paraphrase++) {
                if (held_out[i] == (held == 1)) {
                    const double *p = paraphrase_log + paraphrase * 4 + column;
                    paraphrases++;
                    spoken += p[0] > p[2] ? 1 : 0;
                }
            }
            if (held_out[i] == (held == 1)) {
                n++;
                stereo += s[0] > s[2] ? 1 : 0;
                related += (s[0] > s[4] ? 1U : 0U) + (s[2] > s[6] ? 1U : 0U);
                gap_sum += fabs(ln[0] - ln[2]);
                is(ln[0], log(s[0]));
            }
        }
        const char *subset = subsets[held];
        assert_true(n > 0 && paraphrases >= 2 * n);
        is(row_of(result, "gender", subset, "ss.micro")->value[column].value, 100.0 * (double)stereo / (double)n);
        is(row_of(result, "gender", subset, "lms.micro")->value[column].value, 50.0 * (double)related / (double)n);
        is(row_of(result, "gender", subset, "gap")->value[column].value, gap_sum / (double)n);
        const struct fs_metric *ps = &row_of(result, "gender", subset, "ps")->value[column];
        is(ps->value, 100.0 * (double)spoken / (double)paraphrases);
        assert_int_equal(ps->n, paraphrases);
        assert_int_equal(row_of(result, "gender", subset, "ss.macro")->value[column].n, n);
    }
}

/* The rows of facts of one column, from the scores [facts][2][2] and the most probable tokens [facts][2]. */
static void check_facts(const struct fs_results *result, size_t column, const int32_t *top1)
{
    size_t true_first = 0, same_top = 0, same_order = 0;
    for (size_t i = 0; i < facts.count; i++) {
        const double *log_score = suite[FACTS]->score + i * 4;
        true_first += log_score[column] > log_score[2 + column] ? 1 : 0;
        same_top += top1[2 * i] == top1[2 * i + column] ? 1 : 0;
        same_order += (log_score[0] > log_score[2]) == (log_score[column] > log_score[2 + column]) ? 1 : 0;
    }
    double n = (double)facts.count;
    is(row_of(result, "all", "all", "ds")->value[column].value, 100 * (double)true_first / n);
    is(row_of(result, "all", "all", "rs.top1")->value[column].value, 100 * (double)same_top / n);
    is(row_of(result, "all", "all", "rs.pair")->value[column].value, 100 * (double)same_order / n);
    assert_true(column == 0 || same_top < facts.count); /* the stamp is a strong one */
}

static void rows_are_made_of_the_scores(void **state)
{
    (void)state;
    const struct fs_evaluate_input input = everything(1);
    struct fs_results result = evaluate(&model, &input);
    static const char *const order[] = {"ss.macro",   "ss.micro",   "lms.macro", "lms.micro",
                                        "icat.macro", "icat.micro", "gap",       "ps"};
    static const char *const subsets[] = {"edited", "held_out", "all"};
    assert_int_equal(result.columns, 2);
    assert_string_equal(result.column[0], "unedited");
    assert_string_equal(result.column[1], "stamp");
    for (size_t i = 0; i < 24; i++) { /* the first category is "gender" */
        assert_string_equal(result.row[i].suite, "biaske");
        assert_string_equal(result.row[i].category, "gender");
        assert_string_equal(result.row[i].subset, subsets[i / 8]);
        assert_string_equal(result.row[i].metric, order[i % 8]);
        assert_string_equal(result.row[i].scoring, "object.mean");
    }
    size_t paraphrases = 0;
    for (size_t i = 0; i < pairs.count; i++) {
        paraphrases += pairs.item[i].paraphrases;
    }
    struct fs_archive *archive = write_archive("made.h5", &input, &result);
    double *log_score = read_numbers(archive, "/suites/biaske/log", FS_ARCHIVE_F64, pairs.count * 8);
    double *paraphrase = read_numbers(archive, "/suites/biaske/paraphrase_log", FS_ARCHIVE_F64, paraphrases * 4);
    int32_t *top1 = read_numbers(archive, "/suites/biaske_facts/object_top1", FS_ARCHIVE_I32, facts.count * 2);
    for (size_t m = 0; m < 2; m++) {
        check_pairs(&result, m, log_score, paraphrase);
        check_facts(&result, m, top1);
        /* category "He is poor.": a pair and its antistereo counterpart, of which one is right; then a pair of equals */
        is(row_of(&result, "He is poor.", "all", "crows")->value[m].value, 50);
        is(row_of(&result, "all", "all", "crows")->value[m].value, 100.0 / 3);
        assert_int_equal(row_of(&result, "all", "all", "crows")->value[m].ties, 1);
        assert_int_equal(row_of(&result, "all", "all", "crows.antistereo")->value[m].n, 1);
    }
    is(row_of(&result, "all", "all", "rs.top1")->value[0].value, 100);
    const struct fs_result_row *last = &result.row[result.rows - 1];
    assert_string_equal(last->suite, "biaske");
    assert_string_equal(last->metric, "rs.pair");
    assert_string_equal(last->category, "all");
    assert_string_equal(last->scoring, "sentence.sum");
    is(last->ideal, 100);
    free(log_score);
    free(paraphrase);
    free(top1);
    fs_archive_close(archive);
    fs_results_release(&result);
}

/* Shares have McNemar's cells, which add up to the difference; retention, 100 before by definition, has none. */
static void rows_are_paired(void **state)
{
    (void)state;
    static const char *const shares[] = {"ss.micro", "crows", "ps", "ds"};
    static const char *const others[] = {"lms.macro", "icat.micro", "gap", "rs.top1", "rs.pair"};
    const struct fs_evaluate_input input = everything(1);
    struct fs_results result = evaluate(&model, &input);
    size_t bounded = 0;
    for (size_t i = 0; i < result.rows; i++) {
        const struct fs_result_row *row = &result.row[i];
        const struct fs_paired *paired = &row->change[0];
        if (strncmp(row->metric, "crows.", 6) != 0) { /* those leave out ties of each model's own */
            is(paired->difference, row->value[1].value - row->value[0].value);
        }
        if (row->value[0].n > 0 && strncmp(row->metric, "icat", 4) != 0) { /* of products it need not be between */
            /* equal where all resamples are, but for rounding */
            assert_true(!(paired->low > paired->difference + 1e-9) && !(paired->difference > paired->high + 1e-9));
            bounded += isfinite(paired->low) && isfinite(paired->high); /* one term alone has no interval */
        }
    }
    assert_true(bounded > result.rows / 2);
    size_t changed = 0;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        const struct fs_result_row *row = row_of(&result, "all", "all", shares[i]);
        const struct fs_paired *paired = &row->change[0];
        assert_true(paired->gained >= 0 && paired->lost >= 0);
        is(paired->difference, 100.0 * (double)(paired->gained - paired->lost) / (double)row->value[0].n);
        is(paired->p_value, fs_mcnemar((size_t)paired->gained, (size_t)paired->lost));
        changed += (size_t)(paired->gained + paired->lost);
    }
    assert_true(changed > 0);
    const struct fs_paired *macro = &row_of(&result, "all", "all", "ss.macro")->change[0];
    const struct fs_paired *micro = &row_of(&result, "all", "all", "ss.micro")->change[0];
    assert_true(macro->gained == micro->gained && macro->lost == micro->lost);
    is(macro->p_value, micro->p_value);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const struct fs_paired *paired = &row_of(&result, "all", "all", others[i])->change[0];
        assert_true(isnan(paired->p_value) && isfinite(paired->difference) && isfinite(paired->low));
        assert_true(paired->gained == -1 && paired->lost == -1);
    }
    fs_results_release(&result);
}

static void a_stamp_leaves_the_unedited_rows(void **state)
{
    (void)state;
    struct fs_evaluate_input input = everything(1);
    struct fs_results with = evaluate(&model, &input);
    size_t scores = pairs.count * 4;
    double *stamped = calloc(2 * scores, sizeof *stamped);
    assert_non_null(stamped);
    memcpy(stamped, suite[BIASKE]->score, 2 * scores * sizeof *stamped);
    input = everything(0);
    struct fs_results without = evaluate(&model, &input);
    assert_int_equal(with.rows, without.rows);
    assert_int_equal(without.columns, 1);
    for (size_t i = 0; i < with.rows; i++) {
        assert_memory_equal(&with.row[i].value[0], &without.row[i].value[0], sizeof(struct fs_metric));
    }
    for (size_t i = 0; i < scores; i++) {
        assert_memory_equal(&stamped[2 * i], &suite[BIASKE]->score[i], sizeof(double));
    }
    free(stamped);
    fs_results_release(&with);
    fs_results_release(&without);
}

static void subsets_follow_the_split(void **state)
{
    (void)state;
    const bool none[512] = {false};
    const bool *const splits[] = {NULL, none, held_out}; /* no split; nothing held out; both parts */
    struct fs_evaluate_input input = {.suites = 1, .tuning = true};
    assert_true(pairs.count <= 512);
    for (size_t k = 0; k < 3; k++) {
        struct fs_suite *split = open_pairs(splits[k]);
        input.suite = &split;
        struct fs_results result = evaluate(&model, &input);
        size_t subsets[3] = {0};
        for (size_t i = 0; i < result.rows; i++) {
            subsets[0] += strcmp(result.row[i].subset, "all") == 0 ? 1U : 0U;
            subsets[1] += strcmp(result.row[i].subset, "edited") == 0 ? 1U : 0U;
            subsets[2] += strcmp(result.row[i].subset, "validation") == 0 ? 1U : 0U;
        }
        assert_int_equal(subsets[0] + subsets[1] + subsets[2], result.rows);
        assert_true(subsets[0] > 0 && subsets[0] % 8 == 0);
        assert_int_equal(subsets[1], k > 0 ? subsets[0] : 0);
        assert_int_equal(subsets[2], k > 1 ? subsets[0] : 0);
        fs_results_release(&result);
        fs_suite_destroy(split);
    }
    input.tuning = false;
    input.suite = &suite[BIASKE];
    struct fs_results result = evaluate(&model, &input);
    assert_non_null(row_of(&result, "gender", "held_out", "ss.macro"));
    fs_results_release(&result);
    input.suites = 0; /* nothing to evaluate */
    result = evaluate(&model, &input);
    assert_int_equal(result.rows, 0);
    assert_int_equal(result.columns, 1);
    fs_results_release(&result);
}

/* The BiasKE file with a first fact that is too long for the model. */
static const char *write_long_fact(const char *many)
{
    struct fs_json_document *document = NULL;
    struct fs_error err = FS_ERROR_INIT;
    char prompt[2048];
    if (fs_json_load(biaske_path(), &document, &err) != 0) {
        fail_msg("%s", err.text);
    }
    cJSON *root = cJSON_Duplicate(fs_json_root(document), true);
    cJSON *fact = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, "facts"), 0);
    (void)snprintf(prompt, sizeof prompt, "%s{subject} is a {object}.", many);
    cJSON_ReplaceItemInObjectCaseSensitive(fact, "prompt", cJSON_CreateString(prompt));
    char *text = cJSON_PrintUnformatted(root);
    const char *path = write_text("long-fact.json", text);
    free(text);
    cJSON_Delete(root);
    fs_json_destroy(document);
    return path;
}

static void skipped_items_are_counted(void **state)
{
    (void)state;
    char many[1300] = "", line[1600];
    for (size_t i = 0; i < 200; i++) {
        strcat(many, "river ");
    }
    (void)snprintf(line, sizeof line,
                   CROWS_HEADER "0,The nurse was a woman.,%s,stereo,x\n1,He is rich.,He is poor.,antistereo,x\n"
                                "2,He is rich.,He is rich.,stereo,y\n",
                   many);
    struct fs_suite *some[SUITES] = {suite[BIASKE], open_crows(write_text("long.csv", line)),
                                     open_facts(write_long_fact(many))};
    struct fs_evaluate_input input = everything(0);
    input.suite = some;
    char *unrelated = pairs.item[1].statement[FS_UNRELATED].before;
    char *paraphrase = pairs.item[2].paraphrase[0][1].before;
    pairs.item[1].statement[FS_UNRELATED].before = many;
    pairs.item[2].paraphrase[0][1].before = many;
    struct fs_results result = evaluate(&model, &input);
    pairs.item[1].statement[FS_UNRELATED].before = unrelated;
    pairs.item[2].paraphrase[0][1].before = paraphrase;
    assert_int_equal(some[BIASKE]->skip[1], FS_SKIP_TOO_LONG);
    assert_int_equal(some[CROWS]->skip[0], FS_SKIP_TOO_LONG);
    assert_int_equal(some[FACTS]->skip[0], FS_SKIP_TOO_LONG);
    const struct {
        const char *metric;
        size_t n;
    } rows[] = {{"ss.macro", pairs.count - 1},
                {"gap", pairs.count - 1},
                {"ds", facts.count - 1},
                {"rs.top1", facts.count - 1},
                {"crows", CROWS_PAIRS - 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct fs_result_row *row = row_of(&result, "all", "all", rows[i].metric);
        assert_int_equal(row->skipped[FS_SKIP_TOO_LONG], 1);
        assert_int_equal(row->skipped[FS_KEPT], 0);
        assert_int_equal(fs_row_skipped(row), 1);
        assert_int_equal(row->value[0].n, rows[i].n);
    }
    assert_int_equal(row_of(&result, "all", "all", "ps")->skipped[FS_SKIP_TOO_LONG], 1);
    fs_results_release(&result);
    fs_suite_destroy(some[CROWS]);
    fs_suite_destroy(some[FACTS]);
}

/* Copies the result table in the layout that files had before edits had columns: "variant", no names, no paired tests. */
static int copy_unpaired(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    if (entry->is_attribute || strncmp(entry->name, "/results/", 9) != 0 ||
        strncmp(entry->name, "/results/change/", 16) == 0 || strcmp(entry->name, "/results/column") == 0) {
        return 0;
    }
    const char *name = strcmp(entry->name, "/results/scoring") == 0 ? "/results/variant" : entry->name;
    return entry->is_text
               ? fs_archive_write_texts(context, name, entry->shape[0], entry->data, err)
               : fs_archive_write(context, name, entry->type, entry->dimensions, entry->shape, entry->data, err);
}

static void a_file_without_paired_tests_is_read(void **state)
{
    (void)state;
    const struct fs_evaluate_input input = everything(1);
    struct fs_results result = evaluate(&model, &input);
    struct fs_archive *archive = write_archive("paired.h5", &input, &result), *older = NULL;
    struct fs_error err = FS_ERROR_INIT;
    if (fs_archive_create(path_of("older.h5"), "evaluate", "job", &older, &err) != 0 ||
        fs_archive_visit(archive, copy_unpaired, older, &err) != 0 || fs_archive_publish(older, &err) != 0 ||
        fs_archive_open(path_of("older.h5"), "evaluate", &older, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_false(fs_archive_has(older, "/results/change/p_value"));
    struct fs_results back = read_table(older);
    assert_int_equal(back.rows, result.rows);
    assert_int_equal(back.columns, 2);
    assert_string_equal(back.column[1], "stamp");
    for (size_t i = 0; i < back.rows; i++) {
        assert_string_equal(back.row[i].metric, result.row[i].metric);
        assert_string_equal(back.row[i].scoring, result.row[i].scoring);
        assert_memory_equal(back.row[i].value, result.row[i].value, 2 * sizeof *back.row[i].value);
        const struct fs_paired *paired = &back.row[i].change[0];
        assert_true(isnan(paired->difference) && isnan(paired->p_value));
        assert_true(paired->gained == -1 && paired->lost == -1);
    }
    fs_archive_close(archive);
    fs_archive_close(older);
    fs_results_release(&back);
    fs_results_release(&result);
}

static void through_a_file_and_back(void **state)
{
    (void)state;
    const struct fs_evaluate_input input = everything(1);
    struct fs_results result = evaluate(&model, &input);
    struct fs_archive *archive = write_archive("evaluate.h5", &input, &result);
    struct fs_results back = read_table(archive);
    struct fs_error err = FS_ERROR_INIT;
    assert_results_equal(&back, &result);
    double *score = read_numbers(archive, "/suites/biaske/score", FS_ARCHIVE_F64, pairs.count * 8);
    assert_memory_equal(score, suite[BIASKE]->score, pairs.count * 8 * sizeof *score);
    uint8_t *split = read_numbers(archive, "/suites/biaske/held_out", FS_ARCHIVE_U8, pairs.count);
    assert_memory_equal(split, held_out, pairs.count);
    assert_false(fs_archive_has(archive, "/suites/biaske_facts/held_out"));
    char **text = NULL, *scoring = NULL;
    size_t count;
    assert_int_equal(fs_archive_read_texts(archive, "/suites/biaske_facts/id", &count, &text, &err), 0);
    assert_int_equal(count, facts.count);
    assert_string_equal(text[count - 1], facts.item[count - 1].id);
    free(text);
    assert_int_equal(fs_archive_read_texts(archive, "/edits/method", &count, &text, &err), 0);
    assert_int_equal(count, 1);
    assert_string_equal(text[0], "stamp");
    free(text);
    assert_int_equal(fs_archive_read_attribute_text(archive, "/suites/crows_pairs", "scoring", &scoring, &err), 0);
    assert_string_equal(scoring, "sentence.mean");
    free(scoring);
    free(score);
    free(split);
    fs_archive_close(archive);
    fs_results_release(&back);
    fs_results_release(&result);
}

static void a_scoring_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_suite *other = NULL;
    struct fs_results result;
    struct fs_suite_options options = {.kind = FS_CAUSAL, .scoring = "target.prob", .edited = &pairs};
    assert_int_equal(fs_suite_kind_find("biaske")->open(biaske_path(), &options, &other, &err), -1);
    assert_int_equal(err.code, FS_EXIT_CONFIG);
    assert_null(other);
    /* opened for a model of the other kind */
    options.kind = FS_MASKED;
    other = open_suite("biaske", biaske_path(), &options);
    const struct fs_evaluate_input input = {.suite = &other, .suites = 1};
    assert_int_equal(fs_evaluate_run(model.model, model.tokenizer, &input, model.runner, NULL, &result, &err), -1);
    assert_int_equal(err.code, FS_EXIT_CONFIG);
    assert_non_null(strstr(err.text, "biaske: item"));
    fs_suite_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_made_of_the_scores),
        cmocka_unit_test(rows_are_paired),
        cmocka_unit_test(a_stamp_leaves_the_unedited_rows),
        cmocka_unit_test(subsets_follow_the_split),
        cmocka_unit_test(skipped_items_are_counted),
        cmocka_unit_test(through_a_file_and_back),
        cmocka_unit_test(a_file_without_paired_tests_is_read),
        cmocka_unit_test(a_scoring_that_does_not_fit_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
