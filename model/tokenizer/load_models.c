/* The models Unigram and WordLevel of tokenizer.json. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/tokenizer/json_part.h"
#include "model/tokenizer/tokenizer_internal.h"

static int wrong_piece(const struct fs_json_document *document, size_t id, const char *found, struct fs_error *err)
{
    return fs_error_set(
        err, FS_EXIT_DATA,
        "%s: model.vocab: piece %zu: found %s, expected [\"piece\", score] with a finite score; take the "
        "file from the model's source again",
        fs_json_name(document), id, found);
}

/* Adds a piece as a JSON string has it, NUL and all. Of one text's ids the last counts, as in the library. */
static int add_piece(struct fs_vocabulary *vocabulary, const struct fs_json_document *document, const char *text,
                     size_t id, struct fs_error *err)
{
    char *bytes = NULL;
    size_t length = strlen(text);
    if (strstr(text, FS_JSON_NUL) != NULL && fs_json_bytes(text, &bytes, &length, err) != 0) {
        return -1;
    }
    int status =
        fs_vocabulary_put(vocabulary, fs_json_name(document), bytes != NULL ? bytes : text, length, (int64_t)id, err);
    free(bytes);
    return status;
}

int fs_load_pieces(struct fs_vocabulary *vocabulary, const struct fs_json_document *document, const cJSON *model,
                   struct fs_error *err)
{
    const cJSON *list, *item;
    size_t id = 0;
    if (fs_json_array(document, model, "model", "vocab", &list, err)) {
        return -1;
    }
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2 || !cJSON_IsString(item->child)) {
            return wrong_piece(document, id, cJSON_IsArray(item) ? "another array" : fs_json_kind(item), err);
        }
        if (!cJSON_IsNumber(item->child->next) || !isfinite(item->child->next->valuedouble)) {
            return wrong_piece(document, id,
                               cJSON_IsNumber(item->child->next) ? "a number that is too large"
                                                                 : fs_json_kind(item->child->next),
                               err);
        }
        if (add_piece(vocabulary, document, item->child->valuestring, id++, err)) {
            return -1;
        }
    }
    return id > 0 ? 0 : wrong_piece(document, 0, "nothing", err);
}

/*
 * A number as the library reads it (serde_json without float_roundtrip): its digits as one integer, times or over a
 * power of ten, both rounded. The last bit decides between cuts whose scores are the same sums in another order. The
 * digits are the fewest that name the number, as JSON writers choose them. (transformers 5 reads the scores of classes
 * that it rebuilds in Python, exactly: there such sums may fall otherwise.)
 */
static double read_as_library(double number)
{
    static const char *const formats[] = {"%.14e", "%.15e", "%.16e"};
    char text[40];
    uint64_t digits = 0;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        snprintf(text, sizeof text, formats[i], fabs(number));
        if (strtod(text, NULL) == fabs(number)) {
            break;
        }
    }
    char *exponent = strchr(text, 'e');
    int power = (int)strtol(exponent + 1, NULL, 10);
    while (exponent > text + 1 && exponent[-1] == '0') {
        exponent--;
    }
    for (const char *c = text; c < exponent; c++) {
        if (*c >= '0' && *c <= '9') {
            digits = 10 * digits + (uint64_t)(*c - '0');
            power -= c > text;
        }
    }
    if (power < -300 || power > 300) {
        return number;
    }
    snprintf(text, sizeof text, "1e%d", abs(power));
    double scale = strtod(text, NULL);
    double result = power < 0 ? (double)digits / scale : (double)digits * scale;
    return number < 0 ? -result : result;
}

int fs_load_unigram(struct fs_tokenizer *tokenizer, const struct fs_json_document *document, const cJSON *model,
                    struct fs_error *err)
{
    static const char *const keys[] = {"type", "unk_id", "vocab", "byte_fallback", NULL};
    struct fs_unigram *unigram = &tokenizer->unigram;
    const cJSON *list = NULL, *item;
    size_t pieces = 0, unknown = SIZE_MAX;
    tokenizer->model = FS_MODEL_UNIGRAM;
    if (fs_json_part_keys(document, model, "model", keys, err) ||
        fs_json_array(document, model, "model", "vocab", &list, err) ||
        fs_json_bool_optional(document, model, "model", "byte_fallback", &unigram->byte_fallback, err) ||
        fs_json_size_optional(document, model, "model", "unk_id",
                              (struct fs_size_range){0, (size_t)cJSON_GetArraySize(list) - 1}, &unknown, err)) {
        return -1;
    }
    double *score = fs_allocate(tokenizer->vocabulary.size, sizeof *score, "the pieces' scores", err);
    if (score == NULL) {
        return -1;
    }
    double least = HUGE_VAL;
    cJSON_ArrayForEach(item, list)
    {
        score[pieces] = read_as_library(item->child->next->valuedouble);
        least = score[pieces] < least ? score[pieces] : least;
        pieces++;
    }
    while (pieces < tokenizer->vocabulary.size) { /* added tokens */
        score[pieces++] = NAN;
    }
    unigram->unknown = unknown == SIZE_MAX ? -1 : (int32_t)unknown;
    unigram->unknown_score = least - 10;
    return fs_unigram_init(unigram, &tokenizer->vocabulary, score, err);
}

int fs_load_word_level(struct fs_tokenizer *tokenizer, const struct fs_json_document *document, const cJSON *model,
                       struct fs_error *err)
{
    static const char *const keys[] = {"type", "vocab", "unk_token", NULL};
    const char *unknown;
    tokenizer->model = FS_MODEL_WORD_LEVEL;
    if (fs_json_part_keys(document, model, "model", keys, err) ||
        fs_json_text(document, model, "model", "unk_token", &unknown, err)) {
        return -1;
    }
    tokenizer->unknown_word = fs_vocabulary_find(&tokenizer->vocabulary, unknown, strlen(unknown));
    if (tokenizer->unknown_word < 0) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: model.unk_token: \"%.60s\" is not in the vocabulary",
                            fs_json_name(document), unknown);
    }
    return 0;
}
