/*
 * Winograd schemas (Levesque et al. 2012) in the file of XWINO (Tikhonov and Ryabinin 2021;
 * yandex-research/crosslingual_winograd): a sentence, a pronoun in it, and two candidates for who or what is meant. A
 * statement is the sentence with one of them in the pronoun's place:
 *
 *   target.logprob  masked  log p of the candidate, masked there
 *   continuation.sum causal of what stands behind the candidate, given all before: the partial evaluation of Trinh and
 *                           Le 2018, as in lm-evaluation-harness (lm_eval/tasks/wsc273), but without its second blank
 *
 * As there, "'s" follows a candidate for a possessive pronoun ("her" always is one), and its article or pronoun is
 * written in lower case, but not behind a full stop. For masked models, which read the candidate itself, it is written as
 * the pronoun is: with a capital where that has one, else in lower case. Rows, of category none: "accuracy" 100 x
 * share(P[right] > P[wrong]), ideal 100, over all and by source.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "io/formats/tsv.h"
#include "stages/suites/stored_suite.h"
#include "stages/suites/suite_parts.h"
#include "stages/suites/suite_statements.h"

enum { RIGHT, WRONG, CANDIDATES };
static const char *const candidates[CANDIDATES] = {"right", "wrong"};

/* Fields of a line, which begins with language, source, and a field that says nothing. */
enum { SOURCE = 1, SENTENCE = 3, TOKENS, PRONOUN, ANSWERS, FIELDS };

/* What the source begins with, up to a dot. WSC273; SuperGLUE's WSC; DPR (Rahman and Ng 2012). */
static const char *const sources[] = {"original", "superglue", "wsc_naive"};
enum { SOURCES = sizeof sources / sizeof sources[0] };

struct winograd {
    struct fs_statement_suite base;
    size_t *source;      /* [items] index into sources; SIZE_MAX: another one, which counts in "accuracy" alone */
    enum fs_skip reason; /* why the line that is read cannot be used, where reading it fails */
};

/* One line of the file while it is read. */
struct line {
    const struct fs_tsv *tsv;
    size_t row;
    const char *sentence;
    struct fs_json_document *tokens, *pronoun, *answers;
};

static int parse(const struct line *line, size_t field, const char *what, struct fs_json_document **document,
                 struct fs_error *err)
{
    const char *text = fs_tsv_field(line->tsv, line->row, field);
    char *name = NULL;
    if (asprintf(&name, "%s: line %zu: %s", fs_tsv_path(line->tsv), fs_tsv_line(line->tsv, line->row), what) < 0) {
        return fs_error_memory(err, strlen(what), "a path");
    }
    int status = fs_json_parse(name, text, strlen(text), document, err);
    free(name);
    if (status == 0 && !cJSON_IsArray(fs_json_root(*document))) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %s, expected an array", fs_json_name(*document),
                            fs_json_kind(fs_json_root(*document)));
    }
    return status;
}

/* Element `index` of an array as a text that is not empty. */
static int read_text(const struct fs_json_document *document, const cJSON *array, int index, const char **text,
                     struct fs_error *err)
{
    const cJSON *value = cJSON_GetArrayItem(array, index);
    if (!cJSON_IsString(value) || value->valuestring[0] == '\0') {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %s, expected a text", fs_json_name(document),
                            cJSON_IsString(value) ? "an empty string" : fs_json_kind(value));
    }
    *text = value->valuestring;
    return 0;
}

/* The pronoun's text, and the tokens that it is: from span[0] to span[1], without the latter. */
static int read_pronoun(const struct line *line, const char **pronoun, size_t span[2], struct fs_error *err)
{
    const cJSON *root = fs_json_root(line->pronoun), *place = cJSON_GetArrayItem(root, 1);
    size_t count = (size_t)cJSON_GetArraySize(fs_json_root(line->tokens));
    if (read_text(line->pronoun, root, 0, pronoun, err) != 0) {
        return -1;
    }
    if (!cJSON_IsArray(place) || cJSON_GetArraySize(place) != 2 ||
        fs_json_exact_size(cJSON_GetArrayItem(place, 0), &span[0]) != 0 ||
        fs_json_exact_size(cJSON_GetArrayItem(place, 1), &span[1]) != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %s, expected [\"pronoun\", [first token, token behind it]]",
                            fs_json_name(line->pronoun), fs_tsv_field(line->tsv, line->row, PRONOUN));
    }
    if (span[0] >= span[1] || span[1] > count) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found tokens %zu to %zu, expected one or more of the %zu tokens",
                            fs_json_name(line->pronoun), span[0], span[1], count);
    }
    return 0;
}

