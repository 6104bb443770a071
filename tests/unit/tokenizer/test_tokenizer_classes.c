/*
 * Classes of transformers: which one a folder has, what it makes of the folder's files. The ids are those of
 * transformers 4.57.6 and 5.24 on folders made of tests/golden/tokenizers/folders.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/digest.h"
#include "io/formats/json.h"

struct golden {
    struct fs_json_document *document;
    const cJSON *root;
    FILE *ids;
};

static const cJSON *member(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_non_null(value);
    return value;
}

static void open_golden(struct golden *golden)
{
    struct fs_error err = FS_ERROR_INIT;
    const char *source = getenv("FAIRSTAMP_SOURCE");
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/tokenizers/folders/folders.json", source != NULL ? source : ".");
    if (fs_json_load_with_nul(path, &golden->document, &err)) {
        fail_msg("%s", err.text);
    }
    golden->root = fs_json_root(golden->document);
    snprintf(path, sizeof path, "%s/tests/golden/tokenizers/folders/ids.txt", source != NULL ? source : ".");
    golden->ids = fopen(path, "r");
    assert_non_null(golden->ids);
}

static void close_golden(struct golden *golden)
{
    fs_json_destroy(golden->document);
    fclose(golden->ids);
}

/* Writes JSON text in which FS_JSON_NUL is \u0000 again. */
static void write_json(const struct folder *folder, const char *file, const cJSON *value)
{
    char *text = cJSON_PrintUnformatted(value), *out = NULL;
    assert_non_null(text);
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);
    assert_non_null(stream);
    for (const char *at = text, *nul; *at != '\0'; at = nul + sizeof FS_JSON_NUL - 1) {
        nul = strstr(at, FS_JSON_NUL);
        if (nul == NULL) {
            fputs(at, stream);
            break;
        }
        fprintf(stream, "%.*s\\u0000", (int)(nul - at), at);
    }
    assert_int_equal(fclose(stream), 0);
    write_text(folder, file, out);
    free(out);
    cJSON_free(text);
}

/* The model's tokens by id, one a line; then the lines that `made` asks for. */
static void write_vocab_txt(const struct folder *folder, const cJSON *vocabulary, const cJSON *row)
{
    const cJSON *item;
    size_t count = (size_t)cJSON_GetArraySize(vocabulary);
    const char **token = calloc(count, sizeof *token);
    assert_non_null(token);
    cJSON_ArrayForEach(item, vocabulary)
    {
        token[item->valueint] = item->string;
    }
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    for (size_t i = 0; i < count; i++) {
        fprintf(stream, "%s\n", token[i]);
    }
    cJSON_ArrayForEach(item, member(row, "made"))
    {
        fputs(strcmp(item->valuestring, "twice") == 0   ? "the\ndoctor\n"
              : strcmp(item->valuestring, "empty") == 0 ? "\n"
                                                        : "",
              stream);
    }
    assert_int_equal(fclose(stream), 0);
    write_text(folder, "vocab.txt", text);
    free(text);
    free(token);
}

static void write_merges(const struct folder *folder, const cJSON *merges)
{
    const cJSON *item;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    fputs("#version: 0.2\n", stream);
    cJSON_ArrayForEach(item, merges)
    {
        fprintf(stream, "%s\n", item->valuestring);
    }
    assert_int_equal(fclose(stream), 0);
    write_text(folder, "merges.txt", text);
    free(text);
}

