/* Attribute words in bias-bench's layout: {"gender": [["man", "woman"], ..], ..}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/benchmarks/benchmark.h"
#include "io/benchmarks/benchmark_internal.h"
#include "io/benchmarks/category.h"
#include "io/formats/json.h"

struct fs_attribute_table {
    struct fs_json_document *document; /* checked: an object of arrays of arrays of at least two words */
};

static int check_row(const struct fs_json_document *document, const cJSON *row, const char *where, struct fs_error *err)
{
    size_t words = 0;
    const cJSON *word;
    cJSON_ArrayForEach(word, row)
    {
        if (!cJSON_IsString(word) || word->valuestring[0] == '\0') {
            return fs_error_set(err, FS_EXIT_DATA, "%s: %s: found %s, expected words", fs_json_name(document), where,
                                cJSON_IsString(word) ? "an empty word" : fs_json_kind(word));
        }
        words++;
    }
    if (!cJSON_IsArray(row) || words < 2) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s: found %s, expected an array of at least two words",
                            fs_json_name(document), where, cJSON_IsArray(row) ? "fewer words" : fs_json_kind(row));
    }
    return 0;
}

static int check_table(const struct fs_json_document *document, struct fs_error *err)
{
    const cJSON *root = fs_json_root(document);
    if (!cJSON_IsObject(root) || root->child == NULL) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: found %s, expected an object with a list of rows a category",
                            fs_json_name(document), cJSON_IsObject(root) ? "no category" : fs_json_kind(root));
    }
    const cJSON *category;
    cJSON_ArrayForEach(category, root)
    {
        if (!cJSON_IsArray(category)) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: %.100s: found %s, expected an array of rows",
                                fs_json_name(document), category->string, fs_json_kind(category));
        }
        const cJSON *row;
        size_t index = 0;
        cJSON_ArrayForEach(row, category)
        {
            char where[160];
            snprintf(where, sizeof where, "%.100s[%zu]", category->string, index++);
            if (check_row(document, row, where, err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

int fs_attribute_table_read(const char *path, struct fs_attribute_table **table, struct fs_error *err)
{
    *table = NULL;
    struct fs_attribute_table *made = fs_allocate(1, sizeof *made, "attribute words", err);
    if (made == NULL) {
        return -1;
    }
    if (fs_json_load(path, &made->document, err) != 0 || check_table(made->document, err) != 0) {
        fs_attribute_table_destroy(made);
        return -1;
    }
    *table = made;
    return 0;
}

void fs_attribute_table_destroy(struct fs_attribute_table *table)
{
    if (table != NULL) {
        fs_json_destroy(table->document);
        free(table);
    }
}

const char *fs_attribute_category(const struct fs_attribute_table *table, size_t index)
{
    const cJSON *category = fs_json_root(table->document)->child;
    while (category != NULL && index > 0) {
        category = category->next;
        index--;
    }
    return category != NULL ? category->string : NULL;
}

int fs_attribute_rows_make(const struct fs_attribute_table *table, const char *category, struct fs_attribute_rows *rows,
                           struct fs_error *err)
{
    const cJSON *list = fs_json_root(table->document)->child, *row, *word;
    size_t words = 0, count = 0;
    while (list != NULL && !fs_same_category(list->string, category)) {
        list = list->next;
    }
    cJSON_ArrayForEach(row, list)
    {
        words += (size_t)cJSON_GetArraySize(row);
        count++;
    }
    *rows = (struct fs_attribute_rows){.rows = count};
    rows->first = fs_allocate(count + 1, sizeof *rows->first, "attribute words", err);
    rows->word = fs_allocate(words + 1, sizeof *rows->word, "attribute words", err);
    if (rows->first == NULL || rows->word == NULL) {
        fs_attribute_rows_release(rows);
        return -1;
    }
    size_t at = 0, index = 0;
    cJSON_ArrayForEach(row, list)
    {
        cJSON_ArrayForEach(word, row)
        {
            rows->word[at++] = word->valuestring;
        }
        rows->first[++index] = at;
    }
    return 0;
}

void fs_attribute_rows_release(struct fs_attribute_rows *rows)
{
    free(rows->first);
    free(rows->word);
    *rows = (struct fs_attribute_rows){0};
}

const char *fs_attribute_counterpart(const struct fs_attribute_table *table, const char *category, const char *word,
                                     size_t length)
{
    const cJSON *rows = fs_json_root(table->document)->child, *row;
    while (rows != NULL && !fs_same_category(rows->string, category)) {
        rows = rows->next;
    }
    cJSON_ArrayForEach(row, rows)
    {
        const cJSON *candidate;
        cJSON_ArrayForEach(candidate, row)
        {
            const char *text = candidate->valuestring;
            if (strlen(text) == length && strncasecmp(text, word, length) == 0) {
                return candidate->next != NULL ? candidate->next->valuestring : row->child->valuestring;
            }
        }
    }
    return NULL;
}
