/* The page as JSON. */
#include <math.h>
#include <stdlib.h>

#include "model/families/spec_words.h"
#include "pipeline/commands/model_page.h"

static void add_feature(void *context, const char *label, const char *text)
{
    cJSON_AddStringToObject(context, label, text);
}

/* F of the layer where it is largest; of one expert. */
static size_t most_ffn(const struct fs_spec *spec)
{
    size_t most = 0;
    for (size_t i = 0; i < spec->layers; i++) {
        most = spec->layer[i].ffn > most ? spec->layer[i].ffn : most;
    }
    return most;
}

static void add_spec(cJSON *json, const struct fs_spec *spec)
{
    const struct {
        const char *key;
        size_t size;
    } sizes[] = {
        {"layers", spec->layers},         {"hidden", spec->hidden},
        {"heads", spec->heads},           {"key_value_heads", spec->key_value_heads},
        {"head_size", spec->head_size},   {"ffn", most_ffn(spec)},
        {"vocabulary", spec->vocabulary}, {"positions", spec->max_positions},
    };
    cJSON_AddStringToObject(json, "model_type", spec->family_name);
    cJSON_AddStringToObject(json, "kind", fs_model_kind_name(spec->kind));
    cJSON_AddStringToObject(json, "saved_from", spec->saved_from);
    cJSON *object = cJSON_AddObjectToObject(json, "sizes");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        cJSON_AddNumberToObject(object, sizes[i].key, (double)sizes[i].size);
    }
    fs_spec_describe(spec, add_feature, cJSON_AddObjectToObject(json, "features"));
}

static void add_weights(cJSON *json, const struct fs_model_page *page)
{
    cJSON *weights = cJSON_AddObjectToObject(json, "weights"), *types;
    cJSON_AddNumberToObject(weights, "files", (double)page->files);
    cJSON_AddNumberToObject(weights, "bytes", page->disk);
    cJSON_AddNumberToObject(weights, "tensors", (double)page->tensors);
    types = cJSON_AddObjectToObject(weights, "types");
    for (size_t i = 0; i < FS_DTYPES; i++) {
        if (page->type[i].tensors > 0) {
            cJSON *type = cJSON_AddObjectToObject(types, fs_dtype_name((enum fs_dtype)i));
            cJSON_AddNumberToObject(type, "tensors", (double)page->type[i].tensors);
            cJSON_AddNumberToObject(type, "numbers", (double)page->type[i].numbers);
        }
    }
}

static void add_memory(cJSON *json, const struct fs_model_page *page)
{
    cJSON *memory = cJSON_AddObjectToObject(json, "memory");
    cJSON_AddNumberToObject(memory, "node_bytes", page->memory.weights);
    cJSON_AddNumberToObject(memory, "converted_bytes", page->converted);
    cJSON_AddNumberToObject(memory, "rank_bytes", page->memory.program + page->memory.thread + page->memory.evaluate);
}

static cJSON *add_token(cJSON *parent, const char *key, const struct fs_model_page *page, int32_t id)
{
    cJSON *token = cJSON_CreateObject();
    char *text = fs_model_page_token(page, id);
    cJSON_AddNumberToObject(token, "id", id);
    cJSON_AddItemToObject(token, "token", text != NULL ? cJSON_CreateString(text) : cJSON_CreateNull());
    free(text);
    if (key != NULL) {
        cJSON_AddItemToObject(parent, key, token);
    } else {
        cJSON_AddItemToArray(parent, token);
    }
    return token;
}

static void add_tokenizer(cJSON *json, const struct fs_model_page *page)
{
    struct fs_page_special special[FS_PAGE_SPECIAL];
    cJSON *tokenizer = cJSON_AddObjectToObject(json, "tokenizer");
    cJSON_AddStringToObject(tokenizer, "kind", fs_tokenizer_kind(page->opened));
    cJSON_AddNumberToObject(tokenizer, "tokens", (double)fs_tokenizer_size(page->opened));
    cJSON *list = cJSON_AddObjectToObject(tokenizer, "special");
    fs_model_page_special(page, special);
    for (size_t i = 0; i < FS_PAGE_SPECIAL; i++) {
        if (special[i].id >= 0) {
            add_token(list, special[i].key, page, special[i].id);
        } else {
            cJSON_AddNullToObject(list, special[i].key);
        }
    }
}

static void add_text(cJSON *json, const struct fs_model_page *page)
{
    const struct fs_page_text *line = &page->line;
    cJSON *text = cJSON_AddObjectToObject(json, "text");
    cJSON_AddStringToObject(text, "text", line->text);
    if (line->skipped[0] != '\0') {
        cJSON_AddStringToObject(text, "skipped", line->skipped);
        return;
    }
    cJSON *tokens = cJSON_AddArrayToObject(text, "tokens");
    for (size_t i = 0; line->logprob != NULL && i < line->encoding.count; i++) {
        double logprob = line->logprob[i];
        cJSON_AddItemToObject(add_token(tokens, NULL, page, line->encoding.id[i]), "logprob",
                              isnan(logprob) ? cJSON_CreateNull() : cJSON_CreateNumber(logprob));
    }
}

cJSON *fs_model_page_json(const struct fs_model_page *page)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "folder", page->folder);
    if (page->config.code == 0) {
        add_spec(json, &page->spec);
    }
    if (page->listed) {
        add_weights(json, page);
    }
    if (page->config.code == 0 && page->weights.code == 0) {
        add_memory(json, page);
    }
    if (page->opened != NULL) {
        add_tokenizer(json, page);
    }
    cJSON *notes = cJSON_AddArrayToObject(json, "notes");
    for (size_t i = 0; i < page->notes.count; i++) {
        cJSON *note = cJSON_CreateObject();
        cJSON_AddBoolToObject(note, "warning", page->notes.note[i].warning);
        cJSON_AddStringToObject(note, "text", page->notes.note[i].text);
        cJSON_AddItemToArray(notes, note);
    }
    if (page->line.text != NULL && page->line.encoding.id != NULL && page->text.code == 0) {
        add_text(json, page);
    }
    const struct {
        const char *part;
        const struct fs_error *error;
    } parts[] = {
        {"config", &page->config}, {"weights", &page->weights}, {"tokenizer", &page->tokenizer}, {"text", &page->text}};
    cJSON *errors = cJSON_AddObjectToObject(json, "errors");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].error->code != 0) {
            cJSON_AddStringToObject(errors, parts[i].part, parts[i].error->text);
        }
    }
    return json;
}
