/* apply: a trained edit as what a user deploys. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/console/progress.h"
#include "io/publish.h"
#include "io/values.h"
#include "jobs/fingerprint.h"
#include "jobs/job.h"
#include "model/applied.h"
#include "pipeline/commands/commands.h"
#include "results/edit_loader.h"
#include "results/stage_files.h"

static const struct fs_option option_method = {
    .name = "--method",
    .argument = "M",
    .help =
        "which edit: a column of the job, or METHOD or METHOD:STRENGTH, as in its key methods; may be left out where "
        "there is one"};
static const struct fs_option option_source = {
    .name = "--source",
    .argument = "DIR",
    .help = "the model's folder, where it is not any more where the edit was trained; its files must be the same"};

static const struct fs_option option_weights = {
    .name = "--weights",
    .argument = "TYPE",
    .choices = "stored|f32",
    .initial = "stored",
    .help =
        "of a folder: weights keep their stored type, or f32: those of 16 bits become float32, so that no change is "
        "rounded"};

/* The edit that is asked for, and where it was trained; released by release(). */
struct source {
    struct fs_job_method *parsed; /* of --method; NULL: none */
    char *entry;
    const struct fs_method *method;
    double strength;
    struct fs_archive *archive;
    char *path, *model, *settings; /* of the archive, of the model's folder, of the stage */
    bool widened;
};

static void release(struct source *source)
{
    fs_archive_close(source->archive);
    free(source->parsed);
    free(source->entry);
    free(source->path);
    free(source->model);
    free(source->settings);
}

/* --method as METHOD or METHOD:STRENGTH. */
static int parse_method(const char *text, struct source *source, struct fs_error *err)
{
    const struct fs_setting setting = {.key = option_method.name};
    const struct fs_setting_origin origin = {.name = "apply"};
    size_t size, count;
    FILE *stream = open_memstream(&source->entry, &size);
    if (stream == NULL) {
        return fs_error_memory(err, 64, "a method");
    }
    int status = fs_method_entry.write_text(&setting, &origin, text, stream, err);
    if (fclose(stream) != 0) {
        return fs_error_memory(err, size, "a method");
    }
    const char *const entry[] = {source->entry, NULL};
    if (status != 0 || fs_methods_read(entry, &source->parsed, &count, err) != 0) {
        err->code = err->code == FS_EXIT_CONFIG ? FS_EXIT_USAGE : err->code;
        return -1;
    }
    source->method = source->parsed->method;
    source->strength = source->parsed->strength;
    return 0;
}

static int refuse_model(const struct source *source, struct fs_error *err)
{
    if (source->method->takes_model) {
        return fs_error_set(err, FS_EXIT_USAGE,
                            "--method: %s takes a model that is there, expected a method that trains; use that model",
                            source->method->name);
    }
    if (source->method->trainer == NULL || source->method->edit->apply == NULL) {
        return fs_error_set(
            err, FS_EXIT_USAGE,
            "--method: %s changes how the model is read, which neither a folder nor a hook can hold; take "
            "another method",
            source->method->name);
    }
    return 0;
}

/* ---- of a job ---- */

static int refuse_column(const struct fs_job_method *method, size_t count, const char *found, struct fs_error *err)
{
    char names[512] = "";
    for (size_t i = 0; i < count; i++) {
        fs_error_add_name(names, sizeof names, i, count, method[i].name);
    }
    return fs_error_set(err, FS_EXIT_USAGE, "--method: found %s%s%s, expected one of the job's columns: %s",
                        found != NULL ? "\"" : "", found != NULL ? found : "none", found != NULL ? "\"" : "", names);
}

static int choose_column(const struct fs_job *job, const char *text, struct source *source, struct fs_error *err)
{
    size_t count;
    const struct fs_job_method *method = fs_job_methods(job, &count);
    for (size_t i = 0; i < count; i++) {
        if ((text == NULL && count == 1) || (text != NULL && strcmp(method[i].name, text) == 0)) {
            source->method = method[i].method;
            source->strength = method[i].strength;
            return 0;
        }
    }
    if (text == NULL || (text[strcspn(text, ":")] == '\0' && fs_method_find(text) == NULL)) {
        return refuse_column(method, count, text, err);
    }
    if (parse_method(text, source, err) != 0) {
        return -1;
    }
    bool trained = source->method->trainer == NULL || fs_job_trained(job, fs_method_stage(source->method)) != NULL;
    return trained ? 0 : refuse_column(method, count, text, err);
}

