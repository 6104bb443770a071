/* The shared data: llama.cpp's cases for three vocabularies, and transformers' ids on StereoSet and CrowS-Pairs. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/digest.h"
#include "io/file_map.h"
#include "io/formats/csv.h"
#include "io/formats/json.h"

static void map_file(struct fs_file_map *map, const char *folder, const char *file)
{
    char path[4096];
    struct fs_error err = FS_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (fs_file_map_open(path, map, &err)) {
        fail_msg("%s", err.text);
    }
}

/* Each text is followed by a line __ggml_vocab_test__, each line of cases.out has the ids of one text after a space. */
static void check_cases(const char *name)
{
    static const char separator[] = "\n__ggml_vocab_test__\n";
    char folder[2048];
    struct fs_file_map in, out;
    const char *shared = shared_folder();
    if (shared == NULL) {
        skip();
    }
    snprintf(folder, sizeof folder, "%s/golden/tokenizers/%s", shared, name);
    map_file(&in, folder, "cases.inp");
    map_file(&out, folder, "cases.out");
    struct fs_tokenizer *tokenizer = open_tokenizer(folder);
    const char *text = (const char *)in.data, *end = text + in.size;
    const char *line = (const char *)out.data, *out_end = line + out.size;
    size_t cases = 0;
    for (const char *next; (next = memmem(text, (size_t)(end - text), separator, sizeof separator - 1)) != NULL;
         cases++) {
        const char *line_end = memchr(line, '\n', (size_t)(out_end - line));
        assert_non_null(line_end);
        const char *first = line < line_end && *line == ' ' ? line + 1 : line;
        char *ids = strndup(first, (size_t)(line_end - first));
        expect_ids_of(tokenizer, text, (size_t)(next - text), ids);
        free(ids);
        text = next + sizeof separator - 1;
        line = line_end + 1;
    }
    assert_int_equal(cases, 46);
    assert_true(line == out_end);
    fs_tokenizer_destroy(tokenizer);
    fs_file_map_close(&in);
    fs_file_map_close(&out);
}

static void bert_cases(void **state)
{
    (void)state;
    check_cases("bert");
}

static void gpt2_cases(void **state)
{
    (void)state;
    check_cases("gpt2");
}

static void llama_cases(void **state)
{
    (void)state;
    check_cases("llama");
}

/* The texts of both benchmarks, in the order of tests/golden/tokenizers/README.md. */
struct texts {
    struct fs_json_document *document;
    struct fs_csv *csv;
    const char **text;
    size_t count, capacity;
};

static void add_text(struct texts *texts, const char *text)
{
    if (texts->count == texts->capacity) {
        texts->capacity = texts->capacity ? 2 * texts->capacity : 1024;
        texts->text = realloc(texts->text, texts->capacity * sizeof *texts->text);
        assert_non_null(texts->text);
    }
    texts->text[texts->count++] = text;
}

static const char *member(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsString(value));
    return value->valuestring;
}

static struct texts load_texts(const char *shared)
{
    static const char *const parts[] = {"intrasentence", "intersentence"};
    struct texts texts = {0};
    struct fs_error err = FS_ERROR_INIT;
    char path[4096];
    snprintf(path, sizeof path, "%s/data/stereoset/dev.json", shared);
    if (fs_json_load(path, &texts.document, &err)) {
        fail_msg("%s", err.text);
    }
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(fs_json_root(texts.document), "data"), *item, *sentence;
    for (int part = 0; part < 2; part++) {
        cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(data, parts[part]))
        {
            add_text(&texts, member(item, "context"));
            cJSON_ArrayForEach(sentence, cJSON_GetObjectItemCaseSensitive(item, "sentences"))
                add_text(&texts, member(sentence, "sentence"));
        }
    }
    snprintf(path, sizeof path, "%s/data/crows_pairs/crows_pairs_anonymized.csv", shared);
    size_t more, less;
    static const char *const columns[] = {"sent_more", "sent_less", NULL};
    if (fs_csv_load(path, &(struct fs_csv_format){.columns = columns}, &texts.csv, &err) ||
        fs_csv_column(texts.csv, "sent_more", &more, &err) || fs_csv_column(texts.csv, "sent_less", &less, &err)) {
        fail_msg("%s", err.text);
    }
    for (size_t row = 0; row < fs_csv_rows(texts.csv); row++) {
        add_text(&texts, fs_csv_field(texts.csv, row, more));
        add_text(&texts, fs_csv_field(texts.csv, row, less));
    }
    return texts;
}

