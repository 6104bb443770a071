/* GGUF files: golden numbers, metadata that is wrong, files that are damaged, and where such a file may stand. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/formats/gguf.h"
#include "model/folder/folder.h"
#include "model/gguf/architecture.h"
#include "model/tokenizer/tokenizer.h"
#include "support.h"
#include "tests/unit/gguf_bytes.h"

static const char *const names[] = {"llama-blocks-of-32", "llama-blocks-of-256", "llama-own-head-biases", "mixtral",
                                    "qwen2-f16",          "qwen3-head-size"};
#define NAMES (sizeof names / sizeof *names)

static const char *golden_file(const char *name, const char *end)
{
    char rest[128];
    snprintf(rest, sizeof rest, "gguf/%s.%s", name, end);
    return golden_path(rest);
}

static void test_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAMES; i++) {
        const char *path = golden_file(names[i], "gguf");
        struct fs_model *model = load_model(path);
        struct texts texts;
        double worst = 0.0;
        texts_load(golden_file(names[i], "jsonl"), path, fs_model_spec(model), &texts);
        fs_real *logprob = malloc(texts.reads * sizeof *logprob);
        assert_non_null(logprob);
        texts_run(model, &texts, 512, logprob);
        for (size_t j = 0; j < texts.reads; j++) {
            double difference = fabs((double)logprob[j] - texts.expected[j]);
            worst = difference <= worst ? worst : difference;
        }
        print_message("%-22s worst difference %.1e\n", names[i], worst);
        assert_true(worst <= 1e-4);
        assert_int_equal(fs_model_notes(model)->count, 0);
        size_t files;
        const char *const *file = fs_model_files(model, &files);
        assert_int_equal(files, 1);
        assert_string_equal(file[0], path);
        free(logprob);
        texts_release(&texts);
        fs_model_destroy(model);
    }
}

/* What the metadata says, and float32 numbers as their decimals say them. */
static void test_spec(void **state)
{
    (void)state;
    struct fs_model *model = load_model(golden_file("llama-blocks-of-256", "gguf"));
    const struct fs_spec *spec = fs_model_spec(model);
    assert_string_equal(spec->family_name, "llama");
    assert_int_equal(spec->vocabulary, 280);
    assert_int_equal(spec->head_size, 8);
    assert_int_equal(spec->key_value_heads, 1);
    assert_true(spec->tied_head && spec->norm_epsilon == 1e-6);
    assert_int_equal(spec->begin_of_text, 276);
    const struct fs_rotary *rotary = &spec->layer[0].rotary;
    assert_true(rotary->scaling == FS_ROPE_LLAMA3 && rotary->theta == 50.0 && rotary->factor == 8.0);
    assert_true(rotary->original_positions == 64 && rotary->low_frequency == 1.0 && rotary->high_frequency == 4.0);
    fs_model_destroy(model);
    model = load_model(golden_file("llama-own-head-biases", "gguf"));
    spec = fs_model_spec(model);
    assert_true(!spec->tied_head && spec->layer[0].qkv_bias && spec->layer[0].output_bias && spec->layer[0].ffn_bias);
    assert_true(spec->layer[0].rotary.scaling == FS_ROPE_LINEAR && spec->layer[0].rotary.factor == 2.5);
    fs_model_destroy(model);
}

/* Loads model and tokenizer of `path`. */
static int load_both(const char *path, struct fs_error *err)
{
    struct fs_model *model = NULL;
    struct fs_tokenizer *tokenizer = NULL;
    int status = fs_model_load(path, &model, err) == 0 ? fs_tokenizer_open(path, &tokenizer, err) : -1;
    fs_model_destroy(model);
    fs_tokenizer_destroy(tokenizer);
    return status;
}

static void refuse(const char *path, int code, const char *text)
{
    struct fs_error err = FS_ERROR_INIT;
    assert_int_equal(load_both(path, &err), -1);
    if (err.code != code || strstr(err.text, text) == NULL || strstr(err.text, path) == NULL ||
        strchr(err.text, '\n') != NULL) {
        fail_msg("found code %d: %s\nexpected %d: %s", err.code, err.text, code, text);
    }
}

