/* Expands a sweep file into cells. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "io/formats/json.h"
#include "io/values.h"
#include "jobs/job_keys.h"
#include "jobs/sweep.h"
#include "jobs/sweep_models.h"
#include "jobs/sweep_write.h"

#define MOST_CELLS 100000

struct plan {
    const char *path; /* of the sweep file */
    char *base;       /* its folder, absolute */
    struct fs_json_document *document;
    const cJSON *job, *exclude;
    struct fs_sweep_models models;
    bool *used; /* [rules of exclude]: it has left out a cell */
    cJSON *manifest_cells;
    cJSON *jobs;    /* id -> text of the job file */
    cJSON *tracers; /* hash of all that a trace depends on -> id of the first cell that makes it */
};

/* One choice of each: a setting is a key of a job file and its value. */
struct cell {
    struct fs_sweep_model model;
    const cJSON *categories; /* text, list, or NULL: all */
    const char *key[FS_MOST_JOB_KEYS];
    const cJSON *value[FS_MOST_JOB_KEYS];
    size_t settings;
};

/* Puts `value`, which it takes, at the dotted `key` of `job`. */
static int put(cJSON *job, const char *key, cJSON *value, struct fs_error *err)
{
    char part[64];
    const char *dot = strchr(key, '.');
    if (value == NULL) {
        return fs_error_memory(err, 64, "a job");
    }
    if (dot == NULL) {
        cJSON_DeleteItemFromObjectCaseSensitive(job, key);
        cJSON_AddItemToObject(job, key, value);
        return 0;
    }
    snprintf(part, sizeof part, "%.*s", (int)(dot - key), key);
    cJSON *inner = cJSON_GetObjectItemCaseSensitive(job, part);
    inner = cJSON_IsObject(inner) ? inner : cJSON_AddObjectToObject(job, part);
    return put(inner, dot + 1, value, err);
}

static const cJSON *find(const cJSON *job, const char *key)
{
    const char *dot = strchr(key, '.');
    char part[64];
    if (dot == NULL) {
        return cJSON_GetObjectItemCaseSensitive(job, key);
    }
    snprintf(part, sizeof part, "%.*s", (int)(dot - key), key);
    return find(cJSON_GetObjectItemCaseSensitive(job, part), dot + 1);
}

static cJSON *absolute(const struct plan *plan, const char *path)
{
    char *text = fs_sweep_absolute(plan->base, path);
    cJSON *string = text != NULL ? cJSON_CreateString(text) : NULL;
    free(text);
    return string;
}

/* A list whose entries may have paths, as the job would keep it. */
static int resolve_entries(const struct plan *plan, cJSON *job, const struct fs_setting *setting, struct fs_error *err)
{
    const cJSON *given = find(job, setting->key);
    const struct fs_setting_origin origin = {.name = setting->key, .folder = plan->base};
    struct fs_setting_value value = {.number = NAN};
    if (given == NULL) {
        return 0;
    }
    int status = fs_setting_read_json(setting, &origin, given, &value, err);
    cJSON *list = status == 0 && !setting->single ? cJSON_CreateArray() : NULL;
    for (size_t i = 0; list != NULL && value.list[i] != NULL; i++) {
        cJSON_AddItemToArray(list, cJSON_CreateString(value.list[i]));
    }
    if (status == 0) {
        status = put(job, setting->key, list != NULL ? list : cJSON_CreateString(value.text), err);
    }
    fs_setting_release(&value);
    return status;
}

