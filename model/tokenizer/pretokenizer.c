#include "model/tokenizer/pretokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"
#include "model/tokenizer/json_part.h"

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

int fs_pretokenizer_add_bert(struct fs_pretokenizer *pretokenizer, struct fs_error *err)
{
    struct fs_pretokenizer_step *step = add(pretokenizer, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_PRETOKENIZE_BERT;
    return 0;
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
    return fs_pattern_regex(&step->pattern, "GPT-2's pattern", gpt2_pattern, err);
}

bool fs_pretokenizer_is_byte_level(const struct fs_pretokenizer *pretokenizer)
{
    return pretokenizer->count > 0 && pretokenizer->step[pretokenizer->count - 1].kind == FS_PRETOKENIZE_BYTE_LEVEL;
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

static int load_split(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                      const cJSON *object, const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type", "pattern", "behavior", "invert", NULL};
    static const char *const behaviors[] = {"Removed",        "Isolated",   "MergedWithPrevious",
                                            "MergedWithNext", "Contiguous", NULL};
    struct fs_pretokenizer_step *step = add(pretokenizer, err);
    const char *behavior;
    int index;
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_PRETOKENIZE_SPLIT;
    if (fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_part_pattern(&step->pattern, document, object, where, err) ||
        fs_json_text(document, object, where, "behavior", &behavior, err) ||
        choose(document, where, "behavior", behavior, behaviors, &index, err) ||
        fs_json_bool_optional(document, object, where, "invert", &step->invert, err)) {
        return -1;
    }
    step->behavior = (enum fs_split)index;
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

int fs_pretokenizer_load(struct fs_pretokenizer *pretokenizer, const struct fs_json_document *document,
                         const cJSON *object, const char *where, struct fs_error *err)
{
    static const char *const bert_keys[] = {"type", NULL};
    static const char *const sequence_keys[] = {"type", "pretokenizers", NULL};
    const char *type;
    if (object == NULL || cJSON_IsNull(object)) {
        return 0;
    }
    if (fs_json_part_type(document, object, where, &type, err)) {
        return -1;
    }
    if (fs_pretokenizer_is_byte_level(pretokenizer)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s: found %.100s after ByteLevel, which must be the last part",
                            fs_json_name(document), where, type);
    }
    if (strcmp(type, "Sequence") == 0) {
        const cJSON *list, *item;
        if (fs_json_part_keys(document, object, where, sequence_keys, err) ||
            fs_json_array(document, object, where, "pretokenizers", &list, err)) {
            return -1;
        }
        cJSON_ArrayForEach(item, list) if (fs_pretokenizer_load(pretokenizer, document, item, where, err))
        {
            return -1;
        }
        return 0;
    }
    if (strcmp(type, "BertPreTokenizer") == 0) {
        if (fs_json_part_keys(document, object, where, bert_keys, err)) {
            return -1;
        }
        return fs_pretokenizer_add_bert(pretokenizer, err);
    }
    if (strcmp(type, "ByteLevel") == 0) {
        return load_byte_level(pretokenizer, document, object, where, err);
    }
    if (strcmp(type, "Split") == 0) {
        return load_split(pretokenizer, document, object, where, err);
    }
    if (strcmp(type, "Metaspace") == 0) {
        return load_metaspace(pretokenizer, document, object, where, err);
    }
    return fs_json_part_unsupported(document, where, type, "BertPreTokenizer, ByteLevel, Split, Sequence, Metaspace",
                                    err);
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

/* White space goes, every punctuation character is a word by itself. */
static int split_bert(const struct fs_text *text, const struct fs_pieces *in, struct fs_pieces *out,
                      struct fs_error *err)
{
    for (size_t i = 0; i < in->count; i++) {
        size_t word = in->begin[i];
        for (size_t at = word; at < in->end[i];) {
            uint32_t character;
            size_t length = fs_utf8_decode(text->data + at, &character);
            bool space = fs_is_white_space(character);
            if (space || fs_is_bert_punctuation(character)) {
                if ((word < at && fs_pieces_add(out, word, at, err)) ||
                    (!space && fs_pieces_add(out, at, at + length, err))) {
                    return -1;
                }
                word = at + length;
            }
            at += length;
        }
        if (word < in->end[i] && fs_pieces_add(out, word, in->end[i], err)) {
            return -1;
        }
    }
    return 0;
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

static int apply_step(const struct fs_pretokenizer_step *step, struct fs_text *text, struct fs_pieces *pieces,
                      struct fs_pieces *out, bool *changed, struct fs_error *err)
{
    *changed = true;
    switch (step->kind) {
    case FS_PRETOKENIZE_BERT:
        return split_bert(text, pieces, out, err);
    case FS_PRETOKENIZE_SPLIT:
        return split(&step->pattern, step->behavior, step->invert, text, pieces, out, err);
    case FS_PRETOKENIZE_BYTE_LEVEL:
        *changed = step->use_regex;
        if (step->add_prefix_space && prepend(text, pieces, " ", FS_PREPEND_ALWAYS, false, err)) {
            return -1;
        }
        return step->use_regex ? split(&step->pattern, FS_SPLIT_ISOLATED, false, text, pieces, out, err) : 0;
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
