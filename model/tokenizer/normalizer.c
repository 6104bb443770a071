#include "model/tokenizer/normalizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "io/utf8.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/json_part.h"
#include "model/tokenizer/unicode.h"

#define MOST_DECOMPOSED 18 /* characters that one becomes in a normal form: U+FDFA */
#define MOST_GROWTH 256    /* times as many bytes: a hostile normalizer would fill the memory, step by step */
#define FREE_GROWTH ((size_t)1 << 20)

struct fs_normalizer_step *fs_normalizer_add(struct fs_normalizer *normalizer, struct fs_error *err)
{
    if (fs_grow(&normalizer->step, &normalizer->capacity, normalizer->count + 1, sizeof *normalizer->step,
                "a normalizer", err) != 0) {
        return NULL;
    }
    return &normalizer->step[normalizer->count++];
}

void fs_normalizer_release(struct fs_normalizer *normalizer)
{
    for (size_t i = 0; i < normalizer->count; i++) {
        free(normalizer->step[i].content);
        fs_pattern_release(&normalizer->step[i].pattern);
        fs_charsmap_release(&normalizer->step[i].charsmap);
    }
    free(normalizer->step);
    memset(normalizer, 0, sizeof *normalizer);
}

static int load_bert(struct fs_normalizer_step *step, const struct fs_json_document *document, const cJSON *object,
                     const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type",          "clean_text", "handle_chinese_chars",
                                       "strip_accents", "lowercase",  NULL};
    step->kind = FS_NORMALIZE_BERT;
    step->bert.clean_text = step->bert.chinese = step->bert.lowercase = true;
    if (fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_bool_optional(document, object, where, "clean_text", &step->bert.clean_text, err) ||
        fs_json_bool_optional(document, object, where, "handle_chinese_chars", &step->bert.chinese, err) ||
        fs_json_bool_optional(document, object, where, "lowercase", &step->bert.lowercase, err)) {
        return -1;
    }
    step->bert.strip_accents = step->bert.lowercase;
    return fs_json_bool_optional(document, object, where, "strip_accents", &step->bert.strip_accents, err);
}

static int load_text(char **content, const struct fs_json_document *document, const cJSON *object, const char *where,
                     const char *key, struct fs_error *err)
{
    const char *text;
    if (fs_json_text(document, object, where, key, &text, err)) {
        return -1;
    }
    *content = strdup(text);
    return *content != NULL ? 0 : fs_error_memory(err, strlen(text), "a normalizer");
}

static int load_flag(bool *flag, const struct fs_json_document *document, const cJSON *object, const char *where,
                     const char *key, struct fs_error *err)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsBool(value)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s.%s: found %s, expected true or false", fs_json_name(document),
                            where, key, fs_json_kind(value));
    }
    *flag = cJSON_IsTrue(value);
    return 0;
}

static int load_sequence(struct fs_normalizer *normalizer, const struct fs_json_document *document, const cJSON *object,
                         const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type", "normalizers", NULL};
    const cJSON *list, *item;
    if (fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_array(document, object, where, "normalizers", &list, err)) {
        return -1;
    }
    cJSON_ArrayForEach(item, list) if (fs_normalizer_load(normalizer, document, item, where, err))
    {
        return -1;
    }
    return 0;
}

static int load_precompiled(struct fs_normalizer_step *step, const struct fs_json_document *document,
                            const cJSON *object, const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type", "precompiled_charsmap", NULL};
    const char *text;
    char name[512];
    step->kind = FS_NORMALIZE_PRECOMPILED;
    snprintf(name, sizeof name, "%s: %s.precompiled_charsmap", fs_json_name(document), where);
    if (fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_text(document, object, where, "precompiled_charsmap", &text, err)) {
        return -1;
    }
    return fs_charsmap_read_base64(&step->charsmap, name, text, err);
}

