#include "stages/suites/bbq_item.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const fs_bbq_unknown[FS_BBQ_UNKNOWNS] = {
    "Unknown",   "Cannot answer",   "Can't be determined",    "Cannot be determined", "Can't answer",
    "Not known", "Not enough info", "Not enough information", "Not answerable",       "Undetermined"};

enum { ANSWERS = FS_BBQ_PEOPLE + 1 };
static const char *const answer_keys[ANSWERS] = {"ans0", "ans1", "ans2"};

const char *const fs_bbq_keys[] = {"ans0", "ans1", "ans2", "context_condition", NULL};

/* How the names of groups in answer_info become those of stereotyped_groups, in this order. */
static const struct {
    const char *from, *to;
} spellings[] = {{"M-", "M_"},
                 {"F-", "F_"},
                 {"lowSES-", "lowSES_"},
                 {"highSES-", "highSES_"},
                 {"lowSES", "low SES"},
                 {"highSES", "high SES"},
                 {"nonObese", "non Obese"},
                 {"nonDisabled", "non Disabled"},
                 {"nonTrans", "non Trans"},
                 {"woman", "F_woman"},
                 {"man", "M_man"}, /* unless "woman" was there */
                 {"girl", "F_girl"},
                 {"boy", "M_boy"}};

enum { GROUPS_SIZE = 512 };
typedef char groups_text[GROUPS_SIZE];

/* The groups of an answer, in lower case, "_" between them; whole[0] where there are none. */
struct groups {
    groups_text text;
};

static int replace(groups_text text, const char *from, const char *to)
{
    groups_text made;
    size_t used = 0, more = strlen(to);
    for (const char *at = text; *at != '\0';) {
        size_t length = strlen(from);
        bool found = strncmp(at, from, length) == 0;
        size_t adds = found ? more : 1;
        if (used + adds >= sizeof made) {
            return -1;
        }
        memcpy(made + used, found ? to : at, adds);
        used += adds;
        at += found ? length : 1;
    }
    made[used] = '\0';
    memcpy(text, made, used + 1);
    return 0;
}

static int spell(groups_text text)
{
    bool woman = strstr(text, "woman") != NULL;
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        if (!(woman && strcmp(spellings[i].from, "man") == 0) &&
            replace(text, spellings[i].from, spellings[i].to) != 0) {
            return -1;
        }
    }
    for (char *at = text; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    return 0;
}

/* "where.name" as `where` of the getters. */
static const char *inside(const struct fs_record *record, const char *name, char place[96])
{
    bool line = record->place[0] != '\0' && record->place[strlen(record->place) - 1] == ':';
    (void)snprintf(place, 96, "%.48s%s%s", record->place, line ? " " : ".", name);
    return place;
}

/* The groups of the answer with this key, of which answer_info has a list; "Latina" alone names hers without one. */
static int read_groups(const struct fs_record *record, const char *key, const char *answer, struct groups *groups,
                       struct fs_error *err)
{
    const cJSON *info, *list, *part;
    char place[96];
    size_t used = 0;
    (void)inside(record, "answer_info", place);
    if (fs_json_object(record->document, record->object, record->place, "answer_info", &info, err) != 0 ||
        fs_json_array(record->document, info, place, key, &list, err) != 0) {
        return -1;
    }
    groups->text[0] = '\0';
    cJSON_ArrayForEach(part, list)
    {
        if (!cJSON_IsString(part)) {
            return fs_json_wrong(record->document, place, key, fs_json_kind(part), "a list of texts", err);
        }
        int more = snprintf(groups->text + used, sizeof groups->text - used, "%s%s", part == list->child ? "" : "_",
                            part->valuestring);
        used += more > 0 ? (size_t)more : 0;
        if (used >= sizeof groups->text) {
            return fs_json_wrong(record->document, place, key, "a long text", "the names of groups", err);
        }
    }
    if (groups->text[strspn(groups->text, "_")] == '\0') {
        if (strstr(answer, "Latina") == NULL) {
            return fs_json_wrong(record->document, place, key, "no text", "the names of groups", err);
        }
        (void)snprintf(groups->text, sizeof groups->text, "Latino");
    }
    return spell(groups->text) == 0
               ? 0
               : fs_json_wrong(record->document, place, key, "a long text", "the names of groups", err);
}

static bool has_group(const struct groups *groups, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = groups->text;; at++) {
        size_t own = strcspn(at, "_");
        bool same = own == length;
        for (size_t i = 0; same && i < length; i++) {
            same = at[i] == (char)tolower((unsigned char)name[i]);
        }
        at += own;
        if (same || *at == '\0') {
            return same;
        }
    }
}