/* tokenizer.json as make.py writes it: "beyond" adds to the vocabulary, "untyped" takes the model's type away. */
static void write_tokenizer_json(const struct folder *folder, const cJSON *model, const cJSON *pipeline)
{
    cJSON *document = cJSON_Duplicate(pipeline, true), *content = cJSON_Duplicate(model, true), *token;
    const cJSON *item;
    cJSON *vocabulary = cJSON_GetObjectItemCaseSensitive(content, "vocab");
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(document, "beyond"))
    {
        cJSON_AddNumberToObject(vocabulary, item->string, item->valuedouble);
    }
    cJSON_ArrayForEach(token, cJSON_GetObjectItemCaseSensitive(document, "added_tokens"))
    {
        cJSON_AddNumberToObject(token, "id", member(vocabulary, member(token, "content")->valuestring)->valuedouble);
    }
    if (cJSON_HasObjectItem(document, "untyped")) {
        cJSON_DeleteItemFromObjectCaseSensitive(content, "type");
    }
    cJSON_DeleteItemFromObjectCaseSensitive(document, "beyond");
    cJSON_DeleteItemFromObjectCaseSensitive(document, "untyped");
    cJSON_AddItemToObject(document, "model", content);
    write_json(folder, "tokenizer.json", document);
    cJSON_Delete(document);
}

static struct fs_tokenizer *open_row(const struct golden *golden, const cJSON *row)
{
    struct folder folder = make_folder();
    const cJSON *item, *model = member(member(golden->root, "models"), member(row, "model")->valuestring);
    cJSON_ArrayForEach(item, member(row, "files"))
    {
        write_json(&folder, item->string, item);
    }
    cJSON_ArrayForEach(item, member(row, "made"))
    {
        if (strcmp(item->valuestring, "tokenizer.json") == 0) {
            write_tokenizer_json(&folder, model, member(row, "tokenizer"));
        } else if (strcmp(item->valuestring, "vocab.json") == 0) {
            write_json(&folder, "vocab.json", member(model, "vocab"));
        } else if (strcmp(item->valuestring, "merges.txt") == 0) {
            write_merges(&folder, member(model, "merges"));
        } else if (strcmp(item->valuestring, "vocab.txt") == 0) {
            write_vocab_txt(&folder, member(model, "vocab"), row);
        }
    }
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    remove_folder(&folder);
    return tokenizer;
}

static void digest_lines(const struct golden *golden, const struct fs_tokenizer *tokenizer, char found[FS_DIGEST_SIZE])
{
    struct fs_digest *digest = NULL;
    struct fs_error err = FS_ERROR_INIT;
    const cJSON *line;
    assert_int_equal(fs_digest_begin(&digest, &err), 0);
    cJSON_ArrayForEach(line, member(golden->root, "lines"))
    {
        struct fs_encoding encoding;
        char *text, number[16];
        size_t length;
        assert_int_equal(fs_json_bytes(line->valuestring, &text, &length, &err), 0);
        assert_int_equal(fs_tokenizer_encode(tokenizer, text, length, &encoding, &err), 0);
        for (size_t i = 0; i < encoding.count; i++) {
            int digits = snprintf(number, sizeof number, i ? " %d" : "%d", (int)encoding.id[i]);
            fs_digest_add(digest, number, (size_t)digits);
        }
        fs_digest_add(digest, "\n", 1);
        fs_encoding_release(&encoding);
        free(text);
    }
    fs_digest_end(digest, found);
}

/* A row of ids.txt: the folder, a version, the hash or "fails", the ids of seven roles. */
struct expected {
    char name[128], version[32], hash[80], roles[128];
};

static void read_expected(FILE *ids, struct expected *expected)
{
    assert_int_equal(
        fscanf(ids, " %127s %31s %79s %127s", expected->name, expected->version, expected->hash, expected->roles), 4);
}

/* The id of role `i`, -1: none. What transformers adds behind the last id (700 and more here) has no row, and no id here. */
static long role_of(const struct expected *expected, size_t i)
{
    const char *at = expected->roles;
    for (; i > 0; i--) {
        at += strcspn(at, ",") + 1;
    }
    long id = *at == '-' ? -1 : strtol(at, NULL, 10);
    return id < 700 ? id : -1;
}

/* As in one of the two versions; where both have none we may guess one. */
static void expect_roles(const struct fs_tokenizer *tokenizer, const struct expected *one, const struct expected *other)
{
    const struct fs_special_tokens *special = fs_tokenizer_special(tokenizer);
    const int32_t found[] = {special->begin_of_text, special->end_of_text, special->cls, special->sep,
                             special->mask,          special->unknown,     special->pad};
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        long first = role_of(one, i), second = role_of(other, i);
        if (found[i] != first && found[i] != second && (first >= 0 || second >= 0)) {
            fail_msg("%s: role %zu is %d, expected %ld or %ld", one->name, i, (int)found[i], first, second);
        }
    }
}