static int resolve_paths(const struct plan *plan, cJSON *job, struct fs_error *err)
{
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        const struct fs_setting *setting = key[i].setting;
        if (setting->entry != NULL && resolve_entries(plan, job, setting, err) != 0) {
            return -1;
        }
        const cJSON *value = setting->kind == FS_SETTING_PATH ? find(job, setting->key) : NULL;
        if (cJSON_IsString(value) && put(job, setting->key, absolute(plan, value->valuestring), err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Appends `text` to an id; what an id must not contain becomes "-". */
static void append(char *id, size_t size, const char *text)
{
    size_t used = strlen(id);
    for (; *text != '\0' && used + 1 < size; text++) {
        id[used] = *text;
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._=+-", *text) == NULL) {
            id[used] = '-';
        }
        used++;
    }
    id[used] = '\0';
}

static void append_value(char *id, size_t size, const cJSON *value)
{
    char number[FS_NUMBER_SIZE];
    const cJSON *item;
    if (cJSON_IsArray(value)) {
        cJSON_ArrayForEach(item, value)
        {
            if (item != value->child) {
                append(id, size, "+");
            }
            append_value(id, size, item);
        }
    } else if (cJSON_IsNumber(value)) {
        fs_number_text(value->valuedouble, number);
        append(id, size, number);
    } else {
        append(id, size, cJSON_IsString(value) ? value->valuestring : cJSON_IsTrue(value) ? "true" : "false");
    }
}

/* "<model>.<categories>.<key>=<value>...": readable, and the same for the same cell. */
static void make_id(const struct cell *cell, char *id, size_t size)
{
    id[0] = '\0';
    append(id, size, cell->model.name);
    append(id, size, ".");
    if (cell->categories != NULL) {
        append_value(id, size, cell->categories);
    } else {
        append(id, size, "all");
    }
    for (size_t i = 0; i < cell->settings; i++) {
        append(id, size, ".");
        append(id, size, cell->key[i]);
        append(id, size, "=");
        append_value(id, size, cell->value[i]);
    }
}

/* Whether an exclude's value is the cell's: models by name, categories as one text "a+b", settings by value. */
static bool is_value(const struct cell *cell, const cJSON *wanted)
{
    char one[512] = "", other[512] = "";
    append_value(other, sizeof other, wanted);
    if (strcmp(wanted->string, "model") == 0) {
        append(one, sizeof one, cell->model.name);
    } else if (strcmp(wanted->string, "categories") == 0) {
        if (cell->categories != NULL) {
            append_value(one, sizeof one, cell->categories);
        } else {
            append(one, sizeof one, "all");
        }
    } else {
        for (size_t i = 0; i < cell->settings; i++) {
            if (strcmp(cell->key[i], wanted->string) == 0) {
                append_value(one, sizeof one, cell->value[i]);
            }
        }
    }
    return strcmp(one, other) == 0;
}

static bool is_excluded(struct plan *plan, const struct cell *cell)
{
    const cJSON *rule, *wanted;
    size_t place = 0;
    cJSON_ArrayForEach(rule, plan->exclude)
    {
        place++;
        bool all = cJSON_GetArraySize(rule) > 0;
        cJSON_ArrayForEach(wanted, rule)
        {
            all = all && is_value(cell, wanted);
        }
        if (all) {
            plan->used[place - 1] = true;
            return true;
        }
    }
    return false;
}

static cJSON *make_job(const struct plan *plan, const struct cell *cell, const char *id, struct fs_error *err)
{
    char output[FS_CELL_LENGTH + 16];
    cJSON *job = plan->job != NULL ? cJSON_Duplicate(plan->job, true) : cJSON_CreateObject();
    snprintf(output, sizeof output, "../cells/%s", id);
    int status = job != NULL ? put(job, "model", cJSON_CreateString(cell->model.path), err)
                             : fs_error_memory(err, 4096, "a job");
    if (status == 0 && cell->model.named) {
        status = put(job, "model_name", cJSON_CreateString(cell->model.name), err);
    }
    if (status == 0 && cell->categories != NULL) {
        cJSON *list = cJSON_IsArray(cell->categories) ? cJSON_Duplicate(cell->categories, true) : cJSON_CreateArray();
        if (cJSON_IsString(cell->categories)) {
            cJSON_AddItemToArray(list, cJSON_CreateString(cell->categories->valuestring));
        }
        status = put(job, "categories", list, err);
    }
    for (size_t i = 0; status == 0 && i < cell->settings; i++) {
        status = put(job, cell->key[i], cJSON_Duplicate(cell->value[i], true), err);
    }
    status = status == 0 ? resolve_paths(plan, job, err) : -1;
    status = status == 0 ? put(job, "output", cJSON_CreateString(output), err) : -1;
    if (status != 0) {
        cJSON_Delete(job);
        return NULL;
    }
    return job;
}

/* Hashes what the trace of a job depends on, as the job file says it. */
static int hash_trace(const cJSON *job, char hex[FS_DIGEST_SIZE], struct fs_error *err)
{
    struct fs_digest *digest;
    if (fs_digest_begin(&digest, err) != 0) {
        return -1;
    }
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    for (size_t i = 0; i < count; i++) {
        const cJSON *value = (key[i].stages & 1u << FS_STAGE_TRACE) != 0 ? find(job, key[i].setting->key) : NULL;
        char *text = value != NULL ? cJSON_PrintUnformatted(value) : NULL;
        fs_digest_add_text(digest, text != NULL ? text : "");
        cJSON_free(text);
    }
    fs_digest_end(digest, hex);
    return 0;
}

/* Cells that differ only in what follows the trace share it: the first one makes it, `*from`, and the job of the others
 * names that one's folder. */
static int share_trace(struct plan *plan, cJSON *job, const char *id, const char **from, struct fs_error *err)
{
    char hex[FS_DIGEST_SIZE], folder[FS_CELL_LENGTH + 16];
    *from = NULL;
    if (find(job, fs_reuse_settings.row[0].key) != NULL) {
        return 0; /* the sweep file has chosen */
    }
    if (hash_trace(job, hex, err) != 0) {
        return -1;
    }
    const cJSON *first = cJSON_GetObjectItemCaseSensitive(plan->tracers, hex);
    if (first == NULL) {
        cJSON_AddStringToObject(plan->tracers, hex, id);
        return 0;
    }
    *from = first->valuestring;
    snprintf(folder, sizeof folder, "../cells/%s", *from);
    return put(job, fs_reuse_settings.row[0].key, cJSON_CreateString(folder), err);
}

static int add_cell(struct plan *plan, const struct cell *cell, struct fs_error *err)
{
    char id[1024], sha256[FS_DIGEST_SIZE], file[1100];
    make_id(cell, id, sizeof id);
    if (strlen(id) > FS_CELL_LENGTH) {
        return fs_error_set(
            err, FS_EXIT_CONFIG,
            "%s: the id of a cell would have %zu bytes, expected at most %d; give models shorter names: %.80s...",
            plan->path, strlen(id), FS_CELL_LENGTH, id);
    }
    if (cJSON_GetObjectItemCaseSensitive(plan->jobs, id) != NULL) {
        return fs_error_set(
            err, FS_EXIT_CONFIG,
            "%s: two cells have the id %s, which keeps A-Z a-z 0-9 . _ = + - of names and values; give one of the "
            "models a \"name\" that differs in these, or leave one cell out",
            plan->path, id);
    }
    if (cJSON_GetArraySize(plan->manifest_cells) >= MOST_CELLS) {
        return fs_error_set(err, FS_EXIT_CONFIG, "%s: found more than %d cells", plan->path, MOST_CELLS);
    }
    const char *from;
    cJSON *job = make_job(plan, cell, id, err);
    if (job == NULL || share_trace(plan, job, id, &from, err) != 0) {
        cJSON_Delete(job);
        return -1;
    }
    char *text = cJSON_Print(job);
    cJSON_Delete(job);
    if (text == NULL) {
        return fs_error_memory(err, 4096, "a job");
    }
    fs_digest_bytes(text, strlen(text), sha256);
    snprintf(file, sizeof file, "jobs/%s.json", id);
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "id", id);
    cJSON_AddStringToObject(entry, "model", cell->model.name);
    cJSON_AddItemToObject(entry, "categories",
                          cell->categories != NULL ? cJSON_Duplicate(cell->categories, true)
                                                   : cJSON_CreateString("all"));
    cJSON *settings = cJSON_AddObjectToObject(entry, "settings");
    for (size_t i = 0; i < cell->settings; i++) {
        cJSON_AddItemToObject(settings, cell->key[i], cJSON_Duplicate(cell->value[i], true));
    }
    cJSON_AddStringToObject(entry, "job", file);
    cJSON_AddStringToObject(entry, "sha256", sha256);
    if (from != NULL) {
        cJSON_AddStringToObject(entry, "trace_of", from);
    }
    cJSON_AddItemToArray(plan->manifest_cells, entry);
    cJSON_AddStringToObject(plan->jobs, id, text);
    cJSON_free(text);
    return 0;
}

static int check_setting(const struct plan *plan, const char *where, const char *key, struct fs_error *err)
{
    static const char *const of_cells = "model|model_name|output|categories";
    const char *known[FS_MOST_JOB_KEYS + 1] = {NULL};
    size_t count;
    const struct fs_job_key *all = fs_job_keys(&count);
    if (fs_job_key(key) != NULL && !fs_is_choice(of_cells, key)) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        known[i] = all[i].setting->key;
    }
    return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: \"%s\" is no setting of a job; did you mean \"%s\"?", plan->path,
                        where, key, fs_nearest_name(key, known));
}

