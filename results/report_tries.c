#include <math.h>

#include "results/report.h"
#include "results/table.h"

/* "chosen", or why not. */
static const char *mark_of(const struct fs_tries *tries, size_t which, size_t chosen)
{
    return which == chosen ? "<- trained" : fs_tries_keeps(tries, which) ? "" : "misses a bound";
}

int fs_report_tries(const struct fs_tries *tries, FILE *stream, struct fs_error *err)
{
    static const char *const names[] = {"<settings", ">gap before", ">gap", ">LMS before", ">LMS", ">RS", "<"};
    static const int decimals[FS_TRY_VALUES] = {4, 4, 2, 2, 2};
    struct fs_table *table;
    if (fs_table_create(sizeof names / sizeof names[0], names, &table, err) != 0) {
        return -1;
    }
    size_t chosen = fs_tries_choose(tries);
    for (size_t i = 0; i < tries->done; i++) {
        fs_table_cell(table, "%s", tries->settings[i][0] != '\0' ? tries->settings[i] : "the job's own");
        for (size_t k = 0; k < FS_TRY_VALUES; k++) {
            fs_table_number(table, tries->value[i][k], decimals[k]);
        }
        fs_table_cell(table, "%s", mark_of(tries, i, chosen));
    }
    fprintf(stream,
            "\nSettings tried on the validation split: the smallest gap of pairs that are not edited among those that "
            "keep RS %g and lose at most %g points of LMS\n",
            tries->rs, tries->lms);
    int status = fs_table_print(table, stream, err);
    fs_table_destroy(table);
    return status;
}

cJSON *fs_report_tries_json(const struct fs_tries *tries)
{
    static const char *const names[FS_TRY_VALUES] = {"gap_before", "gap", "lms_before", "lms", "rs"};
    cJSON *json = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(json, "settings");
    cJSON_AddNumberToObject(json, "rs", tries->rs);
    cJSON_AddNumberToObject(json, "lms", tries->lms);
    cJSON_AddNumberToObject(json, "chosen", (double)fs_tries_choose(tries));
    for (size_t i = 0; i < tries->done; i++) {
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddStringToObject(entry, "settings", tries->settings[i]);
        for (size_t k = 0; k < FS_TRY_VALUES; k++) {
            double value = tries->value[i][k];
            cJSON_AddItemToObject(entry, names[k], isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
        }
        cJSON_AddBoolToObject(entry, "keeps", fs_tries_keeps(tries, i));
        cJSON_AddItemToArray(list, entry);
    }
    return json;
}
