#include "model/tokenizer/pretokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/json_part.h"
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

void fs_pretokenizer_release(struct fs_pretokenizer *pretokenizer)
{
    for (size_t i = 0; i < pretokenizer->count; i++) {
        fs_pattern_release(&pretokenizer->step[i].pattern);
    }
    free(pretokenizer->step);
    memset(pretokenizer, 0, sizeof *pretokenizer);
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

bool fs_pretokenizer_leaves_bytes(const struct fs_pretokenizer *pretokenizer)
{
    return pretokenizer->count > 0 && pretokenizer->step[pretokenizer->count - 1].kind == FS_PRETOKENIZE_BYTE_LEVEL &&
           !pretokenizer->step[pretokenizer->count - 1].map_bytes;
}

bool fs_pretokenizer_is_byte_level(const struct fs_pretokenizer *pretokenizer)
{
    for (size_t i = 0; i < pretokenizer->count; i++) {
        if (pretokenizer->step[i].kind == FS_PRETOKENIZE_BYTE_LEVEL) {
            return true;
        }
    }
    return false;
}

void fs_pretokenizer_map_bytes(struct fs_pretokenizer *pretokenizer)
{
    if (fs_pretokenizer_leaves_bytes(pretokenizer)) {
        pretokenizer->step[pretokenizer->count - 1].map_bytes = true;
    }
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
        fs_json_text(document, object, where, "replacement", &sign, err) ||
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
                   add_class(pretokenizer, is_white_space, FS_SPLIT_REMOVED, err)
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
        fs_json_text(document, object, where, "delimiter", &text, err)) {
        return -1;
    }
    if (text[0] == '\0' || fs_utf8_length((unsigned char)text[0]) != strlen(text)) {
        return fs_json_wrong(document, where, "delimiter", text[0] ? "several characters" : "an empty string",
                             "one character", err);
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

/* One cut of one piece: where it lies and whether the pattern matched it. */
struct cut {
    size_t begin, end;
    bool match;
};

struct cuts {
    struct cut *cut;
    size_t count, capacity;
};

static int add_cut(struct cuts *cuts, size_t begin, size_t end, bool match, struct fs_error *err)
{
    if (begin == end) {
        return 0;
    }
    if (fs_grow(&cuts->cut, &cuts->capacity, cuts->count + 1, sizeof *cuts->cut, "the cuts of a text", err) != 0) {
        return -1;
    }
    cuts->cut[cuts->count++] = (struct cut){begin, end, match};
    return 0;
}

static int add_pieces(const struct cuts *cuts, enum fs_split behavior, struct fs_pieces *pieces, struct fs_error *err)
{
    for (size_t i = 0; i < cuts->count; i++) {
        struct cut cut = cuts->cut[i];
        bool more = i + 1 < cuts->count;
        if (behavior == FS_SPLIT_REMOVED && cut.match) {
            continue;
        }
        if (behavior == FS_SPLIT_PREVIOUS && !cut.match && more && cuts->cut[i + 1].match) {
            cut.end = cuts->cut[++i].end;
        }
        if (behavior == FS_SPLIT_NEXT && cut.match && more && !cuts->cut[i + 1].match) {
            cut.end = cuts->cut[++i].end;
        }
        while (behavior == FS_SPLIT_CONTIGUOUS && i + 1 < cuts->count && cuts->cut[i + 1].match == cut.match) {
            cut.end = cuts->cut[++i].end;
        }
        if (fs_pieces_add(pieces, cut.begin, cut.end, err)) {
            return -1;
        }
    }
    return 0;
}

/* Cuts every piece of `in` at the pattern. */
static int split(const struct fs_pattern *pattern, enum fs_split behavior, bool invert, const struct fs_text *text,
                 const struct fs_pieces *in, struct fs_pieces *out, struct fs_error *err)
{
    struct fs_search search;
    struct cuts cuts = {0};
    if (fs_search_begin(&search, pattern, err)) {
        return -1;
    }
    int status = 0;
    for (size_t i = 0; i < in->count && status == 0; i++) {
        size_t base = in->begin[i], length = in->end[i] - base, done = 0, begin, end;
        cuts.count = 0;
        fs_search_subject(&search, text->data + base, length);
        while ((status = fs_search_next(&search, &begin, &end, err)) > 0) {
            if (add_cut(&cuts, base + done, base + begin, invert, err) ||
                add_cut(&cuts, base + begin, base + end, !invert, err)) {
                status = -1;
                break;
            }
            done = end;
        }
        if (status == 0) {
            status = add_cut(&cuts, base + done, base + length, invert, err);
        }
        if (status == 0) {
            status = add_pieces(&cuts, behavior, out, err);
        }
    }
    free(cuts.cut);
    fs_search_end(&search);
    return status;
}

/* Cuts every piece of `in` by the classes of its characters. */
static int split_classes(const struct fs_pretokenizer_step *step, const struct fs_text *text,
                         const struct fs_pieces *in, struct fs_pieces *out, struct fs_error *err)
{
    struct cuts cuts = {0};
    int status = 0;
    for (size_t i = 0; i < in->count && status == 0; i++) {
        size_t run = in->begin[i];
        int run_class = FS_CLASS_MATCH;
        cuts.count = 0;
        for (size_t at = run; at < in->end[i] && status == 0;) {
            uint32_t character;
            size_t length = fs_utf8_decode(text->data + at, &character);
            int class = step->class_of(character);
            if (class == FS_CLASS_MATCH || class != run_class) {
                status = add_cut(&cuts, run, at, run_class == FS_CLASS_MATCH, err);
                run = at;
                run_class = class;
            }
            at += length;
        }
        if (status == 0) {
            status = add_cut(&cuts, run, in->end[i], run_class == FS_CLASS_MATCH, err);
        }
        if (status == 0) {
            status = add_pieces(&cuts, step->behavior, out, err);
        }
    }
    free(cuts.cut);
    return status;
}

/*
 * Writes every piece anew, with `sign` in front where `when` says so and the piece does not begin with it, and, if
 * `replace`, with `sign` in place of every space.
 */
static int prepend(struct fs_text *text, struct fs_pieces *pieces, const char *sign, enum fs_prepend when, bool replace,
                   struct fs_error *err)
{
    struct fs_text result = {0};
    size_t length = strlen(sign);
    int status = 0;
    for (size_t i = 0; i < pieces->count && status == 0; i++) {
        size_t begin = pieces->begin[i], end = pieces->end[i], start = result.count;
        bool has = (end - begin >= length && memcmp(text->data + begin, sign, length) == 0) ||
                   (replace && text->data[begin] == ' ');
        if (!has && (when == FS_PREPEND_ALWAYS || (when == FS_PREPEND_FIRST && text->begin[begin] == 0))) {
            status = fs_text_append(&result, sign, length, text->begin[begin], text->begin[begin], err);
        }
        for (size_t at = begin, run = begin; at <= end && status == 0; at++) {
            bool space = replace && at < end && text->data[at] == ' ';
            if (at < end && !space) {
                continue;
            }
            status = fs_text_append_slice(&result, text, run, at, err);
            if (space && status == 0) {
                status = fs_text_append(&result, sign, length, text->begin[at], text->end[at], err);
            }
            run = at + 1;
        }
        pieces->begin[i] = start;
        pieces->end[i] = result.count;
    }
    if (status) {
        fs_text_release(&result);
        return -1;
    }
    fs_text_release(text);
    *text = result;
    return 0;
}

/* Writes every piece anew, in GPT-2's alphabet. */
static int map_bytes(struct fs_text *text, struct fs_pieces *pieces, struct fs_error *err)
{
    struct fs_text result = {0};
    for (size_t i = 0; i < pieces->count; i++) {
        size_t start = result.count;
        if (fs_append_byte_characters(&result, text, pieces->begin[i], pieces->end[i], err)) {
            fs_text_release(&result);
            return -1;
        }
        pieces->begin[i] = start;
        pieces->end[i] = result.count;
    }
    fs_text_release(text);
    *text = result;
    return 0;
}

static int apply_byte_level(const struct fs_pretokenizer_step *step, struct fs_text *text, struct fs_pieces *pieces,
                            struct fs_pieces *out, struct fs_error *err)
{
    if (step->add_prefix_space && prepend(text, pieces, " ", FS_PREPEND_ALWAYS, false, err)) {
        return -1;
    }
    if (step->use_regex && split(&step->pattern, FS_SPLIT_ISOLATED, false, text, pieces, out, err)) {
        return -1;
    }
    return step->map_bytes ? map_bytes(text, step->use_regex ? out : pieces, err) : 0;
}

static int cut_lengths(size_t most, const struct fs_text *text, const struct fs_pieces *in, struct fs_pieces *out,
                       struct fs_error *err)
{
    for (size_t i = 0; i < in->count; i++) {
        size_t begin = in->begin[i], characters = 0;
        for (size_t at = begin; at < in->end[i]; characters++) {
            if (characters == most) {
                if (fs_pieces_add(out, begin, at, err)) {
                    return -1;
                }
                begin = at;
                characters = 0;
            }
            at += fs_utf8_length(text->data[at]);
        }
        if (fs_pieces_add(out, begin, in->end[i], err)) {
            return -1;
        }
    }
    return 0;
}

static int apply_step(const struct fs_pretokenizer_step *step, struct fs_text *text, struct fs_pieces *pieces,
                      struct fs_pieces *out, bool *changed, struct fs_error *err)
{
    *changed = true;
    switch (step->kind) {
    case FS_PRETOKENIZE_CLASS:
        return split_classes(step, text, pieces, out, err);
    case FS_PRETOKENIZE_SPLIT:
        return split(&step->pattern, step->behavior, step->invert, text, pieces, out, err);
    case FS_PRETOKENIZE_BYTE_LEVEL:
        *changed = step->use_regex;
        return apply_byte_level(step, text, pieces, out, err);
    case FS_PRETOKENIZE_FIXED_LENGTH:
        return cut_lengths(step->length, text, pieces, out, err);
    case FS_PRETOKENIZE_METASPACE:
        *changed = step->split;
        if (prepend(text, pieces, step->pattern.literal, step->prepend, true, err)) {
            return -1;
        }
        return step->split ? split(&step->pattern, FS_SPLIT_NEXT, false, text, pieces, out, err) : 0;
    }
    return fs_error_set(err, FS_EXIT_SOFTWARE, "pre-tokenizer step %d is unknown", (int)step->kind);
}

int fs_pretokenizer_apply(const struct fs_pretokenizer *pretokenizer, struct fs_text *text, struct fs_pieces *pieces,
                          struct fs_error *err)
{
    if (text->count > 0 && fs_pieces_add(pieces, 0, text->count, err)) {
        return -1;
    }
    for (size_t i = 0; i < pretokenizer->count; i++) {
        struct fs_pieces out = {0};
        bool changed;
        if (apply_step(&pretokenizer->step[i], text, pieces, &out, &changed, err)) {
            fs_pieces_release(&out);
            return -1;
        }
        if (changed) {
            fs_pieces_release(pieces);
            *pieces = out;
        }
    }
    return 0;
}
