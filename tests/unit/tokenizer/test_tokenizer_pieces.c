/* Models of SentencePiece against transformers (by class) and the sentencepiece library; damaged maps and models. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/digest.h"
#include "io/file_map.h"
#include "io/formats/json.h"

static struct fs_json_document *load_golden(const char *file)
{
    struct fs_error err = FS_ERROR_INIT;
    struct fs_json_document *document;
    const char *source = getenv("FAIRSTAMP_SOURCE");
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/tokenizers/%s", source != NULL ? source : ".", file);
    if (fs_json_load(path, &document, &err)) {
        fail_msg("%s", err.text);
    }
    return document;
}

static const cJSON *member(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_non_null(value);
    return value;
}

static void write_json(const struct folder *folder, const char *file, const cJSON *value)
{
    if (!cJSON_IsNull(value)) {
        char *text = cJSON_PrintUnformatted(value);
        assert_non_null(text);
        write_text(folder, file, text);
        cJSON_free(text);
    }
}

/* The folder of a row of ids.json. */
static struct fs_tokenizer *open_row(const cJSON *row)
{
    struct fs_error err = FS_ERROR_INIT;
    struct folder folder = make_folder();
    struct fs_file_map map;
    const char *source = getenv("FAIRSTAMP_SOURCE");
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/tokenizers/pieces/%s.model", source != NULL ? source : ".",
             member(row, "model")->valuestring);
    if (fs_file_map_open(path, &map, &err)) {
        fail_msg("%s", err.text);
    }
    write_bytes(&folder, member(row, "file")->valuestring, map.data, map.size);
    fs_file_map_close(&map);
    write_json(&folder, "tokenizer_config.json", member(row, "settings"));
    write_json(&folder, "config.json", member(row, "config"));
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    remove_folder(&folder);
    return tokenizer;
}

/* SentencePiece itself spells control pieces: its rows leave out lines that may hold one. */
static void digest_lines(struct fs_digest *digest, const struct fs_tokenizer *tokenizer, const cJSON *lines, bool plain)
{
    const cJSON *line;
    cJSON_ArrayForEach(line, lines)
    {
        if (!plain || strpbrk(line->valuestring, "<[") == NULL) {
            digest_text(digest, tokenizer, line->valuestring, strlen(line->valuestring));
        }
    }
}

static void same_ids_as_the_libraries(void **state)
{
    (void)state;
    struct fs_error err = FS_ERROR_INIT;
    struct fs_json_document *parts = load_golden("parts/parts.json"), *golden = load_golden("pieces/ids.json");
    const cJSON *row;
    size_t different = 0;
    cJSON_ArrayForEach(row, member(fs_json_root(golden), "folders"))
    {
        char found[FS_DIGEST_SIZE];
        struct fs_digest *digest = NULL;
        struct fs_tokenizer *tokenizer = open_row(row);
        bool plain = strcmp(member(row, "file")->valuestring, "tokenizer.model") == 0;
        assert_int_equal(fs_digest_begin(&digest, &err), 0);
        digest_lines(digest, tokenizer, member(fs_json_root(parts), "lines"), plain);
        digest_lines(digest, tokenizer, member(fs_json_root(parts), "more"), plain);
        fs_digest_end(digest, found);
        fs_tokenizer_destroy(tokenizer);
        if (strcmp(found, member(row, "ids")->valuestring) != 0) {
            char *settings = cJSON_PrintUnformatted(member(row, "settings"));
            print_message("%s as %s, %s: the ids differ\n", member(row, "model")->valuestring,
                          member(row, "file")->valuestring, settings);
            cJSON_free(settings);
            different++;
        }
    }
    assert_int_equal(different, 0);
    fs_json_destroy(parts);
    fs_json_destroy(golden);
}