/* Sanitizers make each allocation slow: every twentieth folder shows them enough of the code. */
#ifdef FAIRSTAMP_SANITIZE
enum { STRIDE = 20 };
#else
enum { STRIDE = 1 };
#endif

static void same_ids_as_transformers(void **state)
{
    (void)state;
    struct golden golden;
    const cJSON *row;
    size_t number = 0, different = 0;
    open_golden(&golden);
    cJSON_ArrayForEach(row, member(golden.root, "folders"))
    {
        const char *name = member(row, "name")->valuestring;
        const cJSON *follows = cJSON_GetObjectItemCaseSensitive(row, "follows");
        struct expected four, five;
        char found[FS_DIGEST_SIZE];
        read_expected(golden.ids, &four);
        read_expected(golden.ids, &five);
        assert_string_equal(four.name, name);
        assert_string_equal(five.name, name);
        /* Where the two differ the golden file says which one the folder's files are read as. */
        assert_true((strcmp(four.hash, five.hash) == 0) == (follows == NULL));
        const struct expected *expected = follows == NULL || follows->valueint == 5 ? &five : &four;
        if (number++ % STRIDE != 0) {
            continue;
        }
        struct fs_tokenizer *tokenizer = open_row(&golden, row);
        digest_lines(&golden, tokenizer, found);
        if (strcmp(found, expected->hash) != 0) {
            print_message("%s: other ids than transformers %s\n", name, expected->version);
            different++;
        }
        if (follows != NULL && !explains(tokenizer, FS_EXPLAIN_VERSION, "") &&
            !explains(tokenizer, FS_EXPLAIN_CLASS, "transformers")) {
            fail_msg("%s: the explanation says nothing of the versions", name);
        }
        if (follows == NULL && explains(tokenizer, FS_EXPLAIN_VERSION, "transformers 5 reads")) {
            fail_msg("%s: the explanation says that transformers 5 differs", name);
        }
        expect_roles(tokenizer, expected, follows == NULL ? &four : expected);
        fs_tokenizer_destroy(tokenizer);
    }
    assert_int_equal(different, 0);
    close_golden(&golden);
}

#define WORDS "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nThe\ncaf\xC3\xA9\ncafe\n"

static void expect_class(const struct folder *folder, const char *config, const char *model, const char *class)
{
    write_text(folder, "tokenizer_config.json", config);
    write_text(folder, "config.json", model);
    struct fs_tokenizer *tokenizer = open_tokenizer(folder->path);
    if (!explains(tokenizer, FS_EXPLAIN_CLASS, class)) {
        fail_msg("%s, %s: not of class %s", config, model, class);
    }
    fs_tokenizer_destroy(tokenizer);
}

