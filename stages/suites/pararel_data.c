#include "stages/suites/pararel_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/folder.h"

#define SUBJECT "[X]"
#define OBJECT "[Y]"
enum { PLACE = sizeof SUBJECT - 1 };

static const char *const pattern_keys[] = {"pattern", NULL};
static const char *const fact_keys[] = {"sub_label", "obj_label", NULL};

/* Where a file of patterns or facts is read to. */
struct reading {
    struct fs_pararel_relation *relation;
    const struct fs_pararel_options *options;
};

static int keep(char **copy, const char *text, size_t length, struct fs_error *err)
{
    *copy = strndup(text, length);
    return *copy != NULL ? 0 : fs_error_memory(err, length, "a text of ParaRel");
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + PLACE, what)) {
        count++;
    }
    return count;
}

/* A pattern that is wrong spoils all facts of its relation: the file is refused. */
static int take_pattern(void *context, const struct fs_record *record, enum fs_skip *reason, struct fs_error *err)
{
    struct reading *reading = context;
    struct fs_pararel_relation *relation = reading->relation;
    const char *text;
    if (fs_record_text(record, pattern_keys[0], &text, reason, err) != 0) {
        *reason = FS_KEPT;
        return -1;
    }
    if (count_of(text, SUBJECT) != 1 || count_of(text, OBJECT) != 1) {
        char found[96];
        (void)snprintf(found, sizeof found, "\"%.60s\"", text);
        return fs_json_wrong(record->document, record->place, pattern_keys[0], found,
                             "a sentence with [X] once and [Y] once", err);
    }
    const char *object = strstr(text, OBJECT), *after = object + PLACE;
    if (reading->options->object_ends && after[strspn(after, " .")] != '\0') {
        return 0;
    }
    if (fs_grow(&relation->pattern, &relation->pattern_room, relation->patterns + 1, sizeof *relation->pattern,
                "patterns of ParaRel", err) != 0) {
        return -1;
    }
    struct fs_pararel_pattern *pattern = &relation->pattern[relation->patterns++];
    *pattern = (struct fs_pararel_pattern){0};
    return keep(&pattern->before, text, (size_t)(object - text), err) == 0
               ? keep(&pattern->after, after, strlen(after), err)
               : -1;
}

static int find_object(struct fs_pararel_relation *relation, const struct fs_record *record, const char *text,
                       size_t *object, struct fs_error *err)
{
    for (*object = 0; *object < relation->objects; (*object)++) {
        if (strcmp(relation->object[*object], text) == 0) {
            return 0;
        }
    }
    if (relation->objects == FS_PARAREL_OBJECTS) {
        char found[64];
        (void)snprintf(found, sizeof found, "more than %d different ones", FS_PARAREL_OBJECTS);
        return fs_json_wrong(record->document, record->place, fact_keys[1], found, "one of few objects of a relation",
                             err);
    }
    if (fs_grow(&relation->object, &relation->object_room, relation->objects + 1, sizeof *relation->object,
                "objects of ParaRel", err) != 0 ||
        keep(&relation->object[relation->objects], text, strlen(text), err) != 0) {
        return -1;
    }
    relation->objects++;
    return 0;
}

/* All facts give objects; those beyond the most are no items. */
static int take_fact(void *context, const struct fs_record *record, enum fs_skip *reason, struct fs_error *err)
{
    struct reading *reading = context;
    struct fs_pararel_relation *relation = reading->relation;
    size_t most = reading->options->most / relation->patterns;
    bool kept = reading->options->most == 0 || relation->facts < (most > 0 ? most : 1);
    const char *subject = NULL, *object = NULL;
    struct fs_pararel_fact fact = {0};
    int status = fs_record_text(record, fact_keys[0], &subject, reason, err) == 0 &&
                         fs_record_text(record, fact_keys[1], &object, reason, err) == 0
                     ? 0
                     : -1;
    if (status == 0 && find_object(relation, record, object, &fact.object, err) != 0) {
        return -1;
    }
    if (!kept) { /* what is wrong with it does not matter */
        return 0;
    }
    if (fs_grow(&relation->fact, &relation->fact_room, relation->facts + 1, sizeof *relation->fact, "facts of ParaRel",
                err) != 0 ||
        (status == 0 && keep(&fact.subject, subject, strlen(subject), err) != 0)) {
        *reason = FS_KEPT;
        return -1;
    }
    fact.unusable = (uint8_t)*reason;
    relation->fact[relation->facts++] = fact;
    return status;
}