static unsigned char *find(unsigned char *data, size_t size, const void *what, size_t length)
{
    unsigned char *found = memmem(data, size, what, length);
    assert_non_null(found);
    return found;
}

#define IN_PLACE (-1)
#define KIND 0   /* behind a key: the kind of its value */
#define VALUE 4  /* a number; the length of a text */
#define TEXT 12  /* the bytes of a text */
#define ITEMS 16 /* the first item of an array; the length of a text */
#define WORDS 24 /* the bytes of the first text of an array */

static void test_metadata(void **state)
{
    (void)state;
    /* `put`, of `size` bytes, stands `behind` bytes behind the text `find`. */
    static const struct {
        const char *file, *find;
        int behind;
        const char *put;
        size_t size;
        const char *text;
    } edits[] = {
        {names[1], "general.architecture", TEXT, "mamba", 5,
         "general.architecture: found \"mamba\", expected llama, qwen2 or qwen3"},
        {names[1], "general.architecture", IN_PLACE, "general.arkhitecture", 20, "general.architecture: found nothing"},
        {names[1], "llama.block_count", IN_PLACE, "llama.blokk_count", 17, "llama.blokk_count: the key is not known"},
        {names[1], "llama.block_count", IN_PLACE, "other.block_count", 17, "llama.block_count: found nothing"},
        {names[1], "llama.block_count", VALUE, "\xFF\xFF\xFF\xFF", 4, "num_hidden_layers"},
        {names[1], "llama.block_count", VALUE, "\2\0\0\0", 4, "tensor model.layers.1."},
        {names[1], "llama.block_count", KIND, "\6", 1, "llama.block_count: found a number, expected an integer"},
        {names[1], "llama.attention.head_count", VALUE, "\0\0\0\0", 4, "num_attention_heads: found 0"},
        {names[1], "llama.attention.head_count_kv", VALUE, "\3\0\0\0", 4, "no multiple of num_key_value_heads 3"},
        {names[1], "llama.attention.key_length", VALUE, "\7\0\0\0", 4, "llama.attention.value_length"},
        {names[1], "llama.embedding_length", VALUE, "\0\2\0\0", 4, "found shape (280, 256), expected (280, 512)"},
        {names[1], "llama.attention.layer_norm_rms_epsilon", VALUE, "\0\0\xC0\x7F", 4, "not a number"},
        {names[1], "blk.0.attn_q.weight", IN_PLACE, "blk.0.attn_x.weight", 19,
         "tensor model.layers.0.self_attn.q_proj.weight: not found"},
        {names[1], "token_embd.weight", IN_PLACE, "token_embx.weight", 17, "tensor token_embd.weight: found nothing"},
        {names[2], "llama.rope.scaling.type", TEXT, "yarnyy", 6, "llama.rope.scaling.type: found \"yarnyy\""},
        {names[2], "llama.rope.scaling.factor", VALUE, "\0\0\0\xBF", 4, "rope_scaling"},
        {names[3], "llama.expert_count", VALUE, "\2\0\0\0", 4, "tensor model.layers."},
        {names[3], "llama.expert_count", VALUE, "\0\0\0\0", 4, "num_experts_per_tok: found 2, expected no such key"},
        {names[3], "llama.expert_count", VALUE, "\xFF\xFF\xFF\xFF", 4, "num_local_experts"},
        {names[3], "llama.expert_used_count", VALUE, "\7\0\0\0", 4, "num_experts_per_tok 7 is more"},
        {names[1], "tokenizer.ggml.model", TEXT, "bert", 4, "tokenizer.ggml.model: found \"bert\""},
        {names[1], "tokenizer.ggml.pre", TEXT, "llama-xyz", 9, "tokenizer.ggml.pre: found \"llama-xyz\""},
        {names[1], "tokenizer.ggml.pre", IN_PLACE, "tokenizer.ggml.prx", 18, "an old converter"},
        {names[1], "tokenizer.ggml.tokens", IN_PLACE, "tokenizer.ggml.tokenz", 21,
         "tokenizer.ggml.tokens: found nothing"},
        {names[1], "tokenizer.ggml.tokens", WORDS, "\xFF", 1, "token 0: expected 1 to 65536 bytes of UTF-8"},
        {names[1], "[PAD2]", IN_PLACE, "[PAD1]", 6, "\"[PAD1]\" stands twice"},
        {names[1], "tokenizer.ggml.token_type", ITEMS, "\7", 1, "token 0: found type 7"},
        {names[1], "tokenizer.ggml.merges", IN_PLACE, "tokenizer.ggml.mergez", 21,
         "tokenizer.ggml.merges: found nothing"},
        {names[1], "tokenizer.ggml.merges", WORDS, "xyz", 3, "merge 0: found"},
        {names[1], "tokenizer.ggml.eos_token_id", VALUE, "\x18\1\0\0", 4, "found 280, expected the id of one of"},
        {names[1], "tokenizer.ggml.bos_token_id", KIND, "\6", 1, "tokenizer.ggml.bos_token_id: found a number"},
        {names[0], "tokenizer.ggml.scores", IN_PLACE, "tokenizer.ggml.scorez", 21,
         "tokenizer.ggml.scores: found nothing"},
        {names[0], "tokenizer.ggml.scores", ITEMS, "\0\0\x80\x7F", 4, "token 0: found a score"},
        {names[0], "tokenizer.ggml.token_type", ITEMS, "\1", 1, "no piece has type UNKNOWN"},
        {names[0], "tokenizer.ggml.token_type", ITEMS + 4, "\2", 1, "pieces 0 and 1 are both unknown"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        size_t size, length = strlen(edits[i].find);
        unsigned char *data = slurp(golden_file(edits[i].file, "gguf"), &size);
        unsigned char *at = find(data, size, edits[i].find, length);
        at += edits[i].behind == IN_PLACE ? 0 : length + (size_t)edits[i].behind;
        memcpy(at, edits[i].put, edits[i].size);
        refuse(scratch_write("edited.gguf", data, size), FS_EXIT_DATA, edits[i].text);
        free(data);
    }
}

/* Files of other things. */
static void test_other_files(void **state)
{
    (void)state;
    static struct bytes file;
    put_head(&file, 3, 0, 2);
    put_u32(&file, "split.count", 3);
    put_key(&file, "general.architecture", 8);
    put_string(&file, "llama");
    refuse(scratch_write("piece.gguf", file.data, file.size), FS_EXIT_DATA, "is one of 3 pieces");
    put_head(&file, 3, 0, 2);
    put_key(&file, "general.type", 8);
    put_string(&file, "adapter");
    put_key(&file, "general.architecture", 8);
    put_string(&file, "llama");
    refuse(scratch_write("adapter.gguf", file.data, file.size), FS_EXIT_DATA, "general.type: found \"adapter\"");
    refuse(scratch_write_text("page.gguf", "<!DOCTYPE html><html></html>"), FS_EXIT_DATA, "web page");
    refuse(scratch_write_text("text.gguf", "what?"), FS_EXIT_DATA, "does not begin with \"GGUF\"");
}

/* Numbers that are no weights: a scale that is infinite, divisors of no scaling of Llama's. */
static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *tensor;
        size_t at;
        unsigned char low, high;
        const char *text;
    } numbers[] = {
        {"blk.0.attn_v.weight", 80, 0, 0x7C, "self_attn.v_proj.weight: found a number that is infinite"},
        {"rope_freqs.weight", 2, 0x90, 0x3F, "rope_freqs.weight: found other numbers"},
    };
    const char *path = golden_file("llama-blocks-of-256", "gguf");
    struct fs_gguf gguf = {0};
    struct fs_error err = FS_ERROR_INIT;
    size_t size;
    unsigned char *data = slurp(path, &size);
    assert_int_equal(fs_gguf_open(path, &gguf, &err), 0);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        size_t at = (size_t)(fs_gguf_find_tensor(&gguf, numbers[i].tensor)->data - gguf.map.data) + numbers[i].at;
        unsigned char kept[2] = {data[at], data[at + 1]};
        data[at] = numbers[i].low;
        data[at + 1] = numbers[i].high;
        refuse(scratch_write("numbers.gguf", data, size), FS_EXIT_DATA, numbers[i].text);
        memcpy(data + at, kept, 2);
    }
    fs_gguf_close(&gguf);
    free(data);
}