static int open_stage(const struct fs_job *job, struct source *source, struct fs_error *err)
{
    enum fs_stage stage = fs_method_stage(source->method);
    const char *folder = fs_job_settings(job)->output;
    struct fs_fingerprint fingerprint = {0};
    bool there;
    int status = fs_fingerprint_make(job, &fingerprint, err);
    if (status == 0) {
        status = fs_stage_check(folder, stage, &fingerprint, FS_STAGE_NEEDED, &there, err);
    }
    fs_fingerprint_release(&fingerprint);
    if (status != 0) {
        return -1;
    }
    source->path = fs_stage_path(folder, stage, ".h5", err);
    source->model = strdup(fs_job_settings(job)->model);
    if (source->path == NULL || source->model == NULL) {
        return fs_error_memory(err, 64, "a path");
    }
    return fs_archive_open(source->path, fs_stage_names[stage], &source->archive, err);
}

static int open_job(const struct fs_options *options, struct source *source, struct fs_error *err)
{
    size_t sets;
    const char *const *given = fs_option_values(options, &fs_option_set, &sets);
    const char *folder = fs_option_value(options, &option_source);
    const char **set = fs_allocate(sets + 1, sizeof *set, "settings", err);
    char *model = NULL;
    struct fs_job *job = NULL;
    if (set == NULL || (folder != NULL && asprintf(&model, "model=%s", folder) < 0)) {
        free(set);
        return fs_error_memory(err, 64, "settings");
    }
    for (size_t i = 0; i < sets; i++) {
        set[i] = given[i];
    }
    set[sets] = model;
    int status = fs_job_load(options->operand[0], set, sets + (model != NULL ? 1 : 0), &job, err);
    if (status == 0) {
        status = choose_column(job, fs_option_value(options, &option_method), source, err) == 0 &&
                         refuse_model(source, err) == 0
                     ? open_stage(job, source, err)
                     : -1;
    }
    fs_job_destroy(job);
    free(model);
    free(set);
    return status;
}

/* ---- of a file ---- */

/* The file of the method that was asked for, beside `path` of another stage. */
static int open_beside(const char *path, struct source *source, struct fs_error *err)
{
    enum fs_stage stage = fs_method_stage(source->method);
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (folder == NULL) {
        return fs_error_memory(err, strlen(path), "a path");
    }
    source->path = fs_stage_find_file(folder, stage, err);
    free(folder);
    return source->path != NULL ? fs_stage_open_file(source->path, stage, &source->archive, err) : -1;
}

/* `path` is of `stage`. */
static int choose_stage(const char *path, enum fs_stage stage, const char *text, struct source *source,
                        struct fs_error *err)
{
    const struct fs_method *own = fs_stage_method(stage);
    if (text == NULL && own == NULL) {
        return fs_error_set(err, FS_EXIT_USAGE,
                            "--method: found none, expected a method, for %s is the file of the stage %s, of several",
                            path, fs_stage_names[stage]);
    }
    if (text == NULL) {
        source->method = own;
        source->strength = 1;
    } else if (parse_method(text, source, err) != 0 || refuse_model(source, err) != 0) {
        return -1;
    }
    if (own != NULL && own != source->method) {
        return fs_error_set(err, FS_EXIT_USAGE, "--method: found %s, expected %s, for %s is that method's file",
                            source->method->name, own->name, path);
    }
    if (own == NULL) {
        return open_beside(path, source, err);
    }
    source->path = strdup(path);
    return source->path != NULL ? fs_stage_open_file(path, stage, &source->archive, err)
                                : fs_error_memory(err, strlen(path), "a path");
}

static int check_model(const struct source *source, struct fs_error *err)
{
    char name[512];
    if (fs_fingerprint_other_model(source->settings, source->model, name, sizeof name, err) != 0) {
        return fs_error_prepend(err, "the model of %s", source->path);
    }
    return name[0] == '\0' ? 0
                           : fs_error_set(err, FS_EXIT_DATA,
                                          "%s: was trained for another model than that of %s: %s is not the same; give "
                                          "the folder of its own with --source",
                                          source->path, source->model, name);
}

