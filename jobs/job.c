#include "jobs/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file_map.h"
#include "io/formats/file_kind.h"
#include "io/formats/json.h"
#include "io/values.h"
#include "jobs/job_keys.h"
#include "jobs/search.h"
#include "stages/methods/method.h"
#include "stages/suites/suite_registry.h"

struct fs_job {
    char *path, *source; /* of the file */
    size_t length;       /* of the source */
    char **set;          /* [sets] what overrides the file's keys */
    size_t sets, room;
    struct fs_setting_value value[FS_MOST_JOB_KEYS]; /* of fs_job_keys() */
    bool given[FS_MOST_JOB_KEYS];                    /* by the file or --set */
    struct fs_job_settings settings;
    struct fs_job_method *method; /* [methods] */
    size_t methods;
};

/* Where a value that was given goes. */
static struct fs_setting_value *value_of(struct fs_job *job, const struct fs_job_key *key)
{
    size_t count;
    job->given[key - fs_job_keys(&count)] = true;
    return &job->value[key - fs_job_keys(&count)];
}

/* The key that is like `name`, or whose part behind the dot is; NULL where none is near. */
static const char *near_key(const char *name)
{
    const char *known[FS_MOST_JOB_KEYS + 1] = {NULL}, *last[FS_MOST_JOB_KEYS + 1] = {NULL};
    size_t count, i = 0;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t k = 0; k < count; k++) {
        known[k] = key[k].setting->key;
        const char *dot = strchr(known[k], '.');
        last[k] = dot != NULL ? dot + 1 : known[k];
    }
    const char *near = fs_near_name(name, known), *part = near == NULL ? fs_near_name(name, last) : NULL;
    while (part != NULL && last[i] != part) {
        i++;
    }
    return part != NULL ? known[i] : near;
}

static int unknown_key(const struct fs_setting_origin *origin, const char *name, struct fs_error *err)
{
    const char *now = fs_renamed_name(fs_renamed_keys, name), *near = near_key(name);
    if (now != NULL) {
        return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: this key is now called \"%s\"; write that", origin->name,
                            name, now);
    }
    if (near == NULL) {
        return fs_error_set(err, FS_EXIT_CONFIG, "%s: %.200s: unknown key; see fairstamp run --help", origin->name,
                            name);
    }
    return fs_error_set(err, FS_EXIT_CONFIG, "%s: %.200s: unknown key; did you mean \"%s\"? See fairstamp run --help",
                        origin->name, name, near);
}

static bool begins_group(const char *key, const char *group)
{
    size_t length = strlen(group);
    return strncmp(key, group, length) == 0 && key[length] == '.';
}

/* Whether keys, or keys of earlier versions, are "name.*". */
static bool is_group(const char *name)
{
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        if (begins_group(key[i].setting->key, name)) {
            return true;
        }
    }
    for (size_t i = 0; fs_renamed_keys[i].old != NULL; i++) {
        if (begins_group(fs_renamed_keys[i].old, name)) {
            return true;
        }
    }
    return false;
}

