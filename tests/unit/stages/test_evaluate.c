/* Evaluate on the embedded model and its BiasKE file: rows, what they are made of, and the way through a file. */
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

#include "model/numbers/random.h"
#include "stages/evaluate/evaluate.h"
#include "stages/metrics/split.h"
#include "support.h"

static struct loaded model;
static struct fs_pair_list pairs;
static struct fs_fact_list facts;
static struct fs_crows_list crows;
static bool *held_out;
static struct fs_stamp stamp;

static int setup(void **state)
{
    (void)state;
    char path[4096];
    const char *source = getenv("FAIRSTAMP_SOURCE");
    struct fs_error err = FS_ERROR_INIT;
    model = load("demo/model", 2);
    (void)snprintf(path, sizeof path, "%s/demo/biaske-gender.json", source != NULL ? source : ".");
    if (fs_biaske_read(path, NULL, &pairs, &facts, &err) != 0) {
        fail_msg("%s", err.text);
    }
    held_out = calloc(pairs.count, sizeof *held_out);
    assert_int_equal(fs_split_by_target(&pairs, 0.3, 1, held_out, &err), 0);
    const struct fs_spec *spec = fs_model_spec(model.model);
    assert_int_equal(fs_stamp_create(1, spec->hidden, 16, 3, &stamp, &err), 0);
    struct fs_random random = fs_random_start(1, 1);
    for (size_t i = fs_stamp_offset_value(&stamp); i < fs_stamp_parameters(spec->hidden, 16); i++) {
        stamp.parameters[i] = (fs_real)(0.2 * fs_random_normal(&random));
    }
    crows.count = 3;
    crows.item = calloc(3, sizeof *crows.item);
    static char text[][40] = {"The nurse was a woman.", "The nurse was a man.", "He is rich.", "He is poor."};
    crows.item[0] = (struct fs_crows_pair){text[0], text[3], text[0], text[1], false}; /* category: any text */
    crows.item[1] = (struct fs_crows_pair){text[1], text[3], text[1], text[0], true};
    crows.item[2] = (struct fs_crows_pair){text[2], text[0], text[2], text[2], false};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(crows.item);
    free(held_out);
    fs_stamp_release(&stamp);
    fs_pair_list_release(&pairs);
    fs_fact_list_release(&facts);
    unload(&model);
    return 0;
}

static struct fs_evaluate_input everything(void)
{
    return (struct fs_evaluate_input){.pairs_suite = "biaske",
                                      .pairs = &pairs,
                                      .held_out = held_out,
                                      .pair_scoring = FS_OBJECT_MEAN,
                                      .crows = &crows,
                                      .crows_scoring = FS_SENTENCE_MEAN,
                                      .facts = &facts,
                                      .fact_scoring = FS_SENTENCE_SUM,
                                      .bootstrap = {100, 7}};
}

