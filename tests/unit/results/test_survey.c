/*
 * The page of a merged archive: tiles, places and intervals worked by hand; many methods, categories and seeds; what is
 * missing; one of everything; nothing at all; indices that do not fit.
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

#include "results/archive_merge.h"
#include "results/page/survey_data.h"
#include "tests/unit/scratch.h"

enum { ROWS = 40000, CELLS = 200 };

static struct fs_result_table table;
static char ids[CELLS][96], models[CELLS][32], categories[CELLS][32], seeds[CELLS][8];
static size_t cells;

static void expect(int status, const struct fs_error *err)
{
    if (status != 0) {
        fail_msg("%s", err->text);
    }
}

static int make_table(void **state)
{
    for (size_t i = 0; i < FS_RESULT_TEXTS; i++) {
        table.text[i] = calloc(ROWS, sizeof *table.text[i]);
    }
    for (size_t i = 0; i < FS_RESULT_NUMBERS; i++) {
        table.number[i] = calloc(ROWS, sizeof *table.number[i]);
    }
    for (size_t i = 0; i < FS_RESULT_COUNTS; i++) {
        table.count[i] = calloc(ROWS, sizeof *table.count[i]);
    }
    table.room = ROWS;
    return scratch_make(state);
}

static int free_table(void **state)
{
    fs_result_table_release(&table);
    return scratch_remove(state);
}

static void begin(void)
{
    table.rows = cells = 0;
}

/* Rows that follow are of it. The id is as a sweep makes it. */
static void add_cell(const char *model, const char *category, const char *setting, int seed)
{
    assert_true(cells < CELLS);
    snprintf(models[cells], sizeof models[cells], "%s", model);
    snprintf(categories[cells], sizeof categories[cells], "%s", category);
    snprintf(seeds[cells], sizeof seeds[cells], "%d", seed);
    snprintf(ids[cells], sizeof ids[cells], "%s.%s%s.seed=%d", model, category, setting, seed);
    for (char *c = ids[cells]; *c != '\0'; c++) {
        *c = *c == '<' || *c == '>' ? '-' : *c;
    }
    cells++;
}

struct number {
    double ideal, before, after, low, high;
};

static void add_row(const char *suite, const char *category, const char *subset, const char *metric, const char *edit,
                    struct number number)
{
    size_t row = table.rows++;
    const char *const text[FS_RESULT_TEXTS] = {
        ids[cells - 1], models[cells - 1], categories[cells - 1], suite, category, subset, metric, "scoring", edit};
    assert_true(row < ROWS);
    for (size_t i = 0; i < FS_RESULT_TEXTS; i++) {
        table.text[i][row] = text[i];
    }
    for (size_t i = 0; i < FS_RESULT_NUMBERS; i++) {
        table.number[i][row] = NAN;
    }
    table.number[FS_RESULT_IDEAL][row] = number.ideal;
    table.number[FS_RESULT_BEFORE][row] = number.before;
    table.number[FS_RESULT_AFTER][row] = number.after;
    table.number[FS_RESULT_AFTER_LOW][row] = number.low;
    table.number[FS_RESULT_AFTER_HIGH][row] = number.high;
    table.number[FS_RESULT_DIFFERENCE][row] = number.after - number.before;
    table.number[FS_RESULT_DIFFERENCE_LOW][row] = number.low - number.before;
    table.number[FS_RESULT_DIFFERENCE_HIGH][row] = number.high - number.before;
}

/* Held-out gap, of 2 before, and capability, of 60 before. */
static void add_method(const char *category, const char *edit, double left, double change)
{
    add_row("biaske", category, "held_out", "gap", edit,
            (struct number){0, 2, 2 * left, 2 * left - 0.2, 2 * left + 0.2});
    add_row("biaske", category, "edited", "gap", edit, (struct number){0, 2, 0.1, 0.1, 0.1});
    add_row("capability", "none", "all", "accuracy", edit,
            (struct number){100, 60, 60 + change, 59 + change, 61 + change});
}

