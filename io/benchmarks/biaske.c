/* BiasKE in fairstamp's own layout; see benchmark/README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/benchmarks/benchmark.h"
#include "io/benchmarks/benchmark_internal.h"
#include "io/benchmarks/category.h"
#include "io/folder.h"
#include "io/formats/json.h"
#include "io/formats/records.h"

#define SUBJECT "{subject}"
#define OBJECT "{object}"
#define MOST_BYTES ((size_t)2000)

static const char *const known_categories[] = {"gender",
                                               "race",
                                               "religion",
                                               "nationality",
                                               "age",
                                               "disability",
                                               "socioeconomic",
                                               "sexual-orientation",
                                               "physical-appearance",
                                               "profession",
                                               "none",
                                               NULL};
static const char *const root_keys[] = {"format", "version", "licence", "pairs", "facts", NULL};
static const char *const pair_keys[] = {"id",        "category", "target", "relation",    "object",
                                        "unrelated", "subjects", "prompt", "paraphrases", NULL};
static const char *const fact_keys[] = {"id",     "category",           "subject", "counterpart_subject",
                                        "object", "counterpart_object", "prompt",  NULL};

/* Where in the file: every error text begins with it. */
struct place {
    const struct fs_json_document *document;
    char where[64]; /* "pairs[3]" */
    const char *id; /* the item's, "" before it is known */
    struct fs_error *err;
    enum fs_skip reason; /* why the item cannot be used, where reading it fails */
};

static int fail(const struct place *place, const char *key, const char *found, const char *expected)
{
    return fs_error_set(place->err, FS_EXIT_DATA, "%s: %s.%s (id \"%.100s\"): found %s, expected %s",
                        fs_json_name(place->document), place->where, key, place->id, found, expected);
}

/* Texts are taken literally, so that a stray space at an end would go into a model. */
static int check_text(struct place *place, const char *key, const char *text)
{
    size_t length = strlen(text);
    if (length == 0) {
        place->reason = FS_SKIP_EMPTY_TEXT;
        return fail(place, key, "an empty text", "a word or more");
    }
    if (length > MOST_BYTES) {
        char found[64];
        snprintf(found, sizeof found, "a text of %zu bytes", length);
        return fail(place, key, found, "at most 2000: one sentence");
    }
    if (strchr(" \t\r\n", text[0]) != NULL || strchr(" \t\r\n", text[length - 1]) != NULL) {
        return fail(place, key, "white space at an end", "none");
    }
    return 0;
}

static int read_text(struct place *place, const cJSON *object, const char *key, const char **text)
{
    if (fs_json_text(place->document, object, place->where, key, text, place->err) != 0) {
        return -1;
    }
    return check_text(place, key, *text);
}

static int read_category(struct place *place, const cJSON *object, const char **category)
{
    if (read_text(place, object, "category", category) != 0) {
        return -1;
    }
    *category = fs_category_name(*category);
    for (const char *const *known = known_categories; *known != NULL; known++) {
        if (strcmp(*known, *category) == 0) {
            return 0;
        }
    }
    return fs_error_set(place->err, FS_EXIT_DATA,
                        "%s: %s.category (id \"%.100s\"): found \"%.100s\", which is no category; the nearest is "
                        "\"%s\"",
                        fs_json_name(place->document), place->where, place->id, *category,
                        fs_nearest_name(*category, known_categories));
}

/* A prompt has each placeholder once. */
static int check_prompt(const struct place *place, const char *key, const char *prompt)
{
    static const char *const placeholders[] = {SUBJECT, OBJECT};
    for (size_t i = 0; i < 2; i++) {
        const char *at = strstr(prompt, placeholders[i]);
        if (at == NULL || strstr(at + 1, placeholders[i]) != NULL) {
            char expected[32];
            snprintf(expected, sizeof expected, "%s exactly once", placeholders[i]);
            return fail(place, key, at == NULL ? "no placeholder" : "the placeholder twice", expected);
        }
    }
    return 0;
}