/* XLM-R's ids in clear: its four tokens, the pieces but three, the mask; DeBERTa-v2's mask behind the last piece. */
static void ids_of_classes(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    struct message model = {.size = 0}, trainer = {.size = 0};
    put_piece(&model, "<unk>", 0, 2);
    put_piece(&model, "<s>", 0, 3);
    put_piece(&model, "</s>", 0, 3);
    put_piece(&model, "\xE2\x96\x81", -3, 1);
    put_piece(&model, "a", -2, 1);
    put_piece(&model,
              "\xE2\x96\x81"
              "a",
              -2.5F, 1);
    put_flag(&trainer, 3, 1);
    put_bytes(&model, 2, trainer.data, trainer.size);
    write_bytes(&folder, "sentencepiece.bpe.model", model.data, model.size);
    write_text(&folder, "tokenizer_config.json", "{\"tokenizer_class\": \"XLMRobertaTokenizer\"}");
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "a aa <mask>b</s>", "6 6 5 7 4 3 2");
    expect_decoded(tokenizer, "6 5 6", "aa a");
    assert_int_equal(fs_tokenizer_special(tokenizer)->cls, 0);
    assert_int_equal(fs_tokenizer_special(tokenizer)->pad, 1);
    assert_int_equal(fs_tokenizer_special(tokenizer)->mask, 7);
    assert_int_equal(fs_tokenizer_size(tokenizer), 8);
    fs_tokenizer_destroy(tokenizer);

    write_bytes(&folder, "spm.model", model.data, model.size);
    write_text(&folder, "tokenizer_config.json",
               "{\"tokenizer_class\": \"DebertaV2Tokenizer\", \"unk_token\": \"<unk>\"}");
    tokenizer = open_tokenizer(folder.path);
    assert_int_equal(fs_tokenizer_special(tokenizer)->mask, 9); /* behind [CLS], [SEP], [PAD] */
    expect_ids(tokenizer, "a[MASK]", "5 9");
    fs_tokenizer_destroy(tokenizer);

    write_text(&folder, "tokenizer_config.json", "{\"tokenizer_class\": \"XGLMTokenizer\"}");
    expect_error(&folder, FS_EXIT_DATA, "XGLMTokenizer", "not read from such a file", NULL);
    write_text(&folder, "tokenizer_config.json", "{\"tokenizer_class\": \"AlbertTokenizer\", \"keep_accents\": 1}");
    expect_error(&folder, FS_EXIT_DATA, "keep_accents", NULL);
    remove_folder(&folder);

    folder = make_folder();
    write_bytes(&folder, "sentencepiece.bpe.model", model.data, model.size);
    expect_error(&folder, FS_EXIT_DATA, "no file names the tokenizer's class", NULL);
    remove_folder(&folder);
}

/* What transformers' class leaves out of a model's normalizer_spec; measured with 4.57.6 and 5.24. */
static void left_out(void **state)
{
    (void)state;
    static const struct {
        const char *class;
        bool prefix, runs;
        const char *says, *silent;
    } rows[] = {
        {"LlamaTokenizer", true, false, "text behind a special token", "leaves out"},
        {"LlamaTokenizer", true, true, "leaves out runs of spaces to one", "the space before a text"},
        {"GemmaTokenizer", true, true, "leaves out runs of spaces to one, the space before a text", "character map"},
        {"GemmaTokenizer", false, false, "text behind a special token", "leaves out"},
    };
    char config[128];
    struct folder folder = make_folder();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct message model = {.size = 0};
        put_piece(&model, "<unk>", 0, 2);
        put_piece(&model, "a", -1, 1);
        put_specs(&model, false, rows[i].prefix, rows[i].runs);
        write_bytes(&folder, "tokenizer.model", model.data, model.size);
        snprintf(config, sizeof config, "{\"tokenizer_class\": \"%s\"}", rows[i].class);
        write_text(&folder, "tokenizer_config.json", config);
        struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
        assert_true(explains(tokenizer, FS_EXPLAIN_VERSION, rows[i].says));
        assert_false(explains(tokenizer, FS_EXPLAIN_VERSION, rows[i].silent));
        fs_tokenizer_destroy(tokenizer);
    }
    remove_folder(&folder);
    struct fs_json_document *golden = load_golden("pieces/ids.json");
    const cJSON *row;
    size_t seen = 0;
    cJSON_ArrayForEach(row, member(fs_json_root(golden), "folders"))
    {
        if (strcmp(member(row, "file")->valuestring, "tokenizer.model") == 0) {
            struct fs_tokenizer *tokenizer = open_row(row);
            bool unigram = strstr(member(row, "model")->valuestring, "bpe") == NULL;
            assert_true(explains(tokenizer, FS_EXPLAIN_VERSION, "its character map (tab, no-break space, "));
            assert_true(explains(tokenizer, FS_EXPLAIN_VERSION, "by BPE, not Unigram") == unigram);
            fs_tokenizer_destroy(tokenizer);
            seen++;
        }
    }
    assert_true(seen > 0);
    fs_json_destroy(golden);
}