/* The order of AutoTokenizer: tokenizer_config.json, config.json's tokenizer_class, its model_type, the files. */
static void which_class(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    write_text(&folder, "vocab.txt", WORDS);
    expect_class(&folder, "{\"tokenizer_class\": \"ElectraTokenizerFast\"}",
                 "{\"tokenizer_class\": \"BertTokenizer\", \"model_type\": \"bert\"}", "ElectraTokenizer");
    expect_class(&folder, "{}", "{\"tokenizer_class\": \"DistilBertTokenizer\", \"model_type\": \"bert\"}",
                 "DistilBert");
    expect_class(&folder, "{\"tokenizer_class\": null}", "{\"model_type\": \"distilbert\"}", "DistilBert");
    expect_class(&folder, "{}", "{\"model_type\": \"gpt2\"}", "BertTokenizer: no file names a class");
    expect_class(&folder, "{}", "{}", "BertTokenizer: no file names a class");
    expect_class(&folder,
                 "{\"tokenizer_class\": \"BertTokenizer\", \"auto_map\": {\"AutoTokenizer\": [\"a.B\", null]}}", "{}",
                 "BertTokenizer");
    write_text(&folder, "config.json", "{}");
    write_text(&folder, "tokenizer_config.json", "{\"tokenizer_class\": \"GPT2Tokenizer\"}");
    expect_error(&folder, FS_EXIT_NO_INPUT, "GPT2Tokenizer", "vocab.json and merges.txt, not found", NULL);
    write_text(&folder, "tokenizer_config.json", "{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}");
    expect_error(&folder, FS_EXIT_NO_INPUT, "PreTrainedTokenizerFast", "tokenizer.json, not found", NULL);
    write_text(&folder, "tokenizer_config.json", "{}");
    write_text(&folder, "config.json", "{\"tokenizer_class\": \"BertJapaneseTokenizer\"}");
    expect_error(&folder, FS_EXIT_DATA, "BertJapaneseTokenizer (config.json: tokenizer_class)", "MeCab", NULL);
    remove_folder(&folder);
}

/* A token that stands twice in vocab.txt has its last id, and the first is a gap, as in Python's dict. */
static void duplicates_and_gaps(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    write_text(&folder, "vocab.txt", WORDS "the\n[UNK]\n");
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "the x caf\xC3\xA9", "9 10 8");
    expect_decoded(tokenizer, "9 8", "the cafe");
    assert_int_equal(fs_tokenizer_size(tokenizer), 11);
    assert_int_equal(fs_tokenizer_special(tokenizer)->unknown, 10);
    assert_true(explains(tokenizer, FS_EXPLAIN_RULE, "2 lines"));
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
    folder = make_folder();
    write_text(&folder, "vocab.json", "{\"a\": 0, \"b\": 3, \"ab\": 5}");
    write_text(&folder, "merges.txt", "a b\n");
    write_text(&folder, "added_tokens.json", "{\"[E]\": 9}");
    tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "abb[E]a", "5 3 9 0");
    expect_decoded(tokenizer, "0 1 3", "ab"); /* a gap has no text */
    assert_int_equal(fs_tokenizer_size(tokenizer), 10);
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

/* What overruled what, in words that name file and key. */
static void explanations(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    write_text(
        &folder, "tokenizer.json",
        "{\"added_tokens\": [], \"normalizer\": null, \"pre_tokenizer\": {\"type\": \"ByteLevel\", "
        "\"add_prefix_space\": false, \"use_regex\": true}, \"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, "
        "\"\xC4\xA0\": 1, \"<pad>\": 2}, \"merges\": []}}");
    write_text(&folder, "tokenizer_config.json",
               "{\"tokenizer_class\": \"GPT2Tokenizer\", \"add_prefix_space\": true, \"pad_token\": \"<pad>\"}");
    struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
    expect_ids(tokenizer, "a<pad>a", "1 0 2 1 0");
    assert_true(explains(tokenizer, FS_EXPLAIN_FILE, "tokenizer.json"));
    assert_true(explains(tokenizer, FS_EXPLAIN_PIPELINE, "normalizer: none"));
    assert_true(explains(tokenizer, FS_EXPLAIN_PIPELINE, "ByteLevel(add_prefix_space false, use_regex true)"));
    assert_true(explains(tokenizer, FS_EXPLAIN_PIPELINE, "model: BPE, vocab 3, merges 0"));
    assert_true(explains(tokenizer, FS_EXPLAIN_RULE, "add_prefix_space true, where tokenizer.json has false"));
    assert_true(explains(tokenizer, FS_EXPLAIN_TOKEN, "pad_token <pad> = 2"));
    assert_true(explains(tokenizer, FS_EXPLAIN_VERSION, "bos_token \"<|endoftext|>\" is not in the vocabulary"));
    fs_tokenizer_destroy(tokenizer);
    remove_folder(&folder);
}

#define BYTE_LEVEL "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": true}"
#define DIGITS                                                                                                         \
    "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Digits\", \"individual_digits\": true}, " BYTE_LEVEL "]}"
