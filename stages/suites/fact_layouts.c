#include "stages/suites/fact_layouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A record while it is read. */
struct source {
    const struct fs_json_document *document;
    const cJSON *entry;
    const char *where;
};

struct fs_fact_layout {
    const char *suite; /* that reads it; NULL: none does */
    const char *name;
    const char *known_by[4]; /* keys of each record, all of them; "a.b" is b of the object a */
    const char *id;          /* key of the id; the index where it is missing */
    size_t candidates;
    int (*read)(const struct source *source, struct fs_fact_record *fact, struct fs_error *err);
};

/* The member that a key with dots says; NULL where it is missing. */
static const cJSON *find(const cJSON *object, const char *key)
{
    char name[64];
    const char *dot = strchr(key, '.');
    int length = dot != NULL ? (int)(dot - key) : (int)strlen(key);
    snprintf(name, sizeof name, "%.*s", length, key);
    const cJSON *member = cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
    return dot == NULL || member == NULL ? member : find(member, dot + 1);
}

/* A text, or the first text of a list, also of a list in it. */
static int read_text(const struct source *source, const char *key, const char **text, struct fs_error *err)
{
    const cJSON *value = find(source->entry, key);
    for (size_t depth = 0; cJSON_IsArray(value) && value->child != NULL && depth < 2; depth++) {
        value = value->child;
    }
    if (!cJSON_IsString(value)) {
        bool empty = cJSON_IsArray(value) && value->child == NULL;
        return fs_json_wrong(source->document, source->where, key, empty ? "an empty array" : fs_json_kind(value),
                             "a string", err);
    }
    *text = value->valuestring;
    return 0;
}

