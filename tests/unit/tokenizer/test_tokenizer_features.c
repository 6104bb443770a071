/* Every feature on small vocabularies made here. */
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char bert_vocabulary[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##aff\n##able\nthe\ncafe\n,\n\xE4\xB8\xAD\n"
    "##\xE4\xB8\xAD\n##s\nThe\ncaf\xC3\xA9\n'\ni\n##n\n";

static struct fs_tokenizer *open_bert(const struct folder *folder, const char *config)
{
    write_text(folder, "vocab.txt", bert_vocabulary);
    if (config != NULL) {
        write_text(folder, "tokenizer_config.json", config);
    }
    return open_tokenizer(folder->path);
}

static void wordpiece_uncased(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    struct fs_tokenizer *tokenizer = open_bert(&folder, NULL);
    char word[203];
    expect_ids(tokenizer, "", "");
    expect_ids(tokenizer, " \t\n", "");
    expect_ids(tokenizer, "Unaffable, the CAF\xC3\x89S", "5 6 7 10 8 9 13");
    expect_ids(tokenizer, "cafe\xCC\x81", "9");                           /* accent as a character of its own */
    expect_ids(tokenizer, "the\xE4\xB8\xAD\xE4\xB8\xADthe", "8 11 11 8"); /* CJK characters stand alone */
    expect_ids(tokenizer,
               "t\xC2\xADh\x01"
               "e\xE2\x80\x8B the\xC2\xA0the",
               "8 8 8");                     /* format and control go */
    expect_ids(tokenizer, "unx the", "1 8"); /* one gap: the word is unknown */
    expect_ids(tokenizer, "the'the", "8 16 8");
    expect_ids(tokenizer, "\xC4\xB0n", "17 18"); /* I with dot */
    expect_ids(tokenizer, "the [MASK], [mask] [SEP]the", "8 4 10 1 1 1 3 8");
    expect_ids(tokenizer, "t\xFFhe \xE2\x82", "8"); /* bad bytes are U+FFFD, which BERT drops */
    expect_ranges(tokenizer, "  Unaffable, x\xCC\x81", "2-11 2-11 2-11 11-12 13-16");
    expect_decoded(tokenizer, "2 5 6 7 10 8 4 3", "[CLS] unaffable, the [MASK] [SEP]");
    memset(word, 'x', sizeof word);
    memcpy(word + 101, " the", 5);
    expect_ids(tokenizer, word, "1 8");
    memcpy(word, "i", 1);
    memset(word + 1, 'n', 99);
    word[100] = '\0';
    struct fs_encoding encoding;
    assert_int_equal(fs_tokenizer_encode(tokenizer, word, 100, &encoding, NULL), 0);
    assert_int_equal(encoding.count, 100); /* 100 characters are not too many */
    fs_encoding_release(&encoding);
    assert_int_equal(fs_tokenizer_size(tokenizer), 19);
    const struct fs_special_tokens *special = fs_tokenizer_special(tokenizer);
    assert_int_equal(special->mask, 4);
    assert_int_equal(special->cls, 2);
    assert_int_equal(special->sep, 3);
    assert_int_equal(special->pad, 0);
    assert_int_equal(special->unknown, 1);
    assert_int_equal(special->begin_of_text, -1);
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

static void wordpiece_settings(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    struct fs_tokenizer *tokenizer = open_bert(&folder, "{\"do_lower_case\": false}");
    expect_ids(tokenizer, "The THE caf\xC3\xA9 cafe", "14 1 15 9");
    fs_tokenizer_destroy(tokenizer);
    tokenizer = open_bert(&folder, "{\"do_lower_case\": false, \"strip_accents\": true}");
    expect_ids(tokenizer, "The caf\xC3\xA9", "14 9");
    fs_tokenizer_destroy(tokenizer);
    tokenizer = open_bert(&folder, "{\"strip_accents\": false, \"tokenize_chinese_chars\": false}");
    expect_ids(tokenizer, "CAF\xC3\x89 \xE4\xB8\xAD\xE4\xB8\xAD", "15 11 12");
    fs_tokenizer_destroy(tokenizer);
    tokenizer =
        open_bert(&folder, "{\"mask_token\": {\"content\": \"[MASK]\", \"lstrip\": true}, \"sep_token\": null}");
    expect_ids(tokenizer, "the  [MASK] the", "8 4 8");
    expect_ranges(tokenizer, "the  [MASK] the", "0-3 3-11 12-15");
    assert_int_equal(fs_tokenizer_special(tokenizer)->sep, -1);
    expect_ids(tokenizer, "[SEP]", "1 1 1"); /* no special token any more */
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

static const char gpt2_vocabulary[] =
    "{\"h\":0,\"e\":1,\"l\":2,\"o\":3,\"\xC4\xA0\":4,\"he\":5,\"ll\":6,\"hell\":7,\"hello\":8,\"\xC4\xA0hello\":9,"
    "\"'\":10,\"s\":11,\"'s\":12,\"<|endoftext|>\":13,\"\xC4\x8A\":14,\"\xC3\x83\":15,\"\xC2\xA9\":16,\"lo\":17}";
static const char gpt2_merges[] = "#version: 0.2\nh e\nl l\nhe ll\nhell o\n\xC4\xA0 hello\n' s\nl o\n";

static void byte_level(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    write_text(&folder, "vocab.json", gpt2_vocabulary);
    write_text(&folder, "merges.txt", gpt2_merges);
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "hello hello's", "8 9 12");
    expect_ids(tokenizer, "hello  hello\n", "8 4 9 14"); /* the last space belongs to the word */
    expect_ids(tokenizer, "lllo", "6 17");               /* leftmost of equals, then the next rank */
    expect_ids(tokenizer, "\xC3\xA9", "15 16");          /* two bytes */
    expect_ids(tokenizer, "hxe", "5");                   /* no token for a byte: dropped, as in transformers */
    expect_ids(tokenizer, "hello<|endoftext|> hello<|endof", "8 13 9 1 3");
    expect_ranges(tokenizer, "hello hello's", "0-5 5-11 11-13");
    expect_decoded(tokenizer, "8 9 12 14 15 16 13", "hello hello's\n\xC3\xA9<|endoftext|>");
    expect_decoded(tokenizer, "15 8", "\xEF\xBF\xBDhello"); /* half a character */
    assert_int_equal(fs_tokenizer_special(tokenizer)->begin_of_text, 13);
    assert_int_equal(fs_tokenizer_special(tokenizer)->end_of_text, 13);
    assert_int_equal(fs_tokenizer_special(tokenizer)->mask, -1);
    struct fs_error err = FS_ERROR_INIT;
    char *text;
    int32_t bad = 18;
    assert_int_equal(fs_tokenizer_decode(tokenizer, &bad, 1, &text, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    fs_tokenizer_destroy(tokenizer);

    write_text(&folder, "tokenizer_config.json", "{\"add_prefix_space\": true, \"pad_token\": \"hello\"}");
    tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "hello", "8");       /* the pad token is special now */
    expect_ids(tokenizer, "hellos", "8 4 11"); /* and stands before " s" */
    expect_ids(tokenizer, "he", "4 5");
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

/* 2 million characters without a break: n log n, or the test runs into its time limit. */
static void long_words(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    size_t size = 2000000;
    write_text(&folder, "vocab.json", gpt2_vocabulary);
    write_text(&folder, "merges.txt", gpt2_merges);
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'l', size);
    struct fs_encoding encoding;
    assert_int_equal(fs_tokenizer_encode(tokenizer, text, size, &encoding, NULL), 0);
    assert_int_equal(encoding.count, size / 2);
    for (size_t i = 0; i < encoding.count; i++) {
        assert_int_equal(encoding.id[i], 6);
    }
    fs_encoding_release(&encoding);
    memset(text, ' ', size);
    assert_int_equal(fs_tokenizer_encode(tokenizer, text, size, &encoding, NULL), 0);
    assert_int_equal(encoding.count, size);
    fs_encoding_release(&encoding);
    free(text);
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

static void put_llama_pieces(struct message *model, bool bytes)
{
    char name[8];
    put_piece(model, "<unk>", 0, 2);
    put_piece(model, "<s>", 0, 3);
    put_piece(model, "</s>", 0, 3);
    for (unsigned byte = 0; byte < 256 && bytes; byte++) {
        snprintf(name, sizeof name, "<0x%02X>", byte);
        put_piece(model, name, 0, 6);
    }
    put_piece(model,
              "\xE2\x96\x81"
              "a",
              -1, 1);              /* + 0 */
    put_piece(model, "ab", -2, 1); /* + 1 */
    put_piece(model,
              "\xE2\x96\x81"
              "ab",
              -3, 1);                         /* + 2 */
    put_piece(model, "bb", -2, 1);            /* + 3 */
    put_piece(model, "\xE2\x96\x81", -10, 1); /* + 4 */
    put_piece(model, "a", -11, 1);            /* + 5 */
    put_piece(model, "b", -12, 1);            /* + 6 */
}

static void sentencepiece_bytes(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    static struct message model;
    model.size = 0;
    put_llama_pieces(&model, true); /* the first of the normal pieces is 259 */
    put_specs(&model, true, true, false);
    write_bytes(&folder, "tokenizer.model", model.data, model.size);
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "", "");
    expect_ids(tokenizer, "ab", "261");
    expect_ids(tokenizer, "aab", "259 260");     /* the better score first */
    expect_ids(tokenizer, "bbb", "263 262 265"); /* leftmost of equals */
    expect_ids(tokenizer, "bab", "263 265 260");
    expect_ids(tokenizer, "  a", "263 263 259");       /* a space in front of two that stay */
    expect_ids(tokenizer, "a\xC3\xA9", "259 198 172"); /* bytes 0xC3 0xA9 */
    expect_ids(tokenizer,
               "a\xE2\x82"
               "b",
               "259 242 194 192 265");                                 /* one U+FFFD for the cut character */
    expect_ids(tokenizer, "a\xED\xA0", "259 242 194 192 242 194 192"); /* and one for each byte of a surrogate */
    expect_ids(tokenizer, "a</s>a<s> b", "259 2 264 1 263 265");
    expect_ranges(tokenizer, "ab\xC3\xA9", "0-2 2-3 3-4");
    expect_decoded(tokenizer, "259 265 263 265 198 172 2", "ab b\xC3\xA9</s>");
    expect_decoded(tokenizer, "259 198", "a\xEF\xBF\xBD");
    assert_int_equal(fs_tokenizer_special(tokenizer)->begin_of_text, 1);
    assert_int_equal(fs_tokenizer_special(tokenizer)->end_of_text, 2);
    assert_int_equal(fs_tokenizer_special(tokenizer)->unknown, 0);
    fs_tokenizer_destroy(tokenizer);

    model.size = 0;
    put_llama_pieces(&model, true);
    put_specs(&model, true, true, true); /* remove_extra_whitespaces */
    write_bytes(&folder, "tokenizer.model", model.data, model.size);
    tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "  a  b  ", "259 263 265");
    expect_ids(tokenizer, "   ", "");
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

static void sentencepiece_unknown(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    static struct message model;
    model.size = 0;
    put_llama_pieces(&model, false);
    put_piece(&model, "abba", 0, 4); /* 10: user defined */
    put_piece(&model, "xy", -1, 1);  /* 11: neither x nor y is a piece */
    put_specs(&model, false, false, false);
    write_bytes(&folder, "tokenizer.model", model.data, model.size);
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "a b", "8 7 9");
    expect_ids(tokenizer, "azzza", "8 0 8"); /* a run of unknown characters is one token */
    expect_ids(tokenizer, "aabbab", "8 10 9");
    expect_ids(tokenizer, "axya", "8 11 8"); /* as SentencePiece, which merges by text */
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

/* A tokenizer.json of the given parts; NULL: null. */
static struct fs_tokenizer *open_json(const struct folder *folder, const char *added, const char *normalizer,
                                      const char *pretokenizer, const char *decoder, const char *model)
{
    static char text[16384];
    snprintf(text, sizeof text,
             "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, \"added_tokens\": [%s], "
             "\"normalizer\": %s, \"pre_tokenizer\": %s, \"post_processor\": null, \"decoder\": %s, \"model\": %s}",
             added != NULL ? added : "", normalizer != NULL ? normalizer : "null",
             pretokenizer != NULL ? pretokenizer : "null", decoder != NULL ? decoder : "null", model);
    write_text(folder, "tokenizer.json", text);
    return open_tokenizer(folder->path);
}

#define ADDED(id, content, lstrip, rstrip, single, normalized)                                                         \
    "{\"id\": " id ", \"content\": \"" content "\", \"lstrip\": " lstrip ", \"rstrip\": " rstrip                       \
    ", \"single_word\": " single ", \"normalized\": " normalized ", \"special\": false}"

static void json_wordpiece(void **state)
{
    (void)state;
    static const char model[] =
        "{\"type\": \"WordPiece\", \"unk_token\": \"[UNK]\", \"continuing_subword_prefix\": \"##\", "
        "\"max_input_chars_per_word\": 5, \"vocab\": {\"[UNK]\": 0, \"ab\": 1, \"##c\": 2, \"Ab\": 3, \"ABC\": 4}}";
    static const char normalizer[] =
        "{\"type\": \"BertNormalizer\", \"clean_text\": true, \"handle_chinese_chars\": true, "
        "\"strip_accents\": null, \"lowercase\": true}";
    static const char decoder[] = "{\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": false}";
    struct folder folder = make_folder();
    struct fs_tokenizer *tokenizer = open_json(
        &folder,
        ADDED("5", "tok", "false", "false", "true", "false") "," ADDED(
            "6", "<l>", "true", "false", "false", "true") "," ADDED("7", "<R>", "false", "true", "false", "true"),
        normalizer, "{\"type\": \"BertPreTokenizer\"}", decoder, model);
    expect_ids(tokenizer, "ABC abcccc", "1 2 0");
    expect_ids(tokenizer, "tok atok tok.", "5 0 5 0");        /* single words alone */
    expect_ids(tokenizer, "ab  <l> ab <r>  ab", "1 6 1 7 1"); /* looked for in normalized text */
    expect_ranges(tokenizer, "ab  <L> ab <R>  ab", "0-2 2-7 8-10 11-16 16-18");
    expect_decoded(tokenizer, "1 2 1 0", "abc ab [UNK]");
    fs_tokenizer_destroy(tokenizer);
    write_text(&folder, "tokenizer_config.json", "{\"do_lower_case\": false}"); /* no class, no effect */
    tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "Ab ab AB", "1 1 1");
    fs_tokenizer_destroy(tokenizer);
    write_text(&folder, "tokenizer_config.json", "{\"tokenizer_class\": \"BertTokenizer\", \"do_lower_case\": false}");
    tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "Ab ab AB", "3 1 0");
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

#define BYTES_MODEL(extra, merges)                                                                                     \
    "{\"type\": \"BPE\", \"dropout\": null, \"unk_token\": null, \"continuing_subword_prefix\": \"\", "                \
    "\"end_of_word_suffix\": null, \"fuse_unk\": false, \"byte_fallback\": false, " extra "\"vocab\": {\"a\": 0, "     \
    "\"b\": 1, \"1\": 2, \"2\": 3, \"\xC4\xA0\": 4, \"ab\": 5, \"12\": 6, \"aba\": 7, \"\xC3\x83\": 8, \"\xC2\xA9\": " \
    "9, "                                                                                                              \
    "\"e\": 10, \"\xC3\x8C\": 11, \"\xC4\xA3\": 12, \"A\": 13}, \"merges\": " merges "}"
#define BYTE_LEVEL                                                                                                     \
    "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": false}"