/* The bytes of the sentence that the tokens of `span` are. Tokens stand in it as they are, with blanks between some of
 * them, but for `` and '', which are straight quotes. */
static int find_tokens(const struct line *line, const size_t span[2], size_t bytes[2], struct fs_error *err)
{
    const cJSON *tokens = fs_json_root(line->tokens), *token;
    const char *at = line->sentence + strspn(line->sentence, " ");
    size_t index = 0;
    cJSON_ArrayForEach(token, tokens)
    {
        if (!cJSON_IsString(token) || token->valuestring[0] == '\0') {
            return fs_error_set(err, FS_EXIT_DATA, "%s: [%zu]: found %s, expected a text", fs_json_name(line->tokens),
                                index, cJSON_IsString(token) ? "an empty string" : fs_json_kind(token));
        }
        const char *text = token->valuestring;
        bool quote = at[0] == '"' && (strcmp(text, "``") == 0 || strcmp(text, "''") == 0);
        size_t length = quote ? 1 : strlen(text);
        if (!quote && strncmp(at, text, length) != 0) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: [%zu]: found \"%.60s\", expected a token of the sentence at "
                                "\"%.60s\"",
                                fs_json_name(line->tokens), index, text, at);
        }
        if (index == span[0]) {
            bytes[0] = (size_t)(at - line->sentence);
        }
        at += length;
        if (++index == span[1]) {
            bytes[1] = (size_t)(at - line->sentence);
        }
        at += strspn(at, " ");
    }
    if (at[0] != '\0') {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %zu tokens, expected more, for \"%.60s\"",
                            fs_json_name(line->tokens), index, at);
    }
    return 0;
}

/* The two candidates, the right one first. */
static int read_answers(const struct line *line, const char *answer[CANDIDATES], struct fs_error *err)
{
    const cJSON *root = fs_json_root(line->answers);
    const bool two = cJSON_GetArraySize(root) == CANDIDATES;
    size_t right = 0;
    for (int i = 0; two && i < CANDIDATES; i++) {
        const cJSON *entry = cJSON_GetArrayItem(root, i);
        const cJSON *is_right = cJSON_IsArray(entry) ? cJSON_GetArrayItem(entry, 3) : NULL;
        if (!cJSON_IsBool(is_right)) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "%s: [%d]: found %s, expected [\"candidate\", span, tokens, true or false]",
                                fs_json_name(line->answers), i, fs_json_kind(is_right != NULL ? is_right : entry));
        }
        right += cJSON_IsTrue(is_right) ? 1 : 0;
        if (read_text(line->answers, entry, 0, &answer[cJSON_IsTrue(is_right) ? RIGHT : WRONG], err) != 0) {
            return -1;
        }
    }
    if (!two || right != 1) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found %d candidates, %zu of them right, expected 2 with 1 of them right",
                            fs_json_name(line->answers), cJSON_GetArraySize(root), right);
    }
    return 0;
}

/* Whether a sentence begins at byte `at`, as lm-evaluation-harness sees it: its text[at - 2] counts from the end where that is
 * below 0. */
static bool begins_sentence(const char *sentence, size_t at)
{
    size_t length = strlen(sentence);
    return sentence[(at + length - 2) % length] == '.';
}

/* The candidate as it is written in the pronoun's place, from byte `at` on. The caller frees. */
static char *fit(const struct winograd *suite, const struct line *line, const char *candidate, const char *pronoun,
                 size_t at, struct fs_error *err)
{
    static const char *const possessives[] = {"my", "his", "her", "our", "their"};
    static const char *const starts[] = {"A", "An", "The", "She", "He", "It", "They", "My", "His", "Her", "Their"};
    const char *ending = "";
    char *text = NULL;
    for (size_t i = 0; i < sizeof possessives / sizeof possessives[0]; i++) {
        if (strcasecmp(pronoun, possessives[i]) == 0) {
            ending = "'s";
        }
    }
    if (asprintf(&text, "%s%s", candidate, ending) < 0) {
        (void)fs_error_memory(err, strlen(candidate), "a candidate of the Winograd schemas");
        return NULL;
    }
    bool masked = suite->base.scoring == FS_TARGET_LOGPROB;
    if (masked ? isupper((unsigned char)pronoun[0]) != 0 : begins_sentence(line->sentence, at)) {
        if (masked) {
            text[0] = (char)toupper((unsigned char)text[0]);
        }
        return text;
    }
    size_t word = strcspn(candidate, " ");
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (strlen(starts[i]) == word && strncmp(candidate, starts[i], word) == 0) {
            text[0] = (char)tolower((unsigned char)text[0]);
        }
    }
    return text;
}

