/* Parts of tokenizer.json against the `tokenizers` library: nasty lines, and every character. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/digest.h"
#include "io/formats/json.h"
#include "io/utf8.h"

enum { LINES_IN_BLOCK = 350, CHARACTERS_IN_BLOCK = 0x10000, CHARACTERS_IN_TEXT = 64 };

struct golden {
    struct fs_json_document *document;
    const cJSON *root;
    FILE *ids;
};

static void golden_path(char path[4096], const char *file)
{
    const char *source = getenv("FAIRSTAMP_SOURCE");
    snprintf(path, 4096, "%s/tests/golden/tokenizers/parts/%s", source != NULL ? source : ".", file);
}

static const cJSON *member(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_non_null(value);
    return value;
}

static void open_golden(struct golden *golden)
{
    struct fs_error err = FS_ERROR_INIT;
    char path[4096];
    golden_path(path, "parts.json");
    if (fs_json_load(path, &golden->document, &err)) {
        fail_msg("%s", err.text);
    }
    golden->root = fs_json_root(golden->document);
    golden_path(path, "ids.txt");
    golden->ids = fopen(path, "r");
    assert_non_null(golden->ids);
    assert_int_equal(fscanf(golden->ids, "#%*[^\n]"), 0);
}

static void close_golden(struct golden *golden)
{
    fs_json_destroy(golden->document);
    fclose(golden->ids);
}

/* tokenizer.json of a pipeline: the pipeline with its model in place of the model's name. */
static struct fs_tokenizer *open_pipeline(const struct golden *golden, const cJSON *pipeline)
{
    struct folder folder = make_folder();
    cJSON *document = cJSON_Duplicate(pipeline, true);
    assert_non_null(document);
    cJSON *model =
        cJSON_Duplicate(member(member(golden->root, "models"), member(pipeline, "model")->valuestring), true);
    assert_true(cJSON_ReplaceItemInObjectCaseSensitive(document, "model", model));
    cJSON_DeleteItemFromObjectCaseSensitive(document, "name");
    char *text = cJSON_PrintUnformatted(document);
    assert_non_null(text);
    write_text(&folder, "tokenizer.json", text);
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    cJSON_free(text);
    cJSON_Delete(document);
    remove_folder(&folder);
    return tokenizer;
}

static void digest_list(struct fs_digest *digest, const struct golden *golden, const struct fs_tokenizer *tokenizer,
                        const char *list, size_t first)
{
    const cJSON *line;
    size_t index = 0;
    cJSON_ArrayForEach(line, member(golden->root, list))
    {
        if (index >= first && index < first + LINES_IN_BLOCK) {
            digest_text(digest, tokenizer, line->valuestring, strlen(line->valuestring));
        }
        index++;
    }
}

static void digest_lines(struct fs_digest *digest, const struct golden *golden, const struct fs_tokenizer *tokenizer,
                         size_t first)
{
    digest_list(digest, golden, tokenizer, "lines", first);
}

static void digest_more(struct fs_digest *digest, const struct golden *golden, const struct fs_tokenizer *tokenizer,
                        size_t first)
{
    digest_list(digest, golden, tokenizer, "more", first);
}

/* Each character that Unicode 3.2 has not, beside a mark, a letter, a digit, the added token. */
static void digest_newer(struct fs_digest *digest, const struct golden *golden, const struct fs_tokenizer *tokenizer,
                         size_t first)
{
    const cJSON *range;
    char text[CHARACTERS_IN_TEXT * 40];
    size_t used = 0, count = 0;
    assert_int_equal(first, 0);
    cJSON_ArrayForEach(range, member(golden->root, "newer"))
    {
        uint32_t low = (uint32_t)cJSON_GetArrayItem(range, 0)->valueint;
        uint32_t high = (uint32_t)cJSON_GetArrayItem(range, 1)->valueint;
        for (uint32_t code = low; code <= high; code += (uint32_t)cJSON_GetArrayItem(range, 2)->valueint) {
            char c[5] = "";
            c[fs_utf8_encode(code, (unsigned char *)c)] = '\0';
            used += (size_t)snprintf(text + used, sizeof text - used,
                                     "%s\xCC\x81"
                                     "a%s1 %s<mask>",
                                     c, c, c);
            if (++count % CHARACTERS_IN_TEXT == 0) {
                digest_text(digest, tokenizer, text, used);
                used = 0;
            }
        }
    }
    if (used > 0) {
        digest_text(digest, tokenizer, text, used);
    }
}

