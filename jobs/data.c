#include "jobs/data.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "io/resident.h"
#include "jobs/defaults.h"
#include "stages/metrics/split.h"

/* The path that the job names for a suite's data; NULL: none. */
static const char *path_of(const struct fs_job *job, const struct fs_suite_kind *suite)
{
    return fs_job_data(job, suite->key);
}

/* Whether another row of the registry has read the same data already. */
static bool is_read(const struct fs_data *data, const struct fs_suite_kind *suite)
{
    for (size_t i = 0; i < data->suites; i++) {
        if (strcmp(data->kind[i]->key, suite->key) == 0) {
            return true;
        }
    }
    return false;
}

static int open_suite(const struct fs_job *job, const struct fs_suite_kind *suite, struct fs_suite_options *options,
                      struct fs_data *data, struct fs_error *err)
{
    const char *path = path_of(job, suite);
    struct fs_suite **opened = &data->suite[data->suites];
    if (path == NULL) {
        return 0;
    }
    if (suite->masked_only && options->kind != FS_MASKED) {
        fs_warn("data.%s: needs a masked model, and is left out", suite->key);
        return 0;
    }
    options->scoring = fs_job_scoring(job, suite, options->kind);
    if (fs_suite_open(suite, path, options, opened, err) != 0) {
        return fs_error_prepend(err, "data.%s", suite->key);
    }
    if (*opened != NULL) {
        data->kind[data->suites++] = suite;
    } else if (!is_read(data, suite)) {
        fs_warn("data.%s: has none of the job's categories, and is left out", suite->key);
    }
    return 0;
}

static uint64_t split_seed(const struct fs_job_settings *settings)
{
    return settings->split_seed != FS_AUTO ? settings->split_seed : settings->seed;
}

/* The edited suite first, then the others in the order of the registry. */
static int open_suites(const struct fs_job *job, enum fs_model_kind kind, struct fs_data *data, struct fs_error *err)
{
    const struct fs_job_settings *settings = fs_job_settings(job);
    struct fs_suite_options options = {
        .kind = kind,
        .categories = settings->categories,
        .seed = settings->seed,
        .split_seed = split_seed(settings),
        .text_tokens = settings->text_tokens,
        .permutations = settings->permutations,
        .suite_items = settings->suite_items,
        .fact_share = settings->validation > 0 ? settings->validation : 1,
        .strict = settings->strict,
        .edited = &data->pairs,
        .held_out = data->held_out,
    };
    data->suite = fs_allocate(fs_suite_kind_count, sizeof *data->suite, "the suites", err);
    data->kind = fs_allocate(fs_suite_kind_count, sizeof *data->kind, "the suites", err);
    if (data->suite == NULL || data->kind == NULL || open_suite(job, data->edited, &options, data, err) != 0) {
        return -1;
    }
    options.edited = NULL;
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        if (fs_suite_kinds[i] != data->edited && open_suite(job, fs_suite_kinds[i], &options, data, err) != 0) {
            return -1;
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
 * Tuning: the held-out pairs leave (and so do all facts but the validation share), so that no setting is chosen on what
 * is reported; validation pairs take their place.
 */
static int split_validation(struct fs_data *data, double share, uint64_t seed, struct fs_error *err)
{
    bool *keep = fs_allocate(data->pairs.count, sizeof *keep, "the split", err);
    if (keep == NULL) {
        return -1;
    }
    for (size_t i = 0; i < data->pairs.count; i++) {
        keep[i] = !data->held_out[i];
    }
    fs_pair_list_keep(&data->pairs, keep);
    free(keep);
    data->tuning = true;
    return split(data, share, seed + 1, err);
}

static int read_all(const struct fs_job *job, enum fs_model_kind kind, struct fs_data *data, struct fs_error *err)
{
    const struct fs_job_settings *settings = fs_job_settings(job);
    const char *attributes = settings->attribute_words;
    *data = (struct fs_data){.edited = fs_job_edited(job)};
    int status = fs_suite_read_pairs(data->edited, path_of(job, data->edited), settings->categories, settings->strict,
                                     &data->pairs, err);
    if (status == 0 && attributes != NULL) {
        status = fs_attribute_table_read(attributes, &data->attributes, err);
    }
    if (status == 0) {
        status = split(data, settings->held_out, split_seed(settings), err);
    }
    if (status == 0 && settings->validation > 0) {
        status = split_validation(data, settings->validation, split_seed(settings), err);
    }
    return status == 0 ? open_suites(job, kind, data, err) : -1;
}

int fs_data_read(const struct fs_job *job, enum fs_model_kind kind, struct fs_data *data, struct fs_error *err)
{
    double before = fs_heap_bytes();
    int status = read_all(job, kind, data, err);
    data->bytes = fs_heap_bytes() - before;
    return status;
}

void fs_data_release(struct fs_data *data)
{
    for (size_t i = 0; i < data->suites; i++) {
        fs_suite_destroy(data->suite[i]);
    }
    free(data->suite);
    free(data->kind);
    fs_pair_list_release(&data->pairs);
    fs_attribute_table_destroy(data->attributes);
    free(data->held_out);
    *data = (struct fs_data){0};
}