/* Writes the archive, with `index` cells in its index of models, and reads it. */
static int read_survey(size_t index, struct fs_survey_data *data, struct fs_error *err)
{
    static const char *const names[] = {"id", "model", "categories", "seed", "series"};
    struct fs_archive *archive;
    const char *path = scratch_path("merged.h5"), *column[CELLS];
    expect(fs_archive_create(path, FS_MERGED_FORMAT, "job", &archive, err), err);
    for (size_t i = 0; i < 5; i++) {
        char name[64];
        for (size_t cell = 0; cell < cells; cell++) {
            column[cell] = i == 0   ? ids[cell]
                           : i == 1 ? models[cell]
                           : i == 2 ? categories[cell]
                           : i == 3 ? seeds[cell]
                                    : "";
        }
        snprintf(name, sizeof name, "/cells_index/%s", names[i]);
        expect(fs_archive_write_texts(archive, name, i == 1 ? index : cells, column, err), err);
    }
    for (size_t cell = 0; cell < cells; cell++) { /* all are evaluated that have a row */
        char name[160];
        bool has = false;
        for (size_t row = 0; row < table.rows && !has; row++) {
            has = table.text[FS_RESULT_CELL][row] == ids[cell];
        }
        snprintf(name, sizeof name, "/cells/%.90s/%s", ids[cell], has ? "evaluate" : "trace");
        expect(fs_archive_attribute_text(archive, name, "job", "digest", err), err);
    }
    expect(fs_result_table_write(&table, archive, err), err);
    expect(fs_archive_publish(archive, err), err);
    return fs_survey_read(path, data, err);
}

static struct fs_survey_data read_good(void)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_survey_data data;
    expect(read_survey(cells, &data, &err), &err);
    return data;
}

static char *printed(void (*print)(FILE *stream, const struct fs_survey_data *data), const struct fs_survey_data *data)
{
    FILE *stream = text_begin();
    print(stream, data);
    return text_end(stream);
}

static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9)) {
        fail_msg("%.12g, expected %.12g", found, expected);
    }
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

static void draw_front_of_all(FILE *stream, const struct fs_survey_data *data)
{
    fs_survey_front(stream, data, data->models);
}

static void draw_front_of_n(FILE *stream, const struct fs_survey_data *data)
{
    fs_survey_front(stream, data, 1);
}

static void check_has(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", words, text);
    }
}

static const struct fs_survey_rank *rank_of(const struct fs_survey_data *data, const char *method)
{
    size_t i = 0;
    while (i < data->methods && strcmp(data->method[data->rank[i].method], method) != 0) {
        i++;
    }
    assert_true(i < data->methods);
    return &data->rank[i];
}

/*
 *              x            y            z
 *     a   .1 .3 / -4   .5 .5 / -1   .8 .8 / -6     bias left of two seeds / change of capability
 *     b   .4 / -2      .3 / -1      --
 *
 * x and y are in both. Places in a: bias 1 2, kept 2 1: 1.5 1.5; in b 2 1. So y 1.25, x 1.75, behind y 0 and 1. Of the draws
 * of two tiles of two, x has 1.5, 1.75 or 2. z is in a alone, the last of three by both: 1; y is second by bias and first by
 * what was kept: half of one of two others is better, 0.25; behind 0.75.
 */
