#include "jobs/fingerprint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/archive/archive.h"
#include "io/folder.h"
#include "io/formats/gguf.h"
#include "io/values.h"
#include "jobs/defaults.h"
#include "jobs/job_keys.h"
#include "jobs/stage_rules.h"
#include "model/folder/folder.h"
#include "model/model.h"

/* Files of a model's folder that make its tokenizer, where they exist. */
static const char *const tokenizer_files[] = {
    "tokenizer.json", "tokenizer_config.json",   "tokenizer.model",   "vocab.txt",    "vocab.json",
    "merges.txt",     "special_tokens_map.json", "added_tokens.json", "spiece.model", "sentencepiece.bpe.model",
    "spm.model"};
#define TOKENIZER_FILES (sizeof tokenizer_files / sizeof tokenizer_files[0])

#define METHODS "methods."
#define OF_METHODS (1u << FS_STAGE_COUNT) /* beside the bits of stages: files of the models of methods */

/* One input file. */
struct hashed {
    char *name;
    char *path;   /* NULL: what the program brings with it; its digest is there from the beginning */
    char *prefix; /* for errors */
    unsigned stages;
    bool nested; /* with the folders in it */
    char digest[FS_DIGEST_SIZE];
};

struct inputs {
    struct hashed *file;
    size_t count, capacity;
    enum fs_model_kind kind;
};

static void release_inputs(struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++) {
        free(inputs->file[i].name);
        free(inputs->file[i].path);
        free(inputs->file[i].prefix);
    }
    free(inputs->file);
}

/* Names of a model's files stand behind "model" or "methods.<name>". */
static bool is_of_model(const char *prefix)
{
    return strcmp(prefix, "model") == 0 || strncmp(prefix, METHODS, strlen(METHODS)) == 0;
}

static int add_file(struct inputs *inputs, const char *prefix, const char *path, unsigned stages, struct fs_error *err)
{
    struct hashed *file = &inputs->file[inputs->count];
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    bool of_model = is_of_model(prefix);
    base =
        of_model && fs_is_gguf_file(path) ? "model.gguf" : base; /* whatever it is called: folders have no name here */
    *file = (struct hashed){.path = strdup(path), .prefix = strdup(prefix), .stages = stages};
    if (asprintf(&file->name, "%s%s%s", prefix, of_model ? "/" : "", of_model ? base : "") < 0) {
        file->name = NULL;
    }
    inputs->count++;
    return file->name != NULL && file->path != NULL && file->prefix != NULL
               ? 0
               : fs_error_memory(err, strlen(path), "a path");
}

/* As a file of the job with the same bytes would be. */
static int add_shipped(struct inputs *inputs, const struct fs_setting *setting, unsigned stages, struct fs_error *err)
{
    struct hashed *file = &inputs->file[inputs->count++];
    *file = (struct hashed){.name = strdup(setting->key), .prefix = strdup(setting->key), .stages = stages};
    fs_digest_bytes(setting->shipped, *setting->shipped_size, file->digest);
    return file->name != NULL && file->prefix != NULL ? 0 : fs_error_memory(err, strlen(setting->key), "a name");
}

static int list_tokenizer(struct inputs *inputs, const char *prefix, const char *folder, unsigned stages,
                          struct fs_error *err)
{
    char *gguf;
    if (fs_model_gguf_file(folder, &gguf, err) != 0 || gguf != NULL) { /* has its tokenizer in it */
        int status = gguf != NULL ? 0 : -1;
        free(gguf);
        return status;
    }
    for (size_t i = 0; i < TOKENIZER_FILES; i++) {
        char *path;
        if (asprintf(&path, "%s/%s", folder, tokenizer_files[i]) < 0) {
            return fs_error_memory(err, strlen(folder), "a path");
        }
        int status = access(path, F_OK) == 0 ? add_file(inputs, prefix, path, stages, err) : 0;
        free(path);
        if (status != 0) {
            return -1;
        }
    }
    return 0;
}

static int reserve(struct inputs *inputs, size_t files, struct fs_error *err)
{
    return fs_grow(&inputs->file, &inputs->capacity, inputs->count + files, sizeof *inputs->file, "hashes of inputs",
                   err);
}

static int list_model(struct inputs *inputs, const char *prefix, const char *folder, unsigned stages,
                      enum fs_model_kind *kind, struct fs_error *err)
{
    struct fs_model *model;
    if (fs_model_open(folder, &model, err) != 0) {
        return -1;
    }
    size_t files;
    const char *const *file = fs_model_files(model, &files);
    *kind = fs_model_spec(model)->kind;
    int status = reserve(inputs, files + TOKENIZER_FILES, err);
    for (size_t i = 0; status == 0 && i < files; i++) {
        status = add_file(inputs, prefix, file[i], stages, err);
    }
    fs_model_destroy(model);
    return status == 0 ? list_tokenizer(inputs, prefix, folder, stages, err) : -1;
}

