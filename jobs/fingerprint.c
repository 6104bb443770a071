#include "jobs/fingerprint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/archive/archive.h"
#include "io/folder.h"
#include "io/values.h"
#include "jobs/defaults.h"
#include "model/model.h"

/* Files of a model's folder that make its tokenizer, as far as they are there. */
static const char *const tokenizer_files[] = {
    "tokenizer.json", "tokenizer_config.json",   "tokenizer.model",  "vocab.txt", "vocab.json",
    "merges.txt",     "special_tokens_map.json", "added_tokens.json"};
#define TOKENIZER_FILES (sizeof tokenizer_files / sizeof tokenizer_files[0])

/* Whether the key names a data file or folder. */
static bool is_data(const struct fs_job_key *key)
{
    return key->kind == FS_KEY_PATH && strncmp(key->name, "data.", 5) == 0;
}

/* One hashed input file. */
struct hashed {
    char *name;
    unsigned stages;
    char digest[FS_DIGEST_SIZE];
};

struct inputs {
    struct hashed *file;
    size_t count;
    enum fs_model_kind kind;
};

static void release_inputs(struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++) {
        free(inputs->file[i].name);
    }
    free(inputs->file);
}

static int add_file(struct inputs *inputs, const char *prefix, const char *path, unsigned stages, struct fs_error *err)
{
    struct hashed *file = &inputs->file[inputs->count];
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    bool of_model = strcmp(prefix, "model") == 0;
    if (fs_folder_digest(path, file->digest, err) != 0) {
        return fs_error_prepend(err, "%s", prefix);
    }
    if (asprintf(&file->name, "%s%s%s", prefix, of_model ? "/" : "", of_model ? base : "") < 0) {
        file->name = NULL;
        return fs_error_memory(err, strlen(path), "a path");
    }
    file->stages = stages;
    inputs->count++;
    return 0;
}

static int hash_tokenizer(struct inputs *inputs, const char *folder, unsigned stages, struct fs_error *err)
{
    for (size_t i = 0; i < TOKENIZER_FILES; i++) {
        char *path;
        if (asprintf(&path, "%s/%s", folder, tokenizer_files[i]) < 0) {
            return fs_error_memory(err, strlen(folder), "a path");
        }
        int status = access(path, F_OK) == 0 ? add_file(inputs, "model", path, stages, err) : 0;
        free(path);
        if (status != 0) {
            return -1;
        }
    }
    return 0;
}

static int hash_model(struct inputs *inputs, const char *folder, struct fs_error *err)
{
    unsigned stages = fs_job_keys[FS_KEY_MODEL].stages;
    struct fs_model *model;
    if (fs_model_open(folder, &model, err) != 0) {
        return -1;
    }
    size_t files;
    const char *const *file = fs_model_files(model, &files);
    inputs->kind = fs_model_spec(model)->kind;
    inputs->file = fs_allocate(files + TOKENIZER_FILES + FS_KEY_COUNT, sizeof *inputs->file, "hashes of inputs", err);
    int status = inputs->file == NULL ? -1 : 0;
    for (size_t i = 0; status == 0 && i < files; i++) {
        status = add_file(inputs, "model", file[i], stages, err);
    }
    fs_model_destroy(model);
    return status == 0 ? hash_tokenizer(inputs, folder, stages, err) : -1;
}

static int hash_inputs(const struct fs_job *job, struct inputs *inputs, struct fs_error *err)
{
    int status = hash_model(inputs, fs_job_text(job, FS_KEY_MODEL), err);
    for (size_t i = 0; status == 0 && i < FS_KEY_COUNT; i++) {
        const char *path = is_data(&fs_job_keys[i]) ? fs_job_text(job, (enum fs_key)i) : NULL;
        if (path != NULL) {
            status = add_file(inputs, fs_job_keys[i].name, path, fs_job_keys[i].stages, err);
        }
    }
    return status;
}

/* Keys that a stage depends on; the layers' stamps are evaluated as the job's own. */
static unsigned stage_bits(enum fs_stage stage)
{
    return 1u << stage | (stage == FS_STAGE_LAYERS ? 1u << FS_STAGE_EVALUATE : 0u);
}

/* Whether an earlier row of the registry has the same key of the job, and is measured too. */
static bool is_written(const struct fs_job *job, size_t before, const char *key)
{
    for (size_t i = 0; i < before; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        if (suite->scoring_key != NULL && strcmp(suite->scoring_key, key) == 0 &&
            fs_job_text_of(job, "data", suite->key) != NULL) {
            return true;
        }
    }
    return false;
}

