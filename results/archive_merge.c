#include "results/archive_merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/console/progress.h"
#include "results/archive_merge_internal.h"
#include "results/job_names.h"

#define CELLS "/cells/"
#define SEPARATOR "stage before = " /* in the settings of a stage: the job of the one it was made from */

/* Which stage a stage is made from. */
/* Bits of the stages that a stage may have been made from. */
static unsigned made_from(enum fs_stage stage)
{
    return stage == FS_STAGE_TRACE          ? 0
           : fs_stage_method(stage) != NULL ? 1u << FS_STAGE_TRACE
           : stage == FS_STAGE_EVALUATE     ? fs_training_stages()
                                            : 1u << FS_STAGE_STAMP;
}

enum { CONTENT, TRAINING, PROVENANCE, PARTS, NAME = PARTS };

struct merge {
    const struct fs_merge_input *input;
    struct fs_archive **opened; /* [inputs]: merged files stay open, folders' files do not */
    bool training;
    struct fs_merge_source *source;
    size_t inputs, sources, room;
};

/* Where a visitor of an input's file is. */
struct reading {
    struct merge *merge;
    size_t input;
    const char *cell; /* of a folder; NULL in a merged file, where names say it */
    enum fs_stage stage;
};

static bool is_part(const char *name, const char *part)
{
    size_t length = strlen(part);
    return strncmp(name, part, length) == 0 && (name[length] == '\0' || name[length] == '@' || name[length] == '/');
}

/* What a dataset or attribute counts as; `name` as in a stage's file. */
static int part_of(const char *name)
{
    if (strcmp(name, "/provenance@" FS_MODEL_NAME) == 0) {
        return NAME;
    }
    if (is_part(name, "/provenance")) {
        return PROVENANCE;
    }
    static const char *const parts[] = {"/training/moment1", "/training/moment2", "/training/best",
                                        "/training/parameter"};
    const char *part = name[0] == '/' ? strchr(name + 1, '/') : NULL; /* behind the edit's kind, such as /stamp */
    bool training = false;
    for (size_t i = 0; part != NULL && i < sizeof parts / sizeof parts[0]; i++) {
        training = training || is_part(part, parts[i]);
    }
    return training ? TRAINING : CONTENT;
}

static int check_cell(const char *path, const char *cell, struct fs_error *err)
{
    size_t length = strspn(cell, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._=+-");
    if (length == 0 || cell[length] != '\0' || length > FS_CELL_LENGTH || strcmp(cell, ".") == 0 ||
        strcmp(cell, "..") == 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: \"%.220s\" is no id of a cell: expected 1 to %d of A-Z a-z 0-9 . _ = + -; name the "
                            "folder so",
                            path, cell, FS_CELL_LENGTH);
    }
    return 0;
}

static void release_source(struct fs_merge_source *source)
{
    char hex[FS_DIGEST_SIZE];
    for (int part = 0; part < PARTS; part++) {
        if (source->running[part] != NULL) {
            fs_digest_end(source->running[part], hex);
        }
    }
    free(source->cell);
    free(source->job);
    free(source->settings);
    free(source->model_name);
}

static struct fs_merge_source *add_source(struct merge *merge, size_t input, const char *cell, size_t length,
                                          enum fs_stage stage, struct fs_error *err)
{
    if (fs_grow(&merge->source, &merge->room, merge->sources + 1, sizeof *merge->source, "the cells of a merge", err) !=
        0) {
        return NULL;
    }
    struct fs_merge_source *source = &merge->source[merge->sources];
    *source = (struct fs_merge_source){.input = input, .stage = stage};
    merge->sources++;
    source->cell = strndup(cell, length);
    if (source->cell == NULL) {
        fs_error_memory(err, length, "the id of a cell");
        return NULL;
    }
    for (int part = 0; part < PARTS; part++) {
        if (fs_digest_begin(&source->running[part], err) != 0) {
            return NULL;
        }
    }
    return check_cell(merge->input[input].path, source->cell, err) == 0 ? source : NULL;
}

/* "/cells/<id>/<stage><rest>": false where `name` is of no cell. */
static bool split_name(const char *name, const char **cell, size_t *length, enum fs_stage *stage, const char **rest)
{
    size_t begin = strlen(CELLS);
    if (strncmp(name, CELLS, begin) != 0) {
        return false;
    }
    *cell = name + begin;
    *length = strcspn(*cell, "/@");
    const char *word = *cell + *length;
    if (*word != '/') {
        *stage = FS_STAGE_COUNT;
        return true;
    }
    word++;
    size_t of_stage = strcspn(word, "/@");
    *stage = fs_stage_named(word, of_stage);
    *rest = word + of_stage;
    return true;
}

