/*
 * StereoSet (Nadeem et al. 2021), intrasentence items, intersentence items, and the synonym items of EditBias, which
 * keep an item's context and hold its sentences with other words under "data". How the completion is found:
 * stereoset_fill.h.
 *
 * An item with several BLANKs (two of the development set: "brahmin is very BLANK and is strict about BLANK") is split
 * at the first; `after` has the candidate's word at the others, `gaps` keeps them as they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/benchmark.h"
#include "io/benchmarks/benchmark_internal.h"
#include "io/benchmarks/category.h"
#include "io/benchmarks/layouts.h"
#include "io/benchmarks/stereoset_fill.h"
#include "io/folder.h"
#include "io/formats/json.h"

static const char blank[] = "BLANK";

enum layout { INTRASENTENCE, INTERSENTENCE, SYNONYMS };
static const char *const configs[] = {"intrasentence", "intersentence", NULL};

/* One item of the file, the parts that are read. */
struct item {
    const struct fs_json_document *document;
    enum layout layout;
    const char *where; /* "data.intrasentence[3]", "line 4:" */
    const char *id;
    const char *context;
    const char *sentence[3], *sentence_id[3]; /* by fs_candidate; NULL before they are read */
    enum fs_skip reason;                      /* why the item cannot be used, where reading it fails */
};

/* The candidate of a gold_label, or -1. */
static int candidate_of(const char *label)
{
    return strcmp(label, "stereotype") == 0        ? FS_STEREOTYPE
           : strcmp(label, "anti-stereotype") == 0 ? FS_ANTI_STEREOTYPE
           : strcmp(label, "unrelated") == 0       ? FS_UNRELATED
                                                   : -1;
}

/* The reason of an error that is set next. */
static int fail(struct item *item, enum fs_skip reason, int status)
{
    item->reason = reason;
    return status;
}

/* A text that must hold something; `key` is that of it. */
static int check_filled(struct item *item, const char *key, const char *text, struct fs_error *err)
{
    return text[strspn(text, " \t\r\n")] != '\0'
               ? 0
               : fail(item, FS_SKIP_EMPTY_TEXT,
                      fs_error_set(err, FS_EXIT_DATA, "%s: %s (id %.100s): %s is empty, expected text",
                                   fs_json_name(item->document), item->where, item->id, key));
}

static int check_category(struct item *item, const char *category, struct fs_error *err)
{
    const char *fault = fs_category_fault(category);
    if (fault == NULL || check_filled(item, "bias_type", category, err) != 0) {
        return fault == NULL ? 0 : -1;
    }
    return fail(item, FS_SKIP_BAD_LABEL,
                fs_error_set(err, FS_EXIT_DATA,
                             "%s: %s (id %.100s): bias_type: found %s, expected the name of a category",
                             fs_json_name(item->document), item->where, item->id, fault));
}

static int check_context(struct item *item, struct fs_error *err)
{
    if (item->layout == INTERSENTENCE) {
        return check_filled(item, "context", item->context, err);
    }
    if (strstr(item->context, blank) != NULL) {
        return 0;
    }
    return fail(item, item->context[0] == '\0' ? FS_SKIP_EMPTY_TEXT : FS_SKIP_NO_FILL,
                fs_error_set(err, FS_EXIT_DATA, "%s: %s (id %.100s): context: found no BLANK in \"%.200s\"",
                             fs_json_name(item->document), item->where, item->id, item->context));
}

/* `text` with `word` for each BLANK; the caller frees. */
static char *fill_blanks(const char *text, const char *word, struct fs_error *err)
{
    size_t word_length = strlen(word);
    size_t size = strlen(text) + 1;
    for (const char *at = strstr(text, blank); at != NULL; at = strstr(at + sizeof blank - 1, blank)) {
        size += word_length;
    }
    char *filled = fs_allocate(size, 1, "the text of a benchmark", err);
    if (filled == NULL) {
        return NULL;
    }
    char *end = filled;
    for (;;) {
        const char *at = strstr(text, blank);
        size_t length = at == NULL ? strlen(text) : (size_t)(at - text);
        memcpy(end, text, length);
        end += length;
        if (at == NULL) {
            return filled;
        }
        memcpy(end, word, word_length);
        end += word_length;
        text = at + sizeof blank - 1;
    }
}

