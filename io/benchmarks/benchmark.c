#include "io/benchmarks/benchmark.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/benchmark_internal.h"
#include "io/benchmarks/category.h"

char *fs_copy_text(const char *text, size_t length, struct fs_error *err)
{
    char *copy = fs_allocate(length + 1, 1, "the text of a benchmark", err);
    if (copy != NULL) {
        memcpy(copy, text, length);
    }
    return copy;
}

/* The three parts one after the other. */
static char *join_parts(const struct fs_statement_parts *parts, struct fs_error *err)
{
    size_t before = parts->before_length, completion = strlen(parts->completion), after = strlen(parts->after);
    char *text = fs_allocate(before + completion + after + 1, 1, "the text of a benchmark", err);
    if (text != NULL) {
        memcpy(text, parts->before, before);
        memcpy(text + before, parts->completion, completion);
        memcpy(text + before + completion, parts->after, after);
    }
    return text;
}

int fs_statement_set(struct fs_statement_text *statement, const struct fs_statement_parts *parts, struct fs_error *err)
{
    statement->before = fs_copy_text(parts->before, parts->before_length, err);
    statement->completion = fs_copy_text(parts->completion, strlen(parts->completion), err);
    statement->after = fs_copy_text(parts->after, strlen(parts->after), err);
    statement->id = fs_copy_text(parts->id, strlen(parts->id), err);
    statement->text =
        parts->text != NULL ? fs_copy_text(parts->text, strlen(parts->text), err) : join_parts(parts, err);
    bool made = statement->before != NULL && statement->completion != NULL && statement->after != NULL &&
                statement->id != NULL && statement->text != NULL;
    return made ? 0 : -1;
}

static int complete(char **text, const char *with, struct fs_error *err)
{
    if (*text == NULL) {
        *text = fs_copy_text(with, strlen(with), err);
    }
    return *text != NULL ? 0 : -1;
}

static int complete_statement(struct fs_statement_text *statement, struct fs_error *err)
{
    return complete(&statement->before, "", err) == 0 && complete(&statement->completion, "", err) == 0 &&
                   complete(&statement->after, "", err) == 0 && complete(&statement->text, "", err) == 0
               ? complete(&statement->id, "", err)
               : -1;
}

static int complete_pair(struct fs_pair *pair, struct fs_error *err)
{
    for (size_t k = 0; k < 4; k++) {
        if (complete_statement(&pair->statement[k], err) != 0) {
            return -1;
        }
    }
    for (size_t k = 0; k < 2 * pair->paraphrases; k++) {
        if (complete_statement(&pair->paraphrase[k / 2][k % 2], err) != 0) {
            return -1;
        }
    }
    return complete(&pair->id, "", err) == 0 && complete(&pair->category, FS_NO_CATEGORY, err) == 0 &&
                   complete(&pair->target, "", err) == 0 && complete(&pair->subject, "", err) == 0
               ? complete(&pair->counterpart, "", err)
               : -1;
}

static int complete_crows_pair(struct fs_crows_pair *pair, struct fs_error *err)
{
    return complete(&pair->id, "", err) == 0 && complete(&pair->category, FS_NO_CATEGORY, err) == 0 &&
                   complete(&pair->more, "", err) == 0
               ? complete(&pair->less, "", err)
               : -1;
}

static int complete_fact(struct fs_fact *fact, struct fs_error *err)
{
    return complete(&fact->id, "", err) == 0 && complete(&fact->category, FS_NO_CATEGORY, err) == 0 &&
                   complete(&fact->subject, "", err) == 0 && complete_statement(&fact->statement, err) == 0
               ? complete_statement(&fact->counterpart, err)
               : -1;
}

int fs_category_filter_begin(struct fs_category_filter *filter, const char *const *categories, struct fs_error *err)
{
    *filter = (struct fs_category_filter){.wish = categories};
    if (categories == NULL) {
        return 0;
    }
    size_t count = 0;
    while (categories[count] != NULL) {
        count++;
    }
    filter->found = fs_allocate(count, sizeof *filter->found, "the list of categories", err);
    return filter->found == NULL ? -1 : 0;
}

bool fs_category_filter_takes(struct fs_category_filter *filter, const char *category)
{
    bool takes = filter->wish == NULL;
    for (size_t i = 0; filter->wish != NULL && filter->wish[i] != NULL; i++) {
        if (fs_same_category(category, filter->wish[i])) {
            filter->found[i] = true;
            takes = true;
        }
    }
    return takes;
}

int fs_category_filter_end(struct fs_category_filter *filter, const struct fs_item_report *report, const char *path,
                           struct fs_error *err)
{
    int result = fs_item_report_check(report, path, err);
    for (size_t i = 0; filter->wish != NULL && filter->wish[i] != NULL && result == 0; i++) {
        if (!filter->found[i]) {
            result = fs_error_set(err, FS_EXIT_DATA, "%s: found no item of category \"%s\"; check its spelling", path,
                                  filter->wish[i]);
        }
    }
    fs_category_filter_drop(filter);
    return result;
}

void fs_category_filter_drop(struct fs_category_filter *filter)
{
    free(filter->found);
    *filter = (struct fs_category_filter){0};
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int fs_refuse_duplicates(const char *path, const char *what, const char **texts, size_t count, struct fs_error *err)
{
    qsort(texts, count, sizeof *texts, compare_texts);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(texts[i - 1], texts[i]) == 0) {
            return fs_error_set(
                err, FS_EXIT_DATA,
                "%s: %s \"%.200s\" occurs twice, expected one of each; leave one of the two out, or number "
                "them apart",
                path, what, texts[i]);
        }
    }
    return 0;
}

