/* Damaged and hostile tokenizer files: one clear error each. */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(folder, ...) expect_error(folder, FS_EXIT_DATA, __VA_ARGS__, NULL)

static void no_files(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    expect_error(&folder, FS_EXIT_NO_INPUT, folder.path, "no tokenizer", NULL);
    write_text(&folder, "vocab.json", "{\"a\": 0}");
    expect_error(&folder, FS_EXIT_NO_INPUT, "merges.txt", NULL);
    remove_folder(&folder);
}

static void vocab_txt(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    write_text(&folder, "vocab.txt", "");
    EXPECT(&folder, "vocab.txt", "[UNK]");
    write_text(&folder, "vocab.txt", "a\nb\n");
    EXPECT(&folder, "vocab.txt", "[UNK]", "unk_token");
    write_text(&folder, "vocab.txt", "[UNK]\nb\xC3\n");
    EXPECT(&folder, "line 2", "0xC3", "UTF-8");
    write_text(&folder, "vocab.txt", "[UNK]\n\xED\xA0\x80\n"); /* a surrogate */
    EXPECT(&folder, "line 2", "0xED");
    write_bytes(&folder, "vocab.txt", "[UNK]\na\0b\n", 10);
    EXPECT(&folder, "line 2", "0x00");
    size_t size = 10 << 20;
    char *line = malloc(size);
    assert_non_null(line);
    memset(line, 'x', size);
    write_bytes(&folder, "vocab.txt", line, size);
    EXPECT(&folder, "line 1", "10485760 bytes");
    free(line);
    remove_folder(&folder);
}

static void settings(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"[]", "expected an object"},
        {"{\"do_lower_case\": \"yes\"}", "do_lower_case"},
        {"{\"mask_token\": 3}", "mask_token"},
        {"{\"mask_token\": {\"lstrip\": true}}", "content"},
        {"{\"mask_token\": \"\"}", "empty token"},
        {"{\"added_tokens_decoder\": []}", "added_tokens_decoder"},
        {"{\"added_tokens_decoder\": {\"x\": {\"content\": \"y\"}}}", "expected a token id"},
        {"{\"added_tokens_decoder\": {\"99999999999999999999\": {\"content\": \"y\"}}}", "expected a token id"},
        {"{\"added_tokens_decoder\": {\"5\": {\"content\": \"[UNK]\"}}}", "but 0 in the vocabulary"},
        {"{\"added_tokens_decoder\": {\"0\": {\"content\": \"y\"}}}", "belongs to two tokens"},
        {"{\"additional_special_tokens\": \"y\"}", "additional_special_tokens: found a string"},
        {"{\"additional_special_tokens\": [3]}", "additional_special_tokens"},
        {"{\"extra_special_tokens\": {\"y\": \"\"}}", "empty token"},
        {"{\"split_special_tokens\": true}", "split_special_tokens: found true"},
        {"{\"tokenizer_class\": 3}", "tokenizer_class"},
        {"{\"tokenizer_class\": \"BertJapaneseTokenizer\"}", "MeCab"},
        {"{\"tokenizer_class\": \"SomeTokenizer\"}", "SomeTokenizer"},
        {"{\"auto_map\": {\"AutoTokenizer\": [\"a.KoTokenizer\", null]}}", "KoTokenizer"},
        {"{\"tokenizer_class\": \"KoTokenizer\", \"auto_map\": [\"a.KoTokenizer\", null]}", "KoTokenizer"},
        {"{\"auto_map\": \"x.\"}", "auto_map"},
        {"{\"do_lower_case\": true", "tokenizer_config.json"},
    };
    struct folder folder = make_folder();
    write_text(&folder, "vocab.txt", "[UNK]\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_text(&folder, "tokenizer_config.json", cases[i][0]);
        EXPECT(&folder, cases[i][1]);
    }
    remove_folder(&folder);
}

