/*
 * Vocabularies in GGUF files give the ids of the folders that they were made from, on every text of StereoSet and CrowS-Pairs
 * (shared data). FAIRSTAMP_GGUF and FAIRSTAMP_GGUF_FOLDER may name one more such pair.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/formats/json.h"
#include "tests/unit/scratch.h"

struct pair {
    struct fs_tokenizer *file, *folder;
    size_t texts, differ;
};

static void compare(struct pair *pair, const char *text, size_t length)
{
    struct fs_encoding one = {0}, other = {0};
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(fs_tokenizer_encode(pair->file, text, length, &one, &err), 0);
    assert_int_equal(fs_tokenizer_encode(pair->folder, text, length, &other, &err), 0);
    pair->texts++;
    if (one.count != other.count || (one.count > 0 && memcmp(one.id, other.id, one.count * sizeof *one.id) != 0)) {
        if (pair->differ++ < 3) {
            print_message("differs: %.*s\n", (int)length, text);
        }
    }
    fs_encoding_release(&one);
    fs_encoding_release(&other);
}

/* Every string below `value`. */
static void compare_strings(struct pair *pair, const cJSON *value)
{
    for (; value != NULL; value = value->next) {
        if (cJSON_IsString(value)) {
            compare(pair, value->valuestring, strlen(value->valuestring));
        }
        compare_strings(pair, value->child);
    }
}

static void compare_on_shared(const char *shared, const char *file, const char *folder)
{
    struct pair pair = {open_tokenizer(file), open_tokenizer(folder), 0, 0};
    char path[4200];
    struct fs_json_document *document;
    struct fs_error err = FS_ERROR_INIT;
    snprintf(path, sizeof path, "%s/data/stereoset/dev.json", shared);
    assert_int_equal(fs_json_load(path, &document, &err), 0);
    compare_strings(&pair, fs_json_root(document));
    fs_json_destroy(document);
    snprintf(path, sizeof path, "%s/data/crows_pairs/crows_pairs_anonymized.csv", shared);
    size_t size;
    char *rest = (char *)slurp(path, &size), *all = rest;
    for (char *line; (line = strtok_r(rest, "\r\n", &rest)) != NULL;) {
        compare(&pair, line, strlen(line));
    }
    free(all);
    print_message("%s: %zu of %zu texts differ from %s\n", file, pair.differ, pair.texts, folder);
    assert_int_equal(pair.differ, 0);
    assert_true(pair.texts > 10000);
    fs_tokenizer_destroy(pair.file);
    fs_tokenizer_destroy(pair.folder);
}

static void stereoset_and_crows_pairs(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"gguf/llama-blocks-of-32.gguf", "models/llama-f16-shards"}, /* SentencePiece's model */
        {"gguf/qwen3-head-size.gguf", "models/qwen2-tied-bf16"},     /* tokenizer.json */
    };
    const char *shared = shared_folder(), *source = getenv("FAIRSTAMP_SOURCE");
    const char *file = getenv("FAIRSTAMP_GGUF"), *folder = getenv("FAIRSTAMP_GGUF_FOLDER");
    if (shared == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char path[2][4200];
        for (size_t j = 0; j < 2; j++) {
            snprintf(path[j], sizeof path[j], "%s/tests/golden/%s", source != NULL ? source : ".", pairs[i][j]);
        }
        compare_on_shared(shared, path[0], path[1]);
    }
    if (file != NULL && folder != NULL) {
        compare_on_shared(shared, file, folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stereoset_and_crows_pairs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