int fs_normalizer_load(struct fs_normalizer *normalizer, const struct fs_json_document *document, const cJSON *object,
                       const char *where, struct fs_error *err)
{
    static const struct {
        const char *type;
        enum fs_normalizer_kind kind;
        enum fs_normalization form;
    } plain[] = {{"NFC", FS_NORMALIZE_UNICODE, FS_NFC},          {"NFD", FS_NORMALIZE_UNICODE, FS_NFD},
                 {"NFKC", FS_NORMALIZE_UNICODE, FS_NFKC},        {"NFKD", FS_NORMALIZE_UNICODE, FS_NFKD},
                 {"Lowercase", FS_NORMALIZE_LOWERCASE, FS_NFC},  {"StripAccents", FS_NORMALIZE_STRIP_ACCENTS, FS_NFC},
                 {"ByteLevel", FS_NORMALIZE_BYTE_LEVEL, FS_NFC}, {"Nmt", FS_NORMALIZE_NMT, FS_NFC}};
    static const char *const plain_keys[] = {"type", NULL};
    static const char *const prepend_keys[] = {"type", "prepend", NULL};
    static const char *const replace_keys[] = {"type", "pattern", "content", NULL};
    static const char *const strip_keys[] = {"type", "strip_left", "strip_right", NULL};
    const char *type;
    if (object == NULL || cJSON_IsNull(object)) {
        return 0;
    }
    if (fs_json_part_type(document, object, where, &type, err)) {
        return -1;
    }
    if (strcmp(type, "Sequence") == 0) {
        return load_sequence(normalizer, document, object, where, err);
    }
    struct fs_normalizer_step *step = fs_normalizer_add(normalizer, err);
    if (step == NULL) {
        return -1;
    }
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (strcmp(type, plain[i].type) != 0) {
            continue;
        }
        step->kind = plain[i].kind;
        step->form = plain[i].form;
        return fs_json_part_keys(document, object, where, plain_keys, err);
    }
    if (strcmp(type, "BertNormalizer") == 0) {
        return load_bert(step, document, object, where, err);
    }
    if (strcmp(type, "Prepend") == 0) {
        step->kind = FS_NORMALIZE_PREPEND;
        if (fs_json_part_keys(document, object, where, prepend_keys, err)) {
            return -1;
        }
        return load_text(&step->content, document, object, where, "prepend", err);
    }
    if (strcmp(type, "Replace") == 0) {
        step->kind = FS_NORMALIZE_REPLACE;
        if (fs_json_part_keys(document, object, where, replace_keys, err) ||
            fs_json_part_pattern(&step->pattern, document, object, where, err)) {
            return -1;
        }
        return load_text(&step->content, document, object, where, "content", err);
    }
    if (strcmp(type, "Strip") == 0) {
        step->kind = FS_NORMALIZE_STRIP;
        return fs_json_part_keys(document, object, where, strip_keys, err) ||
                       load_flag(&step->strip_left, document, object, where, "strip_left", err) ||
                       load_flag(&step->strip_right, document, object, where, "strip_right", err)
                   ? -1
                   : 0;
    }
    if (strcmp(type, "Precompiled") == 0) {
        return load_precompiled(step, document, object, where, err);
    }
    return fs_json_part_unsupported(document, where, type,
                                    "BertNormalizer, Sequence, Prepend, Replace, NFC, NFD, NFKC, NFKD, Lowercase, "
                                    "StripAccents, Strip, ByteLevel, Precompiled, Nmt",
                                    err);
}

/* What becomes of one character: at most 4 characters in `out`; returns how many. */
typedef size_t character_map(uint32_t character, uint32_t out[4]);

static size_t clean(uint32_t character, uint32_t out[4])
{
    if (character == '\t' || character == '\n' || character == '\r') {
        out[0] = ' ';
        return 1;
    }
    if (character == 0xFFFD || fs_is_other(character)) {
        return 0;
    }
    out[0] = fs_is_white_space(character) ? ' ' : character;
    return 1;
}

