#include "jobs/model_names.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/console/progress.h"
#include "io/digest.h"

#define HUB_PREFIX "models--"
#define HUB_REVISIONS "/snapshots/"
#define SHORT_HASH 8 /* digits, more where they are the same */

struct model {
    char *name, *path, *files; /* as given, "" where not known; the path in its plain form */
    char key[FS_DIGEST_SIZE];  /* of all three */
    char *own, *label;
    size_t lines;  /* of files */
    size_t leader; /* place of the first of those that are the same model */
};

struct fs_model_names {
    struct model *model; /* [models] in the order of adding */
    size_t models, model_room;
    size_t *by_key; /* [models] places, sorted by key */
    size_t key_room;
};

/* ---- paths ---- */

/* `path` without "//", "/./", "/../" and a slash at its end; the caller frees. */
static char *plain_path(const char *path)
{
    size_t used = 0, length = strlen(path), kept = 0;
    char *plain = calloc(length + 2, 1);
    bool absolute = path[0] == '/';
    if (plain == NULL) {
        return NULL;
    }
    while (*path != '\0') {
        size_t part = strcspn(path, "/");
        bool up = part == 2 && strncmp(path, "..", 2) == 0;
        if (up && (kept > 0 || absolute)) {
            while (used > 0 && plain[--used] != '/') {
            }
            kept -= kept > 0;
        } else if (part > 0 && !(part == 1 && *path == '.')) {
            if (used > 0 || absolute) {
                plain[used++] = '/';
            }
            memcpy(plain + used, path, part);
            used += part;
            kept += !up;
        }
        path += part + (path[part] == '/');
    }
    plain[used] = '\0';
    return plain;
}

/* The repository of a Hub cache's folder, "org/name@<revision>" with `revision`; NULL: it is none. The caller frees. */
static char *hub_name(const char *plain, bool revision)
{
    const char *slash = strrchr(plain, '/'), *begin = slash != NULL ? slash + 1 : plain, *end = begin + strlen(begin);
    const char *snapshot = "";
    const size_t middle = strlen(HUB_REVISIONS), prefix = strlen(HUB_PREFIX);
    if (slash != NULL && (size_t)(slash + 1 - plain) >= middle &&
        strncmp(slash + 1 - middle, HUB_REVISIONS, middle) == 0) {
        end = slash + 1 - middle;
        begin = end;
        while (begin > plain && begin[-1] != '/') {
            begin--;
        }
        snapshot = slash + 1;
    }
    if ((size_t)(end - begin) <= prefix || strncmp(begin, HUB_PREFIX, prefix) != 0 || (revision && *snapshot == '\0')) {
        return NULL;
    }
    char *name = calloc((size_t)(end - begin) + strlen(snapshot) + 2, 1);
    size_t used = 0;
    for (const char *from = begin + prefix; name != NULL && from < end; from++) {
        bool separator = from + 1 < end && from[0] == '-' && from[1] == '-';
        name[used++] = *from;
        if (separator) {
            name[used - 1] = '/';
            from++;
        }
    }
    if (name != NULL && revision) {
        snprintf(name + used, strlen(snapshot) + 2, "@%.*s", SHORT_HASH, snapshot);
    }
    return name;
}

/* The last `parts` parts of a plain path, the whole of it where it has no more. */
static const char *ending(const char *plain, size_t parts)
{
    const char *at = plain + strlen(plain);
    while (at > plain && parts > 0) {
        at--;
        parts -= *at == '/';
    }
    return parts == 0 ? at + 1 : plain;
}

char *fs_model_own_name(const char *path)
{
    char *plain = plain_path(path);
    char *name = plain != NULL ? hub_name(plain, false) : NULL;
    if (plain != NULL && name == NULL) {
        const char *slash = strrchr(plain, '/');
        name = strdup(slash != NULL ? slash + 1 : plain);
    }
    free(plain);
    return name;
}

/* ---- adding ---- */

struct fs_model_names *fs_model_names_create(struct fs_error *err)
{
    return fs_allocate(1, sizeof(struct fs_model_names), "the names of models", err);
}

