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

int fs_category_filter_end(struct fs_category_filter *filter, const char *path, struct fs_error *err)
{
    int result = 0;
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
            return fs_error_set(err, FS_EXIT_DATA, "%s: %s \"%.200s\" occurs twice, expected one of each", path, what,
                                texts[i]);
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

static void release_pair(struct fs_pair *pair)
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

static void release_fact(struct fs_fact *fact)
{
    free(fact->id);
    free(fact->category);
    free(fact->subject);
    release_statement(&fact->statement);
    release_statement(&fact->counterpart);
}

void fs_pair_list_keep(struct fs_pair_list *list, const bool *keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (keep[i]) {
            list->item[kept++] = list->item[i];
        } else {
            release_pair(&list->item[i]);
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
            release_fact(&list->item[i]);
        }
    }
    list->count = kept;
}

void fs_pair_list_release(struct fs_pair_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        release_pair(&list->item[i]);
    }
    free(list->item);
    *list = (struct fs_pair_list){0, NULL};
}

void fs_crows_list_release(struct fs_crows_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->item[i].id);
        free(list->item[i].category);
        free(list->item[i].more);
        free(list->item[i].less);
    }
    free(list->item);
    *list = (struct fs_crows_list){0, NULL};
}

void fs_fact_list_release(struct fs_fact_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        release_fact(&list->item[i]);
    }
    free(list->item);
    *list = (struct fs_fact_list){0, NULL};
}
