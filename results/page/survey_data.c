#include "results/page/survey_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/stage_names.h"
#include "results/archive_merge.h"
#include "results/over_seeds.h"

const struct fs_survey_measure fs_survey_measures[FS_SURVEY_MEASURES] = {
    {"gap_left", "gap left",
     "gap of the pairs that were not edited, as a share of the unedited model's: 0 is none, 1 all of it", NULL, "gap",
     true, FS_SURVEY_SHARE, 2, true},
    {"ss_distance", "SS off 50", "distance of SS to 50, of the pairs that were not edited, in points", NULL, "ss.macro",
     true, FS_SURVEY_DISTANCE, 1, true},
    {"ps_distance", "PS off 50", "distance of PS to 50, of the paraphrases of those pairs, in points", NULL, "ps", true,
     FS_SURVEY_DISTANCE, 1, true},
    {"crows_distance", "CrowS off 50", "distance of CrowS to 50, in points", NULL, "crows", false, FS_SURVEY_DISTANCE,
     1, true},
    {"capability", "capability", "mean accuracy of the capability suites less the unedited model's, in points",
     "capability", "accuracy", false, FS_SURVEY_CHANGE, 1, false},
    {"rs", "RS", "percent of facts answered as by the unedited model", NULL, "rs.top1", false, FS_SURVEY_AFTER, 1,
     false},
    {"ds", "DS",
     "percent of true facts that are more probable than their counterfactual, less the unedited model's, in "
     "points",
     NULL, "ds", false, FS_SURVEY_CHANGE, 1, false},
    {"lms", "LMS", "language modeling score less the unedited model's, in points", NULL, "lms.macro", true,
     FS_SURVEY_CHANGE, 1, false},
};

enum { ID, MODEL, CATEGORIES, SEED, SERIES, INDEX };
static const char *const index_names[INDEX] = {"id", "model", "categories", "seed", "series"};

struct fs_survey_tile *fs_survey_tile_at(const struct fs_survey_data *data, size_t model, size_t category,
                                         size_t method)
{
    return &data->tile[(model * data->categories + category) * data->methods + method];
}

/* ---- cells ---- */

static int read_index(struct fs_survey_data *data, const struct fs_archive *archive, struct fs_error *err)
{
    for (int column = 0; column < INDEX; column++) {
        char name[64];
        size_t count;
        snprintf(name, sizeof name, "/cells_index/%s", index_names[column]);
        if (column >= SEED && !fs_archive_has(archive, name)) {
            continue; /* files of former versions */
        }
        if (fs_archive_read_texts(archive, name, &count, &data->text[column], err) != 0) {
            return -1;
        }
        if (column > 0 && count != data->cells) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: found %zu entries, expected %zu as in id", name, count,
                                data->cells);
        }
        data->cells = count;
    }
    data->cell = fs_allocate(data->cells, sizeof *data->cell, "the cells of a sweep", err);
    for (size_t i = 0; data->cell != NULL && i < data->cells; i++) {
        struct fs_survey_cell *cell = &data->cell[i];
        *cell = (struct fs_survey_cell){.id = data->text[ID][i],
                                        .model = data->text[MODEL][i],
                                        .categories = data->text[CATEGORIES][i],
                                        .seed = data->text[SEED] != NULL ? data->text[SEED][i] : "",
                                        .series = data->text[SERIES] != NULL ? data->text[SERIES][i] : ""};
        for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
            char parent[FS_CELL_LENGTH + 16], group[FS_CELL_LENGTH + 64];
            snprintf(parent, sizeof parent, "/cells/%s", cell->id);
            fs_stage_find_group(archive, parent, (enum fs_stage)stage, group, sizeof group);
            if (fs_archive_has(archive, group)) {
                size_t used = strlen(cell->stages);
                snprintf(cell->stages + used, sizeof cell->stages - used, "%s%s", used > 0 ? ", " : "",
                         fs_stage_names[stage]);
                cell->evaluated = cell->evaluated || stage == FS_STAGE_EVALUATE;
            }
        }
    }
    return data->cell != NULL ? 0 : -1;
}

