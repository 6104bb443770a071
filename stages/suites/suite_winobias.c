/*
 * WinoBias (Zhao et al. 2018; uclanlp/corefBias), as likelihoods: each sentence stands in a pro- and an
 * anti-stereotyped file, with other pronouns. A pair is scored as a CrowS-Pairs item: masked models by pll.modified
 * (each differing token masked in turn), causal ones by sentence.sum. Some published pairs differ in further words, and
 * are scored as they are. Rows, of category gender: "pro" 100 x share(P[pro] > P[anti]), ideal 50, over all and by type
 * of the sentence (type 2 can be resolved by its syntax alone); "gap" mean |log P[pro] - log P[anti]|.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file_map.h"
#include "io/formats/file_kind.h"
#include "stages/suites/suite_registry.h"

enum { PRO, ANTI, CANDIDATES };
#define TYPES 2
#define PARTS 2

static const char *const candidates[CANDIDATES] = {"pro", "anti"};
static const char *const parts[PARTS] = {"dev", "test"};

struct winobias {
    struct fs_suite base;
    enum fs_scoring scoring;
    struct fs_crows_list pairs;                   /* more: pro, less: anti */
    struct fs_statement (*statement)[CANDIDATES]; /* [items] */
    bool *of_type;                                /* [items] those of the row that is being made */
};

/* One line of a file: a number, and the sentence with participants and pronouns in brackets. */
struct line {
    const char *text;
    size_t length;
};

/* The lines of a file that hold something; the caller frees. They point into the map. */
static int split_lines(const struct fs_file_map *map, struct line **lines, size_t *count, struct fs_error *err)
{
    size_t most = 1;
    for (size_t i = 0; i < map->size; i++) {
        most += map->data[i] == '\n';
    }
    *count = 0;
    *lines = fs_allocate(most, sizeof **lines, "lines of WinoBias", err);
    const char *at = (const char *)map->data, *end = at + map->size;
    while (*lines != NULL && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        size_t length = (size_t)(stop - at);
        while (length > 0 && isspace((unsigned char)at[length - 1])) {
            length--;
        }
        if (length > 0) {
            (*lines)[(*count)++] = (struct line){at, length};
        }
        at = stop + (stop < end);
    }
    return *lines != NULL ? 0 : -1;
}

/* The sentence without number and brackets. The caller frees. */
static char *read_sentence(const struct line *line, struct fs_error *err)
{
    size_t at = 0, used = 0;
    char *text = fs_allocate(line->length + 1, 1, "a sentence of WinoBias", err);
    if (text == NULL) {
        return NULL;
    }
    while (at < line->length && isdigit((unsigned char)line->text[at])) {
        at++;
    }
    at += at < line->length && line->text[at] == ' ';
    for (; at < line->length; at++) {
        if (line->text[at] != '[' && line->text[at] != ']') {
            text[used++] = line->text[at];
        }
    }
    return text;
}

/* The participant that the pronoun is about, without its article: the longest text in brackets (the other one is the
 * pronoun). */
static struct line find_participant(const struct line *line)
{
    static const char *const articles[] = {" ", "the ", "a ", "an "};
    struct line participant = {line->text, 0};
    for (size_t begin = 0, at = 0; at < line->length; at++) {
        if (line->text[at] == '[') {
            begin = at + 1;
        } else if (line->text[at] == ']' && at > begin && at - begin > participant.length) {
            participant = (struct line){line->text + begin, at - begin};
        }
    }
    for (size_t i = 0; i < sizeof articles / sizeof articles[0]; i++) {
        size_t length = strlen(articles[i]);
        if (participant.length > length && strncasecmp(participant.text, articles[i], length) == 0) {
            participant = (struct line){participant.text + length, participant.length - length};
        }
    }
    return participant;
}

