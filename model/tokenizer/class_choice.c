/* Which tokenizer class a folder has: the order is that of transformers' AutoTokenizer. */
#include <stdio.h>
#include <string.h>

#include "model/tokenizer/tokenizer_internal.h"

/* What a file says of the class: its name, the file and key that say it, the Python of the folder's own that has it. */
struct named {
    const char *name, *source, *code;
};

/* The class in auto_map.AutoTokenizer: "file.Class", or [slow, fast] of them, or the list itself; NULL: none. */
static const char *own_code(const struct fs_json_document *document)
{
    const cJSON *map = document == NULL ? NULL : cJSON_GetObjectItemCaseSensitive(fs_json_root(document), "auto_map");
    const cJSON *value = cJSON_IsObject(map) ? cJSON_GetObjectItemCaseSensitive(map, "AutoTokenizer") : map, *item;
    const char *found = cJSON_IsString(value) ? value->valuestring : NULL;
    if (cJSON_IsArray(value)) {
        cJSON_ArrayForEach(item, value)
        {
            found = cJSON_IsString(item) ? item->valuestring : found;
        }
    }
    if (found != NULL) {
        const char *dot = strrchr(found, '.');
        found = dot != NULL ? dot + 1 : found;
    }
    return found;
}

static int read_name(const struct fs_json_document *document, const char *source, struct named *named,
                     struct fs_error *err)
{
    const char *name = NULL;
    if (document == NULL) {
        return 0;
    }
    if (fs_json_text_optional(document, fs_json_root(document), "", "tokenizer_class", &name, err) != 0) {
        return -1;
    }
    if (named->code == NULL) {
        named->code = own_code(document);
    }
    if (named->name == NULL && name != NULL) {
        named->name = name;
        named->source = source;
    }
    return 0;
}

static const char *files_of(enum fs_class_files files)
{
    static const char *const names[] = {[FS_CLASS_JSON] = "tokenizer.json",
                                        [FS_CLASS_WORDS] = "tokenizer.json or vocab.txt",
                                        [FS_CLASS_BYTES] = "tokenizer.json, or vocab.json and merges.txt",
                                        [FS_CLASS_PIECES] = "tokenizer.json or a model of SentencePiece"};
    return names[files];
}

static bool has_files(const struct fs_tokenizer_class *class, const struct fs_tokenizer_files *found)
{
    return found->json || (class->files == FS_CLASS_WORDS && found->words) ||
           (class->files == FS_CLASS_BYTES && found->bytes) || (class->files == FS_CLASS_PIECES && found->pieces);
}

/* A class that some file names: it must be one that is read here, with its files there. */
static int take_named(struct fs_settings *settings, const char *folder, const struct fs_tokenizer_files *found,
                      const struct named *named, struct fs_explanation *explanation, struct fs_error *err)
{
    const struct fs_tokenizer_class *class = fs_tokenizer_class_find(named->name);
    if (class == NULL && named->code != NULL) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: tokenizer class %.80s is Python of the folder's own (%.80s in auto_map), which is not "
                            "run; where its tokenizer.json gives the same ids, name PreTrainedTokenizerFast as "
                            "tokenizer_class in tokenizer_config.json",
                            folder, named->name, named->code);
    }
    if (class == NULL && !found->json) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: tokenizer class %.80s (%s) is not known, and there is no tokenizer.json; save the "
                            "tokenizer with transformers as a fast one, which writes that file",
                            folder, named->name, named->source);
    }
    if (class != NULL && class->files == FS_CLASS_OTHER) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: tokenizer class %.80s (%s) is not supported: its ids come from %s; take a model with "
                            "another tokenizer",
                            folder, named->name, named->source, class->algorithm);
    }
    if (class != NULL && !has_files(class, found)) {
        return fs_error_set(err, FS_EXIT_NO_INPUT, "%s: tokenizer class %.80s (%s) needs %s, not found; add it", folder,
                            named->name, named->source, files_of(class->files));
    }
    if (class == NULL) {
        settings->class = fs_tokenizer_class_of_files(FS_CLASS_JSON);
        return fs_explain(explanation, FS_EXPLAIN_CLASS, named->source, err,
                          "%s, which is not known: tokenizer.json is read as written, as transformers 5 does; "
                          "transformers 4 refuses it",
                          named->name);
    }
    settings->class = class;
    if (named->code != NULL && fs_explain(explanation, FS_EXPLAIN_VERSION, "auto_map", err,
                                          "with trust_remote_code transformers runs %s of the folder's own Python; "
                                          "here class %s is read",
                                          named->code, named->name) != 0) {
        return -1;
    }
    return fs_explain(explanation, FS_EXPLAIN_CLASS, named->source, err, "%s", named->name);
}

int fs_settings_choose_class(struct fs_settings *settings, const char *folder, const struct fs_tokenizer_files *found,
                             struct fs_explanation *explanation, struct fs_error *err)
{
    struct named named = {NULL, NULL, NULL};
    const cJSON *type = NULL;
    if (read_name(settings->config, "tokenizer_config.json: tokenizer_class", &named, err) != 0 ||
        read_name(settings->model, "config.json: tokenizer_class", &named, err) != 0) {
        return -1;
    }
    if (named.name == NULL && named.code != NULL) {
        named.name = named.code;
        named.source = "auto_map";
    }
    settings->class_named = named.name != NULL;
    if (settings->class_named) {
        return take_named(settings, folder, found, &named, explanation, err);
    }
    if (settings->model != NULL) {
        type = cJSON_GetObjectItemCaseSensitive(fs_json_root(settings->model), "model_type");
    }
    const struct fs_tokenizer_class *class =
        cJSON_IsString(type) ? fs_tokenizer_class_of_model(type->valuestring) : NULL;
    if (class != NULL && has_files(class, found)) {
        settings->class = class;
        return fs_explain(explanation, FS_EXPLAIN_CLASS, "config.json: model_type", err, "%s, that of model_type %s",
                          class->name, type->valuestring);
    }
    settings->class = fs_tokenizer_class_of_files(found->json     ? FS_CLASS_JSON
                                                  : found->pieces ? FS_CLASS_PIECES
                                                  : found->bytes  ? FS_CLASS_BYTES
                                                                  : FS_CLASS_WORDS);
    return fs_explain(explanation, FS_EXPLAIN_CLASS, "the files that are there", err, "%s: no file names a class",
                      settings->class->name);
}
