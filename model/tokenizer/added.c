#include "model/tokenizer/added.h"

#include <stdlib.h>
#include <string.h>

#include "io/utf8.h"
#include "model/tokenizer/json_part.h"
#include "model/tokenizer/unicode.h"

bool fs_added_has(const struct fs_added *added, int32_t id)
{
    for (size_t i = 0; i < added->count; i++) {
        if (added->token[i].id == id) {
            return true;
        }
    }
    return false;
}

int fs_added_add(struct fs_added *added, const struct fs_added_token *token, struct fs_error *err)
{
    if (fs_added_has(added, token->id)) {
        return 0;
    }
    if (fs_grow(&added->token, &added->capacity, added->count + 1, sizeof *added->token, "the added tokens", err) !=
        0) {
        return -1;
    }
    struct fs_added_token *copy = &added->token[added->count];
    *copy = *token;
    memset(&copy->match, 0, sizeof copy->match);
    copy->content = strdup(token->content);
    if (copy->content == NULL) {
        return fs_error_memory(err, strlen(token->content), "an added token");
    }
    added->count++;
    return 0;
}

int fs_added_read(struct fs_added_token *token, const struct fs_json_document *document, const cJSON *value,
                  const char *where, struct fs_error *err)
{
    static const char *const keys[] = {"id",         "content", "lstrip", "rstrip", "single_word",
                                       "normalized", "special", "__type", NULL};
    memset(token, 0, sizeof *token);
    token->id = -1;
    if (cJSON_IsString(value)) {
        token->content = value->valuestring;
    } else {
        bool special = false;
        if (!cJSON_IsObject(value)) {
            return fs_error_set(err, FS_EXIT_DATA, "%s: %s: found %s, expected a string or an object with content",
                                fs_json_name(document), where, fs_json_kind(value));
        }
        if (fs_json_part_keys(document, value, where, keys, err) ||
            fs_json_bool_optional(document, value, where, "special", &special, err)) {
            return -1;
        }
        const cJSON *content = cJSON_GetObjectItemCaseSensitive(value, "content");
        if (!cJSON_IsString(content)) {
            return fs_json_wrong(document, where, "content", fs_json_kind(content), "a string", err);
        }
        token->content = content->valuestring; /* NUL is FS_JSON_NUL there */
        token->normalized = !special;
        if (fs_json_bool_optional(document, value, where, "lstrip", &token->left_strip, err) ||
            fs_json_bool_optional(document, value, where, "rstrip", &token->right_strip, err) ||
            fs_json_bool_optional(document, value, where, "single_word", &token->single_word, err) ||
            fs_json_bool_optional(document, value, where, "normalized", &token->normalized, err)) {
            return -1;
        }
    }
    if (token->content[0] == '\0') {
        return fs_error_set(err, FS_EXIT_DATA, "%s: %s: found an empty token, expected some text",
                            fs_json_name(document), where);
    }
    return 0;
}

int fs_added_prepare(struct fs_added *added, const struct fs_normalizer *normalizer, struct fs_error *err)
{
    for (size_t i = 0; i < added->count; i++) {
        struct fs_added_token *token = &added->token[i];
        char *bytes;
        size_t length;
        if (fs_json_bytes(token->content, &bytes, &length, err)) {
            return -1;
        }
        int status = fs_text_append_source(&token->match, bytes, length, err);
        free(bytes);
        if (status || (token->normalized && fs_normalizer_apply(normalizer, &token->match, err))) {
            return -1;
        }
        if (token->match.count > 0) {
            added->leads[token->normalized][token->match.data[0]] = true;
        }
    }
    return 0;
}

void fs_added_release(struct fs_added *added)
{
    for (size_t i = 0; i < added->count; i++) {
        free(added->token[i].content);
        fs_text_release(&added->token[i].match);
    }
    free(added->token);
    memset(added, 0, sizeof *added);
}

/* The longest token that begins at byte `at`, NULL where there is none. */
static const struct fs_added_token *longest(const struct fs_added *added, bool normalized, const struct fs_text *text,
                                            size_t at)
{
    const struct fs_added_token *best = NULL;
    if (!added->leads[normalized][text->data[at]]) {
        return NULL;
    }
    for (size_t i = 0; i < added->count; i++) {
        const struct fs_added_token *token = &added->token[i];
        if (token->normalized == normalized && token->match.count > (best != NULL ? best->match.count : 0) &&
            token->match.count <= text->count - at &&
            memcmp(token->match.data, text->data + at, token->match.count) == 0) {
            best = token;
        }
    }
    return best;
}

/* The start of the last character before `at` > 0. */
static size_t before(const struct fs_text *text, size_t at)
{
    do {
        at--;
    } while (at > 0 && (text->data[at] & 0xC0) == 0x80);
    return at;
}

static bool stands_alone(const struct fs_text *text, size_t begin, size_t end)
{
    uint32_t character;
    if (begin > 0) {
        fs_utf8_decode(text->data + before(text, begin), &character);
        if (fs_is_word_character(character)) {
            return false;
        }
    }
    if (end < text->count) {
        fs_utf8_decode(text->data + end, &character);
        if (fs_is_word_character(character)) {
            return false;
        }
    }
    return true;
}

/* The ids of pieces. */
struct ids {
    int32_t *id;
    size_t capacity;
};

static int add_piece(struct fs_pieces *pieces, struct ids *ids, size_t begin, size_t end, int32_t token,
                     struct fs_error *err)
{
    if (begin == end) {
        return 0;
    }
    if (fs_grow(&ids->id, &ids->capacity, pieces->count + 1, sizeof *ids->id, "the pieces of a text", err) != 0) {
        return -1;
    }
    ids->id[pieces->count] = token;
    return fs_pieces_add(pieces, begin, end, err);
}

static int cut(const struct fs_added *added, bool normalized, const struct fs_text *text, struct fs_pieces *pieces,
               struct ids *ids, struct fs_error *err)
{
    size_t done = 0;
    for (size_t at = 0; at < text->count;) {
        const struct fs_added_token *token = longest(added, normalized, text, at);
        if (token == NULL) {
            at++; /* no token begins within a character: all are valid UTF-8 */
            continue;
        }
        size_t begin = at, end = at + token->match.count;
        uint32_t character;
        at = end;
        if (token->single_word && !stands_alone(text, begin, end)) {
            continue;
        }
        while (token->left_strip && begin > done) {
            size_t previous = before(text, begin);
            fs_utf8_decode(text->data + previous, &character);
            if (!fs_is_white_space(character)) {
                break;
            }
            begin = previous;
        }
        while (token->right_strip && end < text->count) {
            size_t length = fs_utf8_decode(text->data + end, &character);
            if (!fs_is_white_space(character)) {
                break;
            }
            end += length;
        }
        at = end;
        if (add_piece(pieces, ids, done, begin, -1, err) || add_piece(pieces, ids, begin, end, token->id, err)) {
            return -1;
        }
        done = end;
    }
    return add_piece(pieces, ids, done, text->count, -1, err);
}

int fs_added_split(const struct fs_added *added, bool normalized, const struct fs_text *text, struct fs_pieces *pieces,
                   int32_t **id, struct fs_error *err)
{
    struct ids ids = {0};
    int status = cut(added, normalized, text, pieces, &ids, err);
    *id = ids.id; /* also on failure */
    return status;
}