#define ID_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._=+-"

/* A cell's id becomes a folder's name and a link. */
static int check_id(const char *id, struct fs_error *err)
{
    size_t length = strspn(id, ID_CHARACTERS);
    bool good =
        length > 0 && id[length] == '\0' && length <= FS_CELL_LENGTH && strcmp(id, ".") != 0 && strcmp(id, "..") != 0;
    return good ? 0
                : fs_error_set(err, FS_EXIT_DATA,
                               "/cells_index/id: found \"%.200s\", expected 1 to %d of A-Z a-z 0-9 . _ = + -", id,
                               FS_CELL_LENGTH);
}

/* What is behind `text` in a sweep's id, in which other characters are "-" and lists are joined by "+"; NULL: it is not there. */
static const char *behind(const char *id, const char *text)
{
    for (; *text != '\0'; text++, id++) {
        bool kept = strchr(ID_CHARACTERS, *text) != NULL;
        if (*text == ',' ? *id != '+' : kept ? *id != *text : *id != '-') {
            return NULL;
        }
    }
    return id;
}

/* What follows "<model>.<categories>" in a sweep's id, without the seed; NULL: the id is another. */
static const char *rest_of(const struct fs_survey_cell *cell, const char *id)
{
    const char *at = behind(id, cell->model);
    at = at != NULL && *at == '.' ? behind(at + 1, cell->categories) : NULL;
    return at == NULL || *at == '\0' ? at : *at == '.' ? at + 1 : NULL;
}

/* Whether another cell of its model and categories has no sweep's id and is of another series. */
static bool is_one_of_several(const struct fs_survey_data *data, size_t cell)
{
    const struct fs_survey_cell *own = &data->cell[cell];
    for (size_t i = 0; i < data->cells; i++) {
        const struct fs_survey_cell *other = &data->cell[i];
        if (i != cell && strcmp(other->model, own->model) == 0 && strcmp(other->categories, own->categories) == 0 &&
            (own->series[0] == '\0' || strcmp(other->series, own->series) != 0)) {
            return true;
        }
    }
    return false;
}

static int find_variants(struct fs_survey_data *data, struct fs_error *err)
{
    for (size_t i = 0; i < data->cells; i++) {
        struct fs_survey_cell *cell = &data->cell[i];
        if (check_id(cell->id, err) != 0) {
            return -1;
        }
        char *id = fs_name_without_seed(cell->id, cell->seed);
        const char *rest = id != NULL ? rest_of(cell, id) : NULL;
        if (id != NULL) {
            cell->variant = strdup(rest != NULL ? rest : is_one_of_several(data, i) ? id : "");
        }
        free(id);
        if (cell->variant == NULL) {
            return fs_error_memory(err, 64, "the cells of a sweep");
        }
    }
    return 0;
}

/* ---- models, categories, methods ---- */

static int add_text(const char ***list, size_t *count, const char *text, struct fs_error *err)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp((*list)[i], text) == 0) {
            return 0;
        }
    }
    size_t room = *count;
    if (fs_grow(list, &room, *count + 1, sizeof **list, "names of a sweep", err) != 0) {
        return -1;
    }
    (*list)[(*count)++] = text;
    return 0;
}