static void release(struct model *model)
{
    free(model->name);
    free(model->path);
    free(model->files);
    free(model->own);
    free(model->label);
}

void fs_model_names_destroy(struct fs_model_names *names)
{
    if (names == NULL) {
        return;
    }
    for (size_t i = 0; i < names->models; i++) {
        release(&names->model[i]);
    }
    free(names->model);
    free(names->by_key);
    free(names);
}

static int make_model(const struct fs_model_id *id, struct model *model, struct fs_error *err)
{
    struct fs_digest *digest;
    const char *path = id->path != NULL ? id->path : "";
    *model = (struct model){.name = strdup(id->name != NULL ? id->name : ""),
                            .path = plain_path(path),
                            .files = strdup(id->files != NULL ? id->files : "")};
    if (model->name == NULL || model->path == NULL || model->files == NULL || fs_digest_begin(&digest, err) != 0) {
        return fs_error_memory(err, strlen(path), "the names of models");
    }
    fs_digest_add_text(digest, model->name);
    fs_digest_add_text(digest, model->path);
    fs_digest_add_text(digest, model->files);
    fs_digest_end(digest, model->key);
    for (const char *at = model->files; *at != '\0'; at++) {
        model->lines += *at == '\n';
    }
    model->own = model->name[0] != '\0' ? strdup(model->name) : fs_model_own_name(path);
    return model->own != NULL ? 0 : fs_error_memory(err, strlen(path), "the names of models");
}

int fs_model_names_add(struct fs_model_names *names, const struct fs_model_id *id, size_t *place, struct fs_error *err)
{
    struct model model = {0};
    size_t first = 0, end = names->models;
    if (make_model(id, &model, err) != 0) {
        release(&model);
        return -1;
    }
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        int by = strcmp(names->model[names->by_key[middle]].key, model.key);
        if (by == 0) {
            *place = names->by_key[middle];
            release(&model);
            return 0;
        }
        first = by < 0 ? middle + 1 : first;
        end = by < 0 ? end : middle;
    }
    if (fs_grow(&names->model, &names->model_room, names->models + 1, sizeof model, "the names of models", err) != 0 ||
        fs_grow(&names->by_key, &names->key_room, names->models + 1, sizeof *names->by_key, "the names of models",
                err) != 0) {
        release(&model);
        return -1;
    }
    memmove(names->by_key + first + 1, names->by_key + first, (names->models - first) * sizeof *names->by_key);
    *place = names->by_key[first] = names->models;
    names->model[names->models++] = model;
    return 0;
}

/* ---- which are the same ---- */

/* Whether every line of `some` is one of `all`. */
static bool holds_lines(const char *all, const char *some)
{
    while (*some != '\0') {
        size_t length = strcspn(some, "\n");
        const char *at = all;
        while (*at != '\0' && !(strncmp(at, some, length) == 0 && (at[length] == '\n' || at[length] == '\0'))) {
            at += strcspn(at, "\n");
            at += *at == '\n';
        }
        if (*at == '\0') {
            return false;
        }
        some += length + (some[length] == '\n');
    }
    return true;
}

/* Of two with one own name. A later version may hash more files of a folder: one's files are among the other's. */
static bool is_same(const struct model *one, const struct model *other)
{
    if (one->lines > 0 && other->lines > 0) {
        return one->lines >= other->lines ? holds_lines(one->files, other->files)
                                          : holds_lines(other->files, one->files);
    }
    return strcmp(one->path, other->path) == 0;
}

static const struct model *sorting; /* qsort has no context */

/* By own name, those that say most first. */
static int compare_models(const void *a, const void *b)
{
    const struct model *one = &sorting[*(const size_t *)a], *other = &sorting[*(const size_t *)b];
    int by = strcmp(one->own, other->own);
    by = by != 0 ? by : (one->lines < other->lines) - (one->lines > other->lines);
    by = by != 0 ? by : (one->name[0] == '\0') - (other->name[0] == '\0');
    by = by != 0 ? by : strcmp(one->files, other->files);
    return by != 0 ? by : strcmp(one->path, other->path);
}