#define MODEL                                                                                                          \
    "\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"<unk>\", 0.0], [\"a\", -1.0], [\"aa\", -1.5]]}"

/* tokenizer.json with a character map. */
static void write_map(const struct folder *folder, const unsigned char *map, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char base64[8192], document[9000];
    size_t used = 0;
    assert_true(size <= 4096);
    for (size_t i = 0; i < size; i += 3) {
        unsigned bits = (unsigned)map[i] << 16;
        bits |= i + 1 < size ? (unsigned)map[i + 1] << 8 : 0u;
        bits |= i + 2 < size ? map[i + 2] : 0u;
        base64[used++] = digits[bits >> 18];
        base64[used++] = digits[bits >> 12 & 63];
        base64[used++] = i + 1 < size ? digits[bits >> 6 & 63] : '=';
        base64[used++] = i + 2 < size ? digits[bits & 63] : '=';
    }
    base64[used] = '\0';
    snprintf(document, sizeof document,
             "{\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"%s\"}, " MODEL "}", base64);
    write_text(folder, "tokenizer.json", document);
}

static void put_unit(unsigned char *map, size_t at, uint32_t unit)
{
    for (size_t i = 0; i < 4; i++) {
        map[4 * at + i] = (unsigned char)(unit >> 8 * i);
    }
}

/* Any trie is read without harm; a place outside the texts is an error when it is used. */
static void damaged_maps(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    struct fs_error err = FS_ERROR_INIT;
    struct fs_encoding encoding;
    unsigned char map[4 + 4 * 512 + 8] = {0};
    const size_t texts = sizeof map - 8;
    write_text(&folder, "tokenizer.json",
               "{\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"*\"}, " MODEL "}");
    expect_error(&folder, FS_EXIT_DATA, "precompiled_charsmap", "no base64", NULL);
    write_text(&folder, "tokenizer.json",
               "{\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": null}, " MODEL "}");
    expect_error(&folder, FS_EXIT_DATA, "precompiled_charsmap", NULL);
    write_map(&folder, (const unsigned char *)"\1\0", 2);
    expect_error(&folder, FS_EXIT_DATA, "has no size", NULL);
    put_unit(map, 0, 4 * 512 + 12); /* longer than the map */
    write_map(&folder, map, sizeof map);
    expect_error(&folder, FS_EXIT_DATA, "longer than the map", NULL);
    put_unit(map, 0, 4 * 512 - 2);
    write_map(&folder, map, sizeof map);
    expect_error(&folder, FS_EXIT_DATA, "longer than the map", NULL);
    put_unit(map, 0, 4 * 512);
    memcpy(map + texts, "b\0\xC3", 4);
    write_map(&folder, map, sizeof map);
    expect_error(&folder, FS_EXIT_DATA, "not UTF-8", NULL);

    /* b has a text at each place in turn: units 1 ^ 'b' and, for the value, 1 ^ 'b' ^ 2. */
    static const struct {
        uint32_t place;
        const char *ids; /* of "ba"; NULL: an error */
    } places[] = {{0, "1 1"}, {1, "1"}, {8, "1"}, {9, NULL}, {3, NULL}, {0x7FFFFFFF, NULL}};
    memcpy(map + texts, "a\0\xC3\xA9\0\0\0", 8);
    put_unit(map, 1, 1u << 10);
    put_unit(map, 1 + (1 ^ 'b'), 'b' | 1u << 8 | 2u << 10);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        put_unit(map, 1 + (1 ^ 'b' ^ 2), 1u << 31 | places[i].place);
        write_map(&folder, map, sizeof map);
        struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
        if (places[i].ids != NULL) {
            /* "aa" is cheaper than "a" twice */
            expect_ids(tokenizer, "ba", i == 0 ? "2" : places[i].ids);
        } else {
            assert_int_equal(fs_tokenizer_encode(tokenizer, "ba", 2, &encoding, &err), -1);
            assert_non_null(strstr(err.text, "character map"));
        }
        fs_tokenizer_destroy(tokenizer);
    }
    /* every unit leads to every other, and beyond */
    static const uint32_t offsets[] = {0, 1, 255, 511, 0x1FFFFF, 0x3FFFFF};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        for (size_t at = 0; at < 512; at++) {
            put_unit(map, 1 + at, (at & 0xFF) | 1u << 8 | offsets[i] << 10 | (i % 2 ? 1u << 9 : 0u));
        }
        write_map(&folder, map, sizeof map);
        struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
        if (fs_tokenizer_encode(tokenizer, "bab\xC3\xA9 \xE2\x80\x8D", 8, &encoding, &err) == 0) {
            fs_encoding_release(&encoding);
        }
        fs_tokenizer_destroy(tokenizer);
    }
    remove_folder(&folder);
}

