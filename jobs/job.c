#include "jobs/job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file_map.h"
#include "io/formats/json.h"
#include "io/values.h"
#include "stages/suites/suite_registry.h"

const char *const fs_stage_names[FS_STAGE_COUNT] = {"trace", "stamp", "evaluate", "layers"};

struct value {
    char *text;
    char **list;
    double number;
};

struct fs_job {
    char *source;
    struct value value[FS_KEY_COUNT];
};

/* Where a value came from: for error texts, and for relative paths. */
struct origin {
    const char *name;   /* "job.json" or "--set" */
    const char *folder; /* relative paths count from here; NULL: the working directory */
};

static int wrong(const struct origin *origin, const struct fs_job_key *key, const char *found, const char *expected,
                 struct fs_error *err)
{
    return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: found %s, expected %s", origin->name, key->name, found, expected);
}

/* A copy of `text` with every ${NAME} replaced; the caller frees. */
static char *expand(const struct origin *origin, const char *key, const char *text, struct fs_error *err)
{
    char *out = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);
    if (stream == NULL) {
        fs_error_memory(err, strlen(text), "a value of the job");
        return NULL;
    }
    const char *problem = NULL;
    while (*text != '\0' && problem == NULL) {
        if (text[0] != '$' || text[1] != '{') {
            fputc(*text++, stream);
            continue;
        }
        const char *name = text + 2, *end = strchr(name, '}');
        if (end == NULL || end == name) {
            problem = "\"${\" without a name and \"}\"";
            break;
        }
        char *variable = strndup(name, (size_t)(end - name));
        const char *replacement = variable != NULL ? getenv(variable) : NULL;
        if (replacement != NULL) {
            fputs(replacement, stream);
        } else {
            fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: the environment has no variable %s; export it", origin->name,
                         key, variable != NULL ? variable : "");
            problem = "";
        }
        free(variable);
        text = end + 1;
    }
    if (fclose(stream) != 0 && problem == NULL) {
        fs_error_memory(err, strlen(text), "a value of the job");
        problem = "";
    }
    if (problem != NULL) {
        if (*problem != '\0') {
            fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: found %s", origin->name, key, problem);
        }
        free(out);
        return NULL;
    }
    return out;
}

static void release_value(struct value *value)
{
    free(value->text);
    free(value->list);
    *value = (struct value){.number = NAN};
}

static int assign_number(struct fs_job *job, const struct origin *origin, enum fs_key id, double number,
                         struct fs_error *err)
{
    const struct fs_job_key *key = &fs_job_keys[id];
    char text[FS_NUMBER_SIZE];
    fs_number_text(number, text);
    bool whole = key->kind != FS_KEY_NUMBER;
    if (!(number >= key->minimum && number <= key->maximum) || (whole && number != floor(number))) {
        char expected[128], low[FS_NUMBER_SIZE], high[FS_NUMBER_SIZE];
        fs_number_text(key->minimum, low);
        fs_number_text(key->maximum, high);
        snprintf(expected, sizeof expected, "a %s from %s to %s%s", whole ? "whole number" : "number", low, high,
                 key->kind == FS_KEY_LAYER ? ", or \"auto\"" : "");
        return wrong(origin, key, text, expected, err);
    }
    release_value(&job->value[id]);
    job->value[id].number = number;
    job->value[id].text = strdup(text);
    return job->value[id].text != NULL ? 0 : fs_error_memory(err, sizeof text, "a value of the job");
}

static char *absolute(const struct origin *origin, char *path, struct fs_error *err)
{
    if (path[0] == '/') {
        return path;
    }
    char *joined = NULL, *working = NULL;
    const char *folder = origin->folder;
    if (folder == NULL || folder[0] != '/') {
        working = getcwd(NULL, 0);
    }
    int length = -1;
    if (folder != NULL && folder[0] == '/') {
        length = asprintf(&joined, "%s/%s", folder, path);
    } else if (working != NULL) {
        length = folder == NULL || folder[0] == '\0' ? asprintf(&joined, "%s/%s", working, path)
                                                     : asprintf(&joined, "%s/%s/%s", working, folder, path);
    }
    free(working);
    free(path);
    if (length < 0) {
        fs_error_set(err, FS_EXIT_OS, "%s: the path of the working directory cannot be had", origin->name);
        return NULL;
    }
    return joined;
}

