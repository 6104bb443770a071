#include "results/page/page_parts.h"

#include <math.h>
#include <string.h>

#include "results/page/page.h"

const struct fs_page_layer_column fs_page_layer_columns[FS_PAGE_LAYER_COLUMNS] = {{"gap edited", "gap", "edited", 4},
                                                                                  {"gap not edited", "gap", NULL, 4},
                                                                                  {"SS", "ss.macro", "all", 1},
                                                                                  {"LMS", "lms.macro", "all", 1},
                                                                                  {"PS", "ps", "all", 1},
                                                                                  {"DS", "ds", "all", 1},
                                                                                  {"RS", "rs.top1", "all", 1}};

const char *fs_page_category(const struct fs_page_data *data)
{
    const char *only = NULL;
    for (size_t i = 0; i < data->result.rows; i++) {
        const char *category = data->result.row[i].category;
        bool edited = strcmp(data->result.row[i].suite, data->result.row[0].suite) == 0;
        if (edited && strcmp(category, "all") != 0) {
            if (only != NULL && strcmp(only, category) != 0) {
                return "all";
            }
            only = category;
        }
    }
    return only != NULL ? only : "all";
}

void fs_page_number(FILE *stream, double value, int decimals)
{
    if (isfinite(value)) {
        fprintf(stream, "%.*f", decimals, value);
    } else {
        fputs("\xe2\x80\x93", stream);
    }
}

const char *fs_page_side(const struct fs_page_data *data, bool held_out)
{
    if (!held_out) {
        return "edited";
    }
    return fs_page_row(data, "all", "ss.macro", "validation") != NULL ? "validation" : "held out";
}

bool fs_page_has_times(const struct fs_page_data *data)
{
    bool has = false;
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        has = has || (data->has[stage] && isfinite(data->time[stage].measured));
    }
    return has;
}

size_t fs_page_shown(const struct fs_page_data *data)
{
    enum { MOST = 12 };
    return data->items < MOST ? data->items : MOST;
}

const char *fs_page_layer_mark(const struct fs_layer_comparison *layers, size_t i)
{
    if (layers->layer[i] == layers->traced) {
        return "traced";
    }
    return layers->layer[i] == layers->random ? "random control" : "";
}

const char *fs_page_provenance(const struct fs_page_data *data, const char *name)
{
    for (size_t i = 0; i < data->provenances; i++) {
        if (strcmp(data->provenance[i].name, name) == 0) {
            return data->provenance[i].value;
        }
    }
    return "";
}