/* A sentence that follows the context. */
static int set_following(const struct item *item, const char *sentence, const char *id,
                         struct fs_statement_text *statement, struct fs_error *err)
{
    size_t length = strlen(item->context);
    char *before = fs_allocate(length + 2, 1, "the text of a benchmark", err);
    if (before == NULL) {
        return -1;
    }
    memcpy(before, item->context, length);
    before[length] = ' ';
    const struct fs_statement_parts parts = {before, length + 1, sentence, "", NULL, id};
    int result = fs_statement_set(statement, &parts, err);
    free(before);
    return result;
}

/* `label`: NULL where the sentence itself has it. */
static int read_sentence(struct item *item, const cJSON *entry, const char *label, struct fs_error *err)
{
    const char *sentence;
    const char *id;
    if ((label == NULL && fs_json_text(item->document, entry, item->where, "gold_label", &label, err) != 0) ||
        fs_json_text(item->document, entry, item->where, "sentence", &sentence, err) != 0 ||
        fs_json_text(item->document, entry, item->where, "id", &id, err) != 0) {
        return -1;
    }
    int candidate = candidate_of(label);
    if (candidate < 0 || item->sentence[candidate] != NULL) {
        return fail(item, FS_SKIP_BAD_LABEL,
                    fs_error_set(err, FS_EXIT_DATA,
                                 "%s: %s (id %.100s): gold_label: found \"%.100s\"%s, expected stereotype, "
                                 "anti-stereotype and unrelated, each once",
                                 fs_json_name(item->document), item->where, item->id, label,
                                 candidate < 0 ? "" : " twice"));
    }
    if (item->layout != INTERSENTENCE && sentence[0] == '\0') {
        return fail(item, FS_SKIP_EMPTY_TEXT,
                    fs_error_set(err, FS_EXIT_DATA, "%s: %s (id %.100s): the %s sentence is empty, expected text",
                                 fs_json_name(item->document), item->where, item->id, label));
    }
    item->sentence[candidate] = sentence;
    item->sentence_id[candidate] = id;
    return 0;
}

static int read_sentences(struct item *item, const cJSON *object, struct fs_error *err)
{
    const cJSON *sentences;
    const cJSON *entry;
    bool synonyms = item->layout == SYNONYMS;
    if ((synonyms ? fs_json_object(item->document, object, item->where, "data", &sentences, err)
                  : fs_json_array(item->document, object, item->where, "sentences", &sentences, err)) != 0) {
        return -1;
    }
    size_t count = 0;
    cJSON_ArrayForEach(entry, sentences)
    {
        if (read_sentence(item, entry, synonyms ? entry->string : NULL, err) != 0) {
            return -1;
        }
        count++;
    }
    if (count != 3) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s (id %.100s): found %zu sentences, expected 3",
                            fs_json_name(item->document), item->where, item->id, count);
    }
    return 0;
}

/* The context with `fill` at its gap. */
static int set_filled(const struct item *item, size_t candidate, const char *fill, struct fs_statement_text *statement,
                      struct fs_error *err)
{
    const char *first = strstr(item->context, blank), *rest = first + sizeof blank - 1;
    char *after = fill_blanks(rest, fill, err);
    const struct fs_statement_parts parts = {
        item->context, (size_t)(first - item->context), fill,
        after,         item->sentence[candidate],       item->sentence_id[candidate]};
    int result = after == NULL ? -1 : fs_statement_set(statement, &parts, err);
    if (result == 0 && strstr(rest, blank) != NULL) {
        statement->gaps = fs_copy_text(rest, strlen(rest), err);
        result = statement->gaps != NULL ? 0 : -1;
    }
    free(after);
    return result;
}