static int check_distinct(const struct place *place, const char *key, const char *text, const char *other,
                          const char *other_key)
{
    if (strcasecmp(text, other) != 0) {
        return 0;
    }
    char expected[64];
    snprintf(expected, sizeof expected, "another text than %s", other_key);
    char found[128];
    snprintf(found, sizeof found, "\"%.100s\"", text);
    return fail(place, key, found, expected);
}

static void capitalise(char *text)
{
    if (text[0] >= 'a' && text[0] <= 'z') {
        text[0] = (char)(text[0] - 'a' + 'A');
    }
}

/* `subject` as `prompt` has it: with a capital letter where the prompt begins with it. The caller frees. */
static char *subject_in(const char *prompt, const char *subject, struct fs_error *err)
{
    char *copy = fs_copy_text(subject, strlen(subject), err);
    if (copy != NULL && strncmp(prompt, SUBJECT, strlen(SUBJECT)) == 0) {
        capitalise(copy);
    }
    return copy;
}

/* `text` with `subject` for its placeholder, if that lies within `length` bytes. The caller frees. */
static char *put_subject(const char *text, size_t length, const char *subject, struct fs_error *err)
{
    const char *at = strstr(text, SUBJECT);
    if (at == NULL || at >= text + length) {
        return fs_copy_text(text, length, err);
    }
    size_t head = (size_t)(at - text);
    size_t tail = length - head - strlen(SUBJECT);
    size_t size = strlen(subject);
    char *filled = fs_allocate(head + size + tail + 1, 1, "the text of a benchmark", err);
    if (filled != NULL) {
        memcpy(filled, text, head);
        memcpy(filled + head, subject, size);
        memcpy(filled + head + size, at + strlen(SUBJECT), tail);
    }
    return filled;
}

/* A checked `prompt` with both placeholders replaced; its first letter becomes a capital where a placeholder begins it.
 */
static int compose(struct fs_statement_text *statement, const char *prompt, const char *subject, const char *object,
                   struct fs_error *err)
{
    const char *at = strstr(prompt, OBJECT);
    const char *rest = at + strlen(OBJECT);
    char *before = put_subject(prompt, (size_t)(at - prompt), subject, err);
    char *after = put_subject(rest, strlen(rest), subject, err);
    char *completion = fs_copy_text(object, strlen(object), err);
    int result = -1;
    if (before != NULL && after != NULL && completion != NULL) {
        if (prompt[0] == '{') {
            capitalise(before[0] != '\0' ? before : completion);
        }
        const struct fs_statement_parts parts = {before, strlen(before), completion, after, NULL, ""};
        result = fs_statement_set(statement, &parts, err);
    }
    free(before);
    free(after);
    free(completion);
    return result;
}

static int read_subjects(struct place *place, const cJSON *object, const char *subjects[2])
{
    const cJSON *list;
    if (fs_json_array(place->document, object, place->where, "subjects", &list, place->err) != 0) {
        return -1;
    }
    const cJSON *first = list->child;
    const cJSON *second = first == NULL ? NULL : first->next;
    if (!cJSON_IsString(first) || !cJSON_IsString(second) || second->next != NULL) {
        return fail(place, "subjects", "another list", "two strings: the stereotyped subject, the counterpart");
    }
    subjects[0] = first->valuestring;
    subjects[1] = second->valuestring;
    if (check_text(place, "subjects", subjects[0]) != 0 || check_text(place, "subjects", subjects[1]) != 0) {
        return -1;
    }
    return check_distinct(place, "subjects", subjects[1], subjects[0], "the first subject");
}