/* The models that methods take are measured only. */
static int list_methods(const struct fs_job *job, struct inputs *inputs, struct fs_error *err)
{
    size_t methods;
    const struct fs_job_method *method = fs_job_methods(job, &methods);
    for (size_t i = 0; i < methods; i++) {
        char prefix[FS_COLUMN_NAME_SIZE + sizeof METHODS];
        enum fs_model_kind kind;
        snprintf(prefix, sizeof prefix, "%s%s", METHODS, method[i].name);
        if (method[i].path != NULL && list_model(inputs, prefix, method[i].path, OF_METHODS, &kind, err) != 0) {
            return fs_error_prepend(err, "%s", prefix);
        }
    }
    return 0;
}

/* Whether the key names data of a suite that are folders in a folder. */
static bool names_folders(const char *key)
{
    static const char data[] = "data.";
    for (size_t i = 0; i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        if (suite->folders && strncmp(key, data, strlen(data)) == 0 && strcmp(key + strlen(data), suite->key) == 0) {
            return true;
        }
    }
    return false;
}

static int list_inputs(const struct fs_job *job, struct inputs *inputs, struct fs_error *err)
{
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    const char *model = fs_job_settings(job)->model;
    int status = list_model(inputs, "model", model, fs_job_key("model")->stages, &inputs->kind, err);
    if (status == 0) {
        status = list_methods(job, inputs, err) == 0 ? reserve(inputs, count, err) : -1;
    }
    for (size_t i = 0; status == 0 && i < count; i++) {
        const struct fs_setting *setting = key[i].setting;
        const char *path = fs_job_value(job, setting)->text;
        if (setting->kind == FS_SETTING_PATH && key[i].stages != 0 && path != NULL && path != model) {
            status = add_file(inputs, setting->key, path, key[i].stages, err);
            inputs->file[inputs->count - 1].nested = names_folders(setting->key);
        } else if (setting->shipped != NULL && path == NULL) {
            status = add_shipped(inputs, setting, key[i].stages, err);
        }
    }
    return status;
}

static int hash(struct inputs *inputs, struct fs_error *err)
{
    for (size_t i = 0; i < inputs->count; i++) {
        struct hashed *file = &inputs->file[i];
        if (file->path != NULL && fs_folder_digest(file->path, file->nested, file->digest, err) != 0) {
            return fs_error_prepend(err, "%s", file->prefix);
        }
    }
    return 0;
}

int fs_fingerprint_files(const struct fs_job *job, struct fs_folder *files, size_t *models, struct fs_error *err)
{
    struct inputs inputs = {0};
    *files = (struct fs_folder){0};
    *models = 0;
    int status = list_inputs(job, &inputs, err);
    for (size_t i = 0; status == 0 && i < inputs.count; i++) {
        struct fs_folder own = {0};
        const char *path = inputs.file[i].path;
        if (path != NULL) {
            status =
                inputs.file[i].nested ? fs_folder_list_nested(path, &own, err) : fs_folder_list(path, NULL, &own, err);
        }
        for (size_t k = 0; status == 0 && k < own.count; k++) {
            status = fs_folder_add(files, own.path[k], err);
        }
        fs_folder_release(&own);
        *models = is_of_model(inputs.file[i].prefix) ? files->count : *models;
    }
    release_inputs(&inputs);
    if (status != 0) {
        fs_folder_release(files);
    }
    return status;
}

/* Whether an earlier row of the registry that is measured has the same key of the job. */
static bool is_written(const struct fs_job *job, size_t before, const char *key)
{
    for (size_t i = 0; i < before; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        if (suite->scoring_key != NULL && strcmp(suite->scoring_key, key) == 0 &&
            fs_job_data(job, suite->key) != NULL) {
            return true;
        }
    }
    return false;
}

static void write_scoring(FILE *stream, const struct fs_job *job, const struct fs_suite_kind *suite,
                          enum fs_model_kind kind)
{
    fprintf(stream, "scoring.%s = %s\n", suite->scoring_key, fs_job_scoring(job, suite, kind));
}

/* The edited pairs are scored from the stamp on, all other data in the evaluation. */
static void write_scorings(FILE *stream, const struct fs_job *job, enum fs_model_kind kind, enum fs_stage stage)
{
    const struct fs_suite_kind *edited = fs_job_edited(job);
    const struct fs_method *method = fs_stage_method(stage);
    if (stage != FS_STAGE_TRACE &&
        (method == NULL || (method->learns & FS_LEARNS_PAIRS) != 0 || fs_job_tries(job, stage) > 0)) {
        write_scoring(stream, job, edited, kind);
    }
    for (size_t i = 0; stage >= FS_STAGE_EVALUATE && i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        if (suite->scoring_key != NULL && strcmp(suite->scoring_key, edited->scoring_key) != 0 &&
            fs_job_data(job, suite->key) != NULL && !is_written(job, i, suite->scoring_key)) {
            write_scoring(stream, job, suite, kind);
        }
    }
}