static void json_byte_level(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    static const char split[] =
        "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"Regex\": "
        "\"\\\\p{N}{1,2}|\\\\s\"}, \"behavior\": \"Isolated\", \"invert\": false}, " BYTE_LEVEL "]}";
    static const char *const behaviors[][2] = {{"Removed", "5 5"},
                                               {"Isolated", "5 4 5"},
                                               {"MergedWithPrevious", "5 4 5"},
                                               {"MergedWithNext", "5 4 5"},
                                               {"Contiguous", "5 4 5"}};
    struct fs_tokenizer *tokenizer = open_json(&folder, NULL, NULL, split, "{\"type\": \"ByteLevel\"}",
                                               BYTES_MODEL("", "[\"a b\", [\"1\", \"2\"]]"));
    expect_ids(tokenizer, "ab12121 ab", "5 6 6 2 4 5");
    expect_ids(tokenizer, "aba", "5 0");
    expect_decoded(tokenizer, "5 6 4 8 9", "ab12 \xC3\xA9");
    fs_tokenizer_destroy(tokenizer);
    tokenizer = open_json(&folder, NULL, NULL, split, NULL, BYTES_MODEL("\"ignore_merges\": true, ", "[]"));
    expect_ids(tokenizer, "aba 12", "7 4 6"); /* whole words that are tokens */
    expect_ids(tokenizer, "abb", "0 1 1");
    expect_decoded(tokenizer, "7 6", "aba 12"); /* no decoder: joined by spaces */
    fs_tokenizer_destroy(tokenizer);
    for (size_t i = 0; i < sizeof behaviors / sizeof behaviors[0]; i++) {
        char part[512];
        snprintf(part, sizeof part,
                 "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"String\": \" \"}, "
                 "\"behavior\": \"%s\", \"invert\": false}, " BYTE_LEVEL "]}",
                 behaviors[i][0]);
        tokenizer = open_json(&folder, NULL, NULL, part, NULL, BYTES_MODEL("", "[\"a b\"]"));
        expect_ids(tokenizer, "ab ab", behaviors[i][1]);
        fs_tokenizer_destroy(tokenizer);
    }
    remove_folder(&folder);
}