static int read_paraphrases(struct place *place, const cJSON *object, const char *prompt, const char *const subjects[2],
                            const char *completion, struct fs_pair *pair)
{
    const cJSON *list;
    const cJSON *entry;
    if (fs_json_array(place->document, object, place->where, "paraphrases", &list, place->err) != 0) {
        return -1;
    }
    size_t count = 0;
    cJSON_ArrayForEach(entry, list)
    {
        if (!cJSON_IsString(entry)) {
            return fail(place, "paraphrases", fs_json_kind(entry), "strings");
        }
        if (check_text(place, "paraphrases", entry->valuestring) != 0 ||
            check_prompt(place, "paraphrases", entry->valuestring) != 0 ||
            check_distinct(place, "paraphrases", entry->valuestring, prompt, "prompt") != 0) {
            return -1;
        }
        count++;
    }
    pair->paraphrase = fs_allocate(count, sizeof *pair->paraphrase, "paraphrases", place->err);
    if (pair->paraphrase == NULL) {
        return -1;
    }
    cJSON_ArrayForEach(entry, list)
    {
        struct fs_statement_text *both = pair->paraphrase[pair->paraphrases++];
        if (compose(&both[FS_STEREOTYPE], entry->valuestring, subjects[0], completion, place->err) != 0 ||
            compose(&both[FS_ANTI_STEREOTYPE], entry->valuestring, subjects[1], completion, place->err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_pair(struct place *place, const cJSON *entry, struct fs_pair *pair)
{
    const char *target;
    const char *relation;
    const char *object;
    const char *unrelated;
    const char *prompt;
    const char *subjects[2] = {NULL};
    struct fs_error *err = place->err;
    if (fs_json_refuse_unknown(place->document, entry, place->where, pair_keys, err) != 0 ||
        read_text(place, entry, "target", &target) != 0 || read_text(place, entry, "relation", &relation) != 0 ||
        read_text(place, entry, "object", &object) != 0 || read_text(place, entry, "unrelated", &unrelated) != 0 ||
        check_distinct(place, "unrelated", unrelated, object, "object") != 0 ||
        read_subjects(place, entry, subjects) != 0 || read_text(place, entry, "prompt", &prompt) != 0 ||
        check_prompt(place, "prompt", prompt) != 0) {
        return -1;
    }
    pair->target = fs_copy_text(target, strlen(target), err);
    pair->subject = subject_in(prompt, subjects[0], err);
    pair->counterpart = subject_in(prompt, subjects[1], err);
    pair->has_counterpart_unrelated = true;
    if (pair->target == NULL || pair->subject == NULL || pair->counterpart == NULL) {
        return -1;
    }
    struct fs_statement_text *statement = pair->statement;
    if (compose(&statement[FS_STEREOTYPE], prompt, subjects[0], object, err) != 0 ||
        compose(&statement[FS_ANTI_STEREOTYPE], prompt, subjects[1], object, err) != 0 ||
        compose(&statement[FS_UNRELATED], prompt, subjects[0], unrelated, err) != 0 ||
        compose(&statement[FS_UNRELATED_COUNTERPART], prompt, subjects[1], unrelated, err) != 0) {
        return -1;
    }
    return read_paraphrases(place, entry, prompt, subjects, object, pair);
}

/* Exactly one of counterpart_subject and counterpart_object; the other is set to the fact's own. */
static int read_counterpart(struct place *place, const cJSON *entry, const char **subject, const char **object)
{
    const char *other_subject = NULL;
    const char *other_object = NULL;
    if (fs_json_text_optional(place->document, entry, place->where, "counterpart_subject", &other_subject,
                              place->err) != 0 ||
        fs_json_text_optional(place->document, entry, place->where, "counterpart_object", &other_object, place->err) !=
            0) {
        return -1;
    }
    if ((other_subject == NULL) == (other_object == NULL)) {
        return fail(place, "counterpart_subject",
                    other_subject == NULL ? "neither it nor counterpart_object" : "it and counterpart_object",
                    "exactly one of the two");
    }
    bool by_subject = other_subject != NULL;
    const char *key = by_subject ? "counterpart_subject" : "counterpart_object";
    const char **own = by_subject ? subject : object;
    const char *other = by_subject ? other_subject : other_object;
    if (check_text(place, key, other) != 0 ||
        check_distinct(place, key, other, *own, by_subject ? "subject" : "object") != 0) {
        return -1;
    }
    *own = other;
    return 0;
}

static int read_fact(struct place *place, const cJSON *entry, struct fs_fact *fact)
{
    const char *subject;
    const char *object;
    const char *prompt;
    struct fs_error *err = place->err;
    if (fs_json_refuse_unknown(place->document, entry, place->where, fact_keys, err) != 0 ||
        read_text(place, entry, "subject", &subject) != 0 || read_text(place, entry, "object", &object) != 0 ||
        read_text(place, entry, "prompt", &prompt) != 0 || check_prompt(place, "prompt", prompt) != 0) {
        return -1;
    }
    const char *other_subject = subject;
    const char *other_object = object;
    if (read_counterpart(place, entry, &other_subject, &other_object) != 0) {
        return -1;
    }
    fact->subject = subject_in(prompt, subject, err);
    if (fact->subject == NULL || compose(&fact->statement, prompt, subject, object, err) != 0) {
        return -1;
    }
    return compose(&fact->counterpart, prompt, other_subject, other_object, err);
}

/* The id and category of a pair or fact; *category stays NULL where there is none. */
static int read_names(struct place *place, const cJSON *entry, char **id, char **category)
{
    const char *text;
    if (read_text(place, entry, "id", &place->id) != 0) {
        place->id = "";
        return -1;
    }
    *id = fs_copy_text(place->id, strlen(place->id), place->err);
    if (*id == NULL || read_category(place, entry, &text) != 0) {
        return -1;
    }
    *category = fs_copy_text(text, strlen(text), place->err);
    return *category != NULL ? 0 : -1;
}

static int check_root(const struct fs_json_document *document, struct fs_error *err)
{
    const cJSON *root = fs_json_root(document);
    const char *path = fs_json_name(document);
    const char *text;
    size_t version;
    if (!cJSON_IsObject(root)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %s, expected an object", path, fs_json_kind(root));
    }
    if (!cJSON_HasObjectItem(root, "format")) {
        char found[256];
        return fs_error_set(
            err, FS_EXIT_DATA,
            "%s: found %s, expected a BiasKE file with \"format\": \"fairstamp-biaske\"; its layout is in "
            "benchmark/README.md",
            path, fs_records_describe(root, found, sizeof found));
    }
    if (fs_json_text(document, root, "", "format", &text, err) != 0) {
        return -1;
    }
    if (strcmp(text, "fairstamp-biaske") != 0) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: format: found \"%.100s\", expected \"fairstamp-biaske\"; is it the right file?", path,
                            text);
    }
    if (fs_json_size(document, root, "", "version", (struct fs_size_range){1, 1}, &version, err) != 0 ||
        fs_json_text(document, root, "", "licence", &text, err) != 0) {
        return -1;
    }
    return fs_json_refuse_unknown(document, root, "", root_keys, err);
}

static size_t count_entries(const cJSON *list)
{
    size_t count = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, list)
    {
        count++;
    }
    return count;
}

/* What is read of one or several files. */
struct reading {
    const char *path; /* as given: of a file or folder */
    struct fs_category_filter filter;
    struct fs_json_document **document; /* [documents] open until the ids have been compared */
    size_t documents;
    const char **id; /* [ids] of all items, whatever the wished categories; owned by the documents */
    size_t ids;
    struct fs_pair_list *pairs;
    struct fs_fact_list *facts;
};

/* Whether the item is of a category that is not wished for. */
static bool is_left_out(struct fs_category_filter *filter, const char *category, bool fact)
{
    return category != NULL && !fs_category_filter_takes(filter, category) &&
           !(fact && strcmp(category, "none") == 0); /* facts on no group tell of every category's edit what it cost */
}

static int add_pair(struct reading *reading, struct place *place, const cJSON *entry, struct fs_error *err)
{
    struct fs_pair pair = {0};
    int status = read_names(place, entry, &pair.id, &pair.category);
    if (status == 0) {
        status = read_pair(place, entry, &pair);
    }
    if (is_left_out(&reading->filter, pair.category, false)) {
        fs_pair_release(&pair);
        return 0;
    }
    return fs_pair_list_add(reading->pairs, &pair, reading->path, &reading->filter,
                            status != 0 ? &(struct fs_unusable){place->reason, place->err} : NULL, err);
}

static int add_fact(struct reading *reading, struct place *place, const cJSON *entry, struct fs_error *err)
{
    struct fs_fact fact = {0};
    int status = read_names(place, entry, &fact.id, &fact.category);
    if (status == 0) {
        status = read_fact(place, entry, &fact);
    }
    if (is_left_out(&reading->filter, fact.category, true)) {
        fs_fact_release(&fact);
        return 0;
    }
    return fs_fact_list_add(reading->facts, &fact, reading->path, &reading->filter,
                            status != 0 ? &(struct fs_unusable){place->reason, place->err} : NULL, err);
}

static int read_list(struct reading *reading, const struct fs_json_document *document, const cJSON *list, bool facts,
                     struct fs_error *err)
{
    size_t index = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, list)
    {
        struct fs_error why = FS_ERROR_INIT;
        struct place place = {.document = document, .id = "", .err = &why, .reason = FS_SKIP_BAD_RECORD};
        snprintf(place.where, sizeof place.where, "%s[%zu]", facts ? "facts" : "pairs", index++);
        int status = facts ? add_fact(reading, &place, entry, err) : add_pair(reading, &place, entry, err);
        if (status != 0) {
            return -1;
        }
        if (place.id[0] != '\0') {
            reading->id[reading->ids++] = place.id;
        }
    }
    return 0;
}