/* What a training tries, and by what it chooses. */
static void write_search(FILE *stream, const struct fs_job *job, enum fs_stage stage)
{
    const struct fs_job_settings *settings = fs_job_settings(job);
    char validation[FS_NUMBER_SIZE], rs[FS_NUMBER_SIZE], lms[FS_NUMBER_SIZE];
    size_t tries = fs_job_tries(job, stage);
    fs_number_text(settings->search_validation, validation);
    fs_number_text(settings->search_rs, rs);
    fs_number_text(settings->search_lms, lms);
    for (size_t i = 1; i < tries; i++) {
        fprintf(stream, "search.settings = %s\n", fs_job_try(job, stage, i));
    }
    if (tries > 0) {
        fprintf(stream, "search.validation = %s\nsearch.rs = %s\nsearch.lms = %s\n", validation, rs, lms);
    }
}

static void write_revision(FILE *stream, const struct fs_method *method, enum fs_model_kind kind)
{
    if (method->revision[kind] != 0) {
        fprintf(stream, "revision of %s = %u\n", method->name, method->revision[kind]);
    }
}

/* The columns of the evaluation; a stage that trains has its method alone, and the layers' that of the stamp. */
static void write_methods(FILE *stream, const struct fs_job *job, enum fs_model_kind kind, enum fs_stage stage)
{
    size_t methods;
    const struct fs_job_method *method = fs_job_methods(job, &methods);
    if (stage == FS_STAGE_TRACE) {
        return;
    }
    if (stage != FS_STAGE_EVALUATE) {
        const struct fs_job_method *trained =
            fs_job_trained(job, stage == FS_STAGE_LAYER_SWEEP ? FS_STAGE_STAMP : stage);
        fprintf(stream, "method = %s\n", trained != NULL ? trained->method->name : "");
        if (trained != NULL) {
            write_revision(stream, trained->method, kind);
        }
        write_search(stream, job, stage);
        return;
    }
    fprintf(stream, "methods = ");
    for (size_t i = 0; i < methods; i++) {
        char strength[FS_NUMBER_SIZE];
        fs_number_text(method[i].strength, strength);
        fprintf(stream, "%s%s=%s%s%s", i > 0 ? "," : "", method[i].name, method[i].method->name,
                method[i].strength != 1 ? ":" : "", method[i].strength != 1 ? strength : "");
    }
    fprintf(stream, "\n");
}

/* Settings and revisions of methods that do not train: they make their edits where the columns are measured. */
static void write_made(FILE *stream, const struct fs_job *job, enum fs_model_kind kind, enum fs_stage stage)
{
    size_t methods;
    const struct fs_job_method *method = fs_job_methods(job, &methods);
    for (size_t i = 0; stage == FS_STAGE_EVALUATE && i < methods; i++) {
        const struct fs_method *own = method[i].method;
        bool again = false;
        for (size_t before = 0; before < i; before++) {
            again = again || method[before].method == own;
        }
        if (own->trainer == NULL && !again) {
            write_revision(stream, own, kind);
        }
        for (size_t k = 0; own->make != NULL && !again && k < own->settings->count; k++) {
            fs_setting_write(stream, &own->settings->row[k], fs_job_value(job, &own->settings->row[k]), kind);
        }
    }
}

/* What auto stands for, so that a job that says it by name is the same. */
static void write_compute(FILE *stream, const struct fs_job *job)
{
    const struct fs_compute *compute = &fs_job_settings(job)->compute;
    const struct fs_backend *backend = fs_backend_choose(compute);
    fprintf(stream, "compute.type = %s\ncompute.backend = %s\n", fs_compute_type_name(compute->type),
            backend != NULL ? backend->name : compute->backend);
}