/* Every value of the next setting, "key": [values]. */
static int expand_settings(struct plan *plan, struct cell *cell, const cJSON *setting, struct fs_error *err)
{
    if (setting == NULL) {
        return is_excluded(plan, cell) ? 0 : add_cell(plan, cell, err);
    }
    const cJSON *value;
    cell->key[cell->settings] = setting->string;
    cell->settings++;
    int status = 0;
    cJSON_ArrayForEach(value, setting)
    {
        cell->value[cell->settings - 1] = value;
        status = status == 0 ? expand_settings(plan, cell, setting->next, err) : -1;
    }
    cell->settings--;
    return status;
}

static int check_settings(const struct plan *plan, const cJSON *settings, struct fs_error *err)
{
    const cJSON *setting;
    cJSON_ArrayForEach(setting, settings)
    {
        if (check_setting(plan, "settings", setting->string, err) != 0) {
            return -1;
        }
        if (!cJSON_IsArray(setting) || cJSON_GetArraySize(setting) == 0) {
            return fs_error_set(err, FS_EXIT_CONFIG, "%s: settings.%s: found %s, expected a list of values", plan->path,
                                setting->string, cJSON_IsArray(setting) ? "an empty list" : fs_json_kind(setting));
        }
    }
    return 0;
}

static int check_categories(const struct plan *plan, const cJSON *categories, struct fs_error *err)
{
    bool good = cJSON_IsString(categories) || (cJSON_IsArray(categories) && cJSON_GetArraySize(categories) > 0);
    const cJSON *item;
    if (cJSON_IsArray(categories)) {
        cJSON_ArrayForEach(item, categories)
        {
            good = good && cJSON_IsString(item);
        }
    }
    return good ? 0
                : fs_error_set(
                      err, FS_EXIT_CONFIG,
                      "%s: categories: found %s, expected \"gender\", a list such as [\"gender\", \"race\"] for "
                      "one job over both, or \"all\"",
                      plan->path, fs_json_kind(categories));
}

