/* The tables of a merged file: /cells_index and /results, from what was copied to /cells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/archive_merge_internal.h"
#include "results/job_names.h"
#include "results/result_table.h"

/* Columns of /cells_index; behind them one a stage, of methods other than the stamp where a cell has them. */
enum { ID, MODEL, CATEGORIES, SEED, SERIES, STAGE, COLUMNS = STAGE + FS_STAGE_COUNT };
static const char *const index_names[STAGE] = {"id", "model", "categories", "seed", "series"};

struct tables {
    struct fs_archive *archive;
    char **index; /* [cells][COLUMNS] */
    size_t cells;
    size_t *place; /* [cells] of the model's name */
    struct fs_model_names *models;
    struct fs_result_table results;
};

/* "ideal.<metric>" and "unit.<metric>" of the cells' result tables, the first of a name. */
struct copied {
    struct fs_archive *archive;
    char **name;
    size_t names, room;
};

static int copy_attribute(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    struct copied *copied = context;
    const char *at = entry->is_attribute ? strstr(entry->name, "/results@") : NULL;
    if (at == NULL || (strncmp(at, "/results@ideal.", 15) != 0 && strncmp(at, "/results@unit.", 14) != 0)) {
        return 0;
    }
    for (size_t i = 0; i < copied->names; i++) {
        if (strcmp(copied->name[i], at) == 0) {
            return 0;
        }
    }
    if (fs_grow(&copied->name, &copied->room, copied->names + 1, sizeof *copied->name, "names of attributes", err) !=
        0) {
        return -1;
    }
    char *name = strdup(at);
    if (name == NULL) {
        return fs_error_memory(err, strlen(at), "an attribute's name");
    }
    copied->name[copied->names++] = name;
    return fs_archive_write_entry(copied->archive, name, entry, err);
}

static int write_metric_attributes(const struct tables *tables, struct fs_error *err)
{
    struct copied copied = {.archive = tables->archive};
    int status = 0;
    for (size_t cell = 0; status == 0 && cell < tables->cells; cell++) {
        char group[512];
        snprintf(group, sizeof group, "/cells/%s/evaluate/results", tables->index[cell * COLUMNS + ID]);
        if (fs_archive_has(tables->archive, group)) {
            status = fs_archive_visit_group(tables->archive, group, copy_attribute, &copied, err);
        }
    }
    for (size_t i = 0; i < copied.names; i++) {
        free(copied.name[i]);
    }
    free(copied.name);
    return status;
}

/* The cell of source[0]; `count` of the sources are its stages. */
static int read_cell(struct tables *tables, const struct fs_merge_source *source, size_t count, struct fs_error *err)
{
    char **of = tables->index + tables->cells * COLUMNS, cell[512], group[512];
    struct fs_job_names names = {0};
    for (size_t i = 0; i < count; i++) {
        of[STAGE + source[i].stage] = strdup(source[i].job);
    }
    for (size_t stage = 0; stage < FS_STAGE_COUNT; stage++) {
        if (of[STAGE + stage] == NULL) {
            of[STAGE + stage] = strdup("");
        }
    }
    of[ID] = strdup(source->cell);
    for (size_t column = 0; column < COLUMNS; column++) {
        if ((column == ID || column >= STAGE) && of[column] == NULL) {
            return fs_error_memory(err, 64, "the index of cells");
        }
    }
    snprintf(cell, sizeof cell, "/cells/%s", source->cell);
    (void)fs_job_names_stage(tables->archive, cell, group, sizeof group); /* a cell has a stage */
    int status = fs_job_names_read(tables->archive, group, &names, err);
    if (status == 0) {
        const struct fs_model_id id = fs_job_names_model(&names);
        status = fs_model_names_add(tables->models, &id, &tables->place[tables->cells++], err);
        of[CATEGORIES] = names.categories;
        of[SEED] = names.seed;
        of[SERIES] = names.series;
        names.categories = names.seed = names.series = NULL;
    }
    fs_job_names_release(&names);
    return status;
}

/* Once all cells are known: their models' names, and the rows of their results. */
static int read_results(struct tables *tables, struct fs_error *err)
{
    int status = fs_model_names_resolve(tables->models, err);
    for (size_t cell = 0; status == 0 && cell < tables->cells; cell++) {
        char **of = tables->index + cell * COLUMNS, group[512];
        of[MODEL] = strdup(fs_model_names_get(tables->models, tables->place[cell]));
        snprintf(group, sizeof group, "/cells/%s/evaluate/results", of[ID]);
        status = of[MODEL] != NULL ? fs_result_table_add(&tables->results, tables->archive, group, of[ID], of[MODEL],
                                                         of[CATEGORIES], err)
                                   : fs_error_memory(err, 64, "the index of cells");
    }
    if (status == 0) {
        fs_model_names_tell(tables->models, "merge");
    }
    return status;
}

static bool is_left_out(const struct tables *tables, size_t column)
{
    bool left_out =
        column >= STAGE && column != STAGE + FS_STAGE_STAMP && fs_stage_method((enum fs_stage)(column - STAGE)) != NULL;
    for (size_t cell = 0; left_out && cell < tables->cells; cell++) {
        left_out = tables->index[cell * COLUMNS + column][0] == '\0';
    }
    return left_out;
}

static int write_index(const struct tables *tables, struct fs_error *err)
{
    const char **column = fs_allocate(tables->cells + 1, sizeof *column, "the index of cells", err);
    int status = column != NULL ? 0 : -1;
    for (size_t c = 0; status == 0 && c < COLUMNS; c++) {
        char name[64];
        if (is_left_out(tables, c)) {
            continue;
        }
        for (size_t cell = 0; cell < tables->cells; cell++) {
            column[cell] = tables->index[cell * COLUMNS + c];
        }
        snprintf(name, sizeof name, "/cells_index/%s", c < STAGE ? index_names[c] : fs_stage_names[c - STAGE]);
        status = fs_archive_write_texts(tables->archive, name, tables->cells, column, err) == 0
                     ? fs_archive_attribute_text(tables->archive, name, "dimensions", "cell", err)
                     : -1;
    }
    free(column);
    return status;
}

int fs_merge_write_tables(struct fs_archive *archive, const struct fs_merge_source *source, size_t sources,
                          struct fs_error *err)
{
    struct tables tables = {.archive = archive};
    tables.index = fs_allocate(sources * COLUMNS + 1, sizeof *tables.index, "the index of cells", err);
    tables.place = fs_allocate(sources + 1, sizeof *tables.place, "the index of cells", err);
    tables.models = fs_model_names_create(err);
    int status = tables.index != NULL && tables.place != NULL && tables.models != NULL ? 0 : -1;
    for (size_t i = 0, end; status == 0 && i < sources; i = end) {
        for (end = i + 1; end < sources && strcmp(source[end].cell, source[i].cell) == 0; end++) {
        }
        status = read_cell(&tables, source + i, end - i, err);
    }
    status = status == 0 ? read_results(&tables, err) : -1;
    if (status == 0) {
        status = write_index(&tables, err) == 0 && fs_result_table_write(&tables.results, archive, err) == 0
                     ? write_metric_attributes(&tables, err)
                     : -1;
    }
    for (size_t i = 0; tables.index != NULL && i < sources * COLUMNS; i++) {
        free(tables.index[i]);
    }
    free(tables.index);
    free(tables.place);
    fs_model_names_destroy(tables.models);
    fs_result_table_release(&tables.results);
    return status;
}
