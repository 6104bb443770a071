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

int fs_overrule_bert(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err)
{
    struct fs_normalizer *normalizer = &tokenizer->normalizer;
    if (normalizer->count != 1 || normalizer->step[0].kind != FS_NORMALIZE_BERT) {
        return fs_explain(&tokenizer->explanation, FS_EXPLAIN_VERSION, "", err,
                          "transformers 5 reads a %s with BertNormalizer and BertPreTokenizer, whatever tokenizer.json "
                          "has; read as written here, as transformers 4 does",
                          settings->class->name);
    }
    struct fs_normalizer_step *step = &normalizer->step[0];
    bool lower = settings->lower_case != 0;
    bool accents = settings->strip_accents >= 0 ? settings->strip_accents != 0 : lower;
    return settle(tokenizer, settings, "do_lower_case", lower, settings->lower_case >= 0, &step->bert.lowercase, err) ||
                   settle(tokenizer, settings, "strip_accents", accents, settings->strip_accents >= 0,
                          &step->bert.strip_accents, err) ||
                   settle(tokenizer, settings, "tokenize_chinese_chars", settings->chinese != 0, settings->chinese >= 0,
                          &step->bert.chinese, err)
               ? -1
               : 0;
}

int fs_overrule_byte_level(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err)
{
    struct fs_pretokenizer *pretokenizer = &tokenizer->pretokenizer;
    if (pretokenizer->count != 1 || pretokenizer->step[0].kind != FS_PRETOKENIZE_BYTE_LEVEL) {
        return fs_explain(&tokenizer->explanation, FS_EXPLAIN_VERSION, "", err,
                          "transformers 5 reads a %s with %s, whatever tokenizer.json has; read as written here, as "
                          "transformers 4 does",
                          settings->class->name, settings->class->rebuilt);
    }
    return settle(tokenizer, settings, "add_prefix_space", settings->add_prefix_space == 1,
                  settings->add_prefix_space >= 0, &pretokenizer->step[0].add_prefix_space, err);
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
    return 0;
}

int fs_overrule_llama(struct fs_tokenizer *tokenizer, const struct fs_settings *settings, struct fs_error *err)
{
    static const char sign[] = "\xE2\x96\x81";
    struct fs_normalizer *normalizer = &tokenizer->normalizer;
    struct fs_pretokenizer *pretokenizer = &tokenizer->pretokenizer;
    bool prepends = false;
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