static struct fs_merge_source *find_source(const struct reading *reading, const char *cell, size_t length,
                                           enum fs_stage stage, struct fs_error *err)
{
    struct merge *merge = reading->merge;
    for (size_t i = merge->sources; i-- > 0 && merge->source[i].input == reading->input;) {
        struct fs_merge_source *source = &merge->source[i];
        if (source->stage == stage && strlen(source->cell) == length && strncmp(source->cell, cell, length) == 0) {
            return source;
        }
    }
    return add_source(merge, reading->input, cell, length, stage, err);
}

static int keep_text(char **kept, const struct fs_archive_entry *entry, struct fs_error *err)
{
    free(*kept);
    *kept = entry->is_text ? strdup(*(char *const *)entry->data) : strdup("");
    return *kept != NULL ? 0 : fs_error_memory(err, 1, "a text");
}

/* The name as in a stage's file, of an attribute of the root too. */
static void stage_name(const char *rest, char name[2048])
{
    snprintf(name, 2048, "%s%s", rest[0] == '@' ? "/" : "", rest);
}

static int read_entry(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    const struct reading *reading = context;
    const char *cell = reading->cell, *rest = entry->name, *path = reading->merge->input[reading->input].path;
    size_t length = cell != NULL ? strlen(cell) : 0;
    enum fs_stage stage = reading->stage;
    char name[2048], hex[FS_DIGEST_SIZE];
    if (cell == NULL && !split_name(entry->name, &cell, &length, &stage, &rest)) {
        return 0;
    }
    if (stage == FS_STAGE_COUNT) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s: found no stage's name, expected trace, that of a method, evaluate, layer_sweep",
                            path, entry->name);
    }
    struct fs_merge_source *source = find_source(reading, cell, length, stage, err);
    if (source == NULL) {
        return -1;
    }
    stage_name(rest, name);
    int part = part_of(name);
    if (part == NAME) {
        return keep_text(&source->model_name, entry, err);
    }
    source->has_training = source->has_training || part == TRAINING;
    if ((strcmp(name, "/@job") == 0 && keep_text(&source->job, entry, err) != 0) ||
        (strcmp(name, "/provenance@settings") == 0 && keep_text(&source->settings, entry, err) != 0) ||
        fs_archive_entry_digest(entry, name, hex, err) != 0) {
        return -1;
    }
    fs_digest_add_text(source->running[part], name);
    fs_digest_add_text(source->running[part], hex);
    return 0;
}

/* Of the input's sources, which begin at `first`. */
static int end_digests(struct merge *merge, size_t first, struct fs_error *err)
{
    for (size_t i = first; i < merge->sources; i++) {
        struct fs_merge_source *source = &merge->source[i];
        char *const hex[PARTS] = {source->content, source->training, source->provenance};
        for (int part = 0; part < PARTS; part++) {
            fs_digest_end(source->running[part], hex[part]);
            source->running[part] = NULL;
        }
        if (source->job == NULL) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: cell %s: %s: found no attribute job",
                                merge->input[source->input].path, source->cell, fs_stage_names[source->stage]);
        }
        const char *name = merge->input[source->input].model_name;
        if ((source->settings == NULL && (source->settings = strdup("")) == NULL) ||
            (name != NULL && source->model_name == NULL && (source->model_name = strdup(name)) == NULL)) {
            return fs_error_memory(err, 1, "a text");
        }
    }
    return 0;
}

static int read_file(const struct reading *reading, const struct fs_archive *archive, struct fs_error *err)
{
    struct reading context = *reading;
    size_t first = reading->merge->sources;
    return fs_archive_verify(archive, err) == 0 && fs_archive_visit(archive, read_entry, &context, err) == 0
               ? end_digests(reading->merge, first, err)
               : -1;
}

/* The last part of the path, resolved: the name of "results/x/" and of "." too. The caller frees. */
static char *folder_name(const char *path, struct fs_error *err)
{
    char *resolved = realpath(path, NULL);
    const char *slash = resolved != NULL ? strrchr(resolved, '/') : NULL;
    char *name = slash != NULL ? strdup(slash + 1) : NULL;
    free(resolved);
    if (name == NULL) {
        fs_error_set(err, FS_EXIT_NO_INPUT, "%s: cannot be read", path);
    }
    return name;
}