static void vocab_json(void **state)
{
    (void)state;
    static const char *const vocabularies[][2] = {
        {"[]", "expected an object"},
        {"{}", "no token"},
        {"{\"a\": \"0\"}", "a string"},
        {"{\"a\": 0.5}", "no id"},
        {"{\"a\": -1}", "id -1"},
        {"{\"a\": 1e300}", "no id"},
        {"{\"a\": 4194304}", "id 4194304"},
        {"{\"a\": 0, \"b\": 0}", "belongs to two tokens"},
        {"{\"a\": 0, \"a\": 1}", "vocab.json"},
        {"{\"a\": 0", "vocab.json"},
        {"{\"a\xFF\": 0}", "vocab.json"},
    };
    static const char *const merges[][2] = {
        {"a c\n", "right part \"c\""},
        {"c a\n", "left part \"c\""},
        {"#version: 0.2\nb a\n", "result \"ba\""},
        {"a b\n\na b\n", "line 2"},
        {"ab\n", "line 1"},
        {"a b a\n", "line 1"},
        {" a\n", "line 1"},
        {"a \xFF\n", "UTF-8"},
    };
    struct folder folder = make_folder();
    write_text(&folder, "merges.txt", "");
    for (size_t i = 0; i < sizeof vocabularies / sizeof vocabularies[0]; i++) {
        write_text(&folder, "vocab.json", vocabularies[i][0]);
        EXPECT(&folder, vocabularies[i][1]);
    }
    write_text(&folder, "vocab.json", "{\"a\": 0, \"b\": 1, \"ab\": 2}");
    for (size_t i = 0; i < sizeof merges / sizeof merges[0]; i++) {
        write_text(&folder, "merges.txt", merges[i][0]);
        EXPECT(&folder, "merges.txt", merges[i][1]);
    }
    remove_folder(&folder);
}

static void write_model(const struct folder *folder, const struct message *model)
{
    write_bytes(folder, "tokenizer.model", model->data, model->size);
}