/* `raw` for a path, choice, list ("a,b") or layer; a number's text where it comes from --set. */
static int assign_text(struct fs_job *job, const struct origin *origin, enum fs_key id, const char *raw,
                       struct fs_error *err)
{
    const struct fs_job_key *key = &fs_job_keys[id];
    char *text = expand(origin, key->name, raw, err);
    if (text == NULL) {
        return -1;
    }
    char quoted[128];
    snprintf(quoted, sizeof quoted, "\"%.100s\"", text);
    bool numeric = key->kind == FS_KEY_INTEGER || key->kind == FS_KEY_NUMBER ||
                   (key->kind == FS_KEY_LAYER && strcmp(text, "auto") != 0);
    if (numeric) {
        char *end;
        double number = strtod(text, &end);
        bool good = end != text && *end == '\0' && strspn(text, "+-0123456789.eE") == strlen(text);
        free(text);
        if (!good) {
            return wrong(origin, key, quoted, key->kind == FS_KEY_LAYER ? "a number or \"auto\"" : "a number", err);
        }
        return assign_number(job, origin, id, number, err);
    }
    if (text[0] == '\0') {
        free(text);
        return wrong(origin, key, "an empty text", "a value", err);
    }
    if (key->choices != NULL && !fs_is_choice(key->choices, text)) {
        free(text);
        return wrong(origin, key, quoted, key->choices, err);
    }
    if (key->kind == FS_KEY_PATH) {
        text = absolute(origin, text, err);
        if (text == NULL) {
            return -1;
        }
    }
    release_value(&job->value[id]);
    job->value[id].text = text;
    if (key->kind == FS_KEY_LIST && fs_split_list(key->name, text, &job->value[id].list, err) != 0) {
        err->code = FS_EXIT_CONFIG;
        return fs_error_prepend(err, "%s", origin->name);
    }
    return 0;
}

static int assign_list(struct fs_job *job, const struct origin *origin, enum fs_key id, const cJSON *array,
                       struct fs_error *err)
{
    char *joined = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&joined, &size);
    if (stream == NULL) {
        return fs_error_memory(err, 1, "a value of the job");
    }
    const cJSON *entry;
    const char *problem = cJSON_IsArray(array) && array->child != NULL ? NULL : fs_json_kind(array);
    cJSON_ArrayForEach(entry, array)
    {
        if (!cJSON_IsString(entry) || strchr(entry->valuestring, ',') != NULL) {
            problem = fs_json_kind(entry);
            break;
        }
        fprintf(stream, "%s%s", entry == array->child ? "" : ",", entry->valuestring);
    }
    int status = fclose(stream) != 0 ? fs_error_memory(err, size, "a value of the job") : 0;
    if (status == 0 && problem != NULL) {
        status = wrong(origin, &fs_job_keys[id], problem, "a list of names, not empty", err);
    }
    if (status == 0) {
        status = assign_text(job, origin, id, joined, err);
    }
    free(joined);
    return status;
}

static int assign_json(struct fs_job *job, const struct origin *origin, enum fs_key id, const cJSON *item,
                       struct fs_error *err)
{
    const struct fs_job_key *key = &fs_job_keys[id];
    bool takes_number = key->kind == FS_KEY_INTEGER || key->kind == FS_KEY_NUMBER || key->kind == FS_KEY_LAYER;
    bool takes_text = key->kind == FS_KEY_PATH || key->kind == FS_KEY_CHOICE || key->kind == FS_KEY_LAYER;
    if (key->kind == FS_KEY_LIST) {
        return assign_list(job, origin, id, item, err);
    }
    if (takes_number && cJSON_IsNumber(item)) {
        return assign_number(job, origin, id, item->valuedouble, err);
    }
    if (takes_text && cJSON_IsString(item)) {
        return assign_text(job, origin, id, item->valuestring, err);
    }
    if (key->kind == FS_KEY_FLAG) {
        return cJSON_IsBool(item) ? assign_text(job, origin, id, cJSON_IsTrue(item) ? "true" : "false", err)
                                  : wrong(origin, key, fs_json_kind(item), "true or false", err);
    }
    return wrong(origin, key, fs_json_kind(item),
                 takes_number ? (takes_text ? "a number or \"auto\"" : "a number") : "a text", err);
}

static int find_key(const char *name, enum fs_key *id)
{
    for (size_t i = 0; i < FS_KEY_COUNT; i++) {
        if (strcmp(fs_job_keys[i].name, name) == 0) {
            *id = (enum fs_key)i;
            return 0;
        }
    }
    return -1;
}