static int read_folder(struct merge *merge, size_t input, struct fs_error *err)
{
    const char *folder = merge->input[input].path;
    const char *given = merge->input[input].cell;
    char *cell = given != NULL ? strdup(given) : folder_name(folder, err);
    size_t before = merge->sources;
    int status = cell != NULL && check_cell(folder, cell, err) == 0 ? 0 : -1;
    for (int stage = 0; status == 0 && stage < FS_STAGE_COUNT; stage++) {
        const struct reading reading = {merge, input, cell, (enum fs_stage)stage};
        struct fs_archive *archive;
        char *path = fs_stage_find_file(folder, (enum fs_stage)stage, err);
        status = path != NULL ? 0 : -1;
        if (status == 0 && access(path, F_OK) == 0) {
            status = fs_stage_open_file(path, (enum fs_stage)stage, &archive, err);
            if (status == 0) {
                status = read_file(&reading, archive, err);
                fs_archive_close(archive);
            }
        }
        free(path);
    }
    free(cell);
    if (status == 0 && merge->sources == before) {
        status = fs_error_set(
            err, FS_EXIT_NO_INPUT,
            "%s: found no stage's file, such as trace.h5, stamp.h5 or evaluate.h5; give a job's output folder", folder);
    }
    return status;
}

static int read_input(struct merge *merge, size_t input, struct fs_error *err)
{
    const char *path = merge->input[input].path;
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        return read_folder(merge, input, err);
    }
    if (merge->input[input].cell != NULL) {
        return fs_error_set(err, FS_EXIT_USAGE, "%s: an id is given, expected a folder", path);
    }
    const struct reading reading = {merge, input, NULL, FS_STAGE_COUNT};
    return fs_archive_open(path, FS_MERGED_FORMAT, &merge->opened[input], err) == 0
               ? read_file(&reading, merge->opened[input], err)
               : -1;
}

/* By cell and stage; of the same one the best first: with training, then the smaller provenance. */
static int compare_sources(const void *a, const void *b)
{
    const struct fs_merge_source *one = a, *other = b;
    int by = strcmp(one->cell, other->cell);
    if (by != 0 || one->stage != other->stage) {
        return by != 0 ? by : (one->stage > other->stage) - (one->stage < other->stage);
    }
    by = (int)other->has_training - (int)one->has_training;
    by = by != 0 ? by : strcmp(one->provenance, other->provenance);
    return by != 0 ? by : (one->input > other->input) - (one->input < other->input);
}

/* Opens the file that holds `source`; `prefix` is where in it. */
static int open_source(const struct merge *merge, const struct fs_merge_source *source, struct fs_archive **archive,
                       char prefix[2 * FS_CELL_LENGTH], struct fs_error *err)
{
    if (merge->opened[source->input] != NULL) {
        *archive = merge->opened[source->input];
        char cell[sizeof CELLS + FS_CELL_LENGTH];
        snprintf(cell, sizeof cell, CELLS "%s", source->cell);
        fs_stage_find_group(*archive, cell, source->stage, prefix, 2 * FS_CELL_LENGTH);
        return 0;
    }
    char *path = fs_stage_find_file(merge->input[source->input].path, source->stage, err);
    int status = path != NULL ? fs_stage_open_file(path, source->stage, archive, err) : -1;
    free(path);
    snprintf(prefix, 2 * FS_CELL_LENGTH, "/");
    return status;
}

static void close_source(const struct merge *merge, const struct fs_merge_source *source, struct fs_archive *archive)
{
    if (merge->opened[source->input] == NULL) {
        fs_archive_close(archive);
    }
}

/* A source's names and digests, to tell which differs. */
struct digest_list {
    size_t prefix; /* bytes of names that are not compared */
    bool training;
    char **line; /* "<digest><name>" */
    size_t lines, room;
};

static int list_digest(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    struct digest_list *list = context;
    char name[2048], hex[FS_DIGEST_SIZE];
    stage_name(entry->name + list->prefix, name);
    int part = part_of(name);
    if (part == PROVENANCE || part == NAME || (part == TRAINING && !list->training)) {
        return 0;
    }
    if (fs_grow(&list->line, &list->room, list->lines + 1, sizeof *list->line, "names of datasets", err) != 0) {
        return -1;
    }
    if (fs_archive_entry_digest(entry, name, hex, err) != 0) {
        return -1;
    }
    return asprintf(&list->line[list->lines++], "%s%s", hex, name) < 0 ? fs_error_memory(err, 64, "a name") : 0;
}

static int list_digests(const struct merge *merge, const struct fs_merge_source *source, bool training,
                        struct digest_list *list, struct fs_error *err)
{
    char prefix[2 * FS_CELL_LENGTH];
    struct fs_archive *archive;
    *list = (struct digest_list){.training = training};
    if (open_source(merge, source, &archive, prefix, err) != 0) {
        return -1;
    }
    list->prefix = prefix[1] == '\0' ? 0 : strlen(prefix);
    int status = fs_archive_visit_group(archive, prefix, list_digest, list, err);
    close_source(merge, source, archive);
    return status;
}