static void sentencepiece(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    static struct message model, part;
    put_piece(&model, "<unk>", 0, 2);
    put_piece(&model, "a", -1, 1);
    put_specs(&model, false, true, false);
    /* Cut anywhere: no crash, and an error or a smaller model. */
    for (size_t size = 0; size < model.size; size++) {
        struct fs_tokenizer *tokenizer = NULL;
        struct fs_error err = FS_ERROR_INIT;
        write_bytes(&folder, "tokenizer.model", model.data, size);
        if (fs_tokenizer_open(folder.path, &tokenizer, &err)) {
            assert_int_equal(err.code, FS_EXIT_DATA);
        }
        fs_tokenizer_destroy(tokenizer);
    }
    write_bytes(&folder, "tokenizer.model", "", 0);
    EXPECT(&folder, "no piece");
    write_bytes(&folder, "tokenizer.model", "\x0A\x7F\x0A", 3);
    EXPECT(&folder, "byte 2", "longer than the rest");
    write_bytes(&folder, "tokenizer.model", "\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11);
    EXPECT(&folder, "longer than the rest"); /* a length of 2^64 - 1 */
    write_bytes(&folder, "tokenizer.model", "\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 11);
    EXPECT(&folder, "more than 64 bits");
    write_bytes(&folder, "tokenizer.model", "\x0A\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 13);
    EXPECT(&folder, "more than 64 bits");
    write_bytes(&folder, "tokenizer.model", "\x0B\x00", 2);
    EXPECT(&folder, "wire type");
    write_bytes(&folder, "tokenizer.model", "\x02\x00", 2);
    EXPECT(&folder, "field 0");
    write_bytes(&folder, "tokenizer.model", "\x08\x01", 2);
    EXPECT(&folder, "wrong wire type");

    static const struct {
        const char *text;
        float score;
        unsigned type;
        const char *error;
    } pieces[] = {
        {"<unk>", 0, 1, "stands twice"},  {"", 0, 1, "no text"},
        {"\xC3", 0, 1, "not UTF-8"},      {"b", NAN, 1, "not finite"},
        {"b", INFINITY, 1, "not finite"}, {"b", 0, 7, "none of 1 to 6"},
        {"b", 0, 0, "none of 1 to 6"},    {"b", 0, 5, "UNUSED"},
        {"b", 0, 2, "both unknown"},
    };
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        model.size = 0;
        put_piece(&model, "<unk>", 0, 2);
        put_piece(&model, pieces[i].text, pieces[i].score, pieces[i].type);
        put_specs(&model, false, true, false);
        write_model(&folder, &model);
        EXPECT(&folder, pieces[i].error);
    }
    model.size = 0;
    put_piece(&model, "a", 0, 1);
    put_specs(&model, false, true, false);
    write_model(&folder, &model);
    EXPECT(&folder, "no piece has type UNKNOWN");
    model.size = 0;
    put_piece(&model, "<unk>", 0, 2);
    put_specs(&model, true, true, false);
    write_model(&folder, &model);
    EXPECT(&folder, "<0x00>");
    model.size = 0;
    put_piece(&model, "<unk>", 0, 2);
    write_model(&folder, &model);
    put_flag(&part, 3, 3);
    put_bytes(&model, 2, part.data, part.size);
    write_model(&folder, &model);
    EXPECT(&folder, "model_type", "found 3");
    part.size = 0;
    put_specs(&model, false, true, false);
    put_bytes(&part, 2, "map", 3);
    put_bytes(&model, 3, part.data, part.size);
    write_model(&folder, &model);
    EXPECT(&folder, "character map has no size");
    remove_folder(&folder);
}

#define MODEL "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}, \"merges\": [\"a b\"]}"
#define BPE(rest) "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}, " rest "}}"

/* Tokens may hold NUL, texts of a pipeline may not. */
static void nul_in_a_pipeline(void **state)
{
    (void)state;
    static const char *const parts[][2] = {
        {"\"Replace\", \"pattern\": {\"String\": \"a\"}, \"content\": \"\\u0000\"", "normalizer.content"},
        {"\"Replace\", \"pattern\": {\"String\": \"a\\u0000\"}, \"content\": \"b\"", "String"},
        {"\"Prepend\", \"prepend\": \"\\u0000\"", "normalizer.prepend"},
    };
    char text[1024];
    struct folder folder = make_folder();
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(text, sizeof text, "{\"normalizer\": {\"type\": %s}, " MODEL "}", parts[i][0]);
        write_text(&folder, "tokenizer.json", text);
        EXPECT(&folder, parts[i][1], "found text with \\u0000");
    }
    remove_folder(&folder);
}

static void tokenizer_json(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "tokenizer.json"},
        {"[]", "expected an object"},
        {"{}", "model"},
        {"{\"model\": 3}", "model"},
        {"{\"model\": {\"type\": 3, \"vocab\": {}}}", "type"},
        {"{\"model\": {\"type\": \"unigram\", \"vocab\": []}}", "\"unigram\" is not supported"},
        {"{\"model\": {\"type\": \"BPE\", \"vocab\": [], \"merges\": []}}", "vocab"},
        {"{\"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}}", "no token"},
        {BPE("\"merges\": {}"), "merges"},
        {BPE("\"merges\": [3]"), "merge 1"},
        {BPE("\"merges\": [\"ab\"]"), "merge 1"},
        {BPE("\"merges\": [\"a b b\"]"), "merge 1"},
        {BPE("\"merges\": [\"a b\", [\"a\"]]"), "merge 2"},
        {BPE("\"merges\": [[\"a\", \"c\"]]"), "right part \"c\""},
        {BPE("\"merges\": [], \"dropout\": 0.1"), "dropout"},
        {BPE("\"merges\": [], \"fuse_unk\": 1"), "fuse_unk"},
        {BPE("\"merges\": [], \"unk_token\": \"x\""), "unk_token"},
        {BPE("\"merges\": [], \"continuing_subword_prefix\": 2"), "continuing_subword_prefix"},
        {BPE("\"merges\": [], \"end_of_word_suffix\": []"), "end_of_word_suffix"},
        {BPE("\"merges\": [], \"new_setting\": true"), "\"new_setting\" is not supported"},
        {"{\"new_part\": 1, " MODEL "}", "\"new_part\" is not supported"},
        {"{\"normalizer\": {\"type\": \"Precompiled\"}, " MODEL "}", "normalizer.precompiled_charsmap"},
        {"{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"nmt\"}]}, " MODEL "}", "\"nmt\""},
        {"{\"normalizer\": [], " MODEL "}", "normalizer"},
        {"{\"normalizer\": {\"type\": \"NFC\", \"x\": 1}, " MODEL "}", "\"x\" is not supported"},
        {"{\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"String\": \"\"}, \"content\": \"\"}, " MODEL "}",
         "empty pattern"},
        {"{\"pre_tokenizer\": {\"type\": \"FixedLength\", \"length\": 0}, " MODEL "}", "pre_tokenizer.length"},
        {"{\"pre_tokenizer\": {\"type\": \"CharDelimiterSplit\", \"delimiter\": \"ab\"}, " MODEL "}",
         "several characters, expected one character"},
        {"{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(\"}, \"behavior\": "
         "\"Isolated\"}, " MODEL "}",
         "pre_tokenizer.pattern"},
        {"{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"[a[b]\"}, \"behavior\": "
         "\"Isolated\"}, " MODEL "}",
         "a set without its ]"},
        {"{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": \"x\", \"behavior\": \"Isolated\"}, " MODEL "}",
         "pattern"},
        {"{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"String\": \"x\"}, \"behavior\": \"Odd\"}, " MODEL
         "}",
         "\"Odd\""},
        {"{\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"__\"}, " MODEL "}",
         "pre_tokenizer.replacement: found several characters, expected one character"},
        {"{\"decoder\": {\"type\": \"Metaspace\", \"replacement\": \"\"}, " MODEL "}",
         "decoder.replacement: found an empty string, expected one character"},
        {"{\"decoder\": {\"type\": \"Strip\", \"content\": \"ab\", \"start\": 1, \"stop\": 0}, " MODEL "}",
         "decoder.content: found several characters, expected one character"},
        {"{\"decoder\": {\"type\": \"CTC\"}, " MODEL "}", "decoder: type \"CTC\" is not supported"},
        {"{\"decoder\": {\"type\": \"Strip\", \"content\": \" \", \"start\": -1, \"stop\": 0}, " MODEL "}", "start"},
        {"{\"added_tokens\": {}, " MODEL "}", "added_tokens"},
        {"{\"added_tokens\": [\"a\"], " MODEL "}", "added_tokens"},
        {"{\"added_tokens\": [{\"id\": 7, \"content\": \"a\"}], " MODEL "}", "has id 7, but 0"},
        {"{\"added_tokens\": [{\"id\": 0, \"content\": \"x\"}], " MODEL "}", "belongs to two tokens"},
        {"{\"added_tokens\": [{\"id\": \"3\", \"content\": \"x\"}], " MODEL "}", "id"},
        {"{\"added_tokens\": [{\"id\": 3, \"content\": \"x\", \"lstrip\": 1}], " MODEL "}", "lstrip"},
        {"{\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"[UNK]\", \"vocab\": {\"a\": 0}}}", "unk_token"},
        {"{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 0}}}", "unk_token"},
        {"{\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"a\", \"max_input_chars_per_word\": 0, \"vocab\": "
         "{\"a\": "
         "0}}}",
         "max_input_chars_per_word"},
    };
    struct folder folder = make_folder();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_text(&folder, "tokenizer.json", cases[i][0]);
        EXPECT(&folder, "tokenizer.json", cases[i][1]);
    }
    write_text(&folder, "tokenizer.json", "{" MODEL "}"); /* and the good one is good */
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "abb", "2 1");
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