static void places_worked_by_hand(void **state)
{
    (void)state;
    begin();
    for (int seed = 1; seed <= 2; seed++) {
        add_cell("m", "a", "", seed);
        add_method("a", "x", seed == 1 ? 0.1 : 0.3, -4);
        add_method("a", "y", 0.5, -1);
        add_method("a", "z", 0.8, -6);
    }
    add_cell("m", "b", "", 1);
    add_method("b", "x", 0.4, -2);
    add_method("b", "y", 0.3, -1);
    struct fs_survey_data data = read_good();
    assert_int_equal(data.models, 1);
    assert_int_equal(data.categories, 2);
    assert_int_equal(data.methods, 3);
    assert_int_equal(data.tiles, 2);
    assert_string_equal(fs_survey_measures[data.bias].name, "gap_left");
    assert_string_equal(fs_survey_measures[data.kept].name, "capability");
    const struct fs_survey_tile *tile = fs_survey_tile_at(&data, 0, 0, 0), *none = fs_survey_tile_at(&data, 0, 1, 2);
    assert_int_equal(tile->seeds, 2);
    near(tile->value[data.bias].value, 0.2);
    near(tile->value[data.bias].low, 0.1);
    near(tile->value[data.bias].high, 0.3);
    assert_null(tile->why);
    assert_string_equal(none->why, "its job does not have this method");
    near(fs_survey_tile_at(&data, 0, 1, 0)->value[data.bias].low, 0.3); /* one seed: the archive's */

    static const struct {
        const char *name;
        size_t tiles;
        double place, bias, kept, behind;
        bool ranked, best;
    } expected[] = {{"y", 2, 1.25, 0.4, -1, NAN, true, true},
                    {"x", 2, 1.75, 0.3, -3, 0.5, true, true},
                    {"z", 1, 1, 0.8, -6, 0.75, false, false}};
    for (size_t i = 0; i < 3; i++) {
        const struct fs_survey_rank *rank = &data.rank[i];
        assert_string_equal(data.method[rank->method], expected[i].name);
        assert_int_equal(rank->tiles, expected[i].tiles);
        assert_int_equal(rank->ranked, expected[i].ranked);
        near(rank->place.value, expected[i].place);
        near(rank->bias.value, expected[i].bias);
        near(rank->kept.value, expected[i].kept);
        assert_int_equal(rank->best, expected[i].best);
        assert_true(i == 0 ? isnan(rank->behind.value) : fabs(rank->behind.value - expected[i].behind) < 1e-9);
        assert_int_equal(fs_survey_number(&data, rank->method), i + 1);
    }
    near(data.rank[1].place.low, 1.5);
    near(data.rank[1].place.high, 2);
    near(data.rank[1].behind.low, 0);
    near(data.rank[1].behind.high, 1);
    assert_true(isnan(data.rank[2].place.low)); /* a single tile */
    near(data.rank[2].kept.low, -6);            /* its own: the least of two seeds */
    near(data.unedited_bias.value, 1);
    near(data.unedited_kept.value, 0);
    char *html = printed(fs_survey_html, &data), *csv = printed(fs_survey_csv, &data),
         *tex = printed(fs_survey_latex, &data), *markdown = printed(fs_survey_markdown, &data),
         *ranking = printed(fs_survey_ranking_csv, &data);
    assert_non_null(strstr(html, "m, b: z: its job does not have this method"));
    assert_non_null(strstr(html, "href=\"cells/m.a.seed%3D1/index.html\""));
    assert_non_null(strstr(csv, "\r\nm,a,x,m.a.seed=1,2,1,0.2,0.1,0.3"));
    assert_non_null(strstr(csv, "m,b,z,,0,,,,"));
    check_has(html,
              "<tr><td class=\"left\">1 y</td><td>1.25 <small>(1.00 to 1.50)</small></td><td>0.40 <small>(0.30 to "
              "0.50)</small></td><td>-1.0 <small>(-1.0 to -1.0)</small></td><td>yes</td><td></td></tr>");
    check_has(tex, "1 y & 1.25 (1.00 to 1.50) & 0.40 (0.30 to 0.50) & -1.0 (-1.0 to -1.0) & yes &  \\\\\n");
    check_has(markdown, "| 1 y | 1.25 (1.00 to 1.50) | 0.40 (0.30 to 0.50) | -1.0 (-1.0 to -1.0) | yes |  |\n");
    check_has(ranking, "1,y,1.25,1,1.5,0.4,0.3,0.5,-1,-1,-1,,,,yes,2,2,yes,,,,,,,\r\n");
    check_has(html,
              "<tr><td class=\"left\">3 z</td><td>1.00</td><td>0.80 <small>(0.80 to 0.80)</small></td><td>-6.0 "
              "<small>(-6.0 to -6.0)</small></td><td>0.75</td><td>1 of 2</td><td class=\"left wrap\">b</td></tr>");
    check_has(tex, "3 z & 1.00 & 0.80 (0.80 to 0.80) & -6.0 (-6.0 to -6.0) & 0.75 & 1 of 2 & b \\\\\n");
    check_has(markdown, "| 3 z | 1.00 | 0.80 (0.80 to 0.80) | -6.0 (-6.0 to -6.0) | 0.75 | 1 of 2 | b |\n");
    check_has(ranking, "3,z,,,,0.8,0.8,0.8,-6,-6,-6,,,,,1,2,no,1,,,0.75,,,b\r\n");
    assert_null(strstr(html, "No two methods"));
    free(markdown);
    free(ranking);
    free(html);
    free(csv);
    free(tex);
    fs_survey_data_release(&data);
}

