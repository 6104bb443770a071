#include "pipeline/data.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/progress.h"
#include "stages/split.h"

/* bias_type of the published file. */
static const char *const crows_categories[] = {"race-color", "gender", "socioeconomic",      "nationality",
                                               "religion",   "age",    "sexual-orientation", "physical-appearance",
                                               "disability"};
#define CROWS_CATEGORIES (sizeof crows_categories / sizeof crows_categories[0])

bool fs_crows_categories(const char *const *categories, const char *out[10])
{
    size_t count = 0;
    for (size_t known = 0; known < CROWS_CATEGORIES; known++) {
        for (size_t i = 0; categories[i] != NULL; i++) {
            const char *wanted = strcmp(categories[i], "race") == 0 ? "race-color" : categories[i];
            if (strcmp(wanted, crows_categories[known]) == 0) {
                out[count++] = crows_categories[known];
                break;
            }
        }
    }
    out[count] = NULL;
    return count > 0;
}

static int read_crows(const char *path, const char *const *categories, struct fs_crows_list *crows,
                      struct fs_error *err)
{
    const char *taken[10];
    if (categories == NULL) {
        return fs_crows_read(path, NULL, crows, err);
    }
    if (!fs_crows_categories(categories, taken)) {
        fs_warn("%s: CrowS-Pairs has none of the job's categories and is left out", path);
        return 0;
    }
    return fs_crows_read(path, taken, crows, err);
}

int fs_data_read(const struct fs_job *job, struct fs_data *data, struct fs_error *err)
{
    *data = (struct fs_data){0};
    const char *stereoset = fs_job_text(job, FS_KEY_DATA_STEREOSET);
    const char *crows = fs_job_text(job, FS_KEY_DATA_CROWS_PAIRS);
    const char *attributes = fs_job_text(job, FS_KEY_DATA_ATTRIBUTE_WORDS);
    const char *const *categories = fs_job_list(job, FS_KEY_CATEGORIES);
    data->pairs_suite = stereoset != NULL ? "stereoset" : "biaske";
    int status = stereoset != NULL ? fs_stereoset_read(stereoset, categories, &data->pairs, err)
                                   : fs_biaske_read(fs_job_text(job, FS_KEY_DATA_BIASKE), categories, &data->pairs,
                                                    &data->facts, err);
    if (status == 0 && crows != NULL) {
        status = read_crows(crows, categories, &data->crows, err);
    }
    if (status == 0 && attributes != NULL) {
        status = fs_attribute_table_read(attributes, &data->attributes, err);
    }
    if (status != 0) {
        return -1;
    }
    data->held_out = fs_allocate(data->pairs.count, sizeof *data->held_out, "the split", err);
    if (data->held_out == NULL) {
        return -1;
    }
    return fs_split_by_target(&data->pairs, fs_job_number(job, FS_KEY_SPLIT_HELD_OUT),
                              (uint64_t)fs_job_number(job, FS_KEY_SEED), data->held_out, err);
}

void fs_data_release(struct fs_data *data)
{
    fs_pair_list_release(&data->pairs);
    fs_fact_list_release(&data->facts);
    fs_crows_list_release(&data->crows);
    fs_attribute_table_destroy(data->attributes);
    free(data->held_out);
    *data = (struct fs_data){0};
}