/* A character with 200000 combining marks in the wrong order: sorted by class, not by one exchange for each pair. */
static void many_marks(void **state)
{
    (void)state;
    enum { PAIRS = 100000 };
    static const char *const forms[] = {"NFD", "NFC"};
    char *text = malloc(1 + 4 * PAIRS);
    assert_non_null(text);
    text[0] = 'x';
    for (size_t i = 0; i < PAIRS; i++) {
        memcpy(text + 1 + 4 * i, "\xCC\x81\xCC\xA3", 4);
    }
    struct folder folder = make_folder();
    for (size_t form = 0; form < 2; form++) {
        char json[512];
        snprintf(json, sizeof json,
                 "{\"normalizer\": {\"type\": \"%s\"}, \"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": "
                 "[[\"<unk>\", 0], [\"x\", -1], [\"\xCC\x81\", -1], [\"\xCC\xA3\", -1]]}}",
                 forms[form]);
        write_text(&folder, "tokenizer.json", json);
        struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
        struct fs_encoding encoding = {0};
        struct fs_error err = FS_ERROR_INIT;
        assert_int_equal(fs_tokenizer_encode(tokenizer, text, 1 + 4 * PAIRS, &encoding, &err), 0);
        assert_int_equal(encoding.count, 1 + 2 * PAIRS);
        for (size_t i = 0; i < encoding.count; i++) {
            assert_int_equal(encoding.id[i], i == 0 ? 1 : i <= PAIRS ? 3 : 2);
        }
        fs_encoding_release(&encoding);
        fs_tokenizer_destroy(tokenizer);
    }
    remove_folder(&folder);
    free(text);
}

/* Steps that each make ten bytes of one: a bound, for a line of text must not fill the memory. */
static void growing_text(void **state)
{
    (void)state;
    char json[2048] = "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [";
    for (size_t i = 0; i < 9; i++) {
        size_t used = strlen(json);
        snprintf(json + used, sizeof json - used,
                 "%s{\"type\": \"Replace\", \"pattern\": {\"String\": \"a\"}, \"content\": \"aaaaaaaaaa\"}",
                 i == 0 ? "" : ", ");
    }
    size_t used = strlen(json);
    snprintf(json + used, sizeof json - used, "]}, " MODEL "}");
    struct folder folder = make_folder();
    write_text(&folder, "tokenizer.json", json);
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    struct fs_encoding encoding = {0};
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(fs_tokenizer_encode(tokenizer, "aab", 3, &encoding, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    assert_non_null(strstr(err.text, "makes 2000001 bytes of a text of 3, expected at most "));
    fs_encoding_release(&encoding);
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_files),       cmocka_unit_test(vocab_txt),     cmocka_unit_test(settings),
        cmocka_unit_test(vocab_json),     cmocka_unit_test(sentencepiece), cmocka_unit_test(nul_in_a_pipeline),
        cmocka_unit_test(tokenizer_json), cmocka_unit_test(many_marks),    cmocka_unit_test(growing_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
