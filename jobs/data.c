#include "jobs/data.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "jobs/defaults.h"
#include "jobs/fingerprint.h"
#include "model/numbers/random.h"
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
    const char *data, *scoring; /* of data.<data> and scoring.<scoring>; NULL: no choice of a scoring */
    fs_suite_maker *make;
} makers[] = {
    {"stereoset", "stereoset", fs_suite_stereoset},
    {"biaske", "biaske", fs_suite_biaske},
    {"stereoset_intersentence", NULL, fs_suite_stereoset_intersentence},
    {"stereoset_synonyms", "stereoset", fs_suite_stereoset_synonyms},
    {"winobias", NULL, fs_suite_winobias},
    {"winogender", NULL, fs_suite_winogender},
    {"bec_pro", NULL, fs_suite_bec_pro},
    {"seat", NULL, fs_suite_seat},
    {"counterfact", NULL, fs_suite_counterfact},
    {"known_facts", NULL, fs_suite_known_facts},
    {"text", NULL, fs_suite_text},
};
#define MAKERS (sizeof makers / sizeof makers[0])

static int read_suites(const struct fs_job *job, enum fs_model_kind kind, struct fs_data *data, struct fs_error *err)
{
    const char *edited = fs_job_edited_suite(job);
    const struct fs_job_settings *settings = fs_job_settings(job);
    struct fs_suite_options options = {
        .kind = kind,
        .categories = settings->categories,
        .seed = settings->seed,
        .text_tokens = settings->text_tokens,
        .permutations = settings->permutations,
    };
    data->suite = fs_allocate(MAKERS, sizeof *data->suite, "the suites", err);
    if (data->suite == NULL) {
        return -1;
    }
    for (size_t i = 0; i < MAKERS; i++) {
        const char *path = fs_job_data(job, makers[i].data), *scoring = makers[i].scoring;
        if (path == NULL || strcmp(makers[i].data, edited) == 0) {
            continue;
        }
        options.scoring = scoring != NULL ? fs_job_scoring(job, scoring, kind) : NULL;
        if (makers[i].make(path, &options, &data->suite[data->suites], err) != 0) {
            return fs_error_prepend(err, "data.%s", makers[i].data);
        }
        if (data->suite[data->suites] != NULL) {
            data->suites++;
        } else if (strcmp(makers[i].data, "bec_pro") == 0 && kind != FS_MASKED) {
            fs_warn("data.%s: needs a masked model, and is left out", makers[i].data);
        } else {
            fs_warn("data.%s: has none of the job's categories, and is left out", makers[i].data);
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
 * is reported; validation pairs replace the held-out ones.
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
    const char *stereoset = fs_job_data(job, "stereoset"), *biaske = fs_job_data(job, "biaske");
    const char *crows = fs_job_data(job, "crows_pairs"), *attributes = fs_job_data(job, "attribute_words");
    const struct fs_job_settings *settings = fs_job_settings(job);
    const char *const *categories = settings->categories;
    data->pairs_suite = fs_job_edited_suite(job);
    bool edits_stereoset = strcmp(data->pairs_suite, "stereoset") == 0;
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
        status = split(data, settings->held_out, settings->seed, err);
    }
    if (status == 0 && settings->validation > 0) {
        status = split_validation(data, settings->validation, settings->seed, err);
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