static int open_file(const struct fs_options *options, struct source *source, struct fs_error *err)
{
    const char *path = options->operand[0], *folder = fs_option_value(options, &option_source);
    struct fs_archive *archive;
    size_t sets;
    (void)fs_option_values(options, &fs_option_set, &sets);
    if (sets > 0) {
        return fs_error_set(err, FS_EXIT_USAGE, "--set: changes keys of a job file, and %s is a result", path);
    }
    if (fs_archive_open(path, NULL, &archive, err) != 0) {
        return -1;
    }
    const char *format = fs_archive_format(archive);
    enum fs_stage stage = fs_stage_named(format, strlen(format));
    int status =
        stage != FS_STAGE_COUNT
            ? 0
            : fs_error_set(err, FS_EXIT_DATA, "%s: is of format %s, expected the file of a stage", path, format);
    fs_archive_close(archive);
    if (status != 0 || choose_stage(path, stage, fs_option_value(options, &option_method), source, err) != 0 ||
        fs_archive_read_attribute_text(source->archive, "/provenance", "settings", &source->settings, err) != 0) {
        return -1;
    }
    if (folder != NULL) {
        source->model = strdup(folder);
        status = source->model != NULL ? 0 : fs_error_memory(err, strlen(folder), "a path");
    } else {
        status = fs_archive_read_attribute_text(source->archive, "/provenance", "model", &source->model, err);
    }
    return status == 0 ? check_model(source, err) : -1;
}

/* ---- what is written ---- */

/* The files of the model, from the settings' lines "model/NAME = SHA-256". */
static int note_files(const char *settings, struct fs_applied *applied, struct fs_error *err)
{
    static const char start[] = "model/";
    for (const char *line = settings; line != NULL && *line != '\0';) {
        size_t length = strcspn(line, "\n");
        const char *equals = strstr(line, " = ");
        if (strncmp(line, start, sizeof start - 1) == 0 && equals != NULL && equals < line + length) {
            char name[256], value[FS_DIGEST_SIZE];
            const char *file = line + sizeof start - 1;
            snprintf(name, sizeof name, "sha256 of %.*s", (int)(equals - file < 200 ? equals - file : 200), file);
            snprintf(value, sizeof value, "%.*s",
                     (int)(line + length - equals - 3 < 64 ? line + length - equals - 3 : 64), equals + 3);
            if (fs_applied_note(applied, name, value, err) != 0) {
                return -1;
            }
        }
        line += length + (line[length] == '\n');
    }
    return 0;
}

static int note_source(const struct source *source, struct fs_applied *applied, struct fs_error *err)
{
    char strength[FS_NUMBER_SIZE], *settings = NULL;
    fs_number_text(source->strength, strength);
    int status = fs_applied_note(applied, "method", source->method->name, err) == 0 &&
                         fs_applied_note(applied, "strength", strength, err) == 0 &&
                         fs_applied_note(applied, "job", fs_archive_job(source->archive), err) == 0
                     ? fs_archive_read_attribute_text(source->archive, "/provenance", "settings", &settings, err)
                     : -1;
    status = status == 0 ? note_files(settings, applied, err) : -1;
    free(settings);
    return status;
}

static void say_rounding(const struct fs_applied_rounding *rounding)
{
    double lost = rounding->change > 0 ? rounding->lost / rounding->change : 0;
    if (strcmp(rounding->dtype, "F32") != 0 && strcmp(rounding->dtype, "F64") != 0) {
        fs_warn(
            "apply: the changed weights are stored as %s, as the model's: rounding changes them by %.3g times what the "
            "edit does (root mean square), and %zu of the %zu numbers that it changes are as they were",
            rounding->dtype, sqrt(lost), rounding->kept, rounding->numbers);
    }
}

static int write_weights(const struct source *source, struct fs_applied *applied, const char *folder,
                         struct fs_error *err)
{
    struct fs_applied_rounding rounding;
    char *left_out, *path = NULL, changed[1024];
    int status = fs_applied_write_folder(applied, source->model, folder, &rounding, &left_out, err);
    if (status == 0) {
        status = asprintf(&path, "%s/fairstamp.json", folder) >= 0 ? fs_applied_write_notes(applied, path, err)
                                                                   : fs_error_memory(err, strlen(folder), "a path");
    }
    if (status == 0) {
        fs_applied_changed(applied, changed, sizeof changed);
        fs_say("apply: changed: %.400s%s", changed, strlen(changed) > 400 ? " ..." : "");
        say_rounding(&rounding);
        if (left_out[0] != '\0') {
            fs_say("apply: not copied, for they hold weights of the unedited model: %s", left_out);
        }
    }
    free(left_out);
    free(path);
    return status;
}

static int write_hooks(struct fs_applied *applied, const char *folder, struct fs_error *err)
{
    char *edit = NULL, *loader = NULL;
    int status =
        asprintf(&edit, "%s/edit.safetensors", folder) >= 0 && asprintf(&loader, "%s/load_edit.py", folder) >= 0
            ? 0
            : fs_error_memory(err, strlen(folder), "a path");
    if (status == 0) {
        status = fs_applied_write_file(applied, edit, err) == 0
                     ? fs_publish_text(loader, (const char *)fs_edit_loader, fs_edit_loader_size, err)
                     : -1;
    }
    free(edit);
    free(loader);
    return status;
}