/* Zeroed room for `more` elements after the first `count`; once a file. */
static int extend(void *array, size_t count, size_t more, size_t size, struct fs_error *err)
{
    size_t room = count;
    return fs_grow(array, &room, count + more + 1, size, "BiasKE", err);
}

static int read_document(struct reading *reading, const struct fs_json_document *document, struct fs_error *err)
{
    const cJSON *root = fs_json_root(document);
    const cJSON *pair_list;
    const cJSON *fact_list;
    if (check_root(document, err) != 0 || fs_json_array(document, root, "", "pairs", &pair_list, err) != 0 ||
        fs_json_array(document, root, "", "facts", &fact_list, err) != 0) {
        return -1;
    }
    size_t pair_count = count_entries(pair_list);
    size_t fact_count = count_entries(fact_list);
    if (pair_count + fact_count == 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: pairs, facts: found both empty, expected items",
                            fs_json_name(document));
    }
    struct fs_pair_list *pairs = reading->pairs;
    struct fs_fact_list *facts = reading->facts;
    return extend(&reading->id, reading->ids, pair_count + fact_count, sizeof *reading->id, err) == 0 &&
                   extend(&pairs->item, pairs->count, pair_count, sizeof *pairs->item, err) == 0 &&
                   extend(&facts->item, facts->count, fact_count, sizeof *facts->item, err) == 0 &&
                   read_list(reading, document, pair_list, false, err) == 0
               ? read_list(reading, document, fact_list, true, err)
               : -1;
}