static void json_normalizers(void **state)
{
    (void)state;
    static const struct {
        const char *normalizer, *text, *ids;
    } cases[] = {
        {"{\"type\": \"NFC\"}", "e\xCC\x81", "8 9"},
        {"{\"type\": \"NFD\"}", "\xC3\xA9", "10 11 12"},
        {"{\"type\": \"NFKC\"}", "\xEF\xBC\x91", "2"}, /* full-width 1 */
        {"{\"type\": \"NFKD\"}", "\xC2\xB2", "3"},     /* superscript 2 */
        {"{\"type\": \"Lowercase\"}", "AB", "5"},
        {"{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFD\"}, {\"type\": \"StripAccents\"}]}", "\xC3\xA9",
         "10"},
        {"{\"type\": \"Prepend\", \"prepend\": \"a\"}", "b", "5"},
        {"{\"type\": \"Prepend\", \"prepend\": \"a\"}", "", ""},
        {"{\"type\": \"Replace\", \"pattern\": {\"String\": \"A\"}, \"content\": \"ab\"}", "AbA", "5 1 5"},
        {"{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"[\\\\sA]+\"}, \"content\": \"\"}", "A a \t A b", "5"},
        {NULL, "A\xC3\xA9", "13 8 9"},
    };
    struct folder folder = make_folder();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fs_tokenizer *tokenizer =
            open_json(&folder, NULL, cases[i].normalizer, BYTE_LEVEL, NULL, BYTES_MODEL("", "[\"a b\"]"));
        expect_ids(tokenizer, cases[i].text, cases[i].ids);
        fs_tokenizer_destroy(tokenizer);
    }
    struct fs_tokenizer *tokenizer =
        open_json(&folder, NULL, "{\"type\": \"NFC\"}", BYTE_LEVEL, NULL, BYTES_MODEL("", "[\"a b\"]"));
    expect_ranges(tokenizer,
                  "be\xCC\x81"
                  "ab",
                  "0-1 1-4 1-4 4-6");
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