/* The sentence with `answer` from byte bytes[0] to bytes[1]. */
static int set_statement(struct winograd *suite, const struct line *line, size_t candidate, const char *answer,
                         const size_t bytes[2], struct fs_error *err)
{
    const char *after = line->sentence + bytes[1];
    if (suite->base.scoring == FS_TARGET_LOGPROB) {
        const struct fs_candidate_text text = {
            {line->sentence, bytes[0]}, {answer, strlen(answer)}, {after, strlen(after)}};
        return fs_statement_suite_set(&suite->base, line->row, candidate, &text, err);
    }
    char *before = NULL;
    if (asprintf(&before, "%.*s%s", (int)bytes[0], line->sentence, answer) < 0) {
        return fs_error_memory(err, strlen(line->sentence), "a sentence of the Winograd schemas");
    }
    const struct fs_candidate_text text = {{before, strlen(before)}, {after, strlen(after)}, {"", 0}};
    int status = fs_statement_suite_set(&suite->base, line->row, candidate, &text, err);
    free(before);
    return status;
}

/* The two sentences of a schema have the same candidates, of which the other one is right. */
static int set_cluster(struct winograd *suite, size_t item, const char *const answer[CANDIDATES], struct fs_error *err)
{
    char *both = NULL;
    bool swap = strcasecmp(answer[RIGHT], answer[WRONG]) > 0;
    int length = asprintf(&both, "%s/%s", answer[swap ? WRONG : RIGHT], answer[swap ? RIGHT : WRONG]);
    if (length < 0) {
        return fs_error_memory(err, strlen(answer[RIGHT]), "the candidates of a schema");
    }
    int status = fs_suite_set_cluster(&suite->base.suite, item, both, (size_t)length, err);
    free(both);
    return status;
}

static int set_statements(struct winograd *suite, const struct line *line, struct fs_error *err)
{
    const char *pronoun = NULL, *answer[CANDIDATES] = {NULL};
    char *text[CANDIDATES] = {NULL};
    size_t span[2], bytes[2] = {0};
    if (read_pronoun(line, &pronoun, span, err) != 0 || find_tokens(line, span, bytes, err) != 0 ||
        read_answers(line, answer, err) != 0) {
        return -1;
    }
    if (strlen(pronoun) != bytes[1] - bytes[0] ||
        strncmp(pronoun, line->sentence + bytes[0], bytes[1] - bytes[0]) != 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found \"%.60s\", expected \"%.*s\" as in the sentence",
                            fs_json_name(line->pronoun), pronoun, (int)(bytes[1] - bytes[0]),
                            line->sentence + bytes[0]);
    }
    int status = set_cluster(suite, line->row, answer, err);
    for (size_t i = 0; status == 0 && i < CANDIDATES; i++) {
        text[i] = fit(suite, line, answer[i], pronoun, bytes[0], err);
        status = text[i] != NULL ? set_statement(suite, line, i, text[i], bytes, err) : -1;
    }
    if (status == 0 && strcmp(text[RIGHT], text[WRONG]) == 0) {
        suite->reason = FS_SKIP_NO_DIFFERENCE;
        status = fs_error_set(err, FS_EXIT_DATA, "%s: found \"%.60s\" twice, expected two different candidates",
                              fs_json_name(line->answers), answer[RIGHT]);
    }
    free(text[RIGHT]);
    free(text[WRONG]);
    return status;
}