/* How the edited pairs are scored, and, from the evaluation on, what else is measured. */
static void write_scorings(FILE *stream, const struct fs_job *job, enum fs_stage stage, enum fs_model_kind kind)
{
    const struct fs_suite_kind *edited = fs_job_edited(job);
    fprintf(stream, "scoring.%s = %s\n", edited->scoring_key, fs_job_scoring(job, edited, kind));
    for (size_t i = 0; stage >= FS_STAGE_EVALUATE && i < fs_suite_kind_count; i++) {
        const struct fs_suite_kind *suite = fs_suite_kinds[i];
        if (suite->scoring_key != NULL && strcmp(suite->scoring_key, edited->scoring_key) != 0 &&
            fs_job_text_of(job, "data", suite->key) != NULL && !is_written(job, i, suite->scoring_key)) {
            fprintf(stream, "scoring.%s = %s\n", suite->scoring_key, fs_job_scoring(job, suite, kind));
        }
    }
}

static void write_settings(FILE *stream, const struct fs_job *job, const struct inputs *inputs, enum fs_stage stage,
                           const char *previous)
{
    fprintf(stream, "archive = %d\nstage = %s\n", FS_ARCHIVE_VERSION, fs_stage_names[stage]);
    for (size_t i = 0; i < FS_KEY_COUNT; i++) {
        const struct fs_job_key *key = &fs_job_keys[i];
        const char *text = fs_job_text(job, (enum fs_key)i);
        char number[FS_NUMBER_SIZE];
        if (text == NULL && key->kind == FS_KEY_NUMBER) {
            fs_number_text(fs_job_model_number(job, (enum fs_key)i, inputs->kind), number);
            text = number;
        }
        if ((key->stages & stage_bits(stage)) != 0 && key->kind != FS_KEY_PATH) {
            fprintf(stream, "%s = %s\n", key->name, text != NULL ? text : "");
        }
    }
    if (stage != FS_STAGE_TRACE) {
        write_scorings(stream, job, stage, inputs->kind);
    }
    for (size_t i = 0; i < inputs->count; i++) {
        if ((inputs->file[i].stages & stage_bits(stage)) != 0) {
            fprintf(stream, "%s = %s\n", inputs->file[i].name, inputs->file[i].digest);
        }
    }
    if (previous != NULL) {
        fprintf(stream, "the stage before = %s\n", previous);
    }
}

int fs_fingerprint_make(const struct fs_job *job, struct fs_fingerprint *fingerprint, struct fs_error *err)
{
    struct inputs inputs = {0};
    *fingerprint = (struct fs_fingerprint){0};
    int status = hash_inputs(job, &inputs, err);
    for (int i = 0; status == 0 && i < FS_STAGE_COUNT; i++) {
        enum fs_stage stage = (enum fs_stage)i;
        bool needs_trace = fs_job_chose(job, FS_KEY_STAMP_LAYER, "auto");
        bool needs_previous = stage >= FS_STAGE_EVALUATE || (stage == FS_STAGE_STAMP && needs_trace);
        enum fs_stage previous = stage == FS_STAGE_LAYERS ? FS_STAGE_STAMP : (enum fs_stage)(i - 1);
        size_t size = 0;
        FILE *stream = open_memstream(&fingerprint->settings[i], &size);
        if (stream == NULL) {
            status = fs_error_memory(err, 4096, "the job's settings");
            break;
        }
        write_settings(stream, job, &inputs, stage, needs_previous ? fingerprint->digest[previous] : NULL);
        if (fclose(stream) != 0) {
            status = fs_error_memory(err, size, "the job's settings");
            break;
        }
        fs_digest_bytes(fingerprint->settings[i], size, fingerprint->digest[i]);
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

int fs_fingerprint_other_model(const char *there, const char *folder, char *name, size_t size, struct fs_error *err)
{
    struct inputs inputs = {0};
    int status = hash_model(&inputs, folder, err);
    name[0] = '\0';
    for (size_t i = 0; status == 0 && i < inputs.count && name[0] == '\0'; i++) {
        char line[512];
        int length = snprintf(line, sizeof line, "%.300s = %s", inputs.file[i].name, inputs.file[i].digest);
        if (!has_line(there, line, (size_t)length)) {
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

void fs_fingerprint_difference(const char *there, const char *wanted, char *names, size_t size)
{
    names[0] = '\0';
    add_names(wanted, there, names, size);
    add_names(there, wanted, names, size);
}