static void write_settings(FILE *stream, const struct fs_job *job, const struct inputs *inputs, enum fs_stage stage,
                           bool series, char digest[FS_STAGE_COUNT][FS_DIGEST_SIZE])
{
    const struct fs_stage_rule *rule = fs_stage_rule(stage);
    unsigned keys = 1u << stage | rule->keys | (stage == FS_STAGE_EVALUATE ? OF_METHODS : 0);
    keys |= fs_job_tries(job, stage) > 0 ? 1u << FS_STAGE_EVALUATE : 0; /* it measures what it tries */
    unsigned previous = rule->follows(job, stage);
    size_t count;
    const struct fs_job_key *key = fs_job_keys(&count);
    fprintf(stream, "archive = %d\nstage = %s\n", FS_ARCHIVE_VERSION, fs_stage_names[stage]);
    for (size_t i = 0; i < count; i++) {
        bool left_out = series && strcmp(key[i].setting->key, "seed") == 0; /* all that a series has in common */
        if ((key[i].stages & keys) != 0 && key[i].setting->kind != FS_SETTING_PATH && !left_out) {
            fs_setting_write(stream, key[i].setting, fs_job_value(job, key[i].setting), inputs->kind);
        }
    }
    write_compute(stream, job);
    write_methods(stream, job, inputs->kind, stage);
    write_made(stream, job, inputs->kind, stage);
    write_scorings(stream, job, inputs->kind, stage);
    for (size_t i = 0; i < inputs->count; i++) {
        if ((inputs->file[i].stages & keys) != 0) {
            fprintf(stream, "%s = %s\n", inputs->file[i].name, inputs->file[i].digest);
        }
    }
    for (int before = 0; before < FS_STAGE_COUNT; before++) {
        if ((previous & 1u << before) != 0) {
            fprintf(stream, "the stage before = %s\n", digest[before]);
        }
    }
}

/* The settings of a stage, which the caller frees, and their digest: digest[stage], of which those before are there. */
static int make_stage(const struct fs_job *job, const struct inputs *inputs, enum fs_stage stage, bool series,
                      char digest[FS_STAGE_COUNT][FS_DIGEST_SIZE], char **settings, struct fs_error *err)
{
    size_t size = 0;
    FILE *stream = open_memstream(settings, &size);
    if (stream == NULL) {
        return fs_error_memory(err, 4096, "the job's settings");
    }
    write_settings(stream, job, inputs, stage, series, digest);
    if (fclose(stream) != 0) {
        return fs_error_memory(err, size, "the job's settings");
    }
    fs_digest_bytes(*settings, size, digest[stage]);
    return 0;
}

int fs_fingerprint_make(const struct fs_job *job, struct fs_fingerprint *fingerprint, struct fs_error *err)
{
    struct inputs inputs = {0};
    *fingerprint = (struct fs_fingerprint){0};
    int status = list_inputs(job, &inputs, err) == 0 ? hash(&inputs, err) : -1;
    for (int stage = 0; status == 0 && stage < FS_STAGE_COUNT; stage++) {
        char *settings = NULL;
        status = make_stage(job, &inputs, (enum fs_stage)stage, false, fingerprint->digest,
                            &fingerprint->settings[stage], err) == 0
                     ? make_stage(job, &inputs, (enum fs_stage)stage, true, fingerprint->series, &settings, err)
                     : -1;
        free(settings);
    }
    release_inputs(&inputs);
    if (status != 0) {
        fs_fingerprint_release(fingerprint);
    }
    return status;
}

void fs_fingerprint_release(struct fs_fingerprint *fingerprint)
{
    for (size_t i = 0; i < FS_STAGE_COUNT; i++) {
        free(fingerprint->settings[i]);
    }
    *fingerprint = (struct fs_fingerprint){0};
}

/* Whether `text` has exactly this line. */
static bool has_line(const char *text, const char *line, size_t length)
{
    while (*text != '\0') {
        size_t own = strcspn(text, "\n");
        if (own == length && memcmp(text, line, length) == 0) {
            return true;
        }
        text += own + (text[own] == '\n');
    }
    return false;
}

int fs_fingerprint_other_model(const char *found, const char *folder, char *name, size_t size, struct fs_error *err)
{
    struct inputs inputs = {0};
    int status = list_model(&inputs, "model", folder, fs_job_key("model")->stages, &inputs.kind, err) == 0
                     ? hash(&inputs, err)
                     : -1;
    name[0] = '\0';
    for (size_t i = 0; status == 0 && i < inputs.count && name[0] == '\0'; i++) {
        char line[512];
        int length = snprintf(line, sizeof line, "%.300s = %s", inputs.file[i].name, inputs.file[i].digest);
        if (!has_line(found, line, (size_t)length)) {
            snprintf(name, size, "%s", inputs.file[i].name);
        }
    }
    release_inputs(&inputs);
    return status;
}

static void add_names(const char *from, const char *other, char *names, size_t size)
{
    for (const char *line = from; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        const char *separator = strstr(line, " = ");
        size_t name = separator != NULL && separator < line + length ? (size_t)(separator - line) : length;
        char word[128];
        snprintf(word, sizeof word, "%.*s", (int)(name < 100 ? name : 100), line);
        if (!has_line(other, line, length) && strstr(names, word) == NULL) {
            size_t used = strlen(names);
            snprintf(names + used, size - used, "%s%s", used > 0 ? ", " : "", word);
        }
        line += length + (line[length] == '\n');
    }
}

void fs_fingerprint_difference(const char *found, const char *wanted, char *names, size_t size)
{
    names[0] = '\0';
    add_names(wanted, found, names, size);
    add_names(found, wanted, names, size);
}