static const char *find_difference(const struct digest_list *one, const struct digest_list *other)
{
    for (size_t i = 0; i < one->lines; i++) {
        bool same = false;
        for (size_t j = 0; j < other->lines && !same; j++) {
            same = strcmp(one->line[i], other->line[j]) == 0;
        }
        if (!same) {
            return one->line[i] + FS_DIGEST_SIZE - 1;
        }
    }
    return NULL;
}

static void release_list(struct digest_list *list)
{
    for (size_t i = 0; i < list->lines; i++) {
        free(list->line[i]);
    }
    free(list->line);
}

/* Two results for one cell: which dataset differs. */
static int refuse(const struct merge *merge, const struct fs_merge_source *a, const struct fs_merge_source *b,
                  struct fs_error *err)
{
    struct digest_list one = {0}, other = {0};
    int status = list_digests(merge, a, merge->training, &one, err) == 0 &&
                         list_digests(merge, b, merge->training, &other, err) == 0
                     ? 0
                     : -1;
    if (status == 0) {
        const char *name = find_difference(&one, &other);
        name = name != NULL ? name : find_difference(&other, &one);
        fs_error_set(err, FS_EXIT_OTHER_JOB,
                     "cell %s: %s of %s and of %s are two different results: %s differs; give one of them another id "
                     "(its folder's name), or leave one out",
                     a->cell, fs_stage_names[a->stage], merge->input[a->input].path, merge->input[b->input].path,
                     name != NULL ? name : "something");
    }
    release_list(&one);
    release_list(&other);
    return -1;
}

/* Of the same results made twice the first of their names, by bytes, is kept. */
static void choose_name(const struct merge *merge, struct fs_merge_source *best, struct fs_merge_source *other)
{
    char *one = best->model_name, *two = other->model_name;
    if (one != NULL && two != NULL && strcmp(one, two) != 0) {
        fs_warn("merge: cell %s: %s calls the model \"%s\", %s calls it \"%s\"; the first by bytes is kept", best->cell,
                merge->input[best->input].path, one, merge->input[other->input].path, two);
    }
    if (one == NULL || (two != NULL && strcmp(two, one) < 0)) {
        best->model_name = two;
        other->model_name = one;
    }
}

/* Keeps the first of each cell and stage; all of them must be the same result. */
static int choose(struct merge *merge, struct fs_error *err)
{
    size_t kept = 0;
    if (merge->sources > 0) {
        qsort(merge->source, merge->sources, sizeof *merge->source, compare_sources);
    }
    for (size_t i = 0; i < merge->sources; i++) {
        struct fs_merge_source *source = &merge->source[i];
        struct fs_merge_source *best = kept > 0 ? &merge->source[kept - 1] : NULL;
        if (best != NULL && strcmp(best->cell, source->cell) == 0 && best->stage == source->stage) {
            bool trained = merge->training && best->has_training && source->has_training;
            if (strcmp(best->content, source->content) != 0 ||
                (trained && strcmp(best->training, source->training) != 0)) {
                return refuse(merge, best, source, err);
            }
            choose_name(merge, best, source);
            continue;
        }
        struct fs_merge_source moved = merge->source[kept];
        merge->source[kept++] = merge->source[i];
        if (kept - 1 != i) {
            merge->source[i] = moved; /* released with the rest */
        }
    }
    size_t all = merge->sources;
    for (size_t i = kept; i < all; i++) {
        release_source(&merge->source[i]);
    }
    merge->sources = kept;
    return 0;
}

/* Whether the settings of `source` name the digest of `other`. */
static bool names_digest(const struct fs_merge_source *source, const struct fs_merge_source *other)
{
    const char *before = source->settings;
    while ((before = strstr(before, SEPARATOR)) != NULL) {
        before += strlen(SEPARATOR);
        if (strncmp(before, other->job, strcspn(before, "\n")) == 0) {
            return true;
        }
    }
    return false;
}