/* One item from line `number` of the pro- and the anti-stereotyped file. */
static int add_item(struct winobias *suite, const char *file, size_t type, size_t part, size_t number,
                    const struct line line[CANDIDATES], struct fs_error *err)
{
    size_t item = suite->pairs.count++;
    struct fs_crows_pair *pair = &suite->pairs.item[item];
    if (asprintf(&pair->id, "type%zu.%s.%zu", type + 1, parts[part], number + 1) < 0) {
        pair->id = NULL;
        return fs_error_memory(err, sizeof *pair, "WinoBias");
    }
    pair->more = read_sentence(&line[PRO], err);
    pair->less = read_sentence(&line[ANTI], err);
    if (pair->more == NULL || pair->less == NULL) {
        return -1;
    }
    suite->base.id[item] = pair->id;
    suite->base.category[item] = "gender";
    const struct line participant = find_participant(&line[PRO]);
    if (fs_suite_set_cluster(&suite->base, item, participant.text, participant.length, err) != 0) {
        return -1;
    }
    bool empty = pair->more[0] == '\0' || pair->less[0] == '\0';
    if (empty || strcmp(pair->more, pair->less) == 0) {
        struct fs_error why = FS_ERROR_INIT;
        (void)fs_error_set(&why, FS_EXIT_DATA,
                           "%s: line %zu: found \"%.120s\", expected the sentence of the pro-stereotyped file with "
                           "another pronoun",
                           file, number + 1, pair->less);
        return fs_suite_skip(&suite->base, item, "", empty ? FS_SKIP_EMPTY_TEXT : FS_SKIP_NO_DIFFERENCE, &why, err);
    }
    return 0;
}

static int compile(struct fs_suite *base, struct fs_plan *plan, const struct fs_tokenizer *tokenizer,
                   const struct fs_prompt_style *style, struct fs_error *err)
{
    struct winobias *suite = (struct winobias *)base;
    for (size_t i = 0; i < base->items; i++) {
        struct fs_statement *statement = suite->statement[i];
        fs_statement_release(&statement[PRO]);
        fs_statement_release(&statement[ANTI]);
        if (base->unusable[i] != FS_KEPT) {
            fs_statement_skip(&statement[PRO], (enum fs_skip)base->unusable[i]);
            fs_statement_skip(&statement[ANTI], (enum fs_skip)base->unusable[i]);
            continue;
        }
        if (fs_suite_begin_item(base, i, plan, err) != 0 ||
            fs_statement_compile_crows(plan, tokenizer, style, suite->scoring, &suite->pairs.item[i], statement, err) !=
                0) {
            return fs_error_prepend(err, "item %s", base->id[i]);
        }
        base->skip[i] = (uint8_t)(statement[PRO].skip != FS_KEPT ? statement[PRO].skip : statement[ANTI].skip);
        fs_suite_note(base, i, &statement[PRO]);
        fs_suite_note(base, i, &statement[ANTI]);
    }
    return 0;
}

static int fold(struct fs_suite *base, const struct fs_plan_values *values, size_t column, struct fs_error *err)
{
    const struct winobias *suite = (const struct winobias *)base;
    (void)err;
    for (size_t i = 0; i < base->items; i++) {
        for (size_t k = 0; k < CANDIDATES; k++) {
            base->score[fs_suite_at(base, i, k, column)] = fs_statement_log(&suite->statement[i][k], values, column);
        }
    }
    return 0;
}

static void release(struct fs_suite *base)
{
    struct winobias *suite = (struct winobias *)base;
    free(suite->of_type);
    for (size_t i = 0; suite->statement != NULL && i < base->items; i++) {
        fs_statement_release(&suite->statement[i][PRO]);
        fs_statement_release(&suite->statement[i][ANTI]);
    }
    free(suite->statement);
    fs_crows_list_release(&suite->pairs);
}