/*
 *              x          y          e
 *     m a   .1 / -1    .2 / -2      --        bias left / change of capability
 *     m b   .3 / -3    .4 / -1      --
 *     n a   .5 / -4    .7 / -6   .05 / 0
 *     n b   .6 / -5    .6 / -7      --
 *
 * e is the best of the one tile that it is in, and is not ranked above x, which is everywhere: it is below, first of its tile
 * (0), and x half (0.5, one of two is better by both); behind -0.5. Places of x: 1, 1.5, 1, 1.25 (equal bias): 1.1875, and those
 * of y what is left to 3, with e and without it.
 */
static void one_easy_tile_gives_no_lead(void **state)
{
    (void)state;
    static const double left[4][2] = {{0.1, 0.2}, {0.3, 0.4}, {0.5, 0.7}, {0.6, 0.6}},
                        change[4][2] = {{-1, -2}, {-3, -1}, {-4, -6}, {-5, -7}};
    for (int with = 0; with < 2; with++) {
        begin();
        for (size_t i = 0; i < 4; i++) {
            const char *category = i % 2 == 0 ? "a" : "b";
            add_cell(i < 2 ? "m" : "n", category, "", 1);
            if (with == 1 && i == 2) {
                add_method(category, "e", 0.05, 0);
            }
            add_method(category, "x", left[i][0], change[i][0]);
            add_method(category, "y", left[i][1], change[i][1]);
        }
        struct fs_survey_data data = read_good();
        assert_string_equal(data.method[data.rank[0].method], "x");
        near(data.rank[0].place.value, 1.1875);
        near(data.rank[0].bias.value, 0.375);
        near(data.rank[0].kept.value, -3.25);
        assert_string_equal(data.method[data.rank[1].method], "y");
        near(data.rank[1].place.value, 1.8125);
        near(data.rank[1].behind.value, 0.625);
        assert_int_equal(data.block.methods, 2);
        assert_int_equal(data.block.tiles, 4);
        if (with == 1) {
            assert_string_equal(data.method[data.rank[2].method], "e");
            assert_false(data.rank[2].ranked || data.rank[2].best);
            near(data.rank[2].place.value, 0);
            near(data.rank[2].behind.value, -0.5);
            near(data.rank[2].kept.low, -1); /* that of its only tile, over items */
            char *html = printed(fs_survey_html, &data), *csv = printed(fs_survey_ranking_csv, &data),
                 *all = printed(draw_front_of_all, &data), *of_n = printed(draw_front_of_n, &data);
            check_has(html, "<td>1 of 4</td><td class=\"left wrap\">m; n: b</td>");
            check_has(csv, ",no,0,,,-0.5,,,m; n: b\r\n");
            assert_null(strstr(all, "3 e")); /* its means are of other tiles */
            assert_null(strstr(of_n, "3 e"));
            free(html);
            free(csv);
            free(all);
            free(of_n);
        }
        fs_survey_data_release(&data);
    }
}

/*
 *              x          y          z
 *       a   .1 / -1    .2 / -2    .3 / -3
 *       b   .4 / -1    .3 / -1      --
 *       c   .5 / -1      --         --
 *
 * x alone is in all: ranked are x and y over a and b, four numbers, not the three of a. y: 2 and 1 (bias 1, kept as good: 1.5;
 * mean 1.25): 1.625; x: 1 and 1.75: 1.375. c counts in no mean of x.
 */
static void the_largest_common_block(void **state)
{
    (void)state;
    begin();
    add_cell("m", "a", "", 1);
    add_method("a", "x", 0.1, -1);
    add_method("a", "y", 0.2, -2);
    add_method("a", "z", 0.3, -3);
    add_cell("m", "b", "", 1);
    add_method("b", "x", 0.4, -1);
    add_method("b", "y", 0.3, -1);
    add_cell("m", "c", "", 1);
    add_method("c", "x", 0.5, -1);
    struct fs_survey_data data = read_good();
    assert_int_equal(data.block.methods, 2);
    assert_int_equal(data.block.tiles, 2);
    assert_int_equal(data.block.of, 3);
    assert_true(data.block.tile[0] && data.block.tile[1] && !data.block.tile[2]);
    near(rank_of(&data, "x")->place.value, 1.375);
    near(rank_of(&data, "x")->bias.value, 0.25);
    near(rank_of(&data, "y")->place.value, 1.625);
    near(rank_of(&data, "z")->place.value, 1);
    assert_false(rank_of(&data, "z")->ranked);
    char *html = printed(fs_survey_html, &data);
    check_has(
        html,
        "No two methods are in all of the 3 models and categories that have one. The ranking is over a, b, where");
    check_has(html, "<td class=\"left wrap\">b, c</td>");
    free(html);
    fs_survey_data_release(&data);

    begin(); /* nothing in common */
    add_cell("m", "a", "", 1);
    add_method("a", "x", 0.1, -1);
    add_cell("m", "b", "", 1);
    add_method("b", "y", 0.2, -2);
    data = read_good();
    assert_int_equal(data.block.methods, 0);
    assert_true(isnan(data.rank[0].place.value) && isnan(data.rank[0].behind.value));
    near(data.rank[0].bias.value, 0.1);
    html = printed(fs_survey_html, &data);
    check_has(html, "No two methods are in one model and category: none can be ranked against another.");
    assert_int_equal(count_of(html, "nan") - count_of(html, "nance"), 0);
    free(html);
    fs_survey_data_release(&data);
}