#define METASPACE                                                                                                      \
    "{\"type\": \"Metaspace\", \"replacement\": \"\xE2\x96\x81\", \"prepend_scheme\": \"first\", \"split\": false}"

/* Where transformers 5.24 reads a tokenizer.json otherwise than it is read here, by its class and model_type. */
static void versions(void **state)
{
    (void)state;
    static const char qwen2[] = "transformers 5 reads a Qwen2Tokenizer with NFC",
                      written[] = "this tokenizer.json as written";
    static const struct {
        const char *config, *type, *pretokenizer, *says; /* NULL: it reads the same */
    } rows[] = {
        {"{\"tokenizer_class\": \"GPT2Tokenizer\"}", "qwen2", BYTE_LEVEL, qwen2},
        {"{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}", "qwen2", BYTE_LEVEL, qwen2},
        {"{}", "qwen2", BYTE_LEVEL, qwen2},
        {"{\"tokenizer_class\": \"GPT2Tokenizer\"}", "qwen3", BYTE_LEVEL, NULL},
        {"{\"tokenizer_class\": \"Qwen2Tokenizer\"}", "qwen3", BYTE_LEVEL, qwen2},
        {"{\"tokenizer_class\": \"GPT2Tokenizer\"}", "gpt2", DIGITS, "transformers 5 reads a GPT2Tokenizer"},
        {"{\"tokenizer_class\": \"GPT2Tokenizer\"}", "gpt_bigcode", DIGITS, NULL},
        {"{\"tokenizer_class\": \"GPT2Tokenizer\", \"add_prefix_space\": true}", "olmo3", BYTE_LEVEL, written},
        {"{\"tokenizer_class\": \"GPT2Tokenizer\", \"add_prefix_space\": true}", "gpt2", BYTE_LEVEL, NULL},
        {"{\"tokenizer_class\": \"LlamaTokenizer\"}", "llama", METASPACE, "transformers 5 reads a LlamaTokenizer"},
        {"{\"tokenizer_class\": \"LlamaTokenizer\"}", "mistral", METASPACE, NULL},
        {"{\"tokenizer_class\": \"LlamaTokenizer\", \"add_prefix_space\": false}", "mistral", METASPACE, written},
        {"{\"tokenizer_class\": \"CohereTokenizer\"}", "cohere", BYTE_LEVEL, "transformers 5 reads a CohereTokenizer"},
        {"{\"tokenizer_class\": \"CohereTokenizer\"}", "cohere", DIGITS, "transformers 5 reads a CohereTokenizer"},
        {"{}", "llama", METASPACE, NULL},
        {"{\"add_prefix_space\": false}", "llama", METASPACE, written},
    };
    char text[1024];
    struct folder folder = make_folder();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text,
                 "{\"added_tokens\": [], \"pre_tokenizer\": %s, \"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, "
                 "\"merges\": []}}",
                 rows[i].pretokenizer);
        write_text(&folder, "tokenizer.json", text);
        write_text(&folder, "tokenizer_config.json", rows[i].config);
        snprintf(text, sizeof text, "{\"model_type\": \"%s\"}", rows[i].type);
        write_text(&folder, "config.json", text);
        struct fs_tokenizer *tokenizer = open_tokenizer(folder.path);
        bool says = explains(tokenizer, FS_EXPLAIN_VERSION, "transformers 5 reads");
        if (says != (rows[i].says != NULL) || (says && !explains(tokenizer, FS_EXPLAIN_VERSION, rows[i].says))) {
            fail_msg("%s, %s: of transformers 5 it %s", rows[i].config, rows[i].type,
                     says ? "says another thing" : "is silent");
        }
        fs_tokenizer_destroy(tokenizer);
    }
    remove_folder(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_ids_as_transformers),
        cmocka_unit_test(which_class),
        cmocka_unit_test(duplicates_and_gaps),
        cmocka_unit_test(explanations),
        cmocka_unit_test(versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
