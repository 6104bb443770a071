#include "model/tokenizer/tokenizer_compare.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_special(const struct fs_tokenizer *one, const struct fs_tokenizer *other, struct fs_error *err)
{
    const struct fs_special_tokens *a = fs_tokenizer_special(one), *b = fs_tokenizer_special(other);
    const struct {
        const char *name;
        int32_t a, b;
    } ids[] = {{"the begin of a text", a->begin_of_text, b->begin_of_text},
               {"the end of a text", a->end_of_text, b->end_of_text},
               {"[CLS]", a->cls, b->cls},
               {"[SEP]", a->sep, b->sep},
               {"the mask", a->mask, b->mask},
               {"the unknown token", a->unknown, b->unknown},
               {"padding", a->pad, b->pad}};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        if (ids[i].a != ids[i].b) {
            return fs_error_set(err, FS_EXIT_DATA, "the tokenizers differ in %s: id %d here, %d there", ids[i].name,
                                ids[i].a, ids[i].b);
        }
    }
    return 0;
}

static int compare_encoding(const struct fs_tokenizer *one, const struct fs_tokenizer *other, const char *text,
                            struct fs_error *err)
{
    struct fs_encoding a = {0}, b = {0};
    size_t length = strlen(text);
    int status =
        fs_tokenizer_encode(one, text, length, &a, err) == 0 ? fs_tokenizer_encode(other, text, length, &b, err) : -1;
    size_t shared = a.count < b.count ? a.count : b.count, i = 0;
    while (status == 0 && i < shared && a.id[i] == b.id[i]) {
        i++;
    }
    if (status == 0 && (i < shared || a.count != b.count)) {
        status =
            fs_error_set(err, FS_EXIT_DATA,
                         "the tokenizers differ: \"%.80s\" has %zu tokens here and %zu there, other ones from token "
                         "%zu on",
                         text, a.count, b.count, i + 1);
    }
    fs_encoding_release(&a);
    fs_encoding_release(&b);
    return status;
}

/* `last`: the text of the id before, "" at the first; it becomes that of `id`. */
static int compare_token(const struct fs_tokenizer *one, const struct fs_tokenizer *other, int32_t id, char **last,
                         struct fs_error *err)
{
    char *a = NULL, *b = NULL, *both = NULL;
    int status = fs_tokenizer_decode(one, &id, 1, &a, err) == 0 ? fs_tokenizer_decode(other, &id, 1, &b, err) : -1;
    if (status == 0 && strcmp(a, b) != 0) {
        status = fs_error_set(err, FS_EXIT_DATA, "the tokenizers differ: id %d is \"%.80s\" here and \"%.80s\" there",
                              id, a, b);
    }
    if (status == 0 && asprintf(&both, "%s%s", *last, a) < 0) {
        both = NULL;
        status = fs_error_memory(err, strlen(a), "a text");
    }
    if (status == 0) {
        status = compare_encoding(one, other, a, err) == 0 ? compare_encoding(one, other, both, err) : -1;
    }
    free(both);
    free(b);
    free(*last);
    *last = a;
    return status;
}

int fs_tokenizers_compare(const struct fs_tokenizer *one, const struct fs_tokenizer *other, struct fs_error *err)
{
    size_t size = fs_tokenizer_size(one);
    if (size != fs_tokenizer_size(other)) {
        return fs_error_set(err, FS_EXIT_DATA, "the tokenizers differ: %zu ids here, %zu there", size,
                            fs_tokenizer_size(other));
    }
    char *last = strdup("");
    int status = last != NULL ? compare_special(one, other, err) : fs_error_memory(err, 1, "a text");
    for (size_t id = 0; status == 0 && id < size; id++) {
        status = compare_token(one, other, (int32_t)id, &last, err);
    }
    free(last);
    return status;
}
