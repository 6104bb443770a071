#include "io/benchmarks/layouts.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The texts that the integers of a dataset card stand for, in their order. */
static const char *const gold_labels[] = {"anti-stereotype", "stereotype", "unrelated"};
static const char *const directions[] = {"stereo", "antistereo"};
const char *const fs_crows_id_columns[] = {"", "Unnamed: 0", "id", NULL};
static const char *const bias_types[] = {"race-color",          "socioeconomic", "gender",
                                         "disability",          "nationality",   "sexual-orientation",
                                         "physical-appearance", "religion",      "age"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const sentence_keys[] = {"sentence", "id", "gold_label", NULL};

/* The place in `texts` of the number that a field is, also as pandas writes it where a row lacks one ("1.0"); SIZE_MAX
 * where it is text, or a number beyond. */
static size_t number_of(const char *field, size_t count)
{
    bool digit = field[0] >= '0' && field[0] <= '9' && (field[1] == '\0' || strcmp(field + 1, ".0") == 0);
    return digit && (size_t)(field[0] - '0') < count ? (size_t)(field[0] - '0') : SIZE_MAX;
}

/* A gold_label that is a number as text, for the reader to name where it is none of the card's; other text stays. */
static int decode_label(cJSON *sentence, struct fs_error *err)
{
    const cJSON *label = cJSON_GetObjectItemCaseSensitive(sentence, "gold_label");
    char number[32];
    if (cJSON_IsNumber(label)) {
        snprintf(number, sizeof number, "%g", label->valuedouble);
    }
    const char *field = cJSON_IsNumber(label) ? number : cJSON_GetStringValue(label);
    size_t index = field != NULL ? number_of(field, COUNT(gold_labels)) : SIZE_MAX;
    if (index == SIZE_MAX && !cJSON_IsNumber(label)) {
        return 0;
    }
    cJSON *text = cJSON_CreateString(index != SIZE_MAX ? gold_labels[index] : number);
    if (text == NULL || !cJSON_ReplaceItemInObjectCaseSensitive(sentence, "gold_label", text)) {
        cJSON_Delete(text);
        return fs_error_memory(err, sizeof *text, "StereoSet");
    }
    return 0;
}

/* The sentences of an item by column, as HuggingFace datasets keeps a list of structs, brought into an array. */
static int arrange_sentences(const struct fs_json_document *document, const char *place, cJSON *item,
                             struct fs_error *err)
{
    cJSON *columns = cJSON_GetObjectItemCaseSensitive(item, "sentences");
    int length = -1;
    for (size_t i = 0; sentence_keys[i] != NULL; i++) {
        const cJSON *column = cJSON_GetObjectItemCaseSensitive(columns, sentence_keys[i]);
        int found = cJSON_IsArray(column) ? cJSON_GetArraySize(column) : -1;
        if (found < 0 || (length >= 0 && found != length)) {
            char key[32], is[32], expected[64];
            snprintf(key, sizeof key, "sentences.%s", sentence_keys[i]);
            snprintf(is, sizeof is, "%d values", found);
            snprintf(expected, sizeof expected, "%d as in \"%s\"", length, sentence_keys[0]);
            return fs_json_wrong(document, place, key, found < 0 ? fs_json_kind(column) : is,
                                 found < 0 ? "an array" : expected, err);
        }
        length = found;
    }
    cJSON *list = fs_records_turn(columns, sentence_keys, err);
    if (list == NULL) {
        return -1;
    }
    if (!cJSON_ReplaceItemInObjectCaseSensitive(item, "sentences", list)) {
        cJSON_Delete(list);
        return fs_error_memory(err, sizeof *list, "StereoSet");
    }
    return 0;
}

/* Brings the sentences of all items into the published layout; what is no such thing is left for the reader to name. */
static int arrange_items(const struct fs_stereoset_items *items, cJSON *list, struct fs_error *err)
{
    bool first_by_column = false;
    size_t index = 0;
    cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        char place[FS_ITEM_PLACE];
        cJSON *sentences = cJSON_GetObjectItemCaseSensitive(item, "sentences");
        bool by_column = cJSON_IsObject(sentences);
        fs_stereoset_place(items, index, place);
        first_by_column = index == 0 ? by_column : first_by_column;
        if (by_column != first_by_column && sentences != NULL) {
            return fs_json_wrong(items->document, place, "sentences", fs_json_kind(sentences),
                                 first_by_column ? "an object as in the first item: the file mixes two layouts"
                                                 : "an array as in the first item: the file mixes two layouts",
                                 err);
        }
        if (by_column && arrange_sentences(items->document, place, item, err) != 0) {
            return -1;
        }
        cJSON *sentence;
        cJSON_ArrayForEach(sentence, cJSON_GetObjectItemCaseSensitive(item, "sentences"))
        {
            if (decode_label(sentence, err) != 0) {
                return -1;
            }
        }
        index++;
    }
    return 0;
}