static int read_line(struct winograd *suite, const struct fs_tsv *tsv, size_t row, struct fs_error *err)
{
    struct line line = {.tsv = tsv, .row = row, .sentence = fs_tsv_field(tsv, row, SENTENCE)};
    int status = parse(&line, TOKENS, "tokens", &line.tokens, err) == 0 &&
                         parse(&line, PRONOUN, "pronoun", &line.pronoun, err) == 0 &&
                         parse(&line, ANSWERS, "candidates", &line.answers, err) == 0
                     ? set_statements(suite, &line, err)
                     : -1;
    fs_json_destroy(line.tokens);
    fs_json_destroy(line.pronoun);
    fs_json_destroy(line.answers);
    return status;
}

static int fill(struct winograd *suite, const struct fs_tsv *tsv, struct fs_error *err)
{
    struct fs_suite *base = &suite->base.suite;
    for (size_t row = 0; row < base->items; row++) {
        char id[32];
        const char *source = fs_tsv_field(tsv, row, SOURCE);
        size_t length = strcspn(source, "."), which = 0;
        while (which < SOURCES && (strlen(sources[which]) != length || strncmp(sources[which], source, length) != 0)) {
            which++;
        }
        suite->source[row] = which < SOURCES ? which : SIZE_MAX;
        snprintf(id, sizeof id, "%zu", fs_tsv_line(tsv, row));
        base->id[row] = fs_statement_suite_keep(&suite->base, id, strlen(id), err);
        base->category[row] = "none";
        struct fs_error why = FS_ERROR_INIT;
        suite->reason = FS_SKIP_BAD_RECORD;
        if (base->id[row] == NULL || (read_line(suite, tsv, row, &why) != 0 &&
                                      fs_suite_skip(base, row, fs_tsv_path(tsv), suite->reason, &why, err) != 0)) {
            return -1;
        }
    }
    base->report.items = base->items;
    return fs_item_report_check(&base->report, fs_tsv_path(tsv), err);
}

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    const struct fs_parting parting = {sources, SOURCES, ((const struct winograd *)base)->source};
    const struct fs_suite_question question = {"accuracy", FS_QUESTION_SHARE, 100.0, fs_suite_candidate(base, RIGHT),
                                               fs_suite_candidate(base, WRONG)};
    return fs_suite_add(rows, base, &question, err) == 0 ? fs_suite_add_parts(rows, base, &question, &parting, err)
                                                         : -1;
}

static void release(struct fs_suite *base)
{
    struct winograd *suite = (struct winograd *)base;
    free(suite->source);
    fs_statement_suite_release(base);
}

static const struct fs_suite_operations operations = {.answers = fs_suite_first_is_higher,
                                                      .compile = fs_statement_suite_compile,
                                                      .fold = fs_statement_suite_fold,
                                                      .add_rows = add_rows,
                                                      .release = release};

static int open_winograd(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                         struct fs_error *err)
{
    const enum fs_scoring scoring = options->kind == FS_MASKED ? FS_TARGET_LOGPROB : FS_CONTINUATION_SUM;
    struct fs_tsv *tsv;
    *result = NULL;
    if (fs_tsv_load_rows(path, FIELDS, &tsv, err) != 0) {
        return -1;
    }
    struct winograd *suite = fs_allocate(1, sizeof *suite, "the Winograd schemas", err);
    int status = suite != NULL ? 0 : -1;
    if (status == 0) {
        size_t items = fs_tsv_rows(tsv);
        suite->base.suite = (struct fs_suite){.operations = &operations,
                                              .name = "winograd",
                                              .cluster_kind = "both candidates",
                                              .items = items,
                                              .candidates = CANDIDATES,
                                              .candidate = candidates};
        suite->source = fs_allocate(items, sizeof *suite->source, "the Winograd schemas", err);
        status = suite->source != NULL && fs_statement_suite_create(&suite->base, scoring, err) == 0
                     ? fill(suite, tsv, err)
                     : -1;
        if (status != 0) {
            fs_suite_destroy(&suite->base.suite);
        } else {
            *result = &suite->base.suite;
        }
    }
    fs_tsv_destroy(tsv);
    return status;
}

const struct fs_suite_kind fs_suite_winograd = {
    .name = "winograd",
    .key = "winograd",
    .about = "who or what a pronoun means: the right candidate in its place against the wrong one",
    .data = "Winograd schemas, XWINO's English tsv file, measured",
    .open = open_winograd,
    .restore = fs_restore_orders};