static void evaluate(const struct fs_evaluate_input *input, const struct fs_stamp *with,
                     struct fs_evaluate_result *result)
{
    struct fs_error err = FS_ERROR_INIT;
    if (fs_evaluate_run(model.model, model.tokenizer, input, with, model.runner, NULL, result, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static const struct fs_result_row *find_row(const struct fs_evaluate_result *result, const char *category,
                                            const char *subset, const char *metric)
{
    for (size_t i = 0; i < result->rows; i++) {
        const struct fs_result_row *row = &result->row[i];
        if (strcmp(row->category, category) == 0 && strcmp(row->subset, subset) == 0 &&
            strcmp(row->metric, metric) == 0) {
            return row;
        }
    }
    fail_msg("no row %s %s %s", category, subset, metric);
    return NULL;
}

/* Metrics are float64 arithmetic, here made again from the result's own scores: up to a few hundred terms of 100 at
 * most round by 1e-11; the smallest true step, one item of them, is above 0.1. */
static void is(double found, double expected)
{
    if (!(fabs(found - expected) < 1e-9)) {
        fail_msg("found %.12g, expected %.12g", found, expected);
    }
}

static void rows_are_made_of_the_scores(void **state)
{
    (void)state;
    struct fs_evaluate_input input = everything();
    struct fs_evaluate_result result;
    evaluate(&input, &stamp, &result);
    static const char *const order[] = {"ss.macro",   "ss.micro",   "lms.macro", "lms.micro",
                                        "icat.macro", "icat.micro", "gap",       "ps"};
    static const char *const subsets[] = {"edited", "held_out", "all"};
    for (size_t i = 0; i < 24; i++) { /* the first category is "gender" */
        assert_string_equal(result.row[i].suite, "biaske");
        assert_string_equal(result.row[i].category, "gender");
        assert_string_equal(result.row[i].subset, subsets[i / 8]);
        assert_string_equal(result.row[i].metric, order[i % 8]);
        assert_string_equal(result.row[i].scoring, "object.mean");
    }
    for (size_t m = 0; m < 2; m++) {
        for (size_t held = 0; held < 2; held++) {
            size_t n = 0, stereo = 0, related = 0, paraphrase = 0, spoken = 0, paraphrases = 0;
            double gap_sum = 0;
            for (size_t i = 0; i < pairs.count; i++) {
                const double *s = result.pair_score + i * 8 + m, *ln = result.pair_log + i * 8 + m;
                for (size_t k = 0; k < pairs.item[i].paraphrases; k++, paraphrase++) {
                    if (held_out[i] == (held == 1)) {
                        const double *p = result.paraphrase_log + paraphrase * 4 + m;
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
            is(find_row(&result, "gender", subset, "ss.micro")->model[m].value, 100.0 * (double)stereo / (double)n);
            is(find_row(&result, "gender", subset, "lms.micro")->model[m].value, 50.0 * (double)related / (double)n);
            is(find_row(&result, "gender", subset, "gap")->model[m].value, gap_sum / (double)n);
            is(find_row(&result, "gender", subset, "ps")->model[m].value, 100.0 * (double)spoken / (double)paraphrases);
            assert_int_equal(find_row(&result, "gender", subset, "ps")->model[m].n, paraphrases);
            assert_int_equal(find_row(&result, "gender", subset, "ss.macro")->model[m].n, n);
        }
        size_t true_first = 0, same_top = 0, same_order = 0;
        for (size_t i = 0; i < facts.count; i++) {
            const double *log = result.fact_log + i * 4;
            true_first += log[m] > log[2 + m] ? 1 : 0;
            same_top += result.fact_top1[2 * i] == result.fact_top1[2 * i + m] ? 1 : 0;
            same_order += (log[0] > log[2]) == (log[m] > log[2 + m]) ? 1 : 0;
        }
        double n = (double)facts.count;
        is(find_row(&result, "all", "all", "ds")->model[m].value, 100 * (double)true_first / n);
        is(find_row(&result, "all", "all", "rs.top1")->model[m].value, 100 * (double)same_top / n);
        is(find_row(&result, "all", "all", "rs.pair")->model[m].value, 100 * (double)same_order / n);
        assert_true(m == 0 || same_top < facts.count); /* the stamp is a strong one */
        /* category "He is poor.": a pair and its antistereo stored_head, of which one is right; then a pair of equals */
        is(find_row(&result, "He is poor.", "all", "crows")->model[m].value, 50);
        is(find_row(&result, "all", "all", "crows")->model[m].value, 100.0 / 3);
        assert_int_equal(find_row(&result, "all", "all", "crows")->model[m].ties, 1);
        assert_int_equal(find_row(&result, "all", "all", "crows.antistereo")->model[m].n, 1);
    }
    is(find_row(&result, "all", "all", "rs.top1")->model[0].value, 100);
    const struct fs_result_row *last = &result.row[result.rows - 1];
    assert_string_equal(last->metric, "rs.pair");
    assert_string_equal(last->category, "all");
    assert_string_equal(last->scoring, "sentence.sum");
    is(last->ideal, 100);
    fs_evaluate_result_release(&result);
}

/* Shares have McNemar's cells, which add up to the difference; retention, 100 before by definition, has none. */
static void rows_are_paired(void **state)
{
    (void)state;
    static const char *const shares[] = {"ss.micro", "crows", "ps", "ds"};
    static const char *const others[] = {"lms.macro", "icat.micro", "gap", "rs.top1", "rs.pair"};
    struct fs_evaluate_input input = everything();
    struct fs_evaluate_result result;
    evaluate(&input, &stamp, &result);
    for (size_t i = 0; i < result.rows; i++) {
        const struct fs_result_row *row = &result.row[i];
        const struct fs_paired *paired = &row->paired;
        if (strncmp(row->metric, "crows.", 6) != 0) { /* those leave out ties of each model's own */
            is(paired->difference, row->model[1].value - row->model[0].value);
        }
        if (row->model[0].n > 0 && strncmp(row->metric, "icat", 4) != 0) { /* of products it need not be between */
            /* equal where all resamples are, but for rounding */
            assert_true(paired->low <= paired->difference + 1e-9 && paired->difference <= paired->high + 1e-9);
        }
    }
    size_t changed = 0;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        const struct fs_result_row *row = find_row(&result, "all", "all", shares[i]);
        const struct fs_paired *paired = &row->paired;
        assert_true(paired->gained >= 0 && paired->lost >= 0);
        is(paired->difference, 100.0 * (double)(paired->gained - paired->lost) / (double)row->model[0].n);
        is(paired->p_value, fs_mcnemar((size_t)paired->gained, (size_t)paired->lost));
        changed += (size_t)(paired->gained + paired->lost);
    }
    assert_true(changed > 0);
    const struct fs_paired *macro = &find_row(&result, "all", "all", "ss.macro")->paired;
    const struct fs_paired *micro = &find_row(&result, "all", "all", "ss.micro")->paired;
    assert_true(macro->gained == micro->gained && macro->lost == micro->lost);
    is(macro->p_value, micro->p_value);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const struct fs_paired *paired = &find_row(&result, "all", "all", others[i])->paired;
        assert_true(isnan(paired->p_value) && isfinite(paired->difference) && isfinite(paired->low));
        assert_true(paired->gained == -1 && paired->lost == -1);
    }
    fs_evaluate_result_release(&result);
}

static void a_stamp_leaves_the_unedited_rows(void **state)
{
    (void)state;
    struct fs_evaluate_input input = everything();
    struct fs_evaluate_result with, without;
    evaluate(&input, &stamp, &with);
    evaluate(&input, NULL, &without);
    assert_int_equal(with.rows, without.rows);
    for (size_t i = 0; i < with.rows; i++) {
        assert_memory_equal(&with.row[i].model[0], &without.row[i].model[0], sizeof(struct fs_metric));
        assert_true(isnan(without.row[i].model[1].value));
        assert_int_equal(without.row[i].model[1].n, 0);
        assert_true(isnan(without.row[i].paired.difference) && isnan(without.row[i].paired.p_value));
        assert_true(without.row[i].paired.gained == -1 && without.row[i].paired.lost == -1);
    }
    for (size_t i = 0; i < pairs.count * 8; i += 2) {
        assert_memory_equal(&with.pair_score[i], &without.pair_score[i], sizeof(double));
        assert_true(isnan(without.pair_score[i + 1]));
    }
    assert_int_equal(without.fact_top1[1], -1);
    fs_evaluate_result_release(&with);

    /* no split: the subset "all" alone */
    input.held_out = NULL;
    input.crows = NULL;
    input.facts = NULL;
    fs_evaluate_result_release(&without);
    evaluate(&input, NULL, &without);
    for (size_t i = 0; i < without.rows; i++) {
        assert_string_equal(without.row[i].subset, "all");
    }
    assert_int_equal(without.rows % 8, 0);
    /* a split that holds out nothing: no row "held_out" */
    bool none[512] = {false};
    assert_true(pairs.count <= 512);
    input.held_out = none;
    fs_evaluate_result_release(&without);
    evaluate(&input, NULL, &without);
    for (size_t i = 0; i < without.rows; i++) {
        assert_string_not_equal(without.row[i].subset, "held_out");
    }
    fs_evaluate_result_release(&without);
    /* nothing to evaluate */
    input.pairs = NULL;
    evaluate(&input, NULL, &without);
    assert_int_equal(without.rows, 0);
    fs_evaluate_result_release(&without);
}

static void skipped_items_are_counted(void **state)
{
    (void)state;
    char many[1300] = "";
    for (size_t i = 0; i < 200; i++) {
        strcat(many, "river ");
    }
    struct fs_evaluate_input input = everything();
    struct fs_evaluate_result result;
    char *unrelated = pairs.item[1].statement[FS_UNRELATED].before, *true_fact = facts.item[0].statement.text;
    char *paraphrase = pairs.item[2].paraphrase[0][1].before, *sentence = crows.item[0].less;
    pairs.item[1].statement[FS_UNRELATED].before = many;
    pairs.item[2].paraphrase[0][1].before = many;
    facts.item[0].statement.text = many;
    crows.item[0].less = many;
    evaluate(&input, NULL, &result);
    pairs.item[1].statement[FS_UNRELATED].before = unrelated;
    pairs.item[2].paraphrase[0][1].before = paraphrase;
    facts.item[0].statement.text = true_fact;
    crows.item[0].less = sentence;
    assert_int_equal(result.pair_skip[1], FS_SKIP_TOO_LONG);
    const struct {
        const char *metric;
        size_t n;
    } rows[] = {{"ss.macro", pairs.count - 1},
                {"gap", pairs.count - 1},
                {"ds", facts.count - 1},
                {"rs.top1", facts.count - 1},
                {"crows", crows.count - 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct fs_result_row *row = find_row(&result, "all", "all", rows[i].metric);
        assert_int_equal(row->skipped[FS_SKIP_TOO_LONG], 1);
        assert_int_equal(row->skipped[FS_KEPT], 0);
        assert_int_equal(row->model[0].n, rows[i].n);
    }
    assert_int_equal(find_row(&result, "all", "all", "ps")->skipped[FS_SKIP_TOO_LONG], 1);
    fs_evaluate_result_release(&result);
}

/* Copies the texts and numbers of the result table but the paired columns, as files had it before there were any. */
static int copy_unpaired(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    static const char *const paired[] = {"difference", "difference_low", "difference_high",
                                         "p_value",    "gained",         "lost"};
    if (entry->is_attribute || strncmp(entry->name, "/results/", 9) != 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof paired / sizeof *paired; i++) {
        if (strcmp(entry->name + 9, paired[i]) == 0) {
            return 0;
        }
    }
    return entry->is_text
               ? fs_archive_write_texts(context, entry->name, entry->shape[0], entry->data, err)
               : fs_archive_write(context, entry->name, entry->type, entry->dimensions, entry->shape, entry->data, err);
}

static void a_file_without_paired_tests_is_read(void **state)
{
    (void)state;
    struct fs_evaluate_input input = everything();
    struct fs_evaluate_result result, back;
    struct fs_archive *archive = NULL, *older = NULL;
    struct fs_error err = FS_ERROR_INIT;
    char folder[] = "/tmp/fairstamp-evaluate-XXXXXX", path[64], older_path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/evaluate.h5", folder);
    (void)snprintf(older_path, sizeof older_path, "%s/older.h5", folder);
    evaluate(&input, &stamp, &result);
    if (fs_archive_create(path, "evaluate", "job", &archive, &err) != 0 ||
        fs_evaluate_write(archive, &input, &result, &err) != 0 || fs_archive_publish(archive, &err) != 0 ||
        fs_archive_open(path, "evaluate", &archive, &err) != 0 ||
        fs_archive_create(older_path, "evaluate", "job", &older, &err) != 0 ||
        fs_archive_visit(archive, copy_unpaired, older, &err) != 0 || fs_archive_publish(older, &err) != 0 ||
        fs_archive_open(older_path, "evaluate", &older, &err) != 0 || fs_evaluate_read_table(older, &back, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_false(fs_archive_has(older, "/results/p_value"));
    assert_int_equal(back.rows, result.rows);
    for (size_t i = 0; i < back.rows; i++) {
        assert_string_equal(back.row[i].metric, result.row[i].metric);
        assert_memory_equal(back.row[i].model, result.row[i].model, sizeof back.row[i].model);
        assert_true(isnan(back.row[i].paired.difference) && isnan(back.row[i].paired.p_value));
        assert_true(back.row[i].paired.gained == -1 && back.row[i].paired.lost == -1);
    }
    fs_archive_close(archive);
    fs_archive_close(older);
    fs_evaluate_result_release(&back);
    fs_evaluate_result_release(&result);
    (void)unlink(path);
    (void)unlink(older_path);
    (void)rmdir(folder);
}

static void through_a_file_and_back(void **state)
{
    (void)state;
    struct fs_evaluate_input input = everything();
    struct fs_evaluate_result result, back;
    struct fs_archive *archive = NULL;
    struct fs_error err = FS_ERROR_INIT;
    char folder[] = "/tmp/fairstamp-evaluate-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/evaluate.h5", folder);
    evaluate(&input, &stamp, &result);
    if (fs_archive_create(path, "evaluate", "job", &archive, &err) != 0 ||
        fs_evaluate_write(archive, &input, &result, &err) != 0 || fs_archive_publish(archive, &err) != 0 ||
        fs_archive_open(path, "evaluate", &archive, &err) != 0 || fs_evaluate_read_table(archive, &back, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(back.rows, result.rows);
    assert_memory_equal(back.row, result.row, result.rows * sizeof *result.row);
    double *score = calloc(pairs.count * 8, sizeof *score);
    assert_int_equal(fs_archive_read(archive, "/pairs/score", FS_ARCHIVE_F64, pairs.count * 8, score, &err), 0);
    assert_memory_equal(score, result.pair_score, pairs.count * 8 * sizeof *score);
    char **ids = NULL, *scoring = NULL;
    size_t count;
    assert_int_equal(fs_archive_read_texts(archive, "/facts/id", &count, &ids, &err), 0);
    assert_int_equal(count, facts.count);
    assert_string_equal(ids[count - 1], facts.item[count - 1].id);
    assert_int_equal(fs_archive_read_attribute_text(archive, "/crows_pairs", "variant", &scoring, &err), 0);
    assert_string_equal(scoring, "sentence.mean");
    free(scoring);
    free(ids);
    free(score);
    fs_archive_close(archive);
    fs_evaluate_result_release(&back);
    fs_evaluate_result_release(&result);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void a_variant_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    struct fs_evaluate_input input = everything();
    struct fs_evaluate_result result;
    struct fs_error err = FS_ERROR_INIT;
    input.pair_scoring = FS_TARGET_PROB;
    assert_int_equal(fs_evaluate_run(model.model, model.tokenizer, &input, NULL, model.runner, NULL, &result, &err),
                     -1);
    assert_int_equal(err.code, FS_EXIT_CONFIG);
    assert_non_null(strstr(err.text, "biaske item"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_made_of_the_scores),
        cmocka_unit_test(rows_are_paired),
        cmocka_unit_test(a_stamp_leaves_the_unedited_rows),
        cmocka_unit_test(skipped_items_are_counted),
        cmocka_unit_test(through_a_file_and_back),
        cmocka_unit_test(a_file_without_paired_tests_is_read),
        cmocka_unit_test(a_variant_that_does_not_fit_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