/* The keys of `object`, whose names begin with `prefix` ("" or "stamp."). */
static int assign_object(struct fs_job *job, const struct fs_setting_origin *origin, const char *prefix,
                         const cJSON *object, struct fs_error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        char name[256], group[256];
        snprintf(name, sizeof name, "%s%.200s", prefix, item->string);
        const struct fs_job_key *key = fs_job_key(name);
        if (key != NULL) {
            if (fs_setting_read_json(key->setting, origin, item, value_of(job, key), err) != 0) {
                return -1;
            }
            continue;
        }
        if (prefix[0] != '\0' || !is_group(name)) {
            return unknown_key(origin, name, err);
        }
        if (!cJSON_IsObject(item)) {
            return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: found %s, expected an object", origin->name, name,
                                fs_json_kind(item));
        }
        snprintf(group, sizeof group, "%.250s.", name);
        if (assign_object(job, origin, group, item, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* "key=value" of --set. */
static int assign_setting(struct fs_job *job, const char *text, struct fs_error *err)
{
    struct fs_setting_origin origin = {.name = "--set"};
    const char *equals = strchr(text, '=');
    if (equals == NULL) {
        return fs_error_set(err, FS_EXIT_CONFIG, "--set: found \"%s\", expected KEY=VALUE", text);
    }
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)(equals - text < 200 ? equals - text : 200), text);
    const struct fs_job_key *key = fs_job_key(name);
    if (key == NULL) {
        return unknown_key(&origin, name, err);
    }
    if (key->setting->kind != FS_SETTING_LIST || equals[1] != '[') {
        return fs_setting_read_text(key->setting, &origin, equals + 1, value_of(job, key), err);
    }
    struct fs_json_document *list; /* ["a", "b"] as in the file; a,b says the same */
    if (fs_json_parse("--set", equals + 1, strlen(equals + 1), &list, err) != 0) {
        err->code = FS_EXIT_CONFIG;
        return -1;
    }
    int status = fs_setting_read_json(key->setting, &origin, fs_json_root(list), value_of(job, key), err);
    fs_json_destroy(list);
    return status;
}

/* JSON that is given in place of a job file. */
static int refuse_other(const char *path, const cJSON *root, struct fs_error *err)
{
    if (cJSON_HasObjectItem(root, "models") || cJSON_HasObjectItem(root, "job")) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s: is a sweep file, expected a job file; fairstamp sweep plan %s DIR", path, path);
    }
    if (cJSON_HasObjectItem(root, "model_type") || cJSON_HasObjectItem(root, "architectures")) {
        return fs_error_set(
            err, FS_EXIT_CONFIG,
            "%s: is the config.json of a model, expected a job file that names its folder as \"model\"; "
            "see jobs/README.md",
            path);
    }
    return 0;
}

static int set_source(struct fs_job *job, const char *path, const void *source, size_t length, struct fs_error *err)
{
    job->path = strdup(path);
    job->source = fs_allocate(length + 1, 1, "the job", err);
    job->length = length;
    if (job->path == NULL || job->source == NULL) {
        return fs_error_memory(err, length, "the job");
    }
    memcpy(job->source, source, length);
    return 0;
}

static int add_set(struct fs_job *job, const char *text, struct fs_error *err)
{
    if (fs_grow(&job->set, &job->room, job->sets + 1, sizeof *job->set, "the job's settings", err) != 0) {
        return -1;
    }
    job->set[job->sets] = strdup(text);
    return job->set[job->sets++] != NULL ? 0 : fs_error_memory(err, strlen(text), "the job's settings");
}

static int read_file(struct fs_job *job, const char *path, struct fs_error *err)
{
    struct fs_file_map map;
    if (fs_file_map_open(path, &map, err) != 0) {
        return -1;
    }
    int status =
        fs_refuse_file_kind(path, map.data, map.size, err) == 0 ? set_source(job, path, map.data, map.size, err) : -1;
    fs_file_map_close(&map);
    if (status != 0 && err->code == FS_EXIT_DATA) {
        err->code = FS_EXIT_CONFIG;
    }
    return status;
}

static int read_source(struct fs_job *job, struct fs_error *err)
{
    const char *path = job->path;
    struct fs_json_document *document;
    if (fs_json_parse(path, job->source, job->length, &document, err) != 0) {
        if (err->code == FS_EXIT_DATA) {
            err->code = FS_EXIT_CONFIG;
        }
        return -1;
    }
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup("");
    const cJSON *root = fs_json_root(document);
    struct fs_setting_origin origin = {.name = path, .folder = folder};
    int status = 0;
    if (folder == NULL) {
        status = fs_error_memory(err, strlen(path), "the job");
    } else if (!cJSON_IsObject(root)) {
        status = fs_error_set(err, FS_EXIT_CONFIG, "%s: found %s, expected an object; see jobs/README.md", path,
                              fs_json_kind(root));
    } else {
        status = refuse_other(path, root, err) == 0 ? assign_object(job, &origin, "", root, err) : -1;
    }
    free(folder);
    fs_json_destroy(document);
    return status;
}