/* Models of one own name, order[first .. end - 1]. */
struct group {
    struct fs_model_names *names;
    const size_t *order;
    size_t first, end;
};

static struct model *model_at(const struct group *group, size_t i)
{
    return &group->names->model[group->order[i]];
}

static size_t find_leaders(const struct group *group)
{
    size_t leaders = 0;
    for (size_t i = group->first; i < group->end; i++) {
        struct model *model = model_at(group, i);
        model->leader = group->order[i];
        for (size_t before = group->first; before < i && model->leader == group->order[i]; before++) {
            if (model_at(group, before)->leader == group->order[before] && is_same(model_at(group, before), model)) {
                model->leader = group->order[before];
            }
        }
        leaders += model->leader == group->order[i];
    }
    return leaders;
}

/* Whether one of those that are the same has a given name. */
static bool has_name(const struct group *group, size_t leader)
{
    for (size_t i = group->first; i < group->end; i++) {
        if (model_at(group, i)->leader == leader && model_at(group, i)->name[0] != '\0') {
            return true;
        }
    }
    return false;
}

/* ---- names ---- */

/* Whether a model of another own name is called so, or one that has its name already. */
static bool is_taken(const struct group *group, const char *label)
{
    const struct fs_model_names *names = group->names;
    const char *own = model_at(group, group->first)->own;
    for (size_t i = 0; i < names->models; i++) {
        if ((strcmp(names->model[i].own, label) == 0 && strcmp(own, label) != 0) ||
            (names->model[i].label != NULL && strcmp(names->model[i].label, label) == 0)) {
            return true;
        }
    }
    return false;
}

static bool ends_with(const char *plain, const char *part)
{
    size_t length = strlen(plain), of_part = strlen(part);
    return of_part <= length && strcmp(plain + length - of_part, part) == 0 &&
           (of_part == length || (part[0] != '/' && plain[length - of_part - 1] == '/'));
}

/* Whether the path of another model of the group ends so too. */
static bool is_shared(const struct group *group, size_t leader, const char *part)
{
    for (size_t i = group->first; i < group->end; i++) {
        const struct model *model = model_at(group, i);
        char *revision = model->leader != leader ? hub_name(model->path, true) : NULL;
        bool shared = model->leader != leader &&
                      (ends_with(model->path, part) || (revision != NULL && strcmp(revision, part) == 0));
        free(revision);
        if (shared) {
            return true;
        }
    }
    return false;
}

/* The shortest ending of its path that is its own; NULL: there is none. The caller frees. */
static char *own_ending(const struct group *group, size_t leader)
{
    const char *plain = group->names->model[leader].path;
    char *revision = hub_name(plain, true);
    if (revision != NULL && !is_shared(group, leader, revision) && !is_taken(group, revision)) {
        return revision;
    }
    free(revision);
    for (size_t parts = 2;; parts++) {
        const char *part = ending(plain, parts);
        if (part[0] != '\0' && !is_shared(group, leader, part) && !is_taken(group, part)) {
            return strdup(part);
        }
        if (part == plain) {
            return NULL;
        }
    }
}

/* "name@1a2b3c4d". The caller frees. */
static char *hashed_name(const struct group *group, size_t leader)
{
    const struct model *model = &group->names->model[leader];
    const char *hashed = model->lines > 0 ? model->files : model->path;
    char hex[FS_DIGEST_SIZE], *label = NULL;
    fs_digest_bytes(hashed, strlen(hashed), hex);
    for (int digits = SHORT_HASH; digits < FS_DIGEST_SIZE; digits++) {
        free(label);
        if (asprintf(&label, "%s@%.*s", model->own, digits, hex) < 0) {
            return NULL;
        }
        if (!is_taken(group, label)) {
            break;
        }
    }
    return label;
}