/* The rows of q are put in another order, and a vector in blocks has none. */
static void test_vector_in_blocks(void **state)
{
    (void)state;
    static struct bytes file;
    struct fs_tensor_store *store;
    struct fs_error err = FS_ERROR_INIT;
    put_head(&file, 3, 1, 2);
    put_key(&file, "general.architecture", 8);
    put_string(&file, "llama");
    put_u32(&file, "llama.attention.head_count", 2);
    put_string(&file, "blk.0.attn_q.bias");
    put_number(&file, 1, 4);
    put_number(&file, 64, 8);
    put_number(&file, 8, 4); /* Q8_0 */
    put_number(&file, 0, 8);
    put_padding(&file, 32);
    put_number(&file, 0, 2 * 34);
    assert_int_equal(fs_gguf_weights_open(scratch_write("vector.gguf", file.data, file.size), &store, &err), -1);
    assert_int_equal(err.code, FS_EXIT_DATA);
    assert_non_null(strstr(err.text, "self_attn.q_proj.bias: found type Q8_0 of a vector, expected F32"));
    assert_null(store);
}

static void copy_file(const char *from, const char *to)
{
    size_t size;
    unsigned char *data = slurp(from, &size);
    FILE *file = fopen(to, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(data);
}

static void path_in(char path[4300], const char *folder, const char *name)
{
    snprintf(path, 4300, "%s/%s", folder, name);
}

/* A folder stands for the only GGUF file in it, unless something of HuggingFace's is there. */
static void test_folders(void **state)
{
    (void)state;
    char folder[4200], path[4300], other[4300], *found;
    struct fs_error err = FS_ERROR_INIT;
    snprintf(folder, sizeof folder, "%s", scratch_path("folder"));
    assert_int_equal(mkdir(folder, 0700), 0);
    path_in(path, folder, "x.Q8_0.gguf");
    copy_file(golden_file("llama-blocks-of-32", "gguf"), path);
    copy_file(golden_file("llama-blocks-of-32", "gguf"), scratch_path("unnamed"));
    assert_int_equal(load_both(path, &err), 0);
    assert_int_equal(load_both(folder, &err), 0);
    assert_int_equal(load_both(scratch_path("unnamed"), &err), 0); /* told by its first bytes */
    assert_int_equal(fs_model_gguf_file(folder, &found, &err), 0);
    assert_string_equal(found, path);
    free(found);
    struct fs_model *model = load_model(folder);
    size_t files;
    assert_string_equal(fs_model_files(model, &files)[0], path);
    assert_int_equal(files, 1);
    fs_model_destroy(model);
    path_in(other, folder, "y.gguf");
    copy_file(path, other);
    refuse(folder, FS_EXIT_NO_INPUT, "found x.Q8_0.gguf, a file of llama.cpp; give the file itself");
    assert_int_equal(remove(other), 0);
    path_in(other, folder, "config.json");
    copy_file(golden_path("models/llama-grouped/config.json"), other);
    refuse(folder, FS_EXIT_NO_INPUT, "found x.Q8_0.gguf, a file of llama.cpp; give the file itself");
    assert_int_equal(load_both(path, &err), 0);
    assert_int_equal(remove(path), 0);
    assert_int_equal(fs_model_gguf_file(scratch_path("nothing.gguf"), &found, &err), 0);
    assert_null(found);
    refuse(scratch_path("nothing.gguf"), FS_EXIT_NO_INPUT, "there is no such");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),           cmocka_unit_test(test_spec),        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_numbers),          cmocka_unit_test(test_other_files), cmocka_unit_test(test_folders),
        cmocka_unit_test(test_vector_in_blocks),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