/* Each character beside a letter, itself, a digit, a space, a full stop. */
static void digest_characters(struct fs_digest *digest, const struct golden *golden,
                              const struct fs_tokenizer *tokenizer, size_t first)
{
    const cJSON *range;
    char text[CHARACTERS_IN_TEXT * 40];
    size_t used = 0, count = 0;
    cJSON_ArrayForEach(range, member(golden->root, "characters"))
    {
        size_t low = (size_t)range->child->valueint, high = (size_t)range->child->next->valueint;
        low = low < first ? first : low;
        for (size_t code = low; code <= high && code < first + CHARACTERS_IN_BLOCK; code++) {
            char c[5] = "";
            c[fs_utf8_encode((uint32_t)code, (unsigned char *)c)] = '\0';
            used += (size_t)snprintf(text + used, sizeof text - used, "%sa%s%s1 %s.%s %sa ", c, c, c, c, c, c);
            if (++count % CHARACTERS_IN_TEXT == 0) {
                digest_text(digest, tokenizer, text, used);
                used = 0;
            }
        }
    }
    if (used > 0) {
        digest_text(digest, tokenizer, text, used);
    }
}

/* What a row of ids.txt hashes. */
static const struct {
    const char *what;
    void (*digest)(struct fs_digest *, const struct golden *, const struct fs_tokenizer *, size_t);
} hashed[] = {
    {"lines", digest_lines}, {"characters", digest_characters}, {"more", digest_more}, {"newer", digest_newer}};

/* Sanitizers make each allocation slow: every sixteenth row shows them all of the code. */
#ifdef FAIRSTAMP_SANITIZE
enum { STRIDE = 16 };
#else
enum { STRIDE = 1 };
#endif

/* Every row of ids.txt is of the pipelines in their order: its name, what is hashed, from where, the hash. */
static void same_ids_as_the_library(void **state)
{
    (void)state;
    struct golden golden;
    struct fs_error err = FS_ERROR_INIT;
    const cJSON *pipeline = NULL;
    struct fs_tokenizer *tokenizer = NULL;
    char name[128], what[32], expected[80], found[FS_DIGEST_SIZE];
    size_t first, different = 0, row = 0;
    open_golden(&golden);
    while (fscanf(golden.ids, " %127s %31s %zu %79s", name, what, &first, expected) == 4) {
        struct fs_digest *digest = NULL;
        if (pipeline == NULL || strcmp(member(pipeline, "name")->valuestring, name) != 0) {
            pipeline = pipeline == NULL ? member(golden.root, "pipelines")->child : pipeline->next;
            assert_non_null(pipeline);
            assert_string_equal(member(pipeline, "name")->valuestring, name);
            fs_tokenizer_destroy(tokenizer);
            tokenizer = NULL;
        }
        if (row++ % STRIDE != 0) {
            continue;
        }
        if (tokenizer == NULL) {
            tokenizer = open_pipeline(&golden, pipeline);
        }
        assert_int_equal(fs_digest_begin(&digest, &err), 0);
        for (size_t i = 0; i < sizeof hashed / sizeof hashed[0]; i++) {
            if (strcmp(what, hashed[i].what) == 0) {
                hashed[i].digest(digest, &golden, tokenizer, first);
            }
        }
        fs_digest_end(digest, found);
        if (strcmp(found, expected) != 0) {
            print_message("%s: the ids of %s from %zu differ\n", name, what, first);
            different++;
        }
    }
    assert_true(feof(golden.ids));
    assert_non_null(pipeline);
    assert_null(pipeline->next);
    assert_int_equal(different, 0);
    fs_tokenizer_destroy(tokenizer);
    close_golden(&golden);
}

