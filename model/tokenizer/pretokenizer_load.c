/* Pre-tokenizers of tokenizer.json and of tokenizer classes. */
#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"
#include "model/tokenizer/json_part.h"
#include "model/tokenizer/pretokenizer.h"
#include "model/tokenizer/unicode.h"

/* GPT-2's encoder.py. */
static const char gpt2_pattern[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static struct fs_pretokenizer_step *add(struct fs_pretokenizer *pretokenizer, struct fs_error *err)
{
    if (fs_grow(&pretokenizer->step, &pretokenizer->capacity, pretokenizer->count + 1, sizeof *pretokenizer->step,
                "a pre-tokenizer", err) != 0) {
        return NULL;
    }
    return &pretokenizer->step[pretokenizer->count++];
}

static int is_white_space(uint32_t character)
{
    return fs_is_white_space(character) ? FS_CLASS_MATCH : 1;
}

static int is_punctuation(uint32_t character)
{
    return fs_is_bert_punctuation(character) ? FS_CLASS_MATCH : 1;
}

static int is_numeric(uint32_t character)
{
    return fs_is_numeric(character) ? FS_CLASS_MATCH : 1;
}

/* White space, words, and runs of anything else. */
static int word_class(uint32_t character)
{
    if (fs_is_white_space(character)) {
        return FS_CLASS_MATCH;
    }
    return fs_is_word_character(character) ? 1 : 2;
}

static int add_class(struct fs_pretokenizer *pretokenizer, fs_character_class *class_of, enum fs_split behavior,
                     struct fs_error *err)
{
    struct fs_pretokenizer_step *step = add(pretokenizer, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_PRETOKENIZE_CLASS;
    step->class_of = class_of;
    step->behavior = behavior;
    return 0;
}

int fs_pretokenizer_add_bert(struct fs_pretokenizer *pretokenizer, struct fs_error *err)
{
    return add_class(pretokenizer, is_white_space, FS_SPLIT_REMOVED, err) ||
                   add_class(pretokenizer, is_punctuation, FS_SPLIT_ISOLATED, err)
               ? -1
               : 0;
}

int fs_pretokenizer_add_white_space_split(struct fs_pretokenizer *pretokenizer, struct fs_error *err)
{
    return add_class(pretokenizer, is_white_space, FS_SPLIT_REMOVED, err);
}

int fs_pretokenizer_add_punctuation(struct fs_pretokenizer *pretokenizer, struct fs_error *err)
{
    return add_class(pretokenizer, is_punctuation, FS_SPLIT_ISOLATED, err);
}

int fs_pretokenizer_add_metaspace(struct fs_pretokenizer *pretokenizer, enum fs_prepend prepend, struct fs_error *err)
{
    struct fs_pretokenizer_step *step = add(pretokenizer, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_PRETOKENIZE_METASPACE;
    step->prepend = prepend;
    step->split = true;
    return fs_pattern_literal(&step->pattern, "Metaspace", "\xE2\x96\x81", err);
}

int fs_pretokenizer_add_byte_level(struct fs_pretokenizer *pretokenizer, bool add_prefix_space, bool use_regex,
                                   struct fs_error *err)
{
    struct fs_pretokenizer_step *step = add(pretokenizer, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_PRETOKENIZE_BYTE_LEVEL;
    step->add_prefix_space = add_prefix_space;
    step->use_regex = use_regex;
    return use_regex ? fs_pattern_regex(&step->pattern, "GPT-2's pattern", gpt2_pattern, err) : 0;
}

int fs_pretokenizer_add_split(struct fs_pretokenizer *pretokenizer, const char *pattern, struct fs_error *err)
{
    struct fs_pretokenizer_step *step = add(pretokenizer, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_PRETOKENIZE_SPLIT;
    step->behavior = FS_SPLIT_ISOLATED;
    return fs_pattern_regex(&step->pattern, "the class's pattern", pattern, err);
}

/* The index of a name in `names` (NULL at the end), or an error. */
static int choose(const struct fs_json_document *document, const char *where, const char *key, const char *found,
                  const char *const *names, int *index, struct fs_error *err)
{
    for (*index = 0; names[*index] != NULL; ++*index) {
        if (strcmp(names[*index], found) == 0) {
            return 0;
        }
    }
    return fs_error_set(err, FS_EXIT_DATA, "%s: %s.%s: \"%.100s\" is not supported", fs_json_name(document), where, key,
                        found);
}

static int load_behavior(enum fs_split *behavior, const struct fs_json_document *document, const char *where,
                         const char *name, struct fs_error *err)
{
    static const char *const behaviors[] = {"Removed",        "Isolated",   "MergedWithPrevious",
                                            "MergedWithNext", "Contiguous", NULL};
    int index;
    if (choose(document, where, "behavior", name, behaviors, &index, err)) {
        return -1;
    }
    *behavior = (enum fs_split)index;
    return 0;
}

static int load_split(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                      const cJSON *object, const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type", "pattern", "behavior", "invert", NULL};
    struct fs_pretokenizer_step *step = add(pretokenizer, err);
    const char *behavior;
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_PRETOKENIZE_SPLIT;
    if (fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_part_pattern(&step->pattern, document, object, where, err) ||
        fs_json_text(document, object, where, "behavior", &behavior, err) ||
        load_behavior(&step->behavior, document, where, behavior, err) ||
        fs_json_bool_optional(document, object, where, "invert", &step->invert, err)) {
        return -1;
    }
    return 0;
}

static int load_metaspace(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                          const cJSON *object, const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type",  "replacement",      "str_rep", "prepend_scheme",
                                       "split", "add_prefix_space", NULL};
    static const char *const schemes[] = {"always", "first", "never", NULL};
    struct fs_pretokenizer_step *step = add(pretokenizer, err);
    const char *sign, *scheme = NULL;
    bool add_prefix_space = true;
    int index;
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_PRETOKENIZE_METASPACE;
    step->split = true;
    if (fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_part_character(document, object, where, "replacement", &sign, err) ||
        fs_json_text_optional(document, object, where, "prepend_scheme", &scheme, err) ||
        fs_json_bool_optional(document, object, where, "add_prefix_space", &add_prefix_space, err) ||
        fs_json_bool_optional(document, object, where, "split", &step->split, err) ||
        choose(document, where, "prepend_scheme",
               scheme != NULL     ? scheme
               : add_prefix_space ? "always"
                                  : "never",
               schemes, &index, err)) {
        return -1;
    }
    step->prepend = (enum fs_prepend)index;
    return fs_pattern_literal(&step->pattern, where, sign, err);
}

static int load_byte_level(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                           const cJSON *object, const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type", "add_prefix_space", "trim_offsets", "use_regex", NULL};
    bool add_prefix_space = true, use_regex = true;
    if (fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_bool_optional(document, object, where, "add_prefix_space", &add_prefix_space, err) ||
        fs_json_bool_optional(document, object, where, "use_regex", &use_regex, err)) {
        return -1;
    }
    return fs_pretokenizer_add_byte_level(pretokenizer, add_prefix_space, use_regex, err);
}

static const char *const no_keys[] = {"type", NULL};

static int load_bert(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document, const cJSON *object,
                     const char *where, struct fs_error *err)
{
    return fs_json_part_keys(document, object, where, no_keys, err) || fs_pretokenizer_add_bert(pretokenizer, err) ? -1
                                                                                                                   : 0;
}

static int load_white_space_split(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                                  const cJSON *object, const char *where, struct fs_error *err)
{
    return fs_json_part_keys(document, object, where, no_keys, err) ||
                   fs_pretokenizer_add_white_space_split(pretokenizer, err)
               ? -1
               : 0;
}

static int load_white_space(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                            const cJSON *object, const char *where, struct fs_error *err)
{
    return fs_json_part_keys(document, object, where, no_keys, err) ||
                   add_class(pretokenizer, word_class, FS_SPLIT_REMOVED, err)
               ? -1
               : 0;
}

static int load_punctuation(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                            const cJSON *object, const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type", "behavior", NULL};
    const char *name = "Isolated";
    enum fs_split behavior;
    if (fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_text_optional(document, object, where, "behavior", &name, err) ||
        load_behavior(&behavior, document, where, name, err)) {
        return -1;
    }
    return add_class(pretokenizer, is_punctuation, behavior, err);
}

static int load_digits(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                       const cJSON *object, const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type", "individual_digits", NULL};
    bool individual = false;
    if (fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_bool_optional(document, object, where, "individual_digits", &individual, err)) {
        return -1;
    }
    return add_class(pretokenizer, is_numeric, individual ? FS_SPLIT_ISOLATED : FS_SPLIT_CONTIGUOUS, err);
}

static int load_delimiter(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                          const cJSON *object, const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type", "delimiter", NULL};
    struct fs_pretokenizer_step *step = add(pretokenizer, err);
    const char *text;
    if (step == NULL || fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_part_character(document, object, where, "delimiter", &text, err)) {
        return -1;
    }
    step->kind = FS_PRETOKENIZE_SPLIT;
    step->behavior = FS_SPLIT_REMOVED;
    return fs_pattern_literal(&step->pattern, where, text, err);
}

static int load_fixed_length(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                             const cJSON *object, const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type", "length", NULL};
    struct fs_pretokenizer_step *step = add(pretokenizer, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_PRETOKENIZE_FIXED_LENGTH;
    step->length = 5;
    return fs_json_part_keys(document, object, where, keys, err) ||
                   fs_json_size_optional(document, object, where, "length", (struct fs_size_range){1, SIZE_MAX / 2},
                                         &step->length, err)
               ? -1
               : 0;
}

static int load_scripts(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                        const cJSON *object, const char *where, struct fs_error *err)
{
    struct fs_pretokenizer_step *step = add(pretokenizer, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_PRETOKENIZE_SCRIPTS;
    return fs_json_part_keys(document, object, where, no_keys, err);
}

static int load_sequence(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                         const cJSON *object, const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type", "pretokenizers", NULL};
    const cJSON *list, *item;
    if (fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_array(document, object, where, "pretokenizers", &list, err)) {
        return -1;
    }
    cJSON_ArrayForEach(item, list) if (fs_pretokenizer_load(pretokenizer, document, item, where, err))
    {
        return -1;
    }
    return 0;
}

/* The types of tokenizer.json and their loaders. */
#define TYPES(X)                                                                                                       \
    X(BertPreTokenizer, load_bert)                                                                                     \
    X(ByteLevel, load_byte_level)                                                                                      \
    X(CharDelimiterSplit, load_delimiter)                                                                              \
    X(Digits, load_digits)                                                                                             \
    X(FixedLength, load_fixed_length)                                                                                  \
    X(Metaspace, load_metaspace)                                                                                       \
    X(Punctuation, load_punctuation)                                                                                   \
    X(Sequence, load_sequence)                                                                                         \
    X(Split, load_split)                                                                                               \
    X(UnicodeScripts, load_scripts)                                                                                    \
    X(Whitespace, load_white_space)                                                                                    \
    X(WhitespaceSplit, load_white_space_split)

int fs_pretokenizer_load(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                         const cJSON *object, const char *where, struct fs_error *err)
{
#define TYPE_ROW(type, load) {#type, load},
#define TYPE_NAME(type, load) ", " #type
    static const struct {
        const char *type;
        int (*load)(struct fs_pretokenizer *, const struct fs_json_document *, const cJSON *, const char *,
                    struct fs_error *);
    } types[] = {TYPES(TYPE_ROW)};
    const char *type;
    if (object == NULL || cJSON_IsNull(object)) {
        return 0;
    }
    if (fs_json_part_type(document, object, where, &type, err)) {
        return -1;
    }
    fs_pretokenizer_map_bytes(pretokenizer);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(type, types[i].type) == 0) {
            return types[i].load(pretokenizer, document, object, where, err);
        }
    }
    return fs_json_part_unsupported(document, where, type, &TYPES(TYPE_NAME)[2], err);
}