static bool is_bias_row(const struct fs_survey_data *data, size_t row)
{
    const char *metric = data->table.text[FS_RESULT_METRIC][row];
    for (size_t m = 0; m < FS_SURVEY_MEASURES; m++) {
        if (fs_survey_measures[m].bias && strcmp(fs_survey_measures[m].metric, metric) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_plain(const char *category)
{
    return strcmp(category, "all") != 0 && strcmp(category, "none") != 0;
}

/* By name; "all" last. */
static int compare_categories(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    bool all = strcmp(x, "all") == 0, other = strcmp(y, "all") == 0;
    return all != other ? (all ? 1 : -1) : strcmp(x, y);
}

/* Of the rows of bias; "all" where a cell has no other. */
static int find_categories(struct fs_survey_data *data, struct fs_error *err)
{
    const char *const *category = data->table.text[FS_RESULT_CATEGORY];
    for (size_t row = 0; row < data->table.rows; row++) {
        if (is_bias_row(data, row) && is_plain(category[row]) &&
            add_text(&data->category, &data->categories, category[row], err) != 0) {
            return -1;
        }
    }
    bool *plain = fs_allocate(data->cells, sizeof *plain, "the cells of a sweep", err);
    for (size_t row = 0; plain != NULL && row < data->table.rows; row++) {
        plain[data->cell_of[row]] = plain[data->cell_of[row]] || (is_bias_row(data, row) && is_plain(category[row]));
    }
    int status = plain != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < data->cells; i++) {
        /* of a cell without results the job's categories say where it is missing */
        const char *own = strchr(data->cell[i].categories, ',') == NULL ? data->cell[i].categories : "all";
        if (!plain[i] && (data->cell[i].evaluated || strcmp(own, "all") != 0)) {
            status = add_text(&data->category, &data->categories, data->cell[i].evaluated ? "all" : own, err);
        }
    }
    free(plain);
    if (status == 0 && data->categories > 0) {
        qsort(data->category, data->categories, sizeof *data->category, compare_categories);
    }
    return status;
}

static int add_method(struct fs_survey_data *data, size_t row, bool variants, struct fs_error *err)
{
    const char *edit = data->table.text[FS_RESULT_EDIT][row], *variant = data->cell[data->cell_of[row]].variant;
    char *name;
    bool named = variants && variant[0] != '\0';
    if (asprintf(&name, "%s%s%s", edit, named ? " " : "", named ? variant : "") < 0) {
        return fs_error_memory(err, 64, "names of a sweep");
    }
    for (size_t i = 0; i < data->methods; i++) {
        if (strcmp(data->method[i], name) == 0) {
            data->method_of[row] = i;
            free(name);
            return 0;
        }
    }
    size_t room = data->methods;
    if (fs_grow(&data->method, &room, data->methods + 1, sizeof *data->method, "names of a sweep", err) != 0) {
        free(name);
        return -1;
    }
    data->method_of[row] = data->methods;
    data->method[data->methods++] = name;
    return 0;
}

static int find_names(struct fs_survey_data *data, struct fs_error *err)
{
    const char *const *id = data->table.text[FS_RESULT_CELL];
    bool variants = false;
    data->cell_of = fs_allocate(data->table.rows, sizeof *data->cell_of, "the rows of a sweep", err);
    data->method_of = fs_allocate(data->table.rows, sizeof *data->method_of, "the rows of a sweep", err);
    if (data->cell_of == NULL || data->method_of == NULL) {
        return -1;
    }
    for (size_t row = 0, cell = 0; row < data->table.rows; row++) {
        while (cell < data->cells && strcmp(data->cell[cell].id, id[row]) != 0) {
            cell++;
        }
        if (cell == data->cells) {
            return fs_error_set(err, FS_EXIT_DATA, "/results/cell: found \"%s\" out of order or in no /cells_index/id",
                                id[row]);
        }
        data->cell_of[row] = cell;
    }
    for (size_t i = 0; i < data->cells; i++) {
        variants = variants || strcmp(data->cell[i].variant, data->cell[0].variant) != 0;
        if (add_text(&data->model, &data->models, data->cell[i].model, err) != 0) {
            return -1;
        }
    }
    for (size_t row = 0; row < data->table.rows; row++) {
        if (data->table.text[FS_RESULT_EDIT][row][0] == '\0') {
            data->method_of[row] = SIZE_MAX;
        } else if (add_method(data, row, variants, err) != 0) {
            return -1;
        }
    }
    return find_categories(data, err);
}

/* ---- tiles ---- */

/* The row's place in the order of what a measure takes: 0 is best; SIZE_MAX: it is none of it. */
static size_t fit_of(const struct fs_survey_data *data, const struct fs_survey_measure *measure, const char *category,
                     size_t row)
{
    static const char *const of_split[] = {"held_out", "validation", "all"}, *const whole[] = {"all"};
    const char *const *subset = measure->split ? of_split : whole;
    size_t subsets = measure->split ? 3 : 1, place = 0;
    const char *found = data->table.text[FS_RESULT_CATEGORY][row];
    if (strcmp(data->table.text[FS_RESULT_METRIC][row], measure->metric) != 0 ||
        (measure->suite != NULL && strcmp(data->table.text[FS_RESULT_SUITE][row], measure->suite) != 0)) {
        return SIZE_MAX;
    }
    size_t of_category = strcmp(found, category) == 0                   ? 0
                         : !measure->bias && strcmp(found, "all") == 0  ? 1
                         : !measure->bias && strcmp(found, "none") == 0 ? 2
                                                                        : 3;
    while (place < subsets && strcmp(data->table.text[FS_RESULT_SUBSET][row], subset[place]) != 0) {
        place++;
    }
    return of_category == 3 || place == subsets ? SIZE_MAX : 3 * of_category + place;
}

/* Values of a row; NaN where they do not follow from it. */
static struct fs_survey_value value_of(const struct fs_result_table *table, const struct fs_survey_measure *measure,
                                       size_t row)
{
    double before = table->number[FS_RESULT_BEFORE][row], after = table->number[FS_RESULT_AFTER][row];
    double low = table->number[FS_RESULT_AFTER_LOW][row], high = table->number[FS_RESULT_AFTER_HIGH][row];
    double ideal = table->number[FS_RESULT_IDEAL][row];
    switch (measure->form) {
    case FS_SURVEY_SHARE:
        return before > 0 ? (struct fs_survey_value){after / before, low / before, high / before, 1}
                          : (struct fs_survey_value){NAN, NAN, NAN, NAN};
    case FS_SURVEY_DISTANCE: {
        double one = fabs(low - ideal), other = fabs(high - ideal);
        bool within = low <= ideal && ideal <= high;
        return (struct fs_survey_value){fabs(after - ideal), within ? 0 : fmin(one, other), fmax(one, other),
                                        fabs(before - ideal)};
    }
    case FS_SURVEY_CHANGE:
        return (struct fs_survey_value){table->number[FS_RESULT_DIFFERENCE][row],
                                        table->number[FS_RESULT_DIFFERENCE_LOW][row],
                                        table->number[FS_RESULT_DIFFERENCE_HIGH][row], 0};
    default:
        return (struct fs_survey_value){after, low, high, before};
    }
}

/* Adds one cell's value to the sum of those before. */
static void join(struct fs_survey_value *sum, size_t before, const struct fs_survey_value *own)
{
    if (before == 0) {
        *sum = *own;
        return;
    }
    double least = before == 1 ? sum->value : sum->low, most = before == 1 ? sum->value : sum->high;
    double n = (double)before;
    sum->value = (sum->value * n + own->value) / (n + 1);
    sum->unedited = (sum->unedited * n + own->unedited) / (n + 1);
    sum->low = fmin(least, own->value);
    sum->high = fmax(most, own->value);
}

/* rows first to last - 1: those of one cell. best [methods] is scratch. */
static void fill_measure(struct fs_survey_data *data, size_t first, size_t last, size_t category, size_t measure,
                         size_t *best, size_t *count)
{
    size_t model = 0;
    const struct fs_survey_cell *cell = &data->cell[data->cell_of[first]];
    while (strcmp(data->model[model], cell->model) != 0) {
        model++;
    }
    for (size_t method = 0; method < data->methods; method++) {
        best[method] = SIZE_MAX;
    }
    for (size_t row = first; row < last; row++) {
        size_t method = data->method_of[row];
        size_t fit =
            method != SIZE_MAX ? fit_of(data, &fs_survey_measures[measure], data->category[category], row) : SIZE_MAX;
        if (fit != SIZE_MAX && (best[method] == SIZE_MAX || fit < fit_of(data, &fs_survey_measures[measure],
                                                                         data->category[category], best[method]))) {
            best[method] = row;
        }
    }
    for (size_t method = 0; method < data->methods; method++) {
        if (best[method] == SIZE_MAX) {
            continue;
        }
        struct fs_survey_value own = value_of(&data->table, &fs_survey_measures[measure], best[method]);
        size_t place = (model * data->categories + category) * data->methods + method;
        if (isfinite(own.value)) {
            join(&data->tile[place].value[measure], count[place * FS_SURVEY_MEASURES + measure]++, &own);
            data->has[measure] = true;
        }
    }
}

/* Whether a cell, rows first to last - 1, has pairs of a category. */
static bool has_category(const struct fs_survey_data *data, size_t first, size_t last, const char *category)
{
    bool plain = false;
    for (size_t row = first; row < last; row++) {
        if (is_bias_row(data, row)) {
            if (strcmp(data->table.text[FS_RESULT_CATEGORY][row], category) == 0 && is_plain(category)) {
                return true;
            }
            plain = plain || is_plain(data->table.text[FS_RESULT_CATEGORY][row]);
        }
    }
    return !plain && strcmp(category, "all") == 0;
}

static void note_cell(struct fs_survey_data *data, size_t first, size_t last, size_t category)
{
    size_t cell = data->cell_of[first], model = 0, previous = SIZE_MAX;
    while (strcmp(data->model[model], data->cell[cell].model) != 0) {
        model++;
    }
    for (size_t method = 0; method < data->methods; method++) {
        struct fs_survey_tile *tile = fs_survey_tile_at(data, model, category, method);
        for (size_t row = first; row < last && previous != method; row++) {
            if (data->method_of[row] == method) {
                tile->cell = tile->cell == SIZE_MAX ? cell : tile->cell;
                tile->seeds++;
                previous = method;
            }
        }
    }
}

static int fill_tiles(struct fs_survey_data *data, struct fs_error *err)
{
    size_t tiles = data->models * data->categories * data->methods;
    data->tile = fs_allocate(tiles, sizeof *data->tile, "the tiles of a sweep", err);
    size_t *count = fs_allocate(tiles * FS_SURVEY_MEASURES, sizeof *count, "the tiles of a sweep", err);
    size_t *best = fs_allocate(data->methods, sizeof *best, "the tiles of a sweep", err);
    int status = data->tile != NULL && count != NULL && best != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < tiles; i++) {
        data->tile[i].cell = SIZE_MAX;
        for (size_t m = 0; m < FS_SURVEY_MEASURES; m++) {
            data->tile[i].value[m] = (struct fs_survey_value){NAN, NAN, NAN, NAN};
        }
    }
    for (size_t first = 0, last; status == 0 && first < data->table.rows; first = last) {
        for (last = first + 1; last < data->table.rows && data->cell_of[last] == data->cell_of[first]; last++) {
        }
        for (size_t category = 0; category < data->categories; category++) {
            if (!has_category(data, first, last, data->category[category])) {
                continue;
            }
            note_cell(data, first, last, category);
            for (size_t measure = 0; measure < FS_SURVEY_MEASURES; measure++) {
                fill_measure(data, first, last, category, measure, best, count);
            }
        }
    }
    free(count);
    free(best);
    return status;
}

/* ---- what is missing ---- */

static const char *reason(const struct fs_survey_data *data, size_t model, size_t category, size_t method)
{
    const char *name = data->category[category];
    const struct fs_survey_tile *tile = fs_survey_tile_at(data, model, category, method);
    bool other = false, begun = false;
    if (tile->cell != SIZE_MAX) {
        return data->bias == FS_SURVEY_MEASURES || tile->in ? NULL
               : !isfinite(tile->value[data->bias].value)   ? "not measured: its results have no such number"
                                                            : "not measured: its results do not have what was kept";
    }
    for (size_t i = 0; i < data->methods; i++) {
        other = other || fs_survey_tile_at(data, model, category, i)->cell != SIZE_MAX;
    }
    for (size_t i = 0; i < data->cells && !other; i++) {
        begun =
            begun || (strcmp(data->cell[i].model, data->model[model]) == 0 && !data->cell[i].evaluated &&
                      (strcmp(data->cell[i].categories, name) == 0 || strchr(data->cell[i].categories, ',') != NULL ||
                       strcmp(data->cell[i].categories, "all") == 0));
    }
    return other   ? "its job does not have this method"
           : begun ? "its cell is in the archive without evaluate: run the job to its end, and merge again"
                   : "no cell of this model and category in the archive";
}

/* Where what was kept is measured of one method of a tile, it must be of all that are compared there. */
static void find_methods_in(struct fs_survey_data *data, struct fs_survey_tile *tile)
{
    bool kept = false;
    for (size_t i = 0; data->bias < FS_SURVEY_MEASURES && i < data->methods; i++) {
        tile[i].in = isfinite(tile[i].value[data->bias].value);
        kept = kept || (tile[i].in && data->kept < FS_SURVEY_MEASURES && isfinite(tile[i].value[data->kept].value));
    }
    for (size_t i = 0; kept && i < data->methods; i++) {
        tile[i].in = tile[i].in && isfinite(tile[i].value[data->kept].value);
    }
}

static void choose_measures(struct fs_survey_data *data)
{
    data->bias = data->kept = FS_SURVEY_MEASURES;
    for (size_t m = FS_SURVEY_MEASURES; m-- > 0;) {
        if (data->has[m]) {
            *(fs_survey_measures[m].bias ? &data->bias : &data->kept) = m;
        }
    }
    for (size_t model = 0; model < data->models; model++) {
        for (size_t category = 0; category < data->categories; category++) {
            find_methods_in(data, fs_survey_tile_at(data, model, category, 0));
            for (size_t method = 0; method < data->methods; method++) {
                fs_survey_tile_at(data, model, category, method)->why = reason(data, model, category, method);
            }
        }
    }
}

int fs_survey_read(const char *path, struct fs_survey_data *data, struct fs_error *err)
{
    struct fs_archive *archive;
    *data = (struct fs_survey_data){0};
    if (fs_archive_open(path, FS_MERGED_FORMAT, &archive, err) != 0) {
        return -1;
    }
    int status = read_index(data, archive, err) == 0 && fs_result_table_add_merged(&data->table, archive, err) == 0 &&
                         find_variants(data, err) == 0 && find_names(data, err) == 0
                     ? fill_tiles(data, err)
                     : -1;
    fs_archive_close(archive);
    if (status == 0) {
        choose_measures(data);
        status = fs_survey_rank(data, err);
    }
    return status == 0 ? 0 : fs_error_prepend(err, "%s", path);
}

void fs_survey_data_release(struct fs_survey_data *data)
{
    for (size_t i = 0; data->cell != NULL && i < data->cells; i++) {
        free(data->cell[i].variant);
    }
    for (size_t i = 0; i < data->methods; i++) {
        free(data->method[i]);
    }
    for (size_t i = 0; i < INDEX; i++) {
        free(data->text[i]);
    }
    free(data->cell);
    free(data->model);
    free(data->category);
    free(data->method);
    free(data->cell_of);
    free(data->method_of);
    free(data->tile);
    free(data->rank);
    fs_survey_block_release(&data->block);
    fs_survey_against_release(&data->against);
    fs_result_table_release(&data->table);
    *data = (struct fs_survey_data){0};
}
