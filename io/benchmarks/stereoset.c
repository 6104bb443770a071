/*
 * StereoSet (Nadeem et al. 2021), intrasentence items, intersentence items, and the synonym items of EditBias, which
 * keep an item's context and hold its sentences with other words under "data". The completion is bias-bench's "template
 * word", see io/benchmarks/benchmark.h.
 *
 * An item with several BLANKs (two of the development set: "brahmin is very BLANK and is strict about BLANK") is split
 * at the first; `after` has the candidate's word at the others, `gaps` keeps them as they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/benchmarks/benchmark.h"
#include "io/benchmarks/benchmark_internal.h"
#include "io/benchmarks/layouts.h"
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
    size_t word; /* index of the context's last space-separated word that contains BLANK */
};

/* The candidate of a gold_label, or -1. */
static int candidate_of(const char *label)
{
    return strcmp(label, "stereotype") == 0        ? FS_STEREOTYPE
           : strcmp(label, "anti-stereotype") == 0 ? FS_ANTI_STEREOTYPE
           : strcmp(label, "unrelated") == 0       ? FS_UNRELATED
                                                   : -1;
}

/* Index of the last word with BLANK; words are what single spaces part, as Python's split(" "). */
static int find_blank(struct item *item, struct fs_error *err)
{
    const char *last = NULL;
    for (const char *at = strstr(item->context, blank); at != NULL; at = strstr(at + 1, blank)) {
        last = at;
    }
    if (last == NULL) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s (id %.100s): context: found no BLANK in \"%.200s\"",
                            fs_json_name(item->document), item->where, item->id, item->context);
    }
    item->word = 0;
    for (const char *at = item->context; at < last; at++) {
        item->word += *at == ' ' ? 1 : 0;
    }
    return 0;
}

/* Whether string.punctuation of Python holds `byte`. */
static bool is_punctuation(char byte)
{
    return (byte >= '!' && byte <= '/') || (byte >= ':' && byte <= '@') || (byte >= '[' && byte <= '`') ||
           (byte >= '{' && byte <= '~');
}

/* The sentence's word at the item's index, without ASCII punctuation; the caller frees. */
static char *template_word(const struct item *item, const char *sentence, struct fs_error *err)
{
    const char *begin = sentence;
    for (size_t i = 0; i < item->word; i++) {
        begin = strchr(begin, ' ');
        if (begin == NULL) {
            fs_error_set(err, FS_EXIT_DATA,
                         "%s: %s (id %.100s): sentence: found %zu words in \"%.200s\", expected at least %zu as in "
                         "the context",
                         fs_json_name(item->document), item->where, item->id, i + 1, sentence, item->word + 1);
            return NULL;
        }
        begin++;
    }
    size_t length = strcspn(begin, " ");
    char *word = fs_copy_text(begin, length, err);
    if (word == NULL) {
        return NULL;
    }
    size_t kept = 0;
    for (size_t i = 0; i < length; i++) {
        if (!is_punctuation(word[i])) {
            word[kept++] = word[i];
        }
    }
    word[kept] = '\0';
    if (kept == 0) {
        fs_error_set(err, FS_EXIT_DATA,
                     "%s: %s (id %.100s): sentence: found no letters in word %zu of \"%.200s\", where the context "
                     "has BLANK",
                     fs_json_name(item->document), item->where, item->id, item->word + 1, sentence);
        free(word);
        return NULL;
    }
    return word;
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
static int read_sentence(const struct item *item, const cJSON *entry, const char *label, struct fs_pair *pair,
                         struct fs_error *err)
{
    const char *sentence;
    const char *id;
    if ((label == NULL && fs_json_text(item->document, entry, item->where, "gold_label", &label, err) != 0) ||
        fs_json_text(item->document, entry, item->where, "sentence", &sentence, err) != 0 ||
        fs_json_text(item->document, entry, item->where, "id", &id, err) != 0) {
        return -1;
    }
    int candidate = candidate_of(label);
    if (candidate < 0 || pair->statement[candidate].text != NULL) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: %s (id %.100s): gold_label: found \"%.100s\"%s, expected stereotype, anti-stereotype "
                            "and unrelated, each once",
                            fs_json_name(item->document), item->where, item->id, label, candidate < 0 ? "" : " twice");
    }
    if (item->layout == INTERSENTENCE) {
        return set_following(item, sentence, id, &pair->statement[candidate], err);
    }
    char *word = template_word(item, sentence, err);
    if (word == NULL) {
        return -1;
    }
    const char *first = strstr(item->context, blank);
    char *after = fill_blanks(first + sizeof blank - 1, word, err);
    const struct fs_statement_parts parts = {item->context, (size_t)(first - item->context), word, after, sentence, id};
    int result = after == NULL ? -1 : fs_statement_set(&pair->statement[candidate], &parts, err);
    if (result == 0 && strstr(first + 1, blank) != NULL) {
        const char *rest = first + sizeof blank - 1;
        pair->statement[candidate].gaps = fs_copy_text(rest, strlen(rest), err);
        result = pair->statement[candidate].gaps != NULL ? 0 : -1;
    }
    free(after);
    free(word);
    return result;
}