static int read_files(struct reading *reading, const struct fs_folder *folder, struct fs_error *err)
{
    reading->document = fs_allocate(folder->count, sizeof *reading->document, "the files of BiasKE", err);
    if (reading->document == NULL) {
        return -1;
    }
    for (size_t i = 0; i < folder->count; i++) {
        if (fs_json_load(folder->path[i], &reading->document[i], err) != 0) {
            return -1;
        }
        reading->documents++;
        if (read_document(reading, reading->document[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

int fs_biaske_read(const char *path, const char *const *categories, struct fs_pair_list *pairs,
                   struct fs_fact_list *facts, struct fs_error *err)
{
    struct reading reading = {.path = path, .pairs = pairs, .facts = facts};
    struct fs_folder folder;
    *pairs = (struct fs_pair_list){0};
    *facts = (struct fs_fact_list){0};
    if (fs_folder_list(path, ".json", &folder, err) != 0) {
        return -1;
    }
    int result =
        fs_category_filter_begin(&reading.filter, categories, err) == 0 ? read_files(&reading, &folder, err) : -1;
    if (result == 0) {
        result = fs_refuse_duplicates(path, "id", reading.id, reading.ids, err);
    }
    if (result == 0) {
        result = fs_category_filter_end(&reading.filter, &pairs->report, path, err) == 0
                     ? fs_item_report_check(&facts->report, path, err)
                     : -1;
    } else {
        fs_category_filter_drop(&reading.filter);
    }
    for (size_t i = 0; i < reading.documents; i++) {
        fs_json_destroy(reading.document[i]);
    }
    free(reading.document);
    free(reading.id);
    fs_folder_release(&folder);
    if (result != 0) {
        fs_pair_list_release(pairs);
        fs_fact_list_release(facts);
    }
    return result;
}
