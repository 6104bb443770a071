#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct folder make_folder(void)
{
    struct folder folder;
    const char *base = getenv("TMPDIR");
    snprintf(folder.path, sizeof folder.path, "%s/fairstamp-tokenizer-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(folder.path));
    return folder;
}

void remove_folder(const struct folder *folder)
{
    char path[1024];
    DIR *directory = opendir(folder->path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", folder->path, entry->d_name);
        if (entry->d_name[0] != '.') {
            unlink(path);
        }
    }
    closedir(directory);
    assert_int_equal(rmdir(folder->path), 0);
}

void write_bytes(const struct folder *folder, const char *file, const void *data, size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder->path, file);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
}

void write_text(const struct folder *folder, const char *file, const char *text)
{
    write_bytes(folder, file, text, strlen(text));
}

struct fs_tokenizer *open_tokenizer(const char *path)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_tokenizer *tokenizer;
    if (fs_tokenizer_open(path, &tokenizer, &err)) {
        fail_msg("%s", err.text);
    }
    return tokenizer;
}

void expect_error(const struct folder *folder, int code, const char *first_part, ...)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_tokenizer *tokenizer = NULL;
    va_list parts;
    if (fs_tokenizer_open(folder->path, &tokenizer, &err) == 0) {
        fs_tokenizer_destroy(tokenizer);
        fail_msg("no error; expected one with \"%s\"", first_part);
    }
    assert_null(tokenizer);
    if (err.code != code) {
        fail_msg("code %d, expected %d: %s", err.code, code, err.text);
    }
    va_start(parts, first_part);
    for (const char *part = first_part; part != NULL; part = va_arg(parts, const char *)) {
        if (strstr(err.text, part) == NULL) {
            va_end(parts);
            fail_msg("expected \"%s\" in: %s", part, err.text);
        }
    }
    va_end(parts);
}

/* The ids as text; the caller frees. */
static char *spell(const struct fs_encoding *encoding)
{
    char *text = malloc(encoding->count * 12 + 1), *at = text;
    assert_non_null(text);
    *at = '\0';
    for (size_t i = 0; i < encoding->count; i++) {
        at += sprintf(at, i ? " %d" : "%d", (int)encoding->id[i]);
    }
    return text;
}

void expect_ids_of(const struct fs_tokenizer *tokenizer, const char *text, size_t length, const char *ids)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_encoding encoding;
    char *copy = malloc(length + 1); /* of its own, so that a sanitizer sees reads beyond it */
    assert_non_null(copy);
    memcpy(copy, text, length);
    char *exact = realloc(copy, length ? length : 1);
    assert_non_null(exact);
    if (fs_tokenizer_encode(tokenizer, exact, length, &encoding, &err)) {
        fail_msg("%s", err.text);
    }
    free(exact);
    char *found = spell(&encoding);
    if (strcmp(found, ids) != 0) {
        fail_msg("\"%s\": found %s, expected %s", text, found, ids);
    }
    for (size_t i = 0; i < encoding.count; i++) {
        assert_true(encoding.begin[i] <= encoding.end[i]);
        assert_true(encoding.end[i] <= length);
    }
    free(found);
    fs_encoding_release(&encoding);
}

bool explains(const struct fs_tokenizer *tokenizer, enum fs_explain_topic topic, const char *part)
{
    const struct fs_explanation *explanation = fs_tokenizer_explanation(tokenizer);
    for (size_t i = 0; i < explanation->count; i++) {
        if (explanation->line[i].topic == topic && strstr(explanation->line[i].text, part) != NULL) {
            return true;
        }
    }
    return false;
}

void expect_ids(const struct fs_tokenizer *tokenizer, const char *text, const char *ids)
{
    expect_ids_of(tokenizer, text, strlen(text), ids);
}

