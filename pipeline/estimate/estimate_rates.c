#include "pipeline/estimate/estimate_rates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/job_keys.h"

/* Keys that decide what a unit of work is; a dot at the end: all of the group. */
static const char *const shaping[] = {"method", "methods", "edit.pairs", "data.", "scoring.", "trace."};

static bool shapes(const struct fs_setting *setting)
{
    for (size_t i = 0; i < sizeof shaping / sizeof shaping[0]; i++) {
        size_t length = strlen(shaping[i]);
        bool group = shaping[i][length - 1] == '.';
        if (strncmp(setting->key, shaping[i], length) == 0 && (group || setting->key[length] == '\0')) {
            return !setting->changes_no_result;
        }
    }
    return false;
}

static int make_key(const struct fs_job *job, const struct fs_spec *spec, char hex[FS_DIGEST_SIZE],
                    struct fs_error *err)
{
    struct fs_training_size size;
    struct fs_digest *digest;
    char inner[32];
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    if (fs_digest_begin(&digest, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = shapes(key[i].setting) ? fs_job_value(job, key[i].setting)->text : NULL;
        fs_digest_add_text(digest, text != NULL ? text : "");
    }
    fs_job_largest_training(job, spec, &size);
    snprintf(inner, sizeof inner, "%zu", size.inner);
    fs_digest_add_text(digest, inner);
    fs_digest_end(digest, hex);
    return 0;
}

struct fs_estimate_shape *fs_estimate_rates_find(struct fs_estimate_rates *rates, const struct fs_job *job,
                                                 const struct fs_spec *spec, struct fs_error *err)
{
    char hex[FS_DIGEST_SIZE];
    if (make_key(job, spec, hex, err) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < rates->shapes; i++) {
        if (strcmp(rates->shape[i]->key, hex) == 0) {
            return rates->shape[i];
        }
    }
    if (fs_grow(&rates->shape, &rates->room, rates->shapes + 1, sizeof(struct fs_estimate_shape *), "rates of work",
                err) != 0) {
        return NULL;
    }
    struct fs_estimate_shape *shape = fs_allocate(1, sizeof *shape, "rates of work", err);
    if (shape != NULL) {
        memcpy(shape->key, hex, sizeof shape->key);
        shape->layer = FS_AUTO;
        rates->shape[rates->shapes++] = shape;
    }
    return shape;
}

void fs_estimate_rates_release(struct fs_estimate_rates *rates)
{
    for (size_t i = 0; i < rates->shapes; i++) {
        for (size_t stage = 0; stage < FS_STAGE_COUNT; stage++) {
            free(rates->shape[i]->rate[stage]);
        }
        free(rates->shape[i]);
    }
    free(rates->shape);
    *rates = (struct fs_estimate_rates){0};
}