/* That the stages of a cell were made one from another. */
static int check_chain(const struct merge *merge, struct fs_error *err)
{
    for (size_t i = 0; i < merge->sources; i++) {
        const struct fs_merge_source *source = &merge->source[i];
        bool made = strstr(source->settings, SEPARATOR) != NULL;
        for (size_t j = 0; made && j < merge->sources; j++) {
            const struct fs_merge_source *other = &merge->source[j];
            if ((made_from(source->stage) & 1u << other->stage) != 0 && strcmp(other->cell, source->cell) == 0 &&
                !names_digest(source, other)) {
                return fs_error_set(err, FS_EXIT_OTHER_JOB,
                                    "cell %s: %s of %s was not made from %s of %s; they belong to different jobs",
                                    source->cell, fs_stage_names[source->stage], merge->input[source->input].path,
                                    fs_stage_names[other->stage], merge->input[other->input].path);
            }
        }
    }
    return 0;
}

struct copying {
    struct fs_archive *to;
    const struct fs_merge_source *source;
    size_t prefix;
    bool training;
};

static int copy_entry(void *context, const struct fs_archive_entry *entry, struct fs_error *err)
{
    const struct copying *copying = context;
    char name[2048], to[3072];
    stage_name(entry->name + copying->prefix, name);
    if (part_of(name) == NAME || (part_of(name) == TRAINING && !copying->training)) {
        return 0; /* the name is written last, wherever it comes from */
    }
    /* the root's attributes become the group's */
    snprintf(to, sizeof to, CELLS "%s/%s%s", copying->source->cell, fs_stage_names[copying->source->stage],
             name[1] == '@' ? name + 1 : name);
    return fs_archive_write_entry(copying->to, to, entry, err);
}

static int copy_source(const struct merge *merge, const struct fs_merge_source *source, struct fs_archive *to,
                       struct fs_error *err)
{
    char prefix[2 * FS_CELL_LENGTH];
    struct fs_archive *from;
    if (open_source(merge, source, &from, prefix, err) != 0) {
        return -1;
    }
    struct copying copying = {to, source, prefix[1] == '\0' ? 0 : strlen(prefix), merge->training};
    int status = fs_archive_visit_group(from, prefix, copy_entry, &copying, err);
    close_source(merge, source, from);
    char group[2 * FS_CELL_LENGTH];
    snprintf(group, sizeof group, CELLS "%s/%s/provenance", source->cell, fs_stage_names[source->stage]);
    return status == 0 && source->model_name != NULL
               ? fs_archive_attribute_text(to, group, FS_MODEL_NAME, source->model_name, err)
               : status;
}

/* Over all that is kept, so that the same cells have the same digest. */
static int job_digest(const struct merge *merge, char hex[FS_DIGEST_SIZE], struct fs_error *err)
{
    struct fs_digest *digest;
    if (fs_digest_begin(&digest, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < merge->sources; i++) {
        fs_digest_add_text(digest, merge->source[i].cell);
        fs_digest_add_text(digest, fs_stage_names[merge->source[i].stage]);
        fs_digest_add_text(digest, merge->source[i].content);
    }
    fs_digest_end(digest, hex);
    return 0;
}

static int write_output(const struct merge *merge, const char *output, struct fs_error *err)
{
    char job[FS_DIGEST_SIZE];
    struct fs_archive *archive;
    if (job_digest(merge, job, err) != 0 ||
        fs_archive_create_large(output, FS_MERGED_FORMAT, job, &archive, err) != 0) {
        return -1;
    }
    int status = 0;
    for (size_t i = 0; status == 0 && i < merge->sources; i++) {
        status = copy_source(merge, &merge->source[i], archive, err);
    }
    if (status == 0) {
        status = fs_merge_write_tables(archive, merge->source, merge->sources, err);
    }
    if (status != 0) {
        fs_archive_abort(archive);
        return -1;
    }
    return fs_archive_publish(archive, err);
}

int fs_merge_with_training(const char *output, const struct fs_merge_input *input, size_t inputs, bool training,
                           struct fs_error *err)
{
    struct merge merge = {.input = input, .inputs = inputs, .training = training};
    merge.opened = fs_allocate(inputs, sizeof(struct fs_archive *), "the inputs of a merge", err);
    int status = merge.opened != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < inputs; i++) {
        status = read_input(&merge, i, err);
    }
    if (status == 0) {
        status = choose(&merge, err) == 0 && check_chain(&merge, err) == 0 ? write_output(&merge, output, err) : -1;
    }
    for (size_t i = 0; i < merge.sources; i++) {
        release_source(&merge.source[i]);
    }
    for (size_t i = 0; merge.opened != NULL && i < inputs; i++) {
        fs_archive_close(merge.opened[i]);
    }
    free(merge.opened);
    free(merge.source);
    return status;
}

int fs_merge(const char *output, const struct fs_merge_input *input, size_t inputs, struct fs_error *err)
{
    return fs_merge_with_training(output, input, inputs, false, err);
}