/* Of models[leaders], more than one. A given name that one of them alone has stays. */
static int tell_apart(const struct group *group, struct fs_error *err)
{
    size_t named = 0;
    for (size_t i = group->first; i < group->end; i++) {
        named += model_at(group, i)->leader == group->order[i] && has_name(group, group->order[i]);
    }
    for (size_t i = group->first; i < group->end; i++) {
        struct model *model = model_at(group, i);
        bool given = has_name(group, model->leader);
        if (model->leader != group->order[i]) {
            model->label = strdup(group->names->model[model->leader].label); /* which stands before it */
        } else if (given && named == 1) {
            model->label = strdup(model->own);
        } else {
            model->label = given ? NULL : own_ending(group, group->order[i]);
            model->label = model->label != NULL ? model->label : hashed_name(group, group->order[i]);
        }
        if (model->label == NULL) {
            return fs_error_memory(err, 64, "the names of models");
        }
    }
    return 0;
}

/* A sweep's name such as run-a/checkpoint-500 is also that of the same files at such a path without a name. */
static int adopt_names(struct fs_model_names *names, struct fs_error *err)
{
    for (size_t i = 0; i < names->models; i++) {
        struct model *model = &names->model[i];
        const char *name = NULL;
        for (size_t k = 0; model->name[0] == '\0' && model->lines > 0 && k < names->models; k++) {
            const struct model *other = &names->model[k];
            if (other->name[0] != '\0' && other->lines > 0 && ends_with(model->path, other->name) &&
                is_same(model, other) && (name == NULL || strcmp(other->name, name) < 0)) {
                name = other->name;
            }
        }
        if (name != NULL) {
            free(model->own);
            model->own = strdup(name);
            if (model->own == NULL) {
                return fs_error_memory(err, 64, "the names of models");
            }
        }
    }
    return 0;
}

int fs_model_names_resolve(struct fs_model_names *names, struct fs_error *err)
{
    size_t *order = fs_allocate(names->models + 1, sizeof *order, "the names of models", err);
    if (order == NULL) {
        return -1;
    }
    for (size_t i = 0; i < names->models; i++) {
        order[i] = i;
    }
    if (adopt_names(names, err) != 0) {
        free(order);
        return -1;
    }
    sorting = names->model;
    qsort(order, names->models, sizeof *order, compare_models);
    struct group group = {.names = names, .order = order};
    int status = 0;
    for (; status == 0 && group.first < names->models; group.first = group.end) {
        const char *own = names->model[order[group.first]].own;
        for (group.end = group.first;
             group.end < names->models && strcmp(model_at(&group, group.end)->own, own) == 0;) {
            group.end++;
        }
        if (find_leaders(&group) > 1) {
            status = tell_apart(&group, err);
            continue;
        }
        for (size_t i = group.first; status == 0 && i < group.end; i++) {
            model_at(&group, i)->label = strdup(own);
            status = model_at(&group, i)->label != NULL ? 0 : fs_error_memory(err, 64, "the names of models");
        }
    }
    free(order);
    return status;
}

const char *fs_model_names_get(const struct fs_model_names *names, size_t place)
{
    return names->model[place].label;
}

const char *fs_model_names_own(const struct fs_model_names *names, size_t place)
{
    return names->model[place].own;
}

/* The first model before `model` with the same files and another name; NULL: none. */
static const struct model *find_twin(const struct fs_model_names *names, const struct model *model)
{
    for (const struct model *other = names->model; model->lines > 0 && other < model; other++) {
        if (strcmp(other->files, model->files) == 0 && strcmp(other->label, model->label) != 0) {
            return other;
        }
    }
    return NULL;
}

void fs_model_names_tell(const struct fs_model_names *names, const char *who)
{
    for (size_t i = 0; i < names->models; i++) {
        const struct model *model = &names->model[i];
        if (model->leader == i && model->name[0] != '\0' && strcmp(model->label, model->own) != 0) {
            fs_warn("%s: \"%s\" is the name of several models, whose files differ: %s is that of %s", who, model->own,
                    model->label, model->path);
        }
        const struct model *twin = model->leader == i ? find_twin(names, model) : NULL;
        if (twin != NULL) {
            fs_say("%s: \"%s\" and \"%s\" are two names of the same files; they count as two models", who, twin->label,
                   model->label);
        }
    }
}