static int write_edit(const struct source *source, const char *folder, struct fs_error *err)
{
    const struct fs_edit_kind *kind = source->method->edit;
    struct fs_model *model = NULL;
    struct fs_edit edit = {0};
    struct fs_applied applied = {0};
    int status =
        kind->attach != NULL ? fs_model_load(source->model, &model, err) : fs_model_open(source->model, &model, err);
    if (status == 0) {
        status = kind->read(source->archive, &edit, err) == 0 && kind->check(&edit, fs_model_spec(model), err) == 0
                     ? 0
                     : fs_error_prepend(err, "%s", source->path);
    }
    if (status == 0 && kind->attach != NULL) {
        status = kind->attach(&edit, model, err);
    }
    if (status == 0 && source->strength != 1) {
        kind->scale(&edit, source->strength);
    }
    if (status == 0) {
        status = fs_applied_make(&edit, model, &applied, err) == 0 ? note_source(source, &applied, err)
                                                                   : fs_error_prepend(err, "%s", source->method->name);
    }
    applied.widened = source->widened;
    if (status == 0) {
        status = fs_applied_is_folder(&applied) ? write_weights(source, &applied, folder, err)
                                                : write_hooks(&applied, folder, err);
    }
    fs_applied_release(&applied);
    fs_edit_release(&edit);
    fs_model_destroy(model);
    return status;
}

/* Whole or not at all, at `path`, where nothing is. */
static int write_folder(const struct source *source, const char *path, struct fs_error *err)
{
    char *temporary = NULL, *parent = strdup(path);
    char *slash = parent != NULL ? strrchr(parent, '/') : NULL;
    int status = parent != NULL ? 0 : fs_error_memory(err, strlen(path), "a path");
    if (slash != NULL && slash != parent) {
        *slash = '\0';
        status = fs_make_folder(parent, err);
    }
    free(parent);
    if (status != 0 || fs_publish_begin(path, &temporary, err) != 0) {
        return -1;
    }
    if (mkdir(temporary, 0777) != 0) {
        status =
            fs_error_set(err, FS_EXIT_CANNOT_CREATE, "%s: the folder cannot be made: %s", temporary, strerror(errno));
    } else if (write_edit(source, temporary, err) != 0) {
        status = -1;
        fs_publish_abort(temporary);
    } else {
        status = fs_publish_commit(temporary, path, err);
    }
    free(temporary);
    return status;
}

static int check_output(char *path, struct fs_error *err)
{
    struct stat found;
    for (size_t end = strlen(path); end > 1 && path[end - 1] == '/'; end--) {
        path[end - 1] = '\0';
    }
    return lstat(path, &found) != 0
               ? 0
               : fs_error_set(err, FS_EXIT_CANNOT_CREATE,
                              "-o: %s: is there already, and nothing is overwritten; choose another name", path);
}

static int run(struct fs_session *session, struct fs_error *err)
{
    const struct fs_options *options = session->options;
    const char *operand = options->operand[0];
    struct source source = {.strength = 1, .widened = strcmp(fs_option_value(options, &option_weights), "f32") == 0};
    char *path = strdup(fs_option_value(options, &fs_option_output));
    size_t length = strlen(operand);
    bool file = length > 3 && strcmp(operand + length - 3, ".h5") == 0;
    int status = path == NULL ? fs_error_memory(err, 64, "a path") : check_output(path, err);
    if (status == 0) {
        status = file ? open_file(options, &source, err) : open_job(options, &source, err);
    }
    status = status == 0 ? write_folder(&source, path, err) : -1;
    if (status == 0) {
        fs_say("apply: %s", path);
    }
    release(&source);
    free(path);
    return status;
}

static const struct fs_option *const command_options[] = {
    &option_method, &fs_option_output, &option_source, &option_weights, &fs_option_set, &fs_option_quiet, NULL};

const struct fs_command fs_command_apply = {
    .name = "apply",
    .operands = "JOB.json|FILE.h5",
    .least = 1,
    .most = 1,
    .summary = "a trained edit as a model folder, or as a file for transformers",
    .description =
        "Writes to the new folder DIR. An edit of weights: the model's folder with the changed tensors, which "
        "transformers loads as it is; weights keep their stored type. The stamp, and maps of the last state: "
        "edit.safetensors, and load_edit.py, whose load_edit(model, \"edit.safetensors\") puts the edit on a model of "
        "transformers. JOB.json: what its stages have trained; FILE.h5: a method's file, or another stage's with the "
        "method's beside it.",
    .options = command_options,
    .run = run,
};
