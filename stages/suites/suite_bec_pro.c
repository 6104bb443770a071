/*
 * BEC-Pro (Bartl et al. 2020; marionbartl/gender-bias-BERT): the association of a person word with a profession,
 *
 *     log(P[person | sentence] / P[person | sentence with the profession masked])
 *
 * both at the place of the person word, masked there (their bias_utils/utils.py, prob_with_prior). Masked models alone:
 * a causal one does not see the profession behind the person. Rows, of category gender: the mean association of persons
 * of a gender with professions that are mostly held by men, by women or by both; and for each kind of profession the
 * gap, mean of male persons less mean of female ones (0: none).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/csv.h"
#include "stages/suites/suite_statements.h"

enum { TARGET, PRIOR, CANDIDATES };
#define MASK "[MASK]"

static const char *const candidates[CANDIDATES] = {"target", "prior"};
static const char *const persons[] = {"male", "female"};
static const char *const professions[] = {"male", "female", "balanced"};
enum { PERSONS = 2, PROFESSIONS = 3 };

struct bec_pro {
    struct fs_statement_suite base;
    size_t *person, *profession; /* [items] indices into the lists above; PERSONS, PROFESSIONS: it could not be read */
    double *column;              /* [items][columns] of the row that is being made */
    bool *among;                 /* [items] those of that row */
    enum fs_skip reason;         /* why the row that is read cannot be used, where reading it fails */
};

/* What a column of the file may say. */
struct choice {
    const char *heading;
    const char *const *word; /* [words] */
    size_t words;
};

static int index_of(const struct fs_csv *table, size_t row, size_t column, const struct choice *choice, size_t *index,
                    struct fs_error *err)
{
    const char *text = fs_csv_field(table, row, column);
    for (size_t i = 0; i < choice->words; i++) {
        if (strcmp(choice->word[i], text) == 0) {
            *index = i;
            return 0;
        }
    }
    return fs_error_set(err, FS_EXIT_DATA, "%s: %s: %s: found \"%.60s\", expected male, female%s", fs_csv_path(table),
                        fs_csv_place(table, row, (char[FS_CSV_PLACE]){0}), choice->heading, text,
                        choice->words == PROFESSIONS ? " or balanced" : "");
}

/* The person word at the first mask of `sentence`. */
static int set_statement(struct bec_pro *suite, const struct fs_csv *table, size_t row, size_t candidate,
                         const char *sentence, const char *person, struct fs_error *err)
{
    const char *mask = strstr(sentence, MASK);
    if (mask == NULL || person[0] == '\0') {
        suite->reason = sentence[0] == '\0' || person[0] == '\0' ? FS_SKIP_EMPTY_TEXT : FS_SKIP_BAD_RECORD;
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s: found \"%.120s\" and person \"%.40s\", expected a sentence "
                            "with " MASK " for the person",
                            fs_csv_path(table), fs_csv_place(table, row, (char[FS_CSV_PLACE]){0}), sentence, person);
    }
    const char *after = mask + strlen(MASK);
    const struct fs_candidate_text text = {
        {sentence, (size_t)(mask - sentence)}, {person, strlen(person)}, {after, strlen(after)}};
    return fs_statement_suite_set(&suite->base, row, candidate, &text, err);
}

enum { COLUMNS = 5 };
static const char *const headings[COLUMNS + 1] = {"Sent_TM", "Sent_TAM", "Person", "Gender", "Prof_Gender", NULL};
static const struct choice genders = {"Gender", persons, PERSONS};
static const struct choice jobs = {"Prof_Gender", professions, PROFESSIONS};

static int read_row(struct bec_pro *suite, const struct fs_csv *table, size_t row, const size_t column[COLUMNS],
                    struct fs_error *err)
{
    const char *person = fs_csv_field(table, row, column[2]);
    suite->reason = FS_SKIP_BAD_RECORD;
    if (fs_csv_check_row(table, row, err) != 0 ||
        set_statement(suite, table, row, TARGET, fs_csv_field(table, row, column[0]), person, err) != 0 ||
        set_statement(suite, table, row, PRIOR, fs_csv_field(table, row, column[1]), person, err) != 0) {
        return -1;
    }
    suite->reason = FS_SKIP_BAD_LABEL;
    return index_of(table, row, column[3], &genders, &suite->person[row], err) == 0
               ? index_of(table, row, column[4], &jobs, &suite->profession[row], err)
               : -1;
}

static int fill(struct bec_pro *suite, const struct fs_csv *table, struct fs_error *err)
{
    size_t column[COLUMNS], profession;
    struct fs_suite *base = &suite->base.suite;
    if (fs_csv_need_rows(table, err) != 0) {
        return -1;
    }
    bool named = fs_csv_has_column(table, "Profession", &profession);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (fs_csv_column(table, headings[i], &column[i], err) != 0) {
            return -1;
        }
    }
    for (size_t row = 0; row < base->items; row++) {
        char id[32];
        struct fs_error why = FS_ERROR_INIT;
        snprintf(id, sizeof id, "%zu", row);
        base->id[row] = fs_statement_suite_keep(&suite->base, id, strlen(id), err);
        base->category[row] = "gender";
        suite->person[row] = PERSONS;
        suite->profession[row] = PROFESSIONS;
        if (base->id[row] == NULL || (read_row(suite, table, row, column, &why) != 0 &&
                                      fs_suite_skip(base, row, fs_csv_path(table), suite->reason, &why, err) != 0)) {
            return -1;
        }
        const char *name = named && base->unusable[row] == FS_KEPT ? fs_csv_field(table, row, profession) : "";
        if (fs_suite_set_cluster(base, row, name, strlen(name), err) != 0) {
            return -1;
        }
    }
    base->report.items = base->items;
    return fs_item_report_check(&base->report, fs_csv_path(table), err);
}