static void expect_refused(const char *model, const char *text)
{
    struct folder folder = make_folder();
    char document[1024];
    snprintf(document, sizeof document, "{\"model\": {%s}}", model);
    write_text(&folder, "tokenizer.json", document);
    expect_error(&folder, FS_EXIT_DATA, "tokenizer.json", text, NULL);
    remove_folder(&folder);
}

static void damaged_models(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": []", "piece 0: found nothing"},
        {"\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": {}", "vocab"},
        {"\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [\"a\"]", "piece 0: found a string"},
        {"\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", 0], [\"b\"]]", "piece 1: found another array"},
        {"\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", \"b\"]]", "piece 0: found a string"},
        {"\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[1, 2]]", "piece 0"},
        {"\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", 1e999]]", ""},
        {"\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", NaN]]", ""},
        {"\"type\": \"Unigram\", \"unk_id\": 1, \"vocab\": [[\"a\", 0]]", "unk_id"},
        {"\"type\": \"Unigram\", \"unk_id\": -1, \"vocab\": [[\"a\", 0]]", "unk_id"},
        {"\"type\": \"Unigram\", \"unk_id\": 0.5, \"vocab\": [[\"a\", 0]]", "unk_id"},
        {"\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", 0]], \"alpha\": 1", "\"alpha\" is not supported"},
        {"\"type\": \"WordLevel\", \"vocab\": {\"a\": 0}", "unk_token"},
        {"\"type\": \"WordLevel\", \"vocab\": {\"a\": 0}, \"unk_token\": \"b\"", "not in the vocabulary"},
        {"\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [], \"byte_fallback\": true, \"end_of_word_suffix\": "
         "\"</w>\"",
         "end_of_word_suffix"},
        {"\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [], \"continuing_subword_prefix\": "
         "\"12345678901234567890"
         "123456789012345678901234567890123456789012345\"",
         "at most 64 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_refused(cases[i][0], cases[i][1]);
    }
}

/* Without unknown token an unknown character is an error; long words cost no recursion and little memory. */
static void unknown_and_long_words(void **state)
{
    (void)state;
    enum { LONG = 300000 };
    struct folder folder = make_folder();
    struct fs_error err = FS_ERROR_INIT;
    struct fs_encoding encoding;
    write_text(&folder, "tokenizer.json",
               "{\"model\": {\"type\": \"Unigram\", \"unk_id\": null, \"vocab\": [[\"a\", -1]]}}");
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "aa", "0 0");
    assert_int_equal(fs_tokenizer_encode(tokenizer, "ab", 2, &encoding, &err), -1);
    assert_non_null(strstr(err.text, "unk_id"));
    fs_tokenizer_destroy(tokenizer);
    write_text(&folder, "tokenizer.json", "{" MODEL "}");
    tokenizer = open_tokenizer(folder.path);
    char *text = malloc(LONG);
    assert_non_null(text);
    memset(text, 'a', LONG);
    assert_int_equal(fs_tokenizer_encode(tokenizer, text, LONG, &encoding, &err), 0);
    assert_int_equal(encoding.count, LONG / 2);
    fs_encoding_release(&encoding);
    memset(text, 'b', LONG);
    assert_int_equal(fs_tokenizer_encode(tokenizer, text, LONG, &encoding, &err), 0);
    assert_int_equal(encoding.count, 1); /* a run of unknown characters is one token */
    assert_int_equal(encoding.end[0], LONG);
    fs_encoding_release(&encoding);
    free(text);
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_ids_as_the_libraries),
        cmocka_unit_test(ids_of_classes),
        cmocka_unit_test(left_out),
        cmocka_unit_test(damaged_maps),
        cmocka_unit_test(damaged_models),
        cmocka_unit_test(unknown_and_long_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