/* Says which sentences have no completion, or the same. */
static int refuse_fills(struct item *item, size_t which, char *const fill[3], enum fs_skip reason, struct fs_error *err)
{
    const char *name = fs_json_name(item->document);
    if (reason == FS_SKIP_NO_FILL) {
        return fail(item, reason,
                    fs_error_set(err, FS_EXIT_DATA,
                                 "%s: %s (id %.100s): sentence: found no words for the BLANK of \"%.200s\" in "
                                 "\"%.200s\"",
                                 name, item->where, item->id, item->context, item->sentence[which]));
    }
    return fail(item, reason,
                fs_error_set(err, FS_EXIT_DATA,
                             "%s: %s (id %.100s): sentence: found \"%.100s\" for the BLANK of \"%.200s\" in two "
                             "sentences",
                             name, item->where, item->id, fill[which], item->context));
}

static int set_statements(struct item *item, struct fs_pair *pair, struct fs_error *err)
{
    char *fill[3] = {NULL};
    size_t which = 0;
    int result = 0;
    if (item->layout != INTERSENTENCE) {
        result = fs_stereoset_fill(item->context, item->sentence, fill, &item->reason, &which, err);
        if (result == 0 && item->reason != FS_KEPT) {
            result = refuse_fills(item, which, fill, item->reason, err);
        }
    }
    for (size_t k = 0; k < 3 && result == 0; k++) {
        result = item->layout == INTERSENTENCE
                     ? set_following(item, item->sentence[k], item->sentence_id[k], &pair->statement[k], err)
                     : set_filled(item, k, fill[k], &pair->statement[k], err);
    }
    for (size_t k = 0; k < 3; k++) {
        free(fill[k]);
    }
    return result;
}

static int copy_key(const struct item *item, const cJSON *object, const char *key, char **copy, struct fs_error *err)
{
    const char *text;
    if (fs_json_text(item->document, object, item->where, key, &text, err) != 0) {
        return -1;
    }
    free(*copy);
    *copy = fs_copy_text(text, strlen(text), err);
    return *copy != NULL ? 0 : -1;
}

static int read_pair(struct item *item, const cJSON *object, struct fs_pair *pair, struct fs_error *err)
{
    const char *category;
    if (copy_key(item, object, "id", &pair->id, err) != 0) {
        return -1;
    }
    item->id = pair->id;
    if (copy_key(item, object, "target", &pair->target, err) != 0 ||
        copy_key(item, object, "target", &pair->subject, err) != 0 ||
        fs_json_text(item->document, object, item->where, "bias_type", &category, err) != 0 ||
        check_category(item, category, err) != 0 || copy_key(item, object, "bias_type", &pair->category, err) != 0 ||
        check_filled(item, "target", pair->target, err) != 0 ||
        fs_json_text(item->document, object, item->where, "context", &item->context, err) != 0 ||
        check_context(item, err) != 0 || read_sentences(item, object, err) != 0) {
        return -1;
    }
    pair->counterpart = fs_copy_text("", 0, err);
    return pair->counterpart != NULL ? set_statements(item, pair, err) : -1;
}

static int read_item(const struct fs_json_document *document, enum layout layout, const cJSON *object,
                     const char *where, struct fs_category_filter *filter, struct fs_pair_list *pairs,
                     struct fs_error *err)
{
    const char *category;
    struct item item = {.document = document, .layout = layout, .where = where, .id = "", .reason = FS_SKIP_BAD_RECORD};
    struct fs_pair pair = {0};
    struct fs_error why = FS_ERROR_INIT;
    if (fs_json_text(document, object, where, "bias_type", &category, NULL) == 0 &&
        fs_category_fault(category) == NULL && !fs_category_filter_takes(filter, category)) {
        return 0;
    }
    int status = read_pair(&item, object, &pair, &why);
    return fs_pair_list_add(pairs, &pair, fs_json_name(document), filter,
                            status != 0 ? &(struct fs_unusable){item.reason, &why} : NULL, err);
}