/* What was kept is measured of x alone: y has no place there. Where it is of neither, places are by bias. */
static void both_numbers_or_no_place(void **state)
{
    (void)state;
    begin();
    add_cell("m", "a", "", 1);
    add_method("a", "x", 0.4, -1);
    add_row("biaske", "a", "held_out", "gap", "y", (struct number){0, 2, 0.2, 0.1, 0.3});
    add_cell("m", "b", "", 1);
    add_row("biaske", "b", "held_out", "gap", "x", (struct number){0, 2, 0.6, 0.5, 0.7});
    add_row("biaske", "b", "held_out", "gap", "y", (struct number){0, 2, 0.4, 0.3, 0.5});
    struct fs_survey_data data = read_good();
    assert_true(fs_survey_tile_at(&data, 0, 0, 0)->in && !fs_survey_tile_at(&data, 0, 0, 1)->in);
    assert_string_equal(fs_survey_tile_at(&data, 0, 0, 1)->why, "not measured: its results do not have what was kept");
    assert_int_equal(data.block.methods, 2);
    assert_true(!data.block.tile[0] && data.block.tile[1]);
    near(rank_of(&data, "x")->place.value, 2);
    near(rank_of(&data, "y")->place.value, 1);
    near(rank_of(&data, "y")->bias.low, 0.15); /* of the single tile: its own */
    fs_survey_data_release(&data);
}

/* Settings that differ beside the seed are methods of their own. */
static void settings_are_methods(void **state)
{
    (void)state;
    begin();
    add_cell("m", "a", ".stamp.width=64", 1);
    add_method("a", "stamp", 0.2, -4);
    add_cell("m", "a", ".stamp.width=64", 2);
    add_method("a", "stamp", 0.4, -4);
    add_cell("m", "a", ".stamp.width=9", 1);
    add_method("a", "stamp", 0.5, -1);
    struct fs_survey_data data = read_good();
    assert_int_equal(data.methods, 2);
    assert_string_equal(data.method[0], "stamp stamp.width=64");
    near(fs_survey_tile_at(&data, 0, 0, 0)->value[data.bias].value, 0.3);
    near(fs_survey_tile_at(&data, 0, 0, 1)->value[data.bias].value, 0.5);
    fs_survey_data_release(&data);
}