#define LLAMA_MODEL                                                                                                    \
    "{\"type\": \"BPE\", \"unk_token\": \"<unk>\", \"fuse_unk\": true, \"byte_fallback\": true, \"ignore_merges\": "   \
    "false, \"vocab\": {\"<unk>\": 0, \"\xE2\x96\x81\": 1, \"a\": 2, \"\xE2\x96\x81"                                   \
    "a\": 3, \"<0xC3>\": 4, "                                                                                          \
    "\"<0xA9>\": 5, \"b\": 6}, \"merges\": [\"\xE2\x96\x81 a\"]}"
#define METASPACE(scheme, split)                                                                                       \
    "{\"type\": \"Metaspace\", \"replacement\": \"\xE2\x96\x81\", \"prepend_scheme\": \"" scheme                       \
    "\", \"split\": " split "}"

#define UNKNOWN_ADDED ADDED("0", "<unk>", "false", "false", "false", "false")

static void json_llama(void **state)
{
    (void)state;
    static const char normalizer[] =
        "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", \"prepend\": \"\xE2\x96\x81\"}, {\"type\": "
        "\"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"\xE2\x96\x81\"}]}";
    static const char decoder[] =
        "{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": {\"String\": \"\xE2\x96\x81\"}, "
        "\"content\": \" \"}, {\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}, {\"type\": \"Strip\", \"content\": "
        "\" \", \"start\": 1, \"stop\": 0}]}";
    struct folder folder = make_folder();
    struct fs_tokenizer *tokenizer = open_json(&folder, UNKNOWN_ADDED, normalizer, NULL, decoder, LLAMA_MODEL);
    expect_ids(tokenizer, "a a", "3 3");
    expect_ids(tokenizer, " a", "1 3");
    expect_ids(tokenizer, "xyza\xC3\xA9", "1 0 2 4 5"); /* unknown characters in one, then bytes */
    expect_ids(tokenizer, "a<unk>a", "3 0 3");          /* Prepend acts on each part */
    expect_decoded(tokenizer, "3 3 4 5 4", "a a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    expect_decoded(tokenizer, "3 4 5 1 6", "a\xC3\xA9 b");
    fs_tokenizer_destroy(tokenizer);
    tokenizer =
        open_json(&folder, UNKNOWN_ADDED, NULL, METASPACE("first", "false"), METASPACE("first", "false"), LLAMA_MODEL);
    expect_ids(tokenizer, "a a", "3 3");
    expect_ids(tokenizer, " a", "3");          /* begins with the sign already */
    expect_ids(tokenizer, "a<unk>a", "3 0 2"); /* the first part only */
    expect_decoded(tokenizer, "3 3", "a a");
    fs_tokenizer_destroy(tokenizer);
    tokenizer =
        open_json(&folder, UNKNOWN_ADDED, NULL, METASPACE("always", "true"), METASPACE("always", "true"), LLAMA_MODEL);
    expect_ids(tokenizer, "a<unk>a", "3 0 3");
    fs_tokenizer_destroy(tokenizer);
    tokenizer =
        open_json(&folder, UNKNOWN_ADDED, NULL, METASPACE("never", "true"), METASPACE("never", "true"), LLAMA_MODEL);
    expect_ids(tokenizer, "a a", "2 3");
    expect_decoded(tokenizer, "3 2", " aa");
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

/* Ids from transformers' rule: after the vocabulary's, as the file says. */
static void added_tokens_file(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    write_text(&folder, "added_tokens.json", "{\"NewWord\": 20, \"[E1]\": 19, \"the\": 8}");
    struct fs_tokenizer *tokenizer = open_bert(&folder, NULL);
    expect_ids(tokenizer, "the [E1]un", "8 19 5");
    expect_ids(tokenizer, "the NEWWORD", "8 20"); /* looked for in the normalized text */
    assert_int_equal(fs_tokenizer_size(tokenizer), 21);
    fs_tokenizer_destroy(tokenizer);
    tokenizer = open_bert(&folder, "{\"additional_special_tokens\": [\"NewWord\"], \"pad_token\": \"[E1]\"}");
    expect_ids(tokenizer, "the NEWWORD", "8 1");
    expect_ids(tokenizer, "the NewWord[E1]", "8 20 19");
    expect_ids(tokenizer, "[e1]", "1 1 1"); /* a role is looked for in the source text */
    assert_int_equal(fs_tokenizer_special(tokenizer)->pad, 19);
    fs_tokenizer_destroy(tokenizer);
    tokenizer = open_bert(&folder, "{\"added_tokens_decoder\": {\"19\": {\"content\": \"x\"}}}");
    expect_ids(tokenizer, "x", "19"); /* the newer list takes the place of the file */
    fs_tokenizer_destroy(tokenizer);
    write_text(&folder, "tokenizer_config.json", "{}");
    static const char *const wrong[][2] = {{"{\"the\": 19}", "has id 19, but 8"}, {"[]", "expected an object"},
                                           {"{\"\": 19}", "empty token"},         {"{\"x\": -1}", "added_tokens.json"},
                                           {"{\"x\": \"19\"}", "integer"},        {"{\"x\": 5}", "added_tokens.json"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        write_text(&folder, "added_tokens.json", wrong[i][0]);
        expect_error(&folder, FS_EXIT_DATA, wrong[i][1], NULL);
    }
    remove_folder(&folder);
}

static void *encode_often(void *tokenizer)
{
    for (int i = 0; i < 2000; i++) {
        struct fs_encoding encoding;
        if (fs_tokenizer_encode(tokenizer, "hello hello's", 13, &encoding, NULL) || encoding.count != 3 ||
            encoding.id[1] != 9) {
            return tokenizer;
        }
        fs_encoding_release(&encoding);
    }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    pthread_t thread[4];
    write_text(&folder, "vocab.json", gpt2_vocabulary);
    write_text(&folder, "merges.txt", gpt2_merges);
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, encode_often, tokenizer), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *wrong;
        assert_int_equal(pthread_join(thread[i], &wrong), 0);
        assert_null(wrong);
    }
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

/* Letters that stand alone become one syllable, as in the tokenizers library. */
static void compatibility_hangul(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    write_text(&folder, "tokenizer.json",
               "{\"normalizer\": {\"type\": \"NFKC\"}, \"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": "
               "[[\"<unk>\", 0], [\"\\ud050\", -1], [\"\\ucf70\", -1], [\"\\uac03\", -1]]}}");
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "\xE3\x85\x8B\xE3\x85\xA0", "1");
    expect_ids(tokenizer, "\xE3\x85\x8B\xE1\x85\xAA", "2");
    expect_ids(tokenizer, "\xEA\xB0\x80\xE3\x84\xB3", "3");
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wordpiece_uncased),
        cmocka_unit_test(wordpiece_settings),
        cmocka_unit_test(byte_level),
        cmocka_unit_test(long_words),
        cmocka_unit_test(sentencepiece_bytes),
        cmocka_unit_test(sentencepiece_unknown),
        cmocka_unit_test(json_wordpiece),
        cmocka_unit_test(json_byte_level),
        cmocka_unit_test(json_normalizers),
        cmocka_unit_test(compatibility_hangul),
        cmocka_unit_test(json_llama),
        cmocka_unit_test(added_tokens_file),
        cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