static int check_required(const struct fs_job *job, const char *path, struct fs_error *err)
{
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        if (key[i].setting->required && job->value[i].text == NULL) {
            return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s is missing: %s", path, key[i].setting->key,
                                key[i].setting->meaning);
        }
    }
    return 0;
}

/* "data.stereoset, data.biaske" of the suites whose pairs can be edited; `given`: of those whose data the job names. */
static size_t list_pairs(const struct fs_job *job, bool given, char *list, size_t size)
{
    size_t count = 0, used = 0;
    list[0] = '\0';
    for (size_t i = 0; i < fs_suite_kind_count && used < size; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        if (suite->read_pairs != NULL && (!given || fs_job_data(job, suite->key) != NULL)) {
            used += (size_t)snprintf(list + used, size - used, "%sdata.%s", count > 0 ? ", " : "", suite->key);
            count++;
        }
    }
    return count;
}

/* Whose pairs are edited must be said or follow from the data. */
static int check_pairs(const struct fs_job *job, const char *path, struct fs_error *err)
{
    char list[256];
    const char *edited = job->settings.edit_pairs;
    size_t given = list_pairs(job, true, list, sizeof list);
    if (given == 0) {
        list_pairs(job, false, list, sizeof list);
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s: found none of %s, expected at least one of them: it gives the pairs to edit", path,
                            list);
    }
    if (edited == NULL && given > 1) {
        return fs_error_set(err, FS_EXIT_CONFIG, "%s: found %s; edit.pairs must say whose pairs are edited", path,
                            list);
    }
    if (edited != NULL && fs_job_data(job, edited) == NULL) {
        return fs_error_set(err, FS_EXIT_CONFIG, "%s: edit.pairs is \"%s\", and data.%s is missing", path, edited,
                            edited);
    }
    return 0;
}

static int read_methods(struct fs_job *job, const char *path, struct fs_error *err)
{
    const char *const usual[] = {fs_methods[0]->name, NULL};
    const struct fs_job_settings *settings = &job->settings;
    if (settings->method != NULL && settings->methods != NULL) {
        return fs_error_set(err, FS_EXIT_CONFIG, "%s: found both method and methods; leave one of them out", path);
    }
    const char *const *entry = settings->methods != NULL  ? settings->methods
                               : settings->method != NULL ? settings->method
                                                          : usual;
    return fs_methods_read(entry, &job->method, &job->methods, err) == 0 ? 0 : fs_error_prepend(err, "%s", path);
}

/* That the job has what its methods learn from, but for pairs, which every job has. */
static int check_methods(const struct fs_job *job, const char *path, struct fs_error *err)
{
    const struct fs_job_settings *settings = &job->settings;
    for (size_t i = 0; i < job->methods; i++) {
        const struct fs_method *method = job->method[i].method;
        const char *missing = (method->learns & FS_LEARNS_TEXT) != 0 && settings->edit_text == NULL ? "edit.text"
                              : (method->learns & FS_LEARNS_WORDS) != 0 && settings->attribute_words == NULL
                                  ? "data.attribute_words"
                                  : NULL;
        if (missing != NULL) {
            return fs_error_set(
                err, FS_EXIT_CONFIG, "%s: method %s learns from a text%s; found no %s, which names the file", path,
                method->name, (method->learns & FS_LEARNS_WORDS) != 0 ? " and attribute words" : "", missing);
        }
    }
    return 0;
}