static int read_relation(const char *patterns, const char *facts, const struct fs_pararel_options *options,
                         struct fs_pararel_relation *relation, struct fs_item_report *report, struct fs_error *err)
{
    static const struct fs_record_kind pattern_kind = {.keys = pattern_keys}, fact_kind = {.keys = fact_keys};
    struct reading reading = {relation, options};
    struct fs_item_report of_patterns = {0}, of_facts = {0};
    const struct fs_record_taker take_patterns = {&pattern_kind, take_pattern, &reading},
                                 take_facts = {&fact_kind, take_fact, &reading};
    if (fs_record_items_read(patterns, &take_patterns, &of_patterns, err) != 0) {
        return -1;
    }
    if (relation->patterns == 0) {
        return 0;
    }
    if (fs_record_items_read(facts, &take_facts, &of_facts, err) != 0) {
        return -1;
    }
    of_facts.items = relation->facts;
    fs_item_report_add(report, &of_facts, facts);
    return 0;
}

/* The folder of patterns: as it stands in the repository, or beside the facts. */
static char *find_patterns(const char *path, struct fs_error *err)
{
    static const char *const names[] = {"graphs", "pattern_data/graphs_json"};
    char *folder = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct stat info;
        if (asprintf(&folder, "%s/%s", path, names[i]) < 0) {
            (void)fs_error_memory(err, strlen(path), "a path");
            return NULL;
        }
        if (stat(folder, &info) == 0 && S_ISDIR(info.st_mode)) {
            return folder;
        }
        free(folder);
    }
    (void)fs_error_set(err, FS_EXIT_NO_INPUT, "%s: found neither the folder %s nor %s, expected ParaRel's folder data",
                       path, names[0], names[1]);
    return NULL;
}

static int read_file(const char *path, const char *patterns, const struct fs_pararel_options *options,
                     struct fs_pararel *data, struct fs_item_report *report, struct fs_error *err)
{
    const char *file = strrchr(patterns, '/') + 1;
    struct fs_pararel_relation *relation = &data->relation[data->relations++];
    char *facts = NULL;
    if (keep(&relation->name, file, strlen(file) - strlen(".jsonl"), err) != 0) {
        return -1;
    }
    if (asprintf(&facts, "%s/trex_lms_vocab/%s", path, file) < 0) {
        return fs_error_memory(err, strlen(path), "a path");
    }
    int status = read_relation(patterns, facts, options, relation, report, err);
    free(facts);
    return status;
}

int fs_pararel_read(const char *path, const struct fs_pararel_options *options, struct fs_pararel *data,
                    struct fs_item_report *report, struct fs_error *err)
{
    struct fs_folder files = {0};
    char *folder = find_patterns(path, err);
    *data = (struct fs_pararel){0};
    int status = folder != NULL ? fs_folder_list(folder, ".jsonl", &files, err) : -1;
    if (status == 0) {
        data->relation = fs_allocate(files.count, sizeof *data->relation, "relations of ParaRel", err);
        status = data->relation != NULL ? 0 : -1;
    }
    for (size_t i = 0; status == 0 && i < files.count; i++) {
        status = read_file(path, files.path[i], options, data, report, err);
    }
    fs_folder_release(&files);
    if (status == 0 && report->items == 0) {
        status = fs_error_set(err, FS_EXIT_DATA,
                              "%s: found no pattern that ends in [Y], expected one for a causal model", folder);
    }
    free(folder);
    return status == 0 ? fs_item_report_check(report, path, err) : -1;
}

void fs_pararel_release(struct fs_pararel *data)
{
    for (size_t r = 0; r < data->relations; r++) {
        struct fs_pararel_relation *relation = &data->relation[r];
        for (size_t i = 0; i < relation->patterns; i++) {
            free(relation->pattern[i].before);
            free(relation->pattern[i].after);
        }
        for (size_t i = 0; i < relation->objects; i++) {
            free(relation->object[i]);
        }
        for (size_t i = 0; i < relation->facts; i++) {
            free(relation->fact[i].subject);
        }
        free(relation->name);
        free(relation->pattern);
        free(relation->object);
        free(relation->fact);
    }
    free(data->relation);
    *data = (struct fs_pararel){0};
}

char *fs_pararel_fill(const char *part, const char *subject, struct fs_error *err)
{
    const char *at = strstr(part, SUBJECT);
    char *text = NULL;
    int length = at != NULL ? asprintf(&text, "%.*s%s%s", (int)(at - part), part, subject, at + PLACE)
                            : asprintf(&text, "%s", part);
    if (length < 0) {
        (void)fs_error_memory(err, strlen(part) + strlen(subject), "a text of ParaRel");
        return NULL;
    }
    return text;
}