/* Keys of earlier versions. */
static const struct {
    const char *old, *now;
} renamed_keys[] = {{"variant.stereoset", "scoring.stereoset"},
                    {"variant.crows_pairs", "scoring.crows_pairs"},
                    {"variant.biaske", "scoring.biaske"},
                    {"stamp.level", "stamp.level_weight"},
                    {"stamp.balance", "stamp.balance_weight"},
                    {"stamp.kept_rows", "stamp.kl_rows"},
                    {"stamp.keep_without_fill", "stamp.kl_without_completion"}};

static int unknown_key(const struct origin *origin, const char *name, struct fs_error *err)
{
    const char *known[FS_KEY_COUNT + 1] = {NULL};
    for (size_t i = 0; i < sizeof renamed_keys / sizeof renamed_keys[0]; i++) {
        if (strcmp(renamed_keys[i].old, name) == 0) {
            return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: this key is now called \"%s\"; write that", origin->name,
                                name, renamed_keys[i].now);
        }
    }
    for (size_t i = 0; i < FS_KEY_COUNT; i++) {
        known[i] = fs_job_keys[i].name;
    }
    return fs_error_set(err, FS_EXIT_CONFIG, "%s: %.200s: unknown key; did you mean \"%s\"? See fairstamp run --help",
                        origin->name, name, fs_nearest_name(name, known));
}

static bool is_group(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < FS_KEY_COUNT; i++) {
        if (strncmp(fs_job_keys[i].name, name, length) == 0 && fs_job_keys[i].name[length] == '.') {
            return true;
        }
    }
    return false;
}

/* The keys of `object`, which stands under `prefix` ("" or "stamp."). */
static int assign_object(struct fs_job *job, const struct origin *origin, const char *prefix, const cJSON *object,
                         struct fs_error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        char name[256];
        enum fs_key id = FS_KEY_MODEL;
        snprintf(name, sizeof name, "%s%.200s", prefix, item->string);
        if (find_key(name, &id) == 0) {
            if (assign_json(job, origin, id, item, err) != 0) {
                return -1;
            }
        } else if (prefix[0] == '\0' && is_group(name)) {
            if (!cJSON_IsObject(item)) {
                return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s: found %s, expected an object", origin->name, name,
                                    fs_json_kind(item));
            }
            char group[256];
            snprintf(group, sizeof group, "%.250s.", name);
            if (assign_object(job, origin, group, item, err) != 0) {
                return -1;
            }
        } else {
            return unknown_key(origin, name, err);
        }
    }
    return 0;
}

static int assign_setting(struct fs_job *job, const char *setting, struct fs_error *err)
{
    struct origin origin = {.name = "--set"};
    const char *equals = strchr(setting, '=');
    if (equals == NULL) {
        return fs_error_set(err, FS_EXIT_CONFIG, "--set: found \"%s\", expected KEY=VALUE", setting);
    }
    char name[256];
    enum fs_key id = FS_KEY_MODEL;
    snprintf(name, sizeof name, "%.*s", (int)(equals - setting < 200 ? equals - setting : 200), setting);
    if (find_key(name, &id) != 0) {
        return unknown_key(&origin, name, err);
    }
    if (fs_job_keys[id].kind != FS_KEY_LIST || equals[1] != '[') {
        return assign_text(job, &origin, id, equals + 1, err);
    }
    struct fs_json_document *list; /* ["a", "b"] as in the file; a,b says the same */
    if (fs_json_parse("--set", equals + 1, strlen(equals + 1), &list, err) != 0) {
        err->code = FS_EXIT_CONFIG;
        return -1;
    }
    int status = assign_list(job, &origin, id, fs_json_root(list), err);
    fs_json_destroy(list);
    return status;
}

static int read_file(struct fs_job *job, const char *path, struct fs_error *err)
{
    struct fs_file_map map;
    if (fs_file_map_open(path, &map, err) != 0) {
        return -1;
    }
    struct fs_json_document *document;
    int status = fs_json_parse(path, (const char *)map.data, map.size, &document, err);
    if (status == 0) {
        job->source = strndup((const char *)map.data, map.size);
    }
    fs_file_map_close(&map);
    if (status != 0) {
        if (err->code == FS_EXIT_DATA) {
            err->code = FS_EXIT_CONFIG;
        }
        return -1;
    }
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup("");
    const cJSON *root = fs_json_root(document);
    struct origin origin = {.name = path, .folder = folder};
    if (folder == NULL || job->source == NULL) {
        status = fs_error_memory(err, strlen(path), "the job");
    } else if (!cJSON_IsObject(root)) {
        status = fs_error_set(err, FS_EXIT_CONFIG, "%s: found %s, expected an object; see jobs/README.md", path,
                              fs_json_kind(root));
    } else {
        status = assign_object(job, &origin, "", root, err);
    }
    free(folder);
    fs_json_destroy(document);
    return status;
}