/* Records do not say whether they are intrasentence or intersentence items; their contexts do. */
static int check_config(const struct fs_stereoset_items *items, const char *config, struct fs_error *err)
{
    char place[FS_ITEM_PLACE];
    bool intersentence = strcmp(config, "intersentence") == 0, blank = false, text = false;
    size_t index = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, items->list)
    {
        const cJSON *context = cJSON_GetObjectItemCaseSensitive(item, "context");
        text = text || cJSON_IsString(context);
        if (cJSON_IsString(context) && strstr(context->valuestring, "BLANK") != NULL) {
            blank = true;
            break;
        }
        index++;
    }
    if (intersentence && blank) {
        return fs_json_wrong(items->document, fs_stereoset_place(items, index, place), "context",
                             "BLANK, as intrasentence items have",
                             "intersentence items; give the file as data.stereoset", err);
    }
    if (!intersentence && text && !blank) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found BLANK in no context, so these are intersentence items, expected intrasentence; "
                            "give the file as data.stereoset_intersentence",
                            fs_json_name(items->document));
    }
    return 0;
}

/* The list of items: of the published file below "data", of any other its records. NULL with `err` set. */
static cJSON *find_items(struct fs_json_document *document, const char *config, struct fs_stereoset_items *items,
                         struct fs_error *err)
{
    static const char *const keys[] = {"context", "sentences", NULL};
    const struct fs_record_kind kind = {keys, config != NULL ? "StereoSet's own file with \"data\"" : NULL};
    const cJSON *file = fs_json_root(document)->child, *list;
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(file, "data");
    if (config != NULL && cJSON_IsObject(data) && file->next == NULL) {
        items->document = document;
        items->place = strcmp(config, "intersentence") == 0 ? "data.intersentence" : "data.intrasentence";
        return fs_json_array(document, data, "data", config, &list, err) != 0
                   ? NULL
                   : cJSON_GetObjectItemCaseSensitive(data, config);
    }
    if (fs_records_take(document, &kind, &items->records, err) != 0) {
        return NULL;
    }
    items->document = items->records.document;
    return fs_json_edit(items->document);
}

int fs_stereoset_items_load(const char *path, const char *config, struct fs_stereoset_items *items,
                            struct fs_error *err)
{
    struct fs_json_document *document;
    *items = (struct fs_stereoset_items){0};
    if (fs_json_load_values(path, &document, err) != 0) {
        return -1;
    }
    cJSON *list = find_items(document, config, items, err);
    items->list = list;
    if (list == NULL || (config != NULL && items->place == NULL && check_config(items, config, err) != 0) ||
        arrange_items(items, list, err) != 0) {
        fs_stereoset_items_release(items);
        return -1;
    }
    return 0;
}

void fs_stereoset_items_release(struct fs_stereoset_items *items)
{
    if (items->place != NULL) {
        fs_json_destroy(items->document);
    }
    fs_records_release(&items->records);
    *items = (struct fs_stereoset_items){0};
}

const char *fs_stereoset_place(const struct fs_stereoset_items *items, size_t index, char place[FS_ITEM_PLACE])
{
    if (items->place != NULL) {
        snprintf(place, FS_ITEM_PLACE, "%s[%zu]", items->place, index);
        return place;
    }
    return fs_records_place(&items->records, index, place);
}

/* The text that a number stands for. One that is none of the card's is the reader's to name. */
static void decode_field(struct fs_csv *csv, size_t row, size_t column, const char *const *texts, size_t count)
{
    size_t number = number_of(fs_csv_field(csv, row, column), count);
    if (number != SIZE_MAX) {
        fs_csv_replace(csv, row, column, texts[number]);
    }
}

static int decode_table(struct fs_csv *csv, struct fs_error *err)
{
    size_t direction, category;
    if (fs_csv_column(csv, "stereo_antistereo", &direction, err) != 0 ||
        fs_csv_column(csv, "bias_type", &category, err) != 0) {
        return -1;
    }
    for (size_t row = 0; row < fs_csv_rows(csv); row++) {
        decode_field(csv, row, direction, directions, COUNT(directions));
        decode_field(csv, row, category, bias_types, COUNT(bias_types));
    }
    return 0;
}

bool fs_crows_is_number(const char *category)
{
    return category[0] != '\0' && category[strspn(category, "+-.0123456789")] == '\0';
}

int fs_crows_table_load(const char *path, struct fs_csv **csv, struct fs_error *err)
{
    static const char *const columns[] = {"sent_more", "sent_less", "stereo_antistereo", "bias_type", NULL};
    const struct fs_csv_format format = {.columns = columns, .keep_bad_rows = true, .also = fs_crows_id_columns};
    if (fs_csv_load(path, &format, csv, err) != 0) {
        return -1;
    }
    if (decode_table(*csv, err) != 0) {
        fs_csv_destroy(*csv);
        *csv = NULL;
        return -1;
    }
    return 0;
}