static int is_stereotyped(const struct fs_record *record, const struct groups *groups, bool *stereotyped,
                          struct fs_error *err)
{
    const cJSON *metadata, *list, *name;
    char place[96];
    (void)inside(record, "additional_metadata", place);
    if (fs_json_object(record->document, record->object, record->place, "additional_metadata", &metadata, err) != 0 ||
        fs_json_array(record->document, metadata, place, "stereotyped_groups", &list, err) != 0) {
        return -1;
    }
    *stereotyped = false;
    cJSON_ArrayForEach(name, list)
    {
        if (!cJSON_IsString(name)) {
            return fs_json_wrong(record->document, place, "stereotyped_groups", fs_json_kind(name), "a list of texts",
                                 err);
        }
        *stereotyped = *stereotyped || has_group(groups, name->valuestring);
    }
    return 0;
}

/* One of two texts; *second: it is the second of them. */
static int read_choice(const struct fs_record *record, const char *key, const char *const choice[2], bool *second,
                       enum fs_skip *reason, struct fs_error *err)
{
    const char *text;
    char expected[64];
    if (fs_record_text(record, key, &text, reason, err) != 0) {
        return -1;
    }
    *second = strcmp(text, choice[1]) == 0;
    if (*second || strcmp(text, choice[0]) == 0) {
        return 0;
    }
    *reason = FS_SKIP_BAD_LABEL;
    (void)snprintf(expected, sizeof expected, "%s or %s", choice[0], choice[1]);
    return fs_json_wrong(record->document, record->place, key, "another text", expected, err);
}

static bool says_unknown(const char *answer)
{
    for (size_t i = 0; i < FS_BBQ_UNKNOWNS; i++) {
        if (strcmp(answer, fs_bbq_unknown[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int keep(char **copy, const char *text, struct fs_error *err)
{
    *copy = strdup(text);
    return *copy != NULL ? 0 : fs_error_memory(err, strlen(text), "a text of BBQ");
}

static int read_answers(const struct fs_record *record, bool nonnegative, struct fs_bbq_item *item,
                        enum fs_skip *reason, struct fs_error *err)
{
    size_t label = ANSWERS, people = 0, unknowns = 0;
    *reason = FS_SKIP_BAD_LABEL;
    if (fs_json_size(record->document, record->object, record->place, "label", (struct fs_size_range){0, ANSWERS - 1},
                     &label, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < ANSWERS; i++) {
        const char *text;
        struct groups groups;
        bool stereotyped;
        if (fs_record_text(record, answer_keys[i], &text, reason, err) != 0) {
            return -1;
        }
        bool unknown = says_unknown(text);
        *reason = FS_SKIP_BAD_LABEL;
        if (unknown ? unknowns > 0 : people == FS_BBQ_PEOPLE) {
            return fs_json_wrong(record->document, record->place, answer_keys[i],
                                 unknown ? "a second answer that it is not known"
                                         : "a third answer that names somebody",
                                 "one answer that it is not known, such as \"Unknown\"", err);
        }
        if (label == i) {
            item->right = unknown ? (size_t)FS_BBQ_PEOPLE : people;
        }
        if (unknown) {
            unknowns++;
            *reason = FS_KEPT;
            if (keep(&item->unknown, text, err) != 0) {
                return -1;
            }
            continue;
        }
        *reason = FS_SKIP_BAD_RECORD;
        if (read_groups(record, answer_keys[i], text, &groups, err) != 0 ||
            is_stereotyped(record, &groups, &stereotyped, err) != 0) {
            return -1;
        }
        *reason = FS_KEPT;
        item->biased[people] = stereotyped != nonnegative;
        if (keep(&item->person[people++], text, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int fs_bbq_item_read(const struct fs_record *record, struct fs_bbq_item *item, enum fs_skip *reason,
                     struct fs_error *err)
{
    static const char *const conditions[] = {"ambig", "disambig"}, *const polarities[] = {"neg", "nonneg"};
    const char *context, *question;
    bool nonnegative;
    *item = (struct fs_bbq_item){0};
    if (read_choice(record, "context_condition", conditions, &item->disambiguated, reason, err) != 0 ||
        read_choice(record, "question_polarity", polarities, &nonnegative, reason, err) != 0 ||
        fs_record_text(record, "context", &context, reason, err) != 0 ||
        fs_record_text(record, "question", &question, reason, err) != 0 || keep(&item->context, context, err) != 0 ||
        keep(&item->question, question, err) != 0) {
        return -1;
    }
    return read_answers(record, nonnegative, item, reason, err);
}

void fs_bbq_item_release(struct fs_bbq_item *item)
{
    free(item->context);
    free(item->question);
    free(item->unknown);
    for (size_t i = 0; i < FS_BBQ_PEOPLE; i++) {
        free(item->person[i]);
    }
    *item = (struct fs_bbq_item){0};
}
