#include "model/tokenizer/overrule.h"

#include <stdio.h>
#include <string.h>

#include "model/tokenizer/classes.h"
#include "model/tokenizer/tokenizer_internal.h"

static const char *name_of(bool flag)
{
    return flag ? "true" : "false";
}

/* Sets `flag` to what the key says (`given` not -1) or the class (`fallback`), and explains where that changes it. */
static int settle(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const char *key, bool value,
                  bool given, bool *flag, struct fs_error *err)
{
    char source[256];
    bool before = *flag;
    *flag = value;
    if (before == value) {
        return 0;
    }
    snprintf(source, sizeof source, "%s%s", given ? "tokenizer_config.json: " : "not named; default of ",
             given ? key : settings->class->name);
    return fs_explain(&tokenizer->explanation, FS_EXPLAIN_RULE, source, err,
                      "%s %s, where tokenizer.json has %s: class %s overrules the file", key, name_of(value),
                      name_of(before), settings->class->name);
}

/*
 * How transformers 5 reads a tokenizer.json: by its class, as written, or as Qwen2Tokenizer. Some model types have it
 * their own way whatever class the files name: models/auto/tokenization_auto.py of 5.24, for the families read here.
 */
enum reading { BY_CLASS, AS_WRITTEN, AS_QWEN2 };

static enum reading reading_of_5(const struct fs_settings *settings)
{
    static const char *const generic[] = {"gpt_bigcode", "granite", "mistral", "mixtral", "modernbert",
                                          "olmo2",       "olmo3",   "phi3",    "stablelm"};
    const cJSON *value =
        settings->model == NULL ? NULL : cJSON_GetObjectItemCaseSensitive(fs_json_root(settings->model), "model_type");
    const char *type = cJSON_IsString(value) ? value->valuestring : "";
    for (size_t i = 0; i < sizeof generic / sizeof *generic; i++) {
        if (strcmp(type, generic[i]) == 0) {
            return AS_WRITTEN;
        }
    }
    if ((!settings->class_named && strcmp(type, "llama") == 0) ||
        strcmp(settings->class->name, "ConvBertTokenizer") == 0) { /* the one class of BERT's that builds nothing */
        return AS_WRITTEN;
    }
    return strcmp(type, "qwen2") == 0 || strcmp(settings->class->name, "Qwen2Tokenizer") == 0 ? AS_QWEN2 : BY_CLASS;
}

static int explain_class_of_5(struct fs_tokenizer *tokenizer, const struct fs_tokenizer_class *class,
                              struct fs_error *err)
{
    return fs_explain(&tokenizer->explanation, FS_EXPLAIN_VERSION, "", err,
                      "transformers 5 reads a %s with %s, whatever tokenizer.json has; read as written here, as "
                      "transformers 4 does",
                      class->name, class->rebuilt);
}

/* What transformers 5 does with a tokenizer.json that is not as its class builds one. */
static int explain_rebuilt(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err)
{
    return reading_of_5(settings) == BY_CLASS ? explain_class_of_5(tokenizer, settings->class, err) : 0;
}

static bool is_nfc(const struct fs_normalizer *normalizer)
{
    return normalizer->count == 1 && normalizer->step[0].kind == FS_NORMALIZE_UNICODE &&
           normalizer->step[0].form == FS_NFC;
}

/* Whether the pipeline is the one that Qwen2Tokenizer builds; its pattern is compared as the file has it. */
static bool is_qwen2_as_built(const struct fs_tokenizer *tokenizer, const struct fs_tokenizer_class *qwen2, bool prefix,
                              const cJSON *root)
{
    const struct fs_pretokenizer *pretokenizer = &tokenizer->pretokenizer;
    if (!is_nfc(&tokenizer->normalizer) || pretokenizer->count != 2) {
        return false;
    }
    const struct fs_pretokenizer_step *split = &pretokenizer->step[0], *bytes = &pretokenizer->step[1];
    const cJSON *part = cJSON_GetObjectItemCaseSensitive(root, "pre_tokenizer");
    part = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(part, "pretokenizers"), 0);
    part = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(part, "pattern"), "Regex");
    return split->kind == FS_PRETOKENIZE_SPLIT && split->behavior == FS_SPLIT_ISOLATED && !split->invert &&
           bytes->kind == FS_PRETOKENIZE_BYTE_LEVEL && !bytes->use_regex && bytes->add_prefix_space == prefix &&
           cJSON_IsString(part) && strcmp(part->valuestring, qwen2->pattern) == 0;
}

int fs_overrule(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, const cJSON *root,
                struct fs_error *err)
{
    const struct fs_explanation *explanation = &tokenizer->explanation;
    const struct fs_tokenizer_class *qwen2 = fs_tokenizer_class_find("Qwen2Tokenizer");
    enum reading reading = reading_of_5(settings);
    bool overruled = false;
    size_t before = explanation->count;
    if (settings->class->overrule != NULL && settings->class->overrule(tokenizer, settings, err) != 0) {
        return -1;
    }
    for (size_t i = before; i < explanation->count; i++) {
        overruled = overruled || explanation->line[i].topic == FS_EXPLAIN_RULE;
    }
    if (reading == AS_QWEN2 && !is_qwen2_as_built(tokenizer, qwen2, settings->add_prefix_space == 1, root)) {
        return explain_class_of_5(tokenizer, qwen2, err);
    }
    return reading == AS_WRITTEN && overruled ? fs_explain(&tokenizer->explanation, FS_EXPLAIN_VERSION, "", err,
                                                           "transformers 5 reads this tokenizer.json as written")
                                              : 0;
}

