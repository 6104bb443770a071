#include "stages/methods/corpus.h"

#include <stdlib.h>
#include <string.h>

#include "io/file_map.h"
#include "io/formats/file_kind.h"

static int add_token(struct fs_corpus *corpus, int32_t token, struct fs_error *err)
{
    if (token < 0) { /* the tokenizer has no such one */
        return 0;
    }
    if (fs_grow(&corpus->token, &corpus->capacity, corpus->tokens + 1, sizeof *corpus->token, "the tokens of a text",
                err) != 0) {
        return -1;
    }
    corpus->token[corpus->tokens++] = token;
    return 0;
}

static int add_text(const struct fs_corpus_form *form, struct fs_corpus *corpus, const char *text, size_t length,
                    struct fs_error *err)
{
    const struct fs_special_tokens *special = fs_tokenizer_special(form->tokenizer);
    struct fs_encoding encoding = {0};
    bool masked = form->kind == FS_MASKED;
    int status = fs_tokenizer_encode(form->tokenizer, text, length, &encoding, err);
    if (status == 0 && masked) {
        status = add_token(corpus, special->cls, err);
    }
    for (size_t i = 0; status == 0 && i < encoding.count; i++) {
        status = add_token(corpus, encoding.id[i], err);
    }
    if (status == 0) {
        status = add_token(corpus, masked ? special->sep : special->end_of_text, err);
    }
    fs_encoding_release(&encoding);
    return status;
}

/* A line, which is number `corpus->lines` of those that have a word. `text` is scratch. */
static int add_line(const struct fs_corpus_form *form, struct fs_corpus *corpus, const char *line, size_t length,
                    struct fs_growing_text *text, struct fs_error *err)
{
    int status = 0;
    if (form->swaps == 0) {
        status = add_text(form, corpus, line, length, err);
    }
    for (size_t i = 0; status == 0 && i < form->swaps; i++) {
        size_t exchanged = 0;
        status = fs_word_swap_line(&form->swap[i], line, length, corpus->lines, text, &exchanged, err);
        if (status == 0 && exchanged > 0) {
            corpus->exchanged++;
            status = add_text(form, corpus, text->bytes, text->used, err) == 0
                         ? add_text(form, corpus, line, length, err)
                         : -1;
        }
    }
    corpus->lines++;
    return status;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\v' || byte == '\f';
}

static int add_lines(const struct fs_corpus_form *form, struct fs_corpus *corpus, const struct fs_file_map *map,
                     struct fs_error *err)
{
    const char *text = (const char *)map->data;
    struct fs_growing_text scratch = {0};
    int status = 0;
    for (size_t begin = fs_byte_order_mark(map->data, map->size);
         status == 0 && begin < map->size && corpus->tokens < form->most;) {
        const char *newline = memchr(text + begin, '\n', map->size - begin);
        size_t next = newline != NULL ? (size_t)(newline - text) + 1 : map->size;
        size_t end = newline != NULL ? next - 1 : next;
        while (begin < end && is_blank(text[begin])) {
            begin++;
        }
        while (end > begin && is_blank(text[end - 1])) {
            end--;
        }
        if (begin < end) {
            status = add_line(form, corpus, text + begin, end - begin, &scratch, err);
        }
        begin = next;
    }
    free(scratch.bytes);
    return status;
}

int fs_corpus_read(const char *path, const struct fs_corpus_form *form, struct fs_corpus *corpus, struct fs_error *err)
{
    struct fs_file_map map;
    *corpus = (struct fs_corpus){0};
    if (fs_file_map_open(path, &map, err) != 0) {
        return -1;
    }
    int status = fs_check_text_file(path, map.data, map.size, err);
    status = status == 0 ? add_lines(form, corpus, &map, err) : -1;
    fs_file_map_close(&map);
    if (status == 0 && corpus->tokens < 2) {
        status = fs_error_set(err, FS_EXIT_DATA, "%s: found %zu lines and %zu tokens to train on, expected %s", path,
                              corpus->lines, corpus->tokens,
                              form->swaps > 0 ? "lines that have attribute words of the job's categories" : "a text");
    }
    if (status == 0) {
        corpus->block = corpus->tokens < form->block ? corpus->tokens : form->block;
        corpus->blocks = corpus->tokens / corpus->block;
    }
    return status;
}

void fs_corpus_release(struct fs_corpus *corpus)
{
    free(corpus->token);
    *corpus = (struct fs_corpus){0};
}
