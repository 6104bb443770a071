#include "jobs/data.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "jobs/defaults.h"
#include "jobs/fingerprint.h"
#include "model/random.h"
#include "stages/metrics/split.h"
#include "stages/suites/suite_registry.h"

#define VALIDATION_STREAM ((uint64_t)1 << 40) /* of the random numbers that choose facts */

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

/* The further suites: whose data, and who makes them. */
static const struct {
    enum fs_key data, scoring; /* FS_KEY_COUNT: no choice of a scoring */
    fs_suite_maker *make;
} makers[] = {
    {FS_KEY_DATA_STEREOSET, FS_KEY_SCORING_STEREOSET, fs_suite_stereoset},
    {FS_KEY_DATA_BIASKE, FS_KEY_SCORING_BIASKE, fs_suite_biaske},
    {FS_KEY_DATA_STEREOSET_INTERSENTENCE, FS_KEY_COUNT, fs_suite_stereoset_intersentence},
    {FS_KEY_DATA_STEREOSET_SYNONYMS, FS_KEY_SCORING_STEREOSET, fs_suite_stereoset_synonyms},
    {FS_KEY_DATA_WINOBIAS, FS_KEY_COUNT, fs_suite_winobias},
    {FS_KEY_DATA_WINOGENDER, FS_KEY_COUNT, fs_suite_winogender},
    {FS_KEY_DATA_BEC_PRO, FS_KEY_COUNT, fs_suite_bec_pro},
    {FS_KEY_DATA_SEAT, FS_KEY_COUNT, fs_suite_seat},
    {FS_KEY_DATA_COUNTERFACT, FS_KEY_COUNT, fs_suite_counterfact},
    {FS_KEY_DATA_KNOWN_FACTS, FS_KEY_COUNT, fs_suite_known_facts},
    {FS_KEY_DATA_TEXT, FS_KEY_COUNT, fs_suite_text},
};
#define MAKERS (sizeof makers / sizeof makers[0])

static int read_suites(const struct fs_job *job, enum fs_model_kind kind, struct fs_data *data, struct fs_error *err)
{
    enum fs_key edited = fs_job_edits_stereoset(job) ? FS_KEY_DATA_STEREOSET : FS_KEY_DATA_BIASKE;
    struct fs_suite_options options = {
        .kind = kind,
        .categories = fs_job_list(job, FS_KEY_CATEGORIES),
        .seed = (uint64_t)fs_job_number(job, FS_KEY_SEED),
        .text_tokens = (size_t)fs_job_number(job, FS_KEY_EVALUATE_TEXT_TOKENS),
        .permutations = (size_t)fs_job_number(job, FS_KEY_EVALUATE_PERMUTATIONS),
    };
    data->suite = fs_allocate(MAKERS, sizeof *data->suite, "the suites", err);
    if (data->suite == NULL) {
        return -1;
    }
    for (size_t i = 0; i < MAKERS; i++) {
        const char *path = fs_job_text(job, makers[i].data);
        if (path == NULL || makers[i].data == edited) {
            continue;
        }
        options.scoring = makers[i].scoring != FS_KEY_COUNT ? fs_job_scoring(job, makers[i].scoring, kind) : NULL;
        if (makers[i].make(path, &options, &data->suite[data->suites], err) != 0) {
            return fs_error_prepend(err, "%s", fs_job_keys[makers[i].data].name);
        }
        if (data->suite[data->suites] != NULL) {
            data->suites++;
        } else if (makers[i].data == FS_KEY_DATA_BEC_PRO && kind != FS_MASKED) {
            fs_warn("%s: needs a masked model, and is left out", fs_job_keys[makers[i].data].name);
        } else {
            fs_warn("%s: has none of the job's categories, and is left out", fs_job_keys[makers[i].data].name);
        }
    }
    return 0;
}

static int split(struct fs_data *data, double share, uint64_t seed, struct fs_error *err)
{
    free(data->held_out);
    data->held_out = fs_allocate(data->pairs.count, sizeof *data->held_out, "the split", err);
    return data->held_out != NULL ? fs_split_by_target(&data->pairs, share, seed, data->held_out, err) : -1;
}

/*
 * Tuning: the held-out pairs leave, and so do all facts but the validation share, so that no setting is chosen on what
 * is reported; validation pairs take the place of the held-out ones.
 */
static int split_validation(struct fs_data *data, double share, uint64_t seed, struct fs_error *err)
{
    bool *keep = fs_allocate(data->facts.count + data->pairs.count, sizeof *keep, "the split", err);
    if (keep == NULL) {
        return -1;
    }
    for (size_t i = 0; i < data->pairs.count; i++) {
        keep[i] = !data->held_out[i];
    }
    fs_pair_list_keep(&data->pairs, keep);
    for (size_t i = 0; i < data->facts.count; i++) {
        struct fs_random random = fs_random_start(seed, VALIDATION_STREAM + i);
        keep[i] = fs_random_uniform(&random) < share;
    }
    fs_fact_list_keep(&data->facts, keep);
    free(keep);
    data->tuning = true;
    return split(data, share, seed + 1, err);
}

int fs_data_read(const struct fs_job *job, enum fs_model_kind kind, struct fs_data *data, struct fs_error *err)
{
    *data = (struct fs_data){0};
    const char *stereoset = fs_job_text(job, FS_KEY_DATA_STEREOSET);
    const char *biaske = fs_job_text(job, FS_KEY_DATA_BIASKE);
    const char *crows = fs_job_text(job, FS_KEY_DATA_CROWS_PAIRS);
    const char *attributes = fs_job_text(job, FS_KEY_DATA_ATTRIBUTE_WORDS);
    const char *const *categories = fs_job_list(job, FS_KEY_CATEGORIES);
    double validation = fs_job_number(job, FS_KEY_SPLIT_VALIDATION);
    uint64_t seed = (uint64_t)fs_job_number(job, FS_KEY_SEED);
    bool edits_stereoset = fs_job_edits_stereoset(job);
    data->pairs_suite = edits_stereoset ? "stereoset" : "biaske";
    int status = edits_stereoset ? fs_stereoset_read(stereoset, categories, &data->pairs, err) : 0;
    if (status == 0 && biaske != NULL) {
        struct fs_pair_list measured = {0}; /* those of a suite that is not edited are read again by its maker */
        status = fs_biaske_read(biaske, categories, edits_stereoset ? &measured : &data->pairs, &data->facts, err);
        fs_pair_list_release(&measured);
    }
    if (status == 0 && crows != NULL) {
        status = read_crows(crows, categories, &data->crows, err);
    }
    if (status == 0 && attributes != NULL) {
        status = fs_attribute_table_read(attributes, &data->attributes, err);
    }
    if (status == 0) {
        status = split(data, fs_job_number(job, FS_KEY_SPLIT_HELD_OUT), seed, err);
    }
    if (status == 0 && validation > 0) {
        status = split_validation(data, validation, seed, err);
    }
    return status == 0 ? read_suites(job, kind, data, err) : -1;
}

void fs_data_release(struct fs_data *data)
{
    fs_pair_list_release(&data->pairs);
    fs_fact_list_release(&data->facts);
    fs_crows_list_release(&data->crows);
    fs_attribute_table_destroy(data->attributes);
    free(data->held_out);
    for (size_t i = 0; i < data->suites; i++) {
        fs_suite_destroy(data->suite[i]);
    }
    free(data->suite);
    *data = (struct fs_data){0};
}