/* The CJK blocks of BERT's own tokenizer. */
static size_t space_chinese(uint32_t c, uint32_t out[4])
{
    bool chinese = (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
                   (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
                   (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
    if (!chinese) {
        out[0] = c;
        return 1;
    }
    out[0] = ' ';
    out[1] = c;
    out[2] = ' ';
    return 3;
}

static size_t lower(uint32_t character, uint32_t out[4])
{
    if (character == 0x130) { /* the only full lower-case mapping that has two characters */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    out[0] = fs_lower(character);
    return 1;
}

static size_t strip_bert_mark(uint32_t character, uint32_t out[4])
{
    out[0] = character;
    return fs_is_nonspacing_mark(character) ? 0 : 1;
}

static size_t strip_mark(uint32_t character, uint32_t out[4])
{
    out[0] = character;
    return fs_is_mark(character) ? 0 : 1;
}

/* tokenizers, normalizers/unicode.rs, do_nmt. */
static size_t map_nmt(uint32_t c, uint32_t out[4])
{
    bool space = c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
                 c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
    bool dropped = (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
    out[0] = space ? ' ' : c;
    return dropped ? 0 : 1;
}

static int map_characters(struct fs_text *text, character_map *map, struct fs_error *err)
{
    struct fs_text result = {0};
    for (size_t i = 0; i < text->count;) {
        uint32_t character, out[4];
        size_t length = fs_utf8_decode(text->data + i, &character);
        size_t count = map(character, out);
        int status = 0;
        if (count == 1 && out[0] == character) {
            status = fs_text_append_slice(&result, text, i, i + length, err);
        } else {
            for (size_t k = 0; k < count && status == 0; k++) {
                status = fs_text_append_character(&result, out[k], text->begin[i], text->end[i + length - 1], err);
            }
        }
        if (status) {
            fs_text_release(&result);
            return -1;
        }
        i += length;
    }
    fs_text_release(text);
    *text = result;
    return 0;
}

static int by_key(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts a run of marks by combining class; those of one class stay in order. */
static int sort_marks(utf8proc_int32_t *mark, size_t count, struct fs_error *err)
{
    uint64_t *key = fs_allocate(count, sizeof *key, "combining marks", err); /* class, place, character */
    if (key == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        key[i] =
            (uint64_t)utf8proc_get_property(mark[i])->combining_class << 56 | (uint64_t)i << 21 | (uint64_t)mark[i];
    }
    qsort(key, count, sizeof *key, by_key);
    for (size_t i = 0; i < count; i++) {
        mark[i] = (utf8proc_int32_t)(key[i] & 0x1FFFFF);
    }
    free(key);
    return 0;
}

/* Unicode's canonical order of decomposed characters. utf8proc_decompose() takes time by the square of a run. */
static int order_marks(utf8proc_int32_t *character, size_t count, struct fs_error *err)
{
    for (size_t i = 0, begin = 0, last = 0, sorted = 1; i <= count; i++) {
        size_t class = i < count ? (size_t)utf8proc_get_property(character[i])->combining_class : 0;
        if (class != 0) {
            sorted = sorted && class >= last;
            last = class;
            continue;
        }
        if (!sorted && sort_marks(character + begin, i - begin, err) != 0) {
            return -1;
        }
        begin = i + 1;
        last = 0;
        sorted = 1;
    }
    return 0;
}

/* The Unicode form of the bytes [begin, end) of `text`, appended to `result`; all of it stands for the whole range. */
static int append_form(struct fs_text *result, const struct fs_text *text, size_t begin, size_t end,
                       enum fs_normalization form, struct fs_error *err)
{
    unsigned options = UTF8PROC_STABLE | (form == FS_NFC || form == FS_NFKC ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
                       (form == FS_NFKC || form == FS_NFKD ? UTF8PROC_COMPAT : 0u);
    utf8proc_int32_t *buffer = NULL;
    utf8proc_ssize_t count = 0;
    size_t capacity = 0;
    int status = 0, boundary = 0;
    for (size_t at = begin; at < end && status == 0 && count >= 0;) {
        uint32_t character;
        at += fs_utf8_decode(text->data + at, &character);
        status = fs_grow(&buffer, &capacity, (size_t)count + MOST_DECOMPOSED, sizeof *buffer, "a normal form", err);
        utf8proc_ssize_t more = status != 0
                                    ? 0
                                    : utf8proc_decompose_char((utf8proc_int32_t)character, buffer + count,
                                                              MOST_DECOMPOSED, (utf8proc_option_t)options, &boundary);
        count = more < 0 ? more : count + more;
    }
    if (status == 0 && count > 0) {
        status = order_marks(buffer, (size_t)count, err);
    }
    if (status == 0 && count > 0 && (options & UTF8PROC_COMPOSE)) {
        count = utf8proc_normalize_utf32(buffer, count, (utf8proc_option_t)options);
    }
    if (status == 0 && count < 0) {
        status = fs_error_set(err, FS_EXIT_SOFTWARE, "utf8proc: %s", utf8proc_errmsg(count));
    }
    size_t first = text->begin[begin], last = text->end[end - 1];
    for (utf8proc_ssize_t i = 0; i < count && status == 0; i++) {
        status = fs_text_append_character(result, (uint32_t)buffer[i], first, last, err);
    }
    free(buffer);
    return status;
}

/* Vowels and finals of Hangul, and what becomes one of them in the compatibility forms (U+3160), join what is before. */
static bool joins_syllable(uint32_t character, enum fs_normalization form)
{
    utf8proc_int32_t made[MOST_DECOMPOSED] = {0};
    const unsigned options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT;
    if ((form == FS_NFKC || form == FS_NFKD) && character >= 0x1161 && character <= 0xFFDC) {
        utf8proc_decompose_char((utf8proc_int32_t)character, made, MOST_DECOMPOSED, (utf8proc_option_t)options, NULL);
    }
    return made[0] >= 0x1161 && made[0] <= 0x11C2;
}

/* What a normal form may combine or reorder lies in one grapheme cluster, or is Hangul; each is done by itself. */
static int apply_form(struct fs_text *text, enum fs_normalization form, struct fs_error *err)
{
    struct fs_text result = {0};
    int status = 0;
    for (size_t begin = 0; begin < text->count && status == 0;) {
        uint32_t previous, next;
        size_t end = begin + fs_utf8_decode(text->data + begin, &previous);
        utf8proc_int32_t state = 0;
        bool inert = end > begin + 1 && fs_is_inert(previous);
        while (end < text->count) {
            size_t length = fs_utf8_decode(text->data + end, &next);
            if (inert || (next < 0x80 && previous < 0x80) || (next >= 0x80 && fs_is_inert(next)) ||
                (utf8proc_grapheme_break_stateful((utf8proc_int32_t)previous, (utf8proc_int32_t)next, &state) &&
                 utf8proc_get_property((utf8proc_int32_t)next)->combining_class == 0 && !joins_syllable(next, form))) {
                break;
            }
            previous = next;
            end += length;
        }
        if (inert || end == begin + 1) { /* ASCII */
            status = fs_text_append_slice(&result, text, begin, end, err);
        } else {
            status = append_form(&result, text, begin, end, form, err);
        }
        begin = end;
    }
    if (status) {
        fs_text_release(&result);
        return -1;
    }
    fs_text_release(text);
    *text = result;
    return 0;
}

static int apply_replace(const struct fs_normalizer_step *step, struct fs_text *text, struct fs_error *err)
{
    struct fs_text result = {0};
    struct fs_search search;
    size_t done = 0, begin, end, length = strlen(step->content);
    if (fs_search_begin(&search, &step->pattern, err)) {
        return -1;
    }
    fs_search_subject(&search, text->data, text->count);
    int status;
    while ((status = fs_search_next(&search, &begin, &end, err)) > 0) {
        size_t first = begin < text->count ? text->begin[begin] : text->end[text->count - 1];
        size_t last = end > begin ? text->end[end - 1] : first; /* an empty match stands between characters */
        if (fs_text_append_slice(&result, text, done, begin, err) ||
            fs_text_append(&result, step->content, length, first, last, err)) {
            status = -1;
            break;
        }
        done = end;
    }
    fs_search_end(&search);
    if (status < 0 || fs_text_append_slice(&result, text, done, text->count, err)) {
        fs_text_release(&result);
        return -1;
    }
    fs_text_release(text);
    *text = result;
    return 0;
}

static int apply_prepend(const char *content, struct fs_text *text, struct fs_error *err)
{
    struct fs_text result = {0};
    if (text->count == 0) {
        return 0;
    }
    if (fs_text_append(&result, content, strlen(content), text->begin[0], text->begin[0], err) ||
        fs_text_append_slice(&result, text, 0, text->count, err)) {
        fs_text_release(&result);
        return -1;
    }
    fs_text_release(text);
    *text = result;
    return 0;
}

static int apply_strip(const struct fs_normalizer_step *step, struct fs_text *text, struct fs_error *err)
{
    struct fs_text result = {0};
    size_t begin = 0, end = 0; /* of what is no white space */
    bool any = false;
    for (size_t at = 0, next; at < text->count; at = next) {
        uint32_t character;
        next = at + fs_utf8_decode(text->data + at, &character);
        if (fs_is_white_space(character)) {
            continue;
        }
        begin = any ? begin : at;
        end = next;
        any = true;
    }
    if (!any) { /* all of it is white space, at either end */
        begin = step->strip_left ? text->count : 0;
    }
    if (fs_text_append_slice(&result, text, step->strip_left ? begin : 0,
                             step->strip_right && end >= begin ? end : text->count, err)) {
        fs_text_release(&result);
        return -1;
    }
    fs_text_release(text);
    *text = result;
    return 0;
}

static int apply_byte_level(struct fs_text *text, struct fs_error *err)
{
    struct fs_text result = {0};
    if (fs_append_byte_characters(&result, text, 0, text->count, err)) {
        fs_text_release(&result);
        return -1;
    }
    fs_text_release(text);
    *text = result;
    return 0;
}

/* SentencePiece normalizer.cc, Normalizer::Normalize. */
static int apply_sentencepiece(const struct fs_normalizer_step *step, struct fs_text *text, struct fs_error *err)
{
    struct fs_text result = {0};
    const char *space = step->sentencepiece.escape_whitespaces ? "\xE2\x96\x81" : " ";
    size_t space_length = strlen(space), i = 0, begin = 0, end = 0;
    bool remove = step->sentencepiece.remove_extra_whitespaces, suffix = step->sentencepiece.whitespace_as_suffix;
    bool any = text->count > 0, blank = true;
    if (any) {
        begin = text->begin[0];
        end = text->end[text->count - 1];
    }
    if (step->charsmap.units > 0 && fs_charsmap_apply_longest(&step->charsmap, text, &blank, err)) {
        return -1;
    }
    while (remove && i < text->count && text->data[i] == ' ') {
        i++;
    }
    any = any && !(remove && blank && i == text->count); /* what the map drops counts here */
    bool dummy = any && begin == 0 && step->sentencepiece.add_dummy_prefix;
    int status = 0;
    if (dummy && !suffix) {
        size_t at = i < text->count ? text->begin[i] : begin;
        status = fs_text_append(&result, space, space_length, at, at, err);
    }
    for (bool after_space = remove; i < text->count && status == 0; i++) {
        bool is_space = text->data[i] == ' ';
        if (is_space && !(after_space && remove)) {
            status = fs_text_append(&result, space, space_length, text->begin[i], text->end[i], err);
        } else if (!is_space) {
            status = fs_text_append_slice(&result, text, i, i + 1, err);
        }
        after_space = is_space;
    }
    while (remove && result.count >= space_length &&
           memcmp(result.data + result.count - space_length, space, space_length) == 0) {
        result.count -= space_length;
    }
    if (status == 0 && dummy && suffix) {
        status = fs_text_append(&result, space, space_length, end, end, err);
    }
    if (status) {
        fs_text_release(&result);
        return -1;
    }
    fs_text_release(text);
    *text = result;
    return 0;
}

static int apply_step(const struct fs_normalizer_step *step, struct fs_text *text, struct fs_error *err)
{
    switch (step->kind) {
    case FS_NORMALIZE_BERT:
        if ((step->bert.clean_text && map_characters(text, clean, err)) ||
            (step->bert.chinese && map_characters(text, space_chinese, err)) ||
            (step->bert.strip_accents &&
             (apply_form(text, FS_NFD, err) || map_characters(text, strip_bert_mark, err))) ||
            (step->bert.lowercase && map_characters(text, lower, err))) {
            return -1;
        }
        return 0;
    case FS_NORMALIZE_PREPEND:
        return apply_prepend(step->content, text, err);
    case FS_NORMALIZE_REPLACE:
        return apply_replace(step, text, err);
    case FS_NORMALIZE_UNICODE:
        return apply_form(text, step->form, err);
    case FS_NORMALIZE_LOWERCASE:
        return map_characters(text, lower, err);
    case FS_NORMALIZE_STRIP_ACCENTS:
        return map_characters(text, strip_mark, err);
    case FS_NORMALIZE_STRIP:
        return apply_strip(step, text, err);
    case FS_NORMALIZE_BYTE_LEVEL:
        return apply_byte_level(text, err);
    case FS_NORMALIZE_PRECOMPILED:
        return fs_charsmap_apply(&step->charsmap, text, err);
    case FS_NORMALIZE_NMT:
        return map_characters(text, map_nmt, err);
    case FS_NORMALIZE_SENTENCEPIECE:
        return apply_sentencepiece(step, text, err);
    }
    return fs_error_set(err, FS_EXIT_SOFTWARE, "normalizer step %d is unknown", (int)step->kind);
}

bool fs_normalizer_is_byte_level(const struct fs_normalizer *normalizer)
{
    for (size_t i = 0; i < normalizer->count; i++) {
        if (normalizer->step[i].kind == FS_NORMALIZE_BYTE_LEVEL) {
            return true;
        }
    }
    return false;
}

int fs_normalizer_apply(const struct fs_normalizer *normalizer, struct fs_text *text, struct fs_error *err)
{
    const size_t given = text->count,
                 most = given < SIZE_MAX / MOST_GROWTH - FREE_GROWTH ? given * MOST_GROWTH + FREE_GROWTH : SIZE_MAX;
    for (size_t i = 0; i < normalizer->count; i++) {
        if (apply_step(&normalizer->step[i], text, err)) {
            return -1;
        }
        if (text->count > most) {
            return fs_error_set(err, FS_EXIT_DATA,
                                "the tokenizer's normalizer makes %zu bytes of a text of %zu, expected at most %zu; "
                                "take the tokenizer's files from the model's source again",
                                text->count, given, most);
        }
    }
    return 0;
}
