#include "model/tokenizer/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/json_part.h"

static struct fs_decoder_step *add(struct fs_decoder *decoder, struct fs_error *err)
{
    if (fs_grow(&decoder->step, &decoder->capacity, decoder->count + 1, sizeof *decoder->step, "a decoder", err) != 0) {
        return NULL;
    }
    return &decoder->step[decoder->count++];
}

void fs_decoder_release(struct fs_decoder *decoder)
{
    for (size_t i = 0; i < decoder->count; i++) {
        free(decoder->step[i].content);
        fs_pattern_release(&decoder->step[i].pattern);
    }
    free(decoder->step);
    memset(decoder, 0, sizeof *decoder);
}

static int copy_content(struct fs_decoder_step *step, const char *content, struct fs_error *err)
{
    step->content = strdup(content);
    return step->content != NULL ? 0 : fs_error_memory(err, strlen(content), "a decoder");
}

int fs_decoder_add_byte_level(struct fs_decoder *decoder, struct fs_error *err)
{
    struct fs_decoder_step *step = add(decoder, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_DECODE_BYTE_LEVEL;
    return 0;
}

int fs_decoder_add_wordpiece(struct fs_decoder *decoder, const char *prefix, bool cleanup, struct fs_error *err)
{
    struct fs_decoder_step *step = add(decoder, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_DECODE_WORDPIECE;
    step->flag = cleanup;
    return copy_content(step, prefix, err);
}

int fs_decoder_add_metaspace(struct fs_decoder *decoder, bool first, struct fs_error *err)
{
    struct fs_decoder_step *step = add(decoder, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_DECODE_METASPACE;
    step->flag = first;
    return fs_pattern_literal(&step->pattern, "Metaspace", "\xE2\x96\x81", err);
}

static int add_strip(struct fs_decoder *decoder, const char *content, size_t start, size_t stop, struct fs_error *err)
{
    struct fs_decoder_step *step = add(decoder, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_DECODE_STRIP;
    step->start = start;
    step->stop = stop;
    return copy_content(step, content, err);
}

int fs_decoder_add_llama(struct fs_decoder *decoder, bool strip, struct fs_error *err)
{
    struct fs_decoder_step *step = add(decoder, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_DECODE_REPLACE;
    if (fs_pattern_literal(&step->pattern, "Llama's decoder", "\xE2\x96\x81", err) || copy_content(step, " ", err)) {
        return -1;
    }
    if ((step = add(decoder, err)) == NULL) {
        return -1;
    }
    step->kind = FS_DECODE_BYTE_FALLBACK;
    if ((step = add(decoder, err)) == NULL) {
        return -1;
    }
    step->kind = FS_DECODE_FUSE;
    return strip ? add_strip(decoder, " ", 1, 0, err) : 0;
}

static int load_strip(struct fs_decoder *decoder, const struct fs_json_document *document, const cJSON *object,
                      const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type", "content", "start", "stop", NULL};
    const char *content;
    size_t start, stop;
    if (fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_part_character(document, object, where, "content", &content, err) ||
        fs_json_size(document, object, where, "start", (struct fs_size_range){0, 1 << 20}, &start, err) ||
        fs_json_size(document, object, where, "stop", (struct fs_size_range){0, 1 << 20}, &stop, err)) {
        return -1;
    }
    return add_strip(decoder, content, start, stop, err);
}

static int load_replace(struct fs_decoder *decoder, const struct fs_json_document *document, const cJSON *object,
                        const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type", "pattern", "content", NULL};
    const char *content;
    struct fs_decoder_step *step = add(decoder, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_DECODE_REPLACE;
    if (fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_part_pattern(&step->pattern, document, object, where, err) ||
        fs_json_text(document, object, where, "content", &content, err)) {
        return -1;
    }
    return copy_content(step, content, err);
}

static int load_metaspace(struct fs_decoder *decoder, const struct fs_json_document *document, const cJSON *object,
                          const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type",  "replacement",      "str_rep", "prepend_scheme",
                                       "split", "add_prefix_space", NULL};
    const char *sign, *scheme = NULL;
    bool prefix = true;
    struct fs_decoder_step *step = add(decoder, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_DECODE_METASPACE;
    if (fs_json_part_keys(document, object, where, keys, err) ||
        fs_json_part_character(document, object, where, "replacement", &sign, err) ||
        fs_json_bool_optional(document, object, where, "add_prefix_space", &prefix, err) ||
        fs_json_text_optional(document, object, where, "prepend_scheme", &scheme, err)) {
        return -1;
    }
    step->flag = scheme != NULL ? strcmp(scheme, "never") != 0 : prefix;
    return fs_pattern_literal(&step->pattern, where, sign, err);
}

int fs_decoder_add_suffix(struct fs_decoder *decoder, const char *where, const char *suffix, struct fs_error *err)
{
    struct fs_decoder_step *step = add(decoder, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = FS_DECODE_SUFFIX;
    return fs_pattern_literal(&step->pattern, where, suffix, err);
}

static int load_suffix(struct fs_decoder *decoder, const struct fs_json_document *document, const cJSON *object,
                       const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"type", "suffix", NULL};
    const char *suffix;
    return fs_json_part_keys(document, object, where, keys, err) ||
                   fs_json_text(document, object, where, "suffix", &suffix, err)
               ? -1
               : fs_decoder_add_suffix(decoder, where, suffix, err);
}

int fs_decoder_load(struct fs_decoder *decoder, const struct fs_json_document *document, const cJSON *object,
                    const char *where, struct fs_error *err)
{
    static const char *const plain_keys[] = {"type", NULL};
    static const char *const byte_level_keys[] = {"type", "add_prefix_space", "trim_offsets", "use_regex", NULL};
    static const char *const wordpiece_keys[] = {"type", "prefix", "cleanup", NULL};
    static const char *const sequence_keys[] = {"type", "decoders", NULL};
    const char *type;
    if (object == NULL || cJSON_IsNull(object)) {
        return 0;
    }
    if (fs_json_part_type(document, object, where, &type, err)) {
        return -1;
    }
    if (strcmp(type, "Sequence") == 0) {
        const cJSON *list, *item;
        if (fs_json_part_keys(document, object, where, sequence_keys, err) ||
            fs_json_array(document, object, where, "decoders", &list, err)) {
            return -1;
        }
        cJSON_ArrayForEach(item, list) if (fs_decoder_load(decoder, document, item, where, err))
        {
            return -1;
        }
        return 0;
    }
    if (strcmp(type, "ByteLevel") == 0) {
        if (fs_json_part_keys(document, object, where, byte_level_keys, err)) {
            return -1;
        }
        return fs_decoder_add_byte_level(decoder, err);
    }
    if (strcmp(type, "WordPiece") == 0) {
        const char *prefix = "##";
        bool cleanup = true;
        if (fs_json_part_keys(document, object, where, wordpiece_keys, err) ||
            fs_json_text_optional(document, object, where, "prefix", &prefix, err) ||
            fs_json_bool_optional(document, object, where, "cleanup", &cleanup, err)) {
            return -1;
        }
        return fs_decoder_add_wordpiece(decoder, prefix, cleanup, err);
    }
    if (strcmp(type, "Replace") == 0) {
        return load_replace(decoder, document, object, where, err);
    }
    if (strcmp(type, "Strip") == 0) {
        return load_strip(decoder, document, object, where, err);
    }
    if (strcmp(type, "Metaspace") == 0) {
        return load_metaspace(decoder, document, object, where, err);
    }
    if (strcmp(type, "BPEDecoder") == 0) {
        return load_suffix(decoder, document, object, where, err);
    }
    bool fuse = strcmp(type, "Fuse") == 0;
    if (!fuse && strcmp(type, "ByteFallback") != 0) {
        return fs_json_part_unsupported(
            document, where, type,
            "ByteLevel, WordPiece, Sequence, Replace, ByteFallback, Fuse, Strip, Metaspace, BPEDecoder", err);
    }
    struct fs_decoder_step *step = add(decoder, err);
    if (step == NULL) {
        return -1;
    }
    step->kind = fuse ? FS_DECODE_FUSE : FS_DECODE_BYTE_FALLBACK;
    return fs_json_part_keys(document, object, where, plain_keys, err);
}

/* All steps read `in` and write `out`. Offsets are of no use here and stay 0. */
struct tokens {
    const unsigned char *data;
    const struct fs_pieces *piece;
};

static int put(struct fs_text *out, const void *bytes, size_t length, struct fs_error *err)
{
    return fs_text_append(out, bytes, length, 0, 0, err);
}

/* The bytes of the characters of GPT-2's alphabet; a token with any other character is its own text. */
static int byte_level(const unsigned char *token, size_t length, struct fs_text *out, struct fs_error *err)
{
    size_t before = out->count;
    for (size_t at = 0; at < length;) {
        uint32_t character;
        at += fs_utf8_decode(token + at, &character);
        int value = fs_character_to_byte(character);
        unsigned char byte = (unsigned char)value;
        if (value < 0) {
            out->count = before;
            return put(out, token, length, err);
        }
        if (put(out, &byte, 1, err)) {
            return -1;
        }
    }
    return 0;
}

/* tokenizers, decoders/wordpiece.rs: every token by itself, with the space before it. */
static int wordpiece(const struct fs_decoder_step *step, const unsigned char *token, size_t length, bool first,
                     struct fs_text *out, struct fs_error *err)
{
    static const char *const rules[][2] = {{" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
                                           {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
                                           {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    size_t prefix = strlen(step->content);
    struct fs_text text = {0}, cleaned = {0};
    int status;
    if (!first && length >= prefix && memcmp(token, step->content, prefix) == 0) {
        status = put(&text, token + prefix, length - prefix, err);
    } else {
        status = (!first && put(&text, " ", 1, err)) || put(&text, token, length, err) ? -1 : 0;
    }
    for (size_t r = 0; r < sizeof rules / sizeof rules[0] && step->flag && status == 0; r++) {
        size_t done = 0, from = strlen(rules[r][0]);
        const unsigned char *found;
        cleaned.count = 0;
        while (text.count > done && (found = memmem(text.data + done, text.count - done, rules[r][0], from)) != NULL &&
               status == 0) {
            size_t at = (size_t)(found - text.data);
            status =
                put(&cleaned, text.data + done, at - done, err) || put(&cleaned, rules[r][1], strlen(rules[r][1]), err)
                    ? -1
                    : 0;
            done = at + from;
        }
        if (done == 0 || status) {
            continue;
        }
        status = put(&cleaned, text.data + done, text.count - done, err);
        struct fs_text swap = text;
        text = cleaned;
        cleaned = swap;
    }
    if (status == 0) {
        status = put(out, text.data, text.count, err);
    }
    fs_text_release(&text);
    fs_text_release(&cleaned);
    return status;
}

static int replace(struct fs_search *search, const char *content, bool drop, const unsigned char *token, size_t length,
                   struct fs_text *out, struct fs_error *err)
{
    size_t done = 0, begin, end;
    int status;
    fs_search_subject(search, token, length);
    while ((status = fs_search_next(search, &begin, &end, err)) > 0) {
        if (put(out, token + done, begin - done, err) || (!drop && put(out, content, strlen(content), err))) {
            return -1;
        }
        done = end;
    }
    return status < 0 ? -1 : put(out, token + done, length - done, err);
}

static int strip(const struct fs_decoder_step *step, const unsigned char *token, size_t length, struct fs_text *out,
                 struct fs_error *err)
{
    size_t size = strlen(step->content), begin = 0, end = length;
    for (size_t i = 0; i < step->start && end - begin >= size && memcmp(token + begin, step->content, size) == 0; i++) {
        begin += size;
    }
    for (size_t i = 0; i < step->stop && end - begin >= size && memcmp(token + end - size, step->content, size) == 0;
         i++) {
        end -= size;
    }
    return put(out, token + begin, end - begin, err);
}

static int hexadecimal(unsigned char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The byte of a token <0xNN>, or -1. */
static int fallback_byte(const unsigned char *token, size_t length)
{
    if (length != 6 || memcmp(token, "<0x", 3) != 0 || token[5] != '>') {
        return -1;
    }
    int high = hexadecimal(token[3]), low = hexadecimal(token[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* A run of byte tokens becomes its text, or one U+FFFD a byte where it is not UTF-8. */
static int byte_fallback(const struct tokens *in, struct fs_text *out, struct fs_pieces *pieces, struct fs_error *err)
{
    for (size_t i = 0; i < in->piece->count;) {
        size_t start = out->count, run = i;
        int value;
        while (run < in->piece->count && (value = fallback_byte(in->data + in->piece->begin[run],
                                                                in->piece->end[run] - in->piece->begin[run])) >= 0) {
            unsigned char byte = (unsigned char)value;
            if (put(out, &byte, 1, err)) {
                return -1;
            }
            run++;
        }
        if (run == i) {
            if (put(out, in->data + in->piece->begin[i], in->piece->end[i] - in->piece->begin[i], err) ||
                fs_pieces_add(pieces, start, out->count, err)) {
                return -1;
            }
            i++;
            continue;
        }
        size_t at = start, bad;
        while (at < out->count) {
            size_t length = fs_utf8_character(out->data + at, out->count - at, &bad);
            if (length == 0) {
                break;
            }
            at += length;
        }
        if (at < out->count) {
            out->count = start;
            for (size_t k = i; k < run; k++) {
                if (put(out, "\xEF\xBF\xBD", 3, err)) {
                    return -1;
                }
            }
        }
        if (fs_pieces_add(pieces, start, out->count, err)) {
            return -1;
        }
        i = run;
    }
    return 0;
}

/* Where a token stands among all; it may be both. */
enum { FIRST = 1, LAST = 2 };

static int apply_token(const struct fs_decoder_step *step, struct fs_search *search, const unsigned char *token,
                       size_t length, int place, struct fs_text *out, struct fs_error *err)
{
    bool first = place & FIRST;
    switch (step->kind) {
    case FS_DECODE_BYTE_LEVEL:
        return byte_level(token, length, out, err);
    case FS_DECODE_WORDPIECE:
        return wordpiece(step, token, length, first, out, err);
    case FS_DECODE_REPLACE:
        return replace(search, step->content, false, token, length, out, err);
    case FS_DECODE_METASPACE:
        return replace(search, " ", first && step->flag, token, length, out, err);
    case FS_DECODE_SUFFIX:
        return replace(search, " ", place & LAST, token, length, out, err);
    case FS_DECODE_STRIP:
        return strip(step, token, length, out, err);
    case FS_DECODE_FUSE:
    case FS_DECODE_BYTE_FALLBACK:
        break;
    }
    return put(out, token, length, err);
}

static int apply_step(const struct fs_decoder_step *step, const struct tokens *in, struct fs_text *out,
                      struct fs_pieces *pieces, struct fs_error *err)
{
    struct fs_search search = {0};
    if (step->kind == FS_DECODE_BYTE_FALLBACK) {
        return byte_fallback(in, out, pieces, err);
    }
    bool looks = step->kind == FS_DECODE_REPLACE || step->kind == FS_DECODE_METASPACE || step->kind == FS_DECODE_SUFFIX;
    bool joins = step->kind == FS_DECODE_FUSE || step->kind == FS_DECODE_BYTE_LEVEL;
    if (looks && fs_search_begin(&search, &step->pattern, err)) {
        return -1;
    }
    int status = 0;
    for (size_t i = 0; i < in->piece->count && status == 0; i++) {
        size_t start = out->count, begin = in->piece->begin[i];
        int place = (i == 0 ? FIRST : 0) | (i + 1 == in->piece->count ? LAST : 0);
        status = apply_token(step, &search, in->data + begin, in->piece->end[i] - begin, place, out, err);
        if (status == 0 && !joins) {
            status = fs_pieces_add(pieces, start, out->count, err);
        }
    }
    if (looks) {
        fs_search_end(&search);
    }
    return status || (joins && fs_pieces_add(pieces, 0, out->count, err)) ? -1 : 0;
}

/* The pieces, one after the other, with U+FFFD where they are not UTF-8. */
static int join(const struct fs_text *tokens, const struct fs_pieces *pieces, const char *between, char **text,
                struct fs_error *err)
{
    struct fs_text joined = {0}, valid = {0};
    int status = 0;
    for (size_t i = 0; i < pieces->count && status == 0; i++) {
        status = (i > 0 && put(&joined, between, strlen(between), err)) ||
                         fs_text_append_slice(&joined, tokens, pieces->begin[i], pieces->end[i], err)
                     ? -1
                     : 0;
    }
    if (status == 0) {
        status = fs_text_append_source(&valid, (const char *)joined.data, joined.count, err);
    }
    *text = status ? NULL : fs_allocate(valid.count + 1, 1, "a decoded text", err);
    if (*text != NULL && valid.count > 0) {
        memcpy(*text, valid.data, valid.count);
    }
    fs_text_release(&joined);
    fs_text_release(&valid);
    return *text != NULL ? 0 : -1;
}

int fs_decoder_apply(const struct fs_decoder *decoder, struct fs_text *tokens, struct fs_pieces *pieces, char **text,
                     struct fs_error *err)
{
    *text = NULL;
    for (size_t i = 0; i < decoder->count; i++) {
        struct fs_text out = {0};
        struct fs_pieces out_pieces = {0};
        struct tokens in = {tokens->data, pieces};
        if (apply_step(&decoder->step[i], &in, &out, &out_pieces, err)) {
            fs_text_release(&out);
            fs_pieces_release(&out_pieces);
            return -1;
        }
        fs_text_release(tokens);
        fs_pieces_release(pieces);
        *tokens = out;
        *pieces = out_pieces;
    }
    return join(tokens, pieces, decoder->count ? "" : " ", text, err);
}