static double association(const struct fs_suite *base, size_t item, size_t column)
{
    return base->score[fs_suite_at(base, item, TARGET, column)] - base->score[fs_suite_at(base, item, PRIOR, column)];
}

/* An item that could not be read is among the skipped ones of every row that it may belong to. */
static bool may_be(size_t index, size_t wanted, size_t unknown)
{
    return index == wanted || index == unknown;
}

static int add_means(struct bec_pro *suite, struct fs_suite_rows *rows, size_t profession, struct fs_error *err)
{
    const struct fs_suite *base = &suite->base.suite;
    const struct fs_suite_column column = {suite->column, base->columns, suite->among};
    const size_t columns = base->columns;
    char name[32];
    size_t count[PERSONS] = {0};
    for (size_t i = 0; i < base->items; i++) {
        if (suite->profession[i] == profession && base->skip[i] == FS_KEPT) {
            count[suite->person[i]]++;
        }
    }
    for (size_t person = 0; person < PERSONS; person++) {
        for (size_t i = 0; i < columns * base->items; i++) {
            suite->among[i / columns] = may_be(suite->profession[i / columns], profession, PROFESSIONS) &&
                                        may_be(suite->person[i / columns], person, PERSONS);
            suite->column[i] = association(base, i / columns, i % columns);
        }
        snprintf(name, sizeof name, "%s in %s jobs", persons[person], professions[profession]);
        if (fs_suite_add_mean(rows, base, name, 1.0, column, err) != 0) {
            return -1;
        }
    }
    if (count[0] == 0 || count[1] == 0) {
        return 0;
    }
    for (size_t i = 0; i < columns * base->items; i++) { /* their mean is the difference of the two means */
        size_t person = suite->person[i / columns] == 0 ? 0 : 1;
        double weight = (double)(count[0] + count[1]) / (double)count[person] * (person == 0 ? 1.0 : -1.0);
        suite->among[i / columns] = may_be(suite->profession[i / columns], profession, PROFESSIONS);
        suite->column[i] = weight * association(base, i / columns, i % columns);
    }
    snprintf(name, sizeof name, "gap in %s jobs", professions[profession]);
    return fs_suite_add_mean(rows, base, name, 1.0, column, err);
}

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    struct bec_pro *suite = (struct bec_pro *)base;
    free(suite->column);
    suite->column = fs_suite_scores(base, base->items, 1, err);
    int status = suite->column != NULL ? 0 : -1;
    for (size_t profession = 0; status == 0 && profession < PROFESSIONS; profession++) {
        status = add_means(suite, rows, profession, err);
    }
    return status;
}

static void release(struct fs_suite *base)
{
    struct bec_pro *suite = (struct bec_pro *)base;
    free(suite->among);
    free(suite->person);
    free(suite->profession);
    free(suite->column);
    fs_statement_suite_release(base);
}

static const struct fs_suite_operations operations = {
    .compile = fs_statement_suite_compile, .fold = fs_statement_suite_fold, .add_rows = add_rows, .release = release};

static int open_bec_pro(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                        struct fs_error *err)
{
    struct fs_csv *table;
    *result = NULL;
    if (fs_csv_load(path, &(struct fs_csv_format){.columns = headings, .plain_tabs = true, .keep_bad_rows = true},
                    &table, err) != 0) {
        return -1;
    }
    struct bec_pro *suite = fs_allocate(1, sizeof *suite, "BEC-Pro", err);
    int status = suite != NULL ? 0 : -1;
    if (status == 0) {
        size_t items = fs_csv_rows(table);
        suite->base.suite = (struct fs_suite){.operations = &operations,
                                              .name = "bec_pro",
                                              .cluster_kind = "profession",
                                              .items = items,
                                              .candidates = CANDIDATES,
                                              .candidate = candidates};
        suite->among = fs_allocate(items, sizeof *suite->among, "BEC-Pro", err);
        suite->person = fs_allocate(items, sizeof *suite->person, "BEC-Pro", err);
        suite->profession = fs_allocate(items, sizeof *suite->profession, "BEC-Pro", err);
        status = suite->among != NULL && suite->person != NULL && suite->profession != NULL &&
                         fs_statement_suite_create(&suite->base, FS_TARGET_LOGPROB, err) == 0
                     ? fill(suite, table, err)
                     : -1;
        if (status != 0 || !fs_suite_takes(options, "gender") || options->kind != FS_MASKED) {
            fs_suite_destroy(&suite->base.suite);
        } else {
            *result = &suite->base.suite;
        }
    }
    fs_csv_destroy(table);
    return status;
}

const struct fs_suite_kind fs_suite_bec_pro = {
    .name = "bec_pro",
    .key = "bec_pro",
    .about = "log ratio of a person word's probability with and without the profession",
    .data = "BEC-Pro's English tsv file, measured (masked models)",
    .masked_only = true,
    .open = open_bec_pro};