#define WORDS "\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"[UNK]\", \"vocab\": {\"[UNK]\": 0, \"a\": 1}}}"

static void expect_refused(const char *part, const char *text)
{
    struct folder folder = make_folder();
    char document[1024];
    snprintf(document, sizeof document, "{%s, " WORDS, part);
    write_text(&folder, "tokenizer.json", document);
    expect_error(&folder, FS_EXIT_DATA, "tokenizer.json", text, NULL);
    remove_folder(&folder);
}

static void hostile_parts(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"type\": \"Digits\", \"individual_digits\": 1}", "individual_digits"},
        {"{\"type\": \"Digits\", \"individual\": true}", "\"individual\" is not supported"},
        {"{\"type\": \"Punctuation\", \"behavior\": \"isolated\"}", "\"isolated\" is not supported"},
        {"{\"type\": \"Punctuation\", \"behavior\": []}", "behavior"},
        {"{\"type\": \"Punctuation\", \"pattern\": \"x\"}", "\"pattern\" is not supported"},
        {"{\"type\": \"Whitespace\", \"behavior\": \"Removed\"}", "\"behavior\" is not supported"},
        {"{\"type\": \"WhitespaceSplit\", \"x\": null}", "\"x\" is not supported"},
        {"{\"type\": \"Scripts\"}", "\"Scripts\" is not supported; supported: BertPreTokenizer"},
        {"{\"type\": \"UnicodeScripts\", \"x\": 1}", "\"x\" is not supported"},
        {"{\"type\": \"digits\"}", "\"digits\" is not supported"},
        {"\"Digits\"", "expected an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char part[512];
        snprintf(part, sizeof part, "\"pre_tokenizer\": %s", cases[i][0]);
        expect_refused(part, cases[i][1]);
    }
    static const char *const patterns[][2] = {
        {"", "0 bytes"},
        {"[a[b]", "without its ]"},
        {"[a[", "without its ]"},
        {"[[:alpha]", "without its ]"},
        {"[a", "without its ]"},
        {"[a&&]", "an empty set"},
        {"[&&a]", "an empty set"},
        {"[a-[b]]", "a range up to a set"},
        {"[[:letter:]]", "[:...:] that is not supported"},
        {"\\\\p{Han", "\\p{ without }"},
        {"\\\\p{Klingon}", "\\p{Klingon}"},
        {"a\\\\", "nothing behind"},
        {"[a\\\\", "nothing behind"},
        {"[[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]]", "too deep"},
    };
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        char part[512];
        snprintf(
            part, sizeof part,
            "\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"%s\"}, \"behavior\": \"Isolated\"}",
            patterns[i][0]);
        expect_refused(part, patterns[i][1]);
    }
    expect_refused("\"normalizer\": {\"type\": \"Strip\", \"strip_left\": true}", "strip_right");
    expect_refused("\"normalizer\": {\"type\": \"Strip\", \"strip_left\": 1, \"strip_right\": true}", "strip_left");
    expect_refused("\"normalizer\": {\"type\": \"Strip\", \"left\": true}", "\"left\" is not supported");
    expect_refused("\"normalizer\": {\"type\": \"ByteLevel\", \"use_regex\": true}", "\"use_regex\" is not supported");
}

/* A character that two alternatives of a set hold is matched one way: no exponential search. */
static void overlapping_sets(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    char text[401];
    write_text(
        &folder, "tokenizer.json",
        "{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"[\\\\W[^b]a]+[12]\"}, \"behavior\": "
        "\"Isolated\"}, " WORDS);
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    memset(text, ' ', 400);
    text[400] = '\0';
    expect_ids(tokenizer, text, "0");
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_ids_as_the_library),
        cmocka_unit_test(hostile_parts),
        cmocka_unit_test(overlapping_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