/* Twelve methods, nine categories, three models, three seeds; one model is not evaluated in a category, one lacks methods. */
static void many_of_everything(void **state)
{
    (void)state;
    static const char *const category[] = {"age",         "disability",          "gender",
                                           "nationality", "physical-appearance", "race-color",
                                           "religion",    "sexual-orientation",  "socioeconomic"};
    begin();
    for (size_t model = 0; model < 3; model++) {
        for (size_t c = 0; c < 9; c++) {
            for (int seed = 1; seed <= 2; seed++) {
                char name[32];
                snprintf(name, sizeof name, "model-%zu<b>", model);
                add_cell(name, category[c], "", seed);
                for (size_t m = 0; m < 12 && !(model == 2 && c == 4); m++) {
                    char edit[32];
                    snprintf(edit, sizeof edit, m % 2 == 0 ? "method-%zu" : "a_long_name_of_a_method-%zu", m);
                    if (model == 1 && m > 9) {
                        continue;
                    }
                    static char kept[16][32];
                    snprintf(kept[m], sizeof kept[m], "%s", edit);
                    add_method(category[c], kept[m], 0.05 + 0.08 * (double)((m * 7 + c * 3) % 12) + 0.01 * seed,
                               -0.5 * (double)((m * 5 + model) % 12));
                }
            }
        }
    }
    struct fs_survey_data data = read_good();
    assert_int_equal(data.models, 3);
    assert_int_equal(data.categories, 9);
    assert_int_equal(data.methods, 12);
    assert_int_equal(data.tiles, 26);
    char *html = printed(fs_survey_html, &data), *markdown = printed(fs_survey_markdown, &data);
    assert_int_equal(count_of(html, "<svg"), count_of(html, "</svg>"));
    assert_int_equal(count_of(html, "<svg"), 1 + 3 + 6);
    assert_int_equal(count_of(html, "<a "), count_of(html, "</a>"));
    assert_int_equal(count_of(html, "<b>"), 0); /* names are escaped */
    assert_int_equal(
        count_of(html, "<script") + count_of(html, "http://") - count_of(html, "http://www.w3.org/2000/svg"), 0);
    assert_int_equal(count_of(html, "nan") - count_of(html, "nance"), 0);
    assert_non_null(strstr(html, "physical-appearance: its cell is in the archive without evaluate"));
    assert_non_null(strstr(markdown, "a\\_long\\_name"));
    check_has(html, "padding:1rem;overflow-wrap:break-word;"); /* no name makes the page wider than a phone */
    /* the first column, which stays where the others are scrolled, is not as wide as a phone whatever a method is called */
    check_has(html,
              "@media(max-width:40rem){td:first-child:not([colspan]),th:first-child:not([colspan]){white-space:normal;"
              "overflow-wrap:anywhere;min-width:6rem;max-width:9rem}}");
    free(html);
    free(markdown);
    fs_survey_data_release(&data);
}

static void one_of_everything(void **state)
{
    (void)state;
    begin();
    add_cell("m", "gender", "", 1);
    add_row("crows_pairs", "gender", "all", "crows", "stamp", (struct number){50, 70, 46, 40, 52});
    struct fs_survey_data data = read_good();
    assert_string_equal(fs_survey_measures[data.bias].name, "crows_distance");
    assert_int_equal(data.kept, FS_SURVEY_MEASURES);
    const struct fs_survey_value *value = &fs_survey_tile_at(&data, 0, 0, 0)->value[data.bias];
    near(value->value, 4);
    near(value->low, 0); /* 40 to 52 holds 50 */
    near(value->high, 10);
    near(value->unedited, 20);
    char *html = printed(fs_survey_html, &data);
    assert_non_null(strstr(html, "What was kept is in no result"));
    assert_int_equal(count_of(html, "<svg"), 1);
    free(html);
    fs_survey_data_release(&data);

    begin(); /* no edit, no result */
    add_cell("m", "gender", "", 1);
    data = read_good();
    assert_int_equal(data.methods, 0);
    html = printed(fs_survey_html, &data);
    assert_non_null(strstr(html, "there is nothing to rank"));
    free(html);
    free(printed(fs_survey_csv, &data));
    free(printed(fs_survey_latex, &data));
    fs_survey_data_release(&data);
}

static void an_index_that_does_not_fit(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_survey_data data;
    begin();
    add_cell("m", "a", "", 1);
    add_method("a", "x", 0.1, -4);
    add_cell("m", "b", "", 1);
    assert_int_equal(read_survey(1, &data, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    assert_non_null(strstr(err.text, "found 1 entries, expected 2"));
    fs_survey_data_release(&data);
    snprintf(ids[1], sizeof ids[1], "m\"b");
    assert_int_equal(read_survey(2, &data, &err), -1);
    assert_non_null(strstr(err.text, "found \"m\"b\", expected 1 to 200"));
    fs_survey_data_release(&data);
    snprintf(ids[1], sizeof ids[1], "m.b.seed=1");
    table.text[FS_RESULT_CELL][0] = "another";
    assert_int_equal(read_survey(2, &data, &err), -1);
    assert_non_null(strstr(err.text, "out of order or in no /cells_index/id"));
    fs_survey_data_release(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_worked_by_hand),    cmocka_unit_test(one_easy_tile_gives_no_lead),
        cmocka_unit_test(the_largest_common_block), cmocka_unit_test(both_numbers_or_no_place),
        cmocka_unit_test(settings_are_methods),     cmocka_unit_test(many_of_everything),
        cmocka_unit_test(one_of_everything),        cmocka_unit_test(an_index_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, make_table, free_table);
}