static int read_defaults(struct fs_job *job, struct fs_error *err)
{
    const struct fs_setting_origin origin = {.name = "default"};
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        fs_setting_release(&job->value[i]);
        if (key[i].setting->initial != NULL &&
            fs_setting_read_text(key[i].setting, &origin, key[i].setting->initial, &job->value[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* What the presets that are chosen say of keys that were not given. Their texts are checked as if a job gave them. */
static int apply_presets(struct fs_job *job, struct fs_error *err)
{
    const struct fs_setting_origin origin = {.name = "preset"};
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        const struct fs_presets *presets = key[i].setting->presets;
        for (size_t r = 0; presets != NULL && r < presets->count; r++) {
            const struct fs_preset_row *row = &presets->row[r];
            size_t k = (size_t)(fs_job_key(row->key) - key);
            if (strcmp(row->preset, job->value[i].text) != 0 || job->given[k]) {
                continue;
            }
            for (size_t v = 0; v < FS_SETTING_VARIANTS; v++) {
                if (fs_setting_read_text(key[k].setting, &origin, row->value[v], &job->value[k], err) != 0) {
                    return -1;
                }
            }
            if (strcmp(row->value[0], row->value[1]) != 0) {
                fs_setting_release(&job->value[k]);
                job->value[k].preset = row->value;
            }
        }
    }
    return 0;
}

/* The tables of struct fs_job_settings; none of them has defaults that depend on the model. */
static void fill_settings(struct fs_job *job)
{
    static const struct fs_settings *const tables[] = {
        &fs_core_settings,       &fs_compute_settings,   &fs_attribute_settings, &fs_edit_settings,
        &fs_edit_text_settings,  &fs_methods_settings,   &fs_split_settings,     &fs_validation_settings,
        &fs_covariance_settings, &fs_search_settings,    &fs_reuse_settings,     &fs_evaluate_settings,
        &fs_compare_settings,    &fs_checkpoint_settings};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        fs_job_fill(job, tables[i], 0, &job->settings);
    }
}

/* The values, from the source and what overrides it. */
static int compose(struct fs_job *job, struct fs_error *err)
{
    const char *path = job->path;
    int status = read_defaults(job, err) == 0 ? read_source(job, err) : -1;
    for (size_t i = 0; status == 0 && i < job->sets; i++) {
        status = assign_setting(job, job->set[i], err);
    }
    if (status != 0 || apply_presets(job, err) != 0) {
        return -1;
    }
    fill_settings(job);
    if (check_required(job, path, err) != 0 || read_methods(job, path, err) != 0 ||
        check_methods(job, path, err) != 0 || check_pairs(job, path, err) != 0) {
        return -1;
    }
    return job->settings.search == NULL || fs_tried_check(job->settings.search, job->method, job->methods, err) == 0
               ? 0
               : fs_error_prepend(err, "%s", path);
}

int fs_job_load(const char *path, const char *const *set, size_t sets, struct fs_job **result, struct fs_error *err)
{
    struct fs_job *job = fs_allocate(1, sizeof *job, "a job", err);
    int status = job != NULL ? read_file(job, path, err) : -1;
    for (size_t i = 0; status == 0 && i < sets; i++) {
        status = add_set(job, set[i], err);
    }
    if (status != 0 || compose(job, err) != 0) {
        fs_job_destroy(job);
        return -1;
    }
    *result = job;
    return 0;
}

int fs_job_vary(const struct fs_job *job, const char *entry, double validation, struct fs_job **varied,
                struct fs_error *err)
{
    char text[FS_SEARCH_SETTING_SIZE], number[FS_NUMBER_SIZE];
    struct fs_job *copy = fs_allocate(1, sizeof *copy, "a job", err);
    int status = copy != NULL ? set_source(copy, job->path, job->source, job->length, err) : -1;
    for (size_t i = 0; status == 0 && i < job->sets; i++) {
        status = add_set(copy, job->set[i], err);
    }
    for (const char *rest = fs_tried_next(entry, text); status == 0 && text[0] != '\0';
         rest = fs_tried_next(rest, text)) {
        status = add_set(copy, text, err);
    }
    if (status == 0 && validation > 0) {
        fs_number_text(validation, number);
        snprintf(text, sizeof text, "split.validation=%s", number);
        status = add_set(copy, text, err);
    }
    if (status != 0 || compose(copy, err) != 0) {
        fs_job_destroy(copy);
        return -1;
    }
    *varied = copy;
    return 0;
}

void fs_job_destroy(struct fs_job *job)
{
    if (job == NULL) {
        return;
    }
    for (size_t i = 0; i < FS_MOST_JOB_KEYS; i++) {
        fs_setting_release(&job->value[i]);
    }
    for (size_t i = 0; i < job->sets; i++) {
        free(job->set[i]);
    }
    free(job->set);
    free(job->method);
    free(job->path);
    free(job->source);
    free(job);
}

const struct fs_job_settings *fs_job_settings(const struct fs_job *job)
{
    return &job->settings;
}

const struct fs_setting_value *fs_job_value(const struct fs_job *job, const struct fs_setting *setting)
{
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        if (key[i].setting == setting) {
            return &job->value[i];
        }
    }
    return NULL;
}

void fs_job_fill(const struct fs_job *job, const struct fs_settings *table, size_t variant, void *out)
{
    for (size_t i = 0; i < table->count; i++) {
        fs_setting_fill(&table->row[i], fs_job_value(job, &table->row[i]), variant, out);
    }
}

const char *fs_job_text(const struct fs_job *job, const char *name)
{
    const struct fs_job_key *key = fs_job_key(name);
    return key != NULL ? fs_job_value(job, key->setting)->text : NULL;
}

const char *fs_job_data(const struct fs_job *job, const char *suite)
{
    char name[128];
    snprintf(name, sizeof name, "data.%s", suite);
    return fs_job_text(job, name);
}

const struct fs_job_method *fs_job_methods(const struct fs_job *job, size_t *count)
{
    *count = job->methods;
    return job->method;
}

const struct fs_job_method *fs_job_trained(const struct fs_job *job, enum fs_stage stage)
{
    for (size_t i = 0; i < job->methods; i++) {
        if (job->method[i].method == fs_stage_method(stage)) {
            return &job->method[i];
        }
    }
    return NULL;
}

/* Entry number `which` of those of the stage's method; NULL: it has fewer. */
static const char *search_entry(const struct fs_job *job, enum fs_stage stage, size_t which)
{
    const char *const *entry = job->settings.search;
    for (size_t i = 0; entry != NULL && entry[i] != NULL; i++) {
        if (fs_tried_method(entry[i]) == fs_stage_method(stage) && which-- == 0) {
            return entry[i];
        }
    }
    return NULL;
}

size_t fs_job_tries(const struct fs_job *job, enum fs_stage stage)
{
    size_t count = 0;
    while (fs_stage_method(stage) != NULL && search_entry(job, stage, count) != NULL) {
        count++;
    }
    return count > 0 ? count + 1 : 0;
}

const char *fs_job_try(const struct fs_job *job, enum fs_stage stage, size_t which)
{
    return which == 0 ? "" : search_entry(job, stage, which - 1);
}

size_t fs_job_layer(const struct fs_job *job, enum fs_stage stage)
{
    struct fs_training_size size;
    fs_job_training_size(job, stage, NULL, &size);
    return size.layer;
}

int fs_job_check_layer(const struct fs_job *job, const struct fs_spec *spec, struct fs_error *err)
{
    for (int stage = 0; stage < FS_STAGE_COUNT; stage++) {
        const struct fs_job_method *trained = fs_job_trained(job, (enum fs_stage)stage);
        size_t layer = fs_job_layer(job, (enum fs_stage)stage);
        if (trained != NULL && layer != FS_AUTO && layer >= spec->layers) {
            return fs_error_set(err, FS_EXIT_CONFIG,
                                "%s: found %zu, expected a layer from 0 to %zu; name one of this model",
                                trained->method->trainer->layer_key, layer, spec->layers - 1);
        }
    }
    return 0;
}

const char *fs_job_source(const struct fs_job *job)
{
    return job->source;
}