/* "data.stereoset, data.biaske" of the suites whose pairs can be edited; `given`: of those whose data the job names. */
static size_t list_pairs(const struct fs_job *job, bool given, char *list, size_t size)
{
    size_t count = 0, used = 0;
    list[0] = '\0';
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        if (suite->read_pairs != NULL && (!given || fs_job_text_of(job, "data", suite->key) != NULL) && used < size) {
            used += (size_t)snprintf(list + used, size - used, "%sdata.%s", count > 0 ? ", " : "", suite->key);
            count++;
        }
    }
    return count;
}

/* That the job says whose pairs are edited. */
static int check_pairs(const struct fs_job *job, const char *path, struct fs_error *err)
{
    char list[256];
    const char *edited = fs_job_text(job, FS_KEY_EDIT_PAIRS);
    size_t given = list_pairs(job, true, list, sizeof list);
    if (given == 0) {
        list_pairs(job, false, list, sizeof list);
        return fs_error_set(err, FS_EXIT_CONFIG, "%s: found none of %s, expected at least one of them: it gives the pairs to edit",
                            path, list);
    }
    if (edited == NULL && given > 1) {
        return fs_error_set(err, FS_EXIT_CONFIG, "%s: found %s; edit.pairs must say whose pairs are edited", path, list);
    }
    if (edited != NULL && fs_job_text_of(job, "data", edited) == NULL) {
        return fs_error_set(err, FS_EXIT_CONFIG, "%s: edit.pairs is \"%s\", and data.%s is missing", path, edited,
                            edited);
    }
    return 0;
}

static int check(const struct fs_job *job, const char *path, struct fs_error *err)
{
    for (size_t i = 0; i < FS_KEY_COUNT; i++) {
        if (fs_job_keys[i].required && job->value[i].text == NULL) {
            return fs_error_set(err, FS_EXIT_CONFIG, "%s: %s is missing: %s", path, fs_job_keys[i].name,
                                fs_job_keys[i].help);
        }
    }
    return check_pairs(job, path, err);
}

int fs_job_load(const char *path, const char *const *set, size_t sets, struct fs_job **result, struct fs_error *err)
{
    struct fs_job *job = fs_allocate(1, sizeof *job, "a job", err);
    if (job == NULL) {
        return -1;
    }
    struct origin defaults = {.name = "default"};
    int status = 0;
    for (size_t i = 0; status == 0 && i < FS_KEY_COUNT; i++) {
        job->value[i].number = NAN;
        if (fs_job_keys[i].initial != NULL) {
            status = assign_text(job, &defaults, (enum fs_key)i, fs_job_keys[i].initial, err);
        }
    }
    if (status == 0) {
        status = read_file(job, path, err);
    }
    for (size_t i = 0; status == 0 && i < sets; i++) {
        status = assign_setting(job, set[i], err);
    }
    if (status == 0) {
        status = check(job, path, err);
    }
    if (status != 0) {
        fs_job_destroy(job);
        return -1;
    }
    *result = job;
    return 0;
}

void fs_job_destroy(struct fs_job *job)
{
    if (job == NULL) {
        return;
    }
    for (size_t i = 0; i < FS_KEY_COUNT; i++) {
        release_value(&job->value[i]);
    }
    free(job->source);
    free(job);
}

const char *fs_job_text(const struct fs_job *job, enum fs_key key)
{
    return job->value[key].text;
}

const char *fs_job_text_of(const struct fs_job *job, const char *group, const char *name)
{
    char key[128];
    enum fs_key id = FS_KEY_MODEL;
    snprintf(key, sizeof key, "%s.%s", group, name);
    return find_key(key, &id) == 0 ? fs_job_text(job, id) : NULL;
}

const char *const *fs_job_list(const struct fs_job *job, enum fs_key key)
{
    return (const char *const *)job->value[key].list;
}

double fs_job_number(const struct fs_job *job, enum fs_key key)
{
    return job->value[key].number;
}

bool fs_job_flag(const struct fs_job *job, enum fs_key key)
{
    return fs_job_chose(job, key, "true");
}

bool fs_job_chose(const struct fs_job *job, enum fs_key key, const char *choice)
{
    const char *text = fs_job_text(job, key);
    return text != NULL && strcmp(text, choice) == 0;
}

const char *fs_job_source(const struct fs_job *job)
{
    return job->source;
}