static int read_sentences(const struct item *item, const cJSON *object, struct fs_pair *pair, struct fs_error *err)
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
        if (read_sentence(item, entry, synonyms ? entry->string : NULL, pair, err) != 0) {
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

static int read_item(const struct fs_json_document *document, enum layout layout, const cJSON *object,
                     const char *where, struct fs_category_filter *filter, struct fs_pair_list *pairs,
                     struct fs_error *err)
{
    struct item item = {.document = document, .layout = layout, .where = where};
    const char *target;
    const char *category;
    if (fs_json_text(document, object, where, "id", &item.id, err) != 0 ||
        fs_json_text(document, object, where, "target", &target, err) != 0 ||
        fs_json_text(document, object, where, "bias_type", &category, err) != 0 ||
        fs_json_text(document, object, where, "context", &item.context, err) != 0) {
        return -1;
    }
    if (!fs_category_filter_takes(filter, category)) {
        return 0;
    }
    if (layout != INTERSENTENCE && find_blank(&item, err) != 0) {
        return -1;
    }
    struct fs_pair *pair = &pairs->item[pairs->count++];
    pair->id = fs_copy_text(item.id, strlen(item.id), err);
    pair->category = fs_copy_text(category, strlen(category), err);
    pair->target = fs_copy_text(target, strlen(target), err);
    pair->subject = fs_copy_text(target, strlen(target), err);
    pair->counterpart = fs_copy_text("", 0, err);
    if (pair->id == NULL || pair->category == NULL || pair->target == NULL || pair->subject == NULL ||
        pair->counterpart == NULL) {
        return -1;
    }
    return read_sentences(&item, object, pair, err);
}

static int check_ids(const struct fs_pair_list *pairs, const char *path, struct fs_error *err)
{
    const char **ids = fs_allocate(pairs->count, 3 * sizeof *ids, "the ids of StereoSet", err);
    if (ids == NULL) {
        return -1;
    }
    for (size_t i = 0; i < pairs->count; i++) {
        for (size_t candidate = 0; candidate < 3; candidate++) {
            ids[3 * i + candidate] = pairs->item[i].statement[candidate].id;
        }
    }
    int result = fs_refuse_duplicates(path, "sentence id", ids, 3 * pairs->count, err);
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
    return fs_category_filter_end(&filter, path, err) != 0 ? -1 : check_ids(pairs, path, err);
}

static int read_file(const char *path, enum layout layout, const char *const *categories, struct fs_pair_list *pairs,
                     struct fs_error *err)
{
    *pairs = (struct fs_pair_list){0, NULL};
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
    *pairs = (struct fs_pair_list){0, NULL};
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
        free(more.item);
    }
    fs_folder_release(&folder);
    if (result != 0) {
        fs_pair_list_release(pairs);
    }
    return result;
}