int fs_overrule_bert(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err)
{
    struct fs_normalizer *normalizer = &tokenizer->normalizer;
    if (normalizer->count != 1 || normalizer->step[0].kind != FS_NORMALIZE_BERT) {
        return explain_rebuilt(tokenizer, settings, err);
    }
    struct fs_normalizer_step *step = &normalizer->step[0];
    bool lower = settings->lower_case != 0;
    bool accents = settings->strip_accents >= 0 ? settings->strip_accents != 0 : lower;
    if (step->bert.chinese != (settings->chinese != 0) && strcmp(settings->class->name, "MPNetTokenizer") == 0 &&
        fs_explain(&tokenizer->explanation, FS_EXPLAIN_VERSION, "", err,
                   "transformers 4 leaves tokenize_chinese_chars of an MPNetTokenizer as in tokenizer.json") != 0) {
        return -1;
    }
    return settle(tokenizer, settings, "do_lower_case", lower, settings->lower_case >= 0, &step->bert.lowercase, err) ||
                   settle(tokenizer, settings, "strip_accents", accents, settings->strip_accents >= 0,
                          &step->bert.strip_accents, err) ||
                   settle(tokenizer, settings, "tokenize_chinese_chars", settings->chinese != 0, settings->chinese >= 0,
                          &step->bert.chinese, err)
               ? -1
               : 0;
}

/* What a row of FS_CLASS_BYTES without pattern builds, but for add_prefix_space. */
static bool is_as_built(const struct fs_tokenizer *tokenizer, const struct fs_settings *settings)
{
    const struct fs_normalizer *normalizer = &tokenizer->normalizer;
    return tokenizer->pretokenizer.step[0].use_regex &&
           (settings->class->nfc ? is_nfc(normalizer) : normalizer->count == 0);
}

int fs_overrule_byte_level(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err)
{
    struct fs_pretokenizer *pretokenizer = &tokenizer->pretokenizer;
    if (pretokenizer->count != 1 || pretokenizer->step[0].kind != FS_PRETOKENIZE_BYTE_LEVEL) {
        return explain_rebuilt(tokenizer, settings, err);
    }
    bool *prefix = &pretokenizer->step[0].add_prefix_space, wanted = settings->add_prefix_space == 1;
    if (!is_as_built(tokenizer, settings) && explain_rebuilt(tokenizer, settings, err) != 0) {
        return -1;
    }
    return settle(tokenizer, settings, "add_prefix_space", wanted, settings->add_prefix_space >= 0, prefix, err);
}

int fs_overrule_nothing(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err)
{
    const struct fs_pretokenizer *pretokenizer = &tokenizer->pretokenizer;
    bool wanted = settings->add_prefix_space == 1;
    if (pretokenizer->count != 1 || pretokenizer->step[0].kind != FS_PRETOKENIZE_BYTE_LEVEL ||
        pretokenizer->step[0].add_prefix_space == wanted) {
        return 0;
    }
    return fs_explain(&tokenizer->explanation, FS_EXPLAIN_VERSION, "tokenizer_config.json: add_prefix_space", err,
                      "transformers 4 sets add_prefix_space %s, where tokenizer.json has %s; read as written here, as "
                      "transformers 5 does",
                      name_of(wanted), name_of(!wanted));
}

int fs_overrule_cohere(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err)
{
    struct fs_pretokenizer *pretokenizer = &tokenizer->pretokenizer;
    for (size_t i = 0; i < pretokenizer->count && settings->add_prefix_space == 1; i++) {
        if (pretokenizer->step[i].kind == FS_PRETOKENIZE_BYTE_LEVEL &&
            settle(tokenizer, settings, "add_prefix_space", true, true, &pretokenizer->step[i].add_prefix_space, err)) {
            return -1;
        }
    }
    const struct fs_pretokenizer_step *step = pretokenizer->step;
    bool as_built = is_nfc(&tokenizer->normalizer) && pretokenizer->count == 2 &&
                    step[0].kind == FS_PRETOKENIZE_CLASS && step[0].class_of('1') == FS_CLASS_MATCH &&
                    step[0].behavior == FS_SPLIT_ISOLATED && step[1].kind == FS_PRETOKENIZE_BYTE_LEVEL &&
                    step[1].use_regex && step[1].add_prefix_space == (settings->add_prefix_space == 1);
    return as_built ? 0 : explain_rebuilt(tokenizer, settings, err);
}

int fs_overrule_llama(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err)
{
    static const char sign[] = "\xE2\x96\x81";
    struct fs_normalizer *normalizer = &tokenizer->normalizer;
    struct fs_pretokenizer *pretokenizer = &tokenizer->pretokenizer;
    bool prepends = false;
    if (!fs_pretokenizer_is_byte_level(pretokenizer) && explain_rebuilt(tokenizer, settings, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < normalizer->count && settings->add_prefix_space == 0; i++) {
        struct fs_normalizer_step *step = &normalizer->step[i];
        if (step->kind == FS_NORMALIZE_PREPEND && strcmp(step->content, sign) == 0) {
            prepends = true;
            step->content[0] = '\0';
        }
    }
    for (size_t i = 0; i < pretokenizer->count && settings->add_prefix_space == 0; i++) {
        struct fs_pretokenizer_step *step = &pretokenizer->step[i];
        if (step->kind == FS_PRETOKENIZE_METASPACE && step->prepend != FS_PREPEND_NEVER) {
            prepends = true;
            step->prepend = FS_PREPEND_NEVER;
        }
    }
    return prepends ? settle(tokenizer, settings, "add_prefix_space", false, true, &prepends, err) : 0;
}