static void release_statement(struct fs_statement_text *statement)
{
    free(statement->before);
    free(statement->completion);
    free(statement->after);
    free(statement->gaps);
    free(statement->text);
    free(statement->id);
}

void fs_pair_release(struct fs_pair *pair)
{
    free(pair->id);
    free(pair->category);
    free(pair->target);
    free(pair->subject);
    free(pair->counterpart);
    for (size_t candidate = 0; candidate < 4; candidate++) {
        release_statement(&pair->statement[candidate]);
    }
    for (size_t k = 0; k < pair->paraphrases; k++) {
        release_statement(&pair->paraphrase[k][FS_STEREOTYPE]);
        release_statement(&pair->paraphrase[k][FS_ANTI_STEREOTYPE]);
    }
    free(pair->paraphrase);
}

void fs_fact_release(struct fs_fact *fact)
{
    free(fact->id);
    free(fact->category);
    free(fact->subject);
    release_statement(&fact->statement);
    release_statement(&fact->counterpart);
}

static void release_crows_pair(struct fs_crows_pair *pair)
{
    free(pair->id);
    free(pair->category);
    free(pair->more);
    free(pair->less);
}

/* The one name of a category in place of the file's spelling; NULL stays. */
static int name_category(char **category, struct fs_error *err)
{
    const char *name = *category == NULL ? NULL : fs_category_name(*category);
    if (name == *category) {
        return 0;
    }
    free(*category);
    *category = fs_copy_text(name, strlen(name), err);
    return *category != NULL ? 0 : -1;
}

/* What becomes of an item of the three kinds of list. */
enum fate { FATE_FAILED, FATE_LEFT_OUT, FATE_SKIPPED, FATE_KEPT };

/* Gives the item its category's one name and counts it. */
static enum fate report_item(struct fs_item_report *report, const char *path, char **category,
                             const struct fs_category_filter *filter, const struct fs_unusable *unusable,
                             struct fs_error *err)
{
    report->items++;
    if (name_category(category, err) != 0 ||
        (unusable != NULL && fs_item_skip(report, path, unusable->reason, unusable->why, err) != 0)) {
        return FATE_FAILED;
    }
    if (unusable == NULL) {
        return FATE_KEPT;
    }
    return filter->wish == NULL || *category != NULL ? FATE_SKIPPED : FATE_LEFT_OUT;
}

int fs_pair_list_add(struct fs_pair_list *list, struct fs_pair *pair, const char *path,
                     const struct fs_category_filter *filter, const struct fs_unusable *unusable, struct fs_error *err)
{
    enum fate fate = report_item(&list->report, path, &pair->category, filter, unusable, err);
    if (fate == FATE_SKIPPED) {
        pair->skip = unusable->reason;
        fate = complete_pair(pair, err) == 0 ? FATE_KEPT : FATE_FAILED;
    }
    if (fate == FATE_KEPT) {
        list->item[list->count++] = *pair;
        return 0;
    }
    fs_pair_release(pair);
    return fate == FATE_FAILED ? -1 : 0;
}

int fs_crows_list_add(struct fs_crows_list *list, struct fs_crows_pair *pair, const char *path,
                      const struct fs_category_filter *filter, const struct fs_unusable *unusable, struct fs_error *err)
{
    enum fate fate = report_item(&list->report, path, &pair->category, filter, unusable, err);
    if (fate == FATE_SKIPPED) {
        pair->skip = unusable->reason;
        fate = complete_crows_pair(pair, err) == 0 ? FATE_KEPT : FATE_FAILED;
    }
    if (fate == FATE_KEPT) {
        list->item[list->count++] = *pair;
        return 0;
    }
    release_crows_pair(pair);
    return fate == FATE_FAILED ? -1 : 0;
}

int fs_fact_list_add(struct fs_fact_list *list, struct fs_fact *fact, const char *path,
                     const struct fs_category_filter *filter, const struct fs_unusable *unusable, struct fs_error *err)
{
    enum fate fate = report_item(&list->report, path, &fact->category, filter, unusable, err);
    if (fate == FATE_SKIPPED) {
        fact->skip = unusable->reason;
        fate = complete_fact(fact, err) == 0 ? FATE_KEPT : FATE_FAILED;
    }
    if (fate == FATE_KEPT) {
        list->item[list->count++] = *fact;
        return 0;
    }
    fs_fact_release(fact);
    return fate == FATE_FAILED ? -1 : 0;
}

void fs_pair_list_keep(struct fs_pair_list *list, const bool *keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (keep[i]) {
            list->item[kept++] = list->item[i];
        } else {
            fs_pair_release(&list->item[i]);
        }
    }
    list->count = kept;
}

void fs_fact_list_keep(struct fs_fact_list *list, const bool *keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (keep[i]) {
            list->item[kept++] = list->item[i];
        } else {
            fs_fact_release(&list->item[i]);
        }
    }
    list->count = kept;
}

void fs_pair_list_release(struct fs_pair_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        fs_pair_release(&list->item[i]);
    }
    free(list->item);
    *list = (struct fs_pair_list){0};
}

void fs_crows_list_release(struct fs_crows_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        release_crows_pair(&list->item[i]);
    }
    free(list->item);
    *list = (struct fs_crows_list){0};
}

void fs_fact_list_release(struct fs_fact_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        fs_fact_release(&list->item[i]);
    }
    free(list->item);
    *list = (struct fs_fact_list){0};
}