static int check_ids(const struct fs_pair_list *pairs, const char *path, struct fs_error *err)
{
    const char **ids = fs_allocate(pairs->count, 3 * sizeof *ids, "the ids of StereoSet", err);
    size_t count = 0;
    if (ids == NULL) {
        return -1;
    }
    for (size_t i = 0; i < pairs->count; i++) {
        for (size_t candidate = 0; candidate < 3; candidate++) {
            if (pairs->item[i].skip == FS_KEPT) {
                ids[count++] = pairs->item[i].statement[candidate].id;
            }
        }
    }
    int result = fs_refuse_duplicates(path, "sentence id", ids, count, err);
    count = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        if (pairs->item[i].skip == FS_KEPT) {
            ids[count++] = pairs->item[i].id;
        }
    }
    result = result == 0 ? fs_refuse_duplicates(path, "id", ids, count, err) : -1;
    free(ids);
    return result;
}

static int read_items(const struct fs_stereoset_items *items, enum layout layout, const char *const *categories,
                      struct fs_pair_list *pairs, struct fs_error *err)
{
    const cJSON *entry;
    struct fs_category_filter filter;
    const char *path = fs_json_name(items->document);
    size_t count = (size_t)cJSON_GetArraySize(items->list);
    if (count == 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s%sfound no items", path, items->place != NULL ? items->place : "",
                            items->place != NULL ? ": " : "");
    }
    pairs->item = fs_allocate(count, sizeof *pairs->item, "StereoSet", err);
    if (pairs->item == NULL || fs_category_filter_begin(&filter, categories, err) != 0) {
        return -1;
    }
    size_t index = 0;
    cJSON_ArrayForEach(entry, items->list)
    {
        char where[FS_ITEM_PLACE];
        fs_stereoset_place(items, index++, where);
        if (read_item(items->document, layout, entry, where, &filter, pairs, err) != 0) {
            fs_category_filter_drop(&filter);
            return -1;
        }
    }
    return fs_category_filter_end(&filter, &pairs->report, path, err) == 0 ? check_ids(pairs, path, err) : -1;
}

static int read_file(const char *path, enum layout layout, const char *const *categories, struct fs_pair_list *pairs,
                     struct fs_error *err)
{
    *pairs = (struct fs_pair_list){0};
    struct fs_stereoset_items items;
    if (fs_stereoset_items_load(path, configs[layout], &items, err) != 0) {
        return -1;
    }
    int result = read_items(&items, layout, categories, pairs, err);
    fs_stereoset_items_release(&items);
    if (result != 0) {
        fs_pair_list_release(pairs);
    }
    return result;
}

int fs_stereoset_read(const char *path, const char *const *categories, struct fs_pair_list *pairs, struct fs_error *err)
{
    return read_file(path, INTRASENTENCE, categories, pairs, err);
}

int fs_stereoset_read_intersentence(const char *path, const char *const *categories, struct fs_pair_list *pairs,
                                    struct fs_error *err)
{
    return read_file(path, INTERSENTENCE, categories, pairs, err);
}

int fs_stereoset_read_synonyms(const char *path, struct fs_pair_list *pairs, struct fs_error *err)
{
    struct fs_folder folder;
    *pairs = (struct fs_pair_list){0};
    if (fs_folder_list(path, ".json", &folder, err) != 0) {
        return -1;
    }
    int result = 0;
    for (size_t i = 0; result == 0 && i < folder.count; i++) {
        struct fs_pair_list more;
        result = read_file(folder.path[i], SYNONYMS, NULL, &more, err);
        size_t room = pairs->count, count = pairs->count + more.count;
        if (result != 0 || fs_grow(&pairs->item, &room, count + 1, sizeof *pairs->item, "StereoSet", err) != 0) {
            result = -1;
            fs_pair_list_release(&more);
            break;
        }
        memcpy(pairs->item + pairs->count, more.item, more.count * sizeof *more.item);
        pairs->count = count;
        fs_item_report_add(&pairs->report, &more.report, folder.path[i]);
        free(more.item);
    }
    fs_folder_release(&folder);
    if (result != 0) {
        fs_pair_list_release(pairs);
    }
    return result;
}