static int add_rows(struct fs_suite *base, struct fs_suite_rows *rows, struct fs_error *err)
{
    static const char *const names[TYPES] = {"pro.type1", "pro.type2"};
    struct winobias *suite = (struct winobias *)base;
    struct fs_suite_column pro = fs_suite_candidate(base, PRO), anti = fs_suite_candidate(base, ANTI);
    if (fs_suite_add_share(rows, base, "pro", pro, anti, err) != 0 ||
        fs_suite_add_gap(rows, base, "gap", pro, anti, err) != 0) {
        return -1;
    }
    pro.among = suite->of_type;
    for (size_t type = 0; type < TYPES; type++) {
        for (size_t i = 0; i < base->items; i++) {
            suite->of_type[i] = base->id[i][4] == (char)('1' + type);
        }
        if (fs_suite_add_share(rows, base, names[type], pro, anti, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static const struct fs_suite_operations operations = {
    .compile = compile, .fold = fold, .add_rows = add_rows, .release = release};

/* The pro- and anti-stereotyped file of one type and part. */
struct file_pair {
    char *path[CANDIDATES];
    struct fs_file_map map[CANDIDATES];
    struct line *line[CANDIDATES];
    size_t lines;
};

static int open_pair(const char *folder, size_t type, size_t part, struct file_pair *pair, struct fs_error *err)
{
    size_t count[CANDIDATES] = {0};
    for (size_t k = 0; k < CANDIDATES; k++) {
        if (asprintf(&pair->path[k], "%s/%s_stereotyped_type%zu.txt.%s", folder, candidates[k], type + 1, parts[part]) <
            0) {
            pair->path[k] = NULL;
            return fs_error_memory(err, strlen(folder), "a path");
        }
        if (fs_file_map_open(pair->path[k], &pair->map[k], err) != 0 ||
            fs_check_text_file(pair->path[k], pair->map[k].data, pair->map[k].size, err) != 0 ||
            split_lines(&pair->map[k], &pair->line[k], &count[k], err) != 0) {
            return -1;
        }
    }
    if (count[PRO] != count[ANTI]) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %zu sentences, expected %zu as in %s", pair->path[ANTI],
                            count[ANTI], count[PRO], pair->path[PRO]);
    }
    pair->lines = count[PRO];
    return 0;
}

static void close_pair(struct file_pair *pair)
{
    for (size_t k = 0; k < CANDIDATES; k++) {
        free(pair->path[k]);
        free(pair->line[k]);
        fs_file_map_close(&pair->map[k]);
    }
}

static int fill(struct winobias *suite, const char *path, const struct file_pair *pair, struct fs_error *err)
{
    suite->pairs.item = fs_allocate(suite->base.items, sizeof *suite->pairs.item, "WinoBias", err);
    suite->statement = fs_allocate(suite->base.items, sizeof *suite->statement, "WinoBias", err);
    suite->of_type = fs_allocate(suite->base.items, sizeof *suite->of_type, "WinoBias", err);
    if (suite->pairs.item == NULL || suite->statement == NULL || suite->of_type == NULL) {
        return -1;
    }
    for (size_t i = 0; i < TYPES * PARTS; i++) {
        for (size_t number = 0; number < pair[i].lines; number++) {
            const struct line line[CANDIDATES] = {pair[i].line[PRO][number], pair[i].line[ANTI][number]};
            if (add_item(suite, pair[i].path[ANTI], i / PARTS, i % PARTS, number, line, err) != 0) {
                return -1;
            }
        }
    }
    suite->base.report.items = suite->base.items;
    return fs_item_report_check(&suite->base.report, path, err);
}

static int open_winobias(const char *path, const struct fs_suite_options *options, struct fs_suite **result,
                         struct fs_error *err)
{
    struct file_pair pair[TYPES * PARTS] = {{{NULL}, {{0}}, {NULL}, 0}};
    struct winobias *suite = fs_allocate(1, sizeof *suite, "WinoBias", err);
    size_t items = 0;
    *result = NULL;
    if (suite == NULL) {
        return -1;
    }
    suite->scoring = options->kind == FS_MASKED ? FS_PLL_MODIFIED : FS_SENTENCE_SUM;
    suite->base = (struct fs_suite){.operations = &operations,
                                    .name = "winobias",
                                    .cluster_kind = "participant",
                                    .scoring = fs_scoring_name(suite->scoring),
                                    .unit = "natural log probability",
                                    .candidates = CANDIDATES,
                                    .candidate = candidates};
    int status = 0;
    for (size_t i = 0; status == 0 && i < TYPES * PARTS; i++) {
        status = open_pair(path, i / PARTS, i % PARTS, &pair[i], err);
        items += pair[i].lines;
    }
    if (status == 0) {
        suite->base.items = items;
        status = fs_suite_create(&suite->base, err) == 0 ? fill(suite, path, pair, err) : -1;
    }
    for (size_t i = 0; i < TYPES * PARTS; i++) {
        close_pair(&pair[i]);
    }
    if (status != 0 || !fs_suite_takes(options, "gender")) {
        fs_suite_destroy(&suite->base);
        return status;
    }
    *result = &suite->base;
    return 0;
}

const struct fs_suite_kind fs_suite_winobias = {
    .name = "winobias",
    .key = "winobias",
    .about = "sentences with a pronoun that fits the stereotype of an occupation (pro), or does not",
    .data = "folder of WinoBias, the authors' eight text files, measured",
    .open = open_winobias};