void expect_decoded(const struct fs_tokenizer *tokenizer, const char *ids, const char *text)
{
    struct fs_error err = FS_ERROR_INIT;
    int32_t id[256];
    size_t count = 0;
    for (char *end; *ids; ids = end) {
        id[count++] = (int32_t)strtol(ids, &end, 10);
        assert_true(end != ids && count < 256);
    }
    char *found;
    if (fs_tokenizer_decode(tokenizer, id, count, &found, &err)) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(found, text);
    free(found);
}

void expect_ranges(const struct fs_tokenizer *tokenizer, const char *text, const char *ranges)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_encoding encoding;
    char found[1024] = "", *at = found;
    assert_int_equal(fs_tokenizer_encode(tokenizer, text, strlen(text), &encoding, &err), 0);
    for (size_t i = 0; i < encoding.count && i < 40; i++) {
        at += sprintf(at, i ? " %zu-%zu" : "%zu-%zu", encoding.begin[i], encoding.end[i]);
    }
    fs_encoding_release(&encoding);
    assert_string_equal(found, ranges);
}

void digest_text(struct fs_digest *digest, const struct fs_tokenizer *tokenizer, const char *text, size_t length)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_encoding encoding;
    char number[16];
    if (fs_tokenizer_encode(tokenizer, text, length, &encoding, &err)) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < encoding.count; i++) {
        assert_true(encoding.begin[i] <= encoding.end[i] && encoding.end[i] <= length);
        int digits = snprintf(number, sizeof number, i ? " %d" : "%d", (int)encoding.id[i]);
        fs_digest_add(digest, number, (size_t)digits);
    }
    fs_digest_add(digest, "\n", 1);
    fs_encoding_release(&encoding);
}

const char *shared_folder(void)
{
    static char path[1024];
    const char *named = getenv("FAIRSTAMP_SHARED"), *source = getenv("FAIRSTAMP_SOURCE");
    if (named != NULL) {
        snprintf(path, sizeof path, "%s", named);
    } else {
        snprintf(path, sizeof path, "%s/../shared", source != NULL ? source : ".");
    }
    if (access(path, R_OK) == 0) {
        return path;
    }
    puts("skipped: no shared data");
    return NULL;
}

void put_varint(struct message *message, uint64_t value)
{
    do {
        assert_true(message->size < sizeof message->data);
        message->data[message->size++] = (unsigned char)((value & 0x7F) | (value > 0x7F ? 0x80 : 0));
        value >>= 7;
    } while (value);
}

void put_flag(struct message *message, unsigned field, uint64_t value)
{
    put_varint(message, field << 3);
    put_varint(message, value);
}

void put_bytes(struct message *message, unsigned field, const void *data, size_t size)
{
    put_varint(message, field << 3 | 2);
    put_varint(message, size);
    assert_true(message->size + size <= sizeof message->data);
    memcpy(message->data + message->size, data, size);
    message->size += size;
}

void put_piece(struct message *model, const char *text, float score, unsigned type)
{
    static struct message piece;
    uint32_t bits;
    piece.size = 0;
    put_bytes(&piece, 1, text, strlen(text));
    memcpy(&bits, &score, sizeof bits);
    put_varint(&piece, 2 << 3 | 5);
    for (int i = 0; i < 4; i++) {
        piece.data[piece.size++] = (unsigned char)(bits >> (8 * i));
    }
    put_flag(&piece, 3, type);
    put_bytes(model, 1, piece.data, piece.size);
}

void put_specs(struct message *model, bool byte_fallback, bool add_dummy_prefix, bool remove_extra_whitespaces)
{
    static struct message spec;
    spec.size = 0;
    put_flag(&spec, 3, 2); /* BPE */
    put_flag(&spec, 35, byte_fallback);
    put_bytes(model, 2, spec.data, spec.size);
    spec.size = 0;
    put_bytes(&spec, 1, "identity", 8);
    put_flag(&spec, 3, add_dummy_prefix);
    put_flag(&spec, 4, remove_extra_whitespaces);
    put_bytes(model, 3, spec.data, spec.size);
}