static const cJSON *unless_all(const cJSON *categories)
{
    return cJSON_IsString(categories) && strcmp(categories->valuestring, "all") == 0 ? NULL : categories;
}

/* models x categories x settings */
static int expand_product(struct plan *plan, const cJSON *root, struct fs_error *err)
{
    const cJSON *models = cJSON_GetObjectItemCaseSensitive(root, "models");
    const cJSON *categories = cJSON_GetObjectItemCaseSensitive(root, "categories");
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(root, "settings"), *model, *category;
    static const cJSON all = {.type = cJSON_NULL};
    if (check_settings(plan, settings, err) != 0) {
        return -1;
    }
    cJSON_ArrayForEach(model, models)
    {
        struct cell cell = {0};
        if (fs_sweep_models_find(&plan->models, model, &cell.model, err) != 0) {
            return -1;
        }
        for (category = categories != NULL ? categories->child : &all; category != NULL; category = category->next) {
            if (category != &all && check_categories(plan, category, err) != 0) {
                return -1;
            }
            cell.categories = category != &all ? unless_all(category) : NULL;
            if (expand_settings(plan, &cell, settings != NULL ? settings->child : NULL, err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

/* Cells one by one: {"model", "categories", "settings": {"key": value}} */
static int expand_include(struct plan *plan, const cJSON *include, struct fs_error *err)
{
    static const char *const known[] = {"model", "categories", "settings", NULL};
    const cJSON *entry, *setting;
    cJSON_ArrayForEach(entry, include)
    {
        struct cell cell = {0};
        const cJSON *categories = cJSON_GetObjectItemCaseSensitive(entry, "categories");
        if (!cJSON_IsObject(entry) || fs_json_refuse_unknown(plan->document, entry, "include", known, err) != 0) {
            return cJSON_IsObject(entry)
                       ? (err->code = FS_EXIT_CONFIG, -1)
                       : fs_error_set(err, FS_EXIT_CONFIG, "%s: include: found %s, expected an object", plan->path,
                                      fs_json_kind(entry));
        }
        if (fs_sweep_models_find(&plan->models, cJSON_GetObjectItemCaseSensitive(entry, "model"), &cell.model, err) !=
                0 ||
            (categories != NULL && check_categories(plan, categories, err) != 0)) {
            return -1;
        }
        cell.categories = categories != NULL ? unless_all(categories) : NULL;
        cJSON_ArrayForEach(setting, cJSON_GetObjectItemCaseSensitive(entry, "settings"))
        {
            if (check_setting(plan, "include", setting->string, err) != 0) {
                return -1;
            }
            if (cell.settings == FS_MOST_JOB_KEYS) {
                break; /* a key twice, which the reader of JSON refuses */
            }
            cell.key[cell.settings] = setting->string;
            cell.value[cell.settings++] = setting;
        }
        if (add_cell(plan, &cell, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int check_exclude(const struct plan *plan, struct fs_error *err)
{
    const cJSON *rule, *wanted;
    cJSON_ArrayForEach(rule, plan->exclude)
    {
        if (!cJSON_IsObject(rule)) {
            return fs_error_set(err, FS_EXIT_CONFIG,
                                "%s: exclude: found %s, expected an object such as {\"model\": ...}", plan->path,
                                fs_json_kind(rule));
        }
        cJSON_ArrayForEach(wanted, rule)
        {
            if (strcmp(wanted->string, "model") != 0 && strcmp(wanted->string, "categories") != 0 &&
                check_setting(plan, "exclude", wanted->string, err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int expand(struct plan *plan, struct fs_error *err)
{
    static const char *const known[] = {"job", "models", "categories", "settings", "include", "exclude", NULL};
    enum { MODELS, CATEGORIES };
    static const char *const lists[] = {[MODELS] = "models", [CATEGORIES] = "categories", "include", "exclude"};
    const cJSON *root = fs_json_root(plan->document);
    bool includes = cJSON_GetObjectItemCaseSensitive(root, "include") != NULL;
    if (!cJSON_IsObject(root)) {
        return fs_error_set(err, FS_EXIT_CONFIG, "%s: found %s, expected an object", plan->path, fs_json_kind(root));
    }
    if (cJSON_HasObjectItem(root, "model") && !cJSON_HasObjectItem(root, "job")) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s: is a job file, expected a sweep file; fairstamp run %s, or see jobs/README.md",
                            plan->path, plan->path);
    }
    if (fs_json_refuse_unknown(plan->document, root, "", known, err) != 0) {
        err->code = FS_EXIT_CONFIG;
        return -1;
    }
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, lists[i]);
        if (list != NULL && !cJSON_IsArray(list)) {
            return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: found %s, expected a list", plan->path, lists[i],
                                fs_json_kind(list));
        }
        if (list != NULL && list->child == NULL && (i == CATEGORIES || (i == MODELS && !includes))) {
            return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: found an empty list, expected %s", plan->path, lists[i],
                                i == MODELS ? "at least one model" : "at least one category, or no such list: all");
        }
    }
    plan->job = cJSON_GetObjectItemCaseSensitive(root, "job");
    plan->exclude = cJSON_GetObjectItemCaseSensitive(root, "exclude");
    if (!cJSON_IsObject(plan->job)) {
        return fs_error_set(err, FS_EXIT_CONFIG,
                            "%s: job: found %s, expected what all cells' jobs have in common, as in a job file",
                            plan->path, fs_json_kind(plan->job));
    }
    plan->used = fs_allocate((size_t)cJSON_GetArraySize(plan->exclude) + 1, sizeof *plan->used, "rules", err);
    if (plan->used == NULL || fs_sweep_models_read(plan->document, plan->base, &plan->models, err) != 0 ||
        check_exclude(plan, err) != 0 || expand_product(plan, root, err) != 0 ||
        expand_include(plan, cJSON_GetObjectItemCaseSensitive(root, "include"), err) != 0) {
        return -1;
    }
    const cJSON *rule;
    size_t place = 0;
    cJSON_ArrayForEach(rule, plan->exclude)
    {
        if (!plan->used[place++]) {
            char *text = cJSON_PrintUnformatted(rule);
            fs_warn("%s: exclude: %s leaves out no cell; is a name in it misspelt?", plan->path,
                    text != NULL ? text : "a rule");
            cJSON_free(text);
        }
    }
    return cJSON_GetArraySize(plan->manifest_cells) > 0
               ? 0
               : fs_error_set(err, FS_EXIT_CONFIG, "%s: found no cell; expected \"models\", or cells in \"include\"",
                              plan->path);
}

int fs_sweep_plan(const char *path, const char *folder, bool check, size_t *cells, struct fs_error *err)
{
    struct plan plan = {.path = path};
    char *resolved = realpath(path, NULL);
    *cells = 0;
    if (resolved == NULL) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: cannot be read: %s; expected a sweep file (JSON)", path,
                            strerror(errno));
    }
    plan.base = resolved;
    *strrchr(resolved, '/') = '\0';
    plan.manifest_cells = cJSON_CreateArray();
    plan.jobs = cJSON_CreateObject();
    plan.tracers = cJSON_CreateObject();
    int status = fs_json_load(path, &plan.document, err);
    if (status != 0 && err->code == FS_EXIT_DATA) {
        err->code = FS_EXIT_CONFIG;
    }
    status = status == 0 ? expand(&plan, err) : -1;
    status = status == 0 ? fs_sweep_write(folder, plan.manifest_cells, plan.jobs, check ? path : NULL, err) : -1;
    *cells = status == 0 ? (size_t)cJSON_GetArraySize(plan.manifest_cells) : 0;
    cJSON_Delete(plan.manifest_cells);
    cJSON_Delete(plan.jobs);
    cJSON_Delete(plan.tracers);
    fs_json_destroy(plan.document);
    fs_sweep_models_release(&plan.models);
    free(plan.used);
    free(plan.base);
    return status;
}