static int read_texts(const struct source *source, const char *const *prompts, const char *const *answers, size_t count,
                      struct fs_fact_record *fact, struct fs_error *err)
{
    for (size_t k = 0; k < count; k++) {
        if (read_text(source, prompts[k], &fact->prompt[k], err) != 0 ||
            read_text(source, answers[k], &fact->answer[k], err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_easyedit(const struct source *source, struct fs_fact_record *fact, struct fs_error *err)
{
    static const char *const prompts[] = {"prompt", "prompt", "rephrase_prompt", "rephrase_prompt", "locality_prompt"};
    static const char *const answers[] = {"ground_truth", "target_new", "ground_truth", "target_new",
                                          "locality_ground_truth"};
    return read_texts(source, prompts, answers, FS_FACT_CANDIDATES, fact, err);
}

static int read_neighborhood(const struct source *source, struct fs_fact_record *fact, struct fs_error *err)
{
    static const char *const prompts[] = {"prompt", "prompt", "rephrase_prompt", "rephrase_prompt",
                                          "locality.neighborhood.prompt"};
    static const char *const answers[] = {"ground_truth", "target_new", "ground_truth", "target_new",
                                          "locality.neighborhood.ground_truth"};
    return read_texts(source, prompts, answers, FS_FACT_CANDIDATES, fact, err);
}

/* The prompt with the subject in the place of its {}. */
static int read_rome(const struct source *source, struct fs_fact_record *fact, struct fs_error *err)
{
    static const char *const prompts[] = {"requested_rewrite.prompt", "requested_rewrite.prompt", "paraphrase_prompts",
                                          "paraphrase_prompts", "neighborhood_prompts"};
    static const char *const answers[] = {"requested_rewrite.target_true.str", "requested_rewrite.target_new.str",
                                          "requested_rewrite.target_true.str", "requested_rewrite.target_new.str",
                                          "requested_rewrite.target_true.str"};
    const char *subject;
    if (read_texts(source, prompts, answers, FS_FACT_CANDIDATES, fact, err) != 0 ||
        read_text(source, "requested_rewrite.subject", &subject, err) != 0) {
        return -1;
    }
    const char *prompt = fact->prompt[FS_FACT_TRUE], *gap = strstr(prompt, "{}");
    if (gap == NULL || strstr(gap + 2, "{}") != NULL) {
        return fs_json_wrong(source->document, source->where, prompts[0], gap == NULL ? "no {}" : "{} twice",
                             "one {} for the subject", err);
    }
    if (asprintf(&fact->made, "%.*s%s%s", (int)(gap - prompt), prompt, subject, gap + 2) < 0) {
        fact->made = NULL;
        return fs_error_memory(err, strlen(prompt) + strlen(subject), "a prompt");
    }
    fact->prompt[FS_FACT_TRUE] = fact->made;
    fact->prompt[FS_FACT_NEW] = fact->made;
    return 0;
}

static int read_known(const struct source *source, struct fs_fact_record *fact, struct fs_error *err)
{
    static const char *const prompts[] = {"prompt"}, *const answers[] = {"attribute"};
    return read_texts(source, prompts, answers, 1, fact, err);
}

/* A layout stands before those that its records would be taken for too. */
static const struct fs_fact_layout layouts[] = {
    {"counterfact",
     "CounterFact in the layout of ROME and MEMIT",
     {"requested_rewrite.target_true"},
     "case_id",
     FS_FACT_CANDIDATES,
     read_rome},
    {NULL, "MQuAKE, whose facts are asked over several hops", {"requested_rewrite", "questions"}, NULL, 0, NULL},
    {NULL, "counterfact-tracing, without paraphrase and neighbour", {"target_true", "target_false"}, NULL, 0, NULL},
    {NULL, "zsRE, whose neighbours are questions on other facts", {"src", "alt", "answers"}, NULL, 0, NULL},
    {"counterfact",
     "CounterFact in EasyEdit's newer layout",
     {"locality.neighborhood"},
     "case_id",
     FS_FACT_CANDIDATES,
     read_neighborhood},
    {NULL, "KnowEdit, without a neighborhood prompt for each fact", {"target_new", "locality"}, NULL, 0, NULL},
    {NULL, "KnowEdit, without a neighborhood prompt for each fact", {"target_new", "portability"}, NULL, 0, NULL},
    {NULL, "KnowEdit (WikiBio), whose answers are whole texts", {"concept", "labels"}, NULL, 0, NULL},
    {"known_facts", "ROME's known facts", {"known_id"}, "known_id", 1, read_known},
    {"counterfact", "CounterFact in EasyEdit's layout", {"case_id"}, "case_id", FS_FACT_CANDIDATES, read_easyedit},
    {"counterfact",
     "CounterFact in EasyEdit's layout",
     {"prompt", "rephrase_prompt"},
     "case_id",
     FS_FACT_CANDIDATES,
     read_easyedit},
    {"known_facts", "ROME's known facts", {"prompt", "attribute"}, "known_id", 1, read_known}};

enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

static const struct fs_fact_layout *layout_of(const cJSON *record)
{
    for (size_t i = 0; i < LAYOUTS; i++) {
        size_t key = 0;
        while (key < 4 && layouts[i].known_by[key] != NULL && find(record, layouts[i].known_by[key]) != NULL) {
            key++;
        }
        if (key == 4 || layouts[i].known_by[key] == NULL) {
            return &layouts[i];
        }
    }
    return NULL;
}

/* The names of a suite's layouts, for error texts. */
static void list_layouts(const char *suite, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    const char *last = "";
    for (size_t i = 0; i < LAYOUTS && used < room; i++) {
        if (layouts[i].suite != NULL && strcmp(layouts[i].suite, suite) == 0 && strcmp(layouts[i].name, last) != 0) {
            last = layouts[i].name;
            used += (size_t)snprintf(text + used, room - used, "%s%s", used > 0 ? ", or " : "", last);
        }
    }
}

static int refuse(const struct fs_fact_file *file, const cJSON *record, size_t index, const char *expected,
                  struct fs_error *err)
{
    const struct fs_fact_layout *layout = layout_of(record);
    char keys[320], place[FS_RECORD_PLACE];
    return fs_error_set(err, FS_EXIT_DATA, "%s: %s found %s, expected %s%s", fs_json_name(file->records.document),
                        fs_records_place(&file->records, index, place),
                        layout != NULL ? layout->name : fs_records_describe(record, keys, sizeof keys), expected,
                        index > 0 ? " as in the first record" : "");
}

/* The layout of the first record, which all have to have. */
static int choose(struct fs_fact_file *file, const char *suite, struct fs_error *err)
{
    if (file->records.count == 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found an empty array, expected an array of facts",
                            fs_json_name(file->records.document));
    }
    const cJSON *record;
    size_t index = 0;
    cJSON_ArrayForEach(record, file->records.list)
    {
        const struct fs_fact_layout *layout = layout_of(record);
        if (index == 0 && (layout == NULL || layout->suite == NULL || strcmp(layout->suite, suite) != 0)) {
            char expected[256];
            list_layouts(suite, expected, sizeof expected);
            return refuse(file, record, index, expected, err);
        }
        file->layout = index == 0 ? layout : file->layout;
        if (layout == NULL || layout->read != file->layout->read) {
            return refuse(file, record, index, file->layout->name, err);
        }
        index++;
    }
    file->candidates = file->layout->candidates;
    return 0;
}

int fs_fact_file_open(const char *path, const char *suite, struct fs_fact_file *file, struct fs_error *err)
{
    static const char *const keys[] = {"case_id", "known_id", "prompt", "requested_rewrite", "src", "labels", NULL};
    *file = (struct fs_fact_file){0};
    if (fs_records_load(path, &(struct fs_record_kind){keys, NULL}, &file->records, err) != 0) {
        return -1;
    }
    if (choose(file, suite, err) != 0) {
        fs_fact_file_close(file);
        return -1;
    }
    return 0;
}

void fs_fact_file_close(struct fs_fact_file *file)
{
    fs_records_release(&file->records);
    *file = (struct fs_fact_file){0};
}

const char *fs_fact_file_id(const struct fs_fact_file *file)
{
    return file->layout->id;
}

/* A number or a text; the index where there is none. */
static int read_id(const struct source *source, const char *key, size_t index, struct fs_fact_record *fact,
                   struct fs_error *err)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(source->entry, key);
    size_t number = index;
    if (cJSON_IsString(value)) {
        fact->id = value->valuestring;
        return 0;
    }
    if (fs_json_size_optional(source->document, source->entry, source->where, key,
                              (struct fs_size_range){0, (size_t)1 << 40}, &number, err) != 0) {
        return -1;
    }
    snprintf(fact->number, sizeof fact->number, "%zu", number);
    fact->id = fact->number;
    return 0;
}

int fs_fact_record_read(const struct fs_fact_file *file, const cJSON *entry, size_t index, struct fs_fact_record *fact,
                        struct fs_error *err)
{
    char place[FS_RECORD_PLACE];
    const struct source source = {file->records.document, entry, fs_records_place(&file->records, index, place)};
    const cJSON *inner = find(entry, "requested_rewrite.subject"),
                *subject = inner != NULL ? inner : find(entry, "subject");
    *fact = (struct fs_fact_record){.id = "", .subject = cJSON_IsString(subject) ? subject->valuestring : ""};
    return read_id(&source, file->layout->id, index, fact, err) != 0 ? -1 : file->layout->read(&source, fact, err);
}

void fs_fact_record_release(struct fs_fact_record *fact)
{
    free(fact->made);
    *fact = (struct fs_fact_record){0};
}