static void add_ids(struct fs_digest *digest, const struct fs_encoding *encoding)
{
    char number[16];
    for (size_t i = 0; i < encoding->count; i++) {
        int length = snprintf(number, sizeof number, i ? " %d" : "%d", (int)encoding->id[i]);
        fs_digest_add(digest, number, (size_t)length);
    }
    fs_digest_add(digest, "\n", 1);
}

static void check_model(const char *model)
{
    const char *shared = shared_folder(), *source = getenv("FAIRSTAMP_SOURCE");
    char path[4096], label[32], expected[80], all[FS_DIGEST_SIZE], block[FS_DIGEST_SIZE];
    struct fs_error err = FS_ERROR_INIT;
    struct fs_digest *whole = NULL, *part = NULL;
    size_t at = 0, count;
    if (shared == NULL) {
        skip();
    }
    struct texts texts = load_texts(shared);
    snprintf(path, sizeof path, "%s/models/%s", shared, model);
    struct fs_tokenizer *tokenizer = open_tokenizer(path);
    snprintf(path, sizeof path, "%s/tests/golden/tokenizers/%s.txt", source != NULL ? source : ".", model);
    FILE *golden = fopen(path, "r");
    assert_non_null(golden);
    assert_int_equal(fscanf(golden, "#%*[^\n]"), 0);
    assert_int_equal(fs_digest_begin(&whole, &err), 0);
    while (fscanf(golden, " %31s %zu %79s", label, &count, expected) == 3 && strcmp(label, "all") != 0) {
        assert_int_equal(strtoul(label, NULL, 10), at);
        assert_true(count > 0 && count <= texts.count - at);
        assert_int_equal(fs_digest_begin(&part, &err), 0);
        for (size_t end = at + count; at < end; at++) {
            struct fs_encoding encoding;
            if (fs_tokenizer_encode(tokenizer, texts.text[at], strlen(texts.text[at]), &encoding, &err)) {
                fail_msg("%s", err.text);
            }
            add_ids(part, &encoding);
            add_ids(whole, &encoding);
            fs_encoding_release(&encoding);
        }
        fs_digest_end(part, block);
        if (strcmp(block, expected) != 0) {
            fail_msg("%s: the ids of texts %s to %zu differ", model, label, at - 1);
        }
    }
    fs_digest_end(whole, all);
    fclose(golden);
    assert_string_equal(label, "all");
    assert_int_equal(count, 19932);
    assert_int_equal(at, count);
    assert_int_equal(texts.count, count);
    assert_string_equal(all, expected);
    fs_tokenizer_destroy(tokenizer);
    fs_csv_destroy(texts.csv);
    fs_json_destroy(texts.document);
    free(texts.text);
}

static void bert_model(void **state)
{
    (void)state;
    check_model("books-bert-mini");
}

static void gpt2_model(void **state)
{
    (void)state;
    check_model("books-gpt2-mini");
}

static void llama_json_model(void **state)
{
    (void)state;
    check_model("TinyStories-656K");
}

static void llama_sentencepiece_model(void **state)
{
    (void)state;
    check_model("stories260K-hf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bert_cases),
        cmocka_unit_test(gpt2_cases),
        cmocka_unit_test(llama_cases),
        cmocka_unit_test(bert_model),
        cmocka_unit_test(gpt2_model),
        cmocka_unit_test(llama_json_model),
        cmocka_unit_test(llama_sentencepiece_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
